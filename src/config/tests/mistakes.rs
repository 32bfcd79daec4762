//! One mistake per row, with the start of its message.

use super::{parse, with};

#[test]
fn every_mistake_names_its_place_and_the_remedy() {
    let rows: &[(&str, &str)] = &[
        // The whole configuration.
        ("", "the filter has no configuration; it needs at least issuer, audience and jwks_cluster"),
        ("[]", "expected an object with issuer, audience and jwks_cluster, got an empty list"),
        ("{\"issuer\":", "the configuration is neither a protobuf Struct nor valid JSON: EOF while parsing"),
        (
            r#"{"a":1,"a":1}"#,
            "the configuration is JSON that the filter refuses: an object has the same member twice",
        ),
        // Required keys.
        (
            r#"{"audience":"a","jwks_cluster":"c"}"#,
            "issuer: this key is required; write the exact iss of the tokens, such as https://issuer.example.com",
        ),
        (
            r#"{"issuer":" ","audience":"a","jwks_cluster":"c"}"#,
            "issuer: expected the exact iss of the tokens, such as https://issuer.example.com, got \" \"",
        ),
        (
            r#"{"issuer":"https://i","jwks_cluster":"c"}"#,
            "audience: this key is required; write the aud of the tokens for this service",
        ),
        (
            r#"{"issuer":"https://i","audience":"","jwks_cluster":"c"}"#,
            "audience: expected an audience, got \"\"",
        ),
        (
            r#"{"issuer":"https://i","audience":[],"jwks_cluster":"c"}"#,
            "audience: expected an audience, or a list with at least one entry; got an empty list",
        ),
        (
            r#"{"issuer":"https://i","audience":"a"}"#,
            "jwks_cluster: this key is required; write the name of the Envoy cluster",
        ),
        (
            r#"{"issuer":"i","audience":"a","jwks_cluster":"c"}"#,
            "jwks_endpoint: /api/v1/auth/jwks is appended to the issuer, and the result is not a URL",
        ),
        // Unknown keys, at any depth.
        (&with(r#""isuer":"x""#), "isuer: unknown key; expected one of "),
        (
            &with(r#""routes":[{"path":"/a","deny":true,"priority":"x"}]"#),
            "routes[0].priority: unknown key; expected one of ",
        ),
        (&with(r#""a.b":1"#), "[\"a.b\"]: unknown key"),
        // Wrong types and bounds.
        (&with(r#""enabled":"yes""#), "enabled: expected true or false, got \"yes\""),
        (
            &with(r#""jwks_ttl_seconds":300.5"#),
            "jwks_ttl_seconds: expected a whole number of seconds from 1 to 86400, got 300.5",
        ),
        (
            &with(r#""skip_readings":"dot_segments""#),
            "skip_readings: dot_segments cannot be skipped; expected one of letter_case, encoded_slash, path_parameters, \
             backslash, trailing_dot_or_space, compatibility_characters, method_override, php_path_info, ntfs_streams, \
             aspnet_tickets",
        ),
        (
            &with(r#""skip_readings":["letter_case","case"]"#),
            "skip_readings[1]: expected one of letter_case, ",
        ),
        (&with(r#""skip_readings":[1]"#), "skip_readings[0]: expected the name of a class of path variants"),
        (
            &with(r#""jwks_ttl_seconds":0"#),
            "jwks_ttl_seconds: expected a whole number of seconds from 1 to 86400, got 0",
        ),
        (
            &with(r#""jwks_timeout_ms":60001"#),
            "jwks_timeout_ms: expected a whole number of milliseconds from 10 to 60000, got 60001",
        ),
        (
            &with(r#""token_cache_entries":65537"#),
            "token_cache_entries: expected a whole number of entries from 0 to 65536, got 65537",
        ),
        (
            &with(r#""clock_skew_seconds":-1"#),
            "clock_skew_seconds: expected a whole number of seconds from 0 to 600, got -1",
        ),
        (
            &with(r#""clock_skew_seconds":"60""#),
            "clock_skew_seconds: expected a whole number of seconds from 0 to 600, got \"60\"",
        ),
        (&with(r#""accepted_algorithms":["none"]"#), "accepted_algorithms: none is never accepted"),
        (&with(r#""accepted_algorithms":"HS256""#), "accepted_algorithms: HS256 is never accepted"),
        (
            &with(r#""accepted_algorithms":["RS255"]"#),
            "accepted_algorithms: unknown algorithm \"RS255\"; expected one of RS256, ",
        ),
        (
            &with(r#""accepted_algorithms":["EdDSA","Ed25519"]"#),
            "accepted_algorithms: the algorithm Ed25519 is in this list twice",
        ),
        (
            &with(r#""accepted_algorithms":[]"#),
            "accepted_algorithms: expected an algorithm, such as RS256, or a list with at least one entry; got an empty list",
        ),
        (
            &with(r#""jwks_endpoint":"ftp://x""#),
            "jwks_endpoint: expected a URL that starts with https:// or http://",
        ),
        (
            &with(r#""jwks_endpoint":"https://idp.example.com:+80/keys""#),
            "jwks_endpoint: expected a URL with a host, such as https://issuer.example.com/keys",
        ),
        (
            &with(r#""jwks_inline":{"keys":[]}"#),
            "jwks_cluster: jwks_inline gives the keys, so nothing is fetched; remove this key or jwks_inline",
        ),
        (
            r#"{"issuer":"i","audience":"a","jwks_inline":{"keys":[]}}"#,
            "jwks_inline: this key set cannot be used: the key set has no usable key",
        ),
        (&with(r#""name":"a-b""#), "name: expected letters, digits and _ only, got \"a-b\""),
        (
            &with(r#""realm":"a\u0001""#),
            "realm: a realm can contain only visible ASCII characters, and spaces between them",
        ),
        // Requirements.
        (
            &with(r#""routes":[{"path":"/a"}]"#),
            "routes[0]: no condition is set; write allow_authenticated: true for any valid token",
        ),
        (&with(r#""routes":[{"path":"/a","allow_anonymous":false}]"#), "routes[0]: no condition is set"),
        (
            &with(r#""routes":[{"allow_anonymous":true}]"#),
            "routes[0].path: this key is required; write a path template",
        ),
        (
            &with(r#""routes":[{"path":"/a","allow_anonymous":true},{"path":"/b","requires_role":[""]}]"#),
            "routes[1].requires_role[0]: expected a role name, got \"\"",
        ),
        (
            &with(r#""routes":[{"path":"/a","requires_role":""}]"#),
            "routes[0].requires_role: expected a role name, got \"\"",
        ),
        (
            &with(r#""routes":[{"path":"/a","requires_role":[]}]"#),
            "routes[0].requires_role: expected a role name, or a list with at least one entry; got an empty list",
        ),
        (
            &with(r#""routes":[{"path":"/a","requires_role":["x","x"]}]"#),
            "routes[0].requires_role[1]: \"x\" is in this list twice",
        ),
        (
            &with(r#""routes":[{"path":"/a","requires_role":{"any":["x"]}}]"#),
            "routes[0].requires_role.any: unknown key; write the list itself",
        ),
        (
            &with(r#""routes":[{"path":"/a","requires_role":{"all":[]}}]"#),
            "routes[0].requires_role.all: expected a role name, or a list with at least one entry; got an empty list",
        ),
        (
            &with(r#""routes":[{"path":"/a","requires_scope":["a","b"]}]"#),
            "routes[0].requires_scope: for several scopes, write {any: […]} or {all: […]}",
        ),
        (
            &with(r#""routes":[{"path":"/a","requires_scope":"a b"}]"#),
            "routes[0].requires_scope: a scope can contain only visible ASCII characters",
        ),
        (
            &with(r#""routes":[{"path":"/a","allow_anonymous":true,"requires_role":"x"}]"#),
            "routes[0].allow_anonymous: this key cannot be combined with other conditions",
        ),
        (
            &with(r#""routes":[{"path":"/a","allow_anonymous":true,"deny":true}]"#),
            "routes[0].allow_anonymous: this key cannot be combined with other conditions",
        ),
        (
            &with(r#""routes":[{"path":"/a","allow_missing":true,"requires_role":"x"}]"#),
            "routes[0].allow_missing: this key can be combined only with requires_issuer and requires_audience",
        ),
        (
            &with(r#""routes":[{"path":"/a","requires_issuer":"x"}]"#),
            "routes[0].requires_issuer: no issuer is named \"x\"; expected one of idp_example_com",
        ),
        (
            &with(r#""routes":[{"path":"/a","requires_audience":"x"}]"#),
            "routes[0].requires_audience: no issuer has the audience \"x\"; expected one of api",
        ),
        (
            &with(r#""routes":[{"path":"/a","policy":"x"}]"#),
            "routes[0].policy: no policy is named \"x\"; define it in policies",
        ),
        (
            &with(r#""policies":{"p":{"policy":"q"}}"#),
            "policies.p: a named policy cannot refer to another one",
        ),
        (&with(r#""policies":{"p":{}}"#), "policies.p: no condition is set"),
        (
            &with(r#""routes":[{"path":"/a","any_of":[{"allow_anonymous":true}]}]"#),
            "routes[0].any_of[0]: an entry of any_of must require a valid token; allow_anonymous, allow_missing, \
             allow_missing_or_failed and deny do not; to accept requests without a token, write allow_missing: true instead \
             of any_of, and requires_issuer beside it if only tokens of some issuers may pass",
        ),
        (
            &with(r#""routes":[{"path":"/a","any_of":[]}]"#),
            "routes[0].any_of: expected at least one requirement",
        ),
        (
            &with(r#""routes":[{"path":"/a","requires_claim":[{"claim":"x"}]}]"#),
            "routes[0].requires_claim[0]: expected exactly one of any: […], all: […], none: […], prefix, suffix",
        ),
        (
            &with(r#""routes":[{"path":"/a","requires_claim":{"claim":"x","any":[null]}}]"#),
            "routes[0].requires_claim.any[0]: expected a string",
        ),
        (
            &with(r#""roles_from":{"claim":"x","keys":true,"split":","}"#),
            "roles_from: a claim has one form; write only one of keys: true, member and split",
        ),
        (
            &with(r#""roles_from":[{"claim":"x","split":""}]"#),
            "roles_from[0].split: expected a separator of 1 to 16 bytes, such as \",\", got \"\"",
        ),
        (
            &with(r#""groups_from":{"claim":"x","member":""}"#),
            "groups_from.member: expected the name of a member that contains the value, got \"\"",
        ),
        (
            &with(r#""scopes_from":{"claim":"x","keys":"yes"}"#),
            "scopes_from.keys: expected true or false, got \"yes\"",
        ),
        (
            &with(r#""default_policy":{"requires_claim":{"claim":"x","none":["a",7]}}"#),
            "default_policy.requires_claim.none: the values of none have several types, and a claim of another type is denied; write any_of with one",
        ),
        (
            &with(r#""default_policy":{"requires_claim":{"claim":"x","none":[]}}"#),
            "default_policy.requires_claim.none: expected at least one value",
        ),
        (
            &with(r#""default_policy":{"requires_claim":{"claim":"x","prefix":""}}"#),
            "default_policy.requires_claim.prefix: expected the text that the claim starts with, got \"\"",
        ),
        (
            &with(r#""default_policy":{"requires_claim":{"claim":"x","suffix":["a",7]}}"#),
            "default_policy.requires_claim.suffix[1]: expected the text that the claim ends with, got 7",
        ),
        (
            &with(&format!(
                r#""default_policy":{{"requires_claim":{{"claim":"x","prefix":{:?}}}}}"#,
                (0..65).map(|n| n.to_string()).collect::<Vec<_>>()
            )),
            "default_policy.requires_claim.prefix: found 65 texts; a condition can have at most 64",
        ),
        (
            &with(r#""default_policy":{"requires_claim":{"claim":"x","at_least":"5"}}"#),
            "default_policy.requires_claim.at_least: expected a number, got the text \"5\"; if it has no quotes in the file",
        ),
        (
            &with(r#""default_policy":{"requires_claim":{"claim":"x","at_most":"five"}}"#),
            "default_policy.requires_claim.at_most: expected a number, got \"five\"",
        ),
        (
            &with(r#""default_policy":{"requires_claim":{"claim":"x","at_least":5,"at_most":4.5}}"#),
            "default_policy.requires_claim.at_least: at_least 5 is greater than at_most 4.5",
        ),
        (
            &with(r#""default_policy":{"requires_claim":{"claim":"x","prefix":"a","suffix":"b"}}"#),
            "default_policy.requires_claim: expected exactly one of any: […]",
        ),
        (
            &with(r#""routes":[{"path":"/a","requires_claim":{"claim":"/~2","present":true}}]"#),
            "routes[0].requires_claim.claim: in a JSON Pointer",
        ),
        // Routes.
        (&with(r#""routes":{"path":"/a"}"#), "routes: expected a list of routes, got an object"),
        (&with(r#""routes":[{"path":"a","deny":true}]"#), "routes[0].path: "),
        (
            &with(r#""routes":[{"path":"/a","methods":[],"deny":true}]"#),
            "routes[0].methods: expected a method, such as GET, or a list with at least one entry; got an empty list",
        ),
        (&with(r#""routes":[{"path":"/a/{x}","deny":true},{"path":"/a/{y}","deny":true}]"#), "routes[1]: "),
        // Headers and token sources.
        (
            &with(r#""claim_headers":{"x-a":"$role"}"#),
            "claim_headers.x-a: expected a claim, a JSON Pointer, a list of them, $roles, $groups, $scopes, $payload, $none or {value: TEXT}, got \"$role\"",
        ),
        (&with(r#""claim_headers":{"cookie":"sub"}"#), "claim_headers: "),
        (&with(r#""claim_headers":{"x-a":"sub","x_a":"email"}"#), "claim_headers: "),
        (
            &with(r#""token_from":[{"header":"x-t","query":"t"}]"#),
            "token_from[0]: expected exactly one of header, query and cookie",
        ),
        (&with(r#""token_from":[]"#), "token_from: expected at least one token source"),
        (
            &with(r#""token_from":{"header":"X_Auth_Sub"}"#),
            "token_from: the header x_auth_sub is removed from every request: it is a claim header",
        ),
        // Issuers.
        (
            &with(r#""issuers":[{"issuer":"https://j","audience":"b","jwks_cluster":"c"}]"#),
            "issuer: this key belongs to one issuer and cannot be set beside issuers",
        ),
        (r#"{"issuers":[]}"#, "issuers: expected at least one issuer"),
        (
            r#"{"issuers":[{"issuer":"https://j","audience":"b","jwks_cluster":"c"},{"issuer":"https://j","name":"k","audience":"b","jwks_cluster":"c"}]}"#,
            "issuers[1]: an earlier entry of the list has the same issuer",
        ),
        (
            r#"{"issuers":[{"issuer":"https://j","audience":"b","jwks_cluster":"c"},{"issuer":"https://j/","audience":"b","jwks_cluster":"c"}]}"#,
            "issuers[1]: two issuers have the name j; set name to another value in one of them",
        ),
        (
            &with(r#""discovery":true,"jwks_endpoint":"/k""#),
            "jwks_endpoint: discovery: true already finds the URL of the keys; remove this key or discovery",
        ),
        (
            &with(r#""discovery_cluster":"c""#),
            "discovery_cluster: this key is used only with discovery: true",
        ),
        (
            &with(r#""route_metadata":"merge""#),
            "route_metadata: expected override, narrow or ignore, got \"merge\"",
        ),
        (&with(r#""refused_claims":{"typ":[]}"#), "refused_claims.typ: expected at least one value"),
        (&with(r#""resource_metadata":{"resource":"http://x"}"#), "resource_metadata: "),
        (&with(r#""resource_metadata":["x"]"#), "resource_metadata"),
        // Names, token sources and alternatives.
        (
            &with(r#""policies":{" ":{"requires_role":"x"}}"#),
            "policies[\" \"]: the name of a policy cannot be blank",
        ),
        (
            &with(
                r#""policies":{"a":{"requires_role":"x"},"b":{"deny":true}},"default_policy":{"policy":"c"}"#,
            ),
            "default_policy.policy: no policy is named \"c\"; expected one of a, b",
        ),
        (
            &with(
                r#""routes":[{"path":"/a","deny":true},{"path":"/b","deny":true,"token_from":{"header":"x-auth-sub"}}]"#,
            ),
            "routes[1].token_from: the header x-auth-sub is removed from every request: it is a claim header",
        ),
        (
            &with(r#""refused_claims":{"typ":[["Refresh"]]}"#),
            "refused_claims.typ[0]: expected a string, a number, true, false or an object",
        ),
        (
            &with(r#""refused_claims":{"typ":["ID",null]}"#),
            "refused_claims.typ[1]: expected a string, a number, true, false or an object",
        ),
        (
            &with(r#""token_from":[{"cookie":"t"},{"query":"t"},{"cookie":"t"}]"#),
            "token_from[2]: the same token source is in this list twice",
        ),
        (
            &with(r#""token_from":{"query":"a b"}"#),
            "token_from.query: a name can contain only letters, digits and !#$%&'*+-.^_`|~",
        ),
        (
            &with(r#""token_from":{"header":"x-t","prefix":"Tok\u0000en"}"#),
            "token_from.prefix: expected a prefix of visible ASCII characters",
        ),
        (
            &with(r#""token_from":{"cookie":"t","prefix":"Token "}"#),
            "token_from.prefix: only a header can have a prefix",
        ),
        (&with(r#""audience_from":[]"#), "audience_from: expected at least one claim"),
        (&with(r#""accepted_types":["at+jwt",1]"#), "accepted_types[1]: expected a token type"),
        (&with(r#""refused_claims":{"/~2":"x"}"#), "refused_claims[\"/~2\"]: "),
        (
            r#"{"issuer":"example","audience":"b","jwks_cluster":"c","discovery":true}"#,
            "issuer: discovery: true needs an issuer that is a URL: ",
        ),
        (
            &with(r#""discovery":true,"discovery_cluster":1"#),
            "discovery_cluster: expected the name of a cluster",
        ),
        (
            &with(r#""default_policy":{"requires_role":"x","shadow":{"deny":true,"shadow":{"deny":true}}}"#),
            "default_policy.shadow: a shadow cannot have a shadow of its own",
        ),
        (
            &with(r#""policies":{"p":{"deny":true}},"default_policy":{"policy":"p","requires_role":"x"}"#),
            "default_policy.policy: this key cannot be combined with other conditions; move them into the named policy",
        ),
        (
            &with(r#""default_policy":{"requires_claim":[]}"#),
            "default_policy.requires_claim: expected at least one condition",
        ),
        (
            &with(r#""default_policy":{"requires_claim":{"claim":"x","all":[]}}"#),
            "default_policy.requires_claim.all: expected at least one value",
        ),
        (
            &with(r#""default_policy":{"any_of":[{"requires_role":"x","shadow":{"deny":true}}]}"#),
            "default_policy.any_of[0]: an entry of any_of cannot have a shadow",
        ),
        (&with(r#""claim_headers":{":path":"sub"}"#), "claim_headers: \":path\" is a pseudo-header of HTTP"),
        (&with(r#""claim_headers":{"x-original-url":"sub"}"#), "claim_headers: \"x-original-url\""),
    ];
    for (text, expected) in rows {
        match parse(text) {
            Ok(_) => panic!("accepted: {text}"),
            Err(errors) => {
                assert!(
                    errors.iter().any(|error| error.starts_with(expected)),
                    "{text}\n  expected {expected}\n  got {errors:#?}"
                );
            }
        }
    }
}
