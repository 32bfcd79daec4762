//! DPoP proofs (RFC 9449): each rule is tested with a request that passes, in which one thing changes.

mod arbitrary;
mod clients;

use std::cell::RefCell;
use std::collections::BTreeSet;

use jwt_guard::config::Config;
use jwt_guard::dpop::{ReplayError, ReplayStore, UsedProof};
use jwt_guard::jose::algorithm::WasmVerifier;
use jwt_guard::request::{self, AuthContext, Request, Wait};
use jwt_guard::time::UnixTime;
use jwt_guard::token_cache::TokenCache;
use jwt_guard_testkit::mint::{Algorithm, Proof, SigningKey, broken_proofs, shared_key};
use serde_json::{Value, json};

use super::fixture::{
    Keys, NOW, TestRequest, config, denied, describe, forwarded, get, good, key, new_request, token,
};

const ORIGIN: &str = "https://api.example.com";
const URI: &str = "https://api.example.com/orders/7";

/// The key of the client.
fn client() -> &'static SigningKey {
    shared_key(Algorithm::Es256, "client")
}

fn with_dpop(members: Value) -> Config {
    let mut all = json!({ "realm": "orders", "dpop": { "origin": ORIGIN } });
    all.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    config(all)
}

/// A token that is bound to the key.
fn bound_to(key_of_client: &SigningKey) -> String {
    token().claim("cnf", json!({ "jkt": key_of_client.thumbprint() })).sign(key()).unwrap()
}

fn bound() -> String {
    bound_to(client())
}

fn proof() -> Proof {
    Proof::new("GET", URI, &bound(), client(), NOW).unwrap()
}

fn signed(proof: &Proof) -> String {
    proof.sign(client()).unwrap()
}

/// A request with the token under the scheme DPoP, and with this proof.
fn with_proof(token: &str, proof: &str) -> TestRequest {
    get("/orders/7").header("authorization", format!("DPoP {token}")).header("dpop", proof)
}

fn step(config: &Config, request: &TestRequest) -> String {
    describe(&request.decide_with_keys(config))
}

fn challenges(config: &Config, request: &TestRequest) -> Vec<String> {
    let headers = denied(request.decide_with_keys(config)).denial.headers;
    headers
        .into_iter()
        .filter(|(name, _)| name == "www-authenticate")
        .map(|(_, value)| value.into_owned())
        .collect()
}

#[test]
fn a_proof_for_the_request_passes_and_its_headers_go() {
    let config = with_dpop(json!({}));
    let request = with_proof(&bound(), &signed(&proof()));
    let forward = forwarded(request.decide_with_keys(&config));
    let upstream = request.upstream(&forward);
    assert!(upstream.iter().any(|(name, value)| name == "x-auth-sub" && value == "user-1"), "{upstream:?}");
    assert!(!upstream.iter().any(|(name, _)| name == "dpop" || name == "authorization"), "{upstream:?}");

    let forwards = with_dpop(json!({ "forward_token": true }));
    let forward = forwarded(request.decide_with_keys(&forwards));
    let upstream = request.upstream(&forward);
    for name in ["dpop", "authorization"] {
        assert!(upstream.iter().any(|(header, _)| header == name), "{name}");
    }
    // A bearer token beside a proof is a bearer token, and the proof goes.
    let bearer = get("/orders/7").bearer(&good()).header("dpop", signed(&proof()));
    let forward = forwarded(bearer.decide_with_keys(&config));
    assert!(!bearer.upstream(&forward).iter().any(|(name, _)| name == "dpop"));
}

#[test]
fn each_claim_and_header_of_a_proof_counts() {
    let config = with_dpop(json!({}));
    let seconds = NOW.as_millis() / 1000;
    let ordinary = [
        proof(),
        proof().header("typ", "application/dpop+jwt"),
        proof().header("kid", "a").claim("nonce", "a"),
        proof().claim("htu", "HTTPS://api.example.com:443/orders/%37?page=1#top"),
        proof().claim("iat", seconds - 59),
        proof().claim("iat", seconds - 60),
        proof().claim("iat", seconds + 60),
        proof().claim("iat", (seconds - 59) as f64 - 0.5),
    ];
    for proof in &ordinary {
        assert_eq!(step(&config, &with_proof(&bound(), &signed(proof))), "user-1", "{proof:?}");
    }
    let of_time = [
        ("the authority of the request", proof().claim("htu", "https://api.example/orders/7")),
        ("a second too old", proof().claim("iat", seconds - 61)),
        ("a second too early", proof().claim("iat", seconds + 61)),
    ];
    let changed = broken_proofs(&proof(), ORIGIN, (client(), key()), NOW, 60);
    for (label, proof) in changed.into_iter().chain(of_time) {
        assert_eq!(step(&config, &with_proof(&bound(), &signed(&proof))), "401 dpop_proof", "{label}");
    }
}

