//! `doorstep payout-account`: the bank accounts of sellers' payouts.

use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow};
use clap::{Args, Subcommand};
use office::Request;
use vault::AccountForm;
use zeroize::Zeroizing;

use crate::data_directory;
use crate::proposals::AskArgs;
use crate::words::bilingual;

const FILE_BYTES_MAX: usize = 64 << 10;
/// Stands for standard input.
const STDIN: &str = "-";

/// Sets, lists, shows and erases the bank accounts to which sellers are paid
///
/// Accounts are kept in the vault of the data directory, encrypted. One person enters an account,
/// another approves it. Proposals and the journal have a keyed digest of it only.
#[derive(Args, Debug)]
pub struct PayoutAccountArgs {
    #[command(subcommand)]
    what: PayoutAccountTask,
}

#[derive(Subcommand, Debug)]
enum PayoutAccountTask {
    Set(SetArgs),
    List(ListArgs),
    Show(ShowArgs),
    Erase(EraseArgs),
}

/// Enters the account of a seller's payouts in a currency, for a second person to approve
///
/// An account is an IBAN, or a bank code (CNAPS) with an account number. Flags stay in the history
/// of a shell: --file reads the account from a JSON file or from standard input, such as
/// {"name": "…", "iban": "…"} or {"name": "…", "bank_code": "…", "account": "…"}.
#[derive(Args, Debug)]
#[command(override_usage = "doorstep payout-account set <SELLER> --currency <CODE> [OPTIONS]")]
struct SetArgs {
    /// The seller: its reference or id
    #[arg(value_name = "SELLER")]
    seller: String,
    /// Of the payouts
    #[arg(long, value_name = "CODE")]
    currency: String,
    /// The account holder's name
    #[arg(long, value_name = "NAME", required_unless_present = "file")]
    name: Option<String>,
    /// The IBAN
    #[arg(long, value_name = "IBAN")]
    iban: Option<String>,
    /// The bank's BIC, beside an IBAN, if our bank asks for it
    #[arg(long, value_name = "BIC")]
    bic: Option<String>,
    /// The code of the bank's branch: CNAPS, 12 digits
    #[arg(long, value_name = "CODE")]
    bank_code: Option<String>,
    /// The account number at that bank
    #[arg(long, value_name = "NUMBER")]
    account: Option<String>,
    /// Read the account from this JSON file; `-` is standard input
    #[arg(
        long, value_name = "FILE",
        conflicts_with_all = ["name", "iban", "bic", "bank_code", "account"]
    )]
    file: Option<PathBuf>,
    /// Who approves it, in trial books
    #[arg(long, value_name = "WHO")]
    approved_by: Option<String>,
    #[command(flatten)]
    key: VaultArgs,
    #[command(flatten)]
    asked: AskArgs,
}

/// Lists which sellers have a payout account, and which wait for a second person
///
/// No character of an account is shown.
#[derive(Args, Debug)]
struct ListArgs {
    /// Only this seller
    #[arg(value_name = "SELLER")]
    seller: Option<String>,
    #[command(flatten)]
    key: VaultArgs,
    #[command(flatten)]
    asked: AskArgs,
}

/// Shows the last four characters of a seller's payout accounts
///
/// Whoever approves an account compares them with what the seller says. The books record before
/// that they are shown to you.
#[derive(Args, Debug)]
struct ShowArgs {
    /// The seller: its reference or id
    #[arg(value_name = "SELLER")]
    seller: String,
    #[command(flatten)]
    key: VaultArgs,
    #[command(flatten)]
    asked: AskArgs,
}

/// Proposes to erase a seller's account from the vault, for ever
///
/// A second person approves it. Then the seller has no account in the currency, and payouts say so
/// until a new one is entered. While a payout is on its way to the account, it is not erased.
/// Messages to the bank that name an erased account cannot be written again.
#[derive(Args, Debug)]
#[command(override_usage = "doorstep payout-account erase <SELLER> --currency <CODE> [OPTIONS]")]
struct EraseArgs {
    /// The seller: its reference or id
    #[arg(value_name = "SELLER")]
    seller: String,
    /// Of the payouts
    #[arg(long, value_name = "CODE")]
    currency: String,
    /// Who approves it, in trial books
    #[arg(long, value_name = "WHO")]
    approved_by: Option<String>,
    #[command(flatten)]
    asked: AskArgs,
}

#[derive(Args, Debug)]
pub struct VaultArgs {
    /// The settings with the key store, doorstep.toml; not needed while Doorstep serves
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

impl VaultArgs {
    pub fn config(&self) -> Option<&Path> {
        self.config.as_deref()
    }
}

pub fn run(args: PayoutAccountArgs) -> anyhow::Result<()> {
    match args.what {
        PayoutAccountTask::Set(set) => {
            let (seller, currency, approved_by) = (set.seller, set.currency, set.approved_by);
            let account = match &set.file {
                Some(file) => read_account(file)?,
                None => account(
                    set.name.unwrap_or_default(),
                    [set.iban, set.bic, set.bank_code, set.account],
                ),
            };
            let request = Request::EnterPayoutAccount { seller, currency, account, approved_by };
            set.asked.ask_with_settings(request, set.key.config())
        }
        PayoutAccountTask::List(list) => {
            let request = Request::PayoutAccounts { seller: list.seller };
            list.asked.ask_with_settings(request, list.key.config())
        }
        PayoutAccountTask::Show(show) => {
            let request = Request::ShowPayoutAccounts { seller: show.seller };
            show.asked.ask_with_settings(request, show.key.config())
        }
        PayoutAccountTask::Erase(erase) => {
            let (seller, currency) = (erase.seller, erase.currency);
            let approved_by = erase.approved_by;
            let request = Request::ErasePayoutAccount { seller, currency, approved_by };
            erase.asked.ask_with_settings(request, None)
        }
    }
}

fn account(name: String, [iban, bic, bank_code, account]: [Option<String>; 4]) -> AccountForm {
    AccountForm { name, iban, bic, bank_code, account }
}

/// Reads a file with personal data, or standard input.
pub fn read_form(file: &Path) -> anyhow::Result<Zeroizing<String>> {
    let text = if file == Path::new(STDIN) {
        let mut text = String::new();
        let limit = u64::try_from(FILE_BYTES_MAX).unwrap_or(u64::MAX);
        let read = std::io::stdin().take(limit).read_to_string(&mut text);
        read.map(|_| text).context("--file -")?
    } else {
        data_directory::read_text(file, FILE_BYTES_MAX)?
    };
    Ok(Zeroizing::new(text))
}

/// Reads the form of an account. Errors have nothing of it.
fn read_account(file: &Path) -> anyhow::Result<AccountForm> {
    let text = read_form(file)?;
    serde_json::from_str(&text).map_err(|error| {
        let (file, line) = (file.display(), error.line());
        anyhow!(bilingual!(
            "--file {file}: line {line} is not an account; write texts only, such as {{\"name\": \
             \"…\", \"iban\": \"…\"}} or {{\"name\": \"…\", \"bank_code\": \"…\", \"account\": \
             \"…\"}}",
            "--file {file}：第 {line} 行不是账户；请只写文本，例如 {{\"name\": \"…\", \"iban\": \
             \"…\"}} 或 {{\"name\": \"…\", \"bank_code\": \"…\", \"account\": \"…\"}}"
        ))
    })
}
