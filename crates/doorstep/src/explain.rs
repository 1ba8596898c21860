//! `doorstep explain payout`: the parcels, fees and tariff versions behind a payout (M8).

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;

use anyhow::{bail, ensure};
use books::{
    AnnounceParcel, BusinessDate, Command, Event, ParcelId, PaymentId, PayoutId, PayoutLine,
    PublishTariff, RegisterSeller, SellerId, TariffId, TariffVersion, Timestamp,
};
use clap::{Args, Subcommand};
use engine::{CommandOutcome, Engine};
use money::Amount;
use money::decimal::DecimalAmount;
use node::replay::ReplayObserver;
use serde::Serialize;
use tariff::{FeeKind, Fees, PaymentMethod, SellerClassNumber, Terms};

use crate::words::{Lang, bilingual, grouped, left, right, say};
use crate::{books, chinese, words};

/// Explains a payout, down to its parcels, fees and tariff versions
#[derive(Args, Debug)]
pub struct ExplainArgs {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand, Debug)]
enum What {
    /// Shows the parcels, fees and tariff versions of a payout to the minor unit, and recomputes
    /// every fee
    Payout(PayoutArgs),
}

#[derive(Args, Debug)]
struct PayoutArgs {
    /// The payout's number, as in the payouts' CSV
    payout: u64,
    /// The data directory
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// Print one JSON object, amounts in minor units
    #[arg(long)]
    json: bool,
}

/// An approved payment, with its fees and tariff version.
#[derive(Clone, Debug)]
struct Collected {
    date: BusinessDate,
    method: PaymentMethod,
    amount: Amount,
    fees: Fees,
    tariff: TariffVersion,
}

/// A change of a seller's payable balance.
#[derive(Clone, Debug)]
enum Line {
    Released { payment: PaymentId, collected: Collected, refunded: u64 },
    Returned { parcel: ParcelId, date: BusinessDate, fee: Amount, tariff: TariffVersion },
    Refunded { payment: PaymentId, date: BusinessDate, amount: u64 },
    PayoutReturned { payout: PayoutId, date: BusinessDate, net: Amount },
}

/// Collects the lines of the wanted payout while the journal is replayed.
#[derive(Default)]
struct Explainer {
    wanted: u64,
    /// The highest payout number so far; zero before the first.
    last: u64,
    orders: HashMap<ParcelId, Box<str>>,
    terms: BTreeMap<TariffVersion, Terms>,
    classes: HashMap<SellerId, (TariffId, SellerClassNumber)>,
    /// Payments whose seller's share is still held.
    collected: HashMap<PaymentId, Collected>,
    sellers: HashMap<PaymentId, SellerId>,
    /// The lines of each seller's next payout so far.
    open: HashMap<SellerId, Vec<Line>>,
    /// The lines of each planned payout.
    planned: HashMap<books::PlanId, Vec<(PayoutLine, Vec<Line>)>>,
    found: Option<(PayoutLine, Vec<Line>, &'static str)>,
}

impl ReplayObserver for Explainer {
    fn command(
        &mut self,
        command: &Command,
        at: Timestamp,
        outcome: &CommandOutcome,
        engine: &Engine,
    ) -> Result<(), String> {
        self.remember(command);
        let date = at.business_date(engine.utc_offset_minutes().unwrap_or(0));
        // A refund comes from the seller's held money first; the rest from the payable balance.
        let own: u64 = outcome
            .postings
            .iter()
            .filter(|posting| self.is_refund_of_payable(posting, engine))
            .map(|posting| posting.amount.minor())
            .sum();
        for event in &outcome.events {
            self.event(event, date, own);
        }
        Ok(())
    }
}

impl Explainer {
    fn remember(&mut self, command: &Command) {
        match command {
            Command::AnnounceParcel(AnnounceParcel { parcel, reference, .. }) => {
                self.orders.insert(*parcel, reference.as_str().into());
            }
            Command::PublishTariff(PublishTariff { tariff, version, terms, .. }) => {
                let version = TariffVersion { tariff: *tariff, version: *version };
                self.terms.insert(version, (**terms).clone());
            }
            Command::RegisterSeller(RegisterSeller { seller, tariff, class, .. }) => {
                self.classes.insert(*seller, (*tariff, *class));
            }
            _ => {}
        }
    }

