//! `doorstep import`, and reading the orders of a day.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};
use books::view::{ParcelState, ParcelView};
use books::{
    AnnounceParcel, Command, ParcelId, PublishTariff, Refusal, RegisterSeller,
    SHIPMENTS_PER_ORDER_MAX, SellerId, Timestamp,
};
use clap::Args;
use engine::{Actor, Submission};
use files::orders::{Import, ImportReport, OrderParcel, import};
use files::profile::Profile;
use money::decimal::DecimalAmount;
use node::{Clock, NodeClient, SystemClock};

use crate::persons::{self, ApprovalArgs, PersonNames};
use crate::setup::{self, SetupCommands};
use crate::words::{Lang, bilingual, grouped, say};
use crate::{chinese, data_directory, day, tariffs, time_zone};

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
///
/// An order whose parcel was returned or lost is refused, unless --reship is given. An order that
/// was announced for another seller is refused, unless --own-numbers is given.
///
/// Exit status: 0 all orders are in the books; 1 lines are bad, orders are refused, or the import
/// failed.
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
    /// Ship orders again whose parcel was returned or lost: announce their next parcel
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
    /// Who publishes the tariff and opens new books: a name in persons.toml, or an id
    #[arg(long, value_name = "WHO", default_value = "1")]
    by: String,
    /// The second person, who approves that
    #[arg(long, value_name = "WHO", default_value = "2")]
    approved_by: String,
}

pub fn run(args: &ImportArgs) -> anyhow::Result<()> {
    let lang = Lang::current();
    let mut import = read(&args.orders, &args.profile, args.seller.as_deref())?;
    print_report(&import.report, lang);
    let Some(data) = &args.data else {
        say!(
            "{}",
            lang.pick("Nothing was written: --data is missing.", "未写入：没有给出 --data。")
        );
        return fail_if_left_out(&import.report, 0);
    };
    if import.parcels.is_empty() {
        bail!(no_parcels(&args.orders, &import.report));
    }
    let tariff = tariffs::load(&args.tariff).context("--tariff")?;
    let who = ApprovalArgs { by: args.by.clone(), approved_by: args.approved_by.clone() };
    let (persons, new_names) = PersonNames::read(data)?.find_or_name(&who, setup::FIRST_PERSONS)?;
    let mut setup = setup::for_import(&import, &tariff, &args.class, persons)?;
    // All checks that can fail come before the first write.
    let opened = data_directory::open_or_create(data)?;
    let mut client = opened.node.client();
    // Books of simulated days live in virtual time, which stands still between two days.
    let last_at = client.query(|engine| engine.last_at())?.0;
    let at = Some(last_at).filter(|_| day::DayRecords::is_in(data));
    let mut refused: Vec<String> = Vec::new();
    if !args.own_numbers {
        let changed = changed_sellers(&client, data, &import.parcels)?;
        if !changed.is_empty() {
            let mut place = 0..;
            import.parcels.retain(|_| !place.next().is_some_and(|one| changed.contains_key(&one)));
            setup = setup::for_import(&import, &tariff, &args.class, persons)?;
            refused.extend(changed.into_values());
        }
    }
    prepare(&mut client, setup, data, at)?;
    persons::name_missing(data, &new_names)?;
    let (before, _) = client.query(|engine| engine.books().known_parcel_count())?;
    let last = last_shipments(&client, &import.parcels)?;
    let parcels = import.parcels.iter().zip(&last);
    let announcements = parcels.map(|(parcel, last)| announcement(parcel, last, args.reship));
    let not_announced = carry_out(&mut client, announcements.collect(), at)?;
    for (place, _, refusal) in &not_announced {
        let parcel = &import.parcels[*place];
        refused.push(refused_order(parcel, &why_refused(parcel, &last[*place], refusal)));
    }
    for order in refused.iter().take(LISTED_MAX) {
        say!("  {order}");
    }
    print_unlisted(refused.len() as u64, lang);
    let (after, _) = client.query(|engine| engine.books().known_parcel_count())?;
    drop(client);
    opened.node.stop()?;
    let new = after - before;
    let count = |count: usize| grouped(&count.to_string());
    let existed = count(import.parcels.len() - new - not_announced.len());
    let not_taken = refused.len();
    let (new, refused) = (count(new), count(not_taken));
    say!(
        "{}",
        bilingual!(
            "announced {new}; existed already {existed}; refused {refused}",
            "新登记 {new}；已存在 {existed}；被拒 {refused}"
        )
    );
    fail_if_left_out(&import.report, not_taken)
}

