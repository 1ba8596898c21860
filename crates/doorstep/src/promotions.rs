//! `doorstep promotion`: what is wrong with promotions before they go live.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::{Args, Subcommand};
use market::conflicts::{OverlapKind, PromotionOverlap, impossible, overlaps};
use market::{PromotionRule, PublishPromotion};
use serde_json::json;

use crate::chinese;
use crate::data_directory::read_text;
use crate::words::{Lang, bilingual, say};

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
}

pub fn run(args: &PromotionArgs) -> anyhow::Result<ExitCode> {
    let PromotionTask::Check { file, json } = &args.task;
    let text = read_text(file, FILE_BYTES_MAX)?;
    let promotions: Vec<PublishPromotion> =
        serde_json::from_str(&text).with_context(|| file.display().to_string())?;
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
