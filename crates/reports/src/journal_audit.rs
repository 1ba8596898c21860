//! The rules that need the whole journal. Those of one moment are in `Engine::check`.

use std::collections::{BTreeMap, BTreeSet};

use books::chart::ChartEntry;
use books::{
    BusinessDate, Command as BooksCommand, Event, PayoutId, PayoutLine, Sha256Digest,
    trial_balance_digest,
};
use engine::{Command, CommandOutcome, Engine, Submission, Timestamp};
use ledger::{AccountNumber, Side};
use node::replay::ReplayObserver;

/// Counts the postings that moved money. Checks that each payout is sent once, is paid from what
/// its seller has, and is confirmed once (M7), that no batch of a terminal posts anything (M9), and
/// that a closed period has the trial balance that the postings until its end give (M1).
#[derive(Debug, Default)]
pub(crate) struct JournalAudit {
    pub postings: u64,
    /// The time of the first command.
    pub first_at: Option<Timestamp>,
    /// One line for each violation.
    pub violations: Vec<String>,
    sent: BTreeSet<PayoutId>,
    dropped: BTreeSet<PayoutId>,
    confirmed: BTreeSet<PayoutId>,
    /// Debits less credits of each account.
    sums: BTreeMap<AccountNumber, i128>,
    /// The day of the last command.
    day: Option<BusinessDate>,
    /// The digest of the trial balance at the end of each day that had commands.
    day_ends: BTreeMap<BusinessDate, Sha256Digest>,
}

impl ReplayObserver for JournalAudit {
    fn command(
        &mut self,
        submission: &Submission,
        at: Timestamp,
        outcome: &CommandOutcome,
        engine: &Engine,
    ) -> Result<(), String> {
        let moved = outcome.books.postings.iter().filter(|posting| posting.moves_money());
        self.postings += moved.clone().count() as u64;
        self.first_at.get_or_insert(at);
        self.note_day(engine);
        for posting in moved {
            let amount = i128::from(posting.amount.minor());
            *self.sums.entry(posting.debit).or_default() += amount;
            *self.sums.entry(posting.credit).or_default() -= amount;
        }
        let is_of_batch = matches!(
            submission.command,
            Command::Books(
                BooksCommand::CloseBatch(_)
                    | BooksCommand::ReconcileBatch(_)
                    | BooksCommand::CloseOpenItem(_)
            )
        );
        if is_of_batch && !outcome.books.postings.is_empty() {
            self.violations.push(format!("M9: {} posted money", submission.command.name()));
        }
        for event in &outcome.books.events {
            self.event(event);
        }
        let moved = outcome.books.postings.iter().filter(|posting| posting.moves_money());
        for posting in moved.filter(|posting| posting.entry == ChartEntry::PayoutSent) {
            let seller = engine.books().account_view(posting.debit);
            if let Some(seller) = seller.filter(|account| account.balance < 0) {
                let owner = seller.owner;
                self.violations.push(format!("M7: seller {owner} was sent more than it had"));
            }
        }
        Ok(())
    }
}

impl JournalAudit {
    /// Keeps the trial balance of the day before, if a command begins a day.
    fn note_day(&mut self, engine: &Engine) {
        let today = engine.books().last_date();
        let Some(ended) = self.day.replace(today).filter(|day| *day < today) else { return };
        let balances = self.sums.iter().filter_map(|(number, sum)| {
            let account = engine.books().account_view(*number)?;
            let balance = if account.kind.side() == Side::Debit { *sum } else { -*sum };
            Some((account.kind, account.owner, account.currency, balance))
        });
        let digest = trial_balance_digest(balances);
        self.day_ends.insert(ended, digest);
    }

