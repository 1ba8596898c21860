//! What the policy did: counts by baseline and rule, error rates of samples, and statements of
//! reasons.

mod report;
mod statements;
mod wilson;

pub use report::{
    AppealCounts, AutomationCounts, BaselineCounts, PolicyReport, PolicyRuleReport, SampleReport,
    policy_report,
};
pub use statements::{
    PlatformTerms, RefusedStatement, StatementFault, StatementOfReasons, statement, statements,
};
pub use wilson::{RateInterval, wilson};
