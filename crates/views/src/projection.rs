//! Makes rows of what an engine does.

use std::collections::{BTreeSet, HashMap};

use books::chart::{AccountKind, CHART};
use books::parcel_list::ListedParcel;
use books::view::{AccountView, PaymentState, PaymentView};
use books::{
    AnnounceParcel, Books, Command, CourierId, Event, ParcelId, PaymentId, Posting, PostingStage,
    RailId, ReversalKind,
};
use engine::{Actor, CommandOutcome, Engine, Submission, Timestamp};
use journal::{JournalHead, Sequence};
use ledger::AccountNumber;
use reports::{
    AccountNameStyle, AccountNames, debits_less_credits, method_name, parcel_state_name,
};

use crate::catalog::ViewName;
use crate::occurrences::{Occurrence, OpenPlans};
use crate::of_market::TouchedMarket;
use crate::of_policy::TouchedTexts;
use crate::rows::{Checkpoint, Day, RowKey, Rows};
use crate::value::ViewValue;

/// Collects the rows of batches until they are taken.
///
/// A parcel's or payment's row is what the engine says at the end of a batch, so that the rows of a
/// batch number are those of a page that was shown then.
pub struct Projection {
    rows: Rows,
    checkpoint: Checkpoint,
    /// Debits less credits, by account.
    balances: Vec<i128>,
    names: AccountNames,
    /// What the commands of this batch touched.
    touched_parcels: HashMap<ParcelId, Touched>,
    touched_payments: BTreeSet<PaymentId>,
    /// The accounts that the postings of this batch moved.
    moved: Vec<AccountNumber>,
    /// The courier of each account that holds a courier's cash or shortage.
    cash_of: HashMap<AccountNumber, CourierId>,
    touched_couriers: BTreeSet<CourierId>,
    plans: OpenPlans,
    touched_market: TouchedMarket,
    touched_texts: TouchedTexts,
    /// The command of the batch, from 1.
    command: i64,
}

#[derive(Clone, Copy, Debug, Default)]
struct Touched {
    /// It has no row that ends.
    is_new: bool,
}

/// Why a projection stops. Nothing of the batch is written.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum ProjectionError {
    /// SQL has no number for it.
    #[error("a balance of account {account} is beyond 64 bits; the views cannot hold it")]
    BalanceTooLarge { account: u32 },
    #[error(
        "M1: after batch {batch} the views have another balance of account {account} than the \
         books; rebuild them with `doorstep views rebuild`, and report this"
    )]
    BalancesDiffer { batch: Sequence, account: u32 },
}

impl Projection {
    /// Goes on after a checkpoint. `engine` is what its batch left.
    #[must_use]
    pub fn after(checkpoint: Checkpoint, engine: &Engine) -> Projection {
        let books = engine.books();
        let mut projection = Projection {
            rows: Rows::default(),
            checkpoint,
            balances: Vec::new(),
            names: AccountNames::default(),
            touched_parcels: HashMap::new(),
            touched_payments: BTreeSet::new(),
            moved: Vec::new(),
            cash_of: HashMap::new(),
            touched_couriers: BTreeSet::new(),
            plans: books
                .open_plans()
                .filter_map(|plan| books.open_plan(plan.id))
                .map(|plan| (plan.id, plan.lines.iter().map(|one| one.line.payout).collect()))
                .collect(),
            touched_market: TouchedMarket::after(engine.market()),
            touched_texts: TouchedTexts::default(),
            command: 0,
        };
        for account in books.accounts() {
            projection.note_cash(&account);
            projection.balances.push(debits_less_credits(account.kind, account.balance));
            // The same names as if it had been there from the start.
            projection.names.name(account.number, engine, AccountNameStyle::Plain);
        }
        projection
    }

    #[must_use]
    pub fn checkpoint(&self) -> Checkpoint {
        self.checkpoint
    }

    #[must_use]
    pub fn rows(&self) -> &Rows {
        &self.rows
    }

