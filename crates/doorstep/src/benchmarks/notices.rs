//! `doorstep bench notices`: webhooks from an outbox on disk to a receiver in its own process.

use std::collections::{BTreeMap, HashMap};
use std::fs::{DirBuilder, OpenOptions};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::sleep;
use std::time::{Duration, Instant};

use ::notices::limits::BACKLOG_NOTICES_MAX;
use ::notices::{
    AddressToAdd, ChannelRules, DeliveryRules, DriverEvent, DriverParts, KeptAddresses, NewNotice,
    NoticeBook, NoticeChannel, NoticeDriver, NoticeFigures, NoticeSender, OUTBOX_FILE, Outbox,
    Recipient,
};
use anyhow::{Context, ensure};
use books::SellerId;
use channels::{AllowedServers, HttpSettings, NoticeLanguage, WebhookChannel};
use clap::{Args, ValueEnum};
use host::tls::{self, TlsIdentity};
use journal::{ChainHash, JournalHead, Sequence};
use keys::{Algorithm, KeyName, KeyPurpose, KeyStore as _, MasterKey, SoftwareStore};
use node::{Clock, SystemClock};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use serde::Serialize;
use vault::{Vault, VaultKey, VaultOptions};

use super::{NewDirectory, show};
use crate::certificates;
use crate::words::{Lang, bilingual, grouped, left, right, say};

/// Of one seller, as the notice book allows.
const ENDPOINTS_OF_SELLER: u32 = 10;
const NOTICES_OF_BATCH: u64 = 1_000;
/// Nobody waits longer for one more arrival.
const SILENCE_MAX: Duration = Duration::from_secs(120);
/// Of all notices, how many have arrived when the sender is killed, in percent.
const KILLED_AT_PERCENT: u64 = 90;
const HOST: &str = "localhost";
/// Of a request.
const HEAD_LINES_MAX: usize = 64;
const BODY_BYTES_MAX: u64 = 64 << 10;
/// Ticks per second of the kernel's processor times (`getconf CLK_TCK`).
const TICKS_PER_SECOND: u64 = 100;

#[derive(Args, Debug)]
pub struct NoticesBenchArgs {
    /// Number of notices
    #[arg(long, default_value_t = 100_000)]
    #[arg(value_parser = clap::value_parser!(u64).range(100..=10_000_000))]
    notices: u64,
    /// Webhook endpoints that get them in turn; each gets one after another
    #[arg(long, default_value_t = 200)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=10_000))]
    endpoints: u32,
    /// The directory for all files; it must not exist yet [default: a temporary directory in the
    /// current one]
    #[arg(long)]
    data: Option<PathBuf>,
    /// Print one JSON object, amounts in minor units
    #[arg(long)]
    json: bool,
    /// A process of the benchmark itself
    #[arg(long, hide = true, requires = "data")]
    part: Option<BenchPart>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum BenchPart {
    /// Sends what is in the outbox
    Sender,
    /// Takes webhooks and counts them
    Receiver,
}

#[derive(Serialize)]
struct NoticesBenchFigures {
    notices: u64,
    endpoints: u32,
    /// Before the kill.
    milliseconds: u64,
    notices_per_minute: u64,
    /// Of the process that sends.
    cpu_us_per_notice: u64,
    /// How many had arrived when the sender was killed.
    killed_after: u64,
    arrived: u64,
    /// Of them, twice: under the same id.
    twice: u64,
    outbox_bytes: u64,
}

pub fn run(args: &NoticesBenchArgs) -> anyhow::Result<()> {
    match (args.part, &args.data) {
        (Some(BenchPart::Receiver), Some(data)) => receive(data),
        (Some(BenchPart::Sender), Some(data)) => send(data),
        _ => {
            let directory = NewDirectory::at(args.data.as_deref(), "notices")?;
            let figures = measure(args.notices, args.endpoints, &directory.path)?;
            show(&figures, args.json, print_table)
        }
    }
}

fn print_table(figures: &NoticesBenchFigures) {
    let lang = Lang::current();
    let row = |label: &str, figure: String| say!("  {} {}", left(label, 36), right(&figure, 26));
    let count = |count: u64| grouped(&count.to_string());
    row(lang.pick("notices", "通知"), count(figures.notices));
    row(lang.pick("endpoints", "接收地址"), count(figures.endpoints.into()));
    row(lang.pick("notices a minute", "每分钟通知"), count(figures.notices_per_minute));
    row(
        lang.pick("sender, CPU µs/notice", "发送进程，每条 CPU 微秒"),
        count(figures.cpu_us_per_notice),
    );
    row(lang.pick("outbox, bytes", "发件箱，字节"), count(figures.outbox_bytes));
    let (killed, arrived) = (count(figures.killed_after), count(figures.arrived));
    let twice = count(figures.twice);
    say!(
        "{}",
        bilingual!(
            "The sender was killed after {killed} and went on: {arrived} arrived, {twice} of them \
             twice, under the same id.",
            "发送进程在 {killed} 条之后被强杀，随后继续：送达 {arrived} 条，其中 {twice} 条两次，\
             编号相同。"
        )
    );
}

/// A process of the benchmark, killed on drop.
struct Part {
    child: Child,
    said: BufReader<ChildStdout>,
}

impl Part {
    fn start(part: &str, data: &Path) -> anyhow::Result<Part> {
        let program = std::env::current_exe().context("the path of this program")?;
        let mut command = Command::new(program);
        command.args(["bench", "notices", "--part", part, "--data"]).arg(data);
        let log = std::fs::File::create(data.join(format!("{part}.log")))?;
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(log);
        let mut child = command.spawn().context("a process of the benchmark")?;
        let said = BufReader::new(child.stdout.take().context("its output")?);
        Ok(Part { child, said })
    }

