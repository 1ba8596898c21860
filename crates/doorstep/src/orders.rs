//! Orders in: `doorstep import`, and the orders of a day.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};
use clap::Args;
use engine::{Command, ParcelId, Refusal, SellerId};
use files::orders::{Import, ImportReport, OrderParcel, import};
use files::profile::Profile;
use money::decimal::Decimal;
use node::Client;

use crate::setup::{self, Setup};
use crate::words::{Lang, grouped, say};
use crate::{books, tariffs};

/// Bad lines, and orders that the books refuse, that are named; the others are counted.
pub const NAMED_MAX: usize = 20;

/// Reads orders by a profile.
pub fn read(path: &Path, profile: &str, seller: Option<&str>) -> anyhow::Result<Import> {
    let mut profile = Profile::find(profile).context("--profile")?;
    if let Some(seller) = seller {
        profile = profile.with_seller(seller).context("--seller")?;
    }
    ensure!(
        !profile.needs_seller(),
        "--seller is missing: the profile `{}` reads an export without sellers; say whose orders \
         they are",
        profile.name()
    );
    import(&profile, path).context("--orders")
}

/// Says what an import took and what it left out.
pub fn print_report(report: &ImportReport, lang: Lang) {
    let lines: u64 = report.files.iter().map(|file| file.lines).sum();
    let files: Vec<&str> = report.files.iter().map(|file| &*file.file).collect();
    say!(
        "{} {} ({})",
        lang.pick("Orders read:", "读入订单："),
        files.join(", "),
        lang.pick("lines", "行").to_owned() + " " + &grouped(&lines.to_string())
    );
    let count = |count: u64| grouped(&count.to_string());
    say!(
        "  {} {}, {} {}, {} {}",
        lang.pick("orders", "订单"),
        count(report.orders),
        lang.pick("parcels", "包裹"),
        count(report.parcels),
        lang.pick("sellers", "卖家"),
        count(report.sellers)
    );
    for (currency, due) in &report.amount_due {
        let due = i128::try_from(*due).unwrap_or(i128::MAX);
        say!(
            "  {} {} {currency}",
            lang.pick("amount due", "应收"),
            grouped(&Decimal::of_balance(due, *currency).to_string())
        );
    }
    for (status, orders) in &report.orders_by_status {
        say!("  {} {status}: {}", lang.pick("status", "状态"), count(*orders));
    }
    for (reason, orders) in &report.left_out_by_reason {
        say!("  {} {reason}: {}", lang.pick("left out,", "未取，"), count(*orders));
    }
    if report.repeated_lines > 0 {
        say!(
            "  {} {}",
            lang.pick("lines that repeat others:", "重复行："),
            count(report.repeated_lines)
        );
    }
    print_bad(report, lang);
}

fn print_bad(report: &ImportReport, lang: Lang) {
    if report.bad_total() == 0 {
        return;
    }
    say!("  {} {}", lang.pick("bad:", "有误："), grouped(&report.bad_total().to_string()));
    for line in report.bad.iter().take(NAMED_MAX) {
        say!("    {line}");
    }
    say_how_many_more(report.bad_total(), lang);
}

fn say_how_many_more(all: u64, lang: Lang) {
    let more = all.saturating_sub(NAMED_MAX as u64);
    if more > 0 {
        say!("    {} {}", lang.pick("and more:", "另有："), grouped(&more.to_string()));
    }
}

/// Why an import has no parcel.
pub fn why_none(report: &ImportReport) -> String {
    let mut why: Vec<String> = Vec::new();
    for (status, orders) in &report.orders_by_status {
        why.push(format!("{orders} orders have the status {status}"));
    }
    for (reason, orders) in &report.left_out_by_reason {
        why.push(format!("{orders} orders were left out: {reason}"));
    }
    why.extend(report.bad.iter().take(5).map(ToString::to_string));
    if why.is_empty() {
        why.push("the file has no orders".into());
    }
    format!("  {}", why.join("\n  "))
}

/// Takes orders into the books; taken again, they change nothing.
///
/// Imports orders into the books: sellers that are new are registered, parcels that are new
/// announced. What is there already is left as it is, so importing the same file again changes
/// nothing.
///
/// Lines that cannot be read, and orders that the books refuse, are named with file and line; the
/// rest is taken. Without --data the file is only read and reported on.
#[derive(Args, Debug)]
pub struct ImportArgs {
    /// The orders: a file, or a directory with the files that the profile names
    #[arg(long, value_name = "PATH")]
    orders: PathBuf,
    /// How the orders are written: olist, shopify, woocommerce, doorstep, or a profile file
    #[arg(long, value_name = "NAME|FILE")]
    profile: String,
    /// The seller, where a shop's export does not name one
    #[arg(long, value_name = "REFERENCE")]
    seller: Option<String>,
    /// The books to announce the parcels in; new books are opened with the flags below
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// For new sellers: what it costs, a tariff file or a shipped one
    #[arg(long, value_name = "NAME|FILE", default_value = "china-2013")]
    tariff: PathBuf,
    /// For new sellers: the class in that tariff
    #[arg(long, default_value = "general")]
    class: String,
    /// The language; without it, the environment's
    #[arg(long, value_enum)]
    lang: Option<Lang>,
}