/// Fails if not all orders of the file are in the books.
fn fail_if_left_out(report: &ImportReport, refused: usize) -> anyhow::Result<()> {
    let bad = report.bad_total();
    ensure!(
        bad == 0 && refused == 0,
        bilingual!(
            "not all orders were taken: bad lines: {bad}, refused orders: {refused}; see above",
            "有订单未导入：有误的行 {bad}，被拒的订单 {refused}；见上文"
        )
    );
    Ok(())
}

fn refused_order(parcel: &OrderParcel, why: &str) -> String {
    let OrderParcel { location, order, .. } = parcel;
    bilingual!("{location}: order `{order}`: {why}", "{location}：订单 `{order}`：{why}")
}

/// Number and state of an order's last shipment, if the books know one.
type LastShipment = Option<(u8, ParcelView)>;

fn last_shipments(
    client: &NodeClient,
    parcels: &[OrderParcel],
) -> anyhow::Result<Vec<LastShipment>> {
    let first: Vec<ParcelId> = parcels.iter().map(first_shipment).collect();
    let (last, _) = client.query(move |engine| {
        first.into_iter().map(|first| engine.books().last_shipment(first)).collect()
    })?;
    Ok(last)
}

fn first_shipment(parcel: &OrderParcel) -> ParcelId {
    ParcelId::derived(SellerId::derived(&parcel.seller), &parcel.order)
}

const fn is_returned_or_lost(state: ParcelState) -> bool {
    matches!(state, ParcelState::Returned | ParcelState::Lost)
}

/// The announcement of an order's first or last shipment, or of its next one.
fn announcement(parcel: &OrderParcel, last: &LastShipment, reship: bool) -> Command {
    let shipment = match last {
        None => 1,
        Some((number, view)) if reship && is_returned_or_lost(view.state) => {
            (number + 1).min(SHIPMENTS_PER_ORDER_MAX)
        }
        Some((number, _)) => *number,
    };
    Command::AnnounceParcel(AnnounceParcel {
        parcel: first_shipment(parcel).shipment(shipment),
        seller: SellerId::derived(&parcel.seller),
        currency: parcel.currency,
        due: parcel.amount_due,
        reference: parcel.order.to_string(),
        shipment,
    })
}

/// The orders that were announced before for a seller whom the file no longer names, with the
/// places of their new parcels. The books know parcels by seller and order, so their order
/// references are read from the journal.
fn changed_sellers(
    client: &NodeClient,
    data: &Path,
    parcels: &[OrderParcel],
) -> anyhow::Result<BTreeMap<usize, String>> {
    let last = last_shipments(client, parcels)?;
    let (known, _) = client.query(|engine| engine.books().known_parcel_count())?;
    if known == 0 || last.iter().all(Option::is_some) {
        return Ok(BTreeMap::new());
    }
    let mut sellers: HashMap<&str, Vec<SellerId>> = HashMap::new();
    for parcel in parcels {
        sellers.entry(&parcel.order).or_default().push(SellerId::derived(&parcel.seller));
    }
    let mut announced: Vec<(String, ParcelId)> = Vec::new();
    reports::read_announcements(data, &mut |one| {
        if sellers.get(&*one.reference).is_some_and(|now| !now.contains(&one.seller)) {
            announced.push((one.reference.clone(), one.parcel));
        }
    })?;
    let (announced, _) = client.query(move |engine| {
        let books = engine.books();
        // Not those that are forgotten.
        let seller = |(order, parcel)| {
            let seller = books.parcel_view(parcel)?.seller;
            Some((order, books.seller_reference(seller)?.to_owned()))
        };
        announced.into_iter().filter_map(seller).collect::<HashMap<String, String>>()
    })?;
    let new = (0..).zip(parcels).zip(&last).filter(|(_, last)| last.is_none());
    let changed = new.filter_map(|((place, parcel), _)| {
        let before = announced.get(&*parcel.order)?;
        let why = bilingual!(
            "it was announced for seller `{before}`, but the file says `{0}`. Correct the file; if \
             sellers number their orders themselves, import with --own-numbers",
            "此前已为卖家 `{before}` 登记，文件中为 `{0}`。请更正文件；\
             若各卖家自行编订单号，请加 --own-numbers",
            parcel.seller
        );
        Some((place, refused_order(parcel, &why)))
    });
    Ok(changed.collect())
}