    fn line(&mut self) -> anyhow::Result<String> {
        let mut line = String::new();
        let length = self.said.read_line(&mut line)?;
        ensure!(length > 0, "a process of the benchmark ended; its log is in --data");
        Ok(line.trim().to_owned())
    }

    /// Processor time in microseconds, user and system.
    fn used_us(&self) -> u64 {
        let path = format!("/proc/{}/stat", self.child.id());
        let status = std::fs::read_to_string(path).unwrap_or_default();
        let behind_name = status.rsplit(')').next().unwrap_or_default();
        let ticks = behind_name.split_whitespace().skip(11).take(2);
        let ticks: u64 = ticks.filter_map(|ticks| ticks.parse::<u64>().ok()).sum();
        ticks * 1_000_000 / TICKS_PER_SECOND
    }

    /// How many webhooks the receiver got, and how many ids they have.
    fn counts(&mut self) -> anyhow::Result<(u64, u64)> {
        self.child.stdin.as_mut().context("its input")?.write_all(b"count\n")?;
        let line = self.line()?;
        let numbers = line.split_once(' ').context("its counts")?;
        Ok((numbers.0.parse()?, numbers.1.parse()?))
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Waits until so many ids have arrived. Returns how many had, and when.
fn wait_for(receiver: &mut Part, count: u64) -> anyhow::Result<(u64, Instant)> {
    let mut last = (0, Instant::now());
    loop {
        let (_, ids) = receiver.counts()?;
        let now = Instant::now();
        if ids >= count {
            return Ok((ids, now));
        }
        if ids > last.0 {
            last = (ids, now);
        }
        ensure!(last.1.elapsed() < SILENCE_MAX, "only {ids} of {count} notices arrived");
        sleep(Duration::from_millis(10));
    }
}

fn measure(notices: u64, endpoints: u32, data: &Path) -> anyhow::Result<NoticesBenchFigures> {
    let each = notices.div_ceil(endpoints.into());
    ensure!(
        each <= u64::from(BACKLOG_NOTICES_MAX),
        bilingual!(
            "each endpoint would have {each} waiting, of at most {BACKLOG_NOTICES_MAX}; give more \
             --endpoints",
            "每个接收地址将有 {each} 条待发，上限 {BACKLOG_NOTICES_MAX}；请增加 --endpoints"
        )
    );
    DirBuilder::new().mode(0o700).recursive(true).create(data)?;
    certificates::for_server(&data.join("tls"), HOST)?;
    let mut receiver = Part::start("receiver", data)?;
    let port: u16 = receiver.line()?.parse()?;
    prepare(notices, endpoints, port, data)?;
    let sender = Part::start("sender", data)?;
    let (_, begun) = wait_for(&mut receiver, 1)?;
    let used_us = sender.used_us();
    let (killed_after, at) = wait_for(&mut receiver, notices * KILLED_AT_PERCENT / 100)?;
    let used_us = sender.used_us() - used_us;
    let took = at.duration_since(begun);
    // SIGKILL.
    drop(sender);
    let _sender = Part::start("sender", data)?;
    wait_for(&mut receiver, notices)?;
    let outbox = Outbox::open(data, DeliveryRules::default())?;
    let begun = Instant::now();
    while outbox.open_of(NoticeChannel::Webhook)?.count > 0 {
        ensure!(begun.elapsed() < SILENCE_MAX, "notices that arrived stay open");
        sleep(Duration::from_millis(10));
    }
    let (received, arrived) = receiver.counts()?;
    let delivered = outbox.counts()?.delivered;
    ensure!(
        arrived == notices && delivered == notices,
        "{arrived} of {notices} notices arrived, {delivered} are delivered"
    );
    let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX).max(1);
    Ok(NoticesBenchFigures {
        notices,
        endpoints,
        milliseconds: micros / 1_000,
        notices_per_minute: killed_after.saturating_mul(60_000_000) / micros,
        cpu_us_per_notice: used_us / killed_after.max(1),
        killed_after,
        arrived,
        twice: received - arrived,
        outbox_bytes: std::fs::metadata(data.join(OUTBOX_FILE))?.len(),
    })
}

fn rules() -> DeliveryRules {
    let channels = BTreeMap::from([(NoticeChannel::Webhook, ChannelRules::default())]);
    DeliveryRules { channels, ..DeliveryRules::default() }
}

fn vault_key(data: &Path) -> anyhow::Result<VaultKey> {
    let path = data.join("master.key");
    if !path.exists() {
        let mut options = OpenOptions::new();
        let mut file = options.write(true).create_new(true).mode(0o600).open(&path)?;
        file.write_all("5a".repeat(32).as_bytes())?;
    }
    let store =
        SoftwareStore::open_or_create(&data.join("keys.json"), MasterKey::from_file(&path)?)?;
    let name = KeyName::new("vault")?;
    if store.list()?.is_empty() {
        store.generate(name, KeyPurpose::DataKeys, Algorithm::Aes256)?;
    }
    Ok(VaultKey { store: Arc::new(store), name })
}

/// Fills the notice book and the outbox.
fn prepare(notices: u64, endpoints: u32, port: u16, data: &Path) -> anyhow::Result<()> {
    let now = SystemClock.now();
    let key = vault_key(data)?;
    let mut book = NoticeBook::open(data, Some(&key))?;
    let mut numbers = Vec::new();
    for endpoint in 0..endpoints {
        let owner = Recipient::Seller(SellerId(u64::from(endpoint / ENDPOINTS_OF_SELLER) + 1));
        let address = format!("https://{HOST}:{port}/hooks/{endpoint}");
        let new = AddressToAdd {
            owner,
            channel: NoticeChannel::Webhook,
            language: NoticeLanguage::En,
            events: &[],
            ed25519: true,
            address: &address,
            by: "bench",
        };
        numbers.push((owner, book.add(new, now)?.0));
    }
    let fields = serde_json::json!({
        "payout": "20261130000000000017", "amount": "1234.50", "currency": "CNY",
    });
    let serde_json::Value::Object(fields) = fields else { return Ok(()) };
    let mut outbox = Outbox::open(data, rules())?;
    let head = |batch: u64| {
        let hash = if batch == 0 { ChainHash::ZERO } else { ChainHash::new([7; 32]) };
        JournalHead { sequence: Sequence::new(batch), hash }
    };
    let mut made = 0;
    let mut turns = numbers.iter().cycle();
    for batch in 1.. {
        let count = NOTICES_OF_BATCH.min(notices - made);
        if count == 0 {
            break;
        }
        let new = (1..).zip(turns.by_ref()).take(usize::try_from(count)?);
        let new = new.map(|(place, (owner, endpoint))| NewNotice {
            batch: Sequence::new(batch),
            command: 1,
            place,
            recipient: Recipient::Endpoint(*endpoint),
            owner: *owner,
            channel: NoticeChannel::Webhook,
            others: Vec::new(),
            event: "payout.confirmed",
            fields: fields.clone(),
            table_version: 0,
            entry: 0,
            in_digest: false,
            ignores_quiet_hours: false,
            made_at_ms: now.0,
        });
        outbox.record(head(batch - 1), head(batch), &new.collect::<Vec<_>>())?;
        made += count;
    }
    std::fs::write(data.join("port"), port.to_string())?;
    Ok(())
}

/// Sends until it is killed.
fn send(data: &Path) -> anyhow::Result<()> {
    let port = std::fs::read_to_string(data.join("port"))?;
    let settings = HttpSettings {
        authorities: tls::certificates(&data.join("tls/authority.pem"))?,
        allowed: AllowedServers::read([format!("{HOST}:{port}").as_str()])?,
        timeout: Duration::from_secs(20),
    };
    let key = vault_key(data)?;
    let book = Arc::new(Mutex::new(NoticeBook::open(data, Some(&key))?));
    let vault = Mutex::new(Vault::new(data, VaultOptions { key: Some(key), server: None }));
    let language = Mutex::new(NoticeLanguage::En);
    let sender: NoticeSender = Arc::new(WebhookChannel::new(&settings));
    let _driver = NoticeDriver::start(DriverParts {
        outbox: Arc::new(Mutex::new(Outbox::open_to_send(data, rules())?)),
        book: book.clone(),
        addresses: Arc::new(KeptAddresses { book, vault, language }),
        bodies: None,
        senders: BTreeMap::from([(NoticeChannel::Webhook, sender)]),
        clock: Box::new(SystemClock),
        figures: Arc::new(NoticeFigures::default()),
        // For the log of this process.
        on_event: Box::new(|event: DriverEvent| {
            let _ = writeln!(std::io::stderr(), "{event:?}");
        }),
    })?;
    loop {
        sleep(SILENCE_MAX);
    }
}

/// Counts webhooks by their ids until its input ends.
fn receive(data: &Path) -> anyhow::Result<()> {
    let (certificate, key) = (data.join("tls/localhost.pem"), data.join("tls/localhost.key"));
    let config = tls::server(&TlsIdentity { certificate, key }, None)?;
    let listener = TcpListener::bind("127.0.0.1:0")?;
    say!("{}", listener.local_addr()?.port());
    let ids: Arc<Mutex<HashMap<String, u64>>> = Arc::default();
    let counted = ids.clone();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let (config, ids) = (config.clone(), counted.clone());
            std::thread::spawn(move || {
                // A connection ends when its sender does.
                let _ = serve(stream, config, &ids);
            });
        }
    });
    for _ in std::io::stdin().lines().map_while(Result::ok) {
        let (received, distinct) = {
            let ids = ids.lock().unwrap_or_else(PoisonError::into_inner);
            (ids.values().sum::<u64>(), ids.len())
        };
        say!("{received} {distinct}");
    }
    Ok(())
}

