//! Why a request is not carried out, as RFC 9457 problems. Each refusal of the books is one problem
//! type, named after it; what HTTP and the office refuse are listed here.

mod kind;

use std::collections::BTreeMap;
use std::error::Error;

use axum::body::Body;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, header};
use books::{MissingRecord, Refusal};
use market::{MarketRefusal, MissingMarketRecord, PromotionFault};
use office::fields::{self, ValueError};
use office::{
    BooksRefusal, Language, OfficeError, RefusalInCurrency, SentFilesError, is_filled_in,
};
use policy::{MissingPolicyRecord, PolicyRefusal, RuleFault};
use serde_json::json;
use vault::{AccountError, VaultError};

use crate::json::{JsonFault, JsonFaultKind};
use crate::remedies::for_requests;
use crate::words::{BilingualText, words};

pub use kind::ProblemKind;

/// Where the types of problems are described.
pub const PROBLEMS_PATH: &str = "/problems/";

/// A type of problem, as it is documented.
#[derive(Clone, Debug)]
pub struct ProblemType {
    pub name: String,
    pub status: u16,
    /// An example of its detail.
    pub about: BilingualText,
}

/// The kebab-case form of a name.
#[must_use]
pub fn kebab(name: &str) -> String {
    let mut kebab = String::new();
    for c in name.chars() {
        if c.is_ascii_uppercase() && !kebab.is_empty() {
            kebab.push('-');
        }
        kebab.extend(c.to_lowercase());
    }
    kebab
}

/// The name of a variant, without its content.
fn variant(debug: &str) -> &str {
    debug.split(|c: char| !c.is_ascii_alphanumeric()).next().unwrap_or_default()
}

/// The name of a refusal's type.
#[must_use]
pub fn refusal_name(refusal: &Refusal) -> String {
    match refusal {
        Refusal::NotFound(missing) => format!("no-such-{}", missing_name(missing)),
        other => kebab(variant(&format!("{other:?}"))),
    }
}

/// The name of a refusal of the market, as a type of problem.
fn market_refusal_name(refusal: &MarketRefusal) -> String {
    match refusal {
        MarketRefusal::Books(refusal) => refusal_name(refusal),
        MarketRefusal::NotFound(missing) => {
            format!("no-such-{}", kebab(variant(&format!("{missing:?}"))))
        }
        MarketRefusal::Promotion(fault) => {
            format!("promotion-{}", kebab(variant(&format!("{fault:?}"))))
        }
        other => kebab(variant(&format!("{other:?}"))),
    }
}

fn market_refusal_status(refusal: &MarketRefusal) -> u16 {
    match refusal {
        MarketRefusal::Books(refusal) => refusal_status(refusal),
        MarketRefusal::NotFound(_) => 404,
        _ => 409,
    }
}

/// The name of a refusal of the policy, as a type of problem.
fn policy_refusal_name(refusal: &PolicyRefusal) -> String {
    match refusal {
        PolicyRefusal::Books(refusal) => refusal_name(refusal),
        PolicyRefusal::NotFound(missing) => {
            format!("no-such-{}", kebab(variant(&format!("{missing:?}"))))
        }
        PolicyRefusal::Rule(_, fault) => {
            format!("policy-rule-{}", kebab(variant(&format!("{fault:?}"))))
        }
        // The market refuses promotions by the shorter name.
        PolicyRefusal::TooManyVersions => "too-many-policy-versions".to_owned(),
        other => kebab(variant(&format!("{other:?}"))),
    }
}

fn policy_refusal_status(refusal: &PolicyRefusal) -> u16 {
    match refusal {
        PolicyRefusal::Books(refusal) => refusal_status(refusal),
        PolicyRefusal::NotFound(_) => 404,
        PolicyRefusal::NotTheSeller(..) => 403,
        _ => 409,
    }
}

/// One of each kind of the policy's own refusals.
fn policy_refusals() -> impl Iterator<Item = PolicyRefusal> {
    use PolicyRefusal as R;
    let own = R::examples().into_iter();
    let own = own.filter(|one| !matches!(one, R::Books(_) | R::NotFound(_) | R::Rule(..)));
    let missing = MissingPolicyRecord::examples().into_iter();
    // An offer that is not there is the market's to say.
    let missing = missing.filter(|one| !matches!(one, MissingPolicyRecord::Offer(_)));
    let rule = |fault| R::Rule("superlatives".to_owned(), fault);
    own.chain(missing.map(R::NotFound)).chain(RuleFault::examples().into_iter().map(rule))
}

