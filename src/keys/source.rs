//! The source of the keys of one issuer: the cluster and the URL.

use crate::endpoint::Endpoint;
use crate::http::Scheme;

/// The settings that determine which keys are fetched. The times ([`RefreshTimings`](super::RefreshTimings)) do not belong to them:
/// two configurations that differ only in the times share one key set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// `jwks_cluster`: the Envoy cluster that the key set is fetched through.
    pub cluster: String,
    /// The location of the key set.
    pub location: Location,
}

/// The location of a key set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Location {
    /// `jwks_endpoint`: the URL.
    Endpoint(Endpoint),
    /// `discovery`: the URL is in the issuer's discovery document.
    Discovery {
        /// `discovery_cluster`: the Envoy cluster that the document is fetched through.
        cluster: String,
        /// Whether `discovery_cluster` is set. Only then may `jwks_uri` be on another host.
        other_host: bool,
        /// The exact `iss`. The `issuer` in the document must be equal to it.
        iss: String,
        /// `iss` as a URL. The URL of the document is made from it.
        issuer: Endpoint,
    },
}

/// The version of [`Source::encode`]. A different encoding needs a different number.
const ENCODING: &[u8] = b"1";

impl Source {
    /// The source as bytes, for the names of its entries in shared data. Only equal sources have equal bytes: the
    /// fields are in a fixed order, each after its length, and the kind of the location determines the fields that
    /// follow.
    ///
    /// | fields | content |
    /// | --- | --- |
    /// | encoding, cluster | `1`, the name of the cluster |
    /// | kind | `endpoint` or `discovery` |
    /// | for `endpoint` | scheme, authority, path with query |
    /// | for `discovery` | cluster, `1` or `0` for `other_host`, iss, then scheme, authority and path of the issuer |
    pub fn encode(&self) -> Vec<u8> {
        let mut fields: Vec<&[u8]> = vec![ENCODING, self.cluster.as_bytes()];
        let url = match &self.location {
            Location::Endpoint(url) => {
                fields.push(b"endpoint");
                url
            }
            Location::Discovery { cluster, other_host, iss, issuer } => {
                let other_host: &[u8] = if *other_host { b"1" } else { b"0" };
                fields.extend([b"discovery", cluster.as_bytes(), other_host, iss.as_bytes()]);
                issuer
            }
        };
        fields.extend([url.scheme().as_str(), url.authority(), url.path()].map(str::as_bytes));
        encode_fields(&fields)
    }
}

/// Each field after its length in eight bytes, so that two different lists of fields have different bytes.
pub(super) fn encode_fields(fields: &[&[u8]]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(fields.iter().map(|field| 8 + field.len()).sum());
    for field in fields {
        bytes.extend_from_slice(&(field.len() as u64).to_le_bytes());
        bytes.extend_from_slice(field);
    }
    bytes
}

impl Location {
    /// The scheme of the URL, which says whether the keys are fetched over TLS.
    pub fn scheme(&self) -> Scheme {
        match self {
            Self::Endpoint(endpoint) | Self::Discovery { issuer: endpoint, .. } => endpoint.scheme(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoint(url: &str) -> Location {
        Location::Endpoint(Endpoint::parse(url).unwrap())
    }

    fn discovery(cluster: &str, other_host: bool, iss: &str, issuer: &str) -> Location {
        Location::Discovery {
            cluster: cluster.to_owned(),
            other_host,
            iss: iss.to_owned(),
            issuer: Endpoint::parse(issuer).unwrap(),
        }
    }

    fn source(cluster: &str, location: Location) -> Source {
        Source { cluster: cluster.to_owned(), location }
    }

    #[test]
    fn two_sources_that_differ_in_one_field_differ_in_their_bytes() {
        let rows = [
            ("an endpoint", source("c", endpoint("https://a/k"))),
            ("another cluster", source("d", endpoint("https://a/k"))),
            ("another scheme", source("c", endpoint("http://a/k"))),
            ("another host", source("c", endpoint("https://b/k"))),
            ("another port", source("c", endpoint("https://a:8443/k"))),
            ("another path", source("c", endpoint("https://a/l"))),
            ("another query", source("c", endpoint("https://a/k?l"))),
            ("a letter moved to the cluster", source("ca", endpoint("https://b/k"))),
            ("a discovery", source("c", discovery("c", false, "https://a/k", "https://a/k"))),
            ("the discovery's own cluster", source("c", discovery("d", false, "https://a/k", "https://a/k"))),
            ("another host allowed", source("c", discovery("c", true, "https://a/k", "https://a/k"))),
            ("another iss", source("c", discovery("c", false, "https://A/k", "https://a/k"))),
            ("another URL", source("c", discovery("c", false, "https://a/k", "https://a/l"))),
            ("clusters swapped", source("d", discovery("c", false, "https://a/k", "https://a/k"))),
        ];
        for (place, (label, one)) in rows.iter().enumerate() {
            assert_eq!(one.encode(), one.clone().encode(), "{label}");
            for (other_label, other) in rows.iter().skip(place + 1) {
                assert_ne!(one.encode(), other.encode(), "{label}, {other_label}");
            }
        }
    }

    #[test]
    fn fields_are_told_apart_by_their_lengths() {
        assert_ne!(encode_fields(&[b"ab", b""]), encode_fields(&[b"a", b"b"]));
        assert_ne!(encode_fields(&[b"ab"]), encode_fields(&[b"ab", b""]));
        assert_ne!(encode_fields(&[]), encode_fields(&[b""]));
        assert_eq!(encode_fields(&[b"ab"]), b"\x02\0\0\0\0\0\0\0ab");
    }
}
