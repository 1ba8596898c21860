//! The processes of the benchmark: a network, the engine, gateways, terminals.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use serde::Serialize;
use serde_json::Value;

use super::first_line;
use super::ground::{ACQUIRER, Ground, MERCHANT};
use crate::terminal::load::{Measured, Ready};

/// How long a process may take to end when it is asked to.
const END_WAIT: Duration = Duration::from_secs(60);
/// Ticks of the kernel's account of processor time in a second (`getconf CLK_TCK`).
const TICKS_PER_SECOND: u64 = 100;

/// A process that is killed when nobody needs it any more.
pub struct Member {
    child: Child,
    what: String,
    output: BufReader<ChildStdout>,
}

impl Member {
    fn start(what: &str, arguments: &[String], log: &Path) -> anyhow::Result<Member> {
        let program = std::env::current_exe().context("where this program is")?;
        let log = std::fs::File::create(log).with_context(|| log.display().to_string())?;
        let mut child = Command::new(program)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .with_context(|| what.to_owned())?;
        let output = child.stdout.take().context("its output")?;
        Ok(Member { child, what: what.to_owned(), output: BufReader::new(output) })
    }

    fn line(&mut self) -> anyhow::Result<String> {
        let mut line = String::new();
        let length = self.output.read_line(&mut line).with_context(|| self.what.clone())?;
        if length == 0 {
            bail!("{} ended early; keep its log with --data, and see there", self.what);
        }
        Ok(line)
    }

    /// The address in the line that begins with a word.
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

