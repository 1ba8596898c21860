//! Profiles of servers: small files in `~/.config/doorstep`.

use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use serde::Deserialize;

use crate::data_directory::read_text;
use crate::private_files::{Forbidden, check};
use crate::serve::settings::parse;
use crate::texts::filled;
use crate::words::Lang;

/// The profile of who names none.
const DEFAULT_NAME: &str = "remote";
const BYTES_MAX: usize = 64 << 10;

/// A server, and how it is asked.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServerProfile {
    pub server: Option<String>,
    pub key_file: Option<PathBuf>,
    pub ca: Option<PathBuf>,
}

impl ServerProfile {
    pub fn read(name: &str) -> anyhow::Result<ServerProfile> {
        let lang = Lang::current();
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
        let is_name = !name.is_empty() && name.chars().all(plain);
        let path = directory().map(|directory| directory.join(format!("{name}.toml")));
        let named = || filled(lang, "remote.no_profile", &[("name", &name.escape_debug())]);
        let path = path.filter(|path| is_name && path.exists()).with_context(named)?;
        ServerProfile::of_file(&path)
    }

    /// `None` if there is none.
    pub fn read_default() -> anyhow::Result<Option<ServerProfile>> {
        let path = directory().map(|directory| directory.join(format!("{DEFAULT_NAME}.toml")));
        path.filter(|path| path.exists()).map(|path| ServerProfile::of_file(&path)).transpose()
    }

    /// Paths in it are beside it.
    fn of_file(path: &Path) -> anyhow::Result<ServerProfile> {
        check(path, Forbidden::ReadOrWrite)?;
        let profile: anyhow::Result<ServerProfile> = parse(&read_text(path, BYTES_MAX)?);
        let mut profile = profile.with_context(|| path.display().to_string())?;
        let (lang, file) = (Lang::current(), path.display());
        ensure!(profile.server.is_some(), filled(lang, "remote.no_server_in", &[("file", &file)]));
        let beside = path.parent().unwrap_or(Path::new(""));
        for file in [&mut profile.key_file, &mut profile.ca].into_iter().flatten() {
            *file = beside.join(&*file);
        }
        Ok(profile)
    }
}

/// `doorstep` in the directory of this user's settings.
fn directory() -> Option<PathBuf> {
    let of = |name: &str| {
        let given = std::env::var_os(name).map(PathBuf::from);
        given.filter(|path| path.is_absolute())
    };
    let settings = of("XDG_CONFIG_HOME").or_else(|| Some(of("HOME")?.join(".config")))?;
    Some(settings.join("doorstep"))
}
