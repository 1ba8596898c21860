//! `doorstep network run`: a simulated card network.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use bench::{NetworkSimulatorServer, TlsFiles};
use clap::Args;
use host::tls::TlsIdentity;
use jiff::civil::Date;
use keys::{AesKey, TdesKey};
use money::decimal::{self, DecimalAmount, DecimalStyle};
use money::{Amount, Currency, Rate};
use peers::behaviour::BEHAVIOUR_BYTES_MAX;
use peers::clearing::{CardRange, NetworkFee, NetworkFees};
use peers::ledger::{NetworkSum, NetworkTotals};
use peers::{Behaviour, NetworkSimulator, NetworkSimulatorSettings};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::data_directory::read_text;
use crate::logging::LogArgs;
use crate::words::{Lang, bilingual, say};

/// Runs a simulated card network
///
/// Answers the switch's requests from its own books, see `docs/door/network.md`, and injects the
/// faults of a behaviour file. Writes a clearing file when it stops (SIGTERM, Ctrl-C), and at the
/// given interval: NAME-DATE.csv, then NAME-DATE.2.csv and so on.
///
/// For trials only: its keys are in a plain file.
///
/// Exit status: 0 it was stopped; 1 failure.
#[derive(Args, Debug)]
#[command(
    override_usage = "doorstep network run [OPTIONS] --listen <ADDR> --name <NAME>\n           \
                            --keys <FILE>"
)]
pub struct RunArgs {
    /// The address for the switch; port 0 for any free port
    #[arg(long, value_name = "ADDR")]
    listen: SocketAddr,
    /// The network's name: lower-case letters, digits, hyphens
    #[arg(long)]
    name: String,
    /// A TOML file with the keys as hex digits: `exchange` (AES), `mac` and `pin` (16 bytes)
    #[arg(long, value_name = "FILE")]
    keys: PathBuf,
    /// The faults to inject; see docs/door/behaviour.md
    #[arg(long, value_name = "FILE")]
    behaviour: Option<PathBuf>,
    /// The directory for clearing files
    #[arg(long, value_name = "DIR")]
    clearing: Option<PathBuf>,
    /// The date of the clearing files [default: the current day in UTC]
    #[arg(long, value_name = "YYYY-MM-DD")]
    date: Option<Date>,
    /// Seconds between two clearing files [default: one file at the end]
    #[arg(long, value_name = "SECONDS", requires = "clearing")]
    clear_every: Option<u64>,
    /// The acquirer's number
    #[arg(long, default_value_t = 104)]
    acquirer: u64,
    /// The cards' currency
    #[arg(long, default_value = "CNY")]
    currency: Currency,
    /// The fee it deducts for debit cards: a rate, and after a comma the cap per item: `0.5%,20`
    #[arg(long, value_name = "RATE[,MOST]", default_value = "0%")]
    debit: String,
    /// The fee it deducts for credit cards
    #[arg(long, value_name = "RATE[,MOST]", default_value = "0%")]
    credit: String,
    /// The first digits, 1 to 6, of credit cards
    #[arg(long, value_name = "DIGITS", value_delimiter = ',', value_parser = first_digits)]
    credit_bins: Vec<CardRange>,
    /// The seed of random choices: the same seed and requests give the same answers
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// The network's certificate, for TLS
    #[arg(long, value_name = "FILE", requires = "key")]
    certificate: Option<PathBuf>,
    /// The certificate's key
    #[arg(long, value_name = "FILE", requires = "certificate")]
    key: Option<PathBuf>,
    /// The authorities of client certificates; without it, clients need none
    #[arg(long, value_name = "FILE", requires = "certificate")]
    clients: Option<PathBuf>,
    /// Print JSON: one line with the address, and a summary at the end; amounts in minor units
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    log: LogArgs,
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

/// How long one round waits for input.
const ROUND_MAX: Duration = Duration::from_millis(100);
const SECOND: Duration = Duration::from_secs(1);

/// The JSON summary.
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

/// Runs until SIGTERM or SIGINT.
pub fn run(args: &RunArgs) -> anyhow::Result<()> {
    let network = network(args)?;
    args.log.start()?;
    if let Some(directory) = &args.clearing {
        std::fs::create_dir_all(directory).with_context(|| directory.display().to_string())?;
    }
    let identity = args.certificate.clone().zip(args.key.clone());
    let identity = identity.map(|(certificate, key)| TlsIdentity { certificate, key });
    let clients = args.clients.as_deref();
    let tls = identity.as_ref().map(|identity| TlsFiles { identity, clients });
    let mut host = NetworkSimulatorServer::open(network, args.listen, tls.as_ref())?;
    let stop = stop_flag()?;
    if args.json {
        say!("{}", json!({ "listening": host.address().to_string() }));
    } else {
        let (name, address) = (&args.name, host.address());
        say!("{}", bilingual!("{name}: listening at {address}", "{name}：监听 {address}"));
    }
    let mut clearing = Clearing { args, written: Vec::new(), last: Instant::now() };
    let mut second = Instant::now();
    let mut said = 0;
    while !stop.load(Ordering::Relaxed) {
        host.poll(ROUND_MAX)?;
        if second.elapsed() < SECOND {
            continue;
        }
        second = Instant::now();
        clearing.write_if_due(&mut host)?;
        let counts = host.network().counts();
        if counts.sent != said {
            let answers = counts.sent - said;
            said = counts.sent;
            log_second(&args.name, answers, host.network());
        }
    }
    clearing.write(&mut host)?;
    let written = clearing.written;
    if args.json {
        say!("{}", serde_json::to_string(&summary(&args.name, host.network(), written))?);
    } else {
        let (name, totals) = (&args.name, totals_text(host.network(), args.currency));
        say!("{}", bilingual!("{name}: {totals}", "{name}：{totals}"));
        for file in written {
            say!("{}", bilingual!("{name}: wrote {file}", "{name}：已写出 {file}"));
        }
    }
    Ok(())
}

/// Logs the answers of the last second, and the totals.
fn log_second(name: &str, answers: u64, network: &NetworkSimulator) {
    let NetworkTotals { collected, declined, reversed, voided, refunded, .. } =
        network.book().totals();
    tracing::info!(
        target: "network",
        network = %name,
        answers,
        links = network.signed_on_links(),
        approved = collected.count,
        declined = declined.count,
        reversed = reversed.count,
        voided = voided.count,
        refunded = refunded.count,
        "answers in a second"
    );
}

/// Set by SIGTERM and SIGINT. A second signal ends the process at once.
pub fn stop_flag() -> anyhow::Result<Arc<AtomicBool>> {
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [signal_hook::consts::SIGTERM, signal_hook::consts::SIGINT] {
        signal_hook::flag::register_conditional_shutdown(signal, 1, stop.clone())?;
        signal_hook::flag::register(signal, stop.clone())?;
    }
    Ok(stop)
}

fn network(args: &RunArgs) -> anyhow::Result<NetworkSimulator> {
    let name = &args.name;
    ensure!(
        peers::clearing::is_network_name(name),
        bilingual!(
            "--name {name}: a network's name has 1 to 32 lower-case letters, digits and `-`, as in \
             its clearing files",
            "--name {name}：卡组织的名称须为 1 到 32 个小写字母、数字或 `-`，与清算文件中相同"
        )
    );
    let named = || args.keys.display().to_string();
    let text = read_text(&args.keys, KEYS_BYTES_MAX)?;
    // A TOML error may quote the file, which holds keys.
    let file: KeysFile = toml::from_str(&text).map_err(|_| {
        let file = named();
        anyhow::anyhow!(bilingual!(
            "{file}: it must have `exchange`, `mac` and `pin` as hex digits",
            "{file}：须有 `exchange`、`mac` 和 `pin`，写作十六进制数字"
        ))
    })?;
    let exchange = AesKey::from_hex(&file.exchange).with_context(named).context("exchange")?;
    let mac = TdesKey::from_hex(&file.mac).with_context(named).context("mac")?;
    let pin = TdesKey::from_hex(&file.pin).with_context(named).context("pin")?;
    let two_parts = [&mac, &pin].iter().all(|key| key.expose().len() == 16);
    let name = named();
    ensure!(
        two_parts,
        bilingual!(
            "{name}: mac and pin must be keys of 16 bytes, 32 hex digits",
            "{name}：mac 和 pin 须为 16 字节的密钥，即 32 位十六进制数字"
        )
    );
    let behaviour = match &args.behaviour {
        Some(path) => {
            let text = read_text(path, BEHAVIOUR_BYTES_MAX)?;
            Behaviour::parse(&text).with_context(|| path.display().to_string())?
        }
        None => Behaviour::default(),
    };
    Ok(NetworkSimulator::new(NetworkSimulatorSettings {
        name: args.name.clone(),
        acquirer: args.acquirer,
        currency: args.currency,
        exchange_key: exchange,
        mac_key: mac,
        pin_key: pin,
        behaviour,
        fees: NetworkFees {
            debit: cost(&args.debit, args.currency).context("--debit")?,
            credit: cost(&args.credit, args.currency).context("--credit")?,
            ranges: args.credit_bins.clone(),
        },
        seed: args.seed,
    }))
}

/// `0.5%,20`: half a percent, at most 20.00 per item.
fn cost(text: &str, currency: Currency) -> anyhow::Result<NetworkFee> {
    let (rate, cap) = text.split_once(',').map_or((text, None), |(rate, cap)| (rate, Some(cap)));
    let rate: Rate = rate.parse().with_context(|| format!("`{rate}`"))?;
    let amount = |cap| decimal::parse(cap, currency, DecimalStyle::PLAIN);
    let cap: Option<Amount> = cap
        .map(amount)
        .transpose()
        .context(Lang::current().pick("the cap per item", "每笔封顶金额"))?;
    Ok(NetworkFee { rate, cap })
}

/// The range of credit cards with these first digits.
fn first_digits(text: &str) -> Result<CardRange, String> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    let count = u32::try_from(text.len()).ok().filter(|count| (1..=6).contains(count) && digits);
    let wrong = || Lang::current().pick("write 1 to 6 digits", "请写 1 至 6 位数字").to_owned();
    let count = count.ok_or_else(wrong)?;
    let first_digits = text.parse().map_err(|_| wrong())?;
    Ok(CardRange { first_digits, digit_count: count, credit: true })
}

