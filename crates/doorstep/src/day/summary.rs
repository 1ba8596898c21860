//! The summary of a day, for people and as JSON.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use books::chart::AccountKind as A;
use files::orders::ImportReport;
use money::Currency;
use money::decimal::DecimalAmount;
use reports::{DaySums, EventSum, MarketSums, OpenItemReport};
use serde::Serialize;
use sim::{NetworkComparison, OrderSource};
use tariff::FeeKind;

use super::night::NightAnswers;
use super::run::DaysResult;
use crate::orders;
use crate::words::{Lang, bilingual, grouped, left, right, say};

/// The JSON object. The long help of `doorstep day` explains its keys.
#[derive(Serialize)]
pub struct DaySummary {
    currency: &'static str,
    parcels: u64,
    announced: u64,
    collected: Collected,
    refused: u64,
    returned: u64,
    refunded: u64,
    fees: BTreeMap<&'static str, i128>,
    held: i128,
    payable: i128,
    paid: u64,
    custody: BTreeMap<String, i128>,
    unknown: u64,
    breaks: usize,
    open_items: OpenItems,
    debits: u128,
    credits: u128,
    payouts: String,
    digest: String,
    seconds: f64,
    counts: Counts,
    networks: Vec<Network>,
    terminals: Terminals,
    door_messages: DoorMessages,
    date: String,
    days: u32,
    seed: u64,
    tariff: String,
    real: String,
    simulated: &'static str,
    orders_by_status: BTreeMap<String, u64>,
    left_out: BTreeMap<String, u64>,
    bad: u64,
    bad_lines: Vec<String>,
    messages: Vec<String>,
    wrong: Vec<String>,
}

#[derive(Serialize)]
struct Collected {
    card: u64,
    qr: u64,
    cash: u64,
}

/// Batches of terminals that differ from the books.
#[derive(Serialize)]
struct OpenItems {
    count: u64,
    /// The terminals' amounts minus those of the books.
    net: i128,
    oldest_days: u16,
}

impl OpenItems {
    fn of(items: &[OpenItemReport]) -> OpenItems {
        OpenItems {
            count: items.len() as u64,
            net: items.iter().map(|one| one.net).sum(),
            oldest_days: items.iter().map(|one| one.age_days).max().unwrap_or(0),
        }
    }
}

#[derive(Serialize)]
struct Counts {
    sellers: u64,
    couriers: u64,
    delivered: u64,
    refused: u64,
    returned: u64,
    part_accepted: u64,
    attempts: u64,
    card: u64,
    qr: u64,
    cash: u64,
    declined: u64,
    became_unknown: u64,
    reversed: u64,
    late_approvals: u64,
    duplicates: u64,
    hand_overs_short: u64,
    hand_overs_surplus: u64,
    breaks_raised: u64,
    payouts: u64,
    payouts_came_back: u64,
    commands: u64,
    commits: u64,
}

/// A network's own books.
#[derive(Serialize)]
struct Network {
    name: String,
    items: u64,
    approved: u64,
    reversed: u64,
    unknown: u64,
    equal: bool,
}

#[derive(Serialize)]
struct Terminals {
    signed_on: u64,
    batches_agreed: u64,
    batches_disputed: u64,
    offline: u64,
    reversed: u64,
    repeated: u64,
}

#[derive(Serialize)]
struct DoorMessages {
    terminal: u64,
    network: u64,
}

const SIMULATED: &str = "couriers, buyers, terminals, card networks, wallet, hubs, bank, times";

