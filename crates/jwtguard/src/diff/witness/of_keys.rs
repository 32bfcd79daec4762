//! Requests that show the change of a key.

use serde_json::{Map, Value, json};

use super::claims::{Claims, Pick};
use super::{Candidate, Token, Witness, Witnesses};
use crate::diff::demand::{Change, Demand};
use crate::diff::keys::KeyChange;
use jwt_guard::http::HeaderMap;
use jwt_guard::request::{Annotations, Metadata, Request, resolve_policy};
use jwt_guard::route::TemplateSegment;

/// The greatest number of paths that are tried for one key.
const MAX_PATHS: usize = 24;

/// Claims that a key adds to a request that passes otherwise.
type Addition = Map<String, Value>;

impl Witnesses<'_> {
    /// A request that the old policy refuses and the new one lets pass because of this key.
    pub fn of_key(&self, change: &KeyChange) -> Option<Witness> {
        if change.change != Change::Weaker {
            return None;
        }
        self.paths().into_iter().take(MAX_PATHS).find_map(|path| {
            let method = if change.key == "bypass_cors_preflight" { "OPTIONS" } else { "GET" };
            let sample = ["localhost", method, path.as_str()].map(str::to_owned);
            let candidates = self.candidates_of_key(change, &sample);
            candidates.into_iter().find_map(|candidate| self.tried(&sample, candidate, Change::Weaker))
        })
    }

    fn candidates_of_key(&self, change: &KeyChange, sample: &[String; 3]) -> Vec<Candidate> {
        match change.key.as_str() {
            "enabled" | "report_only" => return vec![Candidate::new(Token::None)],
            "bypass_cors_preflight" => {
                let headers = [("origin", "https://app.example"), ("access-control-request-method", "GET")];
                let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
                return vec![Candidate { headers, ..Candidate::new(Token::None) }];
            }
            _ => {}
        }
        let Some(issuer) = change.key.strip_prefix("issuers[").and_then(|rest| rest.split_once(']')) else {
            return Vec::new();
        };
        let (name, key) = issuer;
        let Some(issuer) = self.new.config.issuers.iter().find(|issuer| issuer.name == name) else {
            return Vec::new();
        };
        let base = self.claims_for(sample);
        let additions = self.additions(key.trim_start_matches('.'), change);
        let candidates = additions.into_iter().flat_map(|addition| {
            base.iter().map(move |base| {
                let mut claims = base.members.clone();
                if issuer.rules.tenants.is_none() {
                    claims.insert("iss".to_owned(), issuer.rules.iss.clone().into());
                }
                claims.extend(addition.clone());
                let candidate = Candidate::new(Token::Claims(claims));
                Candidate { headers: base.headers.clone(), ..candidate }
            })
        });
        candidates.collect()
    }

    /// Claims that meet the requirement of the new policy for a request.
    fn claims_for(&self, [host, method, path]: &[String; 3]) -> Vec<Claims> {
        let headers = [(":authority", host), (":method", method), (":path", path)];
        let headers: HeaderMap = headers.into_iter().map(|(name, value)| (name, value.as_str())).collect();
        let request =
            Request { headers: &headers, metadata: Metadata::Absent, annotations: Annotations::default() };
        let Ok(policy) = resolve_policy(&self.new.config, &request) else { return Vec::new() };
        let Demand::Conditions(conditions) = Demand::of(&policy, &self.new.config) else { return Vec::new() };
        let terms = conditions.token.of_valid_token.terms().unwrap_or_default();
        terms.iter().take(4).map(|term| Claims::of(term, self.new, host, self.now, Pick::Least)).collect()
    }

    /// The claims that the old value of a key refuses, and the new value does not.
    fn additions(&self, key: &str, change: &KeyChange) -> Vec<Addition> {
        let now = self.now.as_millis() / 1000;
        let claim = |name: &str, value: Value| [(name.to_owned(), value)].into_iter().collect::<Addition>();
        let [old, new] = [&change.old, &change.new];
        let added = list(new).into_iter().filter(|value| !list(old).contains(value));
        let number = |value: &Option<Value>| value.as_ref().and_then(Value::as_u64);
        match key {
            "audience" => added.map(|audience| claim("aud", audience)).collect(),
            // These depend on the header of the token, which claims do not have.
            "accepted_algorithms" | "accepted_types" | "refused_kids" => Vec::new(),
            "require_expiration" => vec![claim("exp", Value::Null)],
            "clock_skew_seconds" => {
                let expired = number(old).map(|skew| now.saturating_sub(skew + 1));
                expired.map(|exp| claim("exp", exp.into())).into_iter().collect()
            }
            "max_token_lifetime_seconds" => {
                let longest = number(old).map(|seconds| now + seconds + 1);
                let claims = longest.map(|exp| {
                    [("iat".to_owned(), now.into()), ("exp".to_owned(), Value::from(exp))]
                        .into_iter()
                        .collect()
                });
                claims.into_iter().collect()
            }
            "refused_claims" => {
                let members = old.as_ref().and_then(Value::as_object).into_iter().flatten();
                let refused = members.flat_map(|(name, values)| {
                    list(&Some(values.clone())).into_iter().map(move |value| (name, value))
                });
                refused.map(|(name, value)| claim(name, value)).collect()
            }
            "confirmation" => {
                // A digest of some other certificate.
                vec![claim("cnf", json!({ "x5t#S256": "A".repeat(43) })), Addition::new()]
            }
            _ => vec![Addition::new()],
        }
    }

    /// A path of each template of the new policy.
    fn paths(&self) -> Vec<String> {
        let entries = self.new.config.routes.entries();
        let paths = entries.iter().map(|entry| {
            let segments = entry.template.segments().map(|segment| match segment {
                TemplateSegment::Literal(text) => format!("/{text}"),
                TemplateSegment::Partial(partial) => format!("/{}any{}", partial.prefix, partial.suffix),
                TemplateSegment::Any(_) => "/any".to_owned(),
            });
            segments.collect::<String>()
        });
        let ascii = paths.filter(|path| !path.is_empty() && path.bytes().all(|byte| byte.is_ascii_graphic()));
        std::iter::once("/".to_owned()).chain(ascii).collect()
    }
}

fn list(value: &Option<Value>) -> Vec<Value> {
    match value {
        None => Vec::new(),
        Some(Value::Array(values)) => values.clone(),
        Some(value) => vec![value.clone()],
    }
}
