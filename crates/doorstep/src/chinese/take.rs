//! Errors of files of networks, wallets and banks.

use std::error::Error;

use ::office::closing::{
    CLOSING_FILE_BYTES_MAX, CLOSINGS_MAX, ClosingError, ClosingFault, FAULTS_LISTED_MAX, FaultyRow,
};
use ::office::explaining::ExplainingError;
use ::office::take::{Balance, LINES_NAMED_MAX, TakeError, TakenFile};
use ::office::{FILES_IN_HAND, FileSourceKind};
use files::incoming::archive::ArchiveFault;
use files::incoming::parts::parts_text;
use files::incoming::{FaultyLine, FileFault, RefusedFile, sum_text};

use reports::BREAK_PREFIX;

use super::zh_error;

pub(super) fn text(error: &(dyn Error + 'static)) -> Option<String> {
    None.or_else(|| error.downcast_ref().map(take_error))
        .or_else(|| error.downcast_ref().map(refused_file))
        .or_else(|| error.downcast_ref().map(closing_error))
        .or_else(|| error.downcast_ref().map(explaining_error))
}

fn closing_error(error: &ClosingError) -> String {
    use ClosingError as E;
    match error {
        E::Empty => "文件为空；请给出 `doorstep recon breaks --csv` 写出的列表".to_owned(),
        E::TooLarge => {
            format!("文件超过 {} MiB；请分成几份", CLOSING_FILE_BYTES_MAX >> 20)
        }
        E::NotCsv { line, why } => {
            format!("第 {line} 行：不是 UTF-8 的 CSV（{why}）；请将列表存为 UTF-8 的 CSV")
        }
        E::NoColumn(name) => format!(
            "第 1 行没有 `{name}` 栏；请给出 `doorstep recon breaks --csv` 写出的列表，保留其各栏"
        ),
        E::NothingToClose => {
            "没有一行填有结案方式；请填写 `resolution` 栏，例如 WriteOff".to_owned()
        }
        E::TooManyRows => format!("超过 {CLOSINGS_MAX} 行填有结案方式；请分成几份"),
        E::Rows(faults) => {
            let rows = faults.iter().take(FAULTS_LISTED_MAX).map(|one| {
                let FaultyRow { line, column, fault } = one;
                format!("\n  第 {line} 行，{column}：{}", closing_fault(fault))
            });
            format!("未执行任何一行：{}", rows.collect::<String>())
        }
        E::Stopped { line, refusal } => format!(
            "第 {line} 行：账簿拒绝：{}。之前各行已执行；消除原因后，请再次给出该文件",
            zh_error(refusal)
        ),
        E::Office(error) => zh_error(error.as_ref()),
        E::Read(error) => error.to_string(),
    }
}

fn closing_fault(fault: &ClosingFault) -> String {
    use ClosingFault as F;
    match fault {
        F::NotAnId(text) => {
            format!("`{text}` 不是差异也不是记录；请给出 `doorstep recon breaks --csv` 写出的编号")
        }
        F::Twice(line) => format!("与第 {line} 行相同；请去掉其中一行"),
        F::UnknownBreak => "没有该差异；请用 `doorstep recon breaks --csv` 重新写出列表".to_owned(),
        F::Closed => "已以其他方式结案；请去掉该行".to_owned(),
        F::ProposedOtherwise { by, resolution } => format!(
            "人员 {by} 已提议 `{resolution}`；填写相同处理即为批准，或去掉该行。\
             如果您的处理才对，请 {by} 给出填写该处理的列表：它将取代其原提议，您随后即可批准"
        ),
        F::OtherAmount { listed, open } => {
            format!("列表写的是 {listed}，而现有未结 {open}；请重新写出列表")
        }
        F::PartWithoutAmount => "只有带原样 `amount` 列的列表才能结案一部分".to_owned(),
        F::UnknownEntry => {
            "没有该待入账记录；请用 `doorstep recon breaks --csv` 重新写出列表".to_owned()
        }
        F::Movement(name) => format!(
            "账户变动由列出它的对账单了结；请去掉该行，或在对应记录的行中填 `ToMovement={name}`"
        ),
        F::EntryResolution => "对账单的记录以 `Break`（不再等待其原因）或 \
                               `ToMovement=…`（即列表中的某项变动）处理"
            .to_owned(),
        F::NoMovement(name) => {
            format!("该账户没有未列入对账单的变动 `{name}`；请从列表中取用")
        }
        F::MovementAmount { name, entry, movement } => {
            format!("记录为 {entry}，而 `{name}` 为 {movement}；金额相同才能了结")
        }
        F::SheetResolution(wanted) => format!("此处快递公司表的该行只能填 `{wanted}`"),
        F::EntryPart => "记录整笔成为差异；`part` 请留空".to_owned(),
        F::Value(error) => zh_error(error),
        F::Refused(refusal) => zh_error(refusal),
    }
}

fn explaining_error(error: &ExplainingError) -> String {
    use ExplainingError as E;
    match error {
        E::UnknownSubject(text) => format!(
            "`{text}` 不是这些账簿的文件、行、差异、变动或付款；文件写作 来源/文件号，行写作 \
             来源/文件号/行号，差异写作 {BREAK_PREFIX}编号，变动写作 `deposit 7`，付款写作 \
             运单号/序号"
        ),
        E::Report(error) => zh_error(error),
        E::Journal(error) => zh_error(error),
        E::Matching(error) => error.to_string(),
        E::Store(error) => error.to_string(),
    }
}

fn flag(source: FileSourceKind) -> &'static str {
    match source {
        FileSourceKind::Network => "--network",
        FileSourceKind::Wallet => "--wallet",
        FileSourceKind::Bank => "--bank",
        FileSourceKind::Firm => "--firm",
    }
}

