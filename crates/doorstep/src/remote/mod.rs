//! A Doorstep elsewhere, asked over its API: which server, with which key, and who vouches for it.
//!
//! Never: a key on a command line, or sent without TLS beyond this machine.

mod profile;
pub mod server;
pub mod session;

use std::fs::{self, File};
use std::io::{Read, stdin};
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use clap::Args;
use rustls_native_certs::load_native_certs;
use ureq::http::Uri;
use ureq::tls::{Certificate, PemItem, parse_pem};
use zeroize::Zeroizing;

use self::profile::ServerProfile;
use self::server::{RemoteSender, RemoteServer};
use crate::data_directory::read_text;
use crate::private_files::{Forbidden, check};
use crate::texts::{filled, text};
use crate::words::Lang;

const KEY_BYTES_MAX: u64 = 512;
const CERTIFICATES_BYTES_MAX: usize = 1 << 20;
/// How long a server may be silent, unless the flag says otherwise.
const TIMEOUT_SECONDS: u64 = 60;
const TIMEOUT_SECONDS_MAX: u64 = 3_600;

/// Which server is asked, and how.
#[derive(Args, Clone, Debug, Default, PartialEq)]
pub struct RemoteFlags {
    /// Ask this server over its API, not a data directory: https://HOST:PORT
    #[arg(long, value_name = "URL")]
    pub server: Option<String>,
    /// Ask the server of this profile: NAME.toml in ~/.config/doorstep, with `server`, `key_file`
    /// and `ca` [default: remote, if it is there and no data directory is given]
    #[arg(long, value_name = "NAME", conflicts_with = "server")]
    pub remote: Option<String>,
    /// The file with the API key, readable by its owner only; `-` reads standard input
    #[arg(long, value_name = "FILE")]
    pub key_file: Option<PathBuf>,
    /// The certificates that vouch for the server [default: those of the system]
    #[arg(long, value_name = "FILE")]
    pub ca: Option<PathBuf>,
    /// Give up when the server is silent for this long [default: 60]
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=3600))]
    pub timeout: Option<u64>,
}

/// The flags of [`RemoteFlags`] that name a server.
pub const SERVER_FLAGS: [&str; 2] = ["server", "remote"];

impl RemoteFlags {
    /// Takes a flag by its name. `None` if it is another one.
    pub fn take(&mut self, name: &str, value: &str) -> Option<anyhow::Result<()>> {
        let lang = Lang::current();
        let twice = match name {
            "server" => self.server.replace(value.to_owned()).is_some(),
            "remote" => self.remote.replace(value.to_owned()).is_some(),
            "key-file" => self.key_file.replace(value.into()).is_some(),
            "ca" => self.ca.replace(value.into()).is_some(),
            "timeout" => match value.parse() {
                Ok(seconds) if (1..=TIMEOUT_SECONDS_MAX).contains(&seconds) => {
                    self.timeout.replace(seconds).is_some()
                }
                _ => {
                    let values: [(&str, &dyn std::fmt::Display); 1] =
                        [("most", &TIMEOUT_SECONDS_MAX)];
                    return Some(Err(anyhow::anyhow!(filled(lang, "remote.timeout", &values))));
                }
            },
            _ => return None,
        };
        if twice || (self.server.is_some() && self.remote.is_some()) {
            let name = if twice { name } else { "server, --remote" };
            return Some(Err(anyhow::anyhow!(filled(lang, "do.twice", &[("name", &name)]))));
        }
        Some(Ok(()))
    }

    /// The server that is asked. `None` if it is a data directory.
    pub fn server(&self, has_data: bool) -> anyhow::Result<Option<RemoteServer>> {
        let Some(place) = self.place(has_data)? else { return Ok(None) };
        let key_file = place.key_file.context(text(Lang::current(), "remote.no_key"))?;
        let key = read_key(&key_file)?;
        let sender = RemoteSender::key(&key);
        Ok(Some(RemoteServer::new(place.address, sender, &place.certificates, place.timeout)?))
    }

    /// The server that is asked in a session of a person, whom it does not know yet.
    pub fn server_for_session(&self, has_data: bool) -> anyhow::Result<Option<RemoteServer>> {
        let Some(place) = self.place(has_data)? else { return Ok(None) };
        let RemotePlace { address, certificates, timeout, .. } = place;
        Ok(Some(RemoteServer::new(address, RemoteSender::Nobody, &certificates, timeout)?))
    }

    fn place(&self, has_data: bool) -> anyhow::Result<Option<RemotePlace>> {
        let lang = Lang::current();
        let profile = match (&self.server, &self.remote) {
            (Some(_), _) => None,
            (None, Some(name)) => Some(ServerProfile::read(name)?),
            (None, None) if has_data => None,
            (None, None) => ServerProfile::read_default()?,
        };
        let profile = profile.unwrap_or_default();
        let Some(url) = self.server.as_ref().or(profile.server.as_ref()) else {
            let unused = self.key_file.is_some() || self.ca.is_some() || self.timeout.is_some();
            ensure!(!unused, text(lang, "remote.no_server"));
            return Ok(None);
        };
        let address = ServerAddress::read(url)?;
        let key_file = self.key_file.clone().or(profile.key_file);
        let certificates = match address.is_tls {
            true => certificates(self.ca.as_deref().or(profile.ca.as_deref()))?,
            false => Vec::new(),
        };
        let timeout = Duration::from_secs(self.timeout.unwrap_or(TIMEOUT_SECONDS));
        Ok(Some(RemotePlace { address, key_file, certificates, timeout }))
    }
}

