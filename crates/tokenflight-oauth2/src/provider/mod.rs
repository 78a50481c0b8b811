//! What is known of authorization servers, as data (R-801). Vendors change their rules without notice: a row is a case to
//! survive, not a contract, and everything in it can be replaced. Unknown servers are taken to be strict.
//!
//! ```
//! use tokenflight_oauth2::provider::{self, Provider, Replay};
//!
//! assert_eq!(provider::find("okta"), Some(provider::OKTA));
//! // The administrator has set the grace period to zero there.
//! static STRICT_OKTA: Provider = Provider { replay: Replay::Strict, ..*provider::OKTA };
//! assert_eq!(STRICT_OKTA.name, "okta");
//! ```

mod table;

use std::time::Duration;

use tokenflight_core::grant::ReusePolicy;

pub use self::table::*;

/// An authorization server's rules and quirks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs)] // A table that users extend by `..*provider::UNKNOWN`.
pub struct Provider {
    /// Its name, lower case.
    pub name: &'static str,
    /// Whether a refresh brings another refresh token.
    pub rotation: Rotation,
    /// What it does with a refresh token that is presented twice.
    pub replay: Replay,
    /// Error bodies of its own (R-224). They come before the standard codes.
    pub signs: &'static [Sign],
    /// How it takes token requests.
    pub body: Body,
    /// Whether it sometimes answers with a form (T-27).
    pub form_answers: bool,
    /// The member that holds the tokens of a user where the answer itself has none (Slack).
    pub nested: Option<&'static str>,
    /// Values of `token_type` that mean Bearer.
    pub bearer_types: &'static [&'static str],
    /// Whether a missing `token_type` is an error (T-23).
    pub strict_type: bool,
    /// What a lifetime of zero or less means (R-311).
    pub zero_lifetime: ZeroLifetime,
    /// Whether it consists of machines that disagree now and then: an end must be announced twice (R-222).
    pub clustered: bool,
    /// Where this is written down.
    pub source: &'static str,
    /// When that was read: year and month.
    pub checked: &'static str,
}

/// Whether a refresh brings another refresh token.
#[allow(clippy::exhaustive_enums)] // Data for a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rotation {
    /// At every refresh.
    Always,
    /// If the client, or the server, is set up so.
    Optional,
    /// Never, or without harm to the old one.
    Never,
    /// Nobody knows.
    Unknown,
}

/// What a server does with a refresh token that is presented twice (R-215).
#[allow(clippy::exhaustive_enums)] // Data for a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Replay {
    /// It may end the session.
    Strict,
    /// It answers again for so many seconds.
    Grace {
        /// Seconds.
        seconds: u32,
    },
    /// It takes it any number of times.
    Accepted,
}

/// A member of an error body, by exact match, and what it means.
#[allow(clippy::exhaustive_structs)] // Data for a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sign {
    /// The member of the body.
    pub member: &'static str,
    /// Its whole value. It becomes the error's code.
    pub value: &'static str,
    /// What that means for the grant.
    pub means: Meaning,
}

/// What an error body means for the grant.
#[allow(clippy::exhaustive_enums)] // The classes of R-201 that a body can prove.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// It is over.
    Ended,
    /// The server was asked too often.
    SlowDown,
    /// Nobody knows; the server had trouble of its own.
    Unknown,
    /// The client is set up wrong.
    Setup,
}

/// How a server takes token requests.
#[allow(clippy::exhaustive_enums)] // There are no other bodies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Body {
    /// As RFC 6749 says.
    Form,
    /// As a JSON object.
    Json,
}

/// What a lifetime of zero or less means (R-311).
#[allow(clippy::exhaustive_enums)] // Data for a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ZeroLifetime {
    /// The token is good for the request that asked for it.
    Once,
    /// The token does not expire.
    Never,
}

impl Provider {
    /// What the session must know of it.
    #[must_use]
    pub const fn reuse_policy(&self) -> ReusePolicy {
        match self.replay {
            Replay::Strict => ReusePolicy::Strict,
            Replay::Grace { seconds } => ReusePolicy::grace(Duration::from_secs(seconds as u64)),
            Replay::Accepted => ReusePolicy::NonRotating,
        }
    }
}

/// The provider of this name, if the table has it.
#[must_use]
pub fn find(name: &str) -> Option<&'static Provider> {
    ALL.iter().copied().find(|provider| provider.name.eq_ignore_ascii_case(name))
}
