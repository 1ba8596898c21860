//! What another machine asks of the books in one entry of the journal: several commands, all of
//! them or none, or only that time passes.

use std::collections::BTreeSet;

use machine::{Actor, PersonId, PersonRole, Timestamp};
use money::Currency;

use crate::BusinessDate;
use crate::books::{Books, check_amounts};
use crate::command::{CancelParcel, Command};
use crate::event::CommandOutcome;
use crate::ids::SellerId;
use crate::payment::record::PaymentStatus;
use crate::refusal::Refusal;

impl Books {
    /// Checks that an actor may give a command of another machine that names these persons: a
    /// person, or a key of one, is one of those who give it.
    ///
    /// # Errors
    /// Why the actor cannot act now.
    pub fn check_names_giver(
        &self,
        actor: Actor,
        named: &[(PersonRole, PersonId)],
        at: Timestamp,
    ) -> Result<(), Refusal> {
        let mut givers = named.iter().filter(|(role, _)| role.gives()).map(|(_, one)| *one);
        let person = match actor {
            Actor::Person(person) => self.check_person(person).map(|()| Some(person))?,
            Actor::Key(key) => match self.check_key(key, at)? {
                None if givers.next().is_some() => return Err(Refusal::KeyOfNoPerson(key)),
                person => person,
            },
            _ => None,
        };
        let Some(person) = person else { return Ok(()) };
        let mut givers = givers.peekable();
        let is_one = givers.peek().is_none() || givers.any(|one| one == person);
        if is_one { Ok(()) } else { Err(Refusal::NotOneOfThePersons(person)) }
    }

    /// Checks that each person whom a command of another machine names is registered, and decides
    /// where that is the person's part.
    ///
    /// # Errors
    /// [`Refusal::PersonNotRegistered`] or [`Refusal::OnlyCourier`].
    pub fn check_named(&self, named: &[(PersonRole, PersonId)]) -> Result<(), Refusal> {
        named.iter().try_for_each(|&(role, person)| {
            self.check_person(person)?;
            if role == PersonRole::Decides { self.check_decides(person) } else { Ok(()) }
        })
    }

    /// Checks that a seller has an account in a currency.
    ///
    /// # Errors
    /// [`Refusal::NotFound`] or [`Refusal::CurrencyWithoutAccount`].
    pub fn check_seller_account(
        &self,
        seller: SellerId,
        currency: Currency,
    ) -> Result<(), Refusal> {
        self.seller_number(seller, currency).map(|_| ())
    }

    /// Applies the commands at one time: all of them or none. Several commands can only announce
    /// different parcels, cancel them, or refund different payments. Without a command, time
    /// passes. Returns the number of events after each command.
    ///
    /// # Errors
    /// The first refusal. The books are unchanged.
    ///
    /// # Panics
    /// For several commands of another kind.
    pub fn apply_together(
        &mut self,
        commands: &[Command],
        at: Timestamp,
        out: &mut CommandOutcome,
    ) -> Result<Vec<usize>, Refusal> {
        out.clear();
        match commands {
            [] => self.pass_time(at).map(|()| Vec::new()),
            [command] => self.apply(command, at, out).map(|()| vec![out.events.len()]),
            _ => {
                let today = self.check_moment(at)?;
                self.check_together(commands, today)?;
                let (mut ends, mut each) = (Vec::new(), CommandOutcome::default());
                for command in commands {
                    self.apply(command, at, &mut each).expect("the commands were checked");
                    out.events.append(&mut each.events);
                    out.postings.append(&mut each.postings);
                    ends.push(out.events.len());
                }
                Ok(ends)
            }
        }
    }

    fn check_together(&self, commands: &[Command], today: BusinessDate) -> Result<(), Refusal> {
        let mut of_before = BTreeSet::new();
        for command in commands {
            check_amounts(command)?;
            let is_first = match command {
                Command::AnnounceParcel(announce) => {
                    self.check_announcement(announce)?;
                    of_before.insert((announce.parcel.bits(), None))
                }
                Command::CancelParcel(CancelParcel { parcel }) => {
                    let slot = self.slot_unless_ended(*parcel, PaymentStatus::Cancelled)?;
                    self.check_before_dispatch(self.parcel(slot))?;
                    of_before.insert((parcel.bits(), None))
                }
                Command::Refund(refund) => {
                    self.check_plain_refund(refund, today)?;
                    let payment = refund.payment;
                    of_before.insert((payment.parcel.bits(), Some(payment.number)))
                }
                other => panic!("{} is not given together with others", other.spec().name),
            };
            if !is_first {
                return Err(Refusal::IdentifierTaken);
            }
        }
        Ok(())
    }

    fn check_moment(&self, at: Timestamp) -> Result<BusinessDate, Refusal> {
        if at < self.last_at {
            return Err(Refusal::TimeBackwards);
        }
        self.business_date(at).ok_or(Refusal::BooksNotOpen)
    }

    /// Another machine's command changes the books' time, and nothing else of them.
    fn pass_time(&mut self, at: Timestamp) -> Result<(), Refusal> {
        let today = self.check_moment(at)?;
        if self.end_last_day(today).is_some() {
            self.forget_old_day_end();
        }
        self.last_at = at;
        self.reference_data.last_date = today;
        self.update_fingerprint(at, &CommandOutcome::default());
        Ok(())
    }
}
