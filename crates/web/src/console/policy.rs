//! The policy in the console: its rules, the queue of held texts, appeals to be judged, the
//! decisions about an offer, the transparency report.

use std::collections::BTreeMap;

use axum::body::Body;
use axum::http::{HeaderValue, Response, StatusCode, header};
use books::PersonId;
use listings::OfferText;
use pages::forms::{NOTHING, date, number, time};
use pages::{
    ActLink, Cell, Link, MarkedPart, PageFrame, PageWords, PartyNames, PolicyDays, PolicyItem,
    PolicyPage, PolicySection, PortalTable, Tone, list_path, nav_groups,
};
use policy::{Baseline, DecisionEnd, MatchCause, TextMatch, TextPart, TextVerdict};
use reports::{AppealShown, PolicyReport, RuleShown, VerdictShown, VersionShown};

use super::act_table::{act_path, may, title};
use super::frames::{frame, readable};
use super::rows::{offset_at, person_names};
use super::{Visit, html, twin};
use crate::app::HttpAnswer;
use crate::handlers::policy::{
    REPORT_DAYS, ReadDecision, read_appeals, read_held, read_offer, read_policy, read_report,
};
use crate::operations::Action;
use crate::problem::{Problem, ProblemKind};
use crate::query::QueryParameters;

pub(super) const POLICY_PATH: &str = "/policy";
pub(super) const HELD_PATH: &str = "/policy/held";
pub(super) const APPEALS_PATH: &str = "/policy/appeals";
pub(super) const REPORT_PATH: &str = "/policy/report";
pub(super) const OFFERS_PATH: &str = "/policy/offers";
/// Words, patterns and examples of a rule that a page shows. The API has all.
const ENTRIES_SHOWN: usize = 40;

fn framed(visit: &Visit, title: &str) -> PageFrame {
    let caller = visit.call.caller.as_ref();
    let mut around = frame(&visit.call.app, visit.preferences, caller, visit.path());
    if let Some(caller) = caller {
        let shown = readable(&caller.principal);
        around.nav = nav_groups(visit.words(), &shown, None, None);
    }
    around.title = visit.words().get(title).to_owned();
    around
}

/// The pages of the policy that a viewer may open.
fn links(visit: &Visit) -> Vec<ActLink> {
    let words = visit.words();
    let reads_all = visit.call.caller.as_ref().is_some_and(|caller| {
        let all = readable(&caller.principal);
        all.contains(&"text_rules")
    });
    let own = visit
        .call
        .caller
        .as_ref()
        .is_some_and(|caller| readable(&caller.principal).contains(&"text_decisions"));
    let decisions = list_path("text_decisions");
    let all = [
        ("policy.title", POLICY_PATH, true),
        ("policy.held", HELD_PATH, reads_all),
        ("policy.appeals", APPEALS_PATH, reads_all),
        ("view.text_decisions", decisions.as_str(), own),
        ("policy.report", REPORT_PATH, true),
    ];
    let here = visit.call.parts.uri.path();
    all.into_iter()
        .filter(|(_, _, is_shown)| *is_shown)
        .map(|(key, path, _)| ActLink {
            text: words.get(key).to_owned(),
            about: String::new(),
            href: path.to_owned(),
            is_next: path == here,
        })
        .collect()
}

/// What a page needs to write people and times.
struct Around {
    words: PageWords,
    people: PartyNames,
    offset_minutes: i16,
}

async fn around(visit: &Visit) -> Result<Around, Problem> {
    let words = visit.words();
    let principal = visit.call.caller.as_ref().map(|caller| caller.principal.clone());
    let now = visit.call.now.0.cast_signed();
    let done = visit.call.app.workers.run(move |giver| {
        let people = principal.map(|principal| person_names(giver, &principal));
        let offset_minutes = offset_at(giver, now)?;
        Ok::<_, Problem>(Around { words, people: people.unwrap_or_default(), offset_minutes })
    });
    done.await?
}

impl Around {
    fn person(&self, person: PersonId) -> Cell {
        let name = self.people.get(&("persons", person.0.cast_signed()));
        let id = format!("per_{person}");
        Cell::plain(name.cloned().unwrap_or(id))
    }

