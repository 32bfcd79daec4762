//! The fetches of one document of an issuer, as a state machine without I/O. The document is a key set or a revocation
//! list.
//!
//! [`Fetcher::poll_send`] gives the request that is due. The caller sends it, reports that with [`Fetcher::on_sent`] or
//! [`Fetcher::on_not_sent`], and passes the answer to [`Fetcher::on_response`]. A refresh takes one request. With
//! `discovery` it takes up to three: one or two for the document, and one for the keys.

use std::time::Duration;

use super::answer::{self, GoodAnswer, HttpAnswer};
use super::discovery;
use super::document::FetchedDocument;
use super::fetch_error::FetchError;
use super::fetch_event::FetchEvent;
use super::key_cache::{FailureOutcome, KeyCache, SharedData, StoreOutcome};
use super::requested::{Requested, RequestedDocument};
use super::{BearerToken, Location, SetId, Source};
use crate::endpoint::Endpoint;
use crate::jose::jwks::KeySet;
use crate::time::UnixTime;

/// A request for the host to send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FetchRequest {
    /// The cluster that the request is sent to.
    pub cluster: String,
    /// The URL.
    pub endpoint: Endpoint,
    /// The `ETag` of the current set, for `If-None-Match`.
    pub etag: Option<String>,
    /// The bearer token, for `Authorization`.
    pub bearer_token: Option<BearerToken>,
    /// How long the host waits for the answer.
    pub timeout: Duration,
}

impl FetchRequest {
    /// The header fields, pseudo headers first.
    pub fn headers(&self) -> Vec<(&str, &str)> {
        let mut headers = vec![
            (":method", "GET"),
            (":scheme", self.endpoint.scheme().as_str()),
            (":authority", self.endpoint.authority()),
            (":path", self.endpoint.path()),
            ("accept", "application/json"),
            // Without this header every content coding is acceptable (RFC 9110 section 12.5.3). The filter reads none.
            ("accept-encoding", "identity"),
            ("user-agent", concat!("jwt-guard/", env!("CARGO_PKG_VERSION"))),
        ];
        headers.extend(self.bearer_token.as_ref().map(|token| ("authorization", token.authorization())));
        headers.extend(self.etag.as_deref().map(|etag| ("if-none-match", etag)));
        headers
    }
}

/// The fetches of one document, and the cache of this VM.
#[derive(Debug)]
pub struct Fetcher<D = KeySet> {
    source: Source,
    bearer_token: Option<BearerToken>,
    cache: KeyCache<D>,
    state: FetchState,
}

#[derive(Debug)]
enum FetchState {
    /// No request is due or under way.
    Idle,
    /// The last answer leads to this request.
    Next(FetchTarget),
    /// The caller is sending the request.
    Sending(Sent),
    /// The fetcher waits for the answer to this call.
    Awaiting { call: u32, sent: Sent },
}

/// The target of the next request.
#[derive(Debug)]
enum FetchTarget {
    /// The discovery document, at the URL with this index in [`discovery::documents`].
    DiscoveryDocument(usize),
    Document(Endpoint),
}

/// A request that the caller got from [`Fetcher::poll_send`].
#[derive(Debug)]
struct Sent {
    step: FetchStep,
    requested: Requested,
}

#[derive(Debug)]
enum FetchStep {
    DiscoveryDocument(usize),
    Document {
        source: String,
        /// The set whose `ETag` was sent.
        conditional_on: Option<SetId>,
    },
}

impl<D: FetchedDocument> Fetcher<D> {
    /// A fetcher that has fetched nothing yet.
    pub fn new(source: Source, cache: KeyCache<D>) -> Self {
        Self { source, bearer_token: None, cache, state: FetchState::Idle }
    }

    /// The fetcher with a bearer token for its requests.
    #[must_use]
    pub fn with_bearer_token(self, bearer_token: Option<BearerToken>) -> Self {
        Self { bearer_token, ..self }
    }

