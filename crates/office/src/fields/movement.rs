//! What moved a bank account, by the name that lists give it: `deposit 7`, `clearing-file alpha/3`.
//! [`reports::movement_name`] writes the name.

use books::{BankMovement, Books};
use serde_json::{Value, json};

use super::{KnownParties, WantedParty};

/// The parties that a name can have.
pub(super) fn parties_of(name: &str) -> Vec<WantedParty> {
    let Some((kind, of)) = name.split_once(' ') else { return Vec::new() };
    let party = |id_type: &str, name: &str| (id_type.to_owned(), name.to_owned());
    let before = |parts: usize| of.rsplitn(parts + 1, '/').nth(parts).unwrap_or_default();
    match kind {
        "clearing-file" => vec![party("NetworkId", before(1)), party("WalletId", before(1))],
        "commission" => vec![party("FirmId", before(1))],
        "invoice" => vec![party("SellerId", before(3))],
        "refund" | "collection" => {
            vec![party("SellerId", of.split('/').next().unwrap_or_default())]
        }
        _ => Vec::new(),
    }
}

/// The declared form of a name, or of JSON in this form. `None` if it is neither.
pub(super) fn value(given: &str, parties: &KnownParties) -> Option<Value> {
    let found: BankMovement = match given.starts_with('{') {
        true => serde_json::from_str(given).ok()?,
        false => serde_json::from_value(named(given, parties)?).ok()?,
    };
    serde_json::to_value(found).ok()
}

fn named(name: &str, parties: &KnownParties) -> Option<Value> {
    // `Deposit=7` is the form of a variant with its content.
    let (kind, of) = name.split_once(' ').or_else(|| name.split_once('='))?;
    let number = |text: &str| text.parse::<u32>().ok();
    let split = || of.rsplit_once('/');
    let payment = |of: &str| {
        let (parcel, number) = of.rsplit_once('/')?;
        let number: u8 = number.parse().ok()?;
        Some(json!({ "parcel": parties.parcel(parcel)?, "number": number }))
    };
    let break_id = of.strip_prefix(reports::BREAK_PREFIX).unwrap_or(of);
    Some(match kind {
        "clearing-file" => {
            let (rail, file) = split()?;
            let known = |id_type: &'static str| parties.known(id_type, rail);
            let rail = match (known("NetworkId"), known("WalletId")) {
                (Some(id), None) => json!({ "Network": id.to_string() }),
                (None, Some(id)) => json!({ "Wallet": id.to_string() }),
                _ => return None,
            };
            json!({ "ClearingFile": { "rail": rail, "file": number(file)? } })
        }
        "deposit" | "Deposit" => json!({ "Deposit": of }),
        "payout" | "Payout" => json!({ "Payout": of }),
        "returned-payout" | "ReturnedPayout" => json!({ "ReturnedPayout": of }),
        "refund" => {
            let (of, number) = split()?;
            json!({ "Refund": { "payment": payment(of)?, "number": number.parse::<u8>().ok()? } })
        }
        "commission" => {
            let (firm, at) = split()?;
            let firm = parties.known("FirmId", firm)?.to_string();
            json!({ "Commission": { "firm": firm, "number": number(at)? } })
        }
        "tax" | "Tax" => json!({ "Tax": number(of)? }),
        "invoice" => {
            let mut parts = of.rsplitn(4, '/');
            let mut part = || parts.next();
            let (number, invoice, currency, seller) = (part()?, part()?, part()?, part()?);
            json!({ "InvoicePayment": {
                "seller": parties.known("SellerId", seller)?.to_string(), "currency": currency,
                "invoice": invoice.parse::<u32>().ok()?, "number": number.parse::<u8>().ok()?,
            } })
        }
        "adjustment" | "Adjustment" => json!({ "Adjustment": number(of)? }),
        "break" | "Break" => json!({ "Break": break_id }),
        "closed-break" | "BreakClosed" => json!({ "BreakClosed": break_id }),
        "collection" => json!({ "Collection": payment(of)? }),
        _ => return None,
    })
}

/// What moved a bank account, by its name. `None` if the text is no name of the kind.
#[must_use]
pub fn find_movement(books: &Books, name: &str) -> Option<BankMovement> {
    let parties = KnownParties::of(books, &parties_of(name).into_iter().collect());
    serde_json::from_value(value(name, &parties)?).ok()
}

#[cfg(test)]
mod tests {
    use books::{BreakId, DepositId, FirmId, NetworkId, PaymentId, PayoutId, RailId, SellerId};

    use super::*;

    #[test]
    fn each_movement_is_found_by_its_name() {
        use BankMovement as M;
        let known = [("NetworkId", "alpha", 3), ("FirmId", "f-1", 4), ("SellerId", "s/1", 5)];
        let known = known.map(|(of, name, id)| ((of, name.to_owned()), id));
        let parties = KnownParties(known.into_iter().collect());
        let payment = PaymentId { parcel: books::ParcelId::new(7), number: 2 };
        let parcel = payment.parcel.to_string();
        let (cny, big) = (money::Currency::CNY, BreakId((1 << 63) + 1));
        let invoice =
            M::InvoicePayment { seller: SellerId(5), currency: cny, invoice: 3, number: 1 };
        for (name, movement) in [
            (
                "clearing-file alpha/9",
                M::ClearingFile { rail: RailId::Network(NetworkId(3)), file: 9 },
            ),
            ("deposit 7", M::Deposit(DepositId(7))),
            ("Deposit=7", M::Deposit(DepositId(7))),
            ("{\"Deposit\": \"7\"}", M::Deposit(DepositId(7))),
            ("payout 8", M::Payout(PayoutId(8))),
            ("returned-payout 8", M::ReturnedPayout(PayoutId(8))),
            (&format!("refund {parcel}/2/1"), M::Refund { payment, number: 1 }),
            ("commission f-1/2", M::Commission { firm: FirmId(4), number: 2 }),
            ("tax 4", M::Tax(4)),
            ("invoice s/1/CNY/3/1", invoice),
            ("adjustment 6", M::Adjustment(6)),
            ("break 9223372036854775809", M::Break(big)),
            ("break brk_9223372036854775809", M::Break(big)),
            ("closed-break 12", M::BreakClosed(BreakId(12))),
            (&format!("collection {parcel}/2"), M::Collection(payment)),
        ] {
            let expected = serde_json::to_value(movement).ok();
            assert_eq!(value(name, &parties), expected, "{name}");
        }
        for wrong in ["", "{}", "deposit", "deposit x", "clearing-file beta/1", "loan 3"] {
            assert_eq!(value(wrong, &parties), None, "{wrong}");
        }
    }
}
