//! A verdict as schema.org's `ClaimReview`, in JSON-LD.

use serde_json::{Map, Value, json};

use super::{Claim, Verdict};

/// Who judges, in the review.
const REVIEWER: &str = "Doorstep";

/// A verdict as `ClaimReview` (schema.org). `body` has the arithmetic in sentences, and
/// `verdict_name` the verdict in their language.
#[must_use]
pub fn claim_review(claim: &Claim, verdict: Verdict, verdict_name: &str, body: &str) -> Value {
    let rating = match verdict {
        Verdict::CannotHold => 1,
        Verdict::NeedsDefinition => 2,
        Verdict::Holds => 3,
    };
    let mut appearance = Map::new();
    appearance.insert("@type".into(), "Claim".into());
    if let Some(publisher) = &claim.publisher {
        let author = json!({ "@type": "Organization", "name": publisher });
        appearance.insert("author".into(), author);
    }
    if let Some(date) = &claim.date {
        appearance.insert("datePublished".into(), date.as_str().into());
    }
    if let Some(source) = &claim.source {
        let work = match source.starts_with("https://") || source.starts_with("http://") {
            true => json!({ "@type": "CreativeWork", "url": source }),
            false => json!({ "@type": "CreativeWork", "name": source }),
        };
        appearance.insert("appearance".into(), work);
    }
    json!({
        "@context": "https://schema.org",
        "@type": "ClaimReview",
        "claimReviewed": claim.text.as_ref().unwrap_or(&claim.id),
        "itemReviewed": appearance,
        "author": { "@type": "Organization", "name": REVIEWER },
        "reviewRating": {
            "@type": "Rating",
            "ratingValue": rating,
            "bestRating": 3,
            "worstRating": 1,
            "alternateName": verdict_name,
        },
        "reviewBody": body,
    })
}
