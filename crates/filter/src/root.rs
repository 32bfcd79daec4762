//! The root context of one configuration in one VM.
//!
//! The state is in this context, not in statics, because configurations with the same `vm_id` share a VM. The
//! root context fetches keys and revocation lists, because a call is cancelled when the context that made it
//! ends, and requests are short-lived.

use std::rc::Rc;
use std::time::Duration;

use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::ContextType;

use jwt_guard::config::Config;
use jwt_guard::keys::VmIdentity;
use jwt_guard::keys::answer::HttpAnswer;
use jwt_guard::keys::tick::FIRST_TICK;
use jwt_guard::plugin::{Action, Plugin};
use jwt_guard::report::Level;

use crate::configured::Configured;
use crate::filter::{Filter, carry_out};
use crate::host::{HeaderKind, Host, HostError};
use jwt_guard::http::HeaderMap;

/// The root context.
pub struct Root<H: Host> {
    context: u32,
    host: H,
    configured: Option<Rc<Configured<H>>>,
}

impl<H: Host> Root<H> {
    /// Creates a root context without a configuration.
    pub fn new(context: u32, host: H) -> Self {
        Self { context, host, configured: None }
    }

    /// Creates the context of a new request.
    pub fn filter(&self, context: u32) -> Filter<H> {
        Filter::new(context, self.host.clone(), self.configured.clone())
    }

    /// Sends the fetches that are due, decides the parked requests that are ready, and sets the next tick.
    fn poll(&self, plugin: &Plugin<H>) {
        for document in plugin.documents() {
            let Some(request) = plugin.poll_send(document) else { continue };
            match self.host.send(&request) {
                Ok(call) => plugin.on_sent(document, call),
                Err(HostError) => plugin.on_not_sent(document),
            }
        }
        for (context, reason) in plugin.poll_ready() {
            // The client disconnected; the host will drop the context itself.
            if self.host.enter(context).is_err() {
                plugin.on_gone(context);
                continue;
            }
            let action = match self.host.headers(HeaderKind::Request) {
                Some(headers) => {
                    plugin.on_ready(context, reason, &headers, |scope| self.host.metadata(scope))
                }
                None => {
                    plugin.on_gone(context);
                    Action::undecided()
                }
            };
            if carry_out(&self.host, action).goes_on() {
                self.host.resume_request();
            }
        }
        let _ = self.host.enter(self.context);
        if let Some(period) = plugin.poll_tick() {
            self.host.set_tick(period);
        }
    }
}

/// Releases the configuration.
///
/// This is not in `on_done`, because the host calls that for every request too.
impl<H: Host> Drop for Root<H> {
    fn drop(&mut self) {
        if let Some(configured) = &self.configured {
            configured.plugin.release();
        }
        // Stop the tick; the VM outlives the configuration.
        self.host.set_tick(Duration::ZERO);
    }
}

impl<H: Host> Context for Root<H> {
    fn on_http_call_response(&mut self, call: u32, headers: usize, length: usize, _: usize) {
        let Some(Configured { plugin, .. }) = self.configured.as_deref() else { return };
        if let Some(document) = plugin.awaiting(call) {
            // The response is empty if none arrived.
            let headers = match headers {
                0 => HeaderMap::new(),
                _ => self.host.headers(HeaderKind::FetchResponse).unwrap_or_default(),
            };
            let body = self.host.response_body(document.readable(length));
            plugin.on_response(document, HttpAnswer { headers: &headers, length, body: body.into() });
        }
        self.poll(plugin);
    }
}

impl<H: Host> RootContext for Root<H> {
    fn on_configure(&mut self, _: usize) -> bool {
        let config = Config::parse(&self.host.plugin_configuration()).and_then(|mut config| {
            config.read_environment(|name| self.host.environment_variable(name)).map(|()| config)
        });
        let config = match config {
            Ok(config) => config,
            Err(errors) => {
                for error in errors {
                    self.host.log(Level::Error, format_args!("invalid configuration: {error}"));
                }
                return false;
            }
        };
        let vm = VmIdentity(self.host.random_bits());
        let plugin = Plugin::start(config, vm, &self.host.plugin_name(), self.host.clone());
        let queue = self.host.register_queue(&format!("jwt_guard/{:016x}", vm.0));
        self.host.set_tick(FIRST_TICK);
        self.configured = Some(Rc::new(Configured { plugin, queue }));
        true
    }

    fn on_tick(&mut self) {
        if let Some(Configured { plugin, .. }) = self.configured.as_deref() {
            plugin.log_suppressed();
            self.poll(plugin);
        }
    }

    fn on_queue_ready(&mut self, queue: u32) {
        let Some(Configured { plugin, .. }) = self.configured.as_deref() else { return };
        // The host calls once for each item in the queue; the first call removes them all.
        if self.host.drain(queue) {
            self.poll(plugin);
        }
    }

    fn create_http_context(&self, context: u32) -> Option<Box<dyn HttpContext>> {
        Some(Box::new(self.filter(context)))
    }

    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
    }
}
