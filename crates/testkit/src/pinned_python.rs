//! Programs in Python, with packages that are pinned.

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

/// Status and output of `scripts/pinned-python` with that name and input; nothing where it cannot run here, which it
/// tells in a line.
pub fn pinned_python(name: &str, input: &str) -> Option<(i32, String)> {
    let script = repository().join("scripts/pinned-python");
    let mut child =
        Command::new(script).arg(name).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    // Where it cannot run it does not read either. What runs writes little before it has read all.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    let output = child.wait_with_output().unwrap();
    let status = output.status.code().unwrap();
    (status != 77).then(|| (status, String::from_utf8(output.stdout).unwrap()))
}
