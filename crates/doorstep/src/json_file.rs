//! What is wrong with a JSON file that a person wrote: what, where, and how to mend it.

use std::path::Path;

use serde_json::Error;
use serde_json::error::Category;

use crate::chinese;
use crate::words::{Lang, bilingual};

/// The fault of a file, in the language of the run.
pub fn fault(file: &Path, error: &Error) -> String {
    let (file, line, column) = (file.display(), error.line(), error.column());
    let whole = error.to_string();
    let place = format!(" at line {line} column {column}");
    let message = whole.strip_suffix(&place).unwrap_or(&whole);
    let what = match error.classify() {
        Category::Io | Category::Syntax | Category::Eof => not_json(message),
        Category::Data => wrong_value(message),
    };
    bilingual!(
        "{file}, line {line}, column {column}: {what}",
        "{file} 第 {line} 行第 {column} 列：{what}"
    )
}

/// The text is no JSON.
fn not_json(message: &str) -> String {
    let is_open = message.starts_with("EOF");
    if is_open {
        return bilingual!(
            "the file ends in the middle: close each list with `]`, each object with `}}` and each \
             text with `\"`",
            "文件未写完；请以 `]` 结束列表，以 `}}` 结束对象，以 `\"` 结束文字"
        );
    }
    match message {
        "trailing comma" => {
            bilingual!("a comma has nothing behind it: remove it", "逗号之后没有内容；请去掉")
        }
        "trailing characters" => bilingual!(
            "something stands behind the end of the list: remove it",
            "列表结束之后还有内容；请去掉"
        ),
        "key must be a string" => bilingual!(
            "the name of a field has no quotes: write it as `\"from\"`",
            "字段名没有引号；请写成 `\"from\"`"
        ),
        "expected `:`" => bilingual!(
            "`:` is missing behind the name of a field: add it",
            "字段名之后缺少 `:`；请补上"
        ),
        "expected `,` or `}`" | "expected `,` or `]`" => bilingual!(
            "a comma, or the end of the list or object, is missing here: add it",
            "此处缺少逗号，或列表、对象的结束；请补上"
        ),
        _ => bilingual!(
            "this is not JSON: write a number, a text in quotes, true, false, null, a list or an \
             object",
            "此处不是 JSON；请写数字、带引号的文字、true、false、null、列表或对象"
        ),
    }
}

/// It is JSON, and not what is declared.
fn wrong_value(message: &str) -> String {
    let quoted = |from: &'static str| message.strip_prefix(from);
    if let Some(field) = quoted("missing field ") {
        return bilingual!("the field {field} is missing: add it", "缺少字段 {field}；请补上");
    }
    if let Some(field) = quoted("duplicate field ") {
        return bilingual!(
            "the field {field} is there twice: leave one out",
            "字段 {field} 出现两次；请去掉一个"
        );
    }
    let known = |rest: &str| {
        let (name, known) = rest.split_once(", expected ").unwrap_or((rest, ""));
        let known = known.trim_start_matches("one of ");
        (name.to_owned(), known.to_owned())
    };
    if let Some(rest) = quoted("unknown field ") {
        let (name, all) = known(rest);
        let zh = all.replace(" or ", "、").replace(", ", "、");
        return bilingual!(
            "there is no field {name}: use one of {all}",
            "没有字段 {name}；请用其中之一：{zh}"
        );
    }
    if let Some(rest) = quoted("unknown variant ") {
        let (name, all) = known(rest);
        let zh = all.replace(" or ", "、").replace(", ", "、");
        return bilingual!(
            "{name} is none of the choices: use one of {all}",
            "{name} 不是可选项；请用其中之一：{zh}"
        );
    }
    let kinds = quoted("invalid type: ").or_else(|| quoted("invalid value: "));
    if let Some((found, expected)) = kinds.and_then(|rest| rest.split_once(", expected ")) {
        let (en, zh) = (expected_words(expected, Lang::En), expected_words(expected, Lang::Zh));
        let found_zh = found_in_chinese(found);
        return bilingual!(
            "{found} stands where {en} is needed: write {en}",
            "此处须为{zh}，而不是{found_zh}；请更正"
        );
    }
    if Lang::current() == Lang::Zh {
        return value_in_chinese(message);
    }
    format!("{message}; correct it")
}

/// What serde expects, in words of the field.
fn expected_words(expected: &str, lang: Lang) -> String {
    let (en, zh) = match expected {
        "a string" | "a borrowed string" => ("a text in quotes", "带引号的文字"),
        "a boolean" => ("true or false", " true 或 false"),
        "a sequence" => ("a list", "列表"),
        "u8" | "u16" | "u32" | "u64" | "usize" => {
            ("a whole number, not below 0", "不小于 0 的整数")
        }
        other if other.starts_with("struct ") || other == "a map" => ("an object", "对象"),
        other if other.starts_with("enum ") || other.contains("variant") => {
            ("one of the choices", "可选项之一")
        }
        other => (other, "其他类型的值"),
    };
    lang.pick(en, zh).to_owned()
}

fn found_in_chinese(found: &str) -> String {
    let (kind, rest) = found.split_once(' ').unwrap_or((found, ""));
    let kind = match kind {
        "integer" => "整数",
        "floating" => return format!("小数{}", rest.trim_start_matches("point")),
        "string" => "文字",
        "boolean" => "布尔值",
        "null" => "空值",
        "sequence" => "列表",
        "map" => "对象",
        _ => return found.to_owned(),
    };
    if rest.is_empty() { kind.to_owned() } else { format!("{kind} {rest}") }
}

/// A value of the right type that its field does not take: an identifier, a currency, a rate.
fn value_in_chinese(message: &str) -> String {
    let currency = message.split('`').nth(1).map(str::parse::<money::Currency>);
    if let Some(Err(error)) = currency
        && error.to_string() == message
    {
        return format!("{}；请更正", chinese::error(&error, Lang::Zh));
    }
    if message == market::TokenError.to_string() {
        return "标记为 32 位十六进制数字，a 到 f 须小写；请更正".to_owned();
    }
    if message.starts_with("an identifier is") {
        return "编号是 0 到 18446744073709551615 的十进制整数，不带符号，也不以 0 开头；请更正"
            .to_owned();
    }
    if message.starts_with("the rate is above") {
        return "比例超过 1000000（百万分率，即 100%）；请更正".to_owned();
    }
    "此处的值不是该字段可用的值；请更正".to_owned()
}
