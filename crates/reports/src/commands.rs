//! Every command of the journal: who gave it, when, what it did, what money it moved.

use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::io;
use std::path::Path;
use std::str::FromStr;

use books::chart::{AccountKind, ChartEntry};
use books::{Books, BreakId, BusinessDate, HandOverId, ParcelId, TariffId, TerminalId, Timestamp};
use engine::{Actor, CommandOutcome, Engine, Events, Submission};
use journal::{JournalHead, Sequence};
use ledger::AccountNumber;
use market::{Market, OfferId, OrderId, PromotionId, VariantId};
use money::{Amount, Currency};
use node::replay::ReplayObserver;
use serde::{Serialize, Serializer};
use serde_json::{Map, Value};

use crate::account_names::owner_id_type;
use crate::account_postings::NOTHING_MORE;
use crate::command_filter::{FilterState, Story};
use crate::{
    AccountNameStyle, AccountNames, CommandFilter, ExportError, FieldType, FieldTypes, replay_all,
};

/// A command's place in the journal. Its text is `12.3`: the third command of batch 12.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct CommandPosition {
    pub batch: Sequence,
    /// In the batch, from 1.
    pub index: u32,
}

impl fmt::Display for CommandPosition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.batch.number(), self.index)
    }
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a position; write the batch and the command's index in it, such as 12.3")]
pub struct CommandPositionError(String);

impl FromStr for CommandPosition {
    type Err = CommandPositionError;

    fn from_str(text: &str) -> Result<CommandPosition, CommandPositionError> {
        let numbers = text.split_once('.').and_then(|(batch, index)| {
            Some((batch.parse::<u64>().ok()?, index.parse::<u32>().ok()?))
        });
        let (batch, index) = numbers.ok_or_else(|| CommandPositionError(text.to_owned()))?;
        Ok(CommandPosition { batch: Sequence::new(batch), index })
    }
}

/// A command of the journal.
#[derive(Clone, Debug, Serialize)]
pub struct RecordedCommand {
    #[serde(serialize_with = "as_text")]
    pub position: CommandPosition,
    /// Local time with the UTC offset.
    pub at: String,
    #[serde(serialize_with = "as_text")]
    pub date: BusinessDate,
    pub by: Actor,
    pub request_key: Option<String>,
    pub command: &'static str,
    /// As declared. Amounts are in minor units of `currency`.
    pub fields: Map<String, Value>,
    /// The currency of the amounts in `fields` and `events`; none if there are no amounts.
    #[serde(serialize_with = "currency_code")]
    pub currency: Option<Currency>,
    /// The operator's references for the ids in `by` and `fields`, and in the events of an
    /// [`AppliedCommand`].
    pub references: BTreeSet<PartyReference>,
    /// The parcels in `fields` that concern the parcel and seller of the filter.
    #[serde(skip)]
    pub wanted_parcels: Vec<Value>,
}

/// A command with what it did. Its JSON form is in docs/files/log.md.
#[derive(Clone, Debug, Serialize)]
pub struct AppliedCommand {
    #[serde(flatten)]
    pub recorded: RecordedCommand,
    /// The day to which its postings belong, if that is another one.
    pub value_date: Option<BusinessDate>,
    /// The money that moved.
    pub postings: Vec<MovedAmount>,
    pub events: Vec<ObservedEvent>,
}

/// The operator's reference for an id.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct PartyReference {
    /// `bank`, `courier`, `firm`, `network`, `seller`, `tariff` or `wallet`.
    pub of: String,
    pub id: String,
    pub reference: String,
}

/// A posting that moved money.
#[derive(Clone, Debug, Serialize)]
pub struct MovedAmount {
    #[serde(serialize_with = "as_debug_text")]
    pub entry: ChartEntry,
    pub debit: String,
    pub credit: String,
    #[serde(skip)]
    pub kinds: [AccountKind; 2],
    /// In minor units.
    pub amount: Amount,
    #[serde(serialize_with = "currency_code")]
    pub currency: Option<Currency>,
    /// It concerns the parcel and seller of the filter.
    #[serde(skip)]
    pub wanted: bool,
}

