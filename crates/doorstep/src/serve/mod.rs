//! `doorstep serve`.

mod business_day;
mod check;
#[cfg(test)]
mod example;
mod form;
mod inbox;
mod key_names;
pub mod limits;
pub mod listeners;
pub mod metrics;
pub mod notices;
mod overdue;
pub mod pulse;
mod readiness;
pub mod reload;
mod rescreening;
pub mod settings;
pub mod views;
pub mod web;

use std::io::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use ::web::monitoring::MonitoringServer;
use ::web::{OverdueArrivals, WebListen, WebServer};
use access::{AccessStore, NodeBooks};
use anyhow::{Context, anyhow, bail, ensure};
use books::{
    Command, Event, FirmId, NetworkId, Refusal, RegisterNetwork, RegisterWallet, SetTimeZone,
    WalletId,
};
use clap::Args;
use engine::Engine;
use engine::{Actor, Submission};
use host::control::CONTROL_SOCKET;
use host::{Host, ListenAddresses, StopOutcome, Stopper};
use journal::{DataDirectory, DirectoryError};
use keys::KeyStore;
use money::Currency;
use node::{Clock, Node, NodeClient, NodeNotice, NodeOptions, SystemClock};
use office::socket::{CommandLines, OfficeServer, control_directory, make_control_directory};
use office::{OnEvents, SharedOffice};
use reports::utc_offset_text;
use switch::{Output, Settings, Switch, Unfinished};

use crate::logging::{CurrentLogLevel, LogArgs};
use crate::office_requests::{self, OfficeKeys, code_mac_under};
use crate::over_socket::serving::ServedLines;
use crate::time_zone::ResolvedZone;
use crate::words::{self, Lang, bilingual};
use crate::{chinese, data_directory, memory, private_files, texts};
use business_day::BusinessDay;
use inbox::InboxWatcher;
use metrics::{MetricsSources, Watch};
use notices::NoticesSwitch;
use overdue::OverdueWatch;
use pulse::PulsePublisher;
use readiness::Readiness;
use reload::{CurrentCalendar, Reloader};
use rescreening::Rescreening;
use settings::LoadedSettings;
use views::ViewsFollower;
use web::WebShared;

/// Runs the switch: serves terminals, routes payments to networks, keeps the books
///
/// Runs until SIGTERM or SIGINT. Then it takes no new requests, finishes those in flight within 30
/// seconds, and ends. A second signal ends it at once. After a crash it continues from the books
/// and reverses payments with an unknown outcome.
///
/// It does not start if the settings lack a network or wallet with unfinished payments, or a
/// network with an open pre-authorisation. [keys] in the settings names the key store; `doorstep
/// keys --config` makes the keys.
#[derive(Args, Debug)]
#[command(override_usage = "doorstep serve [OPTIONS] --data <DIR> --config <FILE>\n       \
                            doorstep serve --example")]
pub struct ServeArgs {
    /// The data directory
    #[arg(long, value_name = "DIR", required_unless_present = "example")]
    data: Option<PathBuf>,
    /// The settings, doorstep.toml
    #[arg(long, value_name = "FILE", required_unless_present = "example")]
    config: Option<PathBuf>,
    /// Print example settings and exit
    #[arg(long)]
    example: bool,
    /// Read settings, keys and books, say what a start would do, and exit: 0 it can start, 1 it
    /// cannot. Changes nothing, and opens no address
    #[arg(long, conflicts_with = "example")]
    check: bool,
    /// With --check: print one JSON object
    #[arg(long, requires = "check")]
    json: bool,
    #[command(flatten)]
    log: LogArgs,
}

const EXAMPLE: &str = include_str!("../../../../docs/door/doorstep.toml");

