//! How far the views are behind while commands are given.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde::Serialize;
use views::Place;
use views::read::ViewReader;

use crate::{Latencies, door};

/// Between two looks.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// From the time of the last command that the views have until they are looked at.
#[derive(Debug, Serialize)]
pub struct LagFigures {
    pub p50_ms: f64,
    pub p99_ms: f64,
    pub max_ms: f64,
}

/// Looks at the views of a data directory again and again, until it is told to stop.
pub(crate) fn lag_of_views(data: &Path, stop: &AtomicBool) -> anyhow::Result<LagFigures> {
    let mut reader = ViewReader::open(&Place::in_directory(data))?;
    let mut lags = Latencies::default();
    while !stop.load(Ordering::Relaxed) {
        let at = u64::try_from(reader.position()?.at)?;
        lags.add(crate::clock::now_ms().saturating_sub(at) * 1_000, 1);
        std::thread::sleep(LOOK_EVERY);
    }
    let ms = |micros: u64| door::seconds(Duration::from_micros(micros) * 1_000);
    Ok(LagFigures { p50_ms: ms(lags.median()), p99_ms: ms(lags.p99()), max_ms: ms(lags.max()) })
}
