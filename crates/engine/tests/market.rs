//! The market in the engine: an order's stock, discounts and parcels are one fact.
#![allow(clippy::unwrap_used)]

use books::chart::AccountKind;
use books::{
    AcceptPart, AmendDue, AssignParcels, AssignedParcel, BankId, BusinessDate, CancelParcel,
    CourierId, DispatchParcels, DispatchedParcel, Event, FirmId, HoldRule, Jurisdiction, OpenBooks,
    ParcelId, PayDiscount, PaymentId, PersonId, PublishTariff, RefuseParcel, RefuseReason,
    RegisterBank, RegisterCourier, RegisterFirm, RegisterSeller, ReturnParcel, ReverseCollection,
    SellerId, SellerKind, SetHoldRule, SetRefundLimit, SettlementCycle, Sha256Digest,
    SuspendSeller, TakeCashByPhone, TariffId,
};
use engine::{
    Actor, Applied, Command, CommandOutcome, Engine, Refusal, RequestKey, Submission, Timestamp,
};
use market::*;
use money::{Amount, Currency, Rate};
use tariff::{SellerClass, SellerClassNumber, Terms};

/// 28 August 2013, nine in the morning in Shanghai.
const MORNING: Timestamp = Timestamp(1_377_651_600_000);
const FIRST: PersonId = PersonId(902);
const SECOND: PersonId = PersonId(903);
const SELLERS: [SellerId; 2] = [SellerId(1), SellerId(2)];
const BUYER: BuyerToken = BuyerToken([7; 16]);

struct Street {
    engine: Engine,
    at: Timestamp,
    /// Everything that was carried out.
    journal: Vec<(Timestamp, Submission)>,
}

impl Street {
    /// Books with two sellers, who offer variants 1 and 2 at 50 yuan, ten of each; 10 yuan off for
    /// an order of 90 or more.
    fn open() -> Street {
        let mut street = Street { engine: Engine::default(), at: MORNING, journal: Vec::new() };
        let (first_person, second_person) = (FIRST, SECOND);
        let utc_offset_minutes = 480;
        street.must(OpenBooks { utc_offset_minutes, first_person, second_person, trial: false });
        let (bank, currency) = (BankId(1), Currency::CNY);
        street.must(RegisterBank { bank, currency, reference: "bank".to_owned() });
        let class = SellerClass { name: "general".into(), ..SellerClass::default() };
        let (proposed_by, approved_by) = (FIRST, SECOND);
        street.must(PublishTariff {
            tariff: TariffId(1),
            version: 1,
            currency: Some(currency),
            from: BusinessDate(0),
            until: None,
            terms: Box::new(Terms { classes: vec![class], ..Terms::default() }),
            reference: "tariff".into(),
            proposed_by,
            approved_by,
        });
        let jurisdiction: Jurisdiction = "CN".parse().unwrap();
        let rule = HoldRule::AtOnce;
        street.must(SetHoldRule { jurisdiction, number: 1, rule, proposed_by, approved_by });
        for seller in SELLERS {
            street.must(RegisterSeller {
                seller,
                kind: SellerKind::Business,
                currency,
                jurisdiction,
                tariff: TariffId(1),
                class: SellerClassNumber(0),
                cycle: SettlementCycle::Daily,
                minimum: Amount::ZERO,
                reference: format!("seller-{seller}"),
            });
        }
        street.must(RegisterFirm {
            firm: FirmId(1),
            currency,
            guarantee: Amount::ZERO,
            reference: "firm".to_owned(),
            proposed_by,
            approved_by,
        });
        street.open_market();
        street
    }

