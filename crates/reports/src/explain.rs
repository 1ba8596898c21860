//! The explanation of a payout: the parcels, fees and tariff versions behind a payout (M8).

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use books::chart::{AccountKind, ChartEntry};
use books::{
    AnnounceParcel, BusinessDate, ChargebackFeeBearer, Command, DamagePayer, Event, ParcelId,
    PaymentId, PayoutId, PayoutLine, PlanId, Posting, PublishTariff, RegisterSeller, SellerId,
    SetSellerTerms, TariffId, TariffVersion, Timestamp,
};
use engine::{CommandOutcome, Engine, Submission};
use ledger::AccountNumber;
use money::decimal::DecimalAmount;
use money::{Amount, Currency};
use node::replay::ReplayObserver;
use serde::{Serialize, Serializer};
use tariff::file::TariffFile;
use tariff::{EarlierPayments, FeeKind, Fees, LossOwner, PaymentMethod, SellerClassNumber, Terms};

use crate::account_names::{AccountNameStyle, AccountNames};
use crate::books::tariff_version;
use crate::fee_calculations::{FeeCalculation, charge_calculations, fee_calculations, method_name};
use crate::{ExplainError, replay_all};

/// An approved payment, with its fees and tariff version.
#[derive(Clone, Debug)]
struct Collected {
    date: BusinessDate,
    method: PaymentMethod,
    amount: Amount,
    fees: Fees,
    tariff: TariffVersion,
    class: SellerClassNumber,
    /// False for a rejected offline sale, which bears no fees.
    charged: bool,
    /// The parcel's payments whose fees stood when this one was collected.
    earlier: EarlierPayments,
    /// Where the fees were posted, in the order of the fees.
    accounts: Vec<AccountNumber>,
}

/// The terms of a tariff version, and whether they come from a tariff file.
struct KnownTerms {
    terms: Terms,
    from_file: bool,
    /// First day in force.
    from: BusinessDate,
}

/// A change of a seller's payable balance.
#[derive(Clone, Debug)]
enum Line {
    Released {
        payment: PaymentId,
        collected: Collected,
        refunded: u64,
    },
    /// Freight or a return fee, with its VAT.
    Charged {
        parcel: ParcelId,
        date: BusinessDate,
        kind: FeeKind,
        charge: Amount,
        vat: Amount,
        tariff: TariffVersion,
        /// Where the two were posted.
        accounts: [Option<AccountNumber>; 2],
    },
    /// Freight and its VAT, given back because the delivery was undone.
    FreightReversed {
        parcel: ParcelId,
        date: BusinessDate,
        amount: u64,
    },
    Refunded {
        payment: PaymentId,
        date: BusinessDate,
        amount: u64,
    },
    /// What the seller gets back of a won chargeback as payable.
    ChargebackWon {
        payment: PaymentId,
        date: BusinessDate,
        amount: u64,
    },
    ChargebackFee {
        payment: PaymentId,
        date: BusinessDate,
        amount: u64,
    },
    PayoutReturned {
        payout: PayoutId,
        date: BusinessDate,
        net: Amount,
    },
    Invoiced {
        date: BusinessDate,
        amount: Amount,
    },
    /// A break, an adjusting entry or a cancelled invoice at the seller's expense, or a gain.
    Break {
        date: BusinessDate,
        order: String,
        charged: u64,
        credited: u64,
    },
    Compensated {
        parcel: ParcelId,
        date: BusinessDate,
        amount: Amount,
    },
}

/// A payment with the fees that it bore.
struct ChargedPayment {
    payment: PaymentId,
    method: PaymentMethod,
    amount: Amount,
    tariff: TariffVersion,
    fees: Fees,
}

/// A seller's account in a currency.
type SellerAccount = (SellerId, Currency);

