//! The reports on a small journal: the commands that each filter finds, and settlements.
#![allow(clippy::unwrap_used)]

use books::{BusinessDate, PersonId, TerminalId, Timestamp};
use engine::{Actor, Command, RequestKey, Submission};
use journal::DataDirectory;
use node::{NoSnapshots, Node, NodeOptions};
use reports::{
    AppliedCommand, CommandFilter, DaySums, TermsSource, explain_payout, read_commands,
    verify_books, write_payouts_csv, write_trial_messages,
};
use serde_json::{Value, json};
use tempfile::TempDir;

const PARCEL_A: &str = "0000000000000000000000000000000a";
const PARCEL_B: &str = "0000000000000000000000000000000b";
const DAY_MS: u64 = 86_400_000;

/// 2013-08-28 at 08:00 in UTC+08:00.
const MORNING: u64 = 1_377_648_000_000;

/// Adds commands to a journal. Each comes a second after the one before.
struct Writer {
    commands: Vec<(Option<Timestamp>, Submission)>,
    at: Timestamp,
}

impl Writer {
    fn give(&mut self, by: Actor, command: Value) -> &mut Submission {
        let command: Command = serde_json::from_value(command).unwrap();
        self.at = self.at.plus_ms(1000);
        self.commands.push((Some(self.at), Submission::new(by, command)));
        &mut self.commands.last_mut().unwrap().1
    }

    fn system(&mut self, command: Value) {
        self.give(Actor::System, command);
    }

    fn wait_days(&mut self, days: u64) {
        self.at = self.at.plus_ms(days * DAY_MS);
    }
}

fn date(text: &str) -> BusinessDate {
    text.parse().unwrap()
}

fn register_parties(writer: &mut Writer) {
    let free = json!({ "rate": 0 });
    let card = json!({ "issuer": free, "network": free, "acquirer": free });
    let nothing = json!({ "fixed": 0, "share": 0 });
    let per_method = json!({ "card": nothing, "qr": nothing, "cash": nothing });
    let class = json!({ "name": "general", "debit": card, "credit": card, "wallet": free });
    let terms = json!({
        "classes": [class], "cod": per_method, "commission": per_method, "return_fee": 100,
    });
    for command in [
        json!({
            "command": "OpenBooks", "utc_offset_minutes": 480,
            "first_person": "8", "second_person": "9", "trial": false,
        }),
        json!({ "command": "RegisterBank", "bank": "1", "currency": "CNY", "reference": "main" }),
        json!({
            "command": "RegisterFirm", "firm": "1", "currency": "CNY", "guarantee": 0,
            "reference": "firm", "proposed_by": "8", "approved_by": "9",
        }),
        json!({
            "command": "RegisterCourier", "courier": "7", "firm": "1", "cash_limit": 100_000,
            "reference": "c-7", "proposed_by": "8", "approved_by": "9",
        }),
        json!({ "command": "RegisterTerminal", "terminal": "10", "courier": "7" }),
        json!({
            "command": "SetHoldRule", "jurisdiction": "CN", "number": 1,
            "rule": { "DaysAfterHeld": 1 }, "proposed_by": "8", "approved_by": "9",
        }),
        json!({
            "command": "PublishTariff", "tariff": "1", "version": 1, "from": "2013-08-28",
            "currency": "CNY", "terms": terms, "reference": "free", "proposed_by": "8",
            "approved_by": "9",
        }),
    ] {
        writer.system(command);
    }
    for (seller, reference) in [("5", "s-5"), ("6", "s-6")] {
        writer.system(json!({
            "command": "RegisterSeller", "seller": seller, "kind": "Business", "currency": "CNY",
            "jurisdiction": "CN", "tariff": "1", "class": 0, "cycle": "Daily", "minimum": 0,
            "reference": reference,
        }));
    }
}

