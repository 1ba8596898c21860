//! The lines of clearing files. Each is a command; the payment is found by its request or order.

use std::collections::{BTreeMap, BTreeSet};

use books::{
    BankId, Books, BusinessDate, ClearLine, ClearLineKind, LineReference, NetworkReference,
    PaymentId, RailId, RetrievalReference, Rrn, Stan, Timestamp,
};
use files::incoming::clearing::{StatedItem, StatedItemKind, StatedPayment};
use switch::order_trace;

use crate::matching::outcome::{CONSIDERED_MAX, WhyNot};
use crate::matching::{MatchKeyKind, is_near};

/// Why a line has no payment. It becomes a break, which two people close.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[derive(serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NoPayment {
    /// No request or order of this line is remembered.
    NotFound,
    /// Two payments have the numbers of this line, or the journal does not tell which of its
    /// parcel's payments it is.
    Ambiguous,
}

/// The requests that a network was sent and the books remember.
#[derive(Debug, Default)]
pub struct Requests {
    /// By STAN and second. `None` if two payments have the same.
    payments: BTreeMap<(Stan, u64), Option<PaymentId>>,
}

impl Requests {
    /// Those of the items, among the transactions that the books remember.
    #[must_use]
    pub fn of(books: &Books, rail: RailId, items: &[StatedItem]) -> Requests {
        let RailId::Network(network) = rail else { return Requests::default() };
        let wanted: BTreeSet<_> = items.iter().filter_map(request_key).collect();
        let mut payments: BTreeMap<_, Option<PaymentId>> = BTreeMap::new();
        for (sent, payment) in books.requests_to(network) {
            let key = (sent.stan, second(sent.sent_at));
            if !wanted.contains(&key) {
                continue;
            }
            let known = payments.entry(key).or_insert(Some(payment));
            if *known != Some(payment) {
                *known = None;
            }
        }
        Requests { payments }
    }

    /// The requests of items that are not known, by STAN and second.
    #[must_use]
    pub fn missing(&self, items: &[StatedItem]) -> BTreeSet<(Stan, u64)> {
        let missing = items.iter().filter_map(|item| {
            let StatedPayment::Request { rrn, stan, sent_s } = item.payment else { return None };
            let stan = Stan::new(stan).ok()?;
            let unknown = self.find(stan, rrn, sent_s) == Err(NoPayment::NotFound);
            (unknown && is_rrn_of(rrn, stan, sent_s)).then_some((stan, sent_s))
        });
        missing.collect()
    }

    /// Adds requests that were found in the journal, if their payments are of this network or
    /// wallet. `None` stands for more than one payment.
    pub fn add(
        &mut self,
        books: &Books,
        rail: RailId,
        found: BTreeMap<(Stan, u64), Option<PaymentId>>,
    ) {
        let here = found.into_iter().filter(|(_, payment)| {
            payment.is_none_or(|payment| books.rail_of(payment) == Some(rail))
        });
        self.payments.extend(here);
    }

    fn find(&self, stan: Stan, rrn: [u8; 12], sent_s: u64) -> Result<PaymentId, NoPayment> {
        if !is_rrn_of(rrn, stan, sent_s) {
            return Err(NoPayment::NotFound);
        }
        let found = self.payments.get(&(stan, sent_s)).ok_or(NoPayment::NotFound)?;
        found.ok_or(NoPayment::Ambiguous)
    }
}

/// The STAN and second of the request that an item names.
fn request_key(item: &StatedItem) -> Option<(Stan, u64)> {
    let StatedPayment::Request { stan, sent_s, .. } = item.payment else { return None };
    Some((Stan::new(stan).ok()?, sent_s))
}

/// Whether the switch gave a request with these numbers this RRN.
fn is_rrn_of(rrn: [u8; 12], stan: Stan, sent_s: u64) -> bool {
    let sent_at = sent_s.checked_mul(MS).map(Timestamp);
    sent_at.is_some_and(|sent_at| Rrn::of(NetworkReference { stan, sent_at }).bytes() == rrn)
}

const MS: u64 = 1_000;

fn second(at: Timestamp) -> u64 {
    at.0 / MS
}

/// Where the lines of a file belong.
#[derive(Clone, Copy, Debug)]
pub struct LinesOfFile {
    pub bank: BankId,
    pub rail: RailId,
    /// Among the files of the network or wallet.
    pub file: u32,
    /// The day on which the file is settled, if it says so.
    pub value_date: Option<BusinessDate>,
}

