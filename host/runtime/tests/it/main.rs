//! The runtime as the engine uses it, with real components in it.

mod kit;
mod text;

mod running;

mod context;
mod logging;
mod outside;

mod limits;
mod outcomes;

mod cancelling;
mod crowds;
mod registering;
mod remote;
mod sharing;

mod every_guest;
