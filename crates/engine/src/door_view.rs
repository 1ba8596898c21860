//! What can be asked of terminals, their transactions and batches, and of networks.

use money::{Amount, Currency};
use tariff::{BusinessDate, CardKind};

use crate::batches::{Agreement, Door, Standing, Transaction};
use crate::command::Method;
use crate::door::{BatchTotals, Mark, Sent, Trace, TransactionKind};
use crate::engine::Engine;
use crate::ids::{BreakId, CourierId, FirmId, NetworkId, ParcelId, TenderId, TerminalId};
use crate::index::Place;
use crate::records::{Back, Item, Means, Progress, RailId};
use crate::time::Timestamp;
use crate::view::TenderState;

/// A terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TerminalView {
    /// Who has it.
    pub courier: CourierId,
    /// The courier's firm.
    pub firm: FirmId,
    /// The firm's currency.
    pub currency: Currency,
    /// Whether it is blocked.
    pub blocked: bool,
    /// Its last batch; 0 if there was none.
    pub batch: u32,
    /// Whether that is open.
    pub batch_open: bool,
    /// Whether the last batch that was closed is disputed, and its lines are expected.
    pub disputed: bool,
    /// How many transactions the last batch has.
    pub transactions: u32,
    /// One offline sale at the most.
    pub offline_each: Amount,
    /// Offline sales that the network has not answered, together at the most.
    pub offline_total: Amount,
    /// What of that is left.
    pub offline_left: Amount,
}

/// A transaction of a terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TransactionView {
    /// How the terminal numbers it.
    pub trace: Trace,
    /// What kind it is.
    pub kind: TransactionKind,
    /// What tells a repeat from another transaction with the same number.
    pub mark: Mark,
    /// The parcel.
    pub parcel: ParcelId,
    /// The tender that it is about.
    pub tender: TenderId,
    /// How much.
    pub amount: Amount,
    /// How the network knows it; nothing for cash.
    pub sent: Sent,
    /// How the tender is paid; nothing for cash.
    pub method: Option<Method>,
    /// The response code that the terminal was given first; nothing while it waits.
    pub answer: Option<[u8; 2]>,
    /// The authorisation code that came with it; of a wallet's order, by which payment it was paid;
    /// or spaces.
    pub authorisation: [u8; 6],
    /// Whether it was approved and still counts in the batch.
    pub stands: bool,
    /// Whether it was reversed, or is being.
    pub reversed: bool,
    /// Whether somebody has to be asked about it: of an offline sale, whether the network has not
    /// answered it.
    pub chased: bool,
    /// Where the tender stands.
    pub state: TenderState,
}

/// A disputed batch that nobody has explained.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DisputeView {
    /// The terminal.
    pub terminal: TerminalId,
    /// The batch.
    pub batch: u32,
    /// What it adds up to in the books.
    pub ours: BatchTotals,
    /// What it adds up to at the terminal.
    pub theirs: BatchTotals,
    /// When it was forgotten without its lines; nothing where they are still expected.
    pub left_on: Option<BusinessDate>,
    /// The break over what differs by card, if one was raised.
    pub break_id: Option<BreakId>,
}

/// What somebody has to be asked about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ChaseKind {
    /// A purchase waits for its answer.
    Begun,
    /// Nobody knows how a purchase ended: its reversal is to be acknowledged.
    Unknown,
    /// The reversal of an approved or authorised payment, or of a pre-authorisation that has
    /// expired, is to be acknowledged.
    Reversal,
    /// A void waits for its answer.
    Void,
    /// The reversal of a void is to be acknowledged.
    UndoingVoid,
    /// A completion waits for its answer.
    Completing,
    /// Nobody knows how a completion ended: its reversal is to be acknowledged.
    CompletionUnknown,
    /// An offline sale is to be forwarded.
    Advice,
    /// A refund is to be forwarded.
    Refund,
    /// A QR code was paid when it was over: its wallet is to give that back.
    PaidLate,
}

/// A transaction that somebody has to be asked about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Chase {
    /// What is to be asked.
    pub what: ChaseKind,
    /// The tender.
    pub tender: TenderId,
    /// The transaction that is meant: the purchase, the void, the completion, the refund.
    pub trace: Trace,
    /// How the tender is paid.
    pub method: Method,
    /// The transaction's amount.
    pub amount: Amount,
    /// The tender's amount: what was sold, or authorised.
    pub of: Amount,
    /// How the network knows the transaction.
    pub sent: Sent,
    /// The transaction's authorisation code, or spaces.
    pub authorisation: [u8; 6],
}

