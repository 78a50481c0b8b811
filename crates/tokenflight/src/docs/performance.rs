//! What it costs.
//!
//! A request with a usable token costs one atomic load, the copy of its head that a replay needs, one header insert and one
//! clone of a `HeaderValue` whose memory belongs to this clone of the service alone. There is no lock on the way, no boxed
//! future, and no clock as long as a [driver](crate::Driver) watches the expiry; `tests/allocations.rs` holds the counts.
//!
//! * **Clone the service once for each task or thread and keep it.** The private copy of the token is made at a clone's first
//!   request; a clone for each request makes one each time.
//! * **Switch replays off where they cannot work** ([`Policy::replays`](crate::Policy::replays)): then nothing is copied.
//! * **A long header costs what a short one does**: the copy shares a value of more than 256 bytes (a jar of cookies) by its
//!   reference count.
//! * **A body in memory costs nothing to keep**, cloned or recorded. Recording a stream costs one allocation and a list of its
//!   pieces, whose bytes are shared, and ends with the response's head.
//! * **Waiters are cheap**: ten thousand of them on one refresh poll it a handful of times in all (`tests/herd.rs`).
//! * **Many sessions need one driver** ([`Driver::with`](crate::Driver::with)): one timer and one task for all of them. The
//!   renewals of tokens that live a minute or longer fall on whole seconds, so that they share wake-ups.
//!
//! # Targets, and what is measured
//!
//! One call over a service that does nothing, net of that service; token of 1,000 characters, a fresh body of 128 bytes, half
//! of the header values made at run time; instructions by callgrind, which repeat, where times do not.
//!
//! | what | target | measured | |
//! |---|---:|---:|---|
//! | replay on, 0 / 8 / 20 headers: instructions, of `tower::retry` over a fixed header | 0.87 / 0.65 / 0.42 | 1.15 / 0.56 / 0.42 | missed, met, met |
//! | the same: allocations (`tower::retry`: 3 / 7 / 13); none at 8 and 20 headers if the body is empty or shared | 3 / 1 / 1 | 3 / 1 / 1 | met |
//! | replay off, 8 headers: instructions, of a fixed header by hand; allocations | 1.15; 0 | 1.98; 0 | missed; met |
//! | one look at the current token ([`Bearer::authorization`](crate::Bearer::authorization)): instructions; no clock, lock, allocation | 85 | 69 (arc-swap 125, `RwLock` 84, `watch` 82) | met |
//! | looks of two pinned threads ÷ one, a writer every 10 ms | ≥ 1.85 | 1.99 (arc-swap 0.50, `watch` 0.21, `RwLock` 0.23) | met |
//! | a storm of 100 to 100,000: token requests | 1 | 1 | met |
//! | the same, for each who waits: instructions beyond its task, of `Shared` over a task of its own | 1.0 | 2.48 (986 of 397) | missed |
//! | the same: bytes beyond its task and one box | 64 | 49 | met |
//! | ten wakes inside the exchange, ten thousand waiters: polls of the work | 12 | 11 | met |
//! | HTTP/1.1 on loopback: instructions over a fixed header, of what `tower::retry` adds | 0.6 | 0.43 | met |
//! | a session at rest, without its token: bytes | 300 | 1,765 | missed |
//!
//! The whole, with times, spread, other crates side by side and the places where we lose, is in `docs/bench/report.md`.
//!
//! # Where the instructions go
//!
//! The counts of instructions on this page are of the version before the store contract's operations; sizes are of this one.
//!
//! Of a request with eight headers and replays off, 350 instructions more than a fixed header put in by hand, by the lines
//! they belong to:
//!
//! | what | instructions | could it be less? |
//! |---|---:|---|
//! | is this origin listed: scheme, host and port compared | 75 | only by not looking |
//! | has the caller authorised it already, does a `Host` say something else: names of all headers | 55 | one search of the map for each costs more |
//! | the token: stamp, clone, drop | 12 | no |
//! | what was asked for this request, which way it goes | 75 | hardly |
//! | the future: one `Arc`, made, polled, its response looked at for a 401 or a gRPC status, and handed on | 130 | the response is moved once; an inner future that is not our own cannot be asked less |
//!
//! A replay adds 715 to a request without headers and 93 for each header. Of the 715, 280 make the body shareable
//! (`Bytes` that were never shared: one allocation, and none if they were), 200 write method, URI and version into a pooled
//! buffer, and the rest keeps it all in the future and takes it away again.
//!
//! So the two targets that are missed on the way of a request are below what the checks of a credential layer cost: a fixed
//! header asks neither where it goes nor whether it is wanted, and 1.15 of it leaves 50 instructions for both. What was
//! removed to get here, by reading that profile from end to end: two searches of the header map (a copy of the head meets
//! all names anyway), five moves of the request (256 bytes each; it is changed where it is, and handed on once), the results
//! and options through which the copy went before it reached the future, a second move of the response, the frames of the
//! cold futures in `call`, and the copy of the options.
//!
//! One who waits for a refresh pays 592 instructions more than one who waits for a bare `Shared` over a result, malloc set
//! aside (the sizes of the bench's boxes happen to cost up to 400 more or less):
//!
//! | what | instructions | could it be less? |
//! |---|---:|---|
//! | asking: a lock, two `Arc`s, the machine's decision, the flight to join, the check against waiting for oneself | 227 | about 100: the lock, the decision and the `Arc`s stay |
//! | one reading of the clock | 39 | no: a decision has a time |
//! | waking: is what the flight brought still what the session shows | 53 | no |
//! | the future that does this, polled twice and moved into its box once | 266 | a future written by hand came out larger |
//! | joining: the five hazards of `Shared` | 119, for 146 of a channel's receiver that a task of its own needs | no |
//!
//! The floor is about 300 above `Shared`: a caller asks first, and looks again when it wakes. A tokio `Mutex`, which
//! does the same with one check, pays 172 more than `Shared`.
//!
//! # HTTP/2 and long tokens
//!
//! The h2 crate never indexes `authorization`, as RFC 7541 §7.1.3 advises (an entry in the table could be guessed at), so the
//! whole token is Huffman-coded by the client and decoded by the server on every request. At 1,000 characters that is 46,000
//! instructions a request, both sides together, if all are digits, and more for letters, whose codes are longer: fifteen
//! times what this layer costs. No layer can change that. What helps:
//!
//! * **Shorter tokens.** Half the length is half the price. Ask the authorization server for opaque (reference) tokens, which
//!   have 20 to 40 characters, or for fewer claims: groups and roles are what makes a JWT long.
//! * **A session on the connection**, where the protocol has one: a WebSocket or a stream is authorised once, when it opens.
//! * **HTTP/1.1** between programs of one host or rack: the token is copied there, not coded: 1,600 instructions.
//!
//! # Sizes
//!
//! | what | bytes |
//! |---|---:|
//! | [`BearerFuture`](crate::BearerFuture) over a client's future | that future and 120: which token went where (32), what a replay needs (80), one `Arc` |
//! | the box of a request that waits, over a service without size, after a refusal / without a token | 1,041 / 960; hyper-util's client adds 470 |
//! | the future of [`Session::newer_than`](crate::Session::newer_than) / [`Session::token`](crate::Session::token) | 160 / 152 |
//! | one who waits, beyond its task and that box | 49 at most, no allocation |
//! | a [`Session`](crate::Session) at rest, without its token's bytes | 1,765, with a login up to 912 more, and no task of its own |
//!
//! The session's are far from the 300 that were asked for. They are: 560 for the machine's state, 240 for the work in progress
//! and what is to be told, up to 220 for a stamp with a cache line of its own, the settings, and the small boxes around grant,
//! clock, store and key. With a login it also remembers what the store was last seen to hold.
//!
//! # Measure it
//!
//! | command | what |
//! |---|---|
//! | `cargo xtask bench --counts` | instructions and allocations (needs valgrind); a minute on an idle machine |
//! | `cargo xtask bench --compare REV` | the same beside another revision, measured by the same code |
//! | `cargo xtask bench --peers` | the same call through other crates |
//! | `cargo xtask bench -- NAME` | times: `layer_overhead`, `lock_contention`, `storm`, `end_to_end`, `body_replay`, `machine`, `driver` |
//! | `cargo xtask bench --report` | all of it, as `docs/bench/report.md` with plots |
