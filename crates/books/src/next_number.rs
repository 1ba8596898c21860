//! The numbers and ids that a sender can use next.

use money::Currency;

use crate::books::Books;
use crate::breaks::record::Difference;
use crate::command::{Command, FIRST_AUTOMATIC_BREAK, RaiseBreak};
use crate::ids::{
    BreakId, CourierId, DepositId, HandOverId, ParcelId, PaymentId, PersonId, PlanId, SellerId,
    TerminalId,
};
use crate::payment::record::{PaymentRecord, RefundKind};
use crate::used_numbers::UsedNumbers;

impl Books {
    /// The next number for a numbered command: the last number plus 1. The number in the command
    /// itself does not matter. `None` if the command has no number, or if what it numbers is not
    /// known.
    #[must_use]
    pub fn next_number(&self, command: &Command) -> Option<u64> {
        use Command as C;
        let last = match command {
            C::RecordAttempt(one) => return self.next_attempt(one.parcel),
            C::Refund(one) => self.last_refund(one.payment)?,
            C::RefundByTwoPersons(one) => self.last_refund(one.payment)?,
            C::ChargeBack(one) => self.last_refund(one.payment)?,
            C::TakeCashByPhone(one) => u32::from(self.last_payment_number(one.parcel)),
            C::ConfirmRefund(one) => u32::from(self.numbered_payment(one.payment)?.confirmations),
            C::RepayShortage(one) => self.last_reduction(one.courier)?,
            C::WriteOffShortage(one) => self.last_reduction(one.courier)?,
            C::CoverShortage(one) => self.last_reduction(one.courier)?,
            C::DeductShortage(one) => self.last_reduction(one.courier)?,
            C::StartHandOver(one) => self.couriers.find(one.courier)?.handovers.last(),
            C::AnnounceDeposit(one) => self.firms.find(one.firm)?.deposits.last(),
            C::PayCommission(one) => self.firms.find(one.firm)?.commission_payments.last(),
            C::HandTerminal(one) => self.last_terminal_change(one.terminal)?,
            C::BlockTerminal(one) => self.last_terminal_change(one.terminal)?,
            C::InvoiceSeller(one) => {
                let place = self.seller_number(one.seller, one.currency).ok()?;
                let invoices = &self.reference_data.seller_invoices;
                let last = invoices.range((place, 0)..=(place, u32::MAX)).next_back();
                last.map_or(0, |((_, number), _)| *number)
            }
            C::RecordSellerPayment(one) => {
                let place = self.seller_number(one.seller, one.currency).ok()?;
                let invoice = self.reference_data.seller_invoices.get(&(place, one.invoice))?;
                u32::try_from(invoice.payments.len()).ok()?
            }
            C::AmendDue(one) => {
                let changes = self.reference_data.parcel_changes.get(&one.parcel);
                changes.map_or(0, |changes| changes.amendments.into())
            }
            C::SetSellerTerms(one) => {
                let place = self.seller_number(one.seller, one.currency).ok()?;
                self.sellers.get(place).terms.last_number()
            }
            C::SetPayoutAccount(one) => self.last_payout_account(one.seller, one.currency)?,
            C::ErasePayoutAccount(one) => self.last_payout_account(one.seller, one.currency)?,
            C::SetFirmTerms(one) => self.firms.find(one.firm)?.terms.last_number(),
            C::SetCourierTerms(one) => self.couriers.find(one.courier)?.cash_limit.last_number(),
            C::SuspendSeller(one) => {
                let suspensions = self.reference_data.seller_suspensions.get(&one.seller);
                suspensions.map_or(0, UsedNumbers::last)
            }
            C::SuspendCourier(one) => self.couriers.find(one.courier)?.suspensions.last(),
            C::SetHoldRule(one) => {
                let rules = self.reference_data.hold_rules.get(&one.jurisdiction);
                rules.map_or(0, UsedNumbers::last)
            }
            C::SetOfflineLimit(one) => self.last_terminal_change(one.terminal)?,
            C::ProposeBreakResolution(one) => self.last_break_change(one.break_id)?,
            C::ApproveBreakResolution(one) => self.last_break_change(one.break_id)?,
            C::ReclassifyBreak(one) => self.last_break_change(one.break_id)?,
            C::AssignBreak(one) => self.last_break_change(one.break_id)?,
            C::SetChargebackFee(one) => {
                let place = self.currency_index(one.currency).ok()?;
                let term = self.reference_data.chargeback_fees.get(&place);
                term.map_or(0, |term| term.number)
            }
            C::SetRefundLimit(one) => {
                let place = self.currency_index(one.currency).ok()?;
                let limits = self.reference_data.refund_limits.get(&place);
                limits.map_or(0, UsedNumbers::last)
            }
            C::GrantAccess(one) => self.last_access_change(one.person),
            C::RevokeAccess(one) => self.last_access_change(one.person),
            C::ResetSecondFactor(one) => self.second_factor_resets(one.person),
            C::RecordAccessEvent(_) => self.access_events(),
            C::SetRetention(_) => self.reference_data.retention.last(),
            C::WithdrawNetwork(one) => self.last_withdrawal(one.network)?,
            C::ReinstateNetwork(one) => self.last_withdrawal(one.network)?,
            C::PostAdjustment(_) => self.reference_data.adjustments.last(),
            C::BeginFile(one) => self.last_file_number(one.lane).ok()?,
            C::PayTax(_) => self.reference_data.tax_payments.last(),
            C::RecordDisclosure(_) => self.reference_data.disclosures.last(),
            C::EraseSubject(_) => self.reference_data.erasures.last(),
            C::ClosePeriod(_) => self.reference_data.period_closes.last(),
            C::SetTimeZone(_) => self.time_zone().map_or(0, |zone| zone.number),
            _ => return None,
        };
        Some(u64::from(last) + 1)
    }

