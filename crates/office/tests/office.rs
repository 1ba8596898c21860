//! The office on a node: who acts, two people, crashes, the socket.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::{Arc, Mutex};

use books::{
    BankId, CodeMac, Command, Event, HoldRule, Jurisdiction, PersonId, PublishTariff, RegisterBank,
    RegisterSeller, SellerId, SellerKind, SetHoldRule, SettlementCycle, TariffId,
};
use engine::{Actor, Engine};
use journal::{JournalHead, MemoryJournal};
use keys::{Algorithm, KeyName, KeyPurpose, KeyStore, SoftwareStore};
use money::{Amount, Currency};
use node::replay::{ReplayObserver, replay};
use node::{Clock, NoSnapshots, Node, NodeOptions, SystemClock};
use office::client::{OfficeClientError, send, send_files};
use office::sent_files::{FILES_BYTES_MAX, RECEIVED, ReceivedFiles};
use office::socket::{
    CommandLines, LINE_BYTES_MAX, OFFICE_SOCKET, OfficeLine, OfficeServer, PayoutFilesAsked,
    SentLine, answer, control_directory, make_control_directory,
};
use office::{
    CommandWords, Language, Office, OfficeAnswer, OfficeError, OfficeOptions, PROPOSALS, Persons,
    Printed, Proposal, Request, SentFile, SharedOffice, Who,
};
use serde_json::{Map, Value, json};
use tariff::SellerClassNumber;
use vault::{AccountForm, Vault, VaultKey};

#[path = "office/personal_data.rs"]
mod personal_data;

#[path = "office/payout_accounts.rs"]
mod payout_accounts;

#[path = "office/inbox.rs"]
mod inbox;

#[path = "office/taken_files.rs"]
mod taken_files;

const ANN: PersonId = PersonId(1);
const BO: PersonId = PersonId(2);
/// Users of the machine. Whether they exist does not matter to the office.
const ANNS: u32 = 4_001;
const BOS: u32 = 4_002;
const UNMAPPED: u32 = 4_009;

/// An office with its node, journal and data directory.
struct Bed {
    data: tempfile::TempDir,
    journal: MemoryJournal,
    running: Option<(Node, Office)>,
    seen: Arc<Mutex<Vec<Event>>>,
    key: VaultKey,
}

fn vault_key() -> VaultKey {
    let store = SoftwareStore::in_memory([]).unwrap();
    let name = KeyName::new("vault").unwrap();
    store.generate(name, KeyPurpose::DataKeys, Algorithm::Aes256).unwrap();
    VaultKey { store: Arc::new(store), name }
}

fn who(user: u32) -> Who {
    Who { user, person: None }
}

fn fields(object: Value) -> Map<String, Value> {
    let Value::Object(fields) = object else { panic!("no object: {object}") };
    fields
}

fn give(command: &str, object: Value) -> Request {
    Request::Give { command: command.to_owned(), fields: fields(object) }
}

impl Bed {
    fn empty() -> Bed {
        let data = tempfile::tempdir().unwrap();
        let (journal, seen, key) = (MemoryJournal::new(), Arc::default(), vault_key());
        let mut bed = Bed { data, journal, running: None, seen, key };
        bed.start();
        bed
    }

    /// Books that Ann's user opened, with Bo's user mapped.
    fn open(trial: bool) -> Bed {
        let mut bed = Bed::empty();
        let open = json!({ "utc_offset_minutes": "480", "trial": trial.to_string() });
        bed.must(give("OpenBooks", open), ANNS);
        let mut persons = Persons::read(bed.path()).unwrap();
        persons.add_name(ANN, "Ann").unwrap();
        persons.add_name(BO, "Bo").unwrap();
        if !trial {
            persons.add_user(BOS, BO).unwrap();
        }
        persons.write(bed.path()).unwrap();
        bed
    }

    fn path(&self) -> &Path {
        self.data.path()
    }

