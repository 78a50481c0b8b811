use std::time::Duration;

use http::Method;

/// How the layer treats one request: put it into the request's extensions, or make it the default
/// of the whole layer with [`BearerLayer::options`](crate::BearerLayer::options). Each option of a
/// request overrides the layer's same option and no other.
///
/// ```
/// use std::time::Duration;
/// use http::Request;
/// use tokenflight::BearerOptions;
///
/// let mut upload = Request::post("https://api.example.com/files").body(())?;
/// // Ten minutes of streaming that cannot be sent a second time: begin it with a token that lasts.
/// upload.extensions_mut().insert(BearerOptions::new().never_replay().min_remaining(Duration::from_secs(600)));
/// # Ok::<_, http::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BearerOptions {
    untouched: Option<bool>,
    replays: Option<Replays>,
    min_remaining: Option<Duration>,
    max_wait: Option<Duration>,
}

/// Which requests may be sent again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Replays {
    All,
    Idempotent,
    Never,
}

impl BearerOptions {
    /// Sets no option. Where neither request nor layer sets one: every listed origin gets a token,
    /// every replayable request may be replayed, and waiting has no limit.
    #[must_use]
    pub const fn new() -> Self {
        Self { untouched: None, replays: None, min_remaining: None, max_wait: None }
    }

    /// Sends the request as it is, without a token, and gives back what it is answered.
    #[must_use]
    pub const fn without_token(mut self) -> Self {
        self.untouched = Some(true);
        self
    }

    /// Sends the request with a token, whatever the layer's options say.
    #[must_use]
    pub const fn with_token(mut self) -> Self {
        self.untouched = Some(false);
        self
    }

    /// Sends any request again that can be, whatever the layer's options say.
    #[must_use]
    pub const fn replay_all(mut self) -> Self {
        self.replays = Some(Replays::All);
        self
    }

    /// Sends the request once. A refusal goes to the caller; the next request gets a newer token.
    #[must_use]
    pub const fn never_replay(mut self) -> Self {
        self.replays = Some(Replays::Never);
        self
    }

    /// Sends only requests with an idempotent method again (RFC 9110 §9.2.2).
    ///
    /// A 401 says that the request has not been applied (RFC 9110 §15.5.2), so a `POST` may be sent
    /// again by default. A gateway that passes on the 401 of a server *behind* it, after it has
    /// done something, breaks that promise.
    #[must_use]
    pub const fn replay_idempotent_only(mut self) -> Self {
        self.replays = Some(Replays::Idempotent);
        self
    }

    /// Renews the token first if it would expire within this time. Default: none.
    ///
    /// A token with more than half of its lifetime left is taken in any case: a new one would
    /// hardly last longer. If there is no new one to be had, one that is still good is used.
    #[must_use]
    pub const fn min_remaining(mut self, time: Duration) -> Self {
        self.min_remaining = Some(time);
        self
    }

    /// How long the layer may hold the request: waiting for a token, for the client to be ready, or
    /// for the end of a body that is to be sent again. Default: none.
    ///
    /// The time the server takes to answer does not count. When it is over the caller gets the
    /// refusal, if there is one. A request that waited for a better token than the one there is,
    /// because it wants one that lasts or another origin has refused it, is sent with that one; any
    /// other ends in an
    /// [`ErrorKind::TimedOut`](crate::ErrorKind::TimedOut). A `grpc-timeout` in the request is a
    /// limit too, and counts from the call: the server would not answer any more.
    #[must_use]
    pub const fn max_wait(mut self, time: Duration) -> Self {
        self.max_wait = Some(time);
        self
    }

    /// These options, and where they say nothing those.
    pub(super) fn or(self, those: &Self) -> Self {
        Self {
            untouched: self.untouched.or(those.untouched),
            replays: self.replays.or(those.replays),
            min_remaining: self.min_remaining.or(those.min_remaining),
            max_wait: self.max_wait.or(those.max_wait),
        }
    }

    #[inline]
    pub(super) const fn is_untouched(&self) -> bool {
        matches!(self.untouched, Some(true))
    }

    #[inline]
    pub(super) fn may_replay(&self, method: &Method) -> bool {
        match self.replays {
            None | Some(Replays::All) => true,
            Some(Replays::Idempotent) => method.is_idempotent(),
            Some(Replays::Never) => false,
        }
    }

    #[inline]
    pub(super) const fn lasting(&self) -> Option<Duration> {
        self.min_remaining
    }

    #[inline]
    pub(super) const fn wait_limit(&self) -> Option<Duration> {
        self.max_wait
    }
}
