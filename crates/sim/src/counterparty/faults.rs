//! Faults that are planted in what the parties state.

use std::collections::BTreeMap;

use books::BusinessDate;

use super::truth::{PlantedFault, TruthItem};
use crate::chance::Chance;
use crate::rates::FAULT_PPM_MAX;

/// The usual rates, in parts per million of the lines. Assumptions, chosen so that each fault is
/// seen in a day of some thousand parcels.
const LOST_PPM: u32 = 500;
const DOUBLED_PPM: u32 = 500;
const LATE_PPM: u32 = 1_000;
const AMOUNT_CHANGED_PPM: u32 = 300;
const REFERENCE_CUT_PPM: u32 = 500;
const FEE_DRIFT_PPM: u32 = 1_000;
/// Of the pairs with the same kind and amount, which are few.
const TWIN_PPM: u32 = 50_000;
/// Bank entries. A bank that loses an entry or changes its amount would state a wrong balance.
const ENTRY_DOUBLED_PPM: u32 = 1_000;
const ENTRY_REFERENCE_CUT_PPM: u32 = 2_000;
const CREDIT_LATE_PPM: u32 = 10_000;
/// Files.
const MISSING_FILE_PPM: u32 = 10_000;

/// An item with the truth about it.
#[derive(Clone, Debug)]
pub(super) struct Planted<T> {
    pub item: T,
    pub belongs_to: String,
    pub true_amount: i128,
    pub true_deducted: i128,
    /// The day whose file should have it.
    pub day: BusinessDate,
    pub fault: Option<PlantedFault>,
}

impl<T: TruthItem + Clone> Planted<T> {
    /// An item without a fault.
    pub(super) fn sound(item: T, day: BusinessDate) -> Planted<T> {
        let (belongs_to, true_amount) = (item.belongs_to(), item.amount());
        let true_deducted = item.deducted();
        Planted { item, belongs_to, true_amount, true_deducted, day, fault: None }
    }

    /// The same, as one that is in no file.
    pub(super) fn absent(&self, fault: PlantedFault) -> Planted<T> {
        Planted { fault: Some(fault), ..self.clone() }
    }
}

