//! The host that keys come from.

use jwt_guard::keys::Location;

pub(super) fn authority(location: &Location) -> &str {
    match location {
        Location::Endpoint(endpoint) | Location::Discovery { issuer: endpoint, .. } => endpoint.authority(),
    }
}

/// Whether a host, with or without a port, is this machine.
pub fn is_loopback(authority: &str) -> bool {
    let host = match authority.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or(rest),
        None => authority.split(':').next().unwrap_or(authority),
    };
    host == "localhost"
        || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
        || (authority.matches(':').count() > 1 && authority == "::1")
}
