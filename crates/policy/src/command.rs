//! Commands: every change that the policy can make.
//!
//! An applied command stays in the journal for ever. A new one gets the next number; the bytes of
//! an existing one never change. The numbers of all machines are different.

use books::{BusinessDate, PersonId, SellerId, Sha256Digest};
use machine::commands;
use market::OfferId;
use money::Rate;

use crate::policy::{Policy, PolicyFacts, PolicyPlan};
use crate::refusal::PolicyRefusal;
use crate::rule::{ListPrice, PolicyRule};
use crate::vocabulary::*;

commands! {
    /// A change to the policy about public texts.
    pub enum PolicyCommand for Policy: fn(PolicyFacts, ()) -> Result<PolicyPlan, PolicyRefusal>;

    /// Activate a version of the policy. It holds from its first day until that of the next one.
    230 ActivatePolicy by Person => activate_policy {
        /// The last version plus 1.
        version: u32,
        name: String,
        /// First day in force: today or later, not before that of the version before it.
        from: BusinessDate,
        /// Each under one of the seven baselines. A baseline without rules checks nothing.
        rules: Vec<PolicyRule>,
        /// A rule is suspended when so many of its decisions were reversed, above zero …
        suspended_after: u16,
        /// … and at least this share of its judged appeals.
        suspended_share: Rate,
        /// Tables that the examples were matched with.
        tables: String,
        /// Examples that were matched: those of all rules.
        examples: u32,
        /// Those that did not hold. The command is refused if there is one.
        #[serde(default)]
        failing: Vec<FailingExample>,
        /// The author.
        proposed_by: PersonId,
        approved_by: PersonId,
    }

    /// Suspend a rule of the version in force until another version is activated.
    231 SuspendRule by Person => suspend_rule {
        rule: String,
        suspended_by: PersonId,
    }

    /// Record what the rules found in a public text of an offer. Doorstep matches it and gives this
    /// command.
    232 ScreenText by System => screen_text {
        offer: OfferId,
        /// The offer's last decision plus 1.
        number: u32,
        /// SHA-256 of the text, which stays outside the journal.
        content: Sha256Digest,
        /// In force today.
        version: u32,
        /// Tables that the text was matched with.
        tables: String,
        /// Prices of the offer's variants, in rising order, each once.
        prices: Vec<ListPrice>,
        /// In rising order, each once; at most [`MATCHES_MAX`](crate::MATCHES_MAX).
        matches: Vec<TextMatch>,
    }

    /// Decide about a public text: one that is held, or any other that stands.
    233 DecideText by Person => decide_text {
        offer: OfferId,
        /// The offer's last decision plus 1.
        number: u32,
        /// The text that the person read.
        content: Sha256Digest,
        judgement: TextJudgement,
        /// A rule in force; none if the text is published.
        rule: Option<String>,
        /// Where, in rising order: at least one place, none if the text is published. A held text's
        /// matches are added.
        #[serde(default)]
        spans: Vec<TextSpan>,
        #[serde(default)]
        origin: DecisionOrigin,
        decided_by: PersonId,
    }

    /// Appeal against a decision about a text. It is judged within
    /// [`APPEAL_ANSWER_DAYS`](crate::APPEAL_ANSWER_DAYS) days.
    234 AppealText by Person | Key => appeal_text {
        /// Whose offer it is.
        seller: SellerId,
        offer: OfferId,
        /// The number of the decision, at most [`APPEAL_DAYS`](crate::APPEAL_DAYS) days old.
        decision: u32,
        reason: AppealReason,
    }

    /// Judge an appeal without having seen the first judgement. A milder one reverses the decision.
    235 JudgeAppeal by Person => judge_appeal {
        offer: OfferId,
        decision: u32,
        judgement: TextJudgement,
        /// Not who decided first.
        judged_by: PersonId,
    }

    /// Draw a random sample of texts, to be judged again by people who do not see what was decided.
    236 DrawSample by Person | System => draw_sample {
        /// The last sample plus 1.
        number: u32,
        kind: SampleKind,
        /// First and last day of the decisions.
        from: BusinessDate,
        until: BusinessDate,
        /// 1 to [`SAMPLE_TEXTS_MAX`](crate::SAMPLE_TEXTS_MAX).
        size: u16,
        /// Chosen by chance. The same seed draws the same texts.
        seed: u64,
    }

    /// Judge a text of a sample.
    237 JudgeSample by Person => judge_sample {
        sample: u32,
        /// Its place in the sample, from 1.
        item: u16,
        judgement: TextJudgement,
        /// Not who decided first.
        judged_by: PersonId,
    }
}
