//! The module under test.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code: an unexpected result fails the test with its location"
)]

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::time::SystemTime;

use crate::repository;

/// The module: `$JWT_GUARD_WASM`, or the result of `make wasm`, which is built if it is missing or older than its
/// sources.
pub fn module() -> &'static Path {
    static MODULE: OnceLock<PathBuf> = OnceLock::new();
    MODULE.get_or_init(|| {
        if let Some(given) = std::env::var_os("JWT_GUARD_WASM") {
            return PathBuf::from(given);
        }
        let module = repository().join("target/jwt_guard.wasm");
        let built = modified(&module);
        if built.is_none() || built < newest_source() {
            let status = Command::new(repository().join("scripts/build-wasm")).status().unwrap();
            assert!(
                status.success(),
                "target/jwt_guard.wasm is missing or older than its sources, and building it failed; run `make wasm`"
            );
        }
        module
    })
}

fn newest_source() -> Option<SystemTime> {
    let mut folders = vec![repository().join("src"), repository().join("crates/filter")];
    let mut newest =
        ["Cargo.toml", "Cargo.lock"].iter().filter_map(|file| modified(&repository().join(file))).max();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => folders.push(path),
                false => newest = newest.max(modified(&path)),
            }
        }
    }
    newest
}

fn modified(path: &Path) -> Option<SystemTime> {
    std::fs::metadata(path).and_then(|metadata| metadata.modified()).ok()
}
