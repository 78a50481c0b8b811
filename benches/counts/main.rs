//! Sends so many requests through a stack and nothing else, for a tool that counts instructions: `cargo xtask bench --counts`.
//!
//! `counts CASE HEADERS REQUESTS`

mod stacks;

use std::{env, process::ExitCode};

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Request};
use http_body_util::Full;
use stacks::{Case, Client};

fn main() -> ExitCode {
    let args: Vec<String> = env::args().skip(1).collect();
    let parsed = match args.as_slice() {
        [case, headers, requests] => Case::named(case).zip(headers.parse().ok()).zip(requests.parse().ok()),
        _ => None,
    };
    let Some(((case, headers), requests)) = parsed else {
        eprintln!("counts CASE HEADERS REQUESTS, where CASE is one of {:?}", Case::NAMES);
        return ExitCode::from(2);
    };
    send(case.build(), headers, requests);
    ExitCode::SUCCESS
}

/// Each request is made anew: half of the header values, the body and its bytes are its own.
fn send(mut client: Client, headers: usize, requests: usize) {
    let names: Vec<HeaderName> =
        (0..headers).filter_map(|n| HeaderName::try_from(format!("x-header-{n}")).ok()).collect();
    let mut level = Vec::new();
    for number in 0..requests {
        // The first request leaves behind what every client keeps.
        if number == 1 {
            level = fill();
        }
        let mut request = Request::new(Full::new(Bytes::from(vec![b'x'; 128])));
        *request.method_mut() = http::Method::POST;
        *request.uri_mut() = http::Uri::from_static("https://api.example.com/v1/things?page=2");
        for (index, name) in names.iter().enumerate() {
            let fixed = HeaderValue::from_static("a value of common size");
            let own = || HeaderValue::from_bytes(format!("a value of its own {}", number % 10).as_bytes());
            let value = if index % 2 == 0 { fixed } else { own().unwrap_or(fixed) };
            request.headers_mut().insert(name.clone(), value);
        }
        assert!(client(request), "the stack did not answer at once");
    }
    drop(level);
}

/// Fills the holes that building the client has left in the heap, so that every case takes its large blocks from the same
/// place. Else it is chance, to some hundred instructions, what a header map costs.
fn fill() -> Vec<Vec<u8>> {
    [8192, 4096, 3072, 2048, 1536, 1280, 1100]
        .into_iter()
        .flat_map(|size| (0..32).map(move |_| Vec::with_capacity(size)))
        .collect()
}
