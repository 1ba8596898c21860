//! The whole exit on a copy of the books in virtual time: what would happen.
//!
//! The copy is the engine in memory, with the engine's own rules. What is in flight gets no answer
//! and is reversed; what was taken offline is forwarded. Each payment is settled by a file as many
//! days after its collection as the slowest file came so far.

use std::collections::HashMap;

use books::terminal_view::{PendingRequest, PendingRequestKind};
use books::view::PaymentState;
use books::waiting::UnclearedPayment;
use books::{
    BankId, BusinessDate, ClearLine, ClearLineKind, Command, ConfirmCompletionReversal,
    ExpirePreAuthorisations, LineReference, NetworkId, NetworkReference, PaymentId,
    PaymentResolution, PaymentRoute, PersonId, RailId, ResolveAdvice, ResolveCompletion,
    ResolvePurchase, ResolveRefund, ResolveReversal, ResponseCode, RetrievalReference,
    ReverseCollection, Rrn, Stan, Timestamp, WithdrawNetwork,
};
use engine::{Actor, CommandOutcome, Engine, Submission};
use money::SignedAmount;
use serde::Serialize;

use super::facts::{CardRangeUse, ExitFacts, MovedSums, RouteDay};
use super::report::{network_name, without_route};
use crate::local_time;

/// Virtual days after which a drill gives up.
const DAYS_MAX: u16 = 400;
/// Days after which pre-authorisations expire: card schemes allow 30.
const PRE_AUTHORISATION_DAYS: u16 = 30;
const RECORDS_MAX: u32 = 1_000;
/// Refusals that are listed.
const REFUSALS_LISTED_MAX: usize = 20;
const HOURS_12_MS: u64 = 12 * 60 * 60 * 1_000;

/// Why there is no drill.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DrillError {
    #[error(
        "the books have one person only, and a withdrawal needs two: register another with \
         `doorstep setup person`"
    )]
    OnePerson,
    #[error("no bank account of the books is in {0}: register one with `doorstep setup bank`")]
    NoBank(String),
    #[error("the copy of the books refused the withdrawal: {0}; report this")]
    Refused(String),
}

/// What would happen. Amounts are in minor units of `currency`.
#[derive(Clone, Debug, Serialize)]
pub struct ExitDrill {
    pub network: String,
    pub currency: &'static str,
    /// Local time of the withdrawal in the copy. `None` if it was withdrawn before.
    pub withdrawn_at: Option<String>,
    /// Local time from which it was withdrawn before the drill.
    pub withdrawn_before: Option<String>,
    /// The days whose purchases stand for the days to come.
    pub since: BusinessDate,
    /// Purchases of these days: where they would have gone.
    pub purchases: RouteDay,
    /// Payments that would find another network, and what that costs more.
    pub moved: MovedSums,
    /// Payments without another network: the buyer pays by QR or in cash.
    pub left: MovedSums,
    /// As in [`ExitReport`](super::ExitReport).
    pub ranges_without_route: Option<Vec<CardRangeUse>>,
    /// Requests that were in flight and came to an end in the copy.
    pub answered: usize,
    /// The days on which something was settled, or the receivable changed.
    pub run_down: Vec<RunDownDay>,
    /// Days from a collection to its file, as assumed.
    pub lag_days: u16,
    /// The day on which the receivable is zero. `None` if it is not within 400 days.
    pub zero_on: Option<BusinessDate>,
    /// What is left of the receivable at the end.
    pub receivable_left: i128,
    /// What the copy refused.
    pub refused: Vec<String>,
    /// Commands that the copy carried out.
    pub commands: u64,
    /// Whether every money rule holds in the copy at the end.
    pub rules_hold: bool,
}

/// A virtual day.
#[derive(Clone, Debug, Serialize)]
pub struct RunDownDay {
    pub day: BusinessDate,
    /// The lines of the file of the day, and what it pays less fees.
    pub lines: usize,
    pub paid: i128,
    /// At the end of the day.
    pub receivable: i128,
}

struct Copy {
    engine: Engine,
    out: CommandOutcome,
    at: Timestamp,
    commands: u64,
    refused: Vec<String>,
}

impl Copy {
    fn give(&mut self, command: Command) -> Result<(), String> {
        let name = engine::Command::Books(command.clone()).name();
        let submission = Submission::new(Actor::System, command);
        match self.engine.apply(&submission, self.at, &mut self.out) {
            Ok(_) => {
                self.commands += 1;
                Ok(())
            }
            // There was nothing to do.
            Err(engine::Refusal::Books(books::Refusal::Repeated)) => Ok(()),
            Err(refusal) => Err(format!("{name}: {refusal}")),
        }
    }

    fn note(&mut self, given: Result<(), String>) -> bool {
        match given {
            Ok(()) => true,
            Err(refusal) => {
                if self.refused.len() < REFUSALS_LISTED_MAX {
                    self.refused.push(refusal);
                }
                false
            }
        }
    }

