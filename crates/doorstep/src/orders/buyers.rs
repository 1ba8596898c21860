//! The buyers of an import: sealed in the vault before their parcels are announced.

use std::fmt::Display;

use books::view::ParcelState;
use books::{AnnounceParcel, ParcelId};
use files::orders::OrderParcel;
use vault::{DeliveryCounts, DeliveryToSeal, Vault, VaultError, delivery_bytes};
use zeroize::Zeroizing;

use super::refusals::LastShipment;
use crate::texts::filled;
use crate::words::{Lang, grouped};

/// Who gets a parcel that is not closed.
pub struct Delivery {
    parcel: ParcelId,
    /// The parcel has never been out.
    may_replace: bool,
    plain: Zeroizing<Vec<u8>>,
}

/// The deliveries of the parcels that are announced, or open already.
pub fn deliveries(
    parcels: &[OrderParcel],
    announcements: &[AnnounceParcel],
    last: &[LastShipment],
) -> Vec<Delivery> {
    let one = |((parcel, announcement), last): ((&OrderParcel, &AnnounceParcel), &LastShipment)| {
        let buyer = parcel.buyer.as_ref()?;
        let known = last.as_ref().filter(|(number, _)| *number == announcement.shipment);
        let may_replace = match known.map(|(_, view)| (view.state, view.attempts)) {
            None | Some((ParcelState::Announced | ParcelState::Assigned, 0)) => true,
            Some((
                ParcelState::Announced
                | ParcelState::Assigned
                | ParcelState::Out
                | ParcelState::Refused,
                _,
            )) => false,
            Some(_) => return None,
        };
        let plain = delivery_bytes(buyer);
        Some(Delivery { parcel: announcement.parcel, may_replace, plain })
    };
    parcels.iter().zip(announcements).zip(last).filter_map(one).collect()
}

/// `None` if there are none.
pub fn seal(
    vault: &mut Vault,
    deliveries: &[Delivery],
) -> Result<Option<DeliveryCounts>, VaultError> {
    if deliveries.is_empty() {
        return Ok(None);
    }
    let all = deliveries.iter().map(|Delivery { parcel, may_replace, plain }| DeliveryToSeal {
        parcel: *parcel,
        may_replace: *may_replace,
        plain,
    });
    vault.seal_deliveries(all).map(Some)
}

pub fn counts_text(counts: &DeliveryCounts, lang: Lang) -> String {
    let DeliveryCounts { sealed, unchanged, replaced, kept, erased } = *counts;
    let counts = [sealed, unchanged, replaced, kept, erased];
    let [sealed, unchanged, replaced, kept, erased] =
        counts.map(|count| grouped(&count.to_string()));
    let values: [(&str, &dyn Display); 5] = [
        ("sealed", &sealed),
        ("unchanged", &unchanged),
        ("replaced", &replaced),
        ("kept", &kept),
        ("erased", &erased),
    ];
    filled(lang, "buyers.counts", &values)
}
