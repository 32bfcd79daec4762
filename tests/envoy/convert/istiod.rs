//! The filters that istiod makes from its objects, in the form of istiod (`pilot/pkg/security` of Istio 1.29). This shares no
//! code with `jwtguard convert`.

use serde_json::{Map, Value, json};

use crate::harness::typed;

/// The filters of objects that all apply to one proxy, in their order.
pub fn filters(objects: &[Value]) -> Vec<Value> {
    let of_kind = |kind: &str| objects.iter().filter(|object| object["kind"] == kind).collect::<Vec<_>>();
    let mut rules: Vec<&Value> = of_kind("RequestAuthentication")
        .iter()
        .flat_map(|object| array(&object["spec"]["jwtRules"]))
        .collect();
    rules.sort_by_key(|rule| rule["issuer"].as_str());
    let mut filters = Vec::new();
    filters.extend((!rules.is_empty()).then(|| jwt_authn(&rules)));
    let policies = of_kind("AuthorizationPolicy");
    for action in ["DENY", "ALLOW"] {
        let is_enforced = |policy: &&&Value| {
            let written = policy["spec"]["action"].as_str().unwrap_or("ALLOW");
            // A test has no external service: what action CUSTOM asks is denied.
            let action_of = if written == "CUSTOM" { "DENY" } else { written };
            action_of == action && policy["metadata"]["annotations"]["istio.io/dry-run"] != "true"
        };
        let policies: Vec<&Value> = policies.iter().filter(is_enforced).copied().collect();
        filters.extend((!policies.is_empty()).then(|| rbac(action, &policies)));
    }
    filters
}

