//! Orders in: `doorstep import`, and the orders of a day.

use crate::words::say;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::Args;
use engine::{Command, ParcelId, Refusal, SellerId};
use files::orders::{Import, ImportReport, import};
use files::profile::Profile;
use money::decimal::Decimal;

use crate::books;
use crate::words::{Lang, grouped};

/// Bad lines that are printed; the others are counted.
const BAD_LINES_SHOWN: usize = 20;

/// Reads orders by a profile.
pub fn read(path: &Path, profile: &str, seller: Option<&str>) -> anyhow::Result<Import> {
    let mut profile = Profile::find(profile).with_context(|| format!("--profile {profile}"))?;
    if let Some(seller) = seller {
        profile = profile.with_seller(seller).context("--seller")?;
    }
    import(&profile, path).with_context(|| format!("--orders {}", path.display()))
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
    for line in report.bad.iter().take(BAD_LINES_SHOWN) {
        say!("    {line}");
    }
    let more = report.bad_total().saturating_sub(BAD_LINES_SHOWN as u64);
    if more > 0 {
        say!("    {} {more}", lang.pick("and more:", "另有："));
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

/// Imports orders into the books: sellers that are new are registered, parcels that are new announced. What is
/// there already is left as it is, so importing the same file again changes nothing.
///
/// Without --data the file is only read and reported on.
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
    let tariff = crate::tariffs::load(&args.tariff)?;
    let opened = books::open_or_create(data)?;
    let mut client = opened.node.client();
    let before = client.look(|engine| engine.known_parcels())?.0;
    let setup = crate::setup::commands(&import, &tariff, &args.class)?;
    carry_out(&mut client, setup)?;
    let announcements = import.parcels.iter().map(|parcel| {
        let seller = SellerId::derived(&parcel.seller);
        Command::AnnounceParcel {
            parcel: ParcelId::derived(seller, &parcel.order),
            seller,
            currency: parcel.currency,
            due: parcel.amount_due,
            reference: parcel.order.to_string(),
        }
    });
    let announcements: Vec<Command> = announcements.collect();
    let refused = carry_out(&mut client, announcements)?;
    for (place, refusal) in refused.iter().take(BAD_LINES_SHOWN) {
        let parcel = &import.parcels[*place];
        say!("  {}: {} {}: {refusal}", parcel.place, lang.pick("order", "订单"), parcel.order);
    }
    let after = client.look(|engine| engine.known_parcels())?.0;
    drop(client);
    opened.node.stop()?;
    let new = after - before;
    say!(
        "{} {}; {} {}; {} {}",
        lang.pick("announced", "新登记"),
        grouped(&new.to_string()),
        lang.pick("there already", "已存在"),
        grouped(&(import.parcels.len() - new - refused.len()).to_string()),
        lang.pick("refused", "被拒"),
        grouped(&refused.len().to_string())
    );
    Ok(())
}

/// Carries out commands of which some may have been carried out before; gives back the others that were
/// refused, by their place.
fn carry_out(
    client: &mut node::Client,
    commands: Vec<Command>,
) -> anyhow::Result<Vec<(usize, Refusal)>> {
    let commands = commands.into_iter().map(|command| (None, command)).collect();
    let answers = client.carry_out(commands)?;
    let refused = answers.into_iter().enumerate().filter_map(|(place, answer)| match answer {
        Ok(_) | Err(Refusal::Repeated) => None,
        Err(refusal) => Some((place, refusal)),
    });
    Ok(refused.collect())
}
