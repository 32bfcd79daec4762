//! The mistakes of second tokens.

/// A mistake in `second_tokens` or `requires_token`, or in a key that they affect.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SecondTokenError {
    /// A name with other characters.
    #[error("the name of a second token can contain only letters, digits, _ and -; got \"{got}\"")]
    InvalidName {
        /// The name.
        got: String,
    },
    /// A token source that another token also has.
    #[error(
        "{place} is also a token source of {other}, or an upstream may take one for the other; read the second token from \
         a place of its own, such as {{header: x-agent-authorization, prefix: \"Bearer \"}}"
    )]
    SharedPlace {
        /// The token source.
        place: String,
        /// The other token.
        other: String,
    },
    /// A header with another purpose, as a token source or a claim header.
    #[error(
        "the header {name} carries a certificate or a proof, not a second token or its claims; write another header"
    )]
    HeaderOfBinding {
        /// The header.
        name: String,
    },
    /// No issuer is left for the first token.
    #[error(
        "second tokens name every issuer, so no first token would be accepted; add the issuer of the first token, or \
         write first_token: true in an issuer whose tokens may be either"
    )]
    NoFirstIssuer,
    /// `first_token: false` in an issuer that no second token names.
    #[error(
        "no second token names this issuer, so its tokens would never be accepted; name it in issuers of a second token, \
         or remove first_token"
    )]
    UnusedIssuer,
    /// A name that no second token has.
    #[error("no second token is named \"{name}\"; {}", expected(.defined))]
    Unknown {
        /// The name.
        name: String,
        /// The names of the second tokens.
        defined: Vec<String>,
    },
    /// A key that the requirement for a second token cannot have.
    #[error(
        "the requirement for a second token can have only allow_authenticated, allow_missing, requires_* and any_of; \
         remove this key"
    )]
    KeyOfFirst,
    /// A requirement for a second token without a condition.
    #[error(
        "no condition is set; write allow_authenticated: true for any valid token, or allow_missing: true to let \
         requests without this token pass too"
    )]
    NoCondition,
    /// `requires_token` in `any_of`.
    #[error("an entry of any_of cannot have requires_token; set requires_token beside any_of")]
    InAlternative,
    /// `requires_token` in `shadow`.
    #[error(
        "a shadow cannot have requires_token; try the requirement for a second token with report_only instead"
    )]
    InShadow,
}

fn expected(defined: &[String]) -> String {
    match defined {
        [] => "define it in second_tokens".to_owned(),
        names => format!("expected one of {}", names.join(", ")),
    }
}
