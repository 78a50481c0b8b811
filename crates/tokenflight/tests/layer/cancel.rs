//! The response future is dropped at every poll of every scenario: no permit, timer or waker is
//! lost, no refresh dies, no refresh token is presented twice, and the next request succeeds.

use tokenflight_test::{AuthServer, ResourceServer};

use crate::fixture::*;

/// What the inner service does on its way; shared by its clones.
#[derive(Default)]
struct Habits {
    /// After so many calls the service is never ready any more.
    unready_after: Option<usize>,
    /// This call and those after it are never answered.
    silent_from: Option<usize>,
    /// The bodies of refusals do not end.
    endless: bool,
}

#[derive(Default)]
struct Shared {
    habits: Mutex<Habits>,
    calls: AtomicUsize,
    /// Answers under way.
    alive: AtomicUsize,
}

/// A resource server that is slow at everything, each step by a timer.
struct Slow {
    server: ResourceServer,
    time: ManualTime,
    shared: Arc<Shared>,
    getting_ready: Option<BoxFuture<'static, ()>>,
    ready: bool,
}

impl Clone for Slow {
    fn clone(&self) -> Self {
        let (server, time, shared) = (self.server.clone(), self.time.clone(), Arc::clone(&self.shared));
        Self { server, time, shared, getting_ready: None, ready: false }
    }
}

/// An answer under way.
struct Alive(Arc<Shared>);

impl Alive {
    fn new(shared: &Arc<Shared>) -> Self {
        shared.alive.fetch_add(1, SeqCst);
        Self(Arc::clone(shared))
    }
}

impl Drop for Alive {
    fn drop(&mut self) {
        self.0.alive.fetch_sub(1, SeqCst);
    }
}

impl Service<Req> for Slow {
    type Response = Res;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<Res, BoxError>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        let calls = self.shared.calls.load(SeqCst);
        if self.shared.habits.lock().unwrap().unready_after.is_some_and(|most| calls >= most) {
            return Poll::Pending;
        }
        // The first call is readied before the sweep begins.
        if calls > 0 && !self.ready {
            let time = &self.time;
            let sleep = self.getting_ready.get_or_insert_with(|| time.sleep(millis(5)));
            if sleep.as_mut().poll(cx).is_pending() {
                return Poll::Pending;
            }
        }
        self.getting_ready = None;
        self.ready = true;
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Req) -> Self::Future {
        assert!(std::mem::take(&mut self.ready), "not ready");
        let call = self.shared.calls.fetch_add(1, SeqCst);
        let (silent, endless) = {
            let habits = self.shared.habits.lock().unwrap();
            (habits.silent_from.is_some_and(|from| call >= from), habits.endless)
        };
        let alive = Alive::new(&self.shared);
        let answer = self.server.call(request);
        Box::pin(async move {
            let _alive = alive;
            if silent {
                std::future::pending::<()>().await;
            }
            let Ok(answer) = answer.await;
            let refused = answer.status() == StatusCode::UNAUTHORIZED;
            let end = if refused && endless { End::Stalls } else { End::Clean };
            Ok(answer.map(|_| TestBody::text("text").end(end)))
        })
    }
}

type Inner = ConcurrencyLimit<Slow>;
type Call = <Bearer<Inner> as Service<Req>>::Future;

const PERMITS: usize = 2;

/// One run of a scenario.
struct World {
    time: ManualTime,
    auth: AuthServer,
    session: Session,
    client: Bearer<Inner>,
    permits: Arc<Semaphore>,
    shared: Arc<Shared>,
    driver: Option<task::Spawn<Driver>>,
}

/// What is wrong with the token when the request is made.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Trouble {
    Expired,
    Revoked,
    /// It is only due: the request goes through while it is renewed.
    Due,
}

