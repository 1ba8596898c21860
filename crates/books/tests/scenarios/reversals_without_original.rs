//! Reversals without original: later transactions with their trace are refused until the batch
//! closes.

use books::*;

use super::sales::signed_on;
use super::snapshots::restored;
use crate::world::*;

/// Everything that can begin under STAN 9 of the first batch: a sale, a pre-authorisation, a QR
/// sale, an offline sale, cash, a completion, a void, a refund.
fn beginnings(world: &mut World) -> Vec<Command> {
    world.must(offline_limit(5_000, 9_000));
    let [new, pre_authorised, sold] = [("o-1", 1_000), ("o-2", 2_000), ("o-3", 3_000)]
        .map(|(order, due)| world.dispatched_parcel(order, due));
    world.must(pre_authorise(1, pre_authorised, 2_000)).must(approve(first(pre_authorised)));
    world.must(sell(2, sold, 3_000)).must(approve(first(sold)));
    vec![
        sell(9, new, 1_000),
        pre_authorise(9, new, 1_000),
        sell_by_qr(9, new, 1_000),
        offline_sale(9, new, 1_000),
        take_cash(9, new, 1_000, 1_000),
        complete(9, first(pre_authorised), 500),
        void(9, first(sold)),
        begin_refund(9, first(sold), 500),
    ]
}

#[test]
fn nothing_begins_under_the_stan_of_a_reversal_without_original() {
    let mut world = signed_on();
    let beginnings = beginnings(&mut world);
    world.must(reverse_without_original(9));
    let (terminal, batch, stan) = (TERMINAL, 1, Stan::of(9));
    assert_eq!(world.events(), [Event::ReversalWithoutOriginalRecorded { terminal, batch, stan }]);
    world.repeated(reverse_without_original(9));
    for command in beginnings {
        world.refused(command, Refusal::TraceTaken);
    }
    let parcel = ParcelId::derived(SELLER, "o-1");
    world.must(sell(8, parcel, 1_000));
}

#[test]
fn a_reversal_without_original_still_refuses_its_trace_after_a_restart() {
    let mut world = signed_on();
    let beginnings = beginnings(&mut world);
    world.must(reverse_without_original(9));
    let mut engine = restored(&world.engine);
    let mut outcome = CommandOutcome::default();
    for command in beginnings {
        let done = engine.apply(&command, world.at, &mut outcome);
        assert_eq!(done, Err(Refusal::TraceTaken), "{command:?}");
    }
    let again = engine.apply(&reverse_without_original(9), world.at, &mut outcome);
    assert_eq!(again, Err(Refusal::Repeated));
    assert_eq!((engine.digest(), engine.check()), (world.engine.digest(), Ok(())));
}

#[test]
fn a_known_transaction_gets_no_reversal_without_original() {
    let mut world = signed_on();
    let parcel = world.dispatched_parcel("o-1", 10_000);
    world.must(sell(1, parcel, 10_000)).refused(reverse_without_original(1), Refusal::TraceTaken);
    world.must(resolve_purchase(
        first(parcel),
        PaymentResolution::Declined { code: ResponseCode::of(b"51") },
    ));
    world.refused(reverse_without_original(1), Refusal::TraceTaken);
    let totals = world.engine.batch_totals(TERMINAL, 1).unwrap();
    world.must(close_batch(1, totals));
    world.refused(reverse_without_original(1), Refusal::TraceTaken);
}

#[test]
fn a_reversal_without_original_needs_the_open_batch() {
    let mut world = World::open();
    world.refused(reverse_without_original(1), Refusal::WrongBatch(0));
    world.must(open_batch(1)).must(reverse_without_original(1));
    let none = BatchTotals::default();
    world.must(close_batch(1, none)).refused(reverse_without_original(2), Refusal::WrongBatch(1));
    world.must(open_batch(2)).refused(reverse_without_original(1), Refusal::WrongBatch(2));
    let parcel = world.dispatched_parcel("o-1", 10_000);
    // The batch is closed, and its STANs are free in the next one.
    world.must(sell_in(2, 1, parcel, 10_000));
    let nobody = Trace { terminal: TerminalId(99), ..trace(1) };
    let missing = Refusal::NotFound(MissingRecord::Terminal(TerminalId(99)));
    world.refused(
        Command::RecordReversalWithoutOriginal(RecordReversalWithoutOriginal { trace: nobody }),
        missing,
    );
}

#[test]
fn a_terminal_records_a_limited_number_of_reversals_without_original_and_settles() {
    let mut world = signed_on();
    let parcel = world.dispatched_parcel("o-1", 10_000);
    world.must(sell(1_000, parcel, 5_000)).must(approve(first(parcel)));
    for stan in 1..=998 {
        world.must(reverse_without_original(stan));
    }
    // They take the places of transactions. In a full batch nothing can begin, so a reversal counts
    // as done and the terminal need not wait.
    world
        .refused(sell(1_001, parcel, 5_000), Refusal::BatchFull)
        .repeated(reverse_without_original(1_001));
    world.refused(sell(1_001, parcel, 5_000), Refusal::BatchFull);
    // Another terminal's STANs are separate.
    let terminal = COLLEAGUES_TERMINAL;
    world.must(Command::OpenBatch(OpenBatch { terminal, batch: 1 }));
    world.must(Command::RecordReversalWithoutOriginal(RecordReversalWithoutOriginal {
        trace: Trace { terminal, ..trace(1) },
    }));
    let totals = world.engine.batch_totals(TERMINAL, 1).unwrap();
    world.must(close_batch(1, totals)).must(open_batch(2));
    world.must(Command::RecordReversalWithoutOriginal(RecordReversalWithoutOriginal {
        trace: trace_in(2, 1_000),
    }));
}

#[test]
fn a_blocked_terminal_can_record_a_reversal_without_original() {
    let mut world = signed_on();
    world.must(block_terminal(TERMINAL, 1, true));
    world.must(reverse_without_original(1));
}
