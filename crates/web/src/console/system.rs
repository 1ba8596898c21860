//! The system: how far the journal, the views and the notices are, what is kept, what ends soon.
//! The figures are those of `/metrics`, and what calls somebody is that of packaging/alarms.yml.

use access::AccessFunction;
use axum::http::StatusCode;
use notices::NoticeChannel;
use pages::forms::{NOTHING, number, time};
use pages::{Cell, HomeTile, OpenWork, PageWords, PortalPage, PortalTable, Tone, nav_groups};

use super::frames::{age, frame, readable};
use super::rows::offset_at;
use super::{Visit, html};
use crate::app::HttpAnswer;
use crate::query::QueryParameters;
use crate::system::{SwitchFigures, SystemFigures};

pub(super) const SYSTEM: &str = "system";
const BYTES_PER_TENTH_GB: u64 = 100_000_000;

fn figure(of: u64) -> Cell {
    Cell::figure(number(of.into()))
}

fn gigabytes(bytes: u64) -> String {
    let tenths = bytes / BYTES_PER_TENTH_GB;
    format!("{}.{}", number((tenths / 10).into()), tenths % 10)
}

/// Makes the parts of the page.
struct Shown<'s> {
    words: PageWords,
    system: &'s SystemFigures,
    offset_minutes: i16,
}

