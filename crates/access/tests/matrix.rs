//! Every cell of the table is tried, against what each role is for.
#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};

use access::{
    AccessCell, AccessFunction, AccessGrant, AccessObjects, AccessRole, AccessScope, Assurance,
    MarketObject, ObjectSeller, Principal, ROLES, views,
};
use books::{
    AmendDue, AnnounceParcel, AssignedParcel, Command, CourierId, DispatchParcels,
    DispatchedParcel, FirmId, ParcelId, PaymentId, PersonId, Refund, SellerId, StartHandOver,
};
use machine::{Actor, ActorKind, ApiKeyId, Timestamp};
use market::*;
use money::{Amount, Currency, Rate};

/// The page has what each role is for.
const MATRIX: &str = include_str!("../../../docs/access.md");

const SELLER: SellerId = SellerId(1);
const FIRM: FirmId = FirmId(1);
const COURIER: CourierId = CourierId(1);

fn grant(role: AccessRole) -> AccessGrant {
    match role {
        AccessRole::Administrator => AccessGrant::Administrator,
        AccessRole::Operator => AccessGrant::Operator,
        AccessRole::Finance => AccessGrant::Finance,
        AccessRole::Auditor => AccessGrant::Auditor,
        AccessRole::Hub => AccessGrant::Hub,
        AccessRole::Courier => AccessGrant::Courier(COURIER),
        AccessRole::Seller => AccessGrant::Seller(SELLER),
        AccessRole::Firm => AccessGrant::Firm(FIRM),
        AccessRole::Buyer => AccessGrant::Buyer(ParcelId::new(1)),
    }
}

/// The lines that begin with these words, as sets of names. Nothing is named twice.
fn lines(head: &str) -> BTreeSet<&'static str> {
    let mut all = BTreeSet::new();
    let of = MATRIX.lines().filter_map(|line| line.strip_prefix(head)?.strip_prefix(": "));
    for name in of.flat_map(str::split_whitespace) {
        assert!(all.insert(name), "{head}: {name} is there twice");
    }
    all
}

fn expected(role: AccessRole, kind: &str) -> BTreeMap<&'static str, AccessCell> {
    let of = |whose: &str| lines(&format!("{} {whose} {kind}", role.name()));
    let all = of("all").into_iter().map(|one| (one, AccessCell::All));
    all.chain(of("own").into_iter().map(|one| (one, AccessCell::Own))).collect()
}

/// In a session with the second factor given a moment ago; a buyer by a link.
fn principal(role: AccessRole) -> Principal {
    let is_buyer = role == AccessRole::Buyer;
    Principal {
        actor: if is_buyer { Actor::Key(ApiKeyId(0)) } else { Actor::Person(PersonId(1)) },
        grants: vec![grant(role)],
        assurance: if is_buyer { Assurance::Link } else { Assurance::SteppedUp },
    }
}

fn scope(cell: AccessCell, role: AccessRole) -> AccessScope {
    match cell {
        AccessCell::All => AccessScope::All,
        AccessCell::Own => AccessScope::Own(vec![grant(role)]),
        AccessCell::Nothing => AccessScope::Nothing,
    }
}

#[test]
fn every_cell_is_what_the_role_is_for() {
    let mut cells = 0;
    for role in ROLES {
        let (gives, reads) = (expected(role, "give"), expected(role, "read"));
        let who = principal(role);
        for spec in engine::Command::specs() {
            let cell = gives.get(spec.name).copied().unwrap_or(AccessCell::Nothing);
            let function = AccessFunction::GiveNamed(spec.name);
            assert_eq!(function.cell(role), cell, "{} {}", role.name(), spec.name);
            assert_eq!(who.may(function), scope(cell, role), "{} {}", role.name(), spec.name);
            cells += 1;
        }
        for view in views() {
            let cell = reads.get(view).copied().unwrap_or(AccessCell::Nothing);
            let function = AccessFunction::Read(view);
            assert_eq!(function.cell(role), cell, "{} {view}", role.name());
            assert_eq!(who.may(function), scope(cell, role), "{} {view}", role.name());
            cells += 1;
        }
        let commands: BTreeSet<_> = engine::Command::specs().map(|spec| spec.name).collect();
        let unknown = gives.keys().find(|name| !commands.contains(*name));
        assert_eq!(unknown, None, "no such command");
        let all: BTreeSet<_> = views().collect();
        assert_eq!(reads.keys().find(|name| !all.contains(*name)), None, "no such view");
    }
    assert!(cells > 1_000, "{cells} cells");
}

