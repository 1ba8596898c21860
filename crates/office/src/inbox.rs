//! A directory into which networks, wallets, banks or people put files: each is taken into the
//! books, and then moved to `done` or, with the reasons, to `refused`.
//!
//! Files directly in the directory say whose they are. A folder `network-NAME`, `wallet-NAME` or
//! `bank-NAME` has files of that sender. Links are not followed. A file is taken when its size and
//! its time have not changed for two rounds, and its name is not that of a temporary one.
//!
//! A file that only has details of another one waits for that one, and a file whose details are in
//! another one waits for them, in whatever order they come. After a time a file with details is
//! refused, and the other one is taken without them.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use rustix::fs::OFlags;

use crate::take::{FileCompany, FileSourceKind, GivenFile, TakeReport, TakeRequest};

/// Files that one round takes. The others wait for the next one.
const FILES_PER_ROUND_MAX: usize = 100;
/// Files with details that are tried with one file: each is a look at both.
const DETAILS_TRIED_MAX: usize = 20;
/// Files with one name that are kept in `done` or `refused`.
const SAME_NAMES_MAX: u32 = 100_000;
const DONE: &str = "done";
const REFUSED: &str = "refused";
/// Ends of names that programs give to files that they are still writing.
const TEMPORARY: [&str; 5] = [".part", ".partial", ".tmp", ".filepart", ".crdownload"];

/// What is known of a file since the last round.
#[derive(Clone, Copy, PartialEq, Eq)]
struct FileLook {
    bytes: u64,
    changed: Option<SystemTime>,
}

/// The reports of a file that was taken, or why it was refused.
pub type TakenFromInbox = Result<Vec<TakeReport>, String>;

/// What became of a file of the inbox.
#[derive(Debug)]
pub struct InboxFile {
    /// Below the inbox.
    pub name: String,
    pub taken: TakenFromInbox,
}

/// What takes the files of an inbox. `None` says that the books have stopped: the file stays.
pub trait InboxTaker {
    /// Whether a file belongs with others; an error is why it is refused.
    fn company(
        &mut self,
        request: &TakeRequest,
        file: &mut GivenFile,
    ) -> Option<Result<FileCompany, String>>;

    /// Takes files that belong together; an error is why they are refused.
    fn take(&mut self, request: &TakeRequest, files: &mut [GivenFile]) -> Option<TakenFromInbox>;
}

/// The directory, between its rounds.
pub struct Inbox {
    directory: PathBuf,
    seen: BTreeMap<PathBuf, FileLook>,
    /// How long a file waits for one that it belongs with.
    wait: Duration,
    /// The files that wait, each since when.
    waiting: BTreeMap<PathBuf, Instant>,
    /// The files of each folder that were tried together: the same ones are not tried again before
    /// the wait of one is over.
    tried: BTreeMap<PathBuf, Vec<PathBuf>>,
}

/// A file that can be taken.
#[derive(Clone)]
struct ReadyFile {
    path: PathBuf,
    /// Its folder: the inbox, or that of a sender.
    folder: PathBuf,
    request: TakeRequest,
}

impl Inbox {
    /// Opens an inbox, and makes the folders beside its files.
    ///
    /// # Errors
    /// The directory cannot be read or written.
    pub fn open(directory: &Path, wait: Duration) -> io::Result<Inbox> {
        for folder in [DONE, REFUSED] {
            fs::create_dir_all(directory.join(folder))?;
        }
        let (directory, seen, waiting) = (directory.to_owned(), BTreeMap::new(), BTreeMap::new());
        Ok(Inbox { directory, seen, wait, waiting, tried: BTreeMap::new() })
    }

