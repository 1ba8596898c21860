//! The engine: composes the state machines and applies commands to them, one after another.
//!
//! The machines are the [`books`], the [`market`] and the [`policy`]. A machine holds its own
//! rules. The engine adds what they share: who gave a command, request keys, the fingerprint, the
//! digest and snapshots. A command of the market and the commands that it gives the books are one
//! entry: all or nothing; so are a decision of the policy and the offer's state that follows.
//!
//! Never: a rule of a machine, a clock, randomness, I/O, text for people.
//!
//! Start at [`Engine::apply`].

mod command;
mod public_texts;
mod quoted;
mod request_keys;
mod snapshot;

use std::collections::BTreeSet;

use books::{Books, ParcelId, PayDiscount};
use market::{Market, MarketCommand, MarketEvent, MarketPlan, MarketRefusal, ReturnUnits};
use policy::Policy;

pub use books::{ChunkId, Digest, PartSink, RestoreError, SNAPSHOT_PART_BYTES};
pub use command::{Applied, Command, CommandOutcome, Events, Refusal, Submission};
pub use machine::{Actor, ActorKind, CommandSpec, RequestKey, Timestamp};
pub use quoted::QuotedCart;
pub use request_keys::{REQUEST_KEY_HOURS, REQUEST_KEYS_MAX};
pub use snapshot::{DecodedPart, EngineBuilder, Snapshot};

use machine::{PersonId, PersonRole, mix};
use request_keys::RequestKeys;

fn named_persons(command: &Command) -> Vec<(PersonRole, PersonId)> {
    let mut named = Vec::new();
    command.for_each_person(&mut |role, person| named.push((role, person)));
    named
}

/// The state of all machines.
#[derive(Debug, Default)]
pub struct Engine {
    books: Books,
    market: Market,
    policy: Policy,
    request_keys: RequestKeys,
    fingerprint: u64,
    /// Counts from the start of this engine on: no part of the state.
    access_version: u64,
}

impl Engine {
    /// Applies a command or refuses it. A refused command changes nothing.
    ///
    /// `out` then holds what happened. After a refusal it is empty.
    ///
    /// # Errors
    /// The reason of the refusal.
    pub fn apply(
        &mut self,
        submission: &Submission,
        at: Timestamp,
        out: &mut CommandOutcome,
    ) -> Result<Applied, Refusal> {
        out.clear();
        let Submission { by, request_key, command } = submission;
        if let Some(key) = request_key
            && let Some(events) = self.request_keys.find(*by, key, Some(command), at)?
        {
            (out.own_events, out.books.events) = (events.books.len(), events.books);
            out.market = events.market;
            out.policy = events.policy;
            return Ok(Applied::AnsweredBefore);
        }
        if !command.given_by().contains(&by.kind()) {
            return Err(Refusal::Books(books::Refusal::NotAllowed(by.kind())));
        }
        match command {
            Command::Books(command) => {
                if let books::Command::PayDiscount(_) = command {
                    return Err(Refusal::Books(books::Refusal::NotAllowed(by.kind())));
                }
                self.books.check_actor(*by, command, at)?;
                self.check_parcel_of_order(command)?;
                self.books.apply(command, at, &mut out.books)?;
                out.own_events = out.books.events.len();
                self.market.note_books(&out.books.events, at, &mut out.market);
                self.pay_discounts(&[], at, out);
            }
            Command::Market(command) => {
                self.check_names_giver(*by, &submission.command, at)?;
                self.apply_to_market(command, at, out)?;
            }
            Command::Policy(command) => {
                self.check_names_giver(*by, &submission.command, at)?;
                self.apply_to_policy(command, at, out)?;
            }
        }
        if let Some(key) = request_key {
            self.request_keys.remember(*by, key, command, at, out);
        }
        self.update_fingerprint(submission);
        self.access_version += u64::from(command.may_change_access());
        Ok(Applied::CarriedOut)
    }

    /// What a request with this key was answered before. `None` if the key is new. The key must
    /// have a digest of the request.
    ///
    /// # Errors
    /// [`Refusal::RequestKeyTaken`] for another request.
    pub fn answered_before(
        &self,
        by: Actor,
        key: &RequestKey,
        at: Timestamp,
    ) -> Result<Option<Events>, Refusal> {
        self.request_keys.find(by, key, None, at)
    }

    /// Checks that an actor may give a command: the persons who it says give it, or a key of one.
    ///
    /// # Errors
    /// Why the actor cannot act now.
    pub fn check_actor(&self, by: Actor, command: &Command, at: Timestamp) -> Result<(), Refusal> {
        match command {
            Command::Books(command) => Ok(self.books.check_actor(by, command, at)?),
            Command::Market(_) | Command::Policy(_) => {
                Ok(self.books.check_names_giver(by, &named_persons(command), at)?)
            }
        }
    }

