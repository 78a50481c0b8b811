//! What happened to each contestant and each of its processes, and when.

use super::prelude::*;

/// Everything about one contestant.
#[derive(Clone, Debug, Default)]
pub(super) struct Lane {
    /// When its refresh tokens were exchanged.
    pub(super) rotations: Vec<Duration>,
    /// When the server struck the process that presented.
    pub(super) strikes: Vec<Duration>,
    /// Its logins that were lost.
    pub(super) lost: Vec<Lost>,
    /// How long each login took a person, without the first.
    pub(super) logins: Vec<Duration>,
    /// Attempts that failed without ending the session.
    pub(super) failed: u64,
    /// The words of the last of them.
    pub(super) last_failure: Option<String>,
    /// Its processes.
    pub(super) tracks: Vec<Track>,
}

/// A login that only a person could replace.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lost {
    /// When that was found out.
    pub(super) at: Duration,
    /// Whether an answer of that login was lost by a strike: between the rotation and the client.
    pub(super) struck: bool,
}

/// Everything about one process.
#[derive(Clone, Debug, Default)]
pub(super) struct Track {
    /// When it lived.
    pub(super) lives: Vec<Span>,
    /// When it waited for a token.
    pub(super) waits: Vec<Wait>,
    /// When it was stopped.
    pub(super) stopped: Vec<Span>,
    /// Calls that were served.
    pub(super) served: u64,
    waiting: Option<Wait>,
}

/// From then to then.
#[derive(Clone, Copy, Debug)]
pub(super) struct Span {
    /// The beginning.
    pub(super) from: Duration,
    /// The end.
    pub(super) to: Duration,
}

/// Waiting for a token.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wait {
    /// How long.
    pub(super) span: Span,
    /// Since when it knows that it needs a login.
    pub(super) login: Option<Duration>,
}

impl Span {
    const fn at(from: Duration) -> Self {
        Self { from, to: from }
    }

    fn meets(&self, other: &Self) -> bool {
        self.from < other.to && other.from < self.to
    }

    /// How long it is.
    pub(super) const fn length(&self) -> Duration {
        self.to.saturating_sub(self.from)
    }
}

impl Track {
    /// The longest wait in which the process was not itself stopped.
    pub(super) fn longest_wait(&self) -> Duration {
        let own = |wait: &&Wait| !self.stopped.iter().any(|stop| stop.meets(&wait.span));
        self.waits.iter().filter(own).map(|wait| wait.span.length()).max().unwrap_or_default()
    }
}

/// Where it is written down. Cloning shares.
#[derive(Clone)]
pub(super) struct Ledger {
    clock: Clock,
    /// What the wall clock showed at the start.
    wall: Duration,
    lanes: Arc<Mutex<Vec<Lane>>>,
}

impl Ledger {
    /// For so many contestants with so many processes each.
    pub(super) fn new(clock: Clock, contestants: usize, processes: usize) -> Self {
        let wall = TokioTime::new().now().wall.saturating_sub(clock.now());
        let lane = Lane { tracks: vec![Track::default(); processes], ..Lane::default() };
        Self { clock, wall, lanes: Arc::new(Mutex::new(vec![lane; contestants])) }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Lane>> {
        self.lanes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lane(&self, lane: usize, note: impl FnOnce(&mut Lane, Duration)) {
        let now = self.clock.now();
        if let Some(lane) = self.lock().get_mut(lane) {
            note(lane, now);
        }
    }

    fn track(&self, (lane, process): Place, note: impl FnOnce(&mut Track, Duration)) {
        self.lane(lane, |lane, now| {
            if let Some(track) = lane.tracks.get_mut(process) {
                note(track, now);
            }
        });
    }

    /// A child's time in the time of the race.
    pub(super) const fn moment(&self, wall: Duration) -> Duration {
        wall.saturating_sub(self.wall)
    }

    /// A process was started.
    pub(super) fn started(&self, place: Place) {
        self.track(place, |track, now| track.lives.push(Span { from: now, to: Duration::MAX }));
    }

    /// A process has ended. Nothing waits any more.
    pub(super) fn ended(&self, place: Place) {
        self.track(place, |track, now| {
            track.waiting = None;
            if let Some(life) = track.lives.last_mut() {
                life.to = now;
            }
        });
    }

    /// A process has reported something.
    pub(super) fn heard(&self, place: Place, message: Message) {
        let message = match message {
            Message::Failed(words) => return self.failed(place.0, words),
            message => message,
        };
        self.track(place, |track, now| match message {
            Message::Wants(since) => {
                track.waiting = Some(Wait { span: Span::at(self.moment(since)), login: None });
            }
            Message::Served(had) => {
                track.served += 1;
                if let Some(mut wait) = track.waiting.take() {
                    wait.span.to = self.moment(had);
                    track.waits.push(wait);
                }
            }
            Message::Login(_) => {
                if let Some(wait) = &mut track.waiting {
                    wait.login.get_or_insert(now);
                }
            }
            Message::Failed(_) => {}
        });
    }

    /// A refresh token of this contestant was exchanged.
    pub(super) fn rotated(&self, lane: usize) {
        self.lane(lane, |lane, now| lane.rotations.push(now));
    }

    /// The process that presented was struck; for how long, if it was stopped.
    pub(super) fn struck(&self, place: Place, stopped: Option<Duration>) {
        self.lane(place.0, |lane, now| lane.strikes.push(now));
        if let Some(length) = stopped {
            self.track(place, |track, now| track.stopped.push(Span { from: now, to: now + length }));
        }
    }

    /// A login was lost.
    pub(super) fn lost(&self, lane: usize, struck: bool) {
        self.lane(lane, |lane, at| lane.lost.push(Lost { at, struck }));
    }

    /// A person has logged in again, in so much time.
    pub(super) fn logged_in(&self, lane: usize, took: Duration) {
        self.lane(lane, |lane, _| lane.logins.push(took));
    }

    /// Something could not be done.
    pub(super) fn failed(&self, lane: usize, words: String) {
        self.lane(lane, |lane, _| {
            lane.failed += 1;
            lane.last_failure = Some(words);
        });
    }

    /// How many logins each contestant has lost so far.
    pub(super) fn losses(&self) -> Vec<usize> {
        self.lock().iter().map(|lane| lane.lost.len()).collect()
    }

    /// Ends the waits that are not over and hands everything out as it was at that time.
    pub(super) fn close(&self, end: Duration) -> Vec<Lane> {
        let mut lanes = self.lock().clone();
        for track in lanes.iter_mut().flat_map(|lane| &mut lane.tracks) {
            if let Some(mut wait) = track.waiting.take() {
                wait.span.to = end.max(wait.span.from);
                track.waits.push(wait);
            }
            for span in track.lives.iter_mut().chain(&mut track.stopped) {
                span.to = span.to.min(end);
            }
        }
        lanes
    }
}
