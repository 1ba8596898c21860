//! The demonstration on a terminal: it serves the API over its books.

use std::process::Command;

use books::Timestamp;
use serde_json::Value;

use super::process::Process;
use super::support::{Bed, Ran, tool};

/// A demonstration that has printed its sign-ins.
pub struct Demo {
    process: Process,
    pub url: String,
    sign_ins: Vec<ShownSignIn>,
}

pub struct ShownSignIn {
    pub name: String,
    pub password: String,
    factor: String,
    pub link: String,
}

const ROLES: [&str; 9] = [
    "administrator",
    "operator",
    "finance",
    "approver",
    "auditor",
    "hub",
    "courier",
    "seller",
    "firm",
];

/// Runs it with a terminal as input.
pub fn start(bed: &Bed, arguments: &str) -> Demo {
    tool(bed, "script");
    let mut script = bed.command("script");
    let line = format!("exec {} demo {arguments}", super::support::DOORSTEP);
    script.args(["-q", "-e", "-c", &line, "/dev/null"]);
    let mut process = Process::of(script);
    let url = process.says("The console of these books: ");
    let url = url.split_whitespace().next().unwrap().to_owned();
    process.line();
    let sign_ins = ROLES.map(|role| {
        let line = process.line();
        let [word, name, password] = line.split_whitespace().collect::<Vec<_>>()[..] else {
            panic!("{line}")
        };
        assert_eq!((word, name), (role, &*format!("demo-{role}")));
        let (factor, link) = (process.line(), process.line());
        let factor = factor.split_once("secret=").unwrap().1.split('&').next().unwrap();
        ShownSignIn {
            name: name.to_owned(),
            password: password.to_owned(),
            factor: factor.to_owned(),
            link: link.trim().to_owned(),
        }
    });
    Demo { process, url, sign_ins: sign_ins.into() }
}

/// The code that an app shows now for a secret in base32.
fn code_of(factor: &str) -> String {
    let (mut bytes, mut word, mut bits) = (Vec::new(), 0_u32, 0);
    for letter in factor.bytes() {
        let value = match letter {
            b'A'..=b'Z' => letter - b'A',
            _ => letter - b'2' + 26,
        };
        (word, bits) = (word << 5 | u32::from(value), bits + 5);
        if bits >= 8 {
            bits -= 8;
            bytes.push(u8::try_from(word >> bits & 0xFF).unwrap());
        }
    }
    let now = jiff::Timestamp::now().as_millisecond();
    access::code_at(&bytes.try_into().unwrap(), Timestamp(u64::try_from(now).unwrap()))
}

impl ShownSignIn {
    /// The code that an app shows now.
    pub fn code(&self) -> String {
        code_of(&self.factor)
    }
}

impl Demo {
    pub fn curl(&self, bed: &Bed, arguments: &[&str]) -> Ran {
        let mut curl = bed.command("curl");
        curl.args(["-sS", "--max-time", "120"]).args(arguments);
        Ran::of(&mut curl).succeeds()
    }

    pub fn status(&self, bed: &Bed, arguments: &[&str]) -> String {
        let all = [&["-o", "/dev/null", "-w", "%{http_code}"], arguments].concat();
        self.curl(bed, &all).stdout().to_owned()
    }

    pub fn of(&self, role: &str) -> &ShownSignIn {
        let name = format!("demo-{role}");
        self.sign_ins.iter().find(|one| one.name == name).unwrap()
    }

