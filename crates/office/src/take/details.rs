//! Files that say more of what another file states: notifications (camt.054) of a statement's
//! batches, fee details (ALFEE) of a network's items, and sums for each merchant (ZSUM). They are
//! given together with that file.

use std::collections::BTreeMap;

use files::incoming::clearing::StatedPayment;
use files::incoming::parts::{
    ClearedItem, ClearingRole, FilePart, IncomingHead, StatementEntry, StatementKind,
};
use files::incoming::{DetailIndex, DetailJoin};
use money::SignedAmount;

use super::TakeError;

/// RRN, STAN and second of a request.
type RequestKey = ([u8; 12], u32, u64);

/// What the files say that only have details.
#[derive(Default)]
pub(super) struct GivenDetails {
    notified: DetailIndex,
    /// The fee of each request, with the physical line that says it, and how often it is said: a
    /// payment can stand in the file twice.
    fees: BTreeMap<RequestKey, (SignedAmount, u32, u32)>,
    /// The sums of each merchant, and the physical line.
    merchants: BTreeMap<String, (SignedAmount, SignedAmount, u32)>,
    /// The requests whose fees items got, and how many.
    used: BTreeMap<RequestKey, u32>,
    /// Whether a notification was given, and whether an entry of a statement has one.
    notified_any: bool,
    notified_one: bool,
    /// The sums of the items of each merchant.
    found: BTreeMap<String, (i128, i128)>,
}

/// Whether a file only has details or sums of what another one states.
pub(super) fn has_only_details(head: &IncomingHead) -> bool {
    match head {
        IncomingHead::Clearing(head) => head.role != ClearingRole::Items,
        IncomingHead::Statements(heads) => {
            heads.iter().all(|head| head.kind == StatementKind::Notification)
        }
        IncomingHead::Remittance(_) => false,
    }
}

fn request(item: &ClearedItem) -> Option<RequestKey> {
    match item.item.payment {
        StatedPayment::Request { rrn, stan, sent_s } => Some((rrn, stan, sent_s)),
        StatedPayment::Order(_) => None,
    }
}

impl GivenDetails {
    /// Adds the parts of a file that has only details.
    pub(super) fn add(&mut self, parts: Vec<FilePart>) -> Result<(), TakeError> {
        for part in parts {
            match part {
                FilePart::Entry(entry) => {
                    self.notified_any = true;
                    let line = entry.line;
                    if !self.notified.add(entry) {
                        return Err(TakeError::TooManyDetails { line });
                    }
                }
                FilePart::Item(item) => {
                    let line = item.item.line;
                    let Some(key) = request(&item) else { continue };
                    let fee = item.item.kept_back;
                    let known = self.fees.entry(key).or_insert((fee, line, 0));
                    if known.0 != fee {
                        return Err(TakeError::FeeTwice { line });
                    }
                    known.2 += 1;
                }
                FilePart::MerchantSum(sum) => {
                    let line = sum.line;
                    let new = (sum.amount, sum.kept_back, line);
                    if self.merchants.insert(sum.merchant, new).is_some() {
                        return Err(TakeError::MerchantTwice { line });
                    }
                }
                FilePart::Remitted(_) => {}
            }
        }
        Ok(())
    }

    /// Gives an entry of a statement the details that a notification has.
    pub(super) fn join_entry(&mut self, entry: &mut StatementEntry) -> Result<(), TakeError> {
        match self.notified.join(entry) {
            DetailJoin::Joined | DetailJoin::HadDetails => {
                self.notified_one = true;
                Ok(())
            }
            DetailJoin::NotFound => Ok(()),
            DetailJoin::Differs => Err(TakeError::NotificationDiffers { line: entry.line }),
        }
    }

    /// Gives the items of a network's file their fees, and counts them for their merchants.
    pub(super) fn join_items(&mut self, items: &mut [ClearedItem]) -> Result<(), TakeError> {
        for item in items {
            let fee = request(item).and_then(|key| {
                let (fee, _, times) = *self.fees.get(&key)?;
                let used = self.used.entry(key).or_default();
                *used += 1;
                (*used <= times).then_some(fee)
            });
            if let Some(fee) = fee {
                let stated = item.item.kept_back;
                if stated != SignedAmount::ZERO && stated != fee {
                    return Err(TakeError::FeeDiffers { line: item.item.line });
                }
                item.item.kept_back = fee;
            }
            let merchant = item.facts.merchant.as_deref().unwrap_or_default().trim();
            let (amount, kept_back) = self.found.entry(merchant.to_owned()).or_default();
            *amount += i128::from(item.item.amount.minor());
            *kept_back += i128::from(item.item.kept_back.minor());
        }
        Ok(())
    }

    /// Refuses fees of no item, and sums that the items of all files do not have.
    pub(super) fn check_used(mut self) -> Result<(), TakeError> {
        if self.notified_any && !self.notified_one {
            return Err(TakeError::NotificationOfNoEntry);
        }
        let lost = self.fees.iter().filter(|(key, (_, _, times))| {
            self.used.get(*key).copied().unwrap_or_default() < *times
        });
        if let Some(line) = lost.map(|(_, (_, line, _))| *line).min() {
            return Err(TakeError::FeeOfNoItem { line });
        }
        // Files of chargebacks do not say of which merchant they are.
        let unnamed = self.found.remove("").unwrap_or_default();
        let mut stated = (0, 0);
        for (merchant, (amount, kept_back, line)) in &self.merchants {
            let mut sums = self.found.remove(merchant.trim()).unwrap_or_default();
            if self.merchants.len() == 1 {
                sums = (sums.0 + unnamed.0, sums.1 + unnamed.1);
            }
            let said = (i128::from(amount.minor()), i128::from(kept_back.minor()));
            stated = (stated.0 + said.0 - sums.0, stated.1 + said.1 - sums.1);
            if sums != said && (unnamed == (0, 0) || self.merchants.len() == 1) {
                return Err(TakeError::MerchantSumDiffers { line: *line });
            }
        }
        let first = self.merchants.values().map(|(.., line)| *line).min();
        match (first, self.found.into_iter().find(|(_, sums)| *sums != (0, 0))) {
            (None, _) => Ok(()),
            (Some(_), Some((merchant, _))) => Err(TakeError::MerchantWithoutSum(merchant)),
            (Some(line), None) if self.merchants.len() > 1 && stated != unnamed => {
                Err(TakeError::MerchantSumDiffers { line })
            }
            (Some(_), None) => Ok(()),
        }
    }
}
