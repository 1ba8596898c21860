//! A mail as text (RFC 5322): headers, then the notice's text. Nothing of a notice can begin a
//! header.

use std::fmt::Write;

use base64ct::{Base64, Encoding};
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};

use super::MailSettings;
use crate::{MailList, NoticeLanguage, OutgoingNotice};

const ADDRESS_BYTES_MAX: usize = 254;
const LOCAL_PART_BYTES_MAX: usize = 64;
const TITLE_CHARACTERS_MAX: usize = 500;
pub const MAIL_TEXT_BYTES_MAX: usize = 256 << 10;
/// RFC 5322; longer lines go out in base64.
const LINE_BYTES_MAX: usize = 998;
/// Characters of a line that are still shown whole.
const LINE_BYTES: usize = 76;
/// Of text in one encoded word: 60 in base64, 72 with its ends (RFC 2047 allows 75).
const ENCODED_WORD_BYTES_MAX: usize = 45;
const ID_BYTES_MAX: usize = 128;
/// In a header's line.
const LINK_BYTES_MAX: usize = 900;
const PLAIN: &str = "text/plain; charset=utf-8";
const HTML: &str = "text/html; charset=utf-8";

/// A mail address without comments, quotes or address literals.
#[derive(Clone)]
pub(super) struct MailAddress {
    text: String,
    domain_at: usize,
}

/// What the server can take.
#[derive(Clone, Copy)]
pub(super) struct Extensions {
    pub eight_bit: bool,
    pub utf8_addresses: bool,
}

/// A mail, with its lines ended by CR LF.
pub(super) struct WrittenMail {
    pub text: String,
    pub eight_bit: bool,
}

impl MailAddress {
    pub fn read(text: &str) -> Option<MailAddress> {
        let (local, domain) = text.rsplit_once('@')?;
        let atom = |c: char| {
            c.is_ascii_alphanumeric()
                || "!#$%&'*+-/=?^_`{|}~".contains(c)
                || !c.is_ascii() && c.is_alphanumeric()
        };
        let dot_atom = |part: &str| !part.is_empty() && part.chars().all(atom);
        let label = |part: &str| {
            let of_name = |c: char| c == '-' || c.is_alphanumeric();
            !part.is_empty()
                && !part.starts_with('-')
                && !part.ends_with('-')
                && part.chars().all(of_name)
        };
        let fits = text.len() <= ADDRESS_BYTES_MAX && local.len() <= LOCAL_PART_BYTES_MAX;
        let well_formed = local.split('.').all(dot_atom) && domain.split('.').all(label);
        let domain_at = local.len() + 1;
        (fits && well_formed).then(|| MailAddress { text: text.to_owned(), domain_at })
    }

    pub fn as_str(&self) -> &str {
        &self.text
    }

    fn domain(&self) -> &str {
        &self.text[self.domain_at..]
    }
}

/// # Errors
/// Why the notice cannot be a mail.
pub(super) fn check(notice: &OutgoingNotice<'_>) -> Result<(), &'static str> {
    let in_header = |c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}');
    if notice.title.chars().any(in_header) {
        return Err("the title has a line break or another control character");
    }
    if notice.title.chars().count() > TITLE_CHARACTERS_MAX {
        return Err("the title is longer than 500 characters");
    }
    let in_id = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    if notice.id.is_empty() || notice.id.len() > ID_BYTES_MAX || !notice.id.bytes().all(in_id) {
        return Err("the notice's id is not of letters, digits, `.`, `_` and `-`");
    }
    let ends_header = |c: char| in_header(c) || matches!(c, ' ' | '<' | '>');
    let unsubscribe = notice.list.and_then(|list| list.unsubscribe);
    if unsubscribe.is_some_and(|url| url.len() > LINK_BYTES_MAX || url.contains(ends_header)) {
        return Err("the unsubscribe address has a space, `<`, `>`, or more than 900 bytes");
    }
    if notice.text.len() > MAIL_TEXT_BYTES_MAX {
        return Err("the text is longer than 256 KiB");
    }
    let in_text = |text: &str| text.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\t'));
    if in_text(notice.text) || notice.html.is_some_and(in_text) {
        return Err("the text has a control character");
    }
    if notice.html.is_some_and(|html| html.len() > 2 * MAIL_TEXT_BYTES_MAX) {
        return Err("the page is longer than 512 KiB");
    }
    Ok(())
}

