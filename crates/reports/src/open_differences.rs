use std::collections::BTreeMap;

use books::chart::AccountKind;
use books::view::BreakView;
use books::{
    Books, BreakEvidence, BreakId, BreakResolution, BreakSide, BreakSubject, ClearLineKind,
    CommandMoment, LineDifference, PaymentId, PersonId, ProposeBreakResolution, ReconBreakKind,
    SuspenseReason,
};
use files::incoming::clearing::line_of_item;
use money::decimal::DecimalAmount;
use money::{Amount, Currency};
use serde::Serialize;
use serde_json::Value;

use crate::waiting::movement_text;
use crate::{BooksAtHead, OpenItemReport, RecordedCommand, ReportError, local_time};

/// The open breaks and the open items at the end of a journal, each with the commands that are its
/// evidence.
#[derive(Debug, Serialize)]
pub struct OpenDifferences {
    /// Today. Ages are counted up to it.
    pub date: String,
    /// Local time of the last command.
    pub at: String,
    /// The last batch.
    pub batch: u64,
    /// By id.
    pub breaks: Vec<BreakReport>,
    /// Oldest first.
    pub open_items: Vec<OpenItemEvidence>,
}

/// A break and the commands that raised, reduced or proposed to close it.
#[derive(Debug, Serialize)]
pub struct BreakReport {
    pub break_id: String,
    pub subject: BreakSubject,
    /// The operator's reference of the subject; its id if it has none.
    pub reference: String,
    pub side: BreakSide,
    /// What of it is open, in minor units.
    pub amount: Amount,
    pub currency: &'static str,
    pub reason: BreakReason,
    /// As in docs/recon.md. `None` if no line of a file raised it.
    pub kind: Option<ReconBreakKind>,
    /// What the books expected and what was found, in minor units. Whoever raises a break by hand
    /// names the difference only.
    pub expected: Option<i128>,
    pub found: Option<i128>,
    /// If the books raised it.
    pub source: Option<BreakSource>,
    pub opened: String,
    pub age_days: u16,
    /// The person id of who must resolve it.
    pub owner: String,
    /// The owner's reference, if the owner is a courier.
    pub owner_reference: Option<String>,
    /// The resolution that waits for a second person.
    pub proposed: Option<ProposedResolution>,
    /// The resolution that the kind suggests, as it is typed.
    pub suggested: Option<String>,
    pub evidence: Vec<RecordedCommand>,
}

impl BreakReport {
    /// In whose files or cash the difference is: `network`, `wallet`, `bank` or `firm`.
    #[must_use]
    pub fn lane(&self) -> &'static str {
        match self.subject {
            BreakSubject::Bank(_) => "bank",
            BreakSubject::Network(_) => "network",
            BreakSubject::Wallet(_) => "wallet",
            BreakSubject::FirmCash(_) => "firm",
        }
    }

    /// Above zero: more was found than the books have. In minor units.
    #[must_use]
    pub fn signed_amount(&self) -> i128 {
        let amount = i128::from(self.amount.minor());
        if self.side == BreakSide::Excess { amount } else { -amount }
    }

    /// The kind, or the reason of a break without one.
    #[must_use]
    pub fn kind_name(&self) -> String {
        let reason = || serde_json::to_value(self.reason).ok()?.as_str().map(str::to_owned);
        let kind = self.kind.map(|kind| kind.name().to_owned());
        kind.or_else(reason).unwrap_or_default()
    }

    /// The command that goes on with it.
    #[must_use]
    pub fn next_step(&self) -> String {
        let id = &self.break_id;
        if let Some(BreakSource::OfflineSale { payment, .. }) = &self.source {
            let payment = format!("{}/{}", payment.parcel, payment.number);
            let decisions = "BookToParcel|OweToBuyer";
            return format!(
                "doorstep do ResolveSuspendedSale --payment {payment} --decision {decisions}"
            );
        }
        match (&self.proposed, self.owner.as_str()) {
            (Some(proposed), _) => proposed.approval(),
            (None, "0") => format!("doorstep break assign {id} --owner WHO"),
            _ => {
                let how =
                    self.suggested.as_ref().map_or_else(|| "HOW".to_owned(), |how| quoted(how));
                format!("doorstep break propose {id} --resolution {how}")
            }
        }
    }
}

/// A resolution of a break that waits for a second person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ProposedResolution {
    pub break_id: String,
    /// As it is typed: `WriteOff`, `ThroughBank=main`.
    pub resolution: String,
    /// The same without the quotes of a shell.
    #[serde(skip)]
    pub unquoted: String,
    /// The part of the break, in minor units. `None`: all that is open.
    pub amount: Option<Amount>,
    pub currency: &'static str,
    /// The person's id.
    pub proposed_by: String,
}

