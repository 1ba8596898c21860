//! `doorstep verify`: replays the journal, compares the snapshots, checks every money rule.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use reports::{BooksReport, CurrencySum, OpenItemReport, ReportError, verify_books};
use serde::Serialize;

use crate::words::{Lang, bilingual, say};

/// Replays the whole journal and checks every money rule
///
/// Replays the journal from its first command, compares the books with every snapshot on the way,
/// checks every money rule, and lists the open items: terminal batches that differ from the books.
/// Changes nothing. The books may be in use.
///
/// Exit status: 0 the books are correct; 1 a problem was found, which is printed.
#[derive(Args, Debug)]
pub struct VerifyArgs {
    /// The data directory
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// Print one JSON object, amounts in minor units; only `wrong` if the journal cannot be
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

fn open_item_line(one: &OpenItemReport) -> String {
    let OpenItemReport { item, terminal, batch, opened, age_days, owner, net, .. } = one;
    let (lines, open) = (one.lines.len(), one.undecided());
    let content = match (lines, one.lines_expected) {
        (0, true) => bilingual!("the upload is expected", "等待批上送"),
        (0, false) => bilingual!("no upload came", "未批上送"),
        _ => bilingual!("{open} of {lines} lines are open", "{lines} 笔中 {open} 笔待查"),
    };
    bilingual!(
        "{item}: terminal {terminal:08}, batch {batch}, since {opened} (days: {age_days}), owner \
         {owner}: terminal minus books {net} (minor units); {content}",
        "{item}：终端 {terminal:08} 批次 {batch}，自 {opened}（{age_days} 天），责任人 {owner}：\
         终端减账簿 {net}（最小货币单位）；{content}"
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
    if !found.open_items.is_empty() {
        say!("{} {}", lang.pick("open items:", "待查账项："), found.open_items.len());
    }
    for one in &found.open_items {
        say!("  {}", open_item_line(one));
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
    use books::terminal_view::OpenItemView;
    use books::{
        BatchLine, BatchTotals, BusinessDate, CountAndAmount, LineDecision, OpenItemContent,
        OpenItemId, OpenItemLine, PersonId, Stan, TerminalId,
    };
    use money::{Amount, Currency};

    use super::*;

    #[test]
    fn an_open_item_is_a_line_with_its_age() {
        let day = |text: &str| text.parse::<BusinessDate>().unwrap();
        let line =
            |view: &OpenItemView| open_item_line(&OpenItemReport::of(view, day("2013-08-30")));
        let sums = |minor| CountAndAmount { count: 1, amount: Amount::of(minor) };
        let ours = BatchTotals { card_debits: sums(10_000), ..BatchTotals::default() };
        let theirs = BatchTotals { card_debits: sums(9_600), ..ours };
        let expected = OpenItemView {
            id: OpenItemId(3),
            terminal: TerminalId(7),
            batch: 12,
            currency: Currency::CNY,
            opened: day("2013-08-28"),
            owner: PersonId(17),
            lines_expected: true,
            content: OpenItemContent::Totals { ours, theirs },
        };
        assert_eq!(
            line(&expected),
            "3: terminal 00000007, batch 12, since 2013-08-28 (days: 2), owner 17: terminal minus \
             books -400 (minor units); the upload is expected"
        );
        let left = OpenItemView { lines_expected: false, ..expected };
        assert!(line(&left).ends_with("books -400 (minor units); no upload came"));
        let differing = |stan, decision| {
            let (stan, credit) = (Stan::of(stan), false);
            let ours = Some(BatchLine { stan, amount: Amount::of(300), credit });
            OpenItemLine { stan, ours, theirs: None, payment: None, decision }
        };
        let lines = vec![differing(1, Some(LineDecision::Count)), differing(2, None)];
        let compared = OpenItemView { content: OpenItemContent::Lines(lines), ..left };
        assert!(line(&compared).ends_with("books -300 (minor units); 1 of 2 lines are open"));
    }
}
