//! yup-oauth2: a service account, its tokens kept in memory.

use std::hint::black_box;

use http::HeaderValue;
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use serde_json::json;
use yup_oauth2::{CustomHyperClientBuilder, ServiceAccountAuthenticator, authenticator::Authenticator};

use super::KEY;
use crate::{Built, Error, Fixture, Source, Storming, at_once, callers, read};

const SCOPES: &[&str] = &["https://www.googleapis.com/auth/cloud-platform"];

async fn authenticator(source: Source) -> Result<Authenticator<HttpConnector>, Error> {
    let key = serde_json::from_value(json!({
        "private_key": KEY,
        "client_email": "bench@example.com",
        "token_uri": source.serve().await?,
    }))?;
    // Its own client has TLS and no pool; this one talks to loopback.
    let client = CustomHyperClientBuilder::from(Client::builder(TokioExecutor::new()).build_http());
    Ok(ServiceAccountAuthenticator::with_client(key, client).build().await?)
}

pub(crate) fn fresh(fixture: &Fixture) -> Built {
    let authenticator = fixture.wait(async {
        let authenticator = authenticator(Source::default()).await?;
        authenticator.token(SCOPES).await?;
        Ok::<_, Error>(authenticator)
    })?;
    read(move || match at_once(authenticator.token(SCOPES)) {
        Some(Ok(token)) => {
            let token = token.token().unwrap_or_default();
            black_box(HeaderValue::try_from(format!("Bearer {token}"))).is_ok()
        }
        _ => false,
    })
}

async fn ask(authenticator: Authenticator<HttpConnector>) -> bool {
    authenticator.token(SCOPES).await.is_ok()
}

pub(crate) fn storm(source: Source) -> Storming {
    Box::pin(async move { Ok(callers(authenticator(source).await?, ask)) })
}
