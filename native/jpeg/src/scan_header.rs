//! What the header of a scan says.

/// A scan header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ScanHeader {
    /// Index into the frame's components, DC table, AC table.
    pub components: Vec<(usize, u8, u8)>,
    /// First and last position of the band.
    pub start: u32,
    pub end: u32,
    /// The bit that earlier scans stopped at (0 for the first one of a band), and this one's.
    pub high: u32,
    pub low: u32,
    /// Where the entropy-coded data begins.
    pub data: usize,
}

impl ScanHeader {
    pub(crate) fn has(&self, component: usize) -> bool {
        self.components.iter().any(|&(index, ..)| index == component)
    }

    /// A bit for each position of its band.
    pub(crate) fn positions(&self) -> u64 {
        u64::MAX << self.start & u64::MAX >> (63 - self.end)
    }
}
