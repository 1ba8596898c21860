//! Who was told what: the list, one notice with its attempts, and the page of a recipient.

use std::collections::{BTreeMap, BTreeSet};

use access::{AccessFunction, Principal};
use axum::http::StatusCode;
use base16ct::lower::encode_string;
use engine::Engine;
use journal::JournalHead;
use notices::{
    AddressView, FailedAttempt, NOTICE_BOOK_FILE, NoticeBook, NoticeChannel, NoticeQuery,
    NoticeState, NoticeView, Recipient,
};
use office::SignedInGiver;
use pages::{
    ActLink, Cell, DetailPage, FramePosition, HomeTile, Link, ListPage, ListRequest, PageRow,
    PageWords, PortalPage, PortalTable, RowContext, TimelineEntry, Tone, nav_groups, tone,
};

use super::act_table::{act_path, may, of_list, title};
use super::form::{Form, list_address};
use super::frames::{frame, readable};
use super::rows::{ROWS, offset_at, page_row, person_names};
use super::{Visit, go_to, html, twin};
use crate::app::{App, HttpAnswer};
use crate::handlers::notices::{AskedNotices, PARAMETERS, SeenNotices, look};
use crate::notice_rows::{self, owner_named};
use crate::operations::Action;
use crate::prefixes;
use crate::problem::{Problem, ProblemKind};
use crate::query::QueryParameters;

pub(super) const NOTICES_PATH: &str = "/notices";
/// Before the recipient of a page.
pub(super) const OF_PATH: &str = "/notices/to";
const RETRY: &str = "RetryNotices";
/// Bytes of a hash that are shown.
const DIGEST_BYTES: usize = 6;
/// Notices on the page of a recipient. The list has all.
const LATEST: u32 = 20;

/// Whether somebody sees notices.
pub(super) fn are_read_by(principal: &Principal) -> bool {
    principal.may(AccessFunction::Read("notices")) != access::AccessScope::Nothing
}

/// The page of a recipient.
pub(super) fn path_of(owner: Recipient) -> String {
    Link::to(OF_PATH).part(&owner.to_string()).text()
}

/// What recipients are called: by the reference in the books, persons by their names.
struct RecipientNames(BTreeMap<Recipient, String>);

impl RecipientNames {
    fn find(
        giver: &SignedInGiver,
        (words, principal): (PageWords, &Principal),
        all: impl Iterator<Item = Recipient>,
    ) -> Result<RecipientNames, Problem> {
        let all: BTreeSet<Recipient> = all.collect();
        let persons = person_names(giver, principal);
        let look = move |engine: &Engine| {
            let books = engine.books();
            let named = all.into_iter().map(|one| {
                let name = match one {
                    Recipient::Seller(id) => books.seller_reference(id).map(str::to_owned),
                    Recipient::Courier(id) => books.courier_reference(id).map(str::to_owned),
                    Recipient::Firm(id) => {
                        let found = books.firms().find(|(firm, _)| *firm == id);
                        found.map(|(_, reference)| reference.to_owned())
                    }
                    Recipient::Person(id) => persons.get(&("persons", id.0.cast_signed())).cloned(),
                    _ => None,
                };
                (one, name)
            });
            named.collect::<Vec<_>>()
        };
        let found = giver.client.look_ahead(look).map_err(Problem::internal)?;
        let named = found.into_iter().map(|(one, name)| (one, called(words, one, name)));
        Ok(RecipientNames(named.collect()))
    }

    fn of(&self, one: Recipient) -> String {
        self.0.get(&one).cloned().unwrap_or_else(|| one.to_string())
    }
}

