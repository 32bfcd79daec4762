//! The Envoy process.

use std::collections::BTreeMap;
use std::fs::File;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use super::bootstrap::LISTENERS_FILE;
use super::{Bootstrap, Request, Response, TIMEOUT, wait_until};
use jwt_guard_testkit::envoy::program;
use jwt_guard_testkit::module::module;

/// How long a request can be missing in the counters, from docs/operations.md, with a margin for a busy machine.
const LONGEST_LAG: Duration = Duration::from_secs(1);
/// The number of lines of Envoy's log that a failing test prints.
const TAIL: usize = 40;

/// A running Envoy, killed on drop.
pub struct Envoy {
    process: Child,
    folder: PathBuf,
    admin: SocketAddr,
    address: SocketAddr,
}

/// An Envoy that did not start.
pub struct Refused {
    pub log: String,
}

impl Refused {
    /// The end of the log.
    pub fn tail(&self) -> String {
        tail(&self.log)
    }
}

impl Envoy {
    /// Starts Envoy and returns when it is ready. Panics with the end of its log if it does not start.
    pub async fn start(bootstrap: &Bootstrap, issuer: SocketAddr, upstream: SocketAddr) -> Self {
        let (process, folder) = spawn(bootstrap, issuer, upstream);
        let nowhere = "127.0.0.1:0".parse().unwrap();
        // From here on, a panic drops this value, which kills the process and prints its log.
        let mut envoy = Self { process, folder, admin: nowhere, address: nowhere };
        let starting = async {
            envoy.admin = envoy.admin_address().await;
            while envoy.ask_admin("GET", "/ready").await.status != 200 {
                envoy.pause().await;
            }
            envoy.address = loop {
                if let Some(address) = envoy.find_listener("http").await {
                    break address;
                }
                envoy.pause().await;
            };
        };
        assert!(tokio::time::timeout(TIMEOUT, starting).await.is_ok(), "Envoy did not start in {TIMEOUT:?}");
        envoy
    }

