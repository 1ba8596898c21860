//! Lists, single things, searches and exports of the views, as of any batch.

use std::collections::{BTreeSet, HashMap};
use std::ops::ControlFlow;
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use access::{AccessFunction, AccessGrant, AccessScope, Principal};
use axum::http::{HeaderValue, Response, StatusCode, header};
use node::JournalPosition;
use office::SignedInGiver;
use office::fields::KnownParties;
use serde_json::json;
use views::read::{
    FilterOperator, ListQuery, ReadViewError, RowOwner, RowsOf, VIEWS, ViewFilter, ViewQueryError,
    ViewReader,
};
use views::{ColumnKind, ViewColumn, ViewSpec, ViewValue};

use crate::app::{App, Call, HttpAnswer, POSITION, answer_of};
use crate::asked_views::AskedKey;
use crate::cursor::Cursor;
use crate::limits::{
    FILTER_CHARACTERS_MAX, PAGE_LINES, PAGE_LINES_MAX, POSITION_WAIT_MS_MAX, SEARCH_CHARACTERS_MAX,
};
use crate::problem::{ErrorInChinese, Problem, ProblemKind};
use crate::query::QueryParameters;
use crate::streamed::{BodyWriter, CutOff, streamed};
use crate::view_values::{ShownColumns, add_cell, has_ranges, named_type, parse};
use crate::words::words;

/// A question that takes longer is not asked on the thread of a socket.
const QUICK: Duration = Duration::from_millis(2);
/// How often a reader looks whether the views have reached a position.
const POSITION_POLL: Duration = Duration::from_millis(5);

pub(super) const JSON: &str = "application/json";
pub(super) const LINES: &str = "application/x-ndjson";
pub(super) const CSV: &str = "text/csv";

/// The path of a view.
pub(crate) fn path(view: &ViewSpec) -> String {
    format!("/v1/{}", view.name.replace('_', "-"))
}

/// The parameters of a list.
pub(crate) fn parameters(view: &'static ViewSpec) -> &'static [String] {
    static ALL: LazyLock<HashMap<&str, Vec<String>>> =
        LazyLock::new(|| VIEWS.iter().map(|view| (view.name, parameters_of(view))).collect());
    ALL.get(view.name).map_or(&[], Vec::as_slice)
}

/// Of each column that filters its value, its bounds and its beginning.
fn parameters_of(view: &'static ViewSpec) -> Vec<String> {
    let mut all: Vec<String> =
        ["at", "min_position", "limit", "cursor", "order"].map(str::to_owned).to_vec();
    for column in view.columns.iter().filter(|column| column.filter) {
        all.push(column.name.to_owned());
        if has_ranges(column) {
            all.extend(["from", "until"].map(|bound| format!("{}.{bound}", column.name)));
        }
        if column.kind == ColumnKind::Text {
            all.push(format!("{}.begins", column.name));
        }
        if column.optional {
            all.push(format!("{}.empty", column.name));
        }
    }
    all
}

/// How the table of rights names a view.
pub(crate) fn right(view: &str) -> &str {
    match view {
        "orders" => "parcels",
        "payments" | "phone_cash" => "collections",
        "refund_payments" => "refunds",
        "sellers" | "firms" | "couriers" => "parties",
        "banks" | "postings" | "adjustments" => "accounts",
        "wallets" => "networks",
        "hold_rules" => "tariffs",
        "custody" => "cash",
        "hand_overs" => "hand-overs",
        "batches" | "open_items" => "open-items",
        "commands" => "log",
        "clearing_lines" | "files" | "bank_entries" => "clearing",
        "plans" | "commissions" => "settlements",
        "invoices" | "invoice_payments" => "statements",
        "periods" => "balances",
        "variants" | "stock_adjustments" => "offers",
        "market_orders" | "market_parcels" | "order_units" | "order_discounts" => "market-orders",
        "text_decisions" | "text_rules" | "text_appeals" => "text-decisions",
        other => other,
    }
}

/// The columns that a principal does not see.
pub(crate) fn hidden(principal: &Principal, view: &ViewSpec) -> Vec<&'static str> {
    principal.hidden_fields(right(view.name))
}

/// The owners whose rows a principal may see.
pub(crate) fn rows_of(principal: &Principal, view: &'static ViewSpec) -> Result<RowsOf, Problem> {
    let own = match principal.may(AccessFunction::Read(right(view.name))) {
        AccessScope::All => return Ok(RowsOf::Everyone),
        AccessScope::Own(own) => own,
        AccessScope::Nothing => Vec::new(),
    };
    let owners = owners_of(&own);
    if owners.is_empty() { Err(ProblemKind::NotPermitted.into()) } else { Ok(RowsOf::Own(owners)) }
}

