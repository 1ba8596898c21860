//! Sellers below zero: carried, shown, set off against later money, or invoiced and paid.

use books::chart::{AccountKind as A, ChartEntry};
use books::settlement_view::{OpenInvoice, SellerBelowZero};
use books::*;
use money::{Amount, Currency};

use crate::world::*;

/// A seller who was paid 99.22 for a parcel that was charged back afterwards: 100.00 are owed
/// since 30 August.
fn owing() -> World {
    let mut world = World::open();
    let payment =
        world.parcel("o-1", 10_000).dispatch().card(10_000).approve().clear().last_payment();
    world.must(plan(1, ANNA)).must(approve_plan(1, BO)).must(execute(1)).must(confirm_payout(1));
    assert!(debts(&world).is_empty());
    world.on("2013-08-30").must(charge_back(payment, 1, 10_000));
    world
}

/// The sellers below zero with their balances, and since when.
fn debts(world: &World) -> Vec<(SellerId, i128, BusinessDate)> {
    let debt = |one: SellerBelowZero| {
        assert_eq!(one.currency, Currency::CNY);
        (one.seller, one.balance, one.since)
    };
    world.engine.sellers_below_zero().map(debt).collect()
}

/// The open invoices: seller, number, amount and what is paid.
fn invoices(world: &World) -> Vec<(SellerId, u32, u64, u64)> {
    let invoice = |one: OpenInvoice| (one.seller, one.number, one.amount.minor(), one.paid.minor());
    world.engine.open_invoices().map(invoice).collect()
}

fn earn(world: &mut World, order: &str) {
    world.parcel(order, 10_000).dispatch().card(10_000).approve().clear();
}

#[test]
fn a_seller_below_zero_is_shown_with_the_amount_and_the_day_it_began() {
    let mut world = owing();
    assert_eq!(debts(&world), [(SELLER, -10_000, day("2013-08-30"))]);
    // A larger debt is as old, and a smaller one too.
    world.on("2013-09-02").parcel("o-2", 500).dispatch().refuse().return_to_seller();
    assert_eq!(debts(&world), [(SELLER, -10_400, day("2013-08-30"))]);
    earn(&mut world, "o-3");
    assert_eq!(debts(&world), [(SELLER, -478, day("2013-08-30"))]);
    let parcel = world.parcel_of(OTHER_SELLER, "o-4", 500).dispatch().refuse();
    parcel.return_to_seller();
    let (first, second) = (day("2013-08-30"), day("2013-09-02"));
    assert_eq!(debts(&world), [(SELLER, -478, first), (OTHER_SELLER, -400, second)]);
}

#[test]
fn later_money_is_set_off_against_the_debt_and_only_the_rest_is_paid() {
    let mut world = owing();
    earn(&mut world, "o-2");
    world.refused(plan(2, ANNA), Refusal::NothingToPay);
    earn(&mut world, "o-3");
    assert!(debts(&world).is_empty());
    world.must(plan(2, ANNA)).must(approve_plan(2, BO)).must(execute(2));
    let Event::SettlementExecuted { lines, .. } = &world.events()[0] else { panic!("executed") };
    assert_eq!(lines[0].net, Amount::of(2 * 9_922 - 10_000));
    assert_eq!((lines[0].gross, lines[0].refunded, lines[0].invoiced), (20_000, 10_000, 0));
}

#[test]
fn a_seller_below_zero_again_is_so_since_that_day() {
    let mut world = owing();
    earn(&mut world, "o-2");
    earn(&mut world, "o-3");
    world.on("2013-09-10");
    let again = PaymentId { parcel: ParcelId::derived(SELLER, "o-3"), number: 1 };
    world.must(charge_back(again, 1, 10_000));
    assert_eq!(debts(&world), [(SELLER, -156, day("2013-09-10"))]);
}

#[test]
fn planned_money_is_still_the_sellers() {
    let mut world = World::open();
    let payment =
        world.parcel("o-1", 10_000).dispatch().card(10_000).approve().clear().last_payment();
    world.must(plan(1, ANNA)).must(charge_back(payment, 1, 9_922));
    assert!(debts(&world).is_empty());
    world.refused(invoice(SELLER, 1, 1), Refusal::AmountTooLarge(Amount::ZERO));
    world.must(charge_back(payment, 2, 1));
    assert_eq!(debts(&world), [(SELLER, -1, day("2013-08-28"))]);
    world.must(invoice(SELLER, 1, 1)).must(reject_plan(1, BO));
    assert_eq!(world.sum(A::SellerPayable), 0);
    world.refused(plan(2, ANNA), Refusal::NothingToPay);
}

