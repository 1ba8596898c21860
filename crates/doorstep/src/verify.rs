//! `doorstep verify`: replays the journal, compares the snapshots, checks every money rule.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use listings::{AuditCounts, PolicyAudit};
use money::Currency;
use money::decimal::DecimalAmount;
use reports::{
    BooksReport, OpenItemReport, ReportError, SellerDebtReport, verify_books, verify_books_with,
};
use serde::Serialize;

use crate::words::{Lang, bilingual, grouped, say};

/// Replays the whole journal and checks every money rule
///
/// Replays the journal from its first command, compares the books with every snapshot on the way,
/// checks every money rule, and lists the open items: terminal batches that differ from the books.
/// Changes nothing. The books may be in use.
///
/// If the last batches were cut off the journal, and the snapshots after them are gone too, what is
/// left is correct in itself. To notice that, keep the digest and its batch in another place, and
/// compare them.
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
    /// Also match every public text that is still there again, with the versions of that day
    #[arg(long)]
    policy: bool,
}

/// The JSON output for a journal that cannot be replayed.
#[derive(Serialize)]
struct Unreadable {
    wrong: [String; 1],
}

/// The JSON output.
#[derive(Serialize)]
struct Verified<'f> {
    #[serde(flatten)]
    books: &'f BooksReport,
    #[serde(skip_serializing_if = "Option::is_none")]
    policy: Option<AuditCounts>,
}

pub fn run(args: &VerifyArgs) -> anyhow::Result<ExitCode> {
    let mut audit = match args.policy {
        true => Some(PolicyAudit::open(&args.data)?),
        false => None,
    };
    let verified = match &mut audit {
        Some(audit) => verify_books_with(&args.data, audit),
        None => verify_books(&args.data),
    };
    if let (true, Err(ReportError::Replay(error))) = (args.json, &verified) {
        say!("{}", serde_json::to_string(&Unreadable { wrong: [error.to_string()] })?);
    }
    let mut found = verified?;
    let counts = audit.as_ref().map(|audit| audit.counts);
    found.wrong.extend(audit.into_iter().flat_map(|audit| audit.violations));
    if args.json {
        say!("{}", serde_json::to_string(&Verified { books: &found, policy: counts })?);
    } else {
        print(&found, counts);
    }
    Ok(if found.wrong.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// An amount in the main unit, with its currency.
fn amount(minor: i128, currency: &str) -> String {
    let known = currency.parse::<Currency>();
    let text = known.map(|currency| DecimalAmount::of_balance(minor, currency).to_string());
    format!("{} {currency}", grouped(&text.unwrap_or_else(|_| minor.to_string())))
}

fn open_item_line(one: &OpenItemReport) -> String {
    let OpenItemReport { item, terminal, batch, opened, age_days, owner, .. } = one;
    let net = amount(one.net, one.currency);
    let (lines, open) = (one.lines.len(), one.undecided());
    let content = match (lines, one.lines_expected) {
        (0, true) => bilingual!("the upload is expected", "等待批上送"),
        (0, false) => bilingual!("no upload came", "未批上送"),
        _ => bilingual!("{open} of {lines} lines are open", "{lines} 笔中 {open} 笔待查"),
    };
    bilingual!(
        "{item}: terminal {terminal:08}, batch {batch}, since {opened} (days: {age_days}), owner \
         {owner}: terminal minus books {net}; {content}",
        "{item}：终端 {terminal:08} 批次 {batch}，自 {opened}（{age_days} 天），责任人 {owner}：\
         终端减账簿 {net}；{content}"
    )
}

fn debt_line(one: &SellerDebtReport) -> String {
    let SellerDebtReport { seller, since, .. } = one;
    let owes = amount(one.owes, one.currency);
    bilingual!("{seller}: owes {owes} since {since}", "{seller}：自 {since} 起欠 {owes}")
}

fn print(found: &BooksReport, policy: Option<AuditCounts>) {
    let BooksReport { batches, commands, postings, digest, .. } = found;
    let count = |count: u64| grouped(&count.to_string());
    if found.trial {
        say!("{}", Lang::current().pick("trial books", "试用账簿"));
    }
    say!(
        "{}",
        bilingual!(
            "replayed: {0} batches, {1} commands, {2} postings",
            "已重放：{0} 批、{1} 条命令、{2} 笔分录",
            count(*batches),
            count(*commands),
            count(*postings)
        )
    );
    if let (Some(first), Some(last)) = (&found.first_at, &found.last_at) {
        say!("{}", bilingual!("from {first} to {last}", "时间：{first} 至 {last}"));
    }
    let snapshots = found.snapshots.len();
    say!("{}", bilingual!("snapshots compared: {snapshots}", "已核对快照：{snapshots}"));
    for (debits, credits) in found.debits.iter().zip(&found.credits) {
        let sum = |minor: u128| amount(i128::try_from(minor).unwrap_or(i128::MAX), debits.currency);
        say!(
            "{}",
            bilingual!(
                "debits {0}, credits {1}",
                "借方 {0}，贷方 {1}",
                sum(debits.amount),
                sum(credits.amount)
            )
        );
    }
    let (unknown, breaks) = (found.unknown, found.breaks);
    if unknown > 0 {
        say!(
            "{}",
            bilingual!("payments with an unknown outcome: {unknown}", "结果未知的付款：{unknown}")
        );
    }
    if breaks > 0 {
        say!("{}", bilingual!("open breaks: {breaks}", "未结差异：{breaks}"));
    }
    let (items, debts) = (&found.open_items, &found.sellers_below_zero);
    if !items.is_empty() {
        say!("{}", bilingual!("open items: {0}", "待查账项：{0}", items.len()));
    }
    for one in items {
        say!("  {}", open_item_line(one));
    }
    if !debts.is_empty() {
        say!("{}", bilingual!("sellers below zero: {0}", "余额低于零的卖家：{0}", debts.len()));
    }
    for one in debts {
        say!("  {}", debt_line(one));
    }
    say!(
        "{}",
        bilingual!("digest after batch {batches}: {digest}", "第 {batches} 批后的摘要：{digest}")
    );
    if let Some(AuditCounts { matched, erased, other_tables, versions }) = policy {
        say!(
            "{}",
            bilingual!(
                "public texts matched again: {matched}, versions of the policy: {versions}; texts \
                 no longer there: {erased}; matched with other tables: {other_tables}",
                "已重新核对公开文本：{matched}，规则版本：{versions}；文本已不存在：{erased}；\
                 以其他字表核对：{other_tables}"
            )
        );
    }
    let lang = Lang::current();
    if found.wrong.is_empty() {
        say!("{}", lang.pick("Every rule holds.", "各项规则均成立。"));
        say!(
            "{}",
            lang.pick(
                "Batches cut off at the end do not show here: compare the digest with one kept \
                 elsewhere.",
                "日志末尾若被截去，此处无法发现：请与另处保存的摘要比对。"
            )
        );
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
             books -4.00 CNY; the upload is expected"
        );
        let left = OpenItemView { lines_expected: false, ..expected };
        assert!(line(&left).ends_with("books -4.00 CNY; no upload came"));
        let differing = |stan, decision| {
            let (stan, credit) = (Stan::of(stan), false);
            let ours = Some(BatchLine { stan, amount: Amount::of(300), credit });
            OpenItemLine { stan, ours, theirs: None, payment: None, decision }
        };
        let lines = vec![differing(1, Some(LineDecision::Count)), differing(2, None)];
        let compared = OpenItemView { content: OpenItemContent::Lines(lines), ..left };
        assert!(line(&compared).ends_with("books -3.00 CNY; 1 of 2 lines are open"));
    }
}
