//! The state of the books and its entry point.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::ops::RangeInclusive;

use base16ct::HexDisplay;
use chunks::Slab;
use foldhash::fast::FixedState;
use hashbrown::HashMap;
use ledger::AccountNumber;
use machine::{Timestamp, mix};
use money::{Amount, Currency, SignedAmount};
use tariff::{BusinessDate, Fees};

use crate::breaks::index::LineBreaks;
use crate::charted_ledger::ChartedLedger;
use crate::clearing::payment::PaymentClearing;
use crate::command::{ClearLine, Command, RECORDS_PER_COMMAND_MAX, REFERENCE_BYTES_MAX};
use crate::event::{CommandOutcome, Event, Posting, TariffVersion};
use crate::ids::{HandOverId, ParcelId, PaymentId};
use crate::parcel::index::{ParcelIndex, ParcelSlot};
use crate::parcel::out::WentOut;
use crate::parcel::record::Parcel;
use crate::party::persons::Person;
use crate::party::record::{Bank, Courier, Firm, Rail, Seller, Terminal, Withdrawal};
use crate::party::registry::Registry;
use crate::payment::record::{PaymentRecord, RefundConfirmation, RefundRecord};
use crate::reference_data::{CurrencyAccounts, ReferenceData};
use crate::refusal::{MissingRecord, Refusal, TextFault};
use crate::sha256::Sha256Digest;
use crate::terminal::batches::TerminalBatches;
use crate::terminal::open_items::OpenItems;
use crate::used_numbers::UsedNumbers;

/// The time of a command.
#[derive(Clone, Copy, Debug)]
pub struct Now {
    pub at: Timestamp,
    /// The local business date at that time. Never before that of an earlier command.
    pub today: BusinessDate,
}

/// SHA-256 of the whole state in canonical form (M11).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Digest(pub [u8; 32]);

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::LowerHex::fmt(&HexDisplay(&self.0), f)
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The books of cash-on-delivery payments.
#[derive(Debug, Default)]
pub struct Books {
    pub(crate) reference_data: ReferenceData,
    pub(crate) ledger: ChartedLedger,
    pub(crate) banks: Registry<Bank>,
    pub(crate) firms: Registry<Firm>,
    pub(crate) couriers: Registry<Courier>,
    pub(crate) persons: Registry<Person>,
    pub(crate) terminals: Registry<Terminal>,
    pub(crate) rails: Registry<Rail>,
    pub(crate) sellers: Registry<Seller>,
    pub(crate) parcels: Slab<Parcel>,
    pub(crate) payments: Slab<PaymentRecord>,
    pub(crate) index: ParcelIndex,
    /// By courier: the parcels that went out. Follows from the parcels.
    pub(crate) went_out: Vec<WentOut>,
    /// Maps the remembered hand-overs to their couriers. The couriers hold the same ids.
    pub(crate) hand_over_couriers: HashMap<HandOverId, u32, FixedState>,
    /// Batches and transactions of all terminals.
    pub(crate) terminal_batches: TerminalBatches,
    /// Pre-authorisations that have not ended, by the date they were requested. The payments hold
    /// the same.
    pub(crate) pre_authorisations: BTreeSet<(BusinessDate, PaymentId)>,
    /// Batches that differ from the books, until they are decided or closed.
    pub(crate) open_items: OpenItems,
    /// The withdrawals of networks, by the network's number. The latest holds.
    pub(crate) withdrawals: BTreeMap<u16, UsedNumbers<Withdrawal>>,
    /// The refunds and chargebacks of each payment, by their numbers. Forgotten with the parcel.
    pub(crate) refunds: BTreeMap<(PaymentId, u8), RefundRecord>,
    /// The confirmations of its refunds, by their numbers.
    pub(crate) refund_confirmations: BTreeMap<(PaymentId, u8), RefundConfirmation>,
    /// The fees of payments that share a fee with earlier payments of their parcel, so that their
    /// terms alone do not give them. Forgotten with the parcel.
    pub(crate) shared_fees: BTreeMap<PaymentId, Fees>,
    /// What files paid for payments, where it is not just the amount of a received one. Forgotten
    /// with the parcel.
    pub(crate) clearings: BTreeMap<PaymentId, PaymentClearing>,
    /// The open breaks of lines. The breaks hold the same.
    pub(crate) line_breaks: LineBreaks,
    /// The fingerprint at which the digest of the last day's trial balance was computed. Not part
    /// of the state.
    pub(crate) last_day_end: Option<(u64, Sha256Digest)>,
    pub(crate) last_at: Timestamp,
    pub(crate) fingerprint: u64,
}