/// The command of a line, and why it has no payment. `number` counts the items of the file from 1.
///
/// `None` if the line names a request with numbers that no request can have: the reader of the file
/// lets none through.
#[must_use]
pub fn clear_line(
    books: &Books,
    requests: &Requests,
    of: LinesOfFile,
    number: u32,
    item: &StatedItem,
) -> Option<(ClearLine, Option<NoPayment>)> {
    let (reference, payment) = match &item.payment {
        StatedPayment::Request { rrn, stan, sent_s } => {
            let sent_at = Timestamp(sent_s.checked_mul(MS)?);
            let stan = Stan::new(*stan).ok()?;
            let reference = LineReference::Request {
                rrn: RetrievalReference::new(*rrn).ok()?,
                sent: NetworkReference { stan, sent_at },
            };
            (reference, requests.find(stan, *rrn, *sent_s))
        }
        StatedPayment::Order(order) => {
            (LineReference::Order(order.clone()), payment_of_order(books, of.rail, order))
        }
    };
    let line = ClearLine {
        bank: of.bank,
        rail: of.rail,
        file: of.file,
        line: number,
        kind: kind(item.kind),
        reference,
        payment: payment.ok(),
        amount: item.amount,
        deducted: item.kept_back,
        value_date: of.value_date,
    };
    Some((line, payment.err()))
}

/// The payment of an order of this wallet.
fn payment_of_order(books: &Books, rail: RailId, order: &str) -> Result<PaymentId, NoPayment> {
    let found = order_trace(order).and_then(|trace| books.wallet_order(trace));
    let found = found.filter(|one| {
        let route = one.route.map(|route| match route {
            books::PaymentRoute::Qr { wallet } => RailId::Wallet(wallet),
            books::PaymentRoute::Card { network, .. } => RailId::Network(network),
        });
        route == Some(rail)
    });
    found.map(|one| one.payment).ok_or(NoPayment::NotFound)
}

fn kind(kind: StatedItemKind) -> ClearLineKind {
    match kind {
        StatedItemKind::Sale => ClearLineKind::Sale,
        StatedItemKind::Completion => ClearLineKind::Completion,
        StatedItemKind::Offline => ClearLineKind::Offline,
        StatedItemKind::Refund => ClearLineKind::Refund,
        StatedItemKind::Reversal => ClearLineKind::Reversal,
        StatedItemKind::Chargeback => ClearLineKind::ChargeBack,
        StatedItemKind::FeeCorrection => ClearLineKind::FeeCorrection,
        StatedItemKind::Representment => ClearLineKind::Representment,
    }
}

/// The payments of a line's network or wallet that have its amount, are in no file yet, and have
/// nearly its reference: only people can tell whether the line is of one of them.
#[must_use]
pub fn near_payments(books: &Books, line: &ClearLine) -> Vec<(PaymentId, WhyNot)> {
    let open = books
        .uncleared_payments()
        .into_iter()
        .filter(|one| one.rail == line.rail && one.amount == i128::from(line.amount.minor()));
    let open: BTreeSet<PaymentId> = open.map(|one| one.payment).collect();
    let own = match &line.reference {
        LineReference::Request { rrn, .. } => String::from_utf8_lossy(&rrn.bytes()).into_owned(),
        LineReference::Order(order) => order.clone(),
    };
    let named: Vec<(PaymentId, String)> = match line.rail {
        RailId::Network(network) => books
            .requests_to(network)
            .map(|(sent, payment)| (payment, Rrn::of(sent).bytes()))
            .map(|(payment, rrn)| (payment, String::from_utf8_lossy(&rrn).into_owned()))
            .collect(),
        RailId::Wallet(wallet) => books.orders_of(wallet).collect(),
    };
    let kind = match line.reference {
        LineReference::Request { .. } => MatchKeyKind::Rrn,
        LineReference::Order(_) => MatchKeyKind::WalletOrder,
    };
    let near = named
        .into_iter()
        .filter(|(payment, name)| open.contains(payment) && *name != own && is_near(name, &own));
    let near = near.map(|(payment, _)| (payment, WhyNot::NearlySameReference(kind)));
    near.take(CONSIDERED_MAX).collect()
}
