//! Whose cash is where: each courier's hand-overs on their way to the bank (M5, M6).

use books::chart::AccountKind as A;
use books::view::PaymentState as T;
use books::*;
use money::Amount;

use crate::world::*;

/// Two couriers of one firm, each with a terminal that is signed on.
fn two_couriers(guarantee: u64) -> World {
    let mut world = World::set(Setup { guarantee, ..Setup::default() });
    world.must(Command::OpenBatch(OpenBatch { terminal: COLLEAGUES_TERMINAL, batch: 1 }));
    world
}

/// The default courier takes cash for a new parcel.
fn takes(world: &mut World, order: &str, amount: u64) -> PaymentId {
    world.parcel(order, amount).dispatch().cash(amount).last_payment()
}

fn colleague_takes(world: &mut World, stan: u32, amount: u64) -> PaymentId {
    let parcel = world.parcel_of(OTHER_SELLER, &format!("colleague {stan}"), amount).id();
    world.must(assign(parcel)).must(dispatch_with(COLLEAGUE, parcel));
    let stan = Stan::new(stan).expect("a small number");
    let trace = Trace { terminal: COLLEAGUES_TERMINAL, batch: 1, stan };
    world.must(take_cash_at(trace, parcel, amount, amount));
    first(parcel)
}

/// The default courier hands over all cash. The hub counts `counted`.
fn hands_over(world: &mut World, number: u32, counted: u64) {
    world.must(start_hand_over(number)).must(count(number, counted));
}

/// The same for the colleague, whose hand-overs have the ids from 101 on.
fn colleague_hands_over(world: &mut World, number: u32, counted: u64) {
    let id = 100 + number;
    world.must(start_hand_over_of(COLLEAGUE, number, id.into())).must(count(id, counted));
}

fn deposits(world: &mut World, number: u32, amount: u64) {
    world.must(deposit(number, amount)).must(confirm_deposit(number.into(), amount));
}

fn states<const N: usize>(world: &World, payments: [PaymentId; N]) -> [T; N] {
    payments.map(|payment| world.payment(payment).state)
}

fn shortages(world: &World) -> [i128; 2] {
    [COURIER, COLLEAGUE].map(|courier| world.engine.courier_cash(courier).unwrap().1)
}

#[test]
fn a_shortage_holds_no_money_that_another_courier_took() {
    let mut world = two_couriers(0);
    let short = takes(&mut world, "o-1", 10_000);
    let whole = colleague_takes(&mut world, 1, 10_000);
    hands_over(&mut world, 1, 9_000);
    colleague_hands_over(&mut world, 1, 10_000);
    deposits(&mut world, 1, 19_000);
    assert_eq!(states(&world, [short, whole]), [T::Approved, T::Released]);
    world.must(repay(COURIER, 1, 1_000));
    deposits(&mut world, 2, 1_000);
    assert_eq!(states(&world, [short, whole]), [T::Released, T::Released]);
    assert_eq!((world.sum(A::Bank), world.sum(A::FirmCash)), (20_000, 0));
}

#[test]
fn a_shortage_holds_only_the_last_payments_of_its_hand_over() {
    let mut world = two_couriers(0);
    let orders = ["o-1", "o-2", "o-3"];
    let payments = orders.map(|order| takes(&mut world, order, 10_000));
    hands_over(&mut world, 1, 15_000);
    let later = takes(&mut world, "o-4", 10_000);
    hands_over(&mut world, 2, 10_000);
    deposits(&mut world, 1, 25_000);
    assert_eq!(states(&world, payments), [T::Released, T::Approved, T::Approved]);
    assert_eq!(world.payment(later).state, T::Released, "its hand-over was not short");
    world.must(repay(COURIER, 1, 5_000));
    deposits(&mut world, 2, 5_000);
    assert_eq!(states(&world, payments), [T::Released, T::Released, T::Approved]);
}

