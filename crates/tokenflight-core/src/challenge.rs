//! What a 401 means: the `WWW-Authenticate` header, read by the decision table of R-121.
//!
//! Never fails a request: what cannot be read carries no information (R-120).
//!
//! ```
//! use http::{HeaderMap, HeaderValue, header::WWW_AUTHENTICATE};
//! use tokenflight_core::challenge::{Meaning, judge};
//!
//! let mut headers = HeaderMap::new();
//! assert_eq!(judge(&headers), Meaning::Refresh); // no challenge at all: illegal, and common
//! headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static(r#"Bearer error="insufficient_scope""#));
//! assert_eq!(judge(&headers), Meaning::InsufficientScope);
//! ```

use http::{HeaderMap, header::WWW_AUTHENTICATE};

/// What a refusal asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Meaning {
    /// Another token may help: `invalid_token`, a Bearer challenge without an error, or no challenge at all.
    Refresh,
    /// The user must authenticate in another way (RFC 9470). A new token from the same grant does not help.
    InsufficientAuthentication,
    /// The token lacks a scope. Refreshing does not add one.
    InsufficientScope,
    /// The request is malformed. The same request with another token is, too.
    InvalidRequest,
    /// The server wants another scheme (Basic, Negotiate, DPoP, …).
    OtherScheme,
    /// A Bearer challenge with an error code this table does not know.
    UnknownError,
}

/// Judges the head of a 401 response.
#[must_use]
pub fn judge(headers: &HeaderMap) -> Meaning {
    let mut others = false;
    let mut found = None;
    for line in headers.get_all(WWW_AUTHENTICATE) {
        // A line with bytes outside ASCII says nothing.
        let Ok(line) = line.to_str() else { continue };
        for challenge in split(line) {
            match read(challenge) {
                Some(meaning) => found = Some(found.map_or(meaning, |first: Meaning| prefer(first, meaning))),
                None => others = true,
            }
        }
    }
    match found {
        Some(meaning) => meaning,
        None if others => Meaning::OtherScheme,
        None => Meaning::Refresh,
    }
}

/// Of several Bearer challenges the one that forbids a refresh wins: it is the more specific statement.
fn prefer(first: Meaning, second: Meaning) -> Meaning {
    if first == Meaning::Refresh { second } else { first }
}

/// The meaning of one challenge, `None` if it is not a Bearer challenge.
fn read(challenge: &str) -> Option<Meaning> {
    let (scheme, params) = challenge.split_once([' ', '\t']).unwrap_or((challenge, ""));
    if !scheme.eq_ignore_ascii_case("bearer") {
        return None;
    }
    // The list may begin with empty members, which the parser in use does not know.
    let challenge = format!("Bearer {}", params.trim_start_matches([' ', '\t', ',']));
    // A Bearer challenge whose parameters cannot be read is one without an error code.
    let Ok(parsed) = http_auth::parse_challenges(&challenge) else { return Some(Meaning::Refresh) };
    let error = parsed
        .iter()
        .flat_map(|challenge| &challenge.params)
        .find(|(name, _)| name.eq_ignore_ascii_case("error"))
        .map(|(_, value)| value.to_unescaped());
    Some(match error.as_deref() {
        None | Some("invalid_token") => Meaning::Refresh,
        Some("insufficient_user_authentication") => Meaning::InsufficientAuthentication,
        Some("insufficient_scope") => Meaning::InsufficientScope,
        Some("invalid_request") => Meaning::InvalidRequest,
        Some(_) => Meaning::UnknownError,
    })
}

/// Splits a header line into its challenges (RFC 9110 §11.6.1): a comma starts a new one if a scheme follows, that is a
/// token that is not the name of a parameter. The parser in use reads a whole line or nothing, and a foreign scheme's
/// `token68` would take our own challenge down with it.
fn split(line: &str) -> Vec<&str> {
    let mut challenges = Vec::new();
    let mut start = 0;
    for at in commas(line) {
        if at < start {
            // An empty member, passed over with the comma before it.
            continue;
        }
        let rest = line[at + 1..].trim_start_matches([' ', '\t', ',']);
        if starts_challenge(rest) {
            challenges.push(&line[start..at]);
            start = line.len() - rest.len();
        }
    }
    challenges.push(&line[start..]);
    let trimmed = challenges.into_iter().map(|part| part.trim_matches([' ', '\t', ',']));
    trimmed.filter(|part| !part.is_empty()).collect()
}

/// The places of commas outside quoted strings.
fn commas(line: &str) -> impl Iterator<Item = usize> + '_ {
    let (mut quoted, mut escaped) = (false, false);
    line.bytes().enumerate().filter_map(move |(at, byte)| {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b',' if !quoted => return Some(at),
            _ => {}
        }
        None
    })
}

/// Whether a list element begins with a scheme: `Scheme`, `Scheme token68` or `Scheme name=value`, not `name=value`.
fn starts_challenge(element: &str) -> bool {
    let token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    let name = element.bytes().take_while(|byte| token(*byte)).count();
    if name == 0 {
        return false;
    }
    let rest = element[name..].trim_start_matches([' ', '\t']);
    let spaced = rest.len() < element.len() - name;
    match rest.bytes().next() {
        None | Some(b',') => true,
        // `name = value` with spaces around the sign is legal, if ugly.
        Some(b'=') => false,
        Some(_) => spaced,
    }
}
