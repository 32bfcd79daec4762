//! The issuers' keys in this VM, kept in step with what the VMs of the process share.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use log::{info, warn};

use super::host::{self, Shared, Swap};
use super::metrics::Metrics;
use super::waiting::{Stamp, WaitingRoom};
use crate::config::{Config, KeyOrigin, Location};
use crate::endpoint::Endpoint;
use crate::flow::{KeySource, Prospect};
use crate::jose::claims::IssuerIndex;
use crate::jose::jwks::{KeySet, ParsedKeySet};
use crate::keys::answer::{self, FetchError, GoodAnswer, HttpAnswer};
use crate::keys::discovery;
use crate::keys::record::{FORMAT, StoredKeys};
use crate::keys::{Chance, Control, Decision, KeyTimes, Need, Usable, VmIdentity};
use crate::time::UnixTime;

/// Attempts at a swap that others keep winning; then the next tick tries.
const SWAP_ATTEMPTS: usize = 8;

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
    times: KeyTimes,
    vm: VmIdentity,
    control_entry: String,
    keys_entry: String,
    state: RefCell<State>,
    chance: Cell<Chance>,
}

/// What this VM knows.
struct State {
    control: Control,
    loaded: Option<Loaded>,
    fetch: Option<Fetch>,
    told: Health,
}

struct Loaded {
    generation: u64,
    etag: Option<String>,
    text_digest: String,
    keys: Rc<KeySet>,
}

/// A callout under way.
struct Fetch {
    call: u32,
    step: FetchStep,
}

enum FetchStep {
    Discovery { tried: usize },
    Keys { conditional: bool },
}

/// What the log was told last: it is told of changes only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Health {
    Unknown,
    Good,
    Failing,
}

