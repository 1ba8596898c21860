//! A real server of PostgreSQL, on a socket of its own.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use super::support::Ran;

/// The user of Debian's package. The server refuses to run as root.
const USER: &str = "postgres";
/// Only a name: the server has a socket in a file and no port.
const PORT: &str = "5432";

pub struct PostgresCluster {
    scratch: TempDir,
    programs: PathBuf,
    running: bool,
    /// The port of this machine where it listens with TLS, if it does.
    tls_port: Option<u16>,
}

impl PostgresCluster {
    /// Makes an empty cluster and starts it.
    #[track_caller]
    pub fn start() -> PostgresCluster {
        // The path of a socket has at most 107 bytes.
        let scratch = tempfile::Builder::new().prefix("doorstep-pg-").tempdir().unwrap();
        let mode = std::fs::Permissions::from_mode(0o777);
        std::fs::set_permissions(scratch.path(), mode).unwrap();
        let versions = std::fs::read_dir("/usr/lib/postgresql").unwrap();
        let programs = versions.map(|one| one.unwrap().path().join("bin")).max().unwrap();
        let mut server = PostgresCluster { scratch, programs, running: false, tls_port: None };
        let data = server.data();
        let data = data.to_str().unwrap();
        let flags = ["-D", data, "-U", USER, "--auth=trust", "--encoding=UTF8", "--no-sync"];
        Ran::of(server.as_user("initdb").args(flags)).succeeds();
        server.start_again();
        server
    }

    /// Starts it again, now also on a port where it speaks TLS only. Returns the address.
    #[track_caller]
    pub fn listen_with_tls(&mut self, certificate: &str, key: &str) -> String {
        self.stop();
        for (name, content) in [("server.crt", certificate), ("server.key", key)] {
            self.write_as_user(name, content);
        }
        self.write_as_user(
            "pg_hba.conf",
            "local all all trust\nhostssl all all 127.0.0.1/32 trust\n\
             hostssl all all ::1/128 trust\n",
        );
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = free.local_addr().unwrap().port();
        drop(free);
        self.tls_port = Some(port);
        self.start_again();
        format!("postgres://{USER}@localhost:{port}/postgres")
    }

    /// A file of the cluster that the server's user owns.
    fn write_as_user(&self, name: &str, content: &str) {
        let mut tee = self.program_as_user("/usr/bin/tee".into());
        tee.arg(self.data().join(name)).stdin(std::process::Stdio::piped());
        tee.stdout(std::process::Stdio::null());
        let mut child = tee.spawn().unwrap();
        std::io::Write::write_all(&mut child.stdin.take().unwrap(), content.as_bytes()).unwrap();
        assert!(child.wait().unwrap().success(), "{name}");
        let mut chmod = self.program_as_user("/usr/bin/chmod".into());
        Ran::of(chmod.arg("600").arg(self.data().join(name))).succeeds();
    }

    /// Starts it after [`PostgresCluster::stop`].
    #[track_caller]
    pub fn start_again(&mut self) {
        let (data, log) = (self.data(), self.scratch.path().join("log"));
        let socket = self.scratch.path().display();
        let listen = match self.tls_port {
            Some(port) => format!("-c listen_addresses=localhost -c port={port} -c ssl=on"),
            None => format!("-c listen_addresses= -c port={PORT}"),
        };
        let options = format!("{listen} -k {socket} -c fsync=off");
        let mut start = self.as_user("pg_ctl");
        start.arg("start").arg("-w").arg("-D").arg(data).arg("-l").arg(log).args(["-o", &options]);
        let done = start.stdout(std::process::Stdio::null()).status().unwrap();
        assert!(done.success(), "{start:?}: {done}");
        self.running = true;
    }

    pub fn stop(&mut self) {
        let mut stop = self.as_user("pg_ctl");
        stop.args(["stop", "-m", "immediate", "-D"]).arg(self.data());
        let _ = stop.output();
        self.running = false;
    }

    /// The address for doorstep.toml.
    pub fn url(&self) -> String {
        let socket = self.scratch.path().display().to_string().replace('/', "%2F");
        format!("postgres://{USER}@{socket}:{PORT}/postgres")
    }

    /// What a statement prints.
    #[track_caller]
    pub fn sql(&self, statement: &str) -> String {
        Ran::of(&mut self.psql(statement)).succeeds().stdout().trim().to_owned()
    }

    /// `None` if it fails.
    pub fn try_sql(&self, statement: &str) -> Option<String> {
        let output = self.psql(statement).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        output.status.success().then(|| text.trim().to_owned())
    }

    /// All rows of a schema, by table.
    #[track_caller]
    pub fn rows(&self, schema: &str) -> String {
        let tables = format!(
            "SELECT tablename FROM pg_tables WHERE schemaname = '{schema}' ORDER BY tablename"
        );
        let mut all = String::new();
        for table in self.sql(&tables).lines() {
            let copy = format!(
                "COPY (SELECT * FROM {schema}.{table} ORDER BY 1, 2, 3, 4) TO STDOUT (FORMAT csv)"
            );
            all.push_str(table);
            all.push('\n');
            all.push_str(Ran::of(&mut self.psql(&copy)).succeeds().stdout());
        }
        all
    }

    fn psql(&self, statement: &str) -> Command {
        let mut psql = Command::new(self.programs.join("psql"));
        let port = self.tls_port.map_or(PORT.to_owned(), |port| port.to_string());
        psql.arg("-h").arg(self.scratch.path()).args(["-p", &port, "-U", USER, "-X", "-A", "-t"]);
        psql.args(["-v", "ON_ERROR_STOP=1", "-d", "postgres", "-c", statement]);
        psql
    }

    fn data(&self) -> PathBuf {
        self.scratch.path().join("data")
    }

    /// A program of the server, not as root.
    fn as_user(&self, program: &str) -> Command {
        self.program_as_user(self.programs.join(program))
    }

    #[expect(clippy::unused_self, reason = "a program of this server")]
    fn program_as_user(&self, program: PathBuf) -> Command {
        let is_root = std::fs::metadata("/proc/self")
            .is_ok_and(|own| std::os::unix::fs::MetadataExt::uid(&own) == 0);
        let mut command = match is_root {
            true => {
                let mut command = Command::new("setpriv");
                command.args(["--reuid", USER, "--regid", USER, "--init-groups", "--"]);
                command.arg(program);
                command
            }
            false => Command::new(program),
        };
        command.current_dir(Path::new("/")).env("LC_ALL", "C.UTF-8");
        command
    }
}

impl Drop for PostgresCluster {
    fn drop(&mut self) {
        if self.running {
            self.stop();
        }
    }
}
