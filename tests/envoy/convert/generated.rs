//! Configurations from a generator with a fixed seed.

use jwt_guard_testkit::mint::ISSUER;
use serde_json::{Value, json};

use super::case::{Case, answer, jwt_authn, rbac};
use super::requests::Random;
use super::tokens::{PARTNER, Pool};
use crate::harness::typed;

/// The number of generated configurations.
const COUNT: u64 = 150;

const PATHS: [&str; 8] =
    ["/api/", "/api/admin/", "/api/admin", "/public", "/public/", "/healthz", "/a/b/", "/"];

/// The configurations.
pub fn cases(pool: &Pool) -> Vec<Case> {
    (0..COUNT).map(|seed| case(seed, pool)).collect()
}

fn case(seed: u64, pool: &Pool) -> Case {
    let mut random = Random(seed);
    let mut filters = vec![jwt_authn(jwt_config(&mut random, pool))];
    for _ in 0..random.below(3) {
        filters.push(rbac(rbac_config(&mut random, 2)));
    }
    if random.below(10) == 0 {
        filters.insert(0, rbac(rbac_config(&mut random, 0)));
    }
    if filters.len() == 1 {
        // Nothing reads a payload, and the conversion would tell that.
        let providers = filters[0]["typed_config"]["providers"].as_object_mut().unwrap();
        providers.values_mut().for_each(|provider| {
            provider.as_object_mut().unwrap().remove("payload_in_metadata");
        });
    }
    let name = format!("generated {seed}");
    if random.below(6) > 0 {
        return Case::of_filters(name, filters);
    }
    let config = rbac_config(&mut random, 2);
    let per_route = json!({
        "envoy.filters.http.rbac": typed("envoy.extensions.filters.http.rbac.v3.RBACPerRoute", json!({ "rbac": config })),
    });
    let disabled = json!({
        "envoy.filters.http.jwt_authn":
            typed("envoy.extensions.filters.http.jwt_authn.v3.PerRouteConfig", json!({ "disabled": true })),
    });
    let overridden =
        json!({ "typed_per_filter_config": if random.below(2) == 0 { per_route } else { disabled } });
    let routes = json!([answer(random.of(&PATHS), overridden.clone()), answer("/", json!({}))]);
    let other = json!([answer("/", json!({}))]);
    let hosts = json!([
        { "name": "one", "domains": ["one.example", "*.two.example"], "routes": routes },
        { "name": "all", "domains": ["*"], "routes": other },
    ]);
    Case::with_hosts(name, filters, hosts)
}

fn jwt_config(random: &mut Random, pool: &Pool) -> Value {
    let names: &[&str] = if random.below(2) == 0 { &["own"] } else { &["own", "partner"] };
    let mut providers = json!({});
    for name in names {
        providers[*name] = provider(random, name, pool);
    }
    let rules: Vec<Value> = (0..1 + random.below(4))
        .map(|_| {
            let mut rule = json!({ "match": matched(random) });
            if random.below(5) > 0 {
                rule["requires"] = requires(random, names, 2);
            }
            rule
        })
        .collect();
    json!({ "providers": providers, "rules": rules })
}

fn provider(random: &mut Random, name: &str, pool: &Pool) -> Value {
    let issuer = if name == "own" { ISSUER } else { PARTNER };
    let mut provider = json!({
        "issuer": issuer,
        "local_jwks": pool.local(issuer),
        "payload_in_metadata": if random.below(2) == 0 { "payload" } else { name },
        "forward": true,
    });
    if random.below(4) > 0 {
        provider["audiences"] = json!(["orders-api"]);
    }
    if random.below(3) == 0 {
        provider["require_expiration"] = json!(true);
    }
    match random.below(6) {
        0 => {
            provider["from_headers"] =
                json!([{ "name": "x-token" }, { "name": "Authorization", "value_prefix": "Bearer " }])
        }
        1 => provider["from_params"] = json!(["t"]),
        2 => provider["from_cookies"] = json!(["session"]),
        3 if name == "partner" => provider["from_headers"] = json!([{ "name": "x-partner-token" }]),
        _ => {}
    }
    if random.below(4) == 0 {
        provider["normalize_payload_in_metadata"] = json!({ "space_delimited_claims": ["scope"] });
    }
    if random.below(8) == 0 {
        provider["subjects"] = json!({ "prefix": "svc-" });
    }
    provider
}

fn matched(random: &mut Random) -> Value {
    let path = random.of(&PATHS);
    let mut matched = match random.below(8) {
        0 => json!({ "path": path }),
        1 => {
            json!({ "path_separated_prefix": if path == "/" { "/api" } else { path.trim_end_matches('/') } })
        }
        2 => {
            json!({ "safe_regex": { "regex": random.of(&["/api/[^/]+", "/public(/.*)?", "/api/v[0-9]+/.*", "/a/.*"]) } })
        }
        3 => json!({ "path_match_policy": {
            "name": "envoy.path.match.uri_template.uri_template_matcher",
            "typed_config": typed(
                "envoy.extensions.path.match.uri_template.v3.UriTemplateMatchConfig",
                json!({ "path_template": random.of(&["/api/{id}", "/a/*/c", "/api/{id}/**"]) }),
            ),
        } }),
        _ => json!({ "prefix": path }),
    };
    match random.below(8) {
        0 => matched["headers"] = json!([method(random)]),
        1 => {
            matched["headers"] = json!([{ "name": ":authority", "string_match": { "exact": "one.example" } }])
        }
        2 => matched["headers"] = json!([{ "name": "x-internal", "present_match": true }]),
        3 => matched["case_sensitive"] = json!(random.below(3) > 0),
        _ => {}
    }
    matched
}

