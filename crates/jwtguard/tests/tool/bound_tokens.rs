//! Bound tokens in `check`, `explain`, `test`, `mint` and `dpop`.

use jwt_guard::jose::base64url;
use serde_json::Value;

use crate::run::{Folder, jwtguard, jwtguard_with};

const PLUGIN: &str = r#"
issuer: https://a.example
audience: a
jwks_cluster: c
jwks_endpoint: /k
dpop: { origin: https://api.example.com }
routes:
- { path: /payments, requires_scope: pay }
"#;

const DIGEST: &str = "468ed33be74eee6556d90c0149c1309e9ba61d6425303443c0748a02dd8de688";
const THUMBPRINT: &str = "Ro7TO-dO7mVW2QwBScEwnpumHWQlMDRDwHSKAt2N5og";

fn claims_of(token: &str) -> Value {
    serde_json::from_slice(&base64url::decode(token.trim().split('.').nth(1).unwrap().as_bytes()).unwrap())
        .unwrap()
}

#[test]
fn mint_binds_a_token_and_dpop_proves_the_key() {
    let folder = Folder::new("bound-tokens");
    let [key, client] = ["key.json", "client.json"].map(|name| {
        let jwk = jwtguard(&["keygen", "--alg", "ES256"]);
        assert_eq!(jwk.status, 0, "{}", jwk.err);
        folder.file(name, &jwk.out)
    });
    let minted = |more: &[&str]| jwtguard(&[&["mint", "--key", &key], more].concat());
    let bound = minted(&["--cnf-jkt", &client, "--cnf-x5t", DIGEST]);
    assert_eq!(bound.status, 0, "{}", bound.err);
    let cnf = claims_of(&bound.out)["cnf"].clone();
    assert_eq!(cnf["x5t#S256"], THUMBPRINT);
    let jkt = cnf["jkt"].as_str().unwrap();
    assert_eq!(
        claims_of(&minted(&["--cnf-jkt", jkt]).out)["cnf"]["jkt"],
        jkt,
        "a thumbprint in place of the file"
    );
    assert_eq!(claims_of(&minted(&["--cnf-x5t", THUMBPRINT]).out)["cnf"]["x5t#S256"], THUMBPRINT);
    // Base64url can start with a hyphen.
    let hyphen = format!("-{}", &THUMBPRINT[1..]);
    for (option, member) in [("--cnf-jkt", "jkt"), ("--cnf-x5t", "x5t#S256")] {
        assert_eq!(claims_of(&minted(&[option, &hyphen]).out)["cnf"][member], hyphen.as_str(), "{option}");
    }
    assert_eq!(minted(&["--cnf-x5t", "short"]).status, 2);
    assert_eq!(minted(&["--cnf-jkt", "absent.json"]).status, 1);

    let proof = |more: &[&str]| {
        let arguments =
            ["dpop", "--key", &client, "--token", bound.out.trim(), "--uri", "https://a.example/x?y"];
        jwtguard(&[&arguments[..], more].concat())
    };
    let claims = claims_of(&proof(&["--method", "POST", "--claim", "jti=7"]).out);
    assert_eq!(
        (&claims["htm"], &claims["htu"], &claims["jti"]),
        (&"POST".into(), &"https://a.example/x".into(), &7.into())
    );
    assert!(claims["ath"].as_str().is_some_and(|ath| ath.len() == 43));

    // The filter accepts both.
    let plugin = folder.file(
        "plugin.yaml",
        &format!(
            "{}\n",
            PLUGIN
                .replace("https://a.example", "https://issuer.example")
                .replace("audience: a", "audience: orders-api")
                .replace("jwks_endpoint: /k", "jwks_endpoint: /k\naccepted_algorithms: ES256")
        ),
    );
    let jwks = folder.file("jwks.json", &jwtguard(&["jwks", "--key", &key]).out);
    let token = jwtguard(&["mint", "--key", &key, "--cnf-jkt", &client, "--claim", "scope=pay"]).out;
    let signed = jwtguard(&[
        "dpop",
        "--key",
        &client,
        "--token",
        token.trim(),
        "--uri",
        "https://api.example.com/payments",
    ])
    .out;
    let explain = |header: &str| {
        jwtguard(&[
            "explain",
            &plugin,
            "--request",
            "GET /payments",
            "--token",
            token.trim(),
            "--jwks",
            &jwks,
            "--header",
            header,
        ])
    };
    let passes = explain(&format!("dpop={}", signed.trim()));
    assert_eq!(passes.status, 0, "{}{}", passes.out, passes.err);
    let refused = explain("dpop=a.b.c");
    assert_eq!(refused.status, 1);
    assert!(refused.out.contains("dpop_proof"), "{}", refused.out);
}

#[test]
fn explain_and_test_bind_the_tokens_that_they_generate() {
    let folder = Folder::new("bound-tests");
    let plugin = folder.file("plugin.yaml", PLUGIN);
    let explain = |more: &[&str]| {
        jwtguard(&[&["explain", &plugin, "--request", "POST /payments?x=1", "--claims"], more].concat())
    };
    assert_eq!(explain(&[r#"{"scope":"pay"}"#, "--dpop"]).status, 0);
    assert_eq!(explain(&[r#"{"scope":"pay"}"#]).status, 0, "a bearer token is still accepted");
    let bound = format!(r#"{{"scope":"pay","cnf":{{"x5t#S256":"{THUMBPRINT}"}}}}"#);
    assert_eq!(explain(&[&bound, "--client-certificate", DIGEST]).status, 0);
    assert_eq!(explain(&[&bound, "--client-certificate", DIGEST, "--dpop"]).status, 0, "bound to both");
    assert_eq!(explain(&[&bound, "--dpop"]).status, 1);
    let from_header = "client_certificate_from: { header: x-forwarded-client-cert }\nroutes:";
    let from_header = folder.file("header.yaml", &PLUGIN.replace("routes:", from_header));
    let request = ["explain", &from_header, "--request", "GET /a", "--claims", &bound];
    assert_eq!(jwtguard(&[&request[..], &["--client-certificate", DIGEST]].concat()).status, 0);
    assert_eq!(jwtguard(&request).status, 1);
    // The proof is for the origin that has the host of the request.
    let origins = PLUGIN.replace("https://api.example.com", "[https://a.example, 'http://[::1]:8080']");
    let origins = folder.file("origins.yaml", &origins);
    for host in ["a.example", "[::1]:8080", "A.example.:443", "internal"] {
        let request =
            ["explain", &origins, "--request", "GET /a", "--host", host, "--claims", "{}", "--dpop"];
        assert_eq!(jwtguard(&request).status, 0, "{host}");
    }
    let escaped = ["explain", &plugin, "--request", "GET /caf\u{e9}", "--claims", "{}", "--dpop"];
    assert_eq!(jwtguard(&escaped).status, 0);
    let without = explain(&[&bound]);
    assert_eq!(without.status, 1);
    assert!(
        without.out.contains("reason       confirmation") || without.out.contains("confirmation"),
        "{}",
        without.out
    );

    let tests = folder.file("tests.yaml", &format!(
        r#"
config: plugin.yaml
tests:
- {{ request: POST /payments, claims: {{ scope: pay }}, dpop: true, expect: pass }}
- {{ request: POST /payments, claims: {{ scope: read }}, dpop: true, expect: {{ reason: scope }} }}
- {{ request: GET /payments, claims: {{ scope: pay, cnf: {{ jkt: "{THUMBPRINT}" }} }}, dpop: true, expect: {{ reason: dpop_proof }} }}
- {{ request: GET /payments, claims: {{ scope: pay, cnf: {{ "x5t#S256": "{THUMBPRINT}" }} }}, client_certificate: {DIGEST}, expect: pass }}
- {{ request: GET /payments, claims: {{ scope: pay, cnf: {{ "x5t#S256": "{THUMBPRINT}" }} }}, expect: {{ status: 401, reason: confirmation }} }}
"#
    ));
    let ran = jwtguard(&["test", &tests]);
    assert_eq!(ran.status, 0, "{}{}", ran.out, ran.err);
    let mistaken = folder.file(
        "mistake.yaml",
        "config: plugin.yaml\ntests:\n- { request: GET /a, client_certificate: a, expect: pass }\n",
    );
    let ran = jwtguard(&["test", &mistaken]);
    assert!(ran.err.contains("expected the SHA-256 digest of a certificate"), "{}{}", ran.out, ran.err);
}

#[test]
fn check_warns_of_settings_that_help_a_thief() {
    let warnings = |plugin: &str| jwtguard_with(&["check", "-"], plugin).err;
    assert!(warnings(PLUGIN).contains(" 0 warnings"), "{}", warnings(PLUGIN));
    let ignored = PLUGIN.replace("audience: a", "audience: a\nconfirmation: ignore");
    assert!(
        warnings(&ignored)
            .contains("confirmation: is ignore: a token that is bound to a key passes without the key"),
        "{}",
        warnings(&ignored)
    );
    let plain = PLUGIN.replace("https://api.example.com", "http://api.example.com");
    assert!(
        warnings(&plain).contains("http://api.example.com:80 has the scheme http"),
        "{}",
        warnings(&plain)
    );
    let local = PLUGIN.replace("https://api.example.com", "http://localhost:10000");
    assert!(!warnings(&local).contains("has the scheme http"));
    let cookies = PLUGIN.replace("routes:", "token_from: { cookie: session }\nroutes:");
    assert!(warnings(&cookies).contains("dpop: has no effect"), "{}", warnings(&cookies));
}

#[test]
fn check_knows_who_can_write_the_certificate_header() {
    let example = crate::run::read("envoy/envoy.yaml");
    let filter = "client_certificate_from: { header: x-forwarded-client-cert }\n                            jwks_cluster: issuer";
    let from_header = example.replacen("jwks_cluster: issuer", filter, 1);
    let with = |mode: &str| {
        let manager = format!("normalize_path: true\n                forward_client_cert_details: {mode}");
        jwtguard_with(&["check", "-"], &from_header.replacen("normalize_path: true", &manager, 1))
    };
    for mode in ["SANITIZE_SET", "APPEND_FORWARD", "3"] {
        assert!(!with(mode).err.contains("x-forwarded-client-cert"), "{mode}: {}", with(mode).err);
    }
    for mode in ["FORWARD_ONLY", "ALWAYS_FORWARD_ONLY"] {
        let ran = with(mode);
        assert_eq!(ran.status, 0, "{}", ran.err);
        assert!(
            ran.err.contains(&format!("forward_client_cert_details: is {mode}: each client")),
            "{}",
            ran.err
        );
    }
    for ran in [with("SANITIZE"), jwtguard_with(&["check", "-"], &from_header)] {
        assert_eq!(ran.status, 1, "{}", ran.err);
        assert!(ran.err.contains("so no token that is bound to a certificate passes"), "{}", ran.err);
    }
    let of_connection = example.replacen(
        "normalize_path: true",
        "normalize_path: true\n                forward_client_cert_details: FORWARD_ONLY",
        1,
    );
    assert!(!jwtguard_with(&["check", "-"], &of_connection).err.contains("forward_client_cert_details"));
}

#[test]
fn check_reports_routes_that_match_on_the_proof() {
    let example = crate::run::read("envoy/envoy.yaml");
    let matches = "- match: { prefix: /, headers: [{ name: DPoP, present_match: true }] }\n";
    let routed = example.replacen("- match: { prefix: / }\n", matches, 1);
    let dpop = "dpop: { origin: https://api.example.com }\n                            jwks_cluster: issuer";
    let with_dpop = routed.replacen("jwks_cluster: issuer", dpop, 1);
    let check = |file: &str| jwtguard_with(&["check", "-"], file).err;
    let finding = "matches on the header DPoP, which the filter edits";
    assert!(check(&with_dpop).contains(finding), "{}", check(&with_dpop));
    assert!(!check(&routed).contains(finding), "without dpop, the filter does not remove the header");
    let forwards = with_dpop.replacen("dpop:", "forward_token: true\n                            dpop:", 1);
    assert!(!check(&forwards).contains(finding), "{}", check(&forwards));
}
