//! Placeholder.
use base::ByteSource;
use bytes::Bytes;
use std::sync::Arc;
#[derive(Debug, Clone)]
pub enum Part {
    Bytes(Bytes),
    Source(Arc<dyn ByteSource>),
}
#[derive(Debug, Clone, Default)]
pub struct Frame {
    pub parts: Vec<Part>,
}
impl Frame {
    pub fn len(&self) -> usize {
        self.parts
            .iter()
            .map(|p| match p {
                Part::Bytes(b) => b.len(),
                Part::Source(s) => s.len(),
            })
            .sum()
    }
    pub fn into_parts(self) -> Vec<Part> {
        self.parts
    }
}