    /// Noon of a day, in the time zone of the books.
    fn go_to(&mut self, day: BusinessDate) {
        let offset = self.engine.books().utc_offset_minutes_at(self.at).unwrap_or(0);
        let noon = Timestamp::start_of_day(day, offset).plus_ms(HOURS_12_MS);
        self.at = self.at.max(noon);
    }
}

impl ExitDrill {
    /// Withdraws the network in a copy of the books, and lives on until its receivable is zero.
    /// `days` before today stand for the days to come. `today` is the day of the drill.
    ///
    /// # Errors
    /// The books cannot withdraw a network, or have no bank account for what it pays.
    pub fn run(
        facts: ExitFacts,
        today: BusinessDate,
        days: u16,
        ranges: Option<&[CardRangeUse]>,
    ) -> Result<ExitDrill, DrillError> {
        let network = facts.network;
        let name = network_name(&facts, network);
        let view = facts.books().network_view(network);
        let currency = view.map_or("", |view| view.currency.code());
        let bank =
            bank_of(&facts, network).ok_or_else(|| DrillError::NoBank(currency.to_owned()))?;
        let since = today.minus_days(days.saturating_sub(1));
        let purchases = facts.since(since);
        let mut left = purchases.only_here;
        left.add_all(&purchases.others_down);
        left.extra = 0;
        let lag_days = facts.lags.keys().next_back().copied().unwrap_or(1);
        let ranges = ranges.map(|ranges| without_route(&facts, &name, ranges));
        let (number, persons) = (facts.steps.len(), two_persons(&facts));
        let withdrawn_from = view.and_then(|view| view.withdrawn_from);
        let withdrawn_before = withdrawn_from.map(|from| local_time(facts.books(), from));
        let at = facts.engine.last_at();
        let mut copy = Copy {
            engine: facts.engine,
            out: CommandOutcome::default(),
            at,
            commands: 0,
            refused: Vec::new(),
        };
        copy.go_to(today);
        let mut withdrawn_at = None;
        if withdrawn_before.is_none() {
            let (proposed_by, approved_by) = persons.ok_or(DrillError::OnePerson)?;
            let command = Command::WithdrawNetwork(WithdrawNetwork {
                network,
                number: u32::try_from(number).unwrap_or(u32::MAX).saturating_add(1),
                from: copy.at,
                proposed_by,
                approved_by,
            });
            copy.give(command).map_err(DrillError::Refused)?;
            withdrawn_at = Some(local_time(copy.engine.books(), copy.at));
        }
        let answered = answer_pending(&mut copy, network);
        let mut run_down = Vec::new();
        let mut zero_on = None;
        let receivable = |copy: &Copy| {
            let view = copy.engine.books().network_view(network);
            view.map_or((0, 0), |view| (view.receivable, view.pending))
        };
        for number in 0..=DAYS_MAX {
            let day = BusinessDate(today.0.saturating_add(number));
            copy.go_to(day);
            if number > 0 && number % PRE_AUTHORISATION_DAYS == 0 {
                expire(&mut copy, day);
            }
            answer_pending(&mut copy, network);
            let (lines, paid) = settle_day(&mut copy, network, bank, (day, today, lag_days));
            let (owed, pending) = receivable(&copy);
            if lines > 0 || number == 0 {
                run_down.push(RunDownDay { day, lines, paid, receivable: owed });
            }
            let open = copy.engine.books().uncleared_payments();
            let is_open = open.iter().any(|one| one.rail == RailId::Network(network));
            if owed == 0 && pending == 0 && !is_open {
                zero_on = Some(day);
                break;
            }
            // What is left then is a break of people, and does not run down.
            if pending == 0 && !is_open {
                break;
            }
        }
        Ok(ExitDrill {
            network: name,
            currency,
            withdrawn_at,
            withdrawn_before,
            since,
            moved: purchases.replaceable,
            left,
            purchases,
            ranges_without_route: ranges,
            answered,
            run_down,
            lag_days,
            zero_on,
            receivable_left: receivable(&copy).0,
            refused: copy.refused,
            commands: copy.commands,
            rules_hold: copy.engine.check().is_ok(),
        })
    }
}

/// Two persons of the books who may act.
fn two_persons(facts: &ExitFacts) -> Option<(PersonId, PersonId)> {
    let mut persons = facts.books().persons().filter(|(_, removed)| !removed).map(|(id, _)| id);
    Some((persons.next()?, persons.next()?))
}

fn bank_of(facts: &ExitFacts, network: NetworkId) -> Option<BankId> {
    let books = facts.books();
    let currency = books.rail_currency(RailId::Network(network))?;
    let mut banks = books.banks().map(|(id, _)| id);
    banks.find(|bank| books.bank_currency(*bank) == Some(currency))
}

