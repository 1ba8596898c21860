//! A line of a network's or wallet's file: posted to the rail's receivable, or a break.

use ledger::AccountNumber;
use money::Amount;
use tariff::BusinessDate;

use crate::books::{Books, Now, check_date, check_identifier};
use crate::breaks::record::{BreakEvidence, Difference, LineDifference};
use crate::chart::ChartEntry;
use crate::clearing::lines::LinePlace;
use crate::clearing::payment::PaymentClearing;
use crate::clearing::plan::{LineAmounts, LineEffect, LinePlan};
use crate::command::{
    BREAKS_PER_CORRECTION_MAX, BreakSide, BreakSubject, ClearLine, ClearLineKind, FileLane,
    LineReference,
};
use crate::event::{CommandOutcome, Event};
use crate::ids::{BreakId, PaymentId, PersonId};
use crate::party::record::RailId;
use crate::payment::codes::RetrievalReference;
use crate::payment::record::{PaymentStatus, RefundKind, RefundRecord};
use crate::reconciliation::record::LineSplit;
use crate::refusal::{ContradictedLine, MissingRecord, Refusal};
use crate::terminal::batches::Transaction;
use crate::terminal::rrn::Rrn;
use crate::terminal::transaction::{LineDecision, NetworkReference, Trace, TransactionKind};
use crate::vocabulary::ReconBreakKind;

/// The account that a line's net amount comes from.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum LineSource {
    Bank(AccountNumber),
    /// The break of a line that is applied to a payment.
    Break,
}

/// What neither a payment nor the tariff explains of a line, in minor units.
#[derive(Clone, Copy)]
struct LineRest {
    fee: i128,
    amount: i128,
}

impl LineRest {
    fn of(amounts: LineAmounts, plan: LinePlan) -> LineRest {
        if plan.effect == LineEffect::Nothing {
            // Of a line that no payment explains, nothing is taken for a fee.
            return LineRest { fee: 0, amount: amounts.net() };
        }
        let explained_fee = plan.fee + plan.chargeback_fee.sum();
        let fee = amounts.deducted - explained_fee;
        LineRest { fee, amount: amounts.amount - plan.applied }
    }
}

/// The breaks that a command raised: above zero is more than the books explain.
fn raised_breaks(books: &Books, out: &CommandOutcome) -> Vec<i128> {
    let raised = out.events.iter().filter_map(|event| match event {
        Event::BreakRaised { break_id, .. } => books.reference_data.breaks.get(break_id),
        _ => None,
    });
    raised
        .map(|one| match one.side {
            BreakSide::Excess => i128::from(one.raised.amount.minor()),
            BreakSide::Shortfall => -i128::from(one.raised.amount.minor()),
        })
        .collect()
}

/// An amount as magnitude. What files and payments add up to is checked to be an amount.
fn magnitude(amount: i128) -> Option<Amount> {
    u64::try_from(amount.unsigned_abs()).ok().and_then(Amount::new)
}

impl ReconBreakKind {
    /// Of a line of a file that leaves a difference.
    fn of_line(line: &ClearLine, difference: LineDifference) -> ReconBreakKind {
        use ClearLineKind as K;
        match (difference, line.payment, line.kind) {
            (LineDifference::Fee, ..) => ReconBreakKind::FeeDrift,
            (LineDifference::Amount | LineDifference::Rest, ..) => ReconBreakKind::AmountDiffers,
            (LineDifference::Whole, None, _) => ReconBreakKind::UnknownReference,
            (_, _, K::Sale | K::Completion | K::Offline) => ReconBreakKind::Duplicate,
            (LineDifference::Whole, ..) => ReconBreakKind::Unannounced,
        }
    }
}

impl Books {
    /// The kind of a break that a line of a file raised. `None` of any other.
    #[must_use]
    pub fn kind_of_line_break(&self, id: BreakId) -> Option<ReconBreakKind> {
        let BreakEvidence { difference, line } = self.break_evidence(id)?;
        Some(ReconBreakKind::of_line(line, *difference))
    }

