//! Fields that follow from others, from the books, or from who gives the command.

use std::collections::BTreeSet;

use books::{
    Books, BreakId, DepositId, HandOverId, MissingRecord, ParcelId, PlanId, Refusal, SellerId,
    TariffId, Timestamp,
};
use engine::{Command, Engine};
use machine::PersonRole;
use market::{OfferId, OrderId, PromotionId, PublishPromotion, ReservationId, VariantId};
use node::{Clock, SystemClock};
use reports::FieldType;
use serde_json::{Map, Value};

use crate::currencies::RefusalInCurrency;
use crate::error::OfficeError;
use crate::fields::{self, KnownParties, WantedParty, is_id};

/// The fields of the second of two people.
const SECOND_PERSON: [&str; 2] = ["approved_by", "supervisor"];

/// The persons who give a command, by the names of their fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Givers<'s> {
    Nobody,
    One(&'s str),
    Two { first: &'s str, second: &'s str },
}

impl<'s> Givers<'s> {
    pub(crate) fn of(command: FieldType<'s>) -> Givers<'s> {
        let gives = |(name, field): &(&str, FieldType<'_>)| {
            field.name() == Some("PersonId") && PersonRole::of_field(name).gives()
        };
        let mut names = command.fields().filter(gives).map(|(name, _)| name);
        match (names.next(), names.next()) {
            (None, _) => Givers::Nobody,
            (Some(one), None) => Givers::One(one),
            (Some(one), Some(other)) if SECOND_PERSON.contains(&one) => {
                Givers::Two { first: other, second: one }
            }
            (Some(first), Some(second)) => Givers::Two { first, second },
        }
    }
}

/// Whether a second person may have to approve a command.
#[must_use]
pub fn is_given_by_two(command: FieldType<'_>) -> bool {
    matches!(Givers::of(command), Givers::Two { .. })
}

/// Derives the command's own id from its reference: `RegisterBank` has the bank's.
pub(crate) fn add_own_id(
    name: &str,
    command: FieldType<'_>,
    parties: &KnownParties,
    object: &mut Map<String, Value>,
) {
    match name {
        "AnnounceParcel" => return add_parcel(object),
        "DraftOffer" => return add_offer_ids(object),
        _ => {}
    }
    let Some((own, field)) = own_id(name, command) else { return };
    if object.contains_key(&own) {
        return;
    }
    let reference = object.get("reference").and_then(Value::as_str);
    let id = reference.zip(field.name()).and_then(|(text, id_type)| parties.id(id_type, text));
    if let Some(id) = id {
        object.insert(own, id.to_string().into());
    }
}

/// The field of the command's own id, if it has no reference and is left out.
pub(crate) fn lacks_own_id(
    name: &str,
    command: FieldType<'_>,
    object: &Map<String, Value>,
) -> Option<String> {
    let (own, _) = own_id(name, command)?;
    let has_reference = command.field("reference").is_some();
    (!has_reference && !object.contains_key(&own)).then_some(own)
}

/// An id for something new that has no reference: the time, a number that a person can read and
/// type. A used one is counted up, so that two of the same second differ.
pub(crate) fn free_id(engine: &Engine, name: &str) -> u64 {
    let (books, market) = (engine.books(), engine.market());
    let is_used = |id: &u64| match name {
        "AnnounceDeposit" => books.is_deposit_known(DepositId(*id)),
        "StartHandOver" => books.is_hand_over_known(HandOverId(*id)),
        "PlanSettlement" => books.is_plan_known(PlanId(*id)),
        "RaiseBreak" => books.is_break_known(BreakId(*id)),
        "IssueApiKey" => books.api_keys(Timestamp(0)).any(|key| key.id.0 == *id),
        "PublishPromotion" => market.promotion_terms(PromotionId(*id)).is_some(),
        "ReserveUnits" => market.has_reservation(ReservationId(*id)),
        "Checkout" => market.order_view(OrderId(*id)).is_some(),
        _ => false,
    };
    let now = time_as_number();
    (now..).find(|id| !is_used(id)).unwrap_or(now)
}

/// The parties that a command names.
pub(crate) fn wanted_parties(
    name: &str,
    command: FieldType<'_>,
    given: &Map<String, Value>,
) -> BTreeSet<WantedParty> {
    let mut all = BTreeSet::new();
    for (field, value) in given {
        if let Some(field_type) = command.field(field) {
            fields::wanted(field_type, value, &mut all);
        }
    }
    let own = own_id(name, command).and_then(|(_, field)| field.name());
    let reference = given.get("reference").and_then(Value::as_str);
    all.extend(own.zip(reference).map(|(own, reference)| (own.to_owned(), reference.to_owned())));
    all
}

/// The field of the id that a command gives to something new.
fn own_id<'s>(name: &str, command: FieldType<'s>) -> Option<(String, FieldType<'s>)> {
    let last_word = name.rfind(|c: char| c.is_ascii_uppercase()).map_or(name, |at| &name[at..]);
    let own = match name {
        "StartHandOver" => "handover".to_owned(),
        "PlanSettlement" => "plan".to_owned(),
        "RaiseBreak" => "break_id".to_owned(),
        "ReserveUnits" => "reservation".to_owned(),
        "Checkout" => "order".to_owned(),
        _ => last_word.to_ascii_lowercase(),
    };
    let field = command.field(&own).filter(|field| is_id(*field))?;
    let derived = command.field("reference").is_some();
    let by_time = [
        "AnnounceDeposit",
        "StartHandOver",
        "PlanSettlement",
        "RaiseBreak",
        "IssueApiKey",
        "PublishPromotion",
        "ReserveUnits",
        "Checkout",
    ];
    (derived || by_time.contains(&name)).then_some((own, field))
}

