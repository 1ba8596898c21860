//! Published codes.

use qr::{PointOfInitiation, QrCode, QrRule, Tip, crc16_ccitt_false};

use crate::support::{self, EXAMPLE};

const LAO: &str = "\
    00020101021115312031041800520446JDBMSZZXE44BFS038680016A005266284662577010832170418020\
    30020325mchVKyozC3MbjS51h67qal4Os5204581253034185802LA5915JDBMSZZXE44BFS06009Vientiane\
    63043F88";
const EMPTY_TEMPLATE: &str = "\
    00020101021229300012D156000000000510A93FO3230Q31280012D1560000000103081234567852044111\
    5303156540523.725502015802CN5914BEST TRANSPORT6007BEIJING6233030412340603***0708A60086\
    670902ME64200002ZH0104最佳运输0202北京8000630484D1";
const TWO_TEMPLATES: &str = "\
    00020101021229300012D156000000000510A93FO3230Q31280012D1560000000103081234567852044111\
    5303156540523.725502015802CN5914BEST TRANSPORT6007BEIJING6233030412340603***0708A60086\
    670902ME64200002ZH0104最佳运输0202北京8036003239401ff0c21a4543a8ed5fbaa30ab02e81360032\
    c2fbf6dd646f4f36b617f10747c0b96163046F32";
const LONG_GUID: &str = "\
    00020101021229300012D156000000000510A93FO3230Q31280012D1560000000103081234567852044111\
    5303156540523.725502015802CN5914BEST TRANSPORT6007BEIJING6233030412340603***0708A60086\
    670902ME64200002ZH0104最佳运输0202北京8037003339401ff0c21a4543a8ed5fbaa30ab02ee6304D27\
    9";
const NO_LANGUAGE: &str = "\
    00020101021229300012D156000000000510A93FO3230Q31280012D1560000000103081234567852044111\
    5303156540523.725502015802CN5914BEST TRANSPORT6007BEIJING6233030412340603***0708A60086\
    670902ME8036003239401ff0c21a4543a8ed5fbaa30ab02e81360032c2fbf6dd646f4f36b617f10747c0b9\
    616304EBCA";
const NO_CHECKSUM: &str = "\
    00020101021229300012D156000000000510A93FO3230Q31280012D1560000000103081234567852044111\
    5802CN5914BEST TRANSPORT6007BEIJING64200002ZH0104最佳运输0202北京540523.72530315655020\
    16233030412340603***0708A60086670902ME91320016A01122334499887707081234567863040000";
const ANY_ORDER: &str = "\
    00020101021229300012D156000000000510A93FO3230Q31280012D1560000000103081234567852044111\
    5802CN5914BEST TRANSPORT6007BEIJING64200002ZH0104最佳运输0202北京540523.72530315655020\
    16233030412340603***0708A60086670902ME91320016A0112233449988770708123456786304A13A";
const JAPAN: &str = "\
    00020101021229300012D156000000000510A93FO3230Q31280012D1560000000103081234567852044111\
    5802JP5914BEST TRANSPORT6007BEIJING64200002ZH0104最佳运输0202北京540523.72530315655020\
    16233030412340603***0708A60086670902ME91320016A011223344998877070812345678630420EE";
const JPQR: &str = "\
    0002016003xxx01021129300012D156000000000510A93FO3230Q31280012D156000000010308123456782\
    6680019jp.or.paymentsjapan01130000000000001020400010306000001040600000153033925903xxx6\
    4180002JA0108メルペイ カフェ520441115802JP610710661436304DEE9";

/// Tags in ascending order: these are written back as the same text.
const CANONICAL: [&str; 4] = [LAO, EXAMPLE, TWO_TEMPLATES, NO_LANGUAGE];
/// Tags in another order, which is allowed.
const OTHER_ORDERS: [&str; 3] = [ANY_ORDER, JAPAN, JPQR];
const WITH_FAULTS: [&str; 3] = [EMPTY_TEMPLATE, LONG_GUID, NO_CHECKSUM];

fn refusal(text: &str) -> String {
    QrCode::parse(text).expect_err("the code has a fault").to_string()
}

#[test]
fn a_code_in_ascending_order_is_written_as_it_was_read() {
    for text in CANONICAL {
        assert_eq!(QrCode::parse(text).unwrap().write().unwrap(), text);
    }
}

#[test]
fn a_code_in_another_order_is_written_with_the_same_content() {
    for text in OTHER_ORDERS {
        let code = QrCode::parse(text).unwrap();
        let written = code.write().unwrap();
        assert_ne!(written, text);
        assert_eq!(written.len(), text.len());
        assert_eq!(QrCode::parse(&written).unwrap(), code);
    }
}

