//! Which account in the vault a seller is paid to. The books know its digest only.

use borsh::{BorshDeserialize, BorshSerialize};
use money::Currency;

use crate::books::{Books, Now};
use crate::command::SetPayoutAccount;
use crate::event::{CommandOutcome, Event};
use crate::ids::SellerId;
use crate::party::persons::{TwoPeople, check_two_people};
use crate::refusal::Refusal;
use crate::sha256::Sha256Digest;
use crate::used_numbers::UsedNumbers;

/// An account under its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) struct PayoutAccountSetting {
    pub digest: Sha256Digest,
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
        let setting = PayoutAccountSetting { digest, decided_by: (proposed_by, approved_by) };
        let before = self.reference_data.payout_accounts.get(&place);
        before.unwrap_or(&UsedNumbers::default()).check(number, |before| *before == setting)?;
        check_two_people(proposed_by, approved_by, &[])?;
        self.reference_data.payout_accounts.entry(place).or_default().push(setting);
        out.events.push(Event::Registered);
        Ok(())
    }

    /// The account that a seller is paid to in a currency.
    #[must_use]
    pub fn payout_account(
        &self,
        seller: SellerId,
        currency: Currency,
    ) -> Option<PayoutAccountView> {
        let place = self.seller_number(seller, currency).ok()?;
        let accounts = self.reference_data.payout_accounts.get(&place)?;
        let (number, latest) = (accounts.last(), accounts.latest()?);
        Some(PayoutAccountView { number, digest: latest.digest })
    }
}
