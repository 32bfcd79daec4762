//! One mistake in a configuration and its path.

use super::path::Path;
use super::problem::Problem;

/// One mistake. Displays on one line, with control characters escaped: a client that can write a route's metadata must
/// not be able to forge lines of the log.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", line(.path, .problem))]
pub struct ConfigError {
    /// The path of the mistake; the root for the whole configuration.
    pub path: Path,
    /// The mistake, and what to write instead.
    pub problem: Problem,
}

/// All mistakes as one line.
pub(super) fn sentences(errors: &[ConfigError]) -> String {
    errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

fn line(path: &Path, problem: &Problem) -> String {
    let prefix = if path.is_root() { String::new() } else { format!("{path}: ") };
    let mut line = String::new();
    for character in format!("{prefix}{problem}").chars() {
        match character.is_control() {
            true => line.extend(character.escape_default()),
            false => line.push(character),
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mistake_is_told_on_one_line() {
        let got = |got: &str| Problem::Expected { what: "x", got: got.to_owned() };
        let root = Path::root();
        for (path, problem, message) in [
            (root.clone(), Problem::NamelessPolicy, "the name of a policy cannot be blank; write a name"),
            (root.key("a").key("b"), got("\"é\""), "a.b: expected x, got \"é\""),
            (
                root.key("a"),
                got("\"x\n[critical] y\u{85}\u{1b}[2J\""),
                "a: expected x, got \"x\\n[critical] y\\u{85}\\u{1b}[2J\"",
            ),
            (
                root.key("\r"),
                Problem::NamelessPolicy,
                "[\"\\r\"]: the name of a policy cannot be blank; write a name",
            ),
            (
                root.key("\u{85}"),
                Problem::NamelessPolicy,
                "[\"\\u{85}\"]: the name of a policy cannot be blank; write a name",
            ),
        ] {
            assert_eq!(ConfigError { path: path.to_owned(), problem }.to_string(), message);
        }
    }
}
