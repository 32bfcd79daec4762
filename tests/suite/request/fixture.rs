//! A configuration, a key that its issuer publishes, and requests to change one thing about.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use jwt_guard::config::Config;
use jwt_guard::config::reader::{ConfigNode, Errors};
use jwt_guard::config::requirement::{Empty, requirement};
use jwt_guard::denial::{Denial, Reason};
use jwt_guard::headers::HeaderEdits;
use jwt_guard::http::HeaderMap;
use jwt_guard::issuer_index::IssuerIndex;
use jwt_guard::jose::algorithm::WasmVerifier;
use jwt_guard::jose::json::Json;
use jwt_guard::jose::jwks::KeySet;
use jwt_guard::keys::RefreshReason;
use jwt_guard::policy::Identity;
use jwt_guard::request::{
    self, CachedToken, Decision, KeyLookup, KeySource, Metadata, Request, RuleName, Step, Wait,
};
use jwt_guard::resource_metadata::MetadataDocument;
use jwt_guard::route::VariantClass;
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
    let read = requirement(&ConfigNode::root(&json), &config.names, Empty::Refused, &mut errors);
    Metadata::Requirement(Rc::new(read.unwrap_or_else(|| panic!("{errors:?}"))))
}

/// No fetch is worth waiting for.
pub const HOPELESS: KeyLookup = KeyLookup::Unavailable { retry_after: Duration::from_millis(6500) };

/// A key source that answers as it is told and remembers what it was asked.
pub struct Keys {
    pub current: Option<Rc<KeySet>>,
    /// The first answer to a second look; after keys that are newer, there is nothing to hope for.
    pub prospect: KeyLookup,
    /// From the second time on, where that is another.
    pub then: Option<KeyLookup>,
    /// How long ago they were fetched.
    pub age: Option<Duration>,
    pub asked: RefCell<Vec<RefreshReason>>,
}

impl Keys {
    /// The published key, and nothing newer to come.
    pub fn there() -> Self {
        let current = Some(published([key()]));
        Self { current, prospect: HOPELESS, then: None, age: None, asked: RefCell::default() }
    }

    /// None so far, and that prospect.
    pub fn none(prospect: KeyLookup) -> Self {
        Self { current: None, prospect, then: None, age: None, asked: RefCell::default() }
    }
}

impl Keys {
    /// One that answers as this one will.
    fn twin(&self) -> Self {
        Self {
            current: self.current.clone(),
            prospect: self.prospect.clone(),
            then: self.then.clone(),
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

    fn look_again(&self, _: IssuerIndex, reason: RefreshReason) -> KeyLookup {
        let mut asked = self.asked.borrow_mut();
        asked.push(reason);
        match (&self.prospect, &self.then) {
            (_, Some(then)) if asked.len() > 1 => then.clone(),
            (KeyLookup::Updated(_), None) if asked.len() > 1 => HOPELESS,
            (prospect, _) => prospect.clone(),
        }
    }
}

/// A decision that borrows its request no more.
pub enum Outcome {
    Forward(Forward),
    Deny(Refused),
    Serve(MetadataDocument),
    AwaitKeys { issuer: IssuerIndex, reason: RefreshReason },
}

/// A request that goes on.
pub struct Forward {
    pub edits: HeaderEdits,
    pub identity: Option<Rc<Identity>>,
    pub would_deny: Vec<Recorded>,
    pub rules: Vec<RuleName>,
}

/// A request that does not.
pub struct Refused {
    pub denial: Denial,
    pub record: Recorded,
}

/// Everything that can be read of a refusal.
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
            Step::Forward(request::Forward { edits, identity }) => {
                Self::Forward(Forward { edits, identity, would_deny, rules })
            }
            Step::Deny(denial) => Self::Deny(Refused { denial, record: refusal.unwrap() }),
            Step::Serve(document) => Self::Serve(document),
            Step::AwaitKeys { issuer, reason } => Self::AwaitKeys { issuer, reason },
        }
    }
}

/// A request before it is judged.
pub struct Ask {
    headers: HeaderMap,
    metadata: Metadata,
}

pub fn ask(method: &str, path: &str) -> Ask {
    let headers = [(":authority", "api.example"), (":method", method), (":path", path)];
    Ask { headers: headers.into_iter().collect(), metadata: Metadata::Absent }
}

pub fn get(path: &str) -> Ask {
    ask("GET", path)
}

impl Ask {
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
    pub fn step(&self, config: &Config, keys: &Keys, wait: Wait) -> Outcome {
        let cached: Vec<Vec<Outcome>> = [1, 1024]
            .map(|entries| {
                let cache = TokenCache::new(entries);
                (0..2).map(|_| self.decide(config, &keys.twin(), &cache, NOW, wait)).collect()
            })
            .into();
        let step = self.decide(config, keys, &TokenCache::new(0), NOW, wait);
        for (position, other) in cached.iter().flatten().enumerate() {
            assert_eq!(self.all_of(other), self.all_of(&step), "with a cache, decision {position}");
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
        let request = Request { headers: &self.headers, metadata: self.metadata.clone() };
        request::decide(config, &request, keys, &WasmVerifier, cache, now, wait).into()
    }

    /// Everything that a step does.
    fn all_of(&self, step: &Outcome) -> String {
        let details = match step {
            Outcome::Forward(forward) => {
                format!("{:?} {:?} {:?}", self.upstream(forward), forward.would_deny, forward.rules)
            }
            Outcome::Deny(Refused { denial, record }) => {
                format!("{:?} {} {record}", denial.headers, denial.body.escape_ascii())
            }
            Outcome::Serve(document) => format!("{:?} {}", document.headers, document.body.escape_ascii()),
            Outcome::AwaitKeys { issuer, .. } => format!("{issuer:?}"),
        };
        format!("{}: {details}", told(step))
    }

    /// With keys at hand.
    pub fn judged(&self, config: &Config) -> Outcome {
        self.step(config, &Keys::there(), Wait::Allowed)
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
        other => panic!("not forwarded: {}", told(&other)),
    }
}

pub fn refused(step: Outcome) -> Refused {
    match step {
        Outcome::Deny(refused) => refused,
        other => panic!("not refused: {}", told(&other)),
    }
}

/// A step in a few words: `anonymous`, `user-1`, `401 missing_token`, `wait for first keys`; behind them what would
/// have been denied.
pub fn told(step: &Outcome) -> String {
    match step {
        Outcome::Forward(forward) => {
            let subject = |claims: &Json| claims.member("sub").and_then(Json::as_str).map(str::to_owned);
            let identity =
                forward.identity.as_ref().map(|identity| subject(identity.claims().claims()).unwrap());
            let mut told = identity.unwrap_or_else(|| "anonymous".to_owned());
            for record in &forward.would_deny {
                told.push_str(&format!(", would deny {}", record.reason));
            }
            told
        }
        Outcome::Deny(refused) => format!("{} {}", refused.denial.status, refused.record.reason),
        Outcome::Serve(_) => "document".to_owned(),
        Outcome::AwaitKeys { reason: RefreshReason::Scheduled, .. } => "wait for first keys".to_owned(),
        Outcome::AwaitKeys { reason: RefreshReason::UnknownKid, .. } => "wait for a kid".to_owned(),
    }
}
