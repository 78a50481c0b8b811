//! Whether the announced lifetime is the real one.

use std::time::Duration;

use http::HeaderValue;

use super::{
    api::Api,
    interrupt::Interrupt,
    probe::{self, Answer},
};
use crate::clock;

/// Whether the announced lifetime is the real one.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Lifetime {
    /// The server announces none.
    Unannounced,
    /// It is longer than the load was: nothing was agreed about waiting that long.
    TooLong(Duration),
    /// It is too short to be told from whole seconds.
    TooShort(Duration),
    /// The run ended early.
    Interrupted,
    /// One token was followed to its end.
    Followed { announced: Duration, before: Answer, after: Answer },
}

/// How long before and after the announced end the resource is asked. Lifetimes are whole seconds.
pub(super) const MARGIN: Duration = Duration::from_millis(1_500);

/// A token to be followed: when it arrived, and how long it is said to live.
#[derive(Clone, Debug)]
pub(super) struct Token {
    pub(super) header: HeaderValue,
    pub(super) arrived: Duration,
    pub(super) announced: Option<Duration>,
}

/// Follows a token to its end. Nothing is renewed meanwhile, because a refresh may end it too.
pub(super) async fn follow(token: &Token, most: Duration, api: &Api, interrupt: &Interrupt) -> Lifetime {
    let announced = match token.announced {
        None => return Lifetime::Unannounced,
        Some(announced) if announced > most => return Lifetime::TooLong(announced),
        Some(announced) if announced < 2 * MARGIN => return Lifetime::TooShort(announced),
        Some(announced) => announced,
    };
    let end = token.arrived + announced;
    let mut answers = Vec::with_capacity(2);
    for moment in [end - MARGIN, end + MARGIN] {
        if interrupt.unless(clock::sleep(moment.saturating_sub(clock::boot()))).await.is_err() {
            return Lifetime::Interrupted;
        }
        answers.push(probe::ask(api, &token.header).await);
    }
    match <[Answer; 2]>::try_from(answers) {
        Ok([before, after]) => Lifetime::Followed { announced, before, after },
        Err(_) => Lifetime::Interrupted,
    }
}
