//! The requirement in a route's metadata equals that of its JSON, is absent, or is an error; it is never weaker than
//! written.
//!
//! The text of an annotation equals that of the decoded message. The input is the serialized message or, if it begins with `{`, the JSON of the entry `jwt_guard`.

use std::collections::BTreeMap;
use std::rc::Rc;

use jwt_guard::config::metadata::{MetadataEntries, MetadataError, requirement};
use jwt_guard::config::protobuf::struct_to_json;
use jwt_guard::config::reader::{ConfigNode, Errors};
use jwt_guard::config::requirement::{DefinedNames, EmptyRequirement, requirement as read};
use jwt_guard::config::{Config, EnvoyGatewayAnnotations, RouteMetadata};
use jwt_guard::jose::json::Json;
use jwt_guard::policy::Requirement;
use prost::Message;
use prost_types::{Struct, value::Kind};

use super::structs;

const NAMESPACE: &str = "jwt_guard";
const ENVOY_GATEWAY: &str = "envoy-gateway";

/// `envoy.config.core.v3.Metadata`, with the typed entries as bytes.
#[derive(Clone, PartialEq, Message)]
struct Metadata {
    #[prost(btree_map = "string, message", tag = "1")]
    filter_metadata: BTreeMap<String, Struct>,
    #[prost(btree_map = "string, bytes", tag = "2")]
    typed_filter_metadata: BTreeMap<String, Vec<u8>>,
}

/// Whether the metadata contains a valid requirement.
pub fn holds(data: &[u8]) -> bool {
    if data.starts_with(b"{") {
        let Ok(json) = Json::parse(data) else { return false };
        let Some(message) = structs::of(&json) else { return false };
        return as_written(&json, message);
    }
    // The filter skips the fields of other filters unread. Envoy sends no message that is malformed there.
    let decoded = decoded(data);
    let Ok(message) = Metadata::decode(data) else { return false };
    if message.typed_filter_metadata.contains_key(NAMESPACE) {
        assert!(decoded.is_err());
        return false;
    }
    let (decoded, annotation) = match decoded {
        Ok((decoded, annotation)) => (decoded, annotation),
        Err(
            MetadataError::Undecodable
            | MetadataError::AnnotationIsNoText
            | MetadataError::SeveralAnnotations,
        ) => {
            return false;
        }
        Err(error) => panic!("{error}"),
    };
    assert_eq!(annotation, message.filter_metadata.get(ENVOY_GATEWAY).and_then(annotation_of));
    match message.filter_metadata.get(NAMESPACE) {
        None => {
            assert_eq!(decoded, None);
            false
        }
        Some(ours) => match (struct_to_json(&ours.encode_to_vec()), decoded) {
            (None, Some(decoded)) => {
                assert!(decoded.is_err());
                false
            }
            (Some(json), Some(decoded)) => {
                assert_eq!(decoded.clone().ok(), of_json(&json));
                decoded.is_ok()
            }
            (_, None) => panic!("the requirement is not found"),
        },
    }
}

type Decoded = (Option<Result<Requirement, MetadataError>>, Option<Vec<u8>>);

/// The requirement and the text of the annotation, as the filter reads them.
fn decoded(data: &[u8]) -> Result<Decoded, MetadataError> {
    let entries = MetadataEntries::find(data, RouteMetadata::Override, EnvoyGatewayAnnotations::Narrow)?;
    Ok((entries.own.map(|own| requirement(own, &names())), entries.annotation.map(<[u8]>::to_vec)))
}

/// The text of the annotation in the decoded message.
fn annotation_of(gateway: &Struct) -> Option<Vec<u8>> {
    let Some(Kind::ListValue(resources)) = &gateway.fields.get("resources")?.kind else { return None };
    let mut texts = resources.values.iter().filter_map(|resource| {
        let Some(Kind::StructValue(resource)) = &resource.kind else { return None };
        let Some(Kind::StructValue(annotations)) = &resource.fields.get("annotations")?.kind else {
            return None;
        };
        match &annotations.fields.get("jwt-guard")?.kind {
            Some(Kind::StringValue(text)) => Some(text.clone().into_bytes()),
            other => panic!("{other:?} is no text"),
        }
    });
    texts.next_back()
}

/// Metadata with this entry and entries of other filters has the same meaning as the JSON.
fn as_written(json: &Json, message: Struct) -> bool {
    // Integers above 2^53 are rounded to doubles.
    let rounded = struct_to_json(&message.encode_to_vec()).expect("a Struct made from JSON is valid");
    assert_eq!(of_json(&rounded).is_some(), of_json(json).is_some());
    let nothing = Struct { fields: BTreeMap::new() };
    let entries = [("envoy.lb", nothing.clone()), (NAMESPACE, message), ("jwt_guard2", nothing)];
    let filter_metadata = entries.map(|(name, entry)| (name.to_owned(), entry)).into();
    let other = BTreeMap::from([("envoy.x".to_owned(), vec![0xFF])]);
    let metadata = Metadata { filter_metadata, typed_filter_metadata: other };
    let bytes = metadata.encode_to_vec();
    let (found, annotation) = decoded(&bytes).expect("the message was encoded");
    assert_eq!(annotation, None);
    let expected = of_json(&rounded);
    match (&found, &expected) {
        (Some(Ok(decoded)), Some(expected)) => assert_eq!(decoded, expected),
        (Some(Err(error)), None) => {
            let problem = error.to_string();
            assert!(
                !problem.is_empty() && !problem.contains(char::is_control),
                "{problem:?} does not fit on one log line"
            );
        }
        other => panic!("{other:?}"),
    }
    let mut typed = metadata;
    typed.typed_filter_metadata.insert(NAMESPACE.to_owned(), Vec::new());
    assert!(decoded(&typed.encode_to_vec()).is_err());
    expected.is_some()
}

fn of_json(json: &Json) -> Option<Requirement> {
    let mut errors = Errors::new();
    let read = read(&ConfigNode::root(json), &names(), EmptyRequirement::Refused, &mut errors);
    assert!(read.is_some() || !errors.is_empty(), "rejected without an error");
    read.filter(|_| errors.is_empty())
}

fn names() -> Rc<DefinedNames> {
    thread_local! { static NAMES: Rc<DefinedNames> = Rc::new(Config::parse(CONFIG).unwrap().names) }
    NAMES.with(Rc::clone)
}

const CONFIG: &[u8] = br#"{
    "issuers": [
        { "issuer": "https://a.example", "name": "a", "audience": ["x", "y"], "jwks_cluster": "a" },
        { "issuer": "https://b.example", "name": "b", "audience": "z", "jwks_cluster": "b" }
    ],
    "policies": { "admins": { "requires_role": "admin" }, "open": { "allow_anonymous": true } }
}"#;
