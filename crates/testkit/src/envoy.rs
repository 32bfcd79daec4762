//! The Envoys that `scripts/envoy` provides.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code: an unexpected result fails the test with its location"
)]

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use crate::repository;

/// The Envoy that `scripts/envoy` selects.
pub fn program() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| PathBuf::from(output_of(&mut script())))
}

/// Every Envoy that `scripts/envoy` pins, with its version. Only one if `ENVOY` or `ENVOY_VERSION` selects one.
pub fn pinned() -> Vec<(String, PathBuf)> {
    if std::env::var_os("ENVOY").is_some() || std::env::var_os("ENVOY_VERSION").is_some() {
        return vec![("selected by the environment".to_owned(), program().to_owned())];
    }
    let versions = output_of(script().arg("--versions"));
    let program = |version| PathBuf::from(output_of(script().env("ENVOY_VERSION", version)));
    versions.lines().map(|version| (version.to_owned(), program(version))).collect()
}

fn script() -> Command {
    Command::new(repository().join("scripts/envoy"))
}

/// The output of the script.
fn output_of(script: &mut Command) -> String {
    let found = script.stderr(Stdio::inherit()).output().unwrap();
    assert!(found.status.success(), "scripts/envoy failed; its message is on stderr");
    String::from_utf8(found.stdout).unwrap().trim_end().to_owned()
}