fn method(random: &mut Random) -> Value {
    match random.below(3) {
        0 => json!({ "name": ":method", "string_match": { "exact": random.of(&["GET", "POST", "DELETE"]) } }),
        1 => json!({ "name": ":method", "string_match": { "safe_regex": { "regex": "GET|HEAD" } } }),
        _ => json!({ "name": ":method", "string_match": { "exact": "GET" }, "invert_match": true }),
    }
}

fn requires(random: &mut Random, names: &[&str], depth: usize) -> Value {
    match random.below(if depth == 0 { 4 } else { 9 }) {
        0 => {
            json!({ "provider_and_audiences": { "provider_name": random.of(names), "audiences": ["billing"] } })
        }
        1..=4 => json!({ "provider_name": random.of(names) }),
        5 => {
            let parts: Vec<Value> = (0..2).map(|_| requires(random, names, depth - 1)).collect();
            json!({ "requires_any": { "requirements": parts } })
        }
        6 => {
            let bypass = random.of(&["allow_missing", "allow_missing_or_failed"]);
            json!({ "requires_any": { "requirements": [requires(random, names, 0), { bypass: {} }] } })
        }
        7 => {
            let parts: Vec<Value> = (0..2).map(|_| requires(random, names, depth - 1)).collect();
            json!({ "requires_all": { "requirements": parts } })
        }
        _ => json!({ random.of(&["allow_missing", "allow_missing_or_failed"]): {} }),
    }
}

fn rbac_config(random: &mut Random, depth: usize) -> Value {
    let mut policies = json!({});
    for index in 0..1 + random.below(3) {
        policies[format!("policy{index}")] = json!({
            "permissions": [permission(random, depth)],
            "principals": [principal(random, depth)],
        });
    }
    json!({ "rules": { "action": random.of(&["ALLOW", "ALLOW", "DENY"]), "policies": policies } })
}

fn permission(random: &mut Random, depth: usize) -> Value {
    let path = random.of(&PATHS);
    let inner =
        |random: &mut Random| -> Vec<Value> { (0..2).map(|_| permission(random, depth - 1)).collect() };
    match random.below(if depth == 0 { 9 } else { 13 }) {
        0 => json!({ "any": true }),
        1 => json!({ "header": method(random) }),
        2 => json!({ "header": { "name": ":authority", "string_match": { "suffix": ".two.example" } } }),
        3 => json!({ "url_path": { "path": { "exact": path } } }),
        4 => json!({ "url_path": { "path": { "suffix": ".json" } } }),
        5 => json!({ "url_path": { "path": { "safe_regex": { "regex": "/api/.*" } } } }),
        6 => json!({ "header": { "name": ":path", "string_match": { "prefix": path } } }),
        7 | 8 => json!({ "url_path": { "path": { "prefix": path } } }),
        9 => json!({ "and_rules": { "rules": inner(random) } }),
        10 => json!({ "or_rules": { "rules": inner(random) } }),
        _ => json!({ "not_rule": permission(random, depth - 1) }),
    }
}

fn principal(random: &mut Random, depth: usize) -> Value {
    let inner =
        |random: &mut Random| -> Vec<Value> { (0..2).map(|_| principal(random, depth - 1)).collect() };
    match random.below(if depth == 0 { 6 } else { 10 }) {
        0 => json!({ "any": true }),
        1 => json!({ "direct_remote_ip": { "address_prefix": "10.0.0.0", "prefix_len": 8 } }),
        2..=5 => json!({ "metadata": metadata(random) }),
        6 => json!({ "and_ids": { "ids": inner(random) } }),
        7 => json!({ "or_ids": { "ids": inner(random) } }),
        _ => json!({ "not_id": principal(random, depth - 1) }),
    }
}

fn metadata(random: &mut Random) -> Value {
    let text = |text: &str| json!({ "string_match": { "exact": text } });
    let (claim, value) = match random.below(12) {
        0 => ("roles", text("admin")),
        1 | 2 => ("roles", json!({ "list_match": { "one_of": text("admin") } })),
        3 => (
            "roles",
            json!({ "or_match": { "value_matchers": [text("user"), { "list_match": { "one_of": text("user") } }] } }),
        ),
        4 => ("dept", text("finance")),
        5 => ("dept", json!({ "string_match": { "prefix": "fin" } })),
        6 => ("status", text("suspended")),
        7 => ("flag", json!({ "bool_match": true })),
        8 => ("level", json!({ "double_match": { "range": { "start": 5, "end": 10 } } })),
        9 => ("roles", json!({ "present_match": true })),
        10 => ("scope", json!({ "list_match": { "one_of": text("read") } })),
        _ => ("roles", json!({ "list_match": { "one_of": { "string_match": { "contains": "adm" } } } })),
    };
    let mut matcher = json!({
        "filter": "envoy.filters.http.jwt_authn",
        "path": [{ "key": random.of(&["payload", "own", "partner"]) }, { "key": claim }],
        "value": value,
    });
    if random.below(6) == 0 {
        matcher["invert"] = json!(true);
    }
    matcher
}
