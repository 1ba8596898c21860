//! The page of one thing: its facts, its history with the money it moved, an account's statement.

use std::collections::{BTreeMap, BTreeSet};

use access::{AccessFunction, Principal};
use axum::http::StatusCode;
use engine::Actor;
use office::SignedInGiver;
use pages::{
    Cell, DetailPage, Link, PageRow, PageWords, RelatedLink, RowComparison, RowContext,
    StatementLine, TimelineEntry, TimelinePosting, Tone, batch_text, changes, compare, list_path,
    nav_groups, related, row_key, tone,
};
use views::read::{
    FilterOperator, ListQuery, ReadViewError, RowsOf, VIEWS, ViewFilter, ViewReader,
};
use views::{RowSpan, ViewSpec, ViewValue};

use super::act_table::of_row;
use super::bank_accounts;
use super::belongs::{self, Belongings};
use super::frames::{position, readable};
use super::market;
use super::party_accounts::StatementParty;
use super::routing::{network_names, why};
use super::rows::{names, offset_at, page_row, person_names, read, time_of, with};
use super::{Visit, html, twin};
use crate::app::{App, HttpAnswer};
use crate::asked_views::AskedKey;
use crate::handlers::views::{hidden, parties, right, rows_of, wanted};
use crate::operations::Action;
use crate::problem::{Problem, ProblemKind};
use crate::query::QueryParameters;

/// Changes on a page, the newest.
const CHANGES: usize = 100;
/// Postings on a page of a statement.
const STATEMENT_ROWS: u32 = 50;

const DETAIL_PARAMETERS: [&str; 4] = ["at", "min_position", "before", "since"];

/// What is read for a page.
struct Found {
    row: PageRow,
    history: Vec<PageRow>,
    postings: Vec<PageRow>,
    /// The commands of the batches that changed it: all of a batch, if they are few.
    commands: BTreeMap<i64, Vec<PageRow>>,
    statement: Vec<PageRow>,
    more: Option<i64>,
}

fn number(row: &PageRow, view: &ViewSpec, column: &str) -> i64 {
    match view.place(column).map(|place| &row.values[place]) {
        Some(ViewValue::Number(number)) => *number,
        _ => 0,
    }
}

fn rows(reader: &mut ViewReader, ask: &ListQuery) -> Result<Vec<PageRow>, ReadViewError> {
    let page = reader.list(ask)?;
    Ok(page.rows.into_iter().map(|row| page_row(ask.view, row)).collect())
}

/// The batch from which a row holds.
fn begins(view: &ViewSpec) -> &'static str {
    match view.span {
        RowSpan::Since(column) => column,
        RowSpan::Between => "from_batch",
    }
}

/// The postings of a thing: of a payment, of a parcel, of a command, or one.
fn postings_of(
    reader: &mut ViewReader,
    principal: &Principal,
    view: &'static ViewSpec,
    row: &PageRow,
    at: Option<u64>,
) -> Result<Vec<PageRow>, ReadViewError> {
    let Some(postings) = ViewSpec::find("postings") else { return Ok(Vec::new()) };
    if !matches!(rows_of(principal, postings), Ok(RowsOf::Everyone)) {
        return Ok(Vec::new());
    }
    let is_key = |name: &str| view.key.contains(&name);
    let value = |name: &str| view.place(name).map(|place| row.values[place].clone());
    let equal = |column, value| with(postings, column, FilterOperator::Equal(value), at);
    let mut ask = match (view.name, value("parcel"), value("batch")) {
        ("commands", _, Some(batch)) => equal("batch", batch),
        (_, Some(parcel @ ViewValue::Parcel(_)), _) if is_key("parcel") => equal("parcel", parcel),
        _ => return Ok(Vec::new()),
    };
    ask.order = Some(("posting".to_owned(), false));
    ask.limit = 200;
    let mut found = rows(reader, &ask)?;
    if is_key("payment") {
        let own = number(row, view, "payment");
        found.retain(|one| number(one, postings, "payment") == own);
    }
    if view.name == "commands" {
        let own = number(row, view, "command");
        found.retain(|one| number(one, postings, "command") == own);
    }
    Ok(found)
}

