//! What terminals did, checked over the whole state: each transaction is where it should be, and
//! everything that somebody has to be asked about is chased exactly once (M4).

use std::collections::BTreeMap;

use crate::batches::{Door, Listed, Standing, Transaction};
use crate::door::{TRACE_NUMBER_MAX, TRANSACTIONS_PER_BATCH_MAX, TransactionKind as Kind};
use crate::door_view::{ChaseKind, chase_kind};
use crate::engine::Engine;
use crate::ids::TenderId;
use crate::records::{Means, Progress};

impl Engine {
    pub(crate) fn check_doors(&self, wrong: &mut Vec<String>) {
        self.check_lists(wrong);
        self.check_unheard(wrong);
        self.check_chased(wrong);
        self.check_promises(wrong);
    }

    /// Each transaction is listed in its terminal's batch once, or outlasts it.
    fn check_lists(&self, wrong: &mut Vec<String>) {
        let mut listed = 0;
        let mut unanswered = vec![0_u128; self.doors.doors.len()];
        for (_, one) in self.doors.transactions.iter() {
            if one.chased && one.kind == Kind::Advice && one.standing == Standing::Stands {
                unanswered[one.terminal as usize] += u128::from(one.amount.minor());
            }
        }
        for ((number, door), unanswered) in (0..).zip(self.doors.doors.iter()).zip(unanswered) {
            let terminal = self.terminals.get(number).id.0;
            let closed = door.closed.as_ref().map(|closed| (closed.batch, &closed.list[..]));
            let open = door.open.then_some((door.batch, &door.list[..]));
            for (batch, list) in open.into_iter().chain(closed) {
                listed += list.len();
                let in_place = |one: &Listed| {
                    let is = self.doors.transactions.get(one.slot);
                    is.is_some_and(|is| is.listed && is.place() == (number, batch, one.stan))
                };
                let in_order = list.windows(2).all(|pair| pair[0].stan < pair[1].stan);
                if !in_order || !list.iter().all(in_place) {
                    wrong.push(format!("M4: terminal {terminal} miskeeps its batch {batch}"));
                }
            }
            if !closed_well(door) || u128::from(door.offline_unanswered.minor()) != unanswered {
                wrong.push(format!("M4: terminal {terminal} miscounts its offline sales"));
            }
        }
        let should = self.doors.transactions.iter().filter(|(_, one)| one.listed).count();
        let lost = |one: &Transaction| !one.listed && !one.outlasts_batches();
        let lost = self.doors.transactions.iter().filter(|(_, one)| lost(one)).count();
        if listed != should || lost > 0 {
            wrong.push(format!(
                "M4: {listed} transactions stand in batches, {should} say so, {lost} are lost"
            ));
        }
    }

    /// What was reversed unheard is a free number of an open batch, and they have a limit.
    fn check_unheard(&self, wrong: &mut Vec<String>) {
        let mut counts: BTreeMap<u32, usize> = BTreeMap::new();
        for (number, stan) in &self.doors.unheard {
            *counts.entry(*number).or_default() += 1;
            let open = self.doors.door(*number).filter(|door| door.open);
            let free = open.is_some_and(|door| {
                self.doors.find(*number, door.batch, *stan).is_none()
                    && (1..=TRACE_NUMBER_MAX).contains(stan)
            });
            if !free {
                wrong.push(format!("M10: terminal number {number} miskeeps its reversal {stan}"));
            }
        }
        if counts.values().any(|count| *count > TRANSACTIONS_PER_BATCH_MAX) {
            wrong.push("M10: a terminal has too many reversals of what never came".into());
        }
    }

    /// What is chased is what waits for an answer, and each thing that waits is chased once.
    fn check_chased(&self, wrong: &mut Vec<String>) {
        let mut chased: BTreeMap<TenderId, u32> = BTreeMap::new();
        for (slot, one) in self.doors.transactions.iter() {
            let tender = one.tender();
            let item = self.find_tender(tender).map(|(slot, _)| self.item(slot));
            let Ok(item) = item else {
                wrong.push(format!("M4: transaction {slot} is about a tender that is not there"));
                continue;
            };
            let why = chase_kind(one.kind, item.progress);
            let waits = matches!(why, Some(ChaseKind::Begun | ChaseKind::Unknown))
                || one.standing == Standing::Waiting;
            let chased_well = if one.chased { why.is_some() } else { !waits };
            let found = self.doors.find_old(one.terminal, one.batch, one.stan) == Some(slot);
            if !chased_well || !found || one.chased != self.doors.chased.contains(&slot) {
                let id = tender.parcel.bits();
                wrong.push(format!("M4: a transaction of parcel {id:032x} is not chased well"));
            }
            if one.chased && one.kind != Kind::Refund {
                *chased.entry(tender).or_default() += 1;
            }
        }
        for (_, item) in self.items.iter() {
            let times = chased.get(&item.tender()).copied().unwrap_or(0);
            // What no terminal asked for is begun and unknown without a transaction.
            let right = match item.progress {
                Progress::Completing(_)
                | Progress::CompletionUnknown(_)
                | Progress::TakingBack(_)
                | Progress::Releasing(..) => times == 1,
                // Paid after its end, it is given back.
                Progress::Declined if item.means == Means::Qr => times <= 1,
                Progress::Authorised(_)
                | Progress::Declined
                | Progress::Reversed
                | Progress::Expired => times == 0,
                _ => times <= 1,
            };
            if !right && item.number > 0 {
                let id = item.parcel.bits();
                wrong.push(format!("M4: a payment of parcel {id:032x} is chased {times} times"));
            }
        }
    }
}

/// A batch that is closed has its transactions among the closed ones.
fn closed_well(door: &Door) -> bool {
    door.open || door.list.is_empty()
}
