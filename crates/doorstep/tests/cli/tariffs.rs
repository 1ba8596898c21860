//! Invalid tariff files, and tariffs that do not fit the day.

use super::support::{Bed, number, text};

/// A version with one card class.
fn version(number: u32, from: &str, until: &str, issuer: &str) -> String {
    let until = if until.is_empty() { String::new() } else { format!("until = \"{until}\"\n") };
    format!(
        "[[version]]\nnumber = {number}\nfrom = \"{from}\"\n{until}[[version.class]]\n\
         name = \"general\"\n\
         card = {{ issuer = \"{issuer}\", network = \"0%\", acquirer = \"0%\" }}\n"
    )
}

fn tariff(versions: &[String]) -> String {
    let head = "name = \"mine\"\ntitle = \"Mine\"\nsource = \"a test\"\n";
    format!("{head}{}", versions.join(""))
}

/// `tariff check` and `day` refuse a tariff with these words.
#[track_caller]
fn refuses(tariff: &str, words: &str) {
    let bed = Bed::new();
    bed.write("mine.toml", tariff);
    bed.run("tariff check mine.toml").fails(&format!("error: mine.toml: {words}\n"));
    bed.run("day --parcels 10 --data books --tariff mine.toml")
        .fails(&format!("error: --tariff: mine.toml: {words}\n"));
    assert!(!bed.has("books"), "nothing was written");
}

#[test]
fn gaps_overlaps_and_shares_above_the_whole_are_named_with_their_place() {
    let first = |until: &str| version(1, "2013-01-01", until, "1%");
    let second = || version(2, "2013-07-01", "", "1%");
    refuses(
        &tariff(&[first("2013-06-30"), second()]),
        "version 1: gap: no version holds from 2013-06-30 to 2013-06-30; end it with until = \
         \"2013-07-01\"",
    );
    refuses(
        &tariff(&[first("2013-07-11"), second()]),
        "version 1: overlap: two versions hold from 2013-07-01 to 2013-07-10; end it with until = \
         \"2013-07-01\"",
    );
    refuses(
        &tariff(&[first(""), second()]),
        "version 1: overlap: it has no `until`, but version 2 begins 2013-07-01; end it with until \
         = \"2013-07-01\"",
    );
    refuses(
        &tariff(&[version(1, "2013-01-01", "", "100.01%")]),
        "version 1, class `general`, card, issuer: `100.01%` is more than 100%",
    );
    refuses(
        &tariff(&[
            version(1, "2013-01-01", "", "99%").replace("network = \"0%\"", "network = \"1.5%\"")
        ]),
        "version 1: the shares of class `general`, debit cards, with COD fee and commission, add \
         up to 100.5000%, more than the whole amount",
    );
    refuses(
        "name = 1\n",
        "line 1: `1` has no quotation marks: write a rate as \"0.55%\" and a sum as \"2.00\"",
    );
}

#[test]
fn a_valid_tariff_is_shown() {
    let bed = Bed::new();
    bed.write("mine.toml", tariff(&[version(1, "2013-01-01", "", "1.25%")]));
    let ran = bed.run("tariff check mine.toml").succeeds().says_nothing();
    ran.prints("mine — Mine\n").prints("1.25%").prints("The tariff is valid.\n");
    let ran = bed.run("tariff check china-2013").succeeds();
    ran.prints("general").prints("0.55%").prints("The tariff is valid.\n");
}

#[test]
fn a_new_tariff_version_applies_from_its_date() {
    let bed = Bed::new();
    let versions =
        [version(1, "2013-01-01", "2013-11-11", "1%"), version(2, "2013-11-11", "", "2%")];
    bed.write("mine.toml", tariff(&versions));
    bed.orders("orders.csv", &["A,S1,CNY,100.00"]);
    let line = "day --orders orders.csv --profile doorstep --tariff mine.toml --tender card \
                --refusals 0 --faults 0 --json";
    for (date, fee, version) in [("2013-11-09", 100, "mine/1"), ("2013-11-11", 200, "mine/2")] {
        let day = bed.run(&format!("{line} --date {date} --data {date}")).succeeds().json();
        assert_eq!(number(&day, "/fees/issuer"), fee, "{date}");
        bed.run(&format!("explain payout 1 --data {date}")).succeeds().prints(version);
    }
}