/// A mail of a notice that is checked.
///
/// # Errors
/// Why the server cannot take it.
pub(super) fn written(
    notice: &OutgoingNotice<'_>,
    settings: &MailSettings,
    from: &MailAddress,
    to: &MailAddress,
    extensions: Extensions,
) -> Result<WrittenMail, &'static str> {
    let are_ascii = from.as_str().is_ascii() && to.as_str().is_ascii();
    if !(are_ascii || extensions.utf8_addresses) {
        return Err("the mail server takes addresses in ASCII only");
    }
    let now = Zoned::new(Timestamp::now(), TimeZone::UTC);
    let date =
        jiff::fmt::rfc2822::to_string(&now).map_err(|_| "the clock is beyond the calendar")?;
    let long_lines = notice.text.lines().any(|line| line.len() > LINE_BYTES_MAX);
    let encoding = match notice.text.is_ascii() {
        _ if long_lines => "base64",
        true => "7bit",
        false if extensions.eight_bit => "8bit",
        false => "base64",
    };
    let language = match notice.language {
        NoticeLanguage::En => "en",
        NoticeLanguage::Zh => "zh",
    };
    let mut text = String::with_capacity(1_024 + 2 * notice.text.len());
    let mut header = |name: &str, value: &str| {
        let _ = write!(text, "{name}: {value}\r\n");
    };
    header("Date", &date);
    header("From", &format!("{} <{}>", phrase(&settings.from_name), from.as_str()));
    header("To", &format!("<{}>", to.as_str()));
    header("Subject", &unstructured(notice.title, "Subject: ".len()));
    header("Message-ID", &format!("<{}@{}>", notice.id, from.domain()));
    header("Auto-Submitted", "auto-generated");
    header("MIME-Version", "1.0");
    // Nothing in base64 begins as it does.
    let boundary: String = "=_".chars().chain(notice.id.chars().take(60)).collect();
    if notice.html.is_some() {
        header("Content-Type", &format!("multipart/alternative; boundary=\"{boundary}\""));
    } else {
        header("Content-Type", PLAIN);
        header("Content-Transfer-Encoding", encoding);
    }
    header("Content-Language", language);
    let own_list = settings.list_id.as_deref();
    let (list, unsubscribe) = match notice.list {
        Some(MailList { name, unsubscribe }) => {
            let list = format!("{name}.{}", own_list.unwrap_or(from.domain()));
            (Some(list), unsubscribe.map(str::to_owned))
        }
        None => {
            let url = settings.unsubscribe_url.as_ref();
            (own_list.map(str::to_owned), url.map(|url| url.replace("{id}", notice.id)))
        }
    };
    if let Some(list) = list {
        header("List-Id", &format!("<{list}>"));
    }
    if let Some(url) = unsubscribe {
        header("List-Unsubscribe", &format!("<{url}>"));
        if url.starts_with("https://") {
            header("List-Unsubscribe-Post", "List-Unsubscribe=One-Click");
        }
    }
    text.push_str("\r\n");
    if let Some(html) = notice.html {
        // The one that shows most comes last (RFC 2046, 5.1.4).
        for (kind, part) in [(PLAIN, notice.text), (HTML, html)] {
            let _ = write!(
                text,
                "--{boundary}\r\nContent-Type: {kind}\r\nContent-Transfer-Encoding: \
                 base64\r\n\r\n"
            );
            in_base64(part, &mut text);
        }
        let _ = write!(text, "--{boundary}--\r\n");
        return Ok(WrittenMail { text, eight_bit: false });
    }
    let lines = notice.text.lines().flat_map(|line| [line, "\r\n"]).collect::<String>();
    match encoding {
        "base64" => in_base64(notice.text, &mut text),
        _ => text.push_str(&lines),
    }
    Ok(WrittenMail { text, eight_bit: encoding == "8bit" })
}