#[test]
fn exactly_one_well_formed_proof_counts() {
    let config = with_dpop(json!({}));
    let good_proof = signed(&proof());
    let dpop = || get("/orders/7").header("authorization", format!("DPoP {}", bound()));
    let mut forged = good_proof.clone();
    let last = forged.pop().unwrap();
    forged.push(if last == 'A' { 'Q' } else { 'A' });
    let long = signed(&proof().claim("pad", "a".repeat(4096)));
    let almost = signed(&proof().claim("pad", "a".repeat(2000)));
    for (label, request, expected) in [
        ("one", dpop().header("dpop", &good_proof), "user-1"),
        ("a long one", dpop().header("dpop", &almost), "user-1"),
        ("none", dpop(), "401 dpop_proof"),
        ("an empty one", dpop().header("dpop", ""), "401 dpop_proof"),
        ("two", dpop().header("dpop", &good_proof).header("dpop", &good_proof), "401 dpop_proof"),
        ("two in one", dpop().header("dpop", format!("{good_proof}, {good_proof}")), "401 dpop_proof"),
        ("too long", dpop().header("dpop", &long), "401 dpop_proof"),
        ("another signature", dpop().header("dpop", &forged), "401 dpop_proof"),
        ("the access token", dpop().header("dpop", bound()), "401 dpop_proof"),
        ("no JWT", dpop().header("dpop", "a.b.c"), "401 dpop_proof"),
    ] {
        assert_eq!(step(&config, &request), expected, "{label}");
    }
    let stolen = proof().sign(key()).unwrap();
    assert_eq!(step(&config, &dpop().header("dpop", stolen)), "401 dpop_proof", "signed by another key");
    // The proof is no access token.
    let swapped =
        get("/orders/7").header("authorization", format!("DPoP {good_proof}")).header("dpop", &good_proof);
    assert_eq!(step(&config, &swapped), "401 unknown_issuer");
}

#[test]
fn the_scheme_and_the_binding_belong_together() {
    let config = with_dpop(json!({
        "token_from": [{ "header": "authorization" }, { "cookie": "session" }],
    }));
    let proof = signed(&proof());
    let (bound, plain) = (bound(), good());
    let request = |authorization: String| {
        get("/orders/7").header("authorization", authorization).header("dpop", &proof)
    };
    for (label, request, expected) in [
        ("a bound token", request(format!("DPoP {bound}")), "user-1"),
        ("the scheme in another case", request(format!("dpop {bound}")), "user-1"),
        ("a bearer token", request(format!("Bearer {plain}")), "user-1"),
        ("a bound token as bearer", request(format!("Bearer {bound}")), "401 confirmation"),
        ("a bearer token as DPoP", request(format!("DPoP {plain}")), "401 confirmation"),
        (
            "a bound token in a cookie",
            get("/orders/7").header("cookie", format!("session={bound}")).header("dpop", &proof),
            "401 confirmation",
        ),
        (
            "both schemes",
            request(format!("DPoP {bound}")).header("authorization", format!("Bearer {plain}")),
            "400 bad_request",
        ),
        (
            "both schemes with one token",
            request(format!("DPoP {bound}")).header("authorization", format!("Bearer {bound}")),
            "400 bad_request",
        ),
        ("both schemes in one header", request(format!("DPoP {bound}, Bearer {plain}")), "400 bad_request"),
        (
            "another token in a cookie",
            request(format!("DPoP {bound}")).header("cookie", format!("session={plain}")),
            "400 bad_request",
        ),
        ("the scheme alone", request("DPoP".to_owned()), "400 bad_request"),
    ] {
        assert_eq!(step(&config, &request), expected, "{label}");
    }
    // Without dpop, the scheme is not read, and a bound token is refused.
    let without = super::fixture::config(json!({}));
    assert_eq!(step(&without, &request(format!("DPoP {bound}"))), "401 missing_token");
    assert_eq!(step(&without, &request(format!("Bearer {bound}"))), "401 confirmation");
}

