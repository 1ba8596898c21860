//! The public text of an offer.

use books::Sha256Digest;
use policy::{ListPrice, MATCHES_MAX, TextMatch, TextPart};
use screening::{Matcher, PublicText, PublicTextError, PublicTextKind};
use serde::{Deserialize, Serialize};

/// Pictures of an offer.
pub const CAPTIONS_MAX: usize = 100;

/// Title and description of an offer, and the captions of its pictures.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OfferText {
    pub title: String,
    #[serde(default)]
    pub description: String,
    #[serde(default)]
    pub captions: Vec<String>,
}

/// Why a text cannot be an offer's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OfferTextFault {
    #[error("the title is empty: write one")]
    NoTitle,
    #[error("the offer has more than {CAPTIONS_MAX} captions: leave some out")]
    TooManyCaptions,
    #[error("{part}: {fault}", part = part_name(*.0), fault = .1)]
    Part(TextPart, PublicTextError),
}

fn part_name(part: TextPart) -> String {
    match part {
        TextPart::Title => "the title".to_owned(),
        TextPart::Description => "the description".to_owned(),
        TextPart::Caption(number) => format!("caption {}", u32::from(number) + 1),
    }
}

impl OfferText {
    /// SHA-256 over title, description and captions, each with its length before it.
    #[must_use]
    pub fn content(&self) -> Sha256Digest {
        let captions = self.captions.iter().map(String::as_str);
        let parts: Vec<&str> =
            [&*self.title, &*self.description].into_iter().chain(captions).collect();
        Sha256Digest(machine::derive_identifier("OfferText", &parts))
    }

    /// The parts that have a text.
    pub fn parts(&self) -> impl Iterator<Item = (TextPart, &str)> {
        let captions = (0..).zip(&self.captions);
        let captions = captions.map(|(number, text)| (TextPart::Caption(number), text.as_str()));
        let own = [(TextPart::Title, &*self.title), (TextPart::Description, &*self.description)];
        own.into_iter().chain(captions).filter(|(_, text)| !text.is_empty())
    }

    /// A part as it was written.
    #[must_use]
    pub fn part(&self, part: TextPart) -> &str {
        self.parts().find(|(one, _)| *one == part).map_or("", |(_, text)| text)
    }

    /// # Errors
    /// The text cannot be published as it is.
    pub fn check(&self) -> Result<(), OfferTextFault> {
        if self.title.trim().is_empty() {
            return Err(OfferTextFault::NoTitle);
        }
        if self.captions.len() > CAPTIONS_MAX {
            return Err(OfferTextFault::TooManyCaptions);
        }
        self.parts().try_for_each(|(part, text)| {
            public(part, text).map(|_| ()).map_err(|fault| OfferTextFault::Part(part, fault))
        })
    }

    /// What the rules find, in the order and number that a command takes.
    #[must_use]
    pub fn find(&self, matcher: &Matcher, prices: &[ListPrice]) -> Vec<TextMatch> {
        let mut all = Vec::new();
        for (part, text) in self.parts() {
            let Ok(text) = public(part, text) else { continue };
            let place = |byte: usize| u32::try_from(byte).unwrap_or(u32::MAX);
            all.extend(matcher.find(text, prices).into_iter().map(|found| TextMatch {
                part,
                start: place(found.span.start),
                end: place(found.span.end),
                rule: found.rule,
                cause: found.cause,
                steps: found.steps,
            }));
        }
        all.sort();
        all.dedup();
        all.truncate(MATCHES_MAX);
        all
    }
}

fn public(part: TextPart, text: &str) -> Result<PublicText<'_>, PublicTextError> {
    let kind = match part {
        TextPart::Title | TextPart::Description => PublicTextKind::Listing,
        TextPart::Caption(_) => PublicTextKind::Caption,
    };
    PublicText::read(kind, text.as_bytes())
}
