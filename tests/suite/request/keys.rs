//! Missing keys: which requests wait, which get `retry-after`, and which pass without keys.

use std::rc::Rc;
use std::time::Duration;

use jwt_guard::jose::jwks::KeySet;
use jwt_guard::keys::RefreshReason;
use jwt_guard::request::{KeyLookup, Wait};
use jwt_guard::token_cache::TokenCache;
use jwt_guard_testkit::mint::{Algorithm, SigningKey};
use serde_json::{Value, json};

use super::fixture::{
    Keys, NOW, UNAVAILABLE, config, denied, describe, expired, forwarded, get, good, key, other_key,
    published, token,
};

#[test]
fn requests_wait_for_first_keys_only_if_keys_decide_and_may_arrive() {
    let cases: [(Value, [&str; 5]); 6] = [
        // Pending and waiting allowed, timed out, queue full; unavailable; fetched by another worker.
        (
            json!({ "allow_authenticated": true }),
            ["wait for first keys", "503 no_keys", "503 waiting_full", "503 no_keys", "user-1"],
        ),
        (
            json!({ "allow_missing": true }),
            ["wait for first keys", "503 no_keys", "503 waiting_full", "503 no_keys", "user-1"],
        ),
        (
            json!({ "allow_missing_or_failed": true }),
            [
                "wait for first keys",
                "anonymous, would deny no_keys",
                "anonymous, would deny waiting_full",
                "anonymous, would deny no_keys",
                "user-1",
            ],
        ),
        (json!({ "allow_anonymous": true }), ["anonymous"; 5]),
        (json!({ "deny": true }), ["403 denied"; 5]),
        (
            json!({ "allow_anonymous": true, "shadow": { "allow_authenticated": true } }),
            [
                "anonymous, would deny no_keys",
                "anonymous, would deny no_keys",
                "anonymous, would deny waiting_full",
                "anonymous, would deny no_keys",
                "anonymous",
            ],
        ),
    ];
    for (requirement, expected) in cases {
        let config = config(json!({ "default_policy": requirement }));
        let newer = KeyLookup::Updated(published([key()]));
        let rows = [
            (KeyLookup::Pending, Wait::Allowed),
            (KeyLookup::Pending, Wait::NotAllowed),
            (KeyLookup::Pending, Wait::QueueFull),
            (UNAVAILABLE, Wait::Allowed),
            (newer, Wait::Allowed),
        ];
        let request = get("/").bearer(&good());
        let outcomes: Vec<_> = rows
            .into_iter()
            .map(|(lookup, wait)| describe(&request.step(&config, &Keys::none(lookup), wait)))
            .collect();
        assert_eq!(outcomes, expected, "{requirement}");
        let none = decision_without_token(&config);
        assert!(!none.starts_with("wait"), "{requirement}: a request without a token does not wait");
    }
}

fn decision_without_token(config: &jwt_guard::config::Config) -> String {
    describe(&get("/").step(config, &Keys::none(KeyLookup::Pending), Wait::Allowed))
}

#[test]
fn a_request_waits_once_for_an_unknown_kid() {
    let config = config(json!({}));
    let request = get("/").bearer(&token().sign(other_key()).unwrap());
    let with = |lookup| Keys { lookup, ..Keys::available() };
    let newer = || KeyLookup::Updated(published([key(), other_key()]));
    for (label, lookup, wait, expected) in [
        ("a refresh may bring it", KeyLookup::Pending, Wait::Allowed, "wait for a kid"),
        ("it did not come in time", KeyLookup::Pending, Wait::NotAllowed, "401 unknown_kid"),
        ("too many wait", KeyLookup::Pending, Wait::QueueFull, "401 unknown_kid"),
        ("within the cooldown", UNAVAILABLE, Wait::Allowed, "401 unknown_kid"),
        ("another worker has it", newer(), Wait::Allowed, "user-1"),
    ] {
        let keys = with(lookup);
        assert_eq!(describe(&request.step(&config, &keys, wait)), expected, "{label}");
        assert!(keys.lookups.borrow().iter().all(|need| *need == RefreshReason::UnknownKid), "{label}");
    }
}

