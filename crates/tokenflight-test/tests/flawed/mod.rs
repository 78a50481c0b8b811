//! Stores and cells with one flaw each.

mod cell;
mod forgetful;
mod store;

use std::{future::poll_fn, task::Poll};

pub(crate) use self::{
    cell::{CellFlaw, FlawedCell},
    forgetful::Forgetful,
    store::{Flaw, Flawed},
};

/// Names what can be wrong.
macro_rules! flaws {
    ($(#[$doc:meta])* $name:ident: $($flaw:ident),* $(,)?) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum $name {
            $($flaw),*
        }

        impl $name {
            pub(crate) const ALL: &[Self] = &[$(Self::$flaw),*];
        }
    };
}
use flaws;

/// Gives the others their turn.
async fn pause() {
    let mut paused = false;
    poll_fn(|cx| {
        if std::mem::replace(&mut paused, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}
