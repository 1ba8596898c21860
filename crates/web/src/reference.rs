//! The reference of the API as pages, in English and Chinese: no scripts, our own style sheet.

use std::collections::BTreeMap;

use askama::Template;
use office::descriptions::{description, first_sentence};
use office::{Language, fields, is_filled_in};
use serde_json::Value;
use views::{ViewColumn, ViewSpec};

use crate::app::WebTexts;
use crate::field_forms::form;
use crate::handlers::{ACCOUNT, DIGEST, SET_PAYOUT_ACCOUNT};
use crate::openapi::{document, needs_two, problems_of};
use crate::operations::{Action, OPERATIONS, Operation};
use crate::problem::{PROBLEMS_PATH, ProblemType, problem_types};
use crate::sent_fields::{CODE, example, is_sent, takes_code};
use crate::view_values::schema;
use crate::words::BilingualText;

/// The style sheet of the pages.
pub const STYLE: &str = include_str!("../templates/style.css");

/// All that is served of it, made once.
pub(crate) struct Reference {
    en: String,
    zh: String,
    pub document: String,
    problems: BTreeMap<String, ProblemType>,
}

struct FieldRow {
    name: String,
    of: String,
    is_required: bool,
    about: String,
}

struct OperationRow<'o> {
    id: &'o str,
    method: &'o str,
    path: &'o str,
    about: String,
    /// The rest of what a command does.
    more: String,
    needs_two: bool,
    fields: Vec<FieldRow>,
    curl: String,
    example: String,
    problems: Vec<&'o str>,
}

struct Section<'o> {
    name: &'static str,
    title: &'static str,
    operations: Vec<OperationRow<'o>>,
}

#[derive(Template)]
#[template(path = "reference.html")]
struct ReferencePage<'o> {
    is_zh: bool,
    sections: Vec<Section<'o>>,
    problems: Vec<(&'o str, u16, &'o str)>,
}

#[derive(Template)]
#[template(path = "problem.html")]
struct ProblemPage<'o> {
    is_zh: bool,
    name: &'o str,
    status: u16,
    about: &'o str,
}

/// The sections of the page: tag, title in English and in Chinese.
const SECTIONS: [(&str, &str, &str); 11] = [
    ("commands", "Commands", "命令"),
    ("views", "Views", "视图"),
    ("looks", "Today", "今日"),
    ("notices", "Notices", "通知"),
    ("pulse", "The daily report", "日报"),
    ("policy", "The policy", "政策"),
    ("proposals", "Two people", "两人复核"),
    ("files", "Files", "文件"),
    ("personal-data", "Personal data", "个人信息"),
    ("market", "The market", "市场"),
    ("sessions", "Sessions", "会话"),
];

impl Reference {
    pub fn new(texts: &WebTexts) -> Reference {
        let problems = problem_types(texts.chinese);
        let page = |language| rendered(texts, &problems, language);
        let document = document().to_string();
        let (en, zh) = (page(Language::En), page(Language::Zh));
        Reference { en, zh, document, problems }
    }

    pub fn page(&self, language: Language) -> &str {
        match language {
            Language::En => &self.en,
            Language::Zh => &self.zh,
        }
    }

    /// The page of a type of problem.
    pub fn problem(&self, name: &str, language: Language) -> Option<String> {
        let one = self.problems.get(name)?;
        let about = one.about.in_language(language);
        let is_zh = language == Language::Zh;
        let page = ProblemPage { is_zh, name: &one.name, status: one.status, about };
        page.render().ok()
    }
}

fn section_of(action: Action) -> Option<&'static str> {
    Some(match action {
        Action::Give(_) => "commands",
        Action::List(_) | Action::Detail(_) | Action::Search | Action::Statement => "views",
        Action::Look(_) => "looks",
        Action::Notices | Action::Notice => "notices",
        Action::Policy
        | Action::PolicyReport
        | Action::HeldTexts
        | Action::OpenAppeals
        | Action::OfferDecisions => "policy",
        Action::Publications | Action::Publication | Action::Figure => "pulse",
        Action::Proposals | Action::Approve | Action::Withdraw => "proposals",
        Action::TakeFile(_) | Action::OfferFile => "files",
        Action::Disclose | Action::PayoutFiles | Action::PayoutAccounts => "personal-data",
        Action::KeepText | Action::KeepPicture | Action::Quote | Action::Track => "market",
        Action::Reference | Action::Style | Action::OpenApi | Action::Problem => return None,
        _ => "sessions",
    })
}