impl ProposedResolution {
    /// Of an open break.
    #[must_use]
    pub fn of(books: &Books, open: &BreakView) -> Option<ProposedResolution> {
        let (resolution, amount, by) = books.proposed_resolution(open.id)?;
        Some(ProposedResolution {
            break_id: open.id.to_string(),
            resolution: quoted(&resolution_text(books, resolution)),
            unquoted: resolution_text(books, resolution),
            amount,
            currency: open.currency.code(),
            proposed_by: by.to_string(),
        })
    }

    /// The command line by which a second person approves it.
    #[must_use]
    pub fn approval(&self) -> String {
        let ProposedResolution { break_id, resolution, currency, .. } = self;
        let command = format!("doorstep break approve {break_id} --resolution {resolution}");
        let amount = self.amount.zip(currency.parse::<Currency>().ok());
        amount.map_or(command.clone(), |(amount, currency)| {
            let typed = DecimalAmount::of_balance(amount.minor().into(), currency);
            format!("{command} --amount {typed}{currency}")
        })
    }
}

/// A value as it is typed in a shell.
pub(crate) fn quoted(how: &str) -> String {
    match how.split_once('=') {
        Some((name, content)) if content.contains(' ') => format!("{name}='{content}'"),
        _ => how.to_owned(),
    }
}

/// A resolution as it is typed, without the quotes of a shell.
#[must_use]
pub fn resolution_text(books: &Books, resolution: BreakResolution) -> String {
    match resolution {
        BreakResolution::WriteOff => "WriteOff".to_owned(),
        BreakResolution::ThroughBank(bank) => {
            format!("ThroughBank={}", crate::arrivals::bank_name(books, bank))
        }
        BreakResolution::ToSeller(seller) => {
            let id = || seller.to_string();
            let seller = books.seller_reference(seller).map_or_else(id, str::to_owned);
            format!("ToSeller={seller}")
        }
        BreakResolution::ToPayment(payment) => {
            format!("ToPayment={}/{}", payment.parcel, payment.number)
        }
        BreakResolution::ToMovement(movement) => {
            format!("ToMovement={}", movement_text(books, movement))
        }
    }
}

/// The resolution that docs/recon.md suggests for a kind, if the books would take it now.
fn suggestion(books: &Books, view: &BreakView, kind: ReconBreakKind) -> Option<BreakResolution> {
    let line = books.break_evidence(view.id).map(|evidence| &evidence.line);
    let payment = line.and_then(|line| line.payment);
    let bank = match view.subject {
        BreakSubject::Bank(bank) => Some(bank),
        _ => line.map(|line| line.bank),
    };
    let wanted = match kind {
        ReconBreakKind::FeeDrift | ReconBreakKind::Rounding => Some(BreakResolution::WriteOff),
        ReconBreakKind::AmountDiffers | ReconBreakKind::Unannounced => {
            payment.map(BreakResolution::ToPayment)
        }
        ReconBreakKind::Duplicate => bank.map(BreakResolution::ThroughBank),
        ReconBreakKind::UnknownReference
        | ReconBreakKind::NoReference
        | ReconBreakKind::Ambiguous => {
            let amount = i128::from(view.amount.minor());
            let amount = if view.side == BreakSide::Excess { amount } else { -amount };
            let BreakSubject::Bank(bank) = view.subject else { return None };
            let mut same = books.open_movements(bank).filter(|one| one.amount == amount);
            // Two that fit are for people to decide.
            let only = same.next().filter(|_| same.next().is_none());
            only.map(|one| BreakResolution::ToMovement(one.movement))
        }
        ReconBreakKind::MissingFile | ReconBreakKind::LateItem | ReconBreakKind::ShortCash => None,
    };
    let resolution = wanted?;
    let number = books.next_break_change(view.id)?;
    let (break_id, proposed_by) = (view.id, PersonId(0));
    let propose =
        ProposeBreakResolution { break_id, number, resolution, amount: None, proposed_by };
    books.check_break_proposal(&propose).is_ok().then_some(resolution)
}