/// The parties as whom grants let act.
pub(crate) fn owners_of(grants: &[AccessGrant]) -> Vec<RowOwner> {
    let owner = |grant: &AccessGrant| match *grant {
        AccessGrant::Seller(seller) => Some(RowOwner::Seller(seller)),
        AccessGrant::Courier(courier) => Some(RowOwner::Courier(courier)),
        AccessGrant::Firm(firm) => Some(RowOwner::Firm(firm)),
        _ => None,
    };
    grants.iter().filter_map(owner).collect()
}

/// Whether a view says which of its rows are of one of the owners.
pub(crate) fn has_rows_of(view: &ViewSpec, owners: &[RowOwner]) -> bool {
    owners.iter().any(|owner| match owner {
        RowOwner::Seller(_) => view.owners.seller.is_some(),
        RowOwner::Courier(_) => view.owners.courier.is_some(),
        RowOwner::Firm(_) => view.owners.firm.is_some(),
    })
}

/// Which position of the books a reader wants.
#[derive(Clone, Copy)]
pub(crate) struct Wanted {
    pub at: Option<u64>,
    /// At least: of `min_position`, and the sender's own last write.
    least: u64,
    /// Whether the sender named `min_position`.
    is_named: bool,
}

pub(crate) fn wanted(call: &Call, query: &QueryParameters) -> Result<Wanted, Problem> {
    let at = query.number("at", 0, i64::MAX.cast_unsigned())?;
    let least = query.number("min_position", 0, i64::MAX.cast_unsigned())?;
    let own = call.app.writers.of(call.caller()?.principal.actor);
    Ok(Wanted { at, least: at.or(least.max(own)).unwrap_or(0), is_named: least.is_some() })
}

pub(crate) fn failed(
    error: ReadViewError,
    head: impl FnOnce() -> Option<u64>,
    chinese: ErrorInChinese,
) -> Problem {
    let asked = match error {
        ReadViewError::Asked(asked) => asked,
        error @ (ReadViewError::Views(_) | ReadViewError::TooLong | ReadViewError::NotWhole) => {
            let cause = error.to_string();
            return Problem::from(ProblemKind::ViewsUnavailable).retry_after(5).caused_by(cause);
        }
    };
    match asked {
        ViewQueryError::Beyond { asked, .. } => match head() {
            Some(head) if asked <= head => not_there_yet(),
            _ => Problem::from(ProblemKind::NotInPast).with_field("at"),
        },
        ViewQueryError::OtherPage => Problem::from(ProblemKind::BadCursor).with_field("cursor"),
        ViewQueryError::NoOwner { .. } => ProblemKind::NotPermitted.into(),
        other => {
            let (en, zh) = (other.to_string(), chinese(&other));
            let detail = words!("{en}; correct the query", "{zh}；请更正查询");
            Problem::new(ProblemKind::BadQuery, detail)
        }
    }
}

fn not_there_yet() -> Problem {
    Problem::from(ProblemKind::NotThereYet).retry_after(1)
}

/// What a question of the views is answered with.
type Answer<T> = Result<Result<T, Problem>, ReadViewError>;

/// A question that is asked with a connection and the parties that it names by their references.
type Question<T> = dyn Fn(&mut ViewReader, &KnownParties) -> Answer<T> + Send + Sync;

/// Asks the views once they have reached the position. What takes a moment is asked on the thread
/// of the socket, anything else on a worker.
async fn ask<T: Send + 'static>(
    app: &Arc<App>,
    wanted: Wanted,
    named: BTreeSet<(String, String)>,
    question: Arc<Question<T>>,
) -> Result<T, Problem> {
    let known = match named.is_empty() {
        true => KnownParties::default(),
        false => app.workers.run(move |giver| parties(giver, named)).await??,
    };
    wait_for(app, wanted).await?;
    if let Some(mut reader) = app.readers.free() {
        let answer = reader.within(QUICK, |reader| question(reader, &known));
        match answer {
            Some(Ok(answer)) => {
                app.readers.give_back(reader);
                return answer;
            }
            // The worker says what is wrong.
            None
            | Some(Err(
                ReadViewError::Asked(_) | ReadViewError::TooLong | ReadViewError::NotWhole,
            )) => {
                app.readers.give_back(reader);
            }
            Some(Err(ReadViewError::Views(_))) => app.readers.close_free(),
        }
    }
    // Who waits for a turn is in work, too: too many are refused.
    let _counted = app.workers.begin()?;
    let _turn = app.readers.turn().await?;
    let shared = app.clone();
    let asked =
        move |giver: &mut SignedInGiver| read(&shared, giver, |reader| question(reader, &known))?;
    app.workers.run(asked).await?
}