    /// The kind of the break that a line would raise now. `None`: it would raise none. A fee that
    /// is corrected can explain earlier breaks: it counts as none.
    #[must_use]
    pub fn break_of_line(&self, line: &ClearLine) -> Option<ReconBreakKind> {
        let rail = self.rails.number(line.rail)?;
        let amounts = LineAmounts::of(line);
        let plan = self.plan_line(amounts, rail, line.payment);
        let rest = LineRest::of(amounts, plan);
        let corrects = matches!(line.kind, ClearLineKind::Reversal | ClearLineKind::FeeCorrection);
        let difference = if plan.effect == LineEffect::Nothing {
            LineDifference::Whole
        } else if rest.amount != 0 {
            LineDifference::Amount
        } else if rest.fee != 0 && !corrects {
            LineDifference::Fee
        } else {
            return None;
        };
        Some(ReconBreakKind::of_line(line, difference))
    }

    pub(crate) fn clear_line(
        &mut self,
        command: &ClearLine,
        now: Now,
        out: &mut CommandOutcome,
    ) -> Result<(), Refusal> {
        let missing = Refusal::NotFound(MissingRecord::Bank(command.bank));
        let bank = self.banks.find(command.bank).ok_or(missing)?;
        let missing = match command.rail {
            RailId::Network(network) => MissingRecord::Network(network),
            RailId::Wallet(wallet) => MissingRecord::Wallet(wallet),
        };
        let rail = self.rails.number(command.rail).ok_or(Refusal::NotFound(missing))?;
        if let LineReference::Order(order) = &command.reference {
            check_identifier("reference", order)?;
        }
        self.check_same_currency(bank.currency, self.rails.get(rail).currency)?;
        let (lane, place) = (FileLane::from(command.rail), LinePlace::of(command));
        let newest = self.last_file_number(lane)?;
        self.rails.get(rail).cleared_lines.check(newest, place, command)?;
        self.check_file_open(lane, command.file)?;
        if let Some(date) = command.value_date {
            check_date(date, BusinessDate(0)..=now.today)?;
        }
        let amounts = LineAmounts::of(command);
        self.check_line_reference(command)?;
        let plan = self.plan_line(amounts, rail, command.payment);
        let source = LineSource::Bank(bank.account);
        self.carry_out_line(command, amounts, plan, source, now.today, out)?;
        let raised = raised_breaks(self, out);
        let breaks = raised.iter().sum();
        let split = LineSplit {
            matched: amounts.net() - breaks,
            expected: 0,
            breaks,
            has_breaks: !raised.is_empty(),
        };
        self.count_line(lane, command.file, split);
        self.rails.get_mut(rail).cleared_lines.push(place, command);
        out.set_value_date(command.value_date.unwrap_or(now.today), now.today);
        Ok(())
    }

    /// Checks that a line has the kind of reference of its rail, and that a line that pays a
    /// payment or is about a chargeback has that of the payment's own request, if it is remembered.
    fn check_line_reference(&self, line: &ClearLine) -> Result<(), Refusal> {
        use ClearLineKind as K;
        match (line.rail, &line.reference) {
            (RailId::Network(_), LineReference::Request { .. })
            | (RailId::Wallet(_), LineReference::Order(_)) => {}
            _ => return Err(Refusal::ReferenceOfOtherRail),
        }
        let of_request = match line.kind {
            K::Sale | K::Completion | K::Offline | K::ChargeBack | K::Representment => true,
            K::Refund | K::Reversal | K::FeeCorrection => false,
        };
        let Some(payment) = line.payment.filter(|_| of_request) else { return Ok(()) };
        let reference = |one: &Transaction| self.reference_of(one);
        let is_other = |one: &Transaction| reference(one).is_some_and(|own| own != line.reference);
        let has_own = |one: &Transaction| reference(one).is_some_and(|own| own == line.reference);
        let batches = &self.terminal_batches;
        let other = batches.first_by_payment(payment, is_other);
        match other.and_then(|slot| reference(batches.get(slot))) {
            Some(known) if batches.first_by_payment(payment, has_own).is_none() => {
                let line = line.reference.clone();
                Err(Refusal::LineOfAnotherRequest(Box::new(ContradictedLine { known, line })))
            }
            _ => Ok(()),
        }
    }

