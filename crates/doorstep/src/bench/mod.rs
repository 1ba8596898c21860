//! Benchmarks of the whole program, with durability on.

use std::path::Path;

use crate::words::bilingual;

mod books;
pub mod door;
pub mod engine;
pub mod histogram;

fn exists_error(data: &Path) -> String {
    bilingual!(
        "--data {0}: it exists already; name a new directory",
        "--data {0}：已存在；请换一个目录",
        data.display()
    )
}
