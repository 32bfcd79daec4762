//! Spellings of a protected path with every trick and every pair of tricks. Each path at the upstream is normalized
//! like many upstream servers would.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::harness::{Request, Stack, cluster, plugin_with};
use crate::outcome::Tries;
use jwt_guard_testkit::upstreams::UPSTREAMS;

/// Replacements for a slash, and additions next to a slash.
const SLASHES: &[&str] = &[
    "/",
    "//",
    "/./",
    "/;/",
    "/;x=/",
    ";x/",
    "\\",
    "/\\",
    "%2f",
    "%2F",
    "%252f",
    "%25252F",
    "%2525252f",
    "%5c",
    "%255C",
    "/%2e/",
    "/%2E%2f",
    "%25%32%66",
    "/%20",
    "%20/",
    "/ ",
    "%09/",
    "/%0b",
    "%00/",
    "./",
    "%c0%af",
    "%25c0%25af",
    "%e0%80%af",
    "\u{ff0f}",
    "%ef%bc%8f",
    "%e2%88%95",
    "%E2%81%84",
    "%ef%bc%bc",
    "%u002f",
    "%u2215",
    "%2",
    "%%32f",
];

/// Replacements that most upstreams treat as a slash.
const COMMON_SLASHES: &[&str] = &["/", "%2F", "\\", ";/"];

/// Replacements for `..`.
const UPS: &[&str] = &[
    "..",
    "%2e%2e",
    ".%2E",
    "%2e.",
    "%252e%252e",
    "%25252e.",
    "..;",
    "..;x=/y",
    "%2e%2e;",
    "%2e%2e%3b",
    "..%00",
    "..%20",
    "..%09",
    ". .",
    "...",
    "..%2f..",
    "\u{ff0e}\u{ff0e}",
    "%ef%bc%8e.",
    "%e2%80%a5",
    "%c0%ae%c0%ae",
    "%u002e%u002e",
];

/// Replacements for the name.
const NAMES: &[&str] = &[
    "admin",
    "ADMIN",
    "%61dmin",
    "%41dMin",
    "%2561dmin",
    "%25%36%31dmin",
    "%2525%36%31dmin",
    "%252525261dmin",
    "adm%69N",
    "adm%c4%b1n",
    "adm\u{130}n",
    "%ef%bd%81dmin",
    "admin;",
    "admin;a=b",
    ";admin",
    "admin.",
    "admin%2e",
    "admin..",
    "admin%20",
    "%20admin",
    "%20%20admin%20",
    "admin%09",
    "admin%00",
    "admin%3f",
    "admin%23",
    "admin%253Fx",
    "admin?",
    "admin?/..",
    "admin%3b",
    "admin%2525",
    "admin%",
    "%u0061dmin",
    "x%2f..%2fadmin",
    "admin%c2%a0",
    "%e3%80%80admin",
];

fn spellings() -> Vec<String> {
    let mut paths = Vec::new();
    for name in NAMES {
        paths.extend(SLASHES.iter().map(|slash| format!("/{name}{slash}users")));
        paths.extend(SLASHES.iter().map(|slash| format!("{slash}{name}")));
        paths.extend(UPS.iter().map(|up| format!("/public/{up}/{name}")));
        paths.push(format!("//host/{name}"));
        paths.push(format!("/http://host/../../../{name}"));
        paths.push(format!("http://h/{name}"));
        paths.push(format!("/{}{name}", "x/../".repeat(100)));
    }
    for up in UPS {
        for slash in SLASHES {
            let pairs = COMMON_SLASHES.iter().flat_map(|common| [(slash, common), (common, slash)]);
            paths.extend(pairs.map(|(before, after)| format!("/public{before}{up}{after}admin")));
        }
    }
    paths
}

/// An upstream that accepts any bytes as a path, and records them.
async fn any_bytes() -> (SocketAddr, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let seen: Arc<Mutex<Vec<String>>> = Arc::default();
    let targets = seen.clone();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let targets = targets.clone();
            tokio::spawn(async move {
                let mut pending = Vec::new();
                while stream.read_buf(&mut pending).await.is_ok_and(|count| count > 0) {
                    while let Some(end) = pending.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
                        let head: Vec<u8> = pending.drain(..end + 4).collect();
                        let line = String::from_utf8_lossy(&head).lines().next().unwrap().to_owned();
                        let target = line.split_once(' ').unwrap().1.rsplit_once(' ').unwrap().0;
                        targets.lock().unwrap().push(target.to_owned());
                        let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
                        stream.write_all(answer).await.unwrap();
                    }
                }
            });
        }
    });
    (address, seen)
}

/// The upstream models that normalize the target to the protected path.
fn fooled(target: &str) -> Vec<&'static str> {
    let path = target.split('?').next().unwrap();
    let is_admin = |path: &str| path.split('/').nth(1) == Some("admin");
    let reads =
        |(name, read, ignores_case): &(&'static str, jwt_guard_testkit::upstreams::Upstream, bool)| {
            let seen = read(path)?;
            is_admin(&if *ignores_case { seen.to_ascii_lowercase() } else { seen }).then_some(*name)
        };
    UPSTREAMS.iter().filter_map(reads).collect()
}

async fn assert_no_upstream_is_fooled(connection_manager: Value) {
    let (address, seen) = any_bytes().await;
    let stack = Stack::builder()
        .plugin(plugin_with(json!({
            "default_policy": { "allow_anonymous": true },
            "routes": [{ "path": "/admin/**", "requires_role": "admin" }],
        })))
        .envoy(|envoy| {
            envoy.connection_manager = connection_manager;
            envoy.clusters = vec![cluster("any_bytes", address, false)];
            envoy.routes = vec![json!({ "match": { "prefix": "/" }, "route": { "cluster": "any_bytes" } })];
        })
        .start()
        .await;
    let spellings = spellings();
    let fooling = spellings.iter().filter(|path| path.starts_with('/') && !fooled(path).is_empty()).count();
    let mut tries = Tries::new(&stack).await;
    for path in &spellings {
        let before = seen.lock().unwrap().len();
        let answer = tries.response(Request::new(stack.address(), "GET", path)).await;
        assert!(matches!(answer.status, 200 | 400 | 401), "{path}: {}", answer.status);
        for target in &seen.lock().unwrap()[before..] {
            assert!(fooled(target).is_empty(), "{path} arrived as {target}: {:?}", fooled(target));
        }
    }
    let passed = seen.lock().unwrap().len();
    println!("{} spellings, {fooling} fool an upstream, {passed} pass", spellings.len());
    assert!(fooling > 1000 && passed > 100, "of {}: {fooling} fool, {passed} pass", spellings.len());
    let admin = stack.token().claim("role", "admin").sign(&stack.key).unwrap();
    assert_eq!(stack.get_with("/%61dmin", &admin).await.status, 200, "with the role every spelling passes");
    crate::outcome::assert_no_crash(&stack);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_pair_of_tricks_fools_an_upstream_as_sent() {
    assert_no_upstream_is_fooled(json!({
        "normalize_path": false,
        "merge_slashes": false,
        "path_with_escaped_slashes_action": "KEEP_UNCHANGED",
    }))
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_pair_of_tricks_fools_an_upstream_normalized() {
    assert_no_upstream_is_fooled(json!({
        "normalize_path": true,
        "merge_slashes": true,
        "path_with_escaped_slashes_action": "UNESCAPE_AND_FORWARD",
    }))
    .await;
}
