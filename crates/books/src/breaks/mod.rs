//! Breaks: differences with an owner and an age (M9).

pub(crate) mod change;
pub(crate) mod index;
pub(crate) mod raising;
pub(crate) mod record;
pub(crate) mod resolution;
