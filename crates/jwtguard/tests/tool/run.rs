//! Running the tool.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// What it printed and how it ended.
pub struct Output {
    pub status: i32,
    pub out: String,
    pub err: String,
}

/// Runs `jwtguard` in the repository's root.
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

/// The same, with that standard input.
pub fn jwtguard_with(arguments: &[&str], input: &str) -> Output {
    let mut child = started(arguments);
    // It may end without reading.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    let output = child.wait_with_output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    Output { status: output.status.code().unwrap(), out: text(&output.stdout), err: text(&output.stderr) }
}

/// The same, with nobody who reads standard output: gone before there is any, as the input comes after that.
pub fn jwtguard_unread(arguments: &[&str], input: &str) -> Output {
    let mut child = started(arguments);
    drop(child.stdout.take());
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let err = String::from_utf8(output.stderr).unwrap();
    Output { status: output.status.code().unwrap(), out: String::new(), err }
}

/// The repository's root.
pub fn root() -> &'static Path {
    jwt_guard_testkit::repository()
}

/// A file of the repository.
pub fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// A folder for one test, removed with it.
pub struct Folder(PathBuf);

impl Folder {
    pub fn new(name: &str) -> Self {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    /// Writes a file there and returns its path.
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
