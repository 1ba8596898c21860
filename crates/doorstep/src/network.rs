//! `doorstep network run`: a simulated card network as a process.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use clap::Args;
use door::tls::Identity;
use field::{NetworkHost, TlsFiles};
use jiff::civil::Date;
use keys::{AesKey, TdesKey};
use money::decimal::{self, Decimal, DecimalStyle};
use money::{Amount, Currency, Rate};
use peers::behaviour::BEHAVIOUR_BYTES_MAX;
use peers::book::{Sum, Totals};
use peers::clearing::{CardRange, Cost, Costs};
use peers::{Behaviour, Network, NetworkSettings};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::books::read_text;
use crate::words::say;

/// Runs a simulated card network.
///
/// It answers the switch's requests by books of its own, as `docs/door/network.md` says, and
/// misbehaves as a behaviour file tells it. Where it is stopped (SIGTERM, Ctrl-C), and as often as
/// it is told, it writes a clearing file: NAME-DATE.csv, then NAME-DATE.2.csv and so on.
///
/// It is for trials: its keys are plain in a file.
///
/// Exit status: 0 it was stopped; 1 it could not run, and why.
#[derive(Args, Debug)]
pub struct RunArgs {
    /// Where the switch connects to; port 0 for any
    #[arg(long, value_name = "ADDR")]
    listen: SocketAddr,
    /// The network's name: small letters, digits, hyphens
    #[arg(long)]
    name: String,
    /// A TOML file with the keys as hex digits: `exchange` (AES), `mac` and `pin` (16 bytes)
    #[arg(long, value_name = "FILE")]
    keys: PathBuf,
    /// What it does besides what its books say; see docs/door/behaviour.md
    #[arg(long, value_name = "FILE")]
    behaviour: Option<PathBuf>,
    /// Where clearing files are written
    #[arg(long, value_name = "DIR")]
    clearing: Option<PathBuf>,
    /// The day of the clearing files; without it, the day on which one is written, in UTC
    #[arg(long, value_name = "YYYY-MM-DD")]
    date: Option<Date>,
    /// Seconds between two clearing files; without it, there is one at the end
    #[arg(long, value_name = "SECONDS", requires = "clearing")]
    clear_every: Option<u64>,
    /// The number of the acquirer that it knows
    #[arg(long, default_value_t = 104)]
    acquirer: u64,
    /// The currency of its cards
    #[arg(long, default_value = "CNY")]
    currency: Currency,
    /// What it keeps of debit cards: a rate, and after a comma the most for one item: `0.5%,20`
    #[arg(long, value_name = "RATE[,MOST]", default_value = "0%")]
    debit: String,
    /// What it keeps of credit cards
    #[arg(long, value_name = "RATE[,MOST]", default_value = "0%")]
    credit: String,
    /// The first digits, 1 to 6, of the cards that are credit cards
    #[arg(long, value_name = "DIGITS", value_delimiter = ',', value_parser = first_digits)]
    credit_bins: Vec<CardRange>,
    /// Its chance: the same seed and the same requests, the same answers
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Its certificate, for TLS
    #[arg(long, value_name = "FILE", requires = "key")]
    certificate: Option<PathBuf>,
    /// The certificate's key
    #[arg(long, value_name = "FILE", requires = "certificate")]
    key: Option<PathBuf>,
    /// The authorities that must have signed the certificate of whoever connects
    #[arg(long, value_name = "FILE", requires = "certificate")]
    clients: Option<PathBuf>,
    /// Print JSON: a line with where it listens, and at the end one with what it did, amounts in
    /// minor units
    #[arg(long)]
    json: bool,
}

/// The file of `--keys`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct KeysFile {
    exchange: String,
    mac: String,
    pin: String,
}

const KEYS_BYTES_MAX: usize = 4_096;

/// How long a round waits where nothing comes.
const ROUND_MAX: Duration = Duration::from_millis(100);
const SECOND: Duration = Duration::from_secs(1);