    fn start(&mut self) {
        let journal = Box::new(self.journal.clone());
        let node = Node::start(journal, Box::new(NoSnapshots), NodeOptions::default()).unwrap();
        let (client, seen) = (node.client(), self.seen.clone());
        let options = OfficeOptions {
            data: self.path().to_owned(),
            owner: ANNS,
            client,
            chinese: |error| format!("中文：{error}"),
            in_words: |applied, _| CommandWords {
                en: vec![applied.recorded.command.to_owned()],
                zh: Vec::new(),
            },
            on_events: Box::new(move |events| seen.lock().unwrap().extend(events.iter().cloned())),
            // Any function of both does.
            code_mac: Some(Arc::new(|handover: books::HandOverId, code| {
                let mac = u128::from(handover.0) << 32 | u128::from(code);
                Ok(CodeMac(mac.to_be_bytes()))
            })),
            vault: Vault::new(self.path(), Some(self.key.clone())),
        };
        self.running = Some((node, Office::open(options).unwrap()));
    }

    fn restart(&mut self) {
        let (node, office) = self.running.take().unwrap();
        drop(office);
        node.stop().unwrap();
        self.start();
    }

    fn office(&mut self) -> &mut Office {
        &mut self.running.as_mut().unwrap().1
    }

    fn ask(&mut self, request: Request, who: &Who) -> Result<OfficeAnswer, OfficeError> {
        self.office().carry_out(request, who)
    }

    #[track_caller]
    fn must(&mut self, request: Request, user: u32) -> OfficeAnswer {
        self.ask(request, &who(user)).unwrap_or_else(|error| panic!("{error}"))
    }

    #[track_caller]
    fn refused(&mut self, request: Request, user: u32, words: &str) {
        let before = self.journalled().len();
        let error = self.ask(request, &who(user)).unwrap_err().to_string();
        assert!(error.contains(words), "{error}");
        assert_eq!(self.journalled().len(), before, "nothing changed");
    }

    /// The number of a new proposal.
    #[track_caller]
    fn proposed(&mut self, request: Request, user: u32) -> u64 {
        match self.must(request, user) {
            OfficeAnswer::Proposed { proposal } => proposal.number,
            other => panic!("no proposal: {other:?}"),
        }
    }

    fn proposals(&mut self) -> Vec<Proposal> {
        match self.must(Request::Proposals {}, ANNS) {
            OfficeAnswer::Proposals { proposals, more: 0, .. } => proposals,
            other => panic!("no list: {other:?}"),
        }
    }

    /// Everything in the journal.
    fn journalled(&mut self) -> Vec<(Actor, Command)> {
        #[derive(Default)]
        struct Commands(Vec<(Actor, Command)>);
        impl ReplayObserver for Commands {
            fn command(
                &mut self,
                submission: &engine::Submission,
                _: engine::Timestamp,
                _: &engine::CommandOutcome,
                _: &Engine,
            ) -> Result<(), String> {
                let command = submission.command.of_books().cloned();
                self.0.extend(command.map(|command| (submission.by, command)));
                Ok(())
            }
        }
        let (mut commands, mut engine) = (Commands::default(), Engine::default());
        let head = JournalHead::default();
        replay(&mut self.journal.clone(), head, &mut engine, &mut commands).unwrap();
        commands.0
    }

    /// The commands with a name.
    fn count(&mut self, name: &str) -> usize {
        self.journalled().iter().filter(|(_, command)| command.spec().name == name).count()
    }
}

fn retention(days: u16) -> Request {
    give("SetRetention", json!({ "days": days.to_string() }))
}

#[test]
fn whoever_opens_real_books_is_their_first_person() {
    let mut bed = Bed::empty();
    bed.refused(retention(200), ANNS, "the books are not open; open them first");
    let open = give("OpenBooks", json!({ "utc_offset_minutes": "480" }));
    bed.refused(open.clone(), UNMAPPED, "let their owner open them");
    bed.must(open.clone(), ANNS);
    assert_eq!(bed.must(open, ANNS), OfficeAnswer::Repeated { command: "OpenBooks".to_owned() });
    assert_eq!(Persons::read(bed.path()).unwrap().of_user(ANNS), Some(ANN));
    let bank = json!({ "currency": "CNY", "reference": "main" });
    let done = bed.must(give("RegisterBank", bank.clone()), ANNS);
    assert!(matches!(done, OfficeAnswer::CarriedOut { by: ANN, .. }), "{done:?}");
    assert_eq!(
        bed.must(give("RegisterBank", bank), ANNS),
        OfficeAnswer::Repeated { command: "RegisterBank".to_owned() }
    );
    let Some((actor, Command::RegisterBank(bank))) = bed.journalled().pop() else { panic!() };
    assert_eq!(actor, Actor::Person(ANN));
    assert_eq!(bank.bank, BankId::derived("main"), "the id follows from the reference");
}

