//! What a bookkeeper wants to read beside a posting: whom and which payment it concerns.

use std::collections::{BTreeMap, HashMap};

use books::chart::{AccountKind, ChartEntry};
use books::view::ParcelState;
use books::{
    AnnounceParcel, BeginCompletion, BeginPurchase, BreakId, ClearLine, Command, Event,
    LineReference, ParcelId, PaymentId, PaymentRoute, Posting, RecordOfflineSale, Rrn, SellerId,
    TakeCash, Trace,
};
use engine::Engine;
use tariff::{LossOwner, PaymentMethod};

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
    /// The terminal's transaction that began it.
    trace: Option<Trace>,
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
        let begun = match command {
            Command::BeginPurchase(BeginPurchase { trace, .. })
            | Command::BeginCompletion(BeginCompletion { trace, .. })
            | Command::RecordOfflineSale(RecordOfflineSale { trace, .. })
            | Command::TakeCash(TakeCash { trace, .. }) => Some(*trace),
            _ => None,
        };
        for event in events {
            let payment = match event {
                Event::PaymentBegun { payment }
                | Event::CompletionBegun { payment, .. }
                | Event::OfflineSaleSuspended { payment, .. } => payment,
                Event::PaymentCollected { payment, method, .. } => {
                    self.payment(*payment).method = Some(*method);
                    payment
                }
                _ => continue,
            };
            let known = self.payment(*payment);
            known.trace = begun.or(known.trace);
            if let Some(reference) = &referred {
                known.reference.clone_from(reference);
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

/// What a command and its events say about its postings.
#[derive(Default)]
pub(super) struct CommandSubjects {
    /// Payouts by seller.
    payouts: Vec<(SellerId, String)>,
    /// What the other postings are about, for example `hand-over 12`.
    voucher: Option<String>,
    /// The seller of a payout that the bank confirmed.
    paid_seller: Option<String>,
    /// The line of a file.
    file_line: Option<String>,
    pub(super) facts: CommandFacts,
}

/// What a description needs to know of a command.
#[derive(Default)]
pub(super) struct CommandFacts {
    pub reclassified: bool,
    /// A parcel that is lost, not damaged.
    pub lost: bool,
    /// A parcel that came back, not one that was delivered.
    pub returned: bool,
    /// Who bears the loss of a rejected offline sale.
    pub loss: Option<LossOwner>,
}

impl CommandSubjects {
    pub(super) fn of(command: &Command, events: &[Event], engine: &Engine) -> CommandSubjects {
        let books = engine.books();
        let mut subjects = CommandSubjects::default();
        if let Command::ClearLine(line) = command {
            subjects.file_line = Some(file_line(line, books));
        }
        for event in events {
            let voucher = match event {
                Event::SettlementExecuted { lines, .. } => {
                    let payout = |line: &books::PayoutLine| {
                        (line.seller, format!("payout {}", line.payout.0))
                    };
                    subjects.payouts.extend(lines.iter().map(payout));
                    continue;
                }
                Event::PayoutConfirmed { payout, seller, .. } => {
                    let seller = books.seller_reference(*seller).unwrap_or("?");
                    subjects.paid_seller = Some(format!("seller {seller}"));
                    format!("payout {}", payout.0)
                }
                Event::PayoutReturned { payout, .. } => format!("payout {}", payout.0),
                Event::HandOverCounted { handover, .. } => format!("hand-over {}", handover.0),
                Event::DepositConfirmed { deposit, .. } => format!("deposit {}", deposit.0),
                Event::SellerInvoiced { number, .. } => format!("invoice {number}"),
                Event::SellerPaymentRecorded { invoice, .. }
                | Event::InvoiceCancelled { invoice, .. } => format!("invoice {invoice}"),
                Event::AdjustmentPosted { .. } => match command {
                    Command::PostAdjustment(entry) => entry.reference.clone(),
                    _ => continue,
                },
                Event::BreakRaised { break_id, .. }
                | Event::BreakReclassified { break_id, .. }
                | Event::BreakWithdrawn { break_id, .. }
                | Event::BreakClosed { break_id, .. } => {
                    subjects.note_break(*break_id, event, books);
                    format!("break {}", break_id.0)
                }
                Event::ParcelReturned { .. } => {
                    subjects.facts.returned = true;
                    continue;
                }
                Event::SellerCompensated { parcel, .. } => {
                    let state = books.parcel_view(*parcel).map(|parcel| parcel.state);
                    subjects.facts.lost = state == Some(ParcelState::Lost);
                    continue;
                }
                Event::OfflineSaleRejected { loss, .. } => {
                    subjects.facts.loss = *loss;
                    continue;
                }
                _ => continue,
            };
            subjects.voucher.get_or_insert(voucher);
        }
        if let (None, Some(Event::BreakReduced { break_id, .. })) =
            (&subjects.voucher, events.last())
        {
            subjects.note_break(*break_id, &events[events.len() - 1], books);
            subjects.voucher = Some(format!("break {}", break_id.0));
        }
        subjects
    }

    fn note_break(&mut self, id: BreakId, event: &Event, books: &books::Books) {
        self.facts.reclassified |= matches!(event, Event::BreakReclassified { .. });
        if let Some(evidence) = books.break_evidence(id) {
            self.file_line.get_or_insert_with(|| file_line(&evidence.line, books));
        }
    }

    /// The voucher, payout, invoice or other number that a posting is about.
    pub(super) fn voucher(&self, posting: &Posting, engine: &Engine) -> Option<&str> {
        let debit = engine.books().account_view(posting.debit)?;
        let own = |(seller, _): &&(SellerId, String)| {
            debit.kind == AccountKind::SellerPayable && seller.0 == debit.owner
        };
        let payout = self.payouts.iter().find(own).map(|(_, payout)| payout.as_str());
        payout.or(self.voucher.as_deref())
    }
}

/// `alpha file 3 line 7, RRN FWX509583052`: the file's number among those of the network or wallet.
fn file_line(line: &ClearLine, books: &books::Books) -> String {
    let rail = books.rail_views().find(|rail| rail.id == line.rail);
    let rail = rail.map(|rail| rail.reference).unwrap_or_default();
    let reference = match &line.reference {
        LineReference::Request { rrn, .. } => format!("RRN {rrn}"),
        LineReference::Order(order) => format!("order {order}"),
    };
    format!("{rail} file {} line {}, {reference}", line.file, line.line)
}

/// The facts of a posting by name.
pub(super) fn facts(
    posting: &Posting,
    entry: &Entry<'_>,
    books: &Books,
) -> Vec<(&'static str, String)> {
    let mut facts = Vec::new();
    let mut trace = None;
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
            trace = known.trace;
        }
    }
    if let Some(version) = posting.tariff {
        facts.push(("tariff", tariff_version(books.engine, version)));
    }
    if let Some(date) = entry.value_date {
        facts.push(("value_date", date.to_string()));
    }
    if let Some(voucher) = entry.subjects.voucher(posting, books.engine) {
        facts.push(("voucher", voucher.to_owned()));
    }
    let at_terminal = |trace: Trace| {
        format!("terminal {} batch {} STAN {}", trace.terminal.0, trace.batch, trace.stan)
    };
    let evidence = entry.subjects.file_line.clone().or_else(|| trace.map(at_terminal));
    facts.extend(evidence.map(|evidence| ("evidence", evidence)));
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
        details.extend(entry.subjects.paid_seller.clone());
        let kind = |number| books.engine.books().account_view(number).map(|account| account.kind);
        let sides = kind(main.debit).zip(kind(main.credit));
        let what =
            sides.map_or("", |sides| what_happened(main.entry, sides, &entry.subjects.facts));
        for (name, value) in facts(main, entry, books) {
            match name {
                "order" | "payment" | "reference" => details.push(format!("{name} {value}")),
                "voucher" if main.payment.is_none() => {
                    let number = value.split_once(' ').filter(|(word, _)| what.starts_with(word));
                    details.push(number.map_or(value.clone(), |(_, id)| format!("number {id}")));
                }
                "method" => details.push(value),
                _ => {}
            }
        }
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

/// The one thing that a posting is. The row of the chart of accounts can be several.
fn what_happened(
    entry: ChartEntry,
    (debit, credit): (AccountKind, AccountKind),
    facts: &CommandFacts,
) -> &'static str {
    use AccountKind as A;
    use ChartEntry as E;
    match (entry, debit, credit) {
        (E::CollectionReversed, _, A::NetworkReceivable) => "card payment reversed",
        (E::CollectionReversed, _, A::WalletReceivable) => "QR payment reversed",
        (E::CollectionReversed, ..) => "cash payment reversed",
        (E::Cleared, _, A::NetworkReceivable) => "card network paid a line of its file",
        (E::Cleared, ..) => "wallet paid a line of its file",
        (E::ClearingTaken, A::NetworkReceivable, _) => "card network took a line of its file",
        (E::ClearingTaken, ..) => "wallet took a line of its file",
        (E::ChargedBack, _, A::NetworkReceivable) => "chargeback by a card network",
        (E::ChargedBack, ..) => "chargeback by a wallet",
        (E::ChargebackWon, A::NetworkReceivable, _) => "chargeback won from a card network",
        (E::ChargebackWon, ..) => "chargeback won from a wallet",
        (E::RefundForwarded, _, A::NetworkReceivable) => "refund paid by a card network",
        (E::RefundForwarded, ..) => "refund paid by a wallet",
        (E::ExcessWithdrawn, ..) if facts.reclassified => "excess moved to another place",
        (E::ExcessWithdrawn, ..) => "excess withdrawn, raised by mistake",
        (E::ShortfallWithdrawn, ..) if facts.reclassified => "shortfall moved to another place",
        (E::ShortfallWithdrawn, ..) => "shortfall withdrawn, raised by mistake",
        (E::ExcessClosed, _, A::Bank) => "excess paid back",
        (E::ExcessClosed, ..) => "excess written off",
        (E::ShortfallClosed, A::Bank, _) => "shortfall paid in",
        (E::ShortfallClosed, ..) => "shortfall written off",
        (E::SuspendedSaleBooked, _, A::BuyerRefunds) => {
            "offline sale in suspense, owed to the buyer"
        }
        (E::SuspendedSaleBooked, ..) => "offline sale in suspense, booked to its parcel",
        (E::OfflineSaleRejected, A::Suspense, _) => "rejected offline sale that was in suspense",
        (E::OfflineSaleRejected, A::BuyerRefunds, _) => {
            "excess of a rejected offline sale, no longer owed to the buyer"
        }
        (E::OfflineSaleRejected, A::FirmCommission, _) => {
            "rejected offline sale, lost by the courier firm"
        }
        (E::OfflineSaleRejected, A::WriteOffs, _) => "rejected offline sale, lost by Doorstep",
        (E::OfflineSaleRejected, ..) => match facts.loss {
            Some(_) => "rejected offline sale, lost by the seller",
            None => "rejected offline sale, taken back: due again",
        },
        (E::SellerCompensated, ..) if facts.lost => "compensation for a lost parcel",
        (E::SellerCompensated, ..) => "compensation for a damaged parcel",
        (E::FreightCharged, ..) if facts.returned => "freight of a returned parcel",
        (E::FreightCharged, ..) => "freight of a delivered parcel",
        (E::FreightReversed, A::VatPayable, _) => "VAT on the freight of an undone delivery",
        (E::FreightReversed, ..) => "freight of an undone delivery",
        (E::VatCharged, ..) => "VAT",
        (E::DiscountTakenBack, ..) => "Doorstep's part of a discount, taken back",
        (E::CommissionPaid, ..) => "courier firm paid",
        (E::TaxPaid, A::VatPayable, _) => "VAT paid to the authority",
        (E::TaxPaid, ..) => "withholding tax paid to the authority",
        _ => {
            // The rest of the row's description is about reservations.
            let what = entry.row().description.split(':').next().unwrap_or_default();
            what.strip_prefix("a ").or(what.strip_prefix("an ")).unwrap_or(what)
        }
    }
}

#[cfg(test)]
mod tests {
    use books::chart::CHART;

    use super::*;

    #[test]
    fn each_description_says_one_thing() {
        for row in CHART {
            for sides in row.debit.iter().flat_map(|debit| row.credit.iter().map(|c| (*debit, *c)))
            {
                let what = what_happened(row.entry, sides, &CommandFacts::default());
                assert!(!what.is_empty() && !what.contains(" or "), "{:?}: {what}", row.entry);
            }
        }
    }
}
