//! Tokens that are bound to a client certificate (RFC 8705): mutual TLS, and a certificate that a proxy passes on.

use rcgen::SanType;
use serde_json::{Value, json};

use crate::harness::{
    Authority, ClientCertificate, Connection, Protocol, Stack, TlsClient, Version, plugin_with, wait_until,
};
use crate::outcome::{self, expose_reasons};
use jwt_guard_testkit::client::{H2Client, Request};

const HOST: &str = "api.example";

/// An Envoy with TLS for clients.
async fn stack(plugin: Value, listener_tls: Value, connection_manager: Value) -> Stack {
    let change = |envoy: &mut crate::harness::Bootstrap| {
        expose_reasons(envoy);
        envoy.listener_tls = listener_tls;
        let manager = envoy.connection_manager.as_object_mut().unwrap();
        manager.extend(connection_manager.as_object().unwrap().clone());
    };
    Stack::builder().plugin(plugin_with(plugin)).workers(2).envoy(change).start().await
}

fn bound_to(stack: &Stack, certificate: &ClientCertificate) -> String {
    let cnf = json!({ "x5t#S256": certificate.thumbprint() });
    stack.token().claim("cnf", cnf).sign(&stack.key).unwrap()
}

/// The outcome of a GET with the token over a new connection, and whether that connection resumed a session.
async fn get(stack: &Stack, client: &TlsClient, protocol: Protocol, token: &str) -> (String, bool) {
    let (stream, is_resumed) = client.connect(stack.address(), HOST).await;
    let outcome = match protocol {
        Protocol::Http1 => {
            let mut connection = Connection::over(stream);
            connection.write(&Request::new(stack.address(), "GET", "/").bearer(token).to_bytes()).await;
            outcome::of(&connection.response().await)
        }
        Protocol::Http2 => {
            let mut connection = H2Client::over(stream, HOST).await;
            let value = format!("Bearer {token}");
            let headers: [(&str, &[u8]); 1] = [("authorization", value.as_bytes())];
            let response = connection.send("GET", "/", &headers, b"", hyper::HeaderMap::new()).await;
            let reason =
                response.headers.get("x-reason").map_or("no reason", |value| value.to_str().unwrap());
            if response.status == 200 { "passed".to_owned() } else { reason.to_owned() }
        }
    };
    (outcome, is_resumed)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bound_token_passes_on_connections_with_its_certificate() {
    let authority = Authority::new();
    let cached = json!({ "token_cache_entries": 16 });
    let stack = stack(cached, authority.listener_socket(HOST, false, &json!({})), json!({})).await;
    let (own, other) = (authority.client(vec![]), authority.client(vec![]));
    let bound = bound_to(&stack, &own);
    let plain = stack.good_token();
    for protocol in [Protocol::Http1, Protocol::Http2] {
        for version in [Version::Tls12, Version::Tls13] {
            let [with_own, with_other, without] = [Some(&own), Some(&other), None]
                .map(|certificate| authority.connector(certificate, protocol, version));
            for (client, token, expected) in [
                (&with_own, &bound, "passed"),
                (&with_other, &bound, "confirmation"),
                (&without, &bound, "confirmation"),
                (&with_own, &plain, "passed"),
                (&without, &plain, "passed"),
            ] {
                let mut resumed = 0;
                for _ in 0..6 {
                    let (outcome, is_resumed) = get(&stack, client, protocol, token).await;
                    assert_eq!(outcome, expected, "{protocol:?} {version:?}");
                    resumed += usize::from(is_resumed);
                }
                assert!(resumed > 0, "{protocol:?} {version:?}: no connection resumed a session");
            }
        }
    }
    // Cached tokens are judged as well.
    wait_until("a cache hit is counted", async || {
        stack.envoy.stat("wasmcustom.jwt_guard.token_cache.hit").await > 0
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_listener_can_require_certificates_or_take_untrusted_ones() {
    let authority = Authority::new();
    let required = stack(json!({}), authority.listener_socket(HOST, true, &json!({})), json!({})).await;
    let (own, other) = (authority.client(vec![]), authority.client(vec![]));
    for (certificate, expected) in [(&own, "passed"), (&other, "confirmation")] {
        let client = authority.connector(Some(certificate), Protocol::Http1, Version::Tls13);
        assert_eq!(get(&required, &client, Protocol::Http1, &bound_to(&required, &own)).await.0, expected);
    }
    // A certificate of another authority: the handshake proves its key, and no more is needed (RFC 8705 section 3).
    let untrusted = json!({ "trust_chain_verification": "ACCEPT_UNTRUSTED" });
    let open = stack(json!({}), authority.listener_socket(HOST, false, &untrusted), json!({})).await;
    let (stranger, thief) = (Authority::new().client(vec![]), Authority::new().client(vec![]));
    for (certificate, expected) in [(&stranger, "passed"), (&thief, "confirmation")] {
        let client = authority.connector(Some(certificate), Protocol::Http1, Version::Tls13);
        assert_eq!(get(&open, &client, Protocol::Http1, &bound_to(&open, &stranger)).await.0, expected);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn envoy_passes_the_certificate_on_and_clients_cannot() {
    let authority = Authority::new();
    let own = authority.client(vec![SanType::URI("spiffe://mesh/client".try_into().unwrap())]);
    let from_header = || json!({ "client_certificate_from": { "header": "x-forwarded-client-cert" } });
    let details = |mode: &str| {
        json!({
            "forward_client_cert_details": mode,
            "set_current_client_cert_details": { "subject": true, "uri": true, "dns": true, "cert": true, "chain": true },
        })
    };
    let forged = format!("Hash={}", own.hash());
    // The outcome with the own certificate, and the outcome of a thief: with his own certificate, and the header.
    for (mode, with_own, of_thief, without_certificate) in [
        ("SANITIZE", "confirmation", "confirmation", "confirmation"),
        ("SANITIZE_SET", "passed", "confirmation", "confirmation"),
        ("APPEND_FORWARD", "passed", "confirmation", "confirmation"),
        // In these modes Envoy believes the client: all clients must be trusted proxies.
        ("FORWARD_ONLY", "confirmation", "passed", "confirmation"),
        ("ALWAYS_FORWARD_ONLY", "confirmation", "passed", "passed"),
    ] {
        let stack =
            stack(from_header(), authority.listener_socket(HOST, false, &json!({})), details(mode)).await;
        let bound = bound_to(&stack, &own);
        let send = async |certificate: Option<&ClientCertificate>, header: Option<&str>| {
            let client = authority.connector(certificate, Protocol::Http1, Version::Tls13);
            let mut connection = Connection::over(client.connect(stack.address(), HOST).await.0);
            let request = Request::new(stack.address(), "GET", "/").bearer(&bound);
            let request = header
                .into_iter()
                .fold(request, |request, value| request.header("x-forwarded-client-cert", value));
            connection.write(&request.to_bytes()).await;
            outcome::of(&connection.response().await)
        };
        let thief = authority.client(vec![]);
        assert_eq!(send(Some(&own), None).await, with_own, "{mode}");
        assert_eq!(send(Some(&thief), Some(&forged)).await, of_thief, "{mode}");
        assert_eq!(send(None, Some(&forged)).await, without_certificate, "{mode}");
        if mode == "SANITIZE_SET" {
            // Envoy writes the names of a certificate without quotes.
            for name in [
                format!("spiffe://mesh/a;Hash={}", own.hash()),
                format!("spiffe://mesh/a,Hash={}", own.hash()),
            ] {
                let named = authority.client(vec![SanType::URI(name.as_str().try_into().unwrap())]);
                assert_eq!(send(Some(&named), None).await, "confirmation", "{name}");
            }
        }
    }
}
