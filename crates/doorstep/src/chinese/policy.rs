//! Errors of policy files.

use std::error::Error;

use ::policy::file::{ENTRY_CHARS_MAX, FILE_BYTES_MAX, PolicyFileError, PolicyProblem, RULES_MAX};

use super::{toml_message, zh_error};

pub(super) fn text(error: &(dyn Error + 'static)) -> Option<String> {
    error.downcast_ref().map(policy_file_error)
}

fn policy_file_error(error: &PolicyFileError) -> String {
    let place = error.place.replacen("the file", "文件", 1).replacen("the version", "版本", 1);
    let place = place.replacen("line ", "行 ", 1).replacen("rule ", "规则 ", 1);
    format!("{place}：{}", policy_problem(&error.what))
}

fn policy_problem(problem: &PolicyProblem) -> String {
    use PolicyProblem as P;
    match problem {
        P::FileTooLong => format!("规则文件最多 {FILE_BYTES_MAX} 字节；请缩短其词表"),
        P::Toml(message) => toml_message(message),
        P::TooManyRules => format!("一个版本最多 {RULES_MAX} 条规则；请删减"),
        P::SameId => "两条规则的 id 相同；请改其中一个".to_owned(),
        P::Empty(key) => format!("`{key}` 为空；请填写"),
        P::TooLong(key) => format!("`{key}` 超过 {ENTRY_CHARS_MAX} 个字符；请缩短"),
        P::TooManyEntries(key, most) => format!("`{key}` 超过 {most} 项；请缩短"),
        P::Bidi(key) => format!("`{key}` 含有改变书写方向的字符；请删除"),
        P::ApprovedByAuthor => "批准人就是作者；请由另一人批准".to_owned(),
        P::EndsBeforeBegin { from, until } => {
            format!("结束日为 {until}，而开始日为 {from}；请更正 `until`")
        }
        P::NothingToMatch => {
            "没有词语、模式，也没有 `discount`；请增加一项，或删除该规则".to_owned()
        }
        P::NoExample(key) => format!("`{key}` 没有例子；请写一个说明规则含义的例子"),
        P::Vanishes(word) => {
            format!("经过规则的各步骤后 `{word}` 什么都不剩；请删除它，或去掉某个步骤")
        }
        P::Pattern(pattern, why) => {
            format!("模式 `{pattern}` 无效（{why}）；请写线性时间内可运行的模式")
        }
        P::MatchesNothing(pattern) => format!("模式 `{pattern}` 匹配空文本；请加长"),
        P::TooManyNeedles(why) => format!("词语无法编译（{why}）；请缩短词表"),
        P::DoesNotMatch(text) => format!("例子 `{text}` 应匹配而未匹配；请更正规则或例子"),
        P::Matches(text) => format!("例子 `{text}` 不应匹配而匹配了；请更正规则或例子"),
        P::Date(error) => zh_error(error),
        P::Amount(error) => zh_error(error),
    }
}