#[test]
fn the_challenge_names_the_scheme_that_helps() {
    let config = with_dpop(json!({ "routes": [{ "path": "/admin", "requires_role": "admin" }] }));
    let both = |error: &str| {
        vec![format!("Bearer realm=\"orders\"{error}"), format!("DPoP algs=\"ES256 EdDSA\"{error}")]
    };
    assert_eq!(challenges(&config, &get("/")), both(""));
    let expired = get("/").bearer("a.b.c");
    let invalid = ", error=\"invalid_token\", error_description=\"Token is invalid\"";
    assert_eq!(challenges(&config, &expired), both(invalid));
    let only = |error: &str| vec![format!("DPoP algs=\"ES256 EdDSA\", {error}")];
    assert_eq!(challenges(&config, &get("/").header("authorization", "DPoP a.b.c")), only(&invalid[2..]));
    let not_confirmed = "error=\"invalid_token\", error_description=\"The request does not confirm the binding of the token (cnf)\"";
    assert_eq!(challenges(&config, &get("/").bearer(&bound())), only(not_confirmed));
    let no_proof = get("/").header("authorization", format!("DPoP {}", bound()));
    assert_eq!(
        challenges(&config, &no_proof),
        only("error=\"invalid_dpop_proof\", error_description=\"The DPoP proof is missing or invalid\"")
    );
    let to_admin = Proof::new("GET", "https://api.example.com/admin", &bound(), client(), NOW).unwrap();
    let admin =
        get("/admin").header("authorization", format!("DPoP {}", bound())).header("dpop", signed(&to_admin));
    assert_eq!(challenges(&config, &admin), only("error=\"insufficient_scope\""));
    assert_eq!(
        challenges(&config, &get("/admin").bearer(&good())),
        ["Bearer realm=\"orders\", error=\"insufficient_scope\""]
    );
}

#[test]
fn other_algorithms_and_origins_are_a_choice() {
    let keys = [Algorithm::Ed25519, Algorithm::Es384, Algorithm::Ps256, Algorithm::Rs256]
        .map(|algorithm| SigningKey::generate(algorithm).unwrap());
    let config = with_dpop(json!({ "dpop": {
        "origin": ["https://a.example", ORIGIN], "algorithms": ["EdDSA", "ES384", "PS256", "RS256"], "max_age_seconds": 5,
    } }));
    for client in &keys {
        let token = bound_to(client);
        let of = |uri: &str| Proof::new("GET", uri, &token, client, NOW).unwrap();
        for uri in [URI, "https://a.example/orders/7"] {
            assert_eq!(step(&config, &with_proof(&token, &of(uri).sign(client).unwrap())), "user-1");
        }
        let late = of(URI).claim("iat", NOW.as_millis() / 1000 - 6);
        assert_eq!(step(&config, &with_proof(&token, &late.sign(client).unwrap())), "401 dpop_proof");
    }
    assert_eq!(
        step(&config, &with_proof(&bound(), &signed(&proof()))),
        "401 dpop_proof",
        "ES256 is not listed"
    );
    // The host of the request is one of the origins, so the proof must be for that one.
    let proof = signed(&proof());
    let at = |host: &str| with_proof(&bound(), &proof).host(host);
    let config = with_dpop(json!({ "dpop": { "origin": ["https://a.example", ORIGIN] } }));
    assert_eq!(step(&config, &at("api.example.com")), "user-1");
    assert_eq!(step(&config, &at("internal")), "user-1");
    assert_eq!(step(&config, &at("a.example")), "401 dpop_proof");
    assert_eq!(step(&config, &at("evil.example")), "user-1", "the host of the request does not decide");
}

#[test]
fn a_large_rsa_key_is_refused_before_its_signature_is_verified() {
    let large = SigningKey::generate_rsa(Algorithm::Rs256, 4104).unwrap();
    let token = bound_to(&large);
    let config = with_dpop(json!({ "dpop": { "origin": ORIGIN, "algorithms": "RS256" } }));
    let proof = Proof::new("GET", URI, &token, &large, NOW).unwrap().sign(&large).unwrap();
    let refused = denied(with_proof(&token, &proof).decide_with_keys(&config));
    assert_eq!(refused.record.detail, "the RSA key of the DPoP proof has more than 4096 bits");
}

