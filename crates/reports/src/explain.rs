//! The explanation of a payout: the parcels, fees and tariff versions behind a payout (M8).

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use books::{
    AnnounceParcel, BusinessDate, Command, Event, ParcelId, PaymentId, PayoutId, PayoutLine,
    PlanId, PublishTariff, RegisterSeller, SellerId, TariffId, TariffVersion, Timestamp,
};
use engine::{CommandOutcome, Engine, Submission};
use money::{Amount, Currency};
use node::replay::ReplayObserver;
use serde::{Serialize, Serializer};
use tariff::{CardKind, FeeKind, Fees, PaymentMethod, SellerClassNumber, Terms};

use crate::books::tariff_version;
use crate::{ExplainError, replay_all};

/// An approved payment, with its fees and tariff version.
#[derive(Clone, Debug)]
struct Collected {
    date: BusinessDate,
    method: PaymentMethod,
    amount: Amount,
    fees: Fees,
    tariff: TariffVersion,
}

/// A change of a seller's payable balance.
#[derive(Clone, Debug)]
enum Line {
    Released { payment: PaymentId, collected: Collected, refunded: u64 },
    Returned { parcel: ParcelId, date: BusinessDate, fee: Amount, tariff: TariffVersion },
    Refunded { payment: PaymentId, date: BusinessDate, amount: u64 },
    PayoutReturned { payout: PayoutId, date: BusinessDate, net: Amount },
    Invoiced { date: BusinessDate, amount: Amount },
}

/// Collects the lines of the wanted payout while the journal is replayed.
#[derive(Default)]
struct Explainer {
    wanted: u64,
    /// The highest payout number so far; zero before the first.
    last: u64,
    orders: HashMap<ParcelId, Box<str>>,
    terms: BTreeMap<TariffVersion, Terms>,
    classes: HashMap<SellerId, (TariffId, SellerClassNumber)>,
    /// Payments whose seller's share is still held.
    collected: HashMap<PaymentId, Collected>,
    sellers: HashMap<PaymentId, SellerId>,
    /// The lines of each seller's next payout so far.
    open: HashMap<SellerId, Vec<Line>>,
    /// The lines of each planned payout.
    planned: HashMap<PlanId, Vec<(PayoutLine, Vec<Line>)>>,
    found: Option<(PayoutLine, Vec<Line>, &'static str)>,
}

impl ReplayObserver for Explainer {
    fn command(
        &mut self,
        submission: &Submission,
        at: Timestamp,
        outcome: &CommandOutcome,
        engine: &Engine,
    ) -> Result<(), String> {
        let engine::Command::Books(command) = &submission.command;
        self.remember(command);
        let date = at.business_date(engine.books().utc_offset_minutes().unwrap_or(0));
        // A refund comes from the seller's held money first; the rest from the payable balance.
        let own: u64 = outcome
            .books
            .postings
            .iter()
            .filter(|posting| self.is_refund_of_payable(posting, engine))
            .map(|posting| posting.amount.minor())
            .sum();
        for event in &outcome.books.events {
            self.event(event, date, own);
        }
        Ok(())
    }
}

impl Explainer {
    fn remember(&mut self, command: &Command) {
        match command {
            Command::AnnounceParcel(AnnounceParcel { parcel, reference, .. }) => {
                self.orders.insert(*parcel, reference.as_str().into());
            }
            Command::PublishTariff(PublishTariff { tariff, version, terms, .. }) => {
                let version = TariffVersion { tariff: *tariff, version: *version };
                self.terms.insert(version, (**terms).clone());
            }
            Command::RegisterSeller(RegisterSeller { seller, tariff, class, .. }) => {
                self.classes.insert(*seller, (*tariff, *class));
            }
            _ => {}
        }
    }

    fn is_refund_of_payable(&self, posting: &books::Posting, engine: &Engine) -> bool {
        use books::chart::{AccountKind, ChartEntry};
        let refund = matches!(posting.entry, ChartEntry::Refunded | ChartEntry::ChargedBack);
        let debit = engine.books().account_view(posting.debit);
        refund && debit.is_some_and(|account| account.kind == AccountKind::SellerPayable)
    }

