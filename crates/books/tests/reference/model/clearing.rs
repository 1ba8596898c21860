//! The model: the files of networks and wallets, line by line.

use books::chart::{AccountKind as A, ChartEntry};
use books::view::PaymentState as S;
use books::*;
use money::{Amount, Currency};

use super::chargebacks::Chargeback;
use super::parties::{check_reference, fees};
use super::payments::{payment_method, receivable};
use super::{
    Account, Charge, Model, ModelMethod, ModelPayment, ModelRefusal, ModelResult, Numbered,
    TransactionStatus, ensure,
};

/// What the files have said about a payment, in minor units.
#[derive(Clone, Debug, Default)]
pub struct FileMoney {
    /// Paid for what the books had collected.
    pub for_claim: u64,
    /// Paid for what the books had not, or no longer: a reversal is to come.
    pub to_take_back: u64,
    /// The line that paid a payment before its answer.
    pub early: Option<ClearLine>,
    pub refunds: u64,
    pub charge_backs: u128,
    /// Paid back for chargebacks, and deducted as their fees.
    pub paid_back: u128,
    pub chargeback_fees: u64,
    pub was_paid: bool,
}

/// What a line is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Meaning {
    /// The rail pays what it owes.
    Pays,
    /// The rail pays what it will take back.
    PaysEarly,
    /// The rail takes back what it had paid.
    TakesBack,
    /// The rail sent a refund to the buyer, and the books still owed so much of it.
    Refund(u64),
    /// The issuer took money back, and the books did not know of so much.
    ChargeBack(u64),
    /// The rail pays chargebacks back. This one is won by that.
    PaysBack(Option<u8>),
    /// The network pays a sale that is no payment of its parcel.
    PaysSuspended,
    Correction,
    Mystery,
}

/// A line read by the books: what it is about, the amount that this explains, the tariff's fee.
struct Reading {
    meaning: Meaning,
    payment: Option<PaymentId>,
    explained: i128,
    fee: i128,
    /// The part of the deduction that was announced as the fee of a chargeback, and the fee of a
    /// chargeback that nobody announced, by its number.
    announced: u64,
    chargeback_fee: Option<(u8, u64)>,
}

const MYSTERY: Reading = Reading {
    meaning: Meaning::Mystery,
    payment: None,
    explained: 0,
    fee: 0,
    announced: 0,
    chargeback_fee: None,
};

/// Field 7 has whole seconds. The RRN counts those since 2010 in base 32, six digits, and then has
/// the STAN.
pub fn line_reference(sent: NetworkReference) -> LineReference {
    const DIGITS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    let seconds = sent.sent_at.0 / 1_000;
    let since = seconds.saturating_sub(1_262_304_000);
    let digit = |place: u32| DIGITS[usize::try_from(since / 32_u64.pow(place) % 32).unwrap()];
    let mut rrn = [0; 12];
    for (place, byte) in (0..6).rev().zip(&mut rrn) {
        *byte = digit(place);
    }
    rrn[6..].copy_from_slice(format!("{:06}", sent.stan).as_bytes());
    let sent = NetworkReference { sent_at: Timestamp(seconds * 1_000), ..sent };
    LineReference::Request { rrn: RetrievalReference::of(&rrn), sent }
}

fn signed(sum: u128) -> i128 {
    i128::try_from(sum).unwrap()
}

fn size(amount: i128) -> u64 {
    u64::try_from(amount.unsigned_abs()).unwrap()
}

impl ModelPayment {
    /// What the rail owes for it, before its files pay and without the fees of chargebacks.
    fn claim(&self) -> i128 {
        let taken = i128::from(self.forwarded) + signed(self.charged_back);
        let owed = self.is_collected() && self.rejected.is_none();
        let won = signed(self.won_back);
        if owed { i128::from(self.amount) + won - taken } else { 0 }
    }

    fn has_paid_its_claim(&self) -> bool {
        let file = &self.file;
        let paid = i128::from(file.for_claim) + i128::from(file.to_take_back);
        let paid = paid + signed(file.paid_back);
        let taken = i128::from(file.refunds) + signed(file.charge_backs);
        matches!(self.method, ModelMethod::Cash(_)) || self.claim() == paid - taken
    }

