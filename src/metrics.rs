//! All metrics: their names, their kinds, and their order in a configuration.

use crate::denial::Reason;
use crate::issuer_index::IssuerIndex;

/// One metric. The host keeps one value per name for all VMs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Metric {
    /// Requests that were forwarded without a verified token.
    AllowedAnonymous,
    /// Requests that were forwarded with a verified token.
    AllowedVerified,
    /// Requests that wait for keys.
    Waiting,
    /// Tokens that were found in the cache.
    TokenCacheHit,
    /// Tokens that were not found in the cache.
    TokenCacheMiss,
    /// Requests that were denied.
    Denied(Reason),
    /// Requests that would have been denied without `report_only` or by a shadow requirement, and requests that passed
    /// without an identity because no keys were available (`allow_missing_or_failed`).
    WouldDeny(Reason),
    /// A metric for the keys of one issuer.
    Keys(IssuerIndex, KeyMetric),
    /// A metric for the tokens of one issuer.
    Issuer(IssuerIndex, IssuerMetric),
    /// A metric for the revocation list of one issuer.
    RevocationList(IssuerIndex, ListMetric),
}

/// A metric for the revocation list of one issuer. It is defined only for an issuer with a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ListMetric {
    /// Refreshes that succeeded.
    RefreshOk,
    /// Refreshes that failed.
    RefreshFailed,
    /// The number of items of the usable list.
    Items,
    /// The time since the list was fetched, in seconds.
    AgeSeconds,
    /// 1 if the list is past its TTL, else 0.
    Stale,
    /// Requests that passed without a usable list (`revocation_list_fail_open`).
    FailOpen,
}

/// A metric for the tokens of one issuer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IssuerMetric {
    /// Requests that were forwarded with a verified token of the issuer.
    Accepted,
    /// Requests that were denied and whose token names the issuer; the token may be forged.
    Refused,
}

/// A metric for the keys of one issuer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyMetric {
    /// Refreshes that succeeded.
    RefreshOk,
    /// Refreshes that failed.
    RefreshFailed,
    /// The number of usable keys.
    Keys,
    /// The time since they were fetched, in seconds.
    AgeSeconds,
    /// 1 if they are past their TTL, else 0.
    Stale,
}

/// The kind of a metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MetricKind {
    /// A value that only grows.
    Counter,
    /// A value that can go up and down.
    Gauge,
}

const COMMON: [Metric; 5] = [
    Metric::AllowedAnonymous,
    Metric::AllowedVerified,
    Metric::Waiting,
    Metric::TokenCacheHit,
    Metric::TokenCacheMiss,
];

const OF_ISSUER: [KeyMetric; 5] = [
    KeyMetric::RefreshOk,
    KeyMetric::RefreshFailed,
    KeyMetric::Keys,
    KeyMetric::AgeSeconds,
    KeyMetric::Stale,
];

const OF_LIST: [ListMetric; 6] = [
    ListMetric::RefreshOk,
    ListMetric::RefreshFailed,
    ListMetric::Items,
    ListMetric::AgeSeconds,
    ListMetric::Stale,
    ListMetric::FailOpen,
];

const OF_TOKENS: [IssuerMetric; 2] = [IssuerMetric::Accepted, IssuerMetric::Refused];

impl Metric {
    /// All metrics of a configuration with this number of issuers, in the order of [`Self::index`].
    pub fn all(issuers: usize) -> impl Iterator<Item = Self> {
        let of_issuer =
            |issuer| OF_ISSUER.into_iter().map(move |metric| Self::Keys(IssuerIndex(issuer), metric));
        let of_tokens =
            |issuer| OF_TOKENS.into_iter().map(move |metric| Self::Issuer(IssuerIndex(issuer), metric));
        let of_list =
            |issuer| OF_LIST.into_iter().map(move |metric| Self::RevocationList(IssuerIndex(issuer), metric));
        COMMON
            .into_iter()
            .chain(Reason::ALL.into_iter().map(Self::Denied))
            .chain(Reason::ALL.into_iter().map(Self::WouldDeny))
            .chain((0..issuers).flat_map(of_issuer))
            .chain((0..issuers).flat_map(of_tokens))
            .chain((0..issuers).flat_map(of_list))
    }

    /// The index of the metric in [`Self::all`] of a configuration with this number of issuers.
    pub fn index(self, issuers: usize) -> usize {
        let denied = COMMON.len();
        let would_deny = denied + Reason::ALL.len();
        let keys = would_deny + Reason::ALL.len();
        let tokens = keys + issuers * OF_ISSUER.len();
        let lists = tokens + issuers * OF_TOKENS.len();
        match self {
            Self::AllowedAnonymous => 0,
            Self::AllowedVerified => 1,
            Self::Waiting => 2,
            Self::TokenCacheHit => 3,
            Self::TokenCacheMiss => 4,
            Self::Denied(reason) => denied + reason as usize,
            Self::WouldDeny(reason) => would_deny + reason as usize,
            Self::Keys(issuer, metric) => keys + issuer.0 * OF_ISSUER.len() + metric as usize,
            Self::Issuer(issuer, metric) => tokens + issuer.0 * OF_TOKENS.len() + metric as usize,
            Self::RevocationList(issuer, metric) => lists + issuer.0 * OF_LIST.len() + metric as usize,
        }
    }

