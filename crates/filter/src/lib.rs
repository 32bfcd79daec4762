//! The entry point of the module: it passes the host's callbacks to the core and carries out the core's
//! decisions.
//!
//! | module | holds |
//! | --- | --- |
//! | `host` | the host's interface, as a trait |
//! | `proxy_wasm_host` | the implementation of that trait by proxy-wasm host calls |
//! | `configured` | the state shared by the root context and the requests of one configuration |
//! | `root` | the root context: configuration, ticks, responses to fetches |
//! | `filter` | the context of one request |
//!
//! All modules except `proxy_wasm_host` are generic over the host, so that the tests use a test double.

mod configured;
mod filter;
mod host;
mod proxy_wasm_host;
mod root;
#[cfg(test)]
mod tests;

use proxy_wasm::traits::RootContext;
use proxy_wasm_host::ProxyWasmHost;
use root::Root;

/// Defines `_start`, which the host calls first. On other targets the test binary has its own `_start`.
#[cfg(target_arch = "wasm32")]
mod entry {
    proxy_wasm::main! {{
        proxy_wasm::set_log_level(proxy_wasm::types::LogLevel::Info);
        proxy_wasm::set_root_context(super::root_context);
    }}
}

/// Creates the root context of a configuration.
pub fn root_context(context: u32) -> Box<dyn RootContext> {
    Box::new(Root::new(context, ProxyWasmHost))
}
