//! The refusals that a person can cause at the office, one by one: what is typed, and what is
//! answered. Each answer says what to do; a test beside the Chinese texts checks that of each kind.

use std::collections::BTreeSet;

use books::{MissingRecord, Refusal};
use money::Currency;
use office::RefusalInCurrency;

use super::ground::{self, Running, parcel};
use super::support::{Bed, text};

/// Refusals of the books that no person meets at the office, and why.
const NOT_AT_THE_OFFICE: &[(&str, &str)] = &[
    ("NotAllowed", "the office refuses commands that are not for persons to give"),
    ("Repeated", "the office answers that nothing changed, which is no error"),
    ("BooksNotOpen", "the office says how to open them"),
    ("TimeBackwards", "the node gives no time before that of the last command"),
    ("BadTerms", "the tariff file is checked before"),
    ("BadRoute", "only the switch routes payments"),
    ("BadMethod", "only terminals and the switch choose a payment method"),
    ("WrongSubject", "only terminals and the switch name transactions"),
    ("WrongChange", "only terminals take cash"),
    ("WrongBatch", "only terminals open batches"),
    ("BatchFull", "only terminals have batches"),
    ("BatchBusy", "only terminals close batches"),
    ("BatchNotDisputed", "only terminals send a batch's lines"),
    ("TraceTaken", "only terminals number transactions"),
    ("RequestDeclined", "only the switch declines requests of terminals"),
    ("TooManyOpenItems", "only terminals open batches"),
    ("ApprovedDecline", "only networks and wallets decline"),
    ("PreAuthorisationExpired", "only terminals complete pre-authorisations"),
    ("NetworkWithdrawn", "only the switch chooses networks"),
    ("EarlierPaymentUnknown", "only terminals begin payments"),
    ("TooManyUnknown", "only terminals begin payments"),
    ("CashLimitExceeded", "only terminals take cash"),
    ("TerminalBlocked", "only terminals begin payments"),
    ("NotFound(Transaction)", "only terminals name transactions"),
    ("NotOneOfThePersons", "the office fills in who gives the command"),
    ("NumberForgotten", "after very many later numbers"),
    ("TooManyTerms", "after very many changes that wait for their day"),
    ("TooMany", "after very many refunds of a payment, or changes of a break"),
    ("CodesUsedUp", "after five wrong codes; scenarios of the books try it"),
    ("NoTariff", "when the last version of a tariff has ended"),
    ("ChangesOutOfOrder", "the zone table has them in order"),
    ("Overflow", "beyond the largest amount"),
    ("LimitReached", "a check before it refuses what is more than there is"),
    ("OtherContent", "an approval again, by other people"),
    ("BreakOfSuspendedSale", "after an offline sale of a blocked terminal"),
    ("ChargebackWasLost", "after a chargeback that was lost; scenarios of the books try it"),
    ("ChargebackWasWon", "after a chargeback that was won; scenarios of the books try it"),
    ("ChargebackPaidBack", "after a line that paid it; scenarios of the books try it"),
    ("OffsetOutOfRange", "the office has the offset from the zone table"),
    ("LineOfAnotherRequest", "a file's lines are matched; scenarios of the books try it"),
    ("NotThePaymentsSeller", "after a line that paid less; scenarios of the books try it"),
    ("InvoiceNotOpen", "after an invoice that was paid; scenarios of the books try it"),
    ("PayoutOnItsWay", "after a payout to an account; scenarios of the books try it"),
    ("SamePerson", "the office says who had a part, and who else can be the second person"),
    ("PlanState", "the office says in which state the plan or break is"),
    ("PaymentState", "the office says what was paid in cash; after a reversal or a chargeback"),
    ("NotFound(Payment)", "the office names the payment as it was typed"),
    ("NotFound(Tariff)", "the office names the tariffs that there are"),
    ("SellerHasOpenParcels", "of a seller without money; scenarios of the books try it"),
    ("OtherPersonalData", "the office names the kind that the subject has"),
    ("LastAdministrator", "after one of two left; scenarios of the books try it"),
    ("KeyOfNoPerson", "a key gives it; scenarios of the books try it"),
    ("TooManyKeys", "after very many keys"),
    ("KeyGrants", "scenarios of the books try it"),
    ("KeyTime", "scenarios of the books try it"),
    ("KeyNotInForce", "scenarios of the books try it"),
    ("NotAdministrator", "scenarios of the books try it"),
    ("FileNotEnded", "the office takes a file whole; scenarios of the books try it"),
    ("FileTakenBefore", "the office says that it was taken; scenarios of the books try it"),
    ("FileHasAllLines", "the office counts the lines; scenarios of the books try it"),
    ("FileLinesMissing", "the office counts the lines; scenarios of the books try it"),
    ("FileTotal", "the office adds the lines up; scenarios of the books try it"),
    ("OpeningBalanceOfFile", "the office reads it from the file; scenarios of the books try it"),
    ("StatementGap", "the office compares it before; scenarios of the books try it"),
    ("EntryPartsNotInOrder", "the office orders them; scenarios of the books try it"),
    ("MovementAmount", "the matcher has the amount; scenarios of the books try it"),
    ("OtherBankAccount", "the matcher has the account; scenarios of the books try it"),
    ("NotFound(File)", "the office gives files their numbers; scenarios of the books try it"),
    ("NotFound(BankMovement)", "the matcher finds it in the books; scenarios of the books try it"),
    ("NotFound(ExpectedEntry)", "the matcher finds it in the books; scenarios of the books try it"),
    ("PersonRemoved", "after a person was removed; scenarios of the books try it"),
];

