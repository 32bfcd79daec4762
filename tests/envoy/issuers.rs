//! Several issuers in one configuration: the tokens of each issuer are verified only with its own rules and keys.

use jwt_guard_testkit::mint::{Algorithm, SigningKey, Token, compact};
use serde_json::{Value, json};

use crate::harness::{Answer, Issuer, REASONS_LOG, Stack, cluster, now, wait_until};
use crate::outcome::{Tries, assert_no_crash, expose_reasons};

const ALPHA: &str = "https://alpha.example";
const BETA: &str = "https://beta.example";
const GONE: &str = "https://gone.example";

/// Both issuers use the same kids: a kid is unique only within its issuer.
struct Keys {
    alpha: SigningKey,
    alphas_stolen: SigningKey,
    beta: SigningKey,
    betas_stolen: SigningKey,
    betas_curve: SigningKey,
}

impl Keys {
    fn new() -> Self {
        let key = |algorithm, kid| SigningKey::generate(algorithm).unwrap().with_kid(kid);
        Self {
            alpha: key(Algorithm::Rs256, "shared"),
            alphas_stolen: key(Algorithm::Rs256, "stolen"),
            beta: key(Algorithm::Rs256, "shared"),
            betas_stolen: key(Algorithm::Rs256, "stolen"),
            betas_curve: key(Algorithm::Es256, "curve"),
        }
    }
}

fn configuration() -> Value {
    let issuer = |iss: &str, cluster: &str, members: Value| {
        let mut issuer = json!({
            "issuer": iss, "jwks_cluster": cluster, "jwks_endpoint": format!("{iss}/keys"),
            "jwks_refresh_cooldown_seconds": 3600, "jwks_timeout_ms": 2000,
        });
        issuer.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
        issuer
    };
    json!({
        "issuers": [
            issuer(ALPHA, "alpha", json!({ "name": "alpha", "audience": "alpha-api", "refused_kids": "stolen" })),
            issuer(BETA, "beta", json!({
                "name": "beta", "audience": ["beta-app", "beta-cli"], "audience_from": ["client_id"],
                "accepted_algorithms": ["RS256", "ES256"], "roles_from": ["/realm_access/roles"],
            })),
            issuer(GONE, "gone", json!({ "name": "gone", "audience": "gone-api" })),
        ],
        "routes": [
            { "path": "/admin", "requires_role": "admin" },
            { "path": "/of-alpha", "requires_issuer": "alpha" },
            { "path": "/of-both", "requires_issuer": ["alpha", "beta"] },
            { "path": "/beta-cli", "requires_audience": "beta-cli" },
            { "path": "/either", "any_of": [{ "requires_issuer": "beta" }, { "requires_role": "admin" }] },
        ],
    })
}

/// A token of alpha, before it is signed.
fn alpha() -> Token {
    Token::new(now()).issuer(ALPHA).audience("alpha-api")
}

/// A token of beta like those of Cognito: without `aud`.
fn beta() -> Token {
    Token::new(now()).issuer(BETA).without("aud").claim("client_id", "beta-app")
}

struct World {
    stack: Stack,
    alpha: Issuer,
    beta: Issuer,
    gone: Issuer,
    keys: Keys,
}

impl World {
    async fn start() -> Self {
        let keys = Keys::new();
        let [alpha, beta, gone] = [(); 3].map(|()| Issuer::reserve());
        alpha.answer("/keys", Answer::keys([&keys.alpha, &keys.alphas_stolen]));
        beta.answer("/keys", Answer::keys([&keys.beta, &keys.betas_stolen, &keys.betas_curve]));
        gone.answer("/keys", Answer::keys([&keys.alpha]));
        alpha.up().await;
        beta.up().await;
        let builder = Stack::builder().plugin(configuration()).issuer_down().envoy(|envoy| {
            envoy.access_log = REASONS_LOG.to_owned();
            let of = |name, issuer: &Issuer| cluster(name, issuer.address(), false);
            envoy.clusters = vec![of("alpha", &alpha), of("beta", &beta), of("gone", &gone)];
            expose_reasons(envoy);
        });
        let stack = builder.start().await;
        Self { stack, alpha, beta, gone, keys }
    }

