//! Each refusal that a person can meet says what to do, in English and in Chinese.

use std::error::Error;
use std::io;
use std::path::PathBuf;

use books::{MissingRecord, PersonId, Refusal};
use market::{MarketRefusal, MissingMarketRecord, PromotionFault};
use money::{Amount, Currency};
use office::client::OfficeClientError;
use office::fields::{Expected, ValueError};
use office::take::TakeError;
use office::{
    BooksRefusal, FileSourceKind, OfficeError, PersonsError, ProposalStoreError, RefusalInCurrency,
    SentFilesError,
};
use policy::{MissingPolicyRecord, PolicyRefusal, RuleFault};
use vault::{AccountError, DocumentNumberError, VaultError};

use crate::chinese::error;
use crate::words::Lang;

/// What a piece of advice begins with, or has in it.
const ADVICE: [&str; 49] = [
    "add",
    "announce",
    "a second person",
    "approve",
    "ask",
    "check",
    "choose",
    "close",
    "collect",
    "compare",
    "correct",
    "count",
    "decide",
    "do first",
    "end",
    "ends",
    "give",
    "hand over",
    "invoice",
    "leave",
    "let",
    "list",
    "lists",
    "look",
    "move",
    "must",
    "name",
    "nothing to do",
    "open",
    "plan",
    "post",
    "propose",
    "publish",
    "refund",
    "register",
    "run",
    "says",
    "see",
    "send",
    "set",
    "sign",
    "sort",
    "start",
    "try",
    "unblock",
    "use",
    "wait",
    "write",
    "withdraw",
];
const CHINESE_ADVICE: [&str; 4] = ["请", "须", "无需", "说明"];

fn has_advice(english: &str) -> bool {
    let english = english.to_lowercase();
    let clauses = english.split(['，', ':', ';', ',', '(', '.', '`']);
    let words = clauses.flat_map(|clause| clause.split(" or ").flat_map(|one| one.split(" and ")));
    let begins = |clause: &str| {
        let clause = clause.trim();
        ADVICE.iter().any(|verb| {
            clause.strip_prefix(verb).is_some_and(|rest| rest.is_empty() || rest.starts_with(' '))
        })
    };
    words.into_iter().any(begins) || english.contains(" must ") || english.contains("nothing to do")
}

/// The kind of an error, as its source names it.
fn kind(error: &dyn std::fmt::Debug) -> String {
    let text = format!("{error:?}");
    text.split([' ', '(', '{']).next().unwrap_or_default().to_owned()
}

/// Checks each error, and that no kind of the enumeration is missing.
fn check<E: Error + 'static>(source: &str, name: &str, errors: Vec<E>) {
    let kinds: Vec<String> = errors.iter().map(|error| kind(error)).collect();
    for declared in variants(source, name) {
        assert!(kinds.contains(&declared), "{name}::{declared} has no example here");
    }
    for one in &errors {
        let [english, chinese] = [Lang::En, Lang::Zh].map(|lang| error(one, lang));
        println!("{name}::{}\n  {english}\n  {chinese}", kind(one));
        assert!(has_advice(&english), "what is to be done? {english}");
        let advises = CHINESE_ADVICE.iter().any(|word| chinese.contains(word));
        assert!(advises && !chinese.is_ascii(), "要做什么？{chinese}");
        assert!(!english.ends_with('.') && !chinese.ends_with('。'), "{english} {chinese}");
    }
}

/// The names of an enumeration's variants in its source.
fn variants(source: &str, name: &str) -> Vec<String> {
    let body = source.split_once(&format!("pub enum {name} {{\n")).expect("it is declared there").1;
    let body = body.split_once("\n}").expect("it ends").0;
    let first = |line: &str| {
        let line = line.strip_prefix("    ")?;
        line.starts_with(|c: char| c.is_ascii_uppercase())
            .then(|| line.split(['(', ' ', ',', '{']).next().unwrap_or_default().to_owned())
    };
    body.lines().filter_map(first).collect()
}

#[test]
fn refusals_of_the_books_say_what_to_do() {
    let missing = MissingRecord::examples().into_iter().map(Refusal::NotFound);
    let all = Refusal::examples().into_iter().chain(missing);
    let source = "pub enum Refusal {\n\n}";
    check(source, "Refusal", all.collect());
}

