//! What was typed into the form of a command, as the JSON that the API takes.

use office::checkout::CHECKOUT;
use office::fields::{self, Expected, KnownParties};
use pages::forms::{plain_digits, plain_money, read_money};
use reports::FieldType;
use serde_json::{Map, Value, json};

use super::act_form::{
    ACCOUNT_FIELDS, ACCOUNT_REQUIRED, ActForm, DEPTH_MAX, content_name, only_field, ordered,
};
use super::act_pages::ORDERS_MAX;
use super::choices::{NamedParcel, plain_parcel};
use crate::handlers::checkout::{DELIVER_TO, DELIVERY_FIELDS};
use crate::handlers::{ACCOUNT, SET_PAYOUT_ACCOUNT};
use crate::sent_fields::{CODE, takes_code};

impl ActForm<'_> {
    fn wrong<T>(&mut self, path: &str, error: String) -> Option<T> {
        self.errors.entry(path.to_owned()).or_insert(error);
        None
    }

    fn missing<T>(&mut self, path: &str, name: &str, is_choice: bool) -> Option<T> {
        let key = if is_choice { "form.choose" } else { "form.missing" };
        let label = self.label(name);
        let error = self.words.fill(key, &[("label", &label)]);
        self.wrong(path, error)
    }

    /// What was typed, as the API takes it. What cannot be read is in the errors.
    pub fn body(&mut self) -> Map<String, Value> {
        let mut body = Map::new();
        for (name, of, required) in self.asked() {
            if let Some(value) = self.read(of, name, name, required, 0) {
                body.insert(name.to_owned(), value);
            }
        }
        if takes_code(self.spec) {
            match self.form.get(CODE).trim() {
                "" => drop(self.missing::<Value>(CODE, CODE, false)),
                code => drop(body.insert(CODE.to_owned(), code.into())),
            }
        }
        if self.spec.name == SET_PAYOUT_ACCOUNT {
            let mut account = Map::new();
            for name in ACCOUNT_FIELDS {
                let path = format!("{ACCOUNT}.{name}");
                match self.form.get(&path).trim() {
                    "" if name == ACCOUNT_REQUIRED => {
                        drop(self.missing::<Value>(&path, name, false));
                    }
                    "" => {}
                    text => drop(account.insert(name.to_owned(), text.into())),
                }
            }
            body.insert(ACCOUNT.to_owned(), account.into());
        }
        if self.spec.name == CHECKOUT {
            let mut delivery = Map::new();
            for name in DELIVERY_FIELDS {
                let path = format!("{DELIVER_TO}.{name}");
                match self.form.get(&path).trim() {
                    "" => drop(self.missing::<Value>(&path, name, false)),
                    text => drop(delivery.insert(name.to_owned(), text.into())),
                }
            }
            body.insert(DELIVER_TO.to_owned(), delivery.into());
        }
        body
    }

    /// Whether nothing was typed in a field and what is inside it.
    fn is_empty(&self, path: &str) -> bool {
        let begin = format!("{path}.");
        let own = |name: &str| name == path || name.starts_with(&begin);
        self.form.pairs().all(|(name, value)| {
            !own(name) || value.trim().is_empty() || name.ends_with(".currency")
        })
    }

    fn read(
        &mut self,
        of: FieldType<'static>,
        path: &str,
        name: &str,
        required: bool,
        depth: usize,
    ) -> Option<Value> {
        let expected = Expected::of(of);
        let is_choice = matches!(expected, Expected::OneOf(_) | Expected::Boolean);
        if self.is_empty(path) {
            return match (required, &expected) {
                (false, _) => None,
                // It is said of each field inside.
                (true, Expected::Object(_)) if depth < DEPTH_MAX => self.object(of, path, depth),
                (true, _) => self.missing(path, name, is_choice),
            };
        }
        let text = self.form.get(path).trim().to_owned();
        match expected {
            Expected::Amount | Expected::SignedAmount => {
                let currency = self.currency(path);
                // An amount may be typed with its currency.
                let digits = text.strip_suffix(&currency).unwrap_or(&text).trim();
                let Some(minor) = read_money(digits, &currency) else {
                    let error = self.words.fill("form.bad_amount", &[("text", &text)]);
                    return self.wrong(path, error);
                };
                // The books compare the currency of a field, not of what is inside one.
                Some(match depth {
                    0 => (plain_money(i128::from(minor), &currency) + &currency).into(),
                    _ => minor.into(),
                })
            }
            Expected::Rate => {
                let typed = format!("{}%", text.trim_end_matches(['%', '％']).trim());
                match fields::value(of, &typed.into(), &KnownParties::default()) {
                    Ok(value) => Some(value),
                    Err(_) => {
                        let error = self.words.fill("form.bad_rate", &[("text", &text)]);
                        self.wrong(path, error)
                    }
                }
            }
            Expected::Time => match crate::times::of_local(&text, self.parts.offset_minutes) {
                Some(time) => Some(time.into()),
                None => {
                    let error = self.words.fill("form.bad_time", &[("text", &text)]);
                    self.wrong(path, error)
                }
            },
            Expected::Number { least, most } => {
                let number = plain_digits(&text).and_then(|digits| digits.parse::<i64>().ok());
                match number.filter(|one| (least..=most).contains(&i128::from(*one))) {
                    Some(number) => Some(number.into()),
                    None => {
                        let values: [(&str, &dyn std::fmt::Display); 3] =
                            [("text", &text), ("least", &least), ("most", &most)];
                        let error = self.words.fill("form.bad_number", &values);
                        self.wrong(path, error)
                    }
                }
            }
            Expected::Parcel => self.parcel(path, &text).map(Value::from),
            Expected::Payment => match text.rsplit_once('/') {
                Some((parcel, number)) => {
                    let parcel = self.parcel(path, parcel.trim())?;
                    Some(format!("{parcel}/{}", number.trim()).into())
                }
                None => Some(text.into()),
            },
            Expected::List(item) if *item == Expected::Parcel => {
                let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
                let lines: Vec<String> = lines.map(str::to_owned).collect();
                let parcels = lines.iter().filter_map(|line| self.parcel(path, line));
                Some(parcels.map(Value::from).collect())
            }
            Expected::List(_) => {
                let item = of.item()?;
                let places = (0..self.count(path)).map(|place| format!("{path}.{place}"));
                let places: Vec<String> = places.filter(|own| !self.is_empty(own)).collect();
                let items = places.iter();
                let items = items.filter_map(|own| self.read(item, own, name, true, depth + 1));
                Some(items.collect())
            }
            Expected::OneOf(_) => self.variant(of, path, &text, depth),
            Expected::Boolean => Some((text == "true").into()),
            Expected::Object(_) => self.object(of, path, depth),
            Expected::Date
            | Expected::Currency
            | Expected::Person
            | Expected::IdOrReference
            | Expected::Id
            | Expected::Offer
            | Expected::Variant
            | Expected::Text
            | Expected::Movement => Some(text.into()),
        }
    }

    fn object(&mut self, of: FieldType<'static>, path: &str, depth: usize) -> Option<Value> {
        let mut object = Map::new();
        for (name, field, required) in ordered(of) {
            let own = format!("{path}.{name}");
            if let Some(value) = self.read(field, &own, name, required, depth + 1) {
                object.insert(name.to_owned(), value);
            }
        }
        Some(object.into())
    }

    fn variant(
        &mut self,
        of: FieldType<'static>,
        path: &str,
        text: &str,
        depth: usize,
    ) -> Option<Value> {
        let found = of.variants().into_iter().find(|one| one.name == text);
        let Some(one) = found else {
            let name = path.rsplit('.').next().unwrap_or_default().to_owned();
            return self.missing(path, &name, true);
        };
        let Some(content) = one.content else { return Some(text.into()) };
        let inner = format!("{path}.{}", one.name);
        let value = match only_field(content) {
            Some((name, field)) => {
                let own = format!("{inner}.{name}");
                json!({ name: self.read(field, &own, name, true, depth + 1)? })
            }
            None => {
                let name = content_name(content);
                self.read(content, &inner, &name, true, depth + 1)?
            }
        };
        Some(json!({ one.name: value }))
    }

    fn parcel(&mut self, path: &str, text: &str) -> Option<String> {
        if let Some(plain) = plain_parcel(text) {
            return Some(plain);
        }
        let error = match self.parts.parcels.get(text) {
            Some(NamedParcel::As(id)) => return Some(id.clone()),
            Some(NamedParcel::Several(all)) => {
                let list = all.join(", ");
                let values: [(&str, &dyn std::fmt::Display); 2] =
                    [("text", &text), ("list", &list)];
                self.words.fill("form.many_parcels", &values)
            }
            Some(NamedParcel::Nothing) => self.words.fill("form.bad_parcel", &[("text", &text)]),
            None => self.words.fill("form.many_lines", &[("most", &ORDERS_MAX)]),
        };
        self.wrong(path, error)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use engine::Command;
    use machine::CommandSpec;
    use office::Language;
    use pages::PageWords;

    use super::super::act_form::FormParts;
    use super::super::act_form::tests::texts;
    use super::super::form::Form;
    use super::*;

    fn spec(name: &str) -> &'static CommandSpec {
        Command::specs().find(|spec| spec.name == name).unwrap()
    }

    fn read(command: &str, sent: &str) -> Result<Value, BTreeMap<String, String>> {
        let (texts, form) = (texts(), Form::read(sent).unwrap());
        let currencies = vec!["CNY".to_owned()];
        let parts = FormParts { currencies, offset_minutes: 480, ..FormParts::default() };
        let words = PageWords(Language::En);
        let (spec, errors) = (spec(command), BTreeMap::new());
        let mut typed = ActForm { words, texts: &texts, spec, form: &form, parts: &parts, errors };
        let body = typed.body();
        if typed.errors.is_empty() { Ok(body.into()) } else { Err(typed.errors) }
    }

    #[test]
    fn what_people_type_is_what_the_api_takes() {
        let parcel = "par_0123456789abcdef0123456789abcdef";
        for (command, sent, body) in [
            (
                "RegisterBank",
                "reference=north&currency=CNY",
                json!({ "reference": "north", "currency": "CNY" }),
            ),
            (
                "RepayShortage",
                "courier=c-1&amount=1,234.50",
                json!({ "courier": "c-1", "amount": "1234.50CNY" }),
            ),
            (
                "RepayShortage",
                "courier=c-1&amount=12 CNY",
                json!({ "courier": "c-1", "amount": "12.00CNY" }),
            ),
            (
                "SetHoldRule",
                "jurisdiction=CN&rule=DaysAfterHeld&rule.DaysAfterHeld=3&rule.DaysAfterDelivery=",
                json!({ "jurisdiction": "CN", "rule": { "DaysAfterHeld": 3 } }),
            ),
            (
                "WithdrawNetwork",
                "network=net_1&from=2013-08-28T00:00",
                json!({ "network": "net_1", "from": "2013-08-27T16:00:00.000Z" }),
            ),
            (
                "SetFirmTerms",
                "firm=swift&from=2013-08-28&guarantee=0&withholding=10.5",
                json!({
                    "firm": "swift", "from": "2013-08-28", "guarantee": "0CNY",
                    "withholding": 105_000,
                }),
            ),
            (
                "IssueApiKey",
                "grants.0=Operator&grants.1=Seller&grants.1.Seller=s-1&until=2013-08-28T00:00",
                json!({
                    "grants": ["Operator", { "Seller": "s-1" }],
                    "until": "2013-08-27T16:00:00.000Z",
                }),
            ),
            (
                "RefuseParcel",
                &format!("parcel={parcel}&reason=Damaged&reason.Damaged.paid_by=Firm"),
                json!({ "parcel": parcel, "reason": { "Damaged": { "paid_by": "Firm" } } }),
            ),
            (
                "AssignParcels",
                &format!("firm=swift&parcels={parcel}%0D%0As-1/order-1%0D%0A"),
                json!({ "firm": "swift", "parcels": [parcel, "s-1/order-1"] }),
            ),
            (
                "Refund",
                &format!("payment={parcel}/2&amount=5&number=3"),
                json!({ "payment": format!("{parcel}/2"), "amount": "5.00CNY", "number": 3 }),
            ),
        ] {
            assert_eq!(read(command, sent), Ok(body), "{command}");
        }
    }

    #[test]
    fn what_is_missing_or_wrong_is_named_by_its_field() {
        for (command, sent, names) in [
            ("RegisterBank", "reference= ", &["currency", "reference"][..]),
            ("RepayShortage", "courier=c-1&amount=1.234,5", &["amount"]),
            ("SetHoldRule", "jurisdiction=CN&rule=DaysAfterHeld", &["rule.DaysAfterHeld"]),
            ("SetHoldRule", "jurisdiction=CN&rule=Soon", &["rule"]),
            ("AssignParcels", "firm=swift&parcels=order-1", &["parcels"]),
            ("SetPayoutAccount", "seller=s-1&currency=CNY", &["account.name"]),
            ("CountHandOver", "handover=hov_1&counted=5", &["code"]),
        ] {
            let errors = read(command, sent).unwrap_err();
            assert_eq!(errors.keys().collect::<Vec<_>>(), names, "{command}");
        }
        let tariff = read("PublishTariff", "reference=t&from=2013-08-28").unwrap_err();
        assert!(tariff.contains_key("terms.cod.card.share"), "{tariff:?}");
    }
}
