//! `doorstep verify`: replays the journal, compares the snapshots, checks every money rule.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use reports::{BooksReport, CurrencySum, DisputeReport, ReportError, verify_books};
use serde::Serialize;

use crate::words::{Lang, bilingual, say};

/// Replays the whole journal and checks every money rule
///
/// Replays the journal from its first command, compares the books with every snapshot on the way,
/// checks every money rule, and lists the disputed terminal batches. Changes nothing. The books may
/// be in use.
///
/// Exit status: 0 the books are correct; 1 a problem was found, which is printed.
#[derive(Args, Debug)]
pub struct VerifyArgs {
    /// The data directory
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// Print one JSON object, amounts in minor units; only `violations` if the journal cannot be
    /// replayed
    #[arg(long)]
    json: bool,
}

/// The JSON output for a journal that cannot be replayed.
#[derive(Serialize)]
struct Unreadable {
    wrong: [String; 1],
}

pub fn run(args: &VerifyArgs) -> anyhow::Result<ExitCode> {
    let verified = verify_books(&args.data);
    if let (true, Err(ReportError::Replay(error))) = (args.json, &verified) {
        say!("{}", serde_json::to_string(&Unreadable { wrong: [error.to_string()] })?);
    }
    let found = verified?;
    if args.json {
        say!("{}", serde_json::to_string(&found)?);
    } else {
        print(&found);
    }
    Ok(if found.wrong.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn dispute_line(dispute: &DisputeReport) -> String {
    let [books, books_else] = dispute.books;
    let [terminal, terminal_else] = dispute.at_terminal;
    let how = match (&dispute.left_on, dispute.break_id) {
        (None, _) => bilingual!("the upload is expected", "等待批上送"),
        (Some(date), Some(id)) => {
            bilingual!("no upload by {date}, break {id}", "至 {date} 未批上送，差异 {id}")
        }
        (Some(date), None) => bilingual!("no upload by {date}", "至 {date} 未批上送"),
    };
    let DisputeReport { terminal: number, batch, .. } = dispute;
    bilingual!(
        "terminal {number:08}, batch {batch}: card {terminal}, in the books {books}; other \
         {terminal_else}, in the books {books_else} (minor units); {how}",
        "终端 {number:08} 批次 {batch}：刷卡 {terminal}，账簿 {books}；其他 {terminal_else}，\
         账簿 {books_else}（最小货币单位）；{how}"
    )
}

fn print(found: &BooksReport) {
    let BooksReport { batches, commands, legs, digest, .. } = found;
    say!(
        "{}",
        bilingual!(
            "replayed {batches} batches, {commands} commands, {legs} legs",
            "已重放 {batches} 批、{commands} 条命令、{legs} 笔分录"
        )
    );
    let lang = Lang::current();
    say!("{} {}", lang.pick("snapshots compared:", "已核对快照："), found.snapshots.len());
    for (debits, credits) in found.debits.iter().zip(&found.credits) {
        let CurrencySum { currency, amount: debits } = debits;
        let credits = credits.amount;
        say!(
            "{}",
            bilingual!(
                "{currency}: debits {debits} = credits {credits} (minor units)",
                "{currency}：借方 {debits} = 贷方 {credits}（最小货币单位）"
            )
        );
    }
    if !found.disputes.is_empty() {
        say!("{} {}", lang.pick("disputed batches:", "不平批次："), found.disputes.len());
    }
    for dispute in &found.disputes {
        say!("  {}", dispute_line(dispute));
    }
    if !found.sellers_below_zero.is_empty() {
        let label = lang.pick("sellers below zero:", "余额低于零的卖家：");
        say!("{label} {}", found.sellers_below_zero.len());
    }
    say!("{} {digest}", lang.pick("digest", "摘要"));
    if found.wrong.is_empty() {
        say!("{}", lang.pick("Every rule holds.", "各项规则均成立。"));
        return;
    }
    say!("{}", lang.pick("PROBLEMS:", "发现问题："));
    for line in &found.wrong {
        say!("  {line}");
    }
    say!(
        "{}",
        lang.pick(
            "Copy this directory before you change anything in it, and report the problem.",
            "请先复制本目录，再作任何改动，并报告此问题。"
        )
    );
}

#[cfg(test)]
mod tests {
    use books::terminal_view::DisputeView;
    use books::{BatchTotals, BreakId, BusinessDate, CountAndAmount, TerminalId};
    use money::Amount;

    use super::*;

    #[test]
    fn a_disputed_batch_is_a_line() {
        let line = |view: &DisputeView| dispute_line(&DisputeReport::of(view));
        let sums = |minor| CountAndAmount { count: 1, amount: Amount::of(minor) };
        let ours = BatchTotals {
            card_debits: sums(10_000),
            card_credits: sums(500),
            other_debits: sums(2_000),
            other_credits: CountAndAmount::default(),
        };
        let theirs = BatchTotals { card_debits: sums(9_600), ..ours };
        let (terminal, batch) = (TerminalId(7), 12);
        let expected =
            DisputeView { terminal, batch, ours, theirs, abandoned_on: None, break_id: None };
        assert_eq!(
            line(&expected),
            "terminal 00000007, batch 12: card 9100, in the books 9500; other 2000, in the books \
             2000 (minor units); the upload is expected"
        );
        let left_on = Some("2013-08-30".parse::<BusinessDate>().unwrap());
        let left = DisputeView { abandoned_on: left_on, break_id: Some(BreakId(9)), ..expected };
        assert!(line(&left).ends_with("; no upload by 2013-08-30, break 9"));
        let no_break = DisputeView { break_id: None, ..left };
        assert!(line(&no_break).ends_with("; no upload by 2013-08-30"));
    }
}
