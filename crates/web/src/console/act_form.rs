//! The form of a command, from its declaration: fields to fill in, and what was typed as the JSON
//! that the API takes.

use std::collections::{BTreeMap, BTreeSet};

use machine::CommandSpec;
use office::Language;
use office::checkout::CHECKOUT;
use office::descriptions::description;
use office::fields::{self, Expected};
use office::is_filled_in;
use pages::{ActControl, ActField, ActOption, PageWords};
use reports::FieldType;
use serde_json::Value;
use switch::waybill;
use views::ViewSpec;

use super::choices::{Choices, NamedParcel, address, plain_parcel, view_of_type};
use super::form::Form;
use crate::app::WebTexts;
use crate::handlers::checkout::{DELIVER_TO, DELIVERY_FIELDS};
use crate::handlers::{ACCOUNT, DIGEST, SET_PAYOUT_ACCOUNT};
use crate::sent_fields::{CODE, is_sent, takes_code};

/// Names of the fields that the page before gave, in a form.
pub(super) const FIXED: &str = "fixed";
/// More choices are a list.
const RADIOS_MAX: usize = 4;
/// Groups of a field that can have several.
const GROUPS_MAX: usize = 32;
/// Fields inside each other.
pub(super) const DEPTH_MAX: usize = 8;
/// Filled in if they are left out, and asked for all the same.
const ASKED: [&str; 2] = ["bank", "shipment"];
/// Of a bank account, over HTTP.
pub(super) const ACCOUNT_FIELDS: [&str; 5] = ["name", "iban", "bic", "bank_code", "account"];
pub(super) const ACCOUNT_REQUIRED: &str = "name";

/// What a form needs to know of the books.
#[derive(Default)]
pub(super) struct FormParts {
    pub currencies: Vec<String>,
    /// The books' time, as a field has it.
    pub now: String,
    pub offset_minutes: i16,
    /// By the types of identifiers.
    pub choices: BTreeMap<String, Choices>,
    /// Parcels that are named by their orders.
    pub parcels: BTreeMap<String, NamedParcel>,
    /// The currency of what is acted on, and what it is called.
    pub currency: Option<String>,
    pub fixed_names: BTreeMap<String, (String, Option<String>)>,
}

/// A form that is shown or read.
pub(super) struct ActForm<'f> {
    pub words: PageWords,
    pub texts: &'f WebTexts,
    pub spec: &'static CommandSpec,
    pub form: &'f Form,
    pub parts: &'f FormParts,
    /// By the names of the fields.
    pub errors: BTreeMap<String, String>,
}

/// The fields of a type, those that are required first, each in the order of their declaration.
pub(super) fn ordered<'s>(of: FieldType<'s>) -> Vec<(&'s str, FieldType<'s>, bool)> {
    let required: Vec<&str> = fields::required(of).collect();
    let first = required.iter().filter_map(|name| Some((*name, of.field(name)?, true)));
    let others = of.fields().filter(|(name, _)| !required.contains(name));
    first.chain(others.map(|(name, field)| (name, field, false))).collect()
}

/// The only field of a variant's content.
pub(super) fn only_field<'s>(content: FieldType<'s>) -> Option<(&'s str, FieldType<'s>)> {
    let mut all = content.fields();
    match (all.next(), all.next()) {
        (Some(one), None) if content.variants().is_empty() => Some(one),
        _ => None,
    }
}

/// What the content of a variant is called: by its type.
pub(super) fn content_name(of: FieldType<'_>) -> String {
    match of.name() {
        Some(name) => {
            let name = name.trim_end_matches("Id");
            let words = name.char_indices().map(|(place, c)| match c {
                c if c.is_ascii_uppercase() && place > 0 => format!("_{}", c.to_ascii_lowercase()),
                c => c.to_ascii_lowercase().to_string(),
            });
            words.collect()
        }
        // A list is named by what is in it.
        None if of.item().and_then(FieldType::name).is_some() => {
            format!("{}s", of.item().map(content_name).unwrap_or_default())
        }
        None if of.schema().get("type").and_then(Value::as_str) == Some("integer") => {
            "days".to_owned()
        }
        None => "reference".to_owned(),
    }
}

/// A name with a capital letter, as it stands in a list of choices.
fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

