//! What terminals cost: memory of an idle one, processor time a message of busy ones.
//!
//! `cargo run --profile dist -p host --example terminals -- 9000 [tls]` starts a host, around a
//! switch that echoes each message, and a gateway. It connects this many terminals, lets each send
//! one message, and measures the memory of both processes. Then 1,000 of them send as fast as they
//! are answered.
#![allow(clippy::print_stdout, reason = "the figures are what is asked for")]

use std::error::Error;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use books::{Event, NetworkId, Refusal, Timestamp, WalletId};
use host::tls::{self, TlsIdentity};
use host::{
    ConnectionLimits, Gateway, GatewayPlan, Host, HostPlan, HostedSwitch, TerminalListener,
};
use iso8583::{Envelope, MessageBuilder, Mti, PosHeader, Tpdu, UNIONPAY_POS, WipedBytes};
use journal::MemoryJournal;
use node::{NoSnapshots, Node, NodeOptions, SystemClock};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use switch::{
    LinkId, Output, PhoneRequest, QueryResult, TerminalConnection, TerminalDialect,
    WalletNotification,
};

type Done<T> = Result<T, Box<dyn Error>>;
const BUSY: usize = 1_000;
const ROUNDS: u32 = 40;

struct Echo;

impl HostedSwitch for Echo {
    fn on_terminal_message(
        &mut self,
        line: TerminalConnection,
        _: &'static TerminalDialect,
        message: &mut [u8],
        _: Timestamp,
        out: &mut Vec<Output>,
    ) {
        out.push(Output::ToTerminal {
            connection: line,
            message: WipedBytes::from(message.to_vec()),
        });
    }
    fn on_link_up(&mut self, _: LinkId, _: Timestamp, _: &mut Vec<Output>) {}
    fn on_link_down(&mut self, _: LinkId, _: Timestamp, _: &mut Vec<Output>) {}
    fn on_network_message(&mut self, _: LinkId, _: &mut [u8], _: Timestamp, _: &mut Vec<Output>) {}
    fn on_command_answer(
        &mut self,
        _: u64,
        _: Result<Vec<Event>, Refusal>,
        _: Timestamp,
        _: &mut Vec<Output>,
    ) {
    }
    fn on_query_result(&mut self, _: u64, _: QueryResult, _: Timestamp, _: &mut Vec<Output>) {}
    fn on_wallet_order_query(&mut self, _: WalletId, _: &str, _: u64, _: &mut Vec<Output>) {}
    fn on_phone_request(&mut self, _: PhoneRequest, _: u64, _: Timestamp, _: &mut Vec<Output>) {}
    fn on_wallet_notification(&mut self, _: WalletNotification, _: u64, _: &mut Vec<Output>) {}
    fn is_signed_on(&self, _: LinkId) -> bool {
        true
    }

    fn withdrawn_from(&self, _: NetworkId) -> Option<Timestamp> {
        None
    }

    fn sign_off(&mut self, _: Timestamp, _: &mut Vec<Output>) {}

    fn refunds_due(&self, _: WalletId) -> Vec<(String, u64)> {
        Vec::new()
    }

    fn on_network_withdrawn(&mut self, _: NetworkId, _: Option<Timestamp>) {}
    fn change_settings(&mut self, _: &switch::Settings) {}

    fn tick(&mut self, _: Timestamp, _: &mut Vec<Output>) {}
    fn next_timer(&self) -> Option<Timestamp> {
        None
    }
    fn stop(&mut self) {}
    fn in_flight(&self) -> usize {
        0
    }

    fn queued_reversals(&self) -> usize {
        0
    }
}

fn main() -> Done<()> {
    let _ = host::Sockets::raise_files_max();
    let args: Vec<String> = std::env::args().collect();
    match args.get(1).map(String::as_str) {
        Some("engine") => engine(Path::new(&args[2]), args[3] == "tls"),
        Some("gateway") => gateway(Path::new(&args[2]), args[3] == "tls", args[4].parse()?),
        Some(count) => measure(count.parse()?, args.get(2).map_or("plain", |kind| kind)),
        None => Err("how many terminals?".into()),
    }
}

