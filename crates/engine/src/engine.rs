//! The state machine itself: its state, and the way in.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use chunks::Slab;
use foldhash::fast::FixedState;
use hashbrown::HashMap;
use money::{Amount, Currency};
use tariff::BusinessDate;

use crate::batches::Doors;
use crate::books::Books;
use crate::command::{Command, ITEMS_PER_COMMAND_MAX, REFERENCE_BYTES_MAX};
use crate::disputes::Dispute;
use crate::event::{Event, Outcome, Posting, TariffVersion};
use crate::ids::{HandOverId, ParcelId, TenderId};
use crate::index::{Index, Place};
use crate::records::{
    Bank, Courier, CurrencyAccounts, Firm, Item, Parcel, Rail, Seller, Small, Terminal,
};
use crate::refusal::{Missing, Refusal};
use crate::registry::Registry;
use crate::tenders::NO_AUTHORISATION;
use crate::time::Timestamp;

/// SHA-256 over the whole state in its canonical form (M11).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Digest(pub [u8; 32]);

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The books of the doorstep.
#[derive(Debug, Default)]
pub struct Engine {
    pub(crate) small: Small,
    pub(crate) books: Books,
    pub(crate) banks: Registry<Bank>,
    pub(crate) firms: Registry<Firm>,
    pub(crate) couriers: Registry<Courier>,
    pub(crate) terminals: Registry<Terminal>,
    pub(crate) rails: Registry<Rail>,
    pub(crate) sellers: Registry<Seller>,
    pub(crate) parcels: Slab<Parcel>,
    pub(crate) items: Slab<Item>,
    pub(crate) index: Index,
    /// Whose each courier's last hand-over is, by its identifier; the couriers hold the same.
    pub(crate) handovers: HashMap<HandOverId, u32, FixedState>,
    /// What terminals did.
    pub(crate) doors: Doors,
    /// Pre-authorisations that have not ended, by the day on which they were asked for; the items
    /// hold the same.
    pub(crate) promises: BTreeSet<(BusinessDate, TenderId)>,
    /// Disputed batches that are forgotten, by the day on which they were, the terminal's number
    /// and the batch's.
    pub(crate) disputes: BTreeMap<(BusinessDate, u32, u32), Dispute>,
    /// From when on networks take no new payments, by their numbers.
    pub(crate) withdrawn: BTreeMap<u16, Timestamp>,
    pub(crate) last_at: Timestamp,
    pub(crate) fingerprint: u64,
}

impl Engine {
    /// Carries out a command at a moment, or refuses it. `out` then holds what happened; after a
    /// refusal it is empty and the books are as they were.
    ///
    /// # Errors
    /// Why the command is refused.
    pub fn apply(
        &mut self,
        command: &Command,
        at: Timestamp,
        out: &mut Outcome,
    ) -> Result<(), Refusal> {
        out.clear();
        if at < self.last_at {
            return Err(Refusal::TimeBackwards);
        }
        let done = self.dispatch(command, at, out);
        match &done {
            Ok(()) => {
                self.last_at = at;
                self.take_fingerprint(at, out);
            }
            Err(_) => out.clear(),
        }
        done
    }

