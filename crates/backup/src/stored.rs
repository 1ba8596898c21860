//! A file of a backup: hashed, and sealed where there is a key.
//!
//! A sealed file is the 8 bytes `DSbackup`, a format byte 1, a salt of 32 bytes, and chunks. Its
//! key is HMAC-SHA256 under the backup's data key, of `doorstep backup 1: file`, a line feed and
//! the salt. Each chunk is up to 64 KiB, encrypted by AES-256-GCM with a tag of 16 bytes; nonces
//! are those of STREAM (Hoang, Reyhanitabar, Rogaway and Vizár 2015): seven zeros, the number of
//! the chunk in four bytes, big end first, and 1 for the last chunk. The associated data is the
//! file's path in the backup.

use std::fs::{File, OpenOptions};
use std::io::{self, BufReader, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use aead_stream::{DecryptorBE32, EncryptorBE32, Nonce, StreamBE32};
use aes_gcm::Aes256Gcm;
use aes_gcm::aead::{KeyInit, Payload};
use base16ct::HexDisplay;
use hmac::{Hmac, Mac};
use keys::DATA_KEY_BYTES;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::error::{BackupError, BackupFault};
use crate::list::StoredFile;

/// The key of a sealed backup.
pub type DataKey = Zeroizing<[u8; DATA_KEY_BYTES]>;

const START: &[u8; 9] = b"DSbackup\x01";
const SALT_BYTES: usize = 32;
const CHUNK_BYTES: usize = 64 << 10;
const TAG_BYTES: usize = 16;

fn cipher(key: &DataKey, salt: &[u8; SALT_BYTES]) -> Aes256Gcm {
    let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(&key[..]).expect("any length will do");
    mac.update(b"doorstep backup 1: file\n");
    mac.update(salt);
    let key: Zeroizing<[u8; 32]> = Zeroizing::new(mac.finalize().into_bytes().into());
    Aes256Gcm::new((&*key).into())
}

/// Lower-case hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    format!("{:x}", HexDisplay(bytes))
}

fn first_nonce() -> Nonce<Aes256Gcm, StreamBE32<Aes256Gcm>> {
    Nonce::<Aes256Gcm, StreamBE32<Aes256Gcm>>::default()
}

/// Writes a new file. It counts once [`StoredWriter::finish`] has returned.
pub struct StoredWriter {
    file: File,
    path: PathBuf,
    stored: StoredFile,
    digest: Sha256,
    sealing: Option<EncryptorBE32<Aes256Gcm>>,
    /// Not sealed yet: less than a chunk.
    plain: Zeroizing<Vec<u8>>,
}

impl StoredWriter {
    /// Creates the file `path` of the backup in `directory`.
    pub fn create(
        directory: &Path,
        path: &str,
        key: Option<&DataKey>,
    ) -> Result<StoredWriter, BackupError> {
        let full = directory.join(path);
        let mut options = OpenOptions::new();
        let created = options.write(true).create_new(true).mode(0o600).open(&full);
        let file = created.map_err(BackupError::io(&full, "created"))?;
        let mut writer = StoredWriter {
            file,
            path: full,
            stored: StoredFile { path: path.to_owned(), ..StoredFile::default() },
            digest: Sha256::new(),
            sealing: None,
            plain: Zeroizing::new(Vec::with_capacity(CHUNK_BYTES)),
        };
        if let Some(key) = key {
            let mut salt = [0; SALT_BYTES];
            getrandom::fill(&mut salt).map_err(BackupError::NoRandomness)?;
            writer.put(START).and_then(|()| writer.put(&salt)).map_err(writer.failed())?;
            let cipher = cipher(key, &salt);
            writer.sealing = Some(EncryptorBE32::from_aead(cipher, &first_nonce()));
        }
        Ok(writer)
    }

    pub fn failed(&self) -> impl FnOnce(io::Error) -> BackupError + use<> {
        let path = self.path.clone();
        move |source| BackupError::Io { path, step: "written", source }
    }

    fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all(bytes)?;
        self.digest.update(bytes);
        self.stored.bytes += u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        Ok(())
    }

    /// Makes the file durable.
    pub fn finish(mut self) -> Result<StoredFile, BackupError> {
        if let Some(sealing) = self.sealing.take() {
            let last = Payload { msg: &self.plain, aad: self.stored.path.as_bytes() };
            let sealed = sealing.encrypt_last(last).map_err(|_| self.failed()(too_long()))?;
            self.put(&sealed).map_err(self.failed())?;
        }
        self.file.sync_all().map_err(self.failed())?;
        let digest = self.digest.finalize();
        Ok(StoredFile { sha256: hex(&digest), ..self.stored })
    }
}

