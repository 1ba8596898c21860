//! What of a command people are told: its events, with their fields and whom they concern.

use std::collections::BTreeSet;

use books::chart::AccountKind;
use books::{
    Books, Command, CourierId, DepositId, Event, FirmId, NetworkId, ParcelId, PaymentId, PayoutId,
    PayoutLine, PersonId, Posting, RailId, SellerId,
};
use engine::{CommandOutcome, Engine, Submission, Timestamp};
use money::{Amount, Currency};
use serde_json::{Map, Value};
use tariff::BusinessDate;

use crate::event::{
    FILE_OVERDUE, NoticeEventSpec, PROPOSAL_WAITING, REPORT_CORRECTED, REPORT_PUBLISHED,
    event_named,
};
use crate::limits::DEPOSIT_DAYS_MAX;
use crate::public_texts;
use crate::recipient::Recipient;

/// Whom an event concerns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NoticeSubjects {
    pub seller: Option<SellerId>,
    pub firm: Option<FirmId>,
    pub courier: Option<CourierId>,
    pub person: Option<PersonId>,
    pub parcel: Option<ParcelId>,
}

/// An event of which people are told.
#[derive(Clone, Debug)]
pub struct Announcement {
    pub event: &'static NoticeEventSpec,
    pub about: NoticeSubjects,
    pub fields: Map<String, Value>,
    /// Of a publication: who asked for reports, or was sent the one that it corrects.
    pub readers: BTreeSet<Recipient>,
}

/// Sees the commands of a journal in order.
pub struct Announcer {
    /// The last business date that was seen.
    last_date: BusinessDate,
}

