//! The public text of an offer, with the pictures that it is shown with.

use books::Sha256Digest;
use policy::{ListPrice, MATCHES_MAX, TextMatch, TextPart};
use screening::{Matcher, PublicText, PublicTextError, PublicTextKind};
use serde::{Deserialize, Serialize};

pub const CAPTIONS_MAX: usize = 100;
/// Pictures of an offer.
pub const PICTURES_MAX: usize = 12;
/// Of the tag of a language (RFC 5646).
pub const LANGUAGE_BYTES_MAX: usize = 35;

/// Title and description of an offer, its pictures with their captions, and its language.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OfferText {
    pub title: String,
    #[serde(default)]
    pub description: String,
    /// Of the picture at the same place.
    #[serde(default)]
    pub captions: Vec<String>,
    /// Each a name of the store: SHA-256 of a picture as it is kept.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pictures: Vec<Sha256Digest>,
    /// In which the text is written, as a tag: `zh`, `en`, `pt-BR`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
}

/// Why a text cannot be an offer's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OfferTextFault {
    #[error("the title is empty: write one")]
    NoTitle,
    #[error("the offer has more than {CAPTIONS_MAX} captions: leave some out")]
    TooManyCaptions,
    #[error("the offer has more than {PICTURES_MAX} pictures: leave some out")]
    TooManyPictures,
    #[error("the language is no tag such as `zh`, `en` or `pt-BR`: correct it")]
    Language,
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
    /// SHA-256 over title, description and captions, each with its length before it; where there
    /// are any, over language, pictures and the number of captions too.
    #[must_use]
    pub fn content(&self) -> Sha256Digest {
        let captions = self.captions.iter().map(String::as_str);
        let mut parts: Vec<&str> =
            [&*self.title, &*self.description].into_iter().chain(captions).collect();
        if self.pictures.is_empty() && self.language.is_none() {
            return Sha256Digest(machine::derive_identifier("OfferText", &parts));
        }
        let more: Vec<String> = [self.captions.len().to_string()]
            .into_iter()
            .chain(self.language.clone().or(Some(String::new())))
            .chain(self.pictures.iter().map(Sha256Digest::to_string))
            .collect();
        parts.extend(more.iter().map(String::as_str));
        Sha256Digest(machine::derive_identifier("OfferTextWithPictures", &parts))
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
        if self.pictures.len() > PICTURES_MAX {
            return Err(OfferTextFault::TooManyPictures);
        }
        if self.language.as_deref().is_some_and(|tag| !is_language(tag)) {
            return Err(OfferTextFault::Language);
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

fn is_language(tag: &str) -> bool {
    let is_part = |part: &str| {
        (1..=8).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_alphanumeric())
    };
    let first = tag.split('-').next().unwrap_or_default();
    let named = first.len() >= 2 && first.bytes().all(|byte| byte.is_ascii_alphabetic());
    tag.len() <= LANGUAGE_BYTES_MAX && named && tag.split('-').all(is_part)
}