impl Books {
    /// Applies a command at a time, or refuses it. `out` receives its events and postings. After a
    /// refusal `out` is empty and the books are unchanged.
    pub fn apply(
        &mut self,
        command: &Command,
        at: Timestamp,
        out: &mut CommandOutcome,
    ) -> Result<(), Refusal> {
        out.clear();
        if at < self.last_at {
            return Err(Refusal::TimeBackwards);
        }
        let today = self.business_date(at);
        if today.is_none() && !matches!(command, Command::OpenBooks(_)) {
            return Err(Refusal::BooksNotOpen);
        }
        let now = Now { at, today: today.unwrap_or_default() };
        let ended = self.end_last_day(now.today);
        let checked = check_amounts(command).and_then(|()| self.check_persons(command));
        let done = checked.and_then(|()| self.dispatch(command, now, out));
        match &done {
            Ok(()) => {
                if ended.is_some() {
                    self.forget_old_day_end();
                }
                self.last_at = at;
                let opened = || self.business_date(at);
                self.reference_data.last_date = today.or_else(opened).unwrap_or_default();
                self.note_contact(command, at);
                self.note_evidence(at, out);
                self.note_bank_movements(command, out, now.today);
                self.update_sellers_below_zero(out, now.today);
                self.update_fingerprint(at, out);
            }
            Err(_) => {
                out.clear();
                if let Some(day) = ended {
                    self.continue_last_day(day);
                }
            }
        }
        done
    }

    /// Loads the records that the commands will need into the processor's cache. Changes nothing
    /// but speed: with millions of parcels each look-up waits for memory, and here several waits
    /// overlap.
    pub fn prefetch<'c>(&self, commands: impl Iterator<Item = &'c Command>) {
        for command in commands {
            let parcel = match command {
                Command::ResolvePurchase(command) => command.payment.parcel,
                Command::ClearLine(ClearLine { payment: Some(payment), .. }) => payment.parcel,
                Command::BeginPurchase(command) => command.parcel,
                Command::RecordOfflineSale(command) => command.parcel,
                Command::TakeCash(command) => command.parcel,
                Command::TakeCashByPhone(command) => command.parcel,
                _ => continue,
            };
            std::hint::black_box(self.parcel_slot(parcel));
        }
    }

    /// Time of the last command applied.
    #[must_use]
    pub fn last_at(&self) -> Timestamp {
        self.last_at
    }

    /// A number that every applied command changes. If two books disagree on a posting, their
    /// fingerprints differ from then on (M11). Cheap enough to store with every batch; the
    /// [`Digest`] is the thorough check.
    #[must_use]
    pub fn fingerprint(&self) -> u64 {
        self.fingerprint
    }

    pub(crate) fn update_fingerprint(&mut self, at: Timestamp, out: &CommandOutcome) {
        let mut mixed = mix(self.fingerprint, at.0 ^ (out.events.len() as u64) << 48);
        for event in &out.events {
            mixed = mix(mixed, event_subject(event));
        }
        mixed = out.value_date.map_or(mixed, |date| mix(mixed, u64::from(date.0)));
        for Posting { entry, stage, debit, credit, amount, .. } in &out.postings {
            mixed = mix(mixed, (*entry as u64) << 8 | *stage as u64);
            mixed = mix(mixed, u64::from(debit.0) << 32 | u64::from(credit.0));
            mixed = mix(mixed, amount.minor());
        }
        self.fingerprint = mixed;
    }

    // Shared by the handlers.

    #[inline]
    pub(crate) fn parcel_slot(&self, id: ParcelId) -> Option<ParcelSlot> {
        self.index.find(id, &self.parcels, &self.payments)
    }

    #[inline]
    pub(crate) fn open_parcel_slot(&self, id: ParcelId) -> Result<u32, Refusal> {
        match self.parcel_slot(id) {
            Some(ParcelSlot::Open(slot)) => Ok(slot),
            Some(ParcelSlot::Closed(_)) => Err(Refusal::ParcelState),
            None => Err(Refusal::NotFound(MissingRecord::Parcel(id))),
        }
    }

    #[inline]
    pub(crate) fn parcel(&self, slot: u32) -> &Parcel {
        self.parcels.get(slot).expect("the slot holds a parcel")
    }

    #[inline]
    pub(crate) fn parcel_mut(&mut self, slot: u32) -> &mut Parcel {
        self.parcels.get_mut(slot).expect("the slot holds a parcel")
    }

    #[inline]
    pub(crate) fn payment(&self, slot: u32) -> &PaymentRecord {
        self.payments.get(slot).expect("the slot holds a payment")
    }

    #[inline]
    pub(crate) fn payment_mut(&mut self, slot: u32) -> &mut PaymentRecord {
        self.payments.get_mut(slot).expect("the slot holds a payment")
    }

    pub(crate) fn currency_accounts(&self, place: u8) -> &CurrencyAccounts {
        &self.reference_data.currencies[usize::from(place)]
    }

    pub(crate) fn currency_at(&self, place: u8) -> Currency {
        self.currency_accounts(place).currency
    }

    /// Position of a currency that has accounts.
    pub(crate) fn currency_index(&self, currency: Currency) -> Result<u8, Refusal> {
        let place =
            self.reference_data.currencies.iter().position(|known| known.currency == currency);
        let place = place.ok_or(Refusal::CurrencyWithoutAccount(currency))?;
        Ok(u8::try_from(place).expect("limited by CURRENCIES_MAX"))
    }

    pub(crate) fn check_same_currency(&self, one: u8, other: u8) -> Result<(), Refusal> {
        if one == other {
            return Ok(());
        }
        Err(Refusal::CurrencyMismatch(self.currency_at(one), self.currency_at(other)))
    }

    /// Checks that a bank account has an amount: its balance less payouts in flight from it, and
    /// less what one person says is there.
    pub(crate) fn check_in_bank(&self, bank: AccountNumber, amount: i128) -> Result<(), Refusal> {
        let available = self.ledger.account(bank).available() - self.said_to_be_in(bank);
        if amount <= available {
            return Ok(());
        }
        // A balance below zero is shown as it is.
        let size = clamp_to_amount(available.abs());
        let minor = i64::try_from(size.minor()).unwrap_or(i64::MAX);
        let available = SignedAmount::of(if available < 0 { -minor } else { minor });
        Err(Refusal::InsufficientFunds(available))
    }

    /// The tariff's version in force on a date.
    pub(crate) fn tariff_version_in_force(
        &self,
        tariff: u16,
        date: BusinessDate,
    ) -> Result<u16, Refusal> {
        let versions = &self.reference_data.tariffs[usize::from(tariff)].versions;
        let holds = |place: &&u16| {
            let version = &self.reference_data.versions[usize::from(**place)];
            version.from <= date && version.until.is_none_or(|until| date < until)
        };
        versions.iter().rev().find(holds).copied().ok_or(Refusal::NoTariff(date))
    }

    pub(crate) fn tariff_version(&self, version: u16) -> TariffVersion {
        let version = &self.reference_data.versions[usize::from(version)];
        TariffVersion { tariff: version.tariff, version: version.number }
    }
}

