//! The requirement in the metadata of the route that Envoy chose, decoded once for each distinct value.

use std::collections::HashMap;
use std::rc::Rc;

use log::warn;

use super::host::{self, HostError};
use jwt_guard::config::{Config, RouteMetadata, metadata};
use jwt_guard::flow::Metadata;

/// Distinct values that are remembered; a proxy with more routes that carry metadata decodes again.
const REMEMBERED: usize = 256;

/// What was decoded before.
#[derive(Default)]
pub struct MetadataCache {
    seen: HashMap<Vec<u8>, Metadata>,
    /// Whether the log has been told that the host tells nothing.
    told: bool,
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

    fn decoded(&mut self, bytes: Result<Vec<u8>, HostError>, config: &Config) -> Metadata {
        let Ok(bytes) = bytes else {
            // Whether there is a requirement is not known, and to go on would be to take it for weaker than it is.
            let problem = "the host does not tell the route's metadata (is proxy_get_property restricted?)";
            if !std::mem::replace(&mut self.told, true) {
                warn!("jwt_guard: requests are refused: {problem}");
            }
            return Metadata::Bad(problem.into());
        };
        if bytes.is_empty() {
            return Metadata::Absent;
        }
        if let Some(metadata) = self.seen.get(&bytes) {
            return metadata.clone();
        }
        let metadata = match metadata::requirement(&bytes, &config.vocabulary) {
            Ok(None) => Metadata::Absent,
            Ok(Some(requirement)) => Metadata::Requirement(Rc::new(requirement)),
            Err(problem) => {
                // Once for each value: the line of a refusal may be one too many in its second.
                warn!("jwt_guard: requests of a route are refused: {problem}");
                Metadata::Bad(problem.into())
            }
        };
        if self.seen.len() >= REMEMBERED {
            self.seen.clear();
        }
        self.seen.insert(bytes, metadata.clone());
        metadata
    }
}