fn rendered(
    texts: &WebTexts,
    problems: &BTreeMap<String, ProblemType>,
    language: Language,
) -> String {
    let is_zh = language == Language::Zh;
    let sections = SECTIONS.iter().map(|(name, en, zh)| Section {
        name,
        title: if is_zh { zh } else { en },
        operations: OPERATIONS
            .iter()
            .filter(|one| section_of(one.action) == Some(name))
            .map(|one| row(one, texts, problems, language))
            .collect(),
    });
    let page = ReferencePage {
        is_zh,
        sections: sections.collect(),
        problems: problems
            .values()
            .map(|one| (one.name.as_str(), one.status, one.about.in_language(language)))
            .collect(),
    };
    // The template is part of the program: it can only fail for want of memory.
    page.render().unwrap_or_default()
}

fn row<'o>(
    operation: &'o Operation,
    texts: &WebTexts,
    problems: &'o BTreeMap<String, ProblemType>,
    language: Language,
) -> OperationRow<'o> {
    let (mut about, mut more) = (operation.about.in_language(language).to_owned(), String::new());
    let (mut rows, mut body, mut by_two) = (Vec::new(), None, false);
    if let Action::Give(spec) = operation.action
        && let Some(of) = fields::declared().of(spec.name)
    {
        let whole = (texts.command)(spec.name, language);
        let first = match language {
            Language::En => first_sentence(&whole),
            Language::Zh => whole.split_inclusive('。').next().unwrap_or_default(),
        };
        more = whole[first.len()..].trim().to_owned();
        about = first.trim_end_matches(['.', '。']).to_owned();
        by_two = needs_two(spec);
        body = Some(example(spec));
        let required: Vec<&str> = fields::required(of).collect();
        rows = of
            .fields()
            .filter(|(name, _)| is_sent(of, name))
            .map(|(name, field)| FieldRow {
                name: name.to_owned(),
                of: form(field).in_language(language).to_owned(),
                is_required: required.contains(&name) && !is_filled_in(spec.name, of, name),
                about: match language {
                    Language::En => described(of.schema(), name),
                    Language::Zh => (texts.field)(spec.name, name),
                },
            })
            .collect();
        if takes_code(spec) {
            let words = BilingualText::fixed(
                "The one-time code that the courier shows: six digits.",
                "快递员出示的一次性验证码，六位数字。",
            );
            rows.push(FieldRow {
                name: CODE.to_owned(),
                of: BilingualText::fixed("a text", "文字").in_language(language).to_owned(),
                is_required: true,
                about: words.in_language(language).to_owned(),
            });
        }
        if spec.name == SET_PAYOUT_ACCOUNT
            && let Some(row) = rows.iter_mut().find(|row| row.name == DIGEST)
        {
            // The account itself is given.
            row.name = ACCOUNT.to_owned();
            row.about = match language {
                Language::En => "name, and iban, or bank_code and account. It is sealed",
                Language::Zh => "name，以及 iban，或 bank_code 和 account；封存于保管库",
            }
            .to_owned();
        }
    }
    if let Action::List(view) = operation.action {
        rows =
            view.columns.iter().map(|column| column_row(view, column, texts, language)).collect();
    }
    let curl = curl(operation, body.as_ref());
    let problems = problems_of(operation, problems.values());
    // All refusals of the books are of every command: the list at the end has them.
    let is_of_books = |one: &&ProblemType| matches!(one.status, 404 | 409);
    let is_command = body.is_some();
    let named = problems.into_iter().filter(|one| !is_of_books(one) || !is_command);
    OperationRow {
        id: &operation.id,
        method: operation.method.as_str(),
        path: &operation.path,
        about,
        more,
        needs_two: by_two,
        fields: rows,
        curl,
        example: body.map(|body| format!("{body:#}")).unwrap_or_default(),
        problems: named.map(|one| one.name.as_str()).collect(),
    }
}

fn described(schema: &Value, field: &str) -> String {
    let of = schema.get("properties").and_then(|all| all.get(field));
    of.and_then(description).unwrap_or_default()
}

