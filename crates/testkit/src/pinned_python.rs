//! Python programs with pinned packages.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code: an unexpected result fails the test with its location"
)]

use std::io::Write;
use std::process::{Command, Stdio};

use crate::repository;

/// Runs `scripts/pinned-python` and returns its status and output. `None` if the program cannot run here; the script
/// prints the reason.
pub fn pinned_python(name: &str, input: &str) -> Option<(i32, String)> {
    let script = repository().join("scripts/pinned-python");
    let mut child =
        Command::new(script).arg(name).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    // A program that cannot run does not read its input, so a write error is ignored. A running program writes little
    // before it has read all input, so this does not block.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    let output = child.wait_with_output().unwrap();
    let status = output.status.code().unwrap();
    (status != 77).then(|| (status, String::from_utf8(output.stdout).unwrap()))
}
