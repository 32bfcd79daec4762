//! The host from which keys are fetched.

use std::net::IpAddr;

use jwt_guard::http::{Authority, HostName};
use jwt_guard::keys::Location;

pub(super) fn authority(location: &Location) -> &str {
    match location {
        Location::Endpoint(endpoint) | Location::Discovery { issuer: endpoint, .. } => endpoint.authority(),
    }
}

/// Whether a host, with or without a port, is the local machine. Also accepts an address of a `socket_address`, where IPv6
/// has no brackets.
pub fn is_loopback(authority: &str) -> bool {
    let is_address = |text: &str| text.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
    match Authority::parse(authority.as_bytes()).map(|authority| authority.host()) {
        Some(HostName::Name(name)) => name == b"localhost" || std::str::from_utf8(name).is_ok_and(is_address),
        Some(HostName::Ipv6 { address, .. }) => address.is_loopback(),
        None => is_address(authority),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn local_and_remote_hosts() {
        for (authority, expected) in [
            ("localhost", true),
            ("localhost:8080", true),
            ("127.0.0.1", true),
            ("127.8.0.1:80", true),
            ("[::1]", true),
            ("[::1]:8080", true),
            ("::1", true),
            ("localhost.example", false),
            ("10.0.0.1:80", false),
            ("[fe80::1]:80", false),
            ("", false),
        ] {
            assert_eq!(is_loopback(authority), expected, "{authority}");
        }
    }
}
