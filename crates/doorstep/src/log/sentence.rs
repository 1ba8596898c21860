//! A command of the journal as a sentence, from the texts in `[log]`.

use books::chart::{AccountKind, ChartEntry};
use engine::Actor;
use money::decimal::DecimalAmount;
use money::{Currency, Rate};
use office::Persons;
use reports::{
    AppliedCommand, FieldType, FieldTypes, MovedAmount, ObservedEvent, RecordedCommand,
    utc_offset_text,
};
use serde_json::Value;

use crate::chinese;
use crate::texts::{entry, fill, filled, text};
use crate::words::{Lang, grouped};

/// A longer list shows its first items and the number of the others.
const ITEMS_MAX: usize = 3;
/// More events of one name, or postings of one kind, are shown as their number and sum.
const LINES_MAX: usize = 6;

const ACTORS: &str = "log.actor";
const COMMANDS: &str = "log.command";
const MANY_COMMANDS: &str = "log.commands";
const EVENTS: &str = "log.event";
const MANY_EVENTS: &str = "log.events";
const POSTINGS: &str = "log.posting";
const TYPES: &str = "log.type";
const VALUES: &str = "log.value";
const FLAGS: &str = "log.flag";
const NONE: &str = "log.none";

pub struct Sentences {
    lang: Lang,
    types: FieldTypes,
    names: Persons,
}

impl Sentences {
    pub fn new(lang: Lang, names: Persons) -> Sentences {
        Sentences { lang, types: FieldTypes::declared(), names }
    }

    pub fn lang(&self) -> Lang {
        self.lang
    }

    /// Many commands of one kind in one sentence. None for kinds that are never summed up.
    pub fn many(&self, command: &str, count: u64) -> Option<String> {
        let many = entry(self.lang, MANY_COMMANDS, command)?;
        Some(fill(many, &mut |_| grouped(&count.to_string())))
    }

    /// The line above the commands of a day.
    pub fn day(&self, command: &RecordedCommand) -> String {
        let offset = &command.at[command.at.len() - 6..];
        filled(self.lang, "log.day", &[("date", &command.date), ("offset", &offset)])
    }

    /// Who gave the command.
    pub fn actor(&self, command: &RecordedCommand) -> String {
        Words { lang: self.lang, names: &self.names, command }.actor()
    }

    /// A person by id, with the name if it is known.
    pub fn who(&self, id: &str) -> String {
        id.parse().map_or_else(|_| id.to_owned(), |person| self.names.shown(person))
    }

    /// Who gave the command, and what it did.
    pub fn what(&self, command: &RecordedCommand) -> String {
        let (actor, what) = (self.actor(command), self.sentence(command));
        filled(self.lang, "log.by", &[("actor", &actor), ("what", &what)])
    }

    /// What the command did.
    pub fn sentence(&self, command: &RecordedCommand) -> String {
        let words = Words { lang: self.lang, names: &self.names, command };
        let fields = Value::Object(command.fields.clone());
        let sentence = entry(self.lang, COMMANDS, command.command);
        match (sentence, self.types.of(command.command)) {
            (Some(sentence), Some(command_type)) => words.filled(sentence, &fields, command_type),
            _ => command.command.to_owned(),
        }
    }

    /// The request key, the value date, and what happened besides the postings. With a filter, only
    /// what it wants.
    pub fn events(&self, command: &AppliedCommand) -> Vec<String> {
        let words = Words { lang: self.lang, names: &self.names, command: &command.recorded };
        let key = command.recorded.request_key.as_ref();
        let key = key.map(|key| filled(self.lang, "log.request_key", &[("key", key)]));
        let mut by_name: Vec<(&str, Vec<&Value>)> = Vec::new();
        for ObservedEvent { fields, .. } in command.events.iter().filter(|event| event.wanted) {
            let Some(name) = fields.get("event").and_then(Value::as_str) else { continue };
            match by_name.iter_mut().find(|(other, _)| *other == name) {
                Some((_, events)) => events.push(fields),
                None => by_name.push((name, vec![fields])),
            }
        }
        let value_date = command.value_date.filter(|_| !command.postings.is_empty());
        let value_date =
            value_date.map(|date| filled(self.lang, "log.value_date", &[("date", &date)]));
        let mut lines: Vec<String> = key.into_iter().chain(value_date).collect();
        for (name, events) in by_name {
            let many = (events.len() > LINES_MAX).then(|| entry(self.lang, MANY_EVENTS, name));
            if let Some(many) = many.flatten() {
                lines.push(fill(many, &mut |_| events.len().to_string()));
            } else if let Some(one) = entry(self.lang, EVENTS, name) {
                lines.extend(events.iter().map(|event| words.event(one, event)));
            }
        }
        lines
    }

