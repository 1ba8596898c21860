//! The code of a payment, from the terminal to the wallet.

use qr::{DynamicQr, LanguageTemplate, PointOfInitiation, QrCode, QrRule};

const PAYMENT: DynamicQr<'static> = DynamicQr {
    account_tag: 26,
    account_guid: "org.example.wallet",
    merchant_id: "M0000042",
    merchant_category: 4215,
    currency: 156,
    minor_units: 2_372,
    exponent: 2,
    country: "CN",
    merchant_name: "BEST TRANSPORT",
    merchant_city: "BEIJING",
    reference: "7K3Q9ZP2",
    waybill: "DS0000000017",
    terminal: "T0000001",
};

/// Built field by field from the tables of the specification.
const TEXT: &str = "00020101021226340018org.example.wallet0108M00000425204421553031565405\
                    23.725802CN5914BEST TRANSPORT6007BEIJING622405087K3Q9ZP20708T000\
                    000180360016doorstep.waybill0112DS00000000176304";

#[test]
fn a_payment_is_written_as_text() {
    let text = PAYMENT.code().unwrap().write().unwrap();
    assert_eq!(text, format!("{TEXT}{:04X}", qr::crc16_ccitt_false(TEXT.as_bytes())));
}

#[test]
fn the_wallet_reads_what_the_terminal_showed() {
    for (minor_units, exponent, currency) in
        [(2_372, 2, 156), (5, 2, 986), (500, 0, 392), (1, 3, 788)]
    {
        let shown = DynamicQr { minor_units, exponent, currency, ..PAYMENT };
        let scanned = QrCode::parse(&shown.code().unwrap().write().unwrap()).unwrap();
        assert_eq!(DynamicQr::of(&scanned, 26, exponent), Ok(shown));
    }
}

#[test]
fn a_name_in_another_script_goes_into_the_language_template() {
    let mut code = PAYMENT.code().unwrap();
    code.language = Some(LanguageTemplate {
        language: "ZH".to_owned(),
        merchant_name: "最佳运输".to_owned(),
        merchant_city: Some("北京".to_owned()),
        other: [].into(),
    });
    let scanned = QrCode::parse(&code.write().unwrap()).unwrap();
    assert_eq!(scanned, code);
    assert_eq!(DynamicQr::of(&scanned, 26, 2), Ok(PAYMENT));
}

#[test]
fn an_amount_of_zero_is_refused() {
    let error = DynamicQr { minor_units: 0, ..PAYMENT }.code().unwrap_err();
    assert_eq!((error.location.tags(), error.rule), (&[54][..], QrRule::Amount));
}

#[test]
fn an_account_needs_a_tag_from_26_to_51() {
    let error = DynamicQr { account_tag: 62, ..PAYMENT }.code().unwrap().write().unwrap_err();
    assert_eq!(error.to_string(), "tag 62: this tag is not allowed here: use 26 to 51");
    assert!(DynamicQr { account_tag: 250, ..PAYMENT }.code().unwrap().write().is_err());
}

#[test]
fn a_code_for_no_single_payment_is_refused() {
    let refusal = |change: &dyn Fn(&mut QrCode)| {
        let mut code = PAYMENT.code().unwrap();
        change(&mut code);
        DynamicQr::of(&code, 26, 2).unwrap_err().to_string()
    };
    let missing = |tag| format!("tag {tag}: missing, but required");
    let fixed = refusal(&|code| code.initiation = Some(PointOfInitiation::Static));
    assert_eq!(fixed, "tag 01: not a code for a single payment: this tag must be 12 (dynamic)");
    assert_eq!(refusal(&|code| code.accounts.clear()), missing("26"));
    assert_eq!(refusal(&|code| code.amount = None), missing("54"));
    assert_eq!(refusal(&|code| code.additional = None), missing("62"));
    let without = |change: fn(&mut qr::AdditionalData)| {
        refusal(&|code| change(code.additional.as_mut().unwrap()))
    };
    assert_eq!(refusal(&|code| code.unreserved.clear()), missing("80/01"));
    assert_eq!(without(|additional| additional.reference_label = None), missing("62/05"));
    assert_eq!(without(|additional| additional.terminal_label = None), missing("62/07"));
    let decimals = refusal(&|code| code.amount = Some("23.725".parse().unwrap()));
    assert!(decimals.starts_with("tag 54: too many decimals: the currency has 2"), "{decimals}");
}
