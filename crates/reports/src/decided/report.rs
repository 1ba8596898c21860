//! The transparency report: what was decided, by whom, how fast, and how often wrongly.

use std::collections::BTreeMap;

use books::BusinessDate;
use engine::Engine;
use policy::{
    Baseline, DecisionOrigin, SampleKind, StatementCategory, TextDecision, TextJudgement,
    TextVerdict,
};
use serde::Serialize;

use super::wilson::{RateInterval, wilson};

/// Counts of the decisions of some days.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PolicyReport {
    pub from: String,
    pub until: String,
    /// Texts that passed.
    pub passed: u64,
    pub labelled: u64,
    pub held: u64,
    pub refused: u64,
    /// All seven, also those without rules.
    pub baselines: Vec<BaselineCounts>,
    /// By version and id.
    pub rules: Vec<PolicyRuleReport>,
    pub automation: AutomationCounts,
    /// Labels and refusals at the house's own initiative, by ground and category.
    pub measures: Vec<MeasureCounts>,
    /// Held texts about which a person decided, and the median of the time, in minutes.
    pub holds_decided: u64,
    pub hold_minutes_median: Option<u64>,
    pub appeals: AppealCounts,
    pub samples: Vec<SampleReport>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct BaselineCounts {
    pub baseline: Baseline,
    /// Rules in force at the end. Without any, nothing is checked.
    pub rules: u64,
    pub labelled: u64,
    pub held: u64,
    pub refused: u64,
    pub appealed: u64,
    pub reversed: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PolicyRuleReport {
    pub version: u32,
    pub rule: String,
    pub baseline: Baseline,
    pub labelled: u64,
    pub held: u64,
    pub refused: u64,
    /// Of these, decided by a person.
    pub by_person: u64,
    pub appealed: u64,
    pub judged: u64,
    pub reversed: u64,
    pub suspended: bool,
}

/// Who detected and decided, of the labels and refusals.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct AutomationCounts {
    /// By the rules alone.
    pub fully: u64,
    /// Found by the rules, decided by a person.
    pub partially: u64,
    /// Found and decided by people.
    pub not: u64,
}

/// Labels and refusals under rules of one ground and category: those of the first rule.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct MeasureCounts {
    /// A law asks for the rule; otherwise the house does.
    pub is_law: bool,
    pub category: Option<StatementCategory>,
    pub removed: u64,
    pub labelled: u64,
    /// Of both, by the rules alone.
    pub automated: u64,
}

