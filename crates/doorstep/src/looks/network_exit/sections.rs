//! The report and the drill as sections of facts and tables: for the terminal and as HTML.

use std::fmt::Display;

use ::notices::NetworkNotices;
use reports::{ExitDrill, ExitReport, ForecastBasis, MovedSums, PendingCount, TailReport};

use crate::looks::{amount, count, money, unsigned, word};
use crate::texts::{filled, text};
use crate::words::{Lang, grouped};

/// Rows of a list that are shown: sellers, ranges.
const NAMES_SHOWN_MAX: usize = 20;

/// A part of the report. Without columns, its rows are a label and a text each.
pub struct Section {
    pub title: &'static str,
    /// With whether it is a figure.
    pub columns: Vec<(&'static str, bool)>,
    pub rows: Vec<Vec<String>>,
}

impl Section {
    pub fn facts(title: &'static str, rows: Vec<(&'static str, String)>) -> Section {
        let rows = rows.into_iter().map(|(label, text)| vec![label.to_owned(), text]).collect();
        Section { title, columns: Vec::new(), rows }
    }

    fn table(
        title: &'static str,
        columns: &[(&'static str, bool)],
        rows: Vec<Vec<String>>,
    ) -> Section {
        Section { title, columns: columns.to_vec(), rows }
    }
}

fn t(key: &str) -> &'static str {
    text(Lang::current(), key)
}

/// A text, or that there is none.
fn or_none(text: Option<&String>) -> String {
    text.map_or_else(|| t("looks.none").to_owned(), |text| text[..19].replace('T', " "))
}

/// In percent, with two decimals.
fn percent(ppm: Option<u64>) -> String {
    ppm.map_or_else(
        || t("looks.none").to_owned(),
        |ppm| format!("{}.{:02}%", ppm / 10_000, ppm % 10_000 / 100),
    )
}

fn names(all: &[String]) -> String {
    let shown = all.iter().take(NAMES_SHOWN_MAX).cloned().collect::<Vec<_>>();
    let shown = shown.join(t("looks.separator"));
    match all.len() {
        0 => t("looks.none").to_owned(),
        more if more > NAMES_SHOWN_MAX => format!("{more}: {shown} …"),
        some => format!("{some}: {shown}"),
    }
}

pub fn report_sections(report: &ExitReport) -> Vec<Section> {
    let currency = report.currency;
    let shown = |minor: u128| money(unsigned(minor), currency);
    let mut sections = vec![state(report), timeline(report)];
    if !report.steps.is_empty() {
        let rows = report.steps.iter().map(|step| {
            vec![
                step.at[..19].replace('T', " "),
                t(if step.withdraws { "network_exit.withdrew" } else { "network_exit.reinstated" })
                    .to_owned(),
                or_none(step.from.as_ref()),
                step.proposed_by.to_string(),
                step.approved_by.to_string(),
                step.position.clone(),
            ]
        });
        sections.push(Section::table(
            t("network_exit.steps"),
            &[
                (t("network_exit.time"), false),
                (t("network_exit.step"), false),
                (t("network_exit.from"), false),
                (t("network_exit.proposed_by"), false),
                (t("network_exit.approved_by"), false),
                (t("network_exit.position"), false),
            ],
            rows.collect(),
        ));
    }
    sections.push(Section::facts(
        t("network_exit.affected"),
        vec![
            (
                t("network_exit.since"),
                report.affected.since.map(|day| day.to_string()).unwrap_or_default(),
            ),
            (t("network_exit.terminals"), count(report.affected.terminals)),
            (t("network_exit.sellers"), names(&report.affected.sellers)),
            (t("network_exit.firms"), names(&report.affected.firms)),
            (t("network_exit.ranges"), ranges(report.ranges_without_route.as_deref())),
        ],
    ));
    if !report.pending.is_empty() {
        sections.push(pending(&report.pending, currency));
    }
    if !report.owed_by_day.is_empty() {
        let rows = report.owed_by_day.iter().map(|day| {
            let late = if day.late { t("network_exit.late") } else { "" };
            vec![
                day.day.to_string(),
                day.age_days.to_string(),
                count(day.payments),
                money(day.amount, currency),
                late.to_owned(),
            ]
        });
        sections.push(Section::table(
            t("network_exit.owed_by_day"),
            &[
                (t("network_exit.day"), false),
                (t("network_exit.age"), true),
                (t("network_exit.payments"), true),
                (t("recon.amount"), true),
                ("", false),
            ],
            rows.collect(),
        ));
    }
    sections.push(Section::facts(
        t("network_exit.sellers_money"),
        vec![
            (t("network_exit.not_received"), shown(report.not_received)),
            (t("network_exit.held"), shown(report.held)),
            (t("network_exit.released"), shown(report.released)),
            (t("network_exit.fees_due"), shown(report.fees_due)),
        ],
    ));
    sections.push(tail(report));
    if !report.breaks.is_empty() {
        let rows = report.breaks.iter().map(|one| {
            vec![
                one.break_id.clone(),
                one.opened.to_string(),
                one.age_days.to_string(),
                one.owner.clone(),
                money(one.amount, currency),
            ]
        });
        sections.push(Section::table(
            t("recon.breaks"),
            &[
                (t("network_exit.break"), false),
                (t("recon.since"), false),
                (t("network_exit.age"), true),
                (t("network_exit.owner"), false),
                (t("recon.amount"), true),
            ],
            rows.collect(),
        ));
    }
    let moved = report.moved.iter().map(|way| moved_row(&way.network, &way.sums, currency));
    let all = moved_row(t("costs.all"), &report.moved_total, currency);
    sections.push(moved_table(t("network_exit.moved"), moved.chain([all]).collect()));
    if !report.run_down.is_empty() {
        let rows = report.run_down.iter();
        let rows = rows.map(|(day, sum)| vec![day.to_string(), money(*sum, currency)]);
        sections.push(Section::table(
            t("network_exit.run_down"),
            &[(t("network_exit.day"), false), (t("network_exit.receivable"), true)],
            rows.collect(),
        ));
    }
    if !report.files.is_empty() {
        let rows = report.files.iter().map(|file| {
            vec![
                file.file.to_string(),
                format!("{} – {}", file.from, file.until),
                grouped(&file.lines.to_string()),
                money(file.total, currency),
                file.digest[..16].to_owned(),
            ]
        });
        sections.push(Section::table(
            t("network_exit.files"),
            &[
                (t("recon.file"), true),
                (t("recon.days"), false),
                (t("recon.lines"), true),
                (t("recon.total"), true),
                ("SHA-256", false),
            ],
            rows.collect(),
        ));
    }
    sections
}

fn state(report: &ExitReport) -> Section {
    let currency = report.currency;
    let state = match (&report.withdrawn_from, report.is_closed) {
        (_, true) => t("network_exit.is_closed").to_owned(),
        (Some(from), _) => {
            let from = from[..19].replace('T', " ");
            filled(Lang::current(), "network_exit.is_withdrawn", &[("from", &from)])
        }
        (None, _) => t("network_exit.in_use").to_owned(),
    };
    let forecast = &report.forecast;
    let day = forecast.day.map_or_else(|| t("looks.none").to_owned(), |day| day.to_string());
    let basis = serde_json::to_value(forecast.basis).unwrap_or_default();
    let basis = basis.as_str().unwrap_or_default().to_owned();
    let lag = forecast.longest_lag_days.map_or_else(String::new, |lag| lag.to_string());
    let values: [(&str, &dyn Display); 4] = [
        ("day", &day),
        ("basis", &word("network_exit.basis", &basis)),
        ("lag", &lag),
        ("late", &forecast.late),
    ];
    let zero = match forecast.basis {
        ForecastBasis::LongestLag => filled(Lang::current(), "network_exit.zero_by_lag", &values),
        _ => filled(Lang::current(), "network_exit.zero", &values[..2]),
    };
    Section::facts(
        t("network_exit.state"),
        vec![
            (t("network_exit.network"), report.network.clone()),
            (t("network_exit.is"), state),
            (t("network_exit.receivable"), money(report.receivable, currency)),
            (t("network_exit.by_breaks"), money(report.owed_by_breaks, currency)),
            (t("network_exit.zero_on"), zero),
            (t("network_exit.unknown"), grouped(&report.unknown_payments.to_string())),
            (t("network_exit.files_expected"), count(report.files_expected)),
        ],
    )
}

fn timeline(report: &ExitReport) -> Section {
    Section::facts(
        t("network_exit.timeline"),
        vec![
            (t("network_exit.last_route"), or_none(report.last_route.as_ref())),
            (t("network_exit.last_capture"), or_none(report.last_capture.as_ref())),
            (t("network_exit.last_refund"), or_none(report.last_refund.as_ref())),
            (t("network_exit.last_chargeback"), or_none(report.last_chargeback.as_ref())),
            (t("network_exit.last_file"), or_none(report.last_file.as_ref())),
            (
                t("network_exit.tail_until"),
                report.tail_until.map_or_else(|| t("looks.none").to_owned(), |day| day.to_string()),
            ),
            (t("network_exit.approved_before"), percent(report.approved_before_ppm)),
            (t("network_exit.approved_since"), percent(report.approved_since_ppm)),
        ],
    )
}

fn ranges(ranges: Option<&[reports::CardRangeUse]>) -> String {
    match ranges {
        None => t("network_exit.ranges_unknown").to_owned(),
        Some(ranges) => {
            let all: Vec<String> = ranges.iter().map(|range| range.first_digits.clone()).collect();
            names(&all)
        }
    }
}

fn pending(pending: &[PendingCount], currency: &str) -> Section {
    let rows = pending.iter().map(|one| {
        vec![
            word("network_exit.pending", one.kind).to_owned(),
            count(one.count),
            money(unsigned(one.amount), currency),
        ]
    });
    Section::table(
        t("network_exit.in_flight"),
        &[
            (t("network_exit.waits"), false),
            (t("network_exit.count"), true),
            (t("recon.amount"), true),
        ],
        rows.collect(),
    )
}

fn tail(report: &ExitReport) -> Section {
    let row = |tail: &TailReport| {
        vec![
            word("network_exit.way", tail.way).to_owned(),
            count(tail.count),
            money(unsigned(tail.amount), report.currency),
            tail.oldest.map(|day| day.to_string()).unwrap_or_default(),
        ]
    };
    let rows = report.refunds.iter().chain([&report.chargebacks]).map(row).collect();
    Section::table(
        t("network_exit.tail"),
        &[
            (t("network_exit.waits"), false),
            (t("network_exit.count"), true),
            (t("recon.amount"), true),
            (t("recon.since"), false),
        ],
        rows,
    )
}

fn moved_row(name: &str, sums: &MovedSums, currency: &str) -> Vec<String> {
    vec![
        name.to_owned(),
        grouped(&sums.payments.to_string()),
        money(unsigned(sums.amount), currency),
        money(sums.extra, currency),
    ]
}

fn moved_table(title: &'static str, rows: Vec<Vec<String>>) -> Section {
    Section::table(
        title,
        &[
            (t("network_exit.where"), false),
            (t("network_exit.payments"), true),
            (t("recon.amount"), true),
            (t("network_exit.extra"), true),
        ],
        rows,
    )
}

/// When the drill withdrew it, or that it was withdrawn before.
fn withdrawn(drill: &ExitDrill) -> String {
    match &drill.withdrawn_before {
        Some(from) => {
            let from = from[..19].replace('T', " ");
            filled(Lang::current(), "network_exit.drill_before", &[("from", &from)])
        }
        None => or_none(drill.withdrawn_at.as_ref()),
    }
}

/// Whom the notices told of it, and how that ended. `None`: there are no notices here.
pub fn notices(told: Option<&[NetworkNotices]>) -> Section {
    let Some(told) = told.filter(|told| !told.is_empty()) else {
        let key =
            if told.is_some() { "network_exit.told_nobody" } else { "network_exit.no_notices" };
        let row = (t("network_exit.told"), t(key).to_owned());
        return Section::facts(t("network_exit.notices"), vec![row]);
    };
    let rows = told.iter().map(|one| {
        vec![
            word("network_exit.told_event", &one.event.replace('.', "_")).to_owned(),
            one.channel.clone(),
            one.state.clone(),
            grouped(&one.count.to_string()),
        ]
    });
    Section::table(
        t("network_exit.notices"),
        &[
            (t("network_exit.step"), false),
            (t("told.channel"), false),
            (t("network_exit.is"), false),
            (t("network_exit.count"), true),
        ],
        rows.collect(),
    )
}

/// What is asked of an exit and nobody here knows: a person adds it.
pub fn unknown(network: &str, keys: Option<&[String]>) -> Section {
    let keys = match keys {
        None => t("network_exit.keys_unknown").to_owned(),
        Some([]) => t("network_exit.keys_none").to_owned(),
        Some(keys) => {
            let keys = keys.join(t("looks.separator"));
            let values: [(&str, &dyn Display); 2] = [("keys", &keys), ("network", &network)];
            filled(Lang::current(), "network_exit.keys_named", &values)
        }
    };
    Section::facts(
        t("network_exit.not_kept"),
        vec![
            (t("network_exit.reason"), t("network_exit.reason_unknown").to_owned()),
            (t("network_exit.authority"), t("network_exit.authority_known").to_owned()),
            (t("network_exit.acknowledged"), t("network_exit.acknowledged_unknown").to_owned()),
            (t("network_exit.keys"), keys),
        ],
    )
}

/// The closing balance, once nothing is open.
pub fn closing(report: &ExitReport) -> String {
    match (report.closing_balance, report.closed_on) {
        (Some(balance), Some(day)) => {
            let balance = money(balance, report.currency);
            let values: [(&str, &dyn Display); 2] = [("balance", &balance), ("day", &day)];
            filled(Lang::current(), "network_exit.closing_on", &values)
        }
        _ => t("network_exit.not_closed").to_owned(),
    }
}

pub fn drill_sections(drill: &ExitDrill) -> Vec<Section> {
    let currency = drill.currency;
    let day = drill.zero_on.map_or_else(|| t("looks.none").to_owned(), |day| day.to_string());
    let rules =
        if drill.rules_hold { "network_exit.rules_hold" } else { "network_exit.rules_fail" };
    let mut sections = vec![
        Section::facts(
            t("network_exit.state"),
            vec![
                (t("network_exit.drill_withdrawn"), withdrawn(drill)),
                (t("network_exit.answered"), count(drill.answered)),
                (t("network_exit.lag"), drill.lag_days.to_string()),
                (t("network_exit.zero_on"), day),
                (t("network_exit.left_over"), money(drill.receivable_left, currency)),
                (t("network_exit.ranges"), ranges(drill.ranges_without_route.as_deref())),
                (t("network_exit.commands"), grouped(&drill.commands.to_string())),
                (t("network_exit.rules"), t(rules).to_owned()),
            ],
        ),
        moved_table(
            t("network_exit.drill_moved"),
            vec![
                moved_row(t("network_exit.finds_another"), &drill.moved, currency),
                moved_row(t("network_exit.others_down"), &drill.purchases.others_down, currency),
                moved_row(t("network_exit.only_here"), &drill.purchases.only_here, currency),
            ],
        ),
    ];
    let rows = drill.run_down.iter().map(|day| {
        vec![
            day.day.to_string(),
            count(day.lines),
            money(day.paid, currency),
            amount(day.receivable, currency),
        ]
    });
    sections.push(Section::table(
        t("network_exit.run_down"),
        &[
            (t("network_exit.day"), false),
            (t("recon.lines"), true),
            (t("network_exit.paid"), true),
            (t("network_exit.receivable"), true),
        ],
        rows.collect(),
    ));
    if !drill.refused.is_empty() {
        let rows = drill.refused.iter().map(|refused| vec![refused.clone()]).collect();
        sections.push(Section::table(
            t("network_exit.refused"),
            &[(t("network_exit.refusal"), false)],
            rows,
        ));
    }
    sections
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// One page without scripts, and with nothing from elsewhere: it prints and can be sent.
pub fn html(title: &str, head: &str, sections: &[Section]) -> String {
    let lang = Lang::current().pick("en", "zh-CN");
    let mut page = format!(
        "<!doctype html>\n<html lang=\"{lang}\">\n<head>\n<meta charset=\"utf-8\">\n\
         <title>{0}</title>\n<style>\nbody {{ font: 14px/20px sans-serif; margin: 2em auto; \
         max-width: 60em }}\ntable {{ border-collapse: collapse; width: 100% }}\nth, td {{ \
         border-bottom: 1px solid #ccc; padding: 4px 8px; text-align: left; \
         vertical-align: top }}\n.n {{ text-align: right; font-variant-numeric: tabular-nums \
         }}\nh2 {{ font-size: 15px; margin-top: 2em }}\n</style>\n</head>\n<body>\n<h1>{0}</h1>\n\
         <p>{1}</p>\n",
        escaped(title),
        escaped(head)
    );
    for section in sections {
        page += &format!("<h2>{}</h2>\n<table>\n", escaped(section.title));
        if !section.columns.is_empty() {
            page += "<thead><tr>";
            for (title, is_number) in &section.columns {
                let class = if *is_number { " class=\"n\"" } else { "" };
                page += &format!("<th scope=\"col\"{class}>{}</th>", escaped(title));
            }
            page += "</tr></thead>\n";
        }
        page += "<tbody>\n";
        for row in &section.rows {
            page += "<tr>";
            for (place, cell) in row.iter().enumerate() {
                let is_label = section.columns.is_empty() && place == 0;
                let is_number = section.columns.get(place).is_some_and(|(_, number)| *number);
                let (tag, class) = match (is_label, is_number) {
                    (true, _) => ("th scope=\"row\"", ""),
                    (_, true) => ("td", " class=\"n\""),
                    _ => ("td", ""),
                };
                let end = if is_label { "th" } else { "td" };
                page += &format!("<{tag}{class}>{}</{end}>", escaped(cell));
            }
            page += "</tr>\n";
        }
        page += "</tbody>\n</table>\n";
    }
    page + "</body>\n</html>"
}