impl Issuers {
    /// Nothing is fetched yet: a configuration may be tried and thrown away.
    pub fn new(config: &Config, vm: VmIdentity) -> Self {
        let plugin = host::plugin_name();
        let issuers = config.issuers.iter().enumerate();
        let keys = issuers.map(|(index, issuer)| match &issuer.keys {
            KeyOrigin::Inline(keys) => Keys::Inline(Rc::clone(keys)),
            KeyOrigin::Fetched { cluster, location, times } => {
                let origin = format!("{:?}", (&plugin, &issuer.rules.issuer_name_value, cluster, location));
                let entry = format!("{FORMAT}/{}", digest(origin.as_bytes()));
                Keys::Fetched(Box::new(Fetched {
                    name: issuer.name.clone(),
                    index,
                    cluster: cluster.clone(),
                    location: location.clone(),
                    times: times.clone(),
                    vm,
                    control_entry: format!("{entry}/control"),
                    keys_entry: format!("{entry}/keys"),
                    state: RefCell::new(State {
                        control: Control::UNKNOWN,
                        loaded: None,
                        fetch: None,
                        told: Health::Unknown,
                    }),
                    chance: Cell::new(chance()),
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

    /// The keys as the core asks for them.
    pub fn source(&self, now: UnixTime) -> Source<'_> {
        Source { issuers: self, now }
    }

    /// How long a request waits for an issuer's keys.
    pub fn patience(&self, issuer: IssuerIndex) -> Duration {
        self.at(issuer).map_or(Duration::ZERO, |issuer| issuer.times.timeout)
    }

    /// What a waiting request compares.
    pub fn stamp(&self, issuer: IssuerIndex, now: UnixTime) -> Stamp {
        let control = self.at(issuer).map(|issuer| (issuer.state.borrow().control, &issuer.times));
        let (control, in_flight) = match control {
            Some((control, times)) => (control, control.in_flight(times, now)),
            None => (Control::UNKNOWN, false),
        };
        Stamp {
            generation: control.generation,
            failures: control.failures,
            fetched_at: control.fetched_at,
            in_flight,
        }
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
            Keys::Fetched(fetched) => fetched.usable(self.now),
        }
    }

    fn look_again(&self, issuer: IssuerIndex, need: Need) -> Prospect {
        match self.issuers.at(issuer) {
            Some(fetched) => fetched.prospect(need, self.now),
            None => Prospect::Hopeless { retry_after: Duration::ZERO },
        }
    }
}

impl Fetched {
    fn attend(&self, room: &WaitingRoom, metrics: &Metrics) {
        let now = host::now();
        self.synchronise();
        if self.state.borrow().fetch.is_none() {
            let unknown_kids = room.anyone(IssuerIndex(self.index), Need::UnknownKid);
            for need in
                [Some(Need::Scheduled), unknown_kids.then_some(Need::UnknownKid)].into_iter().flatten()
            {
                if self.take_lease(need, now) {
                    self.fetch(metrics);
                    break;
                }
            }
        }
        let state = self.state.borrow();
        let keys = state.loaded.as_ref().map_or(0, |loaded| loaded.keys.len());
        let stale = state.control.usable(&self.times, now) == Usable::Stale;
        metrics.keys(self.index, keys, now.since(state.control.fetched_at), stale);
    }

    /// Reads the shared record, and the keys where they are of another generation. The latter are judged like an
    /// answer: anything with the same `vm_id` can write them.
    fn synchronise(&self) -> Shared {
        let shared = host::read_shared(&self.control_entry);
        let control = shared.bytes.as_deref().and_then(Control::decode).unwrap_or(Control::UNKNOWN);
        let mut state = self.state.borrow_mut();
        state.control = control;
        let has = state.loaded.as_ref().map_or(0, |loaded| loaded.generation);
        if control.generation != has && control.generation != 0 {
            let stored = host::read_shared(&self.keys_entry).bytes;
            if let Some(loaded) = stored.as_deref().and_then(|bytes| load(bytes, control.generation)) {
                state.loaded = Some(loaded);
                self.chance.set(chance());
            }
        }
        shared
    }

    /// Tries to become the one that fetches.
    fn take_lease(&self, need: Need, now: UnixTime) -> bool {
        for _ in 0..SWAP_ATTEMPTS {
            let shared = self.synchronise();
            let control = self.state.borrow().control;
            let Decision::Fetch(taken) = control.decide(&self.times, need, self.vm, now, self.chance.get())
            else {
                return false;
            };
            if host::swap_shared(&self.control_entry, &shared, &taken.encode()) == Swap::Done {
                self.state.borrow_mut().control = taken;
                return true;
            }
        }
        false
    }

    /// Starts the fetch that the lease is for.
    fn fetch(&self, metrics: &Metrics) {
        match &self.location {
            Location::Endpoint(endpoint) => self.fetch_keys(&self.cluster, endpoint, metrics),
            Location::Discovery { .. } => self.fetch_document(0, metrics),
        }
    }

    fn fetch_document(&self, tried: usize, metrics: &Metrics) {
        let Location::Discovery { cluster, issuer, .. } = &self.location else { return };
        let Some(document) = discovery::documents(issuer).into_iter().nth(tried) else { return };
        match host::fetch(cluster, &document, None, self.times.timeout) {
            Ok(call) => {
                self.state.borrow_mut().fetch = Some(Fetch { call, step: FetchStep::Discovery { tried } })
            }
            Err(_) => self.failed(&FetchError::NotSent, metrics),
        }
    }

    fn fetch_keys(&self, cluster: &str, endpoint: &Endpoint, metrics: &Metrics) {
        let etag = self.state.borrow().loaded.as_ref().and_then(|loaded| loaded.etag.clone());
        match host::fetch(cluster, endpoint, etag.as_deref(), self.times.timeout) {
            Ok(call) => {
                let step = FetchStep::Keys { conditional: etag.is_some() };
                self.state.borrow_mut().fetch = Some(Fetch { call, step });
            }
            Err(_) => self.failed(&FetchError::NotSent, metrics),
        }
    }

    fn answered(&self, headers: usize, length: usize, metrics: &Metrics) {
        let Some(fetch) = self.state.borrow_mut().fetch.take() else { return };
        let headers = host::answer_headers(headers);
        let body = if length > answer::MAX_BYTES { Vec::new() } else { host::answer_body(length) };
        let answer = HttpAnswer { headers: &headers, length, body: &body };
        match fetch.step {
            FetchStep::Discovery { tried } => self.discovered(answer, tried, metrics),
            FetchStep::Keys { conditional } => match answer::judge(answer, conditional) {
                Ok(good) => self.succeeded(good, &body, metrics),
                Err(error) => self.failed(&error, metrics),
            },
        }
    }

    fn discovered(&self, answer: HttpAnswer<'_>, tried: usize, metrics: &Metrics) {
        let Location::Discovery { other_host, iss, issuer, .. } = &self.location else { return };
        match discovery::judge(answer, iss, issuer, *other_host) {
            Ok(endpoint) => self.fetch_keys(&self.cluster, &endpoint, metrics),
            Err(FetchError::Status(404)) if tried + 1 < discovery::documents(issuer).len() => {
                self.fetch_document(tried + 1, metrics);
            }
            Err(error) => self.failed(&error, metrics),
        }
    }

    /// Stores what came, unless the lease was lost meanwhile: then somebody else's answer counts.
    fn succeeded(&self, good: GoodAnswer, body: &[u8], metrics: &Metrics) {
        for _ in 0..SWAP_ATTEMPTS {
            let shared = self.synchronise();
            let now = host::now();
            let control = self.state.borrow().control;
            if !control.is_held_by(self.vm, now) {
                return;
            }
            let (changed, max_age) = match &good {
                GoodAnswer::Keys { max_age, .. } => (true, *max_age),
                GoodAnswer::NotModified { max_age } => (false, *max_age),
            };
            let next = control.succeeded(&self.times, changed, max_age, now);
            if let GoodAnswer::Keys { etag, .. } = &good {
                let stored =
                    StoredKeys { generation: next.generation, etag: etag.clone(), text: body.to_vec() };
                host::write_shared(&self.keys_entry, &stored.encode());
            }
            if host::swap_shared(&self.control_entry, &shared, &next.encode()) == Swap::Done {
                metrics.refreshed(self.index, true);
                self.tell_good(&good, body);
                self.synchronise();
                return;
            }
        }
    }

    fn failed(&self, error: &FetchError, metrics: &Metrics) {
        metrics.refreshed(self.index, false);
        let mut told = false;
        for _ in 0..SWAP_ATTEMPTS {
            let shared = self.synchronise();
            let now = host::now();
            let control = self.state.borrow().control;
            if !control.is_held_by(self.vm, now) {
                return;
            }
            let next = control.failed(&self.times, now, chance());
            if !std::mem::replace(&mut told, true) {
                self.tell_failing(error, next.usable(&self.times, now));
            }
            if host::swap_shared(&self.control_entry, &shared, &next.encode()) == Swap::Done {
                self.state.borrow_mut().control = next;
                return;
            }
        }
    }

    fn tell_good(&self, good: &GoodAnswer, body: &[u8]) {
        let before = std::mem::replace(&mut self.state.borrow_mut().told, Health::Good);
        if let GoodAnswer::Keys { keys, skipped, .. } = good {
            let same =
                self.state.borrow().loaded.as_ref().is_some_and(|loaded| loaded.text_digest == digest(body));
            if before != Health::Good || !same {
                info!("jwt_guard: issuer {}: {} keys", self.name, keys.len());
                for skipped in skipped {
                    warn!("jwt_guard: issuer {}: {skipped}", self.name);
                }
            }
        } else if before == Health::Failing {
            info!("jwt_guard: issuer {}: keys are fetched again", self.name);
        }
    }

    fn tell_failing(&self, error: &FetchError, usable: Usable) {
        let before = std::mem::replace(&mut self.state.borrow_mut().told, Health::Failing);
        if before != Health::Failing {
            let meanwhile = match usable {
                Usable::No => "there are none to judge tokens with: requests with a token get 503",
                Usable::Fresh | Usable::Stale => "the last good ones serve",
            };
            warn!("jwt_guard: issuer {}: keys could not be fetched: {error}; {meanwhile}", self.name);
        }
    }

    fn usable(&self, now: UnixTime) -> Option<Rc<KeySet>> {
        let state = self.state.borrow();
        let usable = state.control.usable(&self.times, now) != Usable::No;
        state.loaded.as_ref().filter(|_| usable).map(|loaded| Rc::clone(&loaded.keys))
    }

    fn prospect(&self, need: Need, now: UnixTime) -> Prospect {
        let had = self.state.borrow().loaded.as_ref().map(|loaded| loaded.generation);
        self.synchronise();
        let has = self.state.borrow().loaded.as_ref().map(|loaded| loaded.generation);
        if let Some(keys) = self.usable(now).filter(|_| need == Need::Scheduled || has != had) {
            return Prospect::Newer(keys);
        }
        let control = self.state.borrow().control;
        match control.decide(&self.times, need, self.vm, now, self.chance.get()) {
            Decision::Fetch(_) | Decision::InFlight => Prospect::Worthwhile,
            Decision::NotBefore(moment) | Decision::FreshUntil(moment) => {
                Prospect::Hopeless { retry_after: moment.since(now) }
            }
        }
    }
}

fn load(bytes: &[u8], at_least: u64) -> Option<Loaded> {
    let stored = StoredKeys::decode(bytes).filter(|stored| stored.generation >= at_least)?;
    let ParsedKeySet { keys, .. } = KeySet::parse(&stored.text).ok()?;
    let text_digest = digest(&stored.text);
    Some(Loaded { generation: stored.generation, etag: stored.etag, text_digest, keys: Rc::new(keys) })
}

/// Chance for one decision.
fn chance() -> Chance {
    Chance::from_bits(u32::try_from(host::random_bits() & u64::from(u32::MAX)).unwrap_or_default())
}

/// The first half of SHA-256, in hexadecimal: names an origin of keys and a configuration, and hides both.
pub fn digest(bytes: &[u8]) -> String {
    use sha2::{Digest, Sha256};
    Sha256::digest(bytes).iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}
