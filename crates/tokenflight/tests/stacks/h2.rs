//! HTTP/2 servers that turn streams away: that is the client's business; its tries are not ours.

use std::collections::VecDeque;

use hyper_util::{client::legacy::Client, rt::TokioExecutor};
use tokio::{
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};
use tower_layer::Layer;

use crate::fixture::*;

/// What the server does with a stream.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Act {
    Answer(StatusCode),
    /// `RST_STREAM` with `REFUSED_STREAM`: it was not processed.
    Refuse,
    /// `RST_STREAM` with `CANCEL`.
    Cancel,
    /// `GOAWAY` without having looked at it.
    GoAway,
}

/// A server that follows a script, one act for each stream of any connection.
struct Server {
    url: String,
    seen: Arc<Mutex<Vec<String>>>,
    task: JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

#[allow(clippy::disallowed_methods)] // The server is tokio's.
async fn serve(script: &[Act]) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let script = Arc::new(Mutex::new(script.iter().copied().collect::<VecDeque<_>>()));
    let seen = Arc::<Mutex<Vec<String>>>::default();
    let log = Arc::clone(&seen);
    let task = tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            tokio::spawn(connection(socket, Arc::clone(&script), Arc::clone(&log)));
        }
    });
    Server { url, seen, task }
}

async fn connection(socket: TcpStream, script: Arc<Mutex<VecDeque<Act>>>, seen: Arc<Mutex<Vec<String>>>) {
    let Ok(mut connection) = h2::server::handshake(socket).await else { return };
    while let Some(Ok((request, mut respond))) = connection.accept().await {
        let token = request.headers().get("authorization").map_or("", |value| value.to_str().unwrap());
        seen.lock().unwrap().push(token.to_owned());
        let act = script.lock().unwrap().pop_front().expect("a stream that is not in the script");
        match act {
            Act::Answer(status) => {
                let mut response = Response::new(());
                *response.status_mut() = status;
                respond.send_response(response, true).unwrap();
            }
            Act::Refuse => respond.send_reset(h2::Reason::REFUSED_STREAM),
            Act::Cancel => respond.send_reset(h2::Reason::CANCEL),
            Act::GoAway => {
                respond.send_reset(h2::Reason::REFUSED_STREAM);
                connection.graceful_shutdown();
            }
        }
    }
}

/// What became of a request, how often it was given to the client, and what the server saw of it.
struct Outcome {
    answer: Result<StatusCode, BoxError>,
    sends: usize,
    seen: Vec<String>,
    token_requests: u64,
}

async fn request(script: &[Act]) -> Outcome {
    let server = serve(script).await;
    let auth = AuthServer::new(Arc::new(ManualTime::new(1)));
    let session = Session::builder(auth.grant()).time(ManualTime::new(2));
    let session = session.configure(|policy| policy.fresh_window = Duration::ZERO).build().unwrap();
    session.login(auth.login()).now_or_never().unwrap().unwrap();
    let client = Client::builder(TokioExecutor::new()).http2_only(true).build_http::<Full<Bytes>>();
    let sends = Arc::new(Mutex::new(0));
    let counted = Arc::clone(&sends);
    let inner = service_fn(move |request: Request<Full<Bytes>>| {
        *counted.lock().unwrap() += 1;
        client.clone().call(request)
    });
    let origins = Origins::with_plain_loopback([server.url.as_str()]).unwrap();
    let client = BearerLayer::new(session, origins).layer(inner);
    let request = Request::post(&server.url).body(Full::new(Bytes::from_static(b"body"))).unwrap();
    let answer = client.oneshot(request).await.map(|response| response.status());
    auth.assert_unharmed();
    let (sends, seen) = (*sends.lock().unwrap(), server.seen.lock().unwrap().clone());
    Outcome { answer, sends, seen, token_requests: auth.report().total.token_requests }
}

const OK: Act = Act::Answer(StatusCode::OK);
const UNAUTHORIZED: Act = Act::Answer(StatusCode::UNAUTHORIZED);

/// hyper-util hands the reset on; a retry layer around it makes another try.
#[tokio::test]
async fn a_refused_stream_is_sent_once_by_us_and_its_error_is_the_clients() {
    for act in [Act::Refuse, Act::Cancel] {
        let outcome = request(&[act, OK]).await;
        let error = outcome.answer.unwrap_err();
        assert!(error.downcast_ref::<hyper_util::client::legacy::Error>().is_some(), "{act:?}: {error:?}");
        assert_eq!((outcome.sends, outcome.seen.len(), outcome.token_requests), (1, 1, 0), "{act:?}");
    }
}

#[tokio::test]
async fn a_server_that_goes_away_is_an_error_of_the_client_and_no_refusal() {
    let outcome = request(&[Act::GoAway, OK]).await;
    assert_eq!((outcome.sends, outcome.token_requests), (1, 0));
    assert!(outcome.answer.is_err() || outcome.seen.len() == 2, "the client may try again by itself");
}

#[tokio::test]
async fn a_refusal_over_http2_is_replayed_once() {
    let outcome = request(&[UNAUTHORIZED, OK]).await;
    assert_eq!(outcome.answer.unwrap(), StatusCode::OK);
    assert_eq!((outcome.sends, outcome.seen.len(), outcome.token_requests), (2, 2, 1));
    assert_ne!(outcome.seen[0], outcome.seen[1], "with another token");
}

/// A replay is a send like any other: that it was turned away is no reason for a third.
#[tokio::test]
async fn a_replay_that_is_turned_away_is_not_sent_again() {
    let outcome = request(&[UNAUTHORIZED, Act::Refuse, OK]).await;
    assert!(outcome.answer.is_err());
    assert_eq!((outcome.sends, outcome.seen.len(), outcome.token_requests), (2, 2, 1));
}
