//! The module's entry: the host's callbacks in, the core's decisions out.
//!
//! One root context a configuration and VM; everything hangs on it, since two configurations with the same module
//! and `vm_id` share a VM. The root fetches keys: a callout dies with the context that made it, and requests come
//! and go.

mod filter;
mod host;
mod issuers;
mod metadata;
mod metrics;

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use log::{error, info, warn};
use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::ContextType;

use filter::Filter;
use issuers::Issuers;
use jwt_guard::config::Config;
use jwt_guard::flow::{self, Decision, Known, Patience, Request, Step};
use jwt_guard::headers::CredentialHeaders;
use jwt_guard::issuer_index::IssuerIndex;
use jwt_guard::jose::algorithm::{Algorithm, HostFirst};
use jwt_guard::keys::waiting::{Turn, Verdict, Wait, WaitingRoom};
use jwt_guard::keys::{Need, VmIdentity};
use jwt_guard::time::UnixTime;
use jwt_guard::token_cache::TokenCache;
use metadata::MetadataCache;
use metrics::Metrics;

/// How soon after the configuration the first keys are asked for. Not at once: before the first tick the host
/// configures a canary that is thrown away, and a lease that it took would be lost with it.
const FIRST_TICK: Duration = Duration::from_millis(1);
/// How often the shared record is looked at while nothing waits. Another worker's refresh counts here so much later.
const IDLE_TICK: Duration = Duration::from_millis(500);
/// How often while a request waits for what another worker fetches.
const WAITING_TICK: Duration = Duration::from_millis(20);
/// The shortest period: the host counts milliseconds, and 0 turns the tick off.
const SHORTEST_TICK: Duration = Duration::from_millis(1);

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
    Box::new(Root::new(context))
}

/// What the root context and the requests of one configuration share.
struct Plugin {
    context: u32,
    config: Config,
    credentials: CredentialHeaders,
    verifier: HostFirst<host::VerifySignature>,
    issuers: Issuers,
    waiting: RefCell<WaitingRoom>,
    metadata: RefCell<MetadataCache>,
    tokens: TokenCache<Known>,
    metrics: Metrics,
    queue: Option<u32>,
    tick: Cell<Duration>,
}

struct Root {
    context: u32,
    plugin: Option<Rc<Plugin>>,
}

impl Root {
    fn new(context: u32) -> Self {
        Self { context, plugin: None }
    }
}

/// The configuration goes. A callout under way goes with it, unanswered: a lease kept for it would leave the next
/// configuration without keys for as long as it lasts.
///
/// Not in `on_done`: the host would call it for every request as well.
impl Drop for Root {
    fn drop(&mut self) {
        if let Some(plugin) = &self.plugin {
            plugin.issuers.release();
        }
        // Else the host wakes up for it as long as the VM lives, which is longer than a configuration.
        host::set_tick(Duration::ZERO);
    }
}

impl Context for Root {
    fn on_http_call_response(&mut self, call: u32, headers: usize, body: usize, _: usize) {
        if let Some(plugin) = &self.plugin {
            plugin.issuers.answered(call, headers, body, &plugin.metrics);
            plugin.attend();
        }
    }
}

impl RootContext for Root {
    fn on_configure(&mut self, _: usize) -> bool {
        let config = match Config::parse(&host::plugin_configuration()) {
            Ok(config) => config,
            Err(errors) => {
                // `error!` is the highest level that the log crate has; the host stops the start by itself.
                for error in errors {
                    error!("jwt_guard configuration: {error}");
                }
                return false;
            }
        };
        for warning in &config.warnings {
            warn!("jwt_guard: {warning}");
        }
        let plugin = Plugin::new(self.context, config);
        plugin.announce();
        host::set_tick(FIRST_TICK);
        self.plugin = Some(Rc::new(plugin));
        true
    }

    fn on_tick(&mut self) {
        if let Some(plugin) = &self.plugin {
            plugin.metrics.tell_unsaid();
            plugin.attend();
        }
    }

    fn on_queue_ready(&mut self, queue: u32) {
        // The host calls once for each that was put in; the first of those calls finds them all.
        if let Some(plugin) = self.plugin.as_ref().filter(|_| host::drain(queue)) {
            plugin.attend();
        }
    }

    fn create_http_context(&self, context: u32) -> Option<Box<dyn HttpContext>> {
        Some(Box::new(Filter::new(context, self.plugin.clone())))
    }

    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
    }
}

impl Plugin {
    fn new(context: u32, config: Config) -> Self {
        let vm = VmIdentity(host::random_bits());
        let names = config.issuers.iter().map(|issuer| issuer.name.as_str());
        let metrics = Metrics::define(names);
        Self {
            context,
            credentials: flow::credential_headers(&config),
            verifier: HostFirst::tried(host::VerifySignature),
            issuers: Issuers::new(&config, vm),
            waiting: RefCell::default(),
            metadata: RefCell::default(),
            tokens: TokenCache::new(config.token_cache_entries),
            metrics,
            queue: host::register_queue(&format!("jwt_guard/{:016x}", vm.0)),
            tick: Cell::new(FIRST_TICK),
            config,
        }
    }

