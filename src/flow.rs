//! One request as a state machine: from its headers to a step for the shell to take.
//!
//! Holds no state between steps. A request that must wait for keys is judged again from its headers when they
//! have come, with less patience; so a parked request cannot be decided by rules that another one saw.

mod facts;

use std::borrow::Cow;
use std::rc::Rc;
use std::time::Duration;

pub use facts::Facts;

use crate::bearer::{self, Headers, Place, Presented};
use crate::config::{Config, Issuer, Route, RouteMetadata};
use crate::denial::resource_metadata::Document;
use crate::denial::{Challenge, Denial, Form, Reason};
use crate::headers::HeaderEdits;
use crate::jose::algorithm::Verifier;
use crate::jose::claims::{self, IssuerIndex};
use crate::jose::error::TokenError;
use crate::jose::jwks::KeySet;
use crate::jose::token::UnverifiedToken;
use crate::keys::Need;
use crate::policy::{self, Credential, Identity, Permit, Requirement};
use crate::route::Target;
use crate::time::UnixTime;

/// Where keys come from, and what may be hoped for where they are missing.
pub trait KeySource {
    /// The keys that judge the issuer's tokens now.
    fn current(&self, issuer: IssuerIndex) -> Option<Rc<KeySet>>;
    /// Looks once more: another worker may have fetched since, or a fetch may be worth waiting for.
    fn look_again(&self, issuer: IssuerIndex, need: Need) -> Prospect;
}

/// What [`KeySource::look_again`] found.
#[derive(Debug, Clone)]
pub enum Prospect {
    /// Other keys than [`KeySource::current`] gave before.
    Newer(Rc<KeySet>),
    /// A fetch is under way or allowed now.
    Worthwhile,
    /// No fetch before that time has passed.
    Hopeless {
        /// What a client is told to wait.
        retry_after: Duration,
    },
}

/// Whether the request may (still) wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Patience {
    /// It may.
    Waits,
    /// Its time is over: what is there decides.
    Over,
}

/// The requirement that Envoy's own choice of a route brought.
#[derive(Debug, Clone, Default)]
pub enum Metadata {
    /// There is none, or it is not to be read.
    #[default]
    Absent,
    /// On the route or, failing that, on its virtual host.
    Requirement(Rc<Requirement>),
    /// It does not parse. Never falls back to something weaker.
    Bad(Rc<str>),
}

/// A request as the host gives it.
#[derive(Debug)]
pub struct Request<'a> {
    /// Names in lower case, values as bytes, pseudo headers among them.
    pub headers: &'a Headers,
    /// From the route that Envoy chose.
    pub metadata: Metadata,
}

/// What the shell does next.
#[derive(Debug)]
pub enum Step {
    /// Edit the headers and let the request go on.
    Forward(Forward),
    /// Answer it.
    Deny(Refused),
    /// Answer it with a document that is everybody's.
    Serve(Document),
    /// Park it until the issuer's keys change.
    AwaitKeys {
        /// Whose keys.
        issuer: IssuerIndex,
        /// Why.
        need: Need,
    },
}

/// A request that goes on.
#[derive(Debug)]
pub struct Forward {
    /// What the upstream sees otherwise than the client sent it.
    pub edits: HeaderEdits,
    /// Who it speaks for, where that was verified.
    pub identity: Option<Rc<Identity>>,
    /// What report-only or a shadow would have refused.
    pub would_deny: Vec<Facts>,
    /// Which rule let it pass.
    pub rule: String,
}

/// A request that does not.
#[derive(Debug)]
pub struct Refused {
    /// The answer.
    pub denial: Denial,
    /// What the log says.
    pub facts: Facts,
}

/// Decides a request, or says that it has to wait.
pub fn decide(
    config: &Config,
    request: &Request<'_>,
    keys: &dyn KeySource,
    verifier: &dyn Verifier,
    now: UnixTime,
    patience: Patience,
) -> Step {
    let patience = if config.report_only { Patience::Over } else { patience };
    let judge = Judge { config, headers: request.headers, keys, verifier, now, patience };
    match judge.step(&request.metadata) {
        Err(refused) if config.report_only => judge.report(refused.facts),
        Err(refused) => Step::Deny(*refused),
        Ok(step) => step,
    }
}

