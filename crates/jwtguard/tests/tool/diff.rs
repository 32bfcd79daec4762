//! `diff` tells what became weaker, with a request that `explain` answers in the same way.

use serde_json::{Value, json};

use crate::run::{Folder, jwtguard, jwtguard_with};

/// A policy with these lines in addition.
fn policy(lines: &str) -> String {
    format!(
        "issuer: https://a.example\naudience: [orders, billing]\njwks_cluster: c\naccepted_algorithms: [ES256, EdDSA]\n{lines}"
    )
}

/// The differences of two policies as JSON, with the exit status. Each witness is checked by `explain`.
fn differences(name: &str, old: &str, new: &str) -> (i32, Value) {
    let folder = Folder::new(name);
    let files = [folder.file("old.yaml", old), folder.file("new.yaml", new)];
    let ran = jwtguard(&["diff", "--json", &files[0], &files[1]]);
    let json: Value = serde_json::from_str(&ran.out).unwrap_or_else(|_| panic!("{}{}", ran.out, ran.err));
    for comparison in json["configurations"].as_array().unwrap() {
        let changes = ["keys", "regions"].iter().flat_map(|kind| comparison[kind].as_array().unwrap());
        for change in changes.filter(|change| !change["witness"].is_null()) {
            explained(&files, change);
        }
    }
    (ran.status, json)
}

/// `explain` lets the witness pass under one policy and refuses it under the other one.
fn explained(files: &[String; 2], change: &Value) {
    let witness = &change["witness"];
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let mut arguments = vec![
        "--request".to_owned(),
        format!("{} {}", text(&witness["method"]), text(&witness["path"])),
        "--host".to_owned(),
        text(&witness["host"]),
        "--now".to_owned(),
        witness["now"].to_string(),
    ];
    if !witness["claims"].is_null() {
        arguments.extend(["--claims".to_owned(), witness["claims"].to_string()]);
    }
    for (name, claims) in witness["second_tokens"].as_object().unwrap() {
        arguments.extend(["--second-token".to_owned(), format!("{name}={claims}")]);
    }
    for header in witness["headers"].as_array().unwrap() {
        arguments.extend(["--header".to_owned(), format!("{}={}", text(&header[0]), text(&header[1]))]);
    }
    let [old, new] = files.each_ref().map(|file| {
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        jwtguard(&[&["explain", file.as_str()], arguments.as_slice()].concat()).status
    });
    let expected = if change["change"] == "weaker" { (1, 0) } else { (0, 1) };
    assert_eq!((old, new), expected, "{change:#}");
}

/// The changes of one kind, as `[change, place]`.
fn regions(json: &Value) -> Vec<String> {
    let regions = json["configurations"][0]["regions"].as_array().unwrap();
    let line = |region: &Value| {
        let paths = region["paths"].as_array().unwrap().iter().map(|paths| paths["path"].as_str().unwrap());
        format!(
            "{} {} {}",
            region["change"].as_str().unwrap(),
            region["methods"],
            paths.collect::<Vec<_>>().join(",")
        )
    };
    regions.iter().map(line).collect()
}

