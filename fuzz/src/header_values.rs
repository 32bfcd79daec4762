//! A claim header can be decoded to its claim, contains only safe characters, and replaces headers from the client.
//!
//! The input is the claims as JSON; after a line break, each line is a header from the client.

use std::rc::Rc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jwt_guard::headers::{ClaimHeaders, HeaderSource, encoded};
use jwt_guard::http::HeaderMap;
use jwt_guard::jose::base64url;
use jwt_guard::jose::claims::{VerifiedClaims, verify};
use jwt_guard::jose::json::Json;
use jwt_guard::jose::pointer::Pointer;
use jwt_guard::jose::token::UnverifiedToken;
use jwt_guard::policy::{
    ClaimSource, ClaimSources, Credential, EvaluationContext, Identity, Requirement, Requirements,
};
use jwt_guard::token_role::TokenRole;

use super::issuer::{AUDIENCE, AcceptAll, ISSUER, NOW, keys, rules};

const MAX_HEADER_BYTES: usize = 1 << 20;

/// Whether the input contains valid claims.
pub fn holds(data: &[u8]) -> bool {
    let (claims, client) = match data.iter().position(|byte| *byte == b'\n') {
        Some(at) => (&data[..at], &data[at + 1..]),
        None => (data, &data[..0]),
    };
    let Ok(json) = Json::parse(claims) else { return false };
    check(&json);
    let Json::Object(members) = &json else { return false };
    members.iter().for_each(|(_, value)| check(value));
    for (at, (_, one)) in members.iter().enumerate() {
        members.iter().skip(at + 1).for_each(|(_, other)| check_apart(one, other));
    }
    let Some(identity) = verified(members) else { return false };
    check_request(&Rc::new(identity), client);
    true
}

/// Decodes the header of each kind of claim and compares it with the claim.
fn check(value: &Json) {
    let header = encoded(value);
    let Some(header) = header else {
        let nothing = match value {
            Json::Null => true,
            Json::String(text) => text.is_empty(),
            Json::Array(items) => matches!(items.as_slice(), []) || is_empty_text(items),
            _ => false,
        };
        return assert!(nothing, "{value} has no header");
    };
    let header = checked_value(&header);
    match value {
        Json::Null => panic!("null has a header: {header}"),
        Json::String(text) => assert_eq!(unescaped(header), *text),
        Json::Number(number) => assert_eq!(header, number.text()),
        Json::Bool(flag) => assert_eq!(header, flag.to_string()),
        Json::Object(_) => assert_eq!(decode_json(header).to_string(), value.to_string()),
        Json::Array(items) => {
            let members: Vec<&str> = header.split(',').collect();
            assert_eq!(members.len(), items.len());
            for (member, item) in members.iter().zip(items) {
                match item {
                    Json::String(text) => assert_eq!(unescaped(member), *text),
                    Json::Object(_) | Json::Array(_) => {
                        assert_eq!(decode_json(member).to_string(), item.to_string());
                    }
                    other => assert_eq!(*member, other.to_string()),
                }
                assert!(!member.contains(' '));
            }
        }
    }
}

fn is_empty_text(items: &[Json]) -> bool {
    matches!(items, [Json::String(text)] if text.is_empty())
}

/// Two different values of the same kind have different headers.
fn check_apart(one: &Json, other: &Json) {
    let texts = |items: &[Json]| items.iter().all(|item| item.as_str().is_some()) && !is_empty_text(items);
    let of_one_kind = match (one, other) {
        (Json::String(_), Json::String(_)) | (Json::Object(_), Json::Object(_)) => true,
        (Json::Array(one), Json::Array(other)) => texts(one) && texts(other),
        _ => false,
    };
    if of_one_kind && encoded(one) == encoded(other) {
        assert_eq!(one, other);
    }
}

/// RFC 9110 section 5.5: visible characters and inner spaces. Some servers reject, truncate or fold other characters.
fn checked_value(value: &[u8]) -> &str {
    assert!(value.iter().all(|byte| (b' '..=b'~').contains(byte)), "{}", value.escape_ascii());
    let value = std::str::from_utf8(value).unwrap();
    assert_eq!(value.trim(), value);
    value
}

fn unescaped(text: &str) -> String {
    let mut pieces = text.split('%');
    let mut bytes = pieces.next().unwrap().as_bytes().to_vec();
    for piece in pieces {
        let (digits, rest) = piece.split_at(2);
        assert!(!digits.bytes().any(|digit| digit.is_ascii_lowercase()));
        bytes.push(u8::from_str_radix(digits, 16).unwrap());
        bytes.extend(rest.as_bytes());
    }
    String::from_utf8(bytes).unwrap()
}

