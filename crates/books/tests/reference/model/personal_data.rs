//! The model: whose personal data were shown, and whose were erased.

use books::chart::AccountKind as A;
use books::*;

use super::{Model, ModelResult, Numbered, PayoutState, SellerAccount, are_different, ensure};

impl Model {
    pub fn apply_personal_data_command(&mut self, command: &Command) -> Option<ModelResult> {
        let done = match command {
            Command::RecordDisclosure(one) => self.record_disclosure(one, command),
            Command::EraseSubject(one) => self.erase_subject(one, command),
            Command::RetryNotices(one) => match one.owner {
                NoticeOwner::Seller(seller) => {
                    ensure(self.is_data_subject(DataSubject::Seller(seller)), "nobody's notices")
                }
                NoticeOwner::Buyer(parcel) => {
                    ensure(self.is_data_subject(DataSubject::Buyer(parcel)), "nobody's notices")
                }
                _ => Ok(()),
            },
            _ => return None,
        };
        Some(done.and_then(|()| self.push_event(Event::Registered)))
    }

    fn record_disclosure(&mut self, one: &RecordDisclosure, command: &Command) -> ModelResult {
        ensure(!one.subjects.is_empty() && one.subjects.len() <= 10_000, "nobody, or too many")?;
        self.next_number(Numbered::Disclosures, one.number, command)?;
        for subject in &one.subjects {
            let fits = match subject {
                DataSubject::Seller(_) => one.kind != PersonalDataKind::Delivery,
                DataSubject::Buyer(_) => one.kind == PersonalDataKind::Delivery,
            };
            ensure(fits, "another kind of data")?;
            ensure(self.is_data_subject(*subject), "nobody's data")?;
        }
        self.use_number(Numbered::Disclosures, command);
        Ok(())
    }

    fn erase_subject(&mut self, one: &EraseSubject, command: &Command) -> ModelResult {
        let EraseSubject { number, subject, ordered_by, proposed_by, approved_by } = *one;
        self.next_number(Numbered::Erasures, number, command)?;
        are_different(&[proposed_by, approved_by])?;
        ensure(self.is_data_subject(subject), "nobody's data")?;
        match subject {
            DataSubject::Seller(seller) => {
                let accounts = self.accounts_of_seller(seller);
                let free = accounts.iter().all(|account| self.needs_nothing(*account));
                ensure(free || ordered_by.is_some(), "the seller gets money")?;
                for account in accounts {
                    let Some((number, digest)) = self.payout_account(account) else { continue };
                    let (seller, currency) = account;
                    let ended = Command::ErasePayoutAccount(ErasePayoutAccount {
                        seller,
                        currency,
                        number: number + 1,
                        digest,
                        proposed_by,
                        approved_by,
                    });
                    self.use_number(Numbered::PayoutAccounts(account), &ended);
                }
            }
            DataSubject::Buyer(id) => {
                let parcel = &self.parcels[&id];
                let unpaid = parcel.payments.values().any(|one| one.unpaid > 0);
                let free = parcel.closed_on.is_some() && !unpaid;
                ensure(free || ordered_by.is_some(), "the buyer gets the parcel or money")?;
            }
        }
        self.use_number(Numbered::Erasures, command);
        Ok(())
    }

    fn is_data_subject(&self, subject: DataSubject) -> bool {
        match subject {
            DataSubject::Seller(seller) => !self.accounts_of_seller(seller).is_empty(),
            DataSubject::Buyer(parcel) => self.parcels.contains_key(&parcel),
        }
    }

    fn accounts_of_seller(&self, seller: SellerId) -> Vec<SellerAccount> {
        self.sellers.keys().filter(|(id, _)| *id == seller).copied().collect()
    }

    fn needs_nothing(&self, (seller, currency): SellerAccount) -> bool {
        let has = |kind| self.balance((kind, seller.0, currency)) > 0;
        let parcel = self
            .parcels
            .values()
            .any(|one| (one.seller, one.currency) == (seller, currency) && one.closed_on.is_none());
        let payout = self.payouts.values().any(|(line, state)| {
            (line.seller, line.currency) == (seller, currency)
                && matches!(state, PayoutState::Sent(_))
        });
        !has(A::SellerHeld) && !has(A::SellerPayable) && !parcel && !payout
    }
}
