//! Reports on decided requests.

use super::{Observer, Reporter};
use crate::config::Config;
use crate::headers;
use crate::issuer_index::IssuerIndex;
use crate::log_limiter::LogPermit;
use crate::metrics::{IssuerMetric, ListMetric, Metric};
use crate::request::{Decision, DenialRecord, Forward};
use crate::time::UnixTime;

impl<O: Observer> Reporter<O> {
    /// Reports a request that is forwarded.
    pub fn forwarded(&self, forward: &Forward, decision: &Decision<'_>, config: &Config, now: UnixTime) {
        let allowed = match forward.identity {
            Some(_) => Metric::AllowedVerified,
            None => Metric::AllowedAnonymous,
        };
        self.count(allowed, 1);
        if let Some(identity) = &forward.identity {
            self.count_issuer(identity.issuer(), IssuerMetric::Accepted);
        }
        for issuer in &forward.other_issuers {
            self.count_issuer(*issuer, IssuerMetric::Accepted);
        }
        for issuer in decision.failed_open() {
            self.count(Metric::RevocationList(issuer, ListMetric::FailOpen), 1);
        }
        for record in decision.would_deny() {
            self.count(Metric::WouldDeny(record.reason), 1);
            self.set_reason(&record);
            self.log_refusal("would deny", &record, now);
        }
        if let Some(identity) = forward.identity.as_ref().filter(|_| config.identity_in_filter_state) {
            // The subject is encoded as in its header, so that a line break in it cannot forge a line of an access log.
            if let Some(subject) = identity.claims().claims().member("sub").and_then(headers::encoded) {
                self.observer.set_filter_state("jwt_guard.sub", &subject);
            }
            if let Some(issuer) = config.issuers.get(identity.issuer().0) {
                self.observer.set_filter_state("jwt_guard.issuer", issuer.name.as_bytes());
            }
            let rules: Vec<String> = decision.rules().map(|rule| rule.to_string()).collect();
            self.observer.set_filter_state("jwt_guard.policy", rules.join("+").as_bytes());
        }
    }

    /// Reports a request that is denied.
    pub fn refused(&self, record: &DenialRecord<'_>, now: UnixTime) {
        self.count(Metric::Denied(record.reason), 1);
        self.set_reason(record);
        self.log_refusal("denied", record, now);
    }

    /// Sets the reason for access logs, and the name of the second token if one denies the request.
    fn set_reason(&self, record: &DenialRecord<'_>) {
        self.observer.set_filter_state("jwt_guard.reason", record.reason.as_str().as_bytes());
        if let Some(token) = record.token {
            self.observer.set_filter_state("jwt_guard.token", token.as_bytes());
        }
    }

    /// Changes the number of requests that wait for keys.
    pub fn waiting(&self, change: i64) {
        self.add(Metric::Waiting, change);
    }

    /// Counts the hits and misses of the token cache.
    pub fn token_cache(&self, (hits, misses): (u32, u32)) {
        for (metric, count) in [(Metric::TokenCacheHit, hits), (Metric::TokenCacheMiss, misses)] {
            if count > 0 {
                self.count(metric, count);
            }
        }
    }

    /// Counts a request whose token names the issuer.
    pub fn count_issuer(&self, issuer: IssuerIndex, metric: IssuerMetric) {
        self.count(Metric::Issuer(issuer, metric), 1);
    }

    /// Logs how many denials were not logged, once their second is over.
    pub fn log_suppressed(&self, now: UnixTime) {
        let suppressed = self.limiter.try_borrow_mut().map_or(0, |mut limiter| limiter.flush(now));
        self.count_suppressed(suppressed);
    }

    fn log_refusal(&self, what: &str, record: &DenialRecord<'_>, now: UnixTime) {
        let written = self
            .limiter
            .try_borrow_mut()
            .map_or(LogPermit::Suppressed, |mut limiter| limiter.try_acquire(now));
        if let LogPermit::Line { suppressed } = written {
            self.count_suppressed(suppressed);
            self.info(format_args!("{what}: {record}"));
        }
    }

    fn count_suppressed(&self, count: u64) {
        if count > 0 {
            self.info(format_args!("{count} more lines about denied requests were not logged"));
        }
    }
}
