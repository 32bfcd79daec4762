//! The requirement in the metadata of the route that Envoy chose, decoded once for each distinct value.

use std::collections::HashMap;
use std::rc::Rc;

use super::host;
use crate::config::{Config, RouteMetadata, metadata};
use crate::flow::Metadata;

/// Distinct values that are remembered; a proxy with more routes that carry metadata decodes again.
const REMEMBERED: usize = 256;

/// What was decoded before.
#[derive(Default)]
pub struct MetadataCache {
    seen: HashMap<Vec<u8>, Metadata>,
}

impl MetadataCache {
    /// The route's requirement or, where it has none, its virtual host's.
    pub fn of_request(&mut self, config: &Config) -> Metadata {
        if !config.enabled || config.route_metadata == RouteMetadata::Ignore {
            return Metadata::Absent;
        }
        match self.decoded(host::route_metadata(), config) {
            Metadata::Absent => self.decoded(host::virtual_host_metadata(), config),
            found => found,
        }
    }

    fn decoded(&mut self, bytes: Vec<u8>, config: &Config) -> Metadata {
        if bytes.is_empty() {
            return Metadata::Absent;
        }
        if let Some(metadata) = self.seen.get(&bytes) {
            return metadata.clone();
        }
        let metadata = match metadata::requirement(&bytes, &config.vocabulary) {
            Ok(None) => Metadata::Absent,
            Ok(Some(requirement)) => Metadata::Requirement(Rc::new(requirement)),
            Err(problem) => Metadata::Bad(problem.into()),
        };
        if self.seen.len() >= REMEMBERED {
            self.seen.clear();
        }
        self.seen.insert(bytes, metadata.clone());
        metadata
    }
}
