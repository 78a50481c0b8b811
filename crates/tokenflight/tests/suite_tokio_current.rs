//! The engine's suite under tokio, all on one thread.
#![cfg(not(shuttle))]

use std::{future::Future, sync::Arc};

mod suite;

use suite::{Runtime, Spawn, engine_suite};

fn run<F: Future<Output = ()> + Send + 'static>(scenario: impl FnOnce(Runtime) -> F) {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let handle = runtime.handle().clone();
    let spawn: Spawn = Arc::new(move |task| drop(handle.spawn(task)));
    runtime.block_on(scenario(Runtime::new(spawn)));
}

engine_suite!(super::run);
