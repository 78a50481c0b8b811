//! How large the field is, how long it lasts, and what happens on it.

use crate::prelude::*;

pub(crate) struct Settings {
    pub(crate) hosts: usize,
    pub(crate) grants: usize,
    pub(crate) seconds: u64,
    /// The server crashes so often, in seconds.
    pub(crate) crash: u64,
    pub(crate) grace: Option<Duration>,
    /// Half-way the server is lost for good, and its standby takes over: `sync`, `async`, or
    /// `behind` by some seconds.
    pub(crate) failover: Option<String>,
    /// Half-way the table is created anew, and gets what was in it after a quarter: `live` while
    /// hosts run, or `cold` after all of them were killed.
    pub(crate) restore: Option<String>,
    /// A host is stopped each second, for up to so many; none if it is zero.
    pub(crate) pause: u64,
    /// Statements go through a pgbouncer that shares connections by transaction.
    pub(crate) pgbouncer: bool,
    /// What is drawn.
    pub(crate) seed: u64,
}

impl Settings {
    /// As the variables have it, or small and short.
    pub(crate) fn from_env(grace: Option<Duration>) -> Self {
        let text = |name: &str| env::var(name).ok().filter(|text| !text.is_empty());
        let number = |name: &str, usual| text(name).and_then(|text| text.parse().ok()).unwrap_or(usual);
        Self {
            hosts: number("TOKENFLIGHT_HOSTS", 4) as usize,
            grants: number("TOKENFLIGHT_HOST_GRANTS", 16) as usize,
            seconds: number("TOKENFLIGHT_HOST_SECONDS", 15),
            crash: number("TOKENFLIGHT_HOST_CRASH_SECONDS", 6),
            grace,
            failover: text("TOKENFLIGHT_HOST_FAILOVER"),
            restore: text("TOKENFLIGHT_HOST_RESTORE"),
            pause: number("TOKENFLIGHT_HOST_PAUSE_SECONDS", 0),
            pgbouncer: number("TOKENFLIGHT_HOST_PGBOUNCER", 0) > 0,
            seed: number("TOKENFLIGHT_SEED", u64::from(fastrand::u32(..))),
        }
    }

    /// The storage may lose what it has acknowledged.
    pub(crate) fn may_lose(&self) -> bool {
        self.failover.is_some() || self.restore.is_some()
    }

    /// Something happens under which a refresh token may be submitted twice: how often is what is
    /// to be found out.
    pub(crate) fn may_submit_twice(&self) -> bool {
        self.may_lose() || self.pause > 0
    }
}

impl fmt::Display for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} hosts, {} grants, {} s, ", self.hosts, self.grants, self.seconds)?;
        match self.grace {
            Some(grace) => write!(f, "grace {} s", grace.as_secs())?,
            None => f.write_str("no grace")?,
        }
        if let Some(kind) = &self.failover {
            write!(f, ", failover to a standby ({kind})")?;
        }
        if let Some(kind) = &self.restore {
            write!(f, ", an older dump restored ({kind})")?;
        }
        if self.pause > 0 {
            write!(f, ", stopped for up to {} s", self.pause)?;
        }
        if self.pgbouncer {
            f.write_str(", through pgbouncer")?;
        }
        write!(f, ", seed {}", self.seed)
    }
}