    /// Signs in, and returns the token against requests from other sites.
    pub fn sign_in(&self, bed: &Bed, role: &str, jar: &str) -> String {
        let ShownSignIn { name, password, factor, .. } = self.of(role);
        let code = code_of(factor);
        let body = format!(r#"{{"name":"{name}","password":"{password}","code":"{code}"}}"#);
        let url = format!("{}/v1/sign-in", self.url);
        let json = "Content-Type: application/json";
        let begun = self.curl(bed, &["-c", jar, "-H", json, "-d", &body, &url]).json();
        begun["csrf"].as_str().unwrap_or_else(|| panic!("{begun}")).to_owned()
    }

    pub fn get(&self, bed: &Bed, jar: &str, path: &str) -> Value {
        // A busy machine may need longer for the views than the server waits for them.
        let retry = ["--retry", "100", "--retry-max-time", "120"];
        let url = format!("{}{path}", self.url);
        self.curl(bed, &[&retry[..], &["-b", jar, &url]].concat()).json()
    }

    /// Ctrl-C.
    pub fn stop(self) {
        let children = Command::new("pgrep").args(["-P", &self.process.id().to_string()]).output();
        let children = String::from_utf8(children.unwrap().stdout).unwrap();
        let child = children.trim();
        let killed = Command::new("kill").args(["-INT", child]).status();
        assert!(killed.unwrap().success(), "{child}");
        self.process.ends();
    }
}

#[test]
fn the_demo_serves_its_books_to_every_role_and_can_be_run_again() {
    let bed = Bed::new();
    let demo = start(&bed, "--data books");
    let there = |path: &str| format!("{}{path}", demo.url);
    assert!(demo.url.starts_with("http://localhost:"), "{}", demo.url);
    assert_eq!(demo.status(&bed, &[&there("/reference")]), "200");
    assert_eq!(demo.status(&bed, &["-H", "Accept: text/html", &there("/")]), "303");
    assert_eq!(demo.status(&bed, &[&there("/v1/parcels")]), "401");
    let evil = demo.status(&bed, &["-H", "Host: evil.example", &there("/")]);
    assert_eq!(evil, "421");

    // A link switches roles: one sees what the other does not.
    for (role, path, status) in [
        ("auditor", "/v1/now/balances", "200"),
        ("courier", "/v1/now/balances", "403"),
        ("seller", "/v1/parcels?limit=5", "200"),
        ("administrator", "/v1/now/balances", "403"),
    ] {
        let link = &demo.of(role).link;
        assert_eq!(demo.status(&bed, &["-c", role, link]), "303", "{role}");
        assert_eq!(demo.status(&bed, &["-b", role, &there(path)]), status, "{role} {path}");
    }
    let other_site = ["-H", "Sec-Fetch-Site: cross-site", &demo.of("finance").link];
    assert_eq!(demo.status(&bed, &other_site), "403");
    assert_eq!(demo.status(&bed, &[&there("/as/nobody")]), "404");

    // With name, password and the code that an app shows by the clock of today.
    let csrf = demo.sign_in(&bed, "operator", "jar");
    let body = r#"{"reference": "north", "currency": "CNY"}"#;
    let refused = demo.give(&bed, "jar", &csrf, "register-bank", body);
    assert_eq!(refused["type"], "/problems/not-permitted", "{refused}");
    let parcels = demo.get(&bed, "jar", "/v1/parcels?limit=1");
    assert_eq!(parcels["items"].as_array().unwrap().len(), 1, "{parcels}");
    let old = demo.of("finance").password.clone();
    demo.stop();
    bed.verified("books");

    // Signing in moved no money: the day is shown as before, and the next one follows.
    bed.run("demo --data books --once").succeeds().prints("These books already had the whole day");
    let two = bed.run("demo --days 2 --hold 0 --weekly 0 --data books").succeeds();
    two.prints("equal: the books");

    let demo = start(&bed, "--days 2 --hold 0 --weekly 0 --data books");
    assert_ne!(demo.of("finance").password, old, "made anew");
    let csrf = demo.sign_in(&bed, "finance", "jar");
    let registered = demo.give(&bed, "jar", &csrf, "register-bank", body);
    assert_eq!(registered["outcome"], "carried_out", "{registered}");
    demo.stop();
    bed.run("demo --days 3 --hold 0 --weekly 0 --data books --once").succeeds();
}

#[test]
fn after_a_parcel_changed_the_books_are_served_as_they_are() {
    let bed = Bed::new();
    bed.run("demo --data books --once").succeeds();
    let demo = start(&bed, "--data books");
    let csrf = demo.sign_in(&bed, "finance", "jar");
    let sellers = demo.get(&bed, "jar", "/v1/sellers?limit=1");
    let seller = sellers["items"][0]["seller"].as_str().unwrap_or_else(|| panic!("{sellers}"));
    let body = format!(r#"{{"seller": "{seller}", "suspended": true}}"#);
    let done = demo.give(&bed, "jar", &csrf, "suspend-seller", &body);
    assert_eq!(done["outcome"], "carried_out", "{done}");
    demo.stop();
    bed.run("demo --data books --once").fails("others gave `SuspendSeller` to these books");
    let demo = start(&bed, "--data books");
    // The office's commands work beside it, as every person of these trial books.
    let beside = "setup bank beside --currency CNY --data books --person demo-finance";
    bed.run(beside).succeeds().prints("RegisterBank: carried out");
    bed.run("get banks --filter reference=beside --data books").succeeds().prints("beside");
    bed.run("status --data books").succeeds();
    let settings = bed.run("reload --data books");
    settings.fails("a demonstration has no settings to read again");
    demo.stop();
    bed.verified("books");
}

impl Demo {
    pub fn give(&self, bed: &Bed, jar: &str, csrf: &str, command: &str, body: &str) -> Value {
        let url = format!("{}/v1/commands/{command}", self.url);
        let (key, csrf) = (format!("Idempotency-Key: {command}"), format!("Doorstep-Csrf: {csrf}"));
        let json = "Content-Type: application/json";
        let all = ["-b", jar, "-H", json, "-H", &key, "-H", &csrf, "-d", body, &url];
        self.curl(bed, &all).json()
    }
}
