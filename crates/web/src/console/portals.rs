//! The first page of who has one seller or one courier firm: its money on the way from the door to
//! the bank, what waits for it, its parcels.

use access::{AccessFunction, AccessGrant, Principal};
use axum::http::StatusCode;
use books::chart::AccountKind;
use books::{BusinessDate, GrantedRole, SellerId, SettlementCycle};
use money::Currency;
use office::SignedInGiver;
use pages::forms::{NOTHING, date, money, number};
use pages::{
    ActLink, Cell, HomeTile, Link, OpenWork, PageRow, PageWords, PortalPage, PortalTable,
    RowContext, Tone, list_path, nav_groups,
};
use views::read::{FilterOperator, ListQuery, ReadViewError, ViewFilter, ViewReader, ViewTotal};
use views::{ViewSpec, ViewValue};

use super::act_table::{act_path, may, title};
use super::bank_accounts;
use super::belongs;
use super::frames::{position, readable};
use super::home::{CountedRows, counted, href, totals, work_of};
use super::imports::IMPORT_PATH;
use super::party_accounts::{
    PartyAccount, StatementParty, accounts_of, last_date, name_of, owed, rows_of_party,
};
use super::rows::{names, offset_at, page_row, position_at, read, with};
use super::{Visit, html};
use crate::app::HttpAnswer;
use crate::handlers::views::Wanted;
use crate::problem::{Problem, ProblemKind};

/// Rows of a short list.
const ROWS_SHOWN: usize = 8;
/// Couriers whose cash is compared with their limits.
const COURIERS_READ: u32 = 1_000;
/// Payments of all sellers among which a seller's days of release are looked for.
const RELEASES_LOOKED_AT_MAX: i64 = 20_000;
/// Cash from which a courier is named, in percent of the limit.
const NEAR_LIMIT_PERCENT: i64 = 80;

const OUT: CountedRows =
    counted("home.out", Tone::Move, "parcels", &[("state", "out")], Some("due"));
const DELIVERED: CountedRows = counted(
    "portal.delivered",
    Tone::Move,
    "parcels",
    &[("state", "delivered")],
    Some("collected"),
);
/// What waits for a seller.
static SELLER_WORK: [CountedRows; 5] = [
    counted("portal.returned_payouts", Tone::Act, "payouts", &[("state", "returned")], Some("net")),
    counted("portal.invoices", Tone::Act, "invoices", &[("state", "open")], Some("amount")),
    counted(
        "portal.chargebacks",
        Tone::Wait,
        "refunds",
        &[("kind", "chargeback"), ("state", "booked,contested")],
        Some("amount"),
    ),
    counted("portal.refused", Tone::Wait, "parcels", &[("state", "refused")], Some("due")),
    counted(
        "portal.failed",
        Tone::Wait,
        "parcels",
        &[("state", "out"), ("attempts.from", "1")],
        Some("due"),
    ),
];
/// Where a seller's parcels are.
static SELLER_PARCELS: [CountedRows; 5] = [
    counted(
        "portal.announced",
        Tone::Move,
        "parcels",
        &[("state", "announced,assigned")],
        Some("due"),
    ),
    OUT,
    DELIVERED,
    counted("portal.returned", Tone::Move, "parcels", &[("state", "returned")], Some("due")),
    counted("portal.refunds", Tone::Move, "refunds", &[], Some("amount")),
];
/// What waits for a firm.
static FIRM_WORK: [CountedRows; 4] = [
    counted("portal.count", Tone::Act, "hand_overs", &[("state", "started")], Some("expected")),
    counted("portal.shortages", Tone::Act, "custody", &[("shortage.from", "1")], Some("shortage")),
    counted("home.deposits", Tone::Wait, "deposits", &[("state", "announced")], Some("amount")),
    counted("home.blocked", Tone::Wait, "terminals", &[("blocked", "true")], None),
];
/// Where a firm's parcels are.
static FIRM_PARCELS: [CountedRows; 4] = [
    counted("portal.to_dispatch", Tone::Move, "parcels", &[("state", "assigned")], Some("due")),
    OUT,
    DELIVERED,
    counted("portal.refused", Tone::Move, "parcels", &[("state", "refused")], Some("due")),
];
/// Before the money of a seller is payable.
static NOT_RECEIVED: CountedRows = counted(
    "portal.not_received",
    Tone::Wait,
    "payments",
    &[("state", "approved")],
    Some("amount"),
);
static ON_HOLD: CountedRows =
    counted("portal.on_hold", Tone::Wait, "payments", &[("state", "held")], Some("amount"));
