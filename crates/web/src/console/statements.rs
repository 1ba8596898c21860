//! The statement of a seller's or a courier firm's accounts for some days: opening balance, lines,
//! closing balance, of the postings in the views. The ledger's own accounts, so that the figures
//! are those of the exports.

use std::collections::{BTreeMap, HashMap};

use access::{AccessFunction, AccessScope};
use axum::body::Body;
use axum::http::{HeaderValue, Response, StatusCode, header};
use books::BusinessDate;
use books::chart::AccountKind;
use node::JournalPosition;
use pages::forms::{date, money};
use pages::{
    ActLink, Cell, Link, PageRow, PageWords, PartyLine, PartyStatementPage, RowContext,
    StatementAccount, nav_groups,
};
use serde_json::json;
use views::read::{
    AccountDays, FILTER_VALUES_MAX, FilterOperator, ListQuery, ReadViewError, ViewPosition,
    ViewReader,
};
use views::{ViewSpec, ViewValue};

use super::frames::{frame, position, readable};
use super::party_accounts::{
    PartyAccount, StatementParty, accounts_of, last_date, name_of, number, owed,
};
use super::rows::{offset_at, page_row, read, time_of, with};
use super::{Preferences, Visit, go_to, html};
use crate::app::{Call, HttpAnswer, POSITION, json_answer};
use crate::handlers::views::{wait_for, wanted};
use crate::limits::{STATEMENT_LINES_MAX, STATEMENT_PAGE_LINES};
use crate::problem::{Problem, ProblemKind};
use crate::query::QueryParameters;
use crate::view_values::add_text_cell;

/// Statements, each at the identifier of its party.
pub(super) const STATEMENTS_PATH: &str = "/statements";
/// Postings that are read at once.
const POSTINGS_READ: u32 = 1_000;
pub(crate) const STATEMENT_PARAMETERS: [&str; 5] =
    ["from", "until", "currency", "at", "min_position"];

/// A posting that moved an account of the party.
struct Moved {
    row: PageRow,
    /// The change of each account.
    changes: Vec<i64>,
}

/// What a statement is made of.
struct Found {
    position: ViewPosition,
    time: i64,
    party: String,
    currencies: Vec<String>,
    currency: String,
    last_day: BusinessDate,
    days: (BusinessDate, BusinessDate),
    accounts: Vec<PartyAccount>,
    opening: Vec<i64>,
    moved: Vec<Moved>,
    /// There are more postings than a statement has.
    is_cut: bool,
    /// The orders of the parcels, by the parcels.
    orders: HashMap<String, String>,
}

/// What is asked for.
#[derive(Clone, Default)]
struct AskedDays {
    from: Option<BusinessDate>,
    until: Option<BusinessDate>,
    currency: Option<String>,
}

fn view(name: &str) -> Result<&'static ViewSpec, Problem> {
    ViewSpec::find(name).ok_or_else(|| Problem::internal("a view is missing"))
}

/// The first day of a date's month.
pub(super) fn month_of(day: BusinessDate) -> BusinessDate {
    let first = day.civil().first_of_month();
    first.to_string().parse().unwrap_or(day)
}

impl Found {
    fn read(
        reader: &mut ViewReader,
        party: StatementParty,
        asked: &AskedDays,
        at: Option<u64>,
    ) -> Result<Option<Found>, ReadViewError> {
        let position = reader.position()?;
        let batch = at.unwrap_or(position.batch);
        let position = ViewPosition { batch, ..position };
        let time = time_of(reader, &position)?;
        let Some(row) = name_of(reader, party, batch)? else { return Ok(None) };
        let name = ViewSpec::find(party.view()).and_then(|view| row.raw_of(view, "reference"));
        let Some(last_day) = last_date(reader, batch)? else { return Ok(None) };
        let all = accounts_of(reader, (party.bits(), party.kinds()), batch)?;
        let mut currencies: Vec<String> = all.iter().map(|one| one.currency.clone()).collect();
        currencies.sort();
        currencies.dedup();
        let asked_for = asked.currency.clone().filter(|one| currencies.contains(one));
        let Some(currency) = asked_for.or_else(|| currencies.first().cloned()) else {
            return Ok(None);
        };
        let accounts: Vec<_> = all.into_iter().filter(|one| one.currency == currency).collect();
        let until = asked.until.unwrap_or(last_day);
        let from = asked.from.unwrap_or_else(|| month_of(until.min(last_day)));
        let mut found = Found {
            party: name.unwrap_or_default().to_owned(),
            position,
            time,
            currencies,
            currency,
            last_day,
            days: (from, until),
            opening: vec![0; accounts.len()],
            accounts,
            moved: Vec::new(),
            is_cut: false,
            orders: HashMap::new(),
        };
        if from <= until {
            found.read_lines(reader)?;
        }
        Ok(Some(found))
    }

