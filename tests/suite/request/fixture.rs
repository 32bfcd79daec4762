//! A configuration, a key that its issuer publishes, and requests in which tests change one thing.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use jwt_guard::config::Config;
use jwt_guard::config::reader::{ConfigNode, Errors};
use jwt_guard::config::requirement::{EmptyRequirement, requirement};
use jwt_guard::confirmation::Connection;
use jwt_guard::denial::{Denial, Reason};
use jwt_guard::headers::HeaderEdits;
use jwt_guard::http::HeaderMap;
use jwt_guard::issuer_index::IssuerIndex;
use jwt_guard::jose::algorithm::WasmVerifier;
use jwt_guard::jose::json::Json;
use jwt_guard::jose::jwks::KeySet;
use jwt_guard::keys::parked::Awaited;
use jwt_guard::keys::{DocumentKind, RefreshReason};
use jwt_guard::policy::Identity;
use jwt_guard::request::{
    self, Annotations, AuthContext, CachedToken, Decision, KeyLookup, KeySource, Metadata, Request, RuleName,
    Step, Wait,
};
use jwt_guard::resource_metadata::MetadataDocument;
use jwt_guard::route::VariantClass;
use jwt_guard::time::UnixTime;
use jwt_guard::token_cache::TokenCache;
use jwt_guard_testkit::mint::{AUDIENCE, Algorithm, ISSUER, SigningKey, Token, key_set, shared_key};
use serde_json::{Value, json};

use super::lists::{List, NO_LIST};

/// The time of all requests.
pub const NOW: UnixTime = UnixTime::from_secs(1_700_000_000);

/// The key that the issuer publishes: ES256 with the kid `first`.
pub fn key() -> &'static SigningKey {
    shared_key(Algorithm::Es256, "first")
}

/// A key that the issuer does not publish.
pub fn other_key() -> &'static SigningKey {
    shared_key(Algorithm::Es256, "second")
}

pub fn published<'a>(keys: impl IntoIterator<Item = &'a SigningKey>) -> Rc<KeySet> {
    Rc::new(KeySet::parse(key_set(keys).to_string().as_bytes()).unwrap().keys)
}

pub fn token() -> Token {
    Token::new(NOW)
}

pub fn good() -> String {
    token().sign(key()).unwrap()
}

pub fn expired() -> String {
    token().expired_for(Duration::from_secs(600)).sign(key()).unwrap()
}

/// A configuration with one issuer whose keys are fetched, and the given members.
pub fn config(members: Value) -> Config {
    let mut plugin = json!({
        "issuer": ISSUER, "audience": AUDIENCE, "jwks_cluster": "issuer", "accepted_algorithms": "ES256",
    });
    let Value::Object(members) = members else { panic!("not an object: {members}") };
    plugin.as_object_mut().unwrap().extend(members);
    Config::parse(plugin.to_string().as_bytes()).unwrap_or_else(|errors| panic!("{errors:?}"))
}

/// Route metadata with that requirement.
pub fn metadata(config: &Config, says: Value) -> Metadata {
    let json = Json::parse(says.to_string().as_bytes()).unwrap();
    let mut errors = Errors::new();
    let read = requirement(&ConfigNode::root(&json), &config.names, EmptyRequirement::Refused, &mut errors);
    Metadata::Requirement(Rc::new(read.unwrap_or_else(|| panic!("{errors:?}"))))
}

/// No fetch is pending or allowed.
pub const UNAVAILABLE: KeyLookup = KeyLookup::Unavailable { retry_after: Duration::from_millis(6500) };

/// A key source with configured results. It records the lookups.
pub struct Keys {
    pub current: Option<Rc<KeySet>>,
    /// The result of the first `sync_and_look_up`. After newer keys, the next results are [`UNAVAILABLE`].
    pub lookup: KeyLookup,
    /// The result from the second `sync_and_look_up` on, if it differs.
    pub later: Option<KeyLookup>,
    /// The age of the keys.
    pub age: Option<Duration>,
    pub lookups: RefCell<Vec<RefreshReason>>,
    /// The revocation list of every issuer.
    pub list: List,
}

impl Keys {
    /// The published key, without a pending fetch.
    pub fn available() -> Self {
        let current = Some(published([key()]));
        Self {
            current,
            lookup: UNAVAILABLE,
            later: None,
            age: None,
            lookups: RefCell::default(),
            list: NO_LIST,
        }
    }

    /// No keys so far, with that result of `sync_and_look_up`.
    pub fn none(lookup: KeyLookup) -> Self {
        Self { current: None, lookup, later: None, age: None, lookups: RefCell::default(), list: NO_LIST }
    }
}