    /// By what a line names the request of a transaction that takes money over a rail. Field 7 has
    /// seconds.
    fn reference_of(&self, one: &Transaction) -> Option<LineReference> {
        use TransactionKind as K;
        match one.kind {
            K::Qr => {
                let terminal = self.terminals.get(one.terminal).id;
                let trace = Trace { terminal, batch: one.batch, stan: one.stan };
                Some(LineReference::Order(trace.wallet_order()))
            }
            K::Sale | K::Completion | K::Advice => {
                let NetworkReference { stan, sent_at } = one.network_reference()?;
                let sent_at = machine::Timestamp(sent_at.0 / 1_000 * 1_000);
                let sent = NetworkReference { stan, sent_at };
                let rrn = RetrievalReference::of(&Rrn::of(sent).bytes());
                Some(LineReference::Request { rrn, sent })
            }
            _ => None,
        }
    }

    /// Posts a line by its plan, raises its breaks, and records what it did to its payment.
    pub(crate) fn carry_out_line(
        &mut self,
        line: &ClearLine,
        amounts: LineAmounts,
        plan: LinePlan,
        source: LineSource,
        today: BusinessDate,
        out: &mut CommandOutcome,
    ) -> Result<(), Refusal> {
        let rest = LineRest::of(amounts, plan);
        if magnitude(rest.fee).is_none() || magnitude(rest.amount).is_none() {
            return Err(Refusal::Overflow);
        }
        self.post_line(line.rail, amounts, plan, rest, source, out)?;
        self.raise_breaks_of_line(line, plan.effect, rest, today, out);
        if let LineEffect::PaysSuspended(sale) = plan.effect {
            self.note_suspended_sale_paid(sale);
            self.decide_lines([sale], LineDecision::Clearing, today, out);
        }
        if let Some(slot) = plan.slot {
            self.record_line(slot, plan, line, today, out);
        }
        Ok(())
    }

    /// The postings of a line.
    fn post_line(
        &mut self,
        rail: RailId,
        amounts: LineAmounts,
        plan: LinePlan,
        rest: LineRest,
        source: LineSource,
        out: &mut CommandOutcome,
    ) -> Result<(), Refusal> {
        use ChartEntry as E;
        let rail = self.rails.find(rail).expect("the rail was found before");
        let (receivable, currency) = (rail.receivable, rail.currency);
        let item = plan.slot.map(|slot| self.payment(slot));
        let payment = match plan.effect {
            LineEffect::PaysSuspended(sale) => Some(sale),
            _ => item.map(|item| item.id()),
        };
        let tariff = item.map(|item| self.tariff_version(item.tariff_version));
        let accounts = self.currency_accounts(currency);
        let (cost, suspense) = (accounts.clearing_cost, accounts.suspense);
        let (net_entries, from) = match source {
            LineSource::Bank(bank) => ([E::Cleared, E::ClearingTaken], bank),
            LineSource::Break => ([E::ExcessApplied, E::ShortfallApplied], suspense),
        };
        self.ledger.begin_chain(payment, tariff);
        self.post_signed(net_entries, from, receivable, amounts.net());
        match (plan.effect, plan.slot) {
            (LineEffect::Refunds { owed }, Some(slot)) => {
                let refunds = self.buyer_refunds(slot);
                self.ledger.post(E::RefundForwarded, refunds, receivable, owed);
            }
            (LineEffect::ChargesBack { new }, Some(slot)) => {
                self.debit_seller(slot, E::ChargedBack, receivable, new);
            }
            (LineEffect::WinsBack { new: Some(number) }, Some(slot)) => {
                self.post_won(slot, number, receivable);
            }
            _ => {}
        }
        if let (Some((_, fee)), Some(slot)) = (plan.chargeback_fee.new, plan.slot) {
            self.post_chargeback_fee(slot, receivable, fee);
        }
        let fee_entries = [E::ClearingFeeDeducted, E::ClearingFeeReturned];
        self.post_signed(fee_entries, cost, receivable, plan.fee);
        self.post_signed(
            [E::DeductedTooMuch, E::DeductedTooLittle],
            suspense,
            receivable,
            rest.fee,
        );
        self.post_signed([E::BreakExcess, E::BreakShortfall], receivable, suspense, rest.amount);
        self.ledger.commit(out).map_err(|_| Refusal::Overflow)
    }