    fn open_market(&mut self) {
        let currency = Currency::CNY;
        self.buy_nothing(PublishMarketProfile {
            kind: SellerKind::Business,
            currency,
            version: 1,
            from: Timestamp(0),
            identity_proof: true,
            hold_days: 0,
            parcel_amount_max: Amount::of(100_000),
            offers_max: 10,
            promotions: true,
            return_days: 7,
            refusals_max: 0,
            refusal_days: 0,
        });
        for seller in SELLERS {
            self.buy_nothing(AdmitSeller {
                seller,
                currency,
                number: 1,
                kind: SellerKind::Business,
                from: Timestamp(0),
                identity_proved: true,
                delivery_fee: Amount::ZERO,
            });
            let (offer, variant) = (OfferId(seller.0), VariantId(seller.0));
            let (sku, price) = ("sku".to_owned(), Amount::of(5_000));
            self.buy_nothing(DraftOffer {
                offer,
                seller,
                currency,
                category: CategoryId(1),
                reference: "offer".into(),
                content: Sha256Digest([1; 32]),
                variants: vec![NewVariant { variant, sku, price, weight_g: 100 }],
            });
            self.buy_nothing(SetOfferState { offer, number: 1, state: OfferState::Listed });
            let (quantity, reason) = (10, StockReason::Received);
            self.buy_nothing(AdjustStock { variant, number: 1, quantity, reason });
        }
        let step = ThresholdStep { spend: Amount::of(9_000), save: Amount::of(1_000) };
        self.buy_nothing(PublishPromotion {
            promotion: PromotionId(1),
            version: 1,
            currency,
            rule: PromotionRule::EachFull(step),
            from: Timestamp(0),
            until: Timestamp(u64::MAX),
            scope: PromotionScope::default(),
            by_coupon: false,
            uses_max: None,
            budget: None,
            per_buyer_max: None,
            platform_share: Rate::from_ppm(500_000).unwrap(),
            order: 1,
            exclusive: false,
            yields_to: Vec::new(),
            floor: Amount::ZERO,
            broken_threshold: BrokenThreshold::ClawBack,
            undone_use: UndoneUse::Release,
            proposed_by: None,
            approved_by: None,
        });
    }

    fn give(&mut self, submission: Submission) -> Result<(Applied, CommandOutcome), Refusal> {
        let mut out = CommandOutcome::default();
        let before = (self.engine.digest(), self.engine.fingerprint());
        let applied = self.engine.apply(&submission, self.at, &mut out);
        match &applied {
            Ok(Applied::CarriedOut) => self.journal.push((self.at, submission)),
            _ => {
                let after = (self.engine.digest(), self.engine.fingerprint());
                assert_eq!(after, before, "nothing changed");
            }
        }
        assert_eq!(self.engine.check(), Ok(()));
        applied.map(|applied| (applied, out))
    }

    #[track_caller]
    fn must(&mut self, command: impl Into<Command>) -> CommandOutcome {
        self.give(Submission::new(Actor::System, command)).unwrap().1
    }

    /// A command of the market that concerns no parcel.
    #[track_caller]
    fn buy_nothing(&mut self, command: impl Into<MarketCommand>) {
        let out = self.must(Command::of_market(command));
        assert!(out.books.events.is_empty() && !out.market.is_empty(), "{out:?}");
    }

    fn cart(order: u64, quantity: u32, total: u64) -> Command {
        let line = |variant| CartLine { variant: VariantId(variant), quantity };
        Command::of_market(Checkout {
            order: OrderId(order),
            buyer: BUYER,
            currency: Currency::CNY,
            lines: vec![line(1), line(2)],
            coupons: Vec::new(),
            reservation: None,
            total: Amount::of(total),
        })
    }

    /// A courier takes what is due for a parcel in cash.
    fn deliver(&mut self, parcel: ParcelId, due: u64) {
        let (courier, firm) = (CourierId(1), FirmId(1));
        let (proposed_by, approved_by) = (FIRST, SECOND);
        self.must(RegisterCourier {
            courier,
            firm,
            cash_limit: Amount::of(1_000_000),
            reference: "courier".to_owned(),
            proposed_by,
            approved_by,
        });
        self.must(AssignParcels { firm, parcels: vec![AssignedParcel { parcel, number: 1 }] });
        let parcels = vec![DispatchedParcel { parcel, attempt: 1 }];
        self.must(DispatchParcels { courier, parcels });
        let amount = Amount::of(due);
        self.must(TakeCashByPhone {
            parcel,
            number: 1,
            amount,
            tendered: amount,
            change: Amount::ZERO,
            receiver: None,
            taken_by: PersonId(courier.0),
            claimed_at: self.at,
            server_at: self.at,
            elapsed_ms: Some(0),
        });
    }

    fn parcels(&self, order: u64) -> Vec<MarketParcel> {
        self.engine.market().order_view(OrderId(order)).unwrap().parcels.to_vec()
    }

    fn left(&self) -> [u32; 2] {
        [1, 2].map(|one| self.engine.market().variant_view(VariantId(one)).unwrap().stock.left)
    }
}

