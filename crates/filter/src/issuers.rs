//! The issuers' keys in this VM: the callouts that fetch them, and what operators are told.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use log::{info, warn};

use super::host;
use super::metrics::Metrics;
use jwt_guard::config::{Config, KeyOrigin};
use jwt_guard::endpoint::Endpoint;
use jwt_guard::flow::{KeySource, Prospect};
use jwt_guard::issuer_index::IssuerIndex;
use jwt_guard::jose::error::KeySetError;
use jwt_guard::jose::jwks::{KeySet, SkippedKey};
use jwt_guard::keys::answer::{self, GoodAnswer, HttpAnswer};
use jwt_guard::keys::discovery;
use jwt_guard::keys::fetch_error::{FetchError, MAX_BYTES};
use jwt_guard::keys::record::Entries;
use jwt_guard::keys::requested::{Document, Requested};
use jwt_guard::keys::share::{Hope, Kept, Share, SharedData, Stored};
use jwt_guard::keys::waiting::{Stamp, WaitingRoom};
use jwt_guard::keys::{Control, Location, Need, SetId, Usable, VmIdentity};
use jwt_guard::time::UnixTime;

/// Every issuer of one configuration.
pub struct Issuers {
    issuers: Vec<Keys>,
}

enum Keys {
    Inline(Rc<KeySet>),
    Fetched(Box<Fetched>),
}

/// An issuer whose keys are fetched.
struct Fetched {
    name: String,
    index: usize,
    cluster: String,
    location: Location,
    state: RefCell<State>,
}

struct State {
    share: Share,
    fetch: Option<Fetch>,
}

/// A callout under way.
struct Fetch {
    call: u32,
    step: FetchStep,
}

enum FetchStep {
    Discovery {
        tried: usize,
    },
    Keys {
        source: String,
        /// The set that a validator was sent of.
        asked: Option<SetId>,
    },
}

/// So many keys that cannot be used are told of one by one; of the others their number.
const SKIPPED_TOLD: usize = 16;

impl Issuers {
    /// Nothing is fetched yet: a configuration may be tried and thrown away.
    pub fn new(config: &Config, vm: VmIdentity) -> Self {
        let plugin = host::plugin_name();
        let issuers = config.issuers.iter().enumerate();
        let keys = issuers.map(|(index, issuer)| match &issuer.keys {
            KeyOrigin::Inline(keys) => Keys::Inline(Rc::clone(keys)),
            KeyOrigin::Fetched { source, times } => {
                let entries = Entries::of(&plugin, &issuer.rules.issuer_name_value, source);
                let share = Share::new(times.clone(), vm, entries, host::SharedMap.chance());
                Keys::Fetched(Box::new(Fetched {
                    name: issuer.name.clone(),
                    index,
                    cluster: source.cluster.clone(),
                    location: source.location.clone(),
                    state: RefCell::new(State { share, fetch: None }),
                }))
            }
        });
        Self { issuers: keys.collect() }
    }

    /// Looks at the shared records, fetches what is due, and keeps the gauges.
    pub fn attend(&self, room: &WaitingRoom, metrics: &Metrics) {
        for issuer in self.fetched() {
            issuer.attend(room, metrics);
        }
    }

    /// The answer to a callout of the root context.
    pub fn answered(&self, call: u32, headers: usize, body: usize, metrics: &Metrics) {
        let asked =
            |issuer: &&Fetched| issuer.state.borrow().fetch.as_ref().is_some_and(|fetch| fetch.call == call);
        if let Some(issuer) = self.fetched().find(asked) {
            issuer.answered(headers, body, metrics);
        }
    }

    /// Gives up the leases of this VM: its callouts end with the root context.
    pub fn release(&self) {
        for issuer in self.fetched() {
            let mut state = issuer.state.borrow_mut();
            if state.fetch.take().is_some() {
                state.share.release(&host::SharedMap);
            }
        }
    }

    /// How long until there is something to do that no request asks for, if that is known.
    pub fn idle_for(&self, now: UnixTime) -> Option<Duration> {
        self.fetched().filter_map(|issuer| issuer.state.borrow().share.idle_for(now)).min()
    }

    /// The keys as the core asks for them.
    pub fn source(&self, now: UnixTime) -> Source<'_> {
        Source { issuers: self, now }
    }

    /// How long a request waits for an issuer's keys.
    pub fn patience(&self, issuer: IssuerIndex) -> Duration {
        self.at(issuer).map_or(Duration::ZERO, |issuer| issuer.state.borrow().share.times().timeout)
    }

    /// What a waiting request compares.
    pub fn stamp(&self, issuer: IssuerIndex, now: UnixTime) -> Stamp {
        self.at(issuer).map_or(Stamp::of(&Control::UNKNOWN, now), |issuer| {
            Stamp::of(issuer.state.borrow().share.control(), now)
        })
    }

    fn at(&self, issuer: IssuerIndex) -> Option<&Fetched> {
        match self.issuers.get(issuer.0)? {
            Keys::Inline(_) => None,
            Keys::Fetched(fetched) => Some(fetched),
        }
    }

    fn fetched(&self) -> impl Iterator<Item = &Fetched> {
        self.issuers.iter().filter_map(|issuer| match issuer {
            Keys::Inline(_) => None,
            Keys::Fetched(fetched) => Some(fetched.as_ref()),
        })
    }
}

