//! The protocol between gateway and engine: docs/door/gateway.md.

use std::fmt;

use switch::TerminalDialect;

use crate::limits::TERMINAL_MESSAGE_BYTES_MAX;

/// The version of the protocol that this program uses.
pub const PROTOCOL_VERSION: u8 = 2;
/// Of the name of a dialect.
const DIALECT_BYTES_MAX: usize = 16;
/// Bytes of a frame before its payload: length 4, line 4, kind 1.
pub const FRAME_HEAD_BYTES: usize = 9;

#[derive(PartialEq, Eq)]
pub enum Frame<'b> {
    /// The first frame of each side.
    Hello { version: u8 },
    /// A terminal has connected. Sent by the gateway.
    Opened {
        /// Not used again on this connection.
        line: u32,
        /// Of the gateway's listener where the terminal connected.
        dialect: &'static TerminalDialect,
    },
    /// A message from or for a terminal: TPDU, header and ISO 8583 message.
    Message { line: u32, message: &'b mut [u8] },
    /// From the gateway: the terminal has disconnected. From the engine: disconnect it.
    Closed { line: u32 },
    /// The engine accepts no more messages; it still answers those in flight.
    Stop,
    /// Sent after [`crate::limits::HEARTBEAT_INTERVAL`], to show that the sender is alive.
    Heartbeat,
}

impl fmt::Debug for Frame<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Frame::Hello { version } => write!(f, "Hello({version})"),
            Frame::Opened { line, dialect } => write!(f, "Opened({line}, {dialect:?})"),
            // The message may hold a card number.
            Frame::Message { line, message } => {
                write!(f, "Message({line}, ••• {} bytes)", message.len())
            }
            Frame::Closed { line } => write!(f, "Closed({line})"),
            Frame::Stop => f.write_str("Stop"),
            Frame::Heartbeat => f.write_str("Heartbeat"),
        }
    }
}

/// Why bytes are not a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// The frame ends before its kind.
    #[error("a frame of {0} bytes is too short")]
    Short(usize),
    #[error("a frame has the unknown kind {0}")]
    Kind(u8),
    #[error("a frame opens a line in a dialect that this program does not know")]
    Dialect,
    #[error("a frame of kind {kind} has a payload of {bytes} bytes, which is not allowed")]
    PayloadLength { kind: u8, bytes: usize },
}

const HELLO: u8 = 0;
const OPENED: u8 = 1;
const MESSAGE: u8 = 2;
const CLOSED: u8 = 3;
const STOP: u8 = 4;
const HEARTBEAT: u8 = 5;

