//! The filters and routes that Envoy Gateway makes from its objects, in the form of Envoy Gateway (`internal/xds/translator` of
//! Envoy Gateway 1.9): RBAC has a list of matchers, of which the first decides. This shares no code with `jwtguard convert`.

use std::cmp::Reverse;

use serde_json::{Map, Value, json};

use super::case::{jwt_authn, rbac};
use crate::harness::typed;

/// The filters and the virtual hosts of a Gateway.
pub struct Routes {
    pub filters: Vec<Value>,
    pub virtual_hosts: Value,
}

fn array(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

/// The filters of one policy for every request.
pub fn filters(spec: &Value) -> Vec<Value> {
    let (providers, requirement) = authentication(&spec["jwt"], "");
    let rules = json!([{ "match": { "prefix": "/" }, "requires": requirement }]);
    let mut filters = vec![jwt_authn(json!({ "providers": providers, "rules": rules }))];
    filters.extend(spec.get("authorization").map(|authorization| rbac(self::authorization(authorization))));
    filters
}

/// The providers of a policy with names of their own, and its requirement.
fn authentication(jwt: &Value, suffix: &str) -> (Map<String, Value>, Value) {
    let mut providers = Map::new();
    let mut requirements = Vec::new();
    for provider in array(&jwt["providers"]) {
        let name = provider["name"].as_str().unwrap();
        let places = &provider["extractFrom"];
        let headers = array(&places["headers"])
            .iter()
            .map(|header| json!({ "name": header["name"], "value_prefix": header["valuePrefix"].as_str().unwrap_or("") }));
        let config = json!({
            "issuer": provider["issuer"],
            "audiences": array(&provider["audiences"]),
            "local_jwks": { "inline_string": provider["localJWKS"]["inline"] },
            "payload_in_metadata": name,
            "normalize_payload_in_metadata": { "space_delimited_claims": ["scope", "scp"] },
            "forward": true,
            "from_headers": headers.collect::<Vec<_>>(),
            "from_cookies": array(&places["cookies"]),
            "from_params": array(&places["params"]),
        });
        let key = format!("{name}{suffix}");
        requirements.push(json!({ "provider_name": key }));
        providers.insert(key, config);
    }
    if jwt["failOpen"] == true {
        requirements.push(json!({ "allow_missing_or_failed": {} }));
    } else if jwt["optional"] == true {
        requirements.push(json!({ "allow_missing": {} }));
    }
    let requirement = match requirements.len() {
        1 => requirements.remove(0),
        _ => json!({ "requires_any": { "requirements": requirements } }),
    };
    (providers, requirement)
}

/// The RBAC of `authorization`: the first rule that matches decides.
fn authorization(authorization: &Value) -> Value {
    let action = |name: &str| {
        let number = if name == "Allow" { "ALLOW" } else { "DENY" };
        json!({ "action": {
            "name": number,
            "typed_config": typed("envoy.config.rbac.v3.Action", json!({ "name": number, "action": number })),
        } })
    };
    let matchers: Vec<Value> = array(&authorization["rules"])
        .iter()
        .map(|rule| {
            json!({
                "predicate": join("and_matcher", predicates(rule)),
                "on_match": action(rule["action"].as_str().unwrap()),
            })
        })
        .collect();
    let mut matcher =
        json!({ "on_no_match": action(authorization["defaultAction"].as_str().unwrap_or("Deny")) });
    if !matchers.is_empty() {
        matcher["matcher_list"] = json!({ "matchers": matchers });
    }
    json!({ "matcher": matcher })
}

fn join(name: &str, mut predicates: Vec<Value>) -> Value {
    match predicates.len() {
        1 => predicates.remove(0),
        _ => json!({ name: { "predicate": predicates } }),
    }
}

fn predicates(rule: &Value) -> Vec<Value> {
    let mut found = Vec::new();
    let methods = array(&rule["operation"]["methods"]);
    if !methods.is_empty() {
        let is_method = |method: &Value| header(":method", json!({ "exact": method, "ignore_case": true }));
        found.push(join("or_matcher", methods.iter().map(is_method).collect()));
    }
    found.extend(rule["operation"].get("path").map(path));
    let principal = &rule["principal"];
    let ranges = array(&principal["clientCIDRs"]);
    if !ranges.is_empty() {
        found.push(addresses(ranges));
    }
    let jwt = &principal["jwt"];
    for scope in array(&jwt["scopes"]) {
        let member = |claim: &str| metadata(&jwt["provider"], &[claim], in_list(scope));
        found.push(join("or_matcher", vec![member("scope"), member("scp")]));
    }
    for claim in array(&jwt["claims"]) {
        let path: Vec<&str> = claim["name"].as_str().unwrap().split('.').collect();
        let one = |value: &Value| {
            let matcher = if claim["valueType"] == "StringArray" { in_list(value) } else { exact(value) };
            metadata(&jwt["provider"], &path, matcher)
        };
        found.push(join("or_matcher", array(&claim["values"]).iter().map(one).collect()));
    }
    for matched in array(&principal["headers"]) {
        let one = |value: &Value| header(matched["name"].as_str().unwrap(), json!({ "exact": value }));
        found.push(join("or_matcher", array(&matched["values"]).iter().map(one).collect()));
    }
    found
}

fn exact(value: &Value) -> Value {
    json!({ "string_match": { "exact": value } })
}

fn in_list(value: &Value) -> Value {
    json!({ "list_match": { "one_of": exact(value) } })
}

fn header(name: &str, matcher: Value) -> Value {
    let input = typed("envoy.type.matcher.v3.HttpRequestHeaderMatchInput", json!({ "header_name": name }));
    json!({ "single_predicate": { "input": { "name": "http_header", "typed_config": input }, "value_match": matcher } })
}

fn path(path: &Value) -> Value {
    let value = path["value"].as_str().unwrap();
    let regex = |regex: String| json!({ "safe_regex": { "google_re2": {}, "regex": regex } });
    let literal = value.replace('.', "\\.");
    let matcher = match path["type"].as_str().unwrap_or("PathPrefix") {
        "PathPrefix" if value == "/" => json!({ "prefix": "/" }),
        "PathPrefix" => regex(format!("^{}(/.*|\\?.*|#.*|;.*|$)", literal.trim_end_matches('/'))),
        "Exact" => regex(format!("^{literal}(\\?.*|#.*|;.*|$)")),
        _ => regex(value.to_owned()),
    };
    let predicate = header(":path", matcher);
    if path["invert"] == true { json!({ "not_matcher": predicate }) } else { predicate }
}

fn addresses(ranges: &[Value]) -> Value {
    let ranges: Vec<Value> = ranges
        .iter()
        .map(|range| {
            let (address, length) = range.as_str().unwrap().split_once('/').unwrap();
            json!({ "address_prefix": address, "prefix_len": length.parse::<u8>().unwrap() })
        })
        .collect();
    let input = typed("envoy.extensions.matching.common_inputs.network.v3.SourceIPInput", json!({}));
    let matcher = typed(
        "envoy.extensions.matching.input_matchers.ip.v3.Ip",
        json!({ "stat_prefix": "client_ip", "cidr_ranges": ranges }),
    );
    json!({ "single_predicate": {
        "input": { "name": "client_ip", "typed_config": input },
        "custom_match": { "name": "ip_matcher", "typed_config": matcher },
    } })
}

fn metadata(provider: &Value, claim: &[&str], value: Value) -> Value {
    let path: Vec<Value> = std::iter::once(provider.clone())
        .chain(claim.iter().map(|name| json!(name)))
        .map(|key| json!({ "key": key }))
        .collect();
    let input = typed(
        "envoy.extensions.matching.common_inputs.network.v3.DynamicMetadataInput",
        json!({ "filter": "envoy.filters.http.jwt_authn", "path": path }),
    );
    let matcher =
        typed("envoy.extensions.matching.input_matchers.metadata.v3.Metadata", json!({ "value": value }));
    json!({ "single_predicate": {
        "input": { "name": "claim", "typed_config": input },
        "custom_match": { "name": "claim_matcher", "typed_config": matcher },
    } })
}

/// The route table of one Gateway without listeners of its own host names.
pub fn routes(objects: &[Value]) -> Routes {
    let of_kind = |kind: &str| objects.iter().filter(|object| object["kind"] == kind).collect::<Vec<_>>();
    let policies = of_kind("SecurityPolicy");
    let target = |kind: &str, name: &Value| {
        policies.iter().position(|policy| {
            array(&policy["spec"]["targetRefs"])
                .iter()
                .any(|target| target["kind"] == kind && target["name"] == *name)
        })
    };
    let gateway = target("Gateway", &json!("eg"));
    let specs: Vec<Value> = policies
        .iter()
        .map(|policy| {
            let mut spec = policy["spec"].clone();
            if spec.get("mergeType").is_some() {
                let parent = &policies[gateway.unwrap()]["spec"];
                for (name, value) in parent.as_object().unwrap() {
                    spec.as_object_mut().unwrap().entry(name).or_insert(value.clone());
                }
            }
            spec
        })
        .collect();
    let (mut providers, mut requirements) = (Map::new(), Map::new());
    for (index, spec) in specs.iter().enumerate() {
        let (of_policy, requirement) = authentication(&spec["jwt"], &format!("_{index}"));
        providers.extend(of_policy);
        requirements.insert(format!("requirement_{index}"), requirement);
    }
    let mut hosts: Vec<(String, Vec<Value>)> = Vec::new();
    for route in of_kind("HTTPRoute") {
        let policy = target("HTTPRoute", &route["metadata"]["name"]).or(gateway);
        let mut names: Vec<&str> =
            array(&route["spec"]["hostnames"]).iter().map(|name| name.as_str().unwrap()).collect();
        if names.is_empty() {
            names.push("*");
        }
        for name in names {
            for matched in array(&route["spec"]["rules"]).iter().flat_map(|rule| array(&rule["matches"])) {
                let route = json!({ "sorted_by": matched, "route": envoy_route(matched, policy.map(|index| (index, &specs[index]))) });
                match hosts.iter_mut().find(|(host, _)| host == name) {
                    Some((_, routes)) => routes.push(route),
                    None => hosts.push((name.to_owned(), vec![route])),
                }
            }
        }
    }
    let virtual_hosts: Vec<Value> = hosts
        .into_iter()
        .map(|(host, mut routes)| {
            routes.sort_by_key(|route| Reverse(precedence(&route["sorted_by"])));
            let routes: Vec<&Value> = routes.iter().map(|route| &route["route"]).collect();
            json!({ "name": host, "domains": [host], "routes": routes })
        })
        .collect();
    let filters =
        vec![jwt_authn(json!({ "providers": providers, "requirement_map": requirements })), rbac(json!({}))];
    Routes { filters, virtual_hosts: json!(virtual_hosts) }
}

fn envoy_route(matched: &Value, policy: Option<(usize, &Value)>) -> Value {
    let path = &matched["path"];
    let value = path["value"].as_str().unwrap();
    let mut of_envoy = match path["type"].as_str().unwrap() {
        "PathPrefix" if value == "/" => json!({ "prefix": "/" }),
        "PathPrefix" => json!({ "path_separated_prefix": value }),
        "Exact" => json!({ "path": value }),
        _ => json!({ "safe_regex": { "regex": value } }),
    };
    let headers =
        array(&matched["headers"]).iter().map(|header| (header["name"].clone(), header["value"].clone()));
    let method = matched.get("method").map(|method| (json!(":method"), method.clone()));
    let headers: Vec<Value> = headers
        .chain(method)
        .map(|(name, value)| json!({ "name": name, "string_match": { "exact": value } }))
        .collect();
    of_envoy["headers"] = json!(headers);
    let mut route = json!({
        "match": of_envoy,
        "direct_response": { "status": 200, "body": { "inline_string": "ok" } },
    });
    if let Some((index, spec)) = policy {
        let mut configs = json!({
            "envoy.filters.http.jwt_authn": typed(
                "envoy.extensions.filters.http.jwt_authn.v3.PerRouteConfig",
                json!({ "requirement_name": format!("requirement_{index}") }),
            ),
        });
        if let Some(rules) = spec.get("authorization") {
            let config = json!({ "rbac": authorization(rules) });
            configs["envoy.filters.http.rbac"] =
                typed("envoy.extensions.filters.http.rbac.v3.RBACPerRoute", config);
        }
        route["typed_per_filter_config"] = configs;
    }
    route
}

/// Exact paths, then patterns, then prefixes; the longer path; more headers.
fn precedence(matched: &Value) -> (usize, usize, usize) {
    let kinds = ["PathPrefix", "RegularExpression", "Exact"];
    let value = matched["path"]["value"].as_str().unwrap();
    let kind = kinds.iter().position(|kind| matched["path"]["type"] == *kind).unwrap();
    let length = if kind == 0 && value == "/" { 0 } else { value.len() };
    (kind, length, array(&matched["headers"]).len() + usize::from(matched.get("method").is_some()))
}
