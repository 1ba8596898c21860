//! `doorstep keys`: makes, imports, rotates and lists keys. Keys are known by their check values
//! and never shown.

use std::env;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, bail};
use clap::{Args, Subcommand, ValueEnum};
use keys::{
    Algorithm, CheckValue, Component, KeyListing, KeyName, KeyStore, MasterKey, Pkcs11Store,
    Purpose,
};
use serde_json::json;

use crate::serve::settings;
use crate::words::{left, right, say};

mod custodians;

/// Makes, imports, rotates and lists keys; they are shown by their check values only.
///
/// The keys are in a file under a master key, or in an HSM. With --config they are where `doorstep
/// serve` with these settings looks for them; without settings, --store or --pkcs11 says where.
/// They are looked for nowhere else. A master key is made by
/// `openssl rand -hex 32 > master.key && chmod 600 master.key`.
///
/// Exit status: 0 it is done; 1 it could not be done, and why.
#[derive(Args, Debug)]
pub struct KeysArgs {
    #[command(subcommand)]
    task: Task,
    #[command(flatten)]
    place: Place,
}

/// Where the keys are.
#[derive(Args, Debug)]
struct Place {
    /// The settings of `doorstep serve`, doorstep.toml: their [keys] say where the keys are
    #[arg(long, global = true, value_name = "FILE",
        conflicts_with_all = ["store", "master_key_file", "pkcs11", "token"])]
    config: Option<PathBuf>,
    /// The file that has the keys
    #[arg(long, global = true, value_name = "FILE", conflicts_with = "pkcs11")]
    store: Option<PathBuf>,
    /// The file with the master key, 64 hex digits; else DOORSTEP_MASTER_KEY has it
    #[arg(long, global = true, value_name = "FILE")]
    master_key_file: Option<PathBuf>,
    /// The PKCS#11 module of an HSM that has the keys; its user PIN is in DOORSTEP_PKCS11_PIN
    #[arg(long, global = true, value_name = "MODULE")]
    pkcs11: Option<PathBuf>,
    /// The label of the HSM's token
    #[arg(long, global = true, value_name = "LABEL")]
    token: Option<String>,
}

#[derive(Subcommand, Debug)]
enum Task {
    /// Makes a new random key
    Make {
        /// The key's name: a-z, 0-9, `/`, `.`, `-`
        name: String,
        /// What it is for
        #[arg(long)]
        purpose: For,
        /// Its algorithm
        #[arg(long, default_value = "tdes")]
        algorithm: Kind,
    },
    /// Imports a key from its components
    ///
    /// Each custodian types one line: the component as hex digits, a space, and the component's
    /// check value. An empty line, or the end of the input, ends it. Nothing that is typed is
    /// shown. The key is all components, XORed.
    Import {
        /// The key's name: a-z, 0-9, `/`, `.`, `-`
        name: String,
        /// What it is for
        #[arg(long)]
        purpose: For,
        /// Its algorithm
        #[arg(long, default_value = "tdes")]
        algorithm: Kind,
        /// The check value that the whole key must have
        #[arg(long, value_name = "HEX")]
        check_value: Option<String>,
    },
    /// Makes a new generation of a key
    ///
    /// What is made from now on is made with it; the older ones still check and decrypt, until
    /// they are dropped. Keys from which terminals' keys are derived (base, dukpt) have one
    /// generation: to change terminals' working keys, count `generation` up in doorstep.toml.
    Rotate {
        /// The key's name
        name: String,
        /// Takes the new generation from components, as `import` does
        #[arg(long)]
        components: bool,
        /// The check value that the new generation must have
        #[arg(long, value_name = "HEX", requires = "components")]
        check_value: Option<String>,
    },
    /// Lists all keys with their check values
    List {
        /// Prints JSON: name, purpose, algorithm, generation, check_value, made_on
        #[arg(long)]
        json: bool,
    },
    /// Forgets an old generation of a key, for good
    Drop {
        /// The key's name
        name: String,
        /// Which one; the newest cannot be dropped
        #[arg(long)]
        generation: u32,
    },
}

/// What a key is for.
#[derive(Copy, Clone, Debug, ValueEnum)]
enum For {
    /// A terminal's master key (TMK)
    TerminalMaster,
    /// PIN encryption (PIK, TPK, ZPK)
    Pin,
    /// MACs (MAK, TAK)
    Mac,
    /// Exchange of keys with a network (KEK, ZMK)
    Exchange,
    /// Tokens of card numbers
    Token,
    /// Derivation of terminals' working keys
    Base,
    /// Derivation of unique keys per transaction (BDK)
    Dukpt,
}

impl From<For> for Purpose {
    fn from(purpose: For) -> Purpose {
        match purpose {
            For::TerminalMaster => Purpose::TerminalMaster,
            For::Pin => Purpose::PinEncryption,
            For::Mac => Purpose::Mac,
            For::Exchange => Purpose::Exchange,
            For::Token => Purpose::Token,
            For::Base => Purpose::Base,
            For::Dukpt => Purpose::Dukpt,
        }
    }
}

/// A key's algorithm and length.
#[derive(Copy, Clone, Debug, ValueEnum)]
enum Kind {
    /// 8 bytes, for MACs only
    Des,
    /// 16 bytes
    Tdes,
    /// 24 bytes
    Tdes3,
    /// 16 bytes
    Aes128,
    /// 24 bytes
    Aes192,
    /// 32 bytes
    Aes256,
}

