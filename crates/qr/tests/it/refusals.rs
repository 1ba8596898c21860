//! Each rule that a code can break, with the location in the error.

use qr::{AdditionalData, LanguageTemplate, QrCode, QrError, QrRule, Template, Tip};

use crate::support::{EXAMPLE, with_checksum};

const HEAD: &str = "00020101021229140010WALLET.ONE";
const TAIL: &str = "5204421553031565802CN5904SHOP6007BEIJING";

/// A small code with text inserted after its accounts.
fn with(middle: &str) -> String {
    with_checksum(&format!("{HEAD}{middle}{TAIL}"))
}

/// A small code without one of its tags.
fn without(object: &str) -> String {
    let whole = format!("{HEAD}{TAIL}");
    assert!(whole.contains(object));
    with_checksum(&whole.replacen(object, "", 1))
}

fn refused(text: &str) -> QrError {
    QrCode::parse(text).expect_err("the code has a fault")
}

fn place(error: QrError) -> (Vec<u8>, Option<usize>) {
    (error.location.tags().to_vec(), error.location.offset())
}

#[track_caller]
fn assert_refused(text: &str, tags: &[u8], offset: Option<usize>, rule: QrRule) {
    let error = refused(text);
    assert_eq!((place(error), error.rule), ((tags.to_vec(), offset), rule), "{error}");
}

#[test]
fn the_small_code_is_valid() {
    QrCode::parse(&with("")).unwrap();
}

#[test]
fn required_tags_are_reported_as_missing() {
    for (tag, object) in
        [(52, "52044215"), (53, "5303156"), (58, "5802CN"), (59, "5904SHOP"), (60, "6007BEIJING")]
    {
        assert_refused(&without(object), &[tag], None, QrRule::Missing);
    }
    assert_refused(&without("29140010WALLET.ONE"), &[], None, QrRule::MissingAccount);
    assert_refused("", &[0], None, QrRule::Missing);
    assert_refused("000201", &[63], None, QrRule::Missing);
}

#[test]
fn the_format_indicator_comes_first_and_the_checksum_last() {
    assert_refused(&without("000201"), &[1], Some(0), QrRule::FormatIndicatorNotFirst);
    let late = format!("{}9102AB", with(""));
    assert_refused(&late, &[63], Some(70), QrRule::ChecksumNotLast);
    assert_refused(&with("6304ABCD"), &[63], Some(78), QrRule::DuplicateTag { first_offset: 30 });
}

#[test]
fn a_duplicate_tag_is_refused() {
    assert_refused(&with("5904SHOP"), &[59], Some(59), QrRule::DuplicateTag { first_offset: 30 });
    assert_refused(
        &with("62120702T10702T2"),
        &[62, 7],
        Some(40),
        QrRule::DuplicateTag { first_offset: 34 },
    );
}

#[test]
fn lengths_count_characters() {
    let right = with("64120002ZH0102北京");
    assert_eq!(QrCode::parse(&right).unwrap().language.unwrap().merchant_name, "北京");
    let in_bytes = with("64120002ZH0106北京");
    assert_refused(
        &in_bytes,
        &[64, 1],
        Some(40),
        QrRule::LengthBeyondEnd { declared: 6, available: 2 },
    );
}

#[test]
fn a_truncated_text_is_refused() {
    let ends: Vec<usize> = EXAMPLE.char_indices().map(|(end, _)| end).collect();
    for end in ends {
        let error = refused(&EXAMPLE[..end]);
        let by_shape = matches!(
            error.rule,
            QrRule::Truncated | QrRule::LengthBeyondEnd { .. } | QrRule::Missing
        );
        assert!(by_shape, "{end}: {error}");
    }
}

#[test]
fn one_wrong_digit_is_a_wrong_checksum() {
    let damaged = EXAMPLE.replace("23.72", "23.73");
    let error = refused(&damaged);
    assert_eq!(error.location.tags(), [63]);
    assert!(matches!(error.rule, QrRule::Checksum { found: 0xCDE7, .. }), "{error}");
    assert_refused(
        &EXAMPLE.replace("CDE7", "CDG7"),
        &[63],
        Some(204),
        QrRule::Character { position: 3, allowed: "0 to 9 and A to F" },
    );
}

#[test]
fn a_checksum_in_lower_case_is_valid() {
    let small = EXAMPLE.replace("6304CDE7", "6304cde7");
    assert_eq!(QrCode::parse(&small), QrCode::parse(EXAMPLE));
}

