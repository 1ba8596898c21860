//! `doorstep import`, and reading the orders of a day.

mod buyers;
mod json;
mod labels;
mod reading;
mod refusals;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};
use books::chart::AccountKind;
use books::{
    Command, Jurisdiction, ParcelId, PersonId, PublishTariff, Refusal, RegisterBank,
    RegisterSeller, SellerId, Timestamp,
};
use clap::Args;
use engine::{Actor, Engine, Submission};
use files::orders::rejects::{self, REASONS_MAX};
use files::orders::{BAD_LINES_KEPT_MAX, Import, ImportOptions, import};
use files::profile::Profile;
use node::{Clock, NodeClient, SystemClock};
use office::Persons;
use vault::{DeliveryCounts, Vault};

pub use self::reading::{
    LISTED_MAX, OrderFormatArgs, import_options, no_parcels, print_report, print_unlisted,
    print_warning, read,
};
use self::refusals::{
    announcement, changed_sellers, foreseen_refusals, last_shipments, of_other_sellers,
    other_spellings, refused_order, why_refused,
};
use crate::persons::{self, TwoNames};
use crate::serve::settings;
use crate::setup::{self, SetupCommands};
use crate::texts::text;
use crate::words::{Lang, bilingual, grouped, say};
use crate::{chinese, data_directory, day, tariffs, time_zone};

/// Imports orders into the books; importing them again changes nothing
///
/// Registers new sellers and announces new parcels. Existing sellers and parcels are not changed,
/// so importing the same file again changes nothing.
///
/// Bad lines and refused orders are listed with file and line; all other orders are imported. With
/// --rejects the bad lines are written to a file, to be mended and imported. With --strict nothing
/// is imported if anything is bad or refused. Without --data the file is only checked.
///
/// An order whose parcel was returned, lost or cancelled is refused, unless --reship is given. An
/// order that was announced for another seller is refused, unless --own-numbers is given.
///
/// Exit status: 0 all orders are in the books; 1 lines are bad, orders are refused, or the import
/// failed.
#[derive(Args, Debug)]
#[command(after_long_help = JSON_HELP)]
pub struct ImportArgs {
    /// The order file, or a directory with the files that the profile names
    #[arg(long, value_name = "PATH")]
    orders: PathBuf,
    /// The format of the orders: a profile that `doorstep profile list` names, or a profile file
    #[arg(long, value_name = "NAME|FILE")]
    profile: String,
    #[command(flatten)]
    format: OrderFormatArgs,
    /// The data directory. Where there are no books, trial books are opened with the flags below;
    /// `doorstep setup books` opens others
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Write bad lines, with their reason and the other lines of their orders, to this file; to a
    /// folder if --orders is one
    #[arg(long, value_name = "FILE")]
    rejects: Option<PathBuf>,
    /// Import nothing if a line is bad or an order is refused
    #[arg(long)]
    strict: bool,
    /// Ship orders again whose parcel was returned, lost or cancelled: announce their next parcel
    #[arg(long)]
    reship: bool,
    /// Sellers number their orders themselves: the same number of another seller is another order
    #[arg(long)]
    own_numbers: bool,
    /// The tariff of new sellers: a built-in tariff or a tariff file
    #[arg(long, value_name = "NAME|FILE", default_value = "china-2013")]
    tariff: PathBuf,
    /// The tariff class of new sellers
    #[arg(long, default_value = "general")]
    class: String,
    /// The country of new sellers, ISO 3166-1; two persons set its hold rule first (`doorstep setup
    /// hold-rule`)
    #[arg(long, value_name = "CODE", default_value = "CN", value_parser = jurisdiction)]
    jurisdiction: Jurisdiction,
    /// Write the waybill of each parcel that is in the books, for its label, to this file: CSV with
    /// order, seller, waybill, currency, amount_due
    #[arg(long, value_name = "FILE", requires = "data")]
    waybills: Option<PathBuf>,
    /// Write who gets each parcel into the waybills too, from the vault: name, phone, address. The
    /// books record before that it is shown to you
    #[arg(long, requires = "waybills")]
    with_buyers: bool,
    /// Check only: say what would be taken and what would be refused, and write nothing
    #[arg(long, requires = "data")]
    check: bool,
    /// Trial books: who opens them and publishes the tariff, a name in persons.toml or an id
    #[arg(long, value_name = "WHO", default_value = "1")]
    by: String,
    /// The second person, who approves that
    #[arg(long, value_name = "WHO", default_value = "2")]
    approved_by: String,
    /// The settings with the vault's key, doorstep.toml; not needed while Doorstep serves
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Leave out who the buyers are: nothing of them is kept
    #[arg(long)]
    no_buyers: bool,
    /// Print one JSON object, amounts in minor units
    #[arg(long)]
    json: bool,
}

