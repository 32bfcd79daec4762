//! Fetches of keys, and the keys that a VM has.

use super::{Observer, Reporter};
use crate::issuer_index::IssuerIndex;
use crate::jose::jwks::SkippedKey;
use crate::keys::Usable;
use crate::keys::fetch_event::FetchEvent;
use crate::keys::key_cache::FailureOutcome;
use crate::keys::store::KeyStatus;
use crate::metrics::{KeyMetric, Metric};

/// So many keys that cannot be used are named one by one; of the others the log has their number.
const MAX_SKIPPED: usize = 16;

const NO_KEYS: &str = "there are none to judge tokens with: requests with a token get 503";

impl<O: Observer> Reporter<O> {
    /// The outcome of a refresh. `name` is the issuer's.
    pub fn fetched(&self, issuer: IssuerIndex, name: &str, event: &FetchEvent) {
        let metric = if event.is_success() { KeyMetric::RefreshOk } else { KeyMetric::RefreshFailed };
        self.add(Metric::Keys(issuer, metric), 1);
        match event {
            FetchEvent::Refreshed { keys, has_kids, skipped } => {
                self.info(format_args!("issuer {name}: {keys} keys"));
                self.warn_of_skipped(name, skipped);
                if !has_kids {
                    self.warn(format_args!(
                        "issuer {name}: none of its keys has a kid: a token with a kid is refused \
                         (unknown_kid), and no keys are fetched for it; give each key of the set its kid"
                    ));
                }
            }
            FetchEvent::Recovered => {
                self.warn(format_args!("issuer {name}: keys are fetched again"));
            }
            FetchEvent::Unchanged | FetchEvent::Late => {}
            FetchEvent::Failed { error, outcome, requested, skipped } => {
                let (what, meanwhile) = match outcome {
                    FailureOutcome::First(Usable::No) => ("keys could not be fetched", NO_KEYS),
                    FailureOutcome::First(Usable::Fresh | Usable::Stale) => {
                        ("keys could not be fetched", "the last good ones serve")
                    }
                    FailureOutcome::KeysExpired => ("the last good keys are too old", NO_KEYS),
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
        // The last may stand for all that are past the limit.
        let more = skipped.len().saturating_sub(MAX_SKIPPED);
        if more > 0 {
            self.warn(format_args!("issuer {name}: {more} more keys of the set are not used"));
        }
    }

    /// What this VM has to verify an issuer's tokens with.
    pub fn key_status(&self, issuer: IssuerIndex, status: KeyStatus) {
        let set = |metric, value| self.set(Metric::Keys(issuer, metric), value);
        set(KeyMetric::Keys, u64::try_from(status.keys).unwrap_or(u64::MAX));
        set(KeyMetric::AgeSeconds, status.age.as_secs());
        set(KeyMetric::Stale, u64::from(status.stale));
    }
}