#[test]
fn a_tariff_that_does_not_fit_the_day_is_refused_before_anything_is_written() {
    let bed = Bed::new();
    let dollars = tariff(&[version(1, "2013-01-01", "2013-12-31", "1%")]);
    bed.write("dollars.toml", dollars.replacen("source", "currency = \"USD\"\nsource", 1));
    bed.orders("orders.csv", &["A,S1,CNY,10.00"]);
    let other = "error: --tariff: `mine` is for USD only, but there are parcels in CNY; give a \
                 tariff in CNY, or one without a currency\n";
    bed.run("day --parcels 10 --data books --tariff dollars.toml").fails(other);
    let import = "import --orders orders.csv --profile doorstep --data books";
    bed.run(&format!("{import} --tariff dollars.toml")).fails(other);

    bed.run("day --parcels 10 --data books --tariff china2013").fails(
        "error: --tariff: china2013: no such file or built-in tariff (did you mean \
         `china-2013`?); built-in tariffs: china-2013\n",
    );
    bed.run("tariff check nowhere.toml").fails(
        "error: nowhere.toml: no such file or built-in tariff; built-in tariffs: china-2013\n",
    );
    let classes =
        "its classes: general, wholesale, dining, property-and-cars, livelihood, public-welfare";
    let class = format!(
        "error: --class generl: the tariff `china-2013` has no such class (did you mean \
         `general`?); {classes}\n"
    );
    bed.run("day --parcels 10 --data books --class generl").fails(&class);
    bed.run(&format!("{import} --class generl")).fails(&class);
    bed.run("day --parcels 10 --data books --class bakeries").fails(&format!(
        "error: --class bakeries: the tariff `china-2013` has no such class; {classes}\n"
    ));
    bed.run("day --parcels 10 --data books --date 2013-02-24").fails(
        "error: --date 2013-02-24: the tariff `china-2013` has no version in force on 2013-02-24; \
         it is in force from 2013-02-25, without end, and a day ends on the day after\n",
    );
    bed.write("short.toml", tariff(&[version(1, "2013-01-01", "2013-12-31", "1%")]));
    bed.run("day --parcels 10 --data books --tariff short.toml --date 2013-12-30").fails(
        "error: --date 2013-12-30: the tariff `mine` has no version in force on 2013-12-31; it is \
         in force from 2013-01-01, until 2013-12-31, and a day ends on the day after\n",
    );
    assert!(!bed.has("books"), "nothing was written");
}

/// Imports orders of two sellers, runs a day by cash or card, and checks seller S1's payout.
#[track_caller]
fn pays_in(currency: &str, orders: &[&str], tender: &str, fees: &[(&str, i64)], payout: &str) {
    let bed = Bed::new();
    bed.orders("orders.csv", orders);
    let orders = "--orders orders.csv --profile doorstep";
    bed.run(&format!("import {orders} --data imported")).succeeds().prints("refused 0\n");
    let day = format!("day {orders} --tender {tender} --refusals 0 --faults 0 --json --data books");
    let day = bed.run(&day).succeeds().json();
    assert_eq!(text(&day, "/currency"), currency);
    let lines = bed.read("books/payouts.csv");
    assert!(lines.contains(&format!("\n{payout}\n")), "{payout} is not in\n{lines}");
    let number_of_payout = payout.split(',').next().unwrap();
    let explained = bed.run(&format!("explain payout {number_of_payout} --data books --json"));
    let explained = explained.succeeds().json();
    for (kind, fee) in fees {
        let found = number(&explained, &format!("/lines/0/fees/{kind}"));
        assert_eq!(found, *fee, "{kind} in {explained:#}");
    }
    let net = payout.split(',').nth(5).unwrap();
    let explained = bed.run(&format!("explain payout {number_of_payout} --data books"));
    let last = explained.succeeds().stdout().replace(',', "");
    assert!(last.contains(&format!(" {net}\n")), "{net} is not in\n{last}");
    bed.verified("books");
}

