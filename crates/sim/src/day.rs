//! Runs the day from its first command to its last.

use std::collections::BTreeMap;

use books::{Command, DAY_MS, Event, NetworkId, Timestamp, WithdrawNetwork};
use engine::Submission;
use switch::Query;

use crate::actors::{APPROVER, PLANNER, submission_of};
use crate::backend::{Backend, DayError};
use crate::books::{ParcelLocation, WorldReport};
use crate::clock;
use crate::command_sender::{AnsweredCommand, CommandSender};
use crate::counterparty::CounterpartyDay;
use crate::inputs::{DayInputs, DayOptions};
use crate::payment_path::{PaymentPath, TerminalAction, TerminalActionKind, TerminalActionOutcome};
use crate::report::DayReport;
use crate::world::{
    AnswerContext, CourierCommand, CourierRequests, CourierStep, ScheduledStep, World, pays_on,
};

/// The latest moment of a tour, counted from the midnight at which the day begins.
const DELIVERY_MS_MAX: u64 = 2 * DAY_MS;

/// Progress is counted over all parcels, so not at every moment.
const PROGRESS_INTERVAL_MS: u64 = 10 * clock::MINUTE_MS;
/// The most rounds of commands and queries in one moment: a payment takes a few.
const ROUNDS_PER_MOMENT_MAX: u32 = 1_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DayStage {
    /// The books are opened and all parties registered.
    Opening,
    /// Parcels are announced and assigned to the firms.
    Announcing,
    /// Couriers are on their tours.
    Delivering,
    /// Clearing of the networks and the wallet arrives.
    Clearing,
    /// Deposits, returns, releases, settlement plans, payouts.
    Settling,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DayProgress {
    pub stage: DayStage,
    /// Parcels, files or payouts done in this stage, out of `total`.
    pub done: u64,
    pub total: u64,
    pub virtual_time: Timestamp,
}

/// A finished day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SimulatedDay {
    pub report: DayReport,
    /// The day as networks, wallet, bank and firms know it, if the options want it; see
    /// [`CounterpartyWriter`](crate::CounterpartyWriter).
    pub counterparty: Option<CounterpartyDay>,
    /// The simulated world's own books; see [`compare`](crate::compare).
    pub world: WorldReport,
}

/// Runs a day on new books, to the end of the last hold. Shows no progress while the day is only
/// compared with books that have it already.
///
/// # Errors
/// Returned when the inputs are invalid, the backend fails, or the books give an unexpected answer.
pub fn run_day<O: Backend>(
    inputs: &DayInputs,
    options: &DayOptions,
    office: &mut O,
    mut progress: impl FnMut(DayProgress),
) -> Result<SimulatedDay, DayError<O::Error>> {
    let mut run = DayRun::new(inputs, options, office, &mut progress)?;
    run.live(inputs, options)?;
    if !run.world.leaves_clearing {
        let last = run.last_release();
        run.release_holds(last)?;
        run.settle(last, &run.world.terms.cycles())?;
        run.pay_firms(last)?;
    }
    run.sender.close(run.now)?;
    Ok(run.report(inputs, options))
}

/// Days on the same books, one after another. Each ends before the next date begins: held money
/// waits for its day, and a cycle for its weekday.
pub struct SimulatedDays<'r, O>(DayRun<'r, O>);

impl<'r, O: Backend> SimulatedDays<'r, O> {
    /// Lives the first day.
    ///
    /// # Errors
    /// As [`run_day`].
    pub fn first_day(
        inputs: &DayInputs,
        options: &DayOptions,
        office: &'r mut O,
        progress: &'r mut dyn FnMut(DayProgress),
    ) -> Result<(SimulatedDays<'r, O>, SimulatedDay), DayError<O::Error>> {
        let mut days = SimulatedDays(DayRun::new(inputs, options, office, progress)?);
        let day = days.live(inputs, options)?;
        Ok((days, day))
    }

    /// Lives the next day.
    ///
    /// # Errors
    /// As [`run_day`].
    pub fn next_day(
        &mut self,
        inputs: &DayInputs,
        options: &DayOptions,
    ) -> Result<SimulatedDay, DayError<O::Error>> {
        let run = &mut self.0;
        run.world.begin_day(inputs, options)?;
        run.payment_path.begin_day(&run.world)?;
        run.sender.duplicate_ppm = run.world.rates.duplicate;
        run.files_before_today = run.cleared_files.clone();
        self.live(inputs, options)
    }

    #[must_use]
    pub fn backend(&self) -> &O {
        self.0.sender.backend()
    }

