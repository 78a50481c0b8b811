use std::{fmt, time::Duration};

use tokenflight_core::grant::ReusePolicy;

/// Every number the machine decides by. Start from [`Policy::default`] and change what you must.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Policy {
    /// Renewal is due at this share of the lifetime, drawn evenly between the two for each generation.
    /// Default `0.70..0.85`.
    pub renew_between: (f64, f64),
    /// Renewal is never later than this before the expiry, or `lead_share` of the lifetime if that is less. Default 30 s.
    pub lead: Duration,
    /// See `lead`. Default 0.25.
    pub lead_share: f64,
    /// The lifetime of a token when neither the server nor the token says. Default: unknown, refreshed only
    /// when refused.
    pub default_lifetime: Option<Duration>,
    /// Taken off every lifetime, for clocks of servers that run ahead. Default zero.
    pub skew: Duration,
    /// How long a token request may take as a whole. Default 60 s; with [`ReusePolicy::Grace`] at most a third
    /// of the window.
    pub request_limit: Duration,
    /// How long waiting for the store's lease, or for one of its answers, may take. Default 10 s.
    pub store_limit: Duration,
    /// How long a lease outlives the request limit, so that nobody presents a token whose request may still be on its
    /// way. Default 15 s.
    pub lease_margin: Duration,
    /// A refusal of a token adopted less than this ago is no evidence of its expiry, unless half of its lifetime is
    /// over. Default 10 s.
    pub fresh_window: Duration,
    /// How many reactive refreshes one origin may cause within `storm_window` without a success between. Default 10.
    pub storm_limit: usize,
    /// See `storm_limit`. Default 10 min.
    pub storm_window: Duration,
    /// The first waiting time after a failure; full jitter, doubled each time. Default 1 s.
    pub backoff_base: Duration,
    /// The longest waiting time after a failure. Default 5 min.
    pub backoff_cap: Duration,
    /// The least time between a token response and the next token request. Default 1 s.
    pub min_interval: Duration,
    /// How often a forced refresh may skip the waiting times. Default once in 10 s.
    pub force_interval: Duration,
    /// How many times one request may be sent again. Default 1; the machine grants one more if the new token
    /// itself was spent by then.
    pub replays: u8,
    /// What an ambiguous answer allows. Default [`ReusePolicy::Strict`].
    pub reuse_policy: ReusePolicy,
    /// Whether the grant can do nothing without a refresh token. Set by the engine from the grant.
    pub needs_refresh_token: bool,
    /// Whose tokens the grant presents. Set by the engine from the grant.
    pub issuer: Option<String>,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            renew_between: (0.70, 0.85),
            lead: Duration::from_secs(30),
            lead_share: 0.25,
            default_lifetime: None,
            skew: Duration::ZERO,
            request_limit: Duration::from_secs(60),
            store_limit: Duration::from_secs(10),
            lease_margin: Duration::from_secs(15),
            fresh_window: Duration::from_secs(10),
            storm_limit: 10,
            storm_window: Duration::from_secs(600),
            backoff_base: Duration::from_secs(1),
            backoff_cap: Duration::from_secs(300),
            min_interval: Duration::from_secs(1),
            force_interval: Duration::from_secs(10),
            replays: 1,
            reuse_policy: ReusePolicy::Strict,
            needs_refresh_token: true,
            issuer: None,
        }
    }
}

impl Policy {
    /// The time a token request gets: with a grace window not more than a third of it, because an attempt that outlives
    /// the window forfeits the replay.
    #[must_use]
    pub fn attempt_limit(&self) -> Duration {
        match self.reuse_policy {
            ReusePolicy::Grace { window } => self.request_limit.min(window / 3),
            _ => self.request_limit,
        }
    }

    /// How long a lease is claimed for: time to get to the request, the request, and a margin.
    #[must_use]
    pub fn lease_length(&self) -> Duration {
        self.attempt_limit().saturating_add(self.lease_margin)
    }

    /// When a whole flight is over, whatever happens: the lease, the request, and the store's answer after it.
    #[must_use]
    pub fn flight_limit(&self) -> Duration {
        self.attempt_limit().saturating_add(self.lease_length()).saturating_add(self.store_limit.saturating_mul(3))
    }

    pub(super) fn check(&self) -> Result<(), PolicyError> {
        let (from, to) = self.renew_between;
        let share = |value: f64| value > 0.0 && value < 1.0;
        let rules = [
            ("renew_between", share(from) && share(to) && from <= to),
            ("lead_share", share(self.lead_share)),
            ("request_limit", self.attempt_limit() >= Duration::from_millis(10)),
            ("store_limit", self.store_limit >= Duration::from_millis(10)),
            ("backoff_base", self.backoff_base >= Duration::from_millis(1)),
            ("backoff_cap", self.backoff_cap >= self.backoff_base),
            ("storm_limit", self.storm_limit >= 1),
            ("replays", self.replays <= 3),
            ("request_limit", self.request_limit <= Duration::from_secs(3600)),
            ("store_limit", self.store_limit <= Duration::from_secs(3600)),
        ];
        match rules.into_iter().find(|(_, holds)| !holds) {
            Some((setting, _)) => Err(PolicyError { setting }),
            None => Ok(()),
        }
    }
}

/// A setting that makes no sense.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyError {
    setting: &'static str,
}

impl PolicyError {
    /// The name of the setting.
    #[must_use]
    pub const fn setting(&self) -> &'static str {
        self.setting
    }
}

impl fmt::Display for PolicyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the setting `{}` is out of range", self.setting)
    }
}

impl std::error::Error for PolicyError {}
