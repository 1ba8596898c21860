//! The files of networks and wallets: every line of each file is a command.

use std::collections::BTreeMap;

use books::{
    BreakSubject, ClearLine, ClearLineKind, Command, LineReference, NetworkReference, PaymentId,
    RailId, RetrievalReference, Stan, Timestamp,
};
use money::SignedAmount;
use peers::clearing::{ClearingFile, ClearingLine, ClearingLineKind};

use crate::after_clearing::StatedChange;
use crate::backend::{Backend, DayError};
use crate::books::{BankLineKind, BreakCause, ExpectedBreak, RailItem};
use crate::chance::{Chance, ChancePurpose, stream_of_day};
use crate::clock;
use crate::counterparty::{CardRequest, RailLine, RailReference};
use crate::day::{DayRun, DayStage};
use crate::payment_path::PaymentPathError;
use crate::rates::WHOLE_PPM;
use crate::world::World;

/// The largest fee difference, in minor units.
const FEE_DIFFERENCE_MAX: u64 = 20;

/// A line as a network or wallet states it. Amounts are in minor units.
struct StatedLine {
    kind: ClearLineKind,
    reference: LineReference,
    payment: Option<PaymentId>,
    amount: i64,
    deducted: i64,
    /// When it happened, and the request to the network, for the files of other parties.
    at: Timestamp,
    request: Option<Box<CardRequest>>,
}

impl<O: Backend> DayRun<'_, O> {
    /// Clears the networks' payments from their files, and the wallet's payments.
    pub(crate) fn clear_payments(&mut self) -> Result<(), DayError<O::Error>> {
        let at = self.advance_to(self.world.clock.tonight(clock::CLEARING));
        for index in 0..self.world.rails.len() {
            let lines = match self.world.rail_subject(index) {
                BreakSubject::Network(_) => self.exchange_clearing_file(index, at)?,
                _ => self.wallet_lines(index),
            };
            self.send_file(index, at, lines)?;
            self.report_progress(
                DayStage::Clearing,
                index as u64 + 1,
                self.world.rails.len() as u64,
            );
        }
        Ok(())
    }

    /// Clears what a network or wallet changed since its last file.
    pub(crate) fn clear_changes(
        &mut self,
        index: usize,
        changes: Vec<StatedChange>,
        at: Timestamp,
    ) -> Result<(), DayError<O::Error>> {
        if changes.is_empty() {
            return Ok(());
        }
        let lines = match self.world.rail_subject(index) {
            BreakSubject::Network(_) => {
                self.payment_path.change_in_network(index, &changes);
                self.exchange_clearing_file(index, at)?
            }
            _ => {
                let orders = self.payment_path.wallet_orders();
                // The wallet states its changes of the night as those of the day before.
                let at = at.min(self.world.clock.today(clock::LAST_MINUTE));
                let line = |StatedChange { payment, kind, amount, deducted }| {
                    let order = orders.get(&payment).cloned().unwrap_or_default();
                    let (payment, reference) = (Some(payment), LineReference::Order(order));
                    StatedLine { kind, reference, payment, amount, deducted, at, request: None }
                };
                changes.into_iter().map(line).collect()
            }
        };
        self.send_file(index, at, lines)
    }

    /// Sends every line of a rail's next file.
    fn send_file(
        &mut self,
        index: usize,
        at: Timestamp,
        lines: Vec<StatedLine>,
    ) -> Result<(), DayError<O::Error>> {
        if lines.is_empty() {
            return Ok(());
        }
        let file = self.cleared_files.entry(index).or_default();
        *file += 1;
        let commands = self.world.clear_lines(index, *file, lines);
        self.tell(at, commands)
    }

    /// Takes a network's clearing file from its own books, stores it and reads it back.
    fn exchange_clearing_file(
        &mut self,
        index: usize,
        at: Timestamp,
    ) -> Result<Vec<StatedLine>, DayError<O::Error>> {
        let date = self.world.clock.date;
        let mut chance = self.world.clearing_chance(index);
        let mut file = self.payment_path.clearing_file(index, date, at);
        for line in &mut file.lines {
            let payment = self.payment_path.payment_of_line(index, line);
            let rail = &self.world.rails[index];
            let of_rail =
                |payment| rail.items.get(&payment).or_else(|| rail.unbooked.get(&payment));
            let item = payment.and_then(of_rail);
            let Some(item) = item else { continue };
            if takes_money(line.kind) {
                let deducted = self.world.deduction(item, &mut chance);
                line.deducted = i64::try_from(deducted).unwrap_or(i64::MAX);
            } else if line.kind == ClearingLineKind::Reversal {
                line.deducted = -i64::try_from(item.deducted.unwrap_or(0)).unwrap_or(i64::MAX);
            }
        }
        let earlier = self.files_before_today.get(&index).copied().unwrap_or(0);
        let today = self.cleared_files.get(&index).copied().unwrap_or(0) - earlier;
        let number = if today > 0 { format!(".{}", today + 1) } else { String::new() };
        let name = format!("clearing-{}-{date}{number}.csv", file.network);
        let text = file.to_text().map_err(PaymentPathError::from)?;
        let text = self.sender.store_file(&name, text)?;
        let file = ClearingFile::parse(&text).map_err(PaymentPathError::from)?;
        let mut lines = Vec::with_capacity(file.lines.len());
        for line in &file.lines {
            let payment = self.payment_path.payment_of_line(index, line);
            if payment.is_none() {
                self.world.discrepancies.push(format!("the engine has no payment for {line:?}"));
            }
            let Some(reference) = reference_of(line) else {
                self.world.discrepancies.push(format!("no request has the numbers of {line:?}"));
                continue;
            };
            let (kind, amount, deducted) = (kind_of(line.kind), line.amount, line.deducted);
            let wanted = self.world.stated.is_some();
            let request = wanted.then(|| Box::new(self.payment_path.card_request(index, line)));
            let at = Timestamp(line.sent_s * 1_000);
            lines.push(StatedLine { kind, reference, payment, amount, deducted, at, request });
        }
        Ok(lines)
    }

    /// The wallet's payments; the wallet sends no file.
    fn wallet_lines(&mut self, index: usize) -> Vec<StatedLine> {
        let mut chance = self.world.clearing_chance(index);
        let orders: BTreeMap<PaymentId, String> = self.payment_path.wallet_orders();
        let items = self.world.rails[index].items.iter();
        let open = items.filter(|(_, item)| item.moves_money() && item.deducted.is_none());
        let standing = open.map(|(payment, item)| {
            let deducted = self.world.deduction(item, &mut chance);
            let order = orders.get(payment).cloned().unwrap_or_default();
            let at = self.payment_path.order_scanned_at(&order).unwrap_or_default();
            StatedLine {
                kind: ClearLineKind::Sale,
                at,
                request: None,
                reference: LineReference::Order(order),
                payment: Some(*payment),
                amount: i64::try_from(item.amount).unwrap_or(i64::MAX),
                deducted: i64::try_from(deducted).unwrap_or(i64::MAX),
            }
        });
        standing.collect()
    }
}

