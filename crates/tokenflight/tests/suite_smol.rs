//! The engine's suite under smol's executor.
#![cfg(not(shuttle))]

use std::{future::Future, sync::Arc};

mod suite;

use suite::{Runtime, Spawn, engine_suite};

fn run<F: Future<Output = ()> + Send + 'static>(scenario: impl FnOnce(Runtime) -> F) {
    let executor = Arc::new(smol::Executor::new());
    let tasks = Arc::clone(&executor);
    let spawn: Spawn = Arc::new(move |task| tasks.spawn(task).detach());
    let scenario = executor.spawn(scenario(Runtime::new(spawn)));
    smol::block_on(executor.run(scenario));
}

engine_suite!(super::run);
