//! Fees: the version in force, classes and caps (M8).

use books::chart::AccountKind as A;
use books::*;
use money::{Amount, Currency, Rate};
use tariff::{CappedRate, SellerClass, SellerClassNumber, Terms, TermsError};

use crate::world::*;

/// The shipped terms with another acquirer's part and another return fee.
fn dearer() -> Terms {
    let mut terms = shipped_terms();
    for class in &mut terms.classes {
        class.debit.acquirer = CappedRate { rate: Rate::from_ppm(10_000).unwrap(), cap: None };
    }
    terms.return_fee = Amount::of(900);
    terms
}

fn class(name: &str) -> SellerClass {
    SellerClass { name: name.into(), ..SellerClass::default() }
}

fn terms_with(names: &[&str]) -> Terms {
    let classes = names.iter().map(|name| class(name)).collect();
    Terms { classes, ..Terms::default() }
}

#[test]
fn a_new_version_changes_the_next_payments_and_none_before() {
    let mut world = World::open();
    world.must(publish(2, "2013-09-01", None, dearer()));
    let before = world.parcel("o-1", 10_000).dispatch().card(10_000).approve().last_payment();
    world.on("2013-09-01");
    let after = world.parcel("o-2", 10_000).dispatch().card(10_000).approve().last_payment();
    assert_eq!(world.payment(before).fees, Amount::of(78));
    assert_eq!(world.payment(after).fees, Amount::of(55 + 8 + 100));
    let version = |version| TariffVersion { tariff: TARIFF, version };
    assert_eq!(world.payment(before).tariff, version(1));
    assert_eq!(world.payment(after).tariff, version(2));
    // Reversed under the second version, the first payment returns its original fees.
    world.must(reverse(before)).must(reverse(after));
    world.expect(&[]);
}

#[test]
fn a_payment_begun_before_the_change_costs_what_it_did_when_it_was_begun() {
    let mut world = World::open();
    world.must(publish(2, "2013-09-01", None, dearer()));
    // A minute before midnight in Shanghai. The response comes a minute after.
    world.on("2013-08-31").at = Timestamp::start_of_day(day("2013-09-01"), UTC_OFFSET_MINUTES);
    world.at = Timestamp(world.at.0 - 60_000);
    let payment = world.parcel("o-1", 10_000).dispatch().card(10_000).last_payment();
    world.at = world.at.plus_ms(120_000);
    world.must(approve(payment));
    assert_eq!(world.payment(payment).tariff.version, 1);
    assert_eq!(world.payment(payment).fees, Amount::of(78));
}

#[test]
fn a_return_costs_what_the_version_of_that_day_says() {
    let mut world = World::open();
    world.must(publish(2, "2013-09-01", None, dearer()));
    world.parcel("o-1", 10_000).dispatch().refuse().return_to_seller();
    let second = world.parcel("o-2", 10_000).dispatch().refuse().id();
    world.on("2013-09-01").must(Command::ReturnParcel(ReturnParcel { parcel: second }));
    assert_eq!(world.sum(A::ReturnFees), 400 + 900);
}

#[test]
fn on_a_day_without_a_version_no_money_is_taken() {
    let mut world = World::open();
    world.must(publish(2, "2013-09-01", Some("2013-09-03"), dearer()));
    let parcel = world.on("2013-09-03").parcel("o-1", 10_000).dispatch().id();
    let payment = PaymentId { parcel, number: 1 };
    let none = Refusal::NoTariff(day("2013-09-03"));
    world
        .refused(begin_card(payment, 10_000), none.clone())
        .refused(collect_cash(payment, 10_000), none.clone());
    world.must(refuse(parcel)).refused(Command::ReturnParcel(ReturnParcel { parcel }), none);
    // The third version begins where the second ended.
    world.refused(publish(3, "2013-09-04", None, dearer()), Refusal::BadVersion);
    world.must(publish(3, "2013-09-03", None, dearer()));
    world.must(Command::ReturnParcel(ReturnParcel { parcel }));
}