#[test]
fn an_invalid_tag_or_length_is_reported() {
    assert_refused(&with("XX"), &[], Some(30), QrRule::TagDigits);
    assert_refused(&with("61x2AB"), &[61], Some(30), QrRule::LengthDigits);
    assert_refused(&with("６１"), &[], Some(30), QrRule::TagDigits);
    assert_refused("0", &[], Some(0), QrRule::Truncated);
    assert_refused("000", &[0], Some(0), QrRule::Truncated);
    assert_refused("00020163", &[63], Some(6), QrRule::Truncated);
    assert_refused("not a payment", &[], Some(0), QrRule::TagDigits);
}

#[test]
fn values_have_a_length() {
    let long = "N".repeat(26);
    let length = QrRule::Length { characters: 26, min: 1, max: 25 };
    let name = format!("{HEAD}{}", TAIL.replace("5904SHOP", &format!("5926{long}")));
    assert_refused(&with_checksum(&name), &[59], Some(51), length);
    assert_refused(&with(&format!("62300126{long}")), &[62, 1], Some(34), length);
    assert_refused(
        &with("6111CITY-CENTRE"),
        &[61],
        Some(30),
        QrRule::Length { characters: 11, min: 1, max: 10 },
    );
    assert_refused(
        &with("6100"),
        &[61],
        Some(30),
        QrRule::Length { characters: 0, min: 1, max: 10 },
    );
}

#[test]
fn values_have_an_alphabet() {
    let refusal = |old: &str, new: &str| {
        refused(&with_checksum(&format!("{HEAD}{}", TAIL.replace(old, new)))).to_string()
    };
    assert_eq!(
        refusal("SHOP", "SHÖP"),
        "tag 59 at character 51: character 3 of the value is not allowed; allowed: ASCII from \
         space to ~; \
         other scripts go into tag 64"
    );
    assert_eq!(
        refusal("5802CN", "5802cn"),
        "tag 58 at character 45: character 1 of the value is not allowed; allowed: A to Z (ISO \
         3166-1 \
         country)"
    );
    assert_eq!(
        refusal("5303156", "5303CNY"),
        "tag 53 at character 38: character 1 of the value is not allowed; allowed: digits"
    );
    let text = "all except control characters";
    assert_refused(
        &with("64120002ZH0102A\u{1b}"),
        &[64, 1],
        Some(40),
        QrRule::Character { position: 2, allowed: text },
    );
}

#[test]
fn values_from_a_list_are_checked() {
    for (old, new, tag, offset) in
        [("000201", "000202", 0, 0), ("010212", "010213", 1, 6), ("010212", "550204", 55, 6)]
    {
        let error = refused(&with_checksum(&format!("{HEAD}{TAIL}").replace(old, new)));
        assert_eq!(place(error), (vec![tag], Some(offset)));
        assert!(matches!(error.rule, QrRule::ValueNotAllowed { .. }), "{error}");
    }
}

#[test]
fn amounts_are_decimal_text_above_zero() {
    for wrong in ["0", "0.00", "23,72", "1.2.3", "-1", " 1", "1e3"] {
        let text = with(&format!("54{:02}{wrong}", wrong.len()));
        assert_refused(&text, &[54], Some(30), QrRule::Amount);
    }
    let text = with("541412345678901.23");
    assert_refused(&text, &[54], Some(30), QrRule::Length { characters: 14, min: 1, max: 13 });
}

#[test]
fn tips_need_their_indicator() {
    assert!(QrCode::parse(&with("550201")).is_ok());
    assert!(QrCode::parse(&with("55020256045.00")).is_ok());
    assert!(QrCode::parse(&with("55020357045.00")).is_ok());
    for (wrong, tag, offset) in [
        ("550202", 55, 30),
        ("550203", 55, 30),
        ("56045.00", 56, 30),
        ("57045.00", 57, 30),
        ("55020156045.00", 55, 30),
        ("55020257045.00", 55, 30),
        ("55020356045.00", 55, 30),
        ("55020256045.0057045.00", 55, 30),
    ] {
        assert_refused(&with(wrong), &[tag], Some(offset), QrRule::Tip);
    }
    assert_refused(&with("5502035705100.0"), &[57], Some(36), QrRule::Percent);
}

#[test]
fn a_template_needs_its_identifier() {
    assert_refused(&with("30080104ABCD"), &[30, 0], None, QrRule::Missing);
    assert_refused(&with("62105006010212"), &[62, 50, 0], None, QrRule::Missing);
    assert_refused(&with("64060102AB"), &[64, 0], None, QrRule::Missing);
    assert_refused(&with("64060002ZH"), &[64, 1], None, QrRule::Missing);
    let none = QrRule::TagNotAllowed { first: 1, last: 99 };
    assert_refused(&with("62060002AB"), &[62, 0], Some(34), none);
}