    /// The cache of this VM.
    pub fn cache(&self) -> &KeyCache<D> {
        &self.cache
    }

    /// The cache of this VM, for a request that looks up the document.
    pub fn cache_mut(&mut self) -> &mut KeyCache<D> {
        &mut self.cache
    }

    /// Whether the fetcher waits for the answer to this call.
    pub fn awaits(&self, call: u32) -> bool {
        matches!(self.state, FetchState::Awaiting { call: awaited, .. } if awaited == call)
    }

    /// The request that is due, if one is. The first request of a refresh takes the lease. `unknown_kid` means that
    /// requests wait for a kid that no key has.
    pub fn poll_send(&mut self, host: &impl SharedData, unknown_kid: bool) -> Option<FetchRequest> {
        let target = match self.take_state() {
            FetchState::Next(target) => target,
            awaiting @ FetchState::Awaiting { .. } if self.still_counts(host) => {
                self.state = awaiting;
                return None;
            }
            // `Awaiting` here means that the lease has expired, so a late answer is ignored.
            FetchState::Idle | FetchState::Sending(_) | FetchState::Awaiting { .. } => {
                if !self.cache.take_lease(host, unknown_kid) {
                    return None;
                }
                match &self.source.location {
                    Location::Endpoint(endpoint) => FetchTarget::Document(endpoint.clone()),
                    Location::Discovery { .. } => FetchTarget::DiscoveryDocument(0),
                }
            }
        };
        self.request(target)
    }

    fn still_counts(&mut self, host: &impl SharedData) -> bool {
        self.cache.sync(host);
        self.cache.holds_lease(host.now())
    }

    fn request(&mut self, target: FetchTarget) -> Option<FetchRequest> {
        let (step, document, cluster, endpoint, etag) = match (target, &self.source.location) {
            (FetchTarget::DiscoveryDocument(place), Location::Discovery { cluster, issuer, .. }) => {
                let documents = discovery::documents(issuer);
                let urls = documents.iter().take(place + 1).map(ToString::to_string).collect();
                let endpoint = documents.into_iter().nth(place)?;
                (
                    FetchStep::DiscoveryDocument(place),
                    RequestedDocument::Discovery(urls),
                    cluster,
                    endpoint,
                    None,
                )
            }
            (FetchTarget::DiscoveryDocument(_), Location::Endpoint(_)) => return None,
            (FetchTarget::Document(endpoint), location) => {
                let source = endpoint.to_string();
                let document = match location {
                    Location::Endpoint(_) => D::requested(source.clone()),
                    Location::Discovery { .. } => RequestedDocument::DiscoveredKeySet(source.clone()),
                };
                let (etag, conditional_on) = self.cache.validator(&source).unzip();
                (
                    FetchStep::Document { source, conditional_on },
                    document,
                    &self.source.cluster,
                    endpoint,
                    etag,
                )
            }
        };
        self.state =
            FetchState::Sending(Sent { step, requested: Requested { document, cluster: cluster.clone() } });
        let (cluster, timeout) = (cluster.clone(), self.cache.times().timeout);
        Some(FetchRequest { cluster, endpoint, etag, bearer_token: self.bearer_token.clone(), timeout })
    }

    /// The host accepted the request. Its answer will have this number.
    pub fn on_sent(&mut self, call: u32) {
        if let FetchState::Sending(sent) = self.take_state() {
            if matches!(sent.step, FetchStep::Document { .. }) {
                self.cache.sent();
            }
            self.state = FetchState::Awaiting { call, sent };
        }
    }

    /// The host did not accept the request. `None` for the first of consecutive failures, which is not
    /// reported.
    pub fn on_not_sent(&mut self, host: &impl SharedData) -> Option<FetchEvent> {
        let FetchState::Sending(Sent { requested, .. }) = self.take_state() else { return None };
        let outcome = self.cache.not_sent(host)?;
        Some(FetchEvent::Failed { error: FetchError::NotSent, outcome, requested, skipped: Vec::new() })
    }

