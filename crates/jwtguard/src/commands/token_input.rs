//! Tokens and claims as they are pasted: a token after its scheme, claims with the header that `decode --json` prints.

use jwt_guard::jose::base64url;
use jwt_guard::jose::json::{Json, JsonError};
use jwtguard::inspect::simulation::TestCredential;
use serde_json::{Map, Value};

use crate::commands::check;

/// ClaimsInput as they are given.
pub enum ClaimsInput {
    /// Written by hand: what every token has may be left out.
    Written(Map<String, Value>),
    /// What `decode --json` prints: all that the token has.
    Decoded { header: Map<String, Value>, claims: Map<String, Value> },
}

impl ClaimsInput {
    /// An object of claims, or what `decode --json` prints.
    pub fn new(object: Map<String, Value>) -> Self {
        match (object.get("header"), object.get("claims")) {
            (Some(Value::Object(header)), Some(Value::Object(claims)))
                if object.len() == 2 && header.contains_key("alg") =>
            {
                Self::Decoded { header: header.clone(), claims: claims.clone() }
            }
            _ => Self::Written(object),
        }
    }

    /// The credential that they make, under the header of a token where one is given.
    pub fn credential(self, of_token: Option<Map<String, Value>>) -> TestCredential {
        match self {
            Self::Written(claims) => TestCredential::Claims { claims, header: of_token },
            Self::Decoded { header, claims } => {
                TestCredential::Parts { header: of_token.unwrap_or(header), claims }
            }
        }
    }

    /// JSON text, `@` and the name of a file with it, or `-` for standard input.
    pub fn read(text: &str) -> Result<Self, String> {
        let (what, text) = match text.strip_prefix('@') {
            Some(file) => (file, check::text(file)?),
            None if text == "-" => ("standard input", check::text("-")?),
            None => ("--claims", text.to_owned()),
        };
        let object = serde_json::from_str(&text);
        let object = object.map_err(|error| format!("{what}: expected a JSON object: {error}"))?;
        names_once(what, text.as_bytes())?;
        Ok(Self::new(object))
    }
}

/// The token without the white space around it, and without `Bearer` before it.
pub fn without_scheme(text: &str) -> &str {
    let text = text.trim();
    match text.split_at_checked(7) {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer ") => token.trim(),
        _ => text,
    }
}

/// Header and claims of a token, of which nothing is verified.
pub fn parts(token: &str) -> Result<(Value, Value), String> {
    let parts: Vec<&str> = token.split('.').collect();
    let [header, claims, _signature] = parts.as_slice() else {
        let encrypted = if parts.len() == 5 {
            "; five are an encrypted token, which has to be decrypted first"
        } else {
            ""
        };
        return Err(format!("a token has three parts between dots, and this has {}{encrypted}", parts.len()));
    };
    Ok((part("header", header)?, part("claims", claims)?))
}

fn part(what: &str, text: &str) -> Result<Value, String> {
    let bytes = base64url::decode(text.as_bytes()).ok_or_else(|| {
        format!("the {what} is not base64url without padding, which the filter would refuse too")
    })?;
    let value = serde_json::from_slice(&bytes).map_err(|error| format!("the {what} is not JSON: {error}"))?;
    names_once(&format!("the {what}"), &bytes)?;
    Ok(value)
}

/// Of two values of one name only the last would be seen, as if the other were not there.
fn names_once(what: &str, json: &[u8]) -> Result<(), String> {
    match Json::parse(json) {
        Err(error @ JsonError::DuplicateName) => {
            Err(format!("{what}: {error}; the filter refuses such a token"))
        }
        _ => Ok(()),
    }
}
