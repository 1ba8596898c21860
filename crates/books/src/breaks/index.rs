//! The open breaks of lines, by rail and by payment.

use std::collections::BTreeSet;

use crate::breaks::record::{Break, LineDifference};
use crate::command::{BreakSide, RailId};
use crate::ids::{BreakId, PaymentId};
use crate::reference_data::ReferenceData;

#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct LineBreaks {
    /// Fee differences by rail. The flag: more was deducted than the tariff allows.
    fees: BTreeSet<(RailId, bool, BreakId)>,
    of_payments: BTreeSet<(PaymentId, BreakId)>,
}

impl LineBreaks {
    pub(crate) fn of(small: &ReferenceData) -> LineBreaks {
        let mut index = LineBreaks::default();
        small.breaks.iter().for_each(|(id, record)| index.add(*id, record));
        index
    }

    /// Adds a break, if it is an open one of a line.
    pub(crate) fn add(&mut self, id: BreakId, record: &Break) {
        let Some(evidence) = record.evidence.as_deref().filter(|_| record.is_open()) else {
            return;
        };
        if evidence.difference == LineDifference::Fee {
            self.fees.insert((evidence.line.rail, record.side == BreakSide::Shortfall, id));
        }
        self.of_payments.extend(evidence.line.payment.map(|payment| (payment, id)));
    }

    /// Removes a break that is not open any more.
    pub(crate) fn remove(&mut self, id: BreakId, record: &Break) {
        let Some(evidence) = record.evidence.as_deref() else { return };
        self.fees.remove(&(evidence.line.rail, record.side == BreakSide::Shortfall, id));
        if let Some(payment) = evidence.line.payment {
            self.of_payments.remove(&(payment, id));
        }
    }

    /// A rail's fee differences of one side, oldest first.
    pub(crate) fn fees(&self, rail: RailId, too_much: bool) -> impl Iterator<Item = BreakId> {
        let ids = (rail, too_much, BreakId(0))..=(rail, too_much, BreakId(u64::MAX));
        self.fees.range(ids).map(|(_, _, id)| *id)
    }

    /// The breaks of a payment's lines, oldest first.
    pub(crate) fn of_payment(&self, payment: PaymentId) -> impl Iterator<Item = BreakId> {
        let ids = (payment, BreakId(0))..=(payment, BreakId(u64::MAX));
        self.of_payments.range(ids).map(|(_, id)| *id)
    }
}