fn column_row(
    view: &ViewSpec,
    column: &ViewColumn,
    texts: &WebTexts,
    language: Language,
) -> FieldRow {
    let schema = schema(column);
    let one = schema.pointer("/anyOf/0").unwrap_or(&schema);
    let of = ["enum", "format", "type"].iter().find_map(|name| one.get(name));
    let words = of.and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
    let words = words.collect::<Vec<_>>().join(" | ");
    FieldRow {
        name: column.name.to_owned(),
        of: of.and_then(Value::as_str).map_or(words, str::to_owned),
        is_required: false,
        about: match language {
            Language::En => column.doc.to_owned(),
            Language::Zh => (texts.view)(view, Some(column)),
        },
    }
}

/// A line for a shell.
fn curl(operation: &Operation, body: Option<&Value>) -> String {
    let mut line = String::from("curl");
    if operation.method.as_str() != "GET" {
        line += &format!(" -X {}", operation.method);
    }
    line += &format!(" https://HOST{}", operation.path);
    if !operation.is_open {
        line += " \\\n  -H \"Authorization: Bearer $KEY\"";
    }
    match operation.action {
        Action::Give(_) => {
            line += " \\\n  -H \"Idempotency-Key: $(uuidgen)\"";
            line += " \\\n  -H 'Content-Type: application/json'";
            let body = body.map(Value::to_string).unwrap_or_default();
            line += &format!(" \\\n  -d '{body}'");
        }
        Action::Disclose | Action::PayoutFiles => {
            let body = match operation.action {
                Action::Disclose => r#"{"parcel": "my-shop/A1", "purpose": "Delivery"}"#,
                _ => r#"{"plan": "plan_1"}"#,
            };
            line += " \\\n  -H 'Content-Type: application/json'";
            line += &format!(" \\\n  -d '{body}'");
        }
        Action::Quote => {
            let body = r#"{"currency": "CNY", "lines": [{"variant": "var_42", "quantity": 1}]}"#;
            line += " \\\n  -H 'Content-Type: application/json'";
            line += &format!(" \\\n  -d '{body}'");
        }
        Action::KeepText => {
            let body = r#"{"title": "高山乌龙茶", "language": "zh"}"#;
            line += " \\\n  -H 'Content-Type: application/json'";
            line += &format!(" \\\n  -d '{body}'");
        }
        Action::KeepPicture => {
            line += " \\\n  -H 'Content-Type: image/jpeg' \\\n  --data-binary @FILE";
        }
        Action::TakeFile(_) => {
            line += " \\\n  -H 'Content-Type: text/csv' \\\n  --data-binary @FILE";
        }
        _ => {}
    }
    line
}

impl ReferencePage<'_> {
    fn pick<'t>(&self, en: &'t str, zh: &'t str) -> &'t str {
        if self.is_zh { zh } else { en }
    }

    fn problem_path(&self, name: &str) -> String {
        format!("{PROBLEMS_PATH}{name}")
    }
}

impl ProblemPage<'_> {
    fn pick<'t>(&self, en: &'t str, zh: &'t str) -> &'t str {
        if self.is_zh { zh } else { en }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_style_sheet_is_small_and_in_layers() {
        assert!(STYLE.len() <= 30 << 10, "{} bytes", STYLE.len());
        assert!(STYLE.starts_with("@layer ") && STYLE.contains("prefers-color-scheme: dark"));
    }

    #[test]
    fn the_page_has_every_operation_and_no_script() {
        let texts = WebTexts {
            chinese: |error| error.to_string(),
            command: |name, _| name.to_owned(),
            field: |_, field| field.to_owned(),
            variant: |_, _, _| None,
            view: |view, _| view.name.to_owned(),
            notice_reason: |why, _| why.to_owned(),
        };
        let reference = Reference::new(&texts);
        for language in [Language::En, Language::Zh] {
            let page = reference.page(language);
            for one in OPERATIONS.iter().filter(|one| section_of(one.action).is_some()) {
                assert!(page.contains(&format!("id=\"{}\"", one.id)), "{}", one.id);
            }
            assert!(!page.contains("<script") && !page.contains("style="));
        }
        assert!(reference.problem("amount-zero", Language::En).unwrap().contains("409"));
        assert!(reference.problem("no-such", Language::En).is_none());
    }
}