    /// Takes the rows, and begins anew with empty ones.
    pub fn take_rows(&mut self, empty: Rows) -> Rows {
        std::mem::replace(&mut self.rows, empty)
    }

    fn batch_number(&self) -> i64 {
        signed(self.checkpoint.head.sequence.number() + 1)
    }

    /// A command was applied.
    ///
    /// # Errors
    /// [`ProjectionError::BalanceTooLarge`].
    pub fn command(
        &mut self,
        submission: &Submission,
        at: Timestamp,
        outcome: &CommandOutcome,
        engine: &Engine,
    ) -> Result<(), ProjectionError> {
        let (books, batch) = (engine.books(), self.batch_number());
        self.command += 1;
        self.checkpoint.commands += 1;
        self.checkpoint.at = signed(at.0);
        let date = books.last_date();
        let day = Day::of(date);
        let value_day = outcome.books.value_date.map_or(day, Day::of);
        let (by_kind, by_id) = actor(submission.by);
        self.rows.add(
            ViewName::Commands,
            [
                batch.into(),
                self.command.into(),
                at.0.into(),
                ViewValue::Day(day),
                submission.command.name().into(),
                by_kind.into(),
                by_id.into(),
            ],
        );
        self.add_accounts(engine);
        self.touched_market.note(submission.command.as_market(), outcome, engine.market());
        self.touched_texts.note(&submission.command, outcome, at);
        for posting in &outcome.books.postings {
            self.add_posting(posting, (day, value_day))?;
        }
        for event in &outcome.books.events {
            if let Some(parcel) = event.parcel() {
                let is_new = matches!(event, Event::ParcelAnnounced { .. });
                self.touched_parcels.entry(parcel).or_default().is_new |= is_new;
            }
            if let Some(payment) = event.payment() {
                self.touch(payment);
            }
        }
        for (command, events) in outcome.of_books(submission) {
            let mut occurrence = Occurrence {
                rows: &mut self.rows,
                plans: &mut self.plans,
                books,
                given: command,
                batch,
                place: self.command,
                day: date,
            };
            occurrence.write(events);
            if let Command::AnnounceParcel(announced) = command {
                let AnnounceParcel { parcel, seller, reference, shipment, currency, due } =
                    announced;
                self.rows.add(
                    ViewName::Orders,
                    [
                        ViewValue::Parcel(*parcel),
                        ViewValue::id(seller.0),
                        ViewValue::text(reference),
                        i64::from(*shipment).into(),
                        batch.into(),
                        currency.code().into(),
                        due.minor().into(),
                    ],
                );
            }
        }
        Ok(())
    }

    fn touch(&mut self, payment: PaymentId) {
        self.touched_parcels.entry(payment.parcel).or_default();
        self.touched_payments.insert(payment);
    }

    fn note_cash(&mut self, account: &AccountView) {
        if let AccountKind::CourierCash | AccountKind::CourierShortage = account.kind {
            self.cash_of.insert(account.number, CourierId(account.owner));
        }
    }

    /// The accounts that the last command opened.
    fn add_accounts(&mut self, engine: &Engine) {
        let (books, batch) = (engine.books(), self.batch_number());
        while let Some(number) = u32::try_from(self.balances.len()).ok().map(AccountNumber)
            && let Some(account) = books.account_view(number)
        {
            self.balances.push(0);
            self.note_cash(&account);
            let name = self.names.name(number, engine, AccountNameStyle::Plain).0.to_owned();
            self.rows.add(
                ViewName::Accounts,
                [
                    i64::from(number.0).into(),
                    i64::from(account.kind.code()).into(),
                    ViewValue::text(name),
                    ViewValue::id(account.owner),
                    books.owner_reference(&account).map(ViewValue::text).into(),
                    account.currency.code().into(),
                    batch.into(),
                ],
            );
        }
    }

