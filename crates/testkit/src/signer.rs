//! The mock issuer of `jwtguard serve`: it signs tokens on demand and rotates its keys.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::{Method, Uri};
use jwt_guard::jose::base64url;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use tokio::net::TcpListener;
use tokio::sync::RwLock;

use crate::issuer::{Answer, JWKS_PATH};
use crate::mint::{Algorithm, SigningKey, Token, key_set};
use crate::now;
use crate::revoked::{REVOCATIONS_PATH, Revoked};
use crate::server::{self, Response};

/// Serves the keys and tokens of a signer. Dropping the future stops the server.
pub async fn serve(listener: TcpListener, signer: Signer) {
    let signer = Arc::new(signer);
    server::serve(listener, None, move |request| answer(request, signer.clone())).await;
}

async fn answer(request: hyper::Request<Incoming>, signer: Arc<Signer>) -> Result<Response, hyper::Error> {
    let (head, body) = request.into_parts();
    let body = body.collect().await?.to_bytes();
    let answer = signer.answer(&head.method, &head.uri, &body).await;
    Ok(answer.response_to(&head.headers))
}

/// The issuer's keys and settings. The first key signs.
pub struct Signer {
    url: String,
    audience: String,
    jwks_path: String,
    max_age: u32,
    keys: RwLock<Vec<SigningKey>>,
    revoked: Revoked,
    fetches: AtomicU64,
    tokens: AtomicU64,
}

impl Signer {
    /// Signs with the first key and publishes all keys at the default path. `url` is the claim `iss` of the tokens and
    /// the base of the URLs in the discovery document.
    pub fn new(url: &str, audience: String, keys: Vec<SigningKey>) -> Self {
        Self {
            url: url.trim_end_matches('/').to_owned(),
            audience,
            jwks_path: JWKS_PATH.to_owned(),
            max_age: 300,
            keys: RwLock::new(keys),
            revoked: Revoked::default(),
            fetches: AtomicU64::new(0),
            tokens: AtomicU64::new(0),
        }
    }

    /// Sets the path and the `max-age` in seconds of the JWKS.
    #[must_use]
    pub fn publishing(mut self, jwks_path: String, max_age: u32) -> Self {
        self.jwks_path = jwks_path;
        self.max_age = max_age;
        self
    }

    /// The claim iss of its tokens.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The response to a request.
    pub async fn answer(&self, method: &Method, uri: &Uri, body: &[u8]) -> Answer {
        match (uri.path(), method) {
            ("/token", &Method::POST) => self.token(body).await,
            ("/rotate", &Method::POST) => self.rotate(uri.query()).await,
            ("/revoke", &Method::POST) => self.revoke(body),
            (REVOCATIONS_PATH, &Method::GET | &Method::HEAD) => self.revocations(),
            ("/stats", &Method::GET | &Method::HEAD) => self.stats(),
            ("/.well-known/openid-configuration", &Method::GET | &Method::HEAD) => self.discovery().await,
            (
                "/token"
                | "/rotate"
                | "/revoke"
                | REVOCATIONS_PATH
                | "/stats"
                | "/.well-known/openid-configuration",
                _,
            ) => Answer::status(405),
            (path, _) if path == self.jwks_path => self.jwks().await,
            _ => json_answer(&json!({ "error": "not_found" })).with_status(404),
        }
    }

    async fn jwks(&self) -> Answer {
        self.fetches.fetch_add(1, Ordering::Relaxed);
        let body = key_set(self.keys.read().await.iter()).to_string();
        let etag = format!("\"{}\"", base64url::encode(&Sha256::digest(&body)));
        Answer::ok(body).etag(&etag).header("cache-control", &format!("max-age={}", self.max_age))
    }

    async fn discovery(&self) -> Answer {
        let mut algorithms: Vec<_> =
            self.keys.read().await.iter().map(|key| key.algorithm().name()).collect();
        algorithms.sort_unstable();
        algorithms.dedup();
        json_answer(&json!({
            "issuer": self.url,
            "jwks_uri": format!("{}{}", self.url, self.jwks_path),
            "token_endpoint": format!("{}/token", self.url),
            "response_types_supported": ["token"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": algorithms,
        }))
    }

    /// Parses the body as JSON with any content type, so that `curl -d` needs no header.
    async fn token(&self, body: &[u8]) -> Answer {
        let claims: Map<String, Value> = match serde_json::from_slice(body) {
            Ok(claims) => claims,
            Err(_) if body.is_empty() => Map::new(),
            Err(_) => return refusal("the body must be a JSON object of claims"),
        };
        let mut token = Token::new(now()).issuer(&self.url).audience(self.audience.as_str());
        if let Ok(jti) = getrandom::u64() {
            token = token.claim("jti", format!("{jti:016x}"));
        }
        for (name, value) in claims {
            token = if value.is_null() { token.without(&name) } else { token.claim(&name, value) };
        }
        let keys = self.keys.read().await;
        let Some(signed) = keys.first().and_then(|key| token.sign(key).ok()) else {
            return refusal("the key cannot sign");
        };
        self.tokens.fetch_add(1, Ordering::Relaxed);
        json_answer(&json!({ "access_token": signed, "token_type": "Bearer" }))
    }

    async fn rotate(&self, query: Option<&str>) -> Answer {
        let keep = match query {
            None | Some("" | "keep=true") => true,
            Some("keep=false") => false,
            Some(_) => return refusal("the query may be keep=true or keep=false"),
        };
        let algorithm = match self.keys.read().await.first() {
            Some(key) => key.algorithm(),
            None => Algorithm::Rs256,
        };
        // Generating an RSA key is slow. It happens without the lock and on a blocking thread.
        let generated = tokio::task::spawn_blocking(move || SigningKey::generate(algorithm)).await;
        let Ok(Ok(key)) = generated else { return refusal("no new key could be made") };
        let mut keys = self.keys.write().await;
        if !keep {
            keys.clear();
        }
        keys.insert(0, key);
        let kids: Vec<_> = keys.iter().map(SigningKey::kid).collect();
        json_answer(&json!({ "kid": kids.first(), "keys": kids }))
    }

    fn revoke(&self, body: &[u8]) -> Answer {
        match self.revoked.revoke(body) {
            Ok(item) => json_answer(&json!({ "revoked": item })),
            Err(error) => refusal(&error.to_string()),
        }
    }

    fn revocations(&self) -> Answer {
        let body = self.revoked.document(now().as_secs_f64()).to_string();
        let etag = format!("\"{}\"", base64url::encode(&Sha256::digest(&body)));
        Answer::ok(body).etag(&etag)
    }

    fn stats(&self) -> Answer {
        json_answer(&json!({
            "jwks_fetches": self.fetches.load(Ordering::Relaxed),
            "tokens": self.tokens.load(Ordering::Relaxed),
        }))
    }
}

fn json_answer(body: &Value) -> Answer {
    Answer::ok(body.to_string())
}

fn refusal(detail: &str) -> Answer {
    json_answer(&json!({ "error": "invalid_request", "detail": detail })).with_status(400)
}
