//! `doorstep explain payout`: the parcels, fees and tariff versions behind a payout (M8).

use std::path::PathBuf;

use anyhow::anyhow;
use clap::{Args, Subcommand};
use money::decimal::DecimalAmount;
use reports::{ExplainError, Explanation, explain_payout};

use crate::chinese;
use crate::words::{Lang, bilingual, grouped, left, right, say};

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

pub fn run(args: &ExplainArgs) -> anyhow::Result<()> {
    let What::Payout(args) = &args.what;
    let explanation = explain_payout(&args.data, args.payout).map_err(error_text)?;
    if args.json {
        say!("{}", serde_json::to_string(&explanation)?);
    } else {
        print(&explanation);
    }
    Ok(())
}

fn error_text(error: ExplainError) -> anyhow::Error {
    match error {
        ExplainError::NoPayouts { payout } => anyhow!(bilingual!(
            "there is no payout {payout}: these books have no payouts yet",
            "没有打款 {payout}：账簿中尚无打款"
        )),
        ExplainError::NoSuchPayout { payout, last } => anyhow!(bilingual!(
            "there is no payout {payout}: these books have payouts 1 to {last}, see payouts.csv",
            "没有打款 {payout}：账簿中有打款 1 到 {last}，见 payouts.csv"
        )),
        ExplainError::Books(error) => error.into(),
        other => other.into(),
    }
}

fn print(explanation: &Explanation) {
    let lang = Lang::current();
    let e = explanation;
    let sum = |minor: i128| grouped(&DecimalAmount::of_balance(minor, e.currency).to_string());
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
    if e.invoiced > 0 {
        say!(
            "{} {}",
            left(lang.pick("invoiced debts", "已开账单的欠款"), 24),
            right(&count(e.invoiced), 14)
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
        "dropped" => "未发出",
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
        "invoiced" => "已开账单",
        _ => "收款",
    }
}
