//! Counts requests by the issuer of their token.
//!
//! A change of a metric is a call to the host. These counts are therefore added up in the VM, and the tick adds them to
//! the metrics.

use super::{Observer, Reporter};
use crate::issuer_index::IssuerIndex;
use crate::metrics::{IssuerMetric, Metric};

impl<O: Observer> Reporter<O> {
    /// Counts a request whose token names the issuer. [`Reporter::flush_issuers`] adds it to the metric.
    pub fn count_issuer(&self, issuer: IssuerIndex, metric: IssuerMetric) {
        if let Some(counts) = self.issuers.get(issuer.0) {
            let count = counts.of(metric);
            count.set(count.get().saturating_add(1));
        }
    }

    /// Adds the counts since the last call to the metrics.
    pub fn flush_issuers(&self) {
        for (index, counts) in self.issuers.iter().enumerate() {
            for metric in [IssuerMetric::Accepted, IssuerMetric::Refused] {
                let count = counts.of(metric).take();
                if count > 0 {
                    self.add(Metric::Issuer(IssuerIndex(index), metric), i64::from(count));
                }
            }
        }
    }
}