impl World {
    fn new(trouble: Trouble, driven: bool, habits: Habits) -> Self {
        let time = ManualTime::new(3);
        let auth = AuthServer::builder(time.shared()).latency(millis(20)..=millis(20)).build();
        let session = Session::builder(auth.grant()).time(time.clone()).build().unwrap();
        let login = auth.login();
        let shared = Arc::new(Shared { habits: Mutex::new(habits), ..Shared::default() });
        let server = ResourceServer::new(auth.clone()).latency(millis(10));
        let slow = Slow { server, time: time.clone(), shared: Arc::clone(&shared), getting_ready: None, ready: false };
        let permits = Arc::new(Semaphore::new(PERMITS));
        let inner = ConcurrencyLimit::with_semaphore(slow, Arc::clone(&permits));
        let client = BearerLayer::new(session.clone(), Origins::new([API]).unwrap()).layer(inner);
        now(session.login(login.clone())).unwrap();
        time.advance(match trouble {
            Trouble::Expired => LIFE,
            Trouble::Revoked => secs(60),
            Trouble::Due => LIFE - secs(20),
        });
        if trouble == Trouble::Revoked {
            auth.revoke_access(login.access().expose());
        }
        let driver = driven.then(|| task::spawn(session.driver()));
        Self { time, auth, session, client, permits, shared, driver }
    }

    /// Gives the driver its turn.
    fn drive(&mut self) {
        if let Some(driver) = &mut self.driver {
            assert!(driver.poll_until_idle().is_pending());
        }
    }

    fn call(&mut self) -> Pin<Box<Call>> {
        let mut ready = task::spawn(());
        assert!(ready.enter(|cx, _| Service::<Req>::poll_ready(&mut self.client, cx)).is_ready());
        Box::pin(self.client.call(get(ME)))
    }

    /// Polls a request at most `polls` times, as often as it is woken, and drops it. Says whether
    /// it had come to its end, or to where it would hang for ever.
    fn drop_after(&mut self, polls: usize) -> bool {
        let mut call = Some(self.call());
        let mut task = task::spawn(());
        let mut over = false;
        for _ in 0..polls {
            self.drive();
            let polled = task.enter(|cx, _| call.as_mut().map(|call| call.as_mut().poll(cx)));
            over = !matches!(polled, Some(Poll::Pending)) || !self.until_woken(&task);
            if over {
                break;
            }
        }
        drop(call.take());
        assert_eq!(task.waker_ref_count(), 1, "the waker of a request that is gone is still held");
        over
    }

    /// Moves the time until the task is woken; not if that would take longer than anything here.
    fn until_woken(&mut self, task: &task::Spawn<()>) -> bool {
        while !task.is_woken() {
            let near = self.time.next_wake().is_some_and(|next| next <= secs(1));
            if !near || !self.time.advance_to_next() {
                return false;
            }
            self.drive();
        }
        true
    }

    /// What must be true whenever a request was dropped.
    fn check(mut self, at: usize) {
        assert_eq!(self.permits.available_permits(), PERMITS, "permits, dropped after {at} polls");
        assert_eq!(self.shared.alive.load(SeqCst), 0, "answers under way, dropped after {at} polls");
        if !self.session.state().refreshing && self.driver.is_none() {
            assert_eq!(self.time.pending_sleeps(), 0, "timers, dropped after {at} polls");
        }
        *self.shared.habits.lock().unwrap() = Habits::default();
        let Self { time, auth, .. } = &self;
        let (time, auth) = (time.clone(), auth.clone());
        // Who comes next drives what was left, or the driver has done it.
        let answer = self.finish();
        assert_eq!(answer.status(), StatusCode::OK, "dropped after {at} polls");
        let total = auth.report().total;
        assert!(total.token_requests <= 1, "dropped after {at} polls: {total:?}");
        assert_eq!((total.presented_twice, total.answers_lost, total.overlapping), (0, 0, 0), "after {at} polls");
        auth.assert_unharmed();
        assert_eq!(self.permits.available_permits(), PERMITS);
        if self.driver.is_none() && !self.session.state().refreshing {
            assert_eq!(time.pending_sleeps(), 0, "timers at the end, dropped after {at} polls");
        }
    }

    /// Another request, to its end.
    fn finish(&mut self) -> Response<()> {
        let mut next = task::spawn(self.ready_and_call());
        for _ in 0..1_000 {
            self.drive();
            if let Poll::Ready(answer) = next.poll_until_idle() {
                return answer.unwrap().map(drop);
            }
            while !next.is_woken() {
                assert!(self.time.advance_to_next(), "the next request hangs");
                self.drive();
            }
        }
        panic!("the next request never ends");
    }

    fn ready_and_call(&self) -> BoxFuture<'static, Result<Response<()>, BoxError>> {
        let mut client = self.client.clone();
        Box::pin(async move {
            std::future::poll_fn(|cx| Service::<Req>::poll_ready(&mut client, cx)).await?;
            Ok(client.call(get(ME)).await?.map(drop))
        })
    }
}

