//! Chinese for texts that other crates know in English only.
//!
//! Each enum of errors has one `match` without a default: a new variant compiles with Chinese only.
//! Of texts of the system and of TOML the commonest are known; those of other people's libraries stay
//! English, as details.

mod access;
#[cfg(test)]
mod advice;
mod backup;
mod books;
mod calendar;
mod files;
mod host;
mod journal;
mod keys;
mod market;
mod notices;
mod office;
mod policy;
mod pulse;
mod simulation;
mod take;
mod vault;
mod views;
mod web;

use std::error::Error;

use ::books::Refusal;
use ::books::chart::AccountKind;

pub use self::files::{
    bad_line, bad_line_reason, bad_line_texts, left_out_reason, profile_warning,
};
pub use self::office::expected;
pub use self::views::of_view;
use crate::texts;
use crate::words::Lang;

/// One cause of an error.
pub fn error(error: &(dyn Error + 'static), lang: Lang) -> String {
    let chinese = match lang {
        Lang::En => None,
        Lang::Zh => {
            let texts =
                [access::text, files::text, books::text, calendar::text, journal::text, keys::text];
            let others = [
                host::text,
                market::text,
                office::text,
                simulation::text,
                take::text,
                backup::text,
                vault::text,
                views::text,
                web::text,
                notices::text,
                policy::text,
                pulse::text,
            ];
            texts.iter().chain(&others).find_map(|text| text(error))
        }
    };
    let text = chinese.unwrap_or_else(|| error.to_string());
    match (lang, error.downcast_ref::<toml::de::Error>()) {
        (Lang::En, _) => text,
        (Lang::Zh, Some(_)) => files::toml_detail(text.trim_end()),
        (Lang::Zh, None) => with_system_texts(text),
    }
}

/// What the system says, wherever an error quotes it. What is not here stays English.
const SYSTEM_TEXTS: [(&str, &str); 16] = [
    ("No such file or directory", "没有这个文件或目录"),
    ("Permission denied", "没有权限"),
    ("Operation not permitted", "不允许这样做"),
    ("Is a directory", "是目录"),
    ("Not a directory", "不是目录"),
    ("Directory not empty", "目录不为空"),
    ("File exists", "文件已存在"),
    ("File name too long", "文件名过长"),
    ("No space left on device", "磁盘空间不足"),
    ("Read-only file system", "文件系统只读"),
    ("Input/output error", "读写出错"),
    ("Too many open files", "打开的文件过多"),
    ("Broken pipe", "接收方已关闭"),
    ("Connection refused", "连接被拒绝"),
    ("Address already in use", "地址已被占用"),
    ("Cannot assign requested address", "本机没有这个地址"),
];
/// Behind each, with its number.
const SYSTEM_TEXT_END: &str = " (os error ";

fn with_system_texts(text: String) -> String {
    if !text.contains(SYSTEM_TEXT_END) {
        return text;
    }
    SYSTEM_TEXTS.iter().fold(text, |text, (english, chinese)| {
        let quoted = |words: &str| [words, SYSTEM_TEXT_END].concat();
        text.replace(&quoted(english), &quoted(chinese))
    })
}

/// The commonest messages of serde about the keys and values of a TOML file. Others stay English.
pub fn toml_message(english: &str) -> String {
    let keys = |keys: &str| keys.replace(" or ", "、").replace(", ", "、");
    let unknown = |rest: &str| {
        let (key, known) = rest.split_once(", expected ")?;
        let known = known.trim_start_matches("one of ");
        Some(format!("没有键 {key}；可用的键：{}", keys(known)))
    };
    let wrong = |rest: &str| {
        let (found, wanted) = rest.split_once(", expected ")?;
        let (name, value) = found.split_at(found.find(['`', '"']).unwrap_or(found.len()));
        let (found, wanted) = (toml_type(name) + value, toml_type(wanted));
        Some(format!("{}，应为{}", found.trim_end(), wanted.trim_end()))
    };
    let chinese = None
        .or_else(|| unknown(english.strip_prefix("unknown field ")?))
        .or_else(|| Some(format!("缺少键 {}", english.strip_prefix("missing field ")?)))
        .or_else(|| Some(format!("有两个键 {}", english.strip_prefix("duplicate field ")?)))
        .or_else(|| Some(format!("类型不对：{}", wrong(english.strip_prefix("invalid type: ")?)?)))
        .or_else(|| Some(format!("值不对：{}", wrong(english.strip_prefix("invalid value: ")?)?)));
    chinese.unwrap_or_else(|| english.to_owned())
}

/// What serde calls a type of values in TOML.
fn toml_type(english: &str) -> String {
    let numbers = ["u8", "u16", "u32", "u64", "usize", "i16", "i32", "i64"];
    match english.trim().trim_start_matches("a ").trim_start_matches("an ") {
        "boolean" => "布尔值 ".to_owned(),
        "string" => "文字 ".to_owned(),
        "integer" => "整数 ".to_owned(),
        one if numbers.contains(&one) => format!("整数（{one}）"),
        "floating point" => "小数 ".to_owned(),
        "sequence" => "列表 ".to_owned(),
        "map" => "表 ".to_owned(),
        other => format!(" {other}"),
    }
}

/// A cause inside another error.
fn zh_error(cause: &(dyn Error + 'static)) -> String {
    error(cause, Lang::Zh)
}

/// See [`phrase`].
fn zh(english: &str) -> String {
    phrase(english, Lang::Zh)
}

/// A fixed clause that an error holds in English. `#` in the texts stands for a number.
pub fn phrase(english: &str, lang: Lang) -> String {
    if lang == Lang::En {
        return english.to_owned();
    }
    let known = |clause: &str| {
        let of = |section| texts::entry(Lang::Zh, section, clause);
        of("phrase").or_else(|| of("reason"))
    };
    if let Some(chinese) = known(english) {
        return chinese.to_owned();
    }
    let digit = |c: char| c.is_ascii_digit();
    let (mut clause, mut rest) = (String::new(), english);
    let mut numbers = Vec::new();
    while let Some(start) = rest.find(digit) {
        let end = rest[start..].find(|c| !digit(c)).map_or(rest.len(), |length| start + length);
        clause.extend([&rest[..start], "#"]);
        numbers.push(&rest[start..end]);
        rest = &rest[end..];
    }
    clause.push_str(rest);
    let Some(chinese) = known(&clause) else { return english.to_owned() };
    numbers.iter().fold(chinese.to_owned(), |text, number| text.replacen('#', number, 1))
}

/// Why a notice did not arrive, as a channel says it: a clause, or one with its cause.
pub fn notice_reason(english: &str, lang: Lang) -> String {
    let whole = phrase(english, lang);
    if lang == Lang::En || whole != english {
        return whole;
    }
    let answered = english.strip_prefix("the mail server answered ");
    if let Some((code, to)) = answered.and_then(|rest| rest.split_once(" to ")) {
        return format!("邮件服务器对 {to} 应答 {code}");
    }
    let parts = english.strip_suffix(" parts were sent").and_then(|rest| rest.split_once(" of "));
    if let Some((sent, all)) = parts {
        return format!("{all} 条短信中已发出 {sent} 条");
    }
    for (mark, in_chinese) in [(", then ", "，随后"), (": ", "：")] {
        if let Some((clause, cause)) = english.split_once(mark) {
            return [&notice_reason(clause, lang), in_chinese, &notice_reason(cause, lang)]
                .concat();
        }
    }
    whole
}

/// Why a value on the command line is invalid. Clap's words about numbers are replaced.
pub fn value_error(cause: &(dyn Error + 'static), lang: Lang) -> String {
    use std::num::{IntErrorKind, ParseIntError};
    if let Some(error) = cause.downcast_ref::<ParseIntError>() {
        return match error.kind() {
            IntErrorKind::PosOverflow | IntErrorKind::NegOverflow => {
                texts::text(lang, "value.too_large").to_owned()
            }
            _ => texts::text(lang, "value.not_a_number").to_owned(),
        };
    }
    if lang == Lang::Zh && cause.is::<reports::CommandPositionError>() {
        return texts::text(lang, "command_line.not_a_position").to_owned();
    }
    let text = error(cause, lang);
    // The text of clap's ranges: `0 is not in 1..=9`.
    let range = text.split_once(" is not in ").and_then(|(_, range)| range.split_once("..="));
    let bound = |text: &str| text.parse::<i128>().ok();
    match range.and_then(|(least, most)| Some((bound(least)?, bound(most)?))) {
        Some((least, most)) => {
            texts::filled(lang, "value.out_of_range", &[("least", &least), ("most", &most)])
        }
        None => text,
    }
}

/// A refusal of the books.
pub fn refusal(refusal: &Refusal, lang: Lang) -> String {
    error(refusal, lang)
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
        A::SellerReceivable => "资产:应收卖家账单",
        A::CourierCash => "资产:快递员持有现金",
        A::CourierShortage => "资产:快递员短款",
        A::FirmCash => "资产:快递公司待缴存现金",
        A::Suspense => "资产:挂账",
        A::SellerHeld => "负债:卖家待结算款",
        A::SellerPayable => "负债:应付卖家",
        A::PayoutInFlight => "负债:在途打款",
        A::FirmCommission => "负债:应付快递公司佣金及运费",
        A::BuyerRefunds => "负债:应退买家",
        A::VatPayable => "负债:应交增值税",
        A::WithholdingPayable => "负债:应交代扣税款",
        A::IssuerFees => "收入:发卡行手续费",
        A::NetworkFees => "收入:卡组织手续费",
        A::AcquirerFees => "收入:收单手续费",
        A::WalletFees => "收入:钱包手续费",
        A::CodFees => "收入:代收服务费",
        A::ReturnFees => "收入:退件费",
        A::ClearingCost => "费用:清算手续费",
        A::WriteOffs => "费用:核销",
        A::OtherIncome => "收入:其他",
        A::OtherExpenses => "费用:其他",
        A::Promotions => "费用:促销",
    }
}

/// A fee kind by its name in JSON.
pub fn fee_kind(kind: &str, lang: Lang) -> &str {
    if lang == Lang::En {
        return match kind {
            "cod" => "COD fee",
            "return" => "return fee",
            "vat" => "VAT",
            other => other,
        };
    }
    match kind {
        "issuer" => "发卡行",
        "network" => "卡组织",
        "acquirer" => "收单",
        "wallet" => "钱包",
        "cod" => "代收服务费",
        "commission" => "佣金",
        "return" => "退件费",
        "vat" => "增值税",
        "freight" => "运费",
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
        "failing" => "该地址失败过多",
        "foreign" => "本机其他用户",
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
    fn a_reason_of_a_channel_is_in_chinese_with_its_cause() {
        let zh = |english| notice_reason(english, Lang::Zh);
        for (english, chinese) in [
            ("the endpoint answered 503", "接收地址应答 503"),
            ("no connection: connection refused", "无法连接：连接被拒绝"),
            ("WeChat answered errcode -1", "微信应答 errcode -1"),
            ("no access token: the name was not found", "没有 access token：找不到该名称"),
            ("the mail server answered 550 5.1.1 to RCPT", "邮件服务器对 RCPT 应答 550 5.1.1"),
            (
                "1 of 3 parts were sent, then the SMS centre did not answer in time",
                "3 条短信中已发出 1 条，随后短信中心未在时限内应答",
            ),
        ] {
            assert_eq!(zh(english), chinese);
        }
        assert_eq!(notice_reason("it waited 30 days", Lang::En), "it waited 30 days");
    }

    #[test]
    fn every_account_kind_has_a_name_of_its_own() {
        let names = AccountKind::ALL.map(|kind| account_kind(kind, Lang::Zh));
        let different: std::collections::BTreeSet<_> = names.iter().collect();
        assert_eq!(different.len(), names.len());
    }

    #[test]
    fn the_numbers_of_a_clause_stay() {
        let clause = phrase("an echo may take timing.link_answer_ms = 500", Lang::Zh);
        assert_eq!(clause, "一次回响可能需要 timing.link_answer_ms = 500");
        assert_eq!(phrase("a clause of 2 words", Lang::Zh), "a clause of 2 words");
    }

    #[test]
    fn wrong_keys_of_a_file_are_named_in_chinese() {
        #[derive(Debug, serde::Deserialize)]
        #[serde(deny_unknown_fields)]
        #[allow(dead_code, reason = "only its errors are of interest")]
        struct File {
            one: u8,
            two: u8,
        }
        let of = |text: &str| toml_message(toml::from_str::<File>(text).unwrap_err().message());
        assert_eq!(of("three = 1"), "没有键 `three`；可用的键：`one`、`two`");
        assert_eq!(of("one = 1"), "缺少键 `two`");
        assert_eq!(of("one = true"), "类型不对：布尔值 `true`，应为整数（u8）");
        assert_eq!(of("one = 300"), "值不对：整数 `300`，应为整数（u8）");
        let broken = toml::from_str::<File>("one = 1\none").unwrap_err();
        assert!(error(&broken, Lang::Zh).starts_with("第 2 行第 4 列："));
        assert!(error(&broken, Lang::En).starts_with("TOML parse error at line 2"));
    }

    #[test]
    fn what_the_system_says_is_in_chinese_with_its_number() {
        let missing = || std::fs::File::open("/nowhere/at/all").unwrap_err();
        assert_eq!(error(&missing(), Lang::Zh), "没有这个文件或目录 (os error 2)");
        assert_eq!(error(&missing(), Lang::En), "No such file or directory (os error 2)");
        let quoted = format!("a.csv：{}；请检查", missing());
        assert_eq!(with_system_texts(quoted), "a.csv：没有这个文件或目录 (os error 2)；请检查");
    }

    #[test]
    fn the_causes_of_an_error_are_chinese() {
        let cause = ::files::orders::ImportError::Empty { file: "a.csv".into() };
        assert_eq!(error(&cause, Lang::Zh), "a.csv 为空；请重新导出并保留表头");
        assert!(error(&cause, Lang::En).starts_with("a.csv is empty"));
        assert!(refusal(&Refusal::ParcelState, Lang::Zh).starts_with("包裹状态不符；请"));
    }
}
