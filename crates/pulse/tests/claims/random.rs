//! Random claims: true values, rounded and left out at random, and some of them misprinted.

use proptest::prelude::*;
use pulse::claims::{
    Claim, ClaimedGrowth, ClaimedParts, ClaimedShare, ClaimedValue, ExchangeRate, Scale,
};

const PARTS: [&str; 3] = ["a", "b", "c"];
const RATE_THOUSANDTHS: u64 = 6_122;

/// What is left out, misprinted and how it is rounded.
#[derive(Clone, Debug)]
pub struct RandomClaim {
    parts: [u64; 3],
    before: [u64; 3],
    /// Which values are given, in CNY, in USD, and before.
    given: [[bool; 4]; 3],
    shares: [bool; 3],
    growth: [bool; 4],
    has_parts: bool,
    has_rate: bool,
    is_flat: bool,
    decimals: usize,
    scales: [usize; 2],
    /// The place among all figures, and what is added to its last digit but one.
    misprint: Option<(usize, u64)>,
}

pub fn choices() -> impl Strategy<Value = RandomClaim> {
    let mostly = || (0..10_u8).prop_map(|it| it < 7);
    let rarely = || (0..10_u8).prop_map(|it| it < 3);
    let values = (
        prop::array::uniform3(0..5_000_u64),
        prop::array::uniform3(0..5_000_u64),
        prop::array::uniform4(mostly()),
        prop::array::uniform4(rarely()),
        prop::array::uniform4(mostly()),
    );
    let relations = (
        prop::array::uniform3(mostly()),
        prop::array::uniform4(rarely()),
        mostly(),
        mostly(),
        rarely(),
    );
    let forms = (0..3_usize, prop::array::uniform2(0..3_usize));
    let misprint = prop::option::of((0..20_usize, 1..9_u64));
    (values, relations, forms, misprint).prop_map(|(values, relations, forms, misprint)| {
        let (parts, before, cny, usd, earlier) = values;
        let (shares, growth, has_parts, has_rate, is_flat) = relations;
        let (decimals, scales) = forms;
        let given = [cny, usd, earlier];
        RandomClaim {
            parts,
            before,
            given,
            shares,
            growth,
            has_parts,
            has_rate,
            is_flat,
            decimals,
            scales,
            misprint,
        }
    })
}

/// Claims whose figures are all rounded from true values. Nothing became less.
pub fn true_choices() -> impl Strategy<Value = RandomClaim> {
    choices().prop_map(|choices| {
        let mut before = choices.before;
        before.iter_mut().zip(choices.parts).for_each(|(before, now)| *before = now.min(*before));
        RandomClaim { before, misprint: None, ..choices }
    })
}

/// Writes figures, one of them misprinted.
struct Writer {
    misprint: Option<(usize, u64)>,
    written: usize,
}

impl Writer {
    /// A fraction rounded to decimals, halves up.
    fn figure<T: std::str::FromStr>(&mut self, over: u64, under: u64, decimals: usize) -> T
    where
        T::Err: std::fmt::Debug,
    {
        let unit = 10_u64.pow(u32::try_from(decimals).unwrap());
        let mut units = (over * unit * 2 + under) / (under * 2);
        if let Some((_, more)) = self.misprint.filter(|(place, _)| *place == self.written) {
            units += more * 10;
        }
        self.written += 1;
        let digits = format!("{units:0>width$}", width = decimals + 1);
        let (whole, fraction) = digits.split_at(digits.len() - decimals);
        let text = if decimals == 0 { digits } else { format!("{whole}.{fraction}") };
        text.parse().unwrap()
    }
}