/// Checks an identifier that another system made, such as an order's. It may have as many digits as
/// a card number.
///
/// # Errors
/// [`Refusal::BadText`].
pub fn check_identifier(field: &'static str, text: &str) -> Result<(), Refusal> {
    match text_fault(text) {
        Some(fault) => Err(Refusal::BadText(field, fault)),
        None => Ok(()),
    }
}

/// Checks a reference or another text that a person of the office writes.
pub(crate) fn check_text(field: &'static str, text: &str) -> Result<(), Refusal> {
    check_identifier(field, text)?;
    if is_card_number(text) {
        return Err(Refusal::BadText(field, TextFault::CardNumber));
    }
    Ok(())
}

fn text_fault(text: &str) -> Option<TextFault> {
    if !(1..=REFERENCE_BYTES_MAX).contains(&text.len()) {
        return Some(TextFault::Length);
    }
    // The joiners U+200C and U+200D stay: Persian and Indian languages need them.
    let is_invisible = |c: &char| {
        c.is_control()
            || matches!(c,
                '\u{AD}' | '\u{61C}' | '\u{180E}' | '\u{200B}' | '\u{200E}' | '\u{200F}'
                | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{FEFF}'
                | '\u{FFF9}'..='\u{FFFF}')
    };
    let is_blank = text.chars().all(char::is_whitespace);
    let invisible = text.chars().find(is_invisible).map(TextFault::Invisible);
    invisible.or(is_blank.then_some(TextFault::Blank))
}

/// Whether a text is 13 to 19 digits whose last one is a Luhn check digit (ISO/IEC 7812-1), also
/// with spaces or hyphens between them.
fn is_card_number(text: &str) -> bool {
    let digits: Option<Vec<u32>> =
        text.chars().filter(|c| !matches!(c, ' ' | '-')).map(|c| c.to_digit(10)).collect();
    let Some(digits) = digits.filter(|digits| (13..=19).contains(&digits.len())) else {
        return false;
    };
    let weighed = digits.iter().rev().enumerate().map(|(place, digit)| match place % 2 {
        0 => *digit,
        _ => digit * 2 / 10 + digit * 2 % 10,
    });
    weighed.sum::<u32>() % 10 == 0
}

