//! What operators see: counters, gauges, filter state and the log of refusals.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::time::Duration;

use log::info;

use super::host;
use jwt_guard::config::Config;
use jwt_guard::denial::Reason;
use jwt_guard::flow::{Decision, Facts, Forward};
use jwt_guard::headers;
use jwt_guard::log_budget::{LogBudget, Said};
use jwt_guard::time::UnixTime;

/// The metrics of one configuration in this VM. The host keeps one value a name for all VMs.
pub struct Metrics {
    anonymous: Option<u32>,
    verified: Option<u32>,
    denied: BTreeMap<Reason, Option<u32>>,
    would_deny: BTreeMap<Reason, Option<u32>>,
    waiting: Option<u32>,
    token_cache_hit: Option<u32>,
    token_cache_miss: Option<u32>,
    issuers: Vec<IssuerMetrics>,
    budget: RefCell<LogBudget>,
}

struct IssuerMetrics {
    refresh_ok: Option<u32>,
    refresh_failed: Option<u32>,
    keys: Option<u32>,
    age_seconds: Option<u32>,
    stale: Option<u32>,
}

impl Metrics {
    /// Defines them all, so that a dashboard finds them at zero.
    pub fn define<'a>(issuers: impl Iterator<Item = &'a str>) -> Self {
        let by_reason = |kind: &str| {
            let metric = |reason: Reason| (reason, host::counter(&format!("jwt_guard.{kind}.{reason}")));
            Reason::ALL.into_iter().map(metric).collect()
        };
        let of_issuer = |name: &str| IssuerMetrics {
            refresh_ok: host::counter(&format!("jwt_guard.jwks.{name}.refresh_ok")),
            refresh_failed: host::counter(&format!("jwt_guard.jwks.{name}.refresh_failed")),
            keys: host::gauge(&format!("jwt_guard.jwks.{name}.keys")),
            age_seconds: host::gauge(&format!("jwt_guard.jwks.{name}.age_seconds")),
            stale: host::gauge(&format!("jwt_guard.jwks.{name}.stale")),
        };
        Self {
            anonymous: host::counter("jwt_guard.allowed.anonymous"),
            verified: host::counter("jwt_guard.allowed.verified"),
            denied: by_reason("denied"),
            would_deny: by_reason("would_deny"),
            waiting: host::gauge("jwt_guard.waiting"),
            token_cache_hit: host::counter("jwt_guard.token_cache.hit"),
            token_cache_miss: host::counter("jwt_guard.token_cache.miss"),
            issuers: issuers.map(of_issuer).collect(),
            budget: RefCell::default(),
        }
    }

    /// A request that goes on.
    pub fn forwarded(&self, forward: &Forward, decision: &Decision<'_>, config: &Config, now: UnixTime) {
        host::add(if forward.identity.is_some() { self.verified } else { self.anonymous }, 1);
        for facts in decision.would_deny() {
            host::add(self.would_deny.get(&facts.reason).copied().flatten(), 1);
            host::set_filter_state("jwt_guard.reason", facts.reason.as_str().as_bytes());
            self.log("would deny", &facts, now);
        }
        if let Some(identity) = forward.identity.as_ref().filter(|_| config.identity_in_filter_state) {
            // As in its header: a line break in a subject must not forge a line of an access log.
            if let Some(subject) = identity.claims().claims().member("sub").and_then(headers::encoded) {
                host::set_filter_state("jwt_guard.sub", &subject);
            }
            if let Some(issuer) = config.issuers.get(identity.issuer().0) {
                host::set_filter_state("jwt_guard.issuer", issuer.name.as_bytes());
            }
            let rules: Vec<String> = decision.rules().map(|rule| rule.to_string()).collect();
            host::set_filter_state("jwt_guard.policy", rules.join("+").as_bytes());
        }
    }

    /// A request that does not.
    pub fn refused(&self, facts: &Facts<'_>, now: UnixTime) {
        host::add(self.denied.get(&facts.reason).copied().flatten(), 1);
        host::set_filter_state("jwt_guard.reason", facts.reason.as_str().as_bytes());
        self.log("denied", facts, now);
    }

    /// One more or one fewer request waits.
    pub fn waiting(&self, change: i64) {
        host::add(self.waiting, change);
    }

    /// Tokens that were found in the cache, and tokens that were not.
    pub fn token_cache(&self, (hits, misses): (u32, u32)) {
        for (metric, count) in [(self.token_cache_hit, hits), (self.token_cache_miss, misses)] {
            if count > 0 {
                host::add(metric, i64::from(count));
            }
        }
    }

    /// The outcome of a fetch.
    pub fn refreshed(&self, issuer: usize, good: bool) {
        if let Some(metrics) = self.issuers.get(issuer) {
            host::add(if good { metrics.refresh_ok } else { metrics.refresh_failed }, 1);
        }
    }

    /// What this VM has to judge with.
    pub fn keys(&self, issuer: usize, keys: usize, age: Duration, stale: bool) {
        if let Some(metrics) = self.issuers.get(issuer) {
            host::set(metrics.keys, u64::try_from(keys).unwrap_or(u64::MAX));
            host::set(metrics.age_seconds, age.as_secs());
            host::set(metrics.stale, u64::from(stale));
        }
    }

    /// Tells how many refusals were not logged, once their second is over.
    pub fn tell_unsaid(&self) {
        let unsaid = self.budget.try_borrow_mut().map_or(0, |mut budget| budget.settle(host::now()));
        if unsaid > 0 {
            info!("jwt_guard: {unsaid} more refusals were not logged");
        }
    }

    fn log(&self, what: &str, facts: &Facts<'_>, now: UnixTime) {
        let Ok(mut budget) = self.budget.try_borrow_mut() else { return };
        match budget.spend(now) {
            Said::Nothing => {}
            Said::Line { unsaid: 0 } => info!("jwt_guard: {what}: {facts}"),
            Said::Line { unsaid } => {
                info!("jwt_guard: {unsaid} more refusals were not logged");
                info!("jwt_guard: {what}: {facts}");
            }
        }
    }
}