    fn is_refund_of_payable(&self, posting: &books::Posting, engine: &Engine) -> bool {
        use engine::chart::{AccountKind, ChartEntry};
        let refund = matches!(posting.entry, ChartEntry::Refunded | ChartEntry::ChargedBack);
        let debit = engine.account_view(posting.debit);
        refund && debit.is_some_and(|account| account.kind == AccountKind::SellerPayable)
    }

    fn event(&mut self, event: &Event, date: BusinessDate, own: u64) {
        match event {
            Event::PaymentCollected { payment, seller, method, amount, fees, tariff } => {
                let (method, amount, fees, tariff) = (*method, *amount, *fees, *tariff);
                self.sellers.insert(*payment, *seller);
                self.collected.insert(*payment, Collected { date, method, amount, fees, tariff });
            }
            Event::PaymentReversed { payment, .. } => {
                self.collected.remove(payment);
                self.sellers.remove(payment);
            }
            Event::PaymentReleased { payment, seller, refunded, .. } => {
                let Some(collected) = self.collected.remove(payment) else { return };
                let (payment, refunded) = (*payment, refunded.minor());
                self.add(*seller, Line::Released { payment, collected, refunded });
            }
            Event::ParcelReturned { parcel, seller, fee, tariff } => {
                let (parcel, fee, tariff) = (*parcel, *fee, *tariff);
                self.add(*seller, Line::Returned { parcel, date, fee, tariff });
            }
            Event::Refunded { payment, .. } | Event::ChargedBack { payment, .. } if own > 0 => {
                let Some(&seller) = self.sellers.get(payment) else { return };
                self.add(seller, Line::Refunded { payment: *payment, date, amount: own });
            }
            Event::PayoutReturned { payout, seller, net } => {
                let (payout, net) = (*payout, *net);
                self.add(*seller, Line::PayoutReturned { payout, date, net });
                self.note(payout, "returned");
            }
            Event::PayoutConfirmed { payout, .. } => self.note(*payout, "paid"),
            Event::SettlementPlanned { plan, lines, .. } => {
                let take =
                    |line: &PayoutLine| (*line, self.open.remove(&line.seller).unwrap_or_default());
                let planned: Vec<_> = lines.iter().map(take).collect();
                self.last = lines.iter().map(|line| line.payout.0).fold(self.last, u64::max);
                if let Some((line, parts)) =
                    planned.iter().find(|(line, _)| line.payout.0 == self.wanted)
                {
                    self.found = Some((*line, parts.clone(), "planned"));
                }
                self.planned.insert(*plan, planned);
            }
            Event::SettlementExecuted { plan, lines } => {
                self.planned.remove(plan);
                lines.iter().for_each(|line| self.note(line.payout, "sent"));
            }
            Event::SettlementRejected { plan } => {
                for (line, parts) in self.planned.remove(plan).unwrap_or_default() {
                    self.note(line.payout, "rejected");
                    self.open.entry(line.seller).or_default().extend(parts);
                }
            }
            _ => {}
        }
    }

    fn add(&mut self, seller: SellerId, line: Line) {
        self.open.entry(seller).or_default().push(line);
    }

