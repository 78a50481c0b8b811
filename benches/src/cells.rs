//! One look at the current token: a header value taken out of what keeps it, and dropped.

use std::{hint::black_box, sync::RwLock};

use arc_swap::ArcSwap;

use crate::prelude::*;

/// What keeps the token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cell {
    /// Nothing at all: the value is cloned from where it is, which no writer can replace.
    Fixed,
    /// The layer's service.
    Bearer,
    /// A lock-free pointer.
    ArcSwap,
    /// The receiving end of a channel.
    Watch,
    /// A lock.
    RwLock,
}

impl Cell {
    /// All, by their names.
    pub const ALL: [(&'static str, Self); 5] = [
        ("fixed", Self::Fixed),
        ("bearer", Self::Bearer),
        ("arcswap", Self::ArcSwap),
        ("watch", Self::Watch),
        ("rwlock", Self::RwLock),
    ];

    /// Builds it, with a token in it.
    pub fn build(self) -> Kept {
        let value = parts::header(0);
        match self {
            Self::Fixed => Kept::new(
                move || {
                    let value = value.clone();
                    move || Some(value.clone())
                },
                |_| {},
            ),
            Self::Bearer => {
                let (session, driver) = parts::driven();
                let readers = session.clone();
                let kept = Kept::new(
                    move || {
                        let mut client = parts::client(&readers, BearerOptions::new());
                        move || client.authorization()
                    },
                    move |number| parts::login(&session, number),
                );
                Kept { _driver: Some(driver), ..kept }
            }
            Self::ArcSwap => {
                let cell = Arc::new(ArcSwap::from_pointee(value));
                let writer = Arc::clone(&cell);
                Kept::new(
                    move || {
                        let cell = Arc::clone(&cell);
                        move || Some(HeaderValue::clone(&cell.load()))
                    },
                    move |number| writer.store(Arc::new(parts::header(number))),
                )
            }
            Self::Watch => {
                let (writer, readers) = watch::channel(value);
                Kept::new(
                    move || {
                        let reader = readers.clone();
                        move || Some(reader.borrow().clone())
                    },
                    move |number| drop(writer.send_replace(parts::header(number))),
                )
            }
            Self::RwLock => {
                let cell = Arc::new(RwLock::new(value));
                let writer = Arc::clone(&cell);
                Kept::new(
                    move || {
                        let cell = Arc::clone(&cell);
                        move || cell.read().ok().map(|value| value.clone())
                    },
                    move |number| {
                        if let Ok(mut value) = writer.write() {
                            *value = parts::header(number);
                        }
                    },
                )
            }
        }
    }
}

/// A cell with a token in it. Each thread reads through a reader of its own.
pub struct Kept {
    reader: Box<dyn Fn() -> Reader + Send + Sync>,
    write: Box<dyn Fn(u64) + Send + Sync>,
    /// Watches the clock as long as it lives.
    _driver: Option<Pin<Box<Driver>>>,
}

impl Kept {
    fn new<R>(reader: impl Fn() -> R + Send + Sync + 'static, write: impl Fn(u64) + Send + Sync + 'static) -> Self
    where
        R: FnMut() -> Option<HeaderValue> + Send + 'static,
    {
        let reader = Box::new(move || {
            let mut read = reader();
            Reader(Box::new(move || drop(black_box(read()))))
        });
        Self { reader, write: Box::new(write), _driver: None }
    }

    /// For one thread.
    pub fn reader(&self) -> Reader {
        (self.reader)()
    }

    /// Replaces the token; for a thread that writes.
    pub fn writer(&self) -> &(dyn Fn(u64) + Send + Sync) {
        &*self.write
    }
}

/// Looks at a cell.
pub struct Reader(Box<dyn FnMut() + Send>);

impl Reader {
    /// Once.
    pub fn read(&mut self) {
        (self.0)();
    }
}
