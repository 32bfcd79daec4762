//! Valid and invalid configurations.

mod bound_tokens;
mod issuers;
mod mistakes;
mod revocation;
mod second_tokens;

use super::routes::MAX_ROUTES;
use super::*;
use crate::keys::{Location, Source};
use crate::policy::{Condition, Conditions, Rule};

const MINIMAL: &str = r#""issuer":"https://idp.example.com","audience":"api","jwks_cluster":"idp""#;

fn parse(text: &str) -> Result<Config, Vec<String>> {
    Config::parse(text.as_bytes()).map_err(|errors| errors.iter().map(ToString::to_string).collect())
}

fn with(keys: &str) -> String {
    format!("{{{MINIMAL},{keys}}}")
}

#[test]
fn the_smallest_configuration_has_the_documented_defaults() {
    let config = parse(&format!("{{{MINIMAL}}}")).unwrap();
    assert!(config.enabled && !config.forward_token && !config.report_only && !config.bypass_cors_preflight);
    assert_eq!(config.default_policy, Requirement::any_valid_token());
    assert_eq!(config.token_from, [TokenSource::Authorization]);
    assert_eq!(
        (config.realm.as_str(), config.max_token_bytes, config.max_claim_header_bytes),
        ("api", 16_384, 16_384)
    );
    assert_eq!(config.token_cache_entries, 1024);
    let [issuer] = config.issuers.as_slice() else { panic!("one issuer") };
    assert_eq!(issuer.name, "idp_example_com");
    assert_eq!(issuer.rules.clock_skew.as_secs(), 60);
    assert!(issuer.rules.require_expiration);
    let KeyOrigin::Fetched { source, times } = &issuer.keys else { panic!("keys are fetched") };
    let Source { cluster, location: Location::Endpoint(endpoint) } = source else { panic!("an endpoint") };
    assert_eq!(cluster, "idp");
    assert_eq!(endpoint.to_string(), "https://idp.example.com/api/v1/auth/jwks");
    assert_eq!((times.ttl.as_secs(), times.max_stale.as_secs(), times.cooldown.as_secs()), (300, 14_400, 10));
    assert_eq!(times.timeout.as_millis(), 5000);
}

