//! The reader of the views, on SQLite and on PostgreSQL: the same answers from both.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use std::path::Path;

use access::AccessObjects;
use bench::PostgresCluster;
use books::{CourierId, ParcelId};
use engine::Engine;
use journal::JournalHead;
use node::replay::ReplayObserver;
use views::read::{
    AccountDays, FilterOperator, ListQuery, PAGE_ROWS_MAX, ReadViewError, RowOwner, RowsOf, VIEWS,
    ViewFilter, ViewPage, ViewQueryError, ViewReader,
};
use views::{ColumnKind, Place, RowSpan, Server, ViewColumn, ViewSpec, ViewValue};

use super::support::Bed;

/// Views of which a simulated day makes no row.
const NOT_IN_A_DAY: [&str; 17] = [
    "phone_cash",
    "invoices",
    "invoice_payments",
    "commissions",
    "adjustments",
    "periods",
    "offers",
    "variants",
    "stock_adjustments",
    "promotions",
    "market_orders",
    "market_parcels",
    "order_units",
    "order_discounts",
    "text_decisions",
    "text_rules",
    "text_appeals",
];

/// Books of a day, with the views of them in both places.
struct Both {
    bed: Bed,
    _server: PostgresCluster,
    readers: [ViewReader; 2],
}

impl Both {
    #[track_caller]
    fn new(parcels: u32) -> Both {
        Both::of_days(parcels, &[""])
    }

    #[track_caller]
    fn of_days(parcels: u32, dates: &[&str]) -> Both {
        let (bed, server) = (Bed::new(), PostgresCluster::quick().unwrap());
        bed.write("doorstep.toml", format!("[views]\nurl = \"{}\"\n", server.url()));
        for date in dates {
            let day = format!("day --parcels {parcels} --faults 800 --seed 5 --data books {date}");
            bed.run(&day).succeeds();
        }
        bed.run("views update --data books").succeeds();
        bed.run("views update --data books --config doorstep.toml").succeeds();
        let file = Place::in_directory(Path::new(&bed.path("books")));
        let there = Place::Server(Box::new(Server::new(&server.url(), None, None).unwrap()));
        let readers = [file, there].map(|place| ViewReader::open(&place).unwrap());
        Both { bed, _server: server, readers }
    }

    /// Takes what the networks, the wallet and the bank state about the day.
    fn take_files(&self) {
        let bed = &self.bed;
        let day = std::fs::read_dir(bed.path("stated")).unwrap().next().unwrap().unwrap();
        let ours = std::fs::read_dir(day.path().join("ours")).unwrap();
        let files = ours.map(|one| one.unwrap().path().display().to_string());
        let mut files: Vec<String> = files.filter(|one| !one.ends_with("truth.csv")).collect();
        files.sort();
        bed.run(&format!("file {} --data books --accept-breaks", files.join(" "))).succeeds();
        bed.run("views update --data books").succeeds();
        bed.run("views update --data books --config doorstep.toml").succeeds();
    }

    /// The answer of both, which is the same.
    #[track_caller]
    fn list(&mut self, query: &ListQuery) -> Result<ViewPage, ViewQueryError> {
        let [file, there] = self.readers.each_mut().map(|reader| match reader.list(query) {
            Ok(page) => Ok(page),
            Err(ReadViewError::Asked(error)) => Err(error),
            Err(error) => panic!("{}: {error}", query.view.name),
        });
        assert_eq!(file, there, "{query:?}");
        file
    }

    #[track_caller]
    fn export(&mut self, query: &ListQuery) -> Vec<Vec<ViewValue>> {
        let [file, there] = self.readers.each_mut().map(|reader| {
            let mut rows = Vec::new();
            reader
                .export(query, &mut |row| {
                    rows.push(row);
                    ControlFlow::Continue(())
                })
                .unwrap();
            rows
        });
        assert!(file == there, "{query:?}");
        file
    }
}

fn place(view: &ViewSpec, column: &str) -> usize {
    view.place(column).unwrap()
}

fn filter(column: &str, operator: FilterOperator) -> ViewFilter {
    ViewFilter { column: column.into(), operator }
}

/// A value that may stand in a column.
fn some_value(column: &ViewColumn) -> ViewValue {
    match column.kind {
        ColumnKind::Parcel => ViewValue::Parcel("00".repeat(16).parse().unwrap()),
        ColumnKind::Text => ViewValue::text("a"),
        ColumnKind::Currency => ViewValue::text("CNY"),
        ColumnKind::Date => ViewValue::text("2026-03-01"),
        ColumnKind::Word(words) => ViewValue::text(words[0]),
        _ => ViewValue::Number(1),
    }
}