#[test]
fn a_version_begins_after_today_and_after_the_last_one() {
    let mut world = World::open();
    for from in ["2013-02-25", "2013-08-27", "2013-08-28"] {
        world.refused(publish(2, from, None, dearer()), Refusal::BadVersion);
    }
    world.refused(publish(3, "2013-09-01", None, dearer()), Refusal::BadVersion);
    world.must(publish(2, "2013-09-10", None, dearer()));
    world.refused(publish(3, "2013-09-10", None, dearer()), Refusal::BadVersion);
    world.refused(publish(3, "2013-09-05", None, dearer()), Refusal::BadVersion);
    world.refused(publish(3, "2013-09-11", Some("2013-09-11"), dearer()), Refusal::BadVersion);
    world.must(publish(3, "2013-09-11", None, dearer()));
}

#[test]
fn a_version_published_again_is_a_retry_only_if_it_is_the_same() {
    let mut world = World::open();
    world.must(publish(2, "2013-09-01", None, dearer()));
    world.repeated(publish(2, "2013-09-01", None, dearer()));
    // The second version closed the first one's end; it is still the same version.
    world.repeated(publish(1, "2013-02-25", None, shipped_terms()));
    world.refused(publish(2, "2013-09-02", None, dearer()), Refusal::IdentifierTaken);
    world.refused(publish(2, "2013-09-01", None, shipped_terms()), Refusal::IdentifierTaken);
}

#[test]
fn a_version_keeps_the_classes_of_the_one_before() {
    let mut world = World::open();
    let mut fewer = dearer();
    fewer.classes.pop();
    world.refused(publish(2, "2013-09-01", None, fewer), Refusal::BadVersion);
    let mut renamed = dearer();
    renamed.classes.swap(0, 1);
    world.refused(publish(2, "2013-09-01", None, renamed), Refusal::BadVersion);
    let mut more = dearer();
    more.classes.push(class("charity"));
    world.must(publish(2, "2013-09-01", None, more));
}

#[test]
fn a_class_that_only_a_version_to_come_has_is_no_sellers_yet() {
    let mut world = World::open();
    let mut more = dearer();
    let new = SellerClassNumber(u8::try_from(more.classes.len()).unwrap());
    more.classes.push(class("charity"));
    world.must(publish(2, "2013-09-01", None, more));
    let seller = SellerId(7);
    let missing = Refusal::NotFound(MissingRecord::Class);
    world.refused(register_seller(seller, new, 0), missing);
    world.on("2013-09-01").must(register_seller(seller, new, 0));
    world.parcel_of(seller, "o-1", 10_000).dispatch().card(10_000).approve();
    assert_eq!(world.sum(A::SellerHeld), 10_000, "the new class costs nothing");
}

#[test]
fn a_seller_pays_by_class_and_a_cap_is_a_cap() {
    for (class, amount, fees) in [
        ("general", 1_000_000, 7_800),
        ("wholesale", 1_000_000, 2_600),
        ("dining", 1_000_000, 12_500),
        ("property-and-cars", 1_000_000, 8_000),
        ("property-and-cars", 100_000, 1_250),
        ("public-welfare", 1_000_000, 0),
    ] {
        let mut world = World::set(Setup { class, ..Setup::default() });
        let payment =
            world.parcel("o-1", amount).dispatch().card(amount).approve().clear().last_payment();
        assert_eq!(world.payment(payment).fees, Amount::of(fees), "{class}");
        assert!(world.engine.open_breaks().is_empty(), "{class}: it clears as the tariff says");
    }
}

#[test]
fn a_cap_on_a_class_cuts_each_part_by_its_share_of_the_fee() {
    // 0.90%, 0.13% with its own cap of 2.00, 0.22%, and a cap of 80.00 on the sum: of 10,000.00
    // they are 90.00, 2.00 and 22.00, together 114.00, reduced to 80.00 by 90 : 2 : 22.
    let mut terms = shipped_terms();
    let part = |ppm, cap| CappedRate { rate: Rate::from_ppm(ppm).unwrap(), cap };
    for class in &mut terms.classes {
        class.debit.issuer = part(9_000, None);
        class.debit.network = part(1_300, Some(Amount::of(200)));
        class.debit.acquirer = part(2_200, None);
        class.debit.cap = Some(Amount::of(8_000));
    }
    let mut world = World::set(Setup { terms, ..Setup::default() });
    let payment =
        world.parcel("o-1", 1_000_000).dispatch().card(1_000_000).approve().last_payment();
    let parts = [A::IssuerFees, A::NetworkFees, A::AcquirerFees].map(|kind| world.sum(kind));
    assert_eq!(parts.iter().sum::<i128>(), 8_000);
    // 63.158, 1.4035 and 15.439.
    assert_eq!(parts, [6_316, 140, 1_544]);
    world.must(clear(payment, 1_000_000, 6_456));
    assert!(world.engine.open_breaks().is_empty(), "the network keeps its part as it was cut");
}

