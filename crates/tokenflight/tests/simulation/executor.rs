//! One thread, and chance decides who is next.

use std::task::Wake;

use crate::prelude::*;

/// Tasks of one simulation. Every step polls one ready task, drawn evenly.
pub(crate) struct Executor {
    tasks: Vec<Task>,
    ready: Arc<Mutex<Vec<usize>>>,
    inbox: Inbox,
    knobs: Arc<Knobs>,
    runtimes: Runtimes,
    /// Whether tasks are on two runtimes in turn.
    two: bool,
    pub(crate) steps: u64,
    /// What was polled, in order.
    print: DefaultHasher,
}

/// Work that goes on without the task that left it.
pub(crate) struct Left {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    pub(crate) work: BoxFuture<'static, ()>,
}

/// Where tasks leave work that goes on without them.
#[derive(Clone, Default)]
pub(crate) struct Inbox(Arc<Mutex<Vec<Left>>>);

impl Inbox {
    pub(crate) fn leave(&self, left: Left) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(left);
    }

    fn take(&self) -> Vec<Left> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// How a task may end.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// It must come to its end.
    Firm,
    /// Its future may be dropped after any poll.
    Fragile,
    /// It goes on for ever, like a driver.
    Daemon,
    /// As a daemon, but of no runtime: it goes with the process.
    Peer,
    /// As a daemon, but no part of the process: it outlives it.
    Storage,
}

struct Task {
    name: &'static str,
    kind: Kind,
    runtime: usize,
    work: Option<Pin<Box<dyn Future<Output = ()>>>>,
    bell: Arc<Bell>,
}

impl Task {
    /// Whether it must still come to its end.
    fn is_owed(&self) -> bool {
        self.work.is_some() && matches!(self.kind, Kind::Firm | Kind::Fragile)
    }
}

struct Bell {
    task: usize,
    rung: AtomicBool,
    ready: Arc<Mutex<Vec<usize>>>,
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if !self.rung.swap(true, Ordering::SeqCst) {
            self.ready.lock().unwrap_or_else(PoisonError::into_inner).push(self.task);
        }
    }
}

impl Executor {
    pub(crate) fn new(knobs: &Arc<Knobs>, runtimes: &Runtimes, two: bool) -> Self {
        let (tasks, ready, inbox, print) = Default::default();
        Self { tasks, ready, inbox, knobs: Arc::clone(knobs), runtimes: runtimes.clone(), two, steps: 0, print }
    }

    pub(crate) fn inbox(&self) -> Inbox {
        self.inbox.clone()
    }

    /// Starts a task; returns its number.
    pub(crate) fn spawn(&mut self, name: &'static str, kind: Kind, work: impl Future<Output = ()> + 'static) -> usize {
        let index = self.tasks.len();
        let bell = Arc::new(Bell { task: index, rung: AtomicBool::new(false), ready: Arc::clone(&self.ready) });
        bell.wake_by_ref();
        let runtime = usize::from(self.two && (index % 2 == 1) != self.runtimes.is_gone(index % 2));
        self.tasks.push(Task { name, kind, runtime, work: Some(Box::pin(work)), bell });
        index
    }

    /// Drops a task where it stands.
    pub(crate) fn drop_task(&mut self, index: usize) {
        self.tasks[index].work = None;
    }

    /// Drops all of the process.
    pub(crate) fn drop_all(&mut self) {
        self.settle_in();
        self.tasks.iter_mut().filter(|task| task.kind != Kind::Storage).for_each(|task| task.work = None);
    }

    /// Drops all that was on this runtime, and it is no more.
    pub(crate) fn end_runtime(&mut self, runtime: usize) {
        self.settle_in();
        self.runtimes.end(runtime);
        let ends = |task: &&mut Task| task.runtime == runtime && !matches!(task.kind, Kind::Peer | Kind::Storage);
        self.tasks.iter_mut().filter(ends).for_each(|task| task.work = None);
    }

    /// Whether a task is still there.
    pub(crate) fn has(&self, index: usize) -> bool {
        self.tasks[index].work.is_some()
    }

    fn settle_in(&mut self) {
        for Left { name, kind, work } in self.inbox.take() {
            self.spawn(name, kind, work);
        }
    }

    /// Polls one ready task. `false` if there is none.
    pub(crate) fn step(&mut self, random: &mut fastrand::Rng) -> bool {
        self.settle_in();
        let next = {
            let mut ready = self.ready.lock().unwrap_or_else(PoisonError::into_inner);
            if ready.is_empty() {
                return false;
            }
            let at = random.usize(..ready.len());
            ready.swap_remove(at)
        };
        let task = &mut self.tasks[next];
        task.bell.rung.store(false, Ordering::SeqCst);
        let Some(work) = &mut task.work else { return true };
        self.steps += 1;
        next.hash(&mut self.print);
        self.runtimes.enter(task.runtime);
        let waker = Waker::from(Arc::clone(&task.bell));
        let over = work.as_mut().poll(&mut Context::from_waker(&waker)).is_ready();
        let cancelled = task.kind == Kind::Fragile && random.u8(..) < 12;
        if over || (cancelled && self.knobs.fire(Knob::CallsCancelled)) {
            task.work = None;
        }
        true
    }

    /// Names of those that have not come to their end and should.
    pub(crate) fn unfinished(&self) -> Vec<&'static str> {
        self.tasks.iter().filter(|task| task.is_owed()).map(|task| task.name).collect()
    }

    pub(crate) fn all_done(&self) -> bool {
        !self.tasks.iter().any(Task::is_owed)
    }

    /// The same for the same schedule.
    pub(crate) fn print(&self) -> u64 {
        self.print.finish()
    }
}
