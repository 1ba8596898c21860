//! Files that are sent in: streamed to the disk of the books, then carried out as `doorstep import`
//! and `doorstep file` do it.

use std::collections::BTreeSet;
use std::io::{self, Read};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::time::{Duration, Instant};

use access::{AccessFunction, AccessGrant, AccessScope};
use axum::body::{Body, Bytes};
use axum::http::{HeaderValue, Response, StatusCode, header};
use books::SellerId;
use engine::Actor;
use http_body_util::BodyExt;
use node::JournalPosition;
use office::sent_files::{FILES_BYTES_MAX, ReceivedFiles};
use office::socket::SentLine;
use office::{OfficeError, SentFile};
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use tokio::sync::OwnedSemaphorePermit;

use crate::app::{Call, HttpAnswer, POSITION, json_answer};
use crate::idempotency::RunningKey;
use crate::limits::{FILE_SECONDS_MAX, FILE_SILENCE_SECONDS_MAX, FILES_WAIT_SECONDS_MAX};
use crate::operations::FileKind;
use crate::problem::{Problem, ProblemKind};
use crate::query::QueryParameters;
use crate::words::{BilingualText, words};

/// Blocks of a body that wait to be written.
const BLOCKS_WAITING_MAX: usize = 16;
const COLUMNS: u16 = 120;
pub(crate) const OFFER_FILE_PATH: &str = "/v1/offers-file";
/// The parameter with the SHA-256 of the file that was checked.
const CHECKED: &str = "checked";
/// The parameter with the name of the file, by which its format and day are found.
const NAME: &str = "name";

/// How a file is carried out.
struct FileSpec {
    line: &'static [&'static str],
    /// The argument of the file.
    file: &'static str,
    flags: &'static [&'static str],
    /// The command that it gives most, for the rights of the sender.
    gives: &'static str,
}

/// The parameters that a file takes.
pub(crate) fn flags(kind: FileKind) -> &'static [&'static str] {
    spec(kind).flags
}

fn spec(kind: FileKind) -> FileSpec {
    match kind {
        FileKind::Orders => FileSpec {
            line: &["import"],
            file: "orders",
            flags: &["profile", "seller", "currency", "encoding", "strict", "check", CHECKED],
            gives: "AnnounceParcel",
        },
        FileKind::Offers => FileSpec {
            line: &["offers", "import"],
            file: "file",
            flags: &["profile", "seller", "currency", "category", "encoding", "check", CHECKED],
            gives: "DraftOffer",
        },
        FileKind::Incoming => FileSpec {
            line: &["file"],
            file: "files",
            flags: &[
                NAME,
                "network",
                "wallet",
                "firm",
                "bank",
                "profile",
                "encoding",
                "date",
                "accept-breaks",
                "dry-run",
            ],
            gives: "BeginFile",
        },
        FileKind::Closings => FileSpec {
            line: &["recon", "close"],
            file: "file",
            flags: &["dry-run"],
            gives: "ApproveBreakResolution",
        },
    }
}

pub(super) async fn take(mut call: Call, kind: FileKind) -> HttpAnswer {
    let spec = spec(kind);
    let query = QueryParameters::read(call.parts.uri.query(), spec.flags)?;
    call.accepted(&["application/json"])?;
    call.require_content(&["application/octet-stream", "text/csv", "text/plain"])?;
    let function = AccessFunction::GiveNamed(spec.gives);
    let sellers = match kind {
        FileKind::Orders | FileKind::Offers => own_sellers(&call, function)?,
        FileKind::Incoming | FileKind::Closings => {
            call.require_all(function)?;
            None
        }
    };
    // A shop's own program needs no person. What is for everybody's orders does.
    if sellers.is_none() && !matches!(call.caller()?.principal.actor, Actor::Person(_)) {
        return Err(ProblemKind::NeedsPerson.into());
    }
    let bytes = call.header(header::CONTENT_LENGTH).and_then(|text| text.parse::<u64>().ok());
    let bytes = bytes.ok_or(ProblemKind::LengthRequired)?;
    if bytes > FILES_BYTES_MAX {
        return Err(ProblemKind::BodyTooLarge.into());
    }
    let (sender, body) = FileBody::of(bytes, true);
    let sending = tokio::spawn(send(call.take_body(), sender));
    let done = carry_out(&call, kind, &query, body).await;
    sending.abort();
    let (body, succeeded, position) = done?;
    let status = if succeeded { StatusCode::OK } else { StatusCode::ACCEPTED };
    json_answer(status, &body, Some(position))
}