pub(super) fn take_error(error: &TakeError) -> String {
    use TakeError as E;
    match error {
        E::File(refused) => refused_file(refused),
        E::UnknownSource { party, name, known } => {
            format!("{} {name}：账簿中没有；请用其中之一：{}", flag(*party), known.join("、"))
        }
        E::NoBank(currency) => {
            format!("账簿中没有 {currency} 的银行账户；请用 `doorstep setup bank` 登记")
        }
        E::WhichBank(known) => {
            format!("该币种有几个银行账户；请用 --bank 指定：{}", known.join("、"))
        }
        E::OtherSource { party, wanted, found } => format!(
            "文件属于 `{found}`，而 {} 为 `{wanted}`；请给出 `{wanted}` 的文件，或指定 `{found}`",
            flag(*party)
        ),
        E::OtherKindOfFile { line, name, party: FileSourceKind::Network } => format!(
            "第 {line} 行：文件按钱包订单号列出付款，而 `{name}` 是卡组织，应列检索参考号和流水号；\
             请指定真正的发送方"
        ),
        E::OtherKindOfFile { line, name, .. } => format!(
            "第 {line} 行：文件按卡组织的检索参考号和流水号列出付款，而 `{name}` 是钱包，\
             应列订单号；请指定真正的发送方"
        ),
        E::OtherAccount(wanted) => {
            format!("文件不属于账户 `{wanted}`；请用 --bank 指定文件所属的账户")
        }
        E::OtherCurrency { name, found, wanted } => {
            format!("文件的币种为 {found}，而 `{name}` 的币种为 {wanted}；请索取 {wanted} 的文件")
        }
        E::WhichDay => "文件未写明日期；请给出 --date YYYY-MM-DD，或将日期写入文件名".to_owned(),
        E::OtherDay { wanted, found } => {
            format!("--date 为 {wanted}，而文件写明 {found}；请去掉 --date")
        }
        E::InOtherForm(TakenFile { file, day, form }) => format!(
            "其中每一行都已由 {day} 的第 {file} 号文件（格式 `{form}`）录入：\
             这是同一日期的另一种格式，无需再录。\
             如果确是另一文件，且各笔都重复付款，请给出 --accept-breaks"
        ),
        E::KnownInPart { taken: TakenFile { file, day, form }, repeated, lines } => format!(
            "其 {lines} 行中有 {repeated} 行账簿中已有，很可能来自 {day} 的第 {file} 号文件\
             （格式 `{form}`）：请索取只含其余各行的文件。\
             如果这些行确是重复付款，请给出 --accept-breaks，其中每一行将成为差异"
        ),
        E::GivenTwice { name, day, forms: [first, second], repeated, lines } => format!(
            "其中两份文件都是 `{name}` {day} 的（`{first}` 和 `{second}`），\
             后一份的 {lines} 行中有 {repeated} 行前一份也有：请只给出其中一份。\
             如果这些行确是重复付款，请给出 --accept-breaks"
        ),
        E::LinesKnown { lines } => format!(
            "账簿中已有其全部 {lines} 行，无需再录。如果各笔都重复付款，请给出 --accept-breaks"
        ),
        E::NothingExpected { name, lines } => format!(
            "其 {lines} 行中没有一行是账簿预期 `{name}` 会有的：\
             看来是其他发送方的文件，或属于其他账簿。请写明真正的发送方；\
             如果文件无误，请给出 --accept-breaks，各行将成为差异"
        ),
        E::StatementInOtherForm { until, form } => format!(
            "截至 {until} 的对账单此前已按 `{form}` 录入，余额相同：\
             这是同一对账单的另一种格式，无需再录"
        ),
        E::Unfinished { from } => {
            format!("{from} 的文件只录入了一部分；请先给出该文件，它将从中断处继续")
        }
        E::DayToCome { date, today } => format!(
            "文件日期为 {date}，而今天是 {today}：不录入日期未到的文件。\
             请向制作方索取日期正确的文件，或校正本机时钟"
        ),
        E::NotSettled(settled) => {
            format!("该文件于 {settled} 清算，尚未到期：请在该日录入")
        }
        E::StillUnfinished { from, cause } => {
            format!("{from} 的文件只录入了一部分，尚不能完成：{}", take_error(cause))
        }
        E::Overlap { from, until } => {
            format!("对账单自 {from} 起，与上一份（至 {until}）重叠；请索取自 {until} 起的对账单")
        }
        E::Gap { until, closing, from, opening } => format!(
            "上一份对账单至 {until}，期末余额 {}，而本份自 {from} 起，期初余额 {}：\
             其间缺少记录；请先给出含有这些记录的对账单",
            balance(closing),
            balance(opening)
        ),
        E::LineRefused { line, refusal } => format!(
            "第 {line} 行：账簿拒绝：{}。之前各行已录入；消除原因后请再次给出该文件，从此处继续",
            zh_error(refusal)
        ),
        E::NotARequest { line } => {
            format!("第 {line} 行：请求不可能有这些编号；请与文件制作方核对")
        }
        E::Profile(error) => zh_error(error),
        E::WhichFormat { file, fits, known } => {
            let fits = match fits.is_empty() {
                true => "没有合适的格式".to_owned(),
                false => format!("有几种格式合适（{}）", fits.join("、")),
            };
            format!("{file}：{fits}；请用 --profile 指定格式：{}", known.join("、"))
        }
        E::WhoseFile { file } => {
            format!("{file} 格式的文件不写明来源；请给出 --network 或 --wallet")
        }
        E::WhoseStatement => "对账单未写明属于我方哪个银行账户；请给出 --bank".to_owned(),
        E::NotOfSource(kind) => {
            format!("该文件是银行对账单，{} 不是银行账户；请给出 --bank", flag(*kind))
        }
        E::OnlyDetails => "该文件只有另一文件所列各笔的明细或合计；\
                           请与列明付款或已入账记录的文件一同给出"
            .to_owned(),
        E::NotificationDiffers { line } => format!(
            "对账单第 {line} 行：到账通知中同一银行参考号的金额不同，或出现两次；\
             请询问银行，或只给出对账单"
        ),
        E::NotificationOfNoEntry => {
            "到账通知中没有对账单的任何一笔；请与其当日的对账单一同给出".to_owned()
        }
        E::TooManyDetails { line } => {
            format!("第 {line} 行：到账通知的交易过多；请分成几份")
        }
        E::FeeTwice { line } => {
            format!("手续费明细第 {line} 行：同一笔付款有两个不同的手续费；请询问卡组织")
        }
        E::FeeDiffers { line } => {
            format!("第 {line} 行：手续费明细与付款文件的手续费不同；请询问卡组织以何者为准")
        }
        E::FeeOfNoItem { line } => {
            format!("手续费明细第 {line} 行不属于当日任何付款；请给出同一日的付款文件")
        }
        E::MerchantTwice { line } => {
            format!("商户汇总第 {line} 行：同一商户出现两次；请询问卡组织")
        }
        E::MerchantSumDiffers { line } => format!(
            "商户汇总第 {line} 行：该商户各笔付款的合计与此不同；请给出当日全部文件，或询问卡组织"
        ),
        E::MerchantWithoutSum(merchant) => {
            format!("商户汇总缺少商户 {merchant}，而它有付款；请询问卡组织")
        }
        E::NoBalances => "对账单没有期初余额；请向银行索取有余额的对账单".to_owned(),
        E::SumTooLarge => "各行合计超出可支持的金额；请分几份索取该文件".to_owned(),
        E::SheetOfRemittances => {
            "该表只列整笔汇款，没有逐个包裹；请向快递公司索取每个包裹一行的表".to_owned()
        }
        E::WhoseSheet => "快递公司的表未写明属于谁；请用 --firm 指定".to_owned(),
        E::OtherFirm { wanted, found, lines } => {
            let named: Vec<String> =
                lines.iter().take(LINES_NAMED_MAX).map(u32::to_string).collect();
            let more = if lines.len() > LINES_NAMED_MAX { "等" } else { "" };
            format!(
                "表中没有 `{wanted}` 的包裹；第 {} 行{more}的包裹在 {}：请给出 --firm {}，\
                 或向 `{wanted}` 索取其表",
                named.join("、"),
                found.join("、"),
                found.join(" 或 ")
            )
        }
        E::ProfileCurrency { profile, name, found, wanted } => format!(
            "模板 `{profile}` 规定金额为 {found}，而 `{name}` 的币种为 {wanted}；若该表确为 \
             {wanted}，请自制模板：`doorstep profile show {profile} > my-sheet.toml`，在其中写 \
             currency = \"{wanted}\"，再给出 --profile my-sheet.toml"
        ),
        E::NothingCollected { line } => {
            format!("第 {line} 行：表中未写明代收金额；请询问快递公司")
        }
        E::CopyChanged => {
            "数据目录中该文件的副本已被改动；请重新给出该文件，并检查写入权限".to_owned()
        }
        E::Matching(error) => format!("无法匹配各笔记录：{error}"),
        E::Refused(refusal) => format!("账簿拒绝该文件：{}", zh_error(refusal)),
        E::Journal(error) => zh_error(error),
        E::Store(error) => {
            format!("数据目录的 {FILES_IN_HAND}：{error}；请检查磁盘和权限")
        }
    }
}

