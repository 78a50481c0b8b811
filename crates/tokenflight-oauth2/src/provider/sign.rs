/// How a server words an outcome: when all tests hold of an answer, it means this, whatever the
/// standard codes say.
///
/// ```
/// use tokenflight_oauth2::provider::{Meaning, Sign, Test};
///
/// // 400 {"error":"invalid_grant","error_description":"token request is already being processed"}
/// const BUSY: Sign = Sign {
///     when: &[
///         Test::Is("error", "invalid_grant"),
///         Test::Contains("error_description", "already being processed"),
///     ],
///     means: Meaning::SlowDown,
/// };
/// # let _ = BUSY;
/// ```
#[allow(clippy::exhaustive_structs)] // Data for a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sign {
    /// What must hold. None at all holds never.
    pub when: &'static [Test],
    /// What that means for the grant.
    pub means: Meaning,
}

/// One thing that may hold of an answer.
///
/// A path names a member of the body: `error`, `error.message`, `errors[0].errorType`,
/// `error_codes[*]` for any element. Numbers and truth values are compared as they are written.
#[allow(clippy::exhaustive_enums)] // Data for a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Test {
    /// The status.
    Status(u16),
    /// The member at this path has exactly this value. The first such value of a sign is told as
    /// the error's code.
    Is(&'static str, &'static str),
    /// The text at this path contains these words, in any case. For servers without a code.
    Contains(&'static str, &'static str),
    /// There is something at this path: neither null nor an empty text.
    Has(&'static str),
}

/// What an answer means for the grant.
#[allow(clippy::exhaustive_enums)] // The failure classes that a body can prove.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// The refresh token is dead: only a login helps.
    Ended,
    /// The server was asked too often, or is busy with the same token.
    SlowDown,
    /// The server had trouble of its own: whether it has processed the request is unknown.
    Unknown,
    /// The client is set up wrong.
    Setup,
    /// The server wants the user for what was asked; the login lives.
    Interaction,
}
