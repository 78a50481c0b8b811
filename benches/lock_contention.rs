//! What a token costs when many want it: readers against a writer, and waiters against a driver and
//! forced refreshes.
//!
//! `cargo xtask bench -- lock_contention`. Only ratios within one run mean anything.

// A bench makes load and measures time.
#![allow(clippy::disallowed_methods, clippy::unwrap_used, missing_docs)]

use std::{
    hint::black_box,
    sync::{
        Barrier,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use core_affinity::{CoreId, get_core_ids, set_for_current};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use tokenflight_benches::{
    cells::{Cell, Kept},
    parts::{login, session},
    storm::Storm,
};

/// How often the writer replaces the token.
const SWAP: Duration = Duration::from_millis(10);

/// So many threads read so often each, while one more replaces the token every ten milliseconds.
/// From the start of the first to the end of the last, as they see it themselves: a clock outside
/// may be read when some are done.
fn race(cell: &Kept, threads: usize, iterations: u64) -> Duration {
    // The kernel packs new threads onto one core at first.
    let cores: Vec<Option<CoreId>> = get_core_ids().unwrap_or_default().into_iter().map(Some).collect();
    let (done, write) = (AtomicBool::new(false), cell.writer());
    let gate = Barrier::new(threads);
    thread::scope(|scope| {
        scope.spawn(|| {
            for number in 1.. {
                thread::sleep(SWAP);
                if done.load(Ordering::Relaxed) {
                    return;
                }
                write(number);
            }
        });
        let readers: Vec<_> = (0..threads)
            .zip(cores.iter().cycle().chain(std::iter::repeat(&None)))
            .map(|(_, core)| {
                let (mut reader, gate) = (cell.reader(), &gate);
                scope.spawn(move || {
                    core.map(set_for_current);
                    gate.wait();
                    let started = Instant::now();
                    for _ in 0..iterations {
                        reader.read();
                    }
                    (started, Instant::now())
                })
            })
            .collect();
        let seen: Vec<(Instant, Instant)> = readers.into_iter().map(|reader| reader.join().unwrap()).collect();
        done.store(true, Ordering::Relaxed);
        let (first, last) = (seen.iter().map(|seen| seen.0).min(), seen.iter().map(|seen| seen.1).max());
        last.zip(first).map_or(Duration::ZERO, |(last, first)| last - first)
    })
}

fn readers(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("lock_contention/readers");
    // More threads than cores would measure the scheduler.
    let cores = get_core_ids().map_or(1, |cores| cores.len());
    for threads in [1, 2, 4, 8, 16].into_iter().filter(|threads| *threads <= cores) {
        group.throughput(Throughput::Elements(threads as u64));
        for (name, cell) in Cell::ALL {
            let cell = cell.build();
            group.bench_function(BenchmarkId::new(name, threads), |bencher| {
                bencher.iter_custom(|iterations| race(&cell, threads, iterations));
            });
        }
    }
    group.finish();
}

/// A driver, refusals and forced refreshes against other ways to await one result, on two threads.
fn waiters(criterion: &mut Criterion) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_time().build().unwrap();
    let mut group = criterion.benchmark_group("lock_contention/waiters");
    for waiters in [100_usize, 1_000, 10_000] {
        group.throughput(Throughput::Elements(waiters as u64));
        for (name, storm) in Storm::ALL {
            group.bench_function(BenchmarkId::new(name, waiters), |bencher| {
                bencher.iter(|| runtime.block_on(storm.run(waiters)));
            });
        }
        group.bench_function(BenchmarkId::new("forced", waiters), |bencher| {
            let session = session();
            login(&session, 0);
            let driver = runtime.spawn(session.driver());
            bencher.iter(|| {
                runtime.block_on(async {
                    let forced = || {
                        let session = session.clone();
                        async move { session.refresh().await.unwrap() }
                    };
                    let tasks: Vec<_> = (0..waiters).map(|_| tokio::spawn(forced())).collect();
                    for task in tasks {
                        black_box(task.await.unwrap());
                    }
                });
            });
            driver.abort();
        });
    }
    group.finish();
}

criterion_group!(benches, readers, waiters);
criterion_main!(benches);
