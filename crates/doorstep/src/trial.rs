//! `doorstep trial`: prepares a trial of a switch, a card network, a wallet and a terminal.

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::{Context, ensure};
use bench::fixture::{self, ACQUIRER, Fixture, FixturePlan, MERCHANT, NETWORK, WALLET};
use bench::{opening, workload};
use books::{AnnounceParcel, Command, ParcelId, SellerId};
use clap::Args;
use files::orders::{Import, OrderParcel};
use money::decimal::DecimalAmount;
use money::{Amount, Currency};

use crate::words::{Lang, bilingual, grouped, left, right, say};
use crate::{orders, persons, setup, tariffs};

/// The addresses for terminals and for the wallet.
const TERMINALS: &str = "127.0.0.1:7001";
const WALLETS: &str = "127.0.0.1:7003";
const TERMINALS_MAX: u32 = 1_000;
const PARCELS_EACH_MAX: u32 = 100;
/// Simulated parcels out with each courier, unless the command line says otherwise.
const PARCELS_EACH: u32 = 5;

/// Prepares a directory for a trial, and prints the commands to start it
///
/// The directory gets keys, settings, and books with terminals whose couriers have parcels out:
/// simulated ones, or those of your own orders. The printed commands start a simulated card
/// network, the switch, a simulated wallet and a simulated terminal.
///
/// For trials only: the keys of the network and the terminals are in plain files.
///
/// Exit status: 0 success; 1 failure.
#[derive(Args, Debug)]
pub struct TrialArgs {
    /// The directory; it must not exist yet
    directory: PathBuf,
    /// Number of terminals, each with a courier
    #[arg(long, default_value_t = 2,
        value_parser = clap::value_parser!(u32).range(1..=i64::from(TERMINALS_MAX)))]
    terminals: u32,
    /// Number of parcels out with each courier [default: 5; with --orders up to 100]
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=i64::from(PARCELS_EACH_MAX)))]
    parcels: Option<u32>,
    /// Your own orders: a file, or a directory with the files that the profile names
    #[arg(long, value_name = "PATH", requires = "profile")]
    orders: Option<PathBuf>,
    /// The format of the orders: a profile that `doorstep profile list` names, or a profile file
    #[arg(long, value_name = "NAME|FILE", requires = "orders")]
    profile: Option<String>,
    #[command(flatten)]
    format: orders::OrderFormatArgs,
    /// The tariff of the sellers: a built-in tariff or a tariff file
    #[arg(long, value_name = "NAME|FILE", default_value = "china-2013", requires = "orders")]
    tariff: PathBuf,
    /// The tariff class of the sellers
    #[arg(long, default_value = "general", requires = "orders")]
    class: String,
}

/// A parcel that is out with a courier.
struct OutParcel {
    /// Of the terminal and its courier.
    terminal: u32,
    parcel: ParcelId,
    due: Amount,
    /// The order's reference, of own orders.
    order: String,
}

/// The commands of new books, and what is out.
struct TrialBooks {
    commands: Vec<Command>,
    currency: Currency,
    out: Vec<OutParcel>,
}

pub fn run(args: &TrialArgs) -> anyhow::Result<()> {
    let directory = shell_quoted(&args.directory.display().to_string());
    ensure!(
        !args.directory.exists(),
        bilingual!(
            "{directory} exists already; name another directory",
            "{directory} 已存在；请换一个目录"
        )
    );
    let TrialBooks { commands, currency, out } = match (&args.orders, &args.profile) {
        (Some(path), Some(profile)) => {
            let import = orders::read(path, profile, &args.format)?;
            own_books(args, import)?
        }
        _ => simulated_books(args)?,
    };
    let plan = FixturePlan {
        gateways: 0,
        listen: vec![TERMINALS.to_owned()],
        wallet: Some(WALLETS.to_owned()),
        currency,
        dialect: "doorstep",
        web: false,
    };
    let fixture = Fixture::prepare(&args.directory, &plan, commands)?;

    let [first, second] = opening::PERSONS;
    persons::name_missing(&args.directory.join("books"), &[(first, "ann"), (second, "bo")])?;
    print_commands(&directory, &fixture, currency);
    print_parcels(&out, currency);
    Ok(())
}

fn simulated_books(args: &TrialArgs) -> anyhow::Result<TrialBooks> {
    let parcels_each = args.parcels.unwrap_or(PARCELS_EACH);
    let parcel = |terminal, place| OutParcel {
        terminal,
        parcel: workload::parcel_id(terminal, place),
        due: workload::amount(terminal, place),
        order: String::new(),
    };
    let all = (1..=args.terminals)
        .flat_map(|terminal| (0..parcels_each).map(move |place| (terminal, place)));
    Ok(TrialBooks {
        commands: fixture::simulated_books(args.terminals, parcels_each)?.collect(),
        currency: Currency::CNY,
        out: all.map(|(terminal, place)| parcel(terminal, place)).collect(),
    })
}

