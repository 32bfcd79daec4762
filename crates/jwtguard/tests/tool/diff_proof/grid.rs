//! Every request of a grid, with every credential, decided by the core.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::time::Duration;

use jwt_guard::config::Config;
use jwt_guard::http::HeaderMap;
use jwt_guard::jose::algorithm::{Algorithm, WasmVerifier};
use jwt_guard::jose::claims::verify;
use jwt_guard::jose::jwks::KeySet;
use jwt_guard::jose::token::UnverifiedToken;
use jwt_guard::policy::{Credential, EvaluationContext, Identity, NonEmpty, Requirements};
use jwt_guard::request::{
    self, Annotations, AppliedRequirement, EffectivePolicy, Metadata, ValuesOfRequest, resolve_policy,
};
use jwt_guard::route::{SkippedVariants, path_variants};
use jwt_guard_testkit::mint::{SigningKey, Token, key_set};
use jwtguard::diff::{Paths, RegionDifference};
use jwtguard::inspect::describe;
use serde_json::{Value, json};

use super::policies::{Generator, Policy};
use super::{NOW, includes, side};

const PATHS: [&str; 26] = [
    "/", "/a", "/b", "/c", "/A", "/ab", "/AB", "/xb", "/a/", "/a/b", "/a/c", "/A/b", "/b/c", "/c/b", "/c/c",
    "/ab/b", "/ab/c", "/a/b/c", "/c/c/c", "/b/c/c", "/xb/c", "/a//b", "//a", "/a/../b", "/a%2Fb", "*",
];

/// A request without its credential.
#[derive(Debug, Clone)]
pub struct Request<'a> {
    pub host: &'a str,
    pub method: &'a str,
    pub path: &'a str,
}

/// The credentials with which a request passes: one bit for each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Passes([u64; 6]);

impl Passes {
    const ALL: Self = Self([u64::MAX; 6]);
    const NONE: Self = Self([0; 6]);

    /// Whether each of these credentials is one of the other.
    pub fn is_within(&self, other: &Self) -> bool {
        self.0.iter().zip(other.0).all(|(own, other)| own & !other == 0)
    }

    fn and(self, other: Self) -> Self {
        let mut both = self.0;
        both.iter_mut().zip(other.0).for_each(|(own, other)| *own &= other);
        Self(both)
    }

    fn from_bits(bits: impl Iterator<Item = bool>) -> Self {
        let mut passes = Self::NONE;
        bits.enumerate().filter(|(_, bit)| *bit).for_each(|(at, _)| passes.0[at / 64] |= 1 << (at % 64));
        passes
    }
}

/// The credentials, and the results of each requirement.
pub struct Grid {
    identities: Vec<Rc<Identity>>,
    known: RefCell<HashMap<String, Passes>>,
    /// The same by the address of a requirement and the value of its parameter, for the policies of one pair.
    of_pair: RefCell<HashMap<(usize, Option<String>), Passes>>,
}

impl Grid {
    pub fn new() -> Self {
        Self { identities: identities(), known: RefCell::default(), of_pair: RefCell::default() }
    }

