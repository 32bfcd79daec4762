//! A requirement that a route or virtual host of `envoy.yaml` carries: `filter_metadata: { jwt_guard: … }`.

use std::collections::BTreeMap;

use prost::Message;
use prost_types::Struct;

use super::protobuf;
use super::reader::{Errors, Node};
use super::requirement::{Empty, Vocabulary, requirement as read};
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

/// The requirement in a serialised `Metadata`, if it has one.
///
/// # Errors
/// What is wrong with it, for the log.
pub fn requirement(bytes: &[u8], names: &Vocabulary) -> Result<Option<Requirement>, String> {
    let mut message =
        MetadataMessage::decode(bytes).map_err(|_| "the route's metadata does not decode".to_owned())?;
    if message.typed_filter_metadata.contains_key(NAMESPACE) {
        // Meant as a requirement, and not to be taken for none.
        return Err(format!(
            "route metadata {NAMESPACE}: write it under filter_metadata, not typed_filter_metadata"
        ));
    }
    let Some(ours) = message.filter_metadata.remove(NAMESPACE) else { return Ok(None) };
    let json = protobuf::object(ours, 0).ok_or("the route's metadata holds what JSON cannot")?;
    let mut errors = Errors::new();
    match read(&Node::root(&json), names, Empty::Refused, &mut errors) {
        Some(requirement) if errors.is_empty() => Ok(Some(requirement)),
        _ => {
            let problems: Vec<String> = errors.iter().map(ToString::to_string).collect();
            Err(format!("route metadata {NAMESPACE}: {}", problems.join("; ")))
        }
    }
}