impl MeasureCounts {
    /// The counts of both, under no ground and category.
    #[must_use]
    pub(super) fn plus(self, other: &MeasureCounts) -> MeasureCounts {
        MeasureCounts {
            removed: self.removed + other.removed,
            labelled: self.labelled + other.labelled,
            automated: self.automated + other.automated,
            ..MeasureCounts::default()
        }
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct AppealCounts {
    pub received: u64,
    pub judged: u64,
    pub reversed: u64,
    /// Of these, to a label.
    pub partially_reversed: u64,
    pub open: u64,
    /// Open after the day until which they were to be judged.
    pub overdue: u64,
    /// Median time to the judgement.
    pub minutes_median: Option<u64>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SampleReport {
    pub number: u32,
    pub kind: SampleKind,
    pub from: String,
    pub until: String,
    pub texts: u32,
    pub judged: u32,
    pub errors: u32,
    /// Of those that were judged, with the interval of 95%.
    pub error_rate: Option<RateInterval>,
}

const MINUTE_MS: u64 = 60_000;

/// Counts the decisions of some days.
#[must_use]
pub fn policy_report(engine: &Engine, from: BusinessDate, until: BusinessDate) -> PolicyReport {
    let policy = engine.policy();
    let mut rules: BTreeMap<(u32, String), PolicyRuleReport> = BTreeMap::new();
    let mut report = PolicyReport {
        from: from.to_string(),
        until: until.to_string(),
        passed: 0,
        labelled: 0,
        held: 0,
        refused: 0,
        baselines: Vec::new(),
        rules: Vec::new(),
        automation: AutomationCounts::default(),
        measures: Vec::new(),
        holds_decided: 0,
        hold_minutes_median: None,
        appeals: AppealCounts::default(),
        samples: Vec::new(),
    };
    let (mut holds, mut appeals) = (Vec::new(), Vec::new());
    let mut measures: BTreeMap<(bool, Option<StatementCategory>), MeasureCounts> = BTreeMap::new();
    for one in policy.decisions().filter(|one| (from..=until).contains(&one.date)) {
        match one.verdict {
            TextVerdict::Published => report.passed += 1,
            TextVerdict::Labelled => report.labelled += 1,
            TextVerdict::Held => report.held += 1,
            TextVerdict::Refused => report.refused += 1,
        }
        if matches!(one.verdict, TextVerdict::Labelled | TextVerdict::Refused) {
            match (one.by, one.found_by_rules) {
                (None, _) => report.automation.fully += 1,
                (Some(_), true) => report.automation.partially += 1,
                (Some(_), false) => report.automation.not += 1,
            }
            if let (DecisionOrigin::OwnInitiative, Some(first)) = (one.origin, one.rules.first())
                && let Some((_, rule)) = policy.rule_of(one, first)
            {
                let key = (!rule.is_law(), rule.category);
                let counts = measures.entry(key).or_insert(MeasureCounts {
                    is_law: rule.is_law(),
                    category: rule.category,
                    ..MeasureCounts::default()
                });
                counts.removed += u64::from(one.verdict == TextVerdict::Refused);
                counts.labelled += u64::from(one.verdict == TextVerdict::Labelled);
                counts.automated += u64::from(one.by.is_none());
            }
        }
        if let Some(held_at) = one.held_at {
            holds.push(one.at.0.saturating_sub(held_at.0) / MINUTE_MS);
        }
        if let Some(appeal) = &one.appeal {
            report.appeals.received += 1;
            match appeal.judged {
                Some(judged) => {
                    report.appeals.judged += 1;
                    report.appeals.reversed += u64::from(judged.reversed);
                    let is_part = judged.reversed && judged.judgement == TextJudgement::Label;
                    report.appeals.partially_reversed += u64::from(is_part);
                    appeals.push(judged.at.0.saturating_sub(appeal.at.0) / MINUTE_MS);
                }
                None => {
                    report.appeals.open += 1;
                    report.appeals.overdue += u64::from(appeal.due < until);
                }
            }
        }
        for rule in &one.rules {
            let Some((version, known)) = policy.rule_of(one, rule) else { continue };
            let counts = rules.entry((version, rule.clone())).or_insert_with(|| PolicyRuleReport {
                version,
                rule: rule.clone(),
                baseline: known.baseline,
                labelled: 0,
                held: 0,
                refused: 0,
                by_person: 0,
                appealed: 0,
                judged: 0,
                reversed: 0,
                suspended: policy.suspension(version, rule).is_some(),
            });
            counts.add(one);
        }
    }
    report.measures = measures.into_values().collect();
    report.holds_decided = holds.len() as u64;
    report.hold_minutes_median = median(holds);
    report.appeals.minutes_median = median(appeals);
    let in_force = policy.in_force(until);
    let baselines = Baseline::ALL.into_iter().map(|baseline| {
        let all = in_force.into_iter().flat_map(|version| &version.rules);
        let all = all.filter(|rule| rule.baseline == baseline && rule.is_in_force(until));
        let of = || rules.values().filter(|rule| rule.baseline == baseline);
        let sum = |count: fn(&PolicyRuleReport) -> u64| of().map(count).sum();
        BaselineCounts {
            baseline,
            rules: all.count() as u64,
            labelled: sum(|rule| rule.labelled),
            held: sum(|rule| rule.held),
            refused: sum(|rule| rule.refused),
            appealed: sum(|rule| rule.appealed),
            reversed: sum(|rule| rule.reversed),
        }
    });
    report.baselines = baselines.collect();
    report.rules = rules.into_values().collect();
    let samples = policy.samples().filter(|one| one.from <= until && one.until >= from);
    report.samples = samples
        .map(|one| SampleReport {
            number: one.number,
            kind: one.kind,
            from: one.from.to_string(),
            until: one.until.to_string(),
            texts: one.texts,
            judged: one.judged,
            errors: one.errors,
            error_rate: wilson(one.errors, one.judged),
        })
        .collect();
    report
}

impl PolicyRuleReport {
    fn add(&mut self, one: &TextDecision) {
        match one.verdict {
            TextVerdict::Published => {}
            TextVerdict::Labelled => self.labelled += 1,
            TextVerdict::Held => self.held += 1,
            TextVerdict::Refused => self.refused += 1,
        }
        self.by_person += u64::from(one.by.is_some());
        if let Some(appeal) = &one.appeal {
            self.appealed += 1;
            self.judged += u64::from(appeal.judged.is_some());
            self.reversed += u64::from(appeal.judged.is_some_and(|judged| judged.reversed));
        }
    }
}

fn median(mut all: Vec<u64>) -> Option<u64> {
    all.sort_unstable();
    all.get(all.len() / 2).copied()
}

impl PolicyReport {
    /// Our own files of counts as CSV (RFC 4180), by version and rule: each with its name and its
    /// lines.
    #[must_use]
    pub fn csv_files(&self) -> Vec<(&'static str, String)> {
        let row = |rule: &PolicyRuleReport, counts: [String; 4]| {
            let (baseline, version) = (name(&rule.baseline), rule.version.to_string());
            let of = [self.from.clone(), self.until.clone(), baseline, version, rule.rule.clone()];
            of.into_iter().chain(counts).collect()
        };
        let own = self.rules.iter().map(|rule| {
            let PolicyRuleReport { labelled, held, refused, by_person, .. } = rule;
            row(rule, [labelled, held, refused, by_person].map(ToString::to_string))
        });
        let appeals = self.rules.iter().map(|rule| {
            let counts = [rule.appealed, rule.judged, rule.reversed].map(|one| one.to_string());
            let [appealed, judged, reversed] = counts;
            row(rule, [appealed, judged, reversed, rule.suspended.to_string()])
        });
        let automation = [
            ("AUTOMATED_DECISION_FULLY", self.automation.fully),
            ("AUTOMATED_DECISION_PARTIALLY", self.automation.partially),
            ("AUTOMATED_DECISION_NOT_AUTOMATED", self.automation.not),
        ];
        let automation = automation.into_iter().map(|(kind, count)| {
            vec![self.from.clone(), self.until.clone(), kind.to_owned(), count.to_string()]
        });
        let samples = self.samples.iter().map(|one| {
            let rate = |pick: fn(&RateInterval) -> u32| {
                one.error_rate.as_ref().map(|rate| pick(rate).to_string()).unwrap_or_default()
            };
            vec![
                one.from.clone(),
                one.until.clone(),
                format!("{:?}", one.kind),
                one.texts.to_string(),
                one.judged.to_string(),
                one.errors.to_string(),
                rate(|rate| rate.rate_ppm),
                rate(|rate| rate.low_ppm),
                rate(|rate| rate.high_ppm),
            ]
        });
        let of_rules = ["from", "until", "baseline", "version", "rule"];
        let head = |more: &[&str]| -> Vec<String> {
            of_rules.iter().chain(more).map(|name| (*name).to_owned()).collect()
        };
        let plain = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        vec![
            ("own_initiative.csv", csv(head(&["labelled", "held", "refused", "by_person"]), own)),
            ("appeals.csv", csv(head(&["appealed", "judged", "reversed", "suspended"]), appeals)),
            (
                "automated_means.csv",
                csv(plain(&["from", "until", "automated_decision", "decisions"]), automation),
            ),
            (
                "samples.csv",
                csv(
                    plain(&[
                        "from", "until", "kind", "texts", "judged", "errors", "rate_ppm",
                        "low_ppm", "high_ppm",
                    ]),
                    samples,
                ),
            ),
        ]
    }
}

fn name(baseline: &Baseline) -> String {
    let name = serde_json::to_value(baseline).unwrap_or_default();
    name.as_str().unwrap_or_default().to_owned()
}

pub(super) fn csv(head: Vec<String>, lines: impl Iterator<Item = Vec<String>>) -> String {
    let quoted = |field: &String| match field.contains(['"', ',', '\n', '\r']) {
        true => format!("\"{}\"", field.replace('"', "\"\"")),
        false => field.clone(),
    };
    let line = |fields: Vec<String>| {
        let fields: Vec<String> = fields.iter().map(quoted).collect();
        fields.join(",") + "\r\n"
    };
    [head].into_iter().chain(lines).map(line).collect()
}