/// Asks the views, which have reached the position, on a worker.
pub(crate) fn read<T>(
    app: &App,
    giver: &SignedInGiver,
    question: impl FnOnce(&mut ViewReader) -> Result<T, ReadViewError>,
) -> Result<T, Problem> {
    let mut reader = app.readers.take()?;
    match question(&mut reader) {
        Ok(answer) => {
            app.readers.give_back(reader);
            Ok(answer)
        }
        Err(error) => {
            match error {
                ReadViewError::Asked(_) | ReadViewError::TooLong | ReadViewError::NotWhole => {
                    app.readers.give_back(reader);
                }
                ReadViewError::Views(_) => app.readers.close_free(),
            }
            Err(failed(error, || head(giver), app.texts.chinese))
        }
    }
}

pub(crate) fn head(giver: &SignedInGiver) -> Option<u64> {
    giver.client.query(|_| ()).ok().map(|(_, head)| head.0)
}

/// Waits until the views have reached the position.
pub(crate) async fn wait_for(app: &Arc<App>, wanted: Wanted) -> Result<(), Problem> {
    let until = Instant::now() + Duration::from_millis(POSITION_WAIT_MS_MAX);
    // Who wrote nothing and asks for no position takes the views as they are.
    while wanted.least > 0 && written(app).await? < wanted.least {
        if Instant::now() >= until {
            let head = app.workers.run(|giver| head(giver)).await?;
            let is_beyond = head.is_some_and(|head| wanted.least > head);
            return Err(match wanted.at {
                Some(_) if is_beyond => Problem::from(ProblemKind::NotInPast).with_field("at"),
                _ if wanted.is_named => not_there_yet().with_field("min_position"),
                _ => not_there_yet(),
            });
        }
        tokio::time::sleep(POSITION_POLL).await;
    }
    Ok(())
}

/// The last batch that the views have.
pub(crate) async fn written(app: &Arc<App>) -> Result<u64, Problem> {
    if let Some(mut reader) = app.readers.free() {
        match reader.within(QUICK, ViewReader::position) {
            Some(Err(_)) => app.readers.close_free(),
            position => {
                app.readers.give_back(reader);
                if let Some(Ok(position)) = position {
                    return Ok(position.written);
                }
            }
        }
    }
    let shared = app.clone();
    let read = app.workers.run(move |_| {
        let mut reader = shared.readers.take()?;
        let position = reader.position().map_err(|error| {
            shared.readers.close_free();
            failed(error, || None, shared.texts.chinese)
        })?;
        shared.readers.give_back(reader);
        Ok(position.written)
    });
    read.await?
}

fn bad_value(name: &str, expected: &str) -> Problem {
    let detail = words!(
        "`{name}` must be {expected}; correct it",
        "`{name}` 的取值不符（{expected}）；请更正"
    );
    Problem::new(ProblemKind::BadQuery, detail).with_field(name)
}

/// The parties that a query names by their references, each with the type of its identifier.
pub(crate) fn named_parties(
    view: &'static ViewSpec,
    query: &QueryParameters,
) -> BTreeSet<(String, String)> {
    let named = query.iter().filter_map(|(name, text)| {
        let id_type = named_type(view.column(name)?, text)?;
        Some((id_type.to_owned(), text.to_owned()))
    });
    named.collect()
}

/// Parties by the types of their identifiers and their references.
pub(crate) fn parties(
    giver: &SignedInGiver,
    wanted: BTreeSet<(String, String)>,
) -> Result<KnownParties, Problem> {
    let look = move |engine: &engine::Engine| KnownParties::of(engine.books(), &wanted);
    giver.client.look_ahead(look).map_err(Problem::internal)
}

/// Whether a text is one of the words of a column.
fn is_word(column: &ViewColumn, text: &str) -> bool {
    matches!(column.kind, ColumnKind::Word(words) if words.contains(&text))
}

