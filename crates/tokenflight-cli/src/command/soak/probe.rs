//! What a refresh does to the access token before it.

use std::time::Duration;

use http::{HeaderValue, StatusCode};
use tokenflight::Session;

use super::{
    api::{self, Api},
    books::Books,
};
use crate::{clock, config::Profile, problem::Problem};

/// What the resource makes of a token.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Answer {
    Works,
    Refused,
    /// Neither, in words.
    Unclear(String),
}

/// What a refresh does to the access token before it.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum OldToken {
    LivesOn,
    Dies,
    /// The refresh brought the same access token again.
    Same,
    Unclear(String),
}

/// Lifetimes count in whole seconds: a token may end one second early without a wrong announcement.
const WHOLE_SECOND: Duration = Duration::from_secs(1);

/// Asks the resource with exactly this token.
pub(super) async fn ask(api: &Api, token: &HeaderValue) -> Answer {
    match api.ask_with(token).await {
        Ok(status) if status.is_success() => Answer::Works,
        Ok(StatusCode::UNAUTHORIZED) => Answer::Refused,
        Ok(status) => Answer::Unclear(format!("the resource answered {}", status.as_u16())),
        Err(error) => Answer::Unclear(api::words(&error)),
    }
}

/// Renews twice before there is any load: once because it is not known how old the stored tokens
/// are, and a second time to see what becomes of a token that is known to be good.
///
/// # Errors
///
/// If there is no token that the resource takes: then a load would show nothing.
pub(super) async fn old_token(
    profile: &Profile,
    session: &Session,
    api: &Api,
    books: &Books,
) -> Result<OldToken, Problem> {
    let first = session.refresh().await.map_err(|error| Problem::session(&profile.name, &error))?;
    let begin = clock::boot();
    match ask(api, first.header()).await {
        Answer::Works => {}
        Answer::Refused => return Err(Problem::refused("the resource answers 401 to a token that was just issued")),
        Answer::Unclear(words) => return Err(Problem::later(format!("{words} to a token that was just issued"))),
    }
    let lifetime = books.read().lifetime;
    let second = match session.refresh().await {
        Ok(second) => second,
        Err(error) => return Ok(OldToken::Unclear(format!("the refresh failed: {}", api::kind(&error)))),
    };
    if second.access() == first.access() {
        return Ok(OldToken::Same);
    }
    let answers = (ask(api, first.header()).await, ask(api, second.header()).await);
    let age = clock::boot().saturating_sub(begin);
    Ok(match answers {
        (Answer::Works, _) => OldToken::LivesOn,
        (Answer::Refused, _) if lifetime.is_some_and(|lifetime| age + WHOLE_SECOND >= lifetime) => {
            OldToken::Unclear("it may have run out meanwhile".to_owned())
        }
        (Answer::Refused, Answer::Works) => OldToken::Dies,
        (Answer::Refused, _) => OldToken::Unclear("the new one does not work either".to_owned()),
        (Answer::Unclear(words), _) => OldToken::Unclear(words),
    })
}
