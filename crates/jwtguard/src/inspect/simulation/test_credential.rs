//! The credential of a request to simulate.

use serde_json::{Map, Value};

/// The credential of a request, in addition to its headers.
#[derive(Debug, Clone)]
pub enum TestCredential {
    /// No credential.
    None,
    /// A token, which is put into the first token source of the route that its issuer allows.
    Token(String),
    /// Claims to sign. The token is put into the first token source of the route that its issuer allows.
    Claims {
        /// The claims. `iss`, `aud`, `iat` and `exp` are added if they are missing; a claim with the value `null` is left out.
        claims: Map<String, Value>,
        /// The header of a token, whose `alg`, `kid` and `typ` are evaluated. Without it, a header that the issuer's rules
        /// accept is generated.
        header: Option<Map<String, Value>>,
    },
    /// The complete header and claims of a token, signed without changes.
    Parts {
        /// The header.
        header: Map<String, Value>,
        /// The claims.
        claims: Map<String, Value>,
    },
}