/// Why no identity came of a token.
enum Failure {
    Token { error: TokenError, issuer: Option<String>, kid: Option<String> },
    Credential(bearer::MalformedCredential),
    NoKeys { issuer: String, retry_after: Duration },
    Wait { issuer: IssuerIndex, need: Need },
}

/// The requirements that apply, and what their routes say beside them.
struct Governing<'c> {
    requirements: Vec<Cow<'c, Requirement>>,
    places: Vec<Place>,
    forward_token: bool,
    rule: String,
}

struct Judge<'r> {
    config: &'r Config,
    headers: &'r Headers,
    keys: &'r dyn KeySource,
    verifier: &'r dyn Verifier,
    now: UnixTime,
    patience: Patience,
}

/// Refused, boxed: the way on is the usual one.
type Outcome<T> = Result<T, Box<Refused>>;

impl<'r> Judge<'r> {
    fn step(&self, metadata: &Metadata) -> Outcome<Step> {
        if let Some(document) = self.document() {
            return Ok(Step::Serve(document));
        }
        if !self.config.enabled {
            return Ok(self.forward_stripped(Vec::new(), "disabled"));
        }
        let governing = self.governing(metadata)?;
        let requirements: Vec<&Requirement> = governing.requirements.iter().map(AsRef::as_ref).collect();
        if self.is_preflight(&governing) {
            return Ok(self.forward_stripped(Vec::new(), "bypass_cors_preflight"));
        }
        let token_decides = policy::needs_token(&requirements);
        let (credential, failure) = if token_decides || policy::shadow_needs_token(&requirements) {
            match self.credential(&governing.places, token_decides) {
                Ok(identity) => (identity, None),
                Err(Failure::Wait { issuer, need }) => return Ok(Step::AwaitKeys { issuer, need }),
                Err(failure) => (None, Some(failure)),
            }
        } else {
            (None, None)
        };
        let brought = match (&credential, &failure) {
            (Some(identity), _) => Credential::Verified(identity),
            (None, Some(_)) => Credential::Failed,
            (None, None) => Credential::Absent,
        };
        if let Some(Failure::Credential(malformed)) = failure.as_ref().filter(|_| token_decides) {
            // Not an invalid token, which some routes let pass as none, but a request with two meanings.
            let mut facts = Facts::new(Reason::BadRequest, malformed.to_string());
            facts.rule.clone_from(&governing.rule);
            return Err(self.refused(facts, None, &[]));
        }
        let permit = policy::evaluate(&requirements, brought);
        let shadows = policy::shadow_refusals(&requirements, brought);
        let challenge_scopes = policy::scopes_asked(&requirements);
        let permit = permit.map_err(|refusal| {
            let facts = facts_of(&refusal, failure.as_ref(), &governing.rule);
            self.refused(facts, failure.as_ref(), &challenge_scopes)
        })?;
        let mut forward = self.forward(&permit, &governing, token_decides)?;
        let shadow = |refusal| self.with_request(facts_of(refusal, failure.as_ref(), &governing.rule));
        forward.would_deny = shadows.iter().map(shadow).collect();
        Ok(Step::Forward(forward))
    }

    /// The header plan takes a permit, and nothing else makes one.
    fn forward(&self, permit: &Permit, governing: &Governing<'_>, token_decides: bool) -> Outcome<Forward> {
        let planned =
            self.config.claim_headers.plan(self.headers, permit, self.config.max_claim_header_bytes);
        let mut edits = planned.map_err(|oversize| {
            let detail =
                format!("{} would be {} bytes, over {}", oversize.header, oversize.bytes, oversize.limit);
            let mut facts = Facts::new(Reason::HeaderOversize, detail);
            facts.rule.clone_from(&governing.rule);
            self.refused(facts, None, &[])
        })?;
        // Untouched where it was never read; in report-only nothing of the client's is touched but claim headers.
        if token_decides && !self.config.report_only {
            for (name, values) in bearer::removal(&governing.places, self.headers, governing.forward_token) {
                edits.set(&name, values);
            }
        }
        let identity = permit.identity().map(Rc::clone);
        Ok(Forward { edits, identity, would_deny: Vec::new(), rule: governing.rule.clone() })
    }