#[test]
fn in_real_books_everybody_acts_as_themselves() {
    let mut bed = Bed::open(false);
    bed.refused(retention(200), UNMAPPED, "user 4009 of this machine is no person");
    bed.refused(Request::Proposals {}, UNMAPPED, "`doorstep persons WHO --user 4009");
    let as_bo = Who { user: ANNS, person: Some("bo".to_owned()) };
    let error = bed.ask(retention(200), &as_bo).unwrap_err();
    assert!(matches!(error, OfficeError::PersonInRealBooks), "{error}");
    let of_bo = json!({ "days": "200", "proposed_by": "Bo" });
    bed.refused(give("SetRetention", of_bo), ANNS, "--proposed-by names another person");
    let both = json!({ "days": "200", "approved_by": "Bo" });
    bed.refused(give("SetRetention", both), ANNS, "the second person, who must approve");
    let plan = json!({ "plan": "1", "approved_by": "Ann" });
    bed.refused(give("ApproveSettlement", plan), BOS, "--approved-by names another person");
    assert!(bed.proposals().is_empty());
}

#[test]
fn a_second_person_approves_what_the_first_proposed() {
    let mut bed = Bed::open(false);
    let number = bed.proposed(retention(200), ANNS);
    assert_eq!(bed.count("SetRetention"), 0, "nothing is carried out before");
    let approve = Request::Approve { proposal: number };
    bed.refused(approve.clone(), ANNS, "is your own; a second person approves it");
    bed.refused(approve.clone(), UNMAPPED, "is no person of these books");
    bed.restart();
    let [waits] = &bed.proposals()[..] else { panic!("one proposal") };
    assert_eq!((waits.number, waits.proposed_by, waits.approval), (number, ANN, None));
    bed.must(approve.clone(), BOS);
    let Some((actor, Command::SetRetention(one))) = bed.journalled().pop() else { panic!() };
    assert_eq!((one.days, one.proposed_by, one.approved_by), (200, ANN, BO));
    assert_eq!(actor, Actor::Person(BO), "the approver gives it");
    bed.refused(approve, BOS, "there is no proposal 1; it was carried out or withdrawn");
    assert!(bed.proposals().is_empty());
}

#[test]
fn a_proposal_that_the_books_refuse_stays_until_it_is_withdrawn() {
    let mut bed = Bed::open(false);
    let number = bed.proposed(retention(7), ANNS);
    bed.refused(Request::Approve { proposal: number }, BOS, "and proposal 1 stays");
    let refusal = bed.proposals()[0].refusal.clone().unwrap();
    assert!(refusal.zh == format!("中文：{}", refusal.en) && !refusal.en.is_empty(), "{refusal:?}");
    assert_eq!(bed.proposals()[0].approval, None);
    bed.must(Request::WithdrawProposal { proposal: number }, BOS);
    assert!(bed.proposals().is_empty());
    bed.refused(Request::WithdrawProposal { proposal: number }, BOS, "there is no proposal 1");
    assert_eq!(bed.proposed(retention(201), BOS), 2, "no number is used again");
}

/// What a crash leaves of an approval, at each of its steps.
#[test]
fn an_interrupted_approval_is_carried_out_once() {
    let mut bed = Bed::open(false);
    let number = bed.proposed(retention(200), ANNS);
    let file = bed.path().join(PROPOSALS).join(format!("{number}.json"));
    let mut proposal: Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
    let now = proposal["proposed_at_ms"].clone();
    proposal["approval"] = json!({ "approved_by": "2", "approved_at_ms": now });
    let approving = serde_json::to_vec(&proposal).unwrap();

    // The approval is durable, the command is not given.
    fs::write(&file, &approving).unwrap();
    bed.restart();
    assert_eq!(bed.count("SetRetention"), 1);
    assert!(!file.exists());
    // The command was given, and the proposal is still there.
    for _ in 0..2 {
        fs::write(&file, &approving).unwrap();
        bed.restart();
        assert_eq!(bed.count("SetRetention"), 1);
        assert!(!file.exists());
    }
    // Whoever approves then approves what the second person approved.
    fs::write(&file, &approving).unwrap();
    bed.must(Request::Approve { proposal: number }, ANNS);
    assert_eq!(bed.count("SetRetention"), 1);

    // After a day the books have forgotten the request key: nothing is guessed.
    proposal["approval"]["approved_at_ms"] = json!(now.as_u64().unwrap() - 24 * 3_600_000);
    fs::write(&file, serde_json::to_vec(&proposal).unwrap()).unwrap();
    bed.restart();
    let approve = Request::Approve { proposal: number };
    bed.refused(approve, BOS, "was interrupted more than 23 hours ago; look in `doorstep log");
    assert_eq!(bed.count("SetRetention"), 1);
    bed.must(Request::WithdrawProposal { proposal: number }, ANNS);
}

