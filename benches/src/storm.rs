//! Many callers want the next token at once, and one refresh ends after the last has arrived.
//!
//! The futures run as tasks of a tokio runtime. What a design costs is what it costs more than
//! [`Storm::Tasks`].

use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use tokio::sync::{Mutex, Notify, OnceCell, oneshot};

use crate::{parts::Turn, prelude::*};

/// How they wait for each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Storm {
    /// Not at all: tasks that give way once. No refresh either.
    Tasks,
    /// Requests through the layer, whose token is refused. No driver.
    Layer,
    /// [`Session::newer_than`], as clients that are not services do it. No driver.
    Session,
    /// The same, and a driver in a task of its own.
    Driver,
    /// `futures::Shared` over a result that a task of its own sends.
    SharedResult,
    /// `futures::Shared` over the work, polled by those who wait.
    SharedWork,
    /// tokio's `Mutex`: each holder looks again.
    Mutex,
    /// tokio's `Notify`, with the work in a task of its own.
    Notify,
    /// A tokio `watch` channel, the same.
    Watch,
    /// A tokio `OnceCell` for each generation.
    OnceCell,
}

/// What a storm is made of.
type Waiter = Pin<Box<dyn Future<Output = bool> + Send>>;

impl Storm {
    /// All, by their names.
    pub const ALL: [(&'static str, Self); 10] = [
        ("tasks", Self::Tasks),
        ("layer", Self::Layer),
        ("session", Self::Session),
        ("driver", Self::Driver),
        ("shared-result", Self::SharedResult),
        ("shared-work", Self::SharedWork),
        ("mutex", Self::Mutex),
        ("notify", Self::Notify),
        ("watch", Self::Watch),
        ("once-cell", Self::OnceCell),
    ];

    /// One storm. Must be called within a tokio runtime.
    ///
    /// # Panics
    ///
    /// If a task gets no token, or more than one refresh was made.
    pub async fn run(self, waiters: usize) {
        let work = Work::default();
        match self {
            Self::Tasks => {
                work.open();
                work.calls.fetch_add(1, SeqCst);
                all(waiters, &work, || Turn::default().map(|()| true)).await;
            }
            Self::Layer => layer(waiters, &work).await,
            Self::Session | Self::Driver => {
                let session = work.session();
                let driver = (self == Self::Driver).then(|| spawn(session.driver()));
                let refused = session.token().now_or_never().and_then(Result::ok).map(|token| token.generation());
                let Some(refused) = refused else { panic!("no token to begin with") };
                all(waiters, &work, || {
                    let session = session.clone();
                    async move { session.newer_than(refused).await.is_ok() }
                })
                .await;
                drop(session);
                if let Some(driver) = driver {
                    driver.abort();
                }
            }
            Self::SharedResult => {
                let (sender, receiver) = oneshot::channel();
                let refresh = work.clone();
                spawn(async move { sender.send(Arc::new(refresh.refresh().await)) });
                let shared = receiver.shared();
                all(waiters, &work, || shared.clone().map(|result| result.is_ok())).await;
            }
            Self::SharedWork => {
                let refresh = work.clone();
                let shared = async move { Arc::new(refresh.refresh().await) }.boxed().shared();
                all(waiters, &work, || shared.clone().map(|_| true)).await;
            }
            other => beside(other, waiters, &work).await,
        }
        assert_eq!(work.calls.load(SeqCst), 1, "{self:?}: one refresh for all");
    }
}

/// Designs that look whether there is a new token, and hold on to something while there is none.
async fn beside(design: Storm, waiters: usize, work: &Work) {
    match design {
        Storm::Mutex => {
            let cell = Arc::new(Mutex::new(None));
            all(waiters, work, || {
                let (cell, work) = (Arc::clone(&cell), work.clone());
                async move {
                    let mut held = cell.lock().await;
                    if held.is_none() {
                        *held = Some(Arc::new(work.refresh().await));
                    }
                    held.clone().is_some()
                }
            })
            .await;
        }
        Storm::Notify => {
            let (told, cell) = (Arc::new(Notify::new()), Arc::new(std::sync::OnceLock::new()));
            let (tell, fill, refresh) = (Arc::clone(&told), Arc::clone(&cell), work.clone());
            spawn(async move {
                let set = fill.set(Arc::new(refresh.refresh().await));
                tell.notify_waiters();
                set
            });
            all(waiters, work, || {
                let (told, cell) = (Arc::clone(&told), Arc::clone(&cell));
                async move {
                    let told = told.notified();
                    if cell.get().is_none() {
                        told.await;
                    }
                    cell.get().cloned().is_some()
                }
            })
            .await;
        }
        Storm::Watch => {
            let (sender, receiver) = watch::channel(None);
            let refresh = work.clone();
            spawn(async move { sender.send(Some(Arc::new(refresh.refresh().await))) });
            all(waiters, work, || {
                let mut receiver = receiver.clone();
                async move { receiver.wait_for(Option::is_some).await.is_ok_and(|value| value.clone().is_some()) }
            })
            .await;
        }
        _ => {
            let cell = Arc::new(OnceCell::new());
            all(waiters, work, || {
                let (cell, work) = (Arc::clone(&cell), work.clone());
                async move { Arc::strong_count(cell.get_or_init(|| work.refresh().map(Arc::new)).await) > 0 }
            })
            .await;
        }
    }
}

/// Requests without headers. Each carries the refused token, and is sent again with the next one.
async fn layer(waiters: usize, work: &Work) {
    let first = parts::header(0);
    let inner = tower::service_fn(move |request: Req| {
        let old = request.headers().get(http::header::AUTHORIZATION).is_none_or(|sent| *sent == first);
        let mut response = Response::new(http_body_util::Empty::<Bytes>::new());
        *response.status_mut() = if old { StatusCode::UNAUTHORIZED } else { StatusCode::OK };
        std::future::ready(Ok::<_, Infallible>(response))
    });
    let mut client = parts::layer(&work.session(), parts::ORIGIN).layer(inner);
    let mut requests = Requests::new(0);
    all(waiters, work, || {
        client.call(requests.make()).map(|answer| answer.is_ok_and(|answer| answer.status() == StatusCode::OK))
    })
    .await;
}

/// So many tasks. The refresh may end when the last has been polled.
async fn all<F: Future<Output = bool> + Send + 'static>(waiters: usize, work: &Work, mut waiter: impl FnMut() -> F) {
    let arrived = Arc::new(AtomicUsize::new(0));
    let tasks: Vec<_> = (0..waiters)
        .map(|_| {
            // Boxed, so that the tasks of all designs are of one size.
            let (arrived, waiter): (_, Waiter) = (Arc::clone(&arrived), Box::pin(waiter()));
            spawn(async move {
                arrived.fetch_add(1, SeqCst);
                waiter.await
            })
        })
        .collect();
    while arrived.load(SeqCst) < waiters {
        tokio::task::yield_now().await;
    }
    work.open();
    for task in tasks {
        assert!(task.await.is_ok_and(|got| got), "a task got no token");
    }
}