    /// Looks for files, and has those taken that nobody writes any more and that wait for no other
    /// one.
    ///
    /// # Errors
    /// The directory cannot be read or written.
    pub fn round(&mut self, taker: &mut dyn InboxTaker) -> io::Result<Vec<InboxFile>> {
        let mut done = Vec::new();
        let ready = self.ready()?;
        self.waiting.retain(|path, _| ready.iter().any(|one| one.path == *path));
        for of_folder in ready.chunk_by(|one, next| one.folder == next.folder) {
            let folder = of_folder[0].folder.clone();
            let paths: Vec<PathBuf> = of_folder.iter().map(|one| one.path.clone()).collect();
            let is_same = self.tried.get(&folder) == Some(&paths);
            if is_same && !paths.iter().any(|path| self.is_over(path)) {
                continue;
            }
            self.tried.insert(folder, paths);
            if !self.folder(of_folder, taker, &mut done)? {
                break;
            }
        }
        Ok(done)
    }

    /// Takes the files of one folder. `false`: the books have stopped.
    fn folder(
        &mut self,
        ready: &[ReadyFile],
        taker: &mut dyn InboxTaker,
        done: &mut Vec<InboxFile>,
    ) -> io::Result<bool> {
        let (mut stating, mut details) = (Vec::new(), Vec::new());
        for one in ready {
            let company = match self.open_file(one) {
                Ok(mut file) => taker.company(&one.request, &mut file),
                Err(error) => Some(Err(error.to_string())),
            };
            match company {
                None => return Ok(false),
                Some(Ok(FileCompany::Details)) => details.push(one.clone()),
                Some(Ok(company)) => stating.push((one, company == FileCompany::MayHaveDetails)),
                Some(Err(why)) => self.end(one, Err(why), done)?,
            }
        }
        for (one, may_have_details) in stating {
            let mut together = vec![one.clone()];
            for other in details.iter().take(DETAILS_TRIED_MAX) {
                together.push(other.clone());
                let request = TakeRequest { dry_run: true, ..one.request.clone() };
                match self.take(&request, &together, taker) {
                    None => return Ok(false),
                    Some(Ok(_)) => {}
                    Some(Err(_)) => drop(together.pop()),
                }
            }
            if together.len() == 1 && may_have_details && !self.is_over(&one.path) {
                continue;
            }
            let Some(taken) = self.take(&one.request, &together, taker) else { return Ok(false) };
            details.retain(|other| together.iter().all(|used| used.path != other.path));
            for file in together {
                self.end(&file, taken.clone(), done)?;
            }
        }
        for one in details {
            if self.is_over(&one.path) {
                let taken = self.take(&one.request, std::slice::from_ref(&one), taker);
                let Some(taken) = taken else { return Ok(false) };
                self.end(&one, taken, done)?;
            }
        }
        Ok(true)
    }

    /// Whether a file has waited long enough. It waits from the first question on.
    fn is_over(&mut self, path: &Path) -> bool {
        let since = *self.waiting.entry(path.to_owned()).or_insert_with(Instant::now);
        since.elapsed() >= self.wait
    }

    fn open_file(&self, ready: &ReadyFile) -> io::Result<GivenFile> {
        let mut options = OpenOptions::new();
        let file = options.read(true).custom_flags(no_link()).open(&ready.path)?;
        Ok(GivenFile { name: self.name_of(&ready.path), file })
    }

    fn take(
        &self,
        request: &TakeRequest,
        files: &[ReadyFile],
        taker: &mut dyn InboxTaker,
    ) -> Option<TakenFromInbox> {
        let opened = files.iter().map(|one| self.open_file(one));
        match opened.collect::<io::Result<Vec<_>>>() {
            Ok(mut opened) => taker.take(request, &mut opened),
            Err(error) => Some(Err(error.to_string())),
        }
    }

    /// Moves a file away, and says what became of it.
    fn end(
        &mut self,
        file: &ReadyFile,
        taken: TakenFromInbox,
        done: &mut Vec<InboxFile>,
    ) -> io::Result<()> {
        self.seen.remove(&file.path);
        self.waiting.remove(&file.path);
        self.put_away(file, taken.as_ref().err())?;
        done.push(InboxFile { name: self.name_of(&file.path), taken });
        Ok(())
    }

