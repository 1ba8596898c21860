//! `doorstep import`, and reading the orders of a day.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};
use books::view::ParcelState;
use books::{AnnounceParcel, Command, ParcelId, PublishTariff, Refusal, RegisterSeller, SellerId};
use clap::Args;
use engine::{Actor, Submission};
use files::orders::{Import, ImportReport, OrderParcel, import};
use files::profile::Profile;
use money::decimal::DecimalAmount;
use node::NodeClient;

use crate::setup::{self, SetupCommands};
use crate::words::{Lang, bilingual, grouped, say};
use crate::{chinese, data_directory, tariffs};

/// The most bad lines and refused orders that are listed. The others are only counted.
pub const LISTED_MAX: usize = 20;

/// Reads an order export with a profile.
pub fn read(path: &Path, profile: &str, seller: Option<&str>) -> anyhow::Result<Import> {
    let mut profile = Profile::find(profile).context("--profile")?;
    if let Some(seller) = seller {
        profile = profile.with_seller(seller).context("--seller")?;
    }
    ensure!(
        !profile.needs_seller(),
        bilingual!(
            "--seller is missing: the profile `{0}` reads an export without sellers; name the \
             seller",
            "缺少 --seller：导入模板 `{0}` 读取的文件不含卖家；请指定卖家",
            profile.name()
        )
    );
    import(&profile, path).context("--orders")
}

/// Prints what an import took and what it left out.
pub fn print_report(report: &ImportReport, lang: Lang) {
    let lines: u64 = report.files.iter().map(|file| file.lines).sum();
    let files: Vec<&str> = report.files.iter().map(|file| &*file.file).collect();
    let count = |count: u64| grouped(&count.to_string());
    let (files, lines) = (files.join(lang.pick(", ", "、")), count(lines));
    say!(
        "{}",
        bilingual!("Orders read: {files} (lines {lines})", "读入订单：{files}（{lines} 行）")
    );
    let orders = count(report.orders);
    let (parcels, sellers) = (count(report.parcels), count(report.sellers));
    say!(
        "  {}",
        bilingual!(
            "orders {orders}, parcels {parcels}, sellers {sellers}",
            "订单 {orders}，包裹 {parcels}，卖家 {sellers}"
        )
    );
    for (currency, due) in &report.amount_due {
        let due = i128::try_from(*due).unwrap_or(i128::MAX);
        say!(
            "  {} {} {currency}",
            lang.pick("amount due", "应收"),
            grouped(&DecimalAmount::of_balance(due, *currency).to_string())
        );
    }
    for (status, orders) in &report.orders_by_status {
        let orders = count(*orders);
        say!("  {}", bilingual!("status {status}: {orders}", "状态 {status}：{orders}"));
    }
    for (reason, orders) in &report.left_out_by_reason {
        let reason = chinese::left_out_reason(reason, lang);
        let orders = count(*orders);
        say!("  {}", bilingual!("left out, {reason}: {orders}", "未导入，{reason}：{orders}"));
    }
    if report.repeated_lines > 0 {
        let lines = count(report.repeated_lines);
        say!("  {}", bilingual!("repeated lines: {lines}", "重复行：{lines}"));
    }
    print_bad(report, lang);
}

fn print_bad(report: &ImportReport, lang: Lang) {
    if report.bad_total() == 0 {
        return;
    }
    let bad = grouped(&report.bad_total().to_string());
    say!("  {}", bilingual!("bad lines: {bad}", "有误的行：{bad}"));
    for line in report.bad_lines.iter().take(LISTED_MAX) {
        say!("    {}", chinese::bad_line(line, lang));
    }
    print_unlisted(report.bad_total(), lang);
}

fn print_unlisted(all: u64, lang: Lang) {
    let more = all.saturating_sub(LISTED_MAX as u64);
    if more > 0 {
        let more = grouped(&more.to_string());
        say!("    {}", lang.pick("and more: ", "另有：").to_owned() + &more);
    }
}