/// Fills in the bank account if the books have only one.
pub(crate) fn add_only_bank(
    name: &str,
    command: FieldType<'_>,
    parties: &KnownParties,
    object: &mut Map<String, Value>,
) {
    if let (true, false, Some(bank)) =
        (takes_bank(name, command), object.contains_key(BANK), parties.only_bank())
    {
        object.insert(BANK.to_owned(), bank.to_string().into());
    }
}

const BANK: &str = "bank";

/// Whether the command must name a bank account that there is.
fn takes_bank(name: &str, command: FieldType<'_>) -> bool {
    let is_id = command.field(BANK).is_some_and(|field| field.name() == Some("BankId"));
    is_id && name != "RegisterBank" && fields::required(command).any(|field| field == BANK)
}

/// Whether the office fills in a field that is left out. A bank account only if there is no other.
#[must_use]
pub fn is_filled_in(name: &str, command: FieldType<'_>, field: &str) -> bool {
    let giver = match Givers::of(command) {
        Givers::Nobody => false,
        Givers::One(one) => field == one,
        Givers::Two { first, second } => field == first || field == second,
    };
    let own = own_id(name, command).is_some_and(|(own, _)| own == field);
    let announced = name == "AnnounceParcel" && ["parcel", "shipment"].contains(&field);
    let opening = ["first_person", "second_person", "trial"].contains(&field);
    let bank = field == BANK && takes_bank(name, command);
    giver || own || announced || opening || bank || number_field(name, command) == Some(field)
}

/// An order's parcel follows from the seller, the order's reference and the shipment.
fn add_parcel(object: &mut Map<String, Value>) {
    let shipment = object.entry("shipment").or_insert_with(|| 1.into()).as_u64();
    let seller = object.get("seller").and_then(Value::as_str);
    let seller = seller.and_then(|seller| seller.parse::<SellerId>().ok());
    let order = object.get("reference").and_then(Value::as_str);
    let shipment = shipment.and_then(|shipment| u8::try_from(shipment).ok());
    let shipment = shipment.filter(|one| (1..=books::SHIPMENTS_PER_ORDER_MAX).contains(one));
    if let (Some(seller), Some(order), Some(shipment), false) =
        (seller, order, shipment, object.contains_key("parcel"))
    {
        let parcel = ParcelId::derived(seller, order).shipment(shipment);
        object.insert("parcel".to_owned(), parcel.to_string().into());
    }
}

/// An offer follows from the seller and its reference, and its variants from their SKUs.
fn add_offer_ids(object: &mut Map<String, Value>) {
    let seller = object.get("seller").and_then(Value::as_str).and_then(|id| id.parse().ok());
    let reference = object.get("reference").and_then(Value::as_str);
    if let (Some(seller), Some(reference), false) =
        (seller, reference, object.contains_key("offer"))
    {
        let offer = OfferId::of_reference(seller, reference);
        object.insert("offer".to_owned(), offer.to_string().into());
    }
    let offer = id_in(object, "offer").map(OfferId);
    let variants = object.get_mut("variants").and_then(Value::as_array_mut);
    if let Some(offer) = offer {
        variants.into_iter().flatten().for_each(|variant| add_sku_id(offer, variant));
    }
}

