//! The model: what follows a chargeback.

use std::collections::{BTreeMap, BTreeSet};

use books::chart::{AccountKind as A, ChartEntry};
use books::view::{ParcelState, PaymentState};
use books::*;
use money::{Amount, Currency};

use super::parties::check_reference;
use super::payments::receivable;
use super::{
    Account, Model, ModelRefusal, ModelResult, Numbered, Parcel, PayoutState, Statement,
    are_different, ensure,
};

#[derive(Clone, Debug)]
pub struct Chargeback {
    pub amount: u64,
    /// Whether the buyer had the parcel by then, and has had it since.
    pub buyer_has_parcel: bool,
    pub contested_by: Option<Command>,
    pub won: Option<bool>,
    /// The two persons who said that it is won, and those who said that this was a mistake.
    pub won_by: Option<[PersonId; 2]>,
    pub taken_back_by: Option<[PersonId; 2]>,
    /// The place of the win among the entries of the seller.
    pub won_entry: Option<usize>,
    pub fee: u64,
}

impl Chargeback {
    pub fn contester(&self) -> Option<PersonId> {
        match &self.contested_by {
            Some(Command::ContestChargeback(contest)) => Some(contest.contested_by),
            _ => None,
        }
    }
}

/// All chargebacks of known payments, by their numbers, and the settings of their fees.
#[derive(Clone, Debug, Default)]
pub struct Chargebacks {
    pub all: BTreeMap<(PaymentId, u8), Chargeback>,
    pub fees: BTreeMap<Currency, Vec<SetChargebackFee>>,
}

impl Model {
    pub fn apply_chargeback_command(&mut self, command: &Command) -> Option<ModelResult> {
        let done = match *command {
            Command::ContestChargeback(ref contest) => self.contest(contest, command),
            Command::WinChargeback(WinChargeback { payment, number }) => {
                self.end_chargeback(payment, number, true, command)
            }
            Command::WinChargebackByTwoPersons(WinChargebackByTwoPersons {
                payment,
                number,
                proposed_by,
                approved_by,
            }) => self.win_by_two(payment, number, [proposed_by, approved_by], command),
            Command::TakeBackWonChargeback(TakeBackWonChargeback {
                payment,
                number,
                proposed_by,
                approved_by,
            }) => self.take_back_won(payment, number, [proposed_by, approved_by]),
            Command::LoseChargeback(LoseChargeback { payment, number }) => {
                self.end_chargeback(payment, number, false, command)
            }
            Command::ChargebackFee(ChargebackFee { payment, number, amount }) => {
                self.announce_chargeback_fee(payment, number, amount)
            }
            Command::SetChargebackFee(ref setting) => self.set_chargeback_fee(setting),
            _ => return None,
        };
        Some(done)
    }

    /// Remembers a chargeback that was just taken from the seller.
    pub fn note_chargeback(&mut self, id: PaymentId, amount: u64) {
        let number = u8::try_from(self.count_of(Numbered::Refunds(id))).unwrap();
        let buyer_has_parcel = self.parcels[&id.parcel].state == ParcelState::Delivered;
        let new = Chargeback {
            amount,
            buyer_has_parcel,
            contested_by: None,
            won: None,
            won_by: None,
            taken_back_by: None,
            won_entry: None,
            fee: 0,
        };
        self.chargebacks.all.insert((id, number), new);
        self.payment_mut(id).charged_back += u128::from(amount);
    }

    /// A parcel is out again: what was taken back for it is due again.
    pub fn parcel_came_back(&mut self, parcel: ParcelId) {
        let own = self.chargebacks.all.iter_mut().filter(|((id, _), _)| id.parcel == parcel);
        own.for_each(|(_, one)| one.buyer_has_parcel = false);
    }

    pub fn has_open_contest(&self, parcel: ParcelId) -> bool {
        let open = |one: &Chargeback| one.contested_by.is_some() && one.won.is_none();
        self.chargebacks.all.iter().any(|((id, _), one)| id.parcel == parcel && open(one))
    }