/// Each value is of the kind that its column declares.
#[track_caller]
fn check_kinds(view: &ViewSpec, row: &[ViewValue]) {
    for (column, value) in view.columns.iter().zip(row) {
        let fits = match (column.kind, value) {
            (ColumnKind::Batch, ViewValue::Empty) => column.name == "until_batch",
            // A row of another table may be gone.
            (_, ViewValue::Empty) => column.optional || column.of.is_some(),
            (ColumnKind::Parcel, ViewValue::Parcel(_)) => true,
            (ColumnKind::Word(words), ViewValue::Text(text)) => words.contains(&text.as_ref()),
            (ColumnKind::Currency, ViewValue::Text(text)) => text.len() == 3,
            (ColumnKind::Date, ViewValue::Text(text)) => text.len() == 10 && &text[4..5] == "-",
            (ColumnKind::Text, ViewValue::Text(_)) => true,
            (ColumnKind::Flag, ViewValue::Number(number)) => matches!(number, 0 | 1),
            (kind, ViewValue::Number(_)) => !matches!(
                kind,
                ColumnKind::Parcel
                    | ColumnKind::Word(_)
                    | ColumnKind::Currency
                    | ColumnKind::Date
                    | ColumnKind::Text
            ),
            _ => false,
        };
        assert!(fits, "{}.{}: {value:?}", view.name, column.name);
    }
}

#[test]
fn every_statement_that_the_declaration_gives_is_taken_by_both() {
    let mut both = Both::new(40);
    let mut asked = 0;
    for view in VIEWS {
        let mut queries = Vec::new();
        let query = ListQuery { limit: 3, ..ListQuery::of(view) };
        for column in view.columns.iter().filter(|column| column.filter) {
            let value = some_value(column);
            let mut operators = vec![
                FilterOperator::Equal(value.clone()),
                FilterOperator::OneOf(vec![value.clone(), value.clone()]),
                FilterOperator::AtLeast(value.clone()),
                FilterOperator::AtMost(value),
                FilterOperator::Empty(column.optional),
            ];
            if column.kind == ColumnKind::Text {
                operators.push(FilterOperator::BeginsWith("a%_'".into()));
            }
            queries.extend(operators.into_iter().map(|operator| ListQuery {
                filters: vec![filter(column.name, operator)],
                ..query.clone()
            }));
        }
        let orders = view.columns.iter().filter(|column| column.sort);
        for order in orders.flat_map(|column| [true, false].map(|down| (column.name.into(), down)))
        {
            queries.push(ListQuery { order: Some(order), ..query.clone() });
        }
        let owners = view.owners;
        for (column, scope) in [
            (owners.seller, RowOwner::Seller(books::SellerId(1))),
            (owners.courier, RowOwner::Courier(CourierId(1))),
            (owners.firm, RowOwner::Firm(books::FirmId(1))),
        ] {
            let query = ListQuery { scope: scope.into(), ..query.clone() };
            match column {
                Some(_) => queries.push(query),
                None => {
                    let refused = Err(ViewQueryError::NoOwner { view: view.name });
                    assert_eq!(both.list(&query).map(drop), refused);
                }
            }
        }
        queries.push(query);
        for query in queries {
            for at in [None, Some(3)] {
                let page = both.list(&ListQuery { at, ..query.clone() }).unwrap();
                if let Some(after) = page.next {
                    both.list(&ListQuery { at, after: Some(after), ..query.clone() }).unwrap();
                }
                asked += 1;
            }
        }
        let key: Vec<ViewValue> =
            view.key.iter().map(|name| some_value(view.column(name).unwrap())).collect();
        for at in [None, Some(3)] {
            for reader in &mut both.readers {
                reader.detail(view, &key, &RowsOf::Everyone, at).unwrap();
                reader.history(view, &key, &RowsOf::Everyone, at).unwrap();
            }
        }
    }
    assert!(asked > 100, "{asked}");
}

