//! What happened so far.

use tokenflight_core::{Error, FailureClass, LoginId, Source};

/// What happened so far and leaves no other trace in the state.
#[derive(Clone, Debug, Default)]
pub(super) struct Counts {
    /// Token sets adopted.
    pub(super) adopted: u64,
    /// The login that the last one belongs to.
    pub(super) login: LoginId,
    /// Where the last one came from; `None` if a login of this process brought it.
    pub(super) source: Option<Source>,
    /// Attempts that failed.
    pub(super) failed: u64,
    pub(super) failure: Option<(FailureClass, Error)>,
    /// Refusals of tokens that were just issued.
    pub(super) fresh_refused: u64,
    /// What waited to be stored and was overtaken.
    pub(super) overtaken: u64,
    /// The last login whose tokens lived too short to be renewed ahead of need.
    pub(super) reactive: Option<LoginId>,
    /// The last login for which the authorization server wanted the user.
    pub(super) interaction: Option<LoginId>,
}
