//! Figures of a running Doorstep for those who watch it: `[metrics]` of the settings.
//!
//! A page is made from what the books, the switch, the views, the API and the disk say at that
//! moment. Labels are names of our own and of the settings: never a person, a parcel or a card.

mod exposition;
mod page;
mod validity;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Context;
use engine::{Engine, Timestamp};
use host::control::{ControlRequest, send_request};
use host::tls;
use node::{Clock, NodeClient, NodeFigures, SystemClock};
use notices::NoticeFigures;
use rustls::ServerConfig;
use serde_json::Value;
use web::limits::{MONITORING_CONNECTIONS_MAX, MONITORING_WORKERS_MAX};
use web::monitoring::{Monitored, MonitoringServer};
use web::system::{LinkFigures, SwitchFigures, SystemFigures};
use web::{AnswerCounts, OverdueArrivals, WebListen};

use super::form::{MetricsForm, SettingsForm};
use super::listeners;
use super::overdue;
use super::settings::tls_identity;
use crate::backup_command::LastBackup;
use crate::words::bilingual;

/// Files that are kept for who watches: connections, and what a page reads.
pub const FILES_MAX: usize = MONITORING_CONNECTIONS_MAX + 4 * MONITORING_WORKERS_MAX;
/// However many ask, the books and the switch are asked once in this time.
const KEPT: Duration = Duration::from_secs(1);
/// With more batches that the views do not have yet, this is not ready.
const VIEWS_BEHIND_BATCHES_MAX: u64 = 1_000;

/// What the settings say of figures.
pub struct MetricsPlan {
    pub addresses: Vec<SocketAddr>,
    pub tls: Option<Arc<ServerConfig>>,
}

/// Reads the section of the settings. `path` resolves its file names, `check` checks an address:
/// plain ones are of this machine, unless the settings say otherwise.
pub fn plan(
    form: &MetricsForm,
    path: impl Fn(&Path) -> PathBuf,
    check: impl Fn(SocketAddr, bool) -> anyhow::Result<()>,
) -> anyhow::Result<MetricsPlan> {
    anyhow::ensure!(
        !form.listen.is_empty(),
        bilingual!(
            "metrics.listen: give at least one address, or leave out [metrics]",
            "metrics.listen：请至少给出一个地址，或不写 [metrics]"
        )
    );
    let tls = form.tls.as_ref().map(|tls| {
        let identity = tls_identity(path(&tls.certificate), path(&tls.key))?;
        Ok::<_, anyhow::Error>(tls::server(&identity, None)?)
    });
    let tls = tls.transpose().context("metrics.tls")?;
    let addresses: Vec<SocketAddr> = form.listen.iter().map(|one| one.0).collect();
    let is_safe = tls.is_some() || form.plain.is_some();
    addresses.iter().try_for_each(|at| check(*at, is_safe))?;
    Ok(MetricsPlan { addresses, tls })
}

/// Our own certificates in the settings, by what they are for.
pub fn certificates(settings: &SettingsForm) -> Vec<(String, &Path)> {
    let terminals = listeners::addresses(&settings.terminals).into_iter();
    let terminals = terminals.filter_map(|of| Some((of.section, &*of.tls?.certificate)));
    let gateways = settings.gateways.as_ref().map(|of| ("gateways".to_owned(), &*of.certificate));
    let wallet = settings.wallet.as_ref().and_then(|of| of.tls.as_ref());
    let wallet = wallet.map(|tls| ("wallet".to_owned(), &*tls.certificate));
    let web = settings.web.as_ref().and_then(|of| of.tls.as_ref());
    let web = web.map(|tls| ("web".to_owned(), &*tls.certificate));
    let metrics = settings.metrics.as_ref().and_then(|of| of.tls.as_ref());
    let metrics = metrics.map(|tls| ("metrics".to_owned(), &*tls.certificate));
    let networks = settings.networks.iter().filter_map(|network| {
        let certificate = network.tls.as_ref()?.certificate.as_deref()?;
        Some((format!("network.{}", network.name), certificate))
    });
    terminals.chain(gateways).chain(wallet).chain(web).chain(metrics).chain(networks).collect()
}

/// What is watched.
pub struct MetricsSources {
    pub data: PathBuf,
    /// The control socket of this process.
    pub control: PathBuf,
    pub client: NodeClient,
    /// The last batch of the views, if they are written.
    pub views: Option<Arc<AtomicU64>>,
    /// What the API has answered, once it is served.
    pub answers: OnceLock<Arc<AnswerCounts>>,
    pub notices: Arc<NoticeFigures>,
    pub overdue: OverdueArrivals,
    /// Our own certificates, by what they are for.
    pub certificates: Vec<(String, PathBuf)>,
}