impl<'b> Frame<'b> {
    /// Parses a frame without its length.
    pub fn parse(bytes: &'b mut [u8]) -> Result<Frame<'b>, FrameError> {
        let length = bytes.len();
        let Some((head, payload)) = bytes.split_first_chunk_mut::<5>() else {
            return Err(FrameError::Short(length));
        };
        let [a, b, c, d, kind] = *head;
        let line = u32::from_be_bytes([a, b, c, d]);
        match (kind, payload.len()) {
            (HELLO, 1) => Ok(Frame::Hello { version: payload[0] }),
            (OPENED, 1..=DIALECT_BYTES_MAX) => {
                let name = std::str::from_utf8(payload).ok().and_then(|name| name.parse().ok());
                name.map(|dialect| Frame::Opened { line, dialect }).ok_or(FrameError::Dialect)
            }
            (MESSAGE, 1..=TERMINAL_MESSAGE_BYTES_MAX) => {
                Ok(Frame::Message { line, message: payload })
            }
            (CLOSED, 0) => Ok(Frame::Closed { line }),
            (STOP, 0) => Ok(Frame::Stop),
            (HEARTBEAT, 0) => Ok(Frame::Heartbeat),
            (HELLO..=HEARTBEAT, bytes) => Err(FrameError::PayloadLength { kind, bytes }),
            _ => Err(FrameError::Kind(kind)),
        }
    }
}

/// The head of a frame with a payload of `bytes` bytes.
fn head(line: u32, kind: u8, bytes: usize) -> [u8; FRAME_HEAD_BYTES] {
    let length = u32::try_from(bytes + 5).expect("messages have a limit");
    let mut head = [0; FRAME_HEAD_BYTES];
    head[..4].copy_from_slice(&length.to_be_bytes());
    head[4..8].copy_from_slice(&line.to_be_bytes());
    head[8] = kind;
    head
}

pub(crate) fn hello() -> [u8; FRAME_HEAD_BYTES + 1] {
    let mut frame = [PROTOCOL_VERSION; FRAME_HEAD_BYTES + 1];
    frame[..FRAME_HEAD_BYTES].copy_from_slice(&head(0, HELLO, 1));
    frame
}

/// The head of a frame that opens a line. The dialect's name follows.
pub(crate) fn opened(line: u32, dialect: &TerminalDialect) -> [u8; FRAME_HEAD_BYTES] {
    head(line, OPENED, dialect.name.len())
}

/// The head of a frame with a message of `bytes` bytes.
pub(crate) fn message(line: u32, bytes: usize) -> [u8; FRAME_HEAD_BYTES] {
    head(line, MESSAGE, bytes)
}

pub(crate) fn closed(line: u32) -> [u8; FRAME_HEAD_BYTES] {
    head(line, CLOSED, 0)
}

pub(crate) fn stop() -> [u8; FRAME_HEAD_BYTES] {
    head(0, STOP, 0)
}

pub(crate) fn heartbeat() -> [u8; FRAME_HEAD_BYTES] {
    head(0, HEARTBEAT, 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::FRAME_BYTES_MAX;

    #[test]
    fn frames_are_read_as_they_are_written() {
        let read = |mut bytes: Vec<u8>| format!("{:?}", Frame::parse(&mut bytes[4..]).unwrap());
        assert_eq!(read(hello().into()), "Hello(2)");
        for dialect in [TerminalDialect::DOORSTEP, TerminalDialect::UNIONPAY] {
            let line = [&opened(7, dialect)[..], dialect.name.as_bytes()].concat();
            assert_eq!(read(line), format!("Opened(7, {dialect:?})"));
        }
        assert_eq!(read(closed(8).into()), "Closed(8)");
        assert_eq!(read(stop().into()), "Stop");
        assert_eq!(read(heartbeat().into()), "Heartbeat");
        let mut sale = message(9, 3).to_vec();
        assert_eq!(sale, [0, 0, 0, 8, 0, 0, 0, 9, 2]);
        sale.extend(b"abc");
        assert_eq!(read(sale), "Message(9, ••• 3 bytes)");
    }

    #[test]
    fn the_longest_message_is_the_longest_frame() {
        let [a, b, c, d, ..] = message(1, TERMINAL_MESSAGE_BYTES_MAX);
        let length = usize::try_from(u32::from_be_bytes([a, b, c, d])).unwrap();
        assert_eq!((length, FRAME_BYTES_MAX), (1_516, 1_516));
    }

    #[test]
    fn bytes_that_are_no_frame_are_refused() {
        assert_eq!(Frame::parse(&mut [0; 4]), Err(FrameError::Short(4)));
        assert_eq!(Frame::parse(&mut [0, 0, 0, 1, 6]), Err(FrameError::Kind(6)));
        for name in [&b"unionpai"[..], b"\xFF", b"Doorstep"] {
            let mut opened = [&[0, 0, 0, 1, OPENED], name].concat();
            assert_eq!(Frame::parse(&mut opened), Err(FrameError::Dialect));
        }
        assert_eq!(
            Frame::parse(&mut [0, 0, 0, 1, 2]),
            Err(FrameError::PayloadLength { kind: 2, bytes: 0 })
        );
        let mut long = vec![0; 5 + TERMINAL_MESSAGE_BYTES_MAX + 1];
        long[4] = MESSAGE;
        assert!(matches!(Frame::parse(&mut long), Err(FrameError::PayloadLength { kind: 2, .. })));
    }
}
