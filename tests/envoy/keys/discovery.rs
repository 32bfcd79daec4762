//! Keys whose URL comes from the discovery document. Each case is an issuer of one configuration.

use serde_json::{Value, json};

use super::{another, assert_no_crash, figure};
use crate::harness::{Answer, Issuer, Stack, cluster, wait_until};
use jwt_guard_testkit::mint::AUDIENCE;

struct Case {
    name: &'static str,
    issuer: &'static str,
    /// The path and content of its document; `None` means 404.
    document: Option<(&'static str, Value)>,
    other_cluster: bool,
    /// The expected log message of a failure.
    fails: Option<&'static str>,
}

fn document(issuer: &str, keys: &str) -> Value {
    json!({ "issuer": issuer, "jwks_uri": keys })
}

fn cases() -> Vec<Case> {
    let case = |name, issuer, document, fails| Case { name, issuer, document, other_cluster: false, fails };
    let openid = "/.well-known/openid-configuration";
    vec![
        case(
            "bare",
            "https://bare.example",
            Some((openid, document("https://bare.example", "https://bare.example/keys"))),
            None,
        ),
        case(
            "with_path",
            "http://issuer.example/realms/a",
            Some((
                "/realms/a/.well-known/openid-configuration",
                document("http://issuer.example/realms/a", "http://issuer.example/keys"),
            )),
            None,
        ),
        case(
            "rfc_8414",
            "https://issuer.example/tenant",
            Some((
                "/.well-known/oauth-authorization-server/tenant",
                document("https://issuer.example/tenant", "https://issuer.example:443/keys"),
            )),
            None,
        ),
        case(
            "another_issuer",
            "https://issuer.example/b",
            Some((
                "/b/.well-known/openid-configuration",
                document("https://issuer.example/other", "https://issuer.example/keys"),
            )),
            Some("the discovery document is for another issuer"),
        ),
        case(
            "plain_keys",
            "https://issuer.example/c",
            Some((
                "/c/.well-known/openid-configuration",
                document("https://issuer.example/c", "http://issuer.example/keys"),
            )),
            Some("the jwks_uri of its discovery document is an http URL"),
        ),
        case(
            "other_host_unasked",
            "https://issuer.example/d",
            Some((
                "/d/.well-known/openid-configuration",
                document("https://issuer.example/d", "https://keys.example/keys"),
            )),
            Some("jwks_uri is on another host"),
        ),
        Case {
            other_cluster: true,
            ..case(
                "other_host",
                "https://issuer.example/e",
                Some((
                    "/e/.well-known/openid-configuration",
                    document("https://issuer.example/e", "https://keys.example/elsewhere"),
                )),
                None,
            )
        },
        case("nowhere", "https://issuer.example/f", None, Some("status 404")),
        case(
            "no_document",
            "https://issuer.example/g",
            Some(("/g/.well-known/openid-configuration", json!([]))),
            Some("the discovery document is not a JSON object"),
        ),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_issuers_own_document_leads_to_keys() {
    let key = another("first");
    // Reached by jwks_cluster; discovery_cluster is the first issuer.
    let other = Issuer::reserve();
    other.up().await;
    other.answer("/elsewhere", Answer::keys([&key]));
    let issuers: Vec<_> = cases()
        .iter()
        .map(|case| {
            let mut issuer = json!({
                "issuer": case.issuer, "name": case.name, "audience": AUDIENCE, "discovery": true,
                "jwks_cluster": if case.other_cluster { "other" } else { "issuer" },
            });
            if case.other_cluster {
                issuer["discovery_cluster"] = json!("issuer");
            }
            issuer
        })
        .collect();
    let mut builder = Stack::builder()
        .plugin(json!({ "issuers": issuers }))
        .workers(2)
        .keys([key.clone()])
        .issuer_path("/keys", Answer::keys([&key]))
        .envoy(|envoy| envoy.clusters = vec![cluster("other", other.address(), false)]);
    for case in cases() {
        if let Some((path, document)) = case.document {
            builder = builder.issuer_path(path, Answer::ok(document.to_string()));
        }
    }
    let stack = builder.start().await;
    for case in cases() {
        let name = case.name;
        let token = stack.token().issuer(case.issuer).sign(&stack.key).unwrap();
        match case.fails {
            None => {
                wait_until(&format!("the keys of {name} are fetched"), async || {
                    figure(&stack, name, "keys").await == 1
                })
                .await;
                assert_eq!(stack.get_with("/", &token).await.status, 200, "{name}");
            }
            Some(words) => {
                wait_until(&format!("{name} fails"), async || {
                    figure(&stack, name, "refresh_failed").await >= 1
                })
                .await;
                assert_eq!(stack.get_with("/", &token).await.status, 503, "{name}");
                let log = stack.envoy.log();
                let logged =
                    log.lines().filter(|line| line.contains(&format!("issuer {name}: fetching keys failed")));
                let logged: Vec<_> = logged.collect();
                assert!(logged.len() == 1 && logged[0].contains(words), "{name}: {logged:?}");
            }
        }
    }
    assert_eq!(other.count("/elsewhere"), 1);
    // One refresh fetches the document once and the keys once in the whole process.
    assert_eq!(stack.issuer.count("/realms/a/.well-known/openid-configuration"), 1);
    assert_eq!(
        stack.issuer.count("/tenant/.well-known/openid-configuration"),
        1,
        "the first location answers 404"
    );
    assert_eq!(stack.issuer.count("/.well-known/oauth-authorization-server/tenant"), 1);
    assert_eq!(stack.issuer.count("/keys"), 3);
    assert_no_crash(&stack);
}

/// The discovery document can be fetched, but no request can be sent to the cluster of the keys.
#[tokio::test(flavor = "multi_thread")]
async fn a_document_whose_keys_cannot_be_fetched_is_logged_and_backed_off() {
    let path = "/.well-known/openid-configuration";
    let issuer = json!({
        "issuer": "https://issuer.example", "name": "nowhere", "audience": AUDIENCE, "discovery": true,
        "jwks_cluster": "no_such", "discovery_cluster": "issuer",
    });
    let document = document("https://issuer.example", "https://issuer.example/keys");
    let stack = Stack::builder()
        .plugin(issuer)
        .workers(2)
        .issuer_path(path, Answer::ok(document.to_string()))
        .start()
        .await;
    wait_until("the failure is counted", async || figure(&stack, "nowhere", "refresh_failed").await >= 1)
        .await;
    let token = stack.token().issuer("https://issuer.example").sign(&stack.key).unwrap();
    assert_eq!(stack.get_with("/", &token).await.status, 503);
    let log = stack.envoy.log();
    let logged: Vec<_> =
        log.lines().filter(|line| line.contains("issuer nowhere: fetching keys failed")).collect();
    assert!(logged.len() == 1 && logged[0].contains("check that the cluster is defined"), "{logged:?}");
    // Each of three VMs pauses for 1, 2 and 4 s, ± 20 %, so the twelfth request comes after at least 5.6 s. With one
    // request per second and VM, the twelfth would come before 4 s.
    wait_until("twelve documents are requested", async || stack.issuer.count(path) >= 12).await;
    let times = stack.issuer.times(path);
    let between = times[11].duration_since(times[0]);
    assert!(between >= std::time::Duration::from_secs(5), "twelve documents in {between:?}");
    assert_no_crash(&stack);
}
