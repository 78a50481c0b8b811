//! Keeping the request's secrets out of what is told of the answer: error descriptions repeat them.

use std::borrow::Cow;

use tokenflight_core::Secret;

/// Stands for a text that repeats a secret.
const WITHHELD: &str = "withheld: it repeats a secret of the request";
/// A shorter value is no secret, and is found in any text.
const LEAST: usize = 5;
/// So much of a longer secret is too much: servers cut what they repeat, and so do we.
const PART: usize = 12;

/// What may be told of a server's text: its beginning, unless that repeats a secret. It is cleaned
/// before it is looked at, as it is cleaned before it is told: otherwise a secret with a control
/// character in it would be told after all.
pub(super) fn withhold(text: &str, secrets: &[Secret]) -> String {
    /// More than is told of any text.
    const SEEN: usize = 512;
    let text: String = text.chars().filter(|char| !char.is_control()).take(SEEN).collect();
    if repeats(&text, secrets) { WITHHELD.to_owned() } else { text }
}

/// Whether a text contains a secret or a good part of one, raw or percent-encoded, once or twice.
pub(super) fn repeats(text: &str, secrets: &[Secret]) -> bool {
    let once = decode(text);
    let twice = decode(&once);
    let shown = [text, &*once, &*twice];
    secrets.iter().map(Secret::expose).filter(|secret| secret.len() >= LEAST).any(|secret| {
        let plain = decode(secret);
        [secret, &*plain].into_iter().any(|secret| shown.iter().any(|text| contains(text, secret)))
    })
}

fn contains(text: &str, secret: &str) -> bool {
    if secret.len() <= PART {
        return text.contains(secret);
    }
    let mut parts = secret.as_bytes().windows(PART);
    let text = text.as_bytes();
    text.len() >= PART && parts.any(|part| memmem(text, part))
}

fn memmem(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len()).any(|there| there == part)
}

/// With `%XX` and `+` undone, as far as they stand for text.
fn decode(text: &str) -> Cow<'_, str> {
    if !text.contains(['%', '+']) {
        return Cow::Borrowed(text);
    }
    // The name of a pair without an equals sign or an ampersand is the whole text.
    let held = text.replace('&', "%26").replace('=', "%3D");
    let decoded = form_urlencoded::parse(held.as_bytes()).next().map(|(name, _)| name.into_owned());
    Cow::Owned(decoded.unwrap_or_default())
}
