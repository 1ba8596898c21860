//! Settlement: plans, payouts, sellers' debts, commission, taxes (M7).

pub(crate) mod adjustment;
pub(crate) mod commission;
pub(crate) mod payout;
pub(crate) mod plan;
pub(crate) mod record;
pub(crate) mod seller_debt;
pub mod statement_view;
pub(crate) mod tax;
pub mod view;
