//! What a run covered, so that a generator that reaches nothing does not count as a proof.

use std::collections::BTreeMap;
use std::fmt::{Debug, Write as _};

use books::chart::CHART;
use books::{Command, CommandOutcome, Refusal};

/// The commands that carry a number or an id of the sender, which can come with other content.
const NUMBERED: &[&str] = &[
    "AmendDue",
    "AnnounceDeposit",
    "AnnounceParcel",
    "ApproveBreakResolution",
    "ApproveCyclePlan",
    "ApproveSettlement",
    "AssignBreak",
    "AssignParcels",
    "CancelDeposit",
    "BeginFile",
    "BlockTerminal",
    "CancelHandOver",
    "CancelInvoice",
    "ChargeBack",
    "ChargebackFee",
    "CloseBatch",
    "CloseOpenItem",
    "ClosePeriod",
    "ClearLine",
    "CompensateSeller",
    "ContestChargeback",
    "ConfirmDeposit",
    "ConfirmRefund",
    "CountHandOver",
    "CountHandOverBySupervisor",
    "CoverShortage",
    "DeductShortage",
    "DispatchParcels",
    "ErasePayoutAccount",
    "EndFile",
    "EraseSubject",
    "ExecuteSettlement",
    "GrantAccess",
    "HandTerminal",
    "InvoiceSeller",
    "IssueApiKey",
    "LoseParcel",
    "PayCommission",
    "PayTax",
    "PlanCycle",
    "PlanSettlement",
    "PostAdjustment",
    "PublishTariff",
    "RaiseBreak",
    "ReclassifyBreak",
    "ReinstateNetwork",
    "RecordAccessEvent",
    "RecordAttempt",
    "RecordDisclosure",
    "RecordSellerPayment",
    "Refund",
    "RefundByTwoPersons",
    "RefuseParcel",
    "RegisterBank",
    "RegisterCourier",
    "RegisterFirm",
    "RegisterNetwork",
    "RegisterPerson",
    "RegisterSeller",
    "RegisterTerminal",
    "RegisterWallet",
    "RejectSettlement",
    "RemovePerson",
    "RepayShortage",
    "ResetSecondFactor",
    "ResolveSuspendedSale",
    "RevokeAccess",
    "RevokeApiKey",
    "SetChargebackFee",
    "SetCourierTerms",
    "SetFirmTerms",
    "SetHoldRule",
    "SetOfflineLimit",
    "SetPayoutAccount",
    "SetRefundLimit",
    "SetRetention",
    "SetSellerTerms",
    "SetTimeZone",
    "StartHandOver",
    "SuspendCourier",
    "SuspendSeller",
    "TakeBackWonChargeback",
    "TakeCashByPhone",
    "TakeEntry",
    "WithdrawBreak",
    "WithdrawNetwork",
    "WinChargebackByTwoPersons",
    "WriteOffShortage",
];

/// Counts of commands by result, refusals, events and postings.
#[derive(Debug, Default)]
pub struct Coverage {
    /// Applied, retried, refused.
    commands: BTreeMap<String, [u64; 3]>,
    refusals: BTreeMap<String, u64>,
    /// Command and refusal.
    refused: BTreeMap<String, u64>,
    /// Refusals of a used number or id with other content, by command.
    other_content: BTreeMap<String, u64>,
    events: BTreeMap<String, u64>,
    entries: BTreeMap<String, u64>,
    /// Commands whose postings belong to another day.
    value_dates: u64,
}

/// The name of a variant: its debug text up to the first character that is not a letter or digit.
fn name(of: &impl Debug) -> String {
    let text = format!("{of:?}");
    let end = text.find(|c: char| !c.is_alphanumeric()).unwrap_or(text.len());
    text[..end].to_owned()
}