/// An event in its JSON form: `event` is its name.
#[derive(Clone, Debug, Serialize)]
#[serde(transparent)]
pub struct ObservedEvent {
    pub fields: Value,
    /// It concerns the parcel and seller of the filter.
    #[serde(skip)]
    pub wanted: bool,
}

fn as_text<T: fmt::Display, S: Serializer>(value: &T, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(value)
}

fn as_debug_text<S: Serializer>(entry: &ChartEntry, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&format_args!("{entry:?}"))
}

fn currency_code<S: Serializer>(
    currency: &Option<Currency>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    currency.map(Currency::code).serialize(serializer)
}

/// A party or parcel of a filter that a whole journal never names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnknownCondition {
    Parcel,
    Seller,
    Terminal,
}

/// Calls `each` with the wanted commands of a data directory, in the order of the journal, at most
/// `limit` of them. An error of `each` ends the reading.
///
/// Returns the condition that nothing can meet, if the whole journal was read.
pub fn read_commands(
    data: &Path,
    filter: &CommandFilter,
    limit: Option<u64>,
    each: &mut dyn FnMut(AppliedCommand) -> io::Result<()>,
) -> Result<Option<UnknownCondition>, ExportError> {
    let mut reader = CommandReader {
        types: FieldTypes::declared(),
        filter: FilterState::new(filter),
        parties: Parties::default(),
        names: AccountNames::default(),
        position: CommandPosition { batch: Sequence::FIRST, index: 0 },
        left: limit.unwrap_or(u64::MAX),
        each,
        ended: None,
    };
    let done = replay_all(data, &mut reader);
    match reader.ended {
        Some(ended) => Ok(ended.map(|()| None)?),
        None => Ok(reader.filter.unknown(&done?.0)),
    }
}

/// A command with what its filter needs, computed once and only if needed.
pub(crate) struct Observed<'a> {
    pub submission: &'a Submission,
    pub position: CommandPosition,
    pub date: BusinessDate,
    pub outcome: &'a CommandOutcome,
    pub engine: &'a Engine,
    command_type: FieldType<'a>,
    fields: Option<Value>,
    events: Option<Vec<Value>>,
}

impl<'a> Observed<'a> {
    /// Visits the values of named types in the command's fields.
    pub(crate) fn visit(&mut self, visit: &mut dyn FnMut(&'a str, &Value)) {
        let command = &self.submission.command;
        let fields = self.fields.get_or_insert_with(|| json(command));
        self.command_type.visit(fields, visit);
    }

    /// A value of one of these types is this identifier.
    pub(crate) fn names(&mut self, types: &[&str], id: &str) -> bool {
        let mut found = false;
        self.visit(&mut |name, value| found |= types.contains(&name) && value == id);
        found
    }

    pub(crate) fn events(&mut self) -> &[Value] {
        let CommandOutcome { books, market, policy, .. } = self.outcome;
        let machines = || books.events.iter().map(json).chain(market.iter().map(json));
        let all = || machines().chain(policy.iter().map(json)).collect();
        self.events.get_or_insert_with(all)
    }
}

pub(crate) fn json<T: Serialize>(value: &T) -> Value {
    serde_json::to_value(value).expect("commands and events have a JSON form")
}

struct CommandReader<'e> {
    types: FieldTypes,
    filter: FilterState,
    parties: Parties,
    names: AccountNames,
    /// The last command's.
    position: CommandPosition,
    /// Commands until the limit.
    left: u64,
    each: &'e mut dyn FnMut(AppliedCommand) -> io::Result<()>,
    /// Set when nothing more is wanted, or nothing more can be written.
    ended: Option<io::Result<()>>,
}