    fn known_chargeback(&self, id: PaymentId, number: u8) -> ModelResult<Chargeback> {
        let known = self.chargebacks.all.get(&(id, number)).cloned();
        known.ok_or(ModelRefusal::Because("no such chargeback"))
    }

    fn contest(&mut self, contest: &ContestChargeback, command: &Command) -> ModelResult {
        let (payment, number) = (contest.payment, contest.number);
        let known = self.known_chargeback(payment, number)?;
        check_reference(&contest.evidence)?;
        if let Some(before) = &known.contested_by {
            return self.only_repeats(before == command);
        }
        ensure(known.won.is_none(), "it has ended")?;
        ensure(contest.answer_by >= self.today, "the day is past")?;
        let known = self.chargebacks.all.get_mut(&(payment, number)).expect("found before");
        known.contested_by = Some(command.clone());
        self.push_event(Event::ChargebackContested { payment, number })
    }

    fn end_chargeback(
        &mut self,
        payment: PaymentId,
        number: u8,
        won: bool,
        command: &Command,
    ) -> ModelResult {
        let known = self.known_chargeback(payment, number)?;
        if let Some(before) = known.won {
            return self.only_repeats(before == won);
        }
        if won {
            return self.win(payment, number, command);
        }
        self.chargebacks.all.get_mut(&(payment, number)).expect("found before").won = Some(false);
        self.push_event(Event::ChargebackLost { payment, number })
    }

    fn win_by_two(
        &mut self,
        payment: PaymentId,
        number: u8,
        by: [PersonId; 2],
        command: &Command,
    ) -> ModelResult {
        are_different(&by)?;
        let known = self.known_chargeback(payment, number)?;
        if known.won == Some(true) {
            return self.only_repeats(known.won_by.is_none_or(|before| before == by));
        }
        ensure(known.won.is_none(), "it is lost")?;
        ensure(known.contester() != Some(by[1]), "the second person contested it")?;
        self.win(payment, number, command)?;
        let known = self.chargebacks.all.get_mut(&(payment, number)).expect("found before");
        known.won_by = Some(by);
        Ok(())
    }

    /// The rail owes the amount no more, and the seller does not have it, as if nobody had said
    /// that the chargeback is won. Only a file of the rail knows better from now on.
    fn take_back_won(&mut self, id: PaymentId, number: u8, by: [PersonId; 2]) -> ModelResult {
        are_different(&by)?;
        let known = self.known_chargeback(id, number)?;
        if let Some(before) = known.taken_back_by {
            return self.only_repeats(before == by);
        }
        ensure(known.won == Some(true), "it is not won")?;
        let before = [known.contester(), known.won_by.map(|[first, _]| first)];
        ensure(!before.contains(&Some(by[1])), "the second person had a part in it")?;
        let (payment, parcel) = (self.payment(id)?.clone(), self.parcel(id.parcel)?.clone());
        ensure(payment.is_posted(), "not approved")?;
        ensure(payment.rejected.is_none(), "the buyer never paid it")?;
        ensure(!self.is_unanswered_sale(id), "the network may reject it")?;
        let amount = known.amount;
        let to_be_paid = payment.won_back - payment.file.paid_back;
        ensure(u128::from(amount) <= to_be_paid, "a file has paid it")?;
        ensure(amount <= payment.standing(), "some of it was refunded")?;
        let (_, owes) = receivable(payment.method, parcel.currency);
        self.move_from_seller(ChartEntry::ChargedBack, id, amount, owes)?;
        self.forget_unpaid_win(&parcel, known.won_entry);
        let payment = self.payment_mut(id);
        payment.won_back -= u128::from(amount);
        // It is charged back now, after what was refunded since.
        let is_this = |(entry, of, _): &(ChartEntry, u32, u64)| {
            (*entry, *of) == (ChartEntry::ChargedBack, u32::from(number))
        };
        let place = payment.taken_back.iter().position(is_this).expect("it was charged back");
        let again = payment.taken_back.remove(place);
        payment.taken_back.push(again);
        let known = self.chargebacks.all.get_mut(&(id, number)).expect("found before");
        (known.won, known.taken_back_by) = (Some(false), Some(by));
        known.buyer_has_parcel = parcel.state == ParcelState::Delivered;
        self.push_event(Event::ChargedBack { payment: id, amount: Amount::of(amount) })?;
        self.push_event(Event::ChargebackLost { payment: id, number })?;
        self.end_wait_for_delivery(id)
    }

