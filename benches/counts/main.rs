//! Does one thing so many times and nothing else, for a tool that counts instructions:
//! `cargo xtask bench --counts`.
//!
//! `counts request|own-names STACK HEADERS TIMES`, `counts read CELL TIMES`,
//! `counts storm DESIGN WAITERS`, `counts http1 STACK TIMES`, `counts http2 STACK TIMES`

use std::{env, process::ExitCode};

use tokenflight_benches::{
    cells::Cell,
    loopback::{Loopback, Protocol},
    parts::Requests,
    stacks::Stack,
    storm::Storm,
};

fn main() -> ExitCode {
    let args: Vec<String> = env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    match run(&args) {
        Some(()) => ExitCode::SUCCESS,
        None => {
            eprintln!(
                "counts request|own-names STACK HEADERS TIMES | read CELL TIMES | storm DESIGN WAITERS | http1|http2 STACK TIMES"
            );
            eprintln!("STACK: {:?}", names(&Stack::ALL));
            eprintln!("CELL: {:?}", names(&Cell::ALL));
            eprintln!("DESIGN: {:?}", names(&Storm::ALL));
            ExitCode::from(2)
        }
    }
}

fn names<T>(all: &[(&'static str, T)]) -> Vec<&'static str> {
    all.iter().map(|(name, _)| *name).collect()
}

fn find<T: Copy>(all: &[(&str, T)], name: &str) -> Option<T> {
    all.iter().find(|(known, _)| *known == name).map(|(_, found)| *found)
}

/// `None` if the arguments make no sense.
fn run(args: &[&str]) -> Option<()> {
    match *args {
        ["request", stack, headers, times] => {
            send(find(&Stack::ALL, stack)?, Requests::new(headers.parse().ok()?), times.parse().ok()?);
        }
        ["own-names", stack, headers, times] => {
            send(find(&Stack::ALL, stack)?, Requests::own_names(headers.parse().ok()?), times.parse().ok()?);
        }
        ["read", cell, times] => {
            let cell = find(&Cell::ALL, cell)?.build();
            let mut reader = cell.reader();
            (0..times.parse().ok()?).for_each(|_: u64| reader.read());
        }
        ["storm", storm, waiters] => {
            let (storm, waiters) = (find(&Storm::ALL, storm)?, waiters.parse().ok()?);
            tokio::runtime::Builder::new_current_thread().build().ok()?.block_on(storm.run(waiters));
        }
        ["http1", stack, times] => exchange(find(&Stack::ALL, stack)?, Protocol::Http1, times.parse().ok()?),
        ["http2", stack, times] => exchange(find(&Stack::ALL, stack)?, Protocol::Http2, times.parse().ok()?),
        _ => return None,
    }
    Some(())
}

fn send(stack: Stack, mut requests: Requests, times: usize) {
    let mut client = stack.build();
    let mut level = Vec::new();
    for number in 0..times {
        // The first request leaves behind what every client keeps.
        if number == 1 {
            level = fill();
        }
        assert!(client.send(requests.make()), "the stack did not answer at once");
    }
    drop(level);
}

/// Fills the holes that building the client left in the heap, so every case takes its large blocks
/// from the same place. Else chance decides, to some hundred instructions, what a header map costs.
fn fill() -> Vec<Vec<u8>> {
    [8192, 4096, 3072, 2048, 1536, 1280, 1100]
        .into_iter()
        .flat_map(|size| (0..32).map(move |_| Vec::with_capacity(size)))
        .collect()
}

fn exchange(stack: Stack, protocol: Protocol, times: u64) {
    match Loopback::new(stack, protocol) {
        Ok(mut loopback) => assert!(loopback.exchange(times), "a request failed"),
        Err(error) => panic!("no server: {error}"),
    }
}