    fn note(&mut self, payout: PayoutId, state: &'static str) {
        if let Some((line, _, noted)) = &mut self.found
            && line.payout == payout
        {
            *noted = state;
        }
    }
}

/// One line of the explanation.
#[derive(Serialize)]
struct Row {
    what: &'static str,
    order: String,
    parcel: String,
    date: String,
    method: &'static str,
    gross: u64,
    fees: BTreeMap<&'static str, u64>,
    refunded: u64,
    net: i128,
    tariff: String,
}

#[derive(Serialize)]
struct Explanation {
    payout: u64,
    seller: String,
    currency: &'static str,
    state: &'static str,
    gross: u64,
    fees: u64,
    refunded: u64,
    returned: u64,
    net: u64,
    lines: Vec<Row>,
    recomputed: bool,
}

pub fn run(args: &ExplainArgs) -> anyhow::Result<()> {
    let What::Payout(args) = &args.what;
    let mut explainer = Explainer { wanted: args.payout, ..Explainer::default() };
    let (engine, _) = books::replay_all(&args.data, &mut explainer)?;
    let Some((line, parts, state)) = explainer.found.take() else {
        let payout = args.payout;
        match explainer.last {
            0 => bail!(bilingual!(
                "there is no payout {payout}: these books have no payouts yet",
                "没有打款 {payout}：账簿中尚无打款"
            )),
            last => bail!(bilingual!(
                "there is no payout {payout}: these books have payouts 1 to {last}, see \
                 payouts.csv",
                "没有打款 {payout}：账簿中有打款 1 到 {last}，见 payouts.csv"
            )),
        }
    };
    let rows = rows(&explainer, &engine, &line, &parts)?;
    let explanation = Explanation {
        payout: line.payout.0,
        seller: engine.seller_reference(line.seller).unwrap_or("?").to_owned(),
        currency: line.currency.code(),
        state,
        gross: line.gross,
        fees: line.fees,
        refunded: line.refunded,
        returned: line.returned,
        net: line.net.minor(),
        lines: rows,
        recomputed: true,
    };
    check_sums(&explanation)?;
    print(&explanation, &line, args)
}

/// The lines as rows. Every fee is recomputed by its tariff version.
fn rows(
    explainer: &Explainer,
    engine: &Engine,
    line: &PayoutLine,
    parts: &[Line],
) -> anyhow::Result<Vec<Row>> {
    let mut rows = Vec::with_capacity(parts.len());
    for part in parts {
        let parcel = match part {
            Line::Released { payment, .. } | Line::Refunded { payment, .. } => Some(payment.parcel),
            Line::Returned { parcel, .. } => Some(*parcel),
            Line::PayoutReturned { .. } => None,
        };
        let order = parcel.and_then(|parcel| explainer.orders.get(&parcel));
        let mut row = Row {
            what: "",
            order: order.map(ToString::to_string).unwrap_or_default(),
            parcel: parcel.map(|id| format!("{:032x}", id.bits())).unwrap_or_default(),
            date: String::new(),
            method: "",
            gross: 0,
            fees: BTreeMap::new(),
            refunded: 0,
            net: 0,
            tariff: String::new(),
        };
        match part {
            Line::Released { collected, refunded, .. } => {
                let same = recompute(explainer, line.seller, collected);
                ensure!(same, "M8: the fees of order {} differ from the tariff", row.order);
                row.what = "collected";
                row.date = collected.date.to_string();
                row.method = method_name(collected.method);
                row.gross = collected.amount.minor();
                row.fees =
                    collected.fees.iter().map(|(kind, fee)| (kind.name(), fee.minor())).collect();
                row.refunded = *refunded;
                row.tariff = words::tariff_version(engine, collected.tariff);
            }
            Line::Returned { date, fee, tariff, .. } => {
                let terms = explainer.terms.get(tariff);
                let same = terms.is_some_and(|terms| terms.return_fee == *fee);
                ensure!(same, "M8: the return fee of order {} differs from the tariff", row.order);
                row.what = "returned";
                row.date = date.to_string();
                row.fees.insert(FeeKind::Return.name(), fee.minor());
                row.tariff = words::tariff_version(engine, *tariff);
            }
            Line::Refunded { date, amount, .. } => {
                row.what = "refunded";
                row.date = date.to_string();
                row.refunded = *amount;
            }
            Line::PayoutReturned { payout, date, net } => {
                row.what = "payout returned";
                row.order = format!("payout {}", payout.0);
                row.date = date.to_string();
                row.net = i128::from(net.minor());
            }
        }
        let fees: u64 = row.fees.values().sum();
        row.net += i128::from(row.gross) - i128::from(fees) - i128::from(row.refunded);
        rows.push(row);
    }
    Ok(rows)
}

/// The recomputed fees of a payment are the same (M8).
fn recompute(explainer: &Explainer, seller: SellerId, collected: &Collected) -> bool {
    let class = explainer.classes.get(&seller).map(|(_, class)| *class);
    let terms = explainer.terms.get(&collected.tariff);
    let again = terms
        .zip(class)
        .and_then(|(terms, class)| terms.fees(class, collected.method, collected.amount));
    again == Some(collected.fees)
}

fn method_name(method: PaymentMethod) -> &'static str {
    match method {
        PaymentMethod::Card(tariff::CardKind::Debit) => "debit card",
        PaymentMethod::Card(tariff::CardKind::Credit) => "credit card",
        PaymentMethod::Qr => "QR",
        PaymentMethod::Cash => "cash",
    }
}