    fn event(&mut self, event: &Event, date: BusinessDate, own: u64) {
        match event {
            Event::PaymentCollected { payment, seller, method, amount, fees, tariff } => {
                let (method, amount, fees, tariff) = (*method, *amount, *fees, *tariff);
                self.sellers.insert(*payment, *seller);
                self.collected.insert(*payment, Collected { date, method, amount, fees, tariff });
            }
            Event::PaymentReversed { payment, .. } => {
                self.collected.remove(payment);
                self.sellers.remove(payment);
            }
            Event::PaymentReleased { payment, seller, refunded, .. } => {
                let Some(collected) = self.collected.remove(payment) else { return };
                let (payment, refunded) = (*payment, refunded.minor());
                self.add(*seller, Line::Released { payment, collected, refunded });
            }
            Event::ParcelReturned { parcel, seller, fee, tariff } => {
                let (parcel, fee, tariff) = (*parcel, *fee, *tariff);
                self.add(*seller, Line::Returned { parcel, date, fee, tariff });
            }
            Event::Refunded { payment, .. } | Event::ChargedBack { payment, .. } if own > 0 => {
                let Some(&seller) = self.sellers.get(payment) else { return };
                self.add(seller, Line::Refunded { payment: *payment, date, amount: own });
            }
            Event::PayoutReturned { payout, seller, net } => {
                let (payout, net) = (*payout, *net);
                self.add(*seller, Line::PayoutReturned { payout, date, net });
                self.note(payout, "returned");
            }
            Event::SellerInvoiced { seller, amount, .. } => {
                self.add(*seller, Line::Invoiced { date, amount: *amount });
            }
            Event::PayoutConfirmed { payout, .. } => self.note(*payout, "paid"),
            Event::SettlementPlanned { plan, lines, .. } => {
                let take =
                    |line: &PayoutLine| (*line, self.open.remove(&line.seller).unwrap_or_default());
                let planned: Vec<_> = lines.iter().map(take).collect();
                self.last = lines.iter().map(|line| line.payout.0).fold(self.last, u64::max);
                if let Some((line, parts)) =
                    planned.iter().find(|(line, _)| line.payout.0 == self.wanted)
                {
                    self.found = Some((*line, parts.clone(), "planned"));
                }
                self.planned.insert(*plan, planned);
            }
            Event::PayoutDropped { plan, payout, seller, .. } => {
                self.note(*payout, "dropped");
                let planned = self.planned.get_mut(plan).into_iter().flatten();
                let dropped = planned.filter(|(line, _)| line.payout == *payout);
                let parts: Vec<_> = dropped.flat_map(|(_, parts)| parts.drain(..)).collect();
                self.open.entry(*seller).or_default().extend(parts);
            }
            Event::SettlementExecuted { plan, lines } => {
                self.planned.remove(plan);
                lines.iter().for_each(|line| self.note(line.payout, "sent"));
            }
            Event::SettlementRejected { plan } => {
                for (line, parts) in self.planned.remove(plan).unwrap_or_default() {
                    self.note(line.payout, "rejected");
                    self.open.entry(line.seller).or_default().extend(parts);
                }
            }
            _ => {}
        }
    }

    fn add(&mut self, seller: SellerId, line: Line) {
        self.open.entry(seller).or_default().push(line);
    }