    /// The requests that the policies can tell apart. Hosts and methods count only if a policy has some.
    pub fn requests(&self, configs: [&Config; 2]) -> Vec<Request<'static>> {
        self.of_pair.borrow_mut().clear();
        let has = |of: fn(&Config) -> bool| configs.into_iter().any(of);
        let hosts: &[&str] = match has(|config| {
            let mut routes = config.routes.entries().iter();
            routes.any(|entry| !entry.hosts.is_empty())
                || config.guards.entries().iter().any(|entry| !entry.hosts.is_empty())
        }) {
            true => &["h1.example", "x.example", "y.x.example", "z"],
            false => &["z"],
        };
        let methods: &[&str] = match has(|config| {
            let mut routes = config.routes.entries().iter();
            routes.any(|entry| !entry.methods.is_empty())
                || config.guards.entries().iter().any(|entry| !entry.methods.is_empty())
        }) {
            true => &["GET", "HEAD", "POST", "PUT"],
            false => &["GET"],
        };
        let mut requests = Vec::new();
        for host in hosts {
            for method in methods {
                requests.extend(PATHS.iter().map(|path| Request { host, method, path }));
            }
        }
        requests
    }

    /// The credentials with which a policy lets the request pass.
    pub fn passes(&self, config: &Config, request: &Request<'_>) -> Passes {
        let headers: HeaderMap =
            [(":authority", request.host), (":method", request.method), (":path", request.path)]
                .into_iter()
                .collect();
        let metadata = Metadata::Absent;
        let decided = request::Request { headers: &headers, metadata, annotations: Annotations::default() };
        let Ok(policy) = resolve_policy(config, &decided) else { return Passes::NONE };
        // Every requirement must be met, so that the results of each can be combined.
        policy
            .applied
            .iter()
            .fold(Passes::ALL, |passes, applied| passes.and(self.of(config, applied, &policy, &headers)))
    }

    fn of(
        &self,
        config: &Config,
        applied: &AppliedRequirement<'_>,
        policy: &EffectivePolicy<'_>,
        headers: &HeaderMap,
    ) -> Passes {
        let id = applied
            .parameters
            .as_ref()
            .and_then(|parameters| parameters.value("id"))
            .map(|id| id.into_owned());
        let address = (std::ptr::from_ref(applied.requirement).addr(), id);
        if let Some(known) = self.of_pair.borrow().get(&address) {
            return *known;
        }
        let words = describe::requirement(applied.requirement, &config.names);
        let passes = self.by_words(format!("{words} {:?}", address.1), applied, policy, headers);
        self.of_pair.borrow_mut().insert(address, passes);
        passes
    }

    fn by_words(
        &self,
        key: String,
        applied: &AppliedRequirement<'_>,
        policy: &EffectivePolicy<'_>,
        headers: &HeaderMap,
    ) -> Passes {
        if let Some(known) = self.known.borrow().get(&key) {
            return *known;
        }
        let one = EffectivePolicy { applied: NonEmpty::one(applied.clone()), ..policy_settings(policy) };
        let values = ValuesOfRequest { policy: &one, headers };
        let context = EvaluationContext { now: NOW, clock_skew: Duration::ZERO, values: &values };
        let requirements: Requirements<'_> = one.requirements();
        let meets = |credential| requirements.evaluate(credential, &context).is_ok();
        let others = [
            meets(Credential::Absent),
            meets(Credential::Failed),
            // A credential that is not exactly one token.
            !requirements.needs_token() && meets(Credential::Failed),
        ];
        let tokens = self.identities.iter().map(|identity| meets(Credential::Verified(identity)));
        let passes = Passes::from_bits(others.into_iter().chain(tokens));
        self.known.borrow_mut().insert(key, passes);
        passes
    }
}

fn policy_settings<'r>(policy: &EffectivePolicy<'r>) -> EffectivePolicy<'r> {
    EffectivePolicy {
        applied: policy.applied.clone(),
        token_sources: policy.token_sources.clone(),
        accepted_token_sources: policy.accepted_token_sources.clone(),
        forward_token: policy.forward_token,
    }
}

