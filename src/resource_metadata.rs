//! Protected resource metadata: documents that tell a client which authorization server issues tokens for a
//! resource (RFC 9728).

use crate::http::{ResponseHeaders, Scheme, Uri, comparable_host, is_path};
use crate::jose::json::Json;

/// The path prefix between a resource's host and its path (RFC 9728 section 3).
const WELL_KNOWN: &str = "/.well-known/oauth-protected-resource";

/// The documents of `resource_metadata`.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ResourceMetadata {
    published: Vec<Published>,
}

/// One document and its location.
#[derive(Debug, Clone, PartialEq)]
struct Published {
    /// The host in lower case, without port and trailing dot.
    host: String,
    /// The resource's path; empty for the host itself.
    path: String,
    url: String,
    body: String,
}

/// The response to a request for a document; its status is 200. HEAD gets the response of GET, and the host
/// drops the body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MetadataDocument {
    /// The headers, without `:status`.
    pub headers: ResponseHeaders,
    /// The document.
    pub body: Vec<u8>,
}

/// Why a document is not valid resource metadata.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ResourceMetadataError {
    /// Not a JSON object.
    #[error("expected a JSON object with a member \"resource\"")]
    NotAnObject,
    /// `resource` is missing or not a string.
    #[error(
        "expected a member \"resource\" with the resource's URL, as in \"https://api.example.com/orders\""
    )]
    NoResource,
    /// `resource` is not an absolute https URL without user, query and fragment.
    #[error(
        "expected an absolute https URL without user, query and fragment, \
         as in \"https://api.example.com/orders\", got {resource:?}"
    )]
    NotAResource {
        /// The configured value.
        resource: String,
    },
    /// Two documents for one host and path. Different ports do not distinguish documents.
    #[error("{resource:?} has the host and path of another document; keep one of them")]
    Same {
        /// The `resource` of the later document.
        resource: String,
    },
}

impl ResourceMetadata {
    /// Reads the documents, each an object whose `resource` is the URL that it describes.
    ///
    /// # Errors
    /// The index of the invalid document, and the error.
    pub fn new(documents: &[Json]) -> Result<Self, (usize, ResourceMetadataError)> {
        let mut published: Vec<Published> = Vec::with_capacity(documents.len());
        for (index, document) in documents.iter().enumerate() {
            let one = Published::parse(document).map_err(|error| (index, error))?;
            if published.iter().any(|other| other.host == one.host && other.base() == one.base()) {
                let resource =
                    document.member("resource").and_then(Json::as_str).unwrap_or_default().to_owned();
                return Err((index, ResourceMetadataError::Same { resource }));
            }
            published.push(one);
        }
        Ok(Self { published })
    }

    /// Whether nothing is published.
    pub fn is_empty(&self) -> bool {
        self.published.is_empty()
    }

    /// The document for a GET or HEAD of exactly this path. `path` is `:path` as it was sent.
    pub fn serve(&self, host: &str, method: &str, path: &str) -> Option<MetadataDocument> {
        let path =
            without_query(path).strip_prefix(WELL_KNOWN).filter(|_| matches!(method, "GET" | "HEAD"))?;
        let host = host_name(host);
        let found = self.published.iter().find(|one| one.host == host && one.path == path)?;
        let headers = [("access-control-allow-origin", "*"), ("content-type", "application/json")];
        let headers = headers.map(|(name, value)| (name.into(), value.into())).into();
        Some(MetadataDocument { headers, body: found.body.clone().into_bytes() })
    }

    /// The URL of the document for a request: on its host, the document with the longest path that equals the
    /// request's path or is a parent of it. `path` is `:path` as it was sent.
    pub fn challenge_for(&self, host: &str, path: &str) -> Option<&str> {
        if self.published.is_empty() {
            return None;
        }
        let (host, path) = (host_name(host), without_query(path));
        let below = self.published.iter().filter(|one| one.host == host && one.covers(path));
        below.max_by_key(|one| one.base().len()).map(|one| one.url.as_str())
    }
}

impl Published {
    fn parse(document: &Json) -> Result<Self, ResourceMetadataError> {
        if !matches!(document, Json::Object(_)) {
            return Err(ResourceMetadataError::NotAnObject);
        }
        let resource =
            document.member("resource").and_then(Json::as_str).ok_or(ResourceMetadataError::NoResource)?;
        let not_a_resource = || ResourceMetadataError::NotAResource { resource: resource.to_owned() };
        let (authority, path) = split(resource).ok_or_else(not_a_resource)?;
        // "https://host/" and "https://host" have the same well-known path; any other trailing slash is kept.
        let path = if path == "/" { "" } else { path };
        Ok(Self {
            host: host_name(authority),
            path: path.to_owned(),
            url: format!("https://{authority}{WELL_KNOWN}{path}"),
            body: document.to_string(),
        })
    }

    /// The path without a trailing slash.
    fn base(&self) -> &str {
        self.path.strip_suffix('/').unwrap_or(&self.path)
    }

    /// Whether the document covers the path: `/api` covers `/api` and `/api/x`, but not `/apis`.
    fn covers(&self, path: &str) -> bool {
        path.strip_prefix(self.base()).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }
}

/// The authority and the path of an https URL that has no other parts.
fn split(resource: &str) -> Option<(&str, &str)> {
    let uri = Uri::parse(resource).ok().filter(|uri| uri.scheme() == Scheme::Https)?;
    Some((uri.authority(), uri.path_and_query())).filter(|(_, path)| is_path(path))
}

fn host_name(authority: &str) -> String {
    String::from_utf8_lossy(&comparable_host(authority.as_bytes())).into_owned()
}

fn without_query(path: &str) -> &str {
    path.split_once('?').map_or(path, |(path, _)| path)
}
