//! Reports to operators: metrics, filter state and the log. The host is a trait ([`Observer`]).

mod counts;
mod keys;
mod requests;
mod startup;
#[cfg(test)]
mod tests;

use std::cell::RefCell;
use std::fmt::Arguments;

use crate::config::Config;
use crate::log_limiter::LogLimiter;
use crate::metrics::{Metric, MetricKind};
use counts::Counts;

/// The host functions for metrics, filter state and the log.
pub trait Observer {
    /// Defines a metric. The same name gives the same metric in every VM.
    fn define_metric(&self, kind: MetricKind, name: &str) -> Option<u32>;
    /// Adds to a metric.
    fn add_to_metric(&self, metric: u32, amount: i64);
    /// Sets a gauge.
    fn set_metric(&self, metric: u32, value: u64);
    /// Sets a filter state object of the current request. Access logs read it as `%FILTER_STATE(wasm.NAME:PLAIN)%`.
    fn set_filter_state(&self, name: &str, value: &[u8]);
    /// Writes a line of log.
    fn log(&self, level: Level, line: Arguments<'_>);
}

/// The level of a log line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// An event.
    Info,
    /// An event that an operator may want to act on.
    Warning,
    /// The configuration is refused.
    Error,
}

/// Reports the events of one configuration to an [`Observer`].
#[derive(Debug)]
pub struct Reporter<O> {
    observer: O,
    /// The metrics by [`Metric::index`]. `None` if the host refused to define a metric, or the configuration does not
    /// have it.
    metrics: Vec<Option<u32>>,
    issuers: usize,
    /// What is not in the counters yet.
    counts: Counts,
    limiter: RefCell<LogLimiter>,
}

impl<O: Observer> Reporter<O> {
    /// Defines all metrics of the configuration, so that a dashboard shows them as zero from the start.
    pub fn new(config: &Config, observer: O) -> Self {
        let issuers = &config.issuers;
        let define = |metric: Metric| {
            if let Metric::RevocationList(issuer, _) = metric {
                issuers.get(issuer.0)?.revocation_list.as_ref()?;
            }
            let name = metric.name(|issuer| issuers.get(issuer.0).map_or("", |issuer| &issuer.name));
            observer.define_metric(metric.kind(), &name)
        };
        Self {
            metrics: Metric::all(issuers.len()).map(define).collect(),
            issuers: issuers.len(),
            counts: Counts::new(Metric::all(issuers.len()).count()),
            observer,
            limiter: RefCell::default(),
        }
    }

    fn add(&self, metric: Metric, amount: i64) {
        if let Some(metric) = self.metric(metric) {
            self.observer.add_to_metric(metric, amount);
        }
    }

    /// Counts an event of a request. [`Reporter::flush`] adds it to the counter.
    fn count(&self, metric: Metric, amount: u32) {
        self.counts.add(metric.index(self.issuers), amount);
    }

    /// Adds the counts since the last call to the counters.
    pub fn flush(&self) {
        self.counts.take(|index, count| {
            if let Some(metric) = self.metrics.get(index).copied().flatten() {
                self.observer.add_to_metric(metric, i64::from(count));
            }
        });
    }

    fn set(&self, metric: Metric, value: u64) {
        if let Some(metric) = self.metric(metric) {
            self.observer.set_metric(metric, value);
        }
    }

    fn metric(&self, metric: Metric) -> Option<u32> {
        self.metrics.get(metric.index(self.issuers)).copied().flatten()
    }

    fn info(&self, line: Arguments<'_>) {
        self.observer.log(Level::Info, line);
    }

    /// Logs a warning.
    pub fn warn(&self, line: Arguments<'_>) {
        self.observer.log(Level::Warning, line);
    }
}
