//! The bank accounts of a seller: masked, and in the clear once the second factor is given again
//! and the books have recorded who is shown them.

use access::{AccessFunction, AccessGrant, AccessScope, Assurance, Principal};
use axum::http::{StatusCode, header};
use books::{DisclosurePurpose, PersonalDataKind, SellerId};
use office::{OfficeAnswer, PayoutAccountLine, ShownRecord};
use pages::forms::number;
use pages::{
    ActLink, BankAccountsPage, Cell, Link, PageWords, PortalTable, ShownAccount, Tone, list_path,
    nav_groups,
};
use serde_json::Value;

use super::act_table::{act_path, may, title};
use super::form::Form;
use super::frames::{frame, readable};
use super::second_factor::{check_csrf, factor_field, give_factor};
use super::{PROPOSALS_PATH, Visit, html};
use crate::app::HttpAnswer;
use crate::handlers::personal_data::{PAYEES, PAYOUT_ACCOUNTS, show};
use crate::problem::{Problem, ProblemKind};
use crate::query::QueryParameters;

pub(super) const BANK_ACCOUNTS_PATH: &str = "/bank-accounts";
/// Why the office looks at an account.
const PURPOSES: [(&str, DisclosurePurpose); 5] = [
    ("Payout", DisclosurePurpose::Payout),
    ("Dispute", DisclosurePurpose::Dispute),
    ("SubjectRequest", DisclosurePurpose::SubjectRequest),
    ("Audit", DisclosurePurpose::Audit),
    ("LegalOrder", DisclosurePurpose::LegalOrder),
];
/// Fields of an account in their order.
const FIELDS: [&str; 5] = ["name", "iban", "bic", "bank_code", "account"];
const MASK: &str = "•••• ";

pub(super) fn path_of(seller: SellerId) -> String {
    Link::to(BANK_ACCOUNTS_PATH).part(&format!("sel_{seller}")).text()
}

/// Whether a principal sees that a seller has an account, and whether it is the seller itself.
pub(super) fn is_subject(principal: &Principal, seller: SellerId) -> Option<bool> {
    match principal.may(AccessFunction::Read(PAYOUT_ACCOUNTS)) {
        AccessScope::All => Some(false),
        AccessScope::Own(own) => own.contains(&AccessGrant::Seller(seller)).then_some(true),
        AccessScope::Nothing => None,
    }
}

/// The seller of a page's address, for who may see its page.
fn asked(visit: &Visit) -> Result<(SellerId, bool), Problem> {
    let name = visit.call.path_part(1)?;
    let unknown = || Problem::from(ProblemKind::NoSuchRecord);
    let id = name.strip_prefix("sel_").and_then(|id| id.parse().ok());
    let seller = SellerId(id.ok_or_else(unknown)?);
    visit.call.require(AccessFunction::Read(PAYOUT_ACCOUNTS))?;
    let caller = visit.call.caller()?;
    caller.session.as_ref().ok_or(ProblemKind::NeedsPerson)?;
    Ok((seller, is_subject(&caller.principal, seller).ok_or_else(unknown)?))
}

/// What is shown beside the masked accounts.
#[derive(Default)]
struct Clear {
    accounts: Vec<ShownAccount>,
    batch: Option<u64>,
    factor_error: Option<String>,
}

fn table(words: PageWords, lines: &[PayoutAccountLine], sees_proposals: bool) -> PortalTable {
    let rows = lines.iter().map(|line| {
        let masked = line.last_four.as_ref().map(|last| format!("{MASK}{last}"));
        let has_one = line.number.is_some() || line.proposal.is_some();
        let masked = masked.unwrap_or_else(|| match has_one {
            true => words.get("bank.hidden").to_owned(),
            false => pages::forms::NOTHING.to_owned(),
        });
        let state = match (line.number, line.proposal) {
            (Some(_), _) => Cell {
                tone: Some(Tone::Done),
                ..Cell::plain(words.get("bank.in_force").to_owned())
            },
            (None, Some(proposal)) => {
                let text = words.fill("bank.waits", &[("number", &proposal)]);
                let page = Link::to(PROPOSALS_PATH).part(&proposal.to_string()).text();
                Cell { href: sees_proposals.then_some(page), ..Cell::plain(text) }
            }
            (None, None) => {
                Cell { tone: Some(Tone::Act), ..Cell::plain(words.get("bank.none").to_owned()) }
            }
        };
        let changes = line.number.map_or_else(String::new, |count| number(count.into()));
        vec![
            Cell::plain(line.currency.clone()),
            Cell { class: "id", ..Cell::plain(masked) },
            state,
            Cell::figure(changes),
        ]
    });
    let columns = [
        ("column.currency", false),
        ("bank.account", false),
        ("column.state", false),
        ("bank.number", true),
    ];
    let keys = ("bank.accounts", "bank.no_accounts");
    PortalTable::new(words, keys, &columns, rows.collect())
}

fn acts(
    words: PageWords,
    principal: &Principal,
    lines: &[PayoutAccountLine],
    of: &str,
) -> Vec<ActLink> {
    let mut acts = Vec::new();
    let mut seen: Vec<&str> = Vec::new();
    for line in lines {
        if seen.contains(&&*line.currency) {
            continue;
        }
        seen.push(&line.currency);
        for command in ["SetPayoutAccount", "ErasePayoutAccount"] {
            let makes_sense = command == "SetPayoutAccount" || line.number.is_some();
            if !makes_sense || !may(principal, command) {
                continue;
            }
            let name = title(words, command, false);
            let link = Link::to(&act_path(command))
                .with("seller", of)
                .with("currency", &line.currency)
                .with("back", &Link::to(BANK_ACCOUNTS_PATH).part(of).text());
            acts.push(ActLink {
                text: format!("{name} · {}", line.currency),
                about: String::new(),
                href: link.text(),
                is_next: line.number.is_none() && command == "SetPayoutAccount",
            });
        }
    }
    acts
}