#[test]
fn pages_one_after_another_are_the_export_and_what_was_true_then() {
    let mut both = Both::of_days(60, &["--files stated"]);
    both.take_files();
    let position = both.readers[0].position().unwrap();
    assert_eq!(position, both.readers[1].position().unwrap());
    let mut empty = Vec::new();
    for view in VIEWS {
        if both.list(&ListQuery::of(view)).unwrap().rows.is_empty() {
            empty.push(view.name);
        }
        for at in [None, Some(position.batch / 2)] {
            let query = ListQuery { limit: 7, at, ..ListQuery::of(view) };
            let all = both.export(&query);
            let mut paged = Vec::new();
            let mut next = Some(query.clone());
            while let Some(query) = next.take() {
                let page = both.list(&query).unwrap();
                assert_eq!(page.position.batch, at.unwrap_or(position.batch));
                paged.extend(page.rows);
                next = page.next.map(|after| ListQuery { after: Some(after), ..query });
            }
            assert!(paged == all, "{}: {} rows of {}", view.name, paged.len(), all.len());
            all.iter().for_each(|row| check_kinds(view, row));
            let mut keys: Vec<String> = all
                .iter()
                .map(|row| {
                    format!(
                        "{:?}",
                        view.key.iter().map(|name| &row[place(view, name)]).collect::<Vec<_>>()
                    )
                })
                .collect();
            keys.sort_unstable();
            let count = keys.len();
            keys.dedup();
            assert_eq!(keys.len(), count, "{}: a key twice", view.name);
        }
        // The row that holds is the last of its history, and the only one that its key finds.
        let page = both.list(&ListQuery { limit: 5, ..ListQuery::of(view) }).unwrap();
        for row in page.rows {
            let key: Vec<ViewValue> =
                view.key.iter().map(|name| row[place(view, name)].clone()).collect();
            for reader in &mut both.readers {
                let (found, _) = reader.detail(view, &key, &RowsOf::Everyone, None).unwrap();
                assert_eq!(found.as_ref(), Some(&row));
                let (history, _) = reader.history(view, &key, &RowsOf::Everyone, None).unwrap();
                assert_eq!(history.last(), Some(&row));
                if view.span == RowSpan::Between {
                    let (from, until) = (place(view, "from_batch"), place(view, "until_batch"));
                    for pair in history.windows(2) {
                        assert_eq!(pair[0][until], pair[1][from], "{}: a gap", view.name);
                    }
                }
            }
        }
    }
    // What a day does not have.
    assert_eq!(empty, NOT_IN_A_DAY);
}

#[test]
fn a_seller_and_a_firm_see_their_own_rows_only() {
    let mut both = Both::new(60);
    let parcels = ViewSpec::find("parcels").unwrap();
    let all = both.export(&ListQuery::of(parcels));
    for (column, scope) in [
        ("seller", (|id| RowOwner::Seller(books::SellerId(id))) as fn(u64) -> RowOwner),
        ("firm", |id| RowOwner::Firm(books::FirmId(id))),
    ] {
        let owner = place(parcels, column);
        let one = all.iter().find_map(|row| match row[owner] {
            ViewValue::Number(bits) => Some(bits),
            _ => None,
        });
        let scope = RowsOf::from(scope(one.unwrap().cast_unsigned()));
        let own = both.export(&ListQuery { scope: scope.clone(), ..ListQuery::of(parcels) });
        let wanted: Vec<_> =
            all.iter().filter(|row| row[owner] == one.unwrap().into()).cloned().collect();
        assert!(!own.is_empty() && own == wanted, "{column}: {} rows", own.len());
        // Neither by its key nor by a search.
        let other = all.iter().find(|row| row[owner] != one.unwrap().into()).unwrap();
        for reader in &mut both.readers {
            let key = [other[0].clone()];
            assert_eq!(reader.detail(parcels, &key, &scope, None).unwrap().0, None);
            let reference = &other[place(parcels, "reference")];
            let ViewValue::Text(reference) = reference else { panic!("{reference:?}") };
            let (hits, _) = reader.search(reference, |_| Some(scope.clone()), None).unwrap();
            assert!(hits.iter().all(|hit| hit.row[0] != other[0]), "{hits:?}");
            let (hits, _) = reader.search(reference, |_| Some(RowsOf::Everyone), None).unwrap();
            assert!(hits.iter().any(|hit| hit.row[0] == other[0]), "{reference}");
        }
    }
}

/// Batches from one look at the tours to the next.
const TOURS_EVERY: u64 = 29;

/// The parcels of each courier's tour after some batches, as the books say it.
#[derive(Default)]
struct Tours {
    parcels: Vec<ParcelId>,
    after: BTreeMap<u64, BTreeMap<CourierId, BTreeSet<ParcelId>>>,
}

