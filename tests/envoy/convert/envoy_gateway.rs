//! Envoy Gateway's objects: written by hand, and from a generator with a fixed seed.

use jwt_guard_testkit::mint::ISSUER;
use serde_json::{Value, json};

use super::case::{Case, everything};
use super::gateway_filters::{Routes, filters, routes};
use super::requests::Random;
use super::tokens::{PARTNER, Pool};

/// The number of generated configurations.
const COUNT: u64 = 60;

/// The configurations.
pub fn cases(pool: &Pool) -> Vec<Case> {
    let mut cases = written(pool);
    cases.extend(with_routes(pool));
    cases.extend((0..COUNT).map(|seed| generated(seed, pool)));
    cases
}

fn text(objects: &[Value]) -> String {
    objects.iter().map(|object| format!("{object:#}")).collect::<Vec<_>>().join("\n---\n")
}

/// A policy for a route that is not in the files.
fn case(name: String, spec: Value) -> Case {
    let policy = policy("policy", ("HTTPRoute", "orders"), spec);
    let filters = filters(&policy["spec"]);
    Case::of_objects(name, &text(&[policy]), filters, everything())
}

fn policy(name: &str, (kind, target): (&str, &str), mut spec: Value) -> Value {
    spec["targetRefs"] = json!([{ "group": "gateway.networking.k8s.io", "kind": kind, "name": target }]);
    json!({
        "apiVersion": "gateway.envoyproxy.io/v1alpha1",
        "kind": "SecurityPolicy",
        "metadata": { "name": name, "namespace": "shop" },
        "spec": spec,
    })
}

fn route(name: &str, hostnames: &[&str], matches: Value) -> Value {
    json!({
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "HTTPRoute",
        "metadata": { "name": name, "namespace": "shop" },
        "spec": { "parentRefs": [{ "name": "eg" }], "hostnames": hostnames, "rules": [{ "matches": matches }] },
    })
}

fn provider(name: &str, issuer: &str, pool: &Pool) -> Value {
    json!({
        "name": name,
        "issuer": issuer,
        "audiences": ["orders-api"],
        "localJWKS": { "type": "Inline", "inline": pool.local(issuer)["inline_string"] },
    })
}

fn jwt(pool: &Pool) -> Value {
    json!({ "providers": [provider("own", ISSUER, pool)] })
}

fn roles(values: &[&str]) -> Value {
    json!({ "jwt": { "provider": "own", "claims": [{ "name": "roles", "valueType": "StringArray", "values": values }] } })
}

fn everyone() -> Value {
    json!({ "clientCIDRs": ["0.0.0.0/0", "::/0"] })
}

