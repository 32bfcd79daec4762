//! The requirements in the metadata of an Envoy route or virtual host: `filter_metadata: { jwt_guard: … }`, and the
//! annotation that Envoy Gateway writes below `filter_metadata: { envoy-gateway: … }`.

use std::rc::Rc;

use super::annotations::EnvoyGatewayAnnotations;
use super::error::sentences;
use super::protobuf::fields::{Fields, Malformed, entry, only, pair};
use super::protobuf::struct_to_json;
use super::reader::{ConfigNode, Errors};
use super::requirement::{DefinedNames, EmptyRequirement, requirement_without_parameters as read};
use super::route_metadata::RouteMetadata;
use crate::policy::Requirement;

/// The filter's own name in `filter_metadata`.
const NAMESPACE: &str = "jwt_guard";

/// Envoy Gateway's name in `filter_metadata`.
const ENVOY_GATEWAY: &str = "envoy-gateway";

/// The annotation in the metadata: Envoy Gateway removes the prefix `gateway.envoyproxy.io/`.
const ANNOTATION: &str = "jwt-guard";

/// The parts of a serialized `Metadata` that the filter reads, each as it is in the message.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct MetadataEntries<'a> {
    /// `filter_metadata: { jwt_guard: … }`, a serialized `Struct`.
    pub own: Option<&'a [u8]>,
    /// The text of the annotation of Envoy Gateway's object.
    pub annotation: Option<&'a [u8]>,
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
    /// The annotation is not a text. Envoy Gateway writes only texts.
    #[error("route metadata {ENVOY_GATEWAY}: the annotation {ANNOTATION} is not a text")]
    AnnotationIsNoText,
    /// Several resources have the annotation. Envoy Gateway writes one resource.
    #[error(
        "route metadata {ENVOY_GATEWAY}: several resources have the annotation {ANNOTATION}; only one can have it"
    )]
    SeveralAnnotations,
}

impl From<Malformed> for MetadataError {
    fn from(_: Malformed) -> Self {
        Self::Undecodable
    }
}

/// The text that the policy of a request keeps for the log.
impl From<MetadataError> for Rc<str> {
    fn from(error: MetadataError) -> Self {
        error.to_string().into()
    }
}

impl<'a> MetadataEntries<'a> {
    /// Finds the entries in a serialized `envoy.config.core.v3.Metadata`, except those that the configuration ignores.
    ///
    /// # Errors
    /// The message is malformed, or an entry is in a place or of a type that the filter does not read.
    pub fn find(
        metadata: &'a [u8],
        route_metadata: RouteMetadata,
        annotations: EnvoyGatewayAnnotations,
    ) -> Result<Self, MetadataError> {
        const FILTER_METADATA: u64 = 1;
        const TYPED_FILTER_METADATA: u64 = 2;
        let reads_own = route_metadata != RouteMetadata::Ignore;
        let (mut own, mut gateway, mut fields) = (None, None, Fields::of(metadata));
        while let Some((number, field)) = fields.read_next()? {
            let (name, value) = pair(field)?;
            match number {
                FILTER_METADATA if name == NAMESPACE.as_bytes() => own = Some(value),
                FILTER_METADATA if name == ENVOY_GATEWAY.as_bytes() => gateway = Some(value),
                TYPED_FILTER_METADATA if name == NAMESPACE.as_bytes() && reads_own => {
                    return Err(MetadataError::Typed);
                }
                _ => {}
            }
        }
        let gateway = gateway.filter(|_| annotations != EnvoyGatewayAnnotations::Ignore);
        Ok(Self { own: own.filter(|_| reads_own), annotation: annotation(gateway.unwrap_or_default())? })
    }
}

/// `resources[0].annotations.jwt-guard` in the metadata of Envoy Gateway, a serialized `Struct`.
fn annotation(gateway: &[u8]) -> Result<Option<&[u8]>, MetadataError> {
    // The fields of `google.protobuf.Struct`, `Value` and `ListValue`.
    const FIELDS: u64 = 1;
    const STRING_VALUE: u64 = 3;
    const STRUCT_VALUE: u64 = 5;
    const LIST_VALUE: u64 = 6;
    const VALUES: u64 = 1;
    let resources = entry(gateway, FIELDS, b"resources")?.unwrap_or_default();
    let mut found = None;
    let mut resources = Fields::of(only(resources, LIST_VALUE)?.unwrap_or_default());
    while let Some((number, resource)) = resources.read_next()? {
        if number != VALUES {
            continue;
        }
        let resource = only(resource, STRUCT_VALUE)?.unwrap_or_default();
        let annotations = entry(resource, FIELDS, b"annotations")?.unwrap_or_default();
        let annotations = only(annotations, STRUCT_VALUE)?.unwrap_or_default();
        if let Some(value) = entry(annotations, FIELDS, ANNOTATION.as_bytes())? {
            let text = only(value, STRING_VALUE)?.ok_or(MetadataError::AnnotationIsNoText)?;
            if found.replace(text).is_some() {
                return Err(MetadataError::SeveralAnnotations);
            }
        }
    }
    Ok(found)
}

/// The requirement in the filter's own entry, a serialized `Struct`.
///
/// # Errors
/// The entry is not a valid requirement.
pub fn requirement(own: &[u8], names: &DefinedNames) -> Result<Requirement, MetadataError> {
    let json = struct_to_json(own).ok_or(MetadataError::NotJson)?;
    let mut errors = Errors::new();
    match read(&ConfigNode::root(&json), names, EmptyRequirement::Refused, &mut errors) {
        Some(requirement) if errors.is_empty() => Ok(requirement),
        _ => Err(MetadataError::Requirement(errors)),
    }
}
