//! Previews, samples, the transparency report and statements of reasons.

use std::fmt::Display;
use std::process::ExitCode;

use anyhow::Context;
use listings::{ChangedText, KindCounts, Preview, TextStore, preview as measure};
use policy::SampleKind;
use reports::{
    BooksAtHead, PlatformTerms, PolicyReport, RateInterval, StatementFault, policy_report,
    statements as all_statements, wilson,
};
use serde_json::{Value, json};
use tariff::BusinessDate;

use super::shown::{places, verdict};
use super::{DaysArgs, PreviewArgs, ReportArgs, SampleArgs, StatementsArgs, read};
use crate::data_directory::{check_output, read_at_head};
use crate::texts::{filled, text};
use crate::words::{Lang, say};

pub(super) fn preview(args: &PreviewArgs) -> anyhow::Result<()> {
    let file = read(&args.file)?;
    let head = read_at_head(&args.data)?;
    let store = TextStore::open(&args.data)?;
    let date = file.from.max(head.today());
    let chosen = (args.sample, args.seed);
    let found = measure(&head.engine, &store, (&file.rules, date), chosen)?;
    if args.json {
        say!("{}", serde_json::to_string(&found)?);
    } else {
        print_preview(&found);
    }
    Ok(())
}

fn print_preview(found: &Preview) {
    let lang = Lang::current();
    let values: [(&str, &dyn Display); 2] = [("texts", &found.texts), ("erased", &found.erased)];
    say!("{}", filled(lang, "policy.previewed", &values));
    for (kind, counts) in
        [("policy.individual", &found.individual), ("policy.business", &found.business)]
    {
        let KindCounts { texts, caught, freed, stopped } = counts;
        let values: [(&str, &dyn Display); 5] = [
            ("kind", &text(lang, kind)),
            ("texts", texts),
            ("caught", caught),
            ("freed", freed),
            ("stopped", stopped),
        ];
        say!("{}", filled(lang, "policy.changes", &values));
    }
    for ChangedText { offer, before, after, found, title, .. } in &found.sample {
        let (before, after) = (verdict(*before), verdict(*after));
        let values: [(&str, &dyn Display); 5] = [
            ("offer", offer),
            ("before", &before),
            ("after", &after),
            ("title", title),
            ("found", &places(found)),
        ];
        say!("  {}", filled(lang, "policy.changed", &values));
    }
}

pub(super) fn sample(args: &SampleArgs) -> anyhow::Result<()> {
    let head = read_at_head(&args.data)?;
    let policy = head.engine.policy();
    let lang = Lang::current();
    let Some(number) = args.sample else {
        let all = policy.samples();
        if args.json {
            let one = |one: policy::SampleCounts| {
                json!({ "sample": one.number, "kind": one.kind, "texts": one.texts,
                        "judged": one.judged, "errors": one.errors,
                        "error_rate": wilson(one.errors, one.judged) })
            };
            say!("{}", Value::from_iter(all.map(one)));
        } else {
            for one in all {
                let kind = kind(one.kind);
                let rate = rate(wilson(one.errors, one.judged));
                let values: [(&str, &dyn Display); 6] = [
                    ("number", &one.number),
                    ("kind", &kind),
                    ("texts", &one.texts),
                    ("judged", &one.judged),
                    ("errors", &one.errors),
                    ("rate", &rate),
                ];
                say!("{}", filled(lang, "policy.sample", &values));
            }
        }
        return Ok(());
    };
    let known = number > 0 && number <= policy.last_sample();
    anyhow::ensure!(known, filled(lang, "policy.no_sample", &[("number", &number)]));
    let store = TextStore::open(&args.data)?;
    let mut listed = Vec::new();
    for (item, (decision, judged)) in (1_u16..).zip(policy.sample_texts(number)) {
        let written = store.get(decision.content)?;
        if args.json {
            listed.push(json!({ "item": item, "offer": decision.offer, "text": written,
                                "judged": judged.map(|judged| judged.judgement) }));
            continue;
        }
        let state = text(lang, if judged.is_some() { "policy.judged" } else { "policy.open" });
        let values: [(&str, &dyn Display); 2] = [("item", &item), ("state", &state)];
        say!("{}", filled(lang, "policy.sample_text", &values));
        match written {
            None => say!("  {}", text(lang, "policy.no_text")),
            Some(written) => written.parts().for_each(|(_, part)| say!("  {part}")),
        }
    }
    if args.json {
        say!("{}", Value::from(listed));
    }
    Ok(())
}

fn kind(kind: SampleKind) -> &'static str {
    let key = match kind {
        SampleKind::Passed => "policy.of_passed",
        SampleKind::Stopped => "policy.of_stopped",
    };
    text(Lang::current(), key)
}

/// A rate with its interval: `2.5% (0.4% to 13.0%)`.
fn rate(rate: Option<RateInterval>) -> String {
    let lang = Lang::current();
    let Some(rate) = rate else { return text(lang, "policy.no_rate").to_owned() };
    // Tenths of a percent, rounded half up.
    let percent = |ppm: u32| {
        let tenths = (ppm + 500) / 1_000;
        format!("{}.{}%", tenths / 10, tenths % 10)
    };
    let [rate, low, high] = [rate.rate_ppm, rate.low_ppm, rate.high_ppm].map(percent);
    filled(lang, "policy.rate", &[("rate", &rate), ("low", &low), ("high", &high)])
}

