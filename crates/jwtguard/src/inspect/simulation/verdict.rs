//! The verdict of `jwt-simple` on a token.

use serde_json::Value;

use jwt_guard::jose::base64url;
use jwt_guard_testkit::second_opinion::Refusal;

/// The verdict of `jwt-simple` on a token.
#[derive(Debug)]
pub enum Verdict {
    /// The token is valid.
    Valid,
    /// The token is not valid.
    Refused(Refusal),
    /// `jwt-simple` does not know the `alg` of the token.
    UnknownAlgorithm(String),
    /// `jwt-simple` does not know the time of the request.
    UnknownTime(Refusal),
    /// No key fits the `kid` and the `alg` of the token.
    NoKey,
}

impl Verdict {
    /// The verdict of the key that brought the token furthest counts.
    pub(super) fn rank(&self) -> u8 {
        match self {
            Self::NoKey => 0,
            Self::UnknownAlgorithm(_) | Self::UnknownTime(_) => 1,
            Self::Refused(Refusal::Key(_)) => 2,
            Self::Refused(Refusal::Signature) => 3,
            Self::Refused(_) => 4,
            Self::Valid => 5,
        }
    }
}

/// A token, and what it says about itself. Unverified.
pub(super) struct UnverifiedParts<'t> {
    pub(super) token: &'t str,
    pub(super) claims: Value,
}

impl<'t> UnverifiedParts<'t> {
    pub(super) fn new(token: &'t str) -> Self {
        let payload = token.split('.').nth(1).and_then(|part| base64url::decode(part.as_bytes()));
        let claims = payload.and_then(|payload| serde_json::from_slice(&payload).ok());
        Self { token, claims: claims.unwrap_or_default() }
    }
}

/// The verdict with the number of keys that fit the token.
pub(super) struct Judged {
    pub(super) verdict: Verdict,
    pub(super) fitting: usize,
}
