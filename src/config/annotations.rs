//! A requirement in the annotation `gateway.envoyproxy.io/jwt-guard` of an HTTPRoute, a GRPCRoute or a Gateway.
//!
//! Envoy Gateway writes the annotation into the metadata of the Envoy route or virtual host, where
//! [`super::metadata`] finds it.

use std::rc::Rc;

use super::error::sentences;
use super::keys::configuration::ENVOY_GATEWAY_ANNOTATIONS;
use super::reader::{ConfigNode, ConfigObject, Errors};
use super::requirement::{DefinedNames, EmptyRequirement, requirement_without_parameters as read};
use crate::jose::json::{Json, JsonError};
use crate::policy::Requirement;

/// The name of the annotation in Kubernetes.
pub const ANNOTATION: &str = "gateway.envoyproxy.io/jwt-guard";

/// The longest annotation that is parsed.
pub const MAX_ANNOTATION_BYTES: usize = 16 * 1024;

/// How a requirement in an annotation is combined with `routes`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EnvoyGatewayAnnotations {
    /// Both must be met.
    Narrow,
    /// The requirement in the annotation replaces the one from `routes`.
    Override,
    /// Annotations are not read.
    Ignore,
}

/// Why an annotation gives no requirement. Every request of the route is then denied.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AnnotationError {
    /// The annotation is longer than [`MAX_ANNOTATION_BYTES`].
    #[error(
        "annotation {ANNOTATION}: it has more than {MAX_ANNOTATION_BYTES} bytes; define a named policy, and write \
         {{\"policy\":\"NAME\"}}"
    )]
    TooLong,
    /// The text is not JSON.
    #[error(
        "annotation {ANNOTATION}: expected a requirement as JSON, such as {{\"requires_role\":\"admin\"}}; {0}"
    )]
    NotJson(JsonError),
    /// The mistakes of the requirement.
    #[error("annotation {ANNOTATION}: {}", sentences(.0))]
    Requirement(Errors),
}

/// The text that the policy of a request keeps for the log.
impl From<AnnotationError> for Rc<str> {
    fn from(error: AnnotationError) -> Self {
        error.to_string().into()
    }
}

impl EnvoyGatewayAnnotations {
    /// In the order of the key's values.
    const ALL: [Self; 3] = [Self::Narrow, Self::Override, Self::Ignore];

    pub(super) fn read(object: &mut ConfigObject<'_>, errors: &mut Errors) -> Self {
        let text = object.choice(&ENVOY_GATEWAY_ANNOTATIONS, errors);
        let named = ENVOY_GATEWAY_ANNOTATIONS.values.iter().zip(Self::ALL).find(|(name, _)| **name == text);
        named.map_or(Self::Narrow, |(_, value)| value)
    }
}

/// The requirement in the text of an annotation.
///
/// # Errors
/// The text is too long, or is not a valid requirement.
pub fn requirement(text: &[u8], names: &DefinedNames) -> Result<Requirement, AnnotationError> {
    if text.len() > MAX_ANNOTATION_BYTES {
        return Err(AnnotationError::TooLong);
    }
    let json = Json::parse(text).map_err(AnnotationError::NotJson)?;
    let mut errors = Errors::new();
    match read(&ConfigNode::root(&json), names, EmptyRequirement::Refused, &mut errors) {
        Some(requirement) if errors.is_empty() => Ok(requirement),
        _ => Err(AnnotationError::Requirement(errors)),
    }
}
