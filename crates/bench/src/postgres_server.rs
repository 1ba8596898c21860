//! A server of PostgreSQL of a benchmark's own, on a socket in a directory.

use std::path::{Path, PathBuf};
use std::process::{Command as Process, Stdio};

use anyhow::{Context, ensure};

/// The user of Debian's package. The server refuses to run as root.
const USER: &str = "postgres";
/// What is set beside the server's defaults: everything is durable.
const SETTINGS: &str = "-c fsync=on -c shared_buffers=1GB -c max_wal_size=8GB \
                        -c checkpoint_timeout=15min -c listen_addresses= -c port=5432";

pub struct PostgresServer {
    directory: PathBuf,
    programs: PathBuf,
}

impl PostgresServer {
    /// Makes an empty cluster in a directory and starts it.
    ///
    /// # Errors
    /// PostgreSQL is not installed as on Debian, or does not start.
    pub fn start(directory: &Path) -> anyhow::Result<PostgresServer> {
        use std::os::unix::fs::PermissionsExt;
        let mode = std::fs::Permissions::from_mode(0o777);
        std::fs::set_permissions(directory, mode).context("the directory of PostgreSQL")?;
        let versions = std::fs::read_dir("/usr/lib/postgresql").context("PostgreSQL of Debian")?;
        let versions = versions.filter_map(|one| Some(one.ok()?.path().join("bin")));
        let programs = versions.max().context("PostgreSQL of Debian")?;
        let server = PostgresServer { directory: directory.to_owned(), programs };
        let flags = ["-U", USER, "--auth=trust", "--encoding=UTF8"];
        server.run(server.program("initdb").args(flags))?;
        let options = format!("{SETTINGS} -k {}", directory.display());
        let log = directory.join("log");
        server
            .run(server.program("pg_ctl").args(["start", "-w", "-o", &options, "-l"]).arg(log))?;
        Ok(server)
    }

    /// The address for doorstep.toml.
    #[must_use]
    pub fn url(&self) -> String {
        let socket = self.directory.display().to_string().replace('/', "%2F");
        format!("postgres://{USER}@{socket}:5432/postgres")
    }

    /// The bytes of all tables and indexes.
    ///
    /// # Errors
    /// The server does not say.
    pub fn bytes(&self) -> anyhow::Result<u64> {
        let mut psql = Process::new(self.programs.join("psql"));
        psql.arg("-h").arg(&self.directory).args(["-U", USER, "-X", "-A", "-t", "-c"]);
        let said = psql.arg("SELECT pg_database_size('postgres')").output()?;
        Ok(String::from_utf8_lossy(&said.stdout).trim().parse()?)
    }

    /// A program of the server, not as root, with the cluster.
    fn program(&self, name: &str) -> Process {
        let program = self.programs.join(name);
        let is_root = std::fs::metadata("/proc/self")
            .is_ok_and(|own| std::os::unix::fs::MetadataExt::uid(&own) == 0);
        let mut process = match is_root {
            true => {
                let mut process = Process::new("setpriv");
                process.args(["--reuid", USER, "--regid", USER, "--init-groups", "--"]);
                process.arg(program);
                process
            }
            false => Process::new(program),
        };
        process.current_dir("/").env("LC_ALL", "C.UTF-8").stdout(Stdio::null());
        process.arg("-D").arg(self.directory.join("cluster"));
        process
    }

    fn run(&self, process: &mut Process) -> anyhow::Result<()> {
        let status = process.status().with_context(|| format!("{process:?}"))?;
        let log = self.directory.join("log");
        ensure!(status.success(), "{process:?}: {status}; see {}", log.display());
        Ok(())
    }
}

impl Drop for PostgresServer {
    fn drop(&mut self) {
        let mut stop = self.program("pg_ctl");
        let _ = stop.args(["stop", "-m", "immediate"]).status();
    }
}