/// Parcel A is paid in cash, B is refused and comes back.
fn deliver(writer: &mut Writer) {
    let terminal = Actor::Terminal(TerminalId(10));
    for (parcel, seller, order) in [(PARCEL_A, "5", "a"), (PARCEL_B, "6", "b")] {
        writer.system(json!({
            "command": "AnnounceParcel", "parcel": parcel, "seller": seller, "currency": "CNY",
            "due": 10_000, "reference": order, "shipment": 1,
        }));
    }
    let first = |parcel| json!({ "parcel": parcel, "number": 1 });
    let parcels = json!([first(PARCEL_A), first(PARCEL_B)]);
    writer.system(json!({ "command": "AssignParcels", "firm": "1", "parcels": parcels }));
    let first = |parcel| json!({ "parcel": parcel, "attempt": 1 });
    let parcels = json!([first(PARCEL_A), first(PARCEL_B)]);
    writer.system(json!({ "command": "DispatchParcels", "courier": "7", "parcels": parcels }));
    writer.give(terminal, json!({ "command": "OpenBatch", "terminal": "10", "batch": 1 }));
    writer.give(
        terminal,
        json!({
            "command": "TakeCash", "trace": { "terminal": "10", "batch": 1, "stan": 1 },
            "duplicate_key": { "date": 828, "subject": "NoCard" }, "parcel": PARCEL_A,
            "amount": 10_000, "tendered": 10_000, "change": 0,
        }),
    );
    writer.system(json!({
        "command": "RefuseParcel", "parcel": PARCEL_B, "reason": "NotWanted",
    }));
    writer.system(json!({ "command": "ReturnParcel", "parcel": PARCEL_B }));
}

/// The cash of A goes to the bank and is released a day later.
fn release(writer: &mut Writer) {
    let code_mac = "00112233445566778899aabbccddeeff";
    writer.give(
        Actor::Person(PersonId(7)),
        json!({
            "command": "StartHandOver", "handover": "3", "courier": "7", "number": 1,
            "code_mac": code_mac,
        }),
    );
    let count = json!({
        "command": "CountHandOver", "handover": "3", "code_mac": code_mac,
        "counted": 10_000, "counted_by": "8",
    });
    let counted = writer.give(Actor::Person(PersonId(8)), count);
    counted.request_key = Some(RequestKey::new("k-1").unwrap());
    writer.system(json!({
        "command": "AnnounceDeposit", "deposit": "4", "firm": "1", "number": 1, "bank": "1",
        "amount": 10_000, "announced_by": "8",
    }));
    writer.system(json!({ "command": "ConfirmDeposit", "deposit": "4", "credited": 10_000 }));
    writer.wait_days(1);
    writer.system(json!({ "command": "ReleaseDue", "date": "2013-08-29", "limit": 100 }));
}

fn plan(writer: &mut Writer, plan: &str) {
    writer.system(json!({
        "command": "PlanSettlement", "plan": plan, "cycle": "Daily", "currency": "CNY",
        "planned_by": "8",
    }));
}

/// The money of A is paid by the second plan.
fn settle(writer: &mut Writer) {
    release(writer);
    for number in ["1", "2"] {
        plan(writer, number);
        if number == "1" {
            writer.system(json!({
                "command": "RejectSettlement", "plan": number, "rejected_by": "9",
            }));
        }
    }
    writer.system(json!({ "command": "ApproveSettlement", "plan": "2", "approved_by": "9" }));
    writer.system(json!({ "command": "ExecuteSettlement", "plan": "2", "bank": "1" }));
    writer.system(json!({ "command": "ConfirmPayout", "payout": "2" }));
    writer.wait_days(200);
    writer.system(json!({ "command": "ForgetClosed", "before": "2013-09-01", "limit": 100 }));
}

/// 40.00 of A are refunded after its plan is approved: the payout is dropped, and the second plan
/// pays the rest.
fn settle_after_a_refund(writer: &mut Writer) {
    release(writer);
    for number in ["1", "2"] {
        plan(writer, number);
        writer.system(json!({
            "command": "ApproveSettlement", "plan": number, "approved_by": "9",
        }));
        if number == "1" {
            writer.system(json!({
                "command": "Refund", "payment": { "parcel": PARCEL_A, "number": 1 }, "number": 1,
                "amount": 4_000,
            }));
        }
        writer.system(json!({ "command": "ExecuteSettlement", "plan": number, "bank": "1" }));
    }
}

