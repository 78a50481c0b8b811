//! The engine's suite under nothing but polling: tasks are futures polled by what waits for them.
#![cfg(not(shuttle))]

use std::future::Future;

use tokenflight_test::{ManualTime, Tasks};

mod suite;

use suite::engine_suite;

fn run<F: Future<Output = ()> + Send + 'static>(scenario: impl FnOnce(Tasks) -> F) {
    let tasks = Tasks::new(&ManualTime::new(7));
    tasks.block_on(scenario(tasks.clone()));
}

engine_suite!(super::run);
