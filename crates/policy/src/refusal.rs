//! Why a command is refused. A refused command changes nothing (M10).

use books::SellerId;
use machine::with_examples;
use market::OfferId;

use crate::limits::*;

with_examples! {
    /// A record that a command names and the policy does not have.
    #[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
    pub enum MissingPolicyRecord {
        #[error("offer {0}")]
        Offer(OfferId = OfferId(1)),
        /// Neither past nor future.
        #[error("rule `{0}` in force")]
        Rule(String = "superlatives".to_owned()),
        #[error("decision {1} about offer {0}")]
        Decision(OfferId = OfferId(1), u32 = 2),
        /// Not judged yet.
        #[error("open appeal against decision {1} about offer {0}")]
        Appeal(OfferId = OfferId(1), u32 = 2),
        #[error("sample {0}")]
        Sample(u32 = 1),
        #[error("text {1} of sample {0}")]
        SampleText(u32 = 1, u16 = 2),
        /// Of this text of the offer.
        #[error("decision that stands about this text of offer {0}")]
        Standing(OfferId = OfferId(1)),
    }
}

with_examples! {
    /// What is wrong with a rule.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
    pub enum RuleFault {
        #[error("has the id of another rule: give one another id")]
        SameId,
        #[error("has a field that is empty, or an entry: write it")]
        Empty,
        #[error("has an entry of more than {ENTRY_CHARS_MAX} characters, or an id of more than 64 \
            bytes: write a shorter one")]
        TooLong,
        #[error("has a list that is too long: leave entries out")]
        TooManyEntries,
        #[error("ends before it begins: set `until` after `from`")]
        Dates,
        #[error("has no words, no patterns and no `discount`: add one, or remove the rule")]
        NothingToMatch,
        #[error("lacks an example that must match, or one that must not: add it")]
        NoExample,
    }
}

with_examples! {
    /// Why a command of the policy is refused.
    #[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
    pub enum PolicyRefusal {
        #[error(transparent)]
        Books(books::Refusal = books::Refusal::Repeated),
        #[error("there is no {0}: check the identifier")]
        NotFound(MissingPolicyRecord = MissingPolicyRecord::Offer(OfferId(1))),
        #[error("the next version is {0}: give it that number")]
        VersionNumber(u32 = 2),
        #[error("there are {VERSIONS_MAX} versions already: use the last one")]
        TooManyVersions,
        #[error("the version begins before today or before the version before it: set `from` to a \
            later day")]
        VersionBegins,
        #[error("the version has more than {RULES_MAX} rules: leave some out")]
        TooManyRules,
        #[error("the bound of reversals is zero: set `suspended_after` to 1 or more")]
        NoBound,
        #[error("rule `{0}` {1}")]
        Rule(String = "superlatives".to_owned(), RuleFault = RuleFault::SameId),
        #[error("an example of rule `{0}` does not hold: correct the rule or the example")]
        ExampleFails(String = "superlatives".to_owned()),
        #[error("not all examples were matched, but {0}: give the number of all rules' examples")]
        ExamplesNotMatched(u32 = 3),
        #[error("rule `{0}` is suspended already: there is nothing to do")]
        RuleSuspended(String = "superlatives".to_owned()),
        #[error("no version of the policy is in force today: let two people activate one")]
        NoVersion,
        #[error("version {0} of the policy is in force: give what it finds")]
        OtherVersion(u32 = 2),
        #[error("the prices of offer {0} have changed: give what the rules find now")]
        PricesChanged(OfferId = OfferId(1)),
        #[error("the places in the text must be in rising order, each once, from `start` to a \
            later `end`")]
        MatchOrder,
        #[error("a text can have at most {MATCHES_MAX} matches: give the first ones")]
        TooManyMatches,
        #[error("a person decided about this text of offer {0}, and the rules found nothing else: \
            there is nothing to do")]
        PersonDecided(OfferId = OfferId(1)),
        #[error("a decision that stops a text names a rule and a place in the text, and one that \
            publishes it names neither: correct the fields")]
        RuleAndPlace,
        #[error("the text has this verdict already: there is nothing to do")]
        VerdictUnchanged,
        #[error("offer {0} has {DECISIONS_PER_OFFER_MAX} decisions: write a new offer")]
        TooManyDecisions(OfferId = OfferId(1)),
        #[error("this text of offer {0} was not matched with the rules in force: send the text \
            first")]
        NotScreened(OfferId = OfferId(1)),
        #[error("this text of offer {0} is held by rule `{1}`: wait until a person has decided, or \
            write another text")]
        TextHeld(OfferId = OfferId(1), String = "superlatives".to_owned()),
        #[error("this text of offer {0} is refused by rule `{1}`: write another text, or appeal")]
        TextRefused(OfferId = OfferId(1), String = "superlatives".to_owned()),
        #[error("offer {0} is not of seller {1}: let its seller appeal")]
        NotTheSeller(OfferId = OfferId(1), SellerId = SellerId(1)),
        #[error("decision {0} is no refusal and no label: choose another decision")]
        NotAppealable(u32 = 2),
        #[error("the decision is more than {APPEAL_DAYS} days old and stands: there is nothing \
            to do")]
        AppealTooLate,
        #[error("the decision was appealed against before, for another reason: wait for the \
            judgement")]
        Appealed,
        #[error("this was judged before, otherwise, and that stands: there is nothing to do")]
        Judged,
        #[error("a sample has 1 to {SAMPLE_TEXTS_MAX} texts: give another size")]
        SampleSize,
        #[error("a sample's days end before they begin: set `until` to `from` or later")]
        SampleDays,
        #[error("there is no such text in these days: choose others")]
        NothingToSample,
        #[error("{SAMPLES_MAX} samples were drawn: use those")]
        TooManySamples,
    }
}

impl From<books::Refusal> for PolicyRefusal {
    fn from(refusal: books::Refusal) -> PolicyRefusal {
        PolicyRefusal::Books(refusal)
    }
}

pub(crate) fn not_found(missing: MissingPolicyRecord) -> PolicyRefusal {
    PolicyRefusal::NotFound(missing)
}
