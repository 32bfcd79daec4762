//! A configuration, a key that its issuer publishes, and requests to change one thing about.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use jwt_guard::config::Config;
use jwt_guard::config::reader::{Errors, Node};
use jwt_guard::config::requirement::{Empty, requirement};
use jwt_guard::denial::{Denial, Reason};
use jwt_guard::flow::{
    self, Decision, KeyLookup, KeySource, Known, Metadata, Patience, Request, RuleName, Step,
};
use jwt_guard::headers::HeaderEdits;
use jwt_guard::http::HeaderMap;
use jwt_guard::issuer_index::IssuerIndex;
use jwt_guard::jose::algorithm::InModule;
use jwt_guard::jose::json::Json;
use jwt_guard::jose::jwks::KeySet;
use jwt_guard::keys::Need;
use jwt_guard::policy::Identity;
use jwt_guard::resource_metadata::Document;
use jwt_guard::route::ReadingClass;
use jwt_guard::time::UnixTime;
use jwt_guard::token_cache::TokenCache;
use jwt_guard_testkit::mint::{AUDIENCE, Algorithm, ISSUER, SigningKey, Token, key_set, shared_key};
use serde_json::{Value, json};

/// When every request here is judged.
pub const NOW: UnixTime = UnixTime::from_secs(1_700_000_000);

/// What the issuer publishes, ES256 with the kid `first`.
pub fn key() -> &'static SigningKey {
    shared_key(Algorithm::Es256, "first")
}

/// What it does not.
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

/// One issuer whose keys are fetched, and those members.
pub fn config(members: Value) -> Config {
    let mut plugin = json!({
        "issuer": ISSUER, "audience": AUDIENCE, "jwks_cluster": "issuer", "accepted_algorithms": "ES256",
    });
    let Value::Object(members) = members else { panic!("not an object: {members}") };
    plugin.as_object_mut().unwrap().extend(members);
    Config::parse(plugin.to_string().as_bytes()).unwrap_or_else(|errors| panic!("{errors:?}"))
}

/// Route metadata that says so.
pub fn metadata(config: &Config, says: Value) -> Metadata {
    let json = Json::parse(says.to_string().as_bytes()).unwrap();
    let mut errors = Errors::new();
    let read = requirement(&Node::root(&json), &config.vocabulary, Empty::Refused, &mut errors);
    Metadata::Requirement(Rc::new(read.unwrap_or_else(|| panic!("{errors:?}"))))
}

/// No fetch is worth waiting for.
pub const UNAVAILABLE: KeyLookup = KeyLookup::Unavailable { retry_after: Duration::from_millis(6500) };

/// A key source that answers as it is told and remembers what it was asked.
pub struct Keys {
    pub current: Option<Rc<KeySet>>,
    /// The first answer to a second look; after keys that are newer, there is nothing to hope for.
    pub lookup: KeyLookup,
    /// From the second time on, where that is another.
    pub later: Option<KeyLookup>,
    /// How long ago they were fetched.
    pub age: Option<Duration>,
    pub asked: RefCell<Vec<Need>>,
}

impl Keys {
    /// The published key, and nothing newer to come.
    pub fn available() -> Self {
        let current = Some(published([key()]));
        Self { current, lookup: UNAVAILABLE, later: None, age: None, asked: RefCell::default() }
    }

    /// None so far, and that lookup.
    pub fn none(lookup: KeyLookup) -> Self {
        Self { current: None, lookup, later: None, age: None, asked: RefCell::default() }
    }
}

impl Keys {
    /// One that answers as this one will.
    fn copy(&self) -> Self {
        Self {
            current: self.current.clone(),
            lookup: self.lookup.clone(),
            later: self.later.clone(),
            age: self.age,
            asked: self.asked.clone(),
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

    fn look_again(&self, _: IssuerIndex, need: Need) -> KeyLookup {
        let mut asked = self.asked.borrow_mut();
        asked.push(need);
        match (&self.lookup, &self.later) {
            (_, Some(later)) if asked.len() > 1 => later.clone(),
            (KeyLookup::Updated(_), None) if asked.len() > 1 => UNAVAILABLE,
            (lookup, _) => lookup.clone(),
        }
    }
}

/// A decision that borrows its request no more.
pub enum Outcome {
    Forward(Forward),
    Deny(Denied),
    Serve(Document),
    AwaitKeys { issuer: IssuerIndex, need: Need },
}

/// A request that goes on.
pub struct Forward {
    pub edits: HeaderEdits,
    pub identity: Option<Rc<Identity>>,
    pub would_deny: Vec<Facts>,
    pub rules: Vec<RuleName>,
}

/// A request that does not.
pub struct Denied {
    pub denial: Denial,
    pub facts: Facts,
}

/// Everything that can be read of a refusal.
#[derive(Debug)]
pub struct Facts {
    pub reason: Reason,
    pub detail: String,
    pub rule: Option<RuleName>,
    pub reading: Option<String>,
    pub reading_classes: Vec<ReadingClass>,
    line: String,
}

impl std::fmt::Display for Facts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.line)
    }
}

