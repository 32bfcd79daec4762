//! Time as the core handles it: functions take the time as an argument and read no clock.

use std::time::Duration;

/// A point in time: milliseconds since 1970-01-01T00:00:00Z, without leap seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UnixTime {
    milliseconds: u64,
}

impl UnixTime {
    /// The time this many milliseconds after the epoch.
    pub const fn from_millis(milliseconds: u64) -> Self {
        Self { milliseconds }
    }

    /// The time this many seconds after the epoch.
    pub const fn from_secs(seconds: u64) -> Self {
        Self { milliseconds: seconds.saturating_mul(1000) }
    }

    /// Milliseconds since the epoch.
    pub const fn as_millis(self) -> u64 {
        self.milliseconds
    }

    /// Seconds since the epoch, with the fraction.
    pub fn as_secs_f64(self) -> f64 {
        self.milliseconds as f64 / 1000.0
    }

    /// The time later by `duration`, or the latest representable time.
    pub fn saturating_add(self, duration: Duration) -> Self {
        let added = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        Self { milliseconds: self.milliseconds.saturating_add(added) }
    }

    /// The time earlier by `duration`, or the epoch.
    pub fn saturating_sub(self, duration: Duration) -> Self {
        let taken = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        Self { milliseconds: self.milliseconds.saturating_sub(taken) }
    }

    /// The time elapsed since `earlier`; zero if `earlier` is later, for example after a clock was set back.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.milliseconds.saturating_sub(earlier.milliseconds))
    }
}
