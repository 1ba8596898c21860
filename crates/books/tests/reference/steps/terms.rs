//! Steps that change terms, and suspend. And what a seller changes before a parcel is dispatched.

use books::view::ParcelState;
use books::*;
use money::{Amount, Currency, Rate};
use tariff::{BusinessDate, SellerClassNumber};

use super::{Choices, Mistake};
use crate::model::{Numbered, Parcel, SellerAccount};
use crate::world::{FIRMS, TARIFFS};

/// Today, or one of the next days. By a mistake yesterday.
fn first_day(roll: &Choices, place: usize) -> BusinessDate {
    let today = roll.model.today;
    match roll.step.mistake {
        Mistake::AmountZero => today.minus_days(1),
        Mistake::AmountHuge => today.plus_days(1 + roll.step.random_numbers[place] % 40),
        _ => today.plus_days(roll.step.random_numbers[place] % 4),
    }
}

pub fn set_seller_terms(roll: &Choices) -> Command {
    let accounts = &roll.model.seller_order;
    let (seller, currency) = accounts[roll.number_at(0) % accounts.len()];
    let number = roll.count(roll.model.count_of(Numbered::SellerTerms((seller, currency))) + 1);
    let brl = (currency == Currency::BRL) != roll.makes_mistake(Mistake::AnyThing);
    let class = if roll.makes_mistake(Mistake::AmountAbove) { 2 } else { roll.number_at(1) % 2 };
    let proposed_by = roll.person(2);
    Command::SetSellerTerms(SetSellerTerms {
        seller,
        currency,
        number,
        from: first_day(roll, 3),
        tariff: if brl { TARIFFS[2] } else { TARIFFS[roll.number_at(2) % 3] },
        class: SellerClassNumber(u8::try_from(class).expect("at most two")),
        // Mostly daily, so that plans have sellers.
        cycle: match roll.number_at(1) % 6 {
            0 => SettlementCycle::Weekly,
            1 => SettlementCycle::Monthly,
            _ => SettlementCycle::Daily,
        },
        minimum: Amount::of([0, 1, 5_000, 100_000][roll.number_at(3) % 4]),
        proposed_by,
        approved_by: roll.second(proposed_by, 3),
    })
}

pub fn set_payout_account(roll: &Choices) -> Command {
    let accounts = &roll.model.seller_order;
    let (seller, currency) = accounts[roll.number_at(0) % accounts.len()];
    let other = if currency == Currency::BRL { Currency::CNY } else { Currency::BRL };
    let currency = if roll.makes_mistake(Mistake::AnyThing) { other } else { currency };
    let number = roll.count(roll.model.count_of(Numbered::PayoutAccounts((seller, currency))) + 1);
    let proposed_by = roll.person(2);
    Command::SetPayoutAccount(SetPayoutAccount {
        seller,
        currency,
        number,
        digest: Sha256Digest([roll.step.random_numbers[1].to_le_bytes()[0]; 32]),
        proposed_by,
        approved_by: roll.second(proposed_by, 3),
    })
}

/// Erases the account in force. By a mistake another digest, or of a seller who has none.
pub fn erase_payout_account(roll: &Choices) -> Command {
    let all = &roll.model.seller_order;
    let set = sellers_with_payout_account(roll);
    let (seller, currency) = roll.pick(0, &set, |die| all[die % all.len()]);
    let number = roll.count(roll.model.count_of(Numbered::PayoutAccounts((seller, currency))) + 1);
    let in_force = roll.model.payout_account((seller, currency));
    let mut digest = in_force.map_or(Sha256Digest([0; 32]), |(_, digest)| digest);
    digest.0[0] ^= u8::from(roll.makes_mistake(Mistake::AmountAbove));
    let proposed_by = roll.person(2);
    Command::ErasePayoutAccount(ErasePayoutAccount {
        seller,
        currency,
        number,
        digest,
        proposed_by,
        approved_by: roll.second(proposed_by, 3),
    })
}