    /// The number that comes next for what a command is about. `None` as in
    /// [`Books::next_number`].
    #[must_use]
    pub fn next_number(&self, command: &Command) -> Option<u64> {
        match command {
            Command::Books(command) => self.books.next_number(command),
            Command::Market(command) => self.market.next_number(command),
            Command::Policy(command) => self.policy.next_number(command),
        }
    }

    fn check_names_giver(
        &self,
        by: Actor,
        command: &Command,
        at: Timestamp,
    ) -> Result<(), Refusal> {
        let named = named_persons(command);
        self.books.check_names_giver(by, &named, at)?;
        self.books.check_named(&named)?;
        let lacks = command.as_market().is_some_and(MarketCommand::lacks_two_persons);
        if by != Actor::System && lacks {
            return Err(Refusal::Books(books::Refusal::SamePerson));
        }
        Ok(())
    }

    /// The market plans, the books carry out their part, and then the market carries its plan out.
    fn apply_to_market(
        &mut self,
        command: &MarketCommand,
        at: Timestamp,
        out: &mut CommandOutcome,
    ) -> Result<(), Refusal> {
        if at < self.last_at() {
            return Err(Refusal::Books(books::Refusal::TimeBackwards));
        }
        if let MarketCommand::AdmitSeller(admission) = command {
            self.books.check_seller_account(admission.seller, admission.currency)?;
        }
        if let MarketCommand::Checkout(checkout) = command {
            self.check_collected(checkout.currency)?;
        }
        let mut plan = self.market.plan(command, at)?;
        let returned = self.parcels_returned(command)?;
        self.check_public_text(command, at)?;
        let mut given = std::mem::take(&mut plan.books);
        let refunds = self.refunds(&plan);
        let is_refund = !refunds.is_empty();
        given.extend(refunds);
        let ends = match self.books.apply_together(&given, at, &mut out.books) {
            // The units are back all the same: above the limit two persons refund what is owed, and
            // what a network never paid is for people to decide.
            Err(_) if is_refund => {
                given.clear();
                self.books.apply_together(&given, at, &mut out.books)?
            }
            applied => applied?,
        };
        out.given.extend(given.into_iter().zip(ends));
        self.market.carry_out(plan, at, &mut out.market);
        self.market.note_books(&out.books.events, at, &mut out.market);
        self.pay_discounts(&returned, at, out);
        self.note_public_text(command, at);
        Ok(())
    }

    /// The parcels of which units are returned. What the platform pays of their discounts changes.
    fn parcels_returned(&self, command: &MarketCommand) -> Result<Vec<ParcelId>, Refusal> {
        let MarketCommand::ReturnUnits(ReturnUnits { order, units, .. }) = command else {
            return Ok(Vec::new());
        };
        let order = self.market.order_view(*order).expect("the plan found the order");
        let places = units.iter().map(|unit| order.units[usize::from(*unit)].parcel);
        let parcels: BTreeSet<ParcelId> =
            places.map(|place| order.parcels[usize::from(place)].parcel).collect();
        for &parcel in &parcels {
            let forgotten = self.books.parcel_view(parcel).is_none();
            if forgotten && !self.market.platform_pays(parcel).is_zero() {
                let missing = books::MissingRecord::Parcel(parcel);
                return Err(Refusal::Books(books::Refusal::NotFound(missing)));
            }
        }
        Ok(parcels.into_iter().collect())
    }

    /// In the entry that delivers a parcel, or that returns units of an order: the books pay what
    /// the market says that the platform pays of the discounts (M14).
    fn pay_discounts(&mut self, returned: &[ParcelId], at: Timestamp, out: &mut CommandOutcome) {
        let delivered = out.market.iter().filter_map(|event| match event {
            MarketEvent::OrderDelivered { parcel, .. } => Some(*parcel),
            _ => None,
        });
        let parcels: Vec<ParcelId> = delivered.chain(returned.iter().copied()).collect();
        let mut each = books::CommandOutcome::default();
        for parcel in parcels {
            let amount = self.market.platform_pays(parcel);
            if self.books.paid_discount(parcel).unwrap_or_default() == amount {
                continue;
            }
            let command = books::Command::from(PayDiscount { parcel, amount });
            let paid = self.books.apply(&command, at, &mut each);
            paid.expect(
                "M14: the platform pays for what is delivered, and less for what comes back",
            );
            out.books.events.append(&mut each.events);
            out.books.postings.append(&mut each.postings);
            out.given.push((command, out.books.events.len()));
        }
    }

