//! `doorstep explain payout`: the parcels, fees and tariff versions behind a payout (M8).

use std::path::PathBuf;

use anyhow::{Context, anyhow};
use books::chart::AccountKind;
use clap::{Args, Subcommand};
use money::Currency;
use money::decimal::DecimalAmount;
use reports::{
    ExplainError, Explanation, ExplanationRow, FeeCalculation, TermsSource, explain_payout,
};

use crate::chinese;
use crate::tariffs;
use crate::texts::{entry, filled};
use crate::words::{Lang, bilingual, grouped, left, right, say, width};

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
    /// The tariff from which the fees are recomputed: a built-in tariff or a tariff file. Without
    /// it, the built-in tariff of the same name, or else the terms published in the journal
    #[arg(long, value_name = "NAME|FILE")]
    tariff: Option<PathBuf>,
    /// Print one JSON object, amounts in minor units
    #[arg(long)]
    json: bool,
}

pub fn run(args: &ExplainArgs) -> anyhow::Result<()> {
    let What::Payout(args) = &args.what;
    let source = match &args.tariff {
        Some(name) => TermsSource::File(Box::new(tariffs::load(name).context("--tariff")?)),
        None => TermsSource::ByName(tariffs::built_in()?),
    };
    let explanation = explain_payout(&args.data, args.payout, &source).map_err(error_text)?;
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
    let orders = e.lines.iter().map(|row| width(&payout_or_order(&row.order, lang)));
    let wide = orders.max().unwrap_or(0).max(8);
    let what_of = |row: &ExplanationRow| {
        let what = if row.method.is_empty() { row.what } else { row.method };
        entry(lang, "explain.what", &what.replace(' ', "_")).unwrap_or(what)
    };
    let whats = e.lines.iter().map(|row| width(what_of(row)));
    let what_wide = whats.max().unwrap_or(0).max(15);
    let print_row = |cells: [&str; 7]| {
        let [date, order, what, gross, fees, net, tariff] = cells;
        say!(
            "{} {} {} {} {} {} {}",
            left(date, 10),
            left(order, wide),
            left(what, what_wide),
            right(gross, 14),
            right(fees, 12),
            right(net, 14),
            tariff
        );
    };
    print_row([
        lang.pick("date", "日期"),
        lang.pick("order", "订单"),
        lang.pick("what", "事项"),
        lang.pick("gross", "收款"),
        lang.pick("fees", "费用"),
        lang.pick("net", "净额"),
        lang.pick("tariff", "费率"),
    ]);
    for row in &e.lines {
        let fees: u64 = row.fees.values().sum();
        let cell = |minor: i128| if minor == 0 { String::new() } else { sum(minor) };
        print_row([
            &row.date,
            &payout_or_order(&row.order, lang),
            what_of(row),
            &cell(i128::from(row.gross)),
            &cell(i128::from(fees)),
            &sum(row.net),
            format!("{} {}", row.tariff, row.class).trim_end(),
        ]);
        if row.lost > 0 {
            let lost = sum(i128::from(row.lost));
            say!("{} {}", " ".repeat(10), filled(lang, "explain.lost", &[("sum", &lost)]));
        }
        for fee in &row.calculations {
            say!(
                "{} {} {} = {} → {}",
                " ".repeat(10),
                chinese::fee_kind(fee.fee, lang),
                how(fee, e.currency),
                sum(i128::from(fee.amount)),
                account_name(&fee.account, lang)
            );
        }
    }
    let all = |parts: &mut dyn Iterator<Item = (&'static str, u64)>| -> u64 {
        parts.map(|(_, part)| part).sum()
    };
    let collected = e.gross - all(&mut e.parts.of_gross());
    let refunded = e.given_back - all(&mut e.parts.of_refunded());
    let own =
        [("payout_returned", e.returned), ("invoiced", e.invoiced), ("compensated", e.compensated)];
    let given = e.parts.of_gross().chain(own).map(|(name, part)| (name, i128::from(part)));
    let taken = [("refunded", refunded)].into_iter().chain(e.parts.of_refunded());
    let taken = taken.map(|(name, part)| (name, -i128::from(part)));
    let mut sums = vec![("collected", i128::from(collected))];
    sums.extend(given.filter(|(_, minor)| *minor != 0));
    sums.push(("fees", -i128::from(e.fees)));
    sums.extend(taken.filter(|(_, minor)| *minor != 0));
    let ended = match e.state {
        "paid" => "paid_out",
        "sent" => "payout_sent",
        "returned" => "payout_came_back",
        "rejected" | "dropped" => "not_paid_out",
        _ => "payout_planned",
    };
    sums.push((ended, i128::from(e.net)));
    let label = |name| entry(lang, "looks.part", name).unwrap_or(name);
    let label_wide = sums.iter().map(|(name, _)| width(label(*name))).max().unwrap_or(0).max(24);
    say!("");
    for (name, minor) in sums {
        say!("{} {}", left(label(name), label_wide), right(&sum(minor), 14));
    }
    say!("");
    for (tariff, from) in &e.in_force_from {
        say!("{}", bilingual!("{tariff} is in force from {from}.", "{tariff} 自 {from} 起生效。"));
    }
    say!(
        "{}",
        match e.recomputed_from {
            "file" => lang.pick(
                "Every fee was recomputed from the tariff file: equal.",
                "每项费用均按费率文件重新计算：一致。",
            ),
            _ => lang.pick(
                "Every fee was recomputed by its published tariff version: equal.",
                "每项费用均按其发布的费率版本重新计算：一致。",
            ),
        }
    );
}

