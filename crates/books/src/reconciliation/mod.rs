//! Files from outside (M15): each line is matched, expected or a break, and nothing is counted
//! twice.

pub(crate) mod check;
pub(crate) mod entry;
pub(crate) mod file;
pub(crate) mod movement;
pub(crate) mod record;
pub mod sheet;
pub mod view;
