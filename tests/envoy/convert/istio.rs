//! Istio's objects, written by hand.

use jwt_guard_testkit::mint::ISSUER;
use serde_json::{Value, json};

use super::case::{Case, everything};
use super::istiod;
use super::tokens::{PARTNER, Pool};

/// A case of objects for one proxy.
pub fn case(name: String, objects: &[Value]) -> Case {
    let texts: Vec<String> = objects.iter().map(|object| format!("{object:#}")).collect();
    Case::of_objects(name, &texts.join("\n---\n"), istiod::filters(objects), everything())
}

/// A RequestAuthentication with rules for these issuers.
pub fn authentication(rules: Vec<Value>) -> Value {
    json!({
        "apiVersion": "security.istio.io/v1",
        "kind": "RequestAuthentication",
        "metadata": { "name": "jwt", "namespace": "shop" },
        "spec": { "selector": { "matchLabels": { "app": "orders" } }, "jwtRules": rules },
    })
}

/// A rule for the tokens of an issuer.
pub fn jwt_rule(issuer: &str, pool: &Pool) -> Value {
    json!({ "issuer": issuer, "audiences": ["orders-api"], "jwks": pool.local(issuer)["inline_string"] })
}

/// An AuthorizationPolicy.
pub fn policy(name: &str, action: &str, rules: Value) -> Value {
    let mut spec =
        json!({ "selector": { "matchLabels": { "app": "orders" } }, "action": action, "rules": rules });
    if action == "CUSTOM" {
        spec["provider"] = json!({ "name": "opa" });
    }
    json!({
        "apiVersion": "security.istio.io/v1",
        "kind": "AuthorizationPolicy",
        "metadata": { "name": name, "namespace": "shop" },
        "spec": spec,
    })
}

