//! Peers in Python and Node, and what the tests send to them.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use channels::{AllowedServers, HttpSettings, NoticeLanguage, OutgoingNotice, SendOutcome};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls_pki_types::CertificateDer;
use serde_json::Value;
use tempfile::TempDir;

/// Long: a busy machine must not end it.
pub const PATIENT: Duration = Duration::from_secs(60);
/// Short, where the peer never answers.
pub const IMPATIENT: Duration = Duration::from_secs(4);

/// A program that says a line of JSON at a time, the first with its port.
pub struct Peer {
    child: Child,
    input: ChildStdin,
    lines: Receiver<String>,
    pub port: u16,
}

impl Peer {
    pub fn python(script: &str, arguments: &[&str]) -> Peer {
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        let own = here.join("../../target/python/bin/python");
        let python = std::env::var_os("DOORSTEP_PYTHON").map_or(own, PathBuf::from);
        assert!(python.exists(), "{} is missing: run ./test", python.display());
        let mut command = Command::new(python);
        command.arg("-B").arg(here.join("tests/python").join(script)).args(arguments);
        Peer::start(command)
    }

    pub fn smsc(arguments: &[&str]) -> Peer {
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        let packages = here.join("../../target/node");
        let there = packages.join("node_modules/smpp").exists();
        assert!(there, "{} has no smpp: run ./test", packages.display());
        let mut command = Command::new("node");
        command.arg(here.join("tests/smsc.mjs")).arg(packages).args(arguments);
        Peer::start(command)
    }

    fn start(mut command: Command) -> Peer {
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let input = child.stdin.take().unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        let (sender, lines) = channel();
        thread::spawn(move || {
            output.lines().map_while(Result::ok).all(|line| sender.send(line).is_ok())
        });
        let mut peer = Peer { child, input, lines, port: 0 };
        peer.port = peer.next()["port"].as_u64().unwrap().try_into().unwrap();
        peer
    }

    pub fn next(&self) -> Value {
        let line = self.lines.recv_timeout(PATIENT).expect("the peer says something");
        serde_json::from_str(&line).unwrap_or_else(|_| panic!("not JSON: {line:?}"))
    }

    /// The next line with a key; others are left out.
    pub fn next_with(&self, key: &str) -> Value {
        loop {
            let line = self.next();
            if line.get(key).is_some() {
                return line;
            }
        }
    }

    pub fn tell(&mut self, line: &str) {
        writeln!(self.input, "{line}").unwrap();
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A certificate of `localhost` and its key as files, and the authority that issued it.
pub struct Identity {
    directory: TempDir,
    pub authority: CertificateDer<'static>,
}

impl Identity {
    pub fn new() -> Identity {
        let mut authority = CertificateParams::default();
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(authority, KeyPair::generate().unwrap()).unwrap();
        let key = KeyPair::generate().unwrap();
        let server = CertificateParams::new(["localhost".to_owned()]).unwrap();
        let certificate = server.signed_by(&key, &issuer).unwrap();
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("server.pem"), certificate.pem()).unwrap();
        std::fs::write(directory.path().join("server.key"), key.serialize_pem()).unwrap();
        Identity { directory, authority: issuer.der().clone() }
    }

    /// The paths of the certificate and the key.
    pub fn files(&self) -> [String; 2] {
        ["server.pem", "server.key"]
            .map(|name| self.directory.path().join(name).to_str().unwrap().to_owned())
    }
}

/// Requests that may reach a port of this machine.
pub fn http_to(port: u16, timeout: Duration) -> HttpSettings {
    let server = format!("127.0.0.1:{port}");
    HttpSettings {
        authorities: Vec::new(),
        allowed: AllowedServers::read([server.as_str()]).unwrap(),
        timeout,
    }
}

pub fn notice<'n>(title: &'n str, text: &'n str, payload: &'n Value) -> OutgoingNotice<'n> {
    OutgoingNotice {
        id: "4711-0_seller-7",
        event: "payout.sent",
        title,
        text,
        html: None,
        list: None,
        language: NoticeLanguage::Zh,
        payload,
        at_ms: 1_764_511_200_000,
    }
}

pub fn delivered(receipt: Option<&str>) -> SendOutcome {
    SendOutcome::Delivered { receipt: receipt.map(str::to_owned) }
}

#[track_caller]
pub fn assert_not_known(outcome: &SendOutcome) {
    assert!(matches!(outcome, SendOutcome::NotKnown { .. }), "{outcome:?}");
}

#[track_caller]
pub fn assert_refused(outcome: &SendOutcome, part: &str) {
    let says = matches!(outcome, SendOutcome::Refused { why } if why.contains(part));
    assert!(says, "{outcome:?} should be refused with {part:?}");
}

#[track_caller]
pub fn assert_failed(outcome: &SendOutcome, part: &str) -> Option<u64> {
    match outcome {
        SendOutcome::Failed { why, again_after_ms } if why.contains(part) => *again_after_ms,
        _ => panic!("{outcome:?} should fail with {part:?}"),
    }
}

#[track_caller]
pub fn assert_gone(outcome: &SendOutcome) {
    assert!(matches!(outcome, SendOutcome::Gone { .. }), "{outcome:?}");
}
