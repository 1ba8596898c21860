//! The HTTP connection of a simulated wallet: one request at a time.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use httparse::{EMPTY_HEADER, Response, Status};
use peers::wallet::{WalletError, WalletMessage, WalletResult, WalletSimulator, WalletTask};

use crate::clock::now_ms;

/// For connecting, and for each part of the answer.
const WAIT: Duration = Duration::from_secs(10);
/// A list of refunds has at most 1,000 orders.
const ANSWER_BYTES_MAX: u64 = 1 << 20;
const HEADERS_MAX: usize = 32;

#[derive(Debug, thiserror::Error)]
pub enum WalletClientError {
    #[error(transparent)]
    Wallet(#[from] WalletError),
    #[error("no answer from {address}: {source}")]
    Connection { address: SocketAddr, source: io::Error },
}

pub struct WalletClient {
    wallet: WalletSimulator,
    address: SocketAddr,
}

impl WalletClient {
    #[must_use]
    pub const fn new(wallet: WalletSimulator, address: SocketAddr) -> WalletClient {
        WalletClient { wallet, address }
    }

    #[must_use]
    pub const fn wallet(&self) -> &WalletSimulator {
        &self.wallet
    }

    /// Sends the message of a task and returns what the answer means.
    ///
    /// # Errors
    /// If no answer comes, or one that cannot be believed. The task can be started again.
    pub fn perform(&mut self, task: WalletTask) -> Result<WalletResult, WalletClientError> {
        let message = self.wallet.start(task, now_ms())?;
        let answer = self
            .exchange(&message)
            .map_err(|source| WalletClientError::Connection { address: self.address, source })?;
        let mut headers = [EMPTY_HEADER; HEADERS_MAX];
        let mut head = Response::new(&mut headers);
        let Ok(Status::Complete(begin)) = head.parse(&answer) else {
            return Err(WalletError::Unreadable.into());
        };
        let signature = head
            .headers
            .iter()
            .find(|header| header.name.eq_ignore_ascii_case("doorstep-signature"));
        let signature = signature.and_then(|header| str::from_utf8(header.value).ok());
        let status = head.code.unwrap_or(0);
        Ok(self.wallet.receive(&message, status, signature, &answer[begin..])?)
    }

    /// The whole answer: the listener closes the connection after it.
    fn exchange(&self, message: &WalletMessage) -> io::Result<Vec<u8>> {
        let mut stream = TcpStream::connect_timeout(&self.address, WAIT)?;
        stream.set_read_timeout(Some(WAIT))?;
        stream.set_write_timeout(Some(WAIT))?;
        stream.write_all(&message.bytes)?;
        let mut answer = Vec::new();
        stream.take(ANSWER_BYTES_MAX).read_to_end(&mut answer)?;
        Ok(answer)
    }
}
