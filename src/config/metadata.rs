//! A requirement in the metadata of an Envoy route or virtual host: `filter_metadata: { jwt_guard: … }`.

use std::collections::BTreeMap;
use std::rc::Rc;

use prost::Message;
use prost_types::Struct;

use super::protobuf;
use super::reader::{ConfigNode, Errors};
use super::requirement::{DefinedNames, EmptyRequirement, requirement_without_parameters as read};
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

/// Why the metadata of a route gives no requirement. Every request of the route is then denied.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MetadataError {
    /// The bytes are not a `Metadata` message.
    #[error("the metadata of the route cannot be decoded as envoy.config.core.v3.Metadata")]
    Undecodable,
    /// The requirement is under `typed_filter_metadata`, which the filter does not read.
    #[error("route metadata {NAMESPACE}: write it under filter_metadata, not typed_filter_metadata")]
    Typed,
    /// A number that is not finite, or too many levels of nesting.
    #[error(
        "route metadata {NAMESPACE}: it has a number that is not finite, a value without a kind, or more than 32 \
         levels of nesting"
    )]
    NotJson,
    /// The mistakes of the requirement.
    #[error("route metadata {NAMESPACE}: {}", sentences(.0))]
    Requirement(Errors),
}

fn sentences(errors: &Errors) -> String {
    errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

/// The text that the policy of a request keeps for the log.
impl From<MetadataError> for Rc<str> {
    fn from(error: MetadataError) -> Self {
        error.to_string().into()
    }
}

/// The requirement in a serialized `Metadata`, if it has one.
///
/// # Errors
/// The metadata has a requirement that is not valid.
pub fn requirement(bytes: &[u8], names: &DefinedNames) -> Result<Option<Requirement>, MetadataError> {
    let mut message = MetadataMessage::decode(bytes).map_err(|_| MetadataError::Undecodable)?;
    if message.typed_filter_metadata.contains_key(NAMESPACE) {
        return Err(MetadataError::Typed);
    }
    let Some(ours) = message.filter_metadata.remove(NAMESPACE) else { return Ok(None) };
    let json = protobuf::object(ours, 0).ok_or(MetadataError::NotJson)?;
    let mut errors = Errors::new();
    match read(&ConfigNode::root(&json), names, EmptyRequirement::Refused, &mut errors) {
        Some(requirement) if errors.is_empty() => Ok(Some(requirement)),
        _ => Err(MetadataError::Requirement(errors)),
    }
}
