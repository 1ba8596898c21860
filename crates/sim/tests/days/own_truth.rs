//! The world keeps its own truth: it computes nothing with the functions that it checks.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// What the world may name of these crates: the kinds of payments and fees, and commands to give;
/// no fee, and no price.
const NAMED: [&str; 6] =
    ["CardKind", "FeeKind", "PaymentMethod", "Command", "of_market", "AcceptUnits"];

/// Functions that compute fees, shares or states of money in the product.
const COMPUTING: [&str; 7] = [
    "fees_after",
    "deducted_by_network",
    "in_force",
    ".split(&",
    "total_balance",
    "books::view",
    "books::chart",
];

fn files() -> Vec<PathBuf> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let world = fs::read_dir(source.join("world")).expect("the world's files");
    let mut files: Vec<PathBuf> = world.map(|entry| entry.expect("a file").path()).collect();
    files.extend([source.join("world.rs"), source.join("books.rs")]);
    files
}

/// Every name that a `use` or a path takes from `krate`.
fn names_of(text: &str, krate: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for (at, _) in text.match_indices(&format!("{krate}::")) {
        // Not a longer name, and not a module of the world with the same name.
        if text[..at].ends_with(|before: char| before.is_alphanumeric() || "_:".contains(before)) {
            continue;
        }
        let rest = &text[at + krate.len() + 2..];
        let end = if rest.starts_with('{') { rest.find('}') } else { rest.find([';', '(', ',']) };
        let taken = &rest[..end.expect("a path ends")];
        let words = taken.split(|part: char| !(part.is_alphanumeric() || part == '_'));
        names.extend(words.filter(|word| !word.is_empty()).map(str::to_owned));
    }
    names
}

#[test]
fn the_world_computes_with_nothing_that_it_checks() {
    for file in files() {
        let name = file.display();
        let text = fs::read_to_string(&file).expect("text");
        for function in COMPUTING {
            assert!(!text.contains(function), "{name} uses {function}");
        }
        for krate in ["tariff", "ledger", "engine", "market", "reports"] {
            let names = names_of(&text, krate);
            let foreign: Vec<_> =
                names.iter().filter(|name| !NAMED.contains(&name.as_str())).collect();
            assert!(foreign.is_empty(), "{name} takes {foreign:?} of {krate}");
        }
    }
}