/// The error for an import without parcels.
pub fn no_parcels(orders: &Path, report: &ImportReport) -> String {
    let (orders, why) = (orders.display(), why_no_parcels(report));
    bilingual!("{orders}: it has no parcels\n{why}", "{orders}：没有包裹\n{why}")
}

/// One reason per line.
fn why_no_parcels(report: &ImportReport) -> String {
    let lang = Lang::current();
    let mut why: Vec<String> = Vec::new();
    for (status, orders) in &report.orders_by_status {
        why.push(bilingual!(
            "{orders} orders have the status {status}",
            "{orders} 个订单的状态为 {status}"
        ));
    }
    for (reason, orders) in &report.left_out_by_reason {
        let reason = chinese::left_out_reason(reason, lang);
        why.push(bilingual!(
            "{orders} orders were left out: {reason}",
            "{orders} 个订单未导入：{reason}"
        ));
    }
    why.extend(report.bad_lines.iter().take(5).map(|line| chinese::bad_line(line, lang)));
    if why.is_empty() {
        why.push(lang.pick("the file has no orders", "文件中没有订单").into());
    }
    format!("  {}", why.join("\n  "))
}

/// Imports orders into the books; importing them again changes nothing
///
/// Registers new sellers and announces new parcels. Existing sellers and parcels are not changed,
/// so importing the same file again changes nothing.
///
/// Bad lines and refused orders are listed with file and line; all other orders are imported.
/// Without --data the file is only checked.
#[derive(Args, Debug)]
pub struct ImportArgs {
    /// The order file, or a directory with the files that the profile names
    #[arg(long, value_name = "PATH")]
    orders: PathBuf,
    /// The format of the orders: olist, shopify, woocommerce, doorstep, or a profile file
    #[arg(long, value_name = "NAME|FILE")]
    profile: String,
    /// The seller, if the export does not name one
    #[arg(long, value_name = "REFERENCE")]
    seller: Option<String>,
    /// The data directory; new books are opened with the flags below
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// The tariff of new sellers: a built-in tariff or a tariff file
    #[arg(long, value_name = "NAME|FILE", default_value = "china-2013")]
    tariff: PathBuf,
    /// The tariff class of new sellers
    #[arg(long, default_value = "general")]
    class: String,
}

pub fn run(args: &ImportArgs) -> anyhow::Result<()> {
    let lang = Lang::current();
    let import = read(&args.orders, &args.profile, args.seller.as_deref())?;
    print_report(&import.report, lang);
    let Some(data) = &args.data else {
        say!(
            "{}",
            lang.pick("Nothing was written: --data is missing.", "未写入：没有给出 --data。")
        );
        return Ok(());
    };
    if import.parcels.is_empty() {
        bail!(no_parcels(&args.orders, &import.report));
    }
    let tariff = tariffs::load(&args.tariff).context("--tariff")?;
    let setup = setup::for_import(&import, &tariff, &args.class)?;
    // All checks that can fail come before the first write.
    let opened = data_directory::open_or_create(data)?;
    let mut client = opened.node.client();
    prepare(&mut client, setup, data)?;
    let (before, _) = client.query(|engine| engine.books().known_parcel_count())?;
    let announcements = import.parcels.iter().map(announcement).collect();
    let refused = carry_out(&mut client, announcements)?;
    for (place, _, refusal) in refused.iter().take(LISTED_MAX) {
        let parcel = &import.parcels[*place];
        let why = why_refused(&client, parcel, refusal)?;
        let OrderParcel { location, order, .. } = parcel;
        say!(
            "  {}",
            bilingual!("{location}: order `{order}`: {why}", "{location}：订单 `{order}`：{why}")
        );
    }
    print_unlisted(refused.len() as u64, lang);
    let (after, _) = client.query(|engine| engine.books().known_parcel_count())?;
    drop(client);
    opened.node.stop()?;
    let new = after - before;
    let count = |count: usize| grouped(&count.to_string());
    let existed = count(import.parcels.len() - new - refused.len());
    let (new, refused) = (count(new), count(refused.len()));
    say!(
        "{}",
        bilingual!(
            "announced {new}; existed already {existed}; refused {refused}",
            "新登记 {new}；已存在 {existed}；被拒 {refused}"
        )
    );
    Ok(())
}