    fn forward_stripped(&self, would_deny: Vec<Facts>, rule: &str) -> Step {
        let edits = self.config.claim_headers.strip(self.headers);
        Step::Forward(Forward { edits, identity: None, would_deny, rule: rule.to_owned() })
    }

    /// Report-only: what would have been refused goes on without an identity.
    fn report(&self, facts: Facts) -> Step {
        self.forward_stripped(vec![facts], "report_only")
    }

    fn document(&self) -> Option<Document> {
        let host = std::str::from_utf8(self.header(":authority")?).ok()?;
        let method = std::str::from_utf8(self.header(":method")?).ok()?;
        let path = std::str::from_utf8(self.header(":path")?).ok()?;
        self.config.resource_metadata.serve(host, method, path)
    }

    fn governing(&self, metadata: &Metadata) -> Outcome<Governing<'r>> {
        let target = Target {
            host: self.header(":authority").unwrap_or_default(),
            method: self.header(":method").unwrap_or_default(),
            path: self.header(":path"),
            method_overrides: METHOD_OVERRIDES.iter().flat_map(|name| self.values(name)).collect(),
        };
        let routes = self.config.routes.governing(&target);
        let routes = routes.map_err(|ambiguous| {
            self.refused(Facts::new(Reason::AmbiguousPath, ambiguous.to_string()), None, &[])
        })?;
        let from_metadata = match metadata {
            Metadata::Absent => None,
            Metadata::Requirement(requirement) => Some(requirement),
            Metadata::Bad(problem) => {
                return Err(self.refused(Facts::new(Reason::BadMetadata, problem.as_ref()), None, &[]));
            }
        };
        let found: Vec<&Route> =
            routes.iter().filter_map(|demand| demand.found.map(|found| found.rule)).collect();
        let mut places: Vec<Place> = Vec::new();
        for place in
            found.iter().flat_map(|route| route.token_from.as_ref().unwrap_or(&self.config.token_from))
        {
            if !places.contains(place) {
                places.push(place.clone());
            }
        }
        if places.is_empty() {
            places.clone_from(&self.config.token_from);
        }
        let forwards = |route: &&Route| route.forward_token.unwrap_or(self.config.forward_token);
        let forward_token =
            if found.is_empty() { self.config.forward_token } else { found.iter().all(forwards) };

