//! The PDUs of SMPP 3.4 that a client sends and reads. Bytes in, bytes out; no socket.

use super::parts::SmsPart;

pub(super) const HEADER_BYTES: usize = 16;
/// Of a PDU from the SMS centre: a receipt has some hundred bytes, a message some more.
pub(super) const PDU_BYTES_MAX: usize = 8 << 10;

pub(super) const GENERIC_NACK: u32 = 0x8000_0000;
pub(super) const BIND_TRANSMITTER: u32 = 0x0000_0002;
pub(super) const SUBMIT_SM: u32 = 0x0000_0004;
pub(super) const DELIVER_SM: u32 = 0x0000_0005;
pub(super) const UNBIND: u32 = 0x0000_0006;
pub(super) const BIND_TRANSCEIVER: u32 = 0x0000_0009;
pub(super) const ENQUIRE_LINK: u32 = 0x0000_0015;
/// Set in the command of an answer.
pub(super) const RESPONSE: u32 = 0x8000_0000;

pub(super) const STATUS_OK: u32 = 0;
pub(super) const STATUS_INVALID_COMMAND: u32 = 0x0000_0003;

const INTERFACE_VERSION: u8 = 0x34;
const HEADER_INDICATOR: u8 = 0x40;
const RECEIPT_REQUESTED: u8 = 1;
const TAG_RECEIPTED_MESSAGE_ID: u16 = 0x001e;
const TAG_MESSAGE_STATE: u16 = 0x0427;
const TAG_MESSAGE_PAYLOAD: u16 = 0x0424;

pub(super) struct Pdu<'b> {
    pub command: u32,
    pub status: u32,
    pub sequence: u32,
    pub body: &'b [u8],
}

/// Bytes that are no PDU. The connection has lost its place and must end.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct NotSmpp;

/// A PDU at the front of `received`, and its length; `None` if it is not whole yet.
pub(super) fn first(received: &[u8]) -> Result<Option<(Pdu<'_>, usize)>, NotSmpp> {
    let Some((length, _)) = received.split_first_chunk() else { return Ok(None) };
    let length = usize::try_from(u32::from_be_bytes(*length)).map_err(|_| NotSmpp)?;
    if !(HEADER_BYTES..=PDU_BYTES_MAX).contains(&length) {
        return Err(NotSmpp);
    }
    let Some(whole) = received.get(..length) else { return Ok(None) };
    let word = |at: usize| match whole[at..].first_chunk() {
        Some(bytes) => u32::from_be_bytes(*bytes),
        None => 0,
    };
    let pdu =
        Pdu { command: word(4), status: word(8), sequence: word(12), body: &whole[HEADER_BYTES..] };
    Ok(Some((pdu, length)))
}

pub(super) fn pdu(command: u32, status: u32, sequence: u32, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(HEADER_BYTES + body.len()).expect("a body is short");
    let words = [length, command, status, sequence];
    words.iter().flat_map(|word| word.to_be_bytes()).chain(body.iter().copied()).collect()
}

/// The body of a bind. An id has at most 15 bytes, a password 8, without zeros.
pub(super) fn bind(system_id: &str, password: &str) -> Vec<u8> {
    let mut body = Vec::with_capacity(64);
    for text in [system_id, password, ""] {
        c_string(&mut body, text);
    }
    body.extend([INTERFACE_VERSION, 0, 0]);
    c_string(&mut body, "");
    body
}

/// A number with its type and plan, as SMPP has them.
pub(super) struct SmsAddress<'a> {
    pub ton: u8,
    pub npi: u8,
    pub digits: &'a str,
}

/// The body of a submit_sm.
pub(super) fn submit(
    source: &SmsAddress<'_>,
    destination: &SmsAddress<'_>,
    part: &SmsPart,
) -> Vec<u8> {
    let mut body = Vec::with_capacity(64 + part.bytes.len());
    // The default service of the SMS centre.
    c_string(&mut body, "");
    for address in [source, destination] {
        body.extend([address.ton, address.npi]);
        c_string(&mut body, address.digits);
    }
    let esm_class = if part.has_header { HEADER_INDICATOR } else { 0 };
    let (protocol_id, priority) = (0, 0);
    body.extend([esm_class, protocol_id, priority]);
    // At once, and for as long as the SMS centre keeps a message.
    c_string(&mut body, "");
    c_string(&mut body, "");
    let (replace, default_message) = (0, 0);
    body.extend([RECEIPT_REQUESTED, replace, part.data_coding, default_message]);
    let length = u8::try_from(part.bytes.len()).expect("a part has at most 160 bytes");
    body.push(length);
    body.extend(&part.bytes);
    body
}

