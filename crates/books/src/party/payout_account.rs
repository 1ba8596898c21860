//! Which account in the vault a seller is paid to. The books know its digest only.

use borsh::{BorshDeserialize, BorshSerialize};
use money::Currency;

use crate::books::{Books, Now};
use crate::command::{ErasePayoutAccount, SetPayoutAccount};
use crate::event::{CommandOutcome, Event};
use crate::ids::SellerId;
use crate::party::persons::{TwoPeople, check_two_people};
use crate::refusal::{MissingRecord, Refusal};
use crate::sha256::Sha256Digest;
use crate::used_numbers::UsedNumbers;

/// An account under its number, or the end of the one before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) struct PayoutAccountSetting {
    pub digest: Sha256Digest,
    pub erased: bool,
    pub decided_by: TwoPeople,
}

/// The account of a seller's payouts in a currency.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PayoutAccountView {
    pub number: u32,
    pub digest: Sha256Digest,
}

impl Books {
    pub(crate) fn set_payout_account(
        &mut self,
        command: &SetPayoutAccount,
        _: Now,
        out: &mut CommandOutcome,
    ) -> Result<(), Refusal> {
        let SetPayoutAccount { seller, currency, number, digest, proposed_by, approved_by } =
            *command;
        let place = self.seller_number(seller, currency)?;
        let decided_by = (proposed_by, approved_by);
        let setting = PayoutAccountSetting { digest, erased: false, decided_by };
        self.check_payout_account(place, number, setting)?;
        self.use_payout_account(place, setting, out);
        Ok(())
    }

    pub(crate) fn erase_payout_account(
        &mut self,
        command: &ErasePayoutAccount,
        _: Now,
        out: &mut CommandOutcome,
    ) -> Result<(), Refusal> {
        let ErasePayoutAccount { seller, currency, number, digest, proposed_by, approved_by } =
            *command;
        let place = self.seller_number(seller, currency)?;
        let decided_by = (proposed_by, approved_by);
        let setting = PayoutAccountSetting { digest, erased: true, decided_by };
        self.check_payout_account(place, number, setting)?;
        let in_force = self.payout_account(seller, currency);
        if in_force.is_none_or(|account| account.digest != digest) {
            return Err(Refusal::NotFound(MissingRecord::PayoutAccount));
        }
        // Its message may not be written yet.
        let mut payouts = self.reference_data.payouts.iter();
        let on_its_way = payouts.find(|(_, one)| one.seller == place && one.arrived.is_none());
        if let Some((payout, _)) = on_its_way {
            return Err(Refusal::PayoutOnItsWay(*payout));
        }
        self.use_payout_account(place, setting, out);
        Ok(())
    }

    fn check_payout_account(
        &self,
        place: u32,
        number: u32,
        setting: PayoutAccountSetting,
    ) -> Result<(), Refusal> {
        let before = self.reference_data.payout_accounts.get(&place);
        before.unwrap_or(&UsedNumbers::default()).check(number, |before| *before == setting)?;
        let (proposed_by, approved_by) = setting.decided_by;
        check_two_people(proposed_by, approved_by, &[])
    }

    fn use_payout_account(
        &mut self,
        place: u32,
        setting: PayoutAccountSetting,
        out: &mut CommandOutcome,
    ) {
        self.reference_data.payout_accounts.entry(place).or_default().push(setting);
        out.events.push(Event::Registered);
    }

    /// The account that a seller is paid to in a currency. `None` also after it was erased.
    #[must_use]
    pub fn payout_account(
        &self,
        seller: SellerId,
        currency: Currency,
    ) -> Option<PayoutAccountView> {
        let place = self.seller_number(seller, currency).ok()?;
        let accounts = self.reference_data.payout_accounts.get(&place)?;
        let latest = accounts.latest().filter(|latest| !latest.erased)?;
        Some(PayoutAccountView { number: accounts.last(), digest: latest.digest })
    }

    /// The digests of the accounts that a seller was paid to in a currency, and is paid to: as many
    /// as the books remember.
    pub fn payout_account_digests(
        &self,
        seller: SellerId,
        currency: Currency,
    ) -> impl Iterator<Item = Sha256Digest> {
        let place = self.seller_number(seller, currency).ok();
        let accounts = place.and_then(|place| self.reference_data.payout_accounts.get(&place));
        let set = accounts.into_iter().flat_map(UsedNumbers::iter).filter(|one| !one.erased);
        set.map(|one| one.digest)
    }
}
