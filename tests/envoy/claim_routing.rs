//! Choosing Envoy's route by a verified claim: the example in `docs/upstream-headers.md`, clients that try to choose
//! their own route, and the two traps that the document names.

use std::path::Path;

use serde_json::{Value, json};

use crate::documents;
use crate::harness::{
    Answer, CLAIM_HEADERS, Envoy, Request, Response, Stack, StackBuilder, Upstream, cluster, plugin_with,
    wait_until,
};

/// The upstreams of the example. The upstream of the stack is `website`.
struct Tenants {
    stack: Stack,
    acme: Upstream,
    globex: Upstream,
}

/// The upstream that received the request.
#[derive(Debug, PartialEq)]
enum Reached {
    Website,
    Acme,
    Globex,
    /// The status of the answer without an upstream.
    None(u16),
}
use Reached::{Acme, Globex, Website};

impl Tenants {
    async fn start(change: impl FnOnce(&mut Value), more: impl FnOnce(StackBuilder) -> StackBuilder) -> Self {
        let (acme, globex) = (Upstream::start().await, Upstream::start().await);
        let mut manager = example();
        change(&mut manager);
        let builder = Stack::builder().plugin(json!({})).envoy(|envoy| {
            envoy.connection_manager = manager;
            envoy.clusters =
                vec![cluster("acme", acme.address(), false), cluster("globex", globex.address(), false)];
        });
        let stack = more(builder).start().await;
        Self { stack, acme, globex }
    }

    fn token(&self, claims: Value) -> String {
        let claims = claims.as_object().unwrap().clone();
        self.stack.token().claims(claims).sign(&self.stack.key).unwrap()
    }

    fn counts(&self) -> [usize; 3] {
        [self.stack.upstream.count(), self.acme.count(), self.globex.count()]
    }

    /// Sends the request, and returns the upstream that received it.
    async fn reached(&self, request: Request) -> Reached {
        let before = self.counts();
        let answer = request.send().await;
        self.upstream_of(&answer, before)
    }

    fn upstream_of(&self, answer: &Response, before: [usize; 3]) -> Reached {
        let received: Vec<_> =
            self.counts().iter().zip(before).map(|(after, before)| after - before).collect();
        match received.as_slice() {
            [1, 0, 0] => Website,
            [0, 1, 0] => Acme,
            [0, 0, 1] => Globex,
            [0, 0, 0] => Reached::None(answer.status),
            other => panic!("one request reached {other:?} upstreams"),
        }
    }
}

/// The example of the document, with the module under test and the upstream of the stack.
fn example() -> Value {
    let (_, blocks) = documents::section("upstream-headers.md", "Choosing Envoy's route by a claim");
    let [block] = blocks.as_slice() else { panic!("one block: {blocks:#?}") };
    let text = block.to_string();
    for name in ["target/jwt_guard.wasm", "\"cluster\":\"website\""] {
        assert!(text.contains(name), "{name}: {text}");
    }
    let module: &Path = Envoy::module();
    let text = text
        .replace("target/jwt_guard.wasm", &module.display().to_string())
        .replace("\"cluster\":\"website\"", "\"cluster\":\"upstream\"");
    serde_json::from_str(&text).unwrap()
}

/// The routes of the example.
fn routes(manager: &mut Value) -> &mut Vec<Value> {
    manager["route_config"]["virtual_hosts"][0]["routes"].as_array_mut().unwrap()
}

/// Without the early removal, only the filter protects the choice of the route.
fn without_early_removal(manager: &mut Value) {
    manager.as_object_mut().unwrap().remove("early_header_mutation_extensions").unwrap();
}

const SPELLINGS: [&str; 6] = [
    "x-auth-tenant",
    "X-Auth-Tenant",
    "x_auth_tenant",
    "x.auth.tenant",
    "grpc-metadata-x-auth-tenant",
    "x-auth_tenant",
];

