//! `doorstep payouts`: payout files.

mod plan_events;

use std::collections::{BTreeMap, BTreeSet};
use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};
use books::{
    BusinessDate, DISCLOSED_SUBJECTS_MAX, DataSubject, DisclosurePurpose, PayoutAccountView,
    PayoutLine, PersonalDataKind, PlanId, SellerId,
};
use clap::{Args, ValueEnum};
use engine::Engine;
use files::pain001::{MessageTotals, Party};
use money::Currency;
use money::decimal::DecimalAmount;
use office::Request;
use office::socket::PayoutFilesAsked;
use reports::{
    DaySums, PayoutEnd, PayoutMessage, made_up_creditor, made_up_debtor, message_text,
    payout_seller, write_message, write_payouts_csv,
};
use serde_json::{Value, json};
use vault::{PayoutAccount, RecordKind, RecordName, Vault, VaultError, VaultOptions};

use crate::data_directory;
use crate::office_requests;
use crate::serve::settings::{self, AccountSettings};
use crate::texts::{filled, text};
use crate::words::{Lang, bilingual, say};

/// Payouts, or plans, that an error lists.
const LISTED_MAX: usize = 20;

/// Writes payout files for a bank or a finance team
///
/// Of all plans of which payouts were sent, or of those that --plan, --from and --to choose. The
/// CSV has one line for each payout. A pain.001.001.09 message (ISO 20022) orders the bank to pay
/// the payouts of one plan, with the sellers' accounts from the vault. The same plan always gives
/// the same message with the same id. A payout's number is its EndToEndId.
///
/// If a seller has no account, nothing is written. --without-missing writes the messages without
/// these payouts, and names them; each gets a message of its own once its seller has an account.
///
/// A message with a payout that the bank confirmed or returned went to the bank before: it is named
/// and not written. --again writes it.
#[derive(Args, Debug)]
pub struct PayoutsArgs {
    /// The data directory
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// The format
    #[arg(long, value_enum)]
    format: Format,
    /// Only this plan; can be given several times [default: all]
    #[arg(long, value_name = "PLAN")]
    plan: Vec<PlanId>,
    /// Only plans executed on this day or later
    #[arg(long, value_name = "DATE")]
    from: Option<BusinessDate>,
    /// Only plans executed on this day or earlier
    #[arg(long, value_name = "DATE")]
    to: Option<BusinessDate>,
    /// csv: the file to write. pain001: the directory; it gets payouts-PLAN.xml for each plan
    #[arg(long, value_name = "PATH")]
    out: PathBuf,
    /// pain001: the settings, doorstep.toml, with the vault's key and our accounts
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// pain001: leave payouts of sellers without an account out, and name them
    #[arg(long)]
    without_missing: bool,
    /// pain001: write messages again whose payouts the bank confirmed or returned
    #[arg(long)]
    again: bool,
    /// Print one JSON object about what was written
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    /// Every payout that was sent, for a finance team
    Csv,
    /// The orders to the bank, a message for each plan (ISO 20022)
    Pain001,
}

pub fn run(args: &PayoutsArgs) -> anyhow::Result<()> {
    data_directory::check_output(&args.out)?;
    let (mut sums, engine) = DaySums::of(&args.data)?;
    choose_plans(&mut sums, args)?;
    match args.format {
        Format::Csv => write_csv(&sums, &engine, args),
        Format::Pain001 => write_messages(&sums, &engine, args),
    }
}

/// Keeps the plans that were asked for.
fn choose_plans(sums: &mut DaySums, args: &PayoutsArgs) -> anyhow::Result<()> {
    keep_plans(sums, &args.plan)?;
    let (from, to) = (args.from, args.to);
    sums.plans.retain(|plan| {
        from.is_none_or(|from| from <= plan.date) && to.is_none_or(|to| plan.date <= to)
    });
    Ok(())
}

