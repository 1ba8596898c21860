//! Sign-ins, sessions, API keys and two people over HTTP, on a real server.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use engine::{CommandOutcome, Engine, Submission, Timestamp};
use node::replay::ReplayObserver;
use serde_json::{Value, json};

use super::independent::python;
use super::support::{Bed, Ran, eventually};
use super::web::{ANN_WITH_BO, Got, Served, in_hours, issue, secret, served};

pub const PASSWORD: &str = "a long way to the door";
/// No session.
const NOBODY: &str = "Cookie: none=none";
/// RFC 6238, by other code than the server's.
const CODE: &str = "import base64, hmac, struct, sys
key = base64.b32decode(sys.argv[1] + '=' * (-len(sys.argv[1]) % 8))
mac = hmac.new(key, struct.pack('>Q', int(sys.argv[2])), 'sha1').digest()
at = mac[-1] & 15
print('%06d' % ((struct.unpack('>I', mac[at:at + 4])[0] & 0x7fffffff) % 10**6))";

/// A person with an app for codes.
pub struct Signer {
    pub name: String,
    setting: String,
    factor: String,
    /// The step of the last code.
    last: Cell<u64>,
}

/// A session as a browser has it.
pub struct Browser {
    pub cookie: String,
    pub csrf: String,
}

fn step() -> u64 {
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    // Not at the end of a step: the server may be in the next one.
    if seconds % 30 > 26 {
        std::thread::sleep(Duration::from_secs(30 - seconds % 30));
        return seconds / 30 + 1;
    }
    seconds / 30
}

impl Signer {
    /// The two persons of the trial.
    pub fn both(served: &Served) -> [Signer; 2] {
        let init = "user init --data door/books --config door/doorstep.toml --json";
        let made = served.bed.run(init).succeeds().json();
        [0, 1].map(|place| Signer::of(&made["sign_ins"][place]))
    }

    /// From what `doorstep user` prints.
    pub fn of(made: &Value) -> Signer {
        let text = |name: &str| made[name].as_str().unwrap().to_owned();
        let uri = text("second_factor");
        let factor = uri.split("secret=").nth(1).unwrap().split('&').next().unwrap();
        Signer {
            name: text("name"),
            setting: text("setting_secret"),
            factor: factor.to_owned(),
            last: Cell::new(0),
        }
    }

    /// A code that was not used. Three are good at once.
    pub fn code(&self) -> String {
        let next = (self.last.get() + 1).max(step() - 1);
        while next > step() + 1 {
            std::thread::sleep(Duration::from_millis(200));
        }
        self.last.set(next);
        self.same_code()
    }

    /// The last code.
    fn same_code(&self) -> String {
        let mut command = std::process::Command::new(python());
        command.args(["-c", CODE, &self.factor, &self.last.get().to_string()]);
        Ran::of(&mut command).succeeds().stdout().trim().to_owned()
    }

    pub fn sets_password(&self, served: &Served, change: &[(&str, &str)]) -> Got {
        let code = self.code();
        let mut fields = json!({
            "secret": self.setting, "name": self.name, "password": PASSWORD, "code": code,
        });
        for (field, value) in change {
            fields[field] = json!(value);
        }
        served.posts(&[NOBODY], "/v1/set-password", &fields)
    }

    fn signs_in(&self, served: &Served, code: &str) -> Got {
        sign_in(served, &self.name, PASSWORD, code)
    }
}

fn sign_in(served: &Served, name: &str, password: &str, code: &str) -> Got {
    let fields = json!({ "name": name, "password": password, "code": code });
    served.posts(&[NOBODY], "/v1/sign-in", &fields)
}

impl Served {
    pub fn posts(&self, headers: &[&str], path: &str, fields: &Value) -> Got {
        let headers = [&["Content-Type: application/json"], headers].concat();
        self.send("POST", path, &headers, fields.to_string().as_bytes())
    }
}

impl Browser {
    #[track_caller]
    pub fn begun(got: Got) -> Browser {
        let got = got.is(200);
        let set = got.header("set-cookie").unwrap();
        let (cookie, flags) = set.split_once("; ").unwrap();
        assert!(cookie.starts_with("__Host-doorstep=dss_"), "{set}");
        assert_eq!(flags, "Path=/; Secure; HttpOnly; SameSite=Strict");
        assert!(!got.body.contains("dss_"), "{}", got.body);
        Browser {
            cookie: format!("Cookie: {cookie}"),
            csrf: format!("Doorstep-Csrf: {}", got.json()["csrf"].as_str().unwrap()),
        }
    }

    pub fn get(&self, served: &Served, path: &str) -> Got {
        served.send("GET", path, &[&self.cookie], b"")
    }

    pub fn posts(&self, served: &Served, path: &str) -> Got {
        served.send("POST", path, &[&self.cookie, &self.csrf], b"")
    }