/// The one refresh.
#[derive(Clone, Debug, Default)]
struct Work(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    calls: AtomicUsize,
    gate: Notify,
}

impl std::ops::Deref for Work {
    type Target = Inner;

    fn deref(&self) -> &Inner {
        &self.0
    }
}

impl Work {
    fn open(&self) {
        self.gate.notify_one();
    }

    async fn refresh(&self) -> HeaderValue {
        self.calls.fetch_add(1, SeqCst);
        self.gate.notified().await;
        parts::header(1)
    }

    /// A session with a token, whose refresh this is.
    fn session(&self) -> Session {
        let work = self.clone();
        let grant = grant_fn(move |_: TokenRequest| {
            let work = work.clone();
            async move {
                work.refresh().await;
                Ok::<_, GrantError>(parts::set(1))
            }
        });
        let time = ManualTime::new(1);
        let Ok(session) = Session::builder(grant).time(time.clone()).build() else { panic!("the settings are wrong") };
        parts::login(&session, 0);
        // A token that is refused at once is not replaced at once.
        time.advance(Duration::from_secs(60));
        session
    }
}

// The tasks are what is measured.
#[allow(clippy::disallowed_methods)]
fn spawn<F: Future<Output: Send> + Send + 'static>(future: F) -> tokio::task::JoinHandle<F::Output> {
    tokio::spawn(future)
}