/// The variant that is added to an offer follows from its SKU.
pub(crate) fn add_variant_id(object: &mut Map<String, Value>) {
    if let (Some(offer), Some(variant)) = (id_in(object, "offer"), object.get_mut("variant")) {
        add_sku_id(OfferId(offer), variant);
    }
}

fn id_in(object: &Map<String, Value>, field: &str) -> Option<u64> {
    object.get(field)?.as_str()?.parse().ok()
}

fn add_sku_id(offer: OfferId, variant: &mut Value) {
    let Some(variant) = variant.as_object_mut() else { return };
    if let (Some(sku), false) =
        (variant.get("sku").and_then(Value::as_str), variant.contains_key("variant"))
    {
        let id = VariantId::of_sku(offer, sku);
        variant.insert("variant".to_owned(), id.to_string().into());
    }
}

/// This second in UTC, as the number 20131128093015.
fn time_as_number() -> u64 {
    let now = i64::try_from(SystemClock.now().0).unwrap_or(i64::MAX);
    let now = jiff::Timestamp::from_millisecond(now).unwrap_or(jiff::Timestamp::MAX);
    let text: String = now.to_string().chars().filter(char::is_ascii_digit).take(14).collect();
    text.parse().unwrap_or(1)
}

/// The class's number where the class is named as in the tariff. It is the tariff's last version
/// that says which classes there are.
pub(crate) fn named_class(
    books: &Books,
    object: &Map<String, Value>,
    named: &str,
) -> Result<Value, OfficeError> {
    let tariff = object.get("tariff").and_then(Value::as_str).and_then(|id| id.parse().ok());
    let classes = tariff.map(|tariff| books.tariff_classes(TariffId(tariff))).unwrap_or_default();
    let place = classes.iter().position(|class| *class == named);
    place.map(Value::from).ok_or_else(|| OfficeError::UnknownClass {
        class: named.to_owned(),
        known: classes.into_iter().map(str::to_owned).collect(),
    })
}

/// Whether a second person must approve. One person alone suspends, two lift a suspension.
pub(crate) fn needs_second(
    command: FieldType<'_>,
    second: &str,
    object: &Map<String, Value>,
) -> bool {
    let is_required = fields::required(command).any(|field| field == second);
    is_required || object.get("suspended") != Some(&true.into())
}

/// The persons who give a command with these fields: two publish only promotions that one seller
/// does not pay alone.
pub(crate) fn givers_now<'s>(
    name: &str,
    command: FieldType<'s>,
    object: &Map<String, Value>,
) -> Givers<'s> {
    if name != "PublishPromotion" {
        return Givers::of(command);
    }
    let read = |field: &str| object.get(field).cloned().unwrap_or_default();
    let share = serde_json::from_value(read("platform_share"));
    let scope = match read("scope") {
        Value::Null => Ok(market::PromotionScope::default()),
        scope => serde_json::from_value(scope),
    };
    match (share, scope) {
        (Ok(share), Ok(scope)) if !PublishPromotion::needs_two_persons(share, &scope) => {
            Givers::Nobody
        }
        _ => Givers::of(command),
    }
}

/// The field of the number that comes next, also if it counts versions.
fn number_field(name: &str, command: FieldType<'_>) -> Option<&'static str> {
    let counts_versions = ["PublishMarketProfile", "PublishPromotion"].contains(&name);
    let field = if counts_versions { "version" } else { "number" };
    command.field(field).map(|_| field)
}

/// The same, if it is left out.
pub(crate) fn lacks_number(
    name: &str,
    command: FieldType<'_>,
    object: &Map<String, Value>,
) -> Option<&'static str> {
    number_field(name, command).filter(|field| !object.contains_key(*field))
}

/// The number in the fields of a command.
pub(crate) fn number_of(name: &str, object: &Map<String, Value>) -> Option<u64> {
    let field = number_field(name, fields::declared().of(name)?)?;
    object.get(field)?.as_u64()
}