/// Drops the request after 0, 1, 2, … polls, until it comes to its end.
fn sweep(trouble: Trouble, habits: impl Fn() -> Habits, at_least: usize) {
    const MOST: usize = 200;
    for driven in [false, true] {
        let mut polls = 0;
        loop {
            let mut world = World::new(trouble, driven, habits());
            let over = world.drop_after(polls);
            world.check(polls);
            if over {
                break;
            }
            polls += 1;
            assert!(polls < MOST, "{trouble:?} never ends");
        }
        // A scenario that has become shorter than it was is not swept where it matters.
        assert!(polls >= at_least, "{trouble:?}, driven: {driven}: only {polls} polls");
    }
}

#[test]
fn a_request_that_waits_for_its_first_token_can_be_dropped_at_every_poll() {
    sweep(Trouble::Expired, Habits::default, 4);
}

#[test]
fn a_refused_request_can_be_dropped_at_every_poll() {
    sweep(Trouble::Revoked, Habits::default, 6);
}

#[test]
fn a_request_beside_a_renewal_can_be_dropped_at_every_poll() {
    sweep(Trouble::Due, Habits::default, 3);
}

#[test]
fn a_request_whose_refusal_has_no_end_can_be_dropped_at_every_poll() {
    sweep(Trouble::Revoked, || Habits { endless: true, ..Habits::default() }, 6);
}

#[test]
fn a_request_whose_first_send_is_never_answered_can_be_dropped_at_every_poll() {
    for trouble in [Trouble::Expired, Trouble::Revoked, Trouble::Due] {
        sweep(trouble, || Habits { silent_from: Some(0), ..Habits::default() }, 1);
    }
}

#[test]
fn a_request_whose_replay_is_never_answered_can_be_dropped_at_every_poll() {
    sweep(Trouble::Revoked, || Habits { silent_from: Some(1), ..Habits::default() }, 5);
}

#[test]
fn a_request_whose_replay_is_never_ready_can_be_dropped_at_every_poll() {
    sweep(Trouble::Revoked, || Habits { unready_after: Some(1), ..Habits::default() }, 4);
}

/// The service was ready once, the layer gave it back, and now it is not.
#[test]
fn a_request_whose_first_send_is_never_ready_again_can_be_dropped_at_every_poll() {
    const TURNED: Duration = LIFE;
    for driven in [false, true] {
        for polls in 0..12 {
            let mut world = World::new(Trouble::Expired, driven, Habits::default());
            let mut call = Some(world.call());
            world.shared.habits.lock().unwrap().unready_after = Some(0);
            let mut task = task::spawn(());
            for _ in 0..polls {
                world.drive();
                let polled = task.enter(|cx, _| call.as_mut().map(|call| call.as_mut().poll(cx).is_pending()));
                assert_eq!(polled, Some(true));
                if !world.until_woken(&task) {
                    break;
                }
            }
            drop(call.take());
            assert_eq!(task.waker_ref_count(), 1);
            assert!(world.time.now().boot < secs(1_000) + TURNED * 2);
            world.check(polls);
        }
    }
}

/// Wakers do not pile up: a request polled again and again, with another waker each time, is held
/// by the newest only.
#[test]
fn a_request_that_is_polled_by_many_tasks_is_held_by_one_waker() {
    for trouble in [Trouble::Expired, Trouble::Revoked] {
        let mut world = World::new(trouble, false, Habits { endless: true, ..Habits::default() });
        let mut call = world.call();
        let mut first = task::spawn(());
        let _ = first.enter(|cx, _| call.as_mut().poll(cx).is_pending());
        let _ = world.until_woken(&first);
        let mut tasks: Vec<_> = (0..50).map(|_| task::spawn(())).collect();
        for task in &mut tasks {
            assert!(task.enter(|cx, _| call.as_mut().poll(cx).is_pending()));
        }
        let held: Vec<_> = tasks.iter().filter(|task| task.waker_ref_count() > 1).collect();
        assert!(held.len() <= 1, "{} of 50", held.len());
        drop(call);
        assert!(tasks.iter().all(|task| task.waker_ref_count() == 1));
        world.check(51);
    }
}
