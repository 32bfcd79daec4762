//! The tokens of the requests. Each kind changes one thing of a valid token.

use std::time::Duration;

use jwt_guard::time::UnixTime;
use jwt_guard_testkit::mint::{Algorithm, ISSUER, SigningKey, Token, key_set, shared_key};
use serde_json::{Value, json};

/// Another issuer that the configurations know.
pub const PARTNER: &str = "https://partner.example";

/// Why only the filter refuses a token, whatever the policy is; `docs/migration.md` has a row for each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rules {
    /// Both verify it alike.
    Same,
    /// The filter's rules for tokens are stricter.
    Stricter,
}

/// A kind of token.
pub struct Kind {
    pub name: &'static str,
    pub rules: Rules,
    token: String,
}

/// The keys and the tokens.
pub struct Pool {
    kinds: Vec<Kind>,
    own: &'static SigningKey,
    partner: &'static SigningKey,
}

type Change = fn(Token) -> Token;

const OF_ISSUER: [(&str, Change); 38] = [
    ("plain", |token| token),
    ("admin list", |token| token.claim("roles", vec!["admin"])),
    ("admin text", |token| token.claim("roles", "admin")),
    ("user list", |token| token.claim("roles", vec!["user"])),
    ("user text", |token| token.claim("roles", "user")),
    ("both roles", |token| token.claim("roles", vec!["user", "admin"])),
    ("role in capitals", |token| token.claim("roles", vec!["Admin"])),
    ("roles empty", |token| token.claim("roles", Value::Array(vec![]))),
    ("role number", |token| token.claim("roles", 7)),
    ("role null", |token| token.claim("roles", Value::Null)),
    ("roles object", |token| token.claim("roles", json!({ "admin": true }))),
    ("role mixed", |token| token.claim("roles", json!([1, "admin"]))),
    ("role list of lists", |token| token.claim("roles", json!([["admin"]]))),
    ("dept text", |token| token.claim("dept", "finance")),
    ("dept list", |token| token.claim("dept", vec!["finance"])),
    ("dept longer", |token| token.claim("dept", "finance-eu")),
    ("dept other", |token| token.claim("dept", "sales")),
    ("scope text", |token| token.claim("scope", "read write")),
    ("scope one", |token| token.claim("scope", "read")),
    ("scope list", |token| token.claim("scope", vec!["read", "write"])),
    ("admin and finance", |token| token.claim("roles", vec!["admin"]).claim("dept", "finance")),
    ("flag", |token| token.claim("flag", true)),
    ("flag text", |token| token.claim("flag", "true")),
    ("flag off", |token| token.claim("flag", false)),
    ("level 5", |token| token.claim("level", 5)),
    ("level 10", |token| token.claim("level", 10)),
    ("level 9.5", |token| token.claim("level", 9.5)),
    ("level text", |token| token.claim("level", "5")),
    ("level list", |token| token.claim("level", vec![5])),
    ("nested admin", |token| token.claim("realm", json!({ "roles": ["admin"] }))),
    ("nested text", |token| token.claim("realm", json!({ "roles": "admin" }))),
    ("suspended", |token| token.claim("status", "suspended")),
    ("suspended list", |token| token.claim("status", vec!["suspended"])),
    ("suspended admin", |token| token.claim("status", "suspended").claim("roles", vec!["admin"])),
    ("active", |token| token.claim("status", "active")),
    ("subject service", |token| token.subject("svc-1")),
    ("other audience", |token| token.audience("billing")),
    ("both audiences", |token| token.audience(vec!["billing", "orders-api"])),
];

const BROKEN: [(&str, Rules, Change); 12] = [
    ("expired", Rules::Same, |token| token.expired_for(Duration::from_secs(3600))),
    ("unknown issuer", Rules::Same, |token| token.issuer("https://evil.example")),
    ("no expiration", Rules::Same, |token| token.without("exp")),
    ("expired admin", Rules::Same, |token| {
        token.expired_for(Duration::from_secs(3600)).claim("roles", vec!["admin"])
    }),
    ("no audience", Rules::Same, |token| token.without("aud")),
    ("audience with scheme", Rules::Stricter, |token| token.audience("https://orders-api/")),
    ("refresh token", Rules::Stricter, |token| token.claim("type", "refresh")),
    ("ID token", Rules::Stricter, |token| token.claim("typ", "ID")),
    ("crit", Rules::Stricter, |token| token.header("crit", vec!["x"]).header("x", 1)),
    ("typ", Rules::Stricter, |token| token.header("typ", "logout+jwt")),
    ("bound", Rules::Stricter, |token| token.claim("cnf", json!({ "jkt": "x" }))),
    ("issued later", Rules::Stricter, |token| token.claim("iat", 4_000_000_000_u64)),
];

impl Pool {
    pub fn new(now: UnixTime) -> Self {
        let own = shared_key(Algorithm::Rs256, "convert");
        let partner = shared_key(Algorithm::Rs256, "convert-partner");
        let stranger = shared_key(Algorithm::Rs256, "convert-stranger");
        let mut kinds = Vec::new();
        let mut add = |name, rules, token: Token, key: &SigningKey| {
            let token = token.header("kid", own.kid());
            let token = if std::ptr::eq(key, partner) { token.header("kid", partner.kid()) } else { token };
            kinds.push(Kind { name, rules, token: token.sign(key).unwrap() });
        };
        for (name, change) in OF_ISSUER {
            add(name, Rules::Same, change(Token::new(now)), own);
        }
        for (name, rules, change) in BROKEN {
            add(name, rules, change(Token::new(now)), own);
        }
        let forged = Token::new(now).claim("roles", vec!["admin"]);
        add("forged", Rules::Same, forged, stranger);
        let of_partner = || Token::new(now).issuer(PARTNER);
        add("partner", Rules::Same, of_partner(), partner);
        add("partner admin", Rules::Same, of_partner().claim("roles", vec!["admin"]), partner);
        add("partner expired", Rules::Same, of_partner().expired_for(Duration::from_secs(3600)), partner);
        add("partner by another key", Rules::Same, of_partner(), own);
        kinds.push(Kind { name: "no JWT", rules: Rules::Same, token: "abc".to_owned() });
        kinds.push(Kind { name: "empty parts", rules: Rules::Same, token: "a.b.c".to_owned() });
        Self { kinds, own, partner }
    }

    /// The kinds of tokens.
    pub fn kinds(&self) -> &[Kind] {
        &self.kinds
    }

    /// The token of a kind, by its position.
    pub fn token(&self, kind: usize) -> &str {
        &self.kinds[kind].token
    }

    /// A key set as `local_jwks`.
    pub fn local(&self, issuer: &str) -> Value {
        let key = if issuer == ISSUER { self.own } else { self.partner };
        json!({ "inline_string": key_set([key]).to_string() })
    }
}
