use serde_json::json;

use super::*;

const P: &str = "ab9f500fa96e336c05227afb1de5b1b4";
const WAYBILL: &str = "5BKX80ZABE6DP0A8KTZCEYBCDMD";
/// Of order-1 of seller 1.
const ORDER: &str = "f86a1851571173afc1979796ec04bd87";

fn of(command: &str, field: &str, given: &str) -> Result<Value, ValueError> {
    let field = declared().of(command).unwrap().field(field).unwrap();
    let known = [("CourierId", "c-1", 7), ("PersonId", "li wei", 7), ("SellerId", "s-1", 1)];
    let known = known.map(|(of, reference, id)| ((of, reference.to_owned()), id));
    value(field, &given.into(), &KnownParties(known.into_iter().collect()))
}

#[test]
fn references_and_times_inside_objects_and_lists_are_read_too() {
    let known = KnownParties([(("SellerId", "s-1".to_owned()), 1)].into_iter().collect());
    let read = |command: &str, field: &str, given: Value| {
        value(declared().of(command).unwrap().field(field).unwrap(), &given, &known)
    };
    let subjects = read("RecordDisclosure", "subjects", json!([{ "Seller": "s-1" }]));
    assert_eq!(subjects.unwrap(), json!([{ "Seller": "1" }]));
    let at = |time: &str| json!({ "Request": { "sent": { "sent_at": time, "stan": 1 } } });
    let reference = read("ClearLine", "reference", at("2013-08-28T00:00:00Z")).unwrap();
    assert_eq!(reference["Request"]["sent"]["sent_at"], json!(1_377_648_000_000_u64));
    assert!(read("ClearLine", "reference", at("0971-10-19T12:13:57Z")).is_err());
    let long = "x".repeat(REFERENCE_BYTES_MAX + 1);
    assert!(read("DeductShortage", "courier", long.into()).is_err());
}

#[test]
fn texts_become_the_declared_types() {
    for (command, field, given, expected) in [
        ("RegisterCourier", "cash_limit", "12.50CNY", json!(1250)),
        ("ClearLine", "amount", "-12.50CNY", json!(-1250)),
        ("ClearLine", "amount", "12.50 CNY", json!(1250)),
        ("RegisterCourier", "cash_limit", "12JPY", json!(12)),
        ("RegisterCourier", "reference", "12", json!("12")),
        ("RegisterTerminal", "courier", "c-1", json!("7")),
        ("RegisterTerminal", "courier", "42", json!("42")),
        ("CancelHandOver", "cancelled_by", " Li  WEI", json!("7")),
        ("BlockTerminal", "blocked", "true", json!(true)),
        ("PlanSettlement", "cycle", "Weekly", json!("Weekly")),
        ("ReleaseDue", "date", "2013-08-28", json!("2013-08-28")),
        ("SetHoldRule", "rule", "DaysAfterHeld=3", json!({ "DaysAfterHeld": 3 })),
        ("WithdrawNetwork", "from", "1970-01-01T00:00:01Z", json!(1000)),
        ("ClearLine", "amount", "-12.50CNY", json!(-1250)),
        ("RefuseParcel", "reason", "Damaged=Firm", json!({ "Damaged": { "paid_by": "Firm" } })),
        ("Refund", "payment", &format!("{P}/2"), json!({ "parcel": P, "number": 2 })),
        ("Refund", "payment", "s-1/order-1/2", json!({ "parcel": ORDER, "number": 2 })),
        ("LoseParcel", "parcel", &WAYBILL.to_lowercase(), json!(P)),
        (
            "DispatchParcels",
            "parcels",
            &format!("{P},s-1/order-1"),
            json!([{ "parcel": P }, { "parcel": ORDER }]),
        ),
    ] {
        assert_eq!(of(command, field, given), Ok(expected), "{command} {field} {given}");
    }
}

#[test]
fn an_amount_with_a_comma_or_below_zero_is_refused_in_the_words_of_the_office() {
    for (given, words) in [
        ("12,50CNY", "`12,50` has a `,`; write the amount without it, such as 1234.50CNY"),
        ("-5CNY", "`-5` is below zero, and an amount is not; write it without `-`"),
    ] {
        let error = of("RegisterCourier", "cash_limit", given).unwrap_err();
        assert_eq!(error.to_string(), words);
    }
}

#[test]
fn json_is_the_declared_form_but_for_its_texts() {
    let field = |name| declared().of("AssignParcels").unwrap().field(name).unwrap();
    let parties = KnownParties::default();
    let expected = json!([{ "parcel": P }, { "parcel": ORDER }]);
    assert_eq!(value(field("parcels"), &json!([P, ORDER]), &parties), Ok(expected));
    let firm = value(field("firm"), &json!("swift"), &parties);
    assert_eq!(firm, Ok(json!(FirmId::derived("swift").to_string())));
    let cash_limit = declared().of("RegisterCourier").unwrap().field("cash_limit").unwrap();
    assert_eq!(value(cash_limit, &json!(5), &parties), Ok(json!(5)));
}

#[test]
fn a_text_that_is_no_value_is_told_what_is_expected() {
    for (command, field, given, why) in [
        ("RegisterCourier", "cash_limit", "12.50", "12.50CNY"),
        ("RegisterCourier", "cash_limit", "1250", "12.50CNY"),
        ("ClearLine", "amount", "-5", "12.50CNY"),
        ("RegisterCourier", "cash_limit", "12.505CNY", "has 3 decimals"),
        ("RegisterCourier", "cash_limit", "-1", "12.50CNY"),
        ("RegisterTerminal", "terminal", "seven", "an id"),
        ("CancelHandOver", "cancelled_by", "nobody", "a person's id, or a name in "),
        ("BlockTerminal", "blocked", "yes", "true or false"),
        ("Refund", "payment", "p", "WAYBILL/1"),
        ("Refund", "payment", "p/1", "WAYBILL/1"),
        ("LoseParcel", "parcel", "1001", "write a waybill, a parcel's id, or SELLER/ORDER"),
        ("LoseParcel", "parcel", "nobody/1001", "SELLER/ORDER"),
        ("ClearLine", "amount", "-12.50", "-12.50CNY"),
        ("PlanSettlement", "cycle", "weekly", "Daily | Weekly | Monthly"),
        ("PlanSettlement", "currency", "yuan", "is not a currency code of ISO 4217"),
        ("ReleaseDue", "date", "28.8.2013", "is not a date"),
        ("ReleaseDue", "limit", "many", "write a whole number from "),
        ("SetHoldRule", "rule", "DaysAfterHeld", "DaysAfterHeld=NUMBER"),
        ("RefuseParcel", "reason", "Damaged", "Damaged=Doorstep/Seller/Firm |"),
        ("WithdrawNetwork", "from", "1969-12-31T23:59:59Z", "before 1970"),
        ("WithdrawNetwork", "from", "18:00", "write the time as"),
    ] {
        let found = of(command, field, given).unwrap_err().to_string();
        assert!(found.contains(why), "{command} {field} {given}: {found}");
    }
}

#[test]
fn no_field_has_the_flag_of_who_gives_the_command() {
    for name in declared().commands() {
        for (field, _) in declared().of(name).unwrap().fields() {
            let flag = flag(field);
            assert_eq!(field_of_flag(flag.trim_start_matches('-')), field);
            let taken = [
                "--person",
                "--data",
                "--json",
                "--fields",
                "--lang",
                "--help",
                "--config",
                "--server",
                "--remote",
                "--key-file",
                "--ca",
                "--timeout",
                "--request-key",
            ];
            assert!(!taken.contains(&&*flag), "{name}: {flag}");
        }
    }
}