/// The keys at one moment.
pub struct Source<'a> {
    issuers: &'a Issuers,
    now: UnixTime,
}

impl KeySource for Source<'_> {
    fn current(&self, issuer: IssuerIndex) -> Option<Rc<KeySet>> {
        match self.issuers.issuers.get(issuer.0)? {
            Keys::Inline(keys) => Some(Rc::clone(keys)),
            Keys::Fetched(fetched) => fetched.state.borrow().share.keys(self.now),
        }
    }

    fn look_again(&self, issuer: IssuerIndex, need: Need) -> Prospect {
        let hope = self
            .issuers
            .at(issuer)
            .map(|fetched| fetched.state.borrow_mut().share.look_again(&host::SharedMap, need));
        match hope {
            Some(Hope::Newer(keys)) => Prospect::Newer(keys),
            Some(Hope::Worthwhile) => Prospect::Worthwhile,
            Some(Hope::None { retry_after }) => Prospect::Hopeless { retry_after },
            None => Prospect::Hopeless { retry_after: Duration::ZERO },
        }
    }

    fn age(&self, issuer: IssuerIndex) -> Option<Duration> {
        self.issuers.at(issuer)?.state.borrow().share.age(self.now)
    }
}

impl Fetched {
    fn attend(&self, room: &WaitingRoom, metrics: &Metrics) {
        let unknown_kids = room.anyone(IssuerIndex(self.index), Need::UnknownKid);
        if self.is_to_fetch(unknown_kids) {
            self.fetch(metrics);
        }
        let now = host::now();
        let (keys, age, stale) = self.state.borrow().share.holding(now);
        metrics.keys(self.index, keys, age, stale);
    }

    fn is_to_fetch(&self, unknown_kids: bool) -> bool {
        let state = &mut *self.state.borrow_mut();
        if state.fetch.is_some() {
            state.share.synchronise(&host::SharedMap);
            if state.share.holds_lease(host::now()) {
                return false;
            }
            // Its answer would count for nothing, if it ever comes.
            state.fetch = None;
        }
        state.share.take_lease(&host::SharedMap, unknown_kids)
    }

    /// Starts the fetch that the lease is for.
    fn fetch(&self, metrics: &Metrics) {
        match &self.location {
            Location::Endpoint(endpoint) => self.fetch_keys(endpoint, metrics),
            Location::Discovery { .. } => self.fetch_document(0, metrics),
        }
    }

    fn fetch_document(&self, tried: usize, metrics: &Metrics) {
        let Location::Discovery { cluster, issuer, .. } = &self.location else { return };
        let Some(document) = discovery::documents(issuer).into_iter().nth(tried) else { return };
        self.send(cluster, &document, None, FetchStep::Discovery { tried }, metrics);
    }

    fn fetch_keys(&self, endpoint: &Endpoint, metrics: &Metrics) {
        let source = endpoint.to_string();
        let (etag, asked) = self.state.borrow().share.validator(&source).unzip();
        self.send(&self.cluster, endpoint, etag.as_deref(), FetchStep::Keys { source, asked }, metrics);
    }

    fn send(
        &self,
        cluster: &str,
        endpoint: &Endpoint,
        etag: Option<&str>,
        step: FetchStep,
        metrics: &Metrics,
    ) {
        let timeout = self.state.borrow().share.times().timeout;
        match host::fetch(cluster, endpoint, etag, timeout) {
            Ok(call) => {
                let state = &mut *self.state.borrow_mut();
                if matches!(step, FetchStep::Keys { .. }) {
                    state.share.sent();
                }
                state.fetch = Some(Fetch { call, step });
            }
            Err(_) => {
                let kept = self.state.borrow_mut().share.not_sent(&host::SharedMap);
                if let Some(kept) = kept {
                    self.tell_failure(&FetchError::NotSent, kept, &step, metrics);
                }
            }
        }
    }

    fn answered(&self, headers: usize, length: usize, metrics: &Metrics) {
        let Some(fetch) = self.state.borrow_mut().fetch.take() else { return };
        let headers = host::answer_headers(headers);
        let body = if length > MAX_BYTES { Vec::new() } else { host::answer_body(length) };
        let answer = HttpAnswer { headers: &headers, length, body: &body };
        match &fetch.step {
            FetchStep::Discovery { tried } => self.discovered(answer, *tried, &fetch.step, metrics),
            FetchStep::Keys { source, asked } => match answer::judge(answer, asked.is_some()) {
                Ok(good) => self.succeeded(&good, *asked, source, &body, metrics),
                Err(error) => self.unusable(&error, &body, &fetch.step, metrics),
            },
        }
    }

