//! `mint` signs a token with a private key.

use std::path::{Path, PathBuf};
use std::time::Duration;

use jwt_guard::jose::base64url;
use jwt_guard::time::UnixTime;
use jwt_guard_testkit::mint::{AUDIENCE, Algorithm, ISSUER, SUBJECT, Token};
use serde_json::{Map, Value};

use crate::commands::output::print_line;
use crate::commands::token_input::{certificate_digest, thumbprint};
use crate::commands::{duration, keygen};

/// Sign a token with a private key and print it.
#[derive(clap::Args)]
#[command(after_help = "\
VALUE is parsed as JSON: roles=[\"admin\"], level=3. If it is not valid JSON, it is a string: name=alice. A string that
is also valid JSON needs quotes: 'sub=\"42\"'.

Exit status:
  0  The token was printed.
  1  The key cannot be read, or does not support the algorithm.
  2  An argument is wrong.

Examples:
  jwtguard mint --key key.json --subject alice --claim 'roles=[\"admin\",\"user\"]'
  jwtguard mint --key key.json --expired 5m
  jwtguard mint --key key.json --cnf-jkt client.json
  jwtguard mint --key key.json --header typ=at+jwt --without iat --claims '{\"tenant\":{\"id\":7}}'")]
pub struct Arguments {
    /// The file with a private JWK from jwtguard keygen; - reads standard input
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
    /// The claim iss
    #[arg(long, default_value = ISSUER)]
    issuer: String,
    /// The claim aud; repeat the option for several audiences
    #[arg(long, default_value = AUDIENCE)]
    audience: Vec<String>,
    /// The claim sub
    #[arg(long, default_value = SUBJECT)]
    subject: String,
    /// A claim; repeat the option for several claims
    #[arg(long = "claim", value_name = "NAME=VALUE", value_parser = named_value)]
    named_claims: Vec<(String, Value)>,
    /// Claims as a JSON object; --claim overrides a claim of the same name
    #[arg(long, value_name = "JSON", value_parser = object)]
    claims: Option<Map<String, Value>>,
    /// Leave this claim out of the token
    #[arg(long, value_name = "NAME")]
    without: Vec<String>,
    /// A header parameter, including alg and kid; repeat the option for several parameters
    #[arg(long = "header", value_name = "NAME=VALUE", value_parser = named_value)]
    headers: Vec<(String, Value)>,
    /// How long the token is valid from now on; cannot be combined with --expired
    #[arg(long, value_name = "DURATION", default_value = "15m", value_parser = duration::parse)]
    lifetime: Duration,
    /// Make a token that expired this long ago; cannot be combined with --lifetime
    #[arg(long, value_name = "DURATION", value_parser = duration::parse, conflicts_with = "lifetime")]
    expired: Option<Duration>,
    /// Make a token that becomes valid after this time: the claim nbf
    #[arg(long, value_name = "DURATION", value_parser = duration::parse)]
    not_before: Option<Duration>,
    /// Bind the token to a DPoP key: the file with its JWK, or the thumbprint for the claim cnf jkt
    #[arg(long, value_name = "FILE|THUMBPRINT", allow_hyphen_values = true)]
    cnf_jkt: Option<String>,
    /// Bind the token to a client certificate: the claim cnf x5t#S256, as 64 hexadecimal digits or in base64url
    #[arg(long, value_name = "DIGEST", value_parser = thumbprint_of_certificate, allow_hyphen_values = true)]
    cnf_x5t: Option<String>,
    /// Sign with another algorithm of the key's type; an RSA key supports every RS and PS algorithm
    #[arg(long)]
    alg: Option<Algorithm>,
}

/// Runs `mint`.
pub fn run(arguments: &Arguments, now: UnixTime) -> Result<(), String> {
    let mut key = keygen::read(&arguments.key)?;
    if let Some(algorithm) = arguments.alg {
        key = key.with_algorithm(algorithm).map_err(|error| error.to_string())?;
    }
    let token = bound(token(arguments, now), arguments)?;
    print_line!("{}", token.sign(&key).map_err(|error| error.to_string())?);
    Ok(())
}

/// Adds the claim `cnf` (RFC 7800).
fn bound(token: Token, arguments: &Arguments) -> Result<Token, String> {
    let mut cnf = Map::new();
    if let Some(key) = &arguments.cnf_jkt {
        let is_thumbprint = thumbprint(key).is_some();
        let jkt = if is_thumbprint { key.clone() } else { keygen::read(Path::new(key))?.thumbprint() };
        cnf.insert("jkt".to_owned(), jkt.into());
    }
    if let Some(digest) = &arguments.cnf_x5t {
        cnf.insert("x5t#S256".to_owned(), digest.clone().into());
    }
    Ok(if cnf.is_empty() { token } else { token.claim("cnf", cnf) })
}

fn token(arguments: &Arguments, now: UnixTime) -> Token {
    let mut token = Token::new(now).issuer(&arguments.issuer).subject(&arguments.subject);
    token = match arguments.audience.as_slice() {
        [one] => token.audience(one.as_str()),
        several => token.audience(several),
    };
    token = match arguments.expired {
        Some(since) => token.expired_for(since),
        None => token.lifetime(arguments.lifetime),
    };
    if let Some(later) = arguments.not_before {
        token = token.claim("nbf", now.saturating_add(later).as_millis() / 1000);
    }
    token = token.claims(arguments.claims.clone().unwrap_or_default());
    for (name, value) in &arguments.named_claims {
        token = token.claim(name, value.clone());
    }
    for name in &arguments.without {
        token = token.without(name);
    }
    for (name, value) in &arguments.headers {
        token = token.header(name, value.clone());
    }
    token
}

fn thumbprint_of_certificate(text: &str) -> Result<String, String> {
    let digest = certificate_digest(text)?;
    let bytes = digest.as_bytes().chunks(2).map(|pair| {
        std::str::from_utf8(pair).ok().and_then(|pair| u8::from_str_radix(pair, 16).ok()).unwrap_or_default()
    });
    Ok(base64url::encode(&bytes.collect::<Vec<_>>()))
}

/// Parses `NAME=VALUE`; the value is JSON or text.
pub fn named_value(text: &str) -> Result<(String, Value), String> {
    let (name, value) = text.split_once('=').ok_or("expected NAME=VALUE, such as level=3")?;
    let value = serde_json::from_str(value).unwrap_or_else(|_| Value::from(value));
    Ok((name.to_owned(), value))
}

fn object(text: &str) -> Result<Map<String, Value>, String> {
    serde_json::from_str(text).map_err(|error| format!("expected a JSON object: {error}"))
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use jwt_guard_testkit::mint::SigningKey;
    use serde_json::json;

    use super::*;

    #[derive(Parser)]
    struct Mint {
        #[command(flatten)]
        arguments: Arguments,
    }

    fn minted(words: &[&str]) -> (Value, Value) {
        let words = ["mint", "--key", "key.json"].iter().chain(words);
        let arguments = Mint::try_parse_from(words).unwrap().arguments;
        let token = token(&arguments, UnixTime::from_secs(1000));
        let key = SigningKey::generate(Algorithm::Ed25519).unwrap().with_kid("k");
        let json = |text: String| serde_json::from_str(&text).unwrap();
        (json(token.header_json(&key)), json(token.claims_json()))
    }

    #[test]
    fn arguments_become_claims() {
        let plain = json!({"iss": ISSUER, "aud": AUDIENCE, "sub": SUBJECT, "iat": 1000, "exp": 1900});
        assert_eq!(minted(&[]).1, plain);
        for (what, words, name, expected) in [
            ("text", vec!["--claim", "name=alice"], "name", json!("alice")),
            ("JSON", vec!["--claim", "roles=[\"a\"]"], "roles", json!(["a"])),
            ("quoted", vec!["--claim", "sub=\"42\""], "sub", json!("42")),
            ("value with =", vec!["--claim", "q=a=b"], "q", json!("a=b")),
            ("object", vec!["--claims", "{\"t\":{\"id\":7}}"], "t", json!({"id": 7})),
            ("claim over claims", vec!["--claims", "{\"t\":1}", "--claim", "t=2"], "t", json!(2)),
            ("several audiences", vec!["--audience", "a", "--audience", "b"], "aud", json!(["a", "b"])),
            ("lifetime", vec!["--lifetime", "1m"], "exp", json!(1060)),
            ("expired", vec!["--expired", "10s"], "exp", json!(990)),
            ("not before", vec!["--not-before", "1m"], "nbf", json!(1060)),
            ("without", vec!["--without", "sub"], "sub", Value::Null),
        ] {
            assert_eq!(minted(&words).1[name], expected, "{what}");
        }
        let (header, _) = minted(&["--header", "typ=at+jwt", "--header", "crit=[\"x\"]"]);
        assert_eq!(header, json!({"alg": "EdDSA", "kid": "k", "typ": "at+jwt", "crit": ["x"]}));
    }

    #[test]
    fn invalid_arguments_are_refused() {
        for words in [["--claim", "roles"], ["--claims", "[]"], ["--lifetime", "soon"], ["--alg", "HS256"]] {
            let words = ["mint", "--key", "k"].iter().chain(&words);
            assert!(Mint::try_parse_from(words.clone()).is_err(), "{words:?}");
        }
    }
}
