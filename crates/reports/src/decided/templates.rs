//! The report in the templates of Annex I of Commission Implementing Regulation (EU) 2024/2835:
//! parts 5 to 8, with the columns and names as they stand there, blanks at their ends included.
//! CSV (RFC 4180) in UTF-8; median times in hours (Annex II, 4).

use policy::StatementCategory;

use super::report::{MeasureCounts, PolicyReport, csv};
use super::statements::category_name;

/// Between the category and what is said of the measures.
const RESTRICTIONS: [&str; 16] = [
    "Number of measures taken at the provider's own initiative ",
    "Number of measures taken after detection with solely automated means ",
    "Visibility restriction Removal",
    "Visibility restriction Disable",
    "Visibility restriction Demoted",
    "Visibility restriction Age restricted",
    "Visibility restriction Interaction restricted",
    "Visibility restriction Labelled ",
    "Visibility restriction Other",
    "Monetary restriction Suspension",
    "Monetary restriction Termination",
    "Monetary restriction Other",
    "Provision of the service Suspension",
    "Provision of the service Termination",
    "Account restriction Suspension",
    "Account restriction Termination",
];
const REMOVED: usize = 2;
const LABELLED: usize = 7;
const INDICATORS: [&str; 8] = [
    "Applicability",
    "Service",
    "Reporting period",
    "Section",
    "Indicator",
    "Scope",
    "Value",
    "Contextual Information",
];
const ILLEGAL: &str = "Category of illegal content";
const INCOMPATIBLE: &str = "Category of incompatibility with the provider's terms and conditions";
const OTHER: &str = "Description of the sub-category \"Other\"";
const COMPLAINTS: &str = "Internal complaints mechanism";
const ALL_COMPLAINTS: &str = "Number of complaints submitted to the internal-complaints mechanism";
const VISIBILITY_COMPLAINTS: &str = "Complaint regarding a decision to remove or disable access \
     to or restrict visibility of information";
const AUTOMATED: &str = "Use of automated means for content moderation";
const FOR_ALL: &str = "All";
const FOR_PLATFORMS: &str = "Only for providers of online platforms";

/// The categories of the templates, in their order. The last one is of terms and conditions only.
const CATEGORIES: [StatementCategory; 15] = [
    StatementCategory::AnimalWelfare,
    StatementCategory::ConsumerInformation,
    StatementCategory::CyberViolence,
    StatementCategory::CyberViolenceAgainstWomen,
    StatementCategory::DataProtectionAndPrivacyViolations,
    StatementCategory::IllegalOrHarmfulSpeech,
    StatementCategory::IntellectualPropertyInfringements,
    StatementCategory::NegativeEffectsOnCivicDiscourseOrElections,
    StatementCategory::ProtectionOfMinors,
    StatementCategory::RiskForPublicSecurity,
    StatementCategory::ScamsAndFraud,
    StatementCategory::SelfHarm,
    StatementCategory::UnsafeAndProhibitedProducts,
    StatementCategory::Violence,
    StatementCategory::OtherViolationTc,
];

impl PolicyReport {
    /// Parts 5 to 8 of the templates, each with its name and its lines.
    #[must_use]
    pub fn template_files(&self, service: &str) -> Vec<(&'static str, String)> {
        vec![
            ("5_own_initiative_illegal.csv", self.own_initiative(service, true)),
            ("6_own_initiative_TC.csv", self.own_initiative(service, false)),
            ("7_appeals_and_recidivism.csv", self.complaints(service)),
            ("8_automated_means.csv", self.automated_means(service)),
        ]
    }

    fn head(&self, service: &str, applicability: &str) -> Vec<String> {
        let period = format!("{}/{}", self.from, self.until);
        vec![applicability.to_owned(), service.to_owned(), period]
    }

