//! A real server of PostgreSQL, of Debian's package, in a directory of its own.

use std::fs::Permissions;
use std::io::Write;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, ensure};
use tempfile::TempDir;

use crate::ReservedAddress;

/// The user of Debian's package. The server refuses to run as root.
const USER: &str = "postgres";
/// Only a name: the server has a socket in a file and no port.
const PORT: u16 = 5432;
/// What a measurement sets beside the server's defaults: everything is durable.
const DURABLE: &str =
    "-c fsync=on -c shared_buffers=1GB -c max_wal_size=8GB -c checkpoint_timeout=15min";
const QUICK: &str = "-c fsync=off";

/// A cluster that is stopped and removed when this is dropped.
#[derive(Debug)]
pub struct PostgresCluster {
    scratch: TempDir,
    programs: PathBuf,
    settings: &'static str,
    /// Where it listens with TLS, if it does.
    tls: Option<ReservedAddress>,
    is_running: bool,
}

impl PostgresCluster {
    /// Makes an empty cluster and starts it. What it acknowledges is durable.
    ///
    /// # Errors
    /// PostgreSQL is not installed as on Debian, or does not start.
    pub fn durable() -> anyhow::Result<PostgresCluster> {
        PostgresCluster::start(DURABLE, &[])
    }

    /// Makes an empty cluster and starts it. It survives kills, but no loss of power.
    ///
    /// # Errors
    /// As [`PostgresCluster::durable`].
    pub fn quick() -> anyhow::Result<PostgresCluster> {
        PostgresCluster::start(QUICK, &["--no-sync"])
    }

    fn start(settings: &'static str, flags: &[&str]) -> anyhow::Result<PostgresCluster> {
        // The path of a socket has at most 107 bytes.
        let scratch = tempfile::Builder::new().prefix("doorstep-pg-").tempdir_in("/var/tmp")?;
        std::fs::set_permissions(scratch.path(), Permissions::from_mode(0o777))?;
        let versions = std::fs::read_dir("/usr/lib/postgresql").context("PostgreSQL of Debian")?;
        let versions = versions.filter_map(|one| Some(one.ok()?.path().join("bin")));
        let programs = versions.max().context("PostgreSQL of Debian")?;
        let mut cluster =
            PostgresCluster { scratch, programs, settings, tls: None, is_running: false };
        let mut initdb = cluster.program("initdb");
        initdb.args(["-U", USER, "--auth=trust", "--encoding=UTF8", "-D"]).arg(cluster.data());
        run(initdb.args(flags))?;
        cluster.start_again()?;
        Ok(cluster)
    }

    /// Starts it after [`PostgresCluster::stop`].
    ///
    /// # Errors
    /// It does not start.
    pub fn start_again(&mut self) -> anyhow::Result<()> {
        let (port, socket) = (self.port(), self.scratch.path().display());
        let listen = if self.tls.is_some() { "localhost -c ssl=on" } else { "" };
        let options =
            format!("{} -c listen_addresses={listen} -c port={port} -k {socket}", self.settings);
        let mut start = self.program("pg_ctl");
        start.args(["start", "-w", "-o", &options, "-l"]).arg(self.scratch.path().join("log"));
        run(start.arg("-D").arg(self.data()))?;
        self.is_running = true;
        Ok(())
    }

    /// Stops it at once, as a crash does.
    pub fn stop(&mut self) {
        let mut stop = self.program("pg_ctl");
        let _ = stop.args(["stop", "-m", "immediate", "-D"]).arg(self.data()).status();
        self.is_running = false;
    }

    /// Starts it again, now also on a port where it speaks TLS only. Returns the address.
    ///
    /// # Errors
    /// It does not start.
    pub fn listen_with_tls(&mut self, certificate: &str, key: &str) -> anyhow::Result<String> {
        self.stop();
        let rules = "local all all trust\nhostssl all all 127.0.0.1/32 trust\n\
                     hostssl all all ::1/128 trust\n";
        for (name, content) in
            [("server.crt", certificate), ("server.key", key), ("pg_hba.conf", rules)]
        {
            self.write(name, content)?;
        }
        self.tls = Some(ReservedAddress::new()?);
        self.start_again()?;
        Ok(format!("postgres://{USER}@localhost:{}/postgres", self.port()))
    }