static SENT: CountedRows =
    counted("portal.sent", Tone::Move, "payouts", &[("state", "sent")], Some("net"));
static PAID: CountedRows =
    counted("portal.paid", Tone::Done, "payouts", &[("state", "confirmed")], Some("net"));
static IN_HAND: CountedRows =
    counted("home.in_hand", Tone::Move, "custody", &[("in_hand.from", "1")], Some("in_hand"));
static TO_COUNT: CountedRows =
    counted("portal.to_count", Tone::Wait, "hand_overs", &[("state", "started")], Some("expected"));
static DEPOSITED: CountedRows =
    counted("portal.deposited", Tone::Wait, "deposits", &[("state", "announced")], Some("amount"));

/// The party of who has nothing else.
pub(super) fn own_party(principal: &Principal) -> Option<StatementParty> {
    let mut parties = principal.grants.iter().map(|grant| match grant {
        AccessGrant::Seller(_) | AccessGrant::Firm(_) => StatementParty::of_grant(*grant),
        _ => None,
    });
    let first = parties.next()??;
    parties.all(|other| other == Some(first)).then_some(first)
}

/// What was read for the page.
struct Found {
    name: String,
    row: PageRow,
    day: Option<BusinessDate>,
    asks_for_days: bool,
    work: Vec<OpenWork>,
    flow: Vec<HomeTile>,
    parcels: Vec<HomeTile>,
    tables: Vec<PortalTable>,
}

/// Reads and makes the parts of a page.
struct Portal<'p> {
    words: PageWords,
    principal: &'p Principal,
    party: StatementParty,
    readable: &'p [&'static str],
    /// As of this batch, and whether it was asked for.
    at: u64,
    pinned: Option<u64>,
    offset_minutes: i16,
}

/// A list of a party's own rows: of a view with some columns.
struct ShortList {
    title: &'static str,
    none: &'static str,
    view: &'static str,
    filters: &'static [(&'static str, &'static str)],
    columns: &'static [&'static str],
}

static PAYOUTS: ShortList = ShortList {
    title: "portal.payouts",
    none: "portal.no_payouts",
    view: "payouts",
    filters: &[],
    columns: &["payout", "sent", "state", "net", "gross", "fees"],
};
static RETURNS: ShortList = ShortList {
    title: "portal.returns",
    none: "portal.no_returns",
    view: "parcels",
    filters: &[("state", "refused,returned,lost")],
    columns: &["reference", "state", "due"],
};
static HAND_OVERS: ShortList = ShortList {
    title: "portal.hand_overs",
    none: "portal.no_hand_overs",
    view: "hand_overs",
    filters: &[("state", "started")],
    columns: &["hand_over", "courier", "started", "expected"],
};
static DEPOSITS: ShortList = ShortList {
    title: "portal.deposits",
    none: "portal.no_deposits",
    view: "deposits",
    filters: &[],
    columns: &["deposit", "announced", "state", "amount", "credited"],
};
static COMMISSIONS: ShortList = ShortList {
    title: "portal.commissions",
    none: "portal.no_commissions",
    view: "commissions",
    filters: &[],
    columns: &["number", "amount", "withheld"],
};

