//! A real Redis, of Debian's package, in a directory of its own. What it acknowledges is durable.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use tempfile::TempDir;

const START_SECONDS_MAX: u64 = 10;

/// A server that is stopped and removed when this is dropped.
#[derive(Debug)]
pub struct RedisServer {
    scratch: TempDir,
    server: Child,
}

impl RedisServer {
    /// Starts an empty server with `appendfsync always`.
    ///
    /// # Errors
    /// Redis is not installed, or does not start.
    pub fn durable() -> anyhow::Result<RedisServer> {
        let scratch = tempfile::Builder::new().prefix("doorstep-redis-").tempdir_in("/var/tmp")?;
        let mut server = Command::new("redis-server");
        server.args(["--port", "0", "--save", "", "--appendonly", "yes"]);
        server.args(["--appendfsync", "always", "--dir"]).arg(scratch.path());
        server.arg("--unixsocket").arg(scratch.path().join("socket"));
        server.stdout(Stdio::null()).stderr(Stdio::null());
        let server = server.spawn().context("redis-server of Debian's package redis-server")?;
        let server = RedisServer { scratch, server };
        let begun = Instant::now();
        while server.ask(&["PING"]).ok().as_deref() != Some("PONG") {
            if begun.elapsed() > Duration::from_secs(START_SECONDS_MAX) {
                bail!("redis-server does not answer");
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(server)
    }

    fn socket(&self) -> PathBuf {
        self.scratch.path().join("socket")
    }

    /// Gives one command, and returns what is answered.
    ///
    /// # Errors
    /// The server refuses it.
    pub fn ask(&self, command: &[&str]) -> anyhow::Result<String> {
        let mut cli = Command::new("redis-cli");
        let done = cli.arg("-e").arg("-s").arg(self.socket()).args(command).output()?;
        let answer = String::from_utf8_lossy(&done.stdout).trim().to_owned();
        ensure!(done.status.success(), "redis: {answer}{}", String::from_utf8_lossy(&done.stderr));
        Ok(answer)
    }

    /// Gives a command so often, by 64 connections with so many in flight together. `__rand_int__`
    /// in it is a number below `keys`, of 12 digits. Returns how long that took.
    ///
    /// # Errors
    /// The server refuses it.
    pub fn load(
        &self,
        command: &[&str],
        count: u64,
        in_flight: u64,
        keys: u64,
    ) -> anyhow::Result<Duration> {
        const CONNECTIONS: u64 = 64;
        let in_each = (in_flight / CONNECTIONS).max(1);
        let mut load = Command::new("redis-benchmark");
        load.arg("-s").arg(self.socket()).arg("-q");
        for (flag, value) in [("-c", CONNECTIONS), ("-P", in_each), ("-n", count), ("-r", keys)] {
            load.arg(flag).arg(value.to_string());
        }
        let begun = Instant::now();
        let done = load.args(command).output()?;
        let took = begun.elapsed();
        ensure!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        Ok(took)
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}
