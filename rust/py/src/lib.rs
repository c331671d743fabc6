//! The Python module: the only crate that knows Python. Here is its table of contents.

#![expect(clippy::needless_pass_by_value, reason = "pyo3 hands arguments over by value")]

mod admin;
mod batch;
mod broker;
mod broker_metrics;
mod callbacks;
mod capsule;
mod command;
mod consumer;
mod cursor;
mod delivery;
mod error;
mod fork;
mod log;
mod message;
mod payload;
mod producer;
mod runtime;
mod table;
mod write;

use pyo3::pymodule;

/// The native part of `ottla`; private, `ottla` is its face.
#[pymodule(gil_used = false)]
mod _core {
    use pyo3::types::{PyModule, PyModuleMethods};
    use pyo3::{Bound, PyResult};

    #[pymodule_export]
    use crate::admin::{Admin, Groups, Transactions};
    #[pymodule_export]
    use crate::batch::Batch;
    #[pymodule_export]
    use crate::broker::Broker;
    #[pymodule_export]
    use crate::command::run_command;
    #[pymodule_export]
    use crate::consumer::Consumer;
    #[pymodule_export]
    use crate::delivery::{Delivered, Delivery};
    #[pymodule_export]
    use crate::fork::after_fork_in_child;
    #[pymodule_export]
    use crate::log::start_logging;
    #[pymodule_export]
    use crate::message::Message;
    #[pymodule_export]
    use crate::producer::Producer;
    #[pymodule_export]
    use crate::runtime::drain;
    #[pymodule_export]
    use crate::table::{table_schema, table_stream};

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        module.add("__version__", env!("CARGO_PKG_VERSION"))
    }
}
