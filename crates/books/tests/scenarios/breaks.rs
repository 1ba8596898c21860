//! Breaks: posted to suspense with an owner, closed by a posting that two people approved (M9).

use books::chart::AccountKind as A;
use books::*;
use money::{Amount, Currency};

use crate::world::*;

const THROUGH_BANK: BreakResolution = BreakResolution::ThroughBank(BANK);

#[test]
fn an_excess_in_the_bank_is_in_suspense_until_it_is_closed() {
    let mut world = World::open();
    world.must(raise_break(1, BreakSubject::Bank(BANK), BreakSide::Excess, 500));
    world.expect(&[(A::Bank, 500), (A::Suspense, -500)]);
    let [one] = world.engine.open_breaks()[..] else { panic!("one break") };
    assert_eq!((one.owner, one.opened), (ANNA, day("2013-08-28")));
    assert_eq!(one.currency, Currency::CNY);
}

#[test]
fn each_break_closes_in_two_ways_and_leaves_suspense_empty() {
    use BreakSide::{Excess, Shortfall};
    for (side, resolution, books) in [
        (Excess, BreakResolution::WriteOff, vec![(A::Bank, 500), (A::WriteOffs, -500)]),
        (Excess, THROUGH_BANK, vec![]),
        (Shortfall, BreakResolution::WriteOff, vec![(A::Bank, -500), (A::WriteOffs, 500)]),
        (Shortfall, THROUGH_BANK, vec![]),
    ] {
        let mut world = World::open();
        world.must(raise_break(1, BreakSubject::Bank(BANK), side, 500));
        world.must(propose_resolution(BreakId(1), resolution, ANNA));
        world.must(approve_resolution(BreakId(1), resolution, BO));
        world.expect(&books);
        assert!(world.engine.open_breaks().is_empty());
        world.repeated(approve_resolution(BreakId(1), resolution, BO));
    }
}

#[test]
fn an_open_break_names_the_commands_that_raised_and_changed_it() {
    let mut world = World::open();
    let (one, other) = (BreakId(1), BreakId(2));
    let commands = |world: &World, id| world.engine.break_commands(id).to_vec();
    world.must(raise_break(1, BreakSubject::Bank(BANK), BreakSide::Excess, 500));
    world.must(raise_break(2, BreakSubject::Bank(BANK), BreakSide::Excess, 300));
    let (raised, elsewhere) = (commands(&world, one), commands(&world, other));
    assert!(raised.len() == 1 && elsewhere.len() == 1 && raised < elsewhere, "{raised:?}");
    world.refused(approve_resolution(one, THROUGH_BANK, BO), Refusal::PlanState);
    assert_eq!(commands(&world, one), raised, "a refused command changes nothing");
    world.must(propose_resolution(one, THROUGH_BANK, ANNA));
    let both = commands(&world, one);
    assert_eq!((both.len(), both[0]), (2, raised[0]));
    assert!(both[1] > elsewhere[0], "{both:?} {elsewhere:?}");
    world.must(approve_resolution(one, THROUGH_BANK, BO));
    assert_eq!(commands(&world, one), []);
    assert_eq!(commands(&world, other), elsewhere);
}

#[test]
fn a_break_of_many_commands_keeps_the_first_and_the_latest() {
    let mut world = World::open();
    world.must(raise_break(1, BreakSubject::Bank(BANK), BreakSide::Excess, 500));
    let first = world.engine.break_commands(BreakId(1))[0];
    let mut before = Vec::new();
    for _ in 0..EVIDENCE_COMMANDS_MAX {
        for resolution in [THROUGH_BANK, BreakResolution::WriteOff] {
            world.must(propose_resolution(BreakId(1), resolution, ANNA));
            before = world.engine.break_commands(BreakId(1)).to_vec();
        }
    }
    assert_eq!((before.len(), before[0]), (EVIDENCE_COMMANDS_MAX, first));
    world.must(propose_resolution(BreakId(1), THROUGH_BANK, ANNA));
    let after = world.engine.break_commands(BreakId(1));
    assert_eq!(after.len(), EVIDENCE_COMMANDS_MAX);
    assert_eq!(after[1..after.len() - 1], before[2..], "the oldest but the first is forgotten");
}

#[test]
fn a_break_is_found_in_the_bank_at_a_network_a_wallet_or_a_firm() {
    for (subject, kind) in [
        (BreakSubject::Bank(BANK), A::Bank),
        (BreakSubject::Network(NETWORK), A::NetworkReceivable),
        (BreakSubject::Wallet(WALLET), A::WalletReceivable),
        (BreakSubject::FirmCash(FIRM), A::FirmCash),
    ] {
        let mut world = World::open();
        world.must(raise_break(1, subject, BreakSide::Excess, 500));
        world.expect(&[(kind, 500), (A::Suspense, -500)]);
        if kind == A::FirmCash {
            // A firm cannot miss more cash than it has.
            let more = raise_break(2, subject, BreakSide::Shortfall, 501);
            world.refused(more, Refusal::LimitReached);
        }
        world.must(raise_break(2, subject, BreakSide::Shortfall, 500));
        world.expect(&[]);
        assert_eq!(world.engine.open_breaks().len(), 2, "two differences, though they cancel out");
    }
}

