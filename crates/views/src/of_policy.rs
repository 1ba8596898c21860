//! Rows of decisions about public texts: what the policy says at the end of a batch of every offer
//! that the batch touched.

use std::collections::{BTreeMap, BTreeSet};

use books::SellerKind;
use engine::{Command, CommandOutcome, Engine, Timestamp};
use market::{MarketCommand, OfferId};
use policy::{
    AppealReason, DecisionEnd, DecisionOrigin, PolicyEvent, TextAppeal, TextDecision, TextVerdict,
};

use crate::catalog::ViewName;
use crate::catalog::texts::{BASELINES, VERDICTS};
use crate::rows::{Day, RowKey, Rows};
use crate::value::ViewValue;

/// What a batch touched in the policy.
#[derive(Debug, Default)]
pub struct TouchedTexts {
    /// Offers with decisions that may have changed, each since when.
    offers: BTreeMap<OfferId, Timestamp>,
    /// Decisions that are new and have rules.
    stopped: BTreeSet<(OfferId, u32)>,
}

impl TouchedTexts {
    /// A command was carried out.
    pub fn note(&mut self, command: &Command, outcome: &CommandOutcome, at: Timestamp) {
        // Decisions about a text end when the offer has another one, without an event.
        if let Some(MarketCommand::ReviseOffer(revised)) = command.as_market() {
            self.touch(revised.offer, at);
        }
        for event in &outcome.policy {
            match event {
                PolicyEvent::TextStopped { offer, decision, .. } => {
                    self.touch(*offer, at);
                    self.stopped.insert((*offer, *decision));
                }
                PolicyEvent::TextPassed { offer }
                | PolicyEvent::TextFreed { offer, .. }
                | PolicyEvent::TextAppealed { offer, .. }
                | PolicyEvent::AppealUpheld { offer, .. } => self.touch(*offer, at),
                PolicyEvent::PolicyActivated { .. }
                | PolicyEvent::RuleSuspended { .. }
                | PolicyEvent::SampleDrawn { .. }
                | PolicyEvent::SampleJudged { .. } => {}
            }
        }
    }

    fn touch(&mut self, offer: OfferId, at: Timestamp) {
        self.offers.entry(offer).or_insert(at);
    }

    /// Writes a row of each decision that the batch changed, or may have.
    pub fn write(&mut self, rows: &mut Rows, batch: i64, engine: &Engine) {
        let policy = engine.policy();
        for (offer, since) in std::mem::take(&mut self.offers) {
            for one in policy.decisions_about(offer) {
                let key = RowKey([offer.0, one.number.into(), 0, 0]);
                if one.end.is_none_or(|(at, _)| at >= since) || last_change(one) >= since {
                    let content = decision_content(one);
                    rows.hold(ViewName::TextDecisions, key, batch, false, Some(content));
                }
                if let Some(appeal) = &one.appeal
                    && appeal_change(appeal) >= since
                {
                    let content = appeal_content(one, appeal);
                    rows.hold(ViewName::TextAppeals, key, batch, false, Some(content));
                }
            }
        }
        for (offer, number) in std::mem::take(&mut self.stopped) {
            let Some(one) = policy.decision(offer, number) else { continue };
            for (place, rule) in (1_i64..).zip(&one.rules) {
                let Some((version, known)) = policy.rule_of(one, rule) else { continue };
                rows.add(
                    ViewName::TextRules,
                    [
                        ViewValue::id(offer.0),
                        i64::from(number).into(),
                        place.into(),
                        batch.into(),
                        i64::from(version).into(),
                        ViewValue::text(rule),
                        BASELINES[known.baseline as usize].into(),
                        VERDICTS[one.verdict as usize].into(),
                    ],
                );
            }
        }
    }
}

fn appeal_change(appeal: &TextAppeal) -> Timestamp {
    appeal.judged.map_or(appeal.at, |judged| judged.at)
}

fn last_change(one: &TextDecision) -> Timestamp {
    one.appeal.as_ref().map_or(one.at, appeal_change).max(one.at)
}

fn decision_content(one: &TextDecision) -> [ViewValue; 16] {
    let state = match one.end {
        None => "stands",
        Some((_, DecisionEnd::DecidedAgain)) => "decided again",
        Some((_, DecisionEnd::Reversed)) => "reversed",
        Some((_, DecisionEnd::TextReplaced)) => "text replaced",
    };
    let automation = match (one.by, one.found_by_rules) {
        (None, _) => "fully",
        (Some(_), true) => "partially",
        (Some(_), false) => "not",
    };
    let origin = match one.origin {
        DecisionOrigin::OwnInitiative => "own initiative",
        DecisionOrigin::Notice => "notice",
        DecisionOrigin::TrustedFlagger => "trusted flagger",
        DecisionOrigin::OtherNotification => "other notification",
    };
    [
        state.into(),
        VERDICTS[one.verdict as usize].into(),
        ViewValue::id(one.seller.0),
        match one.seller_kind {
            SellerKind::Individual => "individual",
            SellerKind::Business => "business",
        }
        .into(),
        ViewValue::text(one.content.to_string()),
        i64::from(one.version).into(),
        i64::from(one.screened_with).into(),
        one.at.0.into(),
        ViewValue::Day(Day::of(one.date)),
        automation.into(),
        one.by.map(|person| ViewValue::id(person.0)).into(),
        origin.into(),
        one.held_at.map(|at| at.0).into(),
        one.until.map(|until| ViewValue::Day(Day::of(until))).into(),
        i64::from(one.paused).into(),
        i64::from(one.appeal.is_some()).into(),
    ]
}

fn appeal_content(one: &TextDecision, appeal: &TextAppeal) -> [ViewValue; 7] {
    let state = match appeal.judged {
        None => "open",
        Some(judged) if judged.reversed => "reversed",
        Some(_) => "upheld",
    };
    let reason = match appeal.reason {
        AppealReason::NotSaid => "not said",
        AppealReason::OtherMeaning => "other meaning",
        AppealReason::True => "true",
        AppealReason::Allowed => "allowed",
    };
    [
        state.into(),
        ViewValue::id(one.seller.0),
        reason.into(),
        appeal.at.0.into(),
        ViewValue::Day(Day::of(appeal.due)),
        appeal.judged.map(|judged| judged.at.0).into(),
        appeal.judged.map(|judged| ViewValue::id(judged.by.0)).into(),
    ]
}

// The words of a verdict are found by its number.
const _: () = assert!(TextVerdict::Refused as usize + 1 == VERDICTS.len());
