//! Key sets: which of the published keys are usable, and which of them may have signed a token (RFC 7517).
//!
//! An unusable key does not make the set invalid. The key is skipped, with the reason. A set without a usable key is
//! refused, so that it cannot replace a good set. A member that is `null` counts as absent, because some encoders write
//! it for an absent one.

use std::fmt::{Display, Formatter};

use serde::de::{Deserialize, Deserializer, IgnoredAny, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::algorithm::{Algorithm, Curve, PublicKey};
use super::base64url;
use super::error::{KeyError, KeySetError, TokenError};
use super::escaped::Escaped;
use super::json::{self, Json, JsonError};
use super::limits::{MAX_CANDIDATES, MAX_KEYS, MAX_KID_BYTES, MAX_SET_BYTES};
use crate::sorting;

/// Members that hold private or shared material in any type of key (RFC 7518 section 6, RFC 8037, RFC 9964).
const PRIVATE: [&str; 10] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k", "priv", "seed"];

/// The usable keys of one issuer, in the order of its document. There is at least one.
#[derive(Clone)]
pub struct KeySet {
    keys: Vec<Key>,
    /// A digest of all elements of `keys`, usable or not. It does not depend on the order of the elements or of their
    /// members.
    contents: [u8; 32],
}

#[derive(Debug, Clone)]
struct Key {
    kid: Option<String>,
    /// The `alg` of the key. The key then verifies only signatures with this algorithm.
    algorithm: Option<Algorithm>,
    /// The member `issuer`, with which an issuer of several tenants binds a key to one of them. A member that is not a
    /// string becomes the empty text, which no `iss` is equal to.
    issuer: Option<String>,
    public: PublicKey,
}

/// The result of parsing a key set.
#[derive(Debug, Clone)]
pub struct ParsedKeySet {
    /// The usable keys.
    pub keys: KeySet,
    /// The keys that are not usable, each with the reason.
    pub skipped: Vec<SkippedKey>,
}

/// A key of a set that is not used. Displays as the sentence of a warning.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SkippedKey {
    /// Its index in the array, from 0.
    pub index: usize,
    /// Its `kid`, if that is a string within the limit of bytes.
    pub kid: Option<String>,
    /// Why the key is not used.
    pub reason: KeyError,
}

impl Display for SkippedKey {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        write!(f, "key {}", self.index)?;
        if let Some(kid) = &self.kid {
            write!(f, " (kid {})", Escaped(kid))?;
        }
        write!(f, " is not used: {}", self.reason)
    }
}

/// Shows the keys without their material.
impl std::fmt::Debug for KeySet {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KeySet").field("keys", &self.keys).finish_non_exhaustive()
    }
}

impl KeySet {
    /// Parses a JWK Set.
    pub fn parse(bytes: &[u8]) -> Result<ParsedKeySet, KeySetError> {
        let Sorted { usable: keys, skipped, contents } = sort(bytes)?;
        if keys.is_empty() {
            return Err(KeySetError::NoUsableKey);
        }
        Ok(ParsedKeySet { keys: Self { keys, contents }, skipped })
    }

    /// The unusable keys of a document that may have no usable ones, for the warnings beside
    /// [`KeySetError::NoUsableKey`].
    pub fn skipped(bytes: &[u8]) -> Vec<SkippedKey> {
        sort(bytes).map(|sorted| sorted.skipped).unwrap_or_default()
    }

    /// Whether the documents of the two sets have the same keys, in any order. Some issuers change the order with each
    /// answer. That must neither repeat the warnings nor empty the token cache.
    pub fn equals(&self, other: &Self) -> bool {
        self.contents == other.contents
    }