/// Opens new books, and carries out the commands that the parcels need.
fn prepare(
    client: &mut NodeClient,
    setup: SetupCommands,
    data: &Path,
    at: Option<Timestamp>,
) -> anyhow::Result<()> {
    let now = at.unwrap_or_else(|| SystemClock.now());
    let (zone, _) = client.query(move |engine| {
        let books = engine.books();
        let is_open = books.utc_offset_minutes_at(now).is_some();
        (is_open, books.time_zone().map(|zone| zone.zone.clone()))
    })?;
    match zone {
        (false, _) => {
            let zone = time_zone::resolve(time_zone::CHINA, now)?;
            carry_out(client, setup::opening_commands(&zone), at)?;
        }
        (true, None) => {}
        (true, Some(name)) => {
            let zone = time_zone::resolve(&name, now)?;
            let (setting, _) = client.query(move |engine| zone.setting_for(engine.books(), now))?;
            carry_out(client, setting.map(Command::SetTimeZone).into_iter().collect(), at)?;
        }
    }
    let (shared, _) = client.query(move |engine| {
        // What the books have is not published again by others.
        let is_new = |command: &Command| match command {
            Command::PublishTariff(version) => !engine.books().has_tariff_version(version),
            _ => true,
        };
        setup.shared.into_iter().filter(is_new).collect::<Vec<_>>()
    })?;
    for commands in [shared, setup.sellers] {
        require_no_refusal(carry_out(client, commands, at)?, data)?;
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
fn why_refused(parcel: &OrderParcel, last: &LastShipment, refusal: &Refusal) -> String {
    let currency = parcel.currency;
    match (refusal, last) {
        (Refusal::ShipmentEnded, Some((number, _))) if *number >= SHIPMENTS_PER_ORDER_MAX => {
            bilingual!(
                "it was shipped {number} times, the most that an order can be; give it another \
                 reference",
                "已发货 {number} 次，达到一个订单的上限；请用另一订单编号"
            )
        }
        (Refusal::ShipmentEnded, Some((number, view))) => {
            let (lang, next) = (Lang::current(), number + 1);
            let ended = match view.state {
                ParcelState::Lost => lang.pick("lost", "丢失"),
                _ => lang.pick("returned", "退件"),
            };
            bilingual!(
                "its parcel was {ended}; to ship it again, import it with --reship: that announces \
                 shipment {next}",
                "其包裹已{ended}；再次发货请加 --reship 导入，登记为第 {next} 次发货"
            )
        }
        (Refusal::IdentifierTaken, Some((_, known))) if known.state == ParcelState::Announced => {
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
            "its seller `{0}` has no account in {currency}: the books have that seller as an \
             individual or in another country. Register its {currency} account first",
            "卖家 `{0}` 没有 {currency} 账户：账簿中该卖家为个人或属于另一国家。\
             请先登记其 {currency} 账户",
            parcel.seller
        ),
        (refusal, _) => chinese::refusal(refusal, Lang::current()),
    }
}

/// Carries out commands. Returns the refused ones with their indexes; a command that was carried
/// out before is not refused.
fn carry_out(
    client: &mut NodeClient,
    commands: Vec<Command>,
    at: Option<Timestamp>,
) -> anyhow::Result<Vec<(usize, Command, Refusal)>> {
    let submission = |command: &Command| Submission::new(Actor::System, command.clone());
    let request = commands.iter().map(|command| (at, submission(command))).collect();
    let answers = client.execute(request)?.into_iter();
    let answers = answers.map(|answer| answer.map_err(engine::Refusal::into_books));
    let answered = answers.zip(commands).enumerate();
    let refused = answered.filter_map(|(place, (answer, command))| match answer {
        Ok(_) | Err(Refusal::Repeated) => None,
        Err(refusal) => Some((place, command, refusal)),
    });
    Ok(refused.collect())
}