fn decode_json(text: &str) -> Json {
    Json::parse(&URL_SAFE_NO_PAD.decode(text).unwrap()).unwrap()
}

/// The claims with the claims that a token needs, verified with a verifier that accepts every signature.
fn verified(members: &[(String, Json)]) -> Option<Identity> {
    let needed = format!(r#"{{"iss":"{ISSUER}","aud":"{AUDIENCE}","exp":4000000000}}"#);
    let Ok(Json::Object(mut claims)) = Json::parse(needed.as_bytes()) else { panic!("{needed}") };
    let names: Vec<String> = claims.iter().map(|(name, _)| name.clone()).collect();
    claims.extend(members.iter().filter(|(name, _)| !names.contains(name)).cloned());
    let parts = [
        br#"{"alg":"EdDSA","kid":"ed25519-1"}"#.to_vec(),
        Json::Object(claims).to_string().into(),
        vec![1; 64],
    ];
    let token = parts.map(|part| base64url::encode(&part)).join(".");
    let token = UnverifiedToken::parse(token.as_bytes(), token.len()).ok()?;
    let claims: VerifiedClaims = verify(token, &rules(), &keys(), &AcceptAll, NOW).ok()?;
    let from = |name: &str| vec![ClaimSource::new(Pointer::parse(name).unwrap())];
    Some(Identity::new(
        claims,
        &ClaimSources {
            roles: from("roles"),
            groups: from("/g/0"),
            scopes: from("scope"),
            ..ClaimSources::default()
        },
    ))
}

/// Checks the headers that the upstream receives for a request with headers from the client.
fn check_request(identity: &Rc<Identity>, client: &[u8]) {
    let request: HeaderMap = client
        .split(|byte| *byte == b'\n')
        .filter_map(|line| {
            let at = line.iter().position(|byte| *byte == b'=')?;
            Some((std::str::from_utf8(&line[..at]).ok()?, &line[at + 1..]))
        })
        .collect();
    let map = ClaimHeaders::new(vec![
        ("x-auth-sub".to_owned(), HeaderSource::Pointers(vec![Pointer::parse("sub").unwrap()])),
        ("X-Roles".to_owned(), HeaderSource::Roles),
        ("x-groups".to_owned(), HeaderSource::Groups),
        ("x-scopes".to_owned(), HeaderSource::Scopes),
        ("x-payload".to_owned(), HeaderSource::Payload),
        ("x-gone".to_owned(), HeaderSource::Nothing),
    ])
    .unwrap();
    let any = Requirement::any_valid_token();
    let permit =
        Requirements::from(&any).evaluate(Credential::Verified(identity), &EvaluationContext::EMPTY).unwrap();
    let edits = map.plan(&request, &permit, MAX_HEADER_BYTES).unwrap();
    let encoded_headers = map
        .plan_encoded(&request, &permit, &map.encode_for(TokenRole::First, identity), MAX_HEADER_BYTES)
        .unwrap();
    let upstream = edits.apply(&request);
    assert_eq!(encoded_headers.apply(&request), upstream);

    let set = map.encode(identity);
    for (name, value) in &set {
        checked_value(value);
        let received: Vec<_> = upstream.iter().filter(|(other, _)| normalized_name(other) == *name).collect();
        assert_eq!(
            received,
            [&(name.as_str(), value.as_slice())],
            "the header is set once, and no other spelling of it remains"
        );
    }
    let names = |wanted: &str| set.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.clone());
    let list = |value: Option<Vec<u8>>| match value {
        Some(value) => checked_value(&value).split(',').map(unescaped).collect::<Vec<_>>(),
        None => Vec::new(),
    };
    assert_eq!(list(names("x-roles")), identity.roles());
    assert_eq!(list(names("x-groups")), identity.groups());
    assert_eq!(list(names("x-scopes")), identity.scopes());

    for name in
        ["x-auth-sub", "x-roles", "x-gone", "x-auth-roles", "x-auth-email", "x-original-url", "x-rewrite-url"]
    {
        let is_set = set.iter().any(|(other, _)| other == name);
        assert_eq!(
            upstream.iter().filter(|(other, _)| normalized_name(other) == name).count(),
            usize::from(is_set),
            "{name}"
        );
    }
    let touched = |name: &str| map.is_removed(name) || name.eq_ignore_ascii_case("connection");
    let before = request.iter().filter(|(name, _)| !touched(name));
    let after = upstream.iter().filter(|(name, _)| !touched(name)).copied();
    assert!(before.eq(after), "an unrelated header was changed");
}

/// The header name as CGI and similar interfaces compare it.
fn normalized_name(name: &str) -> String {
    if name.starts_with(':') {
        return name.to_owned();
    }
    name.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' }).collect()
}
