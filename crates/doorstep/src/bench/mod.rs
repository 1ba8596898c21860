//! Benchmarks: measured through the product's own way in, with durability on, ending in a crash.

mod books;
pub mod door;
pub mod engine;
pub mod histogram;
