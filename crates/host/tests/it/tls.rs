//! Terminals by TLS, and which certificates are trusted.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;

use host::tls::{self, TlsIdentity};
use host::{ConnectionLimits, HostPlan, TerminalListener};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

use crate::certificates::Authority;
use crate::script::{PATIENCE, RawTerminal, RunningHost, anywhere, echo, receive, short};

pub type Session = StreamOwned<ClientConnection, TcpStream>;

/// A client of the test, independent of the client under test.
pub fn connect(
    address: SocketAddr,
    authority: &Authority,
    identity: Option<&TlsIdentity>,
    name: &str,
) -> Session {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(&authority.file).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots);
    let settings = match identity {
        None => builder.with_no_client_auth(),
        Some(TlsIdentity { certificate, key }) => builder
            .with_client_auth_cert(
                vec![CertificateDer::from_pem_file(certificate).unwrap()],
                PrivateKeyDer::from_pem_file(key).unwrap(),
            )
            .unwrap(),
    };
    let name = name.to_owned().try_into().unwrap();
    let session = ClientConnection::new(Arc::new(settings), name).unwrap();
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    StreamOwned::new(session, stream)
}

/// Whether a client that sends `message` gets an answer.
pub fn is_let_in(session: &mut Session, message: &[u8]) -> bool {
    let mut byte = [0];
    session.write_all(message).is_ok() && matches!(session.read(&mut byte), Ok(1))
}

fn listening(authority: &Authority, clients: bool, limits: ConnectionLimits) -> RunningHost {
    let identity = authority.identity("engine");
    let clients = clients.then_some(authority.file.as_path());
    let tls = Some(tls::server(&identity, clients).unwrap());
    let terminals = vec![TerminalListener { tls, ..anywhere() }];
    RunningHost::of(HostPlan { terminals, limits, ..HostPlan::default() })
}

#[test]
fn terminals_may_speak_tls() {
    let directory = tempfile::tempdir().unwrap();
    let authority = Authority::new(directory.path(), "authority");
    let running = listening(&authority, false, ConnectionLimits::default());
    let address = running.at.terminals[0];
    let mut sessions: Vec<Session> =
        (0..20).map(|_| connect(address, &authority, None, "engine")).collect();
    for (stan, session) in (1..).zip(&mut sessions) {
        session.write_all(&echo(stan)).unwrap();
        assert_eq!(receive(session), echo(stan));
    }
    for session in &mut sessions {
        for byte in echo(50) {
            session.write_all(&[byte]).unwrap();
        }
        assert_eq!(receive(session), echo(50));
    }
}

#[test]
fn long_answers_by_tls_arrive_whole_at_a_slow_reader() {
    const ANSWERS: usize = 200;
    let directory = tempfile::tempdir().unwrap();
    let authority = Authority::new(directory.path(), "authority");
    let limits = ConnectionLimits { waiting_bytes_max: 16 << 20, ..ConnectionLimits::default() };
    let running = listening(&authority, false, limits);
    running.seen().answer_bytes = Some(60_000);
    let mut session = connect(running.at.terminals[0], &authority, None, "engine");
    for _ in 0..ANSWERS {
        session.write_all(&echo(1)).unwrap();
    }
    // More than the system buffers for a connection, so the rest waits in the process.
    let all = u64::try_from(ANSWERS).unwrap();
    running.wait_until("all requests have arrived", |seen| seen.messages == all);
    for _ in 0..ANSWERS {
        assert_eq!(receive(&mut session).len(), 60_002);
    }
}

#[test]
fn with_client_certificates_only_those_of_our_authority_are_admitted() {
    let directory = tempfile::tempdir().unwrap();
    let authority = Authority::new(directory.path(), "authority");
    let others = Authority::new(directory.path(), "strangers");
    let running = listening(&authority, true, ConnectionLimits::default());
    let address = running.at.terminals[0];
    let ours = authority.identity("terminal");
    assert!(is_let_in(&mut connect(address, &authority, Some(&ours), "engine"), &echo(1)));
    let theirs = others.identity("stranger");
    assert!(!is_let_in(&mut connect(address, &authority, Some(&theirs), "engine"), &echo(1)));
    assert!(!is_let_in(&mut connect(address, &authority, None, "engine"), &echo(1)));
    assert_eq!(running.seen().messages, 1);
}

#[test]
fn an_unfinished_handshake_ends_at_its_timeout() {
    let directory = tempfile::tempdir().unwrap();
    let authority = Authority::new(directory.path(), "authority");
    let running = listening(&authority, false, short());
    let mut silent = RawTerminal::at(running.at.terminals[0]);
    let mut plain = RawTerminal::at(running.at.terminals[0]);
    plain.send(&echo(1));
    assert!(plain.is_closed());
    assert!(silent.is_closed());
}

#[test]
fn errors_name_the_file_that_is_wrong() {
    let directory = tempfile::tempdir().unwrap();
    let authority = Authority::new(directory.path(), "authority");
    let identity = authority.identity("engine");
    let swapped =
        TlsIdentity { certificate: identity.key.clone(), key: identity.certificate.clone() };
    let error = tls::server(&swapped, None).unwrap_err().to_string();
    assert!(error.contains("engine-key.pem has no certificate"), "{error}");
    let missing = TlsIdentity { key: directory.path().join("none.pem"), ..identity };
    let error = tls::server(&missing, None).unwrap_err().to_string();
    assert!(error.contains("none.pem") && error.contains("private key"), "{error}");
    assert!(tls::client(&authority.file, None, "not a name!").is_err());
}