    /// A win that nobody paid out, and the entry that takes it back, were never there: what the
    /// second has less than the first stays a win.
    fn forget_unpaid_win(&mut self, parcel: &Parcel, won: Option<usize>) {
        let Some(won) = won else { return };
        let holds_win = |(id, entries): (&PayoutId, &BTreeSet<usize>)| {
            let stands = self.payouts[id].1 != PayoutState::Dropped;
            stands && self.is_paid_to(*id, parcel.account()) && entries.contains(&won)
        };
        if self.paid_entries.iter().any(holds_win) {
            return;
        }
        let seller = self.sellers.get_mut(&parcel.account()).expect("the parcel has a seller");
        let back = seller.statement.pop().expect("it was just taken back");
        let both = back.refunded.min(seller.statement[won].gross);
        let win = &mut seller.statement[won];
        (win.gross, win.parts) = (win.gross - both, vec![("chargeback_won", win.gross - both)]);
        let refunded = back.refunded - both;
        let parts = vec![("charged_back", refunded)];
        seller.statement.push(Statement { refunded, parts, ..Statement::default() });
    }

    /// The rail owes the amount again. The seller gets it, or the buyer whom nobody asks for it.
    pub fn win(&mut self, id: PaymentId, number: u8, command: &Command) -> ModelResult {
        let Chargeback { amount, buyer_has_parcel, .. } = self.known_chargeback(id, number)?;
        let (parcel, payment) = (self.parcel(id.parcel)?.clone(), self.payment(id)?.clone());
        let kept = match parcel.state {
            ParcelState::Delivered if buyer_has_parcel => amount,
            ParcelState::Out => amount.min(parcel.left()),
            _ => 0,
        };
        let (_, owes) = receivable(payment.method, parcel.currency);
        let account = parcel.account();
        let (held, payable) = (self.held_account(id), (A::SellerPayable, account.0.0, account.1));
        let released = payment.state == PaymentState::Released;
        let undelivered = parcel.state != ParcelState::Delivered;
        let waits_again = released && undelivered && kept > 0 && payment.standing() == 0;
        let share = payment.amount - payment.excess - payment.fee_total();
        let still_taken = payment.refunded - payment.excess - amount;
        // What a chargeback took from held money is held again. The rest was payable.
        let to_held = match (released, waits_again) {
            (true, false) => 0,
            (_, true) => share.saturating_sub(still_taken),
            (false, _) => {
                let from_payable = payment.refunded - payment.excess - payment.from_held;
                amount.saturating_sub(from_payable)
            }
        };
        self.about = (Some(id), Some(payment.charge.tariff));
        self.post(ChartEntry::ChargebackWon, owes, held, to_held);
        self.post(ChartEntry::ChargebackWon, owes, payable, amount - to_held);
        let gross = amount - to_held;
        let parts = vec![("chargeback_won", gross)];
        self.add_statement_line(account, Statement { gross, parts, ..Statement::default() });
        let won_entry = Some(self.sellers[&account].statement.len() - 1);
        let rule = self.hold_rule(self.sellers[&account].jurisdiction);
        let (rule, today) = (rule.expect("a seller's jurisdiction has one"), self.today);
        let now = self.payment_mut(id);
        now.refunded -= amount;
        now.won_back += u128::from(amount);
        if waits_again {
            now.state = PaymentState::Held;
            now.hold = Some((rule, today));
            now.from_held = share - to_held;
        } else {
            now.from_held -= to_held;
        }
        let known = self.chargebacks.all.get_mut(&(id, number)).expect("found before");
        (known.won, known.won_entry) = (Some(true), won_entry);
        let money = Amount::of(amount);
        self.push_event(Event::ChargebackWon { payment: id, number, amount: money })?;
        if kept < amount {
            let buyers = (A::BuyerRefunds, 0, parcel.currency);
            let rest = amount - kept;
            self.take_from_seller(ChartEntry::Refunded, id, rest, buyers, command)?;
            self.payment_mut(id).unpaid += rest;
            self.push_event(Event::Refunded { payment: id, amount: Amount::of(rest) })?;
        }
        if kept > 0 && undelivered { self.deliver_if_paid(id.parcel) } else { Ok(()) }
    }

