//! Configurations that show one feature each.

use jwt_guard_testkit::mint::ISSUER;
use serde_json::{Value, json};

use super::case::{Case, answer, jwt_authn, rbac};
use super::tokens::{PARTNER, Pool};
use crate::harness::typed;

/// The configurations.
pub fn cases(pool: &Pool) -> Vec<Case> {
    let mut cases = Vec::new();
    let own = || provider(pool, json!({}));
    let readable = || provider(pool, json!({ "payload_in_metadata": "payload" }));
    let requires = || json!({ "provider_name": "own" });
    let config = |provider: Value, rules: Value| {
        jwt_authn(json!({ "providers": { "own": provider }, "rules": rules }))
    };
    let api = || json!([{ "match": { "prefix": "/" }, "requires": { "provider_name": "own" } }]);
    for (name, matched) in matches() {
        let rules = json!([{ "match": matched, "requires": requires() }]);
        cases.push(Case::of_filters(format!("match {name} requires a token"), vec![config(own(), rules)]));
        let rules = json!([{ "match": matched }, { "match": { "prefix": "/" }, "requires": requires() }]);
        cases.push(Case::of_filters(format!("match {name} is open"), vec![config(own(), rules)]));
    }
    for (name, members) in providers() {
        cases
            .push(Case::of_filters(format!("provider {name}"), vec![config(provider(pool, members), api())]));
    }
    for (name, requires) in requirements() {
        let config = jwt_authn(json!({
            "providers": { "own": own(), "partner": partner(pool) },
            "rules": [{ "match": { "prefix": "/api/" }, "requires": requires }],
        }));
        cases.push(Case::of_filters(format!("requires {name}"), vec![config]));
    }
    for (name, matcher) in claims() {
        for action in ["ALLOW", "DENY"] {
            let name = format!("{action} by claim {name}");
            let principal = json!({ "metadata": matcher });
            cases.push(Case::of_filters(
                name,
                vec![config(readable(), api()), policy(action, json!({ "any": true }), principal)],
            ));
        }
    }
    for (name, permission) in permissions() {
        for action in ["ALLOW", "DENY"] {
            let name = format!("{action} by permission {name}");
            let principal = json!({ "metadata": role("admin") });
            cases.push(Case::of_filters(
                name,
                vec![config(readable(), api()), policy(action, permission.clone(), principal)],
            ));
        }
    }
    cases.extend(of_routes(&config(readable(), api())));
    cases.extend(documented(pool));
    cases
}

fn provider(pool: &Pool, members: Value) -> Value {
    let mut provider = json!({
        "issuer": ISSUER,
        "audiences": ["orders-api"],
        "local_jwks": pool.local(ISSUER),
    });
    provider.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    provider
}

fn partner(pool: &Pool) -> Value {
    provider(
        pool,
        json!({
            "issuer": PARTNER, "local_jwks": pool.local(PARTNER), "from_headers": [{ "name": "x-partner-token" }],
        }),
    )
}

fn role(role: &str) -> Value {
    json!({
        "filter": "envoy.filters.http.jwt_authn",
        "path": [{ "key": "payload" }, { "key": "roles" }],
        "value": { "list_match": { "one_of": { "string_match": { "exact": role } } } },
    })
}

fn policy(action: &str, permission: Value, principal: Value) -> Value {
    let policy = json!({ "permissions": [permission], "principals": [principal] });
    rbac(json!({ "rules": { "action": action, "policies": { "one": policy } } }))
}

fn template(path: &str) -> Value {
    json!({
        "name": "envoy.path.match.uri_template.uri_template_matcher",
        "typed_config": typed(
            "envoy.extensions.path.match.uri_template.v3.UriTemplateMatchConfig",
            json!({ "path_template": path }),
        ),
    })
}