#[test]
fn a_checkout_announces_its_parcels_in_the_same_entry() {
    let mut street = Street::open();
    let out = street.must(Street::cart(1, 1, 9_000));
    let dues: Vec<(ParcelId, u64)> = out
        .books
        .events
        .iter()
        .map(|event| match event {
            Event::ParcelAnnounced { parcel, due, .. } => (*parcel, due.minor()),
            other => panic!("{other:?}"),
        })
        .collect();
    let parcels = street.parcels(1);
    assert_eq!(dues, [(parcels[0].parcel, 4_500), (parcels[1].parcel, 4_500)]);
    assert_eq!(street.left(), [9, 9]);
    assert!(matches!(out.market[..], [MarketEvent::OrderPlaced { .. }]));
    let submission = Submission::new(Actor::System, Street::cart(1, 1, 9_000));
    let given: Vec<usize> = out.of_books(&submission).map(|(_, events)| events.len()).collect();
    assert_eq!(given, [1, 1], "each announcement has its own event");
}

#[test]
fn what_the_books_refuse_takes_no_stock() {
    let mut street = Street::open();
    let (proposed_by, approved_by) = (FIRST, None);
    let seller = SELLERS[1];
    street.must(SuspendSeller { seller, number: 1, suspended: true, proposed_by, approved_by });
    let refused = street.give(Submission::new(Actor::System, Street::cart(1, 1, 9_000)));
    assert_eq!(refused.unwrap_err(), Refusal::Books(books::Refusal::SellerSuspended));
    assert_eq!(street.left(), [10, 10]);
    let refused = street.give(Submission::new(Actor::System, Street::cart(1, 11, 98_000)));
    let short = MarketRefusal::NotEnoughStock(VariantId(1), 10);
    assert_eq!(refused.unwrap_err(), Refusal::Market(short));
}

#[test]
fn a_cancelled_order_cancels_its_parcels_and_puts_the_stock_back() {
    let mut street = Street::open();
    street.must(Street::cart(1, 2, 18_000));
    assert_eq!(street.left(), [8, 8]);
    let out = street.must(Command::of_market(CancelOrder { order: OrderId(1) }));
    let cancelled = |event: &Event| matches!(event, Event::ParcelCancelled { .. });
    assert!(out.books.events.len() == 2 && out.books.events.iter().all(cancelled), "{out:?}");
    assert_eq!(street.left(), [10, 10]);
    let used = street.engine.market().promotion_use(PromotionId(1));
    assert_eq!(used, Some((0, Amount::ZERO)));
}

#[test]
fn the_books_end_a_parcel_and_the_market_follows() {
    let mut street = Street::open();
    street.must(Street::cart(1, 1, 9_000));
    let parcel = street.parcels(1)[0].parcel;
    let out = street.must(CancelParcel { parcel });
    assert!(matches!(out.market[..], [MarketEvent::UnitsTakenBack { .. }]), "{out:?}");
    assert_eq!(street.left(), [10, 9]);
    let kept: Vec<u64> = street.parcels(1).iter().map(|one| one.kept.minor()).collect();
    assert_eq!(kept, [0, 4_500], "nobody pays more than was due for the other parcel");
}

#[test]
fn what_is_due_for_a_parcel_of_an_order_changes_with_its_units_only() {
    let mut street = Street::open();
    street.must(Street::cart(1, 1, 9_000));
    let parcel = street.parcels(1)[0].parcel;
    let expected = Refusal::Market(MarketRefusal::ParcelOfOrder(parcel));
    let amend = AmendDue { parcel, number: 1, due: Amount::of(1) };
    let accept = AcceptPart { parcel, accepted: Amount::of(1) };
    for command in [Command::from(amend), Command::from(accept)] {
        let refused = street.give(Submission::new(Actor::System, command));
        assert_eq!(refused.unwrap_err(), expected);
    }
    assert_eq!(expected.into_books(), books::Refusal::ParcelState, "for a terminal");
}

