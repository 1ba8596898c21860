//! A card network's own books: every item, what became of it, and what that comes to.
//!
//! The rules of the answers are here, without messages: what can be voided, completed, refunded and
//! reversed, and what is said of the unknown. A network answers by them, and at the end of a day
//! they are compared with Doorstep's, item by item.

use std::collections::{HashMap, HashSet};
use std::fmt;

use money::Amount;

use crate::code;

/// Items that one network keeps. Beyond them it answers `96`.
pub const ITEMS_MAX: usize = 10_000_000;

/// How a request is known: fields 11, 7 and 41.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Reference {
    /// The switch's STAN, field 11.
    pub stan: u32,
    /// `MMDDhhmmss` in UTC, field 7.
    pub sent: u32,
    /// Field 41.
    pub terminal: [u8; 8],
}

impl fmt::Debug for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:06}/{:010}/{}", self.stan, self.sent, self.terminal.escape_ascii())
    }
}

/// What an item is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// A sale, asked for.
    Sale,
    /// A hold on the card's account.
    PreAuthorisation,
    /// The taking of what was held.
    Completion,
    /// A sale or a completion taken back.
    Void,
    /// A hold let go.
    VoidPreAuthorisation,
    /// Money given back after the day.
    Refund,
    /// A sale that the terminal approved by itself.
    Offline,
}

impl Kind {
    /// All of them.
    pub const ALL: [Kind; 7] = [
        Kind::Sale,
        Kind::PreAuthorisation,
        Kind::Completion,
        Kind::Void,
        Kind::VoidPreAuthorisation,
        Kind::Refund,
        Kind::Offline,
    ];

    /// The first three digits of its message type, which field 90 names.
    #[must_use]
    pub const fn message_class(self) -> u16 {
        match self {
            Kind::PreAuthorisation | Kind::VoidPreAuthorisation => 10,
            Kind::Sale | Kind::Completion | Kind::Void => 20,
            Kind::Refund | Kind::Offline => 22,
        }
    }

    /// How files and people call it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Kind::Sale => "sale",
            Kind::PreAuthorisation => "pre-authorisation",
            Kind::Completion => "completion",
            Kind::Void => "void",
            Kind::VoidPreAuthorisation => "void of a pre-authorisation",
            Kind::Refund => "refund",
            Kind::Offline => "offline",
        }
    }
}

/// What became of an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum State {
    /// It stands.
    Approved,
    /// It never stood.
    Declined,
    /// It was taken back because its answer was not heard, or its terminal could not go on.
    Reversed,
    /// It was taken back by a void.
    Voided,
    /// Of a pre-authorisation: a completion took its place.
    Completed,
}

/// What is shown of a card: never its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CardEnds {
    /// The first six digits.
    pub bin: u32,
    /// The last four digits.
    pub last_four: u16,
}

/// One item of the books.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// How it is known.
    pub reference: Reference,
    /// The retrieval reference number, field 37.
    pub rrn: [u8; 12],
    /// When it was sent, in milliseconds since 1970: field 7 with its year.
    pub sent_ms: u64,
    /// The merchant, field 42.
    pub merchant: [u8; 15],
    /// The card; of a void, a completion and a refund the original's.
    pub card: CardEnds,
    /// What it is.
    pub kind: Kind,
    /// How much.
    pub amount: Amount,
    /// The response code that it was answered with.
    pub code: [u8; 2],
    /// Where it was approved.
    pub authorisation: Option<[u8; 6]>,
    /// What became of it.
    pub state: State,
    /// Of a pre-authorisation: how much was taken of it.
    pub completed: Amount,
    /// How much was given back by refunds that stand.
    pub refunded: Amount,
    /// What it is about: of a void, a completion and a refund.
    pub original: Option<Reference>,
    /// Whether a clearing file has it.
    pub cleared: bool,
    /// Whether a clearing file has taken it back after an earlier one had it.
    pub corrected: bool,
}

