//! The checks of one proof (RFC 9449 sections 4.3 and 7.1), all but whether it was used before.

use super::target::is_target;
use super::{DpopRules, HEADER, ProofError};
use crate::http::{HeaderMap, trim_ows};
use crate::jose::algorithm::{SignatureCheck, Verifier};
use crate::jose::base64url;
use crate::jose::json::Json;
use crate::jose::limits::MAX_PROOF_BYTES;
use crate::jose::public_jwk::{PublicJwk, Thumbprint};
use crate::jose::rules::AcceptedTypes;
use crate::jose::signed_object::SignedObject;
use crate::time::UnixTime;

/// The largest RSA key of a proof, in bits. The key comes with the request, so a larger one would only cost time.
const MAX_RSA_BITS: usize = 4096;

/// The request that a proof is for.
#[derive(Clone, Copy)]
pub struct ProofContext<'a> {
    /// The rules.
    pub rules: &'a DpopRules,
    /// The header fields of the request.
    pub headers: &'a HeaderMap,
    /// The access token.
    pub token: &'a [u8],
    /// The `jkt` of the access token.
    pub key: Thumbprint,
    /// The verifier of the signature.
    pub verifier: &'a dyn Verifier,
    /// The current time.
    pub now: UnixTime,
}

/// What is left of a valid proof: what says whether it was used before.
#[derive(Clone, PartialEq, Eq)]
pub struct Proof {
    /// The `jti`.
    pub id: String,
    /// The `iat`, in whole seconds.
    pub issued_at: u64,
}

/// Shows nothing of the proof.
impl std::fmt::Debug for Proof {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Proof").finish_non_exhaustive()
    }
}

impl Proof {
    /// Checks the proof of a request. The thumbprint of its key is compared before the signature is verified, and what
    /// costs least is checked first.
    ///
    /// # Errors
    /// The first check that fails.
    pub fn check(context: &ProofContext<'_>) -> Result<Self, ProofError> {
        let rules = context.rules;
        let object = SignedObject::parse(the_only_header(context.headers)?).map_err(ProofError::Malformed)?;
        let header = |name| object.header().member(name);
        let is_proof = header("typ").and_then(Json::as_str);
        if is_proof.is_none() || !AcceptedTypes::new(["dpop+jwt"]).contains(is_proof) {
            return Err(ProofError::Type);
        }
        let algorithm = object.algorithm().filter(|algorithm| rules.algorithms.contains(algorithm));
        let algorithm = algorithm.ok_or(ProofError::Algorithm)?;
        if object.is_critical() {
            return Err(ProofError::Critical);
        }
        let jwk = header("jwk").filter(|jwk| matches!(jwk, Json::Object(_))).ok_or(ProofError::NoKey)?;
        let key = PublicJwk::read(jwk).map_err(ProofError::Key)?;
        if !key.fits(algorithm) {
            return Err(ProofError::KeyOfOtherAlgorithm);
        }
        if key.rsa_bits().is_some_and(|bits| bits > MAX_RSA_BITS) {
            return Err(ProofError::RsaSize);
        }
        if key.thumbprint() != context.key {
            return Err(ProofError::OtherKey);
        }
        let proof = Self::check_claims(object.claims(), context)?;
        let check = SignatureCheck::new(algorithm, key.public(), object.signing_input(), object.signature());
        match check.is_some_and(|check| context.verifier.verify(&check)) {
            true => Ok(proof),
            false => Err(ProofError::Signature),
        }
    }

