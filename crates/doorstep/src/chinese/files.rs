//! Errors of files: orders, profiles, tariffs, payouts; and of amounts, dates and rates.

use std::error::Error;

use files::atomic::AtomicWriteError;
use files::offers::{OfferLineReason, SKU_BYTES_MAX, STOCK_MAX, VARIANTS_MAX};
use files::orders::rejects::{RejectsContentError, RejectsError};
use files::orders::{
    AMOUNT_DUE_MAX, BUYER_TEXT_BYTES_MAX, BadLine, BadLineReason, ImportError, LINES_OF_ORDER_MAX,
    LeftOut, QUANTITY_MAX, STATUSES_MAX,
};
use files::pain001::{
    CreditTransferError, CreditTransferPart, DIGITS_MAX, PAYMENTS_MAX, TRANSFERS_MAX, TextProblem,
};
use files::payouts::PayoutFileError;
use files::profile::ProfileError;
use files::reference::{REFERENCE_BYTES_MAX, ReferenceError};
use files::sellers::{SELLERS_FILE_BYTES_MAX, SellersFileError};
use money::decimal::{DecimalAmount, DecimalError};
use money::{Amount, CurrencyError, RateError};
use reports::ExportError;
use tariff::file::{
    CURRENCIES_MAX, FILE_BYTES_MAX, TariffFileError, TariffFileProblem, VERSIONS_MAX,
};
use tariff::{BusinessDateError, CLASS_NAME_BYTES_MAX, CLASSES_MAX, TermsError};

use super::{toml_message, zh};
use crate::words::Lang;

