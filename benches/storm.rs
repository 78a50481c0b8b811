//! So many requests that are refused at once, and one refresh for all of them, on one thread.
//!
//! `cargo xtask bench -- storm`. The price of a design is what it takes more than `tasks`.

// A bench that cannot go on has failed.
#![allow(clippy::unwrap_used, missing_docs)]

use criterion::{BenchmarkId, Criterion, SamplingMode, Throughput, criterion_group, criterion_main};
use tokenflight_benches::storm::Storm;

fn storm(criterion: &mut Criterion) {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let mut group = criterion.benchmark_group("storm");
    group.sampling_mode(SamplingMode::Flat).sample_size(10);
    for waiters in [100_usize, 1_000, 10_000, 100_000] {
        group.throughput(Throughput::Elements(waiters as u64));
        for (name, storm) in Storm::ALL {
            group.bench_function(BenchmarkId::new(name, waiters), |bencher| {
                bencher.iter(|| runtime.block_on(storm.run(waiters)));
            });
        }
    }
    group.finish();
}

criterion_group!(benches, storm);
criterion_main!(benches);
