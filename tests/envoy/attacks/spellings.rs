//! Other encodings of a token: its parts, and the base64url of each part.

use jwt_guard::jose::base64url;
use jwt_guard_testkit::mint::SigningKey;

use super::{Row, World, row};

pub fn rows(world: &World) -> Vec<Row> {
    let tables = [parts, alphabets];
    tables.into_iter().flat_map(|rows| rows(world)).collect()
}

/// A token of the given encoded parts, with a valid signature over them.
pub fn token_from_parts(key: &SigningKey, header: &str, claims: &str) -> String {
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
    rows.push(row(
        "header and claims exchanged",
        "unknown_issuer",
        token_from_parts(&world.rsa, claims, header),
    ));
    // HTTP does not allow these bytes, and Envoy rejects them.
    for byte in [0_u8, b'\x0B', 0x7F] {
        let token = [good.as_bytes(), &[byte], b"A"].concat();
        rows.push(row(format!("byte {byte:#x} inside"), "400 no reason", token));
    }
    rows
}

/// If the header or the claims are encoded differently, the signature is valid for that encoding.
fn alphabets(world: &World) -> Vec<Row> {
    // A length of 3n + 1 bytes leaves four bits of the last character unused.
    let uneven = |text: String| {
        let spaces = (4 - text.len() % 3) % 3;
        base64url::encode(format!("{text}{}", " ".repeat(spaces)).as_bytes())
    };
    let header = uneven(world.header_json());
    // The encoding contains both characters in which the alphabets differ.
    let claims = uneven(world.token().claim("x", "?~?~?~\u{3fff}\u{3fbf}").claims_json());
    let signatures = (0..)
        .map(|n| token_from_parts(&world.rsa, &header, &uneven(world.token().claim("n", n).claims_json())));
    let both = |text: &str| text.contains('-') && text.contains('_');
    let good = signatures.into_iter().find(|token| both(token.rsplit('.').next().unwrap())).unwrap();
    let (message, signature) = good.rsplit_once('.').unwrap();
    assert!(claims.contains('-') || claims.contains('_'), "{claims}");
    let other = |text: &str| text.replace('-', "+").replace('_', "/");
    let rows = [
        ("uneven parts", "passed", token_from_parts(&world.rsa, &header, &claims)),
        ("trailing bits in the header", "malformed", token_from_parts(&world.rsa, &dirty(&header), &claims)),
        ("trailing bits in the claims", "malformed", token_from_parts(&world.rsa, &header, &dirty(&claims))),
        ("trailing bits in the signature", "malformed", format!("{message}.{}", dirty(signature))),
        ("padding of the header", "malformed", token_from_parts(&world.rsa, &format!("{header}=="), &claims)),
        ("padding of the claims", "malformed", token_from_parts(&world.rsa, &header, &format!("{claims}=="))),
        ("padding of the signature", "malformed", format!("{good}==")),
        ("half the padding", "malformed", format!("{good}=")),
        ("claims in the other alphabet", "malformed", token_from_parts(&world.rsa, &header, &other(&claims))),
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

/// The part with an unused bit set: a lenient parser decodes the same bytes.
fn dirty(part: &str) -> String {
    let value = last_value(part);
    assert_eq!(value % 16, 0, "the last character has four unused bits");
    format!("{}{}", &part[..part.len() - 1], char::from(ALPHABET[value + 1]))
}

/// The part with no unused bit set.
fn clean(part: &str) -> String {
    let bits = [1, 1, 16, 4][part.len() % 4];
    let value = last_value(part) / bits * bits;
    format!("{}{}", &part[..part.len() - 1], char::from(ALPHABET[value]))
}