    fn gives(&self, served: &Served, command: &str, key: &str, fields: &Value) -> Got {
        let key = format!("Idempotency-Key: {key}");
        let path = format!("/v1/commands/{command}");
        served.posts(&[&self.cookie, &self.csrf, &key], &path, fields)
    }

    /// The session with the second factor given again.
    #[track_caller]
    pub fn stepped_up(self, served: &Served, signer: &Signer) -> Browser {
        let fields = json!({ "code": signer.code() });
        let renewed = served.posts(&[&self.cookie, &self.csrf], "/v1/step-up", &fields);
        let renewed = Browser::begun(renewed);
        // Another one: the token before is nobody's.
        self.get(served, "/v1/sessions").problem(401, "not-signed-in");
        renewed
    }
}

fn limit(minor: i64) -> Value {
    json!({ "currency": "CNY", "limit": minor })
}

#[test]
fn a_session_is_begun_stepped_up_listed_ended_and_recorded() {
    let served = served();
    let [ann, bo] = Signer::both(&served);
    // The first password.
    let weak = ann.sets_password(&served, &[("password", "short")]);
    assert_eq!(weak.problem(422, "bad-value")["field"], "#/password");
    let other = ann.sets_password(&served, &[("secret", "dsp_00")]);
    let refused = other.problem(401, "sign-in-refused");
    let wrong = ann.sets_password(&served, &[("code", "000000x")]);
    assert_eq!(wrong.problem(401, "sign-in-refused"), refused);
    ann.last.set(0);
    let first = Browser::begun(ann.sets_password(&served, &[]));
    let again = ann.sets_password(&served, &[("code", &ann.same_code())]);
    again.problem(401, "sign-in-refused");
    ann.last.set(ann.last.get() - 1);
    // A code is used once. What is wrong is not said, and nobody comes in without a code.
    let used = ann.signs_in(&served, &ann.same_code()).problem(401, "sign-in-refused");
    assert_eq!(used, refused);
    let nobody = sign_in(&served, "nobody", PASSWORD, "123456");
    assert_eq!(nobody.problem(401, "sign-in-refused"), refused);
    let session = Browser::begun(ann.signs_in(&served, &ann.code()));

    // Requests of another site, and without the token of this session.
    session.get(&served, "/v1/banks").is(200);
    let path = "/v1/commands/register-bank";
    let bank = json!({ "reference": "browser", "currency": "CNY" });
    let posts = |headers: &[&str]| {
        let own = [&session.cookie, "Idempotency-Key: b-1"];
        served.posts(&[&own, headers].concat(), path, &bank)
    };
    for headers in [
        &[][..],
        &["Doorstep-Csrf: 0"],
        &[&first.csrf],
        &[&session.csrf, "Origin: https://evil.example"],
        &[&session.csrf, "Origin: null"],
        &[&session.csrf, "Sec-Fetch-Site: cross-site"],
        &[&session.csrf, "Sec-Fetch-Site: same-site"],
    ] {
        posts(headers).problem(403, "cross-site");
    }
    let origin = format!("Origin: http://{}", served.address);
    posts(&[&session.csrf, &origin, "Sec-Fetch-Site: same-origin"]).is(200);

    // What is dangerous needs the second factor again.
    let asked = session.gives(&served, "set-refund-limit", "r-1", &limit(10_000));
    asked.problem(403, "step-up-needed");
    let code = json!({ "code": "000000x" });
    let wrong = served.posts(&[&session.cookie, &session.csrf], "/v1/step-up", &code);
    wrong.problem(401, "sign-in-refused");
    let session = session.stepped_up(&served, &ann);
    let asked = session.gives(&served, "set-refund-limit", "r-1", &limit(10_000)).is(202);
    assert_eq!(asked.json()["outcome"], "proposed");

    // Sessions are listed and ended, one's own only.
    let listed = session.get(&served, "/v1/sessions").is(200);
    assert!(!listed.body.contains("dss_"), "{}", listed.body);
    let numbers: Vec<u64> = listed.json()["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["number"].as_u64().unwrap())
        .collect();
    assert_eq!(numbers.len(), 2, "{numbers:?}");
    let ends = |by: &Browser, number: u64| {
        let path = format!("/v1/sessions/{number}");
        served.send("DELETE", &path, &[&by.cookie, &by.csrf], b"")
    };
    let other = Browser::begun(bo.sets_password(&served, &[]));
    let none = json!({ "name": bo.name, "password": PASSWORD });
    let none = served.posts(&[NOBODY], "/v1/sign-in", &none);
    assert_eq!(none.header("set-cookie"), None);
    assert_eq!(none.problem(401, "sign-in-refused"), refused);
    ends(&other, numbers[0]).problem(404, "no-such-record");
    first.get(&served, "/v1/sessions").is(200);
    ends(&session, numbers[0]).is(200);
    first.get(&served, "/v1/sessions").problem(401, "not-signed-in");
    let out = session.posts(&served, "/v1/sign-out").is(200);
    let gone = "__Host-doorstep=; Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age=0";
    assert_eq!(out.header("set-cookie"), Some(gone));
    session.get(&served, "/v1/sessions").problem(401, "not-signed-in");

    // Who loses all roles is out with the next request.
    other.get(&served, "/v1/banks").is(200);
    for role in ["Operator", "Finance", "Administrator"] {
        let line = format!("user revoke bo --grant {role} --person ann --data door/books");
        served.bed.run(&line).succeeds();
    }
    other.get(&served, "/v1/banks").problem(401, "not-signed-in");
    bo.signs_in(&served, &bo.code()).problem(401, "sign-in-refused");

    // After five wrong attempts a name waits, whether it exists or not.
    for name in ["nobody-else", ann.name.as_str()] {
        let mut statuses = Vec::new();
        for _ in 0..7 {
            statuses.push(sign_in(&served, name, "not the right one", "123456").status);
        }
        assert_eq!(statuses.last(), Some(&429), "{name}: {statuses:?}");
    }
    let waits = ann.signs_in(&served, "123456");
    let seconds: u64 = waits.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=30).contains(&seconds), "{seconds}");
    let waits = waits.problem(429, "too-many-requests");
    assert!(waits["detail"].as_str().unwrap().contains("too many attempts; try again in"));

    // All of it goes into the journal, while the server runs and at its end.
    let recorded = || served.get("/v1/commands?name=RecordAccessEvent&limit=100").is(200).json();
    let many = |seen: &Value| seen["items"].as_array().unwrap().len() > 5;
    eventually("events of sign-ins are in the journal", || many(&recorded()));
    served.engine.stop();
    let log = served.bed.run("log --data door/books").succeeds();
    for words in ["signed in", "signed out", "second factor given again", "locked out"] {
        assert!(log.stdout().contains(words), "{words} is not in the log");
    }
    for secret in [PASSWORD, &ann.setting, &ann.factor, "dss_"] {
        assert!(!log.stdout().contains(secret), "{secret}");
    }
    served.bed.verified("door/books");
}

