//! Container images.

use std::fmt::{Display, Formatter};
use std::net::IpAddr;
use std::str::FromStr;

use super::keys_server::is_dns_name;
use super::label::is_label_text;

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

#[cfg(test)]
mod tests {
    use super::*;

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
}