/// Goodwill for the parcel's seller, of the day before, is paid with A. Both days are closed.
fn settle_adjusted(writer: &mut Writer) {
    release(writer);
    writer.system(json!({
        "command": "PostAdjustment", "number": 2, "currency": "CNY", "amount": 250,
        "debit": { "Own": "OtherExpenses" }, "credit": { "Seller": "5" },
        "value_date": "2013-08-28", "reference": "v-1", "proposed_by": "8", "approved_by": "9",
    }));
    plan(writer, "1");
    writer.system(json!({ "command": "ApproveSettlement", "plan": "1", "approved_by": "9" }));
    writer.system(json!({ "command": "ExecuteSettlement", "plan": "1", "bank": "1" }));
    for (number, until) in [(1, "2013-08-28"), (2, "2013-09-30")] {
        writer.wait_days(40);
        writer.system(json!({
            "command": "ClosePeriod", "number": number, "until": until, "proposed_by": "8",
            "approved_by": "9",
        }));
    }
}

/// One plan pays both sellers.
fn settle_with_another(writer: &mut Writer) {
    release(writer);
    writer.system(json!({
        "command": "PostAdjustment", "number": 1, "currency": "CNY", "amount": 777,
        "debit": { "Bank": "1" }, "credit": { "Seller": "6" },
        "value_date": "2013-08-29", "reference": "v-1", "proposed_by": "8", "approved_by": "9",
    }));
    plan(writer, "1");
    writer.system(json!({ "command": "ApproveSettlement", "plan": "1", "approved_by": "9" }));
    writer.system(json!({ "command": "ExecuteSettlement", "plan": "1", "bank": "1" }));
    writer.system(json!({ "command": "ConfirmPayout", "payout": "1" }));
}

fn books() -> TempDir {
    books_with(settle)
}

fn books_with(settle: fn(&mut Writer)) -> TempDir {
    let scratch = TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let directory = DataDirectory::create(&scratch.path().join("books")).unwrap();
    let journal = Box::new(directory.journal().unwrap());
    let node = Node::start(journal, Box::new(NoSnapshots), NodeOptions::default()).unwrap();
    let mut writer = Writer { commands: Vec::new(), at: Timestamp(MORNING) };
    register_parties(&mut writer);
    deliver(&mut writer);
    settle(&mut writer);
    let names: Vec<_> = writer.commands.iter().map(|(_, one)| one.command.name()).collect();
    for (result, name) in node.client().execute(writer.commands).unwrap().into_iter().zip(names) {
        result.unwrap_or_else(|refusal| panic!("{name}: {refusal}"));
    }
    node.stop().unwrap();
    scratch
}

/// Calls `each` with the commands that the filter finds.
fn read(scratch: &TempDir, filter: &CommandFilter, each: &mut dyn FnMut(&AppliedCommand)) {
    let mut each = |command: AppliedCommand| {
        each(&command);
        Ok(())
    };
    read_commands(&scratch.path().join("books"), filter, None, &mut each).unwrap();
}

fn names(scratch: &TempDir, filter: CommandFilter) -> Vec<&'static str> {
    let mut names = Vec::new();
    read(scratch, &filter, &mut |command| names.push(command.recorded.command));
    names
}

fn parcel(text: &str) -> CommandFilter {
    CommandFilter { parcel: Some(text.to_owned()), ..CommandFilter::default() }
}

#[test]
fn a_parcel_is_followed_through_hand_over_release_and_a_rejected_plan() {
    let scratch = books();
    // It is not forgotten, because the terminal's batch is open.
    let paid = [
        "AnnounceParcel",
        "AssignParcels",
        "DispatchParcels",
        "TakeCash",
        "StartHandOver",
        "CountHandOver",
        "ConfirmDeposit",
        "ReleaseDue",
        "PlanSettlement",
        "RejectSettlement",
        "PlanSettlement",
        "ApproveSettlement",
        "ExecuteSettlement",
        "ConfirmPayout",
    ];
    assert_eq!(names(&scratch, parcel("a")), paid);
    assert_eq!(names(&scratch, parcel(PARCEL_A)), paid);
    // The seller owes the return fee and is paid nothing.
    let returned = [
        "AnnounceParcel",
        "AssignParcels",
        "DispatchParcels",
        "RefuseParcel",
        "ReturnParcel",
        "ForgetClosed",
    ];
    assert_eq!(names(&scratch, parcel("b")), returned);
    let seller =
        |text: &str| CommandFilter { seller: Some(text.to_owned()), ..CommandFilter::default() };
    assert_eq!(names(&scratch, seller("s-6")), [&["RegisterSeller"][..], &returned].concat());
    assert_eq!(names(&scratch, seller("5")), [&["RegisterSeller"][..], &paid].concat());
    let one_day = CommandFilter { day: Some(date("2013-08-29")), ..parcel("a") };
    assert_eq!(names(&scratch, one_day), paid[7..]);
}