    /// Writes a file of the cluster that only the server's user reads.
    fn write(&self, name: &str, content: &str) -> anyhow::Result<()> {
        let mut shell = self.user("sh".as_ref());
        shell.args(["-c", "umask 077; rm -f \"$0\"; cat > \"$0\""]).arg(self.data().join(name));
        let mut writing = shell.stdin(Stdio::piped()).spawn()?;
        writing.stdin.take().context("it has an input")?.write_all(content.as_bytes())?;
        ensure!(writing.wait()?.success(), "{name} cannot be written");
        Ok(())
    }

    /// The address for doorstep.toml.
    #[must_use]
    pub fn url(&self) -> String {
        let socket = self.scratch.path().display().to_string().replace('/', "%2F");
        format!("postgres://{USER}@{socket}:{PORT}/postgres")
    }

    /// What a statement prints.
    ///
    /// # Errors
    /// It fails.
    pub fn sql(&self, statement: &str) -> anyhow::Result<String> {
        let mut psql = Command::new(self.programs.join("psql"));
        psql.arg("-h").arg(self.scratch.path()).args(["-p", &self.port().to_string(), "-U", USER]);
        psql.args(["-X", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-d", "postgres", "-c", statement]);
        let said = psql.output()?;
        ensure!(said.status.success(), "{statement}: {}", String::from_utf8_lossy(&said.stderr));
        Ok(String::from_utf8(said.stdout)?.trim().to_owned())
    }

    /// Runs a script of pgbench with prepared statements, by so many connections.
    ///
    /// # Errors
    /// It fails.
    pub fn pgbench(&self, script: &str, connections: u32, seconds: u64) -> anyhow::Result<()> {
        let mut file = tempfile::NamedTempFile::new()?;
        file.write_all(script.as_bytes())?;
        let mut pgbench = Command::new(self.programs.join("pgbench"));
        pgbench.arg("-h").arg(self.scratch.path()).args(["-p", &self.port().to_string()]);
        pgbench.args(["-U", USER, "-n", "-M", "prepared", "-j", "1", "-f"]).arg(file.path());
        pgbench.args(["-c", &connections.to_string(), "-T", &seconds.to_string(), "postgres"]);
        run(pgbench.stdout(Stdio::null()).stderr(Stdio::null()))
    }

    /// All rows of a schema, by table.
    ///
    /// # Errors
    /// They cannot be read.
    pub fn rows(&self, schema: &str) -> anyhow::Result<String> {
        let tables = format!(
            "SELECT tablename FROM pg_tables WHERE schemaname = '{schema}' ORDER BY tablename"
        );
        let mut all = String::new();
        for table in self.sql(&tables)?.lines() {
            let rows = self.sql(&format!(
                "COPY (SELECT * FROM {schema}.{table} ORDER BY 1, 2, 3, 4) TO STDOUT (FORMAT csv)"
            ))?;
            let end = if rows.is_empty() { "" } else { "\n" };
            all += &format!("{table}\n{rows}{end}");
        }
        Ok(all)
    }

    fn port(&self) -> u16 {
        self.tls.as_ref().map_or(PORT, |tls| tls.address().port())
    }

    fn data(&self) -> PathBuf {
        self.scratch.path().join("data")
    }

    /// A program of the server, not as root.
    fn program(&self, name: &str) -> Command {
        self.user(&self.programs.join(name))
    }

    /// A program as the server's user.
    fn user(&self, program: &Path) -> Command {
        let is_root = std::fs::metadata(self.scratch.path()).is_ok_and(|own| own.uid() == 0);
        let mut command = match is_root {
            true => {
                let mut command = Command::new("setpriv");
                command.args(["--reuid", USER, "--regid", USER, "--init-groups", "--"]);
                command.arg(program);
                command
            }
            false => Command::new(program),
        };
        command.current_dir("/").env("LC_ALL", "C.UTF-8").stdout(Stdio::null());
        command
    }
}

fn run(command: &mut Command) -> anyhow::Result<()> {
    let status = command.status().with_context(|| format!("{command:?}"))?;
    ensure!(status.success(), "{command:?}: {status}");
    Ok(())
}

impl Drop for PostgresCluster {
    fn drop(&mut self) {
        if self.is_running {
            self.stop();
        }
    }
}