#[test]
fn time_and_actors_are_checked_by_the_books() {
    let mut street = Street::open();
    let price = |number| {
        let price = Amount::of(4_000);
        Command::of_market(SetPrice { variant: VariantId(1), number, price })
    };
    let unknown = Submission::new(Actor::Person(PersonId(5)), price(2));
    let refused = street.give(unknown).unwrap_err();
    assert_eq!(refused, Refusal::Books(books::Refusal::PersonNotRegistered(PersonId(5))));
    let terminal = Actor::Terminal(books::TerminalId(1));
    let refused = street.give(Submission::new(terminal, price(2))).unwrap_err();
    let kind = engine::ActorKind::Terminal;
    assert_eq!(refused, Refusal::Books(books::Refusal::NotAllowed(kind)));
    street.at = Timestamp(MORNING.0 - 1);
    let refused = street.give(Submission::new(Actor::System, price(2))).unwrap_err();
    assert_eq!(refused, Refusal::Books(books::Refusal::TimeBackwards));
    street.at = MORNING.plus_ms(books::DAY_MS);
    street.must(price(2));
    let tomorrow = MORNING.plus_ms(books::DAY_MS).business_date(480);
    assert_eq!(street.engine.books().last_date(), tomorrow, "the market's time is the books'");
    let new = Engine::default().apply(
        &Submission::new(Actor::System, price(2)),
        MORNING,
        &mut CommandOutcome::default(),
    );
    assert!(new.is_err(), "without books there is no market");
}

#[test]
fn a_repeated_checkout_gets_its_answer_also_after_a_snapshot() {
    let mut street = Street::open();
    let key = Some(RequestKey::new("k-1").unwrap());
    let checkout = Street::cart(1, 1, 9_000);
    let keyed = Submission { request_key: key, ..Submission::new(Actor::System, checkout) };
    let (_, first) = street.give(keyed.clone()).unwrap();
    street.engine = restored(&street.engine);
    let (applied, again) = street.give(keyed).unwrap();
    assert_eq!(applied, Applied::AnsweredBefore);
    assert_eq!((again.books.events, again.market), (first.books.events, first.market));
}

impl Street {
    /// A courier has the parcels of order 1, of which there are two of each unit.
    fn on_tour() -> (Street, [ParcelId; 2]) {
        let mut street = Street::open();
        let (courier, firm, reference) = (CourierId(11), FirmId(1), "courier".to_owned());
        let (proposed_by, approved_by) = (FIRST, SECOND);
        let cash_limit = Amount::of(1_000_000);
        street.must(RegisterCourier {
            courier,
            firm,
            cash_limit,
            reference,
            proposed_by,
            approved_by,
        });
        street.must(Street::cart(1, 2, 18_000));
        let parcels = [0, 1].map(|place: usize| street.parcels(1)[place].parcel);
        let assigned = parcels.map(|parcel| AssignedParcel { parcel, number: 1 }).to_vec();
        street.must(AssignParcels { firm, parcels: assigned });
        let dispatched = parcels.map(|parcel| DispatchedParcel { parcel, attempt: 1 }).to_vec();
        street.must(DispatchParcels { courier, parcels: dispatched });
        (street, parcels)
    }

    fn pay(&mut self, parcel: ParcelId, number: u8, minor: u64) -> CommandOutcome {
        let amount = Amount::of(minor);
        self.must(TakeCashByPhone {
            parcel,
            number,
            amount,
            tendered: amount,
            change: Amount::ZERO,
            receiver: None,
            taken_by: PersonId(11),
            claimed_at: self.at,
            server_at: self.at,
            elapsed_ms: None,
        })
    }

    /// What the books have as Doorstep's part of all discounts.
    fn promotions(&self) -> i128 {
        let accounts = self.engine.books().accounts();
        let kind = AccountKind::Promotions;
        accounts.filter(|one| one.kind == kind).map(|one| one.balance).sum()
    }
}

fn discount(event: &Event) -> Option<(u64, u64)> {
    match event {
        Event::DiscountPaid { before, amount, .. } => Some((before.minor(), amount.minor())),
        _ => None,
    }
}