const JSON_HELP: &str = "\
What --json prints: one object. Amounts are in minor units.
  files         the files read, each with its lines
  lines         taken, repeated, left_out and bad: each line is in one of them
  orders        different orders; taken, left_out and with_errors are its parts
  parcels       parcels taken
  sellers       their sellers
  amount_due    what is due on them, by currency
  statuses      orders by status, if the export has one
  left_out      orders that the profile leaves out: by status, and by reason with
                the values of the column
  errors        errors found (count); one makes all lines of its order bad
  bad_lines     the first 1,000 errors: file, line, column, reason, left_out
  warning       what the profile warns of
  rejects       lines written to --rejects
  imported      false without --data, with --check, and if --strict refused the
                import
  announced     new parcels
  existed       parcels that the books had
  refused       orders that the books refused, each with its reason
  buyers        parcels whose buyers the vault has: sealed now, unchanged,
                replaced, kept as they were, erased before; null without buyers";

fn jurisdiction(text: &str) -> Result<Jurisdiction, String> {
    let lang = Lang::current();
    let wrong = "write two capital letters of ISO 3166-1, such as CN or DE";
    text.parse()
        .map_err(|_| lang.pick(wrong, "请写 ISO 3166-1 的两个大写字母，例如 CN 或 DE").to_owned())
}

/// The result of an import in the books.
#[derive(Default)]
struct Announced {
    new: usize,
    existed: usize,
    refused: Vec<String>,
    /// `None` if the file names no buyers.
    buyers: Option<DeliveryCounts>,
    /// Lines written to --waybills.
    waybills: Option<usize>,
}

/// The most commands that wait in the queue at once while Doorstep serves: the door's commands wait
/// behind them.
const COMMANDS_AT_ONCE_SERVING: usize = 256;

/// Who gives the commands of an import, and how.
pub struct ImportGiver<'g> {
    pub client: &'g mut NodeClient,
    /// Of sellers and parcels.
    pub by: Actor,
    pub commands_at_once: usize,
    pub vault: Vault,
    /// Only orders of these sellers, who are in the books, are taken.
    pub sellers: Option<&'g BTreeSet<SellerId>>,
    /// Whether to end before the next commands.
    pub is_stopping: &'g dyn Fn() -> bool,
}

impl<'g> ImportGiver<'g> {
    /// A person or a key, while Doorstep serves.
    pub fn serving(
        client: &'g mut NodeClient,
        (by, sellers): (Actor, Option<&'g BTreeSet<SellerId>>),
        vault: Vault,
        is_stopping: &'g dyn Fn() -> bool,
    ) -> ImportGiver<'g> {
        let commands_at_once = COMMANDS_AT_ONCE_SERVING;
        ImportGiver { client, by, commands_at_once, vault, sellers, is_stopping }
    }
}

/// Imports into books at rest.
pub fn run(args: &ImportArgs) -> anyhow::Result<()> {
    carry_out_import(args, None)
}

/// Imports into books that serve.
pub fn run_serving(args: &ImportArgs, giver: ImportGiver<'_>) -> anyhow::Result<()> {
    carry_out_import(args, Some(giver))
}

