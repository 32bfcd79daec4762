//! Second tokens in `check`, `explain` and `test`.

use serde_json::Value;

use crate::check::findings;
use crate::lints::{none, one_each};
use crate::run::{Folder, jwtguard, jwtguard_with};

/// An issuer of services, and one of the agents that they act for.
const PLUGIN: &str = r#"
issuers:
- { issuer: https://services.example, name: services, audience: a, jwks_cluster: c, jwks_endpoint: /k }
- { issuer: https://agents.example, name: agents, audience: a, jwks_cluster: c, jwks_endpoint: /k }
second_tokens:
  agent:
    token_from: { header: x-agent-authorization, prefix: "Bearer " }
    issuers: agents
    claim_headers: { x-agent-sub: sub }
scope_wildcards: true
routes:
- path: /treasury/payments
  requires_role: treasury-service
  requires_token: { agent: { requires_scope: "treasury:write:payments" } }
"#;

const SERVICE: &str = r#"{"sub":"s-1","roles":["treasury-service"]}"#;

fn explained(config: &str, claims: &str, agent: &str, json: bool) -> (i32, String) {
    let agent = format!("agent={agent}");
    let mut arguments = vec!["explain", "-", "--request", "POST /treasury/payments", "--claims", claims];
    arguments.extend(["--second-token", &agent]);
    if json {
        arguments.push("--json");
    }
    let ran = jwtguard_with(&arguments, config);
    (ran.status, format!("{}{}", ran.out, ran.err))
}

#[test]
fn the_table_describes_second_tokens() {
    let ran = jwtguard_with(&["check", "--strict", "-"], PLUGIN);
    assert_eq!((ran.status, ran.err.as_str()), (0, "1 configuration: 0 errors, 0 warnings\n"), "{}", ran.out);
    for text in [
        "  second token agent: from header x-agent-authorization after \"Bearer \", issuer agents\n",
        "; only for second tokens; a scope a:* covers a:b\n",
        "a valid token with role treasury-service, and as second token agent: a valid token with scope \
         treasury:write:payments\n",
    ] {
        assert!(ran.out.contains(text), "{text}\nin\n{}", ran.out);
    }
    let json: Value = serde_json::from_str(&jwtguard_with(&["check", "--json", "-"], PLUGIN).out).unwrap();
    let tokens = json["policies"][0]["second_tokens"].as_array().unwrap();
    assert_eq!(tokens.len(), 1, "{tokens:?}");
}

#[test]
fn explain_shows_both_tokens() {
    let (status, out) = explained(PLUGIN, SERVICE, r#"{"sub":"a-1","scope":"treasury:*"}"#, false);
    assert_eq!(status, 0, "{out}");
    for text in [
        "    met      role treasury-service\n",
        "    met      second token agent: a valid token\n",
        "    met      second token agent: scope treasury:write:payments\n",
        "second token agent: valid, from issuer agents; scopes treasury:*\n",
        "  + x-agent-sub: a-1\n",
        "  - x-agent-authorization\n",
    ] {
        assert!(out.contains(text), "{text}\nin\n{out}");
    }
    for (claims, agent, texts) in [
        (
            SERVICE,
            r#"{"scope":"treasury:read:*"}"#,
            &[
                "    not met  second token agent: scope treasury:write:payments; the token has scope \"treasury:read:*\"\n",
                "the request is denied: scope, a scope is missing; required: treasury:write:payments (second token agent)\n",
            ][..],
        ),
        (
            SERVICE,
            r#"{"iss":"https://services.example"}"#,
            &[
                "second token agent: not valid: unknown_issuer, the token's issuer is configured, but not for this token",
            ],
        ),
        (
            r#"{"iss":"https://agents.example"}"#,
            "{}",
            &["token: not valid: unknown_issuer, ", "second token agent: not read\n"],
        ),
    ] {
        let (status, out) = explained(PLUGIN, claims, agent, false);
        assert_eq!(status, 1, "{out}");
        for text in texts {
            assert!(out.contains(text), "{text}\nin\n{out}");
        }
    }
    let (_, json) = explained(PLUGIN, SERVICE, "{}", true);
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["second_tokens"]["agent"], "valid, from issuer agents");
    assert_eq!(json["decision"]["reason"], "scope");
    // A token is verified with the keys of --jwks, which are missing here.
    let (status, out) = explained(PLUGIN, SERVICE, "Bearer a.b.c", false);
    assert_eq!(status, 1, "{out}");
    assert!(out.contains("second token agent: not valid: malformed"), "{out}");
    let without = PLUGIN.replace("agent:", "caller:").replace("{ agent", "{ caller");
    let (status, out) = explained(&without, SERVICE, "{}", false);
    assert_eq!(status, 2, "{out}");
    assert!(out.contains("no second token is named \"agent\"; expected one of caller"), "{out}");
}

#[test]
fn a_test_has_second_tokens() {
    let folder = Folder::new("second-tokens");
    folder.file("plugin.yaml", PLUGIN);
    let case = |tokens: &str, expect: &str| {
        format!(
            "config: plugin.yaml\ntests:\n- request: POST /treasury/payments\n  claims: {SERVICE}\n  tokens: {tokens}\n  \
             expect: {expect}\n"
        )
    };
    for (tokens, expect, status) in [
        (
            r#"{ agent: { sub: a-1, scope: "treasury:*" } }"#,
            "{ pass: true, upstream: { x-agent-sub: a-1, x-agent-authorization: null } }",
            0,
        ),
        (r#"{ agent: { sub: a-1, scope: "treasury:*" } }"#, "403", 1),
        ("{ agent: { sub: a-1, scope: treasury } }", "{ status: 403, reason: scope }", 0),
        ("{ agent: a.b.c }", "{ status: 401, reason: malformed }", 0),
        ("{}", "{ status: 401, reason: missing_token }", 0),
        ("{ agent: 1 }", "403", 2),
        ("{ user: {} }", "403", 2),
    ] {
        let file = folder.file("tests.yaml", &case(tokens, expect));
        let ran = jwtguard(&["test", &file]);
        assert_eq!(ran.status, status, "{tokens} {expect}: {}{}", ran.out, ran.err);
    }
}

#[test]
fn a_second_token_that_decides_nothing_is_reported() {
    let asked = "  requires_token: { agent: { requires_scope: \"treasury:write:payments\" } }\n";
    let with =
        |requirement: &str| PLUGIN.replace(asked, &format!("  requires_token: {{ agent: {requirement} }}\n"));
    let both =
        with("{ allow_authenticated: true }").replace("name: agents,", "name: agents, first_token: true,");
    let both = both.replace("requires_role: treasury-service", "requires_issuer: services");
    // A file with only the configuration may belong to routes whose metadata asks for the token.
    let embedded = |config: &str| {
        let config = config.replace('\n', "\n    ");
        format!(
            "apiVersion: extensions.istio.io/v1alpha1\nkind: WasmPlugin\nspec:\n  url: oci://x/jwt-guard:1\n  pluginConfig:{config}"
        )
    };
    let unasked = |config: &str| {
        findings(&embedded(config))
            .iter()
            .any(|found| found.contains("agent: is asked for by no requirement"))
    };
    assert!(unasked(&PLUGIN.replace(asked, "")), "{:?}", findings(&embedded(&PLUGIN.replace(asked, ""))));
    assert!(!unasked(PLUGIN));
    one_each(&[
        (
            PLUGIN.replace("requires_role: treasury-service", "requires_issuer: agents"),
            "routes[0].requires_issuer: names only issuers whose tokens are accepted as second tokens",
        ),
        (
            with("{ requires_issuer: services }"),
            "routes[0].requires_token.agent.requires_issuer: names no issuer of the second token agent",
        ),
        (
            PLUGIN.replace("name: agents,", "name: agents, claim_headers: { x-agent: sub },"),
            "issuers[1].claim_headers: concerns only first tokens",
        ),
        (
            PLUGIN.replace("name: agents,", "name: agents, token_from: { header: authorization },"),
            "issuers[1].token_from: concerns only first tokens",
        ),
        (both.clone(), "routes[0].requires_token.agent: accepts any token of an issuer that also vouches"),
        (
            PLUGIN.replace("{ header: x-agent-authorization, prefix: \"Bearer \" }", "{ query: agent }"),
            "second_tokens: reads tokens from the query",
        ),
        (
            PLUGIN.replace("prefix: \"Bearer \"", "prefix: Bearer"),
            "second_tokens.agent.token_from: the prefix \"Bearer\" has no final space",
        ),
    ]);
    none(&[
        with("{ allow_authenticated: true }"),
        with("{ allow_missing: true }"),
        both.replace("allow_authenticated: true", "requires_role: agent"),
    ]);
}
