//! Second tokens in the schema and the reader.

use super::*;

#[test]
fn schema_and_reader_accept_the_same_second_tokens() {
    let validator = validator();
    let with = |key: &str, value: Value| {
        let mut token = second_token();
        token[key] = value;
        of_second_token(&token, &json!({"requires_scope": "a"}))
    };
    let of = |requirement: Value| of_second_token(&second_token(), &requirement);
    for (config, good) in [
        (with("token_from", json!([{"header": "x-a", "prefix": "Bearer "}, {"cookie": "a"}])), true),
        (with("token_from", json!([])), false),
        (with("token_from", Value::Null), false),
        (with("issuers", json!(["i"])), true),
        (with("issuers", json!([])), false),
        (with("issuers", Value::Null), false),
        (with("claim_headers", json!({"x-agent-sub": "sub", "x-agent-scopes": "$scopes"})), true),
        (with("claim_headers", json!({"x-agent-sub": []})), false),
        (with("forward_token", json!(true)), true),
        (with("forward_token", json!("yes")), false),
        (with("audience", json!("a")), false),
        (of(json!({"allow_authenticated": true})), true),
        (of(json!({"allow_missing": true, "requires_issuer": "i"})), true),
        (of(json!({"any_of": [{"requires_role": "a"}, {"requires_group": "b"}]})), true),
        (of(json!({"requires_step_up": {"acr": "phr"}})), true),
        (of(json!({"requires_role": "a", "deny": true})), false),
        (of(json!({"requires_role": "a", "allow_anonymous": true})), false),
        (of(json!({"requires_role": "a", "allow_missing_or_failed": true})), false),
        (of(json!({"requires_role": "a", "shadow": {"deny": true}})), false),
        (of(json!({"policy": "p"})), false),
        (of(json!({"requires_role": "a", "requires_token": {"t": {"requires_role": "a"}}})), false),
    ] {
        assert_eq!(errors(&config).is_empty(), good, "reader: {config}: {:?}", errors(&config));
        assert_eq!(validator.is_valid(&config), good, "schema: {config}");
    }
}