#[test]
fn what_nobody_may_give_is_given_by_no_person() {
    for spec in engine::Command::specs() {
        let function = AccessFunction::GiveNamed(spec.name);
        let somebody = ROLES.iter().any(|role| function.cell(*role) != AccessCell::Nothing);
        let by_person = spec.given_by.contains(&ActorKind::Person);
        // Books are opened on the machine that has them.
        assert_eq!(somebody, by_person && spec.name != "OpenBooks", "{}", spec.name);
    }
    let auditor = engine::Command::specs().map(|spec| AccessFunction::GiveNamed(spec.name));
    for role in [AccessRole::Auditor, AccessRole::Buyer] {
        let mut gives = auditor.clone().filter(|one| one.cell(role) != AccessCell::Nothing);
        assert!(gives.next().is_none(), "{} changes nothing", role.name());
    }
}

#[test]
fn what_moves_money_out_or_decides_who_may_needs_a_step_up() {
    let expected = lines("step-up");
    for spec in engine::Command::specs() {
        let function = AccessFunction::GiveNamed(spec.name);
        let needs = expected.contains(spec.name);
        assert_eq!(function.needs_step_up(), needs, "{}", spec.name);
        for role in ROLES.into_iter().filter(|role| *role != AccessRole::Buyer) {
            let sure = principal(role);
            let unsure = Principal { assurance: Assurance::SecondFactor, ..sure.clone() };
            let may = sure.may(function) != AccessScope::Nothing;
            let refused = unsure.may(function) == AccessScope::Nothing;
            assert_eq!(refused, needs || !may, "{} {}", role.name(), spec.name);
            assert_eq!(unsure.lacks_step_up(function), needs && may, "{}", spec.name);
            assert!(!sure.lacks_step_up(function), "{}", spec.name);
        }
    }
    for view in views() {
        let function = AccessFunction::Read(view);
        assert_eq!(function.needs_step_up(), expected.contains(view), "{view}");
    }
}

#[test]
fn without_a_second_factor_nobody_administrates_or_does_finance() {
    for role in [AccessRole::Administrator, AccessRole::Finance] {
        for assurance in [Assurance::Link, Assurance::Password] {
            let who = Principal { assurance, ..principal(role) };
            for view in views() {
                assert_eq!(who.may(AccessFunction::Read(view)), AccessScope::Nothing, "{view}");
            }
        }
    }
    let operator = Principal { assurance: Assurance::Password, ..principal(AccessRole::Operator) };
    assert_eq!(operator.may(AccessFunction::Read("parcels")), AccessScope::All);
}

#[test]
fn a_key_makes_no_keys_and_no_roles() {
    for spec in engine::Command::specs() {
        let function = AccessFunction::GiveNamed(spec.name);
        for role in ROLES.into_iter().filter(|role| *role != AccessRole::Buyer) {
            let key = Principal {
                actor: Actor::Key(ApiKeyId(1)),
                assurance: Assurance::ApiKey,
                ..principal(role)
            };
            let may = key.may(function) != AccessScope::Nothing;
            let cell = function.cell(role) != AccessCell::Nothing;
            let for_keys = spec.given_by.contains(&ActorKind::Key);
            let expected = cell && for_keys && role != AccessRole::Administrator;
            assert_eq!(may, expected, "{} {}", role.name(), spec.name);
        }
    }
}

#[test]
fn a_link_is_a_buyers_only_and_a_buyer_comes_by_a_link_only() {
    for role in ROLES {
        let mut who = principal(role);
        let is_buyer = role == AccessRole::Buyer;
        who.assurance = if is_buyer { Assurance::SteppedUp } else { Assurance::Link };
        for view in views() {
            assert_eq!(who.may(AccessFunction::Read(view)), AccessScope::Nothing, "{view}");
        }
    }
}

#[test]
fn what_is_not_in_the_table_is_refused() {
    for role in ROLES {
        let who = principal(role);
        assert_eq!(who.may(AccessFunction::Read("everything")), AccessScope::Nothing);
        assert_eq!(who.may(AccessFunction::GiveNamed("PrintMoney")), AccessScope::Nothing);
    }
    let nobody = Principal { grants: vec![], ..principal(AccessRole::Operator) };
    assert_eq!(nobody.may(AccessFunction::Read("parcels")), AccessScope::Nothing);
}

/// Parcels 1 and 2 are of seller 1 and firm 1, 3 and 4 of seller 2 and firm 2. Courier 1 of firm 1
/// has parcel 1 out, courier 2 of firm 2 parcel 3.
struct Objects;

fn number(parcel: ParcelId) -> u128 {
    (1..=4).find(|number| ParcelId::new(*number) == parcel).unwrap_or(0)
}

impl AccessObjects for Objects {
    fn seller_of(&self, parcel: ParcelId) -> Option<SellerId> {
        match number(parcel) {
            1 | 2 => Some(SellerId(1)),
            3 | 4 => Some(SellerId(2)),
            _ => None,
        }
    }