/// A card network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NetworkView {
    /// The currency that it clears in.
    pub currency: Currency,
    /// From when on it takes no new payments.
    pub withdrawn_from: Option<Timestamp>,
    /// How many of its payments are unknown (M4).
    pub unknown: u32,
    /// What it owes, in minor units; below zero, it is owed.
    pub receivable: i128,
    /// What is reserved on it, in minor units: payments that wait, or are authorised.
    pub pending: u128,
}

/// What a transaction that is chased is chased for, by where its tender stands. Nothing: it must
/// not be chased.
pub(crate) fn chase_kind(kind: TransactionKind, progress: Progress) -> Option<ChaseKind> {
    use Progress as P;
    use TransactionKind as K;
    Some(match (kind, progress) {
        (K::Sale | K::PreAuthorisation | K::Qr, P::Begun(_)) => ChaseKind::Begun,
        (K::Sale | K::PreAuthorisation | K::Qr, P::Unknown(_)) => ChaseKind::Unknown,
        (K::Qr, P::Declined) => ChaseKind::PaidLate,
        (
            K::Sale | K::PreAuthorisation | K::Qr | K::Completion | K::Advice,
            P::TakingBack(Back::Reversal) | P::Releasing(_, Back::Reversal | Back::Expiry),
        ) => ChaseKind::Reversal,
        (K::Completion, P::Completing(_)) => ChaseKind::Completing,
        (K::Completion, P::CompletionUnknown(_)) => ChaseKind::CompletionUnknown,
        (K::Void, P::TakingBack(Back::Void) | P::Releasing(_, Back::Void)) => ChaseKind::Void,
        (K::Void, P::TakingBack(Back::UndoingVoid) | P::Releasing(_, Back::UndoingVoid)) => {
            ChaseKind::UndoingVoid
        }
        (K::Advice, progress) if progress.unpaid().is_some() => ChaseKind::Advice,
        (K::Refund, progress) if progress.unpaid().is_some() => ChaseKind::Refund,
        _ => return None,
    })
}

impl Engine {
    /// A terminal.
    #[must_use]
    pub fn terminal_view(&self, id: TerminalId) -> Option<TerminalView> {
        let number = self.terminals.number(id)?;
        let terminal = self.terminals.get(number);
        let courier = self.couriers.get(terminal.courier);
        let firm = self.firms.get(courier.firm);
        let idle = Door::default();
        let door = self.doors.door(number).unwrap_or(&idle);
        let closed = door.closed.as_ref();
        let transactions = door.list_of(door.batch).map_or(0, <[_]>::len);
        Some(TerminalView {
            courier: courier.id,
            firm: firm.id,
            currency: self.currency_at(firm.currency),
            blocked: terminal.blocked,
            batch: door.batch,
            batch_open: door.open,
            disputed: closed.is_some_and(|closed| closed.agreement == Agreement::Disputed),
            transactions: u32::try_from(transactions).expect("as many as a batch may have"),
            offline_each: door.offline_each,
            offline_total: door.offline_total,
            offline_left: door.offline_left(),
        })
    }

    /// A transaction, while its terminal may ask about it: in the last two batches, as long as
    /// somebody has to be asked about it, and a pre-authorisation as long as its parcel is
    /// remembered.
    #[must_use]
    pub fn transaction(&self, trace: Trace) -> Option<TransactionView> {
        let one = self.find_transaction(trace)?;
        let may_ask = one.listed || one.chased || one.is_promise();
        may_ask.then(|| self.view_of(one, trace))
    }

    /// A wallet's order, as long as its parcel is remembered.
    #[must_use]
    pub fn order(&self, trace: Trace) -> Option<TransactionView> {
        let one = self.find_transaction(trace)?;
        one.is_order().then(|| self.view_of(one, trace))
    }

    fn find_transaction(&self, trace: Trace) -> Option<&Transaction> {
        let terminal = self.terminals.number(trace.terminal)?;
        let slot = self.doors.find_old(terminal, trace.batch, trace.stan)?;
        Some(self.doors.get(slot))
    }

    fn view_of(&self, one: &Transaction, trace: Trace) -> TransactionView {
        let item = self.item_of(one);
        TransactionView {
            trace,
            kind: one.kind,
            mark: one.mark(),
            parcel: one.parcel,
            tender: one.tender(),
            amount: one.amount,
            sent: one.sent(),
            method: self.method_of(item),
            answer: one.answer(),
            authorisation: one.authorisation,
            stands: one.standing == Standing::Stands,
            reversed: one.standing == Standing::Reversed,
            chased: one.chased,
            state: self.tender_view(item).expect("a transaction is about a tender").state,
        }
    }

    /// A transaction of one of a terminal's last two batches, or one that is chased.
    #[must_use]
    pub fn find_in_batch(
        &self,
        terminal: TerminalId,
        batch: u32,
        stan: u32,
    ) -> Option<TransactionView> {
        self.transaction(Trace { terminal, batch, stan })
    }