fn find(
    reader: &mut ViewReader,
    principal: &Principal,
    view: &'static ViewSpec,
    (key, scope): (&[ViewValue], &RowsOf),
    (at, before): (Option<u64>, Option<i64>),
) -> Result<Option<Found>, ReadViewError> {
    let Some(row) = reader.detail(view, key, scope, at)?.0 else { return Ok(None) };
    let row = page_row(view, row);
    let history = reader.history(view, key, scope, at)?.0;
    let history: Vec<PageRow> = history.into_iter().map(|row| page_row(view, row)).collect();
    let history: Vec<PageRow> =
        history.into_iter().rev().take(CHANGES).collect::<Vec<_>>().into_iter().rev().collect();
    let postings = postings_of(reader, principal, view, &row, at)?;
    let mut commands = BTreeMap::new();
    if let Some(log) = ViewSpec::find("commands")
        && matches!(rows_of(principal, log), Ok(RowsOf::Everyone))
    {
        let posting_view = ViewSpec::find("postings");
        let mut batches: BTreeSet<i64> =
            history.iter().map(|one| number(one, view, begins(view))).collect();
        batches.extend(
            posting_view
                .iter()
                .flat_map(|view| postings.iter().map(|one| number(one, view, "batch"))),
        );
        for batch in batches {
            let ask = with(log, "batch", FilterOperator::Equal(ViewValue::Number(batch)), at);
            let ask = ListQuery { limit: 1_000, ..ask };
            commands.insert(batch, rows(reader, &ask)?);
        }
    }
    let (mut statement, mut more) = (Vec::new(), None);
    if view.name == "accounts"
        && let Some(posting_view) = ViewSpec::find("postings")
        && let Some(ViewValue::Number(account)) = key.first()
        && let Ok(account) = u32::try_from(*account)
    {
        let page = reader.statement(account, before, STATEMENT_ROWS, at)?;
        more = page.next.and_then(|next| match next.first() {
            Some(ViewValue::Number(posting)) => Some(*posting),
            _ => None,
        });
        statement = page.rows.into_iter().map(|row| page_row(posting_view, row)).collect();
    }
    Ok(Some(Found { row, history, postings, commands, statement, more }))
}

/// Makes the timeline of what was found.
struct Telling<'t> {
    context: &'t RowContext<'t>,
    view: &'static ViewSpec,
    hidden: &'t [&'t str],
    log: &'static ViewSpec,
    postings: &'static ViewSpec,
}