    fn rail(&self) -> Option<RailId> {
        match self.method {
            ModelMethod::Card(network, _) => Some(RailId::Network(network)),
            ModelMethod::Qr(wallet) => Some(RailId::Wallet(wallet)),
            ModelMethod::Cash(_) => None,
        }
    }
}

impl Model {
    /// Whether the rail and the books owe each other nothing for a payment.
    pub fn rail_is_even(&self, id: PaymentId) -> bool {
        let paid = self.payment(id).is_ok_and(ModelPayment::has_paid_its_claim);
        paid && self.announced_chargeback_fees(id) == 0
    }

    pub fn clear_line(&mut self, line: &ClearLine) -> ModelResult {
        let currency = *self.banks.get(&line.bank).ok_or(ModelRefusal::Because("no such bank"))?;
        let of_rail = match line.rail {
            RailId::Network(network) => self.networks.get(&network),
            RailId::Wallet(wallet) => self.wallets.get(&wallet),
        };
        ensure(of_rail == Some(&currency), "no such rail, or another currency")?;
        if let LineReference::Order(order) = &line.reference {
            check_reference(order)?;
        }
        self.is_next_line(line)?;
        self.may_have_line(line.rail.into(), line.file)?;
        let settled = line.value_date.unwrap_or(self.today);
        ensure(settled <= self.today, "a day to come")?;
        let (amount, deducted) = (line.amount.minor().into(), line.deducted.minor().into());
        self.has_right_reference(line)?;
        let bank = (A::Bank, line.bank.0, currency);
        self.book_line(line, (amount, deducted), bank)?;
        self.count_clear_line(line);
        self.file_lines.entry(line.rail).or_default().push(line.clone());
        self.belongs_to(settled);
        Ok(())
    }

    /// The lines of a rail come in order: first all lines of its first file.
    fn is_next_line(&self, line: &ClearLine) -> ModelResult {
        let known = self.file_lines.get(&line.rail).map_or(&[][..], Vec::as_slice);
        let file = self.last_file(line.rail.into());
        let of_last = known.iter().filter(|one| one.file == file);
        let number = of_last.clone().next_back().map_or(0, |last| last.line);
        let follows = file > 0 && line.file == file && line.line == number + 1;
        if follows || (line.file == file + 1 && line.line == 1) {
            return Ok(());
        }
        // Each line of the last file that has lines is remembered.
        let remembered = known.last().map_or(0, |last| last.file);
        let mut last_file =
            known.iter().filter(|one| one.file == remembered && one.file == line.file);
        let before = last_file.find(|one| one.line == line.line);
        let before = before.ok_or(ModelRefusal::Because("not the next line"))?;
        self.only_repeats(before == line)
    }

    /// A network knows requests, a wallet orders. A line that pays, or is about a chargeback, is
    /// that of the request that its payment had, as long as the terminal's batches know it.
    fn has_right_reference(&self, line: &ClearLine) -> ModelResult {
        use ClearLineKind as K;
        let by_request = matches!(line.reference, LineReference::Request { .. });
        ensure(by_request == matches!(line.rail, RailId::Network(_)), "another rail's reference")?;
        let free = matches!(line.kind, K::Refund | K::Reversal | K::FeeCorrection);
        let Some(payment) = line.payment.filter(|_| !free) else { return Ok(()) };
        let own = self.line_references(payment);
        ensure(own.is_empty() || own.contains(&line.reference), "another payment's request")
    }

    /// What files call the requests that took a payment's money.
    pub fn line_references(&self, payment: PaymentId) -> Vec<LineReference> {
        use TransactionKind as K;
        let own = self.transactions.iter().filter(|one| one.payment == payment);
        own.filter_map(|one| match one.kind {
            K::Qr => {
                let Trace { terminal, batch, stan } = one.trace;
                Some(LineReference::Order(format!("{:08}{batch:06}{stan:06}", terminal.0)))
            }
            K::Sale | K::Completion | K::Advice => one.network_reference.map(line_reference),
            _ => None,
        })
        .collect()
    }

