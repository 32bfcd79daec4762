//! Expired tokens: they cause no key lookup and no fetch.

use std::collections::BTreeMap;
use std::time::Duration;

use jwt_guard_testkit::mint::SigningKey;

use super::{another, assert_no_crash, figure};
use crate::harness::{Stack, plugin, wait_until};

fn expired(stack: &Stack, key: &SigningKey) -> String {
    stack.token().expired_for(Duration::from_secs(600)).sign(key).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_expired_token_with_an_unknown_kid_causes_no_fetch() {
    let stack = Stack::with_plugin(plugin()).await;
    assert_eq!(stack.get_with("/", &stack.good_token()).await.status, 200);
    let second = another("second");
    for _ in 0..5 {
        let refused = stack.get_with("/", &expired(&stack, &second)).await;
        assert_eq!(refused.status, 401);
        let challenge = refused.text("www-authenticate").unwrap();
        assert!(challenge.contains(r#"error_description="Token has expired""#), "{challenge}");
    }
    stack.counted_denied("expired", 5).await;
    stack.counted_denied("unknown_kid", 0).await;
    assert_eq!(stack.issuer.fetches(), 1, "expired tokens caused no fetch");

    // The same token before its expiry causes a fetch.
    let unknown = stack.token().sign(&second).unwrap();
    assert_eq!(stack.get_with("/", &unknown).await.status, 401);
    stack.counted_denied("unknown_kid", 1).await;
    assert_eq!(stack.issuer.fetches(), 2);

    // During the cooldown, the log says why there is no fetch.
    assert_eq!(stack.get_with("/", &unknown).await.status, 401);
    stack.envoy.logged("the next fetch for an unknown kid is allowed in").await;
    assert!(stack.envoy.log_contains("the keys were fetched 0 s ago"));
    assert_no_crash(&stack);
}

/// The signature of an expired token is not verified: a forged expired token is reported as expired.
#[tokio::test(flavor = "multi_thread")]
async fn a_forged_expired_token_is_expired() {
    let stack = Stack::with_plugin(plugin()).await;
    let forger = another("first");
    assert_eq!(stack.get_with("/", &expired(&stack, &forger)).await.status, 401);
    stack.counted_denied("expired", 1).await;
    stack.counted_denied("signature", 0).await;
    assert_eq!(stack.get_with("/", &stack.token().sign(&forger).unwrap()).await.status, 401);
    stack.counted_denied("signature", 1).await;
    stack.counted_denied("expired", 1).await;
    assert_eq!(stack.upstream.count(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_keys_an_expired_token_gets_401_and_a_valid_one_503() {
    let stack = Stack::builder().plugin(plugin()).issuer_down().start().await;
    wait_until("the first fetch failed", async || {
        figure(&stack, "issuer_example", "refresh_failed").await >= 1
    })
    .await;
    let refused = stack.get_with("/", &expired(&stack, &stack.key)).await;
    assert_eq!((refused.status, refused.error().as_str()), (401, "invalid_token"));
    assert_eq!(refused.text("retry-after"), None);
    let refused = stack.get_with("/", &stack.good_token()).await;
    assert_eq!((refused.status, refused.error().as_str()), (503, "temporarily_unavailable"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_detail_names_the_missing_claim() {
    let stack = Stack::with_plugin(plugin()).await;
    let hour = Duration::from_secs(3600);
    let mut counted: BTreeMap<&str, u64> = BTreeMap::new();
    for (token, reason, detail) in [
        (stack.token().expired_for(hour), "expired", "Token has expired"),
        (stack.token().without("exp"), "expired", "Token has no expiration time (exp)"),
        (stack.token().audience("nobody"), "audience", "Token is for another audience"),
        (stack.token().without("aud"), "audience", "Token has no audience (aud)"),
    ] {
        *counted.entry(reason).or_default() += 1;
        let refused = stack.get_with("/", &token.sign(&stack.key).unwrap()).await;
        assert_eq!(refused.status, 401, "{detail}");
        let challenge = refused.text("www-authenticate").unwrap();
        assert!(challenge.contains(&format!(r#"error_description="{detail}""#)), "{challenge}");
    }
    for (reason, count) in counted {
        stack.counted_denied(reason, count).await;
    }
    for detail in [
        "the token has expired",
        "the token has no exp, and require_expiration is true",
        "none of the token's audiences is configured for its issuer",
        "the token has no audience: the claims in audience_from (aud by default) contain no string",
    ] {
        stack.envoy.logged(detail).await;
    }
}
