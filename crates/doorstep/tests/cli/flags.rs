//! Invalid command lines, and suggestions.

use super::support::Bed;

#[track_caller]
fn refuses(line: &str, words: &str) {
    let bed = Bed::new();
    bed.run(line).ends_with(2).says(words);
    assert!(!bed.has("books"), "nothing was written");
}

#[test]
fn unknown_flags_and_commands_are_answered_with_the_nearest_name() {
    refuses("day --parcel 10 --data books", "a similar argument exists: '--parcels'");
    refuses("day --orders a.csv --profil olist", "a similar argument exists: '--profile'");
    refuses("verfy --data books", "a similar subcommand exists: 'verify'");
    refuses("tariff chek a.toml", "a similar subcommand exists: 'check'");
    refuses("explain payot 1 --data books", "a similar subcommand exists: 'payout'");
    refuses("export --data books --format hleger", "a similar value exists: 'hledger'");
    refuses("day --tender crad", "[possible values: mixed, card, qr, cash]");
    refuses("", "Usage: doorstep [OPTIONS] <COMMAND>");
}

#[test]
fn orders_and_their_profile_go_together() {
    refuses("day --orders a.csv --data books", "--profile <NAME|FILE>");
    refuses("day --profile olist --data books", "--orders <PATH>");
    refuses("day --file-forms camt --data books", "--files <DIR>");
    refuses("day --seller me --data books", "--orders <PATH>");
    refuses(
        "day --orders a.csv --profile olist --parcels 10 --data books",
        "the argument '--orders <PATH>' cannot be used with '--parcels <PARCELS>'",
    );
}

#[test]
fn values_out_of_range_say_the_range() {
    refuses(
        "day --parcels 0 --data books",
        "error: --parcels 0: write a whole number from 1 to 2000000\n",
    );
    refuses(
        "day --refusals 101 --data books",
        "error: --refusals 101: write a whole number from 0 to 100\n",
    );
    refuses(
        "day --faults 1001 --data books",
        "error: --faults 1001: write a whole number from 0 to 1000\n",
    );
    refuses("day --seed minus --data books", "error: --seed minus: write a whole number\n");
    refuses(
        "day --seed 99999999999999999999 --data books",
        "error: --seed 99999999999999999999: the number is too large\n",
    );
    refuses(
        "day --date 2013-13-01 --data books",
        "`2013-13-01` is not a date from 1970-01-01 to 2149-06-06; write it as 2013-08-28",
    );
}

#[test]
fn profiles_are_known_by_name_or_by_file() {
    let bed = Bed::new();
    bed.orders("orders.csv", &["A,S1,CNY,10.00"]);
    bed.run("day --orders orders.csv --profile oliist --data books").fails(
        "error: --profile: there is no profile `oliist` (did you mean `olist`?); use `doorstep`, \
         `olist`, `shopify`, `woocommerce`, `woocommerce-advanced`, `woocommerce-analytics`, or \
         the path of a .toml file\n",
    );
    bed.run("day --orders orders.csv --profile nowhere.toml --data books").fails(
        "error: --profile: the profile nowhere.toml cannot be read: No such file or directory",
    );
    bed.run("day --orders orders.csv --profile doorstep --seller me --data books").fails(
        "error: --seller: the profile `doorstep` reads the seller from the file; do not give one\n",
    );
    bed.run("day --orders orders.csv --profile woocommerce --data books").fails(
        "error: --orders: the profile `woocommerce` reads no sellers from the file; name the \
         seller with --seller, or map each vendor or shop to a seller with --sellers FILE\n",
    );
    assert!(!bed.has("books"), "nothing was written");
}