fn matches() -> Vec<(&'static str, Value)> {
    let header = |header: Value| json!({ "prefix": "/api/", "headers": [header] });
    vec![
        ("prefix with a slash", json!({ "prefix": "/api/" })),
        ("prefix without a slash", json!({ "prefix": "/api" })),
        ("path", json!({ "path": "/healthz" })),
        ("path with a slash", json!({ "path": "/healthz/" })),
        ("path_separated_prefix", json!({ "path_separated_prefix": "/api" })),
        ("prefix with an escape", json!({ "prefix": "/a%20b/" })),
        ("prefix in capitals", json!({ "prefix": "/API/" })),
        ("prefix in any letters", json!({ "prefix": "/api/", "case_sensitive": false })),
        ("safe_regex of a path", json!({ "safe_regex": { "regex": "/api/admin" } })),
        ("safe_regex of a prefix", json!({ "safe_regex": { "regex": "/api/.*" } })),
        ("safe_regex of segments", json!({ "safe_regex": { "regex": "/api/[^/]+/lines" } })),
        ("safe_regex of digits", json!({ "safe_regex": { "regex": "/api/v[0-9]+/.*" } })),
        ("a template of one segment", json!({ "path_match_policy": template("/api/{id}") })),
        ("a template of the rest", json!({ "path_match_policy": template("/api/{id}/**") })),
        ("method", header(json!({ "name": ":method", "string_match": { "exact": "GET" } }))),
        (
            "no method",
            header(json!({ "name": ":method", "string_match": { "exact": "GET" }, "invert_match": true })),
        ),
        ("host", header(json!({ "name": ":authority", "string_match": { "exact": "one.example" } }))),
        ("header", header(json!({ "name": "x-internal", "present_match": true }))),
        ("query", json!({ "prefix": "/api/", "query_parameters": [{ "name": "q", "present_match": true }] })),
    ]
}

fn providers() -> Vec<(&'static str, Value)> {
    vec![
        ("with an audience", json!({})),
        ("without audiences", json!({ "audiences": [] })),
        ("with two audiences", json!({ "audiences": ["orders-api", "billing"] })),
        ("with require_expiration", json!({ "require_expiration": true })),
        ("with max_lifetime", json!({ "max_lifetime": "7200s" })),
        ("with a header", json!({ "from_headers": [{ "name": "x-token" }] })),
        ("with a parameter", json!({ "from_params": ["t"] })),
        ("with a cookie", json!({ "from_cookies": ["session"] })),
        ("with subjects", json!({ "subjects": { "prefix": "svc-" } })),
        ("with a subject", json!({ "subjects": { "exact": "svc-1" } })),
        (
            "with claim headers",
            json!({ "claim_to_headers": [{ "header_name": "x-user", "claim_name": "sub" }] }),
        ),
        ("with a payload header", json!({ "forward_payload_header": "x-payload", "forward": true })),
        ("with a clock skew", json!({ "clock_skew_seconds": 5 })),
    ]
}

fn requirements() -> Vec<(&'static str, Value)> {
    let any = |parts: Value| json!({ "requires_any": { "requirements": parts } });
    let all = |parts: Value| json!({ "requires_all": { "requirements": parts } });
    let (own, partner) = (json!({ "provider_name": "own" }), json!({ "provider_name": "partner" }));
    let (missing, failed) = (json!({ "allow_missing": {} }), json!({ "allow_missing_or_failed": {} }));
    vec![
        ("nothing", json!({})),
        ("a provider", own.clone()),
        ("another provider", partner.clone()),
        (
            "audiences",
            json!({ "provider_and_audiences": { "provider_name": "own", "audiences": ["billing"] } }),
        ),
        ("one of two providers", any(json!([own, partner]))),
        ("both providers", all(json!([own, partner]))),
        ("a provider or nothing", any(json!([own, missing]))),
        ("a provider or anything", any(json!([own, failed]))),
        ("a provider of two or nothing", any(json!([own, partner, missing]))),
        ("a provider of two or anything", any(json!([own, partner, failed]))),
        (
            "audiences of a provider or nothing",
            any(json!([
                own,
                { "provider_and_audiences": { "provider_name": "own", "audiences": ["billing"] } },
                missing,
            ])),
        ),
        ("allow_missing", missing.clone()),
        ("allow_missing_or_failed", failed),
        ("a provider and allow_missing", all(json!([own, missing]))),
        ("a provider, twice", all(json!([own, own]))),
        (
            "a provider or audiences",
            any(json!([
                partner, { "provider_and_audiences": { "provider_name": "own", "audiences": ["billing"] } },
            ])),
        ),
    ]
}

