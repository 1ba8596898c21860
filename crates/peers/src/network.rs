//! A card network: it answers the switch's requests by its own books, and misbehaves as told.
//!
//! The protocol is `docs/door/network.md`, the misbehaviour `docs/door/behaviour.md`. Whoever has
//! the sockets says what came and when; everything that goes out is in the list of [`Output`].

use std::collections::BTreeMap;
use std::fmt;

use iso8583::{FieldError, ISO87_BINARY, Message, Mti, ParseError, Wiped};
use keys::{AesKey, KeyError, TdesKey};
use money::Currency;
use zeroize::Zeroize;

mod answer;
mod keyring;
mod request;

pub use crate::behaviour::Request;
use crate::behaviour::{Action, Behaviour, Dark, Fate, Rules};
use crate::book::{Book, Verdict};
use crate::clearing::{self, ClearingFile, Costs};
use crate::code;
use answer::Seal;
use keyring::Keyring;
pub use keyring::{KEY_CHANGE_TRIES, KEY_CHANGE_WITHIN_MS, KeyChangeError, KeyKind};
use request::{Asked, What};

/// A connection of the switch, as the shell numbers them. A number is not used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Link(pub u64);

/// Connections at the most; another one is closed at once.
pub const LINKS_MAX: usize = 64;

/// Answers that wait for their moment at the most; beyond them they go out at once.
pub const WAITING_ANSWERS_MAX: usize = 1_000_000;

/// What the network does.
#[derive(Debug)]
pub enum Output {
    /// Sends a message, which the shell puts two bytes of length before.
    Send {
        /// Where.
        link: Link,
        /// What.
        message: Wiped,
    },
    /// Closes a connection; the shell then says [`Network::closed`] or not, as it likes.
    Close {
        /// Which.
        link: Link,
    },
}

/// What a network is born with.
pub struct NetworkSettings {
    /// Its name: small letters, digits, hyphens.
    pub name: String,
    /// The number of the only acquirer that it knows, field 32; at most eleven digits.
    pub acquirer: u64,
    /// The currency of all its cards.
    pub currency: Currency,
    /// Under which new keys travel.
    pub exchange_key: AesKey,
    /// The first MAC key, of 16 bytes.
    pub mac_key: TdesKey,
    /// The first PIN key, of 16 bytes.
    pub pin_key: TdesKey,
    /// What it does besides what its books say.
    pub behaviour: Behaviour,
    /// What it keeps of the money.
    pub costs: Costs,
    /// Its chance.
    pub seed: u64,
}

/// What a network has counted since it began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Messages that came.
    pub heard: u64,
    /// Messages that went out.
    pub said: u64,
    /// Bytes that were no message.
    pub unreadable: u64,
    /// Requests with a wrong or missing MAC.
    pub wrong_mac: u64,
    /// Requests that broke the format, answered `30`.
    pub malformed: u64,
    /// Messages that were not seen: lost by a rule, or in an outage.
    pub lost: u64,
    /// Answers that had no link to go out by.
    pub undelivered: u64,
}

struct Due {
    link: Link,
    message: Wiped,
}

/// How an answer goes out.
struct Sending {
    link: Link,
    /// At which moment; at once where there is none.
    after: Option<u64>,
    times: u32,
    seal: Seal,
}

/// A simulated card network.
pub struct Network {
    name: String,
    acquirer: u64,
    currency: Currency,
    costs: Costs,
    seed: u64,
    behaviour: Behaviour,
    fate: Box<dyn Fate>,
    keyring: Keyring,
    book: Book,
    /// Whether each is signed on.
    links: BTreeMap<Link, bool>,
    due: BTreeMap<(u64, u64), Due>,
    due_number: u64,
    start_ms: Option<u64>,
    dark: Option<Dark>,
    change_ms: Option<u64>,
    counts: Counts,
}

/// Why a message is not taken.
enum Unfit {
    /// It cannot even be answered.
    Unreadable,
    /// A code says it.
    Refused([u8; 2]),
}

