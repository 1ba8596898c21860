//! Bodies that are made while they are sent, on a thread of their own.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use access::Principal;
use axum::body::{Body, Bytes};
use hyper::body::Frame;
use tokio::sync::mpsc;

use crate::app::App;
use crate::limits::{EXPORT_BLOCK_BYTES, EXPORT_SECONDS_MAX};
use crate::problem::{Problem, ProblemKind};

/// A receiver may be silent this long.
const RECEIVER_SILENCE: Duration = Duration::from_secs(60);
/// How often it is looked whether a receiver took something.
const RECEIVER_POLL: Duration = Duration::from_millis(5);
/// Blocks that wait for their receiver.
const BLOCKS_WAITING_MAX: usize = 8;

type Block = Result<Bytes, io::Error>;

/// Where a body is written to.
pub(crate) struct BodyWriter {
    to: mpsc::Sender<Block>,
    block: Vec<u8>,
    until: Instant,
}

/// The receiver does not take it, or it takes too long.
#[derive(Debug)]
pub(crate) struct CutOff;

impl BodyWriter {
    /// Adds some text. Sends it once a block is full.
    pub fn write(&mut self, text: &[u8]) -> Result<(), CutOff> {
        self.block.extend_from_slice(text);
        if self.block.len() < EXPORT_BLOCK_BYTES {
            return Ok(());
        }
        let full = std::mem::take(&mut self.block);
        if Instant::now() < self.until { self.send(full) } else { Err(CutOff) }
    }

    fn send(&self, block: Vec<u8>) -> Result<(), CutOff> {
        let until = Instant::now() + RECEIVER_SILENCE;
        let mut block = Ok(Bytes::from(block));
        loop {
            match self.to.try_send(block) {
                Ok(()) => return Ok(()),
                Err(mpsc::error::TrySendError::Full(back)) if Instant::now() < until => {
                    block = back;
                    std::thread::sleep(RECEIVER_POLL);
                }
                Err(_) => return Err(CutOff),
            }
        }
    }
}

/// Makes a body: `write` writes it, on a thread. Of a principal one at a time.
///
/// # Errors
/// Too many bodies are being made.
pub(crate) fn streamed(
    app: &App,
    principal: &Principal,
    write: impl FnOnce(&mut BodyWriter) -> Result<(), CutOff> + Send + 'static,
) -> Result<Body, Problem> {
    let busy = || Problem::from(ProblemKind::Busy).retry_after(10);
    let own = app.running.begin_export(principal.actor).ok_or_else(busy)?;
    let permit = app.exports.clone().try_acquire_owned().map_err(|_| busy())?;
    let (to, receiver) = mpsc::channel(BLOCKS_WAITING_MAX);
    let until = Instant::now() + Duration::from_secs(EXPORT_SECONDS_MAX);
    let mut writer = BodyWriter { to, block: Vec::new(), until };
    let thread = std::thread::Builder::new().name("doorstep-export".into());
    let started = thread.spawn(move || {
        let in_work = (own, permit);
        crate::server::be_nice();
        let written = write(&mut writer).and_then(|()| {
            let last = std::mem::take(&mut writer.block);
            writer.send(last)
        });
        if written.is_err() {
            // The answer has begun: that it is cut off shows that something is missing.
            let cut = io::Error::from(io::ErrorKind::TimedOut);
            let _ = writer.to.blocking_send(Err(cut));
        }
        // Before the body ends: who has all of it may ask for the next one.
        drop(in_work);
        drop(writer);
    });
    started.map_err(Problem::internal)?;
    Ok(Body::new(Blocks(receiver)))
}

/// A body of blocks.
struct Blocks(mpsc::Receiver<Block>);

impl hyper::body::Body for Blocks {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        self.0.poll_recv(context).map(|block| block.map(|block| block.map(Frame::data)))
    }
}