    fn live(
        &mut self,
        inputs: &DayInputs,
        options: &DayOptions,
    ) -> Result<SimulatedDay, DayError<O::Error>> {
        let run = &mut self.0;
        run.live(inputs, options)?;
        if !run.world.leaves_clearing {
            let night = run.world.clock.night();
            run.release_holds(night)?;
            let mut cycles = run.world.terms.cycles();
            cycles.retain(|cycle| pays_on(*cycle, night));
            run.settle(night, &cycles)?;
            run.pay_firms(night)?;
        }
        run.sender.close(run.now)?;
        Ok(run.report(inputs, options))
    }
}

/// A day in progress.
pub(crate) struct DayRun<'r, O> {
    pub world: World,
    pub payment_path: PaymentPath,
    pub sender: CommandSender<'r, O>,
    now: Timestamp,
    /// The number of each rail's last file.
    pub cleared_files: BTreeMap<usize, u32>,
    /// The same, when the day began.
    pub files_before_today: BTreeMap<usize, u32>,
    /// The couriers whose terminals are signed on.
    on_tour: Vec<usize>,
    /// The withdrawals of the day that are to come, the next one last.
    withdrawals: Vec<(Timestamp, NetworkId)>,
    progress: &'r mut dyn FnMut(DayProgress),
}