/// Collects the lines of the wanted payout while the journal is replayed.
#[derive(Default)]
struct Explainer<'a> {
    files: &'a [TariffFile],
    /// Published terms do not count.
    only_files: bool,
    wanted: u64,
    /// The highest payout number so far; zero before the first.
    last: u64,
    orders: HashMap<ParcelId, (Box<str>, Currency)>,
    terms: BTreeMap<TariffVersion, KnownTerms>,
    /// The tariffs and classes of each account of a seller, with their first days.
    seller_terms: HashMap<SellerAccount, Vec<(BusinessDate, TariffId, SellerClassNumber)>>,
    /// The payments of each parcel whose fees stand, in the order of their collection.
    standing: HashMap<ParcelId, Vec<ChargedPayment>>,
    /// Payments whose seller's share is still held.
    collected: HashMap<PaymentId, Collected>,
    sellers: HashMap<PaymentId, SellerId>,
    /// The lines of the next payout so far, for each account of a seller.
    open: HashMap<SellerAccount, Vec<Line>>,
    /// The lines of each planned payout.
    planned: HashMap<PlanId, Vec<(PayoutLine, Vec<Line>)>>,
    found: Option<(PayoutLine, Vec<Line>, &'static str)>,
}

impl ReplayObserver for Explainer<'_> {
    fn command(
        &mut self,
        submission: &Submission,
        _: Timestamp,
        outcome: &CommandOutcome,
        engine: &Engine,
    ) -> Result<(), String> {
        let engine::Command::Books(command) = &submission.command;
        let date = engine.books().last_date();
        self.remember(command, date);
        // A refund comes from the seller's held money first; the rest from the payable balance. The
        // fees of a payment that is reversed after its release are given back. What is won of a
        // chargeback, and its fee, have entries of their own.
        let (mut taken, mut won) = (0, 0);
        for posting in &outcome.books.postings {
            let amount = taken_from_payable(posting, engine);
            match posting.entry {
                ChartEntry::ChargebackWon => won -= amount,
                ChartEntry::ChargebackFeePassedOn => {}
                _ => taken += amount,
            }
        }
        let [own, won] = [taken, won].map(|sum: i128| u64::try_from(sum).unwrap_or(0));
        for event in &outcome.books.events {
            self.event(event, date, (own, won), &outcome.books.postings);
        }
        Ok(())
    }
}

