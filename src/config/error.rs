//! A mistake in a configuration: where it is and what it is.

use std::fmt::{Display, Formatter, Result, Write};

use super::path::Path;
use super::problem::Problem;

/// One mistake.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError {
    /// Where it is; the root for the whole configuration.
    pub path: Path,
    /// What is wrong and what would be right.
    pub problem: Problem,
}

/// On one line: what a client of the control plane wrote into a route's metadata must not write lines of the log.
impl Display for ConfigError {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        let mut line = OneLine(f);
        if !self.path.is_root() {
            write!(line, "{}: ", self.path)?;
        }
        write!(line, "{}", self.problem)
    }
}

impl std::error::Error for ConfigError {}

/// Escapes control characters.
struct OneLine<'a, 'f>(&'a mut Formatter<'f>);

impl Write for OneLine<'_, '_> {
    fn write_str(&mut self, text: &str) -> Result {
        for character in text.chars() {
            match character.is_control() {
                true => write!(self.0, "{}", character.escape_default())?,
                false => self.0.write_char(character)?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mistake_is_told_on_one_line() {
        let got = |got: &str| Problem::Expected { what: "x", got: got.to_owned() };
        let root = Path::root();
        for (path, problem, told) in [
            (root.clone(), Problem::NamelessPolicy, "a policy needs a name"),
            (root.key("a").key("b"), got("\"é\""), "a.b: expected x, got \"é\""),
            (
                root.key("a"),
                got("\"x\n[critical] y\u{85}\u{1b}[2J\""),
                "a: expected x, got \"x\\n[critical] y\\u{85}\\u{1b}[2J\"",
            ),
            (root.key("\r"), Problem::NamelessPolicy, "[\"\\r\"]: a policy needs a name"),
            (root.key("\u{85}"), Problem::NamelessPolicy, "[\"\\u{85}\"]: a policy needs a name"),
        ] {
            assert_eq!(ConfigError { path: path.to_owned(), problem }.to_string(), told);
        }
    }
}
