//! The context of one request.

use std::cell::Cell;
use std::rc::Rc;

use proxy_wasm::traits::{Context, HttpContext};
use proxy_wasm::types::Action;

use jwt_guard::http::ResponseHeaders;
use jwt_guard::keys::parked::ParkState;
use jwt_guard::plugin;

use crate::configured::Configured;
use crate::host::{HeaderKind, Host};

/// One request.
pub struct Filter<H: Host> {
    context: u32,
    host: H,
    configured: Option<Rc<Configured<H>>>,
    progress: Progress,
}

/// The decision on a request.
pub enum Progress {
    /// The state is known: the request has passed, was answered, or is not decided yet.
    Known(ParkState),
    /// The request is parked, and the root context will decide it.
    Parked(Rc<Cell<ParkState>>),
}

impl Progress {
    /// Whether the request may continue: only if the decision was to forward it.
    pub fn goes_on(&self) -> bool {
        let state = match self {
            Self::Known(state) => *state,
            Self::Parked(state) => state.get(),
        };
        state == ParkState::Passed
    }
}

/// Carries out the core's decision on the current request.
pub fn carry_out(host: &impl Host, action: plugin::Action) -> Progress {
    match action {
        plugin::Action::Forward(edits) => {
            host.edit(HeaderKind::Request, &edits);
            Progress::Known(ParkState::Passed)
        }
        plugin::Action::Answer { status, headers, body } => {
            host.answer(status, &headers, &body);
            Progress::Known(ParkState::Answered)
        }
        plugin::Action::Park(state) => Progress::Parked(state),
    }
}

impl<H: Host> Filter<H> {
    /// Creates the context of a new request.
    pub fn new(context: u32, host: H, configured: Option<Rc<Configured<H>>>) -> Self {
        Self { context, host, configured, progress: Progress::Known(ParkState::Pending) }
    }

    fn action(&self) -> Action {
        if self.progress.goes_on() { Action::Continue } else { Action::Pause }
    }
}

impl<H: Host> Context for Filter<H> {}

/// Tells the core that the host has finished the request.
impl<H: Host> Drop for Filter<H> {
    fn drop(&mut self) {
        if let Some(configured) = &self.configured {
            configured.plugin.on_gone(self.context);
        }
    }
}

impl<H: Host> HttpContext for Filter<H> {
    fn on_http_request_headers(&mut self, _: usize, _: bool) -> Action {
        let Some(Configured { plugin, queue }) = self.configured.as_deref() else {
            // Without a configuration the host accepts no request. If a request arrives anyway, deny it.
            self.host.answer(503, &ResponseHeaders::new(), b"");
            return Action::Pause;
        };
        let action = match self.host.headers(HeaderKind::Request) {
            Some(headers) => plugin.on_request(self.context, &headers, |scope| self.host.metadata(scope)),
            None => plugin::Action::undecided(),
        };
        self.progress = carry_out(&self.host, action);
        if let Progress::Parked(_) = self.progress {
            match queue {
                Some(queue) => self.host.wake(*queue),
                None => plugin.tick_soon().map_or((), |period| self.host.set_tick(period)),
            }
        }
        self.action()
    }

    fn on_http_request_body(&mut self, _: usize, _: bool) -> Action {
        self.action()
    }

    fn on_http_request_trailers(&mut self, _: usize) -> Action {
        // Edit trailers here: the host does not repeat this callback for a parked request.
        if let Some(Configured { plugin, .. }) = self.configured.as_deref() {
            let Some(trailers) = self.host.headers(HeaderKind::Trailers) else {
                // Trailers that cannot be read may hold a token or an identity.
                self.host.answer(503, &ResponseHeaders::new(), b"");
                return Action::Pause;
            };
            self.host.edit(HeaderKind::Trailers, &plugin.on_trailers(&trailers));
        }
        self.action()
    }
}
