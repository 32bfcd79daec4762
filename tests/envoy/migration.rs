//! Tests `docs/migration.md`: policies of jwt_authn and RBAC and the equivalent policies of the filter, each in an
//! Envoy, and the tables of differences.

use jwt_guard_testkit::mint::{SigningKey, Token};
use serde_json::{Value, json};

use crate::documents::section;
use crate::harness::{Stack, now};

/// How a request carries its token.
enum Sent {
    Nothing,
    Bearer,
    /// At the end of the path.
    Query,
    /// In these headers, with `{t}` for the token and `{u}` for another one.
    Headers(&'static [(&'static str, &'static str)]),
}

use Sent::{Bearer, Headers, Nothing, Query};

/// A row of the table: its title, the path, the token, and how it is sent.
type Row = (&'static str, &'static str, fn(Token) -> Token, Sent);

const ROWS: [Row; 18] = [
    ("an admin, on an admin's route", "/api/admin/users", admin, Bearer),
    ("a user, on an admin's route", "/api/admin/users", user, Bearer),
    ("no token, on /api/orders", "/api/orders", user, Nothing),
    ("no token, on /orders, which no rule names", "/orders", user, Nothing),
    ("a user, on /api/admin, without the slash", "/api/admin", user, Bearer),
    ("a user, on /api/admin%2Fusers", "/api/admin%2Fusers", user, Bearer),
    ("a user, on /API/admin/users", "/API/admin/users", user, Bearer),
    ("a token in the query, as access_token", "/api/orders?access_token=", user, Query),
    ("a token without exp", "/api/orders", |token| token.without("exp"), Bearer),
    ("a refresh token, type: refresh", "/api/orders", |token| token.claim("type", "refresh"), Bearer),
    ("an ID token, typ: ID", "/api/orders", |token| token.claim("typ", "ID"), Bearer),
    (
        "a token with a crit header",
        "/api/orders",
        |token| token.header("crit", vec!["x"]).header("x", 1),
        Bearer,
    ),
    ("a token for another audience", "/api/orders", |token| token.audience("billing"), Bearer),
    (
        "a token for the audience https://orders-api/",
        "/api/orders",
        |token| token.audience("https://orders-api/"),
        Bearer,
    ),
    (
        "a token for the audience http://orders-api",
        "/api/orders",
        |token| token.audience("http://orders-api"),
        Bearer,
    ),
    ("Bearer without a token", "/api/orders", user, Headers(&[("authorization", "Bearer ")])),
    (
        "bearer in lower case, and a valid token",
        "/api/orders",
        user,
        Headers(&[("authorization", "bearer {t}")]),
    ),
    (
        "two Authorization headers with different tokens",
        "/api/orders",
        user,
        Headers(&[("authorization", "Bearer {t}"), ("authorization", "Bearer {u}")]),
    ),
];

const ROWS_OF_SEVERAL: [Row; 11] = [
    ("staff, on /orders", "/orders", staff, Bearer),
    ("a partner, on /orders", "/orders", partner, Bearer),
    (
        "a partner, on /partner/x, in x-partner-token",
        "/partner/x",
        partner,
        Headers(&[("x-partner-token", "{t}")]),
    ),
    ("a partner, on /partner/x, in authorization", "/partner/x", partner, Bearer),
    ("staff, on /partner/x, in x-partner-token", "/partner/x", staff, Headers(&[("x-partner-token", "{t}")])),
    ("no token, on /cart/7", "/cart/7", staff, Nothing),
    ("a partner, on /cart/7", "/cart/7", partner, Bearer),
    ("Bearer without a token, on /cart/7", "/cart/7", staff, Headers(&[("authorization", "Bearer ")])),
    ("no token, on /cartoon", "/cartoon", staff, Nothing),
    ("no token, on /static/logo.png", "/static/logo.png", staff, Nothing),
    ("no token, on /static, without the slash", "/static", staff, Nothing),
];

fn admin(token: Token) -> Token {
    token.claim("roles", vec!["admin"])
}

fn user(token: Token) -> Token {
    token.claim("roles", vec!["user"])
}

fn staff(token: Token) -> Token {
    token.subject("mona")
}

fn partner(token: Token) -> Token {
    token.issuer("https://partner.example").subject("mona")
}

async fn answer(stack: &Stack, key: &SigningKey, (_, path, token, sent): &Row) -> u16 {
    let one = token(Token::new(now())).sign(key).unwrap();
    let other = token(Token::new(now())).claim("jti", "other").sign(key).unwrap();
    match sent {
        Nothing => stack.get(path).await.status,
        Bearer => stack.get_with(path, &one).await.status,
        Query => stack.get(&format!("{path}{one}")).await.status,
        Headers(headers) => {
            let request = headers.iter().fold(stack.request("GET", path), |request, (name, value)| {
                request.header(name, value.replace("{t}", &one).replace("{u}", &other))
            });
            request.send().await.status
        }
    }
}

/// An Envoy with the old filters and one with the new filter, both with `normalize_path: true`. Only the example of the
/// filter removes claim headers before routing.
async fn both(before: &Value, after: &Value) -> (Stack, Stack) {
    let normalized = json!({ "normalize_path": true });
    let native = Stack::builder().envoy(|envoy| {
        envoy.filters_before = before.as_array().unwrap().clone();
        envoy.connection_manager = normalized.clone();
        envoy.early_header_mutation = false;
    });
    let native = native.start().await;
    let ours =
        Stack::builder().plugin(after.clone()).envoy(|envoy| envoy.connection_manager = normalized.clone());
    (native, ours.start().await)
}

/// Sends every row to both, and collects the lines that the document lacks.
async fn missing(section: &str, rows: &[Row], (native, ours): (&Stack, &Stack)) -> Vec<String> {
    let mut missing = Vec::new();
    for row in rows {
        let statuses = (answer(native, &native.key, row).await, answer(ours, &ours.key, row).await);
        let line = format!("| {} | {} | {} |", row.0, statuses.0, statuses.1);
        if !section.contains(&line) {
            missing.push(line);
        }
    }
    missing
}

#[tokio::test(flavor = "multi_thread")]
async fn both_policies_answer_as_the_table_says() {
    let (section, blocks) = section("migration.md", "From jwt_authn and RBAC");
    let [before, after] = blocks.as_slice() else { panic!("two blocks: {blocks:#?}") };
    let (native, ours) = both(before, after).await;
    assert_eq!(missing(&section, &ROWS, (&native, &ours)).await, [""; 0], "the document lacks these lines");
    // CGI-like upstreams read x_auth_sub as X-Auth-Sub.
    for (stack, passes) in [(&native, true), (&ours, false)] {
        let answer = stack.request("GET", "/public/x").header("x_auth_sub", "root").send().await;
        assert_eq!((answer.status, stack.upstream.last().has("x_auth_sub")), (200, passes));
    }
    assert!(section.contains("with x_auth_sub of its own | 200, and passes it on | 200, and removes it |"));
}

#[tokio::test(flavor = "multi_thread")]
async fn several_providers_answer_as_the_table_says() {
    let (section, blocks) = section("migration.md", "Several providers of jwt_authn");
    let [before, after] = blocks.as_slice() else { panic!("two blocks: {blocks:#?}") };
    let (native, ours) = both(before, after).await;
    assert_eq!(
        missing(&section, &ROWS_OF_SEVERAL, (&native, &ours)).await,
        [""; 0],
        "the document lacks these lines"
    );
    // Claim headers belong to all issuers, $groups to one.
    for stack in [&native, &ours] {
        let token = partner(Token::new(now())).sign(&stack.key).unwrap();
        let answer = stack.request("GET", "/partner/x").header("x-partner-token", &token).send().await;
        assert_eq!((answer.status, stack.upstream.last().has("x-user")), (200, false));
        let token = staff(Token::new(now())).sign(&stack.key).unwrap();
        let answer = stack.get_with("/orders", &token).await;
        assert_eq!((answer.status, stack.upstream.last().header("x-user")), (200, Some("mona")));
    }
}