    fn fetches(&self) -> [usize; 3] {
        [&self.alpha, &self.beta, &self.gone].map(|issuer| issuer.count("/keys"))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_issuer_verifies_only_its_own_tokens() {
    let world = World::start().await;
    let keys = &world.keys;
    let rows = [
        ("alpha's", "passed", alpha().sign(&keys.alpha)),
        ("beta's", "passed", beta().sign(&keys.beta)),
        ("beta's by its other algorithm", "passed", beta().sign(&keys.betas_curve)),
        // Keys: the same kid, another issuer's key.
        ("alpha's by beta's key", "signature", alpha().sign(&keys.beta)),
        ("beta's by alpha's key", "signature", beta().sign(&keys.alpha)),
        ("alpha's by beta's key, no kid", "signature", alpha().without_header("kid").sign(&keys.beta)),
        ("beta's by alpha's key, no kid", "signature", beta().without_header("kid").sign(&keys.alpha)),
        ("alpha's without a kid", "passed", alpha().without_header("kid").sign(&keys.alpha)),
        ("alpha's with beta's kid", "unknown_kid", alpha().header("kid", "curve").sign(&keys.alpha)),
        // Algorithms.
        ("alpha's by beta's other algorithm", "algorithm", alpha().sign(&keys.betas_curve)),
        // Audiences, and the claims that contain them.
        ("alpha's for beta's audience", "audience", alpha().audience("beta-app").sign(&keys.alpha)),
        ("alpha's with a client_id", "audience", beta().issuer(ALPHA).sign(&keys.alpha)),
        ("beta's for alpha's audience", "audience", beta().claim("client_id", "alpha-api").sign(&keys.beta)),
        (
            "beta's with its audience in aud",
            "audience",
            beta().without("client_id").audience("beta-app").sign(&keys.beta),
        ),
        ("beta's for its second audience", "passed", beta().claim("client_id", "beta-cli").sign(&keys.beta)),
        // Refused kids.
        ("alpha's by its stolen key", "refused_kid", alpha().sign(&keys.alphas_stolen)),
        ("the same without a kid", "signature", alpha().without_header("kid").sign(&keys.alphas_stolen)),
        ("beta's by a key of that name", "passed", beta().sign(&keys.betas_stolen)),
        // Unknown issuers.
        (
            "an issuer that is not configured",
            "unknown_issuer",
            alpha().issuer("https://delta.example").sign(&keys.alpha),
        ),
        ("a slash after", "unknown_issuer", alpha().issuer("https://alpha.example/").sign(&keys.alpha)),
        ("another case", "unknown_issuer", alpha().issuer("https://Alpha.example").sign(&keys.alpha)),
        ("its beginning", "unknown_issuer", alpha().issuer("https://alpha.exampl").sign(&keys.alpha)),
        ("its name", "unknown_issuer", alpha().issuer("alpha").sign(&keys.alpha)),
        ("both", "unknown_issuer", alpha().claim("iss", json!([ALPHA, BETA])).sign(&keys.alpha)),
        ("none", "unknown_issuer", alpha().without("iss").sign(&keys.alpha)),
    ];
    wait_until("both key sets have been fetched", async || world.fetches()[..2] == [1, 1]).await;
    let mut tries = Tries::new(&world.stack).await;
    assert_eq!(tries.token(alpha().sign(&keys.alpha).unwrap()).await, "passed");
    for (label, expected, token) in rows {
        // Only the kid that alpha does not have causes a fetch, and only once.
        assert_eq!(tries.token(token.unwrap()).await, expected, "{label}");
    }
    assert_eq!(world.fetches(), [2, 1, 0]);
    let claimed = alpha().issuer("https://delta.example").claims_json();
    for number in 0..50 {
        let header = json!({ "alg": "RS256", "kid": format!("k{number}") }).to_string();
        let token = compact(header.as_bytes(), claimed.as_bytes(), &[7; 256]);
        assert_eq!(tries.token(token).await, "unknown_issuer");
    }
    assert_eq!(world.fetches(), [2, 1, 0], "an unknown issuer causes no fetch");
    assert_no_crash(&world.stack);
}

#[tokio::test(flavor = "multi_thread")]
async fn routes_can_require_issuers_and_their_roles_and_audiences() {
    let world = World::start().await;
    let keys = &world.keys;
    let sign = |token: Token, key| token.sign(key).unwrap();
    let admins = json!({ "roles": ["admin"] });
    let rows = [
        ("/admin", "passed", sign(alpha().claim("roles", json!(["admin"])), &keys.alpha)),
        ("/admin", "passed", sign(beta().claim("realm_access", admins.clone()), &keys.beta)),
        ("/admin", "403 role", sign(alpha().claim("realm_access", admins.clone()), &keys.alpha)),
        ("/admin", "403 role", sign(beta().claim("roles", json!(["admin"])), &keys.beta)),
        ("/of-alpha", "passed", sign(alpha(), &keys.alpha)),
        ("/of-alpha", "403 issuer_not_allowed", sign(beta(), &keys.beta)),
        ("/of-alpha", "signature", sign(alpha(), &keys.beta)),
        ("/of-both", "passed", sign(alpha(), &keys.alpha)),
        ("/of-both", "passed", sign(beta(), &keys.beta)),
        ("/beta-cli", "passed", sign(beta().claim("client_id", "beta-cli"), &keys.beta)),
        ("/beta-cli", "403 audience_not_allowed", sign(beta(), &keys.beta)),
        ("/beta-cli", "403 audience_not_allowed", sign(alpha().claim("client_id", "beta-cli"), &keys.alpha)),
        ("/either", "passed", sign(beta(), &keys.beta)),
        ("/either", "passed", sign(alpha().claim("roles", json!(["admin"])), &keys.alpha)),
    ];
    let mut tries = Tries::new(&world.stack).await;
    for (path, expected, token) in rows {
        let request = world.stack.request("GET", path).bearer(&token);
        assert_eq!(tries.request(request).await, expected, "{path}");
    }
    assert_no_crash(&world.stack);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_issuer_that_is_down_affects_only_its_own_tokens() {
    let world = World::start().await;
    let (stack, keys) = (&world.stack, &world.keys);
    let of_gone = alpha().issuer(GONE).audience("gone-api").sign(&keys.alpha).unwrap();
    let others = [alpha().sign(&keys.alpha).unwrap(), beta().sign(&keys.beta).unwrap()];
    let others_pass = async || {
        for token in &others {
            assert_eq!(stack.get_with("/", token).await.status, 200);
        }
    };
    others_pass().await;
    let refused = stack.get_with("/", &of_gone).await;
    assert_eq!((refused.status, refused.error().as_str()), (503, "temporarily_unavailable"));
    assert!(refused.text("retry-after").unwrap().parse::<u64>().unwrap() >= 1);
    others_pass().await;
    assert_eq!(world.fetches(), [1, 1, 0]);

    world.gone.up().await;
    wait_until("the issuer is up again", async || stack.get_with("/", &of_gone).await.status == 200).await;
    // It goes down again while the keys are still valid.
    world.gone.down().await;
    world.alpha.down().await;
    others_pass().await;
    assert_eq!(stack.get_with("/", &of_gone).await.status, 200);
    assert_eq!(world.fetches(), [1, 1, 1]);
    assert_no_crash(stack);
}
