//! What a token costs when many want it: readers against a writer, and waiters against a driver and forced refreshes.
//!
//! `cargo xtask bench -- lock_contention`. Only ratios within one run mean anything.

// A bench makes load and measures time.
#![allow(clippy::disallowed_methods, clippy::unwrap_used, missing_docs)]

use std::{
    hint::black_box,
    sync::{
        Arc, RwLock,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use futures_util::FutureExt;
use http::HeaderValue;
use tokenflight_benches::{client, request, session, set, token};
use tower::Service;

/// How often the writer replaces the token.
const SWAP: Duration = Duration::from_millis(10);

/// `work` on so many threads at once, `iterations` times each, while `write` runs every ten milliseconds.
fn race<W: FnMut()>(
    threads: usize,
    iterations: u64,
    write: impl Fn(u64) + Sync,
    work: impl Fn() -> W + Sync,
) -> Duration {
    let done = AtomicBool::new(false);
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
        let started = Instant::now();
        let readers: Vec<_> = (0..threads)
            .map(|_| {
                scope.spawn(|| {
                    let mut work = work();
                    for _ in 0..iterations {
                        work();
                    }
                })
            })
            .collect();
        for reader in readers {
            reader.join().unwrap();
        }
        let taken = started.elapsed();
        done.store(true, Ordering::Relaxed);
        taken
    })
}

fn readers(criterion: &mut Criterion) {
    // The driver's timer needs a runtime to belong to.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let _inside = runtime.enter();
    let mut group = criterion.benchmark_group("lock_contention/readers");
    for threads in [1, 2, 4, 8] {
        group.throughput(Throughput::Elements(threads as u64));
        group.bench_function(BenchmarkId::new("tokenflight, whole layer", threads), |bencher| {
            let session = session();
            session.login(set(0)).now_or_never().unwrap().unwrap();
            // A driver that has been polled watches the expiry, so that requests need no clock.
            let mut driver = session.driver();
            assert!((&mut driver).now_or_never().is_none());
            let write = |number| session.login(set(number)).now_or_never().unwrap().unwrap();
            bencher.iter_custom(|iterations| {
                race(threads, iterations, write, || {
                    let mut client = client(&session);
                    move || drop(black_box(client.call(request()).now_or_never()))
                })
            });
        });
        group.bench_function(BenchmarkId::new("the same request without a token", threads), |bencher| {
            bencher.iter_custom(|iterations| race(threads, iterations, |_| {}, || || drop(black_box(request()))));
        });
        group.bench_function(BenchmarkId::new("RwLock<HeaderValue>, read only", threads), |bencher| {
            let cell = RwLock::new(HeaderValue::try_from(token(0)).unwrap());
            let write = |number| *cell.write().unwrap() = HeaderValue::try_from(token(number)).unwrap();
            bencher.iter_custom(|iterations| {
                race(threads, iterations, write, || || drop(black_box(cell.read().unwrap().clone())))
            });
        });
    }
    group.finish();
}

fn waiters(criterion: &mut Criterion) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_time().build().unwrap();
    let mut group = criterion.benchmark_group("lock_contention/waiters");
    for waiters in [100_usize, 1_000, 10_000] {
        group.throughput(Throughput::Elements(waiters as u64));
        group.bench_function(BenchmarkId::new("flight, with a driver", waiters), |bencher| {
            let session = session();
            session.login(set(0)).now_or_never().unwrap().unwrap();
            let driver = runtime.spawn(session.driver());
            bencher.iter(|| {
                runtime.block_on(async {
                    let tasks: Vec<_> = (0..waiters)
                        .map(|_| {
                            let session = session.clone();
                            tokio::spawn(async move { session.refresh().await.unwrap() })
                        })
                        .collect();
                    for task in tasks {
                        black_box(task.await.unwrap());
                    }
                });
            });
            driver.abort();
        });
        group.bench_function(BenchmarkId::new("tokio Mutex, look again", waiters), |bencher| {
            let cell = Arc::new(tokio::sync::Mutex::new((0_u64, HeaderValue::try_from(token(0)).unwrap())));
            let mut seen = 0;
            bencher.iter(|| {
                runtime.block_on(async {
                    let tasks: Vec<_> = (0..waiters)
                        .map(|_| {
                            let cell = Arc::clone(&cell);
                            tokio::spawn(async move {
                                let mut held = cell.lock().await;
                                if held.0 == seen {
                                    tokio::task::yield_now().await;
                                    *held = (seen + 1, HeaderValue::try_from(token(seen)).unwrap());
                                }
                                held.1.clone()
                            })
                        })
                        .collect();
                    for task in tasks {
                        black_box(task.await.unwrap());
                    }
                });
                seen += 1;
            });
        });
    }
    group.finish();
}

criterion_group!(benches, readers, waiters);
criterion_main!(benches);