#[test]
fn refusals_of_the_market_say_what_to_do() {
    let missing = MissingMarketRecord::examples().into_iter().map(MarketRefusal::NotFound);
    let faults = PromotionFault::examples().into_iter().map(MarketRefusal::Promotion);
    let all = MarketRefusal::examples().into_iter().chain(missing).chain(faults);
    check("pub enum MarketRefusal {\n\n}", "MarketRefusal", all.collect());
}

#[test]
fn refusals_of_the_policy_say_what_to_do() {
    let missing = MissingPolicyRecord::examples().into_iter().map(PolicyRefusal::NotFound);
    let faults = RuleFault::examples().into_iter();
    let faults = faults.map(|fault| PolicyRefusal::Rule("superlatives".to_owned(), fault));
    let all = PolicyRefusal::examples().into_iter().chain(missing).chain(faults);
    check("pub enum PolicyRefusal {\n\n}", "PolicyRefusal", all.collect());
}

#[test]
fn refusals_with_a_currency_have_no_minor_units_in_chinese_either() {
    for refusal in Refusal::examples() {
        let (refusal, currency) = (engine::Refusal::Books(refusal), Some(Currency::CNY));
        let shown = error(&RefusalInCurrency { refusal, currency }, Lang::Zh);
        assert!(!shown.contains("最小货币单位"), "{shown}");
    }
}

#[test]
fn refusals_of_the_engine_say_what_to_do() {
    use engine::Refusal as E;
    let all = vec![E::Books(Refusal::AmountZero), E::RequestKeyTaken];
    check("pub enum Refusal {\n\n}", "Refusal", all);
}

#[test]
fn errors_of_the_office_say_what_to_do() {
    use OfficeError as E;
    let command = || "RefuseParcel".to_owned();
    let in_currency = || {
        BooksRefusal::from(RefusalInCurrency {
            refusal: engine::Refusal::Books(Refusal::AmountTooLarge(Amount::of(5_000))),
            currency: Some(Currency::CNY),
        })
    };
    let source = include_str!("../../../office/src/error.rs");
    let all = vec![
        E::UnknownCommand(command()),
        E::NotForPersons { command: command() },
        E::UnknownField { command: command(), field: "cash".into(), known: vec!["parcel".into()] },
        E::MissingFields { command: command(), missing: vec!["reason".into()] },
        E::Value {
            field: "reason".into(),
            value: "no".into(),
            cause: Box::new(ValueError::Expected(Expected::Boolean)),
        },
        E::OtherCurrency { field: "amount".into(), typed: Currency::BRL, expected: Currency::CNY },
        E::UnknownClass { class: "x".into(), known: vec!["general".into()] },
        E::UnknownTariff { tariff: "x".into(), known: vec!["china-2013 CNY".into()] },
        E::PersonNotRegistered { person: PersonId(3) },
        E::ManyLooks,
        E::NoSellerAccount { seller: "shop".into(), currency: "CNY".into() },
        E::NoSeller { seller: "shop".into() },
        E::Account(AccountError::NotOneAccount),
        E::Vault(VaultError::NoKey),
        E::Screen(listings::ScreenError::NoVersion),
        E::NoDataSubject { subject: "shop".into() },
        E::NoPersonalData { subject: "seller:shop".into() },
        E::Identity(DocumentNumberError),
        E::Files(SentFilesError::Busy),
        E::Take(TakeError::StillUnfinished {
            from: "2013-08-28".to_owned(),
            cause: Box::new(TakeError::OtherAccount("main".to_owned())),
        }),
        E::Take(TakeError::UnknownSource {
            party: FileSourceKind::Bank,
            name: "x".into(),
            known: vec!["main".into()],
        }),
        E::WhichChargeback { numbers: vec![1, 2] },
        E::Declared { command: command(), why: "missing field `reason`".into() },
        E::NeedsPerson { command: command() },
        E::NotPermitted { command: command() },
        E::RequestKeyTaken,
        E::Closed,
        E::BooksNotOpen,
        E::NotTheOwner { user: 1, owner: 2 },
        E::UserNotMapped { user: 1 },
        E::PersonInRealBooks,
        E::TrialTimeInRealBooks,
        E::OtherPerson { field: "planned_by".into() },
        E::SecondPersonNamed { field: "approved_by".into() },
        E::OwnProposal { number: 1 },
        E::UnknownProposal { number: 1 },
        E::ApprovalInterrupted { number: 1, command: command(), by: PersonId(2) },
        E::Refused { command: command(), refusal: in_currency() },
        E::ProposalRefused { number: 1, command: command(), refusal: in_currency() },
        E::NotACode,
        E::NoCodeKey,
        E::CodeKey("the key is gone".into()),
        E::Persons(PersonsError::SamePerson),
        E::Store(ProposalStoreError::TooMany),
        E::NodeStopped(node::NodeStopped::Asked),
        E::Malformed("EOF".into()),
    ];
    check(source, "OfficeError", all);
    let (path, source_of) = (|| PathBuf::from("f"), || io::Error::other("no"));
    let text = || "x".to_owned();
    let persons = vec![
        PersonsError::ReadableByOthers(path()),
        PersonsError::Io { path: path(), source: source_of() },
        PersonsError::NotATable { path: path(), why: text() },
        PersonsError::NotAnId { path: path(), text: text() },
        PersonsError::NotAUser { path: path(), text: text() },
        PersonsError::NotAName("!".into()),
        PersonsError::Nobody,
        PersonsError::NameTaken { person: PersonId(1), name: text() },
        PersonsError::UserTaken { user: 1, person: PersonId(1) },
        PersonsError::PersonHasUser { user: 1, person: PersonId(1) },
        PersonsError::UnknownName(text()),
        PersonsError::SamePerson,
    ];
    check(source, "PersonsError", persons);
    let proposals = vec![
        ProposalStoreError::Io { path: path(), source: source_of() },
        ProposalStoreError::NotAProposal { path: path(), why: text() },
        ProposalStoreError::TooMany,
        ProposalStoreError::TooLarge,
    ];
    check(source, "ProposalStoreError", proposals);
    let sent_files = vec![
        SentFilesError::Busy,
        SentFilesError::TooLarge { bytes: 1 },
        SentFilesError::Count { count: 101 },
        SentFilesError::Name("../a".into()),
        SentFilesError::DiskFull { free: 1, needed: 2 },
        SentFilesError::Cut(source_of()),
        SentFilesError::Kept { path: path(), source: source_of() },
    ];
    check(source, "SentFilesError", sent_files);
    let client = vec![
        OfficeClientError::NotServed(path()),
        OfficeClientError::NotAllowed(path()),
        OfficeClientError::Io { path: path(), source: source_of() },
        OfficeClientError::OutcomeUnknown(source_of()),
        OfficeClientError::TooLarge,
        OfficeClientError::File { path: path(), source: source_of() },
        OfficeClientError::FileChanged(path()),
        OfficeClientError::UnreadableAnswer(path()),
        OfficeClientError::Refused("请重试 try again: wait".into()),
    ];
    check(include_str!("../../../office/src/client.rs"), "OfficeClientError", client);
}

