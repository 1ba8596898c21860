//! The operator's view of the market: sales by seller kind, category and day, with shares and
//! growth; flash sales; stock at risk. Its figures are those of the daily report's section, of some
//! days and of as many before, so each has its definition and leads to what it is made of.

use access::{AccessFunction, AccessScope, Principal};
use axum::http::StatusCode;
use books::BusinessDate;
use pages::forms::{NOTHING, date, money, number};
use pages::pulse::{percent, shares, value_text};
use pages::{
    BarChart, Cell, ChartBar, HomeTile, Link, PageRow, PageWords, PeriodPage, PortalTable,
    RowContext, nav_groups,
};
use pulse::figures::{Figure, FigureAudience, FigureSet};
use pulse::run::{FigureRun, FigureRunError, FigureSpan, span_of};
use views::read::{
    FILTER_VALUES_MAX, FilterOperator, ListQuery, ReadViewError, ViewFilter, ViewReader,
};
use views::{ViewSpec, ViewValue};

use super::belongs;
use super::frames::{position, readable};
use super::pulse::PULSE_PATH;
use super::rows::{names, offset_at, page_row, position_at, with};
use super::statements::day;
use super::{Visit, html};
use crate::app::HttpAnswer;
use crate::handlers::views::wanted;
use crate::problem::ProblemKind;
use crate::pulse_figures::{audience_of, figures, of_run};
use crate::query::QueryParameters;

/// The page, named as a view.
pub(super) const MARKET: &str = "market";
pub(super) const MARKET_PATH: &str = "/market";
pub(super) const PREVIEW_PATH: &str = "/promotions/preview";
/// The section of the figures.
const SECTION: &str = "market";
/// Days that are shown without being asked for, and the most.
const DAYS: u16 = 7;
const DAYS_MAX: u16 = 92;
/// Rows of a list of stock at risk, and flash sales.
const LISTED_MAX: usize = 20;
/// The figure that is drawn.
const BY_DAY: &str = "market_gross_day";
/// Figures of variants, which are listed.
const AT_RISK: [&str; 3] = ["market_nothing_left", "market_running_out", "market_reserved_long"];

/// Whether a principal sees the market as a whole.
pub(super) fn sees_all(principal: &Principal) -> bool {
    principal.may(AccessFunction::Read("market-orders")) == AccessScope::All
}

/// A figure of the days, and of as many before if the books have them.
struct Compared<'s> {
    figure: &'s Figure,
    now: FigureRun,
    before: Option<FigureRun>,
}

struct Found<'s> {
    since: String,
    span: FigureSpan,
    has_before: bool,
    figures: Vec<Compared<'s>>,
    /// Variants at risk, by figure.
    at_risk: Vec<(&'s Figure, Vec<PageRow>)>,
    flash: Vec<PageRow>,
}

/// The days that are asked for: by default the last ones of the books.
fn days(
    reader: &mut ViewReader,
    (from, until): (Option<BusinessDate>, Option<BusinessDate>),
    at: Option<u64>,
) -> Result<(BusinessDate, BusinessDate), FigureRunError> {
    let until = match until {
        Some(day) => day,
        None => {
            let last = span_of(reader, None, None, at)?.day;
            last.parse().map_err(|_| FigureRunError::Day(last))?
        }
    };
    Ok((from.unwrap_or_else(|| until.minus_days(DAYS - 1)), until))
}

/// How many days there are. `None` if there are none, or too many.
pub(super) fn length(from: BusinessDate, until: BusinessDate) -> Option<u16> {
    (1..=DAYS_MAX).find(|days| from.plus_days(days - 1) == until)
}

fn find<'s>(
    reader: &mut ViewReader,
    (set, audience): (&'s FigureSet, FigureAudience),
    (from, until): (BusinessDate, BusinessDate),
    at: Option<u64>,
) -> Result<Found<'s>, FigureRunError> {
    let text = |day: BusinessDate| day.to_string();
    let span = span_of(reader, Some(&text(from)), Some(&text(until)), at)?;
    let length = length(from, until).unwrap_or(1);
    let (first, last) = (from.minus_days(length), from.minus_days(1));
    let before = span_of(reader, Some(&text(first)), Some(&text(last)), Some(span.position));
    let before = match before {
        Ok(span) => Some(span),
        Err(FigureRunError::NoDay { .. }) => None,
        Err(error) => return Err(error),
    };
    let shown = set.figures.iter().filter(|one| {
        one.section == SECTION && one.audience <= audience && (!one.is_check || one.id == BY_DAY)
    });
    let mut figures = Vec::new();
    let mut at_risk = Vec::new();
    for figure in shown {
        let now = set.run_one(figure, reader, &span)?;
        let before = match &before {
            Some(span) => Some(set.run_one(figure, reader, span)?),
            None => None,
        };
        if AT_RISK.contains(&&*figure.id) {
            let parts = set.parts(figure, reader, &span, LISTED_MAX)?.0;
            let keys = parts.into_iter().filter_map(|part| part.key.into_iter().next());
            at_risk.push((figure, variants(reader, keys.collect(), span.until)?));
        }
        figures.push(Compared { figure, now, before });
    }
    let flash = flash_sales(reader, span.position)?;
    let (since, has_before) = (text(from), before.is_some());
    Ok(Found { since, span, has_before, figures, at_risk, flash })
}

