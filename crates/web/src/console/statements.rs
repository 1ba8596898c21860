//! The statement of a seller's or a courier firm's accounts for some days: opening balance, lines,
//! closing balance, of the postings in the views. The ledger's own accounts, so that the figures
//! are those of the exports.

use std::collections::HashMap;

use access::{AccessFunction, AccessScope};
use axum::http::{HeaderValue, Response, StatusCode, header};
use books::BusinessDate;
use books::chart::AccountKind;
use pages::forms::{date, money};
use pages::{
    ActLink, Cell, Link, PageWords, PartyLine, PartyStatementPage, RowContext, StatementAccount,
    nav_groups,
};
use serde_json::json;
use views::read::ViewReader;

use super::frames::{frame, position, readable};
use super::party_accounts::{PartyAccount, StatementParty};
use super::rows::{offset_at, read};
use super::statement_rows::{AskedDays, Moved, PartyStatement, month_of};
use super::{Visit, go_to, html};
use crate::app::{HttpAnswer, POSITION};
use crate::handlers::views::{wait_for, wanted};
use crate::limits::STATEMENT_PAGE_LINES;
use crate::problem::{Problem, ProblemKind};
use crate::query::QueryParameters;
use crate::streamed::{BodyWriter, CutOff, streamed};
use crate::view_values::add_text_cell;

/// Statements, each at the identifier of its party.
pub(super) const STATEMENTS_PATH: &str = "/statements";
const PARAMETERS: [&str; 6] = ["from", "until", "currency", "after", "at", "min_position"];

/// What an entry of the chart is called.
pub(super) fn entry_text(words: PageWords, entry: &str) -> String {
    words.entry("entry", entry).unwrap_or(entry).to_owned()
}

pub(super) fn day(query: &QueryParameters, name: &str) -> Result<Option<BusinessDate>, Problem> {
    let Some(text) = query.get(name) else { return Ok(None) };
    text.parse().map(Some).map_err(|_| Problem::from(ProblemKind::BadQuery).with_field(name))
}

/// The statement of a party, or the list of parties of who has no own one.
pub(super) fn index(visit: &Visit) -> HttpAnswer {
    QueryParameters::read(visit.call.parts.uri.query(), &[])?;
    match visit.call.caller()?.principal.may(AccessFunction::Read("statements")) {
        AccessScope::All => go_to("/sellers"),
        AccessScope::Own(own) => {
            let party = own.into_iter().find_map(StatementParty::of_grant);
            go_to(&party.ok_or(ProblemKind::NotPermitted)?.path())
        }
        AccessScope::Nothing => Err(ProblemKind::NotPermitted.into()),
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    Page,
    Csv,
    Json,
}

pub(super) async fn statement(visit: Visit) -> HttpAnswer {
    let query = QueryParameters::read(visit.call.parts.uri.query(), &PARAMETERS)?;
    let name = visit.call.path_part(1)?;
    let (name, form) = match (name.strip_suffix(".csv"), name.strip_suffix(".json")) {
        (Some(name), _) => (name, Form::Csv),
        (_, Some(name)) => (name, Form::Json),
        _ if visit.call.accepted(&["text/html", "application/json"])? == "text/html" => {
            (&*name, Form::Page)
        }
        _ => (&*name, Form::Json),
    };
    let party = StatementParty::read(name).ok_or(ProblemKind::NoSuchRecord)?;
    let principal = visit.call.caller()?.principal.clone();
    visit.call.require(AccessFunction::Read("statements"))?;
    if !party.is_shown_to(&principal) {
        return Err(ProblemKind::NoSuchRecord.into());
    }
    let asked = AskedDays {
        from: day(&query, "from")?,
        until: day(&query, "until")?,
        currency: query.get("currency").map(str::to_owned),
    };
    let after = query.number("after", 0, i64::MAX.cast_unsigned())?.unwrap_or(0);
    let after = after.cast_signed();
    let wanted = wanted(&visit.call, &query)?;
    let (app, shared) = (visit.call.app.clone(), visit.call.app.clone());
    wait_for(&app, wanted).await?;
    let done = shared.workers.run(move |giver| {
        let unknown = || Problem::from(ProblemKind::NoSuchRecord);
        let statement =
            |reader: &mut ViewReader| PartyStatement::read(reader, party, &asked, wanted.at);
        if form != Form::Page {
            let statement = read(&app, giver, statement)?.ok_or_else(unknown)?;
            return file(&visit, (party, form), statement);
        }
        let found = read(&app, giver, |reader| {
            let Some(statement) = statement(reader)? else { return Ok(None) };
            let mut lines = (Vec::new(), None);
            if !statement.is_backwards() {
                lines = statement.lines_after(reader, after, STATEMENT_PAGE_LINES)?;
            }
            let orders = statement.orders(reader, lines.0.iter().flatten())?;
            let before = statement.balances_after(reader, after)?;
            Ok(Some((statement, LinesShown { lines: lines.0, next: lines.1, orders, before })))
        })?;
        let (statement, lines) = found.ok_or_else(unknown)?;
        let offset_minutes = offset_at(giver, statement.time)?;
        page(&visit, party, (&statement, &lines), (after, wanted.at, offset_minutes))
    });
    done.await?
}

/// The lines of a page.
struct LinesShown {
    lines: Vec<Vec<Moved>>,
    /// The last posting, if more lines follow.
    next: Option<i64>,
    /// By parcel.
    orders: HashMap<String, String>,
    /// What was owed on each account before them.
    before: Vec<i64>,
}

/// Why there is no statement for the days that are asked for.
fn error_of(words: PageWords, statement: &PartyStatement) -> Option<String> {
    statement.is_backwards().then(|| words.get("statement.backwards").to_owned())
}

fn csv_name(party: StatementParty, (from, until): (BusinessDate, BusinessDate)) -> String {
    format!("statement-{}-{from}-{until}.csv", party.id())
}

/// The whole statement as a file, made while it is sent.
fn file(
    visit: &Visit,
    (party, form): (StatementParty, Form),
    statement: PartyStatement,
) -> HttpAnswer {
    let principal = &visit.call.caller()?.principal;
    if statement.is_backwards() {
        let [en, zh] = [office::Language::En, office::Language::Zh]
            .map(|language| error_of(PageWords(language), &statement).unwrap_or_default());
        let text = crate::words::BilingualText { en: en.into(), zh: zh.into() };
        return Err(Problem::new(ProblemKind::BadQuery, text).with_field("from"));
    }
    let (app, batch, days) = (visit.call.app.clone(), statement.position.batch, statement.days);
    let body = streamed(&visit.call.app, principal, move |to| {
        let mut reader = app.readers.take().map_err(|_| CutOff)?;
        match form {
            Form::Csv => csv(&statement, &mut reader, to)?,
            _ => twin(party, &statement, &mut reader, to)?,
        }
        app.readers.give_back(reader);
        Ok(())
    })?;
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    let content = match form {
        Form::Csv => "text/csv; charset=utf-8; header=present",
        _ => "application/json",
    };
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content));
    headers.insert(POSITION, batch.into());
    if form == Form::Csv {
        let name = format!("attachment; filename=\"{}\"", csv_name(party, days));
        let name = HeaderValue::from_str(&name).map_err(Problem::internal)?;
        headers.insert(header::CONTENT_DISPOSITION, name);
    }
    Ok(response)
}