impl DaySummary {
    pub fn of(found: &DaysResult, report: &ImportReport, took: Duration) -> DaySummary {
        let (engine, sums, inputs) = (&found.engine, &found.sums, &found.inputs);
        let currency = inputs.currency;
        let doors = &found.day.report.payment_path;
        let sum = |kind| engine.books().total_balance(kind, currency);
        let totals = engine.books().totals().iter().find(|totals| totals.currency == currency);
        // A firm has one account for both.
        let fees = FeeKind::ALL.map(|kind| match kind {
            FeeKind::Freight => (kind.name(), sums.freight),
            FeeKind::Commission => (kind.name(), sum(A::FirmCommission) - sums.freight),
            kind => (kind.name(), sum(A::of_fee(kind))),
        });
        let custody = engine.books().firms().map(|(firm, reference)| {
            (reference.to_owned(), engine.books().custody(firm).unwrap_or_default())
        });
        DaySummary {
            currency: currency.code(),
            parcels: sums.parcels,
            announced: sums.announced,
            collected: Collected {
                card: sums.card.amount,
                qr: sums.qr.amount,
                cash: sums.cash.amount,
            },
            refused: sums.refused.amount,
            returned: sums.returned.amount,
            refunded: sums.refunded.amount,
            fees: fees.into_iter().collect(),
            held: sum(A::SellerHeld),
            payable: sum(A::SellerPayable),
            paid: sums.paid.amount,
            custody: custody.collect(),
            unknown: engine.books().unknown_count(),
            breaks: engine.books().open_breaks().len(),
            open_items: OpenItems::of(&OpenItemReport::all(engine)),
            debits: totals.map_or(0, |totals| totals.debits),
            credits: totals.map_or(0, |totals| totals.credits),
            payouts: found.payouts_file.display().to_string(),
            digest: engine.digest().to_string(),
            seconds: Duration::from_millis(whole_ms(took)).as_secs_f64(),
            counts: counts(found, sums),
            networks: found.networks.iter().map(network).collect(),
            terminals: Terminals {
                signed_on: doors.sign_ons,
                batches_agreed: doors.batches_agreed,
                batches_disputed: doors.batches_disputed,
                offline: doors.offline_sales,
                reversed: doors.terminal_reversals,
                repeated: doors.repeated_messages,
            },
            door_messages: DoorMessages {
                terminal: doors.terminal_messages,
                network: doors.network_messages,
            },
            date: inputs.date.to_string(),
            days: found.number,
            seed: found.day.report.seed,
            tariff: inputs.tariff.name.clone(),
            real: real(&inputs.order_source),
            simulated: SIMULATED,
            orders_by_status: named(&report.orders_by_status),
            left_out: left_out_by_reason(report),
            bad: report.lines.bad,
            bad_lines: bad_lines(report),
            messages: found.messages.iter().map(|path| path.display().to_string()).collect(),
            wrong: found.problems.clone(),
        }
    }
}

fn whole_ms(took: Duration) -> u64 {
    u64::try_from(took.as_millis()).unwrap_or(u64::MAX)
}

fn named(counts: &BTreeMap<Arc<str>, u64>) -> BTreeMap<String, u64> {
    counts.iter().map(|(name, count)| (name.to_string(), *count)).collect()
}

fn left_out_by_reason(report: &ImportReport) -> BTreeMap<String, u64> {
    let reasons = report.left_out_by_reason.iter();
    reasons.map(|(reason, left_out)| (reason.to_string(), left_out.orders)).collect()
}

fn bad_lines(report: &ImportReport) -> Vec<String> {
    report.bad_lines.iter().take(orders::LISTED_MAX).map(ToString::to_string).collect()
}

fn network(of: &NetworkComparison) -> Network {
    Network {
        name: of.reference.clone(),
        items: of.items,
        approved: of.approved.amount,
        reversed: of.reversed.amount,
        unknown: of.unknown,
        equal: of.differences.is_empty(),
    }
}

fn counts(found: &DaysResult, sums: &DaySums) -> Counts {
    let report = &found.day.report;
    Counts {
        sellers: report.sellers,
        couriers: report.couriers,
        delivered: sums.delivered,
        refused: sums.refused.count,
        returned: sums.returned.count,
        part_accepted: sums.part_accepted,
        attempts: sums.attempts,
        card: sums.card.count,
        qr: sums.qr.count,
        cash: sums.cash.count,
        declined: sums.declined,
        became_unknown: sums.became_unknown,
        reversed: sums.reversed,
        late_approvals: sums.late_approvals,
        duplicates: report.counts.duplicates
            + report.payment_path.repeated_messages
            + report.payment_path.duplicate_answers,
        hand_overs_short: sums.short.count,
        hand_overs_surplus: sums.surplus.count,
        breaks_raised: sums.breaks,
        payouts: sums.payouts().len() as u64,
        payouts_came_back: sums.payouts_returned.count,
        commands: report.commands,
        commits: report.calls,
    }
}

