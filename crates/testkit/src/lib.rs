//! For tests and development: keys and tokens, a mock issuer, an upstream, a client, and doubles of the host and of
//! servers. None of it is in the module.
//!
//! | module | holds |
//! | --- | --- |
//! | [`mint`] | keys of every algorithm and tokens signed with them, broken ones included |
//! | [`issuer`] | a mock issuer that answers as it is told, or with a [`signer`] |
//! | [`signer`] | a JWKS, tokens on demand, key rotation |
//! | [`server`] | the HTTP server of issuer and upstream |
//! | [`upstream`] | an upstream that answers with what it saw |
//! | [`client`] | clients that send any bytes, over HTTP/1.1 and HTTP/2 |
//! | [`host_double`] | a double of the host's `verify_signature` |
//! | [`oracle`] | the precedence of routes, by comparing all of them |
//! | [`upstreams`] | models of servers: what each makes of a path |
//! | [`module`] | the wasm module under test |
//! | [`envoy`] | the Envoys that `scripts/envoy` provides |
//! | [`wasm_memory`] | what the memories of wasm VMs take |
//! | [`process`] | programs that serve until they are stopped |
//! | [`pinned_python`] | programs in Python with pinned packages |

#[cfg(feature = "servers")]
pub mod client;
pub mod envoy;
pub mod host_double;
#[cfg(feature = "servers")]
pub mod issuer;
pub mod mint;
pub mod module;
pub mod oracle;
pub mod pinned_python;
#[cfg(feature = "servers")]
pub mod process;
#[cfg(feature = "servers")]
pub mod server;
#[cfg(feature = "servers")]
pub mod signer;
#[cfg(feature = "servers")]
pub mod upstream;
pub mod upstreams;
pub mod wasm_memory;

use std::path::Path;
use std::sync::LazyLock;

pub use jwt_guard::jose::base64url;
use jwt_guard::time::UnixTime;

/// The root of the repository.
pub fn repository() -> &'static Path {
    static ROOT: LazyLock<&Path> = LazyLock::new(|| {
        let package = Path::new(env!("CARGO_MANIFEST_DIR"));
        package.ancestors().nth(2).unwrap_or(package)
    });
    *ROOT
}

/// The system's time.
#[expect(
    clippy::disallowed_methods,
    reason = "tokens are minted for real clocks; everything below takes the time as an argument"
)]
pub fn now() -> UnixTime {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    UnixTime::from_millis(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}
