//! Forms: bodies of POST, and what the filter bar sends, as parameters of an address.

use pages::Link;
use pages::forms::{plain_digits, read_money};
use switch::waybill;
use views::read::FILTER_VALUES_MAX;
use views::{ColumnKind, ViewSpec};

use crate::app::Call;
use crate::json::invisible;
use crate::problem::{Problem, ProblemKind};
use crate::query::decoded;

/// The pairs of a form.
#[derive(Clone)]
pub(crate) struct Form(Vec<(String, String)>);

impl Form {
    pub fn get(&self, name: &str) -> &str {
        let found = self.0.iter().find(|(other, _)| other == name);
        found.map_or("", |(_, value)| value)
    }

    /// Sets a value in the place of what was sent.
    pub fn set(&mut self, name: &str, value: String) {
        self.0.retain(|(other, _)| other != name);
        self.0.push((name.to_owned(), value));
    }

    pub fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// Reads `a=b&c=d`.
    pub fn read(text: &str) -> Result<Form, Problem> {
        let pairs = text.split('&').filter(|pair| !pair.is_empty()).map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            Some((decoded(name)?, decoded(value)?))
        });
        let pairs: Option<Vec<_>> = pairs.collect();
        Ok(Form(pairs.ok_or(ProblemKind::BadQuery)?))
    }

    /// The body of a call.
    pub async fn of(call: &mut Call) -> Result<Form, Problem> {
        call.require_content(&["application/x-www-form-urlencoded"])?;
        let body = call.whole_body().await?;
        Form::read(std::str::from_utf8(&body).map_err(|_| ProblemKind::BadQuery)?)
    }
}

/// A page of ours, to go to. Another site's would be one to be sent away to.
pub(crate) fn own_path(text: &str) -> &str {
    let is_path = text.starts_with('/') && !text.starts_with("//") && !text.contains('\\');
    if is_path && text.is_ascii() && invisible(text).is_none() { text } else { "/" }
}

/// A parcel as people write it.
fn parcel(text: &str) -> Option<String> {
    if let Ok(id) = waybill::read(text.as_bytes()) {
        return Some(format!("par_{id}"));
    }
    let id: books::ParcelId = text.strip_prefix("par_").unwrap_or(text).parse().ok()?;
    Some(format!("par_{id}"))
}

/// The address of a list for what the filter bar sent: without what is empty, with amounts in minor
/// units, parcels by their identifiers, and what could not be read as `unread`.
pub(super) fn list_address(path: &str, view: &ViewSpec, form: &Form, currency: &str) -> String {
    let mut link = Link::to(path);
    let mut unread: Option<(String, Vec<String>)> = None;
    for (name, value) in &form.0 {
        let (column, how) = name.split_once('.').unwrap_or((name, ""));
        let value = value.trim();
        if value.is_empty() || name == "form" || name == "unread" || invisible(name).is_some() {
            continue;
        }
        let Some(column) = view.column(column) else {
            link = link.with(name, value);
            continue;
        };
        match column.kind {
            ColumnKind::Parcel if how.is_empty() => {
                let texts = value.split(|c: char| c.is_whitespace() || ",;，；".contains(c));
                let texts = texts.filter(|text| !text.is_empty()).take(FILTER_VALUES_MAX);
                let (mut read, mut others) = (Vec::new(), Vec::new());
                for text in texts {
                    match parcel(text) {
                        Some(id) => read.push(id),
                        None => others.push(text.to_owned()),
                    }
                }
                if !read.is_empty() {
                    link = link.with(name, &read.join(","));
                }
                if !others.is_empty() {
                    unread = Some((column.name.to_owned(), others));
                }
            }
            ColumnKind::Amount { .. } | ColumnKind::MinorUnits => {
                let of = form.get("currency");
                match read_money(value, if of.is_empty() { currency } else { of }) {
                    Some(minor) => link = link.with(name, &minor.to_string()),
                    None => unread = Some((column.name.to_owned(), vec![value.to_owned()])),
                }
            }
            ColumnKind::Number | ColumnKind::Batch => match plain_digits(value) {
                Some(digits) => link = link.with(name, &digits),
                None => unread = Some((column.name.to_owned(), vec![value.to_owned()])),
            },
            _ => link = link.with(name, value),
        }
    }
    if let Some((column, texts)) = unread {
        let texts: Vec<String> =
            texts.iter().take(8).map(|one| one.chars().take(40).collect()).collect();
        link = link.with("unread", &format!("{column}:{}", texts.join(" ")));
    }
    link.text()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_becomes_the_address_that_the_api_takes() {
        let view = ViewSpec::find("parcels").unwrap();
        let address = |text: &str| {
            let form = Form::read(text).unwrap();
            list_address("/parcels", view, &form, "CNY")
        };
        assert_eq!(
            address("form=1&state=out&seller=&due.from=1%2C028.5&due.until=x&at=7"),
            "/parcels?state=out&due.from=102850&at=7&unread=due:x"
        );
        let id = books::ParcelId::new(7);
        let waybill = waybill::write(id).to_lowercase();
        assert_eq!(
            address(&format!("parcel={waybill}%0Apar_{id}%2C+nothing")),
            format!("/parcels?parcel=par_{id},par_{id}&unread=parcel:nothing")
        );
    }

    #[test]
    fn nobody_is_sent_to_another_site() {
        for (text, path) in [
            ("/parcels?state=out", "/parcels?state=out"),
            ("//evil.example", "/"),
            ("https://evil.example", "/"),
            ("/\\evil.example", "/"),
            ("", "/"),
            ("/x\r\nSet-Cookie: a=b", "/"),
        ] {
            assert_eq!(own_path(text), path);
        }
    }
}
