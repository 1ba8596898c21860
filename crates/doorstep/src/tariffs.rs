//! `doorstep tariff`, and the built-in tariffs.

mod quote;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, anyhow, bail};
use clap::{Args, Subcommand};
use files::nearest::nearest;
use money::decimal::DecimalAmount;
use money::{Amount, Currency, Rate};
use serde_json::{Value, json};
use tariff::file::{FILE_BYTES_MAX, Tariff, TariffFile, TermsVersion, parse};
use tariff::{CappedRate, CardRates, FixedOrShare};

use crate::data_directory::read_text;
use crate::words::{Lang, bilingual, left, right, say};

/// By name.
const SHIPPED: [(&str, &str); 1] =
    [("china-2013", include_str!("../../../tariffs/china-2013.toml"))];

/// Checks and shows tariffs, and computes the fees of a payment
#[derive(Args, Debug)]
pub struct TariffArgs {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand, Debug)]
enum Task {
    /// Checks a tariff file and shows its rates, or its first error
    ///
    /// Exit status: 0 the file is valid; 1 it is not; the message says where.
    Check {
        /// A file, or the name of a built-in tariff
        file: PathBuf,
        #[command(flatten)]
        format: FormatArgs,
    },
    /// Shows a tariff: its versions, classes, rates and fees
    Show {
        /// A file, or the name of a built-in tariff
        #[arg(default_value = "china-2013")]
        file: PathBuf,
        #[command(flatten)]
        format: FormatArgs,
    },
    Quote(quote::QuoteArgs),
}

#[derive(Args, Debug)]
struct FormatArgs {
    /// Print one JSON object: sums in minor units, rates in parts per million
    #[arg(long)]
    json: bool,
}

/// Loads a built-in tariff by name, or a tariff file.
pub fn load(name: &Path) -> anyhow::Result<TariffFile> {
    load_with_text(name).map(|(file, _)| file)
}

pub fn is_built_in(name: &str) -> bool {
    SHIPPED.iter().any(|(shipped, _)| *shipped == name)
}

/// As [`load`], with the text of the file.
pub fn load_with_text(name: &Path) -> anyhow::Result<(TariffFile, Arc<str>)> {
    let shipped = SHIPPED.iter().find(|(shipped, _)| Path::new(shipped) == name);
    if let Some((_, text)) = shipped {
        let file = parse(text).context(Lang::current().pick("the built-in tariff", "内置费率"))?;
        return Ok((file, (*text).into()));
    }
    if !name.exists() {
        let names: Vec<&str> = SHIPPED.iter().map(|(name, _)| *name).collect();
        let suggestion = suggestion(&name.to_string_lossy(), &names);
        let (name, names) = (name.display(), names.join(", "));
        bail!(bilingual!(
            "{name}: no such file or built-in tariff{suggestion}; built-in tariffs: {names}",
            "{name}：没有该文件或内置费率{suggestion}；内置费率：{names}"
        ));
    }
    let text = read_text(name, FILE_BYTES_MAX)?;
    let file = parse(&text).with_context(|| name.display().to_string())?;
    Ok((file, text.into()))
}

/// All built-in tariffs.
pub fn built_in() -> anyhow::Result<Vec<TariffFile>> {
    SHIPPED.iter().map(|(name, _)| load(Path::new(name))).collect()
}

/// ` (did you mean …?)`, if a name is similar.
fn suggestion(name: &str, names: &[&str]) -> String {
    let nearest = nearest(name, names.iter().copied());
    nearest.map_or(String::new(), |nearest| {
        bilingual!(" (did you mean `{nearest}`?)", "（是否为 `{nearest}`？）")
    })
}

pub fn no_such_class(tariff: &Tariff, class: &str) -> anyhow::Error {
    let last = tariff.versions.last().map(|version| &version.terms.classes);
    let names: Vec<&str> = last.into_iter().flatten().map(|class| &*class.name).collect();
    let (suggestion, names, tariff) = (suggestion(class, &names), names.join(", "), &tariff.name);
    anyhow!(bilingual!(
        "--class {class}: the tariff `{tariff}` has no such class{suggestion}; its classes: \
         {names}",
        "--class {class}：费率 `{tariff}` 没有该类别{suggestion}；可用类别：{names}"
    ))
}

