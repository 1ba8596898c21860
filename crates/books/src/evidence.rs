//! Which commands raised or changed each open break and open item. A report finds them in the
//! journal by their times, without reading the rest.

use std::collections::{BTreeMap, BTreeSet};

use borsh::{BorshDeserialize, BorshSerialize};
use machine::Timestamp;

use crate::books::Books;
use crate::event::{CommandOutcome, Event};
use crate::ids::{BreakId, OpenItemId};

/// Commands remembered for a difference: the first, and the latest ones.
pub const EVIDENCE_COMMANDS_MAX: usize = 64;

/// Identifies an applied command: its time, and its place among those with the same time, from 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
#[derive(BorshSerialize, BorshDeserialize)]
pub struct CommandMoment {
    pub at: Timestamp,
    pub nth: u32,
}

impl CommandMoment {
    /// The next command, applied at `at`.
    #[must_use]
    pub fn next(self, at: Timestamp) -> CommandMoment {
        let nth = if at == self.at { self.nth.saturating_add(1) } else { 1 };
        CommandMoment { at, nth }
    }
}

/// The commands behind the open differences.
#[derive(Clone, Debug, Default, BorshSerialize, BorshDeserialize)]
pub(crate) struct DifferenceCommands {
    /// The last command applied.
    last: CommandMoment,
    breaks: BTreeMap<BreakId, Vec<CommandMoment>>,
    open_items: BTreeMap<OpenItemId, Vec<CommandMoment>>,
}

impl Books {
    /// Remembers an applied command for each difference that it raised or changed, and forgets the
    /// commands of each that it closed.
    pub(crate) fn note_evidence(&mut self, at: Timestamp, out: &CommandOutcome) {
        let moment = self.reference_data.difference_commands.last.next(at);
        self.reference_data.difference_commands.last = moment;
        let (mut breaks, mut items) = (BTreeSet::new(), BTreeSet::new());
        for event in &out.events {
            match event {
                Event::BreakRaised { break_id, .. }
                | Event::BreakReduced { break_id, .. }
                | Event::BreakResolutionProposed { break_id }
                | Event::BreakAssigned { break_id, .. }
                | Event::BreakReclassified { break_id, .. }
                | Event::BreakWithdrawn { break_id, .. }
                | Event::BreakClosed { break_id, .. } => drop(breaks.insert(*break_id)),
                Event::OpenItemOpened { item, .. }
                | Event::OpenItemLineDecided { item, .. }
                | Event::OpenItemClosed { item } => drop(items.insert(*item)),
                _ => {}
            }
        }
        for id in breaks {
            let is_open = self.reference_data.breaks.get(&id).is_some_and(|one| one.is_open());
            note(&mut self.reference_data.difference_commands.breaks, id, is_open, moment);
        }
        for id in items {
            let is_open = self.open_items.is_open(id);
            note(&mut self.reference_data.difference_commands.open_items, id, is_open, moment);
        }
    }

    /// The commands that raised, reduced or proposed to close an open break, oldest first. Of more
    /// than [`EVIDENCE_COMMANDS_MAX`] the first and the latest ones.
    #[must_use]
    pub fn break_commands(&self, id: BreakId) -> &[CommandMoment] {
        let commands = self.reference_data.difference_commands.breaks.get(&id);
        commands.map_or(&[], Vec::as_slice)
    }

    /// The commands that opened an open item or decided its lines, as for a break.
    #[must_use]
    pub fn open_item_commands(&self, id: OpenItemId) -> &[CommandMoment] {
        let commands = self.reference_data.difference_commands.open_items.get(&id);
        commands.map_or(&[], Vec::as_slice)
    }

    /// Each open difference has the command that raised it, and no other has any (M9).
    pub(crate) fn check_evidence(&self, wrong: &mut Vec<String>) {
        let noted = &self.reference_data.difference_commands;
        let breaks = self.reference_data.breaks.iter().filter(|(_, one)| one.is_open());
        let items = self.open_items().map(|item| item.id);
        if !breaks.map(|(id, _)| id).eq(noted.breaks.keys())
            || items.collect::<BTreeSet<_>>() != noted.open_items.keys().copied().collect()
        {
            wrong.push("M9: the open breaks and open items differ from those with commands".into());
        }
    }
}

fn note<Id: Ord>(
    commands: &mut BTreeMap<Id, Vec<CommandMoment>>,
    id: Id,
    is_open: bool,
    moment: CommandMoment,
) {
    if !is_open {
        commands.remove(&id);
        return;
    }
    let commands = commands.entry(id).or_default();
    if commands.len() == EVIDENCE_COMMANDS_MAX {
        commands.remove(1);
    }
    commands.push(moment);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_of_one_time_are_told_apart() {
        let moments = [5, 5, 7, 7, 7].map(Timestamp);
        let moments = moments.iter().scan(CommandMoment::default(), |last, at| {
            *last = last.next(*at);
            Some((last.at.0, last.nth))
        });
        assert_eq!(moments.collect::<Vec<_>>(), [(5, 1), (5, 2), (7, 1), (7, 2), (7, 3)]);
    }
}
