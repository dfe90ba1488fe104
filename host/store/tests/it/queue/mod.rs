//! The task queue: what every adapter promises, and what the one in Redis keeps when workers, engines, connections and the server itself go away.

mod stage;

mod context;
mod copies;
mod cuts;
mod desk;
mod ended;
mod engines;
mod fairness;
mod groups;
mod handover;
mod outages;
mod refusals;
mod repair;
mod workers;
