//! The number that a command must have next.

use crate::command::MarketCommand as C;
use crate::market::{CurrencyKey, Market, kind_key};

impl Market {
    /// The number, or the version, that comes next for what a command is about. `None` if its
    /// commands have no number, or if the market does not know what it is about.
    #[must_use]
    pub fn next_number(&self, command: &C) -> Option<u64> {
        let offer = |id| Some(self.offer(self.offer_place(id).ok()?).changes.last());
        let variant = |id| Some(self.variant(self.variant_place(id).ok()?));
        let count = |length: usize| u32::try_from(length).ok();
        let last = match command {
            C::PublishMarketProfile(one) => {
                let key = (CurrencyKey::from(one.currency), kind_key(one.kind));
                count(self.profiles.get(&key).map_or(0, Vec::len))?
            }
            C::AdmitSeller(one) => {
                let key = (one.seller, CurrencyKey::from(one.currency));
                count(self.admissions.get(&key).map_or(0, Vec::len))?
            }
            C::ReviseOffer(one) => offer(one.offer)?,
            C::SetOfferState(one) => offer(one.offer)?,
            C::SetPrice(one) => variant(one.variant)?.price_number,
            C::AdjustStock(one) => variant(one.variant)?.adjustments.last(),
            C::PublishPromotion(one) => {
                count(self.promotions.get(&one.promotion).map_or(0, |known| known.versions.len()))?
            }
            C::IssueCoupons(one) => self.promotion(one.promotion).ok()?.issues.last(),
            C::AllotFlashStock(one) => self.promotion(one.promotion).ok()?.allotments.last(),
            C::DraftOffer(_)
            | C::AddVariant(_)
            | C::EndPromotion(_)
            | C::ReserveUnits(_)
            | C::CancelReservation(_)
            | C::EndReservations(_)
            | C::Checkout(_)
            | C::CancelOrder(_)
            | C::AcceptUnits(_)
            | C::ReceiveUnits(_)
            | C::ReturnUnits(_)
            | C::AcceptAppeal(_) => return None,
        };
        Some(u64::from(last) + 1)
    }
}
