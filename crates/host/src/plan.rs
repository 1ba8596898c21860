//! What the host listens on and connects to.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use rustls::ServerConfig;
use switch::{LinkId, TerminalDialect};
use tracing::field::display;

use crate::limits::{
    CONTROL_ADMISSION, ConnectionLimits, GATEWAY_ADMISSION, PROCESS_FILES_MAX, STOP_WAIT,
    WALLET_ADMISSION,
};
use crate::sockets::Admission;
use crate::tls::TlsClient;
use crate::wallet::WalletCredentials;

#[derive(Clone, Debug)]
pub struct NetworkLink {
    pub link: LinkId,
    /// For the log and the status.
    pub name: String,
    pub address: SocketAddr,
    /// None for plain TCP.
    pub tls: Option<TlsClient>,
}

#[derive(Clone, Debug)]
pub struct ListenerPlan {
    /// Port 0 takes any free port.
    pub address: SocketAddr,
    /// None for plain TCP.
    pub tls: Option<Arc<ServerConfig>>,
}

/// A listener for terminals.
#[derive(Clone, Debug)]
pub struct TerminalListener {
    /// Port 0 takes any free port.
    pub address: SocketAddr,
    /// None for plain TCP.
    pub tls: Option<Arc<ServerConfig>>,
    /// Whether TLS asks for the terminals' certificates.
    pub certified: bool,
    /// How the terminals that connect here write their messages.
    pub dialect: &'static TerminalDialect,
}

impl TerminalListener {
    /// What protects the line: `certificates` (TLS with certificates of both sides), `tls` or
    /// `plain`.
    #[must_use]
    pub fn protection(&self) -> &'static str {
        match (&self.tls, self.certified) {
            (None, _) => "plain",
            (Some(_), false) => "tls",
            (Some(_), true) => "certificates",
        }
    }
}

/// What the host listens on and connects to.
pub struct HostPlan {
    pub limits: ConnectionLimits,
    pub terminals: Vec<TerminalListener>,
    /// Gateways connect by TLS with client certificates.
    pub gateways: Vec<(SocketAddr, Arc<ServerConfig>)>,
    /// The gateways that may connect, by the first DNS name of their certificate, in any case. None
    /// admits every certificate that the listener's authorities have signed.
    pub gateway_names: Option<Vec<String>>,
    /// The gateways that may carry terminals whose dialect protects nothing, by their names.
    pub trusted_gateways: Vec<String>,
    /// Listeners for the wallets' HTTP requests.
    pub wallet_listeners: Vec<ListenerPlan>,
    /// The wallets whose requests are accepted.
    pub wallets: Vec<WalletCredentials>,
    pub links: Vec<NetworkLink>,
    /// The path of the control socket.
    pub control: Option<PathBuf>,
    /// Whether the books are for trials, for the status.
    pub trial: bool,
    /// How long a graceful stop waits for payments and commands in flight.
    pub stop_wait: Duration,
}

impl Default for HostPlan {
    fn default() -> HostPlan {
        HostPlan {
            limits: ConnectionLimits::default(),
            terminals: Vec::new(),
            gateways: Vec::new(),
            gateway_names: None,
            trusted_gateways: Vec::new(),
            wallet_listeners: Vec::new(),
            wallets: Vec::new(),
            links: Vec::new(),
            control: None,
            trial: false,
            stop_wait: STOP_WAIT,
        }
    }
}

impl HostPlan {
    /// The most files that the process may open besides its terminal connections.
    #[must_use]
    pub fn other_files_max(&self) -> usize {
        let files = |listeners: usize, admission: Admission| match listeners {
            0 => 0,
            _ => listeners + admission.files_max(),
        };
        PROCESS_FILES_MAX
            + self.terminals.len()
            + files(self.gateways.len(), GATEWAY_ADMISSION)
            + files(self.wallet_listeners.len(), WALLET_ADMISSION)
            + files(1, CONTROL_ADMISSION)
            + self.links.len()
    }

    /// Whose messages pass in the clear beyond this machine, and where: terminals, wallets, or a
    /// network's name.
    #[must_use]
    pub fn plain_beyond_loopback(&self) -> Vec<(String, SocketAddr)> {
        let terminals = self.terminals.iter().map(|one| ("terminals", one.address, &one.tls));
        let wallets = self.wallet_listeners.iter().map(|one| ("wallets", one.address, &one.tls));
        let listeners = terminals.chain(wallets).map(|(what, at, tls)| (what, at, tls.is_none()));
        let links = self.links.iter().map(|link| (&*link.name, link.address, link.tls.is_none()));
        let plain = listeners.chain(links).filter(|(_, at, plain)| *plain && !is_loopback(*at));
        plain.map(|(what, at, _)| (what.to_owned(), at)).collect()
    }
}

/// Whether packets for this address stay on this machine.
#[must_use]
pub fn is_loopback(address: SocketAddr) -> bool {
    address.ip().to_canonical().is_loopback()
}

/// The addresses that the host listens on, in the order of the plan.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ListenAddresses {
    pub terminals: Vec<SocketAddr>,
    pub gateways: Vec<SocketAddr>,
    pub wallets: Vec<SocketAddr>,
}

/// Warns of plain TCP that leaves this machine.
pub(crate) fn log_plain(with: &str, address: SocketAddr) {
    let address = display(address);
    tracing::warn!(target: "host", with, address, "plain TCP beyond this machine");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_limit_counts_each_configured_listener() {
        let none = HostPlan::default().other_files_max();
        assert_eq!(none, PROCESS_FILES_MAX + 1 + CONTROL_ADMISSION.open.total_max);
        let address = "127.0.0.1:0".parse().unwrap();
        let dialect = TerminalDialect::DOORSTEP;
        let terminals = vec![TerminalListener { address, tls: None, certified: false, dialect }];
        let wallet_listeners = vec![ListenerPlan { address, tls: None }];
        let plan = HostPlan { terminals, wallet_listeners, ..HostPlan::default() };
        assert_eq!(plan.other_files_max(), none + 2 + WALLET_ADMISSION.open.total_max);
        assert_eq!(GATEWAY_ADMISSION.files_max(), 256 + 256);
    }
}