/// A worker with outdated keys takes over another worker's keys, and may still fetch newer ones.
#[test]
fn keys_that_another_worker_fetched_may_lack_the_kid_as_well() {
    let config = config(json!({}));
    let request = get("/").bearer(&token().sign(other_key()).unwrap());
    let same = || KeyLookup::Updated(published([key()]));
    for (label, then, wait, expected) in [
        ("a refresh is allowed", KeyLookup::Pending, Wait::Allowed, "wait for a kid"),
        ("it did not help", KeyLookup::Pending, Wait::NotAllowed, "401 unknown_kid"),
        ("within the cooldown", UNAVAILABLE, Wait::Allowed, "401 unknown_kid"),
        ("yet another fetched it", KeyLookup::Updated(published([other_key()])), Wait::Allowed, "user-1"),
        ("other workers keep fetching", same(), Wait::Allowed, "401 unknown_kid"),
    ] {
        let keys = Keys { lookup: same(), later: Some(then), ..Keys::available() };
        assert_eq!(describe(&request.step(&config, &keys, wait)), expected, "{label}");
        assert_eq!(*keys.lookups.borrow(), [RefreshReason::UnknownKid; 2], "{label}");
    }
}

#[test]
fn no_fetch_for_tokens_that_fail_without_a_key() {
    let config = config(json!({ "refused_kids": ["stolen"], "max_token_lifetime_seconds": 86_400 }));
    let stolen = key().clone().with_kid("stolen");
    for (label, token, expected) in [
        ("no shape", "garbage".to_owned(), "401 malformed"),
        ("no issuer", token().without("iss").sign(key()).unwrap(), "401 unknown_issuer"),
        ("another issuer", token().issuer("https://evil.example").sign(key()).unwrap(), "401 unknown_issuer"),
        ("no algorithm", token().header("alg", "none").sign(key()).unwrap(), "401 algorithm"),
        ("another algorithm", token().header("alg", "RS256").sign(key()).unwrap(), "401 algorithm"),
        ("a critical extension", token().header("crit", json!(["x"])).sign(key()).unwrap(), "401 crit"),
        ("another type", token().header("typ", "dpop+jwt").sign(key()).unwrap(), "401 type"),
        ("a refused kid", token().sign(&stolen).unwrap(), "401 refused_kid"),
        ("expired", expired(), "401 expired"),
        ("no exp", token().without("exp").sign(key()).unwrap(), "401 expired"),
        ("exp as text", token().claim("exp", "soon").sign(key()).unwrap(), "401 claim_type"),
        ("not yet valid", token().claim("nbf", 1_800_000_000).sign(key()).unwrap(), "401 not_yet_valid"),
        (
            "issued in the future",
            token().claim("iat", 1_800_000_000).sign(key()).unwrap(),
            "401 not_yet_valid",
        ),
        ("iat as a list", token().claim("iat", json!([1])).sign(key()).unwrap(), "401 claim_type"),
        (
            "too long a life",
            token().lifetime(Duration::from_secs(90_000)).sign(key()).unwrap(),
            "401 lifetime",
        ),
        ("expired, with an unknown kid", expired_of(other_key()), "401 expired"),
        ("expired, and forged", expired_of(&other_key().clone().with_kid("first")), "401 expired"),
    ] {
        let none = || Keys::none(KeyLookup::Pending);
        let old = || Keys { lookup: KeyLookup::Pending, ..Keys::available() };
        let hopeless = || Keys::none(UNAVAILABLE);
        for keys in [none(), old(), hopeless()] {
            let step = get("/").bearer(&token).step(&config, &keys, Wait::Allowed);
            assert_eq!(describe(&step), expected, "{label}");
            assert!(keys.lookups.borrow().is_empty(), "{label}");
        }
    }
    // With the same token without a fault, the request waits.
    let good = get("/").bearer(&token().lifetime(Duration::from_secs(3600)).sign(key()).unwrap());
    let step = good.step(&config, &Keys::none(KeyLookup::Pending), Wait::Allowed);
    assert_eq!(describe(&step), "wait for first keys");
}

fn expired_of(key: &SigningKey) -> String {
    token().expired_for(Duration::from_secs(600)).sign(key).unwrap()
}