/// What is printed at the end.
#[derive(Serialize)]
struct Summary<'n> {
    name: &'n str,
    items: u64,
    approved: u64,
    approved_amount: u128,
    refunded: u64,
    refunded_amount: u128,
    held: u64,
    declined: u64,
    reversed: u64,
    reversed_amount: u128,
    voided: u64,
    links: usize,
    heard: u64,
    said: u64,
    lost: u64,
    unreadable: u64,
    wrong_mac: u64,
    malformed: u64,
    undelivered: u64,
    clearing: Vec<String>,
}

/// Runs until it is told to stop.
pub fn run(args: &RunArgs) -> anyhow::Result<()> {
    let network = network(args)?;
    if let Some(directory) = &args.clearing {
        std::fs::create_dir_all(directory).with_context(|| directory.display().to_string())?;
    }
    let identity = args.certificate.clone().zip(args.key.clone());
    let identity = identity.map(|(certificate, key)| Identity { certificate, key });
    let clients = args.clients.as_deref();
    let tls = identity.as_ref().map(|identity| TlsFiles { identity, clients });
    let mut host = NetworkHost::open(network, args.listen, tls.as_ref())?;
    let stop = stop_flag()?;
    if args.json {
        say!("{}", json!({ "listening": host.address().to_string() }));
    } else {
        say!("{}: listening at {}", args.name, host.address());
    }
    let mut clearing = Clearing { args, written: Vec::new(), last: Instant::now() };
    let mut second = Instant::now();
    let mut said = 0;
    while !stop.load(Ordering::Relaxed) {
        host.round(ROUND_MAX)?;
        if second.elapsed() < SECOND {
            continue;
        }
        second = Instant::now();
        clearing.write_if_due(&mut host)?;
        let counts = host.network().counts();
        if !args.json && counts.said != said {
            let network = host.network();
            let per_second = counts.said - said;
            said = counts.said;
            say!("{}: {per_second} answers/s, {}", args.name, in_words(network, args.currency));
        }
    }
    clearing.write(&mut host)?;
    let written = clearing.written;
    if args.json {
        say!("{}", serde_json::to_string(&summary(&args.name, host.network(), written))?);
    } else {
        say!("{}: {}", args.name, in_words(host.network(), args.currency));
        for file in written {
            say!("{}: wrote {file}", args.name);
        }
    }
    Ok(())
}

/// Set when the process is told to stop.
pub fn stop_flag() -> anyhow::Result<Arc<AtomicBool>> {
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [signal_hook::consts::SIGTERM, signal_hook::consts::SIGINT] {
        signal_hook::flag::register_conditional_shutdown(signal, 1, stop.clone())?;
        signal_hook::flag::register(signal, stop.clone())?;
    }
    Ok(stop)
}

fn network(args: &RunArgs) -> anyhow::Result<Network> {
    let named = || args.keys.display().to_string();
    let text = read_text(&args.keys, KEYS_BYTES_MAX)?;
    // The text of an error may quote the file, and the file has keys.
    let file: KeysFile = toml::from_str(&text).map_err(|_| {
        anyhow::anyhow!("{}: it must have `exchange`, `mac` and `pin` as hex digits", named())
    })?;
    let exchange = AesKey::from_hex(&file.exchange).with_context(named).context("exchange")?;
    let mac = TdesKey::from_hex(&file.mac).with_context(named).context("mac")?;
    let pin = TdesKey::from_hex(&file.pin).with_context(named).context("pin")?;
    let two_parts = [&mac, &pin].iter().all(|key| key.expose().len() == 16);
    ensure!(two_parts, "{}: mac and pin are keys of 16 bytes, 32 hex digits", named());
    let behaviour = match &args.behaviour {
        Some(path) => {
            let text = read_text(path, BEHAVIOUR_BYTES_MAX)?;
            Behaviour::parse(&text).with_context(|| path.display().to_string())?
        }
        None => Behaviour::default(),
    };
    Ok(Network::new(NetworkSettings {
        name: args.name.clone(),
        acquirer: args.acquirer,
        currency: args.currency,
        exchange_key: exchange,
        mac_key: mac,
        pin_key: pin,
        behaviour,
        costs: Costs {
            debit: cost(&args.debit, args.currency).context("--debit")?,
            credit: cost(&args.credit, args.currency).context("--credit")?,
            ranges: args.credit_bins.clone(),
        },
        seed: args.seed,
    }))
}

