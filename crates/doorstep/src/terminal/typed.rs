//! What somebody typed, as it is shown again: with no card number in it (M12), and nothing that a
//! screen would act on.

use peers::waybill;

/// As many digits as this may be a card's number.
const DIGITS_MIN: usize = 12;
/// Groups in which a card's number is typed at the least: `6225 8812 3456 7890`.
const GROUPS_MIN: usize = 3;
/// How much of a wrong word is shown.
const SHOWN_CHARS: usize = 30;

/// A whole line.
pub fn line(text: &str) -> String {
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

/// The beginning of a word that is wrong.
pub fn shortened(text: &str) -> String {
    let shown = word(text);
    let more = shown.chars().nth(SHOWN_CHARS).map(|_| '…');
    shown.chars().take(SHOWN_CHARS).chain(more).collect()
}

/// Whether it may be a group of a card's number; a longer one is looked at by itself.
fn is_group(word: &str) -> bool {
    word.chars().all(char::is_numeric) && word.chars().count() < DIGITS_MIN
}

/// A word. A waybill may have many digits in a row; its check character says that it is one.
fn word(text: &str) -> String {
    let is_waybill = waybill::parcel(&text.to_ascii_uppercase()).is_ok();
    let mut shown = String::with_capacity(text.len());
    for run in text.split_inclusive(|one: char| !is_of_number(one)) {
        // What ends the run stands behind it.
        let end = run.chars().next_back().filter(|last| !is_of_number(*last));
        let run = &run[..run.len() - end.map_or(0, char::len_utf8)];
        let hidden = !is_waybill && run.chars().filter(|one| *one != '-').count() >= DIGITS_MIN;
        shown.extend(run.chars().map(|one| if hidden { '*' } else { one }));
        match end {
            Some(end) if moves(end) => shown.extend(end.escape_unicode()),
            end => shown.extend(end),
        }
    }
    shown
}

fn is_of_number(character: char) -> bool {
    character.is_numeric() || character == '-'
}

/// Whether a screen does something else with it than to show it: control characters, and those
/// that are not seen or turn the direction of what is.
fn moves(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}')
        || matches!(character, '\u{2060}'..='\u{206F}' | '\u{FEFF}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_card_number_is_not_shown_however_it_is_typed() {
        assert_eq!(line("card 6225880000000019 tap"), "card **************** tap");
        assert_eq!(line("card 6225 8800 0000 0019"), "card **** **** **** ****");
        assert_eq!(line("card 6225-8800-0000-0019"), "card *******************");
        assert_eq!(
            line("6225880000000019=1512:x;622588000000"),
            "****************=1512:x;************"
        );
        assert_eq!(line("６２２５８８００００００"), "************");
        assert_eq!(shortened("x6225880000000019"), "x****************");
        assert_eq!(shortened(&format!("{}6225880000000019", "y".repeat(20))).len(), 33);
    }

    #[test]
    fn what_is_no_card_number_is_shown_as_it_was_typed() {
        let parcel = waybill(7);
        for text in [&format!("cash {parcel} 100000 500000"), "refund 000502 100000", "sel 12 a-b"]
        {
            assert_eq!(line(text), *text);
        }
        assert_eq!(shortened("12345678901"), "12345678901");
    }

    #[test]
    fn what_would_move_a_cursor_is_shown_escaped() {
        assert_eq!(line("\u{1b}[2Jsell\tx \u{202E}y"), "\\u{1b}[2Jsell x \\u{202e}y");
        assert_eq!(shortened("a\u{7}"), "a\\u{7}");
        assert_eq!(shortened(&"你".repeat(200)), format!("{}…", "你".repeat(SHOWN_CHARS)));
    }
}
