//! The walk through the policy of envoy/envoy.yaml: example requests, each with its expected response.

use std::net::SocketAddr;
use std::time::Duration;

use jwt_guard_testkit::mint::{Algorithm, SigningKey, Token};
use serde_json::{Value, json};

use jwt_guard_testkit::base64url;
use jwt_guard_testkit::client::{Request, shortened};
use jwt_guard_testkit::now;

/// Send the example requests to a running Envoy with the policy of envoy/envoy.yaml.
#[derive(clap::Args)]
pub struct Arguments {
    /// Address of Envoy's listener
    envoy: SocketAddr,
    /// Address of Envoy's admin interface
    #[arg(long)]
    admin: SocketAddr,
    /// Address of the issuer, `jwtguard serve`
    #[arg(long)]
    issuer: SocketAddr,
}

/// The start-up timeout. The containers start in some seconds on an idle machine.
const START: Duration = Duration::from_secs(60);

/// The longest time until a revoked token is refused: the TTL of the list in the demo, and a second. The rest covers
/// other load on the machine.
const REVOCATION: Duration = Duration::from_secs(10);

/// `walk`
pub async fn run(arguments: Arguments) -> Result<(), String> {
    if tokio::time::timeout(START, keys(arguments.admin)).await.is_err() {
        return Err(format!(
            "the filter has fetched no keys after {} s; is the issuer reachable? See jwt_guard.jwks in the stats of \
             Envoy's admin interface at {}",
            START.as_secs(),
            arguments.admin
        ));
    }
    Walk::through_the_policy(arguments.envoy, arguments.issuer).await
}

