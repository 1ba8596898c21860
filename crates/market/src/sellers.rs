//! Market profiles, admissions of sellers, and what is known of buyers.

use std::collections::VecDeque;

use books::{ParcelId, SellerId};
use borsh::{BorshDeserialize, BorshSerialize};
use machine::{DAY_MS, Timestamp};
use money::Currency;

use crate::command::*;
use crate::event::MarketEvent;
use crate::ids::BuyerToken;
use crate::market::{Change, CurrencyKey, Market, MarketPlan, kind_key};
use crate::refusal::{MarketRefusal, MissingMarketRecord, not_found};

/// What is known of a buyer, under a keyed token.
#[derive(Clone, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) struct Buyer {
    pub token: BuyerToken,
    /// Orders of which something is kept or was delivered.
    pub orders: u32,
    /// Refusals that no appeal removed, oldest first, at most [`REFUSALS_REMEMBERED`].
    pub refusals: VecDeque<(ParcelId, Timestamp)>,
}

/// A seller's admission and the profile with which it acts at a time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SellerTermsNow<'m> {
    pub admission: &'m AdmitSeller,
    pub profile: &'m PublishMarketProfile,
}

/// The number of the next one, and what was done under a used one. Numbers count from 1.
fn next_of<T: PartialEq>(done: &[T], number: u32, one: &T) -> Result<(), books::Refusal> {
    let used = usize::try_from(number).ok().and_then(|number| done.get(number.checked_sub(1)?));
    match used {
        Some(before) if before == one => Err(books::Refusal::Repeated),
        Some(_) => Err(books::Refusal::NumberUsed(number)),
        None => {
            let next = u32::try_from(done.len()).unwrap_or(u32::MAX).saturating_add(1);
            if number == next { Ok(()) } else { Err(books::Refusal::WrongSequenceNumber(next)) }
        }
    }
}

impl Market {
    pub(crate) fn publish_market_profile(
        &self,
        command: &PublishMarketProfile,
        _: Timestamp,
        (): (),
    ) -> Result<MarketPlan, MarketRefusal> {
        let key = (CurrencyKey::from(command.currency), kind_key(command.kind));
        let before = self.profiles.get(&key).map_or(&[][..], |all| all);
        next_of(before, command.version.into(), command)?;
        if before.last().is_some_and(|last| command.from < last.from) {
            return Err(MarketRefusal::VersionOrder);
        }
        if command.return_days > RETURN_DAYS_MAX {
            return Err(MarketRefusal::ReturnDays);
        }
        Ok(Change::Profile(command.clone()).into())
    }

    pub(crate) fn add_profile(&mut self, profile: PublishMarketProfile) {
        let key = (CurrencyKey::from(profile.currency), kind_key(profile.kind));
        self.profiles.entry(key).or_default().push(profile);
    }

    pub(crate) fn admit_seller(
        &self,
        command: &AdmitSeller,
        _: Timestamp,
        (): (),
    ) -> Result<MarketPlan, MarketRefusal> {
        let key = (command.seller, CurrencyKey::from(command.currency));
        let before = self.admissions.get(&key).map_or(&[][..], |all| all);
        next_of(before, command.number, command)?;
        if before.last().is_some_and(|last| command.from < last.from) {
            return Err(MarketRefusal::VersionOrder);
        }
        Ok(Change::Admission(command.clone()).into())
    }

    pub(crate) fn add_admission(&mut self, admission: AdmitSeller) {
        let key = (admission.seller, CurrencyKey::from(admission.currency));
        self.admissions.entry(key).or_default().push(admission);
    }

    /// With what a seller acts at a time.
    pub(crate) fn seller_terms(
        &self,
        seller: SellerId,
        currency: Currency,
        at: Timestamp,
    ) -> Result<SellerTermsNow<'_>, MarketRefusal> {
        let key = CurrencyKey::from(currency);
        let admissions = self.admissions.get(&(seller, key)).map_or(&[][..], |all| all);
        let admission = admissions.iter().rfind(|one| one.from <= at);
        let admission =
            admission.ok_or_else(|| not_found(MissingMarketRecord::Admission(seller)))?;
        let profiles = self.profiles.get(&(key, kind_key(admission.kind)));
        let profile =
            profiles.and_then(|all| all.iter().rfind(|one| one.from <= at && one.version > 0));
        let profile = profile.ok_or_else(|| not_found(MissingMarketRecord::Profile(seller)))?;
        Ok(SellerTermsNow { admission, profile })
    }

    /// Checks that the buyer may pay at the door, by the profile of one of the sellers.
    pub(crate) fn check_refusals(
        &self,
        buyer: BuyerToken,
        profile: &PublishMarketProfile,
        at: Timestamp,
    ) -> Result<(), MarketRefusal> {
        if profile.refusals_max == 0 {
            return Ok(());
        }
        let Some(known) = self.buyer(buyer) else { return Ok(()) };
        let open_ms = u64::from(profile.refusal_days) * DAY_MS;
        let open = known.refusals.iter().filter(|(_, since)| at.0 < since.0 + open_ms).count();
        if open < usize::from(profile.refusals_max) {
            return Ok(());
        }
        Err(MarketRefusal::TooManyRefusals(u32::try_from(open).unwrap_or(u32::MAX)))
    }

    pub(crate) fn accept_appeal(
        &self,
        command: &AcceptAppeal,
        _: Timestamp,
        (): (),
    ) -> Result<MarketPlan, MarketRefusal> {
        let parcel = command.parcel;
        let place = self.place_of_parcel(parcel)?;
        let buyer = self.order(place).buyer;
        let known = self.buyer(buyer);
        if known.is_some_and(|known| known.refusals.iter().any(|(one, _)| *one == parcel)) {
            return Ok(Change::Appeal(buyer, parcel).into());
        }
        Err(not_found(MissingMarketRecord::OpenRefusal(parcel)))
    }

    pub(crate) fn forgive(
        &mut self,
        buyer: BuyerToken,
        parcel: ParcelId,
        out: &mut Vec<MarketEvent>,
    ) {
        let known = self.buyer_mut(buyer);
        known.refusals.retain(|(one, _)| *one != parcel);
        out.push(MarketEvent::AppealAccepted { parcel });
    }

    pub(crate) fn note_refusal(&mut self, buyer: BuyerToken, parcel: ParcelId, at: Timestamp) {
        let known = self.buyer_mut(buyer);
        if known.refusals.len() >= REFUSALS_REMEMBERED {
            known.refusals.pop_front();
        }
        known.refusals.push_back((parcel, at));
    }
}
