//! A subscriber is the user's code: it is called with nothing locked, and its panics cost nothing.

use std::sync::{
    OnceLock,
    atomic::{AtomicUsize, Ordering},
};

use tracing::{
    Event, Metadata, Subscriber,
    span::{Attributes, Id, Record},
};
use tracing_core::span::Current;

use crate::fixture::*;

/// Does something before whatever it is told goes on to a recorder.
struct Before<F> {
    recorder: Recorder,
    first: F,
}

impl<F: Fn(&'static str) + Send + Sync + 'static> Subscriber for Before<F> {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "tokenflight"
    }

    fn new_span(&self, attributes: &Attributes<'_>) -> Id {
        (self.first)("new_span");
        self.recorder.new_span(attributes)
    }

    fn record(&self, span: &Id, values: &Record<'_>) {
        (self.first)("record");
        self.recorder.record(span, values);
    }

    fn record_follows_from(&self, span: &Id, follows: &Id) {
        (self.first)("follows");
        self.recorder.record_follows_from(span, follows);
    }

    fn event(&self, event: &Event<'_>) {
        (self.first)("event");
        self.recorder.event(event);
    }

    fn enter(&self, span: &Id) {
        (self.first)("enter");
        self.recorder.enter(span);
    }

    fn exit(&self, span: &Id) {
        self.recorder.exit(span);
        (self.first)("exit");
    }

    fn clone_span(&self, span: &Id) -> Id {
        (self.first)("clone");
        span.clone()
    }

    fn try_close(&self, _: Id) -> bool {
        (self.first)("close");
        false
    }

    fn current_span(&self) -> Current {
        (self.first)("current");
        self.recorder.current_span()
    }
}

/// A lock that is held would stop this thread for ever.
#[test]
fn a_subscriber_may_ask_the_session_that_it_is_told_of() {
    let cell = Arc::new(OnceLock::<Session>::new());
    let asked = Arc::new(AtomicUsize::new(0));
    let (mine, count) = (Arc::clone(&cell), Arc::clone(&asked));
    let first = move |_| {
        if let Some(session) = mine.get() {
            count.fetch_add(1, Ordering::Relaxed);
            let _ = session.state();
            drop(session.events());
        }
    };
    let fixture = Fixture::with(|builder| builder.configure(|policy| policy.idle_gate = false));
    cell.set(fixture.session.clone()).unwrap();
    let recorder = Recorder::default();
    tracing::subscriber::with_default(Before { recorder: recorder.clone(), first }, || {
        fixture.call([unauthorized(), ok()]).unwrap();
        fixture.time.advance(SECOND * 400);
        let mut driver = fixture.session.driver();
        for _ in 0..10 {
            assert!((&mut driver).now_or_never().is_none());
            fixture.time.advance(SECOND);
        }
        fixture.run(fixture.session.logout()).unwrap();
    });
    let (refreshes, asked) = (recorder.refreshes().len(), asked.load(Ordering::Relaxed));
    assert!(refreshes >= 2 && asked > 20, "{refreshes} refreshes, asked {asked} times");
}

/// At any of the calls in which it takes something in. What it does when a span is entered, left or
/// closed is called by guards of `tracing` itself, which do not survive a panic.
#[test]
fn a_subscriber_that_panics_costs_no_token() {
    for call in ["event", "record", "new_span", "follows", "current"] {
        let fixture = Fixture::new();
        fixture.time.advance(SECOND * 400);
        let first = move |called| {
            if called == call && !std::thread::panicking() {
                std::panic::resume_unwind(Box::new("a subscriber panics"));
            }
        };
        let recorder = Recorder::default();
        let token =
            tracing::subscriber::with_default(Before { recorder, first }, || fixture.run(fixture.session.token()));
        let after = fixture.run(fixture.session.token());
        assert!(token.is_ok() && after.is_ok(), "{call}: {token:?}, {after:?}");
    }
}