fn claims() -> Vec<(&'static str, Value)> {
    let of = |claim: &[&str], value: Value| {
        let path: Vec<Value> =
            std::iter::once(&"payload").chain(claim).map(|key| json!({ "key": key })).collect();
        json!({ "filter": "envoy.filters.http.jwt_authn", "path": path, "value": value })
    };
    let text = |matcher: Value| json!({ "string_match": matcher });
    let list = |value: Value| json!({ "list_match": { "one_of": value } });
    let mut inverted = of(&["roles"], list(text(json!({ "exact": "admin" }))));
    inverted["invert"] = json!(true);
    vec![
        ("text", of(&["dept"], text(json!({ "exact": "finance" })))),
        ("text prefix", of(&["dept"], text(json!({ "prefix": "finance" })))),
        ("text suffix", of(&["dept"], text(json!({ "suffix": "-eu" })))),
        ("text part", of(&["dept"], text(json!({ "contains": "nan" })))),
        ("text pattern", of(&["dept"], text(json!({ "safe_regex": { "regex": "fin.*" } })))),
        ("text in any letters", of(&["dept"], text(json!({ "exact": "FINANCE", "ignore_case": true })))),
        ("list", of(&["roles"], list(text(json!({ "exact": "admin" }))))),
        ("list prefix", of(&["roles"], list(text(json!({ "prefix": "adm" }))))),
        (
            "list or text",
            of(
                &["roles"],
                json!({ "or_match": { "value_matchers": [
            text(json!({ "exact": "admin" })), list(text(json!({ "exact": "admin" }))),
        ] } }),
            ),
        ),
        ("number", of(&["level"], json!({ "double_match": { "exact": 5 } }))),
        ("numbers", of(&["level"], json!({ "double_match": { "range": { "start": 5, "end": 10 } } }))),
        ("boolean", of(&["flag"], json!({ "bool_match": true }))),
        ("no boolean", of(&["flag"], json!({ "bool_match": false }))),
        ("present", of(&["roles"], json!({ "present_match": true }))),
        ("null", of(&["roles"], json!({ "null_match": {} }))),
        ("nested", of(&["realm", "roles"], list(text(json!({ "exact": "admin" }))))),
        ("inverted", inverted),
        ("status", of(&["status"], text(json!({ "exact": "suspended" })))),
    ]
}

fn permissions() -> Vec<(&'static str, Value)> {
    let path = |matcher: Value| json!({ "url_path": { "path": matcher } });
    let method = |name: &str| json!({ "header": { "name": ":method", "string_match": { "exact": name } } });
    vec![
        ("prefix", path(json!({ "prefix": "/api/" }))),
        ("exact", path(json!({ "exact": "/api/admin" }))),
        ("suffix", path(json!({ "suffix": ".json" }))),
        ("contains", path(json!({ "contains": "admin" }))),
        ("ignore_case", path(json!({ "prefix": "/api/", "ignore_case": true }))),
        ("method", method("DELETE")),
        ("GET", method("GET")),
        ("and", json!({ "and_rules": { "rules": [method("GET"), path(json!({ "prefix": "/api/" }))] } })),
        ("or", json!({ "or_rules": { "rules": [method("POST"), method("DELETE")] } })),
        ("not", json!({ "not_rule": path(json!({ "prefix": "/api/" })) })),
        ("uri_template", json!({ "uri_template": template("/api/{id}/lines") })),
        ("host", json!({ "header": { "name": ":authority", "string_match": { "suffix": ".two.example" } } })),
        (
            "path with a query",
            json!({ "header": { "name": ":path", "string_match": { "exact": "/api/admin" } } }),
        ),
        ("port", json!({ "destination_port": 443 })),
    ]
}

