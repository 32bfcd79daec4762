//! Adds a token to a request, and generates the token if necessary.

use jwt_guard::token_source::TokenSource;
use serde_json::json;

use super::simulator::{SimulatedKeys, Simulator};
use super::test_credential::TestCredential;
use super::test_request::TestRequest;
use jwt_guard::confirmation::{CertificateSource, FORWARDED_CERTIFICATE};
use jwt_guard::dpop::Origin;
use jwt_guard::http::{HeaderMap, comparable_host};
use jwt_guard::jose::algorithm::Algorithm;
use jwt_guard::jose::token::UnverifiedToken;
use jwt_guard::token_role::{SecondTokenIndex, TokenRole};
use jwt_guard_testkit::mint::{Proof, SigningKey};

impl Simulator<'_> {
    /// Adds the tokens to the headers. Also returns the keys that verify them.
    pub(super) fn with_credentials(
        &self,
        mut headers: HeaderMap,
        places: &[TokenSource],
        credential: &TestCredential,
        request: &TestRequest,
    ) -> Result<(HeaderMap, SimulatedKeys), String> {
        let mut keys = self.keys();
        let from_header = self.config.client_certificate_from == CertificateSource::ForwardedHeader;
        if let Some(digest) = request.client_certificate.as_ref().filter(|_| from_header) {
            // As the proxy in front of the filter writes it.
            headers.append(FORWARDED_CERTIFICATE, format!("Hash={digest}"));
        }
        if request.dpop {
            let token = self.with_proof(&mut headers, credential, request, &mut keys)?;
            insert(&mut headers, &TokenSource::Dpop, &token);
        } else if let Some(token) = self.token(credential, TokenRole::First, &mut keys)? {
            insert(&mut headers, self.place_of(&token, places), &token);
        }
        for (name, credential) in &request.second_tokens {
            let index = self.second_token(name)?;
            let token = self.token(credential, TokenRole::Second(index), &mut keys)?;
            let place = self.config.second_tokens.get(index.0).and_then(|second| second.token_from.first());
            if let Some((token, place)) = token.zip(place) {
                insert(&mut headers, place, &token);
            }
        }
        Ok((headers, keys))
    }

    /// Binds the claims to a new key, signs them, and adds a proof of that key to the headers.
    fn with_proof(
        &self,
        headers: &mut HeaderMap,
        credential: &TestCredential,
        request: &TestRequest,
        keys: &mut SimulatedKeys,
    ) -> Result<String, String> {
        let rules = self
            .config
            .dpop
            .as_ref()
            .ok_or("dpop: the configuration has no dpop; add it, or remove dpop here")?;
        let TestCredential::Claims { claims, header } = credential else {
            return Err("dpop needs claims: the token must be bound to the key of the proof".to_owned());
        };
        let algorithm = rules.algorithms.first().copied().unwrap_or(Algorithm::Es256);
        let key = SigningKey::generate(algorithm).map_err(|error| error.to_string())?;
        let mut claims = claims.clone();
        // Beside the digest of a certificate, if the claims have one.
        if let Some(cnf) = claims.entry("cnf").or_insert_with(|| json!({})).as_object_mut() {
            cnf.entry("jkt").or_insert_with(|| key.thumbprint().into());
        }
        let token = self.token_of(&claims, header.as_ref(), TokenRole::First, keys)?;
        let host = comparable_host(request.host.as_bytes());
        let is_requested = |origin: &&Origin| origin.host().as_bytes() == host.as_ref();
        let origin = rules.origins.iter().find(is_requested).or(rules.origins.first());
        let origin = origin.map(ToString::to_string).unwrap_or_default();
        let path = request.path.split('?').next().unwrap_or_default();
        // A client writes a URI, also if the path of the request is not one.
        let uri = path.bytes().fold(origin, |uri, byte| match byte {
            b'!'..=b'~' => format!("{uri}{}", char::from(byte)),
            byte => format!("{uri}%{byte:02X}"),
        });
        let proof = Proof::new(&request.method, &uri, &token, &key, self.now);
        let proof = proof.and_then(|proof| proof.sign(&key)).map_err(|error| error.to_string())?;
        headers.append("dpop", proof);
        Ok(token)
    }

    /// The index of a second token of the configuration.
    fn second_token(&self, name: &str) -> Result<SecondTokenIndex, String> {
        let names = &self.config.names.second_tokens;
        names.iter().position(|own| own == name).map(SecondTokenIndex).ok_or_else(|| match names.as_slice() {
            [] => format!("found a second token {name:?}, but the configuration has no second_tokens"),
            names => format!("no second token is named {name:?}; expected one of {}", names.join(", ")),
        })
    }

    fn token(
        &self,
        credential: &TestCredential,
        role: TokenRole,
        keys: &mut SimulatedKeys,
    ) -> Result<Option<String>, String> {
        Ok(match credential {
            TestCredential::None => None,
            TestCredential::Token(token) => Some(token.clone()),
            TestCredential::Claims { claims, header } => {
                Some(self.token_of(claims, header.as_ref(), role, keys)?)
            }
            TestCredential::Parts { header, claims } => {
                Some(self.token_of_parts(header, claims, role, keys)?)
            }
        })
    }

    /// The first token source of the route that the issuer of the token allows. If there is none, the first token
    /// source of the route.
    fn place_of<'p>(&self, token: &str, places: &'p [TokenSource]) -> &'p TokenSource {
        let parsed = UnverifiedToken::parse(token.as_bytes(), self.config.max_token_bytes).ok();
        let issuer = parsed.as_ref().and_then(|token| self.config.issuer_of(token.unverified_issuer()?));
        let own = issuer.and_then(|(_, issuer)| issuer.token_from.as_ref());
        // A token that is bound to a DPoP key has a scheme of its own.
        let is_bound = parsed.as_ref().is_some_and(|token| token.unverified_claim(&["cnf", "jkt"]).is_some());
        if is_bound && places.contains(&TokenSource::Dpop) {
            return &TokenSource::Dpop;
        }
        let allowed = places.iter().find(|place| own.is_none_or(|own| own.contains(place)));
        allowed.or(places.first()).unwrap_or(&TokenSource::Authorization)
    }
}

fn insert(headers: &mut HeaderMap, place: &TokenSource, token: &str) {
    match place {
        TokenSource::Authorization => headers.append("authorization", format!("Bearer {token}")),
        TokenSource::Dpop => headers.append("authorization", format!("DPoP {token}")),
        TokenSource::Header { name, prefix } => headers.append(name, format!("{prefix}{token}")),
        TokenSource::Cookie { name } => headers.append("cookie", format!("{name}={token}")),
        TokenSource::Query { name } => {
            if let Some(path) = headers.get(":path") {
                let separator = if path.contains(&b'?') { b'&' } else { b'?' };
                let path = [path, &[separator], format!("{name}={token}").as_bytes()].concat();
                headers.replace_first(":path", &path);
            }
        }
    }
}
