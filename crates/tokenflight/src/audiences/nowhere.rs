use std::future::ready;

use tokenflight_core::{
    BoxFuture, Epoch, Generation,
    lease::{Claim, Commit, End, GrantKey, Lease, Owner, Record, Reset, Settle, Store, StoreError, Write},
};

/// Keeps nothing and agrees to everything: an audience's access token can always be minted again, and the hidden session's
/// store excludes other processes.
pub(super) struct Nowhere;

impl Store for Nowhere {
    fn load<'a>(&'a self, _: &'a GrantKey) -> BoxFuture<'a, Result<Option<Record>, StoreError>> {
        Box::pin(ready(Ok(None)))
    }

    fn lease<'a>(&'a self, _: &'a GrantKey, _: Claim) -> BoxFuture<'a, Result<Lease, StoreError>> {
        Box::pin(ready(Ok(Lease::Granted(None))))
    }

    fn intend<'a>(&'a self, _: &'a GrantKey, _: Owner) -> BoxFuture<'a, Result<bool, StoreError>> {
        Box::pin(ready(Ok(true)))
    }

    fn commit<'a>(&'a self, _: &'a GrantKey, commit: Commit) -> BoxFuture<'a, Result<Write, StoreError>> {
        Box::pin(ready(Ok(Write::Stored(commit.generation))))
    }

    fn end<'a>(&'a self, _: &'a GrantKey, _: End) -> BoxFuture<'a, Result<Write, StoreError>> {
        Box::pin(ready(Ok(Write::Stored(Generation::default()))))
    }

    fn settle<'a>(&'a self, _: &'a GrantKey, _: Owner, _: Settle) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(ready(Ok(())))
    }

    fn reset<'a>(&'a self, _: &'a GrantKey, reset: Reset) -> BoxFuture<'a, Result<(Epoch, Generation), StoreError>> {
        Box::pin(ready(Ok((reset.epoch, reset.generation))))
    }
}