/// Why there is a break. A closed list: the journal has no free text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum BreakReason {
    /// A line's fee is not the tariff's.
    Fee,
    /// With a chargeback or what pays it back, more is kept back than its fee may be.
    ChargebackFee,
    /// A fee is taken or given back that no payment and no earlier difference explains.
    OtherFee,
    /// A line's amount is not the payment's.
    Amount,
    /// A line takes or pays back more than there is.
    MoreThanThereIs,
    /// No payment explains a line.
    NoPayment,
    /// A line names a payment to which it cannot be applied, by its kind, sign or state.
    DoesNotFit,
    /// Nothing in the books explains an entry of a bank statement.
    NotInBooks,
    /// More cash was counted than was collected.
    CountedMore,
    /// An offline sale that no payment can be made of yet.
    SaleInSuspense,
    RaisedByHand,
}

/// Where a break that the books raised comes from.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum BreakSource {
    /// A line of a network's or wallet's file: its physical line, from 1.
    ClearingLine {
        file: u32,
        line: u32,
    },
    /// An entry of a bank statement: its number in the statement, from 1.
    BankEntry {
        file: u32,
        line: u32,
    },
    HandOver {
        hand_over: String,
    },
    /// What shows a break that was raised by hand.
    Evidence {
        evidence: String,
    },
    OfflineSale {
        terminal: String,
        batch: u64,
        stan: u64,
        payment: PaymentId,
        why: SuspenseReason,
    },
}

/// An open item and the commands that opened it or decided its lines.
#[derive(Debug, Serialize)]
pub struct OpenItemEvidence {
    #[serde(flatten)]
    pub report: OpenItemReport,
    /// The owner's reference, if the owner is a courier.
    pub owner_reference: Option<String>,
    pub evidence: Vec<RecordedCommand>,
}

/// The open differences of books, with their evidence from the journal.
pub fn open_differences(read: &mut BooksAtHead) -> Result<OpenDifferences, ReportError> {
    let books = read.books();
    let breaks = books.open_breaks().into_iter().map(|one| books.break_commands(one.id).to_vec());
    let items = books.open_items().map(|one| books.open_item_commands(one.id).to_vec());
    let moments: Vec<CommandMoment> = breaks.chain(items).flatten().collect();
    let commands = read.commands(moments)?;
    let evidence = |moments: &[CommandMoment], currency| {
        let found = moments.iter().filter_map(|moment| commands.get(moment).cloned());
        found
            .map(|command: RecordedCommand| RecordedCommand {
                currency: command.currency.or(Some(currency)),
                ..command
            })
            .collect()
    };
    let (engine, books) = (&read.engine, read.books());
    let (today, references) = (read.today(), OwnerReferences::of(books));
    let breaks = books.open_breaks().into_iter().map(|view| {
        let BreakView { id, subject, side, amount, currency, owner, opened, .. } = view;
        let evidence: Vec<RecordedCommand> = evidence(books.break_commands(id), currency);
        let (reason, found, source) = cause(books, id, evidence.first());
        let kind = kind_of(books, id, reason, &evidence);
        // What was found, without what was found too much or too little.
        let raised = i128::from(view.raised.minor());
        let beyond = if side == BreakSide::Excess { raised } else { -raised };
        let is_fee =
            matches!(reason, BreakReason::Fee | BreakReason::ChargebackFee | BreakReason::OtherFee);
        BreakReport {
            proposed: ProposedResolution::of(books, &view),
            suggested: kind
                .or((reason == BreakReason::NotInBooks).then_some(ReconBreakKind::NoReference))
                .and_then(|kind| suggestion(books, &view, kind))
                .map(|resolution| resolution_text(books, resolution)),
            evidence,
            reason,
            kind,
            // A fee that is too high leaves too little.
            expected: found.map(|found| if is_fee { found + beyond } else { found - beyond }),
            found,
            source,
            break_id: id.to_string(),
            reference: references.of_subject(subject),
            subject,
            side,
            amount,
            currency: currency.code(),
            opened: opened.to_string(),
            age_days: today.0.saturating_sub(opened.0),
            owner: owner.to_string(),
            owner_reference: references.get(AccountKind::CourierCash, owner.0),
        }
    });
    let open_items = books.open_items().map(|view| OpenItemEvidence {
        owner_reference: references.get(AccountKind::CourierCash, view.owner.0),
        evidence: evidence(books.open_item_commands(view.id), view.currency),
        report: OpenItemReport::of(&view, today),
    });
    Ok(OpenDifferences {
        date: today.to_string(),
        at: local_time(books, engine.last_at()),
        batch: read.batch().number(),
        breaks: breaks.collect(),
        open_items: open_items.collect(),
    })
}

