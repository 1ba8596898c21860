//! `doorstep terminal`: a simulated POS terminal, for people and for load tests.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, ensure};
use bench::{InteractiveTerminal, TerminalKeys, TerminalSocket};
use clap::{Args, Subcommand, ValueEnum};
use host::tls;
use keys::{AesKey, KeyPurpose, TdesKey};
use money::Currency;
use peers::card::EntryMode;
use peers::terminal::TerminalKey;
use peers::{TerminalSimulator, TerminalSimulatorSettings, TestCard};
use zeroize::Zeroizing;

mod codes;
mod commands;
mod console;
mod declines;
pub mod load;
pub mod masking;
mod parcels;
pub mod screen;
mod stan_file;

use crate::data_directory::read_text;
use crate::serve::settings::parse_address;
use crate::words::{Lang, bilingual};
use stan_file::StanFile;

/// Runs a simulated POS terminal, with commands from the keyboard or a script
///
/// Speaks the protocol of `docs/door/terminal.md`. If the connection is lost, it connects to the
/// next address and repeats the unanswered message. Type `help` for the commands.
///
/// For trials only: the card is simulated, and the terminal's key is in a plain file.
///
/// Exit status: 0 every command was valid and answered, even if declined; 1 otherwise.
#[derive(Args, Debug)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
#[command(
    override_usage = "doorstep terminal [OPTIONS] --connect <ADDR> --number <NUMBER>\n           \
                            --merchant <DIGITS>"
)]
pub struct TerminalArgs {
    #[command(subcommand)]
    load: Option<Hidden>,
    #[command(flatten)]
    one: Option<OneArgs>,
}

#[derive(Subcommand, Debug)]
enum Hidden {
    #[command(hide = true)]
    Load(load::LoadArgs),
}

#[derive(Args, Debug)]
struct OneArgs {
    /// Addresses of the switch or gateways, in the order in which they are tried
    #[arg(
        long,
        value_name = "ADDR",
        value_delimiter = ',',
        value_parser = parse_address,
        required = true
    )]
    connect: Vec<SocketAddr>,
    /// The terminal's number, 1 to 99999999
    #[arg(long, required = true)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=i64::from(NUMBER_MAX)))]
    number: u32,
    /// The merchant, field 42: acquirer 3, region 4, category 4, courier firm 4 digits
    #[arg(long, value_name = "DIGITS", required = true)]
    merchant: String,
    /// The file with the link key, 32 hex digits; this or --base-key-file is required
    #[arg(long, value_name = "FILE", conflicts_with_all = ["base_key_file", "master_key_file"])]
    link_key_file: Option<PathBuf>,
    /// The file with the master key of UnionPay's dialect, 32 or 48 hex digits
    #[arg(long, value_name = "FILE", conflicts_with = "base_key_file")]
    master_key_file: Option<PathBuf>,
    /// The file with the base key of all terminals' keys, as hex digits
    #[arg(long, value_name = "FILE")]
    base_key_file: Option<PathBuf>,
    /// The dialect of the key that is derived from the base key
    #[arg(long, default_value = "doorstep")]
    dialect: DialectFlag,
    /// Use TLS: the authority that signed the peer's certificate
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
    /// The name in the peer's certificate
    #[arg(long, value_name = "NAME", default_value = "engine", requires = "ca")]
    server_name: String,
    /// The currency of all amounts
    #[arg(long, default_value = "CNY")]
    currency: Currency,
    /// The terminal's time zone, in minutes east of UTC
    #[arg(long, value_name = "MINUTES", default_value_t = 480, allow_negative_numbers = true)]
    utc_offset: i16,
    /// Time limit of an answer, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    wait: u32,
    /// The file with the terminal's last STAN, which a restart continues; `terminal-NUMBER.toml`
    /// beside the key file by default
    #[arg(long, value_name = "FILE")]
    state: Option<PathBuf>,
    /// The last used STAN [default: from the state file]
    #[arg(long, value_name = "STAN")]
    #[arg(value_parser = clap::value_parser!(u32).range(0..=i64::from(STAN_MAX)))]
    last_stan: Option<u32>,
    /// The simulated card: its first six digits and a number
    #[arg(long, value_name = "BIN:NUMBER", default_value = "622588:1")]
    card: String,
    /// How the card is read
    #[arg(long, default_value = "chip")]
    entry: EntryFlag,
    /// Enter no PIN
    #[arg(long)]
    no_pin: bool,
    /// Read commands from a file instead of the keyboard; `-` is standard input
    #[arg(long, value_name = "FILE")]
    script: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum EntryFlag {
    /// The chip
    Chip,
    /// Contactless
    Tap,
    /// The magnetic stripe
    Stripe,
    /// The number is keyed in
    Keyed,
}

