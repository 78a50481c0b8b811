//! What it costs.
//!
//! A request with a usable token costs one atomic load, the copy of its head that a replay needs, one header insert and one
//! clone of a `HeaderValue` whose memory belongs to this clone of the service alone. There is no lock on the way, no boxed
//! future, and no clock as long as a [driver](crate::Driver) watches the expiry; `tests/allocations.rs` holds the counts.
//!
//! * **Clone the service once for each task or thread and keep it.** The private copy of the token is made at a clone's first
//!   request; a clone for each request makes one each time.
//! * **Switch replays off where they cannot work** ([`Policy::replays`](crate::Policy::replays)): then nothing is copied.
//! * **A body in memory costs nothing to keep**, cloned or recorded. Recording a stream costs one allocation and a list of its
//!   pieces, whose bytes are shared, and ends with the response's head.
//! * **Waiters are cheap**: ten thousand of them on one refresh poll it a handful of times in all (`tests/herd.rs`).
//! * **Many sessions need one driver** ([`Driver::with`](crate::Driver::with)): one timer and one task for all of them. The
//!   renewals of tokens that live a minute or longer fall on whole seconds, so that they share wake-ups.
//!
//! `cargo xtask bench -- lock_contention` measures readers against a writer, and waiters against a driver.