impl From<Kind> for Algorithm {
    fn from(kind: Kind) -> Algorithm {
        match kind {
            Kind::Des => Algorithm::Des,
            Kind::Tdes => Algorithm::Tdes2,
            Kind::Tdes3 => Algorithm::Tdes3,
            Kind::Aes128 => Algorithm::Aes128,
            Kind::Aes192 => Algorithm::Aes192,
            Kind::Aes256 => Algorithm::Aes256,
        }
    }
}

/// The environment variable with the PIN of an HSM's token.
pub const PIN_VARIABLE: &str = "DOORSTEP_PKCS11_PIN";

/// Does what is asked with keys.
pub fn run(args: &KeysArgs) -> anyhow::Result<()> {
    let begin = matches!(args.task, Task::Make { .. } | Task::Import { .. });
    let store = open(&args.place, begin)?;
    let store = &*store;
    match &args.task {
        Task::Make { name, purpose, algorithm } => {
            let name = KeyName::new(name)?;
            say_made(&store.generate(name, (*purpose).into(), (*algorithm).into())?);
        }
        Task::Import { name, purpose, algorithm, check_value } => {
            let name = KeyName::new(name)?;
            let algorithm = (*algorithm).into();
            let components = custodians::components(algorithm)?;
            check(&components, algorithm, check_value.as_deref())?;
            let purpose = (*purpose).into();
            say_made(&store.import_components(name, purpose, algorithm, &components)?);
        }
        Task::Rotate { name, components: false, .. } => {
            say_made(&store.rotate(KeyName::new(name)?)?);
        }
        Task::Rotate { name, components: true, check_value } => {
            let name = KeyName::new(name)?;
            let algorithm = algorithm_of(store, name)?;
            let components = custodians::components(algorithm)?;
            check(&components, algorithm, check_value.as_deref())?;
            say_made(&store.rotate_to_components(name, &components)?);
        }
        Task::List { json } => list(&store.list()?, *json),
        Task::Drop { name, generation } => {
            store.drop_generation(KeyName::new(name)?, *generation)?;
            say!("{name}: generation {generation} is forgotten");
        }
    }
    Ok(())
}

/// The store that the flags name. A file is begun only where its first key comes.
fn open(place: &Place, begin: bool) -> anyhow::Result<Arc<dyn KeyStore>> {
    if let Some(config) = &place.config {
        return settings::key_store(config, begin);
    }
    if let Some(module) = &place.pkcs11 {
        let label = place.token.as_deref().context("--pkcs11: give the --token LABEL, too")?;
        let pin = env::var(PIN_VARIABLE)
            .with_context(|| format!("{PIN_VARIABLE}: set it to the user PIN of the token"))?;
        return Ok(Arc::new(Pkcs11Store::open(module, label, pin.into())?));
    }
    if place.token.is_some() {
        bail!("--token: it is for an HSM; give its --pkcs11 MODULE, too");
    }
    let Some(path) = &place.store else {
        bail!("say where the keys are: --config FILE, --store FILE or --pkcs11 MODULE")
    };
    let master = MasterKey::find(place.master_key_file.as_deref())?;
    Ok(Arc::new(settings::key_file(path, master, begin)?))
}

/// The whole key is checked before anything is written.
fn check(
    components: &[Component],
    algorithm: Algorithm,
    wanted: Option<&str>,
) -> anyhow::Result<()> {
    let found: CheckValue = Component::check_value_of_all(components, algorithm)?;
    match wanted {
        Some(wanted) if !found.is(wanted).context("--check-value")? => bail!(
            "--check-value {wanted}: the components make a key with the check value {found}; \
             nothing was imported"
        ),
        _ => Ok(()),
    }
}

fn algorithm_of(store: &dyn KeyStore, name: KeyName) -> anyhow::Result<Algorithm> {
    let listed = store.list()?;
    let newest = listed.iter().find(|listing| listing.name == name);
    let newest = newest.with_context(|| format!("there is no key `{name}` in the store"))?;
    Ok(newest.algorithm)
}

fn say_made(listing: &KeyListing) {
    let KeyListing { name, generation, algorithm, check_value, .. } = listing;
    let algorithm = algorithm.name();
    say!("{name}: generation {generation}, {algorithm}, check value {check_value}");
}

fn list(listings: &[KeyListing], as_json: bool) {
    if as_json {
        let rows: Vec<_> = listings
            .iter()
            .map(|listing| {
                json!({
                    "name": listing.name.as_str(),
                    "purpose": listing.purpose.name(),
                    "algorithm": listing.algorithm.name(),
                    "generation": listing.generation,
                    "check_value": listing.check_value.to_string(),
                    "made_on": listing.made_on.to_string(),
                })
            })
            .collect();
        say!("{:#}", json!(rows));
        return;
    }
    if listings.is_empty() {
        say!("There are no keys.");
        return;
    }
    let names = listings.iter().map(|listing| listing.name.as_str().len());
    let columns = names.max().unwrap_or_default().max(4);
    let line = |name: &str, cells: [&str; 5]| {
        let [purpose, algorithm, generation, check_value, made_on] = cells;
        say!(
            "{} {} {} {} {} {made_on}",
            left(name, columns),
            left(purpose, 15),
            left(algorithm, 9),
            right(generation, 10),
            left(check_value, 11)
        );
    };
    line("name", ["purpose", "algorithm", "generation", "check value", "made on"]);
    for listing in listings {
        line(
            listing.name.as_str(),
            [
                listing.purpose.name(),
                listing.algorithm.name(),
                &listing.generation.to_string(),
                &listing.check_value.to_string(),
                &listing.made_on.to_string(),
            ],
        );
    }
}
