//! `doorstep profile`: shows, checks and makes the profiles that read order exports, and those that
//! read files of networks, wallets, banks and courier firms.

use std::path::PathBuf;

use anyhow::{Context, bail, ensure};
use clap::{Args, Subcommand};
use files::incoming::profile::{FileProfile, ProfileModel};
use files::offers::OfferProfile;
use files::orders::{OrderParcel, import};
use files::profile::draft::draft;
use files::profile::{Profile, ProfileError, ProfileHead};
use money::decimal::DecimalAmount;
use serde_json::{Value, json};

use crate::orders::{OrderFormatArgs, import_options, no_parcels, print_report, print_warning};
use crate::words::{Lang, bilingual, grouped, left, right, say, width};

/// Parcels that `profile check` shows.
const PARCELS_SHOWN_MAX: usize = 10;

/// Lists, shows, checks and makes profiles of files: orders, bills, statements, sheets of firms
#[derive(Args, Debug)]
pub struct ProfileArgs {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand, Debug)]
enum Task {
    /// Lists the built-in profiles
    List {
        /// Print one JSON list: name, about and reads of each profile
        #[arg(long)]
        json: bool,
    },
    /// Prints a profile as TOML, to be copied and changed
    Show {
        /// A built-in profile or a profile file
        #[arg(value_name = "NAME|FILE")]
        profile: String,
    },
    Check(CheckArgs),
    New(NewArgs),
}

/// Checks a profile; one of orders can be tried on an export, nothing is imported
///
/// Exit status: 0 the profile is valid and reads every line; 1 it is not, or lines are bad.
#[derive(Args, Debug)]
struct CheckArgs {
    /// A built-in profile or a profile file
    #[arg(value_name = "NAME|FILE")]
    profile: String,
    /// An order file to try it on, or a directory with the files that the profile names
    #[arg(long, value_name = "PATH")]
    orders: Option<PathBuf>,
    #[command(flatten)]
    format: OrderFormatArgs,
}

/// Prints a first profile for an export that no profile reads
///
/// Looks for the usual columns in the header, and lists the values of status and payment method.
/// What must be filled in is marked with "?".
#[derive(Args, Debug)]
struct NewArgs {
    /// The name of the profile: lower-case letters, digits, hyphens
    name: String,
    /// The export
    #[arg(long, value_name = "FILE")]
    orders: PathBuf,
    /// The encoding of the file, such as gbk
    #[arg(long, value_name = "NAME")]
    encoding: Option<String>,
}

pub fn run(args: &ProfileArgs) -> anyhow::Result<()> {
    match &args.task {
        Task::List { json } => list(*json),
        Task::Show { profile } => {
            let text = text_of(profile)?;
            say!("{}", text.trim_end());
            Ok(())
        }
        Task::Check(args) => check(args),
        Task::New(args) => {
            let text = draft(&args.name, &args.orders, args.encoding.as_deref())?;
            say!("{}", text.trim_end());
            Ok(())
        }
    }
}

/// The TOML of a profile of any kind.
fn text_of(name: &str) -> anyhow::Result<String> {
    match Profile::text(name) {
        Err(ProfileError::Unknown { name: unknown, nearest, known }) => {
            if OfferProfile::names().any(|known| known == name) {
                return Ok(OfferProfile::text(name)?);
            }
            let others = FileProfile::names().chain(OfferProfile::names());
            let more = others.map(|name| format!(", `{name}`")).collect::<String>();
            let known = known + &more;
            let unknown = ProfileError::Unknown { name: unknown, nearest, known };
            let is_known = FileProfile::names().any(|known| known == name);
            if is_known { Ok(FileProfile::text(name)?) } else { Err(unknown.into()) }
        }
        text => Ok(text?),
    }
}

/// Whether a profile reads files of networks, wallets, banks and firms.
fn is_of_files(toml: &str) -> bool {
    toml.lines().any(|line| line.split('=').next().is_some_and(|key| key.trim() == "reads"))
}

/// Whether a profile reads offers.
fn is_of_offers(toml: &str) -> bool {
    toml.lines().any(|line| line.trim() == "[offer]")
}

/// What a profile of files reads, as in the profile.
fn reads(profile: &FileProfile) -> &'static str {
    match profile.model() {
        ProfileModel::Clearing => "clearing",
        ProfileModel::FeeDetails => "fee details",
        ProfileModel::MerchantSums => "merchant sums",
        ProfileModel::Statement => "statement",
        ProfileModel::Remittance => "remittance",
    }
}

