//! Sellers with accounts in several currencies. Each account is held, paid and invoiced by itself.

use books::chart::AccountKind as A;
use books::*;
use money::{Amount, Currency};

use crate::world::*;

const REAL: Currency = Currency::BRL;
const BANK_IN_BRAZIL: BankId = BankId(2);
const FIRM_IN_BRAZIL: FirmId = FirmId(3);
const COURIER_IN_BRAZIL: CourierId = CourierId(4);
const TERMINAL_IN_BRAZIL: TerminalId = TerminalId(5);

/// The default seller's second account: in BRL, paid weekly, from 50.00 on.
fn second_account() -> RegisterSeller {
    let Command::RegisterSeller(first) = register_seller(SELLER, GENERAL, 0) else {
        unreachable!("it registers a seller")
    };
    let (tariff, cycle, minimum) = (TariffId(2), SettlementCycle::Weekly, Amount::of(5_000));
    RegisterSeller { currency: REAL, tariff, cycle, minimum, ..first }
}

/// A bank account, a firm, a courier, a terminal and a tariff in BRL, and the seller's account.
fn open() -> World {
    let mut world = World::open();
    let reference = |what: &str| format!("{what} in Brazil");
    let mut publish = publish(1, "2013-02-25", None, shipped_terms());
    if let Command::PublishTariff(one) = &mut publish {
        (one.tariff, one.currency) = (TariffId(2), Some(REAL));
        one.reference = reference("tariff");
    }
    let (courier, terminal) = (COURIER_IN_BRAZIL, TERMINAL_IN_BRAZIL);
    world
        .must(Command::RegisterBank(RegisterBank {
            bank: BANK_IN_BRAZIL,
            currency: REAL,
            reference: reference("bank"),
        }))
        .must(register_firm(FIRM_IN_BRAZIL, REAL, 1_000_000))
        .must(register_courier(courier, FIRM_IN_BRAZIL, 1_000_000))
        .must(Command::RegisterTerminal(RegisterTerminal { terminal, courier }))
        .must(Command::OpenBatch(OpenBatch { terminal, batch: 1 }))
        .must(publish)
        .must(Command::RegisterSeller(second_account()));
    world
}

fn announce_in_brazil(order: &str, due: u64) -> Command {
    let Command::AnnounceParcel(one) = announce(SELLER, order, due) else {
        unreachable!("it announces a parcel")
    };
    Command::AnnounceParcel(AnnounceParcel { currency: REAL, ..one })
}

/// A parcel that is out for delivery in Brazil.
fn out_in_brazil(world: &mut World, order: &str, due: u64) -> ParcelId {
    let parcel = ParcelId::derived(SELLER, order);
    world
        .must(announce_in_brazil(order, due))
        .must(assign_all(FIRM_IN_BRAZIL, &[(parcel, 1)]))
        .must(dispatch_all(COURIER_IN_BRAZIL, &[(parcel, 1)]));
    parcel
}

/// 100.00 BRL in cash, which the firm guarantees when it is counted: 97.00 are payable.
fn earn_in_brazil(world: &mut World) {
    let parcel = out_in_brazil(world, "in Brazil", 10_000);
    let trace = Trace { terminal: TERMINAL_IN_BRAZIL, batch: 1, stan: Stan::of(1) };
    world.must(take_cash_at(trace, parcel, 10_000, 10_000));
    world.must(start_hand_over_of(COURIER_IN_BRAZIL, 1, 50)).must(count(50, 10_000));
}

/// A refused parcel is back: the seller owes the return fee of 4.00 BRL.
fn owe_in_brazil(world: &mut World) {
    let parcel = out_in_brazil(world, "refused in Brazil", 500);
    world.must(refuse(parcel)).must(Command::ReturnParcel(ReturnParcel { parcel }));
}

fn plan_in_brazil(plan: u64, cycle: SettlementCycle) -> Command {
    let (plan, currency, planned_by) = (PlanId(plan), REAL, ANNA);
    Command::PlanSettlement(PlanSettlement { plan, cycle, currency, planned_by })
}

fn in_brazil(world: &World, kind: A) -> i128 {
    world.engine.total_balance(kind, REAL)
}