#[test]
fn a_deposit_belongs_to_hand_overs_in_the_order_of_counting() {
    let mut world = two_couriers(0);
    let started_first = takes(&mut world, "o-1", 10_000);
    world.must(start_hand_over(1));
    let counted_first = colleague_takes(&mut world, 1, 10_000);
    colleague_hands_over(&mut world, 1, 10_000);
    world.must(count(1, 10_000));
    deposits(&mut world, 1, 10_000);
    assert_eq!(states(&world, [started_first, counted_first]), [T::Approved, T::Released]);
}

#[test]
fn a_repayment_goes_to_the_oldest_short_hand_over_and_then_to_the_next() {
    let mut world = two_couriers(0);
    let oldest = takes(&mut world, "o-1", 10_000);
    hands_over(&mut world, 1, 9_000);
    let colleagues = colleague_takes(&mut world, 1, 10_000);
    colleague_hands_over(&mut world, 1, 8_000);
    let newest = takes(&mut world, "o-2", 10_000);
    hands_over(&mut world, 2, 7_000);
    deposits(&mut world, 1, 24_000);
    let payments = [oldest, colleagues, newest];
    assert_eq!(states(&world, payments), [T::Approved; 3]);
    world.must(repay(COURIER, 1, 1_500));
    assert_eq!(states(&world, payments), [T::Approved; 3], "the firm has it, the bank does not");
    assert_eq!(shortages(&world), [2_500, 2_000]);
    deposits(&mut world, 2, 1_500);
    assert_eq!(states(&world, payments), [T::Released, T::Approved, T::Approved]);
    world.must(repay(COURIER, 2, 2_500));
    deposits(&mut world, 3, 2_500);
    assert_eq!(states(&world, payments), [T::Released, T::Approved, T::Released]);
}

#[test]
fn the_guarantee_covers_what_was_counted_and_never_a_shortage() {
    let mut world = two_couriers(100_000);
    let counted = takes(&mut world, "o-1", 10_000);
    let short = takes(&mut world, "o-2", 10_000);
    hands_over(&mut world, 1, 19_999);
    assert_eq!(states(&world, [counted, short]), [T::Released, T::Approved]);
    let whole = colleague_takes(&mut world, 1, 10_000);
    colleague_hands_over(&mut world, 1, 10_000);
    assert_eq!(world.payment(whole).state, T::Released);
    let nothing = takes(&mut world, "o-3", 10_000);
    hands_over(&mut world, 2, 0);
    assert_eq!(world.payment(nothing).state, T::Approved);
    // What is repaid was never counted: it waits for the bank.
    world.must(repay(COURIER, 1, 10_001));
    assert_eq!(states(&world, [short, nothing]), [T::Approved, T::Approved]);
    deposits(&mut world, 1, 40_000);
    assert_eq!(states(&world, [short, nothing]), [T::Released, T::Released]);
}

#[test]
fn a_deposit_frees_the_guarantee_of_the_payments_that_it_covers() {
    let mut world = two_couriers(10_000);
    let first = takes(&mut world, "o-1", 10_000);
    hands_over(&mut world, 1, 10_000);
    let second = colleague_takes(&mut world, 1, 10_000);
    colleague_hands_over(&mut world, 1, 10_000);
    assert_eq!(states(&world, [first, second]), [T::Released, T::Approved]);
    deposits(&mut world, 1, 9_999);
    let third = takes(&mut world, "o-2", 10_000);
    hands_over(&mut world, 2, 10_000);
    assert_eq!(world.payment(third).state, T::Approved, "one fen of the first is missing");
    deposits(&mut world, 2, 1);
    let fourth = takes(&mut world, "o-3", 10_000);
    hands_over(&mut world, 3, 10_000);
    assert_eq!(states(&world, [second, third, fourth]), [T::Approved, T::Approved, T::Released]);
}