impl Portal<'_> {
    fn context<'c>(&'c self, names: &'c pages::PartyNames) -> RowContext<'c> {
        RowContext {
            words: self.words,
            names,
            readable: self.readable,
            at: self.pinned,
            offset_minutes: self.offset_minutes,
        }
    }

    fn counted_tile(
        &self,
        reader: &mut ViewReader,
        counted: &CountedRows,
    ) -> Result<Option<HomeTile>, ReadViewError> {
        let Some(totals) = totals(reader, self.principal, counted, self.at)? else {
            return Ok(None);
        };
        let rows: i64 = totals.iter().map(|total| total.rows).sum();
        let mut values: Vec<_> = totals.iter().map(value).collect();
        if values.is_empty() {
            values.push((NOTHING.to_owned(), String::new()));
        }
        let rows = number(i128::from(rows));
        Ok(Some(HomeTile {
            title: self.words.get(counted.key),
            values,
            about: self.words.fill("portal.rows", &[("count", &rows)]),
            href: Some(href(counted, self.pinned)),
        }))
    }

    fn tiles(
        &self,
        reader: &mut ViewReader,
        all: &[&CountedRows],
    ) -> Result<Vec<HomeTile>, ReadViewError> {
        let mut tiles = Vec::new();
        for one in all {
            tiles.extend(self.counted_tile(reader, one)?);
        }
        Ok(tiles)
    }

    /// What is owed on accounts of a kind: the statement says what it is made of.
    fn owed_tile(
        &self,
        reader: &mut ViewReader,
        (key, about): (&str, String),
        (accounts, kind): (&[PartyAccount], AccountKind),
    ) -> Result<HomeTile, ReadViewError> {
        let mut values = Vec::new();
        for account in accounts.iter().filter(|one| one.code == kind.code()) {
            let owed = owed(reader, account, self.at)?;
            values.push((money(i128::from(owed), &account.currency), account.currency.clone()));
        }
        let href = Link::to(&self.party.path()).at(self.pinned).text();
        Ok(HomeTile { title: self.words.get(key), values, about, href: Some(href) })
    }

    fn short_list(
        &self,
        reader: &mut ViewReader,
        list: &ShortList,
    ) -> Result<Option<PortalTable>, ReadViewError> {
        let Some(view) = ViewSpec::find(list.view) else { return Ok(None) };
        if !self.readable.contains(&view.name) {
            return Ok(None);
        }
        let counted = CountedRows { view: list.view, filters: list.filters, ..NOT_RECEIVED };
        let mut ask = ListQuery::of(view);
        ask.filters = list
            .filters
            .iter()
            .map(|(column, text)| ViewFilter {
                column: (*column).to_owned(),
                operator: FilterOperator::OneOf(text.split(',').map(ViewValue::text).collect()),
            })
            .collect();
        (ask.scope, ask.at) = (rows_of_party(self.party), Some(self.at));
        ask.limit = u32::try_from(ROWS_SHOWN).unwrap_or(1);
        let rows = reader.list(&ask)?.rows.into_iter().map(|row| page_row(view, row));
        let rows: Vec<PageRow> = rows.collect();
        let names = names(reader, self.principal, &[(view, &rows)], Some(self.at))?;
        let context = self.context(&names);
        let (columns, cells) = belongs::table(&context, view, &rows, list.columns);
        Ok(Some(PortalTable {
            title: self.words.get(list.title),
            href: Some(href(&counted, self.pinned)),
            note: String::new(),
            columns,
            rows: cells,
            total: None,
            none: self.words.get(list.none),
        }))
    }

    fn seller(&self, reader: &mut ViewReader, found: &mut Found) -> Result<(), ReadViewError> {
        use AccountKind as K;
        let kinds = [K::SellerHeld, K::SellerPayable];
        let accounts = accounts_of(reader, (self.party.bits(), &kinds), self.at)?;
        let about = |key: &str| self.words.get(key).to_owned();
        let held = ("portal.held", about("portal.held_about"));
        let payable = ("portal.payable", about("portal.payable_about"));
        found.flow.push(self.owed_tile(reader, held, (&accounts, K::SellerHeld))?);
        found.flow.push(self.owed_tile(reader, payable, (&accounts, K::SellerPayable))?);
        found.flow.extend(self.tiles(reader, &[&SENT, &PAID])?);
        found.parcels = self.tiles(reader, &SELLER_PARCELS.each_ref())?;
        let mut rows = Vec::new();
        for one in [&NOT_RECEIVED, &ON_HOLD] {
            let Some(totals) = totals(reader, self.principal, one, self.at)? else { continue };
            rows.extend(totals.iter().map(|total| {
                let text = self.words.get(one.key).to_owned();
                let href = Some(href(one, self.pinned));
                let (amount, currency) = value(total);
                vec![
                    Cell { text, href, ..Cell::default() },
                    Cell::figure(number(i128::from(total.rows))),
                    Cell::figure(format!("{amount} {currency}")),
                ]
            }));
        }
        let columns =
            [("portal.reason", false), ("portal.payments", true), ("portal.amount", true)];
        let keys = ("portal.why", "portal.nothing_held");
        found.tables.push(PortalTable {
            note: about("portal.why_note"),
            ..PortalTable::new(self.words, keys, &columns, rows)
        });
        for list in [&PAYOUTS, &RETURNS] {
            found.tables.extend(self.short_list(reader, list)?);
        }
        Ok(())
    }

    fn firm(&self, reader: &mut ViewReader, found: &mut Found) -> Result<(), ReadViewError> {
        use AccountKind as K;
        let accounts = accounts_of(reader, (self.party.bits(), &[K::FirmCommission]), self.at)?;
        found.flow = self.tiles(reader, &[&IN_HAND, &TO_COUNT, &DEPOSITED])?;
        let about = self.words.get("portal.commission_about").to_owned();
        let commission = ("portal.commission", about);
        found.flow.push(self.owed_tile(reader, commission, (&accounts, K::FirmCommission))?);
        found.parcels = self.tiles(reader, &FIRM_PARCELS.each_ref())?;
        found.tables.extend(self.limits(reader)?);
        for list in [&HAND_OVERS, &DEPOSITS, &COMMISSIONS] {
            found.tables.extend(self.short_list(reader, list)?);
        }
        Ok(())
    }

    /// The couriers with the most of their limit in hand.
    fn limits(&self, reader: &mut ViewReader) -> Result<Option<PortalTable>, ReadViewError> {
        let (Some(custody), Some(couriers)) =
            (ViewSpec::find("custody"), ViewSpec::find("couriers"))
        else {
            return Ok(None);
        };
        let ask = |view: &'static ViewSpec| ListQuery {
            scope: rows_of_party(self.party),
            at: Some(self.at),
            limit: COURIERS_READ,
            ..ListQuery::of(view)
        };
        let own = |row: &[ViewValue], view: &ViewSpec, column: &str| match view
            .place(column)
            .map(|place| &row[place])
        {
            Some(ViewValue::Number(number)) => *number,
            _ => 0,
        };
        let in_hand = reader.list(&ask(custody))?.rows;
        let cash = |courier: i64, column: &str| {
            let found = in_hand.iter().find(|row| own(row, custody, "courier") == courier);
            found.map_or(0, |row| own(row, custody, column))
        };
        let page = reader.list(&ask(couriers))?;
        let is_part = page.next.is_some();
        let rows = page.rows.into_iter().map(|row| {
            let courier = own(&row, couriers, "courier");
            let limit = own(&row, couriers, "cash_limit");
            let (has, owes) = (cash(courier, "in_hand"), cash(courier, "shortage"));
            let share = i128::from(has) * 100 / i128::from(limit.max(1));
            let share = i64::try_from(share).unwrap_or(i64::MAX);
            (share, has, owes, page_row(couriers, row))
        });
        let mut rows: Vec<_> = rows.collect();
        rows.sort_by_key(|(share, has, owes, _)| std::cmp::Reverse((*share, *has, *owes)));
        rows.truncate(ROWS_SHOWN);
        // Their limits are shown with the cash, to who may see that.
        if !self.readable.contains(&custody.name) {
            return Ok(None);
        }
        let names = pages::PartyNames::new();
        let context = self.context(&names);
        let line = |(share, has, owes, row): &(i64, i64, i64, PageRow)| {
            let currency = row.raw_of(couriers, "currency").unwrap_or_default();
            let amount = |minor: i64| Cell::figure(money(i128::from(minor), currency));
            let cell = |column| context.cell(couriers, row, couriers.place(column).unwrap_or(0));
            let tone = match *share {
                100.. => Some(Tone::Act),
                NEAR_LIMIT_PERCENT.. => Some(Tone::Wait),
                _ => None,
            };
            let share = Cell { tone, ..Cell::figure(format!("{share} %")) };
            let courier = row.raw_of(couriers, "courier").unwrap_or_default();
            let page = Link::to(&list_path(custody.name)).part(courier).at(self.pinned).text();
            // Who never had cash has no page.
            let number = own(&row.values, couriers, "courier");
            let had_cash = in_hand.iter().any(|one| own(one, custody, "courier") == number);
            let page = had_cash.then_some(page);
            let name = Cell { href: page, ..cell("reference") };
            vec![name, amount(*has), cell("cash_limit"), share, amount(*owes)]
        };
        let key = if is_part { "portal.limits_part" } else { "portal.limits_note" };
        let columns = [
            ("portal.courier", false),
            ("column.in_hand", true),
            ("column.cash_limit", true),
            ("portal.share", true),
            ("column.shortage", true),
        ];
        let keys = ("portal.limits", "portal.no_couriers");
        let lines = rows.iter().map(line).collect();
        Ok(Some(PortalTable {
            href: Some(Link::to(&list_path(custody.name)).at(self.pinned).text()),
            note: self.words.fill(key, &[("most", &COURIERS_READ)]),
            ..PortalTable::new(self.words, keys, &columns, lines)
        }))
    }
}

