//! A gateway: `doorstep gateway`.

use std::io::Write;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::Args;
use door::limits::LINES_PER_GATEWAY_MAX;
use door::tls::{self, Identity};
use door::{Ended, Gateway, GatewayPlan, Limits, Listen};
use switch::SettingsError;

use crate::serve::limits;
use crate::serve::settings::address;
use crate::serve::{stop_on_signals, tell};

/// Holds terminals on one connection to the engine.
///
/// It keeps nothing and has no keys: it may stand in a network that is less safe, there may be
/// many, and one may be lost at any time. Terminals come back through another.
#[derive(Args, Debug)]
#[command(override_usage = "doorstep gateway --engine <ADDR> --listen <ADDR>... --ca <FILE> \
                            --cert <FILE> --key <FILE>")]
pub struct GatewayArgs {
    /// The engine's listener for gateways
    #[arg(long, value_name = "ADDR", value_parser = address)]
    engine: SocketAddr,
    /// The name in the engine's certificate
    #[arg(long, value_name = "NAME", default_value = "engine")]
    engine_name: String,
    /// Where terminals connect; may be repeated
    #[arg(long, value_name = "ADDR", value_parser = address, required = true)]
    listen: Vec<SocketAddr>,
    /// PEM: the authority that signed the engine's certificate
    #[arg(long, value_name = "FILE")]
    ca: PathBuf,
    /// PEM: this gateway's certificate
    #[arg(long, value_name = "FILE")]
    cert: PathBuf,
    /// PEM: its key
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
    /// PEM: the certificate that terminals see; without it they speak plain TCP
    #[arg(long, value_name = "FILE", requires = "terminal_key")]
    terminal_cert: Option<PathBuf>,
    /// PEM: its key
    #[arg(long, value_name = "FILE", requires = "terminal_cert")]
    terminal_key: Option<PathBuf>,
    /// PEM: the authority of the certificates that terminals must have; not that of gateways
    #[arg(long, value_name = "FILE", requires = "terminal_cert")]
    terminal_ca: Option<PathBuf>,
    /// Terminals at the most, 1 to 65536; each is an open file
    #[arg(long, value_name = "NUMBER", default_value_t = Limits::default().connections_max)]
    connections: usize,
    /// Terminals from one address at the most [default: as many as there may be]
    #[arg(long, value_name = "NUMBER")]
    connections_per_address: Option<usize>,
    /// For a handshake by TLS, 1 to 300 [default: 10]
    #[arg(long, value_name = "SECONDS")]
    handshake_seconds: Option<u64>,
    /// For a message, also the first from connecting on, 1 to 300 [default: 10]
    #[arg(long, value_name = "SECONDS")]
    message_seconds: Option<u64>,
    /// Silence, 15 to 86400: no less than echo_seconds and answer_seconds of the engine's settings
    /// together [default: 900]
    #[arg(long, value_name = "SECONDS")]
    idle_seconds: Option<u64>,
}

impl GatewayArgs {
    fn limits(&self) -> Result<Limits, SettingsError> {
        let usual = Limits::default();
        let keys = ["--connections", "--connections-per-address"];
        let why = "the engine takes no more on one connection; start another gateway";
        let (connections_max, connections_per_address_max) = limits::connections(
            keys,
            (self.connections, LINES_PER_GATEWAY_MAX, why),
            self.connections_per_address,
        )?;
        let patience = limits::patience;
        Ok(Limits {
            connections_max,
            connections_per_address_max,
            handshake: patience("--handshake-seconds", self.handshake_seconds, usual.handshake)?,
            message: patience("--message-seconds", self.message_seconds, usual.message)?,
            idle: limits::idle_behind_gateway("--idle-seconds", self.idle_seconds, usual.idle)?,
            ..usual
        })
    }
}

/// Runs `doorstep gateway`.
#[allow(clippy::print_stdout, reason = "whoever starts it reads where it listens")]
pub fn run(args: &GatewayArgs) -> anyhow::Result<ExitCode> {
    let limits = args.limits()?;
    let identity = Identity { certificate: args.cert.clone(), key: args.key.clone() };
    let tls = tls::client(&args.ca, Some(&identity), &args.engine_name)?;
    let for_terminals = match (&args.terminal_cert, &args.terminal_key) {
        (Some(certificate), Some(key)) => {
            let identity = Identity { certificate: certificate.clone(), key: key.clone() };
            Some(tls::server(&identity, args.terminal_ca.as_deref())?)
        }
        _ => None,
    };
    let listen = |address: &SocketAddr| Listen { address: *address, tls: for_terminals.clone() };
    let terminals = args.listen.iter().map(listen).collect();
    let mut plan = GatewayPlan { limits, terminals, engine: args.engine, tls };
    let others_max = plan.other_files_max();
    if let Some(note) = limits::fit_files(&mut plan.limits, others_max)? {
        tell(&note);
    }
    let mut gateway = Gateway::open(plan, Box::new(tell))?;
    stop_on_signals(gateway.stopper()).context("hearing signals")?;
    for address in gateway.addresses() {
        println!("terminals {address}");
    }
    std::io::stdout().flush().context("standard output")?;
    match gateway.run()? {
        Ended::Finished => Ok(ExitCode::SUCCESS),
        Ended::Unfinished(count) => {
            tell(&format!("stopped with {count} messages that were not answered"));
            Ok(ExitCode::FAILURE)
        }
    }
}
