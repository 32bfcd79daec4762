//! Malformed tokens, which are rejected before any key lookup.

use jwt_guard::jose::error::{Malformed, TokenError};
use jwt_guard::jose::json::JsonError;
use jwt_guard::jose::token::UnverifiedToken;
use serde_json::json;

use super::fixture::{Attempt, MAX_TOKEN_BYTES, assert_result};

const PARTS: Option<TokenError> = Some(TokenError::Malformed(Malformed::Parts));
const BASE64: Option<TokenError> = Some(TokenError::Malformed(Malformed::Base64));

#[test]
fn parts_are_three_and_strict_base64url() {
    let good = Attempt::good();
    let token = good.token();
    assert_result("unchanged", good.verify_token(token.as_bytes()), None);

    let (message, signature) = token.rsplit_once('.').unwrap();
    let (header, payload) = message.split_once('.').unwrap();
    let cut = &token[..token.len() - 1];
    // The last character of a 256-byte signature has four unused bits.
    let trailing = format!("{cut}{}", char::from(token.as_bytes()[token.len() - 1] + 1));
    let rows: Vec<(&str, String, Option<TokenError>)> = vec![
        ("nothing", String::new(), PARTS),
        ("one dot", ".".to_owned(), PARTS),
        ("dots alone", "..".to_owned(), PARTS),
        ("no signature", message.to_owned(), PARTS),
        ("an empty signature", format!("{message}."), PARTS),
        ("an empty payload, as of a detached JWS", format!("{header}..{signature}"), PARTS),
        ("an empty header", format!(".{payload}.{signature}"), PARTS),
        ("a dot before", format!(".{token}"), PARTS),
        ("a dot after", format!("{token}."), PARTS),
        ("a fourth part", format!("{token}.AAAA"), PARTS),
        ("five parts, as of a JWE", format!("{token}.AAAA.AAAA"), PARTS),
        ("padding", format!("{token}=="), BASE64),
        ("padding of the header", format!("{header}=.{payload}.{signature}"), BASE64),
        ("a space before", format!(" {token}"), BASE64),
        ("a space after", format!("{token} "), BASE64),
        ("a tab in the header", format!("{}\t{}.{payload}.{signature}", &header[..4], &header[4..]), BASE64),
        (
            "a tab in the payload",
            format!("{header}.{}\t{}.{signature}", &payload[..4], &payload[4..]),
            BASE64,
        ),
        ("a tab in the signature", format!("{message}.{}\t{}", &signature[..4], &signature[4..]), BASE64),
        ("a line break after", format!("{token}\n"), BASE64),
        ("NUL after", format!("{token}\0"), BASE64),
        ("trailing bits in the signature", trailing, BASE64),
        ("a character less", cut.to_owned(), BASE64),
        ("a comma, as of two joined headers", format!("{token},{token}"), PARTS),
        ("a comma at the end", format!("{token},"), BASE64),
        ("percent-encoded", token.replacen("ey", "%65y", 1), BASE64),
        ("the other alphabet", format!("{header}.{payload}.+/+/"), BASE64),
        ("not ASCII", format!("{token}\u{e9}"), BASE64),
        ("full-width letters", format!("{header}.{payload}.\u{ff21}\u{ff21}"), BASE64),
        ("JSON serialisation", r#"{"payload":"e30","signatures":[]}"#.to_owned(), PARTS),
    ];
    for (label, token, expected) in rows {
        assert_result(label, good.verify_token(token.as_bytes()), expected);
    }
    assert_result("not UTF-8", good.verify_token(&[token.as_bytes(), b"\xFF"].concat()), BASE64);
}

#[test]
fn the_length_is_checked_first() {
    let good = Attempt::good();
    let token = good.token();
    assert!(UnverifiedToken::parse(token.as_bytes(), token.len()).is_ok());
    let too_long = |bytes, limit| Some(TokenError::TooLong { bytes, limit });
    let parsed = UnverifiedToken::parse(token.as_bytes(), token.len() - 1);
    assert_eq!(parsed.err(), too_long(token.len(), token.len() - 1));

    for filler in [b'.', b'A', b'{', b'=', 0xFF] {
        let megabyte = vec![filler; 1 << 20];
        let result = good.verify_token(&megabyte);
        assert_result(&format!("1 MiB of {filler:#x}"), result, too_long(1 << 20, MAX_TOKEN_BYTES));
        assert!(UnverifiedToken::parse(&megabyte, usize::MAX).is_err(), "1 MiB of {filler:#x} is accepted");
    }
}

#[test]
fn header_and_claims_are_one_json_object_each() {
    let good = Attempt::good();
    let header = good.header.to_string();
    let claims = good.claims.to_string();
    let deep = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    let header_json = |error| Some(TokenError::Malformed(Malformed::HeaderJson(error)));
    let claims_json = |error| Some(TokenError::Malformed(Malformed::ClaimsJson(error)));

    let with = |object: &str, member: &str| format!("{{{member},{}", &object[1..]);
    let headers: Vec<(&str, Vec<u8>, Option<TokenError>)> = vec![
        ("unchanged", header.clone().into(), None),
        ("an unknown member", with(&header, r#""x":[1,{"y":null}]"#).into(), None),
        ("space around", format!(" \r\n{header}\t").into(), None),
        ("alg twice", with(&header, r#""alg":"none""#).into(), header_json(JsonError::DuplicateName)),
        (
            "alg twice, escaped",
            with(&header, r#""\u0061lg":"none""#).into(),
            header_json(JsonError::DuplicateName),
        ),
        ("kid twice", with(&header, r#""kid":"a""#).into(), header_json(JsonError::DuplicateName)),
        ("an array", format!("[{header}]").into(), Some(TokenError::Malformed(Malformed::HeaderNotObject))),
        ("a string", "\"RS256\"".into(), Some(TokenError::Malformed(Malformed::HeaderNotObject))),
        ("null", "null".into(), Some(TokenError::Malformed(Malformed::HeaderNotObject))),
        ("two objects", format!("{header}{header}").into(), header_json(JsonError::Syntax)),
        ("NUL after", format!("{header}\0").into(), header_json(JsonError::Syntax)),
        ("a byte order mark", format!("\u{feff}{header}").into(), header_json(JsonError::Syntax)),
        ("UTF-16", header.bytes().flat_map(|byte| [byte, 0]).collect(), header_json(JsonError::Syntax)),
        ("not UTF-8", [b"{\"\xFF\":1,", &header.as_bytes()[1..]].concat(), header_json(JsonError::Syntax)),
        (
            "an overlong slash",
            [b"{\"\xC0\xAF\":1,", &header.as_bytes()[1..]].concat(),
            header_json(JsonError::Syntax),
        ),
        ("a lone surrogate", with(&header, r#""x":"\udc00""#).into(), header_json(JsonError::Syntax)),
        ("deep", with(&header, &format!(r#""x":{}"#, deep(31))).into(), None),
        ("too deep", with(&header, &format!(r#""x":{}"#, deep(32))).into(), header_json(JsonError::TooDeep)),
        (
            "far too deep",
            with(&header, &format!(r#""x":{}"#, deep(4000))).into(),
            header_json(JsonError::TooDeep),
        ),
    ];
    for (label, header, expected) in headers {
        let token = good.sign_texts(&header, claims.as_bytes());
        assert_result(&format!("header: {label}"), good.verify_token(token.as_bytes()), expected);
    }

    let bodies: Vec<(&str, Vec<u8>, Option<TokenError>)> = vec![
        ("unchanged", claims.clone().into(), None),
        ("iss twice", with(&claims, r#""iss":"https://evil""#).into(), claims_json(JsonError::DuplicateName)),
        ("exp twice", with(&claims, r#""exp":9999999999"#).into(), claims_json(JsonError::DuplicateName)),
        (
            "a nested name twice",
            with(&claims, r#""x":{"r":1,"r":2}"#).into(),
            claims_json(JsonError::DuplicateName),
        ),
        ("an array", format!("[{claims}]").into(), Some(TokenError::Malformed(Malformed::ClaimsNotObject))),
        ("text", "claims".into(), claims_json(JsonError::Syntax)),
        ("a nested token", good.token().into(), claims_json(JsonError::Syntax)),
        ("NUL after", format!("{claims}\0").into(), claims_json(JsonError::Syntax)),
        ("a NaN", with(&claims, r#""x":NaN"#).into(), claims_json(JsonError::Syntax)),
        (
            "not UTF-8",
            [b"{\"x\":\"\xFF\",", &claims.as_bytes()[1..]].concat(),
            claims_json(JsonError::Syntax),
        ),
        (
            "far too deep",
            with(&claims, &format!(r#""x":{}"#, deep(4000))).into(),
            claims_json(JsonError::TooDeep),
        ),
    ];
    for (label, claims, expected) in bodies {
        let token = good.sign_texts(header.as_bytes(), &claims);
        assert_result(&format!("claims: {label}"), good.verify_token(token.as_bytes()), expected);
    }
}

/// Unverified values are available for the lookup of issuer and key, and their names say that they are unverified.
#[test]
fn issuer_and_kid_are_readable_before_verification() {
    let token = Attempt::good().token();
    let parsed = UnverifiedToken::parse(token.as_bytes(), MAX_TOKEN_BYTES).unwrap();
    assert_eq!(parsed.unverified_issuer(), Some("https://issuer.example"));
    assert_eq!(parsed.unverified_kid(), Some("rsa-1"));

    let token = Attempt::good().without_header("kid").claim("iss", json!(["https://issuer.example"])).token();
    let parsed = UnverifiedToken::parse(token.as_bytes(), MAX_TOKEN_BYTES).unwrap();
    assert_eq!(parsed.unverified_issuer(), None);
    assert_eq!(parsed.unverified_kid(), None);
}
