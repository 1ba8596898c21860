//! `doorstep certificates`: certificates for a trial.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use clap::Args;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use rcgen::{ExtendedKeyUsagePurpose, KeyUsagePurpose};

use crate::words::{Lang, bilingual};

/// Makes certificates for a trial: an authority, the engine, gateways, terminals
///
/// Terminals have their own authority, so that none is accepted as a gateway.
///
/// For development and drills. In production use your own authority, and keep its key elsewhere.
#[derive(Args, Debug)]
pub struct CertificatesArgs {
    /// The directory for the files; new or empty
    #[arg(value_name = "DIR")]
    directory: PathBuf,
    /// Names and addresses of the engine; the first one names its files
    #[arg(long, value_name = "NAME", default_values = ["engine", "localhost", "127.0.0.1"])]
    engine: Vec<String>,
    /// Names of gateways
    #[arg(long, value_name = "NAME", default_values = ["gateway-1", "gateway-2"])]
    gateway: Vec<String>,
    /// Names of terminals; without any, their authority is not made
    #[arg(long, value_name = "NAME")]
    terminal: Vec<String>,
}

#[allow(clippy::print_stdout, reason = "the names of the files are the output")]
pub fn run(args: &CertificatesArgs) -> anyhow::Result<()> {
    let directory = &args.directory;
    let named = || directory.display().to_string();
    fs::create_dir_all(directory).with_context(named)?;
    let is_empty = fs::read_dir(directory).with_context(named)?.next().is_none();
    ensure!(
        is_empty,
        bilingual!(
            "{0} is not empty; choose a new directory",
            "{0} 不是空目录；请选择新目录",
            directory.display()
        )
    );
    let authority = Authority::new(directory, "authority", "Doorstep trial authority")?;
    let engine = args
        .engine
        .first()
        .context(Lang::current().pick("--engine needs a name", "--engine 须有名称"))?;
    let both = [ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
    authority.sign(engine, &args.engine, &both)?;
    for name in &args.gateway {
        authority.sign(name, std::slice::from_ref(name), &both)?;
    }
    println!("authority.pem authority.key");
    if !args.terminal.is_empty() {
        let terminals = Authority::new(directory, "terminals", "Doorstep trial terminals")?;
        for name in &args.terminal {
            let name = std::slice::from_ref(name);
            terminals.sign(&name[0], name, &[ExtendedKeyUsagePurpose::ClientAuth])?;
        }
        println!("terminals.pem terminals.key");
    }
    Ok(())
}

/// An authority and the certificate of one server, in a new directory.
pub fn for_server(directory: &Path, name: &str) -> anyhow::Result<()> {
    fs::create_dir(directory).with_context(|| directory.display().to_string())?;
    let authority = Authority::new(directory, "authority", "Doorstep trial authority")?;
    authority.write_signed(name, &[name.to_owned()], &[ExtendedKeyUsagePurpose::ServerAuth])
}

struct Authority<'d> {
    directory: &'d Path,
    issuer: CertifiedIssuer<'static, KeyPair>,
}

impl<'d> Authority<'d> {
    fn new(directory: &'d Path, file: &str, name: &str) -> anyhow::Result<Authority<'d>> {
        let mut params = CertificateParams::new(Vec::new())?;
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        params.distinguished_name.push(DnType::CommonName, name);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate()?)?;
        let authority = Authority { directory, issuer };
        let key = authority.issuer.key().serialize_pem();
        authority.write(file, &authority.issuer.pem(), &key)?;
        Ok(authority)
    }

    /// Makes a certificate and its key.
    #[allow(clippy::print_stdout, reason = "the names of the files are the output")]
    fn sign(
        &self,
        name: &str,
        names: &[String],
        usages: &[ExtendedKeyUsagePurpose],
    ) -> anyhow::Result<()> {
        self.write_signed(name, names, usages)?;
        println!("{name}.pem {name}.key");
        Ok(())
    }

    fn write_signed(
        &self,
        name: &str,
        names: &[String],
        usages: &[ExtendedKeyUsagePurpose],
    ) -> anyhow::Result<()> {
        let key = KeyPair::generate()?;
        let mut params = CertificateParams::new(names).with_context(|| name.to_owned())?;
        params.distinguished_name.push(DnType::CommonName, name);
        params.extended_key_usages = usages.to_vec();
        let certificate = params.signed_by(&key, &self.issuer)?;
        self.write(name, &certificate.pem(), &key.serialize_pem())
    }

    fn write(&self, name: &str, certificate: &str, key: &str) -> anyhow::Result<()> {
        write(&self.directory.join(format!("{name}.pem")), certificate, 0o644)?;
        write(&self.directory.join(format!("{name}.key")), key, 0o600)
    }
}

fn write(path: &Path, text: &str, mode: u32) -> anyhow::Result<()> {
    let named = || path.display().to_string();
    let mut options = OpenOptions::new();
    let mut file =
        options.write(true).create_new(true).mode(mode).open(path).with_context(named)?;
    file.write_all(text.as_bytes()).with_context(named)
}
