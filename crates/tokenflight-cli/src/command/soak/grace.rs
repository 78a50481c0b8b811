//! What the server does with a used refresh token.

use std::time::Duration;

use tokenflight::{Error, FailureClass, Grant, GrantError, Reason, RefreshToken, Session, TokenRequest, TokenSet};

use super::{alive::Alive, api, interrupt::Interrupt};
use crate::{clock, config::Profile, token::refresh_token};

/// What became of it.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Grace {
    NotAsked,
    /// There are no used ones.
    NotRotating,
    /// It was answered with tokens, so long after it was used.
    Answered {
        after: Duration,
        session: Alive,
    },
    /// It was refused.
    Refused {
        after: Duration,
        session: Alive,
    },
    /// In words.
    Unclear(String),
}

impl Grace {
    /// What is known of the login afterwards, if it was tried.
    pub(super) fn alive(&self) -> Option<Alive> {
        match self {
            Self::NotAsked | Self::NotRotating => None,
            Self::Answered { session, .. } | Self::Refused { session, .. } => Some(session.clone()),
            Self::Unclear(words) => Some(Alive::Unclear(words.clone())),
        }
    }
}

/// How long the token request may take.
const LIMIT: Duration = Duration::from_secs(60);

/// Presents a refresh token without a session around it, which would not do such a thing.
pub(super) struct Probe<'a> {
    pub(super) profile: &'a Profile,
    pub(super) session: &'a Session,
    pub(super) grant: &'a dyn Grant,
}

impl Probe<'_> {
    /// Uses the stored refresh token, waits, and uses it again. The login may be over afterwards.
    pub(super) async fn run(&self, after: Duration, interrupt: &Interrupt) -> Grace {
        let Some((used, _)) = self.stored() else { return Grace::NotRotating };
        if let Err(error) = self.session.refresh().await {
            return Grace::Unclear(format!("using it once failed: {}", api::kind(&error)));
        }
        let Some((successor, successors)) = self.stored() else { return Grace::NotRotating };
        if successor == used {
            return Grace::NotRotating;
        }
        if interrupt.unless(clock::sleep(after)).await.is_err() {
            return Grace::NotAsked;
        }
        match self.present(&used).await {
            Ok(tokens) => {
                let last = match tokens.refresh() {
                    Some(_) => tokens,
                    None => tokens.refresh_token(used.expose()),
                };
                // One of the two continues the login. The answer that came last is the better
                // guess, and is tried first.
                Grace::Answered { after, session: self.first_alive([last, successors]).await }
            }
            Err(error) if is_refusal(&error) => Grace::Refused { after, session: alive(self.session.refresh().await) },
            Err(error) => Grace::Unclear(error.class().to_string()),
        }
    }

    /// The stored tokens. What is not stored yet is not looked for.
    fn stored(&self) -> Option<(RefreshToken, TokenSet)> {
        let entry = self.profile.store().read(&self.profile.key()).ok()??;
        let refresh = refresh_token(&entry)?.clone();
        let access = entry.tokens()?.access.as_ref().map_or("", |access| access.expose());
        let tokens = TokenSet::new(access).refresh_token(refresh.expose()).expires_in(Duration::ZERO);
        Some((refresh, tokens))
    }

    async fn present(&self, token: &RefreshToken) -> Result<TokenSet, GrantError> {
        let request = TokenRequest::new(Some(token.clone()), Reason::Forced);
        tokio::select! {
            answer = self.grant.request(&request) => answer,
            () = clock::sleep(LIMIT) => Err(GrantError::ambiguous("no answer in time")),
        }
    }

    /// Whether one of these still brings tokens. It is stored before it is presented.
    async fn first_alive(&self, sets: [TokenSet; 2]) -> Alive {
        let mut last = Alive::Yes;
        for tokens in sets {
            if let Err(error) = self.session.login(tokens).await {
                return Alive::Unclear(api::kind(&error));
            }
            last = alive(self.session.refresh().await);
            if !matches!(last, Alive::No(_)) {
                break;
            }
        }
        last
    }
}

fn alive<T>(refreshed: Result<T, Error>) -> Alive {
    Alive::after(refreshed, |_| "ended by --probe-grace".to_owned())
}

/// A server of several machines is asked twice before its word counts; here once is enough.
fn is_refusal(error: &GrantError) -> bool {
    error.class() == FailureClass::Terminal || error.error_code() == Some("invalid_grant")
}