    fn add_posting(
        &mut self,
        posting: &Posting,
        (day, value_day): (Day, Day),
    ) -> Result<(), ProjectionError> {
        let moved = match posting.moves_money() {
            true => i128::from(posting.amount.minor()),
            false => 0,
        };
        let mut balance = |account: AccountNumber, change: i128| {
            let balance = &mut self.balances[account.0 as usize];
            *balance += change;
            let too_large = ProjectionError::BalanceTooLarge { account: account.0 };
            i64::try_from(*balance).map_err(|_| too_large)
        };
        let debit_balance = balance(posting.debit, moved)?;
        let credit_balance = balance(posting.credit, -moved)?;
        let payment = posting.payment;
        if let Some(payment) = payment {
            self.touch(payment);
        }
        self.checkpoint.postings += 1;
        for account in [posting.debit, posting.credit] {
            self.moved.push(account);
            self.touched_couriers.extend(self.cash_of.get(&account));
        }
        self.rows.add(
            ViewName::Postings,
            [
                self.checkpoint.postings.into(),
                self.batch_number().into(),
                self.command.into(),
                ViewValue::Day(day),
                ViewValue::Day(value_day),
                CHART[posting.entry as usize].name.into(),
                stage_name(posting.stage).into(),
                i64::from(posting.debit.0).into(),
                i64::from(posting.credit.0).into(),
                posting.amount.minor().into(),
                debit_balance.into(),
                credit_balance.into(),
                payment.map(|one| ViewValue::Parcel(one.parcel)).into(),
                payment.map(|one| i64::from(one.number)).into(),
                posting.tariff.map(|one| bits(one.tariff.0)).into(),
                posting.tariff.map(|one| i64::from(one.version)).into(),
            ],
        );
        Ok(())
    }

    /// All commands of a batch were applied.
    ///
    /// # Errors
    /// [`ProjectionError::BalancesDiffer`].
    pub fn batch(&mut self, head: JournalHead, engine: &Engine) -> Result<(), ProjectionError> {
        let (books, batch) = (engine.books(), self.batch_number());
        self.check_balances(head.sequence, books)?;
        // The same order each time.
        let mut touched: Vec<_> = self.touched_parcels.drain().collect();
        touched.sort_unstable_by_key(|(parcel, _)| *parcel);
        for (parcel, Touched { is_new }) in touched {
            let content = books.listed_parcel(parcel).map(|parcel| parcel_content(&parcel));
            let key = RowKey::parcel(parcel, [0, 0]);
            self.rows.hold(ViewName::Parcels, key, batch, is_new, content);
        }
        // Number 0 is the parcel itself.
        let touched = std::mem::take(&mut self.touched_payments);
        for id in touched.into_iter().filter(|id| id.number > 0) {
            let content = books.payment_with_id(id);
            let content = content.map(|view| payment_content(&view, books.payment_rail(id)));
            let key = RowKey::parcel(id.parcel, [id.number.into(), 0]);
            self.rows.hold(ViewName::Payments, key, batch, false, content);
        }
        for courier in std::mem::take(&mut self.touched_couriers) {
            let content = custody_content(books, courier);
            let key = RowKey([courier.0, 0, 0, 0]);
            self.rows.hold(ViewName::Custody, key, batch, false, content);
        }
        self.touched_market.write(&mut self.rows, batch, engine);
        self.touched_texts.write(&mut self.rows, batch, engine);
        self.command = 0;
        self.checkpoint.head = head;
        Ok(())
    }

    /// The postings of the batch lead to the balances of the books.
    fn check_balances(&mut self, batch: Sequence, books: &Books) -> Result<(), ProjectionError> {
        for account in self.moved.drain(..) {
            let view = books.account_view(account).expect("a posting's accounts are there");
            let own = self.balances[account.0 as usize];
            if own != debits_less_credits(view.kind, view.balance) {
                return Err(ProjectionError::BalancesDiffer { batch, account: account.0 });
            }
        }
        Ok(())
    }
}

fn custody_content(books: &Books, courier: CourierId) -> Option<[ViewValue; 4]> {
    let firm = books.courier_firm(courier)?;
    let (in_hand, shortage) = books.courier_cash(courier)?;
    // Each posting to these accounts has a balance of 64 bits.
    let minor = |sum: i128| ViewValue::Number(i64::try_from(sum).unwrap_or(i64::MAX));
    let currency = books.firm_currency(firm)?.code();
    Some([ViewValue::id(firm.0), currency.into(), minor(in_hand), minor(shortage)])
}

