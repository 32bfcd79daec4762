//! One configuration in one VM, without I/O: its keys, its caches and its parked requests.
//!
//! The caller passes the host's callbacks to [`Plugin`] and carries out the actions that [`Plugin`] returns.
//! After each callback of the root context the caller polls: [`Plugin::poll_send`] for requests to issuers,
//! [`Plugin::poll_ready`] for parked requests to decide again, [`Plugin::poll_tick`] for the period of the next
//! tick.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use crate::config::{Config, Issuer, KeyOrigin, RevocationListOrigin};
use crate::confirmation::Connection;
use crate::dpop::replay::SharedReplayStore;
use crate::headers::{CredentialHeaders, HeaderEdits};
use crate::http::{HeaderMap, ResponseHeaders};
use crate::jose::algorithm::{HostFunction, HostVerifier};
use crate::keys::answer::HttpAnswer;
use crate::keys::fetch_event::FetchEvent;
use crate::keys::fetcher::{FetchRequest, Fetcher};
use crate::keys::key_cache::{KeyCache, SharedData};
use crate::keys::parked::{Awaited, ParkState, ParkedRequests, WakeReason};
use crate::keys::record::EntryNames;
use crate::keys::store::{IssuerKeys, KeyStore};
use crate::keys::tick::Tick;
use crate::keys::{DocumentId, VmIdentity};
use crate::metadata_cache::{MetadataCache, MetadataScope};
use crate::metrics::IssuerMetric;
use crate::report::{Observer, Reporter};
use crate::request::{self, Annotations, AuthContext, CachedToken, Decision, Metadata, Request, Step, Wait};
use crate::revocation::RevocationList;
use crate::time::UnixTime;
use crate::token_cache::TokenCache;

/// One configuration in one VM. `H` is the host, behind the core's traits.
pub struct Plugin<H> {
    host: H,
    config: Config,
    credentials: CredentialHeaders,
    verifier: HostVerifier<H>,
    keys: KeyStore,
    parked: RefCell<ParkedRequests>,
    metadata: RefCell<MetadataCache>,
    tokens: TokenCache<CachedToken>,
    replays: SharedReplayStore<H>,
    report: Reporter<H>,
    tick: RefCell<Tick>,
}

/// What the host has to do with a request.
#[derive(Debug)]
pub enum Action {
    /// Edit the request's headers and forward the request.
    Forward(HeaderEdits),
    /// Answer the request.
    Answer {
        /// The status.
        status: u16,
        /// The header fields.
        headers: ResponseHeaders,
        /// The body.
        body: Vec<u8>,
    },
    /// Pause the request until [`Plugin::poll_ready`] returns it. The shared state then records whether the
    /// request has passed or was answered.
    Park(Rc<Cell<ParkState>>),
}

impl Action {
    /// The answer to a request that cannot be decided, such as one whose headers the host cannot pass. No rule can be found
    /// for such a request, so that it is denied.
    pub fn undecided() -> Self {
        Self::Answer { status: 503, headers: Vec::new(), body: Vec::new() }
    }
}

impl<H: SharedData + Connection + HostFunction + Observer + Clone> Plugin<H> {
    /// Starts the plugin. The first poll fetches keys, not this function. `name` is the plugin's name in the
    /// proxy's configuration.
    pub fn start(config: Config, vm: VmIdentity, name: &[u8], host: H) -> Self {
        let verifier = HostVerifier::self_tested(host.clone());
        let report = Reporter::new(&config, host.clone());
        report.configured(&config, verifier.host_algorithms());
        Self {
            credentials: request::credential_headers(&config),
            verifier,
            keys: KeyStore::new(
                config.issuers.iter().map(|issuer| issuer_keys(issuer, name, vm, &host)),
                config.issuers.iter().map(|issuer| list_fetcher(issuer, name, vm, &host)),
            ),
            parked: RefCell::default(),
            metadata: RefCell::default(),
            tokens: TokenCache::new(config.token_cache_entries),
            replays: SharedReplayStore::new(host.clone()),
            report,
            tick: RefCell::new(Tick::first()),
            config,
            host,
        }
    }

    /// Decides a new request. `metadata` reads the metadata of the route that the proxy selected.
    pub fn on_request(
        &self,
        context: u32,
        headers: &HeaderMap,
        metadata: impl Fn(MetadataScope) -> Option<Vec<u8>>,
    ) -> Action {
        let park = |awaited: Awaited, now| {
            let document = awaited.document;
            let (version, timeout) = (self.keys.version(document, now), self.keys.timeout(document));
            let state = self.parked.try_borrow_mut().ok()?.park(context, awaited, version, now, timeout)?;
            self.report.waiting(1);
            Some(state)
        };
        self.decide(headers, metadata, Wait::Allowed, park)
    }