    /// The number of usable keys; never 0.
    #[expect(clippy::len_without_is_empty, reason = "a set has at least one key")]
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// The keys that may have signed a token with this `kid` and algorithm: at least one and at most
    /// [`MAX_CANDIDATES`].
    ///
    /// A token with a `kid` is never tried with a key that has none. A token without a `kid` is tried with every key
    /// that fits its algorithm and is not refused. The refused keys are left out because otherwise a token signed with
    /// a stolen key would pass if its `kid` is left out.
    pub fn candidates(
        &self,
        kid: Option<&str>,
        algorithm: Algorithm,
        refused_kids: &[String],
    ) -> Result<Vec<&PublicKey>, TokenError> {
        self.candidates_that(kid, algorithm, refused_kids, |_| true)
    }

    /// [`candidates`](Self::candidates) without the keys whose member `issuer` does not meet `may_sign`.
    pub fn candidates_that(
        &self,
        kid: Option<&str>,
        algorithm: Algorithm,
        refused_kids: &[String],
        may_sign: impl Fn(&str) -> bool,
    ) -> Result<Vec<&PublicKey>, TokenError> {
        if !self.has_kid(kid) {
            return Err(TokenError::UnknownKid);
        }
        if !self.keys.iter().any(|key| key.matches_kid(kid) && key.fits(algorithm)) {
            return Err(TokenError::BadKey);
        }
        let mut allowed = self.allowed(kid, algorithm, refused_kids).peekable();
        if allowed.peek().is_none() {
            return Err(TokenError::RefusedKid);
        }
        let allowed = allowed.filter(|key| key.issuer.as_deref().is_none_or(&may_sign));
        let candidates: Vec<_> = allowed.take(MAX_CANDIDATES).map(|key| &key.public).collect();
        if candidates.is_empty() { Err(TokenError::KeyOfAnotherIssuer) } else { Ok(candidates) }
    }

    /// The number of keys that may have signed such a token, including those beyond [`MAX_CANDIDATES`].
    pub fn fitting(&self, kid: Option<&str>, algorithm: Algorithm, refused_kids: &[String]) -> usize {
        self.allowed(kid, algorithm, refused_kids).count()
    }

    /// Whether a key has the `kid` of a token. True for a token without a `kid`.
    pub fn has_kid(&self, kid: Option<&str>) -> bool {
        self.keys.iter().any(|key| key.matches_kid(kid))
    }

    /// Whether any key has a `kid` that is not empty.
    pub fn has_any_kid(&self) -> bool {
        self.keys.iter().any(|key| key.kid.as_ref().is_some_and(|kid| !kid.is_empty()))
    }

    fn allowed<'k>(
        &'k self,
        kid: Option<&str>,
        algorithm: Algorithm,
        refused_kids: &[String],
    ) -> impl Iterator<Item = &'k Key> {
        let is_refused = |key: &Key| key.kid.as_ref().is_some_and(|kid| refused_kids.contains(kid));
        self.keys.iter().filter(move |key| key.matches_kid(kid) && key.fits(algorithm) && !is_refused(key))
    }
}

/// The elements of `keys`, sorted into usable and skipped ones.
struct Sorted {
    usable: Vec<Key>,
    skipped: Vec<SkippedKey>,
    contents: [u8; 32],
}

fn sort(bytes: &[u8]) -> Result<Sorted, KeySetError> {
    if bytes.len() > MAX_SET_BYTES {
        return Err(KeySetError::TooLarge);
    }
    let bytes = json::without_byte_order_mark(bytes);
    let Some(members) = Json::members(bytes).map_err(KeySetError::Json)? else {
        let is_array = bytes.trim_ascii_start().starts_with(b"[");
        return Err(if is_array { KeySetError::Array } else { KeySetError::NotAKeySet });
    };
    let Some((_, keys)) = members.iter().find(|(name, _)| name == "keys") else {
        return Err(what_else(&members));
    };
    let FirstKeys { texts, more } = serde_json::from_str(keys.get()).map_err(|_| KeySetError::NotAKeySet)?;

    let mut usable = Vec::new();
    let mut skipped = Vec::new();
    let mut contents = Vec::with_capacity(texts.len());
    for (index, text) in texts.into_iter().enumerate() {
        let json = Json::parse(text.get().as_bytes());
        contents
            .push(json.as_ref().map_or_else(|_| text.get().to_owned(), |json| json.in_order().to_string()));
        match Key::read(json) {
            Ok(key) => usable.push(key),
            Err((kid, reason)) => skipped.push(SkippedKey { index, kid, reason }),
        }
    }
    if more {
        skipped.push(SkippedKey { index: MAX_KEYS, kid: None, reason: KeyError::TooMany });
    }
    Ok(Sorted { usable, skipped, contents: digest_of(contents, more) })
}