pub(crate) fn announcement<const N: usize>(
    event: &str,
    about: NoticeSubjects,
    fields: [(&'static str, String); N],
) -> Announcement {
    let event = event_named(event).expect("a declared event");
    let fields = fields.map(|(name, value)| {
        let field = event.fields.iter().find(|one| one.name == name).expect("a declared field");
        // Longer texts would not fit where the table's texts do.
        let value = value.chars().take(field.characters_max).collect();
        (name.to_owned(), Value::String(value))
    });
    assert_eq!(fields.len(), event.fields.len(), "{} has all fields", event.name);
    let (fields, readers) = (fields.into_iter().collect(), BTreeSet::new());
    Announcement { event, about, fields, readers }
}

fn amount(amount: Amount, currency: Currency) -> String {
    minor(u128::from(amount.minor()), currency)
}

fn minor(minor: u128, currency: Currency) -> String {
    let minor = i128::try_from(minor).unwrap_or(i128::MAX);
    money::decimal::DecimalAmount::of_balance(minor, currency).to_string()
}

pub(crate) fn of_seller(seller: SellerId) -> NoticeSubjects {
    NoticeSubjects { seller: Some(seller), ..NoticeSubjects::default() }
}

fn of_firm(firm: FirmId) -> NoticeSubjects {
    NoticeSubjects { firm: Some(firm), ..NoticeSubjects::default() }
}

impl Announcer {
    /// Goes on after the commands that the books have.
    #[must_use]
    pub fn after(engine: &Engine) -> Announcer {
        Announcer { last_date: engine.books().last_date() }
    }

    /// What a command that was just applied says to people, always in the same order.
    pub fn command(
        &mut self,
        submission: &Submission,
        at: Timestamp,
        outcome: &CommandOutcome,
        engine: &Engine,
    ) -> Vec<Announcement> {
        let books = engine.books();
        let mut all = Vec::new();
        for (command, events) in outcome.of_books(submission) {
            for event in events {
                let said = Said { event, command, at, postings: &outcome.books.postings, books };
                said.announce(&mut all);
            }
        }
        all.extend(outcome.policy.iter().filter_map(|event| public_texts::said(event, engine)));
        let today = books.last_date();
        if today > self.last_date {
            missing_deposits(self.last_date, today, books, &mut all);
            self.last_date = today;
        }
        all
    }
}

/// Deposits whose last day has passed since another day.
fn missing_deposits(
    before: BusinessDate,
    today: BusinessDate,
    books: &Books,
    all: &mut Vec<Announcement>,
) {
    for firm in books.cash_custody(today) {
        for deposit in &firm.deposits {
            let last = deposit.announced_on.plus_days(DEPOSIT_DAYS_MAX);
            if last < today && last >= before {
                all.push(announcement(
                    "deposit.missing",
                    of_firm(firm.firm),
                    [
                        ("deposit", deposit.id.to_string()),
                        ("amount", amount(deposit.amount, firm.currency)),
                        ("currency", firm.currency.to_string()),
                        ("announced_on", deposit.announced_on.to_string()),
                    ],
                ));
            }
        }
    }
}

/// What is said of a proposal of the office, which the journal does not have.
pub(crate) fn proposal_waiting(number: u64, command: &str) -> Announcement {
    let fields = [("proposal", number.to_string()), ("command", command.to_owned())];
    announcement(PROPOSAL_WAITING, NoticeSubjects::default(), fields)
}

/// What is said of a publication of the daily report, which the journal does not have. `of` is the
/// report that a correction is of.
pub(crate) fn report_published(
    (number, of): (u64, Option<u64>),
    day: &str,
    readers: BTreeSet<Recipient>,
) -> Announcement {
    let name = if of.is_some() { REPORT_CORRECTED } else { REPORT_PUBLISHED };
    let fields = [
        ("day", day.to_owned()),
        ("report", of.unwrap_or(number).to_string()),
        ("publication", number.to_string()),
    ];
    Announcement { readers, ..announcement(name, NoticeSubjects::default(), fields) }
}

/// A file of a network, wallet, bank or firm that did not come. The journal has no such thing.
#[derive(Clone, Copy, Debug)]
pub struct OverdueNotice<'f> {
    /// The operator's name of the sender.
    pub sender: &'f str,
    /// `network`, `wallet`, `bank` or `firm`.
    pub lane: &'f str,
    pub file_day: &'f str,
    /// The last day on which it was in time.
    pub due: &'f str,
    /// What is to be in it.
    pub items: u32,
}

pub(crate) fn file_overdue(file: OverdueNotice<'_>) -> Announcement {
    let fields = [
        ("sender", file.sender.to_owned()),
        ("lane", file.lane.to_owned()),
        ("file_day", file.file_day.to_owned()),
        ("due", file.due.to_owned()),
        ("items", file.items.to_string()),
    ];
    announcement(FILE_OVERDUE, NoticeSubjects::default(), fields)
}

fn network_name(books: &Books, network: NetworkId) -> String {
    let mut rails = books.rail_views();
    let found = rails.find(|rail| rail.id == RailId::Network(network));
    found.map_or_else(|| network.to_string(), |rail| rail.reference.to_owned())
}

/// Seller and currency of a parcel.
fn parcel_of(books: &Books, parcel: ParcelId) -> Option<(NoticeSubjects, Currency)> {
    let view = books.parcel_view(parcel)?;
    let about = NoticeSubjects { parcel: Some(parcel), ..of_seller(view.seller) };
    Some((about, view.currency))
}

fn of_payment(name: &str, payment: PaymentId, of: Amount, books: &Books) -> Option<Announcement> {
    let (about, currency) = parcel_of(books, payment.parcel)?;
    Some(announcement(
        name,
        about,
        [
            ("parcel", payment.parcel.to_string()),
            ("payment", payment.number.to_string()),
            ("amount", amount(of, currency)),
            ("currency", currency.to_string()),
        ],
    ))
}

fn of_payout(
    name: &str,
    payout: PayoutId,
    seller: SellerId,
    (net, currency): (Amount, Currency),
) -> Announcement {
    announcement(
        name,
        of_seller(seller),
        [
            ("payout", payout.to_string()),
            ("amount", amount(net, currency)),
            ("currency", currency.to_string()),
        ],
    )
}

fn payout_sent(line: &PayoutLine) -> Announcement {
    let currency = line.currency;
    announcement(
        "payout.sent",
        of_seller(line.seller),
        [
            ("payout", line.payout.to_string()),
            ("amount", amount(line.net, currency)),
            ("currency", currency.to_string()),
            ("gross", minor(line.gross.into(), currency)),
            ("fees", minor(line.fees.into(), currency)),
            ("refunded", minor(line.refunded.into(), currency)),
        ],
    )
}

fn of_invoice(
    name: &str,
    seller: SellerId,
    invoice: u32,
    (of, currency): (Amount, Currency),
) -> Announcement {
    announcement(
        name,
        of_seller(seller),
        [
            ("invoice", invoice.to_string()),
            ("amount", amount(of, currency)),
            ("currency", currency.to_string()),
        ],
    )
}

/// An event, and what was done beside it.
struct Said<'s> {
    event: &'s Event,
    command: &'s Command,
    at: Timestamp,
    postings: &'s [Posting],
    books: &'s Books,
}