    fn read(
        &self,
        kind: ClearLineKind,
        rail: RailId,
        to: Option<PaymentId>,
        (amount, deducted): (i128, i128),
    ) -> Reading {
        use ClearLineKind as K;
        if amount == 0 {
            return self.read_correction(rail, to, deducted);
        }
        let in_suspense = to.and_then(|id| Some((id, self.sale_without_parcel(id)?)));
        if let Some((id, sale)) = in_suspense {
            let its_own =
                matches!(sale.how, ModelMethod::Card(of, _) if RailId::Network(of) == rail);
            let sells = matches!(kind, K::Sale | K::Offline) && amount > 0;
            if !its_own || !sells || sale.cleared || sale.rejected {
                return MYSTERY;
            }
            // Nobody agreed with a seller on what the network keeps.
            let (meaning, explained) = (Meaning::PaysSuspended, sale.amount.into());
            return Reading { meaning, payment: Some(id), explained, fee: deducted, ..MYSTERY };
        }
        let Some((id, payment)) = to.and_then(|id| Some((id, self.payment(id).ok()?))) else {
            return MYSTERY;
        };
        if payment.rail() != Some(rail) || payment.rejected.is_some() {
            return MYSTERY;
        }
        let found = match kind {
            K::Sale | K::Completion | K::Offline if amount > 0 => self.read_sale(id, kind, amount),
            K::Reversal if amount < 0 => self.read_reversal(id),
            K::Refund if amount < 0 => match payment.is_posted() {
                true => self.read_refund(id, size(amount)),
                false if payment.file.to_take_back == size(amount) => self.read_reversal(id),
                false => None,
            },
            K::Representment if amount > 0 => self.read_representment(id, payment, size(amount)),
            K::ChargeBack if amount < 0 => self.read_charge_back(id, payment, size(amount)),
            _ => None,
        };
        let Some((meaning, explained, fee)) = found else { return MYSTERY };
        let read = Reading { meaning, payment: Some(id), explained, fee, ..MYSTERY };
        let begins = match meaning {
            Meaning::ChargeBack(0) | Meaning::PaysBack(_) => None,
            Meaning::ChargeBack(_) => {
                Some(u8::try_from(self.count_of(Numbered::Refunds(id)) + 1).unwrap())
            }
            _ => return read,
        };
        let announced = self.announced_part(id, deducted);
        let left = u64::try_from(deducted - i128::from(announced)).unwrap_or(0);
        let fee = left.min(self.most_for_chargeback(id).0);
        let without = self.chargebacks_of(id).into_iter().find(|(_, one)| one.fee == 0);
        let number = begins.or(without.map(|(number, _)| number));
        let chargeback_fee = number.filter(|_| fee > 0).map(|number| (number, fee));
        Reading { announced, chargeback_fee, ..read }
    }

    fn announced_part(&self, id: PaymentId, deducted: i128) -> u64 {
        u64::try_from(deducted).unwrap_or(0).min(self.announced_chargeback_fees(id))
    }

    /// Without an amount: the fee of a chargeback that was announced, or fees of something else.
    fn read_correction(&self, rail: RailId, to: Option<PaymentId>, deducted: i128) -> Reading {
        let correction = Reading { meaning: Meaning::Correction, ..MYSTERY };
        let Some((id, payment)) = to.and_then(|id| Some((id, self.payment(id).ok()?))) else {
            return correction;
        };
        let own = payment.rail() == Some(rail) && payment.rejected.is_none();
        let announced = if own { self.announced_part(id, deducted) } else { 0 };
        let payment = Some(id).filter(|_| announced > 0);
        Reading { payment, announced, ..correction }
    }

    /// Pays back what is won, and then the oldest chargeback of just what is left.
    fn read_representment(
        &self,
        id: PaymentId,
        payment: &ModelPayment,
        amount: u64,
    ) -> Option<(Meaning, i128, i128)> {
        let known = payment.won_back - payment.file.paid_back;
        let known = u64::try_from(known).unwrap_or(u64::MAX).min(amount);
        let left = amount - known;
        let fits = |one: &(u8, Chargeback)| one.1.won != Some(true) && one.1.amount == left;
        let new = self.chargebacks_of(id).into_iter().find(|one| left > 0 && fits(one));
        let explained = if new.is_some() { amount } else { known };
        let meaning = Meaning::PaysBack(new.map(|(number, _)| number));
        (explained > 0).then_some((meaning, i128::from(explained), 0))
    }

