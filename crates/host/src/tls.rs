//! TLS settings from PEM files with certificates and keys.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::server::WebPkiClientVerifier;
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use rustls_pki_types::pem::PemObject;

/// Why TLS cannot be used with these files.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    #[error("{}: {why}; give a PEM file with {what}", path.display())]
    Pem {
        path: PathBuf,
        /// What the file must hold.
        what: &'static str,
        why: String,
    },
    #[error("{} has no {what}; give a PEM file with one", path.display())]
    Empty {
        path: PathBuf,
        /// What the file must hold.
        what: &'static str,
    },
    /// A certificate and a key do not belong together, or TLS rejects them.
    #[error(
        "{} and {}: {why}; give a certificate and its own key", certificate.display(), key.display()
    )]
    Pair { certificate: PathBuf, key: PathBuf, why: String },
    #[error("{0:?} is not a DNS name or an IP address, as certificates have; correct the name")]
    ServerName(String),
}

/// A certificate with its chain, and its key.
#[derive(Clone, Debug)]
pub struct TlsIdentity {
    /// A PEM file, with the certificate first.
    pub certificate: PathBuf,
    /// A PEM file.
    pub key: PathBuf,
}

/// TLS settings for outgoing connections to one server.
#[derive(Clone, Debug)]
pub struct TlsClient {
    pub settings: Arc<ClientConfig>,
    pub(crate) name: ServerName<'static>,
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

/// The certificates of a PEM file, at least one.
///
/// # Errors
/// The file cannot be read or has none.
pub fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let what = "certificate";
    let wrong = |error: &dyn std::fmt::Display| TlsError::Pem {
        path: path.to_owned(),
        what,
        why: error.to_string(),
    };
    let read = CertificateDer::pem_file_iter(path).map_err(|error| wrong(&error))?;
    let read: Vec<_> = read.collect::<Result<_, _>>().map_err(|error| wrong(&error))?;
    if read.is_empty() {
        return Err(TlsError::Empty { path: path.to_owned(), what });
    }
    Ok(read)
}

fn key(path: &Path) -> Result<PrivateKeyDer<'static>, TlsError> {
    PrivateKeyDer::from_pem_file(path).map_err(|error| TlsError::Pem {
        path: path.to_owned(),
        what: "private key",
        why: error.to_string(),
    })
}

fn roots(path: &Path) -> Result<Arc<RootCertStore>, TlsError> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(path)? {
        roots.add(certificate).map_err(|error| TlsError::Pem {
            path: path.to_owned(),
            what: "certificate of an authority",
            why: error.to_string(),
        })?;
    }
    Ok(Arc::new(roots))
}

impl TlsIdentity {
    fn pair_error(&self, error: &dyn std::fmt::Display) -> TlsError {
        let (certificate, key) = (self.certificate.clone(), self.key.clone());
        TlsError::Pair { certificate, key, why: error.to_string() }
    }
}

/// Settings of a listener. With `clients`, the authorities in that file must have signed the
/// certificate of each client.
pub fn server(
    identity: &TlsIdentity,
    clients: Option<&Path>,
) -> Result<Arc<ServerConfig>, TlsError> {
    let wrong = |error: &dyn std::fmt::Display| identity.pair_error(error);
    let builder = ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(|error| wrong(&error))?;
    let builder = match clients {
        None => builder.with_no_client_auth(),
        Some(authorities) => {
            let verifier =
                WebPkiClientVerifier::builder_with_provider(roots(authorities)?, provider())
                    .build()
                    .map_err(|error| wrong(&error))?;
            builder.with_client_cert_verifier(verifier)
        }
    };
    let mut settings = builder
        .with_single_cert(certificates(&identity.certificate)?, key(&identity.key)?)
        .map_err(|error| wrong(&error))?;
    // A terminal keeps its connection for a day, so tickets to resume sessions are wasted work.
    settings.send_tls13_tickets = 0;
    Ok(Arc::new(settings))
}

/// Settings for connections to the server `name`, whose certificate one of `authorities` must have
/// signed.
pub fn client(
    authorities: &Path,
    identity: Option<&TlsIdentity>,
    name: &str,
) -> Result<TlsClient, TlsError> {
    let wrong = |error: &dyn std::fmt::Display| TlsError::Pem {
        path: authorities.to_owned(),
        what: "certificate of an authority",
        why: error.to_string(),
    };
    let verifier = WebPkiServerVerifier::builder_with_provider(roots(authorities)?, provider())
        .build()
        .map_err(|error| wrong(&error))?;
    let builder = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(|error| wrong(&error))?
        .with_webpki_verifier(verifier);
    let settings = match identity {
        None => builder.with_no_client_auth(),
        Some(identity) => builder
            .with_client_auth_cert(certificates(&identity.certificate)?, key(&identity.key)?)
            .map_err(|error| identity.pair_error(&error))?,
    };
    let name =
        ServerName::try_from(name.to_owned()).map_err(|_| TlsError::ServerName(name.into()))?;
    Ok(TlsClient { settings: Arc::new(settings), name })
}