/// Checks that no amount of a command is above [`Amount::ENTRY_MAX`].
///
/// # Errors
/// [`Refusal::AmountAboveLimit`].
#[inline]
pub fn check_amounts(command: &Command) -> Result<(), Refusal> {
    let mut largest = Amount::ZERO;
    command.for_each_field(&mut |field| {
        let plain = field.downcast_ref::<Amount>().copied();
        let optional = || field.downcast_ref::<Option<Amount>>().copied().flatten();
        let signed = || {
            let always = field.downcast_ref::<SignedAmount>().copied();
            let sometimes = || field.downcast_ref::<Option<SignedAmount>>().copied().flatten();
            always.or_else(sometimes).map(SignedAmount::magnitude)
        };
        largest = largest.max(plain.or_else(optional).or_else(signed).unwrap_or(Amount::ZERO));
    });
    if largest <= Amount::ENTRY_MAX { Ok(()) } else { Err(Refusal::AmountAboveLimit(largest)) }
}

pub(crate) fn check_above_zero(amount: Amount) -> Result<(), Refusal> {
    if amount.is_zero() { Err(Refusal::AmountZero) } else { Ok(()) }
}

/// Checks that a date is in a range. One that begins with the first date of all has no beginning.
pub(crate) fn check_date(
    date: BusinessDate,
    range: RangeInclusive<BusinessDate>,
) -> Result<(), Refusal> {
    let possible = range.contains(&date);
    if possible { Ok(()) } else { Err(Refusal::BadDate(date, *range.start(), *range.end())) }
}

/// Clamps a balance to the range of an amount.
pub(crate) fn clamp_to_amount(balance: i128) -> Amount {
    let minor = balance.clamp(0, i128::from(Amount::MAX.minor()));
    u64::try_from(minor).ok().and_then(Amount::new).unwrap_or(Amount::MAX)
}

/// Accepts the next number. A used number is a retry if it comes with the same content. `same`
/// compares that, or returns `None` if the content is forgotten.
pub(crate) fn check_sequence_number(
    number: u32,
    done: u32,
    same: impl FnOnce() -> Option<bool>,
) -> Result<(), Refusal> {
    if (1..=done).contains(&number) {
        return Err(match same() {
            Some(true) => Refusal::Repeated,
            Some(false) => Refusal::NumberUsed(number),
            None => Refusal::NumberForgotten(number),
        });
    }
    let next = done.checked_add(1).ok_or(Refusal::Overflow)?;
    if number == next { Ok(()) } else { Err(Refusal::WrongSequenceNumber(next)) }
}

/// The refusal of what was done before: a retry only if the content is the same.
pub(crate) fn done_before(same: bool) -> Refusal {
    if same { Refusal::Repeated } else { Refusal::OtherContent }
}

/// The refusal of a used identifier: a retry only if the content is the same.
#[must_use]
pub fn used_identifier(same: bool) -> Refusal {
    if same { Refusal::Repeated } else { Refusal::IdentifierTaken }
}

/// Checks a command's record limit.
pub(crate) fn check_record_limit(limit: u32) -> Result<(), Refusal> {
    let right = (1..=RECORDS_PER_COMMAND_MAX).contains(&limit);
    if right { Ok(()) } else { Err(Refusal::OutOfRange(RECORDS_PER_COMMAND_MAX)) }
}

