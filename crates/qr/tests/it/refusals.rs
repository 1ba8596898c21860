//! Each rule that a code can break, with the place that is named.

use qr::{Additional, Code, Language, QrError, Rule, Template, Tip};

use crate::desk::{EXAMPLE, signed};

const HEAD: &str = "00020101021229140010WALLET.ONE";
const TAIL: &str = "5204421553031565802CN5904SHOP6007BEIJING";

/// A small code with something between its accounts and the rest.
fn with(middle: &str) -> String {
    signed(&format!("{HEAD}{middle}{TAIL}"))
}

/// A small code without one of its tags.
fn without(object: &str) -> String {
    let whole = format!("{HEAD}{TAIL}");
    assert!(whole.contains(object));
    signed(&whole.replacen(object, "", 1))
}

fn refused(text: &str) -> QrError {
    Code::parse(text).expect_err("the code has a fault")
}

fn place(error: QrError) -> (Vec<u8>, Option<usize>) {
    (error.place.tags().to_vec(), error.place.offset())
}

#[track_caller]
fn assert_refused(text: &str, tags: &[u8], offset: Option<usize>, rule: Rule) {
    let error = refused(text);
    assert_eq!((place(error), error.rule), ((tags.to_vec(), offset), rule), "{error}");
}

#[test]
fn the_small_code_is_right_to_begin_with() {
    Code::parse(&with("")).unwrap();
}

#[test]
fn tags_that_must_be_there_are_missed() {
    for (tag, object) in
        [(52, "52044215"), (53, "5303156"), (58, "5802CN"), (59, "5904SHOP"), (60, "6007BEIJING")]
    {
        assert_refused(&without(object), &[tag], None, Rule::Missing);
    }
    assert_refused(&without("29140010WALLET.ONE"), &[], None, Rule::NoAccount);
    assert_refused("", &[0], None, Rule::Missing);
    assert_refused("000201", &[63], None, Rule::Missing);
}

#[test]
fn the_format_indicator_comes_first_and_the_checksum_last() {
    assert_refused(&without("000201"), &[1], Some(0), Rule::NotFirst);
    let late = format!("{}9102AB", with(""));
    assert_refused(&late, &[63], Some(70), Rule::NotLast);
    assert_refused(&with("6304ABCD"), &[63], Some(78), Rule::Twice { first: 30 });
}

#[test]
fn a_tag_stands_once_in_a_code_and_once_in_a_template() {
    assert_refused(&with("5904SHOP"), &[59], Some(59), Rule::Twice { first: 30 });
    assert_refused(&with("62120702T10702T2"), &[62, 7], Some(40), Rule::Twice { first: 34 });
}

#[test]
fn lengths_count_characters() {
    let right = with("64120002ZH0102北京");
    assert_eq!(Code::parse(&right).unwrap().language.unwrap().name, "北京");
    let in_bytes = with("64120002ZH0106北京");
    assert_refused(&in_bytes, &[64, 1], Some(40), Rule::Beyond { says: 6, left: 2 });
}

#[test]
fn a_text_that_is_cut_is_refused_wherever_it_is_cut() {
    let ends: Vec<usize> = EXAMPLE.char_indices().map(|(end, _)| end).collect();
    for end in ends {
        let error = refused(&EXAMPLE[..end]);
        let by_shape = matches!(error.rule, Rule::Cut | Rule::Beyond { .. } | Rule::Missing);
        assert!(by_shape, "{end}: {error}");
    }
}

#[test]
fn one_wrong_digit_is_a_wrong_checksum() {
    let damaged = EXAMPLE.replace("23.72", "23.73");
    let error = refused(&damaged);
    assert_eq!(error.place.tags(), [63]);
    assert!(matches!(error.rule, Rule::Checksum { found: 0xCDE7, .. }), "{error}");
    assert_refused(
        &EXAMPLE.replace("CDE7", "CDG7"),
        &[63],
        Some(204),
        Rule::Character { position: 3, allowed: "0 to 9 and A to F" },
    );
}

#[test]
fn a_checksum_in_small_letters_is_right_too() {
    let small = EXAMPLE.replace("6304CDE7", "6304cde7");
    assert_eq!(Code::parse(&small), Code::parse(EXAMPLE));
}