fn carry_out_import(args: &ImportArgs, giver: Option<ImportGiver<'_>>) -> anyhow::Result<()> {
    let lang = Lang::current();
    let mut profile = args.format.profile(&args.profile)?;
    if let Some(giver) = &giver
        && let Some(own) = giver.sellers
        && let (Some(only), 1, true) = (own.first(), own.len(), profile.needs_seller())
    {
        // Whoever has one shop need not name it.
        let only = *only;
        let name = move |engine: &Engine| engine.books().seller_reference(only).map(str::to_owned);
        if let Some(name) = giver.client.query(name)?.0 {
            profile = profile.with_seller(&name).context("--seller")?;
        }
    }
    if args.no_buyers {
        profile = profile.without_buyers();
    }
    if let Some(file) = &args.rejects {
        rejects::check_target(&args.orders, file).context("--rejects")?;
    }
    let bad_lines_kept_max = if args.rejects.is_some() { REASONS_MAX } else { BAD_LINES_KEPT_MAX };
    let options = ImportOptions { bad_lines_kept_max, ..import_options(&args.format) };
    let mut import = import(&profile, &args.orders, &options).context("--orders")?;
    if !args.json {
        print_warning(&profile, lang);
        print_report(&import.report, lang);
    }
    let rejects = write_rejects(args, &profile, &import)?;
    let bad = import.report.lines.bad;
    let announced = match &args.data {
        _ if args.strict && bad > 0 => None,
        Some(_) if import.parcels.is_empty() => None,
        None => None,
        Some(data) => Some(announce(args, data, &profile, &mut import, giver)?),
    };
    let none = Announced::default();
    let (result, imported) = match &announced {
        Some(Ok(done)) => (done, true),
        Some(Err(refused)) => (refused, false),
        None => (&none, false),
    };
    if args.json {
        say!("{}", json::report(&profile, &import.report, rejects, imported, result));
    } else {
        print_result(args, result, imported, lang);
    }
    if args.data.is_some() && announced.is_none() && !(args.strict && bad > 0) {
        bail!(no_parcels(&args.orders, &import.report));
    }
    fail_if_left_out(args.strict, bad, result.refused.len())
}

fn write_rejects(
    args: &ImportArgs,
    profile: &Profile,
    import: &Import,
) -> anyhow::Result<Option<u64>> {
    let Some(file) = &args.rejects else { return Ok(None) };
    let lang = Lang::current();
    let words = rejects::Words {
        reason: &|line| chinese::bad_line_reason(line, lang),
        other_line: lang.pick("another line of this order is bad", "该订单的另一行有误"),
    };
    let written = rejects::write(profile, import, &args.orders, file, &words);
    let written = written.context("--rejects")?;
    if !args.json {
        let (file, lines) = (file.display(), grouped(&written.to_string()));
        say!("{}", bilingual!("Rejects: {file} (lines {lines})", "有误的行：{file}（{lines} 行）"));
    }
    Ok(Some(written))
}

/// Announces the parcels in the books. `Err` if --strict refuses the import; then nothing was
/// written. Without a giver the books are at rest.
fn announce(
    args: &ImportArgs,
    data: &Path,
    profile: &Profile,
    import: &mut Import,
    giver: Option<ImportGiver<'_>>,
) -> anyhow::Result<Result<Announced, Announced>> {
    let tariff = tariffs::load(&args.tariff).context("--tariff")?;
    let who = TwoNames { by: &args.by, approved_by: &args.approved_by };
    let (persons, new_names) = who.find_or_name(&Persons::read(data)?, setup::FIRST_PERSONS)?;
    let setup_of = |import: &Import| {
        setup::for_import(import, &tariff, &args.class, args.jurisdiction, persons)
    };
    if giver.as_ref().is_none_or(|giver| giver.sellers.is_none()) {
        setup_of(import)?;
    }
    // All checks that can fail come before the first write.
    let Some(mut giver) = giver else {
        let keys = args.config.as_deref().map(settings::office_keys).transpose()?;
        let (keys, master_from_environment) = keys.unwrap_or_default();
        let opened = match args.check {
            true => data_directory::open(data)?,
            false => data_directory::open_or_create(data)?,
        };
        let mut client = opened.node.client();
        let is_trial = client.query(|engine| engine.books().is_trial())?.0;
        settings::check_master(master_from_environment, is_trial)?;
        let mut vault = Vault::new(data, keys.vault);
        office::finish_erasures(&client, &mut vault)?;
        // Books of simulated days live in virtual time, which stands still between two days.
        let last_at = client.query(|engine| engine.last_at())?.0;
        let at = Some(last_at).filter(|_| day::DayRecords::is_in(data));
        let mut giver = ImportGiver {
            client: &mut client,
            by: Actor::System,
            commands_at_once: usize::MAX,
            vault,
            sellers: None,
            is_stopping: &|| false,
        };
        let done = announce_by(&mut giver, at, args, data, profile, import, &setup_of, &new_names)?;
        drop(client);
        opened.node.stop()?;
        return Ok(done);
    };
    announce_by(&mut giver, None, args, data, profile, import, &setup_of, &new_names)
}