async fn shown(visit: &Visit, (seller, is_own): (SellerId, bool), clear: Clear) -> HttpAnswer {
    let caller = visit.call.caller()?;
    let (principal, words) = (caller.principal.clone(), visit.words());
    let app = visit.call.app.clone();
    let of = format!("sel_{seller}");
    let path = path_of(seller);
    let mut around = frame(&app, visit.preferences, Some(caller), &path);
    around.nav = nav_groups(words, &readable(&principal), None, None);
    around.title = words.get("bank.title").to_owned();
    let is_sure = principal.assurance == Assurance::SteppedUp;
    let status = match clear.factor_error {
        Some(_) => StatusCode::UNPROCESSABLE_ENTITY,
        None => StatusCode::OK,
    };
    let may_see = principal.may(AccessFunction::Read(PAYEES)) != AccessScope::Nothing
        || principal.lacks_step_up(AccessFunction::Read(PAYEES));
    let factor = (!is_sure).then(|| factor_field(visit, &path, clear.factor_error));
    let purposes = PURPOSES.iter().filter(|_| !is_own).map(|(name, _)| {
        let text = (app.texts.variant)("DisclosurePurpose", name, words.0);
        (*name, text.unwrap_or_else(|| (*name).to_owned()))
    });
    let purposes = purposes.collect();
    let (office, chinese) = (app.office.clone(), app.texts.chinese);
    let listed = app.workers.run(move |giver| {
        let look = move |engine: &engine::Engine| {
            engine.books().seller_reference(seller).map(str::to_owned)
        };
        let name = giver.client.query(look).map_err(Problem::internal)?.0;
        let name = name.ok_or(ProblemKind::NoSuchRecord)?;
        let listed = office.with(|office| office.payout_accounts_of(seller, is_own));
        let listed = listed.map_err(|error| Problem::of_office(error, chinese))?;
        match listed {
            OfficeAnswer::PayoutAccounts { accounts, .. } => Ok::<_, Problem>((name, accounts)),
            _ => Err(Problem::internal("no list of accounts")),
        }
    });
    let (name, lines) = listed.await??;
    let has_one = lines.iter().any(|line| line.number.is_some() || line.proposal.is_some());
    let sees_proposals = principal.may(AccessFunction::Read("proposals")) == AccessScope::All;
    let page = BankAccountsPage {
        seller: name,
        seller_href: Link::to(&list_path("sellers")).with("seller", &of).text(),
        acts: acts(words, &principal, &lines, &of),
        table: table(words, &lines, sees_proposals),
        recorded: clear.batch.map(|batch| number(batch.into())),
        can_show: may_see && has_one && clear.accounts.is_empty(),
        shown: clear.accounts,
        purposes,
        second_factor: factor,
        note: words.get(if is_own { "bank.change_own" } else { "bank.change_office" }),
        path,
        frame: around,
    };
    html(&page, status)
}

pub(super) async fn page(visit: Visit) -> HttpAnswer {
    QueryParameters::read(visit.call.parts.uri.query(), &[])?;
    let of = asked(&visit)?;
    shown(&visit, of, Clear::default()).await
}

/// An account in the clear.
fn account(words: PageWords, record: &ShownRecord) -> Option<ShownAccount> {
    let text = |name: &str| record.fields.get(name).and_then(Value::as_str);
    let fields = FIELDS.iter().filter_map(|name| {
        let label = words.entry("field", name).or_else(|| words.entry("column", name));
        Some((label.unwrap_or_default(), text(name)?.to_owned()))
    });
    (record.kind == PersonalDataKind::PayoutAccount).then(|| ShownAccount {
        currency: text("currency").unwrap_or_default().to_owned(),
        waits: record.fields.contains_key("proposal"),
        fields: fields.collect(),
    })
}

/// Shows the accounts in the clear.
pub(super) async fn disclose(mut visit: Visit) -> HttpAnswer {
    QueryParameters::read(visit.call.parts.uri.query(), &[])?;
    let form = Form::of(&mut visit.call).await?;
    check_csrf(&visit, &form)?;
    let (seller, is_own) = asked(&visit)?;
    let words = visit.words();
    let mut cookie = None;
    if visit.call.caller()?.principal.lacks_step_up(AccessFunction::Read(PAYEES)) {
        let given = match form.get(pages::SECOND_FACTOR).trim() {
            "" => Err(words.get("form.factor_missing").to_owned()),
            code => give_factor(&mut visit, code).await?,
        };
        match given {
            Ok(renewed) => cookie = Some(renewed),
            Err(error) => {
                let clear = Clear { factor_error: Some(error), ..Clear::default() };
                return shown(&visit, (seller, is_own), clear).await;
            }
        }
    }
    let purpose = PURPOSES.iter().find(|(name, _)| *name == form.get("purpose"));
    let purpose = match (is_own, purpose) {
        (true, _) => DisclosurePurpose::SubjectRequest,
        (false, Some((_, purpose))) => *purpose,
        (false, None) => return Err(ProblemKind::BadQuery.into()),
    };
    let typed = (format!("seller:{seller}"), PAYEES);
    let (_, records, position) = show(&visit.call, typed, purpose).await?;
    let clear = Clear {
        accounts: records.iter().filter_map(|record| account(words, record)).collect(),
        batch: Some(position.0),
        factor_error: None,
    };
    let mut answer = shown(&visit, (seller, is_own), clear).await?;
    if let Some(cookie) = cookie {
        answer.headers_mut().insert(header::SET_COOKIE, cookie);
    }
    Ok(answer)
}