/// Fills in the numbers that come next in the books.
pub(crate) fn add_numbers(
    name: &str,
    lacks: Option<&str>,
    mut object: Map<String, Value>,
    engine: &Engine,
) -> Result<Map<String, Value>, OfficeError> {
    let books = engine.books();
    let (field, next): (_, fn(&Books, ParcelId) -> Option<u64>) = match name {
        "DispatchParcels" => ("attempt", Books::next_attempt),
        "AssignParcels" => ("number", Books::next_assignment),
        _ => ("", |_, _| None),
    };
    let parcels = object.get_mut("parcels").filter(|_| !field.is_empty());
    let parcels = parcels.and_then(Value::as_array_mut);
    for one in parcels.into_iter().flatten().filter_map(Value::as_object_mut) {
        if one.contains_key(field) {
            continue;
        }
        let parcel = one.get("parcel").and_then(Value::as_str);
        let parcel = parcel.and_then(|parcel| parcel.parse().ok());
        let number = parcel.and_then(|parcel| next(books, parcel));
        // The books say what is wrong with a parcel that they do not know.
        one.insert(field.to_owned(), number.unwrap_or(1).into());
    }
    if let Some(lacks) = lacks {
        object.insert(lacks.to_owned(), 1.into());
        let numbered = declared(name, &object)?;
        let chargebacks = numbered.of_books().and_then(|one| books.chargeback_numbers(one));
        let number = match chargebacks.as_deref() {
            // Without what it numbers, the books say what is missing.
            None => engine.next_number(&numbered).unwrap_or(1),
            Some(&[only]) => only.into(),
            Some([]) => {
                let refusal = Refusal::NotFound(MissingRecord::Chargeback).into();
                let refusal = RefusalInCurrency { refusal, currency: None };
                return Err(OfficeError::Refused {
                    command: name.to_owned(),
                    refusal: refusal.into(),
                });
            }
            Some(numbers) => {
                return Err(OfficeError::WhichChargeback { numbers: numbers.to_vec() });
            }
        };
        object.insert(lacks.to_owned(), number.into());
    }
    Ok(object)
}

/// Commands that say how things are to be do nothing if they are so. These do something each time:
/// the same again is carried out only under a number that a person gives.
pub(crate) fn is_done_each_time(name: &str) -> bool {
    const EACH_TIME: [&str; 16] = [
        "AdjustStock",
        "AllotFlashStock",
        "ChargeBack",
        "ConfirmRefund",
        "CoverShortage",
        "DeductShortage",
        "InvoiceSeller",
        "PayCommission",
        "PayTax",
        "PostAdjustment",
        "RecordSellerPayment",
        "Refund",
        "RefundByTwoPersons",
        "RepayShortage",
        "ResetSecondFactor",
        "WriteOffShortage",
    ];
    EACH_TIME.contains(&name)
}

/// The same command under the number before, where the office filled the number in. `None` for a
/// first number, and for commands that need a new state each time: a parcel that is out, a break
/// whose resolution was proposed, an account that the vault has sealed.
pub(crate) fn with_number_before(
    typed: &Map<String, Value>,
    filled: &Map<String, Value>,
    command: &Command,
    engine: &Engine,
) -> Option<Map<String, Value>> {
    use books::Command as C;
    let mut before = filled.clone();
    let field = number_field(command.name(), fields::declared().of(command.name())?);
    let numbered = |before: &mut Map<String, Value>| {
        let field = field.filter(|field| !typed.contains_key(*field))?;
        engine.next_number(command)?;
        one_less(before.get_mut(field)?)
    };
    let Command::Books(command) = command else {
        return numbered(&mut before).map(|()| before);
    };
    match command {
        C::AssignParcels(_) => {
            // With a number that is typed it would be the command itself.
            let typed = typed.get("parcels")?.as_array()?;
            if typed.iter().any(|parcel| parcel.get("number").is_some()) {
                return None;
            }
            for parcel in before.get_mut("parcels")?.as_array_mut()? {
                one_less(parcel.get_mut("number")?)?;
            }
        }
        C::RecordAttempt(_)
        | C::TakeCashByPhone(_)
        | C::ProposeBreakResolution(_)
        | C::ApproveBreakResolution(_)
        | C::SetPayoutAccount(_)
        | C::ErasePayoutAccount(_)
        | C::RecordDisclosure(_)
        | C::EraseSubject(_) => return None,
        _ => numbered(&mut before)?,
    }
    Some(before)
}

