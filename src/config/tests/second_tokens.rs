//! `second_tokens`, `requires_token`, `first_token` and `scope_wildcards`.

use super::parse;
use crate::config::Config;
use crate::issuer_index::IssuerIndex;
use crate::token_role::SecondTokenIndex;
use crate::token_source::TokenSource;

/// Two issuers, `users` and `agents` with these members, and these global members.
fn text(agents: &str, members: &str) -> String {
    let issuer = |name: &str, more: &str| {
        format!(r#"{{"issuer":"https://{name}","name":"{name}","audience":"api","jwks_cluster":"c"{more}}}"#)
    };
    format!(r#"{{"issuers":[{},{}]{members}}}"#, issuer("users", ""), issuer("agents", agents))
}

const AGENT: &str =
    r#""token_from":{"header":"X-Agent-Authorization","prefix":"Bearer "},"issuers":"agents""#;

/// The agent's token with these members, and these global members.
fn with_agent(members: &str, global: &str) -> String {
    text("", &format!(r#","second_tokens":{{"agent":{{{AGENT}{members}}}}}{global}"#))
}

fn valid(text: &str) -> Config {
    parse(text).unwrap_or_else(|errors| panic!("{text}: {errors:?}"))
}

#[test]
fn a_second_token_is_read_as_written() {
    let map = r#","claim_headers":{"x-agent-sub":"sub","x-agent-scopes":"$scopes"}"#;
    let config =
        valid(&with_agent(map, r#","default_policy":{"requires_token":{"agent":{"requires_scope":"pay"}}}"#));
    let [agent] = config.second_tokens.as_slice() else { panic!("one second token") };
    assert_eq!((agent.name.as_str(), agent.forward_token), ("agent", false));
    let header =
        TokenSource::Header { name: "x-agent-authorization".to_owned(), prefix: "Bearer ".to_owned() };
    assert_eq!(
        (agent.token_from.as_slice(), agent.issuers.as_slice()),
        (&[header][..], &[IssuerIndex(1)][..])
    );
    let names: Vec<_> =
        config.claim_headers.of_second_token(SecondTokenIndex(0)).map(|(name, _)| name.to_owned()).collect();
    assert_eq!(names, ["x-agent-sub", "x-agent-scopes"]);
    assert!(config.claim_headers.is_removed("X_Agent_Sub"));
    let [(SecondTokenIndex(0), inner)] = config.default_policy.tokens.as_slice() else { panic!("one token") };
    assert_eq!(
        *inner,
        valid(&with_agent("", r#","default_policy":{"requires_scope":"pay"}"#)).default_policy
    );
    assert!(valid(&with_agent(r#","forward_token":true"#, "")).second_tokens[0].forward_token);
}

#[test]
fn second_tokens_are_sorted_by_name() {
    let token = |header: &str| format!(r#"{{"token_from":{{"header":"{header}"}},"issuers":"agents"}}"#);
    let config = valid(&text(
        "",
        &format!(
            r#","second_tokens":{{"b":{},"a":{}}},"default_policy":{{"requires_token":{{"b":{{"requires_role":"x"}},
            "a":{{"allow_authenticated":true}}}}}}"#,
            token("x-b"),
            token("x-a")
        ),
    ));
    let names: Vec<_> = config.second_tokens.iter().map(|token| token.name.as_str()).collect();
    assert_eq!(names, ["a", "b"]);
    let indices: Vec<_> = config.default_policy.tokens.iter().map(|(index, _)| index.0).collect();
    assert_eq!(indices, [0, 1]);
}

#[test]
fn an_issuer_of_second_tokens_is_not_one_of_the_first() {
    let first = |text: &str| valid(text).issuers.iter().map(|issuer| issuer.first_token).collect::<Vec<_>>();
    let agent = format!(r#","second_tokens":{{"agent":{{{AGENT}}}}}"#);
    assert_eq!(first(&text("", "")), [true, true]);
    assert_eq!(first(&text("", &agent)), [true, false]);
    assert_eq!(first(&text(r#","first_token":true"#, &agent)), [true, true]);
    assert_eq!(first(&text(r#","first_token":false"#, &agent)), [true, false]);
    let flat = r#"{"issuer":"https://i","name":"i","audience":"a","jwks_cluster":"c","first_token":true,
        "second_tokens":{"agent":{"token_from":{"header":"x-agent"},"issuers":"i"}}}"#;
    assert_eq!(first(flat), [true]);
}

#[test]
fn requires_token_alone_requires_any_first_token() {
    let config = valid(&with_agent(
        "",
        r#","routes":[{"path":"/a","requires_token":{"agent":{"allow_authenticated":true}}},
        {"path":"/b","requires_role":"x","requires_token":{"agent":{"allow_missing":true,"requires_issuer":"agents"}}},
        {"path":"/c","policy":"p"},{"path":"/d","requires_token":{"agent":{"any_of":[{"requires_role":"a"}]}},
        "shadow":{"requires_role":"y"}}],
        "guards":[{"path":"/**","requires_token":{"agent":{"requires_claim":{"claim":"c","equals":{"header":"x-c"}}}}}],
        "policies":{"p":{"requires_token":{"agent":{"requires_step_up":{"max_age_seconds":5}}}}}"#,
    ));
    for entry in config.routes.entries() {
        assert_eq!(entry.rule.requirement.tokens.len(), 1, "{:?}", entry.rule);
    }
    assert_eq!(config.routes.entries()[0].rule.requirement.rule, config.default_policy.rule);
    assert_eq!(config.compared_headers.names().collect::<Vec<_>>(), ["x-c"]);
}

#[test]
fn scope_wildcards_are_global_or_of_an_issuer() {
    let wildcards = |text: &str| {
        valid(text).issuers.iter().map(|issuer| issuer.sources.scope_wildcards).collect::<Vec<_>>()
    };
    assert_eq!(wildcards(&text("", "")), [false, false]);
    assert_eq!(wildcards(&text("", r#","scope_wildcards":true"#)), [true, true]);
    assert_eq!(wildcards(&text(r#","scope_wildcards":false"#, r#","scope_wildcards":true"#)), [true, false]);
    assert_eq!(wildcards(&text(r#","scope_wildcards":true"#, "")), [false, true]);
    let flat = r#"{"issuer":"https://i","audience":"a","jwks_cluster":"c","scope_wildcards":true}"#;
    assert_eq!(wildcards(flat), [true]);
}

#[test]
fn every_mistake_names_its_place_and_the_remedy() {
    let requires = |requirement: &str| with_agent("", &format!(r#","default_policy":{requirement}"#));
    let of_agent =
        |requirement: &str| requires(&format!(r#"{{"requires_token":{{"agent":{requirement}}}}}"#));
    let place = |source: &str, global: &str| {
        text(
            "",
            &format!(r#","second_tokens":{{"agent":{{"token_from":{source},"issuers":"agents"}}}}{global}"#),
        )
    };
    let agent = "second_tokens.agent";
    let shared =
        |place: &str, of: &str| format!("{agent}.token_from: {{{place}}} is also a token source of {of}, or");
    let header_route =
        r#","routes":[{"path":"/","allow_authenticated":true,"token_from":{"header":"x_agent.token"}}]"#;
    let two = |source: &str, other: &str| {
        let of = |source: &str| format!(r#"{{"token_from":{source},"issuers":"agents"}}"#);
        text("", &format!(r#","second_tokens":{{"a":{},"b":{}}}"#, of(source), of(other)))
    };
    let rows: &[(String, String)] = &[
        // The token itself.
        (text("", &format!(r#","second_tokens":{{"a.b":{{{AGENT}}}}}"#)), "second_tokens[\"a.b\"]: the name of a second token can contain".into()),
        (text("", r#","second_tokens":{"agent":1}"#), format!("{agent}: expected a second token, such as")),
        (text("", r#","second_tokens":{"agent":{"issuers":"agents"}}"#), format!("{agent}.token_from: this key is required")),
        (
            text("", r#","second_tokens":{"agent":{"token_from":{"header":"x-agent"}}}"#),
            format!("{agent}.issuers: this key is required"),
        ),
        (with_agent(r#","audience":"a""#, ""), format!("{agent}.audience: unknown key; expected one of claim_headers")),
        (
            text("", r#","second_tokens":{"agent":{"token_from":{"header":"x-agent"},"issuers":"agent"}}"#),
            format!("{agent}.issuers: no issuer is named \"agent\"; expected one of users, agents"),
        ),
        // Issuers.
        (
            text("", r#","second_tokens":{"agent":{"token_from":{"header":"x-agent"},"issuers":["agents","users"]}}"#),
            "second_tokens: second tokens name every issuer".into(),
        ),
        (text(r#","first_token":false"#, ""), "issuers[1].first_token: no second token names this issuer".into()),
        (text(r#","first_token":1"#, ""), "issuers[1].first_token: expected true or false".into()),
        // Places.
        (place(r#"{"header":"authorization"}"#, ""), shared("header: authorization", "the first token")),
        (
            place(r#"{"header":"authorization","prefix":"Agent "}"#, ""),
            shared("header: authorization", "the first token"),
        ),
        (
            place(r#"{"header":"grpc-metadata-authorization"}"#, ""),
            shared("header: grpc-metadata-authorization", "the first token"),
        ),
        (place(r#"{"header":"x-agent-token"}"#, header_route), shared("header: x-agent-token", "the first token")),
        (
            place(r#"{"query":"access_token"}"#, r#","token_from":[{"query":"Access.Token"}]"#),
            shared("query: access_token", "the first token"),
        ),
        (
            place(r#"{"cookie":"t"}"#, r#","token_from":[{"header":"authorization"},{"cookie":"T"}]"#),
            shared("cookie: t", "the first token"),
        ),
        (
            two(r#"{"header":"x-token"}"#, r#"[{"header":"x-b"},{"header":"x_token"}]"#),
            "second_tokens.b.token_from: {header: x_token} is also a token source of a, or".into(),
        ),
        (
            place(r#"{"header":"DPoP"}"#, ""),
            format!("{agent}.token_from: the header dpop carries a certificate or a proof"),
        ),
        (
            place(r#"{"header":"x_forwarded-client_cert"}"#, ""),
            format!("{agent}.token_from: the header x-forwarded-client-cert carries a certificate or a proof"),
        ),
        (place(r#"{"header":"content-length"}"#, ""), format!("{agent}.token_from: \"content-length\" is needed by")),
        (
            place(r#"{"header":"X_Auth_Sub"}"#, ""),
            format!("{agent}.token_from: the header x_auth_sub is removed from every request"),
        ),
        (
            with_agent(r#","claim_headers":{"x-agent_authorization":"sub"}"#, ""),
            format!("{agent}.token_from: the header x-agent-authorization is removed from every request"),
        ),
        (
            place(
                r#"{"header":"x-customer"}"#,
                r#","default_policy":{"requires_claim":{"claim":"c","equals":{"header":"x_customer"}}}"#,
            ),
            "default_policy.requires_claim.equals.header: the filter sets or removes the header x_customer".into(),
        ),
        // Claim headers.
        (
            with_agent(r#","claim_headers":{"X_Auth_Sub":"sub"}"#, ""),
            format!("{agent}.claim_headers: \"x_auth_sub\" is a claim header of another token"),
        ),
        (
            with_agent(r#","claim_headers":{"x-user":"sub"}"#, r#","claim_headers":{"x_user":"sub"}"#),
            format!("{agent}.claim_headers: \"x-user\" is a claim header of another token"),
        ),
        (
            with_agent(r#","claim_headers":{"x-auth-sub":"sub"}"#, r#","claim_headers":{"x-user":"sub"}"#),
            format!("{agent}.claim_headers: \"x-auth-sub\" is a claim header of another token"),
        ),
        (
            text(
                r#","claim_headers":{"x-agent":"sub"}"#,
                &format!(r#","second_tokens":{{"agent":{{{AGENT},"claim_headers":{{"x-agent":"sub"}}}}}}"#),
            ),
            format!("{agent}.claim_headers: \"x-agent\" is a claim header of another token"),
        ),
        (
            with_agent(r#","claim_headers":{"dpop":"sub"}"#, ""),
            format!("{agent}.claim_headers: the header dpop carries a certificate or a proof"),
        ),
        (with_agent(r#","claim_headers":{"a":"b","A":"c"}"#, ""), format!("{agent}.claim_headers: \"a\" and \"A\" are the same")),
        // Requirements.
        (
            requires(r#"{"requires_token":{"user":{"allow_authenticated":true}}}"#),
            "default_policy.requires_token.user: no second token is named \"user\"; expected one of agent".into(),
        ),
        (
            text("", r#","default_policy":{"requires_token":{"user":{"allow_authenticated":true}}}"#),
            "default_policy.requires_token.user: no second token is named \"user\"; define it in second_tokens".into(),
        ),
        (requires(r#"{"requires_token":{}}"#), "default_policy.requires_token: expected at least one second token".into()),
        (requires(r#"{"requires_token":"agent"}"#), "default_policy.requires_token: expected an object with".into()),
        (
            of_agent("{}"),
            "default_policy.requires_token.agent: no condition is set; write allow_authenticated: true for any valid token, \
             or allow_missing: true".into(),
        ),
        (of_agent(r#"{"requires_rol":"a"}"#), "default_policy.requires_token.agent.requires_rol: unknown key".into()),
        (
            of_agent(r#"{"requires_claim":{"claim":"c","equals":{"path":"id"}}}"#),
            "default_policy.requires_token.agent: this requirement cannot compare a claim with".into(),
        ),
        (
            of_agent(r#"{"allow_authenticated":true,"requires_role":"a"}"#),
            "default_policy.requires_token.agent.allow_authenticated: this key cannot be combined".into(),
        ),
        (
            requires(r#"{"any_of":[{"requires_token":{"agent":{"requires_role":"a"}}}]}"#),
            "default_policy.any_of[0]: an entry of any_of cannot have requires_token".into(),
        ),
        (
            requires(r#"{"requires_role":"a","shadow":{"requires_token":{"agent":{"requires_role":"a"}}}}"#),
            "default_policy.shadow: a shadow cannot have requires_token".into(),
        ),
        (
            with_agent(
                "",
                r#","policies":{"p":{"requires_token":{"agent":{"requires_role":"a"}}}},"default_policy":{"any_of":[{"policy":"p"}]}"#,
            ),
            "default_policy.any_of[0]: an entry of any_of cannot have requires_token".into(),
        ),
        (
            requires(r#"{"allow_missing":true,"requires_token":{"agent":{"requires_role":"a"}}}"#),
            "default_policy.allow_missing: this key can be combined only with".into(),
        ),
        (
            requires(r#"{"policy":"p","requires_token":{"agent":{"requires_role":"a"}}}"#),
            "default_policy.policy: this key cannot be combined with other conditions".into(),
        ),
        (
            with_agent("", r#","scope_wildcards":"yes""#),
            "scope_wildcards: expected true or false".into(),
        ),
    ];
    let mut wrong = Vec::new();
    for (text, expected) in rows {
        match parse(text) {
            Err(errors) if matches!(errors.as_slice(), [one] if one.starts_with(expected.as_str())) => {}
            other => wrong.push(format!("{text}\nexpected {expected}\nfound {:#?}", other.err())),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

#[test]
fn keys_of_the_first_token_are_refused_in_the_second() {
    for key in [
        r#""allow_anonymous":true"#,
        r#""allow_missing_or_failed":true"#,
        r#""deny":true"#,
        r#""policy":"p""#,
        r#""shadow":{"deny":true}"#,
        r#""requires_token":{"agent":{"requires_role":"a"}}"#,
    ] {
        let name = key.split('"').nth(1).unwrap();
        let inner = format!(r#"{{"requires_role":"a",{key}}}"#);
        let text = with_agent("", &format!(r#","default_policy":{{"requires_token":{{"agent":{inner}}}}}"#));
        let errors = parse(&text).unwrap_err();
        let expected = format!(
            "default_policy.requires_token.agent.{name}: the requirement for a second token can have"
        );
        assert!(errors.iter().any(|error| error.starts_with(&expected)), "{errors:?}");
    }
    for key in ["allow_anonymous", "allow_authenticated", "allow_missing_or_failed", "deny"] {
        let outer = format!(r#"{{"{key}":true,"requires_token":{{"agent":{{"requires_role":"a"}}}}}}"#);
        let errors = parse(&with_agent("", &format!(r#","default_policy":{outer}"#))).unwrap_err();
        assert_eq!(errors.len(), 1, "{errors:?}");
        assert!(
            errors[0].starts_with(&format!("default_policy.{key}: this key cannot be combined")),
            "{errors:?}"
        );
    }
}
