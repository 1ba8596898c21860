//! A running switch and network, from the files of `doorstep trial`.

use books::ParcelId;

use super::process::Process;
use super::support::{Bed, Ran, eventually};

/// Field 42 of the trial's terminals.
pub const MERCHANT: &str = "898331042150001";
/// The trial's address for terminals.
pub const TERMINALS: &str = "127.0.0.1:7001";

/// A network and a switch, with books of three terminals with ten parcels each.
pub struct Running {
    pub network: Process,
    pub engine: Process,
    /// The address for terminals.
    pub address: String,
    /// The address for the wallet.
    pub wallet: String,
    /// The address for gateways, if the settings have one.
    pub gateways: Option<String>,
}

/// The trial's address for the wallet.
pub const WALLETS: &str = "127.0.0.1:7003";

/// Prepares the directory `door` with `doorstep trial`, and lets the switch listen at any free
/// ports.
#[track_caller]
pub fn make(bed: &Bed) {
    bed.run("trial door --terminals 3 --parcels 10").succeeds();
    let settings = bed.read("door/doorstep.toml");
    assert!(settings.contains(TERMINALS), "{settings}");
    assert!(settings.contains(WALLETS), "{settings}");
    let settings = settings.replace(TERMINALS, "127.0.0.1:0").replace(WALLETS, "127.0.0.1:0");
    // The port that the trial found can be anybody's since.
    let settings = settings.replace(network_of(&settings), &bed.reserved_address());
    bed.write("door/doorstep.toml", settings);
}

/// The address of the network in the settings of the trial.
pub fn network_of(settings: &str) -> &str {
    settings.split("links = [\"").nth(1).unwrap().split('"').next().unwrap()
}

impl Running {
    /// Starts both processes, with more flags for the network, and waits until it is signed on.
    #[track_caller]
    pub fn start(bed: &Bed, flags: &str) -> Running {
        Running::with_log(bed, flags, "")
    }

    /// As [`Running::start`], with flags for the switch's log.
    #[track_caller]
    pub fn with_log(bed: &Bed, flags: &str, log: &str) -> Running {
        let settings = bed.read("door/doorstep.toml");
        let link = network_of(&settings);
        let line = "network run --json --name alpha --keys door/alpha.toml --acquirer 48980000";
        let mut network = Process::start(bed, &format!("{line} --listen {link} {flags}"));
        network.line();
        let serve = format!("serve --data door/books --config door/doorstep.toml {log}");
        let mut engine = Process::start(bed, &serve);
        let address = engine.says("terminals ");
        let has_gateways = settings.lines().any(|line| line == "[gateways]");
        let gateways = has_gateways.then(|| engine.says("gateways "));
        let wallet = engine.says("wallets ");
        wait_for_links(bed, "door/books");
        Running { network, engine, address, wallet, gateways }
    }

    /// Runs a script on the first terminal.
    #[track_caller]
    pub fn terminal(&self, bed: &Bed, flags: &str, script: &[String]) -> Ran {
        bed.write("script", script.join("\n"));
        bed.run(&format!(
            "terminal --connect {} --number 1 --merchant {MERCHANT} --base-key-file door/base.key \
             --last-stan 500 --lang en --script script {flags}",
            self.address
        ))
    }

    /// Stops both processes, and returns the network's summary.
    #[track_caller]
    pub fn stop(self) -> serde_json::Value {
        self.engine.stop();
        self.network.stop().json()
    }
}

/// Waits until all links are signed on.
#[track_caller]
pub fn wait_for_links(bed: &Bed, books: &str) {
    eventually("all links are signed on", || {
        let status = bed.run(&format!("network status --json --data {books}")).succeeds().json();
        let all = status["links"].as_array().unwrap();
        !all.is_empty() && all.iter().all(|link| link["signed_on"] == true)
    });
}

/// The waybill and amount of a parcel of the first terminal, by the trial's rule.
pub fn parcel(number: u64) -> (String, String) {
    let one = 1_u64 << 20 | number;
    let high = one.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let low = one.wrapping_mul(0xD1B5_4A32_D192_ED03);
    let parcel = ParcelId::new(u128::from(high) << 64 | u128::from(low));
    let minor = 2_000 + (7_919 + number * 104_729) % 50_000;
    (peers::format_waybill(parcel.bits()), format!("{}.{:02}", minor / 100, minor % 100))
}
