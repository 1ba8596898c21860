//! Settings that change while the engine's process runs.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use mio::Waker;
use switch::Settings;

use crate::plan::HostPlan;

/// A host takes a change in its next round.
const APPLIED_WAIT: Duration = Duration::from_secs(10);

/// The host did not take the change: it stops, or has not begun to run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the settings were not changed: Doorstep is starting or stopping; try again")]
pub struct NotRunning;

pub(crate) struct ChangedSettings {
    pub plan: HostPlan,
    pub switch: Settings,
    pub applied: Sender<()>,
}

/// Gives a running host other settings, from another thread.
#[derive(Clone)]
pub struct SettingsChanges {
    changed: Sender<ChangedSettings>,
    waker: Arc<Waker>,
}

pub(crate) fn settings_changes(waker: Arc<Waker>) -> (SettingsChanges, Receiver<ChangedSettings>) {
    let (changed, receiver) = channel();
    (SettingsChanges { changed, waker }, receiver)
}

impl SettingsChanges {
    /// Applies what can change, and returns when it is in force: limits, the certificates of
    /// listeners that have some, the authorities and names of those who may connect, wallets'
    /// secrets, and what [`switch::Switch::change_settings`] takes. Open connections stay, but for
    /// those of gateways that are no longer admitted. The rest of the plan is left as it is.
    pub fn apply(&self, plan: HostPlan, switch: Settings) -> Result<(), NotRunning> {
        let (applied, is_applied) = channel();
        let change = ChangedSettings { plan, switch, applied };
        self.changed.send(change).map_err(|_| NotRunning)?;
        self.waker.wake().map_err(|_| NotRunning)?;
        is_applied.recv_timeout(APPLIED_WAIT).map_err(|_| NotRunning)
    }
}
