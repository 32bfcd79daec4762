//! The revocation list of an issuer: its keys, their defaults, and the start of the message of each mistake.

use std::time::Duration;

use super::issuers::{refused, two};
use super::*;
use crate::config::revocation_list::{ListToken, RevocationListOrigin};

const LIST: &str = r#""revocation_list_endpoint":"https://i/revocations""#;

/// The list of the issuer in a configuration with these members.
fn list(members: &str) -> RevocationListOrigin {
    parse(&with(members)).unwrap().issuers.remove(0).revocation_list.unwrap()
}

fn and(more: &str) -> String {
    format!("{LIST},{more}")
}

#[test]
fn an_issuer_has_no_list_unless_it_is_written() {
    let config = parse(&format!("{{{MINIMAL}}}")).unwrap();
    assert!(config.issuers[0].revocation_list.is_none() && !config.issuers[0].rules.require_jti);
    assert!(parse(&with(r#""require_jti":true"#)).unwrap().issuers[0].rules.require_jti);
}

#[test]
fn a_list_has_the_defaults_of_the_issuer() {
    let config = parse(&with(&and(r#""jwks_timeout_ms":700"#))).unwrap();
    let list = config.issuers[0].revocation_list.as_ref().unwrap();
    let crate::config::KeyOrigin::Fetched { source, .. } = &config.issuers[0].keys else {
        panic!("not fetched")
    };
    assert_eq!(list.source.cluster, source.cluster);
    let seconds = Duration::from_secs;
    assert_eq!(
        (list.times.ttl, list.times.max_stale, list.times.cooldown),
        (seconds(15), seconds(600), seconds(10))
    );
    assert_eq!((list.times.timeout, list.times.fetches), (Duration::from_millis(700), 1));
    assert!(!list.fail_open && list.bearer_token().is_none() && config.warnings.is_empty());
}

#[test]
fn each_key_of_a_list_is_read() {
    let own = list(&and(r#""revocation_list_cluster":"lists","revocation_list_ttl_seconds":3,
           "revocation_list_max_stale_seconds":0,"revocation_list_fail_open":true"#));
    assert_eq!((own.source.cluster.as_str(), own.fail_open), ("lists", true));
    let seconds = Duration::from_secs;
    assert_eq!(
        (own.times.ttl, own.times.max_stale, own.times.cooldown),
        (seconds(3), seconds(0), seconds(3))
    );
    let url = |members: &str| match list(members).source.location {
        crate::keys::Location::Endpoint(url) => url.to_string(),
        crate::keys::Location::Discovery { .. } => panic!("a URL"),
    };
    assert_eq!(url(LIST), "https://i/revocations");
    let path = parse(
        r#"{"issuer":"https://i/x/","audience":"a","jwks_cluster":"c","revocation_list_endpoint":"/r?v=1"}"#,
    );
    let source = path.unwrap().issuers.remove(0).revocation_list.unwrap().source;
    assert!(format!("{source:?}").contains("/x/r?v=1"), "{source:?}");
    let listed = two(r#""revocation_list_endpoint":"/r""#, "").unwrap();
    assert!(listed.issuers[0].revocation_list.is_none());
    assert_eq!(listed.issuers[1].revocation_list.as_ref().unwrap().source.cluster, "two");
}

#[test]
fn a_list_beside_inline_keys_has_its_own_cluster() {
    let keys =
        r#"{"keys":[{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#;
    let inline = |more: &str| {
        parse(&format!(r#"{{"issuer":"https://i","audience":"a","jwks_inline":{keys},{LIST}{more}}}"#))
    };
    refused(inline(""), "revocation_list_cluster: this key is required; write the name of the Envoy cluster");
    assert!(inline(r#","revocation_list_cluster":"c""#).is_ok());
}

#[test]
fn mistakes_in_a_list() {
    let only = "this key is used only with revocation_list_endpoint";
    for (member, key) in [
        (r#""revocation_list_cluster":"c""#, "revocation_list_cluster"),
        (r#""revocation_list_ttl_seconds":15"#, "revocation_list_ttl_seconds"),
        (r#""revocation_list_max_stale_seconds":600"#, "revocation_list_max_stale_seconds"),
        (r#""revocation_list_fail_open":false"#, "revocation_list_fail_open"),
        (r#""revocation_list_token_env":"A""#, "revocation_list_token_env"),
        (r#""revocation_list_token":"a""#, "revocation_list_token"),
    ] {
        refused(parse(&with(member)), &format!("{key}: {only}"));
        assert!(parse(&with(&and(member))).is_ok(), "{key}");
    }
    let bounds = "revocation_list_ttl_seconds: expected a whole number of seconds from 1 to 3600";
    for value in ["0", "3601", "1.5", r#""15""#] {
        refused(parse(&with(&and(&format!(r#""revocation_list_ttl_seconds":{value}"#)))), bounds);
    }
    let bounds = "revocation_list_max_stale_seconds: expected a whole number of seconds from 0 to 86400";
    refused(parse(&with(&and(r#""revocation_list_max_stale_seconds":86401"#))), bounds);
    for value in [r#""ftp://i/r""#, r#""https://""#, r#""""#, "5"] {
        refused(
            parse(&with(&format!(r#""revocation_list_endpoint":{value}"#))),
            "revocation_list_endpoint: ",
        );
    }
    let tenants = |url: &str| {
        parse(&format!(
            r#"{{"issuer":"https://i/{{tid}}","name":"i","tenants":["t"],"audience":"a","jwks_cluster":"c","jwks_endpoint":"https://i/keys","revocation_list_endpoint":"{url}"}}"#
        ))
    };
    assert!(tenants("https://i/r").is_ok());
    for url in ["/r", "https://i/{tid}/r"] {
        refused(tenants(url), "revocation_list_endpoint: found ");
    }
}

#[test]
fn a_token_is_written_once_and_is_not_shown() {
    let literal = parse(&with(&and(r#""revocation_list_token":"s3cret""#))).unwrap();
    let list = literal.issuers[0].revocation_list.as_ref().unwrap();
    assert_eq!(list.bearer_token().unwrap().authorization(), "Bearer s3cret");
    assert!(
        literal.warnings.iter().any(|warning| warning.contains("/config_dump")),
        "{:?}",
        literal.warnings
    );
    assert!(!format!("{literal:?}").contains("s3cret"));
    refused(
        parse(&with(&and(r#""revocation_list_token":"a","revocation_list_token_env":"B""#))),
        "revocation_list_token: revocation_list_token_env already gives the token",
    );
    for value in [r#""s3 cret""#, r#""s3cret\r\nx: y""#, r#""""#, r#"["s3cret"]"#, "5"] {
        let errors =
            parse(&with(&and(&format!(r#""revocation_list_token":{value}"#)))).map(|_| ()).unwrap_err();
        assert!(errors[0].starts_with("revocation_list_token: expected a token"), "{errors:?}");
        assert!(!errors[0].contains("s3"), "{errors:?}");
    }
    for value in [r#""A B""#, r#""9A""#, r#""A-B""#, r#""""#] {
        refused(
            parse(&with(&and(&format!(r#""revocation_list_token_env":{value}"#)))),
            "revocation_list_token_env: expected the name of an environment variable",
        );
    }
}

#[test]
fn the_environment_gives_the_token() {
    let parsed = || parse(&with(&and(r#""revocation_list_token_env":"LIST_TOKEN""#))).unwrap();
    let read = |value: Option<&str>| {
        let mut config = parsed();
        let outcome =
            config.read_environment(|name| value.filter(|_| name == "LIST_TOKEN").map(str::to_owned));
        let list = config.issuers.remove(0).revocation_list.unwrap();
        let token = list.bearer_token().map(|token| token.authorization().to_owned());
        outcome.map(|()| token).map_err(|errors| errors.iter().map(ToString::to_string).collect::<Vec<_>>())
    };
    assert!(matches!(
        parsed().issuers[0].revocation_list.as_ref().unwrap().token,
        ListToken::Environment { .. }
    ));
    assert_eq!(read(Some("s3cret\n")), Ok(Some("Bearer s3cret".to_owned())));
    let errors = read(None).unwrap_err();
    assert!(
        errors[0].starts_with("revocation_list_token_env: the environment variable LIST_TOKEN is not set"),
        "{errors:?}"
    );
    for value in ["", "\n", "s3 cret"] {
        let errors = read(Some(value)).unwrap_err();
        assert!(
            errors[0].starts_with(
                "revocation_list_token_env: the environment variable LIST_TOKEN is empty or has"
            ),
            "{errors:?}"
        );
        assert!(!errors[0].contains("s3"));
    }
}