/// What a recipient is called, with the kind before the name.
fn called(words: PageWords, one: Recipient, name: Option<String>) -> String {
    let kind = match one {
        Recipient::Seller(_) => words.entry("one", "sellers").unwrap_or_default(),
        Recipient::Firm(_) => words.entry("one", "firms").unwrap_or_default(),
        Recipient::Courier(_) => words.entry("one", "couriers").unwrap_or_default(),
        Recipient::Person(_) => words.entry("one", "persons").unwrap_or_default(),
        Recipient::Buyer(_) => words.entry("role", "buyer").unwrap_or_default(),
        Recipient::Endpoint(_) => words.get("told.endpoint"),
        Recipient::Staff => return words.get("told.staff").to_owned(),
        Recipient::Public => return words.get("told.public").to_owned(),
    };
    let text = one.to_string();
    let id = text.split_once(':').map_or(&*text, |(_, id)| id);
    format!("{kind} {}", name.as_deref().unwrap_or(id))
}

/// The form in which a retry of a recipient's notices is given. None if nobody can, or not here.
fn retry(
    words: PageWords,
    principal: &Principal,
    (owner, recipient): (Recipient, Recipient),
    back: &str,
) -> Option<ActLink> {
    let (variant, id_type, id) = match owner {
        Recipient::Seller(id) => ("Seller", "SellerId", id.to_string()),
        Recipient::Firm(id) => ("Firm", "FirmId", id.to_string()),
        Recipient::Courier(id) => ("Courier", "CourierId", id.to_string()),
        Recipient::Buyer(id) => ("Buyer", "ParcelId", id.to_string()),
        Recipient::Staff => ("Staff", "", String::new()),
        Recipient::Public => ("Public", "", String::new()),
        Recipient::Person(_) | Recipient::Endpoint(_) => return None,
    };
    if !may(principal, RETRY) {
        return None;
    }
    let mut link = Link::to(&act_path(RETRY)).with("owner", variant);
    if let Some(prefix) = prefixes::of_type(id_type) {
        link = link.with(&format!("owner.{variant}"), &format!("{prefix}{id}"));
    }
    if let Recipient::Endpoint(number) = recipient {
        link = link.with("endpoint", &number.to_string());
    }
    Some(ActLink {
        text: title(words, RETRY, false).to_owned(),
        about: String::new(),
        href: link.with("back", back).text(),
        is_next: true,
    })
}

/// Where the outbox is in the journal.
fn position(head: JournalHead, path: &str, pairs: &[(String, String)]) -> Option<FramePosition> {
    let address = |end: &str| {
        let to = Link::to(&format!("{path}{end}"));
        pairs.iter().fold(to, |link, (name, value)| link.with(name, value)).text()
    };
    let is_list = path == NOTICES_PATH;
    (head != JournalHead::default()).then(|| FramePosition {
        batch: pages::forms::number(head.sequence.number().into()),
        digest: Some(encode_string(&head.hash.bytes()[..DIGEST_BYTES])),
        permanent: address(""),
        json: Some(address(".json")),
        csv: is_list.then(|| address(".csv")),
        ..FramePosition::default()
    })
}

fn now(giver: &SignedInGiver) -> Result<i64, Problem> {
    let look = |engine: &Engine| engine.last_at().0.cast_signed();
    giver.client.look_ahead(look).map_err(Problem::internal)
}

fn link_owner(cell: &mut Cell, owner: Recipient, names: &RecipientNames) {
    cell.text = names.of(owner);
    cell.title = Some(owner.to_string());
    cell.href = Some(path_of(owner));
}

fn rows(app: &App, words: PageWords, found: &[NoticeView]) -> Vec<PageRow> {
    let one = |notice: &NoticeView| {
        let mut shown = notice.clone();
        shown.why = notice.why.as_deref().map(|why| (app.texts.notice_reason)(why, words.0));
        page_row(notice_rows::spec(), notice_rows::row(&shown))
    };
    found.iter().map(one).collect()
}