#[test]
fn a_surplus_goes_to_the_bank_behind_its_own_hand_over() {
    let mut world = two_couriers(0);
    let with_surplus = takes(&mut world, "o-1", 10_000);
    hands_over(&mut world, 1, 10_500);
    let next = colleague_takes(&mut world, 1, 10_000);
    colleague_hands_over(&mut world, 1, 10_000);
    deposits(&mut world, 1, 10_000);
    assert_eq!(states(&world, [with_surplus, next]), [T::Released, T::Approved]);
    deposits(&mut world, 2, 10_000);
    assert_eq!(world.payment(next).state, T::Approved, "5.00 of it were the surplus");
    deposits(&mut world, 3, 500);
    assert_eq!(world.payment(next).state, T::Released);
}

/// The courier took 100.00 for one parcel and 50.00 for another, and reported the second only
/// after the hub had counted 150.00.
fn reported_late(world: &mut World) -> (PaymentId, PaymentId) {
    let first = takes(world, "o-1", 10_000);
    hands_over(world, 1, 15_000);
    let late = takes(world, "late", 5_000);
    (first, late)
}

#[test]
fn cash_reported_late_is_what_the_surplus_was() {
    let mut world = two_couriers(0);
    let (first, late) = reported_late(&mut world);
    assert_eq!(world.sum(A::Suspense), -5_000);
    hands_over(&mut world, 2, 0);
    assert_eq!(shortages(&world), [0, 0]);
    assert_eq!((world.sum(A::FirmCash), world.sum(A::Suspense)), (15_000, 0));
    assert!(world.engine.open_breaks().is_empty());
    let (break_id, amount) = (FIRST_AUTOMATIC_BREAK, Amount::of(5_000));
    let reduced = Event::BreakReduced { break_id, amount, left: Amount::ZERO };
    assert!(world.events().contains(&reduced));
    // It is one sum of money: in the bank once, and each parcel is paid once.
    deposits(&mut world, 1, 14_999);
    assert_eq!(states(&world, [first, late]), [T::Released, T::Approved]);
    deposits(&mut world, 2, 1);
    assert_eq!(states(&world, [first, late]), [T::Released, T::Released]);
    world.refused(deposit(3, 1), Refusal::AmountTooLarge(Amount::ZERO));
    // The explained break needs nobody any more.
    let missing = Refusal::NotFound(MissingRecord::Break(break_id));
    world.refused(propose_resolution(break_id, BreakResolution::WriteOff, ANNA), missing);
}

#[test]
fn cash_reported_late_that_is_in_the_bank_is_received_when_it_is_explained() {
    let mut world = two_couriers(0);
    let (first, late) = reported_late(&mut world);
    deposits(&mut world, 1, 14_000);
    assert_eq!(states(&world, [first, late]), [T::Released, T::Approved]);
    hands_over(&mut world, 2, 0);
    assert_eq!(world.payment(late).state, T::Approved, "10.00 of it are with the firm");
    deposits(&mut world, 2, 1_000);
    assert_eq!(world.payment(late).state, T::Released);

    let mut world = two_couriers(0);
    let (_, late) = reported_late(&mut world);
    deposits(&mut world, 1, 15_000);
    hands_over(&mut world, 2, 0);
    assert_eq!(world.payment(late).state, T::Released);
    assert_eq!((world.sum(A::Bank), world.sum(A::FirmCash)), (15_000, 0));
}

#[test]
fn the_guarantee_covers_cash_that_was_counted_before_it_was_reported() {
    let mut world = two_couriers(100_000);
    let (_, late) = reported_late(&mut world);
    hands_over(&mut world, 2, 0);
    assert_eq!(world.payment(late).state, T::Released);
}

