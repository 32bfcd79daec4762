//! Header and claims that two JSON parsers would parse differently.

use super::{Row, World, nested, row, signed, with};

pub fn rows(world: &World) -> Vec<Row> {
    let tables = [duplicates, encodings, shapes];
    tables.into_iter().flat_map(|rows| rows(world)).collect()
}

/// Two parsers of an object with a duplicate name would use different values.
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

/// Text that is not UTF-8, or not exactly one JSON text.
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

/// Header and claims are one object each, with a depth limit that protects the stack.
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
