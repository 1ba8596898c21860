//! A line of a courier firm's sheet: matched with cash that its couriers took, awaited, or a break
//! (M15). A sheet posts nothing, as a terminal's batch (M9): cash that is missing is found when it
//! is counted, and when the bank credits it. So a person alone decides its open lines.

use money::{Amount, SignedAmount};
use tariff::{BusinessDate, PaymentMethod};

use crate::books::{Books, Now, check_date};
use crate::clearing::lines::{FileLines, LinePlace};
use crate::command::{
    BankMovement, ENTRY_PARTS_MAX, EntryFinding, EntryPart, FileLane, MatchEntry,
    OPEN_SHEET_LINES_MAX, ReconBreakKind, TakeEntry,
};
use crate::event::{CommandOutcome, Event};
use crate::ids::{BankId, FirmId, PaymentId};
use crate::reconciliation::file::signed;
use crate::reconciliation::record::{LineSplit, OpenSheetLine};
use crate::refusal::{MissingRecord, Refusal};

/// What is decided about a line.
struct SheetDecision<'c> {
    bank: BankId,
    firm: FirmId,
    place: (u32, u32),
    booked: BusinessDate,
    /// What was matched before, and what is open.
    before: LineSplit,
    parts: &'c [EntryPart],
    expected_until: Option<BusinessDate>,
    found: Option<EntryFinding>,
}

impl Books {
    pub(crate) fn take_sheet_line(
        &mut self,
        firm: FirmId,
        command: &TakeEntry,
        now: Now,
        out: &mut CommandOutcome,
    ) -> Result<(), Refusal> {
        let TakeEntry {
            bank, file, line, booked, amount, ref parts, expected_until, found, ..
        } = *command;
        let lane = FileLane::Firm(firm);
        let newest = self.last_file_number(lane)?;
        if amount == SignedAmount::ZERO {
            return Err(Refusal::AmountZero);
        }
        let tables = &self.reference_data.reconciliation;
        let record = tables.lanes.get(&lane).and_then(|lane| lane.find(file));
        let record = record.ok_or(Refusal::NotFound(MissingRecord::File(file)))?;
        let (place, none) = (LinePlace { file, line }, FileLines::default());
        let lines = tables.sheets.get(&firm).map_or(&none, |one| &one.lines);
        lines.check(newest, place, command)?;
        self.check_file_open(lane, file)?;
        check_date(booked, record.begun.from..=record.begun.until)?;
        let before = LineSplit { expected: amount.minor().into(), ..LineSplit::default() };
        let place_of = (file, line);
        let decision = SheetDecision {
            bank,
            firm,
            place: place_of,
            booked,
            before,
            parts,
            expected_until,
            found,
        };
        let after = self.decide_sheet_line(&decision, now, out)?;
        self.count_line(lane, file, after);
        let sheets = self.reference_data.reconciliation.sheets.entry(firm).or_default();
        sheets.lines.push(place, command);
        Ok(())
    }

    pub(crate) fn match_sheet_line(
        &mut self,
        firm: FirmId,
        command: &MatchEntry,
        now: Now,
        out: &mut CommandOutcome,
    ) -> Result<(), Refusal> {
        let MatchEntry { bank, file, line, ref parts, expected_until, found, .. } = *command;
        let lane = FileLane::Firm(firm);
        self.last_file_number(lane)?;
        let place = (file, line);
        let sheets = self.reference_data.reconciliation.sheets.get(&firm);
        let open = sheets.and_then(|one| one.open.get(&place)).copied();
        let open = open.ok_or(Refusal::NotFound(MissingRecord::ExpectedEntry))?;
        if parts.is_empty() && expected_until == open.until {
            if open.until.is_some() {
                return Err(Refusal::Repeated);
            }
            // A person looked at a break, and nothing follows.
            let sheets = self.reference_data.reconciliation.sheets.entry(firm).or_default();
            sheets.open.remove(&place);
            return Ok(());
        }
        let OpenSheetLine { split: counted, booked, .. } = open;
        let before = LineSplit {
            matched: counted.matched,
            expected: counted.expected + counted.breaks,
            breaks: 0,
            has_breaks: false,
        };
        let decision =
            SheetDecision { bank, firm, place, booked, before, parts, expected_until, found };
        let after = self.decide_sheet_line(&decision, now, out)?;
        self.count_line_again(lane, file, counted, after);
        Ok(())
    }

