//! Keys as JSON Web Keys: RFC 7517, 7518 section 6, 8037, and `AKP` for ML-DSA.

use rsa::BoxedUint;
use rsa::traits::{PrivateKeyParts, PublicKeyParts};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::error::MintError;
use super::key::{Material, SigningKey};
use jwt_guard::jose::algorithm::Algorithm;
use jwt_guard::jose::base64url;

impl SigningKey {
    /// The public half, with `kid`, `alg` and `use`.
    pub fn public_jwk(&self) -> Value {
        let mut members = self.material.required_members(self.algorithm);
        members.insert("kid".to_owned(), self.kid.clone().into());
        members.insert("alg".to_owned(), self.algorithm.name().into());
        members.insert("use".to_owned(), "sig".into());
        Value::Object(members)
    }

    /// The public half without `kid`, `alg` and `use`, as in a DPoP proof.
    pub fn bare_public_jwk(&self) -> Value {
        Value::Object(self.material.required_members(self.algorithm))
    }

    /// The private key. It is secret.
    pub fn private_jwk(&self) -> Value {
        let mut jwk = self.public_jwk();
        if let Value::Object(members) = &mut jwk {
            members.extend(self.material.secret_members());
        }
        jwk
    }

    /// Parses a private JWK, such as the result of [`private_jwk`](Self::private_jwk). `alg` is optional if the key
    /// type implies it (RS256 for RSA), and `kid` is optional (the thumbprint).
    pub fn from_private_jwk(text: &str) -> Result<Self, MintError> {
        let jwk: Map<String, Value> = serde_json::from_str(text).map_err(|_| MintError::JwkNotAnObject)?;
        let algorithm = algorithm(&jwk)?;
        let material = match text_member(&jwk, "kty")? {
            "RSA" => Material::Rsa(Box::new(rsa_key(&jwk)?)),
            "EC" | "OKP" => Material::from_secret(algorithm, &bytes_member(&jwk, "d")?)?,
            "AKP" => Material::from_secret(algorithm, &bytes_member(&jwk, "priv")?)?,
            _ => return Err(MintError::JwkMember("kty")),
        };
        let key = Self { kid: String::new(), algorithm, material }.with_algorithm(algorithm)?;
        if key.material.required_members(algorithm).iter().any(|(name, value)| jwk.get(name) != Some(value)) {
            return Err(MintError::JwkNoKey);
        }
        let kid = match jwk.get("kid") {
            None => key.thumbprint(),
            Some(Value::String(kid)) => kid.clone(),
            Some(_) => return Err(MintError::JwkMember("kid")),
        };
        Ok(key.with_kid(kid))
    }

    /// RFC 7638: SHA-256 over the required members, sorted by name, without spaces. serde_json sorts its map and writes
    /// no spaces.
    pub fn thumbprint(&self) -> String {
        let members = Value::Object(self.material.required_members(self.algorithm));
        base64url::encode(&Sha256::digest(members.to_string()))
    }
}

impl Material {
    /// The public members that RFC 7638 hashes.
    fn required_members(&self, algorithm: Algorithm) -> Map<String, Value> {
        let members = match self {
            Self::Rsa(key) => json!({
                "kty": "RSA",
                "n": base64url::encode(&key.n_bytes()),
                "e": base64url::encode(&key.e_bytes()),
            }),
            Self::P256(key) => ec("P-256", key.verifying_key().to_sec1_point(false).as_bytes()),
            Self::P384(key) => ec("P-384", key.verifying_key().to_sec1_point(false).as_bytes()),
            Self::P521(key) => ec("P-521", key.verifying_key().to_sec1_point(false).as_bytes()),
            Self::Ed25519(key) => json!({
                "kty": "OKP",
                "crv": "Ed25519",
                "x": base64url::encode(key.verifying_key().as_bytes()),
            }),
            Self::MlDsa44(key) => akp(algorithm, &key.as_ref().as_ref().encode()),
            Self::MlDsa65(key) => akp(algorithm, &key.as_ref().as_ref().encode()),
            Self::MlDsa87(key) => akp(algorithm, &key.as_ref().as_ref().encode()),
        };
        match members {
            Value::Object(members) => members,
            _ => Map::new(),
        }
    }

    fn secret_members(&self) -> Map<String, Value> {
        let one =
            |name: &str, secret: &[u8]| Map::from_iter([(name.to_owned(), base64url::encode(secret).into())]);
        match self {
            Self::Rsa(key) => rsa_secrets(key),
            Self::P256(key) => one("d", &key.to_bytes()),
            Self::P384(key) => one("d", &key.to_bytes()),
            Self::P521(key) => one("d", &key.to_bytes()),
            Self::Ed25519(key) => one("d", key.as_bytes()),
            Self::MlDsa44(key) => one("priv", key.as_seed()),
            Self::MlDsa65(key) => one("priv", key.as_seed()),
            Self::MlDsa87(key) => one("priv", key.as_seed()),
        }
    }
}

/// `point` is in the uncompressed form of SEC 1: 0x04, then both coordinates at the full width of the curve.
fn ec(curve: &str, point: &[u8]) -> Value {
    let coordinates = point.get(1..).unwrap_or_default();
    let (x, y) = coordinates.split_at(coordinates.len() / 2);
    json!({ "kty": "EC", "crv": curve, "x": base64url::encode(x), "y": base64url::encode(y) })
}

fn akp(algorithm: Algorithm, public: &[u8]) -> Value {
    json!({ "kty": "AKP", "alg": algorithm.name(), "pub": base64url::encode(public) })
}