/// A seller, or the buyer of a parcel. By a mistake one whom the books do not know.
fn data_subject(roll: &Choices, place: usize) -> DataSubject {
    let unknown = u64::from(roll.makes_mistake(Mistake::AnyThing)) << 40;
    let parcels = &roll.model.parcels;
    let die = roll.number_at(place);
    if die.is_multiple_of(2) || parcels.is_empty() {
        let accounts = &roll.model.seller_order;
        DataSubject::Seller(SellerId(accounts[die / 2 % accounts.len()].0.0 + unknown))
    } else {
        let parcel = parcels.keys().nth(die / 2 % parcels.len()).expect("within");
        let unknown = ParcelId::new(u128::from(unknown));
        DataSubject::Buyer(if unknown == ParcelId::new(0) { *parcel } else { unknown })
    }
}

pub fn record_disclosure(roll: &Choices) -> Command {
    let subject = data_subject(roll, 0);
    let is_seller = matches!(subject, DataSubject::Seller(_));
    let kind = match is_seller != roll.makes_mistake(Mistake::AmountAbove) {
        true => PersonalDataKind::PayoutAccount,
        false => PersonalDataKind::Delivery,
    };
    let many = if roll.makes_mistake(Mistake::AmountHuge) { DISCLOSED_SUBJECTS_MAX + 1 } else { 1 };
    let none = roll.makes_mistake(Mistake::AmountZero);
    Command::RecordDisclosure(RecordDisclosure {
        number: roll.count(roll.model.count_of(Numbered::Disclosures) + 1),
        subjects: vec![subject; if none { 0 } else { many }],
        kind,
        purpose: DisclosurePurpose::Payout,
    })
}

pub fn retry_notices(roll: &Choices) -> Command {
    let owner = match data_subject(roll, 0) {
        DataSubject::Seller(_) if roll.one_in(1, 4) => NoticeOwner::Staff,
        DataSubject::Seller(seller) => NoticeOwner::Seller(seller),
        DataSubject::Buyer(parcel) => NoticeOwner::Buyer(parcel),
    };
    let (endpoint, not_known) = (None, roll.one_in(2, 2));
    Command::RetryNotices(RetryNotices { owner, endpoint, not_known })
}

pub fn erase_subject(roll: &Choices) -> Command {
    let proposed_by = roll.person(2);
    let orders = [None, Some(ErasureOrder::Court), Some(ErasureOrder::Authority)];
    Command::EraseSubject(EraseSubject {
        number: roll.count(roll.model.count_of(Numbered::Erasures) + 1),
        subject: data_subject(roll, 0),
        ordered_by: orders[roll.number_at(1) % 3],
        proposed_by,
        approved_by: roll.second(proposed_by, 3),
    })
}

pub fn sellers_with_payout_account(roll: &Choices) -> Vec<SellerAccount> {
    let has = |account: &&SellerAccount| roll.model.payout_account(**account).is_some();
    roll.model.seller_order.iter().filter(has).copied().collect()
}

pub fn set_firm_terms(roll: &Choices) -> Command {
    let firm = FIRMS[roll.number_at(0) % 3];
    let number = roll.count(roll.model.count_of(Numbered::FirmTerms(firm)) + 1);
    let proposed_by = roll.person(2);
    Command::SetFirmTerms(SetFirmTerms {
        firm,
        number,
        from: first_day(roll, 3),
        guarantee: Amount::of(
            [0, 30_000, 90_000, Amount::ENTRY_MAX.minor()][roll.number_at(1) % 4],
        ),
        withholding: Rate::from_ppm([0, 15_000, 105_000, 1_000_000][roll.number_at(1) / 4 % 4])
            .expect("at most the whole"),
        proposed_by,
        approved_by: roll.second(proposed_by, 3),
    })
}