        let mut requirements: Vec<Cow<'r, Requirement>> = Vec::new();
        if let Some(requirement) = from_metadata {
            self.is_safe_for_metadata(routes.spread())?;
            requirements.push(Cow::Owned(requirement.as_ref().clone()));
        }
        let routes_decide = from_metadata.is_none() || self.config.route_metadata == RouteMetadata::Narrow;
        if routes_decide {
            let demanded = routes.iter().map(|demand| match demand.found {
                Some(found) => &found.rule.requirement,
                None => &self.config.default_policy,
            });
            requirements.extend(demanded.map(Cow::Borrowed));
        }
        let rule = if routes_decide { named(&routes) } else { "route metadata".to_owned() };
        Ok(Governing { requirements, places, forward_token, rule })
    }

    /// Envoy chooses the route again once a header was edited, and its metadata is not read again. So nothing that
    /// a client sends may make the second choice another one: no header that is edited away, no path that Envoy
    /// and we could read differently.
    fn is_safe_for_metadata(&self, spread: crate::route::Spread) -> Outcome<()> {
        let refuse = |reason, detail: &str| Err(self.refused(Facts::new(reason, detail), None, &[]));
        if self.headers.iter().any(|(name, _)| self.config.claim_headers.is_removed(name)) {
            return refuse(Reason::BadRequest, "a header that is removed, where route metadata decides");
        }
        if spread > crate::route::Spread::TrailingSlash {
            return refuse(
                Reason::AmbiguousPath,
                "the path has several readings, where route metadata decides",
            );
        }
        Ok(())
    }

    /// A browser asks before it sends: without a token, and answered by the CORS filter or the upstream.
    fn is_preflight(&self, governing: &Governing<'_>) -> bool {
        let one = |name| {
            let mut values = self.values(name);
            values.next().filter(|value| values.next().is_none() && !value.is_empty())
        };
        let is_token = |value: &[u8]| {
            value.iter().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte))
        };
        self.config.bypass_cors_preflight
            && self.header(":method") == Some(b"OPTIONS")
            && one("origin").is_some_and(|origin| !origin.contains(&b','))
            && one("access-control-request-method").is_some_and(is_token)
            && matches!(bearer::present(&governing.places, self.headers), Presented::Missing)
    }

    /// The identity that the request brings, or `None` where it brings no token.
    fn credential(&self, places: &[Place], may_wait: bool) -> Result<Option<Rc<Identity>>, Failure> {
        match bearer::present(places, self.headers) {
            Presented::Missing => Ok(None),
            Presented::Malformed(malformed) => Err(Failure::Credential(malformed)),
            Presented::Token { token, .. } => self.authenticate(&token, may_wait).map(Some),
        }
    }

    /// Shape, issuer and what else needs no key come first: nothing is fetched for a token that they refuse.
    fn authenticate(&self, token: &[u8], may_wait: bool) -> Result<Rc<Identity>, Failure> {
        let parse = || UnverifiedToken::parse(token, self.config.max_token_bytes);
        let unverified = parse().map_err(|error| Failure::Token { error, issuer: None, kid: None })?;
        let kid = unverified.unverified_kid().map(str::to_owned);
        let issuer = unverified.unverified_issuer().and_then(|iss| self.issuer(iss));
        let Some((index, issuer)) = issuer else {
            return Err(Failure::Token { error: TokenError::UnknownIssuer, issuer: None, kid });
        };
        let failed = |error| Failure::Token { error, issuer: Some(issuer.name.clone()), kid: kid.clone() };
        unverified.admit(&issuer.rules).map_err(failed)?;

        let keys = match self.keys.current(index) {
            Some(keys) => keys,
            None => self.first_keys(index, issuer, may_wait)?,
        };
        let verify = |unverified, keys: &KeySet| {
            claims::verify(unverified, &issuer.rules, keys, self.verifier, self.now)
        };
        let mut verified = verify(unverified, &keys);
        // Another worker's newer keys may lack the kid as well; that is no reason not to ask the issuer.
        while matches!(verified, Err(TokenError::UnknownKid)) {
            match self.newer_keys(index, may_wait)? {
                Some(keys) => verified = verify(parse().map_err(failed)?, &keys),
                None => break,
            }
        }
        Ok(Rc::new(Identity::new(verified.map_err(failed)?, &issuer.sources)))
    }

    fn issuer(&self, iss: &str) -> Option<(IssuerIndex, &'r Issuer)> {
        let position = self.config.issuers.iter().position(|issuer| issuer.rules.issuer_name_value == iss)?;
        Some((IssuerIndex(position), self.config.issuers.get(position)?))
    }

    fn waits(&self, may_wait: bool) -> bool {
        may_wait && self.patience == Patience::Waits
    }

    fn first_keys(&self, index: IssuerIndex, issuer: &Issuer, may_wait: bool) -> Result<Rc<KeySet>, Failure> {
        let retry_after = match self.keys.look_again(index, Need::Scheduled) {
            Prospect::Newer(keys) => return Ok(keys),
            Prospect::Worthwhile if self.waits(may_wait) => {
                return Err(Failure::Wait { issuer: index, need: Need::Scheduled });
            }
            Prospect::Worthwhile => Duration::ZERO,
            Prospect::Hopeless { retry_after } => retry_after,
        };
        Err(Failure::NoKeys { issuer: issuer.name.clone(), retry_after })
    }

    fn newer_keys(&self, index: IssuerIndex, may_wait: bool) -> Result<Option<Rc<KeySet>>, Failure> {
        match self.keys.look_again(index, Need::UnknownKid) {
            Prospect::Newer(keys) => Ok(Some(keys)),
            Prospect::Worthwhile if self.waits(may_wait) => {
                Err(Failure::Wait { issuer: index, need: Need::UnknownKid })
            }
            Prospect::Worthwhile | Prospect::Hopeless { .. } => Ok(None),
        }
    }

    fn refused(&self, facts: Facts, failure: Option<&Failure>, scopes: &[String]) -> Box<Refused> {
        let authority = self.header(":authority").and_then(|host| std::str::from_utf8(host).ok());
        let path = self.header(":path").and_then(|path| std::str::from_utf8(path).ok());
        let resource_metadata =
            authority.and_then(|host| self.config.resource_metadata.challenge_for(host, path.unwrap_or("/")));
        let challenge = Challenge { realm: &self.config.realm, scopes, resource_metadata };
        let denial = Denial::new(facts.reason, &challenge, Form::of(self.header("content-type")));
        let denial = match failure {
            Some(Failure::NoKeys { retry_after, .. }) if facts.reason == Reason::NoKeys => {
                denial.retry_after(*retry_after)
            }
            _ => denial,
        };
        Box::new(Refused { denial, facts: self.with_request(facts) })
    }

    fn with_request(&self, facts: Facts) -> Facts {
        facts.of_request(self.header("x-request-id"))
    }

    fn header(&self, name: &str) -> Option<&'r [u8]> {
        self.values(name).next()
    }

    fn values<'n>(&self, name: &'n str) -> impl Iterator<Item = &'r [u8]> + use<'r, 'n> {
        let named = self.headers.iter().filter(move |(header, _)| header == name);
        named.map(|(_, value)| value.as_slice())
    }
}

