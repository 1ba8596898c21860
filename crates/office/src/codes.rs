//! One-time codes of hand-overs. Commands carry a code's MAC, which the key store computes.

use std::sync::Arc;

use books::{CodeMac, HandOverId};
use reports::FieldType;
use serde_json::{Map, Value};

use crate::error::OfficeError;

/// Computes the MAC of a hand-over's code.
pub type CodeMacOf = Arc<dyn Fn(HandOverId, u32) -> Result<CodeMac, String> + Send + Sync>;

/// What a person gives in place of the MAC.
pub(crate) const CODE: &str = "code";
/// The field of the MAC. A person gives `code` in its place.
pub const CODE_MAC: &str = "code_mac";
/// A code has six digits.
const CODES: u32 = 1_000_000;

/// Takes the code out of the fields that were given, and begins a new one for a new hand-over.
/// `None` if the command has no code, or its MAC was given.
pub(crate) fn take_code(
    name: &str,
    command: FieldType<'_>,
    given: &mut Map<String, Value>,
) -> Result<Option<u32>, OfficeError> {
    if command.field(CODE_MAC).is_none() || given.contains_key(CODE_MAC) {
        return Ok(None);
    }
    match given.remove(CODE) {
        Some(code) => {
            let digits = code.as_str().filter(|text| text.len() == 6);
            let code = digits.filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
            code.and_then(|text| text.parse().ok()).map(Some).ok_or(OfficeError::NotACode)
        }
        None if name == "StartHandOver" => new_code().map(Some),
        None => Ok(None),
    }
}

fn new_code() -> Result<u32, OfficeError> {
    // The remainder of a number of 64 bits favours no code that anybody could notice.
    let mut bytes = [0; 8];
    getrandom::fill(&mut bytes).map_err(|error| OfficeError::CodeKey(error.to_string()))?;
    let code = u64::from_le_bytes(bytes) % u64::from(CODES);
    u32::try_from(code).map_err(|error| OfficeError::CodeKey(error.to_string()))
}

/// Puts the code's MAC into the fields. The hand-over is known.
pub(crate) fn add_code_mac(
    code: u32,
    object: &mut Map<String, Value>,
    mac_of: Option<&CodeMacOf>,
) -> Result<(), OfficeError> {
    let mac_of = mac_of.ok_or(OfficeError::NoCodeKey)?;
    let handover = object.get("handover").and_then(Value::as_str);
    // Without a hand-over the command is refused for that.
    let Some(handover) = handover.and_then(|text| text.parse().ok()) else { return Ok(()) };
    let mac = mac_of(handover, code).map_err(OfficeError::CodeKey)?;
    object.insert(CODE_MAC.to_owned(), mac.to_string().into());
    Ok(())
}

pub(crate) fn text(code: u32) -> String {
    format!("{code:06}")
}
