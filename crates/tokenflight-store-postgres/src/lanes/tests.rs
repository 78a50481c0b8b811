use std::sync::Mutex;

use tokio::{
    sync::{Semaphore, mpsc},
    time::{advance, sleep},
};

use super::*;

/// Batches as they are begun. Each ends when it gets a permit.
struct Desk {
    begun: mpsc::UnboundedSender<usize>,
    permits: Semaphore,
    answered: Mutex<usize>,
}

/// A piece of work; the last one panics.
struct Piece(bool);

impl Job for Piece {
    type Core = Desk;

    fn take(waiting: &mut VecDeque<Self>) -> Vec<Self> {
        waiting.drain(..).collect()
    }

    async fn run(core: &Desk, batch: Vec<Self>) {
        let _ = core.begun.send(batch.len());
        core.permits.acquire().await.unwrap().forget();
        assert!(batch.iter().all(|piece| !piece.0), "planned");
        *core.answered.lock().unwrap() += batch.len();
    }
}

struct Fixture {
    lanes: Arc<Lanes<Piece>>,
    desk: Arc<Desk>,
    begun: mpsc::UnboundedReceiver<usize>,
}

impl Fixture {
    fn new() -> Self {
        let (sender, begun) = mpsc::unbounded_channel();
        let desk = Desk { begun: sender, permits: Semaphore::new(0), answered: Mutex::default() };
        Self { lanes: Lanes::new(2, 10), desk: Arc::new(desk), begun }
    }

    fn submit(&self, pieces: usize) {
        (0..pieces).for_each(|_| self.lanes.submit(&self.desk, Piece(false)).unwrap());
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
async fn a_few_that_come_while_a_statement_is_under_way_go_out_together_after_it() {
    let mut fixture = Fixture::new();
    fixture.submit(1);
    assert_eq!(fixture.begun().await, [1]);
    for _ in 0..9 {
        fixture.submit(1);
        assert!(fixture.begun().await.is_empty());
    }
    fixture.desk.permits.add_permits(1);
    assert_eq!(fixture.begun().await, [9]);
    fixture.desk.permits.add_permits(1);
    assert!(fixture.begun().await.is_empty());
    assert_eq!(*fixture.desk.answered.lock().unwrap(), 10);
}

#[tokio::test(start_paused = true)]
async fn a_crowd_does_not_wait_for_the_statement_that_is_under_way() {
    let mut fixture = Fixture::new();
    fixture.submit(1);
    assert_eq!(fixture.begun().await, [1]);
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
    let mut fixture = Fixture::new();
    fixture.submit(1);
    assert_eq!(fixture.begun().await, [1]);
    fixture.submit(3);
    assert!(fixture.begun().await.is_empty());
    advance(LATE).await;
    assert_eq!(fixture.begun().await, [3]);
}

#[tokio::test(start_paused = true)]
async fn statements_that_take_their_time_and_do_not_hang_stay_one_at_a_time() {
    let mut fixture = Fixture::new();
    fixture.submit(1);
    for _ in 0..20 {
        assert_eq!(fixture.begun().await.len(), 1);
        fixture.submit(2);
        sleep(LATE / 2).await;
        assert!(fixture.begun().await.is_empty());
        fixture.desk.permits.add_permits(1);
    }
}

#[tokio::test(start_paused = true)]
async fn what_waits_beside_a_lane_that_panics_is_done_by_the_other() {
    let mut fixture = Fixture::new();
    fixture.lanes.submit(&fixture.desk, Piece(true)).unwrap();
    assert_eq!(fixture.begun().await, [1]);
    fixture.submit(3);
    fixture.desk.permits.add_permits(2);
    assert_eq!(fixture.begun().await, [3]);
    assert_eq!(*fixture.desk.answered.lock().unwrap(), 3);
}
