//! Suggests a name for a misspelt one.

/// Longer names are not compared.
const NAME_CHARS_MAX: usize = 64;

/// Returns the name closest to `wanted`, if at most a third of its characters differ. Case is
/// ignored; of two equally close names the first wins.
pub fn nearest<'n>(wanted: &str, names: impl IntoIterator<Item = &'n str>) -> Option<&'n str> {
    let wanted = folded(wanted);
    let close = |name: &'n str| {
        let folded = folded(name);
        let longest = wanted.chars().count().max(folded.chars().count());
        let edits = (longest <= NAME_CHARS_MAX).then(|| strsim::levenshtein(&wanted, &folded))?;
        (edits * 3 <= longest).then_some((edits, name))
    };
    names.into_iter().filter_map(close).min_by_key(|(edits, _)| *edits).map(|(_, name)| name)
}

fn folded(name: &str) -> String {
    let folded = |c: char| if c == ' ' || c == '-' { '_' } else { c.to_ascii_lowercase() };
    name.chars().take(NAME_CHARS_MAX + 1).map(folded).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelt_name_is_recognised_and_another_name_is_not() {
        let columns = ["order_id", "Order Status", "price", "freight_value", "Maria da Silva"];
        assert_eq!(nearest("order_status", columns), Some("Order Status"));
        assert_eq!(nearest("prize", columns), Some("price"));
        assert_eq!(nearest("freight", columns), None, "too much is missing");
        assert_eq!(nearest("seller_id", columns), None);
        assert_eq!(nearest("x", []), None);
        assert_eq!(nearest("cat", ["bat", "cut"]), Some("bat"), "the first of equals");
        let long = "x".repeat(NAME_CHARS_MAX + 1);
        assert_eq!(nearest(&long, [&*long]), None, "too long");
    }
}