#[test]
fn terminals_and_persons_are_found_as_givers_and_by_name() {
    let scratch = books();
    let terminal = CommandFilter { terminal: Some(TerminalId(10)), ..CommandFilter::default() };
    assert_eq!(names(&scratch, terminal), ["RegisterTerminal", "OpenBatch", "TakeCash"]);
    let person = |id| CommandFilter { person: Some(PersonId(id)), ..CommandFilter::default() };
    let both = ["OpenBooks", "RegisterFirm", "RegisterCourier", "SetHoldRule", "PublishTariff"];
    let planned = ["CountHandOver", "AnnounceDeposit", "PlanSettlement", "PlanSettlement"];
    assert_eq!(names(&scratch, person(8)), [&both[..], &planned].concat());
    let decided = ["RejectSettlement", "ApproveSettlement"];
    assert_eq!(names(&scratch, person(9)), [&both[..], &decided].concat());
    let courier = ["RegisterCourier", "RegisterTerminal", "DispatchParcels", "StartHandOver"];
    // The event of the count names the courier too, its command does not.
    assert_eq!(names(&scratch, person(7)), courier);
}

#[test]
fn a_command_has_its_giver_key_currency_and_references() {
    let scratch = books();
    let mut seen = 0;
    read(&scratch, &parcel("a"), &mut |command| {
        let json = serde_json::to_value(command).unwrap();
        match command.recorded.command {
            "StartHandOver" => {
                assert_eq!(json["by"], json!({ "person": "7" }));
                assert_eq!(json["currency"], "CNY");
                let courier = json!([{ "of": "courier", "id": "7", "reference": "c-7" }]);
                assert_eq!(json["references"], courier);
                assert_eq!(json["postings"], json!([]));
            }
            "CountHandOver" => {
                assert_eq!(json["request_key"], "k-1");
                assert_eq!(json["at"], "2013-08-28T08:00:19.000+08:00");
                let moved = json!([{
                    "entry": "HandOverCounted", "debit": "assets:firm-cash:firm",
                    "credit": "assets:courier-cash:c-7", "amount": 10_000, "currency": "CNY",
                }]);
                assert_eq!(json["postings"], moved);
            }
            "AssignParcels" => assert_eq!(command.recorded.wanted_parcels, [PARCEL_A]),
            _ => return,
        }
        seen += 1;
    });
    assert_eq!(seen, 3);
}

#[test]
fn of_a_plan_only_the_wanted_payouts_are_shown() {
    let scratch = books_with(settle_with_another);
    let seller = |text: &str| {
        let seller = Some(text.to_owned());
        CommandFilter { seller, ..CommandFilter::default() }
    };
    // A parcel's return fee is off what its seller is paid.
    for (filter, paid) in [(parcel("a"), 10_000), (seller("s-5"), 10_000), (seller("s-6"), 677)] {
        let (mut shown, mut confirmed) = (Vec::new(), 0);
        read(&scratch, &filter, &mut |command| match command.recorded.command {
            "ExecuteSettlement" => {
                let wanted = command.postings.iter().filter(|one| one.wanted);
                shown.extend(wanted.map(|one| one.amount.minor()));
                assert_eq!(command.postings.len(), 2, "the other one is there");
            }
            "ConfirmPayout" => {
                confirmed += command.postings.iter().filter(|one| one.wanted).count();
            }
            _ => {}
        });
        assert_eq!(shown, [paid], "{filter:?}");
        assert_eq!(confirmed, usize::from(paid == 10_000), "{filter:?}");
    }
}

