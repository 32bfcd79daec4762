//! A test double of the host: its shared data, a clock that a test moves, and the answers of an issuer.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::time::Duration;

use crate::endpoint::Endpoint;
use crate::http::HeaderMap;
use crate::jose::algorithm::Algorithm;
use crate::keys::answer::{GoodAnswer, HttpAnswer, parse_response};
use crate::keys::key_cache::{KeyCache, SharedData, SharedEntry, StoreOutcome, Swap};
use crate::keys::record::EntryNames;
use crate::keys::source::{Location, Source};
use crate::keys::{Jitter, RefreshState, RefreshTimings, VmIdentity};
use crate::revocation::HashKey;
use crate::time::UnixTime;

const START: UnixTime = UnixTime::from_secs(1_800_000_000);
pub const SOURCE: &str = "https://a/keys";

/// A key set with the key of RFC 7515 appendix A.2. The kid distinguishes sets.
pub fn set(kid: &str) -> Vec<u8> {
    format!(r#"{{"keys":[{{"kty":"RSA","kid":"{kid}","n":"ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ","e":"AQAB"}}]}}"#).into_bytes()
}

pub fn entries() -> EntryNames {
    let location = Location::Endpoint(Endpoint::parse(SOURCE).unwrap());
    EntryNames::of(b"plugin", "https://a", &Source { cluster: "cluster".to_owned(), location })
}

pub fn times() -> RefreshTimings {
    RefreshTimings {
        ttl: Duration::from_secs(300),
        max_stale: Duration::from_secs(14_400),
        cooldown: Duration::from_secs(10),
        timeout: Duration::from_secs(5),
        fetches: 1,
    }
}

/// An event between a VM's read of the record and its swap.
type Interference = Box<dyn FnOnce(&SimulatedHost)>;

/// The shared data of the host, and a clock that a test moves. As in Envoy, all VMs of a process with the same `vm_id`
/// share one map. Each write of an entry gives it a new version number, and a swap with an older number is refused.
pub struct SimulatedHost {
    pub now: Cell<UnixTime>,
    pub entries: RefCell<BTreeMap<String, (Vec<u8>, u32)>>,
    versions: Cell<u32>,
    before_swap: RefCell<Option<Interference>>,
}

impl SimulatedHost {
    pub fn new() -> Self {
        Self {
            now: Cell::new(START),
            entries: RefCell::default(),
            versions: Cell::new(0),
            before_swap: RefCell::default(),
        }
    }

    pub fn pass(&self, seconds: f64) {
        self.now.set(self.now.get().saturating_add(Duration::from_secs_f64(seconds)));
    }

    /// Runs `interference` just before the next swap.
    pub fn interfere(&self, interference: impl FnOnce(&SimulatedHost) + 'static) {
        *self.before_swap.borrow_mut() = Some(Box::new(interference));
    }

    pub fn vm(&self, number: u64) -> KeyCache {
        self.vm_with(times(), number)
    }

    pub fn vm_with(&self, times: RefreshTimings, number: u64) -> KeyCache {
        KeyCache::new(times, VmIdentity(number), entries(), Jitter::from_bits(0))
    }

    pub fn record(&self) -> RefreshState {
        self.read(&entries().state)
            .bytes
            .as_deref()
            .and_then(RefreshState::decode)
            .unwrap_or(RefreshState::UNKNOWN)
    }
}

impl SharedData for SimulatedHost {
    fn now(&self) -> UnixTime {
        self.now.get()
    }

    fn jitter(&self) -> Jitter {
        Jitter::from_bits(0)
    }

    fn random_bits(&self) -> u64 {
        self.versions.set(self.versions.get() + 1);
        u64::from(self.versions.get())
    }

    fn secret(&self) -> Option<[u8; 16]> {
        self.versions.set(self.versions.get() + 1);
        Some([self.versions.get().to_le_bytes(); 4].concat().try_into().unwrap())
    }

    fn read(&self, name: &str) -> SharedEntry {
        let entries = self.entries.borrow();
        let entry = entries.get(name);
        SharedEntry { bytes: entry.map(|entry| entry.0.clone()), cas: entry.map(|entry| entry.1) }
    }

    fn write(&self, name: &str, bytes: &[u8]) {
        self.versions.set(self.versions.get() + 1);
        self.entries.borrow_mut().insert(name.to_owned(), (bytes.to_vec(), self.versions.get()));
    }

    fn swap(&self, name: &str, seen: &SharedEntry, bytes: &[u8]) -> Swap {
        let interference = self.before_swap.borrow_mut().take();
        if let Some(interference) = interference {
            interference(self);
        }
        if self.read(name).cas != seen.cas {
            return Swap::Lost;
        }
        self.write(name, bytes);
        Swap::Done
    }
}

/// A good answer of an issuer.
pub fn good(body: &[u8], etag: Option<&str>) -> GoodAnswer {
    let mut headers: HeaderMap = [(":status", "200")].into_iter().collect();
    headers.extend(etag.map(|etag| ("etag", etag)));
    parse_response(
        &HttpAnswer { headers: &headers, length: body.len(), body: body.into() },
        false,
        HashKey::from_bits([0, 0]),
    )
    .unwrap()
}

pub const NOT_MODIFIED: GoodAnswer = GoodAnswer::NotModified { max_age: None };

pub fn answered(vm: &mut KeyCache, host: &SimulatedHost, kid: &str) -> StoreOutcome {
    vm.succeeded(host, &good(&set(kid), Some("\"v\"")), None, SOURCE, &set(kid))
}

pub fn knows(vm: &KeyCache, host: &SimulatedHost, kid: &str) -> bool {
    vm.current(host.now()).is_some_and(|keys| keys.candidates(Some(kid), Algorithm::Rs256, &[]).is_ok())
}

/// Two VMs. The first has fetched a set with this kid.
pub fn warm(host: &SimulatedHost, kid: &str) -> [KeyCache; 2] {
    let mut vms = [host.vm(1), host.vm(2)];
    assert!(vms[0].take_lease(host, false));
    assert_eq!(answered(&mut vms[0], host, kid), StoreOutcome::Replaced);
    vms[1].sync(host);
    vms
}
