//! Payments: sale, pre-authorisation, offline sale, cash, balance; and how a card finds its way.

use engine::{Command, Method, ParcelId, Purpose, Sent, Timestamp};
use iso8583::tlv::{self, Tag};
use iso8583::{Message, Mti, Wiped};
use keys::{KeyRef, Pan};
use money::Amount;
use tariff::CardKind;

use crate::card;
use crate::code::Code;
use crate::happening::Happening;
use crate::moment;
use crate::network::{Question, characters};
use crate::port::{Line, Output};
use crate::request::{Asked, Heading, Request};
use crate::route::{self, Way};
use crate::switch::Switch;
use crate::waybill;
use crate::works::{Awaiting, Work};

/// What the buyer gave, and the change, in field 62 of a cash message.
const TAG_TENDERED: u32 = 0xDF11;
const TAG_CHANGE: u32 = 0xDF12;

/// Field 3 of a question about a balance.
const BALANCE: u32 = 310_000;

/// A card on its way to a network.
struct Routed {
    place: usize,
    kind: CardKind,
    token: u64,
    considered: Vec<engine::Considered>,
    message: Wiped,
    sent: Sent,
}

impl Routed {
    /// The work that waits for its network.
    fn work(self, line: Line, request: &Request<'_>) -> Work {
        let mut work = Work::new(line, request, self.token);
        work.network = self.place;
        work.sent = self.sent;
        work.message = Some(self.message);
        work
    }
}

/// Why a request cannot go on: the response code, and what field 44 says.
pub(crate) type Stop = (Code, Option<String>);

pub(crate) fn stop(code: Code) -> Stop {
    (code, None)
}

impl Switch {
    /// A sale or a pre-authorisation.
    pub(crate) fn purchase(
        &mut self,
        line: Line,
        request: &Request<'_>,
        now: Timestamp,
        out: &mut Vec<Output>,
    ) -> Result<(), Stop> {
        let parcel = parcel(&request.message)?;
        let amount = amount(request)?;
        let (mti, processing, condition, purpose) = match request.asked {
            Asked::PreAuthorisation => (Mti::M0100, 30_000, 6, Purpose::PreAuthorisation),
            _ => (Mti::M0200, 0, 0, Purpose::Sale),
        };
        let mut routed =
            self.route(request, (mti, processing, condition), Some(amount), now, out)?;
        let considered = std::mem::take(&mut routed.considered);
        let method = self.method(&routed);
        let mut work = routed.work(line, request);
        work.parcel = Some(parcel);
        let command = Command::BeginPurchase {
            trace: request.heading.trace(),
            mark: work.mark,
            parcel,
            method,
            amount,
            purpose,
            sent: work.sent,
            considered,
        };
        let id = self.begin_work(work);
        self.command(Awaiting::Work(id), command, out);
        Ok(())
    }

    /// A sale that the terminal approved itself.
    pub(crate) fn advice(
        &mut self,
        line: Line,
        request: &Request<'_>,
        now: Timestamp,
        out: &mut Vec<Output>,
    ) -> Result<(), Stop> {
        let parcel = parcel(&request.message)?;
        let amount = amount(request)?;
        let authorisation = authorisation(&request.message).unwrap_or([b' '; 6]);
        let routed = self.route(request, (Mti::M0220, 0, 0), Some(amount), now, out);
        // The sale is made; it waits at the terminal until a network is there.
        let routed = routed.map_err(|(code, why)| match code {
            Code::NO_ROUTE => stop(Code::NOT_NOW),
            code => (code, why),
        })?;
        let method = self.method(&routed);
        let mut work = routed.work(line, request);
        work.parcel = Some(parcel);
        work.authorisation = authorisation;
        work.heard = Some(Wiped::from(request.bytes.to_vec()));
        let command = Command::TakeAdvice {
            trace: request.heading.trace(),
            mark: work.mark,
            parcel,
            method,
            amount,
            sent: work.sent,
            authorisation,
        };
        let id = self.begin_work(work);
        self.command(Awaiting::Work(id), command, out);
        Ok(())
    }

    /// What is left on a card: asked of the network, nothing is in the books.
    pub(crate) fn balance(
        &mut self,
        line: Line,
        request: &Request<'_>,
        now: Timestamp,
        out: &mut Vec<Output>,
    ) -> Result<(), Stop> {
        let routed = self.route(request, (Mti::M0200, BALANCE, 0), None, now, out)?;
        let id = self.begin_work(routed.work(line, request));
        self.send(id, now, out);
        Ok(())
    }

    /// Cash that the courier took.
    pub(crate) fn cash(
        &mut self,
        line: Line,
        request: &Request<'_>,
        out: &mut Vec<Output>,
    ) -> Result<(), Stop> {
        let parcel = parcel(&request.message)?;
        let amount = amount(request)?;
        let private = request.message.bytes(62).map_err(format)?;
        let tendered = tagged_amount(private, TAG_TENDERED)?;
        let change = tagged_amount(private, TAG_CHANGE)?;
        let mut work = Work::new(line, request, 0);
        work.parcel = Some(parcel);
        let (trace, mark) = (request.heading.trace(), work.mark);
        let id = self.begin_work(work);
        let command = Command::TakeCash { trace, mark, parcel, amount, tendered, change };
        self.command(Awaiting::Work(id), command, out);
        Ok(())
    }

