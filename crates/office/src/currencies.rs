//! The currency of a command: one that a person writes with an amount must be it, and refusals are
//! shown with it.

use std::fmt;

use books::{Books, BreakId, DepositId, HandOverId, ParcelId, PaymentId};
use engine::{Command, Engine};
use market::Market;
use money::decimal::DecimalAmount;
use money::{Currency, SignedAmount};
use reports::{FieldType, currency_in_market, owner_id_type};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::error::OfficeError;
use crate::fields::typed_currencies;

/// The amounts that were typed with a currency, by field: of one inside another its path, such as
/// `terms/cod/cap`.
pub(crate) struct TypedCurrencies(Vec<(String, Currency)>);

impl TypedCurrencies {
    pub(crate) fn of(command: FieldType<'_>, given: &Map<String, Value>) -> TypedCurrencies {
        let mut typed = Vec::new();
        for (name, given) in given {
            if let Some(field) = command.field(name) {
                typed_currencies(field, given, name, &mut typed);
            }
        }
        TypedCurrencies(typed)
    }

    /// Refuses an amount in another currency than that of what the command is about, or of books
    /// that have one only. The books refuse a command about something that they do not know.
    pub(crate) fn check(
        &self,
        object: &Map<String, Value>,
        engine: &Engine,
    ) -> Result<(), OfficeError> {
        let Some((_, first)) = self.0.first() else { return Ok(()) };
        let (books, market) = (engine.books(), Some(engine.market()));
        let expected = currency_of(object, books, market).or_else(|| only_currency(books));
        let expected = expected.unwrap_or(*first);
        match self.0.iter().find(|(_, typed)| *typed != expected) {
            None => Ok(()),
            Some((field, typed)) => {
                let (field, typed) = (field.clone(), *typed);
                Err(OfficeError::OtherCurrency { field, typed, expected })
            }
        }
    }
}

/// Why the books refuse a command, and the currency of what it is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefusalInCurrency {
    pub refusal: engine::Refusal,
    /// `None` if the books do not know what the command is about.
    pub currency: Option<Currency>,
}

impl RefusalInCurrency {
    /// The refusal of a command that these books do not carry out.
    pub(crate) fn of(
        refusal: engine::Refusal,
        command: &Command,
        engine: &Engine,
    ) -> RefusalInCurrency {
        let object = serde_json::to_value(command).ok();
        let object = object.as_ref().and_then(Value::as_object);
        let (books, market) = (engine.books(), Some(engine.market()));
        let currency = object.and_then(|object| currency_of(object, books, market));
        RefusalInCurrency { refusal, currency: currency.or_else(|| only_currency(engine.books())) }
    }
}

impl RefusalInCurrency {
    /// The refusal of a command of the books.
    pub(crate) fn of_books(
        refusal: books::Refusal,
        command: &books::Command,
        books: &Books,
    ) -> RefusalInCurrency {
        let object = serde_json::to_value(command).ok();
        let object = object.as_ref().and_then(Value::as_object);
        let currency = object.and_then(|object| currency_of(object, books, None));
        let currency = currency.or_else(|| only_currency(books));
        RefusalInCurrency { refusal: refusal.into(), currency }
    }
}

impl fmt::Display for RefusalInCurrency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.refusal.to_string();
        f.write_str(&amounts_in(text, " minor units", &self.refusal, self.currency))
    }
}

impl std::error::Error for RefusalInCurrency {}

/// The text of a refusal with its amounts in decimals and with their currency, in the place of
/// minor units. `unit` stands behind these in the text.
#[must_use]
pub fn amounts_in(
    text: String,
    unit: &str,
    refusal: &engine::Refusal,
    currency: Option<Currency>,
) -> String {
    let Some(currency) = currency else { return text };
    let amounts: Vec<SignedAmount> = match refusal {
        engine::Refusal::Books(refusal) => refusal.amounts(),
        engine::Refusal::Market(refusal) => {
            refusal.amounts().into_iter().map(SignedAmount::from).collect()
        }
        engine::Refusal::Policy(_) | engine::Refusal::RequestKeyTaken => Vec::new(),
    };
    amounts.into_iter().fold(text, |text, amount| {
        let shown = DecimalAmount::of_balance(amount.minor().into(), currency);
        text.replace(&format!("{}{unit}", amount.minor()), &format!("{shown} {currency}"))
    })
}

/// The currency of books that have one only.
fn only_currency(books: &Books) -> Option<Currency> {
    let mut currencies = books.currencies();
    currencies.next().filter(|_| currencies.next().is_none())
}

