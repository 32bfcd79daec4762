//! What an issuer adds for its own tokens: claim headers, token sources, paths and tenants.

use jwt_guard_testkit::mint::{Algorithm, SigningKey, Token, key_set};
use serde_json::{Value, json};

use crate::harness::{Answer, Stack, now, wait_until};
use crate::outcome::{Tries, assert_no_crash, expose_reasons};

const DEX: &str = "https://dex.example";
const KUBERNETES: &str = "https://kubernetes.default.svc.cluster.local";

fn generated(kid: &str) -> SigningKey {
    SigningKey::generate(Algorithm::Es256).unwrap().with_kid(kid)
}

/// Two issuers with inline keys.
struct World {
    stack: Stack,
    dex: SigningKey,
    kubernetes: SigningKey,
}

impl World {
    /// Starts Envoy without path normalization, so that the filter sees each path as sent. `members` are those of the
    /// second issuer.
    async fn start(members: Value, global: Value) -> Self {
        let (dex, kubernetes) = (generated("shared"), generated("shared"));
        let issuer = |iss: &str, name: &str, key: &SigningKey, members: Value| {
            let mut issuer = json!({
                "issuer": iss, "name": name, "audience": "kubeflow", "accepted_algorithms": "ES256",
                "jwks_inline": key_set([key]),
            });
            issuer.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
            issuer
        };
        let issuers =
            [issuer(DEX, "dex", &dex, json!({})), issuer(KUBERNETES, "kubernetes", &kubernetes, members)];
        let mut plugin = json!({ "issuers": issuers });
        plugin.as_object_mut().unwrap().extend(global.as_object().unwrap().clone());
        let builder = Stack::builder().plugin(plugin).issuer_down().envoy(|envoy| {
            envoy.early_header_mutation = false;
            expose_reasons(envoy);
            let manager = envoy.connection_manager.as_object_mut().unwrap();
            manager.insert("normalize_path".to_owned(), json!(false));
            manager.insert("merge_slashes".to_owned(), json!(false));
            manager.insert("path_with_escaped_slashes_action".to_owned(), json!("KEEP_UNCHANGED"));
        });
        Self { stack: builder.start().await, dex, kubernetes }
    }

    /// A token of Dex.
    fn user(&self) -> Token {
        Token::new(now()).issuer(DEX).audience("kubeflow").subject("CiQw").claim("email", "ada@example.com")
    }

    /// A token of Kubernetes.
    fn account(&self) -> Token {
        let subject = "system:serviceaccount:team-a:default-editor";
        Token::new(now()).issuer(KUBERNETES).audience("kubeflow").subject(subject)
    }

    fn users(&self) -> String {
        self.user().sign(&self.dex).unwrap()
    }

    fn accounts(&self) -> String {
        self.account().sign(&self.kubernetes).unwrap()
    }

