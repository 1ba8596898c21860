//! The simulated world: its parties, their state, and the schedule of their steps.
//!
//! A courier is a chain of steps: each step runs at one moment and schedules the next. The commands
//! of one moment are collected in [`CourierCommand`]s and sent in one call; each carries the
//! context of its answer. Payments are made at the terminal; [`World::at_the_door`] takes their
//! outcomes.

mod banknotes;
mod code_key;
mod damages;
mod days;
mod delivery;
mod exceptions;
mod hub;
mod offline_sales;
mod own_tariff;
mod parties;
mod payment;
mod totals;

use std::collections::BTreeMap;

use books::{BankId, BusinessDate, Event, ParcelId, PaymentId, Refusal, SellerId, Timestamp};
use money::{Amount, Currency};

use crate::after_clearing::DueChange;
use crate::backend::BackendReply;
use crate::books::{
    BankLine, BankLineKind, CashPayment, ExpectedBreak, LostLine, ParcelLocation, RailBooks,
};
use crate::clock::{TICK_MS, VirtualClock};
use crate::counterparty::StatedToday;
use crate::payment_path::{TerminalAction, TerminalActionKind};
use crate::rates::Rates;
use crate::report::Incidents;
use crate::schedule::Schedule;

pub(crate) use banknotes::{CashCustody, NoteHolder, NoteOrigin};
pub(crate) use code_key::CodeKey;
pub(crate) use days::{DayAdditions, WorldTerms, pays_on};
pub use exceptions::LossBearer;
pub(crate) use exceptions::ParcelExceptions;
pub(crate) use hub::SimulatedHandOver;
pub use own_tariff::UnreadableTariff;
pub(crate) use own_tariff::{OwnFees, OwnTariff, ParcelFees};
pub(crate) use parties::{SimulatedCourier, SimulatedFirm, SimulatedParcel, SimulatedSeller};
pub(crate) use payment::CourierPayment;

pub(crate) struct World {
    /// Every card network is withdrawn: who would pay by card in the end pays by QR.
    pub cards_are_gone: bool,
    pub clock: VirtualClock,
    /// 1 for the first day of the books.
    pub day: u32,
    pub terms: WorldTerms,
    pub seed: u64,
    pub rates: Rates,
    pub currency: Currency,
    /// What the world reads in the tariff file.
    pub own_tariff: OwnTariff,
    pub cash_limit: u64,
    /// All buyers pay in cash.
    pub cash_only: bool,
    pub add_statement_line: BankId,
    pub bank_statement: Vec<BankLine>,
    /// Doorstep's own money that was paid into the bank account, in minor units.
    pub own_money: u64,
    /// The networks first, then the wallet.
    pub rails: Vec<RailBooks>,
    pub cash: CashCustody,
    pub cash_payments: Vec<CashPayment>,
    pub sellers: Vec<SimulatedSeller>,
    pub seller_indexes: BTreeMap<SellerId, usize>,
    pub parcels: Vec<SimulatedParcel>,
    pub parcel_indexes: BTreeMap<ParcelId, usize>,
    pub firms: Vec<SimulatedFirm>,
    pub couriers: Vec<SimulatedCourier>,
    pub schedule: Schedule<ScheduledStep>,
    pub expected_breaks: Vec<ExpectedBreak>,
    pub lost_lines: Vec<LostLine>,
    pub incidents: Incidents,
    pub discrepancies: Vec<String>,
    pub code_key: CodeKey,
    /// The day on which a payment's money had arrived.
    pub received_on: BTreeMap<PaymentId, BusinessDate>,
    /// The last day on which held money was released.
    pub released_on: BusinessDate,
    pub later_changes: BTreeMap<BusinessDate, Vec<DueChange>>,
    pub today: DayAdditions,
    /// What the files of other parties are made from, if they are wanted.
    pub stated: Option<StatedToday>,
    /// Only the files of the parties outside say what they do.
    pub leaves_clearing: bool,
}

/// The index of a courier and the step that is due.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ScheduledStep(pub usize, pub CourierStep);

/// What a courier does next. Numbers are indexes of parcels.
#[derive(Clone, Copy, Debug)]
pub(crate) enum CourierStep {
    /// Loads the parcels of the first tour.
    Load,
    /// Reaches a door.
    Arrive(usize),
    /// Collects the amount that is still due.
    Pay(usize),
    /// Completes the pre-authorisation.
    Complete,
    /// Voids or refunds the payment.
    CancelPayment,
    /// The terminal, blocked at an offline sale, is unblocked.
    UnblockTerminal,
    /// Records that the buyer cannot pay today.
    Postpone(usize),
    /// Reaches the hub; `Some` is the parcel whose buyer waits.
    ReachHub(Option<usize>),
    /// The cashier counts the cash; `true` when the code is mistyped first.
    CountCash(SimulatedHandOver, bool),
    /// Leaves the hub; `Some` is the parcel whose buyer waits.
    LeaveHub(Option<usize>),
}

/// Commands for the books and actions for the terminals.
#[derive(Default)]
pub(crate) struct CourierRequests {
    pub courier_commands: Vec<CourierCommand>,
    /// With the index of the courier.
    pub actions: Vec<(usize, TerminalAction)>,
}

/// A command with the context of its answer.
pub(crate) struct CourierCommand {
    pub command: engine::Command,
    pub context: AnswerContext,
}

