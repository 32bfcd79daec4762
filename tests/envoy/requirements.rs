//! Every kind of requirement: one Envoy, one route per requirement, and tokens that meet it or narrowly fail.

use jwt_guard_testkit::mint::{Algorithm, ISSUER, SigningKey, Token, key_set};
use serde_json::{Value, json};

use crate::harness::{REASONS_LOG, Stack};

const OTHER_ISSUER: &str = "https://other.example";

/// The credential of the request.
#[derive(Debug, Clone, Copy)]
enum By {
    /// No token.
    None,
    /// A token of the first issuer with these claims, as JSON.
    Token(&'static str),
    /// A token of the second issuer with these claims.
    Other(&'static str),
    /// An expired token.
    Expired,
    /// A malformed token.
    Garbage,
}

use By::{Expired, Garbage, None as NoToken, Other, Token as With};

/// A requirement, and for each credential `-` if it meets the requirement, or the denial reason.
type Row = (Value, &'static [(By, &'static str)]);

fn table() -> Vec<Row> {
    vec![
        (
            json!({ "allow_anonymous": true }),
            &[(NoToken, "-"), (With("{}"), "-"), (Expired, "-"), (Garbage, "-")],
        ),
        (
            json!({ "allow_authenticated": true }),
            &[
                (NoToken, "missing_token"),
                (With("{}"), "-"),
                (Other("{}"), "-"),
                (Expired, "expired"),
                (Garbage, "malformed"),
            ],
        ),
        (
            json!({ "allow_missing": true }),
            &[(NoToken, "-"), (With("{}"), "-"), (Expired, "expired"), (Garbage, "malformed")],
        ),
        (
            json!({ "allow_missing": true, "requires_issuer": "other", "requires_audience": "billing" }),
            &[
                (NoToken, "-"),
                (With("{}"), "issuer_not_allowed"),
                (Other("{}"), "audience_not_allowed"),
                (Other(r#"{"aud":["orders-api","billing"]}"#), "-"),
                (Garbage, "malformed"),
            ],
        ),
        (
            json!({ "allow_missing_or_failed": true }),
            &[(NoToken, "-"), (With("{}"), "-"), (Expired, "-"), (Garbage, "-")],
        ),
        (json!({ "deny": true }), &[(NoToken, "denied"), (With("{}"), "denied"), (Garbage, "denied")]),
        (
            json!({ "requires_role": "admin" }),
            &[
                (NoToken, "missing_token"),
                (With("{}"), "role"),
                (With(r#"{"role":"admin"}"#), "-"),
                (With(r#"{"roles":["user","admin"]}"#), "-"),
                (With(r#"{"role":"user","roles":["admin"]}"#), "-"),
                (With(r#"{"role":"Admin"}"#), "role"),
                (With(r#"{"role":"admin user"}"#), "role"),
                (With(r#"{"role":["admin",1]}"#), "-"),
                (With(r#"{"role":{"admin":true}}"#), "role"),
                (Expired, "expired"),
            ],
        ),
        (
            json!({ "requires_role": ["admin", "root"] }),
            &[(With(r#"{"role":"root"}"#), "-"), (With(r#"{"role":"user"}"#), "role")],
        ),
        (
            json!({ "requires_role": { "all": ["a", "b"] } }),
            &[(With(r#"{"roles":["b","c","a"]}"#), "-"), (With(r#"{"roles":["a","c"]}"#), "role")],
        ),
        (
            json!({ "requires_group": { "all": "staff" } }),
            &[(With(r#"{"groups":"staff"}"#), "-"), (With(r#"{"role":"staff"}"#), "group")],
        ),
        (
            json!({ "requires_group": ["eu", "us"] }),
            &[(With(r#"{"groups":["us"]}"#), "-"), (With(r#"{"groups":[]}"#), "group")],
        ),
        (
            json!({ "requires_scope": "read" }),
            &[
                (With(r#"{"scope":"write read"}"#), "-"),
                (With(r#"{"scp":["read"]}"#), "-"),
                (With(r#"{"scope":"readonly"}"#), "scope"),
                (With("{}"), "scope"),
            ],
        ),
        (
            json!({ "requires_scope": { "any": ["read", "write"] } }),
            &[(With(r#"{"scope":"write"}"#), "-"), (With(r#"{"scope":"admin"}"#), "scope")],
        ),
        (
            json!({ "requires_scope": { "all": ["read", "write"] } }),
            &[(With(r#"{"scope":"write read"}"#), "-"), (With(r#"{"scope":"read"}"#), "scope")],
        ),
        (
            json!({ "requires_claim": { "claim": "tier", "any": ["gold", 7, true] } }),
            &[
                (With(r#"{"tier":"gold"}"#), "-"),
                (With(r#"{"tier":7}"#), "-"),
                (With(r#"{"tier":7.0}"#), "-"),
                (With(r#"{"tier":70e-1}"#), "-"),
                (With(r#"{"tier":true}"#), "-"),
                (With(r#"{"tier":["silver","gold"]}"#), "-"),
                (With(r#"{"tier":"7"}"#), "claim"),
                (With(r#"{"tier":"true"}"#), "claim"),
                (With(r#"{"tier":1}"#), "claim"),
                (With(r#"{"tier":false}"#), "claim"),
                (With(r#"{"tier":[["gold"]]}"#), "claim"),
                (With(r#"{"tier":{"gold":true}}"#), "claim"),
                (With(r#"{"tier":null}"#), "claim"),
                (With("{}"), "claim"),
            ],
        ),
        (
            json!({ "requires_claim": [{ "claim": "/org/tags", "all": ["a", "b"] }, { "claim": "a/b", "present": true }] }),
            &[
                (With(r#"{"org":{"tags":["b","a"]},"a/b":0}"#), "-"),
                (With(r#"{"org":{"tags":["b"]},"a/b":0}"#), "claim"),
                (With(r#"{"org":{"tags":["b","a"]},"a/b":null}"#), "claim"),
                (With(r#"{"org":{"tags":["b","a"]},"a":{"b":0}}"#), "claim"),
            ],
        ),
        // Values that exclude: the claim is absent, or has the type of the values and none of them.
        (
            json!({ "requires_claim": { "claim": "status", "none": ["suspended", "closed"] } }),
            &[
                (With(r#"{"status":"active"}"#), "-"),
                (With(r#"{"status":["active","new"]}"#), "-"),
                (With("{}"), "-"),
                (With(r#"{"status":null}"#), "-"),
                (With(r#"{"status":"suspended"}"#), "claim"),
                (With(r#"{"status":["active","closed"]}"#), "claim"),
                (With(r#"{"status":[["suspended"]]}"#), "claim"),
                (With(r#"{"status":{"suspended":true}}"#), "claim"),
                (With(r#"{"status":1}"#), "claim"),
                (NoToken, "missing_token"),
            ],
        ),
        // A parent of another shape does not make the claim absent.
        (
            json!({ "requires_claim": { "claim": "/account/status", "none": ["suspended"] } }),
            &[
                (With(r#"{"account":{"status":"active"}}"#), "-"),
                (With(r#"{"account":{}}"#), "-"),
                (With(r#"{"account":null}"#), "-"),
                (With("{}"), "-"),
                (With(r#"{"account":{"status":"suspended"}}"#), "claim"),
                (With(r#"{"account":"suspended"}"#), "claim"),
                (With(r#"{"account":[{"status":"suspended"}]}"#), "claim"),
            ],
        ),
        // GitHub Actions tokens of one organisation.
        (
            json!({ "requires_claim": { "claim": "sub", "prefix": "repo:my-org/" } }),
            &[
                (With(r#"{"sub":"repo:my-org/app:ref:refs/heads/main"}"#), "-"),
                (With(r#"{"sub":"repo:my-org-evil/app:ref:refs/heads/main"}"#), "claim"),
                (With(r#"{"sub":"x repo:my-org/app"}"#), "claim"),
                (With(r#"{"sub":"REPO:my-org/app"}"#), "claim"),
            ],
        ),
        // The users of one domain.
        (
            json!({ "requires_claim": [{ "claim": "email", "suffix": ["@example.com", "@example.org"] }, { "claim": "email_verified", "any": true }] }),
            &[
                (With(r#"{"email":"ada@example.com","email_verified":true}"#), "-"),
                (With(r#"{"email":["x","ada@example.org"],"email_verified":true}"#), "-"),
                (With(r#"{"email":"ada@example.com"}"#), "claim"),
                (With(r#"{"email":"ada@evil-example.com","email_verified":true}"#), "claim"),
                (With(r#"{"email":"ada@example.com.evil","email_verified":true}"#), "claim"),
                (With(r#"{"email":{"a":"ada@example.com"},"email_verified":true}"#), "claim"),
            ],
        ),
        // Tenants by number.
        (
            json!({ "requires_claim": { "claim": "tenant", "at_least": 1, "at_most": 100 } }),
            &[
                (With(r#"{"tenant":1}"#), "-"),
                (With(r#"{"tenant":100.0}"#), "-"),
                (With(r#"{"tenant":1e2}"#), "-"),
                (With(r#"{"tenant":0.9999999}"#), "claim"),
                (With(r#"{"tenant":101}"#), "claim"),
                (With(r#"{"tenant":1e300}"#), "claim"),
                (With(r#"{"tenant":"50"}"#), "claim"),
                (With(r#"{"tenant":[50]}"#), "claim"),
                (With("{}"), "claim"),
            ],
        ),
        (
            json!({ "requires_issuer": "other" }),
            &[(With("{}"), "issuer_not_allowed"), (Other("{}"), "-"), (NoToken, "missing_token")],
        ),
        (json!({ "requires_issuer": ["issuer_example", "other"] }), &[(With("{}"), "-"), (Other("{}"), "-")]),
        (
            json!({ "requires_audience": "billing" }),
            &[
                (Other("{}"), "audience_not_allowed"),
                (Other(r#"{"aud":"billing"}"#), "-"),
                (Other(r#"{"aud":["x","billing","orders-api"]}"#), "-"),
                (With(r#"{"aud":"billing"}"#), "audience"),
            ],
        ),
        (
            json!({ "requires_group": "staff", "any_of": [{ "requires_role": "admin" }, { "requires_scope": "all", "requires_claim": { "claim": "mfa", "any": true } }] }),
            &[
                (With(r#"{"groups":"staff","role":"admin"}"#), "-"),
                (With(r#"{"groups":"staff","scope":"all","mfa":true}"#), "-"),
                (With(r#"{"groups":"staff","scope":"all"}"#), "role"),
                (With(r#"{"groups":"staff"}"#), "role"),
                (With(r#"{"role":"admin"}"#), "group"),
                (NoToken, "missing_token"),
            ],
        ),
        (
            json!({ "requires_role": "admin", "requires_group": "staff", "requires_scope": "read" }),
            &[
                (With(r#"{"role":"admin","groups":"staff","scope":"read"}"#), "-"),
                (With(r#"{"role":"admin","groups":"staff"}"#), "scope"),
                (With(r#"{"role":"admin","scope":"read"}"#), "group"),
                (With(r#"{"groups":"staff","scope":"read"}"#), "role"),
            ],
        ),
        (
            json!({ "policy": "admins" }),
            &[(With(r#"{"role":"admin"}"#), "-"), (With("{}"), "role"), (NoToken, "missing_token")],
        ),
        (json!({ "policy": "open" }), &[(NoToken, "-"), (Garbage, "-")]),
        // A shadow requirement logs and never denies: the reason is in the access log of a request that passed.
        (
            json!({ "allow_authenticated": true, "shadow": { "requires_role": "admin" } }),
            &[
                (With("{}"), "would deny role"),
                (With(r#"{"role":"admin"}"#), "-"),
                (NoToken, "missing_token"),
            ],
        ),
        (
            json!({ "allow_anonymous": true, "shadow": { "policy": "admins" } }),
            &[
                (NoToken, "would deny missing_token"),
                (Garbage, "would deny malformed"),
                (Expired, "would deny expired"),
                (With("{}"), "would deny role"),
                (With(r#"{"role":"admin"}"#), "-"),
            ],
        ),
        (
            json!({ "policy": "shadowed" }),
            &[(With("{}"), "would deny group"), (With(r#"{"groups":"staff"}"#), "-")],
        ),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn every_requirement_is_enforced() {
    let table = table();
    let other_key = SigningKey::generate(Algorithm::Rs256).unwrap().with_kid("other-1");
    let route = |(index, (requirement, _)): (usize, &Row)| {
        let mut route = json!({ "path": format!("/{index}/**") });
        route.as_object_mut().unwrap().extend(requirement.as_object().unwrap().clone());
        route
    };
    let stack = Stack::builder()
        .plugin(json!({
            "issuers": [
                { "issuer": ISSUER, "audience": "orders-api", "jwks_cluster": "issuer" },
                {
                    "issuer": OTHER_ISSUER, "name": "other", "audience": ["orders-api", "billing"],
                    "jwks_inline": key_set([&other_key]),
                },
            ],
            "policies": {
                "admins": { "requires_role": "admin" },
                "open": { "allow_anonymous": true },
                "shadowed": { "allow_authenticated": true, "shadow": { "requires_group": "staff" } },
            },
            "default_policy": { "deny": true },
            "routes": table.iter().enumerate().map(route).collect::<Vec<_>>(),
        }))
        .envoy(|envoy| envoy.access_log = REASONS_LOG.to_owned())
        .start()
        .await;
    let claims = |token: Token, claims: &str| {
        let Ok(Value::Object(claims)) = serde_json::from_str(claims) else { panic!("{claims}") };
        token.claims(claims)
    };

    let mut expected = Vec::new();
    for (index, (requirement, rows)) in table.iter().enumerate() {
        for (by, outcome) in *rows {
            let path = format!("/{index}/{}", expected.len());
            let token = match by {
                NoToken => None,
                With(json) => Some(claims(stack.token(), json).sign(&stack.key).unwrap()),
                Other(json) => {
                    Some(claims(stack.token().issuer(OTHER_ISSUER), json).sign(&other_key).unwrap())
                }
                Expired => Some(
                    stack.token().expired_for(std::time::Duration::from_secs(600)).sign(&stack.key).unwrap(),
                ),
                Garbage => Some("garbage".to_owned()),
            };
            let request = stack.request("GET", &path);
            let request = match &token {
                Some(token) => request.bearer(token),
                None => request,
            };
            let before = stack.upstream.count();
            let answer = request.send().await;
            let (status, reason) = match *outcome {
                "-" => (200, "-"),
                outcome => match outcome.strip_prefix("would deny ") {
                    Some(reason) => (200, reason),
                    None => (status_of(outcome), outcome),
                },
            };
            assert_eq!(answer.status, status, "{requirement} with {by:?}: {outcome}");
            assert_eq!(
                stack.upstream.count() - before,
                usize::from(status == 200),
                "{requirement} with {by:?}"
            );
            expected.push(format!("GET {path} {status} {reason}"));
        }
    }
    assert_eq!(stack.envoy.access_logged(expected.len()).await, expected);

    assert_eq!(stack.get("/elsewhere").await.status, 403, "the default");
    let counted = |kind: &str| {
        table.iter().flat_map(|(_, rows)| *rows).filter(|(_, outcome)| *outcome == kind).count() as u64
    };
    for reason in ["role", "group", "scope", "claim", "issuer_not_allowed", "audience_not_allowed"] {
        stack.counted_denied(reason, counted(reason)).await;
        stack.counted_would_deny(reason, counted(&format!("would deny {reason}"))).await;
    }
}

fn status_of(reason: &str) -> u16 {
    match reason {
        "missing_token" | "expired" | "malformed" | "audience" => 401,
        _ => 403,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_default_policy_is_any_requirement() {
    for (policy, anonymous, user, admin) in
        [(json!({ "allow_missing": true }), 200, 200, 200), (json!({ "policy": "admins" }), 401, 403, 200)]
    {
        let stack = Stack::with_plugin(crate::harness::plugin_with(json!({
            "default_policy": policy, "policies": { "admins": { "requires_role": "admin" } },
        })))
        .await;
        assert_eq!(stack.get("/").await.status, anonymous, "{policy}");
        assert_eq!(stack.get_with("/", &stack.good_token()).await.status, user, "{policy}");
        let token = stack.token().claim("role", "admin").sign(&stack.key).unwrap();
        assert_eq!(stack.get_with("/", &token).await.status, admin, "{policy}");
    }
}
