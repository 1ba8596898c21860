//! The progress of a day: a bar on a terminal, plain lines otherwise.

use std::io::IsTerminal;

use indicatif::{ProgressBar, ProgressStyle};
use sim::{DayProgress, DayStage};

use crate::words::{Lang, left};

/// The width of the longest stage name.
const STAGE_COLUMNS: usize = 25;

/// A bar, if standard error is a terminal.
pub fn new_bar(quiet: bool) -> Option<ProgressBar> {
    if quiet || !std::io::stderr().is_terminal() {
        return None;
    }
    let bar = ProgressBar::new(0);
    let style = ProgressStyle::with_template("{prefix} {wide_bar:.cyan/238} {msg}");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()).progress_chars("━━─"));
    Some(bar)
}

/// Shows progress on standard error.
pub struct ProgressDisplay {
    bar: Option<ProgressBar>,
    stage: Option<DayStage>,
    lang: Lang,
    utc_offset_minutes: i16,
    quiet: bool,
}

impl ProgressDisplay {
    /// Shows a bar if standard error is a terminal. Shows nothing if `quiet`.
    pub fn new(lang: Lang, utc_offset_minutes: i16, quiet: bool) -> ProgressDisplay {
        ProgressDisplay { bar: new_bar(quiet), stage: None, lang, utc_offset_minutes, quiet }
    }

    #[allow(clippy::print_stderr, reason = "progress is for people")]
    pub fn update(&mut self, progress: DayProgress) {
        let time = progress.virtual_time.local(self.utc_offset_minutes).strftime("%Y-%m-%d %H:%M");
        let name = stage_name(progress.stage, self.lang);
        let began = self.stage.replace(progress.stage) != Some(progress.stage);
        if let Some(bar) = &self.bar {
            bar.set_prefix(left(name, STAGE_COLUMNS));
            bar.set_length(progress.total);
            bar.set_position(progress.done);
            bar.set_message(format!("{time}  {}/{}", progress.done, progress.total));
        } else if began && !self.quiet {
            eprintln!("{time}  {name}");
        }
    }

    /// Prints lines above the bar.
    pub fn print(&self, lines: impl FnOnce()) {
        match &self.bar {
            Some(bar) => bar.suspend(lines),
            None => lines(),
        }
    }

    /// Removes the bar.
    pub fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

fn stage_name(stage: DayStage, lang: Lang) -> &'static str {
    match stage {
        DayStage::Opening => lang.pick("opening the books", "开账"),
        DayStage::Announcing => lang.pick("announcing parcels", "登记包裹"),
        DayStage::Delivering => lang.pick("delivering and collecting", "派送收款"),
        DayStage::Clearing => lang.pick("clearing", "清算对账"),
        DayStage::Settling => lang.pick("paying the sellers", "结算打款"),
    }
}
