//! The keys about bound tokens, with the start of the message of each mistake.

use super::issuers::{refused, two};
use super::*;
use crate::confirmation::Confirmation;
use crate::jose::algorithm::Algorithm;

fn dpop(members: &str) -> Result<Config, Vec<String>> {
    parse(&with(&format!(r#""dpop":{{{members}}}"#)))
}

const ORIGIN: &str = r#""origin":"https://api.example.com""#;

#[test]
fn the_defaults_are_the_strict_ones() {
    let config = parse(&format!("{{{MINIMAL}}}")).unwrap();
    assert_eq!(config.client_certificate_from, CertificateSource::Connection);
    assert_eq!(config.issuers[0].confirmation, Confirmation::Enforce);
    assert_eq!(config.dpop, None);

    let rules = dpop(ORIGIN).unwrap().dpop.unwrap();
    assert_eq!(rules.algorithms, [Algorithm::Es256, Algorithm::Ed25519]);
    assert_eq!((rules.max_age.as_secs(), rules.algs.as_str()), (60, "ES256 EdDSA"));
    assert_eq!(rules.origins.len(), 1);
}

#[test]
fn the_keys_are_read_as_written() {
    let config = parse(&with(r#""client_certificate_from":{"header":"x-forwarded-client-cert"}"#)).unwrap();
    assert_eq!(config.client_certificate_from, CertificateSource::ForwardedHeader);
    assert!(parse(&with(r#""client_certificate_from":"connection""#)).is_ok());
    for (text, confirmation) in [
        ("enforce", Confirmation::Enforce),
        ("require", Confirmation::Require),
        ("ignore", Confirmation::Ignore),
    ] {
        let config = two(&format!(r#""confirmation":"{text}""#), "").unwrap();
        assert_eq!(
            config.issuers.iter().map(|issuer| issuer.confirmation).collect::<Vec<_>>(),
            [Confirmation::Enforce, confirmation]
        );
    }
    let rules = dpop(
        r#""origin":["https://a.example/","HTTP://B.example:8080"],"algorithms":"RS256","max_age_seconds":600"#,
    );
    let rules = rules.unwrap().dpop.unwrap();
    assert_eq!(
        rules.origins.iter().map(ToString::to_string).collect::<Vec<_>>(),
        ["https://a.example:443", "http://b.example:8080"]
    );
    assert_eq!((rules.max_age.as_secs(), rules.algs.as_str()), (600, "RS256"));
    for name in crate::dpop::ALGORITHM_NAMES {
        assert!(dpop(&format!(r#"{ORIGIN},"algorithms":"{name}""#)).is_ok(), "{name}");
    }
}

#[test]
fn dpop_adds_its_scheme_to_each_list_that_reads_authorization() {
    let both = [TokenSource::Authorization, TokenSource::Dpop];
    let config = dpop(ORIGIN).unwrap();
    assert_eq!(config.token_from, both);
    let text = with(&format!(
        r#""dpop":{{{ORIGIN}}},"token_from":{{"cookie":"t"}},
           "routes":[{{"path":"/a","token_from":{{"header":"authorization"}},"allow_authenticated":true}}]"#
    ));
    let config = parse(&text).unwrap();
    assert_eq!(config.token_from, [TokenSource::Cookie { name: "t".to_owned() }]);
    assert_eq!(config.routes.rules().next().unwrap().token_from.as_deref(), Some(&both[..]));
    let config =
        two(r#""token_from":{"header":"authorization"}"#, &format!(r#""dpop":{{{ORIGIN}}}"#)).unwrap();
    assert_eq!(config.issuers[1].token_from.as_deref(), Some(&both[..]));
}

#[test]
fn each_mistake_says_what_to_write() {
    let certificate = |value: &str| parse(&with(&format!(r#""client_certificate_from":{value}"#)));
    let expected = "client_certificate_from: expected connection or {header: x-forwarded-client-cert}, got ";
    refused(certificate(r#""header""#), expected);
    refused(certificate("true"), expected);
    refused(certificate("{}"), expected);
    refused(
        certificate(r#"{"header":"x-client-cert"}"#),
        "client_certificate_from.header: expected x-forwarded-client-cert, the only header that is supported, got",
    );
    refused(certificate(r#"{"headers":"a"}"#), "client_certificate_from.headers: unknown key");
    refused(
        two(r#""confirmation":"off""#, ""),
        "issuers[1].confirmation: expected enforce, require or ignore, got \"off\"",
    );

    refused(dpop(""), "dpop.origin: this key is required; write an origin, such as https://api.example.com");
    refused(dpop(r#""origin":[]"#), "dpop.origin: expected an origin");
    refused(dpop(r#""origin":"api.example.com""#), "dpop.origin: expected a URL that starts with https://");
    refused(
        dpop(r#""origin":"https://a.example/x""#),
        "dpop.origin: found \"https://a.example/x\"; an origin has no path",
    );
    refused(
        dpop(r#""origin":["https://a.example","https://A.example:443"]"#),
        "dpop.origin[1]: \"https://A.example:443\" is in",
    );
    refused(dpop(&format!(r#"{ORIGIN},"algorithms":"HS256""#)), "dpop.algorithms: HS256 is never accepted");
    refused(dpop(&format!(r#"{ORIGIN},"algorithms":"none""#)), "dpop.algorithms: none is never accepted");
    refused(
        dpop(&format!(r#"{ORIGIN},"algorithms":["ES256","ML-DSA-44"]"#)),
        "dpop.algorithms: a proof with ML-DSA-44 is longer than 4096 bytes, which is the limit; remove it",
    );
    refused(
        dpop(&format!(r#"{ORIGIN},"max_age_seconds":0"#)),
        "dpop.max_age_seconds: expected a whole number of seconds",
    );
    refused(dpop(&format!(r#"{ORIGIN},"orgin":"a""#)), "dpop.orgin: unknown key");
}

#[test]
fn the_headers_of_proof_and_certificate_have_one_meaning() {
    let config = |members: &str| {
        parse(&with(&format!(
            r#""dpop":{{{ORIGIN}}},"client_certificate_from":{{"header":"x-forwarded-client-cert"}},{members}"#
        )))
    };
    assert!(config(r#""token_from":[{"header":"authorization"},{"header":"x-token"}]"#).is_ok());
    for (name, reserved) in [("DPoP", "dpop"), ("x-forwarded-client-cert", "x-forwarded-client-cert")] {
        refused(
            config(&format!(r#""token_from":{{"header":"{name}"}}"#)),
            &format!("token_from: {reserved} carries the proof or the certificate of bound tokens"),
        );
        refused(
            config(&format!(r#""claim_headers":{{"{name}":"sub"}}"#)),
            &format!("claim_headers: {reserved} carries the proof or the certificate of bound tokens"),
        );
        let compares = format!(r#"{{"claim":"a","equals":{{"header":"{name}"}}}}"#);
        let route = format!(r#""routes":[{{"path":"/a","requires_claim":{compares}}}]"#);
        assert!(config(&route).is_err(), "{name}");
    }
    refused(
        config(r#""token_from":[{"header":"authorization","prefix":"dpop "}]"#),
        "token_from: dpop reads tokens from Authorization: DPoP",
    );
    // Without the keys, these names are free.
    assert!(parse(&with(r#""token_from":[{"header":"authorization","prefix":"DPoP "}]"#)).is_ok());
    assert!(parse(&with(r#""claim_headers":{"x-forwarded-client-cert":"sub"}"#)).is_ok());
}
