//! Errors of files of claims.

use std::error::Error;

use ::pulse::claims::{
    CLAIMS_MAX, ClaimFileError, ClaimFileProblem, DIGITS_MAX, ENTRIES_MAX, FILE_BYTES_MAX,
    FigureError, TEXT_CHARS_MAX,
};

use super::{toml_message, zh_error};

pub(super) fn text(error: &(dyn Error + 'static)) -> Option<String> {
    None.or_else(|| error.downcast_ref().map(claim_file_error))
        .or_else(|| error.downcast_ref().map(claim_file_problem))
}

fn claim_file_error(error: &ClaimFileError) -> String {
    format!("第 {} 行：{}", error.line, claim_file_problem(&error.what))
}

fn claim_file_problem(problem: &ClaimFileProblem) -> String {
    use ClaimFileProblem as P;
    match problem {
        P::FileTooLong => {
            format!("文件超过 {FILE_BYTES_MAX} 字节；请拆分，并一次给出所有文件")
        }
        P::TooManyClaims => format!("论断超过 {CLAIMS_MAX} 条；请分次判断"),
        P::Toml(message) => toml_message(message),
        P::Unquoted(figure) => {
            format!("`{figure}` 没有引号；数字请写作 \"437.13\"，以保留其位数")
        }
        P::NoClaims => "没有论断；请以 [[claim]] 开始一条".to_owned(),
        P::EmptyText(key) => format!("`{key}` 为空；请写文字，可省略的键也可以不写"),
        P::LongText(key) => format!("`{key}` 超过 {TEXT_CHARS_MAX} 个字符；请缩短"),
        P::ControlText(key) => format!("`{key}` 含有控制字符；请去掉"),
        P::SameId(id) => format!("两条论断的 id 都是 `{id}`；请改其中一个"),
        P::TooManyEntries(key) => format!("`{key}` 超过 {ENTRIES_MAX} 项；请拆分论断"),
        P::SameValue { name, currency } => {
            let of =
                currency.map_or("不带币种的".to_owned(), |currency| format!("{currency} "));
            format!("`{name}` 有两个{of}数值；请删除一个，或为另一个改名")
        }
        P::NoParts(whole) => format!("`{whole}` 没有组成部分；请在 `of` 中至少写一个"),
        P::PartOfItself(name) => format!("`{name}` 是自身的一部分；请写另一个整体或部分"),
        P::SamePart { whole, part } => {
            format!("`{part}` 在 `{whole}` 的组成部分中出现两次；请删除一个")
        }
        P::SameShare { part, whole } => {
            format!("`{part}` 占 `{whole}` 的比例出现两次；请删除一个")
        }
        P::SameGrowth { value, over } => {
            format!("`{value}` 相对于 {over} 的增长出现两次；请删除一个")
        }
        P::OverItself(period) => {
            format!("`over` 写的是论断自己的期间 {period}；请写更早的期间")
        }
        P::SameRate { from, to } => format!("{from} 与 {to} 的汇率出现两次；请删除一个"),
        P::RateToItself(currency) => format!("汇率由 {currency} 兑自身；请写两个币种"),
        P::Currency(error) => zh_error(error),
        P::Figure { key, error } => format!("`{key}`：{}", figure_error(error)),
    }
}

fn figure_error(error: &FigureError) -> String {
    use FigureError as E;
    match error {
        E::Empty => "数字为空；请写出其位数".to_owned(),
        E::Negative(shown) => format!("`{shown}` 是负数；请写零或正数"),
        E::ZeroRate(shown) => format!("`{shown}` 为零；汇率请写大于零的数"),
        E::Scientific(shown) => format!("`{shown}` 是科学记数法；请写出全部数字"),
        E::Separators(shown) => {
            format!("`{shown}` 有千位分隔符；请不带分隔符书写，例如 1234.5")
        }
        E::PercentSign(shown) => format!("`{shown}` 有百分号；请只写数字，例如 36.1"),
        E::TooManyDigits(shown) => {
            format!("`{shown}` 超过 {DIGITS_MAX} 位数字；请写公布的位数")
        }
        E::Malformed(shown) => format!("`{shown}` 不是数字；请写带小数点的数字，例如 437.13"),
        E::OutOfRange { shown, least, most } => {
            format!("`{shown}` 超出范围；请写 {least} 至 {most} 之间的百分比")
        }
    }
}
