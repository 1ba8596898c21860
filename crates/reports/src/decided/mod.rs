//! What the policy did: counts by baseline and rule, error rates of samples, and statements of
//! reasons.

mod report;
mod shown;
mod statements;
mod templates;
mod wilson;

pub use report::{
    AppealCounts, AutomationCounts, BaselineCounts, MeasureCounts, PolicyReport, PolicyRuleReport,
    SampleReport, policy_report,
};
pub use shown::{
    AppealShown, BaselineShown, DecisionShown, PolicyShown, ReasonShown, RuleShown, VerdictShown,
    VersionShown, appeals_shown, decisions_shown, held_shown, policy_shown,
};
pub use statements::{
    PlatformTerms, RefusedStatement, StatementFault, StatementOfReasons, statement, statements,
};
pub use wilson::{RateInterval, wilson};