impl Said<'_> {
    fn announce(&self, all: &mut Vec<Announcement>) {
        if let Event::SettlementExecuted { lines, .. } = self.event {
            all.extend(lines.iter().map(payout_sent));
            return;
        }
        all.extend(
            None.or_else(|| self.of_money())
                .or_else(|| self.of_payout())
                .or_else(|| self.of_cash())
                .or_else(|| self.of_parcel())
                .or_else(|| self.of_house()),
        );
    }

    fn of_money(&self) -> Option<Announcement> {
        let books = self.books;
        match self.event {
            Event::PaymentHeld { payment, payable_on } => held(*payment, *payable_on, books),
            Event::PaymentReleased { payment, gross, fees, refunded, .. } => {
                let (about, currency) = parcel_of(books, payment.parcel)?;
                let left = gross.minor().saturating_sub(fees.minor() + refunded.minor());
                let fields = [
                    ("parcel", payment.parcel.to_string()),
                    ("payment", payment.number.to_string()),
                    ("amount", minor(left.into(), currency)),
                    ("currency", currency.to_string()),
                    ("gross", amount(*gross, currency)),
                    ("fees", amount(*fees, currency)),
                    ("refunded", amount(*refunded, currency)),
                ];
                Some(announcement("payment.payable", about, fields))
            }
            Event::ChargedBack { payment, amount } => {
                of_payment("chargeback.received", *payment, *amount, books)
            }
            Event::ChargebackWon { payment, amount, .. } => {
                of_payment("chargeback.won", *payment, *amount, books)
            }
            Event::ChargebackLost { payment, .. } => {
                let (about, _) = parcel_of(books, payment.parcel)?;
                let number = ("payment", payment.number.to_string());
                let fields = [("parcel", payment.parcel.to_string()), number];
                Some(announcement("chargeback.lost", about, fields))
            }
            _ => None,
        }
    }

    fn of_payout(&self) -> Option<Announcement> {
        Some(match self.event {
            Event::PayoutConfirmed { payout, seller, net } => {
                let account = self.books.account_view(self.postings.first()?.debit)?;
                of_payout("payout.confirmed", *payout, *seller, (*net, account.currency))
            }
            Event::PayoutReturned { payout, seller, currency, net } => {
                of_payout("payout.returned", *payout, *seller, (*net, *currency))
            }
            Event::PayoutDropped { payout, seller, currency, planned, .. } => {
                of_payout("payout.dropped", *payout, *seller, (*planned, *currency))
            }
            Event::SellerInvoiced { seller, currency, number, amount } => {
                of_invoice("invoice.issued", *seller, *number, (*amount, *currency))
            }
            Event::SellerPaymentRecorded { seller, currency, invoice, amount, .. } => {
                of_invoice("invoice.paid", *seller, *invoice, (*amount, *currency))
            }
            _ => return None,
        })
    }

    fn of_cash(&self) -> Option<Announcement> {
        let books = self.books;
        let about = |courier| NoticeSubjects {
            courier: Some(courier),
            firm: books.courier_firm(courier),
            ..NoticeSubjects::default()
        };
        let currency_of = |courier| books.firm_currency(books.courier_firm(courier)?);
        match (self.event, self.command) {
            (Event::HandOverStarted { handover, expected }, Command::StartHandOver(start)) => {
                let currency = currency_of(start.courier)?;
                let fields = [
                    ("hand_over", handover.to_string()),
                    ("amount", amount(*expected, currency)),
                    ("currency", currency.to_string()),
                ];
                Some(announcement("hand_over.started", about(start.courier), fields))
            }
            (Event::HandOverCounted { handover, courier, expected, counted }, _)
                if counted < expected =>
            {
                let currency = currency_of(*courier)?;
                let short = expected.minor() - counted.minor();
                let reference = books.courier_reference(*courier);
                let fields = [
                    ("hand_over", handover.to_string()),
                    ("courier", reference.map_or_else(|| courier.to_string(), str::to_owned)),
                    ("expected", amount(*expected, currency)),
                    ("counted", amount(*counted, currency)),
                    ("amount", minor(short.into(), currency)),
                    ("currency", currency.to_string()),
                ];
                Some(announcement("shortage.found", about(*courier), fields))
            }
            (Event::DepositConfirmed { deposit, announced, credited }, _) => {
                self.short_deposit(*deposit, *announced, *credited)
            }
            _ => None,
        }
    }

    fn short_deposit(
        &self,
        deposit: DepositId,
        announced: Amount,
        credited: Amount,
    ) -> Option<Announcement> {
        let missing = announced.minor().checked_sub(credited.minor()).filter(|left| *left > 0)?;
        let accounts = self.postings.iter().flat_map(|posting| [posting.debit, posting.credit]);
        let mut accounts = accounts.filter_map(|number| self.books.account_view(number));
        let cash = accounts.find(|account| account.kind == AccountKind::FirmCash)?;
        let fields = [
            ("deposit", deposit.to_string()),
            ("announced", amount(announced, cash.currency)),
            ("credited", amount(credited, cash.currency)),
            ("amount", minor(missing.into(), cash.currency)),
            ("currency", cash.currency.to_string()),
        ];
        Some(announcement("deposit.short", of_firm(FirmId(cash.owner)), fields))
    }

    fn of_parcel(&self) -> Option<Announcement> {
        let books = self.books;
        match self.event {
            Event::ParcelDispatched { parcel, .. } => {
                let view = books.parcel_view(*parcel)?;
                let left = view.due.minor().saturating_sub(view.collected.minor());
                of_parcel("parcel.out", *parcel, Some(left), books)
            }
            Event::ParcelDelivered { parcel, collected } => {
                of_parcel("parcel.delivered", *parcel, Some(collected.minor()), books)
            }
            Event::ParcelRefused { parcel } => of_parcel("parcel.refused", *parcel, None, books),
            Event::ParcelReturned { parcel, .. } => {
                of_parcel("parcel.returned", *parcel, None, books)
            }
            Event::ParcelLost { parcel } => of_parcel("parcel.lost", *parcel, None, books),
            Event::SellerCompensated { parcel, amount, .. } => {
                of_parcel("parcel.compensated", *parcel, Some(amount.minor()), books)
            }
            _ => None,
        }
    }

    fn of_house(&self) -> Option<Announcement> {
        let (books, everyone) = (self.books, NoticeSubjects::default());
        Some(match self.event {
            Event::NetworkWithdrawn { network, from } => {
                let from = (*from).max(self.at);
                let offset = books.utc_offset_minutes_at(from).unwrap_or(0);
                let from = from.local(offset).strftime("%Y-%m-%d %H:%M").to_string();
                let fields = [("network", network_name(books, *network)), ("from", from)];
                announcement("network.withdrawn", everyone, fields)
            }
            Event::NetworkReinstated { network } => {
                let fields = [("network", network_name(books, *network))];
                announcement("network.reinstated", everyone, fields)
            }
            Event::BreakAssigned { break_id, owner } => {
                let about = NoticeSubjects { person: Some(*owner), ..everyone };
                announcement("break.assigned", about, [("break", break_id.to_string())])
            }
            Event::SettlementPlanned { plan, lines, .. } => {
                let fields = [("plan", plan.to_string()), ("payouts", lines.len().to_string())];
                announcement("plan.waiting", everyone, fields)
            }
            _ => return None,
        })
    }
}

