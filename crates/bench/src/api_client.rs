//! A client of the API: one connection that is kept open.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::ops::Range;
use std::time::Duration;

use anyhow::{Context, bail, ensure};

/// An answer that takes longer is an error.
const ANSWER_WAIT: Duration = Duration::from_secs(30);
/// Of an answer's head.
const HEADERS_MAX: usize = 64;
/// Of an answer. A longer one is an error.
pub const ANSWER_BYTES_MAX: usize = 4 << 20;

/// An answer, whose body is the connection's until the next request.
#[derive(Debug)]
pub struct ApiReply<'b> {
    pub status: u16,
    pub body: &'b [u8],
    /// It says that the request was carried out before.
    pub replayed: bool,
}

/// An answer in the bytes that were received.
pub struct ReceivedReply {
    pub status: u16,
    /// The place of the body.
    pub body: Range<usize>,
    /// It says that the request was carried out before.
    pub replayed: bool,
}

impl ReceivedReply {
    /// `None` if it is not whole yet.
    pub fn parse(bytes: &[u8]) -> anyhow::Result<Option<ReceivedReply>> {
        let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
        let mut head = httparse::Response::new(&mut headers);
        let httparse::Status::Complete(begin) = head.parse(bytes)? else { return Ok(None) };
        let status = head.code.context("the answer has no status")?;
        let header = |name: &str| {
            let mut all = head.headers.iter();
            all.find(|one| one.name.eq_ignore_ascii_case(name)).map(|one| one.value)
        };
        let Some(length) = header("content-length") else { bail!("no content-length") };
        let end = begin + std::str::from_utf8(length)?.parse::<usize>()?;
        if bytes.len() < end {
            return Ok(None);
        }
        ensure!(bytes.len() == end, "bytes follow the answer");
        let replayed = header("idempotent-replayed").is_some();
        Ok(Some(ReceivedReply { status, body: begin..end, replayed }))
    }
}

pub struct ApiConnection {
    address: String,
    stream: Option<TcpStream>,
    bytes: Vec<u8>,
}

impl ApiConnection {
    /// Connects with the first request.
    pub fn new(address: &str) -> ApiConnection {
        ApiConnection { address: address.to_owned(), stream: None, bytes: Vec::new() }
    }

    /// Connects without a request.
    pub fn connect(&mut self) -> anyhow::Result<()> {
        self.connected().map(drop)
    }

    fn connected(&mut self) -> anyhow::Result<&mut TcpStream> {
        if self.stream.is_none() {
            let stream = TcpStream::connect(&self.address).with_context(|| self.address.clone())?;
            stream.set_nodelay(true)?;
            stream.set_read_timeout(Some(ANSWER_WAIT))?;
            self.stream = Some(stream);
        }
        self.stream.as_mut().context("just connected")
    }

    /// Sends a request and reads its answer. After an error the next request connects again.
    pub fn exchange(&mut self, request: &[u8]) -> anyhow::Result<ApiReply<'_>> {
        let sent = self.connected().and_then(|stream| Ok(stream.write_all(request)?));
        match sent.and_then(|()| self.read()) {
            Ok(ReceivedReply { status, body, replayed }) => {
                Ok(ApiReply { status, body: &self.bytes[body], replayed })
            }
            Err(error) => {
                self.stream = None;
                Err(error)
            }
        }
    }

    fn read(&mut self) -> anyhow::Result<ReceivedReply> {
        let stream = self.stream.as_mut().context("not connected")?;
        self.bytes.clear();
        let mut block = [0; 16 << 10];
        loop {
            let count = stream.read(&mut block)?;
            ensure!(count > 0, "the server closed the connection");
            self.bytes.extend_from_slice(&block[..count]);
            ensure!(self.bytes.len() <= ANSWER_BYTES_MAX, "the answer is too long");
            if let Some(reply) = ReceivedReply::parse(&self.bytes)? {
                return Ok(reply);
            }
        }
    }
}