fn check_sums(explanation: &Explanation) -> anyhow::Result<()> {
    let net: i128 = explanation.lines.iter().map(|row| row.net).sum();
    let gross: u64 = explanation.lines.iter().map(|row| row.gross).sum();
    let fees: u64 = explanation.lines.iter().flat_map(|row| row.fees.values()).sum();
    ensure!(
        net == i128::from(explanation.net)
            && gross == explanation.gross
            && fees == explanation.fees,
        "M8: the lines add up to {net}, but the payout is {}",
        explanation.net
    );
    Ok(())
}

fn print(explanation: &Explanation, line: &PayoutLine, args: &PayoutArgs) -> anyhow::Result<()> {
    if args.json {
        say!("{}", serde_json::to_string(explanation)?);
        return Ok(());
    }
    let lang = Lang::current();
    let sum = |minor: i128| grouped(&DecimalAmount::of_balance(minor, line.currency).to_string());
    let e = explanation;
    say!(
        "{} {}  {}  {}",
        lang.pick("Payout", "打款"),
        e.payout,
        lang.pick(e.state, state_zh(e.state)),
        e.currency
    );
    say!("{} {}\n", lang.pick("Seller", "卖家"), e.seller);
    say!(
        "{} {} {} {} {} {} {}",
        left(lang.pick("date", "日期"), 10),
        left(lang.pick("order", "订单"), 34),
        left(lang.pick("what", "事项"), 12),
        right(lang.pick("gross", "收款"), 12),
        right(lang.pick("fees", "费用"), 10),
        right(lang.pick("net", "净额"), 12),
        lang.pick("tariff", "费率")
    );
    for row in &e.lines {
        let fees: u64 = row.fees.values().sum();
        let what = if row.method.is_empty() { row.what } else { row.method };
        say!(
            "{} {} {} {} {} {} {}",
            left(&row.date, 10),
            left(&payout_or_order(&row.order, lang), 34),
            left(lang.pick(what, what_zh(what)), 12),
            right(&sum(i128::from(row.gross)), 12),
            right(&sum(i128::from(fees)), 10),
            right(&sum(row.net), 12),
            row.tariff
        );
        let parts: Vec<String> = row
            .fees
            .iter()
            .map(|(kind, fee)| {
                format!("{} {}", chinese::fee_kind(kind, lang), sum(i128::from(*fee)))
            })
            .collect();
        if !parts.is_empty() {
            say!("{} {}", " ".repeat(10), parts.join(" + "));
        }
    }
    let count = |minor: u64| sum(i128::from(minor));
    say!("");
    say!("{} {}", left(lang.pick("collected", "收款合计"), 24), right(&count(e.gross), 14));
    say!(
        "{} {}",
        left(lang.pick("fees", "费用合计"), 24),
        right(&format!("-{}", count(e.fees)), 14)
    );
    if e.refunded > 0 {
        say!(
            "{} {}",
            left(lang.pick("refunded to buyers", "退还买家"), 24),
            right(&format!("-{}", count(e.refunded)), 14)
        );
    }
    if e.returned > 0 {
        say!(
            "{} {}",
            left(lang.pick("returned payouts", "退回的打款"), 24),
            right(&count(e.returned), 14)
        );
    }
    say!("{} {}", left(lang.pick("paid out", "实际打款"), 24), right(&count(e.net), 14));
    say!(
        "\n{}",
        lang.pick(
            "Every fee was recomputed by its tariff version: equal.",
            "每项费用均按其费率版本重新计算：一致。"
        )
    );
    Ok(())
}

/// A returned payout stands in the column of the order.
fn payout_or_order(order: &str, lang: Lang) -> String {
    match order.strip_prefix("payout ") {
        Some(number) if lang == Lang::Zh => format!("打款 {number}"),
        _ => order.to_owned(),
    }
}

fn state_zh(state: &'static str) -> &'static str {
    match state {
        "paid" => "已打款",
        "sent" => "已发出",
        "returned" => "已退回",
        "rejected" => "已否决",
        _ => "已计划",
    }
}

fn what_zh(what: &'static str) -> &'static str {
    match what {
        "debit card" => "借记卡",
        "credit card" => "贷记卡",
        "QR" => "扫码",
        "cash" => "现金",
        "returned" => "退件费",
        "refunded" => "退款",
        "payout returned" => "打款退回",
        _ => "收款",
    }
}
