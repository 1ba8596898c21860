//! `doorstep network report` and `drill`: how a network leaves, and what its leaving would do.

mod sections;

use std::fmt::Display;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::Args;
use notices::{DeliveryRules, NetworkNotices, OUTBOX_FILE, Outbox};
use reports::{CardRangeUse, ExitDrill, ExitFacts, ExitReport, rails};
use serde::Deserialize;
use serde_json::json;

use self::sections::{Section, drill_sections, report_sections};
use super::head;
use super::table::Table;
use super::{LABEL_COLUMNS, columns};
use crate::data_directory::{read_at_head, read_text};
use crate::help::wrapped;
use crate::texts::{filled, text};
use crate::words::{Lang, left, say, width};

const SETTINGS_BYTES_MAX: usize = 1 << 20;
/// Days of purchases that stand for the days to come.
const DAYS: u16 = 30;

/// Shows how a network leaves: everything that is open with it, and when its receivable is zero
///
/// Who withdrew it and when, what is in flight, what it owes by day with the forecast day of zero,
/// refunds and chargebacks that are still to come, breaks, where payments go instead and what that
/// costs more, and the files that are still expected. The report ends with the digest of its
/// content. It changes as the receivable runs down; before a withdrawal it shows what a withdrawal
/// would meet.
#[derive(Args, Debug)]
pub struct ExitReportArgs {
    /// The network's name in the settings
    #[arg(value_name = "NETWORK")]
    network: String,
    /// The settings, for card ranges without a network, and the network's keys
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Print a page of HTML
    #[arg(long, conflicts_with = "json")]
    html: bool,
    /// The data directory
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// Print one JSON object, amounts in minor units
    #[arg(long)]
    json: bool,
}

/// Withdraws a network in a copy of the books, in virtual time, and says what would happen
///
/// What is in flight gets no answer and is reversed, offline sales are forwarded, and each payment
/// is settled by a file as many days after its collection as the slowest file came so far, until
/// the receivable is zero. The purchases of the last days say which payments would move, what that
/// costs more, and which would have no network. The books do not change.
#[derive(Args, Debug)]
pub struct ExitDrillArgs {
    /// The network's name in the settings
    #[arg(value_name = "NETWORK")]
    network: String,
    /// The number of days before today whose purchases stand for the days to come
    #[arg(long, value_name = "NUMBER", default_value_t = DAYS)]
    #[arg(value_parser = clap::value_parser!(u16).range(1..=366))]
    days: u16,
    /// The settings, for the card ranges that would have no network
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The data directory
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// Print one JSON object, amounts in minor units
    #[arg(long)]
    json: bool,
}

/// Of the settings, the card ranges and the keys of networks.
#[derive(Deserialize)]
struct RangesForm {
    #[serde(default, rename = "bin")]
    bins: Vec<RangeForm>,
    #[serde(default, rename = "network")]
    networks: Vec<KeysForm>,
}

/// What the settings say of a network's keys and certificate.
#[derive(Deserialize)]
struct KeysForm {
    name: String,
    mac_key: Option<String>,
    pin_key: Option<String>,
    exchange_key: Option<String>,
    tls: Option<CertificateForm>,
}

#[derive(Deserialize)]
struct CertificateForm {
    certificate: Option<PathBuf>,
}

impl KeysForm {
    fn names(self) -> Vec<String> {
        let certificate = self.tls.and_then(|tls| tls.certificate);
        let certificate = certificate.map(|path| path.display().to_string());
        let keys = [self.mac_key, self.pin_key, self.exchange_key, certificate];
        keys.into_iter().flatten().collect()
    }
}

/// What the report needs of the settings.
#[derive(Default)]
struct ReportSettings {
    ranges: Option<Vec<CardRangeUse>>,
    /// The names of the network's keys, and its certificate.
    keys: Option<Vec<String>>,
}

#[derive(Deserialize)]
struct RangeForm {
    first_digits: String,
    networks: Vec<String>,
}

fn settings(config: Option<&Path>, network: &str) -> anyhow::Result<ReportSettings> {
    let Some(path) = config else { return Ok(ReportSettings::default()) };
    let form: RangesForm = toml::from_str(&read_text(path, SETTINGS_BYTES_MAX)?)
        .with_context(|| path.display().to_string())?;
    let range =
        |bin: RangeForm| CardRangeUse { first_digits: bin.first_digits, networks: bin.networks };
    let mut networks = form.networks.into_iter();
    Ok(ReportSettings {
        ranges: Some(form.bins.into_iter().map(range).collect()),
        keys: networks.find(|one| one.name == network).map(KeysForm::names),
    })
}

