//! Who was told what: the office sees all, others their own. No address is shown.

use access::{AccessFunction, AccessGrant, AccessScope};
use axum::http::StatusCode;
use notices::{
    DeliveryRules, NoticeChannel, NoticeError, NoticeQuery, NoticeState, NoticeView, OUTBOX_FILE,
    Outbox, Recipient, event_named,
};
use serde_json::{Value, json};

use super::views::{CSV, ExportedLines, JSON, LINES, exported};

use crate::app::{Call, HttpAnswer, json_answer};
use crate::limits::{PAGE_LINES, PAGE_LINES_MAX};
use crate::notice_rows::{self, owner_named};
use crate::problem::{Problem, ProblemKind};
use crate::query::QueryParameters;
use crate::streamed::{CutOff, streamed};
use crate::times::rfc3339;
use crate::words::words;

const RIGHT: AccessFunction<'static> = AccessFunction::Read("notices");
/// What is paid to whom stands in notices, too.
const MONEY: AccessFunction<'static> = AccessFunction::Read("payouts");
pub(crate) const PARAMETERS: [&str; 6] = ["owner", "state", "channel", "event", "before", "limit"];

/// Whose notices a caller sees.
pub(crate) struct SeenNotices {
    /// `None`: all.
    owners: Option<Vec<Recipient>>,
    /// Whether it sees what they say.
    with_fields: bool,
}

impl SeenNotices {
    pub fn of(call: &Call) -> Result<SeenNotices, Problem> {
        call.require(RIGHT)?;
        let principal = &call.caller()?.principal;
        Ok(match principal.may(RIGHT) {
            AccessScope::Own(grants) => {
                let owners = grants.into_iter().filter_map(recipient_of).collect();
                SeenNotices { owners: Some(owners), with_fields: true }
            }
            _ => {
                let with_fields = principal.may(MONEY) == AccessScope::All;
                SeenNotices { owners: None, with_fields }
            }
        })
    }

    pub fn has(&self, owner: Recipient) -> bool {
        self.owners.as_ref().is_none_or(|owners| owners.contains(&owner))
    }

    /// The columns that it does not see.
    pub fn hidden(&self) -> &'static [&'static str] {
        if self.with_fields { &[] } else { &[notice_rows::SAID] }
    }

    fn row(&self, one: &NoticeView) -> Value {
        let time = |ms: Option<u64>| ms.map(rfc3339);
        let mut row = json!({
            "number": one.number,
            "id": one.id,
            "owner": one.owner.to_string(),
            "recipient": one.recipient.to_string(),
            "channel": one.channel.name(),
            "event": one.event,
            "state": one.state.name(),
            "attempts": one.attempts,
            "made_at": rfc3339(one.made_at_ms),
            "tried_at": time(one.tried_at_ms),
            "next_at": time(one.next_at_ms),
            "ended_at": time(one.ended_at_ms),
            "why": one.why,
        });
        if self.with_fields {
            row["fields"] = Value::Object(one.fields.clone());
        }
        row
    }
}

fn recipient_of(grant: AccessGrant) -> Option<Recipient> {
    match grant {
        AccessGrant::Seller(id) => Some(Recipient::Seller(id)),
        AccessGrant::Firm(id) => Some(Recipient::Firm(id)),
        AccessGrant::Courier(id) => Some(Recipient::Courier(id)),
        _ => None,
    }
}

fn bad(name: &'static str) -> Problem {
    let detail = words!("`{name}` has an unknown value; correct it", "`{name}` 的值未知；请更正");
    Problem::new(ProblemKind::BadQuery, detail).with_field(name)
}

/// A value of the query that is one of ours.
fn known<T>(
    query: &QueryParameters,
    name: &'static str,
    find: impl Fn(&str) -> Option<T>,
) -> Result<Option<T>, Problem> {
    query.get(name).map(|text| find(text).ok_or_else(|| bad(name))).transpose()
}

/// Looks into the outbox, if there is one, on a thread that may wait.
pub(crate) async fn look<T: Default + Send + 'static>(
    call: &Call,
    look: impl FnOnce(&Outbox) -> Result<T, NoticeError> + Send + 'static,
) -> Result<T, Problem> {
    let data = call.app.data.clone();
    let done = call.app.workers.run(move |_| {
        if !data.join(OUTBOX_FILE).exists() {
            return Ok(T::default());
        }
        Outbox::open(&data, DeliveryRules::default()).and_then(|outbox| look(&outbox))
    });
    done.await?.map_err(Problem::internal)
}

/// What is asked for of whom.
pub(crate) struct AskedNotices {
    owners: Vec<Option<Recipient>>,
    asked: NoticeQuery,
}