fn real(origin: &OrderSource) -> String {
    match origin {
        OrderSource::Real { profile, source } => {
            format!("the orders of {source} (profile {profile})")
        }
        OrderSource::Generated => {
            "nothing: the orders are simulated, distributed like a real sample".into()
        }
    }
}

struct Table {
    lang: Lang,
    currency: Currency,
}

impl Table {
    fn amount(&self, minor: i128) -> String {
        grouped(&DecimalAmount::of_balance(minor, self.currency).to_string())
    }

    fn head(&self, english: &'static str, chinese: &'static str) {
        say!("\n{}", self.lang.pick(english, chinese));
    }

    fn row(
        &self,
        english: &'static str,
        chinese: &'static str,
        count: Option<u64>,
        minor: Option<i128>,
    ) {
        let count = count.map(|count| grouped(&count.to_string())).unwrap_or_default();
        let amount = minor.map(|minor| self.amount(minor)).unwrap_or_default();
        let name = left(self.lang.pick(english, chinese), 34);
        let row = format!("  {name} {} {}", right(&count, 9), right(&amount, 17));
        say!("{}", row.trim_end());
    }

    fn counted(&self, english: &'static str, chinese: &'static str, sum: EventSum) {
        self.row(english, chinese, Some(sum.count), Some(i128::from(sum.amount)));
    }

    /// A row that is left out if the count is zero.
    fn if_any(
        &self,
        english: &'static str,
        chinese: &'static str,
        count: u64,
        minor: Option<i128>,
    ) {
        if count > 0 {
            self.row(english, chinese, Some(count), minor);
        }
    }
}

impl DaySummary {
    /// Prints the summary for a person.
    pub fn print(&self, found: &DaysResult, lang: Lang) {
        let currency = found.day.report.currency;
        let table = Table { lang, currency };
        let title = lang.pick("Doorstep: a courier day", "到门付 Doorstep：快递收款日");
        say!("{title}  {}  {}  {}", self.date, self.currency, self.tariff);
        say!(
            "  {} {}",
            lang.pick("real:     ", "真实："),
            match (&found.day.report.order_source, lang) {
                (OrderSource::Generated, Lang::Zh) => "无：订单为虚构，分布仿照真实样本".to_owned(),
                (OrderSource::Real { profile, source }, Lang::Zh) => {
                    format!("{source} 的订单（{profile}）")
                }
                _ => self.real.clone(),
            }
        );
        say!(
            "  {} {}",
            lang.pick("simulated:", "模拟："),
            lang.pick(SIMULATED, "快递员、买家、终端、卡组织、钱包、网点、银行、时间")
        );
        if self.days > 1 {
            let all = lang.pick("the sums are of all days", "合计包括所有模拟日");
            say!("  {} {}; {all}", lang.pick("days:     ", "天数："), self.days);
        }
        if let Some(night) = &found.night {
            print_night(night, &found.sums.market, &table);
        }
        self.print_door(found, &table);
        self.print_network(found, &table);
        self.print_money(found, &table);
        self.print_end(found, &table);
    }

    fn print_door(&self, found: &DaysResult, table: &Table) {
        let (sums, counts) = (&found.sums, &self.counts);
        table.head("At the door", "上门");
        table.row(
            "parcels announced",
            "登记包裹",
            Some(self.parcels),
            Some(i128::from(self.announced)),
        );
        table.counted("collected by card", "刷卡收款", sums.card);
        table.counted("collected by QR", "扫码收款", sums.qr);
        table.counted("collected in cash", "现金收款", sums.cash);
        let refused = Some(i128::from(self.refused));
        table.if_any(
            "refused, in full or in part",
            "拒收（含部分拒收）",
            counts.refused + counts.part_accepted,
            refused,
        );
        table.if_any(
            "returned to sellers",
            "已退回卖家",
            counts.returned,
            Some(i128::from(self.returned)),
        );
        table.if_any(
            "refunded or charged back",
            "退款和拒付",
            sums.refunded.count,
            Some(i128::from(self.refunded)),
        );
        table.if_any("failed attempts", "派送失败次数", counts.attempts, None);
        table.if_any("payments declined", "交易被拒", counts.declined, None);
        table.if_any("payments without an answer", "付款无应答", counts.became_unknown, None);
        table.if_any("payments reversed", "已冲正", counts.reversed, None);
        table.if_any("late approvals", "迟到的授权", counts.late_approvals, None);
        table.if_any("repeated messages, no effect", "重复报文（不入账）", counts.duplicates, None);
        table.if_any(
            "hand-overs with a shortage",
            "交款短款",
            sums.short.count,
            Some(i128::from(sums.short.amount)),
        );
        table.if_any(
            "hand-overs with a surplus",
            "交款长款",
            sums.surplus.count,
            Some(i128::from(sums.surplus.amount)),
        );
    }

