//! Texts and pictures under their digests, in a file of the data directory. What is erased is
//! overwritten.

use std::path::{Path, PathBuf};

use books::Sha256Digest;
use rusqlite::{Connection, OptionalExtension, params};
use vault::{PrivateFile, PrivateFileFault};

use crate::picture::{Picture, PictureSize};
use crate::text::{OfferText, OfferTextFault};

/// File name in a data directory.
pub const PUBLIC_TEXTS_FILE: &str = "public-texts.sqlite";

/// What the file is.
pub const PUBLIC_TEXTS_STORE: PrivateFile = PrivateFile {
    // "DSpt".
    application_id: 0x4453_7074,
    format: 2,
    write_ahead: false,
    upgrade: |format| match format {
        0 => Some(format!("{TEXTS}{PICTURES}")),
        1 => Some(PICTURES.to_owned()),
        _ => None,
    },
};

/// Of the file. A seller who sends pictures for ever does not fill the disk.
const FILE_BYTES_MAX: i64 = 32 << 30;

const TEXTS: &str = "
    CREATE TABLE texts (
        content BLOB PRIMARY KEY,
        text TEXT NOT NULL
    ) STRICT, WITHOUT ROWID;";

const PICTURES: &str = "
    CREATE TABLE pictures (
        picture BLOB PRIMARY KEY,
        large BLOB NOT NULL,
        small BLOB NOT NULL
    ) STRICT;";

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
    #[error("the picture {0} is not kept: send it first")]
    NoPicture(Sha256Digest),
    #[error("{}: it has no room for more pictures: erase texts that are not used", .0.display())]
    Full(PathBuf),
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
    /// The text cannot be published; a picture is not kept; the file cannot be written.
    pub fn put(&mut self, text: &OfferText) -> Result<Sha256Digest, StoreError> {
        text.check()?;
        for picture in &text.pictures {
            if !self.has_picture(*picture)? {
                return Err(StoreError::NoPicture(*picture));
            }
        }
        let content = text.content();
        let json = serde_json::to_string(text).expect("texts are JSON");
        let insert = "INSERT INTO texts (content, text) VALUES (?1, ?2) ON CONFLICT DO NOTHING";
        let file = self.made()?;
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

    /// The file, made if there is none. Refuses to grow it beyond its limit.
    fn made(&mut self) -> Result<&Connection, StoreError> {
        if self.file.is_none() {
            self.file = self.connect(true)?;
        }
        let file = self.file.as_ref().ok_or_else(|| StoreError::Foreign(self.path.clone()))?;
        let pragma = |name: &str| file.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
        let pages = pragma("page_count").map_err(self.failed())?;
        let bytes = pages.saturating_mul(pragma("page_size").map_err(self.failed())?);
        if bytes < FILE_BYTES_MAX { Ok(file) } else { Err(StoreError::Full(self.path.clone())) }
    }

    /// Whether the file is there: without it, nothing was kept when the store was opened.
    #[must_use]
    pub fn has_file(&self) -> bool {
        self.file.is_some()
    }

    /// Keeps a picture, durably, and returns its digest. The same picture is kept once.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn put_picture(&mut self, picture: &Picture) -> Result<Sha256Digest, StoreError> {
        let digest = picture.digest();
        let insert = "INSERT INTO pictures (picture, large, small) VALUES (?1, ?2, ?3)
            ON CONFLICT DO NOTHING";
        let file = self.made()?;
        file.execute(insert, params![digest.0, picture.large, picture.small])
            .map_err(self.failed())?;
        Ok(digest)
    }

    fn has_picture(&self, picture: Sha256Digest) -> Result<bool, StoreError> {
        let Some(file) = &self.file else { return Ok(false) };
        let select = "SELECT EXISTS (SELECT 1 FROM pictures WHERE picture = ?1)";
        file.query_row(select, [picture.0], |row| row.get(0)).map_err(self.failed())
    }

    /// A picture, as JPEG. `None` if it was erased, or never kept.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn picture(
        &self,
        picture: Sha256Digest,
        size: PictureSize,
    ) -> Result<Option<Vec<u8>>, StoreError> {
        let Some(file) = &self.file else { return Ok(None) };
        let select = match size {
            PictureSize::Large => "SELECT large FROM pictures WHERE picture = ?1",
            PictureSize::Small => "SELECT small FROM pictures WHERE picture = ?1",
        };
        let mut select = file.prepare_cached(select).map_err(self.failed())?;
        select.query_row([picture.0], |row| row.get(0)).optional().map_err(self.failed())
    }

    /// Erases a text, and its pictures that no other text has. Returns whether it was there.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn erase(&mut self, content: Sha256Digest) -> Result<bool, StoreError> {
        let Some(file) = &mut self.file else { return Ok(false) };
        let path = self.path.clone();
        let mut erased = || {
            let change = file.transaction()?;
            let had = "SELECT json_extract(text, '$.pictures') FROM texts WHERE content = ?1";
            let had: Option<Option<String>> =
                change.query_row(had, [content.0], |row| row.get(0)).optional()?;
            let erased = change.execute("DELETE FROM texts WHERE content = ?1", [content.0])?;
            change.execute(
                "DELETE FROM pictures WHERE picture IN (SELECT unhex(value) FROM json_each(?1))
                 AND picture NOT IN (SELECT unhex(used.value)
                    FROM texts, json_each(texts.text, '$.pictures') AS used)",
                [had.flatten().unwrap_or_else(|| "[]".to_owned())],
            )?;
            change.commit()?;
            Ok(erased > 0)
        };
        erased().map_err(|source: rusqlite::Error| StoreError::Failed(path, source.to_string()))
    }
}