#[test]
fn nobody_closes_a_break_alone() {
    let mut world = World::open();
    world.must(raise_break(1, BreakSubject::Bank(BANK), BreakSide::Excess, 500));
    let id = BreakId(1);
    world.refused(approve_resolution(id, BreakResolution::WriteOff, BO), Refusal::PlanState);
    world
        .must(propose_resolution(id, BreakResolution::WriteOff, ANNA))
        .repeated(propose_resolution(id, BreakResolution::WriteOff, ANNA));
    world.refused(approve_resolution(id, BreakResolution::WriteOff, ANNA), Refusal::SamePerson);
    // The proposer of a replacement cannot approve it either.
    world.must(propose_resolution(id, THROUGH_BANK, BO));
    world.refused(approve_resolution(id, THROUGH_BANK, BO), Refusal::SamePerson);
    world.must(approve_resolution(id, THROUGH_BANK, CASHIER));
    world.expect(&[]);
}

#[test]
fn nobody_approves_something_else_than_what_is_proposed() {
    let mut world = World::open();
    world.must(raise_break(1, BreakSubject::Bank(BANK), BreakSide::Excess, 500));
    let id = BreakId(1);
    // Bo saw that the bank took the money back. Meanwhile Anna proposes to keep it.
    world.must(propose_resolution(id, THROUGH_BANK, ANNA)).must(propose_resolution(
        id,
        BreakResolution::WriteOff,
        ANNA,
    ));
    let seen = approve_resolution(id, THROUGH_BANK, BO);
    world.refused(seen.clone(), Refusal::PlanState);
    world.expect(&[(A::Bank, 500), (A::Suspense, -500)]);
    // Nor through another bank account than the proposed one.
    let (bank, currency) = (BankId(2), Currency::CNY);
    world.must(Command::RegisterBank(RegisterBank { bank, currency, reference: "second".into() }));
    world
        .must(propose_resolution(id, BreakResolution::ThroughBank(bank), ANNA))
        .refused(seen, Refusal::PlanState);
    world.must(approve_resolution(id, BreakResolution::ThroughBank(bank), BO));
    assert_eq!(world.balance(A::Bank, BANK.0), 500);
    assert_eq!(world.balance(A::Bank, 2), -500);
}

#[test]
fn a_closed_break_stays_closed() {
    let mut world = World::open();
    let raised = raise_break(1, BreakSubject::Bank(BANK), BreakSide::Excess, 500);
    world.must(raised.clone()).must(propose_resolution(BreakId(1), THROUGH_BANK, ANNA));
    let approval = approve_resolution(BreakId(1), THROUGH_BANK, BO);
    world.must(approval.clone()).repeated(raised).repeated(approval);
    let other = propose_resolution(BreakId(1), BreakResolution::WriteOff, ANNA);
    world.refused(other.clone(), Refusal::NumberUsed(1));
    let missing = Refusal::NotFound(MissingRecord::Break(BreakId(1)));
    world.refused(part_of(other, 2, 500), missing);
    world.expect(&[]);
}

#[test]
fn a_break_raised_twice_is_one_and_with_other_figures_a_mistake() {
    let mut world = World::open();
    let bank = BreakSubject::Bank(BANK);
    world.must(raise_break(1, bank, BreakSide::Excess, 500));
    world.repeated(raise_break(1, bank, BreakSide::Excess, 500));
    for other in [
        raise_break(1, bank, BreakSide::Excess, 501),
        raise_break(1, bank, BreakSide::Shortfall, 500),
        raise_break(1, BreakSubject::Network(NETWORK), BreakSide::Excess, 500),
    ] {
        world.refused(other, Refusal::IdentifierTaken);
    }
    world.refused(raise_break(2, bank, BreakSide::Excess, 0), Refusal::AmountZero);
    let own = raise_break(FIRST_AUTOMATIC_BREAK.0, bank, BreakSide::Excess, 1);
    world.refused(own, Refusal::IdentifierTaken);
    let nowhere = BreakSubject::Wallet(WalletId(7));
    let missing = Refusal::NotFound(MissingRecord::Wallet(WalletId(7)));
    world.refused(raise_break(2, nowhere, BreakSide::Excess, 1), missing);
}

#[test]
fn a_break_closes_through_a_bank_account_of_its_currency() {
    let mut world = World::open();
    let (bank, currency) = (BankId(2), Currency::BRL);
    world.must(Command::RegisterBank(RegisterBank {
        bank,
        currency,
        reference: "bank in Brazil".into(),
    }));
    world.must(raise_break(1, BreakSubject::Bank(BANK), BreakSide::Excess, 500));
    let refusal = Refusal::CurrencyMismatch(Currency::BRL, Currency::CNY);
    world
        .refused(propose_resolution(BreakId(1), BreakResolution::ThroughBank(bank), ANNA), refusal);
    let missing = Refusal::NotFound(MissingRecord::Bank(BankId(3)));
    world.refused(
        propose_resolution(BreakId(1), BreakResolution::ThroughBank(BankId(3)), ANNA),
        missing,
    );
}

#[test]
fn the_engines_own_breaks_close_like_all_others() {
    let mut world = World::open();
    world.parcel("o-1", 10_000).dispatch().cash(10_000);
    world.must(start_hand_over(1)).must(count(1, 10_500));
    world.must(propose_resolution(FIRST_AUTOMATIC_BREAK, BreakResolution::WriteOff, CASHIER));
    world.must(approve_resolution(FIRST_AUTOMATIC_BREAK, BreakResolution::WriteOff, ANNA));
    assert_eq!((world.sum(A::Suspense), world.sum(A::WriteOffs)), (0, -500));
    // The next break has the next number.
    let payment = world.parcel("o-2", 10_000).dispatch().card(10_000).approve().last_payment();
    world.must(clear(payment, 10_000, 64));
    let [next] = world.engine.open_breaks()[..] else { panic!("one break") };
    assert_eq!(next.id, BreakId(FIRST_AUTOMATIC_BREAK.0 + 1));
    assert_eq!(next.amount, Amount::of(1));
}
