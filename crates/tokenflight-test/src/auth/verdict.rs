/// What an access token is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(clippy::exhaustive_enums)] // A resource server must have an answer to each.
pub enum Verdict {
    /// Good.
    Valid,
    /// Its time is over.
    Expired,
    /// It was revoked before its time.
    Revoked,
    /// It was never issued.
    Unknown,
}
