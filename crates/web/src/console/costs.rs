//! What collections cost, and how a network leaves: computed from the journal for the page, as the
//! books are now.

use access::Principal;
use axum::http::StatusCode;
use books::BusinessDate;
use notices::NetworkNotices;
use pages::forms::{NOTHING, date, money, number};
use pages::{
    ActLink, Cell, HomeTile, Link, PageWords, PortalPage, PortalTable, list_path, nav_groups,
};
use reports::{
    CostBook, CostComponent, CostGroup, CostKey, CostReport, CostSettings, ExitFacts, ExitReport,
};

use super::frames::{frame, position, readable};
use super::home::last_date;
use super::rows::{offset_at, read, time_of};
use super::statements::day;
use super::{Visit, html};
use crate::app::HttpAnswer;
use crate::handlers::notices::look;
use crate::problem::{Problem, ProblemKind};
use crate::query::QueryParameters;

pub(super) const COSTS: &str = "costs";
pub(super) const EXIT: &str = "exit";
/// Days of one page: more are for the command line.
const DAYS_MAX: u16 = 31;
const GROUPS_SHOWN: usize = 100;
/// Commands that collect.
const COLLECTING: [&str; 4] =
    ["ResolvePurchase", "ResolveCompletion", "TakeCash", "RecordOfflineSale"];
/// What the books do not know of costs, in the data directory.
// Not one literal: a test takes `costs.…` for the key of a text.
const COSTS_FILE: &str = concat!("costs", ".toml");
const COSTS_BYTES_MAX: u64 = 1 << 20;

/// Costs are for who sees every payment and its network.
fn sees_costs(principal: &Principal) -> bool {
    readable(principal).contains(&COSTS)
}

fn settings(data: &std::path::Path) -> Result<CostSettings, Problem> {
    let path = data.join(COSTS_FILE);
    let Ok(found) = std::fs::metadata(&path) else { return Ok(CostSettings::default()) };
    if found.len() > COSTS_BYTES_MAX {
        return Err(Problem::internal(reports::CostSettingsError::TooLong));
    }
    let text = std::fs::read_to_string(&path).map_err(Problem::internal)?;
    CostSettings::parse(&text).map_err(Problem::internal)
}

pub(super) async fn costs(visit: Visit) -> HttpAnswer {
    let query = QueryParameters::read(visit.call.parts.uri.query(), &["from", "until", "by"])?;
    let principal = visit.call.caller()?.principal.clone();
    if !sees_costs(&principal) {
        return Err(ProblemKind::NotPermitted.into());
    }
    let (asked_from, asked_until) = (day(&query, "from")?, day(&query, "until")?);
    let by = query.get("by").unwrap_or("network");
    let by =
        CostKey::ALL.into_iter().find(|key| key.name() == by).ok_or(ProblemKind::NoSuchRecord)?;
    let (app, preferences) = (visit.call.app.clone(), visit.preferences);
    let words = preferences.words;
    let mut around = frame(&app, preferences, visit.call.caller.as_ref(), visit.path());
    let done = visit.call.app.workers.run(move |giver| {
        let (found, time, last) = read(&app, giver, |reader| {
            let found = reader.position()?;
            let time = time_of(reader, &found)?;
            let Some(log) = views::ViewSpec::find("commands") else {
                return Ok((found, time, String::new()));
            };
            // The last day with collections: in the night after it nothing is collected yet.
            let mut last = String::new();
            for command in COLLECTING {
                last = last.max(last_date(reader, log, Some(command), found.batch)?);
            }
            Ok((found, time, last))
        })?;
        let until = asked_until.or_else(|| last.parse().ok()).unwrap_or_default();
        let from = asked_from.unwrap_or(until).min(until);
        let from = from.max(until.minus_days(DAYS_MAX - 1));
        let settings = settings(&app.data)?;
        let wanted = settings.default_network.as_deref();
        let book = CostBook::read(&app.data, (from, until), wanted, &|_| ());
        let report = book.map_err(Problem::internal)?.report(by, None, &settings);
        let path = list_path(COSTS);
        around.nav = nav_groups(words, &readable(&principal), Some(COSTS), None);
        around.title = words.get("view.costs").to_owned();
        let shown = (&*path, &[][..]);
        let mut at = position(words, &found, None, shown, (time, offset_at(giver, time)?));
        (at.json, at.csv) = (None, None);
        around.position = Some(at);
        let made = Costs { words, report: &report, by };
        let page = PortalPage {
            lead: format!(
                "{} – {}",
                date(words, &from.to_string()),
                date(words, &until.to_string())
            ),
            work: Vec::new(),
            flow_title: words.get("costs.sums"),
            flow: made.tiles(),
            is_flow: false,
            tables: vec![made.groups(), made.components(), made.drift(), made.terminals()],
            parcels: Vec::new(),
            acts: made.choices((from, until)),
            frame: around,
        };
        html(&page, StatusCode::OK)
    });
    done.await?
}