fn value(total: &ViewTotal) -> (String, String) {
    (money(i128::from(total.sum), &total.currency), total.currency.clone())
}

fn find(portal: &Portal<'_>, reader: &mut ViewReader) -> Result<Option<Found>, ReadViewError> {
    let Some(row) = name_of(reader, portal.party, portal.at)? else { return Ok(None) };
    let view = ViewSpec::find(portal.party.view());
    let name = view.and_then(|view| row.raw_of(view, "reference"));
    let is_seller = matches!(portal.party, StatementParty::Seller(_));
    let list: &[CountedRows] = if is_seller { &SELLER_WORK } else { &FIRM_WORK };
    let mut found = Found {
        name: name.unwrap_or_default().to_owned(),
        row,
        day: last_date(reader, portal.at)?,
        asks_for_days: is_seller && asks_for_days(reader, portal.at)?,
        work: Vec::new(),
        flow: Vec::new(),
        parcels: Vec::new(),
        tables: Vec::new(),
    };
    for counted in list {
        let totals = totals(reader, portal.principal, counted, portal.at)?.unwrap_or_default();
        if totals.iter().any(|total| total.rows > 0) {
            found.work.push(work_of(portal.words, counted, &totals, portal.pinned));
        }
    }
    for (column, value, key) in [
        ("payout_account", "false", "portal.no_account"),
        ("suspended", "true", "portal.suspended"),
    ] {
        let is_so = view.and_then(|view| found.row.raw_of(view, column)) == Some(value);
        found.work.extend((is_seller && is_so).then(|| OpenWork {
            tone: Tone::Act,
            what: portal.words.get(key),
            count: String::new(),
            sum: String::new(),
            href: match (column, portal.party, portal.pinned) {
                ("payout_account", StatementParty::Seller(seller), None) => {
                    bank_accounts::path_of(seller)
                }
                (_, party, pinned) => Link::to(&party.path()).at(pinned).text(),
            },
        }));
    }
    match is_seller {
        true => portal.seller(reader, &mut found)?,
        false => portal.firm(reader, &mut found)?,
    }
    Ok(Some(found))
}

