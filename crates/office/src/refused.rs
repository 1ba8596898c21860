//! Why the books refused a command, with the people, plans and records that it is about.

use std::fmt;

use books::{
    Books, Command, CourierId, InvoiceSeller, PAYOUT_RETURN_DAYS, PersonId, PersonPart, StateNow,
};
use money::decimal::DecimalAmount;

use crate::currencies::RefusalInCurrency;
use crate::persons::Persons;

/// A refusal, and what the books know about its cause.
#[derive(Debug)]
pub struct BooksRefusal {
    pub refusal: RefusalInCurrency,
    pub detail: Option<Box<RefusalDetail>>,
}

/// The cause of a refusal.
#[derive(Debug)]
pub enum RefusalDetail {
    NotTheSecond(SecondPerson),
    State(StateNow),
    /// The payment as it was typed.
    NoPayment(String),
    /// The seller's reference.
    NotThePaymentsSeller(String),
    /// A seller who is not below zero, and what is collected for the seller and still to come.
    NothingToInvoice {
        seller: String,
        to_come: String,
    },
}

impl RefusalDetail {
    pub(crate) fn nothing_to_invoice(
        books: &Books,
        command: &engine::Command,
    ) -> Option<RefusalDetail> {
        let Some(&Command::InvoiceSeller(InvoiceSeller { seller, currency, .. })) =
            command.of_books()
        else {
            return None;
        };
        let to_come = DecimalAmount::of_balance(books.held_for(seller, currency), currency);
        Some(RefusalDetail::NothingToInvoice {
            seller: books.seller_reference(seller)?.to_owned(),
            to_come: format!("{to_come} {currency}"),
        })
    }
}

/// A person with their name, if they have one: `2 Bo Chen`.
pub type NamedPerson = String;

/// Who can be the second person of a command, and who cannot.
#[derive(Debug)]
pub struct SecondPerson {
    /// Persons who had a part in it.
    pub parts: Vec<(NamedPerson, PersonPart)>,
    /// Registered persons who had none.
    pub others: Vec<NamedPerson>,
    /// An id that nobody has.
    pub free: PersonId,
}

impl std::error::Error for BooksRefusal {}

impl From<RefusalInCurrency> for BooksRefusal {
    fn from(refusal: RefusalInCurrency) -> BooksRefusal {
        BooksRefusal { refusal, detail: None }
    }
}

impl SecondPerson {
    pub(crate) fn of(books: &Books, command: &engine::Command, persons: &Persons) -> SecondPerson {
        let named = |person: PersonId| match persons.name(person) {
            Some(name) => format!("{person} {name}"),
            None => person.to_string(),
        };
        let parts = match command {
            engine::Command::Books(command) => books.parts_in(command),
            engine::Command::Market(_) | engine::Command::Policy(_) => {
                let mut parts = Vec::new();
                command.for_each_person(&mut |_, person| {
                    if parts.is_empty() {
                        parts.push((person, PersonPart::Proposed));
                    }
                });
                parts
            }
        };
        let had_none = |person: &PersonId| parts.iter().all(|(one, _)| one != person);
        let decides = |person: &PersonId| books.courier_reference(CourierId(person.0)).is_none();
        let registered = books.persons().filter(|(_, removed)| !removed).map(|(person, _)| person);
        let others = registered.filter(had_none).filter(decides).map(named).collect();
        let mut free = (1..).map(PersonId);
        SecondPerson {
            others,
            free: free.find(|id| books.persons().all(|(one, _)| one != *id)).unwrap_or(PersonId(1)),
            parts: parts.iter().map(|(person, part)| (named(*person), *part)).collect(),
        }
    }
}

impl fmt::Display for BooksRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.detail.as_deref() {
            None => self.refusal.fmt(f),
            Some(RefusalDetail::NotTheSecond(second)) => second.fmt(f),
            Some(RefusalDetail::State(state)) => f.write_str(&state_in_words(*state)),
            Some(RefusalDetail::NoPayment(typed)) => write!(
                f,
                "there is no payment `{typed}`: look for its number in `doorstep log --parcel \
                 WAYBILL`"
            ),
            Some(RefusalDetail::NothingToInvoice { seller, to_come }) => write!(
                f,
                "seller {seller} is not below zero, so there is no debt to invoice; still to come: \
                 {to_come}"
            ),
            Some(RefusalDetail::NotThePaymentsSeller(seller)) => write!(
                f,
                "the line of this break names a payment of seller {seller}: name that seller, no \
                 other one can take it"
            ),
        }
    }
}

impl fmt::Display for SecondPerson {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, (person, part)) in self.parts.iter().enumerate() {
            let before = if place == 0 { "" } else { ", " };
            write!(f, "{before}person {person} {}", part_in_words(*part))?;
        }
        f.write_str(": the second person must be somebody else")?;
        match &self.others[..] {
            [] => write!(
                f,
                ", and nobody else is registered: register another person (`doorstep setup person \
                 {}`)",
                self.free
            ),
            others => write!(f, ": {}", others.join(" or ")),
        }
    }
}

fn part_in_words(part: PersonPart) -> &'static str {
    match part {
        PersonPart::Proposed => "proposed it",
        PersonPart::RaisedBreak => "raised the break",
        PersonPart::Owned => "owns it, or owned it",
        PersonPart::AssignedBreak => "assigned the break",
        PersonPart::ReclassifiedBreak => "reclassified the break",
        PersonPart::Planned => "made the plan",
        PersonPart::Counted => "counted the cash",
        PersonPart::AnnouncedDeposit => "announced the deposit",
        PersonPart::SentInvoice => "sent the invoice",
        PersonPart::Suspended => "decided on the suspension before",
        PersonPart::WithdrewNetwork => "withdrew the network",
        PersonPart::Contested => "contested the chargeback",
        PersonPart::Subject => "is the one whom it concerns",
    }
}

fn state_in_words(state: StateNow) -> String {
    match state {
        StateNow::PlanNotApproved { plan, by_two: false } => format!(
            "plan {plan} is not approved: a second person must run `doorstep settlement approve \
             {plan}`"
        ),
        StateNow::PlanNotApproved { plan, by_two: true } => format!(
            "plan {plan} of the calendar is not approved: two persons approve it, run `doorstep \
             settlement approve-cycle {plan}`"
        ),
        StateNow::PlanOfPerson(plan) => format!(
            "a person made plan {plan}: a second person runs `doorstep settlement approve {plan}`"
        ),
        StateNow::PlanRejected(plan) => {
            format!("plan {plan} was rejected: plan again with `doorstep settlement plan`")
        }
        StateNow::PlanExecuted(plan) => {
            format!("plan {plan} was executed: look at its payouts with `doorstep payouts`")
        }
        StateNow::NoResolution(id) => format!(
            "nobody has proposed a resolution of break {id}: run `doorstep break propose {id} \
             --resolution HOW` first"
        ),
        StateNow::PayoutEnded(payout) => format!(
            "the bank confirmed payout {payout} more than {PAYOUT_RETURN_DAYS} days ago, and it \
             can no longer be returned: post an adjusting entry from the bank to the seller \
             (`doorstep period adjust`)"
        ),
        StateNow::PaidInCash => {
            "the payment is cash, and no network charges cash back: refund it (`doorstep refund \
             give`)"
                .to_owned()
        }
        StateNow::OtherResolution(id) => format!(
            "another resolution of break {id} was proposed: give that one, `doorstep breaks` shows \
             it"
        ),
    }
}
