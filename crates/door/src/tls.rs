//! Certificates and keys from PEM files, and what TLS may be spoken with them.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::server::WebPkiClientVerifier;
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use rustls_pki_types::pem::PemObject;

/// Why TLS cannot be spoken with these files.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read as PEM.
    #[error("{}: {why}; give a PEM file with {what}", path.display())]
    Pem {
        /// The file.
        path: PathBuf,
        /// What should be in it.
        what: &'static str,
        /// What is wrong.
        why: String,
    },
    /// A file has nothing of what it should.
    #[error("{} has no {what}; give a PEM file that has", path.display())]
    Empty {
        /// The file.
        path: PathBuf,
        /// What should be in it.
        what: &'static str,
    },
    /// The files do not go together.
    #[error("{} and {}: {why}", certificate.display(), key.display())]
    Pair {
        /// The certificate.
        certificate: PathBuf,
        /// The key.
        key: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// No name of a server.
    #[error("{0:?} is not a name or an address that a certificate can have")]
    Name(String),
}

/// Whom we are: a certificate with its chain, and its key.
#[derive(Clone, Debug)]
pub struct Identity {
    /// The file of the certificate and its chain, the certificate first.
    pub certificate: PathBuf,
    /// The file of its key.
    pub key: PathBuf,
}

/// Whom we connect to by TLS.
#[derive(Clone, Debug)]
pub struct Towards {
    pub(crate) settings: Arc<ClientConfig>,
    pub(crate) name: ServerName<'static>,
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
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

impl Identity {
    fn pair_error(&self, error: &dyn std::fmt::Display) -> TlsError {
        let (certificate, key) = (self.certificate.clone(), self.key.clone());
        TlsError::Pair { certificate, key, why: error.to_string() }
    }
}

/// How a listener speaks TLS. With `clients`, the authorities in that file must have signed the
/// certificate of whoever connects.
///
/// # Errors
/// Where a file cannot be read, or the files do not go together.
pub fn server(identity: &Identity, clients: Option<&Path>) -> Result<Arc<ServerConfig>, TlsError> {
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
    // A terminal keeps its connection for a day: a ticket for each handshake is wasted work.
    settings.send_tls13_tickets = 0;
    Ok(Arc::new(settings))
}

/// How we speak TLS to the server `name`, whose certificate the authorities in a file have signed.
///
/// # Errors
/// Where a file cannot be read, the files do not go together, or the name is none.
pub fn client(
    authorities: &Path,
    identity: Option<&Identity>,
    name: &str,
) -> Result<Towards, TlsError> {
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
    let name = ServerName::try_from(name.to_owned()).map_err(|_| TlsError::Name(name.into()))?;
    Ok(Towards { settings: Arc::new(settings), name })
}