#[test]
fn each_currency_of_a_seller_is_held_and_paid_by_itself() {
    let mut world = open();
    earn_in_brazil(&mut world);
    world.parcel("o-1", 10_000).dispatch().card(10_000).approve().clear();
    assert_eq!((world.sum(A::SellerPayable), in_brazil(&world, A::SellerPayable)), (9_922, 9_700));
    world.must(plan(1, ANNA));
    let [Event::SettlementPlanned { lines, below_minimum: 0, left: 0, .. }] = world.events() else {
        panic!("a plan")
    };
    let [line] = lines[..] else { panic!("one payout") };
    assert_eq!((line.seller, line.currency, line.net.minor()), (SELLER, Currency::CNY, 9_922));
    // The second account has its own cycle.
    world.refused(plan_in_brazil(2, SettlementCycle::Daily), Refusal::NothingToPay);
    world.must(plan_in_brazil(2, SettlementCycle::Weekly));
    let [Event::SettlementPlanned { lines, .. }] = world.events() else { panic!("a plan") };
    let [line] = lines[..] else { panic!("one payout") };
    assert_eq!((line.seller, line.currency, line.net.minor()), (SELLER, REAL, 9_700));
    assert_eq!((line.gross, line.fees), (10_000, 300), "only what was collected in BRL");
    // What is sent in one currency comes back in it.
    let bank = BANK_IN_BRAZIL;
    let (own, gain) = (BreakId(7), BreakResolution::WriteOff);
    world.must(raise_break(own.0, BreakSubject::Bank(bank), BreakSide::Excess, 9_700));
    world.must(propose_resolution(own, gain, ANNA)).must(approve_resolution(own, gain, BO));
    world.must(approve_plan(2, BO));
    let execute = Command::ExecuteSettlement(ExecuteSettlement { plan: PlanId(2), bank });
    world.must(execute).must(return_payout(2));
    let (payout, net) = (PayoutId(2), Amount::of(9_700));
    let returned = Event::PayoutReturned { payout, seller: SELLER, currency: REAL, net };
    assert_eq!(world.events(), [returned]);
    assert_eq!((world.sum(A::SellerPayable), in_brazil(&world, A::SellerPayable)), (9_922, 9_700));
}

#[test]
fn each_account_has_its_own_smallest_payout() {
    let mut world = open();
    let parcel = out_in_brazil(&mut world, "o-1", 5_000);
    let trace = Trace { terminal: TERMINAL_IN_BRAZIL, batch: 1, stan: Stan::of(1) };
    world.must(take_cash_at(trace, parcel, 5_000, 5_000));
    world.must(start_hand_over_of(COURIER_IN_BRAZIL, 1, 50)).must(count(50, 5_000));
    world.refused(plan_in_brazil(1, SettlementCycle::Weekly), Refusal::NothingToPay);
    earn_again(&mut world);
    world.must(plan_in_brazil(1, SettlementCycle::Weekly));
}

/// Another parcel of 10.00 BRL.
fn earn_again(world: &mut World) {
    let parcel = out_in_brazil(world, "o-2", 1_000);
    let trace = Trace { terminal: TERMINAL_IN_BRAZIL, batch: 1, stan: Stan::of(2) };
    world.must(take_cash_at(trace, parcel, 1_000, 1_000));
    world.must(start_hand_over_of(COURIER_IN_BRAZIL, 2, 51)).must(count(51, 1_000));
}

#[test]
fn a_second_account_is_the_same_sellers_or_none() {
    let mut world = open();
    world.repeated(Command::RegisterSeller(second_account()));
    world.repeated(register_seller(SELLER, GENERAL, 0));
    let refused = |change: fn(&mut RegisterSeller)| {
        let mut one = RegisterSeller { seller: OTHER_SELLER, ..second_account() };
        one.reference = "seller 2".into();
        change(&mut one);
        Command::RegisterSeller(one)
    };
    world.refused(refused(|one| one.kind = SellerKind::Individual), Refusal::IdentifierTaken);
    world.refused(refused(|one| one.reference = "seller 3".into()), Refusal::IdentifierTaken);
    let brazil = Jurisdiction(*b"BR");
    let rule = HoldRule::AtOnce;
    world.must(set_hold_rule(brazil, 1, rule));
    let elsewhere = refused(|one| one.jurisdiction = Jurisdiction(*b"BR"));
    world.refused(elsewhere, Refusal::IdentifierTaken);
    world.must(refused(|_| {}));
    // An account that is there keeps its terms.
    let other_terms = refused(|one| one.minimum = Amount::of(1));
    world.refused(other_terms, Refusal::IdentifierTaken);
    let accounts: Vec<_> = world.engine.seller_accounts().collect();
    let (sellers, yuan) = ([SELLER, OTHER_SELLER], Currency::CNY);
    let [first, second] = sellers.map(|seller| [(seller, yuan), (seller, REAL)]);
    assert_eq!(accounts, [first[0], second[0], first[1], second[1]]);
}

