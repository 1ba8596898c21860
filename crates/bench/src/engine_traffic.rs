//! The commands of the engine benchmark, as the switch sends them: terminals sell by card, a
//! network answers, and full batches are closed and opened again.

use std::collections::VecDeque;

use anyhow::Context;
use books::{
    Approval, AuthorisationCode, BatchTotals, BeginPurchase, CardToken, CloseBatch, Command,
    CountAndAmount, DuplicateKey, DuplicateSubject, NetworkId, NetworkReference, OpenBatch,
    PARCELS_PER_COMMAND_MAX, PaymentId, PaymentResolution, PaymentRoute, PurchaseKind,
    ResolvePurchase, RouteCandidate, RouteVerdict, Stan, TRANSACTIONS_PER_BATCH_MAX, TerminalId,
    Timestamp, Trace,
};
use engine::{Actor, Submission};
use money::Amount;
use tariff::CardKind;

use crate::opening::parcel_id;

pub(crate) const COURIERS: u32 = 1_000;
/// The card network.
pub const NETWORK: NetworkId = NetworkId(1);
/// The time of all commands, 2013-08-28 12:00 in China: fixed, so that runs write equal journals.
pub const AT: Timestamp = Timestamp(1_377_662_400_000);
/// The terminals' date, `MMDD`.
const DATE: u16 = 828;
/// Spreads the card tokens.
const TOKEN_STEP: u64 = 0x9E37_79B9_7F4A_7C15;
const AUTHORISATION_CODE: AuthorisationCode = AuthorisationCode::of(b"A1B2C3");

/// What is to be collected for a parcel.
#[must_use]
pub fn amount(number: u64) -> Amount {
    Amount::of(2_000 + number * 7_919 % 50_000)
}

/// The courier of a parcel. The courier's terminal has the same number.
pub(crate) fn courier(number: u64) -> u64 {
    1 + number / PARCELS_PER_COMMAND_MAX as u64 % u64::from(COURIERS)
}

/// A command at the fixed time.
pub(crate) type TimedSubmission = (Option<Timestamp>, Submission);

pub(crate) fn by_terminal(terminal: TerminalId, command: Command) -> TimedSubmission {
    (Some(AT), Submission::new(Actor::Terminal(terminal), command))
}

pub(crate) fn open_batch(terminal: TerminalId, batch: u32) -> TimedSubmission {
    by_terminal(terminal, Command::OpenBatch(OpenBatch { terminal, batch }))
}

/// A terminal's last batch.
#[derive(Default)]
struct SalesBatch {
    number: u32,
    open: bool,
    /// The last STAN. STANs count from 1, so this is also the number of sales.
    stan: u32,
    /// Sales without an outcome.
    pending: u32,
    approved: CountAndAmount,
    /// Parcels that wait for the next batch.
    waiting: Vec<u64>,
}

impl SalesBatch {
    fn is_full(&self) -> bool {
        self.stan as usize == TRANSACTIONS_PER_BATCH_MAX
    }
}

/// A command that waits for its answer.
enum AwaitedCommand {
    Begun { parcel: u64 },
    Resolved { parcel: u64 },
    Closed { terminal: TerminalId },
    Opened { terminal: TerminalId },
}

/// Sells a number of parcels, each once, in a pseudo-random order.
pub(crate) struct EngineTraffic {
    order: ParcelOrder,
    begun: u64,
    done: u64,
    sent: u64,
    batches: Vec<SalesBatch>,
    awaited: VecDeque<AwaitedCommand>,
    request: Vec<TimedSubmission>,
}

impl EngineTraffic {
    /// The traffic of terminals whose batch 1 is open.
    pub(crate) fn new(parcels: u64) -> EngineTraffic {
        let open = || SalesBatch { number: 1, open: true, ..SalesBatch::default() };
        EngineTraffic {
            order: ParcelOrder::of(parcels),
            begun: 0,
            done: 0,
            sent: 0,
            batches: std::iter::repeat_with(open).take(COURIERS as usize).collect(),
            awaited: VecDeque::new(),
            request: Vec::new(),
        }
    }

    /// Begins the next sale, if one is left.
    pub(crate) fn begin_next(&mut self) {
        if self.begun < self.order.parcels {
            self.begin(self.order.at(self.begun));
            self.begun += 1;
        }
    }

    /// Takes the commands to send.
    pub(crate) fn take_request(&mut self) -> Vec<TimedSubmission> {
        self.sent += self.request.len() as u64;
        std::mem::take(&mut self.request)
    }

    /// Commands sent.
    pub(crate) fn sent(&self) -> u64 {
        self.sent
    }

    /// Whether everything is sold and answered.
    pub(crate) fn is_over(&self) -> bool {
        self.done == self.order.parcels && self.awaited.is_empty()
    }