    /// Tells the terminal what stands against its request, if something does.
    pub(crate) fn stopped(
        &mut self,
        begun: Result<(), Stop>,
        line: Line,
        request: &Request<'_>,
        now: Timestamp,
        out: &mut Vec<Output>,
    ) {
        if let Err((code, why)) = begun {
            let about = (&request.heading, request.asked);
            self.refuse(line, about, code, why.as_deref(), now, out);
        }
    }

    fn method(&self, routed: &Routed) -> Method {
        let network = self.networks[routed.place].settings.network;
        Method::Card { network, kind: routed.kind }
    }

    /// Reads the card, finds its way and writes the message for the network.
    fn route(
        &mut self,
        request: &Request<'_>,
        (mti, processing, condition): (Mti, u32, u8),
        amount: Option<Amount>,
        now: Timestamp,
        out: &mut Vec<Output>,
    ) -> Result<Routed, Stop> {
        let (pan, token) = self.card_of(request, out)?;
        let Some((kind, allowed)) = self.bins.of(&pan) else {
            return Err(stop(Code::ISSUER));
        };
        let way = Way {
            kind,
            allowed,
            amount: amount.unwrap_or(Amount::ZERO),
            currency: self.settings.currency,
            offline: request.asked == Asked::Advice,
            now,
        };
        let (chosen, considered) = route::choose(&self.networks, &way);
        let Some(place) = chosen else {
            return Err(stop(Code::NO_ROUTE));
        };
        let sent = self.networks[place].next_sent(now);
        let message = self.write_card(request, &pan, (mti, processing, condition), place, sent)?;
        Ok(Routed { place, kind, token, considered, message, sent })
    }

    /// The card of a request, and the token by which the books know it.
    pub(crate) fn card_of(
        &self,
        request: &Request<'_>,
        out: &mut Vec<Output>,
    ) -> Result<(Pan, u64), Stop> {
        let pan = card::number(&request.message)?;
        let token = self.keys.token(&KeyRef::Stored(self.settings.token_key), &pan);
        let token = token.map_err(|error| {
            out.push(Output::Happened(Happening::Keys(error.to_string())));
            stop(Code::NOT_NOW)
        })?;
        Ok((pan, token))
    }

    /// Writes a message with a card for a network.
    pub(crate) fn write_card(
        &self,
        request: &Request<'_>,
        pan: &Pan,
        (mti, processing, condition): (Mti, u32, u8),
        place: usize,
        sent: Sent,
    ) -> Result<Wiped, Stop> {
        let network = &self.networks[place];
        let pin = if request.message.has(52) {
            let block = request.message.block::<8>(52).map_err(format)?;
            let from = self.terminal_keys().pin(request.heading.terminal);
            let block = network.translate_pin(&*self.keys, &from, pan, block);
            Some(block.map_err(|_| stop(Code::PIN))?)
        } else {
            None
        };
        let heading = &request.heading;
        let question = Question {
            mti,
            processing,
            condition,
            amount: heading.amount.and_then(Amount::new).filter(|_| processing != BALANCE),
            sent,
            terminal: heading.terminal_id(),
            merchant: heading.merchant,
            local: self.local_of(heading, sent),
            authorisation: authorisation(&request.message),
            original: None,
            card: Some((&request.message, pan, pin)),
        };
        let message = network.write(&question, &self.settings, &*self.keys);
        message.map_err(|why| (Code::FORMAT, Some(why)))
    }

    /// Time and date at the terminal: its own where it gives them.
    pub(crate) fn local_of(&self, heading: &Heading, sent: Sent) -> (u32, u16) {
        let (time, date) = moment::local(sent.at, self.settings.utc_offset_minutes);
        (heading.time.unwrap_or(time), if heading.date > 0 { heading.date } else { date })
    }
}

pub(crate) fn format(error: impl ToString) -> Stop {
    (Code::FORMAT, Some(error.to_string()))
}

/// The parcel of field 58.
pub(crate) fn parcel(message: &Message<'_>) -> Result<ParcelId, Stop> {
    let text = message.text(58).map_err(format)?;
    waybill::read(text.as_str().trim_end().as_bytes()).map_err(format)
}

/// The amount of field 4, above zero.
pub(crate) fn amount(request: &Request<'_>) -> Result<Amount, Stop> {
    let amount = request.heading.amount.and_then(Amount::new);
    amount.filter(|amount| !amount.is_zero()).ok_or(stop(Code::AMOUNT))
}

/// The authorisation code of field 38.
pub(crate) fn authorisation(message: &Message<'_>) -> Option<[u8; 6]> {
    characters(message, 38).filter(|code: &[u8; 6]| code.iter().all(u8::is_ascii_graphic))
}

/// An amount of twelve digits in BCD under a tag.
fn tagged_amount(private: &[u8], tag: u32) -> Result<Amount, Stop> {
    let name = Tag::new(tag).ok_or(stop(Code::FORMAT))?;
    let value = tlv::find(private, name).map_err(format)?;
    let missing = || format(format!("field 62: {tag:X} must have 6 bytes of BCD"));
    let value = value.filter(|value| value.len() == 6).ok_or_else(missing)?;
    let mut minor = 0_u64;
    for byte in value {
        let (tens, ones) = (byte >> 4, byte & 15);
        if tens > 9 || ones > 9 {
            return Err(missing());
        }
        minor = minor * 100 + u64::from(tens * 10 + ones);
    }
    Amount::new(minor).ok_or_else(missing)
}