    fn read_lines(&mut self, reader: &mut ViewReader) -> Result<(), ReadViewError> {
        let Some(postings) = ViewSpec::find("postings") else { return Ok(()) };
        let (from, until) = self.days;
        let head = self.position.batch;
        // A batch can begin on the day before.
        let first = match from > self.last_day {
            true => head,
            false => reader.first_batch(&from.to_string(), head)?.saturating_sub(1),
        };
        let last = reader.first_batch(&until.plus_days(1).to_string(), head)?;
        let mut rows: BTreeMap<i64, Vec<ViewValue>> = BTreeMap::new();
        for (place, account) in self.accounts.iter().enumerate() {
            let mut asked = AccountDays {
                account: account.number,
                batches: first..=last.max(first),
                days: (from.to_string(), until.to_string()),
                after: 0,
            };
            let mut opening = None;
            loop {
                let (some, more) = reader.account_lines(&asked, POSTINGS_READ)?;
                for row in some {
                    let own = page_row(postings, row.clone());
                    let (change, after) = change_of(&own, postings, account.number);
                    opening.get_or_insert(after - change);
                    asked.after = number(&own, postings, "posting");
                    rows.insert(asked.after, row);
                }
                self.is_cut |= rows.len() > STATEMENT_LINES_MAX;
                if !more || self.is_cut {
                    break;
                }
            }
            self.opening[place] = match opening {
                Some(opening) => opening,
                None => owed(reader, account, first)?,
            };
        }
        self.moved = rows.into_values().map(|row| self.moved_by(postings, row)).collect();
        Ok(())
    }

    fn moved_by(&self, postings: &'static ViewSpec, row: Vec<ViewValue>) -> Moved {
        let row = page_row(postings, row);
        let changes = self.accounts.iter();
        let changes = changes.map(|account| change_of(&row, postings, account.number).0);
        Moved { changes: changes.collect(), row }
    }

    /// What the orders of some postings are called.
    fn read_orders(
        &mut self,
        reader: &mut ViewReader,
        lines: std::ops::Range<usize>,
    ) -> Result<(), ReadViewError> {
        let (Some(orders), Some(postings)) = (ViewSpec::find("orders"), ViewSpec::find("postings"))
        else {
            return Ok(());
        };
        let Some(place) = postings.place("parcel") else { return Ok(()) };
        let parcels = self.moved[lines].iter().map(|one| one.row.values[place].clone());
        let mut parcels: Vec<ViewValue> =
            parcels.filter(|value| *value != ViewValue::Empty).collect();
        parcels.dedup();
        let at = Some(self.position.batch);
        for some in parcels.chunks(FILTER_VALUES_MAX) {
            let ask = with(orders, "parcel", FilterOperator::OneOf(some.to_vec()), at);
            for row in reader.list(&ListQuery { limit: POSTINGS_READ, ..ask })?.rows {
                let row = page_row(orders, row);
                let named = (row.raw_of(orders, "parcel"), row.raw_of(orders, "reference"));
                if let (Some(parcel), Some(order)) = named {
                    self.orders.insert(parcel.to_owned(), order.to_owned());
                }
            }
        }
        Ok(())
    }

    fn closing(&self) -> Vec<i64> {
        let mut closing = self.opening.clone();
        for one in &self.moved {
            closing.iter_mut().zip(&one.changes).for_each(|(sum, change)| *sum += change);
        }
        closing
    }