impl Shown<'_> {
    fn time(&self, ms: u64) -> String {
        time(self.words, ms.cast_signed(), self.offset_minutes)
    }

    fn age(&self, since_ms: u64) -> String {
        age(self.words, self.system.at_ms.saturating_sub(since_ms))
    }

    fn tile(&self, key: &str, value: String, unit: &str, about: String) -> HomeTile {
        let values = vec![(value, unit.to_owned())];
        HomeTile { title: self.words.get(key), values, about, href: None }
    }

    fn tiles(&self) -> Vec<HomeTile> {
        let (words, system) = (self.words, self.system);
        let nothing = || NOTHING.to_owned();
        let known = |ms: Option<u64>| match ms {
            Some(ms) => (self.age(ms), self.time(ms)),
            None => (nothing(), words.get("system.not_known").to_owned()),
        };
        let last = system.last_command_at_ms.map_or_else(nothing, |ms| self.time(ms));
        let journal = self.tile("system.journal", number(system.batch.into()), "", {
            words.fill("system.last_command", &[("time", &last)])
        });
        let waiting = self.tile(
            "system.waiting",
            number(system.commands_waiting.into()),
            "",
            words.get("system.waiting_about").to_owned(),
        );
        let views = match system.views_behind {
            Some(behind) => self.tile(
                "system.views",
                number(behind.into()),
                "",
                words.get("system.views_about").to_owned(),
            ),
            None => self.tile(
                "system.views",
                nothing(),
                "",
                words.get("system.views_elsewhere").to_owned(),
            ),
        };
        let open: u64 = system.notices.iter().map(|(_, of)| of.open.count).sum();
        let oldest = system.notices.iter().filter_map(|(_, of)| of.open.oldest_ms).min();
        let about = match oldest {
            Some(since) => words.fill("system.oldest", &[("age", &self.age(since))]),
            None => words.get("system.none_waits").to_owned(),
        };
        let notices = self.tile("system.notices", number(open.into()), "", about);
        let (snapshot, at) = known(system.snapshot_at_ms);
        let since: &dyn std::fmt::Display = &number(system.since_snapshot.into());
        let replayed = words.fill("system.since_snapshot", &[("count", since)]);
        let snapshot = self.tile("system.snapshot", snapshot, "", format!("{at} · {replayed}"));
        let (backup, mut about) = known(system.backup.map(|(at, _)| at));
        if let Some((_, batch)) = system.backup {
            let batch: &dyn std::fmt::Display = &number(batch.into());
            about = format!("{about} · {}", words.fill("system.until_batch", &[("batch", batch)]));
        }
        let backup = self.tile("system.backup", backup, "", about);
        let disk = match system.disk {
            Some((free, size)) => {
                let percent = free.saturating_mul(100) / size.max(1);
                let values: [(&str, &dyn std::fmt::Display); 2] =
                    [("percent", &percent), ("size", &gigabytes(size))];
                let about = words.fill("system.disk_about", &values);
                self.tile("system.disk", gigabytes(free), "GB", about)
            }
            None => self.tile("system.disk", nothing(), "", String::new()),
        };
        vec![journal, waiting, views, notices, snapshot, backup, disk]
    }

    /// What calls somebody, with the table or tile that says it.
    fn alarms(&self) -> Vec<OpenWork> {
        use SystemFigures as S;
        let system = self.system;
        let mut all = Vec::new();
        let mut add = |tone, key: &str, count: String| {
            let what = self.words.get(key);
            // The part of the page that says it.
            let href = match key {
                "system.networks_down" => "#t-1",
                "system.notices_wait" => "#t-3",
                "system.certificates_end" => "#t-4",
                _ => "#flow-title",
            };
            let href = href.to_owned();
            all.push(OpenWork { tone, what, count, sum: String::new(), href });
        };
        let count = |of: usize| number(of as i128);
        if system.last_command_at_ms.is_none() {
            add(Tone::Act, "system.books_stopped", String::new());
        }
        if let Some((free, size)) = system.disk
            && (free < S::DISK_FREE_BYTES_MIN
                || free.saturating_mul(100) / size.max(1) < S::DISK_FREE_PERCENT_MIN)
        {
            add(Tone::Act, "system.disk_full", gigabytes(free));
        }
        if system.commands_waiting > S::COMMANDS_WAITING_MAX {
            add(Tone::Act, "system.queue_long", number(system.commands_waiting.into()));
        }
        let down = |switch: &SwitchFigures| {
            let used = switch.links.iter().filter(|link| !link.withdrawn);
            let mut names: Vec<&str> = used.map(|link| &*link.network).collect();
            names.dedup();
            let links = &switch.links;
            let is_up =
                |name: &&str| links.iter().any(|link| link.network == *name && link.signed_on);
            names.into_iter().filter(|name| !is_up(name)).count()
        };
        match system.switch.as_ref().map_or(0, down) {
            0 => {}
            networks => add(Tone::Act, "system.networks_down", count(networks)),
        }
        if system.views_behind.is_some_and(|behind| behind > S::VIEWS_BEHIND_MAX) {
            add(Tone::Wait, "system.views_late", String::new());
        }
        if system.since_snapshot > S::SINCE_SNAPSHOT_MAX {
            add(Tone::Wait, "system.snapshots_fail", number(system.since_snapshot.into()));
        }
        let is_old = |(at, _): (u64, u64)| system.at_ms.saturating_sub(at) > S::BACKUP_AGE_MS_MAX;
        if system.backup.is_none_or(is_old) {
            add(Tone::Wait, "system.no_backup", String::new());
        }
        let late = system.notices.iter().filter(|(channel, of)| {
            let waits = of
                .open
                .oldest_ms
                .is_some_and(|since| system.at_ms.saturating_sub(since) > S::NOTICE_AGE_MS_MAX);
            of.open.stopped > 0 || waits && *channel != NoticeChannel::Webhook
        });
        match late.count() {
            0 => {}
            channels => add(Tone::Wait, "system.notices_wait", count(channels)),
        }
        let now_s = system.at_ms / 1_000;
        let ends = |until: &u64| until.saturating_sub(now_s) < S::CERTIFICATE_SECONDS_MIN;
        match system
            .certificates
            .iter()
            .filter(|(_, until)| until.as_ref().is_some_and(ends))
            .count()
        {
            0 => {}
            ending => add(Tone::Wait, "system.certificates_end", count(ending)),
        }
        all
    }

    fn tables(&self) -> Vec<PortalTable> {
        let (words, system) = (self.words, self.system);
        let state =
            |tone, key: &str| Cell { tone: Some(tone), ..Cell::plain(words.get(key).to_owned()) };
        let links = system.switch.iter().flat_map(|switch| &switch.links).map(|link| {
            let state = match (link.withdrawn, link.signed_on) {
                (true, _) => state(Tone::Wait, "routing.was_withdrawn"),
                (false, true) => state(Tone::Done, "system.signed_on"),
                (false, false) => state(Tone::Act, "system.link_down"),
            };
            let number = number(link.number.into());
            vec![
                Cell::plain(link.network.clone()),
                Cell::plain(number),
                state,
                figure(link.failures),
            ]
        });
        let columns = [
            ("routing.network", false),
            ("system.link", false),
            ("column.state", false),
            ("system.failures", true),
        ];
        let none = match system.switch {
            Some(_) => "system.no_links",
            None => "system.no_switch",
        };
        let links = PortalTable::new(self.words, ("system.links", none), &columns, links.collect());
        let notices = system.notices.iter().map(|(channel, of)| {
            let oldest = of.open.oldest_ms.map_or(NOTHING.to_owned(), |ms| self.age(ms));
            let mut row = vec![Cell::plain(channel.name().to_owned()), figure(of.open.count)];
            row.push(Cell::plain(oldest));
            let counts = [of.open.stopped, of.delivered, of.failed, of.refused, of.not_known];
            row.extend(counts.map(figure));
            row
        });
        let columns = [
            ("system.channel", false),
            ("system.open", true),
            ("system.oldest_one", false),
            ("system.stopped", true),
            ("system.delivered", true),
            ("system.failed", true),
            ("system.refused", true),
            ("system.not_known_end", true),
        ];
        let notices = PortalTable::new(
            self.words,
            ("system.by_channel", "system.no_notices"),
            &columns,
            notices.collect(),
        );
        let now_s = system.at_ms / 1_000;
        let certificates = system.certificates.iter().map(|(of, until)| {
            let until = match until {
                None => state(Tone::Act, "system.unreadable"),
                Some(until) => {
                    let tone = match until.saturating_sub(now_s) {
                        0 => Tone::Act,
                        left if left < SystemFigures::CERTIFICATE_SECONDS_MIN => Tone::Wait,
                        _ => Tone::Done,
                    };
                    Cell { tone: Some(tone), ..Cell::plain(self.time(until.saturating_mul(1_000))) }
                }
            };
            vec![Cell { class: "id", ..Cell::plain(of.clone()) }, until]
        });
        let columns = [("system.certificate_of", false), ("system.certificate_until", false)];
        let certificates = PortalTable::new(
            self.words,
            ("system.certificates", "system.no_certificates"),
            &columns,
            certificates.collect(),
        );
        let mut own = vec![
            ("system.version", system.version.to_owned()),
            ("system.started", self.time(system.started_at_ms)),
            ("system.views_format", views::VIEWS_FORMAT.to_string()),
        ];
        if let Some(switch) = &system.switch {
            own.extend([
                ("system.terminals", number(switch.terminals_connected.into())),
                ("system.in_flight", number(switch.in_flight.into())),
                ("system.reversals", number(switch.reversals_waiting.into())),
            ]);
        }
        let own = own
            .into_iter()
            .map(|(key, text)| vec![Cell::plain(words.get(key).to_owned()), Cell::figure(text)]);
        let columns = [("system.what", false), ("system.value", true)];
        let own = PortalTable::new(self.words, ("system.process", ""), &columns, own.collect());
        vec![links, own, notices, certificates]
    }
}

pub(super) async fn system(visit: Visit) -> HttpAnswer {
    QueryParameters::read(visit.call.parts.uri.query(), &[])?;
    visit.call.require_all(AccessFunction::Read("status"))?;
    let principal = visit.call.caller()?.principal.clone();
    let (app, preferences) = (visit.call.app.clone(), visit.preferences);
    let words = preferences.words;
    let mut around = frame(&app, preferences, visit.call.caller.as_ref(), visit.path());
    around.nav = nav_groups(words, &readable(&principal), Some(SYSTEM), None);
    around.title = words.get("view.system").to_owned();
    let done = visit.call.app.workers.run(move |giver| {
        let system = (app.system)();
        let offset_minutes = offset_at(giver, system.at_ms.cast_signed())?;
        let shown = Shown { words, system: &system, offset_minutes };
        let page = PortalPage {
            lead: shown.time(system.at_ms),
            work: shown.alarms(),
            flow_title: words.get("system.figures"),
            flow: shown.tiles(),
            is_flow: false,
            tables: shown.tables(),
            parcels: Vec::new(),
            acts: Vec::new(),
            frame: around,
        };
        html(&page, StatusCode::OK)
    });
    done.await?
}