/// Configurations of the filters for single routes.
fn of_routes(jwt: &Value) -> Vec<Case> {
    let disabled = json!({ "typed_per_filter_config": { "envoy.filters.http.jwt_authn":
        typed("envoy.extensions.filters.http.jwt_authn.v3.PerRouteConfig", json!({ "disabled": true })) } });
    let off = json!({ "typed_per_filter_config": { "envoy.filters.http.jwt_authn":
        typed("envoy.config.route.v3.FilterConfig", json!({ "disabled": true })) } });
    let admins = policy("ALLOW", json!({ "any": true }), json!({ "metadata": role("admin") }));
    let no_rbac = json!({ "typed_per_filter_config": { "envoy.filters.http.rbac":
        typed("envoy.extensions.filters.http.rbac.v3.RBACPerRoute", json!({})) } });
    let rest = answer("/", json!({}));
    let all = |routes: Value| json!([{ "name": "all", "domains": ["*"], "routes": routes }]);
    let mut host = json!({ "name": "open", "domains": ["open.example"], "routes": [rest] });
    host.as_object_mut().unwrap().extend(disabled.as_object().unwrap().clone());
    let switched = |state: Value| {
        json!({ "typed_per_filter_config": {
        "envoy.filters.http.jwt_authn": typed("envoy.config.route.v3.FilterConfig", state.clone()),
        "envoy.filters.http.rbac": typed("envoy.config.route.v3.FilterConfig", state),
    } })
    };
    let mut without = json!({ "name": "all", "domains": ["*"], "routes": [
        answer("/api/", switched(json!({ "config": {} }))), rest,
    ] });
    without
        .as_object_mut()
        .unwrap()
        .extend(switched(json!({ "disabled": true })).as_object().unwrap().clone());
    let back_on = json!([without]);
    let two_hosts = json!([host, { "name": "all", "domains": ["*"], "routes": [rest] }]);
    vec![
        Case::with_hosts(
            "a route without jwt_authn",
            vec![jwt.clone()],
            all(json!([answer("/public/", disabled.clone()), rest])),
        ),
        Case::with_hosts(
            "a route with the filter off",
            vec![jwt.clone()],
            all(json!([answer("/public", off), rest])),
        ),
        Case::with_hosts("a host without jwt_authn", vec![jwt.clone()], two_hosts),
        Case::with_hosts(
            "a route without RBAC",
            vec![jwt.clone(), admins.clone()],
            all(json!([answer("/public/", no_rbac), rest])),
        ),
        Case::with_hosts(
            "an earlier route",
            vec![jwt.clone()],
            all(json!([answer("/public/private/", json!({})), answer("/public/", disabled), rest])),
        ),
        Case::with_hosts(
            "a route with the filters on, in a host without them",
            vec![jwt.clone(), admins.clone()],
            back_on,
        ),
        Case::of_filters("RBAC before jwt_authn", vec![admins.clone(), jwt.clone()]),
        Case::of_filters(
            "two RBAC filters",
            vec![
                jwt.clone(),
                admins,
                policy("DENY", json!({ "any": true }), json!({ "metadata": role("user") })),
            ],
        ),
    ]
}

/// The examples of `docs/migration.md`, with keys of their own.
fn documented(pool: &Pool) -> Vec<Case> {
    let mut cases = Vec::new();
    for section in ["From jwt_authn and RBAC", "Several providers of jwt_authn"] {
        let (_, blocks) = crate::documents::section("migration.md", section);
        let mut filters = blocks[0].as_array().unwrap().clone();
        for filter in &mut filters {
            let Some(Value::Object(providers)) = filter["typed_config"].get_mut("providers") else {
                continue;
            };
            for provider in providers.values_mut() {
                let members = provider.as_object_mut().unwrap();
                members.remove("remote_jwks");
                let issuer = members["issuer"].as_str().unwrap().to_owned();
                members.insert("local_jwks".to_owned(), pool.local(&issuer));
            }
        }
        cases.push(Case::of_filters(section, filters));
    }
    cases
}
