//! The data that VMs share: it is namespaced, and validated when it is read.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use jwt_guard::config::{Config, KeyOrigin};
use jwt_guard::keys::record::{EntryNames, StoredKeys, fingerprint};
use jwt_guard::keys::{RefreshState, SetId};
use serde_json::{Value, json};

use super::{another, assert_no_crash, issuer, token_of};
use crate::harness::{Answer, Stack, StackBuilder, now, plugin_with, typed};

/// Another module with the same `vm_id`. It writes the entries when it is configured, unless they exist.
struct Foreign {
    file: PathBuf,
}

impl Foreign {
    fn writing(entries: &[(&str, &[u8])]) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let escaped = |bytes: &[u8]| bytes.iter().map(|byte| format!("\\{byte:02x}")).collect::<String>();
        let (mut data, mut calls, mut place) = (String::new(), String::new(), 16);
        for (name, value) in entries {
            let value_place = place + name.len();
            data += &format!("(data (i32.const {place}) \"{}\")", escaped(name.as_bytes()));
            data += &format!("(data (i32.const {value_place}) \"{}\")", escaped(value));
            // A CAS number that no entry has: it creates a missing entry and does not change an existing one.
            calls += &format!(
                "(drop (call $set (i32.const {place}) (i32.const {}) (i32.const {value_place}) (i32.const {}) (i32.const -1)))",
                name.len(),
                value.len()
            );
            place = value_place + value.len();
        }
        let text = format!(
            r#"(module
                (import "env" "proxy_set_shared_data" (func $set (param i32 i32 i32 i32 i32) (result i32)))
                (memory (export "memory") 4)
                {data}
                (func (export "proxy_abi_version_0_2_1"))
                (func (export "proxy_on_memory_allocate") (param i32) (result i32) (i32.const 131072))
                (func (export "proxy_on_context_create") (param i32 i32))
                (func (export "proxy_on_vm_start") (param i32 i32) (result i32) (i32.const 1))
                (func (export "proxy_on_configure") (param i32 i32) (result i32) {calls} (i32.const 1)))"#
        );
        let unique = COUNT.fetch_add(1, Ordering::Relaxed);
        let file = PathBuf::from(env!("CARGO_TARGET_TMPDIR"))
            .join(format!("foreign-{}-{unique}.wasm", std::process::id()));
        std::fs::write(&file, wat::parse_str(text).unwrap()).unwrap();
        Self { file }
    }

    fn filter(&self) -> Value {
        let config = json!({
            "name": "foreign",
            "vm_config": {
                "vm_id": "jwt_guard",
                "runtime": "envoy.wasm.runtime.v8",
                "code": { "local": { "filename": self.file } },
            },
        });
        json!({
            "name": "envoy.filters.http.wasm",
            "typed_config": typed("envoy.extensions.filters.http.wasm.v3.Wasm", json!({ "config": config })),
        })
    }
}

impl Drop for Foreign {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.file);
    }
}

/// The entries in which the module stores the keys of each issuer.
fn entries(plugin: &Value) -> Vec<EntryNames> {
    let config = Config::parse(plugin.to_string().as_bytes()).unwrap();
    let entries = config.issuers.iter().map(|issuer| {
        let KeyOrigin::Fetched { source, .. } = &issuer.keys else { panic!("inline keys") };
        EntryNames::of(b"jwt_guard", &issuer.rules.iss, source)
    });
    entries.collect()
}

fn beside(foreign: &Foreign, plugin: Value) -> StackBuilder {
    let filter = foreign.filter();
    Stack::builder().plugin(plugin).workers(2).envoy(|envoy| envoy.filters_before.push(filter))
}

