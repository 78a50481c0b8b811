//! What a session tells, on its way to an OpenTelemetry collector.
//!
//! `cargo run` in this folder sends it to a collector on this machine, `http://localhost:4318`, or
//! to the one that `OTEL_EXPORTER_OTLP_ENDPOINT` names, and prints it as well. With Jaeger:
//!
//! ```console
//! docker run --rm -p 16686:16686 -p 4318:4318 jaegertracing/jaeger
//! ```

use bytes::Bytes;
use http::Request;
use http_body_util::Full;
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use opentelemetry::trace::TracerProvider;
use opentelemetry_otlp::{SpanExporter, WithExportConfig};
use opentelemetry_sdk::{Resource, trace::SdkTracerProvider};
use tokenflight::{BearerLayer, BoxError, Origins, bearer::Resend};
use tokenflight_test::Servers;
use tower::ServiceBuilder;
use tower_http::trace::TraceLayer;
use tracing::{Instrument, Level, Subscriber, info_span};
use tracing_subscriber::{Layer, Registry, filter::Targets, layer::SubscriberExt};

/// Sends spans to a collector at this address, over HTTP, from a thread of its own.
///
/// # Errors
///
/// The address makes no sense.
pub fn provider(endpoint: Option<&str>) -> Result<SdkTracerProvider, BoxError> {
    let exporter = SpanExporter::builder().with_http();
    let exporter = match endpoint {
        Some(endpoint) => exporter.with_endpoint(endpoint).build()?,
        // What the environment says.
        None => exporter.build()?,
    };
    let resource = Resource::builder().with_service_name("orders").build();
    Ok(SdkTracerProvider::builder().with_resource(resource).with_batch_exporter(exporter).build())
}

/// What listens in this process: our spans and events at DEBUG, those of others at INFO.
pub fn subscriber(provider: &SdkTracerProvider) -> impl Subscriber + Send + Sync + 'static + use<> {
    let levels = || Targets::new().with_target("tokenflight", Level::DEBUG).with_default(Level::INFO);
    let collector = tracing_opentelemetry::layer().with_tracer(provider.tracer("orders")).with_filter(levels());
    let terminal = tracing_subscriber::fmt::layer().with_ansi(false).with_filter(levels());
    Registry::default().with(collector).with(terminal)
}

/// One request whose token the API refuses: the refresh it starts, and the replay.
///
/// # Errors
///
/// Something on loopback went wrong.
pub async fn request() -> Result<http::StatusCode, BoxError> {
    let servers = Servers::with(|auth| auth, |session| session.label("orders")).await?;
    servers.auth().expire_all_access();

    // Below the layer, so that each send is a client span.
    let trace = TraceLayer::new_for_http().make_span_with(|request: &Request<_>| {
        let resend_count = request.extensions().get::<Resend>().map(|resend| resend.0);
        info_span!("GET", "otel.kind" = "client", http.request.resend_count = resend_count)
    });
    let http = Client::builder(TokioExecutor::new()).build::<_, Full<Bytes>>(HttpConnector::new());
    let origins = Origins::with_plain_loopback([servers.origin()])?;
    let client = ServiceBuilder::new().layer(BearerLayer::new(servers.session(), origins)).layer(trace).service(http);

    let request = Request::get(servers.url("/orders")).body(Full::default())?;
    let response = client.oneshot(request).instrument(info_span!("list orders")).await?;
    Ok(response.status())
}
