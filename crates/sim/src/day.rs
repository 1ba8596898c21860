//! The day from its first command to its last.

use engine::{Command, DAY_MS, Event, Timestamp};

use crate::books::{Whereabouts, WorldReport};
use crate::clock;
use crate::desk::{Answered, Desk};
use crate::inputs::{DayInputs, DayOptions};
use crate::office::{DayError, Office};
use crate::report::DayReport;
use crate::world::{Ask, Step, Then, Wake, World};

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
    let desk = Desk::new(office, options.seed, world.rates.duplicate);
    let now = Timestamp::default();
    let mut run = Run { world, desk, now, progress: &mut progress };
    run.open(options)?;
    run.deliver()?;
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
        for courier in 0..self.world.couriers.len() {
            self.world.put(loading, Wake::Courier(courier, Step::Load));
        }
        let latest = self.world.clock.today(0).plus_ms(DOORS_MS_MAX);
        let total = self.world.parcels.len() as u64;
        while let Some((moment, wakes)) = self.world.agenda.next() {
            assert!(moment < latest, "the couriers' day ends");
            let now = self.at(moment);
            let mut asks = Vec::new();
            for wake in wakes {
                self.world.wake(wake, now, &mut asks);
            }
            if !asks.is_empty() {
                self.ask(now, asks)?;
                self.show(Stage::Delivering, self.world.parcels_done(), total);
            }
        }
        Ok(())
    }

    fn ask(&mut self, now: Timestamp, asks: Vec<Ask>) -> Result<(), DayError<O::Error>> {
        let (commands, thens): (Vec<Command>, Vec<Then>) =
            asks.into_iter().map(|ask| (ask.command, ask.then)).unzip();
        let answered = self.desk.call(now, commands)?;
        for (Answered { command, answer }, then) in answered.into_iter().zip(thens) {
            let heard = self.world.hear(then, now, answer);
            heard.map_err(|refusal| DayError::refused(now, &command, refusal))?;
        }
        Ok(())
    }

    fn report(self, inputs: &DayInputs, options: &DayOptions) -> Day {
        let world = self.world.report();
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
            payouts,
            firms,
            calls: self.desk.calls,
            commands: self.desk.commands,
            ended: self.desk.last_at,
        };
        Day { report, world }
    }
}