/// Makes the tables.
struct Costs<'r> {
    words: PageWords,
    report: &'r CostReport,
    by: CostKey,
}

impl Costs<'_> {
    fn tile(&self, key: &str, sum: &dyn Fn(&CostGroup) -> i128) -> HomeTile {
        let values = self
            .report
            .totals
            .iter()
            .map(|total| (money(sum(total), total.currency), total.currency.to_owned()));
        HomeTile {
            title: self.words.get(key),
            values: values.collect(),
            about: String::new(),
            href: None,
        }
    }

    fn tiles(&self) -> Vec<HomeTile> {
        vec![
            self.tile("costs.cost", &|total| total.sums.total),
            self.tile("costs.per_parcel", &|total| total.sums.per_parcel.unwrap_or(0)),
            self.tile("costs.saved", &|total| total.sums.routing.saved),
            self.tile("costs.forgone", &|total| total.sums.routing.forgone),
        ]
    }

    fn groups(&self) -> PortalTable {
        let rows = self.report.groups.iter().take(GROUPS_SHOWN).map(|group| {
            let CostGroup { key, currency, sums } = group;
            let shown = |minor: i128| Cell::figure(money(minor, currency));
            vec![
                self.name(key),
                Cell::figure(number(sums.parcels as i128)),
                Cell::figure(number(sums.collections.into())),
                Cell::plain((*currency).to_owned()),
                shown(sums.collected),
                shown(sums.total),
                sums.per_parcel.map_or_else(|| Cell::figure(NOTHING.to_owned()), shown),
                shown(sums.routing.saved),
                shown(sums.routing.regret),
                shown(sums.routing.forgone),
            ]
        });
        let columns = [
            ("costs.group", false),
            ("costs.parcels", true),
            ("costs.collections", true),
            ("column.currency", false),
            ("costs.collected", true),
            ("costs.cost", true),
            ("costs.per_parcel", true),
            ("costs.saved", true),
            ("costs.regret", true),
            ("costs.forgone", true),
        ];
        PortalTable {
            note: self.words.get("costs.groups_note").to_owned(),
            ..PortalTable::new(self.words, ("costs.groups", "costs.none"), &columns, rows.collect())
        }
    }

    /// A network leads to its exit, a day to its own page.
    fn name(&self, key: &str) -> Cell {
        let href = match self.by {
            _ if key.is_empty() => None,
            CostKey::Day => {
                Some(Link::to(&list_path(COSTS)).with("from", key).with("until", key).text())
            }
            CostKey::Network if key != "cash" => Some(Link::to(&list_path(EXIT)).part(key).text()),
            _ => None,
        };
        let text = if key.is_empty() { self.words.get("costs.no_group") } else { key };
        Cell { href, ..Cell::plain(text.to_owned()) }
    }

    fn components(&self) -> PortalTable {
        let rows = self.report.totals.iter().flat_map(|total| {
            CostComponent::ALL.into_iter().filter_map(|one| {
                let sum = total.sums.costs.of(one);
                let name = self.words.entry("costs.component", one.name()).unwrap_or_default();
                let note = if one.is_estimated() { "costs.estimated" } else { "costs.booked" };
                (sum != 0).then(|| {
                    vec![
                        Cell::plain(name.to_owned()),
                        Cell::plain(total.currency.to_owned()),
                        Cell::figure(money(sum, total.currency)),
                        Cell::plain(self.words.get(note).to_owned()),
                    ]
                })
            })
        });
        let columns = [
            ("costs.component_title", false),
            ("column.currency", false),
            ("costs.cost", true),
            ("costs.from", false),
        ];
        let keys = ("costs.components", "costs.none");
        PortalTable::new(self.words, keys, &columns, rows.collect())
    }

    fn drift(&self) -> PortalTable {
        let rows = self.report.drift.iter().map(|one| {
            let shown = |minor: i128| Cell::figure(money(minor, one.currency));
            vec![
                Cell::plain(one.name.clone()),
                Cell::figure(number(one.lines.into())),
                Cell::plain(one.currency.to_owned()),
                shown(one.kept),
                shown(one.expected),
                shown(one.too_much),
                shown(one.too_little),
                Cell::figure(number(one.drifted.into())),
            ]
        });
        let columns = [
            ("routing.rail", false),
            ("routing.lines", true),
            ("column.currency", false),
            ("costs.kept", true),
            ("costs.expected", true),
            ("costs.too_much", true),
            ("costs.too_little", true),
            ("costs.drifted", true),
        ];
        PortalTable {
            href: Some(list_path("breaks")),
            ..PortalTable::new(
                self.words,
                ("costs.drift", "costs.no_files"),
                &columns,
                rows.collect(),
            )
        }
    }

    fn terminals(&self) -> PortalTable {
        let mut terminals: Vec<_> = self.report.terminals.iter().collect();
        // The dearest collections first, idle terminals before all.
        terminals
            .sort_by_key(|one| (!one.idle, std::cmp::Reverse(one.per_collection), one.terminal));
        let rows = terminals.into_iter().take(GROUPS_SHOWN).map(|one| {
            let shown = |minor: i128| Cell::figure(money(minor, one.currency));
            let idle = if one.idle { self.words.get("costs.idle") } else { "" };
            vec![
                Cell::plain(one.terminal.to_string()),
                Cell::plain(one.courier.clone()),
                Cell::figure(number(one.active_days as i128)),
                Cell::figure(number(one.collections.into())),
                Cell::figure(number(one.unknowns.into())),
                Cell::plain(one.currency.to_owned()),
                shown(one.total),
                one.per_collection.map_or_else(|| Cell::figure(NOTHING.to_owned()), shown),
                Cell::plain(idle.to_owned()),
            ]
        });
        let columns = [
            ("column.terminal", false),
            ("column.courier", false),
            ("costs.active_days", true),
            ("costs.collections", true),
            ("routing.unknown", true),
            ("column.currency", false),
            ("costs.cost", true),
            ("costs.per_collection", true),
            ("costs.idle", false),
        ];
        PortalTable {
            href: Some(list_path("terminals")),
            ..PortalTable::new(
                self.words,
                ("costs.terminals", "costs.none"),
                &columns,
                rows.collect(),
            )
        }
    }

    /// Other groups, and other days.
    fn choices(&self, (from, until): (BusinessDate, BusinessDate)) -> Vec<ActLink> {
        let link = |by: CostKey, from: BusinessDate| {
            let link = Link::to(&list_path(COSTS)).with("from", &from.to_string());
            link.with("until", &until.to_string()).with("by", by.name()).text()
        };
        let act = |text: &str, href: String, is_next: bool| ActLink {
            text: text.to_owned(),
            about: String::new(),
            href,
            is_next,
        };
        let by = CostKey::ALL.into_iter().map(|key| {
            let text = self.words.entry("costs.by", key.name()).unwrap_or_default();
            act(text, link(key, from), key == self.by)
        });
        let days = [("costs.days_1", 1), ("costs.days_7", 7), ("costs.days_31", DAYS_MAX)];
        let days = days.into_iter().map(|(key, days)| {
            let first = until.minus_days(days - 1);
            act(self.words.get(key), link(self.by, first), first == from)
        });
        by.chain(days).collect()
    }
}