fn parcel_content(parcel: &ListedParcel) -> [ViewValue; 10] {
    let view = &parcel.view;
    [
        parcel_state_name(view.state).into(),
        ViewValue::id(view.seller.0),
        parcel.firm.map(|id| ViewValue::id(id.0)).into(),
        parcel.courier.map(|id| ViewValue::id(id.0)).into(),
        view.currency.code().into(),
        view.due.minor().into(),
        view.collected.minor().into(),
        i64::from(view.assignments).into(),
        i64::from(view.attempts).into(),
        i64::from(view.payment_count).into(),
    ]
}

fn payment_content(view: &PaymentView, rail: Option<RailId>) -> [ViewValue; 10] {
    let (rail_kind, rail) = match rail.map(rail_values) {
        Some((kind, id)) => (kind.into(), id),
        None => (ViewValue::Empty, ViewValue::Empty),
    };
    [
        payment_state_name(view.state).into(),
        method_name(view.method).into(),
        view.amount.minor().into(),
        view.fees.minor().into(),
        view.deducted_by_network.minor().into(),
        view.refunded.minor().into(),
        ViewValue::id(view.tariff.tariff.0),
        i64::from(view.tariff.version).into(),
        rail_kind,
        rail,
    ]
}

/// Whether it is a network or a wallet, and which.
pub(crate) fn rail_values(rail: RailId) -> (&'static str, ViewValue) {
    match rail {
        RailId::Network(network) => ("network", ViewValue::id(network.0)),
        RailId::Wallet(wallet) => ("wallet", ViewValue::id(wallet.0)),
    }
}

fn payment_state_name(state: PaymentState) -> &'static str {
    match state {
        PaymentState::Begun => "begun",
        PaymentState::Unknown => "unknown",
        PaymentState::Declined => "declined",
        PaymentState::Reversed => "reversed",
        PaymentState::Approved => "approved",
        PaymentState::Held => "held",
        PaymentState::Released => "released",
        PaymentState::Authorised => "authorised",
        PaymentState::Completing => "completing",
        PaymentState::CompletionUnknown => "completion unknown",
        PaymentState::Reversing(kind) => match kind {
            ReversalKind::Void => "void pending",
            ReversalKind::Reversal => "reversal pending",
            ReversalKind::Expiry => "expiry pending",
        },
        PaymentState::Releasing(kind) => match kind {
            ReversalKind::Void => "authorised, void pending",
            ReversalKind::Reversal => "authorised, reversal pending",
            ReversalKind::Expiry => "authorised, expiry pending",
        },
        PaymentState::ReversingVoid => "reversal of void pending",
        PaymentState::Expired => "expired",
        PaymentState::Rejected => "rejected",
        PaymentState::Suspended => "in suspense",
    }
}

fn stage_name(stage: PostingStage) -> &'static str {
    match stage {
        PostingStage::Posted => "posted",
        PostingStage::Reserved => "reserved",
        PostingStage::PostedFromReserve => "posted from reserve",
        PostingStage::Voided => "voided",
    }
}

fn actor(by: Actor) -> (&'static str, i64) {
    match by {
        Actor::System => ("system", 0),
        Actor::Person(id) => ("person", bits(id.0)),
        Actor::Key(id) => ("key", bits(id.0)),
        Actor::Terminal(id) => ("terminal", bits(id.0)),
        Actor::Gateway(id) => ("gateway", bits(id.0)),
        Actor::Network(id) => ("network", bits(id.0)),
        Actor::Wallet(id) => ("wallet", bits(id.0)),
    }
}

/// The 64 bits of an identifier as a signed number.
fn bits(id: impl Into<u64>) -> i64 {
    id.into().cast_signed()
}

/// A count or amount: the engine has none beyond 63 bits.
fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