/// Answers the requests of one connection.
fn serve(
    stream: std::net::TcpStream,
    config: Arc<ServerConfig>,
    ids: &Mutex<HashMap<String, u64>>,
) -> anyhow::Result<()> {
    stream.set_nodelay(true)?;
    let mut reader = BufReader::new(StreamOwned::new(ServerConnection::new(config)?, stream));
    loop {
        let (mut length, mut id, mut is_signed) = (0_u64, String::new(), false);
        for number in 0.. {
            let mut line = String::new();
            let is_over = reader.read_line(&mut line)? == 0 || number > HEAD_LINES_MAX;
            ensure!(!is_over, "the connection ended");
            let line = line.trim_end();
            if line.is_empty() {
                break;
            }
            let (name, value) = line.split_once(": ").unwrap_or((line, ""));
            match name.to_ascii_lowercase().as_str() {
                "content-length" => length = value.parse()?,
                "webhook-id" => id = value.to_owned(),
                "webhook-signature" => is_signed = value.starts_with("v1a,"),
                _ => {}
            }
        }
        ensure!(is_signed && length <= BODY_BYTES_MAX, "no signed webhook");
        let mut body = Vec::new();
        reader.by_ref().take(length).read_to_end(&mut body)?;
        *ids.lock().unwrap_or_else(PoisonError::into_inner).entry(id).or_default() += 1;
        let answer = b"HTTP/1.1 204 No Content\r\ncontent-length: 0\r\n\r\n";
        reader.get_mut().write_all(answer)?;
        reader.get_mut().flush()?;
    }
}
