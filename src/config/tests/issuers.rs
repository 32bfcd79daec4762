//! The keys of one issuer that replace or narrow global keys, with the start of the message of each mistake.

use super::*;
use crate::headers::HeaderSource;
use crate::issuer_index::IssuerIndex;

/// Two issuers, the second with these members, and global members.
pub(super) fn two(second: &str, global: &str) -> Result<Config, Vec<String>> {
    let issuer = |iss: &str, members: &str| {
        format!(r#"{{"issuer":"https://{iss}.example","audience":"api","jwks_cluster":"{iss}"{members}}}"#)
    };
    let member = |text: &str| if text.is_empty() { String::new() } else { format!(",{text}") };
    let issuers = [issuer("one", ""), issuer("two", &member(second))].join(",");
    parse(&format!(r#"{{"issuers":[{issuers}]{}}}"#, member(global)))
}

/// The first error starts with this text, and it is the only one.
pub(super) fn refused(config: Result<Config, Vec<String>>, start: &str) {
    let errors = config.map(|_| ()).unwrap_err();
    assert!(errors.len() == 1 && errors[0].starts_with(start), "{errors:?}\nexpected {start}");
}

#[test]
fn an_issuer_has_its_own_claim_headers() {
    let config = two(r#""claim_headers":{"x-user":"sub","x-kind":{"value":"partner"}}"#, "").unwrap();
    let own: Vec<_> = config.claim_headers.of_issuer(IssuerIndex(1)).unwrap().collect();
    assert_eq!(own[1], ("x-kind", &HeaderSource::Value("partner".to_owned())));
    assert!(config.claim_headers.of_issuer(IssuerIndex(0)).is_none());
    assert!(config.claim_headers.is_removed("x_kind") && config.claim_headers.is_removed("x-auth-sub"));
    assert!(two("", r#""claim_headers":{"x-a":{"value":"!~"}}"#).is_ok());
    let longest = "a".repeat(256);
    assert!(two("", &format!(r#""claim_headers":{{"x-a":{{"value":"{longest}"}}}}"#)).is_ok());
    // With one issuer at the top level, the map is the global one.
    let flat = parse(&with(r#""claim_headers":{"x-user":"sub"}"#)).unwrap();
    assert!(flat.claim_headers.of_issuer(IssuerIndex(0)).is_none());
    assert_eq!(flat.claim_headers.names().collect::<Vec<_>>(), ["x-user"]);
}

#[test]
fn mistakes_in_claim_headers_of_an_issuer() {
    refused(
        two(r#""claim_headers":{"x_auth_sub":"sub"}"#, ""),
        "issuers[1].claim_headers: \"x-auth-sub\" and \"x_auth_sub\" are the same header",
    );
    refused(
        two(r#""claim_headers":{"cookie":"sub"}"#, ""),
        "issuers[1].claim_headers: \"cookie\" is needed by the connection",
    );
    let long = "a".repeat(257);
    for value in [r#""a b""#, r#"" ""#, r#""""#, r#""é""#, "1", r#"["a"]"#, &format!("\"{long}\"")] {
        refused(
            two(&format!(r#""claim_headers":{{"x-a":{{"value":{value}}}}}"#), ""),
            "issuers[1].claim_headers.x-a.value: expected a text of 1 to 256 visible ASCII characters",
        );
    }
    refused(
        two(r#""claim_headers":{"x-a":{}}"#, ""),
        "issuers[1].claim_headers.x-a.value: this key is required; write a text of 1 to 256",
    );
    refused(
        two(r#""claim_headers":{"x-a":{"values":"a"}}"#, ""),
        "issuers[1].claim_headers.x-a.values: unknown key; expected one of value",
    );
    // A header of an issuer's map is removed from every request, so nothing else can be read from it.
    let own = r#""claim_headers":{"x-kind":"kind"}"#;
    refused(
        two(own, r#""token_from":[{"header":"x_kind"}]"#),
        "token_from: the header x_kind is removed from every request",
    );
    refused(
        two(own, r#""routes":[{"path":"/a","token_from":[{"header":"x-kind"}],"allow_authenticated":true}]"#),
        "routes[0].token_from: the header x-kind is removed from every request",
    );
    let equals = r#""requires_claim":[{"claim":"a","equals":{"header":"x-kind"}}]"#;
    let compared = two(own, &format!(r#""default_policy":{{{equals}}}"#)).map(|_| ()).unwrap_err();
    assert!(compared[0].contains("x-kind"), "{compared:?}");
    assert!(two("", &format!(r#""default_policy":{{{equals}}}"#)).is_ok());
}

#[test]
fn token_sources_of_an_issuer_narrow_those_of_the_configuration() {
    let own = r#""token_from":{"cookie":"c"}"#;
    assert!(two(own, r#""token_from":[{"header":"authorization"},{"cookie":"c"}]"#).is_ok());
    let of_route = r#""routes":[{"path":"/a","token_from":[{"cookie":"c"}],"allow_authenticated":true}]"#;
    assert!(two(own, of_route).is_ok());
    let start =
        "issuers[1].token_from[0]: no token is read from this source, because token_from of an issuer only";
    refused(two(own, ""), start);
    refused(two(own, r#""token_from":[{"cookie":"C"}]"#), start);
    refused(
        two(r#""token_from":[{"header":"authorization"},{"header":"x-a"}]"#, ""),
        "issuers[1].token_from[1]: no token is read from this source",
    );
    refused(two(r#""token_from":[]"#, ""), "issuers[1].token_from: expected at least one token source");
    // With one issuer at the top level, the list is the global one.
    assert!(parse(&with(own)).unwrap().issuers[0].token_from.is_none());
}

#[test]
fn paths_of_an_issuer() {
    let config = two(r#""paths":["/a/**","/b/{id}"]"#, "").unwrap();
    let templates: Vec<_> = config.issuers[1].paths.as_ref().unwrap().templates().collect();
    assert_eq!(templates, ["/a/**", "/b/{id}"]);
    assert!(config.issuers[0].paths.is_none());
    assert!(parse(&with(r#""paths":"/a/**""#)).unwrap().issuers[0].paths.is_some());
    assert!(two(r#""paths":["/**","/a/**","/a/b"]"#, "").is_ok(), "templates may overlap");
    refused(two(r#""paths":[]"#, ""), "issuers[1].paths: expected a path template");
    refused(two(r#""paths":"a""#, ""), "issuers[1].paths: expected a path that starts with `/`");
    refused(
        two(r#""paths":["/a/{x}","/a/{y}"]"#, ""),
        "issuers[1].paths[1]: /a/{x} and /a/{y} match the same paths; remove one",
    );
    refused(
        two(r#""paths":["/a","/A"]"#, ""),
        "issuers[1].paths[1]: /a and /A differ only in case, which some upstreams ignore",
    );
}
