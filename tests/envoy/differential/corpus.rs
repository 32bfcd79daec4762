//! The tokens. Each kind is one way to change a valid token; a generator with a fixed seed makes the choices.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jwt_guard::time::UnixTime;
use jwt_guard_testkit::mint::{Algorithm, SigningKey, Token, compact, key_set};
use serde_json::{Value, json};

/// The algorithms that the filter and `jwt_authn` support.
pub const ALGORITHMS: [Algorithm; 10] = [
    Algorithm::Rs256,
    Algorithm::Rs384,
    Algorithm::Rs512,
    Algorithm::Ps256,
    Algorithm::Ps384,
    Algorithm::Ps512,
    Algorithm::Es256,
    Algorithm::Es384,
    Algorithm::Es512,
    Algorithm::Ed25519,
];

/// SplitMix64.
pub struct Random(pub u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(bound).unwrap()).unwrap()
    }

    fn of<T: Clone>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len())].clone()
    }
}

/// The keys, and one valid token for each algorithm, so that slow RSA signatures are made once.
pub struct World {
    now: UnixTime,
    keys: Vec<SigningKey>,
    stranger: SigningKey,
    good: Vec<String>,
}

impl World {
    pub fn new(now: UnixTime) -> Self {
        let rsa = SigningKey::generate(Algorithm::Rs256).unwrap();
        let keys: Vec<_> = ALGORITHMS
            .iter()
            .map(|algorithm| {
                let key = match algorithm.name().as_bytes() {
                    [b'R' | b'P', ..] => rsa.clone().with_algorithm(*algorithm).unwrap(),
                    _ => SigningKey::generate(*algorithm).unwrap(),
                };
                key.with_kid(algorithm.name())
            })
            .collect();
        let good = keys.iter().map(|key| Token::new(now).sign(key).unwrap()).collect();
        let stranger = SigningKey::generate(Algorithm::Es256).unwrap().with_kid("ES256");
        Self { now, keys, stranger, good }
    }

    pub fn key_set(&self) -> Value {
        key_set(&self.keys)
    }

    fn token(&self) -> Token {
        Token::new(self.now)
    }

    fn p256(&self) -> &SigningKey {
        &self.keys[6]
    }

    /// A key with fast signatures.
    fn cheap(&self, random: &mut Random) -> &SigningKey {
        &self.keys[random.of(&[6, 9])]
    }

    /// The three parts of a valid token with any algorithm.
    fn parts(&self, random: &mut Random) -> [String; 3] {
        let good = random.of(&self.good);
        let parts: Vec<String> = good.split('.').map(str::to_owned).collect();
        parts.try_into().unwrap()
    }

    /// The signed parts and the signature bytes of a valid token with that algorithm.
    fn signature(&self, index: usize) -> (String, Vec<u8>) {
        let (input, signature) = self.good[index].rsplit_once('.').unwrap();
        (input.to_owned(), URL_SAFE_NO_PAD.decode(signature).unwrap())
    }

    fn seconds(&self) -> i64 {
        i64::try_from(self.now.as_millis() / 1000).unwrap()
    }

    fn header(&self, random: &mut Random, name: &str, value: Value) -> String {
        let token = self.token().header(name, value);
        bearer(token.sign(self.cheap(random)).unwrap())
    }

    fn claim(&self, random: &mut Random, name: &str, value: Value) -> String {
        bearer(self.token().claim(name, value).sign(self.cheap(random)).unwrap())
    }

    /// A token with a claim as JSON text that a JSON library would not write.
    fn claims_text(&self, random: &mut Random, name: &str, text: &str) -> String {
        let claims = self.token().without(name).claims_json();
        let claims = format!("{{\"{name}\":{text},{}", &claims[1..]);
        let key = self.cheap(random);
        bearer(key.sign(self.token().header_json(key), claims).unwrap())
    }

    /// A token with an additional first member in the header or the claims.
    fn twice(&self, random: &mut Random, header: bool, member: &str) -> String {
        let key = self.cheap(random);
        let with = |object: String, here: bool| match here {
            true => format!("{{{member},{}", &object[1..]),
            false => object,
        };
        let (head, claims) = (self.token().header_json(key), self.token().claims_json());
        bearer(key.sign(with(head, header), with(claims, !header)).unwrap())
    }
}

