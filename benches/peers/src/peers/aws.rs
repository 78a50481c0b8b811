//! aws-smithy-runtime: the cache of identities of its clients, and its signer for bearer tokens.

use std::{
    hint::black_box,
    sync::Arc,
    time::{Duration, SystemTime},
};

use aws_smithy_async::{
    rt::sleep::{SharedAsyncSleep, TokioSleep},
    time::{SharedTimeSource, SystemTimeSource},
};
use aws_smithy_runtime::client::{auth::http::BearerAuthScheme, identity::IdentityCache};
use aws_smithy_runtime_api::client::{
    auth::{AuthScheme, AuthSchemeEndpointConfig},
    identity::{
        Identity, IdentityFuture, ResolveCachedIdentity, ResolveIdentity, SharedIdentityCache, SharedIdentityResolver,
        http::Token,
    },
    orchestrator::HttpRequest,
    runtime_components::{RuntimeComponents, RuntimeComponentsBuilder},
};
use aws_smithy_types::{body::SdkBody, config_bag::ConfigBag};

use crate::{Built, Error, Fixture, Peer, Recipe, Source, Storming, URL, Value, at_once, callers};

/// No bench is still running by then.
const YEAR_2100: Duration = Duration::from_secs(4_102_444_800);

struct Client {
    cache: SharedIdentityCache,
    resolver: SharedIdentityResolver,
    scheme: BearerAuthScheme,
    components: RuntimeComponents,
    bag: ConfigBag,
}

impl Client {
    fn new(source: Source) -> Result<Self, Error> {
        // The clock and the timer are those of a client on tokio; nothing else of it is asked for.
        let components = RuntimeComponentsBuilder::for_tests()
            .with_sleep_impl(Some(SharedAsyncSleep::new(TokioSleep::new())))
            .with_time_source(Some(SharedTimeSource::new(SystemTimeSource::new())))
            .build()?;
        Ok(Self {
            cache: IdentityCache::lazy().build(),
            resolver: SharedIdentityResolver::new(Resolver(source)),
            scheme: BearerAuthScheme::new(),
            components,
            bag: ConfigBag::base(),
        })
    }

    async fn sign(&self, mut request: HttpRequest) -> bool {
        let resolver = self.resolver.clone();
        let identity = self.cache.resolve_cached_identity(resolver, &self.components, &self.bag).await;
        let Ok(identity) = identity else { return false };
        let config = AuthSchemeEndpointConfig::empty();
        let signed =
            self.scheme.signer().sign_http_request(&mut request, &identity, config, &self.components, &self.bag);
        drop(black_box(request));
        signed.is_ok()
    }
}

fn request(recipe: &Recipe) -> Option<HttpRequest> {
    let mut request = HttpRequest::new(SdkBody::from(Recipe::body().to_vec()));
    request.set_method("POST").ok()?;
    request.set_uri(URL).ok()?;
    for (name, value) in recipe.headers() {
        let name = name.as_str().to_owned();
        match value {
            Value::Fixed(value) => request.headers_mut().insert(name, value),
            Value::Own(value) => request.headers_mut().insert(name, value),
        };
    }
    Some(request)
}

#[derive(Debug)]
struct Resolver(Source);

impl ResolveIdentity for Resolver {
    fn resolve_identity<'a>(&'a self, _: &'a RuntimeComponents, _: &'a ConfigBag) -> IdentityFuture<'a> {
        IdentityFuture::new(async {
            let expiry = Some(SystemTime::UNIX_EPOCH + YEAR_2100);
            Ok(Identity::new(Token::new(self.0.token().await, expiry), expiry))
        })
    }
}

/// Its own kind of request, made and dropped.
struct Nothing;

impl Peer for Nothing {
    fn call(&mut self, recipe: &Recipe) -> bool {
        black_box(request(recipe)).is_some()
    }
}

impl Peer for Client {
    fn call(&mut self, recipe: &Recipe) -> bool {
        request(recipe).and_then(|request| at_once(self.sign(request))) == Some(true)
    }
}

pub(crate) fn nothing(_: &Fixture) -> Built {
    Ok(Box::new(Nothing))
}

pub(crate) fn signed(_: &Fixture) -> Built {
    Ok(Box::new(Client::new(Source::default())?))
}

async fn ask(client: Arc<Client>) -> bool {
    match Recipe::new(8).ok().as_ref().and_then(request) {
        Some(request) => client.sign(request).await,
        None => false,
    }
}

pub(crate) fn storm(source: Source) -> Storming {
    Box::pin(async move { Ok(callers(Arc::new(Client::new(source)?), ask)) })
}
