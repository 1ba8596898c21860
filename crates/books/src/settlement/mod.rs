//! Settlement: plans, payouts, commission (M7).

pub(crate) mod commission;
pub(crate) mod payout;
pub(crate) mod plan;
pub(crate) mod record;
