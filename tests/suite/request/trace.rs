//! The trace of a decision, which is the only input of the log, the metrics and `jwtguard explain`.

use jwt_guard::config::Config;
use jwt_guard::jose::algorithm::WasmVerifier;
use jwt_guard::jose::error::TokenError;
use jwt_guard::policy::{AnyAll, NonEmpty, Unmet};
use jwt_guard::request::{
    self, Annotations, AuthContext, Cause, Decision, Metadata, PolicyError, Request, RuleName, Step,
    TokenFailure, TokenOutcome, Wait,
};
use jwt_guard::route::{AmbiguousPath, VariantClass};
use jwt_guard::token_cache::TokenCache;
use jwt_guard::token_source::{MalformedCredential, TokenSource};
use serde_json::json;

use super::fixture::{Keys, NOW, UNAVAILABLE, config, expired, good};
use jwt_guard::http::HeaderMap;
use jwt_guard::request::KeyLookup;

fn headers(path: &str, token: Option<&str>) -> HeaderMap {
    let pseudo = [(":authority", "api.example"), (":method", "GET"), (":path", path)];
    let bearer = token.map(|token| ("authorization", format!("Bearer {token}")));
    let pseudo = pseudo.into_iter().map(|(name, value)| (name, value.to_owned()));
    pseudo.chain(bearer).collect()
}

