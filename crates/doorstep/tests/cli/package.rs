//! The Debian package: built around the program of the tests, installed into a root of its own,
//! started by its unit's ExecStart, upgraded, removed and purged.
//!
//! `dpkg --root` with maintainer scripts that know `DPKG_ROOT` leaves this machine as it is. It
//! needs root, to give files to the user of the package.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Command;

use super::metrics::get;
use super::process::Process;
use super::support::{Bed, DOORSTEP, Ran, tool};

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../packaging/deb");
const UNIT: &str = include_str!("../../../../packaging/doorstep.service");
/// What the package needs installed.
const DEPENDENCIES: [&str; 3] = ["libc6", "libgcc-s1", "systemd"];
/// Keys that the packaged settings name. In real work networks and terminals share theirs.
const KEYS: [&str; 7] = [
    "terminals --purpose base --algorithm aes256",
    "cards --purpose token",
    "hub/codes --purpose hand-over-code",
    "vault --purpose data-keys --algorithm aes256",
    "alpha/mac --purpose mac",
    "alpha/pin --purpose pin",
    "alpha/exchange --purpose exchange",
];

/// A root with an empty package database that has what the package depends on.
struct Root {
    bed: Bed,
    path: PathBuf,
    user: u32,
    group: u32,
}

fn skipped() -> Option<&'static str> {
    let is_root = fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0);
    let has = |name: &str| Command::new(name).arg("--version").output().is_ok();
    let needed = ["dpkg", "dpkg-deb", "dpkg-shlibdeps", "systemd-sysusers", "strip"];
    match needed.into_iter().find(|name| !has(name)) {
        _ if !is_root => Some("root"),
        missing => missing,
    }
}

impl Root {
    fn new() -> Root {
        let bed = Bed::new();
        // The user of the package passes through.
        bed.chmod(".", 0o755);
        let path = bed.path("root");
        for directory in ["var/lib/dpkg/info", "var/lib/dpkg/updates", "etc", "tmp"] {
            fs::create_dir_all(path.join(directory)).unwrap();
        }
        let mut query = tool(&bed, "dpkg-query");
        let status = Ran::of(query.arg("--status").args(DEPENDENCIES)).succeeds();
        bed.write("root/var/lib/dpkg/status", status.stdout());
        // Lists of files that dpkg would miss.
        for package in status.stdout().lines().filter_map(|line| line.strip_prefix("Package: ")) {
            bed.write(&format!("root/var/lib/dpkg/info/{package}.list"), "/.\n");
            let multi = format!("root/var/lib/dpkg/info/{package}:amd64.list");
            bed.write(&multi, "/.\n");
        }
        bed.write("root/etc/passwd", "root:x:0:0:root:/root:/bin/sh\n");
        bed.write("root/etc/group", "root:x:0:\n");
        for name in ["", "etc", "etc/passwd", "etc/group", "var", "var/lib", "tmp"] {
            bed.chmod(&format!("root/{name}"), 0o755);
        }
        Root { bed, path, user: 0, group: 0 }
    }

    fn has(&self, name: &str) -> bool {
        self.path.join(name).exists()
    }

    /// Builds the package around the program that exists already.
    fn package(&self, version: &str) -> PathBuf {
        let mut build = Command::new(SCRIPT);
        build.args(["--binary", DOORSTEP, "--version", version, "--quick"]);
        let ran = Ran::of(build.arg(self.bed.path("built"))).succeeds();
        PathBuf::from(ran.stdout().trim())
    }

    #[track_caller]
    fn dpkg(&self, arguments: &[&str]) -> Ran {
        let mut dpkg = tool(&self.bed, "dpkg");
        dpkg.arg(format!("--root={}", self.path.display())).arg("--force-script-chrootless");
        Ran::of(dpkg.args(arguments)).succeeds()
    }

    /// The user and group of the package, which its script made.
    fn find_user(&mut self) {
        let passwd = fs::read_to_string(self.path.join("etc/passwd")).unwrap();
        let line = passwd.lines().find(|line| line.starts_with("doorstep:")).unwrap();
        let parts: Vec<&str> = line.split(':').collect();
        (self.user, self.group) = (parts[2].parse().unwrap(), parts[3].parse().unwrap());
    }

    /// The installed program inside the root, as the user of the package.
    fn inside(&self, arguments: &str) -> Command {
        let mut chroot = tool(&self.bed, "chroot");
        chroot.arg("--userspec=doorstep:doorstep").arg(&self.path).arg("/usr/bin/doorstep");
        chroot.args(arguments.split_whitespace());
        chroot.env("CREDENTIALS_DIRECTORY", "/etc/doorstep/credentials");
        chroot
    }

    #[track_caller]
    fn run(&self, arguments: &str) -> Ran {
        Ran::of(&mut self.inside(arguments))
    }

    /// The libraries of the program: those of this machine stand for the packages that it needs.
    fn copy_libraries(&self) {
        let ran = Ran::of(tool(&self.bed, "ldd").arg(self.path.join("usr/bin/doorstep")));
        let ran = ran.succeeds();
        let paths = ran.stdout().split_whitespace().filter(|word| word.starts_with('/'));
        for library in paths {
            let to = self.path.join(library.trim_start_matches('/'));
            fs::create_dir_all(to.parent().unwrap()).unwrap();
            fs::copy(library, to).unwrap();
        }
    }

    fn mode_and_owner(&self, name: &str) -> (u32, u32, u32) {
        let found = fs::metadata(self.path.join(name)).unwrap();
        (found.permissions().mode() & 0o7777, found.uid(), found.gid())
    }
}