    fn firm_of(&self, parcel: ParcelId) -> Option<FirmId> {
        self.seller_of(parcel).map(|seller| FirmId(seller.0))
    }

    fn courier_of(&self, parcel: ParcelId) -> Option<CourierId> {
        match number(parcel) {
            1 => Some(CourierId(1)),
            3 => Some(CourierId(2)),
            _ => None,
        }
    }

    fn of_market(&self, object: MarketObject<'_>) -> ObjectSeller {
        match object {
            MarketObject::Offer(id) => market_seller(id.0),
            MarketObject::Variant(id) => market_seller(id.0),
            MarketObject::Promotion(id) => market_seller(id.0),
            // Unit 0 is of seller 1, unit 1 of seller 2.
            MarketObject::Units(_, units) => match units {
                [0] => ObjectSeller::One(SellerId(1)),
                [1] => ObjectSeller::One(SellerId(2)),
                _ => ObjectSeller::Others,
            },
        }
    }

    fn firm_of_courier(&self, courier: CourierId) -> Option<FirmId> {
        [None, Some(FirmId(1)), Some(FirmId(2))].get(usize::try_from(courier.0).ok()?).copied()?
    }
}

fn amend(parcel: u128) -> Command {
    let parcel = ParcelId::new(parcel);
    Command::AmendDue(AmendDue { parcel, number: 1, due: Amount::of(100) })
}

fn announce(seller: u64, parcel: u128) -> Command {
    Command::AnnounceParcel(AnnounceParcel {
        parcel: ParcelId::new(parcel),
        seller: SellerId(seller),
        currency: Currency::CNY,
        due: Amount::of(100),
        reference: "o-1".to_owned(),
        shipment: 1,
    })
}

fn dispatch(courier: u64, parcels: &[u128]) -> Command {
    let parcels = parcels
        .iter()
        .map(|parcel| DispatchedParcel { parcel: ParcelId::new(*parcel), attempt: 1 })
        .collect();
    Command::DispatchParcels(DispatchParcels { courier: CourierId(courier), parcels })
}

fn covers(role: AccessRole, command: &Command) -> bool {
    covers_any(role, &command.clone().into())
}

fn covers_any(role: AccessRole, command: &engine::Command) -> bool {
    principal(role).may(AccessFunction::Give(command)).covers(command, &Objects)
}

/// Offers and variants 1 and promotion 1 are of seller 1, those with number 2 of seller 2;
/// promotion 3 is the platform's.
fn market_seller(number: u64) -> ObjectSeller {
    match number {
        1 | 2 => ObjectSeller::One(SellerId(number)),
        3 => ObjectSeller::Others,
        _ => ObjectSeller::Unknown,
    }
}

#[test]
fn seller_a_never_touches_what_is_seller_bs() {
    let refund = |parcel| {
        let payment = PaymentId { parcel: ParcelId::new(parcel), number: 1 };
        Command::Refund(Refund { payment, number: 1, amount: Amount::of(1) })
    };
    for (command, own) in [
        (amend(1), true),
        (amend(3), false),
        (refund(2), true),
        (refund(4), false),
        (announce(1, 9), true),
        (announce(2, 9), false),
        // Under the own name, but the parcel is another's.
        (announce(1, 3), false),
        // A parcel that nobody knows makes nothing one's own.
        (amend(9), false),
    ] {
        assert_eq!(covers(AccessRole::Seller, &command), own, "{command:?}");
    }
    let scope = principal(AccessRole::Seller).may(AccessFunction::Read("parcels"));
    let seen = (1..=9).filter(|parcel| scope.covers_parcel(ParcelId::new(*parcel), &Objects));
    assert_eq!(seen.collect::<Vec<_>>(), [1, 2]);
}

