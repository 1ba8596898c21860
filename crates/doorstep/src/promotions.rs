//! `doorstep promotion`: what is wrong with promotions before they go live.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{anyhow, bail, ensure};
use books::BusinessDate;
use clap::{Args, Subcommand};
use market::conflicts::{OverlapKind, PromotionOverlap, impossible, overlaps};
use market::{PromotionRule, PublishPromotion};
use money::decimal::DecimalAmount;
use reports::{PreviewNeed, PreviewPeriod, preview_promotions};
use serde_json::json;

use crate::data_directory::read_text;
use crate::words::{Lang, bilingual, say};
use crate::{chinese, json_file};

const FILE_BYTES_MAX: usize = 16 << 20;

/// Checks promotions before they go live
#[derive(Args, Debug)]
pub struct PromotionArgs {
    #[command(subcommand)]
    task: PromotionTask,
}

#[derive(Subcommand, Debug)]
enum PromotionTask {
    /// Says what is impossible in a file of promotions, and which of them meet on one unit
    ///
    /// The file is a JSON list of the fields of PublishPromotion. Exit status: 0 each promotion is
    /// possible; 1 one is not, or the file cannot be read.
    Check {
        /// A file of promotions
        file: PathBuf,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Shows what promotions would have done in a past period of the books: uses, cost, who pays
    ///
    /// Each promotion is taken by its last version in the file, as if it had been in force for the
    /// whole period, beside the promotions of that time. Nothing is changed.
    #[command(override_usage = "doorstep promotion preview <FILE> --data <DIR> --from <DATE> \
                          --to <DATE>")]
    Preview {
        /// A file of promotions, as for `check`
        file: PathBuf,
        /// The data directory
        #[arg(long, value_name = "DIR")]
        data: PathBuf,
        /// The first business day
        #[arg(long, value_name = "DATE")]
        from: BusinessDate,
        /// The last business day
        #[arg(long, value_name = "DATE")]
        to: BusinessDate,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
}

pub fn run(args: &PromotionArgs) -> anyhow::Result<ExitCode> {
    let (file, json) = match &args.task {
        PromotionTask::Check { file, json } => (file, json),
        PromotionTask::Preview { file, data, from, to, json } => {
            return preview(file, data, PreviewPeriod { from: *from, to: *to }, *json);
        }
    };
    let promotions = read(file)?;
    let (impossible, overlaps) = (impossible(&promotions), overlaps(&promotions));
    let lang = Lang::current();
    let reason = |refusal| chinese::error(refusal, lang);
    if *json {
        let faults = impossible.iter().map(|one| {
            let (promotion, reason) = (one.promotion, reason(&one.reason));
            json!({ "place": one.place + 1, "promotion": promotion, "reason": reason })
        });
        let faults: Vec<_> = faults.collect();
        say!(
            "{}",
            json!({
                "promotions": promotions.len(),
                "impossible": faults,
                "overlaps": overlaps,
            })
        );
    } else {
        for terms in &promotions {
            let (id, version, kind) = (terms.promotion, terms.version, kind(&terms.rule));
            let share = terms.platform_share;
            say!(
                "{}",
                bilingual!(
                    "promotion {id}, version {version}: {kind}; the platform pays {share}",
                    "促销 {id} 第 {version} 版：{kind}；平台承担 {share}"
                )
            );
        }
        for one in &impossible {
            let (place, id, reason) = (one.place + 1, one.promotion, reason(&one.reason));
            say!(
                "{}",
                bilingual!(
                    "impossible: number {place} in the file, promotion {id}: {reason}",
                    "不可行：文件中第 {place} 个，促销 {id}：{reason}"
                )
            );
        }
        overlaps.iter().for_each(print_overlap);
        if impossible.is_empty() {
            say!("{}", lang.pick("Each promotion is possible.", "每个促销都可行。"));
        }
    }
    Ok(if impossible.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn read(file: &Path) -> anyhow::Result<Vec<PublishPromotion>> {
    let text = read_text(file, FILE_BYTES_MAX)?;
    serde_json::from_str(&text).map_err(|error| anyhow!(json_file::fault(file, &error)))
}

fn preview(
    file: &Path,
    data: &Path,
    period: PreviewPeriod,
    json: bool,
) -> anyhow::Result<ExitCode> {
    ensure!(
        period.from <= period.to,
        bilingual!(
            "--from {} is after --to {}: give the earlier day first",
            "--from {} 晚于 --to {}；请先给较早的日期",
            period.from,
            period.to
        )
    );
    let promotions = read(file)?;
    if let Some(one) = impossible(&promotions).first() {
        let (place, reason) = (one.place + 1, chinese::error(&one.reason, Lang::current()));
        bail!(bilingual!(
            "number {place} in the file is impossible: {reason}",
            "文件中第 {place} 个不可行：{reason}"
        ));
    }
    let found = preview_promotions(data, &promotions, period)?;
    if json {
        let promotions = found.promotions.iter().map(|one| {
            json!({
                "promotion": one.promotion,
                "currency": one.currency,
                "orders": one.orders,
                "by_platform": one.platform,
                "by_sellers": one.sellers,
                "uses": one.uses,
                "spent": one.spent,
                "needs": one.needs.map(need),
            })
        });
        let orders = found.orders.iter().map(|(currency, one)| {
            json!({
                "currency": currency,
                "orders": one.orders,
                "asked": one.asked,
                "would_ask": one.would_ask,
                "refused": one.refused,
            })
        });
        say!(
            "{}",
            json!({
                "from": period.from,
                "to": period.to,
                "promotions": promotions.collect::<Vec<_>>(),
                "orders": orders.collect::<Vec<_>>(),
            })
        );
        return Ok(ExitCode::SUCCESS);
    }
    for (currency, one) in &found.orders {
        let money = |minor: u64| DecimalAmount::of_balance(minor.into(), *currency);
        let (orders, asked, would) = (one.orders, money(one.asked), money(one.would_ask));
        let refused = one.refused;
        say!(
            "{}",
            bilingual!(
                "{orders} orders, {asked} {currency} asked; with the promotions {would} \
                 {currency}, and {refused} orders would not have been taken",
                "{orders} 个订单，应收 {asked} {currency}；有这些促销时 {would} {currency}，\
                 {refused} 个订单不成立"
            )
        );
    }
    for one in &found.promotions {
        let (id, orders, uses, currency) = (one.promotion, one.orders, one.uses, one.currency);
        let money = |minor: u64| DecimalAmount::of_balance(minor.into(), currency);
        let cost = money(one.platform + one.sellers);
        let (platform, sellers, spent) =
            (money(one.platform), money(one.sellers), money(one.spent));
        say!(
            "{}",
            bilingual!(
                "promotion {id}: {orders} orders, cost {cost} {currency}: the platform {platform}, \
                 the sellers {sellers}; after what went back {uses} uses, {spent} {currency}",
                "促销 {id}：{orders} 个订单，成本 {cost} {currency}：平台 {platform}，卖家 \
                 {sellers}；扣除退回后 {uses} 次，{spent} {currency}"
            )
        );
        match one.needs {
            None => {}
            Some(PreviewNeed::Coupons) => say!(
                "{}",
                bilingual!(
                    "promotion {id} needs coupons, which no order of then had",
                    "促销 {id} 须凭优惠券，当时的订单没有"
                )
            ),
            Some(PreviewNeed::FlashStock) => say!(
                "{}",
                bilingual!(
                    "promotion {id} needs flash stock, which nobody had set aside then",
                    "促销 {id} 须有秒杀库存，当时没有划出"
                )
            ),
        }
    }
    if found.orders.is_empty() {
        say!(
            "{}",
            bilingual!(
                "No order was placed from {} to {}.",
                "{} 至 {} 没有订单。",
                period.from,
                period.to
            )
        );
    }
    Ok(ExitCode::SUCCESS)
}

fn need(need: PreviewNeed) -> &'static str {
    match need {
        PreviewNeed::Coupons => "coupons",
        PreviewNeed::FlashStock => "flash_stock",
    }
}

fn print_overlap(overlap: &PromotionOverlap) {
    let (first, second) = (overlap.first, overlap.second);
    say!(
        "{}",
        match overlap.kind {
            OverlapKind::Stacks => bilingual!(
                "promotions {first} and {second} can discount the same unit, {first} first",
                "促销 {first} 与 {second} 可叠加于同一件，{first} 在前"
            ),
            OverlapKind::Excludes => bilingual!(
                "promotions {first} and {second} meet, and one excludes the other",
                "促销 {first} 与 {second} 相遇，只用其一"
            ),
            OverlapKind::SameOrder => bilingual!(
                "promotions {first} and {second} meet at the same place in the order: {first} is \
                 first by its id",
                "促销 {first} 与 {second} 相遇且次序相同：按编号 {first} 在前"
            ),
        }
    );
}

fn kind(rule: &PromotionRule) -> &'static str {
    let (english, chinese) = match rule {
        PromotionRule::Percentage(_) => ("a percentage", "打折"),
        PromotionRule::AmountOff(_) => ("an amount", "立减"),
        PromotionRule::Threshold(_) => ("a threshold", "满减"),
        PromotionRule::EachFull(_) => ("for each full sum", "每满减"),
        PromotionRule::Bundle(_) => ("a bundle", "套装价"),
        PromotionRule::SecondCheaper(_) => ("the second one cheaper", "第二件优惠"),
        PromotionRule::FreeDelivery => ("free delivery", "包邮"),
        PromotionRule::Flash(_) => ("a flash price", "秒杀"),
    };
    Lang::current().pick(english, chinese)
}
