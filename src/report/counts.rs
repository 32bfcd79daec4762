//! Counts that are not in the host's counters yet.
//!
//! A change of a metric is a call into the host. The events of requests are therefore added up in the VM, and the tick
//! adds the sums to the counters.

use std::cell::Cell;

/// A count for each metric, by its index.
#[derive(Debug)]
pub(super) struct Counts {
    counts: Vec<Cell<u32>>,
    has_any: Cell<bool>,
}

impl Counts {
    /// Zero for each of this number of metrics.
    pub fn new(metrics: usize) -> Self {
        Self { counts: vec![Cell::new(0); metrics], has_any: Cell::new(false) }
    }

    /// Adds to a count.
    pub fn add(&self, index: usize, amount: u32) {
        if let Some(count) = self.counts.get(index) {
            count.set(count.get().saturating_add(amount));
            self.has_any.set(true);
        }
    }

    /// Resets all counts, and passes each index and count that is not zero.
    pub fn take(&self, mut each: impl FnMut(usize, u32)) {
        if !self.has_any.take() {
            return;
        }
        for (index, count) in self.counts.iter().enumerate().filter(|(_, count)| count.get() > 0) {
            each(index, count.take());
        }
    }
}
