//! The thread that does the work of a store.

use std::{
    hash::{BuildHasher, Hasher, RandomState},
    io,
    sync::{
        Arc,
        mpsc::{Receiver, RecvTimeoutError, Sender, channel},
    },
    thread,
    time::Duration,
};

use tokenflight_core::store::{Body, GrantKey, Op, Owner, Reply, Seen, StoreError};

use crate::{
    answer::Responder,
    settings::Settings,
    steps::{Step, Steps},
};

/// How long another process may take for its step: at least ten times what a slow disk takes.
pub(crate) const PATIENCE: Duration = Duration::from_secs(5);

/// The pause before a step is tried again: at first, and at last. A step takes a few milliseconds.
const PAUSE: (Duration, Duration) = (Duration::from_millis(1), Duration::from_millis(20));

/// What the thread is asked for.
pub(crate) enum Message {
    Load {
        key: GrantKey,
        responder: Responder<Result<Seen, StoreError>>,
    },
    Apply {
        key: GrantKey,
        op: Box<Op>,
        responder: Responder<Result<Reply, StoreError>>,
    },
    /// The future of a claim was dropped: it may be granted, and nothing knows.
    Abandon {
        key: GrantKey,
        owner: Owner,
    },
}

/// Starts it. It ends, with what it has begun, when the sender is dropped.
pub(crate) fn start(settings: Arc<Settings>) -> io::Result<Sender<Message>> {
    let (sender, receiver) = channel();
    let worker = move || Worker { steps: Steps::new(settings), waiting: Vec::new(), pause: PAUSE.0 }.run(&receiver);
    thread::Builder::new().name("tokenflight-file".to_owned()).spawn(worker)?;
    Ok(sender)
}

struct Worker {
    steps: Steps,
    /// What waits for another process to end its step, oldest first.
    waiting: Vec<Waiting>,
    pause: Duration,
}

struct Waiting {
    key: GrantKey,
    work: Work,
    /// Time that passes while this process is stopped does not count.
    waited: Duration,
}

enum Work {
    Apply(Box<Op>, Responder<Result<Reply, StoreError>>),
    Abandon(Owner),
}

impl Worker {
    fn run(mut self, messages: &Receiver<Message>) {
        loop {
            let pause = jittered(self.pause);
            let message = match self.waiting.is_empty() {
                true => messages.recv().map_err(|_| RecvTimeoutError::Disconnected),
                false => messages.recv_timeout(pause),
            };
            match message {
                // Reading waits for nothing, and nothing that waits is in its way.
                Ok(Message::Load { key, responder }) => {
                    responder.tell(self.steps.load(&key).map_err(StoreError::from));
                }
                Ok(Message::Apply { key, op, responder }) => self.begin(key, Work::Apply(op, responder)),
                Ok(Message::Abandon { key, owner }) => self.begin(key, Work::Abandon(owner)),
                Err(RecvTimeoutError::Timeout) => self.go_on(pause),
                Err(RecvTimeoutError::Disconnected) if self.waiting.is_empty() => return,
                Err(RecvTimeoutError::Disconnected) => {
                    thread::park_timeout(pause);
                    self.go_on(pause);
                }
            }
        }
    }

    /// Operations on one record are done in their order.
    fn begin(&mut self, key: GrantKey, work: Work) {
        let behind = self.waiting.iter().any(|waiting| waiting.key == key);
        self.waiting.push(Waiting { key, work, waited: Duration::ZERO });
        if !behind {
            self.go_on(Duration::ZERO);
        }
    }

    /// Tries what waits, once, after this much more waiting.
    fn go_on(&mut self, waited: Duration) {
        let before = self.waiting.len();
        let mut held: Vec<Waiting> = Vec::new();
        for mut waiting in std::mem::take(&mut self.waiting) {
            waiting.waited += waited;
            let behind = held.iter().any(|other| other.key == waiting.key);
            if behind {
                held.push(waiting);
            } else {
                held.extend(self.attempt(waiting));
            }
        }
        self.waiting = held;
        self.pause = match self.waiting.len() < before {
            true => PAUSE.0,
            false => (self.pause * 2).min(PAUSE.1),
        };
    }

    /// Does it, or returns it.
    fn attempt(&mut self, Waiting { key, work, waited }: Waiting) -> Option<Waiting> {
        let (op, responder) = match work {
            Work::Apply(op, responder) => (op, responder),
            Work::Abandon(owner) => {
                self.steps.abandon(&key, owner);
                return None;
            }
        };
        match self.steps.apply(&key, &op) {
            Step::Done(reply) => responder.tell(reply),
            Step::Later if waited < PATIENCE => return Some(Waiting { key, work: Work::Apply(op, responder), waited }),
            Step::Later => responder.tell(Err(self.steps.give_up(&key, &op, waited))),
        }
        None
    }
}

/// Between half of it and all of it, so that processes do not try in step.
fn jittered(pause: Duration) -> Duration {
    let half = pause / 2;
    let random = RandomState::new().build_hasher().finish();
    half + Duration::from_nanos(random % u64::try_from(half.as_nanos()).unwrap_or(1).max(1))
}

/// Whose claim is asked for.
pub(crate) const fn claims(op: &Op) -> Option<Owner> {
    match op.body {
        Body::Claim { owner, .. } => Some(owner),
        _ => None,
    }
}