    fn time(&self, at: engine::Timestamp) -> String {
        time(self.words, at.0.cast_signed(), self.offset_minutes)
    }

    fn fact(&self, key: &str, text: String) -> (&'static str, Cell) {
        (self.words.get(key), Cell::plain(text))
    }

    fn verdict(&self, verdict: TextVerdict) -> Cell {
        let (key, tone) = match verdict {
            TextVerdict::Published => ("policy.published", Tone::Done),
            TextVerdict::Labelled => ("policy.labelled", Tone::Move),
            TextVerdict::Held => ("policy.is_held", Tone::Wait),
            TextVerdict::Refused => ("policy.refused", Tone::End),
        };
        let text = self.words.get(key).to_owned();
        Cell { tone: Some(tone), ..Cell::plain(text) }
    }

    fn part(&self, part: TextPart) -> String {
        match part {
            TextPart::Title => self.words.get("policy.part_title").to_owned(),
            TextPart::Description => self.words.get("policy.part_description").to_owned(),
            TextPart::Caption(place) => {
                let place = u32::from(place) + 1;
                self.words.fill("policy.part_caption", &[("number", &place)])
            }
        }
    }

    fn cause(&self, cause: &MatchCause) -> String {
        match cause {
            MatchCause::Word(word) => word.clone(),
            MatchCause::Pattern(pattern) => format!("/{pattern}/"),
            MatchCause::Discount(_) => self.words.get("policy.discount").to_owned(),
            MatchCause::Person => self.words.get("policy.seen").to_owned(),
        }
    }

    /// The text with what was found.
    fn parts(&self, text: &OfferText, found: &[TextMatch]) -> Vec<MarkedPart> {
        let part = |(part, text): (TextPart, &str)| {
            let own = found.iter().filter(|one| one.part == part);
            let spans: Vec<_> = own
                .map(|one| {
                    let why = format!("{}: {}", one.rule, self.cause(&one.cause));
                    (one.start as usize, one.end as usize, why)
                })
                .collect();
            MarkedPart::new(self.part(part), text, &spans)
        };
        text.parts().map(part).collect()
    }

    /// Each place, for who does not see the marks.
    fn places(&self, found: &[TextMatch]) -> String {
        let place = |one: &TextMatch| {
            let (part, what) = (self.part(one.part), self.cause(&one.cause));
            let values: [(&str, &dyn std::fmt::Display); 4] =
                [("part", &part), ("start", &one.start), ("end", &one.end), ("what", &what)];
            self.words.fill("policy.place", &values)
        };
        let all: Vec<String> = found.iter().map(place).collect();
        if all.is_empty() { NOTHING.to_owned() } else { all.join(self.words.get("policy.and")) }
    }

    fn baseline(&self, baseline: Baseline) -> &'static str {
        let (english, chinese) = baseline.names();
        if self.words.is_zh() { chinese } else { english }
    }

    fn shown_text(&self, item: &mut PolicyItem, text: Option<&OfferText>, found: &[TextMatch]) {
        match text {
            Some(text) => item.parts = self.parts(text, found),
            None => item.no_text = self.words.get("policy.no_text"),
        }
    }

    /// The statement of reasons.
    fn reasons(&self, item: &mut PolicyItem, judged: &VerdictShown) {
        let words = self.words;
        let by = match (judged.by_person, judged.decided_by) {
            (true, Some(person)) => self.person(person),
            (true, None) => Cell::plain(words.get("policy.by_person").to_owned()),
            (false, _) => Cell::plain(words.get("policy.by_rules").to_owned()),
        };
        item.facts.push((words.get("policy.by"), by));
        item.facts.push(self.fact("policy.version", judged.version.to_string()));
        for reason in &judged.reasons {
            let values: [(&str, &dyn std::fmt::Display); 4] = [
                ("rule", &reason.rule),
                ("source", &reason.source),
                ("place", &reason.jurisdiction),
                ("baseline", &self.baseline(reason.baseline)),
            ];
            item.facts.push(self.fact("policy.rule", words.fill("policy.reason", &values)));
            item.facts.push(self.fact("policy.rule_text", reason.text.clone()));
        }
        if judged.verdict != TextVerdict::Published {
            item.facts.push(self.fact("policy.found", self.places(&judged.matches)));
        }
        if let Some(until) = &judged.until {
            item.facts.push(self.fact("policy.ends", date(words, until)));
        }
    }

    fn appeal(&self, item: &mut PolicyItem, appeal: &AppealShown) {
        let words = self.words;
        let reason = words.entry("policy.reason_of", &format!("{:?}", appeal.reason));
        let said = reason.unwrap_or_default();
        let values: [(&str, &dyn std::fmt::Display); 2] =
            [("when", &self.time(appeal.at)), ("reason", &said)];
        item.facts.push(self.fact("policy.appealed", words.fill("policy.appeal_said", &values)));
        let Some(at) = appeal.judged_at else {
            item.facts.push(self.fact("policy.due", date(words, &appeal.due)));
            return;
        };
        let key = if appeal.reversed { "policy.reversed" } else { "policy.upheld" };
        let text = words.fill(key, &[("when", &self.time(at))]);
        item.facts.push(self.fact("policy.judged", text));
        item.facts.extend(appeal.judged_by.map(|by| (words.get("policy.by"), self.person(by))));
    }
}

