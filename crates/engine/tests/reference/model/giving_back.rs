//! The model: refunds and chargebacks.

use engine::chart::{AccountKind as A, Entry};
use engine::view::TenderState;
use engine::*;
use money::Amount;

use super::tenders::receivable;
use super::{Account, Answer, How, Model, No, Statement, ensure, next_number};

impl Model {
    pub fn give_back(&mut self, command: &Command) -> Option<Answer> {
        let done = match *command {
            Command::Refund { tender, number, amount } => self.refund(tender, number, amount),
            Command::ConfirmRefund { bank, tender, number, amount } => {
                self.confirm_refund(bank, tender, number, amount)
            }
            Command::ChargeBack { tender, number, amount } => {
                self.charge_back(tender, number, amount)
            }
            _ => return None,
        };
        Some(done)
    }

    pub fn refund(&mut self, id: TenderId, number: u8, amount: Amount) -> Answer {
        let buyers = (A::BuyerRefunds, 0, self.parcel(id.parcel)?.currency);
        self.take_back(Entry::Refunded, id, number, amount, buyers)?;
        self.tender_mut(id).unpaid += amount.minor();
        self.tell(Event::Refunded { tender: id, amount })
    }

    fn charge_back(&mut self, id: TenderId, number: u8, amount: Amount) -> Answer {
        let tender = self.tender(id)?;
        ensure(!matches!(tender.how, How::Cash(_)), "cash is not charged back")?;
        let (_, receivable) = receivable(tender.how, self.parcel(id.parcel)?.currency);
        self.take_back(Entry::ChargedBack, id, number, amount, receivable)?;
        self.tell(Event::ChargedBack { tender: id, amount })
    }

    /// Takes from the seller: first what is still held of this tender, then what is payable.
    fn take_back(
        &mut self,
        entry: Entry,
        id: TenderId,
        number: u8,
        amount: Amount,
        to: Account,
    ) -> Answer {
        ensure(!amount.is_zero(), "nothing given back")?;
        let tender = self.tender(id)?.clone();
        ensure(tender.posted(), "not approved")?;
        next_number(u32::from(number), u32::from(tender.gifts))?;
        ensure(number <= REFUNDS_MAX, "too many refunds")?;
        ensure(amount.minor() <= tender.amount - tender.given_back, "more than was paid")?;
        let released = tender.state == TenderState::Released;
        let from_held = if released { 0 } else { amount.minor().min(tender.share()) };
        let rest = amount.minor() - from_held;
        let seller = self.parcel(id.parcel)?.seller;
        let payable = (A::SellerPayable, seller.0, to.2);
        self.about = (Some(id), Some(tender.tariff));
        self.post(entry, self.held_account(id), to, from_held);
        self.post(entry, payable, to, rest);
        self.note(seller, Statement { given_back: rest, ..Statement::default() });
        let tender = self.tender_mut(id);
        tender.gifts = number;
        tender.given_back += amount.minor();
        tender.from_held += from_held;
        Ok(())
    }

    fn confirm_refund(&mut self, bank: BankId, id: TenderId, number: u8, amount: Amount) -> Answer {
        ensure(!amount.is_zero(), "nothing paid")?;
        let banks = *self.banks.get(&bank).ok_or(No::Because("no such bank account"))?;
        let tender = self.tender(id)?;
        let (unpaid, currency) = (tender.unpaid, self.parcel(id.parcel)?.currency);
        ensure(tender.posted(), "not approved")?;
        next_number(u32::from(number), u32::from(tender.confirmations))?;
        ensure(unpaid > 0, "nothing to be paid")?;
        ensure(!self.refund_is_asked(id), "the network may pay it")?;
        ensure(banks == currency, "another currency")?;
        ensure(amount.minor() == unpaid, "not what is to be paid")?;
        let buyers = (A::BuyerRefunds, 0, currency);
        self.about = (Some(id), None);
        self.post(Entry::RefundPaid, buyers, (A::Bank, bank.0, currency), unpaid);
        let tender = self.tender_mut(id);
        tender.unpaid = 0;
        tender.confirmations = number;
        self.tell(Event::RefundPaid { tender: id, amount })
    }
}