impl Explainer<'_> {
    fn remember(&mut self, command: &Command, today: BusinessDate) {
        match command {
            Command::AnnounceParcel(AnnounceParcel { parcel, currency, reference, .. }) => {
                self.orders.insert(*parcel, (reference.as_str().into(), *currency));
            }
            Command::PublishTariff(PublishTariff {
                tariff,
                version: number,
                currency,
                from,
                terms,
                reference,
                ..
            }) => {
                let version = TariffVersion { tariff: *tariff, version: *number };
                let Some(file) = self.files.iter().find(|file| file.name == *reference) else {
                    if !self.only_files {
                        let terms = (**terms).clone();
                        let known = KnownTerms { terms, from_file: false, from: *from };
                        self.terms.insert(version, known);
                    }
                    return;
                };
                let in_file = file.tariffs.iter().find(|one| one.currency == *currency);
                let mut versions = in_file.into_iter().flat_map(|one| &one.versions);
                if let Some(found) = versions.find(|found| found.number == *number) {
                    let terms = found.terms.clone();
                    let known = KnownTerms { terms, from_file: true, from: found.from };
                    self.terms.insert(version, known);
                }
            }
            Command::RegisterSeller(RegisterSeller { seller, currency, tariff, class, .. }) => {
                let terms = (today, *tariff, *class);
                self.seller_terms.entry((*seller, *currency)).or_default().push(terms);
            }
            Command::SetSellerTerms(SetSellerTerms {
                seller,
                currency,
                from,
                tariff,
                class,
                ..
            }) => {
                let terms = (*from, *tariff, *class);
                self.seller_terms.entry((*seller, *currency)).or_default().push(terms);
            }
            _ => {}
        }
    }

    /// Whether the seller's account had the tariff and the class of a payment by then.
    fn had_terms(&self, account: SellerAccount, collected: &Collected) -> bool {
        let wanted = (collected.tariff.tariff, collected.class);
        let mut terms = self.seller_terms.get(&account).into_iter().flatten();
        terms.any(|&(from, tariff, class)| from <= collected.date && (tariff, class) == wanted)
    }

    /// `own` was taken from payable money by the command, and `won` was given back to it.
    fn event(
        &mut self,
        event: &Event,
        date: BusinessDate,
        (own, won): (u64, u64),
        postings: &[Posting],
    ) {
        let credited = |entry: ChartEntry| {
            postings.iter().find(|one| one.entry == entry).map(|one| one.credit)
        };
        match event {
            Event::PaymentCollected { payment, seller, method, amount, fees, tariff, class } => {
                let (method, amount, fees, tariff) = (*method, *amount, *fees, *tariff);
                self.sellers.insert(*payment, *seller);
                let standing = self.standing.entry(payment.parcel).or_default();
                let mut earlier = EarlierPayments::default();
                for ChargedPayment { method, amount, tariff, fees, .. } in standing.iter() {
                    if let Some(known) = self.terms.get(tariff) {
                        earlier.add(&known.terms, *method, *amount, fees);
                    }
                }
                standing.push(ChargedPayment { payment: *payment, method, amount, tariff, fees });
                let fees_posted = postings.iter().filter(|posting| is_fee(posting.entry));
                let accounts = fees_posted.map(|posting| posting.credit).collect();
                self.collected.insert(
                    *payment,
                    Collected {
                        date,
                        method,
                        amount,
                        fees,
                        tariff,
                        class: *class,
                        charged: true,
                        earlier,
                        accounts,
                    },
                );
            }
            Event::PaymentReversed { payment, .. } => {
                if let Some(&seller) = self.sellers.get(payment).filter(|_| own > 0) {
                    let line = Line::Refunded { payment: *payment, date, amount: own };
                    self.add_of_parcel(seller, payment.parcel, line);
                }
                if let Some(standing) = self.standing.get_mut(&payment.parcel) {
                    standing.retain(|one| one.payment != *payment);
                }
                self.collected.remove(payment);
                self.sellers.remove(payment);
            }
            Event::OfflineSaleRejected { payment, loss, .. } => {
                if let Some(standing) = self.standing.get_mut(&payment.parcel) {
                    standing.retain(|one| one.payment != *payment);
                }
                // Whoever bears the loss pays the seller without a fee.
                let paid = matches!(loss, Some(LossOwner::Firm | LossOwner::Doorstep));
                if let Some(collected) = self.collected.get_mut(payment).filter(|_| paid) {
                    (collected.fees, collected.charged) = (Fees::default(), false);
                } else {
                    self.collected.remove(payment);
                    self.sellers.remove(payment);
                }
            }
            Event::PaymentReleased { payment, seller, refunded, .. } => {
                let Some(collected) = self.collected.remove(payment) else { return };
                let (payment, refunded) = (*payment, refunded.minor());
                let line = Line::Released { payment, collected, refunded };
                self.add_of_parcel(*seller, payment.parcel, line);
            }
            Event::SellerCompensated { parcel, seller, amount, .. } => {
                let line = Line::Compensated { parcel: *parcel, date, amount: *amount };
                self.add_of_parcel(*seller, *parcel, line);
            }
            Event::ParcelReturned {
                parcel,
                seller,
                fee: charge,
                vat,
                tariff,
                paid_by: DamagePayer::Seller,
            } => {
                let (parcel, kind, charge) = (*parcel, FeeKind::Return, *charge);
                let (vat, tariff) = (*vat, *tariff);
                let accounts = [ChartEntry::ReturnCharged, ChartEntry::VatCharged].map(credited);
                let line = Line::Charged { parcel, date, kind, charge, vat, tariff, accounts };
                self.add_of_parcel(*seller, parcel, line);
            }
            Event::FreightCharged { parcel, seller, freight: charge, vat, tariff, .. } => {
                let (parcel, kind, charge) = (*parcel, FeeKind::Freight, *charge);
                let (vat, tariff) = (*vat, *tariff);
                let accounts = [ChartEntry::FreightCharged, ChartEntry::VatCharged].map(credited);
                let line = Line::Charged { parcel, date, kind, charge, vat, tariff, accounts };
                self.add_of_parcel(*seller, parcel, line);
            }
            Event::FreightReversed { parcel, seller, freight, vat, .. } => {
                let (parcel, amount) = (*parcel, freight.minor() + vat.minor());
                let line = Line::FreightReversed { parcel, date, amount };
                self.add_of_parcel(*seller, parcel, line);
            }
            Event::ParcelForgotten { parcel } => {
                self.standing.remove(parcel);
            }
            Event::Refunded { payment, .. }
            | Event::ChargedBack { payment, .. }
            | Event::LossReturned { payment, .. }
                if own > 0 =>
            {
                let Some(&seller) = self.sellers.get(payment) else { return };
                let line = Line::Refunded { payment: *payment, date, amount: own };
                self.add_of_parcel(seller, payment.parcel, line);
            }
            Event::ChargebackWon { payment, .. } if won > 0 => {
                let Some(&seller) = self.sellers.get(payment) else { return };
                let line = Line::ChargebackWon { payment: *payment, date, amount: won };
                self.add_of_parcel(seller, payment.parcel, line);
            }
            Event::ChargebackFeeBooked {
                payment,
                amount,
                borne_by: ChargebackFeeBearer::Seller,
                ..
            } => {
                let Some(&seller) = self.sellers.get(payment) else { return };
                let (payment, amount) = (*payment, amount.minor());
                let line = Line::ChargebackFee { payment, date, amount };
                self.add_of_parcel(seller, payment.parcel, line);
            }
            Event::PayoutReturned { payout, seller, currency, net } => {
                let (payout, net) = (*payout, *net);
                self.add((*seller, *currency), Line::PayoutReturned { payout, date, net });
                self.note(payout, "returned");
            }
            Event::SellerCharged { seller, currency, break_id, amount } => {
                let (order, charged) = (format!("break {}", break_id.0), amount.minor());
                let line = Line::Break { date, order, charged, credited: 0 };
                self.add((*seller, *currency), line);
            }
            Event::SellerCredited { seller, currency, break_id, amount } => {
                let (order, credited) = (format!("break {}", break_id.0), amount.minor());
                let line = Line::Break { date, order, charged: 0, credited };
                self.add((*seller, *currency), line);
            }
            Event::SellerAdjusted { seller, currency, number, charged, credited } => {
                let order = format!("adjusting entry {number}");
                let line = Line::Break { date, order, charged: *charged, credited: *credited };
                self.add((*seller, *currency), line);
            }
            Event::InvoiceCancelled { seller, currency, invoice, amount } => {
                let (order, charged) = (format!("invoice {invoice}"), amount.minor());
                let line = Line::Break { date, order, charged, credited: 0 };
                self.add((*seller, *currency), line);
            }
            Event::SellerInvoiced { seller, currency, amount, .. } => {
                self.add((*seller, *currency), Line::Invoiced { date, amount: *amount });
            }
            Event::PayoutConfirmed { payout, .. } => self.note(*payout, "paid"),
            Event::SettlementPlanned { plan, lines, .. } => {
                let take = |line: &PayoutLine| {
                    (*line, self.open.remove(&(line.seller, line.currency)).unwrap_or_default())
                };
                let planned: Vec<_> = lines.iter().map(take).collect();
                self.last = lines.iter().map(|line| line.payout.0).fold(self.last, u64::max);
                if let Some((line, parts)) =
                    planned.iter().find(|(line, _)| line.payout.0 == self.wanted)
                {
                    self.found = Some((*line, parts.clone(), "planned"));
                }
                self.planned.insert(*plan, planned);
            }
            Event::PayoutDropped { plan, payout, seller, currency, .. } => {
                self.note(*payout, "dropped");
                let planned = self.planned.get_mut(plan).into_iter().flatten();
                let dropped = planned.filter(|(line, _)| line.payout == *payout);
                let parts: Vec<_> = dropped.flat_map(|(_, parts)| parts.drain(..)).collect();
                self.open.entry((*seller, *currency)).or_default().extend(parts);
            }
            Event::SettlementExecuted { plan, lines } => {
                self.planned.remove(plan);
                lines.iter().for_each(|line| self.note(line.payout, "sent"));
            }
            Event::SettlementRejected { plan } => {
                for (line, parts) in self.planned.remove(plan).unwrap_or_default() {
                    self.note(line.payout, "rejected");
                    let account = (line.seller, line.currency);
                    self.open.entry(account).or_default().extend(parts);
                }
            }
            _ => {}
        }
    }

    fn add(&mut self, account: SellerAccount, line: Line) {
        self.open.entry(account).or_default().push(line);
    }

    /// Adds a line to the account of a parcel's currency.
    fn add_of_parcel(&mut self, seller: SellerId, parcel: ParcelId, line: Line) {
        if let Some((_, currency)) = self.orders.get(&parcel) {
            self.add((seller, *currency), line);
        }
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
    /// For damaged and lost parcels.
    pub compensated: u64,
    pub net: u64,
    pub lines: Vec<ExplanationRow>,
    /// The first day in force of each tariff version in the lines.
    pub in_force_from: BTreeMap<String, String>,
    /// Every fee was recomputed by its tariff version, and is equal.
    pub recomputed: bool,
    /// The terms came from tariff files: `file`. Otherwise they are those that were published in
    /// the journal: `journal`.
    pub recomputed_from: &'static str,
}