/// A link to the form of a command with its fields.
fn act(
    words: PageWords,
    (command, key): (&str, Option<&str>),
    fields: &[(&str, &str)],
    back: &str,
) -> ActLink {
    let mut link = Link::to(&act_path(command));
    for (name, value) in fields {
        link = link.with(name, value);
    }
    let text = key.map_or_else(|| title(words, command, false), |key| words.get(key));
    let (text, href) = (text.to_owned(), link.with("back", back).text());
    ActLink { text, about: String::new(), href, is_next: false }
}

fn gives(visit: &Visit, command: &str) -> bool {
    visit.call.caller.as_ref().is_some_and(|caller| may(&caller.principal, command))
}

fn offer_path(one: &ReadDecision) -> String {
    format!("{OFFERS_PATH}/off_{}", one.decision.offer)
}

/// The rules by baseline, also the baselines without rules.
pub(super) async fn policy(visit: Visit) -> HttpAnswer {
    QueryParameters::read(visit.call.parts.uri.query(), &[])?;
    let (shown, _) = read_policy(&visit.call).await?;
    let around = around(&visit).await?;
    let words = visit.words();
    let mut sections = Vec::new();
    for (place, version) in shown.in_force.iter().chain(&shown.to_come).enumerate() {
        sections.extend(of_version(&around, version, place));
    }
    let lead = match &shown.in_force {
        Some(_) => words.get("policy.lead"),
        None => words.get("policy.none_in_force"),
    };
    if shown.in_force.is_none() {
        // Nothing is checked under any of them.
        sections.extend(Baseline::ALL.map(|baseline| empty(&around, baseline, 9)));
    }
    let page = PolicyPage {
        frame: framed(&visit, "policy.title"),
        lead: lead.to_owned(),
        links: links(&visit),
        days: None,
        sections,
        tables: Vec::new(),
        none: words.get("policy.none_in_force"),
    };
    html(&page, StatusCode::OK)
}

fn empty(around: &Around, baseline: Baseline, place: usize) -> PolicySection {
    PolicySection {
        id: format!("b-{place}-{}", baseline as u8),
        title: around.baseline(baseline).to_owned(),
        note: around.words.get("policy.empty").to_owned(),
        items: Vec::new(),
    }
}

fn of_version(around: &Around, version: &VersionShown, place: usize) -> Vec<PolicySection> {
    let words = around.words;
    let from = date(words, &version.from);
    let (author, approver) =
        (around.person(version.author).text, around.person(version.approver).text);
    let values: [(&str, &dyn std::fmt::Display); 4] = [
        ("name", &version.name),
        ("number", &version.version),
        ("author", &author),
        ("approver", &approver),
    ];
    let key = if place == 0 { "policy.version_since" } else { "policy.version_from" };
    let mut head = vec![PolicySection {
        id: format!("v-{place}"),
        title: words.fill("policy.version_title", &values),
        note: words.fill(key, &[("from", &from), ("author", &author), ("approver", &approver)]),
        items: Vec::new(),
    }];
    head.extend(version.baselines.iter().map(|one| {
        let mut section = empty(around, one.baseline, place);
        let rules = one.rules.iter().enumerate();
        section.items = rules.map(|(at, rule)| rule_item(around, rule, &section.id, at)).collect();
        if !section.items.is_empty() {
            section.note.clear();
        }
        section
    }));
    head
}

