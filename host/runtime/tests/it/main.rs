//! The runtime as the engine uses it, with real components in it.

mod kit;

mod running;
