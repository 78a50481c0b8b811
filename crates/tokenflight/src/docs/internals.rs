//! How it works, in reading order: the way of a request.
//!
//! 1. [`Bearer`](crate::Bearer)`::call` (`bearer/service`) looks at the request's origin and at one atomic stamp. If the
//!    stamp is the one its private copy of the token was taken at, it copies the request's head, inserts the header, and
//!    calls the inner service. Nothing else happens for nearly every request.
//! 2. Otherwise (`bearer/attempt`) it gives the inner service back, asks the session, waits, readies a service of its own,
//!    and sends. A refusal (`bearer/refusal`: 401, gRPC's 16, or what the user calls one) that another token may cure leads
//!    to one more question and one replay, made of the kept head (`bearer/keep`) and body (`bearer/replay`, `bearer/record`).
//! 3. The session's *slot* (`session/slot`) is one mutex over the machine, the current tokens and the current flight.
//!    Whoever asks reads the clock, takes the lock, hands the question to the machine, and does what it says: use, join,
//!    start, wait, or be refused. The lock is never held across a poll, a wake, an await or a function of the user's.
//! 4. The [machine](crate::core::machine) decides. It is a plain value in `tokenflight-core`: no clock, no randomness, no
//!    async. All branches on time, generation, epoch, class, backoff, storm guard and schedule are there.
//! 5. A *flight* (`flight/`) is a boxed future in a `futures::Shared`. Whoever waits for it polls it (`flight/join`), but
//!    the work itself only when its own waker fired (`flight/gate`). What it does is `flight/run`: store what is pending,
//!    take the lease, read the record under it, adopt what somebody else has rotated, note the intent, ask the
//!    [`Grant`](crate::Grant), commit, publish.
//! 6. Publishing and clearing the flight is one step under the slot's lock. The stamp moves, the waiters wake, and
//!    requests go back to 1.
//!
//! The [`Driver`](crate::Driver) stands beside: it asks each session's machine what time demands, starts flights, polls
//! those that nobody else does, and sleeps by one timer for all sessions.
//!
//! # Why nothing is lost
//!
//! * *A cancelled request* holds a place in the flight, not the flight: the slot does.
//! * *Two at once*: the slot is taken before the store's lease, so one process has one contender for each grant, and
//!   the lease excludes the other processes. Under it the record is read again (C-31).
//! * *An old result*: each flight carries the epoch it belongs to. The machine discards it in another (C-19…C-23), and so does
//!   the store, inside its own atomic write.
//! * *An old refusal*: each request remembers the generation it was sent with. The machine knows since which
//!   generation there has been the current access token: one that came again is no newer one.
//! * *A flight that nobody polls*: the next caller moves it on, already while it waits for the client to be ready
//!   (`bearer/stray`), for the flight may hold the permit it waits for.
//! * *A lost answer*: the outcome is [ambiguous](crate::FailureClass::Ambiguous), and the refresh token is not presented again
//!   while the access token lasts, unless the [provider's policy](crate::ReusePolicy) says that it may.
//! * *A failed store*: the rotation is used and offered to the store again, and no older refresh token is presented before
//!   that has worked (C-25).