/// Of a seller's account now: when the held money becomes payable, and what is held.
struct HeldNow {
    currency: Currency,
    held: i128,
    days: Vec<(BusinessDate, u128)>,
}

fn held_now(giver: &SignedInGiver, seller: SellerId) -> Result<Vec<HeldNow>, Problem> {
    let look = move |engine: &engine::Engine| {
        let accounts = engine.books().seller_statements(seller).into_iter();
        let accounts = accounts.map(|one| HeldNow {
            currency: one.currency,
            held: one.held,
            days: one.releases,
        });
        accounts.collect::<Vec<_>>()
    };
    // What is shown is durable.
    giver.client.query(look).map(|(found, _)| found).map_err(Problem::internal)
}

/// Whether so few payments of all sellers are on hold that the books can be asked for the days of
/// one seller: they look at all of them.
fn asks_for_days(reader: &mut ViewReader, at: u64) -> Result<bool, ReadViewError> {
    let Some(payments) = ViewSpec::find("payments") else { return Ok(false) };
    let held = FilterOperator::Equal("held".into());
    let (totals, _) = reader.totals(&with(payments, "state", held, Some(at)), None)?;
    let rows: i64 = totals.iter().map(|total| total.rows).sum();
    Ok(rows <= RELEASES_LOOKED_AT_MAX)
}