    fn check_claims(claims: &Json, context: &ProofContext<'_>) -> Result<Self, ProofError> {
        let text = |name| claims.member(name).and_then(Json::as_str).ok_or(ProofError::Claim(name));
        if context.headers.get(":method") != Some(text("htm")?.as_bytes()) {
            return Err(ProofError::Method);
        }
        if !is_target(text("htu")?, context.headers, &context.rules.origins) {
            return Err(ProofError::Target);
        }
        if text("ath")?.as_bytes() != base64url::encode(&sha256(context.token)).as_bytes() {
            return Err(ProofError::Token);
        }
        let id = Some(text("jti")?).filter(|id| !id.is_empty()).ok_or(ProofError::Claim("jti"))?;
        let issued_at = match claims.member("iat") {
            Some(Json::Number(number)) => number.as_f64().filter(|iat| *iat >= 0.0),
            _ => None,
        };
        let issued_at = issued_at.ok_or(ProofError::Claim("iat"))?;
        let (now, limit) = (context.now.as_secs_f64(), context.rules.max_age.as_secs_f64());
        let limited = |difference: f64| (difference.ceil() as u64, context.rules.max_age.as_secs());
        if now - issued_at > limit {
            let (seconds, limit) = limited(now - issued_at);
            return Err(ProofError::TooOld { seconds, limit });
        }
        if issued_at - now > limit {
            let (seconds, limit) = limited(issued_at - now);
            return Err(ProofError::InFuture { seconds, limit });
        }
        Ok(Self { id: id.to_owned(), issued_at: issued_at as u64 })
    }
}

fn the_only_header(headers: &HeaderMap) -> Result<&[u8], ProofError> {
    let mut values = headers.get_all(HEADER);
    let value = values.next().map(trim_ows).ok_or(ProofError::Absent)?;
    if values.next().is_some() {
        return Err(ProofError::Several);
    }
    match value.len() {
        0 => Err(ProofError::Absent),
        bytes if bytes > MAX_PROOF_BYTES => Err(ProofError::TooLong { bytes }),
        _ => Ok(value),
    }
}

fn sha256(bytes: &[u8]) -> [u8; 32] {
    use sha2::{Digest, Sha256};
    Sha256::digest(bytes).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dpop::Origin;
    use crate::jose::algorithm::{Algorithm, WasmVerifier};
    use std::time::Duration;

    /// The example of RFC 9449 section 7.1.
    #[test]
    fn the_proof_of_the_rfc_is_valid_for_its_request() {
        const PROOF: &str = "eyJ0eXAiOiJkcG9wK2p3dCIsImFsZyI6IkVTMjU2IiwiandrIjp7Imt0eSI6IkVDIiwieCI6Imw4dEZyaHgtMzR0VjNoUklDUkRZOXpDa0RscEJoRjQyVVFVZldWQVdCRnMiLCJ5IjoiOVZFNGpmX09rX282NHpiVFRsY3VOSmFqSG10NnY5VERWclUwQ2R2R1JEQSIsImNydiI6IlAtMjU2In19.eyJqdGkiOiJlMWozVl9iS2ljOC1MQUVCIiwiaHRtIjoiR0VUIiwiaHR1IjoiaHR0cHM6Ly9yZXNvdXJjZS5leGFtcGxlLm9yZy9wcm90ZWN0ZWRyZXNvdXJjZSIsImlhdCI6MTU2MjI2MjYxOCwiYXRoIjoiZlVIeU8ycjJaM0RaNTNFc05yV0JiMHhXWG9hTnk1OUlpS0NBcWtzbVFFbyJ9.2oW9RP35yRqzhrtNP86L-Ey71EOptxRimPPToA1plemAgR6pxHF8y6-yqyVnmcw6Fy1dqd-jfxSYoMxhAJpLjA";
        let rules = DpopRules::new(
            vec![Origin::parse("https://resource.example.org").unwrap().unwrap()],
            vec![Algorithm::Es256],
            Duration::from_secs(60),
        );
        let key = base64url::decode(b"0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I").unwrap();
        let check = |token: &[u8], seconds| {
            let headers = [
                (":method", "GET"),
                (":path", "/protectedresource"),
                (":authority", "resource.example.org"),
                (HEADER, PROOF),
            ];
            let context = ProofContext {
                rules: &rules,
                headers: &headers.into_iter().collect(),
                token,
                key: key.clone().try_into().unwrap(),
                verifier: &WasmVerifier,
                now: UnixTime::from_secs(seconds),
            };
            Proof::check(&context)
        };
        const TOKEN: &[u8] = b"Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU";
        let proof = Proof { id: "e1j3V_bKic8-LAEB".to_owned(), issued_at: 1_562_262_618 };
        assert_eq!(check(TOKEN, 1_562_262_618), Ok(proof));
        assert_eq!(check(b"another token", 1_562_262_618), Err(ProofError::Token));
        assert_eq!(check(TOKEN, 1_562_262_679), Err(ProofError::TooOld { seconds: 61, limit: 60 }));
    }
}
