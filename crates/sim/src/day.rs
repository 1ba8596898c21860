//! The day from its first command to its last.

use engine::{Command, DAY_MS, Event, Timestamp};
use switch::Question;

use crate::books::{Whereabouts, WorldReport};
use crate::clock;
use crate::desk::{Answered, Desk};
use crate::doors::{Deed, Doors, Outcome, What};
use crate::inputs::{DayInputs, DayOptions};
use crate::office::{DayError, Office};
use crate::report::DayReport;
use crate::world::{Ask, Step, Then, Wake, Wishes, World};

/// Nothing at the doors happens later than this after the midnight that the day begins with.
const DOORS_MS_MAX: u64 = 2 * DAY_MS;

/// A part of the day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Books are opened, everybody is registered.
    Opening,
    /// Parcels are announced and given to the firms.
    Announcing,
    /// Couriers are on their tours.
    Delivering,
    /// Files of networks and wallets come in.
    Clearing,
    /// Deposits, returns, releases, plans, payouts.
    Settling,
}

/// How far the day has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// The part.
    pub stage: Stage,
    /// How much of it is done: parcels, files, payouts.
    pub done: u64,
    /// Out of how much.
    pub total: u64,
    /// The moment in virtual time.
    pub virtual_time: Timestamp,
}

/// A day that is over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Day {
    /// What it came to.
    pub report: DayReport,
    /// What the world did, in its own books; see [`compare`](crate::compare).
    pub world: WorldReport,
}

/// Lives through a day.
///
/// # Errors
/// Where the inputs make no day, the office fails, or the books answer what they should not.
pub fn run_day<O: Office>(
    inputs: &DayInputs,
    options: &DayOptions,
    office: &mut O,
    mut progress: impl FnMut(Progress),
) -> Result<Day, DayError<O::Error>> {
    let world = World::new(inputs, options)?;
    let doors = Doors::new(&world, options.faults_percent)?;
    let desk = Desk::new(office, options.seed, world.rates.duplicate);
    let now = Timestamp::default();
    let mut run = Run { world, doors, desk, now, progress: &mut progress };
    run.open(options)?;
    run.deliver()?;
    run.close_batches()?;
    run.deposit(run.world.clock.today(clock::NIGHT_DEPOSIT))?;
    run.clear()?;
    run.repay()?;
    run.deposit(run.world.clock.tomorrow(clock::MORNING_DEPOSIT))?;
    run.credit_deposits(run.world.clock.tomorrow(clock::STATEMENT), true)?;
    run.deposit(run.world.clock.tomorrow(clock::NOON_DEPOSIT))?;
    run.credit_deposits(run.world.clock.tomorrow(clock::NOON_STATEMENT), false)?;
    run.return_parcels()?;
    let released_on = run.release()?;
    run.settle(released_on, options.cycle)?;
    run.desk.close(run.now)?;
    Ok(run.report(inputs, options))
}

/// A day under way.
pub(crate) struct Run<'r, O> {
    pub world: World,
    pub doors: Doors,
    pub desk: Desk<'r, O>,
    now: Timestamp,
    progress: &'r mut dyn FnMut(Progress),
}

