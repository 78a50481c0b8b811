use std::{fmt, time::Duration};

use tokenflight_core::grant::ReusePolicy;

/// How much of a claim must be left when a request's time is over.
pub(super) const RESERVE: Duration = Duration::from_secs(5);

/// Every number the machine decides by. Start from [`Policy::default`] and change what must be
/// changed. The builder of a session checks all of them, and how they go together.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Policy {
    /// Renewal is due at this share of the lifetime, drawn evenly between the two for each token.
    /// Default `0.70..0.85`.
    pub renew_between: (f64, f64),
    /// Renewal is never later than this before the expiry, or `lead_share` of the lifetime if that
    /// is less. Default 30 s.
    pub lead: Duration,
    /// See `lead`. Default 0.25.
    pub lead_share: f64,
    /// The lifetime of a token when neither the server nor the token says. Default: unknown,
    /// refreshed only when refused.
    pub default_lifetime: Option<Duration>,
    /// Taken off every lifetime, for clocks of servers that run ahead. Default zero.
    pub skew: Duration,
    /// How long a token request may take as a whole. Default 60 s; with [`ReusePolicy::Grace`] at
    /// most a fifth of the window, but never less than 10 s.
    pub request_limit: Duration,
    /// How long one answer of the store may take. Default 10 s.
    pub store_limit: Duration,
    /// How long a claim outlives the request limit: time to get to the request, and 5 s for the
    /// request to arrive. At least 5 s more than `store_limit`. Default 15 s.
    pub claim_margin: Duration,
    /// A refusal of a token adopted less than this ago is no evidence of its expiry; never more
    /// than a quarter of its lifetime. Default 10 s.
    pub fresh_window: Duration,
    /// After this many new tokens refused in a row by one origin, refreshing for it pauses. Default
    /// 10.
    pub storm_limit: usize,
    /// A row ends after this long without such a refusal; also the length of the first pause. Each
    /// later pause is twice as long, up to an hour, and one refused token starts it. Default
    /// 10 min.
    pub storm_window: Duration,
    /// After a failure the session leaves the server alone: at first for up to this long, and twice
    /// as long each time, with full jitter. Calls without a usable token fail at once meanwhile,
    /// with that failure. Default 1 s.
    pub backoff_base: Duration,
    /// The longest time for which the server is left alone, unless it asks for more. Default 5 min.
    pub backoff_cap: Duration,
    /// The least time between a token response and the next token request; never more than a
    /// quarter of the token's lifetime. Default 1 s.
    pub min_interval: Duration,
    /// How often a forced refresh may skip these waits, unless the server named the time. Default
    /// once in 10 s.
    pub force_interval: Duration,
    /// How many times one request may be sent again. Default 1; the machine grants one more if the
    /// new token itself was spent by then.
    pub replays: u8,
    /// What the server does with a refresh token that is presented twice, which is what an
    /// ambiguous answer allows. Default: what the grant knows of it, else [`ReusePolicy::Strict`].
    pub reuse_policy: Option<ReusePolicy>,
    /// Over a store that other processes share, a driver renews only tokens of a session that this
    /// process has used; `false` renews always. Default `true`.
    pub idle_gate: bool,
    /// After a suspend, nothing starts by itself for this long. Default 60 s.
    pub resume_delay: Duration,
    /// A driver starts no renewal of a usable token in its own first moments: a program that lives
    /// shorter than that would not live to store the answer. In the last second of the token it
    /// does. Default 5 s.
    pub settle_in: Duration,
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
            claim_margin: Duration::from_secs(15),
            fresh_window: Duration::from_secs(10),
            storm_limit: 10,
            storm_window: Duration::from_secs(600),
            backoff_base: Duration::from_secs(1),
            backoff_cap: Duration::from_secs(300),
            min_interval: Duration::from_secs(1),
            force_interval: Duration::from_secs(10),
            replays: 1,
            reuse_policy: None,
            idle_gate: true,
            resume_delay: Duration::from_secs(60),
            settle_in: Duration::from_secs(5),
        }
    }
}

const MILLISECOND: Duration = Duration::from_millis(1);
const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(24 * 3600);
const YEAR: Duration = Duration::from_secs(365 * 24 * 3600);

impl Policy {
    pub(super) fn check(&self) -> Result<(), PolicyError> {
        let (from, to) = self.renew_between;
        let share = |setting, value: f64| match value > 0.0 && value < 1.0 {
            true => Ok(()),
            false => Err(PolicyError::new(setting, "must lie between 0 and 1")),
        };
        share("renew_between", from)?;
        share("renew_between", to)?;
        share("lead_share", self.lead_share)?;
        let between = |setting, value: Duration, least: Duration, most: Duration| match (least..=most).contains(&value)
        {
            true => Ok(()),
            false => Err(PolicyError::range(setting, least, most)),
        };
        between("lead", self.lead, Duration::ZERO, YEAR)?;
        between("skew", self.skew, Duration::ZERO, DAY)?;
        between("request_limit", self.request_limit, 10 * MILLISECOND, HOUR)?;
        between("store_limit", self.store_limit, 10 * MILLISECOND, HOUR)?;
        between("claim_margin", self.claim_margin, RESERVE, DAY)?;
        between("fresh_window", self.fresh_window, Duration::ZERO, DAY)?;
        between("storm_window", self.storm_window, Duration::ZERO, YEAR)?;
        between("backoff_base", self.backoff_base, MILLISECOND, DAY)?;
        between("backoff_cap", self.backoff_cap, MILLISECOND, YEAR)?;
        between("min_interval", self.min_interval, Duration::ZERO, DAY)?;
        between("force_interval", self.force_interval, Duration::ZERO, YEAR)?;
        between("resume_delay", self.resume_delay, Duration::ZERO, DAY)?;
        between("settle_in", self.settle_in, Duration::ZERO, DAY)?;
        if let Some(lifetime) = self.default_lifetime {
            between("default_lifetime", lifetime, MILLISECOND, 10 * YEAR)?;
        }
        let rules = [
            ("renew_between", from <= to, "must not end before it begins"),
            ("backoff_cap", self.backoff_cap >= self.backoff_base, "must not be less than `backoff_base`"),
            (
                "claim_margin",
                self.claim_margin >= self.store_limit.saturating_add(RESERVE),
                "must be at least 5 s more than `store_limit`: the claim's answer may take that long",
            ),
            ("storm_limit", self.storm_limit >= 1, "must be at least 1"),
            ("replays", self.replays <= 3, "must be at most 3"),
        ];
        match rules.into_iter().find(|(_, holds, _)| !holds) {
            Some((setting, _, why)) => Err(PolicyError::new(setting, why)),
            None => Ok(()),
        }
    }
}

/// A setting that makes no sense, or contradicts another one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyError {
    setting: &'static str,
    why: String,
}

impl PolicyError {
    fn new(setting: &'static str, why: &str) -> Self {
        Self { setting, why: why.to_owned() }
    }

    fn range(setting: &'static str, least: Duration, most: Duration) -> Self {
        Self { setting, why: format!("must lie between {least:?} and {most:?}") }
    }

    /// The name of the setting.
    #[must_use]
    pub const fn setting(&self) -> &'static str {
        self.setting
    }
}

impl fmt::Display for PolicyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the setting `{}` {}", self.setting, self.why)
    }
}

impl std::error::Error for PolicyError {}
