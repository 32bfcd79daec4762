//! One token in two spellings, and one spelling of two tokens: base64, JSON, encodings, extensions, sizes.

use jwt_guard::jose::base64url;
use jwt_guard::mint::SigningKey;
use serde_json::{Value, json};

use super::{Row, World, nested, row, signed, with};

pub fn rows(world: &World) -> Vec<Row> {
    let tables = [parts, alphabets, duplicates, encodings, shapes, extensions, types, sizes];
    tables.into_iter().flat_map(|rows| rows(world)).collect()
}

/// Those parts as they are spelt, with a good signature of exactly that.
fn spelt(key: &SigningKey, header: &str, claims: &str) -> String {
    let message = format!("{header}.{claims}");
    let signature = key.signature(message.as_bytes()).unwrap();
    format!("{message}.{}", base64url::encode(&signature))
}

fn parts(world: &World) -> Vec<Row> {
    let good = world.good();
    let (message, signature) = good.rsplit_once('.').unwrap();
    let (header, claims) = message.split_once('.').unwrap();
    let (a, b) = message.split_at(20);
    let rows = [
        ("a dot", ".".to_owned()),
        ("two dots", "..".to_owned()),
        ("three dots", "...".to_owned()),
        ("a dot before", format!(".{good}")),
        ("a dot after", format!("{good}.")),
        ("a fourth part", format!("{good}.AAAA")),
        ("five parts, as of a JWE", format!("{good}.AAAA.AAAA")),
        ("no header", format!(".{claims}.{signature}")),
        ("no claims, as of a detached JWS", format!("{header}..{signature}")),
        ("a space inside", format!("{a} {b}.{signature}")),
        ("a tab inside", format!("{a}\t{b}.{signature}")),
        ("percent-encoded", good.replacen("ey", "%65y", 1)),
        ("quoted", format!("\"{good}\"")),
        ("JSON serialisation", format!("{{\"payload\":\"{claims}\"}}")),
        ("an accent after", format!("{good}\u{e9}")),
        ("full-width letters", format!("{message}.\u{ff21}\u{ff21}")),
        ("soft hyphens inside", format!("{a}\u{ad}{b}.{signature}")),
    ];
    let mut rows: Vec<Row> = rows.map(|(label, token)| row(label, "malformed", token)).into();
    rows.push(row("not UTF-8", "malformed", [good.as_bytes(), b"\xFF"].concat()));
    rows.push(row("header and claims exchanged", "unknown_issuer", spelt(&world.rsa, claims, header)));
    // HTTP itself has no such bytes, and Envoy refuses.
    for byte in [0_u8, b'\x0B', 0x7F] {
        let token = [good.as_bytes(), &[byte], b"A"].concat();
        rows.push(row(format!("byte {byte:#x} inside"), "400 no reason", token));
    }
    rows
}

/// Each with a good signature of what is written, where it is the message that is written otherwise.
fn alphabets(world: &World) -> Vec<Row> {
    // A length of 3n + 1 bytes leaves four bits of the last character unused.
    let uneven = |text: String| {
        let spaces = (4 - text.len() % 3) % 3;
        base64url::encode(format!("{text}{}", " ".repeat(spaces)).as_bytes())
    };
    let header = uneven(world.header_json());
    // Written with both characters in which the alphabets differ.
    let claims = uneven(world.token().claim("x", "?~?~?~\u{3fff}\u{3fbf}").claims_json());
    let signatures =
        (0..).map(|n| spelt(&world.rsa, &header, &uneven(world.token().claim("n", n).claims_json())));
    let both = |text: &str| text.contains('-') && text.contains('_');
    let good = signatures.into_iter().find(|token| both(token.rsplit('.').next().unwrap())).unwrap();
    let (message, signature) = good.rsplit_once('.').unwrap();
    assert!(claims.contains('-') || claims.contains('_'), "{claims}");
    let other = |text: &str| text.replace('-', "+").replace('_', "/");
    let rows = [
        ("uneven parts", "passed", spelt(&world.rsa, &header, &claims)),
        ("trailing bits in the header", "malformed", spelt(&world.rsa, &dirty(&header), &claims)),
        ("trailing bits in the claims", "malformed", spelt(&world.rsa, &header, &dirty(&claims))),
        ("trailing bits in the signature", "malformed", format!("{message}.{}", dirty(signature))),
        ("padding of the header", "malformed", spelt(&world.rsa, &format!("{header}=="), &claims)),
        ("padding of the claims", "malformed", spelt(&world.rsa, &header, &format!("{claims}=="))),
        ("padding of the signature", "malformed", format!("{good}==")),
        ("half the padding", "malformed", format!("{good}=")),
        ("claims in the other alphabet", "malformed", spelt(&world.rsa, &header, &other(&claims))),
        ("signature in the other alphabet", "malformed", format!("{message}.{}", other(signature))),
        ("a character less", "malformed", good[..good.len() - 1].to_owned()),
        (
            "two characters less",
            "signature",
            format!("{message}.{}", clean(&signature[..signature.len() - 2])),
        ),
        (
            "four characters less",
            "signature",
            format!("{message}.{}", clean(&signature[..signature.len() - 4])),
        ),
        ("a character more", "signature", format!("{good}A")),
    ];
    rows.map(|(label, expected, token)| row(label, expected, token)).into()
}

const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

fn last_value(part: &str) -> usize {
    let last = part.bytes().last().unwrap();
    ALPHABET.iter().position(|byte| *byte == last).unwrap()
}

/// With one of the bits set that stand for nothing: a lenient reader sees the same bytes.
fn dirty(part: &str) -> String {
    let value = last_value(part);
    assert_eq!(value % 16, 0, "the last character has four unused bits");
    format!("{}{}", &part[..part.len() - 1], char::from(ALPHABET[value + 1]))
}

