//! Serving terminals: `doorstep serve`.

#[cfg(test)]
mod example;
mod form;
mod key_names;
pub mod limits;
pub mod settings;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context, anyhow, bail, ensure};
use clap::Args;
use door::control::CONTROL_SOCKET;
use door::{Addresses, Door, Ended, Stopper};
use engine::{Command, Engine, NetworkId, Refusal, WalletId};
use journal::{DataDirectory, DirectoryError};
use keys::KeyStore;
use money::Currency;
use node::{Clock, Node, Notice, Options, SystemClock};
use switch::{Switch, Unfinished};

use settings::Said;

/// Serves terminals: takes their payments over the networks into the books.
///
/// It runs until SIGTERM or SIGINT: then it takes nothing new, finishes what is in flight, within
/// 30 seconds, and ends. A second signal ends it at once. After a crash it goes on where the books
/// stopped: whatever has no known end is reversed.
///
/// It does not start where the settings lack a network or wallet over which something is
/// unfinished, or a network over which a pre-authorisation stands. Its keys are where [keys] in
/// the settings says; `doorstep keys --config` makes them.
#[derive(Args, Debug)]
pub struct ServeArgs {
    /// The data directory
    #[arg(long, value_name = "DIR", required_unless_present = "example")]
    data: Option<PathBuf>,
    /// The settings, doorstep.toml
    #[arg(long, value_name = "FILE", required_unless_present = "example")]
    config: Option<PathBuf>,
    /// Print an example of the settings, and end
    #[arg(long)]
    example: bool,
}

const EXAMPLE: &str = include_str!("../../../../docs/door/doorstep.toml");

/// Runs `doorstep serve`.
#[allow(clippy::print_stdout, reason = "the example is what was asked for")]
pub fn run(args: &ServeArgs) -> anyhow::Result<ExitCode> {
    if args.example {
        print!("{EXAMPLE}");
        return Ok(ExitCode::SUCCESS);
    }
    let (Some(data), Some(config)) = (&args.data, &args.config) else {
        bail!("give --data and --config");
    };
    let mut said = settings::read(config)?;
    let others_max = said.plan.other_files_max();
    if let Some(note) = limits::fit_files(&mut said.plan.limits, others_max)? {
        tell(&note);
    }
    let directory = DataDirectory::open(data).map_err(|error| match error {
        DirectoryError::Missing { .. } | DirectoryError::NoJournal { .. } => {
            anyhow::Error::new(error).context("there are no books to serve")
        }
        error => error.into(),
    })?;
    let (journal, snapshots) = (directory.journal()?, directory.snapshots()?);
    let options = Options { on_notice: Box::new(notice), ..Options::default() };
    let node = Node::start(Box::new(journal), Box::new(snapshots), options)?;
    let ended = serve(said, &node, data)?;
    node.stop()?;
    match ended {
        Ended::Finished => {
            tell("stopped: nothing was in flight");
            Ok(ExitCode::SUCCESS)
        }
        Ended::Unfinished(count) => {
            tell(&format!("stopped with {count} in flight; the next start goes on with them"));
            Ok(ExitCode::FAILURE)
        }
    }
}

fn serve(said: Said, node: &Node, data: &Path) -> anyhow::Result<Ended> {
    let (networks, asked) = (said.networks.clone(), said.settings.utc_offset_minutes);
    let look = move |engine: &Engine| against_books(engine, asked, &networks);
    node.client().look(look)?.0?;
    let ids: Vec<_> = said.networks.iter().map(|(network, ..)| *network).collect();
    let (unfinished, _) = node.client().look(move |engine| Unfinished::of(engine, &ids))?;
    let keys: Arc<dyn KeyStore> = said.keys;
    let mut switch = Switch::new(said.settings, keys)?;
    let mut begin = Vec::new();
    // Before new names are put down: one may be an old one that was misspelt.
    switch.resume(unfinished, SystemClock.now(), &mut begin).map_err(|error| {
        anyhow!(
            "{error}. Put back its [[network]] or [wallet], by this name, until they have ended; \
             `doorstep network withdraw` keeps new payments away from a network"
        )
    })?;
    introduce(&said.networks, said.wallet.as_ref(), node)?;
    let control = data.join(CONTROL_SOCKET);
    let mut plan = said.plan;
    plan.control = Some(control.clone());
    let teller = Box::new(tell);
    let mut door = Door::open(switch, node, plan, Box::new(SystemClock), teller)?;
    door.begin_with(begin);
    stop_on_signals(door.stopper()).context("hearing signals")?;
    print_addresses(door.addresses(), &control)?;
    let ended = door.run();
    // Who looks for it later is told that nobody is there either way.
    let _ = std::fs::remove_file(&control);
    Ok(ended?)
}