/// Waits until the metrics show keys. Before that, the filter answers requests with a token with 503.
async fn keys(admin: SocketAddr) {
    loop {
        let gauges = Request::get(admin, "/stats?filter=jwt_guard.jwks").try_send().await;
        let gauges =
            gauges.map(|answer| String::from_utf8_lossy(&answer.body).into_owned()).unwrap_or_default();
        let held = |line: &str| matches!(line.split_once(".keys: "), Some((_, count)) if count != "0");
        if gauges.lines().any(held) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// The progress of the walk.
pub struct Walk {
    envoy: SocketAddr,
    issuer: SocketAddr,
    steps: u32,
    different: u32,
}

/// The expected response.
#[derive(Clone, Copy)]
enum Expected {
    /// 200, and these headers at the upstream; `None` for a header that must be absent.
    Passes(&'static [(&'static str, Option<&'static str>)]),
    /// This status, and this `error` in the body.
    Denied(u16, &'static str),
}
use Expected::{Denied, Passes};

impl Walk {
    /// Sends all requests to that Envoy, with tokens of that issuer. The error is the number of unexpected responses,
    /// or the reason why a request got no response.
    pub async fn through_the_policy(envoy: SocketAddr, issuer: SocketAddr) -> Result<(), String> {
        let mut walk = Self { envoy, issuer, steps: 0, different: 0 };
        walk.every_step().await?;
        walk.result()
    }

    /// Sends all requests, and then some with a token that the issuer revokes. The Envoy must fetch the issuer's
    /// revocation list.
    pub async fn through_the_policy_with_revocation(
        envoy: SocketAddr,
        issuer: SocketAddr,
    ) -> Result<(), String> {
        let mut walk = Self { envoy, issuer, steps: 0, different: 0 };
        walk.every_step().await?;
        walk.revocation().await?;
        walk.result()
    }

    fn result(&self) -> Result<(), String> {
        let steps = self.steps;
        match self.different {
            0 => {
                println!("\nall {steps} responses are as expected");
                Ok(())
            }
            different => Err(format!("{different} of {steps} responses are not as expected")),
        }
    }

    async fn every_step(&mut self) -> Result<(), String> {
        let user = token(self.issuer, json!({ "sub": "alice", "email": "alice@example.com" })).await?;
        let admin = token(self.issuer, json!({ "sub": "root", "roles": ["admin", "user"] })).await?;
        let get = |path: &str| Request::get(self.envoy, path);
        let (orders, users, hello) = ("/api/orders", "/api/admin/users", "/public/hello");
        let anonymous = Passes(&[("x-auth-sub", None), ("x-auth-roles", None)]);
        let as_alice = Passes(&[
            ("x-auth-sub", Some("alice")),
            ("x-auth-email", Some("alice@example.com")),
            ("x-auth-issuer", Some("https://issuer.example")),
            ("x-auth-roles", None),
            ("authorization", None),
        ]);
        let as_root = Passes(&[("x-auth-sub", Some("root")), ("x-auth-roles", Some("admin,user"))]);

        let steps = [
            ("no token", get(orders), Denied(401, "missing_token")),
            ("no token, on an anonymous route", get(hello), anonymous),
            ("an invalid token, on an anonymous route", get(hello).bearer("no.good.token"), anonymous),
            ("a user", get(orders).bearer(&user), as_alice),
            ("a user, on an admin route", get(users).bearer(&user), Denied(403, "insufficient_scope")),
            ("an admin, on an admin route", get(users).bearer(&admin), as_root),
            ("no token, on an admin route", get(users), Denied(401, "missing_token")),
            ("an expired token", get(orders).bearer(&self.expired().await?), Denied(401, "invalid_token")),
            (
                "a token for another audience",
                get(orders).bearer(&self.elsewhere().await?),
                Denied(401, "invalid_token"),
            ),
            (
                "a token whose claims were changed",
                get(orders).bearer(&tampered(&user)),
                Denied(401, "invalid_token"),
            ),
            (
                "a token signed by another key",
                get(orders).bearer(&forged(&user)?),
                Denied(401, "invalid_token"),
            ),
            (
                "a token without a signature",
                get(orders).bearer(&unsigned(&user)),
                Denied(401, "invalid_token"),
            ),
            (
                "a user who sends the role header of an admin",
                get(orders).bearer(&user).header("x-auth-roles", "admin"),
                as_alice,
            ),
            (
                "the same header, on an admin route",
                get(users).bearer(&user).header("x-auth-roles", "admin"),
                Denied(403, "insufficient_scope"),
            ),
            ("the same header, on an anonymous route", get(hello).header("x-auth-roles", "admin"), anonymous),
        ];
        for (what, request, expected) in steps {
            self.step(what, &request, expected).await?;
        }

        println!("\nthe issuer replaces its key; Envoy is not notified");
        let rotate = Request::post(self.issuer, "/rotate?keep=false", "");
        println!("  {rotate}");
        let rotated = rotate.try_send().await?.status;
        if rotated != 200 {
            return Err(format!("the issuer answered {rotated} to /rotate; expected 200"));
        }
        let fresh = token(self.issuer, json!({ "sub": "root", "roles": ["admin", "user"] })).await?;
        self.step("a token signed by the new key", &get_from(self.envoy, users, &fresh), as_root).await?;
        let retired = get_from(self.envoy, orders, &user);
        self.step("a token signed by the retired key", &retired, Denied(401, "invalid_token")).await
    }

    async fn revocation(&mut self) -> Result<(), String> {
        let stolen = token(self.issuer, json!({ "sub": "alice" })).await?;
        let request = get_from(self.envoy, "/api/orders", &stolen);
        let as_alice = Passes(&[("x-auth-sub", Some("alice"))]);
        self.step("a token before it is revoked", &request, as_alice).await?;

        println!("\nthe issuer revokes the token; Envoy fetches the revocation list every two seconds");
        let revoke = Request::post(self.issuer, "/revoke", json!({ "token": stolen }).to_string());
        let revoked = revoke.try_send().await?.status;
        println!("  POST http://{}/revoke: {revoked}", self.issuer);
        if revoked != 200 {
            return Err(format!("the issuer answered {revoked} to /revoke; expected 200"));
        }
        let refused = async {
            while request.try_send().await?.status == 200 {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            Ok::<(), String>(())
        };
        // A token that is still accepted then is shown as a different response.
        let _ = tokio::time::timeout(REVOCATION, refused).await;
        self.step("the revoked token", &request, Denied(401, "invalid_token")).await?;
        let other = token(self.issuer, json!({ "sub": "alice" })).await?;
        self.step("another token of the same user", &get_from(self.envoy, "/api/orders", &other), as_alice)
            .await
    }

    async fn step(&mut self, what: &str, request: &Request, expected: Expected) -> Result<(), String> {
        let answer = request.try_send().await?;
        let body = answer.json();
        let error = body.get("error").and_then(Value::as_str);
        let status = answer.status;
        let (expected_text, same) = match expected {
            Passes(headers) => (
                "200".to_owned(),
                status == 200
                    && headers.iter().all(|(name, value)| seen(&body, name) == value.map(Value::from)),
            ),
            Denied(code, word) => (format!("{code} {word}"), status == code && error == Some(word)),
        };
        let got = [status.to_string()]
            .into_iter()
            .chain(error.map(ToOwned::to_owned))
            .collect::<Vec<_>>()
            .join(" ");
        self.steps += 1;
        self.different += u32::from(!same);
        println!("\n{what}\n  {request}");
        println!("  {} {got}, expected {expected_text}", if same { "ok       " } else { "DIFFERENT" });
        if let Passes(headers) = expected {
            println!("            upstream received: {}", identity(&body));
            if !same {
                println!("            expected:          {}", expected_identity(headers));
            }
        }
        Ok(())
    }

    async fn expired(&self) -> Result<String, String> {
        let now = now().as_millis() / 1000;
        token(self.issuer, json!({ "sub": "alice", "iat": now - 7200, "exp": now - 3600 })).await
    }

    async fn elsewhere(&self) -> Result<String, String> {
        token(self.issuer, json!({ "sub": "alice", "aud": "billing-api" })).await
    }
}

/// A token with those claims, signed by the issuer.
pub async fn token(issuer: SocketAddr, claims: Value) -> Result<String, String> {
    let answer = Request::post(issuer, "/token", claims.to_string()).try_send().await?;
    let token = answer.json().get("access_token").and_then(Value::as_str).map(ToOwned::to_owned);
    token.ok_or_else(|| format!("the issuer answered {} to /token without an access_token", answer.status))
}

fn get_from(address: SocketAddr, path: &str, token: &str) -> Request {
    Request::get(address, path).bearer(token)
}

/// A token with the `kid` of the given token, but signed by another key.
fn forged(token: &str) -> Result<String, String> {
    let header =
        token.split('.').next().and_then(|part| base64url::decode(part.as_bytes())).unwrap_or_default();
    let header: Value = serde_json::from_slice(&header).unwrap_or_default();
    let kid = header.get("kid").and_then(Value::as_str).ok_or("the issuer's token has no kid")?;
    let key = SigningKey::generate(Algorithm::Rs256).map_err(|error| error.to_string())?;
    let token = Token::new(now()).claim("roles", vec!["admin"]);
    token.sign(&key.with_kid(kid)).map_err(|error| error.to_string())
}

/// The header and signature of the token with other claims.
fn tampered(token: &str) -> String {
    let parts: Vec<_> = token.split('.').collect();
    let claims = Token::new(now()).subject("root").claim("roles", vec!["admin"]).claims_json();
    let foreign = jwt_guard_testkit::mint::compact(b"", claims.as_bytes(), b"");
    match (parts.as_slice(), foreign.split('.').nth(1)) {
        ([header, _, signature], Some(claims)) => [header, claims, signature].join("."),
        _ => String::new(),
    }
}

/// The claims of the token with `alg: none` and no signature.
fn unsigned(token: &str) -> String {
    let header = jwt_guard_testkit::mint::compact(br#"{"alg":"none","typ":"JWT"}"#, b"", b"");
    let header = header.trim_end_matches('.');
    let claims = token.split('.').nth(1).unwrap_or_default();
    format!("{header}.{claims}.")
}

/// The header as the upstream received it: its value, or a list of several values.
fn seen(body: &Value, name: &str) -> Option<Value> {
    let pairs = body.get("headers")?.as_array()?.iter();
    let mut values: Vec<_> = pairs.filter(|pair| pair.get(0).is_some_and(|found| found == name)).collect();
    match values.len() {
        0 | 1 => values.pop()?.get(1).cloned(),
        _ => Some(json!(values)),
    }
}

/// The identity headers that the upstream received.
fn identity(body: &Value) -> String {
    let pairs = body.get("headers").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let lines = pairs.iter().filter_map(|pair| {
        let (name, value) = (pair.get(0)?.as_str()?, pair.get(1)?.as_str()?);
        (name.starts_with("x-auth-") || name == "authorization")
            .then(|| format!("{name}: {}", shortened(value)))
    });
    match lines.collect::<Vec<_>>() {
        lines if lines.is_empty() => "no identity".to_owned(),
        lines => lines.join(" · "),
    }
}

fn expected_identity(headers: &[(&str, Option<&str>)]) -> String {
    let lines = headers.iter().map(|(name, value)| match value {
        Some(value) => format!("{name}: {value}"),
        None => format!("no {name}"),
    });
    lines.collect::<Vec<_>>().join(" · ")
}