/// All postings of a statement, page by page, with the names of their orders.
fn each_page(
    statement: &PartyStatement,
    reader: &mut ViewReader,
    mut each: impl FnMut(&[Moved], &HashMap<String, String>) -> Result<(), CutOff>,
) -> Result<(), CutOff> {
    let mut after = 0;
    loop {
        let page = statement.moved_after(reader, after).map_err(|_| CutOff)?;
        let orders = statement.orders(reader, page.moved.iter()).map_err(|_| CutOff)?;
        each(&page.moved, &orders)?;
        let Some(next) = page.next else { return Ok(()) };
        after = next;
    }
}

fn csv_line(cells: [&str; 10]) -> String {
    let mut line = String::new();
    for (place, cell) in cells.into_iter().enumerate() {
        line.push_str(if place > 0 { "," } else { "" });
        match place {
            // What has a sign of its own is a number.
            6 | 7 => line.push_str(cell),
            _ => add_text_cell(&mut line, cell),
        }
    }
    line + "\r\n"
}

/// The columns of the file. Amounts have decimals, as a spreadsheet adds them up.
fn csv(
    statement: &PartyStatement,
    reader: &mut ViewReader,
    to: &mut BodyWriter,
) -> Result<(), CutOff> {
    let (postings, currency) = (statement.postings, &*statement.currency);
    let plain = |minor: i64| pages::forms::plain_money(i128::from(minor), currency);
    let (from, until) = (statement.days.0.to_string(), statement.days.1.to_string());
    to.write(b"date,entry,order,parcel,payment,account,amount,balance,currency,position\r\n")?;
    for (account, opening) in statement.accounts.iter().zip(&statement.opening) {
        let (name, opening) = (&*account.name, plain(*opening));
        let cells = [&*from, "opening", "", "", "", name, "", &opening, currency, ""];
        to.write(csv_line(cells).as_bytes())?;
    }
    let mut balances = statement.opening.clone();
    each_page(statement, reader, |moved, orders| {
        for one in moved {
            let raw = |column: &str| one.row.raw_of(postings, column).unwrap_or_default();
            let order = orders.get(raw("parcel")).map_or("", String::as_str);
            let position = format!("{}.{}", raw("batch"), raw("command"));
            let changed = one.changes.iter().enumerate().filter(|(_, change)| **change != 0);
            for (place, change) in changed {
                balances[place] += change;
                let (amount, balance) = (plain(*change), plain(balances[place]));
                let line = csv_line([
                    raw("date"),
                    raw("entry"),
                    order,
                    raw("parcel"),
                    raw("payment"),
                    &statement.accounts[place].name,
                    &amount,
                    &balance,
                    currency,
                    &position,
                ]);
                to.write(line.as_bytes())?;
            }
        }
        Ok(())
    })?;
    for (account, closing) in statement.accounts.iter().zip(&balances) {
        let (name, closing) = (&*account.name, plain(*closing));
        let cells = [&*until, "closing", "", "", "", name, "", &closing, currency, ""];
        to.write(csv_line(cells).as_bytes())?;
    }
    Ok(())
}