    fn read_sale(
        &self,
        id: PaymentId,
        kind: ClearLineKind,
        amount: i128,
    ) -> Option<(Meaning, i128, i128)> {
        let payment = self.payment(id).ok()?;
        let file = &payment.file;
        if payment.is_collected() {
            let whole = i128::from(payment.amount);
            let fee = self.rail_fee(id, payment.amount);
            return (file.for_claim == 0).then_some((Meaning::Pays, whole, fee));
        }
        let paid_late = self.transactions.iter().any(|one| {
            one.payment == id && one.kind == TransactionKind::Qr && one.wallet_payment.is_some()
        });
        let may_be_taken_back = match payment.state {
            S::Expired => false,
            S::Declined => paid_late,
            _ => true,
        };
        let second = file.was_paid && kind != ClearLineKind::Completion;
        let fits = may_be_taken_back && file.to_take_back == 0 && !second;
        fits.then_some((Meaning::PaysEarly, amount, self.rail_fee(id, size(amount))))
    }

    fn read_reversal(&self, id: PaymentId) -> Option<(Meaning, i128, i128)> {
        let payment = self.payment(id).ok()?;
        let being_reversed =
            payment.is_collected() && matches!(payment.state, S::Reversing(_) | S::ReversingVoid);
        let paid = match payment.file.to_take_back {
            0 if being_reversed => payment.file.for_claim,
            paid => paid,
        };
        let fee = self.rail_fee(id, paid);
        (paid > 0).then_some((Meaning::TakesBack, -i128::from(paid), -fee))
    }

    fn read_refund(&self, id: PaymentId, amount: u64) -> Option<(Meaning, i128, i128)> {
        if self.is_unanswered_sale(id) {
            return None;
        }
        let payment = self.payment(id).ok()?;
        let owed = amount.saturating_sub(payment.forwarded - payment.file.refunds);
        let asked: u64 =
            self.asked_refunds(id).iter().map(|place| self.transactions[*place].amount).sum();
        let one_asked = self.asked_refund_of(id, owed).is_some();
        let known = one_asked || owed <= payment.unpaid - asked;
        known.then_some((Meaning::Refund(owed), -i128::from(amount), 0))
    }

    /// Refunds that the rail was asked for and has not answered.
    fn asked_refunds(&self, id: PaymentId) -> Vec<usize> {
        let asked = |place: &usize| {
            let one = &self.transactions[*place];
            one.payment == id && one.kind == TransactionKind::Refund && one.to_forward
        };
        (0..self.transactions.len()).filter(asked).collect()
    }

    fn asked_refund_of(&self, id: PaymentId, amount: u64) -> Option<usize> {
        let mut same = self.asked_refunds(id);
        same.retain(|place| self.transactions[*place].amount == amount);
        let terminals: Vec<_> = self.terminals.keys().collect();
        same.into_iter().min_by_key(|place| {
            let trace = self.transactions[*place].trace;
            (terminals.iter().position(|id| **id == trace.terminal), trace.batch, trace.stan)
        })
    }

    fn read_charge_back(
        &self,
        id: PaymentId,
        payment: &ModelPayment,
        amount: u64,
    ) -> Option<(Meaning, i128, i128)> {
        let known = payment.charged_back - payment.file.charge_backs;
        let known = u64::try_from(known).unwrap_or(u64::MAX).min(amount);
        let numbered = payment.refund_numbers < REFUNDS_PER_PAYMENT_MAX;
        let can_be_new = payment.is_posted() && numbered && !self.is_unanswered_sale(id);
        let new = if can_be_new { (amount - known).min(payment.standing()) } else { 0 };
        let explained = -i128::from(known + new);
        (explained < 0).then_some((Meaning::ChargeBack(new), explained, 0))
    }

