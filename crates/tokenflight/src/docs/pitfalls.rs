//! What to beware of.
//!
//! * **Spawn the [driver](crate::Driver).** Without one everything works, moved on by its callers: a renewal within the lead
//!   advances only while requests are made, and a refresh whose callers have all gone stands still until the next one comes.
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
//! * **Without a driver, do not drop calls that share a limit with the token traffic** and then only wait for readiness: who had
//!   begun to wait before the refresh was left alone is not woken by it. Spawn the driver, or give the token traffic a client
//!   of its own.
//! * **Listen where [`ErrorKind`](crate::ErrorKind) says "needs a login".** A session that has ended stays so, for free, until
//!   somebody logs in.
