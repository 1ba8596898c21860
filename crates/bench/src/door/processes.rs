//! The benchmark's processes: a network, the engine, gateways, terminals.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use host::ConnectionLimits;
use serde::Serialize;
use serde_json::Value;

use super::{DoorPlan, first_line, listen_address};
use crate::fixture::{ACQUIRER, Fixture, MERCHANT, NETWORK};
use crate::{LoadMeasurements, LoadReady};

/// The time limit for a process to end.
const END_WAIT: Duration = Duration::from_secs(60);
/// Ticks per second of the kernel's processor times (`getconf CLK_TCK`).
const TICKS_PER_SECOND: u64 = 100;

/// A process that is killed on drop.
pub struct ChildProcess {
    child: Child,
    what: String,
    output: BufReader<ChildStdout>,
}

impl ChildProcess {
    fn start(what: &str, arguments: &[String], log: &Path) -> anyhow::Result<ChildProcess> {
        let program = std::env::current_exe().context("the path of this program")?;
        let log = std::fs::File::create(log).with_context(|| log.display().to_string())?;
        let mut child = Command::new(program)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .with_context(|| what.to_owned())?;
        let output = child.stdout.take().context("its output")?;
        Ok(ChildProcess { child, what: what.to_owned(), output: BufReader::new(output) })
    }

    fn line(&mut self) -> anyhow::Result<String> {
        let mut line = String::new();
        let length = self.output.read_line(&mut line).with_context(|| self.what.clone())?;
        if length == 0 {
            bail!("{} ended early; run again with --data to keep its log", self.what);
        }
        Ok(line)
    }

    /// The address in the next line that starts with a word.
    fn address(&mut self, word: &str) -> anyhow::Result<String> {
        loop {
            let line = self.line()?;
            if let Some(address) = line.strip_prefix(word) {
                return Ok(address.trim().to_owned());
            }
        }
    }

    fn terminate(&self) -> anyhow::Result<()> {
        let done = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status();
        done.context("kill").map(|_| ())
    }

    /// Terminates the process, waits for its end, and returns the rest of its output.
    fn end(mut self) -> anyhow::Result<String> {
        self.terminate()?;
        let begun = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait()? {
                let mut rest = String::new();
                while self.output.read_line(&mut rest)? > 0 {}
                if !status.success() {
                    bail!(
                        "{} ended with {status}; run again with --data to keep its log",
                        self.what
                    );
                }
                return Ok(rest);
            }
            if begun.elapsed() > END_WAIT {
                bail!("{} does not end", self.what);
            }
            sleep(Duration::from_millis(10));
        }
    }

    /// Resident bytes.
    fn memory(&self) -> anyhow::Result<u64> {
        let path = format!("/proc/{}/status", self.child.id());
        let status = std::fs::read_to_string(&path).context(path)?;
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).context("VmRSS")?;
        let kib = line.split_whitespace().nth(1).context("VmRSS has no number")?;
        Ok(kib.parse::<u64>()? * 1_024)
    }

    /// Processor time in microseconds, user and system.
    fn used(&self) -> u64 {
        let path = format!("/proc/{}/stat", self.child.id());
        // A killed process has no such file.
        let stat = std::fs::read_to_string(path).unwrap_or_default();
        let behind_name = stat.rsplit(')').next().unwrap_or_default();
        let ticks = behind_name.split_whitespace().skip(11).take(2);
        let ticks: u64 = ticks.filter_map(|ticks| ticks.parse::<u64>().ok()).sum();
        ticks * 1_000_000 / TICKS_PER_SECOND
    }
}

impl Drop for ChildProcess {
    fn drop(&mut self) {
        // The process may have ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Processor time in microseconds.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct ProcessorTime {
    pub engine: u64,
    pub gateways: u64,
    pub network: u64,
    pub terminals: u64,
}

impl ProcessorTime {
    pub fn since(self, before: ProcessorTime) -> ProcessorTime {
        ProcessorTime {
            engine: self.engine.saturating_sub(before.engine),
            gateways: self.gateways.saturating_sub(before.gateways),
            network: self.network.saturating_sub(before.network),
            terminals: self.terminals.saturating_sub(before.terminals),
        }
    }

