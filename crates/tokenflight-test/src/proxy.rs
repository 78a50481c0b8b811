//! A TCP proxy whose link can be delayed, held, dead, closed, or cut where it hurts.
//!
//! It stands between clients and any loopback server, a database say, on the current tokio runtime.
//!
//! ```
//! use tokio::io::{AsyncReadExt, AsyncWriteExt};
//! use tokenflight_test::proxy::{Link, Proxy};
//!
//! # tokio::runtime::Runtime::new()?.block_on(async {
//! let server = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
//! let proxy = Proxy::to(server.local_addr()?)?;
//! let mut client = tokio::net::TcpStream::connect(proxy.addr()).await?;
//! let (mut connection, _) = server.accept().await?;
//!
//! // The server does what it is asked, and its answer is lost.
//! proxy.lose_answer("UPDATE", 1);
//! client.write_all(b"UPDATE").await?;
//! let mut asked = [0; 6];
//! connection.read_exact(&mut asked).await?;
//! connection.write_all(b"done").await?;
//! assert_eq!(client.read(&mut asked).await?, 0);
//!
//! // Half-open: what is sent vanishes, and nothing ends.
//! proxy.set(Link::Dead);
//! # Ok::<_, std::io::Error>(())
//! # })?;
//! # Ok::<_, std::io::Error>(())
//! ```

use std::{
    fmt, io,
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::watch,
};

use crate::{
    lock::lock,
    net::{self, Served},
};

/// What becomes of bytes on the link, in both directions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums)] // A link is one of these.
pub enum Link {
    /// They pass.
    Open,
    /// They pass after this time.
    Delay(Duration),
    /// They are kept, and pass when the link is open again: a partition that heals. New connections
    /// are made, and held.
    Held,
    /// They vanish, and nothing ends: half-open. A connection over which something has vanished
    /// stays as it is.
    Dead,
    /// Connections are closed, also new ones.
    Closed,
}

/// A proxy on a loopback port of its own. Dropping it closes the port and every connection.
pub struct Proxy {
    served: Served,
    shared: Arc<Shared>,
}

struct Shared {
    link: watch::Sender<Link>,
    /// The answer that is lost: to which requests, and how many of them come before it.
    lose: Mutex<Option<(Vec<u8>, usize)>>,
    /// After so many more bytes of the clients a connection is cut.
    cut: Mutex<Option<usize>>,
    lost: AtomicUsize,
    connections: AtomicUsize,
}

impl Proxy {
    /// A proxy to this server.
    ///
    /// # Errors
    ///
    /// There is no port.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime.
    pub fn to(server: SocketAddr) -> io::Result<Self> {
        let shared = Arc::new(Shared {
            link: watch::Sender::new(Link::Open),
            lose: Mutex::default(),
            cut: Mutex::default(),
            lost: AtomicUsize::default(),
            connections: AtomicUsize::default(),
        });
        let each = Arc::clone(&shared);
        let served = net::listen(move |client| {
            each.connections.fetch_add(1, Relaxed);
            converse(client, server, Arc::clone(&each))
        })?;
        Ok(Self { served, shared })
    }

    /// Where it listens.
    #[must_use]
    pub const fn addr(&self) -> SocketAddr {
        self.served.addr()
    }

    /// What becomes of bytes from now on, also of those that are held.
    pub fn set(&self, link: Link) {
        self.shared.link.send_replace(link);
    }

    /// The server's answer to the `nth` request from now (counted from one) that has this text in
    /// it is lost: the server gets the request, and when it has answered, both ends of the
    /// connection are closed.
    ///
    /// A request is what the client sends at once, up to 64 KiB; an empty text is in each.
    pub fn lose_answer(&self, to: &str, nth: usize) {
        *lock(&self.shared.lose) = Some((to.as_bytes().to_vec(), nth.saturating_sub(1)));
    }

    /// The connection over which so many more bytes of the clients' have passed is closed on both
    /// ends, in the middle of what was sent.
    pub fn cut_after(&self, bytes: usize) {
        *lock(&self.shared.cut) = Some(bytes);
    }