/// One line of the explanation.
#[derive(Debug, Serialize)]
pub struct ExplanationRow {
    /// `collected`, `returned`, `refunded`, `payout returned`, `invoiced`, `charged`, `credited` or
    /// `compensated`.
    pub what: &'static str,
    /// The order's reference; `payout 7` if payout 7 was returned; `break 7` if two people closed
    /// break 7 at the seller's expense or gain.
    pub order: String,
    pub parcel: String,
    pub date: String,
    /// `debit card`, `credit card`, `QR` or `cash`; empty if nothing was collected.
    pub method: &'static str,
    pub gross: u64,
    /// By the name of the fee.
    pub fees: BTreeMap<&'static str, u64>,
    /// One per fee.
    pub calculations: Vec<FeeCalculation>,
    pub refunded: u64,
    pub net: i128,
    pub tariff: String,
    /// The seller's class in that tariff on the day of the payment. Empty if nothing was collected.
    pub class: String,
}

fn currency_code<S: Serializer>(currency: &Currency, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(currency.code())
}

/// Where the terms come from by which fees are recomputed.
#[derive(Debug)]
pub enum TermsSource {
    /// Only this file.
    File(Box<TariffFile>),
    /// The file with the tariff's name. If there is none, the terms published in the journal.
    ByName(Vec<TariffFile>),
}