    pub fn per_sale(self, sales: u64) -> ProcessorTime {
        ProcessorTime {
            engine: self.engine / sales,
            gateways: self.gateways / sales,
            network: self.network / sales,
            terminals: self.terminals / sales,
        }
    }
}

/// All processes except the terminals.
pub struct Processes {
    network: ChildProcess,
    engine: ChildProcess,
    gateways: Vec<ChildProcess>,
    /// Processor time of killed gateways.
    killed_used: u64,
    /// The engine's addresses for terminals.
    engine_addresses: Vec<String>,
    /// The addresses of each gateway.
    gateway_addresses: Vec<Vec<String>>,
}

fn start_engine(fixture: &Fixture, log: &str) -> anyhow::Result<ChildProcess> {
    let path = |name: &str| fixture.path(name).display().to_string();
    let arguments = words(&["serve", "--data", &path("books"), "--config", &path("doorstep.toml")]);
    ChildProcess::start("the engine", &arguments, &fixture.path(log))
}

/// The secret of an API key of books at rest.
pub fn key_secret(fixture: &Fixture, key: u64) -> anyhow::Result<String> {
    let books = fixture.path("books").display().to_string();
    let arguments = words(&["api-key", "secret", &key.to_string(), "--data", &books]);
    let mut made = ChildProcess::start("api-key", &arguments, &fixture.path("api-key.log"))?;
    loop {
        let line = made.line()?;
        let secret = line.split(|one: char| one.is_whitespace() || one == '"');
        if let Some(secret) = secret.into_iter().find(|one| one.starts_with("ds_test_")) {
            let secret = secret.to_owned();
            while made.line().is_ok() {}
            made.child.wait()?;
            return Ok(secret);
        }
    }
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

impl Processes {
    /// Starts the processes one after the other.
    pub fn start(fixture: &Fixture, plan: &DoorPlan) -> anyhow::Result<Processes> {
        let path = |name: &str| fixture.path(name).display().to_string();
        let (gateways, listeners) = (plan.gateways, 0..plan.processes());
        let certificates = path("certificates");
        if gateways > 0 {
            let mut arguments = words(&["certificates", &certificates]);
            for number in 1..=gateways {
                arguments.extend(words(&["--gateway", &format!("gateway-{number}")]));
            }
            let log = fixture.path("certificates.log");
            let mut made = ChildProcess::start("certificates", &arguments, &log)?;
            while made.line().is_ok() {}
            made.child.wait()?;
        }
        let mut arguments = words(&["network", "run", "--json", "--name", NETWORK]);
        arguments.extend(words(&["--listen", &fixture.network_address.to_string()]));
        arguments.extend(words(&["--keys", &path("alpha.toml"), "--clearing", &path("clearing")]));
        arguments.extend(words(&["--acquirer", &ACQUIRER.to_string()]));
        let mut network =
            ChildProcess::start("the network", &arguments, &fixture.path("network.log"))?;
        network.line()?;
        let mut engine = start_engine(fixture, "engine.log")?;
        let engine_addresses = listeners.clone().map(|_| engine.address("terminals "));
        let engine_addresses = engine_addresses.collect::<anyhow::Result<_>>()?;
        let engine_at = if gateways > 0 { engine.address("gateways ")? } else { String::new() };
        let mut processes = Processes {
            network,
            engine,
            gateways: Vec::new(),
            killed_used: 0,
            engine_addresses,
            gateway_addresses: Vec::new(),
        };
        for number in 1..=gateways {
            let name = format!("gateway-{number}");
            let file = |ending| format!("{certificates}/{name}.{ending}");
            let mut arguments = words(&["gateway", "--engine", &engine_at]);
            for listener in listeners.clone() {
                arguments.extend(words(&["--listen", &listen_address(listener, 1 + number)]));
            }
            // All terminals of the benchmark come from one address.
            let all = ConnectionLimits::default().connections_max.to_string();
            arguments.extend(words(&["--connections-per-address", &all]));
            arguments.extend(words(&["--ca", &format!("{certificates}/authority.pem")]));
            arguments.extend(words(&["--cert", &file("pem"), "--key", &file("key")]));
            let log = fixture.path(&format!("{name}.log"));
            let mut gateway = ChildProcess::start(&name, &arguments, &log)?;
            let at = listeners.clone().map(|_| gateway.address("terminals "));
            processes.gateway_addresses.push(at.collect::<anyhow::Result<_>>()?);
            processes.gateways.push(gateway);
        }
        // Without its engine, a gateway would let the first message time out.
        processes.wait_for_gateways(fixture)?;
        Ok(processes)
    }

    fn wait_for_gateways(&self, fixture: &Fixture) -> anyhow::Result<()> {
        let begun = Instant::now();
        for number in 1..=self.gateways.len() {
            let log = fixture.path(&format!("gateway-{number}.log"));
            while !std::fs::read_to_string(&log)?.contains("the engine is connected") {
                if begun.elapsed() > END_WAIT {
                    bail!("gateway-{number} does not reach the engine; see {}", log.display());
                }
                sleep(Duration::from_millis(10));
            }
        }
        Ok(())
    }

    /// Resident bytes of the engine and the gateways.
    pub fn memory(&self) -> anyhow::Result<u64> {
        let all = self.gateways.iter().chain([&self.engine]);
        all.map(ChildProcess::memory).sum()
    }

    pub fn processor_time(&self, terminals: &TerminalProcesses) -> anyhow::Result<ProcessorTime> {
        Ok(ProcessorTime {
            engine: self.engine.used(),
            gateways: self.killed_used + self.gateways.iter().map(ChildProcess::used).sum::<u64>(),
            network: self.network.used(),
            terminals: terminals.members.iter().map(|(member, _)| member.used()).sum(),
        })
    }

    /// Kills the first gateway (SIGKILL).
    pub fn kill_first_gateway(&mut self) -> anyhow::Result<()> {
        let mut gateway = self.gateways.remove(0);
        self.killed_used += gateway.used();
        gateway.child.kill()?;
        gateway.child.wait()?;
        Ok(())
    }

    /// The address of the API. Asked once for each start of the engine.
    pub fn web_address(&mut self) -> anyhow::Result<String> {
        self.engine.address("web ")
    }

    /// Kills the engine (SIGKILL) and starts it again.
    pub fn kill_engine(&mut self, fixture: &Fixture) -> anyhow::Result<()> {
        self.engine.child.kill()?;
        self.engine.child.wait()?;
        self.engine = start_engine(fixture, "engine-again.log")?;
        Ok(())
    }

    /// Processor time of the engine, in microseconds.
    pub fn engine_used(&self) -> u64 {
        self.engine.used()
    }

    /// Resident bytes of the engine.
    pub fn engine_memory(&self) -> anyhow::Result<u64> {
        self.engine.memory()
    }

    /// Starts the terminals, some in each process.
    pub fn terminals(
        &self,
        fixture: &Fixture,
        plan: &DoorPlan,
    ) -> anyhow::Result<TerminalProcesses> {
        let path = |name: &str| fixture.path(name).display().to_string();
        let mut terminals = TerminalProcesses { members: Vec::new(), approved_lists: Vec::new() };
        let (processes, parcels_each) = (plan.processes(), plan.parcels_each()?);
        for process in 0..processes {
            let share = |all: u32| {
                let (each, more) = (all / processes, all % processes);
                (each + u32::from(process < more), process * each + process.min(more))
            };
            let (count, before) = share(plan.terminals);
            let list = fixture.path(&format!("approved-{process}.csv"));
            let rate = share(plan.rate).0.max(u32::from(plan.rate > 0));
            let listener = usize::try_from(process)?;
            let engine =
                self.engine_addresses.get(listener).context("an address for each process")?;
            let gateways: Vec<&str> = self
                .gateway_addresses
                .iter()
                .filter_map(|at| at.get(listener))
                .map(String::as_str)
                .collect();
            let mut arguments = words(&["terminal", "load", "--connect"]);
            if gateways.is_empty() {
                arguments.push(engine.clone());
            } else {
                arguments.extend(words(&[&gateways.join(","), "--refuge", engine]));
            }
            let connects = (CONNECTS_PER_SECOND / processes).max(1);
            let numbers = [
                ("--first", u64::from(before + 1)),
                ("--terminals", u64::from(count)),
                ("--parcels-each", u64::from(parcels_each)),
                ("--rate", u64::from(rate)),
                ("--in-flight", u64::from(share(plan.in_flight).0.max(1))),
                ("--seconds", plan.seconds),
                ("--connects-per-second", u64::from(connects)),
            ];
            for (flag, number) in numbers {
                arguments.extend(words(&[flag, &number.to_string()]));
            }
            arguments.extend(words(&["--merchant", MERCHANT, "--dialect", plan.dialect]));
            arguments.extend(words(&["--base-key-file", &path("base.key")]));
            arguments.extend(words(&["--approved", &list.display().to_string()]));
            if plan.pins {
                arguments.push("--pins".to_owned());
            }
            let log = fixture.path(&format!("terminals-{process}.log"));
            let mut member = ChildProcess::start("terminals", &arguments, &log)?;
            let input = member.child.stdin.take().context("its input")?;
            terminals.members.push((member, input));
            terminals.approved_lists.push(list);
        }
        Ok(terminals)
    }

    /// Stops all processes gracefully, and returns the network's summary.
    pub fn stop(self) -> anyhow::Result<Value> {
        let Processes { network, engine, gateways, .. } = self;
        engine.end()?;
        for gateway in gateways {
            gateway.end()?;
        }
        let summary = network.end()?;
        Ok(serde_json::from_str(first_line(&summary)?)?)
    }
}

/// New connections per second, over all processes.
const CONNECTS_PER_SECOND: u32 = 3_000;

/// The processes that simulate terminals.
pub struct TerminalProcesses {
    members: Vec<(ChildProcess, ChildStdin)>,
    pub approved_lists: Vec<PathBuf>,
}

impl TerminalProcesses {
    /// Waits until all are signed on.
    pub fn ready(&mut self) -> anyhow::Result<Vec<LoadReady>> {
        let lines = self.members.iter_mut().map(|(member, _)| member.line());
        lines.map(|line| Ok(serde_json::from_str(&line?)?)).collect()
    }

    /// Starts the sales.
    pub fn sell(&mut self) -> anyhow::Result<()> {
        for (_, input) in &mut self.members {
            input.write_all(b"sell\n")?;
        }
        Ok(())
    }

    /// Waits for the end, and returns the measurements and the processor times until then.
    pub fn measured(
        &mut self,
        processes: &mut Processes,
    ) -> anyhow::Result<(Vec<LoadMeasurements>, ProcessorTime)> {
        let mut measured = Vec::new();
        let mut used = None;
        for place in 0..self.members.len() {
            let line = self.members[place].0.line()?;
            if used.is_none() {
                used = Some(processes.processor_time(self)?);
            }
            measured.push(serde_json::from_str(&line)?);
        }
        Ok((measured, used.unwrap_or_default()))
    }
}