/// What is typed after `doorstep`, and what the answer has in it; empty if the command is carried
/// out. P0 to P4 are parcels out with courier-1: P0 is paid in cash, P1 by card, P3 in part.
const TYPED: &[(&str, &str)] = &[
    // The office.
    ("do RegisterBanc", "there is no command `RegisterBanc`; `doorstep do --list` lists all"),
    ("setup bnk", "bnk"),
    ("do BeginPurchase", "BeginPurchase is not for persons to give"),
    ("setup bank b-2 --colour red", "RegisterBank has no field for --colour; use one of: --bank"),
    ("setup bank b-2", "RegisterBank needs --currency; see `doorstep do RegisterBank --help`"),
    ("setup bank b-2 --currency yuan", "--currency yuan: `yuan` is not a currency code"),
    ("parcel lose 1001 --paid-by Seller", "--parcel 1001: write a waybill, a parcel's id, or SELL"),
    ("refund give P0/9 --amount 0.01CNY", "there is no payment `"),
    ("setup retention 200 --person nobody", "nobody has the name `nobody` in persons.toml"),
    ("setup retention 200", ""),
    ("approve 1", "proposal 1 is your own; a second person approves it with `doorstep approve 1`"),
    ("approve 9", "there is no proposal 9"),
    ("hand-over count 7 --counted 0.01CNY --code 12", "six digits"),
    // What the books do not have.
    (
        "deposit announce bench-couriers --bank nobody --amount 0.01CNY --number 1",
        "such bank account",
    ),
    ("parcel assign P2 --firm nobody", "there is no such courier firm"),
    ("parcel dispatch P2 --courier nobody", "there is no such courier:"),
    ("terminals block 99 --number 1", "there is no such terminal"),
    ("do ClearLine --rail Network=nobody LINE --reference REQUEST", "no such card network"),
    ("do ClearLine --rail Wallet=nobody LINE --reference Order=x", "there is no such wallet"),
    ("do ClearLine --rail Network=alpha LINE --reference Order=x", "must name its request"),
    ("suspend seller nobody --number 1", "there is no such seller"),
    ("setup seller s-1 --currency CNY --jurisdiction CN --tariff nothing", "no such tariff"),
    ("setup seller s-1 --currency CNY --jurisdiction CN --tariff 1 --class 99", "no such class"),
    ("setup seller s-1 --currency CNY --jurisdiction DE --tariff 1", "no such hold rule"),
    ("parcel lose 00000000000000000000000000000001 --paid-by Seller", "no such parcel"),
    ("refund give P0/9 --amount 0.01CNY --number 1", "there is no payment `"),
    ("hand-over cancel 7", "no such hand-over"),
    ("deposit confirm 7 --credited 0.01CNY", "no such deposit"),
    ("settlement approve 7", "no such settlement plan"),
    ("settlement confirm 7", "no such payout in flight"),
    (
        "payout-account erase seller-1 --currency CNY --approved-by bo",
        "no such payout account in force",
    ),
    ("break assign 7 --number 1 --owner ann", "no such open break"),
    ("chargeback lose P1/1 --number 7", "no such chargeback"),
    (
        "invoice paid seller-1 --currency CNY --invoice 7 --number 1 --amount 0.01CNY",
        "no such invoice",
    ),
    ("break close-open-item 7 --reason BooksAreRight --approved-by bo", "no such open item"),
    // Identifiers, numbers, references, amounts.
    ("setup bank bank --currency JPY", "has other content already: use a new one"),
    ("setup bank LONG --currency CNY", "the field `reference` must have 1 to"),
    (
        "break raise Bank=bank --side Excess --amount 1CNY --owner 2 --evidence 4111111111111111",
        "the field `evidence` looks like a card number",
    ),
    (
        "setup bank \u{202E}b --currency CNY",
        "the field `reference` has the invisible character U+202E",
    ),
    ("suspend seller seller-8 --number 7", "the number must be the next one, 1"),
    ("refund give P0/1 --amount 5.00CNY --number 1", ""),
    ("refund give P0/1 --amount 6.00CNY --number 1", "number 1 was used before with other"),
    ("refund give P0/1 --amount 0", "the amount must be above zero"),
    ("refund confirm P0/1 --number 1 --amount 0.01CNY", "the amount differs from the 5.00 CNY"),
    ("refund give P0/1 --amount 99999.00CNY", "the amount exceeds the"),
    ("parcel amend P2 --due 10000000000.00CNY", "one amount can be 9999999999.99 CNY at most"),
    ("setup hold-rule CN --rule DaysAfterHeld=181 --approved-by bo", "a hold has 0 to 180 days"),
    ("parcel accept-part P3 --accepted 5.00CNY", "more is paid than that: refund 5.00 CNY"),
    (
        "period adjust v-1 ADJUST --debit Own=OtherExpenses --credit Bank=bank",
        "the bank account has 0.00 CNY available",
    ),
    (
        "period adjust v-1 ADJUST --debit Own=OtherExpenses --credit Own=OtherIncome",
        "an adjusting entry is",
    ),
    ("do ReleaseDue --date TODAY --limit 0", "a list or limit must be between 1 and"),
    ("parcel announce x-1 --seller seller-1 --currency USD --due 0.01USD", "no account in USD"),
    // Tariffs.
    ("setup tariff tariff.toml --currency CNY --approved-by bo", ""),
    ("setup tariff past.toml --currency CNY --approved-by bo", "begin where the last one ends"),
    // Parcels.
    ("parcel amend P0 --due 5.00CNY", "the parcel's state does not allow this"),
    ("parcel announce x-1 --seller seller-1 --currency CNY --due 10.00CNY", ""),
    ("parcel announce x-1 --seller seller-1 --currency CNY --due 10.00CNY --shipment 2", "end it"),
    ("parcel cancel seller-1/x-1", ""),
    ("parcel announce x-1 --seller seller-1 --currency CNY --due 10.00CNY", "next shipment"),
    ("parcel announce x-2 --seller seller-1 --currency CNY --due 10.00CNY", ""),
    ("parcel assign seller-1/x-2 --firm bench-couriers", ""),
    ("setup firm other --currency CNY --approved-by bo", ""),
    ("setup courier c-9 --firm other --cash-limit 0.01CNY --approved-by bo", ""),
    ("parcel dispatch seller-1/x-2 --courier c-9", "belongs to another courier or firm"),
    ("suspend courier courier-3", ""),
    ("parcel dispatch seller-1/x-2 --courier courier-3", "the courier is suspended"),
    ("suspend seller seller-9", ""),
    (
        "parcel announce x-3 --seller seller-9 --currency CNY --due 0.01CNY",
        "the seller is suspended",
    ),
    ("parcel lose P4 --paid-by Seller", ""),
    ("parcel compensate P4 --amount 0.01CNY --approved-by bo", "the seller pays for this damaged"),
    // Cash.
    ("hand-over start courier-2", "the courier has no cash to hand over"),
    ("hand-over start courier-1 --handover 8", ""),
    ("hand-over start courier-1 --handover 9", "the courier has a hand-over that is not counted"),
    // Payments.
    ("chargeback receive P0/1 --amount 0.01CNY", "no network charges cash back: refund it"),
    ("setup refund-limit CNY --limit 1.00CNY --approved-by bo", ""),
    (
        "refund give P1/1 --amount 5.00CNY",
        "above 1.00 CNY need two people: run `doorstep refund by-two`",
    ),
    ("chargeback lose P1/1", "no such chargeback"),
    ("chargeback receive P1/1 --amount 1.00CNY", ""),
    ("chargeback take-back-win P1/1 --approved-by bo", "the chargeback is not won"),
    ("chargeback fee P1/1 --amount 1.00CNY", "fee of one chargeback can be 0.00 CNY at most"),
    ("chargeback lose P1/1", ""),
    (
        "chargeback receive P1/1 --amount 1.00CNY",
        "as number 1; nothing changed. To do it once more",
    ),
    ("chargeback receive P1/1 --amount 1.00CNY --number 2", ""),
    ("chargeback lose P1/1", "the payment has chargebacks 1, 2; give one with --number"),
    // Persons.
    ("erase seller:seller-1 --approved-by bo", "still have to reach the person: pay them first"),
    ("setup person 5 --approved-by 77", "person 77 is not registered, or was removed"),
    ("setup person 5 --approved-by 1", "person 1 is a courier, or acts for a seller"),
    ("setup person 5 --approved-by ann", "proposed it: the second person must be somebody else"),
    ("setup retention 5 --approved-by bo", "closed parcels are kept"),
    // Settlement and periods.
    ("settlement plan Monthly --currency CNY", "no seller of this cycle has a payout due"),
    ("hand-over supervise 8 --counted CASH --supervisor bo", ""),
    ("deposit announce bench-couriers --deposit 3 --amount CASH", ""),
    ("deposit confirm 3 --credited CASH", ""),
    ("settlement plan-cycle Daily --plan 5 --date TODAY --currency CNY", ""),
    ("settlement approve 5 --person bo", "two people approve it: run `doorstep settlement"),
    ("settlement execute 5", "of the calendar is not approved: two persons approve it"),
    ("settlement approve-cycle 5 --approved-by bo", ""),
    ("setup bank yen --currency JPY", ""),
    ("settlement execute 5", "ExecuteSettlement needs --bank"),
    ("settlement execute 5 --bank yen", "differ: name accounts and amounts of one currency"),
    ("period close TODAY --approved-by bo", "wait until a day has ended"),
    (
        "terms courier courier-1 --from 2013-01-01 --cash-limit 900.00CNY --approved-by bo",
        "or a later date",
    ),
];

