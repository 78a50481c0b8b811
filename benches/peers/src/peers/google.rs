//! google-cloud-auth: credentials of a user, which give all their headers at once.

use std::hint::black_box;

use google_cloud_auth::credentials::{CacheableResource, Credentials, user_account::Builder};
use http::{Extensions, header::AUTHORIZATION};
use serde_json::json;

use crate::{Built, Error, Fixture, Source, Storming, at_once, callers, read};

async fn credentials(source: Source) -> Result<Credentials, Error> {
    let user = json!({
        "type": "authorized_user",
        "client_id": "client",
        "client_secret": "secret",
        "refresh_token": "refresh",
        "token_uri": source.serve().await?,
    });
    Ok(Builder::new(user).build()?)
}

/// Credentials that have their token.
fn warm(fixture: &Fixture) -> Result<(Credentials, CacheableResource<http::HeaderMap>), Error> {
    fixture.wait(async {
        let credentials = credentials(Source::default()).await?;
        let headers = credentials.headers(Extensions::new()).await?;
        Ok((credentials, headers))
    })
}

pub(crate) fn fresh(fixture: &Fixture) -> Built {
    let (credentials, _) = warm(fixture)?;
    read(move || match at_once(credentials.headers(Extensions::new())) {
        Some(Ok(CacheableResource::New { data, .. })) => black_box(data).contains_key(AUTHORIZATION),
        _ => false,
    })
}

/// A caller who kept the headers, and says so.
pub(crate) fn known(fixture: &Fixture) -> Built {
    let (credentials, CacheableResource::New { entity_tag, data }) = warm(fixture)? else {
        return Err("new credentials have no new headers".into());
    };
    let kept = data.get(AUTHORIZATION).ok_or("the headers authorize nothing")?.clone();
    read(move || {
        let mut extensions = Extensions::new();
        extensions.insert(entity_tag.clone());
        match at_once(credentials.headers(extensions)) {
            Some(Ok(CacheableResource::NotModified)) => !black_box(kept.clone()).is_empty(),
            _ => false,
        }
    })
}

async fn ask(credentials: Credentials) -> bool {
    credentials.headers(Extensions::new()).await.is_ok()
}

pub(crate) fn storm(source: Source) -> Storming {
    Box::pin(async move { Ok(callers(credentials(source).await?, ask)) })
}