impl Item {
    /// Whether money is owed for it: it stands, and is neither a hold nor the end of something.
    #[must_use]
    pub const fn moves_money(&self) -> bool {
        let money = match self.kind {
            Kind::Sale | Kind::Completion | Kind::Refund | Kind::Offline => true,
            Kind::PreAuthorisation | Kind::Void | Kind::VoidPreAuthorisation => false,
        };
        money && matches!(self.state, State::Approved)
    }
}

/// A request to be booked.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    /// How it is known.
    pub reference: Reference,
    /// Field 37.
    pub rrn: [u8; 12],
    /// Field 7 with its year, in milliseconds since 1970.
    pub sent_ms: u64,
    /// Field 42.
    pub merchant: [u8; 15],
    /// What it is.
    pub kind: Kind,
    /// How much, field 4.
    pub amount: Amount,
    /// The card, where the request carries it.
    pub card: Option<CardEnds>,
    /// What it is about, by field 90.
    pub original: Option<Original>,
    /// Field 38: the authorisation of what it is about, or of an offline sale its own.
    pub authorisation: Option<[u8; 6]>,
}

/// What a request is about, as field 90 names it.
#[derive(Clone, Copy, Debug)]
pub struct Original {
    /// The first three digits of its message type.
    pub message_class: u16,
    /// How it is known; the terminal is that of the message that names it.
    pub reference: Reference,
}

/// What is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// Field 39.
    pub code: [u8; 2],
    /// Field 38.
    pub authorisation: Option<[u8; 6]>,
}

impl Verdict {
    const fn refused(code: [u8; 2]) -> Verdict {
        Verdict { code, authorisation: None }
    }
}

/// How many, and how much.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sum {
    /// How many.
    pub count: u64,
    /// How much, in minor units.
    pub amount: u128,
}

impl Sum {
    fn add(&mut self, amount: Amount) {
        self.count += 1;
        self.amount += u128::from(amount.minor());
    }
}

/// What the books come to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Sales, completions and offline sales that stand.
    pub taken: Sum,
    /// Refunds that stand.
    pub refunded: Sum,
    /// Pre-authorisations that wait for their completion.
    pub held: Sum,
    /// What was declined.
    pub declined: Sum,
    /// What was reversed.
    pub reversed: Sum,
    /// What was voided.
    pub voided: Sum,
}

/// The items of one network, in the order in which they were heard.
#[derive(Default)]
pub struct Book {
    items: Vec<Item>,
    places: HashMap<Reference, u32>,
    /// Reversed before they were heard: refused when they come.
    unheard: HashSet<Reference>,
    authorisations: u32,
}

/// Authorisation codes are six digits.
const AUTHORISATIONS: u32 = 1_000_000;

impl Book {
    /// Empty books; `seed` says where authorisation codes begin.
    #[must_use]
    pub fn new(seed: u64) -> Book {
        let first = u32::try_from(seed % u64::from(AUTHORISATIONS)).unwrap_or(0);
        Book { authorisations: first, ..Book::default() }
    }

    /// Every item, in the order in which they were heard.
    pub fn items(&self) -> impl ExactSizeIterator<Item = &Item> {
        self.items.iter()
    }

    /// One of them.
    #[must_use]
    pub fn item(&self, reference: Reference) -> Option<&Item> {
        self.place(reference).and_then(|place| self.items.get(place))
    }

    /// What they come to.
    #[must_use]
    pub fn totals(&self) -> Totals {
        let mut totals = Totals::default();
        for item in &self.items {
            let sum = match (item.state, item.kind) {
                (State::Approved, Kind::Sale | Kind::Completion | Kind::Offline) => {
                    &mut totals.taken
                }
                (State::Approved, Kind::Refund) => &mut totals.refunded,
                (State::Approved, Kind::PreAuthorisation) => &mut totals.held,
                (State::Approved, Kind::Void | Kind::VoidPreAuthorisation)
                | (State::Completed, _) => continue,
                (State::Declined, _) => &mut totals.declined,
                (State::Reversed, _) => &mut totals.reversed,
                (State::Voided, _) => &mut totals.voided,
            };
            sum.add(item.amount);
        }
        totals
    }

