//! A request with its token, made where it is not given.

use jwt_guard::bearer::Place;
use serde_json::{Map, Value};

use super::bench::{Bench, Headers, Keys};

/// What a request brings, beside what its headers say.
#[derive(Debug, Clone)]
pub enum Credential {
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

impl Bench<'_> {
    /// The request with its token, and the keys that judge it.
    pub(super) fn with_credential(
        &self,
        mut headers: Headers,
        places: &[Place],
        credential: &Credential,
    ) -> Result<(Headers, Keys), String> {
        let mut keys = self.keys();
        let token = match credential {
            Credential::None => return Ok((headers, keys)),
            Credential::Token(token) => token.clone(),
            Credential::Claims { claims, header } => self.token_of(claims, header.as_ref(), &mut keys)?,
            Credential::Parts { header, claims } => self.token_of_parts(header, claims, &mut keys)?,
        };
        put(&mut headers, places.first().unwrap_or(&Place::Authorization), &token);
        Ok((headers, keys))
    }
}

fn put(headers: &mut Headers, place: &Place, token: &str) {
    match place {
        Place::Authorization => {
            headers.push(("authorization".to_owned(), format!("Bearer {token}").into_bytes()))
        }
        Place::Header { name, prefix } => {
            headers.push((name.clone(), format!("{prefix}{token}").into_bytes()))
        }
        Place::Cookie { name } => headers.push(("cookie".to_owned(), format!("{name}={token}").into_bytes())),
        Place::Query { name } => {
            if let Some((_, path)) = headers.iter_mut().find(|(name, _)| name == ":path") {
                path.push(if path.contains(&b'?') { b'&' } else { b'?' });
                path.extend_from_slice(format!("{name}={token}").as_bytes());
            }
        }
    }
}
