//! Time as the core sees it: an argument, never read.

use std::time::Duration;

/// A moment: milliseconds since 1970-01-01T00:00:00Z, leap seconds not counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UnixTime {
    milliseconds: u64,
}

impl UnixTime {
    /// That many milliseconds after the epoch.
    pub const fn from_millis(milliseconds: u64) -> Self {
        Self { milliseconds }
    }

    /// That many seconds after the epoch.
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

    /// Later by that much, or the last moment there is.
    pub fn saturating_add(self, duration: Duration) -> Self {
        let added = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        Self { milliseconds: self.milliseconds.saturating_add(added) }
    }

    /// Earlier by that much, or the epoch.
    pub fn saturating_sub(self, duration: Duration) -> Self {
        let taken = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        Self { milliseconds: self.milliseconds.saturating_sub(taken) }
    }

    /// How long after `earlier` this is; zero where it is not after it, as when a clock was set back.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.milliseconds.saturating_sub(earlier.milliseconds))
    }
}
