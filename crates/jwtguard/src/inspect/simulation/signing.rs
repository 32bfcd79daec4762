//! Signs claims with a temporary key that replaces the issuer's keys.

use std::collections::btree_map::Entry;
use std::rc::Rc;

use serde_json::{Map, Value};

use super::simulator::{SimulatedKeys, Simulator};
use jwt_guard::jose::algorithm::Algorithm;
use jwt_guard::jose::jwks::KeySet;
use jwt_guard::jose::rules::TokenRules;
use jwt_guard::jose::tenants::{TenantIssuer, Tenants};
use jwt_guard::token_role::{SecondTokenIndex, TokenRole};
use jwt_guard_testkit::mint::{LIFETIME, SigningKey, Token, key_set};

/// The `kid` of a temporary key, unless the header of the token has one.
const KID: &str = "temporary";

impl Simulator<'_> {
    /// Signs claims, after adding the missing claims that the rules of their issuer require.
    pub(super) fn token_of(
        &self,
        claims: &Map<String, Value>,
        header: Option<&Map<String, Value>>,
        role: TokenRole,
        keys: &mut SimulatedKeys,
    ) -> Result<String, String> {
        let (issuer, rules) = self.issuer_of(claims, role)?;
        let mut token = Token::new(self.now).issuer(&rules.iss).without("aud").without("sub");
        if let Some(form) = &rules.tenants {
            let iss = claims.get("iss").and_then(Value::as_str);
            let tenant = iss.and_then(|iss| form.tenant_in(iss)).unwrap_or_else(|| example_tenant(form));
            token = token.issuer(&form.iss_of(tenant)).claim(form.claim(), tenant);
        }
        if let Some(longest) = rules.max_lifetime {
            token = token.lifetime(longest.min(LIFETIME));
        }
        let audience = rules.audiences.first().cloned().unwrap_or_default();
        let claim = rules.audience_from.first().map(|pointer| pointer.as_str()).unwrap_or("aud");
        if !claim.starts_with('/') {
            token = token.claim(claim, audience);
        }
        token = match header {
            Some(header) => with_header(token, header),
            None => with_accepted_type(token, rules),
        };
        token = token.claims(claims.clone());
        let nulls = claims.iter().filter(|(_, value)| value.is_null());
        token = nulls.fold(token, |token, (name, _)| token.without(name));
        self.sign(issuer, rules, &token, header, keys)
    }

    /// Signs a header and claims without changes.
    pub(super) fn token_of_parts(
        &self,
        header: &Map<String, Value>,
        claims: &Map<String, Value>,
        role: TokenRole,
        keys: &mut SimulatedKeys,
    ) -> Result<String, String> {
        let (issuer, rules) = self.issuer_of(claims, role)?;
        let bare = ["iss", "aud", "sub", "iat", "exp"].into_iter().fold(Token::new(self.now), Token::without);
        let token = with_header(bare, header).claims(claims.clone());
        self.sign(issuer, rules, &token, Some(header), keys)
    }

    /// Finds the issuer in the claims. Without an issuer, or for an unknown one, it is the first one that vouches for the
    /// token; the core refuses a token of an unknown issuer.
    fn issuer_of(
        &self,
        claims: &Map<String, Value>,
        role: TokenRole,
    ) -> Result<(usize, &TokenRules), String> {
        let named = claims.get("iss").and_then(Value::as_str);
        if let Some((index, issuer)) = named.and_then(|iss| self.config.issuer_of(iss)) {
            return Ok((index.0, &issuer.rules));
        }
        let second = |index: SecondTokenIndex| self.config.second_tokens.get(index.0)?.issuers.first();
        let index = match role {
            TokenRole::First => self.config.issuers.iter().position(|issuer| issuer.first_token),
            TokenRole::Second(index) => second(index).map(|issuer| issuer.0),
        };
        let index = index.unwrap_or_default();
        let issuer = self.config.issuers.get(index).ok_or("the configuration has no issuer")?;
        Ok((index, &issuer.rules))
    }

    /// Signs the token, and replaces the issuer's keys with the signing key.
    fn sign(
        &self,
        issuer: usize,
        rules: &TokenRules,
        token: &Token,
        header: Option<&Map<String, Value>>,
        keys: &mut SimulatedKeys,
    ) -> Result<String, String> {
        let text_of = |name: &str| header.and_then(|header| header.get(name)).and_then(Value::as_str);
        let algorithm = algorithm(rules, text_of("alg"))?;
        let mut made = self.temporary_keys.borrow_mut();
        let key = match made.entry((issuer, algorithm.name())) {
            Entry::Occupied(entry) => entry.into_mut(),
            Entry::Vacant(entry) => {
                entry.insert(SigningKey::generate(algorithm).map_err(|error| error.to_string())?)
            }
        };
        let key = key.clone().with_kid(text_of("kid").unwrap_or(KID));
        let set = KeySet::parse(key_set([&key]).to_string().as_bytes()).map_err(|error| error.to_string())?;
        keys.replace(issuer, Rc::new(set.keys));
        token.sign(&key).map_err(|error| error.to_string())
    }
}

/// A tenant whose tokens are accepted, for claims without an `iss`.
fn example_tenant(form: &TenantIssuer) -> &str {
    match form.tenants() {
        Tenants::Any => "tenant",
        Tenants::Listed(tenants) => tenants.first().map_or("tenant", String::as_str),
    }
}

/// Returns the wanted algorithm if it is accepted; otherwise an accepted one, preferably not RSA, whose keys are slow to
/// generate.
fn algorithm(rules: &TokenRules, wanted: Option<&str>) -> Result<Algorithm, String> {
    let wanted = wanted.and_then(Algorithm::from_name);
    let is_rsa = |algorithm: &Algorithm| matches!(algorithm.name().get(..2), Some("RS" | "PS"));
    let accepted = rules.accepted_algorithms.iter().copied();
    accepted
        .min_by_key(|algorithm| (Some(*algorithm) != wanted, is_rsa(algorithm)))
        .ok_or_else(|| "accepted_algorithms is empty; write at least one algorithm".to_owned())
}

/// Replaces the header of the token.
fn with_header(token: Token, header: &Map<String, Value>) -> Token {
    let bare = ["alg", "kid", "typ"].into_iter().fold(token, Token::without_header);
    header.iter().fold(bare, |token, (name, value)| token.header(name, value.clone()))
}

/// Sets a `typ` that the issuer's rules accept.
fn with_accepted_type(token: Token, rules: &TokenRules) -> Token {
    match ["JWT", "at+jwt"].into_iter().find(|typ| rules.accepted_types.contains(Some(*typ))) {
        Some(typ) => token.header("typ", typ),
        None => token.without_header("typ"),
    }
}
