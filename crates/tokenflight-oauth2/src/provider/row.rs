use tokenflight_core::grant::ReusePolicy;

use super::{Endpoints, Sign};

/// An authorization server's rules and habits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs)] // A table that users extend by `..*provider::UNKNOWN`.
pub struct Provider {
    /// Its name for [`find`](super::find), lower case.
    pub name: &'static str,
    /// Its name for people.
    pub title: &'static str,
    /// Whether a refresh brings another refresh token.
    pub rotation: Rotation,
    /// What it does with a refresh token presented a second time. What is not known is strict.
    pub reuse: ReusePolicy,
    /// What a second presentation brings.
    pub second: Second,
    /// Whether rotation and reuse depend on how the server, or the client there, is set up: `reuse`
    /// is then the safe one of its defaults, to be replaced by what the administrator chose.
    pub configurable: bool,
    /// What becomes of the former access token at a refresh.
    pub old_access: OldAccess,
    /// How it words what goes wrong. These come before the standard codes.
    pub signs: &'static [Sign],
    /// How it takes token requests.
    pub body: Body,
    /// Whether it sometimes answers with a form.
    pub form_answers: bool,
    /// The member that holds the tokens of a user where the answer itself has none (Slack).
    pub nested: Option<&'static str>,
    /// Values of `token_type` that mean Bearer.
    pub bearer_types: &'static [&'static str],
    /// Whether a missing `token_type` is an error.
    pub strict_type: bool,
    /// What a lifetime of zero or less means.
    pub zero_lifetime: ZeroLifetime,
    /// Whether it consists of machines that disagree now and then: an end must be announced twice.
    pub clustered: bool,
    /// Where it is asked.
    pub endpoints: Endpoints,
    /// How clients may say who they are, the usual way first. Empty: not known.
    pub auth: &'static [AuthMethod],
    /// The audience of signed assertions.
    pub audience: AssertionAudience,
    /// How long its tokens live.
    pub lifetimes: Lifetimes,
    /// Parameters that go with each code exchange and each refresh.
    pub sends: &'static [(&'static str, &'static str)],
    /// Parameters that must not go with a refresh.
    pub withholds: &'static [&'static str],
    /// What else to know, for people.
    pub note: &'static str,
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
    /// If the client, or the server, is set up so, or now and then.
    Optional,
    /// Never, or without harm to the old one.
    Never,
    /// It is not known.
    Unknown,
}

/// What the second presentation of a refresh token brings, as far as it succeeds or is punished.
#[allow(clippy::exhaustive_enums)] // Data for a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Second {
    /// It is not known.
    Unknown,
    /// A refusal and no more.
    Refused,
    /// A refusal, and the end of the session for every holder of it.
    SessionEnds,
    /// The tokens that the first presentation has brought, or the newest ones.
    SamePair,
    /// Another pair beside the first one; both stay good.
    Sibling,
    /// Another pair for the first, which dies: harmless only if the first answer was surely lost.
    SuccessorDies,
    /// The same as the first presentation: nothing is used up.
    Nothing,
}

/// What becomes of the former access token at a refresh.
#[allow(clippy::exhaustive_enums)] // Data for a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OldAccess {
    /// It is not known, or lives until its own end.
    Lives,
    /// It dies at once: requests in flight are refused, and go out again with the new one.
    Dies,
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

/// What a lifetime of zero or less means.
#[allow(clippy::exhaustive_enums)] // Data for a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ZeroLifetime {
    /// The token is good for the request that asked for it.
    Once,
    /// The token does not expire.
    Never,
}

/// How a client says who it is.
#[allow(clippy::exhaustive_enums)] // Data for a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuthMethod {
    /// `client_secret_basic`.
    Basic,
    /// `client_secret_post`.
    Post,
    /// `private_key_jwt`.
    PrivateKeyJwt,
    /// `client_secret_jwt`.
    SecretJwt,
    /// A certificate (RFC 8705).
    Mtls,
    /// Its name alone, with PKCE.
    Public,
}

/// The audience of signed assertions.
#[allow(clippy::exhaustive_enums)] // Data for a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AssertionAudience {
    /// The issuer where it is known, else the token endpoint.
    Issuer,
    /// The token endpoint, also where the issuer is known.
    TokenEndpoint,
}

/// How long tokens live, in seconds; `None` where not known, not told or set by an administrator.
#[allow(clippy::exhaustive_structs)] // Data for a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lifetimes {
    /// An access token whose answer announces nothing.
    pub unannounced: Option<u32>,
    /// A refresh token that is not used.
    pub idle: Option<u32>,
    /// A refresh token, however often it is used or replaced.
    pub absolute: Option<u32>,
    /// How long before the end of the access token a refresh is refused as too early.
    pub earliest: Option<u32>,
}
