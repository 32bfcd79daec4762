//! One request as a state machine: from its headers to a step for the shell to take.
//!
//! Holds no state between steps. A request that must wait for keys is judged again from its headers when they
//! have come, with less patience; so a parked request cannot be decided by rules that another one saw.

#[cfg(not(target_arch = "wasm32"))]
pub mod asked;
mod authenticate;
mod facts;
mod governing;
mod known;
mod preflight;
mod refusal;
mod trailers;

use std::rc::Rc;
use std::time::Duration;

pub use facts::{Facts, RuleName};
pub use known::Known;
pub use trailers::credential_headers;

use crate::bearer::{self, Headers, Place};
use crate::config::Config;
use crate::denial::resource_metadata::Document;
use crate::denial::{Denial, Reason};
use crate::headers::{HeaderEdits, folds_alike, grpc_metadata};
use crate::jose::algorithm::Verifier;
use crate::jose::claims::IssuerIndex;
use crate::jose::jwks::KeySet;
use crate::keys::Need;
use crate::policy::{Credential, Identity, Permit, Requirement};
use crate::time::UnixTime;
use crate::token_cache::TokenCache;
use authenticate::Failure;
use governing::Governing;

/// Where keys come from, and what may be hoped for where they are missing.
pub trait KeySource {
    /// The keys that judge the issuer's tokens now.
    fn current(&self, issuer: IssuerIndex) -> Option<Rc<KeySet>>;
    /// Looks once more: another worker may have fetched since, or a fetch may be worth waiting for.
    fn look_again(&self, issuer: IssuerIndex, need: Need) -> Prospect;
    /// How long ago the current keys were fetched, where they were.
    fn age(&self, _: IssuerIndex) -> Option<Duration> {
        None
    }
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
    /// It may not: too many do already. What is there decides.
    NoRoom,
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
    /// Which rules let it pass.
    pub rules: Vec<RuleName>,
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
    cache: &TokenCache<Known>,
    now: UnixTime,
    patience: Patience,
) -> Step {
    // Report-only holds nobody up.
    let patience = if config.report_only { Patience::Over } else { patience };
    let judge = Judge { config, headers: request.headers, keys, verifier, cache, now, patience };
    match judge.step(&request.metadata) {
        Err(refused) if config.report_only => judge.report(refused.facts),
        Err(refused) => Step::Deny(*refused),
        Ok(step) => step,
    }
}

struct Judge<'r> {
    config: &'r Config,
    headers: &'r Headers,
    keys: &'r dyn KeySource,
    verifier: &'r dyn Verifier,
    cache: &'r TokenCache<Known>,
    now: UnixTime,
    patience: Patience,
}

/// Refused, boxed: the way on is the usual one.
type Outcome<T> = Result<T, Box<Refused>>;

impl<'r> Judge<'r> {
    fn step(&self, metadata: &'r Metadata) -> Outcome<Step> {
        if let Some(document) = self.document() {
            return Ok(Step::Serve(document));
        }
        if !self.config.enabled {
            return Ok(self.forward_stripped(Vec::new(), RuleName::Disabled));
        }
        let governing = self.governing(metadata)?;
        if self.is_preflight(&governing.places) {
            return Ok(self.forward_stripped(Vec::new(), RuleName::Preflight));
        }
        let requirements = governing.requirements();
        let token_decides = requirements.needs_token();
        let (known, failure) = if token_decides || requirements.shadow_needs_token() {
            match self.credential(&governing, token_decides) {
                Ok(known) => (known, None),
                Err(Failure::Wait { issuer, need }) => return Ok(Step::AwaitKeys { issuer, need }),
                Err(failure) => (None, Some(failure)),
            }
        } else {
            (None, None)
        };
        if let Some(Failure::Credential(malformed)) = failure.as_ref().filter(|_| token_decides) {
            // Not an invalid token, which some routes let pass as none, but a request with two meanings.
            let facts = Facts::new(Reason::BadRequest, malformed.to_string()).under(Some(governing.first()));
            return Err(self.refused(facts, None, &[], &[]));
        }
        let brought = match (&known, &failure) {
            (Some(known), _) => Credential::Verified(known.identity()),
            (None, Some(_)) => Credential::Failed,
            (None, None) => Credential::Absent,
        };
        let permit = requirements.evaluate(brought).map_err(|refusal| {
            let facts =
                refusal::facts_of(&refusal, failure.as_ref()).under(governing.asked.get(refusal.requirement));
            self.refused(facts, failure.as_ref(), &refusal.scopes, &governing.places)
        })?;
        let mut forward = self.forward(&permit, known.as_deref(), &governing, token_decides)?;
        let shadows = requirements.shadow_refusals(brought).into_iter().map(|refusal| {
            let facts =
                refusal::facts_of(&refusal, failure.as_ref()).under(governing.asked.get(refusal.requirement));
            self.with_request(facts)
        });
        forward.would_deny = shadows.collect();
        if token_decides {
            self.tell_missing_keys(failure.as_ref(), &governing, &mut forward.would_deny);
        }
        Ok(Step::Forward(forward))
    }

