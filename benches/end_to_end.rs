//! A request to a local server and its answer, one after another, with and without the layer.
//!
//! `cargo xtask bench -- end_to_end`. The spread between rounds is larger than any layer;
//! `cargo xtask bench --counts` has figures that repeat.

// A bench that cannot go on has failed.
#![allow(clippy::unwrap_used, missing_docs)]

use std::time::{Duration, Instant};

use criterion::{Criterion, criterion_group, criterion_main};
use tokenflight_benches::{
    loopback::{Loopback, Protocol},
    stacks::Stack,
};

fn end_to_end(criterion: &mut Criterion) {
    for (protocol, group) in [(Protocol::Http1, "end_to_end/http1"), (Protocol::Http2, "end_to_end/http2")] {
        let mut group = criterion.benchmark_group(group);
        for (name, stack) in Stack::ALL {
            let mut loopback = Loopback::new(stack, protocol).unwrap();
            group.bench_function(name, |bencher| {
                bencher.iter_custom(|iterations| time(|| loopback.exchange(iterations)));
            });
        }
        group.finish();
    }
}

/// Time is what is measured.
#[allow(clippy::disallowed_methods)]
fn time(exchange: impl FnOnce() -> bool) -> Duration {
    let started = Instant::now();
    assert!(exchange(), "a request failed");
    started.elapsed()
}

criterion_group!(benches, end_to_end);
criterion_main!(benches);
