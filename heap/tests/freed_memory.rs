//! Nothing that is secret is left in freed memory: neither by requests, nor by what a memory store
//! loads, commits and forgets.

use std::{
    alloc::{GlobalAlloc, Layout, System},
    future::{Future, ready},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderValue, Request, Response, header};
use http_body_util::Full;
use tokenflight::{BearerLayer, BoxError, MemoryStore, Origins, Session, TokenRequest, TokenSet, grant_fn};
use tower::{Layer, service_fn};

const OLD: &str = "CANARYTOKEN-0-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
const NEW: &str = "CANARYTOKEN-1-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
const COOKIE: &str = "session=CANARYCOOKIE-secret";

/// Looks for the canaries in what is freed.
struct Watching;

static ON: AtomicBool = AtomicBool::new(false);
static TOKENS: AtomicUsize = AtomicUsize::new(0);
static COOKIES: AtomicUsize = AtomicUsize::new(0);

fn has(bytes: &[u8], canary: &[u8]) -> bool {
    bytes.windows(canary.len()).any(|window| window == canary)
}

// SAFETY: everything is the system's allocator's; zeroed first, so that what is read in `dealloc`
// is initialised.
unsafe impl GlobalAlloc for Watching {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        if ON.load(Ordering::Relaxed) && layout.size() >= 12 {
            let bytes = unsafe { std::slice::from_raw_parts(block, layout.size()) };
            if has(bytes, b"CANARYTOKEN") {
                TOKENS.fetch_add(1, Ordering::Relaxed);
            }
            if has(bytes, b"CANARYCOOKIE") {
                COOKIES.fetch_add(1, Ordering::Relaxed);
            }
        }
        unsafe { System.dealloc(block, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Watching = Watching;

/// Freed blocks with a token, and with a cookie, while this runs.
fn freed<F: Future<Output = ()>>(work: F) -> (usize, usize) {
    static ALONE: Mutex<()> = Mutex::new(());
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    TOKENS.store(0, Ordering::SeqCst);
    COOKIES.store(0, Ordering::SeqCst);
    ON.store(true, Ordering::SeqCst);
    runtime.block_on(work);
    drop(runtime);
    ON.store(false, Ordering::SeqCst);
    (TOKENS.load(Ordering::SeqCst), COOKIES.load(Ordering::SeqCst))
}

fn login() -> TokenSet {
    TokenSet::new(OLD).refresh_token(OLD).expires_in(Duration::from_secs(300))
}

fn session(store: MemoryStore) -> Session {
    let grant = grant_fn(|_: TokenRequest| {
        ready(Ok(TokenSet::new(NEW).refresh_token(NEW).expires_in(Duration::from_secs(300))))
    });
    let builder = Session::builder(grant).store(store);
    builder.configure(|policy| policy.fresh_window = Duration::ZERO).build().unwrap()
}

/// The control: what does not wipe is seen.
#[test]
fn text_that_is_not_wiped_is_found() {
    let (tokens, _) = freed(async { drop(std::hint::black_box(OLD.to_owned())) });
    assert_eq!(tokens, 1);
}

#[test]
fn requests_and_replays_leave_nothing_sensitive() {
    let long: &'static str = Box::leak("x".repeat(600).into_boxed_str());
    let found = freed(async {
        let session = session(MemoryStore::new());
        session.login(login()).await.unwrap();
        let api = service_fn(|request: Request<Full<Bytes>>| {
            let old = request.headers()[header::AUTHORIZATION].as_bytes()[7..].starts_with(b"CANARYTOKEN-0");
            let status = if old { 401 } else { 200 };
            ready(Ok::<_, BoxError>(Response::builder().status(status).body(Full::<Bytes>::default()).unwrap()))
        });
        let client = BearerLayer::new(session.clone(), Origins::new(["https://a.example"]).unwrap()).layer(api);
        for _ in 0..3 {
            let request = Request::get("https://a.example/").header("x-long", long).body(Full::default());
            let mut request = request.unwrap();
            let mut cookie = HeaderValue::from_static(COOKIE);
            cookie.set_sensitive(true);
            request.headers_mut().insert(header::COOKIE, cookie);
            request.headers_mut().insert("x-long-2", HeaderValue::from_static(long));
            request.headers_mut().insert("x-long-3", HeaderValue::from_static(long));
            assert_eq!(client.clone().oneshot(request).await.unwrap().status(), 200);
        }
        session.logout().await.unwrap();
    });
    assert_eq!(found, (0, 0), "blocks with a token, blocks with a cookie");
}

#[test]
fn a_memory_store_leaves_no_token_when_it_loads_commits_and_logs_out() {
    let found = freed(async {
        for _ in 0..20 {
            let store = MemoryStore::new();
            let first = session(store.clone());
            first.login(login()).await.unwrap();
            let second = session(store);
            second.token().await.unwrap();
            second.refresh().await.unwrap();
            first.refresh().await.unwrap();
            first.logout().await.unwrap();
            assert!(second.refresh().await.is_err());
        }
    });
    assert_eq!(found, (0, 0), "blocks with a token, blocks with a cookie");
}