#[test]
fn yen_have_no_decimals_and_dinars_three_from_the_order_to_the_payout() {
    // The fixed fees of cash are 20 and 40 yen. 0.5% and 1% of 3,000 are below them.
    let orders = ["A,S1,JPY,3000", "B,S2,JPY,100000"];
    let fees = [("commission", 20), ("cod", 40)];
    pays_in("JPY", &orders, "cash", &fees, "1,S1,JPY,3000,60,2940,0,0,0,0");
    // 0.5% and 1% of 100,000 yen.
    let fees = [("commission", 500), ("cod", 1_000)];
    let orders = ["A,S1,JPY,100000", "B,S2,JPY,3000"];
    pays_in("JPY", &orders, "cash", &fees, "1,S1,JPY,100000,1500,98500,0,0,0,0");
    // 0.55%, 0.08% and 0.15% of 3,001 yen, each rounded to the yen: 16.5, 2.4 and 4.5.
    let orders = ["A,S1,JPY,3001", "B,S2,JPY,3001"];
    let fees = [("issuer", 17), ("network", 2), ("acquirer", 5)];
    pays_in("JPY", &orders, "card", &fees, "1,S1,JPY,3001,24,2977,0,0,0,0");
    // The fixed fees of cash are 0.050 and 0.100 dinars.
    let orders = ["A,S1,KWD,5.000", "B,S2,KWD,100.000"];
    let fees = [("commission", 50), ("cod", 100)];
    pays_in("KWD", &orders, "cash", &fees, "1,S1,KWD,5.000,0.150,4.850,0.000,0.000,0.000,0.000");
    // 0.55%, 0.08% and 0.15% of 12.345 dinars: 0.0679, 0.0099 and 0.0185.
    let orders = ["A,S1,KWD,12.345", "B,S2,KWD,12.345"];
    let fees = [("issuer", 68), ("network", 10), ("acquirer", 19)];
    pays_in("KWD", &orders, "card", &fees, "1,S1,KWD,12.345,0.097,12.248,0.000,0.000,0.000,0.000");
}

#[test]
fn an_order_in_a_currency_without_sums_is_refused_before_anything_is_written() {
    let bed = Bed::new();
    bed.orders("orders.csv", &["A,S1,EUR,10.00"]);
    let words = "error: --tariff: `china-2013` is for CNY, BRL, JPY, KWD only, but there are \
                 parcels in EUR; give a tariff in EUR, or one without a currency\n";
    for task in ["import", "day"] {
        bed.run(&format!("{task} --orders orders.csv --profile doorstep --data books"))
            .fails(words);
    }
    assert!(!bed.has("books"), "nothing was written");
    // Rates alone hold in every currency.
    bed.write("mine.toml", tariff(&[version(1, "2013-01-01", "", "1%")]));
    bed.run("import --orders orders.csv --profile doorstep --data books --tariff mine.toml")
        .succeeds()
        .prints("announced 1; existed already 0; refused 0\n");
}

#[test]
fn a_sum_without_a_currency_is_named_with_its_place() {
    let version = version(1, "2013-01-01", "", "1%");
    refuses(
        &tariff(&[version.replacen("from", "return_fee = \"4.00\"\nfrom", 1)]),
        "version 1, return_fee: a sum needs a currency: add `currency` to the tariff, or use rates \
         only",
    );
}

#[test]
fn numbers_without_quotation_marks_and_negative_fees_are_named_in_words() {
    let version = version(1, "2013-01-01", "", "1%");
    let with = |from: &str, to: &str| tariff(&[version.replacen(from, to, 1)]);
    for number in ["0.55", "55", "0.55%", "55%", "-0.55"] {
        refuses(
            &with("\"1%\"", number),
            &format!(
                "line 9: `{number}` has no quotation marks: write a rate as \"0.55%\" and a sum as \
                 \"2.00\""
            ),
        );
    }
    refuses(
        &with("\"1%\"", "\"-0.55%\""),
        "version 1, class `general`, card, issuer: `-0.55%` is negative; a rate is 0% or more",
    );
    refuses(
        &with("\"1%\"", "\"0.55\""),
        "version 1, class `general`, card, issuer: `0.55` is not a rate: write a percentage with \
         at most four decimals, for example 0.55%",
    );
    let sum = with("from", "return_fee = \"-4.00\"\nfrom");
    refuses(
        &sum.replacen("source", "currency = \"CNY\"\nsource", 1),
        "version 1, return_fee: `-4.00` is negative: a fee, a cap or a return fee is zero or more",
    );
    let bed = Bed::new();
    bed.write("mine.toml", with("\"1%\"", "\"55%\""));
    bed.run("tariff check mine.toml")
        .succeeds()
        .prints("Note: version 1, class general: 55% is an unusual rate; did you mean 0.55%?\n");
    let checked = bed.run("tariff check mine.toml --json").succeeds().json();
    assert_eq!(checked["notes"].as_array().unwrap().len(), 1, "{checked}");
    let shown = bed.run("tariff show mine.toml --json").succeeds().json();
    assert_eq!(shown, checked);
    let version = &shown["tariffs"][0]["versions"][0];
    assert_eq!((&version["number"], &version["from"]), (&1.into(), &"2013-01-01".into()));
    assert_eq!(version["terms"]["classes"][0]["name"], "general");
    bed.run("tariff show mine.toml").succeeds().prints("55%");
    bed.run("tariff show").succeeds().prints("china-2013");
}

