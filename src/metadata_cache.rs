//! A cache of the requirements in route metadata: each distinct value is decoded once.

use std::collections::HashMap;
use std::rc::Rc;

use crate::config::{Config, RouteMetadata, compared_headers_of, metadata};
use crate::headers::CredentialHeaders;
use crate::request::Metadata;

/// The number of distinct values that are cached. The cache is cleared when it is full, and values are decoded
/// again.
const MAX_VALUES: usize = 256;

const WITHHELD: &str =
    "the host withholds the route's metadata; check that it allows the module to call proxy_get_property";

/// The object that the metadata belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MetadataScope {
    /// The route that the host selected.
    Route,
    /// That route's virtual host.
    VirtualHost,
}

/// The cache of decoded values.
#[derive(Debug, Default)]
pub struct MetadataCache {
    decoded: HashMap<Vec<u8>, Metadata>,
    has_warned: bool,
    /// The headers that a requirement in metadata compares with a claim.
    compared_headers: CredentialHeaders,
}

impl MetadataCache {
    /// The requirement of the route or, if it has none, of its virtual host. `read` gets the serialized
    /// metadata from the host: empty if there is none, `None` if the host withholds it. `warn` is called once
    /// for each problem.
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

    /// Whether a header may be one that a requirement in metadata compares with a claim. The set only grows: operators
    /// write metadata, clients do not.
    pub fn compares(&self, name: &str) -> bool {
        self.compared_headers.may_be(name)
    }

    fn decode(&mut self, bytes: Option<Vec<u8>>, config: &Config, warn: &impl Fn(&str)) -> Metadata {
        let Some(bytes) = bytes else {
            // The request is denied, because its requirement is unknown.
            if !std::mem::replace(&mut self.has_warned, true) {
                warn(&format!("requests are denied: {WITHHELD}"));
            }
            return Metadata::Bad(WITHHELD.into());
        };
        if bytes.is_empty() {
            return Metadata::Absent;
        }
        if let Some(metadata) = self.decoded.get(&bytes) {
            return metadata.clone();
        }
        let metadata = match metadata::requirement(&bytes, &config.names) {
            Ok(None) => Metadata::Absent,
            Ok(Some(requirement)) => {
                self.compared_headers.extend(compared_headers_of(&requirement));
                Metadata::Requirement(Rc::new(requirement))
            }
            Err(problem) => {
                // Warn once per value, because the log limiter may suppress the lines about denials.
                warn(&format!("requests to a route are denied: {problem}"));
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

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;

    fn config(members: &str) -> Config {
        let text = format!(r#"{{"issuer":"https://a","audience":"b","jwks_cluster":"c"{members}}}"#);
        Config::parse(text.as_bytes()).unwrap()
    }

    /// A length-delimited field of a protocol buffer message.
    fn field(tag: u8, bytes: &[u8]) -> Vec<u8> {
        [&[tag << 3 | 2, u8::try_from(bytes.len()).unwrap()], bytes].concat()
    }

    /// A serialized `Metadata` whose `jwt_guard` has only this member.
    fn metadata(name: &str, value: &str) -> Vec<u8> {
        let member = [field(1, name.as_bytes()), field(2, &field(3, value.as_bytes()))].concat();
        field(1, &[field(1, b"jwt_guard"), field(2, &field(1, &member))].concat())
    }

    fn role() -> Option<Vec<u8>> {
        Some(metadata("requires_role", "admin"))
    }

    fn none() -> Option<Vec<u8>> {
        Some(Vec::new())
    }

    #[test]
    fn the_route_counts_and_then_its_virtual_host() {
        let bad = || Some(metadata("requires_rule", "admin"));
        let rows = [
            ("nothing", none(), none(), "absent", 0),
            ("on the route", role(), bad(), "a requirement", 0),
            ("on the virtual host", none(), role(), "a requirement", 0),
            ("an invalid requirement", bad(), role(), "bad", 1),
            ("withheld", None, role(), "bad", 1),
            ("withheld for the virtual host", none(), None, "bad", 1),
        ];
        for (label, route, virtual_host, expected, warnings) in rows {
            let mut cache = MetadataCache::default();
            let warned = RefCell::new(0);
            for _ in 0..3 {
                let read = |scope| match scope {
                    MetadataScope::Route => route.clone(),
                    MetadataScope::VirtualHost => virtual_host.clone(),
                };
                let found = match cache.requirement(&config(""), read, |_| *warned.borrow_mut() += 1) {
                    Metadata::Absent => "absent",
                    Metadata::Requirement(_) => "a requirement",
                    Metadata::Bad(_) => "bad",
                };
                assert_eq!(found, expected, "{label}");
            }
            assert_eq!(warned.into_inner(), warnings, "{label}: one warning for each problem");
        }
    }

    #[test]
    fn metadata_that_does_not_count_is_not_read() {
        for members in [r#","enabled":false"#, r#","route_metadata":"ignore""#] {
            let mut cache = MetadataCache::default();
            let found = cache.requirement(&config(members), |_| panic!("the metadata was read"), |_| {});
            assert!(matches!(found, Metadata::Absent), "{members}");
        }
    }

    #[test]
    fn a_value_is_decoded_once_and_a_limited_number_is_kept() {
        let (config, mut cache) = (config(""), MetadataCache::default());
        let mut ask = |role: &str| {
            let found = cache.requirement(&config, |_| Some(metadata("requires_role", role)), |_| {});
            let Metadata::Requirement(requirement) = found else { panic!("no requirement") };
            (requirement, cache.decoded.len())
        };
        assert!(Rc::ptr_eq(&ask("admin").0, &ask("admin").0));
        for index in 0..3 * MAX_VALUES {
            assert!(ask(&index.to_string()).1 <= MAX_VALUES);
        }
    }
}
