use http::Extensions;

/// In the extensions of a request that is sent again: how often it has been sent before, 1 for the
/// first replay. What OpenTelemetry calls `http.request.resend_count`, for a layer below.
///
/// With tower-http's trace layer below this one, a refused request and its replay are two client
/// spans under the caller's:
///
/// ```
/// # use bytes::Bytes;
/// # use http::{Request, Response};
/// # use http_body_util::Full;
/// # use tokenflight::{BearerLayer, GrantError, Origins, Session, TokenSet, grant_fn};
/// # use tower::{BoxError, ServiceBuilder, ServiceExt, service_fn};
/// use tokenflight::bearer::Resend;
/// use tower_http::trace::TraceLayer;
///
/// # fn main() -> Result<(), BoxError> {
/// # tokio::runtime::Builder::new_current_thread().enable_time().build()?.block_on(async {
/// # let session = Session::builder(grant_fn(|_| async { Err(GrantError::config("example")) })).build()?;
/// # session.login(TokenSet::new("secret")).await?;
/// # let origins = Origins::new(["https://api.example.com"])?;
/// # let client = service_fn(|_: Request<Full<Bytes>>| async { Ok::<_, BoxError>(Response::new(Full::<Bytes>::default())) });
/// let trace = TraceLayer::new_for_http().make_span_with(|request: &Request<_>| {
///     let resend_count = request.extensions().get::<Resend>().map(|resend| resend.0);
///     tracing::info_span!("http.client", method = %request.method(), http.request.resend_count = resend_count)
/// });
/// let client = ServiceBuilder::new().layer(BearerLayer::new(session, origins)).layer(trace).service(client);
/// # client.oneshot(Request::get("https://api.example.com/me").body(Full::default())?).await?;
/// # Ok(()) })
/// # }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Resend(pub u32);

impl Resend {
    /// Counts the sends of this layer on, if another one has sent the request before.
    pub(super) fn count_on(extensions: &mut Extensions, replays: u8) {
        let before = extensions.get::<Self>().map_or(0, |resend| resend.0);
        extensions.insert(Self(before.saturating_add(replays.into())));
    }
}
