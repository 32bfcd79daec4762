//! Istio's objects from a generator with a fixed seed.

use jwt_guard_testkit::mint::ISSUER;
use serde_json::{Value, json};

use super::case::Case;
use super::istio::{authentication, case, jwt_rule, policy};
use super::requests::Random;
use super::tokens::{PARTNER, Pool};

/// The number of configurations.
const COUNT: u64 = 70;

/// The configurations.
pub fn cases(pool: &Pool) -> Vec<Case> {
    (0..COUNT).map(|seed| generated(seed, pool)).collect()
}

fn generated(seed: u64, pool: &Pool) -> Case {
    let mut random = Random(0x6973_7469_6f00 + seed);
    let mut rules = vec![jwt_rule(ISSUER, pool)];
    if random.below(2) == 0 {
        rules.push(jwt_rule(PARTNER, pool));
    }
    for rule in &mut rules {
        match random.below(7) {
            0 => rule["fromHeaders"] = json!([{ "name": "x-token" }]),
            1 => rule["fromParams"] = json!(["t"]),
            2 => rule["fromCookies"] = json!(["session"]),
            3 => {
                rule.as_object_mut().unwrap().remove("audiences");
            }
            4 => rule["spaceDelimitedClaims"] = json!(["dept"]),
            _ => {}
        }
    }
    let mut objects = vec![authentication(rules)];
    for index in 0..1 + random.below(3) {
        let action = random.of(&["ALLOW", "ALLOW", "ALLOW", "DENY", "DENY", "CUSTOM", "AUDIT"]);
        let rules: Vec<Value> = (0..1 + random.below(3)).map(|_| rule(&mut random)).collect();
        objects.push(policy(&format!("policy-{index}"), action, json!(rules)));
    }
    case(format!("Istio, generated {seed}"), &objects)
}

fn rule(random: &mut Random) -> Value {
    let mut rule = json!({});
    if random.below(2) == 0 {
        let sources: Vec<Value> =
            (0..1 + random.below(2)).map(|_| json!({ "source": source(random) })).collect();
        rule["from"] = json!(sources);
    }
    if random.below(4) > 0 {
        let operations: Vec<Value> =
            (0..1 + random.below(2)).map(|_| json!({ "operation": operation(random) })).collect();
        rule["to"] = json!(operations);
    }
    if random.below(3) == 0 {
        let conditions: Vec<Value> = (0..1 + random.below(2)).map(|_| when(random)).collect();
        rule["when"] = json!(conditions);
    }
    rule
}

fn source(random: &mut Random) -> Value {
    let principals = [
        "*".to_owned(),
        format!("{ISSUER}/*"),
        format!("{PARTNER}/*"),
        format!("{ISSUER}/svc-*"),
        "*/svc-1".to_owned(),
    ];
    match random.below(10) {
        0 => json!({ "ipBlocks": ["10.0.0.0/8"] }),
        1 => json!({ "remoteIpBlocks": ["127.0.0.0/8"] }),
        2 => json!({ "principals": ["cluster.local/ns/a/sa/*"] }),
        3 => json!({ "notRequestPrincipals": [random.of(&principals)] }),
        _ => json!({ "requestPrincipals": [random.of(&principals)] }),
    }
}

fn operation(random: &mut Random) -> Value {
    const PATHS: [&str; 12] = [
        "/api/*",
        "/api/admin/*",
        "/public/*",
        "/public*",
        "/healthz",
        "/a/b/*",
        "/api",
        "*",
        "*.json",
        "/api/{*}/lines",
        "/api/{**}",
        "/",
    ];
    const METHODS: [&str; 4] = ["GET", "POST", "DELETE", "P*"];
    const HOSTS: [&str; 4] = ["one.example", "*.two.example", "api.*", "*"];
    let mut operation = json!({});
    if random.below(4) > 0 {
        let field = if random.below(5) == 0 { "notPaths" } else { "paths" };
        let paths: Vec<&str> = (0..1 + random.below(2)).map(|_| random.of(&PATHS)).collect();
        operation[field] = json!(paths);
    }
    if random.below(3) == 0 || operation == json!({}) {
        let field = if random.below(4) == 0 { "notMethods" } else { "methods" };
        operation[field] = json!([random.of(&METHODS)]);
    }
    if random.below(6) == 0 {
        let field = if random.below(3) == 0 { "notHosts" } else { "hosts" };
        operation[field] = json!([random.of(&HOSTS)]);
    }
    operation
}

fn when(random: &mut Random) -> Value {
    let (key, values): (&str, &[&str]) = random.of(&[
        ("request.auth.claims[roles]", &["admin"] as &[&str]),
        ("request.auth.claims[roles]", &["admin", "user"]),
        ("request.auth.claims[dept]", &["finance"]),
        ("request.auth.claims[dept]", &["fin*", "*les"]),
        ("request.auth.claims[realm][roles]", &["admin"]),
        ("request.auth.claims[status]", &["suspended"]),
        ("request.auth.claims[scope]", &["read"]),
        ("request.auth.claims[sub]", &["svc-*"]),
        ("request.auth.claims[level]", &["5"]),
        ("request.auth.audiences", &["billing"]),
        ("request.headers[x-internal]", &["1"]),
        ("request.auth.principal", &["*"]),
        ("source.ip", &["127.0.0.1"]),
        ("destination.port", &["1"]),
    ]);
    let field = if random.below(3) == 0 { "notValues" } else { "values" };
    json!({ "key": key, field: values })
}