/// The keys with which a party's own programs act, and until when.
fn keys(
    giver: &SignedInGiver,
    words: PageWords,
    party: StatementParty,
    offset_minutes: i16,
) -> Result<PortalTable, Problem> {
    let grant = match party {
        StatementParty::Seller(seller) => GrantedRole::Seller(seller),
        StatementParty::Firm(firm) => GrantedRole::Firm(firm),
    };
    let look = move |engine: &engine::Engine| {
        let keys = engine.books().api_keys(engine.last_at());
        let own = keys.filter(|key| key.person.is_none() && key.grants.contains(&grant));
        own.take(ROWS_SHOWN).collect::<Vec<_>>()
    };
    let (keys, _) = giver.client.query(look).map_err(Problem::internal)?;
    let rows = keys.into_iter().map(|key| {
        let (state, tone) = match (key.in_force, key.revoked) {
            (true, _) => ("portal.key_in_force", Tone::Done),
            (false, true) => ("portal.key_revoked", Tone::End),
            (false, false) => ("portal.key_expired", Tone::Wait),
        };
        let until = pages::forms::time(words, key.until.0.cast_signed(), offset_minutes);
        vec![
            Cell { text: key.id.to_string(), class: "id", ..Cell::default() },
            Cell { text: until, class: "when", ..Cell::default() },
            Cell { text: words.get(state).to_owned(), tone: Some(tone), ..Cell::default() },
        ]
    });
    let columns = ["portal.key", "portal.key_until", "column.state"].map(|key| (key, false));
    Ok(PortalTable {
        note: words.get("portal.keys_note").to_owned(),
        ..PortalTable::new(words, ("portal.keys", "portal.no_keys"), &columns, rows.collect())
    })
}

/// When held money becomes payable. What has no day waits for its money or for the delivery.
fn releases(words: PageWords, all: &[HeldNow]) -> Option<PortalTable> {
    let mut rows = Vec::new();
    for one in all.iter().filter(|one| one.held != 0) {
        let currency = one.currency.code();
        let shown = |minor: i128| Cell::figure(format!("{} {currency}", money(minor, currency)));
        let dated: i128 = one.days.iter().map(|(_, sum)| i128::try_from(*sum).unwrap_or(0)).sum();
        for (day, sum) in one.days.iter().take(ROWS_SHOWN) {
            let text = date(words, &day.to_string());
            let sum = shown(i128::try_from(*sum).unwrap_or(i128::MAX));
            rows.push(vec![Cell::plain(text), sum]);
        }
        let later: u128 = one.days.iter().skip(ROWS_SHOWN).map(|(_, sum)| sum).sum();
        for (key, sum) in [
            ("portal.later", i128::try_from(later).unwrap_or(i128::MAX)),
            ("portal.no_day", one.held - dated),
        ] {
            let text = words.get(key).to_owned();
            rows.extend((sum != 0).then(|| vec![Cell::plain(text), shown(sum)]));
        }
    }
    let columns = [("portal.day", false), ("portal.amount", true)];
    (!rows.is_empty()).then(|| PortalTable {
        note: words.get("portal.until_note").to_owned(),
        ..PortalTable::new(words, ("portal.until", ""), &columns, rows)
    })
}

/// When a seller is paid next, by the calendar of this Doorstep.
fn next_payout(visit: &Visit, found: &Found) -> Option<String> {
    let (words, sellers) = (visit.words(), ViewSpec::find("sellers")?);
    let raw = |column| found.row.raw_of(sellers, column);
    let cycle = match raw("cycle")? {
        "daily" => SettlementCycle::Daily,
        "weekly" => SettlementCycle::Weekly,
        _ => SettlementCycle::Monthly,
    };
    let how: &dyn std::fmt::Display = &words.entry("word", raw("cycle")?).unwrap_or_default();
    let currency = raw("currency")?.parse().ok()?;
    let next = (visit.call.app.payout_day)(cycle, currency, found.day?);
    Some(match next {
        Some(day) => {
            let day = date(words, &day.to_string());
            words.fill("portal.next_payout", &[("day", &day), ("how", how)])
        }
        None => words.fill("portal.paid_how", &[("how", how)]),
    })
}

