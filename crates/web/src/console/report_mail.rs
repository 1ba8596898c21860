//! Ends the daily report's mails by the link that each of them has (RFC 8058): without a sign-in,
//! because only we make such links. To look at one changes nothing.

use axum::http::StatusCode;
use notices::NoticeBook;
use pages::pulse::{PulsePage, report_end_page};

use super::pulse::framed;
use super::{Visit, html};
use crate::app::HttpAnswer;
use crate::problem::{Problem, ProblemKind};
use crate::query::QueryParameters;

/// Who changed it, in the notice book.
const BY: &str = "link";

pub(super) async fn ask(visit: &Visit) -> HttpAnswer {
    answer(visit, false).await
}

/// What is sent with it changes nothing: the link says all.
pub(super) async fn end(visit: &Visit) -> HttpAnswer {
    answer(visit, true).await
}

async fn answer(visit: &Visit, ends: bool) -> HttpAnswer {
    QueryParameters::read(visit.call.parts.uri.query(), &[])?;
    let (link, now) = (visit.call.path_part(1)?, visit.call.now);
    let app = visit.call.app.clone();
    let done = visit.call.app.workers.run(move |_| {
        // Without a key there is no link of ours.
        let key = app.vault_key.as_ref().ok_or(ProblemKind::NoSuchPath)?;
        let mut book = NoticeBook::open(&app.data, Some(key)).map_err(Problem::internal)?;
        let owner = book.of_report_link(&link).map_err(Problem::internal)?;
        let owner = owner.ok_or(ProblemKind::NoSuchRecord)?;
        if ends {
            book.set_report_reader(owner, false, BY, now).map_err(Problem::internal)?;
        }
        Ok::<_, Problem>(())
    });
    done.await??;
    let page = PulsePage {
        body: report_end_page(visit.words(), ends),
        linked: String::new(),
        atom: None,
        archive: Vec::new(),
        links: Vec::new(),
        frame: framed(visit, visit.words().get("pulse.end_title").to_owned()),
    };
    html(&page, StatusCode::OK)
}