fn anywhere(identity: &TlsIdentity, by_tls: bool) -> Done<TerminalListener> {
    let tls = by_tls.then(|| tls::server(identity, None)).transpose()?;
    let (address, dialect) = ("127.0.0.1:0".parse()?, TerminalDialect::DOORSTEP);
    Ok(TerminalListener { address, tls, certified: false, dialect })
}

fn limits() -> ConnectionLimits {
    ConnectionLimits { accepts_per_second_max: 100_000, ..ConnectionLimits::default() }
}

fn engine(directory: &Path, by_tls: bool) -> Done<()> {
    let identity = identity(directory, "engine");
    let node =
        Node::start(Box::new(MemoryJournal::new()), Box::new(NoSnapshots), NodeOptions::default())?;
    let gateways = tls::server(&identity, Some(&directory.join("authority.pem")))?;
    let plan = HostPlan {
        limits: limits(),
        terminals: vec![anywhere(&identity, by_tls)?],
        gateways: vec![("127.0.0.1:0".parse()?, gateways)],
        ..HostPlan::default()
    };
    let mut door = Host::open(Echo, &node, plan, Box::new(SystemClock))?;
    println!("{} {}", door.addresses().terminals[0], door.addresses().gateways[0]);
    door.run()?;
    Ok(())
}

fn gateway(directory: &Path, by_tls: bool, engine: SocketAddr) -> Done<()> {
    let identity = identity(directory, "gateway");
    let tls = tls::client(&directory.join("authority.pem"), Some(&identity), "engine")?;
    let terminals = vec![anywhere(&self::identity(directory, "engine"), by_tls)?];
    let plan = GatewayPlan { limits: limits(), terminals, engine, tls };
    let mut gateway = Gateway::open(plan)?;
    println!("{}", gateway.addresses()[0]);
    gateway.run()?;
    Ok(())
}

fn identity(directory: &Path, name: &str) -> TlsIdentity {
    let file = |end: &str| directory.join(format!("{name}.{end}"));
    TlsIdentity { certificate: file("pem"), key: file("key") }
}

fn certify(directory: &Path) -> Done<()> {
    let mut params = CertificateParams::new(Vec::new())?;
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(params, KeyPair::generate()?)?;
    std::fs::write(directory.join("authority.pem"), authority.pem())?;
    for name in ["engine", "gateway"] {
        let TlsIdentity { certificate, key: file } = identity(directory, name);
        let key = KeyPair::generate()?;
        let params = CertificateParams::new(vec![name.to_owned()])?;
        std::fs::write(certificate, params.signed_by(&key, &authority)?.pem())?;
        std::fs::write(file, key.serialize_pem())?;
    }
    Ok(())
}

/// A process that ends with this one.
struct Process(Child);

impl Process {
    fn start(args: &[&str]) -> Done<(Process, String)> {
        let mut child =
            Command::new(std::env::current_exe()?).args(args).stdout(Stdio::piped()).spawn()?;
        let mut line = String::new();
        BufReader::new(child.stdout.take().ok_or("no output")?).read_line(&mut line)?;
        Ok((Process(child), line.trim().to_owned()))
    }

    /// Resident memory, in bytes.
    fn memory(&self) -> Done<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.0.id()))?;
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).ok_or("no VmRSS")?;
        let kib: u64 = line.split_whitespace().nth(1).ok_or("no figure")?.parse()?;
        Ok(kib * 1_024)
    }

    /// Processor time, in hundredths of a second.
    fn ticks(&self) -> Done<u64> {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.0.id()))?;
        let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or("").split(' ').collect();
        Ok(fields[12].parse::<u64>()? + fields[13].parse::<u64>()?)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

enum Terminal {
    Plain(TcpStream),
    Tls(Box<StreamOwned<ClientConnection, TcpStream>>),
}

