//! Chinese for texts that other crates know in English only.
//!
//! What is missing here stays English: an exact English sentence helps more than a vague one.

use std::error::Error;

use books::chart::AccountKind;
use books::{MissingRecord, Refusal};

use files::orders::{
    BadLine, BadLineReason, ImportError, LINES_OF_ORDER_MAX, LeftOut, QUANTITY_MAX,
};
use files::profile::ProfileError;
use files::reference::{REFERENCE_BYTES_MAX, ReferenceError};
use journal::DirectoryError;
use money::decimal::DecimalError;
use reports::ReportError;

use crate::words::Lang;

/// One cause of an error.
pub fn error(error: &(dyn Error + 'static), lang: Lang) -> String {
    let chinese = match lang {
        Lang::En => None,
        Lang::Zh => None
            .or_else(|| error.downcast_ref().and_then(import_error))
            .or_else(|| error.downcast_ref().and_then(profile_error))
            .or_else(|| error.downcast_ref().map(reference_error))
            .or_else(|| error.downcast_ref().map(decimal_error))
            .or_else(|| error.downcast_ref().and_then(directory_error))
            .or_else(|| error.downcast_ref().and_then(report_error))
            .or_else(|| error.downcast_ref().and_then(refusal_text)),
    };
    chinese.unwrap_or_else(|| error.to_string())
}

/// A refusal of the books.
pub fn refusal(refusal: &Refusal, lang: Lang) -> String {
    error(refusal, lang)
}

/// A bad line of an order file.
pub fn bad_line(line: &BadLine, lang: Lang) -> String {
    if lang == Lang::En {
        return line.to_string();
    }
    let column = line.column.as_ref().map(|column| format!("列 `{column}`：")).unwrap_or_default();
    format!("{}：{column}{}；{}", line.location, reason(&line.reason), left_out(&line.left_out))
}

/// The reason for which a profile leaves orders out. Profiles of one's own have their own words.
pub fn left_out_reason(reason: &str, lang: Lang) -> &str {
    match (lang, reason) {
        (Lang::Zh, "cancelled") => "已取消",
        (Lang::Zh, "not cash on delivery") => "非货到付款",
        _ => reason,
    }
}

fn left_out(left_out: &LeftOut) -> String {
    match left_out {
        LeftOut::Line => "该行未导入".to_owned(),
        LeftOut::Order(order) => format!("订单 `{order}` 未导入"),
        LeftOut::Parcel { order, seller } => {
            format!("订单 `{order}` 中卖家 `{seller}` 的包裹未导入")
        }
        LeftOut::OrderOfLine => "所属订单未导入".to_owned(),
        LeftOut::NeighbourOrders => "无法确定所属订单，前后两行的订单均未导入".to_owned(),
    }
}

fn reason(reason: &BadLineReason) -> String {
    match reason {
        BadLineReason::FieldCount { found, expected } => format!(
            "该行有 {found} 个字段，表头有 {expected} 个；请检查未加引号的文本中是否有分隔符或换行"
        ),
        BadLineReason::Misquoted => "右引号后还有文字；字段内的引号须写两次".to_owned(),
        BadLineReason::Reference(error) => reference_error(error),
        BadLineReason::Amount(error) => decimal_error(error),
        BadLineReason::AmountUnprintable => "金额中有不可打印的字符".to_owned(),
        BadLineReason::Quantity => format!("数量不是 0 到 {QUANTITY_MAX} 的整数"),
        BadLineReason::Currency => {
            "不是有最小单位的 ISO 4217 货币代码；请写三个大写字母，如 CNY".to_owned()
        }
        BadLineReason::Time => {
            "不是时间；请写作 2026-03-31 09:05:00，其后可加 +02:00 或 Z".to_owned()
        }
        BadLineReason::SumTooLarge => "合计超过 Doorstep 支持的最大金额".to_owned(),
        BadLineReason::DiscountTooLarge => "扣减额大于金额".to_owned(),
        BadLineReason::OrderConflict { first } => {
            format!("该订单在 {first} 也出现，内容不同；请删除错误的一处")
        }
        BadLineReason::ItemConflict { first } => {
            format!("同一商品在 {first} 也出现，内容不同；请删除错误的一处")
        }
        BadLineReason::NoItems => "该订单没有商品".to_owned(),
        BadLineReason::ItemsWithoutOrder { items } => {
            format!("订单行须在其商品行之前；受影响的商品行：{items}")
        }
        BadLineReason::TooManyLines => format!("该订单超过 {LINES_OF_ORDER_MAX} 行"),
        BadLineReason::NothingToCollect => "应收金额为零，无需收款".to_owned(),
    }
}

fn reference_error(error: &ReferenceError) -> String {
    match error {
        ReferenceError::Empty => "内容为空".to_owned(),
        ReferenceError::TooLong(bytes) => {
            format!("长 {bytes} 字节；编号最多 {REFERENCE_BYTES_MAX} 字节")
        }
        ReferenceError::Unprintable(character) => {
            format!("有不可打印的字符 U+{:04X}", u32::from(*character))
        }
    }
}

fn decimal_error(error: &DecimalError) -> String {
    match error {
        DecimalError::Empty => "金额为空".to_owned(),
        DecimalError::Negative(text) => format!("`{text}` 是负数；应收金额不得小于零"),
        DecimalError::Scientific(text) => format!("`{text}` 是科学计数法；请写出全部数字"),
        DecimalError::TooManyDecimals { text, found, currency, exponent } => {
            format!("`{text}` 有 {found} 位小数，{currency} 只有 {exponent} 位；不会自动舍入")
        }
        DecimalError::Separator { text, found, point, group } => {
            let group = group
                .map_or("无千位分隔符".to_owned(), |mark| format!("千位分隔符为 `{mark}`"));
            format!("`{text}` 中的 `{found}` 与导入模板不符（小数点为 `{point}`，{group}）")
        }
        DecimalError::Grouping(text) => format!("`{text}` 的千位分组不是三位数字"),
        DecimalError::Malformed(text) => format!("`{text}` 不是金额"),
        DecimalError::TooLarge(text) => format!("`{text}` 超过 Doorstep 支持的最大金额"),
    }
}

fn import_error(error: &ImportError) -> Option<String> {
    use ImportError as E;
    Some(match error {
        E::NoSuchPath { path, source } => {
            format!("无法读取 {}：{source}；请给出订单文件或其目录", path.display())
        }
        E::NeedsDirectory { profile, path, files } => format!(
            "导入模板 `{profile}` 读取 {files}，而 {} 是单个文件；请给出包含两者的目录",
            path.display()
        ),
        E::FileMissing { profile, directory, wanted, nearest } => {
            let directory = directory.as_ref().map(|path| format!("{} 中", path.display()));
            let nearest = nearest.as_ref().map(|name| format!("；是否为 `{name}`？"));
            format!(
                "导入模板 `{profile}` 需要文件 {wanted}，{}没有该文件{}",
                directory.unwrap_or_default(),
                nearest.unwrap_or_default()
            )
        }
        E::TooManyFiles => "文件过多；请分批导入".to_owned(),
        E::NoSeller { profile } => {
            format!("导入模板 `{profile}` 读取的文件不含卖家；请指定卖家")
        }
        E::Unreadable { file, source } => format!("无法读取 {file}：{source}"),
        E::Empty { file } => format!("{file} 为空；请重新导出并保留表头"),
        E::NotText { file, .. } => format!("{file} 不是 UTF-8 文本；请另存为 UTF-8 编码的 CSV"),
        E::NotUtf8 { file, line, byte } => {
            format!("{file}:{line}：第 {byte} 字节不是 UTF-8；请另存为 UTF-8 编码的 CSV")
        }
        E::MissingColumn { file, wanted, nearest } => {
            let advice = nearest.as_ref().map_or(
                "请检查首行是否为表头、导入模板是否正确".to_owned(),
                |name| format!("请将列 `{name}` 改名，或修改导入模板"),
            );
            format!("{file} 没有列 {wanted}；{advice}")
        }
        E::DuplicateColumn { file, column } => {
            format!("{file} 有两列 `{column}`；请将导入模板不用的一列改名")
        }
        E::TooManyFields { file, line } => format!("{file}:{line}：字段过多；请检查分隔符"),
        E::RecordTooLong { file, line } => {
            format!("{file}:{line}：记录过长；请检查是否有未闭合的引号")
        }
        E::QuoteNeverClosed { file, opened } => {
            format!("{file}:{opened}：引号未闭合；请检查文件是否完整")
        }
        E::QuoteRunsOn { file, opened, line } => {
            format!(
                "{file}:{line}：闭合第 {opened} 行引号之后还有文字；请检查这两行，\
                 字段内的引号须写两次"
            )
        }
        _ => return None,
    })
}

fn profile_error(error: &ProfileError) -> Option<String> {
    Some(match error {
        ProfileError::Unknown { name, nearest, known } => {
            let nearest = nearest.map(|nearest| format!("（是否为 `{nearest}`？）"));
            format!(
                "没有导入模板 `{name}`{}；可用 {known}，或给出 .toml 文件的路径",
                nearest.unwrap_or_default()
            )
        }
        ProfileError::Unreadable { path, source } => {
            format!("无法读取导入模板 {}：{source}", path.display())
        }
        ProfileError::SellerInFile(name) => {
            format!("导入模板 `{name}` 从文件读取卖家；请不要另行指定")
        }
        ProfileError::Seller(error) => format!("卖家编号无效：{}", reference_error(error)),
        _ => return None,
    })
}

fn report_error(error: &ReportError) -> Option<String> {
    match error {
        ReportError::Directory(error) => directory_error(error),
        _ => None,
    }
}

fn directory_error(error: &DirectoryError) -> Option<String> {
    use DirectoryError as E;
    Some(match error {
        E::Missing { path } => {
            format!("没有数据目录 {}；请检查路径，或先创建", path.display())
        }
        E::NotADirectory { path } => format!("{} 不是目录；请给出数据目录", path.display()),
        E::NoJournal { path } => {
            format!("{} 不是 Doorstep 的数据目录；请检查路径，或先创建", path.display())
        }
        E::NotEmpty { path, found } => {
            format!("{} 不是空目录（其中有 {found}）；请选择空目录或新目录", path.display())
        }
        E::InUse { path, by } => format!(
            "数据目录 {} 正被{}使用；请先停止该 Doorstep，或选择其他目录",
            path.display(),
            by.map(|pid| format!("进程 {pid} ")).unwrap_or_default()
        ),
        _ => return None,
    })
}

fn refusal_text(refusal: &Refusal) -> Option<String> {
    Some(match refusal {
        Refusal::Repeated => "此前已执行，无需再做".to_owned(),
        Refusal::IdentifierTaken => "编号已被占用；请使用新编号".to_owned(),
        Refusal::NumberUsed(number) => {
            format!("序号 {number} 此前已用于其他内容；账簿未改动；请用新序号，或重发原内容")
        }
        Refusal::NumberForgotten(number) => format!(
            "序号 {number} 此前已使用，其内容已不再保存；账簿未改动；\
             请查日志，内容确有不同时再用新序号"
        ),
        Refusal::OtherContent => {
            "此前已按其他内容执行；账簿未改动；请与已执行的内容核对".to_owned()
        }
        Refusal::BooksNotOpen => "账簿尚未开账，或已按其他参数开账".to_owned(),
        Refusal::NotFound(what) => format!("没有该{}", missing(what)),
        Refusal::AmountZero => "金额为零".to_owned(),
        Refusal::Overflow => "合计超过 Doorstep 支持的最大金额".to_owned(),
        Refusal::CurrencyMismatch(one, other) => format!("币种不符：{one} 与 {other}"),
        Refusal::CurrencyWithoutAccount(currency) => {
            format!("没有 {currency} 账户；请登记该币种的银行账户和卖家")
        }
        Refusal::BadVersion => "费率版本与上一版本不衔接，或起始日已过".to_owned(),
        Refusal::NoTariff(date) => format!("{date} 没有有效的费率版本"),
        Refusal::ParcelState => "包裹状态不符".to_owned(),
        Refusal::SamePerson => "须由第二人复核".to_owned(),
        Refusal::NetworkWithdrawn => "该卡组织已停用；请选择其他卡组织".to_owned(),
        Refusal::LimitReached => "账户余额将超出限额".to_owned(),
        _ => return None,
    })
}

fn missing(missing: &MissingRecord) -> &'static str {
    match missing {
        MissingRecord::Bank(_) => "银行账户",
        MissingRecord::Firm(_) => "快递公司",
        MissingRecord::Courier(_) => "快递员",
        MissingRecord::Terminal(_) => "终端",
        MissingRecord::Network(_) => "卡组织",
        MissingRecord::Wallet(_) => "钱包",
        MissingRecord::Seller(_) => "卖家",
        MissingRecord::Tariff(_) => "费率",
        MissingRecord::Class => "费率类别",
        MissingRecord::HoldRule => "资金冻结规则",
        MissingRecord::Parcel(_) => "包裹",
        MissingRecord::Payment => "付款",
        MissingRecord::HandOver(_) => "待清点的交款",
        MissingRecord::Deposit(_) => "待确认的缴存",
        MissingRecord::Plan(_) => "结算计划",
        MissingRecord::Payout(_) => "在途打款",
        MissingRecord::Break(_) => "未结差异",
        MissingRecord::Transaction => "交易记录",
    }
}

