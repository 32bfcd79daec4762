//! The fetches of one issuer's keys, as a state machine without I/O.
//!
//! [`Fetcher::poll_send`] gives the request that is due. The caller sends it, reports that with [`Fetcher::on_sent`] or
//! [`Fetcher::on_not_sent`], and passes the answer to [`Fetcher::on_response`]. A refresh takes one request. With
//! `discovery` it takes up to three: one or two for the document, and one for the keys.

use std::time::Duration;

use super::answer::{self, GoodAnswer, HttpAnswer};
use super::discovery;
use super::fetch_error::FetchError;
use super::fetch_event::FetchEvent;
use super::requested::{Document, Requested};
use super::share::{Kept, Share, SharedData, Stored};
use super::{Location, SetId, Source};
use crate::endpoint::Endpoint;
use crate::jose::error::KeySetError;
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
        headers.extend(self.etag.as_deref().map(|etag| ("if-none-match", etag)));
        headers
    }
}

/// The fetches of one issuer, and the key cache of this VM.
#[derive(Debug)]
pub struct Fetcher {
    source: Source,
    share: Share,
    state: State,
}

#[derive(Debug)]
enum State {
    /// No request is due or under way.
    Idle,
    /// The last answer leads to this request.
    Next(Target),
    /// The caller is sending the request.
    Sending(Sent),
    /// The fetcher waits for the answer to this call.
    Awaiting { call: u32, sent: Sent },
}

/// The target of the next request.
#[derive(Debug)]
enum Target {
    /// The discovery document, at the URL with this index in [`discovery::documents`].
    Document(usize),
    Keys(Endpoint),
}

/// A request that the caller got from [`Fetcher::poll_send`].
#[derive(Debug)]
struct Sent {
    step: Step,
    requested: Requested,
}

#[derive(Debug)]
enum Step {
    Document(usize),
    Keys {
        source: String,
        /// The set whose `ETag` was sent.
        conditional_on: Option<SetId>,
    },
}

impl Fetcher {
    /// A fetcher that has fetched nothing yet.
    pub fn new(source: Source, share: Share) -> Self {
        Self { source, share, state: State::Idle }
    }

    /// The key cache of this VM.
    pub fn share(&self) -> &Share {
        &self.share
    }

    /// The key cache of this VM, for a request that looks up keys.
    pub fn share_mut(&mut self) -> &mut Share {
        &mut self.share
    }

    /// Whether the fetcher waits for the answer to this call.
    pub fn awaits(&self, call: u32) -> bool {
        matches!(self.state, State::Awaiting { call: awaited, .. } if awaited == call)
    }

    /// The request that is due, if one is. The first request of a refresh takes the lease. `unknown_kid` means that
    /// requests wait for a kid that no key has.
    pub fn poll_send(&mut self, host: &impl SharedData, unknown_kid: bool) -> Option<FetchRequest> {
        let target = match self.take_state() {
            State::Next(target) => target,
            awaiting @ State::Awaiting { .. } if self.still_counts(host) => {
                self.state = awaiting;
                return None;
            }
            // The lease has expired. An answer that still arrives would change nothing.
            State::Idle | State::Sending(_) | State::Awaiting { .. } => {
                if !self.share.take_lease(host, unknown_kid) {
                    return None;
                }
                match &self.source.location {
                    Location::Endpoint(endpoint) => Target::Keys(endpoint.clone()),
                    Location::Discovery { .. } => Target::Document(0),
                }
            }
        };
        self.request(target)
    }

    fn still_counts(&mut self, host: &impl SharedData) -> bool {
        self.share.synchronise(host);
        self.share.holds_lease(host.now())
    }

    fn request(&mut self, target: Target) -> Option<FetchRequest> {
        let (step, document, cluster, endpoint, etag) = match (target, &self.source.location) {
            (Target::Document(place), Location::Discovery { cluster, issuer, .. }) => {
                let documents = discovery::documents(issuer);
                let urls = documents.iter().take(place + 1).map(ToString::to_string).collect();
                let endpoint = documents.into_iter().nth(place)?;
                (Step::Document(place), Document::Discovery(urls), cluster, endpoint, None)
            }
            (Target::Document(_), Location::Endpoint(_)) => return None,
            (Target::Keys(endpoint), location) => {
                let source = endpoint.to_string();
                let document = match location {
                    Location::Endpoint(_) => Document::KeySet(source.clone()),
                    Location::Discovery { .. } => Document::DiscoveredKeySet(source.clone()),
                };
                let (etag, conditional_on) = self.share.validator(&source).unzip();
                (Step::Keys { source, conditional_on }, document, &self.source.cluster, endpoint, etag)
            }
        };
        self.state =
            State::Sending(Sent { step, requested: Requested { document, cluster: cluster.clone() } });
        Some(FetchRequest { cluster: cluster.clone(), endpoint, etag, timeout: self.share.times().timeout })
    }