impl Terminal {
    fn send(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        match self {
            Terminal::Plain(stream) => stream.write_all(bytes),
            Terminal::Tls(stream) => stream.write_all(bytes),
        }
    }

    fn receive(&mut self, bytes: &mut [u8]) -> std::io::Result<()> {
        match self {
            Terminal::Plain(stream) => stream.read_exact(bytes),
            Terminal::Tls(stream) => stream.read_exact(bytes),
        }
    }
}

fn measure(count: usize, kind: &str) -> Done<()> {
    let directory = tempfile::tempdir()?;
    certify(directory.path())?;
    let path = directory.path().to_str().ok_or("the path is not UTF-8")?;
    let (engine, addresses) = Process::start(&["engine", path, kind])?;
    let (direct, for_gateways) = addresses.split_once(' ').ok_or("two addresses")?;
    let (gateway, through) = Process::start(&["gateway", path, kind, for_gateways])?;
    std::thread::sleep(Duration::from_secs(1));
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(directory.path().join("authority.pem"))?)?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let settings = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    let settings = (kind == "tls").then(|| Arc::new(settings));
    for (place, address) in [("at a gateway", &*through), ("at the engine", direct)] {
        let before = [engine.memory()?, gateway.memory()?];
        let mut terminals = connect(address.parse()?, count, settings.as_ref())?;
        let idle = [engine.memory()?, gateway.memory()?];
        let each = |place: usize| idle[place].saturating_sub(before[place]) / count as u64;
        println!(
            "{count} terminals {place} ({kind}): engine {} B, gateway {} B each",
            each(0),
            each(1)
        );
        let ticks = [engine.ticks()?, gateway.ticks()?];
        let begun = Instant::now();
        let busy = count.min(BUSY);
        for _ in 0..ROUNDS {
            round(&mut terminals[..busy])?;
        }
        let took = begun.elapsed().as_millis().max(1);
        let messages = busy as u128 * u128::from(ROUNDS);
        let spent = [engine.ticks()? - ticks[0], gateway.ticks()? - ticks[1]];
        let micros = spent.map(|ticks| u128::from(ticks) * 10_000 / messages);
        println!(
            "  {} messages/s; on a processor, a message: engine {} µs, gateway {} µs",
            messages * 1_000 / took,
            micros[0],
            micros[1]
        );
    }
    Ok(())
}

fn connect(
    address: SocketAddr,
    count: usize,
    settings: Option<&Arc<ClientConfig>>,
) -> Done<Vec<Terminal>> {
    let mut terminals = Vec::with_capacity(count);
    for _ in 0..count {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(Duration::from_secs(20)))?;
        terminals.push(match settings {
            None => Terminal::Plain(stream),
            Some(settings) => {
                let session = ClientConnection::new(settings.clone(), "engine".try_into()?)?;
                Terminal::Tls(Box::new(StreamOwned::new(session, stream)))
            }
        });
    }
    for terminals in terminals.chunks_mut(500) {
        round(terminals)?;
    }
    Ok(terminals)
}

/// Each terminal sends a message, then each reads its answer.
fn round(terminals: &mut [Terminal]) -> Done<()> {
    let message = message()?;
    for terminal in &mut *terminals {
        terminal.send(&message)?;
    }
    let mut answer = vec![0; message.len()];
    for terminal in terminals {
        terminal.receive(&mut answer)?;
        assert_eq!(answer, message);
    }
    Ok(())
}

fn message() -> Done<Vec<u8>> {
    let message = MessageBuilder::new(&UNIONPAY_POS, Mti::M0820)
        .number(11, 1)
        .text(41, "12345678")
        .build()?;
    let tpdu = Tpdu { destination: 3, source: 0 };
    let mut frame = vec![0; 2];
    Envelope { tpdu, header: PosHeader::NORMAL }.write(&mut frame, &message);
    let length = u16::try_from(frame.len() - 2)?.to_be_bytes();
    frame[..2].copy_from_slice(&length);
    Ok(frame)
}
