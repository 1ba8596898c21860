//! The rules that need the whole journal. Those of one moment are in `Engine::check`.

use std::collections::BTreeSet;

use books::{Event, PayoutId};
use engine::{CommandOutcome, Engine, Submission, Timestamp};
use node::replay::ReplayObserver;

/// Counts the postings that moved money, and checks that each payout is confirmed once (M7).
#[derive(Debug, Default)]
pub(crate) struct JournalAudit {
    pub legs: u64,
    /// One line for each violation.
    pub violations: Vec<String>,
    confirmed: BTreeSet<PayoutId>,
}

impl ReplayObserver for JournalAudit {
    fn command(
        &mut self,
        _: &Submission,
        _: Timestamp,
        outcome: &CommandOutcome,
        _: &Engine,
    ) -> Result<(), String> {
        let moved = outcome.books.postings.iter().filter(|posting| posting.moves_money());
        self.legs += moved.count() as u64;
        for event in &outcome.books.events {
            if let Event::PayoutConfirmed { payout, .. } = event
                && !self.confirmed.insert(*payout)
            {
                self.violations.push(format!("M7: payout {} was confirmed twice", payout.0));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use books::chart::ChartEntry;
    use books::{BusinessDate, Command, Posting, PostingStage as Stage, ReleaseDue, SellerId};
    use engine::Actor;
    use ledger::AccountNumber;
    use money::Amount;

    use super::*;

    /// The audit of commands with these events and postings.
    fn audit(commands: &[(&[Event], &[Stage])]) -> JournalAudit {
        let command = Command::ReleaseDue(ReleaseDue { date: BusinessDate(1), limit: 1 });
        let submission = Submission::new(Actor::System, command);
        let mut audit = JournalAudit::default();
        for (events, stages) in commands {
            let mut outcome = CommandOutcome::default();
            outcome.books.events.extend_from_slice(events);
            outcome.books.postings.extend(stages.iter().map(|&stage| Posting {
                entry: ChartEntry::CardCollected,
                stage,
                debit: AccountNumber(1),
                credit: AccountNumber(2),
                amount: Amount::of(100),
                payment: None,
                tariff: None,
            }));
            audit.command(&submission, Timestamp(0), &outcome, &Engine::default()).unwrap();
        }
        audit
    }

    fn confirmed(payout: u64) -> Event {
        let (payout, seller) = (PayoutId(payout), SellerId(1));
        Event::PayoutConfirmed { payout, seller, net: Amount::of(9_922) }
    }

    #[test]
    fn a_payout_confirmed_twice_violates_m7() {
        let once = audit(&[(&[confirmed(1), confirmed(2)], &[]), (&[confirmed(3)], &[])]);
        assert_eq!(once.violations, Vec::<String>::new());
        let twice = audit(&[(&[confirmed(1), confirmed(2)], &[]), (&[confirmed(2)], &[])]);
        assert_eq!(twice.violations, ["M7: payout 2 was confirmed twice"]);
    }

    #[test]
    fn a_reservation_counts_when_it_is_posted() {
        let stages: &[Stage] = &[Stage::Reserved, Stage::Posted, Stage::PostedFromReserve];
        assert_eq!(audit(&[(&[], stages), (&[], &[Stage::Voided, Stage::Posted])]).legs, 3);
    }
}
