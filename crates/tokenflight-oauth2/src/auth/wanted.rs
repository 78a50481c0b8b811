use std::time::Duration;

/// How long a source may take unless it says otherwise.
pub(super) const SOURCE_LIMIT: Duration = Duration::from_secs(10);

/// What an assertion, or another credential, is wanted for.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Wanted<'a> {
    /// The audience that it should name, by the server's rules: its issuer or its token endpoint.
    pub audience: &'a str,
    /// Where the request goes.
    pub endpoint: &'a str,
    /// Whether the server has refused the last one: what is cached should be forgotten.
    pub refused: bool,
    /// Whether the user asked for this attempt, or the session has never had a token: what was
    /// refused before may be tried again.
    pub forced: bool,
    /// The time by the calendar, since 1970, if the endpoint was given a clock.
    pub now: Option<Duration>,
}

impl<'a> Wanted<'a> {
    /// One for an audience and an endpoint; made by endpoints, and by tests of sources.
    #[must_use]
    pub const fn new(audience: &'a str, endpoint: &'a str) -> Self {
        Self { audience, endpoint, refused: false, forced: false, now: None }
    }

    /// Says whether the server has refused the last one.
    #[must_use]
    pub const fn refused(self, refused: bool) -> Self {
        Self { refused, ..self }
    }

    /// Says what time it is by the calendar, since 1970.
    #[must_use]
    pub const fn at(self, now: Duration) -> Self {
        Self { now: Some(now), ..self }
    }
}
