//! The master key of a key file.

use std::fmt;
use std::fs::File;
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use zeroize::Zeroizing;

use crate::algorithm::Algorithm;
use crate::check_value::CheckValue;
use crate::error::MasterKeyError;
use crate::hex;
use crate::key::AesKey;

/// The AES-256 key that encrypts all other keys of a file.
pub struct MasterKey(AesKey);

/// Environment variable with the master key, 64 hex digits.
pub const MASTER_KEY_VARIABLE: &str = "DOORSTEP_MASTER_KEY";

/// Maximum length that is read of a master key file.
const MASTER_KEY_FILE_BYTES_MAX: u64 = 128;

impl MasterKey {
    /// Parses 64 hex digits. `source` names their origin in errors.
    pub fn from_hex(text: &str, source: &str) -> Result<MasterKey, MasterKeyError> {
        let wrong = || MasterKeyError::Malformed(source.to_owned());
        let bytes = hex::decode(text.trim().as_bytes()).ok_or_else(wrong)?;
        if bytes.len() != Algorithm::Aes256.key_bytes() || bytes.iter().all(|byte| *byte == 0) {
            return Err(wrong());
        }
        AesKey::new(&bytes).map(MasterKey).map_err(|_| wrong())
    }

    /// Reads a file that only its owner can read.
    pub fn from_file(path: &Path) -> Result<MasterKey, MasterKeyError> {
        let unreadable = |source| MasterKeyError::File { path: path.to_owned(), source };
        let file = File::open(path).map_err(unreadable)?;
        let metadata = file.metadata().map_err(unreadable)?;
        if metadata.permissions().mode() & 0o077 != 0 {
            return Err(MasterKeyError::ReadableByOthers(path.to_owned()));
        }
        let mut text = Zeroizing::new(String::with_capacity(256));
        let read = file.take(MASTER_KEY_FILE_BYTES_MAX).read_to_string(&mut text);
        let source = path.display().to_string();
        match read {
            Ok(_) => MasterKey::from_hex(&text, &source),
            Err(error) if error.kind() == std::io::ErrorKind::InvalidData => {
                Err(MasterKeyError::Malformed(source))
            }
            Err(error) => Err(unreadable(error)),
        }
    }

    /// Reads the file if one is given, otherwise the environment (`MASTER_KEY_VARIABLE`).
    pub fn find(file: Option<&Path>) -> Result<MasterKey, MasterKeyError> {
        if let Some(path) = file {
            return MasterKey::from_file(path);
        }
        let text = std::env::var(MASTER_KEY_VARIABLE).map_err(|_| MasterKeyError::Missing)?;
        MasterKey::from_hex(&Zeroizing::new(text), MASTER_KEY_VARIABLE)
    }

    #[must_use]
    pub fn check_value(&self) -> CheckValue {
        self.0.check_value()
    }

    pub(super) const fn key(&self) -> &AesKey {
        &self.0
    }
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MasterKey({})", self.check_value())
    }
}