pub(super) async fn exit(visit: Visit) -> HttpAnswer {
    QueryParameters::read(visit.call.parts.uri.query(), &[])?;
    let principal = visit.call.caller()?.principal.clone();
    if !sees_costs(&principal) {
        return Err(ProblemKind::NotPermitted.into());
    }
    let name = visit.call.path_part(1)?;
    let (app, preferences) = (visit.call.app.clone(), visit.preferences);
    let words = preferences.words;
    let mut around = frame(&app, preferences, visit.call.caller.as_ref(), visit.path());
    let network = name.clone();
    let told = look(&visit.call, move |outbox| outbox.of_network(&network)).await?;
    let done = visit.call.app.workers.run(move |giver| {
        let (found, time) = read(&app, giver, |reader| {
            let found = reader.position()?;
            let time = time_of(reader, &found)?;
            Ok((found, time))
        })?;
        let facts = ExitFacts::read(&app.data, &name).map_err(Problem::internal)?;
        let facts = facts.ok_or_else(|| Problem::from(ProblemKind::NoSuchRecord))?;
        let report = ExitReport::of(&facts, facts.books().last_date(), None);
        let digest = report.digest().map_err(Problem::internal)?;
        let path = format!("{}/{name}", list_path(EXIT));
        around.nav = nav_groups(words, &readable(&principal), Some(COSTS), None);
        around.title = words.fill("exit.title", &[("network", &report.network)]);
        let mut at = position(words, &found, None, (&path, &[]), (time, offset_at(giver, time)?));
        (at.json, at.csv) = (None, None);
        around.position = Some(at);
        let page = PortalPage {
            lead: words.fill("exit.digest", &[("digest", &digest)]),
            work: Vec::new(),
            flow_title: words.get("exit.sums"),
            flow: exit_tiles(words, &report),
            is_flow: false,
            tables: exit_tables(words, &report)
                .into_iter()
                .chain(exit_ends(words, &report, &told))
                .collect(),
            parcels: Vec::new(),
            acts: Vec::new(),
            frame: around,
        };
        html(&page, StatusCode::OK)
    });
    done.await?
}