impl Keys {
    /// A key source with the same results.
    fn copy(&self) -> Self {
        Self {
            current: self.current.clone(),
            lookup: self.lookup.clone(),
            later: self.later.clone(),
            age: self.age,
            lookups: self.lookups.clone(),
            list: self.list.clone(),
        }
    }
}

impl KeySource for Keys {
    fn current(&self, _: IssuerIndex) -> Option<Rc<KeySet>> {
        self.current.clone()
    }

    fn age(&self, _: IssuerIndex) -> Option<Duration> {
        self.age
    }

    fn sync_and_look_up(&self, _: IssuerIndex, reason: RefreshReason) -> KeyLookup {
        let mut lookups = self.lookups.borrow_mut();
        lookups.push(reason);
        match (&self.lookup, &self.later) {
            (_, Some(later)) if lookups.len() > 1 => later.clone(),
            (KeyLookup::Updated(_), None) if lookups.len() > 1 => UNAVAILABLE,
            (lookup, _) => lookup.clone(),
        }
    }
}

/// A decision that no longer borrows its request.
pub enum Outcome {
    Forward(Forward),
    Deny(Denied),
    Serve(MetadataDocument),
    Await(Awaited),
}

/// A forwarded request.
pub struct Forward {
    pub edits: HeaderEdits,
    pub identity: Option<Rc<Identity>>,
    pub other_issuers: Vec<IssuerIndex>,
    pub would_deny: Vec<Recorded>,
    pub rules: Vec<RuleName>,
}

/// A denied request.
pub struct Denied {
    pub denial: Denial,
    pub record: Recorded,
}

/// All public data of a denial.
#[derive(Debug)]
pub struct Recorded {
    pub reason: Reason,
    pub detail: String,
    pub rule: Option<RuleName>,
    pub variant: Option<String>,
    pub variant_classes: Vec<VariantClass>,
    line: String,
}

impl std::fmt::Display for Recorded {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.line)
    }
}

impl From<request::DenialRecord<'_>> for Recorded {
    fn from(record: request::DenialRecord<'_>) -> Self {
        Self {
            reason: record.reason,
            detail: record.detail.to_string(),
            rule: record.rule().cloned(),
            variant: record.variant(),
            variant_classes: record.variant_classes().to_vec(),
            line: record.to_string(),
        }
    }
}

impl From<Decision<'_>> for Outcome {
    fn from(decision: Decision<'_>) -> Self {
        let would_deny: Vec<Recorded> = decision.would_deny().map(Recorded::from).collect();
        let refusal = decision.refusal().map(Recorded::from);
        let rules = decision.rules().collect();
        assert!(would_deny.is_empty() || matches!(decision.step, Step::Forward(_)));
        match decision.step {
            Step::Forward(request::Forward { edits, identity, other_issuers }) => {
                Self::Forward(Forward { edits, identity, other_issuers, would_deny, rules })
            }
            Step::Deny(denial) => Self::Deny(Denied { denial, record: refusal.unwrap() }),
            Step::Serve(document) => Self::Serve(document),
            Step::Await(awaited) => Self::Await(awaited),
        }
    }
}

/// A request to decide.
pub struct TestRequest {
    headers: HeaderMap,
    metadata: Metadata,
    annotations: Annotations,
    certificate: Option<String>,
}

impl Connection for TestRequest {
    fn certificate_digest(&self) -> Option<Vec<u8>> {
        self.certificate.as_ref().map(|digest| digest.as_bytes().to_vec())
    }
}

pub fn new_request(method: &str, path: &str) -> TestRequest {
    let headers = [(":authority", "api.example"), (":method", method), (":path", path)];
    TestRequest {
        headers: headers.into_iter().collect(),
        metadata: Metadata::Absent,
        annotations: Annotations::default(),
        certificate: None,
    }
}

pub fn get(path: &str) -> TestRequest {
    new_request("GET", path)
}