fn written(pool: &Pool) -> Vec<Case> {
    let both = || json!({ "providers": [provider("own", ISSUER, pool), provider("partner", PARTNER, pool)] });
    let with = |mut value: Value, name: &str, member: Value| {
        value[name] = member;
        value
    };
    let path = |kind: &str, value: &str| json!({ "path": { "type": kind, "value": value } });
    let rules = |rules: Value, default: &str| json!({ "rules": rules, "defaultAction": default });
    let rows: Vec<(&str, Value)> = vec![
        ("tokens alone", json!({ "jwt": jwt(pool) })),
        ("optional tokens", json!({ "jwt": with(jwt(pool), "optional", json!(true)) })),
        ("tokens that may fail", json!({ "jwt": with(jwt(pool), "failOpen", json!(true)) })),
        ("two providers", json!({ "jwt": both() })),
        ("two providers, optional", json!({ "jwt": with(both(), "optional", json!(true)) })),
        ("nothing is allowed", json!({ "jwt": jwt(pool), "authorization": {} })),
        ("everything is allowed", json!({ "jwt": jwt(pool), "authorization": { "defaultAction": "Allow" } })),
        (
            "admins",
            json!({ "jwt": jwt(pool), "authorization": rules(json!([{ "action": "Allow", "principal": roles(&["admin"]) }]), "Deny") }),
        ),
        (
            "the example of the documents",
            json!({ "jwt": jwt(pool), "authorization": rules(json!([
                { "name": "admins", "action": "Allow", "operation": path("PathPrefix", "/api/admin"), "principal": roles(&["admin"]) },
                { "name": "others", "action": "Deny", "operation": path("PathPrefix", "/api/admin"), "principal": everyone() },
                { "name": "readers", "action": "Allow", "operation": path("PathPrefix", "/api"),
                  "principal": { "jwt": { "provider": "own", "scopes": ["read"] } } },
            ]), "Deny") }),
        ),
        (
            "two scopes",
            json!({ "jwt": jwt(pool), "authorization": rules(json!([
                { "action": "Allow", "principal": { "jwt": { "provider": "own", "scopes": ["read", "write"] } } },
            ]), "Deny") }),
        ),
        (
            "denies before all others",
            json!({ "jwt": jwt(pool), "authorization": rules(json!([
                { "action": "Deny", "operation": { "methods": ["DELETE"] }, "principal": everyone() },
                { "action": "Deny", "principal": { "jwt": { "provider": "own", "claims": [{ "name": "status", "values": ["suspended"] }] } } },
                { "action": "Allow", "operation": path("PathPrefix", "/api"), "principal": everyone() },
            ]), "Deny") }),
        ),
        (
            "a deny between two allows",
            json!({ "jwt": jwt(pool), "authorization": rules(json!([
                { "action": "Allow", "operation": path("Exact", "/api/health"), "principal": everyone() },
                { "action": "Deny", "principal": { "jwt": { "provider": "own", "claims": [{ "name": "status", "values": ["suspended"] }] } } },
                { "action": "Allow", "principal": roles(&["admin", "user"]) },
            ]), "Deny") }),
        ),
        (
            "an allow before a deny of the same",
            json!({ "jwt": jwt(pool), "authorization": rules(json!([
                { "action": "Allow", "principal": roles(&["admin"]) },
                { "action": "Deny", "operation": path("PathPrefix", "/api/admin"), "principal": everyone() },
            ]), "Allow") }),
        ),
        (
            "paths but one",
            json!({ "jwt": jwt(pool), "authorization": rules(json!([
                { "action": "Allow", "operation": { "path": { "type": "PathPrefix", "value": "/api/admin", "invert": true } }, "principal": everyone() },
            ]), "Deny") }),
        ),
        (
            "a path by a pattern",
            json!({ "jwt": jwt(pool), "authorization": rules(json!([
                { "action": "Allow", "operation": path("RegularExpression", "^/api/v[0-9]+/.*"), "principal": everyone() },
                { "action": "Allow", "principal": roles(&["admin"]) },
            ]), "Deny") }),
        ),
        (
            "an address",
            json!({ "jwt": jwt(pool), "authorization": rules(json!([
                { "action": "Deny", "principal": { "clientCIDRs": ["10.0.0.0/8"] } },
                { "action": "Allow", "principal": { "clientCIDRs": ["127.0.0.0/8"], "jwt": roles(&["admin"])["jwt"] } },
                { "action": "Allow", "operation": path("PathPrefix", "/public"), "principal": everyone() },
            ]), "Deny") }),
        ),
        (
            "a header",
            json!({ "jwt": jwt(pool), "authorization": rules(json!([
                { "action": "Allow", "principal": { "headers": [{ "name": "x-internal", "values": ["1"] }] } },
                { "action": "Allow", "operation": { "methods": ["GET", "HEAD"] }, "principal": roles(&["user"]) },
            ]), "Deny") }),
        ),
        (
            "one provider of two",
            json!({ "jwt": both(), "authorization": rules(json!([
                { "action": "Allow", "principal": { "jwt": { "provider": "partner", "claims": [{ "name": "roles", "valueType": "StringArray", "values": ["admin"] }] } } },
                { "action": "Allow", "operation": path("PathPrefix", "/api"), "principal": { "jwt": { "provider": "own", "claims": [{ "name": "realm.roles", "valueType": "StringArray", "values": ["admin"] }] } } },
            ]), "Deny") }),
        ),
        (
            "other places of a token",
            json!({ "jwt": { "providers": [with(provider("own", ISSUER, pool), "extractFrom", json!({
                "headers": [{ "name": "x-token" }], "params": ["t"], "cookies": ["session"],
            }))] } }),
        ),
    ];
    rows.into_iter().map(|(name, spec)| case(format!("Envoy Gateway, {name}"), spec)).collect()
}