fn rule_item(around: &Around, rule: &RuleShown, section: &str, at: usize) -> PolicyItem {
    let words = around.words;
    let badge = match (rule.is_suspended, rule.is_in_force) {
        (true, _) => Some(("policy.suspended", Tone::Wait)),
        (false, false) => Some(("policy.not_in_force", Tone::End)),
        (false, true) => None,
    };
    let badge = badge
        .map(|(key, tone)| Cell { tone: Some(tone), ..Cell::plain(words.get(key).to_owned()) });
    let effect = words.entry("policy.effect", &format!("{:?}", rule.effect)).unwrap_or_default();
    let until = rule.until.as_ref().map(|until| date(words, until));
    let period = match &until {
        Some(until) => {
            let from = date(words, &rule.from);
            words.fill("policy.from_until", &[("from", &from), ("until", until)])
        }
        None => words.fill("policy.from_on", &[("from", &date(words, &rule.from))]),
    };
    let list = |all: &[String]| {
        let shown = all.iter().take(ENTRIES_SHOWN).cloned().collect::<Vec<_>>();
        let mut text = shown.join(words.get("policy.and"));
        if all.len() > ENTRIES_SHOWN {
            let more = number((all.len() - ENTRIES_SHOWN) as i128);
            text += &words.fill("policy.more", &[("count", &more)]);
        }
        text
    };
    let source =
        words.fill("policy.source_in", &[("source", &rule.source), ("place", &rule.jurisdiction)]);
    let mut facts = vec![
        around.fact("policy.source", source),
        around.fact("policy.consequence", effect.to_owned()),
        around.fact("policy.period", period),
    ];
    for (key, all) in [
        ("policy.words", &rule.words),
        ("policy.allow", &rule.allow),
        ("policy.patterns", &rule.patterns),
        ("policy.matches", &rule.matches),
        ("policy.passes", &rule.passes),
    ] {
        if !all.is_empty() {
            facts.push(around.fact(key, list(all)));
        }
    }
    PolicyItem {
        id: format!("{section}-{at}"),
        title: rule.id.clone(),
        badge,
        note: rule.text.clone(),
        facts,
        ..PolicyItem::default()
    }
}

/// Texts that wait for a person, with what the rules found.
pub(super) async fn held(visit: Visit) -> HttpAnswer {
    QueryParameters::read(visit.call.parts.uri.query(), &[])?;
    let (read, _) = read_held(&visit.call).await?;
    let around = around(&visit).await?;
    let words = visit.words();
    let decides = gives(&visit, "DecideText");
    let items = read.iter().map(|one| {
        let mut item = item_of(&around, one);
        if let Some(judged) = &one.decision.judged {
            around.shown_text(&mut item, one.text.as_ref(), &judged.matches);
            around.reasons(&mut item, judged);
        }
        if decides {
            let offer = format!("off_{}", one.decision.offer);
            let content = one.decision.content.to_string();
            let judgements = [
                ("Publish", "policy.publish"),
                ("Label", "policy.do_label"),
                ("Refuse", "policy.do_refuse"),
            ];
            item.acts = judgements
                .map(|(judgement, key)| {
                    let fields =
                        [("offer", &*offer), ("content", &*content), ("judgement", judgement)];
                    act(words, ("DecideText", Some(key)), &fields, HELD_PATH)
                })
                .into();
        }
        item
    });
    listed(&visit, ("policy.held", "policy.held_lead", "policy.none_held"), items.collect())
}