#[test]
fn a_quote_shows_each_fee_and_what_the_seller_gets() {
    let bed = Bed::new();
    // 0.5% and 1% of 128.50 are 0.64 and 1.29; the fixed fees are 1.00 and 2.00.
    let ran = bed.run("tariff quote 128.50 --cash").succeeds().says_nothing();
    assert_eq!(
        ran.stdout().split_whitespace().collect::<Vec<_>>().join(" "),
        "china-2013, version 1 (in force from 2013-02-25), class general, cash, CNY the buyer pays \
         128.50 commission 1.00 0.5% × 128.50, at least 1.00 a parcel COD fee 2.00 1% × 128.50, at \
         least 2.00 a parcel fees 3.00 the seller gets 125.50"
    );
    let of = |flags: &str| {
        let quote = bed.run(&format!("tariff quote {flags} --json")).succeeds().json();
        let fees: Vec<(String, i64)> = (0..quote["fees"].as_array().unwrap().len())
            .map(|place| {
                let fee = text(&quote, &format!("/fees/{place}/fee")).to_owned();
                (fee, number(&quote, &format!("/fees/{place}/amount")))
            })
            .collect();
        let fees: Vec<String> = fees.iter().map(|(fee, minor)| format!("{fee} {minor}")).collect();
        (fees.join(", "), number(&quote, "/fees_total"), number(&quote, "/net"))
    };
    // 0.55%, 0.08% and 0.15% of 10,000.00; the class `wholesale` has a cap of 26.00.
    let card = "issuer 5500, network 800, acquirer 1500".to_owned();
    assert_eq!(of("10000 --debit"), (card, 7_800, 992_200));
    assert_eq!(of("10000 --credit --class wholesale").1, 2_600);
    // 0.6% of 3,000 yen; a fixed commission of 4; 0.2% are less than the fixed fee of 10.
    let qr = "wallet 18, commission 4, cod 10".to_owned();
    assert_eq!(of("3000 --qr --currency JPY"), (qr, 32, 2_968));
    for (flags, words) in [("128.50 --cash --qr", "cannot be used with"), ("128.50", "required")] {
        let ran = bed.run(&format!("tariff quote {flags}")).ends_with(2);
        assert!(ran.stderr().contains(words), "{ran}");
    }
    for (flags, words) in [
        ("-5 --cash", "error: AMOUNT: `-5` is negative"),
        ("0 --cash", "error: AMOUNT: write an amount above zero\n"),
        ("1.005 --cash", "error: AMOUNT: `1.005` has 3 decimals, CNY has 2"),
        ("5 --cash --class generl", "did you mean `general`?"),
        ("5 --cash --currency EUR", "error: --currency EUR: the tariff `china-2013` is for CNY"),
        ("5 --cash --date 2013-02-24", "error: --date 2013-02-24: the tariff `china-2013` has no"),
    ] {
        bed.run(&format!("tariff quote {flags}")).fails(words);
    }
    bed.write(
        "vat.toml",
        include_str!("../../../../docs/files/tariff.md")
            .split("```")
            .nth(1)
            .unwrap()
            .trim_start_matches("toml"),
    );
    // 0.5% of 100.00 is 0.50; 1% is less than the fixed 2.00. VAT is 10% of 2.50, and of 6.00.
    let cash = "commission 50, cod 200, vat 25, freight 600, vat 60".to_owned();
    assert_eq!(of("100 --cash --tariff vat.toml"), (cash, 935, 9_065));
    let zh = bed.run("tariff quote 128.50 --cash --lang zh").succeeds();
    zh.prints("卖家所得").prints("代收服务费");
}
