//! What gRPC says in headers and trailers.

use std::time::Duration;

use http::{
    HeaderMap, HeaderValue,
    header::{CONTENT_TYPE, HeaderName},
};

/// The call's deadline, as its caller states it.
pub(super) const TIMEOUT: HeaderName = HeaderName::from_static("grpc-timeout");
const STATUS: HeaderName = HeaderName::from_static("grpc-status");
const PUSHBACK: HeaderName = HeaderName::from_static("grpc-retry-pushback-ms");

/// Whether a message is gRPC, by its content type.
#[inline]
pub(super) fn is_grpc(headers: &HeaderMap) -> bool {
    const GRPC: &[u8] = b"application/grpc";
    let begins = |value: &[u8]| value.get(..GRPC.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(GRPC));
    headers.get(CONTENT_TYPE).is_some_and(|value| begins(value.as_bytes()))
}

/// Whether the call ended because of its token; `None` if these headers or trailers do not say how
/// it ended. Of all codes only `UNAUTHENTICATED` is about the token: 7 says that it was understood,
/// and 2 says nothing.
pub(super) fn unauthenticated(headers: &HeaderMap) -> Option<bool> {
    Some(headers.get(STATUS)?.as_bytes() == b"16")
}

/// When the server wants the call again (gRFC A6). `Err` says never: a negative number, or what
/// cannot be read.
pub(super) fn pushback(headers: &HeaderMap) -> Result<Option<Duration>, ()> {
    let Some(value) = headers.get(PUSHBACK) else { return Ok(None) };
    let millis = value.to_str().ok().and_then(|text| text.parse().ok()).ok_or(())?;
    Ok(Some(Duration::from_millis(millis)))
}

/// Reads a `grpc-timeout`: at most eight digits and a unit.
pub(super) fn timeout(value: &HeaderValue) -> Option<Duration> {
    let (digits, unit) = value.to_str().ok()?.split_at_checked(value.len().checked_sub(1)?)?;
    if digits.len() > 8 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let amount: u64 = digits.parse().ok()?;
    Some(match unit {
        "H" => Duration::from_secs(amount * 3600),
        "M" => Duration::from_secs(amount * 60),
        "S" => Duration::from_secs(amount),
        "m" => Duration::from_millis(amount),
        "u" => Duration::from_micros(amount),
        "n" => Duration::from_nanos(amount),
        _ => return None,
    })
}

/// Writes a `grpc-timeout`, in the finest unit that fits eight digits; never more than it is.
pub(super) fn timeout_value(time: Duration) -> HeaderValue {
    const LIMIT: u128 = 100_000_000;
    let (amount, unit) = [(time.as_nanos(), 'n'), (time.as_micros(), 'u'), (time.as_millis(), 'm')]
        .into_iter()
        .chain([(u128::from(time.as_secs()), 'S'), (u128::from(time.as_secs() / 60), 'M')])
        .find(|(amount, _)| *amount < LIMIT)
        .unwrap_or_else(|| (u128::from(time.as_secs() / 3600).min(LIMIT - 1), 'H'));
    // Digits and a letter are a valid value.
    HeaderValue::try_from(format!("{amount}{unit}")).unwrap_or_else(|_| HeaderValue::from_static("0n"))
}

#[cfg(all(test, not(shuttle)))]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn every_unit_is_read_and_nothing_else() {
        for (text, expected) in [
            ("1H", Some(Duration::from_secs(3600))),
            ("2M", Some(Duration::from_secs(120))),
            ("30S", Some(Duration::from_secs(30))),
            ("250m", Some(Duration::from_millis(250))),
            ("7u", Some(Duration::from_micros(7))),
            ("99999999n", Some(Duration::from_nanos(99_999_999))),
            ("99999999H", Some(Duration::from_secs(99_999_999 * 3600))),
            ("", None),
            ("S", None),
            ("1", None),
            ("+1S", None),
            ("1.5S", None),
            ("100000000S", None),
            ("1 S", None),
            ("1s", None),
        ] {
            // `S` alone has no digits, and no digits are no number.
            assert_eq!(timeout(&HeaderValue::from_str(text).unwrap()), expected, "{text:?}");
        }
        assert_eq!(timeout(&HeaderValue::from_bytes(b"1\xff").unwrap()), None);
    }

    #[test]
    fn what_is_written_is_read_again_and_never_longer() {
        for nanos in [0, 1, 99_999_999, 100_000_000, 1_234_567_891, 99_999_999_999, 10_u64.pow(17) + 1, u64::MAX] {
            let time = Duration::from_nanos(nanos);
            let read = timeout(&timeout_value(time)).unwrap();
            assert!(read <= time && time - read <= time / 100_000, "{time:?} became {read:?}");
        }
        assert!(timeout(&timeout_value(Duration::MAX)).is_some());
    }

    #[test]
    fn a_pushback_is_a_time_or_a_no() {
        let read = |value: &'static str| {
            let headers = HeaderMap::from_iter([(PUSHBACK, HeaderValue::from_static(value))]);
            pushback(&headers)
        };
        assert_eq!(pushback(&HeaderMap::new()), Ok(None));
        assert_eq!(read("0"), Ok(Some(Duration::ZERO)));
        assert_eq!(read("1500"), Ok(Some(Duration::from_millis(1500))));
        assert_eq!((read("-1"), read("soon"), read("")), (Err(()), Err(()), Err(())));
    }
}