#[test]
fn a_dropped_payout_is_followed_to_the_plan_that_pays_the_rest() {
    let scratch = books_with(settle_after_a_refund);
    let found = names(&scratch, parcel("a"));
    let settled = [
        "PlanSettlement",
        "ApproveSettlement",
        "Refund",
        "ExecuteSettlement",
        "PlanSettlement",
        "ApproveSettlement",
        "ExecuteSettlement",
    ];
    assert_eq!(found[found.len() - settled.len()..], settled);
}

#[test]
fn a_dropped_payout_is_explained_and_so_is_the_one_that_pays_the_rest() {
    let scratch = books_with(settle_after_a_refund);
    let data = scratch.path().join("books");
    let published = TermsSource::ByName(Vec::new());
    let dropped = explain_payout(&data, 1, &published).unwrap();
    assert_eq!((dropped.state, dropped.net, dropped.lines.len()), ("dropped", 10_000, 1));
    let paid = explain_payout(&data, 2, &published).unwrap();
    assert_eq!((paid.state, paid.net, paid.gross, paid.given_back), ("sent", 6_000, 10_000, 4_000));
    let mut lines: Vec<_> = paid.lines.iter().map(|row| (row.what, row.net)).collect();
    lines.sort_unstable();
    assert_eq!(lines, [("collected", 10_000), ("refunded", -4_000)]);
}

#[test]
fn a_dropped_payout_is_in_no_payout_file() {
    let scratch = books_with(settle_after_a_refund);
    let (sums, engine) = DaySums::of(&scratch.path().join("books")).unwrap();
    let csv = scratch.path().join("payouts.csv");
    assert_eq!(write_payouts_csv(&sums, &engine, &csv).unwrap(), 1);
    let text = std::fs::read_to_string(&csv).unwrap();
    assert_eq!(text.lines().nth(1), Some("2,s-5,CNY,100.00,0.00,60.00,40.00,0.00,0.00,0.00"));
    let messages = write_trial_messages(&sums, &engine, scratch.path()).unwrap();
    assert_eq!(messages, [scratch.path().join("payouts-2.xml")]);
    let message = std::fs::read_to_string(&messages[0]).unwrap();
    assert!(message.contains("<NbOfTxs>1</NbOfTxs>") && message.contains(">60.00<"), "{message}");
}

#[test]
fn an_adjusting_entry_is_explained_and_a_closed_period_is_verified() {
    // The bank account has the goodwill.
    let scratch = books_with(|writer| {
        writer.system(json!({
            "command": "PostAdjustment", "number": 1, "currency": "CNY", "amount": 250,
            "debit": { "Bank": "1" }, "credit": { "Own": "OtherIncome" },
            "value_date": "2013-08-28", "reference": "v-0", "proposed_by": "8",
            "approved_by": "9",
        }));
        settle_adjusted(writer);
    });
    let data = scratch.path().join("books");
    let paid = explain_payout(&data, 1, &TermsSource::ByName(Vec::new())).unwrap();
    assert_eq!((paid.state, paid.net, paid.gross), ("sent", 10_250, 10_250));
    let entry = paid.lines.iter().find(|row| row.order == "voucher v-1").unwrap();
    assert_eq!((entry.what, entry.net), ("entry credited", 250));
    let mut dates = Vec::new();
    read(&scratch, &CommandFilter::default(), &mut |command| {
        if command.recorded.command == "PostAdjustment" {
            dates.push(command.value_date);
        }
    });
    assert_eq!(dates, [None, Some(date("2013-08-28"))]);
    assert_eq!(verify_books(&data).unwrap().wrong, Vec::<String>::new());
}

#[test]
fn verify_accepts_a_dropped_payout_and_lists_the_sellers_below_zero() {
    let scratch = books_with(settle_after_a_refund);
    let found = verify_books(&scratch.path().join("books")).unwrap();
    assert_eq!(found.wrong, Vec::<String>::new());
    // The return fee of parcel B.
    let owing = json!([{ "seller": "s-6", "currency": "CNY", "owes": 100, "since": "2013-08-28" }]);
    assert_eq!(serde_json::to_value(&found.sellers_below_zero).unwrap(), owing);
}
