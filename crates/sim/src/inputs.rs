//! What a day is made of.

use std::collections::BTreeSet;

use engine::{BusinessDate, Cycle, HoldRule, Jurisdiction, ParcelId, SellerId};
use money::{Amount, Currency};
use tariff::file::Tariff;

use crate::rates::REFUSED_PPM;

/// Courier firms at the most.
pub const FIRMS_MAX: u8 = 50;
/// Parcels that a courier may be given at the most: what can be brought in a day at the slowest
/// pace.
pub const PARCELS_PER_COURIER_MAX: u16 = 100;

/// What a parcel may cost at the most, in minor units: a terminal's totals have twelve digits, and
/// a tour has up to [`PARCELS_PER_COURIER_MAX`] parcels.
pub const DUE_MAX: u64 = 9_999_999_999;

/// One parcel of the day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParcelInput {
    /// The seller's reference of itself.
    pub seller_reference: String,
    /// The seller's reference of the order; unique among the seller's.
    pub order_reference: String,
    /// What is to be collected, in minor units of the day's currency; above zero.
    pub due: Amount,
}

impl ParcelInput {
    /// The seller's identifier in the books.
    #[must_use]
    pub fn seller(&self) -> SellerId {
        SellerId::derived(&self.seller_reference)
    }

    /// The parcel's identifier in the books.
    #[must_use]
    pub fn parcel(&self) -> ParcelId {
        ParcelId::derived(self.seller(), &self.order_reference)
    }
}

/// Where the parcels come from. Everything else of a day is simulated, and a report has to say so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Real orders.
    Real {
        /// The column profile by which they were read.
        profile: String,
        /// The file or directory, in the operator's own words.
        source: String,
    },
    /// Made by [`made_orders`](crate::made_orders).
    Made,
}

/// What a day is lived from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DayInputs {
    /// The day on which the couriers go out.
    pub date: BusinessDate,
    /// How far local time is ahead of UTC, in minutes; 480 in China.
    pub utc_offset_minutes: i16,
    /// The currency of all amounts.
    pub currency: Currency,
    /// The tariff of all sellers.
    pub tariff: Tariff,
    /// The class of all sellers in that tariff.
    pub class: String,
    /// The parcels.
    pub parcels: Vec<ParcelInput>,
    /// Where they come from.
    pub origin: Origin,
}

/// How buyers pay.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TenderMix {
    /// By card, QR and in cash, some in two parts; see [`rates`](crate::rates).
    #[default]
    Mixed,
    /// By debit card only, in one payment, so that fees follow from the tariff whatever it says
    /// about credit cards.
    Card,
    /// By QR only.
    Qr,
    /// In cash; by debit card where one parcel is more than a courier may carry.
    Cash,
}

/// How a day goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DayOptions {
    /// Everything that is left to chance follows from it. 1 by default.
    pub seed: u64,
    /// How buyers pay; mixed by default.
    pub tender: TenderMix,
    /// How many parcels in a million are refused at the door; 80,000 by default. What else keeps a
    /// parcel from being taken in full goes with it in proportion; with 0 every parcel is taken and
    /// paid in full at the third attempt at the latest.
    pub refusals_ppm: u32,
    /// How often things go wrong, in percent of the rates in [`rates`](crate::rates): 100 by
    /// default, with 0 nothing goes wrong.
    pub faults_percent: u32,
    /// Where the sellers' money is held by law; `CN` by default.
    pub jurisdiction: Jurisdiction,
    /// When held money becomes payable there; at once by default.
    pub hold: HoldRule,
    /// How often sellers are paid; daily by default.
    pub cycle: Cycle,
    /// The least that is paid out; nothing by default.
    pub minimum: Amount,
    /// How many courier firms there are, 1 to [`FIRMS_MAX`]; 3 by default.
    pub firms: u8,
    /// How much counted cash each firm guarantees; nothing by default.
    pub guarantee: Amount,
    /// How many parcels a courier takes out at the most, 1 to [`PARCELS_PER_COURIER_MAX`]; 80 by
    /// default. The number of couriers follows from it.
    pub parcels_per_courier: u16,
    /// The most cash that a courier may have in hand; by default what
    /// [`CASH_LIMIT_PARCELS`](DayOptions::CASH_LIMIT_PARCELS) average parcels of the day cost.
    pub cash_limit: Option<Amount>,
}

