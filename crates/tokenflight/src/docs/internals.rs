//! How it works, in reading order: the way of a request.
//!
//! 1. [`Bearer`](crate::Bearer)`::call` (`bearer/service`) asks once whether the request may have the token (`bearer/target`) and
//!    looks at one atomic stamp. If the stamp is the one its copy of the token was taken at, it copies the request's head,
//!    inserts the header, and calls the inner service. Nothing else happens for nearly every request.
//! 2. Otherwise (`bearer/attempt`) it gives the inner service back, asks the session, waits, readies a service of its own,
//!    and sends. A refusal (`bearer/refusal`: 401, gRPC's 16, or what the application calls one) that another token may cure
//!    leads to one more question and one replay, made of the kept head and body (`bearer/replay`).
//! 3. All that wait for a token go through one loop (`session/acquire`), pinned to the login of their first look.
//! 4. The session's *slot* (`slot`) is one mutex over the machine and the work in progress. A caller reads the clock, takes
//!    the lock, hands the question to the machine, and does what it says: use, join, start, wait, or be refused. The lock is
//!    never held across a poll, a wake, an await, a function of the user's, or a drop that may reach the user's code.
//! 5. The *machine* (crate `tokenflight-machine`) decides. It is a plain value: no clock, no randomness, no async. All branches
//!    on time, generation, class, backoff, storm guard and schedule are there, and it owns what it decides about: the tokens,
//!    what waits to be stored, what was last seen of the store. Events are computed from the state before and after a step.
//! 6. A *flight* (`flight/`) is a boxed future in a `futures::Shared`. A waiter polls it (`flight/join`), but the work itself only
//!    when its own waker fired (`flight/gate`). There are two kinds of work: a *refresh* (`refresh/`) reads the store, adopts
//!    what is newer, or claims the refresh token, asks the [`Grant`](crate::Grant), commits and publishes; a *write* (`write`)
//!    stores a login, a logout, or a rotation that could not be stored at once.
//! 7. Publishing and freeing the place is one step under the slot's lock. The stamp moves, the waiters wake, and requests go
//!    back to 1.
//!
//! The [`Driver`](crate::Driver) stands beside: it asks each session's machine what time demands, starts work, polls what no
//! waiter polls, and sleeps by one timer for all sessions.
//!
//! With the feature `tracing`, what happens at all these places but the first is told (`telemetry/`), with nothing locked.
//!
//! # Why nothing is lost
//!
//! * *A cancelled request* holds a place in the flight, not the flight: the slot does.
//! * *Two at once*: the slot comes before the store's claim, so one process has one contender for each grant, and the claim
//!   excludes the other processes. It names the entry it was decided on; if another one is stored by then, the refresh decides
//!   anew.
//! * *A lost answer of the store*: every operation has an id that the entry keeps. The same operation is tried again, and finds
//!   out whether it has had its effect. So a login or logout neither repeats itself nor undoes what came after it.
//! * *A lost answer of the authorization server*: the outcome is [ambiguous](crate::FailureClass::Ambiguous), the entry says that
//!   its refresh token is in doubt, and it is not presented again while the access token lasts, unless the
//!   [server's policy](crate::ReusePolicy) says that it may.
//! * *An old result*: each refresh carries the login it belongs to. The machine discards it in another, and so does the store,
//!   inside its own atomic step.
//! * *An old refusal*: each request remembers login and generation of its token. A refusal of an older one is no reason to
//!   refresh.
//! * *Work that no task polls*: without a driver the next caller moves it on, already while it waits for the client to be ready
//!   (`bearer/readiness`), because the work may hold the permit it waits for.
//! * *A failed store*: the rotation is used and offered to the store again, by the driver or by callers, and nothing is adopted,
//!   claimed or presented before that has worked.
//! * *The last handle*: what a session still has in progress or to store leaves in one message to its driver. Without a driver
//!   that is told as [`Event::Abandoned`](crate::Event::Abandoned).