    fn name_of(&self, path: &Path) -> String {
        path.strip_prefix(&self.directory).unwrap_or(path).display().to_string()
    }

    /// The files whose content nobody changes, oldest name first.
    fn ready(&mut self) -> io::Result<Vec<ReadyFile>> {
        let mut folders = vec![(self.directory.clone(), TakeRequest::default())];
        for entry in sorted(&self.directory)? {
            let name = entry.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let is_folder = fs::symlink_metadata(&entry).is_ok_and(|found| found.is_dir());
            if let Some(request) = sender_of(&name).filter(|_| is_folder) {
                folders.push((entry, request));
            }
        }
        let mut now = BTreeMap::new();
        let mut ready = Vec::new();
        for (folder, request) in folders {
            for path in sorted(&folder)? {
                let Ok(found) = fs::symlink_metadata(&path) else { continue };
                let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
                if !found.is_file() || is_temporary(&name) {
                    continue;
                }
                let look = FileLook { bytes: found.len(), changed: found.modified().ok() };
                if self.seen.get(&path) == Some(&look) && ready.len() < FILES_PER_ROUND_MAX {
                    let (folder, request) = (folder.clone(), request.clone());
                    ready.push(ReadyFile { path: path.clone(), folder, request });
                }
                now.insert(path, look);
            }
        }
        self.seen = now;
        Ok(ready)
    }

    /// Moves a file to `done`, or to `refused` with the reason beside it.
    fn put_away(&self, file: &ReadyFile, refused: Option<&String>) -> io::Result<()> {
        let folder = if refused.is_some() { REFUSED } else { DONE };
        let sender = file.folder.strip_prefix(&self.directory).unwrap_or(Path::new(""));
        let folder = self.directory.join(folder).join(sender);
        fs::create_dir_all(&folder)?;
        let name = file.path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let to = free_name(&folder, &name)?;
        if let Some(why) = refused {
            let mut reason = to.clone().into_os_string();
            reason.push(".txt");
            let mut reason = File::create(reason)?;
            reason.write_all(why.trim_end().as_bytes())?;
            reason.write_all(b"\n")?;
            reason.sync_all()?;
        }
        fs::rename(&file.path, &to)?;
        crate::file::sync_directory(&folder)
    }
}

/// A flag that refuses to open a link.
fn no_link() -> i32 {
    i32::try_from(OFlags::NOFOLLOW.bits()).unwrap_or(0)
}

fn sorted(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder)? {
        paths.push(entry?.path());
    }
    paths.sort();
    Ok(paths)
}

/// Whose files a folder has.
fn sender_of(folder: &str) -> Option<TakeRequest> {
    let kinds = [
        ("network-", FileSourceKind::Network),
        ("wallet-", FileSourceKind::Wallet),
        ("bank-", FileSourceKind::Bank),
        ("firm-", FileSourceKind::Firm),
    ];
    let (kind, name) =
        kinds.iter().find_map(|(begin, kind)| Some((*kind, folder.strip_prefix(begin)?)))?;
    let source = Some((kind, name.to_owned()));
    (!name.is_empty()).then(|| TakeRequest { source, ..TakeRequest::default() })
}

fn is_temporary(name: &str) -> bool {
    name.starts_with('.') || TEMPORARY.iter().any(|end| name.ends_with(end))
}

/// A name that no file of the folder has: the own one, or with a number.
fn free_name(folder: &Path, name: &str) -> io::Result<PathBuf> {
    let names = std::iter::once(name.to_owned())
        .chain((2..SAME_NAMES_MAX).map(|number| format!("{number}-{name}")));
    let mut free = names.map(|name| folder.join(name)).filter(|path| !path.exists());
    free.next().ok_or_else(|| io::Error::other("too many files with one name"))
}
