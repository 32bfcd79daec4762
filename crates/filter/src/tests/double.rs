//! A test double of the host: a clock that the test advances, requests that the test writes, and a record of
//! the calls.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::fmt::Arguments;
use std::rc::Rc;
use std::time::Duration;

use jwt_guard::confirmation::Connection;
use jwt_guard::headers::HeaderEdits;
use jwt_guard::jose::algorithm::{HostCheck, HostFunction};
use jwt_guard::keys::Jitter;
use jwt_guard::keys::fetcher::FetchRequest;
use jwt_guard::keys::key_cache::{SharedData, SharedEntry, Swap};
use jwt_guard::metadata_cache::MetadataScope;
use jwt_guard::metrics::MetricKind;
use jwt_guard::report::{Level, Observer};
use jwt_guard::time::UnixTime;

use crate::host::{HeaderKind, Host, HostError};
use jwt_guard::http::{HeaderMap, ResponseHeaders};

pub const ROOT: u32 = 1;
pub const QUEUE: u32 = 4;

/// A handle of the host; each context has one.
#[derive(Clone)]
pub struct Double(Rc<State>);

impl std::ops::Deref for Double {
    type Target = State;

    fn deref(&self) -> &State {
        &self.0
    }
}

/// The state of the host and the recorded calls.
pub struct State {
    pub now: Cell<UnixTime>,
    pub configuration: RefCell<String>,
    /// The context that calls act on.
    pub context: Cell<u32>,
    /// The requests by context.
    pub requests: RefCell<BTreeMap<u32, HeaderMap>>,
    pub trailers: RefCell<HeaderMap>,
    /// The metadata of the route and of its virtual host; `None` if the host withholds it.
    pub metadata: RefCell<[Option<Vec<u8>>; 2]>,
    /// The issuer's response.
    pub response: RefCell<(HeaderMap, Vec<u8>)>,
    /// Whether the host passes no header map.
    pub withholds_headers: Cell<bool>,
    /// Whether the host accepts fetches.
    pub sends: Cell<bool>,
    /// The `Authorization` of the last fetch.
    pub authorization: RefCell<Option<String>>,
    pub registers_queue: Cell<bool>,
    pub queued: Cell<usize>,
    pub shared: RefCell<BTreeMap<String, (Vec<u8>, u32)>>,
    pub metrics: RefCell<Vec<(String, i64)>>,
    pub filter_state: RefCell<BTreeMap<String, String>>,
    /// The calls for requests and the root context, in order.
    pub done: RefCell<Vec<String>>,
    pub log: RefCell<Vec<(Level, String)>>,
}

impl Double {
    pub fn new(configuration: &str, now: UnixTime) -> Self {
        Self(Rc::new(State {
            now: Cell::new(now),
            configuration: RefCell::new(configuration.to_owned()),
            context: Cell::new(ROOT),
            requests: RefCell::default(),
            trailers: RefCell::default(),
            metadata: RefCell::new([Some(Vec::new()), Some(Vec::new())]),
            response: RefCell::new(([(":status", "200")].into_iter().collect(), Vec::new())),
            withholds_headers: Cell::new(false),
            sends: Cell::new(true),
            authorization: RefCell::default(),
            registers_queue: Cell::new(true),
            queued: Cell::new(0),
            shared: RefCell::default(),
            metrics: RefCell::default(),
            filter_state: RefCell::default(),
            done: RefCell::default(),
            log: RefCell::default(),
        }))
    }

    pub fn pass(&self, seconds: f64) {
        self.now.set(self.now.get().saturating_add(Duration::from_secs_f64(seconds)));
    }

    /// The calls since the last look.
    pub fn take_done(&self) -> Vec<String> {
        std::mem::take(&mut *self.done.borrow_mut())
    }

    /// The log lines since the last look.
    pub fn take_log(&self) -> Vec<String> {
        self.log.borrow_mut().drain(..).map(|(_, line)| line).collect()
    }

    pub fn metric(&self, name: &str) -> i64 {
        let metrics = self.metrics.borrow();
        metrics.iter().find(|(known, _)| known == name).unwrap_or_else(|| panic!("no metric {name}")).1
    }

    fn do_to(&self, what: &str) {
        self.done.borrow_mut().push(format!("{}: {what}", self.context.get()));
    }
}

impl Host for Double {
    fn plugin_configuration(&self) -> Vec<u8> {
        self.configuration.borrow().clone().into_bytes()
    }

    fn environment_variable(&self, name: &str) -> Option<String> {
        (name == "LIST_TOKEN").then(|| "secret\n".to_owned())
    }

    fn plugin_name(&self) -> Vec<u8> {
        b"plugin".to_vec()
    }

    fn enter(&self, context: u32) -> Result<(), HostError> {
        if context != ROOT && !self.requests.borrow().contains_key(&context) {
            return Err(HostError);
        }
        self.context.set(context);
        Ok(())
    }

