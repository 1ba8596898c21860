//! How a courier's shortage ends: repaid, written off, or taken over by the firm.

use borsh::{BorshDeserialize, BorshSerialize};
use money::Amount;
use tariff::BusinessDate;

use crate::books::{Books, Now, check_above_zero, clamp_to_amount};
use crate::cash::record::CountedCash;
use crate::chart::ChartEntry;
use crate::command::{CoverShortage, DeductShortage, RepayShortage, WriteOffShortage};
use crate::event::{CommandOutcome, Event};
use crate::ids::{CourierId, PersonId};
use crate::party::persons::{TwoPeople, check_two_people};
use crate::refusal::Refusal;

/// A reduction of a courier's shortage, under its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) struct ShortageReduction {
    pub kind: ShortageReductionKind,
    pub amount: Amount,
    /// Who proposed and who approved. `None` if it was repaid.
    pub persons: Option<TwoPeople>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) enum ShortageReductionKind {
    Repaid,
    WrittenOff,
    Covered,
    Deducted,
}

/// Handlers of commands with the same fields.
macro_rules! reduction_by_two_persons {
    ($($handler:ident: $command:ident, $kind:ident;)+) => {
        impl Books {$(
            pub(crate) fn $handler(
                &mut self,
                command: &$command,
                now: Now,
                out: &mut CommandOutcome,
            ) -> Result<(), Refusal> {
                let $command { courier, number, amount, proposed_by, approved_by } = *command;
                let persons = Some((proposed_by, approved_by));
                let kind = ShortageReductionKind::$kind;
                let reduction = ShortageReduction { kind, amount, persons };
                self.reduce_shortage(courier, number, reduction, now.today, out)
            }
        )+}
    };
}

reduction_by_two_persons! {
    write_off_shortage: WriteOffShortage, WrittenOff;
    cover_shortage: CoverShortage, Covered;
    deduct_shortage: DeductShortage, Deducted;
}

impl Books {
    pub(crate) fn repay_shortage(
        &mut self,
        command: &RepayShortage,
        now: Now,
        out: &mut CommandOutcome,
    ) -> Result<(), Refusal> {
        let RepayShortage { courier, number, amount } = *command;
        let kind = ShortageReductionKind::Repaid;
        let reduction = ShortageReduction { kind, amount, persons: None };
        self.reduce_shortage(courier, number, reduction, now.today, out)
    }

    fn reduce_shortage(
        &mut self,
        courier: CourierId,
        number: u32,
        reduction: ShortageReduction,
        today: BusinessDate,
        out: &mut CommandOutcome,
    ) -> Result<(), Refusal> {
        use ShortageReductionKind as K;
        let ShortageReduction { kind, amount, persons } = reduction;
        check_above_zero(amount)?;
        let place = self.courier_number(courier)?;
        let record = self.couriers.get(place);
        record.shortage_reductions.check(number, |before| *before == reduction)?;
        if let Some(two_people) = persons {
            self.check_two_others(place, two_people)?;
            let of_courier = |cash: &&CountedCash| cash.courier == Some(place);
            let counted = self.firms.get(record.firm).counted_cash.iter().filter(of_courier);
            let short = counted.filter(|cash| !cash.shortage().is_zero());
            let counters: Vec<PersonId> =
                short.flat_map(|cash| &cash.counted_by).copied().collect();
            check_two_people(two_people.0, two_people.1, &counters)?;
        }
        let (firm_number, shortage) = (record.firm, record.shortage);
        let firm = self.firms.get(firm_number);
        let balance = |account| clamp_to_amount(self.ledger.account(account).balance());
        let write_offs = self.currency_accounts(firm.currency).write_offs;
        let (entry, debit, limit, event) = match kind {
            K::Repaid => {
                let event = Event::ShortageRepaid { courier, amount };
                (ChartEntry::ShortageRepaid, firm.cash, Amount::MAX, event)
            }
            K::WrittenOff => {
                let event = Event::ShortageWrittenOff { courier, amount };
                (ChartEntry::ShortageWrittenOff, write_offs, Amount::MAX, event)
            }
            K::Covered => {
                let event = Event::ShortageCovered { courier, amount };
                let room = firm.terms.on(today).guarantee.saturating_sub(firm.guaranteed);
                (ChartEntry::ShortageCovered, firm.cash, room, event)
            }
            K::Deducted => {
                let event = Event::ShortageDeducted { courier, amount };
                let payable = clamp_to_amount(self.payable_commission(firm_number));
                (ChartEntry::ShortageDeducted, firm.commission, payable, event)
            }
        };
        let most = balance(shortage).min(limit);
        if amount > most {
            return Err(Refusal::AmountTooLarge(most));
        }
        self.ledger.begin_chain(None, None);
        self.ledger.post(entry, debit, shortage, amount);
        self.ledger.commit(out).map_err(|_| Refusal::LimitReached)?;
        out.events.push(event);
        self.couriers.get_mut(place).shortage_reductions.push(reduction);
        self.reduce_short_hand_overs(firm_number, place, reduction, today, out);
        Ok(())
    }

