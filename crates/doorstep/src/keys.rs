//! `doorstep keys`: makes, imports, rotates and lists keys. Output shows check values, never keys.

use std::env;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, bail};
use clap::{Args, Subcommand, ValueEnum};
use keys::{
    Algorithm, CheckValue, Component, KeyListing, KeyName, KeyPurpose, KeyStore, MasterKey,
    Pkcs11Store,
};
use serde_json::json;

use crate::memory;
use crate::serve::settings;
use crate::words::{Lang, bilingual, left, right, say};

pub mod custodians;
mod export;

/// Makes, imports, rotates and lists keys; shows only their check values
///
/// The keys are in a file that is encrypted under a master key, or in an HSM. --config names the
/// settings of `doorstep serve`, which say where the keys are; otherwise --store or --pkcs11 says
/// so. To make a master key: `openssl rand -hex 32 > master.key && chmod 600 master.key`.
///
/// Exit status: 0 success; 1 failure.
#[derive(Args, Debug)]
pub struct KeysArgs {
    #[command(subcommand)]
    task: Task,
    #[command(flatten)]
    store: StoreArgs,
}

/// Where the keys are.
#[derive(Args, Debug)]
struct StoreArgs {
    /// The settings of `doorstep serve`, doorstep.toml; their [keys] say where the keys are
    #[arg(long, global = true, value_name = "FILE",
        conflicts_with_all = ["store", "master_key_file", "pkcs11", "token"])]
    config: Option<PathBuf>,
    /// The key file
    #[arg(long, global = true, value_name = "FILE", conflicts_with = "pkcs11")]
    store: Option<PathBuf>,
    /// The file with the master key, 64 hex digits [default: DOORSTEP_MASTER_KEY]
    #[arg(long, global = true, value_name = "FILE")]
    master_key_file: Option<PathBuf>,
    /// The PKCS#11 module of the HSM; DOORSTEP_PKCS11_PIN holds its user PIN
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
        /// The key's purpose
        #[arg(long)]
        purpose: PurposeFlag,
        /// The key's algorithm [default: by purpose: base and data-keys aes256;
        /// token, hand-over-code and terminal-link aes128; others tdes2]
        #[arg(long)]
        algorithm: Option<AlgorithmFlag>,
    },
    /// Imports a key from its components
    ///
    /// Each custodian types one line: the component as hex digits, a space, and its check value. An
    /// empty line or the end of the input ends the list. Input is not shown. The key is the XOR of
    /// all components.
    Import {
        /// The key's name: a-z, 0-9, `/`, `.`, `-`
        name: String,
        /// The key's purpose
        #[arg(long)]
        purpose: PurposeFlag,
        /// The key's algorithm [default: by purpose: base and data-keys aes256;
        /// token, hand-over-code and terminal-link aes128; others tdes2]
        #[arg(long)]
        algorithm: Option<AlgorithmFlag>,
        /// The expected check value of the whole key
        #[arg(long, value_name = "HEX")]
        check_value: Option<String>,
    },
    /// Makes a new generation of a key
    ///
    /// New MACs and encryptions use the new generation. Older generations still verify and decrypt
    /// until they are dropped. Keys from which terminals' keys are derived (base, dukpt) have one
    /// generation: terminals get new working keys at each sign-on.
    Rotate {
        /// The key's name
        name: String,
        /// Import the new generation from components, as `import` does
        #[arg(long)]
        components: bool,
        /// The expected check value of the new generation
        #[arg(long, value_name = "HEX", requires = "components")]
        check_value: Option<String>,
    },
    /// Lists all keys with their check values
    List {
        /// Print JSON: name, purpose, algorithm, generation, check_value, made_on
        #[arg(long)]
        json: bool,
    },
    /// Exports a terminal's key as a key block (TR-31), for its injection
    ///
    /// The key is `terminal/NUMBER` of the store if it is there, or else derived from the base key.
    /// `make terminal/NUMBER --purpose terminal-link` gives one terminal a key of its own, and
    /// `rotate` replaces it.
    ExportTerminal(export::TerminalExportArgs),
    /// Deletes an old generation of a key for ever
    Drop {
        /// The key's name
        name: String,
        /// The generation; the newest cannot be dropped
        #[arg(long)]
        generation: u32,
    },
}

