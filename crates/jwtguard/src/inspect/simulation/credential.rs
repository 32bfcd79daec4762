//! A request with its token, made where it is not given.

use jwt_guard::bearer::Place;
use serde_json::{Map, Value};

use super::simulator::{SimulatedKeys, Simulator};
use jwt_guard::http::HeaderMap;

/// What a request brings, beside what its headers say.
#[derive(Debug, Clone)]
pub enum TestCredential {
    /// Nothing more.
    None,
    /// This token, where the route takes one from.
    Token(String),
    /// Claims to sign, where the route takes a token from.
    Claims {
        /// `iss`, `aud`, `iat` and `exp` are added where they are missing; `null` leaves one out.
        claims: Map<String, Value>,
        /// That of a token: its `alg`, `kid` and `typ` are judged as they stand. One that the issuer's tokens may have
        /// is made up otherwise.
        header: Option<Map<String, Value>>,
    },
    /// Header and claims of a token, to sign as they stand.
    Parts {
        /// The whole header.
        header: Map<String, Value>,
        /// All claims.
        claims: Map<String, Value>,
    },
}

impl Simulator<'_> {
    /// The request with its token, and the keys that judge it.
    pub(super) fn with_credential(
        &self,
        mut headers: HeaderMap,
        places: &[Place],
        credential: &TestCredential,
    ) -> Result<(HeaderMap, SimulatedKeys), String> {
        let mut keys = self.keys();
        let token = match credential {
            TestCredential::None => return Ok((headers, keys)),
            TestCredential::Token(token) => token.clone(),
            TestCredential::Claims { claims, header } => self.token_of(claims, header.as_ref(), &mut keys)?,
            TestCredential::Parts { header, claims } => self.token_of_parts(header, claims, &mut keys)?,
        };
        put(&mut headers, places.first().unwrap_or(&Place::Authorization), &token);
        Ok((headers, keys))
    }
}

fn put(headers: &mut HeaderMap, place: &Place, token: &str) {
    match place {
        Place::Authorization => headers.append("authorization", format!("Bearer {token}")),
        Place::Header { name, prefix } => headers.append(name, format!("{prefix}{token}")),
        Place::Cookie { name } => headers.append("cookie", format!("{name}={token}")),
        Place::Query { name } => {
            if let Some(path) = headers.get_mut(":path") {
                path.push(if path.contains(&b'?') { b'&' } else { b'?' });
                path.extend_from_slice(format!("{name}={token}").as_bytes());
            }
        }
    }
}