    fn print_network(&self, found: &DaysResult, table: &Table) {
        let terminals = &self.terminals;
        table.head("Terminals and networks", "终端与卡组织");
        table.row("terminals signed on", "终端签到", Some(terminals.signed_on), None);
        table.row("batches in agreement", "批次对平", Some(terminals.batches_agreed), None);
        let disputed = terminals.batches_disputed;
        table.if_any("batches compared line by line", "批次不平，已批上送", disputed, None);
        table.if_any("offline sales", "离线消费", terminals.offline, None);
        for network in &found.networks {
            let count = grouped(&network.approved.count.to_string());
            let amount = table.amount(i128::from(network.approved.amount));
            let equal = match (network.differences.is_empty(), table.lang) {
                (true, Lang::En) => "equal",
                (true, Lang::Zh) => "一致",
                (false, Lang::En) => "NOT EQUAL",
                (false, Lang::Zh) => "不一致",
            };
            let name = left(&network.reference, 34);
            say!("  {name} {} {}  {equal}", right(&count, 9), right(&amount, 17));
        }
    }

    fn print_money(&self, found: &DaysResult, table: &Table) {
        let sums = &found.sums;
        table.head("Fees", "费用");
        for (kind, english, chinese) in [
            ("issuer", "card issuer", "发卡行手续费"),
            ("network", "card network", "卡组织手续费"),
            ("acquirer", "acquirer (Doorstep)", "收单手续费（Doorstep）"),
            ("wallet", "wallet", "钱包手续费"),
            ("cod", "collection at the door", "代收服务费"),
            ("commission", "courier firms' commission", "快递公司佣金"),
            ("freight", "courier firms' freight", "快递公司运费"),
            ("return", "parcel returns", "退件费"),
            ("vat", "VAT", "增值税"),
        ] {
            let fee = self.fees.get(kind).copied().unwrap_or_default();
            if fee != 0 {
                table.row(english, chinese, None, Some(fee));
            }
        }
        table.head("The sellers' money", "卖家资金");
        table.row("paid", "已打款", Some(sums.paid.count), Some(i128::from(self.paid)));
        table.row("payable", "应付未付", None, Some(self.payable));
        table.row("held", "待结算", None, Some(self.held));
        table.if_any(
            "payouts returned by the bank",
            "退回的打款",
            sums.payouts_returned.count,
            Some(i128::from(sums.payouts_returned.amount)),
        );
        if self.custody.values().any(|custody| *custody != 0) {
            table.head("Cash still with courier firms", "快递公司持有现金");
            for (firm, custody) in self.custody.iter().filter(|(_, custody)| **custody != 0) {
                Self::custody(table, firm, *custody);
            }
        }
    }

    fn custody(table: &Table, firm: &str, custody: i128) {
        say!("  {} {} {}", left(firm, 34), right("", 9), right(&table.amount(custody), 17));
    }