pub fn set_courier_terms(roll: &Choices) -> Command {
    let courier = roll.courier(0);
    let number = roll.count(roll.model.count_of(Numbered::CashLimits(courier)) + 1);
    let proposed_by = match roll.step.mistake {
        Mistake::AnyThing => PersonId(courier.0),
        _ => roll.person(2),
    };
    Command::SetCourierTerms(SetCourierTerms {
        courier,
        number,
        from: first_day(roll, 3),
        cash_limit: Amount::of(
            [20_000, 60_000, 5_000_000, Amount::ENTRY_MAX.minor()][roll.number_at(1) % 4],
        ),
        proposed_by,
        approved_by: roll.second(proposed_by, 3),
    })
}

pub fn suspended_sellers(roll: &Choices) -> Vec<SellerId> {
    let all = roll.model.sellers.keys().map(|(seller, _)| *seller);
    all.filter(|seller| roll.model.is_seller_suspended(*seller)).collect()
}

pub fn suspended_couriers(roll: &Choices) -> Vec<CourierId> {
    let all = roll.model.couriers.keys().copied();
    all.filter(|courier| roll.model.is_courier_suspended(*courier)).collect()
}

/// Who proposes, and who approves: a second person mostly if one is needed.
fn persons(roll: &Choices, suspended: bool) -> (PersonId, Option<PersonId>) {
    let proposed_by = roll.person(2);
    let alone = suspended != roll.one_in(3, 4);
    (proposed_by, (!alone).then(|| roll.second(proposed_by, 3)))
}

/// Suspends a seller, or lifts it. Sometimes what is so already.
pub fn suspend_seller(roll: &Choices) -> Command {
    let suspended = roll.one_in(2, 9);
    let lift = suspended_sellers(roll);
    let any = |die| SellerId(1 + u64::try_from(die % 5).expect("below five"));
    let seller = roll.pick(0, &lift, any);
    let suspended = lift.is_empty() != suspended;
    let number = roll.count(roll.model.count_of(Numbered::SellerSuspensions(seller)) + 1);
    let (proposed_by, approved_by) = persons(roll, suspended);
    Command::SuspendSeller(SuspendSeller { seller, number, suspended, proposed_by, approved_by })
}

pub fn suspend_courier(roll: &Choices) -> Command {
    let suspended = roll.one_in(2, 9);
    let lift = suspended_couriers(roll);
    let any = |die| CourierId(11 + u64::try_from(die % 5).expect("below five"));
    let courier = roll.pick(0, &lift, any);
    let suspended = lift.is_empty() != suspended;
    let number = roll.count(roll.model.count_of(Numbered::CourierSuspensions(courier)) + 1);
    let (proposed_by, approved_by) = match roll.step.mistake {
        Mistake::SomebodyElse => (PersonId(courier.0), Some(PersonId(1))),
        _ => persons(roll, suspended),
    };
    Command::SuspendCourier(SuspendCourier { courier, number, suspended, proposed_by, approved_by })
}

pub fn was_never_out(parcel: &Parcel) -> bool {
    let waits = matches!(parcel.state, ParcelState::Announced | ParcelState::Assigned);
    waits && parcel.attempts == 0
}

pub fn amend_due(roll: &Choices) -> Command {
    let parcel = roll.parcel(|one| was_never_out(one) || roll.one_in(3, 9));
    let last = roll.model.count_of(Numbered::Amendments(parcel));
    let due = match roll.number_at(2) % 4 {
        0 if roll.huge => Amount::ENTRY_MAX.minor(),
        _ => 5_000 + 100 * u64::from(roll.step.random_numbers[1]),
    };
    let number = u8::try_from(roll.count(last + 1)).unwrap_or(u8::MAX);
    Command::AmendDue(AmendDue { parcel, number, due: roll.amount(due) })
}

pub fn cancel_parcel(roll: &Choices) -> Command {
    let parcel = roll.parcel(|one| was_never_out(one) || roll.one_in(3, 9));
    Command::CancelParcel(CancelParcel { parcel })
}