/// The message id of a submit_sm_resp.
pub(super) fn message_id(body: &[u8]) -> String {
    let mut fields = Fields(body);
    fields.c_string().unwrap_or_default()
}

/// A delivered message, as far as a receipt needs it.
pub(super) struct Deliver {
    pub esm_class: u8,
    pub text: String,
    pub receipted_message_id: Option<String>,
    pub message_state: Option<u8>,
}

/// Reads a deliver_sm.
pub(super) fn deliver(body: &[u8]) -> Option<Deliver> {
    let mut fields = Fields(body);
    fields.c_string()?;
    for _ in 0..2 {
        fields.take(2)?;
        fields.c_string()?;
    }
    let esm_class = fields.take(3)?[0];
    fields.c_string()?;
    fields.c_string()?;
    fields.take(4)?;
    let length = usize::from(fields.take(1)?[0]);
    let mut text = String::from_utf8_lossy(fields.take(length)?).into_owned();
    let (mut receipted_message_id, mut message_state) = (None, None);
    while let Some((tag, value)) = fields.tlv() {
        match (tag, value) {
            (TAG_RECEIPTED_MESSAGE_ID, value) => {
                receipted_message_id = Fields(value).c_string();
            }
            (TAG_MESSAGE_STATE, [state]) => message_state = Some(*state),
            (TAG_MESSAGE_PAYLOAD, value) if length == 0 => {
                text = String::from_utf8_lossy(value).into_owned();
            }
            _ => {}
        }
    }
    Some(Deliver { esm_class, text, receipted_message_id, message_state })
}

fn c_string(body: &mut Vec<u8>, text: &str) {
    debug_assert!(!text.contains('\0'));
    body.extend(text.as_bytes());
    body.push(0);
}

struct Fields<'b>(&'b [u8]);

impl<'b> Fields<'b> {
    fn take(&mut self, count: usize) -> Option<&'b [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    /// Up to a zero, or all that is left: some SMS centres leave the zero out at the end.
    fn c_string(&mut self) -> Option<String> {
        if self.0.is_empty() {
            return None;
        }
        let end = self.0.iter().position(|byte| *byte == 0);
        let text = self.take(end.unwrap_or(self.0.len()))?;
        self.take(usize::from(end.is_some()))?;
        Some(String::from_utf8_lossy(text).into_owned())
    }

    fn tlv(&mut self) -> Option<(u16, &'b [u8])> {
        let tag = u16::from_be_bytes(*self.take(2)?.first_chunk()?);
        let length = u16::from_be_bytes(*self.take(2)?.first_chunk()?);
        Some((tag, self.take(usize::from(length))?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pdu_is_read_when_it_is_whole_and_refused_when_its_length_cannot_be() {
        let written = pdu(SUBMIT_SM | RESPONSE, 88, 7, b"id\0");
        for end in 0..written.len() {
            assert!(first(&written[..end]).unwrap().is_none(), "{end}");
        }
        let (read, length) = first(&written).unwrap().unwrap();
        assert_eq!((read.command, read.status, read.sequence), (0x8000_0004, 88, 7));
        assert_eq!((length, message_id(read.body)), (19, "id".to_owned()));
        for length in [0_u32, 15, 8_193, u32::MAX] {
            assert_eq!(first(&length.to_be_bytes()).err(), Some(NotSmpp), "{length}");
        }
    }

    /// A server can send anything.
    #[test]
    fn a_deliver_that_is_cut_anywhere_is_no_message_or_a_shorter_one() {
        let mut body = b"\0\x01\x01861380\0\x01\x0110690\0\x04\0\0\0\0\0\0\0\0\x05id:77".to_vec();
        body.extend([0, 0x1e, 0, 3, b'7', b'7', 0, 4, 0x27, 0, 1, 2]);
        for end in 0..body.len() {
            let _ = deliver(&body[..end]);
        }
        let read = deliver(&body).unwrap();
        assert_eq!((read.esm_class, read.text.as_str()), (4, "id:77"));
        assert_eq!(read.receipted_message_id.as_deref(), Some("77"));
        assert_eq!(read.message_state, Some(2));
    }
}