    /// The kind of the metric.
    pub fn kind(self) -> MetricKind {
        match self {
            Self::Waiting | Self::Keys(_, KeyMetric::Keys | KeyMetric::AgeSeconds | KeyMetric::Stale) => {
                MetricKind::Gauge
            }
            Self::RevocationList(_, ListMetric::Items | ListMetric::AgeSeconds | ListMetric::Stale) => {
                MetricKind::Gauge
            }
            _ => MetricKind::Counter,
        }
    }

    /// The name of the metric. `issuer` gives the configured name of an issuer.
    pub fn name<'a>(self, issuer: impl FnOnce(IssuerIndex) -> &'a str) -> String {
        match self {
            Self::AllowedAnonymous => "jwt_guard.allowed.anonymous".to_owned(),
            Self::AllowedVerified => "jwt_guard.allowed.verified".to_owned(),
            Self::Waiting => "jwt_guard.waiting".to_owned(),
            Self::TokenCacheHit => "jwt_guard.token_cache.hit".to_owned(),
            Self::TokenCacheMiss => "jwt_guard.token_cache.miss".to_owned(),
            Self::Denied(reason) => format!("jwt_guard.denied.{reason}"),
            Self::WouldDeny(reason) => format!("jwt_guard.would_deny.{reason}"),
            Self::Issuer(index, IssuerMetric::Accepted) => {
                format!("jwt_guard.issuer.{}.accepted", issuer(index))
            }
            Self::Issuer(index, IssuerMetric::Refused) => {
                format!("jwt_guard.issuer.{}.refused", issuer(index))
            }
            Self::Keys(index, metric) => format!("jwt_guard.jwks.{}.{}", issuer(index), metric.as_str()),
            Self::RevocationList(index, metric) => {
                format!("jwt_guard.revocation_list.{}.{}", issuer(index), metric.as_str())
            }
        }
    }
}

impl KeyMetric {
    fn as_str(self) -> &'static str {
        match self {
            Self::RefreshOk => "refresh_ok",
            Self::RefreshFailed => "refresh_failed",
            Self::Keys => "keys",
            Self::AgeSeconds => "age_seconds",
            Self::Stale => "stale",
        }
    }
}

impl ListMetric {
    fn as_str(self) -> &'static str {
        match self {
            Self::RefreshOk => "refresh_ok",
            Self::RefreshFailed => "refresh_failed",
            Self::Items => "items",
            Self::AgeSeconds => "age_seconds",
            Self::Stale => "stale",
            Self::FailOpen => "fail_open",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_metric_stands_in_its_place() {
        let metrics: Vec<Metric> = Metric::all(3).collect();
        assert_eq!(metrics.len(), 5 + 2 * Reason::ALL.len() + 3 * 5 + 3 * 2 + 3 * 6);
        for (place, metric) in metrics.iter().enumerate() {
            assert_eq!(metric.index(3), place, "{metric:?}");
        }
    }

    #[test]
    fn names_are_those_that_dashboards_bind_to() {
        let issuer = IssuerIndex(1);
        let rows = [
            (Metric::AllowedAnonymous, "jwt_guard.allowed.anonymous", MetricKind::Counter),
            (Metric::AllowedVerified, "jwt_guard.allowed.verified", MetricKind::Counter),
            (Metric::Waiting, "jwt_guard.waiting", MetricKind::Gauge),
            (Metric::TokenCacheHit, "jwt_guard.token_cache.hit", MetricKind::Counter),
            (Metric::TokenCacheMiss, "jwt_guard.token_cache.miss", MetricKind::Counter),
            (Metric::Denied(Reason::Expired), "jwt_guard.denied.expired", MetricKind::Counter),
            (Metric::WouldDeny(Reason::NoKeys), "jwt_guard.would_deny.no_keys", MetricKind::Counter),
            (Metric::Keys(issuer, KeyMetric::RefreshOk), "jwt_guard.jwks.b.refresh_ok", MetricKind::Counter),
            (
                Metric::Keys(issuer, KeyMetric::RefreshFailed),
                "jwt_guard.jwks.b.refresh_failed",
                MetricKind::Counter,
            ),
            (Metric::Keys(issuer, KeyMetric::Keys), "jwt_guard.jwks.b.keys", MetricKind::Gauge),
            (Metric::Keys(issuer, KeyMetric::AgeSeconds), "jwt_guard.jwks.b.age_seconds", MetricKind::Gauge),
            (
                Metric::Issuer(issuer, IssuerMetric::Accepted),
                "jwt_guard.issuer.b.accepted",
                MetricKind::Counter,
            ),
            (
                Metric::Issuer(issuer, IssuerMetric::Refused),
                "jwt_guard.issuer.b.refused",
                MetricKind::Counter,
            ),
            (
                Metric::RevocationList(issuer, ListMetric::AgeSeconds),
                "jwt_guard.revocation_list.b.age_seconds",
                MetricKind::Gauge,
            ),
            (
                Metric::RevocationList(issuer, ListMetric::FailOpen),
                "jwt_guard.revocation_list.b.fail_open",
                MetricKind::Counter,
            ),
            (Metric::Keys(issuer, KeyMetric::Stale), "jwt_guard.jwks.b.stale", MetricKind::Gauge),
        ];
        for (metric, name, kind) in rows {
            let names = ["a", "b"];
            assert_eq!((metric.name(|issuer| names[issuer.0]).as_str(), metric.kind()), (name, kind));
        }
    }
}
