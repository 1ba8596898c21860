//! The page of metrics: each metric once, with its unit and meaning.

use node::{NodeFigures, SYNC_BOUNDS_US};
use notices::ChannelFigures;
use serde_json::Value;
use web::system::{LinkFigures, SystemFigures};

use super::exposition::{Exposition, MetricKind, Scaled, seconds_of_ms, seconds_of_us};
use super::{BooksFigures, LANES, Observation, Watch, number, overdue};
use MetricKind::{Counter, Gauge, Histogram};

const DAY_SECONDS: u32 = 86_400;

pub(super) fn of(watch: &Watch, found: &Observation) -> String {
    let mut page = Exposition::default();
    page.metric("doorstep_build_info", Gauge, "The version of this Doorstep.")
        .add(&[("version", env!("CARGO_PKG_VERSION"))], 1);
    page.gauge(
        "doorstep_start_time_seconds",
        "When this process started, since 1970.",
        seconds_of_ms(watch.started.0),
    );
    node(&mut page, &found.node);
    if let Some(found) = &found.books {
        books(&mut page, found);
    }
    let system = watch.figures_of(found);
    if let Some(behind) = system.views_behind {
        page.gauge(
            "doorstep_views_behind_batches",
            "Batches of the journal that the SQL views do not have yet.",
            behind,
        );
    }
    if let Some(status) = &found.host {
        host(&mut page, status);
    }
    if let Some(switch) = &system.switch {
        links(&mut page, &switch.links);
    }
    if let Some(answers) = watch.sources.answers.get() {
        let name = "doorstep_web_answers_total";
        let mut samples = page.metric(name, Counter, "Answers of the API, by HTTP status.");
        for (status, count) in answers.by_status() {
            samples.add(&[("status", &status.to_string())], count);
        }
    }
    files(&mut page, watch);
    notices(&mut page, &system);
    disk(&mut page, &system);
    page.into_text()
}

/// Files that are due by the calendar and were not given.
fn files(page: &mut Exposition, watch: &Watch) {
    let Some(overdue) = overdue::known(&watch.sources.overdue) else { return };
    let of_lane = |lane: &str| overdue.iter().filter(|one| one.lane == lane).collect::<Vec<_>>();
    let help = "Files that are due by the calendar and were not given, by lane.";
    let mut samples = page.metric("doorstep_files_overdue", Gauge, help);
    for lane in LANES {
        samples.add(&[("lane", lane)], of_lane(lane).len());
    }
    let help = "The age of the oldest overdue file of a lane, in whole days; 0 without one.";
    let mut samples = page.metric("doorstep_files_overdue_oldest_seconds", Gauge, help);
    for lane in LANES {
        let oldest = of_lane(lane).iter().map(|one| one.age_days).max().unwrap_or(0);
        samples.add(&[("lane", lane)], u32::from(oldest) * DAY_SECONDS);
    }
    let late = overdue::late_items(&watch.sources.overdue);
    let help = "Payments, deposits and credits that the file of their day came without, by lane.";
    let mut samples = page.metric("doorstep_arrivals_late", Gauge, help);
    for lane in LANES {
        samples.add(&[("lane", lane)], late.get(lane).copied().unwrap_or(0));
    }
}

fn notices(page: &mut Exposition, system: &SystemFigures) {
    let (channels, now) = (&system.notices, system.at_ms);
    let mut gauge = |name, help, value: &dyn Fn(&ChannelFigures) -> Option<Scaled>| {
        let mut samples = page.metric(name, Gauge, help);
        for (channel, figures) in channels {
            if let Some(value) = value(figures) {
                samples.add(&[("channel", channel.name())], value);
            }
        }
    };
    let whole = |units| Some(Scaled { units, per_one: 1 });
    gauge("doorstep_notices_open", "Notices that have not ended, by channel.", &|of| {
        whole(of.open.count)
    });
    let help = "For how long the oldest open notice of a channel waits.";
    gauge("doorstep_notices_oldest_seconds", help, &|of| {
        Some(seconds_of_ms(now.saturating_sub(of.open.oldest_ms?)))
    });
    let help = "Recipients to whom nothing leaves by a channel until somebody starts them again.";
    gauge("doorstep_notices_stopped", help, &|of| whole(of.open.stopped));
    let help =
        "Recipients for whom so many notices wait by a channel that more are not sent singly.";
    gauge("doorstep_notices_full", help, &|of| whole(of.open.full));
    let help = "How attempts to send notices ended, by channel, since the start.";
    let mut samples = page.metric("doorstep_notice_attempts_total", Counter, help);
    for (channel, of) in channels {
        for (outcome, count) in [
            ("delivered", of.delivered),
            ("failed", of.failed),
            ("refused", of.refused),
            ("not_known", of.not_known),
        ] {
            samples.add(&[("channel", channel.name()), ("outcome", outcome)], count);
        }
    }
}