#[test]
fn the_example_of_the_specification_is_read() {
    let code = QrCode::parse(EXAMPLE).unwrap();
    assert_eq!(code.initiation, Some(PointOfInitiation::Dynamic));
    assert!(code.scheme_accounts.is_empty());
    assert_eq!(code.accounts[&29].guid, "D15600000000");
    assert_eq!(code.accounts[&29].fields[&5], "A93FO3230Q");
    assert_eq!(code.accounts[&31].guid, "D15600000001");
    assert_eq!(code.accounts[&31].fields[&3], "12345678");
    assert_eq!((code.merchant_category, code.currency), (4111, 156));
    assert_eq!(code.amount.as_ref().unwrap().minor_units(2), Ok(2_372));
    assert_eq!(code.tip, Some(Tip::Prompt));
    assert_eq!(
        (&*code.country, &*code.merchant_name, &*code.merchant_city),
        ("CN", "BEST TRANSPORT", "BEIJING")
    );
    let additional = code.additional.unwrap();
    assert_eq!(additional.store_label.as_deref(), Some("1234"));
    assert_eq!(additional.customer_label.as_deref(), Some("***"));
    assert_eq!(additional.terminal_label.as_deref(), Some("A6008667"));
    assert_eq!(additional.consumer_data_request.as_deref(), Some("ME"));
    let language = code.language.unwrap();
    assert_eq!((&*language.language, &*language.merchant_name), ("ZH", "最佳运输"));
    assert_eq!(language.merchant_city.as_deref(), Some("北京"));
}

#[test]
fn a_code_of_laos_has_an_account_of_a_card_scheme_and_no_amount() {
    let code = QrCode::parse(LAO).unwrap();
    assert_eq!(code.initiation, Some(PointOfInitiation::Static));
    assert_eq!(code.scheme_accounts[&15], "2031041800520446JDBMSZZXE44BFS0");
    assert_eq!(code.accounts[&38].guid, "A005266284662577");
    assert_eq!(code.accounts[&38].fields[&2], "002");
    assert_eq!((code.merchant_category, code.currency), (5812, 418));
    assert_eq!(code.amount, None);
    assert_eq!(code.merchant_city, "Vientiane");
}

#[test]
fn a_code_of_japan_counts_characters_and_not_bytes() {
    let code = QrCode::parse(JPQR).unwrap();
    assert_eq!(code.accounts[&26].guid, "jp.or.paymentsjapan");
    assert_eq!(code.language.unwrap().merchant_name, "メルペイ カフェ");
    assert_eq!(code.merchant_category, 4111);
    assert_eq!(code.postal_code.as_deref(), Some("1066143"));
}

#[test]
fn unreserved_templates_are_kept() {
    let code = QrCode::parse(TWO_TEMPLATES).unwrap();
    assert_eq!(code.unreserved[&80].guid, "39401ff0c21a4543a8ed5fbaa30ab02e");
    assert_eq!(code.unreserved[&81].guid, "c2fbf6dd646f4f36b617f10747c0b961");
    assert_eq!(QrCode::parse(ANY_ORDER).unwrap().unreserved[&91].fields[&7], "12345678");
}

#[test]
fn errors_name_the_location() {
    assert_eq!(
        refusal(EMPTY_TEMPLATE),
        "tag 80 at character 204: 0 characters long, 1 to 99 are allowed"
    );
    assert_eq!(
        refusal(LONG_GUID),
        "tag 80/00 at character 208: 33 characters long, 1 to 32 are allowed"
    );
    assert_eq!(
        refusal(NO_CHECKSUM),
        "tag 63 at character 240: the checksum is 0000 but must be A13A: the code was damaged or \
         edited"
    );
}

#[test]
fn all_codes_of_the_vectors_are_tested() {
    let Some(list) = support::vectors("emvco_mpm_qr.json") else { return };
    for vector in list {
        let text = vector["payload"].as_str().unwrap();
        let typed_in = CANONICAL.contains(&text)
            || OTHER_ORDERS.contains(&text)
            || WITH_FAULTS.contains(&text);
        assert!(typed_in, "{text} is not typed in here");
        let (signed, checksum) = text.split_at(text.len() - 4);
        let right = format!("{:04X}", crc16_ccitt_false(signed.as_bytes())) == checksum;
        assert_eq!(right, vector["crc_ok"].as_bool().unwrap(), "{text}");
        let refused = QrCode::parse(text).err().map(|error| error.rule);
        assert_eq!(matches!(refused, Some(QrRule::Checksum { .. })), !right, "{text}");
    }
}
