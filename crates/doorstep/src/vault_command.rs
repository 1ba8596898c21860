//! `doorstep vault` and `doorstep erase`.

use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow};
use books::{Command, DataSubject, DisclosurePurpose, ErasureOrder, Timestamp};
use clap::{Args, Subcommand};
use office::Request;
use vault::{IdentityDocument, RewrapCounts, Vault, VaultOptions};

use crate::data_directory;
use crate::log::{self, CommandLogArgs};
use crate::office_requests::check_owner;
use crate::payout_account::{VaultArgs, read_form};
use crate::proposals::AskArgs;
use crate::serve::settings;
use crate::texts::{filled, text};
use crate::words::{Lang, bilingual, say};

/// Shows what is in the vault of personal data, who saw it, and maintains it
#[derive(Args, Debug)]
pub struct VaultCommandArgs {
    #[command(subcommand)]
    what: VaultTask,
}

#[derive(Subcommand, Debug)]
enum VaultTask {
    Show(ShowArgs),
    Disclosures(DisclosuresArgs),
    EnterIdentity(EnterIdentityArgs),
    /// Wraps all data keys under the newest generation of the vault's key
    ///
    /// After `doorstep keys rotate`, while nobody serves. It can be interrupted at any moment: run
    /// it again. When it has ended, the vault needs no older generation of the key.
    Rewrap {
        /// The data directory
        #[arg(long, value_name = "DIR")]
        data: PathBuf,
        /// The settings with the key store, doorstep.toml
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
    },
    /// Moves the sealed records from PostgreSQL back into vault.sqlite
    ///
    /// While nobody serves. It can be interrupted at any moment: run it again. When it has ended,
    /// take [vault] out of the settings, or the next start moves the records to the server again.
    MoveToFile {
        /// The data directory
        #[arg(long, value_name = "DIR")]
        data: PathBuf,
        /// The settings with the server of the records, doorstep.toml
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
    },
    /// Writes the list of erasures again from the journal, and erases again what a restored vault
    /// has of them
    ///
    /// While nobody serves, after erasures.csv was lost or damaged.
    ListErasures {
        /// The data directory
        #[arg(long, value_name = "DIR")]
        data: PathBuf,
    },
}

/// Shows the personal data of a seller or of a parcel's buyer
///
/// Who sees it, whose it is and the purpose are in the journal before anything is shown.
#[derive(Args, Debug)]
#[command(override_usage = "doorstep vault show <SUBJECT> --purpose <PURPOSE> [OPTIONS]")]
struct ShowArgs {
    /// seller:REFERENCE, or parcel: and an id, a waybill or SELLER/ORDER
    #[arg(value_name = "SUBJECT")]
    subject: String,
    /// payout, delivery, dispute, subject-request, audit or legal-order
    #[arg(long, value_name = "PURPOSE", value_parser = purpose)]
    purpose: DisclosurePurpose,
    #[command(flatten)]
    key: VaultArgs,
    #[command(flatten)]
    asked: AskArgs,
}

/// Lists who saw whose personal data, when and why, and whose were erased
#[derive(Args, Debug)]
struct DisclosuresArgs {
    /// The data directory
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// Only of this seller: its reference or id
    #[arg(long, value_name = "SELLER")]
    seller: Option<String>,
    /// Only of this parcel: its id, waybill or order
    #[arg(long, value_name = "PARCEL")]
    parcel: Option<String>,
    /// Only by this person: the name in persons.toml, or the id
    #[arg(long, value_name = "WHO")]
    person: Option<String>,
    /// Print one JSON object per line and command
    #[arg(long)]
    json: bool,
}

/// Enters a seller's identity document; it replaces the one before
///
/// From a JSON file or standard input, such as {"document": "passport", "number": "…"}. Documents
/// are identity-card, passport, residence-permit and business-licence.
#[derive(Args, Debug)]
#[command(override_usage = "doorstep vault enter-identity <SELLER> --file <FILE> [OPTIONS]")]
struct EnterIdentityArgs {
    /// The seller: its reference or id
    #[arg(value_name = "SELLER")]
    seller: String,
    /// The JSON file; `-` is standard input
    #[arg(long, value_name = "FILE")]
    file: PathBuf,
    #[command(flatten)]
    key: VaultArgs,
    #[command(flatten)]
    asked: AskArgs,
}

/// Proposes to erase all personal data of a seller, or of a parcel's buyer, for ever
///
/// A second person approves it. Then the subject's records and key are deleted from the vault, and
/// a vault that is restored from a backup erases them again. Refused while money still has to reach
/// the seller, while a parcel is open, or while a refund is owed, unless a court or an authority
/// orders it.
#[derive(Args, Debug)]
#[command(override_usage = "doorstep erase <SUBJECT> [OPTIONS]")]
pub struct EraseSubjectArgs {
    /// seller:REFERENCE, or parcel: and an id, a waybill or SELLER/ORDER
    #[arg(value_name = "SUBJECT")]
    subject: String,
    /// Who orders it by law: court or authority
    #[arg(long, value_name = "WHO", value_parser = ordered_by)]
    ordered_by: Option<ErasureOrder>,
    /// Who approves it, in trial books
    #[arg(long, value_name = "WHO")]
    approved_by: Option<String>,
    #[command(flatten)]
    asked: AskArgs,
}

