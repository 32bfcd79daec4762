//! How much a worker logs of refusals: an attacker must not fill a disk.

use crate::time::UnixTime;

/// Lines in one second.
const LINES_A_SECOND: u32 = 10;

/// What one worker has said in the current second.
#[derive(Debug, Default)]
pub struct LogLimiter {
    second: u64,
    written: u32,
    suppressed: u64,
}

/// What may be said of one refusal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogPermit {
    /// Nothing: it is counted.
    Suppressed,
    /// A line, after the count of those that were not said before it.
    Line {
        /// Refusals since the last line of which nothing was said.
        suppressed: u64,
    },
}

impl LogLimiter {
    /// Asks to say something now.
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

    /// How many refusals of a second that is over nothing was said of: told even if no other follows.
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