/// Where a server is, and what the flags and the profile say of it.
struct RemotePlace {
    address: ServerAddress,
    key_file: Option<PathBuf>,
    certificates: Vec<Certificate<'static>>,
    timeout: Duration,
}

/// Where a server is: `https://HOST:PORT`, or `http://` on this machine.
#[derive(Debug)]
pub struct ServerAddress {
    /// Without a path.
    url: String,
    is_tls: bool,
}

impl ServerAddress {
    pub fn read(text: &str) -> anyhow::Result<ServerAddress> {
        let lang = Lang::current();
        let bad = || filled(lang, "remote.bad_server", &[("url", &text.escape_debug())]);
        let uri: Uri = text.parse().ok().with_context(bad)?;
        let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
            bail!(bad())
        };
        let is_bare = matches!(uri.path(), "" | "/") && uri.query().is_none();
        ensure!(is_bare && !authority.as_str().contains('@') && !text.contains('#'), bad());
        let host = authority.host().trim_start_matches('[').trim_end_matches(']');
        let is_here = host.eq_ignore_ascii_case("localhost")
            || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback());
        let is_tls = match scheme {
            "https" => true,
            "http" if is_here => false,
            "http" => bail!(filled(lang, "remote.plain", &[("url", &text)])),
            _ => bail!(bad()),
        };
        Ok(ServerAddress { url: format!("{scheme}://{authority}"), is_tls })
    }
}

/// Reads an API key. A pipe and a descriptor (`/dev/fd/3`) are read as they are.
fn read_key(path: &Path) -> anyhow::Result<Zeroizing<String>> {
    let (lang, file) = (Lang::current(), path.display());
    let mut text = Zeroizing::new(String::new());
    if path == Path::new("-") {
        stdin().take(KEY_BYTES_MAX + 1).read_to_string(&mut text).context("--key-file -")?;
    } else {
        let named = || path.display().to_string();
        if fs::metadata(path).with_context(named)?.is_file() {
            check(path, Forbidden::ReadOrWrite)?;
        }
        let from = File::open(path).with_context(named)?;
        from.take(KEY_BYTES_MAX + 1).read_to_string(&mut text).with_context(named)?;
    }
    let key = Zeroizing::new(text.trim().to_owned());
    let fits = !key.is_empty() && text.len() as u64 <= KEY_BYTES_MAX;
    let plain = key.bytes().all(|byte| byte.is_ascii_graphic());
    ensure!(fits && plain, filled(lang, "remote.bad_key", &[("file", &file)]));
    Ok(key)
}

/// Who vouches for a server: the certificates of a file, or those that this system trusts.
fn certificates(file: Option<&Path>) -> anyhow::Result<Vec<Certificate<'static>>> {
    let lang = Lang::current();
    let Some(path) = file else {
        let found = load_native_certs().certs;
        ensure!(!found.is_empty(), text(lang, "remote.no_system_certificates"));
        return Ok(found.iter().map(|one| Certificate::from_der(one).to_owned()).collect());
    };
    check(path, Forbidden::Write)?;
    let read = read_text(path, CERTIFICATES_BYTES_MAX)?;
    let items: Result<Vec<_>, _> = parse_pem(read.as_bytes()).collect();
    let items = items.unwrap_or_default().into_iter().filter_map(|item| match item {
        PemItem::Certificate(one) => Some(one),
        _ => None,
    });
    let found: Vec<_> = items.collect();
    let values: [(&str, &dyn std::fmt::Display); 1] = [("file", &path.display())];
    ensure!(!found.is_empty(), filled(lang, "remote.no_certificates", &values));
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_tls_only_this_machine_is_asked() {
        for (url, expected) in [
            ("https://books.example.com", Some(("https://books.example.com", true))),
            ("https://books.example.com:8443/", Some(("https://books.example.com:8443", true))),
            ("http://localhost:8080", Some(("http://localhost:8080", false))),
            ("http://127.0.0.1:8080", Some(("http://127.0.0.1:8080", false))),
            ("http://[::1]:8080", Some(("http://[::1]:8080", false))),
            ("http://books.example.com", None),
            ("http://localhost.example.com", None),
            ("http://127.0.0.1.example.com", None),
            ("http://localhost@example.com", None),
            ("https://name:word@example.com", None),
            ("https://example.com/v1", None),
            ("https://example.com?x", None),
            ("https://example.com#x", None),
            ("ftp://localhost", None),
            ("books.example.com", None),
            ("", None),
        ] {
            let read = ServerAddress::read(url).ok().map(|read| (read.url, read.is_tls));
            assert_eq!(read, expected.map(|(url, tls)| (url.to_owned(), tls)), "{url}");
        }
    }
}