    fn event(&mut self, event: &Event) {
        match event {
            Event::PayoutDropped { payout, .. } => {
                self.dropped.insert(*payout);
            }
            Event::SettlementExecuted { lines, .. } => {
                for PayoutLine { payout, .. } in lines {
                    if self.dropped.contains(payout) {
                        self.violations
                            .push(format!("M7: payout {} was dropped and sent", payout.0));
                    }
                    if !self.sent.insert(*payout) {
                        self.violations.push(format!("M7: payout {} was sent twice", payout.0));
                    }
                }
            }
            Event::PeriodClosed { until, digest, .. } => {
                let end = self.day_ends.range(..=*until).next_back();
                if end.is_none_or(|(_, ours)| ours != digest) {
                    self.violations.push(format!(
                        "M1: the period until {until} was closed with another trial balance than \
                         its postings give"
                    ));
                }
            }
            Event::PayoutConfirmed { payout, .. } => {
                if !self.sent.contains(payout) {
                    self.violations.push(format!("M7: payout {} was never sent", payout.0));
                }
                if !self.confirmed.insert(*payout) {
                    self.violations.push(format!("M7: payout {} was confirmed twice", payout.0));
                }
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use books::{
        BatchTotals, BusinessDate, CloseBatch, PlanId, Posting, PostingStage as Stage, ReleaseDue,
        SellerId, TerminalId,
    };
    use engine::Actor;
    use money::{Amount, Currency};

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

    fn sent(payouts: &[u64]) -> Event {
        let line = |payout: &u64| PayoutLine {
            payout: PayoutId(*payout),
            seller: SellerId(1),
            currency: Currency::CNY,
            gross: 10_000,
            fees: 78,
            refunded: 0,
            returned: 0,
            invoiced: 0,
            compensated: 0,
            vat: 0,
            freight: 0,
            parts: books::StatementParts::default(),
            net: Amount::of(9_922),
        };
        Event::SettlementExecuted { plan: PlanId(1), lines: payouts.iter().map(line).collect() }
    }

    fn violations(events: &[Event]) -> Vec<String> {
        let commands: Vec<_> =
            events.iter().map(|event| (std::slice::from_ref(event), &[][..])).collect();
        audit(&commands).violations
    }

    #[test]
    fn a_payout_confirmed_twice_violates_m7() {
        let once = [sent(&[1, 2, 3]), confirmed(1), confirmed(2), confirmed(3)];
        assert_eq!(violations(&once), Vec::<String>::new());
        let twice = [&once[..], &[confirmed(2)]].concat();
        assert_eq!(violations(&twice), ["M7: payout 2 was confirmed twice"]);
    }

    #[test]
    fn a_payout_sent_twice_or_never_violates_m7() {
        let twice = [sent(&[1, 2]), sent(&[3, 2])];
        assert_eq!(violations(&twice), ["M7: payout 2 was sent twice"]);
        let never = [sent(&[1]), confirmed(2)];
        assert_eq!(violations(&never), ["M7: payout 2 was never sent"]);
    }

    #[test]
    fn a_period_closed_with_another_trial_balance_violates_m1() {
        let (number, until) = (1, BusinessDate(1));
        let close = |digest| Event::PeriodClosed { number, until, digest };
        let complaint = "M1: the period until 1970-01-02 was closed with another trial balance \
                         than its postings give";
        assert_eq!(violations(&[close(Sha256Digest([0; 32]))]), [complaint]);
        let mut audit = JournalAudit::default();
        audit.day_ends.insert(BusinessDate(0), Sha256Digest([7; 32]));
        audit.event(&close(Sha256Digest([7; 32])));
        assert_eq!(audit.violations, Vec::<String>::new());
        audit.event(&close(Sha256Digest([8; 32])));
        assert_eq!(audit.violations, [complaint]);
    }

    #[test]
    fn a_dropped_payout_that_is_sent_violates_m7() {
        let (payout, seller) = (PayoutId(1), SellerId(1));
        let (planned, left) = (Amount::of(9_922), Amount::of(9_921));
        let (plan, currency) = (PlanId(1), Currency::CNY);
        let seller_suspended = false;
        let dropped = Event::PayoutDropped {
            plan,
            payout,
            seller,
            currency,
            planned,
            left,
            seller_suspended,
        };
        assert_eq!(violations(&[dropped.clone(), sent(&[2])]), Vec::<String>::new());
        assert_eq!(violations(&[dropped, sent(&[1])]), ["M7: payout 1 was dropped and sent"]);
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
        assert_eq!(audit(&[(&[], stages), (&[], &[Stage::Voided, Stage::Posted])]).postings, 3);
    }
}