    /// The first answer to a request that was heard before; `94` where another request has its
    /// numbers, nothing where it is new.
    #[must_use]
    pub fn first_answer(&self, entry: &Entry) -> Option<Verdict> {
        let item = self.item(entry.reference)?;
        let same = item.kind == entry.kind
            && item.amount == entry.amount
            && item.original == entry.original.map(|original| original.reference);
        let (code, authorisation) = (item.code, item.authorisation);
        Some(if same {
            Verdict { code, authorisation }
        } else {
            Verdict::refused(code::STAN_TAKEN)
        })
    }

    /// Books a request and says what is answered: the first answer if it was heard before, a
    /// refusal if it was reversed before it came, `decline` if there is one, else what the books
    /// say.
    pub fn take(&mut self, entry: &Entry, decline: Option<[u8; 2]>) -> Verdict {
        if let Some(first) = self.first_answer(entry) {
            return first;
        }
        let Some(place) = u32::try_from(self.items.len()).ok().filter(|_| self.has_room()) else {
            return Verdict::refused(code::SYSTEM);
        };
        let judged = match decline {
            _ if self.unheard.contains(&entry.reference) => Err(code::NO_ACTION),
            Some(code) => Err(code),
            None => self.judge(entry),
        };
        let original = judged.ok().flatten();
        let card = original.and_then(|place| self.items.get(place)).map(|item| item.card);
        let authorisation = judged.is_ok().then(|| self.authorise(entry));
        let code = judged.err().unwrap_or(code::DONE);
        self.items.push(Item {
            reference: entry.reference,
            rrn: entry.rrn,
            sent_ms: entry.sent_ms,
            merchant: entry.merchant,
            card: entry.card.or(card).unwrap_or(CardEnds { bin: 0, last_four: 0 }),
            kind: entry.kind,
            amount: entry.amount,
            code,
            authorisation,
            state: if judged.is_ok() { State::Approved } else { State::Declined },
            completed: Amount::ZERO,
            refunded: Amount::ZERO,
            original: entry.original.map(|original| original.reference),
            cleared: false,
            corrected: false,
        });
        self.places.insert(entry.reference, place);
        if let Some(original) = original {
            self.change_original(original, entry);
        }
        Verdict { code, authorisation }
    }

    fn has_room(&self) -> bool {
        self.items.len() < ITEMS_MAX && self.unheard.len() < ITEMS_MAX
    }

    fn place(&self, reference: Reference) -> Option<usize> {
        self.places.get(&reference).and_then(|place| usize::try_from(*place).ok())
    }

    /// Offline sales keep the authorisation that their terminal gave.
    fn authorise(&mut self, entry: &Entry) -> [u8; 6] {
        if let (Kind::Offline, Some(own)) = (entry.kind, entry.authorisation) {
            return own;
        }
        self.authorisations = (self.authorisations + 1) % AUTHORISATIONS;
        let mut digits = [b'0'; 6];
        let mut rest = self.authorisations;
        for digit in digits.iter_mut().rev() {
            *digit = b'0' + u8::try_from(rest % 10).unwrap_or(0);
            rest /= 10;
        }
        digits
    }

    /// The place of what the entry is about, or the code that refuses it.
    fn judge(&self, entry: &Entry) -> Result<Option<usize>, [u8; 2]> {
        if entry.amount.is_zero() {
            return Err(code::AMOUNT);
        }
        match entry.kind {
            Kind::Sale | Kind::PreAuthorisation | Kind::Offline => return Ok(None),
            Kind::Completion | Kind::Void | Kind::VoidPreAuthorisation | Kind::Refund => {}
        }
        let place = self.find(entry.original).ok_or(code::UNKNOWN)?;
        let original = self.items.get(place).ok_or(code::UNKNOWN)?;
        if entry.authorisation.is_some_and(|said| Some(said) != original.authorisation) {
            return Err(code::NOT_POSSIBLE);
        }
        let stands = original.state == State::Approved;
        let untouched = stands && original.refunded.is_zero() && !original.cleared;
        let left = original.amount.saturating_sub(original.refunded);
        let (possible, fits) = match (entry.kind, original.kind) {
            (Kind::Completion, Kind::PreAuthorisation) => (stands, entry.amount <= original.amount),
            (Kind::Void, Kind::Sale | Kind::Completion | Kind::Offline)
            | (Kind::VoidPreAuthorisation, Kind::PreAuthorisation) => {
                (untouched, entry.amount == original.amount)
            }
            (Kind::Refund, Kind::Sale | Kind::Completion | Kind::Offline) => {
                (stands, entry.amount <= left)
            }
            _ => (false, false),
        };
        match (possible, fits) {
            (false, _) => Err(code::NOT_POSSIBLE),
            (true, false) => Err(code::OTHER_AMOUNT),
            (true, true) => Ok(Some(place)),
        }
    }

