//! Parcels: from the announcement to the end.

pub(crate) mod before_dispatch;
pub(crate) mod closing;
pub(crate) mod damage;
pub(crate) mod delivery;
pub(crate) mod discount;
pub(crate) mod freight;
pub(crate) mod index;
pub mod list;
pub(crate) mod out;
pub(crate) mod payments;
pub(crate) mod record;