/// What the notices say of a network. `None`: there are none.
fn told(data: &Path, network: &str) -> anyhow::Result<Option<Vec<NetworkNotices>>> {
    if !data.join(OUTBOX_FILE).exists() {
        return Ok(None);
    }
    let outbox = Outbox::open(data, DeliveryRules::default())?;
    Ok(Some(outbox.of_network(network)?))
}

fn facts(data: &Path, network: &str) -> anyhow::Result<(ExitFacts, books::BusinessDate)> {
    // It also refuses a journal that does not fit its snapshots, before the journal is read.
    let read = read_at_head(data)?;
    if let Some(facts) = ExitFacts::read(data, network)? {
        return Ok((facts, read.today()));
    }
    let lang = Lang::current();
    let networks = rails(read.books()).into_iter().filter(|rail| rail.kind == "network");
    let names: Vec<String> = networks.map(|rail| rail.name).collect();
    let all = match names.as_slice() {
        [] => text(lang, "looks.none").to_owned(),
        names => names.join(text(lang, "looks.separator")),
    };
    let values: [(&str, &dyn Display); 2] = [("wanted", &network), ("all", &all)];
    bail!(filled(lang, "network_exit.no_network", &values))
}

pub fn report(args: &ExitReportArgs) -> anyhow::Result<()> {
    let ReportSettings { ranges, keys } = settings(args.config.as_deref(), &args.network)?;
    let (facts, today) = facts(&args.data, &args.network)?;
    let report = ExitReport::of(&facts, today, ranges.as_deref());
    let digest = report.digest()?;
    let told = told(&args.data, &args.network)?;
    if args.json {
        let not_kept = ["reason", "authority", "acknowledgements", "retired_keys"];
        let object = json!({
            "report": report, "digest": digest, "notices": told, "keys": keys,
            "not_kept": not_kept,
        });
        say!("{}", serde_json::to_string(&object)?);
        return Ok(());
    }
    let lang = Lang::current();
    let title = filled(lang, "network_exit.title", &[("network", &report.network)]);
    let mut sections = report_sections(&report);
    sections.push(sections::notices(told.as_deref()));
    sections.push(sections::unknown(&report.network, keys.as_deref()));
    sections.push(Section::facts(
        text(lang, "network_exit.evidence"),
        vec![
            (text(lang, "network_exit.closing"), sections::closing(&report)),
            (text(lang, "network_exit.digest"), digest),
            (text(lang, "network_exit.signed_1"), text(lang, "network_exit.line").to_owned()),
            (text(lang, "network_exit.signed_2"), text(lang, "network_exit.line").to_owned()),
        ],
    ));
    let head = head(&title, &today.to_string(), &report.at, report.batch);
    if args.html {
        say!("{}", sections::html(&title, &head, &sections));
    } else {
        say!("{}", wrapped(&head, columns()));
        print(&sections);
    }
    Ok(())
}

pub fn drill(args: &ExitDrillArgs) -> anyhow::Result<()> {
    let ranges = settings(args.config.as_deref(), &args.network)?.ranges;
    let (facts, today) = facts(&args.data, &args.network)?;
    let at = reports::local_time(facts.books(), facts.books().last_at());
    let drill = ExitDrill::run(facts, today, args.days, ranges.as_deref())?;
    if args.json {
        say!("{}", serde_json::to_string(&json!({ "at": at, "drill": drill }))?);
        return Ok(());
    }
    let lang = Lang::current();
    let values: [(&str, &dyn Display); 1] = [("network", &drill.network)];
    say!("{}", filled(lang, "network_exit.drill_title", &values));
    print(&drill_sections(&drill));
    Ok(())
}

fn print(sections: &[Section]) {
    for section in sections {
        say!("\n{}", section.title);
        if section.columns.is_empty() {
            let widest = section.rows.iter().map(|row| width(&row[0])).max().unwrap_or(0);
            for row in &section.rows {
                say!(
                    "{}",
                    format!("{}  {}", left(&row[0], widest.max(LABEL_COLUMNS)), row[1]).trim_end()
                );
            }
            continue;
        }
        let mut table = Table::new();
        for (title, is_number) in &section.columns {
            table = table.column(title, *is_number, false);
        }
        for row in &section.rows {
            table.row(row.clone());
        }
        table.print(columns());
    }
}
