//! The life of a chargeback: contested, won or lost, and its fee.

use std::collections::BTreeSet;

use borsh::{BorshDeserialize, BorshSerialize};
use ledger::AccountNumber;
use money::Amount;
use tariff::BusinessDate;

use crate::books::{
    Books, Now, check_above_zero, check_date, check_sequence_number, check_text, done_before,
};
use crate::chart::ChartEntry;
use crate::command::{
    ChargebackFee, ChargebackFeeBearer, ContestChargeback, LoseChargeback, SetChargebackFee,
    TakeBackWonChargeback, WinChargeback, WinChargebackByTwoPersons,
};
use crate::event::{CommandOutcome, Event};
use crate::ids::{PaymentId, PersonId, PlanId};
use crate::parcel::index::ParcelSlot;
use crate::parcel::record::OpenParcelStatus;
use crate::party::persons::{TwoPeople, check_two_people};
use crate::payment::record::{PaymentRecord, PaymentStatus, RefundKind, RefundRecord};
use crate::refusal::{MissingRecord, Refusal};
use crate::sha256::Sha256Digest;

/// What followed a chargeback. Forgotten with the parcel.
#[derive(Clone, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) struct Chargeback {
    pub contest: Option<Contest>,
    pub end: Option<ChargebackEnd>,
    /// Who entered that it is won, if it was people.
    pub won_by: Option<TwoPeople>,
    /// What the win added to the seller's statement.
    pub won_credit: Amount,
    /// The plan that pays that. `None` while it is on the statement.
    pub won_in_plan: Option<PlanId>,
    /// Who took that back.
    pub taken_back_by: Option<TwoPeople>,
    /// The payment's last refund or chargeback when that was: it was charged back again after it.
    pub taken_back_after: Option<u8>,
    /// Charged by the network or wallet for it. Zero: not yet.
    pub fee: Amount,
}

impl Chargeback {
    /// Who contested it: not the second of two people who end it.
    fn contested_by(&self) -> Vec<PersonId> {
        self.contest.iter().map(|contest| contest.contested_by).collect()
    }
}

#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) struct Contest {
    pub evidence: String,
    pub digest: Sha256Digest,
    pub answer_by: BusinessDate,
    pub contested_by: PersonId,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) enum ChargebackEnd {
    Won,
    Lost,
}

/// What one chargeback may cost, and who bears it. The last setting of a currency.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) struct ChargebackFeeTerm {
    pub number: u32,
    pub most: Amount,
    pub borne_by: ChargebackFeeBearer,
    pub decided_by: TwoPeople,
}

/// A chargeback that is won: where its money goes.
#[derive(Clone, Copy)]
struct WonMoney {
    to_held: Amount,
    to_payable: Amount,
    /// The part that stands again. The rest is the buyer's.
    kept: Amount,
    /// The payment was released when nothing of it stood, and waits for the delivery again.
    holds_again: bool,
}

impl Books {
    /// A payment's chargeback of this number.
    fn find_chargeback(&self, id: PaymentId, number: u8) -> Result<(u32, Amount), Refusal> {
        let (slot, _) = self.find_payment(id)?;
        let record = self.refunds.get(&(id, number));
        let chargeback = record.filter(|one| one.kind == RefundKind::ChargeBack);
        let missing = Refusal::NotFound(MissingRecord::Chargeback);
        Ok((slot, chargeback.ok_or(missing)?.amount))
    }

    fn chargeback(&self, id: PaymentId, number: u8) -> Chargeback {
        self.reference_data.chargebacks.get(&(id, number)).cloned().unwrap_or_default()
    }

    fn chargeback_mut(&mut self, id: PaymentId, number: u8) -> &mut Chargeback {
        self.reference_data.chargebacks.entry((id, number)).or_default()
    }

    pub(crate) fn is_won(&self, id: PaymentId, number: u8) -> bool {
        let known = self.reference_data.chargebacks.get(&(id, number));
        known.is_some_and(|one| one.end == Some(ChargebackEnd::Won))
    }

    /// A place in time among the refunds and chargebacks of a payment: a chargeback whose win was
    /// taken back comes after those that were there by then.
    pub(crate) fn taken_at(&self, id: PaymentId, number: u8) -> (u8, bool) {
        let known = self.reference_data.chargebacks.get(&(id, number));
        let again = known.and_then(|one| one.taken_back_after);
        again.map_or((number, false), |after| (after, true))
    }

