//! What the books say now: the looks of the command line, as the server answers them.

use crate::words::BilingualText;

/// Something that the books say now, as the command line shows it.
pub struct LookSpec {
    pub path: &'static str,
    /// How the table of rights names it.
    pub right: &'static str,
    /// The words of the command line.
    pub line: &'static [&'static str],
    /// Whether something is named at the end of the path, as a person types it.
    pub of_one: bool,
    /// The flags that the query can give.
    pub flags: &'static [LookFlag],
    /// What only those see who may read another view too.
    pub parts: &'static [LookPart],
    /// The list to ask for another position: the look itself says what is so now.
    pub list: &'static str,
    pub about: BilingualText,
}

/// A part of a look's answer, and the view whose readers see it.
pub struct LookPart {
    pub place: LookPlace,
    pub right: &'static str,
}

/// Where a part is.
#[derive(Clone, Copy)]
pub enum LookPlace {
    Field(&'static str),
    /// A field of each thing in a list.
    InEach(&'static str, &'static str),
    /// What has this `kind`, in every list.
    OfKind(&'static str),
}

/// A flag of a look, as a parameter of the query.
pub struct LookFlag {
    pub name: &'static str,
    pub form: FlagForm,
}

/// What a flag takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FlagForm {
    Date,
    Days,
    /// The reference of a party.
    Reference,
    AccountKind,
    WaitingKind,
    /// By what costs are grouped.
    CostKey,
}

const fn flag(name: &'static str, form: FlagForm) -> LookFlag {
    LookFlag { name, form }
}

const fn field(name: &'static str, right: &'static str) -> LookPart {
    LookPart { place: LookPlace::Field(name), right }
}

const fn of_kind(kind: &'static str, right: &'static str) -> LookPart {
    LookPart { place: LookPlace::OfKind(kind), right }
}

static STATUS_PARTS: [LookPart; 18] = [
    field("rails", "networks"),
    LookPart { place: LookPlace::InEach("rails", "receivable"), right: "balances" },
    field("unknown_payments", "collections"),
    field("breaks", "breaks"),
    field("suspense", "balances"),
    field("open_items", "open-items"),
    field("parcels", "parcels"),
    field("left_to_collect", "parcels"),
    field("cash_in_custody", "cash"),
    field("releases_due", "balances"),
    field("payable", "settlements"),
    field("plans", "settlements"),
    field("payouts_in_flight", "payouts"),
    field("sellers_below_zero", "balances"),
    field("sellers_owe", "balances"),
    field("stopped", "parties"),
    field("terms_to_come", "parties"),
    field("notices", "notices"),
];

static WAITING_PARTS: [LookPart; 12] = [
    of_kind("plan", "settlements"),
    of_kind("break", "breaks"),
    of_kind("batch", "open-items"),
    of_kind("unknown", "collections"),
    of_kind("uncleared", "collections"),
    of_kind("chargeback", "chargebacks"),
    of_kind("refund", "refunds"),
    of_kind("deposit", "deposits"),
    of_kind("shortage", "cash"),
    of_kind("payout", "payouts"),
    of_kind("invoice", "statements"),
    of_kind("below-zero", "balances"),
];

pub(super) static LOOKS: [LookSpec; 12] = [
    LookSpec {
        path: "/v1/now/status",
        right: "status",
        line: &["status"],
        of_one: false,
        flags: &[],
        parts: &STATUS_PARTS,
        list: "/v1/parcels",
        about: BilingualText::fixed("What the books say today, counted", "账簿今日概况"),
    },
    LookSpec {
        path: "/v1/now/cash",
        right: "cash",
        line: &["cash"],
        of_one: false,
        flags: &[],
        parts: &[],
        list: "/v1/custody",
        about: BilingualText::fixed("Where each cent of cash is", "每一分现金在何处"),
    },
    LookSpec {
        path: "/v1/now/balances",
        right: "balances",
        line: &["balances"],
        of_one: false,
        flags: &[flag("date", FlagForm::Date)],
        parts: &[],
        list: "/v1/accounts",
        about: BilingualText::fixed("The trial balance", "试算平衡表"),
    },
    LookSpec {
        path: "/v1/now/account-balances",
        right: "accounts",
        line: &["accounts"],
        of_one: false,
        flags: &[flag("kind", FlagForm::AccountKind)],
        parts: &[],
        list: "/v1/accounts",
        about: BilingualText::fixed("Balances by account", "按账户的余额"),
    },
    LookSpec {
        path: "/v1/now/open-items",
        right: "open-items",
        line: &["open-items"],
        of_one: false,
        flags: &[
            flag("kind", FlagForm::WaitingKind),
            flag("party", FlagForm::Reference),
            flag("older-than", FlagForm::Days),
        ],
        parts: &WAITING_PARTS,
        list: "/v1/open-items",
        about: BilingualText::fixed(
            "Everything that waits, oldest first",
            "所有待办事项，最早的在前",
        ),
    },
    LookSpec {
        path: "/v1/now/open-breaks",
        right: "breaks",
        line: &["breaks"],
        of_one: false,
        flags: &[],
        parts: &[],
        list: "/v1/breaks",
        about: BilingualText::fixed("Differences that somebody must resolve", "须由人解决的差异"),
    },
    LookSpec {
        path: "/v1/now/reconciliation",
        right: "balances",
        line: &["recon", "status"],
        of_one: false,
        flags: &[],
        parts: &[],
        list: "/v1/files",
        about: BilingualText::fixed(
            "Lanes side by side: files, what is due today, what is missing or late",
            "各来源并列：文件、今日到期的、缺少的和迟到的",
        ),
    },
    LookSpec {
        path: "/v1/now/reconciliation-open",
        right: "breaks",
        line: &["recon", "breaks"],
        of_one: false,
        flags: &[flag("lane", FlagForm::Reference), flag("older-than", FlagForm::Days)],
        parts: &[],
        list: "/v1/breaks",
        about: BilingualText::fixed(
            "What reconciliation left open, each with the resolution that the rules suggest",
            "对账未结事项，各附规则建议的结案方式",
        ),
    },
    LookSpec {
        path: "/v1/now/arrivals",
        right: "balances",
        line: &["recon", "arrivals"],
        of_one: false,
        flags: &[],
        parts: &[],
        list: "/v1/files",
        about: BilingualText::fixed(
            "What is to arrive in files, by sender and day; what is overdue comes first",
            "文件中应到的款项，按来源和日期；逾期的在前",
        ),
    },
    LookSpec {
        path: "/v1/now/costs",
        right: "balances",
        line: &["costs"],
        of_one: false,
        flags: &[
            flag("from", FlagForm::Date),
            flag("until", FlagForm::Date),
            flag("by", FlagForm::CostKey),
            flag("of", FlagForm::Reference),
        ],
        parts: &[],
        list: "/v1/postings",
        about: BilingualText::fixed(
            "What collections cost, by component, what routing saved, what files kept back",
            "收款的各项成本、路由节省的费用、文件多扣的手续费",
        ),
    },
    LookSpec {
        path: "/v1/now/statements/{seller}",
        right: "statements",
        line: &["statement"],
        of_one: true,
        flags: &[],
        parts: &[],
        list: "/v1/postings",
        about: BilingualText::fixed("A seller's statement, line by line", "卖家对账单，逐行列出"),
    },
    LookSpec {
        path: "/v1/now/payout-explanations/{payout}",
        right: "explanations",
        line: &["explain", "payout"],
        of_one: true,
        flags: &[],
        parts: &[],
        list: "/v1/payouts",
        about: BilingualText::fixed(
            "A payout down to its parcels, fees and tariff versions",
            "一笔打款的包裹、费用和费率版本",
        ),
    },
];
