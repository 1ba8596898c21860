//! The currency that a person writes with an amount must be the one that the command is in.

use books::{Books, BreakId, DepositId, HandOverId, ParcelId, PaymentId};
use money::Currency;
use reports::{FieldType, owner_id_type};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::error::OfficeError;
use crate::fields::typed_currency;

/// The amounts that were typed with a currency, by field.
pub(crate) struct TypedCurrencies(Vec<(String, Currency)>);

impl TypedCurrencies {
    pub(crate) fn of(command: FieldType<'_>, given: &Map<String, Value>) -> TypedCurrencies {
        let typed = given.iter().filter_map(|(field, given)| {
            let currency = typed_currency(command.field(field)?, given)?;
            Some((field.clone(), currency))
        });
        TypedCurrencies(typed.collect())
    }

    /// Refuses an amount in another currency than that of what the command is about. The books
    /// refuse a command about something that they do not know.
    pub(crate) fn check(
        &self,
        object: &Map<String, Value>,
        books: &Books,
    ) -> Result<(), OfficeError> {
        let Some((_, first)) = self.0.first() else { return Ok(()) };
        let expected = currency_of(object, books).unwrap_or(*first);
        match self.0.iter().find(|(_, typed)| *typed != expected) {
            None => Ok(()),
            Some((field, typed)) => {
                let (field, typed) = (field.clone(), *typed);
                Err(OfficeError::OtherCurrency { field, typed, expected })
            }
        }
    }
}

fn currency_of(object: &Map<String, Value>, books: &Books) -> Option<Currency> {
    if let Some(currency) = field(object, "currency") {
        return Some(currency);
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
        let started = |firm: &books::cash_view::FirmCustody| {
            firm.couriers.iter().any(|one| one.hand_over.is_some_and(|one| one.id == id))
        };
        return Some(books.cash_custody(books.last_date()).find(started)?.currency);
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
