use std::time::Duration;

use http::Method;

/// How the layer treats one request: put it into the request's extensions, or make it the default of the whole layer with
/// [`BearerLayer::options`](super::BearerLayer::options). What is in the extensions replaces the default as a whole.
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
    untouched: bool,
    replay: Replays,
    min_remaining: Option<Duration>,
    max_wait: Option<Duration>,
}

/// Which requests may be sent again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Replays {
    #[default]
    All,
    Idempotent,
    Never,
}

impl BearerOptions {
    /// The defaults: a token for every listed origin, every request that can be replayed is, no limit of the layer's own.
    #[must_use]
    pub const fn new() -> Self {
        Self { untouched: false, replay: Replays::All, min_remaining: None, max_wait: None }
    }

    /// Sends the request as it is, without a token, and gives back what it is answered.
    #[must_use]
    pub const fn without_token(mut self) -> Self {
        self.untouched = true;
        self
    }

    /// Sends the request once. A refusal goes to the caller; the next request gets a newer token all the same (R-130).
    #[must_use]
    pub const fn never_replay(mut self) -> Self {
        self.replay = Replays::Never;
        self
    }

    /// Sends only requests with an idempotent method again (RFC 9110 §9.2.2).
    ///
    /// A 401 says that the request has not been applied (RFC 9110 §15.5.2), so a `POST` may be sent again by default. A
    /// gateway that passes on the 401 of a server *behind* it, after it has done something, breaks that promise (R-125).
    #[must_use]
    pub const fn replay_idempotent_only(mut self) -> Self {
        self.replay = Replays::Idempotent;
        self
    }

    /// Renews the token first if it would expire within this time (R-133).
    ///
    /// A token with more than half of its lifetime left is taken in any case: a new one would hardly last longer. If there
    /// is no new one to be had, one that is still good is used.
    #[must_use]
    pub const fn min_remaining(mut self, time: Duration) -> Self {
        self.min_remaining = Some(time);
        self
    }

    /// How long the layer may hold the request beside sending it: waiting for a token, or for the client to be ready for a
    /// replay. Counted from the call. When it is over the caller gets the refusal, if there is one, or an
    /// [`ErrorKind::TimedOut`](crate::ErrorKind::TimedOut). A `grpc-timeout` in the request is such a limit too (R-135).
    #[must_use]
    pub const fn max_wait(mut self, time: Duration) -> Self {
        self.max_wait = Some(time);
        self
    }

    pub(super) const fn is_untouched(&self) -> bool {
        self.untouched
    }

    pub(super) fn may_replay(&self, method: &Method) -> bool {
        match self.replay {
            Replays::All => true,
            Replays::Idempotent => method.is_idempotent(),
            Replays::Never => false,
        }
    }

    pub(super) const fn lasting(&self) -> Option<Duration> {
        self.min_remaining
    }

    pub(super) const fn wait_limit(&self) -> Option<Duration> {
        self.max_wait
    }
}