#[test]
fn a_change_of_one_rule_is_found_in_both_directions() {
    for (number, (strict, weak, place)) in [
        ("- {path: /a/**, requires_role: admin}", "- {path: /a/**, requires_role: [admin, user]}", "null /a/**"),
        ("- {path: /a/**, requires_role: {all: [x, z]}}", "- {path: /a/**, requires_role: [x]}", "null /a/**"),
        ("- {path: /a/**, requires_role: admin}", "- {path: /b/**, requires_scope: s}\n- {path: /a/**, requires_role: admin}\n- {path: /a/c, allow_missing: true}", "null /a/c"),
        ("- {path: /a, deny: true}", "- {path: /a, requires_scope: pay}", "null /a"),
        ("- {path: /a, requires_scope: s}", "- {path: /a, allow_authenticated: true}", "null /a"),
        ("- {path: /a, allow_missing: true}", "- {path: /a, allow_missing_or_failed: true}", "null /a"),
        ("- {path: /a, allow_missing_or_failed: true}", "- {path: /a, allow_anonymous: true}", "null /a"),
        ("- {path: /a, requires_claim: {claim: c, none: [x, z]}}", "- {path: /a, requires_claim: {claim: c, none: [x]}}", "null /a"),
        ("- {path: /a, requires_claim: {claim: c, at_least: 5}}", "- {path: /a, requires_claim: {claim: c, at_least: 4}}", "null /a"),
        ("- {path: /a, requires_claim: {claim: c, prefix: abc}}", "- {path: /a, requires_claim: {claim: c, prefix: ab}}", "null /a"),
        (
            "- {path: \"/u/{id}\", requires_claim: {claim: sub, equals: {path: id}}}",
            "- {path: \"/u/{id}\", requires_claim: {claim: sub, present: true}}",
            "null /u/*",
        ),
        (
            "- {path: /a, requires_claim: {claim: c, equals: {header: x-c}}}",
            "- {path: /a, requires_claim: {claim: c, present: true}}",
            "null /a",
        ),
        (
            "- {path: /a, requires_step_up: {max_age_seconds: 60}}",
            "- {path: /a, requires_step_up: {max_age_seconds: 600}}",
            "null /a",
        ),
        (
            "- {path: /a, any_of: [{requires_role: x}]}",
            "- {path: /a, any_of: [{requires_role: x}, {requires_scope: s}]}",
            "null /a",
        ),
        (
            "- {path: /a, requires_scope: s}",
            "- {path: /a, requires_scope: s}\n- {path: /a, methods: [POST], allow_authenticated: true}",
            "{\"only\":[\"POST\"]} /a",
        ),
    ]
    .into_iter()
    .enumerate()
    {
        let [strict, weak] = [strict, weak].map(|routes| policy(&format!("routes:\n{routes}\n")));
        let (status, json) = differences(&format!("diff-forth-{number}"), &strict, &weak);
        let found = regions(&json);
        assert!(found.contains(&format!("weaker {place}")), "{weak}: {found:?}");
        assert_eq!(status, 1, "{weak}");
        let region = json["configurations"][0]["regions"].as_array().unwrap().iter();
        let weaker: Vec<&Value> = region.filter(|region| region["change"] == "weaker").collect();
        assert!(weaker.iter().all(|region| !region["witness"].is_null()), "{weak}: {json:#}");
        let (status, json) = differences(&format!("diff-back-{number}"), &weak, &strict);
        let found = regions(&json);
        assert!(found.contains(&format!("stricter {place}")), "{weak}: {found:?}");
        assert_eq!(status, i32::from(json["weaker"] != 0), "{weak}");
    }
}

#[test]
fn policies_that_mean_the_same_have_no_differences() {
    for (number, (old, new)) in [
        ("routes: [{path: /a, requires_role: [x, z]}]", "routes: [{path: /a/, requires_role: [z, x]}]"),
        (
            "routes: [{path: /a, requires_role: [x, z]}]",
            "routes: [{path: /a, any_of: [{requires_role: x}, {requires_role: z}]}]",
        ),
        ("default_policy: {requires_issuer: a_example}", "default_policy: {}"),
        (
            "default_policy: {requires_audience: [orders, billing]}",
            "default_policy: {allow_authenticated: true}",
        ),
        (
            "routes: [{path: [/a, /b], deny: true}]",
            "routes: [{path: /b, deny: true}, {path: /a, deny: true}]",
        ),
        (
            "policies: {p: {requires_role: x}}\nroutes: [{path: /a, policy: p}]",
            "routes: [{path: /a, requires_role: x}]",
        ),
        ("guards: [{path: /**, requires_role: x}]", "default_policy: {requires_role: x}"),
        ("clock_skew_seconds: 60\nrefused_kids: []", "report_only: false"),
    ]
    .into_iter()
    .enumerate()
    {
        for (old, new) in [(old, new), (new, old)] {
            let (status, json) = differences(&format!("diff-same-{number}"), &policy(old), &policy(new));
            let counts = (json["weaker"].clone(), json["stricter"].clone(), json["other"].clone());
            assert_eq!((status, counts), (0, (json!(0), json!(0), json!(0))), "{old} and {new}: {json:#}");
        }
    }
}