/// Times are checked before the signature, but valid times alone let nothing pass: the signature is checked too.
#[test]
fn valid_times_do_not_replace_the_signature() {
    let config = config(json!({ "default_policy": { "allow_missing_or_failed": true } }));
    let forged = token().sign(&other_key().clone().with_kid("first")).unwrap();
    let forward = forwarded(get("/").bearer(&forged).decide_with_keys(&config));
    assert!(forward.identity.is_none() && forward.would_deny.is_empty());
    let request = get("/").bearer(&forged);
    assert!(!request.upstream(&forward).iter().any(|(name, _)| name.starts_with("x-auth-")));
}

/// A parked request whose token expires while it waits is denied, even if there are still no keys.
#[test]
fn a_token_may_expire_while_its_request_waits() {
    let config = config(json!({}));
    let request = get("/").bearer(&good());
    let cold = || Keys::none(KeyLookup::Pending);
    let outcome = |now, wait| describe(&request.decide(&config, &cold(), &TokenCache::new(8), now, wait));
    assert_eq!(outcome(NOW, Wait::Allowed), "wait for first keys");
    let later = NOW.saturating_add(Duration::from_secs(10 * 86_400));
    assert_eq!(outcome(later, Wait::Allowed), "401 expired");
    assert_eq!(outcome(later, Wait::NotAllowed), "401 expired");
}

/// If a failed token counts as no token, missing keys would otherwise be invisible.
#[test]
fn missing_keys_are_logged_when_a_failed_token_counts_as_none() {
    let lenient = json!({ "allow_missing_or_failed": true });
    let config = config(json!({ "default_policy": lenient }));
    let forward =
        |token: &str, keys: &Keys| forwarded(get("/").bearer(token).step(&config, keys, Wait::NotAllowed));
    let would_deny = forward(&good(), &Keys::none(UNAVAILABLE)).would_deny;
    assert_eq!(would_deny.len(), 1);
    let line = would_deny[0].to_string();
    assert!(
        line.starts_with("reason=no_keys detail=\"there are no keys to verify the token with; "),
        "{line}"
    );
    assert!(line.contains("allow_missing_or_failed lets the request pass without an identity"), "{line}");
    assert!(line.contains("issuer=issuer_example rule=default_policy"), "{line}");
    for (label, token, keys) in [
        ("a good token and keys", good(), Keys::available()),
        ("a token that failed by itself", expired(), Keys::available()),
        ("the same without keys", expired(), Keys::none(UNAVAILABLE)),
        ("not a token", "garbage".to_owned(), Keys::none(UNAVAILABLE)),
    ] {
        assert!(forward(&token, &keys).would_deny.is_empty(), "{label}");
    }
    let without = forwarded(get("/").step(&config, &Keys::none(UNAVAILABLE), Wait::NotAllowed));
    assert!(without.would_deny.is_empty(), "no token");
}

/// If no key has a kid, a token with a kid matches none of them, and another fetch would not help.
#[test]
fn no_fetch_for_a_kid_if_no_key_has_one() {
    let config = config(json!({}));
    let nameless = || {
        let mut jwk = key().public_jwk();
        jwk.as_object_mut().unwrap().remove("kid");
        jwk
    };
    let empty = || {
        let mut jwk = key().public_jwk();
        jwk["kid"] = json!("");
        jwk
    };
    let set = |keys: Vec<Value>| {
        Rc::new(KeySet::parse(json!({ "keys": keys }).to_string().as_bytes()).unwrap().keys)
    };
    let of =
        |keys: Vec<Value>| Keys { current: Some(set(keys)), lookup: KeyLookup::Pending, ..Keys::available() };
    for (label, keys) in [("none", vec![nameless()]), ("an empty one", vec![nameless(), empty()])] {
        let keys = of(keys);
        let refused = denied(get("/").bearer(&good()).step(&config, &keys, Wait::Allowed));
        assert_eq!((refused.denial.status, refused.record.reason.as_str()), (401, "unknown_kid"), "{label}");
        assert!(
            refused.record.detail.contains("none of the issuer's keys has a kid"),
            "{label}: {}",
            refused.record
        );
        assert!(keys.lookups.borrow().is_empty(), "{label}");
    }
    let mixed = of(vec![nameless(), other_key().public_jwk()]);
    let step = get("/").bearer(&good()).step(&config, &mixed, Wait::Allowed);
    assert_eq!(describe(&step), "wait for a kid", "one key has a kid, so a fetch may bring the missing kid");
    assert_eq!(*mixed.lookups.borrow(), [RefreshReason::UnknownKid]);
    let kidless = token().without_header("kid").sign(key()).unwrap();
    let keys = of(vec![nameless()]);
    assert_eq!(describe(&get("/").bearer(&kidless).step(&config, &keys, Wait::Allowed)), "user-1");
}

