//! A form for a command, what came of it, and all that a person can do.

use askama::Template;

use crate::cells::Cell;
use crate::detail::TimelineEntry;
use crate::tone::Tone;
use crate::{PageFrame, PageWords};

/// The name of the field for the second factor.
pub const SECOND_FACTOR: &str = "second_factor";
/// Lines of a field that are shown at once.
const LINES_SHOWN_MAX: usize = 12;

/// One of a field's choices. Some have fields of their own.
#[derive(Clone, Debug)]
pub struct ActOption {
    pub value: String,
    pub text: String,
    pub is_chosen: bool,
    pub content: Option<ActField>,
}

/// How a field is filled in.
#[derive(Clone, Debug)]
pub enum ActControl {
    /// One line, with the type of the input and the keyboard of a phone.
    Line { input: &'static str, mode: &'static str, unit: String },
    /// An amount whose currency is chosen beside it.
    Money(Vec<ActOption>),
    /// A reference, with what can be meant. A script asks for more at the address.
    Named { known: Vec<(String, String)>, address: String },
    /// One in each line.
    Lines,
    /// A list to choose from.
    Select(Vec<ActOption>),
    /// Few choices, or choices with fields of their own.
    Radios(Vec<ActOption>),
    /// Given by the page that led here.
    Fixed { text: String, href: Option<String> },
    /// Fields that belong together.
    Group(Vec<ActField>),
    /// Groups, to which one can be added.
    Repeated(Vec<ActField>),
}

/// A field of a form.
#[derive(Clone, Debug, Template)]
#[template(path = "act_field.html")]
pub struct ActField {
    pub words: PageWords,
    /// With the names of the fields around it: `terms.cod.card.share`.
    pub name: String,
    pub label: String,
    pub hint: String,
    pub value: String,
    pub error: Option<String>,
    pub is_optional: bool,
    pub control: ActControl,
}

impl ActField {
    fn t(&self, key: &str) -> &'static str {
        self.words.get(key)
    }

    /// The hint and the error, for who hears the page. A name has letters, digits, `_` and `.`.
    fn attributes(&self) -> String {
        let hint = (!self.hint.is_empty()).then(|| format!("h-{}", self.name));
        let error = self.error.is_some().then(|| format!("e-{}", self.name));
        let invalid = if self.error.is_some() { " aria-invalid=\"true\"" } else { "" };
        let by: Vec<String> = hint.into_iter().chain(error).collect();
        match by.is_empty() {
            true => String::new(),
            false => format!(" aria-describedby=\"{}\"{invalid}", by.join(" ")),
        }
    }

    fn completed(&self) -> &'static str {
        if self.name == SECOND_FACTOR { "one-time-code" } else { "off" }
    }

    fn rows(&self) -> usize {
        (self.value.lines().count() + 1).clamp(3, LINES_SHOWN_MAX)
    }

    fn is_fieldset(&self) -> bool {
        use ActControl as C;
        matches!(self.control, C::Radios(_) | C::Group(_) | C::Repeated(_))
    }
}

/// What is acted on, as it stands.
pub struct ActSubject {
    pub name: String,
    pub href: String,
    pub facts: Vec<Cell>,
}

/// An act that leads to a form.
#[derive(Clone, Debug)]
pub struct ActLink {
    pub text: String,
    pub about: String,
    pub href: String,
    /// It is what comes next.
    pub is_next: bool,
}

/// The second factor, where a session has not given it for a while.
#[derive(Clone)]
pub struct SecondFactorField {
    pub field: ActField,
    /// Of a demonstration: a link that does without.
    pub without: Option<String>,
}

/// The form of a command.
#[derive(Template)]
#[template(path = "act.html")]
pub struct ActPage {
    pub frame: PageFrame,
    pub about: String,
    pub action: String,
    pub hidden: Vec<(String, String)>,
    pub fields: Vec<ActField>,
    /// What is wrong, with the field where that is known.
    pub problems: Vec<(Option<String>, String)>,
    /// The same was done before: whoever sends it again means it once more.
    pub again: Option<String>,
    pub subject: Option<ActSubject>,
    pub needs_two: bool,
    pub second_factor: Option<SecondFactorField>,
    pub back: String,
}

/// What came of a command.
#[derive(Template)]
#[template(path = "done.html")]
pub struct ActDonePage {
    pub frame: PageFrame,
    pub tone: Tone,
    pub notice: String,
    /// What it did, in sentences.
    pub said: Vec<String>,
    /// A one-time code: it is shown this once.
    pub code: Option<String>,
    pub entries: Vec<TimelineEntry>,
    /// What happened, by the names of the events, with their fields.
    pub events: Vec<(String, Vec<Cell>)>,
    /// Where to go from here, the first one most likely.
    pub links: Vec<(String, String)>,
}

/// All that a person can do, by what it is about.
#[derive(Template)]
#[template(path = "acts.html")]
pub struct ActsPage {
    pub frame: PageFrame,
    pub groups: Vec<(&'static str, Vec<ActLink>)>,
}

/// Choices for a reference that is being typed.
#[derive(Template)]
#[template(path = "choices.html")]
pub struct ChoicesFragment {
    pub known: Vec<(String, String)>,
}

/// A command that waits for a second person, in the list.
pub struct WaitingLine {
    pub number: u64,
    pub href: String,
    pub act: String,
    pub said: String,
    pub by: Cell,
    pub when: String,
    pub refused: bool,
}

/// The commands that wait for a second person.
#[derive(Template)]
#[template(path = "proposals.html")]
pub struct WaitingPage {
    pub frame: PageFrame,
    pub lines: Vec<WaitingLine>,
    pub more: Option<String>,
    /// What waits in the books, with how many there are.
    pub others: Vec<(String, String)>,
}

/// A value that a command would change.
pub struct ProposedChange {
    pub label: String,
    pub now: String,
    pub then: String,
}

/// A command that waits for a second person.
#[derive(Template)]
#[template(path = "proposal.html")]
pub struct ProposalPage {
    pub frame: PageFrame,
    pub number: u64,
    pub about: String,
    pub said: Vec<String>,
    pub by: Cell,
    pub when: String,
    pub changes: Vec<ProposedChange>,
    pub subject: Option<ActSubject>,
    /// Why the books refused it when it was approved.
    pub refusal: Option<String>,
    pub problem: Option<String>,
    /// Why this viewer cannot approve it.
    pub cannot: Option<&'static str>,
    pub may_withdraw: bool,
    pub second_factor: Option<SecondFactorField>,
}
