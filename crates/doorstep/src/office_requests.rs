//! Requests to the office: over its socket if a Doorstep serves, otherwise on the books at rest.

use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, ensure};
use books::CodeMac;
use host::control::user_id;
use keys::{KeyName, KeyReference, KeyStore};
use node::NodeClient;
use office::client::{OfficeClientError, send};
use office::socket::{OFFICE_SOCKET, OfficeLine, control_directory};
use office::{
    CodeMacOf, CommandWords, Language, Office, OfficeAnswer, OfficeOptions, OnEvents,
    PayoutAccountLine, Persons, Request, Who,
};
use reports::AppliedCommand;
use vault::{Vault, VaultKey};

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
    let language = match Lang::current() {
        Lang::En => Language::En,
        Lang::Zh => Language::Zh,
    };
    OfficeLine { request, person, language }
}

/// What an office needs of the key store. Without the keys it has no codes and opens no account.
#[derive(Default)]
pub struct OfficeKeys {
    pub code_mac: Option<CodeMacOf>,
    pub vault: Option<VaultKey>,
}

/// The MACs of one-time codes under a key.
pub fn code_mac_under(store: Arc<dyn KeyStore>, name: KeyName) -> CodeMacOf {
    Box::new(move |handover, code| {
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

/// Prints an answer in words, or as one JSON object.
pub fn print(answer: &OfficeAnswer, json: bool) -> anyhow::Result<()> {
    let lang = Lang::current();
    if json {
        say!("{}", serde_json::to_string(answer)?);
        return Ok(());
    }
    match answer {
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
        OfficeAnswer::Withdrawn { proposal } => {
            say!("{}", filled(lang, "do.withdrawn", &[("number", proposal)]));
        }
        // Only command lines get these.
        OfficeAnswer::SendFiles {} | OfficeAnswer::Printed { .. } => {}
        OfficeAnswer::Proposals { proposals, more } => {
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
            match (proposals.is_empty(), *more) {
                (true, _) => say!("{}", text(lang, "do.no_proposals")),
                (false, 0) => {}
                (false, more) => say!("{}", filled(lang, "do.more_proposals", &[("more", &more)])),
            }
        }
    }
    Ok(())
}

fn print_words(words: &CommandWords) {
    let sentences = match Lang::current() {
        Lang::En => &words.en,
        Lang::Zh => &words.zh,
    };
    for sentence in sentences {
        say!("  {}", wrapped(sentence, COLUMNS - 2).replace('\n', "\n  "));
    }
}

fn print_payout_accounts(accounts: &[PayoutAccountLine], more: usize) {
    let lang = Lang::current();
    for one in accounts {
        let erased = text(lang, "do.account_erased");
        let last_four = one.last_four.as_ref().map(|last| format!("…{last}"));
        let shown = last_four.as_deref().unwrap_or(erased);
        let state = match (one.number, one.proposal) {
            (Some(number), _) => filled(lang, "do.account_in_force", &[("number", &number)]),
            (None, Some(proposal)) => filled(lang, "do.account_waits", &[("number", &proposal)]),
            (None, None) => String::new(),
        };
        if one.number.is_none() && one.proposal.is_none() {
            let none = text(lang, "do.no_account");
            say!("{} {} {none}", left(&one.seller, 24), one.currency);
        } else {
            say!("{} {} {} {state}", left(&one.seller, 24), one.currency, left(shown, 8));
        }
    }
    match (accounts.is_empty(), more) {
        (true, _) => say!("{}", text(lang, "do.no_sellers")),
        (false, 0) => {}
        (false, more) => say!("{}", filled(lang, "do.more_accounts", &[("more", &more)])),
    }
}
