//! Payouts as CSV.

use files::payouts::{PayoutRow, escape_formula, unescape_formula, write_csv};
use money::{Amount, Currency};
use proptest::prelude::*;

fn line(payout: &str, seller: &str, currency: Currency) -> PayoutRow {
    PayoutRow {
        payout: payout.to_owned(),
        seller: seller.to_owned(),
        currency,
        gross: Amount::of(10_000),
        fees: Amount::of(210),
        refunded: Amount::of(1_000),
        returned: Amount::of(500),
        invoiced: Amount::of(30),
        compensated: Amount::of(10),
        net: Amount::of(9_330),
    }
}

fn csv(lines: &[PayoutRow]) -> String {
    let mut out = Vec::new();
    assert_eq!(write_csv(lines, &mut out).unwrap(), lines.len());
    String::from_utf8(out).unwrap()
}

#[test]
fn amounts_are_written_with_the_decimals_of_their_currency() {
    let text = csv(&[
        line("P-1", "S1", Currency::BRL),
        line("P-2", "张三, 店", Currency::JPY),
        line("P-3", "S \"3\"", Currency::TND),
    ]);
    assert_eq!(
        text,
        "payout,seller,currency,gross,fees,net,given_back,returned,invoiced,compensated\n\
         P-1,S1,BRL,100.00,2.10,93.30,10.00,5.00,0.30,0.10\n\
         P-2,\"张三, 店\",JPY,10000,210,9330,1000,500,30,10\n\
         P-3,\"S \"\"3\"\"\",TND,10.000,0.210,9.330,1.000,0.500,0.030,0.010\n"
    );
    assert_eq!(csv(&[]).lines().count(), 1);
}

#[test]
fn no_reference_becomes_a_formula() {
    let sellers = ["=1+1", "+49", "-x", "@home", "'quoted", "＝1", "plain", "a=b"];
    let lines: Vec<PayoutRow> =
        sellers.into_iter().map(|seller| line("P-1", seller, Currency::BRL)).collect();
    let text = csv(&lines);
    let fields: Vec<&str> =
        text.lines().skip(1).map(|line| line.split(',').nth(1).unwrap()).collect();
    assert_eq!(fields, ["'=1+1", "'+49", "'-x", "'@home", "''quoted", "'＝1", "plain", "a=b"]);
    assert_eq!(fields.into_iter().map(unescape_formula).collect::<Vec<_>>(), sellers);
}

#[test]
fn an_invalid_reference_is_refused() {
    let mut out = Vec::new();
    let lines = [line("P-1", "S1", Currency::BRL), line("P-2", "a\nb", Currency::BRL)];
    assert_eq!(
        write_csv(&lines, &mut out).unwrap_err().to_string(),
        "the seller of payout line 2 is not a valid reference: it has an unprintable character, \
         U+000A"
    );
}

#[test]
#[should_panic(expected = "M8: payout `P-1` does not add up")]
fn a_line_that_does_not_add_up_stops_the_process() {
    let wrong = PayoutRow { net: Amount::of(9_291), ..line("P-1", "S1", Currency::BRL) };
    let _ = write_csv(&[wrong], Vec::new());
}

proptest! {
    #[test]
    fn every_text_comes_back(text in "\\PC*") {
        let field = escape_formula(&text);
        prop_assert_eq!(unescape_formula(&field), text.as_str());
    }
}