    fn own_initiative(&self, service: &str, is_illegal: bool) -> String {
        let owned =
            |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let mut columns = owned(&INDICATORS[..3]);
        columns.extend(owned(&[if is_illegal { ILLEGAL } else { INCOMPATIBLE }, OTHER]));
        columns.extend(owned(&RESTRICTIONS));
        let contexts = RESTRICTIONS.map(|name| format!("Contextual Information on {name}"));
        columns.extend(contexts);
        let own = || self.measures.iter().filter(|one| one.is_law == is_illegal);
        let row = |category: String, other: &str, counts: MeasureCounts, context: &str| {
            let mut values = [0; RESTRICTIONS.len()];
            (values[0], values[1]) = (counts.labelled + counts.removed, counts.automated);
            (values[REMOVED], values[LABELLED]) = (counts.removed, counts.labelled);
            let mut row = self.head(service, FOR_ALL);
            row.extend([category, other.to_owned()]);
            row.extend(values.map(|value| value.to_string()));
            row.push(context.to_owned());
            row.extend(vec![String::new(); RESTRICTIONS.len() - 1]);
            row
        };
        let total = own().fold(MeasureCounts::default(), |sum, one| sum.plus(one));
        let lacking: u64 = own()
            .filter(|one| one.category.is_none_or(|category| !CATEGORIES.contains(&category)))
            .map(|one| one.labelled + one.removed)
            .sum();
        let context = match lacking {
            0 => String::new(),
            count => format!("{count} by rules without a category of these templates"),
        };
        let mut rows = vec![row("TOTAL".to_owned(), "", total, &context)];
        let last = CATEGORIES.len() - usize::from(is_illegal);
        for category in &CATEGORIES[..last] {
            let of = own().filter(|one| one.category == Some(*category));
            let counts = of.fold(MeasureCounts::default(), |sum, one| sum.plus(one));
            rows.push(row(category_name(*category), "", counts, ""));
            // The sub-categories add up to their category.
            if counts != MeasureCounts::default() {
                let other = "not divided into sub-categories";
                rows.push(row("KEYWORD_OTHER".to_owned(), other, counts, ""));
            }
        }
        csv(columns, rows.into_iter())
    }

    fn complaints(&self, service: &str) -> String {
        let appeals = self.appeals;
        let upheld = appeals.judged - appeals.reversed;
        let hours = appeals.minutes_median.map(hours).unwrap_or_default();
        let row = |applicability, indicator: &str, scope: &str, value: String| {
            let mut row = self.head(service, applicability);
            row.extend([COMPLAINTS, indicator, scope].map(str::to_owned));
            row.extend([value, String::new()]);
            row
        };
        let mut rows = Vec::new();
        for (indicator, first) in
            [(ALL_COMPLAINTS, FOR_ALL), (VISIBILITY_COMPLAINTS, FOR_PLATFORMS)]
        {
            let whole = appeals.reversed - appeals.partially_reversed;
            for (scope, value) in [
                ("Total number", appeals.received.to_string()),
                ("Decisions upheld", upheld.to_string()),
                ("Decisions partially reversed", appeals.partially_reversed.to_string()),
                ("Decisions reversed", whole.to_string()),
                ("Median time", hours.clone()),
            ] {
                let applicability = if scope == "Total number" { first } else { FOR_PLATFORMS };
                rows.push(row(applicability, indicator, scope, value));
            }
        }
        csv(INDICATORS.map(str::to_owned).to_vec(), rows.into_iter())
    }

    fn automated_means(&self, service: &str) -> String {
        let own = self.measures.iter().fold(MeasureCounts::default(), |sum, one| sum.plus(one));
        let automation = self.automation;
        let by_people = automation.partially + automation.not;
        let solely = "Number of measures solely taken by automated means ";
        let not = "Number of measures not taken by automated means";
        let of_own = own.labelled + own.removed - own.automated;
        let rows = [
            (solely, "Total number", automation.fully),
            (not, "Total number", by_people),
            (solely, "Own-initiative ", own.automated),
            (not, "Own-initiative ", of_own),
        ];
        let rows = rows.map(|(indicator, scope, value)| {
            let mut row = self.head(service, FOR_ALL);
            row.extend([AUTOMATED, indicator, scope].map(str::to_owned));
            row.extend([value.to_string(), String::new()]);
            row
        });
        csv(INDICATORS.map(str::to_owned).to_vec(), rows.into_iter())
    }
}

/// Minutes as hours, with two places, rounded half up.
fn hours(minutes: u64) -> String {
    let hundredths = (minutes * 100 + 30) / 60;
    format!("{}.{:02}", hundredths / 100, hundredths % 100)
}
