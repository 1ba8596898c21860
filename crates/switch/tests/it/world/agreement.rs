//! Whether the books of the engine, the networks and the terminals agree.

use std::collections::BTreeSet;

use books::terminal_view::TransactionView;
use books::view::PaymentState;
use books::{Event, PaymentId, PaymentRoute, Stan, TerminalId, Trace, TransactionKind};
use peers::ledger::{NetworkTransactionKind, NetworkTransactionState};
use peers::terminal::JournalLineStatus;
use peers::{ResponseCode, TerminalOutcome};

use super::{NETWORKS, World};

/// One transaction at a network, STAN, seconds, kind and amount.
type Entry = (usize, u32, u64, &'static str, u64);

impl World {
    /// All transactions of the terminals' open and last batches.
    pub fn transactions(&self) -> Vec<TransactionView> {
        let mut all = Vec::new();
        for pos in &self.terminals {
            let terminal = TerminalId(u64::from(pos.terminal.number()));
            let newest = self.engine.terminal_view(terminal).map_or(0, |view| view.batch);
            for batch in newest.saturating_sub(1).max(1)..=newest {
                let stans = 1..=pos.terminal.last_stan();
                let trace = |stan| Trace { terminal, batch, stan: Stan::of(stan) };
                all.extend(stans.filter_map(|stan| self.engine.transaction(trace(stan))));
            }
        }
        all
    }

    fn ours(&self) -> BTreeSet<Entry> {
        let mut ours = BTreeSet::new();
        for one in self.transactions() {
            let Some(PaymentRoute::Card { network, .. }) = one.route else { continue };
            let place = NETWORKS.iter().position(|known| *known == network).unwrap();
            let kind = match (one.kind, one.payment_state) {
                _ if !one.counts_in_batch => continue,
                (TransactionKind::Sale, PaymentState::Approved) => "sale",
                (TransactionKind::Completion, PaymentState::Approved) => "completion",
                (TransactionKind::Advice, PaymentState::Approved) => "offline",
                (TransactionKind::PreAuthorisation, PaymentState::Authorised) => {
                    "pre-authorisation"
                }
                (TransactionKind::Void, PaymentState::Reversed) => "void",
                _ => continue,
            };
            let sent = one.network_reference.unwrap();
            ours.insert((place, sent.stan.get(), sent.sent_at.0 / 1000, kind, one.amount.minor()));
        }
        ours
    }

    fn theirs(&self) -> BTreeSet<Entry> {
        let mut theirs = BTreeSet::new();
        for (place, net) in self.networks.iter().enumerate() {
            let status = net
                .peer
                .book()
                .items()
                .filter(|item| item.state == NetworkTransactionState::Approved);
            for item in status.filter(|item| item.kind != NetworkTransactionKind::Refund) {
                let kind = match item.kind {
                    NetworkTransactionKind::VoidPreAuthorisation => "void",
                    kind => kind.name(),
                };
                let (stan, at) = (item.reference.stan, item.sent_ms / 1000);
                theirs.insert((place, stan, at, kind, item.amount.minor()));
            }
        }
        theirs
    }

    /// Disagreements between the books after the end. Empty if all agree.
    pub fn disagreements(&self) -> Vec<String> {
        let mut wrong = self.engine.check().err().unwrap_or_default();
        if self.engine.unknown_count() > 0 {
            wrong.push("M4: an outcome is unknown".into());
        }
        let pending: Vec<_> = self.engine.pending_requests().collect();
        if !pending.is_empty() || self.switch.queued_reversals() > 0 || self.switch.in_flight() > 0
        {
            wrong.push(format!(
                "M4: {pending:?} pending in the books, {} queued in the switch, {} in flight",
                self.switch.queued_reversals(),
                self.switch.in_flight()
            ));
        }
        let (ours, theirs) = (self.ours(), self.theirs());
        let only_ours = ours.difference(&theirs).map(|one| format!("only in our books: {one:?}"));
        wrong.extend(only_ours);
        let only_theirs = theirs.difference(&ours);
        wrong.extend(only_theirs.map(|one| format!("only in a network's books: {one:?}")));
        // A refund that the network rejects stays owed and is paid through a bank.
        let forwarded = self.events.iter().map(|event| match event {
            Event::RefundForwarded { amount, .. } => u128::from(amount.minor()),
            _ => 0,
        });
        let refunded = self.networks.iter().map(|net| net.peer.book().totals().refunded.amount);
        if forwarded.sum::<u128>() != refunded.sum::<u128>() {
            wrong.push("the refunds of the networks and the books differ".into());
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
            let trace = Trace { terminal, batch: receipt.batch, stan: Stan::of(receipt.stan) };
            let view = self.engine.transaction(trace);
            let stands = view.is_some_and(|view| view.counts_in_batch);
            let believed = line.status == JournalLineStatus::Effective;
            // A pre-authorisation may expire unnoticed: the terminal learns it at the completion.
            let hold = view.is_some_and(|view| view.kind == TransactionKind::PreAuthorisation);
            if believed != stands && !hold {
                wrong.push(format!("the terminal has {receipt:?} as {:?}", line.status));
            }
        }
        let (mut theirs, ours) = (pos.totals(), self.engine.batch_totals(terminal, pos.batch()));
        for stan in self.voids_reported_as_standing(place) {
            let trace = Trace { terminal, batch: pos.batch(), stan: Stan::of(stan) };
            let Some(void) = self.engine.transaction(trace) else { continue };
            let by_card = matches!(void.route, Some(PaymentRoute::Card { .. }));
            // The void of a pre-authorisation is not in the totals.
            let took = self.transactions().into_iter().any(|one| {
                let kind =
                    !matches!(one.kind, TransactionKind::Void | TransactionKind::PreAuthorisation);
                one.payment == void.payment && one.counts_in_batch && kind
            });
            let counts = self.receipt_status(place, stan).is_none() && took;
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
            let status = self.transactions().into_iter().filter(|one| one.counts_in_batch);
            for one in status.filter(|one| one.trace.terminal == terminal) {
                let (stan, kind, believed) =
                    (one.trace.stan, one.kind, self.receipt_status(place, one.trace.stan.get()));
                wrong.push(format!(
                    "  standing in the books: {stan} {kind:?}, at the terminal: {believed:?}"
                ));
            }
        }
    }

    /// STANs of voids that stand, because their reversal came too late: the terminal learns it from
    /// the code 12.
    fn voids_reported_as_standing(&self, place: usize) -> Vec<u32> {
        let heard = self.terminals[place].responses.iter();
        let told = heard.filter_map(|heard| match heard {
            TerminalOutcome::Reversed { stan, code: ResponseCode::INVALID_TRANSACTION } => {
                Some(*stan)
            }
            _ => None,
        });
        told.collect()
    }

    /// Runs everything to its end and asserts that all books agree.
    pub fn assert_books_agree(&mut self) {
        self.run_until_idle();
        let wrong = self.disagreements();
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }

    pub fn payment_state(&self, payment: PaymentId) -> PaymentState {
        let payments = self.engine.payments(payment.parcel);
        payments.into_iter().find(|one| one.id == payment).expect("the payment exists").state
    }

    pub fn state(&self, place: usize, stan: u32) -> PaymentState {
        self.engine
            .transaction(self.trace(place, stan))
            .expect("the transaction is kept")
            .payment_state
    }

    pub fn collected(&self, parcel: books::ParcelId) -> u64 {
        self.engine.parcel_view(parcel).expect("the parcel is known").collected.minor()
    }
}