impl ReplayObserver for Tours {
    fn batch(&mut self, head: JournalHead, engine: &Engine) -> Result<(), String> {
        let batch = head.sequence.number();
        if batch.is_multiple_of(TOURS_EVERY) {
            let tours = self.after.entry(batch).or_default();
            for parcel in &self.parcels {
                let courier = engine.books().courier_of(*parcel);
                let tour = courier.map(|courier| tours.entry(courier).or_default());
                tour.map(|tour| tour.insert(*parcel));
            }
        }
        Ok(())
    }
}

#[test]
fn a_courier_sees_the_tour_of_the_day_as_the_books_have_it() {
    let mut both = Both::of_days(60, &["--date 2026-03-01", "--date 2026-03-02"]);
    let find = |name| ViewSpec::find(name).unwrap();
    let (parcels, payments) = (find("parcels"), find("payments"));
    let of_row = |row: &Vec<ViewValue>| match row[0] {
        ViewValue::Parcel(parcel) => parcel,
        ref other => panic!("{other:?}"),
    };
    let all = both.export(&ListQuery::of(parcels));
    let mut tours = Tours { parcels: all.iter().map(of_row).collect(), ..Tours::default() };
    reports::replay_all(&both.bed.path("books"), &mut tours).unwrap();
    let (mut seen, mut of_other_days) = (0, 0);
    let courier_place = place(parcels, "courier");
    let numbers = all.iter().filter_map(|row| match row[courier_place] {
        ViewValue::Number(bits) => Some(bits.cast_unsigned()),
        _ => None,
    });
    let numbers: BTreeSet<u64> = numbers.collect();
    for (batch, couriers) in &tours.after {
        let at = Some(*batch);
        let everyone = both.export(&ListQuery { at, ..ListQuery::of(parcels) });
        for number in numbers.iter().copied().take(4) {
            let courier = CourierId(number);
            let tour = couriers.get(&courier).cloned().unwrap_or_default();
            let scope = RowsOf::from(RowOwner::Courier(courier));
            let mut of = |view| {
                let query = ListQuery { scope: scope.clone(), at, ..ListQuery::of(view) };
                both.export(&query).iter().map(of_row).collect::<BTreeSet<_>>()
            };
            assert_eq!(of(parcels), tour, "courier {number} after batch {batch}");
            assert!(of(payments).is_subset(&tour), "courier {number} after batch {batch}");
            seen += tour.len();
            let own = ViewValue::id(number);
            let mine = everyone.iter().filter(|row| row[courier_place] == own).map(of_row);
            for other in mine.filter(|parcel| !tour.contains(parcel)).take(1) {
                of_other_days += 1;
                for reader in &mut both.readers {
                    let key = [ViewValue::Parcel(other)];
                    assert_eq!(reader.detail(parcels, &key, &scope, at).unwrap().0, None);
                    let search = reader.search(&other.to_string(), |_| Some(scope.clone()), at);
                    assert!(search.unwrap().0.is_empty());
                }
            }
        }
    }
    assert!(seen > 50 && of_other_days > 5, "{seen} parcels of tours, {of_other_days} others");
}

