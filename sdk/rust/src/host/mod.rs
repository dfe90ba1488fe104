//! The host as the rest of this crate sees it: one set of functions, with one implementation in a component and one in
//! tests.

#[cfg(target_family = "wasm")]
mod component;
#[cfg(not(target_family = "wasm"))]
mod native;

#[cfg(target_family = "wasm")]
pub(crate) use component::*;
#[cfg(not(target_family = "wasm"))]
pub(crate) use native::*;

/// Why the host refused a read of the context; the caller knows the path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// The id is not that of the running task.
    Denied,
    /// The path cannot be read: where and why.
    InvalidPath(String),
    /// What stands there has no keys or no length.
    WrongKind,
    /// The answer has this many bytes, or more.
    TooLarge(u64),
    /// The store cannot be reached.
    Unavailable,
}