    fn discovered(&self, answer: HttpAnswer<'_>, tried: usize, step: &FetchStep, metrics: &Metrics) {
        let Location::Discovery { other_host, iss, issuer, .. } = &self.location else { return };
        match discovery::judge(answer, iss, issuer, *other_host) {
            Ok(endpoint) => self.fetch_keys(&endpoint, metrics),
            Err(FetchError::Status(404)) if tried + 1 < discovery::documents(issuer).len() => {
                self.fetch_document(tried + 1, metrics);
            }
            Err(error) => {
                self.failed(&error, step, metrics);
            }
        }
    }

    fn succeeded(
        &self,
        good: &GoodAnswer,
        asked: Option<SetId>,
        source: &str,
        body: &[u8],
        metrics: &Metrics,
    ) {
        metrics.refreshed(self.index, true);
        let stored = self.state.borrow_mut().share.succeeded(&host::SharedMap, good, asked, source, body);
        match (stored, good) {
            (Stored::Changed, GoodAnswer::Keys { keys, skipped, .. }) => {
                info!("jwt_guard: issuer {}: {} keys", self.name, keys.len());
                self.warn_of(skipped);
                if !keys.names_keys() {
                    warn!(
                        "jwt_guard: issuer {}: none of its keys has a kid: a token with a kid is refused \
                         (unknown_kid), and no keys are fetched for it; give each key of the set its kid",
                        self.name
                    );
                }
            }
            (Stored::Same { recovered: true }, _) => {
                warn!("jwt_guard: issuer {}: keys are fetched again", self.name);
            }
            _ => {}
        }
    }

    /// An answer that is no set to judge with. Where it has keys, why each cannot be used is told with the failure,
    /// once: an operator who reads only that none can would have nothing to go by.
    fn unusable(&self, error: &FetchError, body: &[u8], step: &FetchStep, metrics: &Metrics) {
        let kept = self.failed(error, step, metrics);
        if matches!(kept, Kept::BeganToFail(_)) && *error == FetchError::KeySet(KeySetError::NoUsableKey) {
            self.warn_of(&KeySet::skipped(body));
        }
    }

    fn warn_of(&self, skipped: &[SkippedKey]) {
        for skipped in skipped.iter().take(SKIPPED_TOLD) {
            warn!("jwt_guard: issuer {}: {skipped}", self.name);
        }
        // The last may stand for all that are past the limit.
        let more = skipped.len().saturating_sub(SKIPPED_TOLD);
        if more > 0 {
            warn!("jwt_guard: issuer {}: {more} more keys of the set are not used", self.name);
        }
    }

    fn failed(&self, error: &FetchError, step: &FetchStep, metrics: &Metrics) -> Kept {
        let kept = self.state.borrow_mut().share.failed(&host::SharedMap);
        self.tell_failure(error, kept, step, metrics);
        kept
    }

    fn tell_failure(&self, error: &FetchError, kept: Kept, step: &FetchStep, metrics: &Metrics) {
        metrics.refreshed(self.index, false);
        let (what, meanwhile) = match kept {
            Kept::BeganToFail(Usable::No) => ("keys could not be fetched", NONE_TO_JUDGE_WITH),
            Kept::BeganToFail(Usable::Fresh | Usable::Stale) => {
                ("keys could not be fetched", "the last good ones serve")
            }
            Kept::RanOut => ("the last good keys are too old", NONE_TO_JUDGE_WITH),
            Kept::StillFailing | Kept::TooLate => return,
        };
        let name = &self.name;
        self.with_request_of(step, |requested| {
            warn!("jwt_guard: issuer {name}: {what}: {error}; {meanwhile}; {requested}");
        });
    }

    fn with_request_of(&self, step: &FetchStep, tell: impl FnOnce(Requested<'_>)) {
        match (step, &self.location) {
            (FetchStep::Discovery { tried }, Location::Discovery { cluster, issuer, .. }) => {
                let urls = discovery::documents(issuer).into_iter().take(tried + 1);
                let urls: Vec<String> = urls.map(|url| url.to_string()).collect();
                tell(Requested { document: Document::Discovery(&urls), cluster });
            }
            (FetchStep::Keys { source, .. }, Location::Discovery { .. }) => {
                tell(Requested { document: Document::DiscoveredKeySet(source), cluster: &self.cluster });
            }
            (FetchStep::Keys { source, .. }, Location::Endpoint(_)) => {
                tell(Requested { document: Document::KeySet(source), cluster: &self.cluster });
            }
            // No document is asked for where the endpoint is configured.
            (FetchStep::Discovery { .. }, Location::Endpoint(_)) => {}
        }
    }
}

const NONE_TO_JUDGE_WITH: &str = "there are none to judge tokens with: requests with a token get 503";
