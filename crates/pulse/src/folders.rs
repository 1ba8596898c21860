//! What a data directory has for the report: figures of its own and claims of others.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use crate::claims::{Claim, ClaimFileError, ClaimFileProblem, check_ids, read};
use crate::figures::{FigureFileError, FigureSet, SHIPPED};
use crate::store::PublicationError;

/// Folders in the data directory, with files of TOML.
pub const FIGURES_DIRECTORY: &str = "figures";
pub const CLAIMS_DIRECTORY: &str = "claims";
/// Limit on the files of a folder, and on one of them.
pub const FILES_MAX: usize = 100;
const FILE_BYTES_MAX: u64 = 16 << 20;

/// Why a folder of figures or claims cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum PulseDataError {
    #[error(transparent)]
    File(#[from] PublicationError),
    #[error("{path} has more than {FILES_MAX} files; move some away")]
    TooManyFiles { path: PathBuf },
    #[error("{path} has more than {FILE_BYTES_MAX} bytes, or is not in UTF-8; mend or remove it")]
    NoText { path: PathBuf },
    #[error(transparent)]
    Figures(#[from] FigureFileError),
    #[error("{path}: {source}")]
    Claims { path: PathBuf, source: ClaimFileError },
    #[error("{path}: {source}")]
    Ids { path: PathBuf, source: ClaimFileProblem },
}

/// The files of a folder by name, with their texts. None if there is no folder.
fn texts(folder: &Path) -> Result<Vec<(PathBuf, String)>, PulseDataError> {
    let failed = |path: &Path, source| PublicationError::File {
        doing: "read",
        path: path.to_owned(),
        source,
    };
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(failed(folder, error).into()),
    };
    let mut paths = Vec::new();
    for entry in entries {
        let path = entry.map_err(|error| failed(folder, error))?.path();
        if path.extension().is_some_and(|end| end == "toml") {
            paths.push(path);
        }
        if paths.len() > FILES_MAX {
            return Err(PulseDataError::TooManyFiles { path: folder.to_owned() });
        }
    }
    paths.sort();
    let read = |path: PathBuf| {
        let length = fs::metadata(&path).map_err(|error| failed(&path, error))?.len();
        let bytes = match length <= FILE_BYTES_MAX {
            true => fs::read(&path).map_err(|error| failed(&path, error))?,
            false => return Err(PulseDataError::NoText { path }),
        };
        match String::from_utf8(bytes) {
            Ok(text) => Ok((path, text)),
            Err(_) => Err(PulseDataError::NoText { path }),
        }
    };
    paths.into_iter().map(read).collect()
}

/// The figures that come with Doorstep, and those of a folder.
///
/// # Errors
/// A file cannot be read, or is not valid.
pub fn figures_in(folder: &Path) -> Result<FigureSet, PulseDataError> {
    let own = texts(folder)?;
    let name = |path: &Path| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let names: Vec<String> = own.iter().map(|(path, _)| name(path)).collect();
    let own = names.iter().zip(&own).map(|(name, (_, text))| (name.as_str(), text.as_str()));
    let files: Vec<(&str, &str)> = SHIPPED.into_iter().chain(own).collect();
    Ok(FigureSet::read(&files)?)
}

/// The figures of a data directory.
///
/// # Errors
/// As [`figures_in`].
pub fn figures_of(data: &Path) -> Result<FigureSet, PulseDataError> {
    figures_in(&data.join(FIGURES_DIRECTORY))
}

/// The claims of some files, judged together.
///
/// # Errors
/// A file cannot be read, is not valid, or an id stands twice.
pub fn claims_of(data: &Path) -> Result<Vec<Claim>, PulseDataError> {
    let folder = data.join(CLAIMS_DIRECTORY);
    let mut claims = Vec::new();
    for (path, text) in texts(&folder)? {
        claims.extend(read(&text).map_err(|source| PulseDataError::Claims { path, source })?);
    }
    check_ids(&claims).map_err(|source| PulseDataError::Ids { path: folder, source })?;
    Ok(claims)
}