    fn note(&mut self, payout: PayoutId, state: &'static str) {
        if let Some((line, _, noted)) = &mut self.found
            && line.payout == payout
        {
            *noted = state;
        }
    }
}

/// The parcels, fees and tariff versions of a payout. Amounts are in minor units.
#[derive(Debug, Serialize)]
pub struct Explanation {
    pub payout: u64,
    /// The seller's reference.
    pub seller: String,
    #[serde(serialize_with = "currency_code")]
    pub currency: Currency,
    /// `planned`, `sent`, `paid`, `returned`, `rejected` or `dropped`.
    pub state: &'static str,
    pub gross: u64,
    pub fees: u64,
    /// Refunded to buyers.
    pub refunded: u64,
    /// Earlier payouts that came back and are paid again.
    pub returned: u64,
    /// Debts that were invoiced, and are not deducted.
    pub invoiced: u64,
    pub net: u64,
    pub lines: Vec<ExplanationRow>,
    /// Every fee was recomputed by its tariff version, and is equal.
    pub recomputed: bool,
}

/// One line of the explanation.
#[derive(Debug, Serialize)]
pub struct ExplanationRow {
    /// `collected`, `returned`, `refunded`, `payout returned` or `invoiced`.
    pub what: &'static str,
    /// The order's reference; `payout 7` if payout 7 was returned.
    pub order: String,
    pub parcel: String,
    pub date: String,
    /// `debit card`, `credit card`, `QR` or `cash`; empty if nothing was collected.
    pub method: &'static str,
    pub gross: u64,
    /// By the name of the fee.
    pub fees: BTreeMap<&'static str, u64>,
    pub refunded: u64,
    pub net: i128,
    pub tariff: String,
}

fn currency_code<S: Serializer>(currency: &Currency, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(currency.code())
}

/// Explains a payout of a data directory, by its number. Recomputes every fee by its tariff
/// version.
pub fn explain_payout(data: &Path, payout: u64) -> Result<Explanation, ExplainError> {
    let mut explainer = Explainer { wanted: payout, ..Explainer::default() };
    let (engine, _) = replay_all(data, &mut explainer)?;
    let Some((line, parts, state)) = explainer.found.take() else {
        return Err(match explainer.last {
            0 => ExplainError::NoPayouts { payout },
            last => ExplainError::NoSuchPayout { payout, last },
        });
    };
    let explanation = Explanation {
        payout: line.payout.0,
        seller: engine.books().seller_reference(line.seller).unwrap_or("?").to_owned(),
        currency: line.currency,
        state,
        gross: line.gross,
        fees: line.fees,
        refunded: line.refunded,
        returned: line.returned,
        invoiced: line.invoiced,
        net: line.net.minor(),
        lines: rows(&explainer, &engine, &line, &parts)?,
        recomputed: true,
    };
    check_sums(&explanation)?;
    Ok(explanation)
}

/// The lines as rows. Every fee is recomputed by its tariff version.
fn rows(
    explainer: &Explainer,
    engine: &Engine,
    line: &PayoutLine,
    parts: &[Line],
) -> Result<Vec<ExplanationRow>, ExplainError> {
    let mut rows = Vec::with_capacity(parts.len());
    for part in parts {
        let parcel = match part {
            Line::Released { payment, .. } | Line::Refunded { payment, .. } => Some(payment.parcel),
            Line::Returned { parcel, .. } => Some(*parcel),
            Line::PayoutReturned { .. } | Line::Invoiced { .. } => None,
        };
        let order = parcel.and_then(|parcel| explainer.orders.get(&parcel));
        let mut row = ExplanationRow {
            what: "",
            order: order.map(ToString::to_string).unwrap_or_default(),
            parcel: parcel.map(|id| format!("{:032x}", id.bits())).unwrap_or_default(),
            date: String::new(),
            method: "",
            gross: 0,
            fees: BTreeMap::new(),
            refunded: 0,
            net: 0,
            tariff: String::new(),
        };
        match part {
            Line::Released { collected, refunded, .. } => {
                let same = recompute(explainer, line.seller, collected);
                if !same {
                    return Err(ExplainError::FeesDiffer { order: row.order });
                }
                row.what = "collected";
                row.date = collected.date.to_string();
                row.method = method_name(collected.method);
                row.gross = collected.amount.minor();
                row.fees =
                    collected.fees.iter().map(|(kind, fee)| (kind.name(), fee.minor())).collect();
                row.refunded = *refunded;
                row.tariff = tariff_version(engine, collected.tariff);
            }
            Line::Returned { date, fee, tariff, .. } => {
                let terms = explainer.terms.get(tariff);
                let same = terms.is_some_and(|terms| terms.return_fee == *fee);
                if !same {
                    return Err(ExplainError::ReturnFeeDiffers { order: row.order });
                }
                row.what = "returned";
                row.date = date.to_string();
                row.fees.insert(FeeKind::Return.name(), fee.minor());
                row.tariff = tariff_version(engine, *tariff);
            }
            Line::Refunded { date, amount, .. } => {
                row.what = "refunded";
                row.date = date.to_string();
                row.refunded = *amount;
            }
            Line::PayoutReturned { payout, date, net } => {
                row.what = "payout returned";
                row.order = format!("payout {}", payout.0);
                row.date = date.to_string();
                row.net = i128::from(net.minor());
            }
            Line::Invoiced { date, amount } => {
                row.what = "invoiced";
                row.date = date.to_string();
                row.net = i128::from(amount.minor());
            }
        }
        let fees: u64 = row.fees.values().sum();
        row.net += i128::from(row.gross) - i128::from(fees) - i128::from(row.refunded);
        rows.push(row);
    }
    Ok(rows)
}

/// The recomputed fees of a payment are the same (M8).
fn recompute(explainer: &Explainer, seller: SellerId, collected: &Collected) -> bool {
    let class = explainer.classes.get(&seller).map(|(_, class)| *class);
    let terms = explainer.terms.get(&collected.tariff);
    let again = terms
        .zip(class)
        .and_then(|(terms, class)| terms.fees(class, collected.method, collected.amount));
    again == Some(collected.fees)
}

fn method_name(method: PaymentMethod) -> &'static str {
    match method {
        PaymentMethod::Card(CardKind::Debit) => "debit card",
        PaymentMethod::Card(CardKind::Credit) => "credit card",
        PaymentMethod::Qr => "QR",
        PaymentMethod::Cash => "cash",
    }
}

fn check_sums(explanation: &Explanation) -> Result<(), ExplainError> {
    let net: i128 = explanation.lines.iter().map(|row| row.net).sum();
    let gross: u64 = explanation.lines.iter().map(|row| row.gross).sum();
    let fees: u64 = explanation.lines.iter().flat_map(|row| row.fees.values()).sum();
    let same = net == i128::from(explanation.net)
        && gross == explanation.gross
        && fees == explanation.fees;
    match same {
        true => Ok(()),
        false => Err(ExplainError::SumsDiffer { lines: net, payout: explanation.net }),
    }
}
