//! What the declarations say about commands and fields, as text for people: limits as numbers,
//! without names of the source.

use serde_json::Value;

/// The description of a schema, in one paragraph.
#[must_use]
pub fn description(schema: &Value) -> Option<String> {
    schema.get("description")?.as_str().map(plain)
}

/// The first sentence of a description: what a command does.
#[must_use]
pub fn first_sentence(description: &str) -> &str {
    description.find(". ").map_or(description, |end| &description[..=end])
}

/// A comment of the source as text for people.
#[must_use]
pub fn plain(comment: &str) -> String {
    let text = comment.replace("\n\n", " ").replace('\n', " ");
    // Links of the declarations' documentation: "[`LIMIT`](crate::LIMIT)".
    let mut parts = text.split("](");
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        plain.push_str(part.split_once(')').map_or(part, |(_, after)| after));
    }
    with_values(plain.replace("[`", "`").replace("`]", "`"))
}

/// A text of a declaration, with the limits that it names as numbers.
fn with_values(text: String) -> String {
    let limits: [(&str, u64); 36] = [
        ("APPEAL_ANSWER_DAYS", policy::APPEAL_ANSWER_DAYS.into()),
        ("APPEAL_DAYS", policy::APPEAL_DAYS.into()),
        ("MATCHES_MAX", policy::MATCHES_MAX as u64),
        ("SAMPLE_TEXTS_MAX", policy::SAMPLE_TEXTS_MAX.into()),
        ("API_KEY_DAYS_MAX", books::API_KEY_DAYS_MAX.into()),
        ("ATTEMPTS_MAX", books::ATTEMPTS_MAX.into()),
        ("BREAK_CHANGES_MAX", books::BREAK_CHANGES_MAX.into()),
        ("CLASSES_MAX", tariff::CLASSES_MAX as u64),
        ("DAY_ENDS_REMEMBERED", books::DAY_ENDS_REMEMBERED as u64),
        ("FIRST_AUTOMATIC_BREAK", books::FIRST_AUTOMATIC_BREAK.0),
        ("GRANTS_PER_PERSON_MAX", books::GRANTS_PER_PERSON_MAX.into()),
        ("LINES_PER_FILE_MAX", books::LINES_PER_FILE_MAX.into()),
        ("ENTRY_PARTS_MAX", books::ENTRY_PARTS_MAX as u64),
        ("NUMBERS_REMEMBERED", books::NUMBERS_REMEMBERED as u64),
        ("PAYMENTS_PER_INVOICE_MAX", books::PAYMENTS_PER_INVOICE_MAX.into()),
        ("PAYOUT_RETURN_DAYS", books::PAYOUT_RETURN_DAYS.into()),
        ("RECORDS_PER_COMMAND_MAX", books::RECORDS_PER_COMMAND_MAX.into()),
        ("RETENTION_DAYS", books::RETENTION_DAYS.into()),
        ("RETENTION_DAYS_MIN", books::RETENTION_DAYS_MIN.into()),
        ("RETENTION_DAYS_MAX", books::RETENTION_DAYS_MAX.into()),
        ("ROUTE_CANDIDATES_MAX", books::ROUTE_CANDIDATES_MAX as u64),
        ("SHIPMENTS_PER_ORDER_MAX", books::SHIPMENTS_PER_ORDER_MAX.into()),
        ("TERMS_WAITING_MAX", books::TERMS_WAITING_MAX as u64),
        ("TRACE_NUMBER_MAX", books::TRACE_NUMBER_MAX.into()),
        ("TRANSACTIONS_PER_BATCH_MAX", books::TRANSACTIONS_PER_BATCH_MAX as u64),
        ("UTC_OFFSET_CHANGES_MAX", books::UTC_OFFSET_CHANGES_MAX as u64),
        ("CART_LINES_MAX", market::CART_LINES_MAX as u64),
        ("COUPONS_PER_COMMAND_MAX", market::COUPONS_PER_COMMAND_MAX as u64),
        ("COUPONS_PER_ORDER_MAX", market::COUPONS_PER_ORDER_MAX as u64),
        ("PROMOTION_LIST_MAX", market::PROMOTION_LIST_MAX as u64),
        ("RESERVATION_MINUTES_MAX", market::RESERVATION_MINUTES_MAX),
        ("RETURN_DAYS_MAX", market::RETURN_DAYS_MAX.into()),
        ("STOCK_MAX", market::STOCK_MAX.into()),
        ("UNITS_PER_ORDER_MAX", market::UNITS_PER_ORDER_MAX.into()),
        ("VARIANTS_PER_OFFER_MAX", market::VARIANTS_PER_OFFER_MAX as u64),
        ("WRONG_CODES_MAX", books::WRONG_CODES_MAX as u64),
    ];
    let entry_max = money::Amount::ENTRY_MAX.minor().to_string();
    let with = |text: String, (name, value): (&str, u64)| {
        text.replace(&format!("`{name}`"), &value.to_string())
    };
    limits
        .into_iter()
        .fold(text, with)
        .replace("`Refusal::", "`")
        .replace("`Amount::ENTRY_MAX`", &entry_max)
        .replace("`Amount::MAX`", &money::Amount::MAX.minor().to_string())
}
