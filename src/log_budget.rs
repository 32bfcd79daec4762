//! A limit on the log lines about denials, so that an attacker cannot fill a disk.

use crate::time::UnixTime;

/// The maximum number of lines per second.
const LINES_A_SECOND: u32 = 10;

/// The lines of one worker in the current second.
#[derive(Debug, Default)]
pub struct LogBudget {
    second: u64,
    said: u32,
    unsaid: u64,
}

/// The outcome of a request for a log line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Said {
    /// The line is suppressed and counted.
    Nothing,
    /// The line may be written, after the number of lines that were suppressed before it.
    Line {
        /// The denials suppressed since the last line.
        unsaid: u64,
    },
}

impl LogBudget {
    /// Requests permission for a line.
    pub fn spend(&mut self, now: UnixTime) -> Said {
        let second = now.as_millis() / 1000;
        if second != self.second {
            (self.second, self.said) = (second, 0);
        }
        if self.said >= LINES_A_SECOND {
            self.unsaid += 1;
            return Said::Nothing;
        }
        self.said += 1;
        Said::Line { unsaid: std::mem::take(&mut self.unsaid) }
    }

    /// The number of denials that were suppressed in a past second, so that it is logged even if no denial
    /// follows.
    pub fn settle(&mut self, now: UnixTime) -> u64 {
        let over = now.as_millis() / 1000 != self.second;
        if over { std::mem::take(&mut self.unsaid) } else { 0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_lines_a_second_and_then_a_count() {
        let mut budget = LogBudget::default();
        let now = UnixTime::from_secs(1_800_000_000);
        let said = |outcome| outcome != Said::Nothing;
        assert_eq!((0..25).filter(|_| said(budget.spend(now))).count(), 10);
        assert_eq!(budget.spend(UnixTime::from_secs(1_800_000_001)), Said::Line { unsaid: 15 });
        assert_eq!(budget.spend(UnixTime::from_secs(1_800_000_001)), Said::Line { unsaid: 0 });
    }

    #[test]
    fn the_count_is_told_when_its_second_is_over() {
        let mut budget = LogBudget::default();
        let (now, later) = (UnixTime::from_secs(1_800_000_000), UnixTime::from_secs(1_800_000_001));
        (0..25).for_each(|_| _ = budget.spend(now));
        assert_eq!(budget.settle(now), 0);
        assert_eq!(budget.settle(later), 15);
        assert_eq!(budget.settle(later), 0);
        assert_eq!(budget.spend(later), Said::Line { unsaid: 0 });
    }
}
