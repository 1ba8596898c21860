//! Who had personal data shown, and whose were erased. The data are in the vault.

use money::Amount;

use crate::books::{Books, Now, clamp_to_amount};
use crate::command::{
    DISCLOSED_SUBJECTS_MAX, DataSubject, EraseSubject, PersonalDataKind, RecordDisclosure,
};
use crate::event::{CommandOutcome, Event};
use crate::ids::{ParcelId, SellerId};
use crate::parcel::index::ParcelSlot;
use crate::party::payout_account::PayoutAccountSetting;
use crate::party::persons::check_two_people;
use crate::refusal::{MissingRecord, Refusal};
use crate::used_numbers::content_hash;

impl Books {
    pub(crate) fn record_disclosure(
        &mut self,
        command: &RecordDisclosure,
        _: Now,
        out: &mut CommandOutcome,
    ) -> Result<(), Refusal> {
        let RecordDisclosure { number, subjects, kind, .. } = command;
        if !(1..=DISCLOSED_SUBJECTS_MAX).contains(&subjects.len()) {
            let most = u32::try_from(DISCLOSED_SUBJECTS_MAX).expect("a small limit");
            return Err(Refusal::OutOfRange(most));
        }
        let bytes = borsh::to_vec(command).expect("a vector takes every byte");
        let words = bytes.chunks(8).map(|part| {
            let mut word = [0; 8];
            word[..part.len()].copy_from_slice(part);
            u64::from_le_bytes(word)
        });
        let hash: [u8; 8] = content_hash(words);
        self.reference_data.disclosures.check(*number, |before| *before == hash)?;
        for subject in subjects {
            let is_buyer = matches!(subject, DataSubject::Buyer(_));
            if is_buyer != (*kind == PersonalDataKind::Delivery) {
                return Err(Refusal::OtherPersonalData);
            }
            self.check_known(*subject)?;
        }
        self.reference_data.disclosures.push(hash);
        out.events.push(Event::Registered);
        Ok(())
    }

    pub(crate) fn erase_subject(
        &mut self,
        command: &EraseSubject,
        _: Now,
        out: &mut CommandOutcome,
    ) -> Result<(), Refusal> {
        let EraseSubject { number, subject, ordered_by, proposed_by, approved_by } = *command;
        self.reference_data.erasures.check(number, |before| before == command)?;
        check_two_people(proposed_by, approved_by, &[])?;
        self.check_known(subject)?;
        if ordered_by.is_none() {
            match subject {
                DataSubject::Seller(seller) => self.check_nothing_for_seller(seller)?,
                DataSubject::Buyer(parcel) => self.check_nothing_for_buyer(parcel)?,
            }
        }
        if let DataSubject::Seller(seller) = subject {
            let decided_by = (proposed_by, approved_by);
            for place in self.accounts_of(seller) {
                let accounts = self.reference_data.payout_accounts.get_mut(&place);
                let in_force = accounts.filter(|all| all.latest().is_some_and(|one| !one.erased));
                if let Some(accounts) = in_force {
                    let digest = accounts.latest().expect("looked at before").digest;
                    accounts.push(PayoutAccountSetting { digest, erased: true, decided_by });
                }
            }
        }
        self.reference_data.erasures.push(command.clone());
        out.events.push(Event::Registered);
        Ok(())
    }

    fn check_known(&self, subject: DataSubject) -> Result<(), Refusal> {
        let (known, missing) = match subject {
            DataSubject::Seller(seller) => {
                (self.any_account_of(seller).is_some(), MissingRecord::Seller(seller))
            }
            DataSubject::Buyer(parcel) => {
                (self.parcel_slot(parcel).is_some(), MissingRecord::Parcel(parcel))
            }
        };
        if known { Ok(()) } else { Err(Refusal::NotFound(missing)) }
    }

    /// The numbers of a seller's accounts, one for each currency.
    fn accounts_of(&self, seller: SellerId) -> Vec<u32> {
        let places = (0..self.reference_data.currencies.len()).filter_map(|at| {
            let place = u8::try_from(at).expect("limited by CURRENCIES_MAX");
            self.sellers.number((seller, place))
        });
        places.collect()
    }

    fn check_nothing_for_seller(&self, seller: SellerId) -> Result<(), Refusal> {
        let accounts = self.accounts_of(seller);
        let mut payouts = self.reference_data.payouts.iter();
        let on_its_way =
            payouts.find(|(_, one)| one.arrived.is_none() && accounts.contains(&one.seller));
        if let Some((payout, _)) = on_its_way {
            return Err(Refusal::PayoutOnItsWay(*payout));
        }
        for &account in &accounts {
            let account = self.sellers.get(account);
            let balance = |number| self.ledger.account(number).balance();
            let amount = balance(account.held).max(0) + balance(account.payable).max(0);
            if amount > 0 {
                return Err(Refusal::MoneyForSubject(clamp_to_amount(amount)));
            }
        }
        let open = self.parcels.iter().any(|(_, parcel)| accounts.contains(&parcel.seller));
        if open { Err(Refusal::SellerHasOpenParcels) } else { Ok(()) }
    }

    fn check_nothing_for_buyer(&self, parcel: ParcelId) -> Result<(), Refusal> {
        let Some(ParcelSlot::Closed(newest)) = self.parcel_slot(parcel) else {
            return Err(Refusal::ParcelState);
        };
        let owed = self.payments_from(newest).filter_map(|(_, one)| one.status.unpaid_refunds());
        let owed: i128 = owed.map(|amount: Amount| i128::from(amount.minor())).sum();
        if owed > 0 { Err(Refusal::MoneyForSubject(clamp_to_amount(owed))) } else { Ok(()) }
    }

    /// How many erasures there were.
    #[must_use]
    pub fn erasure_count(&self) -> u32 {
        self.reference_data.erasures.last()
    }

    /// The latest erasures with their numbers, oldest first.
    pub fn latest_erasures(&self) -> impl Iterator<Item = (u32, DataSubject)> {
        let all = &self.reference_data.erasures;
        let remembered = u32::try_from(all.iter().len()).expect("limited");
        (all.last() - remembered + 1..).zip(all.iter().map(|one| one.subject))
    }
}
