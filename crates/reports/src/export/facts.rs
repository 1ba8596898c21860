//! What a bookkeeper wants to read beside a posting: whom and which payment it concerns.

use std::collections::{BTreeMap, HashMap};

use books::chart::{AccountKind, ChartEntry};
use books::{
    AnnounceParcel, BeginCompletion, BeginPurchase, Command, Event, ParcelId, PaymentId,
    PaymentRoute, Posting, RecordOfflineSale, Rrn, SellerId, Trace,
};
use engine::Engine;
use tariff::PaymentMethod;

use super::{Books, Entry};
use crate::books::tariff_version;
use crate::fee_calculations::method_name;

/// The orders and payments of the parcels that the books know.
#[derive(Default)]
pub(super) struct ParcelFacts {
    parcels: HashMap<ParcelId, KnownParcel>,
}

#[derive(Default)]
struct KnownParcel {
    order: Box<str>,
    payments: BTreeMap<u8, KnownPayment>,
}

#[derive(Default)]
struct KnownPayment {
    /// Once it is collected.
    method: Option<PaymentMethod>,
    /// RRN of a card payment, reference of a wallet's order; empty for cash.
    reference: String,
}

impl ParcelFacts {
    pub(super) fn learn(&mut self, command: &Command, events: &[Event]) {
        let referred = match command {
            Command::AnnounceParcel(AnnounceParcel { parcel, reference, .. }) => {
                self.parcels.entry(*parcel).or_default().order = reference.as_str().into();
                None
            }
            Command::BeginPurchase(BeginPurchase { trace, route, network_reference, .. }) => {
                Some(match route {
                    PaymentRoute::Qr { .. } => order_reference(*trace),
                    PaymentRoute::Card { .. } => Rrn::of(*network_reference).to_string(),
                })
            }
            Command::RecordOfflineSale(RecordOfflineSale { network_reference, .. })
            | Command::BeginCompletion(BeginCompletion { network_reference, .. }) => {
                Some(Rrn::of(*network_reference).to_string())
            }
            _ => None,
        };
        for event in events {
            match event {
                Event::PaymentBegun { payment }
                | Event::CompletionBegun { payment, .. }
                | Event::OfflineSaleSuspended { payment, .. } => {
                    if let Some(reference) = &referred {
                        self.payment(*payment).reference.clone_from(reference);
                    }
                }
                Event::PaymentCollected { payment, method, .. } => {
                    let known = self.payment(*payment);
                    known.method = Some(*method);
                    if let Some(reference) = &referred {
                        known.reference.clone_from(reference);
                    }
                }
                _ => {}
            }
        }
    }

    /// Drops what the books have dropped.
    pub(super) fn forget(&mut self, events: &[Event]) {
        for event in events {
            if let Event::ParcelForgotten { parcel } = event {
                self.parcels.remove(parcel);
            }
        }
    }

    fn payment(&mut self, id: PaymentId) -> &mut KnownPayment {
        self.parcels.entry(id.parcel).or_default().payments.entry(id.number).or_default()
    }
}

/// The wallet's name of an order: see docs/door/wallet.md.
fn order_reference(trace: Trace) -> String {
    format!("{:08}{:06}{:06}", trace.terminal.0, trace.batch, trace.stan)
}

/// What the events of a command say about postings without a payment.
#[derive(Default)]
pub(super) struct CommandSubjects {
    /// Payouts by seller.
    payouts: Vec<(SellerId, String)>,
    /// For the other postings, for example `hand-over 12`.
    other: Option<String>,
}

impl CommandSubjects {
    pub(super) fn of(events: &[Event], engine: &Engine) -> CommandSubjects {
        let mut subjects = CommandSubjects::default();
        for event in events {
            let other = match event {
                Event::SettlementExecuted { lines, .. } => {
                    let payout = |line: &books::PayoutLine| {
                        (line.seller, format!("number {}", line.payout.0))
                    };
                    subjects.payouts.extend(lines.iter().map(payout));
                    continue;
                }
                Event::PayoutConfirmed { payout, seller, .. } => {
                    let seller = engine.books().seller_reference(*seller).unwrap_or("?");
                    format!("seller {seller}, number {}", payout.0)
                }
                Event::PayoutReturned { payout, .. } => format!("number {}", payout.0),
                Event::HandOverCounted { handover, .. } => format!("hand-over {}", handover.0),
                Event::DepositConfirmed { deposit, .. } => format!("number {}", deposit.0),
                Event::SellerInvoiced { number, .. } => format!("invoice {number}"),
                Event::SellerPaymentRecorded { invoice, .. }
                | Event::InvoiceCancelled { invoice, .. } => format!("invoice {invoice}"),
                Event::AdjustmentPosted { number, .. } => format!("number {number}"),
                Event::BreakRaised { break_id, .. }
                | Event::BreakReclassified { break_id, .. }
                | Event::BreakWithdrawn { break_id, .. }
                | Event::BreakClosed { break_id, .. } => {
                    format!("break {}", break_id.0)
                }
                _ => continue,
            };
            subjects.other.get_or_insert(other);
        }
        if let (None, Some(Event::BreakReduced { break_id, .. })) = (&subjects.other, events.last())
        {
            subjects.other = Some(format!("break {}", break_id.0));
        }
        subjects
    }

