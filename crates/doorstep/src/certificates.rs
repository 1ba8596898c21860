//! Certificates for a trial: `doorstep certificates`.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use clap::Args;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use rcgen::{ExtendedKeyUsagePurpose, KeyUsagePurpose};

/// Makes certificates for a trial: an authority, the engine, gateways.
///
/// For development and drills. In production an authority of your own signs them, and its key lies
/// elsewhere.
#[derive(Args, Debug)]
pub struct CertificatesArgs {
    /// The directory to write them to; new or empty
    #[arg(value_name = "DIR")]
    directory: PathBuf,
    /// Names and addresses of the engine, the first for its file
    #[arg(long, value_name = "NAME", default_values = ["engine", "localhost", "127.0.0.1"])]
    engine: Vec<String>,
    /// Names of gateways
    #[arg(long, value_name = "NAME", default_values = ["gateway-1", "gateway-2"])]
    gateway: Vec<String>,
}

/// Runs `doorstep certificates`.
#[allow(clippy::print_stdout, reason = "what was written is what was asked for")]
pub fn run(args: &CertificatesArgs) -> anyhow::Result<()> {
    let directory = &args.directory;
    let named = || directory.display().to_string();
    fs::create_dir_all(directory).with_context(named)?;
    let is_empty = fs::read_dir(directory).with_context(named)?.next().is_none();
    ensure!(is_empty, "{} is not empty; choose a new directory", directory.display());
    let mut params = CertificateParams::new(Vec::new())?;
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.distinguished_name.push(DnType::CommonName, "Doorstep trial authority");
    let authority = CertifiedIssuer::self_signed(params, KeyPair::generate()?)?;
    write(&directory.join("authority.pem"), &authority.pem(), 0o644)?;
    write(&directory.join("authority.key"), &authority.key().serialize_pem(), 0o600)?;
    let engine = args.engine.first().context("--engine needs a name")?;
    let both = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
    let gateways = args.gateway.iter().map(|name| (name, vec![name.clone()]));
    for (name, names) in std::iter::once((engine, args.engine.clone())).chain(gateways) {
        let key = KeyPair::generate()?;
        let mut params = CertificateParams::new(names).with_context(|| name.clone())?;
        params.distinguished_name.push(DnType::CommonName, name.as_str());
        params.extended_key_usages.clone_from(&both);
        let certificate = params.signed_by(&key, &authority)?;
        write(&directory.join(format!("{name}.pem")), &certificate.pem(), 0o644)?;
        write(&directory.join(format!("{name}.key")), &key.serialize_pem(), 0o600)?;
        println!("{name}.pem {name}.key");
    }
    println!("authority.pem authority.key");
    Ok(())
}

fn write(path: &Path, text: &str, mode: u32) -> anyhow::Result<()> {
    let named = || path.display().to_string();
    let mut options = OpenOptions::new();
    let mut file =
        options.write(true).create_new(true).mode(mode).open(path).with_context(named)?;
    file.write_all(text.as_bytes()).with_context(named)
}