/// An adjusting entry of 5.00 CNY.
fn entry(voucher: &str) -> Value {
    json!({
        "reference": voucher, "amount": "5.00CNY", "currency": "CNY",
        "debit": "Bank=main", "credit": "Own=OtherIncome",
        "value_date": SystemClock.now().business_date(480).to_string(),
    })
}

fn with(mut object: Value, field: &str, value: &str) -> Value {
    object[field] = value.into();
    object
}

fn register_bank(bed: &mut Bed) {
    bed.must(give("RegisterBank", json!({ "currency": "CNY", "reference": "main" })), ANNS);
}

#[test]
fn what_moves_money_is_carried_out_again_only_under_a_number_that_is_given() {
    let same = |number| {
        let command = "PostAdjustment".to_owned();
        OfficeAnswer::SameBefore { command, number, next: number + 1 }
    };
    // In trial books one user names both persons.
    let mut bed = Bed::open(true);
    register_bank(&mut bed);
    let voucher = with(entry("V-1"), "approved_by", "Bo");
    let again = give("PostAdjustment", voucher.clone());
    bed.must(again.clone(), ANNS);
    for _ in 0..2 {
        assert_eq!(bed.must(again.clone(), ANNS), same(1));
    }
    assert_eq!(bed.count("PostAdjustment"), 1);
    let once_more = bed.must(give("PostAdjustment", with(voucher, "number", "2")), ANNS);
    assert!(matches!(once_more, OfficeAnswer::CarriedOut { .. }), "{once_more:?}");
    assert_eq!(bed.must(again.clone(), ANNS), same(2));
    let other = give("PostAdjustment", with(entry("V-2"), "approved_by", "Bo"));
    bed.must(other, ANNS);
    // What came in between is another entry: the same is not a repeat of the last one.
    assert!(matches!(bed.must(again, ANNS), OfficeAnswer::CarriedOut { .. }));
    assert_eq!(bed.count("PostAdjustment"), 4);
    // In real books a second person approved it, whoever it was.
    let mut bed = Bed::open(false);
    register_bank(&mut bed);
    let number = bed.proposed(give("PostAdjustment", entry("V-1")), ANNS);
    bed.must(Request::Approve { proposal: number }, BOS);
    assert_eq!(bed.must(give("PostAdjustment", entry("V-1")), ANNS), same(1));
    assert!(bed.proposals().is_empty());
}

#[test]
fn what_is_set_already_is_not_set_again() {
    let mut bed = Bed::open(true);
    let days = |days: &str| give("SetRetention", json!({ "days": days, "approved_by": "Bo" }));
    let repeated = OfficeAnswer::Repeated { command: "SetRetention".to_owned() };
    bed.must(days("200"), ANNS);
    assert_eq!(bed.must(days("200"), ANNS), repeated);
    bed.must(days("201"), ANNS);
    bed.must(days("200"), ANNS);
    assert_eq!(bed.must(days("200"), ANNS), repeated);
    assert_eq!(bed.count("SetRetention"), 3);
}