/// What was found at one moment.
struct Observation {
    at: Timestamp,
    node: NodeFigures,
    /// `None` once the node has stopped.
    books: Option<BooksFigures>,
    /// The status of the control socket; `None` if it does not answer.
    host: Option<Value>,
}

/// What the books say, as far as that costs no look at every parcel.
struct BooksFigures {
    last_command_at: Timestamp,
    parcels_open: usize,
    unknown_payments: Vec<(String, u32)>,
    breaks: OpenDifferences,
    open_items: OpenDifferences,
}

/// The lanes of files, as labels.
const LANES: [&str; 4] = ["network", "wallet", "bank", "firm"];

struct OpenDifferences {
    count: usize,
    oldest_days: u16,
}

impl BooksFigures {
    fn of(engine: &Engine, now: Timestamp) -> BooksFigures {
        let books = engine.books();
        let offset = books.utc_offset_minutes_at(now);
        let today = offset.map_or(books.last_date(), |offset| now.business_date(offset));
        let open = |opened: Vec<books::BusinessDate>| OpenDifferences {
            count: opened.len(),
            oldest_days: opened
                .iter()
                .map(|date| today.0.saturating_sub(date.0))
                .max()
                .unwrap_or(0),
        };
        let rails = books.rail_views();
        BooksFigures {
            last_command_at: engine.last_at(),
            parcels_open: books.open_parcel_count(),
            unknown_payments: rails
                .map(|rail| (rail.reference.to_owned(), rail.unknown_payments))
                .collect(),
            breaks: open(books.open_breaks().iter().map(|one| one.opened).collect()),
            open_items: open(books.open_items().map(|one| one.opened).collect()),
        }
    }
}

/// Watches this process.
pub struct Watch {
    sources: MetricsSources,
    started: Timestamp,
    last: Mutex<Option<(Instant, Arc<Observation>)>>,
}

impl Watch {
    #[must_use]
    pub fn new(sources: MetricsSources) -> Watch {
        Watch { sources, started: SystemClock.now(), last: Mutex::default() }
    }

    /// The API is served from now on.
    pub fn serves(&self, answers: Arc<AnswerCounts>) {
        // It is served once.
        let _ = self.sources.answers.set(answers);
    }

    /// What this process says of itself now, for people.
    pub fn figures(&self) -> SystemFigures {
        self.figures_of(&self.observe())
    }

    fn figures_of(&self, found: &Observation) -> SystemFigures {
        let Kept { backup, snapshot_at_ms } = Kept::of(&self.sources.data);
        let disk = rustix::fs::statvfs(&self.sources.data).ok();
        let disk = disk.map(|disk| {
            let bytes = |blocks: u64| blocks.saturating_mul(disk.f_frsize);
            (bytes(disk.f_bavail), bytes(disk.f_blocks))
        });
        let certificates = self.sources.certificates.iter().map(|(of, path)| {
            let chain = tls::certificates(path).ok();
            // The first is that of the chain's end.
            (of.clone(), chain.and_then(|chain| validity::until_s(chain.first()?)))
        });
        SystemFigures {
            version: env!("CARGO_PKG_VERSION"),
            at_ms: found.at.0,
            started_at_ms: self.started.0,
            batch: found.node.batch,
            commands_waiting: u64::try_from(found.node.waiting).unwrap_or(u64::MAX),
            since_snapshot: found.node.since_snapshot,
            last_command_at_ms: found.books.as_ref().map(|books| books.last_command_at.0),
            views_behind: self.views_behind(found),
            snapshot_at_ms,
            backup: backup.map(|last| (last.made_at_ms, last.batch)),
            disk,
            certificates: certificates.collect(),
            notices: self.sources.notices.by_channel().into_iter().collect(),
            switch: found.host.as_ref().map(|status| switch_figures(status, found.at)),
        }
    }

    /// What was found just now: others may have asked.
    fn observe(&self) -> Arc<Observation> {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, found)) = last.as_ref().filter(|(when, _)| when.elapsed() < KEPT) {
            return found.clone();
        }
        let MetricsSources { client, control, .. } = &self.sources;
        let at = SystemClock.now();
        // Answered when everything before is durable: a disk that hangs is noticed.
        let books = client.query(move |engine| BooksFigures::of(engine, at));
        let found = Arc::new(Observation {
            at,
            node: client.figures(),
            books: books.ok().map(|(found, _)| found),
            host: send_request(control, &ControlRequest::Status {}).ok(),
        });
        *last = Some((Instant::now(), found.clone()));
        found
    }

    fn views_behind(&self, found: &Observation) -> Option<u64> {
        let reached = self.sources.views.as_ref()?.load(Ordering::Relaxed);
        Some(found.node.batch.saturating_sub(reached))
    }
}

