//! `doorstep tariff check`, and the tariffs that are shipped.

use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow, bail};
use clap::{Args, Subcommand};
use files::nearest::nearest;
use money::decimal::Decimal;
use money::{Amount, Currency};
use tariff::file::{FILE_BYTES_MAX, Tariff, Version, parse};
use tariff::{Capped, CardRates, FixedOrShare};

use crate::books::read_text;
use crate::words::{left, right, say};

/// The tariffs that come with the program, by name.
const SHIPPED: [(&str, &str); 1] =
    [("china-2013", include_str!("../../../tariffs/china-2013.toml"))];

/// Checks and shows tariff files.
#[derive(Args, Debug)]
pub struct TariffArgs {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand, Debug)]
enum Task {
    /// Reads a tariff file, says what is wrong with it, or shows what it charges
    ///
    /// Exit status: 0 the file is good; 1 it is not, and where.
    Check {
        /// The file, or the name of a shipped tariff
        file: PathBuf,
    },
}

/// The tariff of a name or in a file.
pub fn load(name: &Path) -> anyhow::Result<Tariff> {
    let shipped = SHIPPED.iter().find(|(shipped, _)| Path::new(shipped) == name);
    if let Some((_, text)) = shipped {
        return parse(text).context("the shipped tariff");
    }
    if !name.exists() {
        let names: Vec<&str> = SHIPPED.iter().map(|(name, _)| *name).collect();
        bail!(
            "{}: there is no such file, and no tariff of that name is shipped{}; shipped: {}",
            name.display(),
            perhaps(&name.to_string_lossy(), &names),
            names.join(", ")
        );
    }
    let text = read_text(name, FILE_BYTES_MAX)?;
    parse(&text).with_context(|| name.display().to_string())
}

/// The name that was probably meant, as the end of a sentence.
fn perhaps(name: &str, names: &[&str]) -> String {
    let nearest = nearest(name, names.iter().copied());
    nearest.map_or(String::new(), |nearest| format!("; perhaps you meant `{nearest}`"))
}

/// Why a tariff has no class of that name.
pub fn no_such_class(tariff: &Tariff, class: &str) -> anyhow::Error {
    let last = tariff.versions.last().map(|version| &version.terms.classes);
    let names: Vec<&str> = last.into_iter().flatten().map(|class| &*class.name).collect();
    anyhow!(
        "--class {class}: the tariff `{}` has no such class{}; it has {}",
        tariff.name,
        perhaps(class, &names),
        names.join(", ")
    )
}

/// Whether a tariff can be used for parcels in a currency.
pub fn check_currency(tariff: &Tariff, currency: Currency) -> anyhow::Result<()> {
    match tariff.currency {
        Some(only) if only != currency => bail!(
            "--tariff: `{}` is for {only} only, and there are parcels in {currency}; give a tariff \
             in {currency}, or one without a currency",
            tariff.name
        ),
        _ => Ok(()),
    }
}

/// When a tariff holds: `from 2013-02-25, without end`.
pub fn when(tariff: &Tariff) -> String {
    match (tariff.versions.first(), tariff.versions.last()) {
        (Some(first), Some(last)) => format!("from {}, {}", first.from, end(last)),
        _ => "never".to_owned(),
    }
}

fn end(version: &Version) -> String {
    version.until.map_or("without end".to_owned(), |end| format!("until {end}"))
}

/// Checks a tariff.
pub fn run(args: &TariffArgs) -> anyhow::Result<()> {
    let Task::Check { file } = &args.task;
    let tariff = load(file)?;
    say!("{} — {}", tariff.name, tariff.title);
    say!("source: {}", tariff.source);
    match tariff.currency {
        Some(currency) => say!("currency: {currency} only"),
        None => say!("currency: the parcel's own; sums are in its main unit"),
    }
    let currency = tariff.currency.unwrap_or(Currency::CNY);
    let sum = |amount: Amount| Decimal::of(amount, currency).to_string();
    for version in &tariff.versions {
        say!("\nversion {}, from {}, {}", version.number, version.from, end(version));
        say!(
            "  {} {} {} {} {}",
            left("class", 20),
            right("issuer", 14),
            right("network", 14),
            right("acquirer", 14),
            right("wallet", 14)
        );
        let capped = |part: &Capped| match part.cap {
            Some(cap) => format!("{} ≤{}", part.rate, sum(cap)),
            None => part.rate.to_string(),
        };
        let line = |name: &str, rates: &CardRates, wallet: &Capped| {
            let cap =
                rates.cap.map_or(String::new(), |cap| format!("   together at most {}", sum(cap)));
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
                line(&format!("{} (debit)", class.name), &class.debit, &class.wallet);
                line(&format!("{} (credit)", class.name), &class.credit, &class.wallet);
            }
        }
        let fee = |fee: FixedOrShare| format!("{} or {}", sum(fee.fixed), fee.share);
        let terms = &version.terms;
        for (name, per) in [("COD fee", terms.cod), ("commission", terms.commission)] {
            say!(
                "  {} card {}, QR {}, cash {} (the greater)",
                left(name, 12),
                fee(per.card),
                fee(per.qr),
                fee(per.cash)
            );
        }
        say!("  {} {}", left("return fee", 12), sum(terms.return_fee));
    }
    say!("\nThe tariff is good.");
    Ok(())
}
