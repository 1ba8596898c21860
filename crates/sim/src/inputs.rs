//! The inputs and options of a day, with their checks.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use books::{
    BusinessDate, Command, HoldRule, Jurisdiction, ParcelId, SellerId, SetTimeZone,
    SettlementCycle, TariffId,
};
use money::{Amount, Currency, Rate};
use tariff::PaymentMethod;
use tariff::file::Tariff;

use crate::rates::REFUSED_PPM;
use crate::setup::opening_commands;
use crate::world::UnreadableTariff;

/// The largest number of courier firms.
pub const FIRMS_MAX: u8 = 50;
/// The largest tour of a courier: what the slowest pace can deliver in a day.
pub const PARCELS_PER_COURIER_MAX: u16 = 100;

/// The largest amount due of a parcel, in minor units: a terminal's totals have twelve digits, and
/// a tour has up to [`PARCELS_PER_COURIER_MAX`] parcels.
pub const DUE_MAX: u64 = 9_999_999_999;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParcelInput {
    pub seller_reference: String,
    /// Unique per seller.
    pub order_reference: String,
    /// Amount due, in minor units of the day's currency; above zero.
    pub due: Amount,
}

impl ParcelInput {
    #[must_use]
    pub fn seller_id(&self) -> SellerId {
        SellerId::derived(&self.seller_reference)
    }

    #[must_use]
    pub fn parcel_id(&self) -> ParcelId {
        ParcelId::derived(self.seller_id(), &self.order_reference)
    }
}

/// Where the parcels come from. Everything else of a day is simulated, and reports must say so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OrderSource {
    Real {
        /// The column profile that the orders were read with.
        profile: String,
        /// The file or directory as the operator wrote it.
        source: String,
    },
    /// Orders of [`generate_orders`](crate::generate_orders).
    Generated,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DayInputs {
    /// The day of the couriers' tours.
    pub date: BusinessDate,
    /// How far local time is ahead of UTC, in minutes; 480 in China.
    pub utc_offset_minutes: i16,
    /// The time zone that the books get after their opening. Its offset does not change in the
    /// simulated days.
    pub time_zone: Option<SetTimeZone>,
    /// The currency of all amounts.
    pub currency: Currency,
    /// The tariff of all sellers.
    pub tariff: Tariff,
    /// The text of its file, which the simulated world reads itself.
    pub tariff_text: Arc<str>,
    /// The class of all sellers in that tariff.
    pub class: String,
    pub parcels: Vec<ParcelInput>,
    pub order_source: OrderSource,
    /// What others gave to the books since the last simulated day: the sellers and parcels of an
    /// import, and what these need.
    pub others: Vec<Command>,
    /// Of the parcels of `others` that the market sold: what is in them.
    pub ordered: BTreeMap<ParcelId, SoldParcel>,
}

/// What the market sold in a parcel. Amounts are in minor units.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SoldParcel {
    /// The numbers of its units in the order, each with what Doorstep pays of its discounts.
    pub units: Vec<(u16, u64)>,
    /// What Doorstep pays of the discounts on its delivery.
    pub delivery: u64,
}

/// How buyers pay.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PaymentMix {
    /// By card, by QR and in cash, some in two payments; see [`rates`](crate::rates).
    #[default]
    Mixed,
    /// In one payment. Instead of cash, by debit card when one parcel exceeds the courier's cash
    /// limit.
    Only(PaymentMethod),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DayOptions {
    /// Determines every random draw. 1 by default.
    pub seed: u64,
    /// Mixed by default.
    pub payment_mix: PaymentMix,
    /// Parcels refused at the door, in parts per million; 80,000 by default. Partial acceptance and
    /// buyers who cannot pay scale with it; with 0 every parcel is accepted and paid in full at the
    /// third attempt at the latest.
    pub refusals_ppm: u32,
    /// Frequency of faults, in percent of the rates in [`rates`](crate::rates). 100 by default; 0
    /// turns faults off.
    pub faults_percent: u32,
    /// Jurisdiction whose hold rule applies to the sellers' money; `CN` by default.
    pub jurisdiction: Jurisdiction,
    /// When held money becomes payable; at once by default.
    pub hold_rule: HoldRule,
    /// Settlement cycle of the sellers; daily by default.
    pub cycle: SettlementCycle,
    /// Share of the sellers who are paid weekly instead, in parts per million; 0 by default.
    pub weekly_sellers_ppm: u32,
    /// Smallest payout; zero by default.
    pub minimum_payout: Amount,
    /// Number of courier firms, 1 to [`FIRMS_MAX`]; 3 by default.
    pub firms: u8,
    /// Counted cash that each firm guarantees; zero by default.
    pub guarantee: Amount,
    /// Tax withheld from what firms are paid each night. `None`, the default: they are not paid.
    pub withholding: Option<Rate>,
    /// Largest number of parcels per courier, 1 to [`PARCELS_PER_COURIER_MAX`]; 80 by default. The
    /// number of couriers follows from it.
    pub parcels_per_courier: u16,
    /// Limit of the cash in a courier's hands; by default the amount due of
    /// [`CASH_LIMIT_PARCELS`](DayOptions::CASH_LIMIT_PARCELS) average parcels of the day.
    pub cash_limit: Option<Amount>,
    /// What the files of the parties outside are for; there are none by default.
    pub party_files: PartyFiles,
    /// Networks that two persons withdraw during the tours; none by default.
    pub withdrawals: Vec<SimulatedWithdrawal>,
}