#[test]
fn an_invoiced_debt_is_paid_into_a_bank_account() {
    let mut world = owing();
    let bank = world.sum(A::Bank);
    world.must(invoice(SELLER, 1, 10_000));
    let [line] = world.outcome.postings[..] else { panic!("one line") };
    assert_eq!((line.entry, line.amount), (ChartEntry::SellerInvoiced, Amount::of(10_000)));
    let (seller, currency, amount) = (SELLER, Currency::CNY, Amount::of(10_000));
    assert_eq!(world.events(), [Event::SellerInvoiced { seller, currency, number: 1, amount }]);
    assert_eq!((world.sum(A::SellerPayable), world.sum(A::SellerReceivable)), (0, 10_000));
    assert_eq!((debts(&world), invoices(&world)), (vec![], vec![(SELLER, 1, 10_000, 0)]));
    world.must(pay_invoice(SELLER, 1, 1, 10_000));
    let paid = Event::SellerPaymentRecorded { seller, currency, invoice: 1, number: 1, amount };
    assert_eq!(world.events(), [paid]);
    assert_eq!((world.sum(A::SellerReceivable), world.sum(A::Bank)), (0, bank + 10_000));
    assert!(invoices(&world).is_empty());
}

#[test]
fn an_invoiced_debt_is_not_deducted_from_later_money_as_well() {
    let mut world = owing();
    world.must(invoice(SELLER, 1, 7_000));
    assert_eq!(debts(&world), [(SELLER, -3_000, day("2013-08-30"))]);
    earn(&mut world, "o-2");
    world.must(plan(2, ANNA));
    let line = world.engine.open_plan(PlanId(2)).unwrap().lines[0].line;
    assert_eq!((line.gross, line.fees, line.refunded, line.invoiced), (10_000, 78, 10_000, 7_000));
    assert_eq!(line.net, Amount::of(9_922 - 3_000));
    // A rejected or dropped plan gives all of it back.
    world.must(reject_plan(2, BO)).must(plan(3, ANNA));
    assert_eq!(world.engine.open_plan(PlanId(3)).unwrap().lines[0].line.invoiced, 7_000);
}

#[test]
fn no_more_is_invoiced_than_the_seller_owes() {
    let mut world = owing();
    let most = |minor| Refusal::AmountTooLarge(Amount::of(minor));
    world.refused(invoice(SELLER, 1, 10_001), most(10_000));
    world.refused(invoice(SELLER, 1, 0), Refusal::AmountZero);
    world.refused(invoice(OTHER_SELLER, 1, 1), most(0));
    world.must(invoice(SELLER, 1, 6_000)).refused(invoice(SELLER, 2, 4_001), most(4_000));
    world.must(invoice(SELLER, 2, 4_000)).refused(invoice(SELLER, 3, 1), most(0));
    let nobody = SellerId(77);
    let missing = Refusal::NotFound(MissingRecord::Seller(nobody));
    world.refused(invoice(nobody, 1, 1), missing.clone());
    world.refused(pay_invoice(nobody, 1, 1, 1), missing);
}

#[test]
fn invoices_are_numbered_for_each_seller_so_that_a_retry_is_seen() {
    let mut world = owing();
    world.parcel_of(OTHER_SELLER, "o-2", 500).dispatch().refuse().return_to_seller();
    for number in [0, 2, u32::MAX] {
        world.refused(invoice(SELLER, number, 100), Refusal::WrongSequenceNumber(1));
    }
    world.must(invoice(SELLER, 1, 100)).repeated(invoice(SELLER, 1, 100));
    world.refused(invoice(SELLER, 1, 99), Refusal::NumberUsed(1));
    let by = |invoiced_by| {
        let (seller, number, amount) = (SELLER, 1, Amount::of(100));
        let currency = Currency::CNY;
        Command::InvoiceSeller(InvoiceSeller { seller, currency, number, amount, invoiced_by })
    };
    world.refused(by(BO), Refusal::NumberUsed(1));
    world.must(invoice(OTHER_SELLER, 1, 200));
    // All of them are remembered, however many follow.
    for number in 2..20 {
        world.must(invoice(SELLER, number, 1));
    }
    world.repeated(by(ANNA)).refused(by(BO), Refusal::NumberUsed(1));
    assert_eq!(world.sum(A::SellerReceivable), 100 + 200 + 18);
}

#[test]
fn an_invoice_is_paid_in_parts_each_counted_once_and_never_more_than_is_open() {
    let mut world = owing();
    world.must(invoice(SELLER, 1, 6_000)).must(invoice(SELLER, 2, 4_000));
    let missing = Refusal::NotFound(MissingRecord::Invoice);
    world.refused(pay_invoice(SELLER, 3, 1, 1), missing.clone());
    world.refused(pay_invoice(OTHER_SELLER, 1, 1, 1), missing);
    world.refused(pay_invoice(SELLER, 1, 1, 0), Refusal::AmountZero);
    let open = |minor| Refusal::AmountTooLarge(Amount::of(minor));
    world.refused(pay_invoice(SELLER, 1, 1, 6_001), open(6_000));
    world.refused(pay_invoice(SELLER, 1, 2, 1), Refusal::WrongSequenceNumber(1));
    world.must(pay_invoice(SELLER, 1, 1, 1_000)).repeated(pay_invoice(SELLER, 1, 1, 1_000));
    world.refused(pay_invoice(SELLER, 1, 1, 999), Refusal::NumberUsed(1));
    world.refused(pay_invoice(SELLER, 1, 2, 5_001), open(5_000));
    assert_eq!(invoices(&world), [(SELLER, 1, 6_000, 1_000), (SELLER, 2, 4_000, 0)]);
    world.must(pay_invoice(SELLER, 1, 2, 5_000)).must(pay_invoice(SELLER, 2, 1, 4_000));
    world.repeated(pay_invoice(SELLER, 1, 1, 1_000)).repeated(pay_invoice(SELLER, 2, 1, 4_000));
    world.refused(pay_invoice(SELLER, 1, 3, 1), Refusal::InvoiceNotOpen);
    assert_eq!((world.sum(A::SellerReceivable), invoices(&world)), (0, vec![]));
}

