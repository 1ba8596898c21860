//! What moves a bank account in the books, until a statement shows it.

use ledger::AccountNumber;
use tariff::BusinessDate;

use crate::books::Books;
use crate::chart::AccountKind;
use crate::command::{BankMovement, BreakResolution, Command};
use crate::event::CommandOutcome;
use crate::ids::BankId;
use crate::reconciliation::record::OpenMovement;

/// What a command moves, if it moves a bank account and no entry of a statement is its cause.
fn movement_of(command: &Command) -> Option<BankMovement> {
    use BankMovement as M;
    use Command as C;
    Some(match *command {
        C::ClearLine(ref one) => M::ClearingFile { rail: one.rail, file: one.file },
        C::ConfirmDeposit(ref one) => M::Deposit(one.deposit),
        C::ConfirmPayout(ref one) => M::Payout(one.payout),
        C::ReturnPayout(ref one) => M::ReturnedPayout(one.payout),
        C::ConfirmRefund(ref one) => M::Refund { payment: one.payment, number: one.number },
        C::PayCommission(ref one) => M::Commission { firm: one.firm, number: one.number },
        C::PayTax(ref one) => M::Tax(one.number),
        C::RecordSellerPayment(ref one) => M::InvoicePayment {
            seller: one.seller,
            invoice: one.invoice,
            number: one.number,
            currency: one.currency,
        },
        C::PostAdjustment(ref one) => M::Adjustment(one.number),
        C::RaiseBreak(ref one) => M::Break(one.break_id),
        C::WithdrawBreak(ref one) => M::Break(one.break_id),
        C::ReclassifyBreak(ref one) => M::Break(one.break_id),
        C::ApproveBreakResolution(ref one) => match one.resolution {
            BreakResolution::ToMovement(_) => return None,
            _ => M::BreakClosed(one.break_id),
        },
        _ => return None,
    })
}

impl Books {
    /// Notes what an applied command moved in bank accounts.
    pub(crate) fn note_bank_movements(
        &mut self,
        command: &Command,
        out: &CommandOutcome,
        today: BusinessDate,
    ) {
        let Some(movement) = movement_of(command) else { return };
        for posting in out.postings.iter().filter(|posting| posting.moves_money()) {
            let amount = i128::from(posting.amount.minor());
            for (account, amount) in [(posting.debit, amount), (posting.credit, -amount)] {
                if let Some(bank) = self.bank_of_account(account) {
                    self.add_movement(bank, movement, amount, today);
                }
            }
        }
    }

    /// The bank whose account it is.
    pub(crate) fn bank_of_account(&self, account: AccountNumber) -> Option<BankId> {
        let is_bank = self.ledger.account(account).code() == AccountKind::Bank.code();
        let owner = self.ledger.owners.get(account.0 as usize).filter(|_| is_bank)?;
        Some(BankId(*owner))
    }

    /// Adds to what no statement shows. Opposite amounts of one movement cancel out.
    pub(crate) fn add_movement(
        &mut self,
        bank: BankId,
        movement: BankMovement,
        amount: i128,
        today: BusinessDate,
    ) {
        let banks = &mut self.reference_data.reconciliation.banks;
        let new = OpenMovement { amount: 0, since: today };
        let movements = &mut banks.entry(bank).or_default().movements;
        let open = movements.entry(movement).or_insert(new);
        open.amount += amount;
        if open.amount == 0 {
            movements.remove(&movement);
        }
    }

    pub(crate) fn open_movement(&self, bank: BankId, movement: BankMovement) -> Option<i128> {
        let bank = self.reference_data.reconciliation.banks.get(&bank)?;
        bank.movements.get(&movement).map(|open| open.amount)
    }
}
