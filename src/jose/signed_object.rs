//! A JWT taken apart: header, claims and signature, none of them trusted (RFC 7515 section 7.1).

use super::algorithm::Algorithm;
use super::base64url;
use super::error::Malformed;
use super::json::Json;

/// A compact JWS whose header and payload are JSON objects. Anyone may have written it.
pub struct SignedObject<'a> {
    pub(super) header: Json,
    pub(super) claims: Json,
    pub(super) payload: &'a str,
    pub(super) signing_input: &'a [u8],
    pub(super) signature: Vec<u8>,
}

impl<'a> SignedObject<'a> {
    /// Takes a JWT apart.
    ///
    /// # Errors
    /// The text is not three non-empty base64url parts, or the first two are not JSON objects.
    pub fn parse(token: &'a [u8]) -> Result<Self, Malformed> {
        let text = std::str::from_utf8(token).map_err(|_| Malformed::Base64)?;
        // At most four parts, so that a token of a million dots does not make a million parts.
        let mut parts = text.splitn(4, '.');
        let (Some(header), Some(payload), Some(signature), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(Malformed::Parts);
        };
        if header.is_empty() || payload.is_empty() || signature.is_empty() {
            return Err(Malformed::Parts);
        }
        let signing_input = token.get(..header.len() + 1 + payload.len()).ok_or(Malformed::Parts)?;
        let decode = |part: &str| base64url::decode(part.as_bytes()).ok_or(Malformed::Base64);
        let (header, claims, signature) = (decode(header)?, decode(payload)?, decode(signature)?);

        let header = Json::parse(&header).map_err(Malformed::HeaderJson)?;
        if !matches!(header, Json::Object(_)) {
            return Err(Malformed::HeaderNotObject);
        }
        let claims = Json::parse(&claims).map_err(Malformed::ClaimsJson)?;
        if !matches!(claims, Json::Object(_)) {
            return Err(Malformed::ClaimsNotObject);
        }
        Ok(Self { header, claims, payload, signing_input, signature })
    }

    /// The header.
    pub fn header(&self) -> &Json {
        &self.header
    }

    /// The claims.
    pub fn claims(&self) -> &Json {
        &self.claims
    }

    /// The algorithm that the header names, if it is a known one.
    pub fn algorithm(&self) -> Option<Algorithm> {
        self.header.member("alg").and_then(Json::as_str).and_then(Algorithm::from_name)
    }

    /// Whether the header requires an extension: `crit`, or `b64: false`. No extension is supported (RFC 7515 section
    /// 4.1.11). b64 (RFC 7797) changes what was signed: a parser that ignores it and one that does not would see two
    /// different objects.
    pub fn is_critical(&self) -> bool {
        let is_encoded = |encoded: &Json| *encoded == Json::Bool(true);
        self.header.member("crit").is_some() || !self.header.member("b64").is_none_or(is_encoded)
    }

    /// The signed bytes.
    pub fn signing_input(&self) -> &[u8] {
        self.signing_input
    }

    /// The signature.
    pub fn signature(&self) -> &[u8] {
        &self.signature
    }
}

/// Shows nothing. Anyone who reads the object in a log could use it.
impl std::fmt::Debug for SignedObject<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SignedObject").finish_non_exhaustive()
    }
}
