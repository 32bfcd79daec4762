//! `route_metadata`: how a requirement in Envoy's route metadata is combined with `routes`.

use super::keys::configuration::ROUTE_METADATA;
use super::reader::{ConfigObject, Errors};

/// How a requirement in Envoy's route metadata is combined with `routes`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RouteMetadata {
    /// The requirement in metadata replaces the one from `routes`.
    Override,
    /// Both must be met.
    Narrow,
    /// Metadata is not read.
    Ignore,
}

impl RouteMetadata {
    /// In the order of the key's values.
    const ALL: [Self; 3] = [Self::Override, Self::Narrow, Self::Ignore];

    pub(super) fn read(object: &mut ConfigObject<'_>, errors: &mut Errors) -> Self {
        let text = object.choice(&ROUTE_METADATA, errors);
        let named = ROUTE_METADATA.values.iter().zip(Self::ALL).find(|(name, _)| **name == text);
        named.map_or(Self::Override, |(_, value)| value)
    }
}