#[allow(clippy::too_many_arguments, reason = "what an import is")]
fn announce_by(
    giver: &mut ImportGiver<'_>,
    at: Option<Timestamp>,
    args: &ImportArgs,
    data: &Path,
    profile: &Profile,
    import: &mut Import,
    setup_of: &dyn Fn(&Import) -> anyhow::Result<SetupCommands>,
    new_names: &[(PersonId, &str)],
) -> anyhow::Result<Result<Announced, Announced>> {
    let mut not_meant = match giver.sellers {
        // Whoever sends orders of one seller hears nothing of another.
        Some(own) => of_other_sellers(own, &import.parcels),
        None => other_spellings(giver.client, profile, &import.parcels)?,
    };
    if !args.own_numbers && giver.sellers.is_none() {
        not_meant.extend(changed_sellers(giver.client, data, &import.parcels)?);
    }
    if !not_meant.is_empty() {
        let mut place = 0..;
        import.parcels.retain(|_| !place.next().is_some_and(|one| not_meant.contains_key(&one)));
    }
    let setup = match giver.sellers {
        Some(_) => None,
        None => Some(setup_of(import)?),
    };
    let mut refused: Vec<String> = not_meant.into_values().collect();
    let last = last_shipments(giver.client, &import.parcels)?;
    let parcels = import.parcels.iter().zip(&last);
    let announcements: Vec<_> =
        parcels.map(|(parcel, last)| announcement(parcel, last, args.reship)).collect();
    let refusal_of = |place: usize, refusal: &Refusal| {
        let parcel = &import.parcels[place];
        refused_order(parcel, &why_refused(parcel, &last[place], refusal))
    };
    if args.strict || args.check {
        let foreseen = foreseen_refusals(giver.client, announcements.clone())?;
        refused.extend(foreseen.iter().map(|(place, refusal)| refusal_of(*place, refusal)));
        if args.check || !refused.is_empty() {
            return Ok(Err(Announced { refused, ..Announced::default() }));
        }
    }
    let parcels: Vec<ParcelId> = announcements.iter().map(|one| one.parcel).collect();
    let deliveries = buyers::deliveries(&import.parcels, &announcements, &last);
    if !deliveries.is_empty() && !giver.vault.has_key() {
        bail!(text(Lang::current(), "buyers.no_key"));
    }
    // Before anything is written that is to be shown.
    let shown_to = match args.with_buyers {
        true => Some(labels::reader(giver, data)?),
        false => None,
    };
    if let Some(setup) = setup {
        prepare(giver, setup, data, at)?;
        persons::name_missing(data, new_names)?;
    }
    // Before the parcels: whoever sees a parcel finds its buyer.
    let buyers = buyers::seal(&mut giver.vault, &deliveries)?;
    let announcements = announcements.into_iter().map(Command::AnnounceParcel).collect();
    let done = carry_out(giver, giver.by, announcements, at)?;
    let existed = import.parcels.len() - done.new - done.refused.len();
    refused.extend(done.refused.iter().map(|(place, _, refusal)| refusal_of(*place, refusal)));
    let without_parcel: Vec<ParcelId> = done
        .refused
        .iter()
        .filter(|(place, ..)| last[*place].is_none())
        .map(|(place, ..)| parcels[*place])
        .collect();
    if buyers.is_some() {
        giver.vault.erase_deliveries(&without_parcel)?;
    }
    let left_out: BTreeSet<usize> = done.refused.iter().map(|(place, ..)| *place).collect();
    let labels = import.parcels.iter().zip(&parcels).enumerate();
    let labels = labels.filter(|(place, _)| !left_out.contains(place)).map(|(_, label)| label);
    let waybills = match &args.waybills {
        None => None,
        Some(file) => Some(labels::write(giver, (data, file), labels.collect(), shown_to)?),
    };
    Ok(Ok(Announced { new: done.new, existed, refused, buyers, waybills }))
}