/// What the files of networks, wallets, the bank and firms are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PartyFiles {
    /// Nobody writes any.
    None,
    /// The books are told what networks and the bank do, and the files say the same.
    Beside,
    /// Only the files say what networks, wallets and the bank do. The day ends in the night, when
    /// the refused parcels are back: nothing is cleared, and nobody is paid.
    Alone,
}

/// A network that is withdrawn while couriers are on their tours. Payments in flight finish.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SimulatedWithdrawal {
    /// Its place among the simulated networks, from 0. Another place is none.
    pub network: usize,
    /// The minute of the day.
    pub minute: u64,
}

impl DayOptions {
    /// Default cash limit of a courier, in average parcels. An assumption; Wolt's is EUR 200.
    pub const CASH_LIMIT_PARCELS: u64 = 20;
}

impl Default for DayOptions {
    fn default() -> DayOptions {
        DayOptions {
            seed: 1,
            payment_mix: PaymentMix::Mixed,
            refusals_ppm: REFUSED_PPM,
            faults_percent: 100,
            jurisdiction: Jurisdiction(*b"CN"),
            hold_rule: HoldRule::AtOnce,
            cycle: SettlementCycle::Daily,
            weekly_sellers_ppm: 0,
            minimum_payout: Amount::ZERO,
            firms: 3,
            guarantee: Amount::ZERO,
            withholding: None,
            parcels_per_courier: 80,
            cash_limit: None,
            party_files: PartyFiles::None,
            withdrawals: Vec::new(),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DayInputError {
    #[error("the day has no parcels; give at least one order")]
    NoParcels,
    #[error("parcel {order} of seller {seller} has no amount due; leave it out")]
    NothingDue { seller: String, order: String },
    #[error(
        "parcel {order} of seller {seller}: the amount due exceeds {DUE_MAX} minor units, the \
         limit of a terminal's totals; leave the parcel out"
    )]
    ParcelTooExpensive { seller: String, order: String },
    #[error("parcel {order} of seller {seller} is given twice; remove one of them")]
    DuplicateParcel { seller: String, order: String },
    #[error("the sum of the amounts due exceeds Doorstep's largest amount; give fewer parcels")]
    TotalTooLarge,
    /// The tariff has no version for the day or for the day after.
    #[error("the tariff `{tariff}` has no version in force on {date}")]
    NoTariff { tariff: String, date: BusinessDate },
    #[error("the tariff `{tariff}` has no class `{class}`")]
    NoClass { tariff: String, class: String },
    #[error(transparent)]
    UnreadableTariff(#[from] UnreadableTariff),
    #[error("{option} must be 1 to {max}")]
    OutOfRange { option: &'static str, max: u16 },
    /// A command of others that changes what the simulated world cannot know.
    #[error("the books have a command `{name}` of others, which the simulated world does not know")]
    UnknownToWorld { name: &'static str },
    /// The books of others are not for trials.
    #[error("the books are real; a simulated day is lived in trial books only")]
    RealBooks,
    /// An imported seller has another tariff or class than the day's sellers.
    #[error("seller {seller} was registered with another tariff or class than those of the day")]
    OtherTerms { seller: String },
    #[error("the day before was {before}; the next day is later")]
    DateTooEarly { before: BusinessDate },
    #[error("the {what} of the first day cannot be changed later")]
    ChangedLater { what: &'static str },
}

/// Checks the inputs and options of a later day, which may have no new parcels.
///
/// # Errors
/// See [`DayInputError`].
pub fn check_later_inputs(inputs: &DayInputs, options: &DayOptions) -> Result<(), DayInputError> {
    match check_inputs(inputs, options) {
        Err(DayInputError::NoParcels) => Ok(()),
        checked => checked,
    }
}

/// Checks the inputs and options of the first day of books and returns the first error.
///
/// # Errors
/// See [`DayInputError`].
pub fn check_inputs(inputs: &DayInputs, options: &DayOptions) -> Result<(), DayInputError> {
    if !(1..=FIRMS_MAX).contains(&options.firms) {
        let most = u16::from(FIRMS_MAX);
        return Err(DayInputError::OutOfRange { option: "the number of firms", max: most });
    }
    if !(1..=PARCELS_PER_COURIER_MAX).contains(&options.parcels_per_courier) {
        let most = PARCELS_PER_COURIER_MAX;
        return Err(DayInputError::OutOfRange {
            option: "the number of parcels per courier",
            max: most,
        });
    }
    check_tariff(inputs)?;
    check_others(inputs, options)?;
    check_parcels(inputs)
}

/// Others may have opened the books and imported orders, on the terms of the day.
fn check_others(inputs: &DayInputs, options: &DayOptions) -> Result<(), DayInputError> {
    use Command as C;
    let tariff = TariffId::derived(&inputs.tariff.key());
    let version = inputs.tariff.in_force(inputs.date);
    let class = version.and_then(|version| version.terms.class(&inputs.class));
    let own = opening_commands(inputs, options);
    for command in &inputs.others {
        match command {
            C::OpenBooks(open) if !open.trial => return Err(DayInputError::RealBooks),
            C::OpenBooks(_)
            | C::SetTimeZone(_)
            | C::SetHoldRule(_)
            | C::RegisterBank(_)
            | C::PublishTariff(_)
            | C::AnnounceParcel(_) => {}
            C::RegisterSeller(seller) if seller.currency != inputs.currency => {}
            C::RegisterSeller(seller) => {
                if seller.tariff != tariff || Some(seller.class) != class {
                    let seller = seller.reference.clone();
                    return Err(DayInputError::OtherTerms { seller });
                }
            }
            beside if is_beside_the_day(beside) || own.contains(beside) => {}
            other => return Err(DayInputError::UnknownToWorld { name: other.spec().name }),
        }
    }
    Ok(())
}

/// Whether a command of others moves no money and no parcel, so that the world need not know it.
fn is_beside_the_day(command: &Command) -> bool {
    use Command as C;
    matches!(
        command,
        C::RegisterPerson(_)
            | C::GrantAccess(_)
            | C::RevokeAccess(_)
            | C::IssueApiKey(_)
            | C::RevokeApiKey(_)
            | C::ResetSecondFactor(_)
            | C::RecordAccessEvent(_)
            | C::RecordDisclosure(_)
            | C::RetryNotices(_)
    )
}

/// Checks what others gave to the books after the last day.
///
/// # Errors
/// [`DayInputError::UnknownToWorld`] for what moves money or parcels: the world would differ.
pub fn check_after_days(others: &[Command]) -> Result<(), DayInputError> {
    match others.iter().find(|command| !is_beside_the_day(command)) {
        None => Ok(()),
        Some(other) => Err(DayInputError::UnknownToWorld { name: other.spec().name }),
    }
}

fn check_tariff(inputs: &DayInputs) -> Result<(), DayInputError> {
    let tariff = inputs.tariff.name.clone();
    for date in [inputs.date, inputs.date.plus_days(1)] {
        let Some(version) = inputs.tariff.in_force(date) else {
            return Err(DayInputError::NoTariff { tariff, date });
        };
        if version.terms.class(&inputs.class).is_none() {
            return Err(DayInputError::NoClass { tariff, class: inputs.class.clone() });
        }
    }
    Ok(())
}

fn check_parcels(inputs: &DayInputs) -> Result<(), DayInputError> {
    let mut seen = BTreeSet::new();
    let mut sum = Amount::ZERO;
    for parcel in &inputs.parcels {
        let (seller, order) = (&parcel.seller_reference, &parcel.order_reference);
        if parcel.due.is_zero() {
            return Err(DayInputError::NothingDue { seller: seller.clone(), order: order.clone() });
        }
        if parcel.due.minor() > DUE_MAX {
            let (seller, order) = (seller.clone(), order.clone());
            return Err(DayInputError::ParcelTooExpensive { seller, order });
        }
        if !seen.insert((seller, order)) {
            return Err(DayInputError::DuplicateParcel {
                seller: seller.clone(),
                order: order.clone(),
            });
        }
        sum = sum.checked_add(parcel.due).ok_or(DayInputError::TotalTooLarge)?;
    }
    let announced = |command: &Command| matches!(command, Command::AnnounceParcel(_));
    if inputs.parcels.is_empty() && !inputs.others.iter().any(announced) {
        return Err(DayInputError::NoParcels);
    }
    Ok(())
}
