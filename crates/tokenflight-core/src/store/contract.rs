use super::{GrantKey, Op, Reply, Seen, StoreError};
use crate::BoxFuture;

/// Where a session survives; see the [module documentation](super) for the contract.
///
/// # Errors
///
/// [`StoreError`], whose [kind](StoreError::kind) says what is known of the effect. A session
/// serves what it has, and never presents a refresh token without a claim.
///
/// # Cancel safety
///
/// The effect of a dropped operation may still come: the same operation, tried again, finds out. A
/// session keeps the future of a write until it has settled or its time is over.
pub trait Store: Send + Sync + 'static {
    /// Reads the entry.
    fn load<'a>(&'a self, key: &'a GrantKey) -> BoxFuture<'a, Result<Seen, StoreError>>;

    /// Does one operation, atomically, by the rules of [`apply`](super::apply()). Its effect is
    /// durable when the future resolves.
    fn apply<'a>(&'a self, key: &'a GrantKey, op: Op) -> BoxFuture<'a, Result<Reply, StoreError>>;

    /// Whether no other process reaches these entries. Then a session renews however long it was
    /// idle; over a store that others share, it renews ahead of need only while it was used
    /// recently. `false` by default.
    fn is_private(&self) -> bool {
        false
    }

    /// Completes when the entry may have been written, by whichever process, if the storage tells
    /// of that; never, by default.
    ///
    /// It is asked while another holder's claim is waited for. A notice that is missed costs the
    /// rest of a pause, at most a quarter of a second, and one too many costs a read.
    ///
    /// # Cancel safety
    ///
    /// Dropping it forgets nothing.
    fn changed<'a>(&'a self, _key: &'a GrantKey) -> BoxFuture<'a, ()> {
        Box::pin(std::future::pending())
    }
}
