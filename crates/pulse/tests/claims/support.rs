//! Claims in a short form.

use pulse::claims::{Judgement, Verdict, judge, read};

/// A claim from lines such as `total = 437.13 bn CNY`, `b2c: 36.1% of total`,
/// `total: b2c + c2c`, `total: 21.0% over 2012-Q2`, `1 USD = 6.122 CNY`, `period 2013-Q2`.
pub fn claim(id: &str, lines: &str) -> String {
    let (mut heads, mut values, mut parts) = (String::new(), Vec::new(), Vec::new());
    let (mut shares, mut growth, mut rates) = (Vec::new(), Vec::new(), Vec::new());
    for line in lines.split('\n').map(str::trim).filter(|line| !line.is_empty()) {
        if let Some(rate) = line.strip_prefix("1 ") {
            let [from, _, value, to] = words(rate);
            rates.push(format!("{{ from = {from:?}, to = {to:?}, value = {value:?} }}"));
        } else if let Some((name, amount)) = line.split_once(" = ") {
            let mut words = amount.split(' ');
            let amount = words.next().unwrap();
            let rest: Vec<&str> = words.collect();
            let is_currency = |word: &&str| word.len() == 3 && word.is_ascii();
            let scale = rest.iter().find(|word| !is_currency(word)).unwrap_or(&"");
            let currency = rest.iter().find(|word| is_currency(word));
            let currency = currency.map(|code| format!(", currency = {code:?}"));
            let currency = currency.unwrap_or_default();
            values.push(format!(
                "{{ name = {name:?}, amount = {amount:?}, scale = {scale:?}{currency} }}"
            ));
        } else if let Some((name, rest)) = line.split_once(": ") {
            if let Some((percent, whole)) = rest.split_once("% of ") {
                shares.push(format!(
                    "{{ part = {name:?}, whole = {whole:?}, percent = {percent:?} }}"
                ));
            } else if let Some((percent, over)) = rest.split_once("% over ") {
                growth.push(format!(
                    "{{ value = {name:?}, percent = {percent:?}, over = {over:?} }}"
                ));
            } else {
                let of: Vec<&str> = rest.split(" + ").collect();
                parts.push(format!("{{ whole = {name:?}, of = {of:?} }}"));
            }
        } else {
            let (key, text) = line.split_once(' ').unwrap();
            heads += &format!("{key} = {text:?}\n");
        }
    }
    format!(
        "[[claim]]\nid = {id:?}\n{heads}values = [{}]\nparts = [{}]\nshares = [{}]\n\
         growth = [{}]\nrates = [{}]\n",
        values.join(", "),
        parts.join(", "),
        shares.join(", "),
        growth.join(", "),
        rates.join(", ")
    )
}

fn words<const N: usize>(text: &str) -> [&str; N] {
    let words: Vec<&str> = text.split(' ').collect();
    words.try_into().unwrap_or_else(|words| panic!("{words:?}"))
}

pub fn judged(text: &str) -> Vec<Judgement> {
    judge(&read(text).unwrap_or_else(|error| panic!("{error}\n{text}")))
}

/// The verdict on a claim alone, and the keys of its reasons.
pub fn verdict(lines: &str) -> (Verdict, Vec<&'static str>) {
    let judgement = judged(&claim("it", lines)).remove(0);
    (judgement.verdict, judgement.reasons.iter().map(|reason| reason.key).collect())
}

#[track_caller]
pub fn holds(lines: &str) {
    let (verdict, reasons) = verdict(lines);
    assert_eq!(verdict, Verdict::Holds, "{lines}\n{reasons:?}");
}

#[track_caller]
pub fn cannot_hold(lines: &str, reason: &str) {
    let (verdict, reasons) = verdict(lines);
    assert_eq!(verdict, Verdict::CannotHold, "{lines}\n{reasons:?}");
    assert!(reasons.contains(&reason), "{reasons:?}");
}

#[track_caller]
pub fn needs_a_definition(lines: &str, reason: &str) {
    let (verdict, reasons) = verdict(lines);
    assert_eq!(verdict, Verdict::NeedsDefinition, "{lines}\n{reasons:?}");
    assert!(reasons.contains(&reason), "{reasons:?}");
}