#[allow(clippy::print_stdout, reason = "the example is the output")]
pub fn run(args: &ServeArgs) -> anyhow::Result<ExitCode> {
    if args.example {
        print!("{EXAMPLE}");
        return Ok(ExitCode::SUCCESS);
    }
    let (Some(data), Some(config)) = (&args.data, &args.config) else {
        bail!(bilingual!("give --data and --config", "请给出 --data 和 --config"));
    };
    let log_level = args.log.start()?;
    let unprotected = memory::protect();
    let mut said = settings::read(config)?;
    if !args.check {
        memory::log(unprotected);
    }
    fit_open_files(&mut said)?;
    private_files::check_books(data)?;
    if args.check {
        return check::run(said, data, config, args.json).map(|()| ExitCode::SUCCESS);
    }
    let directory = DataDirectory::open(data).map_err(no_books)?;
    let (journal, snapshots) = (directory.journal()?, directory.snapshots()?);
    let options = NodeOptions { on_notice: Box::new(notice), ..NodeOptions::default() };
    let node = Node::start(Box::new(journal), Box::new(snapshots), options)?;
    node.client().query(data_directory::check_time)?.0?;
    log_level.set(said.log_level)?;
    let ended = serve(said, &node, data, config, log_level)?;
    node.stop()?;
    match ended {
        StopOutcome::Finished => {
            tracing::info!(target: "host", in_flight = 0, "stopped");
            Ok(ExitCode::SUCCESS)
        }
        StopOutcome::Unfinished(count) => {
            let message = "stopped; the next start continues what is in flight";
            tracing::warn!(target: "host", in_flight = count, "{message}");
            Ok(ExitCode::FAILURE)
        }
    }
}

/// Terminals come first: the API takes what they leave, and a few that are kept for it.
fn fit_open_files(said: &mut LoadedSettings) -> anyhow::Result<()> {
    let web_files = said.web.as_ref().map_or(0, |_| web::FILES_MIN);
    let metrics_files = said.metrics.as_ref().map_or(0, |_| metrics::FILES_MAX);
    let others_max =
        said.plan.other_files_max() + office::socket::FILES_MAX + web_files + metrics_files;
    let fitted = limits::fit_open_files(&mut said.plan.limits, others_max)?;
    if let Some(note) = fitted.note {
        tracing::warn!(target: "host", "{note}");
    }
    if let Some(note) = said.web.as_mut().and_then(|web| web.fit_files(fitted.spare)) {
        tracing::warn!(target: "web", "{note}");
    }
    Ok(())
}