struct Clearing<'a> {
    args: &'a RunArgs,
    written: Vec<String>,
    last: Instant,
}

impl Clearing<'_> {
    fn write_if_due(&mut self, host: &mut NetworkSimulatorServer) -> anyhow::Result<()> {
        let every = self.args.clear_every.map(Duration::from_secs);
        if every.is_some_and(|every| self.last.elapsed() >= every) {
            self.last = Instant::now();
            self.write(host)?;
        }
        Ok(())
    }

    fn write(&mut self, host: &mut NetworkSimulatorServer) -> anyhow::Result<()> {
        let Some(directory) = &self.args.clearing else { return Ok(()) };
        let today = || jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).date();
        let date = self.args.date.unwrap_or_else(today);
        let path = free_name(directory, &self.args.name, date);
        host.clear(date).write(&path)?;
        let file = path.display().to_string();
        tracing::info!(target: "network", network = %self.args.name, file, "clearing file written");
        self.written.push(file);
        Ok(())
    }
}

/// The first unused file name.
fn free_name(directory: &Path, name: &str, date: Date) -> PathBuf {
    let first = directory.join(format!("{name}-{date}.csv"));
    let next = (2..).map(|number: u32| directory.join(format!("{name}-{date}.{number}.csv")));
    std::iter::once(first.clone()).chain(next).find(|path| !path.exists()).unwrap_or(first)
}