impl ReplayObserver for CommandReader<'_> {
    fn command(
        &mut self,
        submission: &Submission,
        at: Timestamp,
        outcome: &CommandOutcome,
        engine: &Engine,
    ) -> Result<(), String> {
        self.position.index += 1;
        self.parties.update(engine);
        let date = engine.books().last_date();
        if self.left == 0 || self.filter.is_past(date) {
            return self.end(Ok(()));
        }
        let command = submission.command.name();
        let command_type = self.types.of(command).expect("the journal's commands are declared");
        let mut observed = Observed {
            submission,
            position: self.position,
            date,
            outcome,
            engine,
            command_type,
            fields: None,
            events: None,
        };
        if !self.filter.wants(&mut observed) {
            return Ok(());
        }
        self.left -= 1;
        let applied = applied(observed, at, &self.filter, &self.parties, &mut self.names);
        match (self.each)(applied) {
            Ok(()) => Ok(()),
            Err(error) => self.end(Err(error)),
        }
    }

    fn batch(&mut self, head: JournalHead, _: &Engine) -> Result<(), String> {
        self.position = CommandPosition { batch: head.sequence.next(), index: 0 };
        Ok(())
    }
}

impl CommandReader<'_> {
    fn end(&mut self, how: io::Result<()>) -> Result<(), String> {
        self.ended = Some(how);
        Err(NOTHING_MORE.to_owned())
    }
}

fn applied(
    mut observed: Observed<'_>,
    at: Timestamp,
    filter: &FilterState,
    parties: &Parties,
    names: &mut AccountNames,
) -> AppliedCommand {
    observed.visit(&mut |_, _| {});
    observed.events();
    let Observed { submission, position, date, engine, outcome, command_type, .. } = observed;
    let events = observed.events.unwrap_or_default();
    let named = NamedIds { parties, engine, filter: Some(filter) };
    let fields = observed.fields.unwrap_or_default();
    let mut recorded = named.recorded(submission, (position, at, date), command_type, fields);
    for (event, key, name) in events.iter().flat_map(|event| {
        [("seller", "SellerId"), ("courier", "CourierId"), ("firm", "FirmId")]
            .map(|(key, name)| (event, key, name))
    }) {
        if let Some(value) = event.get(key) {
            named.see(name, value, &mut recorded);
        }
    }
    let moved = outcome.books.postings.iter().filter(|posting| posting.moves_money());
    let mut postings: Vec<_> = moved
        .map(|posting| {
            let mut side = |number| {
                let account = engine.books().account_view(number);
                let account = account.expect("a posting's accounts are there");
                let name = names.name(number, engine, AccountNameStyle::Plain).0.to_owned();
                (account, name)
            };
            let ((debit, debit_name), (credit, credit_name)) =
                (side(posting.debit), side(posting.credit));
            MovedAmount {
                entry: posting.entry,
                debit: debit_name,
                credit: credit_name,
                kinds: [debit.kind, credit.kind],
                amount: posting.amount,
                currency: Some(debit.currency),
                wanted: filter.stories().all(|story| story.concerns_posting(posting, engine)),
            }
        })
        .collect();
    let own = recorded.own_currency();
    let moved = postings.first().and_then(|posting| posting.currency);
    recorded.currency = own.or(moved).or(recorded.currency);
    if recorded.currency.is_none() {
        // What the command is about has none. Books of one currency have no other.
        let mut currencies = engine.books().currencies();
        recorded.currency = currencies.next().filter(|_| currencies.next().is_none());
    }
    let events = events.into_iter().map(|fields| ObservedEvent {
        wanted: filter.stories().all(|story| story.concerns_event(&fields)),
        fields,
    });
    let mut events: Vec<_> = events.collect();
    // A command of the wanted parcel or seller alone is wanted with all that it did. A plan is of
    // others too.
    if !filter.stories().any(Story::is_paid_with_others) {
        if !postings.iter().any(|one| one.wanted) {
            postings.iter_mut().for_each(|one| one.wanted = true);
        }
        if !events.iter().any(|one| one.wanted) {
            events.iter_mut().for_each(|one| one.wanted = true);
        }
    }
    let value_date = observed.outcome.books.value_date;
    AppliedCommand { recorded, value_date, postings, events }
}

