//! The figures of a data directory, read again when they may have changed.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use access::{AccessFunction, AccessScope, Principal};
use pulse::figures::{FigureAudience, FigureSet};
use pulse::folders::figures_of;
use pulse::run::FigureRunError;
use pulse::store::PublicationError;

use crate::app::App;
use crate::problem::{ErrorInChinese, Problem, ProblemKind};
use crate::words::BilingualText;

/// How long files of figures that were read are taken for those there.
const FRESH: Duration = Duration::from_secs(5);

type Kept = Option<(PathBuf, Instant, Arc<FigureSet>)>;

static KEPT: Mutex<Kept> = Mutex::new(None);

/// # Errors
/// A file of figures is not valid.
pub(crate) fn figures(data: &Path) -> Result<Arc<FigureSet>, Problem> {
    let mut kept = KEPT.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((path, read, set)) = &*kept
        && path == data
        && read.elapsed() < FRESH
    {
        return Ok(set.clone());
    }
    let set = Arc::new(figures_of(data).map_err(Problem::internal)?);
    *kept = Some((data.to_owned(), Instant::now(), set.clone()));
    Ok(set)
}

/// The edition of reports that a principal sees: with the money for who reads the accounts.
pub(crate) fn audience_of(principal: &Principal) -> FigureAudience {
    match principal.may(AccessFunction::Read("accounts")) {
        AccessScope::All => FigureAudience::Finance,
        _ => FigureAudience::Everyone,
    }
}

fn said(error: &(dyn std::error::Error + 'static), chinese: ErrorInChinese) -> BilingualText {
    BilingualText { en: error.to_string().into(), zh: chinese(error).into() }
}

pub(crate) fn of_run(error: FigureRunError, app: &App) -> Problem {
    use FigureRunError as E;
    match &error {
        E::NoFigure(_) | E::NoParts(_) => ProblemKind::NoSuchRecord.into(),
        E::Day(_)
        | E::NoDay { .. }
        | E::SinceAfter { .. }
        | E::BeforeDay { .. }
        | E::Beyond { .. } => Problem::new(ProblemKind::BadQuery, said(&error, app.texts.chinese)),
        _ => Problem::internal(error),
    }
}

pub(crate) fn of_publication(error: PublicationError) -> Problem {
    match error {
        PublicationError::None(_) => ProblemKind::NoSuchRecord.into(),
        error => Problem::internal(error),
    }
}
