//! The document and the cluster of a fetch, for the log line about its failure.

use std::fmt::{Display, Formatter, Result};

use crate::jose::escaped::{Escaped, EscapedUrl};

/// The document that a fetch requested, and the cluster that the request was sent to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Requested {
    /// The document.
    pub document: Document,
    /// The name of the cluster.
    pub cluster: String,
}

/// A document that is fetched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Document {
    /// The key set at the configured URL.
    KeySet(String),
    /// The key set at the URL that a discovery document names. The issuer chose this URL.
    DiscoveredKeySet(String),
    /// The discovery document, at these URLs one after the other.
    Discovery(Vec<String>),
}

impl Display for Requested {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match &self.document {
            Document::KeySet(url) => write!(f, "requested the key set {}", EscapedUrl(url))?,
            Document::DiscoveredKeySet(url) => {
                write!(f, "requested the key set {} (jwks_uri of the discovery document)", EscapedUrl(url))?;
            }
            Document::Discovery(urls) => {
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
        let told = |document| Requested { document, cluster: "issuer".to_owned() }.to_string();
        let urls = ["https://a/x".to_owned(), "https://a/y".to_owned()];
        assert_eq!(
            told(Document::KeySet("https://a/keys".to_owned())),
            r#"requested the key set "https://a/keys" through the cluster "issuer""#
        );
        assert_eq!(
            told(Document::DiscoveredKeySet("https://a/keys".to_owned())),
            r#"requested the key set "https://a/keys" (jwks_uri of the discovery document) through the cluster "issuer""#
        );
        assert_eq!(
            told(Document::Discovery(urls[..1].to_vec())),
            r#"requested the discovery document "https://a/x" through the cluster "issuer""#
        );
        assert_eq!(
            told(Document::Discovery(urls.to_vec())),
            r#"requested the discovery document "https://a/x" and then "https://a/y" through the cluster "issuer""#
        );
        let long = format!("https://a/{}", "b".repeat(1 << 20));
        assert!(told(Document::DiscoveredKeySet(long)).len() < 400, "an issuer's URL does not fill the log");
    }
}
