//! Requests to the office: over its socket if a Doorstep serves, otherwise on the books at rest.

use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, bail, ensure};
use books::{CodeMac, DataSubject, PersonalDataKind};
use host::control::user_id;
use keys::{KeyName, KeyReference, KeyStore};
use node::NodeClient;
use office::client::{OfficeClientError, send};
use office::socket::{OFFICE_SOCKET, OfficeLine, control_directory};
use office::{
    CodeMacOf, CommandWords, Office, OfficeAnswer, OfficeOptions, OnEvents, PayoutAccountLine,
    Persons, Request, ShownRecord, Who,
};
use reports::AppliedCommand;
use vault::{Vault, VaultOptions};

use crate::chinese;
use crate::data_directory::{self, OpenBooks};
use crate::help::wrapped;
use crate::log::sentence::Sentences;
use crate::serve::settings;
use crate::texts::{filled, text};
use crate::words::{Lang, left, say};

/// Sentences are wrapped at this width.
const COLUMNS: usize = 80;

/// The office of a data directory.
pub fn office(
    data: &Path,
    client: NodeClient,
    on_events: OnEvents,
    OfficeKeys { code_mac, vault }: OfficeKeys,
) -> anyhow::Result<Office> {
    let owner = std::fs::metadata(data).with_context(|| data.display().to_string())?.uid();
    let chinese = |error: &(dyn std::error::Error + 'static)| chinese::error(error, Lang::Zh);
    Ok(Office::open(OfficeOptions {
        data: data.to_owned(),
        owner,
        client,
        chinese,
        in_words,
        on_events,
        code_mac,
        vault: Vault::new(data, vault),
    })?)
}

/// What a command did, for registered persons.
fn in_words(applied: &AppliedCommand, persons: &Persons) -> CommandWords {
    let mut applied = applied.clone();
    applied.recorded.request_key = None;
    let [en, zh] = [Lang::En, Lang::Zh].map(|lang| {
        let sentences = Sentences::new(lang, persons.clone());
        let what = [sentences.sentence(&applied.recorded)];
        what.into_iter().chain(sentences.events(&applied)).collect()
    });
    CommandWords { en, zh }
}

/// Asks the office that serves, or the books at rest.
pub fn ask(data: &Path, request: Request, person: Option<String>) -> anyhow::Result<OfficeAnswer> {
    ask_with_settings(data, request, person, None)
}

/// A request in the language of this process.
pub fn line(request: Request, person: Option<String>) -> OfficeLine {
    OfficeLine { request, person, language: Lang::current().language() }
}

/// What an office needs of the key store. Without the keys it has no codes and opens no account.
#[derive(Default)]
pub struct OfficeKeys {
    pub code_mac: Option<CodeMacOf>,
    pub vault: VaultOptions,
}

/// The MACs of one-time codes under a key.
pub fn code_mac_under(store: Arc<dyn KeyStore>, name: KeyName) -> CodeMacOf {
    Arc::new(move |handover, code| {
        let mac = store.code_mac(&KeyReference::from(name), handover.0, code).map(CodeMac);
        mac.map_err(|error| error.to_string())
    })
}

/// As [`ask`]. At rest the settings name the key store, for codes and the vault.
pub fn ask_with_settings(
    data: &Path,
    request: Request,
    person: Option<String>,
    settings: Option<&Path>,
) -> anyhow::Result<OfficeAnswer> {
    let line = line(request, person);
    match send(&control_directory(data).join(OFFICE_SOCKET), &line) {
        Err(OfficeClientError::NotServed(_)) => {}
        answer => return Ok(answer?),
    }
    let keys = settings.map(settings::office_keys).transpose()?;
    let (keys, master_from_environment) = keys.unwrap_or_default();
    let opened = data_directory::open(data)?;
    let is_trial = opened.node.client().query(|engine| engine.books().is_trial())?.0;
    settings::check_master(master_from_environment, is_trial)?;
    at_rest(opened, data, (line.request, line.person), keys)
}

/// Asks books that this process holds. Only their owner may.
pub fn at_rest(
    opened: OpenBooks,
    data: &Path,
    (request, person): (Request, Option<String>),
    keys: OfficeKeys,
) -> anyhow::Result<OfficeAnswer> {
    check_owner(data)?;
    let user = user_id();
    let office = office(data, opened.node.client(), Box::new(|_| {}), keys);
    let answer =
        office.and_then(|mut office| Ok(office.carry_out(request, &Who { user, person })?));
    opened.node.stop()?;
    answer
}

/// Refuses whoever does not own the books.
pub fn check_owner(data: &Path) -> anyhow::Result<()> {
    let owner = std::fs::metadata(data).with_context(|| data.display().to_string())?.uid();
    let user = user_id();
    ensure!(
        owner == user,
        filled(
            Lang::current(),
            "do.not_the_owner",
            &[("data", &data.display()), ("owner", &owner), ("user", &user)]
        )
    );
    Ok(())
}

/// Prints what was answered. With `json` an error is one JSON object too, beside its words in
/// standard error.
pub fn print_answered(answer: anyhow::Result<OfficeAnswer>, json: bool) -> anyhow::Result<()> {
    print(&with_json_error(answer, json)?, json)
}

/// With `json` an error is one JSON object too.
pub fn with_json_error<T>(answer: anyhow::Result<T>, json: bool) -> anyhow::Result<T> {
    if let (Err(error), true) = (&answer, json) {
        let message = crate::in_words(error);
        say!("{}", serde_json::json!({ "answer": "error", "message": message }));
    }
    answer
}

/// Prints an answer in words, or as one JSON object.
pub fn print(answer: &OfficeAnswer, json: bool) -> anyhow::Result<()> {
    let lang = Lang::current();
    if json {
        say!("{}", serde_json::to_string(answer)?);
        return not_carried_out(answer, lang);
    }
    match answer {
        OfficeAnswer::SameBefore { .. }
        | OfficeAnswer::OpenBefore { .. }
        | OfficeAnswer::CodeWrong { .. } => {
            return not_carried_out(answer, lang);
        }
        OfficeAnswer::CarriedOut { command, code, said, .. } => {
            say!("{}", filled(lang, "do.done", &[("command", command)]));
            if let Some(code) = code {
                say!("  {}", filled(lang, "do.code", &[("code", code)]));
            }
            print_words(said);
        }
        OfficeAnswer::Repeated { command } => {
            say!("{}", filled(lang, "do.repeated", &[("command", command)]));
        }
        OfficeAnswer::Proposed { proposal } => {
            let values: [(&str, &dyn std::fmt::Display); 2] =
                [("command", &proposal.command), ("number", &proposal.number)];
            say!("{}", filled(lang, "do.proposed", &values));
        }
        OfficeAnswer::PayoutAccounts { accounts, more } => print_payout_accounts(accounts, *more),
        OfficeAnswer::PersonalData { subject, records } => print_records(*subject, records),
        OfficeAnswer::Sealed { subject } => {
            say!("{}", filled(lang, "do.sealed", &[("subject", &subject_text(*subject))]));
        }
        OfficeAnswer::Withdrawn { proposal } => {
            say!("{}", filled(lang, "do.withdrawn", &[("number", proposal)]));
        }
        // Only command lines get these.
        OfficeAnswer::SendFiles {} | OfficeAnswer::Printed { .. } => {}
        OfficeAnswer::Proposals { proposals, more, others } => {
            for one in proposals {
                // Without fractions of a second.
                let at = one.proposed_at.as_deref().unwrap_or_default();
                let at = match at.len() {
                    29.. => format!("{} {} UTC{}", &at[..10], &at[11..19], &at[23..]),
                    _ => at.to_owned(),
                };
                let name = one.proposer_name.as_ref().map(|name| format!(" {name}"));
                let person = format!("{}{}", one.proposed_by, name.unwrap_or_default());
                let values: [(&str, &dyn std::fmt::Display); 4] = [
                    ("number", &one.number),
                    ("command", &one.command),
                    ("person", &person),
                    ("at", &at),
                ];
                say!("{}", filled(lang, "do.proposal", &values));
                match &one.words {
                    Some(words) => print_words(words),
                    None => say!("  {}", serde_json::to_string(&one.fields)?),
                }
                if let Some(refusal) = &one.refusal {
                    let why = match lang {
                        Lang::En => &refusal.en,
                        Lang::Zh => &refusal.zh,
                    };
                    say!("  {}", filled(lang, "do.refused_before", &[("why", why)]));
                }
            }
            for one in others {
                let name = one.proposer_name.as_ref().map(|name| format!(" {name}"));
                let by = match one.proposed_by {
                    Some(person) => format!("{person}{}", name.unwrap_or_default()),
                    None => text(lang, "do.calendar").to_owned(),
                };
                let values: [(&str, &dyn std::fmt::Display); 2] =
                    [("by", &by), ("approval", &one.approval)];
                say!("{}", filled(lang, "do.waits_in_books", &values));
            }
            match (proposals.is_empty() && others.is_empty(), *more) {
                (true, _) => say!("{}", text(lang, "do.no_proposals")),
                (false, 0) => {}
                (false, more) => say!("{}", filled(lang, "do.more_proposals", &[("more", &more)])),
            }
        }
    }
    Ok(())
}

/// An answer that the command did not do what it is for: the exit status is 1.
fn not_carried_out(answer: &OfficeAnswer, lang: Lang) -> anyhow::Result<()> {
    match answer {
        OfficeAnswer::SameBefore { command, number, next } => {
            bail!(filled(
                lang,
                "do.same_before",
                &[("command", command), ("number", number), ("next", next)]
            ))
        }
        OfficeAnswer::OpenBefore { command, id, field, next } => {
            let flag = field.replace('_', "-");
            let values: [(&str, &dyn std::fmt::Display); 4] =
                [("command", command), ("id", id), ("flag", &flag), ("next", next)];
            bail!(filled(lang, "do.open_before", &values))
        }
        OfficeAnswer::CodeWrong { command, said, .. } => {
            let said = match in_language(said, lang) {
                [] => text(lang, "do.code_tried").to_owned(),
                said => said.join(text(lang, "looks.separator")),
            };
            bail!(filled(lang, "do.code_wrong", &[("command", command), ("said", &said)]))
        }
        _ => Ok(()),
    }
}

fn in_language(words: &CommandWords, lang: Lang) -> &[String] {
    match lang {
        Lang::En => &words.en,
        Lang::Zh => &words.zh,
    }
}

fn print_words(words: &CommandWords) {
    for sentence in in_language(words, Lang::current()) {
        say!("  {}", wrapped(sentence, COLUMNS - 2).replace('\n', "\n  "));
    }
}

fn subject_text(subject: DataSubject) -> String {
    let lang = Lang::current();
    match subject {
        DataSubject::Seller(seller) => filled(lang, "do.of_seller", &[("seller", &seller)]),
        DataSubject::Buyer(parcel) => {
            let waybill = switch::waybill::write(parcel);
            filled(lang, "do.of_buyer", &[("waybill", &waybill)])
        }
    }
}

fn print_records(subject: DataSubject, records: &[ShownRecord]) {
    let lang = Lang::current();
    say!("{}", subject_text(subject));
    for record in records {
        let kind = match record.kind {
            PersonalDataKind::PayoutAccount => "do.payout_account",
            PersonalDataKind::Identity => "do.identity",
            PersonalDataKind::Delivery => "do.delivery",
        };
        say!("  {}", text(lang, kind));
        for (field, value) in &record.fields {
            say!("    {} {}", left(field, 12), value.as_str().unwrap_or_default());
        }
    }
}

fn print_payout_accounts(accounts: &[PayoutAccountLine], more: usize) {
    let lang = Lang::current();
    for one in accounts {
        let state = match (one.number, one.proposal) {
            (Some(number), _) => filled(lang, "do.account_in_force", &[("number", &number)]),
            (None, Some(proposal)) => filled(lang, "do.account_waits", &[("number", &proposal)]),
            (None, None) => text(lang, "do.no_account").to_owned(),
        };
        let last_four = one.last_four.as_ref().map(|last| left(&format!("…{last}"), 8) + " ");
        let last_four = last_four.unwrap_or_default();
        say!("{} {} {last_four}{state}", left(&one.seller, 24), one.currency);
    }
    match (accounts.is_empty(), more) {
        (true, _) => say!("{}", text(lang, "do.no_sellers")),
        (false, 0) => {}
        (false, more) => say!("{}", filled(lang, "do.more_accounts", &[("more", &more)])),
    }
}
