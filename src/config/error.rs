//! What is wrong with a configuration: where, and what would be right.

use std::fmt::{Display, Formatter, Result, Write};

/// One mistake.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError {
    /// Where it stands, as `routes[2].requires_role`; empty for the whole.
    pub path: String,
    /// What is wrong and what would be right.
    pub problem: String,
}

/// On one line: what somebody wrote into a route's metadata must not write lines of the log.
impl Display for ConfigError {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        let separator = if self.path.is_empty() { "" } else { ": " };
        for character in [&self.path, separator, &self.problem].into_iter().flat_map(str::chars) {
            match character.is_control() {
                true => write!(f, "{}", character.escape_default())?,
                false => f.write_char(character)?,
            }
        }
        Ok(())
    }
}

impl std::error::Error for ConfigError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mistake_is_told_on_one_line() {
        for (path, problem, told) in [
            ("", "no configuration", "no configuration"),
            ("a.b", "expected \"é\"", "a.b: expected \"é\""),
            ("a", "got \"x\n[critical] y\u{85}\u{1b}[2J\"", "a: got \"x\\n[critical] y\\u{85}\\u{1b}[2J\""),
            ("[\"\r\"]", "unknown key", "[\"\\r\"]: unknown key"),
        ] {
            let error = ConfigError { path: path.to_owned(), problem: problem.to_owned() };
            assert_eq!(error.to_string(), told);
        }
    }
}