/// The types of identifiers in a command.
pub(super) fn id_types(of: FieldType<'static>, depth: usize, all: &mut BTreeSet<String>) {
    if depth > DEPTH_MAX {
        return;
    }
    if matches!(
        Expected::of(of),
        Expected::Person
            | Expected::IdOrReference
            | Expected::Id
            | Expected::Offer
            | Expected::Variant
    ) && let Some(name) = of.name()
    {
        all.insert(name.to_owned());
    }
    let variants = of.variants().into_iter().filter_map(|one| one.content);
    let inner = of.fields().map(|(_, field)| field).chain(of.item()).chain(variants);
    inner.for_each(|field| id_types(field, depth + 1, all));
}

/// What in a form names parcels by their orders, which the views know.
pub(super) fn orders_named(form: &Form) -> BTreeSet<String> {
    let named = form.pairs().filter(|(name, _)| {
        let last = name.rsplit('.').next().unwrap_or_default();
        matches!(last, "parcel" | "parcels" | "payment" | "Buyer" | "ToPayment")
    });
    let texts = named.flat_map(|(name, value)| {
        let is_payment = name.ends_with("payment") || name.ends_with("ToPayment");
        value.lines().map(move |line| {
            let line = line.trim();
            match line.rsplit_once('/') {
                Some((parcel, _)) if is_payment => parcel.to_owned(),
                _ => line.to_owned(),
            }
        })
    });
    texts.filter(|text| !text.is_empty() && plain_parcel(text).is_none()).collect()
}

