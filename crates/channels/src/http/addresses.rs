//! Which addresses a request to somebody else's URL may reach: public ones, and the servers that
//! the operator allows by name.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ureq::http::Uri;

/// Servers that may have private addresses or plain HTTP, as `host:port`: a firm's own network.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AllowedServers(BTreeSet<(String, u16)>);

/// An entry that is no `host:port`.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("`{0}` is no server; give host:port, such as hooks.example.internal:8443 or [fd00::7]:443")]
pub struct AllowedServerError(pub String);

impl AllowedServers {
    /// Reads entries of the form `host:port`.
    ///
    /// # Errors
    /// If an entry has another form.
    pub fn read<'e>(
        entries: impl IntoIterator<Item = &'e str>,
    ) -> Result<AllowedServers, AllowedServerError> {
        let servers = entries.into_iter().map(|entry| {
            let server = entry.rsplit_once(':').and_then(|(host, port)| {
                let plain = |c: char| c.is_ascii_alphanumeric() || "-._[]:".contains(c);
                let fits = !host.is_empty() && host.chars().all(plain);
                let bracketed = host.starts_with('[') == host.contains(':');
                let host = host.to_ascii_lowercase();
                (fits && bracketed).then_some((host, port.parse().ok()?))
            });
            server.ok_or_else(|| AllowedServerError(entry.to_owned()))
        });
        servers.collect::<Result<_, _>>().map(AllowedServers)
    }

    pub(super) fn has(&self, uri: &Uri) -> bool {
        let port = uri.port_u16().or_else(|| match uri.scheme_str()? {
            "https" => Some(443),
            "http" => Some(80),
            _ => None,
        });
        let server = uri.host().map(str::to_ascii_lowercase).zip(port);
        server.is_some_and(|server| self.0.contains(&server))
    }
}

/// Whether an address is of the public Internet: no special-purpose block of the IANA registries
/// (RFC 6890), no multicast, and no IPv6 form around an IPv4 address that is not public.
#[must_use]
pub fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

/// First address and prefix length of each block that is not public.
const BLOCKS_V4: [([u8; 4], u32); 15] = [
    ([0, 0, 0, 0], 8),
    ([10, 0, 0, 0], 8),
    // Between a provider and its customers (RFC 6598).
    ([100, 64, 0, 0], 10),
    ([127, 0, 0, 0], 8),
    // Link-local; 169.254.169.254 answers with the credentials of a virtual machine.
    ([169, 254, 0, 0], 16),
    ([172, 16, 0, 0], 12),
    ([192, 0, 0, 0], 24),
    ([192, 0, 2, 0], 24),
    // Relays of 6to4.
    ([192, 88, 99, 0], 24),
    ([192, 168, 0, 0], 16),
    ([198, 18, 0, 0], 15),
    ([198, 51, 100, 0], 24),
    ([203, 0, 113, 0], 24),
    ([224, 0, 0, 0], 4),
    ([240, 0, 0, 0], 4),
];

/// Blocks of 2000::/3 that are not public.
const BLOCKS_V6: [(Ipv6Addr, u32); 3] = [
    // Protocol assignments, with Teredo and ORCHID.
    (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 23),
    (Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0), 32),
    (Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, 0), 20),
];

fn is_public_v4(address: Ipv4Addr) -> bool {
    let bits = address.to_bits();
    let within = |(first, length): ([u8; 4], u32)| {
        bits >> (32 - length) == u32::from_be_bytes(first) >> (32 - length)
    };
    !BLOCKS_V4.into_iter().any(within)
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let segments = address.segments();
    let embedded = |high: u16, low: u16| {
        let [[a, b], [c, d]] = [high.to_be_bytes(), low.to_be_bytes()];
        is_public_v4(Ipv4Addr::new(a, b, c, d))
    };
    match segments {
        // IPv4-mapped, and NAT64 (RFC 6052).
        [0, 0, 0, 0, 0, 0xffff, high, low] | [0x64, 0xff9b, 0, 0, 0, 0, high, low] => {
            embedded(high, low)
        }
        // 6to4 (RFC 3056).
        [0x2002, high, low, ..] => embedded(high, low),
        [first, ..] if first >> 13 != 1 => false,
        _ => {
            let bits = address.to_bits();
            let within = |(first, length): (Ipv6Addr, u32)| {
                bits >> (128 - length) == first.to_bits() >> (128 - length)
            };
            !BLOCKS_V6.into_iter().any(within)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_public_addresses_may_be_reached() {
        for address in [
            "127.0.0.1",
            "127.255.255.254",
            "0.0.0.0",
            "10.1.2.3",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "100.127.255.255",
            "192.0.0.8",
            "198.19.0.1",
            "224.0.0.1",
            "239.255.255.250",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::127.0.0.1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "::ffff:169.254.169.254",
            "64:ff9b::7f00:1",
            "64:ff9b::a9fe:a9fe",
            "64:ff9b:1::808:808",
            "2002:7f00:1::1",
            "2002:a00:1::",
            "2002:c0a8:101::1",
            "2001::1",
            "2001:db8::1",
            "fe80::1",
            "fec0::1",
            "fc00::1",
            "fd12:3456::1",
            "ff02::1",
            "ff0e::1",
            "100::1",
            "3fff::1",
            "5f00::1",
        ] {
            assert!(!is_public(address.parse().unwrap()), "{address}");
        }
        for address in [
            "1.1.1.1",
            "9.255.255.255",
            "11.0.0.0",
            "100.63.255.255",
            "100.128.0.0",
            "172.15.255.255",
            "172.32.0.0",
            "192.167.255.255",
            "223.255.255.255",
            "::ffff:8.8.8.8",
            "64:ff9b::808:808",
            "2002:808:808::1",
            "2400:3200::1",
            "2606:4700::1111",
            "2a00:1450::1",
        ] {
            assert!(is_public(address.parse().unwrap()), "{address}");
        }
    }

    #[test]
    fn an_allowed_server_is_a_host_with_its_port() {
        let allowed =
            AllowedServers::read(["127.0.0.1:8080", "Hooks.Example:443", "[::1]:80"]).unwrap();
        let has = |uri: &str| allowed.has(&uri.parse().unwrap());
        assert!(has("http://127.0.0.1:8080/x"));
        assert!(has("https://hooks.EXAMPLE/x"));
        assert!(has("http://[::1]/"));
        assert!(!has("http://127.0.0.1:8081/x") && !has("http://127.0.0.1/"));
        assert!(!has("https://hooks.example.org/"));
        for wrong in
            ["", "host", ":80", "host:", "host:x", "host:70000", "http://host:80", "::1:80"]
        {
            assert!(AllowedServers::read([wrong]).is_err(), "{wrong}");
        }
    }
}
