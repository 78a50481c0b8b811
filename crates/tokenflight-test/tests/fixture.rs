//! Tasks that come to rest, and the fixture around a session.
#![allow(clippy::unwrap_used)] // Helpers of tests are tests.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    time::Duration,
};

use tokenflight_core::{
    Grant, Time, TokenSet,
    grant::{Reason, TokenRequest},
    store::{Body, GrantKey, Op, Store, StoredTokens},
};
use tokenflight_test::{Fixture, ManualTime, Parts, Tasks, mock::OpKind};

/// The least that can be called a session.
#[derive(Clone)]
struct Session {
    time: ManualTime,
    grant: Arc<dyn Grant>,
    store: Arc<dyn Store>,
}

impl Session {
    fn new<G: Grant>(Parts { time, grant, store, .. }: Parts<G>) -> Self {
        Self { time, grant: Arc::new(grant), store: Arc::new(store) }
    }

    async fn login(self, set: TokenSet) {
        let tokens = Some(StoredTokens::from_set(&set, self.time.now().wall, None));
        let login = Op::new(None, self.time.now(), Body::Reset { base: None, tokens });
        self.store.apply(&key(), login).await.unwrap();
    }

    /// A refresh after a minute.
    async fn refresh(self) -> TokenSet {
        self.time.sleep(Duration::from_secs(60)).await;
        let entry = self.store.load(&key()).await.unwrap().entry.unwrap();
        let refresh = entry.tokens().and_then(|tokens| tokens.refresh.clone());
        self.grant.request(&TokenRequest::new(refresh, Reason::Due)).await.unwrap()
    }
}

fn key() -> GrantKey {
    GrantKey::new("default")
}

#[test]
fn a_fixture_runs_without_an_executor_and_moves_the_time_as_far_as_it_takes() {
    let fixture = Fixture::new(Session::new);
    fixture.tasks.block_on(async {
        fixture.run(|session| session.login(fixture.login())).await;
        let before = fixture.time.now().boot;
        let refresh = fixture.spawn(Session::refresh);
        fixture.tasks.quiet().await;
        assert!(!refresh.is_over());
        fixture.tasks.until(|| refresh.is_over()).await;
        assert_eq!(fixture.time.now().boot - before, Duration::from_secs(60));
        assert_eq!(refresh.ended().access().expose(), "access-1");
        assert_eq!((fixture.auth.count(), fixture.store.count(OpKind::Load)), (1, 1));
    });
}

#[test]
fn a_fixture_over_a_rotating_server_shares_it_and_its_entries_between_processes() {
    let fixture = Fixture::rotating(Session::new);
    let other = fixture.another_process(Session::new);
    fixture.tasks.block_on(async {
        fixture.run(|session| session.login(fixture.login())).await;
        let (one, two) = (fixture.spawn(Session::refresh), other.spawn(Session::refresh));
        fixture.tasks.pass(Duration::from_secs(59)).await;
        two.cancel();
        fixture.tasks.pass(Duration::from_secs(10)).await;
        assert!(one.is_over());
        fixture.auth.assert_unharmed();
        assert_eq!((fixture.store.count(OpKind::Load), other.store.count(OpKind::Load)), (1, 0));
    });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tasks_on_an_executor_with_threads_come_to_rest() {
    let time = ManualTime::new(0);
    let runtime = tokio::runtime::Handle::current();
    let tasks = Tasks::on(&time, move |task| drop(runtime.spawn(task)));
    let fixture = Fixture::on(&tasks, Session::new);
    fixture.run(|session| session.login(fixture.login())).await;
    let refreshes: Vec<_> = (0..20).map(|_| fixture.spawn(Session::refresh)).collect();
    tasks.pass(Duration::from_secs(60)).await;
    assert!(refreshes.iter().all(tokenflight_test::Task::is_over));
    assert_eq!(fixture.auth.count(), 20);
}

#[test]
fn what_waits_for_ever_or_panics_is_a_failed_test() {
    let failure = |test: &dyn Fn(&Tasks)| {
        let tasks = Tasks::new(&ManualTime::new(0));
        let panic = catch_unwind(AssertUnwindSafe(|| test(&tasks))).unwrap_err();
        let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
        text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap()
    };
    let forever = failure(&|tasks| tasks.block_on(tasks.run(std::future::pending::<()>())));
    assert!(forever.contains("no timer is left") && forever.contains("fixture.rs"), "{forever}");
    let outside = failure(&|tasks| tasks.block_on(std::future::pending::<()>()));
    assert!(outside.contains("not one of its tasks"), "{outside}");
    let panics = failure(&|tasks| tasks.block_on(tasks.run(async { panic!("as told") })));
    assert!(panics.contains("as told"), "{panics}");
}

#[test]
fn a_task_may_start_another_and_be_woken_while_it_is_polled() {
    let tasks = Tasks::new(&ManualTime::new(0));
    let inner = tasks.clone();
    tasks.block_on(async {
        let second = tasks.run(async move {
            let second = inner.spawn(async { 7 });
            let mut woken = false;
            std::future::poll_fn(|cx| {
                cx.waker().wake_by_ref();
                if std::mem::replace(&mut woken, true) { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
            })
            .await;
            second
        });
        let second = second.await;
        tasks.quiet().await;
        assert_eq!(second.ended(), 7);
    });
}
