//! The requests of one issuer that are not in its metrics yet.

use std::cell::Cell;

use crate::metrics::IssuerMetric;

/// Requests that are not in the metrics of an issuer yet.
#[derive(Debug, Default)]
pub(super) struct IssuerCounts {
    accepted: Cell<u32>,
    refused: Cell<u32>,
}

impl IssuerCounts {
    /// The count of a metric.
    pub fn of(&self, metric: IssuerMetric) -> &Cell<u32> {
        match metric {
            IssuerMetric::Accepted => &self.accepted,
            IssuerMetric::Refused => &self.refused,
        }
    }
}
