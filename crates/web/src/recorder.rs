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
            let mut said = None;
            loop {
                let is_last = stopped.recv_timeout(EVERY) == Err(RecvTimeoutError::Disconnected);
                let failure = store.record_events(&mut client).err().map(|why| why.to_string());
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