impl Telling<'_> {
    fn cell(&self, view: &'static ViewSpec, row: &PageRow, column: &str) -> Cell {
        let place = view.place(column).unwrap_or_default();
        self.context.cell(view, row, place)
    }

    fn posting(&self, row: &PageRow) -> TimelinePosting {
        let cell = |column| self.cell(self.postings, row, column);
        TimelinePosting {
            entry: cell("entry").text,
            debit: cell("debit"),
            credit: cell("credit"),
            amount: cell("amount"),
            href: Some(self.context.page_of(self.postings, row)),
        }
    }

    /// An entry for a batch. `command` is the one that did it, where that is known.
    fn entry(
        &self,
        batch: i64,
        what: Vec<String>,
        tone: Tone,
        command: Option<&PageRow>,
        of: usize,
    ) -> TimelineEntry {
        let words = self.context.words;
        let log = Link::to("/commands").with("batch", &batch.to_string()).at(self.context.at);
        let can_open = self.context.readable.contains(&"commands");
        let of_commands = (command.is_none() && of > 1)
            .then(|| words.fill("detail.of_commands", &[("n", &pages::forms::number(of as i128))]));
        let by = command.map(|row| self.cell(self.log, row, "by_id"));
        TimelineEntry {
            what,
            tone,
            batch: batch_text(batch),
            batch_href: can_open.then(|| log.text()),
            when: command.map(|row| self.cell(self.log, row, "at").text).unwrap_or_default(),
            by: by.filter(|cell| cell.text != pages::forms::NOTHING),
            by_kind: command
                .map(|row| self.cell(self.log, row, "by_kind").text)
                .unwrap_or_default(),
            command: command.map(|row| self.cell(self.log, row, "name").text),
            command_href: command.map(|row| self.context.page_of(self.log, row)),
            of_commands,
            postings: Vec::new(),
        }
    }

    fn tell(&self, found: &Found) -> Vec<TimelineEntry> {
        let mut entries: BTreeMap<(i64, i64), TimelineEntry> = BTreeMap::new();
        let mut before: Option<&PageRow> = None;
        let commands = |batch: i64| found.commands.get(&batch).map_or(&[][..], Vec::as_slice);
        // Postings say which command of a batch it was.
        let posted: BTreeMap<i64, i64> = found
            .postings
            .iter()
            .map(|row| (number(row, self.postings, "batch"), number(row, self.postings, "command")))
            .collect();
        let is_log = self.view.name == "commands";
        for row in &found.history {
            let batch = number(row, self.view, begins(self.view));
            let all = commands(batch);
            let which = match (posted.get(&batch), all) {
                _ if is_log => Some(number(row, self.view, "command")),
                (Some(command), _) => Some(*command),
                (None, [only]) => Some(number(only, self.log, "command")),
                _ => None,
            };
            let command = which
                .and_then(|which| all.iter().find(|one| number(one, self.log, "command") == which));
            let what = changes(self.context, self.view, self.hidden, before, row);
            let state = self.view.place("state").map(|place| row.raw[place].as_str());
            let tone = state.map_or(Tone::Done, tone);
            let mut entry = self.entry(batch, what, tone, command, all.len());
            if entry.when.is_empty() {
                // All commands of a batch have about the same time.
                let first = all.first().map(|one| self.cell(self.log, one, "at").text);
                entry.when = first.unwrap_or_default();
            }
            entries.insert((batch, which.unwrap_or(0)), entry);
            before = Some(row);
        }
        for row in &found.postings {
            let batch = number(row, self.postings, "batch");
            let which = number(row, self.postings, "command");
            let all = commands(batch);
            let command = all.iter().find(|one| number(one, self.log, "command") == which);
            let entry = entries.entry((batch, which)).or_insert_with(|| {
                let name = command.map(|row| self.cell(self.log, row, "name").text);
                let what =
                    vec![name.unwrap_or_else(|| self.cell(self.postings, row, "entry").text)];
                self.entry(batch, what, Tone::Move, command, all.len())
            });
            entry.postings.push(self.posting(row));
        }
        entries.into_values().collect()
    }

    fn statement(&self, found: &Found, account: i64) -> Vec<StatementLine> {
        let lines = found.statement.iter().map(|row| {
            let is_debit = number(row, self.postings, "debit") == account;
            let amount = self.cell(self.postings, row, "amount").text;
            let (own, other) =
                if is_debit { ("debit_balance", "credit") } else { ("credit_balance", "debit") };
            let moves = number(row, self.postings, "amount");
            StatementLine {
                when: self.cell(self.postings, row, "date").text,
                entry: self.cell(self.postings, row, "entry").text,
                href: self.context.page_of(self.postings, row),
                with: self.cell(self.postings, row, other),
                debit: if is_debit { amount.clone() } else { String::new() },
                credit: if is_debit { String::new() } else { amount },
                balance: match moves {
                    0 => String::new(),
                    _ => self.cell(self.postings, row, own).text,
                },
            }
        });
        lines.collect()
    }
}

