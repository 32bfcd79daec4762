//! Reports on key fetches and on the keys of a VM.

use super::{Observer, Reporter};
use crate::issuer_index::IssuerIndex;
use crate::jose::jwks::SkippedKey;
use crate::keys::Freshness;
use crate::keys::fetch_event::FetchEvent;
use crate::keys::key_cache::FailureOutcome;
use crate::keys::store::KeyStatus;
use crate::metrics::{KeyMetric, Metric};

/// The number of unusable keys that are logged one by one. The log has only the number of the others.
const MAX_SKIPPED: usize = 16;

const NO_KEYS: &str = "the filter has no keys for this issuer, and requests with its tokens get 503";

impl<O: Observer> Reporter<O> {
    /// Reports the outcome of a refresh. `name` is the name of the issuer.
    pub fn fetched(&self, issuer: IssuerIndex, name: &str, event: &FetchEvent) {
        let metric = if event.is_success() { KeyMetric::RefreshOk } else { KeyMetric::RefreshFailed };
        self.add(Metric::Keys(issuer, metric), 1);
        match event {
            FetchEvent::Refreshed { keys, has_kids, skipped } => {
                self.info(format_args!("issuer {name}: fetched a key set; usable keys: {keys}"));
                self.warn_of_skipped(name, skipped);
                if !has_kids {
                    self.warn(format_args!(
                        "issuer {name}: no key of the set has a kid, so every token with a kid is refused \
                         (unknown_kid), and such a token triggers no key fetch; give each key of the set a kid"
                    ));
                }
            }
            FetchEvent::Recovered => {
                self.warn(format_args!("issuer {name}: fetching keys succeeds again"));
            }
            FetchEvent::Unchanged | FetchEvent::Late => {}
            FetchEvent::Failed { error, outcome, requested, skipped } => {
                let (what, meanwhile) = match outcome {
                    FailureOutcome::First(Freshness::Unusable) => ("fetching keys failed", NO_KEYS),
                    FailureOutcome::First(Freshness::Fresh | Freshness::Stale) => (
                        "fetching keys failed",
                        "the filter keeps using the last good keys, until jwks_max_stale_seconds after their TTL",
                    ),
                    FailureOutcome::KeysExpired => {
                        ("fetching keys still fails, and the last good keys have expired", NO_KEYS)
                    }
                    FailureOutcome::Repeated | FailureOutcome::LeaseLost => return,
                };
                self.warn(format_args!("issuer {name}: {what}: {error}; {meanwhile}; {requested}"));
                self.warn_of_skipped(name, skipped);
            }
        }
    }

    fn warn_of_skipped(&self, name: &str, skipped: &[SkippedKey]) {
        for skipped in skipped.iter().take(MAX_SKIPPED) {
            self.warn(format_args!("issuer {name}: {skipped}"));
        }
        // The last of them may represent all keys beyond the limit of a set.
        let more = skipped.len().saturating_sub(MAX_SKIPPED);
        if more > 0 {
            self.warn(format_args!("issuer {name}: {more} more keys of the set are not used"));
        }
    }

    /// Sets the gauges for the keys of an issuer in this VM.
    pub fn key_status(&self, issuer: IssuerIndex, status: KeyStatus) {
        let set = |metric, value| self.set(Metric::Keys(issuer, metric), value);
        set(KeyMetric::Keys, u64::try_from(status.keys).unwrap_or(u64::MAX));
        set(KeyMetric::AgeSeconds, status.age.as_secs());
        set(KeyMetric::Stale, u64::from(status.stale));
    }
}