fn held(payment: PaymentId, payable_on: BusinessDate, books: &Books) -> Option<Announcement> {
    let (about, currency) = parcel_of(books, payment.parcel)?;
    let view = books.payment_with_id(payment)?;
    let left = view.amount.minor().saturating_sub(view.refunded.minor());
    Some(announcement(
        "payment.held",
        about,
        [
            ("parcel", payment.parcel.to_string()),
            ("payment", payment.number.to_string()),
            ("amount", minor(left.into(), currency)),
            ("currency", currency.to_string()),
            ("payable_on", payable_on.to_string()),
        ],
    ))
}

fn of_parcel(name: &str, parcel: ParcelId, of: Option<u64>, books: &Books) -> Option<Announcement> {
    let (about, currency) = parcel_of(books, parcel)?;
    let id = ("parcel", parcel.to_string());
    Some(match of {
        None => announcement(name, about, [id]),
        Some(of) => {
            let amount = ("amount", minor(of.into(), currency));
            announcement(name, about, [id, amount, ("currency", currency.to_string())])
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_reference_is_cut_to_what_texts_have_room_for() {
        let fields = [("network", "银".repeat(100))];
        let made = announcement("network.reinstated", NoticeSubjects::default(), fields);
        assert_eq!(made.fields["network"].as_str().map(|text| text.chars().count()), Some(64));
    }
}
