//! Log messages about responses without keys: what was received, from where, and what to do.

use jwt_guard_testkit::mint::{AUDIENCE, SigningKey, key_set};
use serde_json::{Value, json};

use super::{another, assert_no_crash, figure, issuer, lines, token_of};
use crate::harness::{Answer, Stack, wait_until};

const SECRET: &str = "s3cr3t";

/// Responses with their log message; `None` if the response contains keys.
fn answers(key: &SigningKey) -> Vec<(&'static str, Answer, Option<&'static str>)> {
    let keys = key_set([key]).to_string();
    let mut padded = key.public_jwk();
    padded["n"] = json!(format!("{}==", padded["n"].as_str().unwrap()));
    let mut standard = key.public_jwk();
    standard["n"] = json!(format!("{}+", standard["n"].as_str().unwrap()));
    let mut missing = key.public_jwk();
    missing.as_object_mut().unwrap().remove("n");
    let mut certificate = missing.clone();
    certificate["x5c"] = json!(["MIIC"]);
    let set = |jwk: Value| Answer::ok(json!({ "keys": [jwk] }).to_string());
    let moved = |status: u16, location: &str| Answer::status(status).header("location", location);
    let login = format!("https://login.example:8443/{SECRET}?next={SECRET}");
    let forged = "x\n[2026-01-01 00:00:00][error] forged";
    let leads = "the filter does not follow redirects, and this one leads to https://login.example:8443;";
    vec![
        (
            "gzip",
            Answer::ok(b"\x1f\x8b\x08\0\0\0\0\0\0\x03".to_vec()).header("content-encoding", "gzip"),
            Some(r#"the body has the content-encoding "gzip""#),
        ),
        ("not_coded", Answer::ok(keys.clone()).header("content-encoding", "utf-8"), None),
        ("moved_301", moved(301, &login), Some(leads)),
        ("moved_302", moved(302, &login), Some(leads)),
        ("moved_303", moved(303, &login), Some(leads)),
        ("moved_307", moved(307, &login), Some(leads)),
        ("moved_308", moved(308, &login), Some(leads)),
        ("moved_here", moved(302, &format!("/{SECRET}")), Some("leads to another path of the same origin")),
        ("moved_nowhere", Answer::status(302), Some("status 302: the filter does not follow redirects")),
        (
            "moved_user",
            moved(302, &format!("https://user:{SECRET}@login.example/")),
            Some("leads to no http or https URL"),
        ),
        (
            "html",
            Answer::ok("\n <html><body>Sign in</body></html>").content_type("text/html; charset=utf-8"),
            Some(
                r#"not valid JSON: line 2, column 2 has "<html><body>Sign in</body></html" (content-type "text/html; charset=utf-8")"#,
            ),
        ),
        ("bom", Answer::ok(format!("\u{feff}{keys}")), None),
        (
            "two_boms",
            Answer::ok(format!("\u{feff}\u{feff}{keys}")),
            Some(r#"line 1, column 1 has "\u{feff}{\"keys\""#),
        ),
        (
            "comma",
            Answer::ok(r#"{"keys":[],}"#),
            Some(r#"line 1, column 12 has "}", after a trailing comma (content-type "application/json")"#),
        ),
        ("empty", Answer::ok(""), Some("not valid JSON: the body is empty")),
        (
            "twice",
            Answer::ok(r#"{"keys":[],"keys":[]}"#),
            Some("an object in the key set has the same member twice"),
        ),
        (
            "certificates",
            Answer::ok(json!({ "a": "-----BEGIN CERTIFICATE-----\nMIIC\n" }).to_string()),
            Some(
                "but an object of PEM certificates; use the URL at which the issuer publishes the same keys as a JWKS",
            ),
        ),
        (
            "document",
            Answer::ok(json!({ "issuer": "https://a", "jwks_uri": "https://a/k" }).to_string()),
            Some("but a discovery document; replace jwks_endpoint by discovery: true"),
        ),
        ("padded", set(padded), Some("its member n is padded base64url; remove each = at the end")),
        ("standard", set(standard), Some("its member n is standard base64")),
        ("missing", set(missing), Some("its member n is missing")),
        (
            "certificate",
            set(certificate),
            Some("its member n is missing, and the filter does not read the certificate in its x5c"),
        ),
        (
            "forged",
            Answer::ok(forged).content_type("text/plain; a=\"b\""),
            Some(r#"has "x\n[2026-01-01 00:00:00][error]"#),
        ),
        (
            "long",
            Answer::ok("<".repeat(1 << 20)),
            Some(r#"column 1 has "<<<<<<<<<<<<<<<<<<<<<<<<<<<<<<<<" ("#),
        ),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn each_response_without_keys_is_logged_with_its_url_and_cluster() {
    let key = another("first");
    let answers = answers(&key);
    let issuers: Vec<_> = answers.iter().map(|(name, ..)| issuer(name, json!({}))).collect();
    let mut builder = Stack::builder().plugin(json!({ "issuers": issuers })).keys([key.clone()]).workers(2);
    for (name, answer, _) in &answers {
        builder = builder.issuer_path(&format!("/{name}"), answer.clone());
    }
    let stack = builder.start().await;
    for (name, _, message) in &answers {
        match message {
            None => {
                wait_until(&format!("the keys of {name} are fetched"), async || {
                    figure(&stack, name, "keys").await == 1
                })
                .await;
                assert_eq!(stack.get_with("/", &token_of(&stack, name)).await.status, 200, "{name}");
                assert_eq!(lines(&stack, &format!("issuer {name}: fetching keys failed")), 0, "{name}");
            }
            Some(words) => {
                let begins = format!("issuer {name}: fetching keys failed");
                wait_until(&format!("the failure of {name} is logged"), async || lines(&stack, &begins) == 1)
                    .await;
                wait_until(&format!("{name}: {words}"), async || {
                    let log = stack.envoy.log();
                    log.lines().any(|line| line.contains(&format!("issuer {name}: ")) && line.contains(words))
                })
                .await;
                let log = stack.envoy.log();
                let line = log.lines().find(|line| line.contains(&begins)).unwrap();
                let requested = format!(
                    r#"requested the key set "https://{name}.example/{name}" through the cluster "issuer""#
                );
                assert!(line.contains(&requested), "{name}: {line}");
                assert!(line.len() < 1500, "{name}: {} bytes", line.len());
            }
        }
    }
    let log = stack.envoy.log();
    assert!(!log.contains(SECRET), "the log contains neither path nor query of a Location");
    assert!(!log.lines().any(|line| line.starts_with("[2026-01-01")), "an issuer cannot write a log line");
    for request in stack.issuer.requests() {
        let coding = request.headers.get("accept-encoding").map(|value| value.as_bytes());
        assert_eq!(coding, Some(&b"identity"[..]), "{}", request.path);
    }
    assert_no_crash(&stack);
}

/// Discovery fetches two documents: the log says which one failed and where it was requested.
#[tokio::test(flavor = "multi_thread")]
async fn the_document_that_could_not_be_fetched_is_named() {
    let key = another("first");
    let openid = "/.well-known/openid-configuration";
    let long = format!("https://issuer.example/{}", "k".repeat(10_000));
    let document = |path: &str, keys: &str| {
        json!({ "issuer": format!("https://issuer.example{path}"), "jwks_uri": keys }).to_string()
    };
    let cases: Vec<(&str, &str, Answer, String)> = vec![
        (
            "no_document",
            "/a",
            Answer::status(404),
            concat!(
                r#"status 404; the filter has no keys for this issuer, and requests with its tokens get 503; "#,
                r#"requested "#,
                r#"the discovery document "https://issuer.example/a/.well-known/openid-configuration" and then "#,
                r#""https://issuer.example/.well-known/oauth-authorization-server/a" through the cluster "issuer""#
            )
            .to_owned(),
        ),
        (
            "no_keys",
            "/b",
            Answer::ok(document("/b", "https://issuer.example/none")),
            concat!(
                r#"requested the key set "https://issuer.example/none" (jwks_uri of the discovery document) "#,
                r#"through the cluster "issuer""#
            )
            .to_owned(),
        ),
        (
            "a_slash_more",
            "/c",
            Answer::ok(document("/c/", "https://issuer.example/keys")),
            concat!(
                r#"its issuer is "https://issuer.example/c/"; the configured issuer is "#,
                r#""https://issuer.example/c", and the two must be equal"#
            )
            .to_owned(),
        ),
        (
            "a_placeholder",
            "/d",
            Answer::ok(document("/{tenantid}", "https://issuer.example/keys")),
            r#"its issuer is "https://issuer.example/{tenantid}""#.to_owned(),
        ),
        (
            "moved",
            "/e",
            Answer::status(302).header("location", &format!("https://login.example/{SECRET}")),
            "status 302: the filter does not follow redirects, and this one leads to https://login.example;".to_owned(),
        ),
        (
            "a_page",
            "/f",
            Answer::ok("<html>").content_type("text/html"),
            r#"line 1, column 1 has "<html>" (content-type "text/html")"#.to_owned(),
        ),
        (
            "coded",
            "/g",
            Answer::ok(b"\x1f\x8b\x08".to_vec()).header("content-encoding", "gzip"),
            r#"the body has the content-encoding "gzip""#.to_owned(),
        ),
        (
            "a_long_url",
            "/h",
            Answer::ok(document("/h", &long)),
            r#"kkkk"... (jwks_uri of the discovery document) through the cluster "issuer""#.to_owned(),
        ),
        (
            "a_forged_line",
            "/i",
            Answer::ok(document("/i\n[2026-01-01 00:00:00][error] forged", "https://issuer.example/keys")),
            r#"its issuer is "https://issuer.example/i\n[2026-01-01 00:00:00][error] forged""#.to_owned(),
        ),
    ];
    let issuers: Vec<_> = cases
        .iter()
        .map(|(name, path, ..)| {
            json!({
                "issuer": format!("https://issuer.example{path}"), "name": name, "audience": AUDIENCE,
                "discovery": true, "jwks_cluster": "issuer",
            })
        })
        .collect();
    let mut builder = Stack::builder().plugin(json!({ "issuers": issuers })).keys([key.clone()]);
    for (_, path, answer, _) in &cases {
        builder = builder.issuer_path(&format!("{path}{openid}"), answer.clone());
    }
    let stack = builder.start().await;
    for (name, _, _, words) in &cases {
        let begins = format!("issuer {name}: fetching keys failed");
        wait_until(&format!("the failure of {name} is logged"), async || lines(&stack, &begins) == 1).await;
        let log = stack.envoy.log();
        let line = log.lines().find(|line| line.contains(&begins)).unwrap();
        assert!(line.contains(words.as_str()), "{name}: {line}");
        assert!(line.len() < 1500, "{name}: {} bytes", line.len());
    }
    let log = stack.envoy.log();
    assert!(!log.contains(SECRET) && !log.lines().any(|line| line.starts_with("[2026-01-01")));
    for request in stack.issuer.requests() {
        let coding = request.headers.get("accept-encoding").map(|value| value.as_bytes());
        assert_eq!(coding, Some(&b"identity"[..]), "{}", request.path);
    }
    assert_no_crash(&stack);
}
