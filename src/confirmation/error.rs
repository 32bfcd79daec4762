//! Why the request does not confirm the binding of its token.

use super::certificate::ForwardedCertificateError;
use crate::dpop::{ProofError, ReplayError};

/// Why the request does not confirm the binding of its token. Displays as a sentence for the operator's log, without
/// any text of the token or the proof.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConfirmationError {
    /// The token has no `cnf`, and `confirmation` is `require`.
    #[error("the token has no cnf, and confirmation of its issuer is require")]
    Unbound,
    /// The `cnf` is not an object.
    #[error("the token's cnf is not a JSON object")]
    NotAnObject,
    /// No member of the `cnf` is supported.
    #[error("the token's cnf has no member that the filter supports; supported are x5t#S256 and jkt")]
    Unsupported,
    /// A supported member is not the base64url of a SHA-256 digest.
    #[error("the member {0} of the token's cnf is not the base64url of 32 bytes")]
    Member(&'static str),
    /// The connection has no client certificate.
    #[error(
        "the token is bound to a client certificate (cnf x5t#S256), and the client's connection has none"
    )]
    NoCertificate,
    /// The header with the client certificate is not usable.
    #[error("the token is bound to a client certificate (cnf x5t#S256), and {0}")]
    ForwardedCertificate(#[from] ForwardedCertificateError),
    /// Another client certificate.
    #[error("the token is bound to another client certificate (cnf x5t#S256)")]
    OtherCertificate,
    /// A token with `jkt`, and `dpop` is not configured.
    #[error("the token is bound to a DPoP key (cnf jkt), and dpop is not configured")]
    NoDpop,
    /// A second token with `jkt`.
    #[error(
        "the token is bound to a DPoP key (cnf jkt), and a request has one DPoP proof, which is for its first token"
    )]
    SecondToken,
    /// A token with `jkt` that was not sent as `Authorization: DPoP`.
    #[error(
        "the token is bound to a DPoP key (cnf jkt), and the request does not send it as Authorization: DPoP"
    )]
    NotSentAsDpop,
    /// A token without `jkt` that was sent as `Authorization: DPoP`.
    #[error(
        "the request sends the token as Authorization: DPoP, and the token is not bound to a DPoP key (cnf jkt)"
    )]
    SentAsDpop,
    /// The DPoP proof is not valid.
    #[error("{0}")]
    Proof(#[from] ProofError),
    /// The DPoP proof was used before, or cannot be recorded as used.
    #[error("{0}")]
    Replay(#[from] ReplayError),
}
