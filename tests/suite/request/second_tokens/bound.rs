//! Second tokens, and first tokens beside them, that are bound to a key.

use std::cell::Cell;

use jwt_guard::dpop::{ReplayError, ReplayStore, UsedProof};
use jwt_guard::jose::algorithm::WasmVerifier;
use jwt_guard::request::{self, Annotations, AuthContext, Metadata, Request, Wait};
use jwt_guard::time::UnixTime;
use jwt_guard::token_cache::TokenCache;
use jwt_guard_testkit::mint::{Algorithm, Proof, shared_key};

use super::*;

const CERTIFICATE: &str = "468ed33be74eee6556d90c0149c1309e9ba61d6425303443c0748a02dd8de688";
const THUMBPRINT: &str = "Ro7TO-dO7mVW2QwBScEwnpumHWQlMDRDwHSKAt2N5og";

#[test]
fn a_second_token_can_be_bound_to_the_certificate_and_not_to_a_proof() {
    let config = config_with(json!({}), json!({ "dpop": { "origin": "https://api.example" } }));
    let with_cnf = |cnf: Value| {
        with_agent(get("/pay").bearer(&service()), &agent_token().claim("cnf", cnf).sign(key()).unwrap())
    };
    let step = |request: TestRequest| describe(&request.decide_with_keys(&config));
    let by_certificate = || with_cnf(json!({ "x5t#S256": THUMBPRINT }));
    assert_eq!(step(by_certificate().certificate(CERTIFICATE)), "user-1");
    assert_eq!(step(by_certificate()), "401 confirmation");
    assert_eq!(step(by_certificate().certificate(&CERTIFICATE.replace('4', "5"))), "401 confirmation");
    let by_proof = denied(with_cnf(json!({ "jkt": THUMBPRINT })).decide_with_keys(&config));
    assert_eq!(by_proof.record.reason, Reason::Confirmation);
    assert!(by_proof.record.detail.contains("a request has one DPoP proof"), "{}", by_proof.record.detail);
    assert!(!by_proof.denial.headers.iter().any(|(name, _)| name == "www-authenticate"));
}

/// Counts the marks; every proof is new.
#[derive(Default)]
struct Count(Cell<u32>);

impl ReplayStore for Count {
    fn mark(&self, _: &UsedProof, _: UnixTime) -> Result<(), ReplayError> {
        self.0.set(self.0.get() + 1);
        Ok(())
    }
}

#[test]
fn the_proof_of_the_first_token_is_marked_only_if_the_second_token_passes_too() {
    let config = config_with(json!({}), json!({ "dpop": { "origin": "https://api.example" } }));
    let client = shared_key(Algorithm::Es256, "client");
    let bound = service_token().claim("cnf", json!({ "jkt": client.thumbprint() })).sign(key()).unwrap();
    let proof =
        Proof::new("GET", "https://api.example/pay", &bound, client, NOW).unwrap().sign(client).unwrap();
    let marks = Count::default();
    let decide = |agent: Option<String>| {
        let agent = agent.map(|agent| format!("Bearer {agent}"));
        let authorization = format!("DPoP {bound}");
        let mut headers = vec![
            (":authority", "api.example"),
            (":method", "GET"),
            (":path", "/pay"),
            ("authorization", authorization.as_str()),
            ("dpop", proof.as_str()),
        ];
        headers.extend(agent.as_deref().map(|agent| (PLACE, agent)));
        let headers: HeaderMap = headers.into_iter().collect();
        let request =
            Request { headers: &headers, metadata: Metadata::Absent, annotations: Annotations::default() };
        let (keys, cache) = (Keys::available(), TokenCache::new(0));
        let with = AuthContext::new(&config, &keys, &WasmVerifier, &cache, NOW, Wait::Allowed);
        describe(&request::decide(&AuthContext { replays: &marks, ..with }, &request).into())
    };
    assert_eq!(decide(None), "401 missing_token");
    assert_eq!(decide(Some(agent_token().claim("scope", "read").sign(key()).unwrap())), "403 scope");
    assert_eq!(marks.0.get(), 0);
    assert_eq!(decide(Some(agent())), "user-1");
    assert_eq!(marks.0.get(), 1);
}
