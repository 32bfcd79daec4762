//! A changed token never passes verification, and no input causes a panic.

use std::sync::OnceLock;

use jwt_guard::jose::algorithm::WasmVerifier;
use jwt_guard::jose::claims::verify;
use jwt_guard::jose::jwks::KeySet;
use jwt_guard::jose::rules::TokenRules;
use jwt_guard::jose::token::UnverifiedToken;
use proptest::prelude::{Just, ProptestConfig, Strategy, any, prop, prop_assert, prop_oneof, proptest};

use super::fixture::{Attempt, MAX_TOKEN_BYTES, NOW, SIGNERS, key_set};

struct Signed {
    token: Vec<u8>,
    rules: TokenRules,
    keys: KeySet,
}

/// One token for every algorithm.
fn signed() -> &'static [Signed] {
    static TOKENS: OnceLock<Vec<Signed>> = OnceLock::new();
    TOKENS.get_or_init(|| {
        let sign = |(algorithm, kid)| {
            let attempt = Attempt::good_with(algorithm, kid);
            Signed { token: attempt.token().into_bytes(), keys: key_set(&attempt.keys), rules: attempt.rules }
        };
        SIGNERS.into_iter().map(sign).collect()
    })
}

impl Signed {
    fn accepts(&self, token: &[u8]) -> bool {
        UnverifiedToken::parse(token, MAX_TOKEN_BYTES)
            .is_ok_and(|token| verify(token, &self.rules, &self.keys, &WasmVerifier, NOW).is_ok())
    }
}

/// Flips every bit of the shortest token.
#[test]
fn no_bit_may_be_flipped() {
    let signed = signed().iter().min_by_key(|signed| signed.token.len()).unwrap();
    assert!(signed.accepts(&signed.token));
    for at in 0..signed.token.len() {
        for bit in 0..8 {
            let mut token = signed.token.clone();
            token[at] ^= 1 << bit;
            assert!(!signed.accepts(&token), "bit {bit} of byte {at}");
        }
    }
}

fn base64url_byte() -> impl Strategy<Value = u8> {
    prop::sample::select(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".as_slice())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 600, ..ProptestConfig::default() })]

    #[test]
    fn no_byte_may_be_another(
        which in 0..SIGNERS.len(),
        at in any::<prop::sample::Index>(),
        byte in prop_oneof![3 => base64url_byte(), 1 => any::<u8>()],
    ) {
        let signed = &signed()[which];
        let mut token = signed.token.clone();
        let at = at.index(token.len());
        let changed = token[at] != byte;
        token[at] = byte;
        prop_assert!(signed.accepts(&token) != changed);
    }

    #[test]
    fn no_byte_may_be_added_or_taken(
        which in 0..SIGNERS.len(),
        at in any::<prop::sample::Index>(),
        byte in prop_oneof![base64url_byte().prop_map(Some), any::<u8>().prop_map(Some), Just(None)],
    ) {
        let signed = &signed()[which];
        let mut token = signed.token.clone();
        let at = at.index(token.len());
        match byte {
            Some(byte) => token.insert(at, byte),
            None => drop(token.remove(at)),
        }
        prop_assert!(!signed.accepts(&token));
    }

    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        prop_assert!(UnverifiedToken::parse(&bytes, MAX_TOKEN_BYTES).is_err());
        prop_assert!(KeySet::parse(&bytes).is_err());
    }

    #[test]
    fn no_text_in_the_parts_panics(header in ".{0,80}", claims in ".{0,80}", signature in prop::collection::vec(any::<u8>(), 1..80)) {
        use jwt_guard::jose::base64url::encode;
        let token = format!("{}.{}.{}", encode(header.as_bytes()), encode(claims.as_bytes()), encode(&signature));
        prop_assert!(!signed()[0].accepts(token.as_bytes()));
        let set = format!(r#"{{"keys":[{header},{claims}]}}"#);
        let _ = KeySet::parse(set.as_bytes());
    }
}
