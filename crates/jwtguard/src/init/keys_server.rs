//! The server that the keys are fetched from.

use jwt_guard::config::{Config, KeyOrigin};
use jwt_guard::http::Scheme;
use jwt_guard::keys::{Location, Source};

use super::error::InitError;

/// Host and port of the key endpoint, or of the discovery document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeysServer {
    /// A host name in lower case.
    pub host: String,
    /// The TCP port.
    pub port: u16,
    /// The flag that names the server.
    pub flag: &'static str,
}

impl KeysServer {
    /// The server of the only issuer, for a cluster that uses TLS.
    ///
    /// # Errors
    /// The URL is http, or its host is no name that a certificate and a resolver know.
    pub fn of(config: &Config, flag: &'static str) -> Result<Self, InitError> {
        let origin = config.issuers.first().map(|issuer| &issuer.keys);
        let Some(KeyOrigin::Fetched { source: Source { location, .. }, .. }) = origin else {
            return Err(InitError::flag(
                flag,
                "the keys of the issuer are not fetched; expected a URL of keys",
            ));
        };
        let endpoint = match location {
            Location::Endpoint(endpoint) => endpoint,
            Location::Discovery { issuer, .. } => issuer,
        };
        let (host, port) = endpoint.host_and_port();
        if endpoint.scheme() == Scheme::Http {
            let problem = format!(
                "the keys would come from {host} over http, where an attacker on the network path can replace them; write \
                 an https URL"
            );
            return Err(InitError::flag(flag, problem));
        }
        if !is_dns_name(host) {
            let problem = format!(
                "the host {host} is not a DNS name, which the TLS certificate must contain; write a URL with a name of \
                 letters, digits and hyphens"
            );
            return Err(InitError::flag(flag, problem));
        }
        Ok(Self { host: host.to_owned(), port, flag })
    }
}

/// Whether the host is a DNS name (RFC 1123) and not an IP address: the last label of a name has a letter.
pub fn is_dns_name(host: &str) -> bool {
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    host.len() <= 253
        && host.split('.').all(is_label)
        && host.rsplit('.').next().is_some_and(|last| last.bytes().any(|byte| byte.is_ascii_alphabetic()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_servers() {
        for host in ["issuer.example.com", "issuer", "a-b.xn--p1ai", "1.example"] {
            assert!(is_dns_name(host), "{host}");
        }
        for host in ["127.0.0.1", "[::1]", "a_b.example", "a..b", "a.example.", "-a.example", "10.1", ""] {
            assert!(!is_dns_name(host), "{host}");
        }
    }
}
