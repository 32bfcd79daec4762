//! A configuration with keys to try requests against.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use serde_json::{Map, Value};

use super::TokenReport;
use crate::bearer::Place;
use crate::config::reader::{Errors, Node};
use crate::config::requirement::{Empty, requirement};
use crate::config::{Config, KeyOrigin};
use crate::flow::{self, KeySource, Metadata, Patience, Prospect, Request, Step};
use crate::inspect::tree::Tree;
use crate::jose::algorithm::InModule;
use crate::jose::claims::IssuerIndex;
use crate::jose::json::Json;
use crate::jose::jwks::KeySet;
use crate::jose::token::UnverifiedToken;
use crate::keys::Need;
use crate::mint::{Algorithm, SigningKey, Token, key_set};
use crate::policy::{self, Identity, Requirement};
use crate::time::UnixTime;
use crate::token_cache::TokenCache;

/// A configuration, the tree it was read from, the keys of its issuers, and a moment.
#[derive(Debug)]
pub struct Bench<'c> {
    pub(super) config: &'c Config,
    tree: &'c Tree,
    keys: Vec<Option<Rc<KeySet>>>,
    made: RefCell<BTreeMap<usize, SigningKey>>,
    pub(super) now: UnixTime,
}

/// A request.
#[derive(Debug, Clone)]
pub struct Call {
    /// `:method`
    pub method: String,
    /// `:path`, with its query.
    pub path: String,
    /// `:authority`
    pub host: String,
    /// Everything else.
    pub headers: Vec<(String, String)>,
    /// The requirement that Envoy's route carries, as JSON text.
    pub route_metadata: Option<String>,
}

/// What a request brings, beside what its headers say.
#[derive(Debug, Clone)]
pub enum Credential {
    /// Nothing more.
    None,
    /// This token, where the route takes one from.
    Token(String),
    /// Claims to sign, where the route takes a token from. `iss`, `aud`, `iat` and `exp` are added where they are
    /// missing; `null` leaves one out.
    Claims(Map<String, Value>),
}

/// The keys of one trial.
pub(super) struct Keys(Vec<Option<Rc<KeySet>>>);

impl KeySource for Keys {
    fn current(&self, issuer: IssuerIndex) -> Option<Rc<KeySet>> {
        self.0.get(issuer.0).cloned().flatten()
    }

    fn look_again(&self, _: IssuerIndex, _: Need) -> Prospect {
        Prospect::Hopeless { retry_after: Duration::ZERO }
    }
}

type Headers = Vec<(String, Vec<u8>)>;

impl Call {
    /// The request as the filter gets it.
    pub(super) fn headers(&self) -> Headers {
        let pseudo = [(":method", &self.method), (":path", &self.path), (":authority", &self.host)];
        let pseudo = pseudo.into_iter().map(|(name, value)| (name.to_owned(), value.clone().into_bytes()));
        let others = self.headers.iter();
        let others = others.map(|(name, value)| (name.to_ascii_lowercase(), value.clone().into_bytes()));
        pseudo.chain([(":scheme".to_owned(), b"https".to_vec())]).chain(others).collect()
    }
}

impl<'c> Bench<'c> {
    /// With the keys that the configuration has inline.
    pub fn new(config: &'c Config, tree: &'c Tree, now: UnixTime) -> Self {
        let inline = |origin: &KeyOrigin| match origin {
            KeyOrigin::Inline(keys) => Some(Rc::clone(keys)),
            KeyOrigin::Fetched { .. } => None,
        };
        let keys = config.issuers.iter().map(|issuer| inline(&issuer.keys)).collect();
        Self { config, tree, keys, made: RefCell::default(), now }
    }

    /// Takes a JWKS for what issuers would be asked for.
    ///
    /// # Errors
    /// Why it is none.
    pub fn add_keys(&mut self, jwks: &str) -> Result<(), String> {
        let parsed = KeySet::parse(jwks.as_bytes()).map_err(|error| error.to_string())?;
        let keys = Rc::new(parsed.keys);
        for slot in self.keys.iter_mut().filter(|slot| slot.is_none()) {
            *slot = Some(Rc::clone(&keys));
        }
        Ok(())
    }