/// The VM with the lease never fetches, for example because it crashed.
#[tokio::test(flavor = "multi_thread")]
async fn a_lease_of_a_dead_vm_delays_the_others_until_it_ends() {
    let plugin = plugin_with(json!({ "jwks_timeout_ms": 30_000 }));
    let until = now().saturating_add(Duration::from_secs(6));
    let lease =
        RefreshState { lease_holder: 42, lease_from: now(), lease_until: until, ..RefreshState::UNKNOWN };
    let foreign = Foreign::writing(&[(&entries(&plugin)[0].state, &lease.encode())]);
    let stack = beside(&foreign, plugin).start().await;
    let good = stack.good_token();
    let requests: Vec<_> =
        (0..20).map(|_| tokio::spawn(stack.request("GET", "/").bearer(&good).send())).collect();
    for request in requests {
        assert_eq!(request.await.unwrap().status, 200);
    }
    assert!(now() >= until, "the workers waited for the end of the lease, so the module read the entry");
    assert!(
        now() < until.saturating_add(Duration::from_secs(5)),
        "the workers waited too long after the end of the lease"
    );
    assert_eq!(stack.issuer.fetches(), 1);
    assert_no_crash(&stack);
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_of_another_module_are_not_used() {
    // A valid record with invalid keys: arbitrary bytes, keys under the name of another set, no usable key. And an
    // invalid record.
    let planted = another("first");
    let text = jwt_guard_testkit::mint::key_set([&planted]).to_string().into_bytes();
    let stored = |text: &[u8]| {
        StoredKeys { generation: 5, source: String::new(), etag: None, text: text.to_vec() }.encode()
    };
    let record = |fingerprint| {
        let set = SetId { generation: 5, fingerprint };
        let fresh_for = Duration::from_secs(300);
        RefreshState { set, fetched_at: now(), fresh_for, ..RefreshState::UNKNOWN }.encode()
    };
    let useless = b"{\"keys\":[]}";
    let cases = [
        ("bytes", b"garbage".to_vec(), record(0)),
        ("another_set", stored(&text), record(0)),
        ("no_usable_key", stored(useless), record(fingerprint(useless))),
        ("no_record", stored(&text), vec![0xFF; 88]),
        ("long_record", stored(&text), [record(fingerprint(&text)), vec![0]].concat()),
    ];
    let issuers: Vec<_> = cases.iter().map(|(name, ..)| issuer(name, json!({}))).collect();
    let plugin = json!({ "issuers": issuers });
    let names = entries(&plugin);
    let left: Vec<(&str, &[u8])> = names
        .iter()
        .zip(&cases)
        .flat_map(|(names, (_, keys, record))| {
            [(names.state.as_str(), record.as_slice()), (names.keys.as_str(), keys.as_slice())]
        })
        .collect();
    let foreign = Foreign::writing(&left);
    let key = another("first");
    let mut builder = beside(&foreign, plugin).keys([key.clone()]);
    for (name, ..) in &cases {
        builder = builder.issuer_path(&format!("/{name}"), Answer::keys([&key]));
    }
    let stack = builder.start().await;
    for (name, ..) in &cases {
        assert_eq!(stack.get_with("/", &token_of(&stack, name)).await.status, 200, "{name}");
        let forged = stack.token().issuer(&format!("https://{name}.example")).sign(&planted).unwrap();
        assert_eq!(stack.get_with("/", &forged).await.status, 401, "{name}");
        assert_eq!(stack.issuer.count(&format!("/{name}")), 1, "{name}");
    }
    assert_no_crash(&stack);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_plugins_in_one_vm_keep_their_keys_apart() {
    let second = json!({
        "issuer": jwt_guard_testkit::mint::ISSUER, "audience": jwt_guard_testkit::mint::AUDIENCE, "jwks_cluster": "issuer",
        "jwks_timeout_ms": 1000, "jwks_ttl_seconds": 1,
        "routes": [{ "path": "/admin", "requires_role": "admin" }],
    });
    let stack = Stack::builder()
        .plugin(plugin_with(json!({ "forward_token": true })))
        .envoy(|envoy| envoy.second_plugin = Some(("another".into(), second)))
        .workers(2)
        .start()
        .await;
    for _ in 0..10 {
        assert_eq!(stack.get_with("/", &stack.good_token()).await.status, 200);
        assert_eq!(
            stack.get_with("/admin", &stack.good_token()).await.status,
            403,
            "denied by the second plugin"
        );
    }
    // The second plugin refreshes every second. The first plugin fetches once and is not affected.
    crate::harness::wait_until("the second plugin refreshes", async || stack.issuer.fetches() >= 4).await;
    let changed = another("changed");
    stack.issuer.publish([&changed]);
    let old = stack.good_token();
    crate::harness::wait_until("the second plugin drops the old key", async || {
        stack.get_with("/", &old).await.status == 401
    })
    .await;
    // The first plugin still has the old key: only the second one denied the request.
    stack.counted_denied("unknown_kid", 1).await;
    assert_no_crash(&stack);
}