/// The account's name, with the name of its kind in the chosen language.
fn account_name(account: &str, lang: Lang) -> String {
    let kinds = AccountKind::ALL.iter();
    let owned = kinds.filter_map(|kind| Some((kind, account.strip_prefix(kind.name())?)));
    match owned.max_by_key(|(kind, _)| kind.name().len()) {
        Some((kind, owner)) => format!("{}{owner}", chinese::account_kind(*kind, lang)),
        None => account.to_owned(),
    }
}

/// `0.55% × 100.00`, and what else decided the fee.
pub fn how(fee: &FeeCalculation, currency: Currency) -> String {
    let sum = |minor: u64| grouped(&DecimalAmount::of_balance(minor.into(), currency).to_string());
    if fee.rate.is_empty() {
        return bilingual!("fixed", "固定");
    }
    let fixed_only = fee.rate == "0%" && fee.earlier_shares == 0;
    let mut text = match fixed_only {
        true => bilingual!("fixed {0} a parcel", "每件固定 {0}", sum(fee.at_least)),
        false => format!("{} × {}", fee.rate, sum(fee.base)),
    };
    if fee.earlier_shares > 0 {
        text += &bilingual!(
            " + {0} for earlier payments",
            " + 此前付款的 {0}",
            millionths(fee.earlier_shares, currency)
        );
    }
    if fee.at_least > 0 && !fixed_only {
        text += &bilingual!(", at least {0} a parcel", "，每件最低 {0}", sum(fee.at_least));
    }
    if let Some(most) = fee.at_most {
        text += &bilingual!(", at most {0}", "，最高 {0}", sum(most));
    }
    if let Some(most) = fee.together_at_most {
        text += &bilingual!(", the card fees at most {0}", "，卡费合计最高 {0}", sum(most));
    }
    if fee.earlier_borne > 0 {
        text += &bilingual!(
            ", less {0} of earlier payments",
            "，减去此前付款已承担的 {0}",
            sum(fee.earlier_borne)
        );
    }
    text
}

/// An exact amount, with as many more decimals as it needs.
fn millionths(exact: u128, currency: Currency) -> String {
    let whole = i128::try_from(exact / 1_000_000).unwrap_or(i128::MAX);
    let whole = DecimalAmount::of_balance(whole, currency).to_string();
    let more = format!("{:06}", exact % 1_000_000);
    match more.trim_end_matches('0') {
        "" => whole,
        more if currency.exponent() == 0 => format!("{whole}.{more}"),
        more => format!("{whole}{more}"),
    }
}

/// A number that is no order's, such as `payout 7`, stands in the column of the order.
fn payout_or_order(order: &str, lang: Lang) -> String {
    let number = order.split_once(' ').and_then(|(word, number)| {
        Some(format!("{} {number}", entry(lang, "explain.number", word)?))
    });
    number.unwrap_or_else(|| order.to_owned())
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