#[test]
fn a_key_that_became_weaker_is_named_with_a_request() {
    for (number, (strict, weak, key)) in [
        ("", "report_only: true", "report_only"),
        ("", "enabled: false", "enabled"),
        ("", "bypass_cors_preflight: true", "bypass_cors_preflight"),
        ("", "require_expiration: false", "issuers[a_example].require_expiration"),
        ("", "clock_skew_seconds: 600", "issuers[a_example].clock_skew_seconds"),
        (
            "max_token_lifetime_seconds: 60",
            "max_token_lifetime_seconds: 600",
            "issuers[a_example].max_token_lifetime_seconds",
        ),
        ("require_jti: true", "", "issuers[a_example].require_jti"),
        ("refused_kids: [k]", "", "issuers[a_example].refused_kids"),
        ("accepted_types: [at+jwt]", "accepted_types: [at+jwt, JWT]", "issuers[a_example].accepted_types"),
        ("", "refused_claims: {}", "issuers[a_example].refused_claims"),
        ("", "confirmation: ignore", "issuers[a_example].confirmation"),
        ("paths: /a", "", "issuers[a_example].paths"),
    ]
    .into_iter()
    .enumerate()
    {
        let (status, json) = differences(&format!("diff-key-{number}"), &policy(strict), &policy(weak));
        let keys = json["configurations"][0]["keys"].as_array().unwrap();
        assert_eq!(keys.len(), 1, "{weak}: {json:#}");
        assert_eq!((&keys[0]["key"], &keys[0]["change"]), (&json!(key), &json!("weaker")), "{json:#}");
        // A witness has claims, and no header of a token.
        let is_about_header = key.ends_with("kids") || key.ends_with("types");
        assert_eq!(keys[0]["witness"].is_null(), is_about_header, "{weak}: {json:#}");
        assert_eq!(status, 1);
        let (status, json) = differences(&format!("diff-key-back-{number}"), &policy(weak), &policy(strict));
        assert_eq!((status, &json["stricter"]), (0, &json!(1)), "{json:#}");
    }
}

#[test]
fn a_change_that_is_not_decided_counts_as_weaker() {
    let old = policy("jwks_endpoint: /a\n");
    let (status, json) = differences("diff-undecided", &old, &policy("jwks_endpoint: /b\n"));
    assert_eq!((status, &json["weaker"]), (1, &json!(1)), "{json:#}");
    assert_eq!(json["configurations"][0]["keys"][0]["key"], "issuers[a_example].jwks_endpoint");
    let (status, json) = differences("diff-neutral", &old, &policy("jwks_endpoint: /a\nrealm: r\n"));
    assert_eq!((status, &json["other"]), (0, &json!(1)), "{json:#}");
}

#[test]
fn the_text_names_the_region_and_the_request() {
    let folder = Folder::new("diff-text");
    let old = folder.file("old.yaml", &policy("routes: [{path: /admin/**, requires_role: admin}]\n"));
    let new = policy(
        "routes: [{path: /admin/**, requires_role: admin}, {path: /admin/help, allow_anonymous: true}]\n",
    );
    let ran = jwtguard_with(&["diff", &old, "-"], &new);
    assert_eq!(ran.status, 1, "{}", ran.err);
    for line in [
        "weaker: every method /admin/help\n",
        "  old: a valid token with role admin\n",
        "  new: everybody, with or without a token\n",
        "  request: GET /admin/help on localhost, no token\n    old: 401 missing_token, new: passes\n",
        "1 weaker, 0 stricter, 0 other\n",
    ] {
        assert!(ran.out.contains(line), "{line}\nin\n{}", ran.out);
    }
}