/// Explains a payout of a data directory, by its number. Recomputes every fee by its tariff
/// version.
pub fn explain_payout(
    data: &Path,
    payout: u64,
    source: &TermsSource,
) -> Result<Explanation, ExplainError> {
    let (files, only_files) = match source {
        TermsSource::File(file) => (std::slice::from_ref(&**file), true),
        TermsSource::ByName(files) => (files.as_slice(), false),
    };
    let mut explainer = Explainer { wanted: payout, files, only_files, ..Explainer::default() };
    let (engine, _) = replay_all(data, &mut explainer)?;
    let Some((line, parts, state)) = explainer.found.take() else {
        return Err(match explainer.last {
            0 => ExplainError::NoPayouts { payout },
            last => ExplainError::NoSuchPayout { payout, last },
        });
    };
    let ExplainedLines { rows: lines, from_files, in_force_from } =
        explained(&explainer, &engine, &line, &parts)?;
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
        compensated: line.compensated,
        net: line.net.minor(),
        lines,
        in_force_from,
        recomputed: true,
        recomputed_from: if from_files { "file" } else { "journal" },
    };
    check_sums(&explanation)?;
    Ok(explanation)
}

/// The lines of a payout. Every fee is recomputed by its tariff version.
struct ExplainedLines {
    rows: Vec<ExplanationRow>,
    /// All terms came from files.
    from_files: bool,
    /// The first day in force of each tariff version.
    in_force_from: BTreeMap<String, String>,
}