    /// What the rail may keep of an amount, by the payment's tariff version.
    fn rail_fee(&self, id: PaymentId, amount: u64) -> i128 {
        let payment = self.payment(id).expect("it is known");
        let Charge { tariff, class } = payment.charge;
        let terms = &self.tariffs[&tariff.tariff][usize::from(tariff.version) - 1].terms;
        let parts = fees(terms, class, payment_method(payment.method), amount, |_, _, _| 0);
        let parts = parts.expect("a class stays in its tariff");
        let kept = [tariff::FeeKind::Issuer, tariff::FeeKind::Network, tariff::FeeKind::Wallet];
        parts.iter().filter(|(kind, _)| kept.contains(kind)).map(|(_, fee)| i128::from(*fee)).sum()
    }

    /// Posts an amount to one account from another, or back if it is below zero.
    fn move_signed(
        &mut self,
        [there, back]: [ChartEntry; 2],
        to: Account,
        from: Account,
        amount: i128,
    ) {
        if amount > 0 {
            self.post(there, to, from, size(amount));
        } else {
            self.post(back, from, to, size(amount));
        }
    }

    /// Books a line whose money comes from a bank account, or out of a break.
    fn book_line(
        &mut self,
        line: &ClearLine,
        (amount, deducted): (i128, i128),
        source: Account,
    ) -> ModelResult {
        use ChartEntry as E;
        let Reading { meaning, payment, explained, fee, announced, chargeback_fee } =
            self.read(line.kind, line.rail, line.payment, (amount, deducted));
        let fee_of_chargeback = announced + chargeback_fee.map_or(0, |(_, fee)| fee);
        let currency = source.2;
        let owes = match line.rail {
            RailId::Network(network) => (A::NetworkReceivable, network.0, currency),
            RailId::Wallet(wallet) => (A::WalletReceivable, wallet.0, currency),
        };
        let (cost, suspense) = ((A::ClearingCost, 0, currency), (A::Suspense, 0, currency));
        let tariff = payment.and_then(|id| Some(self.payment(id).ok()?.charge.tariff));
        self.about = (payment, tariff);
        let entries = match source.0 {
            A::Bank => [E::Cleared, E::ClearingTaken],
            _ => [E::ExcessApplied, E::ShortfallApplied],
        };
        self.move_signed(entries, source, owes, amount - deducted);
        let mystery = meaning == Meaning::Mystery;
        let explained_fee = fee + i128::from(fee_of_chargeback);
        let fee_gap = if mystery { 0 } else { deducted - explained_fee };
        let rest = if mystery { amount - deducted } else { amount - explained };
        ensure(fee_gap.unsigned_abs() <= Amount::MAX.minor().into(), "too much")?;
        ensure(rest.unsigned_abs() <= Amount::MAX.minor().into(), "too much")?;
        self.move_signed([E::ClearingFeeDeducted, E::ClearingFeeReturned], cost, owes, fee);
        self.move_signed([E::DeductedTooMuch, E::DeductedTooLittle], suspense, owes, fee_gap);
        self.move_signed([E::BreakExcess, E::BreakShortfall], owes, suspense, rest);

        let may_explain =
            matches!(line.kind, ClearLineKind::Reversal | ClearLineKind::FeeCorrection);
        let fee_left = if may_explain { self.explain_fee_breaks(line, fee_gap)? } else { fee_gap };
        self.break_of_line(line, LineDifference::Fee, -fee_left, currency)?;
        let what = match meaning {
            Meaning::Mystery => LineDifference::Whole,
            Meaning::ChargeBack(_) | Meaning::PaysBack(_) => LineDifference::Rest,
            _ => LineDifference::Amount,
        };
        self.break_of_line(line, what, rest, currency)?;
        let Some(id) = payment else { return Ok(()) };
        self.note_line(id, meaning, line, explained)?;
        if meaning != Meaning::PaysSuspended {
            self.payment_mut(id).file.chargeback_fees += fee_of_chargeback;
        }
        match chargeback_fee {
            Some((number, fee)) => self.book_chargeback_fee(id, number, fee, owes),
            None => Ok(()),
        }
    }

    /// Opens a break of a line: an excess above zero, a shortfall below.
    fn break_of_line(
        &mut self,
        line: &ClearLine,
        difference: LineDifference,
        amount: i128,
        currency: Currency,
    ) -> ModelResult {
        if amount == 0 {
            return Ok(());
        }
        let subject = match line.rail {
            RailId::Network(network) => BreakSubject::Network(network),
            RailId::Wallet(wallet) => BreakSubject::Wallet(wallet),
        };
        let side = if amount > 0 { BreakSide::Excess } else { BreakSide::Shortfall };
        let evidence = BreakEvidence { difference, line: line.clone() };
        let evidence = Some(Box::new(evidence));
        self.open_own_break(subject, side, size(amount), currency, None, evidence).map(|_| ())
    }

