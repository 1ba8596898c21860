//! Disputed batches whose lines never came: the terminal broke, or was never heard of again. What
//! can be told from the totals alone is put down when the batch is forgotten.
//!
//! A break is a claim: it moves what a network is said to owe (M9). From totals it is raised only
//! where no other network can be meant, because all cards of the batch went over one, and only for
//! the cards. What else differs is cash, which the hub counts (M6), or was paid by QR, of which
//! the wallet's own word is what the books have: there the totals cannot tell which. Whether there
//! is a break or not, the batch stays on a list of open questions until it is answered.

use borsh::{BorshDeserialize, BorshSerialize};
use money::Amount;
use tariff::BusinessDate;

use crate::batches::{Agreement, Listed};
use crate::command::{BreakSide, BreakSubject};
use crate::door::BatchTotals;
use crate::door_view::DisputeView;
use crate::engine::Engine;
use crate::event::{Event, Outcome};
use crate::ids::{BreakId, PersonId, TerminalId};
use crate::records::RailId;

/// A disputed batch that is forgotten.
#[derive(Clone, Debug, BorshSerialize, BorshDeserialize)]
pub(crate) struct Dispute {
    pub ours: BatchTotals,
    pub theirs: BatchTotals,
    pub break_id: Option<BreakId>,
}

/// How much more the terminal has by card than the books, debits less credits, in minor units.
fn more_by_card(ours: &BatchTotals, theirs: &BatchTotals) -> i128 {
    let net = |totals: &BatchTotals| {
        let (debits, credits) = (totals.card_debits.amount, totals.card_credits.amount);
        i128::from(debits.minor()) - i128::from(credits.minor())
    };
    net(theirs) - net(ours)
}

impl Engine {
    /// Puts down what the totals of a terminal's last closed batch tell, if it is still disputed.
    pub(crate) fn leave_disputed(
        &mut self,
        (terminal, number): (TerminalId, u32),
        today: BusinessDate,
        out: &mut Outcome,
    ) {
        let door = self.doors.door(number);
        let closed = door.and_then(|door| door.closed.as_ref());
        let Some(closed) = closed.filter(|closed| closed.agreement == Agreement::Disputed) else {
            return;
        };
        let (batch, theirs) = (closed.batch, closed.theirs);
        let ours = self.doors.totals(&closed.list);
        let net = more_by_card(&ours, &theirs);
        let difference = u64::try_from(net.unsigned_abs()).ok().and_then(Amount::new);
        let side = if net > 0 { BreakSide::Excess } else { BreakSide::Shortfall };
        // A difference beyond every limit is no reason to keep the terminal from closing.
        let break_id = self.only_network(&closed.list).zip(difference).and_then(|found| {
            let (subject, difference) = found;
            let owner = PersonId(0);
            self.raise_own_break((subject, side), difference, (owner, today), out).ok().flatten()
        });
        // A reversal that came after the batch was closed may have answered it.
        if ours != theirs {
            self.disputes.insert((today, number, batch), Dispute { ours, theirs, break_id });
        }
        out.events.push(Event::BatchLeftDisputed { terminal, batch, ours, theirs });
    }

    /// The network that all cards of a batch went over, whatever became of their payments.
    fn only_network(&self, list: &[Listed]) -> Option<BreakSubject> {
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

    /// The disputed batches that are open questions: those that were left so, the oldest first,
    /// until their break is closed or they are forgotten with the parcels of their time; then those
    /// whose lines are still expected. It looks at all terminals.
    pub fn disputes(&self) -> impl Iterator<Item = DisputeView> {
        let is_open = |id: BreakId| self.small.breaks.get(&id).is_some_and(|one| !one.closed);
        let open = self.disputes.iter().filter(move |(_, one)| one.break_id.is_none_or(is_open));
        let left = open.map(|((date, number, batch), one)| DisputeView {
            terminal: self.terminals.get(*number).id,
            batch: *batch,
            ours: one.ours,
            theirs: one.theirs,
            left_on: Some(*date),
            break_id: one.break_id,
        });
        let expected = (0..).zip(self.doors.doors.iter()).filter_map(|(number, door)| {
            let closed = door.closed.as_ref()?;
            (closed.agreement == Agreement::Disputed).then(|| DisputeView {
                terminal: self.terminals.get(number).id,
                batch: closed.batch,
                ours: self.doors.totals(&closed.list),
                theirs: closed.theirs,
                left_on: None,
                break_id: None,
            })
        });
        left.chain(expected)
    }
}