fn bearer(token: String) -> String {
    format!("Bearer {token}")
}

fn resigned(input: &str, signature: &[u8]) -> String {
    bearer(format!("{input}.{}", URL_SAFE_NO_PAD.encode(signature)))
}

/// n − s, of ES256.
fn other_s(signature: &[u8]) -> Vec<u8> {
    let signature = p256::ecdsa::Signature::from_slice(signature).unwrap();
    let (r, s) = signature.split_scalars();
    p256::ecdsa::Signature::from_scalars(r.to_bytes(), (-s).to_bytes()).unwrap().to_bytes().to_vec()
}

fn der(signature: &[u8]) -> Vec<u8> {
    p256::ecdsa::Signature::from_slice(signature).unwrap().to_der().as_bytes().to_vec()
}

/// A value of an invalid type for a claim or member.
fn odd(random: &mut Random) -> Value {
    random.of(&[json!(true), json!(false), json!({}), json!({ "a": 1 }), json!([]), json!([[]]), json!([1])])
}

/// Makes the value of an Authorization header.
type Make = fn(&World, &mut Random) -> String;

pub const KINDS: &[(&str, Make)] = &[
    ("good", |w, r| bearer(r.of(&w.good))),
    ("alg absent", |w, r| bearer(w.token().without_header("alg").sign(w.cheap(r)).unwrap())),
    ("alg none", |w, r| {
        let alg = r.of(&["none", "None", "NONE", "nOnE"]);
        let signature = r.of(&["", "AA"]);
        let token = w.token().header("alg", alg);
        let unsigned = compact(token.header_json(w.p256()).as_bytes(), token.claims_json().as_bytes(), b"");
        bearer(format!("{unsigned}{signature}"))
    }),
    ("alg of another key", |w, r| {
        let alg = r.of(&["RS256", "PS256", "ES384", "ES512", "HS256", "HS512"]);
        w.header(r, "alg", json!(alg))
    }),
    ("alg unknown", |w, r| {
        let alg = r.of(&["", "es256", "ES256 ", "ES256K", "Ed448", "eddsa", "ES256\u{0}", "RSA-OAEP"]);
        w.header(r, "alg", json!(alg))
    }),
    ("alg of another type", |w, r| {
        let value = odd(r);
        w.header(r, "alg", value)
    }),
    ("alg null", |w, r| w.header(r, "alg", Value::Null)),
    ("alg twice", |w, r| w.twice(r, true, "\"alg\":\"none\"")),
    ("kid absent", |w, r| bearer(w.token().without_header("kid").sign(w.cheap(r)).unwrap())),
    ("kid unknown", |w, r| {
        let kid = r.of(&["unknown", "es256", "ES256 ", " ES256", "ES2567", "../ES256"]);
        w.header(r, "kid", json!(kid))
    }),
    ("kid of another key", |w, r| {
        let kid = r.of(&["RS256", "PS384", "ES384", "ES512"]);
        w.header(r, "kid", json!(kid))
    }),
    ("kid empty", |w, r| w.header(r, "kid", json!(""))),
    ("kid long", |w, r| w.header(r, "kid", json!("k".repeat(300)))),
    ("kid of another type", |w, r| {
        let value = odd(r);
        w.header(r, "kid", value)
    }),
    ("kid null", |w, r| w.header(r, "kid", Value::Null)),
    ("kid twice", |w, r| w.twice(r, true, "\"kid\":\"RS256\"")),
    ("typ absent", |w, r| bearer(w.token().without_header("typ").sign(w.cheap(r)).unwrap())),
    ("typ usual", |w, r| {
        let typ = r.of(&["JWT", "jwt", "at+jwt", "AT+JWT", "application/at+jwt", "application/JWT"]);
        w.header(r, "typ", json!(typ))
    }),
    ("typ unusual", |w, r| {
        let typ = r.of(&["", "JOSE", "logout+jwt", "secevent+jwt", "dpop+jwt", "text/jwt"]);
        w.header(r, "typ", json!(typ))
    }),
    ("typ of another type", |w, r| {
        let value = odd(r);
        w.header(r, "typ", value)
    }),
    ("typ null", |w, r| w.header(r, "typ", Value::Null)),
    ("crit", |w, r| {
        let crit = r.of(&[json!(["exp"]), json!(["b64"]), json!([]), json!("exp"), json!({}), json!(null)]);
        w.header(r, "crit", crit)
    }),
    ("b64 not true", |w, r| {
        let b64 = r.of(&[json!(false), json!("true"), json!(null), json!(0)]);
        w.header(r, "b64", b64)
    }),
    ("b64 true", |w, r| w.header(r, "b64", json!(true))),
    ("cty", |w, r| {
        let cty = r.of(&[json!("JWT"), json!(""), json!(1), json!(null)]);
        w.header(r, "cty", cty)
    }),
    ("key of the token", |w, r| {
        let name = r.of(&["jwk", "jku", "x5u", "x5c", "x5t"]);
        let value = r.of(&[w.stranger.public_jwk(), json!("http://127.0.0.1:1/jwks"), json!(null)]);
        w.header(r, name, value)
    }),
    ("key of the token, signed with it", |w, _| {
        bearer(w.token().header("jwk", w.stranger.public_jwk()).sign(&w.stranger).unwrap())
    }),
    ("header unknown", |w, r| {
        let value = r.of(&[json!(1), json!(null), json!("x"), json!([1, 2]), json!({ "a": {} })]);
        w.header(r, "x-unknown", value)
    }),
    ("header no object", |w, r| {
        let header = r.of(&["[]", "1", "null", "\"ES256\"", "", "{", "{}{}", "{'alg':'ES256'}"]);
        bearer(w.p256().sign(header, w.token().claims_json()).unwrap())
    }),
    ("claims no object", |w, r| {
        let claims = r.of(&["[]", "1", "null", "\"x\"", "{", "{}{}", "{,}"]);
        bearer(w.p256().sign(w.token().header_json(w.p256()), claims).unwrap())
    }),
    ("iss other", |w, r| {
        let issuer =
            r.of(&["", "https://issuer.example/", "HTTPS://issuer.example", "https://other.example"]);
        w.claim(r, "iss", json!(issuer))
    }),
    ("iss absent", |w, r| bearer(w.token().without("iss").sign(w.cheap(r)).unwrap())),
    ("iss of another type", |w, r| {
        let value = r.of(&[json!(1), json!(null), json!(["https://issuer.example"]), json!({})]);
        w.claim(r, "iss", value)
    }),
    ("iss twice", |w, r| w.twice(r, false, "\"iss\":\"https://other.example\"")),
    ("aud other", |w, r| {
        let audience = r.of(&[json!(""), json!("orders"), json!("ORDERS-API"), json!(["a"]), json!([])]);
        w.claim(r, "aud", audience)
    }),
    ("aud with a slash", |w, r| {
        let audience = r.of(&["orders-api/", "https://orders-api", "http://orders-api/"]);
        w.claim(r, "aud", json!(audience))
    }),
    ("aud several", |w, r| w.claim(r, "aud", json!(["a", "orders-api", "b"]))),
    ("aud absent", |w, r| bearer(w.token().without("aud").sign(w.cheap(r)).unwrap())),
    ("aud of another type", |w, r| {
        let value = r.of(&[json!(1), json!(null), json!({}), json!(true)]);
        w.claim(r, "aud", value)
    }),
    ("aud mixed", |w, r| {
        let stranger = r.of(&[json!(1), json!(null), json!([])]);
        w.claim(r, "aud", json!(["orders-api", stranger]))
    }),
    ("aud twice", |w, r| w.twice(r, false, "\"aud\":\"other\"")),
    ("exp past", |w, r| {
        let past = i64::try_from(r.below(100_000)).unwrap() + 90;
        w.claim(r, "exp", json!(w.seconds() - past))
    }),
    ("exp within the skew", |w, r| w.claim(r, "exp", json!(w.seconds()))),
    ("exp ahead", |w, r| {
        let ahead = i64::try_from(r.below(1_000_000)).unwrap() + 90;
        w.claim(r, "exp", json!(w.seconds() + ahead))
    }),
    ("exp absent", |w, r| bearer(w.token().without("exp").sign(w.cheap(r)).unwrap())),
    ("exp fractional", |w, r| {
        let text = format!("{}.5", w.seconds() + 900);
        w.claims_text(r, "exp", &text)
    }),
    ("exp with an exponent", |w, r| {
        let text = r.of(&["4e9", "4.0E+9", "4000000000.0"]);
        w.claims_text(r, "exp", text)
    }),
    ("exp huge", |w, r| {
        let text = r.of(&["1e300", "9223372036854775808", "18446744073709551616"]);
        w.claims_text(r, "exp", text)
    }),
    ("exp not past or negative", |w, r| {
        let text = r.of(&["0", "-1", "-0", "-1e300", "-9223372036854775809"]);
        w.claims_text(r, "exp", text)
    }),
    ("exp as text", |w, r| w.claim(r, "exp", json!((w.seconds() + 900).to_string()))),
    ("exp null", |w, r| w.claim(r, "exp", Value::Null)),
    ("exp of another type", |w, r| {
        let value = odd(r);
        w.claim(r, "exp", value)
    }),
    ("exp no number of JSON", |w, r| {
        let text =
            r.of(&["1e999", "04000000000", "+4000000000", "0xEE6B2800", "NaN", "Infinity", "4e", "4."]);
        w.claims_text(r, "exp", text)
    }),
    ("exp twice", |w, r| w.twice(r, false, "\"exp\":1")),
    ("nbf ahead", |w, r| w.claim(r, "nbf", json!(w.seconds() + 3_000))),
    ("nbf past", |w, r| {
        let nbf = r.of(&[w.seconds(), w.seconds() - 90, 0]);
        w.claim(r, "nbf", json!(nbf))
    }),
    ("nbf negative", |w, r| w.claim(r, "nbf", json!(-1))),
    ("nbf fractional", |w, r| w.claim(r, "nbf", json!(1.5))),
    ("nbf null", |w, r| w.claim(r, "nbf", Value::Null)),
    ("nbf as text", |w, r| w.claim(r, "nbf", json!("0"))),
    ("nbf of another type", |w, r| {
        let value = odd(r);
        w.claim(r, "nbf", value)
    }),
    ("iat ahead", |w, r| w.claim(r, "iat", json!(w.seconds() + 3_000))),
    ("iat absent", |w, r| bearer(w.token().without("iat").sign(w.cheap(r)).unwrap())),
    ("iat negative", |w, r| w.claim(r, "iat", json!(-1))),
    ("iat fractional", |w, r| w.claim(r, "iat", json!(1.5))),
    ("iat null", |w, r| w.claim(r, "iat", Value::Null)),
    ("iat as text", |w, r| w.claim(r, "iat", json!("0"))),
    ("iat of another type", |w, r| {
        let value = odd(r);
        w.claim(r, "iat", value)
    }),
    ("sub absent", |w, r| bearer(w.token().without("sub").sign(w.cheap(r)).unwrap())),
    ("sub any text", |w, r| {
        let subject = r.of(&["", " ", "\u{0}", "é", "\u{10ffff}", "a,b"]);
        w.claim(r, "sub", json!(subject))
    }),
    ("sub null", |w, r| w.claim(r, "sub", Value::Null)),
    ("sub of another type", |w, r| {
        let value = odd(r);
        w.claim(r, "sub", value)
    }),
    ("sub twice", |w, r| w.twice(r, false, "\"sub\":\"other\"")),
    ("jti of another type", |w, r| {
        let value = odd(r);
        w.claim(r, "jti", value)
    }),
    ("jti null", |w, r| w.claim(r, "jti", Value::Null)),
    ("token of another use", |w, r| {
        let (name, value) =
            r.of(&[("type", "refresh"), ("typ", "ID"), ("typ", "Logout"), ("token_use", "id")]);
        w.claim(r, name, json!(value))
    }),
    ("padding", |w, r| {
        let mut parts = w.parts(r);
        parts[r.below(3)].push_str(r.of(&["=", "==", "==="]));
        bearer(parts.join("."))
    }),
    ("trailing bits", |w, _| {
        // For 64 bytes, four bits of the last character are unused.
        let good = &w.good[6];
        let (rest, last) = good.split_at(good.len() - 1);
        let next = char::from(last.as_bytes()[0] + 1);
        bearer(format!("{rest}{next}"))
    }),
    ("whitespace inside", |w, r| {
        let mut token = r.of(&w.good);
        let at = 1 + r.below(token.len() - 1);
        token.insert(at, r.of(&[' ', '\t']));
        bearer(token)
    }),
    ("dots", |w, r| {
        let [header, claims, signature] = w.parts(r);
        bearer(r.of(&[
            format!("{header}.{claims}.{signature}."),
            format!(".{header}.{claims}.{signature}"),
            format!("{header}..{claims}.{signature}"),
            format!("{header}.{claims}.{signature}.{signature}"),
            format!("{header}.{claims}"),
            format!("{header}.{claims}{signature}"),
            format!("{header}{claims}{signature}"),
            "..".to_owned(),
        ]))
    }),
    ("truncated", |w, r| {
        let token = r.of(&w.good);
        bearer(token[..1 + r.below(token.len() - 1)].to_owned())
    }),
    ("swapped or empty", |w, r| {
        let mut parts = w.parts(r);
        match r.below(6) {
            0 => parts.swap(0, 1),
            1 => parts.swap(1, 2),
            2 => parts.swap(0, 2),
            empty => parts[empty - 3].clear(),
        }
        bearer(parts.join("."))
    }),
    ("the other alphabet", |w, r| {
        let mut parts = w.parts(r);
        let part = &mut parts[r.below(3)];
        part.replace_range(0..1, r.of(&["+", "/", "*", "%", "~"]));
        bearer(parts.join("."))
    }),
    ("any one character", |w, r| {
        let mut token = r.of(&w.good);
        // Not the last character of a part, because it has unused bits.
        let at = r.below(token.len() - 1);
        if token.as_bytes()[at + 1] == b'.' || token.as_bytes()[at] == b'.' {
            return bearer("x.y.z".to_owned());
        }
        let other = if token.as_bytes()[at] == b'A' { "B" } else { "A" };
        token.replace_range(at..=at, other);
        bearer(token)
    }),
    ("signature, a bit", |w, r| {
        let (input, mut signature) = w.signature(r.below(10));
        let at = r.below(signature.len());
        signature[at] ^= 1 << r.below(8);
        resigned(&input, &signature)
    }),
    ("signature truncated or longer", |w, r| {
        let (input, mut signature) = w.signature(r.below(10));
        match r.below(3) {
            0 => signature.push(0),
            1 => signature.insert(0, 0),
            _ => signature.truncate(1 + r.below(signature.len() - 1)),
        }
        resigned(&input, &signature)
    }),
    ("signature of zeros or ones", |w, r| {
        let (input, mut signature) = w.signature(r.below(10));
        signature.fill(r.of(&[0, 1, 0xff]));
        resigned(&input, &signature)
    }),
    ("signature in DER", |w, _| {
        let (input, signature) = w.signature(6);
        resigned(&input, &der(&signature))
    }),
    ("signature with the other s", |w, _| {
        let (input, signature) = w.signature(6);
        resigned(&input, &other_s(&signature))
    }),
    ("signature of another token", |w, r| {
        let (one, other) = (r.below(10), r.below(9));
        let (input, _) = w.signature(one);
        let (_, signature) = w.signature((one + 1 + other) % 10);
        resigned(&input, &signature)
    }),
    ("signature of another's key", |w, _| bearer(w.token().sign(&w.stranger).unwrap())),
    ("scheme in another case", |w, r| format!("{} {}", r.of(&["bearer", "BEARER", "bEARER"]), r.of(&w.good))),
    ("several spaces", |w, r| format!("Bearer{}{}", " ".repeat(2 + r.below(3)), r.of(&w.good))),
    ("a tab", |w, r| format!("Bearer\t{}", r.of(&w.good))),
    ("no space", |w, r| format!("Bearer{}", r.of(&w.good))),
    ("scheme alone", |_, r| r.of(&["Bearer", "Bearer ", "", "Bearer ."]).to_owned()),
    ("another scheme", |w, r| format!("{} {}", r.of(&["Basic", "DPoP", "Token", "JWT"]), r.of(&w.good))),
    ("before the scheme", |w, r| format!("{}Bearer {}", r.of(&["x ", "x", "Basic x, "]), r.of(&w.good))),
    ("after the token", |w, r| {
        format!("Bearer {}{}", r.of(&w.good), r.of(&[" x", ",", ", x", ";", "\"", "="]))
    }),
    ("two tokens", |w, r| format!("Bearer {}, Bearer {}", r.of(&w.good), r.of(&w.good))),
    ("quoted", |w, r| format!("Bearer \"{}\"", r.of(&w.good))),
];