impl AskedNotices {
    pub fn of(seen: &SeenNotices, query: &QueryParameters) -> Result<AskedNotices, Problem> {
        let owner = known(query, "owner", owner_named)?;
        let asked = NoticeQuery {
            owner: None,
            state: known(query, "state", NoticeState::named)?,
            channel: known(query, "channel", NoticeChannel::named)?,
            event: known(query, "event", event_named)?.map(|event| event.name),
            before: query
                .number("before", 1, i64::MAX.unsigned_abs())?
                .and_then(|number| i64::try_from(number).ok()),
            ..NoticeQuery::default()
        };
        let owners: Vec<Option<Recipient>> = match (owner, &seen.owners) {
            (Some(owner), _) if seen.has(owner) => vec![Some(owner)],
            (Some(_), _) => Vec::new(),
            (None, Some(own)) => own.iter().copied().map(Some).collect(),
            (None, None) => vec![None],
        };
        Ok(AskedNotices { owners, asked })
    }

    /// A page, the newest first, and before which number the next one begins.
    pub fn page(
        &self,
        outbox: &Outbox,
        before: Option<i64>,
        limit: usize,
    ) -> Result<(Vec<NoticeView>, Option<i64>), NoticeError> {
        let (before, most) = (before.or(self.asked.before), limit.min(PAGE_LINES_MAX));
        // One more says whether there is another page.
        let limit = u32::try_from(most + 1).unwrap_or(u32::MAX);
        let asked = NoticeQuery { before, limit, ..self.asked };
        let lists =
            self.owners.iter().map(|owner| outbox.list(NoticeQuery { owner: *owner, ..asked }));
        let mut found = lists.collect::<Result<Vec<_>, _>>()?.concat();
        found.sort_by_key(|one| std::cmp::Reverse(one.number));
        let has_more = found.len() > most;
        found.truncate(most);
        let next = found.last().filter(|_| has_more).map(|last| last.number);
        Ok((found, next))
    }
}

pub(super) async fn list(call: Call) -> HttpAnswer {
    let query = QueryParameters::read(call.parts.uri.query(), &PARAMETERS)?;
    let media = call.accepted(&[JSON, CSV, LINES])?;
    let seen = SeenNotices::of(&call)?;
    let limit = query.number("limit", 1, PAGE_LINES_MAX as u64)?.unwrap_or(PAGE_LINES as u64);
    let limit = usize::try_from(limit).unwrap_or(PAGE_LINES);
    let asked = AskedNotices::of(&seen, &query)?;
    if media != JSON {
        return export(&call, media, seen.hidden(), asked).await;
    }
    let (found, next) = look(&call, move |outbox| asked.page(outbox, None, limit)).await?;
    let items: Vec<Value> = found.iter().map(|one| seen.row(one)).collect();
    json_answer(StatusCode::OK, &json!({ "items": items, "next": next }), None)
}

/// All of them, as they are read.
async fn export(
    call: &Call,
    media: &'static str,
    hidden: &'static [&'static str],
    asked: AskedNotices,
) -> HttpAnswer {
    let head = look(call, |outbox| Ok(outbox.checkpoint()?.unwrap_or_default())).await?;
    let data = call.app.data.clone();
    let principal = &call.caller()?.principal;
    let body = streamed(&call.app, principal, move |to| {
        let mut lines = ExportedLines::begin(notice_rows::spec(), media, hidden, to)?;
        if !data.join(OUTBOX_FILE).exists() {
            return Ok(());
        }
        let outbox = Outbox::open(&data, DeliveryRules::default()).map_err(|_| CutOff)?;
        let mut before = None;
        loop {
            let page = asked.page(&outbox, before, PAGE_LINES_MAX);
            let (found, next) = page.map_err(|_| CutOff)?;
            for one in &found {
                lines.add(&notice_rows::row(one), to)?;
            }
            if next.is_none() {
                return Ok(());
            }
            before = next;
        }
    })?;
    exported((media, "notices"), head.sequence.number(), body)
}

/// One notice, with its attempts that did not end in a delivery.
pub(super) async fn one(call: Call) -> HttpAnswer {
    QueryParameters::read(call.parts.uri.query(), &[])?;
    call.accepted(&["application/json"])?;
    let seen = SeenNotices::of(&call)?;
    let number = call.path_part(2)?.parse::<i64>().ok();
    let found = look(&call, move |outbox| {
        let query = NoticeQuery { number, limit: 1, ..NoticeQuery::default() };
        let found = if number.is_some() { outbox.list(query)? } else { Vec::new() };
        let failures = number.map_or(Ok(Vec::new()), |number| outbox.failures(number))?;
        Ok(found.into_iter().next().map(|one| (one, failures)))
    });
    let found = found.await?.filter(|(one, _)| seen.has(one.owner));
    let (one, failures) = found.ok_or(ProblemKind::NoSuchRecord)?;
    let mut row = seen.row(&one);
    let failures = failures
        .iter()
        .map(|one| json!({ "attempt": one.attempt, "at": rfc3339(one.at_ms), "why": one.why }));
    row["failures"] = failures.collect();
    json_answer(StatusCode::OK, &row, None)
}
