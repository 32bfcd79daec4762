//! Attacks with members of header and claims: extensions, wrong types, and size.

use jwt_guard::jose::base64url;
use serde_json::{Value, json};

use super::spellings::token_from_parts;
use super::{Row, World, nested, row, signed};

pub fn rows(world: &World) -> Vec<Row> {
    let tables = [extensions, types, sizes];
    tables.into_iter().flat_map(|rows| rows(world)).collect()
}

/// RFC 7515 section 4.1.11, RFC 7797.
fn extensions(world: &World) -> Vec<Row> {
    let token = |name: &str, value: Value| world.token().header(name, value).sign(&world.rsa).unwrap();
    let crit =
        [json!([]), json!(["exp"]), json!(["b64"]), json!(["alg"]), json!("exp"), json!(null), json!({})];
    let mut rows: Vec<Row> =
        crit.map(|value| row(format!("crit {value}"), "crit", token("crit", value))).into();
    let b64 = [json!(false), json!("false"), json!(null), json!(0)];
    rows.extend(b64.map(|value| row(format!("b64 {value}"), "crit", token("b64", value))));
    let both = world.token().header("b64", false).header("crit", json!(["b64"]));
    rows.push(row("b64 and crit", "crit", both.sign(&world.rsa).unwrap()));
    rows.push(row("b64 true", "passed", token("b64", json!(true))));
    // Unencoded claims, as announced by b64. They contain commas, so they look like two joined headers.
    let header = base64url::encode(both.header_json(&world.rsa).as_bytes());
    rows.push(row(
        "claims unencoded",
        "400 bad_request",
        token_from_parts(&world.rsa, &header, &world.token().claims_json()),
    ));
    // `zip` is defined only for JWE, so it is ignored.
    rows.push(row("zip", "passed", token("zip", json!("DEF"))));
    rows
}

/// Claims of a wrong type that another parser might accept.
fn types(world: &World) -> Vec<Row> {
    let claims = world.token().claims_json();
    let token = |name: &str, value: Value| world.token().claim(name, value).sign(&world.rsa).unwrap();
    let of = |name: &str, expected: &'static str, values: &[Value]| -> Vec<Row> {
        values
            .iter()
            .map(|value| row(format!("{name} {value}"), expected, token(name, value.clone())))
            .collect()
    };
    let tables = [
        of(
            "iss",
            "unknown_issuer",
            &[
                json!(["https://issuer.example"]),
                json!(null),
                json!(1),
                json!("HTTPS://issuer.example"),
                json!("https://issuer.example/"),
                json!("https://issuer.example\0"),
            ],
        ),
        of("sub", "claim_type", &[json!(["root"]), json!(0), json!(null), json!({})]),
        of("jti", "claim_type", &[json!(1), json!([])]),
        of(
            "aud",
            "claim_type",
            &[
                json!(1),
                json!({ "orders-api": 1 }),
                json!(["orders-api", 1]),
                json!([["orders-api"]]),
                json!(null),
            ],
        ),
        of(
            "aud",
            "audience",
            &[json!([]), json!(""), json!("ORDERS-API"), json!("orders-api,"), json!("orders-ap")],
        ),
        of(
            "exp",
            "claim_type",
            &[json!("99999999999"), json!(true), json!([99_999_999_999_u64]), json!(null), json!({})],
        ),
        of("exp", "expired", &[json!(0), json!(-1), json!(1.5), json!(-1e300)]),
        of("nbf", "claim_type", &[json!("0"), json!(false)]),
        of("nbf", "not_yet_valid", &[json!(99_999_999_999_u64), json!(1e300)]),
        of("iat", "not_yet_valid", &[json!(99_999_999_999_u64)]),
        of("type", "refused_claim", &[json!("refresh"), json!(["refresh"])]),
        of("token_use", "refused_claim", &[json!("id")]),
    ];
    let mut rows: Vec<Row> = tables.into_iter().flatten().collect();
    let infinite = claims.replacen("\"exp\":", "\"exp\":1e999,\"was\":", 1);
    assert_ne!(infinite, claims);
    rows.push(row(
        "exp beyond every number",
        "claim_type",
        signed(&world.rsa, world.header_json(), infinite),
    ));
    let typ = |value: &str| world.token().header("typ", value).sign(&world.rsa).unwrap();
    rows.extend(
        ["dpop+jwt", "logout+jwt", "secevent+jwt", "JWS", "at+jwt ", "absent"]
            .map(|value| row(format!("typ {value:?}"), "type", typ(value))),
    );
    rows.extend(
        ["jwt", "AT+JWT", "application/at+jwt"]
            .map(|value| row(format!("typ {value:?}"), "passed", typ(value))),
    );
    rows
}

/// `max_token_bytes` is 16384; Envoy's limits allow headers of four mebibytes.
fn sizes(world: &World) -> Vec<Row> {
    let good = world.good();
    let fill = |bytes: usize| format!("{good}{}", "A".repeat(bytes - good.len()));
    let large = |bytes: usize| world.token().claim("x", "x".repeat(bytes)).sign(&world.rsa).unwrap();
    vec![
        row("almost too long", "passed", large(11_000)),
        row("a byte too long", "too_long", fill(16_385)),
        row("signed and too long", "too_long", large(16_384)),
        row("a mebibyte", "too_long", fill(1 << 20)),
        row("a mebibyte, signed", "too_long", large(1 << 20)),
        row("a mebibyte of dots", "too_long", ".".repeat(1 << 20)),
        row("a mebibyte of brackets", "too_long", signed(&world.rsa, world.header_json(), nested(1 << 19))),
    ]
}