    /// Starts an Envoy that must exit with an error.
    pub async fn start_rejected(bootstrap: &Bootstrap, issuer: SocketAddr, upstream: SocketAddr) -> Refused {
        let (process, folder) = spawn(bootstrap, issuer, upstream);
        let nowhere = "127.0.0.1:0".parse().unwrap();
        let mut envoy = Self { process, folder, admin: nowhere, address: nowhere };
        let ending = async {
            loop {
                if let Some(status) = envoy.process.try_wait().unwrap() {
                    return status;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        let ended = tokio::time::timeout(TIMEOUT, ending).await;
        let status = ended.expect("Envoy must reject this configuration, but it started");
        assert!(!status.success(), "Envoy exited without an error");
        Refused { log: envoy.log() }
    }

    /// The module that is loaded.
    pub fn module() -> &'static Path {
        module()
    }

    /// Replaces the configuration of the listeners. Works only if they were loaded from a file.
    pub fn reconfigure(&self, bootstrap: &Bootstrap) {
        assert!(bootstrap.reconfigurable, "static listeners cannot change; use StackBuilder::reconfigurable");
        let module = bootstrap.module.as_deref().unwrap_or_else(|| module());
        put_listeners(bootstrap, module, &self.folder);
    }

    /// A folder for files of the test; it is removed with the process.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The address of its listener.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The addresses of [`Bootstrap::listeners`], in their order.
    pub async fn addresses(&self) -> Vec<SocketAddr> {
        let listeners = self.ask_admin("GET", "/listeners?format=json").await.json();
        let mut found: Vec<(usize, SocketAddr)> = Vec::new();
        for listener in listeners["listener_statuses"].as_array().unwrap() {
            let Ok(index) = listener["name"].as_str().unwrap().parse() else { continue };
            let socket = &listener["local_address"]["socket_address"];
            let port = u16::try_from(socket["port_value"].as_u64().unwrap()).unwrap();
            found.push((index, SocketAddr::new(socket["address"].as_str().unwrap().parse().unwrap(), port)));
        }
        found.sort_unstable();
        found.into_iter().map(|(_, address)| address).collect()
    }

    /// The address of its admin interface.
    pub fn admin(&self) -> SocketAddr {
        self.admin
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.process.id()
    }

    /// Its complete log.
    pub fn log(&self) -> String {
        // The filter may log bytes from a client that are not UTF-8.
        String::from_utf8_lossy(&std::fs::read(self.folder.join("envoy.log")).unwrap()).into_owned()
    }

    pub fn log_contains(&self, words: &str) -> bool {
        self.log().contains(words)
    }

    /// Waits until the log contains the text.
    pub async fn logged(&self, words: &str) {
        wait_until(&format!("the log has {words:?}"), async || self.log_contains(words)).await;
    }

    /// The lines of the access log. Envoy writes a line shortly after the response, so tests must wait for it.
    pub fn access_log(&self) -> Vec<String> {
        let log = std::fs::read(self.folder.join("access.log")).unwrap_or_default();
        String::from_utf8_lossy(&log).lines().map(ToOwned::to_owned).collect()
    }

    /// Waits until the access log has that many lines, and asserts that it has no more.
    pub async fn access_logged(&self, lines: usize) -> Vec<String> {
        let what = format!("the access log has {lines} lines");
        wait_until(&what, async || self.access_log().len() >= lines).await;
        let log = self.access_log();
        assert_eq!(log.len(), lines, "{log:#?}");
        log
    }

    /// All counters and gauges.
    pub async fn stats(&self) -> BTreeMap<String, u64> {
        let answer = self.ask_admin("GET", "/stats").await;
        let text = String::from_utf8(answer.body).unwrap();
        // Histograms are skipped: their value is not a number.
        text.lines()
            .filter_map(|line| line.rsplit_once(": "))
            .filter_map(|(name, value)| Some((name.to_owned(), value.parse().ok()?)))
            .collect()
    }

    /// One counter or gauge; 0 if it does not exist yet.
    pub async fn stat(&self, name: &str) -> u64 {
        self.stats().await.get(name).copied().unwrap_or(0)
    }

    /// Waits until the counters contain every request so far, and asserts that a counter has this value.
    pub async fn counted(&self, name: &str, value: u64) {
        let asked = tokio::time::Instant::now();
        wait_until("the counters contain every request", async || {
            asked.elapsed() > LONGEST_LAG || self.counts_every_request().await
        })
        .await;
        wait_until(&format!("{name} is {value}"), async || self.stat(name).await >= value).await;
        assert_eq!(self.stat(name).await, value, "{name}");
    }

    /// Whether the filter has counted each request that Envoy has received, as allowed or as denied. It never does if
    /// Envoy answers a request itself, or if two filters count a request.
    async fn counts_every_request(&self) -> bool {
        let stats = self.stats().await;
        let is_decision = |name: &str| {
            ["allowed.", "denied."]
                .iter()
                .any(|kind| name.starts_with(&format!("wasmcustom.jwt_guard.{kind}")))
        };
        let counted: u64 = stats.iter().filter(|(name, _)| is_decision(name)).map(|(_, count)| count).sum();
        stats.get("http.http.downstream_rq_total") == Some(&counted)
    }

    /// Sends a request to the admin interface.
    pub async fn ask_admin(&self, method: &str, path: &str) -> Response {
        Request::new(self.admin, method, path).header("connection", "close").send().await
    }

    /// Whether the process is running.
    pub fn is_running(&mut self) -> bool {
        self.process.try_wait().unwrap().is_none()
    }

    /// Sends the process a signal, such as `TERM`.
    pub fn signal(&self, name: &str) {
        let sent = Command::new("kill").args(["-s", name, &self.pid().to_string()]).status().unwrap();
        assert!(sent.success(), "the signal {name} could not be sent");
    }

    /// Waits until the process has exited, and returns its status.
    pub async fn ended(&mut self) -> ExitStatus {
        let ending = async {
            loop {
                if let Some(status) = self.process.try_wait().unwrap() {
                    return status;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(TIMEOUT, ending).await.expect("timeout: Envoy did not exit")
    }

    /// Resident memory in KiB.
    pub fn resident(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.split_whitespace().next().unwrap().parse().unwrap()
    }

    async fn admin_address(&mut self) -> SocketAddr {
        loop {
            let written = std::fs::read_to_string(self.folder.join("admin.address")).unwrap_or_default();
            if let Ok(address) = written.trim().parse() {
                return address;
            }
            self.pause().await;
        }
    }

    /// The address of the listener with that name.
    pub async fn listener(&self, name: &str) -> SocketAddr {
        self.find_listener(name).await.unwrap_or_else(|| panic!("Envoy has no listener {name}"))
    }

    async fn find_listener(&self, name: &str) -> Option<SocketAddr> {
        let listeners = self.ask_admin("GET", "/listeners?format=json").await.json();
        let listener =
            listeners["listener_statuses"].as_array()?.iter().find(|listener| listener["name"] == name)?;
        let socket = &listener["local_address"]["socket_address"];
        let port = u16::try_from(socket["port_value"].as_u64()?).unwrap();
        Some(SocketAddr::new(socket["address"].as_str()?.parse().unwrap(), port))
    }

    /// Pauses between two checks of a starting Envoy; panics if it has exited.
    async fn pause(&mut self) {
        let ended = self.process.try_wait().unwrap();
        assert!(ended.is_none(), "Envoy exited during start-up: {}", ended.unwrap());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

impl Drop for Envoy {
    fn drop(&mut self) {
        // An error means that the process has exited already.
        let _ = self.process.kill();
        let _ = self.process.wait();
        if std::thread::panicking() {
            eprintln!("the end of Envoy's log ({}):\n{}", self.folder.display(), tail(&self.log()));
        } else {
            let _ = std::fs::remove_dir_all(&self.folder);
        }
    }
}

fn spawn(bootstrap: &Bootstrap, issuer: SocketAddr, upstream: SocketAddr) -> (Child, PathBuf) {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let folder =
        PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("envoy-{}-{count}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();

    let module = match (&bootstrap.plugin, bootstrap.host_function) {
        (None, _) => PathBuf::from("none"),
        (Some(_), None) => bootstrap.module.clone().unwrap_or_else(|| module().to_owned()),
        (Some(_), Some(function)) => {
            let changed = folder.join("jwt_guard.wasm");
            std::fs::write(&changed, with_host_function(function)).unwrap();
            changed
        }
    };
    let config = bootstrap.to_json(issuer, upstream, &module, &folder.join("access.log"));
    std::fs::write(folder.join("envoy.json"), config.to_string()).unwrap();
    if bootstrap.reconfigurable {
        put_listeners(bootstrap, &module, &folder);
    }

    let log = File::create(folder.join("envoy.log")).unwrap();
    let program = bootstrap.program.as_deref().unwrap_or_else(|| program());
    let process = Command::new(program)
        .arg("--config-path")
        .arg(folder.join("envoy.json"))
        .arg("--admin-address-path")
        .arg(folder.join("admin.address"))
        .args(["--concurrency", &bootstrap.workers.to_string()])
        .args(["--drain-time-s", &bootstrap.drain_seconds.to_string()])
        // With hot restart, every Envoy on the machine would need its own base id.
        .arg("--disable-hot-restart")
        .args(["--log-level", "info", "--file-flush-interval-msec", "50"])
        .envs(bootstrap.environment.iter().cloned())
        .stdin(Stdio::null())
        .stdout(log.try_clone().unwrap())
        .stderr(log)
        .spawn()
        .unwrap_or_else(|error| panic!("{} does not start: {error}", program.display()));
    (process, folder)
}

/// Writes the listeners file with a rename, because Envoy watches for renames.
fn put_listeners(bootstrap: &Bootstrap, module: &Path, folder: &Path) {
    let listeners = bootstrap.listeners(module, &folder.join("access.log"));
    let new = folder.join("listeners.new");
    std::fs::write(&new, listeners.to_string()).unwrap();
    std::fs::rename(new, folder.join(LISTENERS_FILE)).unwrap();
}

/// The module with the name of its host function replaced by [`Bootstrap::host_function`].
fn with_host_function(function: &str) -> Vec<u8> {
    const HOST_FUNCTION: &[u8] = b"verify_signature";
    assert_eq!(
        function.len(),
        HOST_FUNCTION.len(),
        "a name of another length would shift the following bytes"
    );
    let mut bytes = std::fs::read(module()).unwrap();
    let found = bytes.windows(HOST_FUNCTION.len()).enumerate().filter(|(_, window)| *window == HOST_FUNCTION);
    let places: Vec<usize> = found.map(|(at, _)| at).collect();
    let [at] = places[..] else {
        panic!("the module contains the name of the function {} times, expected one", places.len())
    };
    bytes[at..at + HOST_FUNCTION.len()].copy_from_slice(function.as_bytes());
    bytes
}

fn tail(log: &str) -> String {
    let lines: Vec<_> = log.lines().collect();
    lines[lines.len().saturating_sub(TAIL)..].join("\n")
}
