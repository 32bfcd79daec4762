//! The Envoy process under test, and its CPU time and memory as reported by the kernel.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use jwt_guard_testkit::envoy::program;
use jwt_guard_testkit::wasm_memory::wasm_memories;
use serde_json::Value;

use super::listeners::{Listener, bootstrap};
use super::{output, output_of, wait_for};

/// A running Envoy, killed on drop.
pub struct Proxy {
    process: Child,
    admin: SocketAddr,
    addresses: BTreeMap<String, SocketAddr>,
    /// The time from the start of the process until all listeners accept connections.
    pub ready_after: Duration,
}

impl Proxy {
    /// Starts Envoy with one worker and returns when all its listeners accept connections.
    pub fn start(listeners: &[Listener]) -> Self {
        Self::start_with(listeners, 1)
    }

    /// The same with that many workers.
    pub fn start_with(listeners: &[Listener], workers: u32) -> Self {
        let folder = output();
        let (config, admin_address) = (folder.join("envoy.json"), folder.join("admin.address"));
        fs::write(&config, bootstrap(listeners).to_string()).unwrap();
        let _ = fs::remove_file(&admin_address);
        let log = File::create(folder.join("envoy.log")).unwrap();
        let started = Instant::now();
        let process = Command::new(program())
            .args([
                "--concurrency",
                &workers.to_string(),
                "--disable-hot-restart",
                "--log-level",
                "warn",
                "--config-path",
            ])
            .arg(&config)
            .arg("--admin-address-path")
            .arg(&admin_address)
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        let nowhere = "127.0.0.1:0".parse().unwrap();
        let mut proxy =
            Self { process, admin: nowhere, addresses: BTreeMap::new(), ready_after: Duration::ZERO };
        proxy.admin = wait_for("Envoy's admin address", || {
            proxy.assert_alive();
            fs::read_to_string(&admin_address).ok()?.trim().parse().ok()
        });
        wait_for("Envoy to be ready", || proxy.ask("/ready").starts_with("HTTP/1.1 200").then_some(()));
        proxy.addresses = wait_for("the listeners", || proxy.listeners(listeners.len()));
        proxy.ready_after = started.elapsed();
        proxy
    }

    /// The address of a listener.
    pub fn address(&self, listener: &str) -> SocketAddr {
        self.addresses[listener]
    }

    /// The CPU time of all threads so far, from `schedstat`, which counts nanoseconds. (`utime` and `stime` of
    /// /proc/PID/stat count in steps of 10 ms.)
    pub fn cpu(&self) -> Duration {
        self.threads().iter().map(|thread| schedstat(thread, 0)).sum()
    }

    /// How long the workers have waited so far for a core that another process used.
    pub fn waited(&self) -> Duration {
        let is_worker = |thread: &PathBuf| {
            fs::read_to_string(thread.join("comm")).is_ok_and(|name| name.starts_with("wrk:"))
        };
        self.threads().iter().filter(|thread| is_worker(thread)).map(|thread| schedstat(thread, 1)).sum()
    }

    /// The CPU time after Envoy has cleaned up after the last response: when all threads sleep, and none has run for two
    /// milliseconds. On a busy machine, a thread can also be still because it waits for a core.
    pub fn cpu_when_idle(&self) -> Duration {
        let mut before = self.cpu();
        for _ in 0..50 {
            std::thread::sleep(Duration::from_millis(2));
            let after = self.cpu();
            if after == before && self.threads().iter().all(|thread| sleeps(thread)) {
                break;
            }
            before = after;
        }
        before
    }

    fn threads(&self) -> Vec<PathBuf> {
        fs::read_dir(self.proc("task")).unwrap().map(|thread| thread.unwrap().path()).collect()
    }

    /// Resident memory of the process, in KiB.
    pub fn resident(&self) -> u64 {
        let status = fs::read_to_string(self.proc("status")).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().trim_end_matches(" kB").parse().unwrap()
    }

    /// Memory that no other process uses and that differs from a file, in KiB.
    pub fn private_dirty(&self) -> u64 {
        let rollup = fs::read_to_string(self.proc("smaps_rollup")).unwrap();
        let line = rollup.lines().find_map(|line| line.strip_prefix("Private_Dirty:")).unwrap();
        line.trim().trim_end_matches(" kB").parse().unwrap()
    }

    /// Resident memory of the wasm memories, in KiB.
    pub fn wasm_memories(&self) -> Vec<u64> {
        wasm_memories(self.process.id())
    }

    /// The counters and gauges of the token caches.
    pub fn stats(&self) -> BTreeMap<String, u64> {
        let text = self.ask("/stats?filter=cache");
        let stats = text.lines().filter_map(|line| line.trim().split_once(": "));
        stats.filter_map(|(name, value)| Some((name.to_owned(), value.parse().ok()?))).collect()
    }

    fn listeners(&self, count: usize) -> Option<BTreeMap<String, SocketAddr>> {
        let text = self.ask("/listeners?format=json");
        // The body may be chunked, with chunk sizes before and after the JSON object.
        let json: Value = serde_json::from_str(text.get(text.find('{')?..=text.rfind('}')?)?).ok()?;
        let listener = |status: &Value| {
            let socket = &status["local_address"]["socket_address"];
            let address = format!("{}:{}", socket["address"].as_str()?, socket["port_value"]);
            Some((status["name"].as_str()?.to_owned(), address.parse().ok()?))
        };
        let found: BTreeMap<_, _> =
            json["listener_statuses"].as_array()?.iter().filter_map(listener).collect();
        let listening = |address: &SocketAddr| TcpStream::connect(address).is_ok();
        (found.len() == count && found.values().all(listening)).then_some(found)
    }

    fn ask(&self, path: &str) -> String {
        let mut answer = Vec::new();
        if let Ok(mut stream) = TcpStream::connect(self.admin) {
            let _ = write!(stream, "GET {path} HTTP/1.1\r\nhost: admin\r\nconnection: close\r\n\r\n");
            let _ = stream.read_to_end(&mut answer);
        }
        String::from_utf8_lossy(&answer).into_owned()
    }

    fn assert_alive(&mut self) {
        if let Some(status) = self.process.try_wait().unwrap() {
            let log = fs::read_to_string(output().join("envoy.log")).unwrap_or_default();
            panic!("Envoy ended ({status}):\n{log}");
        }
    }

    fn proc(&self, file: &str) -> PathBuf {
        PathBuf::from(format!("/proc/{}/{file}", self.process.id()))
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A field of a thread's `schedstat`: 0 is the time on a core, 1 the time that it waited for one. Zero if the thread has
/// ended.
fn schedstat(thread: &Path, field: usize) -> Duration {
    let line = fs::read_to_string(thread.join("schedstat")).unwrap_or_default();
    let nanoseconds = line.split(' ').nth(field).and_then(|field| field.parse().ok());
    Duration::from_nanos(nanoseconds.unwrap_or_default())
}

/// Whether the thread waits for an event. If it has ended, it does not run either.
fn sleeps(thread: &Path) -> bool {
    let line = fs::read_to_string(thread.join("stat")).unwrap_or_default();
    // PID (NAME) STATE …
    line.rsplit_once(") ").is_none_or(|(_, rest)| rest.starts_with('S'))
}

/// The version of the Envoy under test.
pub fn version() -> String {
    let text = output_of(program(), &["--version"]);
    // PATH version: COMMIT/VERSION/…
    let version = text.split_once("version: ").and_then(|(_, version)| version.split('/').nth(1));
    version.unwrap_or(&text).to_owned()
}
