//! Arbitrary bytes in a request cause no panic, and a removed token is gone.

use jwt_guard::http::HeaderMap;
use jwt_guard::token_source::{ExtractedToken, TokenSource, extract, strip};
use proptest::prelude::*;
use proptest::sample::select;

fn places() -> Vec<TokenSource> {
    vec![
        TokenSource::Authorization,
        TokenSource::Header { name: "x-token".into(), prefix: "Token ".into() },
        TokenSource::Header { name: "x-raw".into(), prefix: String::new() },
        TokenSource::Header { name: "x-equals".into(), prefix: "jwt=".into() },
        TokenSource::Query { name: "t".into() },
        TokenSource::Cookie { name: "t".into() },
    ]
}

fn headers() -> impl Strategy<Value = HeaderMap> {
    let name = select(vec!["authorization", "x-token", "x-raw", "x-equals", ":path", "cookie", "x-other"]);
    let piece = prop_oneof![
        4 => select(vec!["Bearer", "bearer ", "Token ", "jwt=", "t=", "t", "T", "%74", "a", "a=b", "\"", "[", "]"]).prop_map(bytes),
        4 => select(vec![" ", ",", ";", "; ", "&", "=", "?", "/", "\t", "+", "%", "%2", "#"]).prop_map(bytes),
        1 => prop::collection::vec(any::<u8>(), 0..4),
    ];
    let value = prop::collection::vec(piece, 0..10).prop_map(|pieces| pieces.concat());
    prop::collection::vec((name, value), 0..5).prop_map(|fields| fields.into_iter().collect())
}

fn bytes(text: &str) -> Vec<u8> {
    text.as_bytes().to_vec()
}

/// The request as the upstream receives it.
fn edited(headers: &HeaderMap, edits: &[(String, Vec<Vec<u8>>)]) -> HeaderMap {
    let edited = |name: &str| edits.iter().any(|(edited, _)| edited == name);
    let kept = headers.iter().filter(|(name, _)| !edited(name));
    let set =
        edits.iter().flat_map(|(name, values)| values.iter().map(|value| (name.as_str(), value.as_slice())));
    kept.chain(set).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 20_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn removed_tokens_are_gone(headers in headers()) {
        let places = places();
        let edits = strip(&places, &headers, false);
        let left = edited(&headers, &edits);
        prop_assert_eq!(extract(&places, &left), ExtractedToken::Missing, "{:?} of {:?}", left, headers);
        prop_assert!(strip(&places, &left, false).is_empty(), "{:?}", left);

        // A request without tokens is unchanged, and each header is edited at most once.
        if edits.is_empty() {
            prop_assert_eq!(extract(&places, &headers), ExtractedToken::Missing);
        }
        let names: std::collections::BTreeSet<_> = edits.iter().map(|(name, _)| name).collect();
        prop_assert_eq!(names.len(), edits.len());
    }

    #[test]
    fn a_forwarded_token_stays_where_it_was_unless_in_the_query(headers in headers()) {
        let places = places();
        let forwarded = strip(&places, &headers, true);
        // Only cookies that an upstream may read as the token are removed.
        prop_assert!(forwarded.iter().all(|(name, _)| matches!(name.as_str(), ":path" | "cookie")));
        if let ExtractedToken::Token { token, source: place } = extract(&places, &headers) {
            let left = edited(&headers, &forwarded);
            let still = extract(&places, &left);
            match places[place] {
                TokenSource::Query { .. } => prop_assert_eq!(still, ExtractedToken::Missing),
                _ => prop_assert_eq!(still, ExtractedToken::Token { token, source: place }),
            }
        }
    }

    #[test]
    fn a_second_token_is_never_overlooked(headers in headers(), second in select(vec![
        ("authorization", &b"Bearer x"[..]), ("x-token", b"token x"), ("x-raw", b"x"), ("x-equals", b"jwt=x"),
        (":path", b"/?t=x"), ("cookie", b"t=x"),
    ])) {
        let places = places();
        if let ExtractedToken::Token { .. } = extract(&places, &headers) {
            let mut both = headers.clone();
            both.extend([second]);
            prop_assert!(matches!(extract(&places, &both), ExtractedToken::Malformed(_)), "{:?}", both);
        }
    }
}