#[test]
fn a_surplus_explains_no_more_of_a_shortage_than_it_is() {
    let mut world = two_couriers(0);
    takes(&mut world, "o-1", 10_000);
    hands_over(&mut world, 1, 15_000);
    takes(&mut world, "late", 8_000);
    hands_over(&mut world, 2, 0);
    assert_eq!(shortages(&world), [3_000, 0]);
    assert!(world.engine.open_breaks().is_empty());
    world.must(repay(COURIER, 1, 3_000));
    deposits(&mut world, 1, 18_000);
    assert_eq!(world.sum(A::SellerHeld), 0, "both sellers' money is received");
}

#[test]
fn a_shortage_reduces_the_oldest_surplus_and_its_proposal_is_void() {
    let mut world = two_couriers(0);
    takes(&mut world, "o-1", 10_000);
    hands_over(&mut world, 1, 15_000);
    takes(&mut world, "o-2", 10_000);
    hands_over(&mut world, 2, 10_700);
    let (oldest, newest) = (FIRST_AUTOMATIC_BREAK, BreakId(FIRST_AUTOMATIC_BREAK.0 + 1));
    world.must(propose_resolution(oldest, BreakResolution::WriteOff, ANNA));
    takes(&mut world, "late", 2_000);
    hands_over(&mut world, 3, 0);
    let open: Vec<_> =
        world.engine.open_breaks().iter().map(|one| (one.id, one.amount.minor())).collect();
    assert_eq!(open, [(oldest, 3_000), (newest, 700)]);
    // Bo would approve the write-off of 50.00, of which 20.00 are explained.
    let approval = approve_resolution(oldest, BreakResolution::WriteOff, BO);
    world.refused(approval.clone(), Refusal::PlanState);
    world.must(propose_resolution(oldest, BreakResolution::WriteOff, ANNA)).must(approval);
    assert_eq!((world.sum(A::WriteOffs), world.sum(A::Suspense)), (-3_000, -700));
    // Another one that is short of more than is left of both surpluses.
    takes(&mut world, "later", 2_000);
    hands_over(&mut world, 4, 0);
    assert_eq!((shortages(&world), world.sum(A::Suspense)), ([1_300, 0], 0));
}

#[test]
fn a_surplus_explains_no_shortage_of_another_courier_and_none_after_it_is_closed() {
    let mut world = two_couriers(0);
    takes(&mut world, "o-1", 10_000);
    hands_over(&mut world, 1, 15_000);
    colleague_takes(&mut world, 1, 5_000);
    colleague_hands_over(&mut world, 1, 0);
    assert_eq!((shortages(&world), world.sum(A::Suspense)), ([0, 5_000], -5_000));
    let closing = BreakResolution::WriteOff;
    world.must(propose_resolution(FIRST_AUTOMATIC_BREAK, closing, ANNA));
    world.must(approve_resolution(FIRST_AUTOMATIC_BREAK, closing, BO));
    takes(&mut world, "late", 5_000);
    hands_over(&mut world, 2, 0);
    assert_eq!((shortages(&world), world.sum(A::WriteOffs)), ([5_000, 5_000], -5_000));
}

#[test]
fn cash_missing_at_a_firm_holds_the_hand_over_that_was_counted_last() {
    let mut world = two_couriers(0);
    let short = takes(&mut world, "o-1", 10_000);
    hands_over(&mut world, 1, 9_000);
    let last = colleague_takes(&mut world, 1, 10_000);
    colleague_hands_over(&mut world, 1, 10_000);
    world.must(raise_break(1, BreakSubject::FirmCash(FIRM), BreakSide::Shortfall, 500));
    deposits(&mut world, 1, 18_500);
    assert_eq!(states(&world, [short, last]), [T::Approved, T::Approved]);
    let closing = BreakResolution::ThroughBank(BANK);
    world.must(propose_resolution(BreakId(1), closing, ANNA));
    world.must(approve_resolution(BreakId(1), closing, BO));
    assert_eq!(states(&world, [short, last]), [T::Approved, T::Released]);
    assert_eq!(shortages(&world), [1_000, 0], "the courier's debt is another matter");
}