fn serve(
    said: LoadedSettings,
    node: &Node,
    data: &Path,
    config: &Path,
    log_level: CurrentLogLevel,
) -> anyhow::Result<StopOutcome> {
    let in_force = reload::flat_settings(config)?;
    let calendar: CurrentCalendar = Arc::new(Mutex::new(said.calendar));
    let is_trial = node.client().query(|engine| engine.books().is_trial())?.0;
    settings::check_master(said.master_from_environment, is_trial)?;
    let (networks, zone, firms) = (said.networks.clone(), said.zone.clone(), said.firms.clone());
    let look = move |engine: &Engine| {
        check_against_books(engine, &zone, &networks, &firms)?;
        Ok::<_, anyhow::Error>(zone.setting_for(engine.books(), SystemClock.now()))
    };
    let setting = node.client().query(look)?.0?;
    let trial = node.client().query(|engine| engine.books().is_trial())?.0;
    listeners::require_protected(said.forgeable.as_deref(), trial)?;
    let ids: Vec<_> = said.networks.iter().map(|(network, ..)| *network).collect();
    let (unfinished, _) =
        node.client().query(move |engine| Unfinished::of(engine.books(), &ids))?;
    let keys: Arc<dyn KeyStore> = said.keys;
    let office_keys = OfficeKeys {
        code_mac: said.codes.map(|name| code_mac_under(keys.clone(), name)),
        vault: said.vault,
    };
    let (code_mac, vault) = (office_keys.code_mac.clone(), office_keys.vault.clone());
    // Before new names are registered: one may be a misspelt old one.
    let (switch, begin) = resumed_switch(said.settings, keys, unfinished)?;
    let directory = control_directory(data);
    let control = directory.join(CONTROL_SOCKET);
    make_control_directory(&directory, said.office_group)
        .map_err(|error| office_socket_error(&directory, &error))?;
    let mut plan = said.plan;
    plan.control = Some(control.clone());
    plan.trial = is_trial;
    let mut host = Host::open(switch, node, plan, Box::new(SystemClock))?;
    host.queue_outputs(begin);
    let metrics_listen = said.metrics.as_ref().map(metrics::open).transpose()?;
    let told = Arc::new(::notices::NoticeFigures::default());
    let overdue = OverdueArrivals::default();
    let notices = Arc::new(Mutex::new(NoticesSwitch {
        data: data.to_owned(),
        vault: vault.clone(),
        figures: told.clone(),
        origin: said.web.as_ref().and_then(|web| web.origin.clone()),
        overdue: overdue.clone(),
        service: None,
    }));
    let reloader = Arc::new(Mutex::new(Reloader {
        config: std::path::absolute(config)?,
        in_force,
        calendar: calendar.clone(),
        log_level,
        changes: host.settings_changes(),
        client: node.client(),
        notices: notices.clone(),
    }));
    // After the sockets are bound: a start that fails leaves the books as they were.
    let registered = register(&said.networks, said.wallet.as_ref(), node);
    let registered = registered.and_then(|()| match setting {
        Some(setting) => give_time_zone(setting, &mut node.client()),
        None => Ok(()),
    });
    let changes = host.network_changes();
    let announce = Box::new(move |events: &[Event]| changes.announce(events));
    let served = registered.and_then(|()| {
        let vault = office_keys.vault.clone();
        let office = office_requests::office(data, node.client(), announce, office_keys)?;
        let client = Mutex::new(node.client());
        let reloader = reloader.clone();
        let lines: Arc<dyn CommandLines> = Arc::new(ServedLines {
            data: data.to_owned(),
            client,
            config: Some(std::path::absolute(config)?),
            reloader: Some(reloader),
            vault,
            debtors: said.debtors,
        });
        let shared = SharedOffice::new(office);
        let server =
            OfficeServer::start(shared.clone(), lines.clone(), &directory, said.office_group)
                .map_err(|error| office_socket_error(&directory, &error))?;
        Ok((server, shared, lines))
    });
    let place = said.views.map(|views| views.beside(data));
    let reached = place.as_ref().map(|_| Arc::new(AtomicU64::new(0)));
    let watch = Arc::new(Watch::new(MetricsSources {
        data: data.to_owned(),
        control: control.clone(),
        client: node.client(),
        views: reached.clone(),
        answers: OnceLock::new(),
        notices: told,
        overdue: overdue.clone(),
        certificates: said.certificates,
    }));
    let ended = served.and_then(|(office, shared, lines)| {
        let served = said.web.map(|plan| {
            let (changes, phones) = (host.network_changes(), host.phone_requests());
            let announce: OnEvents = Box::new(move |events| changes.announce(events));
            let (code_mac, views, trial_roles) = (code_mac, place.clone(), Vec::new());
            let books = Box::new(NodeBooks::new(node.client()));
            let store = Arc::new(AccessStore::open(data, vault.key.clone(), books)?);
            let office = shared;
            let payout_day = web::payout_day_of(calendar.clone());
            let watched = watch.clone();
            let parts = WebShared {
                office,
                lines,
                code_mac,
                store,
                views,
                announce,
                trial_roles,
                payout_day,
                overdue: overdue.clone(),
                demo: None,
                phone: Some(Arc::new(move |request| phones.ask(request))),
                system: Arc::new(move || watched.figures()),
                vault_key: vault.key,
            };
            let listen = WebListen::open(&plan.addresses, plan.tls.clone())?;
            web::start(plan, listen, node, data, parts)
        });
        let served = match served.transpose() {
            Ok(served) => served,
            Err(error) => {
                office.stop();
                return Err(error);
            }
        };
        let ended = stop_on_signals(host.stopper())
            .context(texts::text(Lang::current(), "error.signals"))
            .and_then(|()| reload_on_signal(reloader))
            .and_then(|()| {
                served.as_ref().into_iter().for_each(|web| watch.serves(web.answers()));
                metrics_listen.map(|listen| metrics::start(listen, watch)).transpose()
            })
            .and_then(|watched| {
                let web = served.as_ref().map_or(&[][..], WebServer::addresses);
                let metrics = watched.as_ref().map_or(&[][..], MonitoringServer::addresses);
                let host = host.addresses();
                print_addresses(host, [web, metrics], &control, office.path())?;
                Ok(watched)
            })
            .and_then(|_watched| {
                let _overdue = OverdueWatch::start(node.client(), calendar.clone(), overdue)?;
                let _rescreening = Rescreening::start(data, node.client())?;
                let _business_day = BusinessDay::start(node.client(), calendar, said.zone)?;
                let pulse = said
                    .pulse
                    .zip(place.clone())
                    .map(|(plan, place)| PulsePublisher::start(data, place, plan, node.client()));
                let _pulse = pulse.transpose()?;
                let views = place.zip(reached);
                let views =
                    views.map(|(place, reached)| ViewsFollower::start(data, place, reached));
                let _views = views.transpose()?;
                let inbox = said.inbox.as_ref();
                let inbox = inbox
                    .map(|(inbox, wait)| InboxWatcher::start((inbox, *wait), data, node.client()));
                let _inbox = inbox.transpose()?;
                let mut sent = notices.lock().unwrap_or_else(PoisonError::into_inner);
                sent.apply(said.notices)?;
                drop(sent);
                readiness::tell(Readiness::Ready);
                Ok(host.run()?)
            });
        readiness::tell(Readiness::Stopping);
        // Waits for what is being sent.
        notices.lock().unwrap_or_else(PoisonError::into_inner).service = None;
        // First: its requests use the office.
        if let Some(served) = served {
            served.stop();
        }
        office.stop();
        ended
    });
    // A socket that remains behaves like a missing one: nobody answers.
    let _ = std::fs::remove_file(&control);
    ended
}