/// Imports.
pub fn run(args: &ImportArgs) -> anyhow::Result<()> {
    let lang = books::language(args.lang);
    let import = read(&args.orders, &args.profile, args.seller.as_deref())?;
    print_report(&import.report, lang);
    let Some(data) = &args.data else {
        say!(
            "{}",
            lang.pick("Nothing was written: no --data was given.", "未写入：没有给出 --data。")
        );
        return Ok(());
    };
    if import.parcels.is_empty() {
        bail!("{}: there is no parcel in it\n{}", args.orders.display(), why_none(&import.report));
    }
    let tariff = tariffs::load(&args.tariff).context("--tariff")?;
    let setup = setup::of_import(&import, &tariff, &args.class)?;
    // Whatever makes no import was said before anything is written.
    let opened = books::open_or_create(data)?;
    let mut client = opened.node.client();
    prepare(&mut client, setup, data)?;
    let (before, _) = client.look(|engine| engine.known_parcels())?;
    let announcements = import.parcels.iter().map(announcement).collect();
    let refused = carry_out(&mut client, announcements)?;
    for (place, _, refusal) in refused.iter().take(NAMED_MAX) {
        let parcel = &import.parcels[*place];
        let why = why_refused(&client, parcel, refusal)?;
        say!("  {}: {} `{}`: {why}", parcel.place, lang.pick("order", "订单"), parcel.order);
    }
    say_how_many_more(refused.len() as u64, lang);
    let (after, _) = client.look(|engine| engine.known_parcels())?;
    drop(client);
    opened.node.stop()?;
    let new = after - before;
    let count = |count: usize| grouped(&count.to_string());
    say!(
        "{} {}; {} {}; {} {}",
        lang.pick("announced", "新登记"),
        count(new),
        lang.pick("there already", "已存在"),
        count(import.parcels.len() - new - refused.len()),
        lang.pick("refused", "被拒"),
        count(refused.len())
    );
    Ok(())
}

fn announcement(parcel: &OrderParcel) -> Command {
    let seller = SellerId::derived(&parcel.seller);
    Command::AnnounceParcel {
        parcel: ParcelId::derived(seller, &parcel.order),
        seller,
        currency: parcel.currency,
        due: parcel.amount_due,
        reference: parcel.order.to_string(),
    }
}

/// Opens the books where they are new, and registers what the parcels need.
fn prepare(client: &mut Client, setup: Setup, data: &Path) -> anyhow::Result<()> {
    let (is_open, _) = client.look(|engine| engine.utc_offset_minutes().is_some())?;
    if !is_open {
        carry_out(client, setup::opening())?;
    }
    for commands in [setup.shared, setup.sellers] {
        no_refusal(carry_out(client, commands)?, data)?;
    }
    Ok(())
}

/// Ends an import of which the books refuse something that its parcels need.
fn no_refusal(refused: Vec<(usize, Command, Refusal)>, data: &Path) -> anyhow::Result<()> {
    for (_, command, refusal) in refused {
        let what = match command {
            // A seller that is known keeps its terms.
            Command::RegisterSeller { .. } if refusal == Refusal::IdentifierTaken => continue,
            Command::RegisterSeller { reference, .. } => format!("seller `{reference}`"),
            Command::PublishTariff { reference, .. } if refusal == Refusal::IdentifierTaken => {
                bail!(
                    "--tariff: the books in {} have other terms under the name `{reference}`; a \
                     tariff changes by a version with a date, and another tariff needs another \
                     name. No parcel was announced",
                    data.display()
                );
            }
            Command::PublishTariff { reference, version, .. } => {
                format!("version {version} of the tariff `{reference}`")
            }
            command => format!("{command:?}"),
        };
        bail!(
            "--data {}: the books refuse {what}: {refusal}. No parcel was announced",
            data.display()
        );
    }
    Ok(())
}

/// Why the books refuse a parcel, in the words of whoever has the file.
fn why_refused(client: &Client, parcel: &OrderParcel, refusal: &Refusal) -> anyhow::Result<String> {
    let currency = parcel.currency;
    let id = ParcelId::derived(SellerId::derived(&parcel.seller), &parcel.order);
    let (known, _) = client.look(move |engine| engine.parcel_view(id))?;
    Ok(match (refusal, known) {
        (Refusal::IdentifierTaken, Some(known)) => format!(
            "it was announced with {} {currency}, the file says {}; the books keep what was \
             announced. Mend the file, or give the order another reference",
            Decimal::of(known.due, currency),
            Decimal::of(parcel.amount_due, currency)
        ),
        (Refusal::CurrencyWithoutAccount(_), _) => format!(
            "its seller `{}` has no account in {currency}: a seller sells in one currency. Give \
             what is sold in {currency} a seller of its own",
            parcel.seller
        ),
        (refusal, _) => refusal.to_string(),
    })
}

/// Carries out commands of which some may have been carried out before; gives back the others that
/// were refused, with their places.
fn carry_out(
    client: &mut Client,
    commands: Vec<Command>,
) -> anyhow::Result<Vec<(usize, Command, Refusal)>> {
    let letter = commands.iter().map(|command| (None, command.clone())).collect();
    let answers = client.carry_out(letter)?;
    let answered = answers.into_iter().zip(commands).enumerate();
    let refused = answered.filter_map(|(place, (answer, command))| match answer {
        Ok(_) | Err(Refusal::Repeated) => None,
        Err(refusal) => Some((place, command, refusal)),
    });
    Ok(refused.collect())
}
