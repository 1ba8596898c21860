//! What is given to the books: a version, and texts.

use books::PersonId;
use listings::{OfferText, TextStore};
use office::Request;
use policy::ActivatePolicy;
use screening::TABLES_VERSION;
use serde_json::{Value, json};

use super::{ActivateArgs, TextArgs, read};
use crate::data_directory::{read_at_head, read_text};
use crate::office_requests;
use crate::texts::{filled, text as words};
use crate::words::{Lang, say};

const TEXT_FILE_BYTES_MAX: usize = 8 << 20;

pub(super) fn activate(args: &ActivateArgs) -> anyhow::Result<()> {
    // Every example was matched when this is read.
    let file = read(&args.file)?;
    let head = read_at_head(&args.data)?;
    let today = head.today();
    let examples = file.rules.iter().map(|rule| rule.matches.len() + rule.passes.len());
    let examples: usize = examples.sum();
    let version = ActivatePolicy {
        version: head.engine.policy().last_version() + 1,
        name: file.name,
        from: args.from.unwrap_or_else(|| file.from.max(today)),
        examples: u32::try_from(examples)?,
        rules: file.rules,
        suspended_after: file.suspended_after,
        suspended_share: file.suspended_share,
        tables: TABLES_VERSION.to_owned(),
        failing: Vec::new(),
        proposed_by: PersonId(0),
        approved_by: PersonId(0),
    };
    drop(head);
    let mut fields = serde_json::to_value(&version)?;
    if let Some(fields) = fields.as_object_mut() {
        // The office fills in who gives it.
        fields.remove("proposed_by");
        fields.remove("approved_by");
        let second = args.approved_by.clone().map(Value::from);
        fields.extend(second.map(|second| ("approved_by".to_owned(), second)));
    }
    let fields = fields.as_object().cloned().unwrap_or_default();
    let request = Request::Give { command: "ActivatePolicy".to_owned(), fields };
    let answer = office_requests::ask(&args.data, request, args.person.clone());
    office_requests::print_answered(answer, args.json)
}

pub(super) fn text(args: &TextArgs) -> anyhow::Result<()> {
    let read = read_text(&args.file, TEXT_FILE_BYTES_MAX)?;
    let file = args.file.display().to_string();
    let text: OfferText = serde_json::from_str(&read).map_err(|error| {
        let (line, column) = (error.line(), error.column());
        let values: [(&str, &dyn std::fmt::Display); 3] =
            [("file", &file), ("line", &line), ("column", &column)];
        anyhow::anyhow!(filled(Lang::current(), "policy.bad_text", &values))
    })?;
    office_requests::check_owner(&args.data)?;
    // A directory that is none is another error than a text that cannot be kept.
    drop(read_at_head(&args.data)?);
    let mut store = TextStore::open(&args.data)?;
    let content = text.content();
    if args.erase {
        let erased = store.erase(content)?;
        if args.json {
            say!("{}", json!({ "content": content, "erased": erased }));
        } else {
            let key = if erased { "policy.erased" } else { "policy.not_kept" };
            say!("{}", words(Lang::current(), key));
        }
        return Ok(());
    }
    store.put(&text)?;
    if args.json {
        say!("{}", json!({ "content": content }));
    } else {
        say!("{content}");
    }
    Ok(())
}
