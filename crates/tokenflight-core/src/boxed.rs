use std::{future::Future, pin::Pin};

/// A boxed future that can move between threads; what the object-safe contracts return.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A boxed error that can be shared between threads; the field's usual alias.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;
