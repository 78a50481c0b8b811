//! What a server says of itself, and what a logout does with it.

use tokenflight_oauth2::discovery::{DiscoveryError, Metadata};

use crate::fixture::*;

on_both!(
    a_server_tells_where_its_tokens_are,
    a_logout_revokes_at_the_server,
    a_logout_during_a_refresh_leaves_nothing_alive,
    a_logout_needs_no_revocation,
);

async fn metadata(server: &Server, kind: discovery::Kind) -> Metadata {
    discovery::discover(&server.at.issuer, kind, client()).await.unwrap()
}

async fn a_server_tells_where_its_tokens_are(kind: Kind) {
    let server = Setup::new(kind, 60).start().await;
    for document in [discovery::Kind::OpenId, discovery::Kind::OAuth] {
        let metadata = metadata(&server, document).await;
        assert_eq!(metadata.issuer(), server.at.issuer);
        assert_eq!(metadata.token_endpoint(), server.at.token);
        let endpoint = TokenEndpoint::discovered(&metadata, client()).unwrap().client(ClientAuth::public("public"));
        let user = User::logged_in(&server, endpoint.refresh_token(), "public").await;
        user.session.refresh().await.unwrap();
        assert_eq!(user.get().await.0, StatusCode::OK);
    }
    assert_eq!(server.log().await.refreshes, 2);
    // Byte for byte (RFC 8414 §3.3).
    let other = discovery::discover(&format!("{}/", server.at.issuer), discovery::Kind::OpenId, client()).await;
    assert!(matches!(other, Err(DiscoveryError::OtherIssuer { .. })), "{other:?}");
}

async fn a_logout_revokes_at_the_server(kind: Kind) {
    let server = Setup::new(kind, 60).start().await;
    let metadata = metadata(&server, discovery::Kind::OAuth).await;
    assert_eq!(metadata.revocation_endpoint(), Some(server.at.revocation.as_str()));
    for (client_id, auth) in
        [("public", ClientAuth::public("public")), ("basic", ClientAuth::basic("basic", server.secret("basic")))]
    {
        let before = server.log().await;
        let grant = || TokenEndpoint::discovered(&metadata, client()).unwrap().client(auth.clone()).refresh_token();
        let (tokens, _) = server.login(client_id).await;
        let user = User::new(&server, grant());
        user.session.login(tokens.clone()).await.unwrap();
        assert_eq!(user.get().await.0, StatusCode::OK);
        user.session.logout().await.unwrap();
        assert_eq!(*user.session.token().await.unwrap_err().kind(), ErrorKind::LoggedOut);
        let log = server.log().await;
        assert_eq!((log.revocations, log.denied), (before.revocations + 1, before.denied), "{client_id}: {log:?}");

        // Tokens that were kept are worth nothing.
        let thief = User::new(&server, grant());
        thief.session.login(tokens).await.unwrap();
        assert!(thief.session.refresh().await.unwrap_err().is_ended(), "{client_id}");
    }
}

/// What the refresh still brings is what has to be revoked.
async fn a_logout_during_a_refresh_leaves_nothing_alive(kind: Kind) {
    let server = Setup::new(kind, 60).start().await;
    let metadata = metadata(&server, discovery::Kind::OAuth).await;
    let mut overtaken = 0;
    for round in 0..20 {
        let endpoint = TokenEndpoint::discovered(&metadata, client()).unwrap().client(ClientAuth::public("public"));
        let user = User::logged_in(&server, endpoint.refresh_token(), "public").await.driven();
        let logout = async {
            // From before the request is sent until after its answer has arrived.
            pass(Duration::from_millis(round)).await;
            user.session.logout().await
        };
        let (refreshed, logged_out) = tokio::join!(user.session.refresh(), logout);
        logged_out.unwrap();
        overtaken += usize::from(refreshed.is_err());
        assert_eq!(*user.session.token().await.unwrap_err().kind(), ErrorKind::LoggedOut);
        let alive = server.told(&format!("revoke?session={}", user.name)).await;
        assert_eq!(alive["ended"], 0, "{round} ms: {:?}", server.log().await);
    }
    let log = server.log().await;
    assert_eq!((log.reuses, log.denied), (0, 0), "{log:?}");
    assert!(overtaken > 0, "this proves nothing");
    println!("{kind:?}: {overtaken} of 20 refreshes were overtaken; {log:?}");
}

async fn a_logout_needs_no_revocation(kind: Kind) {
    let server = Setup::new(kind, 60).start().await;
    let user = User::logged_in(&server, public(&server).refresh_token(), "public").await;
    user.session.logout().await.unwrap();
    assert_eq!(*user.session.token().await.unwrap_err().kind(), ErrorKind::LoggedOut);
    assert_eq!(server.log().await.revocations, 0, "no endpoint was told");
    assert_eq!(server.told(&format!("revoke?session={}", user.name)).await["ended"], 1);
}
