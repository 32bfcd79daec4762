//! One request: the host's callbacks to the core's step, and the step back to the host.

use std::cell::Cell;
use std::rc::Rc;

use proxy_wasm::traits::{Context, HttpContext};
use proxy_wasm::types::Action;

use super::{Plugin, host};
use jwt_guard::flow::{Patience, Request, Step};
use jwt_guard::keys::waiting::Verdict;

/// The context of one request.
pub struct Filter {
    context: u32,
    plugin: Option<Rc<Plugin>>,
    decision: Decision,
}

/// Whether the request goes on.
enum Decision {
    Made(Verdict),
    /// By whoever attends to those who wait.
    Awaited(Rc<Cell<Verdict>>),
}

impl Filter {
    /// For a new request.
    pub fn new(context: u32, plugin: Option<Rc<Plugin>>) -> Self {
        Self { context, plugin, decision: Decision::Made(Verdict::Pending) }
    }

    /// More of the request goes on only after the decision to let it.
    fn action(&self) -> Action {
        let verdict = match &self.decision {
            Decision::Made(verdict) => *verdict,
            Decision::Awaited(verdict) => verdict.get(),
        };
        match verdict {
            Verdict::Passed => Action::Continue,
            Verdict::Pending | Verdict::Answered => Action::Pause,
        }
    }
}

impl Context for Filter {}

/// The host is done with the request.
impl Drop for Filter {
    fn drop(&mut self) {
        if let Some(plugin) = self.plugin.take() {
            plugin.leave(self.context);
        }
    }
}

impl HttpContext for Filter {
    fn on_http_request_headers(&mut self, _: usize, _: bool) -> Action {
        let Some(plugin) = &self.plugin else {
            // Without a configuration the host lets no request in; if one comes all the same, it goes nowhere.
            host::answer(503, &[], b"");
            return Action::Pause;
        };
        let headers = host::request_headers();
        let request = Request { headers: &headers, metadata: plugin.metadata() };
        let now = host::now();
        let mut decision = plugin.judge(&request, Patience::Waits, now);
        if let Step::AwaitKeys { issuer, need } = decision.step {
            match plugin.park(self.context, issuer, need) {
                Some(verdict) => {
                    self.decision = Decision::Awaited(verdict);
                    return Action::Pause;
                }
                None => decision = plugin.judge(&request, Patience::NoRoom, now),
            }
        }
        let passed = plugin.take(&decision, now);
        self.decision = Decision::Made(if passed { Verdict::Passed } else { Verdict::Answered });
        self.action()
    }

    fn on_http_request_body(&mut self, _: usize, _: bool) -> Action {
        self.action()
    }

    fn on_http_request_trailers(&mut self, _: usize) -> Action {
        // Now or never: a parked request goes on without this callback being called again.
        if let Some(plugin) = &self.plugin {
            let map = &plugin.config.claim_headers;
            let edits = map.strip_trailers(&host::request_trailers(), &plugin.credentials);
            host::edit_request_trailers(&edits);
        }
        self.action()
    }
}
