//! Limits. Everything in the policy has one.

/// Rules of a version.
pub const RULES_MAX: usize = 1_000;
/// Words of a rule, and entries of its allow-list.
pub const WORDS_MAX: usize = 100_000;
/// Patterns of a rule.
pub const PATTERNS_MAX: usize = 1_000;
/// Examples of a rule on each side.
pub const EXAMPLES_MAX: usize = 1_000;
/// Characters of a word, a pattern, an example and of what a rule says.
pub const ENTRY_CHARS_MAX: usize = 1_000;

/// Versions of the policy.
pub const VERSIONS_MAX: u32 = 10_000;

/// Matches of one text. Of more, the first ones count.
pub const MATCHES_MAX: usize = 1_000;

/// Bytes of one part of a text: title, description, caption.
pub const TEXT_BYTES_MAX: usize = 64 << 10;

/// Decisions about one offer.
pub const DECISIONS_PER_OFFER_MAX: u32 = 100_000;

/// Days in which a seller can appeal (Regulation (EU) 2022/2065, Article 20: at least six months).
pub const APPEAL_DAYS: u16 = 183;

/// Days in which an appeal is to be judged.
pub const APPEAL_ANSWER_DAYS: u16 = 14;

/// Texts of one sample.
pub const SAMPLE_TEXTS_MAX: u16 = 1_000;

/// Samples that were ever drawn.
pub const SAMPLES_MAX: u32 = 10_000;