    /// A fee given back, or taken later, explains open fee breaks of the other side. Returns what
    /// is left of it.
    fn explain_fee_breaks(&mut self, line: &ClearLine, gap: i128) -> ModelResult<i128> {
        let side = if gap < 0 { BreakSide::Shortfall } else { BreakSide::Excess };
        let fits = |one: &super::Break| {
            let evidence = one.evidence.as_deref();
            !one.closed
                && one.side == side
                && evidence.is_some_and(|evidence| {
                    evidence.difference == LineDifference::Fee && evidence.line.rail == line.rail
                })
        };
        let open = self.breaks.iter().filter(|(_, one)| fits(one));
        let mut open: Vec<_> = open.map(|(id, one)| (*id, one.clone())).collect();
        let is_own = |one: &super::Break| {
            let evidence = one.evidence.as_deref().expect("a line's break has evidence");
            line.payment.is_some() && evidence.line.payment == line.payment
        };
        open.sort_by_key(|(id, one)| (!is_own(one), *id));
        let mut left = size(gap);
        for (break_id, one) in open.into_iter().take(BREAKS_PER_CORRECTION_MAX) {
            let part = left.min(one.amount);
            if part == 0 {
                break;
            }
            left -= part;
            let known = self.breaks.get_mut(&break_id).expect("just found");
            known.amount -= part;
            known.drop_proposal();
            known.closed = known.amount == 0;
            let (amount, left) = (Amount::of(part), Amount::of(known.amount));
            self.push_event(Event::BreakReduced { break_id, amount, left })?;
        }
        Ok(if gap < 0 { -i128::from(left) } else { i128::from(left) })
    }

    /// Remembers what a line said about its payment, and what follows for the seller.
    fn note_line(
        &mut self,
        id: PaymentId,
        meaning: Meaning,
        line: &ClearLine,
        explained: i128,
    ) -> ModelResult {
        if meaning == Meaning::PaysSuspended {
            self.suspended.get_mut(&id).expect("it was read").cleared = true;
            return Ok(());
        }
        let currency = self.parcel(id.parcel)?.currency;
        let (_, owes) = receivable(self.payment(id)?.method, currency);
        let file = &mut self.payment_mut(id).file;
        match meaning {
            Meaning::Pays => (file.for_claim, file.was_paid) = (size(explained), true),
            Meaning::PaysEarly => {
                (file.to_take_back, file.was_paid) = (size(explained), true);
                file.early = Some(line.clone());
            }
            Meaning::TakesBack if file.to_take_back > 0 => {
                (file.to_take_back, file.early) = (0, None);
            }
            Meaning::TakesBack => file.for_claim = 0,
            Meaning::Refund(owed) => {
                file.refunds += size(explained);
                if owed > 0 {
                    if let Some(place) = self.asked_refund_of(id, owed) {
                        self.transactions[place].to_forward = false;
                    }
                    let buyers = (A::BuyerRefunds, 0, currency);
                    self.post(ChartEntry::RefundForwarded, buyers, owes, owed);
                    let payment = self.payment_mut(id);
                    (payment.unpaid, payment.forwarded) =
                        (payment.unpaid - owed, payment.forwarded + owed);
                    let amount = Amount::of(owed);
                    self.push_event(Event::RefundForwarded { payment: id, amount })?;
                }
            }
            Meaning::ChargeBack(new) => {
                file.charge_backs += explained.unsigned_abs();
                if new > 0 {
                    let number = self.payment(id)?.refund_numbers + 1;
                    let amount = Amount::of(new);
                    let notice = ChargeBack { payment: id, number, amount };
                    let notice = Command::ChargeBack(notice);
                    self.take_from_seller(ChartEntry::ChargedBack, id, new, owes, &notice)?;
                    self.note_chargeback(id, new);
                    self.push_event(Event::ChargedBack { payment: id, amount })?;
                }
            }
            Meaning::PaysBack(new) => {
                file.paid_back += explained.unsigned_abs();
                if let Some(number) = new {
                    self.win(
                        id,
                        number,
                        &Command::WinChargeback(WinChargeback { payment: id, number }),
                    )?;
                }
            }
            Meaning::PaysSuspended | Meaning::Correction | Meaning::Mystery => {}
        }
        if meaning == Meaning::Pays { self.receive_if_paid(id) } else { Ok(()) }
    }

