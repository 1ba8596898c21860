//! The rules that need the whole journal. Those of one moment are in `Engine::check`.

use std::collections::BTreeSet;

use books::{Command as BooksCommand, Event, PayoutId};
use engine::{Command, CommandOutcome, Engine, Submission, Timestamp};
use node::replay::ReplayObserver;

/// Counts the postings that moved money, and checks that each payout is confirmed once (M7) and that
/// no batch of a terminal posts anything (M9).
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
        submission: &Submission,
        _: Timestamp,
        outcome: &CommandOutcome,
        _: &Engine,
    ) -> Result<(), String> {
        let moved = outcome.books.postings.iter().filter(|posting| posting.moves_money());
        self.legs += moved.count() as u64;
        let Command::Books(command) = &submission.command;
        let is_of_batch = matches!(
            command,
            BooksCommand::CloseBatch(_)
                | BooksCommand::ReconcileBatch(_)
                | BooksCommand::CloseOpenItem(_)
        );
        if is_of_batch && !outcome.books.postings.is_empty() {
            self.violations.push(format!("M9: {} posted money", command.spec().name));
        }
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
    use books::{
        BatchTotals, BusinessDate, CloseBatch, Posting, PostingStage as Stage, ReleaseDue,
        SellerId, TerminalId,
    };
    use engine::Actor;
    use ledger::AccountNumber;
    use money::Amount;

    use super::*;

    /// The audit of commands with these events and postings.
    fn audit(commands: &[(&[Event], &[Stage])]) -> JournalAudit {
        audit_of(ReleaseDue { date: BusinessDate(1), limit: 1 }, commands)
    }

    fn audit_of(
        command: impl Into<BooksCommand>,
        commands: &[(&[Event], &[Stage])],
    ) -> JournalAudit {
        let submission = Submission::new(Actor::System, command.into());
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
    fn a_batch_that_posts_violates_m9() {
        let close = |stages: &[Stage]| {
            let (terminal, batch, totals) = (TerminalId(1), 1, BatchTotals::default());
            audit_of(CloseBatch { terminal, batch, totals }, &[(&[], stages)]).violations
        };
        assert_eq!(close(&[]), Vec::<String>::new());
        assert_eq!(close(&[Stage::Posted]), ["M9: CloseBatch posted money"]);
    }

    #[test]
    fn a_reservation_counts_when_it_is_posted() {
        let stages: &[Stage] = &[Stage::Reserved, Stage::Posted, Stage::PostedFromReserve];
        assert_eq!(audit(&[(&[], stages), (&[], &[Stage::Voided, Stage::Posted])]).legs, 3);
    }
}