fn too_long() -> io::Error {
    io::Error::other("it is too long to be sealed")
}

impl Write for StoredWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.sealing.is_none() {
            self.put(bytes)?;
            return Ok(bytes.len());
        }
        if self.plain.len() == CHUNK_BYTES {
            // More follows, so this chunk is not the last.
            let chunk = Payload { msg: &self.plain, aad: self.stored.path.as_bytes() };
            let sealing = self.sealing.as_mut().ok_or_else(too_long)?;
            let sealed = sealing.encrypt_next(chunk).map_err(|_| too_long())?;
            self.put(&sealed)?;
            self.plain.clear();
        }
        let taken = bytes.len().min(CHUNK_BYTES - self.plain.len());
        self.plain.extend_from_slice(&bytes[..taken]);
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// Reads a file. What it gave counts once [`StoredReader::finish`] has returned.
pub struct StoredReader {
    file: BufReader<File>,
    path: PathBuf,
    stored: StoredFile,
    digest: Sha256,
    bytes: u64,
    opening: Option<DecryptorBE32<Aes256Gcm>>,
    is_sealed: bool,
    /// Opened, and not read yet from the place on.
    plain: Zeroizing<Vec<u8>>,
    at: usize,
}

impl StoredReader {
    pub fn open(
        directory: &Path,
        stored: &StoredFile,
        key: Option<&DataKey>,
    ) -> Result<StoredReader, BackupError> {
        let path = directory.join(&stored.path);
        let file = File::open(&path).map_err(BackupError::io(&path, "read"))?;
        let mut reader = StoredReader {
            file: BufReader::with_capacity(CHUNK_BYTES, file),
            path,
            stored: stored.clone(),
            digest: Sha256::new(),
            bytes: 0,
            opening: None,
            is_sealed: key.is_some(),
            plain: Zeroizing::new(Vec::new()),
            at: 0,
        };
        if let Some(key) = key {
            let start = reader.read_up_to(START.len() + SALT_BYTES).map_err(reader.failed())?;
            let salt = start.strip_prefix(START).and_then(|salt| salt.try_into().ok());
            let salt = salt.ok_or_else(|| reader.damaged(BackupFault::Sealing))?;
            let opening = DecryptorBE32::from_aead(cipher(key, salt), &first_nonce());
            reader.opening = Some(opening);
        }
        Ok(reader)
    }

    pub fn damaged(&self, fault: BackupFault) -> BackupError {
        BackupError::damaged(&self.path, fault)
    }

    /// For an error that [`Read`] gave.
    pub fn failed(&self) -> impl FnOnce(io::Error) -> BackupError + use<> {
        let path = self.path.clone();
        move |source| match source.kind() {
            io::ErrorKind::InvalidData => BackupError::damaged(&path, BackupFault::Sealing),
            _ => BackupError::Io { path, step: "read", source },
        }
    }

    /// Up to so many bytes of the file: fewer at its end only.
    fn read_up_to(&mut self, most: usize) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        let limit = u64::try_from(most).unwrap_or(u64::MAX);
        Read::by_ref(&mut self.file).take(limit).read_to_end(&mut bytes)?;
        self.digest.update(&bytes);
        self.bytes += u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        Ok(bytes)
    }

    /// Opens the next chunk.
    fn refill(&mut self) -> io::Result<()> {
        self.at = 0;
        if !self.is_sealed {
            *self.plain = self.read_up_to(CHUNK_BYTES)?;
            return Ok(());
        }
        self.plain.clear();
        if self.opening.is_none() {
            return Ok(());
        }
        let sealed = self.read_up_to(CHUNK_BYTES + TAG_BYTES)?;
        let is_last = {
            use std::io::BufRead as _;
            self.file.fill_buf()?.is_empty()
        };
        let chunk = Payload { msg: &sealed, aad: self.stored.path.as_bytes() };
        let opened = if is_last {
            self.opening.take().map(|opening| opening.decrypt_last(chunk))
        } else {
            self.opening.as_mut().map(|opening| opening.decrypt_next(chunk))
        };
        let invalid = || io::Error::from(io::ErrorKind::InvalidData);
        *self.plain = opened.and_then(Result::ok).ok_or_else(invalid)?;
        Ok(())
    }

    /// Checks that the file was read to its end, and is the one of the list.
    pub fn finish(mut self) -> Result<(), BackupError> {
        let mut rest = [0; 1];
        let more = self.read(&mut rest).map_err(self.failed())?;
        let digest = self.digest.clone().finalize();
        let same = self.bytes == self.stored.bytes && hex(&digest) == self.stored.sha256;
        if more > 0 || !same {
            return Err(self.damaged(BackupFault::Digest));
        }
        Ok(())
    }
}

