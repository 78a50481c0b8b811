//! gcp_auth: a service account, whose key signs what is sent for a token.

use std::{hint::black_box, sync::Arc};

use gcp_auth::{CustomServiceAccount, TokenProvider};
use http::HeaderValue;
use serde_json::json;

use super::KEY;
use crate::{Built, Error, Fixture, Source, Storming, at_once, callers, read};

const SCOPES: &[&str] = &["https://www.googleapis.com/auth/cloud-platform"];

async fn account(source: Source) -> Result<CustomServiceAccount, Error> {
    let key = json!({
        "project_id": "project",
        "private_key": KEY,
        "client_email": "bench@example.com",
        "token_uri": source.serve().await?,
    });
    Ok(CustomServiceAccount::from_json(&key.to_string())?)
}

pub(crate) fn fresh(fixture: &Fixture) -> Built {
    let account = fixture.wait(async {
        let account = account(Source::default()).await?;
        account.token(SCOPES).await?;
        Ok::<_, Error>(account)
    })?;
    read(move || match at_once(account.token(SCOPES)) {
        Some(Ok(token)) => black_box(HeaderValue::try_from(format!("Bearer {}", token.as_str()))).is_ok(),
        _ => false,
    })
}

async fn ask(account: Arc<CustomServiceAccount>) -> bool {
    account.token(SCOPES).await.is_ok()
}

pub(crate) fn storm(source: Source) -> Storming {
    Box::pin(async move { Ok(callers(Arc::new(account(source).await?), ask)) })
}