/// An item in which faults can be planted.
pub(super) trait Faultable: TruthItem + Clone {
    /// Whether it can come a day later.
    fn can_be_late(&self) -> bool;
    /// Another amount of the same sign. Returns whether it was changed.
    fn change_amount(&mut self, chance: &mut Chance) -> bool;
    fn cut_reference(&mut self);
    /// Deducts more. Returns whether anything is deducted from the item.
    fn drift_fee(&mut self, chance: &mut Chance) -> bool;
    /// What two items need in common to become twins; `None` if it never has one.
    fn twin_key(&self) -> Option<(&'static str, i128)>;
    /// Gives both the same time and no reference.
    fn become_twins(&mut self, other: &mut Self);
    /// What the second of two doubled items has of its own.
    fn become_double(&mut self) {}
}

/// Rates of the faults of one kind of line, in parts per million.
#[derive(Clone, Copy, Debug)]
pub(super) struct LineFaultRates {
    lost: u32,
    doubled: u32,
    late: u32,
    late_is: PlantedFault,
    amount_changed: u32,
    reference_cut: u32,
    fee_drift: u32,
    twin: u32,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct FaultRates {
    pub of_lines: LineFaultRates,
    pub of_entries: LineFaultRates,
    pub of_rows: LineFaultRates,
    pub missing_file: u32,
}

impl FaultRates {
    pub(super) fn scaled(percent: u32) -> FaultRates {
        let scaled = |ppm: u32| {
            let rate = u64::from(ppm) * u64::from(percent) / 100;
            u32::try_from(rate).unwrap_or(u32::MAX).min(FAULT_PPM_MAX)
        };
        let of_lines = LineFaultRates {
            lost: scaled(LOST_PPM),
            doubled: scaled(DOUBLED_PPM),
            late: scaled(LATE_PPM),
            late_is: PlantedFault::Late,
            amount_changed: scaled(AMOUNT_CHANGED_PPM),
            reference_cut: scaled(REFERENCE_CUT_PPM),
            fee_drift: scaled(FEE_DRIFT_PPM),
            twin: scaled(TWIN_PPM),
        };
        FaultRates {
            of_lines,
            of_entries: LineFaultRates {
                lost: 0,
                doubled: scaled(ENTRY_DOUBLED_PPM),
                late: scaled(CREDIT_LATE_PPM),
                late_is: PlantedFault::LateCredit,
                amount_changed: 0,
                reference_cut: scaled(ENTRY_REFERENCE_CUT_PPM),
                fee_drift: 0,
                twin: 0,
            },
            of_rows: LineFaultRates { late: 0, fee_drift: 0, twin: 0, ..of_lines },
            missing_file: scaled(MISSING_FILE_PPM),
        }
    }
}

/// The lines of a statement after faults were planted.
pub(super) struct PlantedLines<T> {
    /// In the file.
    pub lines: Vec<Planted<T>>,
    /// In the next day's file.
    pub late: Vec<Planted<T>>,
    /// In no file.
    pub gone: Vec<Planted<T>>,
}

/// Plants faults in the lines of a day. The lines that are late since the day before come first.
pub(super) fn plant<T: Faultable>(
    items: Vec<Planted<T>>,
    late_before: Vec<Planted<T>>,
    rates: &LineFaultRates,
    chance: &mut Chance,
) -> PlantedLines<T> {
    let late_is = rates.late_is;
    let arrived = late_before.into_iter().map(|line| line.absent(late_is));
    let mut lines: Vec<Planted<T>> = arrived.collect();
    let (mut late, mut gone) = (Vec::new(), Vec::new());
    for mut line in items {
        match fault_of(&mut line.item, rates, chance) {
            Some(PlantedFault::Lost) => gone.push(line.absent(PlantedFault::Lost)),
            Some(PlantedFault::Late) => late.push(line),
            Some(PlantedFault::Doubled) => {
                lines.push(line.clone());
                let mut second = line.absent(PlantedFault::Doubled);
                second.item.become_double();
                lines.push(second);
            }
            fault => lines.push(Planted { fault, ..line }),
        }
    }
    plant_twins(&mut lines, rates.twin, chance);
    PlantedLines { lines, late, gone }
}

/// Draws the fault of a line, and plants it if it changes the line. A number is drawn for each
/// kind, so that the rate of one does not move the others.
fn fault_of<T: Faultable>(
    item: &mut T,
    rates: &LineFaultRates,
    chance: &mut Chance,
) -> Option<PlantedFault> {
    let lost = chance.happens(rates.lost);
    let doubled = chance.happens(rates.doubled);
    let late = chance.happens(rates.late) && item.can_be_late();
    let amount_changed = chance.happens(rates.amount_changed);
    let reference_cut = chance.happens(rates.reference_cut);
    let fee_drift = chance.happens(rates.fee_drift);
    if lost {
        return Some(PlantedFault::Lost);
    }
    if late {
        return Some(PlantedFault::Late);
    }
    if doubled {
        return Some(PlantedFault::Doubled);
    }
    if amount_changed && item.change_amount(chance) {
        return Some(PlantedFault::AmountChanged);
    }
    if reference_cut {
        item.cut_reference();
        return Some(PlantedFault::ReferenceCut);
    }
    (fee_drift && item.drift_fee(chance)).then_some(PlantedFault::FeeDrift)
}

/// Makes twins of sound lines with the same kind and amount.
fn plant_twins<T: Faultable>(lines: &mut [Planted<T>], ppm: u32, chance: &mut Chance) {
    let mut waiting: BTreeMap<(&'static str, i128), usize> = BTreeMap::new();
    for index in 0..lines.len() {
        let Some(key) = lines[index].item.twin_key().filter(|_| lines[index].fault.is_none())
        else {
            continue;
        };
        let Some(first) = waiting.remove(&key) else {
            waiting.insert(key, index);
            continue;
        };
        if !chance.happens(ppm) {
            waiting.insert(key, index);
            continue;
        }
        let (before, after) = lines.split_at_mut(index);
        before[first].item.become_twins(&mut after[0].item);
        before[first].fault = Some(PlantedFault::Twin);
        after[0].fault = Some(PlantedFault::Twin);
    }
}
