//! The daily report: published when a day is over, and told by the notices.

use std::path::{Path, PathBuf};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use ::notices::{
    NoticeBodies, NoticeBody, NoticeBook, REPORT_CORRECTED, REPORT_PUBLISHED, Recipient,
};
use ::pulse::figures::FigureAudience;
use ::pulse::folders::figures_of;
use ::pulse::store::{PublicationError, Publications, PublishedForm};
use ::views::Place;
use ::views::read::ViewReader;
use anyhow::{Context, ensure};
use channels::NoticeLanguage;
use node::{Clock, NodeClient, SystemClock};
use office::Language;
use pages::PageWords;
use pages::pulse::{REPORT_END_PATH, add_report_end, mail_page};
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::chinese;
use crate::pulse_command::{ToPublish, publish_report};
use crate::words::{Lang, bilingual};

/// How often it looks whether a day is over.
const ROUND: Duration = Duration::from_secs(30);
/// When the report of the day before is published, in minutes of the local day.
const AT_MINUTES: u16 = 6 * 60;
const MINUTE_MS: u64 = 60_000;
const DAY_MINUTES: u64 = 24 * 60;
/// The first label of the List-Id of its mails.
const LIST: &str = "report";

/// The daily report.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PulseForm {
    /// From when on in the local day the report of the last day that is over is published: `06:00`.
    at: Option<String>,
}

/// When reports are published.
#[derive(Clone, Copy)]
pub struct PulsePlan {
    at_minutes: u16,
}

impl PulsePlan {
    /// When a day is over.
    pub const AT_ONCE: PulsePlan = PulsePlan { at_minutes: 0 };
}

impl PulseForm {
    pub fn plan(&self, has_views: bool) -> anyhow::Result<PulsePlan> {
        ensure!(
            has_views,
            bilingual!(
                "[pulse] needs the SQL views: add a section [views]",
                "[pulse] 需要 SQL 视图：请加上 [views] 一节"
            )
        );
        let Some(at) = &self.at else { return Ok(PulsePlan { at_minutes: AT_MINUTES }) };
        let parsed = at.split_once(':').and_then(|(hour, minute)| {
            let number = |text: &str| (text.len() == 2).then(|| text.parse::<u16>().ok()).flatten();
            let (hour, minute) = (number(hour)?, number(minute)?);
            (hour < 24 && minute < 60).then_some(60 * hour + minute)
        });
        let at_minutes = parsed.with_context(|| {
            bilingual!(
                "[pulse] at: `{at}` is no time of day; write it as 06:00",
                "[pulse] at：`{at}` 不是一天中的时刻；请写成 06:00 的形式"
            )
        })?;
        Ok(PulsePlan { at_minutes })
    }
}

/// A thread that publishes. Its failures are logged, and harm nothing else.
pub struct PulsePublisher {
    /// Dropped to end the thread.
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

struct Rounds {
    data: PathBuf,
    place: Place,
    plan: PulsePlan,
    client: NodeClient,
    /// What was logged last: said once, not in each round.
    said: String,
}

impl PulsePublisher {
    pub fn start(
        data: &Path,
        place: Place,
        plan: PulsePlan,
        client: NodeClient,
    ) -> std::io::Result<PulsePublisher> {
        let (stop, stopped) = channel::<()>();
        let data = data.to_owned();
        let mut rounds = Rounds { data, place, plan, client, said: String::new() };
        let thread =
            std::thread::Builder::new().name("doorstep-pulse".into()).spawn(move || {
                loop {
                    rounds.round();
                    if stopped.recv_timeout(ROUND) != Err(RecvTimeoutError::Timeout) {
                        return;
                    }
                }
            })?;
        Ok(PulsePublisher { stop: Some(stop), thread: Some(thread) })
    }
}

impl Drop for PulsePublisher {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A panic of the thread has ended the process.
            let _ = thread.join();
        }
    }
}

impl Rounds {
    fn round(&mut self) {
        let why = match self.publish() {
            Ok(()) => return self.said.clear(),
            Err(error) => match error.downcast_ref::<PublicationError>() {
                // Until the next day is over.
                Some(PublicationError::Published { .. }) => return self.said.clear(),
                _ => {
                    let causes = error.chain().map(|cause| chinese::error(cause, Lang::current()));
                    causes.collect::<Vec<_>>().join(": ")
                }
            },
        };
        if why != self.said {
            tracing::error!(target: "pulse", why, "no report is published");
            self.said = why;
        }
    }

    fn publish(&mut self) -> anyhow::Result<()> {
        let now = SystemClock.now();
        let offset = self.client.query(move |engine| engine.books().utc_offset_minutes_at(now))?.0;
        let minute =
            (now.0 / MINUTE_MS).saturating_add_signed(offset.unwrap_or(0).into()) % DAY_MINUTES;
        if minute < u64::from(self.plan.at_minutes) {
            return Ok(());
        }
        let set = figures_of(&self.data)?;
        let mut reader = ViewReader::open(&self.place)?;
        let what = ToPublish { data: &self.data, set: &set, day: None, at: None };
        if let Some((number, publication)) = publish_report(&what, &mut reader)? {
            let (day, digest) = (publication.day(), publication.digest());
            tracing::info!(target: "pulse", number, day, digest, "the report is published");
        }
        Ok(())
    }
}

/// The reports and corrections that mails have in them.
pub struct PublishedBodies {
    pub data: PathBuf,
    /// Of the pages, to which links lead. Without one a mail has no links.
    pub origin: Option<String>,
    /// Makes the links that end the mails.
    pub book: Arc<Mutex<NoticeBook>>,
}

impl NoticeBodies for PublishedBodies {
    fn body(
        &self,
        event: &str,
        fields: &Map<String, Value>,
        recipient: Recipient,
        language: NoticeLanguage,
    ) -> Option<NoticeBody> {
        if event != REPORT_PUBLISHED && event != REPORT_CORRECTED {
            return None;
        }
        let number = fields.get("publication")?.as_str()?.parse().ok()?;
        let audience = match recipient {
            Recipient::Staff => FigureAudience::Finance,
            _ => FigureAudience::Everyone,
        };
        let is_zh = language == NoticeLanguage::Zh;
        let store = Publications::of(&self.data);
        let form = |is_html| store.form(number, PublishedForm { audience, is_zh, is_html }).ok();
        let words = PageWords(if is_zh { Language::Zh } else { Language::En });
        let mut html = mail_page(words, &form(true)?, self.origin.as_deref());
        let mut text = form(false)?;
        let unsubscribe = self.origin.as_ref().and_then(|origin| {
            let link = self.book.lock().unwrap_or_else(PoisonError::into_inner);
            let link = link.report_link(recipient).ok()?;
            Some(format!("{origin}{REPORT_END_PATH}/{link}"))
        });
        if let Some(link) = &unsubscribe {
            add_report_end(words, link, &mut text, &mut html);
        }
        Some(NoticeBody { text, html, list: LIST, unsubscribe })
    }
}
