//! Tokens that are bound to a certificate, and tokens whose `cnf` the filter does not support.

use jwt_guard::config::Config;
use jwt_guard::jose::base64url;
use jwt_guard_testkit::mint::{Algorithm, Proof, shared_key};
use serde_json::{Value, json};

use super::fixture::{NOW, TestRequest, config, denied, describe, forwarded, get, good, key, token};

/// The SHA-256 digest of the client's certificate, in hexadecimal.
const CERTIFICATE: &str = "468ed33be74eee6556d90c0149c1309e9ba61d6425303443c0748a02dd8de688";
const OTHER: &str = "568ed33be74eee6556d90c0149c1309e9ba61d6425303443c0748a02dd8de688";

/// The same digest as a token carries it.
fn thumbprint() -> String {
    let bytes: Vec<u8> =
        (0..32).map(|at| u8::from_str_radix(&CERTIFICATE[2 * at..2 * at + 2], 16).unwrap()).collect();
    base64url::encode(&bytes)
}

fn with_cnf(cnf: Value) -> String {
    token().claim("cnf", cnf).sign(key()).unwrap()
}

fn bound() -> String {
    with_cnf(json!({ "x5t#S256": thumbprint() }))
}

fn step(config: &Config, request: &TestRequest) -> String {
    describe(&request.decide_with_keys(config))
}

#[test]
fn a_token_passes_only_with_the_certificate_that_it_is_bound_to() {
    let config = config(json!({}));
    for (request, expected) in [
        (get("/").bearer(&bound()).certificate(CERTIFICATE), "user-1"),
        (get("/").bearer(&bound()).certificate(&CERTIFICATE.to_uppercase()), "user-1"),
        (get("/").bearer(&good()).certificate(CERTIFICATE), "user-1"),
        (get("/").bearer(&good()), "user-1"),
        (get("/").bearer(&bound()).certificate(OTHER), "401 confirmation"),
        (get("/").bearer(&bound()).certificate(""), "401 confirmation"),
        (get("/").bearer(&bound()), "401 confirmation"),
        // The header counts only if the operator names it.
        (
            get("/").bearer(&bound()).header("x-forwarded-client-cert", format!("Hash={CERTIFICATE}")),
            "401 confirmation",
        ),
    ] {
        assert_eq!(step(&config, &request), expected);
    }
}

#[test]
fn the_header_of_a_proxy_counts_in_place_of_the_connection() {
    let config = config(json!({ "client_certificate_from": { "header": "x-forwarded-client-cert" } }));
    let request = |value: &str| get("/").bearer(&bound()).header("x-forwarded-client-cert", value);
    let envoy =
        format!("By=spiffe://mesh/gateway;Hash={CERTIFICATE};Subject=\"CN=client\";URI=spiffe://mesh/client");
    for (request, expected) in [
        (request(&envoy), "user-1"),
        (request(&format!("Hash={OTHER}")), "401 confirmation"),
        (request(&format!("{envoy},{envoy}")), "401 confirmation"),
        (request(&envoy).header("x-forwarded-client-cert", &envoy), "401 confirmation"),
        (request(&format!("URI=spiffe://mesh/a;Hash={CERTIFICATE}")), "401 confirmation"),
        (request(&format!("Hash={OTHER};URI=a;Hash={CERTIFICATE}")), "401 confirmation"),
        (get("/").bearer(&bound()).certificate(CERTIFICATE), "401 confirmation"),
    ] {
        assert_eq!(step(&config, &request), expected);
    }
    let refused = denied(request(&format!("{envoy},{envoy}")).decide_with_keys(&config));
    assert_eq!(
        refused.record.detail,
        "the token is bound to a client certificate (cnf x5t#S256), and x-forwarded-client-cert has more than one element"
    );
}

