//! Time of day, pauses, and how both are written.

use std::{fmt::Write as _, thread, time::Duration};

use tokenflight::{Time, time::TokioTime};

/// Since the Unix epoch.
pub(crate) fn wall() -> Duration {
    TokioTime::new().now().wall
}

/// Since some moment; it goes on in a suspend and is never set.
pub(crate) fn boot() -> Duration {
    TokioTime::new().now().boot
}

/// Stops this thread for a while: a command has only one, and nothing else to do.
pub(crate) fn pause(length: Duration) {
    let end = boot().saturating_add(length);
    loop {
        let left = end.saturating_sub(boot());
        if left.is_zero() {
            return;
        }
        thread::park_timeout(left);
    }
}

/// Waits, while other tasks go on.
pub(crate) async fn sleep(length: Duration) {
    TokioTime::new().sleep(length).await;
}

/// RFC 3339 in UTC, to the second.
pub(crate) fn rfc3339(moment: Duration) -> String {
    let (days, seconds) = (moment.as_secs() / 86_400, moment.as_secs() % 86_400);
    // Days since 0000-03-01, in eras of 400 years, whose leap days all come at the end of a year.
    let days = days + 719_468;
    let (era, day) = (days / 146_097, days % 146_097);
    let year_of_era = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day_of_year = day - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    let (hour, minute, second) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

/// For people: `2 h 5 min`, `42 s`.
pub(crate) fn words(length: Duration) -> String {
    let seconds = length.as_secs();
    let units = [("d", seconds / 86_400), ("h", seconds / 3_600 % 24), ("min", seconds / 60 % 60), ("s", seconds % 60)];
    let mut text = String::new();
    for (unit, count) in units.into_iter().skip_while(|(_, count)| *count == 0).take(2) {
        if count > 0 {
            let space = if text.is_empty() { "" } else { " " };
            // Into a string nothing fails.
            let _ = write!(text, "{space}{count} {unit}");
        }
    }
    if text.is_empty() { "0 s".to_owned() } else { text }
}

/// `90`, `90s`, `200ms`, `5m`, `2h`, `1d`.
pub(crate) fn parse(text: &str) -> Result<Duration, String> {
    let digits = text.trim_end_matches(|char: char| !char.is_ascii_digit());
    let unit = match &text[digits.len()..] {
        "ms" => 1,
        "" | "s" => 1_000,
        "m" | "min" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return Err("a number of seconds, or one with ms, s, m, h or d behind it".to_owned()),
    };
    let number: u64 = digits.parse().map_err(|_| "no number of seconds".to_owned())?;
    number.checked_mul(unit).map(Duration::from_millis).ok_or_else(|| "too long".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_written_as_in_a_calendar() {
        let at = |seconds| rfc3339(Duration::from_secs(seconds));
        assert_eq!(at(0), "1970-01-01T00:00:00Z");
        assert_eq!(at(951_782_399), "2000-02-28T23:59:59Z");
        assert_eq!(at(951_782_400), "2000-02-29T00:00:00Z");
        assert_eq!(at(1_795_915_548), "2026-11-29T01:25:48Z");
        assert_eq!(at(4_107_542_400), "2100-03-01T00:00:00Z");
    }

    #[test]
    fn lengths_are_read_with_their_units_and_written_with_two() {
        let read = |text| parse(text).map(|length| length.as_secs());
        assert_eq!([read("90"), read("90s"), read("5m"), read("2h"), read("1d")], [90, 90, 300, 7_200, 86_400].map(Ok));
        assert_eq!(parse("200ms"), Ok(Duration::from_millis(200)));
        assert!(read("").is_err() && read("1y").is_err() && read("99999999999999999999").is_err());
        assert_eq!(words(Duration::from_secs(93_784)), "1 d 2 h");
        assert_eq!(words(Duration::from_secs(7_205)), "2 h");
        assert_eq!([words(Duration::from_secs(65)), words(Duration::ZERO)], ["1 min 5 s", "0 s"]);
    }
}