    /// A token that names Kubernetes, signed by a key of Dex.
    fn forged(&self) -> String {
        self.account().sign(&self.dex).unwrap()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn kubeflow_takes_the_user_from_another_claim_for_each_issuer() {
    let world = World::start(
        json!({ "claim_headers": { "kubeflow-userid": "sub", "x-caller": { "value": "service-account" } } }),
        json!({
            "claim_headers": { "kubeflow-userid": "email", "kubeflow-groups": "$groups" },
            "routes": [{ "path": "/public", "allow_anonymous": true }],
        }),
    )
    .await;
    let forged =
        ["kubeflow-userid", "Kubeflow_UserId", "kubeflow-groups", "x-caller", "x_caller", "x-auth-sub"];
    let rows = [
        ("/", Some(world.users()), [Some("ada@example.com"), None, None]),
        (
            "/",
            Some(world.accounts()),
            [Some("system:serviceaccount:team-a:default-editor"), None, Some("service-account")],
        ),
        ("/public", None, [None, None, None]),
        ("/public", Some(world.accounts()), [None, None, None]),
    ];
    for (path, token, expected) in rows {
        // The second time, the token comes from the cache.
        for _ in 0..2 {
            let request = world.stack.request("GET", path);
            let request =
                forged.iter().fold(request, |request, name| request.header(name, "root@example.com"));
            let request = token.iter().fold(request, |request, token| request.bearer(token));
            assert_eq!(request.send().await.status, 200);
            let seen = world.stack.upstream.last();
            let names = ["kubeflow-userid", "kubeflow-groups", "x-caller"];
            assert_eq!(names.map(|name| seen.header(name)), expected, "{path}");
            assert!(!seen.has("kubeflow_userid") && !seen.has("x_caller") && !seen.has("x-auth-sub"));
        }
    }
    // A server that merges trailers into headers would read a header of any map.
    let mut client = world.stack.connect().await;
    let trailers = "x-caller: root\r\nx_caller: root\r\nkubeflow-userid: root\r\nx-late: 1\r\n\r\n";
    let request = "POST /public HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n";
    client.write(format!("{request}{trailers}").as_bytes()).await;
    assert_eq!(client.response().await.status, 200);
    let seen = world.stack.upstream.last();
    let removed = ["x-caller", "x_caller", "kubeflow-userid"];
    assert!(seen.has("x-late") && !removed.iter().any(|name| seen.has(name)), "{:?}", seen.trailers);
    assert_no_crash(&world.stack);
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_of_an_issuer_pass_only_in_its_cookie() {
    let world = World::start(
        json!({ "token_from": { "cookie": "account" } }),
        json!({ "token_from": [{ "header": "authorization" }, { "cookie": "account" }] }),
    )
    .await;
    let stack = &world.stack;
    let get = || stack.request("GET", "/");
    let in_cookie = |token: &str| get().header("cookie", format!("theme=dark; account={token}"));
    let (users, accounts, forged) = (world.users(), world.accounts(), world.forged());
    let mut tries = Tries::new(stack).await;
    // The second round finds the tokens in the cache.
    for round in 0..2 {
        let rows = [
            ("in its cookie", "passed", in_cookie(&accounts)),
            ("in the header", "400 bad_request", get().bearer(&accounts)),
            ("in both", "passed", in_cookie(&accounts).bearer(&accounts)),
            ("the other issuer's in the header", "passed", get().bearer(&users)),
            ("the other issuer's in the cookie", "passed", in_cookie(&users)),
            ("two tokens", "400 bad_request", in_cookie(&accounts).bearer(&users)),
            ("a forged one in the header", "signature", get().bearer(&forged)),
            ("a forged one in the cookie", "signature", in_cookie(&forged)),
        ];
        for (label, expected, request) in rows {
            assert_eq!(tries.request(request).await, expected, "{label}, round {round}");
        }
    }
    assert_no_crash(stack);
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_of_an_issuer_pass_only_on_its_paths() {
    let world = World::start(
        json!({ "paths": "/partner/**" }),
        json!({ "routes": [
            { "path": "/admin/**", "requires_issuer": ["dex", "kubernetes"] },
            { "path": "/maybe/**", "allow_missing_or_failed": true },
        ] }),
    )
    .await;
    let stack = &world.stack;
    let (users, accounts, forged) = (world.users(), world.accounts(), world.forged());
    let mut tries = Tries::new(stack).await;
    for path in
        ["/partner", "/partner/", "/partner/orders/42", "/partner/Orders?to=/admin", "/partner/caf%C3%A9"]
    {
        assert_eq!(tries.request(stack.request("GET", path).bearer(&accounts)).await, "passed", "{path}");
        assert_eq!(tries.request(stack.request("DELETE", path).bearer(&accounts)).await, "passed", "{path}");
        assert_eq!(tries.request(stack.request("GET", path).bearer(&forged)).await, "signature", "{path}");
    }
    let attacks = [
        "/",
        "/admin",
        "/admin/a",
        "/partners",
        "/partner.json",
        "/Partner/orders",
        "/PARTNER/orders",
        "/partner/../admin",
        "/partner/../../admin",
        "/partner/x/../../admin",
        "/partner/./../admin",
        "/partner//../../admin",
        "/partner/%2e%2e/admin",
        "/partner/.%2E/admin",
        "/partner/%252e%252e/admin",
        "/partner/..%2fadmin",
        "/partner/..%252fadmin",
        "/partner%2f..%2fadmin",
        "/partner/..;/admin",
        "/partner/..;x=y/admin",
        "/partner;/../admin",
        "/partner/..%3b/admin",
        "/partner/..\\admin",
        "/partner/..%5cadmin",
        "//partner/orders",
        "/admin/../partner",
        "/admin/%2e%2e/partner",
        "/admin;/../partner",
        "/%2570artner/../admin",
    ];
    for path in attacks {
        for method in ["GET", "POST"] {
            let request = stack.request(method, path).bearer(&accounts);
            assert_eq!(tries.request(request).await, "403 issuer_not_allowed", "{method} {path}");
        }
        // The path itself is not the fault: the other issuer's token passes.
        assert_eq!(tries.request(stack.request("GET", path).bearer(&users)).await, "passed", "{path}");
    }
    // The token counts as failed: the request passes without an identity.
    assert_eq!(tries.request(stack.request("GET", "/maybe/a").bearer(&accounts)).await, "passed");
    assert!(!stack.upstream.last().has("x-auth-sub"));
    assert_eq!(tries.request(stack.request("GET", "/maybe/a").bearer(&users)).await, "passed");
    assert_eq!(stack.upstream.last().header("x-auth-sub"), Some("CiQw"));

    // The counters of the issuers follow with the next tick.
    let refused = 2 * attacks.len() as u64 + 5;
    let counter = async |name: &str| stack.envoy.stat(&format!("wasmcustom.jwt_guard.issuer.{name}")).await;
    wait_until("the requests are counted by issuer", async || {
        counter("kubernetes.refused").await == refused && counter("kubernetes.accepted").await == 10
    })
    .await;
    assert_eq!(counter("dex.accepted").await, attacks.len() as u64 + 1);
    assert_eq!(counter("dex.refused").await, 0);
    assert_no_crash(stack);
}

const ENTRA: &str = "https://login.example.com/{tid}/v2.0";
const ALPHA: &str = "9188040d-6c67-4c5b-b112-36a304b66dad";
const BETA: &str = "72f988bf-86f1-41af-91ab-2d7cd011db47";

fn of_tenant(tenant: &str) -> Token {
    Token::new(now()).issuer(&ENTRA.replace("{tid}", tenant)).audience("api").claim("tid", tenant)
}

#[tokio::test(flavor = "multi_thread")]
async fn listed_tenants_share_a_key_set() {
    let [common, of_alpha, of_v1] = ["common", "alpha", "v1"].map(generated);
    let mut set = key_set([&common, &of_alpha, &of_v1]);
    set["keys"][0]["issuer"] = json!("https://login.example.com/{tenantid}/v2.0");
    set["keys"][1]["issuer"] = json!(ENTRA.replace("{tid}", ALPHA));
    set["keys"][2]["issuer"] = json!("https://sts.example.com/{tenantid}/");
    let plugin = json!({
        "issuer": ENTRA, "name": "entra", "tenants": [ALPHA, BETA], "audience": "api", "accepted_algorithms": "ES256",
        "jwks_cluster": "issuer", "jwks_endpoint": "https://login.example.com/common/keys",
        "jwks_refresh_cooldown_seconds": 3600,
        "routes": [{ "path": "/entra", "requires_issuer": "entra" }],
    });
    let builder = Stack::builder().plugin(plugin).issuer_path("/common/keys", Answer::ok(set.to_string()));
    let stack = builder.envoy(expose_reasons).start().await;
    let unlisted = "00000000-6c67-4c5b-b112-36a304b66dad";
    let sign = |token: Token| token.sign(&common).unwrap();
    let rows = [
        ("a tenant", "passed", sign(of_tenant(ALPHA))),
        ("another tenant", "passed", sign(of_tenant(BETA))),
        ("a tenant that is not listed", "unknown_issuer", sign(of_tenant(unlisted))),
        ("the claim names another tenant", "unknown_issuer", sign(of_tenant(ALPHA).claim("tid", BETA))),
        (
            "an unlisted tenant with the claim of a listed one",
            "unknown_issuer",
            sign(of_tenant(unlisted).claim("tid", BETA)),
        ),
        ("no claim", "unknown_issuer", sign(of_tenant(ALPHA).without("tid"))),
        ("upper case", "unknown_issuer", sign(of_tenant(&ALPHA.to_ascii_uppercase()))),
        ("two tenants in iss", "unknown_issuer", sign(of_tenant(&format!("{ALPHA}/v2.0/{BETA}")))),
        ("a slash after the tenant", "unknown_issuer", sign(of_tenant(&format!("{ALPHA}/")))),
        ("an escape", "unknown_issuer", sign(of_tenant(&ALPHA.replacen('9', "%39", 1)))),
        ("an encoded slash", "unknown_issuer", sign(of_tenant(&format!("{ALPHA}%2f{BETA}")))),
        ("the placeholder itself", "unknown_issuer", sign(of_tenant("{tid}"))),
        ("an empty tenant", "unknown_issuer", sign(of_tenant(""))),
        ("a dot segment", "unknown_issuer", sign(of_tenant(".."))),
        (
            "another host",
            "unknown_issuer",
            sign(of_tenant(ALPHA).issuer(&format!("https://login.example.org/{ALPHA}/v2.0"))),
        ),
        ("the tenant of a key", "passed", of_tenant(ALPHA).sign(&of_alpha).unwrap()),
        ("another tenant than that of the key", "bad_key", of_tenant(BETA).sign(&of_alpha).unwrap()),
        ("a key of another issuer", "bad_key", of_tenant(ALPHA).sign(&of_v1).unwrap()),
        ("a wrong key", "signature", of_tenant(ALPHA).header("kid", "common").sign(&of_alpha).unwrap()),
    ];
    let mut tries = Tries::new(&stack).await;
    for (label, expected, token) in &rows {
        for _ in 0..2 {
            let request = stack.request("GET", "/entra").bearer(token);
            assert_eq!(tries.request(request).await, *expected, "{label}");
        }
    }
    assert_eq!(tries.token(sign(of_tenant(BETA))).await, "passed");
    let expected = ENTRA.replace("{tid}", BETA);
    assert_eq!(stack.upstream.last().header("x-auth-issuer"), Some(expected.as_str()));
    assert_eq!(stack.issuer.count("/common/keys"), 1, "no token of these causes a fetch");
    assert_no_crash(&stack);
}
