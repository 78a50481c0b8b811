//! Moments as Google's APIs write them (RFC 3339).

use std::time::Duration;

/// The moment, since 1970; `None` if it is none, or before that.
pub(super) fn seconds(text: &str) -> Option<Duration> {
    let number = |from: usize, length: usize| {
        let digits = text.get(from..from + length)?;
        digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse::<i64>().ok())?
    };
    let mark = |at: usize, marks: &[u8]| text.as_bytes().get(at).is_some_and(|byte| marks.contains(byte));
    let written = mark(4, b"-") && mark(7, b"-") && mark(10, b"Tt ") && mark(13, b":") && mark(16, b":");
    let (year, month, day) = (number(0, 4)?, number(5, 2)?, number(8, 2)?);
    let (hour, minute, second) = (number(11, 2)?, number(14, 2)?, number(17, 2)?);
    let sane = (1..=12).contains(&month) && (1..=31).contains(&day) && hour < 24 && minute < 60 && second <= 60;
    if !written || !sane {
        return None;
    }
    // Parts of a second are rounded down.
    let rest = text.get(19..)?;
    let zone = rest.strip_prefix('.').map_or(rest, |rest| rest.trim_start_matches(|char: char| char.is_ascii_digit()));
    let ahead = match zone.as_bytes() {
        [b'Z' | b'z'] => 0,
        [sign @ (b'+' | b'-'), _, _, b':', _, _] => {
            let at = text.len() - 5;
            let minutes = number(at, 2)? * 60 + number(at + 3, 2)?;
            if *sign == b'+' { minutes } else { -minutes }
        }
        _ => return None,
    };
    let since = days(year, month, day) * 86_400 + hour * 3_600 + (minute - ahead) * 60 + second;
    u64::try_from(since).ok().map(Duration::from_secs)
}

/// Days since 1970-01-01 in the Gregorian calendar, with years that begin in March so that the leap
/// day comes last.
const fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::seconds;

    #[test]
    fn moments_are_read_in_every_zone() {
        for (text, expected) in [
            ("1970-01-01T00:00:00Z", Some(0)),
            ("2026-11-29T12:45:00Z", Some(1_795_956_300)),
            ("2024-02-29T23:59:59.999999999Z", Some(1_709_251_199)),
            ("2000-03-01T00:00:00Z", Some(951_868_800)),
            ("2026-11-29T14:45:00+02:00", Some(1_795_956_300)),
            ("2026-11-29T07:15:00-05:30", Some(1_795_956_300)),
            ("2026-11-29t12:45:00z", Some(1_795_956_300)),
            ("1969-12-31T23:59:59Z", None),
            ("2026-13-01T00:00:00Z", None),
            ("2026-11-29T12:45:00", None),
            ("2026-11-29T12:45:00+2:00", None),
            ("2026-11-29", None),
            ("", None),
            ("２０２６-11-29T12:45:00Z", None),
        ] {
            assert_eq!(seconds(text).map(|moment| moment.as_secs()), expected, "{text}");
        }
    }
}
