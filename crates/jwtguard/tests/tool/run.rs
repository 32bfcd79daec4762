//! Runs the tool.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// The exit status and the output of a run.
pub struct Output {
    pub status: i32,
    pub out: String,
    pub err: String,
}

/// Runs `jwtguard` in the root of the repository.
pub fn jwtguard(arguments: &[&str]) -> Output {
    jwtguard_with(arguments, "")
}

fn started(arguments: &[&str]) -> Child {
    Command::new(env!("CARGO_BIN_EXE_jwtguard"))
        .args(arguments)
        .current_dir(root())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Runs `jwtguard` with standard input.
pub fn jwtguard_with(arguments: &[&str], input: &str) -> Output {
    let mut child = started(arguments);
    // The tool may exit without reading the input.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    let output = child.wait_with_output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    Output { status: output.status.code().unwrap(), out: text(&output.stdout), err: text(&output.stderr) }
}

/// Runs `jwtguard` with a closed standard output. The pipe is closed before the tool gets the input, and so before it prints.
pub fn jwtguard_unread(arguments: &[&str], input: &str) -> Output {
    let mut child = started(arguments);
    drop(child.stdout.take());
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let err = String::from_utf8(output.stderr).unwrap();
    Output { status: output.status.code().unwrap(), out: String::new(), err }
}

/// The root of the repository.
pub fn root() -> &'static Path {
    jwt_guard_testkit::repository()
}

/// Reads a file of the repository.
pub fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// A folder for one test, which is removed at its end.
pub struct Folder(PathBuf);

impl Folder {
    pub fn new(name: &str) -> Self {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    /// Writes a file in the folder and returns its path.
    pub fn file(&self, name: &str, text: &str) -> String {
        let path = self.0.join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