#[test]
fn a_statement_has_each_posting_of_its_account_and_leads_to_the_balance() {
    let mut both = Both::new(60);
    let postings = ViewSpec::find("postings").unwrap();
    let [debit, credit, batch, debit_balance, credit_balance, date, stage] =
        ["debit", "credit", "batch", "debit_balance", "credit_balance", "date", "stage"]
            .map(|name| place(postings, name));
    let all = both.export(&ListQuery::of(postings));
    let last = both.readers[0].position().unwrap().batch;
    let (mut seen, mut of_days) = (0, 0);
    for account in 0..60_u32 {
        let number = ViewValue::Number(account.into());
        for at in [None, Some(last / 2)] {
            let until = ViewValue::Number(at.unwrap_or(last).cast_signed());
            let is_own = |row: &&Vec<ViewValue>| {
                let (ViewValue::Number(of), ViewValue::Number(until)) = (&row[batch], &until)
                else {
                    panic!("{row:?}");
                };
                (row[debit] == number || row[credit] == number) && of <= until
            };
            let wanted: Vec<_> = all.iter().filter(is_own).cloned().collect();
            for reader in &mut both.readers {
                let (mut found, mut before) = (Vec::new(), None);
                loop {
                    let page = reader.statement(account, before, 7, at).unwrap();
                    found.extend(page.rows);
                    before = match page.next.as_deref() {
                        Some([ViewValue::Number(posting)]) => Some(*posting),
                        _ => break,
                    };
                }
                assert!(found == wanted, "account {account}: {} rows", found.len());
                let newest = found.first().map(|row| {
                    let is_debit = row[debit] == number;
                    row[if is_debit { debit_balance } else { credit_balance }].clone()
                });
                let balance = reader.balance(account, at).unwrap().0.map(ViewValue::Number);
                assert_eq!(newest, balance, "account {account}");
                seen += found.len();
                // Of one day, the oldest first, only what moved money.
                let mut asked = AccountDays {
                    account,
                    batches: 0..=at.unwrap_or(last),
                    days: ("2013-11-12".to_owned(), "2013-11-12".to_owned()),
                    after: 0,
                };
                let mut of_day = Vec::new();
                loop {
                    let (rows, more) = reader.account_lines(&asked, 7).unwrap();
                    of_day.extend(rows);
                    match of_day.last().map(|row| &row[0]) {
                        Some(ViewValue::Number(posting)) if more => asked.after = *posting,
                        _ => break,
                    }
                }
                let moved = |row: &&Vec<ViewValue>| {
                    let is_stage = |name: &str| row[stage] == ViewValue::text(name);
                    row[date] == ViewValue::text("2013-11-12")
                        && (is_stage("posted") || is_stage("posted from reserve"))
                };
                let expected: Vec<_> = wanted.iter().filter(moved).rev().cloned().collect();
                assert!(of_day == expected, "account {account}: {} lines", of_day.len());
                of_days += of_day.len();
            }
        }
    }
    assert!(seen > 1_000 && of_days > 50, "{seen}, {of_days}");
}

#[test]
fn what_cannot_be_asked_is_refused_with_what_can() {
    let mut both = Both::new(20);
    let parcels = ViewSpec::find("parcels").unwrap();
    let query = ListQuery::of(parcels);
    let asked = |filters: Vec<ViewFilter>| ListQuery { filters, ..query.clone() };
    let equal = |column: &str, value| filter(column, FilterOperator::Equal(value));
    let position = both.readers[0].position().unwrap();
    for (query, expected) in [
        (asked(vec![equal("state; DROP TABLE parcels", 1_i64.into())]), "has no column state; "),
        (asked(vec![equal("state", ViewValue::text("sold"))]), "one of: announced; assigned"),
        (asked(vec![equal("due", ViewValue::text("1"))]), "an amount in minor units"),
        (asked(vec![equal("reference", ViewValue::text("a\0"))]), "a text of at most 512 bytes"),
        (asked(vec![equal("shipment", 1_i64.into())]), "the columns that filter are parcel, "),
        (asked(vec![filter("due", FilterOperator::OneOf(Vec::new()))]), "1 to 100 values"),
        (asked(vec![filter("due", FilterOperator::BeginsWith("1".into()))]), "an amount"),
        (ListQuery { limit: 0, ..query.clone() }, "1 to 1000 rows"),
        (ListQuery { limit: PAGE_ROWS_MAX + 1, ..query.clone() }, "1 to 1000 rows"),
        (ListQuery { order: Some(("due".into(), true)), ..query.clone() }, "not ordered by due"),
        (ListQuery { after: Some(vec![1_i64.into()]), ..query.clone() }, "the first page again"),
        (ListQuery { at: Some(position.batch + 1), ..query.clone() }, "is not there yet"),
    ] {
        let refused = both.list(&query).unwrap_err().to_string();
        assert!(refused.contains(expected), "{refused}");
    }
    // Before the first batch there was nothing.
    assert_eq!(both.list(&ListQuery { at: Some(0), ..query }).unwrap().rows, Vec::<Vec<_>>::new());
}

#[test]
fn a_reader_sees_the_views_that_took_the_place_of_others() {
    let mut both = Both::new(20);
    let before = both.readers[0].position().unwrap();
    both.bed.run("views rebuild --data books").succeeds();
    both.bed.run("views rebuild --data books --config doorstep.toml").succeeds();
    both.bed.run("day --parcels 20 --date 2026-03-02 --seed 6 --data books").succeeds();
    both.bed.run("views update --data books").succeeds();
    both.bed.run("views update --data books --config doorstep.toml").succeeds();
    let [file, there] = both.readers.each_mut().map(|reader| reader.position().unwrap());
    assert_eq!(file, there);
    assert!(file.batch > before.batch);
}
