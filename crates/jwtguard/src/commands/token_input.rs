//! Tokens and claims from the command line: a token with or without its scheme, claims with or without a header.

use jwt_guard::jose::base64url;
use jwt_guard::jose::json::{Json, JsonError};
use jwtguard::inspect::simulation::TestCredential;
use serde_json::{Map, Value};

use crate::commands::check;

/// Claims from an argument or a test file.
pub enum ClaimsInput {
    /// Claims written by hand. The simulation adds missing claims that every token needs.
    Written(Map<String, Value>),
    /// The output of `decode --json`: the complete header and claims of a token.
    Decoded { header: Map<String, Value>, claims: Map<String, Value> },
}

impl ClaimsInput {
    /// Takes an object of claims, or the output of `decode --json`.
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

    /// Makes a credential from the claims, with the header of a token if there is one.
    pub fn credential(self, of_token: Option<Map<String, Value>>) -> TestCredential {
        match self {
            Self::Written(claims) => TestCredential::Claims { claims, header: of_token },
            Self::Decoded { header, claims } => {
                TestCredential::Parts { header: of_token.unwrap_or(header), claims }
            }
        }
    }

    /// Reads the claims from JSON text, from a file (`@FILE`) or from standard input (`-`).
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

/// Removes surrounding white space and the prefix `Bearer` from a token.
pub fn without_scheme(text: &str) -> &str {
    let text = text.trim();
    let after = |scheme: &str| {
        let (start, token) = text.split_at_checked(scheme.len())?;
        start.eq_ignore_ascii_case(scheme).then(|| token.trim())
    };
    after("bearer ").or_else(|| after("dpop ")).unwrap_or(text)
}

/// Decodes the header and the claims of a token without verifying it.
pub fn parts(token: &str) -> Result<(Value, Value), String> {
    let parts: Vec<&str> = token.split('.').collect();
    let [header, claims, _signature] = parts.as_slice() else {
        let encrypted = if parts.len() == 5 {
            "; five parts are an encrypted token (JWE), which must be decrypted first"
        } else {
            ""
        };
        return Err(format!(
            "expected a token with three parts separated by dots, found {} parts{encrypted}",
            parts.len()
        ));
    };
    Ok((part("header", header)?, part("claims", claims)?))
}

fn part(what: &str, text: &str) -> Result<Value, String> {
    let bytes = base64url::decode(text.as_bytes()).ok_or_else(|| {
        format!("the {what} is not base64url without padding; the filter refuses such a token")
    })?;
    let value = serde_json::from_slice(&bytes).map_err(|error| format!("the {what} is not JSON: {error}"))?;
    names_once(&format!("the {what}"), &bytes)?;
    Ok(value)
}

/// Refuses duplicate names: serde_json keeps only the last value, which would hide the other one.
fn names_once(what: &str, json: &[u8]) -> Result<(), String> {
    match Json::parse(json) {
        Err(error @ JsonError::DuplicateName) => {
            Err(format!("{what}: {error}; the filter refuses such a token"))
        }
        _ => Ok(()),
    }
}

/// The digest of a certificate in hexadecimal, from 64 hexadecimal digits or from base64url as in `cnf` `x5t#S256`.
pub fn certificate_digest(text: &str) -> Result<String, String> {
    if text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Ok(text.to_ascii_lowercase());
    }
    let digest = thumbprint(text)
        .ok_or("expected the SHA-256 digest of a certificate: 64 hexadecimal digits, or base64url")?;
    Ok(digest.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// The 32 bytes of a digest in base64url.
pub fn thumbprint(text: &str) -> Option<Vec<u8>> {
    base64url::decode(text.as_bytes()).filter(|bytes| bytes.len() == 32)
}
