use std::time::Duration;

use http::{HeaderMap, header};

/// `Retry-After` (RFC 9110 §10.2.3): seconds, or a date, which counts from the response's `Date`,
/// not from a local clock. A date without a `Date` says nothing. The machine cuts it to an hour.
pub(super) fn read(headers: &HeaderMap) -> Option<Duration> {
    let text = |name| headers.get(name).and_then(|value: &http::HeaderValue| value.to_str().ok()).map(str::trim);
    let value = text(header::RETRY_AFTER)?;
    if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) {
        // More digits than fit are a very long time.
        return Some(Duration::from_secs(value.parse().unwrap_or(u64::MAX)));
    }
    let until = httpdate::parse_http_date(value).ok()?;
    let sent = httpdate::parse_http_date(text(header::DATE)?).ok()?;
    // A time that has passed: the server expects us at once.
    Some(until.duration_since(sent).unwrap_or(Duration::ZERO))
}
