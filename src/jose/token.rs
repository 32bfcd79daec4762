//! Parses a compact JWS without trusting its content (RFC 7515 section 7.1, RFC 7519 section 7.2).
//!
//! Parsing checks the form of the token. Its issuer and header are checked when the token is
//! [admitted](super::claims::AdmittedToken::admit). The header members `jku`, `x5u`, `jwk` and `x5c` are never read:
//! otherwise an attacker could sign a token and supply the key for it.

use super::algorithm::Algorithm;
use super::error::{Malformed, TokenError};
use super::json::Json;
use super::limits::MAX_KID_BYTES;
use super::rules::TokenRules;
use super::signed_object::SignedObject;

/// A well-formed token whose signature was not verified. Anyone may have written it.
#[derive(Clone)]
pub struct UnverifiedToken<'a> {
    header: Header,
    pub(super) claims: Json,
    pub(super) payload: &'a str,
    pub(super) signing_input: &'a [u8],
    pub(super) signature: Vec<u8>,
}

/// The members of the JOSE header that are used.
#[derive(Debug, Clone)]
struct Header {
    algorithm: Option<Algorithm>,
    kid: Option<String>,
    media_type: Option<String>,
    critical: bool,
}

impl<'a> UnverifiedToken<'a> {
    /// Parses a token.
    ///
    /// # Errors
    /// [`TokenError::TooLong`], which is checked before everything else, and [`TokenError::Malformed`].
    pub fn parse(token: &'a [u8], max_bytes: usize) -> Result<Self, TokenError> {
        if token.len() > max_bytes {
            return Err(TokenError::TooLong { bytes: token.len(), limit: max_bytes });
        }
        Self::take_apart(token).map_err(TokenError::Malformed)
    }

    fn take_apart(token: &'a [u8]) -> Result<Self, Malformed> {
        let object = SignedObject::parse(token)?;
        let header = Header::read(&object)?;
        let SignedObject { claims, payload, signing_input, signature, .. } = object;
        Ok(Self { header, claims, payload, signing_input, signature })
    }

    /// The `iss` that the token contains, to look up the issuer. Also `None` if it is not a string.
    pub fn unverified_issuer(&self) -> Option<&str> {
        self.claims.member("iss")?.as_str()
    }

    /// A claim that the token contains, by the names of the objects that lead to it.
    pub fn unverified_claim(&self, path: &[&str]) -> Option<&Json> {
        path.iter().try_fold(&self.claims, |value, name| value.member(name))
    }

    /// The `kid` that the token contains.
    pub fn unverified_kid(&self) -> Option<&str> {
        self.header.kid.as_deref()
    }

    /// The algorithm of the token, if its issuer and header meet the rules.
    pub(super) fn admitted_algorithm(&self, rules: &TokenRules) -> Result<Algorithm, TokenError> {
        // A key of one issuer must not verify tokens of another one.
        let iss = self.unverified_issuer().filter(|iss| rules.accept_issuer(iss));
        let iss = iss.ok_or(TokenError::UnknownIssuer)?;
        if let Some(form) = &rules.tenants
            && !form.tenant_in(iss).is_some_and(|tenant| form.names_tenant(&self.claims, tenant))
        {
            return Err(TokenError::Tenant { claim: form.claim().to_owned() });
        }
        if self.unverified_kid().is_some_and(|kid| rules.refused_kids.iter().any(|refused| refused == kid)) {
            return Err(TokenError::RefusedKid);
        }
        let accepted = |algorithm: &Algorithm| rules.accepted_algorithms.contains(algorithm);
        let algorithm = self.header.algorithm.filter(accepted).ok_or(TokenError::Algorithm)?;
        // RFC 8725 section 3.11: an ID token, a logout token or a security event must not be accepted as an access
        // token.
        if !rules.accepted_types.contains(self.header.media_type.as_deref()) {
            return Err(TokenError::Type);
        }
        if self.header.critical {
            return Err(TokenError::Critical);
        }
        Ok(algorithm)
    }
}

/// Shows only the header. Anyone who reads the whole token in a log could use it.
impl std::fmt::Debug for UnverifiedToken<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("UnverifiedToken").field("header", &self.header).finish_non_exhaustive()
    }
}

impl Header {
    fn read(object: &SignedObject<'_>) -> Result<Self, Malformed> {
        let text = |name| match object.header().member(name) {
            None => Ok(None),
            Some(Json::String(text)) => Ok(Some(text.as_str())),
            Some(_) => Err(Malformed::HeaderMember(name)),
        };
        let kid = text("kid")?;
        if kid.is_some_and(|kid| kid.len() > MAX_KID_BYTES) {
            return Err(Malformed::HeaderMember("kid"));
        }
        Ok(Self {
            algorithm: text("alg")?.and_then(Algorithm::from_name),
            kid: kid.map(str::to_owned),
            media_type: text("typ")?.map(str::to_owned),
            critical: object.is_critical(),
        })
    }
}