    /// Reduces the shortages of the courier's hand-overs, the oldest first. The firm has to deposit
    /// what was repaid or what it covers, like other cash. What is written off or deducted is
    /// Doorstep's money, as good as in the bank.
    fn reduce_short_hand_overs(
        &mut self,
        firm: u32,
        courier: u32,
        reduction: ShortageReduction,
        today: BusinessDate,
        out: &mut CommandOutcome,
    ) {
        let (mut left, mut place) = (reduction.amount, 0);
        while !left.is_zero() {
            let cash = self.firms.get(firm).counted_cash.get(place);
            let cash = cash.expect("M6: a courier's shortage is that of the hand-overs");
            let (shortage, counted) = (cash.shortage(), self.counted_in_full(cash));
            if cash.courier != Some(courier) || shortage.is_zero() {
                place += 1;
                continue;
            }
            let (part, before) = (shortage.min(left), cash.counted);
            left = left.saturating_sub(part);
            self.firms.get_mut(firm).counted_cash[place].add_counted(part);
            self.cash_arrived(firm, place, counted);
            match reduction.kind {
                ShortageReductionKind::Repaid => {}
                ShortageReductionKind::Covered => {
                    self.guarantee_counted(firm, place, before, today, out);
                }
                ShortageReductionKind::WrittenOff | ShortageReductionKind::Deducted => {
                    self.firms.get_mut(firm).counted_cash[place].credit(part);
                    if self.receive_credited(firm, place, today, out) {
                        continue;
                    }
                }
            }
            place += 1;
        }
    }

    /// Counts payments as received that the cash of a hand-over covers, but not the part before, as
    /// far as the firm's guarantee has room. A shortage is never guaranteed.
    pub(crate) fn guarantee_counted(
        &mut self,
        firm: u32,
        place: usize,
        before: Amount,
        today: BusinessDate,
        out: &mut CommandOutcome,
    ) {
        let cash = &self.firms.get(firm).counted_cash[place];
        let (mut left, mut covered) = (cash.counted, Amount::ZERO);
        for slot in cash.payments.clone() {
            let amount = self.payment(slot).amount;
            let Some(rest) = left.checked_sub(amount) else { break };
            left = rest;
            covered = covered.checked_add(amount).expect("a part of what was counted");
            let record = self.firms.get_mut(firm);
            let guaranteed = record.guaranteed.checked_add(amount);
            let guaranteed = guaranteed.filter(|sum| *sum <= record.terms.on(today).guarantee);
            if let Some(guaranteed) = guaranteed.filter(|_| covered > before) {
                record.guaranteed = guaranteed;
                self.payment_mut(slot).guaranteed = true;
                self.record_funds_received(slot, today, out);
            }
        }
    }
}