pub(super) async fn list(visit: Visit) -> HttpAnswer {
    let path = visit.call.parts.uri.path();
    for (media, end) in [("application/json", ".json"), ("text/csv", ".csv")] {
        if path.ends_with(end) {
            return twin(visit, media, |action| matches!(action, Action::Notices)).await;
        }
    }
    let accept = visit.call.accepted(&["text/html", "application/json"])?;
    if accept == "application/json" {
        return twin(visit, accept, |action| matches!(action, Action::Notices)).await;
    }
    let text = visit.call.parts.uri.query().unwrap_or_default().to_owned();
    let view = notice_rows::spec();
    if text.split('&').any(|pair| pair == "form=1") {
        return go_to(&list_address(NOTICES_PATH, view, &Form::read(&text)?, ""));
    }
    let query = QueryParameters::read(Some(&text), &[&PARAMETERS[..], &["cursor"]].concat())?;
    let before = query.number("cursor", 1, i64::MAX.unsigned_abs())?;
    let before = before.and_then(|number| i64::try_from(number).ok());
    let seen = SeenNotices::of(&visit.call)?;
    let asked = AskedNotices::of(&seen, &query)?;
    let (found, next, head) = look(&visit.call, move |outbox| {
        let (found, next) = asked.page(outbox, before, ROWS as usize)?;
        Ok((found, next, outbox.checkpoint()?.unwrap_or_default()))
    })
    .await?;
    let principal = visit.call.caller()?.principal.clone();
    let has_session = visit.call.caller()?.session.is_some();
    let (app, words) = (visit.call.app.clone(), visit.words());
    let mut around = frame(&app, visit.preferences, visit.call.caller.as_ref(), visit.path());
    let done = visit.call.app.workers.run(move |giver| {
        let names =
            RecipientNames::find(giver, (words, &principal), found.iter().map(|one| one.owner))?;
        let offset_minutes = offset_at(giver, now(giver)?)?;
        let (readable, none) = (readable(&principal), pages::PartyNames::new());
        let context =
            RowContext { words, names: &none, readable: &readable, at: None, offset_minutes };
        let pairs = query.iter().filter(|(name, _)| !["cursor", "limit"].contains(name));
        let pairs: Vec<_> =
            pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        around.title = words.entry("view", view.name).unwrap_or_default().to_owned();
        around.nav = nav_groups(words, &readable, None, None);
        around.position = position(head, NOTICES_PATH, &pairs);
        let rows = rows(&app, words, &found);
        let request = ListRequest {
            view,
            hidden: seen.hidden(),
            query: &pairs,
            rows: &rows,
            next: next.map(|before| before.to_string()),
            is_first: before.is_none(),
            unread: None,
            currency: String::new(),
        };
        let mut page = ListPage::new(around, &request, &context);
        let label = pages::label(words, view, "owner");
        for (row, one) in page.rows.iter_mut().zip(&found) {
            let cell = row.cells.iter_mut().find(|cell| cell.label == label);
            if let Some(cell) = cell {
                link_owner(cell, one.owner, &names);
            }
        }
        if has_session {
            page.acts = of_list(words, &principal, view);
        }
        html(&page, StatusCode::OK)
    });
    done.await?
}

/// What is known of where a notice is.
fn known(words: PageWords, one: &NoticeView, when: &dyn Fn(u64) -> String) -> (String, Tone) {
    let mut text = words.get(&format!("known.{}", one.state.name())).to_owned();
    if one.state == NoticeState::NotKnown && one.channel == NoticeChannel::Webhook {
        words.get("told.same_id").clone_into(&mut text);
    }
    if let Some(next) = one.next_at_ms {
        let next = when(next);
        text = format!("{text} {}", words.fill("told.next_at", &[("when", &next)]));
    }
    (text, tone(one.state.name()))
}

fn entry(what: Vec<String>, tone: Tone, when: String) -> TimelineEntry {
    TimelineEntry {
        what,
        tone,
        when,
        batch: String::new(),
        batch_href: None,
        by: None,
        by_kind: String::new(),
        command: None,
        command_href: None,
        of_commands: None,
        postings: Vec::new(),
    }
}

