//! The document and the cluster of a fetch, for the log line about its failure.

use std::fmt::{Display, Formatter, Result};

use crate::jose::escaped::{Escaped, EscapedUrl};

/// The document that a fetch requested, and the cluster that the request was sent to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Requested {
    /// The document.
    pub document: RequestedDocument,
    /// The name of the cluster.
    pub cluster: String,
}

/// A document that is fetched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RequestedDocument {
    /// The key set at the configured URL.
    KeySet(String),
    /// The key set at the URL that a discovery document names. The issuer chose this URL.
    DiscoveredKeySet(String),
    /// The revocation list at the configured URL.
    RevocationList(String),
    /// The discovery document, at these URLs one after the other.
    Discovery(Vec<String>),
}

impl Display for Requested {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match &self.document {
            RequestedDocument::KeySet(url) => write!(f, "requested the key set {}", EscapedUrl(url))?,
            RequestedDocument::RevocationList(url) => {
                write!(f, "requested the revocation list {}", EscapedUrl(url))?;
            }
            RequestedDocument::DiscoveredKeySet(url) => {
                write!(f, "requested the key set {} (jwks_uri of the discovery document)", EscapedUrl(url))?;
            }
            RequestedDocument::Discovery(urls) => {
                f.write_str("requested the discovery document ")?;
                for (index, url) in urls.iter().enumerate() {
                    write!(f, "{}{}", if index == 0 { "" } else { " and then " }, EscapedUrl(url))?;
                }
            }
        }
        write!(f, " through the cluster {}", Escaped(&self.cluster))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_document_its_url_and_the_cluster_are_named() {
        let message = |document| Requested { document, cluster: "issuer".to_owned() }.to_string();
        let urls = ["https://a/x".to_owned(), "https://a/y".to_owned()];
        assert_eq!(
            message(RequestedDocument::KeySet("https://a/keys".to_owned())),
            r#"requested the key set "https://a/keys" through the cluster "issuer""#
        );
        assert_eq!(
            message(RequestedDocument::DiscoveredKeySet("https://a/keys".to_owned())),
            r#"requested the key set "https://a/keys" (jwks_uri of the discovery document) through the cluster "issuer""#
        );
        assert_eq!(
            message(RequestedDocument::Discovery(urls[..1].to_vec())),
            r#"requested the discovery document "https://a/x" through the cluster "issuer""#
        );
        assert_eq!(
            message(RequestedDocument::Discovery(urls.to_vec())),
            r#"requested the discovery document "https://a/x" and then "https://a/y" through the cluster "issuer""#
        );
        assert_eq!(
            message(RequestedDocument::RevocationList("https://a/list".to_owned())),
            r#"requested the revocation list "https://a/list" through the cluster "issuer""#
        );
        let long = format!("https://a/{}", "b".repeat(1 << 20));
        assert!(
            message(RequestedDocument::DiscoveredKeySet(long)).len() < 400,
            "an issuer's URL does not fill the log"
        );
    }
}