impl From<flow::Facts<'_>> for Facts {
    fn from(facts: flow::Facts<'_>) -> Self {
        Self {
            reason: facts.reason,
            detail: facts.detail.to_string(),
            rule: facts.rule().cloned(),
            reading: facts.reading(),
            reading_classes: facts.reading_classes().to_vec(),
            line: facts.to_string(),
        }
    }
}

impl From<Decision<'_>> for Outcome {
    fn from(decision: Decision<'_>) -> Self {
        let would_deny: Vec<Facts> = decision.would_deny().map(Facts::from).collect();
        let refusal = decision.refusal().map(Facts::from);
        let rules = decision.rules().collect();
        assert!(would_deny.is_empty() || matches!(decision.step, Step::Forward(_)));
        match decision.step {
            Step::Forward(flow::Forward { edits, identity }) => {
                Self::Forward(Forward { edits, identity, would_deny, rules })
            }
            Step::Deny(denial) => Self::Deny(Denied { denial, facts: refusal.unwrap() }),
            Step::Serve(document) => Self::Serve(document),
            Step::AwaitKeys { issuer, need } => Self::AwaitKeys { issuer, need },
        }
    }
}

/// A request before it is judged.
pub struct TestRequest {
    headers: HeaderMap,
    metadata: Metadata,
}

pub fn new_request(method: &str, path: &str) -> TestRequest {
    let headers = [(":authority", "api.example"), (":method", method), (":path", path)];
    TestRequest { headers: headers.into_iter().collect(), metadata: Metadata::Absent }
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

    /// For a message.
    pub fn path(&self) -> String {
        self.headers.get(":path").unwrap_or_default().escape_ascii().to_string()
    }

    pub fn metadata(mut self, metadata: Metadata) -> Self {
        self.metadata = metadata;
        self
    }

    /// The step without a cache of tokens. With one, of one entry or of many, a request is decided alike, when its
    /// token comes for the first time and when it was seen before.
    pub fn step(&self, config: &Config, keys: &Keys, patience: Patience) -> Outcome {
        let cached: Vec<Vec<Outcome>> = [1, 1024]
            .map(|entries| {
                let cache = TokenCache::new(entries);
                (0..2).map(|_| self.decide(config, &keys.copy(), &cache, NOW, patience)).collect()
            })
            .into();
        let step = self.decide(config, keys, &TokenCache::new(0), NOW, patience);
        for (position, other) in cached.iter().flatten().enumerate() {
            assert_eq!(self.effects(other), self.effects(&step), "with a cache, decision {position}");
        }
        step
    }

    pub fn decide(
        &self,
        config: &Config,
        keys: &Keys,
        cache: &TokenCache<Known>,
        now: UnixTime,
        patience: Patience,
    ) -> Outcome {
        let request = Request { headers: &self.headers, metadata: self.metadata.clone() };
        flow::decide(config, &request, keys, &InModule, cache, now, patience).into()
    }

    /// Everything that a step does.
    fn effects(&self, step: &Outcome) -> String {
        let details = match step {
            Outcome::Forward(forward) => {
                format!("{:?} {:?} {:?}", self.upstream(forward), forward.would_deny, forward.rules)
            }
            Outcome::Deny(Denied { denial, facts }) => {
                format!("{:?} {} {facts}", denial.headers, denial.body.escape_ascii())
            }
            Outcome::Serve(document) => format!("{:?} {}", document.headers, document.body.escape_ascii()),
            Outcome::AwaitKeys { issuer, .. } => format!("{issuer:?}"),
        };
        format!("{}: {details}", describe(step))
    }

    /// With keys at hand.
    pub fn decide_with_keys(&self, config: &Config) -> Outcome {
        self.step(config, &Keys::available(), Patience::Waits)
    }

    pub fn has(&self, name: &str) -> bool {
        self.headers.contains(name)
    }

    /// The request's headers as the upstream gets them.
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
        other => panic!("not refused: {}", describe(&other)),
    }
}

/// A step in a few words: `anonymous`, `user-1`, `401 missing_token`, `wait for first keys`; behind them what would
/// have been denied.
pub fn describe(step: &Outcome) -> String {
    match step {
        Outcome::Forward(forward) => {
            let subject = |claims: &Json| claims.member("sub").and_then(Json::as_str).map(str::to_owned);
            let identity =
                forward.identity.as_ref().map(|identity| subject(identity.claims().claims()).unwrap());
            let mut told = identity.unwrap_or_else(|| "anonymous".to_owned());
            for facts in &forward.would_deny {
                told.push_str(&format!(", would deny {}", facts.reason));
            }
            told
        }
        Outcome::Deny(refused) => format!("{} {}", refused.denial.status, refused.facts.reason),
        Outcome::Serve(_) => "document".to_owned(),
        Outcome::AwaitKeys { need: Need::Scheduled, .. } => "wait for first keys".to_owned(),
        Outcome::AwaitKeys { need: Need::UnknownKid, .. } => "wait for a kid".to_owned(),
    }
}
