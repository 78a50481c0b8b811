//! Operations that stop half-way.

use std::{
    future::poll_fn,
    task::{Context, Poll},
};

use tokenflight_core::BoxFuture;

/// More polls than any operation takes.
pub(super) const MOST: usize = 1_000;

/// Polls it so often and no more. `None`: it is not done.
pub(super) async fn polled<T>(future: &mut BoxFuture<'_, T>, times: usize) -> Option<T> {
    let mut left = times;
    poll_fn(|cx: &mut Context<'_>| {
        if left == 0 {
            return Poll::Ready(None);
        }
        left -= 1;
        match future.as_mut().poll(cx) {
            Poll::Ready(output) => Poll::Ready(Some(output)),
            // Was it the last time, then nothing will wake for it.
            Poll::Pending if left == 0 => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        }
    })
    .await
}
