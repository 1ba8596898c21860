//! `doorstep terminal`: a simulated POS terminal, for people and for load.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, ensure};
use clap::{Args, Subcommand, ValueEnum};
use door::tls;
use field::{Line, MasterKeys, Session};
use keys::{AesKey, TdesKey};
use money::Currency;
use peers::card::Entry;
use peers::{Card, Terminal, TerminalSettings};
use zeroize::Zeroizing;

mod codes;
mod counter;
pub mod load;
mod orders;
mod shown;
mod typed;

use crate::books::{language, read_text};
use crate::serve::settings::address;
use crate::words::Lang;

/// A simulated POS terminal: reads what a courier does from the keyboard, or from a script.
///
/// It speaks the protocol of `docs/door/terminal.md`. When its connection dies it goes on at the
/// next address and repeats what was not answered. Type `help` for what it can do.
///
/// Its card is a simulated one. It is for trials: its master key lies plain in a file.
///
/// Exit status: 0 everything was understood and answered, a refusal too; 1 something was not.
#[derive(Args, Debug)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
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
    /// Where it connects to; the first is tried first
    #[arg(
        long, value_name = "ADDR", value_delimiter = ',', value_parser = address, required = true
    )]
    connect: Vec<SocketAddr>,
    /// Its number, 1 to 99999999
    #[arg(long, required = true)]
    number: u32,
    /// Its merchant, field 42: acquirer 3, region 4, category 4, courier firm 4
    #[arg(long, value_name = "DIGITS", required = true)]
    merchant: String,
    /// The file with its master key, 32 or 48 hex digits
    #[arg(long, value_name = "FILE", conflicts_with = "base_key_file")]
    master_key_file: Option<PathBuf>,
    /// The file with the key that all terminals' keys are derived from, as hex digits
    #[arg(long, value_name = "FILE")]
    base_key_file: Option<PathBuf>,
    /// The generation of the derived keys
    #[arg(long, default_value_t = 1)]
    generation: u32,
    /// Speak TLS: the authority that signed the other side's certificate
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
    /// The name in that certificate
    #[arg(long, value_name = "NAME", default_value = "engine", requires = "ca")]
    server_name: String,
    /// The currency of all amounts
    #[arg(long, default_value = "CNY")]
    currency: Currency,
    /// The terminal's clock, in minutes east of UTC
    #[arg(long, value_name = "MINUTES", default_value_t = 480, allow_negative_numbers = true)]
    utc_offset: i16,
    /// How long an answer is waited for, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    wait: u32,
    /// The STAN that was used last [default: by the time of day]
    #[arg(long, value_name = "STAN")]
    last_stan: Option<u32>,
    /// The simulated card: its first six digits and a number
    #[arg(long, value_name = "BIN:NUMBER", default_value = "622588:1")]
    card: String,
    /// How the card is read
    #[arg(long, default_value = "chip")]
    entry: Reading,
    /// Type no PIN
    #[arg(long)]
    no_pin: bool,
    /// Read what is done from a file instead of the keyboard; `-` is standard input
    #[arg(long, value_name = "FILE")]
    script: Option<PathBuf>,
    /// The language [default: as the environment says]
    #[arg(long)]
    lang: Option<Lang>,
}

/// How a card is read.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Reading {
    /// The chip
    Chip,
    /// Contactless
    Tap,
    /// The magnetic stripe
    Stripe,
    /// Typed
    Keyed,
}

impl From<Reading> for Entry {
    fn from(reading: Reading) -> Entry {
        match reading {
            Reading::Chip => Entry::Chip,
            Reading::Tap => Entry::Contactless,
            Reading::Stripe => Entry::Stripe,
            Reading::Keyed => Entry::Keyed,
        }
    }
}

const KEY_FILE_BYTES_MAX: usize = 256;
const NUMBER_MAX: u32 = 99_999_999;
const STAN_MAX: u32 = 999_999;

/// Runs a terminal, or many.
pub fn run(args: &TerminalArgs) -> anyhow::Result<ExitCode> {
    match (&args.load, &args.one) {
        (Some(Hidden::Load(load)), _) => load::run(load).map(|()| ExitCode::SUCCESS),
        (None, Some(one)) => counter::run(one),
        (None, None) => anyhow::bail!("give --connect, --number and --merchant"),
    }
}

