//! `make demo` and `make run`: the issuer, the upstream and an Envoy with envoy/envoy.yaml, and a walk through
//! its policy.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use jwt_guard::mint::{Algorithm, SigningKey, Token};
use serde_json::{Value, json};
use tokio::process::{Child, Command};

use crate::client::{Request, shortened};
use crate::serve::{self, Issuer};
use crate::{now, upstream};

/// Start everything and walk through the policy.
#[derive(clap::Args)]
pub struct Arguments {
    /// The Envoy to start
    #[arg(long)]
    envoy: PathBuf,
    /// Its configuration
    #[arg(long, default_value = "envoy/envoy.yaml")]
    config: PathBuf,
    /// The module, in place of the one that the configuration names
    #[arg(long, default_value = "target/jwt_guard.wasm")]
    module: PathBuf,
    /// Keep everything up instead, with lines to paste
    #[arg(long)]
    stay: bool,
}

impl Arguments {
    /// Whether it runs until it is stopped.
    pub fn stays(&self) -> bool {
        self.stay
    }
}

/// The ports and the path of envoy/envoy.yaml, which are replaced here.
const LISTENER_PORT: u16 = 10000;
const ISSUER_PORT: u16 = 8090;
const UPSTREAM_PORT: u16 = 8091;
const ADMIN_PORT: u16 = 9901;
const MODULE: &str = "target/jwt_guard.wasm";

/// Envoy is ready in a third of a second; a busy machine takes longer.
const START: Duration = Duration::from_secs(60);

/// `demo`
pub async fn run(arguments: Arguments) -> Result<(), String> {
    let key = SigningKey::generate(Algorithm::RS256).map_err(|error| error.to_string())?;
    let kid = key.kid().to_owned();
    let (issuer_listener, issuer) = serve::listen(port(&arguments, ISSUER_PORT).await).await?;
    let (upstream_listener, upstream) = serve::listen(port(&arguments, UPSTREAM_PORT).await).await?;
    say(&format!("starting the issuer on {issuer}, with one RS256 key"));
    tokio::spawn(serve::serve(issuer_listener, Issuer::new(key)));
    say(&format!("starting the upstream on {upstream}, which answers with the headers it saw"));
    tokio::spawn(upstream::serve(upstream_listener));
    let mut envoy = Envoy::start(&arguments, issuer, upstream).await?;
    say(&format!("Envoy serves on {}\n", envoy.address));

    if arguments.stay {
        return envoy.stay(issuer).await;
    }
    let mut walk = Walk { envoy: envoy.address, issuer, first_kid: kid, different: 0, steps: 0 };
    walk.through_the_policy().await?;
    match walk.different {
        0 => {
            println!("\nall {} answers are the documented ones", walk.steps);
            Ok(())
        }
        different => Err(format!(
            "{different} of {} answers differ from the documented ones. The end of Envoy's log:\n{}",
            walk.steps,
            envoy.log_tail()
        )),
    }
}

/// The address for a server that the configuration has on that port: a free port for the walk, which must work
/// beside anything; for `--stay` the port itself, unless it is taken.
async fn port(arguments: &Arguments, documented: u16) -> SocketAddr {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, documented));
    if arguments.stay && tokio::net::TcpListener::bind(address).await.is_ok() {
        return address;
    }
    SocketAddr::from((Ipv4Addr::LOCALHOST, 0))
}

fn say(line: &str) {
    println!("demo: {line}");
}

/// A running Envoy, killed when dropped.
struct Envoy {
    process: Child,
    folder: PathBuf,
    address: SocketAddr,
}