    /// Whether a token's issuer is one whose keys are not here.
    pub fn lacks_keys_for(&self, token: &str) -> Option<&str> {
        let token = UnverifiedToken::parse(token.as_bytes(), self.config.max_token_bytes).ok()?;
        let iss = token.unverified_issuer()?;
        let index = self.config.issuers.iter().position(|issuer| issuer.rules.issuer_name_value == iss)?;
        let lacking = self.keys.get(index).is_none_or(Option::is_none);
        self.config.issuers.get(index).map(|issuer| issuer.name.as_str()).filter(|_| lacking)
    }

    /// The template of a route.
    pub(super) fn template(&self, index: usize) -> Option<&str> {
        self.tree.get("routes")?.items().get(index)?.text_of("path")
    }

    pub(super) fn metadata(&self, call: &Call) -> Result<Metadata, String> {
        let Some(text) = &call.route_metadata else { return Ok(Metadata::Absent) };
        let json = Json::parse(text.as_bytes()).map_err(|error| format!("the route metadata: {error}"))?;
        let mut errors = Errors::new();
        match requirement(&Node::root(&json), &self.config.vocabulary, Empty::Refused, &mut errors) {
            Some(requirement) if errors.is_empty() => Ok(Metadata::Requirement(Rc::new(requirement))),
            _ => {
                let problems: Vec<_> = errors.iter().map(ToString::to_string).collect();
                Ok(Metadata::Bad(problems.join("; ").into()))
            }
        }
    }

    /// The request with its token, and the keys that judge it.
    pub(super) fn with_credential(
        &self,
        mut headers: Headers,
        places: &[Place],
        credential: &Credential,
    ) -> Result<(Headers, Keys), String> {
        let mut keys = self.keys.clone();
        let token = match credential {
            Credential::None => return Ok((headers, Keys(keys))),
            Credential::Token(token) => token.clone(),
            Credential::Claims(claims) => {
                let (index, token, set) = self.sign(claims)?;
                if let Some(slot) = keys.get_mut(index) {
                    *slot = Some(set);
                }
                token
            }
        };
        put(&mut headers, places.first().unwrap_or(&Place::Authorization), &token);
        Ok((headers, Keys(keys)))
    }

    /// A token of those claims, and the issuer whose key is replaced by the one that signed it.
    fn sign(&self, claims: &Map<String, Value>) -> Result<(usize, String, Rc<KeySet>), String> {
        let named = claims.get("iss").and_then(Value::as_str);
        let issuers = &self.config.issuers;
        // A token of an issuer that is not configured is signed too, and refused by the filter itself.
        let index = issuers.iter().position(|issuer| Some(issuer.rules.issuer_name_value.as_str()) == named);
        let index = index.unwrap_or(0);
        let rules = &issuers.get(index).ok_or("the configuration has no issuer")?.rules;
        let mut made = self.made.borrow_mut();
        let key = match made.entry(index) {
            std::collections::btree_map::Entry::Occupied(entry) => entry.into_mut(),
            std::collections::btree_map::Entry::Vacant(entry) => {
                entry.insert(key(&rules.accepted_algorithms)?)
            }
        };
        let mut token = Token::new(self.now).issuer(&rules.issuer_name_value);
        token = match rules.max_lifetime {
            Some(longest) => token.lifetime(longest.min(crate::mint::LIFETIME)),
            None => token,
        };
        token = token.without("aud").without("sub");
        let audience = rules.audiences.first().cloned().unwrap_or_default();
        let claim = rules.audience_from.first().map(|pointer| pointer.as_str()).unwrap_or("aud");
        if !claim.starts_with('/') {
            token = token.claim(claim, audience);
        }
        for typ in ["JWT", "at+jwt"] {
            if rules.accepted_types.contains(Some(typ)) {
                token = token.header("typ", typ);
                break;
            }
            token = token.without_header("typ");
        }
        let nulls: Vec<&String> =
            claims.iter().filter(|(_, value)| value.is_null()).map(|(name, _)| name).collect();
        token = token.claims(claims.clone());
        for name in nulls {
            token = token.without(name);
        }
        let text = token.sign(key).map_err(|error| error.to_string())?;
        let set =
            KeySet::parse(key_set([&*key]).to_string().as_bytes()).map_err(|error| error.to_string())?;
        Ok((index, text, Rc::new(set.keys)))
    }