impl From<EntryFlag> for EntryMode {
    fn from(entry: EntryFlag) -> EntryMode {
        match entry {
            EntryFlag::Chip => EntryMode::Chip,
            EntryFlag::Tap => EntryMode::Contactless,
            EntryFlag::Stripe => EntryMode::Stripe,
            EntryFlag::Keyed => EntryMode::Keyed,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum DialectFlag {
    /// Doorstep's own
    Doorstep,
    /// UnionPay's
    Unionpay,
}

impl DialectFlag {
    /// Its name in the settings.
    pub const fn name(self) -> &'static str {
        match self {
            DialectFlag::Doorstep => "doorstep",
            DialectFlag::Unionpay => "unionpay",
        }
    }
}

const KEY_FILE_BYTES_MAX: usize = 256;
const NUMBER_MAX: u32 = 99_999_999;
const STAN_MAX: u32 = 999_999;

pub fn run(args: &TerminalArgs) -> anyhow::Result<ExitCode> {
    match (&args.load, &args.one) {
        (Some(Hidden::Load(load)), _) => load::run(load).map(|()| ExitCode::SUCCESS),
        (None, Some(one)) => console::run(one),
        (None, None) => anyhow::bail!(Lang::current().pick(
            "give --connect, --number and --merchant",
            "请给出 --connect、--number 和 --merchant"
        )),
    }
}

impl OneArgs {
    /// The terminal, and the file with its last STAN.
    fn session(&self) -> anyhow::Result<(InteractiveTerminal, StanFile)> {
        let (key, key_file) = self.key()?;
        let beside = || StanFile::default_path(key_file, self.number);
        let state = self.state.clone().unwrap_or_else(beside);
        let last_stan = match self.last_stan {
            Some(last_stan) => last_stan,
            None => StanFile::read(&state)?,
        };
        let settings = TerminalSimulatorSettings {
            currency: self.currency,
            utc_offset_minutes: self.utc_offset,
            answer_timeout_ms: self.wait.saturating_mul(1_000),
            last_stan,
            ..TerminalSimulatorSettings::new(self.number, merchant(&self.merchant)?, key)
        };
        let ca = self.ca.as_ref();
        let tls = ca.map(|ca| tls::client(ca, None, &self.server_name)).transpose()?;
        let line = TerminalSocket::new(self.connect.clone(), tls)?;
        let stans = StanFile::reserve(state, last_stan)?;
        Ok((InteractiveTerminal::new(TerminalSimulator::new(&settings), line), stans))
    }

    /// The terminal's key, and the file that it comes from.
    fn key(&self) -> anyhow::Result<(TerminalKey, &Path)> {
        if let Some(file) = &self.link_key_file {
            let (text, named) = key_text("--link-key-file", file)?;
            let key = AesKey::from_hex(text.trim()).with_context(|| named.clone())?;
            ensure!(
                key.expose().len() == 16,
                bilingual!("{named}: 16 bytes are needed", "{named}：须为 16 字节")
            );
            return Ok((key.into(), file));
        }
        if let Some(file) = &self.master_key_file {
            let (text, named) = key_text("--master-key-file", file)?;
            let key = TdesKey::from_hex(text.trim()).with_context(|| named.clone())?;
            ensure!(
                key.expose().len() > 8,
                bilingual!("{named}: 16 or 24 bytes are needed", "{named}：须为 16 或 24 字节")
            );
            return Ok((key.into(), file));
        }
        let file = self.base_key_file.as_ref().context(Lang::current().pick(
            "give --link-key-file, --master-key-file or --base-key-file",
            "请给出 --link-key-file、--master-key-file 或 --base-key-file",
        ))?;
        Ok((derived_keys(file, self.dialect)?.for_terminal(self.number)?, file))
    }

    fn card(&self) -> anyhow::Result<TestCard> {
        card(&self.card, self.entry.into())
            // The text is not repeated: it may be a real card number.
            .context(
                Lang::current().pick("--card: write it as 622588:1", "--card：请写作 622588:1"),
            )
    }
}

/// Parses a simulated card: `622588:1`.
fn card(text: &str, entry: EntryMode) -> Option<TestCard> {
    card_name(text).map(|(bin, number)| TestCard::generate(bin, number, entry))
}

/// Parses the first six digits and the number: `622588:1`.
fn card_name(text: &str) -> Option<(u32, u64)> {
    let (bin, number) = text.split_once(':')?;
    let six = bin.len() == 6 && bin.bytes().all(|byte| byte.is_ascii_digit());
    let bin: u32 = bin.parse().ok().filter(|_| six)?;
    Some((bin, number.parse().ok()?))
}

fn merchant(text: &str) -> anyhow::Result<[u8; 15]> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    let merchant = text.as_bytes().try_into().ok().filter(|_| digits);
    merchant.with_context(|| {
        bilingual!("--merchant {text}: write fifteen digits", "--merchant {text}：请写十五位数字")
    })
}

/// The content of a key file, and how an error names the file.
fn key_text(flag: &str, file: &Path) -> anyhow::Result<(Zeroizing<String>, String)> {
    let named = format!("{flag} {}", file.display());
    let text = read_text(file, KEY_FILE_BYTES_MAX).with_context(|| named.clone())?;
    Ok((Zeroizing::new(text), named))
}

fn derived_keys(file: &Path, dialect: DialectFlag) -> anyhow::Result<TerminalKeys> {
    let (text, named) = key_text("--base-key-file", file)?;
    let base = AesKey::from_hex(text.trim()).with_context(|| named)?;
    let purpose = match dialect {
        DialectFlag::Doorstep => KeyPurpose::TerminalLink,
        DialectFlag::Unionpay => KeyPurpose::TerminalMaster,
    };
    Ok(TerminalKeys::derived(base, purpose)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_card_is_named_by_six_digits_and_a_number() {
        assert_eq!(
            card("622588:7", EntryMode::Chip),
            Some(TestCard::generate(622_588, 7, EntryMode::Chip))
        );
        assert_eq!(card("62258:7", EntryMode::Chip), None);
        assert_eq!(card("622588", EntryMode::Chip), None);
        assert_eq!(card("622588:", EntryMode::Chip), None);
    }
}