fn print_result(args: &ImportArgs, result: &Announced, imported: bool, lang: Lang) {
    for order in result.refused.iter().take(LISTED_MAX) {
        say!("  {order}");
    }
    print_unlisted(result.refused.len() as u64, lang);
    if args.data.is_none() {
        say!(
            "{}",
            lang.pick("Nothing was written: --data is missing.", "未写入：没有给出 --data。")
        );
    } else if args.check {
        say!("{}", lang.pick("Checked only: nothing was written.", "仅检查：未写入。"));
    } else if imported {
        let count = |count: usize| grouped(&count.to_string());
        let (new, existed) = (count(result.new), count(result.existed));
        let refused = count(result.refused.len());
        say!(
            "{}",
            bilingual!(
                "announced {new}; existed already {existed}; refused {refused}",
                "新登记 {new}；已存在 {existed}；被拒 {refused}"
            )
        );
        if let Some(buyers) = &result.buyers {
            say!("  {}", buyers::counts_text(buyers, lang));
        }
        if let (Some(file), Some(lines)) = (&args.waybills, result.waybills) {
            let (file, lines) = (file.display(), count(lines));
            say!("{}", bilingual!("Waybills: {file} ({lines})", "运单号：{file}（{lines} 个）"));
        }
    }
}

/// Fails if not all orders of the file are in the books.
fn fail_if_left_out(strict: bool, bad: u64, refused: usize) -> anyhow::Result<()> {
    let whole = bad == 0 && refused == 0;
    ensure!(
        whole || !strict,
        bilingual!(
            "--strict: nothing was imported: bad lines: {bad}, refused orders: {refused}; see \
             above",
            "--strict：未导入任何订单：有误的行 {bad}，被拒的订单 {refused}；见上文"
        )
    );
    ensure!(
        whole,
        bilingual!(
            "not all orders were taken: bad lines: {bad}, refused orders: {refused}; see above",
            "有订单未导入：有误的行 {bad}，被拒的订单 {refused}；见上文"
        )
    );
    Ok(())
}

/// Opens new books, and carries out the commands that the parcels need.
fn prepare(
    giver: &mut ImportGiver<'_>,
    setup: SetupCommands,
    data: &Path,
    at: Option<Timestamp>,
) -> anyhow::Result<()> {
    let now = at.unwrap_or_else(|| SystemClock.now());
    let (zone, _) = giver.client.query(move |engine| {
        let books = engine.books();
        let is_open = books.utc_offset_minutes_at(now).is_some();
        (is_open, books.time_zone().map(|zone| zone.zone.clone()))
    })?;
    match zone {
        (false, _) => {
            let zone = time_zone::resolve(time_zone::CHINA, now)?;
            carry_out(giver, Actor::System, setup::trial_opening_commands(&zone), at)?;
        }
        (true, None) => {}
        (true, Some(name)) => {
            let zone = time_zone::resolve(&name, now)?;
            let setting = move |engine: &Engine| zone.setting_for(engine.books(), now);
            let (setting, _) = giver.client.query(setting)?;
            let setting = setting.map(Command::SetTimeZone).into_iter().collect();
            carry_out(giver, Actor::System, setting, at)?;
        }
    }
    let ((is_trial, shared), _) = giver.client.query(move |engine| {
        // What the books have is not published again by others.
        let is_new = |command: &Command| match command {
            Command::PublishTariff(version) => !engine.books().has_tariff_version(version),
            Command::RegisterBank(RegisterBank { currency, .. }) => {
                let mut accounts = engine.books().accounts();
                !accounts.any(|one| one.kind == AccountKind::Bank && one.currency == *currency)
            }
            _ => true,
        };
        let shared: Vec<_> = setup.shared.into_iter().filter(is_new).collect();
        (engine.books().is_trial(), shared)
    })?;
    let unpublished = shared.iter().find_map(|command| match command {
        Command::PublishTariff(version) => Some((&version.reference, version.version)),
        _ => None,
    });
    // One user must not publish for two persons.
    if let (false, Some((tariff, version))) = (is_trial, unpublished) {
        bail!(bilingual!(
            "--tariff: the books do not have version {version} of `{tariff}`; two persons publish \
             it: `doorstep setup tariff FILE`. No parcel was announced",
            "--tariff：账簿中没有 `{tariff}` 的版本 {version}；须由两人发布：\
             `doorstep setup tariff FILE`。未登记包裹"
        ));
    }
    for (by, commands) in [(Actor::System, shared), (giver.by, setup.sellers)] {
        require_no_refusal(carry_out(giver, by, commands, at)?.refused, data)?;
    }
    Ok(())
}