fn takes_money(kind: ClearingLineKind) -> bool {
    use ClearingLineKind as K;
    matches!(kind, K::Sale | K::Completion | K::Offline)
}

fn kind_of(kind: ClearingLineKind) -> ClearLineKind {
    match kind {
        ClearingLineKind::Sale => ClearLineKind::Sale,
        ClearingLineKind::Completion => ClearLineKind::Completion,
        ClearingLineKind::Offline => ClearLineKind::Offline,
        ClearingLineKind::Refund => ClearLineKind::Refund,
        ClearingLineKind::Reversal => ClearLineKind::Reversal,
        ClearingLineKind::Chargeback => ClearLineKind::ChargeBack,
        ClearingLineKind::FeeCorrection => ClearLineKind::FeeCorrection,
        ClearingLineKind::Representment => ClearLineKind::Representment,
    }
}

/// The numbers of a line, or `None` if they are not those of a request.
fn reference_of(line: &ClearingLine) -> Option<LineReference> {
    let rrn = RetrievalReference::new(line.rrn.to_string().into_bytes().try_into().ok()?).ok()?;
    let sent_at = Timestamp(line.sent_s.checked_mul(1_000)?);
    let sent = NetworkReference { stan: Stan::new(line.stan).ok()?, sent_at };
    Some(LineReference::Request { rrn, sent })
}

impl World {
    fn clearing_chance(&self, rail: usize) -> Chance {
        Chance::new(self.seed, ChancePurpose::Clearing, stream_of_day(self.day, rail as u64))
    }

    /// The fee that a network or wallet deducts from a payment: usually that of the tariff.
    fn deduction(&self, item: &RailItem, chance: &mut Chance) -> u64 {
        let expected = self.rail_deduction(item.method, item.amount, item.requested_on);
        let differs = chance.happens(self.rates.fee_difference);
        let more = chance.happens(WHOLE_PPM / 2);
        let by = chance.between(1, FEE_DIFFERENCE_MAX);
        match (differs, more) {
            (false, _) => expected,
            (true, true) => (expected + by).min(item.amount),
            (true, false) => expected.saturating_sub(by),
        }
    }

