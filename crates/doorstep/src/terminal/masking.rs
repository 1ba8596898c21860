//! Echoes typed text safely: masks card numbers (M12), escapes control characters.

use peers::waybill;

/// A run of this many digits may be a card number.
const DIGITS_MIN: usize = 12;
/// The fewest groups in which a card number is typed: `6225 8812 3456 7890`.
const GROUPS_MIN: usize = 3;
/// How much of a wrong word is shown.
const SHOWN_CHARS: usize = 30;

/// Masks a whole line.
pub fn masked_line(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    let mut shown: Vec<String> = Vec::with_capacity(words.len());
    for group in words.chunk_by(|one, next| is_group(one) && is_group(next)) {
        let digits: usize = group.iter().map(|word| word.chars().count()).sum();
        if group.len() >= GROUPS_MIN && digits >= DIGITS_MIN {
            shown.extend(group.iter().map(|word| word.chars().map(|_| '*').collect()));
        } else {
            shown.extend(group.iter().map(|word| self::word(word)));
        }
    }
    shown.join(" ")
}

/// Masks a line that is being typed: the same number of characters, with the same spaces.
pub fn masked_display(text: &str) -> String {
    let masked = masked_line(text);
    let mut words = masked.split(' ');
    let mut shown = String::with_capacity(text.len());
    for piece in text.split_inclusive(char::is_whitespace) {
        let word = piece.trim_end_matches(char::is_whitespace);
        if !word.is_empty() {
            let masked = words.next().filter(|one| one.chars().count() == word.chars().count());
            shown.push_str(masked.unwrap_or(word));
        }
        shown.push_str(&piece[word.len()..]);
    }
    shown
}

/// Masks the start of a wrong word.
pub fn masked_start(text: &str) -> String {
    let shown = word(text);
    let more = shown.chars().nth(SHOWN_CHARS).map(|_| '…');
    shown.chars().take(SHOWN_CHARS).chain(more).collect()
}

/// May be a group of a card number. A longer run is masked on its own.
fn is_group(word: &str) -> bool {
    word.chars().all(char::is_numeric) && word.chars().count() < DIGITS_MIN
}

/// Masks a word. A waybill may have many digits in a row; its check character identifies it.
fn word(text: &str) -> String {
    let is_waybill = waybill::parse_waybill(&text.to_ascii_uppercase()).is_ok();
    let mut shown = String::with_capacity(text.len());
    for run in text.split_inclusive(|one: char| !is_number_part(one)) {
        // The run includes the character that ends it.
        let end = run.chars().next_back().filter(|last| !is_number_part(*last));
        let run = &run[..run.len() - end.map_or(0, char::len_utf8)];
        let hidden = !is_waybill && run.chars().filter(|one| *one != '-').count() >= DIGITS_MIN;
        shown.extend(run.chars().map(|one| if hidden { '*' } else { one }));
        match end {
            Some(end) if is_unsafe(end) => shown.extend(end.escape_unicode()),
            end => shown.extend(end),
        }
    }
    shown
}

fn is_number_part(character: char) -> bool {
    character.is_numeric() || character == '-'
}

/// A control character, an invisible one, or one that changes the direction of text.
fn is_unsafe(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}')
        || matches!(character, '\u{2060}'..='\u{206F}' | '\u{FEFF}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_card_number_is_masked_in_every_form() {
        assert_eq!(masked_line("card 6225880000000019 tap"), "card **************** tap");
        assert_eq!(masked_line("card 6225 8800 0000 0019"), "card **** **** **** ****");
        assert_eq!(masked_line("card 6225-8800-0000-0019"), "card *******************");
        assert_eq!(
            masked_line("6225880000000019=1512:x;622588000000"),
            "****************=1512:x;************"
        );
        assert_eq!(masked_line("６２２５８８００００００"), "************");
        assert_eq!(masked_start("x6225880000000019"), "x****************");
        assert_eq!(masked_start(&format!("{}6225880000000019", "y".repeat(20))).len(), 33);
    }

    #[test]
    fn a_typed_line_is_masked_character_by_character() {
        assert_eq!(masked_display("  card  6225880000000019 "), "  card  **************** ");
        assert_eq!(masked_display("6225 8800\t0000 0019 x"), "**** ****\t**** **** x");
        assert_eq!(masked_display("  sell 0ABC  12.50"), "  sell 0ABC  12.50");
        assert_eq!(masked_display("\u{202E}x 6225880000000019"), "\u{202E}x ****************");
    }

    #[test]
    fn other_text_is_shown_unchanged() {
        let parcel = peers::format_waybill(7);
        for text in [&format!("cash {parcel} 100000 500000"), "refund 000502 100000", "sel 12 a-b"]
        {
            assert_eq!(masked_line(text), *text);
        }
        assert_eq!(masked_start("12345678901"), "12345678901");
    }

    #[test]
    fn unsafe_characters_are_escaped() {
        assert_eq!(masked_line("\u{1b}[2Jsell\tx \u{202E}y"), "\\u{1b}[2Jsell x \\u{202e}y");
        assert_eq!(masked_start("a\u{7}"), "a\\u{7}");
        assert_eq!(masked_start(&"你".repeat(200)), format!("{}…", "你".repeat(SHOWN_CHARS)));
    }
}