/// What an answer is about. Numbers are indexes: the courier's first, then the parcel's.
#[derive(Clone, Copy, Debug)]
pub(crate) enum AnswerContext {
    Loaded(usize),
    /// The attempt failed; the courier goes on.
    AttemptFailed(usize, usize),
    Refused(usize, usize),
    /// The tour ended before the parcel's attempt.
    OutOfTime(usize),
    /// The tour ended before the parcel's last attempt.
    AttemptsUsedUp(usize),
    /// The buyer accepts this amount of the parcel; `None`: some of its units.
    PartAccepted(usize, usize, Option<u64>),
    HandOverStarted(usize, SimulatedHandOver),
    /// A wrong one-time code was entered.
    CodeMistyped(usize, SimulatedHandOver),
    CashCounted(usize, SimulatedHandOver),
    /// Parcels were dispatched for another attempt.
    DispatchedAgain(usize),
    /// A terminal was blocked or unblocked.
    TerminalChanged,
}

impl World {
    /// Runs a courier's step and collects its commands and terminal actions.
    pub(crate) fn run_step(
        &mut self,
        step: ScheduledStep,
        now: Timestamp,
        requests: &mut CourierRequests,
    ) {
        let ScheduledStep(courier, step) = step;
        let courier_commands = &mut requests.courier_commands;
        match step {
            CourierStep::Load => {
                requests
                    .actions
                    .push((courier, TerminalAction::without_fault(TerminalActionKind::SignOn)));
                self.load(courier, now, courier_commands);
                self.sell_unknown_parcel(courier, requests);
            }
            CourierStep::Arrive(parcel) => self.arrive(courier, parcel, now, courier_commands),
            CourierStep::Pay(parcel) => self.pay(courier, parcel, now, requests),
            CourierStep::UnblockTerminal => self.block_terminal(courier, false, courier_commands),
            CourierStep::Complete => self.complete_payment(courier, requests),
            CourierStep::CancelPayment => self.cancel_payment(courier, requests),
            CourierStep::Postpone(parcel) => self.postpone(courier, parcel, courier_commands),
            CourierStep::ReachHub(back) => self.reach_hub(courier, back, now, courier_commands),
            CourierStep::CountCash(handover, mistyped) => {
                self.count_cash(courier, handover, mistyped, courier_commands);
            }
            CourierStep::LeaveHub(back) => self.leave_hub(courier, back, now, courier_commands),
        }
    }

    /// Processes an answer of the books.
    ///
    /// # Errors
    /// An unexpected refusal.
    pub(crate) fn on_answer(
        &mut self,
        context: AnswerContext,
        now: Timestamp,
        answer: BackendReply,
    ) -> Result<(), Refusal> {
        self.on_events(context, now, &answer?);
        Ok(())
    }

    fn on_events(&mut self, context: AnswerContext, now: Timestamp, events: &[Event]) {
        match context {
            AnswerContext::Loaded(courier) => self.on_loaded(courier, now),
            AnswerContext::AttemptFailed(courier, parcel) => {
                self.on_attempt_failed(courier, parcel, now);
            }
            AnswerContext::Refused(courier, parcel) => {
                self.parcels[parcel].location = ParcelLocation::Refused;
                self.next_stop(courier, now);
            }
            AnswerContext::OutOfTime(parcel) => self.on_out_of_time(parcel),
            AnswerContext::AttemptsUsedUp(parcel) => {
                self.parcels[parcel].location = ParcelLocation::Refused;
            }
            AnswerContext::PartAccepted(courier, parcel, part) => {
                self.on_part_accepted(parcel, part, events);
                self.schedule_next_step(courier, now, 1, CourierStep::Pay(parcel));
            }
            AnswerContext::HandOverStarted(courier, handover) => {
                self.on_hand_over_started(courier, handover, now, events);
            }
            AnswerContext::CodeMistyped(courier, handover) => {
                self.on_code_mistyped(courier, handover, now, events);
            }
            AnswerContext::CashCounted(courier, handover) => {
                self.on_cash_counted(courier, handover, now);
            }
            AnswerContext::DispatchedAgain(courier) => self.on_dispatched_again(courier, now),
            AnswerContext::TerminalChanged => {}
        }
    }

    /// Schedules a step at a moment, rounded up to the next tick.
    pub(crate) fn schedule_step(&mut self, at: Timestamp, step: ScheduledStep) {
        self.schedule.add(VirtualClock::next_tick(at), step);
    }

    /// Schedules a courier's next step a number of ticks from now.
    pub(crate) fn schedule_next_step(
        &mut self,
        courier: usize,
        now: Timestamp,
        ticks: u64,
        step: CourierStep,
    ) {
        self.schedule_step(now.plus_ms(ticks * TICK_MS), ScheduledStep(courier, step));
    }

    pub(crate) fn bank(&mut self, kind: BankLineKind, amount: u64) {
        self.bank_statement.push(BankLine { kind, amount });
    }

    /// The first courier who still waits for a payment, for an error message.
    pub(crate) fn unfinished(&self) -> Option<String> {
        self.couriers.iter().find_map(|courier| {
            let payment = courier.current_payment.as_ref()?;
            let parcel = self.parcels[payment.parcel].id.bits();
            Some(format!("{} waits at parcel {parcel:032x} with {payment:?}", courier.reference))
        })
    }

    /// Number of parcels delivered, refused or returned.
    pub(crate) fn parcels_done(&self) -> u64 {
        let done = |parcel: &&SimulatedParcel| {
            !matches!(parcel.location, ParcelLocation::AtHub | ParcelLocation::WithCourier)
        };
        self.parcels.iter().filter(done).count() as u64
    }
}

/// Converts minor units to an amount.
pub(crate) fn amount(minor: u64) -> Amount {
    Amount::new(minor).expect("the amounts of a day add up to an amount")
}