/// What a party does from here.
fn acts(words: PageWords, principal: &Principal, party: StatementParty) -> Vec<ActLink> {
    let link =
        |text: String, href: String, is_next| ActLink { text, about: String::new(), href, is_next };
    let own = |command: &str, field: &str| {
        may(principal, command).then(|| {
            let href = Link::to(&act_path(command)).with(field, &party.id()).with("back", "/");
            link(title(words, command, false).to_owned(), href.text(), false)
        })
    };
    let statement = link(words.get("statement.title").to_owned(), party.path(), false);
    let acts: Vec<Option<ActLink>> = match party {
        StatementParty::Seller(seller) => vec![
            may(principal, "AnnounceParcel")
                .then(|| link(words.get("import.title").to_owned(), IMPORT_PATH.to_owned(), true)),
            own("AnnounceParcel", "seller"),
            Some(statement),
            Some(link(words.get("bank.title").to_owned(), bank_accounts::path_of(seller), false)),
        ],
        StatementParty::Firm(_) => {
            let dispatch = Link::to(&act_path("DispatchParcels")).with("back", "/").text();
            let text = title(words, "DispatchParcels", false).to_owned();
            let dispatch = may(principal, "DispatchParcels").then(|| link(text, dispatch, true));
            vec![dispatch, Some(statement)]
        }
    };
    acts.into_iter().flatten().collect()
}

pub(super) async fn portal(visit: Visit, party: StatementParty, wanted: Wanted) -> HttpAnswer {
    visit.call.require(AccessFunction::Read("statements"))?;
    let has_session = visit.call.caller()?.session.is_some();
    let words = visit.words();
    let (app, principal, mut around) = visit.open(wanted).await?;
    let workers = visit.call.app.clone();
    let done = workers.workers.run(move |giver| {
        let readable = readable(&principal);
        let (found, at, time) = read(&app, giver, |reader| {
            let (at, time) = position_at(reader, wanted.at)?;
            let portal = Portal {
                words,
                principal: &principal,
                party,
                readable: &readable,
                at: at.batch,
                pinned: wanted.at,
                offset_minutes: 0,
            };
            Ok((find(&portal, reader)?, at, time))
        })?;
        let mut found = found.ok_or(ProblemKind::NoSuchRecord)?;
        let offset_minutes = offset_at(giver, time)?;
        around.nav = nav_groups(words, &readable, None, wanted.at);
        around.title.clone_from(&found.name);
        around.position = Some(position(words, &at, wanted.at, ("/", &[]), (time, offset_minutes)));
        let mut lead = found.day.map(|day| date(words, &day.to_string())).unwrap_or_default();
        let flow_title = match party {
            StatementParty::Seller(_) => "portal.flow_seller",
            StatementParty::Firm(_) => "portal.flow_firm",
        };
        let mut acts_shown = Vec::new();
        // What only holds now is no part of a page of the past.
        if wanted.at.is_none() {
            if let StatementParty::Seller(seller) = party {
                if found.asks_for_days {
                    let now = held_now(giver, seller)?;
                    found.tables.splice(1..1, releases(words, &now));
                }
                lead.extend(next_payout(&visit, &found).map(|next| format!(" · {next}")));
            }
            found.tables.push(keys(giver, words, party, offset_minutes)?);
            if has_session {
                acts_shown = acts(words, &principal, party);
            }
        }
        let page = PortalPage {
            lead,
            work: found.work,
            flow_title: words.get(flow_title),
            flow: found.flow,
            is_flow: true,
            tables: found.tables,
            parcels: found.parcels,
            acts: acts_shown,
            frame: around,
        };
        html(&page, StatusCode::OK)
    });
    done.await?
}