/// With none of them set.
fn clean(part: &str) -> String {
    let bits = [1, 1, 16, 4][part.len() % 4];
    let value = last_value(part) / bits * bits;
    format!("{}{}", &part[..part.len() - 1], char::from(ALPHABET[value]))
}

/// Two readers of one object would take two values.
fn duplicates(world: &World) -> Vec<Row> {
    let (header, claims) = (world.header_json(), world.token().claims_json());
    let mut rows = Vec::new();
    for member in [
        r#""alg":"none""#,
        r#""\u0061lg":"none""#,
        r#""kid":"rsa""#,
        r#""k\u0069d":"other""#,
        r#""typ":"JWT""#,
        r#""x":{"y":1,"y":2}"#,
    ] {
        let token = signed(&world.rsa, with(&header, member), &claims);
        rows.push(row(format!("header with {member} too"), "malformed", token));
    }
    for member in [
        r#""iss":"https://issuer.example""#,
        r#""sub":"root""#,
        r#""\u0073ub":"root""#,
        r#""exp":99999999999"#,
        r#""\u0065xp":99999999999"#,
        r#""aud":"orders-api""#,
        r#""roles":["admin"]"#,
        r#""x":[{"y":1,"\u0079":2}]"#,
    ] {
        let token = signed(&world.rsa, &header, with(&claims, member));
        rows.push(row(format!("claims with {member} too"), "malformed", token));
    }
    rows.push(row(
        "members of its own",
        "passed",
        signed(&world.rsa, with(&header, r#""x":1"#), with(&claims, r#""y":1"#)),
    ));
    rows
}

/// Text that is no UTF-8, or more than one text.
fn encodings(world: &World) -> Vec<Row> {
    let (header, claims) = (world.header_json(), world.token().claims_json());
    let mut rows = Vec::new();
    for (which, own) in [("header", &header), ("claims", &claims)] {
        let utf16: Vec<u8> = own.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let other = |bytes: &[u8]| [b"{\"x\":\"", bytes, b"\",", &own.as_bytes()[1..]].concat();
        let rest: [(&str, &str, Vec<u8>); 14] = [
            ("space around", "passed", format!("\r\n {own}\t").into()),
            ("an escaped NUL in a string", "passed", other(br"\u0000")),
            ("a byte order mark", "malformed", format!("\u{feff}{own}").into()),
            ("UTF-16", "malformed", utf16),
            ("NUL after", "malformed", format!("{own}\0").into()),
            ("NUL before", "malformed", format!("\0{own}").into()),
            ("a raw NUL in a string", "malformed", other(b"\0")),
            ("a raw line break in a string", "malformed", other(b"\n")),
            ("not UTF-8", "malformed", other(b"\xFF")),
            ("an overlong slash", "malformed", other(b"\xC0\xAF")),
            ("a surrogate in UTF-8", "malformed", other(b"\xED\xA0\x80")),
            ("a lone surrogate", "malformed", other(br"\ud800")),
            ("two objects", "malformed", format!("{own}{own}").into()),
            ("a comment", "malformed", format!("{own}//").into()),
        ];
        for (label, expected, bytes) in rest {
            let token = match which {
                "header" => signed(&world.rsa, bytes, &claims),
                _ => signed(&world.rsa, &header, bytes),
            };
            rows.push(row(format!("{which}: {label}"), expected, token));
        }
    }
    rows
}

/// Header and claims are one object each, of a depth that a stack can bear.
fn shapes(world: &World) -> Vec<Row> {
    let (header, claims) = (world.header_json(), world.token().claims_json());
    let of_header = |bytes: String| signed(&world.rsa, bytes, &claims);
    let of_claims = |bytes: String| signed(&world.rsa, &header, bytes);
    let deep = |own: &str, depth| with(own, &format!("\"x\":{}", nested(depth)));
    let mut rows = vec![
        row("a header as deep as may be", "passed", of_header(deep(&header, 31))),
        row("claims as deep as may be", "passed", of_claims(deep(&claims, 31))),
    ];
    for depth in [32, 500, 2000] {
        rows.push(row(format!("a header {depth} deeper"), "malformed", of_header(deep(&header, depth))));
        rows.push(row(format!("claims {depth} deeper"), "malformed", of_claims(deep(&claims, depth))));
        rows.push(row(format!("{depth} open brackets"), "malformed", of_claims("[".repeat(depth))));
        rows.push(row(format!("{depth} open braces"), "malformed", of_header("{\"a\":".repeat(depth))));
    }
    for other in ["null", "true", "0", "\"RS256\"", "[]", "", " ", "{"] {
        rows.push(row(format!("a header of {other:?}"), "malformed", of_header(other.to_owned())));
        rows.push(row(format!("claims of {other:?}"), "malformed", of_claims(other.to_owned())));
    }
    rows.push(row("a header in an array", "malformed", of_header(format!("[{header}]"))));
    rows.push(row("claims in an array", "malformed", of_claims(format!("[{claims}]"))));
    rows.push(row("a token in a token", "malformed", of_claims(world.good())));
    rows
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
    // Claims as they are instead of base64url of them, as b64 says: with commas, like two headers joined.
    let header = base64url::encode(both.header_json(&world.rsa).as_bytes());
    rows.push(row(
        "claims unencoded",
        "400 bad_request",
        spelt(&world.rsa, &header, &world.token().claims_json()),
    ));
    // Compressed claims are a JWE's.
    rows.push(row("zip", "passed", token("zip", json!("DEF"))));
    rows
}

/// Claims of a type that another reader would make something of.
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

/// `max_token_bytes` is 16384; headers of four mebibytes reach the filter.
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
