//! The arithmetic of the report: plain functions. Their tests are in `tests/suite/bench_figures.rs`, because a benchmark has no
//! test runner.

/// How far a quartile of a ratio may lie from its median, as a fraction of the median. A ratio outside is not quoted.
pub const QUOTABLE: f64 = 0.1;

/// The median and the two quartiles of values.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Quartiles {
    pub low: f64,
    pub median: f64,
    pub high: f64,
}

impl Quartiles {
    /// A quartile between two values is interpolated: with few rounds, to take the lower one would move both quartiles down.
    pub fn of(values: impl IntoIterator<Item = f64>) -> Self {
        let mut values: Vec<f64> = values.into_iter().collect();
        values.sort_by(f64::total_cmp);
        let at = |quarter: usize| {
            let (index, rest) = ((values.len() - 1) * quarter / 4, (values.len() - 1) * quarter % 4);
            let next = values[(index + 1).min(values.len() - 1)];
            values[index] + (next - values[index]) * rest as f64 / 4.0
        };
        Self { low: at(1), median: at(2), high: at(3) }
    }

    /// Whether both quartiles lie within [`QUOTABLE`] of the median.
    pub fn is_quotable(self) -> bool {
        let bound = self.median * QUOTABLE;
        self.median > 0.0 && self.median - self.low <= bound && self.high - self.median <= bound
    }

    /// How far the quartiles are apart, in per cent of the median.
    pub fn percent_apart(self) -> f64 {
        (self.high - self.low) / self.median.abs() * 100.0
    }
}

/// How far two measurements of the same thing differ, in per cent of their mean.
pub fn percent_different(first: f64, second: f64) -> f64 {
    (first - second).abs() / ((first + second) / 2.0) * 100.0
}

/// What the report says about a ratio and its target. Of a ratio that is not quotable, it claims nothing.
pub fn verdict(ratio: Quartiles, target: Option<f64>) -> String {
    let target = match target {
        None => String::new(),
        Some(target) if !ratio.is_quotable() || ratio.median <= target => format!("≤ {target}"),
        Some(target) => format!("≤ {target}: **missed**"),
    };
    if ratio.is_quotable() {
        return target;
    }
    let note = format!("not quotable: quartiles {:.0} % apart", ratio.percent_apart());
    if target.is_empty() { note } else { format!("{target}; {note}") }
}

/// The number of orders of three scenarios.
pub const ORDERS: usize = 6;

/// The order in which a slice measures the three scenarios of a row, as indices. In [`ORDERS`] slices, each order occurs
/// once, so that each scenario follows each other one equally often.
pub fn order(round: usize, slice: usize) -> [usize; 3] {
    let mut order = [0, 1, 2];
    order.rotate_left(slice % 3);
    // Slices with odd numbers have a run of their own, which has to contain both directions.
    if (round + slice / 3 + slice / ORDERS) % 2 == 1 {
        order.reverse();
    }
    order
}
