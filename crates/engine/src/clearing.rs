//! Money that is really there (M5): cleared by a network or wallet, or confirmed cash; then on
//! hold, then the seller's.

use money::Amount;
use tariff::BusinessDate;

use crate::chart::Entry;
use crate::command::{BreakSide, BreakSubject, Command, HoldRule};
use crate::engine::{Engine, above_zero, within_items};
use crate::event::{Event, Outcome};
use crate::ids::{BankId, PersonId, TenderId};
use crate::index::Place;
use crate::records::{Due, Means, Progress, RailId};
use crate::refusal::{Missing, Refusal};

impl Engine {
    pub(crate) fn clear(
        &mut self,
        command: &Command,
        today: BusinessDate,
        out: &mut Outcome,
    ) -> Result<(), Refusal> {
        match command {
            Command::ConfirmClearing { bank, tender, amount, kept_back } => {
                self.confirm_clearing(*bank, *tender, (*amount, *kept_back), today, out)
            }
            Command::ReleaseDue { date, limit } => self.release_due(*date, *limit, today, out),
            _ => unreachable!("only clearing and releasing are dispatched here"),
        }
    }

    fn confirm_clearing(
        &mut self,
        bank: BankId,
        id: TenderId,
        (amount, kept_back): (Amount, Amount),
        today: BusinessDate,
        out: &mut Outcome,
    ) -> Result<(), Refusal> {
        above_zero(amount)?;
        let bank = self.banks.find(bank).ok_or(Refusal::NotFound(Missing::Bank(bank)))?;
        let (slot, _) = self.find_tender(id)?;
        let item = self.item(slot);
        if item.means == Means::Cash {
            return Err(Refusal::TenderState);
        }
        let cleared = match item.progress {
            Progress::Approved { .. } => false,
            Progress::Held { .. } | Progress::Released { .. } => true,
            _ => return Err(Refusal::TenderState),
        };
        if amount != item.amount {
            return Err(Refusal::AmountMismatch(item.amount));
        }
        if cleared {
            return Err(Refusal::Repeated);
        }
        let received = amount.checked_sub(kept_back).ok_or(Refusal::AmountTooLarge(amount))?;
        let rail = self.rails.get(u32::from(item.rail));
        self.same_currency(bank.currency, rail.currency)?;
        let (bank, receivable, currency, rail) =
            (bank.account, rail.receivable, rail.currency, rail.id);
        let expected = item.kept_by_network;
        let accounts = self.currency_accounts(currency);
        let (cost, suspense) = (accounts.clearing_cost, accounts.suspense);
        let tariff = self.tariff_version(item.version);
        let agreed = expected.min(kept_back);
        let too_much = kept_back.saturating_sub(expected);
        let too_little = expected.saturating_sub(kept_back);

        self.books.begin(Some(id), Some(tariff));
        self.books.post(Entry::Cleared, bank, receivable, received);
        self.books.post(Entry::KeptBack, cost, receivable, agreed);
        self.books.post(Entry::KeptBackTooMuch, suspense, receivable, too_much);
        // The seller was charged the tariff's cost; what the network did not take is unexplained.
        self.books.post(Entry::KeptBackTooLittle, cost, suspense, too_little);
        self.books.commit(out).map_err(|_| Refusal::Overflow)?;
        let subject = match rail {
            RailId::Network(network) => BreakSubject::Network(network),
            RailId::Wallet(wallet) => BreakSubject::Wallet(wallet),
        };
        let owner = PersonId(0);
        for (side, difference) in
            [(BreakSide::Shortfall, too_much), (BreakSide::Excess, too_little)]
        {
            if !difference.is_zero() {
                self.own_break((subject, side), difference, currency, (owner, today), out);
            }
        }
        self.money_is_there(slot, today, out);
        Ok(())
    }