/// How it was made, each attempt, and what is known of its end.
fn timeline(
    app: &App,
    context: &RowContext<'_>,
    one: &NoticeView,
    failures: &[FailedAttempt],
) -> Vec<TimelineEntry> {
    let words = context.words;
    let when = |ms: u64| pages::forms::time(words, ms.cast_signed(), context.offset_minutes);
    let event = words.word("notices", &one.event).unwrap_or(&one.event).to_owned();
    let mut made = entry(vec![event], Tone::Done, when(one.made_at_ms));
    if one.batch > 0 {
        made.batch = pages::forms::number(one.batch.into());
        let can_open = context.readable.contains(&"commands");
        let log = Link::to("/commands").with("batch", &one.batch.to_string());
        made.batch_href = can_open.then(|| log.text());
    }
    let mut all = vec![made];
    all.extend(failures.iter().map(|failure| {
        let why = (app.texts.notice_reason)(&failure.why, words.0);
        let attempt = failure.attempt;
        let what = words.fill("told.attempt", &[("number", &attempt), ("why", &why)]);
        entry(vec![what], Tone::Wait, when(failure.at_ms))
    }));
    let (known, tone) = known(words, one, &when);
    let mut what = vec![known];
    what.extend(one.receipt.as_ref().map(|receipt| {
        let receipt: &dyn std::fmt::Display = receipt;
        words.fill("told.receipt", &[("receipt", receipt)])
    }));
    let last = one.ended_at_ms.or(one.tried_at_ms).map(when);
    all.push(entry(what, tone, last.unwrap_or_default()));
    all
}

pub(super) async fn one(mut visit: Visit) -> HttpAnswer {
    let path = visit.call.parts.uri.path().to_owned();
    let is_json = path.ends_with(".json");
    if is_json || visit.call.accepted(&["text/html", "application/json"])? != "text/html" {
        let address = format!("/v1{}", path.trim_end_matches(".json"));
        visit.call.parts.uri = address.parse().map_err(|_| ProblemKind::NoSuchPath)?;
        return twin(visit, "application/json", |action| matches!(action, Action::Notice)).await;
    }
    QueryParameters::read(visit.call.parts.uri.query(), &[])?;
    let seen = SeenNotices::of(&visit.call)?;
    let number = visit.call.path_part(1)?.parse::<i64>().ok();
    let found = look(&visit.call, move |outbox| {
        let query = NoticeQuery { number, limit: 1, ..NoticeQuery::default() };
        let found = if number.is_some() { outbox.list(query)? } else { Vec::new() };
        let failures = number.map_or(Ok(Vec::new()), |number| outbox.failures(number))?;
        let head = outbox.checkpoint()?.unwrap_or_default();
        Ok(found.into_iter().next().map(|one| (one, failures, head)))
    });
    let found = found.await?.filter(|(one, ..)| seen.has(one.owner));
    let (one, failures, head) = found.ok_or(ProblemKind::NoSuchRecord)?;
    let principal = visit.call.caller()?.principal.clone();
    let has_session = visit.call.caller()?.session.is_some();
    let (app, words, view) = (visit.call.app.clone(), visit.words(), notice_rows::spec());
    let mut around = frame(&app, visit.preferences, visit.call.caller.as_ref(), visit.path());
    let done = visit.call.app.workers.run(move |giver| {
        let both = [one.owner, one.recipient].into_iter();
        let names = RecipientNames::find(giver, (words, &principal), both)?;
        let offset_minutes = offset_at(giver, now(giver)?)?;
        let (readable, none) = (readable(&principal), pages::PartyNames::new());
        let context =
            RowContext { words, names: &none, readable: &readable, at: None, offset_minutes };
        let rows = rows(&app, words, std::slice::from_ref(&one));
        let row = rows.first().ok_or(ProblemKind::NoSuchRecord)?;
        around.title = DetailPage::name_of(&context, view, row);
        around.nav = nav_groups(words, &readable, None, None);
        around.position = position(head, &path, &[]);
        let mut page = DetailPage::new(around, &context, view, seen.hidden(), row);
        let label = |column| pages::label(words, view, column);
        for cell in &mut page.facts {
            if cell.label == label("owner") {
                link_owner(cell, one.owner, &names);
            } else if cell.label == label("recipient") {
                cell.text = names.of(one.recipient);
            }
        }
        page.timeline = timeline(&app, &context, &one, &failures);
        if has_session && is_to_retry(one.state) {
            page.acts.extend(retry(words, &principal, (one.owner, one.recipient), &path));
        }
        html(&page, StatusCode::OK)
    });
    done.await?
}