fn item_of(around: &Around, one: &ReadDecision) -> PolicyItem {
    let (offer, decision) = (one.decision.offer, one.decision.decision);
    let values: [(&str, &dyn std::fmt::Display); 2] = [("offer", &offer), ("number", &decision)];
    PolicyItem {
        id: format!("d-{offer}-{decision}"),
        title: around.words.fill("policy.decision_title", &values),
        href: Some(offer_path(one)),
        facts: vec![around.fact("policy.when", around.time(one.decision.at))],
        ..PolicyItem::default()
    }
}

fn listed(
    visit: &Visit,
    (title, lead, none): (&str, &str, &str),
    items: Vec<PolicyItem>,
) -> HttpAnswer {
    let words = visit.words();
    let section =
        PolicySection { id: String::new(), title: String::new(), note: String::new(), items };
    let page = PolicyPage {
        frame: framed(visit, title),
        lead: words.get(lead).to_owned(),
        links: links(visit),
        days: None,
        sections: Some(section).into_iter().filter(|all| !all.items.is_empty()).collect(),
        tables: Vec::new(),
        none: words.get(none),
    };
    html(&page, StatusCode::OK)
}

/// Appeals to be judged, without what was decided: neither the verdict, the rules nor the places.
pub(super) async fn appeals(visit: Visit) -> HttpAnswer {
    QueryParameters::read(visit.call.parts.uri.query(), &[])?;
    let (read, _) = read_appeals(&visit.call).await?;
    let around = around(&visit).await?;
    let words = visit.words();
    let judges = gives(&visit, "JudgeAppeal");
    let items = read.iter().map(|one| {
        let mut item = item_of(&around, one);
        item.facts.clear();
        around.shown_text(&mut item, one.text.as_ref(), &[]);
        one.decision.appeal.iter().for_each(|appeal| around.appeal(&mut item, appeal));
        if judges {
            let (offer, number) =
                (format!("off_{}", one.decision.offer), one.decision.decision.to_string());
            let fields = [("offer", &*offer), ("decision", &*number)];
            item.acts = vec![act(words, ("JudgeAppeal", None), &fields, APPEALS_PATH)];
        }
        item
    });
    listed(&visit, ("policy.appeals", "policy.appeals_lead", "policy.no_appeals"), items.collect())
}

/// The decisions about an offer, the newest first, each with its statement of reasons.
pub(super) async fn offer(visit: Visit) -> HttpAnswer {
    QueryParameters::read(visit.call.parts.uri.query(), &[])?;
    if visit.call.parts.uri.path().ends_with(".json") {
        let is_one = |action| matches!(action, Action::OfferDecisions);
        return twin(visit, "application/json", is_one).await;
    }
    let (offer, read, _) = read_offer(&visit.call).await?;
    let around = around(&visit).await?;
    let words = visit.words();
    let appeals = gives(&visit, "AppealText");
    let back = visit.call.parts.uri.path().to_owned();
    let mut texts: BTreeMap<String, bool> = BTreeMap::new();
    let items = read.iter().map(|one| {
        let mut item = item_of(&around, one);
        item.href = None;
        let number = one.decision.decision;
        item.title = words.fill("policy.decision_number", &[("number", &number)]);
        match &one.decision.judged {
            Some(judged) => {
                item.badge = Some(around.verdict(judged.verdict));
                let key = match judged.verdict {
                    TextVerdict::Published => "policy.is_published",
                    TextVerdict::Labelled => "policy.is_labelled",
                    TextVerdict::Held => "policy.waits",
                    TextVerdict::Refused => "policy.is_refused",
                };
                item.note = words.get(key).to_owned();
                // The same text once, but where something is marked in it.
                let is_known = texts.insert(one.decision.content.to_string(), true).is_some();
                if !is_known || !judged.matches.is_empty() {
                    around.shown_text(&mut item, one.text.as_ref(), &judged.matches);
                }
                around.reasons(&mut item, judged);
            }
            None => item.note = words.get("policy.withheld").to_owned(),
        }
        one.decision.appeal.iter().for_each(|appeal| around.appeal(&mut item, appeal));
        if let (Some(at), Some(end)) = (one.decision.ended_at, one.decision.end) {
            let key = match end {
                DecisionEnd::DecidedAgain => "policy.decided_again",
                DecisionEnd::Reversed => "policy.ended_by_appeal",
                DecisionEnd::TextReplaced => "policy.replaced",
            };
            let text = words.fill(key, &[("when", &around.time(at))]);
            item.facts.push(around.fact("policy.ended", text));
        }
        if let Some(until) = &one.decision.appeal_until {
            item.facts.push(around.fact("policy.appeal_until", date(words, until)));
            if appeals {
                let (offer, seller, number) = (
                    format!("off_{}", one.decision.offer),
                    format!("sel_{}", one.decision.seller),
                    number.to_string(),
                );
                let fields = [("offer", &*offer), ("seller", &*seller), ("decision", &*number)];
                let mut link = act(words, ("AppealText", None), &fields, &back);
                link.is_next = true;
                item.acts = vec![link];
            }
        }
        item
    });
    let items: Vec<PolicyItem> = items.collect();
    let section =
        PolicySection { id: String::new(), title: String::new(), note: String::new(), items };
    let mut around_page = framed(&visit, "policy.title");
    around_page.title = words.fill("policy.offer_title", &[("offer", &offer)]);
    let mut own = links(&visit);
    let to_offer = format!("{}/off_{offer}", list_path("offers"));
    own.push(ActLink {
        text: words.get("one.offers").to_owned(),
        about: String::new(),
        href: to_offer,
        is_next: false,
    });
    let page = PolicyPage {
        frame: around_page,
        lead: words.get("policy.offer_lead").to_owned(),
        links: own,
        days: None,
        sections: Some(section).into_iter().filter(|all| !all.items.is_empty()).collect(),
        tables: Vec::new(),
        none: words.get("policy.no_decisions"),
    };
    html(&page, StatusCode::OK)
}

