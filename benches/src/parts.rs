//! What everything is made of. Nothing here fails with the settings that are written here; if they
//! are changed, a bench stops at once.

use http::{HeaderName, Method, Uri, header};
use tokenflight::{Bearer, BearerLayer, Origins, TokenSet};
use tokenflight_test::MockGrant;

use crate::{nothing::Nothing, prelude::*};

/// Where all requests go.
pub const ORIGIN: &str = "https://api.example.com";

/// A request as clients send it.
pub type Req = Request<Full<Bytes>>;

/// A token of the size that real ones have.
pub fn token(number: u64) -> String {
    format!("{number:0>1000}")
}

/// The header that carries it.
pub fn header(number: u64) -> HeaderValue {
    let Ok(mut header) = HeaderValue::try_from(format!("Bearer {}", token(number))) else { panic!("a wrong token") };
    header.set_sensitive(true);
    header
}

/// A token set that is good for an hour.
pub fn set(number: u64) -> TokenSet {
    TokenSet::new(token(number)).refresh_token("refresh").expires_in(Duration::from_secs(3600))
}

/// A session whose token request yields once, so that others can arrive meanwhile.
pub fn session() -> Session {
    let grant = grant_fn(|request: TokenRequest| async move {
        let next = request.generation().get();
        Turn::default().await;
        Ok::<_, GrantError>(set(next))
    });
    let built = Session::builder(grant).configure(|policy| {
        // A bench refreshes far more often than any client should.
        policy.min_interval = Duration::ZERO;
        policy.force_interval = Duration::ZERO;
    });
    match built.build() {
        Ok(session) => session,
        Err(error) => panic!("the bench's settings are wrong: {error}"),
    }
}

/// A session with a token, and the driver that watches the clock so that requests need not. The
/// clock is a manual one, because the driver has no runtime here whose timers it could wait by.
pub fn driven() -> (Session, Pin<Box<Driver>>) {
    let Ok(session) = Session::builder(MockGrant::new()).time(ManualTime::new(1)).build() else {
        panic!("the settings are wrong")
    };
    login(&session, 0);
    let mut driver = Box::pin(session.driver());
    assert!(driver.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    (session, driver)
}

/// Replaces the token.
pub fn login(session: &Session, number: u64) {
    let login = session.login(set(number)).now_or_never();
    assert!(matches!(login, Some(Ok(()))), "the login waits");
}

/// The layer over a client that answers at once.
pub fn client(session: &Session, options: BearerOptions) -> Bearer<Nothing> {
    layer(session, ORIGIN).options(options).layer(Nothing)
}

/// The layer for this origin.
pub fn layer(session: &Session, origin: &str) -> BearerLayer {
    match Origins::with_plain_loopback([origin]) {
        Ok(origins) => BearerLayer::new(session.clone(), origins),
        Err(error) => panic!("the bench's origin is wrong: {error}"),
    }
}

/// The names that clients put on requests, which are constants.
#[rustfmt::skip]
const NAMES: [HeaderName; 20] = [
    header::ACCEPT, header::ACCEPT_ENCODING, header::ACCEPT_LANGUAGE, header::CACHE_CONTROL,
    header::CONTENT_TYPE, header::USER_AGENT, header::ORIGIN, header::REFERER, header::COOKIE,
    header::DNT, header::ETAG, header::FORWARDED, header::FROM, header::IF_MATCH,
    header::IF_NONE_MATCH, header::LINK, header::PRAGMA, header::RANGE, header::VIA,
    header::WARNING,
];

/// Makes requests of one kind: a `POST` with so many headers, half of whose values are made anew
/// for each, as is its body.
#[derive(Clone, Debug)]
pub struct Requests {
    uri: Uri,
    names: Vec<HeaderName>,
    body: usize,
    number: u8,
}

impl Requests {
    /// With so many headers, at most twenty, whose names are constants, and a body of 128 bytes.
    pub fn new(headers: usize) -> Self {
        Self::with(NAMES.into_iter().take(headers).collect())
    }

    /// With so many headers of names made at run time. Copying such a name counts its references.
    pub fn own_names(headers: usize) -> Self {
        Self::with((0..headers).filter_map(|n| HeaderName::try_from(format!("x-header-{n}")).ok()).collect())
    }

    fn with(names: Vec<HeaderName>) -> Self {
        Self { uri: Uri::from_static("https://api.example.com/v1/things?page=2"), names, body: 128, number: 0 }
    }

    /// To another place.
    pub fn to(mut self, uri: Uri) -> Self {
        self.uri = uri;
        self
    }

    /// With a body of so many bytes.
    pub const fn body(mut self, body: usize) -> Self {
        self.body = body;
        self
    }

    /// The next one.
    pub fn make(&mut self) -> Req {
        let mut request = Request::new(Full::new(Bytes::from(vec![b'x'; self.body])));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = self.uri.clone();
        self.number = (self.number + 1) % 10;
        for (index, name) in self.names.iter().enumerate() {
            let fixed = HeaderValue::from_static("a value of common size");
            let own = || HeaderValue::from_bytes(format!("a value of its own {}", self.number).as_bytes());
            let value = if index % 2 == 0 { fixed } else { own().unwrap_or(fixed) };
            request.headers_mut().insert(name.clone(), value);
        }
        request
    }
}

/// Gives the executor one turn.
#[derive(Clone, Copy, Debug, Default)]
pub struct Turn {
    given: bool,
}

impl Future for Turn {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if std::mem::replace(&mut self.given, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}