const PURPOSES: [(&str, DisclosurePurpose); 6] = [
    ("payout", DisclosurePurpose::Payout),
    ("delivery", DisclosurePurpose::Delivery),
    ("dispute", DisclosurePurpose::Dispute),
    ("subject-request", DisclosurePurpose::SubjectRequest),
    ("audit", DisclosurePurpose::Audit),
    ("legal-order", DisclosurePurpose::LegalOrder),
];
const ORDERS: [(&str, ErasureOrder); 2] =
    [("court", ErasureOrder::Court), ("authority", ErasureOrder::Authority)];

fn named<T: Copy>(all: &[(&str, T)], name: &str) -> Result<T, String> {
    let lang = Lang::current();
    let found = all.iter().find(|(known, _)| *known == name);
    found.map(|(_, value)| *value).ok_or_else(|| {
        let names: Vec<&str> = all.iter().map(|(name, _)| *name).collect();
        filled(lang, "vault.one_of", &[("names", &names.join(text(lang, "log.separator")))])
    })
}

fn purpose(name: &str) -> Result<DisclosurePurpose, String> {
    named(&PURPOSES, name)
}

fn ordered_by(name: &str) -> Result<ErasureOrder, String> {
    named(&ORDERS, name)
}

pub fn run(args: VaultCommandArgs) -> anyhow::Result<()> {
    match args.what {
        VaultTask::Show(show) => {
            let request =
                Request::ShowPersonalData { subject: show.subject, purpose: show.purpose };
            show.asked.ask_with_settings(request, show.key.config())
        }
        VaultTask::Disclosures(list) => {
            let subjects = [list.seller, list.parcel, list.person];
            let args = CommandLogArgs::of(list.data, subjects, list.json);
            log::print_some(&args, &|name| matches!(name, "RecordDisclosure" | "EraseSubject"))
        }
        VaultTask::EnterIdentity(entered) => {
            let identity = read_identity(&entered)?;
            let request = Request::EnterIdentity { seller: entered.seller, identity };
            entered.asked.ask_with_settings(request, entered.key.config())
        }
        VaultTask::Rewrap { data, config } => rewrap(&data, &config),
        VaultTask::MoveToFile { data, config } => move_to_file(&data, &config),
        VaultTask::ListErasures { data } => list_erasures(&data),
    }
}

pub fn erase(args: EraseSubjectArgs) -> anyhow::Result<()> {
    let EraseSubjectArgs { subject, ordered_by, approved_by, asked } = args;
    asked.ask_with_settings(Request::EraseSubject { subject, ordered_by, approved_by }, None)
}

/// Errors have nothing of the document.
fn read_identity(args: &EnterIdentityArgs) -> anyhow::Result<IdentityDocument> {
    let form = read_form(&args.file)?;
    serde_json::from_str(&form).map_err(|error| {
        let (file, line) = (args.file.display(), error.line());
        anyhow!(bilingual!(
            "--file {file}: line {line} is not an identity document; write {{\"document\": \
             \"passport\", \"number\": \"…\"}}",
            "--file {file}：第 {line} 行不是证件；请写 {{\"document\": \"passport\", \"number\": \
             \"…\"}}"
        ))
    })
}

fn rewrap(data: &Path, config: &Path) -> anyhow::Result<()> {
    check_owner(data)?;
    // A Doorstep that serves knows only the generations of its start.
    let opened = data_directory::open(data)?;
    let mut vault = Vault::new(data, settings::accounts(config)?.vault);
    let RewrapCounts { rewrapped, unchanged } = vault.rewrap()?;
    opened.node.stop()?;
    let counts: [(&str, &dyn std::fmt::Display); 2] =
        [("rewrapped", &rewrapped), ("unchanged", &unchanged)];
    say!("{}", filled(Lang::current(), "vault.rewrapped", &counts));
    Ok(())
}

fn move_to_file(data: &Path, config: &Path) -> anyhow::Result<()> {
    check_owner(data)?;
    // Nobody seals a record meanwhile.
    let opened = data_directory::open(data)?;
    let moved = Vault::new(data, settings::accounts(config)?.vault).move_to_file()?;
    opened.node.stop()?;
    say!("{}", filled(Lang::current(), "vault.moved_to_file", &[("count", &moved)]));
    Ok(())
}

fn list_erasures(data: &Path) -> anyhow::Result<()> {
    check_owner(data)?;
    // Nobody adds an erasure meanwhile.
    let opened = data_directory::open(data)?;
    let mut erasures: Vec<(u32, DataSubject, Timestamp)> = Vec::new();
    reports::read_submissions(data, &mut |at, submission| {
        if let Some(Command::EraseSubject(one)) = submission.command.of_books() {
            erasures.push((one.number, one.subject, at));
        }
    })
    .with_context(|| data.display().to_string())?;
    let listed = Vault::new(data, VaultOptions::default()).list_erasures(erasures)?;
    opened.node.stop()?;
    say!("{}", filled(Lang::current(), "vault.listed", &[("count", &listed)]));
    Ok(())
}