/// A refusal's kind, and its sentence with `#` for numbers, dates and currencies.
fn kinds() -> Vec<(String, String)> {
    let missing = MissingRecord::examples();
    let of = |refusal: Refusal| {
        let kind = format!("{refusal:?}");
        let kind = match &refusal {
            Refusal::NotFound(record) => {
                let record = format!("{record:?}");
                format!("NotFound({})", record.split('(').next().unwrap_or_default())
            }
            _ => kind.split('(').next().unwrap_or_default().to_owned(),
        };
        let (refusal, currency) = (engine::Refusal::Books(refusal), Some(Currency::CNY));
        (kind, without_numbers(&RefusalInCurrency { refusal, currency }.to_string()))
    };
    let others = Refusal::examples().into_iter();
    let others = others.filter(|refusal| !matches!(refusal, Refusal::NotFound(_)));
    others.chain(missing.into_iter().map(Refusal::NotFound)).map(of).collect()
}

fn without_numbers(text: &str) -> String {
    let words = text.split(' ').map(|word| {
        let bare = word.trim_matches(|c: char| !c.is_ascii_alphanumeric());
        let number = bare.bytes().all(|b| b.is_ascii_digit() || b"-.".contains(&b));
        let number = number && !bare.is_empty();
        let currency = bare.len() == 3 && bare.bytes().all(|b| b.is_ascii_uppercase());
        match number || currency {
            true => word.trim_start_matches('-').replace(bare, "#"),
            false => word.to_owned(),
        }
    });
    words.collect::<Vec<_>>().join(" ")
}

