//! The table of notices: event × audience × channels × texts. Checked when it is read.

use std::collections::BTreeMap;

use channels::NoticeLanguage;
use serde::Deserialize;

use crate::event::{
    Audience, NOTICE_EVENTS, NoticeEventSpec, REPORT_CORRECTED, REPORT_PUBLISHED, event_named,
};
use crate::limits::{TABLE_BYTES_MAX, TABLE_ENTRIES_MAX, TITLE_CHARACTERS_MAX};
use crate::rules::NoticeChannel;

/// The table that comes with Doorstep: version 0.
pub const SHIPPED_TABLE: &str = include_str!("../table.toml");

#[derive(Debug)]
pub struct NoticeTable {
    entries: Vec<TableEntry>,
}

/// Who is told of an event, how, and with which words.
#[derive(Debug)]
pub struct TableEntry {
    pub event: &'static NoticeEventSpec,
    pub to: Audience,
    /// The first that the recipient has is taken, the next only after a known failure of the one
    /// before.
    pub by: Vec<NoticeChannel>,
    /// Whether the endpoints of the audience get it, too.
    pub webhooks: bool,
    pub digest: bool,
    pub quiet_hours: bool,
    /// Empty where only webhooks are.
    texts: BTreeMap<NoticeLanguage, TextForm>,
}

