//! The schema, the reader and the examples agree.

mod second_tokens;

use std::collections::BTreeSet;

use jwt_guard::config::keys::{Bounds, KeyType};
use jwt_guard::config::objects::OBJECTS;
use jwt_guard::config::{Config, ConfigError, Problem};
use jwtguard::inspect::schema::{default, reference, schema};
use serde_json::{Value, json};

use crate::run::{jwtguard, read};

const FILE: &str = "envoy/jwt-guard.schema.json";

#[test]
fn the_file_is_current() {
    let ran = jwtguard(&["schema"]);
    assert_eq!(ran.status, 0);
    assert!(ran.out == read(FILE), "{FILE} is old: cargo run -- schema > {FILE}");
}

#[test]
fn the_reference_is_current() {
    let file = "docs/configuration.md";
    assert!(
        reference() == read(file),
        "{file} is old: cargo run -p jwtguard --example configuration-reference > {file}"
    );
}

/// The meaning of a configuration, without the digest of its text and the order of `refused_claims`.
fn meaning(config: &Value) -> String {
    let mut config = Config::parse(config.to_string().as_bytes()).unwrap();
    config.digest.clear();
    for issuer in &mut config.issuers {
        issuer.rules.refused_claims.sort_by_key(|claim| claim.pointer.as_str().to_owned());
    }
    format!("{config:?}")
}

/// A key with its default value means the same as an absent key.
#[test]
fn schema_and_reader_have_the_same_defaults() {
    let mut minimal = json!({"issuer": "https://a.example", "audience": "a", "jwks_cluster": "c"});
    // The other keys about the list are refused without it.
    minimal["revocation_list_endpoint"] = json!("/revocations");
    let mut count = 0;
    for (object, valid) in [
        ("configuration", minimal),
        ("requirement", json!({"requires_role": "a"})),
        ("claim_condition", json!({"claim": "t", "any": "a"})),
        ("source", json!({"claim": "c"})),
        ("dpop", json!({"origin": "https://a.example"})),
        ("second_token", second_token()),
        ("second_requirement", json!({"requires_role": "a"})),
    ] {
        let keys = OBJECTS.iter().filter(|known| known.name == object).flat_map(|object| object.keys());
        for (key, default) in keys.filter_map(|key| Some((key, default(key)?))) {
            let mut with_default = valid.clone();
            with_default[key.name] = default;
            for (absent, written) in around(object, &valid).iter().zip(around(object, &with_default)) {
                assert_eq!(meaning(absent), meaning(&written), "{}", key.name);
            }
            count += 1;
        }
    }
    let all = OBJECTS
        .iter()
        .filter(|object| !["issuer", "default_policy", "route", "guard"].contains(&object.name));
    assert_eq!(count, all.flat_map(|object| object.keys()).filter(|key| default(key).is_some()).count());
}

/// Valid configurations that contain an object in each allowed position.
fn around(name: &str, object: &Value) -> Vec<Value> {
    let good = |key: &str, value: Value| {
        let mut config = json!({"issuer": "https://a.example", "audience": "a", "jwks_cluster": "c"});
        config[key] = value;
        config
    };
    match name {
        "configuration" => vec![object.clone()],
        "issuer" => vec![json!({"issuers": [object]})],
        "route" => vec![good("routes", json!([object]))],
        "guard" => vec![good("guards", json!([object]))],
        "comparison" => {
            let condition = json!({"claim": "sub", "equals": object});
            vec![good(
                "routes",
                json!([{"path": "/{id}", "hosts": ["{id}.a.example"], "requires_claim": condition}]),
            )]
        }
        "dpop" => vec![good("dpop", object.clone())],
        "certificate_header" => vec![good("client_certificate_from", object.clone())],
        "step_up" => vec![good("default_policy", json!({"requires_step_up": object}))],
        "requirement" => vec![
            good("policies", json!({"p": object})),
            good("default_policy", json!({"shadow": object})),
            good("default_policy", json!({"any_of": [object]})),
        ],
        "default_policy" => vec![good("default_policy", object.clone())],
        "token_source" => vec![
            good("token_from", json!([object])),
            good("routes", json!([{"path": "/a", "token_from": object}])),
        ],
        "second_token" => vec![of_second_token(object, &json!({"requires_role": "a"}))],
        "second_requirement" => vec![of_second_token(&second_token(), object)],
        "claim_condition" => vec![good("default_policy", json!({"requires_claim": [object]}))],
        "all_of_them" => vec![
            good("default_policy", json!({"requires_role": object})),
            good("default_policy", json!({"requires_group": object})),
        ],
        "scopes" => vec![good("default_policy", json!({"requires_scope": object}))],
        "header_value" => vec![good("claim_headers", json!({"x-a": object}))],
        "any_tenant" => vec![of_tenants(object)],
        "source" => ["roles_from", "groups_from", "scopes_from"].map(|key| good(key, json!([object]))).into(),
        _ => panic!("{name}: add its positions here"),
    }
}