/// The name of an account kind.
pub fn account_kind(kind: AccountKind, lang: Lang) -> &'static str {
    use AccountKind as A;
    if lang == Lang::En {
        return kind.name();
    }
    match kind {
        A::Bank => "资产:银行存款",
        A::NetworkReceivable => "资产:应收卡组织",
        A::WalletReceivable => "资产:应收钱包",
        A::CourierCash => "资产:快递员持有现金",
        A::CourierShortage => "资产:快递员短款",
        A::FirmCash => "资产:快递公司待缴存现金",
        A::Suspense => "资产:挂账",
        A::SellerHeld => "负债:卖家待结算款",
        A::SellerPayable => "负债:应付卖家",
        A::PayoutInFlight => "负债:在途打款",
        A::FirmCommission => "负债:应付快递公司佣金",
        A::BuyerRefunds => "负债:应退买家",
        A::IssuerFees => "收入:发卡行手续费",
        A::NetworkFees => "收入:卡组织手续费",
        A::AcquirerFees => "收入:收单手续费",
        A::WalletFees => "收入:钱包手续费",
        A::CodFees => "收入:代收服务费",
        A::ReturnFees => "收入:退件费",
        A::ClearingCost => "费用:清算手续费",
        A::WriteOffs => "费用:核销",
    }
}