/// Policies with the routes of a Gateway in the files.
fn with_routes(pool: &Pool) -> Vec<Case> {
    let prefix = |value: &str| json!([{ "path": { "type": "PathPrefix", "value": value } }]);
    let exact = |value: &str| json!([{ "path": { "type": "Exact", "value": value } }]);
    let tokens = |target| policy("tokens", target, json!({ "jwt": jwt(pool) }));
    let admins = |target| {
        let rules = json!([{ "action": "Allow", "principal": roles(&["admin"]) }]);
        policy("admins", target, json!({ "jwt": jwt(pool), "authorization": { "rules": rules } }))
    };
    let billing = |target| {
        let mut provider = provider("billing", ISSUER, pool);
        provider["audiences"] = json!(["billing"]);
        policy("billing", target, json!({ "jwt": { "providers": [provider] } }))
    };
    let rows: Vec<(&str, Vec<Value>)> = vec![
        (
            "an audience for each route",
            vec![
                route("api", &[], prefix("/api")),
                route("other", &[], prefix("/other")),
                billing(("HTTPRoute", "other")),
                admins(("HTTPRoute", "api")),
            ],
        ),
        (
            "one of two routes",
            vec![
                route("public", &[], prefix("/public")),
                route("api", &[], prefix("/api")),
                tokens(("HTTPRoute", "api")),
            ],
        ),
        (
            "a Gateway and one route",
            vec![
                route("api", &[], prefix("/api")),
                route("admin", &[], prefix("/api/admin")),
                tokens(("Gateway", "eg")),
                admins(("HTTPRoute", "admin")),
            ],
        ),
        (
            "hosts",
            vec![
                route("one", &["one.example"], prefix("/")),
                route("two", &["*.two.example"], prefix("/")),
                route("all", &[], prefix("/api")),
                tokens(("HTTPRoute", "two")),
                admins(("HTTPRoute", "one")),
            ],
        ),
        (
            "an exact path before a prefix",
            vec![
                route("login", &[], exact("/api/login")),
                route("api", &[], prefix("/api")),
                admins(("HTTPRoute", "api")),
            ],
        ),
        (
            "an exact path alone",
            vec![
                route("login", &[], exact("/login")),
                route("api", &[], prefix("/api")),
                admins(("HTTPRoute", "api")),
            ],
        ),
        (
            "a header before a prefix",
            vec![
                route(
                    "beta",
                    &[],
                    json!([{ "path": { "type": "PathPrefix", "value": "/api" }, "headers": [{ "name": "x-beta", "value": "1" }] }]),
                ),
                route("api", &[], prefix("/api")),
                tokens(("HTTPRoute", "beta")),
                admins(("HTTPRoute", "api")),
            ],
        ),
        (
            "a method before a prefix",
            vec![
                route(
                    "read",
                    &[],
                    json!([{ "path": { "type": "PathPrefix", "value": "/api" }, "method": "GET" }]),
                ),
                route("api", &[], prefix("/api")),
                tokens(("HTTPRoute", "read")),
                admins(("HTTPRoute", "api")),
            ],
        ),
        (
            "a pattern before a prefix",
            vec![
                route(
                    "versions",
                    &[],
                    json!([{ "path": { "type": "RegularExpression", "value": "/api/v[0-9]+/.*" } }]),
                ),
                route("api", &[], prefix("/api")),
                admins(("HTTPRoute", "versions")),
            ],
        ),
        (
            "a policy that is merged",
            vec![
                route("api", &[], prefix("/api")),
                route("other", &[], prefix("/other")),
                tokens(("Gateway", "eg")),
                {
                    let rules = json!([{ "action": "Allow", "principal": roles(&["admin"]) }]);
                    policy(
                        "merged",
                        ("HTTPRoute", "api"),
                        json!({ "mergeType": "StrategicMerge", "authorization": { "rules": rules } }),
                    )
                },
            ],
        ),
    ];
    let of = |(name, objects): (&str, Vec<Value>)| {
        let Routes { filters, virtual_hosts } = routes(&objects);
        Case::of_objects(format!("Envoy Gateway, {name}"), &text(&objects), filters, virtual_hosts)
    };
    rows.into_iter().map(of).collect()
}

