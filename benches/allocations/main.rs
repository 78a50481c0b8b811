//! Counts what requests, looks and storms allocate, and prints it, one line each: group, size,
//! case, allocations, bytes.
//!
//! Of requests and looks the bytes are those allocated by one; of storms those held at the worst
//! moment, by one waiter. All as they are: what service, request and tasks take must be taken off.

use allocation_counter::measure;
use tokenflight_benches::{cells::Cell, parts::Requests, stacks::Stack, storm::Storm};

/// Few and many: what a storm of the second takes more is what its waiters take.
const WAITERS: (u64, u64) = (1000, 5000);

fn main() {
    for (group, make) in [("request", Requests::new as fn(usize) -> Requests), ("own-names", Requests::own_names)] {
        for headers in [0, 8, 20] {
            for (name, stack) in Stack::ALL {
                let (mut client, mut requests) = (stack.build(), make(headers));
                assert!(client.send(requests.make()), "the first makes what every client keeps");
                let request = requests.make();
                let sent = measure(|| assert!(client.send(request)));
                row(group, headers, name, sent.count_total, sent.bytes_total);
            }
        }
    }
    for (name, cell) in Cell::ALL {
        let cell = cell.build();
        let mut reader = cell.reader();
        reader.read();
        let read = measure(|| reader.read());
        row("read", 0, name, read.count_total, read.bytes_total);
    }
    for (name, storm) in Storm::ALL {
        let (few, many) = (held(storm, WAITERS.0), held(storm, WAITERS.1));
        let each = |few: u64, many: u64| (many - few) / (WAITERS.1 - WAITERS.0);
        row("storm", 0, name, each(few.0, many.0), each(few.1, many.1));
    }
}

fn row(group: &str, size: usize, case: &str, count: u64, bytes: u64) {
    println!("{group}\t{size}\t{case}\t{count}\t{bytes}");
}

/// Allocations, and bytes at the worst moment.
fn held(storm: Storm, waiters: u64) -> (u64, u64) {
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread().build() else { panic!("no runtime") };
    let counted = measure(|| runtime.block_on(storm.run(usize::try_from(waiters).unwrap_or(usize::MAX))));
    (counted.count_total, counted.bytes_max)
}
