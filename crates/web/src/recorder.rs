//! Events of sign-ins go into the journal on a thread of their own: no sign-in waits for it.

use std::io;
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

use access::AccessStore;
use node::NodeClient;

/// How often events are looked for.
const EVERY: Duration = Duration::from_secs(1);

/// The uses of keys are written once in so many times.
const KEY_USES_EVERY: u32 = 10;

/// Records the events of a store until it is dropped, and then once more.
#[derive(Debug)]
pub struct Recorder {
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Recorder {
    /// `on_failure` hears why events wait, once for each reason.
    ///
    /// # Errors
    /// The thread cannot be started.
    pub fn start(
        store: Arc<AccessStore>,
        mut client: NodeClient,
        on_failure: fn(&str),
    ) -> io::Result<Recorder> {
        let (stop, stopped) = channel::<()>();
        let record = move || {
            crate::server::be_nice();
            let (mut said, mut waited) = (None, 0);
            loop {
                let is_last = stopped.recv_timeout(EVERY) == Err(RecvTimeoutError::Disconnected);
                waited += 1;
                let mut done = store.record_events(&mut client).map(drop);
                if waited >= KEY_USES_EVERY || is_last {
                    waited = 0;
                    done = done.and_then(|()| store.note_key_uses());
                }
                let failure = done.err().map(|why| why.to_string());
                if let Some(reason) = failure.as_ref().filter(|_| failure != said) {
                    on_failure(reason);
                }
                said = failure;
                if is_last {
                    return;
                }
            }
        };
        let thread = Builder::new().name("doorstep-access".into()).spawn(record)?;
        Ok(Recorder { stop: Some(stop), thread: Some(thread) })
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
