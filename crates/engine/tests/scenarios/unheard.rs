//! Reversals of what the books have never heard of: what comes under their numbers later is
//! refused, until the batch is closed.

use engine::*;

use super::sales::signed_on;
use super::snapshots::restored;
use crate::world::*;

/// Whatever can begin under number 9 of the first batch: a sale, a promise, one by QR, one sold
/// offline, cash, a completion, a void, a refund.
fn beginnings(world: &mut World) -> Vec<Command> {
    world.must(offline_limit(5_000, 9_000));
    let [new, promised, sold] =
        [("o-1", 1_000), ("o-2", 2_000), ("o-3", 3_000)].map(|(order, due)| world.out(order, due));
    world.must(pre_authorise(1, promised, 2_000)).must(approved(first(promised)));
    world.must(sell(2, sold, 3_000)).must(approved(first(sold)));
    vec![
        sell(9, new, 1_000),
        pre_authorise(9, new, 1_000),
        sell_by_qr(9, new, 1_000),
        advise(9, new, 1_000),
        take_cash(9, new, 1_000, 1_000),
        complete(9, first(promised), 500),
        void(9, first(sold)),
        give_back(9, first(sold), 500),
    ]
}

#[test]
fn nothing_begins_under_a_number_that_was_reversed_before_it_came() {
    let mut world = signed_on();
    let beginnings = beginnings(&mut world);
    world.must(reverse_unheard(9));
    let (terminal, batch, stan) = (TERMINAL, 1, 9);
    assert_eq!(world.events(), [Event::ReversedUnheard { terminal, batch, stan }]);
    world.repeated(reverse_unheard(9));
    for command in beginnings {
        world.refused(command, Refusal::TraceTaken);
    }
    let parcel = ParcelId::derived(SELLER, "o-1");
    world.must(sell(8, parcel, 1_000));
}

#[test]
fn what_was_reversed_before_it_came_is_refused_after_a_restart() {
    let mut world = signed_on();
    let beginnings = beginnings(&mut world);
    world.must(reverse_unheard(9));
    let mut engine = restored(&world.engine);
    let mut outcome = Outcome::default();
    for command in beginnings {
        let done = engine.apply(&command, world.at, &mut outcome);
        assert_eq!(done, Err(Refusal::TraceTaken), "{command:?}");
    }
    let again = engine.apply(&reverse_unheard(9), world.at, &mut outcome);
    assert_eq!(again, Err(Refusal::Repeated));
    assert_eq!((engine.digest(), engine.check()), (world.engine.digest(), Ok(())));
}

#[test]
fn what_came_is_not_reversed_as_if_it_had_not() {
    let mut world = signed_on();
    let parcel = world.out("o-1", 10_000);
    world.must(sell(1, parcel, 10_000)).refused(reverse_unheard(1), Refusal::TraceTaken);
    world.must(answer(first(parcel), Resolution::Declined { code: *b"51" }));
    world.refused(reverse_unheard(1), Refusal::TraceTaken);
    let totals = world.engine.batch_totals(TERMINAL, 1).unwrap();
    world.must(close_batch(1, totals));
    world.refused(reverse_unheard(1), Refusal::TraceTaken);
}

#[test]
fn numbers_are_reversed_unheard_in_the_open_batch_only() {
    let mut world = World::open();
    world.refused(reverse_unheard(1), Refusal::WrongBatch(0));
    world.must(open_batch(1)).must(reverse_unheard(1));
    let none = BatchTotals::default();
    world.must(close_batch(1, none)).refused(reverse_unheard(2), Refusal::WrongBatch(1));
    world.must(open_batch(2)).refused(reverse_unheard(1), Refusal::WrongBatch(2));
    let parcel = world.out("o-1", 10_000);
    // The batch is closed, and its numbers are free in the next one.
    world.must(sell_in(2, 1, parcel, 10_000));
    let in_batch_2 = |stan| Command::ReverseUnheard { trace: trace_in(2, stan) };
    for stan in [0, TRACE_NUMBER_MAX + 1] {
        world.refused(in_batch_2(stan), Refusal::OutOfRange(TRACE_NUMBER_MAX));
    }
    let nobody = Trace { terminal: TerminalId(99), ..trace(1) };
    let missing = Refusal::NotFound(Missing::Terminal(TerminalId(99)));
    world.refused(Command::ReverseUnheard { trace: nobody }, missing);
}

#[test]
fn a_terminal_reverses_so_many_numbers_unheard_and_settles() {
    let mut world = signed_on();
    let parcel = world.out("o-1", 10_000);
    world.must(sell(1_000, parcel, 5_000)).must(approved(first(parcel)));
    for stan in 1..=998 {
        world.must(reverse_unheard(stan));
    }
    // They take the places of transactions. In a full batch nothing begins any more, so a reversal
    // is as good as done, and the terminal does not wait for it in vain.
    world.refused(sell(1_001, parcel, 5_000), Refusal::BatchFull).repeated(reverse_unheard(1_001));
    world.refused(sell(1_001, parcel, 5_000), Refusal::BatchFull);
    // The neighbour's are its own.
    let terminal = COLLEAGUES_TERMINAL;
    world.must(Command::OpenBatch { terminal, batch: 1 });
    world.must(Command::ReverseUnheard { trace: Trace { terminal, ..trace(1) } });
    let totals = world.engine.batch_totals(TERMINAL, 1).unwrap();
    world.must(close_batch(1, totals)).must(open_batch(2));
    world.must(Command::ReverseUnheard { trace: trace_in(2, 1_000) });
}

#[test]
fn a_terminal_that_is_blocked_reverses_what_never_came() {
    let mut world = signed_on();
    world.must(Command::BlockTerminal { terminal: TERMINAL, blocked: true });
    world.must(reverse_unheard(1));
}

#[test]
fn only_what_was_reversed_unheard_makes_a_snapshot_one_of_the_fourth_format() {
    let mut world = signed_on();
    let before = world.engine.digest();
    let formats = |world: &World| super::snapshots::formats(&world.engine);
    assert_eq!(formats(&world).iter().max(), Some(&2));
    world.must(reverse_unheard(1));
    assert_eq!(formats(&world).iter().max(), Some(&4));
    assert_ne!(world.engine.digest(), before);
    world.must(close_batch(1, BatchTotals::default()));
    assert_eq!(formats(&world).iter().max(), Some(&2));
}