/// Fails if the books refuse a command that the parcels need.
fn require_no_refusal(refused: Vec<(usize, Command, Refusal)>, data: &Path) -> anyhow::Result<()> {
    for (_, command, refusal) in refused {
        let what = match command {
            // An existing seller keeps its terms.
            Command::RegisterSeller(_) if refusal == Refusal::IdentifierTaken => continue,
            Command::RegisterSeller(RegisterSeller { reference, .. }) => {
                bilingual!("seller `{reference}`", "卖家 `{reference}`")
            }
            Command::PublishTariff(PublishTariff { reference, .. })
                if refusal == Refusal::IdentifierTaken =>
            {
                bail!(bilingual!(
                    "--tariff: the books in {0} have other terms under the name `{reference}`; add \
                     a version with a start date to change a tariff, or give another tariff \
                     another name. No parcel was announced",
                    "--tariff：{0} 的账簿中 `{reference}` 的条款不同；\
                     更改费率请增加有起始日的版本，\
                     另一费率请用另一名称。未登记任何包裹",
                    data.display()
                ));
            }
            Command::PublishTariff(PublishTariff { reference, version, .. }) => {
                bilingual!(
                    "version {version} of the tariff `{reference}`",
                    "费率 `{reference}` 的版本 {version}"
                )
            }
            command => format!("{command:?}"),
        };
        let refusal = chinese::refusal(&refusal, Lang::current());
        bail!(bilingual!(
            "--data {0}: the books refuse {what}: {refusal}. No parcel was announced",
            "--data {0}：账簿拒绝{what}：{refusal}。未登记任何包裹",
            data.display()
        ));
    }
    Ok(())
}

/// What became of commands.
#[derive(Default)]
struct GivenCommands {
    /// Carried out now, not before.
    new: usize,
    /// With their indexes. A command that was carried out before is not refused.
    refused: Vec<(usize, Command, Refusal)>,
}

/// Carries out commands, some at once.
fn carry_out(
    giver: &mut ImportGiver<'_>,
    by: Actor,
    commands: Vec<Command>,
    at: Option<Timestamp>,
) -> anyhow::Result<GivenCommands> {
    let mut done = GivenCommands::default();
    let mut commands = commands.into_iter().enumerate();
    loop {
        let some: Vec<_> = commands.by_ref().take(giver.commands_at_once).collect();
        if some.is_empty() {
            return Ok(done);
        }
        ensure!(
            !(giver.is_stopping)(),
            Lang::current().pick(
                "this Doorstep is stopping, so the import ended before its end; import again: what \
                 is in the books already stays as it is",
                "Doorstep 正在停止，导入未完成即结束；请重新导入：已在账簿中的不受影响"
            )
        );
        let submission =
            |(_, command): &(usize, Command)| (at, Submission::new(by, command.clone()));
        let answers = giver.client.execute(some.iter().map(submission).collect())?;
        for (answer, (place, command)) in answers.into_iter().zip(some) {
            match answer.map_err(engine::Refusal::into_books) {
                Ok(_) => done.new += 1,
                Err(Refusal::Repeated) => {}
                Err(refusal) => done.refused.push((place, command, refusal)),
            }
        }
    }
}