#[test]
fn two_people_are_two_whichever_way_they_come_and_an_approval_has_one_effect() {
    let served = served();
    let [ann, bo] = Signer::both(&served);
    let ann_session = Browser::begun(ann.sets_password(&served, &[])).stepped_up(&served, &ann);
    let bo_session = Browser::begun(bo.sets_password(&served, &[]));
    let number = |got: &Value| got["proposal"]["number"].as_u64().unwrap();
    let path = |number: u64, what: &str| format!("/v1/proposals/{number}/{what}");

    // Of a session: neither the session nor the own key approves it.
    let asked = ann_session.gives(&served, "set-refund-limit", "p-1", &limit(10_000)).is(202);
    let first = asked.json();
    let approve = path(number(&first), "approve");
    ann_session.posts(&served, &approve).problem(409, "own-proposal");
    served.send("POST", &approve, &[], b"").problem(403, "needs-person");
    let waits = ann_session.gives(&served, "set-refund-limit", "p-1", &limit(10_000)).is(202);
    assert_eq!(waits.header("idempotent-replayed"), Some("true"));
    assert_eq!(waits.json(), first);
    // Of the own key: the session does not approve it.
    let by_key = served.give("set-refund-limit", "p-2", &limit(20_000)).is(202).json();
    let other = path(number(&by_key), "approve");
    ann_session.posts(&served, &other).problem(409, "own-proposal");
    // The second person gives the second factor again, and there is one effect.
    bo_session.posts(&served, &approve).problem(403, "step-up-needed");
    let bo_session = bo_session.stepped_up(&served, &bo);
    let answers: Vec<Got> = std::thread::scope(|scope| {
        let one = || bo_session.posts(&served, &approve);
        let all: Vec<_> = (0..20).map(|_| scope.spawn(one)).collect();
        all.into_iter().map(|one| one.join().unwrap()).collect()
    });
    let done = |got: &&Got| got.status == 200 && got.json()["outcome"] == "carried_out";
    assert_eq!(answers.iter().filter(done).count(), 1, "{answers:?}");
    assert!(answers.iter().all(|got| [200, 404].contains(&got.status)), "{answers:?}");
    let effects = || {
        let all = served.settled().get("/v1/commands?name=SetRefundLimit").is(200).json();
        all["items"].as_array().unwrap().len()
    };
    assert_eq!(effects(), 1);
    // The request is answered as before, and proposes nothing again.
    let waiting = || {
        let all = bo_session.get(&served, "/v1/proposals").is(200).json();
        all["items"].as_array().unwrap().len()
    };
    assert_eq!(waiting(), 1);
    let after = ann_session.gives(&served, "set-refund-limit", "p-1", &limit(10_000)).is(202);
    assert_eq!(after.header("idempotent-replayed"), Some("true"));
    assert_eq!(after.json(), first);
    let reused = ann_session.gives(&served, "set-refund-limit", "p-1", &limit(30_000));
    reused.problem(422, "idempotency-key-reused");
    // A withdrawn one too.
    bo_session.posts(&served, &path(number(&by_key), "withdraw")).is(200);
    let after = served.give("set-refund-limit", "p-2", &limit(20_000)).is(202);
    assert_eq!(after.header("idempotent-replayed"), Some("true"));
    assert_eq!(after.json(), by_key);
    bo_session.posts(&served, &other).problem(404, "no-such-proposal");
    assert_eq!((waiting(), effects()), (0, 1));

    // Keys that end: the next request is refused, also one whose request key is known.
    let until = in_hours(1);
    let flags = format!("--until {until} {ANN_WITH_BO}");
    let begun = Instant::now();
    issue(&served.bed, &format!("Operator,Finance --key 8 --person-id ann {flags}"));
    issue(&served.bed, &format!("Operator,Finance --key 9 --person-id ann {flags}"));
    // Time enough to use it, as busy as this machine is.
    let soon = jiff::Timestamp::now() + Duration::from_secs(4) + 4 * begun.elapsed();
    let flags = format!("--until {soon:.0} {ANN_WITH_BO}");
    issue(&served.bed, &format!("Operator,Finance --key 10 --person-id ann {flags}"));
    let keys = [8, 9, 10].map(|key| format!("Authorization: Bearer {}", secret(&served.bed, key)));
    let gives = |key: &str, name: &str| {
        let identity = format!("Idempotency-Key: of-{name}");
        let bank = json!({ "reference": name, "currency": "CNY" });
        served.posts(&[key, &identity], "/v1/commands/register-bank", &bank)
    };
    let names = ["without-roles", "revoked", "expired"];
    for (key, name) in keys.iter().zip(names) {
        gives(key, name).is(200);
    }
    served.bed.run("api-key revoke 9 --person ann --data door/books").succeeds();
    ann_session.get(&served, "/v1/banks").is(200);
    for role in ["Operator", "Finance", "Administrator"] {
        let line = format!("user revoke ann --grant {role} --person bo --data door/books");
        served.bed.run(&line).succeeds();
    }
    eventually("the last key has expired", || jiff::Timestamp::now() > soon);
    for (key, name) in keys.iter().zip(names) {
        gives(key, name).problem(401, "not-signed-in");
    }
    ann_session.get(&served, "/v1/banks").problem(401, "not-signed-in");

    // A store that cannot be read is not a session that has ended.
    let page = || served.send("GET", "/", &[&bo_session.cookie, "Accept: text/html"], b"");
    page().is(200);
    let rename = "import sqlite3; store = sqlite3.connect('door/books/access.sqlite'); \
                  store.execute('ALTER TABLE sessions RENAME TO elsewhere')";
    let mut python = served.bed.command(python().to_str().unwrap());
    Ran::of(python.args(["-c", rename])).succeeds();
    page().is(500);
    served.engine.stop();
    served.bed.verified("door/books");
}

