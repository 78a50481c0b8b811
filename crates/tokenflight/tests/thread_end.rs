//! A thread ends with our call in one of its thread-locals, whose destructors run in any order.
#![cfg(not(shuttle))]
// A test that cannot go on has failed.
#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

use std::{cell::RefCell, future::Future, future::pending, pin::Pin, process::Command, thread};

use bytes::Bytes;
use futures_util::FutureExt;
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use tokenflight::{BearerLayer, BoxError, Origins, Session, TokenSet};
use tokenflight_test::{ManualTime, MockGrant};
use tower::{Layer, Service, service_fn};

const API: &str = "https://api.example.com";

type Answer = Result<Response<Full<Bytes>>, BoxError>;

thread_local! {
    /// An application's own: a runtime, a set of local tasks.
    static HELD: RefCell<Vec<Held>> = const { RefCell::new(Vec::new()) };
}

/// Is polled once more before it is dropped, as a runtime that shuts down may do.
struct Held(Pin<Box<dyn Future<Output = ()>>>);

impl Drop for Held {
    fn drop(&mut self) {
        let _ = self.0.as_mut().now_or_never();
    }
}

fn hold<T>(call: impl Future<Output = T> + 'static) {
    HELD.with_borrow_mut(|held| held.push(Held(Box::pin(async { drop(call.await) }))));
}

/// Run by the next test, in a process of its own.
#[test]
#[ignore = "may end its process; the next test runs it"]
fn a_thread_that_ends_with_calls() {
    let (time, grant) = (ManualTime::new(1), MockGrant::new());
    let session = Session::builder(grant.clone()).time(time.clone()).build().unwrap();
    session.login(TokenSet::new("access").refresh_token("refresh")).now_or_never().unwrap().unwrap();
    time.advance(std::time::Duration::from_secs(60));
    grant.gate().close();
    let layer = BearerLayer::new(session, Origins::new([API]).unwrap());
    let thread = thread::spawn(move || {
        // The application's thread-local was there first, so it goes last.
        HELD.with_borrow_mut(|held| held.reserve(1));
        let request = || Request::get(API).body(Full::<Bytes>::default()).unwrap();
        // One that is on its way, one that waits for a refresh, and one that has not been polled.
        hold(layer.layer(service_fn(|_: Request<Full<Bytes>>| pending::<Answer>())).call(request()));
        let refuses = || {
            service_fn(|_: Request<Full<Bytes>>| async {
                let mut response = Response::new(Full::default());
                *response.status_mut() = StatusCode::UNAUTHORIZED;
                Answer::Ok(response)
            })
        };
        let mut refused = Box::pin(layer.layer(refuses()).call(request()));
        assert!(refused.as_mut().now_or_never().is_none());
        hold(refused);
        hold(layer.layer(refuses()).call(request()));
    });
    thread.join().unwrap();
}

/// The process was aborted: "thread local panicked on drop".
#[test]
fn a_thread_may_end_with_calls() {
    let itself = std::env::current_exe().unwrap();
    let arguments = ["--exact", "a_thread_that_ends_with_calls", "--ignored"];
    let output = Command::new(itself).args(arguments).output().unwrap();
    assert!(output.status.success(), "{:?} {}", output.status, String::from_utf8_lossy(&output.stderr));
}