    fn decide_sheet_line(
        &mut self,
        decision: &SheetDecision<'_>,
        now: Now,
        out: &mut CommandOutcome,
    ) -> Result<LineSplit, Refusal> {
        let SheetDecision { bank, firm, place, booked, before, parts, expected_until, found } =
            *decision;
        let missing = Refusal::NotFound(MissingRecord::Bank(bank));
        let account = self.banks.find(bank).ok_or(missing)?;
        let record = self.firms.find(firm).ok_or(Refusal::NotFound(MissingRecord::Firm(firm)))?;
        self.check_same_currency(account.currency, record.currency)?;
        if parts.len() > ENTRY_PARTS_MAX {
            let most = u32::try_from(ENTRY_PARTS_MAX).expect("a small constant");
            return Err(Refusal::OutOfRange(most));
        }
        if !parts.is_sorted_by(|one, next| one.movement < next.movement) {
            return Err(Refusal::EntryPartsNotInOrder);
        }
        let slots = parts.iter().map(|part| self.check_collection(firm, part));
        let slots: Vec<u32> = slots.collect::<Result<_, _>>()?;
        let added: i128 = parts.iter().map(|part| i128::from(part.amount.minor())).sum();
        let (matched, rest) = (before.matched + added, before.expected - added);
        let (matched_sum, rest_sum) = (signed(matched)?, signed(rest)?);
        if let Some(until) = expected_until {
            check_date(until, now.today..=BusinessDate::MAX)?;
        }
        let sheets = self.reference_data.reconciliation.sheets.entry(firm).or_default();
        if rest != 0
            && !sheets.open.contains_key(&place)
            && sheets.open.len() >= OPEN_SHEET_LINES_MAX
        {
            return Err(Refusal::LimitReached);
        }
        let is_break = expected_until.is_none() && rest != 0;
        let split = LineSplit {
            matched,
            expected: if is_break { 0 } else { rest },
            breaks: if is_break { rest } else { 0 },
            has_breaks: is_break,
        };
        let kind = match found {
            Some(EntryFinding::Broken(kind)) if is_break => Some(kind),
            _ => None,
        };
        if rest == 0 {
            sheets.open.remove(&place);
        } else {
            let open = OpenSheetLine { split, booked, until: expected_until, kind };
            sheets.open.insert(place, open);
        }
        for slot in slots {
            self.payment_mut(slot).set_on_sheet();
        }
        out.events.push(Event::EntryTaken {
            bank,
            firm: Some(firm),
            file: place.0,
            line: place.1,
            matched: matched_sum,
            expected: if is_break { SignedAmount::ZERO } else { rest_sum },
            break_id: None,
        });
        Ok(split)
    }

    /// Checks that a part is cash that a courier of the firm took, as a whole, and that no sheet
    /// stated before. Returns the payment's slot.
    fn check_collection(&self, firm: FirmId, part: &EntryPart) -> Result<u32, Refusal> {
        let missing = Refusal::NotFound(MissingRecord::BankMovement);
        let BankMovement::Collection(payment) = part.movement else { return Err(missing) };
        let (slot, _) = self.find_payment(payment)?;
        let item = self.payment(slot);
        let is_open = self.firm_with_cash(payment) == Some(firm) && !item.is_on_sheet();
        if !is_open {
            return Err(missing);
        }
        let expected = SignedAmount::from(item.amount);
        if part.amount == expected { Ok(slot) } else { Err(Refusal::MovementAmount(expected)) }
    }

    /// The firm whose courier took the cash of a payment. `None` if it is no cash, or stands no
    /// more.
    #[must_use]
    pub fn firm_with_cash(&self, payment: PaymentId) -> Option<FirmId> {
        let (slot, _) = self.find_payment(payment).ok()?;
        let item = self.payment(slot);
        let is_cash = item.method == PaymentMethod::Cash && item.status.unpaid_refunds().is_some();
        is_cash.then(|| self.firms.get(self.couriers.get(item.courier).firm).id)
    }

    /// Whether a firm's sheet stated the cash of a payment.
    #[must_use]
    pub fn is_on_sheet(&self, payment: PaymentId) -> bool {
        let found = self.find_payment(payment);
        found.is_ok_and(|(slot, _)| self.payment(slot).is_on_sheet())
    }

    /// The open lines of a firm's sheets, by file and line: awaited until a day, or breaks.
    pub fn open_sheet_lines(&self, firm: FirmId) -> impl Iterator<Item = OpenSheetLineView> {
        let sheets = self.reference_data.reconciliation.sheets.get(&firm);
        let open = sheets.into_iter().flat_map(|one| &one.open);
        open.map(|(&(file, line), one)| OpenSheetLineView {
            file,
            line,
            booked: one.booked,
            amount: one.split.expected + one.split.breaks,
            until: one.until,
            kind: one.kind,
        })
    }

    /// The cash payments of a firm that the bank has not credited, oldest first in each place.
    pub fn cash_payments_of(&self, firm: FirmId) -> impl Iterator<Item = CashInCustody> {
        let number = self.firms.number(firm);
        let couriers = self.couriers.iter().filter(move |one| Some(one.firm) == number);
        let in_hand = couriers.flat_map(|one| &one.in_hand).map(|slot| (*slot, CashPlace::InHand));
        let record = number.map(|number| self.firms.get(number));
        let counted = record.into_iter().flat_map(|firm| &firm.counted_cash);
        let counted = counted.flat_map(|cash| &cash.payments);
        let counted = counted.map(|slot| (*slot, CashPlace::Counted));
        in_hand.chain(counted).map(|(slot, place)| {
            let item = self.payment(slot);
            CashInCustody { payment: item.id(), place, since: item.date, amount: item.amount }
        })
    }
}

/// Where the cash of a payment is, before the bank has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CashPlace {
    /// With the courier.
    InHand,
    /// Counted at the firm's hub, or short there.
    Counted,
}

/// The cash of a payment that the bank has not credited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CashInCustody {
    pub payment: PaymentId,
    pub place: CashPlace,
    pub since: BusinessDate,
    pub amount: Amount,
}

/// A line of a firm's sheet that is awaited or a break.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpenSheetLineView {
    pub file: u32,
    pub line: u32,
    pub booked: BusinessDate,
    /// In minor units: what is open of it.
    pub amount: i128,
    /// The last day on which its cause is awaited. `None`: it is a break.
    pub until: Option<BusinessDate>,
    pub kind: Option<ReconBreakKind>,
}
