//! The module's entry: the host's callbacks in, the core's decisions out.
//!
//! | module | holds |
//! | --- | --- |
//! | `host` | what the module asks of the host, as a trait |
//! | `proxy_wasm_host` | that trait over the calls of proxy-wasm |
//! | `configured` | what the root context and the requests of one configuration share |
//! | `root` | the root context: configuration, ticks, answers to fetches |
//! | `filter` | the context of one request |
//!
//! All but `proxy_wasm_host` is generic over the host, so that the tests drive it through a double.

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

/// `_start`, which the host calls first. On other targets the test binary has a `_start` of its own.
#[cfg(target_arch = "wasm32")]
mod entry {
    proxy_wasm::main! {{
        proxy_wasm::set_log_level(proxy_wasm::types::LogLevel::Info);
        proxy_wasm::set_root_context(super::root_context);
    }}
}

/// The root context of a configuration.
pub fn root_context(context: u32) -> Box<dyn RootContext> {
    Box::new(Root::new(context, ProxyWasmHost))
}