pub(crate) fn filters(
    view: &'static ViewSpec,
    query: &QueryParameters,
    known: &KnownParties,
) -> Result<Vec<ViewFilter>, Problem> {
    let mut filters = Vec::new();
    for (parameter, text) in query.iter() {
        // The position, also where a column has its name: `at.from` and `at.until` narrow that.
        if parameter == "at" {
            continue;
        }
        let (name, how) = parameter.split_once('.').unwrap_or((parameter, ""));
        let Some(column) = view.column(name).filter(|column| column.filter) else { continue };
        if column.kind == ColumnKind::Text && !text.is_empty() {
            query.text(parameter, FILTER_CHARACTERS_MAX)?;
        }
        let value = |text: &str| {
            parse(column, text, known).ok_or_else(|| bad_value(parameter, &column.kind.words()))
        };
        let operator = match how {
            "from" => FilterOperator::AtLeast(value(text)?),
            "until" => FilterOperator::AtMost(value(text)?),
            "begins" => FilterOperator::BeginsWith(text.to_owned()),
            "empty" => match text {
                "true" => FilterOperator::Empty(true),
                "false" => FilterOperator::Empty(false),
                _ => return Err(bad_value(parameter, "true or false")),
            },
            // A text or a reference can have commas, and is compared as it is.
            _ if column.kind == ColumnKind::Text
                || !text.contains(',')
                || is_word(column, text)
                || text.split(',').any(|one| named_type(column, one).is_some()) =>
            {
                FilterOperator::Equal(value(text)?)
            }
            _ => FilterOperator::OneOf(text.split(',').map(value).collect::<Result<_, _>>()?),
        };
        filters.push(ViewFilter { column: name.to_owned(), operator });
    }
    Ok(filters)
}