fn node(page: &mut Exposition, node: &NodeFigures) {
    page.gauge("doorstep_journal_batch", "The last batch of the journal.", node.batch);
    let help = "Commands that changed the books, by name, since the start.";
    let mut samples = page.metric("doorstep_commands_total", Counter, help);
    for (name, count) in &node.commands {
        samples.add(&[("command", name)], count);
    }
    let help = "Commands that the books refused, by the name of the refusal, since the start.";
    let mut samples = page.metric("doorstep_command_refusals_total", Counter, help);
    for (name, count) in &node.refusals {
        samples.add(&[("refusal", name)], count);
    }
    page.counter(
        "doorstep_commands_answered_before_total",
        "Commands that were repeated under their request key, since the start.",
        node.answered_before,
    );
    page.gauge("doorstep_commands_waiting", "Commands that wait for the engine.", node.waiting);
    page.gauge(
        "doorstep_commands_since_snapshot",
        "Commands that a start after a crash would replay, at least.",
        node.since_snapshot,
    );
    let syncs = &node.syncs;
    let help = "How long it took to make a batch of commands durable.";
    let mut samples = page.metric("doorstep_sync_seconds", Histogram, help);
    for (bound, within) in SYNC_BOUNDS_US.iter().zip(syncs.within) {
        samples.add_part("_bucket", &[("le", &seconds_of_us(*bound).to_string())], within);
    }
    samples
        .add_part("_bucket", &[("le", "+Inf")], syncs.batches)
        .add_part("_sum", &[], seconds_of_us(syncs.sum_us))
        .add_part("_count", &[], syncs.batches);
}

fn books(page: &mut Exposition, books: &BooksFigures) {
    page.gauge(
        "doorstep_last_command_time_seconds",
        "The time of the last command in the books, since 1970.",
        seconds_of_ms(books.last_command_at.0),
    );
    page.gauge("doorstep_parcels_open", "Parcels that are not closed.", books.parcels_open);
    let help = "Payments whose outcome is unknown, by network or wallet.";
    let mut samples = page.metric("doorstep_unknown_payments", Gauge, help);
    for (rail, count) in &books.unknown_payments {
        samples.add(&[("rail", rail)], count);
    }
    page.gauge("doorstep_breaks_open", "Breaks that are not resolved.", books.breaks.count);
    page.gauge(
        "doorstep_breaks_oldest_seconds",
        "The age of the oldest open break, in whole days; 0 without one.",
        u32::from(books.breaks.oldest_days) * DAY_SECONDS,
    );
    page.gauge(
        "doorstep_open_items",
        "Terminals' batches that differ and are not decided.",
        books.open_items.count,
    );
    page.gauge(
        "doorstep_open_items_oldest_seconds",
        "The age of the oldest open item, in whole days; 0 without one.",
        u32::from(books.open_items.oldest_days) * DAY_SECONDS,
    );
}

