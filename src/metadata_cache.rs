//! The requirement in the metadata of the route that Envoy chose, decoded once for each distinct value.

use std::collections::HashMap;
use std::rc::Rc;

use crate::config::{Config, RouteMetadata, metadata};
use crate::flow::Metadata;

/// Distinct values that are kept; a proxy with more routes that carry metadata decodes again.
const MAX_VALUES: usize = 256;

const WITHHELD: &str = "the host does not tell the route's metadata (is proxy_get_property restricted?)";

/// Whose metadata.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MetadataScope {
    /// The route that the host chose.
    Route,
    /// That route's virtual host.
    VirtualHost,
}

/// What was decoded before.
#[derive(Debug, Default)]
pub struct MetadataCache {
    decoded: HashMap<Vec<u8>, Metadata>,
    has_warned: bool,
}

impl MetadataCache {
    /// The route's requirement or, where it has none, its virtual host's. `read` gets the serialised metadata from the
    /// host: empty where there is none, `None` where the host withholds it. `warn` takes a problem, once for each.
    pub fn requirement(
        &mut self,
        config: &Config,
        read: impl Fn(MetadataScope) -> Option<Vec<u8>>,
        warn: impl Fn(&str),
    ) -> Metadata {
        if !config.enabled || config.route_metadata == RouteMetadata::Ignore {
            return Metadata::Absent;
        }
        match self.decode(read(MetadataScope::Route), config, &warn) {
            Metadata::Absent => self.decode(read(MetadataScope::VirtualHost), config, &warn),
            found => found,
        }
    }

    fn decode(&mut self, bytes: Option<Vec<u8>>, config: &Config, warn: &impl Fn(&str)) -> Metadata {
        let Some(bytes) = bytes else {
            // Whether there is a requirement is not known, and to go on would be to take it for weaker than it is.
            if !std::mem::replace(&mut self.has_warned, true) {
                warn(&format!("requests are refused: {WITHHELD}"));
            }
            return Metadata::Bad(WITHHELD.into());
        };
        if bytes.is_empty() {
            return Metadata::Absent;
        }
        if let Some(metadata) = self.decoded.get(&bytes) {
            return metadata.clone();
        }
        let metadata = match metadata::requirement(&bytes, &config.vocabulary) {
            Ok(None) => Metadata::Absent,
            Ok(Some(requirement)) => Metadata::Requirement(Rc::new(requirement)),
            Err(problem) => {
                // Once for each value: the line of a refusal may be one too many in its second.
                warn(&format!("requests of a route are refused: {problem}"));
                Metadata::Bad(problem.into())
            }
        };
        if self.decoded.len() >= MAX_VALUES {
            self.decoded.clear();
        }
        self.decoded.insert(bytes, metadata.clone());
        metadata
    }
}
