//! `doorstep gateway`.

use std::io::Write;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, anyhow, ensure};
use clap::Args;
use host::limits::LINES_PER_GATEWAY_MAX;
use host::tls;
use host::{ConnectionLimits, Gateway, GatewayPlan, StopOutcome, TerminalListener};
use switch::{SettingsError, TerminalDialect};

use crate::logging::LogArgs;
use crate::serve::limits;
use crate::serve::settings::{parse_address, require_tls, tls_identity};
use crate::serve::stop_on_signals;
use crate::words::{self, Lang, bilingual};
use crate::{chinese, memory, texts};

/// Connects many terminals to the engine over one connection
///
/// A gateway stores nothing and has no keys. It may run in a less protected network. There may be
/// many gateways; if one fails, its terminals reconnect through another.
#[derive(Args, Debug)]
#[command(override_usage = "doorstep gateway --engine <ADDR> --listen <ADDR>... \
                            --ca <FILE>\n           --cert <FILE> --key <FILE> [OPTIONS]")]
pub struct GatewayArgs {
    /// The engine's listener for gateways
    #[arg(long, value_name = "ADDR", value_parser = parse_address)]
    engine: SocketAddr,
    /// The name in the engine's certificate
    #[arg(long, value_name = "NAME", default_value = "engine")]
    engine_name: String,
    /// The address for terminals; may be repeated. `unionpay=ADDR` for terminals of UnionPay's
    /// dialect: it needs --terminal-ca, and gateways.trusted in the engine's settings
    #[arg(long, value_name = "[DIALECT=]ADDR", value_parser = parse_listener, required = true)]
    listen: Vec<(&'static TerminalDialect, SocketAddr)>,
    /// PEM: the authority that signed the engine's certificate
    #[arg(long, value_name = "FILE")]
    ca: PathBuf,
    /// PEM: this gateway's certificate
    #[arg(long, value_name = "FILE")]
    cert: PathBuf,
    /// PEM: the gateway's key
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
    /// PEM: the certificate for terminals; without it they use plain TCP
    #[arg(long, value_name = "FILE", requires = "terminal_key")]
    terminal_cert: Option<PathBuf>,
    /// PEM: the key of the certificate for terminals
    #[arg(long, value_name = "FILE", requires = "terminal_cert")]
    terminal_key: Option<PathBuf>,
    /// PEM: the authority of terminals' certificates; must differ from the gateways' authority
    #[arg(long, value_name = "FILE", requires = "terminal_cert")]
    terminal_ca: Option<PathBuf>,
    /// Accept plain TCP of terminals beyond this machine: `i-know`
    #[arg(long, value_name = "WORD", value_parser = ["i-know"], hide_possible_values = true)]
    plain: Option<String>,
    /// Limit of terminals, 1 to 65536; each is an open file
    #[arg(
        long,
        value_name = "NUMBER",
        default_value_t = ConnectionLimits::default().connections_max
    )]
    connections: usize,
    /// Limit of terminals from one address [default: a quarter of --connections]
    #[arg(long, value_name = "NUMBER")]
    connections_per_address: Option<usize>,
    /// Time limit of a TLS handshake, 1 to 300 [default: 10]
    #[arg(long, value_name = "SECONDS")]
    handshake_seconds: Option<u64>,
    /// Time limit of a message, and of the first message after connecting, 1 to 300 [default: 10]
    #[arg(long, value_name = "SECONDS")]
    message_seconds: Option<u64>,
    /// Time limit of silence, 15 to 86400; at least echo_seconds plus answer_seconds of the
    /// engine's settings [default: 900]
    #[arg(long, value_name = "SECONDS")]
    idle_seconds: Option<u64>,
    #[command(flatten)]
    log: LogArgs,
}

