//! The listeners under test. They differ only in their filters.

use std::path::Path;

use jwt_guard_testkit::mint::{AUDIENCE, ISSUER};
use serde_json::{Value, json};

use super::tokens::Tokens;

/// One listener of the Envoy under test.
pub struct Listener {
    pub name: &'static str,
    pub filters: Vec<Value>,
}

/// The long list of native rules. Longer lists are unusual, because jwt_authn checks its rules one after the other.
pub const NATIVE_RULES: usize = 1_000;
/// The long list of our routes.
pub const OUR_ROUTES: usize = 10_000;
/// The short list of native rules and of our routes.
pub const FEW_ROUTES: usize = 10;
/// The required role.
const ROLE: &str = "admin";
/// Entries of both caches: enough for [`super::tokens::REPEATED`] tokens, too few for a whole token set.
const CACHE_ENTRIES: usize = 1024;

/// All listeners.
pub fn all(tokens: &Tokens) -> Vec<Listener> {
    let listener = |name, filters| Listener { name, filters };
    let cache = json!({ "jwt_cache_config": { "jwt_cache_size": CACHE_ENTRIES } });
    let native = |cached: bool, rules| {
        let cache = if cached { cache.clone() } else { json!({}) };
        jwt_authn(tokens, cache, rules)
    };
    vec![
        listener("none", vec![]),
        listener("native", vec![native(false, 1)]),
        listener("native_rbac", vec![native(false, 1), rbac()]),
        listener("native_cache", vec![native(true, 1)]),
        listener("native_cache_rbac", vec![native(true, 1), rbac()]),
        listener("native_few", vec![native(true, FEW_ROUTES), rbac()]),
        listener("native_many", vec![native(true, NATIVE_RULES), rbac()]),
        listener("ours_off", vec![ours(tokens, 0, one_route())]),
        listener("ours", vec![ours(tokens, CACHE_ENTRIES, one_route())]),
        listener("ours_few", vec![ours(tokens, CACHE_ENTRIES, routes(FEW_ROUTES))]),
        listener("ours_many", vec![ours(tokens, CACHE_ENTRIES, routes(OUR_ROUTES))]),
    ]
}

/// Only the listener with our filter, as in production.
pub fn ours_alone(tokens: &Tokens) -> Vec<Listener> {
    vec![Listener { name: "ours", filters: vec![ours(tokens, CACHE_ENTRIES, one_route())] }]
}

/// Only the listener without a filter.
pub fn none_alone() -> Vec<Listener> {
    vec![Listener { name: "none", filters: vec![] }]
}

/// Our filter from two modules, and the listener without a filter.
pub fn against(tokens: &Tokens, other: &Path) -> Vec<Listener> {
    let listener =
        |name, module| Listener { name, filters: vec![ours_of(module, tokens, CACHE_ENTRIES, one_route())] };
    let mut listeners = none_alone();
    listeners.extend([listener("ours", &super::module()), listener("other", other)]);
    listeners
}

fn one_route() -> Value {
    json!([{ "path": "/**", "requires_role": ROLE }])
}

fn routes(count: usize) -> Value {
    let route = |number| json!({ "path": format!("{}{{id}}", prefix(number)), "requires_role": ROLE });
    (0..count).map(route).collect()
}

/// The path prefix of a rule and of the requests that match the rule.
pub fn prefix(number: usize) -> String {
    format!("/service-{number:05}/items/")
}

fn ours(tokens: &Tokens, cache: usize, routes: Value) -> Value {
    ours_of(&super::module(), tokens, cache, routes)
}

fn ours_of(module: &Path, tokens: &Tokens, cache: usize, routes: Value) -> Value {
    let configuration = json!({
        "issuer": ISSUER,
        "audience": AUDIENCE,
        "jwks_inline": tokens.key_set,
        "accepted_algorithms": ["RS256", "ES256", "PS256", "EdDSA"],
        "routes": routes,
        "token_cache_entries": cache,
    });
    filter(
        "wasm",
        "wasm.v3.Wasm",
        json!({ "config": {
        "name": format!("jwt_guard_{cache}_{}", routes.as_array().map_or(0, Vec::len)),
        "root_id": "jwt_guard",
        "failure_policy": "FAIL_RELOAD",
        "vm_config": {
            // One VM per module.
            "vm_id": module,
            "runtime": "envoy.wasm.runtime.v8",
            "code": { "local": { "filename": module } },
        },
        "configuration": typed("google.protobuf.Struct", json!({ "value": configuration })),
    } }),
    )
}