    fn dispatch(
        &mut self,
        command: &Command,
        at: Timestamp,
        out: &mut Outcome,
    ) -> Result<(), Refusal> {
        use Command as C;
        if let C::OpenBooks { utc_offset_minutes } = command {
            return self.open_books(*utc_offset_minutes, out);
        }
        let today = at.date(self.small.utc_offset_minutes.ok_or(Refusal::BooksNotOpen)?);
        match command {
            C::BeginCollection { tender, terminal, method, amount } => {
                self.begin_collection((*tender, *terminal), *method, *amount, (today, at), out)
            }
            C::ResolveCollection { tender, resolution } => {
                self.resolve(*tender, *resolution, NO_AUTHORISATION, today, out)
            }
            C::ReverseCollection { tender } => self.reverse_collection(*tender, out),
            C::CollectCash { tender, courier, amount } => {
                self.collect_cash(*tender, *courier, *amount, today, out)
            }
            C::ConfirmClearing { .. } | C::ReleaseDue { .. } => self.clear(command, today, out),
            C::AnnounceParcel { .. }
            | C::AssignParcels { .. }
            | C::DispatchParcels { .. }
            | C::RecordAttempt { .. }
            | C::AcceptPart { .. }
            | C::RefuseParcel { .. }
            | C::ReturnParcel { .. }
            | C::LoseParcel { .. }
            | C::ForgetClosed { .. } => self.move_parcel(command, today, out),
            C::Refund { .. } | C::ConfirmRefund { .. } | C::ChargeBack { .. } => {
                self.give_back(command, out)
            }
            C::StartHandOver { .. }
            | C::CountHandOver { .. }
            | C::RepayShortage { .. }
            | C::AnnounceDeposit { .. }
            | C::ConfirmDeposit { .. }
            | C::CancelDeposit { .. }
            | C::PayCommission { .. } => self.move_cash(command, today, out),
            C::PlanSettlement { .. }
            | C::ApproveSettlement { .. }
            | C::RejectSettlement { .. }
            | C::ExecuteSettlement { .. }
            | C::ConfirmPayout { .. }
            | C::ReturnPayout { .. } => self.settle(command, today, out),
            C::RaiseBreak { .. }
            | C::ProposeBreakClosing { .. }
            | C::ApproveBreakClosing { .. } => self.keep_break(command, today, out),
            C::OpenBooks { .. }
            | C::RegisterBank { .. }
            | C::RegisterFirm { .. }
            | C::RegisterCourier { .. }
            | C::RegisterTerminal { .. }
            | C::HandTerminal { .. }
            | C::BlockTerminal { .. }
            | C::RegisterNetwork { .. }
            | C::RegisterWallet { .. }
            | C::SetHoldRule { .. }
            | C::PublishTariff { .. }
            | C::RegisterSeller { .. } => self.register(command, today, out),
            C::BeginPurchase { .. }
            | C::ResolvePurchase { .. }
            | C::BeginCompletion { .. }
            | C::ResolveCompletion { .. }
            | C::EndCompletionReversal { .. }
            | C::BeginVoid { .. }
            | C::BeginReversal { .. }
            | C::ReverseUnheard { .. }
            | C::UndoVoid { .. }
            | C::EndTakingBack { .. }
            | C::TakeAdvice { .. }
            | C::AnswerAdvice { .. }
            | C::SetOfflineLimit { .. }
            | C::TakeCash { .. }
            | C::BeginRefund { .. }
            | C::AnswerRefund { .. } => self.at_the_door(command, (today, at), out),
            C::OpenBatch { .. } | C::CloseBatch { .. } | C::ReconcileBatch { .. } => {
                self.keep_batch(command, today, out)
            }
            C::WithdrawNetwork { .. } | C::ReinstateNetwork { .. } => {
                self.withdraw(command, at, out)
            }
            C::ExpirePreAuthorisations { before, limit } => {
                self.expire_promises(*before, *limit, today, out)
            }
        }
    }

    /// Brings the records that some commands are going to need nearer to the processor. Nothing
    /// changes but the time that carrying them out takes: where there are millions of parcels, each
    /// look-up waits for memory, and here the waits of several commands overlap.
    pub fn warm<'c>(&self, commands: impl Iterator<Item = &'c Command>) {
        for command in commands {
            let parcel = match command {
                Command::BeginCollection { tender, .. }
                | Command::ResolveCollection { tender, .. }
                | Command::ResolvePurchase { tender, .. }
                | Command::CollectCash { tender, .. }
                | Command::ConfirmClearing { tender, .. } => tender.parcel,
                Command::BeginPurchase { parcel, .. }
                | Command::TakeAdvice { parcel, .. }
                | Command::TakeCash { parcel, .. } => *parcel,
                _ => continue,
            };
            std::hint::black_box(self.place(parcel));
        }
    }

    /// When the last command was carried out.
    #[must_use]
    pub fn last_at(&self) -> Timestamp {
        self.last_at
    }

    /// A number that every command carried out has changed: two engines that disagree about any
    /// posting disagree about it from then on (M11). Cheap enough to be kept with every batch; the
    /// [`Digest`] is the thorough one.
    #[must_use]
    pub fn fingerprint(&self) -> u64 {
        self.fingerprint
    }

    fn take_fingerprint(&mut self, at: Timestamp, out: &Outcome) {
        let mut mixed = mix(self.fingerprint, at.0 ^ (out.events.len() as u64) << 48);
        for event in &out.events {
            mixed = mix(mixed, mark(event));
        }
        for Posting { entry, stage, debit, credit, amount, .. } in &out.postings {
            mixed = mix(mixed, (*entry as u64) << 8 | *stage as u64);
            mixed = mix(mixed, u64::from(debit.0) << 32 | u64::from(credit.0));
            mixed = mix(mixed, amount.minor());
        }
        self.fingerprint = mixed;
    }

    // What the handlers share.

    #[inline]
    pub(crate) fn place(&self, id: ParcelId) -> Option<Place> {
        self.index.find(id, &self.parcels, &self.items)
    }

    /// A parcel that is on its way.
    #[inline]
    pub(crate) fn open_slot(&self, id: ParcelId) -> Result<u32, Refusal> {
        match self.place(id) {
            Some(Place::Open(slot)) => Ok(slot),
            Some(Place::Closed(_)) => Err(Refusal::ParcelState),
            None => Err(Refusal::NotFound(Missing::Parcel(id))),
        }
    }

    #[inline]
    pub(crate) fn parcel(&self, slot: u32) -> &Parcel {
        self.parcels.get(slot).expect("the slot is a parcel's")
    }

    #[inline]
    pub(crate) fn parcel_mut(&mut self, slot: u32) -> &mut Parcel {
        self.parcels.get_mut(slot).expect("the slot is a parcel's")
    }

    #[inline]
    pub(crate) fn item(&self, slot: u32) -> &Item {
        self.items.get(slot).expect("the slot is an item's")
    }

    #[inline]
    pub(crate) fn item_mut(&mut self, slot: u32) -> &mut Item {
        self.items.get_mut(slot).expect("the slot is an item's")
    }

    pub(crate) fn currency_accounts(&self, place: u8) -> &CurrencyAccounts {
        &self.small.currencies[usize::from(place)]
    }

    pub(crate) fn currency_at(&self, place: u8) -> Currency {
        self.currency_accounts(place).currency
    }

    /// The place of a currency that has accounts.
    pub(crate) fn currency_place(&self, currency: Currency) -> Result<u8, Refusal> {
        let place = self.small.currencies.iter().position(|known| known.currency == currency);
        let place = place.ok_or(Refusal::CurrencyWithoutAccount(currency))?;
        Ok(u8::try_from(place).expect("as many currencies as registering allows"))
    }

    pub(crate) fn same_currency(&self, one: u8, other: u8) -> Result<(), Refusal> {
        if one == other {
            return Ok(());
        }
        Err(Refusal::CurrencyMismatch(self.currency_at(one), self.currency_at(other)))
    }

    /// The version of the seller's tariff that holds on a date.
    pub(crate) fn version_in_force(&self, tariff: u16, date: BusinessDate) -> Result<u16, Refusal> {
        let versions = &self.small.tariffs[usize::from(tariff)].versions;
        let holds = |place: &&u16| {
            let version = &self.small.versions[usize::from(**place)];
            version.from <= date && version.until.is_none_or(|until| date < until)
        };
        versions.iter().rev().find(holds).copied().ok_or(Refusal::NoTariff(date))
    }

    pub(crate) fn tariff_version(&self, version: u16) -> TariffVersion {
        let version = &self.small.versions[usize::from(version)];
        TariffVersion { tariff: version.tariff, version: version.number }
    }
}