impl Read for StoredReader {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.at == self.plain.len() {
            self.refill()?;
        }
        let left = self.plain.get(self.at..).unwrap_or_default();
        let count = left.len().min(into.len());
        into[..count].copy_from_slice(&left[..count]);
        self.at += count;
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn written(directory: &Path, content: &[u8], key: Option<&DataKey>) -> StoredFile {
        let mut writer = StoredWriter::create(directory, "file", key).unwrap();
        writer.write_all(content).unwrap();
        writer.finish().unwrap()
    }

    fn read(
        directory: &Path,
        stored: &StoredFile,
        key: Option<&DataKey>,
    ) -> Result<Vec<u8>, BackupError> {
        let mut reader = StoredReader::open(directory, stored, key)?;
        let mut content = Vec::new();
        reader.read_to_end(&mut content).map_err(reader.failed())?;
        reader.finish().map(|()| content)
    }

    /// The digest that another list would give for a file as it is.
    fn listed_again(directory: &Path, stored: &StoredFile) -> StoredFile {
        let bytes = fs::read(directory.join(&stored.path)).unwrap();
        StoredFile {
            bytes: bytes.len() as u64,
            sha256: hex(&Sha256::digest(&bytes)),
            ..stored.clone()
        }
    }

    #[test]
    fn what_is_sealed_opens_with_its_key_only_and_shows_nothing() {
        let key = Zeroizing::new([7; 32]);
        for length in [0, 1, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 3 * CHUNK_BYTES] {
            let directory = tempfile::tempdir().unwrap();
            let directory = directory.path();
            let content: Vec<u8> = b"secret ".iter().copied().cycle().take(length).collect();
            let stored = written(directory, &content, Some(&key));
            assert!(read(directory, &stored, Some(&key)).unwrap() == content, "{length}");
            let on_disk = fs::read(directory.join("file")).unwrap();
            assert!(!on_disk.windows(6).any(|part| part == b"secret"));
            let other = Zeroizing::new([8; 32]);
            let refused = read(directory, &stored, Some(&other)).unwrap_err();
            assert!(refused.to_string().contains("the key is another one"), "{refused}");
        }
    }

    #[test]
    fn a_sealed_file_that_was_changed_cut_or_renamed_does_not_open() {
        let key = Zeroizing::new([7; 32]);
        let directory = tempfile::tempdir().unwrap();
        let directory = directory.path();
        let stored = written(directory, &[1; 2 * CHUNK_BYTES + 9], Some(&key));
        let whole = fs::read(directory.join("file")).unwrap();
        let (start, sealed) = (START.len() + SALT_BYTES, CHUNK_BYTES + TAG_BYTES);
        let (first, rest) = whole[start..].split_at(sealed);
        let (second, last) = rest.split_at(sealed);
        let head = &whole[..start];
        let changes: [Vec<u8>; 7] = [
            whole[..whole.len() - 1].to_vec(),
            [head, first].concat(),
            [head, first, second].concat(),
            [head, second, first, last].concat(),
            [head, first, last].concat(),
            [&whole[..], &[0]].concat(),
            [&head[..start - 1], &[head[start - 1] ^ 1], first, second, last].concat(),
        ];
        for changed in changes {
            fs::write(directory.join("file"), &changed).unwrap();
            let as_listed = read(directory, &stored, Some(&key));
            assert!(as_listed.is_err());
            // Also where the list was changed with it.
            let listed = listed_again(directory, &stored);
            assert!(read(directory, &listed, Some(&key)).is_err());
        }
        fs::write(directory.join("other"), &whole).unwrap();
        let renamed = StoredFile { path: "other".to_owned(), ..stored };
        assert!(read(directory, &renamed, Some(&key)).is_err());
    }

    #[test]
    fn a_plain_file_that_was_changed_is_noticed() {
        let directory = tempfile::tempdir().unwrap();
        let directory = directory.path();
        let stored = written(directory, b"plain", None);
        assert_eq!(read(directory, &stored, None).unwrap(), b"plain");
        for changed in [&b"plane"[..], b"plai", b"plain."] {
            fs::write(directory.join("file"), changed).unwrap();
            let refused = read(directory, &stored, None).unwrap_err();
            assert!(refused.to_string().contains("another length or content"), "{refused}");
        }
    }
}