/// Books with the sellers and parcels of own orders. The couriers take the first parcels, in turn.
fn own_books(args: &TrialArgs, mut import: Import) -> anyhow::Result<TrialBooks> {
    let lang = Lang::current();
    orders::print_report(&import.report, lang);
    let Some(currency) = most_frequent_currency(&import.parcels) else {
        anyhow::bail!(bilingual!(
            "--orders {0}: there is no parcel in it",
            "--orders {0}：其中没有包裹",
            args.orders.as_deref().unwrap_or(&args.directory).display()
        ));
    };
    let all = import.parcels.len();
    import.parcels.retain(|parcel| parcel.currency == currency);
    let other = grouped(&(all - import.parcels.len()).to_string());
    if import.parcels.len() < all {
        say!(
            "  {}",
            bilingual!(
                "left out, not in {currency}, the currency of this trial: {other}",
                "未导入，不是本次试用的币种 {currency}：{other}"
            )
        );
    }
    let tariff = tariffs::load(&args.tariff).context("--tariff")?;
    let setup = {
        let (class, country) = (&args.class, setup::CHINA);
        setup::for_import(&import, &tariff, class, country, opening::PERSONS)?
    };
    let mut commands = opening::open_books().to_vec();
    commands.extend(setup.shared);
    commands.extend(setup.sellers);
    commands.push(opening::register_firm(currency));
    commands.extend(fixture::register_couriers(args.terminals));
    let each = args.parcels.unwrap_or(PARCELS_EACH_MAX);
    let most = usize::try_from(u64::from(each) * u64::from(args.terminals)).unwrap_or(usize::MAX);
    let mut out: Vec<OutParcel> = Vec::new();
    for (terminal, parcel) in (1..=args.terminals).cycle().zip(&import.parcels) {
        let seller = SellerId::derived(&parcel.seller);
        let (id, due) = (ParcelId::derived(seller, &parcel.order), parcel.amount_due);
        let order = parcel.order.to_string();
        commands.push(Command::AnnounceParcel(AnnounceParcel {
            parcel: id,
            seller,
            currency,
            due,
            reference: order.clone(),
            shipment: 1,
        }));
        if out.len() < most {
            out.push(OutParcel { terminal, parcel: id, due, order });
        }
    }
    out.sort_by_key(|one| one.terminal);
    for parcels in out.chunk_by(|one, next| one.terminal == next.terminal) {
        let ids: Vec<ParcelId> = parcels.iter().map(|one| one.parcel).collect();
        commands.extend(fixture::send_out(&ids, parcels[0].terminal));
    }
    let (announced, sent) = (import.parcels.len().to_string(), out.len().to_string());
    let (announced, sent) = (grouped(&announced), grouped(&sent));
    let terminals = args.terminals;
    say!(
        "  {}",
        bilingual!(
            "announced {announced}; out {sent}, with {terminals} couriers, at most {each} each",
            "已登记 {announced}；派送中 {sent}，分给 {terminals} 名快递员，每人至多 {each} 件"
        )
    );
    say!("");
    Ok(TrialBooks { commands, currency, out })
}

/// A trial has one currency.
fn most_frequent_currency(parcels: &[OrderParcel]) -> Option<Currency> {
    let mut counts: BTreeMap<Currency, usize> = BTreeMap::new();
    for parcel in parcels {
        *counts.entry(parcel.currency).or_default() += 1;
    }
    counts.into_iter().max_by_key(|(_, count)| *count).map(|(currency, _)| currency)
}

fn print_commands(directory: &str, fixture: &Fixture, currency: Currency) {
    let lang = Lang::current();
    // China's yuan is the default of all of them.
    let more = match currency {
        Currency::CNY => String::new(),
        other => format!(" --currency {other}"),
    };
    say!(
        "{}",
        bilingual!(
            "{directory} is ready. Start these commands, each in its own window:",
            "{directory} 已就绪。请在各自的窗口中启动："
        )
    );
    say!("");
    say!("  {}", lang.pick("the card network", "卡组织"));
    say!("    doorstep network run --name {NETWORK} --listen {} \\", fixture.network_address);
    say!(
        "        --keys {directory}/alpha.toml --acquirer {ACQUIRER} --clearing {directory}{more}"
    );
    say!("  {}", lang.pick("the switch", "交换中心"));
    say!("    doorstep serve --data {directory}/books --config {directory}/doorstep.toml");
    say!("  {}", lang.pick("a terminal (type `help`)", "终端（输入 `help` 查看命令）"));
    say!("    doorstep terminal --connect {TERMINALS} --number 1 --merchant {MERCHANT} \\");
    say!("        --base-key-file {directory}/base.key{more}");
    say!("  {}", lang.pick("a wallet, to pay QR codes", "钱包，用于扫码付款"));
    say!("    doorstep wallet run --connect {WALLETS} --name {WALLET} \\");
    say!("        --secret {directory}/red.secret{more}");
    say!("");
    say!("{}", lang.pick("To list the keys:", "查看密钥："));
    say!("    doorstep keys list --config {directory}/doorstep.toml");
    say!("");
}

fn print_parcels(out: &[OutParcel], currency: Currency) {
    let lang = Lang::current();
    let own = out.iter().any(|one| !one.order.is_empty());
    say!(
        "  {} {} {}{}",
        left(lang.pick("parcels of", "所属终端"), 19),
        left(lang.pick("waybill", "运单号"), 30),
        right(lang.pick("to pay", "应收"), 8),
        if own { lang.pick("    order", "    订单") } else { "" }
    );
    let label = left(lang.pick("terminal", "终端"), 8);
    for OutParcel { terminal, parcel, due, order } in out {
        let waybill = switch::waybill::write(*parcel);
        let amount = right(&DecimalAmount::of(*due, currency).to_string(), 8);
        let row = format!("{label} {terminal:<6}     {waybill}    {amount}    {order}");
        say!("  {}", row.trim_end());
    }
}

/// A path, quoted for a shell if necessary.
fn shell_quoted(path: &str) -> String {
    let plain = |character: char| character.is_alphanumeric() || "/._-+".contains(character);
    if path.chars().all(plain) {
        path.to_owned()
    } else {
        format!("'{}'", path.replace('\'', "'\\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_is_printed_as_a_shell_needs_it() {
        assert_eq!(shell_quoted("trials/门_1.2-a+b"), "trials/门_1.2-a+b");
        assert_eq!(shell_quoted("my trial"), "'my trial'");
        assert_eq!(shell_quoted("bo's"), "'bo'\\''s'");
    }
}