/// Verified tokens with every combination of the values that the policies name.
fn identities() -> Vec<Rc<Identity>> {
    let policy: Policy = Generator::new(0).pair().0;
    let side = side(&policy).unwrap();
    let key = SigningKey::generate(Algorithm::Ed25519).unwrap();
    let keys = KeySet::parse(key_set([&key]).to_string().as_bytes()).unwrap().keys;
    let roles = [json!([]), json!(["admin"]), json!(["user"]), json!(["admin", "user"])];
    let claims = [
        Value::Null,
        json!("x"),
        json!("xy"),
        json!("y"),
        json!(["x", "y"]),
        json!(["y"]),
        json!(2),
        json!(3),
        json!(4),
        json!(6),
        json!([3]),
        json!(["x", 3]),
        json!(["y", 3]),
        json!([]),
        json!({"z": 1}),
    ];
    let mut identities = Vec::new();
    for (number, (roles, claim)) in
        roles.iter().flat_map(|roles| claims.iter().map(move |claim| (roles, claim))).enumerate()
    {
        for (issuer, audience) in [(0, "a"), (0, "b"), (1, "c")] {
            for variant in 0..2 {
                let at = number + issuer + variant;
                let issuer = &side.config.issuers[issuer];
                let mut token = Token::new(NOW)
                    .issuer(&issuer.rules.iss)
                    .claim("aud", audience)
                    .claim("roles", roles.clone())
                    .claim("sub", ["a", "b", "c"][at % 3]);
                if !claim.is_null() {
                    token = token.claim("c", claim.clone());
                }
                if variant == 0 {
                    token = token.claim("scope", "r");
                }
                let text = token.sign(&key).unwrap();
                let parsed = UnverifiedToken::parse(text.as_bytes(), 16_384).unwrap();
                let verified = verify(parsed, &issuer.rules, &keys, &WasmVerifier, NOW).unwrap();
                identities.push(Rc::new(Identity::new(verified, &issuer.sources)));
            }
        }
    }
    // The bits of `Passes` also hold three other credentials.
    assert!(identities.len() + 3 <= 384, "{}", identities.len());
    identities
}

/// Whether a region contains some reading of a request.
pub fn is_in(region: &RegionDifference, request: &Request<'_>) -> bool {
    let is_host = |name: &str| match name.strip_prefix("*.*.") {
        Some(suffix) => labels_before(request.host, suffix) > 1,
        None => match name.strip_prefix("*.") {
            Some(suffix) => labels_before(request.host, suffix) == 1,
            None => request.host == name,
        },
    };
    let readings: Vec<String> = match request.path {
        "*" => vec!["*".to_owned()],
        path => {
            let readings = path_variants(path.as_bytes(), SkippedVariants::default()).unwrap();
            readings.into_iter().map(|(reading, _)| reading).collect()
        }
    };
    includes(&region.hosts, is_host)
        && includes(&region.methods, |name| request.method == name)
        && region.paths.iter().any(|paths| readings.iter().any(|reading| contains(paths, reading)))
}

fn labels_before(host: &str, suffix: &str) -> usize {
    match host.strip_suffix(suffix).and_then(|rest| rest.strip_suffix('.')) {
        Some(rest) => rest.split('.').count(),
        None => 0,
    }
}

/// Whether the paths contain one, exactly or in another letter case.
fn contains(paths: &Paths, path: &str) -> bool {
    let lower = |text: &str| text.to_ascii_lowercase();
    let is_excepted = |path: &str, fold: &dyn Fn(&str) -> String| {
        paths.except.iter().any(|except| matches(&fold(except), path))
    };
    let exactly = matches(&paths.template, path) && !is_excepted(path, &str::to_owned);
    let folded = lower(path);
    exactly || matches(&lower(&paths.template), &folded) && !is_excepted(&folded, &lower)
}

/// Whether a template matches a path, without the rules of precedence.
fn matches(template: &str, path: &str) -> bool {
    if template == "*" || path == "*" {
        return template == path;
    }
    let (template, covers_rest) = match template.strip_suffix("/**") {
        Some(template) => (template, true),
        None => (template.strip_suffix('/').filter(|rest| rest.is_empty()).unwrap_or(template), false),
    };
    let path = if path == "/" { "" } else { path };
    let mut segments = path.split('/').skip(1);
    let all = template.split('/').skip(1).all(|own| {
        segments.next().is_some_and(|segment| match own.split_once('*') {
            // Every other segment, also an empty one.
            Some(("", "")) => true,
            Some((start, end)) => segment.strip_prefix(start).is_some_and(|rest| rest.ends_with(end)),
            None => own == segment,
        })
    });
    all && (covers_rest || segments.next().is_none())
}