/// A text with its lines ended by CR LF, in lines of base64.
fn in_base64(plain: &str, text: &mut String) {
    let lines = plain.lines().flat_map(|line| [line, "\r\n"]).collect::<String>();
    let encoded = Base64::encode_string(lines.as_bytes());
    for line in encoded.as_bytes().chunks(LINE_BYTES) {
        text.extend(line.iter().map(|byte| char::from(*byte)));
        text.push_str("\r\n");
    }
}

/// A display name: quoted if it is ASCII, else in encoded words.
fn phrase(name: &str) -> String {
    if is_plain(name) {
        return format!("\"{}\"", name.replace('\\', "\\\\").replace('"', "\\\""));
    }
    encoded_words(name)
}

/// A value that people read. `begun` are the bytes of its line before it.
fn unstructured(text: &str, begun: usize) -> String {
    if is_plain(text) && begun + text.len() <= LINE_BYTES {
        text.to_owned()
    } else {
        encoded_words(text)
    }
}

/// Spaces at the ends would be lost, and `=?` would be read as an encoded word.
fn is_plain(text: &str) -> bool {
    text.bytes().all(|byte| matches!(byte, b' '..=b'~'))
        && text.trim() == text
        && !text.contains("=?")
}

/// RFC 2047. Each word has whole characters.
fn encoded_words(text: &str) -> String {
    let mut words = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let mut end = rest.len().min(ENCODED_WORD_BYTES_MAX);
        while !rest.is_char_boundary(end) {
            end -= 1;
        }
        let (word, others) = rest.split_at(end);
        words.push(format!("=?utf-8?B?{}?=", Base64::encode_string(word.as_bytes())));
        rest = others;
    }
    words.join("\r\n ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_one_recipient_and_no_other_syntax() {
        for address in
            ["a@b", "ann.bo+x@shop.example.com", "o'neil@example.com", "店长@例子.中国", "a@b-c.d"]
        {
            let read = MailAddress::read(address).unwrap_or_else(|| panic!("{address}"));
            assert_eq!(read.domain(), address.split('@').next_back().unwrap());
        }
        let long = format!("{}@example.com", "a".repeat(65));
        for address in [
            "",
            "a",
            "@b",
            "a@",
            "a@b,c@d",
            "a b@c",
            "a@b@c",
            "<a@b>",
            "a@b>",
            "a@b\r\nRCPT TO:<c@d>",
            "\"a\"@b",
            "a..b@c",
            ".a@b",
            "a@b..c",
            "a@-b",
            "a@[127.0.0.1]",
            "a@b\0",
            "a\u{2028}@b",
            &long,
        ] {
            assert!(MailAddress::read(address).is_none(), "{address:?}");
        }
    }

    #[test]
    fn words_that_are_encoded_are_short_and_whole() {
        let title = "包裹 PX-204 已付款，".repeat(9);
        let encoded = encoded_words(&title);
        let words = encoded.split("\r\n ").map(|word| {
            assert!(word.len() <= 75, "{word}");
            let inner = word.strip_prefix("=?utf-8?B?").unwrap().strip_suffix("?=").unwrap();
            String::from_utf8(Base64::decode_vec(inner).unwrap()).unwrap()
        });
        assert_eq!(words.collect::<String>(), title);
        assert_eq!(unstructured("Paid out: 12.00", 9), "Paid out: 12.00");
        assert!(unstructured("Paid =?x", 9).starts_with("=?utf-8?B?"));
        assert!(unstructured(&"a".repeat(77), 9).starts_with("=?utf-8?B?"));
        assert_eq!(phrase("Door \"step\""), "\"Door \\\"step\\\"\"");
    }
}