    /// Whether a line paid less than the payment, and nobody has made that good.
    fn is_paid_less(&self, id: PaymentId) -> bool {
        self.breaks.values().filter(|one| !one.closed && one.side == BreakSide::Shortfall).any(
            |one| {
                one.evidence.as_deref().is_some_and(|evidence| {
                    evidence.difference == LineDifference::Amount
                        && evidence.line.payment == Some(id)
                })
            },
        )
    }

    /// The seller is paid what arrived.
    pub fn receive_if_paid(&mut self, id: PaymentId) -> ModelResult {
        let payment = self.payment(id)?;
        let paid = payment.state == S::Approved && payment.file.for_claim > 0;
        if paid && !self.is_paid_less(id) { self.record_funds_received(id) } else { Ok(()) }
    }

    /// The answer came after the file: what the file paid was for this.
    pub fn answered_after_its_line(&mut self, id: PaymentId) -> ModelResult {
        let payment = self.payment(id)?.clone();
        let Some(line) = payment.file.early.clone() else { return Ok(()) };
        let mut completions = self.transactions.iter().filter(|one| {
            one.payment == id
                && one.kind == TransactionKind::Completion
                && one.status == TransactionStatus::Approved
        });
        let own = completions.next_back().map(|one| one.network_reference);
        if let (Some(own), LineReference::Request { sent, .. }) = (own, &line.reference) {
            let key = |one: &NetworkReference| (one.stan, one.sent_at.0 / 1_000);
            if own.as_ref().map(key) != Some(key(sent)) {
                return Ok(());
            }
        }
        let currency = self.parcel(id.parcel)?.currency;
        let (_, owes) = receivable(payment.method, currency);
        let rest = i128::from(payment.file.to_take_back) - i128::from(payment.amount);
        self.about = (Some(id), None);
        let suspense = (A::Suspense, 0, currency);
        let entries = [ChartEntry::BreakExcess, ChartEntry::BreakShortfall];
        self.move_signed(entries, owes, suspense, rest);
        self.break_of_line(&line, LineDifference::Amount, rest, currency)?;
        let file = &mut self.payment_mut(id).file;
        (file.for_claim, file.to_take_back, file.early) = (payment.amount, 0, None);
        self.receive_if_paid(id)
    }

    /// The line of a break, as if it had named this payment. All of it must be explained.
    pub fn applies(
        &self,
        id: BreakId,
        payment: PaymentId,
    ) -> ModelResult<(ClearLine, (i128, i128))> {
        let one = &self.breaks[&id];
        let evidence = one.evidence.as_deref().ok_or(ModelRefusal::Because("not of a line"))?;
        let (rest, whole) = (i128::from(one.amount), evidence.difference == LineDifference::Whole);
        let rest = if one.side == BreakSide::Excess { rest } else { -rest };
        let line = ClearLine { payment: Some(payment), ..evidence.line.clone() };
        let (amount, deducted) = match whole {
            true => (line.amount.minor().into(), line.deducted.minor().into()),
            false => (rest, 0),
        };
        if self.sale_without_parcel(payment).is_none() {
            self.payment(payment)?;
        }
        let read = self.read(line.kind, line.rail, Some(payment), (amount, deducted));
        let untouched = !whole || one.amount == one.whole;
        let all = read.meaning != Meaning::Mystery && read.explained == amount && untouched;
        ensure(all && evidence.difference != LineDifference::Fee, "something is left over")?;
        Ok((line, (amount, deducted)))
    }

    pub fn apply_break(&mut self, id: BreakId, payment: PaymentId) -> ModelResult {
        let (line, amounts) = self.applies(id, payment)?;
        let suspense = (A::Suspense, 0, self.breaks[&id].currency);
        self.book_line(&line, amounts, suspense)
    }
}
