//! Suggests a name for a misspelt one.

/// Longer names are not compared.
const NAME_CHARS_MAX: usize = 64;

/// Returns the name closest to `wanted`, if at most a third of its characters differ. Case is
/// ignored; of two equally close names the first wins.
pub fn nearest<'n>(wanted: &str, names: impl IntoIterator<Item = &'n str>) -> Option<&'n str> {
    let wanted = folded(wanted);
    let mut best: Option<(usize, &str)> = None;
    for name in names {
        let folded = folded(name);
        let longest = wanted.len().max(folded.len());
        if longest > NAME_CHARS_MAX || wanted.len().abs_diff(folded.len()) * 3 > longest {
            continue;
        }
        let edits = edits(&wanted, &folded);
        if edits * 3 <= longest && best.is_none_or(|(fewest, _)| edits < fewest) {
            best = Some((edits, name));
        }
    }
    best.map(|(_, name)| name)
}

fn folded(name: &str) -> Vec<char> {
    let folded = |c: char| if c == ' ' || c == '-' { '_' } else { c.to_ascii_lowercase() };
    name.chars().take(NAME_CHARS_MAX + 1).map(folded).collect()
}

/// Levenshtein distance.
fn edits(a: &[char], b: &[char]) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.iter().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, to) in b.iter().enumerate() {
            let changed = diagonal + usize::from(from != to);
            diagonal = row[j + 1];
            row[j + 1] = changed.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
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
    }

    #[test]
    fn edits_are_counted_as_levenshtein_counts_them() {
        let count = |a: &str, b: &str| edits(&folded(a), &folded(b));
        assert_eq!(count("kitten", "sitting"), 3);
        assert_eq!(count("", "abc"), 3);
        assert_eq!(count("abc", "abc"), 0);
    }
}
