//! The explanation of a payout: the parcels, fees and tariff versions behind a payout (M8).

mod line;

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use books::chart::ChartEntry;
use books::{
    AnnounceParcel, BusinessDate, ChargebackFeeBearer, Command, DamagePayer, Event, ParcelId,
    PaymentId, PayoutId, PayoutLine, PlanId, Posting, PublishTariff, RegisterSeller, SellerId,
    SetSellerTerms, StatementParts, TariffId, TariffVersion, Timestamp,
};
use engine::{CommandOutcome, Engine, Submission};
use ledger::AccountNumber;
use money::Currency;
use money::decimal::DecimalAmount;
use node::replay::ReplayObserver;
use serde::{Serialize, Serializer};
use tariff::file::TariffFile;
use tariff::{EarlierPayments, FeeKind, Fees, LossOwner, SellerClassNumber, Terms};

use self::line::{
    ChargedPayment, Collected, KnownTerms, Line, LineSide, LineSubject, OtherLine, Taken,
    taken_from_payable,
};
use crate::account_names::{AccountNameStyle, AccountNames};
use crate::books::tariff_version;
use crate::fee_calculations::{FeeCalculation, charge_calculations, fee_calculations, method_name};
use crate::{ExplainError, replay_all};

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
    /// Collected payments. A won chargeback can hold a released one again.
    collected: HashMap<PaymentId, Collected>,
    sellers: HashMap<PaymentId, SellerId>,
    /// The lines of the next payout so far, for each account of a seller.
    open: HashMap<SellerAccount, Vec<Line>>,
    /// The lines of each planned payout.
    planned: HashMap<PlanId, Vec<(PayoutLine, Vec<Line>)>>,
    found: Option<(PayoutLine, Vec<Line>, &'static str)>,
    /// The voucher of the command, if it is an adjusting entry.
    voucher: Option<String>,
    /// The chargeback whose win the command takes back.
    taken_back: Option<(PaymentId, u8)>,
}

impl ReplayObserver for Explainer<'_> {
    fn command(
        &mut self,
        submission: &Submission,
        _: Timestamp,
        outcome: &CommandOutcome,
        engine: &Engine,
    ) -> Result<(), String> {
        let date = engine.books().last_date();
        for (command, _) in outcome.of_books(submission) {
            self.remember(command, date);
        }
        // A refund comes from the seller's held money first; the rest from the payable balance. The
        // fees of a payment that is reversed after its release are given back. What is won of a
        // chargeback, and its fee, have entries of their own.
        let mut taken = Taken::new();
        for posting in &outcome.books.postings {
            let entry = match posting.entry {
                ChartEntry::FeeReversed | ChartEntry::CommissionReversed => {
                    ChartEntry::CollectionReversed
                }
                entry => entry,
            };
            *taken.entry((entry, posting.payment)).or_default() +=
                taken_from_payable(posting, engine);
        }
        for event in &outcome.books.events {
            self.event(event, date, &taken, &outcome.books.postings);
        }
        Ok(())
    }
}