impl Monitored for Watch {
    fn metrics(&self) -> String {
        page::of(self, &self.observe())
    }

    fn readiness(&self) -> (bool, String) {
        let found = self.observe();
        let mut lines = vec![match &found.books {
            Some(_) => (true, format!("books: at batch {}", found.node.batch)),
            None => (false, "books: they take no commands any more".to_owned()),
        }];
        if let Some(behind) = self.views_behind(&found) {
            let is_near = behind <= VIEWS_BEHIND_BATCHES_MAX;
            lines.push((is_near, format!("views: {behind} batches behind")));
        }
        match &found.host {
            None => lines.push((false, "switch: it does not answer".to_owned())),
            Some(status) if status["stopping"] == true => {
                lines.push((false, "switch: it stops".to_owned()));
            }
            Some(status) => lines.push(links_line(status, found.at)),
        }
        let is_ready = lines.iter().all(|(good, _)| *good);
        let text = lines.iter().map(|(good, line)| {
            let mark = if *good { "ok" } else { "no" };
            format!("{mark}  {line}\n")
        });
        (is_ready, text.collect())
    }
}

fn number(status: &Value, key: &str) -> u64 {
    status[key].as_u64().unwrap_or_default()
}

fn switch_figures(status: &Value, at: Timestamp) -> SwitchFigures {
    let all = |key: &str| status[key].as_array().map_or(&[][..], Vec::as_slice);
    let behind: u64 = all("gateways").iter().map(|gateway| number(gateway, "terminals")).sum();
    let links = all("links").iter().map(|link| LinkFigures {
        network: link["network"].as_str().unwrap_or_default().to_owned(),
        number: number(link, "link"),
        signed_on: link["signed_on"] == true,
        withdrawn: is_withdrawn(link, at),
        failures: number(link, "failures"),
    });
    SwitchFigures {
        terminals_connected: number(status, "terminals").saturating_add(behind),
        in_flight: number(status, "in_flight"),
        reversals_waiting: number(status, "reversals"),
        links: links.collect(),
    }
}

/// One network that is linked is enough: cards are routed around the others.
fn links_line(status: &Value, at: Timestamp) -> (bool, String) {
    let links = status["links"].as_array().map_or(&[][..], Vec::as_slice);
    let in_use = links.iter().filter(|link| !is_withdrawn(link, at));
    let (up, all) = in_use
        .fold((0, 0), |(up, all), link| (up + usize::from(link["signed_on"] == true), all + 1));
    (up > 0 || all == 0, format!("networks: {up} of {all} links signed on"))
}

fn is_withdrawn(link: &Value, at: Timestamp) -> bool {
    link["withdrawn_from_ms"].as_u64().is_some_and(|from| from <= at.0)
}

/// Begins to answer.
pub fn start(listen: WebListen, watch: Arc<Watch>) -> anyhow::Result<MonitoringServer> {
    Ok(MonitoringServer::start(listen, watch)?)
}

/// Opens the addresses.
pub fn open(plan: &MetricsPlan) -> anyhow::Result<WebListen> {
    let MetricsPlan { addresses, tls, .. } = plan;
    for address in addresses.iter().filter(|at| tls.is_none() && !host::is_loopback(**at)) {
        let (with, address) = ("metrics", tracing::field::display(address));
        tracing::warn!(target: "host", with, address, "plain TCP beyond this machine");
    }
    WebListen::open_any(addresses, tls.clone()).context("metrics.listen")
}

/// The last backup, and the age of the newest snapshot's file.
struct Kept {
    backup: Option<LastBackup>,
    snapshot_at_ms: Option<u64>,
}

impl Kept {
    fn of(data: &Path) -> Kept {
        let files = std::fs::read_dir(data.join("snapshots")).into_iter().flatten().flatten();
        let written = files.filter_map(|file| file.metadata().ok()?.modified().ok());
        let since_1970 = written.max().and_then(|at| at.duration_since(std::time::UNIX_EPOCH).ok());
        Kept {
            backup: LastBackup::of(data),
            snapshot_at_ms: since_1970.and_then(|since| u64::try_from(since.as_millis()).ok()),
        }
    }
}