fn host(page: &mut Exposition, status: &Value) {
    let gateways = status["gateways"].as_array().map_or(&[][..], Vec::as_slice);
    let behind: u64 = gateways.iter().map(|gateway| number(gateway, "terminals")).sum();
    page.metric("doorstep_terminals_connected", Gauge, "Terminals, by how they are connected.")
        .add(&[("through", "listener")], number(status, "terminals"))
        .add(&[("through", "gateway")], behind);
    page.gauge("doorstep_gateways_connected", "Gateways that are connected.", gateways.len());
    page.counter(
        "doorstep_terminal_messages_total",
        "Messages of terminals, since the start.",
        number(status, "messages"),
    );
    let event = |name: &str| number(&status["events"], name);
    let help = "Purchases that were approved, requests of terminals that were refused, and those \
                that no network answered in time, since the start.";
    page.metric("doorstep_sales_total", Counter, help)
        .add(&[("outcome", "approved")], event("approved"))
        .add(&[("outcome", "refused")], event("refused"))
        .add(&[("outcome", "unknown")], event("network_timeout"));
    let help = "What happened at the switch, by name, since the start.";
    let mut samples = page.metric("doorstep_switch_events_total", Counter, help);
    for (name, count) in status["events"].as_object().into_iter().flatten() {
        samples.add(&[("event", name)], count);
    }
    page.gauge(
        "doorstep_requests_in_flight",
        "Requests of terminals that wait for an answer.",
        number(status, "in_flight"),
    );
    page.gauge(
        "doorstep_reversals_waiting",
        "Reversals and refunds that no network or wallet has acknowledged yet.",
        number(status, "reversals"),
    );
    page.gauge(
        "doorstep_switch_commands_waiting",
        "Commands of the switch that wait for the journal.",
        number(status, "waiting_for_journal"),
    );
    page.counter(
        "doorstep_connections_accepted_total",
        "Connections of terminals, gateways and wallets, since the start.",
        number(status, "accepted"),
    );
    let help = "Connections that ended or were refused, by reason, since the start.";
    let mut samples = page.metric("doorstep_connections_ended_total", Counter, help);
    for (reason, count) in status["ended"].as_object().into_iter().flatten() {
        samples.add(&[("reason", reason)], count);
    }
    let jump_ms = status["clock_jump_ms"].as_i64().unwrap_or_default();
    let help = "How far the machine's clock has jumped from the time of this process.";
    let jump = seconds_of_ms(jump_ms.unsigned_abs());
    let sign = if jump_ms < 0 { "-" } else { "" };
    page.gauge("doorstep_clock_jump_seconds", help, format!("{sign}{jump}"));
}

fn links(page: &mut Exposition, links: &[LinkFigures]) {
    let mut each = |name, kind, help: &str, value: &dyn Fn(&LinkFigures) -> u64| {
        let mut samples = page.metric(name, kind, help);
        for link in links {
            let labels = [("network", &*link.network), ("link", &link.number.to_string())];
            samples.add(&labels, value(link));
        }
    };
    let help = "Whether the network has accepted our sign-on on this link.";
    each("doorstep_link_signed_on", Gauge, help, &|link| u64::from(link.signed_on));
    let help = "Whether the network of this link is withdrawn.";
    each("doorstep_link_withdrawn", Gauge, help, &|link| u64::from(link.withdrawn));
    let help = "Connections of this link that were lost or failed, since the start.";
    each("doorstep_link_failures_total", Counter, help, &|link| link.failures);
}

fn disk(page: &mut Exposition, system: &SystemFigures) {
    page.known(
        "doorstep_snapshot_time_seconds",
        "When the newest snapshot was written, since 1970.",
        system.snapshot_at_ms.map(seconds_of_ms),
    );
    page.known(
        "doorstep_backup_time_seconds",
        "When the last backup was made, since 1970.",
        system.backup.map(|(made_at_ms, _)| seconds_of_ms(made_at_ms)),
    );
    page.known(
        "doorstep_backup_batch",
        "The last batch of the last backup.",
        system.backup.map(|(_, batch)| batch),
    );
    page.known(
        "doorstep_disk_free_bytes",
        "Room on the disk of the books.",
        system.disk.map(|(free, _)| free),
    );
    page.known(
        "doorstep_disk_size_bytes",
        "The size of the disk of the books.",
        system.disk.map(|(_, size)| size),
    );
    let help = "When a certificate of the settings expires, since 1970.";
    let mut samples = page.metric("doorstep_certificate_expiry_time_seconds", Gauge, help);
    for (of, until) in &system.certificates {
        if let Some(until) = until {
            samples.add(&[("of", of)], until);
        }
    }
}