impl<'r, O: Backend> DayRun<'r, O> {
    fn new(
        inputs: &DayInputs,
        options: &DayOptions,
        office: &'r mut O,
        progress: &'r mut dyn FnMut(DayProgress),
    ) -> Result<DayRun<'r, O>, DayError<O::Error>> {
        let world = World::new(inputs, options)?;
        let payment_path = PaymentPath::new(&world, options.faults_percent)?;
        let sender = CommandSender::new(office, options.seed, world.rates.duplicate);
        let now = Timestamp::default();
        let (cleared_files, files_before_today) = (BTreeMap::new(), BTreeMap::new());
        Ok(DayRun {
            world,
            payment_path,
            sender,
            now,
            cleared_files,
            files_before_today,
            on_tour: Vec::new(),
            withdrawals: Vec::new(),
            progress,
        })
    }

    /// Lives the day, and the night until the refused parcels are back and all losses are paid.
    fn live(&mut self, inputs: &DayInputs, options: &DayOptions) -> Result<(), DayError<O::Error>> {
        let index = usize::try_from(self.world.day - 1).expect("an index of a day");
        self.sender.begin_day(index)?;
        self.open(inputs, options)?;
        let planned = options.withdrawals.iter().filter_map(|one| {
            let network = self.payment_path.network(one.network)?;
            Some((self.world.clock.today(one.minute), network))
        });
        self.withdrawals = planned.collect();
        self.withdrawals.sort_by_key(|(at, _)| std::cmp::Reverse(*at));
        self.deliver()?;
        self.close_batches()?;
        self.decide_suspended_sales()?;
        self.announce_deposits(self.world.clock.today(clock::NIGHT_DEPOSIT))?;
        self.clear_payments()?;
        let is_told = !self.world.leaves_clearing;
        if is_told {
            self.change_after_clearing()?;
        }
        self.repay_shortages()?;
        self.announce_deposits(self.world.clock.tonight(clock::MORNING_DEPOSIT))?;
        self.credit_deposits(self.world.clock.tonight(clock::STATEMENT), is_told)?;
        if is_told {
            self.announce_deposits(self.world.clock.tonight(clock::SECOND_DEPOSIT))?;
            self.credit_deposits(self.world.clock.tonight(clock::SECOND_STATEMENT), false)?;
        }
        self.return_parcels()?;
        self.end_refused_parcels()?;
        if is_told {
            self.pay_buyers_back()?;
        }
        Ok(())
    }

    /// Advances virtual time to `minute`, unless it is later already, and returns it.
    pub(crate) fn advance_to(&mut self, minute: Timestamp) -> Timestamp {
        self.now = self.now.max(minute);
        self.now
    }

    pub(crate) fn report_progress(&mut self, stage: DayStage, done: u64, total: u64) {
        if !self.sender.is_replaying() {
            (self.progress)(DayProgress { stage, done, total, virtual_time: self.now });
        }
    }

    /// Carries out commands; a refusal is an error.
    pub(crate) fn carry_out_all(
        &mut self,
        at: Timestamp,
        commands: Vec<Command>,
    ) -> Result<Vec<Vec<Event>>, DayError<O::Error>> {
        if commands.is_empty() {
            return Ok(Vec::new());
        }
        self.sender.send_all(at, commands)
    }

    /// Tells the books what a network, a wallet or the bank did, unless only their files say it.
    pub(crate) fn tell(
        &mut self,
        at: Timestamp,
        commands: Vec<Command>,
    ) -> Result<(), DayError<O::Error>> {
        if !self.world.leaves_clearing {
            self.carry_out_all(at, commands)?;
        }
        Ok(())
    }

    fn open(&mut self, inputs: &DayInputs, options: &DayOptions) -> Result<(), DayError<O::Error>> {
        let parcels = self.world.parcels.len() as u64;
        let at = self.advance_to(self.world.clock.today(clock::OPENING));
        let mut commands = self.world.registrations(inputs, options);
        commands.extend(self.world.seller_registrations(inputs, options));
        let registered = commands.len() as u64;
        self.sender.register(at, commands)?;
        self.report_progress(DayStage::Opening, registered, registered);
        let at = self.advance_to(self.world.clock.today(clock::ANNOUNCING));
        self.carry_out_all(at, self.world.announcements())?;
        let at = self.advance_to(self.world.clock.today(clock::ASSIGNING));
        self.carry_out_all(at, self.world.assignments())?;
        self.report_progress(DayStage::Announcing, parcels, parcels);
        Ok(())
    }

    /// Runs the couriers' tours until every courier is done and every payment answered.
    fn deliver(&mut self) -> Result<(), DayError<O::Error>> {
        let loading = self.world.clock.today(clock::LOADING);
        let now = self.advance_to(loading);
        self.payment_path.connect_networks(now);
        let requests = CourierRequests::default();
        self.process_moment(now, requests)?;
        // The network links sign on before the first terminal does.
        let first = loading.plus_ms(clock::MINUTE_MS);
        let has_stops = |courier: &usize| !self.world.couriers[*courier].stops.is_empty();
        self.on_tour = (0..self.world.couriers.len()).filter(has_stops).collect();
        for courier in self.on_tour.clone() {
            self.world.schedule_step(first, ScheduledStep(courier, CourierStep::Load));
        }
        self.run_until_idle()
    }

    /// In the evening each terminal settles its batch with the books.
    fn close_batches(&mut self) -> Result<(), DayError<O::Error>> {
        let now = self.advance_to(self.world.clock.today(clock::CLOSING));
        let couriers = std::mem::take(&mut self.on_tour);
        let actions = couriers
            .into_iter()
            .map(|courier| (courier, TerminalAction::without_fault(TerminalActionKind::CloseBatch)))
            .collect();
        self.process_moment(now, CourierRequests { actions, ..CourierRequests::default() })?;
        self.run_until_idle()?;
        self.payment_path.record_rail_items(&mut self.world.rails, self.world.clock);
        self.world.lost_lines = self.payment_path.lost_lines();
        Ok(())
    }

    /// Advances from event to event until nothing is scheduled.
    fn run_until_idle(&mut self) -> Result<(), DayError<O::Error>> {
        let latest = self.world.clock.today(0).plus_ms(DELIVERY_MS_MAX);
        let total = self.world.parcels.len() as u64;
        let next = |run: &DayRun<'_, O>| {
            let tours = run.world.schedule.next_moment().into_iter();
            let withdrawal = run.withdrawals.last().map(|(at, _)| *at);
            tours.chain(run.payment_path.next_moment()).chain(withdrawal).min()
        };
        let mut progress_from = self.now;
        while let Some(moment) = next(self) {
            if moment >= latest {
                let waiting = self.world.unfinished().or_else(|| self.payment_path.unfinished());
                let waiting = waiting.unwrap_or_else(|| "a network or the switch waits".into());
                return Err(DayError::NeverEnds { at: moment, waiting });
            }
            let now = self.advance_to(moment);
            self.withdraw_networks(now)?;
            let mut requests = CourierRequests::default();
            while let Some(steps) = self.world.schedule.take_due(now) {
                for step in steps {
                    self.world.run_step(step, now, &mut requests);
                }
            }
            let calls = self.sender.calls;
            self.process_moment(now, requests)?;
            if self.sender.calls > calls && now >= progress_from {
                self.report_progress(DayStage::Delivering, self.world.parcels_done(), total);
                progress_from = now.plus_ms(PROGRESS_INTERVAL_MS);
            }
        }
        Ok(())
    }

    /// Withdraws the networks whose time has come, in the books and then at the switch, as
    /// `doorstep network withdraw` does while Doorstep serves.
    fn withdraw_networks(&mut self, now: Timestamp) -> Result<(), DayError<O::Error>> {
        while let Some((_, network)) = self.withdrawals.pop_if(|(at, _)| *at <= now) {
            let command = Command::WithdrawNetwork(WithdrawNetwork {
                network,
                number: 1,
                from: now,
                proposed_by: PLANNER,
                approved_by: APPROVER,
            });
            self.carry_out_all(now, vec![command])?;
            self.payment_path.withdraw(network, now);
            self.world.cards_are_gone = self.payment_path.has_no_network();
        }
        Ok(())
    }

    /// Carries out the couriers' commands and actions, delivers messages and answers queries until
    /// nothing is left to do at this moment.
    fn process_moment(
        &mut self,
        now: Timestamp,
        requests: CourierRequests,
    ) -> Result<(), DayError<O::Error>> {
        let CourierRequests { mut courier_commands, actions } = requests;
        for (courier, action) in actions {
            self.payment_path.enqueue_action(courier, action, now)?;
        }
        self.payment_path.process_due(now)?;
        for round in 0.. {
            let commands = self.payment_path.take_commands();
            let questions = self.payment_path.take_queries();
            if courier_commands.is_empty() && commands.is_empty() && questions.is_empty() {
                break;
            }
            if round == ROUNDS_PER_MOMENT_MAX {
                let waiting = "commands and answers follow each other without end".to_owned();
                return Err(DayError::NeverEnds { at: now, waiting });
            }
            if !(courier_commands.is_empty() && commands.is_empty()) {
                self.carry_out(now, std::mem::take(&mut courier_commands), commands)?;
            }
            if !questions.is_empty() {
                let (tickets, questions): (Vec<u64>, Vec<Query>) = questions.into_iter().unzip();
                for (ticket, fact) in tickets.into_iter().zip(self.sender.query(questions)?) {
                    self.payment_path.on_query_result(ticket, fact, now)?;
                }
            }
            self.payment_path.process_due(now)?;
        }
        for (courier, outcome) in self.payment_path.take_outcomes() {
            let payment = match outcome {
                TerminalActionOutcome::Approved { stan } => {
                    self.payment_path.payment_of(courier, stan)
                }
                _ => None,
            };
            self.world.on_action_outcome(courier, (outcome, payment), now);
        }
        Ok(())
    }

    /// Sends the couriers' commands and the switch's in one call.
    fn carry_out(
        &mut self,
        now: Timestamp,
        courier_commands: Vec<CourierCommand>,
        commands: Vec<(u64, Submission)>,
    ) -> Result<(), DayError<O::Error>> {
        let (mut all, contexts): (Vec<Submission>, Vec<AnswerContext>) = courier_commands
            .into_iter()
            .map(|asked| (submission_of(asked.command), asked.context))
            .unzip();
        let (tickets, more): (Vec<u64>, Vec<Submission>) = commands.into_iter().unzip();
        all.extend(more);
        let mut answered = self.sender.submit(now, all)?.into_iter();
        for (context, AnsweredCommand { command, answer }) in
            contexts.into_iter().zip(answered.by_ref())
        {
            let heard = self.world.on_answer(context, now, answer);
            heard.map_err(|refusal| DayError::refused(now, &command, refusal))?;
        }
        for (ticket, AnsweredCommand { command, answer }) in tickets.into_iter().zip(answered) {
            let command = command.of_books().expect("the switch gives commands of the books");
            self.payment_path.on_answer(ticket, command, answer, now)?;
        }
        Ok(())
    }

    fn report(&self, inputs: &DayInputs, options: &DayOptions) -> SimulatedDay {
        let mut world = self.world.report();
        world.networks = self.payment_path.network_books();
        world.terminals = self.payment_path.terminal_books();
        world.pending_reversals = self.payment_path.pending_reversals();
        world.discrepancies.extend(self.payment_path.discrepancies.iter().cloned());
        let firms = self.world.firm_days(&world);
        let mut payouts = self.sender.tally.payouts.clone();
        for payout in &mut payouts {
            if let Some(&index) = self.world.seller_indexes.get(&payout.line.seller) {
                payout.seller_reference.clone_from(&self.world.sellers[index].reference);
            }
        }
        let at_hub = |parcel: &&crate::world::SimulatedParcel| {
            // A next shipment of tonight waits for the next day.
            let is_new = parcel.exceptions.shipment > 1 && parcel.courier.is_none();
            parcel.location == ParcelLocation::AtHub && !is_new
        };
        let report = DayReport {
            date: inputs.date,
            currency: inputs.currency,
            order_source: inputs.order_source.clone(),
            seed: options.seed,
            payment_mix: options.payment_mix,
            rates: self.world.rates,
            parcels: self.world.parcels.len() as u64,
            left_at_hub: self.world.parcels.iter().filter(at_hub).count() as u64,
            sellers: self.world.sellers.len() as u64,
            couriers: self.world.couriers.len() as u64,
            counts: self.sender.tally.counts,
            incidents: self.world.incidents,
            payment_path: self.payment_path.total_counts(),
            payouts,
            firms,
            calls: self.sender.calls,
            commands: self.sender.commands,
            ended_at: self.sender.last_at,
        };
        SimulatedDay { report, counterparty: self.world.counterparty_day(), world }
    }
}
