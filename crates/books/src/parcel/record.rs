//! Records of open parcels. There are millions of them, so each has few bytes.

use borsh::{BorshDeserialize, BorshSerialize};
use money::Amount;

use crate::command::{ATTEMPTS_MAX, AttemptReason, RefuseReason};
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
    Refused(RefuseReason),
}

/// A parcel that is not closed. 48 bytes.
#[derive(Clone, Debug, BorshSerialize, BorshDeserialize)]
pub(crate) struct Parcel {
    pub id: ParcelId,
    pub due: Amount,
    pub seller: u32,
    /// Announced: unused. Assigned: the firm. Out: the courier. Refused: the firm that had it last.
    pub carrier: u32,
    /// The newest payment.
    pub last_payment: u32,
    pub status: OpenParcelStatus,
    pub payment_count: u8,
    /// Payments that are begun, authorised or being completed.
    pub in_flight: u8,
    /// How often it was given to a firm.
    pub assignments: u8,
    pub history: ParcelHistory,
}

/// What is remembered of a parcel until it is forgotten, also while it is closed. 8 bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) struct ParcelHistory {
    /// Hash of the announced amount and reference.
    pub announcement: [u8; 4],
    /// Why each delivery attempt failed, first to last.
    pub attempts: [Option<AttemptReason>; ATTEMPTS_MAX as usize],
    /// Whether the amount due is that of an accepted part.
    pub part_accepted: bool,
}

impl ParcelHistory {
    pub(crate) fn attempt_count(&self) -> u8 {
        self.attempts.iter().flatten().fold(0, |count, _| count + 1)
    }
}

/// What is remembered of few parcels until they are forgotten.
#[derive(Clone, Copy, Debug, Default, BorshSerialize, BorshDeserialize)]
pub(crate) struct ParcelChanges {
    /// How often a closed parcel was given to a firm, unless that was once.
    pub assignments: Option<u8>,
    /// How often the amount due was amended.
    pub amendments: u8,
    /// What it was amended to last.
    pub amended: Amount,
}

const _: () = assert!(size_of::<Parcel>() == 48, "there are millions of these");