#[test]
fn no_refusal_tells_the_token_or_the_proof() {
    let config = with_dpop(json!({}));
    let wrong = proof().claim("jti", "secret-jti").claim("htm", "PUT");
    let request = with_proof(&bound(), &signed(&wrong));
    let refused = denied(request.decide_with_keys(&config));
    let line = refused.record.to_string();
    assert!(line.starts_with("reason=dpop_proof detail=\"the htm of the DPoP proof"), "{line}");
    for secret in ["secret-jti", &bound()[..20], &signed(&wrong)[..20], &client().thumbprint()] {
        assert!(!line.contains(secret), "{line}");
    }
}

/// A store that records what was marked.
#[derive(Default)]
struct Marks(RefCell<BTreeSet<String>>);

impl ReplayStore for Marks {
    fn mark(&self, used: &UsedProof, _: UnixTime) -> Result<(), ReplayError> {
        match self.0.borrow_mut().insert(used.proof.id.clone()) {
            true => Ok(()),
            false => Err(ReplayError::Replayed),
        }
    }
}

/// Decides a GET of the path under the scheme DPoP, with this record of used proofs.
fn with_marks(
    config: &Config,
    marks: &Marks,
    keys: &Keys,
    (path, token, proof): (&str, &str, &str),
) -> String {
    let authorization = format!("DPoP {token}");
    let headers = [
        (":authority", "a"),
        (":method", "GET"),
        (":path", path),
        ("authorization", &authorization),
        ("dpop", proof),
    ];
    let headers = headers.into_iter().collect();
    let request = Request {
        headers: &headers,
        metadata: request::Metadata::Absent,
        annotations: request::Annotations::default(),
    };
    let cache = TokenCache::new(4);
    let with = AuthContext {
        replays: marks,
        ..AuthContext::new(config, keys, &WasmVerifier, &cache, NOW, Wait::Allowed)
    };
    describe(&request::decide(&with, &request).into())
}

#[test]
fn a_proof_is_marked_when_its_request_is_forwarded_and_only_then() {
    let config = with_dpop(json!({ "routes": [
        { "path": "/orders/7", "allow_authenticated": true },
        { "path": "/admin", "requires_role": "admin" },
        { "path": "/optional", "allow_missing_or_failed": true },
        { "path": "/missing", "allow_missing": true },
        { "path": "/public", "allow_anonymous": true, "shadow": { "allow_authenticated": true } },
    ] }));
    let token = bound();
    let at = |path: &str| {
        let proof = Proof::new("GET", &format!("{ORIGIN}{path}"), &token, client(), NOW).unwrap();
        signed(&proof.claim("jti", "the only one"))
    };
    let marks = Marks::default();
    let keys = Keys::available();
    let decide = |path: &str| with_marks(&config, &marks, &keys, (path, &token, &at(path)));
    let is_marked = || !marks.0.borrow().is_empty();

    assert_eq!(decide("/admin"), "403 role");
    assert_eq!(decide("/public"), "anonymous");
    let waiting = Keys::none(request::KeyLookup::Pending);
    let first = with_marks(&config, &marks, &waiting, ("/orders/7", &token, &at("/orders/7")));
    assert_eq!(first, "wait for first keys");
    let reports = with_dpop(json!({ "report_only": true }));
    assert_eq!(with_marks(&reports, &marks, &keys, ("/orders/7", &token, &at("/orders/7"))), "user-1");
    assert!(!is_marked(), "nothing passed by the proof yet");

    assert_eq!(decide("/orders/7"), "user-1");
    assert!(is_marked());
    assert_eq!(decide("/orders/7"), "401 dpop_replay");
    assert_eq!(decide("/missing"), "401 dpop_replay");
    assert_eq!(decide("/optional"), "anonymous", "the token counts as none");
    assert_eq!(decide("/public"), "anonymous");
    assert_eq!(decide("/admin"), "403 role");
}

#[test]
fn a_post_needs_a_proof_for_post() {
    let config = with_dpop(json!({}));
    let post = |proof: &Proof| {
        let authorization = format!("DPoP {}", bound());
        new_request("POST", "/orders/7").header("authorization", authorization).header("dpop", signed(proof))
    };
    assert_eq!(step(&config, &post(&proof().claim("htm", "POST"))), "user-1");
    assert_eq!(step(&config, &post(&proof())), "401 dpop_proof");
}