/// Keeps these plans. All, if none is named.
fn keep_plans(sums: &mut DaySums, wanted: &[PlanId]) -> anyhow::Result<()> {
    let lang = Lang::current();
    let known: Vec<PlanId> = sums.plans.iter().map(|plan| plan.id).collect();
    if let Some(missing) = wanted.iter().find(|plan| !known.contains(plan)) {
        let listed = known.iter().rev().take(LISTED_MAX).map(ToString::to_string);
        let listed = listed.collect::<Vec<_>>().join(text(lang, "log.separator"));
        let listed = if known.is_empty() { text(lang, "log.empty").to_owned() } else { listed };
        let values: [(&str, &dyn std::fmt::Display); 2] = [("plan", missing), ("all", &listed)];
        bail!(filled(lang, "payout_files.no_plan", &values));
    }
    sums.plans.retain(|plan| wanted.is_empty() || wanted.contains(&plan.id));
    Ok(())
}

fn write_csv(sums: &DaySums, engine: &Engine, args: &PayoutsArgs) -> anyhow::Result<()> {
    let lines = write_payouts_csv(sums, engine, &args.out)?;
    let file = args.out.display();
    if args.json {
        say!("{}", json!({ "file": file.to_string(), "payouts": lines }));
    } else {
        say!("{}", bilingual!("{file}: {lines} payouts", "{file}：{lines} 笔打款"));
    }
    Ok(())
}

/// The messages that are asked for, and what is not in them.
struct ChosenMessages {
    messages: Vec<PayoutMessage>,
    /// Payouts without an account.
    missing: Vec<(PlanId, PayoutLine)>,
    /// Messages that the bank had.
    old: Vec<PayoutMessage>,
    /// What to say about those.
    warning: Option<String>,
    trial: bool,
}

impl ChosenMessages {
    fn of(
        sums: &DaySums,
        engine: &Engine,
        again: bool,
        without_missing: bool,
    ) -> anyhow::Result<ChosenMessages> {
        ensure!(!sums.plans.is_empty(), text(Lang::current(), "payout_files.nothing"));
        let trial = engine.books().is_trial();
        let missing: Vec<(PlanId, PayoutLine)> = sums
            .plans
            .iter()
            .filter(|_| !trial)
            .flat_map(|plan| plan.without_account().into_iter().map(|line| (plan.id, line)))
            .collect();
        if !missing.is_empty() && !without_missing {
            bail!(missing_text("payout_files.missing", &missing, engine));
        }
        let mut messages: Vec<PayoutMessage> =
            sums.plans.iter().flat_map(|plan| plan.messages(trial)).collect();
        let was_sent = |message: &PayoutMessage| {
            let mut payouts = message.payouts.iter();
            payouts.any(|(line, _)| sums.ended_payouts.contains_key(&line.payout))
        };
        let old: Vec<PayoutMessage> =
            messages.iter().filter(|message| was_sent(message)).cloned().collect();
        let warning = if again { "payout_files.again" } else { "payout_files.sent_before" };
        let warning = (!old.is_empty()).then(|| sent_before_text(warning, &old, sums));
        if !again {
            messages.retain(|message| !was_sent(message));
        }
        if let (true, Some(warning)) = (messages.is_empty(), &warning) {
            bail!("{warning}");
        }
        Ok(ChosenMessages { messages, missing, old, warning, trial })
    }

    /// What is written of the messages, and what is not.
    fn report(&self, written: Vec<Value>, sums: &DaySums, engine: &Engine) -> Value {
        let left_out: Vec<Value> = self.missing.iter().map(|one| left_out(one, engine)).collect();
        let sent_before: Vec<Value> = self.old.iter().map(|one| sent_before(one, sums)).collect();
        json!({ "messages": written, "left_out": left_out, "sent_before": sent_before })
    }
}

