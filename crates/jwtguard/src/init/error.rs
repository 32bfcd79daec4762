//! Why no manifests can be written.

/// One mistake in the flags.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InitError {
    /// The value of a flag.
    #[error("{flag}: {problem}")]
    Flag {
        /// The flag, with its hyphens.
        flag: String,
        /// What was found, what was expected, and what to write instead.
        problem: String,
    },
    /// The policy is valid, but `check --strict` reports it.
    #[error(
        "`jwtguard check --strict` would report these manifests, so none are printed; change the flags:\n{}",
        .0.join("\n")
    )]
    Doubtful(Vec<String>),
    /// The tool cannot read its own output.
    #[error("the manifests are not valid YAML, which is a bug of jwtguard: {0}")]
    Unreadable(String),
}

impl InitError {
    /// A mistake in the value of a flag.
    pub fn flag(flag: &str, problem: impl Into<String>) -> Self {
        Self::Flag { flag: flag.to_owned(), problem: problem.into() }
    }
}