#[test]
fn tags_without_a_name_are_written_back() {
    let unnamed = "62241202AB50140010WALLET.TWO";
    let text = with(unnamed);
    let code = QrCode::parse(&text).unwrap();
    let additional = code.additional.as_ref().unwrap();
    assert_eq!(additional.other[&12], "AB");
    assert_eq!(additional.templates[&50].guid, "WALLET.TWO");
    assert_eq!(code.write().unwrap(), with_checksum(&format!("{HEAD}{TAIL}{unnamed}")));

    let ascending = format!("{HEAD}{TAIL}64160002ZH0102北京0900");
    assert!(QrCode::parse(&with_checksum(&ascending)).is_err());
    let ascending = format!("{HEAD}{TAIL}64180002ZH0102北京0902XY65026579020080060002ME");
    let ascending = with_checksum(&ascending);
    assert_eq!(QrCode::parse(&ascending).unwrap().write().unwrap(), ascending);
}

#[test]
fn a_code_is_at_most_512_characters_long() {
    let filler = |tag: u8, width: usize| format!("{tag}{width}{}", "X".repeat(width));
    let long = |last: usize| {
        let fillers: Vec<String> = (65..69).map(|tag| filler(tag, 99)).collect();
        with_checksum(&format!("{HEAD}{TAIL}{}{}", fillers.concat(), filler(69, last)))
    };
    let longest = long(18);
    assert_eq!(longest.len(), 512);
    let mut code = QrCode::parse(&longest).unwrap();
    assert_eq!(code.write().unwrap(), longest);
    assert_refused(&long(19), &[], None, QrRule::CodeLength { characters: 513 });
    code.postal_code = Some("1".to_owned());
    assert_eq!(code.write().unwrap_err().rule, QrRule::CodeLength { characters: 517 });
}

#[test]
fn errors_and_debug_contain_no_value() {
    let text = with("0216412345678901234562230211619000000010604JANE");
    let mut code = QrCode::parse(&text).unwrap();
    let shown = format!("{code:#?}");
    for value in ["4123456789012345", "61900000001", "JANE", "SHOP", "BEIJING"] {
        assert!(text.contains(value));
        assert!(!shown.contains(value), "{shown}");
    }
    code.scheme_accounts.insert(2, "4123456789012345\n".to_owned());
    let error = code.write().unwrap_err();
    assert!(!format!("{error} {error:?}").contains("4123"));
}

#[test]
fn a_code_that_could_not_be_read_is_not_written() {
    let right = QrCode::parse(&with("")).unwrap();
    let refusal = |change: &dyn Fn(&mut QrCode)| {
        let mut code = right.clone();
        change(&mut code);
        code.write().unwrap_err().to_string()
    };
    let template = || Template { guid: "X".to_owned(), fields: [].into() };
    let wrong_tag = refusal(&|code| drop(code.accounts.insert(25, template())));
    assert_eq!(wrong_tag, "tag 25: this tag is not allowed here: use 26 to 51");
    let three_digits = refusal(&|code| drop(code.unreserved.insert(100, template())));
    assert_eq!(three_digits, "tag 100: this tag is not allowed here: use 80 to 99");
    let category = refusal(&|code| code.merchant_category = 10_000);
    assert_eq!(category, "tag 52: 5 characters long, 4 to 4 are allowed");
    let currency = refusal(&|code| code.currency = 1_000);
    assert_eq!(currency, "tag 53: 4 characters long, 3 to 3 are allowed");
    let nothing = refusal(&|code| code.additional = Some(AdditionalData::default()));
    assert_eq!(nothing, "tag 62: 0 characters long, 1 to 99 are allowed");
    let no_account = refusal(&|code| code.accounts.clear());
    assert!(no_account.starts_with("the code: no merchant account"), "{no_account}");
    let language = refusal(&|code| {
        code.language = Some(LanguageTemplate {
            language: "ZHO".to_owned(),
            merchant_name: "店".to_owned(),
            merchant_city: None,
            other: [].into(),
        });
    });
    assert_eq!(language, "tag 64/00: 3 characters long, 2 to 2 are allowed");
    let crowded = refusal(&|code| {
        let four = std::array::from_fn::<_, 4, _>(|_| Some("N".repeat(25)));
        let [bill, mobile, store, loyalty] = four;
        code.additional = Some(AdditionalData {
            bill_number: bill,
            mobile_number: mobile,
            store_label: store,
            loyalty_number: loyalty,
            ..AdditionalData::default()
        });
    });
    assert_eq!(crowded, "tag 62: 116 characters long, 1 to 99 are allowed");
    let mut tipped = right.clone();
    tipped.tip = Some(Tip::Percent("3.5".parse().unwrap()));
    assert_eq!(QrCode::parse(&tipped.write().unwrap()), Ok(tipped));
}