/// The claim of a period and the one that it grew over.
pub fn claims(choices: &RandomClaim) -> Vec<Claim> {
    let RandomClaim { decimals, .. } = *choices;
    let mut writer = Writer { misprint: choices.misprint, written: 0 };
    let scales = [Scale::Units, Scale::Thousand, Scale::Million];
    let scale = scales[choices.scales[0]];
    let names = || PARTS.into_iter().chain(["t"]);
    let with_sum = |parts: [u64; 3]| [parts[0], parts[1], parts[2], parts.iter().sum()];
    let (now, before) = (with_sum(choices.parts), with_sum(choices.before));
    let of = |id: &str, period: &str| {
        let (publisher, period) = (Some("P".into()), Some(period.into()));
        Claim { id: id.into(), publisher, period, ..Claim::default() }
    };
    let mut claim = of("now", "2013");
    let mut level = of("before", "2012");
    for (place, name) in names().enumerate() {
        let value = |amount, scale, currency: &str| ClaimedValue {
            name: name.into(),
            amount,
            scale,
            currency: Some(currency.parse().unwrap()),
        };
        if choices.given[0][place] {
            let amount = writer.figure(now[place], 10, decimals);
            claim.values.push(value(amount, scale, "CNY"));
        }
        if choices.given[1][place] {
            let amount = writer.figure(now[place] * 1_000, 10 * RATE_THOUSANDTHS, decimals + 1);
            claim.values.push(value(amount, scale, "USD"));
        }
        if choices.given[2][place] {
            let amount = writer.figure(before[place], 10, decimals);
            level.values.push(value(amount, scales[choices.scales[0]], "CNY"));
        }
    }
    let of: Vec<String> = PARTS.map(str::to_owned).into();
    if choices.has_parts {
        claim.parts.push(ClaimedParts { whole: "t".into(), of: of.clone() });
        level.parts.push(ClaimedParts { whole: "t".into(), of });
    }
    for (place, name) in PARTS.into_iter().enumerate() {
        if choices.shares[place] && now[3] > 0 {
            claim.shares.push(ClaimedShare {
                part: name.into(),
                whole: "t".into(),
                percent: writer.figure(now[place] * 100, now[3], 1),
            });
        }
    }
    for (place, name) in names().enumerate() {
        if choices.growth[place] && before[place] > 0 && (choices.is_flat || place == 3) {
            let grown = now[place].saturating_sub(before[place]);
            claim.growth.push(ClaimedGrowth {
                value: name.into(),
                percent: writer.figure(grown * 100, before[place], 1),
                over: "2012".into(),
            });
        }
    }
    if choices.has_rate {
        claim.rates.push(ExchangeRate {
            from: "USD".parse().unwrap(),
            to: "CNY".parse().unwrap(),
            value: writer.figure(RATE_THOUSANDTHS, 1_000, 3),
        });
    }
    vec![claim, level]
}

/// The claims as a file.
pub fn as_toml(claims: &[Claim]) -> String {
    let mut text = String::new();
    for claim in claims {
        text += &format!("[[claim]]\nid = {:?}\n", claim.id);
        let heads = [("publisher", &claim.publisher), ("period", &claim.period)];
        for (key, value) in heads {
            text += &value.as_ref().map(|it| format!("{key} = {it:?}\n")).unwrap_or_default();
        }
        for value in &claim.values {
            let currency = value.currency.map(|it| format!("currency = \"{it}\"\n"));
            text += &format!(
                "[[claim.values]]\nname = {:?}\namount = \"{}\"\nscale = {:?}\n{}",
                value.name,
                value.amount,
                value.scale.name(),
                currency.unwrap_or_default()
            );
        }
        for parts in &claim.parts {
            text += &format!("[[claim.parts]]\nwhole = {:?}\nof = {:?}\n", parts.whole, parts.of);
        }
        for ClaimedShare { part, whole, percent } in &claim.shares {
            text += &format!(
                "[[claim.shares]]\npart = {part:?}\nwhole = {whole:?}\npercent = \"{percent}\"\n"
            );
        }
        for ClaimedGrowth { value, percent, over } in &claim.growth {
            text += &format!(
                "[[claim.growth]]\nvalue = {value:?}\npercent = \"{percent}\"\nover = {over:?}\n"
            );
        }
        for ExchangeRate { from, to, value } in &claim.rates {
            text += &format!(
                "[[claim.rates]]\nfrom = \"{from}\"\nto = \"{to}\"\nvalue = \"{value}\"\n"
            );
        }
    }
    text
}
