//! What to do about a refusal, for who sends requests: the books and the office name command lines.

use std::fmt::Write as _;

use office::short_forms::ShortForm;

use crate::operations::{command_path, is_given_here};
use crate::words::BilingualText;

/// Requests that show or do what a command line does, by its first word.
const REQUESTS: &[(&str, &str)] = &[
    ("accounts", "GET /v1/accounts"),
    ("approve", "POST /v1/proposals/NUMBER/approve"),
    ("breaks", "GET /v1/now/open-breaks"),
    ("cash", "GET /v1/now/cash"),
    ("do", "GET /openapi.json"),
    ("import", "POST /v1/files/orders"),
    ("log", "GET /v1/commands"),
    ("open-items", "GET /v1/now/open-items"),
    ("parcels", "GET /v1/parcels"),
    ("parties", "GET /v1/sellers"),
    ("payout-account", "GET /v1/payout-accounts"),
    ("payouts", "POST /v1/payout-files"),
    ("proposals", "GET /v1/proposals"),
    ("statement", "GET /v1/now/statements/SELLER"),
    ("status", "GET /v1/now/status"),
    ("withdraw-proposal", "POST /v1/proposals/NUMBER/withdraw"),
];

/// The request that does what a command line does. `None` if it is for this machine only.
fn request(line: &str) -> Option<String> {
    let mut words = line.split_whitespace();
    let first = words.next()?;
    if let Some((_, request)) = REQUESTS.iter().find(|(word, _)| *word == first) {
        return Some((*request).to_owned());
    }
    let form = ShortForm::find(first, words.next()?)?;
    let is_here = |spec: &&machine::CommandSpec| spec.name == form.command && is_given_here(spec);
    engine::Command::specs().find(is_here)?;
    Some(format!("POST {}", command_path(form.command)))
}

/// A text in which each command line has its request beside it.
fn completed(text: &str) -> String {
    let mut whole = String::new();
    for (place, part) in text.split('`').enumerate() {
        if place > 0 {
            whole.push('`');
        }
        whole.push_str(part);
        let line = part.strip_prefix("doorstep ").filter(|_| place % 2 == 1);
        if let Some(request) = line.and_then(request) {
            let _ = write!(whole, "` / `{request}");
        }
    }
    whole
}

/// The same in both languages.
pub(crate) fn for_requests(text: &BilingualText) -> BilingualText {
    BilingualText { en: completed(&text.en).into(), zh: completed(&text.zh).into() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operations::OPERATIONS;

    #[test]
    fn a_command_line_has_its_request_beside_it() {
        for (text, expected) in [
            (
                "register it first (`doorstep setup bank`)",
                "register it first (`doorstep setup bank` / `POST /v1/commands/register-bank`)",
            ),
            (
                "请见 `doorstep log --parcel WAYBILL`",
                "请见 `doorstep log --parcel WAYBILL` / `GET /v1/commands`",
            ),
            ("a person with `doorstep persons WHO`", "a person with `doorstep persons WHO`"),
            ("no `command` here", "no `command` here"),
            ("an open ` and doorstep status", "an open ` and doorstep status"),
        ] {
            assert_eq!(completed(text), expected);
        }
    }

    #[test]
    fn each_request_is_one_of_the_document() {
        for (word, request) in REQUESTS {
            let (method, path) = request.split_once(' ').unwrap();
            let path = path.replace("NUMBER", "{number}").replace("SELLER", "{seller}");
            let known = OPERATIONS.iter().any(|one| one.method == method && one.path == path);
            assert!(known, "{word}: {request}");
        }
    }
}