    /// Posts an amount above zero by the first entry, or the opposite of one below by the second.
    fn post_signed(
        &mut self,
        [entry, opposite]: [ChartEntry; 2],
        debit: AccountNumber,
        credit: AccountNumber,
        amount: i128,
    ) {
        let size = magnitude(amount).expect("checked before");
        if amount > 0 {
            self.ledger.post(entry, debit, credit, size);
        } else {
            self.ledger.post(opposite, credit, debit, size);
        }
    }

    /// Raises a break of what a line leaves unexplained. A fee that is corrected explains earlier
    /// breaks first.
    fn raise_breaks_of_line(
        &mut self,
        line: &ClearLine,
        effect: LineEffect,
        rest: LineRest,
        today: BusinessDate,
        out: &mut CommandOutcome,
    ) {
        let size = |amount| magnitude(amount).expect("checked before");
        let mut fee_left = size(rest.fee);
        if matches!(line.kind, ClearLineKind::Reversal | ClearLineKind::FeeCorrection) {
            for (break_id, amount) in self.fee_breaks_reduced(line, rest.fee) {
                self.reduce_fee_break(break_id, amount, out);
                fee_left = fee_left.checked_sub(amount).expect("parts of the fee");
            }
        }
        let difference = match effect {
            LineEffect::Nothing => LineDifference::Whole,
            LineEffect::ChargesBack { .. } | LineEffect::WinsBack { .. } => LineDifference::Rest,
            _ => LineDifference::Amount,
        };
        let (more, less) = (BreakSide::Excess, BreakSide::Shortfall);
        let fee_side = if rest.fee > 0 { less } else { more };
        let side = if rest.amount > 0 { more } else { less };
        for (difference, side, amount) in
            [(LineDifference::Fee, fee_side, fee_left), (difference, side, size(rest.amount))]
        {
            if !amount.is_zero() {
                let evidence = BreakEvidence { difference, line: line.clone() };
                self.record_line_break(evidence, side, amount, today, out);
            }
        }
    }

    fn record_line_break(
        &mut self,
        evidence: BreakEvidence,
        side: BreakSide,
        amount: Amount,
        today: BusinessDate,
        out: &mut CommandOutcome,
    ) {
        let subject = BreakSubject::of_rail(evidence.line.rail);
        let rail = self.rails.find(evidence.line.rail).expect("the rail was found before");
        let (currency, nobody) = (rail.currency, (PersonId(0), PersonId(0)));
        let difference = Difference { subject, side, amount };
        let evidence = Some(Box::new(evidence));
        self.record_automatic_break(difference, currency, nobody, evidence, today, out);
    }

