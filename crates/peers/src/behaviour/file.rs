//! Behaviour files (TOML).

use std::ops::Range;

use serde::Deserialize;
use toml::Spanned;

use super::{
    Behaviour, BehaviourRule, DELAY_MS_MAX, DigitPattern, NetworkRequestKind, Outage, OutageClock,
    OutageMode, ResponseAction, RuleCondition,
};
use crate::chance::WHOLE_PPM;
use crate::codes::ResponseCode;

/// Largest behaviour file.
pub const BEHAVIOUR_BYTES_MAX: usize = 1 << 20;

/// Most rules, and most outages, in one file.
pub const RULES_MAX: usize = 1_000;

/// Field 4 has twelve digits.
const AMOUNT_DIGITS_MAX: usize = 12;
const BIN_DIGITS_MAX: usize = 6;

/// A behaviour file is invalid.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {}{what}", key.map(|key| format!("{key}: ")).unwrap_or_default())]
pub struct BehaviourError {
    /// The line, from 1.
    pub line: usize,
    pub key: Option<&'static str>,
    /// What is wrong and how to correct it.
    pub what: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawBehaviour {
    delay_ms: Option<Spanned<i64>>,
    jitter_ms: Option<Spanned<i64>>,
    #[serde(default)]
    rule: Vec<Spanned<RawRule>>,
    #[serde(default)]
    outage: Vec<Spanned<RawOutage>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawRule {
    kinds: Option<Vec<Spanned<String>>>,
    amount_from: Option<Spanned<i64>>,
    amount_to: Option<Spanned<i64>>,
    amount_ends: Option<Spanned<String>>,
    bin: Option<Spanned<String>>,
    every: Option<Spanned<i64>>,
    share_ppm: Option<Spanned<i64>>,
    action: Option<Spanned<String>>,
    code: Option<Spanned<String>>,
    ms: Option<Spanned<i64>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawOutage {
    from_s: Option<Spanned<i64>>,
    to_s: Option<Spanned<i64>>,
    since: Option<Spanned<String>>,
    link: Option<Spanned<String>>,
}

pub(super) fn parse(text: &str) -> Result<Behaviour, BehaviourError> {
    if text.len() > BEHAVIOUR_BYTES_MAX {
        let what = format!("the file is longer than {BEHAVIOUR_BYTES_MAX} bytes");
        return Err(BehaviourError { line: 1, key: None, what });
    }
    let reader = Reader { text };
    let raw: RawBehaviour = toml::from_str(text)
        .map_err(|bad| reader.error(&bad.span().unwrap_or(0..0), None, bad.message()))?;
    for (places, name) in [(spans(&raw.rule), "rule"), (spans(&raw.outage), "outage")] {
        if let Some(beyond) = places.get(RULES_MAX) {
            let what = format!("at most {RULES_MAX} are allowed; merge some");
            return Err(reader.error(beyond, Some(name), what));
        }
    }
    let delay = |raw: &Option<Spanned<i64>>, key| {
        raw.as_ref().map_or(Ok(0), |raw| reader.number(raw, key, 0, DELAY_MS_MAX))
    };
    Ok(Behaviour {
        delay_ms: delay(&raw.delay_ms, "delay_ms")?,
        jitter_ms: delay(&raw.jitter_ms, "jitter_ms")?,
        rules: raw.rule.iter().map(|rule| reader.rule(rule)).collect::<Result<_, _>>()?,
        outages: raw.outage.iter().map(|raw| reader.outage(raw)).collect::<Result<_, _>>()?,
    })
}

fn spans<T>(raw: &[Spanned<T>]) -> Vec<Range<usize>> {
    raw.iter().map(Spanned::span).collect()
}

struct Reader<'t> {
    text: &'t str,
}

impl Reader<'_> {
    fn error(
        &self,
        span: &Range<usize>,
        key: Option<&'static str>,
        what: impl Into<String>,
    ) -> BehaviourError {
        let before = self.text.get(..span.start).unwrap_or("");
        BehaviourError { line: before.matches('\n').count() + 1, key, what: what.into() }
    }

    fn number<T: TryFrom<i64> + PartialOrd + Copy + std::fmt::Display>(
        &self,
        raw: &Spanned<i64>,
        key: &'static str,
        least: T,
        most: T,
    ) -> Result<T, BehaviourError> {
        let fits = |number: &T| least <= *number && *number <= most;
        let number = T::try_from(*raw.get_ref()).ok().filter(fits);
        number.ok_or_else(|| {
            self.error(&raw.span(), Some(key), format!("write a number from {least} to {most}"))
        })
    }

    fn missing<'r, T>(
        &self,
        value: &'r Option<Spanned<T>>,
        key: &'static str,
        span: &Range<usize>,
        what: &str,
    ) -> Result<&'r Spanned<T>, BehaviourError> {
        value.as_ref().ok_or_else(|| self.error(span, Some(key), format!("is missing: {what}")))
    }

    fn needless<T>(
        &self,
        value: &Option<Spanned<T>>,
        key: &'static str,
        action: &str,
    ) -> Result<(), BehaviourError> {
        let what = || format!("action `{action}` does not use it; remove it");
        value.as_ref().map_or(Ok(()), |value| Err(self.error(&value.span(), Some(key), what())))
    }

    fn rule(&self, raw: &Spanned<RawRule>) -> Result<BehaviourRule, BehaviourError> {
        let (span, raw) = (raw.span(), raw.get_ref());
        let number = |raw: &Option<Spanned<i64>>, key| {
            raw.as_ref().map(|raw| self.number(raw, key, 0, AMOUNT_MAX)).transpose()
        };
        let small = |raw: &Option<Spanned<i64>>, key, least, most| {
            raw.as_ref().map(|raw| self.number(raw, key, least, most)).transpose()
        };
        let digits = |raw: &Option<Spanned<String>>, key, most| {
            raw.as_ref().map(|raw| self.digits(raw, key, most)).transpose()
        };
        let when = RuleCondition {
            kinds: self.kinds(raw.kinds.as_deref().unwrap_or_default())?,
            amount_from: number(&raw.amount_from, "amount_from")?,
            amount_to: number(&raw.amount_to, "amount_to")?,
            amount_ends: digits(&raw.amount_ends, "amount_ends", AMOUNT_DIGITS_MAX)?,
            bin: digits(&raw.bin, "bin", BIN_DIGITS_MAX)?,
            every: small(&raw.every, "every", 1, 1_000_000_000)?,
            share_ppm: small(&raw.share_ppm, "share_ppm", 0, WHOLE_PPM)?,
        };
        if let (Some(from), Some(to), Some(place)) =
            (when.amount_from, when.amount_to, &raw.amount_to)
            && to < from
        {
            let what = "is below amount_from: no amount matches";
            return Err(self.error(&place.span(), Some("amount_to"), what));
        }
        Ok(BehaviourRule { when, action: self.action(&span, raw)? })
    }

    fn kinds(&self, raw: &[Spanned<String>]) -> Result<Vec<&'static str>, BehaviourError> {
        let one = |raw: &Spanned<String>| {
            let known = NetworkRequestKind::NAMES.into_iter().find(|name| name == raw.get_ref());
            known.ok_or_else(|| {
                let known = NetworkRequestKind::NAMES.join(", ");
                let what = format!("`{}` is not one of {known}", shown(raw.get_ref()));
                self.error(&raw.span(), Some("kinds"), what)
            })
        };
        raw.iter().map(one).collect()
    }

    fn digits(
        &self,
        raw: &Spanned<String>,
        key: &'static str,
        most: usize,
    ) -> Result<DigitPattern, BehaviourError> {
        let text = raw.get_ref();
        let fits = (1..=most).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
        let value = text.parse().ok().filter(|_| fits);
        match (value, u32::try_from(text.len())) {
            (Some(value), Ok(count)) => Ok(DigitPattern { value, digit_count: count }),
            _ => {
                let what = format!("write 1 to {most} digits in quotes");
                Err(self.error(&raw.span(), Some(key), what))
            }
        }
    }

    fn action(&self, span: &Range<usize>, raw: &RawRule) -> Result<ResponseAction, BehaviourError> {
        let known = "approve, decline, silent, lost, late, double, wrong_mac or late_decline";
        let action = self.missing(&raw.action, "action", span, known)?;
        let name = action.get_ref().as_str();
        let code = || {
            let what = "the response code, two letters or digits";
            self.code(self.missing(&raw.code, "code", span, what)?)
        };
        let ms = || {
            let raw = self.missing(&raw.ms, "ms", span, "the delay in milliseconds")?;
            self.number(raw, "ms", 1, DELAY_MS_MAX)
        };
        if !matches!(name, "decline" | "late_decline") {
            self.needless(&raw.code, "code", name)?;
        }
        if !matches!(name, "late" | "late_decline") {
            self.needless(&raw.ms, "ms", name)?;
        }
        Ok(match name {
            "approve" => ResponseAction::Approve,
            "decline" => ResponseAction::Decline { code: code()? },
            "silent" => ResponseAction::Silent,
            "lost" => ResponseAction::Lost,
            "late" => ResponseAction::Late { ms: ms()? },
            "double" => ResponseAction::Double,
            "wrong_mac" => ResponseAction::WrongMac,
            "late_decline" => ResponseAction::LateDecline { code: code()?, ms: ms()? },
            other => {
                let what = format!("`{}` is not one of {known}", shown(other));
                return Err(self.error(&action.span(), Some("action"), what));
            }
        })
    }

    fn code(&self, raw: &Spanned<String>) -> Result<ResponseCode, BehaviourError> {
        let code = raw.get_ref().as_bytes().try_into().ok().and_then(ResponseCode::new);
        let wrong = |what| self.error(&raw.span(), Some("code"), what);
        match code {
            Some(ResponseCode::APPROVED) => {
                Err(wrong("00 means approved; give the code of a decline"))
            }
            Some(code) => Ok(code),
            None => Err(wrong("a response code is two letters or digits, in quotes")),
        }
    }

    fn outage(&self, raw: &Spanned<RawOutage>) -> Result<Outage, BehaviourError> {
        let (span, raw) = (raw.span(), raw.get_ref());
        let from = self.missing(&raw.from_s, "from_s", &span, "the first second of the outage")?;
        let to = self.missing(&raw.to_s, "to_s", &span, "the first second after the outage")?;
        let from_s: u32 = self.number(from, "from_s", 0, SECONDS_MAX)?;
        let to_s: u32 = self.number(to, "to_s", 0, SECONDS_MAX)?;
        if to_s <= from_s {
            let what = "must be after from_s";
            return Err(self.error(&to.span(), Some("to_s"), what));
        }
        let since = match &raw.since {
            None => OutageClock::FirstEvent,
            Some(since) => match since.get_ref().as_str() {
                "start" => OutageClock::FirstEvent,
                "midnight" => OutageClock::Midnight,
                other => {
                    let what = format!("`{}` is not one of start, midnight", shown(other));
                    return Err(self.error(&since.span(), Some("since"), what));
                }
            },
        };
        if since == OutageClock::Midnight && to_s > DAY_S {
            let what = format!("a day has {DAY_S} seconds; write two outages");
            return Err(self.error(&to.span(), Some("to_s"), what));
        }
        let link = match &raw.link {
            None => OutageMode::Silent,
            Some(link) => match link.get_ref().as_str() {
                "silent" => OutageMode::Silent,
                "closes" => OutageMode::Closes,
                other => {
                    let what = format!("`{}` is not one of silent, closes", shown(other));
                    return Err(self.error(&link.span(), Some("link"), what));
                }
            },
        };
        Ok(Outage { from_s, to_s, clock: since, mode: link })
    }
}

const AMOUNT_MAX: u64 = 999_999_999_999;
const DAY_S: u32 = 86_400;
/// Ten years.
const SECONDS_MAX: u32 = 315_360_000;

fn shown(text: &str) -> String {
    text.chars().take(24).collect()
}
