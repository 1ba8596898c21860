//! Seeds, fault levels and currencies. `./test --long` has more of them.

use sim::DayOptions;
use tariff::FeeKind;

use super::{inputs, inputs_in, live, out_again};

/// Three seeds at three fault levels, 8,000 orders each. The first seed of each level is compared
/// in every way by [`live`], and so are the others.
fn at_fault_level(faults_percent: u32) {
    for seed in 1..=3 {
        let options = DayOptions { seed, faults_percent, ..DayOptions::default() };
        let (day, _) = live(&inputs(8_000, seed), &options);
        let counts = day.report.counts;
        let ended = counts.delivered + counts.returned + counts.lost + out_again(&day.world);
        let waiting = day.report.incidents.shipped_again;
        assert_eq!(counts.announced, ended + waiting, "seed {seed}");
        assert_eq!(counts.timeouts > 0, faults_percent > 0, "seed {seed}");
    }
}

#[test]
fn days_without_faults_are_equal_to_their_world() {
    at_fault_level(0);
}

#[test]
fn days_with_the_usual_faults_are_equal_to_their_world() {
    at_fault_level(100);
}

#[test]
fn days_with_four_times_the_faults_are_equal_to_their_world() {
    at_fault_level(400);
}

const YEN: &str = r#"
name = "yen"
title = "Fees in yen: sums without decimals, a low cap"
source = "a test"
currency = "JPY"

[[version]]
number = 1
from = "2013-01-01"
return_fee = "350"
freight = "620"
vat = "10%"
offline_loss = "firm"
cod.card = { fixed = "30" }
cod.qr = { share = "0.25%" }
cod.cash = { fixed = "90", share = "0.9%" }
commission.card = { share = "0.15%" }
commission.cash = { fixed = "55", share = "0.4%" }

[[version.class]]
name = "general"
debit = { issuer = "0.35%", network = "0.08%", acquirer = "0.15%" }
credit = { issuer = "1.45%", network = "0.11%", acquirer = "0.35%", cap = "3" }
wallet = { rate = "0.77%", cap = "2" }
"#;

const DINAR: &str = r#"
name = "dinar"
title = "Fees in dinar: sums with three decimals; the day after has other ones"
source = "a test"
currency = "KWD"

[[version]]
number = 1
from = "2013-01-01"
until = "2013-08-29"
return_fee = "0.875"
freight = "1.055"
vat = "7.5%"
offline_loss = "doorstep"
cod.cash = { fixed = "0.255", share = "1.1%" }
commission.qr = { fixed = "0.015" }
commission.cash = { fixed = "0.105", share = "0.55%" }

[[version.class]]
name = "general"
card = { issuer = "0.5125%", network = "0.08%", acquirer = "0.15%" }
wallet = { rate = "0.6%" }

[[version]]
number = 2
from = "2013-08-29"
return_fee = "1.125"
freight = "1.200"

[[version.class]]
name = "general"
card = { issuer = "0.6%", network = "0.1%", acquirer = "0.2%", cap = "0.333" }
wallet = { rate = "0.7%" }
"#;

#[test]
fn days_in_yen_and_in_dinar_are_equal_to_their_world() {
    for (tariff, code) in [(YEN, "JPY"), (DINAR, "KWD")] {
        let currency = code.parse().expect("a currency");
        let withholding = money::Rate::from_ppm(105_000);
        let options =
            DayOptions { seed: 4, faults_percent: 200, withholding, ..DayOptions::default() };
        let (day, _) = live(&inputs_in(tariff, currency, 600, 4), &options);
        let (counts, incidents) = (day.report.counts, day.report.incidents);
        assert!(counts.returned > 0 && incidents.split_payments > 0, "{code}: {counts:?}");
        let (fees, firms) = (&day.world.fees, &day.world.firms);
        let charged = [FeeKind::Freight, FeeKind::Vat].map(|kind| fees.of(kind) > 0);
        assert!(charged == [true; 2] && firms.iter().any(|firm| firm.withheld > 0), "{code}");
    }
}