    /// Whether a chargeback of the payment is contested, and neither won nor lost.
    pub(crate) fn is_contested(&self, id: PaymentId) -> bool {
        let mut all = self.reference_data.chargebacks.range((id, 0)..=(id, u8::MAX));
        all.any(|(_, one)| one.contest.is_some() && one.end.is_none())
    }

    pub(crate) fn contest_chargeback(
        &mut self,
        command: &ContestChargeback,
        now: Now,
        out: &mut CommandOutcome,
    ) -> Result<(), Refusal> {
        let ContestChargeback { payment, number, evidence, digest, answer_by, contested_by } =
            command.clone();
        self.find_chargeback(payment, number)?;
        check_text("evidence", &evidence)?;
        let contest = Contest { evidence, digest, answer_by, contested_by };
        let known = self.chargeback(payment, number);
        if let Some(before) = known.contest {
            return Err(done_before(before == contest));
        }
        if known.end.is_some() {
            return Err(Refusal::PaymentState);
        }
        check_date(answer_by, now.today..=BusinessDate::MAX)?;
        self.chargeback_mut(payment, number).contest = Some(contest);
        out.events.push(Event::ChargebackContested { payment, number });
        Ok(())
    }

    pub(crate) fn win_chargeback(
        &mut self,
        command: &WinChargeback,
        now: Now,
        out: &mut CommandOutcome,
    ) -> Result<(), Refusal> {
        let WinChargeback { payment, number } = *command;
        self.win(payment, number, None, now, out)
    }

    pub(crate) fn win_chargeback_by_two_persons(
        &mut self,
        command: &WinChargebackByTwoPersons,
        now: Now,
        out: &mut CommandOutcome,
    ) -> Result<(), Refusal> {
        let WinChargebackByTwoPersons { payment, number, proposed_by, approved_by } = *command;
        self.win(payment, number, Some((proposed_by, approved_by)), now, out)
    }

    fn win(
        &mut self,
        payment: PaymentId,
        number: u8,
        won_by: Option<TwoPeople>,
        now: Now,
        out: &mut CommandOutcome,
    ) -> Result<(), Refusal> {
        let (slot, amount) = self.find_chargeback(payment, number)?;
        if let Some((first, second)) = won_by {
            check_two_people(first, second, &[])?;
        }
        let known = self.chargeback(payment, number);
        match known.end {
            Some(ChargebackEnd::Won) => {
                let other = known.won_by.is_some() && won_by.is_some() && known.won_by != won_by;
                return Err(done_before(!other));
            }
            Some(ChargebackEnd::Lost) => return Err(Refusal::ChargebackWasLost),
            None => {}
        }
        if let Some((first, second)) = won_by {
            check_two_people(first, second, &known.contested_by())?;
        }
        let receivable = self.rails.get(u32::from(self.payment(slot).rail)).receivable;
        self.ledger.begin_chain(None, None);
        self.post_won(slot, number, receivable);
        self.ledger.commit(out).map_err(|_| Refusal::LimitReached)?;
        self.record_won(slot, number, amount, now.today, out);
        self.chargeback_mut(payment, number).won_by = won_by;
        Ok(())
    }

    pub(crate) fn take_back_won_chargeback(
        &mut self,
        command: &TakeBackWonChargeback,
        _: Now,
        out: &mut CommandOutcome,
    ) -> Result<(), Refusal> {
        let TakeBackWonChargeback { payment, number, proposed_by, approved_by } = *command;
        let by = (proposed_by, approved_by);
        check_two_people(proposed_by, approved_by, &[])?;
        let (slot, amount) = self.find_chargeback(payment, number)?;
        let known = self.chargeback(payment, number);
        if let Some(before) = known.taken_back_by {
            return Err(done_before(before == by));
        }
        if known.end != Some(ChargebackEnd::Won) {
            return Err(Refusal::ChargebackNotWon);
        }
        let mut others = known.contested_by();
        others.extend(known.won_by.map(|(first, _)| first));
        check_two_people(proposed_by, approved_by, &others)?;
        self.check_refundable(slot)?;
        let item = self.payment(slot);
        let (won, _) = self.won_and_fees(payment);
        if won - self.clearing_of(item).represented < u128::from(amount.minor()) {
            return Err(Refusal::ChargebackPaidBack);
        }
        let standing = item.standing();
        if amount > standing {
            return Err(Refusal::AmountTooLarge(standing));
        }
        let receivable = self.rails.get(u32::from(item.rail)).receivable;
        self.ledger.begin_chain(None, None);
        self.debit_seller(slot, ChartEntry::ChargedBack, receivable, amount);
        self.ledger.commit(out).map_err(|_| Refusal::LimitReached)?;
        self.take_win_from_statement(slot, number, amount);
        let after_delivery = self.is_delivered(payment.parcel);
        self.refunds.entry((payment, number)).and_modify(|one| one.after_delivery = after_delivery);
        let last = self.payment(slot).refund_count;
        let known = self.chargeback_mut(payment, number);
        (known.end, known.taken_back_by) = (Some(ChargebackEnd::Lost), Some(by));
        known.taken_back_after = Some(last);
        out.events.push(Event::ChargedBack { payment, amount });
        out.events.push(Event::ChargebackLost { payment, number });
        self.end_hold_without_money(slot, out);
        Ok(())
    }