    pub fn most_for_chargeback(&self, id: PaymentId) -> (u64, ChargebackFeeBearer) {
        let setting = self.chargebacks.fees.get(&self.parcels[&id.parcel].currency);
        let last = setting.and_then(|all| all.last());
        last.map_or((0, ChargebackFeeBearer::Doorstep), |one| (one.most.minor(), one.borne_by))
    }

    fn announce_chargeback_fee(
        &mut self,
        id: PaymentId,
        number: u8,
        amount: Amount,
    ) -> ModelResult {
        ensure(!amount.is_zero(), "no fee")?;
        let known = self.known_chargeback(id, number)?;
        if known.fee > 0 {
            return self.only_repeats(known.fee == amount.minor());
        }
        ensure(amount.minor() <= self.most_for_chargeback(id).0, "too much")?;
        let (_, owes) = receivable(self.payment(id)?.method, self.parcel(id.parcel)?.currency);
        self.book_chargeback_fee(id, number, amount.minor(), owes)
    }

    /// The rail owes so much less, and the seller or Doorstep pays it.
    pub fn book_chargeback_fee(
        &mut self,
        id: PaymentId,
        number: u8,
        fee: u64,
        owes: Account,
    ) -> ModelResult {
        let (account, cost) = (self.parcel(id.parcel)?.account(), (A::ClearingCost, 0, owes.2));
        self.about = (Some(id), Some(self.payment(id)?.charge.tariff));
        self.post(ChartEntry::ClearingFeeDeducted, cost, owes, fee);
        let borne_by = self.most_for_chargeback(id).1;
        if borne_by == ChargebackFeeBearer::Seller {
            let payable = (A::SellerPayable, account.0.0, account.1);
            self.post(ChartEntry::ChargebackFeePassedOn, payable, cost, fee);
            self.add_statement_line(account, Statement { fees: fee, ..Statement::default() });
        }
        self.chargebacks.all.get_mut(&(id, number)).expect("it is known").fee = fee;
        let (payment, amount) = (id, Amount::of(fee));
        self.push_event(Event::ChargebackFeeBooked { payment, number, amount, borne_by })
    }

    fn set_chargeback_fee(&mut self, setting: &SetChargebackFee) -> ModelResult {
        self.has_accounts(setting.currency)?;
        let all = self.chargebacks.fees.entry(setting.currency).or_default();
        let (number, done) = (usize::try_from(setting.number).unwrap(), all.len());
        if number == done && done > 0 {
            let same = all[done - 1] == *setting;
            return self.only_repeats(same);
        }
        ensure(number == done + 1, "not the next number")?;
        are_different(&[setting.proposed_by, setting.approved_by])?;
        all.push(setting.clone());
        self.push_event(Event::Registered)
    }

    /// The chargebacks of a payment, oldest first.
    pub fn chargebacks_of(&self, id: PaymentId) -> Vec<(u8, Chargeback)> {
        let own = self.chargebacks.all.iter().filter(|((of, _), _)| *of == id);
        own.map(|((_, number), one)| (*number, one.clone())).collect()
    }

    /// Fees of a payment's chargebacks that its rail has not taken yet.
    pub fn announced_chargeback_fees(&self, id: PaymentId) -> u64 {
        let booked: u64 = self.chargebacks_of(id).iter().map(|(_, one)| one.fee).sum();
        booked - self.payment(id).expect("it is known").file.chargeback_fees
    }
}