    /// The tender that a transaction is about.
    #[must_use]
    pub fn tender_of(&self, trace: Trace) -> Option<TenderId> {
        self.find_transaction(trace).map(Transaction::tender)
    }

    /// What a terminal's last batch, or the one that was closed last, adds up to in the books.
    #[must_use]
    pub fn batch_totals(&self, terminal: TerminalId, batch: u32) -> Option<BatchTotals> {
        let door = self.doors.door(self.terminals.number(terminal)?)?;
        Some(self.doors.totals(door.list_of(batch)?))
    }

    /// Everything that somebody has to be asked about, in the order of the records: after a
    /// restart, this is the work to go on with (M4). It costs what there is to chase.
    pub fn to_chase(&self) -> impl Iterator<Item = Chase> {
        self.doors.chased.iter().map(|slot| self.chase_at(*slot))
    }

    /// What somebody has to be asked about a tender that is being taken back.
    #[must_use]
    pub fn chase_of(&self, tender: TenderId) -> Option<Chase> {
        self.doors.chased_of(tender).map(|slot| self.chase_at(slot))
    }

    fn chase_at(&self, slot: u32) -> Chase {
        let one = self.doors.get(slot);
        let item = self.item_of(one);
        let terminal = self.terminals.get(one.terminal).id;
        Chase {
            what: chase_kind(one.kind, item.progress).expect("M4: chased for something"),
            tender: one.tender(),
            trace: Trace { terminal, batch: one.batch, stan: one.stan },
            method: self.method_of(item).expect("cash is not chased"),
            amount: one.amount,
            of: item.amount,
            sent: one.sent(),
            authorisation: one.authorisation,
        }
    }

    /// The pre-authorisations that stand, by how they are to be paid: nobody has to be asked about
    /// them until they are completed, voided or over.
    pub fn pre_authorisations(&self) -> impl Iterator<Item = Method> {
        self.promises.iter().filter_map(|(_, tender)| {
            let (slot, _) = self.find_tender(*tender).ok()?;
            let item = self.item(slot);
            let stands = matches!(item.progress, Progress::Authorised(_));
            stands.then(|| self.method_of(item)).flatten()
        })
    }

    fn item_of(&self, transaction: &Transaction) -> &Item {
        let found = self.find_tender(transaction.tender());
        let (slot, _) = found.expect("a transaction's tender is remembered");
        self.item(slot)
    }

    fn method_of(&self, item: &Item) -> Option<Method> {
        let kind = match item.means {
            Means::DebitCard => CardKind::Debit,
            Means::CreditCard => CardKind::Credit,
            // A wallet has no kinds.
            Means::Qr => CardKind::Debit,
            Means::Cash => return None,
        };
        Some(match self.rails.get(u32::from(item.rail)).id {
            RailId::Network(network) => Method::Card { network, kind },
            RailId::Wallet(wallet) => Method::Qr { wallet },
        })
    }

    /// The name of the network or wallet of a method, in the operator's own words.
    #[must_use]
    pub fn method_reference(&self, method: Method) -> Option<&str> {
        let rail = match method {
            Method::Card { network, .. } => RailId::Network(network),
            Method::Qr { wallet } => RailId::Wallet(wallet),
        };
        self.rails.find(rail).map(|rail| rail.reference.as_str())
    }

    /// A network.
    #[must_use]
    pub fn network_view(&self, id: NetworkId) -> Option<NetworkView> {
        let number = self.rails.number(RailId::Network(id))?;
        let rail = self.rails.get(number);
        let receivable = self.books.account(rail.receivable);
        let number = u16::try_from(number).ok()?;
        Some(NetworkView {
            currency: self.currency_at(rail.currency),
            withdrawn_from: self.withdrawn.get(&number).copied(),
            unknown: rail.unknown,
            receivable: receivable.balance(),
            pending: receivable.debits_pending(),
        })
    }

    /// What a network keeps of a card payment by the tariff of the parcel's seller that holds
    /// today, in minor units. The tariff says the same for every network.
    #[must_use]
    pub fn network_cost(
        &self,
        parcel: ParcelId,
        kind: CardKind,
        amount: Amount,
        today: BusinessDate,
    ) -> Option<Amount> {
        let number = match self.place(parcel)? {
            Place::Open(slot) => self.parcel(slot).seller,
            Place::Closed(newest) => self.item(newest).seller,
        };
        let version = self.version_in_force(self.sellers.get(number).tariff, today).ok()?;
        let means = match kind {
            CardKind::Debit => Means::DebitCard,
            CardKind::Credit => Means::CreditCard,
        };
        Some(self.fees_of(number, version, means, amount).kept_by_network())
    }
}
