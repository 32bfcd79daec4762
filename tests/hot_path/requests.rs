//! The requests whose costs are counted.

use std::rc::Rc;
use std::time::Duration;

use jwt_guard::jose::jwks::KeySet;
use jwt_guard::time::UnixTime;
use jwt_guard_testkit::mint::{AUDIENCE, Algorithm, ISSUER, SigningKey, Token, key_set, shared_key};
use serde_json::{Value, json};

use crate::host::Headers;

/// The time of all requests.
pub const NOW: UnixTime = UnixTime::from_secs(1_700_000_000);
/// The number of groups in the large token.
const GROUPS: usize = 100;

fn key() -> &'static SigningKey {
    shared_key(Algorithm::Es256, "first")
}

/// The keys that the issuer publishes.
pub fn keys() -> Rc<KeySet> {
    Rc::new(KeySet::parse(published().as_bytes()).unwrap().keys)
}

/// The published keys as the issuer's response.
pub fn published() -> String {
    key_set([key()]).to_string()
}

/// The configuration of the benchmark, with the given members: one role for every path except one anonymous path.
pub fn configuration(members: Value) -> String {
    let mut configuration = json!({
        "issuer": ISSUER,
        "audience": AUDIENCE,
        "jwks_cluster": "issuer",
        "accepted_algorithms": "ES256",
        "routes": [
            { "path": "/open", "allow_anonymous": true },
            { "path": "/**", "requires_role": "admin" },
        ],
    });
    let Value::Object(members) = members else { panic!("not an object: {members}") };
    configuration.as_object_mut().unwrap().extend(members);
    configuration.to_string()
}

/// A token whose claims become seven headers; each token has its own `jti`.
pub fn person() -> Token {
    use std::sync::atomic::{AtomicU32, Ordering};
    static COUNT: AtomicU32 = AtomicU32::new(0);
    Token::new(NOW)
        .claim("email", "user-000001@example.com")
        .claim("roles", vec!["admin", "editor"])
        .claim("scope", "orders:read orders:write")
        .claim("org_id", "org-1")
        .claim("jti", format!("{:06}", COUNT.fetch_add(1, Ordering::Relaxed)))
}

pub fn signed(token: Token) -> String {
    token.sign(key()).unwrap()
}

pub fn good() -> String {
    signed(person())
}

pub fn large() -> String {
    let groups: Vec<String> = (0..GROUPS).map(|group| format!("group-{group:03}-of-the-orgs")).collect();
    signed(person().claim("groups", groups))
}

pub fn expired() -> String {
    signed(person().expired_for(Duration::from_secs(3600)))
}

pub fn roleless() -> String {
    signed(person().claim("roles", vec!["viewer"]))
}

pub fn forged() -> String {
    let mut token = good().into_bytes();
    let at = token.len() - 40;
    token[at] = if token[at] == b'A' { b'B' } else { b'A' };
    String::from_utf8(token).unwrap()
}

/// The headers of a browser application, as a filter receives them.
pub fn get(path: &str, token: Option<&str>) -> Headers {
    let mut headers: Headers = [
        (":authority", "api.example"),
        (":path", path),
        (":method", "GET"),
        (":scheme", "http"),
        ("user-agent", "bench/1"),
        ("accept", "application/json"),
        ("accept-encoding", "gzip"),
        ("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
        ("x-forwarded-proto", "http"),
        ("x-request-id", "0af76519-16cd-43dd-8448-eb211c80319c"),
    ]
    .map(|(name, value)| (name.to_owned(), value.as_bytes().to_vec()))
    .into();
    if let Some(token) = token {
        headers.push(("authorization".to_owned(), format!("Bearer {token}").into_bytes()));
    }
    headers
}
