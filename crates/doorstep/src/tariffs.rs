//! `doorstep tariff check`, and the tariffs that are shipped.

use crate::words::say;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::{Args, Subcommand};
use money::Amount;
use money::decimal::Decimal;
use tariff::file::{FILE_BYTES_MAX, Tariff, parse};
use tariff::{Capped, CardRates, FixedOrShare};

use crate::books::read_text;
use crate::words::{left, right};

/// The tariffs that come with the program, by name.
const SHIPPED: [(&str, &str); 1] =
    [("china-2013", include_str!("../../../tariffs/china-2013.toml"))];

/// Works with tariff files.
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
            "--tariff {}: there is no such file; the shipped tariffs are: {}",
            name.display(),
            names.join(", ")
        );
    }
    let text = read_text(name, FILE_BYTES_MAX)?;
    parse(&text).with_context(|| name.display().to_string())
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
    let currency = tariff.currency.unwrap_or(money::Currency::CNY);
    let sum = |amount: Amount| Decimal::of(amount, currency).to_string();
    for version in &tariff.versions {
        let until = version.until.map_or("without end".to_owned(), |end| format!("until {end}"));
        say!("\nversion {}, from {}, {until}", version.number, version.from);
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
