//! Addresses of servers.

use std::fmt::{Display, Formatter};
use std::net::SocketAddr;
use std::str::FromStr;

use super::keys_server::is_dns_name;
use crate::scalar::Scalar;

/// A host name or an IP address, with a port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Address {
    /// An IP address.
    Ip(SocketAddr),
    /// A host name, which Envoy resolves.
    Name {
        /// The host name.
        host: String,
        /// The TCP port.
        port: u16,
    },
}

impl FromStr for Address {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Ok(address) = text.parse() {
            return Ok(Self::Ip(address));
        }
        let parts = text.rsplit_once(':').and_then(|(host, port)| Some((host, port.parse::<u16>().ok()?)));
        match parts {
            Some((host, port)) if is_dns_name(host) => Ok(Self::Name { host: host.to_owned(), port }),
            _ => {
                Err("expected HOST:PORT, such as 127.0.0.1:8080, [::1]:8080 or orders.internal:8080"
                    .to_owned())
            }
        }
    }
}

impl Display for Address {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Ip(SocketAddr::V4(address)) => {
                socket_address(formatter, &address.ip().to_string(), address.port())
            }
            // The colons of an IPv6 address need quotes.
            Self::Ip(SocketAddr::V6(address)) => {
                socket_address(formatter, &format!("\"{}\"", address.ip()), address.port())
            }
            Self::Name { host, port } => socket_address(formatter, &Scalar(host).to_string(), *port),
        }
    }
}

/// Envoy's form of an address; `host` is a YAML scalar.
fn socket_address(formatter: &mut Formatter<'_>, host: &str, port: u16) -> std::fmt::Result {
    write!(formatter, "{{ socket_address: {{ address: {host}, port_value: {port} }} }}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        for (text, expected) in [
            ("127.0.0.1:80", "{ socket_address: { address: 127.0.0.1, port_value: 80 } }"),
            ("[::1]:80", r#"{ socket_address: { address: "::1", port_value: 80 } }"#),
            ("orders.internal:80", "{ socket_address: { address: orders.internal, port_value: 80 } }"),
            ("on:80", r#"{ socket_address: { address: "on", port_value: 80 } }"#),
            ("1.2e3:80", r#"{ socket_address: { address: "1.2e3", port_value: 80 } }"#),
        ] {
            assert_eq!(text.parse::<Address>().unwrap().to_string(), expected);
        }
        for text in ["127.0.0.1", "orders", "orders:", "orders:x", "a b:80", "a,b:80", "http://a:80", ":80"] {
            assert!(text.parse::<Address>().is_err(), "{text:?}");
        }
    }
}
