//! A requirement that a route or virtual host of `envoy.yaml` carries: `filter_metadata: { jwt_guard: … }`.

use std::collections::BTreeMap;
use std::rc::Rc;

use prost::Message;
use prost_types::Struct;

use super::protobuf;
use super::reader::{ConfigNode, Errors};
use super::requirement::{DefinedNames, Empty, requirement as read};
use crate::policy::Requirement;

/// The name in `filter_metadata`.
const NAMESPACE: &str = "jwt_guard";

/// `envoy.config.core.v3.Metadata`
#[derive(Clone, PartialEq, Message)]
struct MetadataMessage {
    #[prost(btree_map = "string, message", tag = "1")]
    filter_metadata: BTreeMap<String, Struct>,
    #[prost(btree_map = "string, bytes", tag = "2")]
    typed_filter_metadata: BTreeMap<String, Vec<u8>>,
}

/// Why a route's metadata gives no requirement. Every request of the route is then refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MetadataError {
    /// The bytes are no `Metadata`.
    #[error("the route's metadata does not decode")]
    Undecodable,
    /// The requirement is under `typed_filter_metadata`, where it would be ignored.
    #[error("route metadata {NAMESPACE}: write it under filter_metadata, not typed_filter_metadata")]
    Typed,
    /// A number that is none, or too many levels.
    #[error("the route's metadata holds what JSON cannot")]
    NotJson,
    /// The requirement has these mistakes.
    #[error("route metadata {NAMESPACE}: {}", sentences(.0))]
    Requirement(Errors),
}

fn sentences(errors: &Errors) -> String {
    errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

/// As the flow of a request keeps it.
impl From<MetadataError> for Rc<str> {
    fn from(error: MetadataError) -> Self {
        error.to_string().into()
    }
}

/// The requirement in a serialised `Metadata`, if it has one.
///
/// # Errors
/// Why there is none that can be met.
pub fn requirement(bytes: &[u8], names: &DefinedNames) -> Result<Option<Requirement>, MetadataError> {
    let mut message = MetadataMessage::decode(bytes).map_err(|_| MetadataError::Undecodable)?;
    if message.typed_filter_metadata.contains_key(NAMESPACE) {
        return Err(MetadataError::Typed);
    }
    let Some(ours) = message.filter_metadata.remove(NAMESPACE) else { return Ok(None) };
    let json = protobuf::object(ours, 0).ok_or(MetadataError::NotJson)?;
    let mut errors = Errors::new();
    match read(&ConfigNode::root(&json), names, Empty::Refused, &mut errors) {
        Some(requirement) if errors.is_empty() => Ok(Some(requirement)),
        _ => Err(MetadataError::Requirement(errors)),
    }
}