impl ActForm<'_> {
    fn of(&self) -> FieldType<'static> {
        fields::declared().of(self.spec.name).expect("each command is declared")
    }

    /// The fields of the command that a form has, each with its type and whether it is needed.
    pub(super) fn asked(&self) -> Vec<(&'static str, FieldType<'static>, bool)> {
        let (of, name) = (self.of(), self.spec.name);
        let asked = |field: &str| {
            let is_given = !self.form.get(field).is_empty();
            let is_asked = ASKED.contains(&field) && name != "RegisterBank";
            let is_filled = is_filled_in(name, of, field) && !is_asked;
            // The phone number of who gets the parcels says who buys.
            let is_sealed = (name == SET_PAYOUT_ACCOUNT && field == DIGEST)
                || (name == CHECKOUT && field == "buyer");
            is_sent(of, field) && (!is_filled || is_given) && !is_sealed
        };
        let all = ordered(of).into_iter().filter(|(field, ..)| asked(field));
        all.map(|(field, of_field, required)| {
            (field, of_field, required && !is_filled_in(name, of, field))
        })
        .collect()
    }

    pub fn label(&self, name: &str) -> &'static str {
        let words = self.words;
        let own = words.entry("field_of", &format!("{}.{name}", self.spec.name));
        let own = own.or_else(|| words.entry("field", name));
        own.or_else(|| words.entry("column", name)).unwrap_or_default()
    }

    fn fixed(&self) -> Vec<&str> {
        self.form.get(FIXED).split(',').filter(|name| !name.is_empty()).collect()
    }

    /// What the declaration says of a field.
    fn about(&self, of: FieldType<'_>, name: &str, is_top: bool) -> String {
        let about = match self.words.0 {
            Language::Zh if is_top => (self.texts.field)(self.spec.name, name),
            Language::Zh => String::new(),
            Language::En => {
                let field = of.schema().get("properties").and_then(|all| all.get(name));
                field.and_then(description).unwrap_or_default()
            }
        };
        // It only repeats the label, or is of a field that is not there.
        let repeats = about.to_lowercase() == self.label(name).to_lowercase();
        if repeats || about.starts_with("As in ") { String::new() } else { about }
    }

    /// The currency in which an amount is typed.
    pub(super) fn currency(&self, path: &str) -> String {
        let given = |name: &str| Some(self.form.get(name)).filter(|text| !text.is_empty());
        let own = given(&format!("{path}.currency")).or_else(|| given("currency"));
        let known = own.map(str::to_owned).or_else(|| self.parts.currency.clone());
        known.or_else(|| self.parts.currencies.first().cloned()).unwrap_or_default()
    }

    /// Whether the currency of an amount is chosen beside it.
    fn chooses_currency(&self) -> bool {
        let has_own = self.of().field("currency").is_some();
        !has_own && self.parts.currency.is_none() && self.parts.currencies.len() > 1
    }

    /// All fields.
    pub fn fields(&self) -> Vec<ActField> {
        let of = self.of();
        let mut all: Vec<ActField> = Vec::new();
        for (name, field, required) in self.asked() {
            let about = self.about(of, name, true);
            all.push(self.field(field, name, name, (required, about), 0));
        }
        if takes_code(self.spec) {
            let control = ActControl::Line { input: "text", mode: "numeric", unit: String::new() };
            let place = all.len().min(1);
            all.insert(place, self.plain(CODE, CODE, true, control));
        }
        if self.spec.name == SET_PAYOUT_ACCOUNT {
            let fields = ACCOUNT_FIELDS.map(|name| {
                let path = format!("{ACCOUNT}.{name}");
                let control = ActControl::Line { input: "text", mode: "", unit: String::new() };
                self.plain(&path, name, name == ACCOUNT_REQUIRED, control)
            });
            let control = ActControl::Group(fields.into());
            let label = self.words.entry("field_of", "SetPayoutAccount.account");
            let group = self.plain(ACCOUNT, ACCOUNT, true, control);
            all.push(ActField { label: label.unwrap_or_default().to_owned(), ..group });
        }
        if self.spec.name == CHECKOUT {
            let fields = DELIVERY_FIELDS.map(|name| {
                let path = format!("{DELIVER_TO}.{name}");
                let control = ActControl::Line { input: "text", mode: "", unit: String::new() };
                let label = self.label(name).to_owned();
                ActField { label, ..self.plain(&path, name, true, control) }
            });
            let control = ActControl::Group(fields.into());
            let label = self.label(DELIVER_TO).to_owned();
            let group = self.plain(DELIVER_TO, DELIVER_TO, true, control);
            all.push(ActField { label, ..group });
        }
        all
    }

    fn plain(&self, path: &str, name: &str, required: bool, control: ActControl) -> ActField {
        ActField {
            words: self.words,
            name: path.to_owned(),
            label: self.words.entry("field", name).unwrap_or_default().to_owned(),
            hint: String::new(),
            value: self.form.get(path).to_owned(),
            error: self.errors.get(path).cloned(),
            is_optional: !required,
            control,
        }
    }

    fn field(
        &self,
        of: FieldType<'static>,
        path: &str,
        name: &str,
        (required, about): (bool, String),
        depth: usize,
    ) -> ActField {
        let value = self.form.get(path).to_owned();
        let own_hint = |key: &str| {
            let own = self.words.get(key);
            if about.is_empty() || self.words.is_zh() {
                own.to_owned()
            } else {
                format!("{about} {own}")
            }
        };
        let hint = match Expected::of(of) {
            Expected::Parcel => own_hint("form.parcel_hint"),
            Expected::List(item) if *item == Expected::Parcel => own_hint("form.parcels_hint"),
            Expected::Payment => own_hint("form.payment_hint"),
            Expected::Time => own_hint("form.time_hint"),
            _ => about,
        };
        let control = match self.is_fixed(of, path) {
            true => self.fixed_control(of, path, &value),
            false => self.control(of, path, depth),
        };
        let hint = match &control {
            ActControl::Fixed { .. } => String::new(),
            ActControl::Named { .. } if hint.is_empty() => {
                self.words.get("form.name_hint").to_owned()
            }
            _ => hint,
        };
        ActField {
            words: self.words,
            name: path.to_owned(),
            label: self.label(name).to_owned(),
            hint,
            value,
            error: self.errors.get(path).cloned(),
            is_optional: !required,
            control,
        }
    }

    fn is_fixed(&self, of: FieldType<'_>, path: &str) -> bool {
        let is_one = of.variants().is_empty();
        is_one && !self.form.get(path).is_empty() && self.fixed().contains(&path)
    }

    fn fixed_control(&self, of: FieldType<'_>, path: &str, value: &str) -> ActControl {
        if let Some((text, href)) = self.parts.fixed_names.get(path) {
            return ActControl::Fixed { text: text.clone(), href: href.clone() };
        }
        let known = of.name().and_then(|name| self.parts.choices.get(name));
        let known = known.and_then(|all| all.known.iter().find(|(one, _)| one == value));
        let text = match (known, value) {
            (Some((_, name)), _) => name.clone(),
            (None, "true") => self.words.get("list.yes").to_owned(),
            (None, "false") => self.words.get("list.no").to_owned(),
            (None, value) => {
                let (parcel, rest) = value.split_once('/').unwrap_or((value, ""));
                let id = parcel.strip_prefix("par_").and_then(|id| id.parse().ok());
                let rest = if rest.is_empty() { String::new() } else { format!("/{rest}") };
                id.map_or_else(|| value.to_owned(), |id| waybill::write(id) + &rest)
            }
        };
        ActControl::Fixed { text, href: None }
    }

    fn control(&self, of: FieldType<'static>, path: &str, depth: usize) -> ActControl {
        let line = |input, mode, unit: String| ActControl::Line { input, mode, unit };
        let value = self.form.get(path);
        let chosen = |one: &str, text: String| ActOption {
            value: one.to_owned(),
            text,
            is_chosen: one == value,
            content: None,
        };
        match Expected::of(of) {
            _ if depth > DEPTH_MAX => line("text", "", String::new()),
            Expected::Amount | Expected::SignedAmount if self.chooses_currency() => {
                let wanted = self.currency(path);
                let options = self
                    .parts
                    .currencies
                    .iter()
                    .map(|one| ActOption { is_chosen: *one == wanted, ..chosen(one, one.clone()) });
                ActControl::Money(options.collect())
            }
            Expected::Amount => {
                let is_open = self.parts.currencies.len() > 1
                    && self.parts.currency.is_none()
                    && self.form.get("currency").is_empty();
                let unit = if is_open { String::new() } else { self.currency(path) };
                line("text", "decimal", unit)
            }
            Expected::SignedAmount => line("text", "", self.currency(path)),
            Expected::Rate => line("text", "decimal", "%".to_owned()),
            Expected::Date => line("date", "", String::new()),
            Expected::Time => line("datetime-local", "", String::new()),
            // It may be new to the books.
            Expected::Currency if self.spec.name == "RegisterBank" => {
                line("text", "", String::new())
            }
            Expected::Currency => {
                let only = self.parts.currencies.len() == 1 && value.is_empty();
                let options = self.parts.currencies.iter().map(|one| ActOption {
                    is_chosen: only || one == value,
                    ..chosen(one, one.clone())
                });
                ActControl::Select(options.collect())
            }
            Expected::Parcel => self.named(ViewSpec::find("parcels")),
            Expected::Payment => line("text", "", String::new()),
            Expected::Person
            | Expected::IdOrReference
            | Expected::Id
            | Expected::Offer
            | Expected::Variant => {
                let id_type = of.name().unwrap_or_default();
                let all = self.parts.choices.get(id_type);
                match all {
                    Some(all) if all.is_all && !all.known.is_empty() => {
                        let only = all.known.len() == 1 && ASKED.contains(&path);
                        let options = all.known.iter().map(|(one, name)| ActOption {
                            is_chosen: one == value || name == value || only,
                            ..chosen(one, name.clone())
                        });
                        ActControl::Select(options.collect())
                    }
                    Some(_) => self.named(view_of_type(id_type)),
                    None => line("text", "", String::new()),
                }
            }
            Expected::OneOf(_) => self.variants(of, path, depth),
            Expected::Number { .. } => line("text", "numeric", String::new()),
            Expected::List(item) if *item == Expected::Parcel => ActControl::Lines,
            Expected::List(_) => self.groups(of, path, depth),
            Expected::Boolean => ActControl::Radios(vec![
                chosen("true", self.words.get("list.yes").to_owned()),
                chosen("false", self.words.get("list.no").to_owned()),
            ]),
            Expected::Text | Expected::Movement => line("text", "", String::new()),
            Expected::Object(_) => {
                let inner = ordered(of).into_iter().map(|(name, field, required)| {
                    let about = self.about(of, name, false);
                    let path = format!("{path}.{name}");
                    self.field(field, &path, name, (required, about), depth + 1)
                });
                ActControl::Group(inner.collect())
            }
        }
    }

    /// A reference that is typed, with what can be meant.
    fn named(&self, view: Option<&'static ViewSpec>) -> ActControl {
        let Some(view) = view else {
            return ActControl::Line { input: "text", mode: "", unit: String::new() };
        };
        let all = self.parts.choices.iter();
        let own =
            all.filter(|(id_type, _)| view_of_type(id_type).is_some_and(|of| of.name == view.name));
        let known = own.map(|(_, all)| all.known.clone()).next().unwrap_or_default();
        ActControl::Named { known, address: address(view) }
    }

    fn variants(&self, of: FieldType<'static>, path: &str, depth: usize) -> ActControl {
        let value = self.form.get(path);
        let of_name = of.name().unwrap_or_default();
        let all = of.variants();
        let has_content = all.iter().any(|one| one.content.is_some());
        let options = all.iter().map(|one| {
            let text = (self.texts.variant)(of_name, one.name, self.words.0);
            let content = one.content.map(|content| {
                let inner = format!("{path}.{}", one.name);
                let (path, name, field) = match only_field(content) {
                    Some((name, field)) => (format!("{inner}.{name}"), name.to_owned(), field),
                    None => (inner, content_name(content), content),
                };
                self.field(field, &path, &name, (true, String::new()), depth + 1)
            });
            ActOption {
                value: one.name.to_owned(),
                text: capital(&text.unwrap_or_else(|| one.name.to_owned())),
                is_chosen: one.name == value,
                content,
            }
        });
        let options: Vec<ActOption> = options.collect();
        match has_content || options.len() <= RADIOS_MAX {
            true => ActControl::Radios(options),
            false => ActControl::Select(options),
        }
    }

    /// How many groups a field has: those that were sent, and one more if that is asked for.
    pub(super) fn count(&self, path: &str) -> usize {
        let begin = format!("{path}.");
        let sent = self.form.pairs().filter_map(|(name, _)| {
            let rest = name.strip_prefix(&begin)?;
            rest.split('.').next()?.parse::<usize>().ok()
        });
        let sent = sent.max().map_or(1, |last| last.saturating_add(1));
        (sent + usize::from(self.form.get("add") == path)).min(GROUPS_MAX)
    }

    fn groups(&self, of: FieldType<'static>, path: &str, depth: usize) -> ActControl {
        let Some(item) = of.item() else { return ActControl::Lines };
        let name = path.rsplit('.').next().unwrap_or_default();
        let groups = (0..self.count(path)).map(|place| {
            let own = format!("{path}.{place}");
            let field = self.field(item, &own, name, (true, String::new()), depth + 1);
            ActField { label: format!("{} {}", field.label, place + 1), ..field }
        });
        ActControl::Repeated(groups.collect())
    }

    /// The field that a JSON pointer names, or one that it is inside of.
    pub fn at_pointer(&self, pointer: &str, shown: &BTreeSet<String>) -> Option<String> {
        let mut path = pointer.strip_prefix("#/")?.replace('/', ".");
        loop {
            if shown.contains(&path) {
                return Some(path);
            }
            path.truncate(path.rfind('.')?);
        }
    }

    /// The field that names what is not there: `no-such-seller` is that of a seller.
    pub fn of_missing(&self, problem: &str) -> Option<(String, &'static ViewSpec)> {
        let kind = problem.strip_prefix("no-such-")?;
        self.asked().into_iter().find_map(|(name, of, _)| {
            let id_type = of.name()?;
            let own = crate::problem::kebab(id_type.trim_end_matches("Id"));
            let is_typed = !self.form.get(name).is_empty();
            (own == kind && is_typed).then_some((name.to_owned(), view_of_type(id_type)?))
        })
    }
}