pub(super) fn text(error: &(dyn Error + 'static)) -> Option<String> {
    None.or_else(|| error.downcast_ref().map(import_error))
        .or_else(|| error.downcast_ref().map(offer_line))
        .or_else(|| error.downcast_ref().map(profile_error))
        .or_else(|| error.downcast_ref().map(sellers_file_error))
        .or_else(|| error.downcast_ref().map(rejects_error))
        .or_else(|| error.downcast_ref().map(rejects_content_error))
        .or_else(|| error.downcast_ref().map(reference_error))
        .or_else(|| error.downcast_ref().map(decimal_error))
        .or_else(|| error.downcast_ref().map(currency_error))
        .or_else(|| error.downcast_ref().map(rate_error))
        .or_else(|| error.downcast_ref().map(terms_error))
        .or_else(|| error.downcast_ref().map(tariff_error))
        .or_else(|| error.downcast_ref().map(date_error))
        .or_else(|| error.downcast_ref().map(write_error::<std::io::Error>))
        .or_else(|| error.downcast_ref().map(write_error::<ExportError>))
        .or_else(|| error.downcast_ref().map(write_error::<PayoutFileError>))
        .or_else(|| error.downcast_ref().map(write_error::<CreditTransferError>))
        .or_else(|| error.downcast_ref().map(payout_file_error))
        .or_else(|| error.downcast_ref().map(credit_transfer_error))
}

/// Why a line of an order file is bad, with its column.
pub fn bad_line_reason(line: &BadLine, lang: Lang) -> String {
    match (lang, &line.column) {
        (Lang::En, None) => line.reason.to_string(),
        (Lang::En, Some(column)) => format!("column `{column}`: {}", line.reason),
        (Lang::Zh, None) => reason(&line.reason),
        (Lang::Zh, Some(column)) => format!("列 `{column}`：{}", reason(&line.reason)),
    }
}

/// Why a line is bad, and what is left out with it.
pub fn bad_line_texts(line: &BadLine, lang: Lang) -> [String; 2] {
    match lang {
        Lang::En => [line.reason.to_string(), line.left_out.to_string()],
        Lang::Zh => [reason(&line.reason), left_out(&line.left_out)],
    }
}

/// A bad line of an order file.
pub fn bad_line(line: &BadLine, lang: Lang) -> String {
    if lang == Lang::En {
        return line.to_string();
    }
    format!("{}：{}；{}", line.location, bad_line_reason(line, lang), left_out(&line.left_out))
}

/// The reason for which a profile leaves orders out. Profiles of one's own have their own words.
pub fn left_out_reason(reason: &str, lang: Lang) -> &str {
    match (lang, reason) {
        (Lang::Zh, "cancelled") => "已取消",
        (Lang::Zh, "not cash on delivery") => "非货到付款",
        (Lang::Zh, "fulfilled, in full or in part") => "已全部或部分发货",
        _ => reason,
    }
}

/// What a profile warns of. Profiles of one's own have their own words.
pub fn profile_warning(warning: &str, lang: Lang) -> &str {
    match (lang, warning) {
        (
            Lang::Zh,
            "this export has no payment method and no tax or shipping: every order in processing \
             counts as cash on delivery with its net sales",
        ) => {
            "该文件没有付款方式，金额不含税费和运费：\
             所有 processing 状态的订单均按货到付款、以净销售额计"
        }
        _ => warning,
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
        BadLineReason::Time => "不是时间；请写作 2026-03-31 09:05:00，其后可加 +02:00 或 Z，\
             或在导入模板的 format.times 中写明文件的格式"
            .to_owned(),
        BadLineReason::TimeForm(forms) => {
            let forms = forms.replace(" or ", " 或 ");
            format!("不是 {forms} 格式的时间；请更正，或修改导入模板的 format.times")
        }
        BadLineReason::NoVendor => "内容为空；若该店是唯一的卖家，请用 --seller 指定".to_owned(),
        BadLineReason::VendorNotMapped { vendor, other } => {
            let other = other.as_ref().map(|other| format!("（其中有 `{other}`）"));
            format!(
                "--sellers 的文件中没有品牌方 `{vendor}`{}；请增加一行",
                other.unwrap_or_default()
            )
        }
        BadLineReason::SellerSpelling { seller, first, at } => format!(
            "卖家 `{seller}` 在 {at} 写作 `{first}`；请统一写法，或用 --sellers 映射两种写法"
        ),
        BadLineReason::SumTooLarge => "合计超过 Doorstep 支持的最大金额".to_owned(),
        BadLineReason::DiscountTooLarge => "扣减额大于金额".to_owned(),
        BadLineReason::OrderConflict { first } => {
            format!("该订单在 {first} 也出现，内容不同；请删除错误的一处")
        }
        BadLineReason::ItemConflict { first } => {
            format!("同一商品在 {first} 也出现，内容不同；请删除错误的一处")
        }
        BadLineReason::BuyerTooLong => {
            format!("收件信息超过 {BUYER_TEXT_BYTES_MAX} 字节；请缩短")
        }
        BadLineReason::NoItems => "该订单没有商品".to_owned(),
        BadLineReason::ItemsWithoutOrder { items } => {
            format!("订单行须在其商品行之前；受影响的商品行：{items}")
        }
        BadLineReason::TooManyLines => format!("该订单超过 {LINES_OF_ORDER_MAX} 行"),
        BadLineReason::NothingToCollect => "应收金额为零，无需收款".to_owned(),
        BadLineReason::TooExpensive { amount_due, currency } => format!(
            "应收金额 {} {currency} 超过终端合计的上限 {}；请检查小数点和币种",
            DecimalAmount::of(*amount_due, *currency),
            DecimalAmount::of(AMOUNT_DUE_MAX, *currency)
        ),
    }
}

fn offer_line(reason: &OfferLineReason) -> String {
    use OfferLineReason as R;
    match reason {
        R::FieldCount { found, expected } => format!(
            "该行有 {found} 个字段，表头有 {expected} 个；请检查未加引号的文本中是否有分隔符或换行"
        ),
        R::Misquoted => "右引号后还有文字；字段内的引号须写两次".to_owned(),
        R::Reference(error) => format!("{}；请更正", reference_error(error)),
        R::NoSku => "为空，该行也没有可代替的内容；请为每个规格编号".to_owned(),
        R::Sku => format!("超过 {SKU_BYTES_MAX} 字节或有不可打印的字符；请更正"),
        R::SkuTwice(line) => format!("该商品在第 {line} 行也有此 SKU；请各用其号，或删除一个"),
        R::Price(error) => format!("{}；请更正价格", decimal_error(error)),
        R::NoPrice => "价格为空或为零；规格须有价格".to_owned(),
        R::Weight => "不是至多 1000000 克的重量；请写数字和小数点".to_owned(),
        R::Stock => format!("不是 0 到 {STOCK_MAX} 的整数；请写现有件数"),
        R::Currency => "不是有最小单位的 ISO 4217 货币代码；请写三个大写字母，如 CNY".to_owned(),
        R::NoCurrency => "没有币种；请用 --currency 指定".to_owned(),
        R::NoSeller => "没有卖家；请用 --seller 指定".to_owned(),
        R::NoCategory => "没有类目；请用 --category 指定".to_owned(),
        R::Category(text) => {
            format!("`{text}` 不是类目；请写其编号，或在模板的 offer.categories 中对应")
        }
        R::State(text) => {
            format!("`{text}` 不在模板的 offer.states 中；请更正，或加入模板的副本")
        }
        R::NoParent(text) => format!("文件中没有上级商品 `{text}`；请一并导出，或删除该行"),
        R::Conflict(line) => format!("与同一商品第 {line} 行不同；请写相同内容，或留空"),
        R::NoVariant => "该商品没有带价格的规格；请给出一个".to_owned(),
        R::TooManyVariants => format!("该商品超过 {VARIANTS_MAX} 个规格；请拆分"),
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

fn import_error(error: &ImportError) -> String {
    use ImportError as E;
    match error {
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
            format!(
                "导入模板 `{profile}` 不从文件读取卖家；请用 --seller 指定卖家，\
                 或用 --sellers 文件将各品牌方或店铺映射到卖家"
            )
        }
        E::NoCurrency { file, profile } => {
            format!("{file} 与导入模板 `{profile}` 均未写明币种；请用 --currency 指定")
        }
        E::Shop { shop, error } => format!(
            "店铺 `{shop}` 无效：{}",
            error.as_ref().map_or("请勿包含 `/`，首尾请勿有空格".to_owned(), reference_error)
        ),
        E::NoShops { path } => {
            format!("{} 中没有目录；其中每个目录为一个店铺，目录名即店铺名", path.display())
        }
        E::ShopNotMapped { shop } => {
            format!("--sellers 的文件中没有店铺 `{shop}`；请增加一行")
        }
        E::Changed { file } => format!("读取期间 {file} 有改动；请重新导入"),
        E::Unreadable { file, source } => format!("无法读取 {file}：{source}"),
        E::Empty { file } => format!("{file} 为空；请重新导出并保留表头"),
        E::NotText { file, .. } => format!("{file} 不是文本；请另存为 CSV"),
        E::Utf16 { file } => format!(
            "{file} 是没有字节顺序标记的 UTF-16 文本；\
             请用 --encoding 指定编码 utf-16le 或 utf-16be"
        ),
        E::Malformed { file, line, byte, encoding } => format!(
            "{file}:{line}：第 {byte} 字节不是 {encoding}；请用 --encoding 指定文件的编码\
             （gbk、big5、windows-1252 等），或另存为 UTF-8 编码的 CSV"
        ),
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
        E::AmbiguousFile { profile, path } => format!(
            "{} 同时符合导入模板 `{profile}` 的订单文件名和商品文件名；请将文件名的模式改窄",
            path.display()
        ),
        E::WrongDelimiter { file, found, expected } => {
            let (found, expected) = (zh(found), zh(expected));
            format!(
                "{file} 的分隔符是{found}，而导入模板要求{expected}；\
                 请按{expected}重新导出，或修改导入模板的 format.delimiter"
            )
        }
        E::TooManyLines { file } => {
            format!("到 {file} 末尾行数过多；请分批导入")
        }
        E::TooManyStatuses { file, column } => format!(
            "{file} 的状态列 `{column}` 有超过 {STATUSES_MAX} 种取值；请更正导入模板的 order.status"
        ),
    }
}

fn profile_error(error: &ProfileError) -> String {
    match error {
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
        ProfileError::Encoding(name) => format!(
            "没有编码 `{name}`；请用 utf-8、gbk、gb18030、big5、shift_jis、windows-1252、\
             utf-16le 等名称"
        ),
        ProfileError::CurrencyInProfile(name) => {
            format!("导入模板 `{name}` 已有币种；请不要另行指定")
        }
        ProfileError::Currency(error) => currency_error(error),
        ProfileError::NotUnderstood(detail) => {
            format!(
                "导入模板无效，见 docs/files/profiles.md：{}",
                toml_detail(detail.trim_end().trim_end_matches(';'))
            )
        }
        ProfileError::Key { key, problem, remedy } => {
            format!(
                "导入模板的 {key} 有误，见 docs/files/profiles.md：{}；{}",
                zh(problem),
                zh(remedy)
            )
        }
    }
}

/// The place and the message of a TOML error, without the quoted lines of the file.
pub(super) fn toml_detail(detail: &str) -> String {
    let place = detail.strip_prefix("TOML parse error at line ");
    let place = place.and_then(|rest| rest.lines().next()?.split_once(", column "));
    match (place, detail.lines().last()) {
        (Some((line, column)), Some(message)) => {
            format!("第 {line} 行第 {column} 列：{}", toml_message(message))
        }
        _ => toml_message(detail),
    }
}

fn sellers_file_error(error: &SellersFileError) -> String {
    use SellersFileError as E;
    match error {
        E::Unreadable { path, source } => format!("无法读取 {}：{source}", path.display()),
        E::Extension { path } => format!(
            "{} 不是 .toml 或 .csv 文件；请在 .toml 文件中写如 \"Acme Ltd\" = \"S-17\" 的行，\
             或在 .csv 文件中写 vendor,seller 两列",
            path.display()
        ),
        E::TooLong { path } => {
            format!("{} 超过 {SELLERS_FILE_BYTES_MAX} 字节", path.display())
        }
        E::Toml { path, detail } => format!(
            "{} 无效：{}；每行请写作 \"Acme Ltd\" = \"S-17\"",
            path.display(),
            toml_message(detail)
        ),
        E::Csv { path } => {
            format!("{} 不是有 vendor,seller 两列的 CSV；请检查首行和引号", path.display())
        }
        E::Seller { path, vendor, error } => {
            format!("{}：品牌方 `{vendor}` 的卖家无效：{}", path.display(), reference_error(error))
        }
        E::VendorTwice { path, vendor, first, second } => format!(
            "{}：品牌方 `{vendor}` 有两个卖家 `{first}` 和 `{second}`；请删除一行",
            path.display()
        ),
        E::Empty { path } => format!("{} 中没有品牌方", path.display()),
    }
}

fn rejects_error(error: &RejectsError) -> String {
    use RejectsError as E;
    match error {
        E::Itself(path) => format!("{} 就是订单文件；请另取名称", path.display()),
        E::NotAFolder(path) => {
            format!("{} 是文件，而订单是目录；请给出新目录", path.display())
        }
        E::Inside(path) => format!("{} 在订单目录之内；请另选目录", path.display()),
        E::NotEmpty(path) => format!("{} 不是空目录；请给出新目录，或清空它", path.display()),
        E::Folder { path, source } => format!("无法创建 {}：{source}", path.display()),
        E::Read(error) => import_error(error),
        E::Write(error) => write_error(error),
    }
}

fn rejects_content_error(error: &RejectsContentError) -> String {
    match error {
        RejectsContentError::Read(error) => import_error(error),
        RejectsContentError::Io(error) => format!("无法写入：{error}"),
    }
}

fn currency_error(error: &CurrencyError) -> String {
    match error {
        CurrencyError::Unknown(text) => {
            format!("`{text}` 不是 ISO 4217 货币代码；请写三个大写字母，如 CNY")
        }
        CurrencyError::NoMinorUnit(text) => {
            format!("`{text}` 在 ISO 4217 中没有最小单位，不能使用")
        }
    }
}

fn rate_error(error: &RateError) -> String {
    match error {
        RateError::Malformed(text) => {
            format!("`{text}` 不是费率；请写百分比，最多四位小数，如 0.55%")
        }
        RateError::AboveWhole(text) => format!("`{text}` 超过 100%"),
        RateError::Negative(text) => format!("`{text}` 是负数；费率不得小于 0%"),
    }
}

pub(super) fn terms_error(error: &TermsError) -> String {
    match error {
        TermsError::ClassCount(count) => {
            format!("一个版本有 1 至 {CLASSES_MAX} 个类别，这里有 {count} 个")
        }
        TermsError::ClassName(name) => {
            format!("类别名称 `{name}` 无效；请用 1 至 {CLASS_NAME_BYTES_MAX} 个 a-z、0-9 和 `-`")
        }
        TermsError::ClassTwice(name) => format!("类别 `{name}` 定义了两次"),
        TermsError::AboveWhole { what, percent } => {
            format!("各项费率合计 {percent}，超过全部金额（{what}）")
        }
        TermsError::SumWithoutCurrency(what) => {
            format!("金额（{what}）没有币种；请写明费率的币种，或只用百分比")
        }
        TermsError::SumAboveLimit(what) => format!(
            "金额（{what}）超过 {} 个最小货币单位，即一笔金额的上限；请改正",
            Amount::ENTRY_MAX.minor()
        ),
    }
}

fn tariff_error(error: &TariffFileError) -> String {
    use TariffFileProblem as P;
    let place = error.place.replacen("version", "版本", 1).replacen(", class ", "，类别 ", 1);
    let place = place.replacen("the file", "文件", 1).replacen("line ", "行 ", 1);
    let what = match &error.what {
        P::FileTooLong => format!("费率文件最多 {FILE_BYTES_MAX} 字节"),
        P::Toml(message) => toml_message(message),
        P::Unquoted(text) => {
            format!("`{text}` 没有引号；费率请写作 \"0.55%\"，金额请写作 \"2.00\"")
        }
        P::NegativeSum(text) => {
            format!("`{text}` 是负数；手续费、封顶金额和退件费不得小于零")
        }
        P::VersionCount => format!("费率须有 1 至 {VERSIONS_MAX} 个版本"),
        P::VersionNumber(place) => format!("第 {place} 个版本的编号须为 {place}"),
        P::EndsBeforeBegin => "结束须晚于开始之日；请更正 `until`".to_owned(),
        P::NoEnd { next, begin } => {
            format!("重叠：没有 `until`，而版本 {next} 从 {begin} 开始；请写 until = \"{begin}\"")
        }
        P::Gap { end, begin } => format!(
            "空缺：{end} 至 {} 没有有效的版本；请写 until = \"{begin}\"",
            begin.minus_days(1)
        ),
        P::Overlap { end, begin } => {
            format!("重叠：{begin} 至 {} 有两个版本；请写 until = \"{begin}\"", end.minus_days(1))
        }
        P::CardTwice(kind) => format!("`card` 已包括两种卡；请删除它或 `{kind}`"),
        P::NoCardRates(kind) => format!("没有 `{kind}` 卡的费率；请增加 `{kind}` 或 `card`"),
        P::CurrencyCount => {
            format!("请写 1 至 {CURRENCIES_MAX} 个不同的币种，或删除 `currency`")
        }
        P::SumWithoutCurrency => "金额须有币种；请在费率中增加 `currency`，或只用百分比".to_owned(),
        P::SumInOneCurrency(currency) => {
            format!("该费率有多个币种；请分别写出金额，如 {{ {currency} = \"…\", … }}")
        }
        P::NoSumIn(currency) => format!("缺少 {currency} 的金额，而费率包括该币种"),
        P::OtherCurrency(code) => {
            format!("`{code}` 不在费率的 `currency` 中；请在其中增加，或删除该金额")
        }
        P::Currency(error) => currency_error(error),
        P::Date(error) => date_error(error),
        P::Terms(error) => terms_error(error),
        P::Amount(error) => decimal_error(error),
        P::Rate(error) => rate_error(error),
    };
    format!("{place}：{what}")
}

fn date_error(error: &BusinessDateError) -> String {
    let BusinessDateError(text) = error;
    format!("`{text}` 不是 1970-01-01 至 2149-06-06 之间的日期；请写作 2013-08-28")
}

fn write_error<E: Error + 'static>(error: &AtomicWriteError<E>) -> String {
    match error {
        AtomicWriteError::Io { path, source, .. } => {
            format!("无法写入 {}：{source}", path.display())
        }
        AtomicWriteError::NotAFile(path) => {
            format!("{} 是设备、管道或目录；请给出文件名", path.display())
        }
        AtomicWriteError::Content(error) => super::error(error, Lang::Zh),
    }
}

fn payout_file_error(error: &PayoutFileError) -> String {
    match error {
        PayoutFileError::Reference { what, line, error } => {
            format!("第 {line} 行打款的 {what} 不是有效的编号：{}", reference_error(error))
        }
        PayoutFileError::Io(error) => format!("无法写入打款：{error}"),
    }
}

fn credit_transfer_error(error: &CreditTransferError) -> String {
    use CreditTransferError as E;
    match error {
        E::Text { what, of, problem } => {
            format!("{}的 {what} {}", part(*of), text_problem(*problem))
        }
        E::NoTransfers(of) => format!("{}没有转账；银行不接受空报文", part(*of)),
        E::TooMany => format!("报文超过 {TRANSFERS_MAX} 笔转账或 {PAYMENTS_MAX} 组付款"),
        E::DuplicatePayment { first, second } => {
            format!("{}与{}的账户和币种相同；请合并", part(*second), part(*first))
        }
        E::DuplicatePayout(of) => format!("{}在报文中出现两次；请删除一笔", part(*of)),
        E::Zero(of) => format!("{}金额为零；请去掉", part(*of)),
        E::TooLarge { of, .. } => format!("{}的金额超过 {DIGITS_MAX} 位数字；请拆分", part(*of)),
        E::Time => "报文的生成时间不在公元 1 至 9999 年之间".to_owned(),
        E::Io(error) => format!("无法写入报文：{error}"),
    }
}

fn part(part: CreditTransferPart) -> String {
    match part {
        CreditTransferPart::Message => "报文".to_owned(),
        CreditTransferPart::Payment(payment) => format!("第 {payment} 组付款"),
        CreditTransferPart::Transfer(payment, transfer) => {
            format!("第 {payment} 组付款的第 {transfer} 笔转账")
        }
    }
}

pub(super) fn text_problem(problem: TextProblem) -> String {
    match problem {
        TextProblem::Empty => "为空".to_owned(),
        TextProblem::TooLong { chars, most } => format!("有 {chars} 个字符，上限 {most}"),
        TextProblem::Character(character) => {
            format!("有报文不支持的字符 U+{:04X}", u32::from(character))
        }
        TextProblem::Slashes => "以斜杠开头或结尾，或有连续斜杠，银行不接受".to_owned(),
    }
}