/// The answer to a request for which there is no room to wait: as if its time were over at once.
pub fn no_room(config: &Config, request: &Request<'_>, need: Need) -> Refused {
    let facts = match need {
        Need::Scheduled => Facts::new(Reason::WaitingFull, "too many requests wait for the first keys"),
        Need::UnknownKid => Facts::new(Reason::UnknownKid, "too many requests wait for an unknown kid"),
    };
    let judge = Judge {
        config,
        headers: request.headers,
        keys: &NoKeys,
        verifier: &crate::jose::algorithm::InModule,
        now: UnixTime::from_millis(0),
        patience: Patience::Over,
    };
    *judge.refused(facts, None, &[])
}

/// Where nothing is to be verified.
struct NoKeys;

impl KeySource for NoKeys {
    fn current(&self, _: IssuerIndex) -> Option<Rc<KeySet>> {
        None
    }

    fn look_again(&self, _: IssuerIndex, _: Need) -> Prospect {
        Prospect::Hopeless { retry_after: Duration::ZERO }
    }
}

/// Some frameworks take the method from one of these.
const METHOD_OVERRIDES: [&str; 3] = ["x-http-method-override", "x-http-method", "x-method-override"];

fn facts_of(refusal: &policy::Refusal, failure: Option<&Failure>, rule: &str) -> Facts {
    let failed = |reason, detail: String| Facts::new(Reason::of_refusal(refusal, reason), detail);
    let mut facts = match (refusal, failure) {
        (policy::Refusal::FailedToken, Some(Failure::Token { error, issuer, kid })) => {
            let mut facts = failed(Reason::from(error), error.to_string());
            facts.issuer.clone_from(issuer);
            facts.kid.clone_from(kid);
            facts
        }
        (policy::Refusal::FailedToken, Some(Failure::NoKeys { issuer, .. })) => {
            let mut facts = failed(Reason::NoKeys, "there are no keys to verify the token with".to_owned());
            facts.issuer = Some(issuer.clone());
            facts
        }
        (policy::Refusal::FailedToken, Some(Failure::Credential(malformed))) => {
            failed(Reason::BadRequest, malformed.to_string())
        }
        _ => failed(Reason::Malformed, refusal.to_string()),
    };
    rule.clone_into(&mut facts.rule);
    facts
}

/// The rules that govern, as the log names them.
fn named(routes: &crate::route::Governing<'_, Route>) -> String {
    let name = |index: Option<usize>| match index {
        Some(index) => format!("routes[{index}]"),
        None => "default_policy".to_owned(),
    };
    let mut names = String::new();
    for demand in routes.iter() {
        if !names.is_empty() {
            names.push('+');
        }
        names.push_str(&name(demand.index()));
    }
    names
}