impl GatewayArgs {
    fn limits(&self) -> Result<ConnectionLimits, SettingsError> {
        let usual = ConnectionLimits::default();
        let keys = ["--connections", "--connections-per-address"];
        let why = "the engine's limit per gateway; start another gateway";
        let (connections_max, connections_per_address_max) = limits::connections(
            keys,
            (self.connections, LINES_PER_GATEWAY_MAX, why),
            self.connections_per_address,
        )?;
        let patience = limits::timeout;
        Ok(ConnectionLimits {
            connections_max,
            connections_per_address_max,
            handshake_timeout: patience(
                "--handshake-seconds",
                self.handshake_seconds,
                usual.handshake_timeout,
            )?,
            message_timeout: patience(
                "--message-seconds",
                self.message_seconds,
                usual.message_timeout,
            )?,
            idle_timeout: limits::idle_behind_gateway(
                "--idle-seconds",
                self.idle_seconds,
                usual.idle_timeout,
            )?,
            ..usual
        })
    }
}

/// An address, with the dialect of the terminals that connect there: `unionpay=10.0.0.7:7001`.
fn parse_listener(text: &str) -> Result<(&'static TerminalDialect, SocketAddr), String> {
    let lang = Lang::current();
    let (dialect, address) = match text.split_once('=') {
        Some((name, address)) => {
            let dialect = name.parse().map_err(|error| chinese::error(&error, lang))?;
            (dialect, address)
        }
        None => (TerminalDialect::DOORSTEP, text),
    };
    let address = parse_address(address).map_err(|error| chinese::error(&error, lang))?;
    Ok((dialect, address))
}

#[allow(clippy::print_stdout, reason = "the addresses are the output")]
pub fn run(args: &GatewayArgs) -> anyhow::Result<ExitCode> {
    let limits = args.limits()?;
    args.log.start()?;
    let unprotected = memory::protect();
    let identity = tls_identity(args.cert.clone(), args.key.clone())?;
    let tls = tls::client(&args.ca, Some(&identity), &args.engine_name)?;
    let for_terminals = match (&args.terminal_cert, &args.terminal_key) {
        (Some(certificate), Some(key)) => {
            let identity = tls_identity(certificate.clone(), key.clone())?;
            Some(tls::server(&identity, args.terminal_ca.as_deref())?)
        }
        _ => None,
    };
    let is_safe = for_terminals.is_some() || args.plain.is_some();
    for (dialect, address) in &args.listen {
        ensure!(
            dialect.proves_terminals() || args.terminal_ca.is_some(),
            bilingual!(
                "--listen {0}={address}: `{0}` protects nothing on the line; give --terminal-ca, \
                 the authority of these terminals' certificates",
                "--listen {0}={address}：`{0}` 在链路上没有任何保护；请用 --terminal-ca \
                 给出这些终端证书的签发机构",
                dialect.name
            )
        );
        let accept = bilingual!("add --plain i-know", "请加上 --plain i-know");
        require_tls(*address, ("--listen", "--terminal-cert", &accept), is_safe)?;
    }
    memory::log(unprotected);
    let certified = args.terminal_ca.is_some();
    let listen = |&(dialect, address): &(&'static TerminalDialect, SocketAddr)| TerminalListener {
        address,
        tls: for_terminals.clone(),
        certified,
        dialect,
    };
    let terminals = args.listen.iter().map(listen).collect();
    let mut plan = GatewayPlan { limits, terminals, engine: args.engine, tls };
    let others_max = plan.other_files_max();
    if let Some(note) = limits::fit_open_files(&mut plan.limits, others_max)?.note {
        tracing::warn!(target: "gateway", "{note}");
    }
    let mut gateway = Gateway::open(plan)?;
    stop_on_signals(gateway.stopper()).context(texts::text(Lang::current(), "error.signals"))?;
    for address in gateway.addresses() {
        println!("terminals {address}");
    }
    std::io::stdout().flush().map_err(|error| anyhow!(words::stdout_error_text(&error)))?;
    match gateway.run()? {
        StopOutcome::Finished => Ok(ExitCode::SUCCESS),
        StopOutcome::Unfinished(count) => {
            tracing::warn!(target: "gateway", unanswered = count, "stopped");
            Ok(ExitCode::FAILURE)
        }
    }
}