#[test]
fn a_second_token_that_is_no_longer_required_is_weaker() {
    let of = |requirement: &str| {
        format!(
            "issuers:\n- {{issuer: https://a.example, audience: a, jwks_cluster: c, accepted_algorithms: ES256}}\n\
             - {{issuer: https://b.example, name: agents, audience: b, jwks_cluster: c, accepted_algorithms: ES256}}\n\
             second_tokens:\n  agent: {{token_from: [{{header: x-agent}}], issuers: agents}}\n\
             routes: [{{path: /a, requires_role: r, requires_token: {{agent: {requirement}}}}}, {{path: /b, {}}}]\n",
            "requires_role: r, requires_token: {agent: {allow_authenticated: true}}"
        )
    };
    let (status, json) =
        differences("diff-second", &of("{requires_scope: w}"), &of("{allow_authenticated: true}"));
    assert_eq!((status, regions(&json)), (1, vec!["weaker null /a".to_owned()]), "{json:#}");
    assert!(!json["configurations"][0]["regions"][0]["witness"].is_null(), "{json:#}");
    let (status, json) =
        differences("diff-second-back", &of("{allow_authenticated: true}"), &of("{requires_scope: w}"));
    assert_eq!((status, regions(&json)), (0, vec!["stricter null /a".to_owned()]), "{json:#}");
}

#[test]
fn configurations_are_compared_by_their_name() {
    let of = |names: &[&str], role: &str| -> String {
        let plugin = |name: &&str| {
            format!(
                "apiVersion: extensions.istio.io/v1alpha1\nkind: WasmPlugin\nmetadata: {{name: {name}}}\nspec:\n  \
                 pluginName: jwt_guard_{name}\n  pluginConfig: {{issuer: https://a.example, audience: a, jwks_cluster: c, \
                 default_policy: {{requires_role: {role}}}}}\n"
            )
        };
        names.iter().map(plugin).collect::<Vec<_>>().join("---\n")
    };
    let (status, json) = differences("diff-names", &of(&["one", "two"], "r"), &of(&["two", "three"], "r"));
    assert_eq!(status, 1);
    assert_eq!(json["only_old"].as_array().unwrap().len(), 1, "{json:#}");
    assert_eq!(json["only_new"].as_array().unwrap().len(), 1, "{json:#}");
    assert!(json["only_old"][0].as_str().unwrap().contains("one"), "{json:#}");
    let (status, _) = differences("diff-names-same", &of(&["one", "two"], "r"), &of(&["two", "one"], "r"));
    assert_eq!(status, 0);
    let (status, json) = differences("diff-one", &of(&["one"], "r"), &of(&["three"], "r"));
    assert_eq!((status, json["only_old"].as_array().unwrap().len()), (0, 0), "{json:#}");
}

#[test]
fn a_requirement_in_route_metadata_that_differs_is_not_decided() {
    let of = |role: &str| {
        let route = "- {match: {prefix: /}, route: {cluster: u}, metadata: {filter_metadata: {jwt_guard: {requires_role: ROLE}}}}";
        let text = crate::run::read("envoy/envoy.yaml");
        let at = text.find("- match:").or(text.find("- { match:")).or(text.find("- {match:"));
        let at = at.unwrap_or_else(|| panic!("the example has no route"));
        let indent: String = text[..at].chars().rev().take_while(|character| *character == ' ').collect();
        format!("{}{}\n{indent}{}", &text[..at], route.replace("ROLE", role), &text[at..])
    };
    let (status, json) = differences("diff-metadata", &of("a"), &of("b"));
    assert_eq!((status, json["route_metadata"].as_array().unwrap().len()), (1, 1), "{json:#}");
    let (status, json) = differences("diff-metadata-same", &of("a"), &of("a"));
    assert_eq!((status, json["route_metadata"].as_array().unwrap().len()), (0, 0), "{json:#}");
}

#[test]
fn a_file_that_cannot_be_read_is_status_2() {
    let folder = Folder::new("diff-unreadable");
    let good = folder.file("good.yaml", &policy(""));
    let bad = folder.file("bad.yaml", &policy("audiense: x\n"));
    let none = folder.file("none.yaml", "a: 1\n");
    for (old, new, expected) in [
        (good.as_str(), "missing.yaml", "cannot read missing.yaml"),
        (good.as_str(), bad.as_str(), "unknown key; did you mean audience?"),
        (none.as_str(), good.as_str(), "has no configuration of jwt-guard"),
        ("-", "-", "both files are standard input"),
    ] {
        let ran = jwtguard(&["diff", old, new]);
        assert_eq!((ran.status, ran.out.as_str()), (2, ""), "{old} {new}: {}", ran.err);
        assert!(ran.err.contains(expected), "{expected} in {}", ran.err);
    }
    assert_eq!(jwtguard(&["diff", &good, &good]).status, 0);
}