fn variants(
    reader: &mut ViewReader,
    keys: Vec<ViewValue>,
    at: u64,
) -> Result<Vec<PageRow>, ReadViewError> {
    let Some(view) = ViewSpec::find("variants").filter(|_| !keys.is_empty()) else {
        return Ok(Vec::new());
    };
    let keys: Vec<_> = keys.into_iter().take(FILTER_VALUES_MAX).collect();
    let ask = with(view, "variant", FilterOperator::OneOf(keys), Some(at));
    let rows = reader.list(&ListQuery { limit: 100, ..ask })?.rows;
    Ok(rows.into_iter().map(|row| page_row(view, row)).collect())
}

fn flash_sales(reader: &mut ViewReader, at: u64) -> Result<Vec<PageRow>, ReadViewError> {
    let Some(view) = ViewSpec::find("promotions") else { return Ok(Vec::new()) };
    let mut ask = with(view, "rule", FilterOperator::Equal("flash".into()), Some(at));
    let state = FilterOperator::Equal("published".into());
    ask.filters.push(ViewFilter { column: "state".to_owned(), operator: state });
    let limit = u32::try_from(LISTED_MAX).unwrap_or(1);
    let rows = reader.list(&ListQuery { limit, ..ask })?.rows;
    Ok(rows.into_iter().map(|row| page_row(view, row)).collect())
}

/// By how much a value grew, in tenths of a percent.
fn growth(before: i128, now: i128) -> String {
    match before {
        ..=0 => NOTHING.to_owned(),
        before => {
            let tenths = (now - before) * 1_000 / before;
            let sign = if tenths > 0 { "+" } else { "" };
            format!("{sign}{}", percent(tenths))
        }
    }
}

/// Makes the parts of the page.
struct Market<'m> {
    words: PageWords,
    found: &'m Found<'m>,
    pinned: Option<u64>,
}

type ByCurrency<'r> = Vec<(Option<&'r str>, i128)>;