#[test]
fn doorsteps_part_of_a_discount_is_posted_with_the_delivery_and_taken_back_with_units() {
    // 20.00 off the four units, of which Doorstep pays half: 2.50 for each unit.
    let (mut street, [first, second]) = Street::on_tour();
    let out = street.pay(first, 1, 9_000);
    assert_eq!(out.books.events.iter().find_map(discount), Some((0, 500)));
    let submission = Submission::new(Actor::System, CancelParcel { parcel: first });
    let commands: Vec<_> = out.of_books(&submission).collect();
    assert_eq!(*commands[1].0, PayDiscount { parcel: first, amount: Amount::of(500) }.into());
    assert!(commands[0].1.iter().all(|event| discount(event).is_none()), "{commands:?}");
    let seller = street.engine.books().seller_statements(SELLERS[0]).remove(0);
    assert_eq!((seller.held, street.promotions()), (9_500, 500), "held with the goods' money");
    // Undone, and delivered again.
    let payment = PaymentId { parcel: first, number: 1 };
    let out = street.must(ReverseCollection { payment });
    assert_eq!(out.books.events.iter().find_map(discount), Some((500, 0)));
    assert_eq!(street.promotions(), 0);
    street.engine = restored(&street.engine);
    street.pay(first, 2, 9_000);
    assert_eq!(street.promotions(), 500, "once");
    // Some units are kept at the door: one of two.
    street.must(Command::of_market(AcceptUnits { parcel: second, units: vec![2] }));
    assert_eq!(street.promotions(), 500, "not delivered yet");
    let due = street.parcels(1)[1].due.minor();
    street.pay(second, 1, due);
    assert_eq!(street.promotions(), 750);
    // A unit comes back, and then all of them.
    for (units, left) in [(vec![0], 500), (vec![1, 2], 0)] {
        let (order, resellable) = (OrderId(1), true);
        let units = ReturnUnits { order, units, resellable };
        let again = Submission::new(Actor::System, Command::of_market(units.clone()));
        street.must(Command::of_market(units));
        assert_eq!(street.promotions(), left);
        let refused = street.give(again).unwrap_err();
        assert_eq!(refused, Refusal::Books(books::Refusal::Repeated));
    }
    // The same journal gives the same books.
    let mut replayed = Engine::default();
    for (at, submission) in &street.journal {
        replayed.apply(submission, *at, &mut CommandOutcome::default()).unwrap();
    }
    assert_eq!(replayed.digest(), street.engine.digest());
}

#[test]
fn a_refused_parcel_has_no_discount_and_nobody_gives_the_command() {
    let (mut street, [first, _]) = Street::on_tour();
    let reason = RefuseReason::NotWanted;
    street.must(RefuseParcel { parcel: first, reason });
    street.must(ReturnParcel { parcel: first });
    assert_eq!(street.promotions(), 0);
    let amount = Amount::of(1);
    let command = Command::from(PayDiscount { parcel: first, amount });
    for by in [Actor::System, Actor::Person(FIRST)] {
        let refused = street.give(Submission::new(by, command.clone())).unwrap_err();
        assert_eq!(refused, Refusal::Books(books::Refusal::NotAllowed(by.kind())));
    }
}

fn restored(engine: &Engine) -> Engine {
    let mut parts: Vec<Result<Vec<u8>, String>> = Vec::new();
    let digest = engine.snapshot().write(|part| {
        parts.push(Ok(part.to_vec()));
        Ok::<(), String>(())
    });
    let restored = Engine::restore(parts, digest.unwrap()).unwrap();
    assert_eq!(restored.fingerprint(), engine.fingerprint());
    assert_eq!(restored.digest(), engine.digest());
    restored
}

#[test]
fn the_same_journal_gives_the_same_engine() {
    let mut street = Street::open();
    street.must(Street::cart(1, 1, 9_000));
    street.at = MORNING.plus_ms(1_000);
    street.must(Street::cart(2, 2, 18_000));
    street.must(Command::of_market(CancelOrder { order: OrderId(1) }));
    let mut again = Engine::default();
    for (number, (at, submission)) in street.journal.iter().enumerate() {
        let bytes = borsh::to_vec(submission).unwrap();
        let read: Submission = borsh::from_slice(&bytes).unwrap();
        again.apply(&read, *at, &mut CommandOutcome::default()).unwrap();
        if number % 5 == 0 {
            again = restored(&again);
        }
    }
    assert_eq!(again.digest(), street.engine.digest());
    assert_eq!(again.fingerprint(), street.engine.fingerprint());
}

#[test]
fn a_damaged_market_is_found() {
    let mut street = Street::open();
    street.must(Street::cart(1, 1, 9_000));
    let mut parts: Vec<Vec<u8>> = Vec::new();
    let digest = street.engine.snapshot().write(|part| {
        parts.push(part.to_vec());
        Ok::<(), String>(())
    });
    let digest = digest.unwrap();
    let of_market: Vec<usize> =
        (0..parts.len()).filter(|&part| parts[part].starts_with(&MARKET_FORMAT[..2])).collect();
    assert!(of_market.len() >= 5, "the small tables and four large ones");
    for &part in &of_market {
        let mut damaged = parts.clone();
        *damaged[part].last_mut().unwrap() ^= 1;
        let given = damaged.into_iter().map(Ok::<_, String>);
        assert!(Engine::restore(given, digest).is_err(), "part {part}");
        let mut missing = parts.clone();
        missing.remove(part);
        assert!(Engine::restore(missing.into_iter().map(Ok::<_, String>), digest).is_err());
    }
}