#[test]
fn a_struct_and_a_text_say_the_same() {
    use prost::Message;
    use prost_types::{ListValue, Struct, Value, value::Kind};
    let of = |kind| Value { kind: Some(kind) };
    let text = |text: &str| of(Kind::StringValue(text.into()));
    let fields = [
        ("issuer", text("https://idp.example.com")),
        ("audience", of(Kind::ListValue(ListValue { values: vec![text("api")] }))),
        ("jwks_cluster", text("idp")),
        ("jwks_ttl_seconds", of(Kind::NumberValue(120.0))),
    ];
    let fields = fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    let config = Config::parse(&Struct { fields }.encode_to_vec()).unwrap();
    let same = parse(&with(r#""jwks_ttl_seconds":120.0"#)).unwrap();
    assert_eq!(format!("{:?}", config.issuers), format!("{:?}", same.issuers));
}

#[test]
fn one_route_too_many_is_refused_whole() {
    let routes = |count: usize| {
        let routes: Vec<String> =
            (0..count).map(|at| format!(r#"{{"path":"/r{at}","deny":true}}"#)).collect();
        parse(&with(&format!(r#""routes":[{}]"#, routes.join(","))))
    };
    assert!(routes(MAX_ROUTES).is_ok());
    let expected = format!(
        "routes: found {} paths in routes; a configuration can have at most {MAX_ROUTES}",
        MAX_ROUTES + 1
    );
    assert_eq!(routes(MAX_ROUTES + 1).err(), Some(vec![expected]));
}

#[test]
fn types_are_accepted_as_they_are_listed() {
    let types = |keys: &str| parse(&with(keys)).unwrap().issuers[0].rules.accepted_types.clone();
    let one = types(r#""accepted_types":"at+jwt""#);
    assert!(one.contains(Some("AT+JWT")) && !one.contains(Some("JWT")) && !one.contains(None));
    let both = types(r#""accepted_types":["JWT","absent"]"#);
    assert!(both.contains(None) && both.contains(Some("JWT")) && !both.contains(Some("at+jwt")));
}

#[test]
fn a_refused_number_may_stand_as_text() {
    // Envoy delivers plain numbers of native YAML as text if they have a fraction or do not fit into 32 bits.
    let config =
        parse(&with(r#""refused_claims":{"tenant":["3000000000","1.5",7,"7a","01","true"]}"#)).unwrap();
    let refused: Vec<String> =
        config.issuers[0].rules.refused_claims[0].values.iter().map(Json::to_string).collect();
    assert_eq!(
        refused,
        [r#""3000000000""#, "3000000000", r#""1.5""#, "1.5", "7", r#""7a""#, r#""01""#, r#""true""#]
    );
}

#[test]
fn every_mistake_is_told_at_once() {
    let errors =
        parse(r#"{"issuer":"","routes":[{"path":"/a"},{"path":"b","deny":true}],"x":1}"#).unwrap_err();
    for path in ["issuer:", "audience:", "jwks_cluster:", "routes[0]:", "routes[1].path:", "x:"] {
        assert!(errors.iter().any(|error| error.starts_with(path)), "{path} is not among {errors:#?}");
    }
}

#[test]
fn null_and_false_mean_absent() {
    let keys = r#""routes":[{"path":"/a","requires_role":"x","allow_anonymous":false,"deny":null,"methods":null}],"realm":null"#;
    let config = parse(&with(keys)).unwrap();
    assert_eq!(config.realm, "api");
    let found = config.routes.lookup(b"h", "GET", "/a").unwrap();
    assert!(
        matches!(&found.rule.requirement.rule, Rule::Authenticated(Conditions(all)) if matches!(all.as_slice(), [Condition::Role(_)]))
    );
}

#[test]
fn a_named_policy_stands_for_its_requirement() {
    let keys = r#""policies":{"staff":{"requires_group":"staff"}},"routes":[{"path":"/a","policy":"staff"},{"path":"/b","requires_group":"staff"}]"#;
    let config = parse(&with(keys)).unwrap();
    let requirement = |path| &config.routes.lookup(b"h", "GET", path).unwrap().rule.requirement;
    assert_eq!(requirement("/a").rule, requirement("/b").rule);
    assert_eq!(
        (requirement("/a").policy.as_deref(), requirement("/b").policy.as_deref()),
        (Some("staff"), None)
    );
}

#[test]
fn the_names_of_issuers_come_from_their_urls() {
    let rows = [
        ("https://idp.example.com/realms/x/", "idp_example_com_realms_x"),
        ("https://accounts.google.com", "accounts_google_com"),
        ("joe", "joe"),
    ];
    for (issuer, name) in rows {
        let text = format!(
            r#"{{"issuer":"{issuer}","audience":"a","jwks_cluster":"c","jwks_endpoint":"https://x/k"}}"#
        );
        assert_eq!(parse(&text).unwrap().issuers.first().unwrap().name, name);
    }
}

#[test]
fn the_digest_is_of_the_configuration_and_not_of_the_order_of_its_keys() {
    let digest = |text: &str| Config::parse(text.as_bytes()).unwrap().digest;
    let one = digest(
        r#"{"issuer":"https://a","audience":"b","jwks_cluster":"c","default_policy":{"requires_role":"x","requires_group":"y"}}"#,
    );
    let reordered = digest(
        r#"{"default_policy":{"requires_group":"y","requires_role":"x"},"jwks_cluster":"c","audience":"b","issuer":"https://a"}"#,
    );
    let other = digest(
        r#"{"issuer":"https://a","audience":"b","jwks_cluster":"c","default_policy":{"requires_role":"x","requires_group":"z"}}"#,
    );
    assert_eq!(one, reordered);
    assert_ne!(one, other);
}