/// `0.5%,20`: half a percent, of one item twenty yuan at the most.
fn cost(text: &str, currency: Currency) -> anyhow::Result<Cost> {
    let (rate, cap) = text.split_once(',').map_or((text, None), |(rate, cap)| (rate, Some(cap)));
    let rate: Rate = rate.parse().with_context(|| format!("`{rate}`"))?;
    let amount = |cap| decimal::parse(cap, currency, DecimalStyle::PLAIN);
    let cap: Option<Amount> = cap.map(amount).transpose().context("the most for one item")?;
    Ok(Cost { rate, cap })
}

/// The credit cards that begin with some digits.
fn first_digits(text: &str) -> Result<CardRange, String> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    let count = u32::try_from(text.len()).ok().filter(|count| (1..=6).contains(count) && digits);
    let count = count.ok_or_else(|| "write 1 to 6 digits".to_owned())?;
    let first_digits = text.parse().map_err(|_| "write 1 to 6 digits".to_owned())?;
    Ok(CardRange { first_digits, count, credit: true })
}

struct Clearing<'a> {
    args: &'a RunArgs,
    written: Vec<String>,
    last: Instant,
}

impl Clearing<'_> {
    fn write_if_due(&mut self, host: &mut NetworkHost) -> anyhow::Result<()> {
        let every = self.args.clear_every.map(Duration::from_secs);
        if every.is_some_and(|every| self.last.elapsed() >= every) {
            self.last = Instant::now();
            self.write(host)?;
        }
        Ok(())
    }

    fn write(&mut self, host: &mut NetworkHost) -> anyhow::Result<()> {
        let Some(directory) = &self.args.clearing else { return Ok(()) };
        let today = || jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).date();
        let date = self.args.date.unwrap_or_else(today);
        let path = free_name(directory, &self.args.name, date);
        host.clear(date).write(&path)?;
        self.written.push(path.display().to_string());
        Ok(())
    }
}

/// The first name that no earlier file has.
fn free_name(directory: &Path, name: &str, date: Date) -> PathBuf {
    let first = directory.join(format!("{name}-{date}.csv"));
    let next = (2..).map(|number: u32| directory.join(format!("{name}-{date}.{number}.csv")));
    std::iter::once(first.clone()).chain(next).find(|path| !path.exists()).unwrap_or(first)
}

fn in_words(network: &Network, currency: Currency) -> String {
    let Totals { taken, declined, reversed, voided, refunded, .. } = network.book().totals();
    let money = |sum: Sum| {
        let minor = i128::try_from(sum.amount).unwrap_or(i128::MAX);
        format!("{} ({} {})", sum.count, currency.code(), Decimal::of_balance(minor, currency))
    };
    let links = network.signed_on();
    format!(
        "links {links}, approved {}, declined {}, reversed {}, voided {}, refunded {}",
        money(taken),
        declined.count,
        money(reversed),
        voided.count,
        money(refunded),
    )
}

fn summary<'n>(name: &'n str, network: &Network, clearing: Vec<String>) -> Summary<'n> {
    let (totals, counts) = (network.book().totals(), network.counts());
    Summary {
        name,
        items: network.book().items().len() as u64,
        approved: totals.taken.count,
        approved_amount: totals.taken.amount,
        refunded: totals.refunded.count,
        refunded_amount: totals.refunded.amount,
        held: totals.held.count,
        declined: totals.declined.count,
        reversed: totals.reversed.count,
        reversed_amount: totals.reversed.amount,
        voided: totals.voided.count,
        links: network.signed_on(),
        heard: counts.heard,
        said: counts.said,
        lost: counts.lost,
        unreadable: counts.unreadable,
        wrong_mac: counts.wrong_mac,
        malformed: counts.malformed,
        undelivered: counts.undelivered,
        clearing,
    }
}
