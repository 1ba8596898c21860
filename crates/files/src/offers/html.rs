//! Descriptions in HTML as plain text: a line for each block, without tags.

/// Elements that begin a line.
const BLOCKS: [&str; 13] =
    ["p", "br", "div", "li", "ul", "ol", "tr", "h1", "h2", "h3", "h4", "h5", "h6"];
/// Elements whose content is not text.
const HIDDEN: [&str; 2] = ["script", "style"];
const ENTITIES: [(&str, char); 9] = [
    ("amp", '&'),
    ("lt", '<'),
    ("gt", '>'),
    ("quot", '"'),
    ("apos", '\''),
    ("nbsp", ' '),
    ("ndash", '–'),
    ("mdash", '—'),
    ("hellip", '…'),
];
const ENTITY_BYTES_MAX: usize = 10;

/// The text of some HTML.
pub(super) fn plain(html: &str) -> String {
    let mut out = String::with_capacity(html.len());
    let mut rest = html;
    let mut hidden: Option<&str> = None;
    while let Some(at) = rest.find(['<', '&']) {
        if hidden.is_none() {
            out.push_str(&rest[..at]);
        }
        rest = &rest[at..];
        if rest.starts_with('&') {
            let (text, length) = entity(rest);
            if hidden.is_none() {
                out.push_str(&text);
            }
            rest = &rest[length..];
            continue;
        }
        let end = if rest.starts_with("<!--") { rest.find("-->").map(|at| at + 2) } else { None };
        // A sign that opens no tag is text.
        let is_tag = rest[1..].starts_with(|c: char| c.is_ascii_alphabetic() || "/!?".contains(c));
        let Some(end) = end.or_else(|| rest.find('>')).filter(|_| is_tag) else {
            if hidden.is_none() {
                out.push('<');
            }
            rest = &rest[1..];
            continue;
        };
        let inside = rest[1..end].trim_start_matches('/');
        let name: String =
            inside.chars().take_while(char::is_ascii_alphanumeric).collect::<String>();
        let name = name.to_ascii_lowercase();
        let closes = rest[1..].starts_with('/');
        match hidden {
            Some(one) if closes && one == name => hidden = None,
            Some(_) => {}
            None if !closes => hidden = HIDDEN.into_iter().find(|one| *one == name),
            None => {}
        }
        if BLOCKS.contains(&&*name) {
            out.push('\n');
        }
        rest = &rest[end + 1..];
    }
    if hidden.is_none() {
        out.push_str(rest);
    }
    let lines = out.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "));
    lines.filter(|line| !line.is_empty()).collect::<Vec<_>>().join("\n")
}

/// What an entity stands for, and its length. What is none stands for itself.
fn entity(text: &str) -> (String, usize) {
    let whole = text.bytes().take(ENTITY_BYTES_MAX).position(|byte| byte == b';');
    let Some(end) = whole else { return ("&".to_owned(), 1) };
    let name = &text[1..end];
    let number = name.strip_prefix('#').and_then(|number| match number.strip_prefix(['x', 'X']) {
        Some(hex) => u32::from_str_radix(hex, 16).ok(),
        None => number.parse().ok(),
    });
    let found = match number {
        Some(number) => char::from_u32(number),
        None => ENTITIES.iter().find(|(one, _)| *one == name).map(|(_, c)| *c),
    };
    match found {
        Some(c) => (c.to_string(), end + 1),
        None => ("&".to_owned(), 1),
    }
}

#[cfg(test)]
mod tests {
    use super::plain;

    #[test]
    fn tags_go_blocks_are_lines_and_entities_are_letters() {
        let html = "<p>Green&nbsp;tea &amp; more</p>\n<ul><li>100&#8201;g<br/>loose</li></ul>\
                    <script>alert('x')</script><!-- a > b -->";
        assert_eq!(plain(html), "Green tea & more\n100 g\nloose");
        assert_eq!(plain("5 < 6 & 7 > 2"), "5 < 6 & 7 > 2");
        assert_eq!(plain("a &unknown; b &#x4e2d; &#99999999;"), "a &unknown; b 中 &#99999999;");
        assert_eq!(plain(""), "");
    }
}
