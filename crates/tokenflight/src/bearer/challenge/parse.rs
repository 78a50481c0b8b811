//! The Bearer challenges of a response, read by a real parser.

use http::{HeaderMap, header::WWW_AUTHENTICATE};

use super::{Challenge, Meaning, split::split};

/// The parameters somebody may act on.
const KNOWN: [&str; 7] =
    ["error", "error_description", "scope", "acr_values", "max_age", "claims", "resource_metadata"];

/// What is kept of one parameter, in characters. Claims are the longest, and seldom half of it.
const LONGEST: usize = 1000;

/// What a response challenges its caller with.
pub(super) struct Found {
    pub(super) challenges: Vec<Challenge>,
    /// Whether there are challenges of other schemes.
    pub(super) others: bool,
}

pub(super) fn bearer_challenges(headers: &HeaderMap) -> Found {
    let mut found = Found { challenges: Vec::new(), others: false };
    for line in headers.get_all(WWW_AUTHENTICATE) {
        // A line with bytes outside ASCII says nothing.
        let Ok(line) = line.to_str() else { continue };
        for challenge in split(line) {
            match read_one(challenge) {
                Some(challenge) => found.challenges.push(challenge),
                None => found.others = true,
            }
        }
    }
    found
}

/// Reads one challenge; `None` if it is not a Bearer challenge.
fn read_one(text: &str) -> Option<Challenge> {
    let (scheme, params) = text.split_once([' ', '\t']).unwrap_or((text, ""));
    if !scheme.eq_ignore_ascii_case("bearer") {
        return None;
    }
    // The list may begin with empty members, which the parser in use does not know.
    let text = format!("Bearer {}", params.trim_start_matches([' ', '\t', ',']));
    let mut challenge = Challenge::new(Meaning::Refresh);
    // A Bearer challenge whose parameters cannot be read is one without an error code.
    let Ok(parsed) = http_auth::parse_challenges(&text) else { return Some(challenge) };
    for (name, value) in parsed.iter().flat_map(|parsed| &parsed.params) {
        // The first of its name counts.
        if let Some(known) = KNOWN.into_iter().find(|known| name.eq_ignore_ascii_case(known))
            && challenge.param(known).is_none()
        {
            challenge.params.push((known, clean(&value.to_unescaped())));
        }
    }
    challenge.meaning = meaning(&challenge);
    Some(challenge)
}

fn meaning(challenge: &Challenge) -> Meaning {
    match challenge.error() {
        // Whatever the code beside them: a token without these claims is refused again.
        None | Some("invalid_token" | "insufficient_claims") if challenge.claims().is_some() => Meaning::ClaimsRequired,
        None | Some("invalid_token") => Meaning::Refresh,
        Some("insufficient_claims") => Meaning::ClaimsRequired,
        Some("insufficient_user_authentication") => Meaning::InsufficientAuthentication,
        Some("insufficient_scope") => Meaning::InsufficientScope,
        Some("invalid_request") => Meaning::InvalidRequest,
        Some(_) => Meaning::UnknownError,
    }
}

fn clean(text: &str) -> String {
    text.chars().filter(|char| !char.is_control()).take(LONGEST).collect()
}