    /// Where each line begins: a command's postings for one payment are one.
    fn line_starts(&self, postings: &ViewSpec) -> Vec<usize> {
        let key = |one: &Moved| {
            ["batch", "command", "parcel", "payment"]
                .map(|column| one.row.raw_of(postings, column).map(str::to_owned))
        };
        let mut starts = Vec::new();
        for (place, one) in self.moved.iter().enumerate() {
            if place == 0 || key(&self.moved[place - 1]) != key(one) {
                starts.push(place);
            }
        }
        starts
    }
}

/// How a posting changed what is owed on an account, and what is owed after it.
fn change_of(row: &PageRow, postings: &ViewSpec, account: u32) -> (i64, i64) {
    let of = |column: &str| number(row, postings, column);
    let (account, amount) = (i64::from(account), of("amount"));
    if of("credit") == account {
        (amount, -of("credit_balance"))
    } else if of("debit") == account {
        (-amount, -of("debit_balance"))
    } else {
        (0, 0)
    }
}

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

/// A statement over the API: all of its lines at once.
pub(crate) async fn statement_of(call: Call) -> HttpAnswer {
    let query = QueryParameters::read(call.parts.uri.query(), &STATEMENT_PARAMETERS)?;
    let form = match call.accepted(&["application/json", "text/csv"])? {
        "text/csv" => Form::Csv,
        _ => Form::Json,
    };
    let (name, preferences) = (call.path_part(2)?, Preferences::of(&call.parts.headers));
    answer(Visit { call, preferences }, &query, &name, form).await
}

pub(super) async fn statement(visit: Visit) -> HttpAnswer {
    let known = [&STATEMENT_PARAMETERS[..], &["after"]].concat();
    let query = QueryParameters::read(visit.call.parts.uri.query(), &known)?;
    let name = visit.call.path_part(1)?;
    let (name, form) = match (name.strip_suffix(".csv"), name.strip_suffix(".json")) {
        (Some(name), _) => (name, Form::Csv),
        (_, Some(name)) => (name, Form::Json),
        _ if visit.call.accepted(&["text/html", "application/json"])? == "text/html" => {
            (&*name, Form::Page)
        }
        _ => (&*name, Form::Json),
    };
    answer(visit, &query, name, form).await
}

async fn answer(visit: Visit, query: &QueryParameters, name: &str, form: Form) -> HttpAnswer {
    let party = StatementParty::read(name).ok_or(ProblemKind::NoSuchRecord)?;
    let principal = visit.call.caller()?.principal.clone();
    visit.call.require(AccessFunction::Read("statements"))?;
    if !party.is_shown_to(&principal) {
        return Err(ProblemKind::NoSuchRecord.into());
    }
    let asked = AskedDays {
        from: day(query, "from")?,
        until: day(query, "until")?,
        currency: query.get("currency").map(str::to_owned),
    };
    let after = query.number("after", 0, STATEMENT_LINES_MAX as u64)?.unwrap_or(0);
    let after = usize::try_from(after).unwrap_or(0);
    let wanted = wanted(&visit.call, query)?;
    let (app, shared) = (visit.call.app.clone(), visit.call.app.clone());
    wait_for(&app, wanted).await?;
    let done = shared.workers.run(move |giver| {
        let found = read(&app, giver, |reader| {
            let Some(mut found) = Found::read(reader, party, &asked, wanted.at)? else {
                return Ok(None);
            };
            let lines = match (found.is_cut, form) {
                (true, _) => 0..0,
                (false, Form::Page) => {
                    let starts = ViewSpec::find("postings").map(|view| found.line_starts(view));
                    shown(&starts.unwrap_or_default(), after, found.moved.len())
                }
                (false, _) => 0..found.moved.len(),
            };
            found.read_orders(reader, lines)?;
            Ok(Some(found))
        })?;
        let found = found.ok_or(ProblemKind::NoSuchRecord)?;
        match form {
            Form::Page => {
                let offset_minutes = offset_at(giver, found.time)?;
                page(&visit, party, &found, (after, wanted.at, offset_minutes))
            }
            Form::Csv => csv(party, &found),
            Form::Json => twin(party, &found),
        }
    });
    done.await?
}

/// The postings of the lines on a page.
fn shown(starts: &[usize], after: usize, all: usize) -> std::ops::Range<usize> {
    let place = |line: usize| starts.get(line).copied().unwrap_or(all);
    place(after)..place(after.saturating_add(STATEMENT_PAGE_LINES))
}