/// A socket of the office that cannot be made.
pub fn office_socket_error(directory: &Path, error: &std::io::Error) -> anyhow::Error {
    let directory = directory.display();
    anyhow!(bilingual!(
        "cannot create the office's socket in {directory}: {error}; check that its directory can \
         be written, and that you are a member of the group of [control]",
        "无法在 {directory} 创建业务套接字：{error}；请检查该目录可写，且您属于 [control] 的用户组"
    ))
}

fn no_books(error: DirectoryError) -> anyhow::Error {
    match error {
        DirectoryError::Missing { .. } | DirectoryError::NoJournal { .. } => {
            anyhow::Error::new(error)
                .context(Lang::current().pick("there are no books to serve", "没有可用的账簿"))
        }
        error => error.into(),
    }
}

/// A switch that goes on with what is unfinished, and what it sends first.
fn resumed_switch(
    settings: Settings,
    keys: Arc<dyn KeyStore>,
    unfinished: Unfinished,
) -> anyhow::Result<(Switch, Vec<Output>)> {
    let mut switch = Switch::new(settings, keys)?;
    let mut begin = Vec::new();
    switch.resume(unfinished, SystemClock.now(), &mut begin).map_err(|error| {
        let error = chinese::error(&error, Lang::current());
        anyhow!(bilingual!(
            "{error}. Keep its [[network]] or [wallet] under this name until they have ended; \
             `doorstep network withdraw` stops new payments to a network",
            "{error}。请保留其 [[network]] 或 [wallet] 及名称，直到这些交易了结；\
             `doorstep network withdraw` 可停止向卡组织发送新的付款"
        ))
    })?;
    Ok((switch, begin))
}