impl From<ParseError> for Unfit {
    fn from(_: ParseError) -> Unfit {
        Unfit::Unreadable
    }
}

impl From<FieldError> for Unfit {
    fn from(_: FieldError) -> Unfit {
        Unfit::Refused(code::FORMAT)
    }
}

impl From<KeyError> for Unfit {
    fn from(_: KeyError) -> Unfit {
        Unfit::Refused(code::SYSTEM)
    }
}

impl Network {
    /// A network without links and with empty books.
    #[must_use]
    pub fn new(settings: NetworkSettings) -> Network {
        let rules = Rules::new(settings.seed, settings.behaviour.rules.clone());
        Network {
            name: settings.name,
            acquirer: settings.acquirer,
            currency: settings.currency,
            costs: settings.costs,
            seed: settings.seed,
            behaviour: settings.behaviour,
            fate: Box::new(rules),
            keyring: Keyring::new(
                settings.exchange_key,
                settings.mac_key,
                settings.pin_key,
                settings.seed,
            ),
            book: Book::new(settings.seed),
            links: BTreeMap::new(),
            due: BTreeMap::new(),
            due_number: 0,
            start_ms: None,
            dark: None,
            change_ms: None,
            counts: Counts::default(),
        }
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its books.
    #[must_use]
    pub const fn book(&self) -> &Book {
        &self.book
    }

    /// What it has counted.
    #[must_use]
    pub const fn counts(&self) -> Counts {
        self.counts
    }

    /// How many links are signed on.
    #[must_use]
    pub fn signed_on(&self) -> usize {
        self.links.values().filter(|signed_on| **signed_on).count()
    }

    /// Lets code decide what becomes of requests, instead of the behaviour's rules. Delays and
    /// outages stay.
    pub fn set_fate(&mut self, fate: impl Fate + 'static) {
        self.fate = Box::new(fate);
    }

    /// The clearing file of a day: what was sent before `until_ms` and is in no earlier file.
    pub fn clear(&mut self, date: jiff::civil::Date, until_ms: u64) -> ClearingFile {
        let lines = clearing::clear(&mut self.book, &self.costs, until_ms);
        ClearingFile { network: self.name.clone(), date, currency: self.currency, lines }
    }

    /// The switch has connected.
    pub fn connected(&mut self, link: Link, now_ms: u64, out: &mut Vec<Output>) {
        self.turn(now_ms, out);
        if self.dark == Some(Dark::Closes) || self.links.len() >= LINKS_MAX {
            out.push(Output::Close { link });
        } else {
            self.links.insert(link, false);
        }
    }

    /// A connection is gone.
    pub fn closed(&mut self, link: Link) {
        self.links.remove(&link);
    }

    /// When [`Network::tick`] must be called; nothing while nothing is due.
    #[must_use]
    pub fn next_timer(&self) -> Option<u64> {
        let due = self.due.keys().next().map(|(at_ms, _)| *at_ms);
        [due, self.keyring.retry_ms(), self.change_ms].into_iter().flatten().min()
    }

    /// Time has passed: answers that are due go out, outages begin and end.
    pub fn tick(&mut self, now_ms: u64, out: &mut Vec<Output>) {
        self.turn(now_ms, out);
        while let Some(entry) = self.due.first_entry() {
            if entry.key().0 > now_ms {
                break;
            }
            let due = entry.remove();
            self.deliver(due, out);
        }
        if let Some(message) = self.keyring.retry(now_ms) {
            match self.any_link() {
                Some(link) => self.send(link, message, out),
                None => self.counts.undelivered += 1,
            }
        }
    }

    /// Begins a key change over one of the links.
    ///
    /// # Errors
    /// When no link is signed on, a change is under way, or the key block cannot be made.
    pub fn change_key(
        &mut self,
        kind: KeyKind,
        now_ms: u64,
        out: &mut Vec<Output>,
    ) -> Result<(), KeyChangeError> {
        self.turn(now_ms, out);
        let link = self.any_link().ok_or(KeyChangeError::NoLink)?;
        let message = self.keyring.begin(kind, now_ms)?;
        self.send(link, message, out);
        Ok(())
    }

    /// Takes a message: what came between the two bytes of length and the next. It is wiped.
    pub fn hear(&mut self, link: Link, message: &mut [u8], now_ms: u64, out: &mut Vec<Output>) {
        self.turn(now_ms, out);
        match self.dark {
            Some(Dark::Silent) => self.counts.lost += 1,
            Some(Dark::Closes) => out.push(Output::Close { link }),
            None if !self.links.contains_key(&link) => self.counts.lost += 1,
            None => {
                self.counts.heard += 1;
                self.listen(link, message, now_ms, out);
            }
        }
        message.zeroize();
    }

    fn listen(&mut self, link: Link, bytes: &[u8], now_ms: u64, out: &mut Vec<Output>) {
        let Ok(message) = ISO87_BINARY.parse(bytes) else {
            self.counts.unreadable += 1;
            return;
        };
        match message.mti() {
            Mti::M0800 => self.manage(link, &message, out),
            Mti::M0810 => self.keyring.answered(&message),
            mti if mti.is_request() => self.asked(link, &message, now_ms, out),
            _ => self.counts.unreadable += 1,
        }
    }

    /// Sign-on, sign-off, echo.
    fn manage(&mut self, link: Link, message: &Message<'_>, out: &mut Vec<Output>) {
        let code = match message.number(70) {
            Ok(1) => {
                self.links.insert(link, true);
                code::DONE
            }
            Ok(2) => {
                self.links.insert(link, false);
                code::DONE
            }
            Ok(301) => code::DONE,
            Ok(_) => code::NOT_POSSIBLE,
            Err(_) => code::FORMAT,
        };
        match answer::management(message, code) {
            Ok(answer) => self.send(link, answer, out),
            Err(_) => self.counts.unreadable += 1,
        }
    }

    fn asked(&mut self, link: Link, message: &Message<'_>, now_ms: u64, out: &mut Vec<Output>) {
        let signed_on = self.links.get(&link).copied().unwrap_or(false);
        let asked = match self.judge(signed_on, message, now_ms) {
            Ok(asked) => asked,
            Err(Unfit::Refused(code)) => {
                self.counts.wrong_mac += u64::from(code == code::MAC);
                self.counts.malformed += u64::from(code == code::FORMAT);
                let verdict = Verdict { code, authorisation: None };
                let sending = Sending { link, after: None, times: 1, seal: Seal::Right };
                self.answer(message, verdict, None, sending, out);
                return;
            }
            Err(Unfit::Unreadable) => {
                self.counts.unreadable += 1;
                return;
            }
        };
        let request = asked.request(message, now_ms);
        let action = self.fate.action(&request);
        if action == Action::Lost {
            self.counts.lost += 1;
            return;
        }
        let verdict = self.decide(&asked, message, action);
        let later_ms = match action {
            Action::Silent => return,
            Action::Late { ms } | Action::LateDecline { ms, .. } => u64::from(ms),
            _ => 0,
        };
        let delay_ms = self.behaviour.delay(self.seed, &request).saturating_add(later_ms);
        let sending = Sending {
            link,
            after: (delay_ms > 0).then(|| now_ms.saturating_add(delay_ms)),
            times: if action == Action::Double { 2 } else { 1 },
            seal: if action == Action::WrongMac { Seal::Wrong } else { Seal::Right },
        };
        self.answer(message, verdict, Some(&asked), sending, out);
    }

    /// What is asked, once the link, the MAC and the form are right.
    fn judge(
        &mut self,
        signed_on: bool,
        message: &Message<'_>,
        now_ms: u64,
    ) -> Result<Asked, Unfit> {
        if !self.keyring.verifies(message)? {
            return Err(Unfit::Refused(code::MAC));
        }
        if !signed_on {
            return Err(Unfit::Refused(code::NOT_SIGNED_ON));
        }
        let asked = request::read(message, now_ms)?;
        if asked.acquirer != self.acquirer {
            return Err(Unfit::Refused(code::ACQUIRER));
        }
        if asked.currency != self.currency.numeric() {
            return Err(Unfit::Refused(code::NOT_POSSIBLE));
        }
        Ok(asked)
    }

    /// What the books say, or the reason to decline.
    fn decide(&mut self, asked: &Asked, message: &Message<'_>, action: Action) -> Verdict {
        let by_fate = match action {
            Action::Decline { code } | Action::LateDecline { code, .. } => Some(code),
            _ => None,
        };
        let wrong_pin = match (&asked.pan, message.block::<8>(52)) {
            (Some(pan), Ok(block)) if !self.keyring.pin_fits(block, pan) => Some(code::WRONG_PIN),
            _ => None,
        };
        let decline = wrong_pin.or(by_fate);
        match &asked.what {
            What::Balance => Verdict { code: decline.unwrap_or(code::DONE), authorisation: None },
            What::Item(entry) => self.book.take(entry, decline),
            What::Reversal { original, amount } => {
                let known = self.book.item(original.reference);
                let code = match (by_fate, known) {
                    (Some(code), _) => code,
                    (None, Some(item)) if item.amount != *amount => code::OTHER_AMOUNT,
                    (None, _) => self.book.reverse(*original),
                };
                Verdict { code, authorisation: None }
            }
        }
    }

    fn answer(
        &mut self,
        message: &Message<'_>,
        verdict: Verdict,
        asked: Option<&Asked>,
        sending: Sending,
        out: &mut Vec<Output>,
    ) {
        let key = self.keyring.mac();
        let Ok(answer) = answer::financial(message, verdict, asked, sending.seal, key) else {
            self.counts.unreadable += 1;
            return;
        };
        let link = sending.link;
        for _ in 1..sending.times {
            self.deliver_at(sending.after, Due { link, message: answer.clone() }, out);
        }
        self.deliver_at(sending.after, Due { link, message: answer }, out);
    }

    fn deliver_at(&mut self, after: Option<u64>, due: Due, out: &mut Vec<Output>) {
        match after.filter(|_| self.due.len() < WAITING_ANSWERS_MAX) {
            Some(at_ms) => {
                self.due_number += 1;
                self.due.insert((at_ms, self.due_number), due);
            }
            None => self.deliver(due, out),
        }
    }

    /// Sends where the request came from; if that link is gone, over another one.
    fn deliver(&mut self, due: Due, out: &mut Vec<Output>) {
        if self.dark.is_some() {
            self.counts.lost += 1;
            return;
        }
        let there = self.links.contains_key(&due.link).then_some(due.link);
        match there.or_else(|| self.any_link()) {
            Some(link) => self.send(link, due.message, out),
            None => self.counts.undelivered += 1,
        }
    }

    fn send(&mut self, link: Link, message: Wiped, out: &mut Vec<Output>) {
        self.counts.said += 1;
        out.push(Output::Send { link, message });
    }

    fn any_link(&self) -> Option<Link> {
        self.links.iter().find(|(_, signed_on)| **signed_on).map(|(link, _)| *link)
    }

    /// Begins and ends outages.
    fn turn(&mut self, now_ms: u64, out: &mut Vec<Output>) {
        let start_ms = *self.start_ms.get_or_insert(now_ms);
        self.dark = self.behaviour.outage(start_ms, now_ms);
        self.change_ms = self.behaviour.next_change(start_ms, now_ms);
        if self.dark == Some(Dark::Closes) {
            let links = std::mem::take(&mut self.links);
            out.extend(links.into_keys().map(|link| Output::Close { link }));
        }
    }
}

impl fmt::Debug for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Network")
            .field("name", &self.name)
            .field("links", &self.links)
            .field("items", &self.book.items().len())
            .field("counts", &self.counts)
            .finish_non_exhaustive()
    }
}