    /// Records that a won amount does not stand after all. As long as no plan pays the win, the
    /// seller's statement is as if nobody had won; otherwise it is charged back again.
    fn take_win_from_statement(&mut self, slot: u32, number: u8, amount: Amount) {
        let known = self.chargeback(self.payment(slot).id(), number);
        let from_payable = self.take_from_seller(slot, amount);
        let won = if known.won_in_plan.is_none() { known.won_credit } else { Amount::ZERO };
        let undone = won.min(from_payable);
        let statement = self.statement_of(slot);
        statement.take_credit(|parts| &mut parts.chargeback_won, undone);
        statement.take_back(RefundKind::ChargeBack, from_payable.saturating_sub(undone));
    }

    /// Notes that what was won for these sellers went from their statements to a plan, or back.
    pub(crate) fn move_wins(
        &mut self,
        sellers: &BTreeSet<u32>,
        from: Option<PlanId>,
        to: Option<PlanId>,
    ) {
        let is_theirs = |id| {
            let found = self.find_payment(id);
            found.is_ok_and(|(slot, _)| sellers.contains(&self.payment(slot).seller))
        };
        let won = self.reference_data.chargebacks.iter();
        let won = won.filter(|(_, one)| !one.won_credit.is_zero() && one.won_in_plan == from);
        let won = won.map(|(key, _)| *key).filter(|(id, _)| is_theirs(*id));
        for (id, number) in won.collect::<Vec<_>>() {
            self.chargeback_mut(id, number).won_in_plan = to;
        }
    }

    pub(crate) fn lose_chargeback(
        &mut self,
        command: &LoseChargeback,
        _: Now,
        out: &mut CommandOutcome,
    ) -> Result<(), Refusal> {
        let LoseChargeback { payment, number } = *command;
        self.find_chargeback(payment, number)?;
        if let Some(end) = self.chargeback(payment, number).end {
            return Err(match end {
                ChargebackEnd::Lost => Refusal::Repeated,
                ChargebackEnd::Won => Refusal::ChargebackWasWon,
            });
        }
        self.chargeback_mut(payment, number).end = Some(ChargebackEnd::Lost);
        out.events.push(Event::ChargebackLost { payment, number });
        Ok(())
    }

    /// Where the money of a chargeback goes when it is won.
    fn won_money(&self, slot: u32, number: u8) -> WonMoney {
        let item = self.payment(slot);
        let record = self.refunds[&(item.id(), number)];
        let delivered = self.is_delivered(item.parcel);
        let kept = match self.parcel_slot(item.parcel) {
            _ if delivered && record.after_delivery => record.amount,
            Some(ParcelSlot::Open(parcel)) => {
                let parcel = self.parcel(parcel);
                let is_out = parcel.status == OpenParcelStatus::Out;
                if is_out { record.amount.min(self.left_to_collect(parcel)) } else { Amount::ZERO }
            }
            // Others paid in its place, or the buyer does not have the parcel.
            _ => Amount::ZERO,
        };
        let released = matches!(item.status, PaymentStatus::Released { .. });
        let holds_again = released && !delivered && !kept.is_zero() && item.standing().is_zero();
        let before = item.refundable_from_held();
        let refunded = item.refunded.saturating_sub(record.amount);
        let after = PaymentRecord { refunded, ..item.clone() }.held_share();
        let to_held = match released && !holds_again {
            true => Amount::ZERO,
            false => after.saturating_sub(before),
        };
        let to_payable = record.amount.checked_sub(to_held).expect("M5: held is a part of it");
        WonMoney { to_held, to_payable, kept, holds_again }
    }