/// A fee kind by its name in JSON.
pub fn fee_kind(kind: &str, lang: Lang) -> &str {
    if lang == Lang::En {
        return kind;
    }
    match kind {
        "issuer" => "发卡行",
        "network" => "卡组织",
        "acquirer" => "收单",
        "wallet" => "钱包",
        "cod" => "代收服务费",
        "commission" => "佣金",
        "return" => "退件费",
        other => other,
    }
}

/// Why connections ended, by the reason's name in JSON.
pub fn connection_end(reason: &str, lang: Lang) -> &str {
    if lang == Lang::En {
        return reason;
    }
    match reason {
        "gone" => "对方断开",
        "asked" => "按要求关闭",
        "full" => "连接已满",
        "address" => "同一地址过多",
        "foreign" => "协议不符",
        "untrusted" => "证书不可信",
        "name" => "名称不在名单",
        "handshake" => "握手超时",
        "slow" => "报文超时",
        "idle" => "空闲超时",
        "unread" => "对方不接收",
        "malformed" => "报文格式错",
        "oversized" => "报文过长",
        "stopping" => "正在停止",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_account_kind_has_a_name_of_its_own() {
        let names = AccountKind::ALL.map(|kind| account_kind(kind, Lang::Zh));
        let different: std::collections::BTreeSet<_> = names.iter().collect();
        assert_eq!(different.len(), names.len());
    }

    #[test]
    fn the_causes_of_an_error_are_chinese() {
        let cause = ImportError::Empty { file: "a.csv".into() };
        assert_eq!(error(&cause, Lang::Zh), "a.csv 为空；请重新导出并保留表头");
        assert!(error(&cause, Lang::En).starts_with("a.csv is empty"));
        assert_eq!(refusal(&Refusal::ParcelState, Lang::Zh), "包裹状态不符");
    }
}