/// Checks that the settings agree with the books.
fn check_against_books(
    engine: &Engine,
    zone: &ResolvedZone,
    networks: &[(NetworkId, Currency, String)],
    firms: &[String],
) -> anyhow::Result<()> {
    let (books, ours) = (engine.books(), &zone.zone);
    let theirs = match books.time_zone() {
        Some(theirs) if theirs.zone == *ours => None,
        Some(theirs) => Some(theirs.zone.clone()),
        None => books
            .utc_offset_minutes_at(SystemClock.now())
            .filter(|offset| *offset != zone.utc_offset_minutes)
            .map(|offset| format!("UTC{}", utc_offset_text(offset))),
    };
    if let Some(theirs) = theirs {
        bail!(bilingual!(
            "time_zone = {ours}: the books have {theirs}; correct the settings",
            "time_zone = {ours}：账簿中为 {theirs}；请更正配置"
        ));
    }
    let is_open = books.utc_offset_minutes_at(SystemClock.now()).is_some();
    for firm in firms.iter().filter(|_| is_open) {
        let known = books.firms().any(|(id, _)| id == FirmId::derived(firm));
        let all: Vec<_> = books.firms().map(|(_, reference)| reference).collect();
        ensure!(
            known,
            bilingual!(
                "merchant.firms: the books have no courier firm `{firm}`; they have: {}. Correct \
                 the name, or register the firm first",
                "merchant.firms：账簿中没有快递公司 `{firm}`；现有：{}。请更正名称，或先登记该公司",
                all.join(Lang::current().pick(", ", "、"))
            )
        );
    }
    for (network, currency, name) in networks {
        let Some(view) = engine.books().network_view(*network) else { continue };
        let (theirs, ours) = (view.currency.code(), currency.code());
        ensure!(
            view.currency == *currency,
            bilingual!(
                "network `{name}`: its currency is {theirs} in the books, but {ours} in the \
                 settings; use another name for a network in {ours}",
                "卡组织 `{name}`：账簿中的币种为 {theirs}，配置中为 {ours}；\
                 {ours} 的卡组织请用另一名称"
            )
        );
    }
    Ok(())
}

/// Gives the books the offsets of their time zone ahead of time.
fn give_time_zone(setting: SetTimeZone, client: &mut NodeClient) -> anyhow::Result<()> {
    let command = Submission::new(Actor::System, Command::SetTimeZone(setting));
    for answer in client.execute(vec![(None, command)])? {
        match answer.map_err(engine::Refusal::into_books) {
            // Before the opening of the books nothing has a date.
            Ok(_) | Err(Refusal::Repeated | Refusal::BooksNotOpen) => {}
            Err(refusal) => {
                let refusal = chinese::refusal(&refusal, Lang::current());
                bail!(bilingual!(
                    "the books refuse the time zone: {refusal}",
                    "账簿拒绝该时区：{refusal}"
                ));
            }
        }
    }
    Ok(())
}

