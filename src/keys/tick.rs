//! How often the host calls the module between requests.

use std::time::Duration;

/// The time from the configuration to the first fetch. It is not zero because the host first configures a canary VM and
/// discards it (`docs/host-facts.md`). A lease that the canary took would be lost with it.
pub const FIRST_TICK: Duration = Duration::from_millis(1);
/// How often the shared record is read while no request waits. A refresh by another worker takes effect after this time
/// at most.
const IDLE_TICK: Duration = Duration::from_millis(500);
/// How often the shared record is read while a request waits for keys that another worker fetches.
const WAITING_TICK: Duration = Duration::from_millis(20);
/// The shortest period. The host counts in milliseconds, and 0 turns the tick off.
const SHORTEST_TICK: Duration = Duration::from_millis(1);

/// The period of the tick that the host has.
#[derive(Debug)]
pub struct Tick {
    period: Duration,
}

impl Tick {
    /// A tick with the period [`FIRST_TICK`].
    pub fn first() -> Self {
        Self { period: FIRST_TICK }
    }

    /// The period to set; `None` if it does not change. `parked` is the time until the first parked request is due, and
    /// `keys` the time until the first fetch is due: see the `poll_timeout` of both.
    pub fn update(&mut self, parked: Option<Duration>, keys: Option<Duration>) -> Option<Duration> {
        let period = match (parked, keys) {
            (Some(due), _) => due.min(WAITING_TICK),
            (None, Some(due)) => due.clamp(WAITING_TICK, IDLE_TICK),
            (None, None) => IDLE_TICK,
        };
        let period = period.max(SHORTEST_TICK);
        (std::mem::replace(&mut self.period, period) != period).then_some(period)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tick_comes_when_something_is_due() {
        let ms = Duration::from_millis;
        let rows = [
            ("a request is due", Some(Duration::ZERO), Some(ms(300)), 1),
            ("a deadline is near", Some(ms(7)), Some(ms(300)), 7),
            ("less than the host can count", Some(Duration::from_micros(3)), None, 1),
            ("a request waits for another worker", Some(ms(4000)), Some(ms(1)), 20),
            ("a fetch is due", None, Some(Duration::ZERO), 20),
            ("a fetch is due soon", None, Some(ms(130)), 130),
            ("a fetch is due much later", None, Some(ms(240_000)), 500),
            ("another worker fetches, or nothing is fetched", None, None, 500),
        ];
        for (label, parked, keys, milliseconds) in rows {
            let mut tick = Tick { period: ms(77) };
            assert_eq!(tick.update(parked, keys), Some(ms(milliseconds)), "{label}");
            assert_eq!(tick.update(parked, keys), None, "{label}: the host has this period already");
        }
        assert_eq!(
            Tick::first().update(Some(Duration::ZERO), None),
            None,
            "the host has the first period already"
        );
    }
}