    /// Adds the postings of a won chargeback to the chain.
    pub(crate) fn post_won(&mut self, slot: u32, number: u8, receivable: AccountNumber) {
        let WonMoney { to_held, to_payable, .. } = self.won_money(slot, number);
        let item = self.payment(slot);
        let (payment, tariff) = (item.id(), self.tariff_version(item.tariff_version));
        let seller = self.sellers.get(item.seller);
        let (held, payable) = (seller.held, seller.payable);
        self.ledger.attribute(Some(payment), Some(tariff));
        self.ledger.post(ChartEntry::ChargebackWon, receivable, held, to_held);
        self.ledger.post(ChartEntry::ChargebackWon, receivable, payable, to_payable);
    }

    /// Records a won chargeback whose postings are committed. What nobody waits to collect is owed
    /// to the buyer.
    pub(crate) fn record_won(
        &mut self,
        slot: u32,
        number: u8,
        amount: Amount,
        today: BusinessDate,
        out: &mut CommandOutcome,
    ) {
        let WonMoney { to_payable, kept, holds_again, .. } = self.won_money(slot, number);
        let item = self.payment_mut(slot);
        let (id, parcel, seller) = (item.id(), item.parcel, item.seller);
        item.refunded = item.refunded.checked_sub(amount).expect("a part of what is refunded");
        if let (true, PaymentStatus::Released { unpaid_refunds }) = (holds_again, item.status) {
            item.status = PaymentStatus::Held { unpaid_refunds, release_on: today };
            let hold = self.hold_of(seller, today);
            self.reference_data.awaiting_delivery.insert(slot, hold);
        }
        let statement = &mut self.sellers.get_mut(seller).statement;
        statement.credit(|parts| &mut parts.chargeback_won, to_payable);
        let known = self.chargeback_mut(id, number);
        (known.won_credit, known.won_in_plan) = (to_payable, None);
        known.end = Some(ChargebackEnd::Won);
        out.events.push(Event::ChargebackWon { payment: id, number, amount });
        let buyers = amount.saturating_sub(kept);
        if !buyers.is_zero() {
            let refund = RefundRecord::new(RefundKind::WonForBuyer, buyers, today);
            self.owe_refunds(&[(slot, refund)], out).expect("what was won can be owed");
        }
        match self.parcel_slot(parcel) {
            Some(ParcelSlot::Open(open)) if !kept.is_zero() => {
                self.deliver_if_paid(open, today, out);
            }
            _ => {}
        }
    }

    pub(crate) fn chargeback_fee(
        &mut self,
        command: &ChargebackFee,
        _: Now,
        out: &mut CommandOutcome,
    ) -> Result<(), Refusal> {
        let ChargebackFee { payment, number, amount } = *command;
        check_above_zero(amount)?;
        let (slot, _) = self.find_chargeback(payment, number)?;
        let before = self.chargeback(payment, number).fee;
        if !before.is_zero() {
            return Err(done_before(before == amount));
        }
        let most = self.most_for_chargeback(slot);
        if amount > most {
            return Err(Refusal::ChargebackFeeAboveMost(most));
        }
        let receivable = self.rails.get(u32::from(self.payment(slot).rail)).receivable;
        self.ledger.begin_chain(None, None);
        self.post_chargeback_fee(slot, receivable, amount);
        self.ledger.commit(out).map_err(|_| Refusal::LimitReached)?;
        self.record_chargeback_fee(slot, number, amount, out);
        Ok(())
    }

    fn chargeback_fee_term(&self, slot: u32) -> Option<&ChargebackFeeTerm> {
        let currency = self.sellers.get(self.payment(slot).seller).currency;
        self.reference_data.chargeback_fees.get(&currency)
    }

    /// The most that a network or wallet may charge for one chargeback.
    pub(crate) fn most_for_chargeback(&self, slot: u32) -> Amount {
        self.chargeback_fee_term(slot).map_or(Amount::ZERO, |term| term.most)
    }