    fn headers(&self, map: HeaderKind) -> Option<HeaderMap> {
        if self.withholds_headers.get() {
            return None;
        }
        Some(match map {
            HeaderKind::Request => {
                let requests = self.requests.borrow();
                requests.get(&self.context.get()).expect("the request exists").clone()
            }
            HeaderKind::Trailers => self.trailers.borrow().clone(),
            HeaderKind::FetchResponse => self.response.borrow().0.clone(),
        })
    }

    fn edit(&self, map: HeaderKind, edits: &HeaderEdits) {
        let changed = edits.changed().map(|(name, values)| match values {
            [] => format!("-{name}"),
            _ => format!("={name}"),
        });
        let added = edits.added().map(|(name, _)| format!("+{name}"));
        let edits: Vec<String> = changed.chain(added).collect();
        self.do_to(format!("edit {map:?} {}", edits.join(" ")).trim_end());
    }

    fn metadata(&self, scope: MetadataScope) -> Option<Vec<u8>> {
        let [route, virtual_host] = &*self.metadata.borrow();
        match scope {
            MetadataScope::Route => route.clone(),
            MetadataScope::VirtualHost => virtual_host.clone(),
        }
    }

    fn resume_request(&self) {
        self.do_to("resume");
    }

    fn answer(&self, status: u16, _: &ResponseHeaders, _: &[u8]) {
        self.do_to(&format!("answer {status}"));
    }

    fn send(&self, request: &FetchRequest) -> Result<u32, HostError> {
        if !self.sends.get() {
            return Err(HostError);
        }
        self.do_to(&format!("fetch {}", request.endpoint));
        let authorization = request.headers().into_iter().find(|(name, _)| *name == "authorization");
        *self.authorization.borrow_mut() = authorization.map(|(_, value)| value.to_owned());
        Ok(CALL)
    }

    fn response_body(&self, length: usize) -> Vec<u8> {
        self.response.borrow().1[..length].to_vec()
    }

    fn set_tick(&self, period: Duration) {
        self.do_to(&format!("tick {} ms", period.as_millis()));
    }

    fn register_queue(&self, name: &str) -> Option<u32> {
        assert_eq!(name, "jwt_guard/00000000000000ab");
        self.registers_queue.get().then_some(QUEUE)
    }

    fn wake(&self, queue: u32) {
        assert_eq!(queue, QUEUE);
        self.queued.set(self.queued.get() + 1);
    }

    fn drain(&self, queue: u32) -> bool {
        queue == QUEUE && self.queued.replace(0) > 0
    }
}

/// The call number of every fetch.
pub const CALL: u32 = 77;

impl Observer for Double {
    fn define_metric(&self, _: MetricKind, name: &str) -> Option<u32> {
        self.metrics.borrow_mut().push((name.to_owned(), 0));
        u32::try_from(self.metrics.borrow().len() - 1).ok()
    }

    fn add_to_metric(&self, metric: u32, amount: i64) {
        self.metrics.borrow_mut()[metric as usize].1 += amount;
    }

    fn set_metric(&self, metric: u32, value: u64) {
        self.metrics.borrow_mut()[metric as usize].1 = i64::try_from(value).unwrap();
    }

    fn set_filter_state(&self, name: &str, value: &[u8]) {
        let value = String::from_utf8(value.to_vec()).unwrap();
        self.filter_state.borrow_mut().insert(name.to_owned(), value);
    }

    fn log(&self, level: Level, line: Arguments<'_>) {
        self.log.borrow_mut().push((level, line.to_string()));
    }
}

impl SharedData for Double {
    fn now(&self) -> UnixTime {
        self.now.get()
    }

    fn jitter(&self) -> Jitter {
        Jitter::from_bits(0)
    }

    fn random_bits(&self) -> u64 {
        0xAB
    }

    fn secret(&self) -> Option<[u8; 16]> {
        Some([7; 16])
    }

    fn read(&self, name: &str) -> SharedEntry {
        let shared = self.shared.borrow();
        let entry = shared.get(name);
        SharedEntry { bytes: entry.map(|entry| entry.0.clone()), cas: entry.map(|entry| entry.1) }
    }

    fn write(&self, name: &str, bytes: &[u8]) {
        let version = self.read(name).cas.unwrap_or_default() + 1;
        self.shared.borrow_mut().insert(name.to_owned(), (bytes.to_vec(), version));
    }

    fn swap(&self, name: &str, seen: &SharedEntry, bytes: &[u8]) -> Swap {
        if self.read(name).cas != seen.cas {
            return Swap::Lost;
        }
        self.write(name, bytes);
        Swap::Done
    }
}

impl Connection for Double {
    fn certificate_digest(&self) -> Option<Vec<u8>> {
        None
    }
}

/// A host without `verify_signature`.
impl HostFunction for Double {
    fn verify_signature(&self, _: &HostCheck<'_>) -> Option<bool> {
        None
    }
}
