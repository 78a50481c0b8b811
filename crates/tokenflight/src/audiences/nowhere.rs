use std::future::ready;

use tokenflight_core::{
    BoxFuture,
    store::{Facts, GrantKey, Op, Reply, Seen, Store, StoreError, apply},
};

/// Keeps nothing and agrees to everything: an audience's access token can always be obtained again, and the store of the
/// common session excludes other processes.
pub(super) struct Nowhere;

impl Store for Nowhere {
    fn load<'a>(&'a self, _: &'a GrantKey) -> BoxFuture<'a, Result<Seen, StoreError>> {
        Box::pin(ready(Ok(Seen::new(None, Facts::in_process()))))
    }

    fn apply<'a>(&'a self, _: &'a GrantKey, op: Op) -> BoxFuture<'a, Result<Reply, StoreError>> {
        Box::pin(ready(Ok(apply(None, &op, &Facts::in_process()).1)))
    }

    fn is_private(&self) -> bool {
        true
    }
}
