//! `doorstep tariff quote`: the fees of one payment.

use std::path::PathBuf;

use anyhow::{Context, anyhow, bail, ensure};
use books::BusinessDate;
use clap::Args;
use money::decimal::{DecimalAmount, DecimalStyle, parse};
use money::{Amount, Currency};
use reports::{FeeCalculation, charge_calculations, fee_calculations, method_name};
use serde::Serialize;
use tariff::file::Tariff;
use tariff::{CardKind, EarlierPayments, FeeKind, PaymentMethod};

use super::{load, no_such_class, validity};
use crate::chinese;
use crate::explain::how;
use crate::texts::entry;
use crate::words::{Lang, bilingual, grouped, left, right, say};

/// Computes the fees of a parcel's only payment, its freight, and what its seller gets
///
/// Shows each fee with its rate, its limits and the tariff version, as `doorstep explain payout`
/// does for money that was collected.
#[derive(Args, Debug)]
pub struct QuoteArgs {
    /// The amount that the buyer pays, as 128.50
    #[arg(value_name = "AMOUNT", allow_hyphen_values = true)]
    amount: String,
    #[command(flatten)]
    method: MethodArgs,
    /// The seller's class
    #[arg(long, default_value = "general")]
    class: String,
    /// A built-in tariff or a tariff file
    #[arg(long, value_name = "NAME|FILE", default_value = "china-2013")]
    tariff: PathBuf,
    /// The currency [default: the first of the tariff, or CNY]
    #[arg(long, value_name = "CODE")]
    currency: Option<String>,
    /// The day of the payment [default: a day of the last version]
    #[arg(long, value_name = "YYYY-MM-DD")]
    date: Option<BusinessDate>,
    /// Print one JSON object, amounts in minor units
    #[arg(long)]
    json: bool,
}

/// How the buyer pays.
#[derive(Args, Debug)]
#[group(required = true, multiple = false)]
struct MethodArgs {
    /// The buyer pays in cash
    #[arg(long)]
    cash: bool,
    /// The buyer pays by debit card
    #[arg(long)]
    debit: bool,
    /// The buyer pays by credit card
    #[arg(long)]
    credit: bool,
    /// The buyer pays by QR code
    #[arg(long)]
    qr: bool,
}

impl MethodArgs {
    fn method(&self) -> PaymentMethod {
        match self {
            MethodArgs { debit: true, .. } => PaymentMethod::Card(CardKind::Debit),
            MethodArgs { credit: true, .. } => PaymentMethod::Card(CardKind::Credit),
            MethodArgs { qr: true, .. } => PaymentMethod::Qr,
            _ => PaymentMethod::Cash,
        }
    }
}

#[derive(Serialize)]
struct Quote {
    tariff: String,
    version: u16,
    /// First day in force.
    from: String,
    class: String,
    method: &'static str,
    currency: &'static str,
    amount: u64,
    fees: Vec<FeeCalculation>,
    fees_total: u64,
    /// What the seller gets. Below zero, the seller owes.
    net: i128,
}

pub fn run(args: &QuoteArgs) -> anyhow::Result<()> {
    let file = load(&args.tariff).context("--tariff")?;
    let currency = match &args.currency {
        Some(code) => code.parse().context("--currency")?,
        None => file.tariffs.first().and_then(|tariff| tariff.currency).unwrap_or(Currency::CNY),
    };
    let tariff = file.in_currency(currency).ok_or_else(|| {
        let known: Vec<&str> =
            file.tariffs.iter().filter_map(|tariff| Some(tariff.currency?.code())).collect();
        let (name, known) = (&file.name, known.join(", "));
        anyhow!(bilingual!(
            "--currency {currency}: the tariff `{name}` is for {known} only",
            "--currency {currency}：费率 `{name}` 只用于 {known}"
        ))
    })?;
    let amount = amount(&args.amount, currency)?;
    let quote = quote(args, tariff, currency, amount)?;
    if args.json {
        say!("{}", serde_json::to_string(&quote)?);
    } else {
        print(&quote, currency);
    }
    Ok(())
}

fn amount(text: &str, currency: Currency) -> anyhow::Result<Amount> {
    let amount = parse(text, currency, DecimalStyle::PLAIN).context("AMOUNT")?;
    ensure!(
        !amount.is_zero(),
        bilingual!("AMOUNT: write an amount above zero", "AMOUNT：请写大于零的金额")
    );
    Ok(amount)
}

fn quote(
    args: &QuoteArgs,
    tariff: &Tariff,
    currency: Currency,
    amount: Amount,
) -> anyhow::Result<Quote> {
    let version = match args.date {
        Some(date) => tariff.in_force(date),
        None => tariff.versions.last(),
    };
    let Some(version) = version else {
        let (name, validity) = (&tariff.name, validity(tariff));
        let date = args.date.map(|date| date.to_string()).unwrap_or_default();
        bail!(bilingual!(
            "--date {date}: the tariff `{name}` has no version in force; it is in force {validity}",
            "--date {date}：费率 `{name}` 没有有效的版本；其有效期为{validity}"
        ));
    };
    let (terms, method) = (&version.terms, args.method.method());
    let class = terms.class(&args.class).ok_or_else(|| no_such_class(tariff, &args.class))?;
    let fees = terms.fees(class, method, amount);
    let fees = fees.ok_or_else(|| no_such_class(tariff, &args.class))?;
    let earlier = EarlierPayments::default();
    let mut calculations = fee_calculations(terms, class, method, amount, &fees, &earlier);
    let vat = terms.vat.of(terms.freight);
    calculations.extend(charge_calculations(terms, FeeKind::Freight, terms.freight, vat));
    let fees_total = calculations.iter().map(|fee| fee.amount).sum();
    let quote = Quote {
        tariff: tariff.name.clone(),
        version: version.number,
        from: version.from.to_string(),
        class: args.class.clone(),
        method: method_name(method),
        currency: currency.code(),
        amount: amount.minor(),
        fees: calculations,
        fees_total,
        net: i128::from(amount.minor()) - i128::from(fees_total),
    };
    Ok(quote)
}

fn print(quote: &Quote, currency: Currency) {
    let lang = Lang::current();
    let line = |name: &str, minor: i128, how: &str| {
        let sum = grouped(&DecimalAmount::of_balance(minor, currency).to_string());
        let text = format!("{} {}  {how}", left(name, 18), right(&sum, 16));
        say!("{}", text.trim_end());
    };
    let method = entry(lang, "explain.what", &quote.method.replace(' ', "_"));
    let method = method.unwrap_or(quote.method);
    let Quote { tariff, version, from, class, .. } = quote;
    say!(
        "{}",
        bilingual!(
            "{tariff}, version {version} (in force from {from}), class {class}, {method}, \
             {currency}",
            "{tariff}，版本 {version}（自 {from} 起有效），类别 {class}，{method}，{currency}"
        )
    );
    line(lang.pick("the buyer pays", "买家支付"), quote.amount.into(), "");
    for fee in &quote.fees {
        line(chinese::fee_kind(fee.fee, lang), fee.amount.into(), &how(fee, currency));
    }
    line(lang.pick("fees", "费用合计"), quote.fees_total.into(), "");
    line(lang.pick("the seller gets", "卖家所得"), quote.net, "");
}