#[test]
fn what_stands_where_a_tag_or_a_length_should_is_named() {
    assert_refused(&with("XX"), &[], Some(30), Rule::Tag);
    assert_refused(&with("61x2AB"), &[61], Some(30), Rule::LengthDigits);
    assert_refused(&with("６１"), &[], Some(30), Rule::Tag);
    assert_refused("0", &[], Some(0), Rule::Cut);
    assert_refused("000", &[0], Some(0), Rule::Cut);
    assert_refused("00020163", &[63], Some(6), Rule::Cut);
    assert_refused("not a payment", &[], Some(0), Rule::Tag);
}

#[test]
fn values_have_their_width() {
    let long = "N".repeat(26);
    let length = Rule::Length { characters: 26, min: 1, max: 25 };
    let name = format!("{HEAD}{}", TAIL.replace("5904SHOP", &format!("5926{long}")));
    assert_refused(&signed(&name), &[59], Some(51), length);
    assert_refused(&with(&format!("62300126{long}")), &[62, 1], Some(34), length);
    assert_refused(
        &with("6111CITY-CENTRE"),
        &[61],
        Some(30),
        Rule::Length { characters: 11, min: 1, max: 10 },
    );
    assert_refused(&with("6100"), &[61], Some(30), Rule::Length { characters: 0, min: 1, max: 10 });
}

#[test]
fn values_have_their_characters() {
    let refusal = |old: &str, new: &str| {
        refused(&signed(&format!("{HEAD}{}", TAIL.replace(old, new)))).to_string()
    };
    assert_eq!(
        refusal("SHOP", "SHÖP"),
        "tag 59 at character 51: character 3 of the value is wrong; allowed: space to ~ of ASCII; \
         other scripts go into tag 64"
    );
    assert_eq!(
        refusal("5802CN", "5802cn"),
        "tag 58 at character 45: character 1 of the value is wrong; allowed: A to Z, as ISO 3166-1 \
         writes countries"
    );
    assert_eq!(
        refusal("5303156", "5303CNY"),
        "tag 53 at character 38: character 1 of the value is wrong; allowed: digits"
    );
    let text = "all but control characters";
    assert_refused(
        &with("64120002ZH0102A\u{1b}"),
        &[64, 1],
        Some(40),
        Rule::Character { position: 2, allowed: text },
    );
}

#[test]
fn values_of_a_few_are_one_of_them() {
    for (old, new, tag, offset) in
        [("000201", "000202", 0, 0), ("010212", "010213", 1, 6), ("010212", "550204", 55, 6)]
    {
        let error = refused(&signed(&format!("{HEAD}{TAIL}").replace(old, new)));
        assert_eq!(place(error), (vec![tag], Some(offset)));
        assert!(matches!(error.rule, Rule::Value { .. }), "{error}");
    }
}

#[test]
fn amounts_are_decimal_text_above_nought() {
    for wrong in ["0", "0.00", "23,72", "1.2.3", "-1", " 1", "1e3"] {
        let text = with(&format!("54{:02}{wrong}", wrong.len()));
        assert_refused(&text, &[54], Some(30), Rule::Amount);
    }
    let text = with("541412345678901.23");
    assert_refused(&text, &[54], Some(30), Rule::Length { characters: 14, min: 1, max: 13 });
}

#[test]
fn tips_go_with_their_indicator() {
    assert!(Code::parse(&with("550201")).is_ok());
    assert!(Code::parse(&with("55020256045.00")).is_ok());
    assert!(Code::parse(&with("55020357045.00")).is_ok());
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
        assert_refused(&with(wrong), &[tag], Some(offset), Rule::Tip);
    }
    assert_refused(&with("5502035705100.0"), &[57], Some(36), Rule::Percent);
}

#[test]
fn a_template_needs_its_identifier() {
    assert_refused(&with("30080104ABCD"), &[30, 0], None, Rule::Missing);
    assert_refused(&with("62105006010212"), &[62, 50, 0], None, Rule::Missing);
    assert_refused(&with("64060102AB"), &[64, 0], None, Rule::Missing);
    assert_refused(&with("64060002ZH"), &[64, 1], None, Rule::Missing);
    let none = Rule::NoSuchTag { first: 1, last: 99 };
    assert_refused(&with("62060002AB"), &[62, 0], Some(34), none);
}

