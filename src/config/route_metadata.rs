//! `route_metadata`: how metadata and `routes` go together.

use super::keys::configuration::ROUTE_METADATA;
use super::reader::{ConfigObject, Errors};

/// How metadata and `routes` go together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RouteMetadata {
    /// Metadata replaces what `routes` say.
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
