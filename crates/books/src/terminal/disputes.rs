//! Disputed batches whose lines never came, because the terminal broke or disappeared. What the
//! totals show is recorded when the batch is forgotten.
//!
//! A break is a claim: it changes what a network owes in the books (M9). Totals justify one only
//! for cards, and only if all cards of the batch went over one network. Other differences are cash,
//! which the hub counts (M6), or QR, which the wallet reports itself. With or without a break, the
//! batch stays on the list of open questions until it is explained.

use borsh::{BorshDeserialize, BorshSerialize};
use money::Amount;
use tariff::BusinessDate;

use crate::books::Books;
use crate::breaks::record::{Break, Difference};
use crate::command::{BreakSide, BreakSubject};
use crate::event::{CommandOutcome, Event};
use crate::ids::{BreakId, PersonId, TerminalId};
use crate::party::record::RailId;
use crate::terminal::batches::{BatchAgreement, BatchEntry};
use crate::terminal::transaction::BatchTotals;
use crate::terminal::view::DisputeView;

#[derive(Clone, Debug, BorshSerialize, BorshDeserialize)]
pub(crate) struct Dispute {
    pub ours: BatchTotals,
    pub theirs: BatchTotals,
    pub break_id: Option<BreakId>,
}

/// Card totals of the terminal minus those of the books, debits less credits, in minor units.
fn card_difference(ours: &BatchTotals, theirs: &BatchTotals) -> i128 {
    let net = |totals: &BatchTotals| {
        let (debits, credits) = (totals.card_debits.amount, totals.card_credits.amount);
        i128::from(debits.minor()) - i128::from(credits.minor())
    };
    net(theirs) - net(ours)
}

impl Books {
    /// Records the dispute of a terminal's last closed batch, if it is still disputed.
    pub(crate) fn record_dispute(
        &mut self,
        terminal: TerminalId,
        number: u32,
        today: BusinessDate,
        out: &mut CommandOutcome,
    ) {
        let terminal_state = self.terminal_batches.terminal(number);
        let closed = terminal_state.and_then(|terminal_state| terminal_state.closed_batch.as_ref());
        let Some(closed) = closed.filter(|closed| closed.agreement == BatchAgreement::Disputed)
        else {
            return;
        };
        let (batch, theirs) = (closed.batch, closed.theirs);
        let ours = self.terminal_batches.totals(&closed.entries);
        let net = card_difference(&ours, &theirs);
        let difference = u64::try_from(net.unsigned_abs()).ok().and_then(Amount::new);
        let side = if net > 0 { BreakSide::Excess } else { BreakSide::Shortfall };
        // A difference beyond the limits must not stop the terminal from closing.
        let break_id = self.only_network(&closed.entries).zip(difference).and_then(|found| {
            let (subject, difference) = found;
            let difference = Difference { subject, side, amount: difference };
            self.raise_automatic_break(difference, PersonId(0), today, out).ok().flatten()
        });
        // A reversal after the batch closed may have explained the difference.
        if ours != theirs {
            self.disputes.insert((today, number, batch), Dispute { ours, theirs, break_id });
        }
        out.events.push(Event::BatchLeftDisputed { terminal, batch, ours, theirs });
    }

    /// The network of all cards in a batch, if there is only one. Failed payments count too.
    fn only_network(&self, list: &[BatchEntry]) -> Option<BreakSubject> {
        let mut networks =
            list.iter().filter_map(|listed| match self.rail_of_transaction(listed.slot) {
                Some(RailId::Network(network)) => Some(network),
                _ => None,
            });
        let first = networks.next()?;
        networks.all(|other| other == first).then_some(BreakSubject::Network(first))
    }

    pub(crate) fn forget_disputes(&mut self, before: BusinessDate) {
        self.disputes = self.disputes.split_off(&(before, 0, 0));
    }

    /// Unexplained disputed batches. First the forgotten ones, oldest first, until their break is
    /// closed or they are forgotten with the parcels of their time. Then those whose lines are
    /// still expected. Scans all terminals.
    pub fn disputes(&self) -> impl Iterator<Item = DisputeView> {
        let is_open = |id: BreakId| self.reference_data.breaks.get(&id).is_some_and(Break::is_open);
        let open = self.disputes.iter().filter(move |(_, one)| one.break_id.is_none_or(is_open));
        let left = open.map(|((date, number, batch), one)| DisputeView {
            terminal: self.terminals.get(*number).id,
            batch: *batch,
            ours: one.ours,
            theirs: one.theirs,
            abandoned_on: Some(*date),
            break_id: one.break_id,
        });
        let expected = (0..).zip(self.terminal_batches.terminals.iter()).filter_map(
            |(number, terminal_state)| {
                let closed = terminal_state.closed_batch.as_ref()?;
                (closed.agreement == BatchAgreement::Disputed).then(|| DisputeView {
                    terminal: self.terminals.get(number).id,
                    batch: closed.batch,
                    ours: self.terminal_batches.totals(&closed.entries),
                    theirs: closed.theirs,
                    abandoned_on: None,
                    break_id: None,
                })
            },
        );
        left.chain(expected)
    }
}