fn is_to_retry(state: NoticeState) -> bool {
    use NoticeState as S;
    matches!(state, S::Refused | S::Gone | S::GivenUp | S::NotKnown | S::Folded)
}

/// What is shown of a recipient.
#[derive(Default)]
struct FoundRecipient {
    states: Vec<(NoticeState, u64)>,
    latest: Vec<NoticeView>,
    stopped: Vec<(Recipient, NoticeChannel, String)>,
    consents: u32,
    head: JournalHead,
}

/// States that are one figure, and what it is called.
const FIGURES: [(&str, &[NoticeState]); 5] = [
    (
        "told.open",
        &[
            NoticeState::Waiting,
            NoticeState::Held,
            NoticeState::InDigest,
            NoticeState::Sending,
            NoticeState::Failed,
        ],
    ),
    ("told.delivered", &[NoticeState::Delivered]),
    ("told.not_known", &[NoticeState::NotKnown]),
    ("told.not_delivered", &[NoticeState::Refused, NoticeState::Gone, NoticeState::GivenUp]),
    ("told.folded", &[NoticeState::Folded]),
];

fn figures(words: PageWords, owner: Recipient, states: &[(NoticeState, u64)]) -> Vec<HomeTile> {
    let tiles = FIGURES.iter().map(|(key, of)| {
        let count: u64 =
            states.iter().filter(|(state, _)| of.contains(state)).map(|(_, count)| count).sum();
        let list = Link::to(NOTICES_PATH).with("owner", &owner.to_string());
        // A list has one state at a time.
        let href = match of {
            [only] if count > 0 => Some(list.with("state", only.name()).text()),
            _ => None,
        };
        let values = vec![(pages::forms::number(count.into()), String::new())];
        HomeTile { title: words.get(key), values, about: String::new(), href }
    });
    tiles.collect()
}

/// The channels by which a recipient is reached, without the addresses.
fn ways(
    words: PageWords,
    addresses: &[AddressView],
    found: &FoundRecipient,
    when: &dyn Fn(u64) -> String,
) -> PortalTable {
    let rows = addresses.iter().map(|one| {
        let recipient = match one.channel {
            NoticeChannel::Webhook => Recipient::Endpoint(one.number),
            _ => one.owner,
        };
        let stop = found.stopped.iter().find(|(of, by, _)| (*of, *by) == (recipient, one.channel));
        let state = match stop {
            Some((.., why)) => words.get(&format!("stop.{why}")),
            None => words.get("told.on"),
        };
        let channel = words.word("notices", one.channel.name()).unwrap_or_default();
        let name = match recipient {
            Recipient::Endpoint(number) => format!("{channel} {number}"),
            _ => channel.to_owned(),
        };
        let state = Cell {
            tone: Some(if stop.is_some() { Tone::Act } else { Tone::Done }),
            ..Cell::plain(state.to_owned())
        };
        let events = if one.events.is_empty() {
            words.get("told.all_events").to_owned()
        } else {
            one.events.join(", ")
        };
        vec![Cell::plain(name), state, Cell::plain(events), Cell::plain(when(one.made_at_ms))]
    });
    let note = match found.consents {
        0 => String::new(),
        count => words.fill("told.consents", &[("count", &count)]),
    };
    let columns = ["told.channel", "told.state", "told.events", "told.since"];
    let columns = columns.map(|key| (key, false));
    let keys = ("told.ways", "told.no_way");
    PortalTable { note, ..PortalTable::new(words, keys, &columns, rows.collect()) }
}

