//! Reports on decided requests.

use super::{Observer, Reporter};
use crate::config::Config;
use crate::flow::{Decision, Facts, Forward};
use crate::headers;
use crate::log_budget::Said;
use crate::metrics::Metric;
use crate::time::UnixTime;

impl<O: Observer> Reporter<O> {
    /// Reports a request that is forwarded.
    pub fn forwarded(&self, forward: &Forward, decision: &Decision<'_>, config: &Config, now: UnixTime) {
        let allowed = match forward.identity {
            Some(_) => Metric::AllowedVerified,
            None => Metric::AllowedAnonymous,
        };
        self.add(allowed, 1);
        for facts in decision.would_deny() {
            self.add(Metric::WouldDeny(facts.reason), 1);
            self.observer.set_filter_state("jwt_guard.reason", facts.reason.as_str().as_bytes());
            self.log_refusal("would deny", &facts, now);
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
    pub fn refused(&self, facts: &Facts<'_>, now: UnixTime) {
        self.add(Metric::Denied(facts.reason), 1);
        self.observer.set_filter_state("jwt_guard.reason", facts.reason.as_str().as_bytes());
        self.log_refusal("denied", facts, now);
    }

    /// Changes the number of requests that wait for keys.
    pub fn waiting(&self, change: i64) {
        self.add(Metric::Waiting, change);
    }

    /// Counts the hits and misses of the token cache.
    pub fn token_cache(&self, (hits, misses): (u32, u32)) {
        for (metric, count) in [(Metric::TokenCacheHit, hits), (Metric::TokenCacheMiss, misses)] {
            if count > 0 {
                self.add(metric, i64::from(count));
            }
        }
    }

    /// Logs how many denials were not logged, once their second is over.
    pub fn log_suppressed(&self, now: UnixTime) {
        let suppressed = self.budget.try_borrow_mut().map_or(0, |mut budget| budget.settle(now));
        self.count_suppressed(suppressed);
    }

    fn log_refusal(&self, what: &str, facts: &Facts<'_>, now: UnixTime) {
        let said = self.budget.try_borrow_mut().map_or(Said::Nothing, |mut budget| budget.spend(now));
        if let Said::Line { unsaid } = said {
            self.count_suppressed(unsaid);
            self.info(format_args!("jwt_guard: {what}: {facts}"));
        }
    }

    fn count_suppressed(&self, count: u64) {
        if count > 0 {
            self.info(format_args!("jwt_guard: {count} more refusals were not logged"));
        }
    }
}
