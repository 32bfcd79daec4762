//! Whatever a client sends, a bound token counts only with its proof.

use proptest::prelude::*;

use super::*;

const PATHS: [&str; 4] = ["/orders/7", "/optional", "/missing", "/x/../orders/7"];

/// `<B>` is the bound token and `<P>` its proof; `<G>` is a bearer token, and `<O>` a proof with another key.
const HEADERS: [(&str, &str); 15] = [
    ("authorization", "DPoP <B>"),
    ("authorization", "dpop  <B>"),
    ("authorization", "Bearer <B>"),
    ("authorization", "DPoP <G>"),
    ("authorization", "Bearer <G>"),
    ("authorization", "DPoP <B>, Bearer <B>"),
    ("authorization", "DPoP <P>"),
    ("cookie", "session=<B>"),
    ("cookie", "session=<G>"),
    ("dpop", "<P>"),
    ("dpop", " <P>"),
    ("dpop", "<O>"),
    ("dpop", "<P>, <P>"),
    ("dpop", "<B>"),
    ("d_pop", "<P>"),
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]
    #[test]
    fn a_bound_token_counts_only_with_its_proof(
        path in 0_usize..PATHS.len(),
        credential in prop_oneof![Just(0_usize), 0_usize..9],
        proof_sent in prop_oneof![2 => Just(9_usize), 1 => 9_usize..HEADERS.len()],
        sent in proptest::collection::vec(0_usize..HEADERS.len(), 0..2),
    ) {
        let config = with_dpop(json!({
            "token_from": [{ "header": "authorization" }, { "cookie": "session" }],
            "routes": [
                { "path": "/optional", "allow_missing_or_failed": true },
                { "path": "/missing", "allow_missing": true },
            ],
        }));
        let path = PATHS[path];
        let token = token().subject("bound").claim("cnf", json!({ "jkt": client().thumbprint() }));
        let token = token.sign(key()).unwrap();
        let proof = Proof::new("GET", &format!("{ORIGIN}{path}"), &token, client(), NOW).unwrap();
        let (proof, other) = (signed(&proof), proof.header("jwk", key().bare_public_jwk()).sign(key()).unwrap());
        let written = |value: &str| {
            let value = value.replace("<B>", &token).replace("<G>", &good());
            value.replace("<P>", &proof).replace("<O>", &other)
        };
        let sent = [credential, proof_sent].into_iter().chain(sent);
        let headers: Vec<(&str, &str)> = sent.map(|index| HEADERS[index]).collect();
        let request = headers.iter().fold(get(path), |request, (name, value)| request.header(name, written(value)));
        let values = |name: &str| -> Vec<&str> {
            headers.iter().filter(|(header, _)| *header == name).map(|(_, value)| value.trim()).collect()
        };
        if let super::super::fixture::Outcome::Forward(forward) = request.decide_with_keys(&config) {
            let upstream = request.upstream(&forward);
            let of = |name: &str| upstream.iter().find(|(header, _)| header == name).map(|(_, value)| value.as_str());
            prop_assert!(of("dpop").is_none() && of("authorization").is_none(), "{path} {headers:?}");
            let is_proven = values("dpop") == ["<P>"]
                && values("authorization").iter().any(|value| value.to_lowercase().starts_with("dpop"));
            match of("x-auth-sub") {
                Some("bound") => prop_assert!(is_proven, "{path} {headers:?}"),
                Some("user-1") => prop_assert!(
                    !values("authorization").iter().any(|value| value.to_lowercase().starts_with("dpop")),
                    "{path} {headers:?}"
                ),
                Some(other) => prop_assert!(false, "{other}"),
                None => prop_assert!(path == "/optional" || path == "/missing", "{path} {headers:?}"),
            }
        } else if values("authorization") == ["DPoP <B>"] && values("dpop") == ["<P>"] {
            prop_assert!(!values("cookie").is_empty() , "{path} {headers:?}");
        }
    }
}