    /// Adds the postings of a chargeback's fee to the chain. The receivable is reduced by it.
    pub(crate) fn post_chargeback_fee(
        &mut self,
        slot: u32,
        receivable: AccountNumber,
        amount: Amount,
    ) {
        let borne_by = self.chargeback_fee_term(slot).map(|term| term.borne_by);
        let by_seller = borne_by == Some(ChargebackFeeBearer::Seller);
        let item = self.payment(slot);
        let (payment, tariff) = (item.id(), self.tariff_version(item.tariff_version));
        let seller = self.sellers.get(item.seller);
        let cost = self.currency_accounts(seller.currency).clearing_cost;
        let payable = seller.payable;
        self.ledger.attribute(Some(payment), Some(tariff));
        self.ledger.post(ChartEntry::ClearingFeeDeducted, cost, receivable, amount);
        let passed_on = if by_seller { amount } else { Amount::ZERO };
        self.ledger.post(ChartEntry::ChargebackFeePassedOn, payable, cost, passed_on);
    }

    /// Records a chargeback's fee whose postings are committed.
    pub(crate) fn record_chargeback_fee(
        &mut self,
        slot: u32,
        number: u8,
        amount: Amount,
        out: &mut CommandOutcome,
    ) {
        let term = self.chargeback_fee_term(slot).expect("a fee needs its term");
        let borne_by = term.borne_by;
        let (payment, seller) = (self.payment(slot).id(), self.payment(slot).seller);
        if borne_by == ChargebackFeeBearer::Seller {
            let statement = &mut self.sellers.get_mut(seller).statement;
            statement.fees += u128::from(amount.minor());
        }
        self.chargeback_mut(payment, number).fee = amount;
        out.events.push(Event::ChargebackFeeBooked { payment, number, amount, borne_by });
    }

    pub(crate) fn set_chargeback_fee(
        &mut self,
        command: &SetChargebackFee,
        _: Now,
        out: &mut CommandOutcome,
    ) -> Result<(), Refusal> {
        let SetChargebackFee { currency, number, most, borne_by, proposed_by, approved_by } =
            *command;
        let place = self.currency_index(currency)?;
        let decided_by = (proposed_by, approved_by);
        let term = ChargebackFeeTerm { number, most, borne_by, decided_by };
        let last = self.reference_data.chargeback_fees.get(&place);
        let done = last.map_or(0, |last| last.number);
        check_sequence_number(number, done, || {
            last.filter(|_| number == done).map(|before| *before == term)
        })?;
        check_two_people(proposed_by, approved_by, &[])?;
        self.reference_data.chargeback_fees.insert(place, term);
        out.events.push(Event::Registered);
        Ok(())
    }

    /// The sums of a payment's chargebacks that are won, and of the fees of all of them, in minor
    /// units.
    pub(crate) fn won_and_fees(&self, id: PaymentId) -> (u128, u128) {
        let (mut won, mut fees) = (0_u128, 0_u128);
        for ((_, number), one) in self.reference_data.chargebacks.range((id, 0)..=(id, u8::MAX)) {
            fees += u128::from(one.fee.minor());
            if one.end == Some(ChargebackEnd::Won) {
                won += self.refunds.get(&(id, *number)).map_or(0, |one| one.amount.minor().into());
            }
        }
        (won, fees)
    }

    /// The oldest chargeback of a payment that fits.
    pub(crate) fn first_chargeback(
        &self,
        item: &PaymentRecord,
        fits: impl Fn(&Chargeback, Amount) -> bool,
    ) -> Option<u8> {
        (1..=item.refund_count).find(|number| {
            let record = self.refunds.get(&(item.id(), *number));
            let known = self.chargeback(item.id(), *number);
            record.is_some_and(|one| one.kind == RefundKind::ChargeBack && fits(&known, one.amount))
        })
    }

    /// What followed a chargeback belongs to a chargeback of a payment that is known.
    pub(crate) fn check_chargebacks(&self, wrong: &mut Vec<String>) {
        for (payment, number) in self.reference_data.chargebacks.keys() {
            if self.find_chargeback(*payment, *number).is_err() {
                let id = payment.parcel.bits();
                wrong.push(format!("M10: parcel {id:032x} has no chargeback {number}"));
            }
        }
    }

    /// Forgets what followed the chargebacks of a forgotten payment.
    pub(crate) fn forget_chargebacks(&mut self, item: &PaymentRecord) {
        for number in 1..=item.refund_count {
            self.reference_data.chargebacks.remove(&(item.id(), number));
        }
    }
}
