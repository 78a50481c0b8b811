//! What is promised, under which conditions, and which test holds it.
//!
//! | promise | condition | test |
//! |---|---|---|
//! | a refresh token is presented once | one process, or several over one store that keeps its contract; see the limits | `simulation`, `races`, `shuttle` |
//! | a refresh survives the requests that wait for it | a driver, or any later caller | `suite` |
//! | no waiter is forgotten | the executor polls what it wakes | `shuttle` |
//! | every refresh and every write ends, also if the store never answers | a task polls: a driver, or any later caller | `suite`, `runtimes`, `engine` |
//! | a panic in grant, store, clock or listener is an error of that refresh only | panics unwind | `panics` |
//! | after a logout no request starts with the old login's token, here or in any process that reads the store | | `suite`, `layer` |
//! | a session ends only when the server said so about the stored token and the store has noted it, and says so once | a grant with a refresh token | `suite`, `store_protocol`, `engine` |
//! | a usable token is served whatever the authorization server does, also after it has ended the session, until the token expires or is refused | | `tables`, `suite` |
//! | a login, a logout and a rotation reach the store, whatever answers were lost, and undo nothing that came later | a task polls; a store that keeps its contract | `engine`, `contract` |
//! | a grant, a listener, a destructor may use the session | | `engine`, `recursion` |
//! | tokens go to listed origins only, and do not come back from a redirect | the redirect guard, where a follower stands above the layer | `layer`, fuzz target `origin` |
//! | a request carries the token of the session its key stands for when it is sent, or is not sent | [`BearerLayer::per_request`](crate::BearerLayer::per_request); the function that finds sessions tells the truth | `layer` |
//! | a replay has the whole body or there is none | the client reads the body to its end, or to its announced length | `layer`, `examples/clients` |
//! | an API that refuses everything, or what the authorization server insists on, costs ever fewer refreshes, and other origins nothing | | `layer`, `tables` |
//! | a call can be dropped at every poll, among tower's middlewares | there is another call, or a driver | `layer`, `stacks` |
//! | every answer of a token endpoint, and every way to get none, has exactly one class | grants of `tokenflight-oauth2`; its client, or one that says what it knows | `outcomes`, fuzz target `answer` |
//! | several audiences over one refresh token never present it at once, and one that fails holds up no other | `Audiences` | `audiences` |
//! | no secret in `Debug`, `Display`, events or errors of ours | | `secrets` |
//!
//! # Limits
//!
//! * No lock makes "present the refresh token" exactly-once, because the authorization server takes no part in it. A
//!   process that is paused between its last look at the claim and the write to the socket, for longer than the claim, can
//!   present a token that another one has presented meanwhile.
//! * A process that dies after the server has rotated and before the store has the answer loses what the server's grace
//!   window, if there is one, cannot give back.
//! * A request that is on its way when the user logs out is not recalled.
//! * Access tokens in a header are copied by the HTTP client into buffers that are not wiped; only the copies made here are.
