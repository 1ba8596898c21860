//! Codes read, written, refused and drawn.

#![allow(clippy::unwrap_used, clippy::print_stdout)]

mod any_text;
mod checksum;
mod payment;
mod pictures;
mod refusals;
mod support;
mod vectors;