pub(crate) fn check_reference(reference: &str) -> Result<(), Refusal> {
    let length = (1..=REFERENCE_BYTES_MAX).contains(&reference.len());
    if !length || reference.chars().any(char::is_control) {
        return Err(Refusal::BadReference);
    }
    Ok(())
}

pub(crate) fn above_zero(amount: Amount) -> Result<(), Refusal> {
    if amount.is_zero() { Err(Refusal::AmountZero) } else { Ok(()) }
}

/// Checks how many items a command may go through.
pub(crate) fn within_items(limit: u32) -> Result<(), Refusal> {
    let right = (1..=ITEMS_PER_COMMAND_MAX).contains(&limit);
    if right { Ok(()) } else { Err(Refusal::OutOfRange(ITEMS_PER_COMMAND_MAX)) }
}

/// Which parcel, batch or network a fact is about, in a word.
fn mark(event: &Event) -> u64 {
    match event {
        Event::Announced { parcel, .. }
        | Event::Assigned { parcel, .. }
        | Event::Dispatched { parcel, .. }
        | Event::Attempted { parcel, .. }
        | Event::PartAccepted { parcel, .. }
        | Event::Refused { parcel }
        | Event::Returned { parcel, .. }
        | Event::Lost { parcel }
        | Event::Delivered { parcel, .. }
        | Event::Reopened { parcel }
        | Event::Forgotten { parcel } => parcel.low(),
        Event::Begun { tender }
        | Event::Collected { tender, .. }
        | Event::Declined { tender }
        | Event::BecameUnknown { tender }
        | Event::LateApproval { tender }
        | Event::Reversed { tender, .. }
        | Event::Held { tender, .. }
        | Event::Released { tender, .. }
        | Event::Routed { tender, .. }
        | Event::Authorised { tender }
        | Event::CompletionBegun { tender, .. }
        | Event::CompletionDeclined { tender }
        | Event::CompletionUnknown { tender }
        | Event::CompletionReversed { tender }
        | Event::TakingBack { tender, .. }
        | Event::UndoingVoid { tender }
        | Event::Stands { tender }
        | Event::AdviceForwarded { tender }
        | Event::AdviceRejected { tender, .. }
        | Event::RefundForwarded { tender, .. }
        | Event::RefundRejected { tender, .. } => tender.parcel.low() ^ u64::from(tender.number),
        Event::BatchOpened { terminal, batch }
        | Event::BatchAgreed { terminal, batch, .. }
        | Event::BatchDiffers { terminal, batch, .. }
        | Event::BatchLeftDisputed { terminal, batch, .. }
        | Event::BatchReconciled { terminal, batch, .. } => {
            terminal.0 ^ u64::from(*batch).rotate_right(20)
        }
        Event::BatchLineDiffers { terminal, stan, .. }
        | Event::ReversedUnheard { terminal, stan, .. } => {
            terminal.0 ^ u64::from(*stan).rotate_right(20)
        }
        Event::NetworkWithdrawn { network, from } => network.0 ^ from.0.rotate_right(20),
        Event::NetworkReinstated { network } => network.0,
        _ => 0,
    }
}

/// One step of the fingerprint. Frozen: journals hold its results.
#[inline]
fn mix(state: u64, word: u64) -> u64 {
    let mixed = (state ^ word).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    mixed ^ (mixed >> 32)
}