fn currency_of(
    object: &Map<String, Value>,
    books: &Books,
    market: Option<&Market>,
) -> Option<Currency> {
    if let Some(currency) = field(object, "currency") {
        return Some(currency);
    }
    for (name, id_type) in
        [("offer", "OfferId"), ("variant", "VariantId"), ("promotion", "PromotionId")]
    {
        let id = object.get(name).and_then(Value::as_str).and_then(|id| id.parse().ok());
        if let Some(currency) = id.and_then(|id| currency_in_market(market?, id_type, id)) {
            return Some(currency);
        }
    }
    let payment: Option<PaymentId> = field(object, "payment");
    let parcel: Option<ParcelId> =
        payment.map(|payment| payment.parcel).or_else(|| field(object, "parcel"));
    if let Some(parcel) = parcel.and_then(|parcel| books.parcel_view(parcel)) {
        return Some(parcel.currency);
    }
    if let Some(id) = field::<BreakId>(object, "break_id") {
        return Some(books.open_breaks().iter().find(|one| one.id == id)?.currency);
    }
    if let Some(id) = field::<DepositId>(object, "deposit")
        && let Some(firm) = books
            .cash_custody(books.last_date())
            .find(|firm| firm.deposits.iter().any(|one| one.id == id))
    {
        return Some(firm.currency);
    }
    if let Some(id) = field::<HandOverId>(object, "handover") {
        return books.hand_over_currency(id);
    }
    // The first name of a party that the command has: its account has the currency.
    let owners = [
        ("firm", "FirmId"),
        ("courier", "CourierId"),
        ("bank", "BankId"),
        ("network", "NetworkId"),
        ("wallet", "WalletId"),
    ];
    let rail = object.get("rail").and_then(Value::as_object);
    let in_rail = rail.and_then(|rail| rail.iter().next());
    owners.iter().find_map(|&(name, id_type)| {
        let id = object.get(name).or_else(|| {
            in_rail.filter(|(kind, _)| kind.eq_ignore_ascii_case(name)).map(|(_, id)| id)
        });
        let id: u64 = id?.as_str()?.parse().ok()?;
        let of_owner = |one: &books::view::AccountView| {
            owner_id_type(one.kind) == Some(id_type) && one.owner == id
        };
        Some(books.accounts().find(of_owner)?.currency)
    })
}

fn field<T: DeserializeOwned>(object: &Map<String, Value>, name: &str) -> Option<T> {
    serde_json::from_value(object.get(name)?.clone()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use books::Refusal;
    use money::Amount;

    #[test]
    fn amounts_inside_a_field_are_compared_and_named_by_their_path() {
        let of = crate::fields::declared().of("PublishTariff").unwrap();
        let typed = |terms: Value| {
            let given = [("currency".to_owned(), "CNY".into()), ("terms".to_owned(), terms)];
            let given: Map<String, Value> = given.into_iter().collect();
            let checked = TypedCurrencies::of(of, &given).check(&given, &Engine::default());
            checked.map_err(|error| match error {
                OfficeError::OtherCurrency { field, typed, expected } => {
                    assert_eq!((typed, expected), (Currency::BRL, Currency::CNY));
                    field
                }
                error => panic!("{error}"),
            })
        };
        let capped = |cap: &str| {
            serde_json::json!({
                "return_fee": "2.00CNY", "freight": 0,
                "classes": [{ "name": "a" }, { "wallet": { "rate": "0.01", "cap": cap } }],
            })
        };
        assert_eq!(typed(capped("3.00CNY")), Ok(()));
        assert_eq!(typed(capped("3.00BRL")), Err("terms/classes/1/wallet/cap".to_owned()));
        assert_eq!(
            typed(serde_json::json!({ "return_fee": "2.00BRL" })),
            Err("terms/return_fee".to_owned())
        );
        assert_eq!(typed(serde_json::json!({ "return_fee": 200 })), Ok(()));
    }

    #[test]
    fn no_refusal_with_a_currency_has_an_amount_in_minor_units() {
        for refusal in Refusal::examples() {
            let (refusal, currency) = (engine::Refusal::Books(refusal), Some(Currency::CNY));
            let has_amount = refusal.to_string().contains("minor units");
            let shown = RefusalInCurrency { refusal, currency }.to_string();
            assert!(!shown.contains("minor units"), "{shown}");
            assert!(!has_amount || shown.contains(" CNY"), "{shown}");
        }
    }

    #[test]
    fn no_refusal_of_the_market_with_a_currency_has_an_amount_in_minor_units() {
        let faults = market::PromotionFault::examples().into_iter();
        let all = faults.map(market::MarketRefusal::Promotion);
        for refusal in all.chain(market::MarketRefusal::examples()) {
            let (refusal, currency) = (engine::Refusal::Market(refusal), Some(Currency::CNY));
            let shown = RefusalInCurrency { refusal, currency }.to_string();
            assert!(!shown.contains("minor units"), "{shown}");
        }
    }

    #[test]
    fn amounts_of_a_refusal_have_the_decimals_of_the_currency_and_a_sign() {
        let shown = |refusal: Refusal, currency| {
            RefusalInCurrency { refusal: refusal.into(), currency: Some(currency) }.to_string()
        };
        let below = Refusal::InsufficientFunds(SignedAmount::of(-147_190));
        assert!(shown(below, Currency::CNY).contains("has -1471.90 CNY available"));
        let most = Refusal::RefundNeedsTwoPeople(Amount::of(5_000));
        assert!(shown(most.clone(), Currency::CNY).contains("above 50.00 CNY need"));
        assert!(shown(most, Currency::JPY).contains("above 5000 JPY need"));
        let both = Refusal::AmountAboveLimit(Amount::of(1_999_999_999_999));
        let both = shown(both, Currency::CNY);
        assert!(
            both.contains("is 19999999999.99 CNY, and") && both.contains("9999999999.99 CNY at")
        );
    }
}