impl Envoy {
    async fn start(arguments: &Arguments, issuer: SocketAddr, upstream: SocketAddr) -> Result<Self, String> {
        let read = |error| format!("cannot read {}: {error}", arguments.config.display());
        let mut config = std::fs::read_to_string(&arguments.config).map_err(read)?;
        for (documented, actual) in [
            (LISTENER_PORT, port(arguments, LISTENER_PORT).await.port()),
            (ADMIN_PORT, port(arguments, ADMIN_PORT).await.port()),
            (ISSUER_PORT, issuer.port()),
            (UPSTREAM_PORT, upstream.port()),
        ] {
            replace(&mut config, &format!("port_value: {documented}"), &format!("port_value: {actual}"))?;
        }
        replace(&mut config, MODULE, &arguments.module.display().to_string())?;

        let folder = std::env::temp_dir().join(format!("jwt-guard-demo-{}", std::process::id()));
        let written = std::fs::create_dir_all(&folder)
            .and_then(|()| std::fs::write(folder.join("envoy.yaml"), config))
            .and_then(|()| std::fs::File::create(folder.join("envoy.log")));
        let log = written.map_err(|error| format!("cannot write to {}: {error}", folder.display()))?;
        let log_too = log.try_clone().map_err(|error| format!("cannot log: {error}"))?;
        say(&format!("starting Envoy: {} -c {}", arguments.envoy.display(), arguments.config.display()));
        let process = Command::new(&arguments.envoy)
            .arg("--config-path")
            .arg(folder.join("envoy.yaml"))
            .arg("--admin-address-path")
            .arg(folder.join("admin.address"))
            // Without it a second Envoy on the machine would need a base id of its own.
            .arg("--disable-hot-restart")
            .args(["--concurrency", "1"])
            .stdin(Stdio::null())
            .stdout(log)
            .stderr(log_too)
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| format!("cannot start {}: {error}", arguments.envoy.display()))?;
        let mut envoy = Self { process, folder, address: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)) };
        match tokio::time::timeout(START, envoy.ready()).await {
            Ok(Ok(address)) => {
                envoy.address = address;
                Ok(envoy)
            }
            Ok(Err(reason)) => Err(format!("{reason}. The end of its log:\n{}", envoy.log_tail())),
            Err(_) => Err(format!(
                "Envoy is not ready after {} s. The end of its log:\n{}",
                START.as_secs(),
                envoy.log_tail()
            )),
        }
    }

    /// Waits until it listens, and asks it where.
    async fn ready(&mut self) -> Result<SocketAddr, String> {
        loop {
            if let Ok(Some(status)) = self.process.try_wait() {
                return Err(format!("Envoy ended: {status}"));
            }
            if let Some(address) = self.listener().await {
                return Ok(address);
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    async fn listener(&self) -> Option<SocketAddr> {
        let admin = std::fs::read_to_string(self.folder.join("admin.address")).ok()?.trim().parse().ok()?;
        let ready = Request::get(admin, "/ready").send().await.ok()?;
        let listeners = Request::get(admin, "/listeners?format=json").send().await.ok()?.json();
        let socket = listeners.pointer("/listener_statuses/0/local_address/socket_address")?;
        let port = u16::try_from(socket.get("port_value")?.as_u64()?).ok()?;
        let address = SocketAddr::new(socket.get("address")?.as_str()?.parse().ok()?, port);
        ready.status.is_success().then_some(address)
    }

    /// Prints lines to paste and waits: for ctrl-c, or for Envoy's end.
    async fn stay(&mut self, issuer: SocketAddr) -> Result<(), String> {
        let envoy = self.address;
        println!("# no token: 401");
        println!("curl -i http://{envoy}/api/orders\n");
        println!("# an anonymous route: 200");
        println!("curl -i http://{envoy}/public/hello\n");
        for (what, path, claims) in [
            (
                "any user: 200; the answer shows what the upstream saw",
                "/api/orders",
                json!({ "sub": "alice" }),
            ),
            ("not an admin: 403", "/api/admin/users", json!({ "sub": "alice" })),
            ("an admin: 200", "/api/admin/users", json!({ "sub": "root", "roles": ["admin"] })),
        ] {
            let token = token(issuer, claims).await?;
            println!("# {what}");
            println!("curl -i http://{envoy}{path} -H 'authorization: Bearer {token}'\n");
        }
        println!("# a token with claims of your own, and a new key for the issuer");
        println!("curl -X POST http://{issuer}/token -d '{{\"sub\":\"alice\",\"roles\":[\"admin\"]}}'");
        println!("curl -X POST http://{issuer}/rotate\n");
        println!("Envoy's log: {}", self.folder.join("envoy.log").display());
        println!("ctrl-c ends everything");
        let ended = self.process.wait().await.map_err(|error| error.to_string())?;
        Err(format!("Envoy ended: {ended}. The end of its log:\n{}", self.log_tail()))
    }

    fn log_tail(&self) -> String {
        let log = std::fs::read(self.folder.join("envoy.log")).unwrap_or_default();
        let log = String::from_utf8_lossy(&log);
        let lines: Vec<_> = log.lines().rev().take(20).collect();
        lines.into_iter().rev().collect::<Vec<_>>().join("\n")
    }
}

impl Drop for Envoy {
    fn drop(&mut self) {
        // kill_on_drop sends the signal; the folder is of no use after that.
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// Replaces the one place of that text. An edited configuration may lack it, or have it twice.
fn replace(config: &mut String, text: &str, with: &str) -> Result<(), String> {
    let places = config.matches(text).count();
    if places != 1 {
        return Err(format!(
            "the configuration has {text:?} in {places} places; the demo replaces exactly one"
        ));
    }
    *config = config.replacen(text, with, 1);
    Ok(())
}

async fn token(issuer: SocketAddr, claims: Value) -> Result<String, String> {
    let answer = Request::post(issuer, "/token", claims.to_string()).send().await?;
    let token = answer.json().get("access_token").and_then(Value::as_str).map(ToOwned::to_owned);
    token.ok_or_else(|| format!("the issuer gave no token: {}", answer.status))
}

/// The requests, each with the answer that README documents.
struct Walk {
    envoy: SocketAddr,
    issuer: SocketAddr,
    first_kid: String,
    steps: u32,
    different: u32,
}

/// The documented answer.
#[derive(Clone, Copy)]
enum Expected {
    /// 200, and those headers upstream; `None` for one that must not arrive.
    Passes(&'static [(&'static str, Option<&'static str>)]),
    /// That status, and that `error` in the body.
    Refused(u16, &'static str),
}
use Expected::{Passes, Refused};

impl Walk {
    async fn through_the_policy(&mut self) -> Result<(), String> {
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
            ("no token", get(orders), Refused(401, "missing_token")),
            ("no token, on an anonymous route", get(hello), anonymous),
            ("a bad token, on an anonymous route", get(hello).bearer("no.good.token"), anonymous),
            ("a user", get(orders).bearer(&user), as_alice),
            ("a user, on an admin's route", get(users).bearer(&user), Refused(403, "insufficient_scope")),
            ("an admin, on an admin's route", get(users).bearer(&admin), as_root),
            ("no token, on an admin's route", get(users), Refused(401, "missing_token")),
            ("an expired token", get(orders).bearer(&self.expired().await?), Refused(401, "invalid_token")),
            (
                "a token for another audience",
                get(orders).bearer(&self.elsewhere().await?),
                Refused(401, "invalid_token"),
            ),
            (
                "a token whose claims were changed",
                get(orders).bearer(&tampered(&user)),
                Refused(401, "invalid_token"),
            ),
            (
                "a token signed by another key",
                get(orders).bearer(&self.forged()?),
                Refused(401, "invalid_token"),
            ),
            (
                "a token without a signature",
                get(orders).bearer(&unsigned(&user)),
                Refused(401, "invalid_token"),
            ),
            (
                "a client that says it is an admin",
                get(orders).bearer(&user).header("x-auth-roles", "admin"),
                as_alice,
            ),
            (
                "the same, on an admin's route",
                get(users).bearer(&user).header("x-auth-roles", "admin"),
                Refused(403, "insufficient_scope"),
            ),
            ("the same, on an anonymous route", get(hello).header("x-auth-roles", "admin"), anonymous),
        ];
        for (what, request, expected) in steps {
            self.step(what, &request, expected).await?;
        }

        println!("\nthe issuer replaces its key; Envoy is not told");
        let rotate = Request::post(self.issuer, "/rotate?keep=false", String::new());
        println!("  {rotate}");
        let rotated = rotate.send().await?.status;
        if !rotated.is_success() {
            return Err(format!("the issuer did not rotate its key: {rotated}"));
        }
        let fresh = token(self.issuer, json!({ "sub": "root", "roles": ["admin", "user"] })).await?;
        self.step("a token of the new key", &get_from(self.envoy, users, &fresh), as_root).await?;
        let retired = get_from(self.envoy, orders, &user);
        self.step("a token of the retired key", &retired, Refused(401, "invalid_token")).await
    }

    async fn step(&mut self, what: &str, request: &Request, expected: Expected) -> Result<(), String> {
        let answer = request.send().await?;
        let body = answer.json();
        let error = body.get("error").and_then(Value::as_str);
        let status = answer.status.as_u16();
        let (documented, same) = match expected {
            Passes(headers) => (
                "200".to_owned(),
                status == 200
                    && headers.iter().all(|(name, value)| seen(&body, name) == value.map(Value::from)),
            ),
            Refused(code, word) => (format!("{code} {word}"), status == code && error == Some(word)),
        };
        let got = [status.to_string()]
            .into_iter()
            .chain(error.map(ToOwned::to_owned))
            .collect::<Vec<_>>()
            .join(" ");
        self.steps += 1;
        self.different += u32::from(!same);
        println!("\n{what}\n  {request}");
        println!("  {} {got}, documented {documented}", if same { "ok       " } else { "DIFFERENT" });
        if let Passes(headers) = expected {
            println!("            upstream saw: {}", identity(&body));
            if !same {
                println!("            documented:   {}", documented_identity(headers));
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

    /// Names the issuer's key, but is signed by one of its own.
    fn forged(&self) -> Result<String, String> {
        let key = SigningKey::generate(Algorithm::RS256).map_err(|error| error.to_string())?;
        let token = Token::new(now()).claim("roles", vec!["admin"]);
        token.sign(&key.with_kid(&self.first_kid)).map_err(|error| error.to_string())
    }
}

fn get_from(address: SocketAddr, path: &str, token: &str) -> Request {
    Request::get(address, path).bearer(token)
}

/// The same header and signature over another subject.
fn tampered(token: &str) -> String {
    let parts: Vec<_> = token.split('.').collect();
    let claims = Token::new(now()).subject("root").claim("roles", vec!["admin"]).claims_json();
    let foreign = jwt_guard::mint::compact(b"", claims.as_bytes(), b"");
    match (parts.as_slice(), foreign.split('.').nth(1)) {
        ([header, _, signature], Some(claims)) => [header, claims, signature].join("."),
        _ => String::new(),
    }
}

/// The same claims under `alg: none`.
fn unsigned(token: &str) -> String {
    let header = jwt_guard::mint::compact(br#"{"alg":"none","typ":"JWT"}"#, b"", b"");
    let header = header.trim_end_matches('.');
    let claims = token.split('.').nth(1).unwrap_or_default();
    format!("{header}.{claims}.")
}

/// That header as the upstream saw it: its value, or a list of them where there were several.
fn seen(body: &Value, name: &str) -> Option<Value> {
    let pairs = body.get("headers")?.as_array()?.iter();
    let mut values: Vec<_> = pairs.filter(|pair| pair.get(0).is_some_and(|found| found == name)).collect();
    match values.len() {
        0 | 1 => values.pop()?.get(1).cloned(),
        _ => Some(json!(values)),
    }
}

/// The headers about identity that the upstream saw.
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

fn documented_identity(headers: &[(&str, Option<&str>)]) -> String {
    let lines = headers.iter().map(|(name, value)| match value {
        Some(value) => format!("{name}: {value}"),
        None => format!("no {name}"),
    });
    lines.collect::<Vec<_>>().join(" · ")
}