#[test]
fn errors_of_fields_say_what_to_write() {
    let words = [
        Expected::Amount,
        Expected::SignedAmount,
        Expected::Rate,
        Expected::Date,
        Expected::Currency,
        Expected::Time,
        Expected::Parcel,
        Expected::Payment,
        Expected::Person,
        Expected::IdOrReference,
        Expected::Id,
        Expected::Offer,
        Expected::Variant,
        Expected::OneOf(vec!["Daily".into()]),
        Expected::Number { least: 0, most: 9 },
        Expected::List(Box::new(Expected::Parcel)),
        Expected::Boolean,
        Expected::Text,
        Expected::Movement,
        Expected::Object(vec!["parcel".into()]),
    ];
    let source = include_str!("../../../office/src/fields.rs");
    let kinds: Vec<String> = words.iter().map(|one| kind(one)).collect();
    for declared in variants(source, "Expected") {
        assert!(kinds.contains(&declared), "Expected::{declared} has no example here");
    }
    let currency = "yuan".parse::<Currency>().unwrap_err();
    let date = "28.8.2013".parse::<books::BusinessDate>().unwrap_err();
    let cny = Currency::CNY;
    let amount = money::decimal::parse("1.234", cny, money::decimal::DecimalStyle::PLAIN);
    let others = [
        ValueError::Amount(amount.unwrap_err()),
        ValueError::Separator { text: "12,50".into(), found: ',' },
        ValueError::BelowZero("-1".into()),
        ValueError::Currency(currency),
        ValueError::Date(date),
        ValueError::Time { given: "x".into(), why: "no".into() },
        ValueError::BeforeTime,
        ValueError::Rate("much".parse::<money::Rate>().unwrap_err()),
        ValueError::Json("no comma".into()),
    ];
    let all = words.into_iter().map(ValueError::Expected).chain(others).collect();
    check(source, "ValueError", all);
}