    /// The money that moved: amount and words. Selected as the events are.
    pub fn postings(&self, command: &AppliedCommand) -> Vec<(String, String)> {
        let words = Words { lang: self.lang, names: &self.names, command: &command.recorded };
        let shown = command.postings.iter().filter(|posting| posting.wanted);
        let shown: Vec<_> = shown.collect();
        let single = shown.len() <= LINES_MAX;
        let mut lines: Vec<PostingLine> = Vec::new();
        for posting in shown {
            let line = PostingLine::of(posting, single, self.lang);
            match lines.iter_mut().find(|other| other.is_like(&line)) {
                Some(other) => other.add(&line),
                None => lines.push(line),
            }
        }
        let texts = lines.into_iter().map(|line| {
            let name = format!("{:?}", line.entry);
            let what = entry(self.lang, POSTINGS, &name).unwrap_or(&name);
            let what = filled(
                self.lang,
                "log.debit_and_credit",
                &[("what", &what), ("debit", &line.accounts[0]), ("credit", &line.accounts[1])],
            );
            let counted = match line.count {
                1 => what,
                count => filled(self.lang, "log.count", &[("count", &count), ("what", &what)]),
            };
            (words.money(line.amount, line.currency), counted)
        });
        texts.collect()
    }
}

/// What a variant of a field's type is called, for who chooses it: without its content.
pub fn variant(of: &str, name: &str, lang: Lang) -> Option<String> {
    let words = fill(entry(lang, &format!("{VALUES}.{of}"), name)?, &mut |_| "…".to_owned());
    let around = |c: char| c.is_whitespace() || ",，…".contains(c);
    let words = words.trim_matches(around);
    (!words.is_empty()).then(|| words.to_owned())
}

/// One posting, or several of the same kind.
struct PostingLine {
    entry: ChartEntry,
    accounts: [String; 2],
    currency: Option<Currency>,
    amount: u128,
    count: u64,
}

impl PostingLine {
    /// `single`: with the names of the accounts, not only their kinds.
    fn of(posting: &MovedAmount, single: bool, lang: Lang) -> PostingLine {
        let MovedAmount { entry, debit, credit, kinds, amount, currency, .. } = posting;
        let name = |kind: AccountKind, name: &str| {
            let words = chinese::account_kind(kind, lang);
            let words = words.split_once(':').map_or(words, |(_, account)| account);
            // An account without an owner has the currency in that place.
            let code = currency.map_or("", Currency::code);
            match name.strip_prefix(kind.name()) {
                Some(owner) if single && owner.strip_prefix(':') != Some(code) => {
                    format!("{words}{owner}")
                }
                _ => words.to_owned(),
            }
        };
        PostingLine {
            entry: *entry,
            accounts: [name(kinds[0], debit), name(kinds[1], credit)],
            currency: *currency,
            amount: amount.minor().into(),
            count: 1,
        }
    }

    fn is_like(&self, other: &PostingLine) -> bool {
        self.entry == other.entry
            && self.currency == other.currency
            && self.accounts == other.accounts
    }

    fn add(&mut self, other: &PostingLine) {
        self.amount += other.amount;
        self.count += other.count;
    }
}

/// The words for the values of one command.
struct Words<'c> {
    lang: Lang,
    names: &'c Persons,
    command: &'c RecordedCommand,
}