#[test]
fn an_unknown_kid_within_the_cooldown_says_when_keys_are_fetched() {
    let config = config(json!({}));
    let request = get("/").bearer(&token().sign(other_key()).unwrap());
    let detail = |keys: Keys| denied(request.step(&config, &keys, Wait::NotAllowed)).record.detail;
    let fetched = Keys { age: Some(Duration::from_millis(12_900)), ..Keys::available() };
    assert_eq!(
        detail(fetched),
        "the issuer has no key with the token's kid; the keys were fetched 12 s ago, and the next fetch for an unknown \
         kid is allowed in 7 s"
    );
    let plain = "the issuer has no key with the token's kid";
    assert_eq!(detail(Keys::available()), plain, "keys that were never fetched");
    let asking = Keys { lookup: KeyLookup::Pending, age: Some(Duration::ZERO), ..Keys::available() };
    assert_eq!(detail(asking), plain, "a fetch is under way");
}

#[test]
fn the_log_says_that_more_keys_fit_than_are_tried() {
    let config = config(json!({}));
    let keys: Vec<SigningKey> =
        (0..7).map(|_| SigningKey::generate(Algorithm::Es256).unwrap().with_kid("one")).collect();
    let with = |keys: &[SigningKey]| Keys { current: Some(published(keys)), ..Keys::available() };
    let refused_with = |keys: &[SigningKey], token: String| {
        let record = denied(get("/").bearer(&token).step(&config, &with(keys), Wait::Allowed)).record;
        assert_eq!(record.reason.as_str(), "signature");
        record.detail
    };
    let words = |count| format!("{count} keys fit, and the filter tries 4");
    let last = &keys[6];
    let detail = refused_with(&keys, token().without_header("kid").sign(last).unwrap());
    assert!(detail.contains(&words(7)), "{detail}");
    let detail = refused_with(&keys[..6], token().sign(&keys[5]).unwrap());
    assert!(detail.contains(&words(6)), "{detail}");
    let detail = refused_with(&keys[..4], token().sign(last).unwrap());
    assert!(!detail.contains("the filter tries"), "all that fit were tried: {detail}");
    let fourth = get("/").bearer(&token().sign(&keys[3]).unwrap());
    assert_eq!(describe(&fourth.step(&config, &with(&keys), Wait::Allowed)), "user-1");
}

#[test]
fn a_denial_without_keys_has_retry_after() {
    let config = config(json!({}));
    for (lookup, wait, seconds) in [
        (UNAVAILABLE, Wait::Allowed, "7"),
        (KeyLookup::Pending, Wait::NotAllowed, "1"),
        (KeyLookup::Pending, Wait::QueueFull, "1"),
    ] {
        let denial = denied(get("/").bearer(&good()).step(&config, &Keys::none(lookup), wait)).denial;
        assert_eq!(denial.status, 503);
        let header =
            |name: &str| denial.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value);
        assert_eq!(header("retry-after").map(|value| &**value), Some(seconds));
        assert_eq!(header("www-authenticate"), None);
    }
}

#[test]
fn a_parked_request_is_decided_with_the_keys_that_arrive() {
    let config = config(json!({ "default_policy": { "requires_role": "admin" } }));
    for (label, token, expected) in [
        ("good", token().claim("role", "admin").sign(key()).unwrap(), "user-1"),
        ("without the role", good(), "403 role"),
        ("for another audience", token().audience("nobody").sign(key()).unwrap(), "401 audience"),
        ("of another key", token().sign(other_key()).unwrap(), "401 unknown_kid"),
    ] {
        let request = get("/").bearer(&token);
        let cold = Keys::none(KeyLookup::Pending);
        assert_eq!(describe(&request.step(&config, &cold, Wait::Allowed)), "wait for first keys", "{label}");
        assert_eq!(describe(&request.step(&config, &Keys::available(), Wait::Allowed)), expected, "{label}");
    }
}