#[test]
fn a_cnf_that_is_not_supported_is_no_bearer_token() {
    let tokens = [
        with_cnf(json!({ "kid": "a" })),
        with_cnf(json!({ "jwk": {} })),
        with_cnf(json!({ "x5t#S256": "short" })),
        with_cnf(json!({ "x5t#S256": thumbprint(), "jkt": thumbprint() })),
        with_cnf(json!({ "jkt": thumbprint() })),
        with_cnf(json!("a")),
    ];
    let [enforce, require, ignore] =
        ["enforce", "require", "ignore"].map(|confirmation| config(json!({ "confirmation": confirmation })));
    for token in &tokens {
        let request = get("/").bearer(token).certificate(CERTIFICATE);
        assert_eq!(step(&enforce, &request), "401 confirmation");
        assert_eq!(step(&require, &request), "401 confirmation");
        assert_eq!(step(&ignore, &request), "user-1");
    }
    let plain = get("/").bearer(&good());
    assert_eq!(step(&require, &plain), "401 confirmation");
    assert_eq!(step(&require, &get("/").bearer(&bound()).certificate(CERTIFICATE)), "user-1");
    assert_eq!(step(&ignore, &get("/").bearer(&bound())), "user-1");
    let with_unknown = with_cnf(json!({ "x5t#S256": thumbprint(), "kid": "a" }));
    assert_eq!(step(&enforce, &get("/").bearer(&with_unknown).certificate(CERTIFICATE)), "user-1");
}

#[test]
fn a_token_that_is_not_confirmed_counts_as_an_invalid_one() {
    let config = config(json!({
        "realm": "orders",
        "routes": [
            { "path": "/optional", "allow_missing_or_failed": true },
            { "path": "/missing", "allow_missing": true },
            { "path": "/public", "allow_anonymous": true },
        ],
    }));
    let request = |path: &str| get(path).bearer(&bound());
    assert_eq!(step(&config, &request("/optional")), "anonymous");
    assert_eq!(step(&config, &request("/missing")), "401 confirmation");
    assert_eq!(step(&config, &request("/public")), "anonymous");
    let refused = denied(request("/").decide_with_keys(&config));
    let challenges: Vec<_> = refused
        .denial
        .headers
        .iter()
        .filter(|(name, _)| name == "www-authenticate")
        .map(|(_, value)| &**value)
        .collect();
    assert_eq!(
        challenges,
        [
            "Bearer realm=\"orders\", error=\"invalid_token\", error_description=\"The request does not confirm the binding of the token (cnf)\""
        ]
    );
    assert!(refused.record.to_string().contains(" issuer="), "{}", refused.record);
    for secret in [&bound()[..20], &thumbprint(), CERTIFICATE] {
        assert!(!refused.record.to_string().contains(secret));
    }
}

#[test]
fn a_token_with_both_members_needs_the_certificate_and_the_proof() {
    let config = config(json!({ "dpop": { "origin": "https://api.example" } }));
    let client = shared_key(Algorithm::Es256, "client");
    let token = with_cnf(json!({ "x5t#S256": thumbprint(), "jkt": client.thumbprint() }));
    let proof = Proof::new("GET", "https://api.example/", &token, client, NOW).unwrap().sign(client).unwrap();
    let request = || get("/").header("authorization", format!("DPoP {token}"));
    for (request, expected) in [
        (request().certificate(CERTIFICATE).header("dpop", &proof), "user-1"),
        (request().header("dpop", &proof), "401 confirmation"),
        (request().certificate(OTHER).header("dpop", &proof), "401 confirmation"),
        (request().certificate(CERTIFICATE), "401 dpop_proof"),
        (get("/").bearer(&token).certificate(CERTIFICATE).header("dpop", &proof), "401 confirmation"),
    ] {
        assert_eq!(step(&config, &request), expected);
    }
}

#[test]
fn report_only_and_shadow_rules_judge_bound_tokens() {
    let reports = config(json!({ "report_only": true }));
    assert_eq!(step(&reports, &get("/").bearer(&bound())), "anonymous, would deny confirmation");
    let shadow = config(json!({
        "routes": [{ "path": "/", "allow_anonymous": true, "shadow": { "allow_authenticated": true } }],
    }));
    assert_eq!(step(&shadow, &get("/").bearer(&bound())), "anonymous, would deny confirmation");
    assert_eq!(step(&shadow, &get("/").bearer(&bound()).certificate(CERTIFICATE)), "anonymous");
    let forward =
        forwarded(get("/").bearer(&bound()).certificate(CERTIFICATE).decide_with_keys(&config(json!({}))));
    assert!(forward.identity.is_some());
}
