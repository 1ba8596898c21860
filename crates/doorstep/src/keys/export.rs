//! `doorstep keys export-terminal`: a terminal's key, encrypted for the station that injects it.

use std::path::Path;

use anyhow::{Context, bail};
use clap::{Args, ValueEnum};
use keys::{DerivedKey, KeyBlockVersion, KeyName, KeyPurpose, KeyReference, KeyStore};

use super::algorithm_of;
use crate::serve::settings;
use crate::words::{Lang, bilingual, say};

#[derive(Args, Debug)]
pub struct TerminalExportArgs {
    /// The terminal's number
    #[arg(value_parser = clap::value_parser!(u32).range(1..=99_999_999))]
    terminal: u32,
    /// The key of the injecting station in the store: purpose exchange, AES
    #[arg(long, value_name = "NAME")]
    under: String,
    /// Which key: the link key, or the master key of a UnionPay terminal
    #[arg(long, default_value = "terminal-link")]
    purpose: TerminalPurpose,
    /// The base key of the terminals' keys [default: with --config, as it says]
    #[arg(long, value_name = "NAME")]
    base: Option<String>,
}

#[derive(Copy, Clone, Debug, ValueEnum)]
enum TerminalPurpose {
    /// A terminal's link key: proves the terminal, and derives its session keys
    TerminalLink,
    /// A terminal's master key (TMK)
    TerminalMaster,
}

/// Of keys that are derived from the base key. A terminal with another key has it in the store.
const DERIVED_GENERATION: u32 = 1;

impl TerminalExportArgs {
    pub fn run(&self, store: &dyn KeyStore, config: Option<&Path>) -> anyhow::Result<()> {
        let under = KeyName::new(&self.under).context("--under")?;
        if !algorithm_of(store, under)?.is_aes() {
            bail!(bilingual!(
                "--under {under}: a terminal's key is exported under an AES key only; make one \
                 with `doorstep keys make NAME --purpose exchange --algorithm aes256`",
                "--under {under}：终端密钥只能在 AES 密钥下导出；请用 `doorstep keys make NAME \
                 --purpose exchange --algorithm aes256` 生成"
            ));
        }
        let number = format!("{:08}", self.terminal);
        let own = KeyName::of_terminal(&number)?;
        let key = if store.list()?.iter().any(|listing| listing.name == own) {
            KeyReference::Stored(own)
        } else {
            let purpose = match self.purpose {
                TerminalPurpose::TerminalLink => KeyPurpose::TerminalLink,
                TerminalPurpose::TerminalMaster => KeyPurpose::TerminalMaster,
            };
            let terminal = u64::from(self.terminal);
            DerivedKey::new(self.base(config)?, purpose, terminal, DERIVED_GENERATION).into()
        };
        let block = store.export_block(&key, &under.into(), KeyBlockVersion::D)?;
        let check_value = store.check_value(&key)?;
        say!("{block}");
        say!(
            "{}",
            bilingual!(
                "terminal {number}: check value {check_value}, under {under}",
                "终端 {number}：校验值 {check_value}，由 {under} 加密"
            )
        );
        Ok(())
    }

    fn base(&self, config: Option<&Path>) -> anyhow::Result<KeyName> {
        if let Some(base) = &self.base {
            return KeyName::new(base).context("--base");
        }
        let named = config.map(settings::terminal_base_key).transpose()?;
        named.context(Lang::current().pick(
            "give --base NAME, the base key of the terminals' keys; `doorstep keys list` lists it",
            "请用 --base NAME 给出派生终端密钥的基础密钥；`doorstep keys list` 会列出",
        ))
    }
}
