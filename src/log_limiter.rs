//! A limit on the log lines about denials, so that an attacker cannot fill a disk.

use crate::time::UnixTime;

/// The maximum number of lines per second.
const LINES_A_SECOND: u32 = 10;

/// The lines of one worker in the current second.
#[derive(Debug, Default)]
pub struct LogLimiter {
    second: u64,
    written: u32,
    suppressed: u64,
}

/// The outcome of a request for a log line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogPermit {
    /// The line is suppressed and counted.
    Suppressed,
    /// The line may be written, after the number of lines that were suppressed before it.
    Line {
        /// The denials suppressed since the last line.
        suppressed: u64,
    },
}

impl LogLimiter {
    /// Requests permission for a line.
    pub fn try_acquire(&mut self, now: UnixTime) -> LogPermit {
        let second = now.as_millis() / 1000;
        if second != self.second {
            (self.second, self.written) = (second, 0);
        }
        if self.written >= LINES_A_SECOND {
            self.suppressed += 1;
            return LogPermit::Suppressed;
        }
        self.written += 1;
        LogPermit::Line { suppressed: std::mem::take(&mut self.suppressed) }
    }

    /// The number of denials that were suppressed in a past second, so that it is logged even if no denial
    /// follows.
    pub fn flush(&mut self, now: UnixTime) -> u64 {
        let over = now.as_millis() / 1000 != self.second;
        if over { std::mem::take(&mut self.suppressed) } else { 0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_lines_a_second_and_then_a_count() {
        let mut limiter = LogLimiter::default();
        let now = UnixTime::from_secs(1_800_000_000);
        let written = |outcome| outcome != LogPermit::Suppressed;
        assert_eq!((0..25).filter(|_| written(limiter.try_acquire(now))).count(), 10);
        assert_eq!(
            limiter.try_acquire(UnixTime::from_secs(1_800_000_001)),
            LogPermit::Line { suppressed: 15 }
        );
        assert_eq!(
            limiter.try_acquire(UnixTime::from_secs(1_800_000_001)),
            LogPermit::Line { suppressed: 0 }
        );
    }

    #[test]
    fn the_count_is_told_when_its_second_is_over() {
        let mut limiter = LogLimiter::default();
        let (now, later) = (UnixTime::from_secs(1_800_000_000), UnixTime::from_secs(1_800_000_001));
        (0..25).for_each(|_| _ = limiter.try_acquire(now));
        assert_eq!(limiter.flush(now), 0);
        assert_eq!(limiter.flush(later), 15);
        assert_eq!(limiter.flush(later), 0);
        assert_eq!(limiter.try_acquire(later), LogPermit::Line { suppressed: 0 });
    }
}