fn exit_tiles(words: PageWords, report: &ExitReport) -> Vec<HomeTile> {
    let tile = |key: &str, (value, unit): (String, &str), about: String| HomeTile {
        title: words.get(key),
        values: vec![(value, unit.to_owned())],
        about,
        href: None,
    };
    let currency = report.currency;
    let shown = |minor: i128| money(minor, currency);
    let closing = match (report.closing_balance, report.closed_on) {
        (Some(balance), Some(day)) => (
            (shown(balance), currency),
            words.fill("exit.closed_on", &[("day", &date(words, &day.to_string()))]),
        ),
        _ => ((NOTHING.to_owned(), ""), words.get("exit.not_closed").to_owned()),
    };
    let zero = report.forecast.day.map(|day| date(words, &day.to_string()));
    let waits: usize = report.pending.iter().map(|one| one.count).sum();
    vec![
        tile("exit.receivable", (shown(report.receivable), currency), String::new()),
        tile(
            "exit.zero_on",
            (zero.unwrap_or_else(|| NOTHING.to_owned()), ""),
            match report.forecast.late {
                0 => String::new(),
                late => words.fill("exit.late", &[("count", &late)]),
            },
        ),
        tile("exit.in_flight", (number(waits as i128), ""), String::new()),
        tile(
            "exit.moved",
            (number(report.moved_total.payments.into()), currency),
            words.fill("exit.extra", &[("extra", &shown(report.moved_total.extra))]),
        ),
        tile("exit.closing_balance", closing.0, closing.1),
    ]
}

/// What waits, what is still to come, who was told, and what the books do not know.
fn exit_ends(words: PageWords, report: &ExitReport, told: &[NetworkNotices]) -> Vec<PortalTable> {
    let plain = |text: &str| Cell::plain(text.to_owned());
    let shown = |minor: u128| {
        Cell::figure(money(i128::try_from(minor).unwrap_or(i128::MAX), report.currency))
    };
    let count = |count: usize| Cell::figure(number(count as i128));
    let day = |day: BusinessDate| plain(&date(words, &day.to_string()));
    let pending = report.pending.iter().map(|one| {
        let kind = words.get(&format!("exit.pending.{}", one.kind));
        vec![plain(kind), count(one.count), shown(one.amount)]
    });
    let sums = [
        ("exit.not_received", report.not_received),
        ("exit.held", report.held),
        ("exit.released", report.released),
        ("exit.fees_due", report.fees_due),
    ];
    let sums = sums.map(|(key, sum)| vec![plain(words.get(key)), shown(sum)]);
    let tail = report.refunds.iter().chain([&report.chargebacks]).map(|one| {
        let way = words.get(&format!("exit.way.{}", one.way));
        let since = one.oldest.map_or_else(|| plain(NOTHING), day);
        vec![plain(way), count(one.count), shown(one.amount), since]
    });
    let files = report.files.iter().map(|file| {
        vec![
            plain(&file.file.to_string()),
            plain(&format!("{} – {}", file.from, file.until)),
            Cell::figure(number(file.lines.into())),
            Cell::figure(money(file.total, report.currency)),
            plain(&file.digest[..16]),
        ]
    });
    let told = told.iter().map(|one| {
        let event = format!("exit.told_event.{}", one.event.replace('.', "_"));
        let state = words.get(&format!("known.{}", one.state));
        let notices = Cell::figure(number(one.count.into()));
        vec![plain(words.get(&event)), plain(&one.channel), plain(state), notices]
    });
    let unknown = ["exit.reason", "exit.authority", "exit.acknowledged", "exit.keys"];
    let unknown = unknown.map(|key| vec![plain(words.get(key))]);
    let table = |title: &str, columns: &[(&str, bool)], rows: Vec<Vec<Cell>>| {
        PortalTable::new(words, (title, "exit.none"), columns, rows)
    };
    let amount = ("column.amount", true);
    vec![
        table(
            "exit.in_flight",
            &[("exit.waits", false), ("exit.count", true), amount],
            pending.collect(),
        ),
        table("exit.sellers_money", &[("exit.what", false), amount], sums.into()),
        table(
            "exit.tail",
            &[("exit.waits", false), ("exit.count", true), amount, ("exit.since", false)],
            tail.collect(),
        ),
        table(
            "exit.files",
            &[
                ("exit.file", false),
                ("exit.days", false),
                ("exit.lines", true),
                ("exit.total", true),
                ("exit.digest_of", false),
            ],
            files.collect(),
        ),
        table(
            "exit.told",
            &[
                ("exit.what", false),
                ("exit.channel", false),
                ("exit.state", false),
                ("exit.count", true),
            ],
            told.collect(),
        ),
        table("exit.not_kept", &[("exit.what", false)], unknown.into()),
    ]
}

