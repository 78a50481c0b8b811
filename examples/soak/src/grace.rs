use std::time::Duration;

use tokenflight::{FailureClass, Grant, GrantError, Reason, RefreshToken, StoredTokens, TokenRequest, TokenSet};

use super::{TokenFile, interrupt::Interrupt, wire};
use tokenflight_examples::clock::Clock;

/// What the server does with a used refresh token.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Grace {
    NotAsked,
    /// Asked for without consent.
    NoConsent,
    /// There are no used ones.
    NotRotating,
    /// It was answered with tokens, so long after it was used.
    Answered {
        after: Duration,
        session: Session,
    },
    /// It was refused.
    Refused {
        after: Duration,
        session: Session,
    },
    /// In words.
    Unclear(String),
}

/// The session afterwards.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Session {
    Alive,
    Ended,
    Unclear(String),
}

/// How long a token request may take.
const LIMIT: Duration = Duration::from_secs(60);

/// Presents refresh tokens without a session around it, which would not do such a thing. What comes back is in the file
/// before anything else happens.
pub(super) struct Presenter<'a> {
    pub(super) grant: &'a dyn Grant,
    pub(super) file: &'a TokenFile,
    pub(super) clock: Clock,
}

impl Presenter<'_> {
    /// Uses the newest refresh token, waits, and uses it again. The session must be shut down, and may be over afterwards.
    pub(super) async fn probe(&self, after: Duration, interrupt: &Interrupt) -> Grace {
        let Some(used) = self.file.newest() else { return Grace::NotRotating };
        let successor = match self.present(&used).await {
            Ok(successor) => successor,
            Err(failed) => return Grace::Unclear(format!("using it once failed: {}", failed.words())),
        };
        if successor == used {
            return Grace::NotRotating;
        }
        tokio::select! {
            () = self.clock.sleep(after) => {}
            () = interrupt.raised() => return Grace::NotAsked,
        }
        match self.present(&used).await {
            // One of the two continues the session. The answer that came last is the better guess, and is tried first.
            Ok(last) => Grace::Answered { after, session: self.first_alive(&[last, successor]).await },
            Err(Failed::Refused) => Grace::Refused { after, session: self.first_alive(&[successor]).await },
            Err(failed) => Grace::Unclear(failed.words()),
        }
    }

    /// Whether one of these still brings tokens.
    async fn first_alive(&self, tokens: &[RefreshToken]) -> Session {
        for token in tokens {
            match self.present(token).await {
                Ok(_) => return Session::Alive,
                Err(Failed::Refused) => {}
                Err(failed) => return Session::Unclear(failed.words()),
            }
        }
        Session::Ended
    }

    /// Presents a token once; the refresh token that is good afterwards.
    async fn present(&self, token: &RefreshToken) -> Result<RefreshToken, Failed> {
        let request = TokenRequest::new(Some(token.clone()), Reason::Forced);
        let sent = wire::wall();
        let answer = tokio::select! {
            answer = self.grant.request(&request) => answer.map_err(|error| Failed::of(&error))?,
            () = self.clock.sleep(LIMIT) => return Err(Failed::Other(FailureClass::Ambiguous)),
        };
        self.keep(&answer, sent, token).map_err(|_| Failed::Unwritten)
    }

    fn keep(&self, answer: &TokenSet, sent: Duration, presented: &RefreshToken) -> std::io::Result<RefreshToken> {
        self.file.write(&StoredTokens::from_set(answer, sent, Some(presented)))?;
        Ok(answer.refresh().unwrap_or(presented).clone())
    }
}

/// Why there are no tokens.
#[derive(Debug)]
enum Failed {
    Refused,
    Other(FailureClass),
    /// There are, but the file could not be written.
    Unwritten,
}

impl Failed {
    fn of(error: &GrantError) -> Self {
        // A server of several machines is asked twice before its word counts; here once is enough.
        match error.class() {
            FailureClass::Terminal => Self::Refused,
            _ if error.error_code() == Some("invalid_grant") => Self::Refused,
            class => Self::Other(class),
        }
    }

    fn words(&self) -> String {
        match self {
            Self::Refused => "it was refused".to_owned(),
            Self::Other(class) => class.to_string(),
            Self::Unwritten => "the token file could not be written".to_owned(),
        }
    }
}