    /// The books have what the market says that the platform pays (M14).
    fn check_discounts(&self) -> Vec<String> {
        let mut wrong = Vec::new();
        for parcel in self.market.parcels().filter(|one| self.books.parcel_view(*one).is_some()) {
            let pays = self.market.platform_pays(parcel);
            let paid = self.books.paid_discount(parcel).unwrap_or_default();
            if pays != paid {
                let (pays, paid) = (pays.minor(), paid.minor());
                wrong.push(format!(
                    "M14: the platform pays {pays} of the discounts on parcel {parcel}, the books \
                     have {paid}"
                ));
            }
        }
        wrong
    }

    /// Refunds of what a plan owes to the buyer, out of what stands of the parcel's payments.
    fn refunds(&self, plan: &MarketPlan) -> Vec<books::Command> {
        let mut refunds = Vec::new();
        for (parcel, owed) in plan.owed() {
            let mut owed = owed;
            for payment in self.books.payments(parcel) {
                use books::view::PaymentState::{Approved, Held, Released};
                let is_paid = matches!(payment.state, Approved | Held | Released);
                let amount = owed.min(payment.amount.saturating_sub(payment.refunded));
                if !is_paid || amount.is_zero() {
                    continue;
                }
                let payment = payment.id;
                let first = books::Refund { payment, number: 1, amount }.into();
                let next = self.books.next_number(&first).unwrap_or(1);
                // Above the highest number the books refuse it.
                let number = u8::try_from(next).unwrap_or(u8::MAX);
                refunds.push(books::Refund { payment, number, amount }.into());
                owed = owed.saturating_sub(amount);
            }
        }
        refunds
    }

    /// What is due for an order's parcel changes with its units only.
    fn check_parcel_of_order(&self, command: &books::Command) -> Result<(), Refusal> {
        use books::Command as C;
        let (C::AmendDue(books::AmendDue { parcel, .. })
        | C::AcceptPart(books::AcceptPart { parcel, .. })) = command
        else {
            return Ok(());
        };
        if self.market.has_parcel(*parcel) {
            return Err(MarketRefusal::ParcelOfOrder(*parcel).into());
        }
        Ok(())
    }

    /// A number that changes with every command that can change who acts as what. While it stays
    /// the same, persons and keys have the grants that they had.
    #[must_use]
    pub fn access_version(&self) -> u64 {
        self.access_version
    }

    /// Loads records that the next commands need into the processor's cache. Changes nothing.
    pub fn prefetch<'c>(&self, submissions: impl Iterator<Item = &'c Submission>) {
        self.books.prefetch(submissions.filter_map(|submission| submission.command.of_books()));
    }

    /// The books, for queries.
    #[must_use]
    pub fn books(&self) -> &Books {
        &self.books
    }

    /// The market, for queries.
    #[must_use]
    pub fn market(&self) -> &Market {
        &self.market
    }

    /// The policy, for queries.
    #[must_use]
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// Time of the last applied command.
    #[must_use]
    pub fn last_at(&self) -> Timestamp {
        self.books.last_at()
    }

    /// A number that every applied command changes. Two engines with different postings, or with
    /// commands of different actors, have different fingerprints from then on (M11). It is cheap,
    /// so each batch holds it. The [`Digest`] is thorough.
    #[must_use]
    pub fn fingerprint(&self) -> u64 {
        self.fingerprint
    }

    /// Checks every rule that can be checked on the state.
    ///
    /// # Errors
    /// One line per violation, beginning with the rule's number.
    pub fn check(&self) -> Result<(), Vec<String>> {
        let broken = [self.books.check(), self.market.check(), self.policy.check()];
        let broken = broken.into_iter().filter_map(Result::err).flatten();
        let broken: Vec<String> = broken.chain(self.check_discounts()).collect();
        if broken.is_empty() { Ok(()) } else { Err(broken) }
    }

    fn update_fingerprint(&mut self, submission: &Submission) {
        let mut mixed = mix(self.fingerprint, self.books.fingerprint());
        // Journals without a market have the fingerprints that they had before there was one.
        if !self.market.is_pristine() {
            mixed = mix(mixed, self.market.fingerprint());
        }
        if !self.policy.is_pristine() {
            mixed = mix(mixed, self.policy.fingerprint());
        }
        let (kind, id) = match submission.by {
            Actor::System => (0, 0),
            Actor::Person(id) => (1, id.0),
            Actor::Key(id) => (2, id.0),
            Actor::Terminal(id) => (3, id.0),
            Actor::Gateway(id) => (4, id.0),
            Actor::Network(id) => (5, id.0),
            Actor::Wallet(id) => (6, id.0),
        };
        mixed = mix(mix(mixed, kind), id);
        if let Some(key) = &submission.request_key {
            for chunk in key.as_str().as_bytes().chunks(8) {
                let mut word = [0; 8];
                word[..chunk.len()].copy_from_slice(chunk);
                mixed = mix(mixed, u64::from_le_bytes(word));
            }
        }
        self.fingerprint = mixed;
    }
}