/// Ends what waits for the network. Returns how many requests came to an end.
fn answer_pending(copy: &mut Copy, network: NetworkId) -> usize {
    let is_own = |one: &PendingRequest| {
        let PaymentRoute::Card { network: of, .. } = one.route else { return false };
        of == network
    };
    let pending: Vec<PendingRequest> =
        copy.engine.books().pending_requests().filter(is_own).collect();
    let mut answered = 0;
    for one in pending {
        let payment = one.payment;
        let code = ResponseCode::APPROVED;
        let resolution = PaymentResolution::Unknown;
        let reversal = |done| Command::ResolveReversal(ResolveReversal { payment, done, code });
        let completion_reversal =
            || Command::ConfirmCompletionReversal(ConfirmCompletionReversal { payment });
        let commands = match one.kind {
            PendingRequestKind::Purchase => vec![
                Command::ResolvePurchase(ResolvePurchase { payment, resolution }),
                Command::ReverseCollection(ReverseCollection { payment }),
            ],
            PendingRequestKind::PurchaseReversal => {
                vec![Command::ReverseCollection(ReverseCollection { payment })]
            }
            PendingRequestKind::Reversal | PendingRequestKind::Void => vec![reversal(true)],
            PendingRequestKind::VoidReversal => vec![reversal(false)],
            PendingRequestKind::Completion => vec![
                Command::ResolveCompletion(ResolveCompletion { payment, resolution }),
                completion_reversal(),
            ],
            PendingRequestKind::CompletionReversal => vec![completion_reversal()],
            PendingRequestKind::Advice => {
                vec![Command::ResolveAdvice(ResolveAdvice { payment, code })]
            }
            PendingRequestKind::Refund => {
                vec![Command::ResolveRefund(ResolveRefund { trace: one.trace, code })]
            }
            PendingRequestKind::LatePaymentRefund => Vec::new(),
        };
        let mut done = true;
        for command in commands {
            let given = copy.give(command);
            done &= copy.note(given);
        }
        answered += usize::from(done);
    }
    answered
}

fn expire(copy: &mut Copy, before: BusinessDate) {
    let limit = RECORDS_MAX;
    let command = Command::ExpirePreAuthorisations(ExpirePreAuthorisations { before, limit });
    let given = copy.give(command);
    copy.note(given);
}

/// The file of a day: what is due by then. Returns its lines and what it pays.
fn settle_day(
    copy: &mut Copy,
    network: NetworkId,
    bank: BankId,
    (day, today, lag): (BusinessDate, BusinessDate, u16),
) -> (usize, i128) {
    // No file comes on the day of the withdrawal itself.
    if day == today {
        return (0, 0);
    }
    let rail = RailId::Network(network);
    let open = copy.engine.books().uncleared_payments().into_iter();
    let due: Vec<UnclearedPayment> =
        open.filter(|one| one.rail == rail && one.since.0.saturating_add(lag) <= day.0).collect();
    if due.is_empty() {
        return (0, 0);
    }
    let mut references: HashMap<PaymentId, Vec<NetworkReference>> = HashMap::new();
    for (sent, payment) in copy.engine.books().requests_to(network) {
        references.entry(payment).or_default().push(sent);
    }
    let last = copy.engine.books().last_cleared_line(rail).map_or(0, |(file, _)| file);
    let (mut lines, mut paid) = (0, 0);
    for one in due {
        let Some((kind, deducted)) = kind_of(&copy.engine, &one) else { continue };
        let sent = references.get(&one.payment).cloned().unwrap_or_else(|| {
            // The request is forgotten: its numbers are not compared any more.
            vec![NetworkReference { stan: Stan::of(1), sent_at: copy.at }]
        });
        let signed = |minor: i128| i64::try_from(minor).ok().and_then(SignedAmount::new);
        let (Some(amount), Some(deducted)) = (signed(one.amount), signed(deducted)) else {
            continue;
        };
        let mut given = Ok(());
        for sent in sent {
            let sent_at = Timestamp(sent.sent_at.0 / 1_000 * 1_000);
            let sent = NetworkReference { stan: sent.stan, sent_at };
            let rrn = RetrievalReference::of(&Rrn::of(sent).bytes());
            given = copy.give(Command::ClearLine(ClearLine {
                bank,
                rail,
                file: last + 1,
                line: u32::try_from(lines).unwrap_or(u32::MAX) + 1,
                kind,
                reference: LineReference::Request { rrn, sent },
                payment: Some(one.payment),
                amount,
                deducted,
                value_date: None,
            }));
            if given.is_ok() {
                break;
            }
        }
        if copy.note(given) {
            lines += 1;
            paid += one.amount - i128::from(deducted.minor());
        }
    }
    (lines, paid)
}

/// The kind of the line that settles a payment, and the fee that it keeps back.
fn kind_of(engine: &Engine, one: &UnclearedPayment) -> Option<(ClearLineKind, i128)> {
    let books = engine.books();
    let payment = books.payment_with_id(one.payment);
    let fee = payment.map_or(0, |payment| i128::from(payment.deducted_by_network.minor()));
    if one.amount > 0 {
        return Some((ClearLineKind::Sale, fee));
    }
    match payment?.state {
        PaymentState::Reversed | PaymentState::Rejected | PaymentState::Expired => {
            Some((ClearLineKind::Reversal, -fee))
        }
        _ if books.open_chargebacks().any(|open| open.payment == one.payment) => {
            Some((ClearLineKind::ChargeBack, 0))
        }
        _ => Some((ClearLineKind::Refund, 0)),
    }
}