/// The configurations.
pub fn cases(pool: &Pool) -> Vec<Case> {
    let own = || authentication(vec![jwt_rule(ISSUER, pool)]);
    let both = || authentication(vec![jwt_rule(ISSUER, pool), jwt_rule(PARTNER, pool)]);
    let any = json!([{ "source": { "requestPrincipals": ["*"] } }]);
    let to = |operation: Value| json!([{ "operation": operation }]);
    let claim = |name: &str, values: Value| json!([{ "key": format!("request.auth.claims[{name}]"), "values": values }]);
    let no_claim = |name: &str, values: Value| json!([{ "key": format!("request.auth.claims[{name}]"), "notValues": values }]);
    let rows: Vec<(&str, Vec<Value>)> = vec![
        ("authentication alone", vec![own()]),
        ("two issuers alone", vec![both()]),
        ("nothing is allowed", vec![own(), policy("a", "ALLOW", json!([]))]),
        ("everything is allowed", vec![own(), policy("a", "ALLOW", json!([{}]))]),
        ("everything is denied", vec![own(), policy("a", "DENY", json!([{}]))]),
        ("a token is needed", vec![own(), policy("a", "ALLOW", json!([{ "from": any }]))]),
        (
            "no token is denied",
            vec![
                own(),
                policy("a", "DENY", json!([{ "from": [{ "source": { "notRequestPrincipals": ["*"] } }] }])),
            ],
        ),
        (
            "no token is denied below a path",
            vec![
                own(),
                policy(
                    "a",
                    "DENY",
                    json!([{ "from": [{ "source": { "notRequestPrincipals": ["*"] } }], "to": to(json!({ "paths": ["/api/*"] })) }]),
                ),
            ],
        ),
        (
            "the example of the documents",
            vec![
                own(),
                policy(
                    "a",
                    "ALLOW",
                    json!([
                        { "to": to(json!({ "paths": ["/public/*"] })) },
                        { "from": any, "to": to(json!({ "notPaths": ["/api/admin/*"] })) },
                        { "from": any, "to": to(json!({ "paths": ["/api/admin/*"] })), "when": claim("roles", json!(["admin"])) },
                    ]),
                ),
            ],
        ),
        (
            "one issuer of two",
            vec![
                both(),
                policy(
                    "a",
                    "ALLOW",
                    json!([{ "from": [{ "source": { "requestPrincipals": [format!("{PARTNER}/*")] } }] }]),
                ),
            ],
        ),
        (
            "a subject",
            vec![
                own(),
                policy(
                    "a",
                    "ALLOW",
                    json!([{ "from": [{ "source": { "requestPrincipals": [format!("{ISSUER}/svc-1")] } }] }]),
                ),
            ],
        ),
        (
            "the start of a subject",
            vec![
                own(),
                policy(
                    "a",
                    "ALLOW",
                    json!([{ "from": [{ "source": { "requestPrincipals": [format!("{ISSUER}/svc-*"), "*-9"] } }] }]),
                ),
            ],
        ),
        (
            "not one subject",
            vec![
                own(),
                policy(
                    "a",
                    "ALLOW",
                    json!([{ "from": [{ "source": { "notRequestPrincipals": ["*/svc-1"] } }] }]),
                ),
            ],
        ),
        (
            "suspended tokens are denied",
            vec![own(), policy("a", "DENY", json!([{ "when": claim("status", json!(["suspended"])) }]))],
        ),
        (
            "only admins delete",
            vec![
                own(),
                policy(
                    "a",
                    "DENY",
                    json!([{ "to": to(json!({ "methods": ["DELETE"] })), "when": no_claim("roles", json!(["admin"])) }]),
                ),
            ],
        ),
        (
            "a nested claim",
            vec![
                own(),
                policy("a", "ALLOW", json!([{ "when": claim("realm][roles", json!(["admin", "ops-*"])) }])),
            ],
        ),
        (
            "the start and the end of a claim",
            vec![own(), policy("a", "ALLOW", json!([{ "when": claim("dept", json!(["fin*", "*les"])) }]))],
        ),
        (
            "any value of a claim",
            vec![own(), policy("a", "ALLOW", json!([{ "when": claim("roles", json!(["*"])) }]))],
        ),
        ("a scope", vec![own(), policy("a", "ALLOW", json!([{ "when": claim("scope", json!(["write"])) }]))]),
        (
            "not a scope",
            vec![own(), policy("a", "DENY", json!([{ "when": claim("scope", json!(["write"])) }]))],
        ),
        (
            "an audience and a presenter",
            vec![
                own(),
                policy(
                    "a",
                    "ALLOW",
                    json!([
                        { "when": [{ "key": "request.auth.audiences", "values": ["billing"] }] },
                        { "when": [{ "key": "request.auth.presenter", "values": ["web"] }] },
                    ]),
                ),
            ],
        ),
        (
            "hosts",
            vec![
                own(),
                policy(
                    "a",
                    "ALLOW",
                    json!([
                        { "to": to(json!({ "hosts": ["one.example", "*.two.example"] })) },
                        { "from": any, "to": to(json!({ "hosts": ["api.*"], "notHosts": ["a.one.example"] })) },
                    ]),
                ),
            ],
        ),
        (
            "methods",
            vec![
                own(),
                policy(
                    "a",
                    "ALLOW",
                    json!([
                        { "to": to(json!({ "methods": ["GET"] })) },
                        { "from": any, "to": to(json!({ "notMethods": ["DELETE"], "paths": ["/api/*"] })) },
                        { "from": any, "to": to(json!({ "methods": ["*"], "paths": ["/other*"] })) },
                    ]),
                ),
            ],
        ),
        (
            "templates",
            vec![
                own(),
                policy(
                    "a",
                    "ALLOW",
                    json!([{ "to": to(json!({ "paths": ["/api/{*}/lines", "/a/{**}"] })) }, { "from": any }]),
                ),
            ],
        ),
        (
            "templates that are denied",
            vec![
                own(),
                policy("a", "DENY", json!([{ "to": to(json!({ "paths": ["/api/{*}/lines", "*.json"] })) }])),
            ],
        ),
        (
            "an address or a token",
            vec![
                own(),
                policy(
                    "a",
                    "ALLOW",
                    json!([{ "from": [{ "source": { "ipBlocks": ["10.0.0.0/8"] } }] }, { "from": any }]),
                ),
            ],
        ),
        (
            "an address and a token",
            vec![
                own(),
                policy(
                    "a",
                    "ALLOW",
                    json!([{ "from": [{ "source": { "remoteIpBlocks": ["127.0.0.0/8"], "requestPrincipals": ["*"] } }] }]),
                ),
            ],
        ),
        (
            "an address is denied",
            vec![
                own(),
                policy(
                    "a",
                    "DENY",
                    json!([{ "from": [{ "source": { "notIpBlocks": ["10.0.0.0/8"] } }], "to": to(json!({ "paths": ["/api/*"] })) }]),
                ),
            ],
        ),
        (
            "identities of the mesh",
            vec![
                own(),
                policy(
                    "a",
                    "ALLOW",
                    json!([
                        { "from": [{ "source": { "principals": ["cluster.local/ns/a/sa/b"] } }] },
                        { "from": [{ "source": { "namespaces": ["a"] } }], "to": to(json!({ "ports": ["1"] })) },
                        { "from": any, "to": to(json!({ "paths": ["/api/*"] })) },
                    ]),
                ),
            ],
        ),
        (
            "a header",
            vec![
                own(),
                policy(
                    "a",
                    "ALLOW",
                    json!([{ "when": [{ "key": "request.headers[x-internal]", "values": ["1"] }] }, { "from": any }]),
                ),
            ],
        ),
        (
            "allow and deny",
            vec![
                both(),
                policy("a", "ALLOW", json!([{ "to": to(json!({ "paths": ["/api/*", "/public/*"] })) }])),
                policy(
                    "b",
                    "DENY",
                    json!([{ "to": to(json!({ "paths": ["/api/admin/*"] })), "when": no_claim("roles", json!(["admin"])) }]),
                ),
                policy("c", "ALLOW", json!([{ "from": any, "to": to(json!({ "paths": ["/other"] })) }])),
            ],
        ),
        (
            "an external service",
            vec![own(), policy("a", "CUSTOM", json!([{ "to": to(json!({ "paths": ["/api/*"] })) }]))],
        ),
        (
            "an audit",
            vec![own(), policy("a", "AUDIT", json!([{ "to": to(json!({ "paths": ["/api/*"] })) }]))],
        ),
        (
            "a dry run",
            vec![own(), {
                let mut policy = policy("a", "DENY", json!([{}]));
                policy["metadata"]["annotations"] = json!({ "istio.io/dry-run": "true" });
                policy
            }],
        ),
        (
            "other places of a token",
            vec![
                {
                    let mut rule = jwt_rule(ISSUER, pool);
                    rule["fromHeaders"] = json!([{ "name": "x-token" }]);
                    rule["fromParams"] = json!(["t"]);
                    rule["fromCookies"] = json!(["session"]);
                    authentication(vec![rule])
                },
                policy("a", "ALLOW", json!([{ "from": any }])),
            ],
        ),
        (
            "a place for each issuer",
            vec![
                {
                    let mut rule = jwt_rule(PARTNER, pool);
                    rule["fromHeaders"] = json!([{ "name": "x-partner-token" }]);
                    authentication(vec![jwt_rule(ISSUER, pool), rule])
                },
                policy("a", "ALLOW", json!([{ "from": any }])),
            ],
        ),
    ];
    rows.into_iter().map(|(name, objects)| case(format!("Istio, {name}"), &objects)).collect()
}