/// Carries out a file as it arrives, with the flags of a query. Returns what `--json` prints, and
/// whether all of the file was taken.
pub(crate) async fn carry_out(
    call: &Call,
    kind: FileKind,
    query: &QueryParameters,
    body: FileBody,
) -> Result<(Value, bool, JournalPosition), Problem> {
    let spec = spec(kind);
    let sellers = match kind {
        FileKind::Orders | FileKind::Offers => {
            own_sellers(call, AccessFunction::GiveNamed(spec.gives))?
        }
        FileKind::Incoming | FileKind::Closings => None,
    };
    let by = call.caller()?.principal.actor;
    let checked = query.iter().find(|(flag, _)| *flag == CHECKED).map(|(_, sum)| sum.to_owned());
    let mut arguments: Vec<String> = spec.line.iter().map(|word| (*word).to_owned()).collect();
    let flags = query.iter().filter(|(flag, _)| ![CHECKED, NAME].contains(flag));
    arguments.extend(flags.map(|(flag, value)| match (flag, value) {
        ("strict" | "dry-run" | "accept-breaks" | "check", "" | "true") => format!("--{flag}"),
        (flag, value) => format!("--{flag}={value}"),
    }));
    arguments.push("--json".to_owned());
    let name = query.iter().find(|(flag, _)| *flag == NAME).map(|(_, name)| name);
    let file = SentFile {
        flag: spec.file.to_owned(),
        name: name.unwrap_or("sent.csv").to_owned(),
        bytes: body.bytes,
        in_folder: false,
    };
    let in_work = begin(call)?;
    let (lines, office, language) =
        (call.app.lines.clone(), call.app.office.clone(), call.language);
    let chinese = call.app.texts.chinese;
    let done = call.app.workers.run(move |giver| {
        let of_office = |error: OfficeError| Problem::of_office(error, chinese);
        let _in_work = in_work;
        let announced = std::slice::from_ref(&file);
        let received = ReceivedFiles::begin(&giver.data, announced, &office.received);
        let mut received = received.map_err(|error| of_office(error.into()))?;
        let FileBody { from, is_exact, .. } = body;
        let mut from = Blocks::of(from);
        let done = match is_exact {
            true => received.receive(&file, &mut from),
            false => received.receive_to_end(&file, &mut from),
        };
        done.map_err(|error| of_office(error.into()))?;
        let sum = base16ct::lower::encode_string(&from.sum.finalize()[..]);
        if checked.is_some_and(|checked| !checked.eq_ignore_ascii_case(&sum)) {
            let detail = words!(
                "this is not the file that was checked; check it again, and send the same bytes",
                "这不是已检查的文件；请重新检查，并发送相同内容"
            );
            return Err(Problem::new(ProblemKind::DoesNotFit, detail).with_field(CHECKED));
        }
        // One file after the other is carried out; many are received meanwhile.
        let within = Duration::from_secs(FILES_WAIT_SECONDS_MAX);
        let _one_at_a_time = office.files_within(within).ok_or_else(files_busy)?;
        let is_closed = || office.with(|_| Ok(())).is_err();
        if is_closed() {
            return Err(of_office(OfficeError::Closed));
        }
        let sellers = sellers.as_ref();
        let line = SentLine { arguments: &arguments, columns: COLUMNS, language, by, sellers };
        let printed = lines.take_files(&line, &received, &[], &is_closed);
        let position = giver.client.query(|_| ()).map_err(|error| of_office(error.into()))?.1;
        Ok::<_, Problem>((printed, position, sum))
    });
    let (printed, position, sum) = done.await??;
    let refused = |why: String| {
        Problem::new(
            ProblemKind::FileRefused,
            BilingualText { en: why.clone().into(), zh: why.into() },
        )
    };
    let printed = printed.map_err(refused)?;
    match serde_json::from_str::<Value>(&printed.output) {
        Ok(mut body) => {
            if matches!(kind, FileKind::Orders | FileKind::Offers) {
                body["sha256"] = sum.into();
            }
            Ok((body, printed.succeeded, position))
        }
        Err(_) => Err(refused(printed.errors.trim().to_owned())),
    }
}

/// The offers that a caller sees, as CSV.
pub(crate) async fn offers(call: Call) -> HttpAnswer {
    QueryParameters::read(call.parts.uri.query(), &[])?;
    call.accepted(&["text/csv"])?;
    let sellers = own_sellers(&call, AccessFunction::Read("offers"))?;
    let data = call.app.data.clone();
    let done = call.app.workers.run(move |giver| {
        let look = move |engine: &engine::Engine| {
            office::offers::exported(engine, engine.last_at(), sellers.as_ref())
        };
        let (offers, position) = giver.client.query(look).map_err(Problem::internal)?;
        let csv = office::offers::as_csv(offers, &data).map_err(Problem::internal)?;
        Ok::<_, Problem>((csv, position))
    });
    let (csv, position) = done.await??;
    let mut response = Response::new(Body::from(csv));
    let headers = response.headers_mut();
    let content = HeaderValue::from_static("text/csv; charset=utf-8; header=present");
    headers.insert(header::CONTENT_TYPE, content);
    let name = HeaderValue::from_static("attachment; filename=\"offers.csv\"");
    headers.insert(header::CONTENT_DISPOSITION, name);
    headers.insert(POSITION, HeaderValue::from(position.0));
    Ok(response)
}