/// The parameters of a list for a principal who does not see some columns.
pub(crate) fn seen_parameters(view: &'static ViewSpec, hidden: &[&str]) -> Vec<&'static str> {
    let seen = |name: &&str| !hidden.contains(&name.split('.').next().unwrap_or_default());
    parameters(view).iter().map(String::as_str).filter(seen).collect()
}

/// The column by which a list is ordered, and whether it falls.
pub(crate) fn order_of(query: &QueryParameters) -> Option<(String, bool)> {
    let order = query.get("order")?;
    Some(match order.strip_prefix('-') {
        Some(column) => (column.to_owned(), true),
        None => (order.to_owned(), false),
    })
}

/// A page of a list, as a sender asks for it.
pub(crate) struct AskedPage {
    pub wanted: Wanted,
    /// What its cursors are for.
    pub question: String,
    /// Without its filters and its limit.
    pub list: ListQuery,
}

impl AskedPage {
    pub fn of(
        call: &Call,
        view: &'static ViewSpec,
        query: &QueryParameters,
        hidden: &[&str],
    ) -> Result<AskedPage, Problem> {
        let scope = rows_of(&call.caller()?.principal, view)?;
        let mut wanted = wanted(call, query)?;
        let order = order_of(query);
        // The order of what is hidden would show it.
        if order.as_ref().is_some_and(|(column, _)| hidden.contains(&column.as_str())) {
            return Err(bad_value("order", "a column of the list"));
        }
        let own = query.iter().filter(|(name, _)| !["cursor", "limit"].contains(name));
        let own: Vec<String> = own.map(|(name, value)| format!("{name}={value}")).collect();
        let question = format!("{} {scope:?} {}", view.name, own.join("&"));
        let mut after = None;
        if let Some(text) = query.get("cursor") {
            let bad = || Problem::from(ProblemKind::BadCursor).with_field("cursor");
            let cursor = call.app.cursors.read(&question, text).ok_or_else(bad)?;
            wanted.at = Some(cursor.at);
            after = Some(cursor.after);
        }
        let list = ListQuery { scope, order, after, at: wanted.at, ..ListQuery::of(view) };
        Ok(AskedPage { wanted, question, list })
    }
}

pub(super) async fn list(call: Call, view: &'static ViewSpec) -> HttpAnswer {
    let hidden = hidden(&call.caller()?.principal, view);
    let query = QueryParameters::read(call.parts.uri.query(), &seen_parameters(view, &hidden))?;
    let media = call.accepted(&[JSON, CSV, LINES])?;
    let AskedPage { wanted, question, list } = AskedPage::of(&call, view, &query, &hidden)?;
    let limit = query.number("limit", 1, PAGE_LINES_MAX as u64)?.unwrap_or(PAGE_LINES as u64);
    let named = named_parties(view, &query);
    let page = ListQuery { limit: u32::try_from(limit).unwrap_or(1), ..list };
    if media != JSON {
        return export(call, view, (media, hidden), wanted, named, (query, page)).await;
    }
    let (app, shown) = (call.app.clone(), ShownColumns::of(view, &hidden));
    let list = move |reader: &mut ViewReader, known: &KnownParties| -> Answer<_> {
        let filters = match filters(view, &query, known) {
            Ok(filters) => filters,
            Err(problem) => return Ok(Err(problem)),
        };
        let page = reader.list(&ListQuery { filters, ..page.clone() })?;
        let at = page.position.batch;
        let mut body = b"{\"items\":".to_vec();
        shown.add_rows(&mut body, &page.rows);
        let next = page.next.map(|after| app.cursors.write(&question, &Cursor { after, at }));
        body.extend_from_slice(b",\"next\":");
        body.extend_from_slice(json!(next).to_string().as_bytes());
        body.push(b'}');
        Ok(Ok((body, at)))
    };
    let (body, at) = ask(&call.app, wanted, named, Arc::new(list)).await?;
    answer_of(StatusCode::OK, body, Some(JournalPosition(at)))
}

/// All rows of a list, as they are read.
async fn export(
    call: Call,
    view: &'static ViewSpec,
    (media, hidden): (&'static str, Vec<&'static str>),
    wanted: Wanted,
    named: BTreeSet<(String, String)>,
    (query, page): (QueryParameters, ListQuery),
) -> HttpAnswer {
    let begin = move |reader: &mut ViewReader, known: &KnownParties| -> Answer<_> {
        let filters = match filters(view, &query, known) {
            Ok(filters) => filters,
            Err(problem) => return Ok(Err(problem)),
        };
        let page = ListQuery { filters, ..page.clone() };
        // A question that cannot be asked is refused before the first row. The position is said
        // before the rows, so they are as of it.
        let first = reader.list(&ListQuery { limit: 1, ..page.clone() })?;
        Ok(Ok(ListQuery { at: Some(first.position.batch), ..page }))
    };
    let page = ask(&call.app, wanted, named, Arc::new(begin)).await?;
    let batch = page.at.unwrap_or_default();
    let (app, principal) = (call.app.clone(), &call.caller()?.principal);
    let body = streamed(&call.app, principal, move |to| {
        let mut lines = ExportedLines::begin(view, media, &hidden, to)?;
        let mut reader = app.readers.take().map_err(|_| CutOff)?;
        let mut written = Ok(());
        let read = reader.export(&page, &mut |row| {
            written = lines.add(&row, to);
            if written.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        });
        read.map_err(|_| CutOff)?;
        written?;
        app.readers.give_back(reader);
        Ok(())
    })?;
    exported((media, view.name), batch, body)
}

/// The answer that has an export.
pub(super) fn exported(
    (media, name): (&'static str, &str),
    batch: u64,
    body: axum::body::Body,
) -> HttpAnswer {
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    let content = if media == CSV { "text/csv; charset=utf-8; header=present" } else { LINES };
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content));
    headers.insert(POSITION, batch.into());
    let name = format!("attachment; filename=\"{name}-{batch}\"");
    let name = HeaderValue::from_str(&name).map_err(Problem::internal)?;
    headers.insert(header::CONTENT_DISPOSITION, name);
    Ok(response)
}

/// Rows as lines of CSV or JSON.
pub(super) struct ExportedLines {
    /// Of CSV, in the order of the columns.
    columns: Vec<(usize, &'static ViewColumn)>,
    shown: ShownColumns,
    is_csv: bool,
    line: Vec<u8>,
    text: String,
}

impl ExportedLines {
    /// Writes the names of the columns.
    pub fn begin(
        view: &'static ViewSpec,
        media: &str,
        hidden: &[&str],
        to: &mut BodyWriter,
    ) -> Result<ExportedLines, CutOff> {
        let columns = view.columns.iter().enumerate();
        let columns: Vec<_> =
            columns.filter(|(_, column)| !hidden.contains(&column.name)).collect();
        let is_csv = media == CSV;
        if is_csv {
            let names: Vec<&str> = columns.iter().map(|(_, column)| column.name).collect();
            to.write((names.join(",") + "\r\n").as_bytes())?;
        }
        let shown = ShownColumns::of(view, hidden);
        Ok(ExportedLines { columns, shown, is_csv, line: Vec::new(), text: String::new() })
    }

