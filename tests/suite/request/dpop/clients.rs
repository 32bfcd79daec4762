//! Clients that RFC 9449 allows, and texts of strangers.

use jwt_guard::jose::base64url;

use super::*;

/// The public key of the client with these members.
fn jwk_with(members: Value) -> Value {
    let mut jwk = client().bare_public_jwk();
    jwk.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    jwk
}

#[test]
fn a_key_may_have_more_members() {
    let config = with_dpop(json!({}));
    for (members, expected) in [
        (json!({ "use": "sig", "kid": "1", "alg": "ES256", "x5t": "a" }), "user-1"),
        (json!({ "kid": 7, "iss": {}, "ext": true, "key_ops": ["verify"] }), "user-1"),
        // WebCrypto exports this for a key that was generated with the usage `sign` alone.
        (json!({ "ext": true, "key_ops": [] }), "user-1"),
        (json!({ "key_ops": ["sign"] }), "401 dpop_proof"),
        (json!({ "key_ops": "verify" }), "401 dpop_proof"),
        (json!({ "use": "enc" }), "401 dpop_proof"),
        (json!({ "alg": "ES384" }), "401 dpop_proof"),
        (json!({ "d": "AAAA" }), "401 dpop_proof"),
        (json!({ "k": "AAAA" }), "401 dpop_proof"),
    ] {
        let proof = signed(&proof().header("jwk", jwk_with(members.clone())));
        assert_eq!(step(&config, &with_proof(&bound(), &proof)), expected, "{members}");
    }
}

#[test]
fn a_proof_may_have_other_spellings_and_more_claims() {
    let config = with_dpop(json!({}));
    let seconds = (NOW.as_millis() / 1000) as f64;
    for proof in [
        proof().header("typ", "DPoP+JWT"),
        proof().header("typ", "Application/DPoP+JWT"),
        proof().header("jku", "https://evil.example/keys").header("x5u", "https://evil.example"),
        proof().claim("exp", 1).claim("nbf", 9e15).claim("aud", json!(["a"])).claim("iss", "a"),
        proof().claim("htu", format!("{URI}?")),
        proof().claim("htu", format!("{URI}#")),
        proof().claim("htu", format!("{URI}?#?")),
        proof().claim("htu", "https://API.example.com:0443/./orders/x/../7"),
        proof().claim("iat", seconds + 0.999),
        proof().claim("iat", seconds - 59.999),
        proof().claim("jti", "\0\n\"\\ \u{1f600}"),
        proof().claim("jti", "a".repeat(2000)),
    ] {
        assert_eq!(step(&config, &with_proof(&bound(), &signed(&proof))), "user-1", "{proof:?}");
    }
    let ed25519 = SigningKey::generate(Algorithm::Ed25519).unwrap();
    let token = bound_to(&ed25519);
    for alg in ["EdDSA", "Ed25519"] {
        let proof = Proof::new("GET", URI, &token, &ed25519, NOW).unwrap().header("alg", alg);
        assert_eq!(step(&config, &with_proof(&token, &proof.sign(&ed25519).unwrap())), "user-1", "{alg}");
    }
    let spaces = format!(" {}\t", signed(&proof()));
    assert_eq!(step(&config, &with_proof(&bound(), &spaces)), "user-1");
}

#[test]
fn a_path_has_the_spellings_of_rfc_3986() {
    let config = with_dpop(json!({}));
    for (path, htu, expected) in [
        ("/a%20b", "/a%20b", "user-1"),
        ("/~x", "/%7ex", "user-1"),
        ("/caf\u{e9}", "/caf%C3%A9", "user-1"),
        ("/a?b=%zz", "/a", "user-1"),
        ("/a;b=1", "/a;b=1", "user-1"),
        ("/a;b=1", "/a", "401 dpop_proof"),
        ("/a+b", "/a%20b", "401 dpop_proof"),
        ("/a+b", "/a%2Bb", "401 dpop_proof"),
        ("/a/", "/a", "401 dpop_proof"),
        ("/a%3Fb", "/a", "401 dpop_proof"),
        ("/a%23b", "/a", "401 dpop_proof"),
        ("/a%5Cb", "/a/b", "401 dpop_proof"),
        ("/A", "/a", "401 dpop_proof"),
    ] {
        let proof = Proof::new("GET", &format!("{ORIGIN}{htu}"), &bound(), client(), NOW).unwrap();
        let request = get(path).header("authorization", format!("DPoP {}", bound()));
        assert_eq!(step(&config, &request.header("dpop", signed(&proof))), expected, "{path} {htu}");
    }
}

