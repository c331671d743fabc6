//! For each anomaly a made-up history that shows it and nothing else, and histories that look odd
//! and are right.

mod clean;
mod cycles;
mod flagged;
mod tale;