/// The subject of an event as a number, for the fingerprint.
fn event_subject(event: &Event) -> u64 {
    match event {
        Event::ParcelAnnounced { parcel, .. }
        | Event::ParcelAssigned { parcel, .. }
        | Event::ParcelDispatched { parcel, .. }
        | Event::DeliveryAttempted { parcel, .. }
        | Event::PartAccepted { parcel, .. }
        | Event::ParcelRefused { parcel }
        | Event::ParcelReturned { parcel, .. }
        | Event::SellerCompensated { parcel, .. }
        | Event::DiscountPaid { parcel, .. }
        | Event::DiscountReleased { parcel, .. }
        | Event::ParcelLost { parcel }
        | Event::DueAmended { parcel, .. }
        | Event::ParcelCancelled { parcel }
        | Event::ParcelDelivered { parcel, .. }
        | Event::ParcelReopened { parcel }
        | Event::ParcelForgotten { parcel } => parcel.low_bits(),
        Event::PaymentBegun { payment }
        | Event::PaymentCollected { payment, .. }
        | Event::PaymentDeclined { payment }
        | Event::PaymentUnknown { payment }
        | Event::LateApproval { payment }
        | Event::PaymentReversed { payment, .. }
        | Event::PaymentHeld { payment, .. }
        | Event::PaymentReleased { payment, .. }
        | Event::PaymentRouted { payment, .. }
        | Event::PaymentAuthorised { payment }
        | Event::CompletionBegun { payment, .. }
        | Event::CompletionDeclined { payment }
        | Event::CompletionUnknown { payment }
        | Event::CompletionReversed { payment }
        | Event::ReversalBegun { payment, .. }
        | Event::VoidReversalBegun { payment }
        | Event::PaymentRestored { payment }
        | Event::AdviceForwarded { payment }
        | Event::AdviceRejected { payment, .. }
        | Event::OfflineSaleFlagged { payment, .. }
        | Event::OfflineSaleSuspended { payment, .. }
        | Event::SuspendedSaleResolved { payment, .. }
        | Event::OfflineSaleRejected { payment, .. }
        | Event::LossReturned { payment, .. }
        | Event::ChargebackContested { payment, .. }
        | Event::ChargebackWon { payment, .. }
        | Event::ChargebackLost { payment, .. }
        | Event::ChargebackFeeBooked { payment, .. }
        | Event::RefundForwarded { payment, .. }
        | Event::RefundRejected { payment, .. }
        | Event::TimeClaimed { payment, .. } => {
            payment.parcel.low_bits() ^ u64::from(payment.number)
        }
        Event::BatchOpened { terminal, batch }
        | Event::BatchAgreed { terminal, batch, .. }
        | Event::BatchDisputed { terminal, batch, .. }
        | Event::BatchLeftDisputed { terminal, batch, .. }
        | Event::BatchReconciled { terminal, batch, .. }
        | Event::OpenItemOpened { terminal, batch, .. } => {
            terminal.0 ^ u64::from(*batch).rotate_right(20)
        }
        Event::BatchLineDiffers { terminal, stan, .. }
        | Event::ReversalWithoutOriginalRecorded { terminal, stan, .. }
        | Event::RequestDeclined { terminal, stan, .. }
        | Event::BalanceInquiryRecorded { terminal, stan, .. } => {
            terminal.0 ^ u64::from(stan.get()).rotate_right(20)
        }
        Event::NetworkWithdrawn { network, from } => network.0 ^ from.0.rotate_right(20),
        Event::NetworkReinstated { network } => network.0,
        Event::FileBegun { file, .. } | Event::FileEnded { file, .. } => u64::from(*file),
        Event::EntryTaken { bank, firm, file, line, .. } => {
            bank.0
                ^ firm.map_or(0, |firm| firm.0)
                ^ u64::from(*file).rotate_right(20)
                ^ u64::from(*line).rotate_right(40)
        }
        Event::SellerInvoiced { seller, number, .. }
        | Event::SellerPaymentRecorded { seller, invoice: number, .. } => {
            seller.0 ^ u64::from(*number).rotate_right(20)
        }
        Event::PayoutDropped { payout, left, .. } => payout.0 ^ left.minor().rotate_right(20),
        Event::OpenItemLineDecided { item, stan, .. } => {
            item.0 ^ u64::from(stan.get()).rotate_right(20)
        }
        Event::OpenItemClosed { item } => item.0,
        Event::PeriodClosed { number, until, .. } => {
            u64::from(*number) ^ u64::from(until.0).rotate_right(20)
        }
        Event::AdjustmentPosted { number, .. } => u64::from(*number),
        Event::SellerAdjusted { seller, number, .. } => {
            seller.0 ^ u64::from(*number).rotate_right(20)
        }
        Event::BreakAssigned { break_id, owner } => break_id.0 ^ owner.0.rotate_right(20),
        Event::BreakReduced { break_id, .. }
        | Event::BreakReclassified { break_id, .. }
        | Event::BreakWithdrawn { break_id, .. }
        | Event::SellerCharged { break_id, .. }
        | Event::SellerCredited { break_id, .. } => break_id.0,
        Event::HandOverCancelled { handover, .. } => handover.0,
        Event::HandOverCodeWrong { handover, tries } => {
            handover.0 ^ u64::from(*tries).rotate_right(20)
        }
        Event::ShortageWrittenOff { courier, .. }
        | Event::ShortageCovered { courier, .. }
        | Event::ShortageDeducted { courier, .. } => courier.0,
        _ => 0,
    }
}