    /// The commands for the lines of a rail's file. The bank account moves by their net amounts.
    fn clear_lines(&mut self, index: usize, file: u32, lines: Vec<StatedLine>) -> Vec<Command> {
        let subject = self.rail_subject(index);
        let rail = match subject {
            BreakSubject::Wallet(wallet) => RailId::Wallet(wallet),
            BreakSubject::Network(network) => RailId::Network(network),
            BreakSubject::Bank(_) | BreakSubject::FirmCash(_) => {
                unreachable!("a rail is a network or a wallet")
            }
        };
        let (mut commands, mut net) = (Vec::with_capacity(lines.len()), 0_i128);
        for (line, mut stated) in (1..).zip(lines) {
            let request = stated.request.take();
            self.state_line(index, &stated, request);
            let StatedLine { kind, reference, payment, amount, deducted, .. } = stated;
            net += i128::from(amount) - i128::from(deducted);
            self.note_sale(index, payment, kind, deducted);
            let (amount, deducted) = (SignedAmount::of(amount), SignedAmount::of(deducted));
            commands.push(Command::ClearLine(ClearLine {
                bank: self.add_statement_line,
                rail,
                file,
                line,
                kind,
                reference,
                payment,
                amount,
                deducted,
                value_date: None,
            }));
        }
        let moved = u64::try_from(net.unsigned_abs()).expect("the amounts of a day are small");
        if net > 0 {
            self.bank(BankLineKind::Clearing(subject), moved);
        } else if net < 0 {
            self.bank(BankLineKind::ClearingTaken(subject), moved);
        }
        commands
    }

    /// Notes a line as the files of other parties have it.
    fn state_line(&mut self, index: usize, stated: &StatedLine, request: Option<Box<CardRequest>>) {
        if self.stated.is_none() {
            return;
        }
        let reference = match (&stated.reference, request) {
            (LineReference::Order(order), _) => RailReference::Order(order.clone()),
            (_, Some(request)) => RailReference::Request(request),
            (_, None) => return,
        };
        let StatedLine { kind, payment, amount, deducted, .. } = *stated;
        let rail = &self.rails[index];
        let known = payment.and_then(|payment| {
            rail.items.get(&payment).or_else(|| rail.unbooked.get(&payment)).copied()
        });
        let whole =
            known.filter(|item| i64::try_from(item.amount).is_ok_and(|one| one == amount.abs()));
        let (network_fee, ppm, usual) = whole.map_or((0, 0, 0), |item| {
            let (method, on) = (item.method, item.requested_on);
            let usual = self.rail_deduction(method, item.amount, on);
            let network_fee = self.network_fee(method, item.amount, on);
            let signed = |minor: u64| i64::try_from(minor).unwrap_or(0) * amount.signum();
            (signed(network_fee), self.own_tariff.wallet_ppm(&on.to_string()), signed(usual))
        });
        let line = RailLine {
            payment,
            kind,
            amount,
            deducted,
            network_fee: if deducted.abs() < network_fee.abs() { 0 } else { network_fee },
            wallet_rate_ppm: (deducted == usual && deducted != 0).then_some(ppm),
            sent_at: stated.at,
            reference,
        };
        if let Some(today) = &mut self.stated {
            today.rails.entry(index).or_default().push(line);
        }
    }

    /// Notes what was deducted from a payment, and the break of a fee that is not the tariff's.
    fn note_sale(
        &mut self,
        index: usize,
        payment: Option<PaymentId>,
        kind: ClearLineKind,
        deducted: i64,
    ) {
        use ClearLineKind as K;
        let (Some(payment), Ok(deducted)) = (payment, u64::try_from(deducted)) else { return };
        if let Some(sale) = self.rails[index].unbooked.get_mut(&payment) {
            // No seller's tariff says what the network may deduct.
            sale.deducted = Some(deducted);
            return;
        }
        let Some(item) = self.rails[index].items.get(&payment).copied() else {
            self.discrepancies.push(format!("{payment:?} is cleared but was never requested"));
            return;
        };
        if !matches!(kind, K::Sale | K::Completion | K::Offline) {
            return;
        }
        let expected = self.rail_deduction(item.method, item.amount, item.requested_on);
        if deducted != expected {
            use books::BreakSide::{Excess, Shortfall};
            self.expected_breaks.push(ExpectedBreak {
                cause: BreakCause::FeeDifference(payment),
                subject: self.rail_subject(index),
                side: if deducted > expected { Shortfall } else { Excess },
                amount: deducted.abs_diff(expected),
            });
        }
        self.rails[index].items.insert(payment, RailItem { deducted: Some(deducted), ..item });
        self.received_on.insert(payment, self.clock.night());
    }
}
