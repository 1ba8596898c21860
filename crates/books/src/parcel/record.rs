//! Records of open parcels. There are millions of them, so each has few bytes.

use borsh::{BorshDeserialize, BorshSerialize};
use money::Amount;

use crate::ids::ParcelId;

/// Ends a parcel's list of payments.
pub(crate) const NO_PAYMENT: u32 = u32::MAX;

/// Status of a parcel that is not closed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) enum OpenParcelStatus {
    #[default]
    Announced,
    Assigned,
    Out,
    Refused,
}

/// A parcel that is not closed. 48 bytes.
#[derive(Clone, Debug, BorshSerialize, BorshDeserialize)]
pub(crate) struct Parcel {
    pub id: ParcelId,
    pub due: Amount,
    pub seller: u32,
    /// Announced: unused. Assigned: the firm. Out: the courier. Refused: the last holder.
    pub carrier: u32,
    /// The newest payment.
    pub last_payment: u32,
    pub status: OpenParcelStatus,
    pub attempts: u8,
    pub payment_count: u8,
    pub part_accepted: bool,
    /// Payments that are begun, authorised or being completed.
    pub in_flight: u8,
}

const _: () = assert!(size_of::<Parcel>() == 48, "there are millions of these");