#[test]
fn a_refused_second_person_hears_who_had_a_part_and_who_else_there_is() {
    let mut bed = Bed::open(true);
    register_bank(&mut bed);
    let raised = json!({
        "break_id": "7", "subject": "Bank=main", "side": "Excess", "amount": "4.00CNY",
        "evidence": "statement", "owner": "Bo",
    });
    bed.must(give("RaiseBreak", raised), ANNS);
    let resolution =
        |field: &str, who| with(json!({ "break_id": "7", "resolution": "WriteOff" }), field, who);
    let approve = |who| give("ApproveBreakResolution", resolution("approved_by", who));
    bed.refused(approve("Bo"), ANNS, "nobody has proposed a resolution of break 7: run");
    bed.must(give("ProposeBreakResolution", resolution("proposed_by", "Ann")), ANNS);
    let parts = "person 1 Ann raised the break, person 2 Bo owns it, or owned it: the second \
                 person must be somebody else";
    let alone =
        "and nobody else is registered: register another person (`doorstep setup person 3`)";
    bed.refused(approve("Bo"), ANNS, &format!("{parts}, {alone}"));
    bed.must(give("RegisterPerson", json!({ "person": "3", "approved_by": "Bo" })), ANNS);
    bed.refused(approve("Bo"), ANNS, &format!("{parts}: 3"));
    bed.must(approve("3"), ANNS);
}

#[test]
fn in_trial_books_one_user_is_everybody() {
    let mut bed = Bed::open(true);
    assert_eq!(Persons::read(bed.path()).unwrap().of_user(ANNS), None);
    let both = json!({ "days": "200", "approved_by": "Bo" });
    bed.must(give("SetRetention", both), UNMAPPED);
    let Some((actor, Command::SetRetention(one))) = bed.journalled().pop() else { panic!() };
    assert_eq!((one.proposed_by, one.approved_by, actor), (ANN, BO, Actor::Person(ANN)));
    let named = json!({ "days": "201", "proposed_by": "2", "approved_by": "1" });
    bed.must(give("SetRetention", named), UNMAPPED);
    let number = bed.proposed(retention(202), UNMAPPED);
    let bo = Who { user: UNMAPPED, person: Some(" BO ".to_owned()) };
    bed.ask(Request::Approve { proposal: number }, &bo).unwrap();
    let third = Who { user: UNMAPPED, person: Some("3".to_owned()) };
    let error = bed.ask(retention(203), &third).unwrap_err().to_string();
    assert!(error.contains("person 3 is not registered"), "{error}");
    let nobody = Who { user: UNMAPPED, person: Some("Cy".to_owned()) };
    let error = bed.ask(retention(203), &nobody).unwrap_err().to_string();
    assert!(error.contains("nobody has the name `Cy`"), "{error}");
    assert_eq!(bed.count("SetRetention"), 3);
}

#[test]
fn what_follows_is_filled_in() {
    let mut bed = Bed::open(true);
    let cny = |reference: &str| json!({ "currency": "CNY", "reference": reference });
    bed.must(give("RegisterBank", cny("main")), ANNS);
    let mut firm = cny("swift");
    firm["guarantee"] = json!("0");
    firm["approved_by"] = json!("2");
    bed.must(give("RegisterFirm", firm), ANNS);
    let mut courier = json!({ "reference": "c-1", "firm": "swift", "cash_limit": "500.00CNY" });
    courier["approved_by"] = json!("2");
    bed.must(give("RegisterCourier", courier), ANNS);
    bed.must(give("RegisterTerminal", json!({ "terminal": "7", "courier": "c-1" })), ANNS);
    for (number, blocked) in [(1, "true"), (2, "false")] {
        bed.must(give("BlockTerminal", json!({ "terminal": "7", "blocked": blocked })), ANNS);
        let Some((_, Command::BlockTerminal(one))) = bed.journalled().pop() else { panic!() };
        assert_eq!(one.number, number);
    }
    let block = |terminal: &str| json!({ "terminal": terminal, "blocked": "true" });
    bed.refused(give("BlockTerminal", block("8")), ANNS, "there is no such terminal");
    bed.refused(give("StartHandOver", json!({ "courier": "c-1" })), ANNS, "no cash to hand over");
    let count = |code: &str| json!({ "handover": "5", "counted": "0", "code": code });
    bed.refused(give("CountHandOver", count("12345")), ANNS, "six digits");
    bed.refused(give("CountHandOver", count("123456")), ANNS, "the books refuse CountHandOver");
    let without = json!({ "handover": "5", "counted": "0" });
    bed.refused(give("CountHandOver", without), ANNS, "CountHandOver needs --code-mac");

    for (command, object, words) in [
        ("RegisterBnak", json!({}), "there is no command `RegisterBnak`"),
        ("BeginVoid", json!({}), "BeginVoid is not for persons to give"),
        (
            "RegisterBank",
            json!({ "curency": "CNY" }),
            "has no field for --curency; use one of: --bank",
        ),
        ("RegisterBank", json!({ "reference": "b" }), "RegisterBank needs --currency; see "),
        (
            "RegisterBank",
            json!({ "currency": "yuan", "reference": "b" }),
            "--currency yuan: `yuan`",
        ),
        ("RegisterBank", json!({ "currency": "CNY", "reference": 5 }), "RegisterBank needs --bank"),
        ("ExecuteSettlement", json!({ "plan": "9", "bank": "main" }), "the books refuse Execute"),
    ] {
        bed.refused(give(command, object), ANNS, words);
    }
}