#[tokio::test(flavor = "multi_thread")]
async fn each_tenant_has_its_cluster() {
    let tenants = Tenants::start(|_| (), |stack| stack).await;
    let of = |claims: Value| tenants.token(claims);
    let get = |path: &str, token: &str| tenants.stack.request("GET", path).bearer(token);
    for (label, path, claims, expected) in [
        ("acme", "/orders", json!({ "tenant": "acme" }), Acme),
        ("globex", "/orders", json!({ "tenant": "globex" }), Globex),
        ("no claim", "/orders", json!({}), Reached::None(403)),
        ("an empty claim", "/orders", json!({ "tenant": "" }), Reached::None(403)),
        ("a tenant without a cluster", "/orders", json!({ "tenant": "initech" }), Reached::None(403)),
        ("another letter case", "/orders", json!({ "tenant": "ACME" }), Reached::None(403)),
        ("two tenants", "/orders", json!({ "tenant": ["acme", "globex"] }), Reached::None(403)),
        ("a tenant with a comma", "/orders", json!({ "tenant": "acme,globex" }), Reached::None(403)),
        ("a user of the tenant is no admin", "/api/admin/x", json!({ "tenant": "acme" }), Reached::None(403)),
        ("an admin of the tenant", "/api/admin/x", json!({ "tenant": "acme", "role": "admin" }), Acme),
        ("an anonymous route, with a token", "/public/x", json!({ "tenant": "acme" }), Website),
    ] {
        assert_eq!(tenants.reached(get(path, &of(claims))).await, expected, "{label}");
    }
    assert_eq!(tenants.acme.last().header("x-auth-tenant"), Some("acme"));
    assert_eq!(tenants.globex.last().header("x-auth-tenant"), Some("globex"));
    let without = |path: &str| tenants.stack.request("GET", path);
    assert_eq!(tenants.reached(without("/public")).await, Website);
    assert_eq!(tenants.reached(without("/public/x")).await, Website);
    assert_eq!(tenants.reached(without("/orders")).await, Reached::None(401));
    assert_eq!(tenants.reached(without("/publicity")).await, Reached::None(401));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_cannot_choose_the_route_with_its_own_headers() {
    for change in [(|_| ()) as fn(&mut Value), without_early_removal] {
        let tenants = Tenants::start(change, |stack| stack).await;
        let of_acme = tenants.token(json!({ "tenant": "acme" }));
        let of_none = tenants.token(json!({}));
        for name in SPELLINGS {
            let get = |path: &str| tenants.stack.request("GET", path).header(name, "globex");
            assert_eq!(tenants.reached(get("/orders").bearer(&of_acme)).await, Acme, "{name}");
            assert_eq!(tenants.acme.last().all(&name.to_ascii_lowercase()), acme_of(name), "{name}");
            let twice = get("/orders").header(name, "globex").bearer(&of_acme);
            assert_eq!(tenants.reached(twice).await, Acme, "{name} twice");
            let hop = get("/orders").header("connection", "x-auth-tenant").bearer(&of_acme);
            assert_eq!(tenants.reached(hop).await, Acme, "{name}, and connection");
            assert_eq!(tenants.acme.last().header("x-auth-tenant"), Some("acme"), "{name}");
            assert_eq!(tenants.reached(get("/orders").bearer(&of_none)).await, Reached::None(403), "{name}");
            assert_eq!(tenants.reached(get("/orders")).await, Reached::None(401), "{name}");
            assert_eq!(tenants.reached(get("/public/x")).await, Website, "{name}");
            assert!(!tenants.stack.upstream.last().has(&name.to_ascii_lowercase()), "{name}");
        }
        let mut client = tenants.stack.h2().await;
        let authorization = format!("Bearer {of_acme}");
        let headers: [(&str, &[u8]); 2] =
            [("authorization", authorization.as_bytes()), ("x-auth-tenant", b"globex")];
        let before = tenants.counts();
        assert_eq!(client.send("GET", "/orders", &headers, b"", Default::default()).await.status, 200);
        assert_eq!(tenants.counts(), [before[0], before[1] + 1, before[2]], "over HTTP/2");
    }
}

/// The values of a header at the upstream of acme: only the claim header itself is there.
fn acme_of(name: &str) -> Vec<&'static [u8]> {
    if name.eq_ignore_ascii_case("x-auth-tenant") { vec![b"acme"] } else { vec![] }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_waited_for_keys_reaches_its_tenant() {
    let tenants = Tenants::start(|_| (), |stack| stack.issuer_answers(Answer::held)).await;
    let sent: Vec<_> = [json!({ "tenant": "acme" }), json!({ "tenant": "globex" }), json!({})]
        .map(|claims| {
            let request = tenants.stack.request("GET", "/orders").header("x-auth-tenant", "globex");
            tokio::spawn(request.bearer(&tenants.token(claims)).send())
        })
        .into();
    let waiting = "wasmcustom.jwt_guard.waiting";
    wait_until("the requests wait", async || tenants.stack.envoy.stat(waiting).await == 3).await;
    assert_eq!(tenants.counts(), [0, 0, 0]);
    tenants.stack.issuer.release();
    let mut statuses = vec![];
    for answer in sent {
        statuses.push(answer.await.unwrap().status);
    }
    assert_eq!(statuses, [200, 200, 403]);
    assert_eq!(tenants.counts(), [0, 1, 1]);
    assert_eq!(tenants.acme.last().header("x-auth-tenant"), Some("acme"));
    assert_eq!(tenants.globex.last().header("x-auth-tenant"), Some("globex"));
}

/// The first trap: the filter never reads the metadata of the route that Envoy chooses by the claim.
#[tokio::test(flavor = "multi_thread")]
async fn a_requirement_in_metadata_of_the_route_chosen_by_the_claim_is_not_read() {
    let requirement = json!({ "filter_metadata": { "jwt_guard": { "requires_role": "admin" } } });
    let tenants =
        Tenants::start(|manager| routes(manager)[1]["metadata"] = requirement.clone(), |stack| stack).await;
    let user = tenants.token(json!({ "tenant": "acme" }));
    let get = |path: &str| tenants.stack.request("GET", path).bearer(&user);
    assert_eq!(tenants.reached(get("/orders")).await, Acme, "the role is not required");
    assert_eq!(
        tenants.reached(get("/api/admin/x")).await,
        Reached::None(403),
        "`routes` of the filter decide"
    );
    // The same requirement on the route that Envoy chooses first is read.
    let last =
        Tenants::start(|manager| routes(manager)[3]["metadata"] = requirement.clone(), |stack| stack).await;
    let user = last.token(json!({ "tenant": "acme" }));
    assert_eq!(last.reached(last.stack.request("GET", "/orders").bearer(&user)).await, Reached::None(403));
}

/// The second trap: a route can have the filter disabled, and without the early removal a client chooses that route.
#[tokio::test(flavor = "multi_thread")]
async fn a_route_of_a_tenant_without_the_filter_is_open_unless_the_header_is_removed_early() {
    let off = |manager: &mut Value| {
        let disabled =
            json!({ "@type": "type.googleapis.com/envoy.config.route.v3.FilterConfig", "disabled": true });
        routes(manager)[1]["typed_per_filter_config"] = json!({ "envoy.filters.http.wasm": disabled });
    };
    let both = |manager: &mut Value| {
        off(manager);
        without_early_removal(manager);
    };
    for (change, expected) in [(&off as &dyn Fn(&mut Value), Reached::None(401)), (&both, Acme)] {
        let tenants = Tenants::start(change, |stack| stack).await;
        let forged = tenants.stack.request("GET", "/api/admin/x").header("x-auth-tenant", "acme");
        assert_eq!(tenants.reached(forged).await, expected);
    }
    // On the route that Envoy chooses first, it leaves the filter out for every tenant.
    let first = Tenants::start(
        |manager| {
            off(manager);
            let disabled = routes(manager)[1]["typed_per_filter_config"].take();
            routes(manager)[1].as_object_mut().unwrap().remove("typed_per_filter_config");
            routes(manager)[3]["typed_per_filter_config"] = disabled;
        },
        |stack| stack,
    )
    .await;
    let user = first.token(json!({ "tenant": "acme" }));
    assert_eq!(first.reached(first.stack.request("GET", "/orders").bearer(&user)).await, Reached::None(403));
}

/// As Envoy Gateway configures it: the filter is off in the list of filters, and each route enables it.
#[tokio::test(flavor = "multi_thread")]
async fn a_filter_that_each_route_enables_chooses_the_route_by_the_claim() {
    let enable = |route: &mut Value| {
        let enabled =
            json!({ "@type": "type.googleapis.com/envoy.config.route.v3.FilterConfig", "config": {} });
        route["typed_per_filter_config"] = json!({ "envoy.filters.http.wasm": enabled });
    };
    let off = |manager: &mut Value| manager["http_filters"][0]["disabled"] = json!(true);
    let everywhere = |manager: &mut Value| {
        off(manager);
        routes(manager).iter_mut().for_each(enable);
    };
    let tenants = Tenants::start(everywhere, |stack| stack).await;
    for (claims, expected) in [
        (json!({ "tenant": "acme" }), Acme),
        (json!({ "tenant": "globex" }), Globex),
        (json!({}), Reached::None(403)),
    ] {
        let request = tenants.stack.request("GET", "/orders").header("x-auth-tenant", "globex");
        assert_eq!(tenants.reached(request.bearer(&tenants.token(claims))).await, expected);
    }
    assert_eq!(tenants.reached(tenants.stack.request("GET", "/orders")).await, Reached::None(401));
    assert_eq!(tenants.reached(tenants.stack.request("GET", "/public/x")).await, Website);
    // Envoy chooses the last route first: without the filter there, no request has a claim.
    let without_the_last = |manager: &mut Value| {
        off(manager);
        routes(manager).iter_mut().take(3).for_each(enable);
    };
    let tenants = Tenants::start(without_the_last, |stack| stack).await;
    let of_acme = tenants.stack.request("GET", "/orders").bearer(&tenants.token(json!({ "tenant": "acme" })));
    assert_eq!(tenants.reached(of_acme).await, Reached::None(403));
}

/// The patch of the EnvoyFilter in `docs/istio.md`, as Istio merges it into the connection manager.
#[tokio::test(flavor = "multi_thread")]
async fn the_envoy_filter_of_the_document_removes_claim_headers_before_envoy_chooses_a_route() {
    let (_, blocks) = documents::section("istio.md", "Removing claim headers early");
    let patch = &blocks[0]["spec"]["configPatches"][0]["patch"]["value"]["typed_config"];
    let extensions = &patch["early_header_mutation_extensions"];
    assert_eq!(extensions.as_array().map(Vec::len), Some(1), "{patch}");
    for (members, expected) in
        [(json!({}), 418), (json!({ "early_header_mutation_extensions": extensions }), 200)]
    {
        let stack = Stack::builder().plugin(plugin_with(json!({}))).envoy(|envoy| {
            envoy.early_header_mutation = false;
            envoy.connection_manager = members;
            envoy.routes = CLAIM_HEADERS
                .iter()
                .map(|name| {
                    json!({
                        "match": { "prefix": "/", "headers": [{ "name": name, "string_match": { "exact": "forged" } }] },
                        "direct_response": { "status": 418 },
                        "typed_per_filter_config": { "envoy.filters.http.wasm": {
                            "@type": "type.googleapis.com/envoy.config.route.v3.FilterConfig", "disabled": true,
                        } },
                    })
                })
                .collect();
        });
        let stack = stack.start().await;
        for name in CLAIM_HEADERS {
            let forged = stack.request("GET", "/").header(name, "forged").bearer(&stack.good_token());
            assert_eq!(forged.send().await.status, expected, "{name}");
        }
    }
}
