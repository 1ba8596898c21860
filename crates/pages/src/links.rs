//! Addresses of pages.

use std::fmt::Write as _;

/// An address with its query, as it is built.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    text: String,
    has_query: bool,
}

impl Link {
    /// To a path, whose parts are plain.
    #[must_use]
    pub fn to(path: &str) -> Link {
        Link { text: path.to_owned(), has_query: false }
    }

    /// With one more part of the path.
    #[must_use]
    pub fn part(mut self, part: &str) -> Link {
        self.text.push('/');
        push_encoded(&mut self.text, part);
        self
    }

    /// With a parameter.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Link {
        self.text.push(if self.has_query { '&' } else { '?' });
        self.has_query = true;
        push_encoded(&mut self.text, name);
        self.text.push('=');
        push_encoded(&mut self.text, value);
        self
    }

    /// As of a batch, if the page is.
    #[must_use]
    pub fn at(self, at: Option<u64>) -> Link {
        match at {
            Some(batch) => self.with("at", &batch.to_string()),
            None => self,
        }
    }

    #[must_use]
    pub fn text(self) -> String {
        self.text
    }
}

/// What may stand in a query stands for itself, all else is encoded.
fn push_encoded(out: &mut String, text: &str) {
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' | b',' | b':' => {
                out.push(char::from(byte));
            }
            other => {
                let _ = write!(out, "%{other:02X}");
            }
        }
    }
}

/// The path of a view's list.
#[must_use]
pub fn list_path(view: &str) -> String {
    format!("/{}", view.replace('_', "-"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_values_are_encoded() {
        let link = Link::to("/parcels").with("state", "authorised, void pending");
        let link = link.with("seller", "café&co").at(Some(7));
        assert_eq!(
            link.text(),
            "/parcels?state=authorised,%20void%20pending&seller=caf%C3%A9%26co&at=7"
        );
        assert_eq!(Link::to("/sellers").part("a/b").at(None).text(), "/sellers/a%2Fb");
    }
}