/// One of each kind of the market's own refusals.
fn market_refusals() -> impl Iterator<Item = MarketRefusal> {
    use MarketRefusal as R;
    let own = R::examples().into_iter();
    let own = own.filter(|one| !matches!(one, R::Books(_) | R::NotFound(_) | R::Promotion(_)));
    let missing = MissingMarketRecord::examples().into_iter().map(R::NotFound);
    own.chain(missing).chain(PromotionFault::examples().into_iter().map(R::Promotion))
}

fn missing_name(missing: &MissingRecord) -> String {
    kebab(variant(&format!("{missing:?}")))
}

fn refusal_status(refusal: &Refusal) -> u16 {
    use Refusal as R;
    match refusal {
        R::NotFound(_) => 404,
        R::NotAllowed(_) | R::SamePerson | R::NotOneOfThePersons(_) => 403,
        _ => 409,
    }
}

/// The fields that a sender must give, of those that are missing.
fn needed(command: &str, missing: &[String]) -> Vec<String> {
    let of = fields::declared().of(command);
    let filled = |one: &String| of.is_some_and(|of| is_filled_in(command, of, one));
    missing.iter().filter(|one| !filled(one)).cloned().collect()
}

/// What an error says in Chinese, with its remedy.
pub type ErrorInChinese = fn(&(dyn Error + 'static)) -> String;

/// Every type of problem, by name.
#[must_use]
pub fn problem_types(chinese: ErrorInChinese) -> BTreeMap<String, ProblemType> {
    let missing = MissingRecord::examples().into_iter().map(Refusal::NotFound);
    let refusals = Refusal::examples().into_iter();
    let refusals = refusals.filter(|one| !matches!(one, Refusal::NotFound(_))).chain(missing);
    let of_books = refusals.map(|refusal| ProblemType {
        name: refusal_name(&refusal),
        status: refusal_status(&refusal),
        about: for_requests(&BilingualText {
            en: refusal.to_string().into(),
            zh: chinese(&refusal).into(),
        }),
    });
    let of_market = market_refusals().map(|refusal| ProblemType {
        name: market_refusal_name(&refusal),
        status: market_refusal_status(&refusal),
        about: for_requests(&BilingualText {
            en: refusal.to_string().into(),
            zh: chinese(&refusal).into(),
        }),
    });
    let of_policy = policy_refusals().map(|refusal| ProblemType {
        name: policy_refusal_name(&refusal),
        status: policy_refusal_status(&refusal),
        about: for_requests(&BilingualText {
            en: refusal.to_string().into(),
            zh: chinese(&refusal).into(),
        }),
    });
    let others = ProblemKind::ALL.iter().map(|kind| ProblemType {
        name: kind.name().to_owned(),
        status: kind.status(),
        about: kind.about(),
    });
    let machines = of_books.chain(of_market).chain(of_policy);
    machines.chain(others).map(|one| (one.name.clone(), one)).collect()
}

/// A problem of a request.
#[derive(Debug)]
pub struct Problem(Box<ProblemContent>);

#[derive(Debug)]
struct ProblemContent {
    name: String,
    status: u16,
    detail: BilingualText,
    /// A JSON pointer to the field, or the name of a parameter.
    field: Option<String>,
    headers: HeaderMap,
    /// For the log only.
    cause: Option<String>,
}

impl From<ProblemKind> for Problem {
    fn from(kind: ProblemKind) -> Problem {
        Problem(Box::new(ProblemContent {
            name: kind.name().to_owned(),
            status: kind.status(),
            detail: kind.about(),
            field: None,
            headers: HeaderMap::new(),
            cause: None,
        }))
    }
}

impl Problem {
    /// As of a kind, with more detail.
    #[must_use]
    pub fn new(kind: ProblemKind, detail: BilingualText) -> Problem {
        let mut problem = Problem::from(kind);
        problem.0.detail = detail;
        problem
    }

    #[must_use]
    pub fn with_field(mut self, field: impl Into<String>) -> Problem {
        self.0.field = Some(field.into());
        self
    }

    #[must_use]
    pub fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Problem {
        self.0.headers.insert(name, value);
        self
    }

    /// What else the answer says in its head.
    pub(crate) fn headers(&self) -> &HeaderMap {
        &self.0.headers
    }

    #[must_use]
    pub fn retry_after(self, seconds: u64) -> Problem {
        self.with_header(header::RETRY_AFTER, seconds.into())
    }

    /// A failure of the server, whose cause is for the log.
    #[must_use]
    pub fn internal(cause: impl ToString) -> Problem {
        Problem::from(ProblemKind::Internal).caused_by(cause.to_string())
    }

    /// With a cause for the log.
    #[must_use]
    pub fn caused_by(mut self, cause: String) -> Problem {
        self.0.cause = Some(cause);
        self
    }

    #[must_use]
    pub fn cause(&self) -> Option<&str> {
        self.0.cause.as_deref()
    }

    /// What is wrong, and what to do.
    #[must_use]
    pub fn detail(&self, language: Language) -> &str {
        self.0.detail.in_language(language)
    }

    /// The same in both languages.
    #[must_use]
    pub fn text(&self) -> &BilingualText {
        &self.0.detail
    }

    #[must_use]
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// A JSON pointer to the field, or the name of a parameter.
    #[must_use]
    pub fn field(&self) -> Option<&str> {
        self.0.field.as_deref()
    }

    #[must_use]
    pub fn status(&self) -> StatusCode {
        StatusCode::from_u16(self.0.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    /// A refusal of the books.
    #[must_use]
    pub fn refusal(refusal: &Refusal, detail: BilingualText) -> Problem {
        let field = match refusal {
            Refusal::BadText(field, _) => Some(format!("#/{field}")),
            Refusal::AmountZero | Refusal::AmountAboveLimit(_) => Some("#/amount".to_owned()),
            Refusal::BadDate(..) => Some("#/date".to_owned()),
            _ => None,
        };
        Problem(Box::new(ProblemContent {
            name: refusal_name(refusal),
            status: refusal_status(refusal),
            detail,
            field,
            headers: HeaderMap::new(),
            cause: None,
        }))
    }

    /// A refusal of the market.
    #[must_use]
    pub fn of_market(refusal: &MarketRefusal, detail: BilingualText) -> Problem {
        Problem(Box::new(ProblemContent {
            name: market_refusal_name(refusal),
            status: market_refusal_status(refusal),
            detail,
            field: None,
            headers: HeaderMap::new(),
            cause: None,
        }))
    }

    /// A refusal of the policy.
    #[must_use]
    pub fn of_policy(refusal: &PolicyRefusal, detail: BilingualText) -> Problem {
        Problem(Box::new(ProblemContent {
            name: policy_refusal_name(refusal),
            status: policy_refusal_status(refusal),
            detail,
            field: None,
            headers: HeaderMap::new(),
            cause: None,
        }))
    }

    /// What a command would be refused for.
    #[must_use]
    pub fn of_refusal(refusal: &RefusalInCurrency, chinese: ErrorInChinese) -> Problem {
        let shown = BooksRefusal::from(refusal.clone());
        let detail = BilingualText { en: shown.to_string().into(), zh: chinese(&shown).into() };
        let detail = for_requests(&detail);
        match &refusal.refusal {
            engine::Refusal::Books(refusal) => Problem::refusal(refusal, detail),
            engine::Refusal::Market(refusal) => Problem::of_market(refusal, detail),
            engine::Refusal::Policy(refusal) => Problem::of_policy(refusal, detail),
            engine::Refusal::RequestKeyTaken => ProblemKind::KeyReused.into(),
        }
    }

    /// What the office refuses.
    #[must_use]
    pub fn of_office(error: OfficeError, chinese: ErrorInChinese) -> Problem {
        use OfficeError as E;
        use ProblemKind as K;
        let detail = BilingualText { en: error.to_string().into(), zh: chinese(&error).into() };
        let detail = for_requests(&detail);
        let kind = match &error {
            E::Refused { refusal, .. } | E::ProposalRefused { refusal, .. } => {
                return match &refusal.refusal.refusal {
                    engine::Refusal::Books(refusal) => Problem::refusal(refusal, detail),
                    engine::Refusal::Market(refusal) => Problem::of_market(refusal, detail),
                    engine::Refusal::Policy(refusal) => Problem::of_policy(refusal, detail),
                    engine::Refusal::RequestKeyTaken => K::KeyReused.into(),
                };
            }
            E::UnknownCommand(_) | E::NotForPersons { .. } => return K::NoSuchPath.into(),
            E::RequestKeyTaken => return K::KeyReused.into(),
            E::NeedsPerson { .. } => return K::NeedsPerson.into(),
            E::Closed | E::NodeStopped(_) => {
                return Problem::from(K::Stopping).retry_after(5);
            }
            E::UnknownField { .. } => K::UnknownField,
            // A bank account is filled in where there is one only.
            E::MissingFields { command, missing } => match needed(command, missing).first() {
                Some(_) => K::MissingField,
                None => K::DoesNotFit,
            },
            // Their form is right: there is no such currency, it has fewer decimals, or the day is
            // out of range.
            E::Value { cause, .. }
                if matches!(
                    **cause,
                    ValueError::Amount(_)
                        | ValueError::Currency(_)
                        | ValueError::Date(_)
                        | ValueError::BeforeTime
                ) =>
            {
                K::DoesNotFit
            }
            E::Value { .. } | E::Declared { .. } | E::NotACode | E::Account(_) | E::Identity(_) => {
                K::BadValue
            }
            E::OtherCurrency { .. }
            | E::WhichChargeback { .. }
            | E::UnknownClass { .. }
            | E::UnknownTariff { .. } => K::DoesNotFit,
            E::OtherPerson { .. } | E::SecondPersonNamed { .. } => K::OtherPerson,
            E::NotPermitted { .. }
            | E::NotTheOwner { .. }
            | E::UserNotMapped { .. }
            | E::PersonNotRegistered { .. }
            | E::PersonInRealBooks => K::NotPermitted,
            E::BooksNotOpen => K::BooksNotOpen,
            E::TrialTimeInRealBooks | E::NoCodeKey => K::NotSetUp,
            E::OwnProposal { .. } => K::OwnProposal,
            E::UnknownProposal { .. } => K::NoSuchProposal,
            E::ApprovalInterrupted { .. } => K::ApprovalInterrupted,
            E::NoSellerAccount { .. }
            | E::NoSeller { .. }
            | E::NoDataSubject { .. }
            | E::NoPersonalData { .. } => K::NoSuchRecord,
            E::ManyLooks => return Problem::new(K::Busy, detail).retry_after(60),
            E::Take(_) => K::FileRefused,
            E::Files(SentFilesError::Busy) => {
                return Problem::new(K::FilesBusy, detail).retry_after(5);
            }
            E::Files(SentFilesError::TooLarge { .. }) => K::BodyTooLarge,
            E::Files(SentFilesError::DiskFull { .. }) => K::DiskFull,
            E::Files(SentFilesError::Cut(_)) => K::BodyTooSlow,
            E::Files(SentFilesError::Count { .. } | SentFilesError::Name(_)) => K::BadValue,
            E::Vault(VaultError::NoKey | VaultError::OnServer) => K::NotSetUp,
            E::Vault(VaultError::NoRecord(_)) => K::NoSuchRecord,
            E::Vault(VaultError::Server { .. }) => {
                let problem = Problem::from(K::VaultUnavailable).retry_after(5);
                return problem.caused_by(error.to_string());
            }
            // Their texts name paths of the server.
            E::Files(SentFilesError::Kept { .. })
            | E::CodeKey(_)
            | E::Vault(_)
            | E::Persons(_)
            | E::Store(_)
            | E::Screen(_)
            | E::Malformed(_) => return Problem::internal(error),
        };
        let field = match &error {
            E::UnknownField { field, .. }
            | E::Value { field, .. }
            | E::OtherCurrency { field, .. }
            | E::OtherPerson { field }
            | E::SecondPersonNamed { field } => Some(field.clone()),
            E::MissingFields { command, missing } => {
                let needed = needed(command, missing);
                needed.first().or(missing.first()).cloned()
            }
            E::WhichChargeback { .. } => Some("number".to_owned()),
            E::UnknownClass { .. } => Some("class".to_owned()),
            E::UnknownTariff { .. } => Some("tariff".to_owned()),
            E::NotACode => Some("code".to_owned()),
            E::Account(_) => Some("account".to_owned()),
            _ => None,
        };
        // Where the command line says a flag.
        let detail = match &error {
            E::UnknownField { command, field, known } => {
                let known = known.join(", ");
                words!(
                    "{command} has no field {field}; use one of: {known}",
                    "{command} 没有字段 {field}；可用：{known}"
                )
            }
            E::MissingFields { command, missing } => {
                let needed = needed(command, missing);
                let missing = if needed.is_empty() { missing } else { &needed };
                let missing = missing.join(", ");
                words!("{command} needs {missing}; give them", "{command} 缺少 {missing}；请补全")
            }
            E::Value { field, cause, .. } => {
                let zh = chinese(cause.as_ref());
                words!("{field}: {cause}", "{field}：{zh}")
            }
            E::Account(AccountError::NotOneAccount) => words!(
                "the account has neither iban alone, nor bank_code with account; give one of both",
                "账户既非仅有 iban，也非 bank_code 加 account；请给出其中一种"
            ),
            E::OwnProposal { number } => words!(
                "proposal {number} is your own; a second person approves it in their session: \
                 POST /v1/proposals/{number}/approve",
                "提议 {number} 是您自己的；请由第二人在其会话中批准：\
                 POST /v1/proposals/{number}/approve"
            ),
            E::OtherPerson { field } | E::SecondPersonNamed { field } => words!(
                "{field} names another person; leave it out: it is whoever gives or approves the \
                 command",
                "{field} 是另一人员；请去掉：即发出或批准命令的人员本人"
            ),
            _ => detail,
        };
        let problem = Problem::new(kind, detail);
        match field {
            Some(field) => problem.with_field(format!("#/{field}")),
            None => problem,
        }
    }

    /// As RFC 9457 writes it.
    #[must_use]
    pub fn document(&self, language: Language) -> String {
        let mut body = json!({
            "type": format!("{PROBLEMS_PATH}{}", self.0.name),
            "title": self.0.name.replace('-', " "),
            "status": self.0.status,
            "detail": self.0.detail.in_language(language),
        });
        if let Some(field) = &self.0.field {
            body["field"] = field.as_str().into();
        }
        body.to_string()
    }

    /// As an answer.
    #[must_use]
    pub fn response(&self, language: Language) -> Response<Body> {
        let mut response = Response::new(Body::from(self.document(language)));
        *response.status_mut() = self.status();
        let headers = response.headers_mut();
        headers.extend(self.0.headers.clone());
        let content = HeaderValue::from_static("application/problem+json");
        headers.insert(header::CONTENT_TYPE, content);
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        let language = match language {
            Language::En => "en",
            Language::Zh => "zh",
        };
        headers.insert(header::CONTENT_LANGUAGE, HeaderValue::from_static(language));
        if self.0.status == 401 {
            let scheme = HeaderValue::from_static("Bearer");
            headers.insert(header::WWW_AUTHENTICATE, scheme);
        }
        response
    }
}

impl From<JsonFault> for Problem {
    fn from(fault: JsonFault) -> Problem {
        let JsonFault { kind, pointer } = fault;
        let detail = match kind {
            JsonFaultKind::Syntax(why) => {
                words!("the body is no JSON: {why}; correct it", "请求体不是 JSON：{why}；请更正")
            }
            JsonFaultKind::NotAnObject => words!(
                "the body is no JSON object; send the command's fields in one object",
                "请求体不是 JSON 对象；请将命令的字段放入一个对象"
            ),
            JsonFaultKind::DuplicateKey => words!(
                "the key at {pointer} is given twice; leave one out",
                "{pointer} 处的键出现两次；请去掉一个"
            ),
            JsonFaultKind::TooDeep => words!(
                "the value at {pointer} is more than {} levels deep; send a flat one",
                "{pointer} 处嵌套超过 {} 层；请减少嵌套",
                crate::limits::JSON_DEPTH_MAX
            ),
            JsonFaultKind::NotWhole => words!(
                "the number at {pointer} is a fraction or has too many digits; send a whole number \
                 of 64 bits, amounts in minor units",
                "{pointer} 处的数字有小数或位数过多；请用 64 位整数，金额以最小货币单位表示"
            ),
            JsonFaultKind::Invisible(found) => {
                let code = u32::from(found);
                words!(
                    "the text at {pointer} has the invisible character U+{code:04X}; leave it out",
                    "{pointer} 处的文字含不可见字符 U+{code:04X}；请去掉"
                )
            }
        };
        Problem::new(ProblemKind::BadJson, detail).with_field(pointer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_refusal_is_a_type_of_its_own() {
        let types = problem_types(|error| format!("中文：{error}"));
        let refusals = Refusal::examples().len() - 1 + MissingRecord::examples().len();
        assert_eq!(
            types.len(),
            refusals
                + market_refusals().count()
                + policy_refusals().count()
                + ProblemKind::ALL.len()
                - 1,
            "only books-not-open is both"
        );
        assert!(types.contains_key("amount-zero") && types.contains_key("no-such-seller"));
        for one in types.values() {
            assert!((400..600).contains(&one.status), "{}", one.name);
            let plain = |c: char| c.is_ascii_lowercase() || c == '-';
            assert!(one.name.chars().all(plain), "{}", one.name);
        }
    }

    #[test]
    fn each_kind_says_what_to_do_in_both_languages() {
        for kind in ProblemKind::ALL {
            let BilingualText { en, zh } = kind.about();
            assert!(en.contains(';') || en.contains(". "), "{en}");
            assert!(zh.contains(['；', '。']), "{zh}");
        }
    }
}
