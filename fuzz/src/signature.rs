//! A signed token passes only unchanged, and the host verifier and the wasm verifier agree about every change.
//!
//! There is one exception, which these changes do not produce: for an ECDSA signature (r, s), (r, n − s) is valid too.
//! RFC 7518 section 3.4 does not exclude it, and issuers produce both.
//!
//! The first byte of the input selects a token, the others change it. A change is four bytes: the kind, the position
//! (two bytes) and the new byte.

use jwt_guard::jose::algorithm::{Verifier, WasmVerifier};
use jwt_guard::jose::base64url;
use jwt_guard::jose::claims::verify;
use jwt_guard::jose::error::TokenError;
use jwt_guard::jose::token::UnverifiedToken;

use super::issuer::{MAX_TOKEN_BYTES, NOW, keys, rules, tokens};
use jwt_guard_testkit::host_double::HostDouble;

/// The maximum number of changes; an attacker gains nothing from more.
const MAX_CHANGES: usize = 64;

/// Whether the token passes.
pub fn holds(data: &[u8]) -> bool {
    let Some((which, changes)) = data.split_first() else { return false };
    let tokens = tokens();
    let signed = &tokens[usize::from(*which) % tokens.len()];
    let mut token = Parts::of(signed);
    for change in changes.chunks_exact(4).take(MAX_CHANGES) {
        token.change(change[0], u16::from_be_bytes([change[1], change[2]]).into(), change[3], tokens);
    }
    let token = token.joined();
    let by_module = verify_with(&token, &WasmVerifier);
    assert_eq!(
        by_module,
        verify_with(&token, &HostDouble),
        "the wasm verifier and the host verifier disagree"
    );
    // Changes can turn one token into another token of the list, which is signed too.
    let was_signed = tokens.iter().any(|signed| signed.as_bytes() == token);
    assert_eq!(by_module.is_ok(), was_signed, "{by_module:?}");
    by_module.is_ok()
}

fn verify_with(token: &[u8], verifier: &dyn Verifier) -> Result<(), TokenError> {
    verify(UnverifiedToken::parse(token, MAX_TOKEN_BYTES)?, &rules(), &keys(), verifier, NOW).map(drop)
}

/// The header and claims as text, and the signature as bytes: most changes to its text would only make it malformed.
struct Parts {
    header: Vec<u8>,
    claims: Vec<u8>,
    signature: Vec<u8>,
    /// Bytes after the signature.
    more: Vec<u8>,
}

impl Parts {
    fn of(token: &str) -> Self {
        let mut parts = token.split('.').map(str::as_bytes);
        let mut next = || parts.next().unwrap().to_vec();
        let (header, claims, signature) = (next(), next(), next());
        Self { header, claims, signature: base64url::decode(&signature).unwrap(), more: Vec::new() }
    }

    fn joined(self) -> Vec<u8> {
        let signature = base64url::encode(&self.signature).into_bytes();
        let mut token = [self.header, self.claims, signature].join(&b'.');
        token.extend(self.more);
        token
    }

    fn change(&mut self, what: u8, at: usize, byte: u8, tokens: &[String]) {
        let other = || Self::of(&tokens[at % tokens.len()]);
        match what % 16 {
            0 => replace(&mut self.header, at, byte),
            1 => insert(&mut self.header, at, byte),
            2 => remove(&mut self.header, at),
            3 => self.header = other().header,
            4 => replace(&mut self.claims, at, byte),
            5 => insert(&mut self.claims, at, byte),
            6 => remove(&mut self.claims, at),
            7 => self.claims = other().claims,
            8 => replace(&mut self.signature, at, byte),
            9 => insert(&mut self.signature, at, byte),
            10 => remove(&mut self.signature, at),
            11 => self.signature = other().signature,
            12 => self.signature.iter_mut().skip(at).for_each(|old| *old = byte),
            13 => self.signature.iter_mut().take(at).for_each(|old| *old = byte),
            14 => {
                let length = self.signature.len();
                self.signature.rotate_left(if length == 0 { 0 } else { at % length });
            }
            _ => self.more.push(byte),
        }
    }
}

fn replace(bytes: &mut [u8], at: usize, byte: u8) {
    let length = bytes.len();
    if let Some(old) = bytes.get_mut(at.checked_rem(length).unwrap_or(0)) {
        *old = byte;
    }
}

fn insert(bytes: &mut Vec<u8>, at: usize, byte: u8) {
    bytes.insert(at % (bytes.len() + 1), byte);
}

fn remove(bytes: &mut Vec<u8>, at: usize) {
    if !bytes.is_empty() {
        bytes.remove(at % bytes.len());
    }
}