fn latest(
    app: &App,
    context: &RowContext<'_>,
    (owner, seen): (Recipient, &SeenNotices),
    found: &[NoticeView],
) -> PortalTable {
    let (words, view) = (context.words, notice_rows::spec());
    let shown = ["made_at", "event", notice_rows::SAID, "channel", "state", "why"];
    let shown = shown.into_iter().filter(|name| !seen.hidden().contains(name));
    let shown: Vec<(usize, &str)> =
        shown.filter_map(|name| Some((view.place(name)?, name))).collect();
    let rows = rows(app, words, found).into_iter().map(|row| {
        let mut cells: Vec<Cell> =
            shown.iter().map(|(place, _)| context.cell(view, &row, *place)).collect();
        if let Some(first) = cells.first_mut() {
            first.href = Some(context.path_of(view, &row));
        }
        cells
    });
    PortalTable {
        title: words.get("told.latest"),
        href: Some(Link::to(NOTICES_PATH).with("owner", &owner.to_string()).text()),
        note: String::new(),
        columns: shown.iter().map(|(_, name)| (pages::label(words, view, name), false)).collect(),
        rows: rows.collect(),
        total: None,
        none: words.get("told.none"),
    }
}

pub(super) async fn recipient(visit: Visit) -> HttpAnswer {
    QueryParameters::read(visit.call.parts.uri.query(), &[])?;
    let seen = SeenNotices::of(&visit.call)?;
    let unknown = || Problem::from(ProblemKind::NoSuchRecord);
    let owner = owner_named(&visit.call.path_part(2)?);
    let owner = owner.filter(|owner| seen.has(*owner)).ok_or_else(unknown)?;
    let found = look(&visit.call, move |outbox| {
        let query = NoticeQuery { owner: Some(owner), limit: LATEST, ..NoticeQuery::default() };
        Ok(FoundRecipient {
            states: outbox.states_of(owner)?,
            latest: outbox.list(query)?,
            stopped: outbox.stopped()?,
            consents: outbox.consents_of(owner, NoticeChannel::Wechat)?,
            head: outbox.checkpoint()?.unwrap_or_default(),
        })
    })
    .await?;
    let principal = visit.call.caller()?.principal.clone();
    let has_session = visit.call.caller()?.session.is_some();
    let (app, words) = (visit.call.app.clone(), visit.words());
    let mut around = frame(&app, visit.preferences, visit.call.caller.as_ref(), visit.path());
    let done = visit.call.app.workers.run(move |giver| {
        // There may be addresses before there is an outbox.
        let addresses = match app.data.join(NOTICE_BOOK_FILE).exists() {
            true => NoticeBook::open(&app.data, None)
                .and_then(|book| book.addresses(Some(owner)))
                .map_err(Problem::internal)?,
            false => Vec::new(),
        };
        let names = RecipientNames::find(giver, (words, &principal), [owner].into_iter())?;
        let offset_minutes = offset_at(giver, now(giver)?)?;
        let (readable, none) = (readable(&principal), pages::PartyNames::new());
        let context =
            RowContext { words, names: &none, readable: &readable, at: None, offset_minutes };
        let when = |ms: u64| pages::forms::time(words, ms.cast_signed(), offset_minutes);
        let name = names.of(owner);
        around.title = words.fill("told.to", &[("recipient", &name)]);
        around.nav = nav_groups(words, &readable, None, None);
        let path = path_of(owner);
        around.position = position(found.head, &path, &[]);
        if let Some(position) = &mut around.position {
            position.json = None;
        }
        let is_left = found.states.iter().any(|(state, _)| is_to_retry(*state));
        let is_own = |one: Recipient| {
            one == owner || addresses.iter().any(|of| one == Recipient::Endpoint(of.number))
        };
        let is_stopped = found.stopped.iter().any(|(one, ..)| is_own(*one));
        let act = retry(words, &principal, (owner, owner), &path);
        let page = PortalPage {
            lead: words.get("told.about").to_owned(),
            work: Vec::new(),
            flow_title: words.get("told.figures"),
            is_flow: false,
            flow: figures(words, owner, &found.states),
            tables: vec![
                ways(words, &addresses, &found, &when),
                latest(&app, &context, (owner, &seen), &found.latest),
            ],
            parcels: Vec::new(),
            acts: act.filter(|_| has_session && (is_left || is_stopped)).into_iter().collect(),
            frame: around,
        };
        html(&page, StatusCode::OK)
    });
    done.await?
}
