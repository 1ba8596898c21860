//! How far the day is: a bar on a terminal, plain lines otherwise.

use std::io::IsTerminal;

use engine::Timestamp;
use indicatif::{ProgressBar, ProgressStyle};
use sim::{Progress, Stage};

use crate::words::{Lang, left};

/// The longest name of a stage, so that the bars begin in one column.
const STAGE_COLUMNS: usize = 18;

/// Shows progress on standard error.
pub struct Shown {
    bar: Option<ProgressBar>,
    stage: Option<Stage>,
    lang: Lang,
    utc_offset_minutes: i16,
    quiet: bool,
}

impl Shown {
    /// A bar where standard error is a terminal; nothing at all where `quiet`.
    pub fn new(lang: Lang, utc_offset_minutes: i16, quiet: bool) -> Shown {
        let bar = (!quiet && std::io::stderr().is_terminal()).then(|| {
            let bar = ProgressBar::new(0);
            let style = ProgressStyle::with_template("{prefix} {wide_bar:.cyan/238} {msg}");
            bar.set_style(
                style.unwrap_or_else(|_| ProgressStyle::default_bar()).progress_chars("━━─"),
            );
            bar
        });
        Shown { bar, stage: None, lang, utc_offset_minutes, quiet }
    }

    /// Takes a step.
    #[allow(clippy::print_stderr, reason = "progress is for whoever watches")]
    pub fn step(&mut self, progress: Progress) {
        let time = clock_time(progress.virtual_time, self.utc_offset_minutes);
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

    /// Takes the bar away.
    pub fn end(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

fn clock_time(at: Timestamp, utc_offset_minutes: i16) -> String {
    let date = at.date(utc_offset_minutes);
    let since = at.0.saturating_sub(Timestamp::beginning_of(date, utc_offset_minutes).0) / 60_000;
    format!("{date} {:02}:{:02}", since / 60, since % 60)
}

fn stage_name(stage: Stage, lang: Lang) -> &'static str {
    match stage {
        Stage::Opening => lang.pick("opening the books", "开账"),
        Stage::Announcing => lang.pick("announcing parcels", "登记包裹"),
        Stage::Delivering => lang.pick("couriers are out", "派送收款"),
        Stage::Clearing => lang.pick("networks clear", "清算对账"),
        Stage::Settling => lang.pick("paying the sellers", "结算付款"),
    }
}