impl Market<'_> {
    fn text(&self, figure: &Figure, currency: Option<&str>, value: i128) -> String {
        let (text, unit) = value_text(self.words, figure.unit, currency, value);
        if currency.is_some() { format!("{text} {unit}") } else { text }
    }

    /// The page of a figure of these days.
    fn page_of(&self, figure: &Figure) -> Option<String> {
        let span = &self.found.span;
        let link = Link::to(PULSE_PATH).part("figures").part(&figure.id);
        let link = link.with("since", &self.found.since).with("day", &span.day);
        Some(link.at(Some(span.position)).text())
    }

    fn sums<'r>(run: &'r FigureRun) -> ByCurrency<'r> {
        run.sums().into_iter().collect()
    }

    fn before(one: &Compared<'_>, by: Option<&str>, currency: Option<&str>) -> Option<i128> {
        let before = one.before.as_ref()?;
        let values = before.values.iter().filter(|value| {
            (by.is_none() || value.by.as_deref() == by) && value.currency.as_deref() == currency
        });
        Some(values.map(|value| i128::from(value.value)).sum())
    }

    fn compared(&self, figure: &Figure, currency: Option<&str>, before: Option<i128>) -> String {
        before.map_or_else(|| NOTHING.to_owned(), |value| self.text(figure, currency, value))
    }

    fn tiles(&self) -> Vec<HomeTile> {
        let headlines = self.found.figures.iter().filter(|one| one.figure.headline);
        let tile = |one: &Compared<'_>| {
            let sums = Self::sums(&one.now);
            let text = |(currency, value): &(Option<&str>, i128)| {
                value_text(self.words, one.figure.unit, *currency, *value)
            };
            let mut values: Vec<(String, String)> = sums.iter().map(text).collect();
            if values.is_empty() {
                values.push((NOTHING.to_owned(), String::new()));
            }
            let grown = sums.iter().filter_map(|(currency, now)| {
                let grown = growth(Self::before(one, None, *currency)?, *now);
                Some(grown).filter(|text| text != NOTHING)
            });
            let grown: Vec<String> = grown.collect();
            let about = match grown.is_empty() {
                true => String::new(),
                false => self.words.fill("market.grown", &[("growth", &grown.join(", "))]),
            };
            let title = match one.figure.id.as_str() {
                "market_orders" => "market.orders",
                "market_gross" => "market.gross",
                _ => "market.net",
            };
            HomeTile { title: self.words.get(title), values, about, href: self.page_of(one.figure) }
        };
        headlines.map(tile).collect()
    }

    /// Every figure with its sum, what it was before, and what it is.
    fn all(&self) -> PortalTable {
        let mut rows = Vec::new();
        let shown = self.found.figures.iter().filter(|one| !one.figure.is_check);
        for one in shown {
            let figure = one.figure;
            let mut sums = Self::sums(&one.now);
            if sums.is_empty() {
                sums.push((None, 0));
            }
            for (currency, now) in sums {
                let is_zh = self.words.is_zh();
                let before = Self::before(one, None, currency);
                rows.push(vec![
                    Cell {
                        href: self.page_of(figure),
                        ..Cell::plain(figure.name.get(is_zh).to_owned())
                    },
                    Cell::figure(self.text(figure, currency, now)),
                    Cell::figure(self.compared(figure, currency, before)),
                    Cell::figure(before.map_or(NOTHING.to_owned(), |before| growth(before, now))),
                    Cell { class: "wrap", ..Cell::plain(self.definition(figure)) },
                ]);
            }
        }
        let columns = [
            ("market.figure", false),
            ("market.value", true),
            ("market.before", true),
            ("market.growth", true),
            ("market.definition", false),
        ];
        PortalTable::new(self.words, ("market.figures", "market.none"), &columns, rows)
    }

    fn definition(&self, figure: &Figure) -> String {
        let is_zh = self.words.is_zh();
        let values: [(&str, &dyn std::fmt::Display); 2] = [
            ("definition", &figure.definition.get(is_zh)),
            ("excludes", &figure.excludes.get(is_zh)),
        ];
        self.words.fill("market.defined", &values)
    }

    /// A figure by its words: value, share, before, growth.
    fn by_words(&self, one: &Compared<'_>) -> PortalTable {
        let (figure, words) = (one.figure, self.words);
        let mut rows = Vec::new();
        for (currency, _) in Self::sums(&one.now) {
            let own = one.now.values.iter().filter(|it| it.currency.as_deref() == currency);
            let own: Vec<_> = own.collect();
            let values: Vec<i128> = own.iter().map(|it| it.value.into()).collect();
            let shares = shares(&values);
            for (place, it) in own.into_iter().enumerate() {
                let word = it.by.as_deref().unwrap_or_default();
                let called = figure.words.get(word).map_or(word, |it| it.get(words.is_zh()));
                let before = Self::before(one, Some(word), currency);
                let share = shares.as_ref().map(|all| percent(all[place]));
                let grown = before.map(|before| growth(before, values[place]));
                let nothing = || NOTHING.to_owned();
                rows.push(vec![
                    Cell { href: self.page_of(figure), ..Cell::plain(called.to_owned()) },
                    Cell::figure(self.text(figure, currency, values[place])),
                    Cell::figure(share.unwrap_or_else(nothing)),
                    Cell::figure(self.compared(figure, currency, before)),
                    Cell::figure(grown.unwrap_or_else(nothing)),
                ]);
            }
        }
        let columns = [
            ("market.part", false),
            ("market.value", true),
            ("market.share", true),
            ("market.before", true),
            ("market.growth", true),
        ];
        let title = match figure.id.as_str() {
            "market_gross" => "market.gross_by_kind",
            "market_gross_category" => "market.gross_by_category",
            "market_discounts" => "market.discounts_by_payer",
            "market_asked" => "market.asked_by_kind",
            "market_net" => "market.net_by_kind",
            "market_gone" => "market.gone_by_fate",
            "market_units" => "market.units_by_kind",
            _ => "market.units_by_fate",
        };
        PortalTable {
            href: self.page_of(figure),
            note: self.definition(figure),
            ..PortalTable::new(words, (title, "market.none"), &columns, rows)
        }
    }

    fn figure(&self, id: &str) -> Option<&Compared<'_>> {
        self.found.figures.iter().find(|one| one.figure.id == id)
    }

    /// Refusals and returns by seller kind, as a part of what was ordered.
    fn refusals(&self) -> Option<PortalTable> {
        let units = self.figure("market_units")?;
        let (refused, returned) = (self.figure("market_refused")?, self.figure("market_returned")?);
        let of = |one: &Compared<'_>, word: &str| {
            let own = one.now.values.iter().filter(|it| it.by.as_deref() == Some(word));
            own.map(|it| i128::from(it.value)).sum::<i128>()
        };
        let rows = units.now.values.iter().map(|it| {
            let word = it.by.as_deref().unwrap_or_default();
            let called = units.figure.words.get(word).map_or(word, |it| it.get(self.words.is_zh()));
            let all = i128::from(it.value);
            let part = |one: &Compared<'_>| {
                let count = of(one, word);
                let href = self.page_of(one.figure).filter(|_| count != 0);
                let share = percent(count * 1_000 / all.max(1));
                [Cell { href, ..Cell::figure(number(count)) }, Cell::figure(share)]
            };
            let mut row = vec![
                Cell { href: self.page_of(units.figure), ..Cell::plain(called.to_owned()) },
                Cell::figure(number(all)),
            ];
            row.extend(part(refused));
            row.extend(part(returned));
            row
        });
        let rows: Vec<_> = rows.collect();
        let columns = [
            ("market.part", false),
            ("column.units", true),
            ("market.refused", true),
            ("market.of_units", true),
            ("market.returned", true),
            ("market.of_units", true),
        ];
        let note =
            format!("{} {}", self.definition(refused.figure), self.definition(returned.figure));
        let keys = ("market.refusals", "market.none");
        Some(PortalTable { note, ..PortalTable::new(self.words, keys, &columns, rows) })
    }

    /// Gross sales by day, a chart for each currency, with its table.
    fn by_day(&self, (from, until): (BusinessDate, BusinessDate)) -> (Charts, Option<PortalTable>) {
        let Some(one) = self.figure(BY_DAY) else { return (Vec::new(), None) };
        let length = length(from, until).unwrap_or(0);
        let days = (0..length).map(|more| from.plus_days(more).to_string());
        let days: Vec<String> = days.collect();
        let value = |day: &str, currency: Option<&str>| {
            let own = one
                .now
                .values
                .iter()
                .find(|it| it.by.as_deref() == Some(day) && it.currency.as_deref() == currency);
            own.map_or(0, |it| it.value)
        };
        let title = self.words.get("market.gross_by_day");
        let (mut charts, mut rows) = (Vec::new(), Vec::new());
        for (currency, _) in Self::sums(&one.now) {
            let code = currency.unwrap_or_default();
            let mut chart = BarChart {
                title: format!("{title}, {code}"),
                series: vec![title.to_owned()],
                bars: Vec::new(),
                highest: String::new(),
            };
            for day in &days {
                let label = day.get(5..).unwrap_or(day).to_owned();
                chart.bars.push(ChartBar { label, values: vec![value(day, currency)] });
            }
            chart.highest = money(chart.maximum().into(), code);
            charts.push((format!("{title} {code}"), chart));
            for day in days.iter().filter(|day| value(day, currency) != 0) {
                let link = Link::to(MARKET_PATH).with("from", day).with("until", day);
                rows.push(vec![
                    Cell {
                        href: Some(link.at(self.pinned).text()),
                        ..Cell::plain(date(self.words, day))
                    },
                    Cell::figure(self.text(one.figure, currency, value(day, currency).into())),
                ]);
            }
        }
        let columns = [("column.date", false), ("market.value", true)];
        let keys = ("market.gross_by_day", "market.none");
        let table = PortalTable {
            href: self.page_of(one.figure),
            note: self.definition(one.figure),
            ..PortalTable::new(self.words, keys, &columns, rows)
        };
        (charts, Some(table))
    }

    fn listed(&self, context: &RowContext<'_>) -> Vec<PortalTable> {
        let words = self.words;
        let mut all = Vec::new();
        let table = |title, none, view, rows: &[PageRow], columns: &[&str]| {
            let (columns, rows) = belongs::table(context, view, rows, columns);
            PortalTable { columns, ..PortalTable::new(words, (title, none), &[], rows) }
        };
        if let Some(view) = ViewSpec::find("promotions") {
            let columns = [
                "promotion",
                "begins",
                "ends",
                "flash_granted",
                "flash_left",
                "uses",
                "currency",
                "spent",
            ];
            let flash = &self.found.flash;
            all.push(PortalTable {
                note: words.get("market.flash_note").to_owned(),
                ..table("market.flash", "market.no_flash", view, flash, &columns)
            });
        }
        for (figure, rows) in &self.found.at_risk {
            let Some(view) = ViewSpec::find("variants") else { continue };
            let title = match figure.id.as_str() {
                "market_nothing_left" => "market.nothing_left",
                "market_running_out" => "market.running_out",
                _ => "market.reserved_long",
            };
            let columns = ["sku", "offer", "seller", "units_left", "reserved", "allotted", "sold"];
            all.push(PortalTable {
                href: self.page_of(figure),
                note: self.definition(figure),
                ..table(title, "market.no_risk", view, rows, &columns)
            });
        }
        all
    }
}