#[test]
fn an_invoice_has_a_limited_number_of_payments() {
    let mut world = owing();
    world.must(invoice(SELLER, 1, 1_000));
    for number in 1..=PAYMENTS_PER_INVOICE_MAX {
        world.must(pay_invoice(SELLER, 1, number, 1));
    }
    let next = PAYMENTS_PER_INVOICE_MAX + 1;
    world.refused(pay_invoice(SELLER, 1, next, 1), Refusal::TooMany(PAYMENTS_PER_INVOICE_MAX));
}

#[test]
fn an_invoice_is_paid_into_an_account_of_its_currency() {
    let mut world = owing();
    let (bank, currency) = (BankId(2), Currency::BRL);
    world.must(Command::RegisterBank(RegisterBank {
        bank,
        currency,
        reference: "bank in Brazil".into(),
    }));
    world.must(invoice(SELLER, 1, 100));
    let into = |bank| {
        let (seller, invoice, number, amount) = (SELLER, 1, 1, Amount::of(100));
        let currency = Currency::CNY;
        let payment = RecordSellerPayment { seller, currency, invoice, number, bank, amount };
        Command::RecordSellerPayment(payment)
    };
    world.refused(into(bank), Refusal::CurrencyMismatch(Currency::BRL, Currency::CNY));
    world.refused(into(BankId(7)), Refusal::NotFound(MissingRecord::Bank(BankId(7))));
    world.must(into(BANK));
}

#[test]
fn a_debt_beyond_the_largest_amount_is_invoiced_in_parts() {
    let terms = tariff::Terms { return_fee: Amount::ENTRY_MAX, ..shipped_terms() };
    let mut world = World::set(Setup { terms, ..Setup::default() });
    for order in ["o-1", "o-2"] {
        world.parcel(order, 1).dispatch().refuse().return_to_seller();
    }
    let most = Amount::ENTRY_MAX.minor();
    world.must(invoice(SELLER, 1, most)).must(invoice(SELLER, 2, most));
    assert_eq!((debts(&world), world.sum(A::SellerPayable)), (vec![], 0));
    assert_eq!(world.sum(A::SellerReceivable), 2 * i128::from(most));
    world.must(pay_invoice(SELLER, 1, 1, most)).must(pay_invoice(SELLER, 2, 1, most));
    assert_eq!(world.sum(A::Bank), 2 * i128::from(most));
}

#[test]
fn two_people_cancel_what_is_open_of_an_invoice() {
    let mut world = owing();
    world.must(invoice(SELLER, 1, 7_000)).must(pay_invoice(SELLER, 1, 1, 2_000));
    // Anna invoiced.
    world.refused(cancel_invoice(SELLER, 1, [BO, ANNA]), Refusal::SamePerson);
    world.refused(cancel_invoice(SELLER, 1, [BO, BO]), Refusal::SamePerson);
    let missing = Refusal::NotFound(MissingRecord::Invoice);
    world.refused(cancel_invoice(SELLER, 2, [ANNA, BO]), missing);
    world.must(cancel_invoice(SELLER, 1, [ANNA, BO]));
    let (seller, currency, amount) = (SELLER, Currency::CNY, Amount::of(5_000));
    assert_eq!(world.events(), [Event::InvoiceCancelled { seller, currency, invoice: 1, amount }]);
    assert_eq!((world.sum(A::SellerPayable), world.sum(A::SellerReceivable)), (-8_000, 0));
    assert!(invoices(&world).is_empty());
    world.repeated(cancel_invoice(SELLER, 1, [ANNA, BO]));
    world.refused(cancel_invoice(SELLER, 1, [CASHIER, BO]), Refusal::OtherContent);
    world.refused(pay_invoice(SELLER, 1, 2, 1), Refusal::InvoiceNotOpen);
    // The debt is deducted from later money again.
    earn(&mut world, "o-2");
    world.must(plan(2, ANNA));
    let line = world.engine.open_plan(PlanId(2)).unwrap().lines[0].line;
    assert_eq!(line.net, Amount::of(9_922 - 8_000));
}

#[test]
fn a_paid_invoice_is_not_cancelled() {
    let mut world = owing();
    world.must(invoice(SELLER, 1, 7_000)).must(pay_invoice(SELLER, 1, 1, 7_000));
    world.refused(cancel_invoice(SELLER, 1, [ANNA, BO]), Refusal::InvoiceNotOpen);
}