    fn take_state(&mut self) -> FetchState {
        std::mem::replace(&mut self.state, FetchState::Idle)
    }

    /// The answer to the call under way. `None` if it leads to another request: see [`Self::poll_send`].
    pub fn on_response(&mut self, host: &impl SharedData, answer: HttpAnswer<'_>) -> Option<FetchEvent> {
        let FetchState::Awaiting { sent, .. } = self.take_state() else { return None };
        let error = match &sent.step {
            FetchStep::DiscoveryDocument(place) => match self.discovered(*place, &answer) {
                Ok(next) => {
                    self.state = FetchState::Next(next);
                    return None;
                }
                Err(error) => error,
            },
            FetchStep::Document { source, conditional_on } => {
                match answer::parse_response(&answer, conditional_on.is_some(), self.cache.hash_key(host)) {
                    Ok(good) => {
                        // A body that is not stored makes room for the bytes that are.
                        let body = Some(answer.body).filter(|_| D::STORES_BODY).unwrap_or_default();
                        return Some(self.succeeded(host, good, *conditional_on, source, &body));
                    }
                    Err(error) => error,
                }
            }
        };
        let outcome = self.cache.failed(host);
        Some(failed::<D>(error, outcome, sent.requested, &answer.body))
    }

    fn discovered(&self, place: usize, answer: &HttpAnswer<'_>) -> Result<FetchTarget, FetchError> {
        let Location::Discovery { other_host, iss, issuer, .. } = &self.source.location else {
            return Err(FetchError::NoAnswer);
        };
        match discovery::parse_discovery_response(answer, iss, issuer, *other_host) {
            Err(FetchError::Status(404)) if place + 1 < discovery::documents(issuer).len() => {
                Ok(FetchTarget::DiscoveryDocument(place + 1))
            }
            endpoint => endpoint.map(FetchTarget::Document),
        }
    }

    fn succeeded(
        &mut self,
        host: &impl SharedData,
        good: GoodAnswer<D>,
        conditional_on: Option<SetId>,
        source: &str,
        body: &[u8],
    ) -> FetchEvent {
        let previous = self.cache.loaded_len();
        let stored = self.cache.succeeded(host, &good, conditional_on, source, body);
        match (stored, good) {
            (StoreOutcome::LeaseLost, _) => FetchEvent::Late,
            (StoreOutcome::Replaced, GoodAnswer::Document { document, skipped, .. }) => {
                document.refreshed(previous, skipped)
            }
            (StoreOutcome::Unchanged { recovered: true }, _) => FetchEvent::Recovered,
            (StoreOutcome::Unchanged { recovered: false } | StoreOutcome::Replaced, _) => {
                FetchEvent::Unchanged
            }
        }
    }

    /// Releases the lease, because the configuration is removed and the call under way will get no answer. If the lease
    /// stayed, the next configuration could not fetch keys until it expires.
    pub fn release(&mut self, host: &impl SharedData) {
        if !matches!(self.take_state(), FetchState::Idle) {
            self.cache.release(host);
        }
    }

    /// The time until a scheduled request is due. `None` while a fetch is under way.
    pub fn poll_timeout(&self, now: UnixTime) -> Option<Duration> {
        match self.state {
            FetchState::Next(_) => Some(Duration::ZERO),
            _ => self.cache.idle_for(now),
        }
    }
}

/// The event of a failed fetch. If the set has no usable key and the failure is the first, the event has the reason for
/// each key, so that the operator knows what to change.
fn failed<D: FetchedDocument>(
    error: FetchError,
    outcome: FailureOutcome,
    requested: Requested,
    body: &[u8],
) -> FetchEvent {
    let skipped = match outcome {
        FailureOutcome::First(_) => D::skipped(&error, body),
        _ => Vec::new(),
    };
    FetchEvent::Failed { error, outcome, requested, skipped }
}

#[cfg(test)]
mod tests;