fn second_token() -> Value {
    json!({"token_from": {"header": "x-agent"}, "issuers": "i"})
}

/// A configuration with a second token and a requirement for it.
fn of_second_token(token: &Value, requirement: &Value) -> Value {
    json!({
        "issuer": "https://a.example", "name": "i", "audience": "a", "jwks_cluster": "c", "first_token": true,
        "second_tokens": {"t": token}, "default_policy": {"requires_token": {"t": requirement}},
    })
}

/// A configuration of an issuer with these tenants.
fn of_tenants(tenants: &Value) -> Value {
    json!({
        "issuer": "https://a.example/{tid}/v2.0", "name": "a", "tenants": tenants, "audience": "a",
        "jwks_cluster": "c", "jwks_endpoint": "https://a.example/keys",
    })
}

#[test]
fn schema_and_reader_accept_the_same_tenants() {
    let validator = validator();
    for (tenants, good) in [
        (json!("a"), true),
        (json!(["a", "B.c_d~e-f"]), true),
        (json!({"any": true}), true),
        (json!([]), false),
        (json!(["a", "a"]), false),
        (json!(["a/b"]), false),
        (json!("*"), false),
        (json!({}), false),
        (json!({"all": true}), false),
        (json!(true), false),
    ] {
        let config = of_tenants(&tenants);
        assert_eq!(errors(&config).is_empty(), good, "reader: {tenants}: {:?}", errors(&config));
        assert_eq!(validator.is_valid(&config), good, "schema: {tenants}");
    }
}

fn errors(config: &Value) -> Vec<ConfigError> {
    match Config::parse(config.to_string().as_bytes()) {
        Ok(_) => Vec::new(),
        Err(errors) => errors,
    }
}

/// The error about an unknown key contains the known keys.
#[test]
fn schema_and_reader_have_the_same_keys() {
    for object in OBJECTS.iter().filter(|object| !object.groups.is_empty()) {
        let keys: BTreeSet<&str> = object.keys().map(|key| key.name).collect();
        for config in around(object.name, &json!({"no such key": 1})) {
            let errors = errors(&config);
            let known = errors.iter().find_map(|error| match &error.problem {
                Problem::UnknownKey { known, .. } => Some(known.iter().copied().collect::<BTreeSet<&str>>()),
                _ => None,
            });
            let known = known.unwrap_or_else(|| panic!("{}: no unknown key in {errors:?}", object.name));
            assert_eq!(known, keys, "{}: the keys of the reader and of the table", object.name);
        }
    }
}

struct Validator {
    schemas: boon::Schemas,
    index: boon::SchemaIndex,
}

impl Validator {
    fn is_valid(&self, value: &Value) -> bool {
        self.schemas.validate(value, self.index).is_ok()
    }
}

fn validator() -> Validator {
    let mut compiler = boon::Compiler::new();
    compiler.add_resource("schema.json", schema()).unwrap();
    let mut schemas = boon::Schemas::new();
    let index = compiler.compile("schema.json", &mut schemas).unwrap();
    Validator { schemas, index }
}

#[test]
fn schema_and_reader_have_the_same_bounds() {
    let validator = validator();
    for key in OBJECTS.iter().filter(|object| object.name == "configuration").flat_map(|object| object.keys())
    {
        let KeyType::Number(Bounds { least, greatest: most, .. }) = key.key_type else { continue };
        for (value, within) in [
            (json!(least), true),
            (json!(most), true),
            (json!(most + 1), false),
            (json!(i128::from(least) - 1), false),
            (json!(least as f64 + 0.5), false),
            (json!(least.to_string()), false),
        ] {
            let mut config = json!({"issuer": "https://a.example", "audience": "a", "jwks_cluster": "c"});
            // The other keys about the list are refused without it.
            config["revocation_list_endpoint"] = json!("/revocations");
            config[key.name] = value;
            assert_eq!(errors(&config).is_empty(), within, "reader: {config}");
            assert_eq!(validator.is_valid(&config), within, "schema: {config}");
        }
    }
}