    /// Changes the payment of a line whose postings are committed.
    fn record_line(
        &mut self,
        slot: u32,
        plan: LinePlan,
        line: &ClearLine,
        today: BusinessDate,
        out: &mut CommandOutcome,
    ) {
        let item = self.payment(slot);
        let (id, status) = (item.id(), item.status);
        let mut clearing = self.clearing_of(item);
        let applied = plan.applied.unsigned_abs();
        match plan.effect {
            LineEffect::Pays => {
                clearing.claimed = applied;
                clearing.was_paid = true;
            }
            LineEffect::PaysUnclaimed => {
                clearing.unclaimed = applied;
                clearing.early_line = Some(Box::new(line.clone()));
                clearing.was_paid = true;
            }
            LineEffect::TakesUnclaimed => {
                (clearing.unclaimed, clearing.early_line) = (0, None);
            }
            LineEffect::TakesClaimed => clearing.claimed = 0,
            LineEffect::Refunds { .. } => clearing.refunds += applied,
            LineEffect::ChargesBack { .. } => clearing.chargebacks += applied,
            LineEffect::WinsBack { .. } => clearing.represented += applied,
            LineEffect::Corrects => {}
            LineEffect::PaysSuspended(_) | LineEffect::Nothing => return,
        }
        clearing.chargeback_fees += plan.chargeback_fee.sum().unsigned_abs();
        // A received payment that was paid its amount needs no record.
        let approved = matches!(status, PaymentStatus::Approved { .. });
        let plain = PaymentClearing {
            claimed: item.amount.minor().into(),
            was_paid: true,
            ..PaymentClearing::default()
        };
        let receives = plan.effect == LineEffect::Pays && approved && !self.has_shortfall(id);
        if receives && clearing == plain {
            self.clearings.remove(&id);
        } else {
            self.clearings.insert(id, clearing);
        }
        match plan.effect {
            LineEffect::Refunds { owed } if !owed.is_zero() => {
                let (_, asked) = self.refunds_asked(id, owed);
                if let Some(transaction) = asked {
                    self.terminal_batches.stop_awaiting_network(transaction);
                }
                self.pay_refund(slot, owed);
                out.events.push(Event::RefundForwarded { payment: id, amount: owed });
            }
            LineEffect::ChargesBack { new } if !new.is_zero() => {
                self.record_refund(slot, RefundRecord::new(RefundKind::ChargeBack, new, today));
                out.events.push(Event::ChargedBack { payment: id, amount: new });
                self.end_hold_without_money(slot, out);
            }
            LineEffect::WinsBack { new: Some(number) } => {
                let amount = self.refunds[&(id, number)].amount;
                self.record_won(slot, number, amount, today, out);
            }
            _ => {}
        }
        if let Some((number, fee)) = plan.chargeback_fee.new {
            self.record_chargeback_fee(slot, number, fee, out);
        }
        if receives {
            self.record_funds_received(slot, today, out);
        }
        if matches!(plan.effect, LineEffect::Pays | LineEffect::PaysUnclaimed) {
            self.decide_lines([id], LineDecision::Clearing, today, out);
        }
    }

    /// Whether a line paid less than the payment's amount, and that break is open.
    fn has_shortfall(&self, payment: PaymentId) -> bool {
        self.line_breaks.of_payment(payment).any(|id| {
            let record = &self.reference_data.breaks[&id];
            let difference = record.evidence.as_ref().map(|evidence| evidence.difference);
            let is_paid_less = record.side == BreakSide::Shortfall;
            is_paid_less && difference == Some(LineDifference::Amount)
        })
    }

    /// Receives an approved payment that was cleared, once what its line did not pay is settled.
    pub(crate) fn receive_if_cleared(
        &mut self,
        slot: u32,
        today: BusinessDate,
        out: &mut CommandOutcome,
    ) {
        let item = self.payment(slot);
        let id = item.id();
        let approved = matches!(item.status, PaymentStatus::Approved { .. });
        let cleared = self.clearings.get(&id).is_some_and(|one| one.claimed > 0);
        if approved && cleared && !self.has_shortfall(id) {
            self.record_funds_received(slot, today, out);
        }
    }

    /// A sale that was paid while it was in suspense is booked to its parcel.
    pub(crate) fn receive_suspended_sale(
        &mut self,
        slot: u32,
        today: BusinessDate,
        out: &mut CommandOutcome,
    ) {
        let item = self.payment(slot);
        let (id, claimed) = (item.id(), item.amount.minor().into());
        let clearing = PaymentClearing { claimed, was_paid: true, ..PaymentClearing::default() };
        self.clearings.insert(id, clearing);
        self.receive_if_cleared(slot, today, out);
        self.decide_lines([id], LineDecision::Clearing, today, out);
    }