/// `d` and the primes, with the other values that RFC 7518 section 6.3.2 requires.
fn rsa_secrets(key: &rsa::PrivateKey) -> Map<String, Value> {
    let qinv = key.crt_coefficient();
    let mut primes = key.primes().iter();
    let values = [
        ("d", Some(key.d())),
        ("p", primes.next().map(AsRef::as_ref)),
        ("q", primes.next().map(AsRef::as_ref)),
        ("dp", key.dp()),
        ("dq", key.dq()),
        ("qi", qinv.as_ref()),
    ];
    values
        .into_iter()
        .filter_map(|(name, value)| {
            let bytes = value?.to_be_bytes_trimmed_vartime();
            Some((name.to_owned(), base64url::encode(&bytes).into()))
        })
        .collect()
}

fn rsa_key(jwk: &Map<String, Value>) -> Result<rsa::PrivateKey, MintError> {
    let integer = |name| bytes_member(jwk, name).map(|bytes| BoxedUint::from_be_slice_vartime(&bytes));
    let primes = if jwk.contains_key("p") { vec![integer("p")?, integer("q")?] } else { vec![] };
    rsa::PrivateKey::from_components(integer("n")?, integer("e")?, integer("d")?, primes)
        .map_err(|_| MintError::JwkNoKey)
}

fn algorithm(jwk: &Map<String, Value>) -> Result<Algorithm, MintError> {
    if jwk.contains_key("alg") {
        return text_member(jwk, "alg")?.parse().map_err(MintError::UnknownAlgorithm);
    }
    match (text_member(jwk, "kty")?, jwk.get("crv").and_then(Value::as_str)) {
        ("RSA", _) => Ok(Algorithm::Rs256),
        ("EC", Some("P-256")) => Ok(Algorithm::Es256),
        ("EC", Some("P-384")) => Ok(Algorithm::Es384),
        ("EC", Some("P-521")) => Ok(Algorithm::Es512),
        ("OKP", Some("Ed25519")) => Ok(Algorithm::Ed25519),
        ("EC" | "OKP", _) => Err(MintError::JwkMember("crv")),
        _ => Err(MintError::JwkMember("alg")),
    }
}

fn text_member<'a>(jwk: &'a Map<String, Value>, name: &'static str) -> Result<&'a str, MintError> {
    jwk.get(name).and_then(Value::as_str).ok_or(MintError::JwkMember(name))
}

fn bytes_member(jwk: &Map<String, Value>, name: &'static str) -> Result<Vec<u8>, MintError> {
    base64url::decode(text_member(jwk, name)?.as_bytes()).ok_or(MintError::JwkMember(name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use jwt_guard::jose::algorithm::UnknownAlgorithm;

    #[test]
    fn a_written_key_can_be_parsed() {
        for algorithm in Algorithm::ALL {
            let key = SigningKey::generate(algorithm).unwrap().with_kid("one");
            let text = key.private_jwk().to_string();
            let read = SigningKey::from_private_jwk(&text).unwrap();
            assert_eq!(read.private_jwk(), key.private_jwk(), "{algorithm}");
            assert_eq!((read.kid(), read.algorithm()), ("one", algorithm));
        }
    }

    #[test]
    fn the_public_jwk_contains_no_secret() {
        for algorithm in Algorithm::ALL {
            let jwk = SigningKey::generate(algorithm).unwrap().public_jwk();
            for secret in ["d", "p", "q", "dp", "dq", "qi", "priv"] {
                assert_eq!(jwk.get(secret), None, "{algorithm}: {secret}");
            }
        }
    }

    /// RFC 8037 appendices A.1 to A.3: key and thumbprint.
    #[test]
    fn thumbprint_of_rfc_8037() {
        let key = SigningKey::from_private_jwk(
            r#"{"kty":"OKP","crv":"Ed25519",
                "d":"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A",
                "x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#,
        )
        .unwrap();
        assert_eq!(key.kid(), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
        assert_eq!(key.algorithm(), Algorithm::Ed25519);
    }

    #[test]
    fn invalid_keys_are_rejected() {
        let good = SigningKey::generate(Algorithm::Es256).unwrap().private_jwk();
        let other = SigningKey::generate(Algorithm::Es256).unwrap().private_jwk();
        let changed = |name: &str, value: Value| {
            let mut jwk = good.clone();
            jwk[name] = value;
            SigningKey::from_private_jwk(&jwk.to_string()).unwrap_err()
        };
        for (what, got, expected) in [
            ("text", SigningKey::from_private_jwk("[]").unwrap_err(), MintError::JwkNotAnObject),
            ("kty", changed("kty", "oct".into()), MintError::JwkMember("kty")),
            (
                "alg",
                changed("alg", "HS256".into()),
                MintError::UnknownAlgorithm(UnknownAlgorithm("HS256".into())),
            ),
            ("another alg's", changed("alg", "ES384".into()), MintError::JwkNoKey),
            ("RSA's alg", changed("alg", "RS256".into()), MintError::WrongKeyType(Algorithm::Rs256)),
            ("d", changed("d", "AA".into()), MintError::JwkNoKey),
            ("no base64", changed("d", "=".into()), MintError::JwkMember("d")),
            ("x of another key", changed("x", other["x"].clone()), MintError::JwkNoKey),
            ("kid", changed("kid", 1.into()), MintError::JwkMember("kid")),
        ] {
            assert_eq!(got, expected, "{what}");
        }
    }
}
