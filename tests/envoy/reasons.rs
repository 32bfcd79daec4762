//! Every denial reason with a request that causes it: it is answered, counted once, and written to the access log.

use std::time::Duration;

use jwt_guard::denial::Reason;
use jwt_guard_testkit::mint::{AUDIENCE, Algorithm, ISSUER, SigningKey, Token};
use serde_json::{Value, json};

use crate::harness::{Answer, REASONS_LOG, Stack, cluster, now, plugin_with, wait_until};

/// An issuer whose keys cannot be fetched.
const DEAD: &str = "https://dead.example";

/// An issuer whose revocation list cannot be fetched.
const LISTLESS: &str = "https://listless.example";

/// The request that causes a reason.
enum Trigger {
    /// A GET of the path with the token, and the expected status.
    Request(&'static str, Option<String>, u16),
    /// Several requests, or a proof; another test covers it.
    Elsewhere,
}

fn trigger(reason: Reason, stack: &Stack) -> Trigger {
    let hour = Duration::from_secs(3600);
    let sign = |token: Token| Some(token.sign(&stack.key).unwrap());
    let token = || stack.token();
    let later = now().as_millis() / 1000 + 3600;
    let root = |token: Option<String>, status| Trigger::Request("/", token, status);
    let forbidden = |path| Trigger::Request(path, sign(stack.token()), 403);
    match reason {
        Reason::MissingToken => root(None, 401),
        Reason::BadRequest => root(Some("a,Bearer b".to_owned()), 400),
        Reason::Malformed => root(Some("garbage".to_owned()), 401),
        Reason::TooLong => root(Some("a".repeat(4097)), 401),
        Reason::UnknownIssuer => root(sign(token().issuer("https://evil.example")), 401),
        Reason::Algorithm => root(sign(token().header("alg", "none")), 401),
        Reason::Type => root(sign(token().header("typ", "dpop+jwt")), 401),
        Reason::Crit => root(sign(token().header("crit", json!(["exp"]))), 401),
        Reason::UnknownKid => root(sign(token().header("kid", "nobody's")), 401),
        Reason::RefusedKid => root(sign(token().header("kid", "stolen")), 401),
        Reason::BadKey => root(sign(token().header("kid", "elliptic")), 401),
        Reason::Signature => {
            let forger = SigningKey::generate(Algorithm::Rs256).unwrap().with_kid("first");
            root(Some(token().sign(&forger).unwrap()), 401)
        }
        Reason::Expired => root(sign(token().expired_for(hour)), 401),
        Reason::NotYetValid => root(sign(token().claim("nbf", later)), 401),
        Reason::Lifetime => root(sign(token().lifetime(2 * hour)), 401),
        Reason::Audience => root(sign(token().audience("nobody")), 401),
        Reason::ClaimType => root(sign(token().claim("exp", "soon")), 401),
        Reason::RefusedClaim => root(sign(token().claim("type", "refresh")), 401),
        Reason::Revoked => root(sign(token().claim("jti", "revoked")), 401),
        Reason::Confirmation => root(sign(token().claim("cnf", json!({ "kid": "a" }))), 401),
        Reason::DpopProof | Reason::DpopReplay => Trigger::Elsewhere,
        Reason::Role => forbidden("/role"),
        Reason::Group => forbidden("/group"),
        Reason::Scope => forbidden("/scope"),
        Reason::Claim => forbidden("/claim"),
        Reason::StepUp => Trigger::Request("/step-up", sign(stack.token()), 401),
        Reason::IssuerNotAllowed => forbidden("/issuer"),
        Reason::AudienceNotAllowed => forbidden("/audience"),
        Reason::Denied => Trigger::Request("/denied", None, 403),
        Reason::NoKeys => root(sign(token().issuer(DEAD)), 503),
        Reason::NoRevocationList => root(sign(token().issuer(LISTLESS)), 503),
        Reason::WaitingFull => Trigger::Elsewhere,
        Reason::AmbiguousPath => Trigger::Request("/%zz", None, 400),
        Reason::BadMetadata => Trigger::Request("/typo", None, 503),
        Reason::HeaderOversize => root(sign(token().claim("email", "e".repeat(65))), 403),
    }
}

fn configuration() -> Value {
    json!({
        "issuers": [
            {
                "issuer": ISSUER, "audience": [AUDIENCE, "billing"], "jwks_cluster": "issuer",
                "refused_kids": ["stolen"], "max_token_lifetime_seconds": 3600,
                "revocation_list_endpoint": "/revocations",
            },
            { "issuer": DEAD, "audience": AUDIENCE, "jwks_cluster": "dead" },
            {
                "issuer": LISTLESS, "audience": AUDIENCE, "jwks_cluster": "issuer",
                "revocation_list_endpoint": "/revocations", "revocation_list_cluster": "dead",
            },
        ],
        "max_token_bytes": 4096,
        "max_claim_header_bytes": 64,
        "routes": [
            { "path": "/role", "requires_role": "x" },
            { "path": "/group", "requires_group": "x" },
            { "path": "/scope", "requires_scope": "x" },
            { "path": "/claim", "requires_claim": { "claim": "x", "present": true } },
            { "path": "/step-up", "requires_step_up": { "acr": "phr" } },
            { "path": "/issuer", "requires_issuer": "dead_example" },
            { "path": "/audience", "requires_audience": "billing" },
            { "path": "/denied", "deny": true },
        ],
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn each_reason_is_reached_and_counted() {
    let first = SigningKey::generate(Algorithm::Rs256).unwrap().with_kid("first");
    let elliptic = SigningKey::generate(Algorithm::Es256).unwrap().with_kid("elliptic");
    let metadata = json!({ "filter_metadata": { "jwt_guard": { "requires_rolle": "x" } } });
    let stack = Stack::builder()
        .plugin(configuration())
        .keys([first, elliptic])
        .issuer_path("/revocations", Answer::ok(r#"["revoked"]"#))
        .envoy(|envoy| {
            envoy.access_log = REASONS_LOG.to_owned();
            // No server listens on this port.
            envoy.clusters = vec![cluster("dead", "127.0.0.1:1".parse().unwrap(), false)];
            envoy.routes = vec![
                json!({ "match": { "path": "/typo" }, "route": { "cluster": "upstream" }, "metadata": metadata }),
            ];
        })
        .start()
        .await;
    for kind in ["denied", "would_deny"] {
        let stats = stack.envoy.stats().await;
        for reason in Reason::ALL {
            let name = format!("wasmcustom.jwt_guard.{kind}.{reason}");
            assert_eq!(stats.get(&name), Some(&0), "{name}: the counter exists from the start with value 0");
        }
    }
    let mut expected = Vec::new();
    for reason in Reason::ALL {
        let (path, token, status) = match trigger(reason, &stack) {
            Trigger::Request(path, token, status) => (path, token, status),
            Trigger::Elsewhere => continue,
        };
        let request = stack.request("GET", path);
        let request = match &token {
            Some(token) => request.bearer(token),
            None => request,
        };
        assert_eq!(request.send().await.status, status, "{reason}");
        expected.push(format!("GET {path} {status} {reason}"));
    }
    assert_eq!(stack.envoy.access_logged(expected.len()).await, expected);
    for reason in Reason::ALL {
        let count = u64::from(!matches!(trigger(reason, &stack), Trigger::Elsewhere));
        stack.counted_denied(reason.as_str(), count).await;
    }
    assert_eq!(stack.upstream.count(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_queue_denies_and_empties() {
    let stack = Stack::builder()
        .plugin(plugin_with(json!({ "jwks_timeout_ms": 60_000, "routes": [{ "path": "/lenient", "allow_missing_or_failed": true }] })))
        .issuer_answers(Answer::held)
        .start()
        .await;
    // This token is denied when the keys arrive, so that no request reaches the upstream.
    let token = stack.token().audience("nobody").sign(&stack.key).unwrap();
    let mut guests = Vec::new();
    for _ in 0..4 {
        let client = stack.h2().await;
        guests.extend((0..250).map(|_| client.get_later("/", &token)));
    }
    let waiting = async || stack.envoy.stat("wasmcustom.jwt_guard.waiting").await;
    wait_until("a thousand requests wait", async || waiting().await == 1000).await;
    let refused = stack.get_with("/", &stack.good_token()).await;
    assert_eq!((refused.status, refused.error().as_str()), (503, "temporarily_unavailable"));
    assert_eq!((refused.text("retry-after"), refused.text("www-authenticate")), (Some("1"), None));
    stack.counted_denied(Reason::WaitingFull.as_str(), 1).await;
    assert_eq!(
        stack.get_with("/lenient", &stack.good_token()).await.status,
        200,
        "a failed token counts as no token"
    );
    assert!(!stack.upstream.last().has("x-auth-sub"));
    stack.issuer.release();
    for guest in guests {
        assert_eq!(guest.await.unwrap(), 401);
    }
    assert_eq!(waiting().await, 0);
    assert_eq!(stack.get_with("/", &stack.good_token()).await.status, 200);
}
