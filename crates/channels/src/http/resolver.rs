//! Looks names up, and gives only addresses that may be reached to the code that connects: a name
//! that changes its address between check and connection gains nothing.

use std::collections::HashMap;
use std::fmt;
use std::net::SocketAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use ureq::Error;
use ureq::config::Config;
use ureq::http::Uri;
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::NextTimeout;

use super::addresses::{AllowedServers, is_public};

/// A name is looked up for each request; a busy endpoint must not ask its name server as often.
const LOOKUP_KEPT_MS: u64 = 10_000;
const LOOKUPS_KEPT_MAX: usize = 4_096;

#[derive(Debug)]
pub(super) struct CheckedResolver<R = DefaultResolver> {
    allowed: AllowedServers,
    inner: R,
    kept: Mutex<HashMap<String, (Instant, Vec<SocketAddr>)>>,
}

/// A name that has private addresses only.
#[derive(Debug)]
pub(super) struct NotPublic;

impl fmt::Display for NotPublic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no public address")
    }
}

impl std::error::Error for NotPublic {}

impl CheckedResolver {
    pub fn new(allowed: AllowedServers) -> CheckedResolver {
        CheckedResolver { allowed, inner: DefaultResolver::default(), kept: Mutex::default() }
    }
}

impl<R: Resolver> Resolver for CheckedResolver<R> {
    fn resolve(
        &self,
        uri: &Uri,
        config: &Config,
        timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, Error> {
        let key = format!("{}://{}", uri.scheme_str().unwrap_or_default(), authority(uri));
        let now = Instant::now();
        let mut usable = self.empty();
        if let Some(addresses) = self.kept(&key, now) {
            addresses.into_iter().for_each(|address| usable.push(address));
            return Ok(usable);
        }
        let found = self.inner.resolve(uri, config, timeout).map_err(|error| match error {
            Error::Io(_) => Error::HostNotFound,
            error => error,
        })?;
        let any = self.allowed.has(uri);
        let may = found.iter().filter(|address| any || is_public(address.ip()));
        may.for_each(|address| usable.push(*address));
        if usable.is_empty() {
            return Err(Error::Other(Box::new(NotPublic)));
        }
        self.keep(key, now, &usable);
        Ok(usable)
    }
}

impl<R> CheckedResolver<R> {
    fn kept(&self, key: &str, now: Instant) -> Option<Vec<SocketAddr>> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let (at, addresses) = kept.get(key)?;
        is_fresh(*at, now).then(|| addresses.clone())
    }

    fn keep(&self, key: String, now: Instant, addresses: &[SocketAddr]) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= LOOKUPS_KEPT_MAX {
            kept.retain(|_, (at, _)| is_fresh(*at, now));
        }
        if kept.len() < LOOKUPS_KEPT_MAX {
            kept.insert(key, (now, addresses.to_vec()));
        }
    }
}

fn is_fresh(at: Instant, now: Instant) -> bool {
    now.saturating_duration_since(at) < Duration::from_millis(LOOKUP_KEPT_MS)
}

fn authority(uri: &Uri) -> &str {
    uri.authority().map_or("", |authority| authority.as_str())
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::net::{IpAddr, TcpListener};
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    use ureq::Agent;
    use ureq::unversioned::transport::DefaultConnector;

    use super::*;

    /// Gives one address after the other to whoever asks, as a rebinding name does.
    #[derive(Debug)]
    struct Rebinding {
        addresses: Vec<SocketAddr>,
        asked: AtomicUsize,
    }

    impl Resolver for Rebinding {
        fn resolve(
            &self,
            _: &Uri,
            _: &Config,
            _: NextTimeout,
        ) -> Result<ResolvedSocketAddrs, Error> {
            let turn = self.asked.fetch_add(1, Ordering::SeqCst);
            let mut given = self.empty();
            given.push(self.addresses[turn % self.addresses.len()]);
            Ok(given)
        }
    }

    fn agent(allowed: &[&str], addresses: Vec<SocketAddr>) -> Agent {
        let resolver = CheckedResolver {
            allowed: AllowedServers::read(allowed.iter().copied()).unwrap(),
            inner: Rebinding { addresses, asked: AtomicUsize::new(0) },
            kept: Mutex::default(),
        };
        let seconds = |n| Some(Duration::from_secs(n));
        let config = Agent::config_builder().proxy(None).timeout_connect(seconds(1)).build();
        Agent::with_parts(config, DefaultConnector::default(), resolver)
    }

    fn is_not_public(error: &Error) -> bool {
        matches!(error, Error::Other(cause) if cause.is::<NotPublic>())
    }

    /// The first look-up is for whoever checks the URL, the second for whoever connects: here both
    /// are one. A listener shows that nothing arrives.
    #[test]
    fn a_name_that_changes_to_a_private_address_reaches_nothing() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let port = listener.local_addr().unwrap().port();
        for private in ["127.0.0.1", "::1", "::ffff:127.0.0.1", "169.254.169.254", "fe80::1"] {
            let private: IpAddr = private.parse().unwrap();
            let agent = agent(&[], vec![SocketAddr::new(private, port)]);
            let error = agent.get(format!("http://rebinding.example:{port}/")).call().unwrap_err();
            assert!(is_not_public(&error), "{private}: {error}");
        }
        let accepted = listener.accept();
        assert_eq!(accepted.unwrap_err().kind(), io::ErrorKind::WouldBlock);
    }

    #[test]
    fn a_private_address_is_reached_only_under_the_name_that_is_allowed() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let port = address.port();
        let own = format!("own.example:{port}");
        let agent = agent(&[&own], vec![address]);
        let served = std::thread::spawn(move || {
            use std::io::{Read, Write};
            let (mut socket, _) = listener.accept().unwrap();
            let _ = socket.read(&mut [0; 1_024]).unwrap();
            socket.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").unwrap();
        });
        assert_eq!(agent.get(format!("http://{own}/")).call().unwrap().status(), 204);
        served.join().unwrap();
        let error = agent.get(format!("http://other.example:{port}/")).call().unwrap_err();
        assert!(is_not_public(&error), "{error}");
    }

    #[test]
    fn a_public_address_beside_private_ones_is_the_only_one_that_is_given() {
        #[derive(Debug)]
        struct Both;
        impl Resolver for Both {
            fn resolve(
                &self,
                _: &Uri,
                _: &Config,
                _: NextTimeout,
            ) -> Result<ResolvedSocketAddrs, Error> {
                let mut given = self.empty();
                for address in ["10.0.0.1:443", "9.9.9.9:443", "[::1]:443"] {
                    given.push(address.parse().unwrap());
                }
                Ok(given)
            }
        }
        let (allowed, kept) = (AllowedServers::default(), Mutex::default());
        let resolver = CheckedResolver { allowed, inner: Both, kept };
        let uri = "https://both.example/".parse().unwrap();
        for _ in 0..2 {
            let given = resolver.resolve(&uri, &Config::default(), NextTimeout::default()).unwrap();
            assert_eq!(&given[..], ["9.9.9.9:443".parse().unwrap()]);
        }
    }
}
