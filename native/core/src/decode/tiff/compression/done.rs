//! What each decompressor answers with.

/// What was taken of the input, and written of the output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) struct Done {
    pub consumed: usize,
    pub produced: usize,
}