/// The names of fields and of what is inside them.
pub(super) fn names_of(fields: &[ActField], all: &mut BTreeSet<String>) {
    for field in fields {
        all.insert(field.name.clone());
        match &field.control {
            ActControl::Group(inner) | ActControl::Repeated(inner) => names_of(inner, all),
            ActControl::Radios(options) => {
                let inner = options.iter().filter_map(|one| one.content.clone());
                names_of(&inner.collect::<Vec<_>>(), all);
            }
            _ => {}
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use engine::Command;
    use machine::ActorKind;

    use super::*;

    pub fn texts() -> WebTexts {
        WebTexts {
            chinese: |error| error.to_string(),
            command: |name, _| name.to_owned(),
            field: |_, field| field.to_owned(),
            variant: |_, _, _| None,
            view: |view, _| view.name.to_owned(),
            notice_reason: |why, _| why.to_owned(),
        }
    }

    fn labelled(fields: &[ActField], command: &str) {
        for field in fields {
            assert!(!field.label.is_empty(), "{command}: {}", field.name);
            match &field.control {
                ActControl::Group(inner) | ActControl::Repeated(inner) => labelled(inner, command),
                ActControl::Radios(options) => {
                    let inner = options.iter().filter_map(|one| one.content.clone());
                    labelled(&inner.collect::<Vec<_>>(), command);
                }
                _ => {}
            }
        }
    }

    #[test]
    fn every_field_of_every_form_has_a_label_in_both_languages() {
        let (texts, form, parts) = (texts(), Form::read("").unwrap(), FormParts::default());
        for words in [PageWords(Language::En), PageWords(Language::Zh)] {
            for spec in Command::specs().filter(|one| one.given_by.contains(&ActorKind::Person)) {
                let errors = BTreeMap::new();
                let shown =
                    ActForm { words, texts: &texts, spec, form: &form, parts: &parts, errors };
                labelled(&shown.fields(), spec.name);
            }
        }
    }
}