fn write_messages(sums: &DaySums, engine: &Engine, args: &PayoutsArgs) -> anyhow::Result<()> {
    let lang = Lang::current();
    let chosen = ChosenMessages::of(sums, engine, args.again, args.without_missing)?;
    let settings = match &args.config {
        Some(config) => settings::accounts(config)?,
        None => AccountSettings::default(),
    };
    settings::check_master(settings.master_from_environment, chosen.trial)?;
    let debtors = check_debtors(&chosen.messages, settings.debtors, chosen.trial)?;
    let mut vault = Vault::new(&args.data, settings.vault);
    disclose(&chosen.messages, &args.data)?;
    // Everything is known before the first file is written.
    let mut ready = Vec::new();
    for message in &chosen.messages {
        let creditors = creditors(message, &mut vault, engine);
        ready.push((message, creditors.with_context(|| message.file_name.clone())?));
    }
    make_directory(&args.out)?;
    let mut written = Vec::new();
    for (message, creditors) in ready {
        let path = args.out.join(&message.file_name);
        let debtor = |currency: Currency| debtors[&currency].clone();
        let totals = write_message(message, creditors, debtor, &path)?;
        let MessageTotals { transfers, control_sum } = &totals;
        if args.json {
            written.push(json!({
                "file": path.display().to_string(), "id": message.id,
                "transfers": transfers, "control_sum": control_sum,
            }));
            continue;
        }
        let values: [(&str, &dyn std::fmt::Display); 4] = [
            ("file", &path.display()),
            ("id", &message.id),
            ("transfers", transfers),
            ("sum", control_sum),
        ];
        say!("{}", filled(lang, "payout_files.message", &values));
    }
    if args.json {
        say!("{}", chosen.report(written, sums, engine));
    }
    chosen.warning.iter().for_each(|warning| warn(warning));
    if !chosen.missing.is_empty() {
        warn(&missing_text("payout_files.left_out", &chosen.missing, engine));
    }
    Ok(())
}

/// The messages of a plan for somebody who signed in: nothing of them is written to a disk.
pub fn served_messages(
    data: &Path,
    asked: PayoutFilesAsked,
    (vault, debtors): (VaultOptions, BTreeMap<Currency, Party>),
    disclose: impl FnOnce(Vec<DataSubject>) -> anyhow::Result<()>,
) -> anyhow::Result<Value> {
    let (mut sums, engine) = plan_events::sums_with_plan(data, asked.plan)?;
    keep_plans(&mut sums, &[asked.plan])?;
    let chosen = ChosenMessages::of(&sums, &engine, asked.again, asked.without_missing)?;
    let debtors = check_debtors(&chosen.messages, debtors, chosen.trial)?;
    let mut vault = Vault::new(data, vault);
    disclose(payees(&chosen.messages))?;
    let mut shown = Vec::new();
    for message in &chosen.messages {
        let creditors = creditors(message, &mut vault, &engine)?;
        let debtor = |currency: Currency| debtors[&currency].clone();
        let (xml, totals) = message_text(message, creditors, debtor)?;
        shown.push(json!({
            "file": message.file_name, "id": message.id, "transfers": totals.transfers,
            "control_sum": totals.control_sum, "content": xml,
        }));
    }
    Ok(chosen.report(shown, &sums, &engine))
}

/// A message that the bank had, and what became of its payouts.
fn sent_before(message: &PayoutMessage, sums: &DaySums) -> Value {
    let of = |end| {
        let lines = message.payouts.iter().map(|(line, _)| line.payout);
        let ended = lines.filter(|payout| sums.ended_payouts.get(payout) == Some(&end));
        ended.map(|payout| payout.to_string()).collect::<Vec<_>>()
    };
    let (confirmed, returned) = (of(PayoutEnd::Confirmed), of(PayoutEnd::Returned));
    json!({ "id": message.id, "confirmed": confirmed, "returned": returned })
}

/// The messages that the bank had, and what to do.
fn sent_before_text(key: &str, old: &[PayoutMessage], sums: &DaySums) -> String {
    let lang = Lang::current();
    let mut lines = vec![filled(lang, key, &[("count", &old.len())])];
    for message in old.iter().rev().take(LISTED_MAX) {
        let ended = sent_before(message, sums);
        let count = |key: &str| ended[key].as_array().map_or(0, Vec::len);
        let values: [(&str, &dyn std::fmt::Display); 4] = [
            ("message", &message.id),
            ("all", &message.payouts.len()),
            ("confirmed", &count("confirmed")),
            ("returned", &count("returned")),
        ];
        lines.push(filled(lang, "payout_files.sent_before_one", &values));
    }
    lines.extend(more_text(old.len()));
    lines.join("\n  ")
}

/// How many more there are than are listed.
fn more_text(all: usize) -> Option<String> {
    let more = all.checked_sub(LISTED_MAX).filter(|more| *more > 0)?;
    Some(filled(Lang::current(), "do.more_accounts", &[("more", &more)]))
}