impl TestRequest {
    pub fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.headers.append(name, value.as_ref());
        self
    }

    pub fn without(mut self, name: &str) -> Self {
        self.headers.remove(name);
        self
    }

    pub fn host(self, host: &str) -> Self {
        self.without(":authority").header(":authority", host)
    }

    pub fn bearer(self, token: &str) -> Self {
        self.header("authorization", format!("Bearer {token}"))
    }

    /// Sets the digest of the client's certificate, in hexadecimal.
    pub fn certificate(mut self, digest: &str) -> Self {
        self.certificate = Some(digest.to_owned());
        self
    }

    /// The path, for messages.
    pub fn path(&self) -> String {
        self.headers.get(":path").unwrap_or_default().escape_ascii().to_string()
    }

    pub fn metadata(mut self, metadata: Metadata) -> Self {
        self.metadata = metadata;
        self
    }

    /// Sets the annotation of the HTTPRoute.
    pub fn annotation(mut self, annotation: Metadata) -> Self {
        self.annotations.route = annotation;
        self
    }

    /// Sets the annotation of the Gateway.
    pub fn gateway_annotation(mut self, annotation: Metadata) -> Self {
        self.annotations.gateway = annotation;
        self
    }

    /// The decision without a token cache. Asserts that the decision is the same with a cache of one or many entries,
    /// for a new token and for a cached token.
    pub fn step(&self, config: &Config, keys: &Keys, wait: Wait) -> Outcome {
        let cached: Vec<Vec<Outcome>> = [1, 1024]
            .map(|entries| {
                let cache = TokenCache::new(entries);
                (0..2).map(|_| self.decide(config, &keys.copy(), &cache, NOW, wait)).collect()
            })
            .into();
        let step = self.decide(config, keys, &TokenCache::new(0), NOW, wait);
        for (position, other) in cached.iter().flatten().enumerate() {
            assert_eq!(self.effects(other), self.effects(&step), "with a cache, decision {position}");
        }
        step
    }

    pub fn decide(
        &self,
        config: &Config,
        keys: &Keys,
        cache: &TokenCache<CachedToken>,
        now: UnixTime,
        wait: Wait,
    ) -> Outcome {
        let (metadata, annotations) = (self.metadata.clone(), self.annotations.clone());
        let request = Request { headers: &self.headers, metadata, annotations };
        let with = AuthContext {
            connection: self,
            revocations: keys,
            ..AuthContext::new(config, keys, &WasmVerifier, cache, now, wait)
        };
        request::decide(&with, &request).into()
    }

    /// All effects of a decision as text.
    fn effects(&self, step: &Outcome) -> String {
        let details = match step {
            Outcome::Forward(forward) => {
                format!("{:?} {:?} {:?}", self.upstream(forward), forward.would_deny, forward.rules)
            }
            Outcome::Deny(Denied { denial, record }) => {
                format!("{:?} {} {record}", denial.headers, denial.body.escape_ascii())
            }
            Outcome::Serve(document) => format!("{:?} {}", document.headers, document.body.escape_ascii()),
            Outcome::Await(Awaited { document, .. }) => format!("{document:?}"),
        };
        format!("{}: {details}", describe(step))
    }

    /// The decision with available keys.
    pub fn decide_with_keys(&self, config: &Config) -> Outcome {
        self.step(config, &Keys::available(), Wait::Allowed)
    }

    pub fn has(&self, name: &str) -> bool {
        self.headers.contains(name)
    }

    /// The request's headers as the upstream receives them.
    pub fn upstream(&self, forward: &Forward) -> Vec<(String, String)> {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let after = forward.edits.apply(&self.headers);
        after.into_iter().map(|(name, value)| (name.to_owned(), text(value))).collect()
    }
}

pub fn forwarded(step: Outcome) -> Forward {
    match step {
        Outcome::Forward(forward) => forward,
        other => panic!("not forwarded: {}", describe(&other)),
    }
}

pub fn denied(step: Outcome) -> Denied {
    match step {
        Outcome::Deny(refused) => refused,
        other => panic!("not denied: {}", describe(&other)),
    }
}

/// A decision as short text: `anonymous`, `user-1`, `401 missing_token`, `wait for first keys`, followed by the denials
/// of report-only mode and shadow requirements.
pub fn describe(step: &Outcome) -> String {
    match step {
        Outcome::Forward(forward) => {
            let subject = |claims: &Json| claims.member("sub").and_then(Json::as_str).map(str::to_owned);
            let identity =
                forward.identity.as_ref().map(|identity| subject(identity.claims().claims()).unwrap());
            let mut text = identity.unwrap_or_else(|| "anonymous".to_owned());
            for record in &forward.would_deny {
                text.push_str(&format!(", would deny {}", record.reason));
            }
            text
        }
        Outcome::Deny(refused) => format!("{} {}", refused.denial.status, refused.record.reason),
        Outcome::Serve(_) => "document".to_owned(),
        Outcome::Await(Awaited { document, reason }) => match (document.kind, reason) {
            (DocumentKind::Keys, RefreshReason::Scheduled) => "wait for first keys".to_owned(),
            (DocumentKind::Keys, RefreshReason::UnknownKid) => "wait for a kid".to_owned(),
            (DocumentKind::RevocationList, _) => "wait for the first list".to_owned(),
        },
    }
}