/// A file of a sender in work, and its place among those of all.
pub(crate) type FileInWork = (RunningKey, OwnedSemaphorePermit);

/// Begins a file: one of a sender, few of all.
pub(crate) fn begin(call: &Call) -> Result<FileInWork, Problem> {
    let own = call.app.running.begin_file(call.caller()?.principal.actor);
    let own = own.ok_or_else(files_busy)?;
    let place = call.app.files.clone().try_acquire_owned().map_err(|_| files_busy())?;
    Ok((own, place))
}

fn files_busy() -> Problem {
    Problem::from(ProblemKind::FilesBusy).retry_after(5)
}

/// The sellers whose orders alone the sender may send. `None` for everybody's.
pub(crate) fn own_sellers(
    call: &Call,
    function: AccessFunction<'_>,
) -> Result<Option<BTreeSet<SellerId>>, Problem> {
    call.require(function)?;
    let AccessScope::Own(grants) = call.caller()?.principal.may(function) else {
        return Ok(None);
    };
    let seller = |grant| match grant {
        AccessGrant::Seller(seller) => Some(seller),
        _ => None,
    };
    let own: BTreeSet<SellerId> = grants.into_iter().filter_map(seller).collect();
    if own.is_empty() { Err(ProblemKind::NotPermitted.into()) } else { Ok(Some(own)) }
}

/// A file as it arrives.
pub(crate) struct FileBody {
    from: Receiver<io::Result<Bytes>>,
    /// How many there are, or may be.
    bytes: u64,
    is_exact: bool,
}

impl FileBody {
    fn of(bytes: u64, is_exact: bool) -> (BlockSender, FileBody) {
        let (sender, from) = sync_channel(BLOCKS_WAITING_MAX);
        (BlockSender(sender), FileBody { from, bytes, is_exact })
    }

    /// A file that has at most so many bytes: its sender says where it ends.
    pub fn until_its_end(bytes_max: u64) -> (BlockSender, FileBody) {
        FileBody::of(bytes_max, false)
    }
}

/// Sends blocks to the thread that writes them. A slow disk holds the sender back.
pub(crate) struct BlockSender(SyncSender<io::Result<Bytes>>);

impl BlockSender {
    /// Whether it is still wanted.
    pub async fn send(&self, block: Bytes) -> bool {
        self.put(Ok(block)).await
    }

    /// The file is cut off.
    pub async fn cut(self) {
        self.put(Err(io::ErrorKind::UnexpectedEof.into())).await;
    }

    async fn put(&self, mut block: io::Result<Bytes>) -> bool {
        loop {
            match self.0.try_send(block) {
                Ok(()) => return true,
                Err(TrySendError::Full(back)) => {
                    block = back;
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
                Err(TrySendError::Disconnected(_)) => return false,
            }
        }
    }
}

async fn send(mut body: Body, to: BlockSender) {
    while let Some(Ok(frame)) = body.frame().await {
        let Ok(block) = frame.into_data() else { continue };
        if !to.send(block).await {
            return;
        }
    }
}

/// The bytes of a body, on the thread that writes them.
struct Blocks {
    from: Receiver<io::Result<Bytes>>,
    block: Bytes,
    until: Instant,
    /// Of all that was read.
    sum: Sha256,
}

impl Blocks {
    fn of(from: Receiver<io::Result<Bytes>>) -> Blocks {
        let until = Instant::now() + Duration::from_secs(FILE_SECONDS_MAX);
        Blocks { from, block: Bytes::new(), until, sum: Sha256::new() }
    }
}

impl Read for Blocks {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        while self.block.is_empty() {
            let left = self.until.saturating_duration_since(Instant::now());
            let silence = Duration::from_secs(FILE_SILENCE_SECONDS_MAX);
            match self.from.recv_timeout(left.min(silence)) {
                Ok(block) => self.block = block?,
                Err(RecvTimeoutError::Disconnected) => return Ok(0),
                Err(RecvTimeoutError::Timeout) => return Err(io::ErrorKind::TimedOut.into()),
            }
        }
        let length = self.block.len().min(to.len());
        to[..length].copy_from_slice(&self.block.split_to(length));
        self.sum.update(&to[..length]);
        Ok(length)
    }
}
