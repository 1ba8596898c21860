//! Public texts are matched again while Doorstep serves, as soon as the rules in force are others:
//! a version began or ended, a rule ended or was suspended.

use std::path::Path;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use listings::{RescreenError, Rescreened, RulesInForce, TextStore, rescreen};
use node::{Clock, NodeClient, SystemClock};

/// How often it looks whether the rules are others.
const ROUND: Duration = Duration::from_secs(2);

/// A thread that matches texts again.
pub struct Rescreening {
    /// Dropped to end the thread.
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Rescreening {
    pub fn start(data: &Path, mut client: NodeClient) -> std::io::Result<Rescreening> {
        let (stop, stopped) = channel::<()>();
        let data = data.to_owned();
        let thread =
            std::thread::Builder::new().name("doorstep-texts".into()).spawn(move || {
                // The rules with which every text was matched.
                let mut done = None;
                // The node says elsewhere why it stopped.
                while round(&data, &mut client, &mut done).is_ok()
                    && stopped.recv_timeout(ROUND) == Err(RecvTimeoutError::Timeout)
                {
                }
            })?;
        Ok(Rescreening { stop: Some(stop), thread: Some(thread) })
    }
}

fn round(
    data: &Path,
    client: &mut NodeClient,
    done: &mut Option<RulesInForce>,
) -> Result<(), node::NodeStopped> {
    let look =
        |engine: &engine::Engine| RulesInForce::at(engine, SystemClock.now().max(engine.last_at()));
    let rules = client.look_ahead(look)?;
    if rules.is_none() || rules == *done {
        return Ok(());
    }
    let matched = TextStore::open(data)
        .map_err(|error| RescreenError::Screen(error.into()))
        .and_then(|store| rescreen(client, &store, None));
    match matched {
        Ok(Rescreened { matched, missing, changed }) => {
            if matched + missing > 0 {
                tracing::info!(target: "texts", matched, missing, "texts matched again");
            }
            // What changed meanwhile is looked at in the next round.
            if changed == 0 {
                *done = rules;
            }
        }
        Err(RescreenError::Node(stopped)) => return Err(stopped),
        Err(RescreenError::Screen(error)) => {
            let reason = error.to_string();
            tracing::warn!(target: "texts", reason, "texts were not matched again");
            *done = rules;
        }
    }
    Ok(())
}

impl Drop for Rescreening {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A panic of the thread has ended the process.
            let _ = thread.join();
        }
    }
}