#[test]
fn a_seller_touches_own_offers_stock_and_promotions_and_own_units_of_an_order() {
    let price = |variant| {
        MarketCommand::from(SetPrice {
            variant: VariantId(variant),
            number: 2,
            price: Amount::of(100),
        })
    };
    let draft = |seller, offer| {
        MarketCommand::from(DraftOffer {
            offer: OfferId(offer),
            seller: SellerId(seller),
            currency: Currency::CNY,
            category: CategoryId(1),
            reference: "tea".to_owned(),
            content: books::Sha256Digest([1; 32]),
            variants: Vec::new(),
        })
    };
    let allot = |promotion, variant| {
        MarketCommand::from(AllotFlashStock {
            promotion: PromotionId(promotion),
            variant: VariantId(variant),
            number: 1,
            quantity: 1,
        })
    };
    let publish = |promotion, sellers: &[u64], ppm: u32| {
        MarketCommand::from(PublishPromotion {
            promotion: PromotionId(promotion),
            version: 1,
            currency: Currency::CNY,
            rule: PromotionRule::FreeDelivery,
            from: Timestamp(0),
            until: Timestamp(1),
            scope: PromotionScope {
                sellers: sellers.iter().copied().map(SellerId).collect(),
                ..PromotionScope::default()
            },
            by_coupon: false,
            uses_max: None,
            budget: None,
            per_buyer_max: None,
            platform_share: Rate::from_ppm(ppm).unwrap(),
            order: 1,
            exclusive: false,
            yields_to: Vec::new(),
            floor: Amount::ZERO,
            broken_threshold: BrokenThreshold::Keep,
            undone_use: UndoneUse::Keep,
            proposed_by: None,
            approved_by: None,
        })
    };
    let receive = |units: &[u16]| {
        MarketCommand::from(ReceiveUnits {
            order: OrderId(1),
            units: units.to_vec(),
            resellable: true,
        })
    };
    for (command, own) in [
        (price(1), true),
        (price(2), false),
        // A variant that nobody has makes nothing one's own.
        (price(9), false),
        (draft(1, 9), true),
        (draft(2, 9), false),
        (draft(1, 2), false),
        (allot(1, 1), true),
        (allot(1, 2), false),
        // Into the platform's flash sale only an operator sets units aside.
        (allot(3, 1), false),
        (publish(9, &[1], 0), true),
        // The number of another's promotion, another's money, everybody's, and the platform's.
        (publish(2, &[1], 0), false),
        (publish(9, &[2], 0), false),
        (publish(9, &[1, 2], 0), false),
        (publish(9, &[], 0), false),
        (publish(9, &[1], 1), false),
        (receive(&[0]), true),
        (receive(&[1]), false),
        (receive(&[0, 1]), false),
    ] {
        let command = engine::Command::of_market(command);
        assert_eq!(covers_any(AccessRole::Seller, &command), own, "{command:?}");
        assert!(
            !covers_any(AccessRole::Firm, &command) && !covers_any(AccessRole::Buyer, &command)
        );
    }
}

#[test]
fn a_courier_touches_the_own_tour_only() {
    let scope = principal(AccessRole::Courier).may(AccessFunction::Read("parcels"));
    let seen = (1..=9).filter(|parcel| scope.covers_parcel(ParcelId::new(*parcel), &Objects));
    assert_eq!(seen.collect::<Vec<_>>(), [1]);
    let start = |courier| {
        Command::StartHandOver(StartHandOver {
            handover: books::HandOverId(1),
            courier: CourierId(courier),
            number: 1,
            code_mac: books::CodeMac([0; 16]),
        })
    };
    assert!(covers(AccessRole::Courier, &start(1)));
    assert!(!covers(AccessRole::Courier, &start(2)));
}

#[test]
fn a_firm_dispatches_its_own_parcels_with_its_own_couriers() {
    for (command, own) in [
        (dispatch(1, &[1, 2]), true),
        (dispatch(2, &[1]), false),
        (dispatch(1, &[1, 3]), false),
        (dispatch(9, &[1]), false),
    ] {
        assert_eq!(covers(AccessRole::Firm, &command), own, "{command:?}");
    }
    let assign = Command::AssignParcels(books::AssignParcels {
        firm: FIRM,
        parcels: vec![AssignedParcel { parcel: ParcelId::new(1), number: 1 }],
    });
    assert!(!covers(AccessRole::Firm, &assign), "a hub assigns");
}

#[test]
fn a_buyer_sees_one_parcel() {
    let scope = principal(AccessRole::Buyer).may(AccessFunction::Read("parcels"));
    let seen = (1..=9).filter(|parcel| scope.covers_parcel(ParcelId::new(*parcel), &Objects));
    assert_eq!(seen.collect::<Vec<_>>(), [1]);
}

#[test]
fn fields_that_a_role_does_not_see_are_hidden_unless_another_role_shows_them() {
    let hides =
        |role: AccessRole, field: &str| principal(role).hidden_fields("parcels").contains(&field);
    use AccessRole as R;
    for (field, seen_by) in [
        ("fees", vec![R::Finance, R::Auditor, R::Seller]),
        ("guarantee", vec![R::Finance, R::Auditor, R::Firm]),
        ("deducted", vec![R::Finance, R::Auditor, R::Operator]),
        ("rail", vec![R::Finance, R::Auditor, R::Operator]),
    ] {
        let reads = |role: &R| AccessFunction::Read("parcels").cell(*role) != AccessCell::Nothing;
        for role in ROLES.into_iter().filter(reads) {
            assert_eq!(hides(role, field), !seen_by.contains(&role), "{field} {}", role.name());
        }
    }
    let mut both = principal(AccessRole::Hub);
    both.grants.push(AccessGrant::Finance);
    assert!(both.hidden_fields("parcels").is_empty());
    both.assurance = Assurance::Password;
    assert!(!both.hidden_fields("parcels").is_empty(), "finance does not count yet");
}
