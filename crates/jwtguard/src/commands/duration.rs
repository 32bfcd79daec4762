//! Durations as arguments: `90s`, `15m`, `12h`, `7d`.

use std::time::Duration;

/// Parses a duration. A number without a unit is in seconds.
pub fn parse(text: &str) -> Result<Duration, String> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = match text.get(digits.len()..) {
        Some("" | "s") => 1,
        Some("m") => 60,
        Some("h") => 60 * 60,
        Some("d") => 24 * 60 * 60,
        _ => return Err(explanation()),
    };
    let number: u64 = digits.parse().map_err(|_| explanation())?;
    number.checked_mul(unit).map(Duration::from_secs).ok_or_else(explanation)
}

fn explanation() -> String {
    "expected a duration such as 90s, 15m, 12h or 7d".to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        for (text, seconds) in [("0", Some(0)), ("90s", Some(90)), ("15m", Some(900)), ("7d", Some(604_800))]
        {
            assert_eq!(parse(text).ok().map(|duration| duration.as_secs()), seconds, "{text}");
        }
        for text in ["", "m", "-5m", "1.5h", "5 m", "1w", "99999999999999999999d", "18446744073709551615d"] {
            assert_eq!(parse(text), Err(explanation()), "{text}");
        }
    }
}