/// Why there is no statement for the days that are asked for.
fn error_of(words: PageWords, found: &Found) -> Option<String> {
    let (from, until) = found.days;
    if from > until {
        return Some(words.get("statement.backwards").to_owned());
    }
    let most = pages::forms::number(STATEMENT_LINES_MAX as i128);
    found.is_cut.then(|| words.fill("statement.too_long", &[("most", &most)]))
}

fn csv_name(party: StatementParty, (from, until): (BusinessDate, BusinessDate)) -> String {
    format!("statement-{}-{from}-{until}.csv", party.id())
}

fn refuse_cut(found: &Found) -> Result<(), Problem> {
    let why = [office::Language::En, office::Language::Zh]
        .map(|language| error_of(PageWords(language), found).unwrap_or_default());
    let [en, zh] = why;
    match en.is_empty() {
        true => Ok(()),
        false => {
            let text = crate::words::BilingualText { en: en.into(), zh: zh.into() };
            Err(Problem::new(ProblemKind::BadQuery, text).with_field("from"))
        }
    }
}

/// The columns of the file. Amounts have decimals, as a spreadsheet adds them up.
fn csv(party: StatementParty, found: &Found) -> HttpAnswer {
    refuse_cut(found)?;
    let postings = view("postings")?;
    let mut body =
        "date,entry,order,parcel,payment,account,amount,balance,currency,position\r\n".to_owned();
    let mut line = |cells: [&str; 10]| {
        for (place, cell) in cells.into_iter().enumerate() {
            body.push_str(if place > 0 { "," } else { "" });
            match place {
                // What has a sign of its own is a number.
                6 | 7 => body.push_str(cell),
                _ => add_text_cell(&mut body, cell),
            }
        }
        body.push_str("\r\n");
    };
    let plain = |minor: i64| pages::forms::plain_money(i128::from(minor), &found.currency);
    let (from, until) = (found.days.0.to_string(), found.days.1.to_string());
    let mut balances = found.opening.clone();
    for (account, opening) in found.accounts.iter().zip(&found.opening) {
        let cells = [&*from, "opening", "", "", "", &account.name, "", &plain(*opening)];
        let [a, b, c, d, e, f, g, h] = cells;
        line([a, b, c, d, e, f, g, h, &found.currency, ""]);
    }
    for one in &found.moved {
        let raw = |column: &str| one.row.raw_of(postings, column).unwrap_or_default();
        let order = found.orders.get(raw("parcel")).map_or("", String::as_str);
        let position = format!("{}.{}", raw("batch"), raw("command"));
        for (place, change) in one.changes.iter().enumerate().filter(|(_, change)| **change != 0) {
            balances[place] += change;
            line([
                raw("date"),
                raw("entry"),
                order,
                raw("parcel"),
                raw("payment"),
                &found.accounts[place].name,
                &plain(*change),
                &plain(balances[place]),
                &found.currency,
                &position,
            ]);
        }
    }
    for (account, closing) in found.accounts.iter().zip(&balances) {
        let closing = plain(*closing);
        line([&until, "closing", "", "", "", &account.name, "", &closing, &found.currency, ""]);
    }
    let mut response = Response::new(Body::from(body));
    let headers = response.headers_mut();
    let content = HeaderValue::from_static("text/csv; charset=utf-8; header=present");
    headers.insert(header::CONTENT_TYPE, content);
    headers.insert(POSITION, found.position.batch.into());
    let name = format!("attachment; filename=\"{}\"", csv_name(party, found.days));
    let name = HeaderValue::from_str(&name).map_err(Problem::internal)?;
    headers.insert(header::CONTENT_DISPOSITION, name);
    Ok(response)
}