#[test]
fn the_switch_hears_what_the_office_changed() {
    let mut bed = Bed::open(true);
    let cny = |reference: &str| json!({ "currency": "CNY", "reference": reference });
    bed.must(give("RegisterBank", cny("main")), ANNS);
    bed.must(give("RegisterNetwork", cny("alpha")), ANNS);
    let withdraw = json!({ "network": "alpha", "from": "0", "approved_by": "2" });
    bed.must(give("WithdrawNetwork", withdraw), ANNS);
    let seen = bed.seen.lock().unwrap();
    assert!(matches!(seen.last(), Some(Event::NetworkWithdrawn { .. })), "{seen:?}");
}

#[test]
fn two_of_the_same_second_get_two_ids() {
    let mut bed = Bed::open(true);
    bed.must(give("RegisterBank", json!({ "currency": "CNY", "reference": "main" })), ANNS);
    let found = |evidence: &str| {
        let found = json!({
            "subject": "Bank=main", "side": "Excess", "amount": "1.00CNY", "owner": "ann",
            "evidence": evidence,
        });
        give("RaiseBreak", found)
    };
    for evidence in ["statement 7", "statement 8", "statement 9"] {
        let raised = bed.must(found(evidence), ANNS);
        assert!(matches!(raised, OfficeAnswer::CarriedOut { .. }), "{raised:?}");
    }
    // The same again is a mistake: it is open.
    let again = bed.must(found("statement 8"), ANNS);
    assert!(matches!(again, OfficeAnswer::OpenBefore { .. }), "{again:?}");
    assert_eq!(bed.count("RaiseBreak"), 3);
}

fn line(request: Request) -> OfficeLine {
    OfficeLine { request, person: None, language: Language::En }
}

#[test]
fn a_line_is_answered_by_the_user_who_sent_it_and_in_their_language() {
    let mut bed = Bed::open(false);
    let ask = |bed: &mut Bed, user, line: &str| -> Value {
        let office = Some(bed.office());
        serde_json::from_str(&answer(office, user, line.as_bytes())).unwrap()
    };
    let propose = serde_json::to_string(&line(retention(200))).unwrap();
    let proposed = ask(&mut bed, ANNS, &propose);
    assert_eq!(proposed["answer"]["proposal"]["proposed_by"], "1");
    let approve = json!({ "request": { "do": "approve", "proposal": 1 } }).to_string();
    let own = ask(&mut bed, ANNS, &approve);
    assert_eq!(own["ok"], false);
    let chinese = json!({ "request": { "do": "approve", "proposal": 1 }, "language": "zh" });
    let why = ask(&mut bed, ANNS, &chinese.to_string())["why"].as_str().unwrap().to_owned();
    assert!(why.starts_with("中文："), "{why}");
    let done = ask(&mut bed, BOS, &approve);
    assert_eq!((&done["ok"], &done["answer"]["by"]), (&json!(true), &json!("2")));
    for wrong in
        ["{", "{}", r#"{"request":{"do":"dance"}}"#, r#"{"request":{"do":"proposals"},"x":1}"#]
    {
        let why = ask(&mut bed, ANNS, wrong)["why"].as_str().unwrap().to_owned();
        assert!(why.contains("the request is not understood"), "{wrong}: {why}");
    }
    let closed: Value = serde_json::from_str(&answer(None, ANNS, b"{}")).unwrap();
    assert!(closed["why"].as_str().unwrap().contains("is stopping"));
}

#[test]
fn the_socket_carries_requests_of_its_peer() {
    let user = rustix::process::geteuid().as_raw();
    let mut bed = Bed::open(false);
    let data = bed.path().to_owned();
    let directory = control_directory(&data);
    assert_eq!(directory.parent(), data.canonicalize().unwrap().parent(), "beside the books");
    let path = directory.join(OFFICE_SOCKET);
    let list = line(Request::Proposals {});
    assert!(matches!(send(&path, &list), Err(OfficeClientError::NotServed(_))));
    make_control_directory(&directory, None).unwrap();
    make_control_directory(&directory, None).unwrap();
    // A killed process left it.
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    let (node, office) = bed.running.take().unwrap();
    let server =
        OfficeServer::start(SharedOffice::new(office), Arc::new(Echo), &directory, None).unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&directory), mode(&path)), (0o700, 0o600));

    let refused = send(&path, &list).unwrap_err().to_string();
    assert!(refused.contains(&format!("user {user} of this machine is no person")), "{refused}");
    let mut persons = Persons::read(&data).unwrap();
    persons.add_user(user, PersonId(3)).unwrap();
    persons.write(&data).unwrap();
    let refused = send(&path, &line(retention(200))).unwrap_err().to_string();
    assert!(refused.contains("person 3 is not registered"), "{refused}");
    let refused = send(&path, &list).unwrap_err().to_string();
    assert!(refused.contains("person 3 is not registered"), "{refused}");
    let large = give("SetRetention", json!({ "days": "1".repeat(LINE_BYTES_MAX) }));
    assert!(matches!(send(&path, &line(large)), Err(OfficeClientError::TooLarge)));

    server.stop();
    assert!(matches!(send(&path, &list), Err(OfficeClientError::NotServed(_))));
    node.stop().unwrap();
    fs::remove_dir(&directory).unwrap();
}

