//! Texts under their digests, in a file of the data directory. What is erased is overwritten.

use std::path::{Path, PathBuf};

use books::Sha256Digest;
use rusqlite::{Connection, OptionalExtension, params};
use vault::{PrivateFile, PrivateFileFault};

use crate::text::{OfferText, OfferTextFault};

/// File name in a data directory.
pub const PUBLIC_TEXTS_FILE: &str = "public-texts.sqlite";

/// What the file is.
pub const PUBLIC_TEXTS_STORE: PrivateFile = PrivateFile {
    // "DSpt".
    application_id: 0x4453_7074,
    format: 1,
    write_ahead: false,
    upgrade: |format| (format == 0).then(|| SCHEMA.to_owned()),
};

const SCHEMA: &str = "
    CREATE TABLE texts (
        content BLOB PRIMARY KEY,
        text TEXT NOT NULL
    ) STRICT, WITHOUT ROWID;";

/// Why the store cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("{}: others can read it: close it with `chmod 600`", .0.display())]
    ReadableByOthers(PathBuf),
    #[error("{}: it is no file of public texts: restore it from a copy", .0.display())]
    Foreign(PathBuf),
    #[error("{}: it cannot be read or written ({}): look at the disk", .0.display(), .1)]
    Failed(PathBuf, String),
    #[error(transparent)]
    Text(#[from] OfferTextFault),
    /// The text is not the one that the digest is of.
    #[error("the text {0} is damaged: restore the file of public texts from a copy")]
    Damaged(Sha256Digest),
}

/// The public texts of a data directory.
pub struct TextStore {
    path: PathBuf,
    /// `None` while no text was ever kept.
    file: Option<Connection>,
}

impl std::fmt::Debug for TextStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TextStore").field("path", &self.path).finish_non_exhaustive()
    }
}

impl TextStore {
    /// Opens the texts of a data directory. The file is made with the first text.
    ///
    /// # Errors
    /// It is not private, is something else, or cannot be read.
    pub fn open(data: &Path) -> Result<TextStore, StoreError> {
        let mut store = TextStore { path: data.join(PUBLIC_TEXTS_FILE), file: None };
        store.file = store.connect(false)?;
        Ok(store)
    }

    fn connect(&self, create: bool) -> Result<Option<Connection>, StoreError> {
        let path = || self.path.clone();
        PUBLIC_TEXTS_STORE.open(&self.path, create).map_err(|fault| match fault {
            PrivateFileFault::ReadableByOthers => StoreError::ReadableByOthers(path()),
            PrivateFileFault::Foreign => StoreError::Foreign(path()),
            PrivateFileFault::Io { source, .. } => StoreError::Failed(path(), source.to_string()),
            PrivateFileFault::Sqlite(source) => StoreError::Failed(path(), source.to_string()),
        })
    }

    fn failed(&self) -> impl Fn(rusqlite::Error) -> StoreError {
        let path = self.path.clone();
        move |source| StoreError::Failed(path.clone(), source.to_string())
    }

    /// Keeps a text, durably, and returns its digest. The same text is kept once.
    ///
    /// # Errors
    /// The text cannot be published; the file cannot be written.
    pub fn put(&mut self, text: &OfferText) -> Result<Sha256Digest, StoreError> {
        text.check()?;
        let content = text.content();
        if self.file.is_none() {
            self.file = self.connect(true)?;
        }
        let json = serde_json::to_string(text).expect("texts are JSON");
        let insert = "INSERT INTO texts (content, text) VALUES (?1, ?2) ON CONFLICT DO NOTHING";
        let file = self.file.as_ref().ok_or_else(|| StoreError::Foreign(self.path.clone()))?;
        file.execute(insert, params![content.0, json]).map_err(self.failed())?;
        Ok(content)
    }

    /// The text of a digest. `None` if it was erased, or never kept.
    ///
    /// # Errors
    /// The file cannot be read, or the text is another one.
    pub fn get(&self, content: Sha256Digest) -> Result<Option<OfferText>, StoreError> {
        let Some(file) = &self.file else { return Ok(None) };
        let mut select = file
            .prepare_cached("SELECT text FROM texts WHERE content = ?1")
            .map_err(self.failed())?;
        let json: Option<String> =
            select.query_row([content.0], |row| row.get(0)).optional().map_err(self.failed())?;
        let Some(json) = json else { return Ok(None) };
        let text: OfferText =
            serde_json::from_str(&json).map_err(|_| StoreError::Damaged(content))?;
        if text.content() == content { Ok(Some(text)) } else { Err(StoreError::Damaged(content)) }
    }

    /// Erases a text. Returns whether it was there.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn erase(&mut self, content: Sha256Digest) -> Result<bool, StoreError> {
        let Some(file) = &self.file else { return Ok(false) };
        let erased = file.execute("DELETE FROM texts WHERE content = ?1", [content.0]);
        Ok(erased.map_err(self.failed())? > 0)
    }
}