/// A command that was just carried out, with its events and without its postings. `parties` learns
/// the accounts that were opened since its last use.
///
/// # Panics
/// If commands or events have no JSON form.
#[must_use]
pub fn just_carried_out(
    engine: &Engine,
    parties: &mut Parties,
    submission: &Submission,
    command_type: FieldType<'_>,
    events: Events,
) -> AppliedCommand {
    parties.update(engine);
    let Events { books: events, market, policy } = events;
    let books = books::CommandOutcome { events, ..Default::default() };
    let outcome = CommandOutcome { books, market, policy, ..CommandOutcome::default() };
    let filter = FilterState::new(&CommandFilter::default());
    let observed = Observed {
        submission,
        position: CommandPosition { batch: Sequence::FIRST, index: 0 },
        date: engine.books().last_date(),
        outcome: &outcome,
        engine,
        command_type,
        fields: None,
        events: None,
    };
    applied(observed, engine.last_at(), &filter, parties, &mut AccountNames::default())
}

impl RecordedCommand {
    /// The currency in the command's fields.
    fn own_currency(&self) -> Option<Currency> {
        self.fields.get("currency").and_then(Value::as_str).and_then(|code| code.parse().ok())
    }
}

/// Finds what the ids of commands stand for.
pub(crate) struct NamedIds<'a> {
    pub parties: &'a Parties,
    pub engine: &'a Engine,
    pub filter: Option<&'a FilterState>,
}

impl NamedIds<'_> {
    /// A command with its place in the journal, its time and business date.
    pub(crate) fn recorded(
        &self,
        submission: &Submission,
        (position, at, date): (CommandPosition, Timestamp, BusinessDate),
        command_type: FieldType<'_>,
        fields: Value,
    ) -> RecordedCommand {
        let mut recorded = RecordedCommand {
            position,
            at: local_time(self.engine.books(), at),
            date,
            by: submission.by,
            request_key: submission.request_key.as_ref().map(|key| key.as_str().to_owned()),
            command: submission.command.name(),
            fields: Map::new(),
            currency: None,
            references: BTreeSet::new(),
            wanted_parcels: Vec::new(),
        };
        command_type.visit(&fields, &mut |name, value| self.see(name, value, &mut recorded));
        let (kind, id) = actor_party(submission.by);
        recorded.references.extend(self.parties.reference(kind, &id, self.engine));
        let Value::Object(mut fields) = fields else { unreachable!("a command is an object") };
        fields.remove("command");
        recorded.fields = fields;
        recorded.currency = recorded.own_currency().or(recorded.currency);
        recorded
    }

    /// Learns from a value of a named type in a command or its events.
    fn see(&self, name: &str, value: &Value, recorded: &mut RecordedCommand) {
        let mut stories = self.filter.into_iter().flat_map(FilterState::stories);
        if name == "ParcelId" && stories.any(|story| story.names(name, value)) {
            recorded.wanted_parcels.push(value.clone());
        }
        let id = value.as_str().unwrap_or_default();
        recorded.references.extend(self.parties.reference(name, id, self.engine));
        recorded.currency =
            recorded.currency.or_else(|| self.parties.currency(name, id, self.engine));
    }
}

/// The currency of an offer, a variant, a promotion or an order.
#[must_use]
pub fn currency_in_market(market: &Market, id_type: &str, id: u64) -> Option<Currency> {
    match id_type {
        "OfferId" => Some(market.offer_view(OfferId(id))?.currency),
        "VariantId" => Some(market.variant_view(VariantId(id))?.currency),
        "PromotionId" => Some(market.promotion_terms(PromotionId(id))?.currency),
        "OrderId" => Some(market.order_view(OrderId(id))?.currency),
        _ => None,
    }
}

/// Local time of the books with milliseconds and the UTC offset.
#[must_use]
pub fn local_time(books: &Books, at: Timestamp) -> String {
    let offset = books.utc_offset_minutes_at(at).unwrap_or(0);
    let local = at.local(offset).strftime("%Y-%m-%dT%H:%M:%S%.3f");
    format!("{local}{}", utc_offset_text(offset))
}

