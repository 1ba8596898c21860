//! M15, over the whole state.

use crate::books::Books;

impl Books {
    /// Lines of a whole file add up to it, and what statements and open movements say of a bank
    /// account is its balance.
    pub(crate) fn check_reconciliation(&self, wrong: &mut Vec<String>) {
        let reconciliation = &self.reference_data.reconciliation;
        for (lane, files) in &reconciliation.lanes {
            for one in &files.files {
                let (sums, begun) = (one.sums, &one.begun);
                let adds_up = sums.total() == i128::from(begun.total.minor());
                let is_whole = sums.lines() == begun.lines && adds_up;
                if sums.lines() > begun.lines || (one.ended.is_some() && !is_whole) {
                    wrong.push(format!(
                        "M15: file {} of {lane:?} has {sums:?}, it says {} lines and {}",
                        begun.file,
                        begun.lines,
                        begun.total.minor()
                    ));
                }
            }
        }
        for bank in self.banks.iter() {
            let Some(one) = reconciliation.banks.get(&bank.id) else {
                if self.ledger.account(bank.account).balance() != 0 {
                    wrong.push(format!("M15: bank account {} has no movement", bank.reference));
                }
                continue;
            };
            let balance = self.ledger.account(bank.account).balance();
            let open: i128 = one.movements.values().map(|open| open.amount).sum();
            if balance != one.on_statements + open {
                wrong.push(format!(
                    "M15: bank account {} has {balance}, its statements say {} and {open} is on \
                     none",
                    bank.reference, one.on_statements
                ));
            }
            let lane = crate::command::FileLane::Bank(bank.id);
            let last = reconciliation.lanes.get(&lane).and_then(|lane| lane.files.back());
            let Some(last) = last.filter(|last| last.ended.is_some()) else { continue };
            let expected: i128 = one.expected.values().map(|one| one.split.expected).sum();
            let opening = one.first_opening.map_or(0, |opening| opening.minor().into());
            if last.closing() != Some(opening + one.on_statements + expected) {
                wrong.push(format!(
                    "M15: the last statement of bank account {} closes with {:?}, its entries \
                     with {}",
                    bank.reference,
                    last.closing(),
                    opening + one.on_statements + expected
                ));
            }
        }
    }
}
