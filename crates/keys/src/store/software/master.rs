//! The master key of a key file.

use std::fmt;
use std::fs::File;
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use crate::algorithm::Algorithm;
use crate::check_value::CheckValue;
use crate::error::MasterKeyError;
use crate::hex;
use crate::key::AesKey;

/// The AES-256 key that encrypts all other keys of a file.
pub struct MasterKey {
    key: AesKey,
    from_environment: bool,
}

/// Environment variable with the master key, 64 hex digits.
pub const MASTER_KEY_VARIABLE: &str = "DOORSTEP_MASTER_KEY";

/// The systemd credential with the master key, 64 hex digits.
pub const MASTER_KEY_CREDENTIAL: &str = "doorstep-master-key";

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
        let key = AesKey::new(&bytes).map_err(|_| wrong())?;
        Ok(MasterKey { key, from_environment: false })
    }

    /// Reads a file that only its owner can read. `/dev/fd/3` is an open descriptor.
    pub fn from_file(path: &Path) -> Result<MasterKey, MasterKeyError> {
        MasterKey::read(path, 0o077)
    }

    fn read(path: &Path, forbidden_mode: u32) -> Result<MasterKey, MasterKeyError> {
        let unreadable = |source| MasterKeyError::File { path: path.to_owned(), source };
        let file = File::open(path).map_err(unreadable)?;
        let metadata = file.metadata().map_err(unreadable)?;
        if metadata.permissions().mode() & forbidden_mode != 0 {
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

    /// Reads the file if one is given, otherwise the systemd credential
    /// [`MASTER_KEY_CREDENTIAL`] if there is one, otherwise the environment
    /// (`MASTER_KEY_VARIABLE`).
    pub fn find(file: Option<&Path>) -> Result<MasterKey, MasterKeyError> {
        if let Some(path) = file {
            return MasterKey::from_file(path);
        }
        let credential = std::env::var_os("CREDENTIALS_DIRECTORY")
            .map(|directory| PathBuf::from(directory).join(MASTER_KEY_CREDENTIAL))
            .filter(|path| path.exists());
        if let Some(path) = credential {
            // systemd lets the user of the service read it by an access list, which shows as the
            // mode of the group.
            return MasterKey::read(&path, 0o007);
        }
        let text = std::env::var(MASTER_KEY_VARIABLE).map_err(|_| MasterKeyError::Missing)?;
        let found = MasterKey::from_hex(&Zeroizing::new(text), MASTER_KEY_VARIABLE)?;
        Ok(MasterKey { from_environment: true, ..found })
    }

    /// Whether it came from the environment, where it stays as long as the process runs.
    #[must_use]
    pub fn is_from_environment(&self) -> bool {
        self.from_environment
    }

    #[must_use]
    pub fn check_value(&self) -> CheckValue {
        self.key.check_value()
    }

    pub(super) const fn key(&self) -> &AesKey {
        &self.key
    }
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MasterKey({})", self.check_value())
    }
}