fn one_less(number: &mut Value) -> Option<()> {
    let before = number.as_u64()?.checked_sub(1).filter(|before| *before > 0)?;
    *number = before.into();
    Some(())
}

/// The command in its declared form.
pub(crate) fn declared(name: &str, object: &Map<String, Value>) -> Result<Command, OfficeError> {
    let mut object = object.clone();
    object.insert("command".to_owned(), name.into());
    let read: Result<Command, _> = serde_json::from_value(Value::Object(object));
    let command = || name.to_owned();
    read.map_err(|error| OfficeError::Declared { command: command(), why: error.to_string() })
}

/// Refuses fields that the command does not have.
pub(crate) fn check_known(
    name: &str,
    command: FieldType<'_>,
    given: &Map<String, Value>,
) -> Result<(), OfficeError> {
    match given.keys().find(|field| command.field(field).is_none()) {
        None => Ok(()),
        Some(field) => Err(OfficeError::UnknownField {
            command: name.to_owned(),
            field: field.clone(),
            known: command.fields().map(|(field, _)| field.to_owned()).collect(),
        }),
    }
}

/// Refuses a command that lacks fields; `later` are filled in later.
pub(crate) fn check_complete(
    name: &str,
    command: FieldType<'_>,
    object: &Map<String, Value>,
    later: &[&str],
) -> Result<(), OfficeError> {
    let lacks = |field: &&str| !object.contains_key(*field) && !later.contains(field);
    let missing: Vec<_> = fields::required(command).filter(lacks).map(str::to_owned).collect();
    if missing.is_empty() {
        return Ok(());
    }
    Err(OfficeError::MissingFields { command: name.to_owned(), missing })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn givers(command: &str) -> Givers<'static> {
        Givers::of(fields::declared().of(command).unwrap())
    }

    #[test]
    fn the_persons_who_give_a_command_are_found_by_their_fields() {
        let two = |first, second| Givers::Two { first, second };
        for (command, expected) in [
            ("RegisterBank", Givers::Nobody),
            ("RegisterPerson", two("proposed_by", "approved_by")),
            ("CountHandOverBySupervisor", two("counted_by", "supervisor")),
            ("PlanSettlement", Givers::One("planned_by")),
            ("ApproveSettlement", Givers::One("approved_by")),
            ("OpenBooks", Givers::Nobody),
        ] {
            assert_eq!(givers(command), expected, "{command}");
        }
    }

    #[test]
    fn an_id_follows_from_the_reference() {
        let own_id = |command: &str, of: &str, object: Value| {
            let Value::Object(mut object) = object else { panic!("an object") };
            let command_type = fields::declared().of(command).unwrap();
            add_own_id(command, command_type, &KnownParties::default(), &mut object);
            object.get(of).and_then(Value::as_str).map(str::to_owned)
        };
        use serde_json::json;
        let bank = own_id("RegisterBank", "bank", json!({ "reference": "main" }));
        assert_eq!(bank, Some(books::BankId::derived("main").to_string()));
        let given = own_id("RegisterBank", "bank", json!({ "reference": "main", "bank": "5" }));
        assert_eq!(given.as_deref(), Some("5"));
        // The firm of a courier is not the courier's own id.
        let firm = own_id("RegisterCourier", "firm", json!({ "reference": "c-1" }));
        assert_eq!(firm, None);
        let order = json!({ "reference": "order-1", "seller": "1", "shipment": 2 });
        let second = ParcelId::derived(SellerId(1), "order-1").shipment(2).to_string();
        assert_eq!(own_id("AnnounceParcel", "parcel", order), Some(second));
        let lacks = |command: &str| {
            lacks_own_id(command, fields::declared().of(command).unwrap(), &Map::new())
        };
        assert_eq!(lacks("PlanSettlement").as_deref(), Some("plan"));
        assert_eq!(lacks("ApproveSettlement"), None, "a plan is named");
        assert_eq!(lacks("RegisterBank"), None, "it has a reference");
        let plan = free_id(&Engine::default(), "PlanSettlement").to_string();
        assert!(plan.len() == 14 && plan.starts_with("20"), "{plan}");
    }
}
