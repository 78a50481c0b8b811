use std::time::Duration;

/// When a [`Breaker`](super::Breaker) opens, and for how long. Start from [`Settings::default`] and
/// change what must be changed.
///
/// ```
/// use tokenflight::breaker::Settings;
///
/// let mut settings = Settings::default();
/// settings.ends = 3;
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Settings {
    /// How many sessions must have ended within the window. Default 5, at least 1.
    pub ends: u32,
    /// And they must be at least one in so many of those that the server has answered. Default 20,
    /// at least 1. As many must live, one after the other, before an open breaker is closed.
    pub one_in: u32,
    /// For how long an answer counts, give or take an eighth. Default 5 min: of a hundred sessions
    /// with tokens of an hour, eight ask in that time.
    pub window: Duration,
    /// How long no session asks after the breaker has opened; twice as long each time that the one
    /// that asks then ends, up to an hour. Default 60 s, at least 1 s.
    pub wait: Duration,
    /// What the authorization server is called in events (`tokenflight.breaker`): a constant, so
    /// that no secret can be one. Default: `default`. Shown with the feature `tracing` only.
    pub label: &'static str,
}

impl Default for Settings {
    fn default() -> Self {
        Self { ends: 5, one_in: 20, window: Duration::from_secs(300), wait: Duration::from_secs(60), label: "default" }
    }
}

impl Settings {
    /// Nothing below its least value.
    pub(super) fn bounded(self) -> Self {
        Self {
            ends: self.ends.max(1),
            one_in: self.one_in.max(1),
            window: self.window.max(Duration::from_secs(1)),
            wait: self.wait.max(Duration::from_secs(1)),
            ..self
        }
    }
}
