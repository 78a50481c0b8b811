//! One request through the layer, over a service that answers at once, beside a fixed header and
//! `tower::retry`.
//!
//! `cargo xtask bench -- layer_overhead`. Only ratios within one run mean anything; for figures
//! that repeat, see `cargo xtask bench --counts`.

#![allow(missing_docs)]

use criterion::{BatchSize, BenchmarkId, Criterion, criterion_group, criterion_main};
use tokenflight_benches::{parts::Requests, stacks::Stack};

fn layer_overhead(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("layer_overhead");
    for headers in [0, 8, 20] {
        for (name, stack) in Stack::ALL {
            let (mut client, mut requests) = (stack.build(), Requests::new(headers));
            group.bench_function(BenchmarkId::new(name, headers), |bencher| {
                // Making the request is not part of it.
                bencher.iter_batched(
                    || requests.make(),
                    |request| assert!(client.send(request), "the stack did not answer at once"),
                    BatchSize::SmallInput,
                );
            });
        }
    }
    group.finish();
}

criterion_group!(benches, layer_overhead);
criterion_main!(benches);
