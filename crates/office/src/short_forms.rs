//! The short forms of commands: `doorstep parcel dispatch` for `doorstep do DispatchParcels`.

use crate::fields::declared;
use serde_json::{Map, Value};

/// A short form. Its help and its flags come from the command's declaration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ShortForm {
    pub group: &'static str,
    pub act: &'static str,
    pub command: &'static str,
    /// The field that is given without a flag.
    pub subject: Option<&'static str>,
    /// Fields with a value, as a person types it, unless they are given.
    pub fields: &'static [(&'static str, &'static str)],
}

const fn form(
    [group, act, command, subject]: [&'static str; 4],
    fields: &'static [(&'static str, &'static str)],
) -> ShortForm {
    let subject = if subject.is_empty() { None } else { Some(subject) };
    ShortForm { group, act, command, subject, fields }
}

/// All short forms, by group, each group in the order of a day.
pub const SHORT_FORMS: &[ShortForm] = &[
    form(["setup", "bank", "RegisterBank", "reference"], &[]),
    form(["setup", "firm", "RegisterFirm", "reference"], &[("guarantee", "0")]),
    form(["setup", "courier", "RegisterCourier", "reference"], &[]),
    form(["setup", "person", "RegisterPerson", "person"], &[]),
    form(["setup", "remove-person", "RemovePerson", "person"], &[]),
    form(["setup", "terminal", "RegisterTerminal", "terminal"], &[]),
    form(["setup", "network", "RegisterNetwork", "reference"], &[]),
    form(["setup", "wallet", "RegisterWallet", "reference"], &[]),
    form(
        ["setup", "seller", "RegisterSeller", "reference"],
        &[("kind", "Business"), ("cycle", "Daily"), ("minimum", "0"), ("class", "0")],
    ),
    form(["setup", "tariff", "PublishTariff", "reference"], &[]),
    form(["setup", "hold-rule", "SetHoldRule", "jurisdiction"], &[]),
    form(["setup", "refund-limit", "SetRefundLimit", "currency"], &[]),
    form(["setup", "retention", "SetRetention", "days"], &[]),
    form(["setup", "chargeback-fee", "SetChargebackFee", "currency"], &[]),
    form(["terms", "seller", "SetSellerTerms", "seller"], &[]),
    form(["terms", "firm", "SetFirmTerms", "firm"], &[]),
    form(["terms", "courier", "SetCourierTerms", "courier"], &[]),
    form(["suspend", "seller", "SuspendSeller", "seller"], &[("suspended", "true")]),
    form(["suspend", "courier", "SuspendCourier", "courier"], &[("suspended", "true")]),
    form(["unsuspend", "seller", "SuspendSeller", "seller"], &[("suspended", "false")]),
    form(["unsuspend", "courier", "SuspendCourier", "courier"], &[("suspended", "false")]),
    form(["parcel", "announce", "AnnounceParcel", "reference"], &[]),
    form(["parcel", "amend", "AmendDue", "parcel"], &[]),
    form(["parcel", "cancel", "CancelParcel", "parcel"], &[]),
    form(["parcel", "assign", "AssignParcels", "parcels"], &[]),
    form(["parcel", "dispatch", "DispatchParcels", "parcels"], &[]),
    form(["parcel", "attempt", "RecordAttempt", "parcel"], &[]),
    form(["parcel", "accept-part", "AcceptPart", "parcel"], &[]),
    form(["parcel", "refuse", "RefuseParcel", "parcel"], &[]),
    form(["parcel", "return", "ReturnParcel", "parcel"], &[]),
    form(["parcel", "lose", "LoseParcel", "parcel"], &[]),
    form(["parcel", "compensate", "CompensateSeller", "parcel"], &[]),
    form(["hand-over", "start", "StartHandOver", "courier"], &[]),
    form(["hand-over", "count", "CountHandOver", "handover"], &[]),
    form(["hand-over", "supervise", "CountHandOverBySupervisor", "handover"], &[]),
    form(["hand-over", "cancel", "CancelHandOver", "handover"], &[]),
    form(["deposit", "announce", "AnnounceDeposit", "firm"], &[]),
    form(["deposit", "confirm", "ConfirmDeposit", "deposit"], &[]),
    form(["deposit", "cancel", "CancelDeposit", "deposit"], &[]),
    form(["shortage", "repay", "RepayShortage", "courier"], &[]),
    form(["shortage", "deduct", "DeductShortage", "courier"], &[]),
    form(["shortage", "cover", "CoverShortage", "courier"], &[]),
    form(["shortage", "write-off", "WriteOffShortage", "courier"], &[]),
    form(["settlement", "plan", "PlanSettlement", "cycle"], &[]),
    form(["settlement", "approve", "ApproveSettlement", "plan"], &[]),
    form(["settlement", "plan-cycle", "PlanCycle", "cycle"], &[]),
    form(["settlement", "approve-cycle", "ApproveCyclePlan", "plan"], &[]),
    form(["settlement", "reject", "RejectSettlement", "plan"], &[]),
    form(["settlement", "execute", "ExecuteSettlement", "plan"], &[]),
    form(["settlement", "confirm", "ConfirmPayout", "payout"], &[]),
    form(["settlement", "return", "ReturnPayout", "payout"], &[]),
    form(["settlement", "commission", "PayCommission", "firm"], &[]),
    form(["settlement", "tax", "PayTax", "tax"], &[]),
    form(["invoice", "seller", "InvoiceSeller", "seller"], &[]),
    form(["invoice", "paid", "RecordSellerPayment", "seller"], &[]),
    form(["invoice", "cancel", "CancelInvoice", "seller"], &[]),
    form(["refund", "give", "Refund", "payment"], &[]),
    form(["refund", "by-two", "RefundByTwoPersons", "payment"], &[]),
    form(["refund", "confirm", "ConfirmRefund", "payment"], &[]),
    form(["chargeback", "receive", "ChargeBack", "payment"], &[]),
    form(["chargeback", "contest", "ContestChargeback", "payment"], &[]),
    form(["chargeback", "win", "WinChargebackByTwoPersons", "payment"], &[]),
    form(["chargeback", "take-back-win", "TakeBackWonChargeback", "payment"], &[]),
    form(["chargeback", "lose", "LoseChargeback", "payment"], &[]),
    form(["chargeback", "fee", "ChargebackFee", "payment"], &[]),
    form(["break", "raise", "RaiseBreak", "subject"], &[]),
    form(["break", "propose", "ProposeBreakResolution", "break_id"], &[]),
    form(["break", "approve", "ApproveBreakResolution", "break_id"], &[]),
    form(["break", "assign", "AssignBreak", "break_id"], &[]),
    form(["break", "reclassify", "ReclassifyBreak", "break_id"], &[]),
    form(["break", "withdraw", "WithdrawBreak", "break_id"], &[]),
    form(["break", "close-open-item", "CloseOpenItem", "item"], &[]),
    form(["period", "adjust", "PostAdjustment", "reference"], &[]),
    form(["period", "close", "ClosePeriod", "until"], &[]),
    form(["terminals", "hand", "HandTerminal", "terminal"], &[]),
    form(["terminals", "block", "BlockTerminal", "terminal"], &[("blocked", "true")]),
    form(["terminals", "unblock", "BlockTerminal", "terminal"], &[("blocked", "false")]),
    form(["terminals", "offline-limit", "SetOfflineLimit", "terminal"], &[]),
    form(["user", "grant", "GrantAccess", "person"], &[]),
    form(["user", "revoke", "RevokeAccess", "person"], &[]),
    form(["user", "reset-second-factor", "ResetSecondFactor", "person"], &[]),
    form(["api-key", "issue", "IssueApiKey", "grants"], &[]),
    form(["api-key", "revoke", "RevokeApiKey", "key"], &[]),
];

impl ShortForm {
    #[must_use]
    pub fn find(group: &str, act: &str) -> Option<ShortForm> {
        of_group(group).find(|form| form.act == act)
    }

    /// Adds what the form says to the fields that were given. Several subjects are a list.
    pub fn complete(&self, subjects: &[String], fields: &mut Map<String, Value>) {
        if let (Some(subject), false) = (self.subject, subjects.is_empty()) {
            fields.insert(subject.to_owned(), subjects.join(",").into());
        }
        for (field, value) in self.fields {
            fields.entry(*field).or_insert_with(|| (*value).into());
        }
    }

    /// Whether the subject can be given more than once.
    #[must_use]
    pub fn takes_list(&self) -> bool {
        let command = declared().of(self.command);
        let subject = command.and_then(|command| command.field(self.subject?));
        subject.is_some_and(|subject| subject.item().is_some())
    }
}

/// The short forms of a group.
pub fn of_group(group: &str) -> impl Iterator<Item = ShortForm> {
    SHORT_FORMS.iter().copied().filter(move |form| form.group == group)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fields::{KnownParties, value};

    #[test]
    fn every_short_form_is_a_command_with_its_fields() {
        for form in SHORT_FORMS {
            let command = declared().of(form.command).unwrap_or_else(|| panic!("{form:?}"));
            let subject = form.subject.map(|subject| command.field(subject));
            assert!(!matches!(subject, Some(None)), "{form:?}: no such field");
            for (field, text) in form.fields {
                let field = command.field(field).unwrap_or_else(|| panic!("{form:?}: {field}"));
                let read = value(field, &(*text).into(), &KnownParties::default());
                assert!(read.is_ok(), "{form:?}: {read:?}");
            }
            let same = of_group(form.group).filter(|other| other.act == form.act);
            assert_eq!(same.count(), 1, "{form:?} is there twice");
        }
        let dispatch = ShortForm::find("parcel", "dispatch").unwrap();
        assert!(dispatch.takes_list());
        let mut fields = Map::new();
        dispatch.complete(&["p".into(), "q".into()], &mut fields);
        assert_eq!(fields["parcels"], "p,q");
        assert!(!ShortForm::find("parcel", "lose").unwrap().takes_list());
        assert_eq!(ShortForm::find("parcel", "dance"), None);
    }
}
