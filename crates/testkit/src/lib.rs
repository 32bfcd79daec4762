//! A kit for tests and development: keys and tokens, a mock issuer, an upstream, clients, and doubles of the host and
//! of servers. The module does not contain it.
//!
//! | module | contents |
//! | --- | --- |
//! | [`mint`] | keys of every algorithm and tokens signed with them, invalid ones included |
//! | [`issuer`] | a mock issuer with configurable responses |
//! | [`revoked`] | the revocation list of that issuer |
//! | [`signer`] | an issuer with a JWKS, tokens on demand and key rotation |
//! | [`server`] | the HTTP server of issuer and upstream |
//! | [`upstream`] | an upstream that responds with the request it received |
//! | [`client`] | clients that send arbitrary bytes over HTTP/1.1, and requests over HTTP/2 |
//! | [`host_double`] | a double of the host's `verify_signature` |
//! | [`second_opinion`] | verification by `jwt-simple`, which shares no code with the checks of the core |
//! | [`oracle`] | a second implementation of route precedence, which compares all routes |
//! | [`upstreams`] | models of servers: how each normalizes a path |
//! | [`module`] | the wasm module under test |
//! | [`envoy`] | the Envoys that `scripts/envoy` provides |
//! | [`wasm_memory`] | the memory usage of wasm VMs |
//! | [`process`] | runs a server until it is stopped |
//! | [`pinned_python`] | runs Python programs with pinned packages |

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
pub mod revoked;
#[cfg(feature = "second_opinion")]
pub mod second_opinion;
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
    reason = "tokens are minted for real clocks; all other functions take the time as an argument"
)]
pub fn now() -> UnixTime {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    UnixTime::from_millis(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}
