//! Redirects, followed above and below the layer: the token stays with the origin it is for.

use futures_executor::block_on;
use tokenflight::bearer::redirect::RedirectGuardLayer;
use tower::{ServiceBuilder, util::BoxCloneService};
use tower_http::follow_redirect::{
    FollowRedirectLayer, RequestUri,
    policy::{Limited, Standard, clone_body_fn},
};

use crate::fixture::*;

const A: &str = "https://a.example.com/start";

/// A world of servers that send their visitors on, and what they were sent.
#[derive(Clone, Default)]
struct Servers {
    /// The URIs asked for, whether our token was there, and the body.
    log: Arc<Mutex<Vec<(String, bool, Bytes)>>>,
    /// Where each visit is sent next, and how.
    route: Arc<Mutex<Vec<(StatusCode, &'static str)>>>,
}

impl Servers {
    fn that(route: &[(StatusCode, &'static str)]) -> Self {
        let servers = Self::default();
        *servers.route.lock().unwrap() = route.iter().rev().copied().collect();
        servers
    }

    fn visited(&self) -> Vec<(String, bool)> {
        self.log.lock().unwrap().iter().map(|(uri, token, _)| (uri.clone(), *token)).collect()
    }
}

impl Service<Req> for Servers {
    type Response = Response<Full<Bytes>>;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<Self::Response, BoxError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Ok(()).into()
    }

    fn call(&mut self, request: Req) -> Self::Future {
        let this = self.clone();
        Box::pin(async move {
            let (head, body) = request.into_parts();
            let body = body.collect().await?.to_bytes();
            let ours = head.headers.get(header::AUTHORIZATION).is_some_and(|value| value == "Bearer access");
            this.log.lock().unwrap().push((head.uri.to_string(), ours, body));
            let mut response = Response::new(Full::default());
            if let Some((status, to)) = this.route.lock().unwrap().pop() {
                *response.status_mut() = status;
                response.headers_mut().insert(header::LOCATION, to.parse()?);
            }
            Ok(response)
        })
    }
}

fn layer() -> BearerLayer {
    let session = Session::builder(MockGrant::new()).time(ManualTime::new(1)).build().unwrap();
    now(session.login(TokenSet::new("access").refresh_token("refresh"))).unwrap();
    BearerLayer::new(session, Origins::new(["https://a.example.com", "https://friend.example.com"]).unwrap())
}

type Client = BoxCloneService<Req, (), BoxError>;

/// The stack the documentation recommends.
fn above(servers: &Servers) -> Client {
    let layers = ServiceBuilder::new()
        .layer(RedirectGuardLayer::new())
        .layer(FollowRedirectLayer::new())
        .layer(layer().below_redirects());
    boxed(layers.service(servers.clone()))
}

/// A follower that keeps whatever a request has.
fn above_careless(servers: &Servers) -> Client {
    let policy = Limited::new(10);
    let layers = ServiceBuilder::new()
        .layer(RedirectGuardLayer::new())
        .layer(FollowRedirectLayer::with_policy(policy))
        .layer(layer().below_redirects());
    boxed(layers.service(servers.clone()))
}

fn below(servers: &Servers) -> Client {
    boxed(ServiceBuilder::new().layer(layer()).layer(FollowRedirectLayer::new()).service(servers.clone()))
}

fn boxed<S, R>(client: S) -> Client
where
    S: Service<Req, Response = Response<R>, Error = BoxError, Future: Send> + Clone + Send + 'static,
    R: Send + 'static,
{
    BoxCloneService::new(client.map_response(drop))
}

fn get(uri: &str) -> Req {
    Request::get(uri).body(Full::default()).unwrap()
}

/// Sends a request around; says where it came with a token, and where without.
#[track_caller]
fn follow(client: fn(&Servers) -> Client, hops: &[&'static str]) -> Vec<bool> {
    let route: Vec<_> = hops.iter().map(|to| (StatusCode::TEMPORARY_REDIRECT, *to)).collect();
    let servers = Servers::that(&route);
    block_on(client(&servers).oneshot(get(A))).unwrap();
    let visited = servers.visited();
    assert_eq!(visited.len(), 1 + hops.len(), "{visited:?}");
    visited.into_iter().map(|(_, token)| token).collect()
}

const CLIENTS: [fn(&Servers) -> Client; 3] = [above, above_careless, below];

#[test]
fn on_its_own_origin_a_redirect_keeps_the_token() {
    for client in CLIENTS {
        let hops = ["https://a.example.com/next", "/relative", "https://A.EXAMPLE.COM:443/same"];
        assert_eq!(follow(client, &hops), [true; 4]);
    }
}

#[test]
fn no_other_origin_gets_the_token() {
    let others = "https://b.example.com/ https://a.example.com:8443/ http://a.example.com/ https://sub.a.example.com/ \
                  https://a.example.com.evil.example/ https://a.example.com@evil.example/ //b.example.com/";
    for to in others.split(' ') {
        for client in CLIENTS {
            assert_eq!(follow(client, &[to]), [true, false], "{to}");
        }
    }
}

#[test]
fn after_a_detour_the_token_does_not_come_back() {
    for client in CLIENTS {
        let hops = ["https://b.example.com/", "https://a.example.com/back", "https://a.example.com/again"];
        assert_eq!(follow(client, &hops), [true, false, false, false]);
    }
}

/// One listed origin may not send the client to another with a request of its own making.
#[test]
fn a_redirect_between_two_listed_origins_carries_no_token() {
    for client in CLIENTS {
        assert_eq!(follow(client, &["https://friend.example.com/", "https://a.example.com/"]), [true, false, false]);
    }
}

#[test]
fn without_the_guard_a_layer_below_redirects_gives_no_token_at_all() {
    let servers = Servers::that(&[]);
    block_on(ServiceBuilder::new().layer(layer().below_redirects()).service(servers.clone()).oneshot(get(A))).unwrap();
    assert_eq!(servers.visited(), [(A.to_owned(), false)]);
}

/// The caller's own credential is up to the follower; when taken off, ours must not take its place.
#[test]
fn a_request_with_a_credential_of_its_own_never_gets_ours() {
    for client in [above, above_careless] {
        let servers = Servers::that(&[(StatusCode::FOUND, "https://friend.example.com/")]);
        let mut request = get("https://b.example.com/");
        request.headers_mut().insert(header::AUTHORIZATION, HeaderValue::from_static("Basic x"));
        block_on(client(&servers).oneshot(request)).unwrap();
        let visited = servers.visited();
        assert_eq!(visited.last().unwrap().0, "https://friend.example.com/");
        assert!(visited.iter().all(|(_, ours)| !ours), "{visited:?}");
    }
}

#[test]
fn each_request_of_a_caller_is_followed_anew() {
    let servers = Servers::that(&[(StatusCode::FOUND, "https://b.example.com/")]);
    let client = above(&servers);
    for _ in 0..2 {
        block_on(client.clone().oneshot(get(A))).unwrap();
    }
    let tokens: Vec<bool> = servers.visited().into_iter().map(|(_, token)| token).collect();
    assert_eq!(tokens, [true, false, true]);
}

#[test]
fn bodies_go_where_the_follower_sends_them() {
    for (status, method, kept) in
        [(StatusCode::TEMPORARY_REDIRECT, Method::PUT, true), (StatusCode::SEE_OTHER, Method::POST, false)]
    {
        let servers = Servers::that(&[(status, "https://a.example.com/next")]);
        let follow = FollowRedirectLayer::with_policy(tower_http::follow_redirect::policy::PolicyExt::or::<
            _,
            Full<Bytes>,
            BoxError,
        >(
            clone_body_fn(|body: &Full<Bytes>| Some(body.clone())),
            Standard::default(),
        ));
        let layers = ServiceBuilder::new().layer(RedirectGuardLayer::new()).layer(follow);
        let mut request = get(A);
        (*request.method_mut(), *request.body_mut()) = (method, Full::from("the body"));
        let answer =
            block_on(layers.layer(layer().below_redirects()).service(servers.clone()).oneshot(request)).unwrap();
        assert_eq!(answer.extensions().get::<RequestUri>().unwrap().0, "https://a.example.com/next");
        let log = servers.log.lock().unwrap();
        assert_eq!((log[1].1, log[1].2.is_empty()), (true, !kept), "{status}");
    }
}
