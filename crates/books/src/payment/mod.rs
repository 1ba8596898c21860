//! Payments by card, QR and cash: begun, resolved, reversed, refunded.

pub(crate) mod chargeback;
pub(crate) mod codes;
pub(crate) mod collection;
pub(crate) mod completion;
pub(crate) mod expiry;
pub(crate) mod offline_sale;
pub(crate) mod phone_cash;
pub(crate) mod purchase;
pub(crate) mod record;
pub(crate) mod refund;
pub(crate) mod rejection;
pub(crate) mod reversal;
pub(crate) mod suspended_sale;
pub(crate) mod unposting;
