//! The engine's suite under tokio, all on one thread.
#![cfg(not(shuttle))]

use std::future::Future;

use tokenflight_test::{ManualTime, Tasks};

mod suite;

use suite::engine_suite;

fn run<F: Future<Output = ()> + Send + 'static>(scenario: impl FnOnce(Tasks) -> F) {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let handle = runtime.handle().clone();
    let tasks = Tasks::on(&ManualTime::new(7), move |task| drop(handle.spawn(task)));
    runtime.block_on(scenario(tasks));
}

engine_suite!(super::run);