/// All built-in profiles, each with what it reads.
fn built_in() -> Result<Vec<(ProfileHead, &'static str)>, ProfileError> {
    let orders =
        Profile::names().map(|name| Ok((Profile::built_in(name)?.head().clone(), "orders")));
    let of_files = FileProfile::names().map(|name| {
        let profile = FileProfile::built_in(name)?;
        Ok((profile.head().clone(), reads(&profile)))
    });
    let offers = OfferProfile::names()
        .map(|name| Ok((OfferProfile::built_in(name)?.head().clone(), "offers")));
    orders.chain(of_files).chain(offers).collect()
}

fn list(json: bool) -> anyhow::Result<()> {
    let all = built_in()?;
    if json {
        let object = |(head, reads): &(ProfileHead, &str)| {
            let (name, about) = (head.name(), head.about());
            json!({ "name": name, "about": about, "reads": reads })
        };
        say!("{}", Value::from(all.iter().map(object).collect::<Vec<_>>()));
        return Ok(());
    }
    let widest = all.iter().map(|(head, _)| width(head.name())).max().unwrap_or_default();
    for (head, _) in &all {
        say!("{}  {}", left(head.name(), widest), about(head));
    }
    Ok(())
}

fn about(head: &ProfileHead) -> &str {
    Lang::current().pick(head.about(), head.about_in_chinese())
}

fn print_head(head: &ProfileHead) {
    say!("{} — {}", head.name(), about(head));
}

/// Checks a profile of files.
fn check_of_files(toml: &str) -> anyhow::Result<()> {
    let lang = Lang::current();
    let profile = FileProfile::parse(toml)?;
    print_head(profile.head());
    if let Some(warning) = profile.head().warning() {
        say!("{}", bilingual!("Warning: {warning}", "注意：{warning}"));
    }
    say!(
        "{}",
        lang.pick(
            "The profile is valid; `doorstep file FILE --profile PROFILE --dry-run` tries it.",
            "模板有效；可用 `doorstep file 文件 --profile 模板 --dry-run` 试用。",
        )
    );
    Ok(())
}

fn check(args: &CheckArgs) -> anyhow::Result<()> {
    let lang = Lang::current();
    let text = text_of(&args.profile)?;
    if is_of_files(&text) {
        return check_of_files(&text);
    }
    if is_of_offers(&text) {
        let profile = OfferProfile::parse(&text)?;
        print_head(profile.head());
        say!(
            "{}",
            lang.pick(
                "The profile is valid; `doorstep offers import FILE --profile PROFILE` tries it.",
                "模板有效；可用 `doorstep offers import 文件 --profile 模板` 试用。",
            )
        );
        return Ok(());
    }
    let profile = args.format.profile(&args.profile)?;
    print_head(profile.head());
    print_warning(&profile, lang);
    say!("{}", lang.pick("The profile is valid.", "导入模板有效。"));
    let Some(path) = &args.orders else { return Ok(()) };
    let import = import(&profile, path, &import_options(&args.format)).context("--orders")?;
    print_report(&import.report, lang);
    print_parcels(&import.parcels, lang);
    if import.parcels.is_empty() {
        bail!(no_parcels(path, &import.report));
    }
    let bad = import.report.lines.bad;
    ensure!(bad == 0, bilingual!("bad lines: {bad}; see above", "有误的行：{bad}；见上文"));
    Ok(())
}

fn print_parcels(parcels: &[OrderParcel], lang: Lang) {
    let shown = || parcels.iter().take(PARCELS_SHOWN_MAX);
    let Some(order) = shown().map(|parcel| width(&parcel.order)).max() else { return };
    let seller = shown().map(|parcel| width(&parcel.seller)).max().unwrap_or_default();
    say!("{}", lang.pick("The first parcels:", "前几个包裹："));
    for parcel in shown() {
        let amount = DecimalAmount::of(parcel.amount_due, parcel.currency).to_string();
        say!(
            "  {}  {}  {} {}  {}",
            left(&parcel.order, order),
            left(&parcel.seller, seller),
            right(&grouped(&amount), 14),
            parcel.currency,
            parcel.location
        );
    }
}