    /// The money of a tender is really there: it is on hold by the rule of the seller's
    /// jurisdiction, or the seller's at once.
    pub(crate) fn money_is_there(&mut self, slot: u32, today: BusinessDate, out: &mut Outcome) {
        let item = self.item(slot);
        let Progress::Approved { unpaid } = item.progress else {
            panic!("M5: only money that was approved can be there");
        };
        let jurisdiction = self.sellers.get(item.seller).jurisdiction;
        let rule = self.small.hold_rules.get(&jurisdiction);
        let rule = rule.expect("a seller's jurisdiction has a hold rule");
        let after_delivery = match *rule {
            HoldRule::DaysAfterDelivery(days) => Some(days),
            HoldRule::AtOnce | HoldRule::DaysAfterHeld(_) => None,
        };
        let payable_on = match *rule {
            HoldRule::AtOnce => today,
            HoldRule::DaysAfterHeld(days) => today.plus(days),
            HoldRule::DaysAfterDelivery(days) => match self.place(item.parcel) {
                Some(Place::Open(_)) => today.plus(days.max(1)),
                _ => today.max(item.date.plus(days)),
            },
        };
        out.events.push(Event::Held { tender: item.tender(), payable_on });
        self.item_mut(slot).progress = Progress::Held { unpaid };
        if payable_on <= today {
            self.release(slot, out);
        } else {
            let due = Due { slot, after_delivery };
            self.small.due.entry(payable_on).or_default().push_back(due);
        }
    }

    /// The seller's share of a tender becomes the seller's.
    fn release(&mut self, slot: u32, out: &mut Outcome) {
        let item = self.item(slot);
        let Progress::Held { unpaid } = item.progress else {
            panic!("M5: money is released when it is there, not before");
        };
        let share = item.held_share();
        let from_held = item.amount.saturating_sub(item.fees).saturating_sub(share);
        let (tender, seller_number) = (item.tender(), item.seller);
        let (gross, fees) = (item.amount, item.fees);
        let tariff = self.tariff_version(item.version);
        let seller = self.sellers.get(seller_number);
        let (id, held, payable) = (seller.id, seller.held, seller.payable);
        self.books.begin(Some(tender), Some(tariff));
        self.books.post(Entry::Released, held, payable, share);
        self.books.commit_certain(out, "a share that is held can be released");
        let statement = &mut self.sellers.get_mut(seller_number).statement;
        statement.gross += u128::from(gross.minor());
        statement.fees += u128::from(fees.minor());
        statement.given_back += u128::from(from_held.minor());
        self.item_mut(slot).progress = Progress::Released { unpaid };
        out.events.push(Event::Released { tender, seller: id, gross, fees, given_back: from_held });
    }

    fn release_due(
        &mut self,
        date: BusinessDate,
        limit: u32,
        today: BusinessDate,
        out: &mut Outcome,
    ) -> Result<(), Refusal> {
        if date > today {
            return Err(Refusal::BadDate(date));
        }
        within_items(limit)?;
        for _ in 0..limit {
            let Some(mut first) = self.small.due.first_entry() else { break };
            if *first.key() > date {
                break;
            }
            let due = first.get_mut().pop_front().expect("a date without items is removed");
            if first.get().is_empty() {
                first.remove();
            }
            match self.still_waits(due, today) {
                Some(later) => self.small.due.entry(later).or_default().push_back(due),
                None => self.release(due.slot, out),
            }
        }
        Ok(())
    }

    /// Until when money that is due has to wait all the same: its hold counts from the delivery,
    /// and the parcel was not handed out when the money came, or is not even now.
    fn still_waits(&self, due: Due, today: BusinessDate) -> Option<BusinessDate> {
        let days = due.after_delivery?;
        let item = self.item(due.slot);
        let until = match self.place(item.parcel) {
            Some(Place::Open(_)) => today.plus(days.max(1)),
            _ => item.date.plus(days),
        };
        (until > today).then_some(until)
    }
}
