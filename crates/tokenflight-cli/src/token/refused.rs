//! Tokens that a server refused, as far as a program says so: the next that asks gets a newer one.

use std::time::Duration;

use super::Stored;
use crate::{clock, config::Profile, private};

const KIND: &str = "refused";

/// A refusal of a token that is younger says nothing about its age, and another one would be
/// refused as well.
const FRESH: Duration = Duration::from_secs(10);

/// Notes that this token was refused. A token that is not the stored one is of no interest.
pub(crate) fn mark(profile: &Profile, stored: &Stored, token: &str) {
    let is_stored = stored.access.as_ref().is_some_and(|access| access.expose() == token);
    let age = clock::wall().saturating_sub(stored.received());
    if is_stored && age >= FRESH {
        // Without the note the token is served until it expires.
        let _ = private::write(&profile.file(KIND), order(stored).as_bytes());
    }
}

pub(super) fn is_marked(profile: &Profile, stored: &Stored) -> bool {
    let noted = private::read(&profile.file(KIND)).ok().flatten();
    noted.is_some_and(|noted| *noted == order(stored).as_bytes())
}

/// A login has replaced the token that was refused.
pub(crate) fn forget(profile: &Profile) {
    let _ = std::fs::remove_file(profile.file(KIND));
}

fn order(stored: &Stored) -> String {
    let (epoch, rotation) = stored.order;
    format!("{epoch}.{rotation}")
}