/// Decides a request and passes the decision to `inspect`.
fn inspect_decision<T>(
    config: &Config,
    path: &str,
    token: Option<&str>,
    keys: &Keys,
    inspect: impl Fn(&Decision<'_>) -> T,
) -> T {
    let headers = headers(path, token);
    let request =
        Request { headers: &headers, metadata: Metadata::Absent, annotations: Annotations::default() };
    let cache = TokenCache::new(0);
    let with = AuthContext::new(config, keys, &WasmVerifier, &cache, NOW, Wait::Allowed);
    inspect(&request::decide(&with, &request))
}

fn policy() -> Config {
    config(json!({
        "default_policy": { "allow_authenticated": true },
        "routes": [
            { "path": "/open/**", "allow_anonymous": true },
            { "path": "/orders/**", "requires_role": "admin", "requires_scope": { "all": ["read", "write"] } },
            { "path": "/page", "allow_missing": true, "token_from": [{ "cookie": "session" }],
              "shadow": { "requires_group": "staff" } },
            { "path": "/lax", "allow_missing_or_failed": true },
        ],
    }))
}

#[test]
fn matched_routes_and_token_sources_are_reported() {
    let config = policy();
    inspect_decision(&config, "/orders/7", None, &Keys::available(), |decision| {
        let policy = decision.trace.policy.as_ref().unwrap();
        let applied: Vec<_> = policy.applied.iter().collect();
        assert_eq!(applied.len(), 1);
        assert_eq!(applied[0].rule, RuleName::Route(1));
        assert!(std::ptr::eq(applied[0].requirement, &config.routes.entries()[1].rule.requirement));
        assert!(applied[0].variant.is_none());
        assert_eq!(policy.token_sources, [TokenSource::Authorization].as_slice());
    });
    // The path as sent matches no route.
    inspect_decision(&config, "/open/..%2forders/7", None, &Keys::available(), |decision| {
        let policy = decision.trace.policy.as_ref().unwrap();
        let applied: Vec<_> = policy.applied.iter().collect();
        let rules: Vec<_> = applied.iter().map(|applied| &applied.rule).collect();
        assert_eq!(rules, [&RuleName::Route(0), &RuleName::Route(1)]);
        let reading = applied[1].variant.as_ref().unwrap();
        assert_eq!((reading.method.as_ref(), reading.path.as_ref()), ("GET", "/orders/7"));
        assert_eq!(reading.classes.first(), Some(&VariantClass::EncodedSlash));
    });
    inspect_decision(&config, "/page;x", None, &Keys::available(), |decision| {
        let policy = decision.trace.policy.as_ref().unwrap();
        let cookie = TokenSource::Cookie { name: "session".to_owned() };
        assert_eq!(policy.token_sources, [TokenSource::Authorization, cookie].as_slice());
        assert_eq!(policy.accepted_token_sources, [].as_slice());
    });
}

#[test]
fn the_failed_requirement_is_reported() {
    let config = policy();
    inspect_decision(&config, "/open/..%2forders/7", Some(&good()), &Keys::available(), |decision| {
        let Some(Cause::Requirement(refusal)) = &decision.trace.refusal else { panic!("{decision:?}") };
        assert!(matches!(decision.step, Step::Deny(_)));
        assert_eq!(refusal.requirement, 1);
        assert_eq!(refusal.unmet, Unmet::Role(&AnyAll::Any(NonEmpty::one("admin".to_owned()))));
        assert_eq!(refusal.scopes, ["read", "write"]);
        let record = decision.refusal().unwrap();
        assert_eq!(record.rule(), Some(&RuleName::Route(1)));
        assert_eq!(record.variant().as_deref(), Some("GET /orders/7"));
        assert_eq!(decision.would_deny().count(), 0);
    });
    inspect_decision(&config, "/a%zz", Some(&good()), &Keys::available(), |decision| {
        let refusal = &decision.trace.refusal;
        let broken = AmbiguousPath::BrokenEscape;
        assert!(matches!(refusal, Some(Cause::Policy(PolicyError::AmbiguousPath(path))) if *path == broken));
        assert!(decision.trace.policy.is_none() && decision.refusal().unwrap().rule().is_none());
        assert!(matches!(decision.trace.token, TokenOutcome::NotRead));
    });
    inspect_decision(&config, "/page;x", Some(&good()), &Keys::available(), |decision| {
        let Some(Cause::Credential(malformed)) = decision.trace.refusal else { panic!("{decision:?}") };
        assert_eq!(malformed, MalformedCredential::LocationNotAllowed);
    });
}

#[test]
fn the_token_outcome_is_reported() {
    let config = policy();
    let outcome = |path: &str, token: Option<&str>, keys: &Keys| {
        inspect_decision(&config, path, token, keys, |decision| match &decision.trace.token {
            TokenOutcome::NotRead => "not read".to_owned(),
            TokenOutcome::Absent => "absent".to_owned(),
            TokenOutcome::Verified(known) => format!("verified, {:?}", known.identity().issuer()),
            TokenOutcome::Failed(TokenFailure::Invalid {
                error: TokenError::Expired, issuer, kid, ..
            }) => {
                format!("expired, {} {}", issuer.unwrap().name, kid.as_deref().unwrap())
            }
            TokenOutcome::Failed(TokenFailure::NoKeys { waiting_full: false, retry_after, .. }) => {
                format!("no keys for {} ms", retry_after.as_millis())
            }
            TokenOutcome::Failed(TokenFailure::AwaitsKeys { .. }) => {
                assert!(matches!(decision.step, Step::Await(_)));
                "awaits keys".to_owned()
            }
            TokenOutcome::Failed(failure) => panic!("{failure}"),
        })
    };
    let (good, expired) = (good(), expired());
    for (path, token, keys, expected) in [
        ("/open/x", Some(&good), Keys::available(), "not read"),
        ("/", None, Keys::available(), "absent"),
        ("/", Some(&good), Keys::available(), "verified, IssuerIndex(0)"),
        ("/", Some(&expired), Keys::available(), "expired, issuer_example first"),
        ("/", Some(&good), Keys::none(UNAVAILABLE), "no keys for 6500 ms"),
        ("/", Some(&good), Keys::none(KeyLookup::Pending), "awaits keys"),
    ] {
        assert_eq!(outcome(path, token.map(String::as_str), &keys), expected, "{path} {expected}");
    }
}

#[test]
fn possible_denials_and_allowing_rules_are_reported() {
    let config = policy();
    inspect_decision(&config, "/page", None, &Keys::available(), |decision| {
        let [refusal] = decision.trace.shadow_refusals.as_slice() else { panic!("{decision:?}") };
        assert_eq!((refusal.requirement, refusal.unmet), (0, Unmet::MissingToken));
        assert!(decision.trace.refusal.is_none() && decision.refusal().is_none());
        assert_eq!(
            decision.would_deny().map(|record| record.rule().cloned()).collect::<Vec<_>>(),
            [Some(RuleName::Route(2))]
        );
        assert_eq!(decision.rules().collect::<Vec<_>>(), [RuleName::Route(2)]);
    });
    inspect_decision(&config, "/lax", Some(&good()), &Keys::none(UNAVAILABLE), |decision| {
        let reasons: Vec<_> = decision.would_deny().map(|record| record.reason.as_str()).collect();
        assert_eq!(reasons, ["no_keys"], "missing keys are reported if a failed token counts as no token");
    });
    let reporting =
        super::fixture::config(json!({ "report_only": true, "default_policy": { "deny": true } }));
    inspect_decision(&reporting, "/", None, &Keys::available(), |decision| {
        assert!(matches!(decision.step, Step::Forward(_)));
        let Some(Cause::Requirement(refusal)) = &decision.trace.refusal else { panic!("{decision:?}") };
        assert_eq!(refusal.unmet, Unmet::Denied);
        assert_eq!(decision.would_deny().count(), 1);
        assert_eq!(decision.rules().collect::<Vec<_>>(), [RuleName::ReportOnly]);
    });
}