fn twin(
    party: StatementParty,
    statement: &PartyStatement,
    reader: &mut ViewReader,
    to: &mut BodyWriter,
) -> Result<(), CutOff> {
    let postings = statement.postings;
    let accounts = statement.accounts.iter().enumerate().map(|(place, account)| {
        json!({
            "account": account.name, "opening": statement.opening[place],
            "closing": statement.closing[place],
        })
    });
    let head = json!({
        "party": party.id(), "reference": statement.party, "currency": statement.currency,
        "from": statement.days.0.to_string(), "until": statement.days.1.to_string(),
        "accounts": accounts.collect::<Vec<_>>(),
    });
    // The lines follow as the last field.
    let head = head.to_string();
    to.write(head.strip_suffix('}').unwrap_or(&head).as_bytes())?;
    to.write(b",\"lines\":[")?;
    let mut is_first = true;
    each_page(statement, reader, |moved, orders| {
        for one in moved {
            let raw = |column: &str| one.row.raw_of(postings, column);
            let changes = one.changes.iter().zip(&statement.accounts);
            for (change, account) in changes.filter(|(change, _)| **change != 0) {
                let line = json!({
                    "posting": one.posting(postings), "date": raw("date"),
                    "entry": raw("entry"), "parcel": raw("parcel"), "account": account.name,
                    "order": raw("parcel").and_then(|parcel| orders.get(parcel)),
                    "amount": change,
                });
                to.write(if std::mem::take(&mut is_first) { b"" } else { b"," })?;
                to.write(line.to_string().as_bytes())?;
            }
        }
        Ok(())
    })?;
    to.write(b"]}")
}

/// Makes the page.
struct Shown<'s> {
    words: PageWords,
    found: &'s PartyStatement,
    orders: &'s HashMap<String, String>,
}

impl Shown<'_> {
    fn money(&self, minor: i64) -> String {
        money(i128::from(minor), &self.found.currency)
    }

    fn account(&self, place: usize, closing: i64) -> StatementAccount {
        let (account, opening) = (&self.found.accounts[place], self.found.opening[place]);
        StatementAccount {
            title: self.title(account),
            name: account.name.clone(),
            opening: self.money(opening),
            change: self.money(closing - opening),
            closing: self.money(closing),
        }
    }

    fn title(&self, account: &PartyAccount) -> &'static str {
        self.words.get(match AccountKind::from_code(account.code) {
            Some(AccountKind::SellerHeld) => "statement.held",
            Some(AccountKind::SellerPayable) => "statement.payable",
            _ => "statement.commission",
        })
    }

    /// What happened in the days, each with the sum of what it moved.
    fn parts(&self) -> Vec<(String, String)> {
        let entries = self.found.entries.iter();
        entries.map(|(entry, sum)| (entry_text(self.words, entry), self.money(*sum))).collect()
    }

    fn line(&self, moved: &[Moved], balance: i64, context: &RowContext<'_>) -> PartyLine {
        let (first, postings) = (&moved[0], self.found.postings);
        let raw = |column: &str| first.row.raw_of(postings, column).unwrap_or_default();
        let changes = (0..self.found.accounts.len())
            .map(|place| self.money(moved.iter().map(|one| one.changes[place]).sum()));
        let order = self.orders.get(raw("parcel")).cloned();
        let about = match (postings.place("parcel"), order) {
            (Some(place), Some(order)) => {
                let cell = context.cell(postings, &first.row, place);
                Cell { text: order, class: "", ..cell }
            }
            _ => Cell::default(),
        };
        PartyLine {
            day: date(self.words, raw("date")),
            what: entry_text(self.words, raw("entry")),
            about,
            changes: changes.collect(),
            balance: self.money(balance),
        }
    }
}

