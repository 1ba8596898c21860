//! Cash in custody: with a courier, with a firm, on its way to the bank (M6).

pub(crate) mod code_mac;
pub(crate) mod deposit;
pub(crate) mod hand_over;
pub(crate) mod record;
pub(crate) mod shortage;
pub(crate) mod surplus;
pub mod view;
