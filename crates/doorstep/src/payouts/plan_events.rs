//! A plan's payouts from the end of the journal: not the whole of it is read for each answer.

use std::path::Path;

use books::{Event, PlanId, Timestamp};
use engine::{CommandOutcome, Engine, Submission};
use journal::{DataDirectory, Sequence};
use node::recovery::newest_snapshot;
use node::replay::{ReplayObserver, replay};
use reports::{DaySums, ReportError};

/// Sums up what becomes of plans and payouts, and nothing else: what was before is not known.
#[derive(Default)]
struct PlanEvents(DaySums);

impl ReplayObserver for PlanEvents {
    fn command(
        &mut self,
        submission: &Submission,
        at: Timestamp,
        outcome: &CommandOutcome,
        engine: &Engine,
    ) -> Result<(), String> {
        let is_of_plan = |event: &&Event| {
            matches!(
                event,
                Event::SettlementExecuted { .. }
                    | Event::PayoutConfirmed { .. }
                    | Event::PayoutReturned { .. }
            )
        };
        let mut of_plans = CommandOutcome::default();
        of_plans.books.events.extend(outcome.books.events.iter().filter(is_of_plan).cloned());
        self.0.command(submission, at, &of_plans, engine)
    }
}

/// The payouts of a plan, and the books at the journal's end. Reads the journal from the newest
/// snapshot on after which the plan was executed. Only for a plan that is older than all snapshots
/// the whole journal is read.
pub fn sums_with_plan(data: &Path, plan: PlanId) -> Result<(DaySums, Engine), ReportError> {
    let directory = DataDirectory::open_shared(data)?;
    let (mut journal, snapshots) = (directory.journal()?, directory.snapshots()?);
    let mut until = None;
    while let Some(mut loaded) = newest_snapshot(&mut journal, &snapshots, until, &|_| {})? {
        let mut found = PlanEvents::default();
        replay(&mut journal, loaded.reflects, &mut loaded.engine, &mut found)?;
        if found.0.plans.iter().any(|one| one.id == plan) {
            return Ok((found.0, loaded.engine));
        }
        until = Some(Sequence::new(loaded.reflects.sequence.number().saturating_sub(1)));
    }
    drop((journal, snapshots, directory));
    DaySums::of(data)
}