    /// What a posting without a payment is about.
    fn subject(&self, posting: &Posting, engine: &Engine) -> Option<&str> {
        if posting.payment.is_some() {
            return None;
        }
        let debit = engine.books().account_view(posting.debit)?;
        let own = |(seller, _): &&(SellerId, String)| {
            debit.kind == AccountKind::SellerPayable && seller.0 == debit.owner
        };
        let payout = self.payouts.iter().find(own).map(|(_, payout)| payout.as_str());
        payout.or(self.other.as_deref())
    }
}

/// The facts of a posting by name.
pub(super) fn facts(posting: &Posting, books: &Books) -> Vec<(&'static str, String)> {
    let mut facts = Vec::new();
    if let Some(payment) = posting.payment {
        facts.push(("parcel", format!("{:032x}", payment.parcel.bits())));
        let parcel = books.parcels.parcels.get(&payment.parcel);
        if let Some(parcel) = parcel {
            facts.push(("order", parcel.order.to_string()));
        }
        if payment.number > 0 {
            facts.push(("payment", payment.number.to_string()));
        }
        if let Some(known) = parcel.and_then(|parcel| parcel.payments.get(&payment.number)) {
            if let Some(method) = known.method {
                facts.push(("method", method_name(method).to_owned()));
            }
            if !known.reference.is_empty() {
                facts.push(("reference", known.reference.clone()));
            }
        }
    }
    if let Some(version) = posting.tariff {
        facts.push(("tariff", tariff_version(books.engine, version)));
    }
    facts
}

/// An entry as a bookkeeper names it.
pub(super) struct Description {
    /// Who: the network, wallet, courier, firm, seller or bank. The first in this order.
    pub payee: String,
    /// What happened, with the other parties, the order and the payment's reference.
    pub what: String,
}

impl Description {
    pub(super) fn of(entry: &Entry, books: &Books) -> Description {
        let postings = entry.postings;
        // Fees come with what they are charged for.
        let main =
            postings.iter().find(|posting| !is_of_fee(posting.entry)).unwrap_or(&postings[0]);
        let mut parties: Vec<(usize, &'static str, String)> = Vec::new();
        for number in [main.debit, main.credit] {
            let account = books.engine.books().account_view(number);
            let account = account.expect("a posting's accounts are there");
            let reference = books.engine.books().owner_reference(&account);
            let party = reference.and_then(|reference| {
                let (rank, word) = party(account.kind)?;
                Some((rank, word, reference.to_owned()))
            });
            parties.extend(party.filter(|new| parties.iter().all(|old| old != new)));
        }
        parties.sort();
        let mut parties = parties.into_iter();
        let payee = parties.next().map_or_else(|| "Doorstep".to_owned(), |(_, _, name)| name);
        let mut details: Vec<String> =
            parties.map(|(_, word, reference)| format!("{word} {reference}")).collect();
        details.extend(entry.subjects.subject(main, books.engine).map(str::to_owned));
        for (name, value) in facts(main, books) {
            match name {
                "order" | "payment" | "reference" => details.push(format!("{name} {value}")),
                "method" => details.push(value),
                _ => {}
            }
        }
        // The rest of the row's description is about reservations.
        let what = main.entry.row().description.split(':').next().unwrap_or_default();
        let what = what.strip_prefix("a ").or(what.strip_prefix("an ")).unwrap_or(what);
        let what = match details.is_empty() {
            true => what.to_owned(),
            false => format!("{what}: {}", details.join(", ")),
        };
        Description { payee, what }
    }
}

fn is_of_fee(entry: ChartEntry) -> bool {
    use ChartEntry as E;
    matches!(entry, E::FeeCharged | E::CommissionEarned | E::FeeReversed | E::CommissionReversed)
}

/// The rank of an account's owner as a payee, and the word for it.
fn party(kind: AccountKind) -> Option<(usize, &'static str)> {
    use AccountKind as A;
    match kind {
        A::NetworkReceivable => Some((0, "network")),
        A::WalletReceivable => Some((0, "wallet")),
        A::CourierCash | A::CourierShortage => Some((1, "courier")),
        A::FirmCash | A::FirmCommission => Some((2, "firm")),
        A::SellerHeld | A::SellerPayable | A::SellerReceivable => Some((3, "seller")),
        A::Bank => Some((4, "bank")),
        _ => None,
    }
}