pub(super) async fn list_twin(visit: Visit, is_one: fn(Action) -> bool) -> HttpAnswer {
    twin(visit, "application/json", is_one).await
}

/// The transparency report.
pub(super) async fn report(visit: Visit) -> HttpAnswer {
    let query = QueryParameters::read(visit.call.parts.uri.query(), &REPORT_DAYS)?;
    let (report, _) = read_report(&visit.call, &query).await?;
    let words = visit.words();
    let mut own = links(&visit);
    for (name, _) in report.csv_files().into_iter().chain(report.template_files("")) {
        let link = Link::to(&format!("{REPORT_PATH}/{name}"));
        let link = link.with("from", &report.from).with("until", &report.until);
        let (text, href) = (name.to_owned(), link.text());
        own.push(ActLink { text, about: String::new(), href, is_next: false });
    }
    let days: [(&str, &dyn std::fmt::Display); 2] =
        [("from", &date(words, &report.from)), ("until", &date(words, &report.until))];
    let page = PolicyPage {
        frame: framed(&visit, "policy.report"),
        lead: words.fill("policy.report_lead", &days),
        links: own,
        days: Some(PolicyDays { from: report.from.clone(), until: report.until.clone() }),
        sections: Vec::new(),
        tables: report_tables(words, &report),
        none: "",
    };
    html(&page, StatusCode::OK)
}

