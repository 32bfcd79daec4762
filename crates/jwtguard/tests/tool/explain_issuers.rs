//! `explain` and `check` show what an issuer adds for its own tokens.

use serde_json::{Value, json};

use crate::check::GOOD;
use crate::run::{Folder, jwtguard};

const TENANTS: &str = "issuer: 'https://login.example.com/{tid}/v2.0'\nname: entra\ntenants: [alpha, beta]\naudience: a\n\
                       jwks_cluster: c\njwks_endpoint: https://login.example.com/common/keys\npaths: [/partner/**, /x]\n";

const TWO: &str = "token_from: [{header: authorization}, {cookie: c}]\nclaim_headers: {x-user: email}\nissuers:\n\
                   - {issuer: https://a.example, name: a, audience: a, jwks_cluster: c, jwks_endpoint: /k}\n\
                   - {issuer: https://b.example, name: b, audience: b, jwks_cluster: c, jwks_endpoint: /k, token_from: {cookie: c}, \
                   claim_headers: {x-user: sub, x-kind: {value: partner}}}\n";

/// The lines of `explain` for a request with these claims. Each test has a folder of its own.
fn explain(folder: &str, config: &str, request: &str, claims: Value) -> String {
    let folder = Folder::new(folder);
    let config = folder.file("plugin.yaml", config);
    jwtguard(&["explain", &config, "--request", request, "--claims", &claims.to_string()]).out
}

#[test]
fn claims_of_a_tenant_are_completed_and_compared() {
    let iss = |tenant: &str| format!("https://login.example.com/{tenant}/v2.0");
    let rows = [
        (json!({"sub": "s"}), "+ x-auth-issuer: https://login.example.com/alpha/v2.0"),
        (json!({"sub": "s", "iss": iss("beta")}), "+ x-auth-issuer: https://login.example.com/beta/v2.0"),
        (
            json!({"sub": "s", "iss": iss("beta"), "tid": "alpha"}),
            "the token has tid \"alpha\"; expected \"beta\", the tenant in iss",
        ),
        (
            json!({"sub": "s", "iss": iss("gamma")}),
            "token: not valid: unknown_issuer, the token's iss is missing or is not a configured issuer",
        ),
    ];
    for (claims, expected) in rows {
        let out = explain("tenants", TENANTS, "/x", claims.clone());
        assert!(out.contains(expected), "{claims}\n{out}");
    }
}

#[test]
fn a_path_outside_the_paths_of_an_issuer_is_explained_with_its_readings() {
    let out = explain("issuer-paths", TENANTS, "/partner/..%2fadmin", json!({"sub": "s"}));
    let detail = "issuer_not_allowed, the path, or another reading of the path, is not among the paths of the token's issuer";
    for expected in ["/admin  (encoded_slash, dot_segments)", &format!("the request is denied: {detail}")] {
        assert!(out.contains(expected), "{out}");
    }
    assert!(
        explain("issuer-paths", TENANTS, "/partner/a", json!({"sub": "s"}))
            .contains("token: valid, from issuer entra")
    );
}

#[test]
fn a_token_is_put_where_its_issuer_allows_it() {
    let out = explain("issuer-sources", TWO, "/x", json!({"sub": "s", "iss": "https://b.example"}));
    for expected in ["+ x-user: s", "+ x-kind: partner", "- cookie"] {
        assert!(out.contains(expected), "{out}");
    }
    let out =
        explain("issuer-sources", TWO, "/x", json!({"sub": "s", "email": "e", "iss": "https://a.example"}));
    assert!(
        out.contains("+ x-user: e") && out.contains("- authorization") && !out.contains("x-kind"),
        "{out}"
    );
}

#[test]
fn the_table_shows_what_limits_the_tokens_of_an_issuer() {
    let folder = Folder::new("table-issuers");
    for (config, expected) in [
        (TENANTS, "{tid}/v2.0 of tenant alpha or beta, audience a, RS256;"),
        (TENANTS, "; only on /partner/** or /x"),
        (TWO, "; only from cookie c"),
        (&TENANTS.replace("[alpha, beta]", "{any: true}"), "{tid}/v2.0 of any tenant,"),
        (
            &TENANTS.replace("[alpha, beta]", "[a, b, c, d, e, f, g]"),
            "of tenant a or b or c or d or e and 2 more,",
        ),
    ] {
        let out = jwtguard(&["check", &folder.file("plugin.yaml", config)]).out;
        assert!(out.contains(expected), "{out}");
    }
}

#[test]
fn explain_says_that_the_revocation_list_is_not_consulted() {
    let claims = json!({"sub": "s", "jti": "j"});
    let without = GOOD.to_owned() + "jwks_endpoint: /k\n";
    let with = without.clone() + "revocation_list_endpoint: /revocations\n";
    let note = "token: valid, from issuer a_example; the revocation list is not consulted";
    assert!(explain("list", &with, "/x", claims.clone()).contains(note));
    let out = explain("no-list", &without, "/x", claims);
    assert!(out.contains("token: valid, from issuer a_example\n"), "{out}");
    let table = crate::run::jwtguard_with(&["check", "-"], &with).out;
    let described = "; revocation list: https://a.example/revocations through cluster c";
    assert!(table.contains(described), "{table}");
}