fn balance(balance: &Balance) -> String {
    balance.to_string()
}

fn refused_file(error: &RefusedFile) -> String {
    use RefusedFile as E;
    match error {
        E::Unreadable(error) => zh_error(error),
        E::NotUtf8 { file, line } => {
            format!(
                "{file}:{line}：文件不是 UTF-8 文本；请给出编码，例如 --encoding gbk，或索取原文件"
            )
        }
        E::Encoding(label) => {
            format!("没有编码 `{label}`；请给出 utf-8、gbk、windows-1252 等")
        }
        E::Archive { file, fault } => format!("{file}：{}", archive_fault(*fault)),
        E::Changed { file } => format!("{file} 在检查之后有变动；请重新给出"),
        E::Empty { file } => format!("{file} 为空；请重新索取"),
        E::Lines { file, faults, more } => {
            let mut text = format!("{file} 整份被拒绝：");
            for one in faults {
                text.push_str("\n  ");
                text.push_str(&faulty_line(one));
            }
            if *more > 0 {
                text.push_str(&format!("\n  另有 {more} 处"));
            }
            text
        }
    }
}

fn faulty_line(one: &FaultyLine) -> String {
    let (line, fault) = (one.line, file_fault(&one.fault));
    match &one.column {
        Some(column) => format!("第 {line} 行，{column}：{fault}"),
        None => format!("第 {line} 行：{fault}"),
    }
}

