//! A trace layer below ours, as the documentation of `Resend` has it.

use tokenflight::bearer::Resend;
use tower::ServiceBuilder;
use tower_http::trace::TraceLayer;

use crate::fixture::*;

/// OpenTelemetry's example of a refused request: two client spans under one operation, and the
/// second says which it is.
#[test]
fn a_replay_is_a_second_client_span_with_its_resend_count() {
    let fixture = Fixture::new();
    let trace = TraceLayer::new_for_http().make_span_with(|request: &Request<_>| {
        let resend_count = request.extensions().get::<Resend>().map(|resend| resend.0);
        info_span!("http.client", http.request.resend_count = resend_count)
    });
    let api = fixture.api([unauthorized(), ok()]);
    let layer = BearerLayer::new(fixture.session.clone(), Origins::new([API]).unwrap());
    let client = ServiceBuilder::new().layer(layer).layer(trace).service(api);
    let (recorder, _) =
        Recorder::during(|| info_span!("operation").in_scope(|| fixture.run(client.oneshot(get())).unwrap()));
    let spans = recorder.spans("http.client");
    let counts: Vec<_> = spans.iter().map(|span| span.get("http.request.resend_count")).collect();
    assert_eq!(counts, ["", "1"]);
    assert!(spans.iter().all(|span| recorder.parent(span) == Some("operation")));
}