/// jwt_authn with the same work as our filter: it removes the token and writes the same seven claim headers (eight with
/// groups).
fn jwt_authn(tokens: &Tokens, cache: Value, rules: usize) -> Value {
    let claims = [
        ("x-auth-sub", "sub"),
        ("x-auth-email", "email"),
        ("x-auth-roles", "roles"),
        ("x-auth-groups", "groups"),
        ("x-auth-scopes", "scope"),
        ("x-auth-org-id", "org_id"),
        ("x-auth-jti", "jti"),
        ("x-auth-issuer", "iss"),
    ];
    let headers = claims.map(|(header, claim)| json!({ "header_name": header, "claim_name": claim }));
    let mut provider = json!({
        "issuer": ISSUER,
        "audiences": [AUDIENCE],
        "local_jwks": { "inline_string": tokens.key_set.to_string() },
        "from_headers": [{ "name": "Authorization", "value_prefix": "Bearer " }],
        "claim_to_headers": headers,
        "payload_in_metadata": "payload",
    });
    provider.as_object_mut().unwrap().extend(cache.as_object().unwrap().clone());
    let rule =
        |prefix: String| json!({ "match": { "prefix": prefix }, "requires": { "provider_name": "bench" } });
    let rules: Vec<Value> = match rules {
        1 => vec![rule("/".to_owned())],
        many => (0..many).map(prefix).map(rule).collect(),
    };
    filter(
        "jwt_authn",
        "jwt_authn.v3.JwtAuthentication",
        json!({ "providers": { "bench": provider }, "rules": rules }),
    )
}

fn rbac() -> Value {
    let matcher = json!({
        "filter": "envoy.filters.http.jwt_authn",
        "path": [{ "key": "payload" }, { "key": "roles" }],
        "value": { "list_match": { "one_of": { "string_match": { "exact": ROLE } } } },
    });
    let role = json!({ "sourced_metadata": { "metadata_matcher": matcher, "metadata_source": "DYNAMIC" } });
    let policy = json!({ "permissions": [{ "any": true }], "principals": [role] });
    filter("rbac", "rbac.v3.RBAC", json!({ "rules": { "action": "ALLOW", "policies": { "role": policy } } }))
}

pub fn filter(name: &str, kind: &str, config: Value) -> Value {
    json!({
        "name": format!("envoy.filters.http.{name}"),
        "typed_config": typed(&format!("envoy.extensions.filters.http.{kind}"), config),
    })
}

/// A `google.protobuf.Any` of that type.
pub fn typed(kind: &str, mut value: Value) -> Value {
    value["@type"] = format!("type.googleapis.com/{kind}").into();
    value
}

/// The complete configuration of Envoy.
pub fn bootstrap(listeners: &[Listener]) -> Value {
    let anywhere = json!({ "socket_address": { "address": "127.0.0.1", "port_value": 0 } });
    let listener = |listener: &Listener| {
        let mut filters = listener.filters.clone();
        filters.push(filter("router", "router.v3.Router", json!({})));
        let answer = json!({ "status": 200, "body": { "inline_string": "ok\n" } });
        let kind = "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager";
        let manager = typed(
            kind,
            json!({
                "stat_prefix": listener.name,
                "http_filters": filters,
                "route_config": { "virtual_hosts": [{
                    "name": "all",
                    "domains": ["*"],
                    "routes": [{ "match": { "prefix": "/" }, "direct_response": answer }],
                }] },
            }),
        );
        let chain = json!({ "filters": [{
            "name": "envoy.filters.network.http_connection_manager", "typed_config": manager,
        }] });
        json!({ "name": listener.name, "address": anywhere, "filter_chains": [chain] })
    };
    json!({
        "admin": { "address": anywhere },
        "static_resources": { "listeners": listeners.iter().map(listener).collect::<Vec<_>>() },
    })
}