fn twin(party: StatementParty, found: &Found) -> HttpAnswer {
    refuse_cut(found)?;
    let postings = view("postings")?;
    let closing = found.closing();
    let accounts = found.accounts.iter().enumerate().map(|(place, account)| {
        json!({
            "account": account.name, "opening": found.opening[place], "closing": closing[place],
        })
    });
    let lines = found.moved.iter().flat_map(|one| {
        let raw = |column: &str| one.row.raw_of(postings, column).map(str::to_owned);
        let changes = one.changes.iter().zip(&found.accounts);
        let changes = changes.filter(|(change, _)| **change != 0).map(move |(change, account)| {
            json!({
                "posting": number(&one.row, postings, "posting"), "date": raw("date"),
                "entry": raw("entry"), "parcel": raw("parcel"), "account": account.name,
                "order": raw("parcel").and_then(|parcel| found.orders.get(&parcel)),
                "amount": change,
            })
        });
        changes.collect::<Vec<_>>()
    });
    let body = json!({
        "party": party.id(), "reference": found.party, "currency": found.currency,
        "from": found.days.0.to_string(), "until": found.days.1.to_string(),
        "accounts": accounts.collect::<Vec<_>>(), "lines": lines.collect::<Vec<_>>(),
    });
    json_answer(StatusCode::OK, &body, Some(JournalPosition(found.position.batch)))
}

/// Makes the page.
struct Shown<'s> {
    words: PageWords,
    found: &'s Found,
    postings: &'static ViewSpec,
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
        let mut sums: Vec<(&str, i64)> = Vec::new();
        for one in &self.found.moved {
            let entry = one.row.raw_of(self.postings, "entry").unwrap_or_default();
            let change: i64 = one.changes.iter().sum();
            match sums.iter_mut().find(|(known, _)| *known == entry) {
                Some((_, sum)) => *sum += change,
                None => sums.push((entry, change)),
            }
        }
        // What only went from one account to the other changed nothing of what is owed.
        let sums = sums.into_iter().filter(|(_, sum)| *sum != 0);
        sums.map(|(entry, sum)| (entry_text(self.words, entry), self.money(sum))).collect()
    }

    fn line(&self, moved: &[Moved], balance: i64, context: &RowContext<'_>) -> PartyLine {
        let first = &moved[0];
        let raw = |column: &str| first.row.raw_of(self.postings, column).unwrap_or_default();
        let changes = (0..self.found.accounts.len())
            .map(|place| self.money(moved.iter().map(|one| one.changes[place]).sum()));
        let order = self.found.orders.get(raw("parcel")).cloned();
        let about = match (self.postings.place("parcel"), order) {
            (Some(place), Some(order)) => {
                let cell = context.cell(self.postings, &first.row, place);
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
    found: &Found,
    (after, pinned, offset_minutes): (usize, Option<u64>, i16),
) -> HttpAnswer {
    let (call, words) = (&visit.call, visit.words());
    let principal = &call.caller()?.principal;
    let postings = view("postings")?;
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
    let made = Shown { words, found, postings };
    let error = error_of(words, found);
    let closing = found.closing();
    let sum = |all: &[i64]| all.iter().sum::<i64>();
    let accounts: Vec<StatementAccount> =
        (0..found.accounts.len()).map(|place| made.account(place, closing[place])).collect();
    let names = pages::PartyNames::new();
    let context =
        RowContext { words, names: &names, readable: &readable, at: pinned, offset_minutes };
    let starts = found.line_starts(postings);
    let all = found.moved.len();
    let of = shown(&starts, after, all);
    let before = found.moved[..of.start].iter().map(|one| sum(&one.changes)).sum::<i64>();
    let mut balance = sum(&found.opening) + before;
    let carried = (after > 0).then(|| made.money(balance));
    let on_page = starts.iter().enumerate().skip(after).take(STATEMENT_PAGE_LINES);
    let lines = on_page.map(|(line, start)| {
        let end = starts.get(line + 1).copied().unwrap_or(all);
        let moved = &found.moved[*start..end];
        balance += moved.iter().map(|one| sum(&one.changes)).sum::<i64>();
        made.line(moved, balance, &context)
    });
    let lines = if error.is_some() { Vec::new() } else { lines.collect() };
    let next = after.saturating_add(STATEMENT_PAGE_LINES);
    let more =
        (next < starts.len()).then(|| link(&path, &pairs).with("after", &next.to_string()).text());
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
            change: made.money(sum(&closing) - sum(&found.opening)),
            closing: made.money(sum(&closing)),
        },
        accounts,
        parts: made.parts(),
        lines,
        carried,
        more,
        csv: link(&format!("{path}.csv"), &pairs).text(),
        frame: around,
    };
    html(&page, StatusCode::OK)
}

/// Months to choose from, and currencies if there are several.
fn choices(
    words: PageWords,
    found: &Found,
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
