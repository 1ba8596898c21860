//! The events of which people are told, their fields, and who can be told.

/// Who is told, as the table says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Audience {
    /// The seller whom the event concerns.
    Seller,
    /// The courier firm whom it concerns.
    Firm,
    /// The courier whom it concerns.
    Courier,
    /// The person whom it concerns.
    Person,
    /// Who gets the parcel.
    Buyer,
    Staff,
    Public,
    /// All sellers.
    Sellers,
    /// All courier firms.
    Firms,
    /// Of a report who asked for it by mail; of a correction who was sent the report.
    Readers,
}

impl Audience {
    pub(crate) const ALL: [(Audience, &'static str); 10] = [
        (Audience::Seller, "seller"),
        (Audience::Firm, "firm"),
        (Audience::Courier, "courier"),
        (Audience::Person, "person"),
        (Audience::Buyer, "buyer"),
        (Audience::Staff, "staff"),
        (Audience::Public, "public"),
        (Audience::Sellers, "all-sellers"),
        (Audience::Firms, "all-firms"),
        (Audience::Readers, "readers"),
    ];

    #[must_use]
    pub fn name(self) -> &'static str {
        Audience::ALL.iter().find(|(one, _)| *one == self).map_or("", |(_, name)| *name)
    }

    pub(crate) fn named(name: &str) -> Option<Audience> {
        Audience::ALL.iter().find(|(_, one)| *one == name).map(|(one, _)| *one)
    }
}

/// A value that texts can name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoticeField {
    pub name: &'static str,
    pub characters_max: usize,
}

/// An event of which people are told.
#[derive(Debug)]
pub struct NoticeEventSpec {
    pub name: &'static str,
    pub fields: &'static [NoticeField],
    pub audiences: &'static [Audience],
}

const fn field(name: &'static str, characters_max: usize) -> NoticeField {
    NoticeField { name, characters_max }
}

const PARCEL: NoticeField = field("parcel", 32);
/// The number of a payment of its parcel.
const PAYMENT: NoticeField = field("payment", 3);
const PAYOUT: NoticeField = field("payout", 20);
const AMOUNT: NoticeField = field("amount", 20);
const CURRENCY: NoticeField = field("currency", 3);
const GROSS: NoticeField = field("gross", 20);
const FEES: NoticeField = field("fees", 20);
const REFUNDED: NoticeField = field("refunded", 20);
const PAYABLE_ON: NoticeField = field("payable_on", 10);
const INVOICE: NoticeField = field("invoice", 10);
const HAND_OVER: NoticeField = field("hand_over", 20);
const COURIER: NoticeField = field("courier", 64);
const EXPECTED: NoticeField = field("expected", 20);
const COUNTED: NoticeField = field("counted", 20);
const DEPOSIT: NoticeField = field("deposit", 20);
const ANNOUNCED: NoticeField = field("announced", 20);
const CREDITED: NoticeField = field("credited", 20);
const ANNOUNCED_ON: NoticeField = field("announced_on", 10);
const NETWORK: NoticeField = field("network", 64);
/// Local time of the books.
const FROM: NoticeField = field("from", 16);
const BREAK: NoticeField = field("break", 20);
const PLAN: NoticeField = field("plan", 20);
const PAYOUTS: NoticeField = field("payouts", 10);

/// Whose file it is, by the operator's name, and of which kind: `network`, `bank`.
const SENDER: NoticeField = field("sender", 64);
const LANE: NoticeField = field("lane", 8);
const FILE_DAY: NoticeField = field("file_day", 10);
const DUE: NoticeField = field("due", 10);
const ITEMS: NoticeField = field("items", 10);

const COUNT: NoticeField = field("count", 20);
const PROPOSAL: NoticeField = field("proposal", 20);
const COMMAND: NoticeField = field("command", 40);

const OFFER: NoticeField = field("offer", 20);
const DECISION: NoticeField = field("decision", 10);
const RULE: NoticeField = field("rule", 64);
const SOURCE: NoticeField = field("source", 200);
/// What the rule says.
const RULE_TEXT: NoticeField = field("rule_text", 500);
/// Words and places.
const FOUND: NoticeField = field("found", 300);
const DECIDED_BY: NoticeField = field("decided_by", 20);
const APPEAL_UNTIL: NoticeField = field("appeal_until", 10);
const VERSION: NoticeField = field("version", 10);
const REVERSED: NoticeField = field("reversed", 10);
const DAY: NoticeField = field("day", 10);
/// The number of a report that was published.
const REPORT: NoticeField = field("report", 20);
/// The number of what was published: a report or a correction.
const PUBLICATION: NoticeField = field("publication", 20);

/// The daily report was published.
pub const REPORT_PUBLISHED: &str = "report.published";
/// A report that was published is wrong: those who were sent it are told what is right.
pub const REPORT_CORRECTED: &str = "report.corrected";
pub(crate) const FILE_OVERDUE: &str = "file.overdue";
pub(crate) const PROPOSAL_WAITING: &str = "proposal.waiting";
/// The outbox makes it, in words of its own, for a recipient by the channel that is full.
pub(crate) const NOTICES_FOLDED: &str = "notices.folded";

const fn event(
    name: &'static str,
    fields: &'static [NoticeField],
    audiences: &'static [Audience],
) -> NoticeEventSpec {
    NoticeEventSpec { name, fields, audiences }
}

