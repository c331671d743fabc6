//! What is looked for, a file a question.

pub(crate) mod consumed_twice;
pub(crate) mod cycles;
pub(crate) mod logs;
pub(crate) mod missing;
pub(crate) mod offsets;
pub(crate) mod poll_order;
pub(crate) mod reads;
pub(crate) mod send_order;
