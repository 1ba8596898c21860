//! The store of public texts and pictures, for threads that ask at once.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use listings::{Picture, PictureFault, StoreError, TextStore};
use tokio::sync::Semaphore;

use crate::limits::{PICTURES_DECODED_MAX, QUESTIONS_MAX};
use crate::problem::{ErrorInChinese, Problem, ProblemKind};
use crate::words::BilingualText;

/// Connections to the store that are free.
pub(crate) struct ListingStores {
    data: PathBuf,
    free: Mutex<Vec<TextStore>>,
    chinese: ErrorInChinese,
    /// Pictures that may be decoded at once: each takes memory.
    pub decoding: Arc<Semaphore>,
}

impl ListingStores {
    pub fn new(data: PathBuf, chinese: ErrorInChinese) -> ListingStores {
        let decoding = Arc::new(Semaphore::new(PICTURES_DECODED_MAX));
        ListingStores { data, free: Mutex::default(), chinese, decoding }
    }

    /// Asks the store. Blocks.
    pub fn with<T>(
        &self,
        does: impl FnOnce(&mut TextStore) -> Result<T, StoreError>,
    ) -> Result<T, Problem> {
        let free = self.free.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let opened = free.map_or_else(|| TextStore::open(&self.data), Ok);
        let done = opened.and_then(|mut store| {
            let done = does(&mut store)?;
            let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
            if store.has_file() && free.len() < QUESTIONS_MAX {
                free.push(store);
            }
            Ok(done)
        });
        done.map_err(|error| self.problem(&error))
    }

    fn problem(&self, error: &StoreError) -> Problem {
        let kind = match error {
            StoreError::Text(_) => ProblemKind::BadValue,
            StoreError::NoPicture(_) => ProblemKind::DoesNotFit,
            StoreError::Full(_) => ProblemKind::DiskFull,
            _ => return Problem::internal(error.to_string()),
        };
        let (en, zh) = (error.to_string().into(), (self.chinese)(error).into());
        Problem::new(kind, BilingualText { en, zh })
    }

    /// Decodes a picture and keeps it. Blocks.
    pub fn keep_picture(&self, bytes: &[u8]) -> Result<(Picture, String), Problem> {
        let picture = Picture::read(bytes).map_err(|fault| {
            let kind = match fault {
                PictureFault::TooManyBytes => ProblemKind::BodyTooLarge,
                PictureFault::OtherFormat => ProblemKind::UnsupportedMediaType,
                PictureFault::TooManyPixels | PictureFault::Damaged => ProblemKind::BadValue,
            };
            let (en, zh) = (fault.to_string().into(), (self.chinese)(&fault).into());
            Problem::new(kind, BilingualText { en, zh })
        })?;
        let digest = self.with(|store| store.put_picture(&picture))?;
        Ok((picture, digest.to_string()))
    }
}