const SELLER: &[Audience] = &[Audience::Seller];
const SELLER_AND_STAFF: &[Audience] = &[Audience::Seller, Audience::Staff];
const SELLER_AND_BUYER: &[Audience] = &[Audience::Seller, Audience::Buyer];
const FIRM_AND_STAFF: &[Audience] = &[Audience::Firm, Audience::Staff];
const COURIER_AND_FIRM: &[Audience] = &[Audience::Courier, Audience::Firm];
const ALL_PARTIES: &[Audience] =
    &[Audience::Sellers, Audience::Firms, Audience::Staff, Audience::Public];

const REPORT_READERS: &[Audience] =
    &[Audience::Readers, Audience::Sellers, Audience::Firms, Audience::Staff];
/// A statement of reasons.
const REASONS: &[NoticeField] =
    &[OFFER, DECISION, RULE, SOURCE, RULE_TEXT, FOUND, DECIDED_BY, APPEAL_UNTIL];

pub static NOTICE_EVENTS: [NoticeEventSpec; 40] = [
    event("payment.held", &[PARCEL, PAYMENT, AMOUNT, CURRENCY, PAYABLE_ON], SELLER),
    event("payment.payable", &[PARCEL, PAYMENT, AMOUNT, CURRENCY, GROSS, FEES, REFUNDED], SELLER),
    event("payout.sent", &[PAYOUT, AMOUNT, CURRENCY, GROSS, FEES, REFUNDED], SELLER),
    event("payout.confirmed", &[PAYOUT, AMOUNT, CURRENCY], SELLER),
    event("payout.returned", &[PAYOUT, AMOUNT, CURRENCY], SELLER_AND_STAFF),
    event("payout.dropped", &[PAYOUT, AMOUNT, CURRENCY], SELLER_AND_STAFF),
    event("invoice.issued", &[INVOICE, AMOUNT, CURRENCY], SELLER),
    event("invoice.paid", &[INVOICE, AMOUNT, CURRENCY], SELLER),
    event(
        "shortage.found",
        &[HAND_OVER, COURIER, EXPECTED, COUNTED, AMOUNT, CURRENCY],
        COURIER_AND_FIRM,
    ),
    event("hand_over.started", &[HAND_OVER, AMOUNT, CURRENCY], &[Audience::Courier]),
    event("parcel.out", &[PARCEL, AMOUNT, CURRENCY], &[Audience::Buyer]),
    event("parcel.delivered", &[PARCEL, AMOUNT, CURRENCY], SELLER_AND_BUYER),
    event("parcel.refused", &[PARCEL], SELLER_AND_BUYER),
    event("parcel.returned", &[PARCEL], SELLER_AND_BUYER),
    event("parcel.lost", &[PARCEL], SELLER_AND_BUYER),
    event("parcel.compensated", &[PARCEL, AMOUNT, CURRENCY], SELLER),
    event("deposit.short", &[DEPOSIT, ANNOUNCED, CREDITED, AMOUNT, CURRENCY], FIRM_AND_STAFF),
    event("deposit.missing", &[DEPOSIT, AMOUNT, CURRENCY, ANNOUNCED_ON], FIRM_AND_STAFF),
    event("chargeback.received", &[PARCEL, PAYMENT, AMOUNT, CURRENCY], SELLER),
    event("chargeback.won", &[PARCEL, PAYMENT, AMOUNT, CURRENCY], SELLER),
    event("chargeback.lost", &[PARCEL, PAYMENT], SELLER),
    event("network.withdrawn", &[NETWORK, FROM], ALL_PARTIES),
    event("network.reinstated", &[NETWORK], ALL_PARTIES),
    event("break.assigned", &[BREAK], &[Audience::Person]),
    event("plan.waiting", &[PLAN, PAYOUTS], &[Audience::Staff]),
    event("text.refused", REASONS, SELLER),
    event("text.labelled", REASONS, SELLER),
    event("text.held", &[OFFER, DECISION, RULE, SOURCE, RULE_TEXT, FOUND], SELLER_AND_STAFF),
    event("text.freed", &[OFFER, DECISION], SELLER),
    event("text.restored", &[OFFER, DECISION], SELLER),
    event("appeal.received", &[OFFER, DECISION, DUE], SELLER_AND_STAFF),
    event("appeal.upheld", &[OFFER, DECISION], SELLER),
    event("appeal.reversed", &[OFFER, DECISION], SELLER),
    event("appeal.restored", &[OFFER, DECISION], SELLER),
    event("rule.suspended", &[RULE, VERSION, REVERSED], &[Audience::Person]),
    event(FILE_OVERDUE, &[SENDER, LANE, FILE_DAY, DUE, ITEMS], &[Audience::Staff]),
    event(PROPOSAL_WAITING, &[PROPOSAL, COMMAND], &[Audience::Staff]),
    event(REPORT_PUBLISHED, &[DAY, REPORT, PUBLICATION], REPORT_READERS),
    event(REPORT_CORRECTED, &[DAY, REPORT, PUBLICATION], REPORT_READERS),
    event(NOTICES_FOLDED, &[COUNT], &[]),
];

#[must_use]
pub fn event_named(name: &str) -> Option<&'static NoticeEventSpec> {
    NOTICE_EVENTS.iter().find(|one| one.name == name)
}