#[test]
fn schema_and_reader_accept_the_same_configurations() {
    let validator = validator();
    let jwks = json!({"keys": [{"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]});
    for (key, value, good) in [
        ("audience", json!(["a", "b"]), true),
        ("audience", json!([]), false),
        ("audience", json!(" "), false),
        ("accepted_algorithms", json!("ES256"), true),
        ("accepted_algorithms", json!(["ES256", "Ed25519"]), true),
        ("accepted_algorithms", json!(["none"]), false),
        ("accepted_algorithms", json!("HS256"), false),
        ("jwks_endpoint", json!("/keys"), true),
        ("jwks_endpoint", json!("https://b.example/keys"), true),
        ("jwks_endpoint", json!("keys"), false),
        ("revocation_list_endpoint", json!("/revocations"), true),
        ("revocation_list_endpoint", json!("https://b.example/revocations"), true),
        ("revocation_list_endpoint", json!("revocations"), false),
        ("require_jti", json!(true), true),
        ("require_jti", json!("true"), false),
        ("name", json!("a_1"), true),
        ("name", json!("a-1"), false),
        ("jwks_inline", jwks, false),
        ("roles_from", json!([]), true),
        ("roles_from", json!(["/a/b", {"claim": "scope", "prefix": "x:"}]), true),
        ("roles_from", json!([{"prefix": "x:"}]), false),
        ("claim_headers", json!({"x-a": "sub", "x-b": ["a", "/b/c"], "x-c": "$payload"}), true),
        ("claim_headers", json!({"x-a": {"value": "partner"}}), true),
        ("claim_headers", json!({"x-a": {"value": "a b"}}), false),
        ("claim_headers", json!({"x-a": {}}), false),
        ("claim_headers", json!({"x-a": "$all"}), false),
        ("paths", json!(["/a/**", "/b/{id}"]), true),
        ("paths", json!("/a"), true),
        ("paths", json!("a"), false),
        ("paths", json!([]), false),
        ("claim_headers", json!({"x-a": []}), false),
        ("claim_headers", json!({"x a": "sub"}), false),
        ("token_from", json!({"query": "t"}), true),
        ("token_from", json!([{"header": "x-t", "prefix": "T "}, {"cookie": "c"}]), true),
        ("token_from", json!([{"header": "x-t", "cookie": "c"}]), false),
        ("token_from", json!([]), false),
        ("route_metadata", json!("narrow"), true),
        ("route_metadata", json!("merge"), false),
        ("skip_readings", json!([]), true),
        ("skip_readings", json!("letter_case"), true),
        ("skip_readings", json!(["encoded_slash", "path_parameters"]), true),
        ("skip_readings", json!(["encoded_slash", "encoded_slash"]), false),
        ("skip_readings", json!("dot_segments"), false),
        ("realm", json!("My API"), true),
        ("realm", json!("caf\u{e9}"), false),
        ("refused_claims", json!({}), true),
        ("refused_claims", json!({"type": "refresh"}), true),
        ("refused_claims", json!({"type": []}), false),
        ("refused_kids", json!([]), true),
        ("resource_metadata", json!({"resource": "https://a.example/x", "scopes_supported": ["a"]}), true),
        ("resource_metadata", json!({"scopes_supported": ["a"]}), false),
        ("default_policy", json!({"requires_role": {"all": ["a", "b"]}}), true),
        ("default_policy", json!({"requires_role": {"any": ["a"]}}), false),
        ("default_policy", json!({"requires_scope": "a"}), true),
        ("default_policy", json!({"requires_scope": ["a"]}), true),
        ("default_policy", json!({"requires_scope": ["a", "b"]}), false),
        ("default_policy", json!({"requires_scope": {"any": ["a", "b"]}}), true),
        ("default_policy", json!({"requires_scope": {"any": ["a"], "all": ["b"]}}), false),
        ("default_policy", json!({"requires_claim": {"claim": "t", "any": ["a", 1, true]}}), true),
        ("default_policy", json!({"requires_claim": [{"claim": "/t/u", "present": true}]}), true),
        ("default_policy", json!({"requires_claim": [{"claim": "t"}]}), false),
        ("default_policy", json!({"requires_claim": [{"claim": "t", "any": [null]}]}), false),
        ("default_policy", json!({"any_of": [{"requires_role": "a"}, {"requires_group": "b"}]}), true),
        ("default_policy", json!({"any_of": []}), false),
        ("policies", json!({"p": {"deny": true}}), true),
        (
            "routes",
            json!([{"path": "/a/{id}", "methods": "GET", "hosts": ["*.b.example"], "deny": true}]),
            true,
        ),
        ("routes", json!([{"path": ["/a", "/b/**"], "name": "a_b-c", "deny": true}]), true),
        ("routes", json!([{"path": ["/a", "/a"], "deny": true}]), false),
        ("routes", json!([{"path": [], "deny": true}]), false),
        ("routes", json!([{"path": ["/a", "b"], "deny": true}]), false),
        ("routes", json!([{"path": "/a", "name": "a b", "deny": true}]), false),
        ("guards", json!([{"path": "/**", "methods": ["DELETE"], "requires_role": "admin"}]), true),
        ("guards", json!([{"path": ["/a/**", "/b"], "hosts": "a.example", "deny": true}]), true),
        ("guards", json!([{"requires_role": "admin"}]), false),
        ("guards", json!([{"path": "/a", "allow_anonymous": true}]), false),
        ("guards", json!([{"path": "/a", "requires_role": "a", "token_from": {"query": "t"}}]), false),
        ("guards", json!([{"path": "/a", "requires_role": "a", "forward_token": true}]), false),
        ("default_policy", json!({"requires_claim": {"claim": "c", "equals": {"header": "x-c"}}}), true),
        ("default_policy", json!({"requires_claim": {"claim": "c", "equals": {"header": "x c"}}}), false),
        ("default_policy", json!({"requires_claim": {"claim": "c", "equals": "x-c"}}), false),
        ("default_policy", json!({"requires_claim": {"claim": "c", "equals": {}}}), false),
        (
            "default_policy",
            json!({"requires_claim": {"claim": "c", "equals": {"header": "a", "path": "b"}}}),
            false,
        ),
        (
            "default_policy",
            json!({"requires_step_up": {"acr": ["phr", "urn:a"], "max_age_seconds": 0}}),
            true,
        ),
        ("default_policy", json!({"requires_step_up": {"max_age_seconds": 31_536_000}}), true),
        ("default_policy", json!({"requires_step_up": {"max_age_seconds": 31_536_001}}), false),
        ("default_policy", json!({"requires_step_up": {}}), false),
        ("default_policy", json!({"requires_step_up": {"acr": "a b"}}), false),
        ("client_certificate_from", json!("connection"), true),
        ("client_certificate_from", json!({"header": "x-forwarded-client-cert"}), true),
        ("client_certificate_from", json!({"header": "x-client-cert"}), false),
        ("client_certificate_from", json!("header"), false),
        ("confirmation", json!("require"), true),
        ("confirmation", json!("off"), false),
        ("dpop", json!({"origin": ["https://a.example", "http://b.example:8080/"]}), true),
        ("dpop", json!({"origin": "https://a.example/path"}), false),
        ("dpop", json!({"origin": []}), false),
        ("dpop", json!({"algorithms": "ES256"}), false),
        ("dpop", json!({"origin": "https://a.example", "algorithms": "HS256"}), false),
        ("dpop", json!({"origin": "https://a.example", "max_age_seconds": 601}), false),
        ("routes", json!([{"requires_role": "a"}]), false),
        ("routes", json!({"path": "/a", "deny": true}), false),
        ("issuers", json!([{"issuer": "https://b.example", "audience": "a", "jwks_cluster": "c"}]), false),
    ] {
        let mut config = json!({"issuer": "https://a.example", "audience": "a", "jwks_cluster": "c"});
        config[key] = value;
        assert_eq!(errors(&config).is_empty(), good, "reader: {config}: {:?}", errors(&config));
        // The schema does not check rules about two keys.
        if key != "jwks_inline" {
            assert_eq!(validator.is_valid(&config), good, "schema: {config}");
        }
    }
}

/// `null` means an absent key, for every key.
#[test]
fn null_means_absent() {
    let validator = validator();
    for object in OBJECTS.iter().filter(|object| !object.groups.is_empty()) {
        let valid = match object.name {
            "configuration" | "issuer" => {
                json!({"issuer": "https://a.example", "audience": "a", "jwks_cluster": "c"})
            }
            "route" | "guard" => json!({"path": "/a", "deny": true}),
            "comparison" => json!({"path": "id"}),
            "step_up" => json!({"acr": "phr"}),
            "dpop" => json!({"origin": "https://a.example"}),
            "certificate_header" => json!({"header": "x-forwarded-client-cert"}),
            "requirement" | "default_policy" => json!({"requires_role": "a"}),
            "token_source" => json!({"header": "x-t"}),
            "claim_condition" => json!({"claim": "t", "present": true}),
            "all_of_them" => json!({"all": ["a"]}),
            "scopes" => json!({"any": ["a"]}),
            "source" => json!({"claim": "c"}),
            "header_value" => json!({"value": "a"}),
            "any_tenant" => json!({"any": true}),
            "second_token" => second_token(),
            "second_requirement" => json!({"requires_role": "a"}),
            name => panic!("{name}: add a valid object here"),
        };
        for key in object.keys() {
            let mut with_null = valid.clone();
            let was_absent = with_null.get(key.name).is_none();
            with_null[key.name] = Value::Null;
            for (without, config) in around(object.name, &valid).iter().zip(around(object.name, &with_null)) {
                let good = errors(&config).is_empty();
                assert!(!was_absent || good == errors(without).is_empty(), "reader: {config}");
                // Only the reader reports an object without effect.
                assert!(validator.is_valid(&config) || !good, "schema: {config}");
                let needed = object.required.contains(&key.name) || !was_absent && !object.one_of.is_empty();
                assert!(!needed || !validator.is_valid(&config), "schema: {config}");
            }
        }
    }
}