    /// The host accepted the request. Its answer will have this number.
    pub fn on_sent(&mut self, call: u32) {
        if let State::Sending(sent) = self.take_state() {
            if matches!(sent.step, Step::Keys { .. }) {
                self.share.sent();
            }
            self.state = State::Awaiting { call, sent };
        }
    }

    /// The host did not accept the request. `None` if that happened for the first time in a row.
    pub fn on_not_sent(&mut self, host: &impl SharedData) -> Option<FetchEvent> {
        let State::Sending(Sent { requested, .. }) = self.take_state() else { return None };
        let kept = self.share.not_sent(host)?;
        Some(FetchEvent::Failed { error: FetchError::NotSent, kept, requested, skipped: Vec::new() })
    }

    fn take_state(&mut self) -> State {
        std::mem::replace(&mut self.state, State::Idle)
    }

    /// The answer to the call under way. `None` if it leads to another request: see [`Self::poll_send`].
    pub fn on_response(&mut self, host: &impl SharedData, answer: HttpAnswer<'_>) -> Option<FetchEvent> {
        let State::Awaiting { sent, .. } = self.take_state() else { return None };
        let outcome = match &sent.step {
            Step::Document(place) => match self.discovered(*place, answer) {
                Ok(next) => {
                    self.state = State::Next(next);
                    return None;
                }
                Err(error) => Err(error),
            },
            Step::Keys { source, conditional_on } => answer::judge(answer, conditional_on.is_some())
                .map(|good| self.succeeded(host, good, *conditional_on, source, answer.body)),
        };
        Some(outcome.unwrap_or_else(|error| {
            let kept = self.share.failed(host);
            failed(error, kept, sent.requested, answer.body)
        }))
    }

    fn discovered(&self, place: usize, answer: HttpAnswer<'_>) -> Result<Target, FetchError> {
        let Location::Discovery { other_host, iss, issuer, .. } = &self.source.location else {
            return Err(FetchError::NoAnswer);
        };
        match discovery::judge(answer, iss, issuer, *other_host) {
            Err(FetchError::Status(404)) if place + 1 < discovery::documents(issuer).len() => {
                Ok(Target::Document(place + 1))
            }
            endpoint => endpoint.map(Target::Keys),
        }
    }

    fn succeeded(
        &mut self,
        host: &impl SharedData,
        good: GoodAnswer,
        conditional_on: Option<SetId>,
        source: &str,
        body: &[u8],
    ) -> FetchEvent {
        let stored = self.share.succeeded(host, &good, conditional_on, source, body);
        match (stored, good) {
            (Stored::TooLate, _) => FetchEvent::Late,
            (Stored::Changed, GoodAnswer::Keys { keys, skipped, .. }) => {
                FetchEvent::Refreshed { keys: keys.len(), has_kids: keys.names_keys(), skipped }
            }
            (Stored::Same { recovered: true }, _) => FetchEvent::Recovered,
            (Stored::Same { recovered: false } | Stored::Changed, _) => FetchEvent::Unchanged,
        }
    }

    /// Releases the lease, because the configuration is removed and the call under way will get no answer. If the lease
    /// stayed, the next configuration could not fetch keys until it expires.
    pub fn release(&mut self, host: &impl SharedData) {
        if !matches!(self.take_state(), State::Idle) {
            self.share.release(host);
        }
    }

    /// The time until a scheduled request is due. `None` while a fetch is under way.
    pub fn poll_timeout(&self, now: UnixTime) -> Option<Duration> {
        match self.state {
            State::Next(_) => Some(Duration::ZERO),
            _ => self.share.idle_for(now),
        }
    }
}

/// The event of a failed fetch. If the set has no usable key and the failure is the first, the event has the reason for
/// each key, so that the operator knows what to change.
fn failed(error: FetchError, kept: Kept, requested: Requested, body: &[u8]) -> FetchEvent {
    let skipped = match (&error, kept) {
        (FetchError::KeySet(KeySetError::NoUsableKey), Kept::BeganToFail(_)) => KeySet::skipped(body),
        _ => Vec::new(),
    };
    FetchEvent::Failed { error, kept, requested, skipped }
}

#[cfg(test)]
mod tests;
