//! Reports on the fetches of keys and revocation lists, and on the documents of a VM.

use super::{Observer, Reporter};
use crate::jose::jwks::SkippedKey;
use crate::keys::document::DocumentStatus;
use crate::keys::fetch_event::FetchEvent;
use crate::keys::key_cache::FailureOutcome;
use crate::keys::{DocumentId, DocumentKind, Freshness};
use crate::metrics::{KeyMetric, ListMetric, Metric};

/// The number of unusable keys that are logged one by one. The log has only the number of the others.
const MAX_SKIPPED: usize = 16;

const NO_KEYS: &str = "the filter has no keys for this issuer, and requests with its tokens get 503";
const NO_LIST: &str =
    "the filter has no revocation list of this issuer, and requests with its tokens get 503";
const FAIL_OPEN: &str = "the filter has no revocation list of this issuer, and because of revocation_list_fail_open \
                         revoked tokens pass";

impl<O: Observer> Reporter<O> {
    /// Reports the outcome of a refresh. `name` is the name of the issuer, and `fail_open` its
    /// `revocation_list_fail_open`.
    pub fn fetched(&self, document: DocumentId, name: &str, fail_open: bool, event: &FetchEvent) {
        let words = Words::of(document.kind, fail_open);
        self.add(fetch_metric(document, event.is_success()), 1);
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
            FetchEvent::ListRefreshed { items: 0, previous: previous @ 1.. } => {
                self.warn(format_args!(
                    "issuer {name}: fetched a revocation list without items, and the list before had {previous}: the \
                     filter accepts the tokens that were revoked; check that the issuer did not lose its list"
                ));
            }
            FetchEvent::ListRefreshed { items, .. } => {
                self.info(format_args!("issuer {name}: fetched a revocation list; items: {items}"));
            }
            FetchEvent::Recovered => {
                self.warn(format_args!("issuer {name}: fetching {} succeeds again", words.document));
            }
            FetchEvent::Unchanged | FetchEvent::Late => {}
            FetchEvent::Failed { error, outcome, requested, skipped } => {
                let Words { document, last_good, expired, none } = words;
                let (fails, meanwhile) = match outcome {
                    FailureOutcome::First(Freshness::Unusable) => ("failed", none),
                    FailureOutcome::First(Freshness::Fresh | Freshness::Stale) => ("failed", last_good),
                    FailureOutcome::KeysExpired => (expired, none),
                    FailureOutcome::Repeated | FailureOutcome::LeaseLost => return,
                };
                self.warn(format_args!(
                    "issuer {name}: fetching {document} {fails}: {error}; {meanwhile}; {requested}"
                ));
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

    /// Sets the gauges for a document in this VM.
    pub fn document_status(&self, document: DocumentId, status: DocumentStatus) {
        let issuer = document.issuer;
        let [count, age, stale] = match document.kind {
            DocumentKind::Keys => [KeyMetric::Keys, KeyMetric::AgeSeconds, KeyMetric::Stale]
                .map(|metric| Metric::Keys(issuer, metric)),
            DocumentKind::RevocationList => [ListMetric::Items, ListMetric::AgeSeconds, ListMetric::Stale]
                .map(|metric| Metric::RevocationList(issuer, metric)),
        };
        self.set(count, u64::try_from(status.count).unwrap_or(u64::MAX));
        self.set(age, status.age.as_secs());
        self.set(stale, u64::from(status.stale));
    }
}

/// The counter for the outcome of a refresh.
fn fetch_metric(document: DocumentId, is_success: bool) -> Metric {
    match (document.kind, is_success) {
        (DocumentKind::Keys, true) => Metric::Keys(document.issuer, KeyMetric::RefreshOk),
        (DocumentKind::Keys, false) => Metric::Keys(document.issuer, KeyMetric::RefreshFailed),
        (DocumentKind::RevocationList, true) => {
            Metric::RevocationList(document.issuer, ListMetric::RefreshOk)
        }
        (DocumentKind::RevocationList, false) => {
            Metric::RevocationList(document.issuer, ListMetric::RefreshFailed)
        }
    }
}

/// The words of a log line about a failed fetch.
struct Words {
    document: &'static str,
    /// What the filter does while the last good document may be used.
    last_good: &'static str,
    /// The fetch fails again, and the last good document may no longer be used.
    expired: &'static str,
    /// What the filter does without a document.
    none: &'static str,
}

impl Words {
    fn of(kind: DocumentKind, fail_open: bool) -> Self {
        match kind {
            DocumentKind::Keys => Self {
                document: "keys",
                last_good: "the filter keeps using the last good keys, until jwks_max_stale_seconds after their TTL",
                expired: "still fails, and the last good keys have expired",
                none: NO_KEYS,
            },
            DocumentKind::RevocationList => Self {
                document: "the revocation list",
                last_good: "the filter keeps using the last good list, until revocation_list_max_stale_seconds after \
                            its TTL",
                expired: "still fails, and the last good list has expired",
                none: if fail_open { FAIL_OPEN } else { NO_LIST },
            },
        }
    }
}
