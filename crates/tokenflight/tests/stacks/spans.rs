//! The recipe of [`Resend`](tokenflight::bearer::Resend): tower-http's trace layer below ours.

use std::fmt;

use tokenflight::bearer::Resend;
use tower_http::trace::TraceLayer;
use tracing::{
    Event, Instrument, Metadata, Subscriber,
    field::{Field, Visit},
    span::{Attributes, Id, Record},
};

use crate::fixture::*;

/// A 401 and the 200 after it.
#[tokio::test]
async fn a_refused_request_and_its_replay_are_two_client_spans_under_one_operation() {
    let spans = Spans::default();
    let guard = tracing::subscriber::set_default(spans.clone());
    let fixture = Fixture::new();
    let trace = TraceLayer::new_for_http().make_span_with(|request: &Request<_>| {
        let resend_count = request.extensions().get::<Resend>().map(|resend| resend.0);
        tracing::info_span!("http.client", method = %request.method(), http.request.resend_count = resend_count)
    });
    let client = ServiceBuilder::new().layer(fixture.layer()).layer(trace).service(fixture.server.clone());

    let call = client.oneshot(fixture.request()).instrument(tracing::info_span!("operation"));
    assert_eq!(call.await.unwrap().status(), StatusCode::OK);
    drop(guard);

    assert_eq!(fixture.requests(), 2);
    // Spans of ours, if there are any, are of no interest here.
    let mut seen = spans.seen();
    seen.retain(|span| !span.name.starts_with("tokenflight"));
    assert_eq!(seen[0], Seen { name: "operation", parent: None, resend: None });
    let sent = |resend| Seen { name: "http.client", parent: Some(1), resend };
    assert_eq!(seen[1..], [sent(None), sent(Some(1))], "the first has no count");
}

/// What is known of a span.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Seen {
    name: &'static str,
    /// Numbered from 1.
    parent: Option<u64>,
    resend: Option<u64>,
}

/// Remembers every span.
#[derive(Clone, Default)]
struct Spans(Arc<Mutex<Log>>);

#[derive(Default)]
struct Log {
    seen: Vec<Seen>,
    entered: Vec<u64>,
}

impl Spans {
    fn seen(&self) -> Vec<Seen> {
        self.0.lock().unwrap().seen.clone()
    }
}

impl Subscriber for Spans {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        let mut log = self.0.lock().unwrap();
        let mut seen = Seen { name: span.metadata().name(), parent: log.entered.last().copied(), resend: None };
        span.record(&mut seen);
        log.seen.push(seen);
        Id::from_u64(log.seen.len() as u64)
    }

    fn enter(&self, span: &Id) {
        self.0.lock().unwrap().entered.push(span.into_u64());
    }

    fn exit(&self, _: &Id) {
        self.0.lock().unwrap().entered.pop();
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn event(&self, _: &Event<'_>) {}
}

impl Visit for Seen {
    fn record_u64(&mut self, field: &Field, value: u64) {
        if field.name() == "http.request.resend_count" {
            self.resend = Some(value);
        }
    }

    fn record_debug(&mut self, _: &Field, _: &dyn fmt::Debug) {}
}
