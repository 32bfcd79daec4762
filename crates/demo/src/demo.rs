//! `make demo` and `make run`: start the issuer, the upstream and an Envoy with envoy/envoy.yaml.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use jwt_guard_testkit::mint::{AUDIENCE, Algorithm, ISSUER, SigningKey};
use serde_json::json;
use tokio::process::{Child, Command};

use crate::walk::{Walk, token};
use jwt_guard_testkit::client::Request;
use jwt_guard_testkit::server::listen;
use jwt_guard_testkit::signer::{self, Signer};
use jwt_guard_testkit::upstream;

/// Start issuer, upstream and Envoy, send the example requests and check the responses.
#[derive(clap::Args)]
pub struct Arguments {
    /// Path of the Envoy to start
    #[arg(long)]
    envoy: PathBuf,
    /// Envoy's configuration
    #[arg(long, default_value = "envoy/envoy.yaml")]
    config: PathBuf,
    /// The module; replaces the path in the configuration
    #[arg(long, default_value = "target/jwt_guard.wasm")]
    module: PathBuf,
    /// Send no requests: keep everything running and print curl commands
    #[arg(long)]
    stay: bool,
}

impl Arguments {
    /// Whether the command runs until it is stopped.
    pub fn stays(&self) -> bool {
        self.stay
    }
}

/// The ports and the module path in envoy/envoy.yaml, which the demo replaces.
const LISTENER_PORT: u16 = 10000;
const ISSUER_PORT: u16 = 8090;
const UPSTREAM_PORT: u16 = 8091;
const ADMIN_PORT: u16 = 9901;
const MODULE: &str = "filename: target/jwt_guard.wasm";

/// The keys of the issuer in envoy/envoy.yaml, and the revocation list that the demo adds to them.
const KEYS: &str = "                            jwks_cluster: issuer\n";
const LIST: &str = "                            revocation_list_endpoint: /revocations
                            revocation_list_ttl_seconds: 2\n";

/// The start-up timeout. Envoy starts in 0.3 s on an idle machine.
const START: Duration = Duration::from_secs(60);

/// `demo`
pub async fn run(arguments: Arguments) -> Result<(), String> {
    let key = SigningKey::generate(Algorithm::Rs256).map_err(|error| error.to_string())?;
    let (issuer_listener, issuer) = listen(port(&arguments, ISSUER_PORT).await).await?;
    let (upstream_listener, upstream) = listen(port(&arguments, UPSTREAM_PORT).await).await?;
    say(&format!("starting the issuer on {issuer}, with one RS256 key"));
    tokio::spawn(signer::serve(issuer_listener, Signer::new(ISSUER, AUDIENCE.to_owned(), vec![key])));
    say(&format!("starting the upstream on {upstream}; it responds with the headers that it received"));
    tokio::spawn(upstream::serve(upstream_listener));
    let mut envoy = Envoy::start(&arguments, issuer, upstream).await?;
    say(&format!("Envoy listens on {}\n", envoy.address));

    if arguments.stay {
        return envoy.stay(issuer).await;
    }
    let walked = Walk::through_the_policy_with_revocation(envoy.address, issuer).await;
    walked.map_err(|reason| format!("{reason}. The end of Envoy's log:\n{}", envoy.log_tail()))
}

/// The address for a server that has that port in the configuration. The walk uses a free port, so that it works if the
/// configured port is in use. `--stay` uses the configured port unless it is in use.
async fn port(arguments: &Arguments, configured: u16) -> SocketAddr {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, configured));
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
        for (configured, actual) in [
            (LISTENER_PORT, port(arguments, LISTENER_PORT).await.port()),
            (ADMIN_PORT, port(arguments, ADMIN_PORT).await.port()),
            (ISSUER_PORT, issuer.port()),
            (UPSTREAM_PORT, upstream.port()),
        ] {
            replace(&mut config, &format!("port_value: {configured}"), &format!("port_value: {actual}"))?;
        }
        replace(&mut config, MODULE, &format!("filename: {}", arguments.module.display()))?;
        replace(&mut config, KEYS, &format!("{KEYS}{LIST}"))?;

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
            // With hot restart, a second Envoy on the machine would need another base id.
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

    /// Waits until Envoy listens, and returns the address of its listener.
    async fn ready(&mut self) -> Result<SocketAddr, String> {
        loop {
            if let Ok(Some(status)) = self.process.try_wait() {
                return Err(format!("Envoy exited: {status}"));
            }
            if let Some(address) = self.listener().await {
                return Ok(address);
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    async fn listener(&self) -> Option<SocketAddr> {
        let admin = std::fs::read_to_string(self.folder.join("admin.address")).ok()?.trim().parse().ok()?;
        let ready = Request::get(admin, "/ready").try_send().await.ok()?;
        let listeners = Request::get(admin, "/listeners?format=json").try_send().await.ok()?.json();
        let socket = listeners.pointer("/listener_statuses/0/local_address/socket_address")?;
        let port = u16::try_from(socket.get("port_value")?.as_u64()?).ok()?;
        let address = SocketAddr::new(socket.get("address")?.as_str()?.parse().ok()?, port);
        (ready.status == 200).then_some(address)
    }

    /// Prints curl commands and waits for ctrl-c or the end of Envoy.
    async fn stay(&mut self, issuer: SocketAddr) -> Result<(), String> {
        let envoy = self.address;
        println!("# no token: 401");
        println!("curl -i http://{envoy}/api/orders\n");
        println!("# an anonymous route: 200");
        println!("curl -i http://{envoy}/public/hello\n");
        for (what, path, claims) in [
            (
                "any user: 200; the response shows the request that the upstream received",
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
        println!("# get a token with your own claims; make the issuer use a new key");
        println!("curl -X POST http://{issuer}/token -d '{{\"sub\":\"alice\",\"roles\":[\"admin\"]}}'");
        println!("curl -X POST http://{issuer}/rotate\n");
        println!("# revoke every token of a user; two seconds later they get 401");
        println!("curl -X POST http://{issuer}/revoke -d '{{\"sub\":\"alice\"}}'\n");
        println!("Envoy's log: {}", self.folder.join("envoy.log").display());
        println!("ctrl-c stops everything");
        let ended = self.process.wait().await.map_err(|error| error.to_string())?;
        Err(format!("Envoy exited: {ended}. The end of its log:\n{}", self.log_tail()))
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
        // kill_on_drop sends the signal; the folder is not needed after that.
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// Replaces the only occurrence of the text. An edited configuration may contain it never or several times.
fn replace(config: &mut String, text: &str, with: &str) -> Result<(), String> {
    let places = config.matches(text).count();
    if places != 1 {
        return Err(format!(
            "the configuration contains {text:?} {places} times; the demo needs exactly one, as in envoy/envoy.yaml"
        ));
    }
    *config = config.replacen(text, with, 1);
    Ok(())
}