/// `+08:00`.
#[must_use]
pub fn utc_offset_text(minutes: i16) -> String {
    let sign = if minutes < 0 { '-' } else { '+' };
    let minutes = minutes.unsigned_abs();
    format!("{sign}{:02}:{:02}", minutes / 60, minutes % 60)
}

/// The type and id of an actor that can have an account.
fn actor_party(actor: Actor) -> (&'static str, String) {
    match actor {
        Actor::Network(id) => ("NetworkId", id.to_string()),
        Actor::Wallet(id) => ("WalletId", id.to_string()),
        // A courier's person id is the courier's id.
        Actor::Person(id) => ("CourierId", id.to_string()),
        _ => ("", String::new()),
    }
}

/// Finds an account of each party, for its reference and currency.
#[derive(Debug, Default)]
pub struct Parties {
    accounts: HashMap<(&'static str, u64), AccountNumber>,
    /// The number of accounts so far.
    known: u32,
}

impl Parties {
    /// Learns the accounts that the last command opened.
    pub(crate) fn update(&mut self, engine: &Engine) {
        while let Some(account) = engine.books().account_view(AccountNumber(self.known)) {
            self.known += 1;
            let Some(party) = owner_id_type(account.kind) else { continue };
            self.accounts.insert((party, account.owner), account.number);
        }
    }

    fn reference(&self, name: &str, id: &str, engine: &Engine) -> Option<PartyReference> {
        let number: u64 = id.parse().ok()?;
        let reference = if name == "TariffId" {
            engine.books().tariff_reference(TariffId(number))?
        } else {
            engine.books().owner_reference(&self.account(name, number, engine)?)?
        };
        let of = name.strip_suffix("Id").unwrap_or(name).to_lowercase();
        Some(PartyReference { of, id: id.to_owned(), reference: reference.to_owned() })
    }

    /// The currency of a party, a terminal's courier or a parcel.
    fn currency(&self, name: &str, id: &str, engine: &Engine) -> Option<Currency> {
        let books = engine.books();
        let (name, owner) = match name {
            "TerminalId" => {
                ("CourierId", books.terminal_view(TerminalId(id.parse().ok()?))?.courier.0)
            }
            "ParcelId" => return Some(books.parcel_view(id.parse::<ParcelId>().ok()?)?.currency),
            "BreakId" => return books.break_currency(BreakId(id.parse().ok()?)),
            "HandOverId" => return books.hand_over_currency(HandOverId(id.parse().ok()?)),
            "OfferId" | "VariantId" | "PromotionId" | "OrderId" => {
                return currency_in_market(engine.market(), name, id.parse().ok()?);
            }
            party => (party, id.parse().ok()?),
        };
        Some(self.account(name, owner, engine)?.currency)
    }

    fn account(&self, name: &str, owner: u64, engine: &Engine) -> Option<books::view::AccountView> {
        // Names of types come from a schema; the map has static ones.
        const PARTIES: [&str; 6] =
            ["BankId", "NetworkId", "WalletId", "CourierId", "FirmId", "SellerId"];
        let name = PARTIES.into_iter().find(|party| *party == name)?;
        engine.books().account_view(*self.accounts.get(&(name, owner))?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_is_read_as_it_is_written() {
        let position = CommandPosition { batch: Sequence::new(12), index: 3 };
        assert_eq!("12.3".parse(), Ok(position));
        assert_eq!(position.to_string(), "12.3");
        assert!(position < "12.10".parse().unwrap());
        for wrong in ["12", "12.", ".3", "12.x", "-1.2"] {
            assert!(wrong.parse::<CommandPosition>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn an_offset_has_a_sign_hours_and_minutes() {
        assert_eq!(utc_offset_text(480), "+08:00");
        assert_eq!(utc_offset_text(-210), "-03:30");
    }
}