type Charts = Vec<(String, BarChart)>;

pub(super) async fn market(visit: Visit) -> HttpAnswer {
    let known = ["from", "until", "at", "min_position"];
    let query = QueryParameters::read(visit.call.parts.uri.query(), &known)?;
    let asked = (day(&query, "from")?, day(&query, "until")?);
    let wanted = wanted(&visit.call, &query)?;
    if !sees_all(&visit.call.caller()?.principal) {
        return Err(ProblemKind::NotPermitted.into());
    }
    let words = visit.words();
    let (app, principal, mut around) = visit.open(wanted).await?;
    let done = visit.call.app.workers.run(move |giver| {
        let (set, audience) = (figures(&app.data)?, audience_of(&principal));
        let mut reader = app.readers.take()?;
        let of_app = |error| of_run(error, &app);
        let (from, until) = days(&mut reader, asked, wanted.at).map_err(of_app)?;
        let found = match length(from, until).is_some() {
            true => find(&mut reader, (&set, audience), (from, until), wanted.at),
            false => Err(FigureRunError::Day(format!("{from} – {until}"))),
        };
        let (found, error) = match found {
            Ok(found) => (Some(found), None),
            Err(FigureRunError::NoDay { day, last }) => {
                let values: [(&str, &dyn std::fmt::Display); 2] = [("day", &day), ("last", &last)];
                (None, Some(words.fill("market.no_day", &values)))
            }
            Err(FigureRunError::Day(_)) => {
                (None, Some(words.fill("market.days", &[("most", &DAYS_MAX)])))
            }
            Err(error) => return Err(of_app(error)),
        };
        let of_views = |error: ReadViewError| of_app(error.into());
        let (at, time) = position_at(&mut reader, wanted.at).map_err(of_views)?;
        let mut named = Default::default();
        if let Some(found) = &found {
            let view = |name| ViewSpec::find(name).ok_or(ProblemKind::NoSuchRecord);
            let mut of = vec![(view("promotions")?, &found.flash[..])];
            for (_, rows) in &found.at_risk {
                of.push((view("variants")?, &rows[..]));
            }
            named = names(&mut reader, &principal, &of, wanted.at).map_err(of_views)?;
        }
        app.readers.give_back(reader);
        let offset_minutes = offset_at(giver, time)?;
        let readable = readable(&principal);
        around.nav = nav_groups(words, &readable, Some(MARKET), wanted.at);
        around.title = words.get("view.market").to_owned();
        let pairs =
            [("from".to_owned(), from.to_string()), ("until".to_owned(), until.to_string())];
        let mut shown =
            position(words, &at, wanted.at, (MARKET_PATH, &pairs), (time, offset_minutes));
        (shown.json, shown.csv) = (None, None);
        around.position = Some(shown);
        let text = |day: BusinessDate| date(words, &day.to_string());
        let mut page = PeriodPage {
            lead: format!("{} – {}", text(from), text(until)),
            path: MARKET_PATH.to_owned(),
            kept: wanted.at.map(|at| ("at", at.to_string())).into_iter().collect(),
            from: from.to_string(),
            until: until.to_string(),
            text: None,
            button: words.get("list.apply"),
            error,
            tiles: Vec::new(),
            charts: Vec::new(),
            tables: Vec::new(),
            notes: vec![words.get("market.city").to_owned()],
            frame: around,
        };
        if let Some(found) = &found {
            let at = wanted.at;
            let context =
                RowContext { words, names: &named, readable: &readable, at, offset_minutes };
            let made = Market { words, found, pinned: at };
            page.tiles = made.tiles();
            page.tables.push(made.all());
            let by_words = found.figures.iter().filter(|one| {
                let is_told = ["market_refused", "market_returned"].contains(&&*one.figure.id);
                one.figure.by.is_some() && !one.figure.is_check && !is_told
            });
            page.tables.extend(by_words.map(|one| made.by_words(one)));
            page.tables.extend(made.refusals());
            let (charts, table) = made.by_day((from, until));
            page.charts = charts;
            page.tables.extend(table);
            page.tables.extend(made.listed(&context));
            if !found.has_before {
                page.notes.push(words.get("market.no_before").to_owned());
            }
        }
        html(&page, StatusCode::OK)
    });
    done.await?
}