#[test]
fn a_quote_says_all_that_a_checkout_would_be_refused_for() {
    let mut street = Street::open();
    let line = |quantity| CartLine { variant: VariantId(1), quantity };
    let cart = |lines: &[CartLine], currency| {
        let lines = lines.to_vec();
        move |engine: &Engine| {
            let (buyer, coupons, reservation) = (BUYER, &[][..], None);
            let cart = quote::Cart { buyer, currency, lines: &lines, coupons, reservation };
            engine.quote(&cart, MORNING)
        }
    };
    let one = cart(&[line(2)], Currency::CNY);
    let quoted = one(&street.engine).unwrap();
    assert_eq!((quoted.quote.total, quoted.obstacles), (Amount::of(9_000), Vec::new()));
    let before = street.engine.digest();
    let (proposed_by, approved_by) = (FIRST, None);
    let seller = SELLERS[0];
    street.must(SuspendSeller { seller, number: 1, suspended: true, proposed_by, approved_by });
    assert_ne!(street.engine.digest(), before);
    let before = street.engine.digest();
    // 23 × 50 yuan less 12 × 10 are 1,030 yuan.
    let quoted = cart(&[line(23)], Currency::CNY)(&street.engine).unwrap();
    let expected = [
        MarketRefusal::ParcelAboveCap(seller, Amount::of(100_000)).into(),
        Refusal::Books(books::Refusal::SellerSuspended),
        MarketRefusal::NotEnoughStock(VariantId(1), 10).into(),
    ];
    assert_eq!(quoted.obstacles, expected);
    assert!(cart(&[line(1)], Currency::BRL)(&street.engine).is_err(), "another currency");
    assert_eq!(street.engine.digest(), before, "a quote changes nothing");
}

#[test]
fn without_a_firm_that_takes_the_currency_nobody_collects() {
    let mut engine = Engine::default();
    let mut out = CommandOutcome::default();
    let open = OpenBooks {
        utc_offset_minutes: 480,
        first_person: FIRST,
        second_person: SECOND,
        trial: false,
    };
    engine.apply(&Submission::new(Actor::System, open), MORNING, &mut out).unwrap();
    let checkout = Submission::new(Actor::System, Street::cart(1, 1, 9_000));
    let refused = engine.apply(&checkout, MORNING, &mut out).unwrap_err();
    assert_eq!(refused, Refusal::Market(MarketRefusal::NobodyCollects(Currency::CNY)));
}

#[test]
fn what_is_owed_for_returned_units_is_refunded_in_the_same_entry() {
    for limit in [None, Some(1_000)] {
        let mut street = Street::open();
        street.must(Street::cart(1, 2, 18_000));
        let parcel = street.parcels(1)[0].parcel;
        street.deliver(parcel, 9_000);
        let (currency, proposed_by, approved_by) = (Currency::CNY, FIRST, SECOND);
        if let Some(limit) = limit {
            let limit = Amount::of(limit);
            let number = 1;
            street.must(SetRefundLimit { currency, number, limit, proposed_by, approved_by });
        }
        let returned = ReturnUnits { order: OrderId(1), units: vec![0], resellable: true };
        let out = street.must(Command::of_market(returned.clone()));
        // One of two stays: 50 yuan alone, of 90 that were paid, less what is clawed back.
        let owed = street.parcels(1)[0].owed;
        let refunded: Vec<Amount> = out
            .books
            .events
            .iter()
            .filter_map(|event| match event {
                Event::Refunded { amount, .. } => Some(*amount),
                _ => None,
            })
            .collect();
        assert!(!owed.is_zero());
        match limit {
            None => assert_eq!(refunded, [owed], "{out:?}"),
            Some(_) => assert_eq!(refunded, [], "two persons refund it"),
        }
        let by_books = street.engine.books().total_balance(AccountKind::BuyerRefunds, currency);
        assert_eq!(by_books, refunded.iter().map(|one| i128::from(one.minor())).sum::<i128>());
        let again = street.give(Submission::new(Actor::System, Command::of_market(returned)));
        assert!(again.is_err(), "a unit goes back once");
        street.engine = restored(&street.engine);
    }
}