#[test]
fn tags_without_a_name_are_kept_and_written_again() {
    let unnamed = "62241202AB50140010WALLET.TWO";
    let text = with(unnamed);
    let code = Code::parse(&text).unwrap();
    let additional = code.additional.as_ref().unwrap();
    assert_eq!(additional.other[&12], "AB");
    assert_eq!(additional.templates[&50].guid, "WALLET.TWO");
    assert_eq!(code.write().unwrap(), signed(&format!("{HEAD}{TAIL}{unnamed}")));

    let ascending = format!("{HEAD}{TAIL}64160002ZH0102北京0900");
    assert!(Code::parse(&signed(&ascending)).is_err());
    let ascending = format!("{HEAD}{TAIL}64180002ZH0102北京0902XY65026579020080060002ME");
    let ascending = signed(&ascending);
    assert_eq!(Code::parse(&ascending).unwrap().write().unwrap(), ascending);
}

#[test]
fn a_code_is_at_most_512_characters_long() {
    let filler = |tag: u8, width: usize| format!("{tag}{width}{}", "X".repeat(width));
    let long = |last: usize| {
        let fillers: Vec<String> = (65..69).map(|tag| filler(tag, 99)).collect();
        signed(&format!("{HEAD}{TAIL}{}{}", fillers.concat(), filler(69, last)))
    };
    let longest = long(18);
    assert_eq!(longest.len(), 512);
    let mut code = Code::parse(&longest).unwrap();
    assert_eq!(code.write().unwrap(), longest);
    assert_refused(&long(19), &[], None, Rule::CodeLength { characters: 513 });
    code.postal_code = Some("1".to_owned());
    assert_eq!(code.write().unwrap_err().rule, Rule::CodeLength { characters: 517 });
}

#[test]
fn no_value_of_a_code_is_in_an_error_or_in_what_debug_shows() {
    let text = with("0216412345678901234562230211619000000010604JANE");
    let mut code = Code::parse(&text).unwrap();
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
fn what_cannot_be_read_again_is_not_written() {
    let right = Code::parse(&with("")).unwrap();
    let refusal = |change: &dyn Fn(&mut Code)| {
        let mut code = right.clone();
        change(&mut code);
        code.write().unwrap_err().to_string()
    };
    let template = || Template { guid: "X".to_owned(), fields: [].into() };
    let wrong_tag = refusal(&|code| drop(code.accounts.insert(25, template())));
    assert_eq!(wrong_tag, "tag 25: no such tag in this place; use 26 to 51");
    let three_digits = refusal(&|code| drop(code.unreserved.insert(100, template())));
    assert_eq!(three_digits, "tag 100: no such tag in this place; use 80 to 99");
    let category = refusal(&|code| code.category = 10_000);
    assert_eq!(category, "tag 52: 5 characters long, and 4 to 4 are allowed");
    let currency = refusal(&|code| code.currency = 1_000);
    assert_eq!(currency, "tag 53: 4 characters long, and 3 to 3 are allowed");
    let nothing = refusal(&|code| code.additional = Some(Additional::default()));
    assert_eq!(nothing, "tag 62: 0 characters long, and 1 to 99 are allowed");
    let no_account = refusal(&|code| code.accounts.clear());
    assert!(no_account.starts_with("the code: there is no merchant account"), "{no_account}");
    let language = refusal(&|code| {
        code.language = Some(Language {
            language: "ZHO".to_owned(),
            name: "店".to_owned(),
            city: None,
            other: [].into(),
        });
    });
    assert_eq!(language, "tag 64/00: 3 characters long, and 2 to 2 are allowed");
    let crowded = refusal(&|code| {
        let four = std::array::from_fn::<_, 4, _>(|_| Some("N".repeat(25)));
        let [bill, mobile, store, loyalty] = four;
        code.additional =
            Some(Additional { bill, mobile, store, loyalty, ..Additional::default() });
    });
    assert_eq!(crowded, "tag 62: 116 characters long, and 1 to 99 are allowed");
    let mut tipped = right.clone();
    tipped.tip = Some(Tip::Percent("3.5".parse().unwrap()));
    assert_eq!(Code::parse(&tipped.write().unwrap()), Ok(tipped));
}