fn exit_tables(words: PageWords, report: &ExitReport) -> Vec<PortalTable> {
    let shown = |minor: i128| Cell::figure(money(minor, report.currency));
    let plain = |text: &str| Cell::plain(text.to_owned());
    let when = |at: &Option<String>| {
        plain(&at.as_ref().map_or_else(|| NOTHING.to_owned(), |at| at[..19].replace('T', " ")))
    };
    let timeline = [
        ("exit.withdrawn_from", &report.withdrawn_from),
        ("exit.last_route", &report.last_route),
        ("exit.last_capture", &report.last_capture),
        ("exit.last_refund", &report.last_refund),
        ("exit.last_chargeback", &report.last_chargeback),
        ("exit.last_file", &report.last_file),
    ];
    let timeline = timeline.map(|(key, at)| vec![plain(words.get(key)), when(at)]);
    let steps = report.steps.iter().map(|step| {
        let what = if step.withdraws { "exit.withdrew" } else { "exit.reinstated" };
        vec![
            plain(&step.at[..19].replace('T', " ")),
            plain(words.get(what)),
            when(&step.from),
            plain(&step.proposed_by.to_string()),
            plain(&step.approved_by.to_string()),
        ]
    });
    let days = report.owed_by_day.iter().map(|day| {
        vec![
            plain(&date(words, &day.day.to_string())),
            Cell::figure(number(day.age_days.into())),
            Cell::figure(number(day.payments as i128)),
            shown(day.amount),
        ]
    });
    let moved = report.moved.iter().map(|way| {
        vec![
            plain(&way.network),
            Cell::figure(number(way.sums.payments.into())),
            shown(i128::try_from(way.sums.amount).unwrap_or(i128::MAX)),
            shown(way.sums.extra),
        ]
    });
    let breaks = report.breaks.iter().map(|one| {
        let href = Link::to(&list_path("breaks")).part(&format!("brk_{}", one.break_id)).text();
        vec![
            Cell { href: Some(href), ..plain(&one.break_id) },
            Cell::figure(number(one.age_days.into())),
            plain(&one.owner),
            shown(one.amount),
        ]
    });
    let run_down = report.run_down.iter();
    let run_down =
        run_down.map(|(day, sum)| vec![plain(&date(words, &day.to_string())), shown(*sum)]);
    let table = |title: &str, columns: &[(&str, bool)], rows: Vec<Vec<Cell>>| {
        PortalTable::new(words, (title, "exit.none"), columns, rows)
    };
    vec![
        table("exit.timeline", &[("exit.what", false), ("exit.when", false)], timeline.into()),
        table(
            "exit.steps",
            &[
                ("exit.when", false),
                ("exit.what", false),
                ("exit.from", false),
                ("exit.proposed_by", false),
                ("exit.approved_by", false),
            ],
            steps.collect(),
        ),
        table(
            "exit.owed_by_day",
            &[
                ("exit.day", false),
                ("exit.age", true),
                ("exit.payments", true),
                ("column.amount", true),
            ],
            days.collect(),
        ),
        table(
            "exit.moved_to",
            &[
                ("routing.network", false),
                ("exit.payments", true),
                ("column.amount", true),
                ("exit.extra_cost", true),
            ],
            moved.collect(),
        ),
        table(
            "view.breaks",
            &[
                ("exit.break", false),
                ("exit.age", true),
                ("exit.owner", false),
                ("column.amount", true),
            ],
            breaks.collect(),
        ),
        table(
            "exit.run_down",
            &[("exit.day", false), ("exit.receivable", true)],
            run_down.collect(),
        ),
    ]
}
