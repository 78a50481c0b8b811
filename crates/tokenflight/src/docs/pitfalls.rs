//! What to beware of.
//!
//! * **Spawn the [driver](crate::Driver).** Without one nothing is renewed ahead of need: a token is used until it expires,
//!   and the call that finds it expired waits for the refresh. A refresh whose callers have all gone stands still until the
//!   next one comes, and keeps its claim from other processes meanwhile.
//! * **End a program by [`Session::shutdown`](crate::Session::shutdown)**, or let
//!   [`Session::run_until`](crate::Session::run_until) do it: a process that ends between the server's answer and the store
//!   loses the login. A driver gives the program its first five seconds before it renews anything that is still usable.
//! * **A claim outlives a process that is killed.** The next process watches it for its length (75 s by default) before it
//!   presents the refresh token; a usable access token is served meanwhile. [`Event::Waiting`](crate::Event::Waiting) says who
//!   is waited for.
//! * **Do not wrap the grant's own client in the session's layer.** Inside the flight that is noticed, and the token request
//!   fails with [`ErrorKind::Recursion`](crate::ErrorKind::Recursion). A grant that hands its request to another task and
//!   waits for it there hides from that check, and waits until its time limit.
//! * **A flight's I/O belongs to the runtime that polled it first.** If that runtime stops being driven without being shut
//!   down, the flight stands still until its time limit; a driver on a living runtime, or the next caller, then ends it.
//!   Keep one runtime for the token endpoint, or give the grant a client of its own.
//! * **An executor must not poll a task inside its waker.** `futures::Shared` wakes its waiters with its list locked. Executors
//!   that run a task inside `wake` break the contract of wakers, and would deadlock here.
//! * **A waker must not panic.** `futures::Shared` calls it with its list locked, and the lock would be poisoned for all waiters.
//! * **One key for each grant.** Two sessions of one process over one store and one [`GrantKey`](crate::GrantKey) exclude each
//!   other through the store as two processes do. Clone the session instead.
//! * **A replayed request was not applied, by the standard** (RFC 9110 §15.5.2). A gateway that passes on a 401 of a server behind
//!   it, after side effects, breaks that; set [`Policy::replays`](crate::Policy::replays) to zero there.
//! * **Do not let the client below the layer follow redirects to other servers.** It takes the token off, but the layer sees
//!   the last answer only, and takes a foreign 401 for one of its own. Follow them above; see
//!   [`redirect`](crate::bearer::redirect).
//! * **A gateway hands on what belongs to its own side.** A replay has the request's extensions, so clear what describes the
//!   incoming connection (upgrade handles, peer addresses) before the request enters the layer.
//! * **Without a driver, do not drop calls that share a limit with the token traffic** and then only wait for readiness: a call that had
//!   begun to wait before the refresh was left alone is not woken by it. Spawn the driver, or give the token traffic a client
//!   of its own.
//! * **Listen where [`ErrorKind`](crate::ErrorKind) says "needs a login".** A session that has ended stays so, for free, until
//!   there is a login.