/// Checks that the settings do not say something else than the books.
fn against_books(
    engine: &Engine,
    utc_offset_minutes: i16,
    networks: &[(NetworkId, Currency, String)],
) -> anyhow::Result<()> {
    if let Some(offset) = engine.utc_offset_minutes() {
        ensure!(
            offset == utc_offset_minutes,
            "utc_offset_minutes = {utc_offset_minutes}: in the books it is {offset}"
        );
    }
    for (network, currency, name) in networks {
        let Some(view) = engine.network_view(*network) else { continue };
        let (theirs, ours) = (view.currency.code(), currency.code());
        ensure!(
            view.currency == *currency,
            "network `{name}`: its currency is {theirs} in the books, and {ours} here; it keeps \
             its currency, and what clears in {ours} needs a name of its own"
        );
    }
    Ok(())
}

/// Makes networks and the wallet known to the books, where they are not.
fn introduce(
    networks: &[(NetworkId, Currency, String)],
    wallet: Option<&(WalletId, Currency, String)>,
    node: &Node,
) -> anyhow::Result<()> {
    let networks = networks.iter().cloned().map(|(network, currency, reference)| {
        (reference.clone(), Command::RegisterNetwork { network, currency, reference })
    });
    let wallet = wallet.cloned().map(|(wallet, currency, reference)| {
        (reference.clone(), Command::RegisterWallet { wallet, currency, reference })
    });
    let (names, commands): (Vec<_>, Vec<_>) =
        networks.chain(wallet).map(|(name, command)| (name, (None, command))).unzip();
    let answers = node.client().carry_out(commands)?;
    for (name, answer) in names.iter().zip(answers) {
        match answer {
            Ok(_) | Err(Refusal::Repeated) => {}
            Err(Refusal::IdentifierTaken) => bail!(
                "`{name}` has another currency in the books, and keeps it; give what clears in \
                 this one a name of its own"
            ),
            Err(refusal) => bail!("the books do not take `{name}`: {refusal}"),
        }
    }
    Ok(())
}

/// Each signal is one call: the first stops gracefully, the second at once.
pub fn stop_on_signals(stopper: Stopper) -> std::io::Result<()> {
    use std::io::Read;
    use std::os::unix::net::UnixStream;
    let (mut heard, told) = UnixStream::pair()?;
    for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM] {
        signal_hook::low_level::pipe::register(signal, told.try_clone()?)?;
    }
    std::thread::Builder::new().name("doorstep-signals".into()).spawn(move || {
        let mut byte = [0];
        while matches!(heard.read(&mut byte), Ok(1)) {
            stopper.stop();
        }
    })?;
    Ok(())
}

#[allow(clippy::print_stdout, reason = "whoever starts it reads where it listens")]
fn print_addresses(at: &Addresses, control: &Path) -> anyhow::Result<()> {
    for (what, addresses) in
        [("terminals", &at.terminals), ("gateways", &at.gateways), ("wallets", &at.wallets)]
    {
        for address in addresses {
            println!("{what} {address}");
        }
    }
    println!("control {}", control.display());
    std::io::stdout().flush().context("standard output")
}

#[allow(clippy::print_stderr, reason = "the operator's log")]
pub fn tell(line: &str) {
    eprintln!("{line}");
}

fn notice(notice: Notice) {
    match notice {
        Notice::SnapshotSkipped { sequence, why } => {
            tell(&format!("note: snapshot {sequence} was not used: {why}"));
        }
        Notice::SnapshotFailed { sequence, error } => {
            tell(&format!("note: snapshot {sequence} could not be written: {error}"));
        }
        Notice::SnapshotWritten { .. } => {}
    }
}