    /// How many answers were lost, and connections cut, by order.
    #[must_use]
    pub fn lost(&self) -> usize {
        self.shared.lost.load(Relaxed)
    }

    /// How many connections there have been.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.shared.connections.load(Relaxed)
    }
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Proxy")
            .field("addr", &self.addr())
            .field("link", &*self.shared.link.borrow())
            .finish_non_exhaustive()
    }
}

/// One connection: whichever direction ends first ends both.
async fn converse(client: TcpStream, server: SocketAddr, shared: Arc<Shared>) {
    let Ok(server) = TcpStream::connect(server).await else { return };
    let _ = (client.set_nodelay(true), server.set_nodelay(true));
    let ((from_client, to_client), (from_server, to_server)) = (client.into_split(), server.into_split());
    let (vanished, loses) = (AtomicBool::new(false), AtomicBool::new(false));
    let pipe = |from_the_client| Pipe { shared: &shared, vanished: &vanished, loses: &loses, from_the_client };
    let mut link = shared.link.subscribe();
    tokio::select! {
        () = pipe(true).run(from_client, to_server) => {}
        () = pipe(false).run(from_server, to_client) => {}
        _ = link.wait_for(|link| *link == Link::Closed) => {}
    }
}

/// One direction of a connection.
struct Pipe<'a> {
    shared: &'a Shared,
    /// Something has vanished: nothing more passes.
    vanished: &'a AtomicBool,
    /// The next answer is lost.
    loses: &'a AtomicBool,
    from_the_client: bool,
}

impl Pipe<'_> {
    async fn run(self, mut from: OwnedReadHalf, mut to: OwnedWriteHalf) {
        let mut bytes = vec![0; 64 * 1024];
        while let Ok(count @ 1..) = from.read(&mut bytes).await {
            let passes = match self.from_the_client {
                true => self.request(&bytes[..count]),
                false if self.loses.load(Relaxed) => return,
                false => count,
            };
            if self.passes().await && to.write_all(&bytes[..passes]).await.is_err() {
                return;
            }
            if passes < count {
                // What was written before the cut arrives.
                let _ = to.shutdown().await;
                return;
            }
        }
        // The end of a connection vanishes with what would have followed.
        if !self.passes().await {
            std::future::pending::<()>().await;
        }
    }

    /// How much of a request passes.
    fn request(&self, bytes: &[u8]) -> usize {
        let mut lose = lock(&self.shared.lose);
        if let Some((text, before)) = &mut *lose
            && (text.is_empty() || bytes.windows(text.len()).any(|window| window == &text[..]))
        {
            match before.checked_sub(1) {
                Some(fewer) => *before = fewer,
                None => {
                    *lose = None;
                    self.loses.store(true, Relaxed);
                    self.shared.lost.fetch_add(1, Relaxed);
                }
            }
        }
        drop(lose);
        let mut cut = lock(&self.shared.cut);
        match *cut {
            Some(left) if left < bytes.len() => {
                *cut = None;
                self.shared.lost.fetch_add(1, Relaxed);
                left
            }
            Some(left) => {
                *cut = Some(left - bytes.len());
                bytes.len()
            }
            None => bytes.len(),
        }
    }

    /// Waits until something that was read may pass, or has vanished.
    async fn passes(&self) -> bool {
        let mut changes = self.shared.link.subscribe();
        loop {
            let link = *changes.borrow_and_update();
            match link {
                _ if self.vanished.load(Relaxed) => return false,
                Link::Open => return true,
                Link::Dead => self.vanished.store(true, Relaxed),
                Link::Delay(by) => {
                    #[allow(clippy::disallowed_methods)] // It is the network that is slow.
                    tokio::time::sleep(by).await;
                    return true;
                }
                Link::Held | Link::Closed => {
                    if changes.changed().await.is_err() {
                        return false;
                    }
                }
            }
        }
    }
}