impl<O: Office> Run<'_, O> {
    /// The moment at which something planned for `minute` happens: then, or now if it is later.
    pub(crate) fn at(&mut self, minute: Timestamp) -> Timestamp {
        self.now = self.now.max(minute);
        self.now
    }

    pub(crate) fn show(&mut self, stage: Stage, done: u64, total: u64) {
        (self.progress)(Progress { stage, done, total, virtual_time: self.now });
    }

    /// Has commands carried out that nothing can stand against.
    pub(crate) fn certain(
        &mut self,
        at: Timestamp,
        commands: Vec<Command>,
    ) -> Result<Vec<Vec<Event>>, DayError<O::Error>> {
        if commands.is_empty() {
            return Ok(Vec::new());
        }
        self.desk.certain(at, commands)
    }

    fn open(&mut self, options: &DayOptions) -> Result<(), DayError<O::Error>> {
        let parcels = self.world.parcels.len() as u64;
        let at = self.at(self.world.clock.today(clock::OPENING));
        let mut commands = self.world.registrations(options);
        commands.extend(self.world.seller_registrations(options));
        let registered = commands.len() as u64;
        self.desk.register(at, commands)?;
        self.show(Stage::Opening, registered, registered);
        let at = self.at(self.world.clock.today(clock::ANNOUNCING));
        self.certain(at, self.world.announcements())?;
        let at = self.at(self.world.clock.today(clock::ASSIGNING));
        self.certain(at, self.world.assignments())?;
        self.show(Stage::Announcing, parcels, parcels);
        Ok(())
    }

    /// The couriers' tours, until everybody is home and every payment has its answer.
    fn deliver(&mut self) -> Result<(), DayError<O::Error>> {
        let loading = self.world.clock.today(clock::LOADING);
        let now = self.at(loading);
        self.doors.open(now);
        let wishes = Wishes::default();
        self.act(now, wishes)?;
        // The links are signed on before the first terminal is.
        let first = loading.plus_ms(clock::MINUTE_MS);
        for courier in 0..self.world.couriers.len() {
            self.world.put(first, Wake(courier, Step::Load));
        }
        self.live_on()
    }

    /// In the evening each terminal compares its batch with the books.
    fn close_batches(&mut self) -> Result<(), DayError<O::Error>> {
        let now = self.at(self.world.clock.today(clock::CLOSING));
        let couriers = 0..self.world.couriers.len();
        let deeds = couriers.map(|courier| (courier, Deed::plain(What::Settle))).collect();
        self.act(now, Wishes { deeds, ..Wishes::default() })?;
        self.live_on()?;
        self.doors.fill(&mut self.world.rails, self.world.clock);
        self.world.note_forgotten(&self.doors.forgotten());
        Ok(())
    }

    /// Lives on until nobody has anything to do.
    fn live_on(&mut self) -> Result<(), DayError<O::Error>> {
        let latest = self.world.clock.today(0).plus_ms(DOORS_MS_MAX);
        let total = self.world.parcels.len() as u64;
        let next = |run: &Run<'_, O>| {
            run.world.agenda.first().into_iter().chain(run.doors.next_moment()).min()
        };
        while let Some(moment) = next(self) {
            assert!(moment < latest, "the couriers' day ends");
            let now = self.at(moment);
            let mut wishes = Wishes::default();
            while let Some(wakes) = self.world.agenda.due(now) {
                for wake in wakes {
                    self.world.wake(wake, now, &mut wishes);
                }
            }
            let calls = self.desk.calls;
            self.act(now, wishes)?;
            if self.desk.calls > calls {
                self.show(Stage::Delivering, self.world.parcels_done(), total);
            }
        }
        Ok(())
    }

    /// Couriers ask and act, messages arrive, the books answer, until nothing is left to be done at
    /// this moment.
    fn act(&mut self, now: Timestamp, wishes: Wishes) -> Result<(), DayError<O::Error>> {
        let Wishes { mut asks, deeds } = wishes;
        for (courier, deed) in deeds {
            self.doors.want(courier, deed, now)?;
        }
        self.doors.turn(now)?;
        loop {
            let commands = self.doors.take_commands();
            let questions = self.doors.take_questions();
            if asks.is_empty() && commands.is_empty() && questions.is_empty() {
                break;
            }
            if !(asks.is_empty() && commands.is_empty()) {
                self.carry_out(now, std::mem::take(&mut asks), commands)?;
            }
            if !questions.is_empty() {
                let (tickets, questions): (Vec<u64>, Vec<Question>) = questions.into_iter().unzip();
                for (ticket, fact) in tickets.into_iter().zip(self.desk.ask(questions)?) {
                    self.doors.told(ticket, fact, now)?;
                }
            }
            self.doors.turn(now)?;
        }
        for tender in self.doors.take_begun() {
            self.world.tender_began(tender);
        }
        for (courier, outcome) in self.doors.take_outcomes() {
            let tender = match outcome {
                Outcome::Done { stan } => self.doors.tender_of(courier, stan),
                _ => None,
            };
            self.world.at_the_door(courier, (outcome, tender), now);
        }
        Ok(())
    }

    /// One call for what couriers ask and what the switch commands.
    fn carry_out(
        &mut self,
        now: Timestamp,
        asks: Vec<Ask>,
        commands: Vec<(u64, Command)>,
    ) -> Result<(), DayError<O::Error>> {
        let (mut all, thens): (Vec<Command>, Vec<Then>) =
            asks.into_iter().map(|ask| (ask.command, ask.then)).unzip();
        let (tickets, more): (Vec<u64>, Vec<Command>) = commands.into_iter().unzip();
        all.extend(more);
        let mut answered = self.desk.call(now, all)?.into_iter();
        for (then, Answered { command, answer }) in thens.into_iter().zip(answered.by_ref()) {
            let heard = self.world.hear(then, now, answer);
            heard.map_err(|refusal| DayError::refused(now, &command, refusal))?;
        }
        for (ticket, Answered { command, answer }) in tickets.into_iter().zip(answered) {
            self.doors.answered(ticket, &command, answer, now)?;
        }
        Ok(())
    }

    fn report(self, inputs: &DayInputs, options: &DayOptions) -> Day {
        let mut world = self.world.report();
        world.networks = self.doors.network_books();
        world.terminals = self.doors.terminal_books();
        world.unresolved = self.doors.unresolved();
        world.disagreements.extend(self.doors.disagreements.iter().cloned());
        let firms = self.world.firm_days(&world);
        let mut payouts = self.desk.tally.payouts;
        for payout in &mut payouts {
            if let Some(&place) = self.world.seller_places.get(&payout.line.seller) {
                payout.seller_reference.clone_from(&self.world.sellers[place].reference);
            }
        }
        let at_hub = |parcel: &&crate::world::Parcel| parcel.whereabouts == Whereabouts::Hub;
        let report = DayReport {
            date: inputs.date,
            currency: inputs.currency,
            origin: inputs.origin.clone(),
            seed: options.seed,
            tender: options.tender,
            rates: self.world.rates,
            parcels: inputs.parcels.len() as u64,
            left_at_hub: self.world.parcels.iter().filter(at_hub).count() as u64,
            sellers: self.world.sellers.len() as u64,
            couriers: self.world.couriers.len() as u64,
            counts: self.desk.tally.counts,
            incidents: self.world.incidents,
            doors: self.doors.counted(),
            payouts,
            firms,
            calls: self.desk.calls,
            commands: self.desk.commands,
            ended: self.desk.last_at,
        };
        Day { report, world }
    }
}