fn array(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

fn jwt_authn(rules: &[&Value]) -> Value {
    let mut providers = Map::new();
    let (mut all, mut any) = (Vec::new(), Vec::new());
    for (index, rule) in rules.iter().enumerate() {
        let name = format!("origins-{index}");
        let headers = array(&rule["fromHeaders"])
            .iter()
            .map(|header| json!({ "name": header["name"], "value_prefix": header["prefix"].as_str().unwrap_or("") }));
        let claims = array(&rule["outputClaimToHeaders"])
            .iter()
            .map(|output| json!({ "header_name": output["header"], "claim_name": output["claim"] }));
        let mut split = vec![json!("permission"), json!("scope")];
        split.extend_from_slice(array(&rule["spaceDelimitedClaims"]));
        let provider = json!({
            "issuer": rule["issuer"],
            "audiences": array(&rule["audiences"]),
            "local_jwks": { "inline_string": rule["jwks"] },
            "forward": rule["forwardOriginalToken"].as_bool().unwrap_or(false),
            "payload_in_metadata": "payload",
            "normalize_payload_in_metadata": { "space_delimited_claims": split },
            "from_headers": headers.collect::<Vec<_>>(),
            "from_params": array(&rule["fromParams"]),
            "from_cookies": array(&rule["fromCookies"]),
            "claim_to_headers": claims.collect::<Vec<_>>(),
        });
        providers.insert(name.clone(), provider);
        all.push(json!({ "requires_any": { "requirements": [{ "provider_name": name }, { "allow_missing": {} }] } }));
        any.push(json!({ "provider_name": name }));
    }
    let requires = match all.len() {
        1 => all.remove(0),
        _ => {
            any.push(json!({ "requires_all": { "requirements": all } }));
            json!({ "requires_any": { "requirements": any } })
        }
    };
    let config = json!({
        "providers": providers,
        "rules": [{ "match": { "prefix": "/" }, "requires": requires }],
        "bypass_cors_preflight": true,
    });
    json!({
        "name": "envoy.filters.http.jwt_authn",
        "typed_config": typed("envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication", config),
    })
}

fn rbac(action: &str, policies: &[&Value]) -> Value {
    let mut found = Map::new();
    for policy in policies {
        let name = |index: usize| {
            format!(
                "ns[{}]-policy[{}]-rule[{index}]",
                policy["metadata"]["namespace"].as_str().unwrap_or(""),
                policy["metadata"]["name"].as_str().unwrap()
            )
        };
        let namespace = policy["metadata"]["namespace"].as_str().unwrap_or("");
        let rules = array(&policy["spec"]["rules"]);
        for (index, rule) in rules.iter().enumerate() {
            found.insert(name(index), self::policy(rule, namespace));
        }
        if rules.is_empty() {
            let never = json!({
                "permissions": [{ "not_rule": { "any": true } }],
                "principals": [{ "not_id": { "any": true } }],
            });
            found.insert(name(0), never);
        }
    }
    json!({
        "name": "envoy.filters.http.rbac",
        "typed_config": typed(
            "envoy.extensions.filters.http.rbac.v3.RBAC",
            json!({ "rules": { "action": action, "policies": found } }),
        ),
    })
}

/// One rule of an AuthorizationPolicy.
fn policy(rule: &Value, namespace: &str) -> Value {
    let (mut permissions_of_when, mut principals_of_when) = (Vec::new(), Vec::new());
    for when in array(&rule["when"]) {
        let key = when["key"].as_str().unwrap();
        let is_permission = ["destination.ip", "destination.port", "connection.sni"].contains(&key)
            || key.starts_with("experimental.");
        let target = if is_permission { &mut permissions_of_when } else { &mut principals_of_when };
        let side = if is_permission { &PERMISSION } else { &PRINCIPAL };
        add(side, target, key, (&when["values"], &when["notValues"]), namespace);
    }
    let sources = [
        ("principals", "notPrincipals", "source.principal"),
        ("requestPrincipals", "notRequestPrincipals", "request.auth.principal"),
        ("serviceAccounts", "notServiceAccounts", "source.serviceAccount"),
        ("namespaces", "notNamespaces", "source.namespace"),
        ("remoteIpBlocks", "notRemoteIpBlocks", "remote.ip"),
        ("ipBlocks", "notIpBlocks", "source.ip"),
    ];
    let operations = [
        ("hosts", "notHosts", ":authority"),
        ("methods", "notMethods", ":method"),
        ("paths", "notPaths", "path"),
        ("ports", "notPorts", "destination.port"),
    ];
    json!({
        "permissions": entries(&PERMISSION, (&rule["to"], "operation"), &operations, &permissions_of_when, namespace),
        "principals": entries(&PRINCIPAL, (&rule["from"], "source"), &sources, &principals_of_when, namespace),
    })
}

/// The names of the members of one side of a policy.
struct Side {
    and: &'static str,
    or: &'static str,
    members: &'static str,
    not: &'static str,
}

const PERMISSION: Side = Side { and: "and_rules", or: "or_rules", members: "rules", not: "not_rule" };
const PRINCIPAL: Side = Side { and: "and_ids", or: "or_ids", members: "ids", not: "not_id" };

impl Side {
    fn all(&self, mut conditions: Vec<Value>) -> Value {
        if conditions.is_empty() {
            conditions.push(json!({ "any": true }));
        }
        json!({ self.and: { self.members: conditions } })
    }

    fn any(&self, conditions: Vec<Value>) -> Value {
        json!({ self.or: { self.members: conditions } })
    }
}

fn entries(
    side: &Side,
    (list, member): (&Value, &str),
    fields: &[(&str, &str, &str)],
    when: &[Value],
    namespace: &str,
) -> Vec<Value> {
    let entry = |entry: &Value| {
        let mut conditions = Vec::new();
        for (field, not_field, key) in fields {
            add(side, &mut conditions, key, (&entry[member][field], &entry[member][not_field]), namespace);
        }
        conditions.extend_from_slice(when);
        side.all(conditions)
    };
    match array(list) {
        [] => vec![side.all(when.to_vec())],
        list => list.iter().map(entry).collect(),
    }
}

fn add(
    side: &Side,
    conditions: &mut Vec<Value>,
    key: &str,
    (values, not): (&Value, &Value),
    namespace: &str,
) {
    let values: Vec<&str> = array(values).iter().map(|value| value.as_str().unwrap()).collect();
    let not: Vec<&str> = array(not).iter().map(|value| value.as_str().unwrap()).collect();
    if !values.is_empty() {
        conditions.push(condition(side, key, &values, namespace));
    }
    if !not.is_empty() {
        conditions.push(json!({ side.not: condition(side, key, &not, namespace) }));
    }
}

fn condition(side: &Side, key: &str, values: &[&str], namespace: &str) -> Value {
    let brackets =
        |start: &str| key.strip_prefix(start).map(|rest| rest.trim_start_matches('[').trim_end_matches(']'));
    let each = |one: &dyn Fn(&str) -> Value| side.any(values.iter().map(|value| one(value)).collect());
    if let Some(claims) = brackets("request.auth.claims") {
        return claim(&claims.split("][").collect::<Vec<_>>(), values);
    }
    if let Some(name) = brackets("request.headers") {
        return each(&|value| json!({ "header": header(name, value, false) }));
    }
    match key {
        "request.auth.audiences" => claim(&["aud"], values),
        "request.auth.presenter" => claim(&["azp"], values),
        "request.auth.principal" => {
            let mut principals: Vec<Value> = values.iter().map(|value| principal(value)).collect();
            if principals.len() == 1 { principals.remove(0) } else { side.any(principals) }
        }
        "source.principal" => {
            each(&|value| json!({ "authenticated": { "principal_name": string("spiffe://", value) } }))
        }
        "source.namespace" => each(&|value| {
            let regex = format!(".*/ns/{}/.*", value.replace('.', "\\.").replace('*', ".*"));
            json!({ "authenticated": { "principal_name": { "safe_regex": { "regex": regex } } } })
        }),
        "source.serviceAccount" => each(&|value| {
            let (namespace, account) = value.split_once('/').unwrap_or((namespace, value));
            let regex = format!("spiffe://.+/ns/{namespace}/(.+/|)sa/{account}(/.+)?");
            json!({ "authenticated": { "principal_name": { "safe_regex": { "regex": regex } } } })
        }),
        "source.ip" => each(&|value| json!({ "direct_remote_ip": range(value) })),
        "remote.ip" => each(&|value| json!({ "remote_ip": range(value) })),
        "destination.ip" => each(&|value| json!({ "destination_ip": range(value) })),
        "destination.port" => each(&|value| json!({ "destination_port": value.parse::<u16>().unwrap() })),
        "connection.sni" => each(&|value| json!({ "requested_server_name": string("", value) })),
        ":authority" => each(&|value| json!({ "header": header(key, value, true) })),
        ":method" => each(&|value| json!({ "header": header(key, value, false) })),
        "path" => each(&path),
        other => panic!("{other}"),
    }
}

fn path(value: &str) -> Value {
    if !value.contains('{') {
        return json!({ "url_path": { "path": string("", value) } });
    }
    let template = value.replace("{*}", "*").replace("{**}", "**");
    let config = typed(
        "envoy.extensions.path.match.uri_template.v3.UriTemplateMatchConfig",
        json!({ "path_template": template }),
    );
    json!({ "uri_template": { "name": "uri-template", "typed_config": config } })
}

fn range(value: &str) -> Value {
    let (address, length) = value.split_once('/').unwrap_or((value, "32"));
    json!({ "address_prefix": address, "prefix_len": length.parse::<u8>().unwrap() })
}

fn string(before: &str, value: &str) -> Value {
    if value == "*" {
        json!({ "safe_regex": { "regex": ".+" } })
    } else if let Some(end) = value.strip_prefix('*') {
        match before {
            "" => json!({ "suffix": end }),
            _ => json!({ "safe_regex": { "regex": format!("{before}.*{}", end.replace('.', "\\.")) } }),
        }
    } else if let Some(start) = value.strip_suffix('*') {
        json!({ "prefix": format!("{before}{start}") })
    } else {
        json!({ "exact": format!("{before}{value}") })
    }
}

fn header(name: &str, value: &str, ignore_case: bool) -> Value {
    if value == "*" {
        return json!({ "name": name, "present_match": true });
    }
    let mut matcher = string("", value);
    if ignore_case {
        matcher["ignore_case"] = json!(true);
    }
    json!({ "name": name, "string_match": matcher })
}

fn claim(path: &[&str], values: &[&str]) -> Value {
    let mut matchers: Vec<Value> =
        values.iter().map(|value| json!({ "string_match": string("", value) })).collect();
    let value = match matchers.len() {
        1 => matchers.remove(0),
        _ => json!({ "or_match": { "value_matchers": matchers } }),
    };
    metadata(
        path,
        json!({ "or_match": { "value_matchers": [{ "list_match": { "one_of": value } }, value] } }),
    )
}

fn metadata(path: &[&str], value: Value) -> Value {
    let keys = ["payload"].iter().chain(path).map(|key| json!({ "key": key }));
    json!({
        "metadata": { "filter": "envoy.filters.http.jwt_authn", "path": keys.collect::<Vec<_>>(), "value": value }
    })
}

/// `requestPrincipals`, by the cases of istiod.
fn principal(value: &str) -> Value {
    let any = || json!({ "safe_regex": { "regex": ".+" } });
    let (issuer, subject, found) = match value.rfind('/') {
        Some(at) => (&value[..at], &value[at + 1..], true),
        None => (value, "", false),
    };
    let (issuer, subject) = if value == "*" {
        (any(), any())
    } else if let Some(end) = value.strip_prefix('*') {
        match (found, issuer) {
            (true, "*") => (any(), json!({ "exact": subject })),
            (true, issuer) => (json!({ "suffix": &issuer[1..] }), json!({ "exact": subject })),
            (false, _) => (any(), json!({ "suffix": end })),
        }
    } else if let Some(start) = value.strip_suffix('*') {
        match (found, subject) {
            (true, "*") => (json!({ "exact": issuer }), any()),
            (true, subject) => {
                (json!({ "exact": issuer }), json!({ "prefix": subject.trim_end_matches('*') }))
            }
            (false, _) => (json!({ "prefix": start }), any()),
        }
    } else {
        (json!({ "exact": issuer }), json!({ "exact": subject }))
    };
    let both = [("iss", issuer), ("sub", subject)]
        .map(|(name, value)| metadata(&[name], json!({ "string_match": value })));
    json!({ "and_ids": { "ids": both } })
}
