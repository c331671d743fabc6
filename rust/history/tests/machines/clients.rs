//! The clients: the real machines of `client-core` with the least around them that a program needs,
//! and programs that use them.

mod alarm;
mod consumer;
mod job;
mod loader;
mod producer;
mod program;
mod reader;

pub(crate) use consumer::ConsumerClient;
pub(crate) use job::Job;
pub(crate) use loader::Loader;
pub(crate) use program::Program;
pub(crate) use reader::{GROUP, Reader};