#[test]
fn numbers_and_texts_of_strangers_are_refused() {
    let config = with_dpop(json!({}));
    let claims = |more: &str| {
        let jti = if more.contains("jti") { "" } else { r#","jti":"a""# };
        let ath = ath_of_bound();
        format!(r#"{{"htm":"GET","htu":"{URI}","ath":"{ath}"{jti}{more}}}"#)
    };
    let jwk = client().bare_public_jwk();
    let header = |jwk: &str| format!(r#"{{"typ":"dpop+jwt","alg":"ES256","jwk":{jwk}}}"#);
    let sent = |header: &str, claims: &str| with_proof(&bound(), &client().sign(header, claims).unwrap());
    let now = NOW.as_millis() / 1000;
    let ordinary = header(&jwk.to_string());
    assert_eq!(step(&config, &sent(&ordinary, &claims(&format!(r#","iat":{now}"#)))), "user-1");
    assert_eq!(step(&config, &sent(&ordinary, &claims(&format!(r#","iat":{now}.0e0"#)))), "user-1");
    for iat in [
        "1e308",
        "-1e308",
        "1e400",
        "-1e400",
        "-1",
        "-0",
        "-0.0",
        "0",
        "18446744073709551616",
        "true",
        "null",
        "[]",
        "{}",
        "\"\"",
        "1e-400",
    ] {
        assert_eq!(
            step(&config, &sent(&ordinary, &claims(&format!(r#","iat":{iat}"#)))),
            "401 dpop_proof",
            "{iat}"
        );
    }
    let now = format!(r#","iat":{now}"#);
    let deep = format!(r#","x":{}{}"#, "[".repeat(200), "]".repeat(200));
    for more in [format!("{now}{now}"), format!("{now}{deep}"), format!(r#"{now},"jti":null"#)] {
        assert_eq!(step(&config, &sent(&ordinary, &claims(&more))), "401 dpop_proof", "{more}");
    }
    let rsa = |n: &str, e: &str| format!(r#"{{"kty":"RSA","n":"{n}","e":"{e}"}}"#);
    for jwk in [
        "null".to_owned(),
        "{}".to_owned(),
        "[]".to_owned(),
        format!("{jwk},\"jwk\":{jwk}"),
        r#"{"kty":"EC","crv":"P-256","x":"AAAA","y":"AAAA"}"#.to_owned(),
        r#"{"kty":"OKP","crv":"X25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#.to_owned(),
        r#"{"kty":"EC","x5c":["AAAA"]}"#.to_owned(),
        rsa(&"_".repeat(2000), "AQAB"),
        rsa(&"_".repeat(342), &"_".repeat(1500)),
        rsa(&"A".repeat(2000), "AQAB"),
        rsa("", ""),
    ] {
        assert_eq!(step(&config, &sent(&header(&jwk), &claims(&now))), "401 dpop_proof", "{jwk}");
    }
    for garbage in
        ["A".repeat(4096), ".".repeat(4096), "e30.".repeat(1024), "\u{7f}".into(), "e30.e30.AA".into()]
    {
        assert_eq!(step(&config, &with_proof(&bound(), &garbage)), "401 dpop_proof");
    }
}

/// The digest of the token, as a proof carries it.
fn ath_of_bound() -> String {
    let signed = signed(&proof());
    let payload = signed.split('.').nth(1).unwrap();
    let claims = base64url::decode(payload.as_bytes()).unwrap();
    let claims: Value = serde_json::from_slice(&claims).unwrap();
    claims["ath"].as_str().unwrap().to_owned()
}