/// Why a break was raised, what was found, and where: from the line or the first command behind
/// it.
fn cause(
    books: &Books,
    id: BreakId,
    raised: Option<&RecordedCommand>,
) -> (BreakReason, Option<i128>, Option<BreakSource>) {
    if let Some(BreakEvidence { difference, line }) = books.break_evidence(id) {
        let (amount, fee) = (i128::from(line.amount.minor()), i128::from(line.deducted.minor()));
        let (reason, found) = match difference {
            LineDifference::Fee => (fee_reason(line.kind), fee),
            LineDifference::Amount => (BreakReason::Amount, amount),
            LineDifference::Rest => (BreakReason::MoreThanThereIs, amount),
            // Nothing of such a line was expected, and what it moves is its net amount.
            LineDifference::Whole if line.payment.is_none() => {
                (BreakReason::NoPayment, amount - fee)
            }
            LineDifference::Whole => (BreakReason::DoesNotFit, amount - fee),
        };
        let source = BreakSource::ClearingLine { file: line.file, line: line_of_item(line.line) };
        return (reason, Some(found), Some(source));
    }
    let by_hand = (BreakReason::RaisedByHand, None, None);
    let Some(raised) = raised else { return by_hand };
    let fields = Value::Object(raised.fields.clone());
    let number = |path: &str| fields.pointer(path).and_then(Value::as_u64);
    let name = |path: &str| fields.pointer(path).and_then(Value::as_str).map(str::to_owned);
    if let Some((payment, why)) = books.suspended_sale(id) {
        let source = |trace: &str| {
            let of = |key: &str| format!("{trace}/{key}");
            Some(BreakSource::OfflineSale {
                terminal: name(&of("terminal"))?,
                batch: number(&of("batch"))?,
                stan: number(&of("stan"))?,
                payment,
                why,
            })
        };
        let found = number("/amount").map(i128::from);
        return (BreakReason::SaleInSuspense, found, source("/trace"));
    }
    if matches!(raised.command, "TakeEntry" | "MatchEntry") {
        let place = |path| number(path).and_then(|number| u32::try_from(number).ok());
        let source = place("/file").zip(place("/line"));
        let source = source.map(|(file, line)| BreakSource::BankEntry { file, line });
        return (BreakReason::NotInBooks, None, source);
    }
    match (name("/handover"), number("/counted")) {
        (Some(hand_over), Some(counted)) => {
            let source = BreakSource::HandOver { hand_over };
            (BreakReason::CountedMore, Some(counted.into()), Some(source))
        }
        _ => {
            let source = name("/evidence").map(|evidence| BreakSource::Evidence { evidence });
            (BreakReason::RaisedByHand, None, source)
        }
    }
}

/// The kind of a break that a line of a file raised.
fn kind_of(
    books: &Books,
    id: BreakId,
    reason: BreakReason,
    evidence: &[RecordedCommand],
) -> Option<ReconBreakKind> {
    books.kind_of_line_break(id).or_else(|| {
        let found = evidence.first().filter(|_| reason == BreakReason::NotInBooks)?;
        serde_json::from_value(found.fields.get("found")?.get("Broken")?.clone()).ok()
    })
}

/// What the fee of a line of this kind was compared with.
fn fee_reason(kind: ClearLineKind) -> BreakReason {
    use ClearLineKind as K;
    match kind {
        K::Sale | K::Completion | K::Offline => BreakReason::Fee,
        K::ChargeBack | K::Representment => BreakReason::ChargebackFee,
        K::Refund | K::Reversal | K::FeeCorrection => BreakReason::OtherFee,
    }
}

/// The operator's references, by the kind of an account and its owner.
struct OwnerReferences(BTreeMap<(AccountKind, u64), String>);

impl OwnerReferences {
    fn of(books: &Books) -> OwnerReferences {
        let references = books.accounts().filter_map(|account| {
            let reference = books.owner_reference(&account)?.to_owned();
            Some(((account.kind, account.owner), reference))
        });
        OwnerReferences(references.collect())
    }

    fn get(&self, kind: AccountKind, owner: u64) -> Option<String> {
        self.0.get(&(kind, owner)).cloned()
    }

    fn of_subject(&self, subject: BreakSubject) -> String {
        let (kind, id) = match subject {
            BreakSubject::Bank(id) => (AccountKind::Bank, id.0),
            BreakSubject::Network(id) => (AccountKind::NetworkReceivable, id.0),
            BreakSubject::Wallet(id) => (AccountKind::WalletReceivable, id.0),
            BreakSubject::FirmCash(id) => (AccountKind::FirmCash, id.0),
        };
        self.get(kind, id).unwrap_or_else(|| id.to_string())
    }
}