    /// A payment was collected whose line came before its answer: that line pays it.
    pub(crate) fn settle_early_line(
        &mut self,
        slot: u32,
        transaction: u32,
        today: BusinessDate,
        out: &mut CommandOutcome,
    ) {
        let item = self.payment(slot);
        let (id, amount, currency) =
            (item.id(), item.amount, self.sellers.get(item.seller).currency);
        let receivable = self.rails.get(u32::from(item.rail)).receivable;
        let early = self.clearings.get(&id).and_then(|one| one.early_line.clone());
        let Some(line) = early else { return };
        let transaction = self.terminal_batches.get(transaction);
        // An earlier completion's line waits for the reversal of that one.
        let is_other = match line.reference {
            LineReference::Request { sent, .. }
                if transaction.kind == TransactionKind::Completion =>
            {
                let seconds = |at: machine::Timestamp| at.0 / 1_000;
                transaction.network_reference().is_none_or(|own| {
                    (own.stan, seconds(own.sent_at)) != (sent.stan, seconds(sent.sent_at))
                })
            }
            _ => false,
        };
        if is_other {
            return;
        }
        let clearing = self.clearings.get_mut(&id).expect("found above");
        let paid = std::mem::take(&mut clearing.unclaimed);
        (clearing.claimed, clearing.early_line) = (amount.minor().into(), None);
        let paid = u64::try_from(paid).ok().and_then(Amount::new);
        let paid = paid.expect("its only line paid an amount");
        let suspense = self.currency_accounts(currency).suspense;
        let (more, less) = (paid.saturating_sub(amount), amount.saturating_sub(paid));
        self.ledger.begin_chain(Some(id), None);
        self.ledger.post(ChartEntry::BreakExcess, receivable, suspense, more);
        self.ledger.post(ChartEntry::BreakShortfall, suspense, receivable, less);
        self.ledger.commit_infallible(out, "a difference can be posted");
        for (side, rest) in [(BreakSide::Excess, more), (BreakSide::Shortfall, less)] {
            if !rest.is_zero() {
                let difference = LineDifference::Amount;
                let evidence = BreakEvidence { difference, line: (*line).clone() };
                self.record_line_break(evidence, side, rest, today, out);
            }
        }
        self.receive_if_cleared(slot, today, out);
    }

    /// The open fee breaks that a fee difference explains: the payment's own first, then the
    /// rail's, oldest first.
    fn fee_breaks_reduced(&self, line: &ClearLine, difference: i128) -> Vec<(BreakId, Amount)> {
        let mut left = magnitude(difference).unwrap_or(Amount::ZERO);
        let is_too_much = difference < 0;
        let opposite = if is_too_much { BreakSide::Shortfall } else { BreakSide::Excess };
        let breaks = &self.reference_data.breaks;
        let is_fee = |id: &BreakId| {
            let one = &breaks[id];
            let is_own_fee = one.evidence.as_ref().is_some_and(|evidence| {
                (evidence.difference, evidence.line.rail) == (LineDifference::Fee, line.rail)
            });
            one.side == opposite && is_own_fee
        };
        let own = line.payment.into_iter().flat_map(|id| self.line_breaks.of_payment(id));
        let own: Vec<BreakId> = own.filter(is_fee).collect();
        let others = self.line_breaks.fees(line.rail, is_too_much);
        let others = others.filter(|id| !own.contains(id));
        let mut reduced = Vec::new();
        for id in own.iter().copied().chain(others).take(BREAKS_PER_CORRECTION_MAX) {
            let part = breaks[&id].amount.min(left);
            if part.is_zero() {
                break;
            }
            left = left.saturating_sub(part);
            reduced.push((id, part));
        }
        reduced
    }

    /// A proposed resolution was for the whole break, so it is void.
    fn reduce_fee_break(&mut self, break_id: BreakId, amount: Amount, out: &mut CommandOutcome) {
        let record = self.reference_data.breaks.get_mut(&break_id).expect("found before");
        let left = record.amount.checked_sub(amount).expect("a part of the break");
        record.amount = left;
        record.drop_proposal();
        if left.is_zero() {
            self.line_breaks.remove(break_id, record);
        }
        out.events.push(Event::BreakReduced { break_id, amount, left });
    }
}