fn exec_start() -> &'static str {
    let line = UNIT.lines().find_map(|line| line.strip_prefix("ExecStart=/usr/bin/doorstep "));
    line.unwrap()
}

/// Changes the addresses of the settings to free ports.
fn at_free_ports(settings: &Path) {
    let text = fs::read_to_string(settings).unwrap();
    let listen = |line: &str| line.starts_with("listen = ");
    let port = |line: &str| line[..line.rfind(':').unwrap()].to_owned() + ":0\"]";
    let lines = text.lines().map(|line| if listen(line) { port(line) } else { line.to_owned() });
    fs::write(settings, lines.collect::<Vec<_>>().join("\n") + "\n").unwrap();
}

#[test]
fn the_package_is_installed_started_upgraded_removed_and_purged() {
    if let Some(missing) = skipped() {
        println!("SKIPPED: the Debian package is not tried: this needs {missing}");
        return;
    }
    let mut root = Root::new();
    let first = root.package("0.1.0~test1");
    root.dpkg(&["--install", first.to_str().unwrap()]);
    root.find_user();
    let (user, group) = (root.user, root.group);
    assert!(user > 0 && group > 0);
    assert_eq!(root.mode_and_owner("etc/doorstep"), (0o750, 0, group));
    assert_eq!(root.mode_and_owner("var/lib/doorstep"), (0o700, user, group));
    for file in [
        "etc/doorstep/doorstep.toml",
        "usr/lib/systemd/system/doorstep.service",
        "usr/share/man/man1/doorstep.1.gz",
        "usr/share/man/man1/doorstep-serve.1.gz",
        "usr/share/bash-completion/completions/doorstep",
        "usr/share/doc/doorstep/operate.md",
        "usr/share/doc/doorstep/copyright",
    ] {
        assert_eq!(root.mode_and_owner(file), (0o644, 0, 0), "{file}");
    }
    root.copy_libraries();

    // What docs/operate.md says to do first. systemd passes the master key on as a credential.
    root.run("--version").succeeds().prints("doorstep 0.");
    let books = "/var/lib/doorstep/books";
    root.run(&format!("setup books --first ann --second bo --data {books}")).succeeds();
    // A network is registered in the currency of a bank account.
    root.run(&format!("setup bank main --currency CNY --data {books}")).succeeds();
    let credentials = root.path.join("etc/doorstep/credentials");
    fs::create_dir_all(&credentials).unwrap();
    let key = credentials.join("doorstep-master-key");
    fs::write(&key, format!("{}\n", "5c".repeat(32))).unwrap();
    let owner = format!("{user}:{group}");
    Ran::of(tool(&root.bed, "chown").args(["-R", &owner]).arg(&credentials)).succeeds();
    fs::set_permissions(&key, fs::Permissions::from_mode(0o400)).unwrap();
    for key in KEYS {
        root.run(&format!("keys make {key} --config /etc/doorstep/doorstep.toml")).succeeds();
    }
    at_free_ports(&root.path.join("etc/doorstep/doorstep.toml"));
    let mut serving = Process::of(root.inside(exec_start()));
    let metrics = serving.says("metrics ");
    assert_eq!(get(&root.bed, &metrics, "/healthz"), (200, "ok\n".to_owned()));
    let ready = get(&root.bed, &metrics, "/readyz").1;
    assert!(ready.contains("ok  books: at batch"), "{ready}");
    // Nobody is where the settings have the network.
    assert!(ready.contains("no  networks: 0 of 1 links signed on"), "{ready}");

    // A newer version, beside the one that runs: the settings of the operator stay.
    let settings = fs::read_to_string(root.path.join("etc/doorstep/doorstep.toml")).unwrap();
    let second = root.package("0.1.0~test2");
    let upgraded = root.dpkg(&["--force-confold", "--install", second.to_str().unwrap()]);
    upgraded.prints("can take over this data directory");
    let kept = fs::read_to_string(root.path.join("etc/doorstep/doorstep.toml")).unwrap();
    assert_eq!(kept, settings);
    serving.stop();
    let mut serving = Process::of(root.inside(exec_start()));
    serving.says("metrics ");
    serving.stop();
    root.run(&format!("verify --data {books}")).succeeds();

    // One that cannot read the books is not configured.
    let journal = root.path.join("var/lib/doorstep/books/journal.sqlite");
    let mut bytes = fs::read(&journal).unwrap();
    bytes[63] = 9;
    fs::write(&journal, &bytes).unwrap();
    let mut dpkg = tool(&root.bed, "dpkg");
    dpkg.arg(format!("--root={}", root.path.display())).arg("--force-script-chrootless");
    let refused = Ran::of(dpkg.arg("--install").arg(&first));
    refused.ends_with(1).says("this version cannot take over /var/lib/doorstep/books");
    bytes[63] = 1;
    fs::write(&journal, &bytes).unwrap();
    root.dpkg(&["--configure", "doorstep"]);

    root.dpkg(&["--remove", "doorstep"]);
    assert!(!root.has("usr/bin/doorstep") && root.has("etc/doorstep/doorstep.toml"));
    let purged = root.dpkg(&["--purge", "doorstep"]);
    purged.says("the books in /var/lib/doorstep stay");
    assert!(!root.has("etc/doorstep/doorstep.toml"));
    assert!(root.has("var/lib/doorstep/books/journal.sqlite"), "the books stay");
    let passwd = fs::read_to_string(root.path.join("etc/passwd")).unwrap();
    assert!(passwd.contains("doorstep:"), "the books have an owner: {passwd}");
}