/// A command that was carried out just now in a batch, with the money that it moved: for who may
/// see the journal.
pub(super) fn told_command(
    app: &App,
    giver: &SignedInGiver,
    principal: &Principal,
    words: PageWords,
    (batch, name): (u64, &'static str),
) -> Result<Vec<TimelineEntry>, Problem> {
    let find = |name| ViewSpec::find(name).ok_or_else(|| Problem::from(ProblemKind::NoSuchRecord));
    let (log, postings) = (find("commands")?, find("postings")?);
    if !matches!(rows_of(principal, log), Ok(RowsOf::Everyone)) {
        return Ok(Vec::new());
    }
    let own = match principal.actor {
        Actor::Person(person) => Some(person.to_string()),
        _ => None,
    };
    let told = read(app, giver, |reader| {
        let mut ask = with(log, "name", FilterOperator::Equal(name.into()), None);
        let number = FilterOperator::Equal(ViewValue::Number(batch.cast_signed()));
        ask.filters.push(ViewFilter { column: "batch".to_owned(), operator: number });
        let all = rows(reader, &ListQuery { limit: 100, ..ask })?;
        let mut same = all.iter().filter(|row| row.raw_of(log, "by_id") == own.as_deref());
        // Of several it is not known which one it was.
        let (Some(one), None) = (same.next(), same.next()) else { return Ok(None) };
        let key = [number_value(one, log, "batch"), number_value(one, log, "command")];
        let found = self::find(reader, principal, log, (&key, &RowsOf::Everyone), (None, None))?;
        let Some(found) = found else { return Ok(None) };
        let logged: Vec<PageRow> = found.commands.values().flatten().cloned().collect();
        let of = [(postings, &found.postings[..]), (log, &logged[..])];
        let names = names(reader, principal, &of, None)?;
        Ok(Some((found, names)))
    })?;
    let Some((found, mut names)) = told else { return Ok(Vec::new()) };
    names.extend(person_names(giver, principal));
    let at = number(&found.row, log, "at");
    let (readable, offset_minutes) = (readable(principal), offset_at(giver, at)?);
    let context =
        RowContext { words, names: &names, readable: &readable, at: None, offset_minutes };
    let telling = Telling { context: &context, view: log, hidden: &[], log, postings };
    Ok(telling.tell(&found))
}

fn number_value(row: &PageRow, view: &ViewSpec, column: &str) -> ViewValue {
    ViewValue::Number(number(row, view, column))
}

pub(super) async fn detail(visit: Visit, view: &'static ViewSpec) -> HttpAnswer {
    let is_json = visit.call.parts.uri.path().ends_with(".json");
    if is_json || visit.call.accepted(&["text/html", "application/json"])? != "text/html" {
        return detail_json(visit, view, is_json).await;
    }
    let query = QueryParameters::read(visit.call.parts.uri.query(), &DETAIL_PARAMETERS)?;
    let since = query.number("since", 0, i64::MAX.cast_unsigned())?;
    let before = query.number("before", 1, i64::MAX.cast_unsigned())?;
    visit.call.require(AccessFunction::Read(right(view.name)))?;
    let wanted = wanted(&visit.call, &query)?;
    let principal = visit.call.caller()?.principal.clone();
    let scope = rows_of(&principal, view)?;
    let hidden = hidden(&principal, view);
    let name = visit.call.path_part(1)?;
    let has_session = visit.call.caller()?.session.is_some();
    let words = visit.words();
    let (app, _, mut around) = visit.open(wanted).await?;
    let done = visit.call.app.workers.run(move |giver| {
        let unknown = || Problem::from(ProblemKind::NoSuchRecord);
        let asked = AskedKey::new(view, &name).ok_or_else(unknown)?;
        let known = parties(giver, asked.wanted_parties())?;
        let key = asked.values(&known).ok_or_else(unknown)?;
        let find = |name| ViewSpec::find(name).ok_or_else(unknown);
        let (log, postings) = (find("commands")?, find("postings")?);
        let read = read(&app, giver, |reader| {
            let found = reader.position()?;
            let at = wanted.at.or(Some(found.batch));
            let before = before.map(u64::cast_signed);
            let told = self::find(reader, &principal, view, (&key, &scope), (at, before))?;
            let found = match wanted.at {
                Some(batch) => views::read::ViewPosition { batch, ..found },
                None => found,
            };
            let Some(told) = told else { return Ok((None, found, 0)) };
            let earlier = match since {
                Some(batch) => reader.detail(view, &key, &scope, Some(batch.min(found.batch)))?.0,
                None => None,
            };
            let earlier = earlier.map(|row| page_row(view, row));
            let belongings = belongs::find(reader, &principal, (view, &told.row), at)?;
            let logged: Vec<PageRow> = told.commands.values().flatten().cloned().collect();
            let mut of = vec![
                (view, &told.history[..]),
                (view, std::slice::from_ref(&told.row)),
                (view, earlier.as_slice()),
                (postings, &told.postings[..]),
                (postings, &told.statement[..]),
                (log, &logged[..]),
            ];
            of.extend(belongings.lists.iter().map(|one| (one.view, &one.rows[..])));
            let mut names = names(reader, &principal, &of, at)?;
            if view.name == "payments" {
                names.extend(network_names(reader, &principal, at)?);
            }
            let time = time_of(reader, &found)?;
            Ok((Some((told, earlier, names, belongings)), found, time))
        });
        let (told, found, time) = read?;
        let (told, earlier, mut names, belongings): (_, _, _, Belongings) =
            told.ok_or_else(unknown)?;
        names.extend(person_names(giver, &principal));
        let offset_minutes = offset_at(giver, time)?;
        let (readable, at) = (readable(&principal), wanted.at);
        let context = RowContext { words, names: &names, readable: &readable, at, offset_minutes };
        around.title = DetailPage::name_of(&context, view, &told.row);
        around.nav = nav_groups(words, &readable, Some(view.name), at);
        let path = Link::to(&list_path(view.name)).part(&row_key(view, &told.row)).text();
        let pairs = [("before", before), ("since", since)];
        let pairs = pairs
            .into_iter()
            .filter_map(|(name, number)| Some((name.to_owned(), number?.to_string())));
        let pairs: Vec<_> = pairs.collect();
        let here = (&*path, &*pairs);
        let shown = position(words, &found, at, here, (time, offset_minutes));
        around.position = Some(shown);
        let telling = Telling { context: &context, view, hidden: &hidden, log, postings };
        let mut page = DetailPage::new(around, &context, view, &hidden, &told.row);
        if let Some(since) = since {
            let shown = |batch: u64| batch_text(batch.cast_signed());
            page.compared = Some(RowComparison {
                earlier: shown(since.min(found.batch)),
                later: shown(found.batch),
                rows: compare(&context, view, &hidden, earlier.as_ref(), &told.row),
                is_new: earlier.is_none(),
            });
        }
        // A page of the past is the same for everyone, and for ever.
        if at.is_none() && has_session {
            let own = match principal.actor {
                Actor::Person(person) => format!("per_{person}"),
                _ => String::new(),
            };
            page.acts = of_row(words, &principal, (view, &told.row), &own, &path);
        }
        // A posting has no history: it is one.
        if view.name != "postings" {
            page.timeline = telling.tell(&told);
        }
        if let ("payments", Some(first)) = (view.name, told.history.first()) {
            let first = number(first, view, begins(view));
            page.routing = why((&giver.data, &principal), &context, &told.row, first)?;
        }
        page.belongings = belongs::tables(&context, &belongings);
        page.related = related(&context, VIEWS, view, &told.row);
        if view.name == "promotions" && at.is_none() && market::sees_all(&principal) {
            let (text, key) = (words.get("preview.title"), row_key(view, &told.row));
            let href = Link::to(market::PREVIEW_PATH).with("promotion", &key).text();
            page.related.insert(0, RelatedLink { text, href });
        }
        let party = told.row.raw_of(view, view.key[0]).and_then(StatementParty::read);
        if let Some(party) = party.filter(|party| party.is_shown_to(&principal)) {
            let text = words.get("statement.title");
            page.related
                .insert(0, RelatedLink { text, href: Link::to(&party.path()).at(at).text() });
        }
        if let Some(StatementParty::Seller(seller)) = party
            && at.is_none()
            && bank_accounts::is_subject(&principal, seller).is_some()
        {
            let (text, href) = (words.get("bank.title"), bank_accounts::path_of(seller));
            page.related.insert(0, RelatedLink { text, href });
        }
        if let Some(ViewValue::Number(account)) = key.first() {
            page.statement = telling.statement(&told, *account);
        }
        page.more = told
            .more
            .map(|before| Link::to(&path).with("before", &before.to_string()).at(at).text());
        html(&page, StatusCode::OK)
    });
    done.await?
}

/// The API's answer: the key of the path stands one part further there.
async fn detail_json(mut visit: Visit, view: &'static ViewSpec, is_named: bool) -> HttpAnswer {
    let uri = &visit.call.parts.uri;
    let path = uri.path().strip_suffix(".json").filter(|_| is_named).unwrap_or(uri.path());
    let query = uri.query().map(|query| format!("?{query}")).unwrap_or_default();
    let address = format!("/v1{path}{query}");
    visit.call.parts.uri = address.parse().map_err(|_| ProblemKind::NoSuchPath)?;
    let is_detail = |action| matches!(action, Action::Detail(other) if other.name == view.name);
    twin(visit, "application/json", is_detail).await
}