fn page(
    visit: &Visit,
    party: StatementParty,
    (found, shown): (&PartyStatement, &LinesShown),
    (after, pinned, offset_minutes): (i64, Option<u64>, i16),
) -> HttpAnswer {
    let (call, words) = (&visit.call, visit.words());
    let principal = &call.caller()?.principal;
    let (from, until) = (found.days.0.to_string(), found.days.1.to_string());
    let path = party.path();
    let pairs = [("from", &from), ("until", &until), ("currency", &found.currency)];
    let pairs = pairs.map(|(name, value)| (name.to_owned(), value.clone()));
    let link = |path: &str, pairs: &[(String, String)]| {
        let pairs = pairs.iter();
        let link = pairs.fold(Link::to(path), |link, (name, value)| link.with(name, value));
        link.at(pinned)
    };
    let mut around = frame(&call.app, visit.preferences, call.caller.as_ref(), visit.path());
    let readable = readable(principal);
    around.title = words.get("statement.title").to_owned();
    around.nav = nav_groups(words, &readable, None, pinned);
    let here = (&*path, &pairs[..]);
    let shown_position =
        position(words, &found.position, pinned, here, (found.time, offset_minutes));
    around.position = Some(shown_position);
    let made = Shown { words, found, orders: &shown.orders };
    let error = error_of(words, found);
    let closing = &found.closing;
    let sum = |all: &[i64]| all.iter().sum::<i64>();
    let accounts: Vec<StatementAccount> =
        (0..found.accounts.len()).map(|place| made.account(place, closing[place])).collect();
    let names = pages::PartyNames::new();
    let context =
        RowContext { words, names: &names, readable: &readable, at: pinned, offset_minutes };
    let mut balance = sum(&shown.before);
    let carried = (after > 0).then(|| made.money(balance));
    let lines = shown.lines.iter().map(|moved| {
        balance += moved.iter().map(|one| sum(&one.changes)).sum::<i64>();
        made.line(moved, balance, &context)
    });
    let lines = lines.collect();
    let next = shown.next.map(|next| link(&path, &pairs).with("after", &next.to_string()).text());
    let shown_days = |from: &str, until: &str| {
        let days: [(&str, &dyn std::fmt::Display); 2] =
            [("from", &date(words, from)), ("until", &date(words, until))];
        words.fill("statement.days", &days)
    };
    let page = PartyStatementPage {
        party: found.party.clone(),
        party_href: readable.contains(&party.view()).then(|| match party {
            StatementParty::Seller(_) => {
                Link::to("/sellers").with("seller", &party.id()).at(pinned).text()
            }
            StatementParty::Firm(_) => Link::to("/firms").part(&party.id()).at(pinned).text(),
        }),
        period: shown_days(&from, &until),
        currency: found.currency.clone(),
        choices: choices(words, found, |pairs| link(&path, pairs).text()),
        path: path.clone(),
        from: from.clone(),
        until: until.clone(),
        at: pinned,
        error,
        sum: StatementAccount {
            title: words.get("statement.owed"),
            name: String::new(),
            opening: made.money(sum(&found.opening)),
            change: made.money(sum(closing) - sum(&found.opening)),
            closing: made.money(sum(closing)),
        },
        accounts,
        parts: made.parts(),
        lines,
        carried,
        more: next,
        csv: link(&format!("{path}.csv"), &pairs).text(),
        frame: around,
    };
    html(&page, StatusCode::OK)
}

/// Months to choose from, and currencies if there are several.
fn choices(
    words: PageWords,
    found: &PartyStatement,
    href: impl Fn(&[(String, String)]) -> String,
) -> Vec<ActLink> {
    let this = month_of(found.last_day);
    let before = this.minus_days(1);
    let days = [
        ("statement.today", (found.last_day, found.last_day)),
        ("statement.this_month", (this, found.last_day)),
        ("statement.last_month", (month_of(before), before)),
    ];
    let one = |text: String, days: (BusinessDate, BusinessDate), currency: &str| {
        let pairs = [
            ("from", days.0.to_string()),
            ("until", days.1.to_string()),
            ("currency", currency.to_owned()),
        ];
        let pairs = pairs.map(|(name, value)| (name.to_owned(), value));
        ActLink {
            text,
            about: String::new(),
            href: href(&pairs),
            is_next: days == found.days && currency == found.currency,
        }
    };
    let days = days.map(|(key, days)| one(words.get(key).to_owned(), days, &found.currency));
    let others = found.currencies.iter().filter(|_| found.currencies.len() > 1);
    let others = others.map(|currency| one(currency.clone(), found.days, currency));
    days.into_iter().chain(others).collect()
}