impl OneArgs {
    fn session(&self) -> anyhow::Result<Session> {
        ensure!((1..=NUMBER_MAX).contains(&self.number), "--number: 1 to {NUMBER_MAX}");
        let master_key = match (&self.master_key_file, &self.base_key_file) {
            (Some(file), _) => {
                let named = || format!("--master-key-file {}", file.display());
                let text = Zeroizing::new(read_text(file, KEY_FILE_BYTES_MAX).with_context(named)?);
                let key = TdesKey::from_hex(text.trim()).with_context(named)?;
                ensure!(key.expose().len() > 8, "{}: 16 or 24 bytes are needed", named());
                key
            }
            (None, Some(file)) => master_keys(file, self.generation)?.of(self.number)?,
            (None, None) => anyhow::bail!("give --master-key-file, or --base-key-file"),
        };
        let last_stan = self.last_stan.unwrap_or_else(|| by_the_clock(&jiff::Timestamp::now()));
        ensure!(last_stan <= STAN_MAX, "--last-stan: at most {STAN_MAX}");
        let settings = TerminalSettings {
            currency: self.currency,
            utc_offset_minutes: self.utc_offset,
            answer_within_ms: self.wait.saturating_mul(1_000),
            last_stan,
            ..TerminalSettings::new(self.number, merchant(&self.merchant)?, master_key)
        };
        let ca = self.ca.as_ref();
        let tls = ca.map(|ca| tls::client(ca, None, &self.server_name)).transpose()?;
        let line = Line::new(self.connect.clone(), tls)?;
        Ok(Session::new(Terminal::new(&settings), line))
    }

    fn card(&self) -> anyhow::Result<Card> {
        card(&self.card, self.entry.into())
            // Not repeated: somebody may have typed a card's number.
            .context("--card: write it as in 622588:1")
    }

    fn lang(&self) -> Lang {
        language(self.lang)
    }
}

/// The simulated card that a text names.
fn card(text: &str, entry: Entry) -> Option<Card> {
    card_name(text).map(|(bin, number)| Card::made(bin, number, entry))
}

/// First six digits and a number: `622588:1`.
fn card_name(text: &str) -> Option<(u32, u64)> {
    let (bin, number) = text.split_once(':')?;
    let six = bin.len() == 6 && bin.bytes().all(|byte| byte.is_ascii_digit());
    let bin: u32 = bin.parse().ok().filter(|_| six)?;
    Some((bin, number.parse().ok()?))
}

fn merchant(text: &str) -> anyhow::Result<[u8; 15]> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    let merchant = text.as_bytes().try_into().ok().filter(|_| digits);
    merchant.with_context(|| format!("--merchant {text}: it has fifteen digits"))
}

fn master_keys(file: &Path, generation: u32) -> anyhow::Result<MasterKeys> {
    let named = || format!("--base-key-file {}", file.display());
    let text = Zeroizing::new(read_text(file, KEY_FILE_BYTES_MAX).with_context(named)?);
    let base = AesKey::from_hex(text.trim()).with_context(named)?;
    Ok(MasterKeys::derived(base, generation)?)
}

/// Eleven numbers for each second of the day, so that a terminal that is started again does not use
/// those of its open batch twice.
fn by_the_clock(now: &jiff::Timestamp) -> u32 {
    const DAY_S: i64 = 86_400;
    let second = now.as_second().rem_euclid(DAY_S);
    u32::try_from(second * 11).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_card_is_named_by_six_digits_and_a_number() {
        assert_eq!(card("622588:7", Entry::Chip), Some(Card::made(622_588, 7, Entry::Chip)));
        assert_eq!(card("62258:7", Entry::Chip), None);
        assert_eq!(card("622588", Entry::Chip), None);
        assert_eq!(card("622588:", Entry::Chip), None);
    }

    #[test]
    fn numbers_by_the_clock_fit_six_digits_and_go_up_through_the_day() {
        let at = |second| by_the_clock(&jiff::Timestamp::from_second(second).unwrap());
        assert_eq!((at(0), at(1), at(86_399)), (0, 11, 950_389));
    }
}