fn generated(seed: u64, pool: &Pool) -> Case {
    let mut random = Random(0x6761_7465_7761 + seed);
    let mut providers = vec![provider("own", ISSUER, pool)];
    if random.below(3) == 0 {
        providers.push(provider("partner", PARTNER, pool));
    }
    let names: Vec<String> =
        providers.iter().map(|provider| provider["name"].as_str().unwrap().to_owned()).collect();
    let mut jwt = json!({ "providers": providers });
    match random.below(5) {
        0 => jwt["optional"] = json!(true),
        1 => jwt["failOpen"] = json!(true),
        _ => {}
    }
    let rules: Vec<Value> = (0..1 + random.below(5)).map(|_| rule(&mut random, &names)).collect();
    let default = random.of(&["Allow", "Deny", "Deny"]);
    let authorization = json!({ "rules": rules, "defaultAction": default });
    if random.below(4) > 0 {
        return case(
            format!("Envoy Gateway, generated {seed}"),
            json!({ "jwt": jwt, "authorization": authorization }),
        );
    }
    // Two routes with one match and different policies are refused: their age decides.
    let first = random.below(5);
    let matches = |random: &mut Random, index: usize| {
        let value = ["/api", "/public", "/api/admin", "/", "/healthz"][(first + index) % 5];
        json!([{ "path": { "type": random.of(&["PathPrefix", "PathPrefix", "Exact"]), "value": value } }])
    };
    let hosts = |random: &mut Random| random.of(&[&[] as &[&str], &[], &["one.example"], &["*.two.example"]]);
    let mut objects: Vec<Value> = [("a", 0), ("b", 1), ("c", 2)]
        .map(|(name, index)| route(name, hosts(&mut random), matches(&mut random, index)))
        .into();
    objects.push(policy("first", ("HTTPRoute", "a"), json!({ "jwt": jwt, "authorization": authorization })));
    let rules: Vec<Value> = (0..2).map(|_| rule(&mut random, &names)).collect();
    let target = random.of(&[("HTTPRoute", "b"), ("Gateway", "eg")]);
    objects.push(policy("second", target, json!({ "jwt": jwt, "authorization": { "rules": rules } })));
    let Routes { filters, virtual_hosts } = routes(&objects);
    Case::of_objects(format!("Envoy Gateway, generated {seed}"), &text(&objects), filters, virtual_hosts)
}

fn rule(random: &mut Random, providers: &[String]) -> Value {
    let mut rule = json!({ "action": random.of(&["Allow", "Allow", "Deny"]), "principal": principal(random, providers) });
    if random.below(3) > 0 {
        let mut operation = json!({});
        if random.below(4) > 0 {
            let kind = random.of(&["PathPrefix", "PathPrefix", "PathPrefix", "Exact", "RegularExpression"]);
            let value = match kind {
                "RegularExpression" => "/api/v[0-9]+/.*",
                _ => random.of(&["/api", "/api/admin", "/public", "/", "/healthz"]),
            };
            operation["path"] = json!({ "type": kind, "value": value });
            if random.below(6) == 0 {
                operation["path"]["invert"] = json!(true);
            }
        }
        if random.below(3) == 0 || operation == json!({}) {
            operation["methods"] = json!([random.of(&["GET", "POST", "DELETE"])]);
        }
        rule["operation"] = operation;
    }
    rule
}

fn principal(random: &mut Random, providers: &[String]) -> Value {
    let claims = [
        json!({ "name": "roles", "valueType": "StringArray", "values": ["admin"] }),
        json!({ "name": "roles", "valueType": "StringArray", "values": ["admin", "user"] }),
        json!({ "name": "dept", "values": ["finance"] }),
        json!({ "name": "status", "values": ["suspended"] }),
        json!({ "name": "realm.roles", "valueType": "StringArray", "values": ["admin"] }),
    ];
    let provider = random.of(providers);
    match random.below(10) {
        0 => json!({ "clientCIDRs": ["10.0.0.0/8"] }),
        1 | 2 => everyone(),
        3 => json!({ "headers": [{ "name": "x-internal", "values": ["1", "2"] }] }),
        4 => json!({ "jwt": { "provider": provider, "scopes": ["read"] } }),
        5 => json!({ "jwt": { "provider": provider, "claims": [random.of(&claims)], "scopes": ["write"] } }),
        6 => json!({ "jwt": { "provider": provider, "claims": [random.of(&claims), random.of(&claims)] } }),
        _ => json!({ "jwt": { "provider": provider, "claims": [random.of(&claims)] } }),
    }
}
