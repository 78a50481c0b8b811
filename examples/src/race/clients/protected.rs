// Learn here: all it takes. A function from a refresh token to the next token set, a session around
// it, its driver spawned, and the layer over the HTTP client you have. Timer and 401 join the same
// refresh, and no request that is dropped takes it along.

use std::sync::Arc;

use bytes::Bytes;
use http::{Request, StatusCode};
use http_body_util::Full;
use tokenflight::{
    Bearer, BearerLayer, BoxError, BoxFuture, GrantError, Origins, Session, TokenRequest, TokenSet, grant_fn,
};
use tower::Layer;

use super::{Client, Entry};
use crate::race::wire::{Http, RefreshError, Wire, read};

/// Session, driver and layer.
pub(crate) struct Protected {
    http: Bearer<Http>,
    wire: Wire,
}

impl Protected {
    /// Starts with the tokens of a login.
    pub(crate) async fn enter(login: TokenSet, wire: Wire) -> Result<Entry, BoxError> {
        let endpoint = wire.clone();
        let session = Session::builder(grant_fn(move |request| renew(endpoint.clone(), request))).build()?;
        session.login(login).await?;

        let api = wire.api();
        let origin = format!("http://{}", api.authority().ok_or("the API has no address")?);
        let layer = BearerLayer::new(session.clone(), Origins::with_plain_loopback([origin.as_str()])?);
        let http = layer.layer(wire.http().clone());
        let driver = session.driver();
        Ok(Entry { client: Arc::new(Self { http, wire }), timer: Box::pin(driver) })
    }
}

/// One token request, and what its failure means.
pub(in crate::race) async fn renew(wire: Wire, request: TokenRequest) -> Result<TokenSet, GrantError> {
    let Some(refresh_token) = request.refresh_token() else { return Err(GrantError::config("no refresh token")) };
    // Nothing has left yet. From the next step on the client may be sending; if it could not even
    // connect, it says so afterwards.
    request.mark_unsent();
    request.mark_sent();
    match wire.refresh(refresh_token.expose()).await {
        Ok(answer) => {
            let set = TokenSet::new(answer.access_token).expires_in_seconds(answer.expires_in);
            Ok(match answer.refresh_token {
                Some(token) => set.refresh_token(token),
                None => set,
            })
        }
        Err(RefreshError::NotSent(error)) => Err(GrantError::not_sent(error)),
        Err(RefreshError::Ended) => Err(GrantError::terminal("invalid_grant")),
        Err(RefreshError::Unknown(error)) => Err(GrantError::ambiguous(error)),
    }
}

impl Client for Protected {
    fn get(&self) -> BoxFuture<'_, Result<StatusCode, BoxError>> {
        Box::pin(async {
            let request = Request::get(self.wire.api().clone()).body(Full::<Bytes>::default())?;
            let response = self.http.clone().oneshot(request).await?;
            read(response).await
        })
    }
}