    fn announce(&self) {
        let names: Vec<&str> = self.config.issuers.iter().map(|issuer| issuer.name.as_str()).collect();
        let by_host: Vec<&str> = self.verifier.by_host().iter().copied().map(Algorithm::name).collect();
        info!(
            "jwt_guard {} configured: digest {}, issuers {}, signatures verified {}",
            env!("CARGO_PKG_VERSION"),
            self.config.digest,
            names.join(" "),
            match by_host.join(" ") {
                none if none.is_empty() => "in the module".to_owned(),
                some => format!("by the host for {some}, else in the module"),
            },
        );
        if !self.config.enabled {
            warn!("jwt_guard is disabled: requests pass unchecked, without identity headers");
        }
        if self.config.report_only {
            warn!("jwt_guard only reports: nothing is refused");
        }
    }

    /// The rounds of the root context: keys first, then whoever waits for them.
    fn attend(&self) {
        if self.config.enabled {
            self.issuers.attend(&self.waiting.borrow(), &self.metrics);
            self.settle();
        }
        let period = self.period();
        if self.tick.replace(period) != period {
            host::set_tick(period);
        }
    }

    /// Until when nothing needs to be done: the next deadline, somebody else's fetch, the next refresh.
    fn period(&self) -> Duration {
        let now = host::now();
        let room = self.waiting.borrow();
        let period = match room.shortest_wait(now) {
            Some(_) if !self.ready(now).is_empty() => SHORTEST_TICK,
            Some(left) => left.min(WAITING_TICK),
            None if !self.config.enabled => IDLE_TICK,
            None => self.issuers.idle_for(now).map_or(IDLE_TICK, |idle| idle.clamp(WAITING_TICK, IDLE_TICK)),
        };
        period.max(SHORTEST_TICK)
    }

    fn ready(&self, now: UnixTime) -> Vec<(u32, Turn)> {
        self.waiting.borrow().ready(now, |issuer| self.issuers.stamp(issuer, now))
    }

    /// Judges again whoever may have something new to be judged by.
    fn settle(&self) {
        let now = host::now();
        for (context, turn) in self.ready(now) {
            // A request whose client has left is skipped; its context says goodbye by itself.
            if host::enter(context).is_err() {
                self.leave(context);
                continue;
            }
            let headers = host::request_headers();
            let metadata = self.metadata();
            let request = Request { headers: &headers, metadata };
            // Not the moment at which the round began: a thousand others may have been judged since.
            let moment = host::now();
            let mut decision = self.judge(&request, patience(turn), moment);
            if let (Turn::News, Step::AwaitKeys { issuer, need }) = (turn, &decision.step) {
                let stamp = self.issuers.stamp(*issuer, now);
                if self.waiting.borrow_mut().stay(context, *issuer, *need, stamp) {
                    continue;
                }
                decision = self.judge(&request, Patience::NoRoom, moment);
            }
            let passed = self.take(&decision, moment);
            self.leave_with(context, if passed { Verdict::Passed } else { Verdict::Answered });
            if passed {
                host::resume_request();
            }
        }
        let _ = host::enter(self.context);
    }

    fn judge<'r>(&'r self, request: &'r Request<'_>, patience: Patience, now: UnixTime) -> Decision<'r> {
        let keys = self.issuers.source(now);
        let decision =
            flow::decide(&self.config, request, &keys, &self.verifier, &self.tokens, now, patience);
        self.metrics.token_cache(self.tokens.take_counts());
        decision
    }

    fn metadata(&self) -> flow::Metadata {
        match self.metadata.try_borrow_mut() {
            Ok(mut cache) => cache.of_request(&self.config),
            Err(_) => flow::Metadata::Bad("the metadata could not be read".into()),
        }
    }

    /// Carries out a decision for the effective context. Whether the request goes on.
    fn take(&self, decision: &Decision<'_>, now: UnixTime) -> bool {
        match &decision.step {
            Step::Forward(forward) => {
                host::edit_request_headers(&forward.edits);
                self.metrics.forwarded(forward, decision, &self.config, now);
                true
            }
            Step::Deny(denial) => {
                if let Some(facts) = decision.refusal() {
                    self.metrics.refused(&facts, now);
                }
                host::answer(denial.status, &denial.headers, &denial.body);
                false
            }
            Step::Serve(document) => {
                host::answer(200, &document.headers, &document.body);
                false
            }
            // The callers park such a request; if one forgot, it is not let through.
            Step::AwaitKeys { .. } => {
                host::answer(503, &[], b"");
                false
            }
        }
    }

    /// Parks a request until its issuer's keys change. `None` where there is no room.
    fn park(&self, context: u32, issuer: IssuerIndex, need: Need) -> Option<Rc<Cell<Verdict>>> {
        let now = host::now();
        let wait = Wait { issuer, need, since: now, patience: self.issuers.patience(issuer) };
        let stamp = self.issuers.stamp(issuer, now);
        let verdict = self.waiting.try_borrow_mut().ok()?.enter(context, wait, stamp)?;
        self.metrics.waiting(1);
        match self.queue {
            Some(queue) => host::wake(queue),
            None => host::set_tick(FIRST_TICK),
        }
        Some(verdict)
    }

    fn leave(&self, context: u32) {
        self.leave_with(context, Verdict::Answered);
    }

    fn leave_with(&self, context: u32, verdict: Verdict) {
        let left = self.waiting.try_borrow_mut().ok().and_then(|mut room| room.leave(context));
        if let Some(cell) = left {
            cell.set(verdict);
            self.metrics.waiting(-1);
        }
    }
}

fn patience(turn: Turn) -> Patience {
    match turn {
        Turn::News => Patience::Waits,
        Turn::Over => Patience::Over,
    }
}