fn file_fault(fault: &FileFault) -> String {
    use FileFault as F;
    match fault {
        F::FieldCount { expected, found } => {
            format!("有 {found} 个字段，应为 {expected} 个；请勿编辑文件，请重新索取")
        }
        F::Misquoted => "右引号后还有文字；字段内的引号须写两次".to_owned(),
        F::NotThis(text) => format!("应为 `{text}`"),
        F::NotOneOf(texts) => format!("应为其中之一：{}", texts.replace(", ", "、")),
        F::CutShort => "文件不完整：缺少末行；请重新索取".to_owned(),
        F::AfterEnd => "该行在末行之后；请重新索取文件".to_owned(),
        F::NoColumn => "没有该列；请在表头中加入，其字段可为空".to_owned(),
        F::ColumnTwice => "表头中有两个该列；请去掉一个".to_owned(),
        F::NotAName(most) => format!("应为 1 至 {most} 个字符：a-z、0-9 和 -"),
        F::NotText(most) => format!("应为 1 至 {most} 个字符"),
        F::NotCharacters(count) => format!("应为 {count} 个字母或数字"),
        F::NotDigits(count) => format!("应为 {count} 位数字，且不全为零"),
        F::NotADate => "不是日期；请写作 2013-08-28".to_owned(),
        F::NotATime => "不是时间；请写作 2013-08-28T10:11:12Z".to_owned(),
        F::NotACurrency => "不是 ISO 4217 货币代码，例如 CNY".to_owned(),
        F::NotAnAmount(currency) => {
            format!("不是 {currency} 金额；请用小数点、不分组，例如 -12.50")
        }
        F::NotANumber => "不是数字".to_owned(),
        F::Zero => "金额为零；每笔记录须有金额".to_owned(),
        F::NotTheSame => "与前面各行不同；一份文件只有一个".to_owned(),
        F::DateGoesBack => "早于上一行的日期；请按日期排列".to_owned(),
        F::ReferenceTwice => "另一行也有；每笔记录的参考号不同".to_owned(),
        F::Net => "net 不等于 amount 减 kept_back；请与文件制作方核对".to_owned(),
        F::Total { stated, found, currency } => format!(
            "所列为 {}，各行合计为 {}；请重新索取文件",
            sum_text(*stated, *currency),
            sum_text(*found, *currency)
        ),
        F::Digest => "各行与发出时不一致：SHA-256 不同；请重新索取文件".to_owned(),
        F::TooMany(most) => format!("超过 {most} 个；请分开索取"),
        F::TooLong(most) => format!("超过 {most} 字节；请与文件制作方核对"),
        F::LineWidth { expected, found } => {
            format!("该行有 {found} 字节，应为 {expected} 字节；请重新索取文件")
        }
        F::NotDecoded => "不是该编码的文本；请用 --encoding 给出正确的编码".to_owned(),
        F::UnknownKind => "模板未说明该值的含义；请在模板副本的 [kinds] 中加入".to_owned(),
        F::Sign => "正负号与该笔的类型不符；请检查模板中的正负号".to_owned(),
        F::Missing => "为空；请重新索取文件".to_owned(),
        F::MissingRecord => "缺少；请向银行索取完整的对账单".to_owned(),
        F::Misplaced => "不应在此处；请向银行索取原始对账单".to_owned(),
        F::NotOfFormat => "写法不符合格式；请向银行索取原始对账单".to_owned(),
        F::OtherCurrency { found, wanted } => {
            format!("币种为 {found}，而对账单为 {wanted}；请按币种分别索取对账单")
        }
        F::OtherParty(_) => "不属于所指定的账户、网络或钱包；请给出其文件，或指定另一个".to_owned(),
        F::DayToCome => "文件日期未到；请索取日期正确的文件，或校正时钟".to_owned(),
        F::NoFileDate => "其时间没有年份；请保留发送时的文件名".to_owned(),
        F::RunningBalance => "余额与上一行不连续：有行缺失或被移动；请重新索取文件".to_owned(),
        F::Rounded => "电子表格已舍去该号码的数字；请索取原始文件，或将该列设为文本".to_owned(),
        F::NotACard => "不是 12 至 19 位的卡号".to_owned(),
        F::Xml => "XML 格式有误；请重新索取文件".to_owned(),
        F::Entities => "含有文档类型或实体，一律不展开；请索取不含它们的文件".to_owned(),
        F::TooDeep(most) => format!("元素嵌套超过 {most} 层；请与文件制作方核对"),
        F::NotAStatement => {
            "不是 02 至 08 版的 camt.053 或 camt.054 对账单；请索取该文件".to_owned()
        }
        F::NoBookedEntries => {
            "这是日间报告，没有已入账的记录；请向银行索取日终对账单（camt.053 或 MT940）".to_owned()
        }
        F::NotBooked => "为测试或撤回的记录；请向银行索取已入账的记录".to_owned(),
        F::Version(versions) => {
            format!("不支持该版本；请索取版本 {}", versions.replace(" to ", " 至 "))
        }
        F::FineTotal { stated, found } => format!(
            "所列为 {}，各行合计为 {}；请重新索取文件",
            parts_text(*stated),
            parts_text(*found)
        ),
        F::Shifted => "各列的位置与模板不符；请检查模板".to_owned(),
    }
}

fn archive_fault(fault: ArchiveFault) -> &'static str {
    use ArchiveFault as A;
    match fault {
        A::Broken => "zip 文件损坏或不完整；请重新索取",
        A::TooMany => "zip 中的文件过多；请解压后给出账单",
        A::Encrypted => "zip 文件有密码；请解压后给出账单",
        A::NoEntry => "zip 中没有模板所要的文件；请解压后给出",
        A::SeveralEntries => "zip 中有几个账单；请解压后分别给出",
        A::TooBig => "zip 解压后过大，账单不会如此；请与发送方核对",
    }
}