    /// Asks it to end, and waits for that; the rest of what it printed.
    fn end(mut self) -> anyhow::Result<String> {
        self.terminate()?;
        let asked = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait()? {
                let mut rest = String::new();
                while self.output.read_line(&mut rest)? > 0 {}
                if !status.success() {
                    bail!(
                        "{} ended with {status}; keep its log with --data, and see there",
                        self.what
                    );
                }
                return Ok(rest);
            }
            if asked.elapsed() > END_WAIT {
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
        // One that was killed has no account any more.
        let stat = std::fs::read_to_string(path).unwrap_or_default();
        let behind_name = stat.rsplit(')').next().unwrap_or_default();
        let ticks = behind_name.split_whitespace().skip(11).take(2);
        let ticks: u64 = ticks.filter_map(|ticks| ticks.parse::<u64>().ok()).sum();
        ticks * 1_000_000 / TICKS_PER_SECOND
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Processor time in microseconds.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Used {
    pub engine: u64,
    pub gateways: u64,
    pub network: u64,
    pub terminals: u64,
}

impl Used {
    pub fn less(self, before: Used) -> Used {
        Used {
            engine: self.engine.saturating_sub(before.engine),
            gateways: self.gateways.saturating_sub(before.gateways),
            network: self.network.saturating_sub(before.network),
            terminals: self.terminals.saturating_sub(before.terminals),
        }
    }

    pub fn for_each(self, sales: u64) -> Used {
        Used {
            engine: self.engine / sales,
            gateways: self.gateways / sales,
            network: self.network / sales,
            terminals: self.terminals / sales,
        }
    }
}

/// Everybody but the terminals.
pub struct Crew {
    network: Member,
    engine: Member,
    gateways: Vec<Member>,
    /// Processor time of gateways that were killed.
    gone: u64,
    /// The engine's doors for terminals.
    terminals_at: Vec<String>,
    /// The doors of each gateway.
    gateways_at: Vec<Vec<String>>,
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

impl Crew {
    /// Starts them, each when the one before is there.
    pub fn start(ground: &Ground, gateways: u32) -> anyhow::Result<Crew> {
        let path = |name: &str| ground.path(name).display().to_string();
        let certificates = path("certificates");
        if gateways > 0 {
            let mut arguments = words(&["certificates", &certificates]);
            for number in 1..=gateways {
                arguments.extend(words(&["--gateway", &format!("gateway-{number}")]));
            }
            let log = ground.path("certificates.log");
            let mut made = Member::start("certificates", &arguments, &log)?;
            while made.line().is_ok() {}
            made.child.wait()?;
        }
        let mut arguments = words(&["network", "run", "--json", "--name", ground.network_name()]);
        arguments.extend(words(&["--listen", &ground.network_address.to_string()]));
        arguments.extend(words(&["--keys", &path("alpha.toml"), "--clearing", &path("clearing")]));
        arguments.extend(words(&["--acquirer", &ACQUIRER.to_string()]));
        let mut network = Member::start("the network", &arguments, &ground.path("network.log"))?;
        network.line()?;
        let arguments =
            words(&["serve", "--data", &path("books"), "--config", &path("doorstep.toml")]);
        let mut engine = Member::start("the engine", &arguments, &ground.path("engine.log"))?;
        let doors = 0..ground.doors;
        let terminals_at = doors.clone().map(|_| engine.address("terminals "));
        let terminals_at = terminals_at.collect::<anyhow::Result<_>>()?;
        let engine_at = if gateways > 0 { engine.address("gateways ")? } else { String::new() };
        let mut crew = Crew {
            network,
            engine,
            gateways: Vec::new(),
            gone: 0,
            terminals_at,
            gateways_at: Vec::new(),
        };
        for number in 1..=gateways {
            let name = format!("gateway-{number}");
            let file = |ending| format!("{certificates}/{name}.{ending}");
            let mut arguments = words(&["gateway", "--engine", &engine_at]);
            for door in doors.clone() {
                arguments.extend(words(&["--listen", &Ground::door(door, 1 + number)]));
            }
            arguments.extend(words(&["--ca", &format!("{certificates}/authority.pem")]));
            arguments.extend(words(&["--cert", &file("pem"), "--key", &file("key")]));
            let log = ground.path(&format!("{name}.log"));
            let mut gateway = Member::start(&name, &arguments, &log)?;
            let at = doors.clone().map(|_| gateway.address("terminals "));
            crew.gateways_at.push(at.collect::<anyhow::Result<_>>()?);
            crew.gateways.push(gateway);
        }
        // The first message through a gateway that has no engine yet would wait for its time-out.
        crew.wait_for_gateways(ground)?;
        Ok(crew)
    }

    fn wait_for_gateways(&self, ground: &Ground) -> anyhow::Result<()> {
        let begun = Instant::now();
        for number in 1..=self.gateways.len() {
            let log = ground.path(&format!("gateway-{number}.log"));
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
        all.map(Member::memory).sum()
    }

    pub fn used(&self, terminals: &Terminals) -> anyhow::Result<Used> {
        Ok(Used {
            engine: self.engine.used(),
            gateways: self.gone + self.gateways.iter().map(Member::used).sum::<u64>(),
            network: self.network.used(),
            terminals: terminals.members.iter().map(|(member, _)| member.used()).sum(),
        })
    }

    /// Kills the first gateway, without a word.
    pub fn kill_a_gateway(&mut self) -> anyhow::Result<()> {
        let mut gateway = self.gateways.remove(0);
        self.gone += gateway.used();
        gateway.child.kill()?;
        gateway.child.wait()?;
        Ok(())
    }

    /// Starts the terminals, some in each process.
    pub fn terminals(&self, ground: &Ground, plan: &LoadPlan) -> anyhow::Result<Terminals> {
        let path = |name: &str| ground.path(name).display().to_string();
        let mut terminals = Terminals { members: Vec::new(), approved_lists: Vec::new() };
        for process in 0..plan.processes {
            let share = |all: u32| {
                let (each, more) = (all / plan.processes, all % plan.processes);
                (each + u32::from(process < more), process * each + process.min(more))
            };
            let (count, before) = share(plan.terminals);
            let list = ground.path(&format!("approved-{process}.csv"));
            let rate = share(plan.rate).0.max(u32::from(plan.rate > 0));
            let door = usize::try_from(process)?;
            let engine = self.terminals_at.get(door).context("a door for each process")?;
            let gateways: Vec<&str> =
                self.gateways_at.iter().filter_map(|at| at.get(door)).map(String::as_str).collect();
            let mut arguments = words(&["terminal", "load", "--connect"]);
            if gateways.is_empty() {
                arguments.push(engine.clone());
            } else {
                arguments.extend(words(&[&gateways.join(","), "--refuge", engine]));
            }
            let connects = (CONNECTS_PER_SECOND / plan.processes).max(1);
            let numbers = [
                ("--first", u64::from(before + 1)),
                ("--terminals", u64::from(count)),
                ("--parcels-each", u64::from(ground.parcels_each)),
                ("--rate", u64::from(rate)),
                ("--in-flight", u64::from(share(plan.in_flight).0.max(1))),
                ("--seconds", plan.seconds),
                ("--connects-per-second", u64::from(connects)),
            ];
            for (flag, number) in numbers {
                arguments.extend(words(&[flag, &number.to_string()]));
            }
            arguments.extend(words(&["--merchant", MERCHANT]));
            arguments.extend(words(&["--base-key-file", &path("base.key")]));
            arguments.extend(words(&["--approved", &list.display().to_string()]));
            if plan.pins {
                arguments.push("--pins".to_owned());
            }
            let log = ground.path(&format!("terminals-{process}.log"));
            let mut member = Member::start("terminals", &arguments, &log)?;
            let input = member.child.stdin.take().context("its input")?;
            terminals.members.push((member, input));
            terminals.approved_lists.push(list);
        }
        Ok(terminals)
    }

    /// Stops everybody gracefully; what the network says of itself.
    pub fn stop(self) -> anyhow::Result<Value> {
        let Crew { network, engine, gateways, .. } = self;
        engine.end()?;
        for gateway in gateways {
            gateway.end()?;
        }
        let said = network.end()?;
        Ok(serde_json::from_str(first_line(&said)?)?)
    }
}

/// Connections begun in a second by all processes.
const CONNECTS_PER_SECOND: u32 = 3_000;

/// How the terminals are divided and what they do.
pub struct LoadPlan {
    pub terminals: u32,
    pub processes: u32,
    pub rate: u32,
    pub in_flight: u32,
    pub seconds: u64,
    pub pins: bool,
}

/// The processes that play terminals.
pub struct Terminals {
    members: Vec<(Member, ChildStdin)>,
    pub approved_lists: Vec<PathBuf>,
}

impl Terminals {
    /// Waits until all are signed on.
    pub fn ready(&mut self) -> anyhow::Result<Vec<Ready>> {
        let lines = self.members.iter_mut().map(|(member, _)| member.line());
        lines.map(|line| Ok(serde_json::from_str(&line?)?)).collect()
    }

    /// Lets them sell.
    pub fn sell(&mut self) -> anyhow::Result<()> {
        for (_, input) in &mut self.members {
            input.write_all(b"sell\n")?;
        }
        Ok(())
    }

    /// Waits until they are done; what they measured, and what everybody used up to then.
    pub fn measured(&mut self, crew: &mut Crew) -> anyhow::Result<(Vec<Measured>, Used)> {
        let mut measured = Vec::new();
        let mut used = None;
        for place in 0..self.members.len() {
            let line = self.members[place].0.line()?;
            if used.is_none() {
                used = Some(crew.used(self)?);
            }
            measured.push(serde_json::from_str(&line)?);
        }
        Ok((measured, used.unwrap_or_default()))
    }
}
