//! Cluster metadata as a pure machine: records, image and the controller's decisions.
