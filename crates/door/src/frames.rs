//! What gateway and engine say to each other: docs/door/gateway.md.

use std::fmt;

use crate::limits::TERMINAL_MESSAGE_BYTES_MAX;

/// The version of the protocol that is spoken here.
pub const VERSION: u8 = 1;
/// Bytes of a frame before what it carries: length 4, line 4, kind 1.
pub const HEAD_BYTES: usize = 9;

/// One frame.
#[derive(PartialEq, Eq)]
pub enum Frame<'b> {
    /// The first of each side: which version it speaks.
    Hello {
        /// The version.
        version: u8,
    },
    /// A terminal is there. From the gateway.
    Opened {
        /// The terminal's line; not used again in this connection.
        line: u32,
    },
    /// A message of a terminal, or for one: TPDU, header and ISO message.
    Message {
        /// The terminal's line.
        line: u32,
        /// The message.
        message: &'b mut [u8],
    },
    /// A terminal is gone, or is to be closed.
    Closed {
        /// The terminal's line.
        line: u32,
    },
    /// The engine takes no more messages; what is in flight will be answered.
    Stop,
    /// Nothing to say, but still there.
    Pulse,
}

impl fmt::Debug for Frame<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Frame::Hello { version } => write!(f, "Hello({version})"),
            Frame::Opened { line } => write!(f, "Opened({line})"),
            // A card may be in it.
            Frame::Message { line, message } => {
                write!(f, "Message({line}, ••• {} bytes)", message.len())
            }
            Frame::Closed { line } => write!(f, "Closed({line})"),
            Frame::Stop => f.write_str("Stop"),
            Frame::Pulse => f.write_str("Pulse"),
        }
    }
}

/// Why a frame is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// It ends before its kind.
    #[error("a frame of {0} bytes is too short")]
    Short(usize),
    /// A kind that is not known.
    #[error("a frame of the unknown kind {0}")]
    Kind(u8),
    /// It carries what a frame of its kind does not.
    #[error("a frame of kind {kind} with {bytes} bytes in it")]
    Load {
        /// The kind.
        kind: u8,
        /// How many bytes it carries.
        bytes: usize,
    },
}

const HELLO: u8 = 0;
const OPENED: u8 = 1;
const MESSAGE: u8 = 2;
const CLOSED: u8 = 3;
const STOP: u8 = 4;
const PULSE: u8 = 5;

impl<'b> Frame<'b> {
    /// Reads a frame without its length.
    ///
    /// # Errors
    /// Where it is none.
    pub fn read(bytes: &'b mut [u8]) -> Result<Frame<'b>, FrameError> {
        let length = bytes.len();
        let Some((head, load)) = bytes.split_first_chunk_mut::<5>() else {
            return Err(FrameError::Short(length));
        };
        let [a, b, c, d, kind] = *head;
        let line = u32::from_be_bytes([a, b, c, d]);
        match (kind, load.len()) {
            (HELLO, 1) => Ok(Frame::Hello { version: load[0] }),
            (OPENED, 0) => Ok(Frame::Opened { line }),
            (MESSAGE, 1..=TERMINAL_MESSAGE_BYTES_MAX) => Ok(Frame::Message { line, message: load }),
            (CLOSED, 0) => Ok(Frame::Closed { line }),
            (STOP, 0) => Ok(Frame::Stop),
            (PULSE, 0) => Ok(Frame::Pulse),
            (HELLO..=PULSE, bytes) => Err(FrameError::Load { kind, bytes }),
            _ => Err(FrameError::Kind(kind)),
        }
    }
}

/// The head of a frame, to be sent before the `bytes` that it carries.
fn head(line: u32, kind: u8, bytes: usize) -> [u8; HEAD_BYTES] {
    let length = u32::try_from(bytes + 5).expect("messages have a limit");
    let mut head = [0; HEAD_BYTES];
    head[..4].copy_from_slice(&length.to_be_bytes());
    head[4..8].copy_from_slice(&line.to_be_bytes());
    head[8] = kind;
    head
}

pub(crate) fn hello() -> [u8; HEAD_BYTES + 1] {
    let mut frame = [VERSION; HEAD_BYTES + 1];
    frame[..HEAD_BYTES].copy_from_slice(&head(0, HELLO, 1));
    frame
}

pub(crate) fn opened(line: u32) -> [u8; HEAD_BYTES] {
    head(line, OPENED, 0)
}

/// The head of a message's frame.
pub(crate) fn message(line: u32, bytes: usize) -> [u8; HEAD_BYTES] {
    head(line, MESSAGE, bytes)
}

pub(crate) fn closed(line: u32) -> [u8; HEAD_BYTES] {
    head(line, CLOSED, 0)
}

pub(crate) fn stop() -> [u8; HEAD_BYTES] {
    head(0, STOP, 0)
}

pub(crate) fn pulse() -> [u8; HEAD_BYTES] {
    head(0, PULSE, 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::FRAME_BYTES_MAX;

    #[test]
    fn frames_are_read_as_they_are_written() {
        let read = |mut bytes: Vec<u8>| format!("{:?}", Frame::read(&mut bytes[4..]).unwrap());
        assert_eq!(read(hello().into()), "Hello(1)");
        assert_eq!(read(opened(7).into()), "Opened(7)");
        assert_eq!(read(closed(8).into()), "Closed(8)");
        assert_eq!(read(stop().into()), "Stop");
        assert_eq!(read(pulse().into()), "Pulse");
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
    fn what_is_no_frame_is_refused() {
        assert_eq!(Frame::read(&mut [0; 4]), Err(FrameError::Short(4)));
        assert_eq!(Frame::read(&mut [0, 0, 0, 1, 6]), Err(FrameError::Kind(6)));
        assert_eq!(Frame::read(&mut [0, 0, 0, 1, 2]), Err(FrameError::Load { kind: 2, bytes: 0 }));
        let mut long = vec![0; 5 + TERMINAL_MESSAGE_BYTES_MAX + 1];
        long[4] = MESSAGE;
        assert!(matches!(Frame::read(&mut long), Err(FrameError::Load { kind: 2, .. })));
    }
}