/// Registers new networks and a new wallet in the books.
fn register(
    networks: &[(NetworkId, Currency, String)],
    wallet: Option<&(WalletId, Currency, String)>,
    node: &Node,
) -> anyhow::Result<()> {
    let networks = networks.iter().cloned().map(|(network, currency, reference)| {
        (
            reference.clone(),
            Command::RegisterNetwork(RegisterNetwork { network, currency, reference }),
        )
    });
    let wallet = wallet.cloned().map(|(wallet, currency, reference)| {
        (reference.clone(), Command::RegisterWallet(RegisterWallet { wallet, currency, reference }))
    });
    let (names, commands): (Vec<_>, Vec<_>) = networks
        .chain(wallet)
        .map(|(name, command)| (name, (None, Submission::new(Actor::System, command))))
        .unzip();
    let answers = node.client().execute(commands)?;
    for (name, answer) in names.iter().zip(answers) {
        match answer.map_err(engine::Refusal::into_books) {
            Ok(_) | Err(Refusal::Repeated) => {}
            Err(Refusal::IdentifierTaken) => bail!(bilingual!(
                "`{name}` has another currency in the books; use another name for this currency",
                "`{name}` 在账簿中是另一币种；该币种请用另一名称"
            )),
            Err(refusal) => {
                let refusal = chinese::refusal(&refusal, Lang::current());
                bail!(bilingual!(
                    "the books refuse `{name}`: {refusal}",
                    "账簿拒绝 `{name}`：{refusal}"
                ))
            }
        }
    }
    Ok(())
}

/// The first signal stops gracefully, the second at once.
pub fn stop_on_signals(stopper: Stopper) -> std::io::Result<()> {
    use std::io::Read;
    use std::os::unix::net::UnixStream;
    let (mut reader, writer) = UnixStream::pair()?;
    for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM] {
        signal_hook::low_level::pipe::register(signal, writer.try_clone()?)?;
    }
    std::thread::Builder::new().name("doorstep-signals".into()).spawn(move || {
        let mut byte = [0];
        while matches!(reader.read(&mut byte), Ok(1)) {
            stopper.stop();
        }
    })?;
    Ok(())
}

/// SIGHUP reads the settings again. The log says what was done, or what is wrong.
fn reload_on_signal(reloader: Arc<Mutex<Reloader>>) -> anyhow::Result<()> {
    use std::io::Read;
    use std::os::unix::net::UnixStream;
    let (mut reader, writer) = UnixStream::pair()?;
    signal_hook::low_level::pipe::register(signal_hook::consts::SIGHUP, writer)?;
    std::thread::Builder::new().name("doorstep-reload".into()).spawn(move || {
        let mut byte = [0];
        while matches!(reader.read(&mut byte), Ok(1)) {
            let mut reloader = reloader.lock().unwrap_or_else(PoisonError::into_inner);
            // The log is English.
            let (done, _) = words::captured(Lang::En, || reloader.reload());
            match done {
                Ok(reloaded) => reloaded.log(),
                Err(error) => {
                    let (reason, _) = words::captured(Lang::En, || crate::in_words(&error));
                    tracing::error!(target: "host", reason, "settings not read again");
                }
            }
        }
    })?;
    Ok(())
}

#[allow(clippy::print_stdout, reason = "the addresses are the output")]
fn print_addresses(
    at: &ListenAddresses,
    [web, metrics]: [&[SocketAddr]; 2],
    control: &Path,
    office: &Path,
) -> anyhow::Result<()> {
    for (what, addresses) in [
        ("terminals", &at.terminals[..]),
        ("gateways", &at.gateways),
        ("wallets", &at.wallets),
        ("web", web),
        ("metrics", metrics),
    ] {
        for address in addresses {
            println!("{what} {address}");
        }
    }
    println!("control {}", control.display());
    println!("office {}", office.display());
    std::io::stdout().flush().map_err(|error| anyhow!(words::stdout_error_text(&error)))
}

fn notice(notice: NodeNotice) {
    match notice {
        NodeNotice::SnapshotSkipped { sequence, why: reason } => {
            let sequence = sequence.number();
            tracing::warn!(target: "node", sequence, reason, "snapshot not used");
        }
        NodeNotice::SnapshotFailed { sequence, error } => {
            let (sequence, reason) = (sequence.number(), error.to_string());
            tracing::error!(target: "node", sequence, reason, "snapshot not written");
        }
        NodeNotice::SnapshotWritten { sequence, took, .. } => {
            let took_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
            let sequence = sequence.number();
            tracing::debug!(target: "node", sequence, took_ms, "snapshot written");
        }
    }
}
