//! A door that stands: keys, settings and books as the benchmark makes them, and the processes.

use engine::ParcelId;

use super::bed::{Bed, Ran};
use super::process::Process;

/// Field 42 of the terminals there.
pub const MERCHANT: &str = "898331042150001";

/// A network and an engine. The books have three terminals with some parcels each.
pub struct Standing {
    pub network: Process,
    pub engine: Process,
    /// Where terminals connect.
    pub address: String,
}

/// Makes the directory `door` with all that is needed.
#[track_caller]
pub fn make(bed: &Bed) {
    let line = "bench door --terminals 3 --gateways 0 --rate 3 --seconds 1 --idle 0 --data door";
    let line = format!("{line} --spare-parcels 8");
    bed.run(&format!("{line} --json")).succeeds();
    std::fs::remove_dir_all(bed.path("door/clearing")).unwrap();
}

impl Standing {
    /// Starts both, with more flags for the network.
    #[track_caller]
    pub fn start(bed: &Bed, flags: &str) -> Standing {
        let settings = bed.read("door/doorstep.toml");
        let link = settings.split("links = [\"").nth(1).unwrap().split('"').next().unwrap();
        let line = "network run --json --name alpha --keys door/alpha.toml --acquirer 48980000";
        let mut network = Process::start(bed, &format!("{line} --listen {link} {flags}"));
        network.line();
        let mut engine = Process::start(bed, "serve --data door/books --config door/doorstep.toml");
        let address = engine.says("terminals ");
        Standing { network, engine, address }
    }

    /// Runs a script at the first terminal; the network may not be there at once.
    #[track_caller]
    pub fn terminal(&self, bed: &Bed, flags: &str, script: &[String]) -> Ran {
        bed.write("script", script.join("\n"));
        bed.run(&format!(
            "terminal --connect {} --number 1 --merchant {MERCHANT} --base-key-file door/base.key \
             --last-stan 500 --lang en --script script {flags}",
            self.address
        ))
    }

    /// Stops both; what the network said of itself.
    #[track_caller]
    pub fn stop(self) -> serde_json::Value {
        self.engine.stop();
        serde_json::from_str(&self.network.stop()).unwrap()
    }
}

/// The waybill and the amount of a parcel of the first terminal, by the benchmark's own rule.
pub fn parcel(number: u64) -> (String, String) {
    let one = 1_u64 << 20 | number;
    let high = one.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let low = one.wrapping_mul(0xD1B5_4A32_D192_ED03);
    let parcel = ParcelId::new(u128::from(high) << 64 | u128::from(low));
    let minor = 2_000 + (7_919 + number * 104_729) % 50_000;
    (peers::waybill(parcel.bits()), format!("{}.{:02}", minor / 100, minor % 100))
}
