//! Tests `docs/migration.md`: the policy of jwt_authn and RBAC and the equivalent policy of the filter, each in an
//! Envoy, and the table of differences.

use jwt_guard_testkit::mint::{SigningKey, Token};
use jwtguard::inspect::documents;
use serde_json::{Value, json};

use crate::harness::{Stack, now};

/// The fenced `yaml` blocks of the first section.
fn blocks() -> (String, Vec<Value>) {
    let text =
        std::fs::read_to_string(format!("{}/docs/migration.md", jwt_guard_testkit::repository().display()))
            .unwrap();
    let section = text.split("\n## ").nth(1).unwrap().to_owned();
    let blocks = section.split("```yaml\n").skip(1).map(|rest| rest.split("```").next().unwrap());
    let blocks = blocks.map(|block| {
        let documents = documents("block", block).unwrap();
        serde_json::from_str(&documents[0].tree.to_json()).unwrap()
    });
    (section.clone(), blocks.collect())
}

/// A row of the table: its title, the path, and the token.
type Row = (&'static str, &'static str, Option<fn(Token) -> Token>);

const ROWS: [Row; 11] = [
    ("an admin, on an admin's route", "/api/admin/users", Some(admin)),
    ("a user, on an admin's route", "/api/admin/users", Some(user)),
    ("no token, on /api/orders", "/api/orders", None),
    ("no token, on /orders, which no rule names", "/orders", None),
    ("a user, on /api/admin, without the slash", "/api/admin", Some(user)),
    ("a user, on /api/admin%2Fusers", "/api/admin%2Fusers", Some(user)),
    ("a user, on /API/admin/users", "/API/admin/users", Some(user)),
    ("a token in the query, as access_token", "/api/orders?access_token=", Some(user)),
    ("a token without exp", "/api/orders", Some(|token| token.without("exp"))),
    ("a refresh token, type: refresh", "/api/orders", Some(|token| token.claim("type", "refresh"))),
    (
        "a token with a crit header",
        "/api/orders",
        Some(|token| token.header("crit", vec!["x"]).header("x", 1)),
    ),
];

fn admin(token: Token) -> Token {
    token.claim("roles", vec!["admin"])
}

fn user(token: Token) -> Token {
    token.claim("roles", vec!["user"])
}

async fn answer(stack: &Stack, key: &SigningKey, (_, path, token): Row) -> u16 {
    let Some(change) = token else { return stack.get(path).await.status };
    let token = change(Token::new(now())).sign(key).unwrap();
    match path.ends_with('=') {
        true => stack.get(&format!("{path}{token}")).await.status,
        false => stack.get_with(path, &token).await.status,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn both_policies_answer_as_the_table_says() {
    let (section, blocks) = blocks();
    let [before, after] = blocks.as_slice() else { panic!("two blocks: {blocks:#?}") };
    let normalized = json!({ "normalize_path": true });
    // Only the example of the filter removes claim headers before routing.
    let native = Stack::builder().envoy(|envoy| {
        envoy.filters_before = before.as_array().unwrap().clone();
        envoy.connection_manager = normalized.clone();
        envoy.early_header_mutation = false;
    });
    let native = native.start().await;
    let ours =
        Stack::builder().plugin(after.clone()).envoy(|envoy| envoy.connection_manager = normalized.clone());
    let ours = ours.start().await;
    for row in ROWS {
        let statuses = (answer(&native, &native.key, row).await, answer(&ours, &ours.key, row).await);
        let line = format!("| {} | {} | {} |", row.0, statuses.0, statuses.1);
        assert!(section.contains(&line), "the document lacks {line}");
    }
    // CGI-like upstreams read x_auth_sub as X-Auth-Sub.
    for (stack, passes) in [(&native, true), (&ours, false)] {
        let answer = stack.request("GET", "/public/x").header("x_auth_sub", "root").send().await;
        assert_eq!((answer.status, stack.upstream.last().has("x_auth_sub")), (200, passes));
    }
    assert!(section.contains("with x_auth_sub of its own | 200, and passes it on | 200, and removes it |"));
}