fn announcement(parcel: &OrderParcel) -> Command {
    let seller = SellerId::derived(&parcel.seller);
    Command::AnnounceParcel(AnnounceParcel {
        parcel: ParcelId::derived(seller, &parcel.order),
        seller,
        currency: parcel.currency,
        due: parcel.amount_due,
        reference: parcel.order.to_string(),
    })
}

/// Opens new books, and carries out the commands that the parcels need.
fn prepare(client: &mut NodeClient, setup: SetupCommands, data: &Path) -> anyhow::Result<()> {
    let (is_open, _) = client.query(|engine| engine.books().utc_offset_minutes().is_some())?;
    if !is_open {
        carry_out(client, setup::opening_commands())?;
    }
    for commands in [setup.shared, setup.sellers] {
        require_no_refusal(carry_out(client, commands)?, data)?;
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

/// Why the books refuse a parcel, in the terms of the order file.
fn why_refused(
    client: &NodeClient,
    parcel: &OrderParcel,
    refusal: &Refusal,
) -> anyhow::Result<String> {
    let currency = parcel.currency;
    let id = ParcelId::derived(SellerId::derived(&parcel.seller), &parcel.order);
    let (known, _) = client.query(move |engine| engine.books().parcel_view(id))?;
    Ok(match (refusal, known) {
        (Refusal::IdentifierTaken, Some(known)) if known.state == ParcelState::Announced => {
            bilingual!(
                "it was announced with {0} {currency}, but the file says {1}; the books keep the \
                 announced amount. Correct the file, or give the order another reference",
                "已登记的金额为 {0} {currency}，文件中为 {1}；账簿保留已登记的金额。请更正文件，\
                 或给订单另一编号",
                DecimalAmount::of(known.due, currency),
                DecimalAmount::of(parcel.amount_due, currency)
            )
        }
        (Refusal::IdentifierTaken, Some(_)) => bilingual!(
            "it was announced before with another amount; the books keep the announced amount. \
             Correct the file, or give the order another reference",
            "此前已按其他金额登记；账簿保留已登记的金额。请更正文件，或给订单另一编号"
        ),
        (Refusal::CurrencyWithoutAccount(_), _) => bilingual!(
            "its seller `{0}` has no account in {currency}: a seller has one currency. Use another \
             seller for orders in {currency}",
            "卖家 `{0}` 没有 {currency} 账户：一个卖家只用一种货币。{currency} 的订单请用另一卖家",
            parcel.seller
        ),
        (refusal, _) => chinese::refusal(refusal, Lang::current()),
    })
}

/// Carries out commands. Returns the refused ones with their indexes; a command that was carried
/// out before is not refused.
fn carry_out(
    client: &mut NodeClient,
    commands: Vec<Command>,
) -> anyhow::Result<Vec<(usize, Command, Refusal)>> {
    let submission = |command: &Command| Submission::new(Actor::System, command.clone());
    let request = commands.iter().map(|command| (None, submission(command))).collect();
    let answers = client.execute(request)?.into_iter();
    let answers = answers.map(|answer| answer.map_err(engine::Refusal::into_books));
    let answered = answers.zip(commands).enumerate();
    let refused = answered.filter_map(|(place, (answer, command))| match answer {
        Ok(_) | Err(Refusal::Repeated) => None,
        Err(refusal) => Some((place, command, refusal)),
    });
    Ok(refused.collect())
}