impl Explainer<'_> {
    fn remember(&mut self, command: &Command, today: BusinessDate) {
        self.voucher = match command {
            Command::PostAdjustment(entry) => Some(entry.reference.clone()),
            _ => None,
        };
        self.taken_back = match command {
            Command::TakeBackWonChargeback(back) => Some((back.payment, back.number)),
            _ => None,
        };
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

    /// `taken` is what the command's postings took from payable money, below zero if they gave it
    /// back.
    fn event(&mut self, event: &Event, date: BusinessDate, taken: &Taken, postings: &[Posting]) {
        let taken =
            |entry, payment: &PaymentId| taken.get(&(entry, Some(*payment))).copied().unwrap_or(0);
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
                let amount = taken(ChartEntry::CollectionReversed, payment);
                self.add_of_payment(*payment, "reversed", LineSide::Refunded, date, amount);
                if let Some(standing) = self.standing.get_mut(&payment.parcel) {
                    standing.retain(|one| one.payment != *payment);
                }
                self.collected.remove(payment);
                self.sellers.remove(payment);
            }
            Event::OfflineSaleRejected { payment, loss, amount, .. } => {
                if *loss == Some(LossOwner::Seller) {
                    let amount = i128::from(amount.minor());
                    self.add_of_payment(
                        *payment,
                        "offline sale lost",
                        LineSide::Lost,
                        date,
                        amount,
                    );
                }
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
            Event::PaymentReleased {
                payment,
                seller,
                refunded,
                charged_back,
                loss_given_back,
                ..
            } => {
                let Some(collected) = self.collected.get(payment).cloned() else { return };
                self.add_of_parcel(
                    *seller,
                    payment.parcel,
                    Line::Released { payment: *payment, collected },
                );
                let [all, charged_back, loss] =
                    [refunded, charged_back, loss_given_back].map(|sum| i128::from(sum.minor()));
                for (what, amount) in [
                    ("refunded", all - charged_back - loss),
                    ("charged back", charged_back),
                    ("loss given back", loss),
                ] {
                    self.add_of_payment(*payment, what, LineSide::Refunded, date, amount);
                }
            }
            Event::SellerCompensated { parcel, seller, amount, .. } => {
                let about = LineSubject::Parcel(*parcel);
                let (what, side, amount) = ("compensated", LineSide::Own, amount.minor());
                let line = Line::Other(OtherLine { what, about, date, side, amount });
                self.add_of_parcel(*seller, *parcel, line);
            }
            Event::DiscountReleased { parcel, seller, amount } => {
                let about = LineSubject::Parcel(*parcel);
                let (what, side) = ("discount paid", LineSide::Gross);
                let line = OtherLine { what, about, date, side, amount: amount.minor() };
                self.add_of_parcel(*seller, *parcel, Line::Other(line));
            }
            Event::DiscountPaid { parcel, seller, .. } => {
                let of_parcel = PaymentId { parcel: *parcel, number: 0 };
                let back = taken(ChartEntry::DiscountTakenBack, &of_parcel);
                if let Ok(amount) = u64::try_from(back)
                    && amount > 0
                {
                    let about = LineSubject::Parcel(*parcel);
                    let (what, side) = ("discount taken back", LineSide::Refunded);
                    let line = OtherLine { what, about, date, side, amount };
                    self.add_of_parcel(*seller, *parcel, Line::Other(line));
                }
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
                let about = LineSubject::Parcel(*parcel);
                let (what, side) = ("freight given back", LineSide::Gross);
                let amount = freight.minor() + vat.minor();
                let line = Line::Other(OtherLine { what, about, date, side, amount });
                self.add_of_parcel(*seller, *parcel, line);
            }
            Event::ParcelForgotten { parcel } => {
                for one in self.standing.remove(parcel).into_iter().flatten() {
                    self.collected.remove(&one.payment);
                    self.sellers.remove(&one.payment);
                }
            }
            Event::Refunded { payment, .. } => {
                let amount = taken(ChartEntry::Refunded, payment);
                self.add_of_payment(*payment, "refunded", LineSide::Refunded, date, amount);
            }
            Event::ChargedBack { payment, .. } => {
                let amount = taken(ChartEntry::ChargedBack, payment);
                let amount = amount - self.undo_unpaid_win(amount);
                self.add_of_payment(*payment, "charged back", LineSide::Refunded, date, amount);
            }
            Event::LossReturned { payment, .. } => {
                let amount = taken(ChartEntry::LossReturned, payment);
                self.add_of_payment(*payment, "loss given back", LineSide::Refunded, date, amount);
            }
            Event::ChargebackWon { payment, number, .. } => {
                let amount = -taken(ChartEntry::ChargebackWon, payment);
                let about = LineSubject::Win(*payment, *number);
                let (what, side) = ("chargeback won", LineSide::Gross);
                self.add_about(*payment, about, what, side, date, amount);
            }
            Event::ChargebackFeeBooked {
                payment,
                amount,
                borne_by: ChargebackFeeBearer::Seller,
                ..
            } => {
                let amount = i128::from(amount.minor());
                self.add_of_payment(*payment, "chargeback fee", LineSide::Fee, date, amount);
            }
            Event::PayoutReturned { payout, seller, currency, net } => {
                let (what, about) = ("payout returned", format!("payout {}", payout.0));
                let account = (*seller, *currency);
                self.add_other(account, what, about, date, LineSide::Own, net.minor());
                self.note(*payout, "returned");
            }
            Event::SellerCharged { seller, currency, break_id, amount } => {
                let (what, about) = ("break charged", format!("break {}", break_id.0));
                let account = (*seller, *currency);
                self.add_other(account, what, about, date, LineSide::Refunded, amount.minor());
            }
            Event::SellerCredited { seller, currency, break_id, amount } => {
                let (what, about) = ("break credited", format!("break {}", break_id.0));
                let account = (*seller, *currency);
                self.add_other(account, what, about, date, LineSide::Gross, amount.minor());
            }
            Event::SellerAdjusted { seller, currency, number, charged, credited } => {
                let about = match &self.voucher {
                    Some(voucher) => format!("voucher {voucher}"),
                    None => format!("adjusting entry {number}"),
                };
                let account = (*seller, *currency);
                let (what, side, amount) = match *charged > 0 {
                    true => ("entry charged", LineSide::Refunded, *charged),
                    false => ("entry credited", LineSide::Gross, *credited),
                };
                self.add_other(account, what, about, date, side, amount);
            }
            Event::InvoiceCancelled { seller, currency, invoice, amount } => {
                let (what, about) = ("invoice cancelled", format!("invoice {invoice}"));
                let account = (*seller, *currency);
                self.add_other(account, what, about, date, LineSide::Refunded, amount.minor());
            }
            Event::SellerInvoiced { seller, currency, number, amount } => {
                let (what, about) = ("invoiced", format!("invoice {number}"));
                let account = (*seller, *currency);
                self.add_other(account, what, about, date, LineSide::Own, amount.minor());
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

    /// Adds a line of a payment, if the amount is above zero.
    fn add_of_payment(
        &mut self,
        payment: PaymentId,
        what: &'static str,
        side: LineSide,
        date: BusinessDate,
        amount: i128,
    ) {
        let about = LineSubject::Parcel(payment.parcel);
        self.add_about(payment, about, what, side, date, amount);
    }

    fn add_about(
        &mut self,
        payment: PaymentId,
        about: LineSubject,
        what: &'static str,
        side: LineSide,
        date: BusinessDate,
        amount: i128,
    ) {
        let Some(&seller) = self.sellers.get(&payment) else { return };
        let amount = u64::try_from(amount).unwrap_or(0);
        if amount > 0 {
            let line = Line::Other(OtherLine { what, about, date, side, amount });
            self.add_of_parcel(seller, payment.parcel, line);
        }
    }

    /// Takes the win that the command takes back off the lines of the next payout, if it is there.
    /// Returns how much of the amount that does, in minor units.
    fn undo_unpaid_win(&mut self, amount: i128) -> i128 {
        let Some((payment, number)) = self.taken_back else { return 0 };
        let account = self.sellers.get(&payment).zip(self.orders.get(&payment.parcel));
        let account = account.map(|(seller, (_, currency))| (*seller, *currency));
        let lines = account.and_then(|account| self.open.get_mut(&account));
        let is_win = |line: &Line| {
            let Line::Other(OtherLine { about: LineSubject::Win(of, won), .. }) = line else {
                return false;
            };
            (*of, *won) == (payment, number)
        };
        let Some(lines) = lines else { return 0 };
        let Some(place) = lines.iter().position(is_win) else { return 0 };
        let Line::Other(win) = &mut lines[place] else { return 0 };
        let undone = i128::from(win.amount).min(amount);
        win.amount -= u64::try_from(undone).unwrap_or(0);
        if win.amount == 0 {
            lines.remove(place);
        }
        undone
    }

    fn add_other(
        &mut self,
        account: SellerAccount,
        what: &'static str,
        about: String,
        date: BusinessDate,
        side: LineSide,
        amount: u64,
    ) {
        let about = LineSubject::Other(about);
        self.add(account, Line::Other(OtherLine { what, about, date, side, amount }));
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
    /// Collected from buyers, and the first parts.
    pub gross: u64,
    pub fees: u64,
    /// Refunded to buyers, and the other parts.
    pub given_back: u64,
    /// Parts of `gross` and `given_back`, by name.
    #[serde(flatten)]
    pub parts: StatementParts<u64>,
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
    /// `collected`, `returned`, `freight`, `refunded`, `chargeback fee`, `payout returned`,
    /// `invoiced`, `compensated`, `offline sale lost`, or a part of the payout: `charged back`.
    pub what: &'static str,
    /// The order's reference; `payout 7` if payout 7 was returned; `break 7` if two people closed
    /// break 7 at the seller's expense or gain; `voucher V-7` of an adjusting entry; `invoice 7`.
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
    pub given_back: u64,
    pub net: i128,
    /// What the network never pays of an offline sale, and the seller bears. Not in `net`.
    pub lost: u64,
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
        given_back: line.refunded,
        parts: line.parts,
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
            Line::Released { payment, .. } => Some(payment.parcel),
            Line::Charged { parcel, .. } => Some(*parcel),
            Line::Other(one) => match one.about {
                LineSubject::Parcel(parcel) => Some(parcel),
                LineSubject::Win(payment, _) => Some(payment.parcel),
                LineSubject::Other(_) => None,
            },
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
            given_back: 0,
            net: 0,
            lost: 0,
            tariff: String::new(),
            class: String::new(),
        };
        match part {
            Line::Released { collected, .. } => {
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
            Line::Other(OtherLine { what, about, date, side, amount }) => {
                row.what = *what;
                row.date = date.to_string();
                if let LineSubject::Other(about) = about {
                    row.order.clone_from(about);
                }
                match side {
                    LineSide::Gross => row.gross = *amount,
                    LineSide::Refunded => row.given_back = *amount,
                    LineSide::Fee => drop(row.fees.insert("chargeback", *amount)),
                    LineSide::Own => row.net = i128::from(*amount),
                    LineSide::Lost => row.lost = *amount,
                }
            }
        }
        let fees: u64 = row.fees.values().sum();
        row.net += i128::from(row.gross) - i128::from(fees) - i128::from(row.given_back);
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

/// Whether the posting charges a fee of a payment.
fn is_fee(entry: ChartEntry) -> bool {
    use ChartEntry as E;
    matches!(entry, E::FeeCharged | E::CommissionEarned)
}

/// The lines add up to the payout, in all and by kind.
fn check_sums(explanation: &Explanation) -> Result<(), ExplainError> {
    let sum = |wanted: &dyn Fn(&&ExplanationRow) -> bool| -> [u64; 3] {
        explanation.lines.iter().filter(wanted).fold([0; 3], |[gross, fees, back], row| {
            [gross + row.gross, fees + row.fees.values().sum::<u64>(), back + row.given_back]
        })
    };
    let net: i128 = explanation.lines.iter().map(|row| row.net).sum();
    let sums = [explanation.gross, explanation.fees, explanation.given_back];
    let of_kind = |name: &str| sum(&|row| row.what == name.replace('_', " "));
    let parts = explanation.parts;
    let same = net == i128::from(explanation.net)
        && sum(&|_| true) == sums
        && parts.of_gross().all(|(name, part)| of_kind(name)[0] == part)
        && parts.of_refunded().all(|(name, part)| of_kind(name)[2] == part);
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