    /// What the token is worth, whatever the routes ask.
    pub(super) fn token(
        &self,
        places: &[Place],
        headers: &Headers,
        keys: &Keys,
    ) -> Result<(TokenReport, Option<Rc<Identity>>), String> {
        if matches!(crate::bearer::present(places, headers), crate::bearer::Presented::Missing) {
            return Ok((TokenReport::Absent, None));
        }
        let plain = self.asking_for_a_token_only(places)?;
        let request = Request { headers, metadata: Metadata::Absent };
        match flow::decide(&plain, &request, keys, &InModule, &TokenCache::new(0), self.now, Patience::Over) {
            Step::Deny(refused) => Ok((TokenReport::Invalid(refused.facts), None)),
            Step::Forward(forward) => {
                let Some(identity) = forward.identity else { return Ok((TokenReport::Absent, None)) };
                let issuer = self.config.issuers.get(identity.issuer().0);
                let report = TokenReport::Valid {
                    issuer: issuer.map(|issuer| issuer.name.clone()).unwrap_or_default(),
                    names: [
                        ("roles", identity.roles().to_vec()),
                        ("groups", identity.groups().to_vec()),
                        ("scopes", identity.scopes().to_vec()),
                    ],
                };
                Ok((report, Some(identity)))
            }
            Step::Serve(_) | Step::AwaitKeys { .. } => Ok((TokenReport::NotRead, None)),
        }
    }

    /// The configuration with one requirement: any valid token.
    fn asking_for_a_token_only(&self, places: &[Place]) -> Result<Config, String> {
        let mut config = Config::parse(self.tree.to_json().as_bytes())
            .map_err(|errors| errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))?;
        let no_routes =
            crate::route::Table::build(Vec::new()).map_err(|_| "no routes conflict".to_owned())?;
        config.routes = no_routes.skipping(config.routes.skipped());
        config.default_policy = Requirement::new(policy::Rule::Authenticated(policy::Conditions::default()));
        config.enabled = true;
        config.report_only = false;
        config.bypass_cors_preflight = false;
        config.max_claim_header_bytes = usize::MAX;
        config.resource_metadata = Default::default();
        config.token_from = places.to_vec();
        Ok(config)
    }
}

/// A new key, of the algorithm that costs least to make one for.
fn key(accepted: &[crate::jose::algorithm::Algorithm]) -> Result<SigningKey, String> {
    let accepted = accepted.iter().filter_map(|algorithm| algorithm.name().parse::<Algorithm>().ok());
    let cheapest = accepted
        .min_by_key(|algorithm| matches!(algorithm.name().get(..2), Some("RS" | "PS")))
        .ok_or("no algorithm is accepted")?;
    SigningKey::generate(cheapest).map(|key| key.with_kid("made-for-this")).map_err(|error| error.to_string())
}

fn put(headers: &mut Headers, place: &Place, token: &str) {
    match place {
        Place::Authorization => {
            headers.push(("authorization".to_owned(), format!("Bearer {token}").into_bytes()))
        }
        Place::Header { name, prefix } => {
            headers.push((name.clone(), format!("{prefix}{token}").into_bytes()))
        }
        Place::Cookie { name } => headers.push(("cookie".to_owned(), format!("{name}={token}").into_bytes())),
        Place::Query { name } => {
            if let Some((_, path)) = headers.iter_mut().find(|(name, _)| name == ":path") {
                path.push(if path.contains(&b'?') { b'&' } else { b'?' });
                path.extend_from_slice(format!("{name}={token}").as_bytes());
            }
        }
    }
}
