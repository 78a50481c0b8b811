//! What all the programs ask, and are answered with.

use std::io::{self, Read};

use zeroize::Zeroizing;

use crate::{
    config::Profile,
    problem::Problem,
    token::{Stored, Wish, fresh},
};

/// The longest question of any program.
pub(super) const MOST: usize = 64 * 1024;

/// What the program says on standard input, to its end.
pub(super) fn question() -> Result<Zeroizing<String>, Problem> {
    let mut text = Zeroizing::new(String::with_capacity(MOST));
    let read = io::stdin().lock().take(MOST as u64).read_to_string(&mut text);
    read.map_err(|error| Problem::io("reading the question", &error))?;
    Ok(text)
}

/// A token for this profile; a warning about it goes to standard error.
pub(super) fn token(profile: &Profile) -> Result<Stored, Problem> {
    fresh(profile, &Wish::usual())
}

pub(super) fn expose(stored: &Stored) -> &str {
    stored.access.as_ref().map_or("", |access| access.expose())
}
