//! Whether everybody's books agree: the engine's, the networks' and the terminals'.

use std::collections::BTreeSet;

use engine::door_view::TransactionView;
use engine::view::TenderState;
use engine::{Event, Method, TenderId, TerminalId, Trace, TransactionKind};
use peers::Heard;
use peers::book::{Kind, State};
use peers::terminal::Standing;

use super::{NETWORKS, World};

/// One item in somebody's books: the network, its numbers there, what it is, and the amount.
type Entry = (usize, u32, u64, &'static str, u64);

impl World {
    /// Every transaction of the terminals' open and last batches.
    pub fn transactions(&self) -> Vec<TransactionView> {
        let mut all = Vec::new();
        for pos in &self.terminals {
            let terminal = TerminalId(u64::from(pos.terminal.number()));
            let newest = self.engine.terminal_view(terminal).map_or(0, |view| view.batch);
            for batch in newest.saturating_sub(1).max(1)..=newest {
                let stans = 1..=pos.terminal.last_stan();
                let trace = |stan| Trace { terminal, batch, stan };
                all.extend(stans.filter_map(|stan| self.engine.transaction(trace(stan))));
            }
        }
        all
    }

    fn ours(&self) -> BTreeSet<Entry> {
        let mut ours = BTreeSet::new();
        for one in self.transactions() {
            let Some(Method::Card { network, .. }) = one.method else { continue };
            let place = NETWORKS.iter().position(|known| *known == network).unwrap();
            let kind = match (one.kind, one.state) {
                _ if !one.stands => continue,
                (TransactionKind::Sale, TenderState::Approved) => "sale",
                (TransactionKind::Completion, TenderState::Approved) => "completion",
                (TransactionKind::Advice, TenderState::Approved) => "offline",
                (TransactionKind::PreAuthorisation, TenderState::Authorised) => "pre-authorisation",
                (TransactionKind::Void, TenderState::Reversed) => "void",
                _ => continue,
            };
            ours.insert((place, one.sent.stan, one.sent.at.0 / 1000, kind, one.amount.minor()));
        }
        ours
    }

    fn theirs(&self) -> BTreeSet<Entry> {
        let mut theirs = BTreeSet::new();
        for (place, net) in self.nets.iter().enumerate() {
            let standing = net.peer.book().items().filter(|item| item.state == State::Approved);
            for item in standing.filter(|item| item.kind != Kind::Refund) {
                let kind = match item.kind {
                    Kind::VoidPreAuthorisation => "void",
                    kind => kind.name(),
                };
                let (stan, at) = (item.reference.stan, item.sent_ms / 1000);
                theirs.insert((place, stan, at, kind, item.amount.minor()));
            }
        }
        theirs
    }

    /// What is wrong, when everything is over. Nothing where all books agree.
    pub fn disagreements(&self) -> Vec<String> {
        let mut wrong = self.engine.check().err().unwrap_or_default();
        if self.engine.unknown_count() > 0 {
            wrong.push("M4: something is unknown".into());
        }
        let chased = self.engine.to_chase().count();
        if chased > 0 || self.switch.chased() > 0 || self.switch.in_flight() > 0 {
            wrong.push(format!(
                "M4: the books chase {chased}, the switch {}, {} in flight",
                self.switch.chased(),
                self.switch.in_flight()
            ));
        }
        let (ours, theirs) = (self.ours(), self.theirs());
        let only_ours = ours.difference(&theirs).map(|one| format!("only in our books: {one:?}"));
        wrong.extend(only_ours);
        let only_theirs = theirs.difference(&ours);
        wrong.extend(only_theirs.map(|one| format!("only in a network's books: {one:?}")));
        // A refund that the network refuses stays owed: it is paid through a bank.
        let forwarded = self.events.iter().map(|event| match event {
            Event::RefundForwarded { amount, .. } => u128::from(amount.minor()),
            _ => 0,
        });
        let refunded = self.nets.iter().map(|net| net.peer.book().totals().refunded.amount);
        if forwarded.sum::<u128>() != refunded.sum::<u128>() {
            wrong.push("the networks have other refunds than the books".into());
        }
        for place in 0..self.terminals.len() {
            self.compare_terminal(place, &mut wrong);
        }
        wrong
    }

    fn compare_terminal(&self, place: usize, wrong: &mut Vec<String>) {
        let pos = &self.terminals[place].terminal;
        let terminal = TerminalId(u64::from(pos.number()));
        if pos.must_sign_on() && pos.journal().is_empty() {
            return;
        }
        for line in pos.journal() {
            let receipt = line.receipt;
            let trace = Trace { terminal, batch: receipt.batch, stan: receipt.stan };
            let view = self.engine.transaction(trace);
            let stands = view.is_some_and(|view| view.stands);
            let believed = line.standing == Standing::Stands;
            // A hold may be gone without the terminal's knowing: it is told when it completes it.
            let hold = view.is_some_and(|view| view.kind == TransactionKind::PreAuthorisation);
            if believed != stands && !hold {
                wrong.push(format!("a terminal believes of {receipt:?}: {:?}", line.standing));
            }
        }
        let (mut theirs, ours) = (pos.totals(), self.engine.batch_totals(terminal, pos.batch()));
        for stan in self.told_that_they_stand(place) {
            let trace = Trace { terminal, batch: pos.batch(), stan };
            let Some(void) = self.engine.transaction(trace) else { continue };
            let by_card = matches!(void.method, Some(Method::Card { .. }));
            // That of a pre-authorisation counts nowhere.
            let took = self.transactions().into_iter().any(|one| {
                let kind =
                    !matches!(one.kind, TransactionKind::Void | TransactionKind::PreAuthorisation);
                one.tender == void.tender && one.stands && kind
            });
            let counts = self.standing(place, stan).is_none() && took;
            let sums = if by_card { &mut theirs.card_credits } else { &mut theirs.other_credits };
            sums.count += u32::from(counts);
            sums.amount += if counts { void.amount.minor() } else { 0 };
        }
        let Some(ours) = ours else { return };
        let pairs = [
            (theirs.card_debits, ours.card_debits),
            (theirs.card_credits, ours.card_credits),
            (theirs.other_debits, ours.other_debits),
            (theirs.other_credits, ours.other_credits),
        ];
        if pairs.iter().any(|(a, b)| (a.count, a.amount) != (b.count, b.amount.minor())) {
            wrong.push(format!("totals of terminal {}: {theirs:?}, books {ours:?}", terminal.0));
            let standing = self.transactions().into_iter().filter(|one| one.stands);
            for one in standing.filter(|one| one.trace.terminal == terminal) {
                let (stan, kind, believed) =
                    (one.trace.stan, one.kind, self.standing(place, one.trace.stan));
                wrong.push(format!("  in the books stands {stan} {kind:?}, there {believed:?}"));
            }
        }
    }

    /// Voids whose reversal was answered with that they stand: nobody heard their first answer.
    fn told_that_they_stand(&self, place: usize) -> Vec<u32> {
        let heard = self.terminals[place].heard.iter();
        let told = heard.filter_map(|heard| match heard {
            Heard::Reversed { stan, code: [b'1', b'2'] } => Some(*stan),
            _ => None,
        });
        told.collect()
    }

    /// Lets everything come to its end, and demands that all books agree.
    pub fn agree(&mut self) {
        self.quiet();
        let wrong = self.disagreements();
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }

    pub fn tender_state(&self, tender: TenderId) -> TenderState {
        let tenders = self.engine.tenders(tender.parcel);
        tenders.into_iter().find(|one| one.id == tender).expect("the tender is there").state
    }

    pub fn state(&self, place: usize, stan: u32) -> TenderState {
        self.engine.transaction(self.trace(place, stan)).expect("it is remembered").state
    }

    pub fn collected(&self, parcel: engine::ParcelId) -> u64 {
        self.engine.parcel_view(parcel).expect("the parcel is known").collected.minor()
    }
}