impl Coverage {
    pub fn add(&mut self, command: &Command, done: &Result<(), Refusal>, out: &CommandOutcome) {
        let ends = self.commands.entry(name(command)).or_default();
        match done {
            Ok(()) => ends[0] += 1,
            Err(Refusal::Repeated) => ends[1] += 1,
            Err(refusal) => {
                ends[2] += 1;
                *self.refusals.entry(name(refusal)).or_default() += 1;
                let which = format!("{} {}", name(command), name(refusal));
                *self.refused.entry(which).or_default() += 1;
                let other_content = matches!(
                    refusal,
                    Refusal::IdentifierTaken | Refusal::NumberUsed(_) | Refusal::OtherContent
                );
                if other_content {
                    *self.other_content.entry(name(command)).or_default() += 1;
                }
            }
        }
        self.value_dates += u64::from(out.value_date.is_some());
        for event in &out.events {
            *self.events.entry(name(event)).or_default() += 1;
        }
        for posting in &out.postings {
            *self.entries.entry(name(&posting.entry)).or_default() += 1;
        }
    }

    /// Each command was applied and refused, each row of the chart was posted, and a batch was left
    /// disputed, at least `times` times. Each number came with other content, a line of an open
    /// item was decided, a surplus explained a shortage, and a line was applied to a payment, more
    /// seldom.
    pub fn check(&self, times: u64) -> Result<(), String> {
        let mut rare = String::new();
        for spec in Command::SPECS {
            let seen = self.commands.get(spec.name);
            let [done, _, refused] = seen.copied().unwrap_or_default();
            // Only an unknown completion whose reversal was acknowledged has one.
            let rarest = spec.name == "ConfirmCompletionReversal";
            let least = if rarest { times * 4 / 5 } else { times };
            if done < least || refused < 1 {
                writeln!(rare, "{}: {done} done, {refused} refused", spec.name)
                    .expect("into memory");
            }
        }
        for row in CHART {
            let entry = name(&row.entry);
            if self.entries.get(&entry).is_none_or(|seen| *seen < times / 2) {
                writeln!(rare, "{entry}: hardly ever posted").expect("into memory");
            }
        }
        let seldom = |seen: Option<&u64>| seen.is_none_or(|seen| *seen < times / 10);
        for command in NUMBERED.iter().filter(|one| seldom(self.other_content.get(**one))) {
            writeln!(rare, "{command}: hardly ever with other content").expect("into memory");
        }
        if seldom(self.refusals.get("NumberForgotten")) {
            writeln!(rare, "old numbers are hardly ever sent again").expect("into memory");
        }
        for refusal in ["SamePerson", "PersonNotRegistered", "RefundNeedsTwoPeople"] {
            if seldom(self.refusals.get(refusal)) {
                writeln!(rare, "{refusal}: hardly ever").expect("into memory");
            }
        }
        if self.events.get("BatchLeftDisputed").is_none_or(|seen| *seen < times) {
            writeln!(rare, "disputed batches are hardly ever left so").expect("into memory");
        }
        if self.value_dates < times {
            writeln!(rare, "postings hardly ever belong to another day").expect("into memory");
        }
        if seldom(self.events.get("PayoutDropped")) {
            writeln!(rare, "planned payouts are hardly ever dropped").expect("into memory");
        }
        if seldom(self.events.get("OpenItemLineDecided")) {
            writeln!(rare, "lines of open items are hardly ever decided").expect("into memory");
        }
        if rare.is_empty() { Ok(()) } else { Err(rare) }
    }

    /// All counts as text.
    pub fn text(&self) -> String {
        let mut text =
            format!("{:>22} {:>8} {:>8} {:>8}\n", "command", "done", "retries", "refused");
        for (command, [done, retries, refused]) in &self.commands {
            writeln!(text, "{command:>22} {done:>8} {retries:>8} {refused:>8}").expect("memory");
        }
        for (title, counts) in [
            ("refusals", &self.refusals),
            ("refusals by command", &self.refused),
            ("other content", &self.other_content),
            ("facts", &self.events),
            ("postings", &self.entries),
        ] {
            write!(text, "{title}:").expect("into memory");
            for (what, seen) in counts {
                write!(text, " {what} {seen}").expect("into memory");
            }
            text.push('\n');
        }
        text
    }
}
