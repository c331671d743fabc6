//! A log directory over a faulty disk, its machines stepped by hand.

mod captured_log;
mod cleaning;
mod fixture;
mod lifecycle;
mod pipeline;
mod threads;
