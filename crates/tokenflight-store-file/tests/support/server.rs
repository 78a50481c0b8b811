//! A client of the test kit's authorization server that can be stopped at every point.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    path::Path,
    time::Duration,
};

use tokenflight::{Grant, GrantError, GrantKey, Session, TokenRequest, TokenSet, grant_fn};
use tokenflight_store_file::FileStore;

/// A session over the files in a folder, whose refreshes go to this server. `at` is called at each
/// point of a request.
pub(crate) fn session(folder: &Path, server: SocketAddr, at: impl Fn(&str) + Clone + Send + Sync + 'static) -> Session {
    let builder = Session::builder(grant(server, at)).key(GrantKey::new("alice"));
    builder.store(FileStore::in_dir(folder)).build().unwrap()
}

pub(crate) fn grant(server: SocketAddr, at: impl Fn(&str) + Clone + Send + Sync + 'static) -> impl Grant {
    grant_fn(move |request: TokenRequest| {
        let at = at.clone();
        // It blocks its thread: the processes of these tests do nothing else meanwhile.
        async move { exchange(server, &request, at) }
    })
}

fn exchange(server: SocketAddr, request: &TokenRequest, at: impl Fn(&str)) -> Result<TokenSet, GrantError> {
    request.mark_unsent();
    let Some(token) = request.refresh_token() else { return Err(GrantError::config("nothing to present")) };
    at("before");
    let mut connection = TcpStream::connect(server).map_err(GrantError::not_sent)?;
    connection.set_read_timeout(Some(Duration::from_secs(30))).map_err(GrantError::not_sent)?;
    request.mark_sent();
    let body = format!("grant_type=refresh_token&refresh_token={}", token.expose());
    let head = format!(
        "POST /token HTTP/1.1\r\nhost: {server}\r\nconnection: close\r\n\
         content-type: application/x-www-form-urlencoded\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    connection.write_all(head.as_bytes()).map_err(GrantError::ambiguous)?;
    at("during");
    let mut answer = String::new();
    connection.read_to_string(&mut answer).map_err(GrantError::ambiguous)?;
    at("after");
    let (head, body) = answer.split_once("\r\n\r\n").ok_or_else(|| GrantError::ambiguous("no whole answer"))?;
    let members: serde_json::Value = serde_json::from_str(body).map_err(GrantError::ambiguous)?;
    if !head.starts_with("HTTP/1.1 200") {
        return Err(GrantError::terminal(members["error"].as_str().unwrap_or_default()));
    }
    let mut set = TokenSet::new(members["access_token"].as_str().unwrap_or_default());
    if let Some(refresh) = members["refresh_token"].as_str() {
        set = set.refresh_token(refresh);
    }
    Ok(match members["expires_in"].as_f64() {
        Some(seconds) => set.expires_in_seconds(seconds),
        None => set,
    })
}