/// The text of a tariff file, with the days of its versions.
fn tariff(versions: &[&str]) -> String {
    let head = "name = \"house\"\ntitle = \"t\"\nsource = \"s\"\ncurrency = \"CNY\"\n";
    let class = "class = [{ name = \"general\", wallet = { rate = \"0.6%\" }, card = { issuer = \
                 \"0.45%\", network = \"0.05%\", acquirer = \"0.10%\" } }]";
    let version = |(number, days): (usize, &&str)| {
        format!("[[version]]\nnumber = {number}\n{days}\nreturn_fee = \"4.00\"\n{class}\n")
    };
    head.to_owned() + &(1..).zip(versions).map(version).collect::<String>()
}

#[test]
fn each_refusal_that_a_person_can_cause_says_what_to_do() {
    let bed = Bed::new();
    ground::make(&bed);
    bed.write("tariff.toml", tariff(&["from = \"2026-01-01\""]));
    let past = ["from = \"2026-01-01\"\nuntil = \"2026-02-01\"", "from = \"2026-02-01\""];
    bed.write("past.toml", tariff(&past));
    let running = Running::start(&bed, "");
    let [(p0, due), (p1, _), (p3, _)] = [0, 1, 3].map(parcel);
    let script = [format!("cash {p0}"), format!("sell {p1}"), format!("cash {p3} 10.00")];
    running.terminal(&bed, "", &script).succeeds();
    let today = bed.run("parcels --json --data door/books").succeeds().json();
    let today = text(&today, "/date").to_owned();
    let cash = super::support::minor(&due) + 1_000;
    let (mut met, mut wrong) = (BTreeSet::new(), Vec::new());
    for (line, words) in TYPED {
        let mut typed = line.replace("TODAY", &today).replace("LONG", &"x".repeat(200));
        typed = typed.replace("CASH", &format!("{}.{:02}CNY", cash / 100, cash % 100));
        typed = typed
            .replace("ADJUST", &format!("--currency CNY --amount 0.01CNY --value-date {today}"));
        typed = typed.replace("LINE", LINE).replace("REQUEST", REQUEST);
        for number in 0..5 {
            typed = typed.replace(&format!("P{number}"), &parcel(number).0);
        }
        if typed.starts_with("period adjust") {
            typed += " --approved-by bo";
        }
        let ran = bed.run(&format!("{typed} --data door/books"));
        let fails = !words.is_empty();
        if (ran.stderr().is_empty(), ran.stderr().contains(words)) != (!fails, true) {
            wrong.push(format!("expected {words:?}{ran}"));
            continue;
        }
        if !fails {
            continue;
        }
        let said = without_numbers(ran.stderr());
        met.extend(kinds().into_iter().filter(|(_, text)| said.contains(text)).map(|(k, _)| k));
        let chinese = bed.run(&format!("{typed} --data door/books --lang zh")).ends_with(1);
        if !["请", "须", "无需", "说明", "可用"].iter().any(|one| chinese.stderr().contains(one))
        {
            wrong.push(format!("要做什么？{chinese}"));
        }
    }
    assert!(wrong.is_empty(), "{} of {}:{}", wrong.len(), TYPED.len(), wrong.concat());
    running.stop();
    bed.run("hand-over start courier-1 --data door/books").fails("one-time codes need the key");
    bed.verified("door/books");
    for (kind, _) in kinds() {
        let excused = NOT_AT_THE_OFFICE.iter().find(|(other, _)| *other == kind);
        assert!(met.contains(&kind) || excused.is_some(), "no command here is refused with {kind}");
        if let (true, Some((_, why))) = (met.contains(&kind), excused) {
            panic!("{kind} is met, although it is said not to be: {why}");
        }
    }
}

const REQUEST: &str =
    r#"{"Request":{"rrn":"ABCDEF000001","sent":{"stan":1,"sent_at":1377684672000}}}"#;
const LINE: &str = "--file 1 --line 1 --kind Sale --amount 1.00CNY --deducted 0 --bank bank";