fn report_tables(words: PageWords, report: &PolicyReport) -> Vec<PortalTable> {
    let figure = |value: u64| Cell::figure(number(value.into()));
    let name = |baseline: Baseline| {
        let (english, chinese) = baseline.names();
        Cell::plain(if words.is_zh() { chinese } else { english }.to_owned())
    };
    let counts = [
        ("policy.labelled", true),
        ("policy.is_held", true),
        ("policy.refused", true),
        ("policy.appealed", true),
        ("policy.count_reversed", true),
    ];
    let columns = |first: &[(&'static str, bool)]| [first, &counts].concat();
    let baselines = report.baselines.iter().map(|one| {
        let all = [one.rules, one.labelled, one.held, one.refused, one.appealed, one.reversed];
        [name(one.baseline)].into_iter().chain(all.map(figure)).collect()
    });
    let rules = report.rules.iter().map(|one| {
        let mut rule = Cell::plain(one.rule.clone());
        if one.suspended {
            rule.text += words.get("policy.and");
            rule.text += words.get("policy.suspended");
        }
        let all = [one.labelled, one.held, one.refused, one.appealed, one.reversed];
        let head = [rule, figure(one.version.into()), name(one.baseline)];
        head.into_iter().chain(all.map(figure)).collect()
    });
    let minutes = |minutes: Option<u64>| {
        Cell::figure(minutes.map_or(NOTHING.to_owned(), |minutes| number(minutes.into())))
    };
    let (automation, appeals) = (report.automation, report.appeals);
    let figures = [
        ("policy.count_passed", figure(report.passed)),
        ("policy.count_fully", figure(automation.fully)),
        ("policy.count_partially", figure(automation.partially)),
        ("policy.count_not", figure(automation.not)),
        ("policy.count_holds", figure(report.holds_decided)),
        ("policy.hold_minutes", minutes(report.hold_minutes_median)),
        ("policy.count_appeals", figure(appeals.received)),
        ("policy.count_judged", figure(appeals.judged)),
        ("policy.count_reversed", figure(appeals.reversed)),
        ("policy.count_open", figure(appeals.open)),
        ("policy.count_overdue", figure(appeals.overdue)),
        ("policy.appeal_minutes", minutes(appeals.minutes_median)),
    ];
    let figures =
        figures.into_iter().map(|(key, cell)| vec![Cell::plain(words.get(key).to_owned()), cell]);
    let percent = |ppm: u32| format!("{}.{:02}%", ppm / 10_000, ppm / 100 % 100);
    let samples = report.samples.iter().map(|one| {
        let kind = words.entry("policy.sample", &format!("{:?}", one.kind)).unwrap_or_default();
        let rate = one.error_rate.map_or(NOTHING.to_owned(), |rate| {
            let [rate, low, high] = [rate.rate_ppm, rate.low_ppm, rate.high_ppm].map(percent);
            words.fill("policy.rate", &[("rate", &rate), ("low", &low), ("high", &high)])
        });
        let counts = [one.texts, one.judged, one.errors].map(|count| figure(count.into()));
        let head = [figure(one.number.into()), Cell::plain(kind.to_owned())];
        head.into_iter().chain(counts).chain([Cell::figure(rate)]).collect()
    });
    let rule_columns =
        columns(&[("policy.rule", false), ("policy.version", true), ("policy.baseline", false)]);
    let sample_columns = [
        ("policy.sample_number", true),
        ("policy.sample_kind", false),
        ("policy.sample_texts", true),
        ("policy.count_judged", true),
        ("policy.sample_errors", true),
        ("policy.error_rate", true),
    ];
    vec![
        PortalTable::new(
            words,
            ("policy.by_baseline", "policy.no_decisions"),
            &columns(&[("policy.baseline", false), ("policy.rules", true)]),
            baselines.collect(),
        ),
        PortalTable::new(
            words,
            ("policy.by_rule", "policy.no_decisions"),
            &rule_columns,
            rules.collect(),
        ),
        PortalTable::new(
            words,
            ("policy.in_figures", "policy.no_decisions"),
            &[("policy.what", false), ("policy.count", true)],
            figures.collect(),
        ),
        PortalTable::new(
            words,
            ("policy.samples", "policy.no_samples"),
            &sample_columns,
            samples.collect(),
        ),
    ]
}

/// A file of the report.
pub(super) async fn file(visit: Visit) -> HttpAnswer {
    let query = QueryParameters::read(visit.call.parts.uri.query(), &REPORT_DAYS)?;
    let named = visit.call.path_part(2)?;
    let (report, _) = read_report(&visit.call, &query).await?;
    let mut files = report.csv_files().into_iter().chain(report.template_files(""));
    let (name, lines) = files.find(|(name, _)| *name == named).ok_or(ProblemKind::NoSuchRecord)?;
    let mut response = Response::new(Body::from(lines));
    let headers = response.headers_mut();
    let content = HeaderValue::from_static("text/csv; charset=utf-8; header=present");
    headers.insert(header::CONTENT_TYPE, content);
    let name = format!("attachment; filename=\"{name}\"");
    let name = HeaderValue::from_str(&name).map_err(Problem::internal)?;
    headers.insert(header::CONTENT_DISPOSITION, name);
    Ok(response)
}
