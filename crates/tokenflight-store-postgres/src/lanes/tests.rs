use std::sync::Mutex;

use tokio::{
    sync::{Semaphore, mpsc},
    time::advance,
};

use super::*;

/// Batches as they are begun. Each ends when it gets a permit.
struct Server {
    begun: mpsc::UnboundedSender<usize>,
    permits: Semaphore,
    answered: Mutex<usize>,
}

/// A piece of work.
#[derive(Clone, Copy, PartialEq)]
enum Piece<const BALANCED: bool> {
    Urgent,
    MayWait,
    Panics,
}

impl<const BALANCED: bool> Job for Piece<BALANCED> {
    type Core = Server;

    const BALANCED: bool = BALANCED;

    fn may_wait(&self) -> bool {
        *self == Self::MayWait
    }

    fn take(waiting: &mut VecDeque<Self>) -> Vec<Self> {
        waiting.drain(..).collect()
    }

    async fn run(core: &Server, batch: Vec<Self>) {
        let _ = core.begun.send(batch.len());
        core.permits.acquire().await.unwrap().forget();
        assert!(!batch.contains(&Self::Panics), "planned");
        *core.answered.lock().unwrap() += batch.len();
    }
}

struct Fixture<const BALANCED: bool> {
    lanes: Arc<Lanes<Piece<BALANCED>>>,
    server: Arc<Server>,
    begun: mpsc::UnboundedReceiver<usize>,
}

impl<const BALANCED: bool> Fixture<BALANCED> {
    fn new() -> Self {
        let (sender, begun) = mpsc::unbounded_channel();
        let server = Server { begun: sender, permits: Semaphore::new(0), answered: Mutex::default() };
        Self { lanes: Lanes::new(2), server: Arc::new(server), begun }
    }

    fn submit(&self, pieces: usize) {
        self.submit_all(Piece::Urgent, pieces);
    }

    fn submit_all(&self, piece: Piece<BALANCED>, pieces: usize) {
        (0..pieces).for_each(|_| self.lanes.submit(&self.server, piece).unwrap());
    }

    /// What was begun so far, after every task has had its turn.
    async fn begun(&mut self) -> Vec<usize> {
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
        std::iter::from_fn(|| self.begun.try_recv().ok()).collect()
    }
}

#[tokio::test(start_paused = true)]
async fn fewer_than_are_under_way_go_out_together_after_them() {
    let mut fixture = Fixture::<true>::new();
    fixture.submit(10);
    assert_eq!(fixture.begun().await, [10]);
    for _ in 0..9 {
        fixture.submit(1);
        assert!(fixture.begun().await.is_empty());
    }
    fixture.server.permits.add_permits(1);
    assert_eq!(fixture.begun().await, [9]);
    fixture.server.permits.add_permits(1);
    assert!(fixture.begun().await.is_empty());
    assert_eq!(*fixture.server.answered.lock().unwrap(), 19);
}

#[tokio::test(start_paused = true)]
async fn as_many_as_are_under_way_do_not_wait_for_them() {
    let mut fixture = Fixture::<true>::new();
    fixture.submit(10);
    assert_eq!(fixture.begun().await, [10]);
    fixture.submit(9);
    assert!(fixture.begun().await.is_empty());
    fixture.submit(1);
    assert_eq!(fixture.begun().await, [10]);
    // Two are under way: more do not go out.
    fixture.submit(30);
    assert!(fixture.begun().await.is_empty());
}

/// One statement hangs, as on a line that is half open: the others do not hang with it.
#[tokio::test(start_paused = true)]
async fn what_waits_behind_a_statement_that_hangs_goes_out_beside_it() {
    let mut fixture = Fixture::<true>::new();
    fixture.submit(10);
    assert_eq!(fixture.begun().await, [10]);
    fixture.submit(3);
    assert!(fixture.begun().await.is_empty());
    // Not by the constant: it is what is tested.
    advance(Duration::from_millis(50)).await;
    assert_eq!(fixture.begun().await, [3]);
}

#[tokio::test(start_paused = true)]
async fn statements_that_take_their_time_and_do_not_hang_stay_one_at_a_time() {
    let mut fixture = Fixture::<true>::new();
    fixture.submit(30);
    for left in (1..30).rev() {
        assert_eq!(fixture.begun().await.len(), 1);
        fixture.submit(left);
        advance(LATE / 2).await;
        assert!(fixture.begun().await.is_empty());
        fixture.server.permits.add_permits(1);
    }
}

#[tokio::test(start_paused = true)]
async fn what_waits_beside_a_lane_that_panics_is_done_by_the_other() {
    let mut fixture = Fixture::<true>::new();
    fixture.submit_all(Piece::Panics, 10);
    assert_eq!(fixture.begun().await, [10]);
    fixture.submit(3);
    fixture.server.permits.add_permits(2);
    assert_eq!(fixture.begun().await, [3]);
    assert_eq!(*fixture.server.answered.lock().unwrap(), 3);
}

#[tokio::test(start_paused = true)]
async fn what_may_wait_is_done_together_fifty_times_a_second_at_most() {
    let mut fixture = Fixture::<true>::new();
    fixture.server.permits.add_permits(1000);
    let (mut batches, mut pieces) = (0, 0);
    for _ in 0..1000 {
        fixture.submit_all(Piece::MayWait, 3);
        let begun = fixture.begun().await;
        (batches, pieces) = (batches + begun.len(), pieces + begun.iter().sum::<usize>());
        advance(Duration::from_millis(1)).await;
    }
    assert!(pieces >= 3 * 970, "{pieces}");
    assert!((45..=51).contains(&batches), "{batches}");
}

#[tokio::test(start_paused = true)]
async fn what_must_not_wait_takes_along_what_may() {
    let mut fixture = Fixture::<false>::new();
    fixture.server.permits.add_permits(1);
    fixture.submit_all(Piece::MayWait, 1);
    assert_eq!(fixture.begun().await, [1]);
    fixture.submit_all(Piece::MayWait, 3);
    assert!(fixture.begun().await.is_empty());
    fixture.submit(1);
    assert_eq!(fixture.begun().await, [4]);
    // One lane has that under way, the other gathers.
    fixture.submit_all(Piece::MayWait, 2);
    assert!(fixture.begun().await.is_empty());
    fixture.submit(1);
    assert_eq!(fixture.begun().await, [3]);
}

#[tokio::test(start_paused = true)]
async fn what_may_wait_is_done_though_the_lane_that_gathers_it_was_not_needed() {
    let mut fixture = Fixture::<false>::new();
    fixture.server.permits.add_permits(10);
    fixture.submit_all(Piece::MayWait, 1);
    assert_eq!(fixture.begun().await, [1]);
    fixture.submit_all(Piece::MayWait, 1);
    fixture.submit(1);
    assert_eq!(fixture.begun().await, [2]);
    fixture.submit_all(Piece::MayWait, 1);
    assert!(fixture.begun().await.is_empty());
    advance(GATHER).await;
    assert_eq!(fixture.begun().await, [1]);
}