#[allow(clippy::print_stderr, reason = "for the person who pays")]
fn warn(text: &str) {
    eprintln!("{text}");
}

fn left_out((plan, line): &(PlanId, PayoutLine), engine: &Engine) -> Value {
    json!({
        "plan": plan.to_string(), "payout": line.payout.to_string(),
        "seller": payout_seller(engine, line), "currency": line.currency.code(),
        "net": line.net.minor(),
    })
}

/// The payouts without an account, and what to do.
fn missing_text(key: &str, missing: &[(PlanId, PayoutLine)], engine: &Engine) -> String {
    let lang = Lang::current();
    let mut lines = vec![filled(lang, key, &[("count", &missing.len())])];
    for (plan, line) in missing.iter().take(LISTED_MAX) {
        let values: [(&str, &dyn std::fmt::Display); 5] = [
            ("plan", plan),
            ("payout", &line.payout),
            ("seller", &payout_seller(engine, line)),
            ("amount", &DecimalAmount::of(line.net, line.currency)),
            ("currency", &line.currency),
        ];
        lines.push(filled(lang, "payout_files.missing_one", &values));
    }
    lines.extend(more_text(missing.len()));
    lines.join("\n  ")
}

/// Who pays in each currency of the messages.
fn check_debtors(
    messages: &[PayoutMessage],
    mut debtors: BTreeMap<Currency, Party>,
    trial: bool,
) -> anyhow::Result<BTreeMap<Currency, Party>> {
    for (line, _) in messages.iter().flat_map(|message| &message.payouts) {
        let currency = line.currency;
        if trial {
            debtors.entry(currency).or_insert_with(|| made_up_debtor(currency));
        }
        ensure!(
            debtors.contains_key(&currency),
            filled(Lang::current(), "payout_files.no_debtor", &[("currency", &currency)])
        );
    }
    Ok(debtors)
}

/// Whose accounts in the vault the messages show.
fn payees(messages: &[PayoutMessage]) -> Vec<DataSubject> {
    let lines = messages.iter().flat_map(|message| &message.payouts);
    let sellers = lines.filter(|(_, account)| account.is_some()).map(|(line, _)| line.seller);
    let sellers: BTreeSet<SellerId> = sellers.collect();
    sellers.into_iter().map(DataSubject::Seller).collect()
}

/// Records whose accounts the messages show, before the vault is opened.
fn disclose(messages: &[PayoutMessage], data: &Path) -> anyhow::Result<()> {
    let subjects = payees(messages);
    for subjects in subjects.chunks(DISCLOSED_SUBJECTS_MAX) {
        let Value::Object(fields) = json!({
            "subjects": subjects,
            "kind": PersonalDataKind::PayoutAccount,
            "purpose": DisclosurePurpose::Payout,
        }) else {
            unreachable!("it is written as an object")
        };
        let request = Request::Give { command: "RecordDisclosure".to_owned(), fields };
        office_requests::ask(data, request, None)?;
    }
    Ok(())
}

fn creditors(
    message: &PayoutMessage,
    vault: &mut Vault,
    engine: &Engine,
) -> anyhow::Result<Vec<Party>> {
    let one = |(line, account): &(PayoutLine, Option<PayoutAccountView>)| {
        let Some(account) = account else { return Ok(made_up_creditor(engine, line)) };
        let subject = DataSubject::Seller(line.seller);
        let name = RecordName { subject, kind: RecordKind::PayoutAccount(line.currency) };
        let seller = payout_seller(engine, line);
        let bytes = vault.open(name, &account.digest.0).with_context(|| seller.clone())?;
        let read = PayoutAccount::from_bytes(&bytes).ok_or(VaultError::Damaged(name));
        Ok(read.with_context(|| seller)?.party())
    };
    message.payouts.iter().map(one).collect()
}

/// The directory of the messages, which only its owner can read.
fn make_directory(path: &Path) -> anyhow::Result<()> {
    if !path.is_dir() {
        let made = DirBuilder::new().mode(0o700).create(path);
        made.with_context(|| path.display().to_string())?;
    }
    Ok(())
}