    fn print_end(&self, found: &DaysResult, table: &Table) {
        let lang = table.lang;
        table.head("The books", "账簿");
        table.row("payments with an unknown outcome", "结果未知的付款", Some(self.unknown), None);
        table.row("open breaks", "未结差异", Some(self.breaks as u64), None);
        let OpenItems { count, net, oldest_days } = self.open_items;
        table.row("differing batches", "待查账项", Some(count), (count > 0).then_some(net));
        let age = u64::from(oldest_days);
        table.if_any("age of the oldest, in days", "最早一项（天）", age, None);
        let signed = |sum: u128| i128::try_from(sum).unwrap_or(i128::MAX);
        table.row("debits", "借方", None, Some(signed(self.debits)));
        table.row("credits", "贷方", None, Some(signed(self.credits)));
        say!("  {} {}", left(lang.pick("digest", "摘要"), 8), self.digest);
        if found.left_to.is_none() {
            say!("  {} {}", left(lang.pick("payouts", "打款"), 8), self.payouts);
        }
        for message in &self.messages {
            say!("  {} {message}", left("", 8));
        }
        let again = lang.pick(
            "These books already had the whole day; nothing was added. ",
            "账簿中已有这一整天，未作改动。",
        );
        let took = lang.pick("seconds", "秒");
        say!("\n{}{:.1} {took}", if found.was_complete_before { again } else { "" }, self.seconds);
        let verdict = match &found.problems[..] {
            [] if found.left_to.is_some() => bilingual!(
                "equal so far: the books and the networks, item by item. The day is not cleared: \
                 what networks, wallets and the bank did stands in their files only",
                "至此一致：账簿与卡组织逐项一致。这一天尚未清算：\
                 卡组织、钱包和银行的结果只在其文件中"
            ),
            [] => bilingual!(
                "equal: the books, the networks, the bank, the couriers and the sellers, item by \
                 item",
                "一致：账簿与卡组织、银行、快递员和卖家逐项一致"
            ),
            [first, ..] => bilingual!(
                "NOT EQUAL: {0} differences, the first: {first}",
                "不一致：共 {0} 项，第一项：{first}",
                found.problems.len()
            ),
        };
        say!("{verdict}");
    }
}

/// What was sold in the night before the first day, and what was not.
fn print_night(night: &NightAnswers, sold: &MarketSums, table: &Table) {
    let MarketSums { orders, units, flash_units, by_platform, by_sellers } = *sold;
    table.head("The flash sale at midnight", "零点秒杀");
    table.row("buyers in the shop", "到店买家", Some(night.buyers.into()), None);
    table.counted("orders, to be paid at the door", "货到付款订单", orders);
    table.row("units sold", "售出件数", Some(units), None);
    table.row("  of them at the flash price", "  其中秒杀价", Some(flash_units), None);
    let count = |count: u32| u64::from(count);
    table.if_any("wishes refused: sold out", "售罄未成交", count(night.sold_out), None);
    table.if_any(
        "asked again: another total",
        "金额变动，重新确认",
        count(night.asked_again),
        None,
    );
    table.if_any("refused for other reasons", "其他原因未成交", count(night.refused), None);
    let paid = |amount: u64| Some(i128::from(amount));
    table.row("discounts, paid by Doorstep", "优惠：Doorstep 承担", None, paid(by_platform));
    table.row("discounts, paid by the sellers", "优惠：卖家承担", None, paid(by_sellers));
}

/// Suggests next commands.
pub fn print_next(data: &Path, found: &DaysResult, lang: Lang) {
    let data = data.display();
    let payout = found.sums.payouts().first().map_or(1, |line| line.payout.0);
    say!("\n{}", lang.pick("Next commands:", "继续查看："));
    let books = found.engine.books();
    let mut next = vec![
        (
            format!("explain payout {payout} --data {data}"),
            "a payout, down to its parcels",
            "一笔打款的明细",
        ),
        (format!("balances --data {data}"), "the trial balance", "试算平衡表"),
        (
            format!("verify --data {data}"),
            "replay the journal, check every rule",
            "全部重放并核对每条规则",
        ),
        (
            format!("export --format hledger --data {data}"),
            "the books for another program",
            "导出给其他记账程序",
        ),
    ];
    if let Some(files) = &found.left_to {
        let (files, date) = (files.display(), found.day.report.date);
        let command = format!("file {files}/{date}/FORM/* --data {data}");
        next.insert(0, (command, "takes the files of one form", "录入一种格式的文件"));
    }
    if !books.open_breaks().is_empty() {
        let command = format!("breaks --data {data}");
        next.insert(1, (command, "the open breaks, with their evidence", "未结差异及其依据"));
    }
    if books.open_items().next().is_some() {
        let command = format!("open-items --kind batch --data {data}");
        next.insert(1, (command, "the differing batches, with their lines", "待查账项及其明细"));
    }
    for (command, english, chinese) in next {
        say!("  doorstep {}  {}", left(&command, 52), lang.pick(english, chinese));
    }
}
