//! What operators see: metrics, filter state and the log, over a port to the host ([`Observer`]).

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

/// The host as operators look at it.
pub trait Observer {
    /// Defines a metric; the same name gives the same one, in every VM.
    fn define_metric(&self, kind: MetricKind, name: &str) -> Option<u32>;
    /// Adds to a metric.
    fn add_to_metric(&self, metric: u32, amount: i64);
    /// Sets a gauge.
    fn set_metric(&self, metric: u32, value: u64);
    /// Sets what access logs read as `%FILTER_STATE(wasm.NAME:PLAIN)%` for the current request.
    fn set_filter_state(&self, name: &str, value: &[u8]);
    /// Writes a line of log.
    fn log(&self, level: Level, line: Arguments<'_>);
}

/// How a line of log is marked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// Something happened.
    Info,
    /// An operator may want to act.
    Warning,
    /// The configuration is refused.
    Error,
}

/// Tells an [`Observer`] what happens to one configuration.
#[derive(Debug)]
pub struct Reporter<O> {
    observer: O,
    /// By [`Metric::index`]; none where the host refused to define it.
    metrics: Vec<Option<u32>>,
    limiter: RefCell<LogLimiter>,
}

impl<O: Observer> Reporter<O> {
    /// Defines every metric of the configuration, so that a dashboard finds them at zero.
    pub fn new(config: &Config, observer: O) -> Self {
        let issuers = &config.issuers;
        let define = |metric: Metric| {
            let name = metric.name(|issuer| issuers.get(issuer.0).map_or("", |issuer| &issuer.name));
            observer.define_metric(metric.kind(), &name)
        };
        Self {
            metrics: Metric::all(issuers.len()).map(define).collect(),
            observer,
            limiter: RefCell::default(),
        }
    }

    fn add(&self, metric: Metric, amount: i64) {
        if let Some(metric) = self.metric(metric) {
            self.observer.add_to_metric(metric, amount);
        }
    }

    fn set(&self, metric: Metric, value: u64) {
        if let Some(metric) = self.metric(metric) {
            self.observer.set_metric(metric, value);
        }
    }

    fn metric(&self, metric: Metric) -> Option<u32> {
        self.metrics.get(metric.index()).copied().flatten()
    }

    fn info(&self, line: Arguments<'_>) {
        self.observer.log(Level::Info, line);
    }

    /// A problem that an operator may want to act on.
    pub fn warn(&self, line: Arguments<'_>) {
        self.observer.log(Level::Warning, line);
    }
}