    pub fn add(&mut self, row: &[ViewValue], to: &mut BodyWriter) -> Result<(), CutOff> {
        self.line.clear();
        if self.is_csv {
            self.text.clear();
            let cells = self.columns.iter().filter_map(|(at, one)| Some((one, row.get(*at)?)));
            for (place, (column, value)) in cells.enumerate() {
                if place > 0 {
                    self.text.push(',');
                }
                add_cell(&mut self.text, column, value);
            }
            self.text.push_str("\r\n");
            self.line.extend_from_slice(self.text.as_bytes());
        } else {
            self.shown.add_row(&mut self.line, row);
            self.line.push(b'\n');
        }
        to.write(&self.line)
    }
}

pub(super) async fn detail(call: Call, view: &'static ViewSpec) -> HttpAnswer {
    let query = QueryParameters::read(call.parts.uri.query(), &["at", "min_position"])?;
    call.accepted(&[JSON])?;
    let scope = rows_of(&call.caller()?.principal, view)?;
    let wanted = wanted(&call, &query)?;
    let hidden = hidden(&call.caller()?.principal, view);
    let name = call.path_part(2)?;
    let unknown = || Problem::from(ProblemKind::NoSuchRecord);
    let named = AskedKey::new(view, &name).ok_or_else(unknown)?.wanted_parties();
    let shown = ShownColumns::of(view, &hidden);
    let detail = move |reader: &mut ViewReader, known: &KnownParties| -> Answer<_> {
        let key = AskedKey::new(view, &name).and_then(|key| key.values(known));
        let Some(key) = key else { return Ok(Err(unknown())) };
        let (row, position) = reader.detail(view, &key, &scope, wanted.at)?;
        let Some(row) = row else { return Ok(Err(unknown())) };
        let mut body = Vec::new();
        shown.add_row(&mut body, &row);
        Ok(Ok((body, position.batch)))
    };
    let (body, at) = ask(&call.app, wanted, named, Arc::new(detail)).await?;
    answer_of(StatusCode::OK, body, Some(JournalPosition(at)))
}

pub(super) async fn search(call: Call) -> HttpAnswer {
    let query = QueryParameters::read(call.parts.uri.query(), &["q", "at", "min_position"])?;
    call.accepted(&[JSON])?;
    let wanted = wanted(&call, &query)?;
    let text = query.text("q", SEARCH_CHARACTERS_MAX)?;
    let text = text.ok_or_else(|| bad_value("q", "a text"))?;
    let text = text.strip_prefix("par_").unwrap_or(text).to_owned();
    call.require(AccessFunction::Read("search"))?;
    let principal = call.caller()?.principal.clone();
    let search = move |reader: &mut ViewReader, _: &KnownParties| -> Answer<_> {
        // Of each view by its own right: who sees all parcels may see only own accounts.
        let scope = |view| rows_of(&principal, view).ok();
        let (hits, position) = reader.search(&text, scope, wanted.at)?;
        let mut body = b"{\"items\":[".to_vec();
        for (number, hit) in hits.iter().enumerate() {
            if number > 0 {
                body.push(b',');
            }
            body.extend_from_slice(b"{\"row\":");
            let hidden = hidden(&principal, hit.view);
            ShownColumns::of(hit.view, &hidden).add_row(&mut body, &hit.row);
            body.extend_from_slice(format!(",\"view\":\"{}\"}}", hit.view.name).as_bytes());
        }
        body.extend_from_slice(b"]}");
        Ok(Ok((body, position.batch)))
    };
    let (body, at) = ask(&call.app, wanted, BTreeSet::new(), Arc::new(search)).await?;
    answer_of(StatusCode::OK, body, Some(JournalPosition(at)))
}

#[cfg(test)]
mod tests {
    use access::Assurance;
    use engine::Actor;

    use super::*;

    #[test]
    fn each_field_that_a_role_does_not_see_is_a_column_of_a_view() {
        let columns: BTreeSet<&str> =
            VIEWS.iter().flat_map(|view| view.columns).map(|column| column.name).collect();
        let grants = [
            AccessGrant::Administrator,
            AccessGrant::Operator,
            AccessGrant::Hub,
            AccessGrant::Courier(books::CourierId(1)),
            AccessGrant::Seller(books::SellerId(1)),
            AccessGrant::Firm(books::FirmId(1)),
        ];
        for grant in grants {
            let (actor, assurance) = (Actor::System, Assurance::SteppedUp);
            let principal = Principal { actor, grants: vec![grant], assurance };
            for view in VIEWS {
                for field in hidden(&principal, view) {
                    assert!(columns.contains(field), "{field} of {:?}", grant.role());
                }
            }
        }
    }
}
