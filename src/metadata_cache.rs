//! A cache of the requirements in route metadata: each distinct value is decoded once.

mod requirement_cache;

use std::rc::Rc;

use crate::config::{
    Config, EnvoyGatewayAnnotations, MAX_ANNOTATION_BYTES, RouteMetadata, annotations, compared_headers_of,
    metadata,
};
use crate::headers::CredentialHeaders;
use crate::policy::Requirement;
use crate::request::{Annotations, Metadata};
use metadata::MetadataEntries;
use requirement_cache::RequirementCache;

const WITHHELD: &str = "the host withholds the route's metadata; check that it allows the module to call \
                        proxy_get_property, or set route_metadata and envoy_gateway_annotations to ignore";

/// The object that the metadata belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MetadataScope {
    /// The route that the host selected.
    Route,
    /// That route's virtual host.
    VirtualHost,
}

/// The cache of decoded values.
///
/// The filter reads the whole metadata of an object in one call, and finds its two entries in the bytes. Reading an
/// annotation by its own property path would be one more call; and the host answers it for an empty annotation as for
/// an absent one (`docs/host-facts.md`), so that an empty annotation would not deny.
#[derive(Debug, Default)]
pub struct MetadataCache {
    own: RequirementCache,
    annotations: RequirementCache,
    /// The whole metadata of objects in which the entries cannot be found.
    unreadable: RequirementCache,
    has_warned: bool,
    /// The headers that a requirement in metadata compares with a claim.
    compared_headers: CredentialHeaders,
}

/// The requirements in the metadata of one object.
#[derive(Debug, Default)]
struct OfOneObject {
    own: Metadata,
    annotation: Metadata,
}

impl OfOneObject {
    /// Neither of the two is known, so that both deny.
    fn bad(problem: Metadata) -> Self {
        Self { own: problem.clone(), annotation: problem }
    }
}

impl MetadataCache {
    /// The requirement of the route or, if it has none, of its virtual host; and the annotations of both. `read` gets
    /// the serialized metadata from the host: empty if there is none, `None` if the host withholds it. `warn` is called
    /// once for each problem.
    pub fn requirements(
        &mut self,
        config: &Config,
        read: impl Fn(MetadataScope) -> Option<Vec<u8>>,
        warn: impl Fn(&str),
    ) -> (Metadata, Annotations) {
        let reads_own = config.route_metadata != RouteMetadata::Ignore;
        let reads_annotations = config.envoy_gateway_annotations != EnvoyGatewayAnnotations::Ignore;
        if !config.enabled || !reads_own && !reads_annotations {
            return (Metadata::Absent, Annotations::default());
        }
        let route = self.decode(read(MetadataScope::Route), config, config.route_metadata, &warn);
        let annotation = route.annotation;
        let (own, gateway) = match route.own {
            Metadata::Absent => {
                let host =
                    self.decode(read(MetadataScope::VirtualHost), config, config.route_metadata, &warn);
                (host.own, host.annotation)
            }
            own if reads_annotations => {
                let host =
                    self.decode(read(MetadataScope::VirtualHost), config, RouteMetadata::Ignore, &warn);
                (own, host.annotation)
            }
            own => (own, Metadata::Absent),
        };
        (own, Annotations { route: annotation, gateway })
    }

    /// Whether a header may be one that a requirement in metadata compares with a claim. The set only grows: operators
    /// write metadata, clients do not.
    pub fn compares(&self, name: &str) -> bool {
        self.compared_headers.may_be(name)
    }

    fn decode(
        &mut self,
        bytes: Option<Vec<u8>>,
        config: &Config,
        route_metadata: RouteMetadata,
        warn: &dyn Fn(&str),
    ) -> OfOneObject {
        let Some(bytes) = bytes else {
            // The request is denied, because its requirement is unknown.
            if !std::mem::replace(&mut self.has_warned, true) {
                warn(&format!("requests are denied: {WITHHELD}"));
            }
            return OfOneObject::bad(Metadata::Bad(WITHHELD.into()));
        };
        if bytes.is_empty() {
            return OfOneObject::default();
        }
        match MetadataEntries::find(&bytes, route_metadata, config.envoy_gateway_annotations) {
            Ok(entries) => OfOneObject {
                own: entries.own.map(|own| self.own(own, config, warn)).unwrap_or_default(),
                annotation: entries
                    .annotation
                    .map(|text| self.annotation(text, config, warn))
                    .unwrap_or_default(),
            },
            Err(error) => OfOneObject::bad(self.unreadable.get(&bytes).unwrap_or_else(|| {
                let bad = self.decoded(Err(error.into()), warn);
                self.unreadable.insert(&bytes, bad.clone());
                bad
            })),
        }
    }

    fn own(&mut self, own: &[u8], config: &Config, warn: &dyn Fn(&str)) -> Metadata {
        if let Some(known) = self.own.get(own) {
            return known;
        }
        let read = metadata::requirement(own, &config.names).map_err(Into::into);
        let decoded = self.decoded(read, warn);
        self.own.insert(own, decoded.clone());
        decoded
    }

    fn annotation(&mut self, text: &[u8], config: &Config, warn: &dyn Fn(&str)) -> Metadata {
        // One byte beyond the limit suffices to know a text that is too long.
        let text = text.get(..=MAX_ANNOTATION_BYTES).unwrap_or(text);
        if let Some(known) = self.annotations.get(text) {
            return known;
        }
        let read = annotations::requirement(text, &config.names).map_err(Into::into);
        let decoded = self.decoded(read, warn);
        self.annotations.insert(text, decoded.clone());
        decoded
    }

    fn decoded(&mut self, read: Result<Requirement, Rc<str>>, warn: &dyn Fn(&str)) -> Metadata {
        match read {
            Ok(requirement) => {
                self.compared_headers.extend(compared_headers_of(&requirement));
                Metadata::Requirement(Rc::new(requirement))
            }
            Err(problem) => {
                // Warn once per value, because the log limiter may suppress the lines about denials.
                warn(&format!("requests to a route are denied: {problem}"));
                Metadata::Bad(problem)
            }
        }
    }
}

#[cfg(test)]
mod tests;
