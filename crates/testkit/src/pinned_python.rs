//! Programs in Python, with packages that are pinned.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

/// Status and output of `scripts/pinned-python` with that name and input; nothing where it cannot run here, which it
/// tells in a line.
pub fn pinned_python(name: &str, input: &str) -> Option<(i32, String)> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/pinned-python");
    let mut child =
        Command::new(script).arg(name).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    // Where it cannot run it does not read either. What runs writes little before it has read all.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    let output = child.wait_with_output().unwrap();
    let status = output.status.code().unwrap();
    (status != 77).then(|| (status, String::from_utf8(output.stdout).unwrap()))
}
