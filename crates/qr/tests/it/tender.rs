//! The code of one tender, from the terminal to the wallet.

use qr::{Code, Dynamic, Initiation, Language, Rule};

const TENDER: Dynamic<'static> = Dynamic {
    account_tag: 26,
    account_guid: "org.example.wallet",
    merchant: "M0000042",
    category: 4215,
    currency: 156,
    minor_units: 2_372,
    exponent: 2,
    country: "CN",
    name: "BEST TRANSPORT",
    city: "BEIJING",
    reference: "7K3Q9ZP2",
    waybill: "DS0000000017",
    terminal: "T0000001",
};

/// Built field by field from the tables of the specification.
const TEXT: &str = "00020101021226340018org.example.wallet0108M00000425204421553031565405\
                    23.725802CN5914BEST TRANSPORT6007BEIJING622405087K3Q9ZP20708T000\
                    000180360016doorstep.waybill0112DS00000000176304";

#[test]
fn a_tender_is_shown_as_one_text() {
    let text = TENDER.code().unwrap().write().unwrap();
    assert_eq!(text, format!("{TEXT}{:04X}", qr::crc16_ccitt_false(TEXT.as_bytes())));
}

#[test]
fn the_wallet_reads_what_the_terminal_showed() {
    for (minor_units, exponent, currency) in
        [(2_372, 2, 156), (5, 2, 986), (500, 0, 392), (1, 3, 788)]
    {
        let shown = Dynamic { minor_units, exponent, currency, ..TENDER };
        let scanned = Code::parse(&shown.code().unwrap().write().unwrap()).unwrap();
        assert_eq!(Dynamic::of(&scanned, 26, exponent), Ok(shown));
    }
}

#[test]
fn the_name_in_its_own_script_goes_beside() {
    let mut code = TENDER.code().unwrap();
    code.language = Some(Language {
        language: "ZH".to_owned(),
        name: "最佳运输".to_owned(),
        city: Some("北京".to_owned()),
        other: [].into(),
    });
    let scanned = Code::parse(&code.write().unwrap()).unwrap();
    assert_eq!(scanned, code);
    assert_eq!(Dynamic::of(&scanned, 26, 2), Ok(TENDER));
}

#[test]
fn nothing_due_is_no_tender() {
    let error = Dynamic { minor_units: 0, ..TENDER }.code().unwrap_err();
    assert_eq!((error.place.tags(), error.rule), (&[54][..], Rule::Amount));
}

#[test]
fn an_account_has_a_tag_of_wallets() {
    let error = Dynamic { account_tag: 62, ..TENDER }.code().unwrap().write().unwrap_err();
    assert_eq!(error.to_string(), "tag 62: no such tag in this place; use 26 to 51");
    assert!(Dynamic { account_tag: 250, ..TENDER }.code().unwrap().write().is_err());
}

#[test]
fn a_code_that_is_none_of_one_tender_is_refused_by_its_missing_tag() {
    let refusal = |change: &dyn Fn(&mut Code)| {
        let mut code = TENDER.code().unwrap();
        change(&mut code);
        Dynamic::of(&code, 26, 2).unwrap_err().to_string()
    };
    let missing = |tag| format!("tag {tag}: missing, and it must be there");
    let fixed = refusal(&|code| code.initiation = Some(Initiation::Static));
    assert_eq!(fixed, "tag 01: not a code for one tender: this tag should say 12 (dynamic)");
    assert_eq!(refusal(&|code| code.accounts.clear()), missing("26"));
    assert_eq!(refusal(&|code| code.amount = None), missing("54"));
    assert_eq!(refusal(&|code| code.additional = None), missing("62"));
    let without = |change: fn(&mut qr::Additional)| {
        refusal(&|code| change(code.additional.as_mut().unwrap()))
    };
    assert_eq!(refusal(&|code| code.unreserved.clear()), missing("80/01"));
    assert_eq!(without(|additional| additional.reference = None), missing("62/05"));
    assert_eq!(without(|additional| additional.terminal = None), missing("62/07"));
    let decimals = refusal(&|code| code.amount = Some("23.725".parse().unwrap()));
    assert!(decimals.starts_with("tag 54: more decimals than the 2"), "{decimals}");
}