    /// The numbers of the chargebacks of a payment, if the command names one of them.
    #[must_use]
    pub fn chargeback_numbers(&self, command: &Command) -> Option<Vec<u8>> {
        use Command as C;
        let payment = match command {
            C::ContestChargeback(one) => one.payment,
            C::WinChargebackByTwoPersons(one) => one.payment,
            C::TakeBackWonChargeback(one) => one.payment,
            C::LoseChargeback(one) => one.payment,
            C::ChargebackFee(one) => one.payment,
            _ => return None,
        };
        let all = self.refunds.range((payment, 0)..=(payment, u8::MAX));
        let all = all.filter(|(_, one)| one.kind == RefundKind::ChargeBack);
        Some(all.map(|((_, number), _)| *number).collect())
    }

    /// Whether a deposit with this id was ever announced.
    #[must_use]
    pub fn is_deposit_known(&self, id: DepositId) -> bool {
        self.reference_data.deposit_ids.contains(&id)
    }

    #[must_use]
    pub fn is_hand_over_known(&self, id: HandOverId) -> bool {
        self.hand_over_couriers.contains_key(&id)
    }

    /// Whether a hand-over with this id waits to be counted.
    #[must_use]
    pub fn is_hand_over_open(&self, id: HandOverId) -> bool {
        let courier = self.hand_over_couriers.get(&id).map(|number| self.couriers.get(*number));
        let open = courier.and_then(|courier| courier.open_hand_over());
        open.is_some_and(|open| open.id == id)
    }

    /// Whether a settlement plan has this id, also one without a payout.
    #[must_use]
    pub fn is_plan_known(&self, id: PlanId) -> bool {
        let mut cycles = self.reference_data.cycles_planned.values();
        self.reference_data.plans.contains_key(&id) || cycles.any(|(_, plan)| *plan == id)
    }

    #[must_use]
    pub fn is_break_known(&self, id: BreakId) -> bool {
        self.reference_data.breaks.contains_key(&id)
    }

    /// The id of an open deposit or break with the same content as a new one has.
    #[must_use]
    pub fn same_and_open(&self, command: &Command) -> Option<u64> {
        match command {
            Command::AnnounceDeposit(new) => {
                let announced = self.firms.find(new.firm)?.deposits.iter();
                let mut same = announced.filter(|before| {
                    (before.bank, before.amount) == (new.bank, new.amount)
                        && self.reference_data.deposits.contains_key(&before.deposit)
                });
                same.next_back().map(|before| before.deposit.0)
            }
            Command::RaiseBreak(new) => {
                let RaiseBreak { subject, side, amount, ref evidence, .. } = *new;
                let difference = Difference { subject, side, amount };
                let raised = self.reference_data.breaks.range(..FIRST_AUTOMATIC_BREAK);
                let mut same = raised.filter(|(_, before)| {
                    let is_open = !before.amount.is_zero();
                    is_open && before.is_of(difference) && before.raised.shown_by == *evidence
                });
                same.next_back().map(|(id, _)| id.0)
            }
            _ => None,
        }
    }

    /// The number of a parcel's next delivery attempt: of one that begins, or of the one that is
    /// out and fails.
    #[must_use]
    pub fn next_attempt(&self, parcel: ParcelId) -> Option<u64> {
        let slot = self.open_parcel_slot(parcel).ok()?;
        Some(u64::from(self.parcel(slot).history.attempt_count()) + 1)
    }

    /// The number of a parcel's next assignment to a firm.
    #[must_use]
    pub fn next_assignment(&self, parcel: ParcelId) -> Option<u64> {
        let slot = self.open_parcel_slot(parcel).ok()?;
        Some(u64::from(self.parcel(slot).assignments) + 1)
    }

    fn last_break_change(&self, id: BreakId) -> Option<u32> {
        let record = self.reference_data.breaks.get(&id)?;
        u32::try_from(record.changes.len()).ok()
    }

    fn numbered_payment(&self, id: PaymentId) -> Option<&PaymentRecord> {
        self.find_payment(id).ok().map(|(slot, _)| self.payment(slot))
    }

    fn last_refund(&self, id: PaymentId) -> Option<u32> {
        self.numbered_payment(id).map(|payment| payment.refund_count.into())
    }

    fn last_reduction(&self, courier: CourierId) -> Option<u32> {
        self.couriers.find(courier).map(|courier| courier.shortage_reductions.last())
    }

    fn last_payout_account(&self, seller: SellerId, currency: Currency) -> Option<u32> {
        let place = self.seller_number(seller, currency).ok()?;
        let accounts = self.reference_data.payout_accounts.get(&place);
        Some(accounts.map_or(0, UsedNumbers::last))
    }

    fn last_access_change(&self, person: PersonId) -> u32 {
        self.persons.find(person).map_or(0, |one| one.access_changes.last())
    }

    fn last_terminal_change(&self, terminal: TerminalId) -> Option<u32> {
        self.terminals.find(terminal).map(|terminal| terminal.changes.last())
    }
}