fn explained(
    explainer: &Explainer<'_>,
    engine: &Engine,
    line: &PayoutLine,
    parts: &[Line],
) -> Result<ExplainedLines, ExplainError> {
    let mut rows = Vec::with_capacity(parts.len());
    let (mut names, mut from_files) = (AccountNames::default(), true);
    let mut in_force_from = BTreeMap::new();
    let mut known = |version: TariffVersion| {
        let name = tariff_version(engine, version);
        let Some(known) = explainer.terms.get(&version) else {
            return Err(ExplainError::NotInTariffFile { tariff: name });
        };
        from_files &= known.from_file;
        in_force_from.insert(name, known.from.to_string());
        Ok::<&Terms, ExplainError>(&known.terms)
    };
    let mut name = |account: Option<AccountNumber>| {
        let named = |account| names.name(account, engine, AccountNameStyle::Plain).0.to_owned();
        account.map(named).unwrap_or_default()
    };
    for part in parts {
        let parcel = match part {
            Line::Released { payment, .. }
            | Line::Refunded { payment, .. }
            | Line::ChargebackWon { payment, .. }
            | Line::ChargebackFee { payment, .. } => Some(payment.parcel),
            Line::Charged { parcel, .. }
            | Line::FreightReversed { parcel, .. }
            | Line::Compensated { parcel, .. } => Some(*parcel),
            Line::PayoutReturned { .. } | Line::Invoiced { .. } | Line::Break { .. } => None,
        };
        let order = parcel.and_then(|parcel| explainer.orders.get(&parcel));
        let mut row = ExplanationRow {
            what: "",
            order: order.map(|(order, _)| order.to_string()).unwrap_or_default(),
            parcel: parcel.map(|id| format!("{:032x}", id.bits())).unwrap_or_default(),
            date: String::new(),
            method: "",
            gross: 0,
            fees: BTreeMap::new(),
            calculations: Vec::new(),
            refunded: 0,
            net: 0,
            tariff: String::new(),
            class: String::new(),
        };
        match part {
            Line::Released { collected, refunded, .. } => {
                let terms = known(collected.tariff)?;
                let class = collected.class;
                let known = explainer.had_terms((line.seller, line.currency), collected);
                if !known || !recompute(terms, class, collected) {
                    return Err(ExplainError::FeesDiffer { order: row.order });
                }
                let mut accounts = collected.accounts.iter().copied();
                let Collected { method, amount, fees, earlier, .. } = collected;
                row.calculations = fee_calculations(terms, class, *method, *amount, fees, earlier);
                for calculation in &mut row.calculations {
                    calculation.account = name(accounts.next());
                }
                row.what = "collected";
                row.date = collected.date.to_string();
                row.method = method_name(collected.method);
                row.gross = collected.amount.minor();
                row.fees =
                    collected.fees.iter().map(|(kind, fee)| (kind.name(), fee.minor())).collect();
                row.refunded = *refunded;
                row.tariff = tariff_version(engine, collected.tariff);
                let class = terms.classes.get(usize::from(class.0));
                row.class = class.map(|class| class.name.clone()).unwrap_or_default();
            }
            Line::Charged { date, kind, charge, vat, tariff, accounts, .. } => {
                let terms = known(*tariff)?;
                let is_return = *kind == FeeKind::Return;
                let of_terms = if is_return { terms.return_fee } else { terms.freight };
                if (of_terms, terms.vat.of(of_terms)) != (*charge, *vat) {
                    return Err(match is_return {
                        true => ExplainError::ReturnFeeDiffers { order: row.order },
                        false => ExplainError::FeesDiffer { order: row.order },
                    });
                }
                row.calculations = charge_calculations(terms, *kind, *charge, *vat);
                for (calculation, account) in row.calculations.iter_mut().zip(accounts) {
                    calculation.account = name(*account);
                }
                row.what = if is_return { "returned" } else { "freight" };
                row.date = date.to_string();
                row.fees.insert(kind.name(), charge.minor());
                if !vat.is_zero() {
                    row.fees.insert(FeeKind::Vat.name(), vat.minor());
                }
                row.tariff = tariff_version(engine, *tariff);
            }
            Line::FreightReversed { date, amount, .. } => {
                row.what = "freight reversed";
                row.date = date.to_string();
                row.gross = *amount;
            }
            Line::Refunded { date, amount, .. } => {
                row.what = "refunded";
                row.date = date.to_string();
                row.refunded = *amount;
            }
            Line::ChargebackWon { date, amount, .. } => {
                row.what = "chargeback won";
                row.date = date.to_string();
                row.gross = *amount;
            }
            Line::ChargebackFee { date, amount, .. } => {
                row.what = "chargeback fee";
                row.date = date.to_string();
                row.fees.insert("chargeback", *amount);
            }
            Line::PayoutReturned { payout, date, net } => {
                row.what = "payout returned";
                row.order = format!("payout {}", payout.0);
                row.date = date.to_string();
                row.net = i128::from(net.minor());
            }
            Line::Break { date, order, charged, credited } => {
                row.what = if *charged > 0 { "charged" } else { "credited" };
                row.order.clone_from(order);
                row.date = date.to_string();
                row.gross = *credited;
                row.refunded = *charged;
            }
            Line::Compensated { date, amount, .. } => {
                row.what = "compensated";
                row.date = date.to_string();
                row.net = i128::from(amount.minor());
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
    Ok(ExplainedLines { rows, from_files, in_force_from })
}

/// The recomputed fees of a payment are the same (M8).
fn recompute(terms: &Terms, class: SellerClassNumber, collected: &Collected) -> bool {
    if !collected.charged {
        return collected.fees == Fees::default();
    }
    let Collected { method, amount, fees, earlier, .. } = collected;
    terms.fees_after(earlier, class, *method, *amount) == Some(*fees)
}

/// What a posting of a refund, chargeback or reversal takes from a payable balance, below zero if
/// it gives a fee back.
fn taken_from_payable(posting: &Posting, engine: &Engine) -> i128 {
    use ChartEntry as E;
    let is_payable = |account| {
        let view = engine.books().account_view(account);
        view.is_some_and(|account| account.kind == AccountKind::SellerPayable)
    };
    let amount = i128::from(posting.amount.minor());
    match posting.entry {
        E::Refunded | E::ChargedBack | E::CollectionReversed | E::LossReturned
            if is_payable(posting.debit) =>
        {
            amount
        }
        E::FeeReversed | E::CommissionReversed if is_payable(posting.credit) => -amount,
        _ => 0,
    }
}

/// Whether the posting charges a fee of a payment.
fn is_fee(entry: ChartEntry) -> bool {
    use ChartEntry as E;
    matches!(entry, E::FeeCharged | E::CommissionEarned)
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
        false => {
            let text = |minor| {
                let amount = DecimalAmount::of_balance(minor, explanation.currency);
                format!("{amount} {}", explanation.currency)
            };
            Err(ExplainError::SumsDiffer { lines: text(net), payout: text(explanation.net.into()) })
        }
    }
}