/// Why a table cannot be used. Nothing was changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TableError {
    #[error("the table is not TOML of this form: {0}")]
    Form(String),
    #[error("the table is longer than {TABLE_BYTES_MAX} bytes")]
    TooLong,
    #[error("the table has more than {TABLE_ENTRIES_MAX} entries")]
    TooMany,
    #[error("entry {number} (event `{event}`): {fault}")]
    Entry {
        /// From 1.
        number: usize,
        event: String,
        fault: TableFault,
    },
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TableFault {
    #[error("there is no such event; known are {}", names())]
    Event,
    #[error("there is no audience `{0}`")]
    Audience(String),
    #[error("`{0}` is not told of this event")]
    NotTold(&'static str),
    #[error("there is no channel `{0}`; webhooks have their own key, `webhooks`")]
    Channel(String),
    #[error("channel `{0}` twice")]
    Twice(&'static str),
    #[error("only a public notice leaves by weibo, and no other way; take `to = \"public\"`")]
    NotPublic,
    #[error("a buyer is reached by sms only")]
    NotABuyers,
    #[error("no channel: nobody would be told; name one in `by`, or set `webhooks = true`")]
    Nobody,
    #[error("the text in `{0}` is missing")]
    Language(&'static str),
    #[error("`{text}` in `{language}`: the event has no field `{field}`")]
    Field { language: &'static str, text: &'static str, field: String },
    #[error("`{text}` in `{language}`: a `{{` without its `}}`")]
    Brace { language: &'static str, text: &'static str },
    #[error("`{text}` in `{language}` can have {found} characters, {by} takes {max}")]
    TooLong {
        language: &'static str,
        text: &'static str,
        found: usize,
        max: usize,
        by: &'static str,
    },
    #[error("a digest leaves by mail only")]
    Digest,
    #[error("`{0}` has an entry of this event above; name all its channels there")]
    Repeated(&'static str),
    #[error("`{0}` is sent reports and no corrections; add an entry of `report.corrected` for it")]
    NotCorrected(&'static str),
}

fn names() -> String {
    NOTICE_EVENTS.iter().map(|one| one.name).collect::<Vec<_>>().join(", ")
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TableForm {
    #[serde(default)]
    notice: Vec<EntryForm>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct EntryForm {
    event: String,
    to: String,
    #[serde(default)]
    by: Vec<String>,
    #[serde(default)]
    webhooks: bool,
    #[serde(default)]
    digest: bool,
    #[serde(default = "yes")]
    quiet_hours: bool,
    en: Option<TextForm>,
    zh: Option<TextForm>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct TextForm {
    title: String,
    text: String,
}

fn yes() -> bool {
    true
}

const LANGUAGES: [(NoticeLanguage, &str); 2] =
    [(NoticeLanguage::En, "en"), (NoticeLanguage::Zh, "zh")];

impl NoticeTable {
    /// Reads a table and checks it whole.
    ///
    /// # Errors
    /// What is wrong with it, and where.
    pub fn parse(toml: &str) -> Result<NoticeTable, TableError> {
        if toml.len() > TABLE_BYTES_MAX {
            return Err(TableError::TooLong);
        }
        let form: TableForm =
            toml::from_str(toml).map_err(|error| TableError::Form(error.to_string()))?;
        if form.notice.len() > TABLE_ENTRIES_MAX {
            return Err(TableError::TooMany);
        }
        let entries = (1..).zip(form.notice).map(|(number, form)| {
            let event = form.event.clone();
            checked(form).map_err(|fault| TableError::Entry { number, event, fault })
        });
        let entries = entries.collect::<Result<Vec<TableEntry>, _>>()?;
        for (place, entry) in entries.iter().enumerate() {
            let same = |one: &TableEntry| one.event.name == entry.event.name && one.to == entry.to;
            if entries[..place].iter().any(same) {
                let (event, fault) = (entry.event.name.to_owned(), entry.to.name());
                let fault = TableFault::Repeated(fault);
                return Err(TableError::Entry { number: place + 1, event, fault });
            }
        }
        for (place, entry) in entries.iter().enumerate() {
            let is_corrected = || {
                let to = [entry.to, Audience::Readers];
                let sent = entries.iter().filter(|one| one.event.name == REPORT_CORRECTED);
                sent.into_iter().any(|one| to.contains(&one.to))
            };
            if entry.event.name == REPORT_PUBLISHED && !is_corrected() {
                let event = entry.event.name.to_owned();
                let fault = TableFault::NotCorrected(entry.to.name());
                return Err(TableError::Entry { number: place + 1, event, fault });
            }
        }
        Ok(NoticeTable { entries })
    }

    #[must_use]
    pub fn entries(&self) -> &[TableEntry] {
        &self.entries
    }

    /// The entries of an event, with their places in the table.
    pub fn entries_of(&self, event: &str) -> impl Iterator<Item = (usize, &TableEntry)> {
        let of_event = move |(_, entry): &(usize, &TableEntry)| entry.event.name == event;
        self.entries.iter().enumerate().filter(of_event)
    }
}

fn checked(form: EntryForm) -> Result<TableEntry, TableFault> {
    let event = event_named(&form.event).ok_or(TableFault::Event)?;
    let to = Audience::named(&form.to).ok_or(TableFault::Audience(form.to))?;
    if !event.audiences.contains(&to) {
        return Err(TableFault::NotTold(to.name()));
    }
    let mut by = Vec::new();
    for name in form.by {
        let channel = NoticeChannel::named(&name).filter(|one| *one != NoticeChannel::Webhook);
        let channel = channel.ok_or(TableFault::Channel(name))?;
        if by.contains(&channel) {
            return Err(TableFault::Twice(channel.name()));
        }
        by.push(channel);
    }
    let is_public = to == Audience::Public;
    if by.iter().any(|one| (*one == NoticeChannel::Weibo) != is_public) {
        return Err(TableFault::NotPublic);
    }
    if to == Audience::Buyer && (by != [NoticeChannel::Sms] || form.webhooks) {
        return Err(TableFault::NotABuyers);
    }
    if by.is_empty() && !form.webhooks {
        return Err(TableFault::Nobody);
    }
    if form.digest && by != [NoticeChannel::Mail] {
        return Err(TableFault::Digest);
    }
    let mut texts = BTreeMap::new();
    for ((language, name), text) in LANGUAGES.into_iter().zip([form.en, form.zh]) {
        match text {
            Some(text) => {
                check_text(event, &by, name, &text)?;
                texts.insert(language, text);
            }
            None if by.is_empty() => {}
            None => return Err(TableFault::Language(name)),
        }
    }
    let (webhooks, digest, quiet_hours) = (form.webhooks, form.digest, form.quiet_hours);
    Ok(TableEntry { event, to, by, webhooks, digest, quiet_hours, texts })
}

/// A part of a text.
enum TextPart<'t> {
    Literal(&'t str),
    Field(&'t str),
}

/// Splits a text. `None` if a brace is not closed.
fn parts(text: &str) -> Option<Vec<TextPart<'_>>> {
    let (mut parts, mut rest) = (Vec::new(), text);
    while let Some((literal, after)) = rest.split_once('{') {
        let (name, after) = after.split_once('}')?;
        parts.extend([TextPart::Literal(literal), TextPart::Field(name)]);
        rest = after;
    }
    parts.push(TextPart::Literal(rest));
    Some(parts)
}

fn check_text(
    event: &NoticeEventSpec,
    by: &[NoticeChannel],
    language: &'static str,
    form: &TextForm,
) -> Result<(), TableFault> {
    let longest = |text: &'static str, template: &str| {
        let parts = parts(template).ok_or(TableFault::Brace { language, text })?;
        let (mut characters, mut bytes) = (0, 0);
        for part in parts {
            let (more, size) = match part {
                TextPart::Literal(literal) => (literal.chars().count(), literal.len()),
                TextPart::Field(name) => {
                    let field = event.fields.iter().find(|one| one.name == name);
                    let field = field.ok_or_else(|| {
                        let field = name.chars().take(40).collect();
                        TableFault::Field { language, text, field }
                    })?;
                    // References can have Chinese characters.
                    (field.characters_max, 3 * field.characters_max)
                }
            };
            characters += more;
            bytes += size;
        }
        Ok((characters, bytes))
    };
    let (title, title_bytes) = longest("title", &form.title)?;
    let (text, text_bytes) = longest("text", &form.text)?;
    let too_long =
        |of, found, max, by| Err(TableFault::TooLong { language, text: of, found, max, by });
    if title > TITLE_CHARACTERS_MAX {
        return too_long("title", title, TITLE_CHARACTERS_MAX, "a title");
    }
    for channel in by {
        let max = channel.text_characters_max().unwrap_or(usize::MAX);
        if text > max {
            return too_long("text", text, max, channel.name());
        }
        let (bytes, max) = (title_bytes + 1 + text_bytes, channel.text_bytes_max());
        if bytes > max {
            return too_long("text", bytes, max, channel.name());
        }
    }
    Ok(())
}

impl TableEntry {
    /// Title and text with their fields. An entry for webhooks alone has the event's name as both.
    #[must_use]
    pub fn words(
        &self,
        language: NoticeLanguage,
        fields: &serde_json::Map<String, serde_json::Value>,
    ) -> (String, String) {
        let Some(form) = self.texts.get(&language) else {
            return (self.event.name.to_owned(), self.event.name.to_owned());
        };
        let fill = |template: &str| {
            let value = |name| fields.get(name).and_then(serde_json::Value::as_str).unwrap_or("");
            let parts = parts(template).unwrap_or_default();
            let words = parts.into_iter().map(|part| match part {
                TextPart::Literal(literal) => literal,
                TextPart::Field(name) => value(name),
            });
            words.collect::<String>()
        };
        (fill(&form.title), fill(&form.text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ENTRY: &str = "[[notice]]\nevent = 'payout.sent'\nto = 'seller'\nby = ['mail', 'sms']\n\
        en = { title = 'Payout {payout}', text = 'We sent {amount} {currency}.' }\n\
        zh = { title = '付款 {payout}', text = '已付款 {amount} {currency}。' }\n";

    fn fault(from: &str, to: &str) -> TableFault {
        assert!(ENTRY.contains(from), "{from}");
        match NoticeTable::parse(&ENTRY.replacen(from, to, 1)) {
            Err(TableError::Entry { number: 1, fault, .. }) => fault,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_table_is_checked_when_it_is_read() {
        NoticeTable::parse(ENTRY).unwrap();
        assert_eq!(fault("payout.sent", "payout.made"), TableFault::Event);
        assert_eq!(fault("'seller'", "'vendor'"), TableFault::Audience("vendor".into()));
        assert_eq!(fault("'seller'", "'staff'"), TableFault::NotTold("staff"));
        assert_eq!(fault("'sms'", "'fax'"), TableFault::Channel("fax".into()));
        assert_eq!(fault("'sms'", "'webhook'"), TableFault::Channel("webhook".into()));
        assert_eq!(fault("'sms'", "'mail'"), TableFault::Twice("mail"));
        assert_eq!(fault("'sms'", "'weibo'"), TableFault::NotPublic);
        assert_eq!(fault("['mail', 'sms']", "[]"), TableFault::Nobody);
        assert_eq!(fault("zh =", "digest = true\nzh ="), TableFault::Digest);
        let zh = ENTRY.lines().last().unwrap();
        assert_eq!(fault(zh, ""), TableFault::Language("zh"));
        let field = TableFault::Field { language: "en", text: "text", field: "sum".into() };
        assert_eq!(fault("{amount}", "{sum}"), field);
        let brace = TableFault::Brace { language: "en", text: "title" };
        assert_eq!(fault("{payout}", "{payout"), brace);
        let long = fault("已付款", &"已".repeat(268));
        let expected =
            TableFault::TooLong { language: "zh", text: "text", found: 294, max: 268, by: "sms" };
        assert_eq!(long, expected);
        let form = NoticeTable::parse(&ENTRY.replace("by =", "via ="));
        assert!(matches!(form, Err(TableError::Form(why)) if why.contains("via")));
    }

    #[test]
    fn buyers_get_short_messages_only() {
        let buyers = ENTRY.replace("payout.sent", "parcel.out").replace("'seller'", "'buyer'");
        let buyers = buyers.replace("{payout}", "{parcel}");
        assert!(NoticeTable::parse(&buyers).is_err());
        NoticeTable::parse(&buyers.replace("'mail', 'sms'", "'sms'")).unwrap();
    }

    #[test]
    fn words_have_their_fields() {
        let table = NoticeTable::parse(ENTRY).unwrap();
        let fields = serde_json::json!({"payout": "7", "amount": "12.30", "currency": "CNY"});
        let serde_json::Value::Object(fields) = fields else { unreachable!() };
        let (title, text) = table.entries()[0].words(NoticeLanguage::Zh, &fields);
        assert_eq!((&*title, &*text), ("付款 7", "已付款 12.30 CNY。"));
    }

    #[test]
    fn the_shipped_table_tells_of_every_event_to_everyone_whom_it_concerns() {
        let table = NoticeTable::parse(SHIPPED_TABLE).unwrap();
        for event in &NOTICE_EVENTS {
            for to in event.audiences {
                let count = table.entries_of(event.name).filter(|(_, one)| one.to == *to).count();
                // A mail a day to who did not ask for it is for the operator to decide.
                let is_report = [REPORT_PUBLISHED, REPORT_CORRECTED].contains(&event.name);
                let is_all = matches!(to, Audience::Sellers | Audience::Firms);
                let is_offered = is_report && is_all;
                assert_eq!(count, usize::from(!is_offered), "{} to {}", event.name, to.name());
            }
        }
    }
}
