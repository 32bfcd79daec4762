//! A mock issuer: a JWKS, tokens on demand, key rotation.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::mint::{Algorithm, SigningKey, Token, key_set};
use axum::Router;
use axum::body::Bytes;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Json, Response};
use axum::routing::{get, post};
use jwt_guard::jose::base64url;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use tokio::net::TcpListener;
use tokio::sync::RwLock;

use crate::now;

/// Where the filter looks for a JWKS unless told otherwise.
pub const JWKS_PATH: &str = "/api/v1/auth/jwks";

/// The issuer's state. The first key signs.
pub struct Issuer {
    url: String,
    audience: String,
    jwks_path: String,
    max_age: u32,
    keys: RwLock<Vec<SigningKey>>,
    fetches: AtomicU64,
    tokens: AtomicU64,
}

/// Listens there, or says why not. Returns the address too: port 0 stands for a free one.
///
/// # Errors
/// The address cannot be bound.
pub async fn listen(address: SocketAddr) -> Result<(TcpListener, SocketAddr), String> {
    let failed = |error| format!("cannot listen on {address}: {error}");
    let listener = TcpListener::bind(address).await.map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    Ok((listener, address))
}

impl Issuer {
    /// An issuer with those keys, of which the first signs, at the default path. `url` is the claim iss of its tokens
    /// and the base of the URLs that it names.
    pub fn new(url: &str, audience: String, keys: Vec<SigningKey>) -> Self {
        Self {
            url: url.trim_end_matches('/').to_owned(),
            audience,
            jwks_path: JWKS_PATH.to_owned(),
            max_age: 300,
            keys: RwLock::new(keys),
            fetches: AtomicU64::new(0),
            tokens: AtomicU64::new(0),
        }
    }

    /// With the JWKS at that path, cached for so many seconds.
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
}

/// Serves until dropped.
///
/// # Errors
/// The server ended.
pub async fn serve(listener: TcpListener, issuer: Issuer) -> Result<(), String> {
    let routes = Router::new()
        .route("/token", post(token))
        .route("/rotate", post(rotate))
        .route("/stats", get(stats))
        .route("/.well-known/openid-configuration", get(discovery))
        // No route of its own: the path is the user's choice, and axum panics when it is one of those above.
        .fallback(jwks)
        .with_state(Arc::new(issuer));
    axum::serve(listener, routes).await.map_err(|error| format!("the server ended: {error}"))
}

async fn jwks(State(issuer): State<Arc<Issuer>>, uri: axum::http::Uri, headers: HeaderMap) -> Response {
    if uri.path() != issuer.jwks_path {
        return (StatusCode::NOT_FOUND, Json(json!({ "error": "not_found" }))).into_response();
    }
    issuer.fetches.fetch_add(1, Ordering::Relaxed);
    let body = key_set(issuer.keys.read().await.iter()).to_string();
    let etag = format!("\"{}\"", base64url::encode(&Sha256::digest(&body)));
    let unchanged =
        headers.get(header::IF_NONE_MATCH).is_some_and(|known| known.as_bytes() == etag.as_bytes());
    let caching = [(header::ETAG, etag), (header::CACHE_CONTROL, format!("max-age={}", issuer.max_age))];
    if unchanged {
        return (StatusCode::NOT_MODIFIED, caching).into_response();
    }
    (caching, [(header::CONTENT_TYPE, "application/json")], body).into_response()
}

async fn discovery(State(issuer): State<Arc<Issuer>>) -> Json<Value> {
    let mut algorithms: Vec<_> = issuer.keys.read().await.iter().map(|key| key.algorithm().name()).collect();
    algorithms.sort_unstable();
    algorithms.dedup();
    Json(json!({
        "issuer": issuer.url,
        "jwks_uri": format!("{}{}", issuer.url, issuer.jwks_path),
        "token_endpoint": format!("{}/token", issuer.url),
        "response_types_supported": ["token"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": algorithms,
    }))
}

/// The body is read as JSON whatever its content type, so that `curl -d` needs no header.
async fn token(State(issuer): State<Arc<Issuer>>, body: Bytes) -> Response {
    let claims: Map<String, Value> = match serde_json::from_slice(&body) {
        Ok(claims) => claims,
        Err(_) if body.is_empty() => Map::new(),
        Err(_) => return refusal("the body must be a JSON object of claims"),
    };
    let mut token = Token::new(now()).issuer(&issuer.url).audience(issuer.audience.as_str());
    for (name, value) in claims {
        token = if value.is_null() { token.without(&name) } else { token.claim(&name, value) };
    }
    let keys = issuer.keys.read().await;
    let Some(signed) = keys.first().and_then(|key| token.sign(key).ok()) else {
        return refusal("the key cannot sign");
    };
    issuer.tokens.fetch_add(1, Ordering::Relaxed);
    Json(json!({ "access_token": signed, "token_type": "Bearer" })).into_response()
}

async fn rotate(State(issuer): State<Arc<Issuer>>, RawQuery(query): RawQuery) -> Response {
    let keep = match query.as_deref() {
        None | Some("" | "keep=true") => true,
        Some("keep=false") => false,
        Some(_) => return refusal("the query may be keep=true or keep=false"),
    };
    let algorithm = match issuer.keys.read().await.first() {
        Some(key) => key.algorithm(),
        None => Algorithm::Rs256,
    };
    // An RSA key takes a while: not while the keys are locked, nor on a thread that serves.
    let generated = tokio::task::spawn_blocking(move || SigningKey::generate(algorithm)).await;
    let Ok(Ok(key)) = generated else { return refusal("no new key could be made") };
    let mut keys = issuer.keys.write().await;
    if !keep {
        keys.clear();
    }
    keys.insert(0, key);
    let kids: Vec<_> = keys.iter().map(SigningKey::kid).collect();
    Json(json!({ "kid": kids.first(), "keys": kids })).into_response()
}

async fn stats(State(issuer): State<Arc<Issuer>>) -> Json<Value> {
    Json(json!({
        "jwks_fetches": issuer.fetches.load(Ordering::Relaxed),
        "tokens": issuer.tokens.load(Ordering::Relaxed),
    }))
}

fn refusal(detail: &str) -> Response {
    (StatusCode::BAD_REQUEST, Json(json!({ "error": "invalid_request", "detail": detail }))).into_response()
}