    /// Decides a parked request that [`Self::poll_ready`] returned.
    pub fn on_ready(
        &self,
        context: u32,
        reason: WakeReason,
        headers: &HeaderMap,
        metadata: impl Fn(MetadataScope) -> Option<Vec<u8>>,
    ) -> Action {
        let wait = match reason {
            WakeReason::KeysChanged => Wait::Allowed,
            WakeReason::TimedOut => Wait::NotAllowed,
        };
        let repark = |awaited: Awaited, now| {
            let version = self.keys.version(awaited.document, now);
            self.parked.try_borrow_mut().ok()?.repark(context, awaited, version)
        };
        let action = self.decide(headers, metadata, wait, repark);
        match action {
            Action::Forward(_) => self.end_wait(context, ParkState::Passed),
            Action::Answer { .. } => self.end_wait(context, ParkState::Answered),
            Action::Park(_) => {}
        }
        action
    }

    fn decide(
        &self,
        headers: &HeaderMap,
        metadata: impl Fn(MetadataScope) -> Option<Vec<u8>>,
        wait: Wait,
        park: impl FnOnce(Awaited, UnixTime) -> Option<Rc<Cell<ParkState>>>,
    ) -> Action {
        let (metadata, annotations) = self.metadata(metadata);
        let request = Request { headers, metadata, annotations };
        // Read the clock for each request: a thousand other requests may have been decided since the callback
        // began.
        let now = self.host.now();
        let mut decision = self.decision(&request, wait, now);
        if let (Step::Await(awaited), Wait::Allowed) = (&decision.step, wait) {
            match park(*awaited, now) {
                Some(state) => return Action::Park(state),
                None => decision = self.decision(&request, Wait::QueueFull, now),
            }
        }
        match &decision.step {
            Step::Forward(forward) => self.report.forwarded(forward, &decision, &self.config, now),
            Step::Deny(_) => {
                if let Some(record) = decision.refusal() {
                    self.report.refused(&record, now);
                }
                for issuer in decision.named_issuers() {
                    self.report.count_issuer(issuer, IssuerMetric::Refused);
                }
            }
            Step::Serve(_) | Step::Await(_) => {}
        }
        match decision.step {
            Step::Forward(forward) => Action::Forward(forward.edits),
            Step::Deny(denial) => {
                Action::Answer { status: denial.status, headers: denial.headers, body: denial.body }
            }
            Step::Serve(document) => {
                Action::Answer { status: 200, headers: document.headers, body: document.body }
            }
            // Not reached: a request that may not wait gets another step. If it is reached, fail closed.
            Step::Await(_) => Action::undecided(),
        }
    }