/// The tariff of a file for parcels in a currency.
pub fn in_currency(file: &TariffFile, currency: Currency) -> anyhow::Result<&Tariff> {
    file.in_currency(currency).ok_or_else(|| {
        let known = file.tariffs.iter().filter_map(|tariff| tariff.currency);
        let known: Vec<String> = known.map(|one| one.to_string()).collect();
        let (name, known) = (&file.name, known.join(", "));
        anyhow!(bilingual!(
            "--tariff: `{name}` is for {known} only, but there are parcels in {currency}; give a \
             tariff in {currency}, or one without a currency",
            "--tariff：`{name}` 只用于 {known}，而有 {currency} 的包裹；请给出 {currency} \
             的费率，或不限币种的费率"
        ))
    })
}

/// `from 2013-02-25, without end`.
pub fn validity(tariff: &Tariff) -> String {
    match (tariff.versions.first(), tariff.versions.last()) {
        (Some(first), Some(last)) => {
            let (from, end) = (first.from, end(last));
            bilingual!("from {from}, {end}", "自 {from} 起，{end}")
        }
        _ => Lang::current().pick("never", "从未生效").to_owned(),
    }
}

fn end(version: &TermsVersion) -> String {
    match version.until {
        None => Lang::current().pick("without end", "无终止日").to_owned(),
        Some(end) => bilingual!("until {end}", "至 {end} 前"),
    }
}

pub fn run(args: &TariffArgs) -> anyhow::Result<()> {
    match &args.task {
        Task::Check { file, format } => {
            let file = load(file)?;
            if format.json {
                return print_json(&file);
            }
            print(&file);
            for note in unusual(&file) {
                say!("{note}");
            }
            say!("\n{}", Lang::current().pick("The tariff is valid.", "费率有效。"));
            Ok(())
        }
        Task::Show { file, format } => {
            let file = load(file)?;
            if format.json {
                return print_json(&file);
            }
            print(&file);
            Ok(())
        }
        Task::Quote(args) => quote::run(args),
    }
}

fn print_json(file: &TariffFile) -> anyhow::Result<()> {
    let version = |version: &TermsVersion| {
        Ok(json!({
            "number": version.number,
            "from": version.from.to_string(),
            "until": version.until.map(|date| date.to_string()),
            "terms": serde_json::to_value(&version.terms)?,
        }))
    };
    let tariff = |tariff: &Tariff| {
        let versions: anyhow::Result<Vec<Value>> = tariff.versions.iter().map(version).collect();
        let currency = tariff.currency.map(Currency::code);
        Ok(json!({ "name": tariff.name, "currency": currency, "versions": versions? }))
    };
    let tariffs: anyhow::Result<Vec<Value>> = file.tariffs.iter().map(tariff).collect();
    let object = json!({
        "name": file.name,
        "title": file.title,
        "source": file.source,
        "tariffs": tariffs?,
        "notes": unusual(file),
    });
    say!("{object}");
    Ok(())
}

fn print(file: &TariffFile) {
    say!("{} — {}", file.name, file.title);
    say!("{} {}", Lang::current().pick("source:", "来源："), file.source);
    for tariff in &file.tariffs {
        print_tariff(tariff);
    }
}

/// A hundredth of these rates is usual: someone wrote 55% for 0.55%.
const UNUSUAL_RATE: Rate = Rate::from_ppm(100_000).expect("10% is a rate");