    fn find(&self, original: Option<Original>) -> Option<usize> {
        let original = original?;
        let place = self.place(original.reference)?;
        let item = self.items.get(place)?;
        (item.kind.message_class() == original.message_class).then_some(place)
    }

    fn change_original(&mut self, place: usize, entry: &Entry) {
        let Some(original) = self.items.get_mut(place) else { return };
        match entry.kind {
            Kind::Completion => {
                original.state = State::Completed;
                original.completed = entry.amount;
            }
            Kind::Void | Kind::VoidPreAuthorisation => {
                original.state = State::Voided;
                if original.kind == Kind::Completion {
                    let held = original.original;
                    self.let_go(held);
                }
            }
            Kind::Refund => {
                let refunded = original.refunded.checked_add(entry.amount);
                original.refunded = refunded.unwrap_or(original.amount);
            }
            Kind::Sale | Kind::PreAuthorisation | Kind::Offline => {}
        }
    }

    /// A void of a completion leaves nothing of the hold.
    fn let_go(&mut self, held: Option<Reference>) {
        let place = held.and_then(|held| self.place(held));
        if let Some(held) = place.and_then(|place| self.items.get_mut(place)) {
            held.state = State::Voided;
            held.completed = Amount::ZERO;
        }
    }

    /// Takes an item back, and what it did to another with it. Says `00` where nothing of it stands
    /// any more, `25` where it was never heard; it is refused then if it comes.
    pub fn reverse(&mut self, original: Original) -> [u8; 2] {
        if self.unheard.contains(&original.reference) {
            return code::UNKNOWN;
        }
        let Some(place) = self.find(Some(original)) else {
            if self.place(original.reference).is_none() && self.has_room() {
                self.unheard.insert(original.reference);
            }
            return code::UNKNOWN;
        };
        let Some(item) = self.items.get_mut(place) else { return code::UNKNOWN };
        match item.state {
            State::Declined | State::Reversed | State::Voided => return code::DONE,
            State::Completed => return code::NOT_POSSIBLE,
            State::Approved => {}
        }
        if !item.refunded.is_zero() {
            return code::NOT_POSSIBLE;
        }
        item.state = State::Reversed;
        let (kind, amount, before) = (item.kind, item.amount, item.original);
        let before = before.and_then(|reference| self.place(reference));
        if let Some(before) = before {
            self.restore(before, kind, amount);
        }
        code::DONE
    }

    /// Undoes what a reversed item did to the one before it.
    fn restore(&mut self, place: usize, undone: Kind, amount: Amount) {
        let Some(item) = self.items.get_mut(place) else { return };
        match undone {
            Kind::Completion => {
                item.state = State::Approved;
                item.completed = Amount::ZERO;
            }
            Kind::Void | Kind::VoidPreAuthorisation => {
                item.state = State::Approved;
                if item.kind == Kind::Completion {
                    let (amount, held) = (item.amount, item.original);
                    let place = held.and_then(|held| self.place(held));
                    if let Some(held) = place.and_then(|place| self.items.get_mut(place)) {
                        held.state = State::Completed;
                        held.completed = amount;
                    }
                }
            }
            Kind::Refund => item.refunded = item.refunded.saturating_sub(amount),
            Kind::Sale | Kind::PreAuthorisation | Kind::Offline => {}
        }
    }

    pub(crate) fn items_mut(&mut self) -> impl Iterator<Item = &mut Item> {
        self.items.iter_mut()
    }
}

impl fmt::Debug for Book {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(&self.items).finish()
    }
}

#[cfg(test)]
mod tests;
