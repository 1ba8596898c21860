//! Writes the text of a code.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use crate::code::{
    ACCOUNT_TAGS, ADDITIONAL_OTHER_TAGS, ADDITIONAL_TEMPLATE_TAGS, AdditionalData, FIELD_TAGS,
    LANGUAGE_OTHER_TAGS, LanguageTemplate, PointOfInitiation, QrCode, RESERVED_TAGS, SCHEME_TAGS,
    Template, Tip, UNRESERVED_TAGS,
};
use crate::crc::crc16_ccitt_false;
use crate::error::{QrError, QrRule, TagLocation};
use crate::{CODE_CHARACTERS_MAX, value_format};

impl QrCode {
    /// The text of the code: tags in ascending order, the checksum last.
    ///
    /// # Errors
    /// The tag and the broken rule of EMV QRCPS MPM 1.1.
    pub fn write(&self) -> Result<String, QrError> {
        self.check_accounts()?;
        let mut out = Writer::new(TagLocation::ROOT);
        out.put(0, "01")?;
        match self.initiation {
            Some(PointOfInitiation::Static) => out.put(1, "11")?,
            Some(PointOfInitiation::Dynamic) => out.put(1, "12")?,
            None => {}
        }
        out.put_all(SCHEME_TAGS, &self.scheme_accounts)?;
        out.put_templates(ACCOUNT_TAGS, &self.accounts)?;
        out.put(52, &format!("{:04}", self.merchant_category))?;
        out.put(53, &format!("{:03}", self.currency))?;
        out.put_some(54, self.amount.as_ref().map(|amount| amount.as_str()))?;
        match &self.tip {
            None => {}
            Some(Tip::Prompt) => out.put(55, "01")?,
            Some(Tip::Fixed(fee)) => {
                out.put(55, "02")?;
                out.put(56, fee.as_str())?;
            }
            Some(Tip::Percent(percent)) => {
                out.put(55, "03")?;
                out.put(57, percent.as_str())?;
            }
        }
        out.put(58, &self.country)?;
        out.put(59, &self.merchant_name)?;
        out.put(60, &self.merchant_city)?;
        out.put_some(61, self.postal_code.as_deref())?;
        if let Some(additional) = &self.additional {
            out.put_nested(62, |inner| put_additional(inner, additional))?;
        }
        if let Some(language) = &self.language {
            out.put_nested(64, |inner| put_language(inner, language))?;
        }
        out.put_all(RESERVED_TAGS, &self.reserved)?;
        out.put_templates(UNRESERVED_TAGS, &self.unreserved)?;
        out.finish()
    }
}

fn put_additional(out: &mut Writer, additional: &AdditionalData) -> Result<(), QrError> {
    for (tag, value) in additional.named() {
        out.put_some(tag, value.as_deref())?;
    }
    out.put_all(ADDITIONAL_OTHER_TAGS, &additional.other)?;
    out.put_templates(ADDITIONAL_TEMPLATE_TAGS, &additional.templates)
}

fn put_language(out: &mut Writer, language: &LanguageTemplate) -> Result<(), QrError> {
    out.put(0, &language.language)?;
    out.put(1, &language.merchant_name)?;
    out.put_some(2, language.merchant_city.as_deref())?;
    out.put_all(LANGUAGE_OTHER_TAGS, &language.other)
}

/// Writes the text of a code or of a template.
struct Writer {
    place: TagLocation,
    text: String,
}

impl Writer {
    fn new(location: TagLocation) -> Writer {
        Writer { place: location, text: String::new() }
    }

    fn put(&mut self, tag: u8, value: &str) -> Result<(), QrError> {
        value_format::check(self.place.tag(tag), value)?;
        let length = value.chars().count();
        self.text.push_str(&format!("{tag:02}{length:02}{value}"));
        Ok(())
    }

    fn put_some(&mut self, tag: u8, value: Option<&str>) -> Result<(), QrError> {
        value.map_or(Ok(()), |value| self.put(tag, value))
    }

    fn put_all(
        &mut self,
        allowed: RangeInclusive<u8>,
        fields: &BTreeMap<u8, String>,
    ) -> Result<(), QrError> {
        for (&tag, value) in fields {
            self.check_tag(&allowed, tag)?;
            self.put(tag, value)?;
        }
        Ok(())
    }

    fn put_templates(
        &mut self,
        allowed: RangeInclusive<u8>,
        templates: &BTreeMap<u8, Template>,
    ) -> Result<(), QrError> {
        for (&tag, template) in templates {
            self.check_tag(&allowed, tag)?;
            self.put_nested(tag, |inner| {
                inner.put(0, &template.guid)?;
                inner.put_all(FIELD_TAGS, &template.fields)
            })?;
        }
        Ok(())
    }

    fn put_nested(
        &mut self,
        tag: u8,
        fill: impl FnOnce(&mut Writer) -> Result<(), QrError>,
    ) -> Result<(), QrError> {
        let mut inner = Writer::new(self.place.tag(tag));
        fill(&mut inner)?;
        self.put(tag, &inner.text)
    }

    fn check_tag(&self, allowed: &RangeInclusive<u8>, tag: u8) -> Result<(), QrError> {
        if allowed.contains(&tag) {
            return Ok(());
        }
        let rule = QrRule::TagNotAllowed { first: *allowed.start(), last: *allowed.end() };
        Err(self.place.tag(tag).violates(rule))
    }

    /// Appends the checksum.
    fn finish(mut self) -> Result<String, QrError> {
        self.text.push_str("6304");
        let checksum = crc16_ccitt_false(self.text.as_bytes());
        self.text.push_str(&format!("{checksum:04X}"));
        match self.text.chars().count() {
            0..=CODE_CHARACTERS_MAX => Ok(self.text),
            characters => Err(self.place.violates(QrRule::CodeLength { characters })),
        }
    }
}
