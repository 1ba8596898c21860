//! `doorstep offers`: offers as files, in and out.

mod shown;

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{BufReader, stdout};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, bail};
use books::{SellerId, Timestamp};
use clap::{Args, Subcommand};
use engine::{Actor, Command, Engine, Submission};
use files::offers::{OfferDefaults, OfferImport, OfferProfile, import, write_csv};
use listings::{ScreenError, TextStore, TextToScreen};
use market::MarketCommand;
use node::{Clock, NodeClient, SystemClock};
use office::offers::{
    KnownTexts, OfferOfFile, OfferPlan, exported, named_contents, plan, with_texts,
};

use self::shown::{ImportedOffers, print_json, print_text};
use crate::texts::{filled, text};
use crate::words::{Lang, say};
use crate::{chinese, data_directory, day, given_files};

/// The most commands that wait in the queue at once: the door's commands wait behind them.
const COMMANDS_AT_ONCE: usize = 256;

/// Offers as CSV: in from a shop's product export, out as our own form
#[derive(Args, Debug)]
pub struct OffersArgs {
    #[command(subcommand)]
    pub task: OffersTask,
}

#[derive(Subcommand, Debug)]
pub enum OffersTask {
    Import(OfferImportArgs),
    Export(OfferExportArgs),
}

/// Imports the offers of a file; importing it again changes nothing
///
/// New offers are drafted with their text, their variants and their first stock, and listed if the
/// file says so. Of offers that are there, text, category and prices become those of the file, and
/// new variants are added; stock and state stay. Variants that the file does not have stay, too.
///
/// If one line is bad or one offer is refused, nothing is taken: every fault is listed with line
/// and column. Without --data the file is only read.
///
/// Exit status: 0 all of the file is in the books; 1 it is not.
#[derive(Args, Debug)]
#[command(after_long_help = JSON_HELP)]
pub struct OfferImportArgs {
    /// The file: CSV
    file: PathBuf,
    /// The format: doorstep-offers, shopify-products, woocommerce-products, or a profile file
    #[arg(long, value_name = "NAME|FILE", default_value = "doorstep-offers")]
    profile: String,
    /// The seller of all offers, if the file names none
    #[arg(long, value_name = "REFERENCE")]
    seller: Option<String>,
    /// The currency, if the file names none
    #[arg(long, value_name = "CODE")]
    currency: Option<String>,
    /// The category of offers for which the file names none
    #[arg(long, value_name = "NUMBER")]
    category: Option<u64>,
    /// The encoding of the file, such as gbk; a file with a byte-order mark needs none
    #[arg(long, value_name = "NAME")]
    encoding: Option<String>,
    /// The data directory
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Check only: say what would be taken and what would be refused, and write nothing
    #[arg(long, requires = "data")]
    check: bool,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

const JSON_HELP: &str = "\
What --json prints: one object.
  lines       lines of the file
  offers      offers that can be read; variants: of them
  left_out    lines that the profile leaves out, by reason
  errors      faults of lines (count); bad_lines: the first 1,000, each with line,
              column and reason
  refused     offers that the books refuse, each with line, offer and reason
  imported    false without --data, with --check, and if anything is bad or refused
  drafted     new offers; revised, variants_added, prices_set, units_added, listed:
              what changed of the others, and of their variants
  unchanged   offers that were so already
  not_listed  new offers that stay drafts, each with line, offer and reason";

/// Writes the offers as CSV, as the profile doorstep-offers reads them
///
/// A line for each variant, with the units that can be ordered. Offers that ended are left out.
/// What is written and imported again changes nothing.
#[derive(Args, Debug)]
pub struct OfferExportArgs {
    /// The data directory
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// Only offers of this seller
    #[arg(long, value_name = "REFERENCE")]
    seller: Option<String>,
    /// Write to this file, not to standard output
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// Who gives the commands of an import.
pub struct OfferGiver<'g> {
    pub client: &'g mut NodeClient,
    pub data: &'g Path,
    pub by: Actor,
    /// Only offers of these sellers are taken.
    pub sellers: Option<&'g BTreeSet<SellerId>>,
    /// Whether to end before the next commands.
    pub is_stopping: &'g dyn Fn() -> bool,
}

pub fn run(args: &OffersArgs) -> anyhow::Result<ExitCode> {
    match &args.task {
        OffersTask::Import(args) => carry_out(args, None).map(|()| ExitCode::SUCCESS),
        OffersTask::Export(args) => export(args).map(|()| ExitCode::SUCCESS),
    }
}

/// Imports into books that serve.
pub fn run_serving(args: &OfferImportArgs, giver: OfferGiver<'_>) -> anyhow::Result<()> {
    carry_out(args, Some(giver))
}

fn carry_out(args: &OfferImportArgs, giver: Option<OfferGiver<'_>>) -> anyhow::Result<()> {
    let mut profile = OfferProfile::find(&args.profile).context("--profile")?;
    if let Some(encoding) = &args.encoding {
        profile = profile.with_encoding(encoding).context("--encoding")?;
    }
    let currency = args.currency.as_deref().map(str::parse).transpose().context("--currency")?;
    let mut defaults =
        OfferDefaults { seller: args.seller.clone(), currency, category: args.category };
    given_files::open(&args.file)?;
    let mut done = ImportedOffers::default();
    match (giver, &args.data) {
        (Some(mut giver), _) => {
            if let (None, Some(own)) = (&defaults.seller, giver.sellers)
                && let (Some(only), 1) = (own.first().copied(), own.len())
            {
                // Whoever has one shop need not name it.
                let name =
                    move |engine: &Engine| engine.books().seller_reference(only).map(str::to_owned);
                defaults.seller = giver.client.query(name)?.0;
            }
            let found = read(args, &profile, &defaults)?;
            take(&mut giver, None, args, &found, &mut done)?;
            end(args, &profile, &found, &done)
        }
        (None, Some(data)) => {
            let found = read(args, &profile, &defaults)?;
            if found.bad == 0 {
                let opened = data_directory::open(data)?;
                let mut client = opened.node.client();
                // Books of simulated days live in virtual time, which stands still.
                let last_at = client.query(Engine::last_at)?.0;
                let at = Some(last_at).filter(|_| day::DayRecords::is_in(data));
                let mut giver = OfferGiver {
                    client: &mut client,
                    data,
                    by: Actor::System,
                    sellers: None,
                    is_stopping: &|| false,
                };
                take(&mut giver, at, args, &found, &mut done)?;
                drop(client);
                opened.node.stop()?;
            }
            end(args, &profile, &found, &done)
        }
        (None, None) => {
            let found = read(args, &profile, &defaults)?;
            end(args, &profile, &found, &done)
        }
    }
}

fn read(
    args: &OfferImportArgs,
    profile: &OfferProfile,
    defaults: &OfferDefaults,
) -> anyhow::Result<OfferImport> {
    let name = args.file.file_name().map(|name| name.to_string_lossy().into_owned());
    let file = File::open(&args.file).with_context(|| args.file.display().to_string())?;
    Ok(import(profile, defaults, &name.unwrap_or_default(), BufReader::new(file))?)
}

/// Prints what came of a file, and fails if not all of it was taken.
fn end(
    args: &OfferImportArgs,
    profile: &OfferProfile,
    found: &OfferImport,
    done: &ImportedOffers,
) -> anyhow::Result<()> {
    let lang = Lang::current();
    match args.json {
        true => print_json(profile, found, done),
        false => print_text(args.data.is_some(), args.check, profile, found, done),
    }
    if found.bad > 0 || !done.refused.is_empty() {
        let values: [(&str, &dyn std::fmt::Display); 2] =
            [("bad", &found.bad), ("refused", &done.refused.len())];
        bail!(filled(lang, "offers.nothing_taken", &values));
    }
    if found.offers.is_empty() {
        bail!(text(lang, "offers.none"));
    }
    if !done.not_listed.is_empty() {
        bail!(filled(lang, "offers.not_all_listed", &[("count", &done.not_listed.len())]));
    }
    Ok(())
}

/// Brings the market to what the file says, or says why not.
fn take(
    giver: &mut OfferGiver<'_>,
    at: Option<Timestamp>,
    args: &OfferImportArgs,
    found: &OfferImport,
    done: &mut ImportedOffers,
) -> anyhow::Result<()> {
    if found.bad > 0 {
        return Ok(());
    }
    let mut store = TextStore::open(giver.data)?;
    let of_file: Vec<OfferOfFile> = found.offers.iter().map(OfferOfFile::of).collect();
    let offers = of_file.clone();
    let contents = giver.client.query(move |engine| named_contents(engine, &offers))?.0;
    let mut texts = KnownTexts::new();
    for content in contents {
        if let Some(text) = store.get(content)? {
            texts.insert(content.0, text);
        }
    }
    let (offers, sellers) = (of_file, giver.sellers.cloned());
    let look = move |engine: &Engine| {
        let now = at.unwrap_or_else(|| SystemClock.now()).max(engine.last_at());
        plan(engine, now, &offers, sellers.as_ref(), &texts)
    };
    let planned = giver.client.query(look)?.0;
    done.unchanged = planned.unchanged;
    let told = |place: usize, why: String| {
        let offer = &found.offers[place];
        (offer.line, offer.reference.clone(), why)
    };
    let lang = Lang::current();
    done.refused = planned
        .refused
        .iter()
        .map(|(place, fault)| told(*place, chinese::error(fault, lang)))
        .collect();
    if args.check || !done.refused.is_empty() {
        return Ok(());
    }
    // Before the commands that name them.
    for offer in &planned.offers {
        if let Some(text) = &offer.text {
            store.put(text)?;
        }
    }
    done.imported = true;
    give(giver, at, &planned, done, &told)
}

type Told<'t> = dyn Fn(usize, String) -> (u32, String, String) + 't;

/// Gives the commands of a plan, some at once; those that show a text one by one.
fn give(
    giver: &mut OfferGiver<'_>,
    at: Option<Timestamp>,
    planned: &OfferPlan,
    done: &mut ImportedOffers,
    told: &Told<'_>,
) -> anyhow::Result<()> {
    let lang = Lang::current();
    let shows = |command: &MarketCommand| {
        matches!(command, MarketCommand::SetOfferState(_) | MarketCommand::ReviseOffer(_))
    };
    let all = planned
        .offers
        .iter()
        .flat_map(|offer| offer.commands.iter().map(move |command| (offer.place, command)));
    let (shown, others): (Vec<_>, Vec<_>) = all.partition(|(_, command)| shows(command));
    for some in others.chunks(COMMANDS_AT_ONCE) {
        check_stopping(giver)?;
        let submission = |(_, command): &(usize, &MarketCommand)| {
            (at, Submission::new(giver.by, Command::of_market((*command).clone())))
        };
        let answers = giver.client.execute(some.iter().map(submission).collect())?;
        for (answer, (place, command)) in answers.into_iter().zip(some) {
            match answer {
                Ok(_) | Err(engine::Refusal::Books(books::Refusal::Repeated)) => {
                    done.count(command);
                }
                Err(why) => done.late.push(told(*place, chinese::error(&why, lang))),
            }
        }
    }
    for (place, command) in shown {
        check_stopping(giver)?;
        match give_shown(giver, at, command)? {
            Ok(()) => done.count(command),
            Err(why) => done.not_listed.push(told(place, chinese::error(&why, lang))),
        }
    }
    if let Some((line, offer, why)) = done.late.first() {
        let values: [(&str, &dyn std::fmt::Display); 3] =
            [("line", line), ("offer", offer), ("why", why)];
        bail!(filled(lang, "offers.changed_meanwhile", &values));
    }
    Ok(())
}

fn check_stopping(giver: &OfferGiver<'_>) -> anyhow::Result<()> {
    if (giver.is_stopping)() {
        bail!(text(Lang::current(), "offers.stopping"));
    }
    Ok(())
}

/// Gives a command that shows a text. Where a policy is in force, the text is matched first.
fn give_shown(
    giver: &mut OfferGiver<'_>,
    at: Option<Timestamp>,
    command: &MarketCommand,
) -> anyhow::Result<Result<(), engine::Refusal>> {
    let (offer, content) = match command {
        MarketCommand::ReviseOffer(one) => (one.offer, Some(one.content)),
        MarketCommand::SetOfferState(one) => (one.offer, None),
        _ => unreachable!("only these show a text"),
    };
    let submission = || (at, Submission::new(giver.by, Command::of_market(command.clone())));
    let mut answer = giver.client.execute(vec![submission()])?.remove(0);
    if let Err(engine::Refusal::Policy(policy::PolicyRefusal::NotScreened(_))) = answer {
        let look = move |engine: &Engine| {
            let now = at.unwrap_or_else(|| SystemClock.now()).max(engine.last_at());
            TextToScreen::of(engine, (offer, content), now)
        };
        let store = TextStore::open(giver.data)?;
        match giver.client.query(look)?.0.and_then(|text| text.screen(&store)) {
            Ok(found) => {
                let found = Submission::new(Actor::System, Command::of_policy(found));
                // A refusal of it is answered by that of the command.
                giver.client.execute(vec![(at, found)])?;
                answer = giver.client.execute(vec![submission()])?.remove(0);
            }
            // The refusal asks for the text.
            Err(ScreenError::NoText(..)) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(match answer {
        Ok(_) | Err(engine::Refusal::Books(books::Refusal::Repeated)) => Ok(()),
        Err(why) => Err(why),
    })
}

fn export(args: &OfferExportArgs) -> anyhow::Result<()> {
    let lang = Lang::current();
    let head = data_directory::read_at_head(&args.data)?;
    let seller = match &args.seller {
        None => None,
        Some(name) => match head.books().seller_by_reference(name) {
            Some(seller) => Some(BTreeSet::from([seller])),
            None => bail!(filled(lang, "offers.no_seller", &[("seller", name)])),
        },
    };
    let offers = exported(&head.engine, head.engine.last_at(), seller.as_ref());
    drop(head);
    let offers = with_texts(offers, &TextStore::open(&args.data)?)?;
    let Some(out) = &args.out else {
        write_csv(stdout().lock(), offers)?;
        return Ok(());
    };
    data_directory::check_output(out)?;
    let count = offers.len();
    files::atomic::write_atomically(out, |to| write_csv(to, offers))?;
    let values: [(&str, &dyn std::fmt::Display); 2] = [("count", &count), ("file", &out.display())];
    say!("{}", filled(lang, "offers.exported", &values));
    Ok(())
}
