//! Finds tokens in places that are not token sources, which is the usual reason for "no token was sent".

use jwt_guard::http::HeaderMap;
use jwt_guard::jose::token::UnverifiedToken;
use jwt_guard::token_source::{ExtractedToken, TokenSource, extract};

/// Returns the headers, cookies and query parameters that contain a JWT but are not token sources.
pub(super) fn unread_tokens(places: &[TokenSource], headers: &HeaderMap) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for (name, value) in headers.iter() {
        let Ok(value) = std::str::from_utf8(value) else { continue };
        for (what, parts) in parts(name, value) {
            let alone: HeaderMap = [(name, parts.alone)].into_iter().collect();
            let unread = holds_token(parts.value) && extract(places, &alone) == ExtractedToken::Missing;
            if unread && !found.contains(&what) {
                found.push(what);
            }
        }
    }
    found
}

/// A part of a header that can contain a token.
struct Part<'v> {
    value: &'v str,
    /// The value of the header with only this part.
    alone: String,
}

/// Splits a header into the parts that can contain a token, each with its name.
fn parts<'v>(name: &str, value: &'v str) -> Vec<(String, Part<'v>)> {
    let pairs = |text: &'v str, between: char, called: &str, before: &str| {
        let pairs = text.split(between).filter_map(|pair| pair.split_once('='));
        let pairs = pairs.map(|(name, value)| {
            let name = name.trim();
            (format!("{called} {name}"), Part { value, alone: format!("{before}{name}={}", value.trim()) })
        });
        pairs.collect()
    };
    match name {
        "cookie" => pairs(value, ';', "cookie", ""),
        ":path" => pairs(value.split_once('?').map_or("", |(_, query)| query), '&', "query parameter", "/?"),
        // A DPoP proof (RFC 9449) is a JWT, but not an access token.
        "dpop" => Vec::new(),
        _ if name.starts_with(':') => Vec::new(),
        _ => vec![(format!("header {name}"), Part { value, alone: value.to_owned() })],
    }
}

/// Whether a word of the text is a JWT. Its signature is not verified.
fn holds_token(text: &str) -> bool {
    let separates = |character: char| character.is_whitespace() || ",;=\"'".contains(character);
    text.split(separates).any(|word| UnverifiedToken::parse(word.as_bytes(), word.len()).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_outside_the_token_sources_is_found() {
        const TOKEN: &str = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhIn0.eA";
        let places = [
            TokenSource::Authorization,
            TokenSource::Header { name: "x-token".into(), prefix: "Token ".into() },
            TokenSource::Cookie { name: "session".into() },
            TokenSource::Query { name: "t".into() },
        ];
        let found = |name: &str, value: &str| {
            unread_tokens(&places, &[(name, value.replace("JWT", TOKEN))].into_iter().collect())
        };
        for (name, value, expected) in [
            ("authorization", "Bearer JWT", vec![]),
            ("x-token", "token JWT", vec![]),
            ("cookie", "a=b; session=JWT", vec![]),
            ("cookie", "session=\"JWT\"", vec![]),
            (":path", "/a?t=JWT", vec![]),
            ("x-note", "a.b.c", vec![]),
            ("cookie", "id=1234.5678.90", vec![]),
            ("dpop", "JWT", vec![]),
            (":path", "/JWT", vec![]),
            ("authorization", "JWT", vec!["header authorization"]),
            ("authorization", "DPoP JWT", vec!["header authorization"]),
            ("x-token", "JWT", vec!["header x-token"]),
            ("x-forwarded-access-token", "JWT", vec!["header x-forwarded-access-token"]),
            ("cookie", "session=x; id_token=JWT; other=JWT", vec!["cookie id_token", "cookie other"]),
            ("cookie", "Session=JWT", vec!["cookie Session"]),
            (":path", "/a?x=1&access_token=JWT", vec!["query parameter access_token"]),
        ] {
            assert_eq!(found(name, value), expected, "{name}: {value}");
        }
    }
}