impl DayOptions {
    /// The default limit of the cash in a courier's hands, in average parcels. An assumption;
    /// Wolt's limit is EUR 200 (`domain.md`).
    pub const CASH_LIMIT_PARCELS: u64 = 20;
}

impl Default for DayOptions {
    fn default() -> DayOptions {
        DayOptions {
            seed: 1,
            tender: TenderMix::Mixed,
            refusals_ppm: REFUSED_PPM,
            faults_percent: 100,
            jurisdiction: Jurisdiction(*b"CN"),
            hold: HoldRule::AtOnce,
            cycle: Cycle::Daily,
            minimum: Amount::ZERO,
            firms: 3,
            guarantee: Amount::ZERO,
            parcels_per_courier: 80,
            cash_limit: None,
        }
    }
}

/// Why a day cannot begin.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InputError {
    /// No parcels.
    #[error("there are no parcels")]
    NoParcels,
    /// A parcel that costs nothing.
    #[error("parcel {order} of seller {seller} has nothing to be collected")]
    NothingDue {
        /// The seller.
        seller: String,
        /// The order.
        order: String,
    },
    /// A parcel that costs more than a terminal can add up.
    #[error(
        "parcel {order} of seller {seller} costs more than {DUE_MAX} minor units, the most that \
         terminals can add up; leave it out"
    )]
    TooMuchForTerminals {
        /// The seller.
        seller: String,
        /// The order.
        order: String,
    },
    /// The same parcel twice.
    #[error("parcel {order} of seller {seller} is there twice")]
    Twice {
        /// The seller.
        seller: String,
        /// The order.
        order: String,
    },
    /// The amounts add up to more than an amount can be.
    #[error("the amounts due add up to more than Doorstep can keep")]
    TooMuch,
    /// The tariff does not hold on the day, or on the one after.
    #[error("no version of the tariff `{tariff}` holds on {date}")]
    NoTariff {
        /// The tariff.
        tariff: String,
        /// The day.
        date: BusinessDate,
    },
    /// The tariff has no such class.
    #[error("the tariff `{tariff}` has no class `{class}`")]
    NoClass {
        /// The tariff.
        tariff: String,
        /// The class.
        class: String,
    },
    /// An option outside its range.
    #[error("{option} is 1 to {most}")]
    OutOfRange {
        /// Which one.
        option: &'static str,
        /// The most that it can be.
        most: u16,
    },
}

/// Whether a day can be made of this.
///
/// # Errors
/// The first thing that stands against it.
pub fn check_inputs(inputs: &DayInputs, options: &DayOptions) -> Result<(), InputError> {
    if !(1..=FIRMS_MAX).contains(&options.firms) {
        let most = u16::from(FIRMS_MAX);
        return Err(InputError::OutOfRange { option: "the number of firms", most });
    }
    if !(1..=PARCELS_PER_COURIER_MAX).contains(&options.parcels_per_courier) {
        let most = PARCELS_PER_COURIER_MAX;
        return Err(InputError::OutOfRange { option: "the parcels of a courier", most });
    }
    check_tariff(inputs)?;
    check_parcels(inputs)
}

fn check_tariff(inputs: &DayInputs) -> Result<(), InputError> {
    let tariff = inputs.tariff.name.clone();
    for date in [inputs.date, inputs.date.plus(1)] {
        let Some(version) = inputs.tariff.in_force(date) else {
            return Err(InputError::NoTariff { tariff, date });
        };
        if version.terms.class(&inputs.class).is_none() {
            return Err(InputError::NoClass { tariff, class: inputs.class.clone() });
        }
    }
    Ok(())
}

fn check_parcels(inputs: &DayInputs) -> Result<(), InputError> {
    if inputs.parcels.is_empty() {
        return Err(InputError::NoParcels);
    }
    let mut seen = BTreeSet::new();
    let mut sum = Amount::ZERO;
    for parcel in &inputs.parcels {
        let (seller, order) = (&parcel.seller_reference, &parcel.order_reference);
        if parcel.due.is_zero() {
            return Err(InputError::NothingDue { seller: seller.clone(), order: order.clone() });
        }
        if parcel.due.minor() > DUE_MAX {
            let (seller, order) = (seller.clone(), order.clone());
            return Err(InputError::TooMuchForTerminals { seller, order });
        }
        if !seen.insert((seller, order)) {
            return Err(InputError::Twice { seller: seller.clone(), order: order.clone() });
        }
        sum = sum.checked_add(parcel.due).ok_or(InputError::TooMuch)?;
    }
    Ok(())
}