/// The error for an object without `keys`: names other documents that operators take for a key set.
fn what_else(members: &[(String, &RawValue)]) -> KeySetError {
    let has = |member: &str| members.iter().any(|(name, _)| name == member);
    let is_pem = |(_, value): &(String, &RawValue)| value.get().starts_with("\"-----BEGIN");
    if has("jwks_uri") {
        KeySetError::DiscoveryDocument
    } else if has("kty") {
        KeySetError::OneKey
    } else if !members.is_empty() && members.iter().all(is_pem) {
        KeySetError::Certificates
    } else {
        KeySetError::NotAKeySet
    }
}

fn digest_of(mut elements: Vec<String>, more: bool) -> [u8; 32] {
    use sha2::{Digest, Sha256};
    sorting::sort(&mut elements);
    let mut digest = Sha256::new();
    for element in &elements {
        // The length before each element, so that two different lists of elements have different bytes.
        digest.update((element.len() as u64).to_le_bytes());
        digest.update(element);
    }
    digest.update([u8::from(more)]);
    digest.finalize().into()
}

impl Key {
    /// Whether the key may have signed a token with this `kid`. Without a `kid`, every key may.
    fn matches_kid(&self, kid: Option<&str>) -> bool {
        kid.is_none() || self.kid.as_deref() == kid
    }

    fn fits(&self, algorithm: Algorithm) -> bool {
        self.algorithm.is_none_or(|own| own == algorithm) && self.public.fits(algorithm)
    }

    /// Parses a key. An error has the `kid`, if it is valid, for the warning.
    fn read(jwk: Result<Json, JsonError>) -> Result<Self, (Option<String>, KeyError)> {
        let jwk = jwk.map_err(|error| (None, KeyError::Json(error)))?;
        if !matches!(jwk, Json::Object(_)) {
            return Err((None, KeyError::NotObject));
        }
        let jwk = Jwk(&jwk);
        let kid = jwk.kid().map_err(|error| (None, error))?;
        match jwk.read() {
            Ok((algorithm, public)) => Ok(Self { kid, algorithm, issuer: jwk.issuer(), public }),
            Err(error) => Err((kid, error)),
        }
    }
}

/// One object of the array `keys`.
pub(super) struct Jwk<'a>(pub(super) &'a Json);

