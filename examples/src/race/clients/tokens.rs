use std::time::Duration;

use tokenflight::TokenSet;

use crate::race::wire::TokenAnswer;

/// How long before expiry the hand-written clients renew: a twelfth of the lifetime, which is five
/// minutes of an hour, the usual choice. Against a short lifetime and a token endpoint that takes
/// its time it is sometimes not enough.
const LEAD: u32 = 12;

/// The state of a hand-written client.
#[derive(Clone)]
pub(crate) struct Tokens {
    /// The access token; after the end of the session the last one there was.
    pub(crate) access: String,
    /// The refresh token; none once the server has said `invalid_grant`.
    pub(crate) refresh: Option<String>,
    /// When to renew, in the time of the race.
    pub(crate) due: Duration,
}

impl Tokens {
    pub(crate) fn of(login: &TokenSet, now: Duration) -> Self {
        Self {
            access: login.access().expose().to_owned(),
            refresh: login.refresh().map(|token| token.expose().to_owned()),
            due: due(login.lifetime().unwrap_or_default(), now),
        }
    }

    /// Takes over what a refresh brought. A missing refresh token means that the old one stays.
    pub(crate) fn adopt(&mut self, answer: TokenAnswer, now: Duration) {
        self.due = due(Duration::try_from_secs_f64(answer.expires_in).unwrap_or_default(), now);
        self.access = answer.access_token;
        self.refresh = answer.refresh_token.or_else(|| self.refresh.take());
    }
}

fn due(lifetime: Duration, now: Duration) -> Duration {
    now + lifetime - lifetime / LEAD
}
