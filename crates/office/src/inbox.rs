//! A directory into which networks, wallets, banks or people put files: each is taken into the
//! books, and then moved to `done` or, with the reasons, to `refused`.
//!
//! Files directly in the directory say whose they are. A folder `network-NAME`, `wallet-NAME` or
//! `bank-NAME` has files of that sender. Links are not followed. A file is taken when its size and
//! its time have not changed for two rounds, and its name is not that of a temporary one.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use rustix::fs::OFlags;

use crate::take::{FileSourceKind, GivenFile, TakeReport, TakeRequest};

/// Files that one round takes. The others wait for the next one.
const FILES_PER_ROUND_MAX: usize = 100;
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

/// The directory, between its rounds.
pub struct Inbox {
    directory: PathBuf,
    seen: BTreeMap<PathBuf, FileLook>,
}

/// A file that can be taken.
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
    pub fn open(directory: &Path) -> io::Result<Inbox> {
        for folder in [DONE, REFUSED] {
            fs::create_dir_all(directory.join(folder))?;
        }
        Ok(Inbox { directory: directory.to_owned(), seen: BTreeMap::new() })
    }

    /// Looks for files, and has those taken that nobody writes any more. An error of `take` is why
    /// a file is refused. `None` says that the books have stopped: the file stays.
    ///
    /// # Errors
    /// The directory cannot be read or written.
    pub fn round(
        &mut self,
        take: &mut dyn FnMut(&TakeRequest, GivenFile) -> Option<TakenFromInbox>,
    ) -> io::Result<Vec<InboxFile>> {
        let mut done = Vec::new();
        for ready in self.ready()? {
            let mut options = OpenOptions::new();
            let file = options.read(true).custom_flags(no_link()).open(&ready.path);
            let name = self.name_of(&ready.path);
            let taken = match file {
                Ok(file) => match take(&ready.request, GivenFile { name: name.clone(), file }) {
                    Some(taken) => taken,
                    None => return Ok(done),
                },
                Err(error) => Err(error.to_string()),
            };
            self.seen.remove(&ready.path);
            self.put_away(&ready, taken.as_ref().err())?;
            done.push(InboxFile { name, taken });
        }
        Ok(done)
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
