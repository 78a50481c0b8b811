use tokenflight_core::Error;

/// What became of the refresh token that a logout replaced.
#[derive(Clone, Debug)]
#[allow(clippy::exhaustive_enums)] // There was one or not, and the server agreed or did not.
pub enum Revocation {
    /// There was none.
    Nothing,
    /// The authorization server has taken it back, or the grant knows of no way to ask it to
    /// ([`Grant::revoke`](crate::Grant::revoke)).
    Revoked,
    /// The authorization server has not: it may be alive.
    Failed(Error),
}

impl From<Result<(), Error>> for Revocation {
    fn from(result: Result<(), Error>) -> Self {
        match result {
            Ok(()) => Self::Revoked,
            Err(error) => Self::Failed(error),
        }
    }
}
