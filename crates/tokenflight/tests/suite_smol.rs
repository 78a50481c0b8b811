//! The engine's suite under smol's executor.
#![cfg(not(shuttle))]

use std::{future::Future, sync::Arc};

use tokenflight_test::{ManualTime, Tasks};

mod suite;

use suite::engine_suite;

fn run<F: Future<Output = ()> + Send + 'static>(scenario: impl FnOnce(Tasks) -> F) {
    let executor = Arc::new(smol::Executor::new());
    let own = Arc::clone(&executor);
    let tasks = Tasks::on(&ManualTime::new(7), move |task| own.spawn(task).detach());
    let scenario = executor.spawn(scenario(tasks));
    smol::block_on(executor.run(scenario));
}

engine_suite!(super::run);
