//! What became of an SMS after the SMS centre had taken it.

use super::pdu::Deliver;

const MESSAGE_ID_CHARACTERS_MAX: usize = 65;
const ERROR_CHARACTERS_MAX: usize = 20;
/// Bits of esm_class that tell the kind of a delivered message.
const KIND: u8 = 0b0011_1100;
const KIND_RECEIPT: u8 = 0b0000_0100;

/// A delivery receipt of an SMS centre.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SmsReceipt {
    /// The receipt of [`crate::SendOutcome::Delivered`]; of an SMS in parts, one of its ids.
    pub message_id: String,
    pub state: SmsState,
    /// The network's own code of an error.
    pub error: Option<String>,
}

/// The states of a message (SMPP 3.4, 5.2.28).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SmsState {
    EnRoute,
    Delivered,
    Expired,
    Deleted,
    Undeliverable,
    Accepted,
    Unknown,
    Rejected,
}

impl SmsReceipt {
    /// From the fields of SMPP if they are there, else from the text that most SMS centres write
    /// (appendix B): `id:… sub:001 dlvrd:001 … stat:DELIVRD err:000 text:…`.
    pub(super) fn of(message: &Deliver) -> Option<SmsReceipt> {
        if message.esm_class & KIND != KIND_RECEIPT {
            return None;
        }
        let in_text = |name: &str| {
            // The text of the message itself comes last, and can have anything.
            let lower = message.text.to_ascii_lowercase();
            let end = lower.find(" text:").unwrap_or(lower.len());
            let fields = message.text.get(..end)?.split_ascii_whitespace();
            let mut named = fields.filter_map(|field| field.split_once(':'));
            named.find_map(|(of, value)| of.eq_ignore_ascii_case(name).then(|| value.to_owned()))
        };
        let message_id = message.receipted_message_id.clone().or_else(|| in_text("id"))?;
        let state = message.message_state.and_then(SmsState::of_code);
        let state = state.or_else(|| SmsState::of_word(&in_text("stat")?));
        let short = |text: String, most: usize| {
            text.chars().filter(char::is_ascii_graphic).take(most).collect::<String>()
        };
        let error = in_text("err").map(|error| short(error, ERROR_CHARACTERS_MAX));
        Some(SmsReceipt {
            message_id: short(message_id, MESSAGE_ID_CHARACTERS_MAX),
            state: state.unwrap_or(SmsState::Unknown),
            error: error.filter(|error| !error.bytes().all(|byte| byte == b'0')),
        })
    }
}

impl SmsState {
    fn of_code(code: u8) -> Option<SmsState> {
        Some(match code {
            1 => SmsState::EnRoute,
            2 => SmsState::Delivered,
            3 => SmsState::Expired,
            4 => SmsState::Deleted,
            5 => SmsState::Undeliverable,
            6 => SmsState::Accepted,
            7 => SmsState::Unknown,
            8 => SmsState::Rejected,
            _ => return None,
        })
    }

    fn of_word(word: &str) -> Option<SmsState> {
        Some(match word.to_ascii_uppercase().as_str() {
            "ENROUTE" => SmsState::EnRoute,
            "DELIVRD" => SmsState::Delivered,
            "EXPIRED" => SmsState::Expired,
            "DELETED" => SmsState::Deleted,
            "UNDELIV" => SmsState::Undeliverable,
            "ACCEPTD" => SmsState::Accepted,
            "UNKNOWN" => SmsState::Unknown,
            "REJECTD" => SmsState::Rejected,
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(esm_class: u8, text: &str) -> Deliver {
        let text = text.to_owned();
        Deliver { esm_class, text, receipted_message_id: None, message_state: None }
    }

    #[test]
    fn a_receipt_is_read_from_its_text() {
        let text = "id:0A17 sub:001 dlvrd:001 submit date:2611301530 done date:2611301531 \
                    stat:UNDELIV err:069 Text:id:99 stat:DELIVRD";
        let receipt = SmsReceipt::of(&message(4, text)).unwrap();
        assert_eq!(receipt.message_id, "0A17");
        assert_eq!(receipt.state, SmsState::Undeliverable);
        assert_eq!(receipt.error.as_deref(), Some("069"));
        let receipt = SmsReceipt::of(&message(4, "id:1 stat:delivrd err:000")).unwrap();
        assert_eq!((receipt.state, receipt.error), (SmsState::Delivered, None));
    }

    #[test]
    fn the_fields_of_smpp_count_more_than_the_text() {
        let mut message = message(4, "id:1 stat:DELIVRD");
        message.receipted_message_id = Some("2".to_owned());
        message.message_state = Some(8);
        let receipt = SmsReceipt::of(&message).unwrap();
        assert_eq!((receipt.message_id.as_str(), receipt.state), ("2", SmsState::Rejected));
    }

    #[test]
    fn what_a_person_wrote_is_no_receipt() {
        assert_eq!(SmsReceipt::of(&message(0, "id:1 stat:DELIVRD")), None);
        assert_eq!(SmsReceipt::of(&message(4, "hello")), None);
        assert_eq!(SmsReceipt::of(&message(4, "id:1")).unwrap().state, SmsState::Unknown);
    }
}