    /// The earliest command without an answer was applied.
    pub(crate) fn on_applied(&mut self) -> anyhow::Result<()> {
        match self.awaited.pop_front().context("an answer without a command")? {
            AwaitedCommand::Begun { parcel } => self.resolve(parcel),
            AwaitedCommand::Resolved { parcel } => {
                self.done += 1;
                self.count_approved(parcel);
                self.begin_next();
            }
            AwaitedCommand::Closed { terminal } => {
                let batch = self.batch(terminal);
                let number = batch.number % books::TRACE_NUMBER_MAX + 1;
                let waiting = std::mem::take(&mut batch.waiting);
                *batch = SalesBatch { number, waiting, ..SalesBatch::default() };
                self.send(open_batch(terminal, number), AwaitedCommand::Opened { terminal });
            }
            AwaitedCommand::Opened { terminal } => {
                let batch = self.batch(terminal);
                batch.open = true;
                for parcel in std::mem::take(&mut batch.waiting) {
                    self.begin(parcel);
                }
            }
        }
        Ok(())
    }

    fn batch(&mut self, terminal: TerminalId) -> &mut SalesBatch {
        &mut self.batches[usize::try_from(terminal.0 - 1).expect("below COURIERS")]
    }

    fn send(&mut self, command: TimedSubmission, awaited: AwaitedCommand) {
        self.request.push(command);
        self.awaited.push_back(awaited);
    }

    /// Begins a parcel's sale, or puts it off until the terminal has its next batch.
    fn begin(&mut self, parcel: u64) {
        let terminal = TerminalId(courier(parcel));
        let batch = self.batch(terminal);
        if !batch.open || batch.is_full() {
            batch.waiting.push(parcel);
            return;
        }
        batch.stan += 1;
        batch.pending += 1;
        let trace = Trace { terminal, batch: batch.number, stan: Stan::of(batch.stan) };
        let amount = amount(parcel);
        let number_max = u64::from(Stan::MAX.get());
        // The step is odd, so that only parcel 0 has the product 0.
        let card = CardToken::new(parcel.wrapping_mul(TOKEN_STEP).max(1)).expect("above zero");
        let command = Command::BeginPurchase(BeginPurchase {
            trace,
            duplicate_key: DuplicateKey { date: DATE, subject: DuplicateSubject::Card(card) },
            parcel: parcel_id(parcel),
            route: PaymentRoute::Card { network: NETWORK, kind: CardKind::Debit },
            amount,
            kind: PurchaseKind::Sale,
            network_reference: NetworkReference {
                stan: Stan::of(u32::try_from(1 + parcel % number_max).expect("six digits")),
                sent_at: AT.plus_ms(parcel / number_max),
            },
            route_candidates: vec![RouteCandidate {
                network: NETWORK,
                cost: Amount::of(amount.minor() * 63 / 10_000),
                verdict: RouteVerdict::Chosen,
            }],
        });
        self.send(by_terminal(terminal, command), AwaitedCommand::Begun { parcel });
    }

    fn resolve(&mut self, parcel: u64) {
        let command = Command::ResolvePurchase(ResolvePurchase {
            payment: PaymentId { parcel: parcel_id(parcel), number: 1 },
            resolution: PaymentResolution::Approved(Approval::Network(Some(AUTHORISATION_CODE))),
        });
        let submission = Submission::new(Actor::Network(NETWORK), command);
        self.send((Some(AT), submission), AwaitedCommand::Resolved { parcel });
    }

    /// Counts an approved sale in its batch. Closes the batch if it was the last of a full one.
    fn count_approved(&mut self, parcel: u64) {
        let terminal = TerminalId(courier(parcel));
        let batch = self.batch(terminal);
        batch.pending -= 1;
        batch.approved.count += 1;
        let sum = batch.approved.amount.checked_add(amount(parcel));
        batch.approved.amount = sum.expect("999 small amounts");
        if batch.is_full() && batch.pending == 0 {
            let totals = BatchTotals { card_debits: batch.approved, ..BatchTotals::default() };
            let close = CloseBatch { terminal, batch: batch.number, totals };
            self.send(
                by_terminal(terminal, Command::CloseBatch(close)),
                AwaitedCommand::Closed { terminal },
            );
        }
    }
}

/// A pseudo-random order of all parcels.
struct ParcelOrder {
    parcels: u64,
    stride: u64,
}

impl ParcelOrder {
    fn of(parcels: u64) -> ParcelOrder {
        let coprime = |stride: &u64| gcd(*stride, parcels) == 1;
        let stride = (parcels / 2 + parcels / 8 + 1..).find(coprime).unwrap_or(1);
        ParcelOrder { parcels, stride }
    }

    fn at(&self, place: u64) -> u64 {
        let wide = u128::from(place) * u128::from(self.stride) % u128::from(self.parcels);
        u64::try_from(wide).unwrap_or(0)
    }
}

fn gcd(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { gcd(b, a % b) }
}
