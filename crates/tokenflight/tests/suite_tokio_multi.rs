//! The engine's suite under tokio on several threads.
#![cfg(not(shuttle))]

use std::future::Future;

use tokenflight_test::{ManualTime, Tasks};

mod suite;

use suite::engine_suite;

fn run<F: Future<Output = ()> + Send + 'static>(scenario: impl FnOnce(Tasks) -> F) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(3).build().expect("a runtime");
    let handle = runtime.handle().clone();
    let tasks = Tasks::on(&ManualTime::new(7), move |task| drop(handle.spawn(task)));
    // On a worker like everything else: the thread of `block_on` is none.
    let scenario = runtime.spawn(scenario(tasks));
    if let Err(error) = runtime.block_on(scenario) {
        std::panic::resume_unwind(error.into_panic());
    }
}

engine_suite!(super::run);