/// Sees each command, and whether who acts as what has changed with it.
#[derive(Default)]
struct Standings {
    version: u64,
    seen: String,
    /// The commands that left the version as it was.
    often: BTreeSet<&'static str>,
}

impl ReplayObserver for Standings {
    fn command(
        &mut self,
        submission: &Submission,
        _: Timestamp,
        _: &CommandOutcome,
        engine: &Engine,
    ) -> Result<(), String> {
        let books = engine.books();
        let persons: Vec<_> = books
            .persons()
            .map(|(one, removed)| {
                (one, removed, books.grants_of(one), books.second_factor_resets(one))
            })
            .collect();
        let keys: Vec<_> = books.api_keys(Timestamp(0)).collect();
        let seen = format!("{} {persons:?} {keys:?}", books.is_trial());
        if engine.access_version() == self.version {
            self.often.insert(submission.command.name());
            if seen != self.seen {
                return Err(format!("{submission:?} changes who acts as what"));
            }
        }
        (self.version, self.seen) = (engine.access_version(), seen);
        Ok(())
    }
}

#[test]
fn commands_that_are_given_often_change_nobodys_grants() {
    let bed = Bed::new();
    bed.run("day --parcels 200 --faults 1000 --seed 3 --data books").succeeds();
    let mut standings = Standings::default();
    reports::replay_all(&bed.path("books"), &mut standings).unwrap();
    assert!(standings.version > 10, "persons and couriers are registered");
    let often = &standings.often;
    assert!(often.contains("ResolvePurchase") && often.len() >= 15, "{often:?}");
}