#[test]
fn invalid_terms_are_refused() {
    let mut world = World::open();
    let none = terms_with(&[]);
    world.refused(
        publish(2, "2013-09-01", None, none),
        Refusal::BadTerms(TermsError::ClassCount(0)),
    );
    let twice = TermsError::ClassTwice("a".into());
    let terms = terms_with(&["a", "a"]);
    world.refused(publish(2, "2013-09-01", None, terms), Refusal::BadTerms(twice));
    let mut above = dearer();
    above.cod.cash.share = Rate::from_ppm(Rate::WHOLE_PPM).unwrap();
    let Err(Refusal::BadTerms(TermsError::AboveWhole { what, percent })) =
        world.apply(&publish(2, "2013-09-01", None, above))
    else {
        panic!("a fee of all and a commission beside it are more than all");
    };
    assert_eq!((&*what, &*percent), ("cash, with COD fee and commission,", "100.5000%"));
}

#[test]
fn terms_with_sums_name_their_currency() {
    let no_sums = || {
        let mut terms = shipped_terms();
        terms.return_fee = Amount::ZERO;
        for class in &mut terms.classes {
            (class.debit.cap, class.credit.cap) = (None, None);
        }
        for fee in [&mut terms.cod.qr, &mut terms.cod.cash] {
            fee.fixed = Amount::ZERO;
        }
        for fee in [&mut terms.commission.qr, &mut terms.commission.cash] {
            fee.fixed = Amount::ZERO;
        }
        terms
    };
    let published = |currency, change: &dyn Fn(&mut Terms)| {
        let mut terms = no_sums();
        change(&mut terms);
        Command::PublishTariff(PublishTariff {
            tariff: TariffId(2),
            version: 1,
            currency,
            from: day("2013-01-01"),
            until: None,
            terms: Box::new(terms),
            reference: "other".to_owned(),
            proposed_by: ANNA,
            approved_by: BO,
        })
    };
    type Change<'a> = &'a dyn Fn(&mut Terms);
    let sums: [(&str, Change<'_>); 5] = [
        ("the return fee", &|terms| terms.return_fee = Amount::of(1)),
        ("the fixed COD fee", &|terms| terms.cod.cash.fixed = Amount::of(1)),
        ("the fixed commission", &|terms| terms.commission.card.fixed = Amount::of(1)),
        ("a cap of class `general`", &|terms| terms.classes[0].credit.cap = Some(Amount::of(1))),
        ("a cap of class `dining`", &|terms| terms.classes[2].wallet.cap = Some(Amount::ZERO)),
    ];
    for (what, change) in sums {
        let without = TermsError::SumWithoutCurrency(what.to_owned());
        let mut world = World::open();
        world.refused(published(None, change), Refusal::BadTerms(without));
        world.must(published(Some(Currency::JPY), change));
    }
    World::open().must(published(None, &|_| ()));
}

#[test]
fn a_tariff_of_one_currency_is_for_sellers_in_that_currency() {
    let mut world = World::open();
    let (tariff, version, currency) = (TariffId(2), 1, Some(Currency::BRL));
    let (from, until) = (day("2013-01-01"), None);
    let terms = Box::new(shipped_terms());
    let reference = "other".to_owned();
    world.must(Command::PublishTariff(PublishTariff {
        tariff,
        version,
        currency,
        from,
        until,
        terms,
        reference,
        proposed_by: ANNA,
        approved_by: BO,
    }));
    let mut seller = register_seller(SellerId(7), GENERAL, 0);
    let Command::RegisterSeller(RegisterSeller { tariff: of_seller, .. }) = &mut seller else {
        unreachable!()
    };
    *of_seller = tariff;
    world.refused(seller, Refusal::CurrencyMismatch(Currency::BRL, Currency::CNY));
}