/// Prints what it was given, and sends its files back, reversed.
struct Echo;

impl CommandLines for Echo {
    fn look(&self, line: &SentLine<'_>) -> Result<Printed, String> {
        let Actor::Person(person) = line.by else { return Err("no person".to_owned()) };
        let output = format!("{person} {:?} {}", line.arguments, line.columns);
        Ok(Printed { output, errors: String::new(), succeeded: true })
    }

    fn take_files(
        &self,
        line: &SentLine<'_>,
        files: &ReceivedFiles,
        returned: &[String],
        _is_stopping: &dyn Fn() -> bool,
    ) -> Result<Printed, String> {
        if line.arguments.is_empty() {
            return Err("no words".to_owned());
        }
        let [(_, path)] = files.flags() else { return Err("one file".to_owned()) };
        let mut bytes = fs::read(path).unwrap();
        bytes.reverse();
        for flag in returned {
            fs::write(files.path(flag), &bytes).unwrap();
        }
        Ok(Printed { output: bytes.len().to_string(), ..Printed::default() })
    }

    fn payout_files(&self, _: PayoutFilesAsked, _: Actor, _: Language) -> Result<Value, String> {
        Err("no plans".to_owned())
    }

    fn reload(&self, _: Language) -> Result<Printed, String> {
        Ok(Printed::default())
    }
}

/// An office with its socket, where the user of this process is Ann.
fn served() -> (Bed, Node, OfficeServer) {
    let mut bed = Bed::open(false);
    let mut persons = Persons::default();
    persons.add_user(rustix::process::geteuid().as_raw(), ANN).unwrap();
    persons.write(bed.path()).unwrap();
    let directory = control_directory(bed.path());
    make_control_directory(&directory, None).unwrap();
    let (node, office) = bed.running.take().unwrap();
    let server =
        OfficeServer::start(SharedOffice::new(office), Arc::new(Echo), &directory, None).unwrap();
    (bed, node, server)
}

fn take(files: &[SentFile]) -> OfficeLine {
    line(Request::TakeFiles {
        arguments: vec!["import".to_owned()],
        columns: 80,
        files: files.to_vec(),
        returned: vec!["rejects".to_owned()],
    })
}

fn sent_file(name: &str, bytes: u64) -> SentFile {
    SentFile { flag: "orders".to_owned(), name: name.to_owned(), bytes, in_folder: false }
}

