//! Code of the user's inside the layer may use the layer: nothing is locked while it runs.

use std::sync::mpsc;

use http_body::{Frame, SizeHint};
use tokenflight::bearer::ReplayBody;

use crate::fixture::*;

/// What the user's code does once, when it is called next.
#[derive(Clone, Default)]
struct Hook(Arc<Mutex<Option<Act>>>);

type Act = Box<dyn FnOnce() + Send>;

impl Hook {
    fn set(&self, act: impl FnOnce() + Send + 'static) {
        *self.0.lock().unwrap() = Some(Box::new(act));
    }

    fn run(&self) {
        let act = self.0.lock().unwrap().take();
        if let Some(act) = act {
            act();
        }
    }

    fn has_run(&self) -> bool {
        self.0.lock().unwrap().is_none()
    }
}

/// Whether this ends, on a thread of its own: what waits for itself does not.
#[allow(clippy::disallowed_methods)] // A watchdog.
fn ends(test: impl FnOnce() + Send + 'static) -> bool {
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        test();
        let _ = sender.send(());
    });
    receiver.recv_timeout(secs(10)).is_ok()
}

/// A client that says what it is sent to, refuses every token but `access-1`, and runs the hook
/// when it is cloned.
struct Client {
    on_clone: Hook,
    calls: Arc<AtomicUsize>,
}

impl Clone for Client {
    fn clone(&self) -> Self {
        self.on_clone.run();
        Self { on_clone: self.on_clone.clone(), calls: Arc::clone(&self.calls) }
    }
}

impl Service<Req> for Client {
    type Response = Response<Full<Bytes>>;
    type Error = BoxError;
    type Future = Ready<Result<Self::Response, BoxError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Req) -> Self::Future {
        self.calls.fetch_add(1, SeqCst);
        let mut response = Response::new(Full::default());
        if bearer(&request).is_some_and(|token| token != "access-1") {
            *response.status_mut() = StatusCode::UNAUTHORIZED;
        }
        ready(Ok(response))
    }
}

fn client() -> (Bearer<Client>, Hook, Arc<AtomicUsize>, ManualTime) {
    let (time, session) = logged_in(MockGrant::new());
    let (hook, calls) = (Hook::default(), Arc::default());
    let layer = BearerLayer::new(session, Origins::new([API]).unwrap());
    let mut client = layer.layer(Client { on_clone: hook.clone(), calls: Arc::clone(&calls) });
    // The first call clones the client for later ones.
    assert_eq!(now(client.call(get("https://elsewhere.example/"))).unwrap().status(), StatusCode::OK);
    (client, hook, calls, time)
}

#[test]
fn a_client_is_not_cloned_with_anything_locked() {
    // Cloned for a request that waits, for its send, and for a replay.
    for expired in [true, false] {
        assert!(ends(move || {
            let (mut client, hook, calls, time) = client();
            if expired {
                time.advance(LIFE);
            }
            let mut again = client.clone();
            hook.set(move || drop(again.call(get(ME)).now_or_never()));
            let answer = now(client.call(get(ME))).unwrap();
            assert_eq!(answer.status(), StatusCode::OK);
            assert!(hook.has_run());
            assert!(calls.load(SeqCst) > 1);
        }));
    }
}

/// Two requests sent again at once are sent by clones of one client, and neither is forgotten.
#[test]
fn a_replay_that_finds_the_client_being_cloned_waits_for_it() {
    assert!(ends(|| {
        let (mut client, hook, _, _) = client();
        let mut other = Box::pin(client.clone().call(get(ME)));
        let woken = Arc::new(Woken::default());
        let polled = Arc::clone(&woken);
        let (sender, receiver) = mpsc::channel();
        hook.set(move || {
            let waker = Waker::from(polled);
            let polled = other.as_mut().poll(&mut Context::from_waker(&waker));
            assert!(polled.is_pending());
            sender.send(other).unwrap();
        });
        assert_eq!(now(client.call(get(ME))).unwrap().status(), StatusCode::OK);
        assert!(woken.0.load(SeqCst) > 0);
        assert_eq!(now(receiver.recv().unwrap()).unwrap().status(), StatusCode::OK);
    }));
}

#[derive(Default)]
struct Woken(AtomicUsize);

impl std::task::Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, SeqCst);
    }
}

#[test]
fn a_client_whose_clone_panics_fails_one_request_and_no_other() {
    assert!(ends(|| {
        let (mut client, hook, _, _) = client();
        hook.set(|| panic!("planned"));
        let call = client.call(get(ME));
        assert!(std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| now(call))).is_err());
        assert_eq!(now(client.call(get(ME))).unwrap().status(), StatusCode::OK);
    }));
}

/// A body of two pieces that runs the hook whenever it is asked something.
struct Asked(u64, Hook);

impl Body for Asked {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        self.1.run();
        let left = self.0.checked_sub(1);
        self.0 = left.unwrap_or(0);
        Poll::Ready(left.map(|_| Ok(Frame::data(Bytes::from_static(b"x")))))
    }

    fn is_end_stream(&self) -> bool {
        self.1.run();
        self.0 == 0
    }

    fn size_hint(&self) -> SizeHint {
        self.1.run();
        SizeHint::with_exact(self.0)
    }
}

/// What the client asks a recorded body, and when.
type Question = fn(&mut ReplayBody<Asked>);

#[test]
fn a_body_is_asked_nothing_with_its_recording_locked() {
    let poll: Question = |body| drop(Pin::new(body).poll_frame(&mut Context::from_waker(Waker::noop())));
    let questions: [Question; 3] = [|body| _ = body.is_end_stream(), |body| _ = body.size_hint(), poll];
    for question in questions {
        assert!(ends(move || {
            let hook = Hook::default();
            let (sender, receiver) = mpsc::channel();
            let inner = tower::service_fn(move |request: Request<ReplayBody<Asked>>| {
                sender.send(request.into_body()).unwrap();
                std::future::pending::<Result<Response<Full<Bytes>>, BoxError>>()
            });
            let construct: fn(ReplayBody<Asked>) -> ReplayBody<Asked> = |body| body;
            let layer =
                BearerLayer::new(logged_in(MockGrant::new()).1, Origins::new([API]).unwrap()).replay_with(construct);
            let call = layer.layer(inner).call(Request::post(ME).body(Asked(3, hook.clone())).unwrap());
            let mut body = receiver.recv().unwrap();
            question(&mut body);
            // Dropping the call ends the recording.
            hook.set(move || drop(call));
            for _ in 0..3 {
                question(&mut body);
            }
        }));
    }
}
