//! What a fetch asked for, as the log line about its failure names it.

use std::fmt::{Display, Formatter, Result};

use crate::jose::escaped::{Escaped, EscapedUrl};

/// The document that a fetch asked for, and the cluster that it asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Requested {
    /// Which document.
    pub document: RequestedDocument,
    /// The cluster's name.
    pub cluster: String,
}

/// A document that is fetched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RequestedDocument {
    /// The key set at the configured URL.
    KeySet(String),
    /// The key set at the URL that a discovery document names. An issuer chose it.
    DiscoveredKeySet(String),
    /// The discovery document, at those URLs in turn.
    Discovery(Vec<String>),
}

impl Display for Requested {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match &self.document {
            RequestedDocument::KeySet(url) => write!(f, "requested: the key set {}", EscapedUrl(url))?,
            RequestedDocument::DiscoveredKeySet(url) => {
                write!(f, "requested: the key set {} (jwks_uri of the discovery document)", EscapedUrl(url))?;
            }
            RequestedDocument::Discovery(urls) => {
                f.write_str("requested: the discovery document ")?;
                for (index, url) in urls.iter().enumerate() {
                    write!(f, "{}{}", if index == 0 { "" } else { " and then " }, EscapedUrl(url))?;
                }
            }
        }
        write!(f, " by the cluster {}", Escaped(&self.cluster))
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
            r#"requested: the key set "https://a/keys" by the cluster "issuer""#
        );
        assert_eq!(
            message(RequestedDocument::DiscoveredKeySet("https://a/keys".to_owned())),
            r#"requested: the key set "https://a/keys" (jwks_uri of the discovery document) by the cluster "issuer""#
        );
        assert_eq!(
            message(RequestedDocument::Discovery(urls[..1].to_vec())),
            r#"requested: the discovery document "https://a/x" by the cluster "issuer""#
        );
        assert_eq!(
            message(RequestedDocument::Discovery(urls.to_vec())),
            r#"requested: the discovery document "https://a/x" and then "https://a/y" by the cluster "issuer""#
        );
        let long = format!("https://a/{}", "b".repeat(1 << 20));
        assert!(
            message(RequestedDocument::DiscoveredKeySet(long)).len() < 400,
            "an issuer's URL does not fill the log"
        );
    }
}
