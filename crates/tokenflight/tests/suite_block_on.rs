//! The engine's suite under nothing but `block_on`: tasks are futures that are polled beside the scenario.
#![cfg(not(shuttle))]

use std::{
    future::{Future, poll_fn},
    pin::pin,
    sync::{Arc, Mutex, PoisonError},
    task::Poll,
};

use futures_util::{StreamExt, stream::FuturesUnordered};
use tokenflight::BoxFuture;

mod suite;

use suite::{Runtime, Spawn, engine_suite};

fn run<F: Future<Output = ()> + Send + 'static>(scenario: impl FnOnce(Runtime) -> F) {
    let new: Arc<Mutex<Vec<BoxFuture<'static, ()>>>> = Arc::default();
    let inbox = Arc::clone(&new);
    let spawn: Spawn = Arc::new(move |task| inbox.lock().unwrap_or_else(PoisonError::into_inner).push(task));
    let mut scenario = pin!(scenario(Runtime::new(spawn)));
    let mut tasks = FuturesUnordered::new();
    futures_executor::block_on(poll_fn(|cx| {
        if scenario.as_mut().poll(cx).is_ready() {
            return Poll::Ready(());
        }
        // A task may start another one; the scenario polls again as long as any of them is awake.
        tasks.extend(new.lock().unwrap_or_else(PoisonError::into_inner).drain(..));
        while tasks.poll_next_unpin(cx) == Poll::Ready(Some(())) {}
        Poll::Pending
    }));
}

engine_suite!(super::run);
