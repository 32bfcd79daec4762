//! The role of a token in a request: the first token, or one of the configured second tokens.

/// The index of a second token in the configuration, where second tokens are sorted by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SecondTokenIndex(pub usize);

/// The role of a token in a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TokenRole {
    /// The token that `token_from` finds, and that the requirements of routes judge.
    First,
    /// One of `second_tokens`.
    Second(SecondTokenIndex),
}
