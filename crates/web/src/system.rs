//! What a running Doorstep says of itself, for the page of the system. The same figures are those
//! of `/metrics`.

use std::sync::Arc;

use notices::{ChannelFigures, NoticeChannel};

/// Figures at one moment. Times are milliseconds since 1970.
#[derive(Clone, Debug)]
pub struct SystemFigures {
    pub version: &'static str,
    pub at_ms: u64,
    pub started_at_ms: u64,
    /// The last batch of the journal.
    pub batch: u64,
    /// Commands that wait for the engine.
    pub commands_waiting: u64,
    /// Commands that a start after a crash would replay, at least.
    pub since_snapshot: u64,
    /// `None` once the books take no commands any more.
    pub last_command_at_ms: Option<u64>,
    /// Batches that the views do not have yet. `None`: they are not written here.
    pub views_behind: Option<u64>,
    pub snapshot_at_ms: Option<u64>,
    /// When the last backup was made, and its last batch.
    pub backup: Option<(u64, u64)>,
    /// Bytes that are free on the disk of the books, and its size.
    pub disk: Option<(u64, u64)>,
    /// Our own certificates, by what they are for, with their ends in seconds since 1970.
    pub certificates: Vec<(String, Option<u64>)>,
    pub notices: Vec<(NoticeChannel, ChannelFigures)>,
    /// `None` if no switch answers.
    pub switch: Option<SwitchFigures>,
}

/// What the switch says of itself.
#[derive(Clone, Debug)]
pub struct SwitchFigures {
    /// Directly, and behind gateways.
    pub terminals_connected: u64,
    pub in_flight: u64,
    pub reversals_waiting: u64,
    pub links: Vec<LinkFigures>,
}

/// A link to a network.
#[derive(Clone, Debug)]
pub struct LinkFigures {
    /// The network's name in the settings.
    pub network: String,
    pub number: u64,
    pub signed_on: bool,
    pub withdrawn: bool,
    /// Connections that were lost or failed since the start.
    pub failures: u64,
}

/// Asks for the figures. It may block.
pub type SystemWatch = Arc<dyn Fn() -> SystemFigures + Send + Sync>;

impl SystemFigures {
    // From here on somebody is called: the limits of packaging/alarms.yml.
    pub const BACKUP_AGE_MS_MAX: u64 = 26 * 3_600_000;
    pub const SINCE_SNAPSHOT_MAX: u64 = 1_000_000;
    pub const VIEWS_BEHIND_MAX: u64 = 1_000;
    pub const COMMANDS_WAITING_MAX: u64 = 10_000;
    pub const CERTIFICATE_SECONDS_MIN: u64 = 21 * 86_400;
    pub const DISK_FREE_BYTES_MIN: u64 = 5_000_000_000;
    pub const DISK_FREE_PERCENT_MIN: u64 = 5;
    pub const NOTICE_AGE_MS_MAX: u64 = 86_400_000;
}

#[cfg(test)]
mod tests {
    use super::SystemFigures as S;

    const ALARMS: &str = include_str!("../../../packaging/alarms.yml");

    /// The value of a product of numbers.
    fn value(text: &str) -> f64 {
        text.split(" * ").map(|factor| factor.trim().parse::<f64>().unwrap()).product()
    }

    #[test]
    #[expect(clippy::cast_precision_loss, reason = "the limits are small")]
    fn the_page_calls_somebody_where_the_alarms_do() {
        let thousandth = 1.0 / 1_000.0;
        for (alarm, before, after, own) in [
            ("DiskFull", "free_bytes < ", " or", S::DISK_FREE_BYTES_MIN as f64),
            ("DiskFull", "size_bytes < ", "\n", S::DISK_FREE_PERCENT_MIN as f64 / 100.0),
            ("QueueLong", " > ", "\n", S::COMMANDS_WAITING_MAX as f64),
            ("BackupOld", " > ", " or", S::BACKUP_AGE_MS_MAX as f64 * thousandth),
            ("SnapshotsFail", " > ", "\n", S::SINCE_SNAPSHOT_MAX as f64),
            ("ViewsBehind", " > ", "\n", S::VIEWS_BEHIND_MAX as f64),
            ("CertificateExpires", " < ", "\n", S::CERTIFICATE_SECONDS_MIN as f64),
            ("NoticesWait", " > ", " or", S::NOTICE_AGE_MS_MAX as f64 * thousandth),
        ] {
            let (_, rule) = ALARMS.split_once(&format!("alert: Doorstep{alarm}\n")).unwrap();
            let (_, rule) = rule.split_once("expr: ").unwrap();
            let (_, limit) = rule.split_once(before).unwrap();
            let limit = value(limit.split(after).next().unwrap());
            assert!((limit - own).abs() < 1e-9 * own, "{alarm}: {limit}, the page has {own}");
        }
    }
}