impl Words<'_> {
    fn actor(&self) -> String {
        let (name, id) = match self.command.by {
            Actor::System => ("System", String::new()),
            Actor::Person(id) => ("Person", self.person(&id.to_string())),
            Actor::Key(id) => ("Key", id.to_string()),
            Actor::Terminal(id) => ("Terminal", id.to_string()),
            Actor::Gateway(id) => ("Gateway", id.to_string()),
            Actor::Network(id) => ("Network", self.reference("network", &id.to_string())),
            Actor::Wallet(id) => ("Wallet", self.reference("wallet", &id.to_string())),
        };
        fill(entry(self.lang, ACTORS, name).unwrap_or(name), &mut |_| id.clone())
    }

    /// A text with the fields of an object.
    fn filled(&self, sentence: &str, object: &Value, object_type: FieldType<'_>) -> String {
        fill(sentence, &mut |placeholder| {
            let (name, form) = placeholder.split_once(':').unwrap_or((placeholder, ""));
            let value = object.get(name).unwrap_or(&Value::Null);
            match (form, object_type.field(name)) {
                ("", Some(field_type)) => self.value(name, value, field_type),
                ("offset", _) => {
                    let minutes = value.as_i64().and_then(|minutes| i16::try_from(minutes).ok());
                    utc_offset_text(minutes.unwrap_or(0))
                }
                _ => plain(value),
            }
        })
    }

    fn value(&self, field: &str, value: &Value, field_type: FieldType<'_>) -> String {
        let type_name = field_type.name().unwrap_or_default();
        match value {
            Value::Null => {
                let words = entry(self.lang, NONE, field).or(entry(self.lang, NONE, type_name));
                words.unwrap_or("-").to_owned()
            }
            Value::Bool(flag) => self.flag(field, *flag),
            Value::Number(number) => match type_name {
                "Amount" => self.money(number.as_u64().unwrap_or(0).into(), self.command.currency),
                "SignedAmount" => {
                    let minor = number.as_i64().unwrap_or(0);
                    let sign = if minor < 0 { "-" } else { "" };
                    let size = self.money(minor.unsigned_abs().into(), self.command.currency);
                    format!("{sign}{size}")
                }
                "Timestamp" => self.time(number.as_u64().unwrap_or(0)),
                "Rate" => {
                    let ppm = number.as_u64().and_then(|ppm| u32::try_from(ppm).ok());
                    ppm.and_then(Rate::from_ppm).unwrap_or_default().to_string()
                }
                _ => number.to_string(),
            },
            Value::Array(items) => match field_type.item() {
                Some(item) => self.list(items, |value| self.value(field, value, item)),
                None => items.len().to_string(),
            },
            Value::String(id) if type_name == "PersonId" => self.person(id),
            Value::String(id) if type_name.ends_with("Id") => {
                let of = type_name.trim_end_matches("Id").to_lowercase();
                self.reference(&of, id)
            }
            Value::String(_) | Value::Object(_) => self.named(type_name, value, field_type),
        }
    }

    fn flag(&self, field: &str, flag: bool) -> String {
        let words = entry(self.lang, &format!("{FLAGS}.{field}"), &flag.to_string());
        words.map_or_else(|| flag.to_string(), str::to_owned)
    }

    /// A variant of an enumeration, an object with a text of its own, or the value as it is.
    fn named(&self, type_name: &str, value: &Value, field_type: FieldType<'_>) -> String {
        if let Some((variant, content)) = field_type.variant(value)
            && let Some(words) = entry(self.lang, &format!("{VALUES}.{type_name}"), variant.name)
        {
            return match variant.content {
                None => words.to_owned(),
                Some(content_type) => fill(words, &mut |name| match content_type.field(name) {
                    Some(inner) => self.value(name, &content[name], inner),
                    None => self.value(name, content, content_type),
                }),
            };
        }
        let own = type_name == "Trace" && self.is_own_terminal(value);
        match entry(self.lang, TYPES, if own { "OwnTrace" } else { type_name }) {
            Some(words) => self.filled(words, value, field_type),
            None => plain(value),
        }
    }

    /// The trace is one of the terminal that gave the command.
    fn is_own_terminal(&self, trace: &Value) -> bool {
        let Actor::Terminal(terminal) = self.command.by else { return false };
        trace.get("terminal").and_then(Value::as_str) == Some(&terminal.to_string())
    }

    /// Begins with the parcels that the filter wants.
    fn list(&self, items: &[Value], words: impl FnMut(&Value) -> String) -> String {
        if items.is_empty() {
            return text(self.lang, "log.empty").to_owned();
        }
        let separator = text(self.lang, "log.separator");
        let mut items: Vec<&Value> = items.iter().collect();
        let parcel = |item: &&Value| item.get("parcel").unwrap_or(item).clone();
        items.sort_by_key(|item| !self.command.wanted_parcels.contains(&parcel(item)));
        if items.len() <= ITEMS_MAX {
            return items.into_iter().map(words).collect::<Vec<_>>().join(separator);
        }
        let first: Vec<String> = items[..ITEMS_MAX - 1].iter().copied().map(words).collect();
        let others = items.len() - first.len();
        let list = first.join(separator);
        filled(self.lang, "log.more", &[("list", &list), ("count", &others)])
    }

    /// An event by its text. Events declare no types: the text says which fields are amounts.
    fn event(&self, sentence: &str, event: &Value) -> String {
        fill(sentence, &mut |placeholder| {
            let (name, form) = placeholder.split_once(':').unwrap_or((placeholder, ""));
            let value = event.get(name).unwrap_or(&Value::Null);
            match (form, value) {
                ("money", Value::Number(minor)) => {
                    self.money(minor.as_u64().unwrap_or(0).into(), self.command.currency)
                }
                ("time", Value::Number(ms)) => self.time(ms.as_u64().unwrap_or(0)),
                ("count", Value::Array(items)) => items.len().to_string(),
                (_, Value::Object(payment)) => {
                    let own = self.is_own_parcel(payment.get("parcel"));
                    let name = if own { "OwnPayment" } else { "PaymentId" };
                    let words = entry(self.lang, TYPES, name).unwrap_or_default();
                    let part = |value: &Value| self.reference("parcel", &plain(value));
                    fill(words, &mut |name| payment.get(name).map_or_else(String::new, part))
                }
                (_, Value::String(id)) if name == "parcel" => {
                    let own = self.is_own_parcel(Some(value));
                    let words = entry(self.lang, TYPES, if own { "OwnParcel" } else { "ParcelId" });
                    fill(words.unwrap_or_default(), &mut |_| self.reference(name, id))
                }
                (_, Value::String(id)) => self.reference(name, id),
                (_, Value::Bool(flag)) => self.flag(name, *flag),
                (_, other) => plain(other),
            }
        })
    }

    /// The command itself names the parcel or one of its payments.
    fn is_own_parcel(&self, parcel: Option<&Value>) -> bool {
        let fields = &self.command.fields;
        let own = fields.get("parcel").or_else(|| fields.get("payment")?.get("parcel"));
        own.is_some() && own == parcel
    }

    /// A person's id and name, or the reference of the courier with the same id, or the id.
    fn person(&self, id: &str) -> String {
        // Of a proposal: nobody has approved it yet.
        if id == "0" {
            return text(self.lang, "log.proposal.nobody").to_owned();
        }
        let named = id.parse().ok().filter(|person| self.names.name(*person).is_some());
        named.map_or_else(|| self.reference("courier", id), |person| self.names.shown(person))
    }

    /// The operator's reference for an id, or the id. A parcel's is its waybill.
    fn reference(&self, of: &str, id: &str) -> String {
        if let ("parcel", Ok(parcel)) = (of, id.parse()) {
            return switch::waybill::write(parcel);
        }
        let mut references = self.command.references.iter();
        let found = references.find(|found| found.of == of && found.id == id);
        found.map_or(id, |found| &found.reference).to_owned()
    }

    fn money(&self, minor: u128, currency: Option<Currency>) -> String {
        let (Some(currency), Ok(balance)) = (currency, i128::try_from(minor)) else {
            return minor.to_string();
        };
        let amount = DecimalAmount::of_balance(balance, currency).to_string();
        format!("{} {currency}", grouped(&amount))
    }

    /// Local time, with the offset that the command has.
    fn time(&self, ms: u64) -> String {
        let offset = &self.command.at[self.command.at.len() - 6..];
        let minutes = |text: &str| text.parse::<i16>().unwrap_or(0);
        let sign = if offset.starts_with('-') { -1 } else { 1 };
        let offset = sign * (minutes(&offset[1..3]) * 60 + minutes(&offset[4..]));
        let local = books::Timestamp(ms).local(offset);
        local.strftime("%Y-%m-%d %H:%M:%S").to_string()
    }
}