fn days(head: &BooksAtHead, args: &DaysArgs) -> anyhow::Result<(BusinessDate, BusinessDate)> {
    let first = head.engine.policy().decisions().next().map(|one| one.date);
    let until = args.until.unwrap_or_else(|| head.today());
    let from = args.from.or(first).unwrap_or(until);
    let values: [(&str, &dyn Display); 2] = [("from", &from), ("until", &until)];
    anyhow::ensure!(from <= until, filled(Lang::current(), "policy.days", &values));
    Ok((from, until))
}

pub(super) fn report(args: &ReportArgs) -> anyhow::Result<()> {
    let head = read_at_head(&args.days.data)?;
    let (from, until) = days(&head, &args.days)?;
    let report = policy_report(&head.engine, from, until);
    if let Some(directory) = &args.csv {
        let named = || directory.display().to_string();
        std::fs::create_dir_all(directory).with_context(named)?;
        let service = args.service.as_deref().unwrap_or_default();
        for (name, lines) in report.csv_files().into_iter().chain(report.template_files(service)) {
            let path = directory.join(name);
            check_output(&path)?;
            std::fs::write(&path, lines).with_context(|| path.display().to_string())?;
            say!("{}", path.display());
        }
        return Ok(());
    }
    if args.json {
        say!("{}", serde_json::to_string(&report)?);
    } else {
        print_report(&report);
    }
    Ok(())
}

fn print_report(report: &PolicyReport) {
    let lang = Lang::current();
    let values: [(&str, &dyn Display); 6] = [
        ("from", &report.from),
        ("until", &report.until),
        ("passed", &report.passed),
        ("labelled", &report.labelled),
        ("held", &report.held),
        ("refused", &report.refused),
    ];
    say!("{}", filled(lang, "policy.report", &values));
    for one in &report.baselines {
        let (english, chinese) = one.baseline.names();
        let values: [(&str, &dyn Display); 7] = [
            ("baseline", &lang.pick(english, chinese)),
            ("rules", &one.rules),
            ("labelled", &one.labelled),
            ("held", &one.held),
            ("refused", &one.refused),
            ("appealed", &one.appealed),
            ("reversed", &one.reversed),
        ];
        say!("{}", filled(lang, "policy.report_baseline", &values));
    }
    for one in &report.rules {
        let suspended = if one.suspended { text(lang, "policy.suspended") } else { "" };
        let values: [(&str, &dyn Display); 8] = [
            ("rule", &one.rule),
            ("version", &one.version),
            ("labelled", &one.labelled),
            ("held", &one.held),
            ("refused", &one.refused),
            ("person", &one.by_person),
            ("appealed", &one.appealed),
            ("reversed", &one.reversed),
        ];
        say!("  {}{suspended}", filled(lang, "policy.report_rule", &values));
    }
    let automation = report.automation;
    let values: [(&str, &dyn Display); 3] = [
        ("fully", &automation.fully),
        ("partially", &automation.partially),
        ("not", &automation.not),
    ];
    say!("{}", filled(lang, "policy.report_automation", &values));
    let minutes =
        |minutes: Option<u64>| minutes.map_or("-".to_owned(), |minutes| minutes.to_string());
    let values: [(&str, &dyn Display); 2] =
        [("count", &report.holds_decided), ("minutes", &minutes(report.hold_minutes_median))];
    say!("{}", filled(lang, "policy.report_holds", &values));
    let appeals = report.appeals;
    let values: [(&str, &dyn Display); 6] = [
        ("received", &appeals.received),
        ("judged", &appeals.judged),
        ("reversed", &appeals.reversed),
        ("open", &appeals.open),
        ("overdue", &appeals.overdue),
        ("minutes", &minutes(appeals.minutes_median)),
    ];
    say!("{}", filled(lang, "policy.report_appeals", &values));
    for one in &report.samples {
        let (kind, rate) = (kind(one.kind), rate(one.error_rate));
        let values: [(&str, &dyn Display); 6] = [
            ("number", &one.number),
            ("kind", &kind),
            ("texts", &one.texts),
            ("judged", &one.judged),
            ("errors", &one.errors),
            ("rate", &rate),
        ];
        say!("{}", filled(lang, "policy.sample", &values));
    }
}

#[allow(clippy::print_stderr, reason = "the lines in standard output are a file")]
pub(super) fn statements(args: &StatementsArgs) -> anyhow::Result<ExitCode> {
    let head = read_at_head(&args.days.data)?;
    let days = days(&head, &args.days)?;
    let terms = PlatformTerms {
        territories: args.territory.clone(),
        reference_url: args.url.clone(),
        content_language: args.language.clone(),
    };
    let (fits, refused) = all_statements(&head.engine, days, &terms);
    for one in &fits {
        say!("{}", serde_json::to_string(one)?);
    }
    for one in &refused {
        let faults: Vec<String> = one.faults.iter().map(fault).collect();
        let faults = faults.join(Lang::current().pick("; ", "；"));
        let values: [(&str, &dyn Display); 3] =
            [("offer", &one.offer), ("number", &one.decision), ("faults", &faults)];
        eprintln!("{}", filled(Lang::current(), "policy.does_not_fit", &values));
    }
    Ok(if refused.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn fault(fault: &StatementFault) -> String {
    crate::chinese::error(fault, Lang::current())
}