fn totals_text(network: &NetworkSimulator, currency: Currency) -> String {
    let NetworkTotals { collected: taken, declined, reversed, voided, refunded, .. } =
        network.book().totals();
    let money = |sum: NetworkSum| {
        let minor = i128::try_from(sum.amount).unwrap_or(i128::MAX);
        format!(
            "{} ({} {})",
            sum.count,
            currency.code(),
            DecimalAmount::of_balance(minor, currency)
        )
    };
    let links = network.signed_on_links();
    bilingual!(
        "links {links}, approved {0}, declined {1}, reversed {2}, voided {3}, refunded {4}",
        "链路 {links}，成功 {0}，被拒 {1}，冲正 {2}，撤销 {3}，退货 {4}",
        money(taken),
        declined.count,
        money(reversed),
        voided.count,
        money(refunded),
    )
}

fn summary<'n>(name: &'n str, network: &NetworkSimulator, clearing: Vec<String>) -> Summary<'n> {
    let (totals, counts) = (network.book().totals(), network.counts());
    Summary {
        name,
        items: network.book().items().len() as u64,
        approved: totals.collected.count,
        approved_amount: totals.collected.amount,
        refunded: totals.refunded.count,
        refunded_amount: totals.refunded.amount,
        held: totals.held.count,
        declined: totals.declined.count,
        reversed: totals.reversed.count,
        reversed_amount: totals.reversed.amount,
        voided: totals.voided.count,
        links: network.signed_on_links(),
        heard: counts.received,
        said: counts.sent,
        lost: counts.dropped,
        unreadable: counts.unreadable,
        wrong_mac: counts.wrong_mac,
        malformed: counts.malformed,
        undelivered: counts.undelivered,
        clearing,
    }
}
