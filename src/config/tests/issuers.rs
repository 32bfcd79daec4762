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
    let limited = |members: &str| {
        let map = r#""claim_headers":{"x-kind":{"value":"NAME"}}"#.replace("NAME", &"a".repeat(65));
        two(&map, members)
    };
    assert!(limited(r#""max_claim_header_bytes":65"#).is_ok());
    refused(
        limited(r#""max_claim_header_bytes":64"#),
        "max_claim_header_bytes: the value of the claim header x-kind has 65 bytes, and this limit would deny",
    );
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

const ENTRA: &str = "https://login.microsoftonline.com/{tid}/v2.0";

/// An issuer with a placeholder, its key endpoint and these members.
fn tenants(issuer: &str, members: &str) -> Result<Config, Vec<String>> {
    parse(&format!(
        r#"{{"issuer":"{issuer}","audience":"api","jwks_cluster":"c",
            "jwks_endpoint":"https://login.microsoftonline.com/common/discovery/v2.0/keys"{members}}}"#
    ))
}

#[test]
fn an_issuer_with_tenants() {
    let config = tenants(ENTRA, r#","name":"entra","tenants":["a","b"]"#).unwrap();
    let found = |config: &Config, iss: &str| config.issuer_of(iss).map(|(index, _)| index);
    let iss = |tenant: &str| ENTRA.replace("{tid}", tenant);
    assert_eq!(["a", "b", "c"].map(|tenant| found(&config, &iss(tenant)).is_some()), [true, true, false]);
    assert_eq!(found(&config, ENTRA), None, "the placeholder itself is no tenant");
    assert!(tenants(ENTRA, r#","name":"entra","tenants":"a""#).is_ok());
    let any = tenants(ENTRA, r#","name":"entra","tenants":{"any":true}"#).unwrap();
    assert!(found(&any, &iss("c")).is_some());
    let key = r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;
    let inline = format!(
        r#"{{"issuer":"{ENTRA}","name":"e","tenants":"a","audience":"api","jwks_inline":{{"keys":[{key}]}}}}"#
    );
    assert!(parse(&inline).is_ok());
}

#[test]
fn a_fixed_issuer_comes_before_one_with_tenants() {
    let issuer = |iss: &str, name: &str, members: &str| {
        format!(
            r#"{{"issuer":"{iss}","name":"{name}","audience":"api","jwks_cluster":"c","jwks_endpoint":"https://a/k"{members}}}"#
        )
    };
    let fixed = ENTRA.replace("{tid}", "a");
    let list = [issuer(ENTRA, "form", r#","tenants":{"any":true}"#), issuer(&fixed, "fixed", "")].join(",");
    let config = parse(&format!(r#"{{"issuers":[{list}]}}"#)).unwrap();
    assert_eq!(config.issuer_of(&fixed).unwrap().1.name, "fixed");
    assert_eq!(config.issuer_of(&ENTRA.replace("{tid}", "b")).unwrap().1.name, "form");
    // The lists of tenants do not matter.
    let forms = |other: &str| {
        let list =
            [issuer(ENTRA, "one", r#","tenants":"a""#), issuer(other, "two", r#","tenants":"b""#)].join(",");
        parse(&format!(r#"{{"issuers":[{list}]}}"#))
    };
    let start = "issuers[1]: the issuers one and two can match the same iss; write a list of issuers";
    refused(forms("https://login.microsoftonline.com/{oid}/v2.0"), start);
    refused(forms("https://login.microsoftonline.com/x/{oid}"), start);
    assert!(forms("https://login.microsoftonline.com/{tid}/v1.0").is_ok());
}

#[test]
fn mistakes_in_tenants() {
    let named = r#","name":"e","tenants":["a"]"#;
    for (config, start) in [
        (
            tenants(ENTRA, r#","tenants":["a"]"#),
            "name: this key is required; write a name for logs and metrics",
        ),
        (tenants(ENTRA, r#","name":"e""#), "tenants: this key is required; write the tenants whose tokens"),
        (tenants(ENTRA, r#","name":"e","tenants":[]"#), "tenants: expected a tenant, such as 9188040d"),
        (
            tenants(ENTRA, r#","name":"e","tenants":["a","a/b"]"#),
            "tenants[1]: expected a tenant, such as 9188040d",
        ),
        (
            tenants(ENTRA, r#","name":"e","tenants":[".."]"#),
            "tenants[0]: expected a tenant, such as 9188040d",
        ),
        (tenants(ENTRA, r#","name":"e","tenants":["*"]"#), "tenants[0]: expected a tenant, such as 9188040d"),
        (
            tenants(ENTRA, r#","name":"e","tenants":{"any":false}"#),
            "tenants: expected a list of tenants, or {any",
        ),
        (
            tenants(ENTRA, r#","name":"e","tenants":{"all":true}"#),
            "tenants.all: unknown key; expected one of any",
        ),
        (
            tenants("https://a.example", named),
            "tenants: the issuer has no placeholder for a tenant; write issuer",
        ),
        (
            tenants("https://{tid}.example/a", named),
            "issuer: the placeholder must be one whole segment of the path",
        ),
        (tenants("https://a.example/{tid}/{tid}", named), "issuer: an issuer can have only one placeholder"),
        (
            tenants("urn:{tid}", named),
            "issuer: an issuer with a placeholder must be a URL, such as https://login",
        ),
    ] {
        refused(config, start);
    }
    let fetched = |members: &str| {
        parse(&format!(
            r#"{{"issuer":"{ENTRA}","name":"e","tenants":"a","audience":"api","jwks_cluster":"c"{members}}}"#
        ))
    };
    refused(
        fetched(""),
        "jwks_endpoint: this key is required; write the full URL of the key set that all tenants",
    );
    refused(
        fetched(r#","jwks_endpoint":"/keys""#),
        "jwks_endpoint: found \"/keys\"; all tenants of an issuer share",
    );
    refused(
        fetched(r#","jwks_endpoint":"https://login.microsoftonline.com/{tid}/keys""#),
        "jwks_endpoint: found \"https://login.microsoftonline.com/{tid}/keys\"; all tenants",
    );
    refused(
        fetched(r#","discovery":true"#),
        "discovery: an issuer with a placeholder has no discovery document",
    );
}
