//! A configuration and keys against which requests are simulated.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use super::published_keys::PublishedKeys;
use super::test_request::TestRequest;
use crate::inspect::tree::Tree;
use jwt_guard::config::reader::{ConfigNode, Errors};
use jwt_guard::config::requirement::{EmptyRequirement, requirement_without_parameters};
use jwt_guard::config::{Config, EnvoyGatewayAnnotations, KeyOrigin, annotations};
use jwt_guard::issuer_index::IssuerIndex;
use jwt_guard::jose::algorithm::Algorithm;
use jwt_guard::jose::json::Json;
use jwt_guard::jose::jwks::KeySet;
use jwt_guard::jose::token::UnverifiedToken;
use jwt_guard::keys::RefreshReason;
use jwt_guard::request::{Annotations, KeyLookup, KeySource, Metadata, RevocationSource};
use jwt_guard::revocation::{HashKey, RevocationList};
use jwt_guard::route::Entry;
use jwt_guard::time::UnixTime;
use jwt_guard_testkit::mint::SigningKey;

/// A configuration, its tree, the keys of its issuers, and the current time.
#[derive(Debug)]
pub struct Simulator<'c> {
    pub(super) config: &'c Config,
    pub(super) tree: &'c Tree,
    keys: Vec<Option<Rc<KeySet>>>,
    /// The same keys as the issuers publish them.
    published: Vec<PublishedKeys>,
    /// The temporary keys, by issuer and algorithm.
    pub(super) temporary_keys: RefCell<BTreeMap<(usize, &'static str), SigningKey>>,
    /// The time of the request.
    pub now: UnixTime,
}

/// The keys of one simulation.
pub(super) struct SimulatedKeys(Vec<Option<Rc<KeySet>>>);

impl SimulatedKeys {
    /// Replaces the keys of an issuer.
    pub(super) fn replace(&mut self, issuer: usize, keys: Rc<KeySet>) {
        if let Some(slot) = self.0.get_mut(issuer) {
            *slot = Some(keys);
        }
    }
}

impl KeySource for SimulatedKeys {
    fn current(&self, issuer: IssuerIndex) -> Option<Rc<KeySet>> {
        self.0.get(issuer.0).cloned().flatten()
    }

    fn sync_and_look_up(&self, _: IssuerIndex, _: RefreshReason) -> KeyLookup {
        KeyLookup::Unavailable { retry_after: Duration::ZERO }
    }
}

/// The revocation lists are not consulted: a simulation fetches nothing.
impl RevocationSource for SimulatedKeys {
    fn current_list(&self, _: IssuerIndex) -> Option<Rc<RevocationList>> {
        RevocationList::parse(b"[]", HashKey::from_bits([0, 0])).ok().map(Rc::new)
    }

    fn sync_and_look_up_list(&self, _: IssuerIndex) -> KeyLookup<RevocationList> {
        KeyLookup::Unavailable { retry_after: Duration::ZERO }
    }

    fn list_fetch_failed(&self, _: IssuerIndex) -> bool {
        false
    }
}

impl<'c> Simulator<'c> {
    /// Creates a simulator with the inline keys of the configuration.
    pub fn new(config: &'c Config, tree: &'c Tree, now: UnixTime) -> Self {
        let inline = |origin: &KeyOrigin| match origin {
            KeyOrigin::Inline(keys) => Some(Rc::clone(keys)),
            KeyOrigin::Fetched { .. } => None,
        };
        let keys = config.issuers.iter().map(|issuer| inline(&issuer.keys)).collect();
        let published = (0..config.issuers.len()).map(|issuer| PublishedKeys::inline(tree, issuer)).collect();
        Self { config, tree, keys, published, temporary_keys: RefCell::default(), now }
    }

    /// Uses a JWKS for every issuer without inline keys.
    ///
    /// # Errors
    /// A sentence that says why the text is not a JWKS.
    pub fn add_keys(&mut self, jwks: &str) -> Result<(), String> {
        let parsed = KeySet::parse(jwks.as_bytes()).map_err(|error| error.to_string())?;
        let keys = Rc::new(parsed.keys);
        let published = PublishedKeys::parse(jwks);
        let slots = self.keys.iter_mut().zip(&mut self.published);
        for (slot, published_slot) in slots.filter(|(slot, _)| slot.is_none()) {
            *slot = Some(Rc::clone(&keys));
            published_slot.clone_from(&published);
        }
        Ok(())
    }

    /// Returns the name of the token's issuer, if the issuer is configured but its keys are missing.
    pub fn lacks_keys_for(&self, token: &str) -> Option<&str> {
        let token = UnverifiedToken::parse(token.as_bytes(), self.config.max_token_bytes).ok()?;
        let iss = token.unverified_issuer()?;
        let (index, issuer) = self.config.issuer_of(iss)?;
        let lacking = self.keys.get(index.0).is_none_or(Option::is_none);
        lacking.then_some(issuer.name.as_str())
    }

    /// The keys of an issuer that fit the `kid` and the algorithm of a token, each as the text of a JWK.
    pub(super) fn fitting_keys(
        &self,
        issuer: usize,
        kid: Option<&str>,
        algorithm: Algorithm,
    ) -> impl Iterator<Item = &str> {
        self.published.get(issuer).into_iter().flat_map(move |keys| keys.fitting(kid, algorithm))
    }

    /// The names of the routes, in the order of the configuration.
    pub fn route_names(&self) -> Vec<String> {
        (0..self.config.routes.entries().len()).map(|index| self.route_name(index)).collect()
    }

    pub(super) fn route_name(&self, index: usize) -> String {
        match self.config.routes.entries().get(index) {
            Some(Entry { route, template, rule, .. }) => match &rule.name {
                Some(name) => format!("{name} ({template})"),
                None => format!("routes[{route}] ({template})"),
            },
            None => format!("entry {index} of the route table"),
        }
    }

    /// The requirements in annotations. As in the filter, one that is not valid denies.
    pub(super) fn annotations(&self, request: &TestRequest) -> Annotations {
        if self.config.envoy_gateway_annotations == EnvoyGatewayAnnotations::Ignore {
            return Annotations::default();
        }
        let read = |text: &Option<String>| match text {
            None => Metadata::Absent,
            Some(text) => match annotations::requirement(text.as_bytes(), &self.config.names) {
                Ok(requirement) => Metadata::Requirement(Rc::new(requirement)),
                Err(error) => Metadata::Bad(error.into()),
            },
        };
        Annotations { route: read(&request.route_annotation), gateway: read(&request.gateway_annotation) }
    }

    pub(super) fn metadata(&self, request: &TestRequest) -> Result<Metadata, String> {
        let Some(text) = &request.route_metadata else { return Ok(Metadata::Absent) };
        let json = Json::parse(text.as_bytes())
            .map_err(|error| format!("the route metadata is not valid JSON: {error}"))?;
        let mut errors = Errors::new();
        match requirement_without_parameters(
            &ConfigNode::root(&json),
            &self.config.names,
            EmptyRequirement::Refused,
            &mut errors,
        ) {
            Some(requirement) if errors.is_empty() => Ok(Metadata::Requirement(Rc::new(requirement))),
            _ => {
                let problems: Vec<_> = errors.iter().map(ToString::to_string).collect();
                Ok(Metadata::Bad(problems.join("; ").into()))
            }
        }
    }

    /// A copy of the keys, for one simulation.
    pub(super) fn keys(&self) -> SimulatedKeys {
        SimulatedKeys(self.keys.clone())
    }
}