/// Names rates of cards and wallets that are valid but hardly meant.
fn unusual(file: &TariffFile) -> Vec<String> {
    let mut notes = Vec::new();
    let Some(tariff) = file.tariffs.first() else { return notes };
    for version in &tariff.versions {
        for class in &version.terms.classes {
            let [debit, credit] = [&class.debit, &class.credit];
            let rates = [
                debit.issuer,
                debit.network,
                debit.acquirer,
                credit.issuer,
                credit.network,
                credit.acquirer,
                class.wallet,
            ];
            let mut unusual: Vec<Rate> = rates.iter().map(|one| one.rate).collect();
            unusual.retain(|rate| *rate >= UNUSUAL_RATE);
            unusual.dedup();
            for rate in unusual {
                let hundredth = Rate::from_ppm(rate.ppm() / 100).unwrap_or_default();
                let (number, class) = (version.number, &class.name);
                notes.push(bilingual!(
                    "Note: version {number}, class {class}: {rate} is an unusual rate; did you \
                     mean {hundredth}?",
                    "注意：版本 {number}，类别 {class}：费率 {rate} 不常见；是否为 {hundredth}？"
                ));
            }
        }
    }
    notes
}

fn print_tariff(tariff: &Tariff) {
    let lang = Lang::current();
    match tariff.currency {
        Some(currency) => say!("{}", bilingual!("currency: {currency}", "币种：{currency}")),
        None => say!("{}", lang.pick("currency: any; rates only", "币种：不限；只有百分比")),
    }
    // Without a currency every sum is zero.
    let sum = |amount: Amount| match tariff.currency {
        Some(currency) => DecimalAmount::of(amount, currency).to_string(),
        None => amount.minor().to_string(),
    };
    for version in &tariff.versions {
        let (number, from, end) = (version.number, version.from, end(version));
        say!(
            "\n{}",
            bilingual!(
                "version {number}, from {from}, {end}",
                "版本 {number}，自 {from} 起，{end}"
            )
        );
        say!(
            "  {} {} {} {} {}",
            left(lang.pick("class", "类别"), 20),
            right(lang.pick("issuer", "发卡行"), 14),
            right(lang.pick("network", "卡组织"), 14),
            right(lang.pick("acquirer", "收单"), 14),
            right(lang.pick("wallet", "钱包"), 14)
        );
        let capped = |part: &CappedRate| match part.cap {
            Some(cap) => format!("{} ≤{}", part.rate, sum(cap)),
            None => part.rate.to_string(),
        };
        let line = |name: &str, rates: &CardRates, wallet: &CappedRate| {
            let cap = rates.cap.map(&sum).map_or(String::new(), |cap| {
                bilingual!("   together at most {cap}", "   合计最高 {cap}")
            });
            say!(
                "  {} {} {} {} {}{cap}",
                left(name, 20),
                right(&capped(&rates.issuer), 14),
                right(&capped(&rates.network), 14),
                right(&capped(&rates.acquirer), 14),
                right(&capped(wallet), 14)
            );
        };
        for class in &version.terms.classes {
            if class.debit == class.credit {
                line(&class.name, &class.debit, &class.wallet);
            } else {
                let name = &class.name;
                line(
                    &bilingual!("{name} (debit)", "{name}（借记卡）"),
                    &class.debit,
                    &class.wallet,
                );
                line(
                    &bilingual!("{name} (credit)", "{name}（贷记卡）"),
                    &class.credit,
                    &class.wallet,
                );
            }
        }
        let fee = |fee: FixedOrShare| {
            let (fixed, share) = (sum(fee.fixed), fee.share);
            bilingual!("{fixed} or {share}", "{fixed} 或 {share}")
        };
        let terms = &version.terms;
        for (name, per) in [
            (lang.pick("COD fee", "代收服务费"), terms.cod),
            (lang.pick("commission", "佣金"), terms.commission),
        ] {
            let (card, qr, cash) = (fee(per.card), fee(per.qr), fee(per.cash));
            let fees = bilingual!(
                "card {card}, QR {qr}, cash {cash} (whichever is greater)",
                "刷卡 {card}，扫码 {qr}，现金 {cash}（取较高者）"
            );
            say!("  {} {fees}", left(name, 12));
        }
        for (name, value) in [
            (lang.pick("return fee", "退件费"), sum(terms.return_fee)),
            (lang.pick("freight", "运费"), sum(terms.freight)),
            (lang.pick("VAT", "增值税"), terms.vat.to_string()),
        ] {
            say!("  {} {value}", left(name, 12));
        }
    }
}
