//! What others gave to the books between simulated days, as `doorstep import` does.

use std::collections::BTreeMap;
use std::path::Path;

use books::{Command, ParcelId, Timestamp};
use engine::{CommandOutcome, Engine, Submission};
use market::MarketEvent;
use node::replay::ReplayObserver;
use reports::{ReportError, replay_all};
use sim::{EnginePosition, SoldParcel};

/// What others gave to the books between two positions.
#[derive(Clone, Debug, Default)]
pub struct Others {
    /// As they were given, with their times.
    pub submissions: Vec<(Timestamp, Submission)>,
    /// What the books carried out: also what the market gave them, such as an order's parcels.
    pub commands: Vec<Command>,
    /// What the market sold.
    pub ordered: BTreeMap<ParcelId, SoldParcel>,
}

impl Others {
    fn add(&mut self, submission: &Submission, at: Timestamp, did: &CommandOutcome, of: &Engine) {
        self.submissions.push((at, submission.clone()));
        self.commands.extend(did.of_books(submission).map(|(command, _)| command.clone()));
        for event in &did.market {
            let MarketEvent::OrderPlaced { order, .. } = event else { continue };
            let Some(order) = of.market().order_view(*order) else { continue };
            for (place, parcel) in (0_u8..).zip(order.parcels) {
                let shares = || order.promotions.iter().flat_map(|applied| &applied.shares);
                let pays = |number: u16| {
                    let own = shares().filter(|share| share.unit == number);
                    own.map(|share| share.platform.minor()).sum()
                };
                let units = (0_u16..).zip(order.units);
                let own = units.filter(|(_, unit)| unit.parcel == place);
                let deliveries = order.promotions.iter().flat_map(|applied| &applied.deliveries);
                let delivery = deliveries.filter(|share| share.parcel == place);
                let ordered = SoldParcel {
                    units: own.map(|(number, _)| (number, pays(number))).collect(),
                    delivery: delivery.map(|share| share.platform.minor()).sum(),
                };
                self.ordered.insert(parcel.parcel, ordered);
            }
        }
    }
}

/// Reads the commands between positions of the books, which must be in order: one list for each
/// pair. Reads nothing if no position differs from the one before.
pub fn between(
    data: &Path,
    segments: &[(EnginePosition, EnginePosition)],
) -> Result<Vec<Others>, ReportError> {
    let mut reader = SegmentReader {
        segments,
        found: vec![Others::default(); segments.len()],
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
    found: Vec<Others>,
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
        outcome: &CommandOutcome,
        engine: &Engine,
    ) -> Result<(), String> {
        if self.is_inside {
            self.found[self.current].add(submission, at, outcome, engine);
        }
        self.reach(EnginePosition::of(engine));
        Ok(())
    }
}