#[test]
fn a_parcel_needs_an_account_in_its_currency() {
    let mut world = open();
    let other = |currency| {
        let Command::AnnounceParcel(one) = announce(OTHER_SELLER, "o-1", 100) else {
            unreachable!("it announces a parcel")
        };
        Command::AnnounceParcel(AnnounceParcel { currency, ..one })
    };
    world.refused(other(REAL), Refusal::CurrencyWithoutAccount(REAL));
    world.must(other(Currency::CNY));
    // The same parcel in another currency is another content.
    world.must(announce_in_brazil("o-2", 100)).repeated(announce_in_brazil("o-2", 100));
    world.refused(announce(SELLER, "o-2", 100), Refusal::IdentifierTaken);
    assert_eq!(world.view(ParcelId::derived(SELLER, "o-2")).currency, REAL);
    world.refused(
        assign(ParcelId::derived(SELLER, "o-2")),
        Refusal::CurrencyMismatch(REAL, Currency::CNY),
    );
}

#[test]
fn a_debt_is_invoiced_and_paid_in_its_own_currency() {
    let mut world = open();
    owe_in_brazil(&mut world);
    world.parcel("o-1", 500).dispatch().refuse().return_to_seller();
    let below: Vec<_> = world.engine.sellers_below_zero().collect();
    assert_eq!(below.iter().map(|one| one.currency).collect::<Vec<_>>(), [Currency::CNY, REAL]);
    let invoice_in = |currency, number, amount| {
        let (seller, amount, invoiced_by) = (SELLER, Amount::of(amount), ANNA);
        Command::InvoiceSeller(InvoiceSeller { seller, currency, number, amount, invoiced_by })
    };
    world.refused(invoice_in(REAL, 1, 401), Refusal::AmountTooLarge(Amount::of(400)));
    world.refused(invoice_in(Currency::JPY, 1, 1), Refusal::CurrencyWithoutAccount(Currency::JPY));
    // Numbers count within the currency.
    world.must(invoice_in(REAL, 1, 300)).must(invoice_in(Currency::CNY, 1, 400));
    world.repeated(invoice_in(REAL, 1, 300)).repeated(invoice_in(Currency::CNY, 1, 400));
    let pay = |currency, bank, amount| {
        let (seller, invoice, number, amount) = (SELLER, 1, 1, Amount::of(amount));
        let payment = RecordSellerPayment { seller, currency, invoice, number, bank, amount };
        Command::RecordSellerPayment(payment)
    };
    let refusal = Refusal::CurrencyMismatch(Currency::CNY, REAL);
    world.refused(pay(REAL, BANK, 300), refusal);
    world.refused(pay(REAL, BANK_IN_BRAZIL, 301), Refusal::AmountTooLarge(Amount::of(300)));
    world.must(pay(REAL, BANK_IN_BRAZIL, 300)).must(pay(Currency::CNY, BANK, 400));
    assert_eq!((in_brazil(&world, A::SellerPayable), in_brazil(&world, A::Bank)), (-100, 300));
    assert_eq!((world.sum(A::SellerPayable), world.sum(A::Bank)), (0, 400));
}

#[test]
fn the_accounts_of_a_seller_are_in_a_snapshot() {
    let mut world = open();
    earn_in_brazil(&mut world);
    owe_in_brazil(&mut world);
    let restored = super::snapshots::restored(&world.engine);
    assert!(restored.seller_accounts().eq(world.engine.seller_accounts()));
    assert_eq!(restored.digest(), world.engine.digest());
}