#[test]
fn command_lines_are_those_of_registered_persons() {
    let (bed, node, server) = served();
    let look = line(Request::Look { arguments: vec!["status".to_owned()], columns: 70 });
    let Ok(OfficeAnswer::Printed { printed, .. }) = send(server.path(), &look) else {
        panic!("no answer");
    };
    assert_eq!(printed.output, "1 [\"status\"] 70");
    let mut persons = Persons::default();
    let user = rustix::process::geteuid().as_raw();
    persons.add_user(user, PersonId(3)).unwrap();
    persons.write(bed.path()).unwrap();
    for request in [look, take(&[sent_file("a", 1)])] {
        let refused = send(server.path(), &request).unwrap_err().to_string();
        assert!(refused.contains("person 3 is not registered in these books"), "{refused}");
    }
    Persons::default().write(bed.path()).unwrap();
    let refused = send(server.path(), &take(&[sent_file("a", 1)])).unwrap_err().to_string();
    assert!(refused.contains("is no person of these books"), "{refused}");
    server.stop();
    node.stop().unwrap();
}

#[test]
fn sent_files_are_carried_out_and_removed() {
    let (bed, node, server) = served();
    let there = tempfile::tempdir().unwrap();
    let (path, back) = (there.path().join("orders.csv"), there.path().join("back/rejects"));
    let content: Vec<u8> = (0..200_000_u32).map(|place| (place % 251) as u8).collect();
    fs::write(&path, &content).unwrap();
    let files = [(sent_file("orders.csv", content.len() as u64), path)];
    let keep = |_: &SentFile| back.clone();
    let sent = [files[0].0.clone()];
    let answer = send_files(server.path(), &take(&sent), &files, &keep).unwrap();
    let OfficeAnswer::Printed { printed, .. } = answer else { panic!("{answer:?}") };
    assert_eq!(printed.output, "200000");
    let mut reversed = fs::read(&back).unwrap();
    reversed.reverse();
    assert!(reversed == content, "what comes back");
    let received = || fs::read_dir(bed.path().join(RECEIVED)).unwrap().count();
    assert_eq!(received(), 0);

    let mut wordless = take(&sent);
    let Request::TakeFiles { arguments, .. } = &mut wordless.request else { panic!() };
    arguments.clear();
    let refused = send_files(server.path(), &wordless, &files, &keep).unwrap_err().to_string();
    assert_eq!((refused.as_str(), received()), ("no words", 0));
    let large = take(&[sent_file("a", FILES_BYTES_MAX + 1)]);
    let refused = send(server.path(), &large).unwrap_err().to_string();
    assert!(refused.contains("at most 268435456. Give them in parts"), "{refused}");
    let refused = send(server.path(), &take(&[sent_file("../a", 1)])).unwrap_err().to_string();
    assert!(refused.contains("is not the name of a file"), "{refused}");
    server.stop();
    node.stop().unwrap();
}

#[test]
fn a_connection_that_is_cut_leaves_no_file() {
    use std::io::{BufRead, BufReader, Write};
    let (bed, node, server) = served();
    let mut stream = std::os::unix::net::UnixStream::connect(server.path()).unwrap();
    let header = serde_json::to_string(&take(&[sent_file("a.csv", 1_000_000)])).unwrap();
    // The first bytes may come with the line.
    stream.write_all(format!("{header}\nthe first bytes").as_bytes()).unwrap();
    let mut answer = String::new();
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    reader.read_line(&mut answer).unwrap();
    assert!(answer.contains("send_files"), "{answer}");
    // Nobody else can send files meanwhile.
    let refused = send(server.path(), &take(&[sent_file("a", 1)])).unwrap_err().to_string();
    assert!(refused.contains("files of another user are being carried out"), "{refused}");
    stream.shutdown(std::net::Shutdown::Write).unwrap();
    answer.clear();
    reader.read_line(&mut answer).unwrap();
    assert!(answer.contains("the files did not arrive: ") && answer.contains("send them again"));
    drop((stream, reader));

    // A stop does not wait for a sender who is silent.
    let mut stream = std::os::unix::net::UnixStream::connect(server.path()).unwrap();
    stream.write_all(format!("{header}\n").as_bytes()).unwrap();
    let mut reader = BufReader::new(stream);
    answer.clear();
    reader.read_line(&mut answer).unwrap();
    assert!(answer.contains("send_files"), "{answer}");
    let began = std::time::Instant::now();
    server.stop();
    assert!(began.elapsed() < std::time::Duration::from_secs(20), "{:?}", began.elapsed());
    assert_eq!(fs::read_dir(bed.path().join(RECEIVED)).unwrap().count(), 0);
    node.stop().unwrap();
}
