//! Terminal batches, open items, breaks, refunds and chargebacks.

use books::{
    BatchTotals, BreakId, BreakSide, BreakSubject, Command, ContestChargeback, Event, PaymentId,
};

use money::Amount;

use super::{EMPTY, Occurrence, amount, currency, day, id, ids, number, sum};
use crate::catalog::ViewName;
use crate::rows::RowKey;
use crate::value::ViewValue;

fn refund_key(payment: PaymentId, number: u8) -> RowKey {
    RowKey::parcel(payment.parcel, [payment.number.into(), number.into()])
}

fn net(totals: &BatchTotals) -> ViewValue {
    sum(totals.net().into_iter().sum())
}

fn subject(of: BreakSubject) -> (ViewValue, ViewValue) {
    let (kind, subject) = match of {
        BreakSubject::Bank(bank) => ("bank", bank.0),
        BreakSubject::Network(network) => ("network", network.0),
        BreakSubject::Wallet(wallet) => ("wallet", wallet.0),
        BreakSubject::FirmCash(firm) => ("firm", firm.0),
    };
    (kind.into(), id(subject))
}

impl Occurrence<'_> {
    /// `place`: the event's among those of the command.
    pub(super) fn of_difference(&mut self, event: &Event, place: i64) {
        match event {
            Event::Refunded { payment, amount } => self.refund(*payment, "refund", *amount),
            Event::ChargedBack { payment, amount } => {
                // The loss of one that was won is no new one.
                if !matches!(self.given, Command::TakeBackWonChargeback(_)) {
                    self.refund(*payment, "chargeback", *amount);
                }
            }
            Event::ChargebackContested { payment, number } => {
                let Command::ContestChargeback(ContestChargeback { answer_by, .. }) = self.given
                else {
                    return;
                };
                let changes = [("state", "contested".into()), ("answer_by", day(*answer_by))];
                self.change(ViewName::Refunds, refund_key(*payment, *number), changes);
            }
            Event::ChargebackWon { payment, number, .. } => {
                let changes = [("state", "won".into())];
                self.change(ViewName::Refunds, refund_key(*payment, *number), changes);
            }
            Event::ChargebackLost { payment, number } => {
                let changes = [("state", "lost".into())];
                self.change(ViewName::Refunds, refund_key(*payment, *number), changes);
            }
            Event::ChargebackFeeBooked { payment, number, amount: fee, .. } => {
                let changes = [("fee", amount(*fee))];
                self.change(ViewName::Refunds, refund_key(*payment, *number), changes);
            }
            Event::RefundPaid { payment, amount: of } => {
                self.refund_answer(*payment, place, "paid", amount(*of));
            }
            Event::RefundForwarded { payment, amount: of } => {
                self.refund_answer(*payment, place, "forwarded", amount(*of));
            }
            Event::RefundRejected { payment, amount: of, .. } => {
                self.refund_answer(*payment, place, "rejected", amount(*of));
            }
            _ => self.of_terminal(event),
        }
    }

    fn refund(&mut self, payment: PaymentId, kind: &'static str, of: Amount) {
        let last = self.books.refund_count(payment).unwrap_or(0);
        let row = [kind.into(), "booked".into(), amount(of), day(self.day), EMPTY, EMPTY];
        self.begin(ViewName::Refunds, refund_key(payment, last), row);
    }

    fn refund_answer(
        &mut self,
        payment: PaymentId,
        place: i64,
        answer: &'static str,
        of: ViewValue,
    ) {
        let row = [
            number(self.batch),
            number(self.place),
            number(place),
            ViewValue::Parcel(payment.parcel),
            number(payment.number),
            answer.into(),
            of,
        ];
        self.rows.add(ViewName::RefundPayments, row);
    }

    fn of_terminal(&mut self, event: &Event) {
        match event {
            Event::BatchOpened { terminal, batch } => {
                let view = self.books.terminal_view(*terminal).expect("it has a batch");
                let of = currency(view.currency);
                let row = ["open".into(), id(view.courier.0), of, EMPTY, EMPTY, EMPTY];
                self.begin(ViewName::Batches, ids([terminal.0, (*batch).into()]), row);
            }
            Event::BatchAgreed { terminal, batch, totals } => {
                let changes =
                    [("state", "agreed".into()), ("ours", net(totals)), ("theirs", net(totals))];
                self.change(ViewName::Batches, ids([terminal.0, (*batch).into()]), changes);
            }
            Event::BatchDisputed { terminal, batch, ours, theirs } => {
                let changes =
                    [("state", "disputed".into()), ("ours", net(ours)), ("theirs", net(theirs))];
                self.change(ViewName::Batches, ids([terminal.0, (*batch).into()]), changes);
            }
            Event::BatchLeftDisputed { terminal, batch, .. } => {
                let changes = [("state", "left disputed".into())];
                self.change(ViewName::Batches, ids([terminal.0, (*batch).into()]), changes);
            }
            Event::BatchReconciled { terminal, batch, differences } => {
                let changes =
                    [("state", "reconciled".into()), ("differences", number(*differences))];
                self.change(ViewName::Batches, ids([terminal.0, (*batch).into()]), changes);
            }
            Event::OpenItemOpened { item, terminal, batch } => {
                let owner = self.books.open_items().find(|one| one.id == *item);
                let owner = owner.map(|one| id(one.owner.0)).into();
                let row = ["open".into(), id(terminal.0), number(*batch), day(self.day), owner];
                self.begin(ViewName::OpenItems, ids([item.0]), row);
            }
            Event::OpenItemClosed { item } => {
                self.change(ViewName::OpenItems, ids([item.0]), [("state", "closed".into())]);
            }
            _ => self.of_break(event),
        }
    }

    fn of_break(&mut self, event: &Event) {
        let (key, changes) = match event {
            Event::BreakRaised { break_id, .. } => return self.raised(*break_id),
            Event::BreakResolutionProposed { break_id } => {
                (break_id, vec![("state", "proposed".into())])
            }
            Event::BreakClosed { break_id, .. } => {
                (break_id, vec![("state", "closed".into()), ("amount", number(0))])
            }
            Event::BreakWithdrawn { break_id, .. } => {
                (break_id, vec![("state", "withdrawn".into()), ("amount", number(0))])
            }
            Event::BreakReduced { break_id, left, .. } => {
                (break_id, vec![("state", "open".into()), ("amount", amount(*left))])
            }
            Event::BreakAssigned { break_id, owner } => (break_id, vec![("owner", id(owner.0))]),
            Event::BreakReclassified { break_id, subject: to, .. } => {
                let (kind, of) = subject(*to);
                (break_id, vec![("subject_kind", kind), ("subject", of)])
            }
            _ => return,
        };
        self.rows.change(ViewName::Breaks, ids([key.0]), self.batch, changes);
    }

    fn raised(&mut self, break_id: BreakId) {
        let view = self.books.break_view(break_id).expect("it was raised");
        let (kind, of) = subject(view.subject);
        let side = match view.side {
            BreakSide::Excess => "excess",
            BreakSide::Shortfall => "shortfall",
        };
        let row = [
            "open".into(),
            kind,
            of,
            side.into(),
            currency(view.currency),
            amount(view.raised),
            amount(view.amount),
            day(view.opened),
            id(view.owner.0),
        ];
        self.begin(ViewName::Breaks, ids([break_id.0]), row);
    }
}
