//! Invalid tariff files, and tariffs that do not fit the day.

use super::support::{Bed, number};

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
    refuses("name = 1\n", "line 1: invalid type: integer `1`, expected a string");
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
