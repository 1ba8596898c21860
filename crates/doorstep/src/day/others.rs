//! What others gave to the books between simulated days, as `doorstep import` does.

use std::path::Path;

use books::{Command, Timestamp};
use engine::{CommandOutcome, Engine, Submission};
use node::replay::ReplayObserver;
use reports::{ReportError, replay_all};
use sim::{DayInputError, EnginePosition};

/// A command that others gave, with its time.
pub type OthersCommand = (Timestamp, Submission);

/// Reads the commands between positions of the books, which must be in order: one list for each
/// pair. Reads nothing if no position differs from the one before.
pub fn between(
    data: &Path,
    segments: &[(EnginePosition, EnginePosition)],
) -> Result<Vec<Vec<OthersCommand>>, ReportError> {
    let mut reader = SegmentReader {
        segments,
        found: vec![Vec::new(); segments.len()],
        current: 0,
        is_inside: false,
    };
    reader.reach(EnginePosition::of(&Engine::default()));
    if reader.current < segments.len() {
        replay_all(data, &mut reader)?;
    }
    Ok(reader.found)
}

struct SegmentReader<'s> {
    segments: &'s [(EnginePosition, EnginePosition)],
    found: Vec<Vec<OthersCommand>>,
    /// The segment that is read or comes next.
    current: usize,
    is_inside: bool,
}

impl SegmentReader<'_> {
    /// The books are at this position.
    fn reach(&mut self, here: EnginePosition) {
        while let Some((from, to)) = self.segments.get(self.current) {
            if from == to || self.is_inside && *to == here {
                self.current += 1;
                self.is_inside = false;
            } else {
                self.is_inside |= *from == here;
                return;
            }
        }
    }
}

impl ReplayObserver for SegmentReader<'_> {
    fn command(
        &mut self,
        submission: &Submission,
        at: Timestamp,
        _: &CommandOutcome,
        engine: &Engine,
    ) -> Result<(), String> {
        if self.is_inside {
            self.found[self.current].push((at, submission.clone()));
        }
        self.reach(EnginePosition::of(engine));
        Ok(())
    }
}

/// Checks that no visitor of the shop window ordered: the world does not know these parcels.
pub fn check_orders(others: &[Vec<OthersCommand>]) -> Result<(), DayInputError> {
    let name = "Checkout";
    let mut all = others.iter().flatten();
    match all.any(|(_, one)| one.command.spec().name == name) {
        true => Err(DayInputError::UnknownToWorld { name }),
        false => Ok(()),
    }
}

/// The commands alone.
pub fn commands_of(others: &[OthersCommand]) -> Vec<Command> {
    others.iter().filter_map(|(_, one)| one.command.of_books().cloned()).collect()
}
