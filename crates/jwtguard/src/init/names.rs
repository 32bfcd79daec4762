//! Values of flags that are no part of the policy: names of objects, labels, images, addresses.

use std::fmt::{Display, Formatter};
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

use super::keys_server::is_dns_name;

/// The name of a Kubernetes object or namespace: an RFC 1123 label.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectName(String);

impl FromStr for ObjectName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if is_object_name(text) {
            return Ok(Self(text.to_owned()));
        }
        Err("expected the name of a Kubernetes object: at most 63 lower-case letters, digits and hyphens, with a letter \
             or digit at both ends"
            .to_owned())
    }
}

impl Display for ObjectName {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> std::fmt::Result {
        // A name such as `123` or `yes` needs quotes.
        super::scalar::Scalar(&self.0).fmt(formatter)
    }
}

impl ObjectName {
    /// The name as text, without quotes.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name of another object that belongs to this one.
    #[must_use]
    pub fn with_suffix(&self, suffix: &str) -> Self {
        Self(format!("{}-{suffix}", self.0))
    }
}

fn is_object_name(text: &str) -> bool {
    let is_safe = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=63).contains(&text.len())
        && text.bytes().all(is_safe)
        && !text.starts_with('-')
        && !text.ends_with('-')
}

/// A label of pods, `KEY=VALUE`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Label {
    /// The key, with an optional prefix: `app.kubernetes.io/name`.
    pub key: String,
    /// The value.
    pub value: String,
}

impl FromStr for Label {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let expected = "expected a label of the pods, KEY=VALUE, such as app=orders";
        let (key, value) = text.split_once('=').ok_or_else(|| expected.to_owned())?;
        let (prefix, name) = key.split_once('/').map_or((None, key), |(prefix, name)| (Some(prefix), name));
        if !prefix.is_none_or(is_dns_name) || !is_label_text(name) || !is_label_text(value) {
            return Err(format!(
                "{expected}; key and value have at most 63 letters, digits, `-`, `_` and `.`, with a letter or digit at \
                 both ends"
            ));
        }
        Ok(Self { key: key.to_owned(), value: value.to_owned() })
    }
}

impl Display for Label {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> std::fmt::Result {
        use super::scalar::Scalar;
        write!(formatter, "{}: {}", Scalar(&self.key), Scalar(&self.value))
    }
}

fn is_label_text(text: &str) -> bool {
    let is_safe = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    let at_ends = |byte: Option<u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric());
    text.len() <= 63
        && text.bytes().all(is_safe)
        && at_ends(text.bytes().next())
        && at_ends(text.bytes().last())
}

/// A reference to a container image with a registry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image(String);

impl FromStr for Image {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let expected = "expected an image with its registry, such as registry.example.com/jwt-guard:0.1.0";
        let reference = text.strip_prefix("oci://").unwrap_or(text);
        let (name, digest) = match reference.split_once('@') {
            Some((name, digest)) => (name, Some(digest)),
            None => (reference, None),
        };
        let is_hex = |digits: &str| {
            digits.len() == 64 && digits.bytes().all(|byte| b"0123456789abcdef".contains(&byte))
        };
        if digest.is_some_and(|digest| !digest.strip_prefix("sha256:").is_some_and(is_hex)) {
            return Err(
                "expected `@sha256:` and 64 hexadecimal digits in lower case after the name".to_owned()
            );
        }
        let (registry, path) = name.split_once('/').ok_or_else(|| expected.to_owned())?;
        // Without a dot or a port, the first part is a path at a default registry.
        let (host, port) =
            registry.split_once(':').map_or((registry, None), |(host, port)| (host, Some(port)));
        let is_registry = (is_dns_name(host) || host.parse::<IpAddr>().is_ok())
            && (host.contains('.') || host == "localhost" || port.is_some())
            && port.is_none_or(|port| port.parse::<u16>().is_ok());
        let (path, tag) = path.rsplit_once(':').map_or((path, None), |(path, tag)| (path, Some(tag)));
        let is_part = |part: &str| is_label_text(part) && part == part.to_ascii_lowercase();
        let is_tag = |tag: &str| {
            (1..=128).contains(&tag.len())
                && tag.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
        };
        if !is_registry || !path.split('/').all(is_part) || !tag.is_none_or(is_tag) {
            return Err(expected.to_owned());
        }
        if tag.is_none() && digest.is_none() {
            return Err(format!("has neither a tag nor a digest; {expected}"));
        }
        Ok(Self(reference.to_owned()))
    }
}

impl Display for Image {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl Image {
    /// Whether the digest is part of the reference.
    pub fn is_pinned(&self) -> bool {
        self.0.contains('@')
    }
}

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
            Self::Name { host, port } => {
                socket_address(formatter, &super::scalar::Scalar(host).to_string(), *port)
            }
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
    fn names_of_objects() {
        for text in ["jwt-guard", "a", "1", &"x".repeat(63)] {
            assert_eq!(text.parse::<ObjectName>().unwrap().as_str(), text);
        }
        for text in ["", "A", "a_b", "-a", "a-", "a.b", "a b", "a\n", &"x".repeat(64)] {
            assert!(text.parse::<ObjectName>().is_err(), "{text:?}");
        }
        assert_eq!("yes".parse::<ObjectName>().unwrap().to_string(), r#""yes""#);
    }

    #[test]
    fn labels() {
        for (text, expected) in [
            ("app=orders", "app: orders"),
            ("app.kubernetes.io/name=1", r#"app.kubernetes.io/name: "1""#),
            ("a=true", r#"a: "true""#),
        ] {
            assert_eq!(text.parse::<Label>().unwrap().to_string(), expected);
        }
        for text in ["app", "app=", "=orders", "app=a b", "a/b/c=d", "app=-a", "app=a:b", "a{=b"] {
            assert!(text.parse::<Label>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn images() {
        let digest = format!("@sha256:{}", "0a".repeat(32));
        for text in [
            "registry.example.com/jwt-guard:0.1.0",
            "localhost/a:b",
            "r:5000/a/b/c:1",
            &format!("r.example/a{digest}"),
            &format!("r.example/a:1{digest}"),
        ] {
            assert_eq!(text.parse::<Image>().unwrap().to_string(), text);
            assert_eq!(format!("oci://{text}").parse::<Image>().unwrap().to_string(), text);
        }
        for text in [
            "jwt-guard:0.1.0",
            "team/jwt-guard:0.1.0",
            "r.example/a",
            "r.example/A:1",
            "r.example/a:1 b",
            "r.example/a: b",
            "https://r.example/a:1",
            "r.example/a@sha256:00",
            "r.example/a:",
            "r.example//a:1",
        ] {
            assert!(text.parse::<Image>().is_err(), "{text:?}");
        }
    }

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