    /// The header plan takes a permit, and nothing else makes one.
    fn forward(
        &self,
        permit: &Permit,
        known: Option<&Known>,
        governing: &Governing<'_>,
        token_decides: bool,
    ) -> Outcome<Forward> {
        let (map, limit) = (&self.config.claim_headers, self.config.max_claim_header_bytes);
        let planned = match known {
            Some(known) => map.plan_prepared(self.headers, permit, known.prepared(), limit),
            None => map.plan(self.headers, permit, limit),
        };
        let mut edits = planned.map_err(|oversize| {
            let detail =
                format!("{} would be {} bytes, over {}", oversize.header, oversize.bytes, oversize.limit);
            let facts = Facts::new(Reason::HeaderOversize, detail).under(Some(governing.first()));
            self.refused(facts, None, &[], &[])
        })?;
        // Untouched where it was never read; in report-only nothing of the client's is touched but claim headers.
        if token_decides && !self.config.report_only {
            for (name, values) in bearer::removal(&governing.places, self.headers, governing.forward_token) {
                edits.set(name, values);
            }
            for name in self.other_spellings(&governing.places) {
                edits.remove(name);
            }
        }
        let identity = permit.identity().map(Rc::clone);
        Ok(Forward { edits, identity, would_deny: Vec::new(), rules: governing.rules() })
    }

    /// Headers that an upstream may take for a token's place: one that reads `x_token` as `x-token` would find a
    /// second token there, which nobody verified, and so would one that grpc-gateway hands its metadata. Not those
    /// where that token would have been read.
    fn other_spellings<'p>(&self, places: &'p [Place]) -> impl Iterator<Item = &'r str> + use<'r, 'p> {
        let is_read = |name: &str, prefix: &str| {
            places.iter().filter_map(Place::header).any(|read| read == (name, prefix))
        };
        let is_another = move |name: &str, place: &Place| {
            let Some((known, prefix)) = place.header() else { return false };
            // Neither `authorization` nor `cookie` has another spelling.
            let is_it = matches!(place, Place::Header { .. }) && folds_alike(name, known)
                || grpc_metadata(name).is_some_and(|metadata| folds_alike(metadata, known));
            is_it && !is_read(name, prefix)
        };
        let names = self.headers.iter().map(|(name, _)| name.as_str());
        names.filter(move |name| places.iter().any(|place| is_another(name, place)))
    }

    fn forward_stripped(&self, would_deny: Vec<Facts>, rule: RuleName) -> Step {
        let edits = self.config.claim_headers.strip(self.headers);
        Step::Forward(Forward { edits, identity: None, would_deny, rules: vec![rule] })
    }

    /// Report-only: what would have been refused goes on without an identity.
    fn report(&self, facts: Facts) -> Step {
        self.forward_stripped(vec![facts], RuleName::ReportOnly)
    }

    fn document(&self) -> Option<Document> {
        if self.config.resource_metadata.is_empty() {
            return None;
        }
        let text = |name| std::str::from_utf8(self.header(name)?).ok();
        self.config.resource_metadata.serve(text(":authority")?, text(":method")?, text(":path")?)
    }

    fn header(&self, name: &str) -> Option<&'r [u8]> {
        self.values(name).next()
    }

    fn values<'n>(&self, name: &'n str) -> impl Iterator<Item = &'r [u8]> + use<'r, 'n> {
        let named = self.headers.iter().filter(move |(header, _)| header == name);
        named.map(|(_, value)| value.as_slice())
    }
}
