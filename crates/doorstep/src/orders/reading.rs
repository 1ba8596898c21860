//! Reads an order export as the flags say, and prints what was taken and what was left out.

use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Args;
use files::orders::{Import, ImportOptions, ImportReport, LeftOutOrders, Shops, import};
use files::profile::Profile;
use files::sellers::SellerMap;
use money::decimal::DecimalAmount;

use crate::chinese;
use crate::words::{Lang, bilingual, grouped, say};

/// The most bad lines and refused orders that are listed. The others are only counted.
pub const LISTED_MAX: usize = 20;

/// What an order export does not say itself.
#[derive(Args, Debug, Default)]
pub struct OrderFormatArgs {
    /// The seller of all orders, if the export does not name sellers
    #[arg(long, value_name = "REFERENCE", requires = "orders")]
    pub seller: Option<String>,
    /// A file that maps each vendor, or each shop, to a seller: TOML, or CSV with vendor,seller
    #[arg(long, value_name = "FILE", requires = "orders", conflicts_with = "seller")]
    pub sellers: Option<PathBuf>,
    /// The shop of all orders: the first part of their references, so that the order names of
    /// several shops do not clash
    #[arg(long, value_name = "NAME", requires = "orders")]
    pub shop: Option<String>,
    /// Each folder in --orders is a shop, named by the folder
    #[arg(long, requires = "orders", conflicts_with = "shop")]
    pub folder_per_shop: bool,
    /// The currency, if the export does not name one
    #[arg(long, value_name = "CODE", requires = "orders")]
    pub currency: Option<String>,
    /// The encoding of the files, such as gbk; files with a byte-order mark need none
    #[arg(long, value_name = "NAME", requires = "orders")]
    pub encoding: Option<String>,
}

impl OrderFormatArgs {
    /// The profile with what the flags add to it.
    pub fn profile(&self, name: &str) -> anyhow::Result<Profile> {
        let mut profile = Profile::find(name).context("--profile")?;
        if let Some(seller) = &self.seller {
            profile = profile.with_seller(seller).context("--seller")?;
        }
        if let Some(sellers) = &self.sellers {
            profile = profile.with_sellers(SellerMap::read(sellers).context("--sellers")?);
        }
        if let Some(currency) = &self.currency {
            profile = profile.with_currency(currency).context("--currency")?;
        }
        if let Some(encoding) = &self.encoding {
            profile = profile.with_encoding(encoding).context("--encoding")?;
        }
        Ok(profile)
    }

    fn shops(&self) -> Shops {
        match &self.shop {
            Some(shop) => Shops::One(shop.clone()),
            None if self.folder_per_shop => Shops::Folders,
            None => Shops::Unnamed,
        }
    }
}

/// Reads an order export with a profile, for a simulated day: without the buyers.
pub fn read(path: &Path, profile: &str, format: &OrderFormatArgs) -> anyhow::Result<Import> {
    import(&format.profile(profile)?.without_buyers(), path, &import_options(format))
        .context("--orders")
}

pub fn import_options(format: &OrderFormatArgs) -> ImportOptions {
    ImportOptions { shops: format.shops(), ..ImportOptions::default() }
}

/// Prints what an import took and what it left out.
pub fn print_report(report: &ImportReport, lang: Lang) {
    let files: Vec<&str> = report.files.iter().map(|file| &*file.file).collect();
    let count = |count: u64| grouped(&count.to_string());
    let (files, lines) = (files.join(lang.pick(", ", "、")), count(report.lines.total()));
    say!(
        "{}",
        bilingual!("Orders read: {files} (lines {lines})", "读入订单：{files}（{lines} 行）")
    );
    let [taken, repeated, left_out, bad] =
        [report.lines.taken, report.lines.repeated, report.lines.left_out, report.lines.bad]
            .map(count);
    say!(
        "  {}",
        bilingual!(
            "lines: taken {taken}, repeated {repeated}, left out {left_out}, bad {bad}",
            "行：导入 {taken}，重复 {repeated}，略去 {left_out}，有误 {bad}"
        )
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
        let left_out = report.left_out_by_status.contains_key(status);
        let left_out = if left_out { lang.pick(" (left out)", "（未导入）") } else { "" };
        let orders = count(*orders);
        say!(
            "  {}",
            bilingual!("status {status}: {orders}{left_out}", "状态 {status}：{orders}{left_out}")
        );
    }
    for (reason, left_out) in &report.left_out_by_reason {
        let reason = chinese::left_out_reason(reason, lang);
        let (orders, values) = (count(left_out.orders), listed_values(left_out, lang));
        say!(
            "  {}",
            bilingual!(
                "left out, {reason}: {orders}{values}",
                "未导入，{reason}：{orders}{values}"
            )
        );
    }
    print_bad(report, lang);
}

/// ` (Bank Deposit 2, empty 1)`: the values for which orders are left out, the commonest first.
fn listed_values(left_out: &LeftOutOrders, lang: Lang) -> String {
    if left_out.values.is_empty() {
        return String::new();
    }
    let mut values: Vec<(&str, u64)> =
        left_out.values.iter().map(|(value, &orders)| (&**value, orders)).collect();
    values.sort_by_key(|&(_, orders)| std::cmp::Reverse(orders));
    let listed: u64 = left_out.values.values().sum();
    let shown: u64 = values.iter().take(LISTED_MAX).map(|(_, orders)| orders).sum();
    let others = left_out.orders.max(listed) - shown;
    let mut texts: Vec<String> = values
        .into_iter()
        .take(LISTED_MAX)
        .map(|(value, orders)| {
            let value = if value.is_empty() { lang.pick("empty", "空") } else { value };
            format!("{value} {}", grouped(&orders.to_string()))
        })
        .collect();
    if others > 0 {
        texts.push(format!("{} {}", lang.pick("others", "其他"), grouped(&others.to_string())));
    }
    let texts = texts.join(lang.pick(", ", "、"));
    bilingual!(" ({texts})", "（{texts}）")
}

fn print_bad(report: &ImportReport, lang: Lang) {
    if report.errors_total() == 0 {
        return;
    }
    let errors = grouped(&report.errors_total().to_string());
    say!("  {}", bilingual!("errors: {errors}", "错误：{errors}"));
    for line in report.bad_lines.iter().take(LISTED_MAX) {
        say!("    {}", chinese::bad_line(line, lang));
    }
    print_unlisted(report.errors_total(), lang);
}

pub fn print_unlisted(all: u64, lang: Lang) {
    let more = all.saturating_sub(LISTED_MAX as u64);
    if more > 0 {
        let more = grouped(&more.to_string());
        say!("    {}", lang.pick("and more: ", "另有：").to_owned() + &more);
    }
}

/// Prints what everybody who imports with the profile must know.
pub fn print_warning(profile: &Profile, lang: Lang) {
    if let Some(warning) = profile.head().warning() {
        let warning = chinese::profile_warning(warning, lang);
        say!("{}", bilingual!("Warning: {warning}", "注意：{warning}"));
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
    for (reason, left_out) in &report.left_out_by_reason {
        let reason = chinese::left_out_reason(reason, lang);
        let (orders, values) = (left_out.orders, listed_values(left_out, lang));
        why.push(bilingual!(
            "{orders} orders were left out: {reason}{values}",
            "{orders} 个订单未导入：{reason}{values}"
        ));
    }
    why.extend(report.bad_lines.iter().take(5).map(|line| chinese::bad_line(line, lang)));
    if why.is_empty() {
        why.push(lang.pick("the file has no orders", "文件中没有订单").into());
    }
    format!("  {}", why.join("\n  "))
}