#[derive(Copy, Clone, Debug, ValueEnum)]
enum PurposeFlag {
    /// A terminal's master key (TMK)
    TerminalMaster,
    /// A terminal's link key: proves the terminal, and derives its session keys
    TerminalLink,
    /// Wrapping of the vault's data keys
    DataKeys,
    /// PIN encryption (PIK, TPK, ZPK)
    Pin,
    /// MACs (MAK, TAK)
    Mac,
    /// Key exchange with a network (KEK, ZMK)
    Exchange,
    /// Card tokens
    Token,
    /// MACs of hand-overs' one-time codes
    HandOverCode,
    /// Derivation of terminals' working keys
    Base,
    /// Derivation of unique keys per transaction (BDK)
    Dukpt,
}

impl From<PurposeFlag> for KeyPurpose {
    fn from(purpose: PurposeFlag) -> KeyPurpose {
        match purpose {
            PurposeFlag::TerminalMaster => KeyPurpose::TerminalMaster,
            PurposeFlag::TerminalLink => KeyPurpose::TerminalLink,
            PurposeFlag::Pin => KeyPurpose::PinEncryption,
            PurposeFlag::Mac => KeyPurpose::Mac,
            PurposeFlag::Exchange => KeyPurpose::Exchange,
            PurposeFlag::Token => KeyPurpose::Token,
            PurposeFlag::HandOverCode => KeyPurpose::HandOverCode,
            PurposeFlag::DataKeys => KeyPurpose::DataKeys,
            PurposeFlag::Base => KeyPurpose::Base,
            PurposeFlag::Dukpt => KeyPurpose::Dukpt,
        }
    }
}

#[derive(Copy, Clone, Debug, ValueEnum)]
enum AlgorithmFlag {
    /// 8 bytes, for MACs only
    Des,
    /// 16 bytes
    Tdes2,
    /// 24 bytes
    Tdes3,
    /// 16 bytes
    Aes128,
    /// 24 bytes
    Aes192,
    /// 32 bytes
    Aes256,
}

impl From<AlgorithmFlag> for Algorithm {
    fn from(algorithm: AlgorithmFlag) -> Algorithm {
        match algorithm {
            AlgorithmFlag::Des => Algorithm::Des,
            AlgorithmFlag::Tdes2 => Algorithm::Tdes2,
            AlgorithmFlag::Tdes3 => Algorithm::Tdes3,
            AlgorithmFlag::Aes128 => Algorithm::Aes128,
            AlgorithmFlag::Aes192 => Algorithm::Aes192,
            AlgorithmFlag::Aes256 => Algorithm::Aes256,
        }
    }
}

/// The algorithm that is given, or one that suits the purpose.
fn algorithm_for(purpose: PurposeFlag, given: Option<AlgorithmFlag>) -> Algorithm {
    use PurposeFlag as P;
    given.map_or(
        match purpose {
            P::Base | P::DataKeys => Algorithm::Aes256,
            P::Token | P::HandOverCode | P::TerminalLink => Algorithm::Aes128,
            P::TerminalMaster | P::Exchange | P::Pin | P::Mac | P::Dukpt => Algorithm::Tdes2,
        },
        Algorithm::from,
    )
}

/// The environment variable with the user PIN of an HSM's token.
pub const PIN_VARIABLE: &str = "DOORSTEP_PKCS11_PIN";