    fn decision<'r>(&'r self, request: &'r Request<'_>, wait: Wait, now: UnixTime) -> Decision<'r> {
        let keys = self.keys.at(now, &self.host);
        let with = AuthContext {
            connection: &self.host,
            replays: &self.replays,
            revocations: &keys,
            ..AuthContext::new(&self.config, &keys, &self.verifier, &self.tokens, now, wait)
        };
        request::decide(&with, request)
    }

    fn metadata(&self, read: impl Fn(MetadataScope) -> Option<Vec<u8>>) -> (Metadata, Annotations) {
        let warn = |problem: &str| self.report.warn(format_args!("{problem}"));
        match self.metadata.try_borrow_mut() {
            Ok(mut cache) => cache.requirements(&self.config, read, warn),
            Err(_) => (Metadata::Bad("the metadata could not be read".into()), Annotations::default()),
        }
    }

    /// The edits for a request's trailers.
    pub fn on_trailers(&self, trailers: &HeaderMap) -> HeaderEdits {
        let compares = |name: &str| !self.config.report_only && self.metadata.borrow().compares(name);
        self.config
            .claim_headers
            .strip_trailers(trailers, |name| self.credentials.may_be(name) || compares(name))
    }

    /// The client disconnected, or the host has finished the request.
    pub fn on_gone(&self, context: u32) {
        self.end_wait(context, ParkState::Answered);
    }

    fn end_wait(&self, context: u32, state: ParkState) {
        if self.parked.try_borrow_mut().is_ok_and(|mut parked| parked.remove(context, state)) {
            self.report.waiting(-1);
        }
    }

    /// The documents whose requests [`Self::poll_send`] can return.
    pub fn documents(&self) -> impl Iterator<Item = DocumentId> {
        self.keys.fetched().filter(|_| self.config.enabled)
    }

    /// The request that is due for a document, if any. See [`Fetcher`].
    pub fn poll_send(&self, document: DocumentId) -> Option<FetchRequest> {
        self.keys.poll_send(document, &self.parked.borrow(), &self.host)
    }

    /// The host sent the request; its response will carry the number `call`.
    pub fn on_sent(&self, document: DocumentId, call: u32) {
        self.keys.on_sent(document, call);
    }

    /// The host could not send the request.
    pub fn on_not_sent(&self, document: DocumentId) {
        self.report_fetch(document, self.keys.on_not_sent(document, &self.host));
    }

    /// The document that the response to this call brings, if the call is still of interest.
    pub fn awaiting(&self, call: u32) -> Option<DocumentId> {
        self.keys.awaiting(call)
    }

    /// The response for a document arrived.
    pub fn on_response(&self, document: DocumentId, answer: HttpAnswer<'_>) {
        self.report_fetch(document, self.keys.on_response(document, &self.host, answer));
    }

    fn report_fetch(&self, document: DocumentId, event: Option<FetchEvent>) {
        if let (Some(event), Some(issuer)) = (event, self.config.issuers.get(document.issuer.0)) {
            self.report.fetched(document, &issuer.name, issuer.passes_without_list(), &event);
        }
    }

    /// The parked requests to decide again.
    pub fn poll_ready(&self) -> Vec<(u32, WakeReason)> {
        let now = self.host.now();
        self.parked.borrow().poll_ready(now, |document| self.keys.version(document, now))
    }

    /// The new period of the tick, if it changes. Brings the metrics up to date. The longest period is half a second,
    /// so the metrics lag by at most that time.
    pub fn poll_tick(&self) -> Option<Duration> {
        let now = self.host.now();
        self.flush_counts();
        for document in self.documents() {
            if let Some(status) = self.keys.status(document, now) {
                self.report.document_status(document, status);
            }
        }
        let parked = self.parked.borrow().poll_timeout(now, |document| self.keys.version(document, now));
        let keys = if self.config.enabled { self.keys.poll_timeout(now) } else { None };
        self.tick.borrow_mut().update(parked, keys)
    }

    /// Adds the counts of the requests since the last call to the counters.
    fn flush_counts(&self) {
        self.report.token_cache(self.tokens.take_counts());
        self.report.flush();
    }

    /// The new period of the tick for an immediate call by the host, if it changes.
    pub fn tick_soon(&self) -> Option<Duration> {
        self.tick.borrow_mut().update(Some(Duration::ZERO), None)
    }

    /// Logs how many denials were not logged.
    pub fn log_suppressed(&self) {
        self.report.log_suppressed(self.host.now());
    }

    /// Reports the last counts and releases this configuration's leases on fetches; call it before the configuration is dropped.
    pub fn release(&self) {
        self.flush_counts();
        self.keys.release(&self.host);
    }
}

/// Fetches nothing: Envoy may create a configuration only to validate it.
fn issuer_keys(issuer: &Issuer, plugin: &[u8], vm: VmIdentity, host: &impl SharedData) -> IssuerKeys {
    match &issuer.keys {
        KeyOrigin::Inline(keys) => IssuerKeys::Inline(Rc::clone(keys)),
        KeyOrigin::Fetched { source, times } => {
            let entries = EntryNames::of(plugin, &issuer.rules.iss, source);
            let cache = KeyCache::new(times.clone(), vm, entries, host.jitter());
            IssuerKeys::Fetched(Box::new(Fetcher::new(source.clone(), cache)))
        }
    }
}

/// The fetcher of an issuer's revocation list, if the issuer has one.
fn list_fetcher(
    issuer: &Issuer,
    plugin: &[u8],
    vm: VmIdentity,
    host: &impl SharedData,
) -> Option<Fetcher<RevocationList>> {
    let origin = issuer.revocation_list.as_ref()?;
    let RevocationListOrigin { source, times, .. } = origin;
    let entries = EntryNames::of_revocation_list(plugin, &issuer.rules.iss, source);
    let cache = KeyCache::new(times.clone(), vm, entries, host.jitter());
    let token = origin.bearer_token().cloned();
    Some(Fetcher::new(source.clone(), cache).with_bearer_token(token))
}