impl Jwk<'_> {
    fn kid(&self) -> Result<Option<String>, KeyError> {
        match self.member("kid") {
            None => Ok(None),
            Some(Json::String(kid)) if kid.len() <= MAX_KID_BYTES => Ok(Some(kid.clone())),
            Some(_) => Err(KeyError::KeyId),
        }
    }

    fn issuer(&self) -> Option<String> {
        self.member("issuer").map(|issuer| issuer.as_str().unwrap_or_default().to_owned())
    }

    pub(super) fn read(&self) -> Result<(Option<Algorithm>, PublicKey), KeyError> {
        self.read_with(Self::check_operations)
    }

    /// [`read`](Self::read) with another check of `key_ops`.
    pub(super) fn read_with(
        &self,
        check_operations: impl Fn(&Self) -> Result<(), KeyError>,
    ) -> Result<(Option<Algorithm>, PublicKey), KeyError> {
        let kind = self.text("kty")?;
        if kind == "oct" {
            return Err(KeyError::Symmetric);
        }
        if PRIVATE.into_iter().any(|name| self.member(name).is_some()) {
            return Err(KeyError::Private);
        }
        self.check_purpose()?;
        check_operations(self)?;
        let algorithm = match self.member("alg") {
            None => None,
            Some(Json::String(name)) => Some(Algorithm::from_name(name).ok_or(KeyError::Algorithm)?),
            Some(_) => return Err(KeyError::NotText("alg")),
        };
        let public = match kind {
            "RSA" => PublicKey::rsa(&self.bytes("n")?, &self.bytes("e")?)?,
            "EC" => {
                let curve = Curve::from_name(self.text("crv")?).ok_or(KeyError::Curve)?;
                PublicKey::ec(curve, &self.bytes("x")?, &self.bytes("y")?)?
            }
            "OKP" if self.text("crv")? == "Ed25519" => PublicKey::ed25519(&self.bytes("x")?)?,
            "OKP" => return Err(KeyError::Curve),
            // RFC 9964: the type AKP does not determine the kind of key, so `alg` is required.
            "AKP" => match algorithm.ok_or(KeyError::Absent("alg"))? {
                Algorithm::MlDsa44 => PublicKey::ml_dsa_44(&self.bytes("pub")?)?,
                Algorithm::MlDsa65 => PublicKey::ml_dsa_65(&self.bytes("pub")?)?,
                Algorithm::MlDsa87 => PublicKey::ml_dsa_87(&self.bytes("pub")?)?,
                _ => return Err(KeyError::Algorithm),
            },
            _ => return Err(KeyError::Type),
        };
        if algorithm.is_some_and(|algorithm| !public.fits(algorithm)) {
            return Err(KeyError::Algorithm);
        }
        Ok((algorithm, public))
    }

    /// Refuses a key that is not for signatures (RFC 7517 section 4.2). An owner of an encryption key may decrypt texts for
    /// strangers, and the result of such a decryption could be a valid signature.
    fn check_purpose(&self) -> Result<(), KeyError> {
        match self.member("use") {
            None => Ok(()),
            Some(Json::String(purpose)) if purpose == "sig" => Ok(()),
            Some(_) => Err(KeyError::Use),
        }
    }

    /// The same for `key_ops` (RFC 7517 section 4.3).
    pub(super) fn check_operations(&self) -> Result<(), KeyError> {
        match self.member("key_ops") {
            None => Ok(()),
            Some(Json::Array(items)) if items.iter().any(|item| item.as_str() == Some("verify")) => Ok(()),
            Some(_) => Err(KeyError::Operations),
        }
    }

    fn member(&self, name: &str) -> Option<&Json> {
        self.0.member(name).filter(|value| **value != Json::Null)
    }

    pub(super) fn text(&self, name: &'static str) -> Result<&str, KeyError> {
        match self.member(name) {
            Some(value) => value.as_str().ok_or(KeyError::NotText(name)),
            None if self.member("x5c").is_some() => Err(KeyError::CertificateAlone(name)),
            None => Err(KeyError::Absent(name)),
        }
    }

    fn bytes(&self, name: &'static str) -> Result<Vec<u8>, KeyError> {
        let text = self.text(name)?;
        let encoding = || KeyError::Encoding(name, base64url::Base64Fault::of(text));
        base64url::decode(text.as_bytes()).ok_or_else(encoding)
    }
}

/// The first [`MAX_KEYS`] elements of an array, unparsed, and whether there are more.
struct FirstKeys<'a> {
    texts: Vec<&'a RawValue>,
    more: bool,
}

impl<'de> Deserialize<'de> for FirstKeys<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct FirstKeysVisitor;
        impl<'de> Visitor<'de> for FirstKeysVisitor {
            type Value = FirstKeys<'de>;

            fn expecting(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
                f.write_str("an array")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut array: A) -> Result<Self::Value, A::Error> {
                let mut texts = Vec::new();
                while texts.len() < MAX_KEYS {
                    match array.next_element()? {
                        Some(text) => texts.push(text),
                        None => return Ok(FirstKeys { texts, more: false }),
                    }
                }
                let mut more = false;
                while array.next_element::<IgnoredAny>()?.is_some() {
                    more = true;
                }
                Ok(FirstKeys { texts, more })
            }
        }
        deserializer.deserialize_seq(FirstKeysVisitor)
    }
}