pub fn run(args: &KeysArgs) -> anyhow::Result<()> {
    let begin = matches!(args.task, Task::Make { .. } | Task::Import { .. });
    let store = open(&args.store, begin)?;
    let store = &*store;
    match &args.task {
        Task::Make { name, purpose, algorithm } => {
            let name = KeyName::new(name)?;
            say_made(&store.generate(
                name,
                (*purpose).into(),
                algorithm_for(*purpose, *algorithm),
            )?);
        }
        Task::Import { name, purpose, algorithm, check_value } => {
            let name = KeyName::new(name)?;
            let algorithm = algorithm_for(*purpose, *algorithm);
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
        Task::ExportTerminal(export) => export.run(store, args.store.config.as_deref())?,
        Task::List { json } => list(&store.list()?, *json),
        Task::Drop { name, generation } => {
            store.drop_generation(KeyName::new(name)?, *generation)?;
            say!(
                "{}",
                bilingual!(
                    "{name}: generation {generation} is deleted",
                    "{name}：第 {generation} 代已删除"
                )
            );
        }
    }
    Ok(())
}

/// Opens the store that the flags name. `begin` creates a missing key file.
fn open(args: &StoreArgs, begin: bool) -> anyhow::Result<Arc<dyn KeyStore>> {
    drop(memory::protect());
    if let Some(config) = &args.config {
        return settings::key_store(config, begin);
    }
    if let Some(module) = &args.pkcs11 {
        let label = args.token.as_deref().context(
            Lang::current()
                .pick("--pkcs11 needs --token LABEL", "--pkcs11 须与 --token LABEL 同用"),
        )?;
        let pin = env::var(PIN_VARIABLE).with_context(|| {
            bilingual!(
                "{PIN_VARIABLE}: set it to the user PIN of the token",
                "{PIN_VARIABLE}：请设为令牌的用户 PIN"
            )
        })?;
        return Ok(Arc::new(Pkcs11Store::open(module, label, pin.into())?));
    }
    if args.token.is_some() {
        bail!(
            Lang::current()
                .pick("--token needs --pkcs11 MODULE", "--token 须与 --pkcs11 MODULE 同用")
        );
    }
    let Some(path) = &args.store else {
        bail!(Lang::current().pick(
            "give --config FILE, --store FILE or --pkcs11 MODULE to say where the keys are",
            "请用 --config FILE、--store FILE 或 --pkcs11 MODULE 指明密钥所在"
        ))
    };
    let master = MasterKey::find(args.master_key_file.as_deref())?;
    Ok(Arc::new(settings::key_file(path, master, begin)?))
}

/// Checks the whole key before anything is written.
fn check(
    components: &[Component],
    algorithm: Algorithm,
    wanted: Option<&str>,
) -> anyhow::Result<()> {
    let found: CheckValue = Component::combined_check_value(components, algorithm)?;
    match wanted {
        Some(wanted) if !found.matches_hex(wanted).context("--check-value")? => bail!(bilingual!(
            "--check-value {wanted}: the components give a key with the check value {found}; \
             nothing was imported",
            "--check-value {wanted}：由分量合成的密钥校验值为 {found}；未导入"
        )),
        _ => Ok(()),
    }
}

fn algorithm_of(store: &dyn KeyStore, name: KeyName) -> anyhow::Result<Algorithm> {
    let listed = store.list()?;
    let newest = listed.iter().find(|listing| listing.name == name);
    let newest = newest.with_context(|| {
        bilingual!("there is no key `{name}` in the store", "密钥库中没有密钥 `{name}`")
    })?;
    Ok(newest.algorithm)
}

fn say_made(listing: &KeyListing) {
    let KeyListing { name, generation, algorithm, check_value, .. } = listing;
    let algorithm = algorithm.name();
    say!(
        "{}",
        bilingual!(
            "{name}: generation {generation}, {algorithm}, check value {check_value}",
            "{name}：第 {generation} 代，{algorithm}，校验值 {check_value}"
        )
    );
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
        say!("{}", Lang::current().pick("There are no keys.", "没有密钥。"));
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
    match Lang::current() {
        Lang::En => line("name", ["purpose", "algorithm", "generation", "check value", "made on"]),
        Lang::Zh => line("名称", ["用途", "算法", "代", "校验值", "生成日期"]),
    }
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
