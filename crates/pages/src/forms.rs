//! Money, numbers, dates and times in the form of a language.

use jiff::civil::Date;
use money::Currency;

use crate::PageWords;

/// A true minus sign.
const MINUS: char = '\u{2212}';
/// For zero, and for what is not there.
pub const NOTHING: &str = "–";
const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

fn grouped(digits: &str) -> String {
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// A whole number with its thousands apart.
#[must_use]
pub fn number(value: i128) -> String {
    let digits = grouped(&value.unsigned_abs().to_string());
    if value < 0 { format!("{MINUS}{digits}") } else { digits }
}

/// An amount in minor units with the decimals of its currency. Without one it has two.
#[must_use]
pub fn money(minor: i128, currency: &str) -> String {
    if minor == 0 {
        return NOTHING.to_owned();
    }
    let decimals = currency.parse::<Currency>().map_or(2, Currency::exponent);
    let unit = 10_u128.pow(decimals);
    let (whole, rest) = (minor.unsigned_abs() / unit, minor.unsigned_abs() % unit);
    let sign = if minor < 0 { MINUS.to_string() } else { String::new() };
    let whole = grouped(&whole.to_string());
    match decimals {
        0 => format!("{sign}{whole}"),
        _ => format!("{sign}{whole}.{rest:0width$}", width = decimals as usize),
    }
}

/// An amount in minor units as a field has it: without thousands, with an ASCII sign.
#[must_use]
pub fn plain_money(minor: i128, currency: &str) -> String {
    match minor {
        0 => "0".to_owned(),
        minor => money(minor, currency).replace(',', "").replace(MINUS, "-"),
    }
}

/// Digits as a person types them, in ASCII: an input method may have made them full-width.
/// Thousands may stand apart by commas. None if a comma stands anywhere else: in other languages it
/// is the decimal point.
#[must_use]
pub fn plain_digits(text: &str) -> Option<String> {
    let narrow = |c: char| match c {
        '０'..='９' | '．' | '，' | '－' | '＋' => {
            char::from_u32(u32::from(c) - u32::from('！') + u32::from('!')).unwrap_or(c)
        }
        MINUS => '-',
        c => c,
    };
    let text: String = text.trim().chars().map(narrow).collect();
    let (whole, _) = text.split_once('.').unwrap_or((&text, ""));
    let mut groups = whole.trim_start_matches('-').split(',');
    let first = groups.next().unwrap_or_default();
    let mut others = groups.peekable();
    let is_grouped = others.peek().is_some();
    let fits = !is_grouped || (1..=3).contains(&first.len());
    let comma_after_point = text.rfind(',') > text.find('.') && text.contains('.');
    let others_fit = others.all(|group| group.len() == 3);
    (fits && others_fit && !comma_after_point).then(|| text.replace(',', ""))
}

/// An amount as a person types it, in minor units: `1,234.5`. None if it is no amount.
#[must_use]
pub fn read_money(text: &str, currency: &str) -> Option<i64> {
    let text = plain_digits(text)?;
    let (sign, text) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text.as_str()),
    };
    let decimals = currency.parse::<Currency>().map_or(2, Currency::exponent) as usize;
    let (whole, rest) = text.split_once('.').unwrap_or((text, ""));
    let is_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || rest.len() > decimals || !is_digits(whole) || !is_digits(rest) {
        return None;
    }
    let minor: i64 = format!("{whole}{rest:0<decimals$}").parse().ok()?;
    Some(sign * minor)
}

/// `11 Nov 2013`, `2013年11月11日`. What is no date stays as it is.
#[must_use]
pub fn date(words: PageWords, iso: &str) -> String {
    let Ok(day) = iso.parse::<Date>() else { return iso.to_owned() };
    let (year, month) = (day.year(), day.month());
    if words.is_zh() {
        return format!("{year}年{month}月{}日", day.day());
    }
    let name = usize::try_from(month - 1).ok().and_then(|place| MONTHS.get(place));
    format!("{} {} {year}", day.day(), name.unwrap_or(&""))
}

/// A time in milliseconds since 1970, at an offset from UTC.
#[must_use]
pub fn time(words: PageWords, ms: i64, offset_minutes: i16) -> String {
    let Ok(at) = jiff::Timestamp::from_millisecond(ms + i64::from(offset_minutes) * 60_000) else {
        return NOTHING.to_owned();
    };
    let local = jiff::tz::TimeZone::UTC.to_datetime(at);
    let day = date(words, &local.date().to_string());
    let clock = format!("{:02}:{:02}:{:02}", local.hour(), local.minute(), local.second());
    if words.is_zh() { format!("{day} {clock}") } else { format!("{day}, {clock}") }
}

/// A time of the books as the field of a form has it, to the minute.
#[must_use]
pub fn time_field(ms: i64, offset_minutes: i16) -> String {
    let local = jiff::Timestamp::from_millisecond(ms + i64::from(offset_minutes) * 60_000);
    local.map(|at| at.strftime("%Y-%m-%dT%H:%M").to_string()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use office::Language;

    use super::*;

    #[test]
    fn money_has_the_decimals_of_its_currency_and_a_true_minus_sign() {
        for (minor, currency, text) in [
            (116_616_615, "CNY", "1,166,166.15"),
            (-1_890, "CNY", "\u{2212}18.90"),
            (0, "CNY", "–"),
            (5, "CNY", "0.05"),
            (1_500, "JPY", "1,500"),
            (-1_500, "KWD", "\u{2212}1.500"),
        ] {
            assert_eq!(money(minor, currency), text);
            if minor != 0 {
                assert_eq!(read_money(text, currency).map(i128::from), Some(minor), "{text}");
            }
        }
        assert_eq!(plain_money(-116_616_610, "CNY"), "-1166166.10");
        assert_eq!(plain_money(0, "CNY"), "0");
        for (text, minor) in [
            ("12", 1_200),
            ("1,000.5", 100_050),
            ("12,345,678", 1_234_567_800),
            ("１，０００．５", 100_050),
            ("－５", -500),
        ] {
            assert_eq!(read_money(text, "CNY"), Some(minor), "{text}");
        }
        // A comma that may be a decimal point is no amount.
        for wrong in [
            "",
            "-",
            "1.234",
            "1e3",
            "x",
            "1.2.3",
            "99999999999999999999",
            "1,5",
            "12,34",
            "1234,567",
            ",5",
            "1,,000",
            "1.0,00",
            "1,0000",
            "--5",
            "+5",
            "1 000",
            "٣",
        ] {
            assert_eq!(read_money(wrong, "CNY"), None, "{wrong}");
        }
    }

    #[test]
    fn dates_and_times_have_the_form_of_the_language() {
        let (en, zh) = (PageWords(Language::En), PageWords(Language::Zh));
        assert_eq!(date(en, "2013-11-11"), "11 Nov 2013");
        assert_eq!(date(zh, "2013-11-01"), "2013年11月1日");
        assert_eq!(date(en, "soon"), "soon");
        let singles_day = 1_384_132_324_000;
        assert_eq!(time(en, singles_day, 480), "11 Nov 2013, 09:12:04");
        assert_eq!(time(zh, singles_day, 0), "2013年11月11日 01:12:04");
    }
}