/// Text without quotation marks.
fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use books::chart::CHART;

    use super::*;
    use crate::texts::all;
    use crate::texts::tests::placeholders;

    const LANGUAGES: [Lang; 2] = [Lang::En, Lang::Zh];

    fn names_in(lang: Lang, section: &str) -> BTreeSet<String> {
        let names = all(lang).keys().filter_map(|key| key.strip_prefix(section)?.strip_prefix('.'));
        names.map(str::to_owned).collect()
    }

    /// Each placeholder is a field, and every value that it can have has words.
    fn assert_filled(lang: Lang, sentence: &str, object_type: FieldType<'_>) {
        for placeholder in placeholders(sentence) {
            let (name, form) = placeholder.split_once(':').unwrap_or((placeholder, ""));
            assert!(["", "id", "offset"].contains(&form), "`{placeholder}` of: {sentence}");
            let field = object_type.field(name);
            let field = field.unwrap_or_else(|| panic!("no field `{name}` for: {sentence}"));
            assert_worded(lang, field);
        }
    }

    fn assert_worded(lang: Lang, field: FieldType<'_>) {
        let type_name = field.name().unwrap_or_default();
        for variant in field.variants() {
            let words = entry(lang, &format!("{VALUES}.{type_name}"), variant.name);
            let words = words.unwrap_or_else(|| panic!("{type_name}.{}: no words", variant.name));
            match variant.content {
                None => assert!(placeholders(words).is_empty(), "{words}"),
                // An object with words of its own is one value.
                Some(content)
                    if content.fields().next().is_some()
                        && entry(lang, TYPES, content.name().unwrap_or_default()).is_none() =>
                {
                    assert_filled(lang, words, content);
                }
                Some(content) => {
                    assert_eq!(placeholders(words), BTreeSet::from(["value"]), "{words}");
                    assert_worded(lang, content);
                }
            }
        }
        if field.variants().is_empty() && field.fields().next().is_some() {
            let words = entry(lang, TYPES, type_name);
            assert_filled(lang, words.unwrap_or_else(|| panic!("{type_name}: no words")), field);
        }
        if let Some(item) = field.item() {
            assert_worded(lang, item);
        }
    }

    #[test]
    fn every_declared_command_has_a_sentence_of_its_fields() {
        let types = FieldTypes::declared();
        let declared: BTreeSet<String> = types.commands().map(str::to_owned).collect();
        for lang in LANGUAGES {
            assert_eq!(names_in(lang, COMMANDS), declared);
            for command in types.commands() {
                let sentence = entry(lang, COMMANDS, command).unwrap();
                assert_filled(lang, sentence, types.of(command).unwrap());
            }
        }
    }

    #[test]
    fn every_row_of_the_chart_has_a_name() {
        let rows: BTreeSet<String> = CHART.iter().map(|row| format!("{:?}", row.entry)).collect();
        for lang in LANGUAGES {
            assert_eq!(names_in(lang, POSTINGS), rows);
        }
    }

    #[test]
    fn events_that_are_counted_also_have_a_text_of_their_own() {
        for lang in LANGUAGES {
            assert!(names_in(lang, MANY_EVENTS).is_subset(&names_in(lang, EVENTS)));
        }
    }
}
